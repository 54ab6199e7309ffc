package wire

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// malformed is the refusal of a body that does not parse: SerializationException.
func malformed(format string, args ...any) error {
	return &malformedError{fmt.Sprintf(format, args...)}
}

// setScalar sets v from a number's text; it returns what is wrong with it, or "".
func setScalar(s *shape, v reflect.Value, token string) string {
	switch s.kind {
	case kindInt:
		n, err := strconv.ParseInt(token, 10, 64)
		if err != nil && !errors.Is(err, strconv.ErrRange) {
			return "is not an integer"
		}
		if err != nil || v.OverflowInt(n) {
			return "is out of range"
		}
		v.SetInt(n)
	case kindFloat:
		f, err := strconv.ParseFloat(token, s.typ.Bits())
		if err != nil && !errors.Is(err, strconv.ErrRange) {
			return "is no number"
		}
		if err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
			return "is out of range"
		}
		v.SetFloat(f)
	case kindTime:
		t, ok := parseEpoch(token)
		if !ok {
			return "is no time: seconds since 1970 are expected"
		}
		v.Set(reflect.ValueOf(t))
	}
	return ""
}

// Times outside these years cannot be written back in every protocol.
var (
	firstTime = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
	lastTime  = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
)

// parseEpoch reads seconds since 1970 with a fraction, without the errors of binary fractions: digits behind the
// ninth are dropped.
func parseEpoch(token string) (time.Time, bool) {
	if strings.ContainsAny(token, "eE") {
		f, err := strconv.ParseFloat(token, 64)
		if err != nil || math.Abs(f) > 1e12 {
			return time.Time{}, false
		}
		token = strconv.FormatFloat(f, 'f', 9, 64)
	}
	whole, fraction, _ := strings.Cut(token, ".")
	seconds, err := strconv.ParseInt(whole, 10, 64)
	if err != nil {
		return time.Time{}, false
	}
	nanos := int64(0)
	if fraction != "" {
		digits := (fraction + "000000000")[:9]
		if !all(fraction, isDigit) {
			return time.Time{}, false
		}
		nanos, _ = strconv.ParseInt(digits, 10, 64)
	}
	if strings.HasPrefix(whole, "-") {
		nanos = -nanos
	}
	if seconds < firstTime.Unix() || seconds > lastTime.Unix() {
		return time.Time{}, false
	}
	return time.Unix(seconds, nanos).UTC(), true
}

// appendEpoch writes a time as seconds since 1970, with milliseconds where there are some, as AWS does.
func appendEpoch(dst []byte, t time.Time) []byte {
	millis := t.UnixMilli()
	if millis < 0 {
		dst = append(dst, '-')
		millis = -millis
	}
	dst = strconv.AppendInt(dst, millis/1000, 10)
	if rest := millis % 1000; rest != 0 {
		text := strconv.FormatInt(1000+rest, 10)[1:]
		dst = append(append(dst, '.'), strings.TrimRight(text, "0")...)
	}
	return dst
}
