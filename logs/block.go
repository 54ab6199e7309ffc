package logs

import (
	"encoding/binary"

	"flowlake/fault"
)

// A block holds at most so much. The span keeps the look-back of a read by time short.
const (
	blockEvents = 512
	blockBytes  = 64 << 10 // of messages; one longer message is a block of its own
	blockSpan   = 60_000   // milliseconds
)

// block is a decoded block. Its strings share one copy of the stored bytes.
type block struct {
	stream   uint64
	ingested int64 // milliseconds
	events   []blockEvent
	size     int // bytes of memory, roughly
}

type blockEvent struct {
	time    int64 // milliseconds
	message string
}

// blockInfo is what the indexes tell of a block, so that a reader can skip it unread.
type blockInfo struct {
	stream uint64
	span   uint64 // milliseconds from the first event to the last
	events uint64
	bytes  uint64 // of messages
}

func (i blockInfo) append(dst []byte) []byte {
	return appendNumbers(dst, i.stream, i.span, i.events, i.bytes)
}

func readBlockInfo(v []byte) (i blockInfo, err error) {
	err = readNumbers("log block index", v, &i.stream, &i.span, &i.events, &i.bytes)
	if err == nil && i.events == 0 {
		err = fault.Newf(fault.Internal, "log block index", "names an empty block")
	}
	return i, err
}

// cut returns how many of the events, which are in time order, go into the next block.
func cut(events []Event) (n int, info blockInfo) {
	for n < len(events) && n < blockEvents {
		size := uint64(len(events[n].Message))
		if n > 0 && (info.bytes+size > blockBytes || events[n].TimeMillis-events[0].TimeMillis > blockSpan) {
			break
		}
		info.bytes += size
		n++
	}
	if n > 0 {
		info.span = uint64(events[n-1].TimeMillis - events[0].TimeMillis)
		info.events = uint64(n)
	}
	return n, info
}

// appendBlock encodes events of one block: version, stream, ingestion time, count, first time; then for each event the
// time since the one before and the length of the message; then the messages.
func appendBlock(dst []byte, stream uint64, ingested int64, events []Event) []byte {
	dst = append(dst, 1)
	dst = appendNumbers(dst, stream, uint64(ingested), uint64(len(events)), uint64(events[0].TimeMillis))
	last := events[0].TimeMillis
	for i := range events {
		dst = binary.AppendUvarint(dst, uint64(events[i].TimeMillis-last))
		dst = binary.AppendUvarint(dst, uint64(len(events[i].Message)))
		last = events[i].TimeMillis
	}
	for i := range events {
		dst = append(dst, events[i].Message...)
	}
	return dst
}

// readBlock decodes a block. It keeps no reference to v.
func readBlock(v []byte) (*block, error) {
	r, err := openBlock(v)
	if err != nil {
		return nil, err
	}
	b := &block{stream: r.stream, ingested: r.ingested, events: make([]blockEvent, r.count), size: len(v) + r.count*24}
	for i := range b.events {
		if b.events[i].time, b.events[i].message, err = r.next(); err != nil {
			return nil, err
		}
	}
	return b, r.end()
}

// blockReader reads a block event by event. Its strings share one copy of the stored bytes.
type blockReader struct {
	stream   uint64
	ingested int64 // milliseconds
	count    int   // of events
	time     int64 // of the event read last
	table    []byte
	messages string // not read yet
}

// openBlock reads a block's header. The block must not change before its last event is read.
func openBlock(v []byte) (r blockReader, err error) {
	if len(v) == 0 || v[0] != 1 {
		return r, damagedBlock("unknown version")
	}
	r.table = v[1:]
	var count uint64
	var first, ingested uint64
	if !r.numbers(&r.stream, &ingested, &count, &first) || count == 0 || count > uint64(len(r.table)) {
		return r, damagedBlock("wrong header")
	}
	r.ingested, r.time, r.count = int64(ingested), int64(first), int(count)
	at := 0
	for range 2 * count { // the messages begin where the table ends
		for at < len(r.table) && r.table[at] >= 0x80 {
			at++
		}
		at++
	}
	if at > len(r.table) {
		return r, damagedBlock("cut short")
	}
	r.table, r.messages = r.table[:at], string(r.table[at:])
	return r, nil
}

// next reads an event. It is called count times.
func (r *blockReader) next() (time int64, message string, err error) {
	var step, size uint64
	if !r.numbers(&step, &size) || size > uint64(len(r.messages)) {
		return 0, "", damagedBlock("a message is cut short")
	}
	r.time += int64(step)
	message, r.messages = r.messages[:size], r.messages[size:]
	return r.time, message, nil
}

// end checks that nothing is left.
func (r *blockReader) end() error {
	if r.messages != "" || len(r.table) > 0 {
		return damagedBlock("bytes behind the last message")
	}
	return nil
}

// numbers reads numbers off the table.
func (r *blockReader) numbers(to ...*uint64) bool {
	for _, p := range to {
		n, size := binary.Uvarint(r.table)
		if size <= 0 {
			return false
		}
		*p, r.table = n, r.table[size:]
	}
	return true
}

func damagedBlock(why string) error {
	return fault.Newf(fault.Internal, "log block", "is damaged: %s", why)
}
