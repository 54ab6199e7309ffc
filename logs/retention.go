package logs

import (
	"context"
	"errors"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"flowlake/fault"
	"flowlake/state"
)

func (s *Store) wakeSweep() {
	select {
	case s.sweep <- struct{}{}:
	default: // one is on its way
	}
}

// runSweeps removes expired events now, then every Sweep, and whenever a retention changes.
func (s *Store) runSweeps(ctx context.Context) {
	tick := time.NewTicker(s.cfg.Sweep)
	defer tick.Stop()
	for {
		if err := s.sweepAll(ctx); err != nil && ctx.Err() == nil {
			s.log.Warn("expired log events stay until the next sweep", "err", err)
		}
		select {
		case <-tick.C:
		case <-s.sweep:
		case <-ctx.Done():
			return
		}
	}
}

func (s *Store) sweepAll(ctx context.Context) error {
	type expiring struct {
		name string
		doc  groupDoc
	}
	var groups []expiring
	err := s.state.View(ctx, func(tx *state.Tx) error {
		for row, err := range tx.All(groupKind) {
			if err != nil {
				return err
			}
			var doc groupDoc
			if err := row.Decode(&doc); err != nil {
				return err
			}
			if doc.RetentionDays > 0 {
				groups = append(groups, expiring{row.Key, doc})
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	var failed error
	for _, g := range groups {
		began := time.Now()
		events, err := s.expire(ctx, g.name, g.doc.ID, cutoff(began, g.doc.RetentionDays))
		if !fault.Is(err, fault.NotFound) || !fault.HasNoun(err, groupKind) { // it was deleted meanwhile, and took its events along
			failed = errors.Join(failed, err)
		}
		if events > 0 {
			s.log.Info("log events expired", "group", g.name, "events", events, "took", time.Since(began))
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return failed
}

// victim is a block that is to go.
type victim struct {
	stream, time, sequence uint64
	info                   blockInfo
}

// expire removes the blocks of a group whose last event is older than limit, a bounded number in a commit. Expired
// events beside live ones in a block stay on disk, unseen, until the whole block is expired.
func (s *Store) expire(ctx context.Context, group string, id uint64, limit int64) (events uint64, err error) {
	from := uint64(0) // the stream to go on with
	for ctx.Err() == nil {
		victims, next, err := s.expired(id, from, uint64(limit))
		if err != nil || len(victims) == 0 {
			return events, err
		}
		err = s.commit(group, id, func(b *pebble.Batch, n *counters) error {
			return s.dropVictims(b, id, n, victims, &events)
		})
		if err != nil {
			return events, err
		}
		from = next
	}
	return events, ctx.Err()
}

// expired finds blocks to remove, in the streams from the given one on, and where to go on after them.
func (s *Store) expired(group, stream, limit uint64) (victims []victim, next uint64, err error) {
	prefix := key(group, kindStreamIndex)
	it, err := s.iter(key(group, kindStreamIndex, stream), after(prefix))
	if err != nil {
		return nil, 0, err
	}
	defer it.Close()
	for ok := it.First(); ok && len(victims) < stepBlocks; {
		v := victim{stream: number(it.Key(), 0), time: number(it.Key(), 1), sequence: number(it.Key(), 2)}
		next = v.stream
		if v.time >= limit { // so are the stream's later blocks
			ok = it.SeekGE(key(group, kindStreamIndex, v.stream+1))
			continue
		}
		if v.info, err = readBlockInfo(it.Value()); err != nil {
			return nil, 0, err
		}
		if v.time+v.info.span < limit {
			victims = append(victims, v)
		}
		ok = it.Next()
	}
	return victims, next, it.Error()
}

func (s *Store) dropVictims(b *pebble.Batch, group uint64, n *counters, victims []victim, events *uint64) error {
	for len(victims) > 0 { // stream by stream: victims are in their order
		stream := victims[0].stream
		var lost blockInfo
		for len(victims) > 0 && victims[0].stream == stream {
			v := victims[0]
			if err := removeBlock(b, group, stream, v.time, v.sequence); err != nil {
				return err
			}
			lost.events += v.info.events
			lost.bytes += v.info.bytes + v.info.events*EventOverhead
			victims = victims[1:]
			if len(victims) == 0 || victims[0].stream != stream {
				if err := s.shrink(b, group, n, stream, v, lost); err != nil {
					return err
				}
			}
		}
		*events += lost.events
	}
	return nil
}

// shrink takes what a stream lost from its record and from the group's counters. A stream that was deleted meanwhile
// took its share along then.
func (s *Store) shrink(b *pebble.Batch, group uint64, n *counters, stream uint64, last victim, lost blockInfo) error {
	name, err := s.streamName(group, stream)
	if err != nil || name == "" {
		return err
	}
	d, err := s.stream(group, name)
	if err != nil {
		return err
	}
	n.events -= lost.events
	n.bytes -= lost.bytes
	d.events -= lost.events
	d.bytes -= lost.bytes
	prefix := key(group, kindStreamIndex, stream)
	it, err := s.iter(key(group, kindStreamIndex, stream, last.time, last.sequence+1), after(prefix))
	if err != nil {
		return err
	}
	defer it.Close()
	if it.First() {
		d.first = number(it.Key(), 1)
	}
	return errors.Join(it.Error(), b.Set(streamKey(group, name), d.append(nil), nil))
}
