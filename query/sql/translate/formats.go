package translate

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// mysqlSpecs are date_format's letters as strftime's. What is missing Trino refuses too.
var mysqlSpecs = map[byte]string{
	'a': "%a", 'b': "%b", 'c': "%-m", 'd': "%d", 'e': "%-d", 'f': "%f", 'H': "%H", 'h': "%I", 'I': "%I", 'i': "%M",
	'j': "%j", 'k': "%-H", 'l': "%-I", 'M': "%B", 'm': "%m", 'p': "%p", 'r': "%I:%M:%S %p", 'S': "%S", 's': "%S",
	'T': "%H:%M:%S", 'v': "%V", 'W': "%A", 'x': "%G", 'Y': "%Y", 'y': "%y", '%': "%%",
}

// parseSpecs are the letters that date_parse reads as strptime does. Not %y: the two begin the century in
// different years.
const parseSpecs = "cdefHhIikljMmprSsTYb%a"

func mysqlFormat(format string, allowed func(byte) bool) (string, error) {
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			b.WriteByte(format[i])
			continue
		}
		if i++; i == len(format) {
			return "", fmt.Errorf("it ends with %%")
		}
		spec, ok := mysqlSpecs[format[i]]
		switch {
		case strings.IndexByte("DUuVwX", format[i]) >= 0:
			return "", fmt.Errorf("%%%c not supported in date format string", format[i])
		case !ok:
			b.WriteByte(format[i]) // any other letter stands for itself
		case !allowed(format[i]):
			return "", fmt.Errorf("%%%c", format[i])
		default:
			b.WriteString(spec)
		}
	}
	return b.String(), nil
}

func mysqlToStrftime(format string) (string, error) {
	return mysqlFormat(format, func(byte) bool { return true })
}

func mysqlToStrptime(format string) (string, error) {
	return mysqlFormat(format, func(c byte) bool { return strings.IndexByte(parseSpecs, c) >= 0 })
}

// jodaToStrftime reads a format_datetime pattern: runs of letters, text in single quotes.
func jodaToStrftime(format string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(format); {
		c := format[i]
		switch {
		case c == '\'':
			end := i + 1
			if end < len(format) && format[end] == '\'' {
				b.WriteByte('\'')
				i += 2
				continue
			}
			for end < len(format) && format[end] != '\'' {
				if format[end] == '%' {
					b.WriteByte('%')
				}
				b.WriteByte(format[end])
				end++
			}
			if end == len(format) {
				return "", fmt.Errorf("a quote is not closed")
			}
			i = end + 1
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
			n := 1
			for i+n < len(format) && format[i+n] == c {
				n++
			}
			spec, ok := jodaSpecs[format[i:i+n]]
			if !ok {
				return "", fmt.Errorf("%s", format[i:i+n])
			}
			b.WriteString(spec)
			i += n
		default:
			if c == '%' {
				b.WriteByte('%')
			}
			b.WriteByte(c)
			i++
		}
	}
	return b.String(), nil
}

var jodaSpecs = map[string]string{
	"yyyy": "%Y", "YYYY": "%Y", "y": "%Y", "yy": "%y", "M": "%-m", "MM": "%m", "MMM": "%b", "MMMM": "%B", "d": "%-d", "dd": "%d",
	"H": "%-H", "HH": "%H", "h": "%-I", "hh": "%I", "m": "%-M", "mm": "%M", "s": "%-S", "ss": "%S", "SSS": "%g",
	"a": "%p", "E": "%a", "EEE": "%a", "EEEE": "%A", "DDD": "%j", "D": "%-j",
}

// simpleSpecs are those that pruning computes itself.
var simpleSpecs = strings.NewReplacer("%Y", "2006", "%m", "01", "%d", "02", "%H", "15", "%M", "04", "%S", "05")

// formatSimple formats for pruning when the format is of digits only.
func formatSimple(v any, strftime string) any {
	var at time.Time
	switch x := v.(type) {
	case nil:
		return nil
	case day:
		at = x.time()
	case instant:
		at = x.time()
	default:
		return unknownValue
	}
	// Go would read digits and letters of the text around as a layout too: format one field at a time.
	var b strings.Builder
	for i := 0; i < len(strftime); i++ {
		if strftime[i] != '%' {
			b.WriteByte(strftime[i])
			continue
		}
		layout := simpleSpecs.Replace(strftime[i:min(i+2, len(strftime))])
		if strings.HasPrefix(layout, "%") {
			return unknownValue
		}
		b.WriteString(at.Format(layout))
		i++
	}
	return b.String()
}

// parseMySQL parses for pruning when the format is of full-width digits only.
func parseMySQL(v any, format string) any {
	text, ok := v.(string)
	if !ok {
		if v == nil {
			return nil
		}
		return unknownValue
	}
	f, err := mysqlToStrptime(format)
	if err != nil {
		return unknownValue
	}
	if !strings.Contains(f, "%Y") {
		return unknownValue
	}
	rest := simpleSpecs.Replace(f)
	plain := strings.NewReplacer("%Y", "", "%m", "", "%d", "", "%H", "", "%M", "", "%S", "").Replace(f)
	if strings.ContainsAny(plain, "%0123456789_") || strings.ContainsFunc(plain, func(r rune) bool { return r >= 'A' && r <= 'z' }) {
		return unknownValue
	}
	at, err := time.Parse(rest, text)
	if err != nil {
		return unknownValue
	}
	return instant(at.UnixMicro())
}

// evaluators compute functions of the tables for pruning.
var evaluators = map[string]func(v []any) any{
	"lower": func(v []any) any { return mapText(v[0], strings.ToLower) },
	"upper": func(v []any) any { return mapText(v[0], strings.ToUpper) },
	"substr": func(v []any) any {
		from, ok := v[1].(int64)
		if !ok || from < 1 {
			return unknownValue
		}
		n := int64(1 << 40)
		if len(v) == 3 {
			if n, ok = v[2].(int64); !ok || n < 0 {
				return unknownValue
			}
		}
		return mapText(v[0], func(s string) string {
			r := []rune(s)
			start := min(from-1, int64(len(r)))
			return string(r[start:min(start+n, int64(len(r)))])
		})
	},
}

func init() {
	evaluators["substring"] = evaluators["substr"]
	evaluators["lpad"] = func(v []any) any {
		n, ok1 := v[1].(int64)
		fill, ok2 := v[2].(string)
		if !ok1 || !ok2 || fill == "" || !ascii(fill) || n < 0 || n > 1000 {
			return unknownValue
		}
		return mapText(v[0], func(s string) string {
			if int64(len(s)) >= n {
				return s[:n]
			}
			return strings.Repeat(fill, int(n))[:n-int64(len(s))] + s
		})
	}
}

func mapText(v any, f func(string) string) any {
	switch s := v.(type) {
	case nil:
		return nil
	case string:
		if !ascii(s) {
			return unknownValue // the engine's tables of letters decide
		}
		return f(s)
	}
	return unknownValue
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
