package identity

import (
	"context"
	"maps"
	"time"

	"flowlake/fault"
	"flowlake/state"
)

// useKind is the noun of records of the last use.
const useKind = "last use"

// useKey names what was used: an access key, or a role, by its unique id.
type useKey struct {
	Kind Kind // 0: an access key
	Key  string
}

func (s *Store) useID(k useKey) state.ID {
	return state.ID{Kind: useKind, Account: s.account, Key: k.Key}
}

// writeEvery is how long a last use may lie in memory; a crash forgets as much.
const writeEvery = time.Minute

// Used notes that a request was signed with a key and its principal was found: keyID "" for a session's, roleID "" for a user's.
// It does not wait for a disk.
func (s *Store) Used(keyID, roleID, region, service string) {
	use := Use{At: s.now().UTC().Truncate(time.Second), Region: region, Service: service}
	s.useMu.Lock()
	defer s.useMu.Unlock()
	for _, k := range [...]useKey{{Key: keyID}, {Kind: Role, Key: roleID}} {
		if k.Key == "" {
			continue
		}
		if known := s.used[k]; known != nil {
			*known = use
		} else if len(s.used) < maxCached {
			s.used[k] = &use
		}
	}
}

// lastUse is when something was used last.
func (s *Store) lastUse(tx *state.Tx, k useKey) (Use, error) {
	s.useMu.Lock()
	known := s.used[k]
	var use Use
	if known != nil {
		use = *known
	}
	s.useMu.Unlock()
	if known != nil {
		return use, nil
	}
	_, err := tx.Get(s.useID(k), &use)
	if fault.Is(err, fault.NotFound) {
		err = nil
	}
	return use, err
}

// forgetUse forgets what was deleted.
func (s *Store) forgetUse(tx *state.Tx, k useKey) error {
	s.useMu.Lock()
	delete(s.used, k)
	s.useMu.Unlock()
	err := tx.Delete(s.useID(k))
	if fault.Is(err, fault.NotFound) {
		err = nil
	}
	return err
}

// Run writes last uses down, every minute and at its end.
func (s *Store) Run(ctx context.Context) error {
	tick := time.NewTicker(writeEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if err := s.writeUses(ctx); err != nil && ctx.Err() == nil {
				s.log.Warn("last uses of keys not written down yet", "err", err)
			}
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			return s.writeUses(last)
		}
	}
}

// writeUses writes down what is not yet. What is used meanwhile stays for the next time.
func (s *Store) writeUses(ctx context.Context) error {
	s.useMu.Lock()
	written := maps.Clone(s.used)
	uses := make(map[useKey]Use, len(written))
	for k, u := range written {
		uses[k] = *u
	}
	s.useMu.Unlock()
	if len(uses) == 0 {
		return nil
	}
	err := s.state.Update(ctx, func(tx *state.Tx) error {
		there, err := s.usable(tx)
		if err != nil {
			return err
		}
		for k, u := range uses {
			if !there[k] {
				continue // deleted meanwhile: its last use is not to outlive it
			}
			if err := tx.Put(s.useID(k), u); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.useMu.Lock()
	defer s.useMu.Unlock()
	for k, u := range uses {
		if known := s.used[k]; known != nil && *known == u {
			delete(s.used, k)
		}
	}
	return nil
}

// usable is everything that can have a last use.
func (s *Store) usable(tx *state.Tx) (map[useKey]bool, error) {
	all := map[useKey]bool{}
	err := s.each(tx, User, func(u *record) error {
		for _, id := range u.Keys {
			all[useKey{Key: id}] = true
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	err = s.each(tx, Role, func(r *record) error {
		all[useKey{Role, r.ID}] = true
		return nil
	})
	return all, err
}
