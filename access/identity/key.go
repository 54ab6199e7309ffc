package identity

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"flowlake/fault"
	"flowlake/state"
)

// keyKind is the noun of access keys.
const keyKind = "access key"

// keyRecord is a user's key as it is stored.
type keyRecord struct {
	User     string    `json:"user"`   // the user's name
	Secret   []byte    `json:"secret"` // sealed
	Inactive bool      `json:"inactive,omitempty"`
	Created  time.Time `json:"created"`
}

func (s *Store) keyID(id string) state.ID {
	return state.ID{Kind: keyKind, Account: s.account, Key: id}
}

// secretPurpose binds a sealed secret to its key: another's record does not open with it.
func secretPurpose(id string) string { return keyKind + " " + id }

// CreateKey makes an access key of a user, and returns its secret, which is shown here and never again. It returns
// fault.Limit when the user has two.
func (s *Store) CreateKey(ctx context.Context, user string) (made AccessKey, secret string, err error) {
	var random [30]byte
	rand.Read(random[:])
	id := s.newKeyID("AKIA")
	secret = base64.StdEncoding.EncodeToString(random[:])
	err = s.edit(ctx, User, user, false, func(tx *state.Tx, u *record) error {
		if len(u.Keys) >= maxKeys {
			return fault.Newf(fault.Limit, "user "+u.Name, "Cannot exceed quota for AccessKeysPerUser: %d", maxKeys)
		}
		k := keyRecord{User: u.Name, Secret: s.seal.Seal(secretPurpose(id), []byte(secret)), Created: s.now().UTC().Truncate(time.Second)}
		u.Keys = append(u.Keys, id)
		made = AccessKey{ID: id, User: u.Name, Active: true, Created: k.Created}
		return tx.Create(s.keyID(id), k)
	})
	if err != nil {
		return AccessKey{}, "", err
	}
	return made, secret, nil
}

// accessKey reads a user's key.
func (s *Store) accessKey(tx *state.Tx, id string) (AccessKey, *keyRecord, error) {
	var k keyRecord
	_, err := tx.Get(s.keyID(id), &k)
	if fault.Is(err, fault.NotFound) {
		return AccessKey{}, nil, noKey(id)
	}
	if err != nil {
		return AccessKey{}, nil, err
	}
	used, err := s.lastUse(tx, useKey{Key: id})
	return AccessKey{ID: id, User: k.User, Active: !k.Inactive, Lost: !s.seal.Made(k.Secret), Created: k.Created, Used: used}, &k, err
}

func noKey(id string) error {
	return fault.Newf(fault.NotFound, keyKind+" "+id, "The Access Key with id %s cannot be found.", id)
}

// Keys returns a user's access keys, the oldest first. It returns fault.NotFound when there is no such user.
func (s *Store) Keys(ctx context.Context, user string) (all []AccessKey, err error) {
	err = s.state.View(ctx, func(tx *state.Tx) error {
		u, err := s.get(tx, User, user)
		if err != nil {
			return err
		}
		for _, id := range u.Keys {
			k, _, err := s.accessKey(tx, id)
			if err != nil {
				return err
			}
			all = append(all, k)
		}
		return nil
	})
	return all, err
}

// AccessKey returns the user's key with that id, with its last use. It returns fault.NotFound.
func (s *Store) AccessKey(ctx context.Context, id string) (k AccessKey, err error) {
	err = s.state.View(ctx, func(tx *state.Tx) error {
		k, _, err = s.accessKey(tx, id)
		return err
	})
	return k, err
}

// SetKeyActive puts a user's key into use or out of it. It returns fault.NotFound.
func (s *Store) SetKeyActive(ctx context.Context, user, id string, active bool) error {
	return s.edit(ctx, User, user, false, func(tx *state.Tx, u *record) error {
		if !slices.Contains(u.Keys, id) {
			return noKey(id)
		}
		_, k, err := s.accessKey(tx, id)
		if err != nil {
			return err
		}
		k.Inactive = !active
		return tx.Put(s.keyID(id), k)
	})
}

// DeleteKey removes a user's key: what is signed with it is refused from now on. It returns fault.NotFound.
func (s *Store) DeleteKey(ctx context.Context, user, id string) error {
	return s.edit(ctx, User, user, false, func(tx *state.Tx, u *record) error {
		i := slices.Index(u.Keys, id)
		if i < 0 {
			return noKey(id)
		}
		u.Keys = slices.Delete(u.Keys, i, i+1)
		if err := s.forgetUse(tx, useKey{Key: id}); err != nil {
			return err
		}
		return tx.Delete(s.keyID(id))
	})
}

// renameKeys follows a user that has another name.
func (s *Store) renameKeys(tx *state.Tx, u *record) error {
	for _, id := range u.Keys {
		_, k, err := s.accessKey(tx, id)
		if err != nil {
			return err
		}
		k.User = u.Name
		if err := tx.Put(s.keyID(id), k); err != nil {
			return err
		}
	}
	return nil
}

// Key finds a key that a request is signed with: a user's by its id, without a token; a session's by its token. A key
// that is inactive, or whose session is over, is found too. Not found is what never was, was deleted, or was sealed with
// a key that is lost; a token that was changed, or is another key's.
func (s *Store) Key(id, token string) (Key, bool) {
	if token != "" {
		return s.session(id, token)
	}
	c := s.cache.Load()
	c.mu.RLock()
	key, ok := c.keys[id]
	c.mu.RUnlock()
	if ok {
		return key, true
	}
	err := s.state.View(context.Background(), func(tx *state.Tx) error {
		_, k, err := s.accessKey(tx, id)
		if err != nil {
			return err
		}
		u, err := s.get(tx, User, k.User)
		if err != nil {
			return err
		}
		secret, err := s.seal.Open(secretPurpose(id), k.Secret)
		if err != nil {
			return err
		}
		key = Key{ID: id, Secret: string(secret), Inactive: k.Inactive, Account: s.account, Principal: u.ARN, PrincipalID: u.ID}
		return nil
	})
	if err != nil {
		switch fault.KindOf(err) {
		case fault.NotFound, fault.Conflict: // the lost ones were counted when the store was opened
		default:
			s.log.Warn("access key cannot be used", "key", id, "err", err)
		}
		return Key{}, false
	}
	c.mu.Lock()
	if len(c.keys) >= maxCached {
		clear(c.keys)
	}
	c.keys[id] = key
	c.mu.Unlock()
	return key, true
}

// newKeyID makes a key's id, which says whose account it is, as AWS's do: 40 bits after the first are the account's number.
func (s *Store) newKeyID(prefix string) string {
	var id [10]byte
	rand.Read(id[:])
	account, _ := strconv.ParseUint(s.account, 10, 64) // 12 digits
	head := account<<7 | uint64(id[5]&0x7f)
	for i := range 6 {
		id[i] = byte(head >> (40 - 8*i))
	}
	return prefix + base32.StdEncoding.EncodeToString(id[:])
}

// AccountOf is the account that a key's id says it belongs to, whether or not there is such a key. It returns "" for what
// is no such id.
func AccountOf(keyID string) string {
	if len(keyID) != 20 || !strings.HasPrefix(keyID, "AKIA") && !strings.HasPrefix(keyID, "ASIA") {
		return ""
	}
	id, err := base32.StdEncoding.DecodeString(keyID[4:])
	if err != nil {
		return ""
	}
	var head uint64
	for _, b := range id[:6] {
		head = head<<8 | uint64(b)
	}
	return fmt.Sprintf("%012d", head>>7&(1<<40-1))
}
