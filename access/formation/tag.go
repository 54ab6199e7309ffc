package formation

import (
	"context"
	"slices"
	"strings"

	"flowlake/access"
	"flowlake/fault"
)

// Limits of LF-tags. Source: Lake Formation developer guide, "Quotas" and "Creating LF-Tags".
const (
	maxTags       = 1000
	maxTagKey     = 128
	maxTagValues  = 1000
	maxTagValue   = 256
	maxTagsOfOne  = 50
	maxExpression = 50
)

// CreateTag makes an LF-tag with the values that it may have. Keys and values are lower case.
func (s *Store) CreateTag(ctx context.Context, c access.Caller, t Tag) error {
	t, err := tidyTag(t)
	if err != nil {
		return err
	}
	return s.edit(ctx, c, func(v *View) error {
		if err := v.Check(ctx, CreateTag, Catalog()); err != nil {
			return err
		}
		count := 0
		for _, err := range v.tx.List(v.id(kindTag, ""), "") {
			if err != nil {
				return err
			}
			if count++; count >= maxTags {
				return fault.Newf(fault.Limit, "LF-tag "+t.Key, "there are %d, as many as there may be", maxTags)
			}
		}
		d := tagDocument{Values: t.Values}
		if !v.c.IsRoot() {
			own, _, _ := strings.Cut(v.c.ID, ":")
			d.Grants = []grant{{Principal: who(v.c), ID: own, Permissions: []Permission{All}, Grantable: []Permission{All}, By: v.c.Principal, At: s.now().UTC()}}
		}
		err := v.tx.Create(v.id(kindTag, t.Key), d)
		if fault.Is(err, fault.Exists) {
			return fault.Newf(fault.Exists, "Tag key "+t.Key, "exists already")
		}
		return err
	})
}

// UpdateTag adds values to an LF-tag and takes others away. A value that something has stays: fault.Invalid.
func (s *Store) UpdateTag(ctx context.Context, c access.Caller, key string, add, remove []string) error {
	key = lower(key)
	added, err := tidyTag(Tag{Key: key, Values: add})
	if err != nil && len(add) > 0 {
		return err
	}
	return s.edit(ctx, c, func(v *View) error {
		d, err := v.tagFor(ctx, Alter, key)
		if err != nil {
			return err
		}
		for _, value := range remove {
			value = lower(value)
			if !slices.Contains(d.Values, value) {
				return fault.Newf(fault.NotFound, "Tag value "+value, "is none of %s", key)
			}
			if used, err := v.tagUsed(key, value); err != nil || used != "" {
				if err == nil {
					if admin, e := v.reader(); !admin {
						used, err = "something", e // of which the caller may know nothing
					}
				}
				if err == nil {
					err = fault.Newf(fault.Invalid, "Tag value "+value, "%s has it: take it from there first", used)
				}
				return err
			}
			d.Values = slices.DeleteFunc(d.Values, func(x string) bool { return x == value })
		}
		if d.Values = unite(d.Values, added.Values); len(d.Values) == 0 || len(d.Values) > maxTagValues {
			return fault.Newf(fault.Invalid, "Tag key "+key, "it would have %d values; 1 to %d are allowed", len(d.Values), maxTagValues)
		}
		return v.tx.Put(v.id(kindTag, key), d)
	})
}

// DeleteTag removes an LF-tag: from everything that has it, too, and with all grants and saved expressions that speak of it. Another of
// the same key, made later, gives nobody what this one gave.
func (s *Store) DeleteTag(ctx context.Context, c access.Caller, key string) error {
	key = lower(key)
	return s.edit(ctx, c, func(v *View) error {
		if _, err := v.tagFor(ctx, Drop, key); err != nil {
			return err
		}
		err := v.tagged(func(kind, at string, d *document) error {
			_, ok := d.Tags[key]
			delete(d.Tags, key)
			for _, tags := range d.ColumnTags {
				_, here := tags[key]
				delete(tags, key)
				ok = ok || here
			}
			if !ok {
				return nil
			}
			return v.keep(kind, at, d)
		})
		if err == nil {
			err = v.forgetPolicies(key)
		}
		if err != nil {
			return err
		}
		return v.forget(kindTag, key)
	})
}

