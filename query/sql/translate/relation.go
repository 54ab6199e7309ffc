package translate

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"flowlake/fault"
	"flowlake/query/sql"
)

// relation is a part of FROM: its text, which is put between commas and joins, and what it offers.
type relation struct {
	sql    string
	fields []field
}

// relation translates a part of FROM. s.fields holds what stands to its left, for LATERAL and UNNEST.
func (s *scope) relation(r sql.Relation) (relation, error) {
	leave, err := s.a.deeper(s.src, r)
	if err != nil {
		return relation{}, err
	}
	defer leave()
	switch r := r.(type) {
	case *sql.TableRef:
		return s.tableRef(r.Name, r, "")
	case *sql.Subquery:
		return s.derived(s.parent, r.Query)
	case *sql.Lateral:
		return s.lateral(r.Query)
	case *sql.Unnest:
		return s.unnest(r)
	case *sql.ParenRelation:
		return s.relation(r.Relation)
	case *sql.Aliased:
		return s.aliased(r)
	case *sql.Sample:
		return s.sample(r)
	case *sql.Join:
		return s.join(r)
	}
	return relation{}, s.src.refuse(r.Bounds().Start, "this kind of relation")
}

// qualified splits a table's name into database and table.
func (s *scope) qualified(n sql.Name) (db, table string, err error) {
	parts := n.Parts
	switch len(parts) {
	case 1:
		if s.db == "" {
			return "", "", s.src.fail(n.Start, "MISSING_SCHEMA_NAME", "Schema must be specified when session schema is not set")
		}
		return s.db, parts[0].Key(), nil
	case 2:
		return parts[0].Key(), parts[1].Key(), nil
	case 3:
		if parts[0].Key() != s.a.catalog {
			return "", "", s.src.fail(n.Start, catalogNotFound, "Catalog '%s' does not exist", parts[0].Key())
		}
		return parts[1].Key(), parts[2].Key(), nil
	}
	return "", "", s.src.fail(n.Start, syntaxError, "Too many dots in table name: %s", n.String())
}

func (s *scope) tableRef(n sql.Name, node sql.Node, alias string) (relation, error) {
	if len(n.Parts) == 1 {
		if w := s.withTable(n.Parts[0].Key()); w != nil {
			return s.withRef(w, alias), nil
		}
	}
	db, table, err := s.qualified(n)
	if err != nil {
		return relation{}, err
	}
	rel, err := s.a.cat.Relation(s.a.ctx, db, table)
	if err != nil {
		if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
			return relation{}, err
		}
		if fault.Is(err, fault.NotFound) {
			if fault.HasNoun(err, "database") {
				return relation{}, s.src.fail(n.Start, schemaNotFound, "Schema '%s' does not exist", db)
			}
			return relation{}, s.src.fail(n.Start, tableNotFound, "Table '%s.%s.%s' does not exist", s.a.catalog, db, table)
		}
		return relation{}, err
	}
	given := alias
	if alias == "" {
		alias = table
	}
	var out relation
	if rel.View != "" {
		out, err = s.view(rel, db, table, alias, n)
	} else {
		out, err = s.addScan(rel, db, table, alias, node)
	}
	if err == nil && given == "" {
		for i := range out.fields {
			out.fields[i].db = db
		}
	}
	return out, err
}

func (s *scope) withRef(w *withScope, alias string) relation {
	*w.refs++
	r := s.a.name("r")
	out := relation{sql: w.table + " AS " + r}
	if alias == "" {
		alias = w.name
	}
	for _, f := range w.fields {
		f.table, f.sql = alias, r+"."+f.sql
		if f.key != nil {
			k := *f.key
			k.with = append(append([]*int{}, k.with...), w.refs)
			f.key = &k
		}
		out.fields = append(out.fields, f)
	}
	return out
}

