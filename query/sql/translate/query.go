package translate

import (
	"fmt"
	"strings"

	"flowlake/query/sql"
)

// result is a translated query: its columns are named c0, c1 … in its text.
type result struct {
	sql string
	out []field // sql is not set
}

// query translates a query with everything around its body. s is a new scope without fields.
func (s *scope) query(q *sql.Query) (result, error) {
	leave, err := s.a.deeper(s.src, q)
	if err != nil {
		return result{}, err
	}
	defer leave()
	tables, err := s.withTables(q.With)
	if err != nil {
		return result{}, err
	}
	var res result
	if sel, ok := q.Body.(*sql.Select); ok {
		res, err = s.selection(sel, q)
	} else if res, err = s.body(q.Body); err == nil {
		res, err = s.ordered(res, q)
	}
	if err != nil {
		return res, err
	}
	used := ""
	for i := len(tables) - 1; i >= 0; i-- {
		t := tables[i]
		if *t.refs > 0 {
			used = ", " + t.text + used
			continue
		}
		s.a.forget(t.from, t.to)
		for refs, n := range t.named {
			*refs -= n // what only it named is not named
		}
	}
	if used != "" {
		res.sql = "WITH " + used[2:] + " " + res.sql
	}
	return res, nil
}

type withText struct {
	text     string
	refs     *int
	from, to place        // its scans and its conditions on partition keys lie between
	named    map[*int]int // the uses of other WITH tables in it
}

// uses counts how often each WITH table in sight is named.
func (s *scope) uses() map[*int]int {
	out := map[*int]int{}
	for w := s.with; w != nil; w = w.next {
		out[w.refs] = *w.refs
	}
	return out
}

// place is how far an analysis has come.
type place struct{ scans, terms int }

func (a *analysis) place() place { return place{len(a.scans), len(a.terms)} }

// forget drops what a WITH table that nothing names has left between two places. Its conditions may be on
// scans before it.
func (a *analysis) forget(from, to place) {
	for i := from.scans; i < to.scans; i++ {
		a.scans[i].unused = true
	}
	for i := from.terms; i < to.terms; i++ {
		a.terms[i].unused = true
	}
}

func (s *scope) withTables(w *sql.With) ([]withText, error) {
	if w == nil {
		return nil, nil
	}
	if w.Recursive {
		return nil, s.src.refuse(w.Start, "WITH RECURSIVE")
	}
	var out []withText
	seen := map[string]bool{}
	for _, t := range w.Tables {
		name := t.Name.Key()
		if seen[name] {
			return nil, s.src.fail(t.Start, duplicateName, "WITH query name '%s' specified more than once", t.Name.Name)
		}
		seen[name] = true
		in := &scope{a: s.a, src: s.src, db: s.db, parent: s.parent, with: s.with}
		from, named := s.a.place(), s.uses()
		res, err := in.query(t.Query)
		if err != nil {
			return nil, err
		}
		if len(t.Columns) > 0 && len(t.Columns) != len(res.out) {
			return nil, s.src.fail(t.Start, mismatchedAliases, "Column alias list has %d entries but WITH query (%s) has %d columns",
				len(t.Columns), name, len(res.out))
		}
		entry := &withScope{name: name, table: s.a.name("w"), next: s.with, refs: new(int)}
		for i, f := range res.out {
			if len(t.Columns) > 0 {
				f.name, f.label = t.Columns[i].Key(), t.Columns[i].Name
			}
			f.sql, f.table, f.db = column(i), "", ""
			entry.fields = append(entry.fields, f)
		}
		for refs, n := range named {
			named[refs] = *refs - n
		}
		out = append(out, withText{entry.table + " AS (" + res.sql + ")", entry.refs, from, s.a.place(), named})
		s.with = entry
	}
	return out, nil
}

func (s *scope) body(b sql.QueryBody) (result, error) {
	leave, err := s.a.deeper(s.src, b)
	if err != nil {
		return result{}, err
	}
	defer leave()
	switch b := b.(type) {
	case *sql.Select:
		return s.sibling().selection(b, nil)
	case *sql.ParenQuery:
		return s.sibling().query(b.Query)
	case *sql.TableBody:
		return s.table(b)
	case *sql.Values:
		return s.values(b)
	case *sql.SetOperation:
		return s.setOperation(b)
	}
	return result{}, s.src.refuse(b.Bounds().Start, "this kind of query")
}

// sibling is a new block that sees the same WITH tables and outer columns.
func (s *scope) sibling() *scope {
	return &scope{a: s.a, src: s.src, db: s.db, parent: s.parent, with: s.with}
}

func (s *scope) table(b *sql.TableBody) (result, error) {
	r, err := s.tableRef(b.Name, b, "")
	if err != nil {
		return result{}, err
	}
	var res result
	var list []string
	for _, f := range r.fields {
		if f.path {
			continue
		}
		list = append(list, f.sql+" AS "+column(len(list)))
		res.out = append(res.out, f.passed())
	}
	res.sql = "SELECT " + strings.Join(list, ", ") + " FROM " + r.sql
	return res, nil
}

