package projection

import (
	"math"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"time"

	"flowlake/catalog"
	"flowlake/catalog/domain"
	"flowlake/columnar"
)

// column is the projected values of one partition key.
type column struct {
	name string
	kind columnar.Kind // of the key
	rule rule
}

// rule makes a column's values.
type rule interface {
	// at fixes what depends on the query's start.
	at(now time.Time) (sequence, error)
}

// sequence is a column's values in their order, counted from 0. Values may come twice in a row, with locations of their own or
// with the same.
type sequence interface {
	last() (index uint64, ok bool) // ok is false when there are none
	value(i uint64) (value, place string)
	ordered() bool // no value is smaller than the one before it, as the key's type compares
	// find returns the places where a value can be, when it is quick to tell; ok is false when it is not.
	find(text string) (index []uint64, ok bool)
}

// injected is values that only the query knows.
type injected struct{}

func (injected) at(time.Time) (sequence, error) { return nil, nil }

// enum is a list of values.
type enum []string

func (e enum) at(time.Time) (sequence, error)        { return e, nil }
func (e enum) last() (uint64, bool)                  { return uint64(len(e)) - 1, len(e) > 0 }
func (e enum) value(i uint64) (string, string)       { return e[i], e[i] }
func (e enum) ordered() bool                         { return false }
func (e enum) find(string) (index []uint64, ok bool) { return nil, false }

// integers is low, low+step, … up to high, written with at least so many digits.
type integers struct {
	low, high int64
	step      uint64
	digits    int
	text      bool // the key is a string
}

func (n integers) at(time.Time) (sequence, error) { return n, nil }
func (n integers) last() (uint64, bool) {
	return (uint64(n.high) - uint64(n.low)) / n.step, n.low <= n.high
}

func (n integers) value(i uint64) (string, string) {
	v := int64(uint64(n.low) + i*n.step)
	text := strconv.FormatInt(v, 10)
	if len(text) < n.digits { // the sign counts as one, as in Java
		sign := ""
		if v < 0 {
			sign, text = "-", text[1:]
		}
		text = sign + strings.Repeat("0", n.digits-len(sign)-len(text)) + text
	}
	return text, text
}

func (n integers) ordered() bool {
	return !n.text || n.low >= 0 && len(strconv.FormatInt(n.high, 10)) <= max(n.digits, len(strconv.FormatInt(n.low, 10)))
}

func (n integers) find(text string) ([]uint64, bool) {
	v, err := strconv.ParseInt(text, 10, 64)
	if err != nil || v < n.low || v > n.high || (uint64(v)-uint64(n.low))%n.step != 0 {
		return nil, true
	}
	i := (uint64(v) - uint64(n.low)) / n.step
	if own, _ := n.value(i); own != text { // 07 is not 7
		return nil, true
	}
	return []uint64{i}, true
}

// dates is instants from low to high, both in the column's format.
type dates struct {
	low, high moment
	step      int64
	unit      unit
	format    *dateFormat
	kind      columnar.Kind
}

// moment is an end of a range: an instant, or the query's start and some units.
type moment struct {
	fixed time.Time
	now   bool
	n     int64
	unit  unit
}

func (m moment) at(now time.Time) time.Time {
	if !m.now {
		return m.fixed
	}
	return m.unit.add(now.UTC(), m.n)
}

// unit is one of Java's ChronoUnits: months, or a duration.
type unit struct {
	name   string
	months int64
	length time.Duration
}

var units = []unit{
	{"YEARS", 12, 0}, {"MONTHS", 1, 0}, {"WEEKS", 0, 7 * 24 * time.Hour}, {"DAYS", 0, 24 * time.Hour}, {"HOURS", 0, time.Hour},
	{"MINUTES", 0, time.Minute}, {"SECONDS", 0, time.Second},
}

func unitOf(name string) (unit, bool) {
	for _, u := range units {
		if name == u.name || name+"S" == u.name {
			return u, true
		}
	}
	return unit{}, false
}

// add goes n units on. A day that its month does not have is the month's last, as Java has it.
func (u unit) add(t time.Time, n int64) time.Time {
	if u.months == 0 {
		return time.Unix(t.Unix()+n*int64(u.length/time.Second), int64(t.Nanosecond())).UTC()
	}
	months := int64(t.Year())*12 + int64(t.Month()) - 1 + n*u.months
	year, month := int(months/12), time.Month(months%12+1)
	day := min(t.Day(), time.Date(year, month+1, 0, 0, 0, 0, 0, time.UTC).Day())
	return time.Date(year, month, day, t.Hour(), t.Minute(), t.Second(), 0, time.UTC)
}

// span is a range of dates once the query's start is known.
type span struct {
	dates
	from, to time.Time
}

func (d dates) at(now time.Time) (sequence, error) {
	// The ends are as exact as the format, so that the query's minute does not move the days.
	from, err := d.format.parse(d.format.format(d.low.at(now)))
	if err != nil {
		return nil, err
	}
	to, err := d.format.parse(d.format.format(d.high.at(now)))
	return span{d, from, to}, err
}

// between counts whole steps from the first date to t.
func (s span) between(t time.Time) int64 {
	if s.unit.months == 0 {
		return (t.Unix() - s.from.Unix()) / int64(s.unit.length/time.Second) / s.step
	}
	months := int64(t.Year()-s.from.Year())*12 + int64(t.Month()) - int64(s.from.Month())
	n := months / (s.unit.months * s.step)
	if s.time(n).After(t) {
		n--
	}
	return n
}

