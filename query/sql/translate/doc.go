// Package translate gives a Trino query its meaning: names by scope, types with Trino's coercions, the
// functions that it may call, what it reads of which table, and a query in DuckDB's SQL with Trino's answers.
//
// The SQL is printed anew from the tree, never edited: every name of a relation, column and parameter in it was made
// here, every function comes from a list, every literal is written again. So nothing of the user's text reaches the
// engine, and what a query can touch is what Plan.Tables says. Whatever is not known to mean the same in the
// engine is refused by name.
//
// It runs nothing and reads no data.
package translate
