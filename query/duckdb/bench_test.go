//go:build duckdb_arrow

package duckdb

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"flowlake/query"
)

// flowRows makes a Parquet table of n flow records with DuckDB itself.
func flowRows(tb testing.TB, n int) query.InputFile {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "flows.parquet")
	db, err := sql.Open("duckdb", "")
	if err != nil {
		tb.Fatal(err)
	}
	defer db.Close()
	_, err = db.Exec(fmt.Sprintf(`COPY (SELECT 2::INTEGER AS version, '10.0.' || (hash(i) %% 200) || '.' || (hash(i+1) %% 250) AS srcaddr,
		'172.31.' || (hash(i+2) %% 20) || '.' || (hash(i+3) %% 250) AS dstaddr, (hash(i+4) %% 65536)::INTEGER AS dstport,
		(hash(i+5) %% 100000)::BIGINT AS bytes, CASE WHEN hash(i+6) %% 10 = 0 THEN 'REJECT' ELSE 'ACCEPT' END AS action FROM range(%d) t(i)) TO '%s' (FORMAT parquet)`, n, path))
	if err != nil {
		tb.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		tb.Fatal(err)
	}
	return query.InputFile{Path: path, URL: "s3://lake/flows", Size: info.Size()}
}

const flowDDL = "version int; srcaddr string; dstaddr string; dstport int; bytes bigint; action string"

// BenchmarkParquet compares a query through a worker with DuckDB in this process.
func BenchmarkParquet(b *testing.B) {
	file := flowRows(b, 10_000_000)
	const body = "SELECT srcaddr, sum(bytes)::BIGINT AS total FROM %s WHERE action = 'REJECT' GROUP BY srcaddr ORDER BY total DESC, srcaddr LIMIT 10"
	b.Run("worker", func(b *testing.B) {
		e := newEngine(b, 2)
		for b.Loop() {
			if _, _, err := answerTo(b, e, fmt.Sprintf(body, "t"), scanOf(query.Parquet, flowDDL, nil, file)); err != nil {
				b.Fatal(err)
			}
			b.StopTimer()
			time.Sleep(600 * time.Millisecond) // the next worker gets ready
			b.StartTimer()
		}
	})
	b.Run("in-process", func(b *testing.B) {
		db, err := sql.Open("duckdb", "")
		if err != nil {
			b.Fatal(err)
		}
		defer db.Close()
		for b.Loop() {
			rows, err := db.QueryContext(context.Background(), fmt.Sprintf(body, "read_parquet('"+file.Path+"')"))
			if err != nil {
				b.Fatal(err)
			}
			for rows.Next() {
			}
			rows.Close()
			b.StopTimer()
			time.Sleep(600 * time.Millisecond)
			b.StartTimer()
		}
	})
}

// BenchmarkText decodes a million lines and counts them.
func BenchmarkText(b *testing.B) {
	line := "2 123456789010 eni-1235b8ca123456789 172.31.16.139 172.31.16.21 20641 22 6 20 4249 1418530010 1418530070 ACCEPT OK\n"
	const n = 1_000_000
	file := write(b, "k", []byte(strings.Repeat(line, n)))
	ddl := "version int; account_id string; interface_id string; srcaddr string; dstaddr string; srcport int; dstport int; protocol bigint; packets bigint; bytes bigint; start bigint; end bigint; action string; log_status string"
	grok := "%{INT:version:int} %{NOTSPACE:account_id} %{NOTSPACE:interface_id} %{NOTSPACE:srcaddr} %{NOTSPACE:dstaddr} %{INT:srcport:int} %{INT:dstport:int} %{INT:protocol} %{INT:packets} %{INT:bytes} %{INT:start} %{INT:end} %{WORD:action} %{WORD:log_status}"
	for _, bb := range []struct {
		name   string
		format query.Format
		params map[string]string
	}{{"delimited", query.Delimited, map[string]string{"field.delim": " "}}, {"grok", query.Grok, map[string]string{"input.format": grok}}} {
		b.Run(bb.name, func(b *testing.B) {
			e := newEngine(b, 2)
			for b.Loop() {
				if _, _, err := answerTo(b, e, "SELECT count(*), max(srcaddr), sum(bytes)::BIGINT, max(action), max(dstport) FROM t", scanOf(bb.format, ddl, bb.params, file)); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "lines/s")
		})
	}
}

// BenchmarkResult writes a million rows.
func BenchmarkResult(b *testing.B) {
	e := newEngine(b, 2)
	for b.Loop() {
		if _, _, err := answerTo(b, e, "SELECT i, 'text ' || i AS s, i / 7.0::DOUBLE AS d, TIMESTAMP '2022-08-29' + to_seconds(i) AS ts FROM range(1000000) t(i)"); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(1_000_000*b.N)/b.Elapsed().Seconds(), "rows/s")
}

// BenchmarkStart makes workers ready.
func BenchmarkStart(b *testing.B) {
	e := newEngine(b, 0)
	if err := e.clear(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		p, err := e.start()
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		p.end()
		b.StartTimer()
	}
}

// BenchmarkSmall is the least that a query takes when a worker is ready.
func BenchmarkSmall(b *testing.B) {
	e := newEngine(b, 2)
	file := write(b, "k", []byte("1\n"))
	for b.Loop() {
		if _, _, err := answerTo(b, e, "SELECT a FROM t", scanOf(query.Delimited, "a int", nil, file)); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		time.Sleep(300 * time.Millisecond)
		b.StartTimer()
	}
}

// BenchmarkBarrier is one query on a table that is seen whole, behind a filter that leaves a tenth of its rows, and behind
// one that leaves all.
func BenchmarkBarrier(b *testing.B) {
	file := flowRows(b, 10_000_000)
	for _, bb := range []struct{ name, condition string }{{"whole", ""}, {"tenth", "action = 'REJECT'"}, {"all", "dstport >= 0"}} {
		b.Run(bb.name, func(b *testing.B) {
			e := newEngine(b, 2)
			s := scanOf(query.Parquet, flowDDL, nil, file)
			from := "t"
			if bb.condition != "" {
				from = "seen"
				s.Barrier = &query.Barrier{Name: from, SQL: "SELECT srcaddr, bytes, action FROM t AS b WHERE " + bb.condition}
			}
			for b.Loop() {
				if _, _, err := answerTo(b, e, "SELECT srcaddr, sum(bytes)::BIGINT AS total FROM "+from+" WHERE action = 'REJECT' GROUP BY srcaddr ORDER BY total DESC, srcaddr LIMIT 10", s); err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				time.Sleep(600 * time.Millisecond) // the next worker gets ready
				b.StartTimer()
			}
		})
	}
}
