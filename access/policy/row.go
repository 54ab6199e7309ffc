package policy

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// row is what a decision looks at first of a statement about its action. Rows of one action lie side by side, so that a
// statement that cannot apply costs a comparison and not a walk through its patterns.
type row struct {
	resource  marks    // a resource that lacks one of them is not the statement's
	allow     bool     // the statement's effect
	needed    bool     // key has to be there
	key       string   // of one of the conditions, in lower case; "": of none
	value     marks    // the values of key lack one of them: the condition is not met
	unless    []string // the one value of key is one of them: the condition is not met
	statement *statement
}

// marks are the pairs of neighbouring bytes of a text, each as one of 64 bits. A text that holds another has its marks; the
// reverse is likely, not certain.
type marks uint64

func marksOf(text string) (m marks) {
	for i := 1; i < len(text); i++ {
		m |= 1 << ((uint(text[i-1])*29 + uint(text[i])*7) & 63)
	}
	return m
}

// marks are those that whatever matches the pattern has.
func (p *pattern) marks() (m marks) {
	for _, t := range p.tokens {
		if t.kind == literal {
			m |= marksOf(t.text)
		}
	}
	return m
}

func (p *arnPattern) marks() marks {
	m := marksOf(p.prefix)
	for i := range p.parts {
		m |= p.parts[i].marks()
	}
	return m
}

// row makes the statement's.
func (s *statement) row() row {
	r := row{allow: s.allow, statement: s}
	if !s.notResource && !s.anyResource {
		r.resource = ^marks(0)
		for i := range s.arns {
			r.resource &= s.arns[i].marks()
		}
	}
	for i := range s.conditions {
		if s.conditions[i].tell(&r) {
			break
		}
	}
	return r
}

// tell notes in a row what rules the condition out at once, and reports whether there is such a thing.
func (c *condition) tell(r *row) bool {
	switch {
	case c.qualifier == forAll || c.fold || c.vars && c.negated:
		return false
	case c.family == isBool && c.qualifier == noQualifier && len(c.values) == 1:
		r.key, r.needed, r.unless = c.lower, !c.ifExists, []string{strconv.FormatBool(!c.values[0].truth)}
	case c.family == isString && c.negated && !c.like && c.qualifier == noQualifier:
		r.key = c.lower
		for i := range c.values {
			r.unless = append(r.unless, c.values[i].text.text)
		}
	case (c.family == isString || c.family == isARN) && !c.negated && !c.ifExists:
		r.key, r.needed, r.value = c.lower, true, c.marks()
	default:
		return false
	}
	return true
}

// marks are those that all values of a condition on text have in common.
func (c *condition) marks() marks {
	m := ^marks(0)
	for i := range c.values {
		if c.family == isARN {
			m &= c.values[i].arn.marks()
		} else {
			m &= c.values[i].text.marks()
		}
	}
	return m
}

// out reports whether a row says that its statement does not apply.
func (s *scope) out(r *row) bool {
	if r.resource&^s.marks != 0 {
		return true
	}
	if r.key == "" {
		return false
	}
	k := s.look(r.key)
	if len(k.values) == 0 {
		return r.needed
	}
	if r.unless != nil {
		return len(k.values) == 1 && slices.Contains(r.unless, k.values[0])
	}
	if !k.marked {
		for _, value := range k.values {
			k.marks |= marksOf(value)
		}
		k.marked = true
	}
	return r.value&^k.marks != 0
}

// known is a context key of one question with what was made of it: statements ask for the same ones again and again.
type known struct {
	lower  string
	values []string
	marks  marks // of all values
	marked bool

	// What the first value is, for operators that compare no text.
	number, date                    float64
	address                         netip.Addr
	isNumber, isDate, isIP          bool
	askedNumber, askedDate, askedIP bool
}

// look finds a context key; what it returns is good until the next call.
func (s *scope) look(lower string) *known {
	k := &s.known[place(lower)]
	if k.lower != lower {
		*k = known{lower: lower, values: s.find(lower)}
	}
	return k
}

// place is where a key is kept; two of one place push each other out.
func place(lower string) int {
	n := len(lower)
	if n < 8 {
		return 0
	}
	return (n*5 + int(lower[n-2])*3 + int(lower[n-4])) & (places - 1)
}

// places is a power of two.
const places = 8

// values returns a context key's values; lower is the key in lower case. A key without values is not there.
func (s *scope) values(lower string) ([]string, bool) {
	k := s.look(lower)
	return k.values, len(k.values) > 0
}

func (s *scope) find(lower string) []string {
	for i := range s.request.Context {
		e := &s.request.Context[i]
		if len(e.Key) == len(lower) && strings.EqualFold(e.Key, lower) {
			return e.Values
		}
	}
	if s.request.More != nil {
		return s.request.More(lower)
	}
	return nil
}

// The first value of a key is read once for each family of operators, others each time.

func (k *known) numberOf(i int) (float64, bool) {
	if i > 0 {
		return parseNumber(k.values[i])
	}
	if !k.askedNumber {
		k.number, k.isNumber = parseNumber(k.values[0])
		k.askedNumber = true
	}
	return k.number, k.isNumber
}

func (k *known) dateOf(i int) (float64, bool) {
	if i > 0 {
		return parseRequestDate(k.values[i])
	}
	if !k.askedDate {
		k.date, k.isDate = parseRequestDate(k.values[0])
		k.askedDate = true
	}
	return k.date, k.isDate
}

func (k *known) addressOf(i int) (netip.Addr, bool) {
	if i > 0 {
		a, err := netip.ParseAddr(k.values[i])
		return a.Unmap(), err == nil
	}
	if !k.askedIP {
		a, err := netip.ParseAddr(k.values[0])
		k.address, k.isIP = a.Unmap(), err == nil
		k.askedIP = true
	}
	return k.address, k.isIP
}

// hasVariables reports whether a variable is in the value.
func (v *operand) hasVariables() bool {
	return v.text.vars || v.arn != nil && slices.ContainsFunc(v.arn.parts, func(p pattern) bool { return p.vars })
}
