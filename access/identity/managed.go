package identity

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"flowlake/access/policy"
	"flowlake/fault"
	"flowlake/state"
)

// managedRecord is one of the account's own managed policies as it is stored.
type managedRecord struct {
	Name        string          `json:"name"`
	ID          string          `json:"id"`
	Path        string          `json:"path"`
	Description string          `json:"description,omitempty"`
	Created     time.Time       `json:"created"`
	Updated     time.Time       `json:"updated"`
	Default     string          `json:"default"`
	Next        int             `json:"next"` // the number of the next version: numbers are not used again
	Versions    []versionRecord `json:"versions"`
	Tags        []Tag           `json:"tags,omitempty"`
}

type versionRecord struct {
	ID       string    `json:"id"`
	Document string    `json:"document"`
	Created  time.Time `json:"created"`
}

// NewPolicy is what a managed policy is made from.
type NewPolicy struct {
	Name, Path, Description, Document string // Path "" is "/"
	Tags                              []Tag
}

// CreatePolicy makes a managed policy with its version v1. It returns fault.Exists, fault.Limit, and fault.Invalid, about
// the noun "policy document" for a document that AWS refuses.
func (s *Store) CreatePolicy(ctx context.Context, n NewPolicy) (p Policy, err error) {
	if n.Path == "" {
		n.Path = "/"
	}
	if err := checkNew(Managed, New{Name: n.Name, Path: n.Path, Description: n.Description, Tags: n.Tags}); err != nil {
		return Policy{}, err
	}
	if err := s.checkManaged(n.Document); err != nil {
		return Policy{}, err
	}
	now := s.now().UTC().Truncate(time.Second)
	m := &managedRecord{Name: n.Name, ID: newID(Managed.prefix()), Path: n.Path, Description: n.Description, Created: now, Updated: now,
		Default: "v1", Next: 2, Versions: []versionRecord{{ID: "v1", Document: n.Document, Created: now}}}
	if m.Tags, err = setTags(nil, n.Tags); err != nil {
		return Policy{}, err
	}
	err = s.change(ctx, func(tx *state.Tx) error {
		there, err := tx.Exists(s.id(Managed, n.Name))
		switch {
		case err != nil:
			return err
		case there:
			return fault.Newf(fault.Exists, "policy "+n.Name, "A policy called %s already exists. Duplicate names are not allowed.", n.Name)
		}
		if err := s.room(tx, Managed); err != nil {
			return err
		}
		p = s.policy(m)
		return tx.Create(s.id(Managed, n.Name), m)
	})
	return p, err
}

func (s *Store) checkManaged(document string) error {
	if err := checkSize("policy", document, maxManaged); err != nil {
		return err
	}
	_, err := s.documents.parse(policy.Identity, document)
	return err
}

// policy is a stored policy for a reader.
func (s *Store) policy(m *managedRecord) Policy {
	p := Policy{Name: m.Name, ID: m.ID, ARN: s.arn(Managed, m.Path, m.Name), Path: m.Path, Description: m.Description,
		Created: m.Created, Updated: m.Updated, Default: m.Default, Tags: slices.Clone(m.Tags)}
	for _, v := range slices.Backward(m.Versions) {
		p.Versions = append(p.Versions, Version{ID: v.ID, Document: v.Document, Created: v.Created, Default: v.ID == m.Default})
	}
	return p
}

// managed reads one of the account's own policies by its ARN.
func (s *Store) managed(tx *state.Tx, arn string) (*managedRecord, error) {
	path, ok := strings.CutPrefix(arn, "arn:aws:iam::"+s.account+":policy/")
	if ok {
		var m managedRecord
		_, err := tx.Get(s.id(Managed, path[strings.LastIndexByte(path, '/')+1:]), &m)
		if err == nil && s.arn(Managed, m.Path, m.Name) == arn {
			return &m, nil
		}
		if err != nil && !fault.Is(err, fault.NotFound) {
			return nil, err
		}
	}
	return nil, fault.Newf(fault.NotFound, "policy "+arn, "Policy %s was not found.", arn)
}