// forgetPolicies drops the saved expressions that speak of an LF-tag, and the grants that speak of it or of one of those.
func (v *View) forgetPolicies(key string) error {
	speaks := func(list []Tag) bool {
		return slices.ContainsFunc(list, func(t Tag) bool { return t.Key == key })
	}
	var gone []string
	for row, err := range v.tx.List(v.id(kindExpression, ""), "") {
		var d expressionDocument
		if err == nil {
			err = row.Decode(&d)
		}
		if err != nil {
			return err
		}
		if speaks(d.Expression) {
			gone = append(gone, row.Key)
		}
	}
	policies, err := v.tagPolicies()
	if err != nil {
		return err
	}
	v.policies = nil
	for _, p := range policies {
		if speaks(p.Policy.Expression) || slices.Contains(gone, p.Policy.Name) {
			if err := v.forget(kindPolicy, p.Policy.key()); err != nil {
				return err
			}
		}
	}
	for _, name := range gone {
		if err := v.forget(kindExpression, name); err != nil {
			return err
		}
	}
	return nil
}

// Tag returns an LF-tag with its values.
func (s *Store) Tag(ctx context.Context, c access.Caller, key string) (t Tag, err error) {
	err = s.View(ctx, c, func(v *View) error {
		d, err := v.tagFor(ctx, Describe, lower(key))
		if err == nil {
			t = Tag{lower(key), d.Values}
		}
		return err
	})
	return t, err
}

// Tags returns the LF-tags that the caller may know of, at most max by key that follow after, and whether there are more.
func (s *Store) Tags(ctx context.Context, c access.Caller, after string, max int) (list []Tag, more bool, err error) {
	err = s.View(ctx, c, func(v *View) error {
		all, err := v.reader()
		if err != nil {
			return err
		}
		for row, err := range v.tx.List(v.id(kindTag, ""), after) {
			var d tagDocument
			if err == nil {
				err = row.Decode(&d)
			}
			if err != nil {
				return err
			}
			if !all && !slices.ContainsFunc(d.Grants, func(g grant) bool { return v.applies(&g) }) {
				continue
			}
			if len(list) == max {
				more = true
				return nil
			}
			list = append(list, Tag{row.Key, d.Values})
		}
		return nil
	})
	return list, more, err
}

// tidyTag checks a tag's form and brings it into lower case.
func tidyTag(t Tag) (Tag, error) {
	t.Key = lower(t.Key)
	if t.Key == "" || len(t.Key) > maxTagKey || strings.ContainsAny(t.Key, "\x1f\x00") {
		return t, fault.Newf(fault.Invalid, "Tag key "+t.Key, "a key is 1 to %d characters", maxTagKey)
	}
	if len(t.Values) == 0 || len(t.Values) > maxTagValues {
		return t, fault.Newf(fault.Invalid, "Tag key "+t.Key, "it has %d values; 1 to %d are allowed", len(t.Values), maxTagValues)
	}
	values := make([]string, len(t.Values))
	for i, value := range t.Values {
		if values[i] = lower(value); values[i] == "" || len(values[i]) > maxTagValue {
			return t, fault.Newf(fault.Invalid, "Tag value "+value, "a value is 1 to %d characters", maxTagValue)
		}
	}
	slices.Sort(values)
	t.Values = slices.Compact(values)
	return t, nil
}

// tagDocumentOf reads an LF-tag.
func (v *View) tagDocumentOf(key string) (*tagDocument, error) {
	d := &tagDocument{}
	_, err := v.tx.Get(v.id(kindTag, key), d)
	if fault.Is(err, fault.NotFound) {
		return nil, fault.Newf(fault.NotFound, "Tag key "+key, "does not exist")
	}
	return d, err
}

// tagFor reads an LF-tag for a caller who has p on it. One on which the caller has nothing is not there.
func (v *View) tagFor(ctx context.Context, p Permission, key string) (*tagDocument, error) {
	d, err := v.tagDocumentOf(key)
	if err != nil {
		return nil, err
	}
	admin, err := v.Admin()
	if err != nil || admin {
		return d, err
	}
	if p == Describe {
		if admin, err = v.reader(); err != nil || admin {
			return d, err
		}
	}
	seen := false
	for i := range d.Grants {
		if !v.applies(&d.Grants[i]) {
			continue
		}
		if seen = true; p == Describe || has(d.Grants[i].Permissions, p) {
			return d, nil
		}
	}
	if !seen {
		return nil, fault.Newf(fault.NotFound, "Tag key "+key, "does not exist")
	}
	return nil, v.refuse(ctx, p, Resource{Kind: OfTag, Tag: Tag{Key: key, Values: d.Values}}, true)
}

// tagValues says that an LF-tag has the values that are named, and returns the tag.
func (v *View) tagValues(t Tag) (*tagDocument, error) {
	d, err := v.tagDocumentOf(lower(t.Key))
	if err != nil {
		return nil, err
	}
	for _, value := range t.Values {
		if value != wildcard && !slices.Contains(d.Values, lower(value)) {
			return nil, fault.Newf(fault.NotFound, "Tag value "+value, "is none of %s", t.Key)
		}
	}
	return d, nil
}

