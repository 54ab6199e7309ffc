package parquet

import (
	"encoding/binary"
	"math/bits"
)

// packer writes Parquet's encodings of integers. It keeps nothing but memory to work in.
type packer struct {
	codes  []uint32 // of the chunk's values, when they have a dictionary made at the row group's end
	direct []uint32 // code+1 by value, for values of a narrow range
	table  intTable
	dict   []int64
	plain  []byte
}

// appendHybrid appends codes of width bits as runs and bit-packed groups of eight.
//
// Source: Parquet format, "Run Length Encoding / Bit-Packing Hybrid".
func appendHybrid(dst []byte, codes []uint32, width int) []byte {
	const shortest = 32 // a run costs what it takes and ends a packed stretch
	from := 0           // of the stretch that is not written yet
	for i := 0; i+shortest <= len(codes); {
		v := codes[i]
		if codes[i+7] != v || codes[i+shortest-1] != v {
			i += 8
			continue
		}
		n := 1
		for i+n < len(codes) && codes[i+n] == v {
			n++
		}
		if i+n < len(codes) {
			n &^= 7
		}
		if n < shortest {
			i += max(n, 8)
			continue
		}
		dst = appendPacked(dst, codes[from:i], width)
		dst = binary.AppendUvarint(dst, uint64(n)<<1)
		for b := 0; b < width; b += 8 {
			dst = append(dst, byte(v>>b))
		}
		i += n
		from = i
	}
	return appendPacked(dst, codes[from:], width)
}

func appendPacked(dst []byte, codes []uint32, width int) []byte {
	if len(codes) == 0 {
		return dst
	}
	groups := (len(codes) + 7) / 8
	dst = binary.AppendUvarint(dst, uint64(groups)<<1|1)
	at := len(dst)
	size := groups * width
	dst = extend(dst, size+8) // words are stored whole
	out := dst[at:]
	switch {
	case width == 8:
		for i, c := range codes {
			out[i] = byte(c)
		}
		clear(out[len(codes):])
	case width == 16:
		for i, c := range codes {
			binary.LittleEndian.PutUint16(out[2*i:], uint16(c))
		}
		clear(out[2*len(codes):])
	default:
		var word uint64
		filled, put := uint(0), 0
		w := uint(width)
		for _, c := range codes {
			word |= uint64(c) << filled
			if filled += w; filled >= 32 {
				binary.LittleEndian.PutUint32(out[put:], uint32(word))
				put += 4
				word >>= 32
				filled -= 32
			}
		}
		binary.LittleEndian.PutUint64(out[put:], word)
		if put+8 < len(out) {
			clear(out[put+8:])
		}
	}
	return dst[:at+size]
}

// extend grows dst by n bytes of any content.
func extend(dst []byte, n int) []byte {
	if cap(dst)-len(dst) >= n {
		return dst[:len(dst)+n]
	}
	grown := make([]byte, len(dst)+n, 2*cap(dst)+n)
	copy(grown, dst)
	return grown
}

// Shape of DELTA_BINARY_PACKED: a block of four miniblocks, as every writer makes it.
const (
	deltaBlock = 128
	deltaMini  = 32
)

// appendDelta appends values as DELTA_BINARY_PACKED of 64 bits.
//
// Source: Parquet format, "Delta Encoding".
func appendDelta(dst []byte, values []int64) []byte {
	dst = binary.AppendUvarint(dst, deltaBlock)
	dst = binary.AppendUvarint(dst, deltaBlock/deltaMini)
	dst = binary.AppendUvarint(dst, uint64(len(values)))
	if len(values) == 0 {
		return append(dst, 0)
	}
	dst = binary.AppendVarint(dst, values[0])
	previous := values[0]
	var deltas [deltaBlock]int64
	for rest := values[1:]; len(rest) > 0; {
		n := min(len(rest), deltaBlock)
		least := rest[0] - previous
		for i, v := range rest[:n] {
			d := v - previous // overflow wraps, and wraps back in the reader
			previous = v
			deltas[i] = d
			least = min(least, d)
		}
		rest = rest[n:]
		dst = binary.AppendVarint(dst, least)
		widths := len(dst)
		dst = append(dst, 0, 0, 0, 0)
		for m := 0; m*deltaMini < n; m++ {
			mini := deltas[m*deltaMini : (m+1)*deltaMini]
			var all uint64
			for i := range mini {
				if m*deltaMini+i >= n {
					mini[i] = 0
					continue
				}
				mini[i] -= least
				all |= uint64(mini[i])
			}
			width := bits.Len64(all)
			dst[widths+m] = byte(width)
			dst = appendMini(dst, mini, uint(width))
		}
	}
	return dst
}

