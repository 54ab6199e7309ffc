package grok

import (
	"regexp/syntax"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"flowlake/fault"
)

// Pattern is a compiled Grok pattern. It is safe for concurrent use.
type Pattern struct {
	source, custom string
	fields         []Field
	re             func() *matcher
	groups         []group   // the capturing groups that fill fields, in order of appearance
	fast           *splitter // nil: lines go to re
}

// group says which of the regexp's captures fills which field.
type group struct{ index, slot int }

// Compile reads a Grok pattern and its custom patterns, one "NAME regexp" a line.
//
// A reference is %{NAME}, %{NAME:field} or %{NAME:field:type}; a named group (?<field>…) is a
// field too. Only what is named becomes a field. A name that occurs twice is one field, whose value is that
// of its first occurrence that takes part in the match. In a regexp of one's own, lookaround, atomic
// groups, possessive quantifiers and backreferences are refused; a flag such as (?i) ends with
// the pattern that it stands in. \w, \d, \s and \b are about ASCII.
//
// The error is a fault.Invalid one about the grok pattern or the custom patterns, with the place. Limits:
// MaxPattern and MaxCustom characters.
//
// Differs from AWS: the built-in patterns are written without lookaround, see builtin. A name that occurs
// twice yields one column; Logstash would make a list of both. A pattern whose repeats multiply to more than some
// 32,000 steps, or fewer with very many fields, is refused: Glue would try it.
func Compile(pattern, custom string) (*Pattern, error) {
	const subject = "grok pattern"
	switch n := utf8.RuneCountInString(pattern); {
	case n == 0:
		return nil, fault.Newf(fault.Invalid, subject, "it is empty")
	case n > MaxPattern:
		return nil, fault.Newf(fault.Invalid, subject, "%d characters are more than %d", n, MaxPattern)
	case strings.ContainsAny(pattern, "\r\n"):
		return nil, fault.Newf(fault.Invalid, subject, "it has a line break; a pattern is for one line")
	}
	defs, err := parseCustom(custom)
	if err != nil {
		return nil, err
	}
	x := &expansion{defs: defs}
	text, err := x.expand(source{}, pattern)
	if err != nil {
		return nil, err
	}
	parsed, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return nil, x.locate(pattern, err)
	}
	if n := steps(parsed); n > maxSteps || n*(1+len(x.slots)) > maxCells {
		return nil, fault.Newf(fault.Invalid, subject, "with its names expanded it has %d steps and %d captures, which would take too long to match",
			n, len(x.slots))
	}
	p := &Pattern{source: pattern, custom: custom, fields: x.fields}
	// Most patterns never need their regexp. What parsed compiles.
	p.re = sync.OnceValue(func() *matcher {
		m, err := newMatcher(text, x.asserts)
		if err != nil {
			panic("grok: a regexp that parses does not compile: " + err.Error())
		}
		return m
	})
	for i, name := range parsed.CapNames() {
		if number, ok := strings.CutPrefix(name, "g"); ok {
			n, err := strconv.Atoi(number)
			if err != nil {
				return nil, fault.Newf(fault.Internal, subject, "group %q is not ours", name)
			}
			p.groups = append(p.groups, group{index: i, slot: x.slots[n]})
		}
	}
	if p.fast = newSplitter(pattern, defs, p.fields); p.fast == nil {
		p.re()
	}
	return p, nil
}

// locate finds which definition the regexp compiler stumbled over, to name the place.
func (x *expansion) locate(pattern string, cause error) error {
	for name, def := range x.defs {
		alone := &expansion{defs: x.defs, chain: []string{name}}
		text, err := alone.expand(source{name: name, def: def}, def.body)
		if err != nil {
			continue
		}
		if _, err := syntax.Parse(text, syntax.Perl); err != nil {
			return fault.Newf(fault.Invalid, "custom patterns", "line %d: %s: %s", def.line, name, reason(err))
		}
	}
	return fault.Newf(fault.Invalid, "grok pattern", "%s", reason(cause))
}

// reason cuts the prefix and the expanded text, which the user never wrote, from a regexp error.
func reason(err error) string {
	text := strings.TrimPrefix(err.Error(), "error parsing regexp: ")
	if what, long, ok := strings.Cut(text, ": `"); ok && len(long) > 60 {
		return what
	}
	return text
}

// Fields returns the fields in order of first appearance. The slice is shared.
func (p *Pattern) Fields() []Field { return p.fields }

// String returns the pattern as it was written.
func (p *Pattern) String() string { return p.source }

// Custom returns the custom patterns as they were written.
func (p *Pattern) Custom() string { return p.custom }

// Match reports whether the pattern matches the line, which has no line end, and fills values, which has a place
// for each of Fields. The values point into line; one that took no part in the match is nil.
// Without a match what values hold means nothing.
func (p *Pattern) Match(line []byte, values [][]byte) bool {
	_, _, ok := p.find(line, values)
	return ok
}

// find is Match that also says which part of the line the match covers.
func (p *Pattern) find(line []byte, values [][]byte) (start, end int, ok bool) {
	if p.fast != nil {
		start, end, verdict := p.fast.find(line, values)
		if verdict != undecided {
			return start, end, verdict == matched
		}
	}
	return p.findSlow(line, values)
}

// findSlow is find by the regexp alone.
func (p *Pattern) findSlow(line []byte, values [][]byte) (start, end int, ok bool) {
	at := p.re().find(line)
	if at == nil {
		return 0, 0, false
	}
	if line == nil { // so that an empty value differs from an absent one
		line = []byte{}
	}
	clear(values)
	for _, g := range p.groups {
		if i := 2 * g.index; at[i] >= 0 && values[g.slot] == nil {
			values[g.slot] = line[at[i]:at[i+1]:at[i+1]]
		}
	}
	return at[0], at[1], true
}
