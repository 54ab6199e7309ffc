package translate

import (
	"fmt"
	"strconv"
	"strings"

	"flowlake/query/sql"
)

// grouping is what a block is grouped by.
type grouping struct {
	keys  map[string]bool // the keys' text
	exprs []expr          // for GROUPING()
	text  string          // the clause
	sets  bool            // there are grouping sets: a key may be NULL where its column is not
}

// selection translates a SELECT; q holds the ORDER BY, OFFSET and LIMIT behind it, or is nil.
func (s *scope) selection(sel *sql.Select, q *sql.Query) (result, error) {
	from, err := s.from(sel.From)
	if err != nil {
		return result{}, err
	}
	where, err := s.where(sel.Where)
	if err != nil {
		return result{}, err
	}
	if err := s.windows(sel.Windows); err != nil {
		return result{}, err
	}
	if err := s.groupBy(sel); err != nil {
		return result{}, err
	}
	items, out, err := s.itemList(sel)
	if err != nil {
		return result{}, err
	}
	having, err := s.having(sel.Having)
	if err != nil {
		return result{}, err
	}
	grouped := s.group != nil || sel.Having != nil
	hasWindow := false
	for _, it := range items {
		grouped = grouped || it.e.agg != ""
		hasWindow = hasWindow || it.e.win != ""
	}
	var tail string
	if q != nil {
		tail, err = s.tail(q, items, sel.Distinct, func(e expr, x sql.Expr) error {
			if !grouped && e.agg == "" {
				return nil
			}
			if !grouped {
				grouped = true
			}
			return s.grouped(e, x.Bounds().Start, x.Bounds().Of(s.src.text))
		})
		if err != nil {
			return result{}, err
		}
	}
	if grouped {
		for i, it := range items {
			if err := s.grouped(it.e, it.e.pos, s.itemText(sel, i, it)); err != nil {
				return result{}, err
			}
		}
	}
	if sel.Distinct {
		for _, it := range items {
			mark(it.e)
			if err := s.distinguishable(it.e.t, it.e.pos); err != nil {
				return result{}, err
			}
			if !it.e.t.comparable() {
				return result{}, s.src.fail(it.e.pos, typeMismatch, "DISTINCT can only be applied to comparable types (actual: %s)", it.e.t)
			}
		}
	}
	limited := q != nil && (q.Limit != nil || q.Offset != nil)
	sets := s.group != nil && s.group.sets
	for i := range out {
		if limited || hasWindow || sets {
			out[i].key = nil
		}
	}
	var b strings.Builder
	b.WriteString("SELECT ")
	if sel.Distinct {
		b.WriteString("DISTINCT ")
	}
	for i, it := range items {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(it.e.sql + " AS " + column(i))
	}
	b.WriteString(from + where)
	if s.group != nil {
		b.WriteString(s.group.text)
	}
	b.WriteString(having + tail)
	return result{sql: b.String(), out: out}, nil
}

func (s *scope) from(list []sql.Relation) (string, error) {
	var parts []string
	for _, r := range list {
		rel, err := s.relation(r)
		if err != nil {
			return "", err
		}
		parts = append(parts, rel.sql)
		s.fields = append(append([]field{}, s.fields...), rel.fields...)
	}
	if len(parts) == 0 {
		return "", nil
	}
	return " FROM " + strings.Join(parts, ", "), nil
}

// condition translates the conjuncts of a boolean clause.
func (s *scope) condition(x sql.Expr, clause string) ([]expr, error) {
	var out []expr
	for _, term := range conjuncts(x) {
		s.term = term
		e, err := s.scalar(term, clause)
		if err != nil {
			return nil, err
		}
		if e.t.k != boolean && e.t.k != unknown {
			return nil, s.src.fail(e.pos, typeMismatch, "%s must evaluate to a boolean: actual type %s", clause, e.t)
		}
		out = append(out, s.coerced(e, tBoolean))
	}
	return out, nil
}

// scalar translates an expression in which no aggregate and no window function may stand.
func (s *scope) scalar(x sql.Expr, clause string) (expr, error) {
	e, err := s.expr(x)
	if err == nil && (e.agg != "" || e.win != "") {
		err = s.src.fail(x.Bounds().Start, notScalar,
			"%s cannot contain aggregations, window functions or grouping operations: [%s]", clause, x.Bounds().Of(s.src.text))
	}
	return e, err
}

func allOf(terms []expr) string {
	texts := make([]string, len(terms))
	for i, t := range terms {
		texts[i] = t.sql
	}
	return strings.Join(texts, " AND ")
}

