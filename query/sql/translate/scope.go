package translate

import (
	"strings"

	"flowlake/fault"
	"flowlake/query/sql"
)

// expr is a translated expression: its type, its text in DuckDB's SQL and what is known about it.
type expr struct {
	t   typ
	sql string // may stand wherever an operand may: parenthesised where it must be
	pos int    // where the source has it
	facts
	// eval computes the value from partition keys, for pruning and for constants; nil: not known here.
	eval     func(keys []any) any
	constant bool // eval needs no keys
	never    bool // the value is never NaN, as no exact number is
	key      *keyRef
	// grows is a key that the value never falls with while that key rises; it is NULL when the key is, and only then.
	grows *keyRef
	limit limiter // of a condition
	parts []expr  // of a row that is written out: its fields
}

// facts are what an expression takes over from its parts.
type facts struct {
	uses     []use         // columns outside of aggregates
	cols     []*scanColumn // what it reads
	agg, win string        // the aggregate or window function in it, "" if there is none
	volatile bool
}

// use is a reference to a column of one query block.
type use struct {
	scope *scope
	sql   string
	name  string // as messages spell it
	pos   int
	key   *keyRef
}

func (f *facts) take(parts ...expr) {
	for _, p := range parts {
		f.uses = append(f.uses, p.uses...)
		f.cols = append(f.cols, p.cols...)
		if f.agg == "" {
			f.agg = p.agg
		}
		if f.win == "" {
			f.win = p.win
		}
		f.volatile = f.volatile || p.volatile
	}
}

// made is an expression built of parts.
func made(t typ, text string, parts ...expr) expr {
	e := expr{t: t, sql: text, never: !t.floating()}
	for _, p := range parts {
		if e.pos == 0 {
			e.pos = p.pos
		}
	}
	e.take(parts...)
	return e
}

// valued adds how the value follows from those of the parts; f never sees an unknown part.
func (e expr) valued(f func(v []any) any, parts ...expr) expr {
	e.constant = true
	for _, p := range parts {
		if p.eval == nil {
			e.constant = false
			return e
		}
		e.constant = e.constant && p.constant
	}
	e.eval = func(keys []any) any {
		v := make([]any, len(parts))
		for i, p := range parts {
			if v[i] = p.eval(keys); v[i] == unknownValue {
				return unknownValue
			}
		}
		return f(v)
	}
	return e
}

// text returns the value of a constant string.
func (e expr) text() (string, bool) {
	if !e.constant || e.eval == nil {
		return "", false
	}
	s, ok := e.eval(nil).(string)
	return s, ok
}

// whole returns the value of a constant integer.
func (e expr) whole() (int64, bool) {
	if !e.constant || e.eval == nil {
		return 0, false
	}
	n, ok := e.eval(nil).(int64)
	return n, ok
}

// field is a column that a query block can name.
type field struct {
	name  string // lower case; "" for one without a name
	label string // the name in the case that the query wrote it in; "" if it did not
	table string // the alias, or the table's own name; "" for none
	db    string // the table's database, when the table has no alias
	t     typ
	sql   string
	cols  []*scanColumn
	key   *keyRef
	path  bool // "$path": only found by its name, not by *
	never bool
}

// scope is the names that a query block sees.
type scope struct {
	a      *analysis
	src    *source
	db     string // where unqualified tables are looked up
	parent *scope // the block around, whose columns may be named too
	with   *withScope
	fields []field
	params []param // of the lambdas around, innermost last
	group  *grouping
	memo   map[sql.Expr]expr // items that GROUP BY named by ordinal
	window map[string]*sql.Window
	// items answers names of the SELECT list: set while ORDER BY is read.
	items []item
	// term is the condition being read that only its being true matters of: NULL and false are the same.
	term sql.Expr
}

// item is an expression of the SELECT list with the name that ORDER BY may call it by.
type item struct {
	name string // "" for none
	e    expr
}

type param struct {
	name string
	e    expr
}

// withScope is one WITH table, linked to those before it.
type withScope struct {
	name   string
	fields []field // sql is the column's name in the table
	table  string  // its name in the engine
	next   *withScope
	refs   *int
}

func (s *scope) withTable(name string) *withScope {
	for w := s.with; w != nil; w = w.next {
		if w.name == name {
			return w
		}
	}
	return nil
}

// nameOf returns the parts of a name that is only identifiers and dots.
func nameOf(e sql.Expr) ([]string, bool) {
	switch e := e.(type) {
	case *sql.Reference:
		return []string{e.Name.Key()}, true
	case *sql.Dereference:
		base, ok := nameOf(e.Base)
		if !ok {
			return nil, false
		}
		return append(base, e.Field.Key()), true
	}
	return nil, false
}

// matches reports whether a dotted name means the field.
func (f *field) matches(s *scope, name []string) bool {
	n := len(name)
	if f.name != name[n-1] || f.name == "" {
		return false
	}
	switch n {
	case 1:
		return true
	case 2:
		return f.table == name[0]
	case 3:
		return f.table == name[1] && f.db != "" && f.db == name[0]
	case 4:
		return f.table == name[2] && f.db != "" && f.db == name[1] && name[0] == s.a.catalog
	}
	return false
}

