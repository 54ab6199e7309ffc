package parquet

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"strings"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow/decimal128"

	"flowlake/columnar"
)

// Parquet's physical types.
const (
	physicalBoolean = 0
	physicalInt32   = 1
	physicalInt64   = 2
	physicalFloat   = 4
	physicalDouble  = 5
	physicalBytes   = 6
	physicalFixed   = 7
)

// Builder takes the values of one column. A row has one value at most, and calling a method that is not for the column's type
// is a defect that panics.
type Builder struct {
	column   columnar.Column
	physical int32
	width    int // bytes of a physicalFixed value
	bloom    bool

	rows      int      // of the open row group, NULLs included
	nulls     []uint32 // the rows that are NULL
	ints      []int64  // of every type but text and bytes; floats as their bits
	low, high int64    // what Int takes

	// Text and bytes: codes of dictionary entries, and when that is full the values behind them, plainly.
	dict  dictionary
	codes []uint32
	tail  []byte // each value behind its length
	tails int
	full  bool
	fresh bool // the last value made a new entry
	last  int  // bytes of the last value in tail

	grown   *int64      // the Writer's
	stored  chunkMeta   // of the chunk that was written last
	codec   Compression // of the file's chunks
	plainly int         // row groups for which a dictionary is not tried again
}

func (b *Builder) init(c columnar.Column) {
	b.column = c
	b.low, b.high = 1, 0 // nothing, for types that Int is not for
	switch c.Type.Kind {
	case columnar.Boolean:
		b.physical = physicalBoolean
	case columnar.TinyInt:
		b.physical, b.low, b.high = physicalInt32, math.MinInt8, math.MaxInt8
	case columnar.SmallInt:
		b.physical, b.low, b.high = physicalInt32, math.MinInt16, math.MaxInt16
	case columnar.Int, columnar.Date:
		b.physical, b.low, b.high = physicalInt32, math.MinInt32, math.MaxInt32
	case columnar.BigInt:
		b.physical, b.low, b.high = physicalInt64, math.MinInt64, math.MaxInt64
	case columnar.Timestamp:
		b.physical = physicalInt64
	case columnar.Float:
		b.physical = physicalFloat
	case columnar.Double:
		b.physical = physicalDouble
	case columnar.Decimal:
		switch p := c.Type.Precision; {
		case p <= 9:
			b.physical = physicalInt32
		case p <= 18:
			b.physical = physicalInt64
		default:
			b.physical, b.width = physicalFixed, decimalBytes(p)
		}
	default:
		b.physical = physicalBytes
	}
	b.dict.fixed = b.physical == physicalFixed
}

// decimalBytes is the fewest bytes that hold every number of that many digits.
func decimalBytes(precision int) int {
	bits := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(precision)), nil).BitLen() + 1
	return (bits + 7) / 8
}

func (b *Builder) reset() {
	b.rows = 0
	b.nulls, b.ints, b.codes, b.tail = b.nulls[:0], b.ints[:0], b.codes[:0], b.tail[:0]
	b.tails, b.full, b.fresh, b.last = 0, false, false, 0
	b.dict.reset()
	if b.plainly > 0 && b.physical == physicalBytes {
		b.plainly--
		b.full = true
	}
}

// Type is the column's Hive type.
func (b *Builder) Type() columnar.Type { return b.column.Type }

// Name is the column's name.
func (b *Builder) Name() string { return b.column.Name }

// Null gives the row NULL, as EndRow does by itself.
func (b *Builder) Null() {
	b.nulls = append(b.nulls, uint32(b.rows))
	b.rows++
}

// Int is for tinyint, smallint, int, bigint, and for date as days since 1970. It reports whether the type can hold v; if not the
// row has no value yet.
func (b *Builder) Int(v int64) bool {
	if v < b.low || v > b.high {
		if b.low > b.high {
			b.misused()
		}
		return false
	}
	b.rows++
	b.ints = append(b.ints, v)
	return true
}

// Bool is for boolean.
func (b *Builder) Bool(v bool) {
	b.must(columnar.Boolean, columnar.Boolean)
	n := int64(0)
	if v {
		n = 1
	}
	b.rows++
	b.ints = append(b.ints, n)
}

// Float is for float, which takes the nearest of its values, and double.
func (b *Builder) Float(v float64) {
	b.must(columnar.Float, columnar.Double)
	bits := int64(math.Float64bits(v))
	if b.physical == physicalFloat {
		bits = int64(math.Float32bits(float32(v)))
	}
	b.rows++
	b.ints = append(b.ints, bits)
}

// Timestamp is for timestamp: microseconds since 1970-01-01 00:00:00, of a clock without a zone.
func (b *Builder) Timestamp(micros int64) {
	b.must(columnar.Timestamp, columnar.Timestamp)
	b.rows++
	b.ints = append(b.ints, micros)
}

// Decimal is for decimal: the value times 10 to the power of the column's scale. It reports whether the precision
// can hold it; if not the row has no value yet.
func (b *Builder) Decimal(unscaled decimal128.Num) bool {
	b.must(columnar.Decimal, columnar.Decimal)
	if !unscaled.FitsInPrecision(int32(b.column.Type.Precision)) {
		return false
	}
	if b.physical != physicalFixed {
		b.rows++
		b.ints = append(b.ints, int64(unscaled.LowBits()))
		return true
	}
	var v [16]byte
	binary.BigEndian.PutUint64(v[:], uint64(unscaled.HighBits()))
	binary.BigEndian.PutUint64(v[8:], unscaled.LowBits())
	b.bytes(v[16-b.width:])
	return true
}

