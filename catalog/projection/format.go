package projection

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// dateFormat is a pattern of Java's DateTimeFormatter: the letters of dates and times of day, in English, quoted text and
// other characters.
//
// Differs from AWS: letters for eras, weeks, quarters, fractions of seconds and zones are refused by name, as are optional
// sections and padding. Partitions of them have not been seen.
type dateFormat struct {
	pattern string
	fields  []dateField
}

// dateField is one run of a letter, or text when letter is 0.
type dateField struct {
	letter byte
	count  int
	text   string
}

var monthNames, dayNames = func() (months, days []string) {
	for m := time.January; m <= time.December; m++ {
		months = append(months, m.String())
	}
	for d := time.Sunday; d <= time.Saturday; d++ {
		days = append(days, d.String())
	}
	return
}()

// most is how often a letter may be repeated.
var most = map[byte]int{'y': 4, 'u': 4, 'M': 4, 'L': 4, 'd': 2, 'D': 3, 'E': 4, 'a': 1, 'H': 2, 'k': 2, 'K': 2, 'h': 2, 'm': 2, 's': 2}

func parseFormat(pattern string) (*dateFormat, error) {
	f := &dateFormat{pattern: pattern}
	text := func(s string) {
		if n := len(f.fields); n > 0 && f.fields[n-1].letter == 0 {
			f.fields[n-1].text += s
			return
		}
		f.fields = append(f.fields, dateField{text: s})
	}
	for i := 0; i < len(pattern); {
		c := pattern[i]
		switch {
		case c == '\'':
			if strings.HasPrefix(pattern[i:], "''") {
				text("'")
				i += 2
				continue
			}
			i++
			for closed := false; !closed; {
				end := strings.IndexByte(pattern[i:], '\'')
				if end < 0 {
					return nil, fmt.Errorf("a quote is not closed in %q", pattern)
				}
				text(pattern[i : i+end])
				i += end + 1
				if closed = i == len(pattern) || pattern[i] != '\''; !closed {
					text("'")
					i++
				}
			}
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
			n := 1
			for i+n < len(pattern) && pattern[i+n] == c {
				n++
			}
			if limit, ok := most[c]; !ok {
				return nil, fmt.Errorf("flowlake does not do the letter %c of %q", c, pattern)
			} else if n > limit || n == 3 && (c == 'y' || c == 'u') {
				return nil, fmt.Errorf("flowlake does not do %s in %q", pattern[i:i+n], pattern)
			}
			f.fields = append(f.fields, dateField{letter: c, count: n})
			i += n
		case strings.IndexByte("[]{}#", c) >= 0:
			return nil, fmt.Errorf("flowlake does not do %q in %q", c, pattern)
		default:
			text(string(c))
			i++
		}
	}
	if obstacle := f.gap(); obstacle != "" {
		return nil, fmt.Errorf("%q has %s, so that its texts do not tell dates apart", pattern, obstacle)
	}
	return f, nil
}

// gap says what keeps a text from being one stretch of time. Without a gap the times of one text follow each other.
func (f *dateFormat) gap() string {
	day, hour := f.has("D") || f.has("d") && f.has("ML"), f.has("Hk") || f.has("Kh") && f.has("a")
	switch {
	case !f.has("yu"):
		return "no year"
	case f.has("d") && !f.has("ML"):
		return "a day of the month and no month"
	case f.has("E") && !day:
		return "a day of the week and no day"
	case f.has("Kh") && !hour:
		return "a clock of 12 hours and no half of the day (write HH)"
	case f.has("HkKh") && !day:
		return "an hour and no day"
	case f.has("a") && !f.has("HkKh"), f.has("m") && !hour:
		return "parts of a day and no hour"
	case f.has("s") && !f.has("m"):
		return "seconds and no minutes"
	}
	return ""
}

// has reports whether the format shows any of the letters.
func (f *dateFormat) has(letters string) bool {
	for _, d := range f.fields {
		if d.letter != 0 && strings.IndexByte(letters, d.letter) >= 0 {
			return true
		}
	}
	return false
}

// ordered reports whether later times have greater texts: parts of fixed width from the year on, none left out.
func (f *dateFormat) ordered() bool {
	order := []string{"yu", "ML", "d", "Hk", "m", "s"}
	next := 0
	for _, d := range f.fields {
		switch {
		case d.letter == 0:
		case next == 1 && d.letter == 'D' && d.count == 3: // the day of the year is month and day
			next = 3
		case next < len(order) && strings.IndexByte(order[next], d.letter) >= 0 && d.letter != 'k' && (d.count == 2 && next > 0 || d.count == 4 && next == 0):
			next++
		default:
			return false
		}
	}
	return true
}

