package formation

import (
	"slices"

	"flowlake/fault"
)

// tagDocument is an LF-tag: the values that it may have, and who may do what with it.
type tagDocument struct {
	Values []string `json:"values"`
	Grants []grant  `json:"grants,omitempty"`
}

// expressionDocument is a saved expression.
type expressionDocument struct {
	Description string  `json:"description,omitempty"`
	Expression  []Tag   `json:"expression"`
	Grants      []grant `json:"grants,omitempty"`
}

// readTags gathers what the caller has on a table and its columns by their tags. A table has its database's tags where it
// has no own value, and a column its table's.
//
// Source: Lake Formation developer guide, "Lake Formation tag-based access control".
func (v *View) readTags(r *reading, database string, own *document) error {
	of, err := v.read(kindDatabase, database)
	if err != nil {
		return err
	}
	if len(of.Tags)+len(own.Tags)+len(own.ColumnTags) == 0 {
		return nil
	}
	policies, err := v.tagPolicies()
	if err != nil {
		return err
	}
	table := merge(of.Tags, own.Tags)
	for _, p := range policies {
		if !p.Policy.Tables {
			continue
		}
		for i := range p.Grants {
			g := &p.Grants[i]
			if !v.applies(g) {
				continue
			}
			match, err := v.matches(p.Policy, table)
			if err != nil {
				return err
			}
			if match {
				for _, q := range tablePermissions {
					if q != Select && has(g.Permissions, q) {
						r.permit(q)
					}
				}
			}
			if !has(g.Permissions, Select) {
				continue
			}
			if match && len(own.ColumnTags) == 0 {
				r.permit(Select)
				continue
			}
			r.allow("", func(column string) bool {
				ok, e := v.matches(p.Policy, merge(table, own.ColumnTags[column]))
				if e != nil {
					err = e
				}
				return ok
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// merge is outer with inner's values before its own.
func merge(outer, inner map[string]string) map[string]string {
	if len(inner) == 0 {
		return outer
	}
	all := make(map[string]string, len(outer)+len(inner))
	for k, v := range outer {
		all[k] = v
	}
	for k, v := range inner {
		all[k] = v
	}
	return all
}

// matches reports whether tags meet a policy: each of its keys with one of its values. An expression that is gone is met
// by nothing.
func (v *View) matches(p *TagPolicy, tags map[string]string) (bool, error) {
	expression := p.Expression
	if p.Name != "" {
		var d expressionDocument
		_, err := v.tx.Get(v.id(kindExpression, p.Name), &d)
		if fault.Is(err, fault.NotFound) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		expression = d.Expression
	}
	for _, t := range expression {
		value, ok := tags[t.Key]
		if !ok || len(t.Values) > 0 && !slices.Contains(t.Values, value) {
			return false, nil
		}
	}
	return len(expression) > 0, nil
}