// Text is for string, varchar and char, cut to their length, and for binary. Bytes that are not UTF-8 become U+FFFD in text: DuckDB
// refuses a whole file for one. It keeps no reference to v. It is quickest when v's capacity is 24 bytes or more: up
// to there it loads, and masks away, what lies behind v, so nobody may write there meanwhile.
func (b *Builder) Text(v []byte) {
	// The way of almost every value of a flow log, in one piece: it is short, and known.
	if d := &b.dict; len(v) <= inline && cap(v) >= inline && !b.full && len(d.slots) > 0 && b.physical == physicalBytes {
		w, m := v[:inline], &masks[len(v)]
		e := entry{binary.LittleEndian.Uint64(w) & m[0], binary.LittleEndian.Uint64(w[8:]) & m[1], binary.LittleEndian.Uint64(w[16:]) & m[2], uint64(len(v))}
		if e == d.recent {
			b.codes = append(b.codes, d.code)
			b.rows++
			b.fresh = false
			return
		}
		mask := len(d.slots) - 1
		for i := int(e.hash() >> d.shift); ; i++ {
			slot := d.slots[i&mask]
			if slot == 0 {
				break
			}
			if d.entries[slot-1] == e {
				d.recent, d.code = e, slot-1
				b.codes = append(b.codes, slot-1)
				b.rows++
				b.fresh = false
				return
			}
		}
	}
	if b.physical != physicalBytes {
		b.misused()
	}
	b.bytes(v)
}

func (b *Builder) bytes(v []byte) {
	b.rows++
	if !b.full {
		code, found := b.dict.find(v)
		if !found {
			b.miss(v)
			return
		}
		b.fresh = false
		b.codes = append(b.codes, code)
		return
	}
	b.appendTail(b.clean(v))
}

// miss takes a value that the dictionary does not have, as it came.
func (b *Builder) miss(v []byte) {
	v = b.clean(v)
	code, found := b.dict.find(v)
	b.fresh = !found
	if !found {
		if n := b.dict.len(); n >= maxEntries || len(b.dict.plain)+len(v) > maxDictionary || n >= 1<<14 && n > len(b.codes)/4*3 {
			b.full = true
			b.appendTail(v)
			return
		}
		code = b.dict.add(v)
		*b.grown += int64(len(v))
	}
	b.codes = append(b.codes, code)
}

// Bounds of a dictionary. Codes up to 2^16 take two bytes in a page.
const (
	maxEntries    = 1 << 17
	maxDictionary = 4 << 20
)

func (b *Builder) appendTail(v []byte) {
	before := len(b.tail)
	if b.physical == physicalBytes {
		b.tail = binary.LittleEndian.AppendUint32(b.tail, uint32(len(v)))
	}
	b.tail = append(b.tail, v...)
	b.last = len(b.tail) - before
	*b.grown += int64(len(v))
	b.tails++
}

// clean is the value as the column stores it.
func (b *Builder) clean(v []byte) []byte {
	if !b.column.Type.Text() {
		return v
	}
	if !utf8.Valid(v) {
		v = []byte(strings.ToValidUTF8(string(v), "\uFFFD"))
	}
	if n := b.column.Type.Length; n > 0 && len(v) > n {
		at := 0
		for ; n > 0 && at < len(v); n-- {
			_, size := utf8.DecodeRune(v[at:])
			at += size
		}
		v = v[:at]
	}
	return v
}

func (b *Builder) must(from, to columnar.Kind) {
	if k := b.column.Type.Kind; k < from || k > to {
		b.misused()
	}
}

func (b *Builder) misused() {
	panic(fmt.Sprintf("parquet: column %s is %s, which this method is not for", b.column.Name, b.column.Type))
}

// undo drops the last value of the row group.
func (b *Builder) undo() {
	b.rows--
	if n := len(b.nulls); n > 0 && int(b.nulls[n-1]) == b.rows {
		b.nulls = b.nulls[:n-1]
		return
	}
	switch {
	case b.physical != physicalBytes && b.physical != physicalFixed:
		b.ints = b.ints[:len(b.ints)-1]
	case b.tails > 0:
		b.tails--
		b.tail = b.tail[:len(b.tail)-b.last]
	default:
		b.codes = b.codes[:len(b.codes)-1]
		if b.fresh { // an entry that no row has must not be in the page, nor in the statistics
			b.dict.removeLast()
			b.fresh = false
		}
	}
}

// values is how many values the row group has that are not NULL.
func (b *Builder) values() int { return b.rows - len(b.nulls) }

func (b *Builder) size() int64 {
	return int64(len(b.ints)*2+len(b.codes)) + int64(len(b.tail)+len(b.dict.plain))/2
}

func (b *Builder) memory() int64 {
	return int64(8*len(b.ints)+4*len(b.codes)+4*len(b.nulls)+len(b.tail)) + b.dict.memory()
}
