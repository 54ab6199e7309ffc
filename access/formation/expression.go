package formation

import (
	"context"
	"slices"
	"strings"

	"flowlake/access"
	"flowlake/fault"
)

// Expression is a saved LF-tag expression: what grants may name instead of its tags.
type Expression struct {
	Name        string
	Description string
	Tags        []Tag
}

func (v *View) expression(name string) (*expressionDocument, error) {
	d := &expressionDocument{}
	_, err := v.tx.Get(v.id(kindExpression, lower(name)), d)
	if fault.Is(err, fault.NotFound) {
		return nil, fault.Newf(fault.NotFound, "LF-tag expression "+name, "does not exist")
	}
	return d, err
}

// expressionFor reads a saved expression for a caller who has p on it.
func (v *View) expressionFor(ctx context.Context, p Permission, name string) (*expressionDocument, error) {
	d, err := v.expression(name)
	if err != nil {
		return nil, err
	}
	may := v.Admin
	if p == Describe {
		may = v.reader
	}
	if ok, err := may(); ok || err != nil {
		return d, err
	}
	if slices.ContainsFunc(d.Grants, func(g grant) bool { return v.applies(&g) && (p == Describe || has(g.Permissions, p)) }) {
		return d, nil
	}
	if !slices.ContainsFunc(d.Grants, func(g grant) bool { return v.applies(&g) }) {
		return nil, fault.Newf(fault.NotFound, "LF-tag expression "+name, "does not exist")
	}
	return nil, v.refuse(ctx, p, Resource{Kind: OfTagExpression, Expression: name}, true)
}

// CreateExpression saves an LF-tag expression.
func (s *Store) CreateExpression(ctx context.Context, c access.Caller, e Expression) error {
	e.Name = lower(e.Name)
	if e.Name == "" || len(e.Name) > 255 || strings.ContainsAny(e.Name, "\x1f\x00") || len(e.Description) > 2048 {
		return fault.Newf(fault.Invalid, "LF-tag expression "+e.Name, "a name is 1 to 255 characters, a description at most 2,048")
	}
	return s.edit(ctx, c, func(v *View) error {
		if err := v.Check(ctx, CreateExpression, Catalog()); err != nil {
			return err
		}
		tags, err := v.checkExpression(ctx, e.Tags)
		if err != nil {
			return err
		}
		d := expressionDocument{Description: e.Description, Expression: tags}
		if !v.c.IsRoot() {
			own, _, _ := strings.Cut(v.c.ID, ":")
			d.Grants = []grant{{Principal: who(v.c), ID: own, Permissions: []Permission{All}, Grantable: []Permission{All}, By: v.c.Principal, At: s.now().UTC()}}
		}
		err = v.tx.Create(v.id(kindExpression, e.Name), d)
		if fault.Is(err, fault.Exists) {
			return fault.Newf(fault.Exists, "LF-tag expression "+e.Name, "exists already")
		}
		return err
	})
}

// UpdateExpression replaces a saved expression: grants that name it follow.
func (s *Store) UpdateExpression(ctx context.Context, c access.Caller, e Expression) error {
	return s.edit(ctx, c, func(v *View) error {
		d, err := v.expressionFor(ctx, Alter, e.Name)
		if err != nil {
			return err
		}
		if d.Expression, err = v.checkExpression(ctx, e.Tags); err != nil {
			return err
		}
		d.Description = e.Description
		return v.tx.Put(v.id(kindExpression, lower(e.Name)), d)
	})
}

// DeleteExpression removes a saved expression. One that grants name stays: fault.Invalid.
func (s *Store) DeleteExpression(ctx context.Context, c access.Caller, name string) error {
	return s.edit(ctx, c, func(v *View) error {
		if _, err := v.expressionFor(ctx, Drop, name); err != nil {
			return err
		}
		policies, err := v.tagPolicies()
		if err != nil {
			return err
		}
		for _, p := range policies {
			if p.Policy.Name == lower(name) {
				return fault.Newf(fault.Invalid, "LF-tag expression "+name, "grants name it: revoke them first")
			}
		}
		return v.forget(kindExpression, lower(name))
	})
}

// Expression returns a saved expression.
func (s *Store) Expression(ctx context.Context, c access.Caller, name string) (e Expression, err error) {
	err = s.View(ctx, c, func(v *View) error {
		d, err := v.expressionFor(ctx, Describe, name)
		if err == nil {
			e = Expression{lower(name), d.Description, d.Expression}
		}
		return err
	})
	return e, err
}

// Expressions returns the saved expressions that the caller may know of, at most max by name that follow after, and whether
// there are more.
func (s *Store) Expressions(ctx context.Context, c access.Caller, after string, max int) (list []Expression, more bool, err error) {
	err = s.View(ctx, c, func(v *View) error {
		all, err := v.reader()
		if err != nil {
			return err
		}
		for row, err := range v.tx.List(v.id(kindExpression, ""), after) {
			var d expressionDocument
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
			list = append(list, Expression{row.Key, d.Description, d.Expression})
		}
		return nil
	})
	return list, more, err
}
