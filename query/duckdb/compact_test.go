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

	"flowlake/catalog/compact"
	"flowlake/columnar"
	"flowlake/fault"
)

// every has a column of each type that a table's Parquet objects may have.
const every = `SELECT (i * 7919 %% 1000)::INTEGER AS "n-1", i::BIGINT AS big, (i %% 100)::TINYINT AS tiny, (i %% 300)::SMALLINT AS small, i::UINTEGER AS unsigned,
	CASE WHEN i %% 5 = 0 THEN NULL ELSE '10.0.' || (i %% 7) || '.' || (i %% 250) END AS srcaddr, TIMESTAMP '2026-01-01' + to_milliseconds(i) AS at,
	(TIMESTAMP '2026-01-01' + to_milliseconds(i))::TIMESTAMPTZ AS instant, DATE '2026-01-01' + (i %% 30)::INTEGER AS day, (i / 7)::DECIMAL(10, 3) AS money,
	(i * 1.5)::DECIMAL(38, 4) AS wide, i / 3.0::DOUBLE AS ratio, (i / 3.0)::FLOAT AS single, i %% 2 = 0 AS flag, encode('b' || i) AS raw,
	[i, NULL, i + 1] AS list, {'a': i, 'b': 'x' || i} AS pair, MAP {'k' || i: i} AS dict, NULL::VARCHAR AS nothing, 'ü' || i AS "select"
	FROM range(%d, %d) t(i)`

type fixture struct {
	t   *testing.T
	db  *sql.DB
	dir string
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return &fixture{t, db, t.TempDir()}
}

func (f *fixture) do(statement string) {
	f.t.Helper()
	if _, err := f.db.Exec(statement); err != nil {
		f.t.Fatalf("%s: %v", statement, err)
	}
}

func (f *fixture) one(query string) (n int64) {
	f.t.Helper()
	if err := f.db.QueryRow(query).Scan(&n); err != nil {
		f.t.Fatalf("%s: %v", query, err)
	}
	return n
}

func (f *fixture) file(name, query, options string) compact.File {
	f.t.Helper()
	path := filepath.Join(f.dir, name)
	f.do("COPY (" + query + ") TO '" + path + "' (FORMAT parquet" + options + ")")
	info, err := os.Stat(path)
	if err != nil {
		f.t.Fatal(err)
	}
	return compact.File{Path: path, URL: "s3://lake/" + name, Size: info.Size()}
}

func (f *fixture) footer(path string) *columnar.Parquet {
	f.t.Helper()
	file, err := os.Open(path)
	if err != nil {
		f.t.Fatal(err)
	}
	defer file.Close()
	info, _ := file.Stat()
	p, err := columnar.ReadParquet(path, file, info.Size())
	if err != nil {
		f.t.Fatal(err)
	}
	return p
}

func (f *fixture) output() string {
	dir, err := os.MkdirTemp(f.dir, "out-")
	if err != nil {
		f.t.Fatal(err)
	}
	return filepath.Join(dir, "sorted.parquet")
}

func TestSortKeepsRowsAndSchema(t *testing.T) {
	f, e := newFixture(t), newEngine(t, 0)
	var job compact.Job
	for i := range 4 {
		compression := []string{"snappy", "gzip", "zstd", "uncompressed"}[i]
		job.Inputs = append(job.Inputs, f.file(fmt.Sprintf("in-%d.parquet", i), fmt.Sprintf(every, i*2000, (i+1)*2000), ", COMPRESSION "+compression))
	}
	job.Output, job.SortBy = f.output(), []string{"srcaddr", "n-1"}
	rows, err := e.Sort(t.Context(), job)
	if err != nil || rows != 8000 {
		t.Fatalf("%d rows, %v", rows, err)
	}
	in := "read_parquet('" + f.dir + "/in-*.parquet')"
	out := "read_parquet('" + job.Output + "')"
	if n := f.one("SELECT count(*) FROM (SELECT * FROM " + in + " EXCEPT ALL SELECT * FROM " + out + ")"); n != 0 {
		t.Errorf("%d rows are lost or changed", n)
	}
	if n := f.one("SELECT count(*) FROM " + out); n != 8000 {
		t.Errorf("%d rows, want 8000", n)
	}
	if n := f.one(`SELECT count(*) FROM (SELECT srcaddr, "n-1", lag(srcaddr) OVER w AS s, lag("n-1") OVER w AS n, file_row_number FROM read_parquet('` + job.Output +
		`', file_row_number = true) WINDOW w AS (ORDER BY file_row_number)) WHERE srcaddr < s OR srcaddr = s AND "n-1" < n`); n != 0 {
		t.Errorf("%d rows are out of order", n)
	}
	was, is := f.footer(job.Inputs[0].Path), f.footer(job.Output)
	if len(was.Columns) != len(is.Columns) {
		t.Fatalf("%d columns became %d", len(was.Columns), len(is.Columns))
	}
	for i, c := range was.Columns {
		if got := is.Columns[i]; got.Name != c.Name || got.Type.String() != c.Type.String() || got.Physical != c.Physical ||
			got.Unsigned != c.Unsigned || got.Text != c.Text || got.UTC != c.UTC {
			t.Errorf("column %+v became %+v", c, got)
		}
	}
	for _, g := range is.Groups {
		for i, c := range g.Chunks {
			if l := is.Leaves[i]; l.Path == "srcaddr" && (c.Min == nil || c.Max == nil || c.Nulls < 0) {
				t.Errorf("column %s has no statistics", l.Path)
			}
		}
	}
}

