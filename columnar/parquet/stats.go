package parquet

import (
	"bytes"
	"encoding/binary"
	"math"
	"unicode/utf8"

	"flowlake/columnar"
)

// bounds are a chunk's smallest and largest value as Parquet encodes them plainly, in the order that its type defines. A bound that is
// not exact was cut and lies outside of all values.
type bounds struct {
	low, high           []byte // nil: not known
	lowExact, highExact bool
}

// maxBound is how long a text's bound may be: statistics are read for each query.
const maxBound = 64

// intBounds are the bounds of integers, booleans and floats, of which low and high are the extremes of the stored words.
func (b *Builder) intBounds(values []int64, low, high int64) bounds {
	switch b.physical {
	case physicalFloat, physicalDouble:
		return b.floatBounds(values)
	case physicalBoolean:
		return bounds{[]byte{byte(low)}, []byte{byte(high)}, true, true}
	case physicalInt32:
		return bounds{binary.LittleEndian.AppendUint32(nil, uint32(low)), binary.LittleEndian.AppendUint32(nil, uint32(high)), true, true}
	}
	return bounds{binary.LittleEndian.AppendUint64(nil, uint64(low)), binary.LittleEndian.AppendUint64(nil, uint64(high)), true, true}
}

// floatBounds gives none when there is a NaN, which has no order, and the widest zero, as the format asks.
func (b *Builder) floatBounds(values []int64) bounds {
	low, high := math.Inf(1), math.Inf(-1)
	for _, v := range values {
		f := b.float(v)
		if f != f {
			return bounds{}
		}
		low, high = min(low, f), max(high, f)
	}
	if low == 0 {
		low = math.Copysign(0, -1)
	}
	if high == 0 {
		high = 0
	}
	if b.physical == physicalFloat {
		return bounds{binary.LittleEndian.AppendUint32(nil, math.Float32bits(float32(low))), binary.LittleEndian.AppendUint32(nil, math.Float32bits(float32(high))), true, true}
	}
	return bounds{binary.LittleEndian.AppendUint64(nil, math.Float64bits(low)), binary.LittleEndian.AppendUint64(nil, math.Float64bits(high)), true, true}
}

func (b *Builder) float(bits int64) float64 {
	if b.physical == physicalFloat {
		return float64(math.Float32frombits(uint32(bits)))
	}
	return math.Float64frombits(uint64(bits))
}

// byteBounds are the bounds of text, bytes, and decimals of fixed length.
func (b *Builder) byteBounds() bounds {
	var low, high []byte
	b.each(func(v []byte) {
		if low == nil {
			low, high = v, v
			return
		}
		if b.less(v, low) {
			low = v
		} else if b.less(high, v) {
			high = v
		}
	})
	if low == nil {
		return bounds{}
	}
	if b.physical == physicalFixed || len(low) <= maxBound && len(high) <= maxBound {
		return bounds{bytes.Clone(low), bytes.Clone(high), true, true}
	}
	out := bounds{lowExact: len(low) <= maxBound, highExact: len(high) <= maxBound}
	text := b.column.Type.Kind != columnar.Binary
	out.low = bytes.Clone(low[:cutAt(low, text)])
	if out.highExact {
		out.high = bytes.Clone(high)
	} else {
		out.high = above(high[:cutAt(high, text)], text)
	}
	return out
}

// each calls f with every value of the dictionary and of the tail: all values of the chunk, those of the dictionary once.
func (b *Builder) each(f func(v []byte)) {
	at := 0
	for i := range b.dict.entries {
		var v []byte
		v, at = b.dict.value(i, at)
		f(v)
	}
	for rest := b.tail; len(rest) > 0; {
		n := b.width
		if b.physical == physicalBytes {
			n = int(binary.LittleEndian.Uint32(rest))
			rest = rest[4:]
		}
		f(rest[:n:n])
		rest = rest[n:]
	}
}

// less orders bytes without sign, and decimals of fixed length as the big-endian numbers that they are.
func (b *Builder) less(x, y []byte) bool {
	if b.physical == physicalFixed && (x[0]^y[0])&0x80 != 0 {
		return x[0]&0x80 != 0
	}
	return bytes.Compare(x, y) < 0
}

// cutAt is where a bound is cut, between characters in text.
func cutAt(v []byte, text bool) int {
	if len(v) <= maxBound {
		return len(v)
	}
	at := maxBound
	for text && at > 0 && !utf8.RuneStart(v[at]) {
		at--
	}
	return at
}

// above is the shortest value above all that begin with prefix, nil if there is none that is easily made.
func above(prefix []byte, text bool) []byte {
	for n := len(prefix); n > 0; n-- {
		last := prefix[n-1]
		if text && last >= 0x7F || last == 0xFF {
			continue
		}
		up := bytes.Clone(prefix[:n])
		up[n-1]++
		return up
	}
	return nil
}
