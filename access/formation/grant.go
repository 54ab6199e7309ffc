package formation

import (
	"context"
	"slices"
	"strings"
	"time"

	"flowlake/access"
	"flowlake/fault"
)

// Grant is what a principal has on a resource.
type Grant struct {
	Principal   string // a user's or role's ARN, IAM_ALLOWED_PRINCIPALS, or "<account>:IAMPrincipals"
	Resource    Resource
	Permissions []Permission
	Grantable   []Permission // of Permissions: those that the principal may grant on
	By          string       // the principal who granted it last
	At          time.Time
}

// permissionsOf are what each kind of resource knows.
//
// Source: Lake Formation developer guide, "Lake Formation permissions per resource type".
var permissionsOf = map[Kind][]Permission{
	OfCatalog:       {CreateDatabase, CreateTag, CreateExpression},
	OfDatabase:      {All, Alter, CreateTable, Describe, Drop},
	OfTable:         {All, Alter, Delete, Describe, Drop, Insert, Select},
	OfAllTables:     {All, Alter, Delete, Describe, Drop, Insert, Select},
	OfColumns:       {Select},
	OfCells:         {Select, Describe, Drop},
	OfLocation:      {DataLocationAccess},
	OfTag:           {Alter, Drop, Associate, Describe, GrantWithTags},
	OfTagExpression: {Alter, Drop, Describe, GrantWithTags},
}

func (r Resource) permissions() []Permission {
	if r.Kind != OfTagPolicy {
		return permissionsOf[r.Kind]
	}
	if r.Policy.Tables {
		return permissionsOf[OfTable]
	}
	return permissionsOf[OfDatabase]
}

// Grant gives a principal permissions on a resource, beside those it has. The caller is a data lake administrator, or has
// each of them on the resource with the grant option.
//
// It returns fault.Invalid for a principal that is not there, or permissions that the resource does not know,
// fault.NotFound for a resource that is not there or hidden, and an *access.Refusal.
func (s *Store) Grant(ctx context.Context, c access.Caller, g Grant) error {
	p, err := s.principal(ctx, c, g.Principal)
	if err != nil {
		return err
	}
	return s.edit(ctx, c, func(v *View) error {
		if err := v.prepare(ctx, &g); err != nil {
			return err
		}
		if err := v.mayGrant(ctx, g.Permissions, g.Resource); err != nil {
			return err
		}
		return v.change(&g.Resource, func(list []grant) ([]grant, error) {
			return add(list, grant{Principal: p.ARN, ID: p.ID, Permissions: g.Permissions, Grantable: g.Grantable,
				Columns: g.Resource.Columns, Excluded: g.Resource.Excluded, Filter: g.Resource.Filter, By: c.Principal, At: s.now().UTC()}), nil
		})
	})
}

// Revoke takes permissions from a principal, with their grant options. It returns fault.Invalid when the principal has none
// of them by a grant on that very resource.
func (s *Store) Revoke(ctx context.Context, c access.Caller, g Grant) error {
	if g.Principal == "" {
		return fault.Newf(fault.Invalid, "Invalid principal", "none is named")
	}
	return s.edit(ctx, c, func(v *View) error {
		if err := v.prepare(ctx, &g); err != nil {
			return err
		}
		if err := v.mayGrant(ctx, g.Permissions, g.Resource); err != nil {
			return err
		}
		return v.change(&g.Resource, func(list []grant) ([]grant, error) {
			left, done := remove(list, &g)
			if !done {
				return nil, fault.Newf(fault.Invalid, "", "No permissions revoked. Grantee does not have:%v", g.Permissions)
			}
			return left, nil
		})
	})
}

// prepare checks what a change of grants is about, and brings it into the form that is kept.
func (v *View) prepare(ctx context.Context, g *Grant) error {
	r := &g.Resource
	r.Database, r.Table = lower(r.Database), lower(r.Table)
	if len(g.Permissions) == 0 {
		return fault.Newf(fault.Invalid, "Permissions", "name at least one")
	}
	if r.Kind == OfColumns && r.AllColumns && len(r.Excluded) == 0 { // that is the table
		*r = OnTable(r.Database, r.Table)
	}
	known := r.permissions()
	for _, p := range g.Permissions {
		if !slices.Contains(known, p) {
			return fault.Newf(fault.Invalid, "Permissions modification is invalid", "%s is no permission on a %s; there are %s", p, kindNames[r.Kind], join(known))
		}
	}
	for _, p := range g.Grantable {
		if !has(g.Permissions, p) {
			return fault.Newf(fault.Invalid, "PermissionsWithGrantOption", "%s is not among the permissions", p)
		}
	}
	if len(g.Grantable) > 0 && g.Principal == IAMAllowed {
		return fault.Newf(fault.Invalid, "PermissionsWithGrantOption", "%s cannot grant", IAMAllowed)
	}
	return v.find(ctx, r)
}

func join(list []Permission) string {
	words := make([]string, len(list))
	for i, p := range list {
		words[i] = string(p)
	}
	return strings.Join(words, ", ")
}