// find reads a policy, the account's or AWS's.
func (s *Store) find(tx *state.Tx, arn string) (Policy, error) {
	if p, ok := awsPolicy(arn); ok {
		return p, nil
	}
	m, err := s.managed(tx, arn)
	if err != nil {
		return Policy{}, err
	}
	return s.policy(m), nil
}

// attachable is a policy that may be attached, or bound by.
func (s *Store) attachable(tx *state.Tx, arn string) (Policy, error) {
	p, err := s.find(tx, arn)
	if err != nil {
		return Policy{}, fault.Newf(fault.NotFound, "policy "+arn, "Policy %s does not exist or is not attachable.", arn)
	}
	if p.ServiceRole {
		return Policy{}, fault.Newf(fault.Conflict, "policy "+arn, "Cannot attach a Service Role Policy to a Customer Role.")
	}
	return p, nil
}

// inForce is the document of a policy's default version.
func (s *Store) inForce(tx *state.Tx, arn string) (string, error) {
	p, err := s.find(tx, arn)
	return p.Document(), err
}

// Policy returns a managed policy by its ARN, with how often it is attached. It returns fault.NotFound.
func (s *Store) Policy(ctx context.Context, arn string) (p Policy, err error) {
	err = s.state.View(ctx, func(tx *state.Tx) error {
		if p, err = s.find(tx, arn); err != nil {
			return err
		}
		uses, err := s.uses(tx)
		p.Attachments, p.Boundaries = uses[arn].attached, uses[arn].bounds
		return err
	})
	return p, err
}

// Policies returns all managed policies, the account's own and then AWS's, each in the order of their ARNs, with how often
// each is attached.
func (s *Store) Policies(ctx context.Context) (all []Policy, err error) {
	err = s.state.View(ctx, func(tx *state.Tx) error {
		for row, err := range tx.List(state.ID{Kind: Managed.String(), Account: s.account}, "") {
			if err != nil {
				return err
			}
			var m managedRecord
			if err := row.Decode(&m); err != nil {
				return err
			}
			all = append(all, s.policy(&m))
		}
		slices.SortFunc(all, func(a, b Policy) int { return strings.Compare(a.ARN, b.ARN) })
		all = append(all, awsPolicies()...)
		uses, err := s.uses(tx)
		for i := range all {
			all[i].Attachments, all[i].Boundaries = uses[all[i].ARN].attached, uses[all[i].ARN].bounds
		}
		return err
	})
	return all, err
}

// uses is how often each policy is attached, by ARN.
type use struct{ attached, bounds int }

