// Package domain is sets of a partition key's values as intervals: what a query's conditions leave of one key. Values are
// int64 or string, and NULL; dates are days since 1970-01-01 and timestamps microseconds. All values of a
// set are of one kind. It never says more than it knows: a set that somebody cannot work out is All.
package domain

import (
	"cmp"
	"math"
	"slices"
	"strings"
)

// Span is an interval of values. A bound that is nil is none; the zero Span is every value that is not NULL.
type Span struct {
	Low, High         any // int64 or string
	LowOpen, HighOpen bool
}

// Set is a set of values. The zero Set is empty. It is immutable.
type Set struct {
	null  bool
	spans []Span // disjoint, ascending, none empty
}

// All is every value, and NULL.
func All() Set { return Set{null: true, spans: []Span{{}}} }

// NotNull is every value but NULL.
func NotNull() Set { return Set{spans: []Span{{}}} }

// Null is NULL alone.
func Null() Set { return Set{null: true} }

// Of is the values within any of the spans.
func Of(spans ...Span) Set {
	list := make([]Span, 0, len(spans))
	for _, s := range spans {
		if s, ok := s.tidy(); ok {
			list = append(list, s)
		}
	}
	slices.SortFunc(list, func(a, b Span) int { return compareLow(a, b) })
	var out []Span
	for _, s := range list {
		if n := len(out); n > 0 && out[n-1].meets(s) {
			if compareHigh(out[n-1], s) < 0 {
				out[n-1].High, out[n-1].HighOpen = s.High, s.HighOpen
			}
			continue
		}
		out = append(out, s)
	}
	return Set{spans: out}
}

// Points is the set of those values.
func Points(values ...any) Set {
	spans := make([]Span, len(values))
	for i, v := range values {
		spans[i] = Span{Low: v, High: v}
	}
	return Of(spans...)
}

// tidy closes the bounds of integers; ok is false for an interval that holds nothing.
func (s Span) tidy() (_ Span, ok bool) {
	if n, isInt := s.Low.(int64); isInt && s.LowOpen {
		if n == math.MaxInt64 {
			return s, false
		}
		s.Low, s.LowOpen = n+1, false
	}
	if n, isInt := s.High.(int64); isInt && s.HighOpen {
		if n == math.MinInt64 {
			return s, false
		}
		s.High, s.HighOpen = n-1, false
	}
	if s.Low == nil || s.High == nil {
		return s, true
	}
	o := Compare(s.Low, s.High)
	return s, o < 0 || o == 0 && !s.LowOpen && !s.HighOpen
}

// Compare orders two values of one kind.
func Compare(a, b any) int {
	if x, ok := a.(int64); ok {
		return cmp.Compare(x, b.(int64))
	}
	return strings.Compare(a.(string), b.(string))
}

// compareLow orders spans by where they begin.
func compareLow(a, b Span) int {
	switch {
	case a.Low == nil && b.Low == nil:
		return 0
	case a.Low == nil:
		return -1
	case b.Low == nil:
		return 1
	}
	if o := Compare(a.Low, b.Low); o != 0 || a.LowOpen == b.LowOpen {
		return o
	}
	if b.LowOpen {
		return -1
	}
	return 1
}

// compareHigh orders spans by where they end.
func compareHigh(a, b Span) int {
	switch {
	case a.High == nil && b.High == nil:
		return 0
	case a.High == nil:
		return 1
	case b.High == nil:
		return -1
	}
	if o := Compare(a.High, b.High); o != 0 || a.HighOpen == b.HighOpen {
		return o
	}
	if a.HighOpen {
		return -1
	}
	return 1
}

// meets reports whether a span that does not begin before s has a value in common with it, or goes on where s ends.
// Neighbouring integers stay apart, so that a list of values stays one.
func (s Span) meets(next Span) bool {
	if s.High == nil || next.Low == nil {
		return true
	}
	o := Compare(next.Low, s.High)
	return o < 0 || o == 0 && !(next.LowOpen && s.HighOpen)
}

// Spans is the set's intervals, disjoint and ascending. Do not change them.
func (s Set) Spans() []Span { return s.spans }

// HasNull reports whether NULL is in the set.
func (s Set) HasNull() bool { return s.null }

// IsAll reports whether the set leaves out nothing.
func (s Set) IsAll() bool { return s.null && len(s.spans) == 1 && s.spans[0] == (Span{}) }

// IsEmpty reports whether nothing is in the set.
func (s Set) IsEmpty() bool { return !s.null && len(s.spans) == 0 }

// Values lists the set's values; ok is false when it has NULL or an interval with more than one.
func (s Set) Values() (values []any, ok bool) {
	if s.null {
		return nil, false
	}
	for _, sp := range s.spans {
		if sp.Low == nil || sp.High == nil || Compare(sp.Low, sp.High) != 0 {
			return nil, false
		}
		values = append(values, sp.Low)
	}
	return values, true
}

// EndsOpen reports whether the set goes on without an end on both sides, as all values but a few do.
func (s Set) EndsOpen() bool {
	n := len(s.spans)
	return n > 0 && s.spans[0].Low == nil && s.spans[n-1].High == nil
}

// Contains reports whether a value is in the set; nil is NULL.
func (s Set) Contains(v any) bool {
	if v == nil {
		return s.null
	}
	// The first span that does not end before v is the only one that can hold it.
	i, _ := slices.BinarySearchFunc(s.spans, v, func(sp Span, v any) int {
		if sp.High != nil {
			if o := Compare(sp.High, v); o < 0 || o == 0 && sp.HighOpen {
				return -1
			}
		}
		return 1
	})
	if i == len(s.spans) {
		return false
	}
	if low := s.spans[i].Low; low != nil {
		o := Compare(low, v)
		return o < 0 || o == 0 && !s.spans[i].LowOpen
	}
	return true
}

// Union is what is in any of the sets.
func Union(sets ...Set) Set {
	var all []Span
	null := false
	for _, s := range sets {
		all, null = append(all, s.spans...), null || s.null
	}
	out := Of(all...)
	out.null = null
	return out
}

// Intersect is what is in both.
func (s Set) Intersect(t Set) Set {
	out := Set{null: s.null && t.null}
	for i, j := 0, 0; i < len(s.spans) && j < len(t.spans); {
		a, b := s.spans[i], t.spans[j]
		both := a
		if compareLow(a, b) < 0 {
			both.Low, both.LowOpen = b.Low, b.LowOpen
		}
		if compareHigh(b, a) < 0 {
			both.High, both.HighOpen = b.High, b.HighOpen
			j++
		} else {
			i++
		}
		if both, ok := both.tidy(); ok {
			out.spans = append(out.spans, both)
		}
	}
	return out
}

// Others is every value but NULL that is not in the set.
func (s Set) Others() Set {
	var gaps []Span
	gap := Span{}
	for _, sp := range s.spans {
		if sp.Low != nil {
			gap.High, gap.HighOpen = sp.Low, !sp.LowOpen
			gaps = append(gaps, gap)
		}
		if sp.High == nil {
			return Of(gaps...)
		}
		gap = Span{Low: sp.High, LowOpen: !sp.HighOpen}
	}
	return Of(append(gaps, gap)...)
}
