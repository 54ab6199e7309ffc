package translate

import (
	"context"
	"fmt"
	"sort"
	"strings"

	"flowlake/fault"
	"flowlake/query/sql"
)

// Bounds on what one query may become: views and functions multiply text.
const (
	maxSQL   = 8 << 20
	maxDepth = 900
	maxScans = 1000
	maxViews = 16 // how deep views may stand on views
)

// analysis is the work on one query.
type analysis struct {
	ctx     context.Context
	cat     Catalog
	opts    Options
	catalog string // the data catalogue's name in lower case
	scans   []*scan
	terms   []pendingTerm // in the order of the text, as scans are
	names   int           // names made so far
	depth   int           // of the tree, against the stack's end
	views   []string      // being expanded, outermost first
	outer   []use         // columns of blocks around a subquery that it names, see scope.subquery
}

// scan is one place that reads a table.
type scan struct {
	Table
	rel    Relation
	types  []typ // of the keys
	data   []*scanColumn
	keys   []*scanColumn
	path   scanColumn
	veil   *veil // nil: the user may see all of it
	unused bool  // in a WITH table that nothing names
}

// pendingTerm is a condition on a scan's keys. When it came through a WITH table that is used more than
// once it holds for one use only, and is dropped; so is one that stands in a WITH table that nothing names.
type pendingTerm struct {
	scan   *scan
	e      expr
	with   []*int
	unused bool
}

// scanColumn is a column of a scan, and whether the query needs it.
type scanColumn struct{ read bool }

// keyRef is a partition key of a scan, seen through subqueries that pass it on unchanged.
type keyRef struct {
	scan  *scan
	index int
	with  []*int // use counts of the WITH tables between
}

func newAnalysis(ctx context.Context, cat Catalog, opts Options) *analysis {
	if opts.Catalog == "" {
		opts.Catalog = "awsdatacatalog"
	}
	opts.Database = strings.ToLower(opts.Database)
	return &analysis{ctx: ctx, cat: cat, opts: opts, catalog: strings.ToLower(opts.Catalog)}
}

// name makes a name that is nowhere else in the query.
func (a *analysis) name(prefix string) string {
	a.names++
	return fmt.Sprintf("%s%d", prefix, a.names)
}

// deeper guards the stack: the parser bounds a text's nesting, views add to it.
func (a *analysis) deeper(src *source, n sql.Node) (func(), error) {
	if a.depth++; a.depth > maxDepth {
		return nil, src.fail(n.Bounds().Start, syntaxError, "the statement is nested too deeply")
	}
	return func() { a.depth-- }, nil
}

func (a *analysis) plan(q *sql.Query, text string) (Plan, error) {
	top := &scope{a: a, src: &source{text}, db: a.opts.Database}
	r, err := top.query(q)
	if err != nil {
		return Plan{}, err
	}
	var p Plan
	list := make([]string, len(r.out))
	for i, f := range r.out {
		for _, c := range f.cols {
			c.read = true
		}
		if f.t.mixed() {
			return Plan{}, top.src.refuse(q.Start, "a column of timestamps in different time zones")
		}
		name := f.name
		if name == "" {
			name = fmt.Sprintf("_col%d", i)
		}
		t, precision, scale := f.t.athena()
		c := ResultColumn{Name: name, Label: f.label, Type: t, Precision: precision, Scale: scale, Trino: f.t.String()}
		if c.Label == "" {
			c.Label = name
		}
		p.Columns = append(p.Columns, c)
		list[i] = a.shown(f.t, "r."+column(i)) + " AS " + quoteIdent(name)
	}
	p.SQL = "SELECT " + strings.Join(list, ", ") + " FROM (" + r.sql + ") AS r"
	if len(p.SQL) > maxSQL {
		return Plan{}, fault.Newf(fault.Limit, "query", "its translation has more than %d bytes", maxSQL)
	}
	for _, s := range a.scans {
		if !s.unused {
			p.Tables = append(p.Tables, s.table(a.terms))
		}
	}
	return p, nil
}

// column names the i-th column of a query block in the engine.
func column(i int) string { return fmt.Sprintf("c%d", i) }

