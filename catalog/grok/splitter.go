package grok

import (
	"slices"
	"strings"
)

// splitter matches patterns that are values between single blanks, as the flow logs' are, without a
// regexp: each value has an automaton. It gives exactly the match that the regexp gives, or says
// that it cannot decide.
//
// Why that is so: where no value may contain a blank, all values but the first and the last lie
// between two blanks that the match must contain, so each is a whole segment of the line and matches or
// does not. The first is a suffix of its segment; a search prefers the leftmost match, so the longest such
// suffix. The last is what the regexp prefers to take of the rest of the line, and no later part of the
// pattern can make it take less. If a value could go on past a blank, or has a byte that is not
// ASCII, the line is left to the regexp.
type splitter struct {
	values     []value
	start, end bool // anchored by ^, by $
}

// value is one of the pattern's blank-separated parts: alternatives in order of preference.
type value struct {
	branches []branch
	only     *segmentTable // of the first alternative, where there is no second
	slot     int           // its field
}

type branch struct {
	whole  *automaton // for a text that must match from end to end
	prefix *automaton // for the last value of a pattern without $
	slot   int        // the field that it fills, -1 for none
	blanks bool       // some text that it matches has a blank
}

// verdict is what a splitter says of a line.
type verdict uint8

const (
	undecided verdict = iota // only the regexp can say
	unmatched
	matched
)

// maxTables bounds the states of all automata of a pattern; the seed's pattern has 1,488.
const maxTables = 1 << 14

// longSegment bounds the search for the first value's beginning, which is quadratic in its segment.
const longSegment = 256

// newSplitter returns nil for a pattern that it cannot do.
func newSplitter(pattern string, defs definitions, fields []Field) *splitter {
	s := &splitter{}
	pattern, s.start = strings.CutPrefix(pattern, "^")
	if strings.HasSuffix(pattern, "$") && !strings.HasSuffix(pattern, `\$`) {
		pattern, s.end = strings.TrimSuffix(pattern, "$"), true
	}
	pieces, ok := splitTop(pattern, ' ')
	if !ok || len(pieces) < 2 {
		return nil
	}
	states, visits := 0, maxVisits
	for i, piece := range pieces {
		if strings.IndexAny(piece, "*+?{") == 0 { // a quantifier of the blank before it
			return nil
		}
		if alternatives, ok := splitTop(piece, '|'); !ok || len(alternatives) > 1 {
			return nil // it divides the whole pattern
		}
		last := i == len(pieces)-1
		v, ok := newValue(piece, defs, fields, last && !s.end, &visits)
		if !ok {
			return nil
		}
		for _, b := range v.branches {
			states += len(b.whole.final)
		}
		if states > maxTables {
			return nil
		}
		if !last {
			for _, b := range v.branches {
				if a := b.whole; a.spaced[a.start[0]] || a.spaced[a.start[1+int(a.class[' '])]] {
					return nil // %{DATA} and its like: no line could be decided
				}
			}
		}
		s.values = append(s.values, v)
	}
	return s
}

// splitTop divides a Grok text at every separator that stands in no group, class, escape or reference.
// ok is false when the text is one that divides differently: flags for what follows, literal quoting.
func splitTop(text string, separator byte) (pieces []string, ok bool) {
	x := &expansion{}
	depth, from := 0, 0
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == '\\':
			n, err := x.escape(source{}, text, i)
			if err != nil || text[i+1] == 'Q' {
				return nil, false
			}
			i += n
			continue
		case c == '[':
			n, err := x.class(source{}, text, i)
			if err != nil {
				return nil, false
			}
			i += n
			continue
		case strings.HasPrefix(text[i:], "%{"):
			r, err := parseRef(text[i:])
			if err != nil {
				return nil, false
			}
			i += r.length
			continue
		case c == '(':
			if rest := text[i+1:]; strings.HasPrefix(rest, "?") && !strings.HasPrefix(rest, "?:") && !strings.HasPrefix(rest, "?=") &&
				!strings.HasPrefix(rest, "?!") && !strings.HasPrefix(rest, "?<=") && !strings.HasPrefix(rest, "?<!") {
				return nil, false // flags, or a named group
			}
			depth++
		case c == ')':
			if depth--; depth < 0 {
				return nil, false
			}
		case c == separator && depth == 0:
			pieces = append(pieces, text[from:i])
			from = i + 1
		}
		i++
	}
	return append(pieces, text[from:]), depth == 0
}

