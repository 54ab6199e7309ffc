package identity

import (
	"bytes"
	"compress/flate"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"

	"flowlake/fault"
)

// Key is a key that requests are signed with, and whom it speaks for. No verb of fmt shows more of it than its id.
type Key struct {
	ID       string
	Secret   string
	Token    string    // a session's: it must come with each request; "" for a long-term key
	Expires  time.Time // a session's end; zero for a long-term key
	Inactive bool      // its user put it out of use

	// Whom it speaks for, as access.Caller has it. Whether that principal is still there is Store.Principal's to say.
	Account         string
	Principal       string // a user's ARN, or a role's session's
	PrincipalID     string // AIDA…, AROA…
	Role            string // the role's ARN, for a session of one
	Session         string // the session's name
	SessionPolicies string // a JSON array of documents; "" for none
	SessionTags     string // a JSON object; "" for none
	TransitiveTags  string // a JSON array of those tags' keys that go on to the next session; "" for none
	SourceIdentity  string
	Issued          string // RFC 3339; "" for a long-term key
}

// Format shows the id alone, so that no log prints a secret.
func (k Key) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("key " + k.ID)) }

// MarshalText shows the id alone.
func (k Key) MarshalText() ([]byte, error) { return []byte("key " + k.ID), nil }

// SessionSpec is what a session's credentials are made from. Issue takes it as it is: who may have which session for how
// long is its caller's to say.
type SessionSpec struct {
	Principal   string // the ARN that requests come from: "arn:aws:sts::…:assumed-role/R/session", or a user's
	PrincipalID string // the unique id of the role or the user
	Role        string // the role's ARN; "" for a user's session
	Session     string // the session's name; "" for a user's session

	Policies       []string // documents that the session is limited by; none: no limit
	Tags           []Tag
	Transitive     []string // keys of those tags that go on to the next session of a chain
	SourceIdentity string
	Duration       time.Duration
}

// Credentials are what a client signs with until they expire. No verb of fmt shows more of them than the id.
type Credentials struct {
	ID, Secret, Token string
	Expires           time.Time
	Full              int // how much of what a token holds this one does, in percent: 1 to 100
}

// Format shows the id alone.
func (c Credentials) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("credentials " + c.ID)) }

// MarshalText shows the id alone.
func (c Credentials) MarshalText() ([]byte, error) { return []byte("credentials " + c.ID), nil }

// claims are what a token says. Its names are short: it travels with each request.
type claims struct {
	ID             string            `json:"k"`
	Secret         []byte            `json:"s"`
	Issued         int64             `json:"i"` // Unix seconds
	Expires        int64             `json:"e"`
	Account        string            `json:"a"`
	Principal      string            `json:"p"`
	PrincipalID    string            `json:"u"`
	Role           string            `json:"r,omitempty"`
	Session        string            `json:"n,omitempty"`
	Policies       []string          `json:"o,omitempty"`
	Tags           map[string]string `json:"t,omitempty"`
	Transitive     []string          `json:"v,omitempty"`
	SourceIdentity string            `json:"y,omitempty"`
}

const (
	tokenPurpose = "session token"

	// maxPacked bounds what a token holds, policies and tags above all, compressed. AWS bounds it too, and does not say by
	// what.
	maxPacked = 12 << 10
	// maxToken bounds a token that comes with a request, maxClaims what it may unpack to.
	maxToken  = 32 << 10
	maxClaims = 1 << 20
	// maxSessions bounds the sessions that are remembered in the clear; beyond it all are forgotten and read again.
	maxSessions = 4096
)

// sessions remembers tokens that were opened.
type sessions struct {
	mu    sync.RWMutex // guards known
	known map[string]Key
}

