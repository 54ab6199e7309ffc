package identity

import (
	"context"
	"strings"
	"sync"
	"time"

	"flowlake/access/policy"
	"flowlake/fault"
	"flowlake/state"
)

// Principal is a user or a role with everything that is in force for it, compiled. It is immutable: a change makes
// another.
type Principal struct {
	Kind       Kind // User or Role
	ARN        string
	ID         string // AIDA…, AROA…
	Account    string
	Name, Path string
	Tags       map[string]string
	Policies   []policy.Source // its own, and its groups'
	Boundary   *policy.Source  // nil: none
	// Trust is a role's: what sts:AssumeRole, sts:TagSession and sts:SetSourceIdentity on the role are decided by besides
	// the caller's own policies. Unlike a bucket's policy it is always needed: without its allow nobody assumes the role.
	Trust         *policy.Document
	MaxSession    time.Duration // a role's
	ServiceLinked string        // a service-linked role's service
}

// cache is what was read since the last change. It is thrown away whole: changes are rare, and documents stay compiled.
type cache struct {
	mu    sync.RWMutex          // guards users, roles, keys
	users map[string]*Principal // by ARN
	roles map[string]*Principal // by ARN, and by "name" as sessions' ARNs have it
	keys  map[string]Key        // long-term, by id
}

// maxCached bounds each of the cache's maps.
const maxCached = 10_000

func newCache() *cache {
	return &cache{users: map[string]*Principal{}, roles: map[string]*Principal{}, keys: map[string]Key{}}
}

// Principal returns the user or the role with that ARN; for a session's ARN its role. It returns fault.NotFound, about
// the noun "principal", for any other ARN: also for root's, which needs no policies.
func (s *Store) Principal(ctx context.Context, arn string) (*Principal, error) {
	c := s.cache.Load() // before anything is read: what a change overtakes lands in a cache that nobody asks
	kind, name, whole := s.parse(arn)
	of, key := c.users, arn
	if kind == Role {
		of = c.roles
		if !whole {
			key = name
		}
	}
	c.mu.RLock()
	p := of[key]
	c.mu.RUnlock()
	if p != nil {
		return p, nil
	}
	if kind == 0 {
		return nil, noPrincipal(arn)
	}
	err := s.state.Look(ctx, func(tx *state.Tx) error { // rooms ask within their views
		e, err := s.get(tx, kind, name)
		if fault.Is(err, fault.NotFound) || err == nil && (whole && e.ARN != arn || e.Name != name) {
			return noPrincipal(arn)
		}
		if err != nil {
			return err
		}
		p, err = s.compile(tx, e)
		return err
	})
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	if len(of) >= maxCached {
		clear(of)
	}
	of[key] = p
	c.mu.Unlock()
	return p, nil
}

func noPrincipal(arn string) error {
	return fault.Newf(fault.NotFound, "principal "+arn, "no such principal")
}

// parse finds the kind and the name in a principal's ARN. whole: the ARN is the principal's own, with its path; a session's
// has its role's name alone. kind is 0 for what is no user's, role's or role's session's ARN of this account.
func (s *Store) parse(arn string) (kind Kind, name string, whole bool) {
	rest, ok := strings.CutPrefix(arn, "arn:aws:")
	if !ok {
		return 0, "", false
	}
	service, rest, _ := strings.Cut(rest, "::")
	account, thing, _ := strings.Cut(rest, ":")
	if account != s.account {
		return 0, "", false
	}
	what, path, ok := strings.Cut(thing, "/")
	last := path[strings.LastIndexByte(path, '/')+1:]
	switch {
	case !ok || path == "":
		return 0, "", false
	case service == "iam" && what == "user":
		return User, last, true
	case service == "iam" && what == "role":
		return Role, last, true
	case service == "sts" && what == "assumed-role":
		name, _, _ = strings.Cut(path, "/")
		return Role, name, false
	}
	return 0, "", false
}

// compile reads all that is in force for a user or a role.
func (s *Store) compile(tx *state.Tx, e *record) (*Principal, error) {
	p := &Principal{Kind: e.Kind, ARN: e.ARN, ID: e.ID, Account: s.account, Name: e.Name, Path: e.Path, MaxSession: e.MaxSession, ServiceLinked: e.ServiceLinked}
	if len(e.Tags) > 0 {
		p.Tags = map[string]string{}
		for _, t := range e.Tags {
			p.Tags[t.Key] = t.Value
		}
	}
	if err := s.sources(tx, e, "", &p.Policies); err != nil {
		return nil, err
	}
	for _, name := range e.Groups {
		g, err := s.get(tx, Group, name)
		if err != nil {
			return nil, err
		}
		if err := s.sources(tx, g, " of group "+g.Name, &p.Policies); err != nil {
			return nil, err
		}
	}
	if e.Boundary != "" {
		text, err := s.inForce(tx, e.Boundary)
		if err != nil {
			return nil, err
		}
		doc, err := s.documents.parse(policy.Identity, text)
		if err != nil {
			return nil, broken(e.Boundary, err)
		}
		p.Boundary = &policy.Source{Name: "permissions boundary " + e.Boundary, Document: doc}
	}
	if e.Kind == Role {
		text, err := s.trustText(tx, e)
		if err != nil {
			return nil, err
		}
		if p.Trust, err = s.documents.parse(policy.Trust, text); err != nil {
			return nil, broken("trust policy of role "+e.Name, err)
		}
	}
	return p, nil
}

// sources adds a user's, role's or group's policies.
func (s *Store) sources(tx *state.Tx, e *record, of string, to *[]policy.Source) error {
	for _, name := range sorted(e.Inline) {
		doc, err := s.documents.parse(policy.Identity, e.Inline[name])
		source := "inline policy " + name + " of " + e.Kind.String() + " " + e.Name
		if err != nil {
			return broken(source, err)
		}
		*to = append(*to, policy.Source{Name: source, Document: doc})
	}
	for _, arn := range e.Attached {
		text, err := s.inForce(tx, arn)
		if err != nil {
			return err
		}
		doc, err := s.documents.parse(policy.Identity, text)
		if err != nil {
			return broken("managed policy "+arn, err)
		}
		*to = append(*to, policy.Source{Name: "managed policy " + arn + of, Document: doc})
	}
	return nil
}

// broken is a stored document that does not parse: it was checked when it was stored.
func broken(name string, err error) error {
	return fault.Newf(fault.Internal, name, "stored document: %w", err)
}

// documents keeps documents compiled, by their text: a version is compiled once, however often identities change.
type documents struct {
	mu    sync.Mutex // guards known
	known map[documentKey]*policy.Document
}

type documentKey struct {
	kind policy.Kind
	text string
}

// maxDocuments bounds what is kept compiled; beyond it all is compiled again when it is asked for.
const maxDocuments = 10_000

func (d *documents) parse(kind policy.Kind, text string) (*policy.Document, error) {
	key := documentKey{kind, text}
	d.mu.Lock()
	doc := d.known[key]
	d.mu.Unlock()
	if doc != nil {
		return doc, nil
	}
	doc, err := policy.Parse(kind, text)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.known == nil || len(d.known) >= maxDocuments {
		d.known = map[documentKey]*policy.Document{}
	}
	d.known[key] = doc
	return doc, nil
}