func TestSortWritesBloomFiltersOfAddresses(t *testing.T) {
	f, e := newFixture(t), newEngine(t, 0)
	// Destinations of two million possible, of which a row group meets some 28,000.
	in := f.file("flows.parquet", `SELECT '10.' || (i % 3) || '.' || (i % 11) || '.' || (i % 251) AS srcaddr, '172.' || (hash(i % 28000) % 200) || '.' || (hash(i % 28000) % 99991) AS dstaddr, i AS start FROM range(400000) t(i)`, "")
	job := compact.Job{Inputs: []compact.File{in}, Output: f.output(), SortBy: []string{"srcaddr", "dstaddr", "start"}}
	if _, err := e.Sort(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	for _, c := range []string{"srcaddr", "dstaddr"} {
		meta := "FROM parquet_metadata('" + job.Output + "') WHERE path_in_schema = '" + c + "'"
		if n := f.one("SELECT count(*) " + meta + " AND bloom_filter_offset IS NULL"); n != 0 {
			t.Errorf("%d row groups have no bloom filter of %s", n, c)
		}
		if size, data := f.one("SELECT sum(bloom_filter_length)::BIGINT "+meta), f.one("SELECT sum(row_group_num_rows)::BIGINT "+meta); size > data {
			t.Errorf("the bloom filters of %s have %d bytes for %d rows", c, size, data)
		}
	}
}

func TestSortKeepsACodecOnlyWhereItPays(t *testing.T) {
	f, e := newFixture(t), newEngine(t, 0)
	in := f.file("flows.parquet", `SELECT '10.0.' || (i % 3) || '.' || (i % 251) AS srcaddr, (hash(i) % 1000000000)::BIGINT AS bytes, 1767225600 + i // 100 AS start,
		CASE WHEN i % 3 = 0 THEN NULL ELSE (hash(i + 1) % 100000000000)::BIGINT END AS gap, [i] AS list FROM range(400000) t(i)`, ", COMPRESSION zstd")
	job := compact.Job{Inputs: []compact.File{in}, Output: f.output(), SortBy: []string{"srcaddr", "start"}}
	if _, err := e.Sort(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	for column, want := range map[string]string{"srcaddr": "ZSTD", "bytes": "UNCOMPRESSED", "gap": "UNCOMPRESSED", "list, list, element": "ZSTD"} {
		if n := f.one("SELECT count(*) FROM parquet_metadata('" + job.Output + "') WHERE path_in_schema = '" + column + "' AND compression = '" + want + "'"); n != 4 {
			t.Errorf("%d of 4 row groups of %s are %s", n, column, want)
		}
	}
	if n := f.one("SELECT count(*) FROM (SELECT * FROM '" + in.Path + "' EXCEPT ALL SELECT * FROM '" + job.Output + "')"); n != 0 {
		t.Errorf("%d rows are lost or changed", n)
	}
	if n := f.one("SELECT count(*) FROM '" + job.Output + "' WHERE srcaddr = '10.0.1.7' AND bytes >= 0"); n == 0 {
		t.Error("a needle is not found by its bounds and bloom filter")
	}
}

func TestSortIsBoundAndConfined(t *testing.T) {
	f, e := newFixture(t), newEngine(t, 0)
	in := f.file("flows.parquet", `SELECT md5(i::VARCHAR) AS srcaddr, md5((i + 1)::VARCHAR) AS dstaddr, i AS start FROM range(1500000) t(i)`, "")
	t.Run("spills what does not fit", func(t *testing.T) {
		if raceEnabled {
			t.Skip("the race detector's memory is not bound")
		}
		job := compact.Job{Inputs: []compact.File{in}, Output: f.output(), SortBy: []string{"srcaddr"}, MaxMemory: 128 << 20, Threads: 1}
		if rows, err := e.Sort(t.Context(), job); err != nil || rows != 1500000 {
			t.Errorf("%d rows, %v", rows, err)
		}
	})
	t.Run("leaves nothing when it is called off", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		job := compact.Job{Inputs: []compact.File{in}, Output: f.output(), SortBy: []string{"srcaddr"}}
		go cancel()
		if _, err := e.Sort(ctx, job); err == nil {
			t.Error("it went on")
		}
		if left, err := os.ReadDir(filepath.Dir(job.Output)); err != nil || len(left) > 0 {
			t.Errorf("half a file is left: %v, %v", left, err)
		}
	})
	t.Run("names what is damaged", func(t *testing.T) {
		bad := in
		text, err := os.ReadFile(in.Path)
		if err != nil {
			t.Fatal(err)
		}
		for i := 100; i < len(text)/2; i++ {
			text[i] ^= 0x5a
		}
		bad.Path, bad.URL = filepath.Join(f.dir, "bad.parquet"), "s3://lake/bad.parquet"
		if err := os.WriteFile(bad.Path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		job := compact.Job{Inputs: []compact.File{bad}, Output: f.output(), SortBy: []string{"srcaddr"}}
		_, err = e.Sort(t.Context(), job)
		if !fault.Is(err, fault.Invalid) && !fault.Is(err, fault.Internal) || strings.Contains(fmt.Sprint(err), f.dir) {
			t.Errorf("got %v", err)
		}
		if left, err := os.ReadDir(filepath.Dir(job.Output)); err != nil || len(left) > 0 {
			t.Errorf("half a file is left: %v, %v", left, err)
		}
	})
}