func newValue(piece string, defs definitions, fields []Field, prefix bool, visits *int) (value, bool) {
	alternatives := []string{piece}
	if inner, ok := wholeGroup(piece); ok {
		if alternatives, ok = splitTop(inner, '|'); !ok {
			return value{}, false
		}
	}
	var v value
	for _, text := range alternatives {
		b := branch{slot: -1}
		if strings.HasPrefix(text, "%{") {
			if r, err := parseRef(text); err == nil && r.length == len(text) && r.field != "" {
				b.slot = slices.IndexFunc(fields, func(f Field) bool { return f.Name == strings.ToLower(r.field) })
				text = "%{" + r.name + "}"
			}
		}
		x := &expansion{defs: defs}
		expr, err := x.expand(source{}, text)
		if err != nil || len(x.fields) > 0 { // a field within: its place is not the value's
			return value{}, false
		}
		b.whole, b.prefix = automatonOf(expr, x.asserts, false, visits), nil
		if b.whole == nil {
			return value{}, false
		}
		b.blanks = slices.Contains(b.whole.spaced, true)
		if prefix {
			if b.prefix = automatonOf(expr, x.asserts, true, visits); b.prefix == nil {
				return value{}, false
			}
		}
		v.branches = append(v.branches, b)
	}
	if len(v.branches) == 1 {
		v.only, v.slot = &v.branches[0].whole.segment, v.branches[0].slot
	}
	return v, true
}

// wholeGroup returns the inside of a piece that is one group, "(?:…)" or "(…)".
func wholeGroup(piece string) (inner string, ok bool) {
	inner, ok = strings.CutPrefix(piece, "(?:")
	if !ok {
		inner, ok = strings.CutPrefix(piece, "(")
	}
	if !ok || strings.HasPrefix(inner, "?") || !strings.HasSuffix(inner, ")") || strings.HasSuffix(inner, `\)`) {
		return "", false
	}
	inner = inner[:len(inner)-1]
	_, ok = splitTop(inner, '|') // "(?:a)(?:b)" leaves "a)(?:b", which closes what it did not open
	return inner, ok
}

// find is Pattern.find.
func (s *splitter) find(line []byte, values [][]byte) (start, end int, v verdict) {
	inVain := 0
	for from := 0; ; {
		start, end, v = s.at(line, from, values)
		if v != unmatched || s.start {
			return start, end, v
		}
		if end == triedLast {
			if inVain++; inVain > maxInVain {
				return 0, 0, undecided
			}
		}
		for from < len(line) && line[from] != ' ' {
			from++
		}
		if from == len(line) {
			return 0, 0, unmatched
		}
		from++
	}
}

// The last value may read the line to its end each time that it is tried: more than a few times in vain
// would make long lines quadratic.
const (
	triedLast = -1 // what at returns as the end of a match that failed by the last value
	maxInVain = 16
)

