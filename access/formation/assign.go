package formation

import (
	"context"
	"maps"
	"slices"

	"flowlake/access"
	"flowlake/fault"
)

// Tagging is what the tags of a database, a table, or columns of one are.
type Tagging struct {
	OnDatabase map[string]string
	OnTable    map[string]string
	OnColumns  map[string]map[string]string
}

// SetTags assigns LF-tags, a value for each, to a database, a table or columns. The caller has ASSOCIATE on each tag and may
// grant everything on the thing (see mayAssign), or is an administrator. Each failure is about its tag; the others are assigned.
func (s *Store) SetTags(ctx context.Context, c access.Caller, r Resource, tags []Tag) (failures map[string]error, err error) {
	return s.changeTags(ctx, c, r, tags, func(to map[string]string, key, value string) error {
		if _, ok := to[key]; !ok && len(to) >= maxTagsOfOne {
			return fault.Newf(fault.Limit, "Tag key "+key, "there are %d tags, as many as there may be", maxTagsOfOne)
		}
		to[key] = value
		return nil
	})
}

// UnsetTags takes LF-tags from a database, a table or columns.
func (s *Store) UnsetTags(ctx context.Context, c access.Caller, r Resource, tags []Tag) (failures map[string]error, err error) {
	return s.changeTags(ctx, c, r, tags, func(from map[string]string, key, value string) error {
		if had, ok := from[key]; !ok || value != "" && had != value {
			return fault.Newf(fault.NotFound, "Tag key "+key, "is not assigned with the value %q", value)
		}
		delete(from, key)
		return nil
	})
}

func (s *Store) changeTags(ctx context.Context, c access.Caller, r Resource, tags []Tag, do func(to map[string]string, key, value string) error) (failures map[string]error, err error) {
	failures = map[string]error{}
	err = s.edit(ctx, c, func(v *View) error {
		r.Database, r.Table = lower(r.Database), lower(r.Table)
		if err := v.find(ctx, &r); err != nil {
			return err
		}
		kind, key, err := r.place()
		if err != nil || r.Kind != OfDatabase && r.Kind != OfTable && r.Kind != OfColumns || r.AllColumns {
			return fault.Newf(fault.Invalid, "Resource", "LF-tags are for databases, tables and columns")
		}
		if err := v.mayAssign(ctx, r); err != nil {
			return err
		}
		d, err := v.read(kind, key)
		if err != nil {
			return err
		}
		for _, t := range tags {
			name := lower(t.Key)
			if err := v.changeOne(ctx, d, r, t, do); err != nil {
				if kind := fault.KindOf(err); kind == fault.Internal || kind == fault.Unavailable {
					return err
				}
				failures[name] = err
			}
		}
		return v.keep(kind, key, d)
	})
	return failures, err
}

// mayAssign refuses a caller who may not change a thing's LF-tags: a tag is a grant to all whose tag policies it meets, so
// only who could grant everything there may.
//
// Source: Lake Formation developer guide, "Requirements for managing tags assigned to resources".
func (v *View) mayAssign(ctx context.Context, r Resource) error {
	needed := databasePermissions
	if r.Kind != OfDatabase {
		r, needed = OnTable(r.Database, r.Table), tablePermissions
	}
	for _, p := range needed {
		if ok, err := v.grantable(p, r); err != nil || !ok {
			if err == nil {
				err = v.refuseGrant(ctx, All, r)
			}
			return err
		}
	}
	return nil
}

func (v *View) changeOne(ctx context.Context, d *document, r Resource, t Tag, do func(to map[string]string, key, value string) error) error {
	key := lower(t.Key)
	if _, err := v.tagFor(ctx, Associate, key); err != nil {
		return err
	}
	if len(t.Values) != 1 {
		return fault.Newf(fault.Invalid, "Tag key "+key, "a thing has one value of an LF-tag, not %d", len(t.Values))
	}
	if _, err := v.tagValues(t); err != nil {
		return err
	}
	if r.Kind != OfColumns {
		if d.Tags == nil {
			d.Tags = map[string]string{}
		}
		return do(d.Tags, key, lower(t.Values[0]))
	}
	for _, column := range r.Columns {
		if d.ColumnTags == nil {
			d.ColumnTags = map[string]map[string]string{}
		}
		if d.ColumnTags[column] == nil {
			d.ColumnTags[column] = map[string]string{}
		}
		if err := do(d.ColumnTags[column], key, lower(t.Values[0])); err != nil {
			return err
		}
		if len(d.ColumnTags[column]) == 0 {
			delete(d.ColumnTags, column)
		}
	}
	return nil
}

// TagsOf returns what LF-tags a database or a table with its columns has: own ones, or with inherited those that are in
// force. The caller may know of the thing.
func (s *Store) TagsOf(ctx context.Context, c access.Caller, r Resource, inherited bool) (t Tagging, err error) {
	err = s.View(ctx, c, func(v *View) error {
		r.Database, r.Table = lower(r.Database), lower(r.Table)
		if err := v.find(ctx, &r); err != nil {
			return err
		}
		t, err = v.tagging(r, inherited)
		return err
	})
	return t, err
}

func (v *View) tagging(r Resource, inherited bool) (t Tagging, err error) {
	of, err := v.read(kindDatabase, r.Database)
	if err != nil {
		return t, err
	}
	if t.OnDatabase, err = v.knownTags(of.Tags); err != nil || r.Kind == OfDatabase {
		return t, err
	}
	own, err := v.read(kindTable, tableKey(r.Database, r.Table))
	if err != nil {
		return t, err
	}
	t.OnTable = own.Tags
	if inherited {
		t.OnTable = merge(of.Tags, own.Tags)
	}
	if t.OnTable, err = v.knownTags(t.OnTable); err != nil {
		return t, err
	}
	shown := r.Columns
	if len(shown) == 0 {
		table, _, err := v.describe(r.Database, r.Table)
		if err != nil {
			return t, err
		}
		a, err := v.Table(context.Background(), table)
		if err != nil {
			return t, err
		}
		shown = a.Columns
	}
	t.OnColumns = map[string]map[string]string{}
	for _, column := range shown {
		tags, err := v.knownTags(own.ColumnTags[column])
		if err != nil {
			return t, err
		}
		if inherited {
			tags = merge(t.OnTable, tags)
		}
		if len(tags) > 0 {
			t.OnColumns[column] = maps.Clone(tags)
		}
	}
	return t, nil
}

// knownTags are those of a thing's tags whose LF-tags the caller may know of.
//
// Source: Lake Formation developer guide, "Viewing the LF-Tags assigned to a resource".
func (v *View) knownTags(tags map[string]string) (map[string]string, error) {
	all, err := v.reader()
	if err != nil || all {
		return tags, err
	}
	known := map[string]string{}
	for key, value := range tags {
		d, err := v.tagDocumentOf(key)
		if fault.Is(err, fault.NotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(d.Grants, func(g grant) bool { return v.applies(&g) }) {
			known[key] = value
		}
	}
	return known, nil
}