func (s *scope) where(x sql.Expr) (string, error) {
	if x == nil {
		return "", nil
	}
	terms, err := s.condition(x, "WHERE clause")
	if err != nil {
		return "", err
	}
	mark(terms...)
	s.a.prune(terms)
	return " WHERE " + allOf(terms), nil
}

func (s *scope) having(x sql.Expr) (string, error) {
	if x == nil {
		return "", nil
	}
	e, err := s.expr(x)
	if err != nil {
		return "", err
	}
	if e.win != "" {
		return "", s.src.fail(x.Bounds().Start, nestedWindow, "HAVING clause cannot contain window functions or row pattern measures")
	}
	if e.t.k != boolean && e.t.k != unknown {
		return "", s.src.fail(x.Bounds().Start, typeMismatch, "HAVING clause must evaluate to a boolean: actual type %s", e.t)
	}
	if err := s.grouped(e, x.Bounds().Start, x.Bounds().Of(s.src.text)); err != nil {
		return "", err
	}
	mark(e)
	return " HAVING " + s.coerced(e, tBoolean).sql, nil
}

// grouped checks that an expression of a grouped block names columns in keys and aggregates only.
func (s *scope) grouped(e expr, pos int, text string) error {
	for _, u := range e.uses {
		if u.scope == s {
			return s.src.fail(pos, notAggregate, "'%s' must be an aggregate expression or appear in GROUP BY clause", text)
		}
	}
	return nil
}

// itemText is what the source says for an item; for a star's columns, their name.
func (s *scope) itemText(sel *sql.Select, i int, it item) string {
	if len(sel.Items) > i && sel.Items[i].Expr != nil && !sel.Items[i].Star {
		return sel.Items[i].Expr.Bounds().Of(s.src.text)
	}
	if it.name != "" {
		return it.name
	}
	return "_col" + strconv.Itoa(i)
}

func (s *scope) windows(list []sql.NamedWindow) error {
	for _, w := range list {
		name := w.Name.Key()
		if _, ok := s.window[name]; ok {
			return s.src.fail(w.Start, "DUPLICATE_WINDOW_NAME", "WINDOW name '%s' specified more than once", w.Name.Name)
		}
		if s.window == nil {
			s.window = map[string]*sql.Window{}
		}
		s.window[name] = w.Window
	}
	return nil
}

func (s *scope) groupBy(sel *sql.Select) error {
	g := sel.GroupBy
	if g == nil {
		return nil
	}
	if g.Distinct {
		return s.src.refuse(g.Start, "GROUP BY DISTINCT")
	}
	group := &grouping{keys: map[string]bool{}}
	key := func(x sql.Expr, bare bool) (string, error) {
		if n, ok := x.(*sql.Number); ok && bare && n.Kind == sql.Integer {
			i := 0
			if _, err := fmt.Sscan(n.Text, &i); err != nil || i < 1 || i > len(sel.Items) {
				return "", s.src.fail(n.Start, invalidPosition, "GROUP BY position %s is not in select list", n.Text)
			}
			for _, it := range sel.Items[:i] {
				if it.Star {
					return "", s.src.refuse(n.Start, "a GROUP BY position behind *")
				}
			}
			x = sel.Items[i-1].Expr
			if s.memo == nil {
				s.memo = map[sql.Expr]expr{}
			}
			if _, ok := s.memo[x]; !ok {
				e, err := s.scalar(x, "GROUP BY clause")
				if err != nil {
					return "", err
				}
				s.memo[x] = e
			}
		}
		e, ok := s.memo[x]
		if !ok {
			var err error
			if e, err = s.scalar(x, "GROUP BY clause"); err != nil {
				return "", err
			}
		}
		if !e.t.comparable() {
			return "", s.src.fail(x.Bounds().Start, typeMismatch, "%s is not comparable, and therefore cannot be used in GROUP BY", e.t)
		}
		if err := s.distinguishable(e.t, x.Bounds().Start); err != nil {
			return "", err
		}
		mark(e)
		group.keys[e.sql] = true
		group.exprs = append(group.exprs, e)
		if len(e.uses) == 0 {
			// A bare constant would be a position to the engine.
			return "CAST(" + e.sql + " AS " + e.t.duck() + ")", nil
		}
		return e.sql, nil
	}
	var elements []string
	for _, el := range g.Elements {
		group.sets = group.sets || el.Kind != sql.GroupSimple
		var sets []string
		for _, set := range el.Sets {
			var keys []string
			for _, x := range set.Exprs {
				k, err := key(x, el.Kind == sql.GroupSimple)
				if err != nil {
					return err
				}
				keys = append(keys, k)
			}
			text := strings.Join(keys, ", ")
			if el.Kind != sql.GroupSimple {
				text = "(" + text + ")"
			}
			sets = append(sets, text)
		}
		switch {
		case el.Kind == sql.GroupSimple && sets[0] == "":
			elements = append(elements, "()")
		case el.Kind == sql.GroupSimple:
			elements = append(elements, sets[0])
		default:
			elements = append(elements, string(el.Kind)+" ("+strings.Join(sets, ", ")+")")
		}
	}
	group.text = " GROUP BY " + strings.Join(elements, ", ")
	s.group = group
	// What an ordinal named was read before the keys were known.
	for x, e := range s.memo {
		e.uses = nil
		s.memo[x] = e
	}
	return nil
}

