//go:build duckdb_arrow

package duckdb

// TODO: translate.Prelude and translate.Scalars once they land.
const prelude = ""
