package identity

import (
	"context"
	"slices"
	"strings"
	"time"

	"flowlake/access/policy"
	"flowlake/fault"
	"flowlake/state"
)

// Create makes a user, a group or a role. It returns fault.Exists when one of that name is there, in whatever case;
// fault.Limit at the account's quota; fault.Invalid, about the member, for what AWS refuses too; fault.NotFound for
// a boundary that does not exist.
func (s *Store) Create(ctx context.Context, kind Kind, n New) (Entity, error) {
	return s.create(ctx, kind, n, "")
}

func (s *Store) create(ctx context.Context, kind Kind, n New, linked string, attached ...string) (made Entity, err error) {
	if n.Path == "" {
		n.Path = "/"
	}
	if err := checkNew(kind, n); err != nil {
		return Entity{}, err
	}
	if linked == "" && strings.HasPrefix(n.Path, linkedPath) {
		return Entity{}, fault.Newf(fault.Invalid, "path "+n.Path, "is for service-linked roles: CreateServiceLinkedRole makes them")
	}
	r := &record{Entity: Entity{
		Kind: kind, Name: n.Name, Path: n.Path, ID: newID(kind.prefix()), Created: s.now().UTC().Truncate(time.Second),
		Boundary: n.Boundary, Description: n.Description, MaxSession: n.MaxSession, Trust: n.Trust, ServiceLinked: linked, Attached: attached,
	}}
	if r.Tags, err = setTags(nil, n.Tags); err != nil {
		return Entity{}, err
	}
	if kind == Role {
		if r.MaxSession == 0 {
			r.MaxSession = time.Hour
		}
		if _, err := s.documents.parse(policy.Trust, n.Trust); err != nil {
			return Entity{}, err
		}
	}
	err = s.change(ctx, func(tx *state.Tx) error {
		if there, err := s.get(tx, kind, n.Name); err == nil {
			return fault.Newf(fault.Exists, kind.String()+" "+n.Name, "%s with name %s already exists.", titles[kind], there.Name)
		} else if !fault.Is(err, fault.NotFound) {
			return err
		}
		if err := s.room(tx, kind); err != nil {
			return err
		}
		if n.Boundary != "" {
			if _, err := s.attachable(tx, n.Boundary); err != nil {
				return err
			}
		}
		if kind == Role {
			if r.Trusted, err = s.trusted(tx, n.Trust); err != nil {
				return err
			}
		}
		if err := s.put(tx, r); err != nil {
			return err
		}
		made, err = s.out(tx, s.whole(kind, r))
		return err
	})
	return made, err
}

var titles = map[Kind]string{User: "User", Group: "Group", Role: "Role", Managed: "Policy"}

// room returns fault.Limit when the account has as many things of a kind as it may have.
func (s *Store) room(tx *state.Tx, kind Kind) error {
	n, err := s.count(tx, kind.String())
	if err == nil && n >= quotas[kind] {
		return fault.Newf(fault.Limit, kind.String(), "Cannot exceed quota for %s: %d", quotaNames[kind], quotas[kind])
	}
	return err
}

// Get returns the user, group or role of that name. It returns fault.NotFound.
func (s *Store) Get(ctx context.Context, kind Kind, name string) (e Entity, err error) {
	err = s.state.View(ctx, func(tx *state.Tx) error {
		r, err := s.get(tx, kind, name)
		if err != nil {
			return err
		}
		e, err = s.out(tx, r)
		return err
	})
	return e, err
}

// List returns the users, groups or roles whose path begins with pathPrefix, "" for all of them, in the order of
// their names in lower case.
func (s *Store) List(ctx context.Context, kind Kind, pathPrefix string) (all []Entity, err error) {
	err = s.state.View(ctx, func(tx *state.Tx) error {
		return s.each(tx, kind, func(r *record) error {
			if !strings.HasPrefix(r.Path, pathPrefix) {
				return nil
			}
			e, err := s.out(tx, r)
			all = append(all, e)
			return err
		})
	})
	return all, err
}

// Members returns a group's users.
func (s *Store) Members(ctx context.Context, group string) (all []Entity, err error) {
	err = s.state.View(ctx, func(tx *state.Tx) error {
		g, err := s.get(tx, Group, group)
		if err != nil {
			return err
		}
		return s.each(tx, User, func(r *record) error {
			if slices.Contains(r.Groups, g.Name) {
				all = append(all, r.Entity)
			}
			return nil
		})
	})
	return all, err
}

// edit changes one record in a transaction. Service-linked roles refuse it unless linked is set.
func (s *Store) edit(ctx context.Context, kind Kind, name string, linked bool, do func(tx *state.Tx, r *record) error) error {
	return s.change(ctx, func(tx *state.Tx) error {
		r, err := s.get(tx, kind, name)
		if err != nil {
			return err
		}
		if r.ServiceLinked != "" && !linked {
			return fault.Newf(fault.Conflict, "service-linked role "+r.Name, "Cannot perform the operation on the protected role '%s' - this role is only modifiable by AWS", r.Name)
		}
		if err := do(tx, r); err != nil {
			return err
		}
		return s.put(tx, r)
	})
}