var kindNames = map[Kind]string{
	OfCatalog: "catalog", OfDatabase: "database", OfTable: "table", OfAllTables: "database's tables", OfColumns: "table's columns",
	OfCells: "data cells filter", OfLocation: "data location", OfTag: "LF-tag", OfTagPolicy: "LF-tag policy", OfTagExpression: "LF-tag expression",
}

// find says that a resource is there, and brings its names into the catalogue's form. One that the caller may not know of
// is not there.
func (v *View) find(ctx context.Context, r *Resource) error {
	switch r.Kind {
	case OfCatalog:
		return nil
	case OfDatabase, OfAllTables:
		return v.databaseThere(ctx, r.Database)
	case OfTable, OfColumns, OfCells:
		t, err := v.table(ctx, r.Database, r.Table)
		if err != nil {
			return err
		}
		if r.Kind == OfColumns {
			if t, err = v.seen(ctx, t); err != nil {
				return err
			}
			if len(r.Columns) == 0 && !r.AllColumns || len(r.Columns) > 0 && r.AllColumns {
				return fault.Newf(fault.Invalid, "TableWithColumns", "it has ColumnNames or a ColumnWildcard")
			}
			if r.Columns, err = columns(r.Columns, t); err == nil {
				r.Excluded, err = columns(r.Excluded, t)
			}
			return err
		}
		if r.Kind == OfCells {
			known, err := v.filters(ctx, t)
			if err == nil && !slices.ContainsFunc(known, func(f Filter) bool { return f.Name == r.Filter }) {
				err = fault.Newf(fault.NotFound, "data cells filter "+r.Filter, "not found")
			}
			return err
		}
		return nil
	case OfLocation:
		path, err := placePath(r.Location)
		if err != nil {
			return err
		}
		r.Location = "arn:aws:s3:::" + path
		if _, ok, err := v.Location(ctx, r.Location); err != nil || !ok {
			if err == nil {
				err = fault.Newf(fault.NotFound, "Resource "+r.Location, "is not registered, nor is a place above it")
			}
			return err
		}
		return nil
	case OfTag:
		_, err := v.tagFor(ctx, Describe, lower(r.Tag.Key))
		if err == nil {
			_, err = v.tagValues(r.Tag)
		}
		return err
	case OfTagExpression:
		_, err := v.expressionFor(ctx, Describe, r.Expression)
		return err
	case OfTagPolicy:
		return v.checkPolicy(ctx, r.Policy)
	}
	return fault.Newf(fault.Invalid, "resource", "it is of no kind")
}

// seen is a table with those of its columns that the caller may know of: to be named and to be told, not to be decided by.
func (v *View) seen(ctx context.Context, t Table) (Table, error) {
	a, err := v.Table(ctx, t)
	t.Columns = slices.DeleteFunc(slices.Clone(t.Columns), func(c Column) bool { return !slices.Contains(a.Columns, c.Name) })
	return t, err
}

// databaseThere says that a database is there for the caller.
func (v *View) databaseThere(ctx context.Context, name string) error {
	gone := fault.Newf(fault.NotFound, "database "+name, "not found")
	if v.s.catalogue == nil {
		return gone
	}
	if _, err := v.s.catalogue.LakeDatabase(v.tx, v.c.Account, v.c.Region, name); err != nil {
		return err
	}
	if seen, err := v.Database(ctx, name); err != nil || seen {
		return err
	}
	return gone
}

// mayGrant refuses a caller who may not grant permissions on a resource.
func (v *View) mayGrant(ctx context.Context, list []Permission, r Resource) error {
	if admin, err := v.Admin(); admin || err != nil {
		return err
	}
	for _, p := range list {
		ok, err := v.grantable(p, r)
		if err != nil {
			return err
		}
		if !ok {
			return v.refuseGrant(ctx, p, r)
		}
	}
	return nil
}

// grantable reports whether the caller holds a permission on a resource with the grant option: on the very resource, or on
// one that it is part of.
func (v *View) grantable(p Permission, r Resource) (bool, error) {
	if admin, err := v.Admin(); admin || err != nil {
		return admin, err
	}
	holds := func(kind, key string, match func(*grant) bool) (bool, error) {
		d, err := v.read(kind, key)
		if err != nil {
			return false, err
		}
		return slices.ContainsFunc(d.Grants, func(g grant) bool { return v.applies(&g) && has(g.Grantable, p) && match(&g) }), nil
	}
	whole := func(g *grant) bool { return g.whole() }
	switch r.Kind {
	case OfTable, OfColumns, OfCells:
		if ok, err := holds(kindTable, tableKey(r.Database, wildcard), whole); ok || err != nil {
			return ok, err
		}
		return holds(kindTable, tableKey(r.Database, r.Table), func(g *grant) bool {
			switch {
			case g.whole():
				return true
			case r.Kind == OfCells:
				return g.Filter != "" && g.Filter == r.Filter
			case r.Kind == OfColumns && len(g.Columns) > 0:
				return !r.AllColumns && subset(r.Columns, g.Columns)
			case r.Kind == OfColumns && len(g.Excluded) > 0:
				return r.AllColumns && subset(g.Excluded, r.Excluded) || !r.AllColumns && disjoint(g.Excluded, r.Columns)
			}
			return false
		})
	}
	if r.Kind == OfTag || r.Kind == OfTagExpression {
		return v.tagGrantable(p, r)
	}
	kind, key, err := r.place()
	if err != nil {
		return false, err
	}
	return holds(kind, key, whole)
}