// view expands a view: its query is read in its own text, database and scope.
func (s *scope) view(rel Relation, db, table, alias string, n sql.Name) (relation, error) {
	a := s.a
	full := db + "." + table
	for _, v := range a.views {
		if v == full {
			return relation{}, s.src.fail(n.Start, "VIEW_IS_RECURSIVE", "View '%s.%s' is recursive", a.catalog, full)
		}
	}
	if len(a.views) >= maxViews {
		return relation{}, s.src.fail(n.Start, invalidView, "view '%s' stands on more than %d other views", full, maxViews)
	}
	a.views = append(a.views, full)
	defer func() { a.views = a.views[:len(a.views)-1] }()
	bad := func(err error) error {
		if fault.Is(err, fault.Internal) || fault.Is(err, fault.Limit) {
			return err
		}
		kind := fault.KindOf(err)
		line, column := s.src.at(n.Start)
		if rel.Cells != nil { // to whom some of its columns are hidden, its text is
			return fault.Newf(kind, invalidView, "line %d:%d: Failed analyzing stored view '%s.%s'", line, column, a.catalog, full)
		}
		return fault.Newf(kind, invalidView, "line %d:%d: Failed analyzing stored view '%s.%s': %s", line, column, a.catalog, full, err.Error())
	}
	st, err := sql.Parse(rel.View)
	if err != nil {
		return relation{}, bad(err)
	}
	q, ok := st.(*sql.Query)
	if !ok {
		return relation{}, s.src.fail(n.Start, invalidView, "the stored text of view '%s' is not a query", full)
	}
	viewDB := rel.ViewDatabase
	if viewDB == "" {
		viewDB = db
	}
	inner := &scope{a: a, src: &source{rel.View}, db: viewDB}
	res, err := inner.query(q)
	if err != nil {
		return relation{}, bad(err)
	}
	out := s.subselect(res)
	// The view's columns have the names and types that its creation gave them.
	if len(rel.Columns) > 0 && len(rel.Columns) != len(out.fields) {
		return relation{}, s.src.fail(n.Start, "VIEW_IS_STALE",
			"View '%s.%s' is stale or in invalid state: it has %d columns and its query %d", a.catalog, full, len(rel.Columns), len(out.fields))
	}
	for i := range out.fields {
		if len(rel.Columns) > 0 {
			out.fields[i].name, out.fields[i].label = strings.ToLower(rel.Columns[i].Name), ""
		}
		out.fields[i].table = alias
	}
	return s.a.seen(out, rel, db, table)
}

// subselect makes a query's result a part of FROM.
func (s *scope) subselect(res result) relation {
	r := s.a.name("r")
	out := relation{sql: "(" + res.sql + ") AS " + r}
	for i, f := range res.out {
		f.sql, f.table, f.db, f.path = r+"."+column(i), "", "", false
		out.fields = append(out.fields, f)
	}
	return out
}

// derived translates a subquery in FROM; outer is the block whose columns it may name.
func (s *scope) derived(outer *scope, q *sql.Query) (relation, error) {
	in := &scope{a: s.a, src: s.src, db: s.db, parent: outer, with: s.with}
	res, err := in.query(q)
	if err != nil {
		return relation{}, err
	}
	return s.subselect(res), nil
}

func (s *scope) lateral(q *sql.Query) (relation, error) {
	// A block of its own for what stands to the left: the query's references to it are not the block's own.
	left := &scope{a: s.a, src: s.src, db: s.db, parent: s.parent, with: s.with, fields: s.fields}
	out, err := s.derived(left, q)
	out.sql = "LATERAL " + out.sql
	return out, err
}

func (s *scope) aliased(r *sql.Aliased) (relation, error) {
	alias := r.Alias.Key()
	var out relation
	var err error
	if t, ok := r.Relation.(*sql.TableRef); ok {
		out, err = s.tableRef(t.Name, t, alias)
	} else {
		out, err = s.relation(r.Relation)
	}
	if err != nil {
		return out, err
	}
	fields := make([]field, len(out.fields))
	copy(fields, out.fields)
	visible := 0
	for i := range fields {
		fields[i].table, fields[i].db = alias, ""
		if !fields[i].path {
			visible++
		}
	}
	if len(r.Columns) > 0 {
		if len(r.Columns) != visible {
			return out, s.src.fail(r.Start, mismatchedAliases,
				"Column alias list has %d entries but '%s' has %d columns available", len(r.Columns), alias, visible)
		}
		i := 0
		for j := range fields {
			if !fields[j].path {
				fields[j].name, fields[j].label = r.Columns[i].Key(), r.Columns[i].Name
				i++
			}
		}
	}
	out.fields = fields
	return out, nil
}