// passed is a field as a query around sees it.
func (f field) passed() field {
	f.table, f.db, f.sql, f.path = "", "", "", false
	return f
}

func (s *scope) values(v *sql.Values) (result, error) {
	block := s.sibling()
	var rows [][]expr
	width := 0
	for i, r := range v.Rows {
		items := []sql.Expr{r}
		if list, ok := r.(*sql.Row); ok {
			items = list.Fields
		}
		if i > 0 && len(items) != width {
			return result{}, s.src.fail(r.Bounds().Start, typeMismatch, "Values rows have mismatched sizes: %d vs %d", width, len(items))
		}
		width = len(items)
		var list []expr
		for _, x := range items {
			e, err := block.scalar(x, "VALUES clause")
			if err != nil {
				return result{}, err
			}
			mark(e)
			list = append(list, e)
		}
		rows = append(rows, list)
	}
	types := make([]typ, width)
	for i := range types {
		types[i] = rows[0][i].t
		for _, r := range rows[1:] {
			t, ok := common(types[i], r[i].t)
			if !ok {
				return result{}, s.src.fail(v.Start, typeMismatch, "Values rows have mismatched types: %s vs %s", types[i], r[i].t)
			}
			types[i] = t
		}
	}
	var res result
	names := make([]string, width)
	for i, t := range types {
		names[i] = column(i)
		res.out = append(res.out, field{t: t})
	}
	var lines []string
	for _, r := range rows {
		cells := make([]string, width)
		for i := range r {
			cells[i] = s.coerced(r[i], types[i]).sql
			if r[i].t.k != unknown {
				continue
			}
			cells[i] = "CAST(NULL AS " + types[i].duck() + ")"
		}
		lines = append(lines, "("+strings.Join(cells, ", ")+")")
	}
	res.sql = "SELECT * FROM (VALUES " + strings.Join(lines, ", ") + ") AS " + s.a.name("v") + "(" + strings.Join(names, ", ") + ")"
	return res, nil
}

func (s *scope) setOperation(b *sql.SetOperation) (result, error) {
	left, err := s.body(b.Left)
	if err != nil {
		return left, err
	}
	right, err := s.body(b.Right)
	if err != nil {
		return right, err
	}
	if len(left.out) != len(right.out) {
		return left, s.src.fail(b.OpSpan.Start, typeMismatch, "%s query has different number of fields: %d, %d", b.Op, len(left.out), len(right.out))
	}
	var res result
	for i, l := range left.out {
		r := right.out[i]
		t, ok := common(l.t, r.t)
		if !ok {
			return left, s.src.fail(b.OpSpan.Start, typeMismatch, "column %d in %s query has incompatible types: %s, %s", i+1, b.Op, l.t, r.t)
		}
		if !(b.Op == sql.Union && b.All) && !t.comparable() {
			return left, s.src.fail(b.OpSpan.Start, typeMismatch, "Type %s is not comparable and therefore cannot be used in %s", t, b.Op)
		}
		if !(b.Op == sql.Union && b.All) {
			if err := s.distinguishable(t, b.OpSpan.Start); err != nil {
				return left, err
			}
		}
		f := field{name: l.name, label: l.label, t: t, never: l.never && r.never}
		f.cols = append(append(f.cols, l.cols...), r.cols...)
		if b.Op != sql.Union || !b.All {
			// Every column decides which rows there are.
			for _, c := range f.cols {
				c.read = true
			}
		}
		res.out = append(res.out, f)
	}
	word := string(b.Op)
	if b.All {
		word += " ALL"
	}
	res.sql = "(" + s.retyped(left, res.out) + ") " + word + " (" + s.retyped(right, res.out) + ")"
	return res, nil
}

// retyped is the text of a result whose columns have the wanted types.
func (s *scope) retyped(res result, want []field) string {
	same := true
	list := make([]string, len(want))
	r := s.a.name("r")
	for i, f := range res.out {
		from := expr{t: f.t, sql: r + "." + column(i)}
		to := s.coerced(from, want[i].t).sql
		same = same && to == from.sql
		list[i] = to + " AS " + column(i)
	}
	if same {
		return res.sql
	}
	return "SELECT " + strings.Join(list, ", ") + " FROM (" + res.sql + ") AS " + r
}

// ordered adds ORDER BY, OFFSET and LIMIT to a body that is not a SELECT: they see its columns only.
func (s *scope) ordered(res result, q *sql.Query) (result, error) {
	if q == nil || len(q.OrderBy) == 0 && q.Limit == nil && q.Offset == nil {
		return res, nil
	}
	block := s.sibling()
	rel := block.subselect(res)
	block.fields = rel.fields
	var items []item
	var list []string
	for i, f := range rel.fields {
		e := expr{t: f.t, sql: f.sql, never: f.never, facts: facts{cols: f.cols}}
		items = append(items, item{f.name, e})
		list = append(list, f.sql+" AS "+column(i))
		res.out[i].key = nil
	}
	tail, err := block.tail(q, items, false, nil)
	if err != nil {
		return res, err
	}
	res.sql = "SELECT " + strings.Join(list, ", ") + " FROM " + rel.sql + tail
	return res, nil
}

