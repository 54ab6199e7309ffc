// Package query takes SQL statements, runs them and keeps their results: workgroups, query
// executions with their states, result objects in the lake. It asks access about every table
// and object that a statement touches. It never parses SQL itself (query/sql does) and never
// reads table bytes in its own process (an Engine's child does).
package query
