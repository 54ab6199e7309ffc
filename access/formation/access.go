package formation

import (
	"context"
	"slices"
	"strings"

	"flowlake/access"
	"flowlake/fault"
)

// Cells are columns of a table on some of its rows.
type Cells struct {
	Columns []string // in the table's order
	Rows    string   // an SQL expression over the table's columns, also over hidden ones; "" for all rows
}

// Access is what a principal may do with a table.
//
// A table that IAM_ALLOWED_PRINCIPALS have ALL on is not governed: IAM decides alone, and Access says yes to everything.
type Access struct {
	Governed    bool
	Describe    bool         // the principal may know of the table; when not, it is not there
	Columns     []string     // whose names and types the principal may know, in the table's order
	Select      []Cells      // the union of what may be read; none: nothing
	Permissions []Permission // on the table as a whole, columns alone are not: DESCRIBE, SELECT (every cell), INSERT, DELETE, ALTER, DROP
}

// May reports whether the principal has a permission on the table as a whole.
func (a *Access) May(p Permission) bool { return slices.Contains(a.Permissions, p) }

// What ALL is.
var (
	tablePermissions    = []Permission{Select, Insert, Delete, Describe, Alter, Drop}
	databasePermissions = []Permission{Alter, CreateTable, Describe, Drop}
)

// Table says what the caller may do with a table, which exists.
//
// A data lake administrator may know of everything, and may grant itself what it lacks; it reads nothing without.
//
// Source: Lake Formation developer guide, "Implicit Lake Formation permissions".
func (v *View) Table(ctx context.Context, t Table) (Access, error) {
	all := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		all[i] = c.Name
	}
	own, err := v.read(kindTable, tableKey(t.Database, t.Name))
	if err != nil {
		return Access{}, err
	}
	a := Access{Governed: !own.open()}
	if !a.Governed || v.c.IsRoot() {
		a.Describe, a.Columns, a.Select, a.Permissions = true, all, []Cells{{Columns: all}}, tablePermissions
		return a, nil
	}
	r := reading{all: all}
	if err := v.readTable(&r, t.Database, t.Name, own); err != nil {
		return Access{}, err
	}
	admin, err := v.reader()
	if err != nil {
		return Access{}, err
	}
	if admin || len(r.permitted) > 0 { // whoever may do anything with a whole table may know all of it
		r.permit(Describe)
	}
	for _, p := range tablePermissions {
		if r.permitted[p] {
			a.Permissions = append(a.Permissions, p)
		}
	}
	a.Select = r.union()
	if len(a.Permissions) > 0 {
		a.Columns = all
	} else {
		a.Columns = r.columns()
	}
	a.Describe = len(a.Permissions) > 0 || len(a.Select) > 0
	return a, nil
}

// reading gathers what a principal may do with one table.
type reading struct {
	all       []string // the table's columns
	permitted map[Permission]bool
	cells     []Cells
}

func (r *reading) permit(list ...Permission) {
	if r.permitted == nil {
		r.permitted = map[Permission]bool{}
	}
	for _, p := range list {
		if p == All {
			r.permit(tablePermissions...)
			continue
		}
		r.permitted[p] = true
	}
}

// allow adds those columns of the table that keep says yes to.
func (r *reading) allow(rows string, keep func(column string) bool) {
	var columns []string
	for _, c := range r.all {
		if keep(c) {
			columns = append(columns, c)
		}
	}
	switch {
	case len(columns) == 0:
	case rows == "" && len(columns) == len(r.all):
		r.permit(Select)
	default:
		r.cells = append(r.cells, Cells{columns, rows})
	}
}

// union is what may be read, without what another part of it says already.
func (r *reading) union() []Cells {
	if r.permitted[Select] {
		return []Cells{{Columns: r.all}}
	}
	merged := map[string]map[string]bool{} // by rows
	var order []string
	for _, c := range r.cells {
		if merged[c.Rows] == nil {
			merged[c.Rows] = map[string]bool{}
			order = append(order, c.Rows)
		}
		for _, name := range c.Columns {
			merged[c.Rows][name] = true
		}
	}
	slices.Sort(order) // "" first: what is seen on all rows
	var union []Cells
	for _, rows := range order {
		var columns []string
		more := rows == ""
		for _, name := range r.all {
			if merged[rows][name] {
				columns = append(columns, name)
				more = more || !merged[""][name]
			}
		}
		if more {
			union = append(union, Cells{columns, rows})
		}
	}
	return union
}

