//go:build duckdb_arrow

package duckdb

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"flowlake/fault"
	"flowlake/query"
)

// behind hides the rows of a scan that a condition does not take.
func behind(s query.Scan, condition string) query.Scan {
	s.Barrier = &query.Barrier{Name: s.Name + "_seen", SQL: "SELECT a FROM " + s.Name + " AS b WHERE " + condition}
	return s
}

// TestAStatementRunsOnWhatIsSeenOnly claims: in every format a condition, an error or a function of the statement meets no
// row that a barrier hides, nor can the statement go around it.
func TestAStatementRunsOnWhatIsSeenOnly(t *testing.T) {
	e := newEngine(t, 2)
	rows := []int{1, 2, 0, 3}
	var text, js strings.Builder
	for _, n := range rows {
		fmt.Fprintln(&text, n)
		fmt.Fprintf(&js, `{"a":%d}`+"\n", n)
	}
	scans := map[string]query.Scan{
		"parquet":   scanOf(query.Parquet, "a int", nil, write(t, "k", parquetFile(t, intColumn, `{"a":1}`, `{"a":2}`, `{"a":0}`, `{"a":3}`))),
		"delimited": scanOf(query.Delimited, "a int", nil, write(t, "k", []byte(text.String()))),
		"json":      scanOf(query.JSON, "a int", nil, write(t, "k", []byte(js.String()))),
		"empty":     scanOf(query.Parquet, "a int", nil),
	}
	for format, s := range scans {
		t.Run(format, func(t *testing.T) {
			for _, c := range []struct{ sql, want string }{
				{"SELECT count(*) AS n, min(a) AS m FROM t_seen", lines(`"n","m"`, `"2","1"`)},
				{"SELECT a FROM t_seen WHERE CASE WHEN a = 0 THEN error('DIVISION_BY_ZERO: Division by zero') ELSE true END ORDER BY a", lines(`"a"`, `"1"`, `"2"`)},
				{"SELECT count(*) AS n FROM t_seen x, t_seen y WHERE x.a <> 3 OR CAST('x' AS INTEGER) = y.a", lines(`"n"`, `"4"`)},
			} {
				want := c.want
				if format == "empty" {
					want = map[bool]string{true: lines(`"n","m"`, `"0",`), false: ""}[strings.Contains(c.sql, "min(a)")]
				}
				got, _, err := answerTo(t, e, c.sql, behind(s, "a > 0 AND a < 3"))
				if err != nil || want != "" && got != want {
					t.Errorf("%s: got %q, %v, want %q", c.sql, got, err, want)
				}
			}
			for _, sql := range []string{"SELECT a FROM t", "SELECT * FROM __flowlake_rows_0", "SELECT * FROM __flowlake_stream_0", "SELECT sql FROM duckdb_views() v, t"} {
				if got, _, err := answerTo(t, e, sql, behind(s, "a > 0 AND a < 3")); err == nil {
					t.Errorf("%s: %q", sql, got)
				}
			}
		})
	}
	t.Run("beside another table", func(t *testing.T) {
		open := scanOf(query.Delimited, "a int", nil, write(t, "k2", []byte("1\n3\n")))
		open.Name = "u"
		for _, format := range []string{"parquet", "delimited"} {
			got, _, err := answerTo(t, e, "SELECT u.a, t_seen.a AS seen FROM u LEFT JOIN t_seen ON u.a = t_seen.a ORDER BY u.a", behind(scans[format], "a > 0 AND a < 3"), open)
			if want := lines(`"a","seen"`, `"1","1"`, `"3",`); err != nil || got != want {
				t.Errorf("%s: got %q, %v, want %q", format, got, err, want)
			}
		}
	})
}

// TestAHiddenFailureIsTheLogs claims: what cannot be read behind a barrier is told without a value or a file, and the log
// has it all.
func TestAHiddenFailureIsTheLogs(t *testing.T) {
	e := newEngine(t, 0)
	var log bytes.Buffer
	e.cfg.Log = slog.New(slog.NewTextHandler(&log, nil))
	text := write(t, "hidden-partition/k", parquetFile(t, intColumn, `{"a":41}`))
	for _, s := range []query.Scan{
		behind(scanOf(query.Parquet, "a string", nil, text), "true"),
		behind(scanOf(query.Parquet, "a int", nil, text), "1/(a-41) > 0 AND CAST(error('the secret is 41') AS BOOLEAN)"),
	} {
		log.Reset()
		_, _, err := answerTo(t, e, "SELECT a FROM t_seen", s)
		if !fault.Is(err, fault.Invalid) || strings.Contains(err.Error(), "41") || strings.Contains(err.Error(), "hidden") {
			t.Errorf("got %v", err)
		}
		if !strings.Contains(log.String(), "rows behind a row filter not read") || !strings.Contains(log.String(), "41") && !strings.Contains(log.String(), "hidden-partition") {
			t.Errorf("the log says %s", log.String())
		}
	}
}
