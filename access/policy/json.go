package policy

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// node is a JSON value with the place where it begins. encoding/json tells no places, and takes the last of two
// members of one name: a document that hides a statement behind its double must not pass.
type node struct {
	kind    nodeKind
	at      int      // the offset of its first byte
	text    string   // of a string, unescaped; of a number, true, false and null, as written
	items   []node   // of a list
	members []member // of an object, in their order
}

type member struct {
	name  string
	at    int
	value node
}

type nodeKind uint8

const (
	aString nodeKind = iota
	aNumber
	aBool
	aNull
	aList
	anObject
)

func (k nodeKind) String() string {
	return [...]string{"a string", "a number", "a boolean", "null", "a list", "an object"}[k]
}

// maxDepth bounds nesting; no policy needs more than six levels.
const maxDepth = 16

// syntaxError is a place in the text with what is wrong there.
type syntaxError struct {
	at   int
	what string
}

func (e *syntaxError) Error() string { return e.what }

// readJSON reads one JSON value (RFC 8259) that takes the whole text. Members of one object have different names.
func readJSON(text string) (node, *syntaxError) {
	r := reader{text: text}
	r.space()
	value, err := r.value(0)
	if err != nil {
		return node{}, err
	}
	if r.space(); r.at < len(text) {
		return node{}, &syntaxError{r.at, "there is something after the document's end"}
	}
	return value, nil
}

type reader struct {
	text string
	at   int
}

func (r *reader) fail(format string, args ...any) *syntaxError {
	return &syntaxError{r.at, fmt.Sprintf(format, args...)}
}

func (r *reader) space() {
	for r.at < len(r.text) && strings.IndexByte(" \t\r\n", r.text[r.at]) >= 0 {
		r.at++
	}
}

// next returns the byte at hand, 0 at the end; a NUL is no part of any document.
func (r *reader) next() byte {
	if r.at < len(r.text) {
		return r.text[r.at]
	}
	return 0
}

func (r *reader) value(depth int) (node, *syntaxError) {
	if depth > maxDepth {
		return node{}, r.fail("it is nested deeper than %d levels", maxDepth)
	}
	n := node{at: r.at}
	var err *syntaxError
	switch c := r.next(); {
	case c == '{':
		n.kind = anObject
		n.members, err = r.object(depth)
	case c == '[':
		n.kind = aList
		n.items, err = r.list(depth)
	case c == '"':
		n.text, err = r.string()
	case c == '-' || c >= '0' && c <= '9':
		n.kind = aNumber
		n.text, err = r.number()
	case r.at >= len(r.text):
		err = r.fail("it ends where a value should be")
	default:
		for _, word := range []string{"true", "false", "null"} {
			if strings.HasPrefix(r.text[r.at:], word) {
				r.at += len(word)
				n.text, n.kind = word, aBool
				if word == "null" {
					n.kind = aNull
				}
				return n, nil
			}
		}
		err = r.fail("%s is no JSON value", r.rune())
	}
	return n, err
}

// rune quotes the character at hand, for an error.
func (r *reader) rune() string {
	c, _ := utf8.DecodeRuneInString(r.text[r.at:])
	return strconv.QuoteRune(c)
}

func (r *reader) object(depth int) ([]member, *syntaxError) {
	var members []member
	r.at++
	if r.space(); r.next() == '}' {
		r.at++
		return nil, nil
	}
	seen := make(map[string]bool)
	for {
		m := member{at: r.at}
		if r.next() != '"' {
			return nil, r.fail("a name in double quotes is missing")
		}
		var err *syntaxError
		if m.name, err = r.string(); err != nil {
			return nil, err
		}
		if seen[m.name] {
			return nil, &syntaxError{m.at, strconv.Quote(m.name) + " is there twice"}
		}
		seen[m.name] = true
		if r.space(); r.next() != ':' {
			return nil, r.fail("a colon is missing after %q", m.name)
		}
		r.at++
		r.space()
		if m.value, err = r.value(depth + 1); err != nil {
			return nil, err
		}
		members = append(members, m)
		switch r.space(); r.next() {
		case ',':
			r.at++
			r.space()
		case '}':
			r.at++
			return members, nil
		default:
			return nil, r.fail("a comma or } is missing")
		}
	}
}

func (r *reader) list(depth int) ([]node, *syntaxError) {
	var items []node
	r.at++
	if r.space(); r.next() == ']' {
		r.at++
		return nil, nil
	}
	for {
		item, err := r.value(depth + 1)
		if err != nil {
			return nil, err
		}
		items = append(items, item)
		switch r.space(); r.next() {
		case ',':
			r.at++
			r.space()
		case ']':
			r.at++
			return items, nil
		default:
			return nil, r.fail("a comma or ] is missing")
		}
	}
}

func (r *reader) string() (string, *syntaxError) {
	start := r.at
	r.at++
	begin := r.at
	for r.at < len(r.text) && r.text[r.at] >= ' ' && r.text[r.at] != '"' && r.text[r.at] != '\\' {
		r.at++
	}
	if r.next() == '"' { // without escapes, as nearly all are
		r.at++
		return r.text[begin : r.at-1], nil
	}
	out := []byte(r.text[begin:r.at])
	for {
		switch c := r.next(); {
		case r.at >= len(r.text):
			return "", &syntaxError{start, "the string that begins here has no end"}
		case c == '"':
			r.at++
			return string(out), nil
		case c < ' ':
			return "", r.fail("a control character stands in a string")
		case c == '\\':
			char, err := r.escape()
			if err != nil {
				return "", err
			}
			out = utf8.AppendRune(out, char)
		default:
			out = append(out, c)
			r.at++
		}
	}
}

// escape reads a backslash with what it stands for.
func (r *reader) escape() (rune, *syntaxError) {
	if r.at+1 >= len(r.text) {
		return 0, r.fail("it ends within a string")
	}
	c := r.text[r.at+1]
	if i := strings.IndexByte(`"\/bfnrt`, c); i >= 0 {
		r.at += 2
		return rune("\"\\/\b\f\n\r\t"[i]), nil
	}
	char, ok := r.hex()
	if !ok {
		return 0, r.fail("a string has an escape that JSON does not know")
	}
	r.at += 6
	if utf16.IsSurrogate(char) {
		low, ok := r.hex()
		if char = utf16.DecodeRune(char, low); !ok || char == utf8.RuneError {
			return 0, r.fail("half a surrogate pair stands in a string")
		}
		r.at += 6
	}
	return char, nil
}

// hex reads the \uXXXX at hand.
func (r *reader) hex() (rune, bool) {
	if !strings.HasPrefix(r.text[r.at:], `\u`) || r.at+6 > len(r.text) {
		return 0, false
	}
	n, err := strconv.ParseUint(r.text[r.at+2:r.at+6], 16, 16)
	return rune(n), err == nil
}

func (r *reader) number() (string, *syntaxError) {
	start := r.at
	digits := func() bool {
		from := r.at
		for c := r.next(); c >= '0' && c <= '9'; c = r.next() {
			r.at++
		}
		return r.at > from
	}
	if r.next() == '-' {
		r.at++
	}
	first := r.at
	ok := digits() && (r.text[first] != '0' || r.at == first+1)
	if ok && r.next() == '.' {
		r.at++
		ok = digits()
	}
	if c := r.next(); ok && (c == 'e' || c == 'E') {
		r.at++
		if c := r.next(); c == '+' || c == '-' {
			r.at++
		}
		ok = digits()
	}
	if !ok {
		return "", &syntaxError{start, "this is no JSON number"}
	}
	return r.text[start:r.at], nil
}
