package pattern

import (
	"slices"
	"strconv"
	"strings"
	"sync"
)

// fields is a space-delimited pattern: names, separated by commas, for the fields of a message, with conditions.
//
// A message's fields are separated by blanks; what stands in brackets or double quotes is one field, without them. The
// last field of the pattern takes the whole rest of the message, where that is more than a field, and so [w1 = ERROR, w2] matches
// messages of two words and of ten; a message of fewer fields does not match. "..." stands, once, for any number
// of fields, none included; beside it the last field is one field. [] is [...]. A place without a name
// is a field too, which is named by its position: [..., status = 4*,] has two fields behind the ellipsis.
//
// A condition compares the field: status = 4* && status != 404. && goes before ||. =! is !=.
//
// Differs from AWS: there, conditions in one field can name another one in some examples; here they are refused.
type fields struct {
	heads   []field // before the ellipsis; all of them where there is none
	tails   []field // behind it
	elastic bool
	names   []string // of a pattern that is not elastic

	mu    sync.RWMutex // guards named
	named map[int][]string
}

// field is one field of the pattern.
type field struct {
	name string
	any  [][]comparison // one of them holds, which is that all of its comparisons do; none: all values do
}

func (f *field) holds(value string) bool {
	if len(f.any) == 0 {
		return true
	}
	for _, all := range f.any {
		if !slices.ContainsFunc(all, func(c comparison) bool { return !c.holds(value) }) {
			return true
		}
	}
	return false
}

// fields reads a space-delimited pattern.
func (r *reader) fields() (*fields, error) {
	p := &fields{named: map[int][]string{}}
	r.pos++
	r.skip()
	if p.elastic = r.peek() == ']'; !p.elastic {
		if err := r.listFields(p); err != nil {
			return nil, err
		}
	}
	r.pos++
	if r.skip(); r.pos < len(r.text) {
		return nil, r.invalid("nothing may follow ]")
	}
	if !p.elastic {
		p.names = p.namesFor(len(p.heads))
	}
	return p, nil
}

// listFields reads fields up to the bracket that closes them.
func (r *reader) listFields(p *fields) error {
	seen := map[string]bool{}
	for {
		start := r.pos
		if r.take("...") {
			if p.elastic {
				return r.invalidAt(start, "the ellipsis stands twice")
			}
			p.elastic = true
		} else {
			f, err := r.field()
			if err != nil {
				return err
			}
			if f.name != "" && seen[f.name] {
				return r.invalidAt(start, "the field %s is named twice", f.name)
			}
			seen[f.name] = true
			if p.elastic {
				p.tails = append(p.tails, f)
			} else {
				p.heads = append(p.heads, f)
			}
		}
		r.skip()
		if r.peek() == ']' {
			return nil
		}
		if !r.take(",") {
			return r.invalid("a comma or ] must stand here, not %s", r.found())
		}
		r.skip()
	}
}

// field reads a name, if there is one, and the conditions on it.
func (r *reader) field() (f field, err error) {
	for {
		start := r.pos
		for r.pos < len(r.text) && (isAlnum(r.text[r.pos]) || r.text[r.pos] == '_' || r.text[r.pos] == '-') {
			r.pos++
		}
		name := r.text[start:r.pos]
		if name != "" && !(name[0] == '_' || isAlnum(name[0]) && name[0] > '9') {
			return f, r.invalidAt(start, "a field's name begins with a letter or _, not as %s does", name)
		}
		r.skip()
		next := r.peek()
		switch {
		case f.any == nil:
			f.name = name
			if next == ',' || next == ']' {
				return f, nil
			}
			switch {
			case next == 0:
				return f, r.invalid("the fields must end with ]")
			case name == "":
				return f, r.invalid("a field's name must stand here, not %s", r.found())
			}
			f.any = [][]comparison{nil}
		case name == "":
			return f, r.invalid("the field's name must stand here again, not %s", r.found())
		case name != f.name:
			return f, r.invalidAt(start, "a condition on %s must stand at that field, not at %s", name, f.name)
		}
		c, err := r.comparison(",]&|")
		if err != nil {
			return f, err
		}
		last := &f.any[len(f.any)-1]
		*last = append(*last, c)
		r.skip()
		switch {
		case r.take("&&"):
		case r.take("||"):
			f.any = append(f.any, nil)
		default:
			return f, nil
		}
		r.skip()
	}
}

