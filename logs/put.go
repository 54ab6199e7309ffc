package logs

import (
	"context"
	"errors"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/cockroachdb/pebble/v2"

	"flowlake/access"
	"flowlake/fault"
)

// The limits of a put. Source: API reference, PutLogEvents.
const (
	MaxPutEvents  = 10_000
	MaxPutBytes   = 1 << 20 // with EventOverhead for each event
	MaxEventBytes = 1 << 20 // with EventOverhead
	EventOverhead = 26
	maxPutSpan    = 24 * time.Hour
	maxAge        = 14 * 24 * time.Hour
	maxAhead      = 2 * time.Hour
)

// PutResult tells what became of a batch. The events that are not rejected are on disk.
type PutResult struct {
	First, Next uint64 // the sequences given: First up to, not including, Next
	Token       string // never empty
	// Rejected events are those before TooOldEnd and before ExpiredEnd, and those from TooNewStart on.
	// -1 where there are none.
	TooOldEnd, ExpiredEnd, TooNewStart int
}

// Put appends events to a stream and returns once they are on disk. Events older than 14 days or than the
// group's retention and events more than 2 hours ahead are rejected; the others are taken. It keeps no reference
// to the events.
//
// It returns fault.Invalid for a batch over the limits, out of order, longer than 24 hours or not UTF-8,
// fault.NotFound without the group or stream, fault.Unavailable when the disk cannot take it: then nothing was put.
func (s *Store) Put(ctx context.Context, c access.Caller, group, stream string, events []Event) (PutResult, error) {
	result := PutResult{TooOldEnd: -1, ExpiredEnd: -1, TooNewStart: -1}
	if err := checkBatch(events); err != nil {
		return result, err
	}
	g, err := s.group(ctx, c, group)
	if err != nil {
		return result, err
	}
	d, err := s.stream(g.ID, stream)
	if err != nil {
		return result, err
	}
	now := time.Now()
	accepted := admit(events, now, g.RetentionDays, &result)
	if len(accepted) == 0 {
		result.Token = uploadToken(g.ID, &d)
		return result, nil
	}
	if err := s.space.check(s.fs, s.cfg); err != nil {
		return result, err
	}

	w := writers.Get().(*writer)
	defer writers.Put(w)
	w.encode(accepted, d.id, now.UnixMilli())
	id := d.id
	err = s.commitSized(group, g.ID, len(w.data)+len(w.blocks)*160+512, func(b *pebble.Batch, n *counters) error {
		d, err := s.stream(g.ID, stream)
		if err != nil {
			return err
		}
		if d.id != id {
			return noStream(stream) // deleted since, and made anew
		}
		result.First = n.next
		if err := w.write(b, g.ID, n, &d); err != nil {
			return err
		}
		result.Next = n.next
		d.ingested = uint64(now.UnixMilli())
		result.Token = uploadToken(g.ID, &d)
		return b.Set(streamKey(g.ID, stream), d.append(nil), nil)
	})
	return result, err
}

func checkBatch(events []Event) error {
	if len(events) == 0 || len(events) > MaxPutEvents {
		return fault.Newf(fault.Invalid, "log events", "1 validation error detected: Value at 'logEvents' failed to satisfy constraint: Member must have length between 1 and %d, not %d", MaxPutEvents, len(events))
	}
	total := 0
	for i := range events {
		e := &events[i]
		switch {
		case e.Message == "":
			return fault.Newf(fault.Invalid, "log event", "1 validation error detected: Value '' at 'logEvents.%d.member.message' failed to satisfy constraint: Member must have length greater than or equal to 1", i+1)
		case e.TimeMillis < 0:
			return fault.Newf(fault.Invalid, "log event", "1 validation error detected: Value '%d' at 'logEvents.%d.member.timestamp' failed to satisfy constraint: Member must have value greater than or equal to 0", e.TimeMillis, i+1)
		case len(e.Message)+EventOverhead > MaxEventBytes:
			return fault.Newf(fault.Invalid, "log event", "Log event too large: %d bytes exceeds limit of %d", len(e.Message)+EventOverhead, MaxEventBytes)
		case i > 0 && e.TimeMillis < events[i-1].TimeMillis:
			return fault.Newf(fault.Invalid, "log events", "Log events in a single PutLogEvents request must be in chronological order.")
		case !utf8.ValidString(e.Message):
			return fault.Newf(fault.Invalid, "log event", "the message of event %d is not UTF-8", i)
		}
		total += len(e.Message) + EventOverhead
	}
	if total > MaxPutBytes {
		return fault.Newf(fault.Invalid, "log events", "Upload too large: %d bytes exceeds limit of %d", total, MaxPutBytes)
	}
	if events[len(events)-1].TimeMillis-events[0].TimeMillis > maxPutSpan.Milliseconds() {
		return fault.Newf(fault.Invalid, "log events", "The batch of log events in a single PutLogEvents request cannot span more than 24 hours.")
	}
	return nil
}

