package columnar

import (
	"encoding/base64"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// appendFunc appends the value that b spells and reports whether it is one of the type; if not it has
// appended nothing.
type appendFunc func(b []byte) bool

// scalarAppender reads text values of a type that is not nested, as Hive's text formats spell them.
// stamp reads timestamps.
func scalarAppender(t Type, b array.Builder, stamp func([]byte) (int64, bool)) appendFunc {
	switch t.Kind {
	case Boolean:
		b := b.(*array.BooleanBuilder)
		return func(v []byte) bool {
			x, ok := parseBool(v)
			if ok {
				b.Append(x)
			}
			return ok
		}
	case TinyInt:
		b := b.(*array.Int8Builder)
		return func(v []byte) bool {
			x, ok := parseInt(v, math.MinInt8, math.MaxInt8)
			if ok {
				b.Append(int8(x))
			}
			return ok
		}
	case SmallInt:
		b := b.(*array.Int16Builder)
		return func(v []byte) bool {
			x, ok := parseInt(v, math.MinInt16, math.MaxInt16)
			if ok {
				b.Append(int16(x))
			}
			return ok
		}
	case Int:
		b := b.(*array.Int32Builder)
		return func(v []byte) bool {
			x, ok := parseInt(v, math.MinInt32, math.MaxInt32)
			if ok {
				b.Append(int32(x))
			}
			return ok
		}
	case BigInt:
		b := b.(*array.Int64Builder)
		return func(v []byte) bool {
			x, ok := parseInt(v, math.MinInt64, math.MaxInt64)
			if ok {
				b.Append(x)
			}
			return ok
		}
	case Float:
		b := b.(*array.Float32Builder)
		return func(v []byte) bool {
			x, ok := parseFloat(v, 32)
			if ok {
				b.Append(float32(x))
			}
			return ok
		}
	case Double:
		b := b.(*array.Float64Builder)
		return func(v []byte) bool {
			x, ok := parseFloat(v, 64)
			if ok {
				b.Append(x)
			}
			return ok
		}
	case Decimal:
		b := b.(*array.Decimal128Builder)
		return func(v []byte) bool {
			x, ok := parseDecimal(v, t.Precision, t.Scale)
			if ok {
				b.Append(x)
			}
			return ok
		}
	case Date:
		b := b.(*array.Date32Builder)
		return func(v []byte) bool {
			x, ok := parseDate(v)
			if ok {
				b.Append(arrow.Date32(x))
			}
			return ok
		}
	case Timestamp:
		b := b.(*array.TimestampBuilder)
		return func(v []byte) bool {
			x, ok := stamp(v)
			if ok {
				b.Append(arrow.Timestamp(x))
			}
			return ok
		}
	case Binary:
		b := b.(*array.BinaryBuilder)
		return func(v []byte) bool { // base64, or else the bytes themselves, as LazyBinary reads them
			if raw, err := base64.StdEncoding.AppendDecode(nil, v); err == nil && len(v) > 0 {
				b.Append(raw)
			} else {
				b.Append(v)
			}
			return true
		}
	}
	return stringAppender(t, b.(*array.StringBuilder))
}

// stringAppender cuts values to the type's length and makes them UTF-8, with U+FFFD for what is not.
func stringAppender(t Type, b *array.StringBuilder) appendFunc {
	return func(v []byte) bool {
		if !utf8.Valid(v) {
			v = []byte(strings.ToValidUTF8(string(v), "\uFFFD"))
		}
		if t.Length > 0 && len(v) > t.Length {
			v = cut(v, t.Length)
		}
		b.BinaryBuilder.Append(v)
		return true
	}
}

// cut returns the first n characters of UTF-8 text.
func cut(v []byte, n int) []byte {
	at := 0
	for ; n > 0 && at < len(v); n-- {
		_, size := utf8.DecodeRune(v[at:])
		at += size
	}
	return v[:at]
}

// plainTimestamp is how the text formats spell timestamps unless they say otherwise.
func plainTimestamp(b []byte) (int64, bool) { return parseTimestamp(b, false) }