// checkPolicy checks a tag policy and brings it into lower case. LF-tags that the caller may not know of are not there.
func (v *View) checkPolicy(ctx context.Context, p *TagPolicy) error {
	if p.Name != "" {
		p.Name = lower(p.Name)
		if len(p.Expression) > 0 {
			return fault.Newf(fault.Invalid, "LFTagPolicy", "it has an Expression or an ExpressionName, not both")
		}
		_, err := v.expressionFor(ctx, Describe, p.Name)
		return err
	}
	var err error
	p.Expression, err = v.checkExpression(ctx, p.Expression)
	return err
}

func (v *View) checkExpression(ctx context.Context, list []Tag) ([]Tag, error) {
	if len(list) == 0 || len(list) > maxExpression {
		return nil, fault.Newf(fault.Invalid, "Expression", "it has %d tags; 1 to %d are allowed", len(list), maxExpression)
	}
	out := make([]Tag, len(list))
	for i, t := range list {
		tidied, err := tidyTag(t)
		if err == nil {
			_, err = v.tagFor(ctx, Describe, tidied.Key)
		}
		if err == nil {
			_, err = v.tagValues(tidied)
		}
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(out[:i], func(o Tag) bool { return o.Key == tidied.Key }) {
			return nil, fault.Newf(fault.Invalid, "Expression", "the key %s is given twice", tidied.Key)
		}
		if slices.Contains(tidied.Values, wildcard) { // any value
			tidied.Values = nil
		}
		out[i] = tidied
	}
	return out, nil
}

// tagGrantable is grantable for an LF-tag or a saved expression.
func (v *View) tagGrantable(p Permission, r Resource) (bool, error) {
	grants, err := v.tagGrants(&r)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(grants, func(g grant) bool { return v.applies(&g) && has(g.Grantable, p) }), nil
}

func (v *View) tagGrants(r *Resource) ([]grant, error) {
	if r.Kind == OfTagExpression {
		d, err := v.expression(r.Expression)
		if err != nil {
			return nil, err
		}
		return d.Grants, nil
	}
	d, err := v.tagDocumentOf(lower(r.Tag.Key))
	if err != nil {
		return nil, err
	}
	return d.Grants, nil
}

// changeTag replaces the grants on an LF-tag or a saved expression. A grant on an LF-tag is on all of its values.
//
// Differs from AWS: there a grant may be on some values of an LF-tag only; here that is refused.
func (v *View) changeTag(r *Resource, do func([]grant) ([]grant, error)) error {
	if r.Kind == OfTagExpression {
		d, err := v.expression(r.Expression)
		if err != nil {
			return err
		}
		if d.Grants, err = do(d.Grants); err != nil {
			return err
		}
		return v.tx.Put(v.id(kindExpression, lower(r.Expression)), d)
	}
	d, err := v.tagValues(r.Tag)
	if err != nil {
		return err
	}
	if len(r.Tag.Values) > 0 && !slices.Contains(r.Tag.Values, wildcard) && len(r.Tag.Values) < len(d.Values) {
		return fault.Newf(fault.Unsupported, "LFTag "+r.Tag.Key, "flowlake grants on all values of an LF-tag, not on some: give TagValues [\"*\"]")
	}
	if d.Grants, err = do(d.Grants); err != nil {
		return err
	}
	return v.tx.Put(v.id(kindTag, lower(r.Tag.Key)), d)
}

// tagged yields the documents of all databases and tables that have tags.
func (v *View) tagged(do func(kind, key string, d *document) error) error {
	for _, kind := range []string{kindDatabase, kindTable} {
		for row, err := range v.tx.List(v.id(kind, ""), "") {
			if err != nil {
				return err
			}
			d := &document{}
			if err := row.Decode(d); err != nil {
				return err
			}
			if len(d.Tags)+len(d.ColumnTags) == 0 {
				continue
			}
			if err := do(kind, row.Key, d); err != nil {
				return err
			}
		}
	}
	return nil
}

// tagUsed names something that has a value of a tag, "" when nothing has.
func (v *View) tagUsed(key, value string) (used string, err error) {
	err = v.tagged(func(kind, at string, d *document) error {
		has := d.Tags[key] == value
		for _, tags := range d.ColumnTags {
			has = has || tags[key] == value
		}
		if has && used == "" {
			used = strings.TrimPrefix(kind, "data lake ") + " " + strings.ReplaceAll(at, separator, ".")
		}
		return nil
	})
	return used, err
}
