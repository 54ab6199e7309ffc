package translate

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"flowlake/fault"
	"flowlake/query/sql"
)

// Cells are columns of a table on some of its rows.
type Cells struct {
	Columns []string // in lower case
	Rows    string   // a condition over the table's columns, see CheckFilter; "" is all rows
}

// Barrier is what stands between a table and the query where its user may not see all rows, or not every column on
// all of them. The engine runs SQL, which names the table's Scan and nothing else, keeps its rows under Name, and forgets
// Scan before it looks at the plan: what the user wrote is never evaluated on what the user may not see, so that no
// error, division or cast of it can tell.
type Barrier struct {
	Name string
	SQL  string
}

// invalidFilter is Trino's code for a row filter that cannot be applied.
const invalidFilter = "INVALID_ROW_FILTER"

// CheckFilter checks the expression of a row filter against its table's columns, partition keys among them. A filter
// compares columns with literals and with each other: = <> < <= > >=, BETWEEN, IN (…), LIKE, IS NULL, AND, OR, NOT,
// arithmetic, CAST and DATE '…'. It calls no function and names no other table, so it means the same whenever it is read.
//
// It returns fault.Invalid, which names the place.
//
// Source: Lake Formation developer guide, "PartiQL support in row filter expressions". Differs from AWS: CAST and
// arithmetic are taken too.
func CheckFilter(expression string, columns []Column) error {
	a := newAnalysis(context.Background(), nil, Options{})
	fields := make([]field, 0, len(columns))
	for _, c := range columns {
		t, err := fromHive(c.Type)
		if err != nil {
			continue // a filter that names it says that there is no such column
		}
		fields = append(fields, filterField("b", c.Name, t, &scanColumn{}))
	}
	_, err := a.filter(expression, fields)
	return err
}

// filterField is a column as a row filter names it.
func filterField(from, name string, t typ, read *scanColumn) field {
	f := field{name: strings.ToLower(name), t: t, sql: from + "." + quoteIdent(strings.ToLower(name)), cols: []*scanColumn{read}}
	if t.k == char {
		f.sql = fmt.Sprintf("rpad(%s, %d, ' ')", f.sql, t.p)
	}
	return f
}

// filter translates the expression of a row filter into terms that must all hold.
func (a *analysis) filter(expression string, fields []field) ([]expr, error) {
	x, err := sql.ParseCondition(expression)
	if err != nil {
		return nil, err
	}
	src := &source{expression}
	var odd sql.Node
	sql.Walk(x, func(n sql.Node) bool {
		if odd == nil && !inFilter(n) {
			odd = n
		}
		return odd == nil
	})
	if odd != nil {
		return nil, src.fail(odd.Bounds().Start, invalidFilter,
			"a row filter compares columns with literals (=, <>, <, <=, >, >=, BETWEEN, IN, LIKE, IS NULL, AND, OR, NOT); it does not take %s", odd.Bounds().Of(expression))
	}
	s := &scope{a: a, src: src, fields: fields}
	return s.condition(x, "Row filter")
}

// inFilter reports whether a row filter may have that kind of node.
func inFilter(n sql.Node) bool {
	switch n.(type) {
	case *sql.Paren, *sql.Reference, *sql.Dereference, *sql.Ident, *sql.Null, *sql.Boolean, *sql.Number, *sql.String, *sql.Typed,
		*sql.Unary, *sql.BinaryOp, *sql.Logical, *sql.Not, *sql.Between, *sql.InList, *sql.Like, *sql.IsNull, *sql.IsDistinct,
		*sql.Cast, *sql.Type, *sql.TypeField:
		return true
	}
	return false
}

// veil is what a scan's user may see of its table.
type veil struct {
	cells []Cells
	from  string            // the table's alias below the barrier
	name  string            // of the barrier
	where string            // the rows that are seen; "" is all
	rows  map[string]string // of each condition, in the engine's SQL
	list  []veiled          // the visible columns
}

// veiled is a column above the barrier.
type veiled struct {
	name, sql string
	t         typ
	read      *scanColumn
}

// sees reports whether a column is visible on some row.
func (v *veil) sees(name string) bool {
	return v == nil || slices.ContainsFunc(v.cells, func(c Cells) bool { return slices.Contains(c.Columns, name) })
}

// barred reports whether there is a barrier: some rows are hidden, or some column on some of them.
func (v *veil) barred() bool {
	return v != nil && slices.ContainsFunc(v.cells, func(c Cells) bool { return c.Rows != "" })
}