func (s *scope) sample(r *sql.Sample) (relation, error) {
	in, err := s.relation(r.Relation)
	if err != nil {
		return in, err
	}
	n, ok := sql.Unparen(r.Percent).(*sql.Number)
	if !ok {
		return in, s.src.refuse(r.Percent.Bounds().Start, "a sample percentage that is not a number")
	}
	var percent float64
	if _, err := fmt.Sscanf(n.Text, "%g", &percent); err != nil || percent < 0 || percent > 100 {
		return in, s.src.fail(n.Start, invalidArguments, "Sample percentage must be between 0 and 100")
	}
	method := "bernoulli"
	if r.Method == "SYSTEM" {
		method = "system"
	}
	in.sql = fmt.Sprintf("%s TABLESAMPLE %s(%g PERCENT)", in.sql, method, percent)
	return in, nil
}

// join translates a join. The conditions of an inner join, and those of an outer one on its optional side, may
// prune partitions.
func (s *scope) join(j *sql.Join) (relation, error) {
	if j.Natural {
		return relation{}, s.src.fail(j.Start, notSupported, "Natural join not supported")
	}
	left, err := s.relation(j.Left)
	if err != nil {
		return left, err
	}
	before := s.fields
	s.fields = append(append([]field{}, before...), left.fields...)
	right, err := s.relation(j.Right)
	if err != nil {
		s.fields = before
		return right, err
	}
	defer func() { s.fields = before }()
	out := relation{fields: append(append([]field{}, left.fields...), right.fields...)}
	word := map[sql.JoinKind]string{sql.InnerJoin: "JOIN", sql.LeftJoin: "LEFT JOIN", sql.RightJoin: "RIGHT JOIN",
		sql.FullJoin: "FULL JOIN", sql.CrossJoin: "CROSS JOIN"}[j.Kind]
	cond := ""
	switch {
	case j.On != nil:
		// A column that both sides have is ambiguous even if one is never chosen: the scope sees both.
		s.fields = out.fields
		terms, err := s.condition(j.On, "JOIN clause")
		if err != nil {
			return out, err
		}
		mark(terms...)
		cond = " ON " + allOf(terms)
		s.pruneOn(j, terms, left, right)
	case len(j.Using) > 0:
		return s.using(j, left, right, word)
	}
	if j.Kind == sql.LeftJoin || j.Kind == sql.FullJoin {
		optional(out.fields[len(left.fields):])
	}
	if j.Kind == sql.RightJoin || j.Kind == sql.FullJoin {
		optional(out.fields[:len(left.fields)])
	}
	out.sql = "(" + left.sql + " " + word + " " + right.sql + cond + ")"
	return out, nil
}

// optional notes that an outer join may put NULL in place of the columns: a condition above the join says
// nothing of the partitions below it.
func optional(fields []field) {
	for i := range fields {
		fields[i].key = nil
	}
}

// pruneOn prunes by the conjuncts of ON, on the sides where a row that fails them is not wanted.
func (s *scope) pruneOn(j *sql.Join, terms []expr, left, right relation) {
	var sides []field
	switch j.Kind {
	case sql.InnerJoin:
		sides = append(append(sides, left.fields...), right.fields...)
	case sql.LeftJoin:
		sides = right.fields
	case sql.RightJoin:
		sides = left.fields
	default:
		return
	}
	allowed := map[string]bool{}
	for _, f := range sides {
		allowed[f.sql] = true
	}
	for _, e := range terms {
		ok := true
		for _, u := range e.uses {
			ok = ok && allowed[u.sql]
		}
		if ok {
			s.a.prune([]expr{e})
		}
	}
}

