//go:build duckdb_arrow

package duckdb

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"flowlake/query"
)

// TestStreamsAnswerAsTablesDo runs statements over a stream of text as settle decides, and over the temporary
// table that is always right.
func TestStreamsAnswerAsTablesDo(t *testing.T) {
	var text strings.Builder
	for i := range 20000 {
		fmt.Fprintf(&text, "%d v%d %d\n", i, i%7, i%100)
	}
	file := write(t, "k", []byte(text.String()))
	run := func(sql string, materialise bool) (string, bool) {
		t.Helper()
		dir := t.TempDir()
		w, err := open(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer w.db.Close()
		defer w.conn.Close()
		w.materialise = materialise
		if err := w.exec("SET threads = 4"); err != nil {
			t.Fatal(err)
		}
		s := scanOf(query.Delimited, "a int; b string; c bigint", map[string]string{"field.delim": " "}, file)
		s.Keys = []query.ScanColumn{{Name: "k", Type: "string", Read: true}}
		s.Inputs = []query.Input{{Values: []string{"x"}, Files: []query.InputFile{file}}, {Values: []string{"y"}, Files: []query.InputFile{file}}}
		job := query.Job{SQL: sql, Scans: []query.Scan{s}}
		if w.places, err = place(filepath.Join(dir, "in"), job); err != nil {
			t.Fatal(err)
		}
		if err := w.scan(0, &job); err != nil {
			t.Fatal(err)
		}
		if err := w.settle(job); err != nil {
			t.Fatal(err)
		}
		direct := !w.sources[0].stream.begun
		out, err := os.Create(filepath.Join(dir, "out"))
		if err != nil {
			t.Fatal(err)
		}
		defer out.Close()
		if _, err := w.answer(job, out); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		got, err := os.ReadFile(out.Name())
		if err != nil {
			t.Fatal(err)
		}
		return string(got), direct
	}
	for _, tt := range []struct {
		sql    string
		direct bool
	}{
		{"SELECT count(*) FROM t", true},
		{"SELECT sum(c), max(k) FROM t WHERE b = 'v3' AND a % 2 = 0", true},
		{"SELECT b, count(*) AS n FROM t WHERE k = 'y' GROUP BY b ORDER BY b", true},
		{"SELECT a, k FROM t WHERE a < 3 ORDER BY a, k", true},
		{"SELECT b FROM t WHERE a = 5 LIMIT 1", true},
		{"SELECT 1 AS x FROM t WHERE a = 5 LIMIT 1", true},
		{"SELECT count(DISTINCT b), approx_count_distinct(k) FROM t", true},
		{"SELECT a, row_number() OVER (PARTITION BY b ORDER BY a, k) AS r FROM t ORDER BY a DESC, k LIMIT 5", true},
		{"SELECT * FROM (SELECT b, max(a) AS m FROM t GROUP BY b) WHERE m > 19995 ORDER BY b", true},
		{"SELECT b, grouping(b) AS g, count(*) AS n FROM t GROUP BY ROLLUP (b) ORDER BY b", true},
		{"SELECT count(*) FROM t x JOIN t y ON x.a = y.a", false},
		{"WITH c AS MATERIALIZED (SELECT a FROM t) SELECT count(*) FROM c WHERE a = (SELECT max(a) FROM c)", false},
		{"SELECT a FROM t WHERE a > (SELECT avg(a) + 9998 FROM t) ORDER BY a, k", false},
		{"SELECT count(*) FROM t WHERE a IN (SELECT c FROM t)", false},
		{"SELECT a FROM t WHERE a = 1 UNION ALL SELECT c FROM t WHERE c = 1 AND a = 1", false},
		{"WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 3 AND EXISTS (SELECT 1 FROM t WHERE a = n)) SELECT count(*) FROM r", false},
	} {
		t.Run(clip(tt.sql), func(t *testing.T) {
			got, direct := run(tt.sql, false)
			want, _ := run(tt.sql, true)
			if got != want || direct != tt.direct {
				t.Errorf("%s: direct %v, got %q, from a table %q", tt.sql, direct, got, want)
			}
		})
	}
}