// Issue makes the credentials of a session. All that is known of the session lies in its token, sealed: nothing is stored,
// and nothing but its end, or its principal's, ends it. It returns fault.TooLarge, about the noun "session", when
// the policies and tags do not fit.
func (s *Store) Issue(spec SessionSpec) (Credentials, error) {
	var random [30]byte
	rand.Read(random[:])
	now := s.now().UTC().Truncate(time.Second)
	c := claims{
		ID: s.newKeyID("ASIA"), Secret: random[:],
		Issued: now.Unix(), Expires: now.Add(spec.Duration).Unix(),
		Account: s.account, Principal: spec.Principal, PrincipalID: spec.PrincipalID, Role: spec.Role, Session: spec.Session,
		Policies: spec.Policies, Transitive: spec.Transitive, SourceIdentity: spec.SourceIdentity,
	}
	if len(spec.Tags) > 0 {
		c.Tags = map[string]string{}
		for _, t := range spec.Tags {
			c.Tags[t.Key] = t.Value
		}
	}
	plain, err := json.Marshal(c)
	if err != nil {
		return Credentials{}, err
	}
	packed, err := pack(plain)
	if err != nil {
		return Credentials{}, err
	}
	percent := max(1, len(packed)*100/maxPacked)
	if len(packed) > maxPacked {
		return Credentials{}, fault.Newf(fault.TooLarge, "session "+spec.Session, "its policies and tags are %d %% of what a session token holds", percent)
	}
	return Credentials{
		ID: c.ID, Secret: base64.StdEncoding.EncodeToString(c.Secret),
		Token:   base64.StdEncoding.EncodeToString(s.seal.Seal(tokenPurpose, packed)),
		Expires: now.Add(spec.Duration), Full: percent,
	}, nil
}

// session opens a token. What does not open, is another key id's or another account's is none.
func (s *Store) session(id, token string) (Key, bool) {
	if len(token) > maxToken {
		return Key{}, false
	}
	s.sessions.mu.RLock()
	key, ok := s.sessions.known[token]
	s.sessions.mu.RUnlock()
	if !ok {
		if key, ok = s.openToken(token); !ok {
			return Key{}, false
		}
		s.sessions.mu.Lock()
		if s.sessions.known == nil || len(s.sessions.known) >= maxSessions {
			s.sessions.known = map[string]Key{}
		}
		s.sessions.known[token] = key
		s.sessions.mu.Unlock()
	}
	return key, key.ID == id
}

func (s *Store) openToken(token string) (Key, bool) {
	sealed, err := base64.StdEncoding.DecodeString(token)
	if err != nil {
		return Key{}, false
	}
	packed, err := s.seal.Open(tokenPurpose, sealed)
	if err != nil {
		return Key{}, false
	}
	plain, err := unpack(packed)
	if err != nil {
		return Key{}, false
	}
	var c claims
	if err := json.Unmarshal(plain, &c); err != nil || c.Account != s.account {
		return Key{}, false
	}
	return Key{
		ID: c.ID, Secret: base64.StdEncoding.EncodeToString(c.Secret), Token: token, Expires: time.Unix(c.Expires, 0).UTC(),
		Account: c.Account, Principal: c.Principal, PrincipalID: c.PrincipalID, Role: c.Role, Session: c.Session,
		SessionPolicies: asJSON(len(c.Policies), c.Policies), SessionTags: asJSON(len(c.Tags), c.Tags),
		TransitiveTags: asJSON(len(c.Transitive), c.Transitive), SourceIdentity: c.SourceIdentity,
		Issued: time.Unix(c.Issued, 0).UTC().Format(time.RFC3339),
	}, true
}

// asJSON writes a list or a map, "" for one of no elements.
func asJSON(n int, v any) string {
	if n == 0 {
		return ""
	}
	text, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(text)
}

func pack(plain []byte) ([]byte, error) {
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, flate.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(plain); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func unpack(packed []byte) ([]byte, error) {
	r := flate.NewReader(bytes.NewReader(packed))
	defer r.Close()
	return io.ReadAll(io.LimitReader(r, maxClaims))
}
