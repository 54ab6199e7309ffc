package columnar

import (
	"math"
	"math/big"
	"strconv"
	"time"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow/decimal128"
)

// The parsers of Hive's text values. Each says whether the bytes are a value of its type; there are no
// other errors, because Hive reads NULL where a value does not parse.

// asString views bytes as a string for the time of one call.
func asString(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

func parseInt(b []byte, low, high int64) (int64, bool) {
	i, negative := 0, false
	if len(b) > 0 && (b[0] == '-' || b[0] == '+') {
		negative, i = b[0] == '-', 1
	}
	if i == len(b) || len(b)-i > 19+20 { // leading zeros are fine, a novel is not
		return 0, false
	}
	var n uint64
	for ; i < len(b); i++ {
		d := b[i] - '0'
		if d > 9 || n > (math.MaxUint64-9)/10 {
			return 0, false
		}
		n = n*10 + uint64(d)
	}
	if negative {
		if n > 1<<63 {
			return 0, false
		}
		v := -int64(n)
		return v, v >= low
	}
	return int64(n), n <= uint64(high)
}

func parseFloat(b []byte, bits int) (float64, bool) {
	b = trimBlanks(b)
	switch asString(b) {
	case "NaN":
		return math.NaN(), true
	case "Infinity", "+Infinity":
		return math.Inf(1), true
	case "-Infinity":
		return math.Inf(-1), true
	}
	for _, c := range b { // strconv also reads hexadecimal, underscores and inf
		if (c < '0' || c > '9') && c != '.' && c != '-' && c != '+' && c != 'e' && c != 'E' {
			return 0, false
		}
	}
	v, err := strconv.ParseFloat(asString(b), bits)
	if err != nil && !math.IsInf(v, 0) { // out of range is Infinity, as in Java
		return 0, false
	}
	return v, true
}

func trimBlanks(b []byte) []byte {
	for len(b) > 0 && b[0] <= ' ' {
		b = b[1:]
	}
	for len(b) > 0 && b[len(b)-1] <= ' ' {
		b = b[:len(b)-1]
	}
	return b
}

func parseBool(b []byte) (value, ok bool) {
	switch {
	case equalFold(b, "true"):
		return true, true
	case equalFold(b, "false"):
		return false, true
	}
	return false, false
}

// equalFold compares with a lower-case ASCII word.
func equalFold(b []byte, word string) bool {
	if len(b) != len(word) {
		return false
	}
	for i := range b {
		if b[i]|0x20 != word[i] {
			return false
		}
	}
	return true
}

// parseDecimal rounds half up to the scale, and refuses what the precision cannot hold.
func parseDecimal(b []byte, precision, scale int) (decimal128.Num, bool) {
	b = trimBlanks(b)
	negative := false
	if len(b) > 0 && (b[0] == '-' || b[0] == '+') {
		negative, b = b[0] == '-', b[1:]
	}
	var digits [80]byte
	n, fraction, dot, seen := 0, 0, false, false
	exponent := 0
scan:
	for i, c := range b {
		switch {
		case c >= '0' && c <= '9':
			seen = true
			if dot {
				fraction++
			}
			if n == 0 && c == '0' {
				continue
			}
			if n == len(digits) {
				return decimal128.Num{}, false
			}
			digits[n] = c
			n++
		case c == '.' && !dot:
			dot = true
		case (c == 'e' || c == 'E') && seen:
			e, ok := parseInt(b[i+1:], -100, 100)
			if !ok {
				return decimal128.Num{}, false
			}
			exponent = int(e)
			break scan
		default:
			return decimal128.Num{}, false
		}
	}
	if !seen {
		return decimal128.Num{}, false
	}
	shift := scale - fraction + exponent // the unscaled value is digits × 10^shift
	if n == 0 {
		return decimal128.Num{}, true
	}
	if n+shift > precision+1 || shift > 80 {
		return decimal128.Num{}, false
	}
	if n <= 18 && n+shift <= 18 {
		v, _ := parseInt(digits[:n], 0, math.MaxInt64)
		for ; shift > 0; shift-- {
			v *= 10
		}
		if shift < 0 {
			if v = divideRounding(v, -shift); v == 0 {
				return decimal128.Num{}, true
			}
		}
		if v >= pow10[min(precision, 18)] && precision <= 18 {
			return decimal128.Num{}, false
		}
		if negative {
			v = -v
		}
		return decimal128.FromI64(v), true
	}
	return bigDecimal(digits[:n], shift, precision, negative)
}

func bigDecimal(digits []byte, shift, precision int, negative bool) (decimal128.Num, bool) {
	v, _ := new(big.Int).SetString(string(digits), 10)
	ten := big.NewInt(10)
	power := new(big.Int).Exp(ten, big.NewInt(int64(max(shift, -shift))), nil)
	if shift >= 0 {
		v.Mul(v, power)
	} else {
		half := new(big.Int).Rsh(power, 1)
		v.Add(v, half).Quo(v, power)
	}
	if v.Cmp(new(big.Int).Exp(ten, big.NewInt(int64(precision)), nil)) >= 0 {
		return decimal128.Num{}, false
	}
	if negative {
		v.Neg(v)
	}
	return decimal128.FromBigInt(v), true
}

var pow10 = func() (p [19]int64) {
	p[0] = 1
	for i := 1; i < len(p); i++ {
		p[i] = p[i-1] * 10
	}
	return
}()

func divideRounding(v int64, places int) int64 {
	if places > 18 {
		return 0
	}
	d := pow10[places]
	q, r := v/d, v%d
	if r >= d-r {
		q++
	}
	return q
}

// parseDate reads yyyy-M-d as days since 1970.
func parseDate(b []byte) (int32, bool) {
	year, rest, ok := number(trimBlanks(b), 4, 4)
	if !ok || len(rest) == 0 || rest[0] != '-' {
		return 0, false
	}
	month, rest, ok := number(rest[1:], 1, 2)
	if !ok || len(rest) == 0 || rest[0] != '-' {
		return 0, false
	}
	day, rest, ok := number(rest[1:], 1, 2)
	if !ok || len(rest) != 0 {
		return 0, false
	}
	return civil(year, month, day)
}

// civil is the day's number, if there is such a day.
func civil(year, month, day int) (int32, bool) {
	if month < 1 || month > 12 || day < 1 || day > 31 {
		return 0, false
	}
	t := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	if t.Day() != day {
		return 0, false
	}
	days := t.Unix() / 86400
	if t.Unix()%86400 < 0 {
		days--
	}
	return int32(days), true
}

// number takes between least and most digits from the front of b.
func number(b []byte, least, most int) (int, []byte, bool) {
	n, i := 0, 0
	for i < len(b) && i < most && b[i] >= '0' && b[i] <= '9' {
		n = n*10 + int(b[i]-'0')
		i++
	}
	return n, b[i:], i >= least
}

// parseTimestamp reads "yyyy-MM-dd HH:mm:ss", with up to nine digits of a fraction, or a date alone, as
// microseconds since 1970, rounded to the millisecond: Athena's timestamps in files are timestamp(3).
// A T may stand for the blank, and with zone a Z or an offset may follow.
func parseTimestamp(b []byte, zone bool) (int64, bool) {
	b = trimBlanks(b)
	if len(b) < 10 {
		days, ok := parseDate(b)
		return int64(days) * 86400e6, ok
	}
	at := len(b)
	for i, c := range b[8:min(len(b), 12)] {
		if c == ' ' || c == 'T' {
			at = 8 + i
			break
		}
	}
	days, ok := parseDate(b[:at])
	if !ok || at == len(b) {
		return int64(days) * 86400e6, ok
	}
	var clock [3]int
	rest := b[at+1:]
	for i := range clock {
		if i > 0 {
			if len(rest) == 0 || rest[0] != ':' {
				return 0, false
			}
			rest = rest[1:]
		}
		if clock[i], rest, ok = number(rest, 1, 2); !ok {
			return 0, false
		}
	}
	if clock[0] > 23 || clock[1] > 59 || clock[2] > 59 {
		return 0, false
	}
	nanos := 0
	if len(rest) > 0 && rest[0] == '.' {
		before := len(rest) - 1
		if nanos, rest, ok = number(rest[1:], 1, 9); !ok {
			return 0, false
		}
		nanos *= int(pow10[9-(before-len(rest))])
	}
	offset := 0
	if zone {
		if offset, rest, ok = parseOffset(rest); !ok {
			return 0, false
		}
	}
	if len(rest) != 0 {
		return 0, false
	}
	seconds := int64(days)*86400 + int64(clock[0]*3600+clock[1]*60+clock[2]-offset)
	return seconds*1e6 + int64((nanos+500_000)/1_000_000)*1000, true
}

// parseOffset takes nothing, Z, +hh, +hhmm or +hh:mm, in seconds east of Greenwich.
func parseOffset(b []byte) (int, []byte, bool) {
	if len(b) == 0 {
		return 0, b, true
	}
	if b[0] == 'Z' || b[0] == 'z' {
		return 0, b[1:], true
	}
	if b[0] != '+' && b[0] != '-' {
		return 0, b, false
	}
	sign := b[0]
	hours, rest, ok := number(b[1:], 2, 2)
	if !ok || hours > 18 {
		return 0, b, false
	}
	minutes := 0
	if len(rest) > 0 && rest[0] == ':' {
		rest = rest[1:]
	}
	if len(rest) > 0 {
		if minutes, rest, ok = number(rest, 2, 2); !ok || minutes > 59 {
			return 0, b, false
		}
	}
	offset := hours*3600 + minutes*60
	if sign == '-' {
		offset = -offset
	}
	return offset, rest, true
}