// itemList translates the SELECT list and expands its stars.
func (s *scope) itemList(sel *sql.Select) (items []item, out []field, err error) {
	for _, it := range sel.Items {
		if it.Star {
			if items, out, err = s.star(it, items, out); err != nil {
				return nil, nil, err
			}
			continue
		}
		e, err := s.expr(it.Expr)
		if err != nil {
			return nil, nil, err
		}
		if e.t.k == function {
			return nil, nil, s.src.fail(it.Start, typeMismatch, "a lambda expression stands alone")
		}
		e.pos = it.Expr.Bounds().Start
		var id sql.Ident
		if it.Alias != nil {
			id = *it.Alias
		} else {
			switch x := sql.Unparen(it.Expr).(type) {
			case *sql.Reference:
				id = x.Name
			case *sql.Dereference:
				id = x.Field
			}
		}
		name := id.Key()
		items = append(items, item{name, e})
		out = append(out, field{name: name, label: id.Name, t: e.t, cols: e.cols, key: e.key, never: e.never})
	}
	if len(items) == 0 {
		return nil, nil, s.src.fail(sel.Start, missingColumns, "SELECT list is empty")
	}
	return items, out, nil
}

func (s *scope) star(it sql.SelectItem, items []item, out []field) ([]item, []field, error) {
	if len(s.fields) == 0 && it.Expr == nil {
		return nil, nil, s.src.fail(it.Start, missingColumns, "SELECT * not allowed in queries without FROM clause")
	}
	var chosen []field
	if it.Expr != nil {
		name, ok := nameOf(it.Expr)
		if !ok {
			return nil, nil, s.src.refuse(it.Start, "all fields of a row (x.*)")
		}
		for _, f := range s.fields {
			last := len(name) - 1
			if f.table == name[last] && (last == 0 || last == 1 && f.db == name[0] && f.db != "") && !f.path {
				chosen = append(chosen, f)
			}
		}
		if len(chosen) == 0 {
			return nil, nil, s.src.fail(it.Start, tableNotFound, "Unable to resolve reference %s", strings.Join(name, "."))
		}
	} else {
		for _, f := range s.fields {
			if !f.path {
				chosen = append(chosen, f)
			}
		}
	}
	if n := len(it.StarAliases); n > 0 && n != len(chosen) {
		return nil, nil, s.src.fail(it.Start, mismatchedAliases, "Column alias list has %d entries but relation has %d columns", n, len(chosen))
	}
	for i, f := range chosen {
		e := expr{t: f.t, sql: f.sql, pos: it.Start, never: f.never || !f.t.floating(), key: f.key}
		e.cols = f.cols
		if s.group == nil || !s.group.keys[f.sql] {
			e.uses = []use{{scope: s, sql: f.sql, name: f.name, pos: it.Start, key: f.key}}
		}
		name, label := f.name, f.label
		if len(it.StarAliases) > 0 {
			name, label = it.StarAliases[i].Key(), it.StarAliases[i].Name
		}
		items = append(items, item{name, e})
		out = append(out, field{name: name, label: label, t: f.t, cols: f.cols, key: f.key, never: e.never})
	}
	return items, out, nil
}

func conjuncts(e sql.Expr) []sql.Expr {
	e = sql.Unparen(e)
	if l, ok := e.(*sql.Logical); ok && l.Op == sql.And {
		var out []sql.Expr
		for _, t := range l.Terms {
			out = append(out, conjuncts(t)...)
		}
		return out
	}
	return []sql.Expr{e}
}

// distinguishable refuses to tell values apart whose text here is not the same for equal values.
func (s *scope) distinguishable(t typ, pos int) error {
	if t.k == jsonType {
		return s.src.refuse(pos, "DISTINCT, GROUP BY and UNION over json values")
	}
	return nil
}
