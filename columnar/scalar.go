package columnar

import "github.com/apache/arrow-go/v18/arrow/decimal128"

// ParseTimestamp reads "yyyy-MM-dd HH:mm:ss[.fraction]" or a date alone as microseconds since 1970 in UTC, rounded to the
// millisecond. A T may stand for the blank, and Z or an offset may follow.
func ParseTimestamp(b []byte) (micros int64, ok bool) {
	if len(b) == 0 {
		return 0, false
	}
	return parseTimestamp(b, true)
}

// ParseDate reads yyyy-M-d as days since 1970.
func ParseDate(b []byte) (days int32, ok bool) { return parseDate(b) }

// ParseDecimal reads a decimal number, rounds it half up to the scale, and refuses what the precision cannot hold.
func ParseDecimal(b []byte, precision, scale int) (decimal128.Num, bool) {
	return parseDecimal(b, precision, scale)
}

// ParseFloat reads a decimal number, NaN, or Infinity with or without a sign, as a value of so many bits.
func ParseFloat(b []byte, bits int) (float64, bool) { return parseFloat(b, bits) }

// TimestampReader reads timestamps by the SerDe property timestamp.formats: Java patterns between commas, or millis. The function
// tries them in order, then fallback; without formats it is fallback. It returns fault.Unsupported for a pattern that is not known.
func TimestampReader(formats string, fallback func([]byte) (int64, bool)) (func([]byte) (int64, bool), error) {
	return timestampFormats(formats, fallback)
}
