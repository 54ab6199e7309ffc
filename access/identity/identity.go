// Package identity keeps an account's identities: users, groups, roles, their policies, access keys and the
// credentials of sessions. It says what is in force for a principal; it decides nothing, and it stores no secret but sealed
// with a key that lies outside the data folder.
package identity

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"flowlake/fault"
	"flowlake/state"
)

// Store is the identities of one account. It is safe for concurrent use. It assumes, as the local state store does, that
// no other process changes them.
type Store struct {
	state   *state.Store
	account string
	seal    *Seal
	log     *slog.Logger
	now     func() time.Time

	cache     atomic.Pointer[cache] // of what was read; another one after each change
	changes   atomic.Uint64
	documents documents
	sessions  sessions

	linked map[string]func(*state.Tx) ([]LinkedUse, error) // of service-linked roles, by service

	useMu sync.Mutex      // guards used
	used  map[useKey]*Use // not yet written down
}

// Open returns the identities of account in st. seal opens their secrets; those that another key sealed are lost, which is
// logged, and everything else stays as it is.
func Open(st *state.Store, account string, seal *Seal, log *slog.Logger) (*Store, error) {
	s := &Store{state: st, account: account, seal: seal, log: log, now: time.Now, used: map[useKey]*Use{}, linked: map[string]func(*state.Tx) ([]LinkedUse, error){}}
	s.cache.Store(newCache())
	lost := 0
	err := st.View(context.Background(), func(tx *state.Tx) error {
		for row, err := range tx.List(state.ID{Kind: keyKind, Account: account}, "") {
			if err != nil {
				return err
			}
			var k keyRecord
			if err := row.Decode(&k); err != nil {
				return err
			}
			if !seal.Made(k.Secret) {
				lost++
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if lost > 0 {
		log.Warn("access keys are lost: another key file sealed their secrets; delete them and make new ones", "keys", lost)
	}
	return s, nil
}

// Account is the account whose identities these are.
func (s *Store) Account() string { return s.account }

// Kind is a kind of thing that has a name in IAM.
type Kind uint8

// The kinds.
const (
	User Kind = iota + 1
	Group
	Role
	Managed // a managed policy
)

// String is the kind as ARNs spell it.
func (k Kind) String() string {
	return [...]string{"", "user", "group", "role", "policy"}[k]
}

// prefix begins the unique ids of a kind.
func (k Kind) prefix() string {
	return [...]string{"", "AIDA", "AGPA", "AROA", "ANPA"}[k]
}

// Tag is a key and a value, in the order in which they were set.
type Tag struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// Entity is a user, a group or a role. What a kind does not have is zero. Its slices and maps are the reader's own.
type Entity struct {
	Kind    Kind      `json:"-"`
	Name    string    `json:"name"`
	ID      string    `json:"id"` // unique and never used again: AIDA…, AGPA…, AROA…
	ARN     string    `json:"-"`
	Path    string    `json:"path"` // "/", "/division/"
	Created time.Time `json:"created"`

	Attached []string          `json:"attached,omitempty"` // ARNs of managed policies, in the order of their attaching
	Inline   map[string]string `json:"inline,omitempty"`   // documents by name, as they were written
	Tags     []Tag             `json:"tags,omitempty"`     // users and roles
	Boundary string            `json:"boundary,omitempty"` // users and roles: the ARN of the managed policy that bounds them; ""

	Groups []string `json:"groups,omitempty"` // a user's groups, by name

	Description   string        `json:"description,omitempty"`   // a role's
	Trust         string        `json:"trust,omitempty"`         // a role's trust policy; a principal that was deleted since is there with its unique id
	MaxSession    time.Duration `json:"maxSession,omitempty"`    // a role's
	ServiceLinked string        `json:"serviceLinked,omitempty"` // the service that a service-linked role belongs to: "lakeformation.amazonaws.com"
	LastUsed      Use           `json:"-"`                       // a role's
}

// New is what a user, a group or a role is made from. Members that the kind does not have are refused.
type New struct {
	Name, Path  string // Path "" is "/"
	Tags        []Tag
	Boundary    string // ARN of a managed policy
	Description string
	Trust       string
	MaxSession  time.Duration // 0: an hour
}

// Policy is a managed policy: the account's own, or AWS's.
type Policy struct {
	Name, ID, ARN, Path, Description string
	Created, Updated                 time.Time
	Default                          string    // the id of the version in force: "v1"
	Versions                         []Version // the newest first; AWS's have one
	Tags                             []Tag
	AWS                              bool // not the account's own: it cannot be changed
	ServiceRole                      bool // of service-linked roles alone: it cannot be attached
	Attachments, Boundaries          int  // how many users, groups and roles have it, or are bounded by it
}

// Document returns the default version's document.
func (p Policy) Document() string {
	for _, v := range p.Versions {
		if v.ID == p.Default {
			return v.Document
		}
	}
	return ""
}

// Version is one version of a managed policy.
type Version struct {
	ID       string
	Document string // as it was written
	Created  time.Time
	Default  bool
}

// AccessKey is a user's long-term key, without its secret.
type AccessKey struct {
	ID      string // AKIA…
	User    string // the user's name
	Active  bool
	Lost    bool // another key file sealed its secret: it can only be deleted
	Created time.Time
	Used    Use
}

// Use is when and for what something was used last; the zero value is never.
type Use struct {
	At      time.Time `json:"at"`
	Region  string    `json:"region,omitempty"`
	Service string    `json:"service,omitempty"` // "s3"
}

// arn builds the ARN of a thing of the account.
func (s *Store) arn(kind Kind, path, name string) string {
	return "arn:aws:iam::" + s.account + ":" + kind.String() + path + name
}

// id names the document of a thing: names are told apart by no case.
func (s *Store) id(kind Kind, name string) state.ID {
	return state.ID{Kind: kind.String(), Account: s.account, Key: strings.ToLower(name)}
}

// change runs do in a transaction, and forgets what was read before it once its changes are on disk.
func (s *Store) change(ctx context.Context, do func(tx *state.Tx) error) error {
	err := s.state.Update(ctx, do)
	s.cache.Store(newCache()) // also after an error: a commit whose outcome is not known
	s.changes.Add(1)
	return err
}

// Changes counts the changes of identities: what was derived from them holds as long as the count, read before, stays.
func (s *Store) Changes() uint64 { return s.changes.Load() }

// noSuch is the error for a thing that is not there.
func noSuch(kind Kind, name string) error {
	return fault.Newf(fault.NotFound, kind.String()+" "+name, "The %s with name %s cannot be found.", kind, name)
}

// sorted returns the names of a map in order.
func sorted[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
