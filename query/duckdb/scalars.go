//go:build duckdb_arrow

package duckdb

// scalars registers the functions that are written in Go.
func (w *worker) scalars() error { return nil }
