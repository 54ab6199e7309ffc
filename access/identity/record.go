package identity

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"maps"
	"slices"
	"strings"

	"flowlake/fault"
	"flowlake/state"
)

// record is a user, a group or a role as it is stored.
type record struct {
	Entity
	Keys    []string          `json:"keys,omitempty"`    // a user's access keys, by id
	Trusted map[string]string `json:"trusted,omitempty"` // the unique ids of the principals that the trust policy names, when it was written
}

// get reads a user, a group or a role. Names are told apart by no case.
func (s *Store) get(tx *state.Tx, kind Kind, name string) (*record, error) {
	var r record
	_, err := tx.Get(s.id(kind, name), &r)
	if fault.Is(err, fault.NotFound) {
		return nil, noSuch(kind, name)
	}
	if err != nil {
		return nil, err
	}
	return s.whole(kind, &r), nil
}

// whole adds what is not stored because it follows from the rest.
func (s *Store) whole(kind Kind, r *record) *record {
	r.Kind, r.ARN = kind, s.arn(kind, r.Path, r.Name)
	return r
}

// put writes a record under its name.
func (s *Store) put(tx *state.Tx, r *record) error { return tx.Put(s.id(r.Kind, r.Name), r) }

// each yields every record of a kind, in the order of their names.
func (s *Store) each(tx *state.Tx, kind Kind, do func(*record) error) error {
	for row, err := range tx.List(state.ID{Kind: kind.String(), Account: s.account}, "") {
		if err != nil {
			return err
		}
		var r record
		if err := row.Decode(&r); err != nil {
			return err
		}
		if err := do(s.whole(kind, &r)); err != nil {
			return err
		}
	}
	return nil
}

// count is how many things of a kind there are.
func (s *Store) count(tx *state.Tx, kind string) (int, error) {
	n := 0
	for _, err := range tx.List(state.ID{Kind: kind, Account: s.account}, "") {
		if err != nil {
			return 0, err
		}
		n++
	}
	return n, nil
}

// out is the record for a reader: its slices and maps are the reader's own already, since each read decodes anew.
func (s *Store) out(tx *state.Tx, r *record) (Entity, error) {
	e := r.Entity
	if e.Kind == Role {
		var err error
		if e.Trust, err = s.trustText(tx, r); err != nil {
			return Entity{}, err
		}
		e.LastUsed, err = s.lastUse(tx, useKey{Role, r.ID})
		return e, err
	}
	return e, nil
}

// newID makes a unique id: the prefix and 17 characters.
func newID(prefix string) string {
	var random [11]byte
	rand.Read(random[:])
	return prefix + base32.StdEncoding.EncodeToString(random[:])[:17]
}

// setTags puts tags over those that are there: keys are told apart by no case, and keep the case that they came with last.
func setTags(tags, more []Tag) ([]Tag, error) {
	tags = slices.Clone(tags)
	for _, t := range more {
		i := slices.IndexFunc(tags, func(o Tag) bool { return strings.EqualFold(o.Key, t.Key) })
		if i < 0 {
			tags = append(tags, t)
		} else {
			tags[i] = t
		}
	}
	if len(tags) > maxTags {
		return nil, fault.Newf(fault.Limit, "tags", "The number of tags has reached the maximum limit of %d.", maxTags)
	}
	return tags, nil
}

// dropTags removes the tags with those keys; one that is not there is no error.
func dropTags(tags []Tag, keys []string) []Tag {
	return slices.DeleteFunc(slices.Clone(tags), func(t Tag) bool {
		return slices.ContainsFunc(keys, func(k string) bool { return strings.EqualFold(k, t.Key) })
	})
}

// cloned is the map with one more entry.
func cloned(m map[string]string, key, value string) map[string]string {
	m = maps.Clone(m)
	if m == nil {
		m = map[string]string{}
	}
	m[key] = value
	return m
}

// managedID is the unique id of one of AWS's policies: it follows from the name.
func managedID(name string) string {
	sum := sha256.Sum256([]byte(name))
	return "ANPA" + base32.StdEncoding.EncodeToString(sum[:11])[:17]
}