// Rename gives a user or a group another name, another path, or both; nil keeps what it has. Everything that belongs to
// it stays; its ARN changes, and policies that name the old one do not follow.
func (s *Store) Rename(ctx context.Context, kind Kind, name string, newName, newPath *string) error {
	if newName != nil {
		if err := checkName(kind, *newName); err != nil {
			return err
		}
	}
	if newPath != nil {
		if err := checkPath(*newPath); err != nil {
			return err
		}
	}
	return s.change(ctx, func(tx *state.Tx) error {
		r, err := s.get(tx, kind, name)
		if err != nil {
			return err
		}
		old := r.Name
		if newPath != nil {
			r.Path = *newPath
		}
		if newName == nil || *newName == old {
			return s.put(tx, r)
		}
		r.Name = *newName
		if !strings.EqualFold(old, r.Name) {
			if there, err := s.get(tx, kind, r.Name); err == nil {
				return fault.Newf(fault.Exists, kind.String()+" "+r.Name, "%s with name %s already exists.", titles[kind], there.Name)
			} else if !fault.Is(err, fault.NotFound) {
				return err
			}
			if err := tx.Delete(s.id(kind, old)); err != nil {
				return err
			}
		}
		if err := s.put(tx, r); err != nil {
			return err
		}
		if kind == Group {
			return s.renameMembership(tx, old, r.Name)
		}
		return s.renameKeys(tx, r)
	})
}

// renameMembership follows a group that has another name.
func (s *Store) renameMembership(tx *state.Tx, old, name string) error {
	return s.each(tx, User, func(u *record) error {
		i := slices.Index(u.Groups, old)
		if i < 0 {
			return nil
		}
		u.Groups[i] = name
		return s.put(tx, u)
	})
}

// UpdateRole changes a role's description or how long its sessions may be; nil keeps what it has.
func (s *Store) UpdateRole(ctx context.Context, name string, description *string, maxSession *time.Duration) error {
	if description != nil {
		if err := checkDescription(*description); err != nil {
			return err
		}
	}
	if maxSession != nil {
		if err := checkMaxSession(*maxSession); err != nil {
			return err
		}
	}
	// A service-linked role's description is the account's to write.
	return s.edit(ctx, Role, name, maxSession == nil, func(_ *state.Tx, r *record) error {
		if description != nil {
			r.Description = *description
		}
		if maxSession != nil {
			r.MaxSession = *maxSession
		}
		return nil
	})
}

// UpdateTrust gives a role another trust policy. It returns fault.Invalid about the noun "policy document" for one that
// AWS refuses, also because a principal of this account that it names does not exist.
func (s *Store) UpdateTrust(ctx context.Context, name, document string) error {
	if err := checkSize("role", document, maxTrust); err != nil {
		return err
	}
	if _, err := s.documents.parse(policy.Trust, document); err != nil {
		return err
	}
	return s.edit(ctx, Role, name, false, func(tx *state.Tx, r *record) (err error) {
		r.Trust = document
		r.Trusted, err = s.trusted(tx, document)
		return err
	})
}

// Delete removes a user, a group or a role that has nothing left: fault.Conflict says what it still has.
func (s *Store) Delete(ctx context.Context, kind Kind, name string) error {
	return s.change(ctx, func(tx *state.Tx) error {
		r, err := s.get(tx, kind, name)
		if err != nil {
			return err
		}
		if r.ServiceLinked != "" {
			return fault.Newf(fault.Conflict, "service-linked role "+r.Name, "Cannot perform the operation on the protected role '%s' - this role is only modifiable by AWS", r.Name)
		}
		return s.remove(tx, r)
	})
}

func (s *Store) remove(tx *state.Tx, r *record) error {
	obstacle := ""
	switch {
	case len(r.Attached) > 0 && r.ServiceLinked == "":
		obstacle = "must detach all policies first"
	case len(r.Inline) > 0 && r.ServiceLinked == "":
		obstacle = "must delete policies first"
	case len(r.Keys) > 0:
		obstacle = "must delete access keys first"
	case len(r.Groups) > 0:
		obstacle = "must remove user from all groups first"
	}
	if r.Kind == Group {
		err := s.each(tx, User, func(u *record) error {
			if slices.Contains(u.Groups, r.Name) {
				obstacle = "must remove users from group first"
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	if obstacle != "" {
		return fault.Newf(fault.Conflict, r.Kind.String()+" "+r.Name, "Cannot delete entity, %s.", obstacle)
	}
	if r.Kind == Role {
		if err := s.forgetUse(tx, useKey{Role, r.ID}); err != nil {
			return err
		}
	}
	return tx.Delete(s.id(r.Kind, r.Name))
}

// AddToGroup puts a user into a group; being in it already is no error.
func (s *Store) AddToGroup(ctx context.Context, group, user string) error {
	return s.edit(ctx, User, user, false, func(tx *state.Tx, u *record) error {
		g, err := s.get(tx, Group, group)
		if err != nil {
			return err
		}
		if slices.Contains(u.Groups, g.Name) {
			return nil
		}
		if len(u.Groups) >= maxGroups {
			return fault.Newf(fault.Limit, "user "+u.Name, "Cannot exceed quota for GroupsPerUser: %d", maxGroups)
		}
		u.Groups = append(u.Groups, g.Name)
		return nil
	})
}

// RemoveFromGroup takes a user out of a group. It returns fault.NotFound when either is not there, or the user not in it.
func (s *Store) RemoveFromGroup(ctx context.Context, group, user string) error {
	return s.edit(ctx, User, user, false, func(tx *state.Tx, u *record) error {
		g, err := s.get(tx, Group, group)
		if err != nil {
			return err
		}
		i := slices.Index(u.Groups, g.Name)
		if i < 0 {
			return fault.Newf(fault.NotFound, "user "+u.Name, "The user with name %s is not in group %s.", u.Name, g.Name)
		}
		u.Groups = slices.Delete(u.Groups, i, i+1)
		return nil
	})
}
