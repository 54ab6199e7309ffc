package formation

import (
	"context"
	"slices"
	"strings"

	"flowlake/access"
	"flowlake/fault"

	"github.com/google/uuid"
)

// Filter is a data cells filter: certain columns of a table on certain rows.
//
// Source: Lake Formation API reference, "DataCellsFilter".
type Filter struct {
	Database string   `json:"database"`
	Table    string   `json:"table"`
	Name     string   `json:"name"`
	Columns  []string `json:"columns,omitempty"`  // those that it shows; none: all but Excluded
	Excluded []string `json:"excluded,omitempty"` // of all
	AllRows  bool     `json:"allRows,omitempty"`
	Rows     string   `json:"rows,omitempty"` // an SQL expression, unless AllRows
	Version  string   `json:"version"`
}

func (f *Filter) rows() string {
	if f.AllRows {
		return ""
	}
	return f.Rows
}

// shows reports whether the filter shows a column.
func (f *Filter) shows(column string) bool {
	if len(f.Columns) > 0 {
		return slices.Contains(f.Columns, column)
	}
	return !slices.Contains(f.Excluded, column)
}

// filter finds a table's filter, or nil.
func (d *document) filter(name string) *Filter {
	for i := range d.Filters {
		if d.Filters[i].Name == name {
			return &d.Filters[i]
		}
	}
	return nil
}

// maxFilters bounds the filters of one table. Source: Lake Formation developer guide, "Quotas".
const maxFilters = 100

// maxRowFilter bounds a row filter, in bytes. Source: Lake Formation API reference, "RowFilter".
const maxRowFilter = 2048

// check holds a filter against its table.
func (s *Store) check(f *Filter, t Table) error {
	subject := "data cells filter " + f.Name
	if f.Name == "" || len(f.Name) > 255 {
		return fault.Newf(fault.Invalid, subject, "a name is 1 to 255 characters")
	}
	if len(f.Columns) > 0 && len(f.Excluded) > 0 {
		return fault.Newf(fault.Invalid, subject, "it has ColumnNames or a ColumnWildcard, not both")
	}
	for _, list := range []*[]string{&f.Columns, &f.Excluded} {
		names, err := columns(*list, t)
		if err != nil {
			return err
		}
		*list = names
	}
	if len(f.Excluded) > 0 && len(f.Excluded) == len(t.Columns) {
		return fault.Newf(fault.Invalid, subject, "it shows no column")
	}
	if f.AllRows {
		f.Rows = ""
		return nil
	}
	if f.Rows == "" || len(f.Rows) > maxRowFilter {
		return fault.Newf(fault.Invalid, subject, "a row filter is an expression of 1 to %d bytes, or AllRowsWildcard", maxRowFilter)
	}
	return s.rowFilter(f.Rows, t)
}

// columns are names as the table has them. Each must be one of its columns, and be named once.
func columns(names []string, t Table) ([]string, error) {
	var out []string
	for _, n := range names {
		n = lower(n)
		if !slices.ContainsFunc(t.Columns, func(c Column) bool { return c.Name == n }) {
			return nil, fault.Newf(fault.Invalid, "Column "+n, "is not a column of table %s.%s", t.Database, t.Name)
		}
		if slices.Contains(out, n) {
			return nil, fault.Newf(fault.Invalid, "Column "+n, "is named twice")
		}
		out = append(out, n)
	}
	return out, nil
}

// mayFilter refuses a caller who may not make or change filters of a table: an administrator may, and who holds SELECT on
// all of it with the grant option.
func (v *View) mayFilter(ctx context.Context, r Resource) error {
	return v.mayGrant(ctx, []Permission{Select}, r)
}

// table finds a table that the caller may know of.
func (v *View) table(ctx context.Context, database, name string) (Table, error) {
	database, name = lower(database), lower(name)
	if v.s.catalogue == nil {
		return Table{}, fault.Newf(fault.NotFound, "table "+database+"."+name, "not found")
	}
	if !v.c.IsRoot() { // hidden and absent are answered alike
		if err := v.Check(ctx, Describe, OnTable(database, name)); err != nil {
			return Table{}, err
		}
	}
	return v.s.catalogue.LakeTable(v.tx, v.c.Account, v.c.Region, database, name)
}

// CreateFilter makes a data cells filter. It returns fault.Exists when its table has one of that name.
func (s *Store) CreateFilter(ctx context.Context, c access.Caller, f Filter) error {
	return s.changeFilter(ctx, c, f, func(d *document) error {
		if d.filter(f.Name) != nil {
			return fault.Newf(fault.Exists, "data cells filter "+f.Name, "exists already")
		}
		if len(d.Filters) >= maxFilters {
			return fault.Newf(fault.Limit, "data cells filter "+f.Name, "the table has %d, as many as it may have", maxFilters)
		}
		return nil
	})
}

// UpdateFilter replaces a data cells filter. With a version that is not empty it must still have that one.
func (s *Store) UpdateFilter(ctx context.Context, c access.Caller, f Filter) error {
	return s.changeFilter(ctx, c, f, func(d *document) error {
		old := d.filter(f.Name)
		switch {
		case old == nil:
			return fault.Newf(fault.NotFound, "data cells filter "+f.Name, "not found")
		case f.Version != "" && f.Version != old.Version:
			return fault.Newf(fault.Conflict, "data cells filter "+f.Name, "its version is %s: another change came first", old.Version)
		}
		return nil
	})
}

