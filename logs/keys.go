package logs

import (
	"encoding/binary"
	"errors"

	"github.com/cockroachdb/pebble/v2"

	"flowlake/fault"
)

// The keys. All numbers are big endian, 8 bytes, so that byte order is numeric order. A group's records are
// one range, which one range tombstone removes.
//
//	group 'b' sequence               → block: events with consecutive sequences, of one stream, from one put
//	group 'c'                        → counters
//	group 'i' stream time sequence   → blockInfo: a stream's blocks by the time of their first event
//	group 'n' stream                 → the stream's name
//	group 's' name                   → stream record
//	group 't' time sequence          → blockInfo: all blocks of the group by the time of their first event
//	0 'f'                            → formatVersion
//	0 'k'                            → the key that signs paging tokens
//	0 'x' group stream               → a stream's removal under way
const (
	kindBlock       = 'b'
	kindCounters    = 'c'
	kindStreamIndex = 'i'
	kindName        = 'n'
	kindStream      = 's'
	kindTimeIndex   = 't'

	kindFormat  = 'f'
	kindSecret  = 'k'
	kindRemoval = 'x'
)

// formatVersion is the version of this layout. A program refuses a newer one.
const formatVersion = 1

// key returns group, kind, numbers.
func key(group uint64, kind byte, numbers ...uint64) []byte {
	return appendKey(make([]byte, 0, 9+8*len(numbers)), group, kind, numbers...)
}

func appendKey(dst []byte, group uint64, kind byte, numbers ...uint64) []byte {
	dst = binary.BigEndian.AppendUint64(dst, group)
	dst = append(dst, kind)
	for _, n := range numbers {
		dst = binary.BigEndian.AppendUint64(dst, n)
	}
	return dst
}

func streamKey(group uint64, name string) []byte {
	return append(key(group, kindStream), name...)
}

// number reads the i-th number behind a key's kind.
func number(k []byte, i int) uint64 { return binary.BigEndian.Uint64(k[9+8*i:]) }

// after returns the first key behind all keys that begin with prefix.
func after(prefix []byte) []byte {
	end := append([]byte(nil), prefix...)
	for i := len(end) - 1; i >= 0; i-- {
		end[i]++
		if end[i] != 0 {
			return end[:i+1]
		}
	}
	return nil
}

// records reads records: of now, or of a snapshot.
type records struct{ reader pebble.Reader }

// get returns a copy of the value under k, and whether there is one.
func (r records) get(k []byte) ([]byte, bool, error) {
	v, closer, err := r.reader.Get(k)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fault.Newf(fault.Unavailable, "log events", "read: %w", err)
	}
	v = append([]byte(nil), v...)
	return v, true, closer.Close()
}

func (r records) iter(lower, upper []byte) (*pebble.Iterator, error) {
	it, err := r.reader.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return nil, fault.Newf(fault.Unavailable, "log events", "read: %w", err)
	}
	return it, nil
}

// counters are a group's numbers. They change with every put, in its commit.
type counters struct {
	next    uint64 // the sequence of the next event; the first is 1
	streams uint64 // the last stream id given out
	events  uint64 // events stored
	bytes   uint64 // their size, 26 bytes more for each
	maxSpan uint64 // the longest time from a block's first event to its last, in milliseconds
}

func (n counters) append(dst []byte) []byte {
	return appendNumbers(dst, n.next, n.streams, n.events, n.bytes, n.maxSpan)
}

func (r records) counters(group uint64) (counters, error) {
	n := counters{next: 1}
	v, ok, err := r.get(key(group, kindCounters))
	if err != nil || !ok {
		return n, err
	}
	return n, readNumbers("log group counters", v, &n.next, &n.streams, &n.events, &n.bytes, &n.maxSpan)
}

func appendNumbers(dst []byte, numbers ...uint64) []byte {
	for _, n := range numbers {
		dst = binary.AppendUvarint(dst, n)
	}
	return dst
}

// readNumbers reads exactly as many numbers as there are places for.
func readNumbers(what string, v []byte, to ...*uint64) error {
	for _, p := range to {
		n, size := binary.Uvarint(v)
		if size <= 0 {
			return fault.Newf(fault.Internal, what, "is cut short or damaged")
		}
		*p, v = n, v[size:]
	}
	if len(v) != 0 {
		return fault.Newf(fault.Internal, what, "has %d bytes too many", len(v))
	}
	return nil
}
