// Package duckdb runs queries in DuckDB, each in a process of its own that may read the query's files
// and nothing else, and that is killed when nobody waits for its answer any more.
//
// The parent half (Engine) starts workers ahead of need, hands one of them a job, and takes its rows'
// description or its error; the rows themselves go straight to the job's output file. The child half
// (Worker) locks itself in, makes a view of every scan, runs the statement and formats rows as Athena
// does. The package decides nothing about who may read what, and parses no SQL.
//
// It links DuckDB and is built with the tag duckdb_arrow.
package duckdb
