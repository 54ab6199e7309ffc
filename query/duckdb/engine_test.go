//go:build duckdb_arrow

package duckdb

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"flowlake/query"
)

// TestMain makes this test's own binary the worker, as flowlake is its own.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "worker" {
		if err := Worker(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if len(os.Args) > 2 && os.Args[1] == "helper" {
		os.Exit(helpers[os.Args[2]](os.Args[3:]))
	}
	os.Exit(m.Run())
}

// helpers are what else this binary does in a process of its own.
var helpers = map[string]func(args []string) int{}

// newEngine is an engine whose idle workers, if any, end with the test.
func newEngine(t testing.TB, idle int) *Engine {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	e := New(Config{Executable: self, Args: []string{"worker"}, Scratch: filepath.Join(t.TempDir(), "scratch"), Idle: idle,
		Log: slog.New(slog.NewTextHandler(testLog{t}, nil))})
	if idle > 0 {
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- e.Serve(ctx) }()
		t.Cleanup(func() {
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	} else {
		t.Cleanup(e.work.Wait)
	}
	return e
}

type testLog struct{ t testing.TB }

func (l testLog) Write(p []byte) (int, error) {
	l.t.Log(strings.TrimSpace(string(p)))
	return len(p), nil
}

// answerTo runs SQL over scans and returns the result's file.
func answerTo(t testing.TB, e *Engine, sql string, scans ...query.Scan) (string, query.Result, error) {
	t.Helper()
	job := query.Job{SQL: sql, Scans: scans, Output: filepath.Join(t.TempDir(), "out.csv"), Started: time.Now()}
	result, err := e.Run(t.Context(), job)
	if err != nil {
		if _, statErr := os.Stat(job.Output); statErr == nil {
			t.Errorf("%s failed and left its output", sql)
		}
		return "", result, err
	}
	text, err := os.ReadFile(job.Output)
	if err != nil {
		t.Fatal(err)
	}
	if got := int64(bytes.Count(text, []byte{'\n'})) - 1; got != result.Rows && !strings.Contains(sql, "chr(10)") {
		t.Errorf("%s: %d rows, %d lines", sql, result.Rows, got)
	}
	return string(text), result, nil
}

// write makes a file and says how a scan names it.
func write(t testing.TB, name string, data []byte) query.InputFile {
	t.Helper()
	path := filepath.Join(t.TempDir(), "object[1]*?")
	if err := os.WriteFile(path, data, 0o400); err != nil {
		t.Fatal(err)
	}
	return query.InputFile{Path: path, URL: "s3://lake/" + name, Size: int64(len(data))}
}

// scanOf is a scan of files without partitions; ddl is "a int, b string", all of it read.
func scanOf(format query.Format, ddl string, parameters map[string]string, files ...query.InputFile) query.Scan {
	s := query.Scan{Name: "t", Format: format, Parameters: parameters, Inputs: []query.Input{{Files: files}}}
	for part := range strings.SplitSeq(ddl, "; ") {
		column, typ, _ := strings.Cut(part, " ")
		s.Columns = append(s.Columns, query.ScanColumn{Name: column, Type: typ, Read: true})
	}
	return s
}

func lines(rows ...string) string { return strings.Join(rows, "\n") + "\n" }

func TestValuesAreSpelledAsInAthena(t *testing.T) {
	e := newEngine(t, 1)
	for _, tt := range []struct{ name, expression, want, typ string }{
		{"null", "CAST(NULL AS INTEGER)", "", "integer"},
		{"empty text", "''", `""`, "varchar"},
		{"quotes", `'a"b""'`, `"a""b"""""`, "varchar"},
		{"boolean", "true", `"true"`, "boolean"},
		{"tinyint", "CAST(-128 AS TINYINT)", `"-128"`, "tinyint"},
		{"bigint", "9223372036854775807", `"9223372036854775807"`, "bigint"},
		{"double: whole", "CAST(1 AS DOUBLE)", `"1.0"`, "double"},
		{"double: ten millions", "CAST(1e7 AS DOUBLE)", `"1.0E7"`, "double"},
		{"double: below ten millions", "CAST(1234567.5 AS DOUBLE)", `"1234567.5"`, "double"},
		{"double: a thousandth", "CAST(0.001 AS DOUBLE)", `"0.001"`, "double"},
		{"double: less", "CAST(0.000123 AS DOUBLE)", `"1.23E-4"`, "double"},
		{"double: large", "CAST(1e10 AS DOUBLE)", `"1.0E10"`, "double"},
		{"double: nan", "CAST('nan' AS DOUBLE)", `"NaN"`, "double"},
		{"double: infinity", "CAST('-inf' AS DOUBLE)", `"-Infinity"`, "double"},
		{"double: minus zero", "CAST('-0.0' AS DOUBLE)", `"-0.0"`, "double"},
		{"real", "CAST(3.14 AS FLOAT)", `"3.14"`, "float"},
		{"decimal", "CAST(1.5 AS DECIMAL(10,3))", `"1.500"`, "decimal"},
		{"decimal: negative fraction", "CAST(-0.05 AS DECIMAL(38,2))", `"-0.05"`, "decimal"},
		{"date", "DATE '2022-08-29'", `"2022-08-29"`, "date"},
		{"date: before 1970", "DATE '0099-01-01'", `"0099-01-01"`, "date"},
		{"timestamp", "TIMESTAMP '2022-08-29 00:00:00'", `"2022-08-29 00:00:00.000"`, "timestamp"},
		{"timestamp: before 1970", "TIMESTAMP '1969-12-31 23:59:59.25'", `"1969-12-31 23:59:59.250"`, "timestamp"},
		{"timestamp with time zone", "TIMESTAMPTZ '2022-08-29 00:00:00+09'", `"2022-08-28 15:00:00.000 UTC"`, "timestamp with time zone"},
		{"time", "TIME '01:02:03.5'", `"01:02:03.500"`, "time"},
		{"varbinary", "'he'::BLOB", `"68 65"`, "varbinary"},
		{"array", "[1, NULL, 3]", `"[1, null, 3]"`, "array"},
		{"array of text", `['a', 'b"c']`, `"[a, b""c]"`, "array"},
		{"map", "MAP {'k': 1, 'l': NULL}", `"{k=1, l=null}"`, "map"},
		{"row", "{'a': 1, 'b': [DATE '2022-01-01']}", `"{a=1, b=[2022-01-01]}"`, "row"},
		{"row without names", "row(1, 'x')", `"{field0=1, field1=x}"`, "row"},
		{"json, which Arrow calls text", `'{"a": 1}'::JSON`, `"{""a"": 1}"`, "varchar"},
		{"interval", "INTERVAL 26 HOUR", `"1 02:00:00.000"`, "interval day to second"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, result, err := answerTo(t, e, "SELECT "+tt.expression+" AS x")
			if err != nil {
				t.Fatal(err)
			}
			if want := "\"x\"\n" + tt.want + "\n"; got != want || result.Columns[0].Type != tt.typ {
				t.Errorf("got %q of type %s, want %q of type %s", got, result.Columns[0].Type, want, tt.typ)
			}
		})
	}
}

