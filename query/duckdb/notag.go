//go:build !duckdb_arrow

package duckdb

// The line below stops a build without the tag that DuckDB's Arrow interface needs.
var _ = build_with_go_build_tags_duckdb_arrow
