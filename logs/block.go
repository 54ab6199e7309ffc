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
	damaged := func(why string) (*block, error) {
		return nil, fault.Newf(fault.Internal, "log block", "is damaged: %s", why)
	}
	if len(v) == 0 || v[0] != 1 {
		return damaged("unknown version")
	}
	text := string(v)
	at := 1
	var bad bool
	next := func() uint64 {
		n, size := binary.Uvarint(v[at:])
		if size <= 0 {
			bad = true
			return 0
		}
		at += size
		return n
	}
	b := &block{stream: next(), ingested: int64(next())}
	count, time := next(), int64(next())
	if bad || count == 0 || count > uint64(len(v)-at) {
		return damaged("wrong header")
	}
	b.events = make([]blockEvent, count)
	b.size = len(v) + int(count)*24
	table := at
	for range count {
		next()
		next()
	}
	if bad {
		return damaged("cut short")
	}
	messages := text[at:]
	at = table
	for i := range b.events {
		time += int64(next())
		size := next()
		if size > uint64(len(messages)) {
			return damaged("a message is cut short")
		}
		b.events[i] = blockEvent{time: time, message: messages[:size]}
		messages = messages[size:]
	}
	if messages != "" {
		return damaged("bytes behind the last message")
	}
	return b, nil
}