// columns are those of which some cell may be read.
func (r *reading) columns() []string {
	seen := map[string]bool{}
	for _, c := range r.cells {
		for _, name := range c.Columns {
			seen[name] = true
		}
	}
	var columns []string
	for _, name := range r.all {
		if seen[name] {
			columns = append(columns, name)
		}
	}
	return columns
}

// readTable gathers the caller's grants on a table: by its name, on all tables of its database, and by tags.
func (v *View) readTable(r *reading, database, name string, own *document) error {
	every, err := v.read(kindTable, tableKey(database, wildcard))
	if err != nil {
		return err
	}
	for _, d := range []*document{every, own} {
		for i := range d.Grants {
			g := &d.Grants[i]
			if !v.applies(g) {
				continue
			}
			switch {
			case g.Filter != "":
				f := own.filter(g.Filter)
				if f == nil || !has(g.Permissions, Select) {
					continue
				}
				r.allow(f.rows(), f.shows)
			case len(g.Columns) > 0:
				r.allow("", func(c string) bool { return slices.Contains(g.Columns, c) })
			case len(g.Excluded) > 0:
				r.allow("", func(c string) bool { return !slices.Contains(g.Excluded, c) })
			default:
				r.permit(g.Permissions...)
			}
		}
	}
	return v.readTags(r, database, own)
}

// Table says what the caller may do with a table, in a snapshot of its own.
func (s *Store) Table(ctx context.Context, c access.Caller, t Table) (a Access, err error) {
	err = s.View(ctx, c, func(v *View) error { a, err = v.Table(ctx, t); return err })
	return a, err
}

// Database reports whether the caller may know of a database, which exists: it has a permission there or on one of its
// tables.
func (v *View) Database(ctx context.Context, name string) (visible bool, err error) {
	if v.c.IsRoot() {
		return true, nil
	}
	permitted, err := v.database(name)
	if err != nil || len(permitted) > 0 {
		return len(permitted) > 0, err
	}
	if admin, err := v.reader(); admin || err != nil {
		return admin, err
	}
	every, err := v.read(kindTable, tableKey(name, wildcard))
	if err != nil {
		return false, err
	}
	if slices.ContainsFunc(every.Grants, func(g grant) bool { return v.applies(&g) }) {
		return true, nil
	}
	if v.s.catalogue == nil {
		return false, nil
	}
	for t, err := range v.s.catalogue.LakeTables(v.tx, v.c.Account, v.c.Region, name) {
		if err != nil {
			return false, err
		}
		if a, err := v.Table(ctx, t); err != nil || a.Describe {
			return err == nil, err
		}
	}
	return false, nil
}

// database gathers the caller's permissions on a database, by its name and by tags.
func (v *View) database(name string) (map[Permission]bool, error) {
	permitted := map[Permission]bool{}
	permit := func(list []Permission) {
		for _, p := range list {
			permitted[p] = true
			if p == All {
				for _, q := range databasePermissions {
					permitted[q] = true
				}
			}
		}
	}
	d, err := v.read(kindDatabase, name)
	if err != nil {
		return nil, err
	}
	for i := range d.Grants {
		if v.applies(&d.Grants[i]) {
			permit(d.Grants[i].Permissions)
		}
	}
	if len(d.Tags) == 0 {
		return permitted, nil
	}
	policies, err := v.tagPolicies()
	if err != nil {
		return nil, err
	}
	for _, p := range policies {
		if p.Policy.Tables {
			continue
		}
		match, err := v.matches(p.Policy, d.Tags)
		if err != nil {
			return nil, err
		}
		for i := range p.Grants {
			if match && v.applies(&p.Grants[i]) {
				permit(p.Grants[i].Permissions)
			}
		}
	}
	return permitted, nil
}

// Known returns a table as it exists, whoever asks: for those who explain what the caller may do with it. It returns
// fault.NotFound.
func (v *View) Known(database, name string) (Table, error) {
	t, there, err := v.describe(lower(database), lower(name))
	if err == nil && !there {
		err = fault.Newf(fault.NotFound, "table "+database+"."+name, "not found")
	}
	return t, err
}

// describe finds a table, whoever asks.
func (v *View) describe(database, name string) (t Table, there bool, err error) {
	if v.s.catalogue == nil {
		return Table{}, false, nil
	}
	t, err = v.s.catalogue.LakeTable(v.tx, v.c.Account, v.c.Region, database, name)
	if fault.Is(err, fault.NotFound) {
		return Table{}, false, nil
	}
	return t, err == nil, err
}

// lower is a name as the catalogue has it.
func lower(name string) string { return strings.ToLower(strings.TrimSpace(name)) }
