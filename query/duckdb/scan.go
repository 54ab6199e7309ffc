//go:build duckdb_arrow

package duckdb

import (
	"fmt"
	"strings"

	"flowlake/catalog"
	"flowlake/columnar"
	"flowlake/fault"
	"flowlake/query"
)

// table is a scan with its types read.
type table struct {
	query.Scan
	types []columnar.Type // of Columns
	keys  []columnar.Type
	units []unit
	path  bool // "$path" is read
}

// scan makes the view that the job's statement calls by the scan's name.
func (w *worker) scan(i int, job *query.Job) error {
	t := &table{Scan: job.Scans[i], units: w.places.scans[i], path: strings.Contains(job.SQL, "$path")}
	for _, c := range t.Columns {
		typ, err := columnar.ParseType(c.Type)
		if err != nil {
			return fault.Newf(fault.KindOf(err), "column "+c.Name, "%w", err)
		}
		t.types = append(t.types, typ)
	}
	for _, c := range t.Keys {
		typ, err := columnar.ParseType(c.Type)
		if err != nil {
			return fault.Newf(fault.KindOf(err), "partition key "+c.Name, "%w", err)
		}
		t.keys = append(t.keys, typ)
	}
	var body string
	var err error
	switch {
	case len(t.units) == 0:
		body = "SELECT " + t.list(func(j int) string { return "CAST(NULL AS " + duckType(t.types[j]) + ")" }, "1") + " WHERE false"
	case t.Format == query.Parquet:
		body, err = t.parquet(w.places)
	default:
		body, err = w.text(i, t)
	}
	if err != nil {
		return err
	}
	return w.exec("CREATE TEMP VIEW " + name(t.Name) + " AS " + body)
}

// list is a select list with the expressions of the data columns, the partition keys, and "$path". row is
// the expression of the number of the row's unit.
func (t *table) list(column func(j int) string, row string) string {
	var b strings.Builder
	for j, c := range t.Columns {
		expression := "CAST(NULL AS " + duckType(t.types[j]) + ")"
		if c.Read {
			expression = column(j)
		}
		fmt.Fprintf(&b, "%s AS %s, ", expression, name(c.Name))
	}
	for j, c := range t.Keys {
		fmt.Fprintf(&b, "%s AS %s, ", t.constant(row, t.keys[j], func(u unit) string { return u.values[j] }), name(c.Name))
	}
	if t.path {
		fmt.Fprintf(&b, "%s AS %s, ", t.constant(row, columnar.Type{Kind: columnar.String}, func(u unit) string { return u.url }), name("$path"))
	}
	if b.Len() == 0 { // a table of no columns cannot be named in SQL
		return "1 AS " + name(fileColumn)
	}
	return strings.TrimSuffix(b.String(), ", ")
}

// constant is an expression that is the same for all rows of a unit; row is the number of the row's unit.
func (t *table) constant(row string, typ columnar.Type, value func(u unit) string) string {
	values := make([]string, len(t.units))
	same := true
	for i, u := range t.units {
		v := value(u)
		values[i] = literal(v)
		if v == catalog.NullValue {
			values[i] = "NULL"
		}
		same = same && values[i] == values[0]
	}
	to := duckType(typ)
	if len(values) == 0 {
		return "CAST(NULL AS " + to + ")"
	}
	if same {
		return fmt.Sprintf("CAST(%s AS %s)", values[0], to)
	}
	return fmt.Sprintf("list_extract(CAST([%s] AS %s[]), %s)", strings.Join(values, ", "), to, row)
}

// duckType is DuckDB's name of a Hive type.
func duckType(t columnar.Type) string {
	switch t.Kind {
	case columnar.Boolean:
		return "BOOLEAN"
	case columnar.TinyInt:
		return "TINYINT"
	case columnar.SmallInt:
		return "SMALLINT"
	case columnar.Int:
		return "INTEGER"
	case columnar.BigInt:
		return "BIGINT"
	case columnar.Float:
		return "FLOAT"
	case columnar.Double:
		return "DOUBLE"
	case columnar.Decimal:
		return fmt.Sprintf("DECIMAL(%d,%d)", t.Precision, t.Scale)
	case columnar.Binary:
		return "BLOB"
	case columnar.Date:
		return "DATE"
	case columnar.Timestamp:
		return "TIMESTAMP"
	case columnar.Array:
		return duckType(*t.Elem) + "[]"
	case columnar.Map:
		return "MAP(" + duckType(*t.Key) + ", " + duckType(*t.Elem) + ")"
	case columnar.Struct:
		fields := make([]string, len(t.Fields))
		for i, f := range t.Fields {
			fields[i] = name(f.Name) + " " + duckType(f.Type)
		}
		return "STRUCT(" + strings.Join(fields, ", ") + ")"
	}
	return "VARCHAR"
}
