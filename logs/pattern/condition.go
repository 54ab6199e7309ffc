package pattern

import (
	"math"
	"regexp"
	"strconv"
	"strings"
)

// operator compares a value of the message with one of the pattern.
type operator uint8

const (
	equal operator = iota + 1
	unequal
	less
	lessEqual
	greater
	greaterEqual
)

// operand is the right side of a comparison.
//
// A text matches the whole value; an asterisk at its begin or end stands for anything, one inside is an asterisk. A
// number that is not in quotes also equals a value that is the same number in another spelling.
type operand struct {
	regex        *regexp.Regexp
	text         string // without the asterisks
	open, opened bool   // asterisks: before, behind
	number       float64
	numeric      bool
}

// comparison is an operator with its right side.
type comparison struct {
	op operator
	operand
}

// holds compares a value with the operand. A value that is no number is on no side of < and >.
func (c *comparison) holds(value string) bool {
	switch c.op {
	case equal:
		return c.equals(value)
	case unequal:
		return !c.equals(value)
	}
	v, ok := number(value)
	if !ok {
		return false
	}
	switch c.op {
	case less:
		return v < c.number
	case lessEqual:
		return v <= c.number
	case greater:
		return v > c.number
	default:
		return v >= c.number
	}
}

func (o *operand) equals(value string) bool {
	switch {
	case o.regex != nil:
		return o.regex.MatchString(value)
	case o.open && o.opened:
		return strings.Contains(value, o.text)
	case o.open:
		return strings.HasSuffix(value, o.text)
	case o.opened:
		return strings.HasPrefix(value, o.text)
	case value == o.text:
		return true
	case !o.numeric:
		return false
	}
	v, ok := number(value)
	return ok && v == o.number
}

// number reads a number: a sign, digits with a point among them, an exponent.
func number(s string) (float64, bool) {
	i, n := 0, len(s)
	if n == 0 || n > 400 {
		return 0, false
	}
	if s[0] == '-' || s[0] == '+' {
		i++
	}
	digits, whole := 0, uint64(0)
	for ; i < n && s[i] >= '0' && s[i] <= '9'; i++ {
		whole = whole*10 + uint64(s[i]-'0')
		digits++
	}
	if i == n && digits > 0 && digits <= 15 { // a float64 holds it exactly
		if s[0] == '-' {
			return -float64(whole), true
		}
		return float64(whole), true
	}
	if i < n && s[i] == '.' {
		for i++; i < n && s[i] >= '0' && s[i] <= '9'; i++ {
			digits++
		}
	}
	if digits == 0 {
		return 0, false
	}
	if i < n && (s[i] == 'e' || s[i] == 'E') {
		i++
		if i < n && (s[i] == '-' || s[i] == '+') {
			i++
		}
		exponent := i
		for i < n && s[i] >= '0' && s[i] <= '9' {
			i++
		}
		if i == exponent {
			return 0, false
		}
	}
	if i != n {
		return 0, false
	}
	v, err := strconv.ParseFloat(s, 64) // what it refuses now is out of range, and then infinite
	return v, err == nil || math.IsInf(v, 0)
}

// operator reads an operator. ok is false where there is none.
func (r *reader) operator() (op operator, ok bool) {
	for _, o := range []struct {
		sign string
		op   operator
	}{{"!=", unequal}, {"=!", unequal}, {"<=", lessEqual}, {">=", greaterEqual}, {"=", equal}, {"<", less}, {">", greater}} {
		if r.take(o.sign) {
			return o.op, true
		}
	}
	return 0, false
}

// comparison reads an operator and its right side. A bare operand ends at a blank or one of the signs in ends.
func (r *reader) comparison(ends string) (c comparison, err error) {
	var ok bool
	if c.op, ok = r.operator(); !ok {
		return c, r.invalid("a comparison (=, !=, <, >, <=, >=) must stand here, not %s", r.found())
	}
	r.skip()
	start := r.pos
	switch r.peek() {
	case '%':
		if c.regex, err = r.regex(); err != nil {
			return c, err
		}
	case '"':
		if c.text, err = r.phrase(); err != nil {
			return c, err
		}
		c.wildcards()
	default:
		for r.pos < len(r.text) && !isBlank(r.text[r.pos]) && strings.IndexByte(ends, r.text[r.pos]) < 0 {
			r.pos++
		}
		if c.text = r.text[start:r.pos]; c.text == "" {
			return c, r.invalid("a value must stand here, not %s", r.found())
		}
		if strings.ContainsAny(c.text, `="<>!%`) {
			return c, r.invalidAt(start, "the value %s must be in double quotes", c.text)
		}
		c.number, c.numeric = number(c.text)
		c.wildcards()
	}
	if c.op >= less && !c.numeric {
		return c, r.invalidAt(start, "a number must stand behind <, >, <= and >=")
	}
	return c, nil
}

func (o *operand) wildcards() {
	o.text, o.open = strings.CutPrefix(o.text, "*")
	o.text, o.opened = strings.CutSuffix(o.text, "*")
	if o.open && o.text == "" {
		o.opened = true // a lone asterisk is all there is
	}
}
