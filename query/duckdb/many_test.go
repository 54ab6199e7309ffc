//go:build duckdb_arrow

package duckdb

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"flowlake/query"
)

// TestManyFiles is about the cost of naming files, which DuckDB would pay for each allowed path.
func TestManyFiles(t *testing.T) {
	const files = 1000
	dir := t.TempDir()
	data := parquetFile(t, intColumn, `{"a":1}`)
	s := query.Scan{Name: "t", Format: query.Parquet, Columns: []query.ScanColumn{{Name: "a", Type: "bigint", Read: true}}, Keys: []query.ScanColumn{{Name: "k", Type: "int", Read: true}}}
	for i := range files {
		path := filepath.Join(dir, fmt.Sprint(i))
		if err := os.WriteFile(path, data, 0o400); err != nil {
			t.Fatal(err)
		}
		s.Inputs = append(s.Inputs, query.Input{Values: []string{fmt.Sprint(i)}, Files: []query.InputFile{{Path: path, URL: "s3://lake/" + fmt.Sprint(i), Size: int64(len(data))}}})
	}
	e := newEngine(t, 1)
	began := time.Now()
	got, _, err := answerTo(t, e, "SELECT count(*) AS n, sum(k)::BIGINT AS k, sum(a)::BIGINT AS a FROM t", s)
	if want := lines(`"n","k","a"`, fmt.Sprintf(`"%d","%d","%d"`, files, files*(files-1)/2, files)); err != nil || got != want {
		t.Fatalf("got %q, %v; want %q", got, err, want)
	}
	t.Logf("%d files in %v", files, time.Since(began))
	s.Format = query.Delimited
	began = time.Now()
	got, _, err = answerTo(t, e, `SELECT count(DISTINCT k) AS k, count(DISTINCT "$path") AS p FROM t`, s)
	if want := lines(`"k","p"`, fmt.Sprintf(`"%d","%d"`, files, files)); err != nil || got != want {
		t.Fatalf("as text: got %q, %v; want %q", got, err, want)
	}
	t.Logf("%d files as text in %v", files, time.Since(began))
}