// lookup finds a column by its dotted name, in this block and then in those around it.
func (s *scope) lookup(name []string, pos int) (expr, bool, error) {
	if len(name) == 1 {
		for i := len(s.params) - 1; i >= 0; i-- {
			if s.params[i].name == name[0] {
				return s.params[i].e, true, nil
			}
		}
		if e, ok, err := s.listed(name[0], pos); ok || err != nil {
			return e, ok, err
		}
	}
	for at := s; at != nil; at = at.parent {
		f, err := at.find(at.fields, name, pos)
		if err != nil {
			return expr{}, false, err
		}
		if f == nil {
			continue
		}
		e := expr{t: f.t, sql: f.sql, pos: pos, never: f.never || !f.t.floating(), key: f.key}
		e.cols = f.cols
		if at.group == nil || !at.group.keys[f.sql] {
			e.uses = []use{{scope: at, sql: f.sql, name: strings.Join(name, "."), pos: pos, key: f.key}}
			if at != s {
				s.a.outer = append(s.a.outer, e.uses[0])
			}
		}
		if f.key != nil && at == s {
			k := f.key
			if k.scan.types[k.index].ranges() {
				e.grows = k
			}
			e.eval = func(keys []any) any {
				if k.index < len(keys) {
					return keys[k.index]
				}
				return unknownValue
			}
		}
		return e, true, nil
	}
	return expr{}, false, nil
}

func (s *scope) find(fields []field, name []string, pos int) (*field, error) {
	var found *field
	for i := range fields {
		if !fields[i].matches(s, name) {
			continue
		}
		if found != nil && !(found.sql == fields[i].sql && found.path) {
			return nil, s.src.fail(pos, ambiguousName, "Column '%s' is ambiguous", strings.Join(name, "."))
		}
		found = &fields[i]
	}
	return found, nil
}

func (s *scope) missing(name []string, pos int) error {
	hint := ""
	if len(name) == 1 && pos < len(s.src.text) && s.src.text[pos] == '"' {
		hint = ". A string is written in single quotes; double quotes are for names"
	}
	return s.src.fail(pos, columnNotFound,
		"Column '%s' cannot be resolved or requester is not authorized to access requested resources%s",
		strings.Join(name, "."), hint)
}

// hasColumn reports whether some visible column has that name.
func (s *scope) hasColumn(name string) bool {
	for at := s; at != nil; at = at.parent {
		for i := range at.fields {
			if at.fields[i].name == name && !at.fields[i].path {
				return true
			}
		}
	}
	return false
}

// reference translates a name, or a field of a row that a name leads to.
func (s *scope) reference(e sql.Expr) (expr, error) {
	pos := e.Bounds().Start
	name, isName := nameOf(e)
	if isName {
		x, ok, err := s.lookup(name, pos)
		if ok || err != nil {
			return x, err
		}
	}
	d, ok := e.(*sql.Dereference)
	if !ok {
		return expr{}, s.missing(name, pos)
	}
	if isName {
		if _, ok := nameOf(d.Base); ok {
			base, err := s.reference(d.Base)
			if err != nil {
				if fault.HasNoun(err, columnNotFound) {
					return expr{}, s.missing(name, pos) // the whole name, not the part that was tried last
				}
				return expr{}, err
			}
			return s.rowField(base, d, name)
		}
	}
	base, err := s.expr(d.Base)
	if err != nil {
		return expr{}, err
	}
	return s.rowField(base, d, nil)
}

// listed finds an item of the SELECT list: ORDER BY looks there first.
func (s *scope) listed(name string, pos int) (expr, bool, error) {
	var found *item
	for i := range s.items {
		if s.items[i].name != name {
			continue
		}
		if found != nil && found.e.sql != s.items[i].e.sql {
			return expr{}, false, s.src.fail(pos, ambiguousName, "Column '%s' is ambiguous", name)
		}
		found = &s.items[i]
	}
	if found == nil {
		return expr{}, false, nil
	}
	e := found.e
	e.pos = pos
	return e, true, nil
}

func (s *scope) rowField(base expr, d *sql.Dereference, name []string) (expr, error) {
	if base.t.k != row {
		if name != nil {
			return expr{}, s.missing(name, d.Start)
		}
		return expr{}, s.src.fail(d.Start, typeMismatch, "Expression %s is not of type ROW", d.Base.Bounds().Of(s.src.text))
	}
	want, at := d.Field.Key(), -1
	for i, f := range base.t.fields {
		if f.name == want {
			if at >= 0 {
				return expr{}, s.src.fail(d.Start, ambiguousName, "Ambiguous row field reference: %s", want)
			}
			at = i
		}
	}
	if at < 0 {
		return expr{}, s.missing([]string{d.Of(s.src.text)}, d.Start)
	}
	x := made(base.t.fields[at].t, "struct_extract("+base.sql+", "+quoteText(want)+")", base)
	x.pos = d.Start
	return x, nil
}
