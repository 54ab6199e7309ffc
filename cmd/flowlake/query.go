package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/athena"
	"github.com/aws/aws-sdk-go-v2/service/athena/types"
	"github.com/spf13/cobra"
	"golang.org/x/term"
)

func queryCommand() *cobra.Command {
	var (
		t                                   target
		file, output, database, group, into string
	)
	c := &cobra.Command{
		Use:   "query [SQL | --file FILE]",
		Short: "Run one SQL statement and print its rows",
		Long: `Runs one statement through Athena's API and prints its rows: as a table, as CSV, or as one JSON
object a row (--output). On a terminal a table leaves out the columns that do not fit, and says so.
Ctrl-C stops the query on the server too.`,
		Example: `  flowlake query "SELECT srcaddr, sum(bytes) AS total FROM vpcflowlogs GROUP BY srcaddr ORDER BY total DESC LIMIT 10" --database vpc_flow_logs_db
  flowlake query --output csv --file top-talkers.sql > top.csv
  echo "SHOW TABLES" | flowlake query --file - --database vpc_flow_logs_db`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if output != "table" && output != "csv" && output != "json" {
				return usagef("--output is table, csv or json, not %q", output)
			}
			text, err := statement(c.InOrStdin(), args, file)
			if err != nil {
				return err
			}
			cfg, err := t.config()
			if err != nil {
				return err
			}
			q := &queryRun{client: athena.NewFromConfig(cfg), database: database, workgroup: group, location: into}
			id, err := q.start(c.Context(), text)
			if err != nil {
				return asNoServer(err)
			}
			if err := q.wait(c.Context(), id); err != nil {
				return asNoServer(err)
			}
			return asNoServer(q.print(c.Context(), id, c.OutOrStdout(), output))
		},
	}
	t.flags(c)
	c.Flags().StringVar(&file, "file", "", "read the statement from a file, - for standard input")
	c.Flags().StringVar(&output, "output", "table", "table, csv or json (one object a row)")
	c.Flags().StringVar(&database, "database", "default", "the database of names without one")
	c.Flags().StringVar(&group, "workgroup", "primary", "the workgroup to run in")
	c.Flags().StringVar(&into, "result-location", "", "s3://bucket/prefix/ for the result (default: the workgroup's)")
	return c
}

func statement(stdin io.Reader, args []string, file string) (string, error) {
	var text []byte
	var err error
	switch {
	case len(args) == 1 && file == "":
		text = []byte(args[0])
	case len(args) == 0 && file == "-":
		text, err = io.ReadAll(stdin)
	case len(args) == 0 && file != "":
		text, err = os.ReadFile(file)
	}
	if err == nil && len(bytes.TrimSpace(text)) == 0 {
		err = usagef("give one statement, as an argument or with --file\nsee: flowlake query --help")
	}
	return string(text), err
}

// queryRun is one statement's way through Athena's API.
type queryRun struct {
	client                        *athena.Client
	database, workgroup, location string
}

func (q *queryRun) start(ctx context.Context, text string) (id string, err error) {
	in := &athena.StartQueryExecutionInput{
		QueryString:           &text,
		WorkGroup:             &q.workgroup,
		QueryExecutionContext: &types.QueryExecutionContext{Database: &q.database},
	}
	if q.location != "" {
		in.ResultConfiguration = &types.ResultConfiguration{OutputLocation: &q.location}
	}
	out, err := q.client.StartQueryExecution(ctx, in)
	if err != nil {
		return "", err
	}
	return aws.ToString(out.QueryExecutionId), nil
}

// wait returns when the query has succeeded, and its reason when it has not. A caller that gives up
// takes the query with it.
func (q *queryRun) wait(ctx context.Context, id string) error {
	pause := 2 * time.Millisecond
	for {
		out, err := q.client.GetQueryExecution(ctx, &athena.GetQueryExecutionInput{QueryExecutionId: &id})
		if ctx.Err() != nil {
			stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
			defer cancel()
			if _, err := q.client.StopQueryExecution(stop, &athena.StopQueryExecutionInput{QueryExecutionId: &id}); err != nil {
				return fmt.Errorf("interrupted; query %s may still run: %w", id, err)
			}
			return &exitError{exitInterrupt, fmt.Errorf("interrupted; query %s is stopped", id)}
		}
		if err != nil {
			return err
		}
		switch s := out.QueryExecution.Status; s.State {
		case types.QueryExecutionStateSucceeded:
			return nil
		case types.QueryExecutionStateFailed, types.QueryExecutionStateCancelled:
			reason := aws.ToString(s.StateChangeReason)
			if reason == "" {
				reason = "query " + strings.ToLower(string(s.State))
			}
			return errors.New(reason)
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
			pause = min(pause*2, 250*time.Millisecond)
		}
	}
}

