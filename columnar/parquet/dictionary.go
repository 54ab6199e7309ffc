package parquet

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
)

// dictionary numbers byte strings in the order in which they come first. It is open addressing without
// strings: an entry holds up to 24 bytes as three words, which is every address, account, interface and
// enumeration of a flow log, so a hit compares words and follows no pointer. A longer value's words are its
// hash and its place.
type dictionary struct {
	fixed   bool // values have no length in plain
	plain   []byte
	entries []entry
	slots   []uint32 // code+1, 0 for empty; its length is a power of two
	shift   uint     // 64 - log2(len(slots))
	recent  entry    // what find found last: columns repeat themselves
	code    uint32
}

// entry is a value. length has inPlain added when the words are not its bytes.
type entry struct {
	a, b, c uint64
	length  uint64
}

const (
	inline  = 24
	inPlain = 1 << 32
)

// The multipliers are drawn anew by each process: nobody can prepare values that collide.
var seedA, seedB, seedC = rand.Uint64() | 1, rand.Uint64() | 1, rand.Uint64() | 1

func (e *entry) hash() uint64 {
	h := e.a*seedA ^ bits.RotateLeft64(e.b*seedB, 23) ^ bits.RotateLeft64((e.c+e.length)*seedC, 41)
	h ^= h >> 32
	return h * seedA
}

// masks are the bytes of the three words that belong to a value of each length.
var masks = func() (m [inline + 1][3]uint64) {
	for n := range m {
		for i := range n {
			m[n][i/8] |= 0xFF << (i % 8 * 8)
		}
	}
	return m
}()

// key makes the entry that v has or would have, but for the place of a long one.
func key(v []byte) (e entry) {
	n := len(v)
	if n > inline {
		e.a, e.b = hashLong(v)
		e.length = uint64(n) | inPlain
		return e
	}
	var padded [inline]byte
	copy(padded[:], v)
	return entry{binary.LittleEndian.Uint64(padded[:]), binary.LittleEndian.Uint64(padded[8:]), binary.LittleEndian.Uint64(padded[16:]), uint64(n)}
}

func hashLong(v []byte) (a, b uint64) {
	for ; len(v) >= 16; v = v[16:] {
		high, low := bits.Mul64(binary.LittleEndian.Uint64(v)^a^seedA, binary.LittleEndian.Uint64(v[8:])^b^seedB)
		a, b = a*seedC+(high^low), bits.RotateLeft64(b, 29)+low
	}
	var padded [16]byte
	copy(padded[:], v)
	high, low := bits.Mul64(binary.LittleEndian.Uint64(padded[:])^a^seedA, binary.LittleEndian.Uint64(padded[8:])^b^seedB)
	return a*seedC + (high ^ low), bits.RotateLeft64(b, 29) + low
}

func (d *dictionary) len() int { return len(d.entries) }

func (d *dictionary) memory() int64 {
	return int64(len(d.plain) + 32*len(d.entries) + 4*len(d.slots))
}

// find returns the code of v.
func (d *dictionary) find(v []byte) (code uint32, found bool) {
	e := key(v)
	if len(d.slots) == 0 {
		return 0, false
	}
	mask := uint32(len(d.slots) - 1)
	for i := uint32(e.hash() >> d.shift); ; i = (i + 1) & mask {
		slot := d.slots[i&mask]
		if slot == 0 {
			return 0, false
		}
		known := &d.entries[slot-1]
		if known.a == e.a && known.b == e.b && known.length == e.length {
			if e.length < inPlain {
				if known.c != e.c {
					continue
				}
				d.recent, d.code = e, slot-1
				return slot - 1, true
			}
			if string(d.plain[known.c:known.c+uint64(len(v))]) == string(v) {
				return slot - 1, true
			}
		}
	}
}

// add gives v, which find did not find, the next code.
func (d *dictionary) add(v []byte) uint32 {
	if 2*len(d.entries) >= len(d.slots) {
		d.grow()
	}
	e := key(v)
	place := d.slotFor(&e)
	if !d.fixed {
		d.plain = binary.LittleEndian.AppendUint32(d.plain, uint32(len(v)))
	}
	if e.length >= inPlain {
		e.c = uint64(len(d.plain))
	}
	d.plain = append(d.plain, v...)
	d.entries = append(d.entries, e)
	d.slots[place] = uint32(len(d.entries))
	return uint32(len(d.entries) - 1)
}

// slotFor is the empty slot where a new entry goes. A long value's place is no part of its hash.
func (d *dictionary) slotFor(e *entry) uint32 {
	at := *e
	if at.length >= inPlain {
		at.c = 0
	}
	mask := uint32(len(d.slots) - 1)
	i := uint32(at.hash()>>d.shift) & mask
	for d.slots[i] != 0 {
		i = (i + 1) & mask
	}
	return i
}

func (d *dictionary) grow() {
	n := max(64, 2*len(d.slots))
	if cap(d.slots) >= n {
		d.slots = d.slots[:n]
		clear(d.slots)
	} else {
		d.slots = make([]uint32, n)
	}
	d.shift = uint(64 - bits.TrailingZeros(uint(n)))
	for i := range d.entries {
		d.slots[d.slotFor(&d.entries[i])] = uint32(i + 1)
	}
}

// removeLast forgets the newest entry. Nothing was added behind it, so no search passes through its slot.
func (d *dictionary) removeLast() {
	n := len(d.entries)
	mask := uint32(len(d.slots) - 1)
	e := d.entries[n-1]
	at := e
	if at.length >= inPlain {
		at.c = 0
	}
	i := uint32(at.hash()>>d.shift) & mask
	for d.slots[i] != uint32(n) {
		i = (i + 1) & mask
	}
	d.slots[i] = 0
	d.entries = d.entries[:n-1]
	length := int(uint32(e.length))
	if !d.fixed {
		length += 4
	}
	d.plain = d.plain[:len(d.plain)-length]
	d.recent = entry{length: inPlain}
}

// reset forgets the entries and keeps their memory. A table that was far too large is halved, so that small files do not go on clearing
// what a large one needed.
func (d *dictionary) reset() {
	if n := len(d.slots); n > 1<<10 && 16*len(d.entries) < n {
		d.slots = d.slots[:n/2]
		d.shift++
	}
	d.entries, d.plain = d.entries[:0], d.plain[:0]
	clear(d.slots)
	d.recent = entry{length: inPlain}
}

// value is the i-th value's bytes; at is its place in plain, and next that of the one behind it.
func (d *dictionary) value(i, at int) (v []byte, next int) {
	n := int(uint32(d.entries[i].length))
	if !d.fixed {
		at += 4
	}
	return d.plain[at : at+n], at + n
}