func subset(part, of []string) bool {
	return !slices.ContainsFunc(part, func(s string) bool { return !slices.Contains(of, s) })
}

func disjoint(a, b []string) bool {
	return !slices.ContainsFunc(a, func(s string) bool { return slices.Contains(b, s) })
}

// place is the document that a resource's grants lie in; those of LF-tags and expressions lie with them.
func (r Resource) place() (kind, key string, err error) {
	switch r.Kind {
	case OfCatalog:
		return kindCatalog, "", nil
	case OfDatabase:
		return kindDatabase, r.Database, nil
	case OfAllTables:
		return kindTable, tableKey(r.Database, wildcard), nil
	case OfTable, OfColumns, OfCells:
		return kindTable, tableKey(r.Database, r.Table), nil
	case OfLocation:
		path, err := placePath(r.Location)
		return kindPlace, path, err
	case OfTagPolicy:
		return kindPolicy, r.Policy.key(), nil
	}
	return "", "", fault.Newf(fault.Internal, "resource", "its grants lie with it")
}

// change replaces a resource's grants.
func (v *View) change(r *Resource, do func([]grant) ([]grant, error)) error {
	if r.Kind == OfTag || r.Kind == OfTagExpression {
		return v.changeTag(r, do)
	}
	kind, key, err := r.place()
	if err != nil {
		return err
	}
	d, err := v.read(kind, key)
	if err != nil {
		return err
	}
	if d.Grants, err = do(d.Grants); err != nil {
		delete(v.known, v.id(kind, key))
		return err
	}
	if r.Kind == OfTagPolicy {
		d.Policy = r.Policy
	}
	return v.keep(kind, key, d)
}

// add puts a grant beside others: into the one that the principal has on the same thing, if there is one.
func add(list []grant, g grant) []grant {
	for i := range list {
		o := &list[i]
		if o.Principal != g.Principal || o.Filter != g.Filter || !sameSet(o.Excluded, g.Excluded) {
			continue
		}
		if o.ID != g.ID { // of one who is gone and had the same name
			continue
		}
		if len(o.Columns)+len(g.Columns) > 0 {
			// Column lists grow together, those that may be granted on apart from those that may not.
			if len(o.Columns) == 0 || len(g.Columns) == 0 || (len(o.Grantable) > 0) != (len(g.Grantable) > 0) {
				continue
			}
			o.Columns = unite(o.Columns, g.Columns)
		}
		o.Permissions, o.Grantable = unite(o.Permissions, g.Permissions), unite(o.Grantable, g.Grantable)
		o.By, o.At = g.By, g.At
		return list
	}
	slices.Sort(g.Columns)
	slices.Sort(g.Excluded)
	return append(list, g)
}

func sameSet(a, b []string) bool { return len(a) == len(b) && subset(a, b) }

func unite[T ~string](a, b []T) []T {
	all := append(slices.Clone(a), b...)
	slices.Sort(all)
	return slices.Compact(all)
}

// remove takes permissions out of a principal's grants on a thing; done says that there was something to take. Whose
// id the principal had is all one: what somebody who is gone was granted can be taken back.
func remove(list []grant, g *Grant) (left []grant, done bool) {
	r := g.Resource
	for _, o := range list {
		if o.Principal != g.Principal || o.Filter != r.Filter || !sameSet(o.Excluded, r.Excluded) || (len(o.Columns) > 0) != (len(r.Columns) > 0) {
			left = append(left, o)
			continue
		}
		if len(r.Columns) > 0 {
			kept := slices.DeleteFunc(slices.Clone(o.Columns), func(c string) bool { return slices.Contains(r.Columns, c) })
			done = done || len(kept) < len(o.Columns)
			if len(kept) > 0 {
				o.Columns = kept
				left = append(left, o)
			}
			continue
		}
		done = done || slices.ContainsFunc(g.Permissions, func(p Permission) bool { return p == All || has(o.Permissions, p) })
		o.Permissions = without(o.Permissions, g.Permissions, r.permissions())
		o.Grantable = without(o.Grantable, g.Permissions, r.permissions())
		if len(o.Permissions) > 0 {
			left = append(left, o)
		}
	}
	return left, done
}

// without is a list without some permissions. Taking ALL takes each; taking one out of ALL leaves the others.
func without(list, taken, known []Permission) []Permission {
	if slices.Contains(taken, All) {
		return nil
	}
	if slices.Contains(list, All) && len(taken) > 0 {
		list = slices.DeleteFunc(slices.Clone(known), func(p Permission) bool { return p == All })
	}
	return slices.DeleteFunc(slices.Clone(list), func(p Permission) bool { return slices.Contains(taken, p) })
}