// table is what the plan says of a scan, once all its uses are known.
func (s *scan) table(terms []pendingTerm) Table {
	t := s.Table
	for i, c := range s.rel.Columns {
		if s.data[i].read {
			t.Read = append(t.Read, c.Name)
		}
	}
	t.Keys = s.rel.Keys
	for i, c := range s.rel.Keys {
		if s.keys[i].read {
			t.KeysRead = append(t.KeysRead, c.Name)
		}
	}
	t.Path = s.path.read
	t.Barrier = s.veil.barrier(s.Scan)
	t.Constraint.types = s.types
	for _, p := range terms {
		drop := p.unused || p.scan != s
		for _, uses := range p.with {
			drop = drop || *uses > 1
		}
		if !drop {
			t.Constraint.add(p.e)
		}
	}
	return t
}

// mark notes that the columns an expression names are needed.
func mark(list ...expr) {
	for _, e := range list {
		for _, c := range e.cols {
			c.read = true
		}
	}
}

// prune takes conditions that hold for every row wanted and keeps those on the keys of one scan.
func (a *analysis) prune(terms []expr) {
	for _, t := range terms {
		if t.constant || t.eval == nil && t.limit == nil {
			continue
		}
		var only *scan
		with := map[*int]bool{}
		ok := true
		for _, k := range t.keyRefs() {
			if only != nil && only != k.scan {
				ok = false
				break
			}
			only = k.scan
			for _, w := range k.with {
				with[w] = true
			}
		}
		if !ok || only == nil {
			continue
		}
		term := pendingTerm{scan: only, e: t}
		for w := range with {
			term.with = append(term.with, w)
		}
		a.terms = append(a.terms, term)
	}
}

// addScan makes a new scan of a table and the fields that it offers: those that its user may see.
func (s *scope) addScan(rel Relation, db, table, alias string, n sql.Node) (relation, error) {
	a := s.a
	if len(a.scans) >= maxScans {
		return relation{}, fault.Newf(fault.Limit, "query", "it names more than %d tables", maxScans)
	}
	sc := &scan{rel: rel}
	sc.Scan = fmt.Sprintf("scan_%d", len(a.scans))
	sc.Database, sc.Name = db, table
	for range rel.Columns {
		sc.data = append(sc.data, &scanColumn{})
	}
	for range rel.Keys {
		sc.keys, sc.types = append(sc.keys, &scanColumn{}), append(sc.types, tVarchar)
	}
	for i, c := range rel.Keys {
		if t, err := fromHive(c.Type); err == nil {
			sc.types[i] = t
		}
	}
	a.scans = append(a.scans, sc)
	var err error
	if sc.veil, err = a.veilOf(sc, rel); err != nil {
		return relation{}, err
	}
	r, from := a.name("r"), sc.Scan
	if sc.veil.barred() {
		from = sc.veil.name
	}
	out := relation{sql: quoteIdent(from) + " AS " + r}
	add := func(c Column, read *scanColumn, key *keyRef) error {
		name := strings.ToLower(c.Name)
		if !sc.veil.sees(name) {
			return nil
		}
		t, err := fromHive(c.Type)
		if err != nil {
			return s.src.fail(n.Bounds().Start, notSupported, "column %s of table %s.%s: %v", c.Name, db, table, err)
		}
		f := field{name: name, table: alias, t: t, sql: r + "." + quoteIdent(name), cols: []*scanColumn{read}, key: key}
		if sc.veil.barred() && sc.veil.column(name, t, read) {
			f.key = nil // it is NULL where the partition's value is not
		}
		if t.k == char {
			// The engine holds what the file has; Trino's values are padded.
			f.sql = fmt.Sprintf("rpad(%s, %d, ' ')", f.sql, t.p)
		}
		out.fields = append(out.fields, f)
		return nil
	}
	for i, c := range rel.Columns {
		if err := add(c, sc.data[i], nil); err != nil {
			return relation{}, err
		}
	}
	for i, c := range rel.Keys {
		if err := add(c, sc.keys[i], &keyRef{scan: sc, index: i}); err != nil {
			return relation{}, err
		}
	}
	if rel.Cells != nil {
		return out, nil // an object's name tells of hidden keys and rows
	}
	out.fields = append(out.fields, field{name: "$path", table: alias, t: tVarchar, sql: r + `."$path"`,
		cols: []*scanColumn{&sc.path}, path: true})
	return out, nil
}

// keyRefs lists the partition keys that an expression computes with.
func (e expr) keyRefs() []*keyRef {
	var out []*keyRef
	for _, u := range e.uses {
		if u.key != nil {
			out = append(out, u.key)
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].scan.Scan < out[j].scan.Scan })
	return out
}
