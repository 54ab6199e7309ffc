package pattern

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"flowlake/fault"
)

// terms are a pattern of words, phrases and regular expressions.
type terms struct{ all, any, none []term }

// term is a text, or a regular expression.
type term struct {
	text  string
	regex *regexp.Regexp
}

func (t *term) in(message string) bool {
	if t.regex != nil {
		return t.regex.MatchString(message)
	}
	return strings.Contains(message, t.text)
}

// terms reads a pattern of terms.
func (r *reader) terms() (*terms, error) {
	p := &terms{}
	for r.skip(); r.pos < len(r.text); r.skip() {
		to := &p.all
		switch {
		case r.take("?"):
			to = &p.any
		case r.take("-"):
			to = &p.none
		}
		t, err := r.term()
		if err != nil {
			return nil, err
		}
		if r.pos < len(r.text) && !isBlank(r.text[r.pos]) {
			return nil, r.invalid("a blank must follow a term, not %s", r.found())
		}
		*to = append(*to, t)
	}
	if len(p.all)+len(p.none) > 0 {
		p.any = nil
	}
	return p, nil
}

// term reads a word, a phrase or a regular expression.
func (r *reader) term() (t term, err error) {
	switch r.peek() {
	case '"':
		t.text, err = r.phrase()
		return t, err
	case '%':
		t.regex, err = r.regex()
		return t, err
	}
	start := r.pos
	for r.pos < len(r.text) && !isBlank(r.text[r.pos]) {
		r.pos++
	}
	t.text = r.text[start:r.pos]
	for i := range len(t.text) {
		if b := t.text[i]; b < utf8.RuneSelf && b != '_' && !isAlnum(b) {
			return t, fault.Newf(fault.Invalid, "filter pattern", "Invalid character(s) in term '%s': put it in double quotes", t.text)
		}
	}
	if t.text == "" {
		return t, r.invalid("a term must follow the sign")
	}
	return t, nil
}

func (p *terms) matches(message string) bool {
	for i := range p.all {
		if !p.all[i].in(message) {
			return false
		}
	}
	for i := range p.none {
		if p.none[i].in(message) {
			return false
		}
	}
	for i := range p.any {
		if p.any[i].in(message) {
			return true
		}
	}
	return len(p.any) == 0
}