// numeric reports whether the field is a number, and how wide: 0 for any width.
func (d dateField) numeric() (width int, ok bool) {
	switch {
	case d.letter == 0, d.letter == 'E', d.letter == 'a', (d.letter == 'M' || d.letter == 'L') && d.count > 2:
		return 0, false
	case d.count == 1:
		return 0, true
	}
	return d.count, true
}

func (d dateField) number(t time.Time) int {
	switch d.letter {
	case 'y', 'u':
		if d.count == 2 {
			return t.Year() % 100
		}
		return t.Year()
	case 'M', 'L':
		return int(t.Month())
	case 'd':
		return t.Day()
	case 'D':
		return t.YearDay()
	case 'H':
		return t.Hour()
	case 'k':
		return (t.Hour()+23)%24 + 1
	case 'K':
		return t.Hour() % 12
	case 'h':
		return (t.Hour()+11)%12 + 1
	case 'm':
		return t.Minute()
	}
	return t.Second()
}

// format writes a time as the pattern has it.
func (f *dateFormat) format(t time.Time) string {
	b := make([]byte, 0, len(f.pattern)+8)
	for _, d := range f.fields {
		if width, ok := d.numeric(); ok {
			n := strconv.Itoa(d.number(t))
			for i := len(n); i < width; i++ {
				b = append(b, '0')
			}
			b = append(b, n...)
			continue
		}
		name := d.text
		switch d.letter {
		case 'M', 'L':
			name = monthNames[t.Month()-1]
		case 'E':
			name = dayNames[t.Weekday()]
		case 'a':
			name = "AM"
			if t.Hour() >= 12 {
				name = "PM"
			}
		}
		if d.letter != 0 && d.letter != 'a' && d.count <= 3 {
			name = name[:3]
		}
		b = append(b, name...)
	}
	return string(b)
}

// parse reads a text of the format. What the format does not show is the first of its kind: month and day 1, midnight.
func (f *dateFormat) parse(text string) (time.Time, error) {
	bad := func() (time.Time, error) {
		return time.Time{}, fmt.Errorf("%q is not a date of the form %q", text, f.pattern)
	}
	year, month, day, yearDay, hour, minute, second := 1970, 1, 1, 0, 0, 0, 0
	half, pm := false, false
	weekday := -1
	rest := text
	for i, d := range f.fields {
		width, isNumber := d.numeric()
		if !isNumber {
			names := []string{d.text}
			switch d.letter {
			case 'M', 'L':
				names = monthNames
			case 'E':
				names = dayNames
			case 'a':
				names = []string{"AM", "PM"}
			}
			found := -1
			for n, name := range names {
				if d.letter != 0 && d.letter != 'a' && d.count <= 3 {
					name = name[:3]
				}
				if strings.HasPrefix(rest, name) && found < 0 {
					found = n
					rest = rest[len(name):]
				}
			}
			if found < 0 {
				return bad()
			}
			switch d.letter {
			case 'M', 'L':
				month = found + 1
			case 'E':
				weekday = found
			case 'a':
				pm = found == 1
			}
			continue
		}
		n := 0
		for n < len(rest) && n < 10 && rest[n] >= '0' && rest[n] <= '9' {
			n++
		}
		if width == 0 { // numbers that follow without anything between keep their places
			for _, next := range f.fields[i+1:] {
				w, ok := next.numeric()
				if !ok {
					break
				}
				n -= max(w, 1)
			}
		} else if n >= width {
			n = width
		} else {
			n = 0
		}
		if n <= 0 {
			return bad()
		}
		v, _ := strconv.Atoi(rest[:n])
		rest = rest[n:]
		switch d.letter {
		case 'y', 'u':
			if year = v; d.count == 2 {
				year += 2000
			}
		case 'M', 'L':
			month = v
		case 'd':
			day = v
		case 'D':
			yearDay = v
		case 'H':
			hour = v
		case 'k':
			hour = v % 24
		case 'K', 'h':
			hour, half = v%12, true
		case 'm':
			minute = v
		case 's':
			second = v
		}
	}
	if half && pm {
		hour += 12
	}
	t := time.Date(year, time.Month(month), day, hour, minute, second, 0, time.UTC)
	if yearDay > 0 {
		t = time.Date(year, 1, yearDay, hour, minute, second, 0, time.UTC)
		if t.Year() != year {
			return bad()
		}
	} else if int(t.Month()) != month || t.Day() != day || t.Year() != year {
		return bad()
	}
	if rest != "" || year > 9999 || t.Hour() != hour || t.Minute() != minute || t.Second() != second || weekday >= 0 && int(t.Weekday()) != weekday {
		return bad()
	}
	return t, nil
}
