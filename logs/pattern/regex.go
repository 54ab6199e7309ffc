package pattern

import (
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode/utf8"
)

// regexSigns are the signs that a regular expression may have beside letters and digits: symbols, and operators. AWS's
// page has listed the colon at times.
const regexSigns = "_#=@/;,-:" + `^$?[]{}|\*+.`

// maxRegexSteps bounds a compiled expression: a message takes at worst time for each of its bytes and steps. An expression has one or
// two for each of its signs, and those that a repetition has many times: {0,1000}, the largest there is, has room once.
const maxRegexSteps = 2500

// regex reads a regular expression between percent signs.
//
// Differs from AWS: an expression whose repetitions make it too large (maxRegexSteps) is refused.
//
// Source: CloudWatch Logs user guide, "Supported regular expressions (regex) syntax"
func (r *reader) regex() (*regexp.Regexp, error) {
	start := r.pos
	for r.pos++; r.pos < len(r.text); r.pos++ {
		c := r.text[r.pos]
		switch {
		case c == '%':
			source := r.text[start+1 : r.pos]
			if source == "" {
				return nil, r.invalidAt(start, "the regular expression is empty")
			}
			re, err := regexp.Compile(source)
			if err != nil {
				_, reason, _ := strings.Cut(err.Error(), ": ")
				return nil, r.invalidAt(start, "the regular expression is wrong: %s", reason)
			}
			if n := regexSteps(source); n > maxRegexSteps {
				return nil, r.invalidAt(start, "the regular expression is too large: %d steps with its repetitions, at most %d are allowed", n, maxRegexSteps)
			}
			r.pos++
			r.regexes++
			return re, nil
		case c == '\\':
			if err := r.regexEscape(); err != nil {
				return nil, err
			}
		case c == '(' || c == ')':
			return nil, r.invalid("a regular expression has no parentheses: %q", c)
		case c >= utf8.RuneSelf:
			return nil, r.invalid("a regular expression has no characters of several bytes")
		case !isAlnum(c) && strings.IndexByte(regexSigns, c) < 0:
			return nil, r.invalid("%q is not supported in a regular expression", c)
		}
	}
	return nil, r.invalidAt(start, "the regular expression has no closing %%")
}

// regexSteps counts the steps of an expression that compiles.
func regexSteps(source string) int {
	tree, err := syntax.Parse(source, syntax.Perl)
	if err != nil {
		return 0
	}
	program, err := syntax.Compile(tree.Simplify())
	if err != nil {
		return 0
	}
	return len(program.Inst)
}

// regexEscape passes over a backslash, and reads what it escapes: a class, a byte, or a sign.
func (r *reader) regexEscape() error {
	at := r.pos
	r.pos++
	switch c := r.peek(); {
	case strings.IndexByte("dDsSwW", c) >= 0 && c != 0:
	case c == 'x':
		isHex := func(i int) bool {
			return i < len(r.text) && strings.IndexByte("0123456789abcdefABCDEF", r.text[i]) >= 0
		}
		if !isHex(r.pos+1) || !isHex(r.pos+2) {
			return r.invalidAt(at, `\x must be followed by two hexadecimal digits`)
		}
		r.pos += 2
	case c == 0, isAlnum(c), c >= utf8.RuneSelf, isBlank(c):
		return r.invalidAt(at, `a backslash in a regular expression stands before a sign, or in \d \D \s \S \w \W \xhh`)
	}
	return nil
}
