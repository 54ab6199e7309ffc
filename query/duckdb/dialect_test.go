//go:build duckdb_arrow

package duckdb

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"flowlake/fault"
	"flowlake/query"
	"flowlake/query/sql"
	"flowlake/query/sql/translate"
)

// oneTable is a catalogue of one table, logs.t.
type oneTable struct{ scan query.Scan }

func (c oneTable) Relation(_ context.Context, _, name string) (translate.Relation, error) {
	if name != "t" {
		return translate.Relation{}, fault.Newf(fault.NotFound, "table "+name, "no such table")
	}
	var r translate.Relation
	for _, col := range c.scan.Columns {
		r.Columns = append(r.Columns, translate.Column{Name: col.Name, Type: col.Type})
	}
	for _, col := range c.scan.Keys {
		r.Keys = append(r.Keys, translate.Column{Name: col.Name, Type: col.Type})
	}
	return r, nil
}

// athena runs a statement of Athena's through the front end and the engine.
func athena(t testing.TB, e *Engine, text string, scan query.Scan) (string, error) {
	t.Helper()
	statement, err := sql.Parse(text)
	if err != nil {
		return "", err
	}
	plan, err := translate.Query(t.Context(), statement.(*sql.Query), text, oneTable{scan}, translate.Options{Database: "logs", Now: time.Date(2022, 8, 29, 1, 2, 3, 0, time.UTC)})
	if err != nil {
		return "", err
	}
	job := query.Job{SQL: plan.SQL, Output: filepath.Join(t.TempDir(), "out.csv")}
	for _, table := range plan.Tables {
		s := scan
		s.Name = table.Scan
		job.Scans = append(job.Scans, s)
	}
	for _, c := range plan.Columns {
		job.Columns = append(job.Columns, query.ResultColumn{Name: c.Name, Type: c.Type, Precision: c.Precision, Scale: c.Scale, Nullable: "UNKNOWN"})
	}
	if _, err := e.Run(t.Context(), job); err != nil {
		return "", err
	}
	out, err := os.ReadFile(job.Output)
	if err != nil {
		t.Fatal(err)
	}
	_, rows, _ := strings.Cut(string(out), "\n")
	return strings.TrimSuffix(rows, "\n"), nil
}

// TestAthenaStatements runs the front end's translation in a worker: the macros, the functions written in Go
// and the settings that they count on.
func TestAthenaStatements(t *testing.T) {
	e := newEngine(t, 2)
	flows := scanOf(query.Delimited, "srcaddr string; dstport int; bytes bigint; action string; start bigint", map[string]string{"field.delim": " "},
		write(t, "k", []byte("10.0.0.1 443 100 ACCEPT 1661734923\n10.0.0.2 22 - REJECT 1661734924\n10.0.0.1 443 50 ACCEPT 1661734925\n")))
	for _, tt := range []struct{ name, sql, want, err string }{
		{"top talkers", "SELECT srcaddr, sum(bytes) AS total FROM t WHERE action = 'ACCEPT' GROUP BY srcaddr ORDER BY total DESC LIMIT 10", `"10.0.0.1","150"`, ""},
		{"times of records", "SELECT from_unixtime(min(start)) FROM t", `"2022-08-29 01:02:03.000 UTC"`, ""},
		{"now", "SELECT current_date, date_diff('day', DATE '2022-08-01', current_date)", `"2022-08-29","28"`, ""},
		{"integer division", "SELECT 5 / 2, 5 / 2.0, -5 % 3", `"2","2.5","-2"`, ""},
		{"division by zero", "SELECT 1 / (dstport - dstport) FROM t", "", "DIVISION_BY_ZERO: Division by zero"},
		{"casts", "SELECT CAST('x' || srcaddr AS integer) FROM t", "", "INVALID_CAST_ARGUMENT: Cannot cast 'x10.0.0.1' to INT"},
		{"try", "SELECT try_cast('x' AS integer), try(1 / 0)", `,`, ""},
		{"overflow", "SELECT max(bytes) + 9223372036854775807 FROM t", "", "NUMERIC_VALUE_OUT_OF_RANGE: bigint addition overflow"},
		{"regular expressions", "SELECT regexp_extract('port 443', '\\d+'), regexp_replace('aXbX', 'X', '-'), regexp_extract('a', 'b')", `"443","a-b-",`, ""},
		{"addresses in networks", "SELECT count_if(contains('10.0.0.0/31', CAST(srcaddr AS ipaddress))) FROM t", `"2"`, ""},
		{"arrays and maps", "SELECT array_agg(DISTINCT action), map_agg(srcaddr, action) FROM t WHERE dstport = 22", `"[REJECT]","{10.0.0.2=REJECT}"`, ""},
		{"windows", "SELECT dstport, row_number() OVER (PARTITION BY dstport ORDER BY bytes) AS r FROM t ORDER BY 1, 2", "\"22\",\"1\"\n\"443\",\"1\"\n\"443\",\"2\"", ""},
		{"doubles", "SELECT avg(bytes), sum(bytes) / 0e0 FROM t", `"75.0","Infinity"`, ""},
		{"two uses of a table", "SELECT count(*) FROM t a JOIN t b ON a.srcaddr = b.srcaddr WHERE a.bytes > 60", `"2"`, ""},
		{"json", "SELECT json_extract_scalar('{\"a\": [1, \"x\"]}', '$.a[1]')", `"x"`, ""},
		{"approximate", "SELECT approx_distinct(srcaddr) FROM t", `"2"`, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := athena(t, e, tt.sql, flows)
			if tt.err != "" {
				if !fault.Is(err, fault.Invalid) || !strings.HasPrefix(err.Error(), tt.err) {
					t.Fatalf("%s: got %q, %v; want %q", tt.sql, got, err, tt.err)
				}
				return
			}
			if err != nil || got != tt.want {
				t.Fatalf("%s: got %q, %v; want %q", tt.sql, got, err, tt.want)
			}
		})
	}
}