// tail translates ORDER BY, OFFSET and LIMIT behind a block whose SELECT list is items. check is asked
// about each sort key.
func (s *scope) tail(q *sql.Query, items []item, distinct bool, check func(expr, sql.Expr) error) (string, error) {
	var keys, whole []string
	for _, o := range q.OrderBy {
		e, ordinal, err := s.sortKey(o.Expr, items)
		if err != nil {
			return "", err
		}
		if !e.t.ordered() {
			return "", s.src.fail(o.Start, typeMismatch, "Type %s is not orderable, and therefore cannot be used in ORDER BY: %s", e.t, o.Expr.Bounds().Of(s.src.text))
		}
		if check != nil && ordinal == 0 {
			if err := check(e, o.Expr); err != nil {
				return "", err
			}
		}
		mark(e)
		for i := range items {
			if items[i].e.sql == e.sql && ordinal == 0 {
				ordinal = i + 1
			}
		}
		if distinct && ordinal == 0 {
			return "", s.src.fail(o.Start, notInDistinct, "For SELECT DISTINCT, ORDER BY expressions must appear in select list")
		}
		text := e.sql
		if ordinal > 0 {
			text = fmt.Sprint(ordinal)
		} else if e.constant {
			continue // orders nothing, and a bare constant has another meaning in the engine
		}
		suffix := sortSuffix(o)
		keys = append(keys, text+suffix)
		whole = append(whole, e.sql+suffix)
	}
	text := ""
	if q.Limit != nil && q.Limit.WithTies {
		return s.withTies(q, whole, distinct)
	}
	if len(keys) > 0 {
		text = " ORDER BY " + strings.Join(keys, ", ")
	}
	if q.Limit != nil {
		n, err := s.rowCount(q.Limit.Count, "LIMIT")
		if err != nil {
			return "", err
		}
		if q.Limit.Count == nil && q.Limit.Fetch {
			n = "1"
		}
		if n == "0" && q.Limit.Fetch {
			return "", s.src.fail(q.Limit.Start, "INVALID_ROW_COUNT", "FETCH FIRST row count must be positive (actual value: 0)")
		}
		if n != "" {
			text += " LIMIT " + n
		}
	}
	if q.Offset != nil {
		n, err := s.rowCount(q.Offset.Count, "OFFSET")
		if err != nil {
			return "", err
		}
		text += " OFFSET " + n
	}
	return text, nil
}

func sortSuffix(o sql.SortItem) string {
	out := " ASC"
	if o.Descending {
		out = " DESC"
	}
	if o.Nulls == sql.NullsFirst {
		return out + " NULLS FIRST"
	}
	return out + " NULLS LAST"
}

func (s *scope) withTies(q *sql.Query, keys []string, distinct bool) (string, error) {
	at := q.Limit.Start
	if len(q.OrderBy) == 0 {
		return "", s.src.fail(at, "MISSING_ORDER_BY", "FETCH FIRST WITH TIES clause requires ORDER BY")
	}
	if q.Offset != nil || distinct || len(keys) == 0 {
		return "", s.src.refuse(at, "FETCH FIRST … WITH TIES together with OFFSET or DISTINCT")
	}
	n, err := s.rowCount(q.Limit.Count, "FETCH FIRST")
	if err != nil {
		return "", err
	}
	if n == "" {
		n = "1"
	}
	by := strings.Join(keys, ", ")
	return " QUALIFY rank() OVER (ORDER BY " + by + ") <= " + n + " ORDER BY " + by, nil
}

func (s *scope) rowCount(e sql.Expr, clause string) (string, error) {
	if e == nil {
		return "", nil
	}
	n, ok := e.(*sql.Number)
	if !ok {
		return "", s.src.refuse(e.Bounds().Start, "a parameter in %s", clause)
	}
	digits := strings.TrimLeft(n.Text, "0")
	if n.Kind != sql.Integer || len(digits) > 18 || strings.Trim(digits, "0123456789") != "" {
		return "", s.src.fail(n.Start, "INVALID_ROW_COUNT", "Invalid %s row count: %s", clause, n.Text)
	}
	if digits == "" {
		digits = "0"
	}
	return digits, nil
}

// sortKey translates one expression of ORDER BY; ordinal is set when it is the number of a column.
func (s *scope) sortKey(x sql.Expr, items []item) (e expr, ordinal int, err error) {
	if n, ok := x.(*sql.Number); ok && n.Kind == sql.Integer {
		i := 0
		if _, err := fmt.Sscan(n.Text, &i); err != nil || i < 1 || i > len(items) {
			return e, 0, s.src.fail(n.Start, invalidPosition, "ORDER BY position %s is not in select list", n.Text)
		}
		return items[i-1].e, i, nil
	}
	s.items = items
	e, err = s.expr(x)
	s.items = nil
	return e, 0, err
}
