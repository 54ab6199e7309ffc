package translate

import (
	"context"
	"database/sql/driver"
	"time"

	"flowlake/query/sql"
)

// Catalog finds what a table name stands for.
type Catalog interface {
	// Relation returns the table or view of that name. Both names are in lower case. A relation that
	// does not exist, or that the caller may not see, is a fault.NotFound error.
	Relation(ctx context.Context, database, name string) (Relation, error)
}

// Relation is a table, or a view when View is set.
type Relation struct {
	Columns []Column // data columns, in the table's order
	Keys    []Column // partition keys, in order
	View    string   // the view's query in Trino's SQL; "" for a table
	// ViewDatabase is the database in which the view's own table names are looked up; "" is the view's.
	ViewDatabase string
	// Cells is what the query's user may see: the union of them, "$path" not included. Nil is everything. A column that is
	// in none of them is not there, and one that is in some is NULL on the rows of the others.
	Cells []Cells
}

// Column is a column of a table.
type Column struct {
	Name string
	Type string // Hive's spelling: string, bigint, array<struct<a:int>>
}

// Options is what a query means beyond its text and the catalogue.
type Options struct {
	Database string    // where unqualified table names are looked up
	Catalog  string    // the data catalogue's name; "" is awsdatacatalog
	User     string    // what current_user answers
	Now      time.Time // what current_timestamp answers; the whole query sees one instant
}

// Plan is a query in DuckDB's SQL, and what it reads.
type Plan struct {
	// SQL is one SELECT. It names no table but those of Tables, by their Scan names or their barriers', and no function but
	// those of DuckDB that this package chose, those of Prelude and those of Scalars. Its rows are in the order
	// that the query asks for. Columns whose Trino type DuckDB has no equal for come as VARCHAR and read as
	// Athena prints them: times, timestamps with a zone or with other than three digits, intervals, addresses, json.
	SQL     string
	Tables  []Table
	Columns []ResultColumn
}

// Table is one table as one place of the query reads it. A table that is named twice is there twice,
// because each place prunes its own partitions.
type Table struct {
	Scan     string // the name that SQL uses for it
	Database string
	Name     string
	Read     []string // the data columns that the query names, in the table's order
	Keys     []Column // the table's partition keys
	KeysRead []string // the partition keys that the query names as values
	Path     bool     // "$path" is read
	Barrier  *Barrier // nil: what SQL names is the scan itself
	// Constraint says which partitions can hold rows that the query wants.
	Constraint Constraint
}

// ResultColumn is an output column as Athena's ResultSetMetadata describes it.
type ResultColumn struct {
	Name      string // as the catalogue would spell it, in lower case; _col0 for an expression without a name
	Label     string // the heading: Name in the case that the query wrote it in
	Type      string // Athena's type name: varchar, bigint, timestamp with time zone, row …
	Precision int32
	Scale     int32
	Trino     string // the whole type as Trino spells it: array(varchar), decimal(10,2)
}

// Scalar is a function that an engine offers to the translated SQL, beside Prelude. Call gets the values
// as duckdb-go hands them to a scalar function (int64, float64, string, []byte …), none of them nil: DuckDB
// answers NULL itself when an argument is. The functions keep no state and give the same answer for the
// same arguments, so they are registered as not volatile.
type Scalar struct {
	Name       string
	Parameters []string // DuckDB's type names: VARCHAR, BIGINT, DOUBLE, BLOB, BOOLEAN
	Result     string
	Call       func(args []driver.Value) (any, error)
}

// Query checks a parsed query against the catalogue and translates it. text is what was parsed: spans
// point into it.
//
// The errors are Athena's, with its code as their subject: "COLUMN_NOT_FOUND: line 1:8: Column 'x' cannot be
// resolved …". They are fault.Invalid, fault.NotFound for a table or database, and fault.Unsupported, which
// names the thing, for what Athena runs and flowlake does not translate with certainty.
func Query(ctx context.Context, q *sql.Query, text string, cat Catalog, opts Options) (Plan, error) {
	a := newAnalysis(ctx, cat, opts)
	return a.plan(q, text)
}
