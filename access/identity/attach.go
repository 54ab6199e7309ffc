package identity

import (
	"context"
	"slices"

	"flowlake/access/policy"
	"flowlake/fault"
	"flowlake/state"
)

// PutInline writes an inline policy of a user, a group or a role, over one of that name. It returns fault.Invalid about
// the noun "policy document" for one that AWS refuses, and fault.Limit when the inline policies together are larger than
// AWS's quota.
func (s *Store) PutInline(ctx context.Context, kind Kind, name, policyName, document string) error {
	if err := checkName(Managed, policyName); err != nil {
		return err
	}
	if err := checkSize(kind.String(), document, maxDocument); err != nil {
		return err
	}
	if _, err := s.documents.parse(policy.Identity, document); err != nil {
		return err
	}
	return s.edit(ctx, kind, name, false, func(_ *state.Tx, r *record) error {
		r.Inline = cloned(r.Inline, policyName, document)
		size := 0
		for _, text := range r.Inline {
			size += policy.Size(text)
		}
		if size > maxInline[kind] {
			return fault.Newf(fault.Limit, kind.String()+" "+r.Name, "Maximum policy size of %d bytes exceeded for %s %s", maxInline[kind], kind, r.Name)
		}
		return nil
	})
}

// DeleteInline removes an inline policy. It returns fault.NotFound.
func (s *Store) DeleteInline(ctx context.Context, kind Kind, name, policyName string) error {
	return s.edit(ctx, kind, name, false, func(_ *state.Tx, r *record) error {
		if _, ok := r.Inline[policyName]; !ok {
			return noInline(kind, r.Name, policyName)
		}
		delete(r.Inline, policyName)
		return nil
	})
}

// Inline returns an inline policy's document, as it was written. It returns fault.NotFound.
func (s *Store) Inline(ctx context.Context, kind Kind, name, policyName string) (document string, err error) {
	e, err := s.Get(ctx, kind, name)
	if err != nil {
		return "", err
	}
	document, ok := e.Inline[policyName]
	if !ok {
		return "", noInline(kind, e.Name, policyName)
	}
	return document, nil
}

func noInline(kind Kind, name, policyName string) error {
	return fault.Newf(fault.NotFound, kind.String()+" policy "+policyName, "The %s policy with name %s cannot be found.", kind, policyName)
}

// Attach puts a managed policy, the account's or AWS's, on a user, a group or a role; being there already is no error. It
// returns fault.NotFound, and fault.Limit above ten.
func (s *Store) Attach(ctx context.Context, kind Kind, name, arn string) error {
	return s.edit(ctx, kind, name, false, func(tx *state.Tx, r *record) error {
		if _, err := s.attachable(tx, arn); err != nil {
			return err
		}
		if slices.Contains(r.Attached, arn) {
			return nil
		}
		if len(r.Attached) >= maxAttached {
			return fault.Newf(fault.Limit, kind.String()+" "+r.Name, "Cannot exceed quota for PoliciesPer%s: %d", titles[kind], maxAttached)
		}
		r.Attached = append(r.Attached, arn)
		return nil
	})
}

// Detach takes a managed policy off. It returns fault.NotFound when it is not there.
func (s *Store) Detach(ctx context.Context, kind Kind, name, arn string) error {
	return s.edit(ctx, kind, name, false, func(_ *state.Tx, r *record) error {
		i := slices.Index(r.Attached, arn)
		if i < 0 {
			return fault.Newf(fault.NotFound, "policy "+arn, "Policy %s was not found.", arn)
		}
		r.Attached = slices.Delete(r.Attached, i, i+1)
		return nil
	})
}

// SetBoundary bounds a user or a role by a managed policy, in place of another; arn "" takes the bound away, which returns
// fault.NotFound when there is none.
func (s *Store) SetBoundary(ctx context.Context, kind Kind, name, arn string) error {
	if kind == Group {
		return fault.Newf(fault.Invalid, "group "+name, "groups have no permissions boundary")
	}
	return s.edit(ctx, kind, name, false, func(tx *state.Tx, r *record) error {
		if arn == "" {
			if r.Boundary == "" {
				return fault.Newf(fault.NotFound, kind.String()+" "+r.Name, "%s %s does not have a permissions boundary.", titles[kind], r.Name)
			}
			r.Boundary = ""
			return nil
		}
		if _, err := s.attachable(tx, arn); err != nil {
			return err
		}
		r.Boundary = arn
		return nil
	})
}

// SetTags puts tags on a user or a role, over those with the same keys; a managed policy has SetPolicyTags. It returns
// fault.Limit above fifty.
func (s *Store) SetTags(ctx context.Context, kind Kind, name string, tags []Tag) error {
	if err := checkTags(tags); err != nil {
		return err
	}
	return s.edit(ctx, kind, name, true, func(_ *state.Tx, r *record) (err error) {
		r.Tags, err = setTags(r.Tags, tags)
		return err
	})
}

// DropTags takes the tags with those keys off a user or a role; one that is not there is no error.
func (s *Store) DropTags(ctx context.Context, kind Kind, name string, keys []string) error {
	return s.edit(ctx, kind, name, true, func(_ *state.Tx, r *record) error {
		r.Tags = dropTags(r.Tags, keys)
		return nil
	})
}
