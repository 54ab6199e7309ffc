package domain

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// drawn is a random set over the numbers -3 to 3 or the strings a to f, and what it must hold.
func drawn(t *rapid.T, texts bool, depth int) (Set, func(v any) bool) {
	value := func() any {
		if texts {
			return rapid.SampledFrom([]string{"", "a", "ab", "b", "c", "d"}).Draw(t, "text")
		}
		return rapid.Int64Range(-3, 3).Draw(t, "number")
	}
	forms := []string{"span", "points", "all", "notnull", "null", "none"}
	if depth > 0 {
		forms = append(forms, "union", "intersect", "others", "union", "intersect")
	}
	switch rapid.SampledFrom(forms).Draw(t, "form") {
	case "points":
		list := []any{value(), value(), value()}
		return Points(list...), func(v any) bool { return v != nil && slices.Contains(list, v) }
	case "all":
		return All(), func(any) bool { return true }
	case "notnull":
		return NotNull(), func(v any) bool { return v != nil }
	case "null":
		return Null(), func(v any) bool { return v == nil }
	case "none":
		return Set{}, func(any) bool { return false }
	case "union":
		a, inA := drawn(t, texts, depth-1)
		b, inB := drawn(t, texts, depth-1)
		return Union(a, b), func(v any) bool { return inA(v) || inB(v) }
	case "intersect":
		a, inA := drawn(t, texts, depth-1)
		b, inB := drawn(t, texts, depth-1)
		return a.Intersect(b), func(v any) bool { return inA(v) && inB(v) }
	case "others":
		a, inA := drawn(t, texts, depth-1)
		return a.Others(), func(v any) bool { return v != nil && !inA(v) }
	}
	s := Span{LowOpen: rapid.Bool().Draw(t, "open"), HighOpen: rapid.Bool().Draw(t, "open")}
	if rapid.Bool().Draw(t, "low") {
		s.Low = value()
	}
	if rapid.Bool().Draw(t, "high") {
		s.High = value()
	}
	return Of(s), func(v any) bool {
		if v == nil {
			return false
		}
		if s.Low != nil {
			if o := Compare(s.Low, v); o > 0 || o == 0 && s.LowOpen {
				return false
			}
		}
		if s.High != nil {
			if o := Compare(v, s.High); o > 0 || o == 0 && s.HighOpen {
				return false
			}
		}
		return true
	}
}

func TestSetsHoldWhatTheirPartsDo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		texts := rapid.Bool().Draw(t, "texts")
		set, in := drawn(t, texts, 3)
		probes := []any{nil}
		if texts {
			for _, v := range []string{"", "\x00", "a", "aa", "ab", "abc", "b", "c", "cc", "d", "e"} {
				probes = append(probes, v)
			}
		} else {
			for v := int64(-5); v <= 5; v++ {
				probes = append(probes, v)
			}
		}
		for _, v := range probes {
			if got, want := set.Contains(v), in(v); got != want {
				t.Fatalf("%+v contains %#v: %v, want %v", set, v, got, want)
			}
		}
		for i, s := range set.Spans() {
			if _, ok := s.tidy(); !ok || i > 0 && set.spans[i-1].meets(s) {
				t.Fatalf("%+v is not tidy at %d", set, i)
			}
		}
	})
}

func TestValuesAreListedWhenTheyAreFew(t *testing.T) {
	list, ok := Points(int64(3), int64(1), int64(2), int64(3)).Values()
	if !ok || !slices.Equal(list, []any{int64(1), int64(2), int64(3)}) {
		t.Errorf("got %v %v", list, ok)
	}
	for _, s := range []Set{All(), NotNull(), Null(), Of(Span{Low: int64(1), High: int64(2)}), Of(Span{Low: "a"})} {
		if list, ok := s.Values(); ok {
			t.Errorf("%+v has the values %v", s, list)
		}
	}
	if list, ok := (Set{}).Values(); !ok || len(list) != 0 {
		t.Errorf("the empty set has the values %v %v", list, ok)
	}
}
