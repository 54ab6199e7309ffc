package formation

import (
	"context"
	"slices"

	"flowlake/access"
	"flowlake/fault"
)

// GrantFilter chooses grants.
type GrantFilter struct {
	Principal string    // "" for everyone's
	Resource  *Resource // nil for everything; a table's are also those on its columns and cells
	Kinds     []Kind    // none: all
}

// Grants returns the grants that f chooses and the caller may know of, thing by thing: all for an administrator, and for
// others their own and those on what they may grant on.
func (s *Store) Grants(ctx context.Context, c access.Caller, f GrantFilter) (list []Grant, err error) {
	err = s.View(ctx, c, func(v *View) error {
		if f.Resource != nil {
			r := *f.Resource
			r.Database, r.Table = lower(r.Database), lower(r.Table)
			if err := v.find(ctx, &r); err != nil {
				return err
			}
			f.Resource = &r
			list, err = v.grantsOn(ctx, r, f)
			return err
		}
		list, err = v.allGrants(ctx, f)
		return err
	})
	return list, err
}

// GrantsOn returns the grants on one thing whoever asks, for those who explain what a principal may do.
func (v *View) GrantsOn(r Resource) (list []Grant, err error) {
	r.Database, r.Table = lower(r.Database), lower(r.Table)
	kind, key, err := r.place()
	if err != nil {
		return nil, err
	}
	d, err := v.read(kind, key)
	if err != nil {
		return nil, err
	}
	for i := range d.Grants {
		list = append(list, expand(r, &d.Grants[i])...)
	}
	return list, nil
}

// grantsOn lists one thing's.
func (v *View) grantsOn(ctx context.Context, r Resource, f GrantFilter) ([]Grant, error) {
	var grants []grant
	if r.Kind == OfTag || r.Kind == OfTagExpression {
		var err error
		if grants, err = v.tagGrants(&r); err != nil {
			return nil, err
		}
	} else {
		kind, key, err := r.place()
		if err != nil {
			return nil, err
		}
		d, err := v.read(kind, key)
		if err != nil {
			return nil, err
		}
		grants = d.Grants
	}
	all, err := v.reader()
	if err != nil {
		return nil, err
	}
	if !all { // who may grant on it may see who was granted
		all = slices.ContainsFunc(grants, func(g grant) bool { return len(g.Grantable) > 0 && g.whole() && v.applies(&g) })
	}
	var list []Grant
	for i := range grants {
		g := &grants[i]
		if !all && !v.applies(g) || f.Principal != "" && f.Principal != g.Principal {
			continue
		}
		for _, out := range expand(r, g) {
			if r.Kind == OfColumns && out.Resource.Kind != OfColumns || r.Kind == OfCells && (out.Resource.Kind != OfCells || g.Filter != r.Filter) {
				continue
			}
			if !all && len(out.Resource.Excluded) > 0 {
				if err := v.unname(ctx, &out.Resource); err != nil {
					return nil, err
				}
			}
			list = append(list, out)
		}
	}
	return list, nil
}

// unname makes a grant on all columns but some, of which the caller may not know, one on those that it has.
func (v *View) unname(ctx context.Context, r *Resource) error {
	t, there, err := v.describe(r.Database, r.Table)
	if err != nil || !there {
		return err
	}
	known, err := v.seen(ctx, t)
	if err == nil && len(but(known.Columns, r.Excluded))+len(r.Excluded) > len(known.Columns) {
		r.Columns, r.AllColumns, r.Excluded = but(t.Columns, r.Excluded), false, nil
	}
	return err
}

// expand is a stored grant as it is shown. SELECT on a table is shown, as AWS shows it, as SELECT on all of its columns.
func expand(r Resource, g *grant) []Grant {
	out := Grant{Principal: g.Principal, Resource: r, Permissions: g.Permissions, Grantable: g.Grantable, By: g.By, At: g.At}
	if r.Kind != OfTable && r.Kind != OfColumns && r.Kind != OfCells {
		return []Grant{out}
	}
	at := OnTable(r.Database, r.Table)
	switch {
	case g.Filter != "":
		at.Kind, at.Filter = OfCells, g.Filter
	case len(g.Columns) > 0:
		at.Kind, at.Columns = OfColumns, g.Columns
	case len(g.Excluded) > 0:
		at.Kind, at.AllColumns, at.Excluded = OfColumns, true, g.Excluded
	case slices.Contains(g.Permissions, Select):
		notSelect := func(list []Permission) []Permission {
			return slices.DeleteFunc(slices.Clone(list), func(p Permission) bool { return p == Select })
		}
		columns := out
		columns.Resource = at
		columns.Resource.Kind, columns.Resource.AllColumns = OfColumns, true
		columns.Permissions, columns.Grantable = []Permission{Select}, nil
		if has(g.Grantable, Select) {
			columns.Grantable = []Permission{Select}
		}
		out.Resource, out.Permissions, out.Grantable = at, notSelect(g.Permissions), notSelect(g.Grantable)
		if len(out.Permissions) == 0 {
			return []Grant{columns}
		}
		return []Grant{out, columns}
	}
	out.Resource = at
	return []Grant{out}
}