func TestAnnouncedColumnsNameTheResult(t *testing.T) {
	e := newEngine(t, 0)
	job := query.Job{SQL: "SELECT 1 AS a, '{}'::JSON AS b", Output: filepath.Join(t.TempDir(), "out.csv"),
		Columns: []query.ResultColumn{{Name: "_col0", Type: "integer"}, {Name: "x", Type: "json"}}}
	result, err := e.Run(t.Context(), job)
	if err != nil || result.Columns[1] != job.Columns[1] {
		t.Fatalf("%+v, %v", result, err)
	}
	if text, err := os.ReadFile(job.Output); err != nil || string(text) != lines(`"_col0","x"`, `"1","{}"`) {
		t.Errorf("%q, %v", text, err)
	}
	if _, err := e.Run(t.Context(), job); err == nil {
		t.Error("an output that is there already was overwritten")
	}
	if _, err := os.Stat(job.Output); err != nil {
		t.Errorf("an output that is there already was removed: %v", err)
	}
}

func TestDoubleQuotes(t *testing.T) {
	for _, tt := range []struct{ in, want string }{{"", ""}, {"a", "a"}, {`"`, `""`}, {`"a"b""`, `""a""b""""`}} {
		if got := string(doubleQuotes([]byte(`"x`+tt.in), 2)); got != `"x`+tt.want {
			t.Errorf("doubleQuotes(%q) = %q, want %q", tt.in, got, `"x`+tt.want)
		}
	}
}