// veilOf reads the conditions of a table that is not seen whole. What it returns is nil for one that is. Its
// error says only that a filter cannot be applied: its text is not for everybody who is behind it.
func (a *analysis) veilOf(sc *scan, rel Relation) (*veil, error) {
	if rel.Cells == nil {
		return nil, nil
	}
	v := &veil{cells: rel.Cells}
	if !v.barred() {
		return v, nil
	}
	v.name, v.from = sc.Scan+"_seen", a.name("b")
	fields := a.below(v, sc, rel)
	v.rows = map[string]string{}
	var conditions []string
	var terms []expr
	all := false
	for _, c := range v.cells {
		if c.Rows == "" {
			all = true
			continue
		}
		if _, ok := v.rows[c.Rows]; ok {
			continue
		}
		var err error
		if terms, err = a.filter(c.Rows, fields); err != nil {
			return nil, brokenFilter(sc)
		}
		mark(terms...) // the scan reads it, whatever the query names
		v.rows[c.Rows] = "(" + allOf(terms) + ")"
		conditions = append(conditions, c.Rows)
	}
	if all {
		return v, nil
	}
	if len(conditions) > 1 {
		// Each was read on its own: none can reach over its parentheses.
		var err error
		if terms, err = a.filter("("+strings.Join(conditions, "\n) OR (")+"\n)", fields); err != nil {
			return nil, brokenFilter(sc)
		}
		mark(terms...)
	}
	v.where = allOf(terms)
	a.prune(terms) // a partition that the filter leaves nothing of is not read
	return v, nil
}

func brokenFilter(sc *scan) error {
	return fault.Newf(fault.Invalid, invalidFilter, "the row filter of table %s.%s cannot be applied: who granted it has to mend it", sc.Database, sc.Name)
}

// below is every column of the table as the conditions see it.
func (a *analysis) below(v *veil, sc *scan, rel Relation) []field {
	var fields []field
	for i, c := range rel.Columns {
		if t, err := fromHive(c.Type); err == nil {
			fields = append(fields, filterField(v.from, c.Name, t, sc.data[i]))
		}
	}
	for i, c := range rel.Keys {
		if t, err := fromHive(c.Type); err == nil {
			f := filterField(v.from, c.Name, t, sc.keys[i])
			f.key = &keyRef{scan: sc, index: i}
			fields = append(fields, f)
		}
	}
	return fields
}

// column adds a visible column to the barrier, and reports whether it is NULL on some of the rows that are seen: on those of
// cells without it.
func (v *veil) column(name string, t typ, read *scanColumn) (masked bool) {
	text := v.from + "." + quoteIdent(name)
	always, everywhere := false, true
	var when []string
	for _, c := range v.cells {
		switch {
		case !slices.Contains(c.Columns, name):
			everywhere = false
		case c.Rows == "":
			always = true
		default:
			when = append(when, v.rows[c.Rows])
		}
	}
	masked = !always && !everywhere
	if masked {
		text = "CASE WHEN " + strings.Join(when, " OR ") + " THEN " + text + " END"
	}
	v.list = append(v.list, veiled{name: name, sql: text, t: t, read: read})
	return masked
}

// barrier is the statement that keeps what may be seen. Columns that the query never reads are NULL in it.
func (v *veil) barrier(scan string) *Barrier {
	if !v.barred() {
		return nil
	}
	list := make([]string, len(v.list))
	for i, c := range v.list {
		text := c.sql
		if !c.read.read {
			text = "CAST(NULL AS " + c.t.duck() + ")"
		}
		list[i] = text + " AS " + quoteIdent(c.name)
	}
	if len(list) == 0 {
		list = []string{"1 AS " + quoteIdent("_")}
	}
	b := &Barrier{Name: v.name, SQL: "SELECT " + strings.Join(list, ", ") + " FROM " + quoteIdent(scan) + " AS " + v.from}
	if v.where != "" {
		b.SQL += " WHERE " + v.where
	}
	return b
}

// seen leaves the columns of a view that its user may see. Lake Formation has no row filters on views.
func (a *analysis) seen(out relation, rel Relation, db, table string) (relation, error) {
	if rel.Cells == nil {
		return out, nil
	}
	v := &veil{cells: rel.Cells}
	if v.barred() {
		return relation{}, brokenFilter(&scan{Table: Table{Database: db, Name: table}})
	}
	out.fields = slices.DeleteFunc(slices.Clone(out.fields), func(f field) bool { return !v.sees(f.name) })
	return out, nil
}