// allGrants lists everything's, by kind and name.
func (v *View) allGrants(ctx context.Context, f GrantFilter) ([]Grant, error) {
	var list []Grant
	on := func(r Resource) error {
		more, err := v.grantsOn(ctx, r, f)
		list = append(list, more...)
		return err
	}
	wanted := func(k ...Kind) bool {
		return len(f.Kinds) == 0 || slices.ContainsFunc(f.Kinds, func(kind Kind) bool { return slices.Contains(k, kind) })
	}
	if wanted(OfCatalog) {
		if err := on(Catalog()); err != nil {
			return nil, err
		}
	}
	if v.s.catalogue != nil && wanted(OfDatabase, OfTable, OfAllTables, OfColumns, OfCells) {
		for d, err := range v.s.catalogue.LakeDatabases(v.tx, v.c.Account, v.c.Region) {
			if err == nil && wanted(OfDatabase) {
				err = on(InDatabase(d.Name))
			}
			if err == nil && wanted(OfTable, OfAllTables, OfColumns, OfCells) {
				err = v.tableGrants(d.Name, on)
			}
			if err != nil {
				return nil, err
			}
		}
	}
	kinds := map[string]func(key string, d *document) Resource{}
	if wanted(OfLocation) {
		kinds[kindPlace] = func(key string, _ *document) Resource {
			return AtLocation("arn:aws:s3:::" + key)
		}
	}
	if wanted(OfTag) {
		kinds[kindTag] = func(key string, _ *document) Resource { return Resource{Kind: OfTag, Tag: Tag{Key: key}} }
	}
	if wanted(OfTagPolicy) {
		kinds[kindPolicy] = func(_ string, d *document) Resource { return Resource{Kind: OfTagPolicy, Policy: d.Policy} }
	}
	if wanted(OfTagExpression) {
		kinds[kindExpression] = func(key string, _ *document) Resource { return Resource{Kind: OfTagExpression, Expression: key} }
	}
	for _, kind := range []string{kindPlace, kindTag, kindPolicy, kindExpression} {
		of := kinds[kind]
		if of == nil {
			continue
		}
		for row, err := range v.tx.List(v.id(kind, ""), "") {
			d := &document{}
			if err == nil && kind == kindPolicy {
				err = row.Decode(d)
			}
			if err == nil {
				err = on(of(row.Key, d))
			}
			if err != nil {
				return nil, err
			}
		}
	}
	return list, nil
}

// tableGrants visits a database's tables, all of them together first.
func (v *View) tableGrants(database string, on func(Resource) error) error {
	if err := on(Resource{Kind: OfAllTables, Database: database}); err != nil {
		return err
	}
	for t, err := range v.s.catalogue.LakeTables(v.tx, v.c.Account, v.c.Region, database) {
		if err == nil {
			err = on(OnTable(database, t.Name))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// GrantsAt returns the grants on the databases and tables whose data lie at a place in S3 or below it, as far as the
// caller may know of them.
func (s *Store) GrantsAt(ctx context.Context, c access.Caller, place string) (list []Grant, err error) {
	path, err := placePath(place)
	if err != nil {
		return nil, err
	}
	below := func(location string) bool {
		at, err := anyPath(location)
		return err == nil && covers(path, at)
	}
	err = s.View(ctx, c, func(v *View) error {
		if v.s.catalogue == nil {
			return nil
		}
		on := func(r Resource) error {
			more, err := v.grantsOn(ctx, r, GrantFilter{})
			list = append(list, more...)
			return err
		}
		for d, err := range v.s.catalogue.LakeDatabases(v.tx, c.Account, c.Region) {
			if err == nil && below(d.Location) {
				err = on(InDatabase(d.Name))
			}
			if err != nil {
				return err
			}
			for t, err := range v.s.catalogue.LakeTables(v.tx, c.Account, c.Region, d.Name) {
				if err == nil && below(t.Location) {
					err = on(OnTable(d.Name, t.Name))
				}
				if err != nil {
					return err
				}
			}
		}
		return nil
	})
	return list, err
}

// Tagged is a database or a table that an expression found, with its tags.
type Tagged struct {
	Resource Resource
	Tags     Tagging
}

// Search returns the databases, or the tables, that the caller may know of and whose LF-tags in force meet an expression. A
// table is found too when one of its columns does.
func (s *Store) Search(ctx context.Context, c access.Caller, tables bool, expression []Tag) (list []Tagged, err error) {
	err = s.View(ctx, c, func(v *View) error {
		p := &TagPolicy{Tables: tables, Expression: expression}
		if err := v.checkPolicy(ctx, p); err != nil {
			return err
		}
		if v.s.catalogue == nil {
			return nil
		}
		for d, err := range v.s.catalogue.LakeDatabases(v.tx, c.Account, c.Region) {
			if err != nil {
				return err
			}
			if !tables {
				if err := v.searchOne(ctx, p, InDatabase(d.Name), &list); err != nil {
					return err
				}
				continue
			}
			for t, err := range v.s.catalogue.LakeTables(v.tx, c.Account, c.Region, d.Name) {
				if err == nil {
					err = v.searchOne(ctx, p, OnTable(d.Name, t.Name), &list)
				}
				if err != nil {
					return err
				}
			}
		}
		return nil
	})
	return list, err
}

func (v *View) searchOne(ctx context.Context, p *TagPolicy, r Resource, list *[]Tagged) error {
	if err := v.find(ctx, &r); fault.Is(err, fault.NotFound) {
		return nil
	} else if err != nil {
		return err
	}
	tags, err := v.tagging(r, true)
	if err != nil {
		return err
	}
	on := tags.OnTable
	if r.Kind == OfDatabase {
		on = tags.OnDatabase
	}
	found, err := v.matches(p, on)
	if err != nil {
		return err
	}
	for _, column := range tags.OnColumns {
		if found {
			break
		}
		if found, err = v.matches(p, column); err != nil {
			return err
		}
	}
	if found {
		*list = append(*list, Tagged{r, tags})
	}
	return nil
}
