//go:build duckdb_arrow && race

package duckdb

const raceEnabled = true
