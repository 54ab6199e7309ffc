package translate

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// The values that partition pruning computes with: nil for NULL, bool, int64, string, day, instant, millis, months.
type (
	day     int64 // since 1970-01-01
	instant int64 // microseconds since 1970-01-01 UTC
	millis  int64 // an interval day to second
	months  int64 // an interval year to month
)

type unknownType struct{}

// unknownValue is the value of what pruning cannot compute: it never excludes a partition.
var unknownValue any = unknownType{}

const microsPerDay = 86_400_000_000

// hiveNull is how a partition's path spells NULL.
const hiveNull = "__HIVE_DEFAULT_PARTITION__"

// keyValue reads a partition key's value as the catalogue spells it.
func keyValue(text string, t typ) any {
	if text == hiveNull {
		return nil
	}
	switch t.k {
	case varchar:
		if t.p != unbounded {
			return unknownValue
		}
		return text
	case tinyint, smallint, integer, bigint:
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return n
		}
	case boolean:
		switch strings.ToLower(text) {
		case "true":
			return true
		case "false":
			return false
		}
	case date:
		if d, ok := parseDay(text); ok {
			return d
		}
	case timestamp:
		if at, ok := parseInstant(text); ok {
			return at
		}
	}
	return unknownValue
}

func parseDay(text string) (day, bool) {
	at, err := time.Parse("2006-1-2", text)
	if err != nil {
		return 0, false
	}
	return day(at.Unix() / 86400), at.Unix()%86400 == 0
}

func parseInstant(text string) (instant, bool) {
	for _, layout := range []string{"2006-1-2 15:4:5", "2006-1-2 15:4", "2006-1-2"} {
		if at, err := time.Parse(layout, text); err == nil {
			return instant(at.UnixMicro()), true
		}
	}
	return 0, false
}

func (d day) time() time.Time     { return time.Unix(int64(d)*86400, 0).UTC() }
func (i instant) time() time.Time { return time.UnixMicro(int64(i)).UTC() }

// compareValues orders two values of one type.
func compareValues(a, b any) (order int, ok bool) {
	switch x := a.(type) {
	case string:
		if y, ok := b.(string); ok {
			return strings.Compare(x, y), true
		}
	case bool:
		if y, ok := b.(bool); ok {
			return rank(x) - rank(y), true
		}
	case int64:
		if y, ok := b.(int64); ok {
			return cmp64(x, y), true
		}
	case day:
		if y, ok := b.(day); ok {
			return cmp64(int64(x), int64(y)), true
		}
	case instant:
		if y, ok := b.(instant); ok {
			return cmp64(int64(x), int64(y)), true
		}
	}
	return 0, false
}

func rank(b bool) int {
	if b {
		return 1
	}
	return 0
}

func cmp64(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// compared applies a comparison operator.
func compared(op string, a, b any) any {
	if a == nil || b == nil {
		return nil
	}
	o, ok := compareValues(a, b)
	if !ok {
		return unknownValue
	}
	switch op {
	case "=":
		return o == 0
	case "<>":
		return o != 0
	case "<":
		return o < 0
	case "<=":
		return o <= 0
	case ">":
		return o > 0
	case ">=":
		return o >= 0
	}
	return unknownValue
}

// likePattern is a LIKE pattern as a regular expression.
func likePattern(pattern string, escape rune) (*regexp.Regexp, bool) {
	var b strings.Builder
	b.WriteString(`(?s)\A`)
	escaped := false
	for _, r := range pattern {
		switch {
		case escaped:
			b.WriteString(regexp.QuoteMeta(string(r)))
			escaped = false
		case r == escape && escape != 0:
			escaped = true
		case r == '%':
			b.WriteString(".*")
		case r == '_':
			b.WriteByte('.')
		default:
			b.WriteString(regexp.QuoteMeta(string(r)))
		}
	}
	re, err := regexp.Compile(b.String() + `\z`)
	return re, err == nil && !escaped
}
