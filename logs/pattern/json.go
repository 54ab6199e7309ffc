package pattern

import (
	"strconv"
	"strings"
)

// object is a JSON pattern: conditions, joined by && before ||, with parentheses, for messages that are JSON as a whole.
//
//	$.user.id = 1   $.users[0].email != "*@example.com"   $.latency >= 1.5e3   $.path = %^/api/[a-z]+$%
//	$.flag IS TRUE (or FALSE, or NULL)   $.error EXISTS   $.error NOT EXISTS
//
// A selector begins with $; its parts are .name (letters, digits, "-", "_"), .['any name'], [3], and, at most three in a pattern, [*] and
// .*, which stand for all elements or members: one that fits is enough.
//
// A comparison is for strings and numbers: it does not hold, != neither, for what is missing, null, true, false,
// an array or an object. A number is compared as its text with a string, and a string that is a number as that with a number.
//
// Differs from AWS: EXISTS, and ! before a condition or a parenthesis, are taken here; AWS documents NOT EXISTS alone.
type object struct{ root *condition }

// condition is a node of a JSON pattern's tree.
type condition struct {
	kind        conditionKind
	left, right *condition // of and, or; not has left
	path        []step
	comparison  comparison
}

type conditionKind uint8

const (
	compare conditionKind = iota
	isTrue
	isFalse
	isNull
	exists
	missing
	and
	or
	not
)

// step is one part of a selector: a member, an element, or all of them.
type step struct {
	name  string
	index int
	kind  stepKind
}

type stepKind uint8

const (
	member stepKind = iota
	element
	allElements
	allMembers
)

// json reads a JSON pattern.
func (r *reader) json() (*object, error) {
	r.pos++
	root, err := r.or()
	if err != nil {
		return nil, err
	}
	if !r.take("}") {
		return nil, r.invalid("&&, || or } must stand here, not %s", r.found())
	}
	if r.skip(); r.pos < len(r.text) {
		return nil, r.invalid("nothing may follow }")
	}
	return &object{root}, nil
}

func (r *reader) or() (*condition, error) {
	left, err := r.and()
	for err == nil && r.take("||") {
		c := &condition{kind: or, left: left}
		c.right, err = r.and()
		left = c
	}
	return left, err
}

func (r *reader) and() (*condition, error) {
	left, err := r.unary()
	for err == nil && r.take("&&") {
		c := &condition{kind: and, left: left}
		c.right, err = r.unary()
		left = c
	}
	return left, err
}

// unary reads a condition, a negated one, or one in parentheses, and the blanks around it.
func (r *reader) unary() (c *condition, err error) {
	if r.depth++; r.depth > maxNesting {
		return nil, r.invalid("conditions are nested more than %d deep", maxNesting)
	}
	defer func() { r.depth-- }()
	r.skip()
	defer r.skip()
	start := r.pos
	switch {
	case r.take("!"):
		inner, err := r.unary()
		return &condition{kind: not, left: inner}, err
	case r.take("("):
		if c, err = r.or(); err != nil {
			return nil, err
		}
		if !r.take(")") {
			return nil, r.invalid("the parenthesis of character %d is not closed: not %s", start+1, r.found())
		}
		return c, nil
	}
	c = &condition{}
	if c.path, err = r.selector(); err != nil {
		return nil, err
	}
	r.skip()
	for _, k := range []struct {
		words string
		kind  conditionKind
	}{{"IS TRUE", isTrue}, {"IS FALSE", isFalse}, {"IS NULL", isNull}, {"NOT EXISTS", missing}, {"EXISTS", exists}} {
		if r.words(k.words) {
			c.kind = k.kind
			return c, nil
		}
	}
	if b := r.peek(); isAlnum(b) {
		return nil, r.invalid("a comparison, IS TRUE, IS FALSE, IS NULL, EXISTS or NOT EXISTS must stand here")
	}
	c.comparison, err = r.comparison("()&|}")
	return c, err
}

// words passes over words, with any blanks between them, if they stand here, in any case.
func (r *reader) words(words string) bool {
	start := r.pos
	for word := range strings.SplitSeq(words, " ") {
		r.skip()
		end := r.pos + len(word)
		if end > len(r.text) || !strings.EqualFold(r.text[r.pos:end], word) || end < len(r.text) && isAlnum(r.text[end]) {
			r.pos = start
			return false
		}
		r.pos = end
	}
	return true
}