func (s *Store) changeFilter(ctx context.Context, c access.Caller, f Filter, may func(*document) error) error {
	f.Database, f.Table = lower(f.Database), lower(f.Table)
	return s.edit(ctx, c, func(v *View) error {
		t, err := v.table(ctx, f.Database, f.Table)
		if err != nil {
			return err
		}
		if err := v.mayFilter(ctx, OnTable(f.Database, f.Table)); err != nil {
			return err
		}
		if err := s.check(&f, t); err != nil {
			return err
		}
		d, err := v.read(kindTable, tableKey(f.Database, f.Table))
		if err != nil {
			return err
		}
		if err := may(d); err != nil {
			return err
		}
		f.Version = uuid.NewString()
		if old := d.filter(f.Name); old != nil {
			*old = f
		} else {
			d.Filters = append(d.Filters, f)
		}
		return v.keep(kindTable, tableKey(f.Database, f.Table), d)
	})
}

// DeleteFilter removes a data cells filter and the grants on it.
func (s *Store) DeleteFilter(ctx context.Context, c access.Caller, database, table, name string) error {
	database, table = lower(database), lower(table)
	return s.edit(ctx, c, func(v *View) error {
		if _, err := v.table(ctx, database, table); err != nil {
			return err
		}
		d, err := v.read(kindTable, tableKey(database, table))
		if err != nil {
			return err
		}
		if !v.mayFilterGrant(d, name, Drop) {
			if err := v.mayFilter(ctx, OnTable(database, table)); err != nil {
				return err
			}
		}
		if d.filter(name) == nil {
			return fault.Newf(fault.NotFound, "data cells filter "+name, "not found")
		}
		d.Filters = slices.DeleteFunc(d.Filters, func(f Filter) bool { return f.Name == name })
		d.Grants = slices.DeleteFunc(d.Grants, func(g grant) bool { return g.Filter == name })
		return v.keep(kindTable, tableKey(database, table), d)
	})
}

// mayFilterGrant reports whether the caller was granted p on the filter itself.
func (v *View) mayFilterGrant(d *document, name string, p Permission) bool {
	return slices.ContainsFunc(d.Grants, func(g grant) bool { return g.Filter == name && v.applies(&g) && has(g.Permissions, p) })
}

// Filter returns a data cells filter of a table that the caller may know of. The caller must be an administrator, be able to
// make one, or have a grant on it.
func (s *Store) Filter(ctx context.Context, c access.Caller, database, table, name string) (f Filter, err error) {
	err = s.View(ctx, c, func(v *View) error {
		t, err := v.table(ctx, database, table)
		if err != nil {
			return err
		}
		list, err := v.filters(ctx, t)
		if err != nil {
			return err
		}
		for _, found := range list {
			if found.Name == name {
				f = found
				return nil
			}
		}
		return fault.Newf(fault.NotFound, "data cells filter "+name, "not found")
	})
	return f, err
}

// filters are those of a table that the caller may know of, as far as it may: who was granted a filter is told no column that
// the caller may not know of, and no condition over one.
func (v *View) filters(ctx context.Context, t Table) ([]Filter, error) {
	d, err := v.read(kindTable, tableKey(t.Database, t.Name))
	if err != nil {
		return nil, err
	}
	all, err := v.reader()
	if err != nil {
		return nil, err
	}
	if !all {
		if all, err = v.grantable(Select, OnTable(t.Database, t.Name)); err != nil {
			return nil, err
		}
	}
	known, err := v.seen(ctx, t)
	if err != nil {
		return nil, err
	}
	var list []Filter
	for _, f := range d.Filters {
		if all || slices.ContainsFunc(d.Grants, func(g grant) bool { return g.Filter == f.Name && v.applies(&g) }) {
			list = append(list, f.told(t, known))
		}
	}
	return list, nil
}

// told is a filter as one may know it who may know of some of the table's columns.
func (f Filter) told(t, known Table) Filter {
	const wordly = "abcdefghijklmnopqrstuvwxyz0123456789_" // names of other characters are looked for nowhere: the condition is left out
	words := strings.FieldsFunc(strings.ToLower(f.Rows), func(r rune) bool { return !strings.ContainsRune(wordly, r) })
	for _, c := range t.Columns {
		if slices.Contains(known.Columns, c) {
			continue
		}
		if slices.Contains(words, c.Name) || strings.Trim(c.Name, wordly) != "" {
			f.Rows = ""
		}
		if slices.Contains(f.Excluded, c.Name) {
			f.Columns, f.Excluded = but(t.Columns, f.Excluded), nil
		}
	}
	if f.Columns != nil {
		f.Columns = slices.DeleteFunc(slices.Clone(f.Columns), func(name string) bool {
			return !slices.ContainsFunc(known.Columns, func(c Column) bool { return c.Name == name })
		})
	}
	return f
}

// but are the names of all columns but some.
func but(all []Column, excluded []string) []string {
	var names []string
	for _, c := range all {
		if !slices.Contains(excluded, c.Name) {
			names = append(names, c.Name)
		}
	}
	return names
}

// Filters returns the data cells filters that the caller may know of: of a table, or of all.
func (s *Store) Filters(ctx context.Context, c access.Caller, database, table string) (list []Filter, err error) {
	err = s.View(ctx, c, func(v *View) error {
		if table != "" {
			t, err := v.table(ctx, database, table)
			if err == nil {
				list, err = v.filters(ctx, t)
			}
			return err
		}
		for row, err := range v.tx.List(v.id(kindTable, ""), "") {
			if err != nil {
				return err
			}
			var d document
			if err := row.Decode(&d); err != nil {
				return err
			}
			if len(d.Filters) == 0 {
				continue
			}
			t, there, err := v.describe(d.Filters[0].Database, d.Filters[0].Table)
			if err != nil || !there {
				if err != nil {
					return err
				}
				continue
			}
			more, err := v.filters(ctx, t)
			if err != nil {
				return err
			}
			list = append(list, more...)
		}
		return nil
	})
	return list, err
}
