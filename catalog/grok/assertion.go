package grok

import (
	"fmt"
	"regexp/syntax"
	"strings"
	"unicode/utf8"
)

// assertion is a lookaround that asks about one character beside a place in the line, which a search in linear
// time can answer: (?<![0-9.+-]), (?=\s|$). In the expanded regexp it is a group around one character of
// the range that is set aside for them, whose number is its place in the expansion's list.
type assertion struct {
	source string // as it was written
	behind bool   // it asks about the character before, not the one that follows
	negate bool
	edge   bool // the line's beginning or end satisfies what is within
	class  *syntax.Inst
	ascii  [0x80]bool // what class says
}

// The characters that stand for assertions, the end of the last private plane. Nobody may write them.
const (
	firstAssertion = 0x10F000
	maxAssertions  = 256 // in one pattern
)

// isAssertion reports whether the instruction stands for an assertion, and which.
func isAssertion(inst *syntax.Inst) (int, bool) {
	if inst.Op != syntax.InstRune1 || inst.Rune[0] < firstAssertion || inst.Rune[0] >= firstAssertion+maxAssertions {
		return 0, false
	}
	return int(inst.Rune[0]) - firstAssertion, true
}

// newAssertion reads a lookaround from what stands within it; ok is false if that is more than one character.
func newAssertion(open, body string) (a *assertion, ok bool) {
	a = &assertion{source: open + body + ")", behind: open[2] == '<', negate: strings.HasSuffix(open, "!")}
	var classes []string
	parts, ok := splitTop(body, '|')
	if !ok {
		return nil, false
	}
	for _, part := range parts {
		switch re, err := syntax.Parse(part, syntax.Perl); {
		case err != nil:
			return nil, false
		case re.Op == syntax.OpBeginText && a.behind, re.Op == syntax.OpEndText && !a.behind:
			a.edge = true
		case re.Op == syntax.OpCharClass, re.Op == syntax.OpAnyChar, re.Op == syntax.OpAnyCharNotNL, re.Op == syntax.OpLiteral && len(re.Rune) == 1:
			classes = append(classes, part)
		default:
			return nil, false
		}
	}
	a.class = &syntax.Inst{Op: syntax.InstRune} // matches nothing
	if len(classes) > 0 {
		re, err := syntax.Parse("(?:"+strings.Join(classes, "|")+")", syntax.Perl)
		if err != nil {
			return nil, false
		}
		prog, err := syntax.Compile(re.Simplify())
		if err != nil {
			return nil, false
		}
		one := &prog.Inst[prog.Start]
		if !takesRune(one) || prog.Inst[one.Out].Op != syntax.InstMatch {
			return nil, false // alternatives that the parser did not make one class of
		}
		a.class = one
	}
	for c := range rune(0x80) {
		a.ascii[c] = a.matches(c)
	}
	return a, true
}

func (a *assertion) matches(r rune) bool {
	return len(a.class.Rune) > 0 && a.class.MatchRune(r)
}

// holds answers the assertion at a place in the line.
func (a *assertion) holds(line []byte, at int) bool {
	var r rune
	size := 0
	if a.behind {
		r, size = utf8.DecodeLastRune(line[:at])
	} else {
		r, size = utf8.DecodeRune(line[at:])
	}
	if size == 0 {
		return a.edge != a.negate
	}
	return a.matches(r) != a.negate
}

// holdsBeside is holds given the ASCII character that it asks about, -1 at the line's beginning or end.
func (a *assertion) holdsBeside(c int) bool {
	if c < 0 {
		return a.edge != a.negate
	}
	return a.ascii[c] != a.negate
}

// assert adds the lookaround to the expansion and returns what stands for it in the regexp.
func (x *expansion) assert(open, body string) (string, bool) {
	a, ok := newAssertion(open, body)
	if !ok {
		return "", false
	}
	n := 0
	for n < len(x.asserts) && x.asserts[n].source != a.source {
		n++
	}
	if n == len(x.asserts) {
		if n == maxAssertions {
			return "", false
		}
		x.asserts = append(x.asserts, a)
	}
	return fmt.Sprintf("(%c)", rune(firstAssertion+n)), true
}

// groupEnd returns the place of the parenthesis that closes the group at i, -1 if none does.
func (x *expansion) groupEnd(text string, i int) int {
	depth := 0
	for j := i; j < len(text); {
		n := 1
		var err error
		switch text[j] {
		case '\\':
			n, err = x.escape(source{}, text, j)
		case '[':
			n, err = x.class(source{}, text, j)
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return j
			}
		}
		if err != nil {
			return -1
		}
		j += n
	}
	return -1
}