func (s *Store) uses(tx *state.Tx) (map[string]use, error) {
	all := map[string]use{}
	for _, kind := range []Kind{User, Group, Role} {
		err := s.each(tx, kind, func(r *record) error {
			for _, arn := range r.Attached {
				u := all[arn]
				u.attached++
				all[arn] = u
			}
			if r.Boundary != "" {
				u := all[r.Boundary]
				u.bounds++
				all[r.Boundary] = u
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// Holders returns the users, groups and roles that a policy is attached to or, with boundary, that it bounds. It returns
// fault.NotFound when there is no such policy.
func (s *Store) Holders(ctx context.Context, arn string, boundary bool) (all []Entity, err error) {
	err = s.state.View(ctx, func(tx *state.Tx) error {
		if _, err := s.find(tx, arn); err != nil {
			return err
		}
		for _, kind := range []Kind{User, Group, Role} {
			err := s.each(tx, kind, func(r *record) error {
				if boundary && r.Boundary == arn || !boundary && slices.Contains(r.Attached, arn) {
					all = append(all, r.Entity)
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	return all, err
}

// editPolicy changes one of the account's own policies.
func (s *Store) editPolicy(ctx context.Context, arn string, do func(tx *state.Tx, m *managedRecord) error) error {
	if p, ok := awsPolicy(arn); ok {
		return fault.Newf(fault.Denied, "policy "+p.ARN, "Cannot change an AWS-managed policy.")
	}
	return s.change(ctx, func(tx *state.Tx) error {
		m, err := s.managed(tx, arn)
		if err != nil {
			return err
		}
		if err := do(tx, m); err != nil {
			return err
		}
		return tx.Put(s.id(Managed, m.Name), m)
	})
}

// CreateVersion writes a new version of a policy, and makes it the one in force when setDefault is set. It returns
// fault.Limit when five are there already.
func (s *Store) CreateVersion(ctx context.Context, arn, document string, setDefault bool) (v Version, err error) {
	if err := s.checkManaged(document); err != nil {
		return Version{}, err
	}
	err = s.editPolicy(ctx, arn, func(_ *state.Tx, m *managedRecord) error {
		if len(m.Versions) >= maxVersions {
			return fault.Newf(fault.Limit, "policy "+arn, "A managed policy can have up to %d versions. Before you create a new version, you must delete an existing version.", maxVersions)
		}
		now := s.now().UTC().Truncate(time.Second)
		v = Version{ID: "v" + strconv.Itoa(m.Next), Document: document, Created: now, Default: setDefault}
		m.Next++
		m.Versions = append(m.Versions, versionRecord{ID: v.ID, Document: document, Created: now})
		m.Updated = now
		if setDefault {
			m.Default = v.ID
		}
		return nil
	})
	return v, err
}

// version finds a version's place.
func (m *managedRecord) version(arn, id string) (int, error) {
	i := slices.IndexFunc(m.Versions, func(v versionRecord) bool { return v.ID == id })
	if i < 0 {
		return 0, fault.Newf(fault.NotFound, "policy "+arn, "Policy %s version %s does not exist or is not attachable.", arn, id)
	}
	return i, nil
}

// SetDefault puts another version in force. It returns fault.NotFound.
func (s *Store) SetDefault(ctx context.Context, arn, id string) error {
	return s.editPolicy(ctx, arn, func(_ *state.Tx, m *managedRecord) error {
		if _, err := m.version(arn, id); err != nil {
			return err
		}
		m.Default, m.Updated = id, s.now().UTC().Truncate(time.Second)
		return nil
	})
}

// DeleteVersion removes a version that is not the one in force: that one returns fault.Conflict.
func (s *Store) DeleteVersion(ctx context.Context, arn, id string) error {
	return s.editPolicy(ctx, arn, func(_ *state.Tx, m *managedRecord) error {
		i, err := m.version(arn, id)
		if err != nil {
			return err
		}
		if m.Default == id {
			return fault.Newf(fault.Conflict, "policy "+arn, "Cannot delete the default version of a policy.")
		}
		m.Versions = slices.Delete(m.Versions, i, i+1)
		m.Updated = s.now().UTC().Truncate(time.Second)
		return nil
	})
}

// DeletePolicy removes a policy that nobody has and that has no version but the one in force: fault.Conflict says which.
func (s *Store) DeletePolicy(ctx context.Context, arn string) error {
	if _, ok := awsPolicy(arn); ok {
		return fault.Newf(fault.Denied, "policy "+arn, "Cannot delete an AWS-managed policy.")
	}
	return s.change(ctx, func(tx *state.Tx) error {
		m, err := s.managed(tx, arn)
		if err != nil {
			return err
		}
		uses, err := s.uses(tx)
		switch u := uses[arn]; {
		case err != nil:
			return err
		case u.attached+u.bounds > 0:
			return fault.Newf(fault.Conflict, "policy "+arn, "Cannot delete a policy attached to entities.")
		case len(m.Versions) > 1:
			return fault.Newf(fault.Conflict, "policy "+arn, "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.")
		}
		return tx.Delete(s.id(Managed, m.Name))
	})
}

// SetPolicyTags puts tags on one of the account's own policies, over those with the same keys.
func (s *Store) SetPolicyTags(ctx context.Context, arn string, tags []Tag) error {
	if err := checkTags(tags); err != nil {
		return err
	}
	return s.editPolicy(ctx, arn, func(_ *state.Tx, m *managedRecord) (err error) {
		m.Tags, err = setTags(m.Tags, tags)
		return err
	})
}

// DropPolicyTags takes the tags with those keys off one of the account's own policies.
func (s *Store) DropPolicyTags(ctx context.Context, arn string, keys []string) error {
	return s.editPolicy(ctx, arn, func(_ *state.Tx, m *managedRecord) error {
		m.Tags = dropTags(m.Tags, keys)
		return nil
	})
}