// print writes the result page by page, never holding more than one (a table holds its first page to
// size its columns).
func (q *queryRun) print(ctx context.Context, id string, w io.Writer, output string) error {
	var out rowWriter
	var columns []types.ColumnInfo
	first := true
	pages := athena.NewGetQueryResultsPaginator(q.client, &athena.GetQueryResultsInput{QueryExecutionId: &id, MaxResults: aws.Int32(1000)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		rows := page.ResultSet.Rows
		if first {
			if m := page.ResultSet.ResultSetMetadata; m != nil {
				columns = m.ColumnInfo
			}
			if len(rows) > 0 && isLabels(rows[0], columns) {
				rows = rows[1:]
			}
			out = newRowWriter(w, output, columns)
			first = false
		}
		for _, r := range rows {
			if err := out.row(cells(r.Data, len(columns))); err != nil {
				return err
			}
		}
		if err := out.flush(); err != nil {
			return err
		}
	}
	if out == nil {
		return nil
	}
	return out.end()
}

// cells takes a row of a utility statement apart: Athena answers DESCRIBE with one value a row, in which
// tabs separate the columns and blanks pad them.
func cells(data []types.Datum, columns int) []types.Datum {
	if len(data) != 1 || columns < 2 || data[0].VarCharValue == nil {
		return data
	}
	parts := strings.SplitN(*data[0].VarCharValue, "\t", columns)
	out := make([]types.Datum, columns)
	for i := range out {
		out[i].VarCharValue = aws.String("")
		if i < len(parts) {
			out[i].VarCharValue = aws.String(strings.TrimRight(parts[i], " \t"))
		}
	}
	return out
}

// isLabels tells the row of column labels, with which a SELECT's first page begins, from data: DDL and
// utility statements have none.
func isLabels(r types.Row, columns []types.ColumnInfo) bool {
	if len(columns) == 0 || len(r.Data) != len(columns) {
		return false
	}
	for i, d := range r.Data {
		if d.VarCharValue == nil || *d.VarCharValue != aws.ToString(columns[i].Name) {
			return false
		}
	}
	return true
}

type rowWriter interface {
	row([]types.Datum) error
	flush() error // what was given so far is written
	end() error
}

func newRowWriter(w io.Writer, output string, columns []types.ColumnInfo) rowWriter {
	switch output {
	case "csv":
		c := &csvRows{w: csv.NewWriter(w)}
		if labels := names(columns); len(labels) > 0 {
			c.err = c.w.Write(labels)
		}
		return c
	case "json":
		return &jsonRows{w: w, columns: columns}
	}
	t := &tableRows{w: w, columns: columns}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil {
			t.width = width
		}
	}
	return t
}

func names(columns []types.ColumnInfo) (out []string) {
	for _, c := range columns {
		out = append(out, aws.ToString(c.Name))
	}
	return out
}

// csvRows writes CSV as spreadsheets read it; NULL is an empty field.
type csvRows struct {
	w   *csv.Writer
	err error
}

func (c *csvRows) row(data []types.Datum) error {
	if c.err != nil {
		return c.err
	}
	fields := make([]string, len(data))
	for i, d := range data {
		fields[i] = aws.ToString(d.VarCharValue)
	}
	return c.w.Write(fields)
}

func (c *csvRows) flush() error { c.w.Flush(); return errors.Join(c.err, c.w.Error()) }
func (c *csvRows) end() error   { return c.flush() }

// jsonRows writes one object a row, its members in the columns' order: numbers and booleans as such,
// everything else as Athena's text, NULL as null.
type jsonRows struct {
	w       io.Writer
	columns []types.ColumnInfo
	buf     []byte
}

func (j *jsonRows) row(data []types.Datum) error {
	j.buf = append(j.buf, '{')
	for i, d := range data {
		if i > 0 {
			j.buf = append(j.buf, ',')
		}
		name, kind := fmt.Sprintf("_col%d", i), ""
		if i < len(j.columns) {
			name, kind = aws.ToString(j.columns[i].Name), aws.ToString(j.columns[i].Type)
		}
		label, err := json.Marshal(name)
		if err != nil {
			return err
		}
		j.buf = append(append(j.buf, label...), ':')
		switch v := d.VarCharValue; {
		case v == nil:
			j.buf = append(j.buf, "null"...)
		case bareInJSON(kind) && json.Valid([]byte(*v)):
			j.buf = append(j.buf, *v...)
		default:
			text, err := json.Marshal(*v)
			if err != nil {
				return err
			}
			j.buf = append(j.buf, text...)
		}
	}
	j.buf = append(j.buf, '}', '\n')
	return nil
}

func bareInJSON(kind string) bool {
	switch kind {
	case "boolean", "tinyint", "smallint", "integer", "bigint", "float", "real", "double", "decimal":
		return true
	}
	return false
}

func (j *jsonRows) flush() error {
	_, err := j.w.Write(j.buf)
	j.buf = j.buf[:0]
	return err
}

func (j *jsonRows) end() error { return j.flush() }
