//go:build duckdb_arrow

package duckdb

import (
	"path/filepath"
	"testing"
	"time"

	"flowlake/query"
)

func TestResultsLargerThanTheMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("writes some hundred megabytes")
	}
	e := newEngine(t, 1)
	job := query.Job{SQL: "SELECT i, 'a rather long text, which takes its room ' || i AS s FROM range(5000000) t(i)", Output: filepath.Join(t.TempDir(), "out.csv"), MaxMemory: 100 << 20}
	began := time.Now()
	result, err := e.Run(t.Context(), job)
	t.Log(result.Rows, err, time.Since(began))
	if err != nil || result.Rows != 5000000 {
		t.Fatalf("%d rows, %v", result.Rows, err)
	}
}