// selector reads a selector.
func (r *reader) selector() (path []step, err error) {
	if !r.take("$") {
		return nil, r.invalid("a selector must begin with $ here, not %s", r.found())
	}
	for {
		dot := r.take(".")
		switch {
		case r.peek() == '[':
			s, err := r.bracket()
			if err != nil {
				return nil, err
			}
			path = append(path, s)
		case dot && r.take("*"):
			path = append(path, step{kind: allMembers})
			r.spreads++
		case dot:
			start := r.pos
			for r.pos < len(r.text) && (isAlnum(r.text[r.pos]) || r.text[r.pos] == '-' || r.text[r.pos] == '_') {
				r.pos++
			}
			if r.pos == start {
				return nil, r.invalid("a name must follow the dot, not %s: put one of other signs into ['…']", r.found())
			}
			path = append(path, step{name: r.text[start:r.pos]})
		case len(path) == 0:
			return nil, r.invalid("a dot must follow $, not %s", r.found())
		default:
			return path, nil
		}
		if r.spreads > maxSpreads {
			return nil, r.invalid("more than %d selectors have [*] or .*", maxSpreads)
		}
	}
}

// bracket reads [3], [*] or ['name'].
func (r *reader) bracket() (s step, err error) {
	start := r.pos
	r.pos++
	end := strings.IndexByte(r.text[r.pos:], ']')
	quoted := strings.HasPrefix(r.text[r.pos:], "'")
	if quoted {
		end = strings.Index(r.text[r.pos+1:], "']") + 2
		if end == 1 {
			end = -1
		}
	}
	if end < 0 {
		return s, r.invalidAt(start, "the bracket is not closed")
	}
	inside := r.text[r.pos : r.pos+end]
	r.pos += end + 1
	switch {
	case quoted:
		return step{name: inside[1 : len(inside)-1]}, nil
	case inside == "*":
		r.spreads++
		return step{kind: allElements}, nil
	}
	n, err := strconv.ParseUint(inside, 10, 31)
	if err != nil || inside[0] == '+' {
		return s, r.invalidAt(start, "an element is [0], [1] … or [*], not [%s]", inside)
	}
	return step{kind: element, index: int(n)}, nil
}

func (p *object) matches(message string) bool {
	doc, ok := document(message)
	return ok && p.root.holds(doc)
}

func (c *condition) holds(doc node) bool {
	switch c.kind {
	case and:
		return c.left.holds(doc) && c.right.holds(doc)
	case or:
		return c.left.holds(doc) || c.right.holds(doc)
	case not:
		return !c.left.holds(doc)
	case missing:
		return !doc.some(c.path, func(node) bool { return true })
	}
	return doc.some(c.path, func(n node) bool {
		switch c.kind {
		case exists:
			return true
		case isTrue:
			return n == "true"
		case isFalse:
			return n == "false"
		case isNull:
			return n == "null"
		}
		text, ok := n.scalar()
		return ok && c.comparison.holds(text)
	})
}

// some reports whether a value that the path leads to does.
func (n node) some(path []step, does func(node) bool) bool {
	if len(path) == 0 {
		return does(n)
	}
	s := path[0]
	wanted := byte('{')
	if s.kind == element || s.kind == allElements {
		wanted = '['
	}
	if n[0] != wanted {
		return false
	}
	var last node // of members with the same name, the last one counts
	i := 0
	for name, value := range n.children {
		switch s.kind {
		case member:
			if sameName(name, s.name) {
				last = value
			}
		case element:
			if i == s.index {
				return value.some(path[1:], does)
			}
		default:
			if value.some(path[1:], does) {
				return true
			}
		}
		i++
	}
	return last != "" && last.some(path[1:], does)
}

// sameName compares a member's name, as it is written, with one of a selector.
func sameName(written node, name string) bool {
	inside := string(written[1 : len(written)-1])
	return inside == name || strings.IndexByte(inside, '\\') >= 0 && unescape(inside) == name
}