// at tries the segment that begins at from as the first value's.
func (s *splitter) at(line []byte, from int, values [][]byte) (start, end int, v verdict) {
	start, next, slot, v := s.first(line, from)
	if v != matched {
		return 0, 0, v
	}
	clear(values)
	set := func(slot, from, to int) {
		if slot >= 0 && values[slot] == nil {
			values[slot] = line[from:to:to]
		}
	}
	set(slot, start, next)
	last := len(s.values) - 1
	for i := 1; i < last; i++ {
		if next == len(line) {
			return 0, 0, unmatched
		}
		from = next + 1
		value := &s.values[i]
		if value.only != nil {
			at, how := value.only.run(line, from, value.only.usual)
			switch how {
			case fails:
				return 0, 0, s.orElse(line, start, unmatched)
			case unclear:
				return 0, 0, undecided
			}
			next, slot = at, value.slot
		} else if next, slot, v = value.run(line, from); v != matched {
			return 0, 0, s.orElse(line, start, v)
		}
		set(slot, from, next)
	}
	if next == len(line) {
		return 0, 0, unmatched
	}
	from = next + 1
	if s.end {
		end, slot, v = s.values[last].rest(line, from)
	} else {
		end, slot, v = s.values[last].preferred(line, from)
	}
	if v != matched {
		return 0, triedLast, s.orElse(line, start, v)
	}
	set(slot, from, end)
	return start, end, matched
}

// first finds the longest suffix of the segment at from that the first value matches.
func (s *splitter) first(line []byte, from int) (start, end, slot int, v verdict) {
	for start = from; ; start++ {
		end, slot, v = s.values[0].run(line, start)
		if v != unmatched || s.start || start >= len(line) || line[start] == ' ' {
			return start, end, slot, v
		}
		if start-from > longSegment || line[start] >= 0x80 {
			return 0, 0, 0, undecided
		}
	}
}

// orElse is the verdict where the first value matched from start and a later one did not: another beginning
// in the same segment leads to the same later values, unless the first value goes on past a blank there.
func (s *splitter) orElse(line []byte, start int, v verdict) verdict {
	first := &s.values[0]
	if v != unmatched || s.start || !slices.ContainsFunc(first.branches, func(b branch) bool { return b.blanks }) {
		return v
	}
	for n := 0; start < len(line) && line[start] != ' '; n++ {
		start++
		if _, _, v := first.run(line, start); v == undecided || n > longSegment {
			return undecided
		}
	}
	return unmatched
}

// run matches what is left of the segment at from. It is undecided where any alternative could go on past the
// segment's end.
func (v *value) run(line []byte, from int) (end, slot int, found verdict) {
	found = unmatched
	for i := range v.branches {
		b := &v.branches[i]
		if found == matched && !b.blanks {
			continue
		}
		state, ok := b.whole.segment.from(line, from)
		if !ok {
			return 0, 0, undecided
		}
		switch at, how := b.whole.segment.run(line, from, state); how {
		case unclear:
			return 0, 0, undecided
		case matches:
			if found == unmatched {
				end, slot, found = at, b.slot, matched
			}
		}
	}
	return end, slot, found
}

// rest matches all of the line from from on.
func (v *value) rest(line []byte, from int) (end, slot int, _ verdict) {
	for i := range v.branches {
		b := &v.branches[i]
		a := b.whole
		state := int(a.start[1+int(a.class[' '])]) // there is a value before the last one
		for at := from; at < len(line) && state != 0; at++ {
			c := a.class[line[at]]
			if c == foreign {
				return 0, 0, undecided
			}
			state = int(a.next[state*a.classes+int(c)] >> 1)
		}
		if state != 0 && a.final[state] {
			return len(line), b.slot, matched
		}
	}
	return 0, 0, unmatched
}

// preferred matches what the regexp prefers to take from from on.
func (v *value) preferred(line []byte, from int) (end, slot int, _ verdict) {
	for i := range v.branches {
		b := &v.branches[i]
		a := b.prefix
		state := int(a.start[1+int(a.class[' '])]) // there is a value before the last one
		best, at := -1, from
		for at < len(line) && state != 0 {
			c := a.class[line[at]]
			if c == foreign {
				return 0, 0, undecided
			}
			entry := a.next[state*a.classes+int(c)]
			if entry&1 != 0 {
				best = at
			}
			state = int(entry >> 1)
			at++
		}
		if at == len(line) && state != 0 && a.final[state] {
			best = at
		}
		if best >= 0 {
			return best, b.slot, matched
		}
	}
	return 0, 0, unmatched
}
