package logs

import (
	"context"
	"errors"

	"flowlake/fault"
	"flowlake/state"
)

// Verify reads everything that is stored and checks that blocks, both indexes, stream records and counters say the same.
// It calls progress, unless that is nil, now and then with the number of events checked and stored. Writes may go on
// meanwhile; a group that changes while it is checked is checked as far as it stands.
//
// It returns fault.Internal naming the first thing that is wrong.
func (s *Store) Verify(ctx context.Context, progress func(done, total int64)) error {
	if progress == nil {
		progress = func(_, _ int64) {}
	}
	type group struct {
		name string
		id   uint64
	}
	var groups []group
	var total, done int64
	err := s.state.View(ctx, func(tx *state.Tx) error {
		for row, err := range tx.All(groupKind) {
			if err != nil {
				return err
			}
			var doc groupDoc
			if err := row.Decode(&doc); err != nil {
				return err
			}
			groups = append(groups, group{row.Account + " " + row.Region + " " + row.Key, doc.ID})
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, g := range groups {
		n, err := s.counters(g.id)
		if err != nil {
			return err
		}
		total += int64(n.events)
	}
	for _, g := range groups {
		snapshot := s.db.NewSnapshot() // blocks, indexes and counters of one moment
		v := verifier{records: records{snapshot}, ctx: ctx, group: g.id, progress: func(events int) {
			done += int64(events)
			progress(done, max(total, done))
		}}
		if err := errors.Join(v.check(), snapshot.Close()); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return fault.Newf(fault.Internal, "log group "+g.name, "is damaged: %w", err)
		}
	}
	return nil
}

type verifier struct {
	records
	ctx      context.Context
	group    uint64
	progress func(events int)
}

// tally is what the blocks of a stream amount to.
type tally struct {
	blocks, events, bytes, span uint64
}

func (v *verifier) check() error {
	n, err := v.counters(v.group)
	if err != nil {
		return err
	}
	streams := map[uint64]*tally{}
	blocks, err := v.checkBlocks(n, streams)
	if err != nil {
		return err
	}
	for _, kind := range []byte{kindTimeIndex, kindStreamIndex} {
		if err := v.checkIndex(kind, blocks); err != nil {
			return err
		}
	}
	return v.checkStreams(n, streams)
}

// checkBlocks reads all blocks and looks for each in both indexes.
func (v *verifier) checkBlocks(n counters, streams map[uint64]*tally) (blocks uint64, err error) {
	it, err := v.iter(key(v.group, kindBlock), after(key(v.group, kindBlock)))
	if err != nil {
		return 0, err
	}
	defer it.Close()
	free := uint64(1) // the lowest sequence that the next block may have
	for ok := it.First(); ok; ok = it.Next() {
		if err := v.ctx.Err(); err != nil {
			return 0, err
		}
		first := number(it.Key(), 0)
		b, err := readBlock(it.Value())
		if err != nil {
			return 0, fault.Newf(fault.Internal, "log block", "%d: %w", first, err)
		}
		if first < free {
			return 0, fault.Newf(fault.Internal, "log block", "%d: overlaps the one before", first)
		}
		free = first + uint64(len(b.events))
		info := blockInfo{stream: b.stream, events: uint64(len(b.events))}
		for i, e := range b.events {
			info.bytes += uint64(len(e.message))
			if i > 0 && e.time < b.events[i-1].time {
				return 0, fault.Newf(fault.Internal, "log block", "%d: its events are not in time order", first)
			}
		}
		begin := uint64(b.events[0].time)
		info.span = uint64(b.events[len(b.events)-1].time) - begin
		for _, k := range [][]byte{key(v.group, kindTimeIndex, begin, first), key(v.group, kindStreamIndex, b.stream, begin, first)} {
			value, found, err := v.get(k)
			if err != nil {
				return 0, err
			}
			if !found || string(value) != string(info.append(nil)) {
				return 0, fault.Newf(fault.Internal, "log block", "%d: is not in index %c as it is", first, k[8])
			}
		}
		t := streams[b.stream]
		if t == nil {
			t = &tally{}
			streams[b.stream] = t
		}
		t.blocks++
		t.events += info.events
		t.bytes += info.bytes + info.events*EventOverhead
		t.span = max(t.span, info.span)
		blocks++
		v.progress(len(b.events))
	}
	if free > n.next {
		return 0, fault.Newf(fault.Internal, "log group counters", "the next sequence is %d, and %d is used", n.next, free-1)
	}
	return blocks, it.Error()
}

// checkIndex counts an index: with every block in it, the same number means that nothing else is.
func (v *verifier) checkIndex(kind byte, blocks uint64) error {
	it, err := v.iter(key(v.group, kind), after(key(v.group, kind)))
	if err != nil {
		return err
	}
	defer it.Close()
	var entries uint64
	for ok := it.First(); ok; ok = it.Next() {
		entries++
	}
	if entries != blocks {
		return fault.Newf(fault.Internal, "log block index", "%c has %d entries for %d blocks", kind, entries, blocks)
	}
	return it.Error()
}

// checkStreams compares the streams' records and the group's counters with what the blocks amount to.
func (v *verifier) checkStreams(n counters, streams map[uint64]*tally) error {
	prefix := streamKey(v.group, "")
	it, err := v.iter(prefix, after(prefix))
	if err != nil {
		return err
	}
	defer it.Close()
	var all tally
	for ok := it.First(); ok; ok = it.Next() {
		stream := string(it.Key()[9:])
		d, err := readStreamDoc(it.Value())
		if err != nil {
			return fault.Newf(fault.Internal, streamKind+" "+stream, "%w", err)
		}
		t := streams[d.id]
		if t == nil {
			t = &tally{}
		}
		name, err := v.streamName(v.group, d.id)
		if err != nil {
			return err
		}
		if name != stream || d.id > n.streams || d.events != t.events || d.bytes != t.bytes || d.maxSpan < t.span {
			return fault.Newf(fault.Internal, streamKind+" "+stream, "its record does not fit its %d blocks of %d events", t.blocks, t.events)
		}
		all.events += t.events
		all.bytes += t.bytes
		delete(streams, d.id)
	}
	for id := range streams {
		if _, found, err := v.get(key(0, kindRemoval, v.group, id)); err != nil {
			return err
		} else if !found {
			return fault.Newf(fault.Internal, "log block", "of stream %d, which does not exist", id)
		}
	}
	if n.events != all.events || n.bytes != all.bytes {
		return fault.Newf(fault.Internal, "log group counters", "say %d events of %d bytes, the streams have %d of %d", n.events, n.bytes, all.events, all.bytes)
	}
	return it.Error()
}
