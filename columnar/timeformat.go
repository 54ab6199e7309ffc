package columnar

import (
	"strings"
	"time"

	"flowlake/fault"
)

// timestampFormats reads the property timestamp.formats: Java patterns between commas, or millis. The
// function that it returns tries them in order, then fallback.
func timestampFormats(property string, fallback func([]byte) (int64, bool)) (func([]byte) (int64, bool), error) {
	if strings.TrimSpace(property) == "" {
		return fallback, nil
	}
	var tries []func([]byte) (int64, bool)
	for pattern := range strings.SplitSeq(property, ",") {
		pattern = strings.TrimSpace(pattern)
		if pattern == "" {
			continue
		}
		if pattern == "millis" {
			tries = append(tries, func(b []byte) (int64, bool) {
				n, ok := parseInt(b, -1<<53, 1<<53)
				return n * 1000, ok
			})
			continue
		}
		layout, err := javaLayout(pattern)
		if err != nil {
			return nil, err
		}
		tries = append(tries, func(b []byte) (int64, bool) {
			at, err := time.Parse(layout, string(b))
			if err != nil {
				return 0, false
			}
			return at.Round(time.Millisecond).UnixMicro(), true
		})
	}
	return func(b []byte) (int64, bool) {
		for _, try := range tries {
			if us, ok := try(b); ok {
				return us, true
			}
		}
		return fallback(b)
	}, nil
}

// javaLayouts are Java's pattern letters, repeated, as Go's layouts.
var javaLayouts = map[string]string{
	"yyyy": "2006", "yy": "06", "uuuu": "2006", "MMMM": "January", "MMM": "Jan", "MM": "01", "M": "1", "dd": "02", "d": "2",
	"EEEE": "Monday", "EEE": "Mon", "E": "Mon", "HH": "15", "H": "15", "hh": "03", "h": "3", "mm": "04", "m": "4", "ss": "05", "s": "5",
	"a": "PM", "Z": "-0700", "ZZ": "-07:00", "X": "Z07", "XX": "Z0700", "XXX": "Z07:00", "z": "MST",
}

// javaLayout turns a pattern of SimpleDateFormat or Joda-Time into a layout of package time.
func javaLayout(pattern string) (string, error) {
	bad := func(what string) error {
		return fault.Newf(fault.Unsupported, "SerDe property timestamp.formats", "%q in pattern %q", what, pattern)
	}
	var b strings.Builder
	for i := 0; i < len(pattern); {
		c := pattern[i]
		if c == '\'' {
			end := strings.IndexByte(pattern[i+1:], '\'')
			if end < 0 {
				return "", bad(pattern[i:])
			}
			literal := pattern[i+1 : i+1+end]
			if end == 0 {
				literal = "'"
			}
			// A layout has no quoting: digits and words that it knows would be read as parts of a time.
			if strings.ContainsAny(literal, "0123456789") || len(literal) > 1 && literal != "UTC" {
				return "", bad(literal)
			}
			b.WriteString(literal)
			i += end + 2
			continue
		}
		if c|0x20 < 'a' || c|0x20 > 'z' {
			if c >= '0' && c <= '9' {
				return "", bad(string(c))
			}
			b.WriteByte(c)
			i++
			continue
		}
		end := i
		for end < len(pattern) && pattern[end] == c {
			end++
		}
		run := pattern[i:end]
		switch layout, known := javaLayouts[run]; {
		case c == 'S': // time.Parse reads the digits of a fraction behind the seconds, as many as there are
			if i == 0 || pattern[i-1] != '.' && pattern[i-1] != ',' || !strings.HasSuffix(strings.TrimRight(b.String(), ".,"), "05") {
				return "", bad(run)
			}
			b.WriteString(strings.Repeat("0", min(len(run), 9)))
		case known:
			b.WriteString(layout)
		default:
			return "", bad(run)
		}
		i = end
	}
	return b.String(), nil
}
