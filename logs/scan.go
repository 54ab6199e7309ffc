package logs

import (
	"container/heap"
	"context"
	"encoding/binary"
	"slices"

	"github.com/cockroachdb/pebble/v2"
)

// scan merges blocks, which overlap in time, into events in the order of time and then sequence, forwards or
// backwards. It reads a block when its first event may be due, and keeps a bounded number of them in memory.
type scan struct {
	store     *Store
	ctx       context.Context
	group     uint64
	backward  bool
	low, high position // low <= event < high
	visible   uint64   // sequences from here on are not on disk yet
	maxSpan   int64
	skip      func(stream uint64) bool

	it      *pebble.Iterator
	more    bool
	numbers int // where time and sequence begin among the index key's numbers

	sources []*source // a heap: the one whose event is due first is on top
	loaded  []*source // those that hold a block
	held    int       // bytes of their blocks
	read    int       // bytes of all blocks read so far
	looked  int       // index entries read so far
}

// maxHeld bounds the blocks that a scan keeps. When more of them overlap, some are read again.
const maxHeld = 16 << 20

// source is one block in the merge.
type source struct {
	next  position // of the event that it gives next; before it is loaded, the earliest that this can be
	first uint64   // the sequence of its first event
	block *block   // nil: not loaded
	at    int      // the index of that event
}

type scanQuery struct {
	group    uint64
	stream   *streamDoc               // only this stream; nil: all of the group
	skip     func(stream uint64) bool // leaves out streams unread; nil: none
	from, to int64                    // milliseconds: from <= time < to
	start    *position                // backwards only events before it, else only from it on; nil: all
	backward bool
	visible  uint64 // a live.durable that was read before the stream's record
}

// scanned is an event that a scan gives. Its position is position{time, sequence}.
type scanned struct {
	position
	stream   uint64
	ingested int64
	message  string
}

func (s *Store) scan(ctx context.Context, q scanQuery) (*scan, error) {
	sc := &scan{store: s, ctx: ctx, group: q.group, backward: q.backward, visible: q.visible, skip: q.skip,
		low: position{time: max(q.from, 0)}, high: position{time: max(q.to, q.from, 0)}}
	prefix := key(q.group, kindTimeIndex)
	if q.stream != nil {
		prefix = key(q.group, kindStreamIndex, q.stream.id)
		sc.numbers = 1
		sc.maxSpan = int64(q.stream.maxSpan)
	} else {
		n, err := s.counters(q.group)
		if err != nil {
			return nil, err
		}
		sc.maxSpan = int64(n.maxSpan)
	}
	if q.start != nil && q.backward && q.start.before(sc.high) {
		sc.high = *q.start
	}
	if q.start != nil && !q.backward && sc.low.before(*q.start) {
		sc.low = *q.start
	}
	// A block that begins up to maxSpan before low may reach beyond it. Where no block has a span, only one that
	// begins at low's own time does, less than a block's length of sequences before.
	first := position{time: max(sc.low.time-sc.maxSpan, 0)}
	if sc.maxSpan == 0 && sc.low.sequence > blockEvents {
		first.sequence = sc.low.sequence - blockEvents
	}
	if !first.before(sc.high) {
		first = sc.high // nothing: bounds must be in order
	}
	var err error
	if sc.it, err = s.iter(positionKey(prefix, first), positionKey(prefix, sc.high)); err != nil {
		return nil, err
	}
	if sc.backward {
		sc.more = sc.it.Last()
	} else {
		sc.more = sc.it.First()
	}
	return sc, nil
}

func positionKey(prefix []byte, p position) []byte {
	k := binary.BigEndian.AppendUint64(slices.Clone(prefix), uint64(p.time))
	return binary.BigEndian.AppendUint64(k, p.sequence)
}

func (sc *scan) Close() error { return sc.it.Close() }

// next returns the next event, or false at the end. The event's message stays valid.
func (sc *scan) next() (scanned, bool, error) {
	for {
		if err := sc.gather(); err != nil {
			return scanned{}, false, err
		}
		if len(sc.sources) == 0 {
			return scanned{}, false, sc.it.Error()
		}
		top := sc.sources[0]
		if top.block == nil {
			if err := sc.load(top); err != nil {
				return scanned{}, false, err
			}
			continue
		}
		e := top.block.events[top.at]
		out := scanned{position: position{e.time, top.first + uint64(top.at)},
			stream: top.block.stream, ingested: top.block.ingested, message: e.message}
		if sc.backward {
			top.at--
		} else {
			top.at++
		}
		sc.settle(top)
		return out, true, nil
	}
}

