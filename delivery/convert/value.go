package convert

import (
	"bytes"
	"encoding/base64"
	"math"
	"unicode/utf8"

	"flowlake/columnar"
)

// fromText reads a column's value from characters: a JSON string's, or an extracted field.
func (c *Converter) fromText(at int32, v []byte, to *cell) error {
	col := &c.columns[at]
	if col.text {
		to.valid, to.text = true, col.characters(v)
		return nil
	}
	if len(v) == 1 && v[0] == '-' {
		return nil // NULL: how flow logs write it
	}
	if !col.scalar(v, to) {
		return col.misfit(v)
	}
	return nil
}

// fromNumber reads it from a JSON number, as it is written.
func (c *Converter) fromNumber(at int32, v []byte, to *cell) error {
	col := &c.columns[at]
	switch {
	case col.text:
		to.valid, to.text = true, col.characters(v)
	case col.typ.Kind == columnar.Boolean || !col.scalar(v, to):
		return col.misfit(v)
	}
	return nil
}

// fromBool reads it from true or false.
func (c *Converter) fromBool(at int32, v []byte, to *cell) error {
	col := &c.columns[at]
	switch {
	case col.text:
		to.valid, to.text = true, col.characters(v)
	case col.typ.Kind != columnar.Boolean:
		return col.misfit(v)
	default:
		to.valid, to.n = true, bit(v[0] == 't')
	}
	return nil
}

// fromComposite reads it from the text of an object or array, which is well formed.
func (c *Converter) fromComposite(at int32, v []byte, to *cell) error {
	col := &c.columns[at]
	switch {
	case col.text:
		to.text = col.characters(v)
	case !col.typ.Nested():
		return col.misfit(v)
	default:
		if err := c.checkNested(col, col.typ, v); err != nil {
			return err
		}
		to.text = v
	}
	to.valid = true
	return nil
}

// misfit is the error of a value that its column cannot hold.
func (col *column) misfit(v []byte) error {
	const most = 100
	if len(v) > most {
		v = append(bytes.Clone(v[:most]), "…"...)
	}
	return malformed("Data does not match the schema. For input string: \"%s\" (column %s, %s)", bytes.ToValidUTF8(v, []byte("\uFFFD")), col.name, col.typ)
}

func bit(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// scalar reads a value of a type that is neither text nor nested.
func (col *column) scalar(v []byte, to *cell) bool {
	ok := false
	switch col.typ.Kind {
	case columnar.Int:
		to.n, ok = integer(v, math.MinInt32, math.MaxInt32)
	case columnar.BigInt:
		to.n, ok = integer(v, math.MinInt64, math.MaxInt64)
	case columnar.Timestamp:
		to.n, ok = col.stamps(v)
	case columnar.TinyInt:
		to.n, ok = integer(v, math.MinInt8, math.MaxInt8)
	case columnar.SmallInt:
		to.n, ok = integer(v, math.MinInt16, math.MaxInt16)
	case columnar.Boolean:
		ok = bytes.EqualFold(v, []byte("true"))
		to.n = bit(ok)
		ok = ok || bytes.EqualFold(v, []byte("false"))
	case columnar.Float, columnar.Double:
		bits := 64
		if col.typ.Kind == columnar.Float {
			bits = 32
		}
		var f float64
		f, ok = columnar.ParseFloat(v, bits)
		ok = ok && (!math.IsInf(f, 0) || bytes.Contains(v, []byte("Inf"))) // a number too large does not fit
		to.n = int64(math.Float64bits(f))
	case columnar.Decimal:
		d, fits := columnar.ParseDecimal(v, col.typ.Precision, col.typ.Scale)
		ok, to.n, to.high = fits, int64(d.LowBits()), d.HighBits()
	case columnar.Date:
		var days int32
		days, ok = columnar.ParseDate(v)
		to.n = int64(days)
	}
	to.valid = ok
	return ok
}

// characters cuts a text to its type's length, and takes a binary column's bytes out of base64, where they are in it.
func (col *column) characters(v []byte) []byte {
	switch {
	case col.typ.Kind == columnar.Binary:
		if raw, err := base64.StdEncoding.AppendDecode(nil, v); err == nil && len(v) > 0 {
			return raw
		}
	case col.typ.Length > 0 && len(v) > col.typ.Length:
		at := 0
		for n := col.typ.Length; n > 0 && at < len(v); n-- {
			_, size := utf8.DecodeRune(v[at:])
			at += size
		}
		return v[:at]
	}
	return v
}

// integer reads a whole number. One that is written with a fraction of zeros or with an exponent is one too.
func integer(v []byte, low, high int64) (int64, bool) {
	i, negative := 0, false
	if len(v) > 0 && (v[0] == '-' || v[0] == '+') {
		negative, i = v[0] == '-', 1
	}
	if i == len(v) {
		return 0, false
	}
	if len(v)-i > 18 {
		return wide(v, low, high)
	}
	var n int64
	for ; i < len(v); i++ {
		d := v[i] - '0'
		if d > 9 {
			return wide(v, low, high)
		}
		n = n*10 + int64(d)
	}
	if negative {
		n = -n
	}
	return n, n >= low && n <= high
}

// wide reads what integer cannot at once.
func wide(v []byte, low, high int64) (int64, bool) {
	if len(v) > 64 || bytes.IndexFunc(v, func(r rune) bool { return (r < '0' || r > '9') && !bytes.ContainsRune([]byte("+-.eE"), r) }) >= 0 {
		return 0, false
	}
	whole, ok := columnar.ParseDecimal(v, 38, 0)
	if !ok {
		return 0, false
	}
	exact, ok := columnar.ParseDecimal(v, 38, 15) // fractions that are longer than that, or have more than 23 digits before it, do not fit
	if bytes.ContainsAny(v, ".eE") && (!ok || exact != whole.IncreaseScaleBy(15)) {
		return 0, false
	}
	if !whole.FitsInPrecision(19) || whole.HighBits() != int64(whole.LowBits())>>63 {
		return 0, false
	}
	n := int64(whole.LowBits())
	return n, n >= low && n <= high
}

// secondsBelow is where AWS begins to read milliseconds instead of seconds.
const secondsBelow = 1_000_000_000_000

// instant reads a timestamp: the text of a time, or seconds or milliseconds since 1970, as microseconds.
func instant(v []byte) (int64, bool) {
	if n, ok := plainInteger(v); ok {
		if n > -secondsBelow && n < secondsBelow {
			return n * 1_000_000, true
		}
		return n * 1000, n > math.MinInt64/1000 && n < math.MaxInt64/1000
	}
	if bytes.IndexByte(v, ':') < 0 && len(v) <= 64 {
		if micros, ok := columnar.ParseDecimal(v, 38, 6); ok {
			if micros.HighBits() != int64(micros.LowBits())>>63 { // no int64
				return 0, false
			}
			n := int64(micros.LowBits())
			if n <= -secondsBelow*1_000_000 || n >= secondsBelow*1_000_000 {
				n /= 1000
			}
			return n, true
		}
	}
	return columnar.ParseTimestamp(v)
}

// plainInteger reads up to 18 digits with or without a minus.
func plainInteger(v []byte) (n int64, ok bool) {
	digits := v
	if len(v) > 0 && v[0] == '-' {
		digits = v[1:]
	}
	if len(digits) == 0 || len(digits) > 18 {
		return 0, false
	}
	for _, c := range digits {
		if c -= '0'; c > 9 {
			return 0, false
		}
		n = n*10 + int64(c)
	}
	if len(digits) < len(v) {
		n = -n
	}
	return n, true
}