func (s span) time(i int64) time.Time { return s.unit.add(s.from, i*s.step) }

func (s span) last() (uint64, bool) {
	if s.to.Before(s.from) {
		return 0, false
	}
	return uint64(s.between(s.to)), true
}

func (s span) value(i uint64) (value, place string) {
	place = s.format.format(s.time(int64(i)))
	if s.kind != columnar.Date && s.kind != columnar.Timestamp {
		return place, place
	}
	t, err := s.format.parse(place) // what the place says: of steps that are finer than it, many have one
	if err != nil {
		t = s.time(int64(i))
	}
	if s.kind == columnar.Date {
		return t.Format(time.DateOnly), place
	}
	return t.Format(time.DateTime), place
}

func (s span) ordered() bool {
	return s.kind == columnar.Date || s.kind == columnar.Timestamp || s.format.ordered()
}

func (s span) find(text string) ([]uint64, bool) {
	if s.kind != columnar.String && s.kind != columnar.Varchar {
		return nil, false
	}
	t, err := s.format.parse(text)
	if err != nil || t.Before(s.from) || t.After(s.to) {
		return nil, true
	}
	// Steps that are finer than the format need not begin where it does.
	last, _ := s.last()
	for i := uint64(s.between(t)); i <= last; i++ {
		if v, _ := s.value(i); v == text {
			return []uint64{i}, true
		}
		if !s.time(int64(i)).Before(t) {
			break
		}
	}
	return nil, true
}

// typed is a value as domains have it; ok is false for one that is none of the key's type.
func (c column) typed(text string) (any, bool) {
	if text == catalog.NullValue {
		return nil, true
	}
	switch c.kind {
	case columnar.TinyInt, columnar.SmallInt, columnar.Int, columnar.BigInt:
		n, err := strconv.ParseInt(text, 10, 64)
		return n, err == nil
	case columnar.Date:
		t, err := time.Parse("2006-1-2", text)
		return t.Unix() / 86400, err == nil
	case columnar.Timestamp:
		t, err := time.Parse("2006-1-2 15:4:5", text)
		return t.UnixMicro(), err == nil
	case columnar.String:
		return text, true
	}
	return nil, false
}

// text is a value of a domain as the catalogue would spell it.
func (c column) text(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case int64:
		switch c.kind {
		case columnar.Date:
			return time.Unix(v*86400, 0).UTC().Format(time.DateOnly), true
		case columnar.Timestamp:
			return time.UnixMicro(v).UTC().Format("2006-01-02 15:04:05.999999"), true
		}
		return strconv.FormatInt(v, 10), true
	}
	return "", false
}

// indexes are the places of a sequence, inclusive, that can hold values of a domain.
type indexes struct{ from, to uint64 }

// within narrows a sequence to a domain without going through it, as far as that can be done.
func (c column) within(s sequence, wanted domain.Set) []indexes {
	last, ok := s.last()
	if !ok {
		return nil
	}
	whole := []indexes{{0, last}}
	if wanted.IsAll() {
		return whole
	}
	if s.ordered() {
		if _, ok := c.typed(first(s.value(0))); !ok {
			return whole
		}
		var out []indexes
		for _, sp := range wanted.Spans() {
			from, to := uint64(0), last
			if sp.Low != nil {
				var ok bool
				if from, ok = c.search(s, last, func(o int) bool { return o > 0 || o == 0 && !sp.LowOpen }, sp.Low); !ok {
					continue
				}
			}
			if sp.High != nil {
				end, ok := c.search(s, last, func(o int) bool { return o > 0 || o == 0 && sp.HighOpen }, sp.High)
				if ok && end == 0 {
					continue
				}
				if ok {
					to = end - 1
				}
			}
			if n := len(out); n > 0 && out[n-1].to >= from { // one value of the sequence cannot lie in two spans
				from = out[n-1].to + 1
			}
			if from <= to {
				out = append(out, indexes{from, to})
			}
		}
		return out
	}
	values, ok := wanted.Values()
	if !ok {
		return whole
	}
	var out []indexes
	for _, v := range values {
		text, _ := c.text(v)
		found, ok := s.find(text)
		if !ok {
			return whole
		}
		for _, i := range found {
			out = append(out, indexes{i, i})
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].from < out[j].from })
	return out
}

func first(a, _ string) string { return a }

// search returns the first place whose value's order to v is reached; ok is false when none does.
func (c column) search(s sequence, last uint64, reached func(order int) bool, v any) (first uint64, ok bool) {
	for lo, hi := uint64(0), last; lo <= hi; {
		mid := lo + (hi-lo)/2
		text, _ := s.value(mid)
		own, _ := c.typed(text)
		if reached(domain.Compare(own, v)) {
			if first, ok = mid, true; mid == 0 {
				break
			}
			hi = mid - 1
		} else {
			if mid == math.MaxUint64 {
				break
			}
			lo = mid + 1
		}
	}
	return first, ok
}

// nowPattern is a date range's end that follows the clock. Source: Athena user guide, "Date type".
var nowPattern = regexp.MustCompile(`^\s*NOW\s*(?:([+-])\s*([0-9]+)\s*(YEARS?|MONTHS?|WEEKS?|DAYS?|HOURS?|MINUTES?|SECONDS?)\s*)?$`)
