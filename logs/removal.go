package logs

import (
	"context"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"flowlake/access"
	"flowlake/fault"
	"flowlake/state"
)

// removalKind is the kind of the documents of groups whose records are being removed. The document is made by the
// transaction that deletes the group, so a crash cannot leave records without it.
const removalKind = "log group removal"

type removalDoc struct {
	ID uint64 `json:"id"`
}

// DeleteGroup deletes a group, its streams and its events, or returns fault.NotFound.
func (s *Store) DeleteGroup(ctx context.Context, c access.Caller, name string) error {
	var doc groupDoc
	removal := state.ID{Kind: removalKind, Account: c.Account, Region: c.Region}
	err := s.state.Update(ctx, func(tx *state.Tx) error {
		if _, err := tx.Get(groupID(c, name), &doc); fault.Is(err, fault.NotFound) {
			return noGroup(name)
		} else if err != nil {
			return err
		}
		removal.Key = fmt.Sprintf("%020d", doc.ID)
		return errors.Join(deleteFilters(tx, c, subscriptionKind, name), deleteFilters(tx, c, metricFilterKind, name),
			tx.Delete(groupID(c, name)), tx.Create(removal, removalDoc{doc.ID}))
	})
	s.names.forget(c, name)
	if err != nil {
		return err
	}
	s.subscriptions.notify()
	l, err := s.live(doc.ID)
	if err != nil {
		return err
	}
	l.mu.Lock()
	l.gone = true // stays in lives, so that a put that found the group before cannot bring records back
	l.mu.Unlock()
	l.notify()
	return s.removeGroup(context.WithoutCancel(ctx), doc.ID, removal)
}

// deleteFilters deletes a group's filters of that kind.
func deleteFilters(tx *state.Tx, c access.Caller, kind, group string) error {
	var ids []state.ID
	for row, err := range tx.List(filterID(c, kind, group, ""), "") {
		if err != nil {
			return err
		}
		ids = append(ids, row.ID)
	}
	for _, id := range ids {
		if err := tx.Delete(id); err != nil {
			return err
		}
	}
	return nil
}

// removeGroup removes the records of a group that is deleted. It may be repeated.
func (s *Store) removeGroup(ctx context.Context, group uint64, removal state.ID) error {
	if err := s.db.DeleteRange(key(group, 0), key(group+1, 0), pebble.Sync); err != nil {
		return fault.Newf(fault.Unavailable, "log events", "remove a group: %w", err)
	}
	return s.state.Update(ctx, func(tx *state.Tx) error { return tx.Delete(removal) })
}

// DeleteStream deletes a stream and its events, or returns fault.NotFound.
func (s *Store) DeleteStream(ctx context.Context, c access.Caller, group, name string) error {
	g, err := s.group(ctx, c, group)
	if err != nil {
		return err
	}
	var id uint64
	err = s.commit(group, g.ID, func(b *pebble.Batch, n *counters) error {
		d, err := s.stream(g.ID, name)
		if err != nil {
			return err
		}
		id = d.id
		n.events -= d.events
		n.bytes -= d.bytes
		return errors.Join(
			b.Delete(streamKey(g.ID, name), nil),
			b.Delete(key(g.ID, kindName, id), nil),
			b.Set(key(0, kindRemoval, g.ID, id), nil, nil))
	})
	if err != nil {
		return err
	}
	return s.removeStream(g.ID, id)
}

// stepBlocks is how many blocks a removal or a sweep takes in one commit.
const stepBlocks = 1000

// removeStream removes the blocks of a stream whose record is gone. It may be repeated.
func (s *Store) removeStream(group, stream uint64) error {
	prefix := key(group, kindStreamIndex, stream)
	for {
		b := s.db.NewBatch()
		n, err := s.removeStep(b, group, prefix)
		durable := pebble.NoSync // until the last: what a crash undoes is done again
		if err == nil && n < stepBlocks {
			err, durable = b.Delete(key(0, kindRemoval, group, stream), nil), pebble.Sync
		}
		if err == nil {
			err = b.Commit(durable)
		}
		if err = errors.Join(err, b.Close()); err != nil {
			return fault.Newf(fault.Unavailable, "log events", "remove a stream: %w", err)
		}
		if n < stepBlocks {
			return nil
		}
	}
}

func (s *Store) removeStep(b *pebble.Batch, group uint64, prefix []byte) (n int, err error) {
	it, err := s.iter(prefix, after(prefix))
	if err != nil {
		return 0, err
	}
	defer it.Close()
	for ok := it.First(); ok && n < stepBlocks; ok = it.Next() {
		if err := removeBlock(b, group, number(it.Key(), 0), number(it.Key(), 1), number(it.Key(), 2)); err != nil {
			return n, err
		}
		n++
	}
	return n, it.Error()
}

// removeBlock removes a block and its index entries.
func removeBlock(b *pebble.Batch, group, stream, time, sequence uint64) error {
	return errors.Join(
		b.Delete(key(group, kindBlock, sequence), nil),
		b.Delete(key(group, kindTimeIndex, time, sequence), nil),
		b.Delete(key(group, kindStreamIndex, stream, time, sequence), nil))
}

// finishRemovals takes up the removals that a crash cut short.
func (s *Store) finishRemovals(ctx context.Context) error {
	groups := map[uint64]state.ID{}
	err := s.state.View(ctx, func(tx *state.Tx) error {
		for row, err := range tx.All(removalKind) {
			if err != nil {
				return err
			}
			var doc removalDoc
			if err := row.Decode(&doc); err != nil {
				return err
			}
			groups[doc.ID] = row.ID
		}
		return nil
	})
	if err != nil {
		return err
	}
	for id, removal := range groups {
		if err := s.removeGroup(ctx, id, removal); err != nil {
			return err
		}
	}
	it, err := s.iter(key(0, kindRemoval), after(key(0, kindRemoval)))
	if err != nil {
		return err
	}
	defer it.Close()
	for ok := it.First(); ok; ok = it.Next() {
		if err := s.removeStream(number(it.Key(), 0), number(it.Key(), 1)); err != nil {
			return err
		}
	}
	return it.Error()
}