// appendMini appends 32 values of width bits each.
func appendMini(dst []byte, mini []int64, width uint) []byte {
	if width == 0 {
		return dst
	}
	at := len(dst)
	dst = extend(dst, int(width)*4+16)
	out := dst[at:]
	var low uint64 // bits that are not put yet
	filled, put := uint(0), 0
	for _, v := range mini {
		low |= uint64(v) << filled
		if filled+width >= 64 {
			binary.LittleEndian.PutUint64(out[put:], low)
			put += 8
			low = uint64(v) >> (64 - filled) // a shift by 64 gives 0, as it should
			filled = filled + width - 64
			continue
		}
		filled += width
	}
	binary.LittleEndian.PutUint64(out[put:], low)
	return dst[:at+int(width)*4]
}

// deltaBits estimates what a value takes in deltas, from every eighth miniblock.
func deltaBits(values []int64) int {
	total, seen := 0, 0
	for at := 0; at+deltaMini < len(values); at += 8 * deltaMini {
		low, high := values[at+1]-values[at], values[at+1]-values[at]
		for i := 2; i <= deltaMini; i++ {
			d := values[at+i] - values[at+i-1]
			low, high = min(low, d), max(high, d)
		}
		total += bits.Len64(uint64(high - low))
		seen++
	}
	if seen == 0 {
		return 64
	}
	return total/seen + 1
}

// intTable numbers integers in the order in which they come first.
type intTable struct {
	slots []intSlot
	shift uint
}

type intSlot struct {
	value int64
	code  uint32 // +1, 0 for empty
}

// codesOf gives each value its code and returns the dictionary; ok is false when there are more than most entries, or so many
// that a dictionary does not pay.
func (p *packer) codesOf(values []int64, low, high int64, most int) (codes []uint32, dict []int64, ok bool) {
	if cap(p.codes) < len(values) {
		p.codes = make([]uint32, max(len(values), 1024))
	}
	codes, dict = p.codes[:len(values)], p.dict[:0]
	if spread := uint64(high - low); spread < 1<<20 && spread <= 8*uint64(len(values))+64 {
		if cap(p.direct) < int(spread)+1 {
			p.direct = make([]uint32, spread+1)
		}
		direct := p.direct[:spread+1]
		clear(direct)
		for i, v := range values {
			code := direct[v-low]
			if code == 0 {
				dict = append(dict, v)
				code = uint32(len(dict))
				direct[v-low] = code
			}
			codes[i] = code - 1
		}
		p.dict = dict
		return codes, dict, len(dict) <= most
	}
	ok = p.table.codes(values, codes, &dict, most)
	p.dict = dict
	return codes, dict, ok
}

func (t *intTable) codes(values []int64, codes []uint32, dict *[]int64, most int) bool {
	const least = 1 << 12 // a small row group clears little
	if cap(t.slots) < least {
		t.slots = make([]intSlot, least)
	}
	t.slots = t.slots[:least]
	clear(t.slots)
	t.shift = uint(64 - bits.TrailingZeros(uint(len(t.slots))))
	mask := len(t.slots) - 1
	d := *dict
	for i, v := range values {
		at := int(uint64(v)*seedB>>t.shift) & mask
		for t.slots[at].code != 0 && t.slots[at].value != v {
			at = (at + 1) & mask
		}
		code := t.slots[at].code
		if code == 0 {
			d = append(d, v)
			code = uint32(len(d))
			t.slots[at] = intSlot{v, code}
			if len(d) >= most || len(d) > 4096 && len(d) > i/2 {
				*dict = d
				return false
			}
			if 2*len(d) > len(t.slots) {
				t.grow(d)
				mask = len(t.slots) - 1
			}
		}
		codes[i] = code - 1
	}
	*dict = d
	return true
}

func (t *intTable) grow(dict []int64) {
	if n := 4 * len(t.slots); n <= cap(t.slots) {
		t.slots = t.slots[:n]
		clear(t.slots)
	} else {
		t.slots = make([]intSlot, n)
	}
	t.shift = uint(64 - bits.TrailingZeros(uint(len(t.slots))))
	mask := len(t.slots) - 1
	for i, v := range dict {
		at := int(uint64(v)*seedB>>t.shift) & mask
		for t.slots[at].code != 0 {
			at = (at + 1) & mask
		}
		t.slots[at] = intSlot{v, uint32(i + 1)}
	}
}

// appendPlain appends integers, or floats' bits, of 4 or 8 bytes.
func appendPlain(dst []byte, values []int64, width int) []byte {
	at := len(dst)
	dst = extend(dst, width*len(values))
	out := dst[at:]
	if width == 4 {
		for i, v := range values {
			binary.LittleEndian.PutUint32(out[4*i:], uint32(v))
		}
		return dst
	}
	for i, v := range values {
		binary.LittleEndian.PutUint64(out[8*i:], uint64(v))
	}
	return dst
}

// appendBools appends booleans, eight to a byte.
func appendBools(dst []byte, values []int64) []byte {
	for len(values) > 0 {
		var b byte
		n := min(8, len(values))
		for i, v := range values[:n] {
			b |= byte(v) << i
		}
		dst = append(dst, b)
		values = values[n:]
	}
	return dst
}