func (s *scope) using(j *sql.Join, left, right relation, word string) (relation, error) {
	var out relation
	var conds []string
	taken := map[string]bool{}
	side := func(r relation, name string, pos int, which string) (field, error) {
		var found []field
		for _, f := range r.fields {
			if f.name == name && !f.path {
				found = append(found, f)
			}
		}
		switch len(found) {
		case 0:
			return field{}, s.src.fail(pos, columnNotFound, "Column '%s' is missing from %s side of join", name, which)
		case 1:
			return found[0], nil
		}
		return field{}, s.src.fail(pos, ambiguousName, "Column '%s' is ambiguous", name)
	}
	for _, id := range j.Using {
		name := id.Key()
		if taken[name] {
			return out, s.src.fail(id.Start, duplicateColumn, "Column '%s' appears multiple times in USING clause", name)
		}
		taken[name] = true
		l, err := side(left, name, id.Start, "left")
		if err != nil {
			return out, err
		}
		r, err := side(right, name, id.Start, "right")
		if err != nil {
			return out, err
		}
		t, ok := common(l.t, r.t)
		if !ok || !t.comparable() {
			return out, s.src.fail(id.Start, typeMismatch, "Column types of left and right sides of join are incompatible: %s and %s", l.t, r.t)
		}
		le := s.coerced(expr{t: l.t, sql: l.sql, never: l.never, facts: facts{cols: l.cols}}, t)
		re := s.coerced(expr{t: r.t, sql: r.sql, never: r.never, facts: facts{cols: r.cols}}, t)
		mark(le, re)
		conds = append(conds, s.comparison("=", le, re).sql)
		f := field{name: name, label: id.Name, t: t, sql: le.sql, never: l.never && r.never, cols: append(append([]*scanColumn{}, l.cols...), r.cols...)}
		switch j.Kind {
		case sql.InnerJoin, sql.LeftJoin:
			f.key = l.key
			if !t.equal(l.t) {
				f.key = nil
			}
		case sql.RightJoin:
			f.sql = re.sql
		default:
			f.sql = "coalesce(" + le.sql + ", " + re.sql + ")"
		}
		out.fields = append(out.fields, f)
	}
	rest := func(fields []field, outer bool) {
		for _, f := range fields {
			if !taken[f.name] || f.path {
				if outer {
					f.key = nil
				}
				out.fields = append(out.fields, f)
			}
		}
	}
	rest(left.fields, j.Kind == sql.RightJoin || j.Kind == sql.FullJoin)
	rest(right.fields, j.Kind == sql.LeftJoin || j.Kind == sql.FullJoin)
	out.sql = "(" + left.sql + " " + word + " " + right.sql + " ON " + strings.Join(conds, " AND ") + ")"
	return out, nil
}

// unnest translates UNNEST as a lateral subquery: arrays of different length are padded with NULL, a map
// gives its keys and values, an array of rows one column for each field.
func (s *scope) unnest(u *sql.Unnest) (relation, error) {
	in := &scope{a: s.a, src: s.src, db: s.db, parent: s.parent, with: s.with, fields: s.fields}
	r := s.a.name("r")
	out := relation{}
	var list, lengths []string
	add := func(t typ, text string) {
		name := column(len(list))
		list = append(list, text+" AS "+name)
		out.fields = append(out.fields, field{t: t, sql: r + "." + name})
	}
	var post []string // the columns of rows, taken apart one level up
	for _, x := range u.Exprs {
		e, err := in.expr(x)
		if err != nil {
			return out, err
		}
		if e.agg != "" || e.win != "" {
			return out, s.src.fail(e.pos, notScalar, "UNNEST cannot contain aggregations, window functions or grouping operations")
		}
		mark(e)
		switch {
		case e.t.k == array && e.t.elem.k == row:
			inner := "unnest(" + e.sql + ")"
			whole := s.a.name("u")
			post = append(post, inner+" AS "+whole)
			for i, f := range e.t.elem.fields {
				add(f.t, "p."+whole+"["+quoteText(fieldName(f.name, i))+"]")
				out.fields[len(out.fields)-1].name = f.name
			}
			lengths = append(lengths, "coalesce(len("+e.sql+"), 0)")
		case e.t.k == array:
			add(*e.t.elem, "")
			lengths = append(lengths, "coalesce(len("+e.sql+"), 0)")
			whole := s.a.name("u")
			post = append(post, "unnest("+e.sql+") AS "+whole)
			list[len(list)-1] = "p." + whole + " AS " + column(len(list)-1)
		case e.t.k == mapping:
			k, v := s.a.name("u"), s.a.name("u")
			post = append(post, "unnest(map_keys("+e.sql+")) AS "+k, "unnest(map_values("+e.sql+")) AS "+v)
			add(*e.t.key, "p."+k)
			add(*e.t.elem, "p."+v)
			lengths = append(lengths, "coalesce(cardinality("+e.sql+"), 0)")
		default:
			return out, s.src.fail(e.pos, typeMismatch, "Cannot unnest type: %s", e.t)
		}
	}
	if u.Ordinality {
		n := s.a.name("u")
		length := lengths[0]
		if len(lengths) > 1 {
			length = "greatest(" + strings.Join(lengths, ", ") + ")"
		}
		post = append(post, "unnest(range(1, CAST("+length+" AS BIGINT) + 1)) AS "+n)
		add(tBigint, "p."+n)
	}
	out.sql = "LATERAL (SELECT " + strings.Join(list, ", ") + " FROM (SELECT " + strings.Join(post, ", ") + ") AS p) AS " + r
	return out, nil
}
