package prefix

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// javaTime is a compiled pattern of Java's DateTimeFormatter, in the root locale.
//
// Source: java.time.format.DateTimeFormatter, "Patterns for Formatting and Parsing"
type javaTime []field

// field is a letter with its count, or with the letter 0 a literal.
type field struct {
	letter byte
	count  int
	text   string
}

// most is how often a letter may be repeated, and so the letters that are formatted.
var most = map[byte]int{
	'G': 5, 'y': 19, 'u': 19, 'M': 5, 'L': 5, 'd': 2, 'D': 3, 'Q': 3, 'q': 3, 'E': 5, 'a': 1, 'H': 2, 'k': 2, 'K': 2, 'h': 2,
	'm': 2, 's': 2, 'S': 9, 'A': 19, 'n': 19, 'N': 19, 'V': 2, 'z': 3, 'O': 4, 'X': 3, 'x': 3, 'Z': 5,
}

// local are the letters whose meaning hangs on the locale of AWS's own machines, which is not documented.
var local = map[byte]string{
	'Y': "a week-based year; for the calendar year write y", 'w': "a week of a week-based year", 'W': "a week of the month",
	'e': "a localized day of the week", 'c': "a localized day of the week", 'F': "a week of the month", 'g': "a modified Julian day",
	'B': "a period of the day", 'p': "padding", 'v': "a time zone's name",
}

// parseJavaTime compiles a pattern.
func parseJavaTime(pattern string) (javaTime, error) {
	var fields javaTime
	put := func(text string) {
		if n := len(fields); n > 0 && fields[n-1].letter == 0 {
			fields[n-1].text += text
			return
		}
		fields = append(fields, field{text: text})
	}
	brackets := 0
	for i := 0; i < len(pattern); {
		c := pattern[i]
		switch {
		case c == '\'':
			end := i + 1
			var text strings.Builder
			for ; ; end++ {
				if end >= len(pattern) {
					return nil, fmt.Errorf("a quote is not closed")
				}
				if pattern[end] == '\'' {
					if end+1 == len(pattern) || pattern[end+1] != '\'' {
						break
					}
					end++
				}
				text.WriteByte(pattern[end])
			}
			if end == i+1 {
				text.WriteByte('\'')
			}
			put(text.String())
			i = end + 1
		case c|0x20 >= 'a' && c|0x20 <= 'z':
			end := i
			for end < len(pattern) && pattern[end] == c {
				end++
			}
			f := field{letter: c, count: end - i}
			switch limit, known := most[c]; {
			case local[c] != "":
				return nil, fmt.Errorf("flowlake does not format the letter %c (%s)", c, local[c])
			case !known:
				return nil, fmt.Errorf("unknown pattern letter: %c", c)
			case f.count > limit, c == 'V' && f.count != 2, c == 'O' && f.count != 1 && f.count != 4:
				return nil, fmt.Errorf("the pattern letter %c cannot stand %d times", c, f.count)
			}
			fields = append(fields, f)
			i = end
		case c == '{' || c == '}' || c == '#':
			return nil, fmt.Errorf("pattern includes reserved character: %c", c)
		case c == '[':
			brackets++
			i++
		case c == ']': // what is optional in a pattern is always printed
			if brackets--; brackets < 0 {
				return nil, fmt.Errorf("pattern invalid as it contains ] without previous [")
			}
			i++
		default:
			put(pattern[i : i+1])
			i++
		}
	}
	return fields, nil
}

// append formats an instant in its location.
func (j javaTime) append(b []byte, t time.Time) []byte {
	for _, f := range j {
		b = f.append(b, t)
	}
	return b
}

func (f field) append(b []byte, t time.Time) []byte {
	switch f.letter {
	case 0:
		return append(b, f.text...)
	case 'G':
		return append(b, [...]string{"AD", "AD", "AD", "Anno Domini", "A"}[f.count-1]...)
	case 'y', 'u':
		if f.count == 2 {
			return padded(b, t.Year()%100, 2)
		}
		return padded(b, t.Year(), f.count)
	case 'M', 'L':
		return named(b, f.count, int(t.Month()), t.Month().String())
	case 'd':
		return padded(b, t.Day(), f.count)
	case 'D':
		return padded(b, t.YearDay(), f.count)
	case 'Q', 'q':
		quarter := (int(t.Month()) + 2) / 3
		if f.count == 3 {
			b, f.count = append(b, 'Q'), 1
		}
		return padded(b, quarter, f.count)
	case 'E':
		return named(b, max(f.count, 3), 0, t.Weekday().String())
	case 'a':
		return t.AppendFormat(b, "PM")
	case 'H':
		return padded(b, t.Hour(), f.count)
	case 'k':
		return padded(b, (t.Hour()+23)%24+1, f.count)
	case 'K':
		return padded(b, t.Hour()%12, f.count)
	case 'h':
		return padded(b, (t.Hour()+11)%12+1, f.count)
	case 'm':
		return padded(b, t.Minute(), f.count)
	case 's':
		return padded(b, t.Second(), f.count)
	case 'S':
		return append(b, fmt.Sprintf("%09d", t.Nanosecond())[:f.count]...)
	case 'A':
		return padded(b, sinceMidnight(t)/1_000_000, f.count)
	case 'n':
		return padded(b, t.Nanosecond(), f.count)
	case 'N':
		return padded(b, sinceMidnight(t), f.count)
	case 'V':
		return append(b, t.Location().String()...)
	case 'z':
		return t.AppendFormat(b, "MST")
	}
	return f.offset(b, t)
}

// offset formats the letters of the offset from UTC.
func (f field) offset(b []byte, t time.Time) []byte {
	_, offset := t.Zone()
	sign, minutes := byte('+'), offset/60
	if minutes < 0 {
		sign, minutes = '-', -minutes
	}
	if f.letter == 'O' || f.letter == 'Z' && f.count == 4 {
		b = append(b, "GMT"...)
		if minutes == 0 {
			return b
		}
		if b = append(b, sign); f.count == 4 {
			return padded(append(padded(b, minutes/60, 2), ':'), minutes%60, 2)
		}
		if b = padded(b, minutes/60, 1); minutes%60 > 0 {
			b = padded(append(b, ':'), minutes%60, 2)
		}
		return b
	}
	if minutes == 0 && (f.letter == 'X' || f.letter == 'Z' && f.count == 5) {
		return append(b, 'Z')
	}
	b = padded(append(b, sign), minutes/60, 2)
	switch {
	case f.letter != 'Z' && f.count == 1 && minutes%60 == 0:
		return b
	case f.letter != 'Z' && f.count == 3, f.letter == 'Z' && f.count == 5:
		b = append(b, ':')
	}
	return padded(b, minutes%60, 2)
}

// named formats a month or a day of the week: as a number, in three letters, whole, or as its first letter.
func named(b []byte, count, number int, name string) []byte {
	switch count {
	case 3:
		return append(b, name[:3]...)
	case 4:
		return append(b, name...)
	case 5:
		return append(b, name[0])
	}
	return padded(b, number, count)
}

func padded(b []byte, n, width int) []byte {
	digits := strconv.Itoa(n)
	for range width - len(digits) {
		b = append(b, '0')
	}
	return append(b, digits...)
}

// sinceMidnight is the nanoseconds that the clock shows.
func sinceMidnight(t time.Time) int {
	return ((t.Hour()*60+t.Minute())*60+t.Second())*1_000_000_000 + t.Nanosecond()
}
