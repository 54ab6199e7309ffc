package delivery

import (
	"encoding/binary"

	"github.com/google/uuid"

	"flowlake/fault"
)

// The keys of the queue store. All of a stream begins with its id's 16 bytes: one range tombstone removes it. Numbers are big
// endian, 8 bytes, so that byte order is numeric order.
//
//	stream 'c'             → ledger
//	stream 'k' batch name  → what a Writer keeps of a batch
//	stream 'p'             → plan of the batch under way, JSON
//	stream 'q' sequence    → entry: the records of one put, under the sequence of the first
//	stream 's'             → seal of the batch under way, JSON
//	stream 'u' id          → cursor over a log subscription, JSON
//	0 'f'                  → formatVersion
const (
	keyLedger = 'c'
	keyKept   = 'k'
	keyPlan   = 'p'
	keyEntry  = 'q'
	keySeal   = 's'
	keyCursor = 'u'

	keyFormat = 'f'
)

// formatVersion is the version of this layout. A program refuses a newer one.
const formatVersion = 1

func key(stream uuid.UUID, kind byte) []byte {
	return append(append(make([]byte, 0, 32), stream[:]...), kind)
}

func entryKey(stream uuid.UUID, sequence uint64) []byte {
	return binary.BigEndian.AppendUint64(key(stream, keyEntry), sequence)
}

func keptKey(stream uuid.UUID, batch uint64, name string) []byte {
	return append(binary.BigEndian.AppendUint64(key(stream, keyKept), batch), name...)
}

// sequenceOf reads an entry's key.
func sequenceOf(k []byte) uint64 { return binary.BigEndian.Uint64(k[17:]) }

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

// ledger is a stream's numbers. It changes with every put and with the end of every batch, in their commits.
type ledger struct {
	next   uint64 // sequence of the next record; the first is 1
	head   uint64 // sequence of the first record that is in no finished batch
	number uint64 // of the last finished batch

	in, inBytes                uint64
	delivered, failed, dropped uint64
	waiting, waitBytes         uint64
	missed                     uint64
	batches, objects, bytes    uint64
}

func (n *ledger) fields() []*uint64 {
	return []*uint64{&n.next, &n.head, &n.number, &n.in, &n.inBytes, &n.delivered, &n.failed, &n.dropped,
		&n.waiting, &n.waitBytes, &n.missed, &n.batches, &n.objects, &n.bytes}
}

func (n *ledger) encode() []byte {
	b := make([]byte, 0, 64)
	for _, f := range n.fields() {
		b = binary.AppendUvarint(b, *f)
	}
	return b
}

func (n *ledger) decode(v []byte) error {
	for _, f := range n.fields() {
		x, size := binary.Uvarint(v)
		if size <= 0 {
			return fault.Newf(fault.Internal, "delivery ledger", "is cut short or damaged")
		}
		*f, v = x, v[size:]
	}
	if len(v) != 0 {
		return fault.Newf(fault.Internal, "delivery ledger", "has %d bytes too many", len(v))
	}
	return nil
}

// An entry is the records of one put: a version byte, arrival in Unix milliseconds, count, the lengths, the data.
const entryVersion = 1

func entrySize(records [][]byte, arrival int64) (size int, data int64) {
	size = 1 + uvarintSize(uint64(arrival)) + uvarintSize(uint64(len(records)))
	for _, r := range records {
		size += uvarintSize(uint64(len(r))) + len(r)
		data += int64(len(r))
	}
	return size, data
}

func uvarintSize(n uint64) int {
	size := 1
	for ; n >= 0x80; n >>= 7 {
		size++
	}
	return size
}

// appendEntry appends exactly entrySize bytes.
func appendEntry(dst []byte, records [][]byte, arrival int64) []byte {
	dst = append(dst, entryVersion)
	dst = binary.AppendUvarint(dst, uint64(arrival))
	dst = binary.AppendUvarint(dst, uint64(len(records)))
	for _, r := range records {
		dst = binary.AppendUvarint(dst, uint64(len(r)))
	}
	for _, r := range records {
		dst = append(dst, r...)
	}
	return dst
}

// readEntry hands each record of an entry to yield. The data shares v's memory.
func readEntry(v []byte, yield func(data []byte)) (arrival int64, count int, err error) {
	damaged := func(why string) (int64, int, error) {
		return 0, 0, fault.Newf(fault.Internal, "delivery queue entry", "is damaged: %s", why)
	}
	if len(v) == 0 || v[0] != entryVersion {
		return damaged("unknown version")
	}
	at, bad := 1, false
	next := func() uint64 {
		n, size := binary.Uvarint(v[at:])
		if size <= 0 {
			bad = true
			return 0
		}
		at += size
		return n
	}
	arrival = int64(next())
	n := next()
	if bad || n == 0 || n > uint64(len(v)-at) {
		return damaged("wrong header")
	}
	if yield == nil {
		return arrival, int(n), nil
	}
	table := at
	for range n {
		next()
	}
	if bad {
		return damaged("cut short")
	}
	data := v[at:]
	for at = table; n > 0; n-- {
		size := next()
		if size > uint64(len(data)) {
			return damaged("a record is cut short")
		}
		yield(data[:size:size])
		data = data[size:]
		count++
	}
	if len(data) != 0 {
		return damaged("bytes behind the last record")
	}
	return arrival, count, nil
}