// admit returns the events that are taken, and notes the others.
func admit(events []Event, now time.Time, retentionDays int, result *PutResult) []Event {
	older := func(limit int64) int {
		for i := range events {
			if events[i].TimeMillis >= limit {
				return i
			}
		}
		return len(events)
	}
	begin, end := 0, len(events)
	if n := older(now.Add(-maxAge).UnixMilli()); n > 0 {
		result.TooOldEnd, begin = n, n
	}
	if n := older(cutoff(now, retentionDays)); n > 0 {
		result.ExpiredEnd, begin = n, max(begin, n)
	}
	ahead := now.Add(maxAhead).UnixMilli()
	for end > begin && events[end-1].TimeMillis > ahead {
		end--
		result.TooNewStart = end
	}
	return events[begin:end]
}

// cutoff returns the time before which events are expired, in milliseconds.
func cutoff(now time.Time, retentionDays int) int64 {
	if retentionDays == 0 {
		return 0
	}
	return max(0, now.UnixMilli()-int64(retentionDays)*24*time.Hour.Milliseconds())
}

// writer encodes a batch outside the group's lock: all but the sequences is known then.
type writer struct {
	data   []byte
	blocks []encoded
	value  []byte
}

type encoded struct {
	start, end int // in data
	first      int64
	last       int64
	info       blockInfo
}

var writers = sync.Pool{New: func() any { return new(writer) }}

func (w *writer) encode(events []Event, stream uint64, ingested int64) {
	w.data, w.blocks = w.data[:0], w.blocks[:0]
	for len(events) > 0 {
		n, info := cut(events)
		info.stream = stream
		start := len(w.data)
		w.data = appendBlock(w.data, stream, ingested, events[:n])
		w.blocks = append(w.blocks, encoded{start: start, end: len(w.data), first: events[0].TimeMillis, last: events[n-1].TimeMillis, info: info})
		events = events[n:]
	}
}

// write puts the blocks and their index entries into the batch and counts them.
func (w *writer) write(b *pebble.Batch, group uint64, n *counters, d *streamDoc) error {
	var keys [33]byte
	for i := range w.blocks {
		e := &w.blocks[i]
		w.value = e.info.append(w.value[:0])
		if err := errors.Join(
			b.Set(appendKey(keys[:0], group, kindBlock, n.next), w.data[e.start:e.end], nil),
			b.Set(appendKey(keys[:0], group, kindStreamIndex, e.info.stream, uint64(e.first), n.next), w.value, nil),
			b.Set(appendKey(keys[:0], group, kindTimeIndex, uint64(e.first), n.next), w.value, nil),
		); err != nil {
			return err
		}
		size := e.info.bytes + e.info.events*EventOverhead
		n.next += e.info.events
		n.events += e.info.events
		n.bytes += size
		n.maxSpan = max(n.maxSpan, e.info.span)
		if d.events == 0 || uint64(e.first) < d.first {
			d.first = uint64(e.first)
		}
		d.last = max(d.last, uint64(e.last))
		d.events += e.info.events
		d.bytes += size
		d.maxSpan = max(d.maxSpan, e.info.span)
	}
	return nil
}

// commit runs one change of a group under its lock and returns once it is on disk. The commits of a group are
// in the order of their sequences; the waits for the disk overlap and share an fsync.
func (s *Store) commit(group string, id uint64, change func(*pebble.Batch, *counters) error) error {
	return s.commitSized(group, id, 512, change)
}

func (s *Store) commitSized(group string, id uint64, size int, change func(*pebble.Batch, *counters) error) error {
	if broken := s.broken.Load(); broken != nil {
		return fault.Newf(fault.Unavailable, "log events", "an earlier write failed, restart after its cause is gone: %w", *broken)
	}
	l, err := s.live(id)
	if err != nil {
		return err
	}
	b := s.db.NewBatchWithSize(size)
	var n counters
	err = func() error {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.gone {
			return noGroup(group)
		}
		if n, err = s.counters(id); err != nil {
			return err
		}
		if err := change(b, &n); err != nil {
			return err
		}
		if err := b.Set(key(id, kindCounters), n.append(nil), nil); err != nil {
			return err
		}
		return s.db.ApplyNoSyncWait(b, pebble.Sync)
	}()
	if err != nil {
		return errors.Join(err, b.Close())
	}
	if err := b.SyncWait(); err != nil {
		// The change is in memory and may or may not be on disk: later ones could stand on it.
		s.broken.CompareAndSwap(nil, &err)
		return fault.Newf(fault.Unavailable, "log events", "write: %w", err)
	}
	l.advance(n.next)
	return b.Close()
}
