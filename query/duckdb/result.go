//go:build duckdb_arrow

package duckdb

import (
	"bufio"
	"context"
	"database/sql"
	"io"
	"os"

	"github.com/apache/arrow-go/v18/arrow"
	duck "github.com/duckdb/duckdb-go/v2"

	"flowlake/fault"
	"flowlake/query"
)

// answer runs the job's statement and writes its rows.
func (w *worker) answer(job query.Job, out *os.File) (result query.Result, err error) {
	err = w.raw(func(c *duck.Conn) error {
		a, err := duck.NewArrowFromConn(c)
		if err != nil {
			return err
		}
		reader, err := a.QueryContext(context.Background(), job.SQL)
		if err != nil {
			return err
		}
		defer reader.Release()
		schema := reader.Schema()
		if result.Columns, err = resultColumns(job, schema); err != nil {
			return err
		}
		p := newPrinter(out, result.Columns)
		if err := p.header(); err != nil {
			return err
		}
		if result.Rows, err = p.rows(reader); err != nil {
			return err
		}
		if err := reader.Err(); err != nil {
			return err
		}
		return p.flush()
	})
	return result, err
}

// onlySelect is the last of several fences: whatever the front end let through, one SELECT is all that runs.
// DuckDB's parser is asked without running anything, because the driver's Prepare runs every statement but the last.
func onlySelect(w *worker, statement string) error {
	var failed, message sql.NullString
	var statements sql.NullInt64
	err := w.conn.QueryRowContext(context.Background(), `SELECT json_extract_string(j, '$.error'), json_array_length(j, '$.statements'),
		json_extract_string(j, '$.error_message') FROM (SELECT json_serialize_sql(`+literal(statement)+`) AS j)`).Scan(&failed, &statements, &message)
	switch {
	case err != nil:
		return fault.Newf(fault.Internal, "query engine", "%w", err)
	case failed.String != "false":
		return fault.Newf(fault.Internal, "query", "the translated statement is no SELECT: %s", message.String)
	case statements.Int64 != 1:
		return fault.Newf(fault.Internal, "query", "the translated statement is several")
	}
	return nil
}

// resultColumns are the columns that the job announces, or else what the engine's types are called in Athena.
func resultColumns(job query.Job, schema *arrow.Schema) ([]query.ResultColumn, error) {
	if job.Columns != nil {
		if len(job.Columns) != schema.NumFields() {
			return nil, fault.Newf(fault.Internal, "query", "%d columns where %d were announced", schema.NumFields(), len(job.Columns))
		}
		return job.Columns, nil
	}
	columns := make([]query.ResultColumn, schema.NumFields())
	for i, f := range schema.Fields() {
		columns[i] = athenaColumn(f)
	}
	return columns, nil
}

// bufferBytes is how much of a result is gathered before it is written.
const bufferBytes = 256 << 10

// printer writes rows as Athena's CSV.
type printer struct {
	out     *bufio.Writer
	columns []query.ResultColumn
	line    []byte
}

func newPrinter(out io.Writer, columns []query.ResultColumn) *printer {
	return &printer{out: bufio.NewWriterSize(out, bufferBytes), columns: columns}
}

func (p *printer) header() error {
	for i, c := range p.columns {
		if i > 0 {
			p.line = append(p.line, ',')
		}
		p.line = appendQuoted(p.line, c.Name)
	}
	_, err := p.out.Write(append(p.line, '\n'))
	return err
}

// batches is the part of an Arrow reader that rows needs.
type batches interface {
	Next() bool
	RecordBatch() arrow.RecordBatch
}

// rows writes every row of r. Batches are made on one goroutine and printed on another.
func (p *printer) rows(r batches) (rows int64, err error) {
	const ahead = 4
	queue := make(chan arrow.RecordBatch, ahead)
	stop := make(chan struct{})
	go func() {
		defer close(queue)
		for r.Next() {
			b := r.RecordBatch()
			b.Retain()
			select {
			case queue <- b:
			case <-stop:
				b.Release()
				return
			}
		}
	}()
	defer func() { // r must not be in use when we return
		close(stop)
		for b := range queue {
			b.Release()
		}
	}()
	for b := range queue {
		err := p.batch(b)
		rows += b.NumRows()
		b.Release()
		if err != nil {
			return rows, fault.Newf(fault.Unavailable, "query result", "%w", err)
		}
	}
	return rows, nil
}

func (p *printer) batch(b arrow.RecordBatch) error {
	cells := make([]cell, b.NumCols())
	for i := range cells {
		cells[i] = cellOf(b.Column(i), p.columns[i].Type)
	}
	line := p.line[:0]
	for row := range int(b.NumRows()) {
		for i := range cells {
			if i > 0 {
				line = append(line, ',')
			}
			if cells[i].array.IsNull(row) {
				continue
			}
			line = append(line, '"')
			if cells[i].quotes {
				start := len(line)
				line = doubleQuotes(cells[i].print(line, row), start)
			} else {
				line = cells[i].print(line, row)
			}
			line = append(line, '"')
		}
		line = append(line, '\n')
		if len(line) >= 32<<10 {
			if _, err := p.out.Write(line); err != nil {
				return err
			}
			line = line[:0]
		}
	}
	p.line = line
	_, err := p.out.Write(line)
	return err
}

func (p *printer) flush() error {
	if err := p.out.Flush(); err != nil {
		return fault.Newf(fault.Unavailable, "query result", "%w", err)
	}
	return nil
}

// appendQuoted appends s in quotes, with those inside doubled.
func appendQuoted(b []byte, s string) []byte {
	b = append(b, '"')
	start := len(b)
	return append(doubleQuotes(append(b, s...), start), '"')
}

// doubleQuotes doubles the quotes in b from start on.
func doubleQuotes(b []byte, start int) []byte {
	n := 0
	for _, c := range b[start:] {
		if c == '"' {
			n++
		}
	}
	if n == 0 {
		return b
	}
	end := len(b)
	for range n {
		b = append(b, 0)
	}
	for from, to := end-1, len(b)-1; to > from; from-- {
		b[to] = b[from]
		to--
		if b[from] == '"' {
			b[to] = '"'
			to--
		}
	}
	return b
}