// namesFor are the names of n fields.
func (p *fields) namesFor(n int) []string {
	names := make([]string, n)
	for i := range names {
		switch {
		case i < len(p.heads):
			names[i] = p.heads[i].name
		case i >= n-len(p.tails):
			names[i] = p.tails[i-(n-len(p.tails))].name
		}
		if names[i] == "" {
			names[i] = strconv.Itoa(i + 1)
		}
	}
	return names
}

// takes reports whether the name, or the position, is of one of the fields.
func (p *fields) takes(name string) bool {
	named := func(f field) bool { return f.name == name }
	if slices.ContainsFunc(p.heads, named) || slices.ContainsFunc(p.tails, named) {
		return true
	}
	n, err := strconv.ParseUint(name, 10, 16)
	return err == nil && n > 0 && name[0] >= '1' && (p.elastic || int(n) <= len(p.heads))
}

// What is remembered of names: so many lists, none longer.
const (
	maxNamed       = 64
	maxNamedFields = 512
)

func (p *fields) namesOf(n int) []string {
	if !p.elastic {
		return p.names[:min(n, len(p.names))]
	}
	p.mu.RLock()
	names := p.named[n]
	p.mu.RUnlock()
	if names != nil {
		return names
	}
	names = p.namesFor(n)
	p.mu.Lock()
	defer p.mu.Unlock()
	if n <= maxNamedFields && len(p.named) < maxNamed {
		p.named[n] = names
	}
	return names
}

func (p *fields) matches(message string) bool {
	var room [32]string
	_, ok := p.extract(message, room[:0])
	return ok
}

// extract appends the message's values.
func (p *fields) extract(message string, values []string) ([]string, bool) {
	if p.elastic {
		return p.extractElastic(message, values)
	}
	m := split{rest: message}
	last := len(p.heads) - 1
	for i := range p.heads {
		before := m.rest
		value, ok := m.next()
		if !ok {
			return values[:0], false
		}
		if i == last && strings.Trim(m.rest, blanks) != "" {
			value = strings.Trim(before, blanks)
		}
		if f := &p.heads[i]; f.any != nil && !f.holds(value) {
			return values[:0], false
		}
		values = append(values, value)
	}
	return values, true
}

func (p *fields) extractElastic(message string, values []string) ([]string, bool) {
	m := split{rest: message}
	for value, ok := m.next(); ok; value, ok = m.next() {
		values = append(values, value)
	}
	begin := len(values) - len(p.tails) // of the tails
	if begin < len(p.heads) {
		return values[:0], false
	}
	for i := range p.heads {
		if !p.heads[i].holds(values[i]) {
			return values[:0], false
		}
	}
	for i := range p.tails {
		if !p.tails[i].holds(values[begin+i]) {
			return values[:0], false
		}
	}
	return values, true
}

// split takes a message apart.
type split struct {
	rest string
	// What opens here was not closed once, and is not further on: the rest is searched for it no more.
	noBracket, noQuote bool
}

// next takes the first field off; ok is false where there is none.
func (m *split) next() (value string, ok bool) {
	s := m.rest
	i := 0
	for i < len(s) && isBlank(s[i]) {
		i++
	}
	if i == len(s) {
		return "", false
	}
	if s[i] == '[' && !m.noBracket || s[i] == '"' && !m.noQuote {
		if end := closing(s, i); end > 0 {
			m.rest = s[end+1:]
			return s[i+1 : end], true
		}
		m.noBracket, m.noQuote = m.noBracket || s[i] == '[', m.noQuote || s[i] == '"'
	}
	end := i + 1
	for end < len(s) && !isBlank(s[end]) {
		end++
	}
	m.rest = s[end:]
	return s[i:end], true
}

// closing finds what closes the bracket or quote at start: the next one of its kind with a blank or nothing behind it, and,
// of quotes, without a backslash before it. It is 0 where there is none.
func closing(s string, start int) int {
	end := byte(']')
	if s[start] == '"' {
		end = '"'
	}
	for i := start + 1; i < len(s); i++ {
		switch {
		case s[i] == '\\' && end == '"':
			i++
		case s[i] == end && (i+1 == len(s) || isBlank(s[i+1])):
			return i
		}
	}
	return 0
}