// gather takes blocks from the index until no later one can hold an event that is due before the top's.
func (sc *scan) gather() error {
	for sc.more {
		k := sc.it.Key()
		begin := position{int64(number(k, sc.numbers)), number(k, sc.numbers+1)}
		if len(sc.sources) > 0 && !sc.mayPrecede(begin, sc.sources[0].next) {
			return nil
		}
		if sc.looked++; sc.looked%1024 == 0 && sc.ctx.Err() != nil {
			return sc.ctx.Err()
		}
		info, err := readBlockInfo(sc.it.Value())
		if err != nil {
			return err
		}
		last := position{begin.time + int64(info.span), begin.sequence + info.events - 1}
		if begin.sequence < sc.visible && !last.before(sc.low) && (sc.skip == nil || !sc.skip(info.stream)) {
			src := &source{first: begin.sequence, next: begin}
			if sc.backward {
				src.next = last
			}
			heap.Push(sc, src)
		}
		if sc.backward {
			sc.more = sc.it.Prev()
		} else {
			sc.more = sc.it.Next()
		}
	}
	return nil
}

// mayPrecede reports whether a block that begins there, or one behind it in the index, may hold an event due before p.
func (sc *scan) mayPrecede(begin, p position) bool {
	if !sc.backward {
		return begin.before(p)
	}
	// Without spans a block's events are all at its own time, and the index is in their order already.
	return sc.maxSpan > 0 && begin.time+sc.maxSpan >= p.time
}

// load reads a source's block and finds the event that is due in it. A block that is gone, by retention or with its
// stream, gives nothing.
func (sc *scan) load(src *source) error {
	v, found, err := sc.store.get(key(sc.group, kindBlock, src.first))
	if err != nil {
		return err
	}
	if !found {
		heap.Remove(sc, 0)
		return nil
	}
	if src.block, err = readBlock(v); err != nil {
		return err
	}
	sc.read += len(v)
	sc.held += src.block.size
	sc.loaded = append(sc.loaded, src)
	for sc.held > maxHeld && len(sc.loaded) > 1 {
		sc.drop(sc.lastDue(src))
	}
	events := src.block.events
	at := func(i int) position { return position{events[i].time, src.first + uint64(i)} }
	if sc.backward {
		limit := sc.high
		if src.next.before(limit) {
			limit = position{src.next.time, src.next.sequence + 1}
		}
		src.at = len(events) - 1
		for src.at >= 0 && !at(src.at).before(limit) {
			src.at--
		}
	} else {
		limit := sc.low
		if limit.before(src.next) {
			limit = src.next
		}
		src.at = 0
		for src.at < len(events) && at(src.at).before(limit) {
			src.at++
		}
	}
	sc.settle(src)
	return nil
}

// settle puts the top source, whose at has moved, where it belongs; one that is used up leaves.
func (sc *scan) settle(src *source) {
	events := src.block.events
	if src.at >= 0 && src.at < len(events) {
		src.next = position{events[src.at].time, src.first + uint64(src.at)}
		if !src.next.before(sc.low) && src.next.before(sc.high) {
			heap.Fix(sc, 0)
			return
		}
	}
	heap.Remove(sc, 0)
	sc.drop(src)
}

// lastDue returns the loaded source that is due last, and not src: its block is missed last.
func (sc *scan) lastDue(src *source) *source {
	var last *source
	for _, l := range sc.loaded {
		if l != src && (last == nil || last.next.before(l.next) != sc.backward) {
			last = l
		}
	}
	return last
}

// drop lets go of a source's block. It can be loaded again.
func (sc *scan) drop(src *source) {
	sc.held -= src.block.size
	src.block = nil
	sc.loaded = slices.DeleteFunc(sc.loaded, func(l *source) bool { return l == src })
}

func (sc *scan) Len() int { return len(sc.sources) }
func (sc *scan) Less(i, j int) bool {
	a, b := sc.sources[i].next, sc.sources[j].next
	if sc.backward {
		return b.before(a)
	}
	return a.before(b)
}
func (sc *scan) Swap(i, j int) { sc.sources[i], sc.sources[j] = sc.sources[j], sc.sources[i] }
func (sc *scan) Push(x any)    { sc.sources = append(sc.sources, x.(*source)) }
func (sc *scan) Pop() any {
	last := sc.sources[len(sc.sources)-1]
	sc.sources = sc.sources[:len(sc.sources)-1]
	return last
}
