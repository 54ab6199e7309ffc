package access

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"flowlake/access/identity"
	"flowlake/fault"
)

// Key is an access key with what it stands for. No verb of fmt shows more of it than its id.
type Key struct {
	ID      string
	Secret  string
	Token   string    // a session's token, which must come with each request; "" for a long-term key
	Expires time.Time // a session's end; zero for a long-term key
	Caller  Caller    // who the key speaks for, without a region

	Inactive bool // its user put it out of use
}

// Format shows the id alone, so that no log prints a secret.
func (k Key) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("key " + k.ID)) }

// MarshalText shows the id alone.
func (k Key) MarshalText() ([]byte, error) { return []byte("key " + k.ID), nil }

// Keys finds access keys by id. It is safe for concurrent use.
type Keys struct {
	root       Key
	identities *identity.Store // nil: root's key is the one there is
}

// SetIdentities tells of the keys of users and sessions. It is called once, before the first Lookup.
func (k *Keys) SetIdentities(s *identity.Store) { k.identities = s }

// Root returns root's key.
func (k *Keys) Root() Key { return k.root }

// Lookup finds a key by its id and, for a session's key, by the token that came with it. A key that is inactive or whose
// session is over is found too: the door says which it was.
//
// A session's key ends with its principal: one whose user or role was deleted is not found.
func (k *Keys) Lookup(id, token string) (Key, bool) {
	if id == k.root.ID {
		return k.root, true
	}
	if k.identities == nil {
		return Key{}, false
	}
	of, ok := k.identities.Key(id, token)
	if !ok {
		return Key{}, false
	}
	c := Caller{Account: of.Account, Principal: of.Principal, AccessKey: of.ID, Session: of.Session, ID: of.PrincipalID, Role: of.Role,
		SessionPolicies: of.SessionPolicies, SessionTags: of.SessionTags, TransitiveTags: of.TransitiveTags,
		SourceIdentity: of.SourceIdentity, Issued: of.Issued}
	if !c.IsRoot() {
		p, err := k.identities.Principal(context.Background(), of.Principal)
		if fault.Is(err, fault.NotFound) || err == nil && p.ID != of.PrincipalID {
			return Key{}, false
		}
	}
	return Key{ID: of.ID, Secret: of.Secret, Token: of.Token, Expires: of.Expires, Caller: c, Inactive: of.Inactive}, true
}

// Used notes that a verified request was signed with a key, for its last use. It does not wait for a disk.
func (k *Keys) Used(c Caller, service string) {
	if k.identities == nil || c.IsRoot() {
		return
	}
	key, role := c.AccessKey, ""
	if c.Role != "" {
		role = c.ID
	}
	if c.Issued != "" {
		key = ""
	}
	k.identities.Used(key, role, c.Region, service)
}

// OpenKeys reads root's key from credentialsFile, the [default] profile of an AWS shared-credentials file, which
// lies outside the data folder. Where there is no file it makes a key, and the file: 0600, in a folder of 0700, whole or
// not at all. Of several processes that start at once one makes it and all use it.
//
// It returns fault.Invalid for a file that others may read or that holds no key, naming the file and
// never the secret.
func OpenKeys(credentialsFile, account string) (*Keys, error) {
	id, secret, err := ReadCredentials(credentialsFile)
	if errors.Is(err, fs.ErrNotExist) {
		if err := makeCredentials(credentialsFile); err != nil {
			return nil, fault.Newf(fault.Unavailable, "credentials file "+credentialsFile, "cannot be made: %w", err)
		}
		if id, secret, err = ReadCredentials(credentialsFile); errors.Is(err, fs.ErrNotExist) {
			err = fault.Newf(fault.Invalid, "credentials file "+credentialsFile, "is a link to nothing")
		}
	}
	if err != nil {
		return nil, err
	}
	return &Keys{root: Key{ID: id, Secret: secret, Caller: Root(account, "")}}, nil
}

// maxCredentials bounds the file; a shared-credentials file is a few lines.
const maxCredentials = 1 << 20

// ReadCredentials reads the key of the [default] profile. Its errors are OpenKeys's, and fs.ErrNotExist where there is
// no file.
func ReadCredentials(file string) (id, secret string, err error) {
	subject := "credentials file " + file
	text, err := identity.ReadSecretFile(file, subject, "a shared-credentials file", maxCredentials)
	if err != nil {
		return "", "", err
	}
	profile := ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if name, ok := strings.CutPrefix(line, "["); ok {
			profile = strings.TrimSpace(strings.TrimSuffix(name, "]"))
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		if profile != "default" || !ok || strings.HasPrefix(line, "#") || strings.HasPrefix(line, ";") {
			continue
		}
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "aws_access_key_id":
			id = strings.TrimSpace(value)
		case "aws_secret_access_key":
			secret = strings.TrimSpace(value)
		}
	}
	switch {
	case id == "" || secret == "":
		return "", "", fault.Newf(fault.Invalid, subject, "has no aws_access_key_id and aws_secret_access_key under [default]")
	case !validID(id):
		return "", "", fault.Newf(fault.Invalid, subject, "its aws_access_key_id is not 16 to 128 letters and digits")
	case len(secret) < 16:
		return "", "", fault.Newf(fault.Invalid, subject, "its aws_secret_access_key is shorter than 16 characters")
	}
	return id, secret, nil
}

func validID(id string) bool {
	if len(id) < 16 || len(id) > 128 {
		return false
	}
	for _, c := range id {
		if (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return true
}

func makeCredentials(file string) error {
	var random [40]byte // 10 bytes are 16 characters of the id, 30 are 40 of the secret
	rand.Read(random[:])
	return identity.MakeSecretFile(file, "# The root key of a flowlake server. Whoever reads it may do everything there.\n[default]\n"+
		"aws_access_key_id = AKIA"+base32.StdEncoding.EncodeToString(random[:10])+"\n"+
		"aws_secret_access_key = "+base64.StdEncoding.EncodeToString(random[10:])+"\n")
}
