package delivery

import (
	"context"
	"iter"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"flowlake/access"
	"flowlake/fault"
	"flowlake/logs"
	"flowlake/logs/pattern"
)

// reading reads a run of a stream's inputs, as often as it is asked to. The first time that it comes to an end decides where
// that is; a later one ends there too.
type reading struct {
	store  *Store
	line   *line
	from   pebble.Reader // of the queue
	caller access.Caller
	inputs []planInput
	limit  int64    // bytes of record data that end it; 0: none
	ends   []uint64 // for each input; nil until it is known

	met      readings // of the last pass
	complete bool     // whether that came to the end
	failed   bool     // whether an input could not be read
}

const (
	readEvents    = 8192 // events of one read of a log group
	segmentEvents = 1024 // of a segment: its values stay in the CPU's caches
)

// segments is what Batch.Segments yields.
func (r *reading) segments(ctx context.Context) iter.Seq2[*Segment, error] {
	return func(yield func(*Segment, error) bool) {
		r.met, r.complete, r.failed = readings{}, false, false
		ends := make([]uint64, len(r.inputs))
		for i, in := range r.inputs {
			ends[i] = in.From
		}
		for i, in := range r.inputs {
			if r.ends != nil {
				in.To = r.ends[i]
			} else if r.full() {
				break
			}
			var end uint64
			var stopped bool
			var err error
			if in.Subscription == nil {
				end, stopped, err = r.queue(in, yield)
			} else {
				end, stopped, err = r.events(ctx, in, yield)
			}
			if stopped {
				return
			}
			if err != nil {
				r.failed = true
				yield(nil, err)
				return
			}
			ends[i] = end
		}
		if r.ends == nil {
			r.ends = ends
		}
		r.complete = true
	}
}

// full reports whether the batch has its size.
func (r *reading) full() bool {
	return r.ends == nil && r.limit > 0 && r.met.EventBytes+r.met.RecordBytes >= r.limit
}

// queue reads records. Puts are not taken apart.
func (r *reading) queue(in planInput, yield func(*Segment, error) bool) (end uint64, stopped bool, err error) {
	it, err := iterate(r.from, entryKey(r.line.id, in.From), entryKey(r.line.id, in.To))
	if err != nil {
		return 0, false, err
	}
	defer it.Close()
	end = in.From
	var g Segment
	for it.First(); it.Valid(); it.Next() {
		first := sequenceOf(it.Key())
		if first != end {
			return 0, false, fault.Newf(fault.Internal, "delivery queue", "record %d is missing", end)
		}
		g.Records = g.Records[:0]
		millis, n, err := readEntry(it.Value(), func(data []byte) {
			g.Records = append(g.Records, Record{Data: data, Sequence: first + uint64(len(g.Records))})
			r.met.RecordBytes += int64(len(data))
		})
		if err != nil {
			return 0, false, err
		}
		at := time.UnixMilli(millis).UTC()
		for i := range g.Records {
			g.Records[i].Arrival = at
		}
		r.met.Rows += int64(n)
		r.met.Records += int64(n)
		end = first + uint64(n)
		if !yield(&g, nil) {
			return 0, true, nil
		}
		if r.full() {
			break
		}
	}
	err = it.Error()
	if err == nil && end < in.To && !r.full() {
		err = fault.Newf(fault.Internal, "delivery queue", "record %d is missing", end)
	}
	return end, false, err
}

// events reads the events of a subscription that match.
func (r *reading) events(ctx context.Context, in planInput, yield func(*Segment, error) bool) (end uint64, stopped bool, err error) {
	sub := *in.Subscription
	p, err := pattern.Compile(sub.Pattern)
	if err != nil {
		return 0, false, err
	}
	g := Segment{Events: &Events{Subscription: sub, Pattern: p, Events: make([]logs.Matched, 0, segmentEvents)}}
	var values []string
	end = in.From
	for end < in.To && !r.full() {
		batch, err := r.store.logs.ReadFrom(ctx, r.caller, sub.Group, end, int(min(readEvents, in.To-end)))
		if fault.Is(err, fault.NotFound) || err == nil && batch.GroupID != sub.GroupID {
			r.met.Missed += int64(in.To - end) // the group is gone, and its events with it
			return in.To, false, nil
		}
		if err != nil {
			return 0, false, err
		}
		if batch.Next == end {
			return 0, false, fault.Newf(fault.Internal, "log group "+sub.Group, "event %d is not there to be read", end)
		}
		for rest := batch.Events; ; {
			n := min(segmentEvents, len(rest))
			next := min(batch.Next, in.To)
			if n < len(rest) {
				next = rest[n].Sequence
			}
			next = min(next, in.To)
			g.Events.Events, values = g.Events.Events[:0], values[:0]
			seen := 0
			for i := range rest[:n] {
				if rest[i].Sequence >= in.To {
					break
				}
				seen++
				if cap(values)-len(values) < 64 {
					values = make([]string, 0, segmentEvents*16)
				}
				own, ok := p.Extract(rest[i].Message, values[len(values):])
				if !ok {
					continue
				}
				if len(own) <= cap(values)-len(values) {
					values = values[:len(values)+len(own)]
				}
				g.Events.Events = append(g.Events.Events, logs.Matched{Stored: rest[i], Values: own[:len(own):len(own)]})
				r.met.EventBytes += int64(len(rest[i].Message))
			}
			rest = rest[n:]
			r.met.Missed += int64(next-end) - int64(seen)
			end = next
			if n := len(g.Events.Events); n > 0 {
				r.met.Rows += int64(n)
				r.met.Events += int64(n)
				if !yield(&g, nil) {
					return 0, true, nil
				}
			}
			if len(rest) == 0 || r.full() || end >= in.To {
				break
			}
		}
	}
	return end, false, nil
}
