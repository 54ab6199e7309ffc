// Package pattern compiles CloudWatch Logs' filter patterns, tells which messages match, and takes values out of those
// that do. It knows the whole language: terms, optional and excluded terms, phrases, regular expressions, JSON
// patterns in braces, and space-delimited patterns in brackets. It reads messages and keeps nothing.
package pattern

import (
	"strings"
	"unicode/utf8"

	"flowlake/fault"
)

// The limits of a pattern. Source: API reference, FilterLogEvents; user guide, "Filter pattern syntax".
const (
	MaxLength   = 1024 // characters
	maxRegexes  = 2
	maxSpreads  = 3 // selectors with [*] or .* in a JSON pattern
	maxNesting  = 100
	maxMessages = 512 // levels of arrays and objects in a message
)

// Pattern is a compiled pattern. It is safe for concurrent use. Patterns are made by Compile.
type Pattern struct {
	match   matcher
	fields  *fields // of a space-delimited pattern
	regexes int
}

// matcher is a pattern of one kind.
type matcher interface{ matches(message string) bool }

// Compile reads a pattern. An empty one, or one of blanks or of an empty phrase, matches every message.
//
// Terms: all must be in the message, in any order; "-term" must not be in it; of "?term" one must be, but beside terms of
// the other two kinds "?term" counts for nothing. A term of other characters than letters, digits and "_" must be in
// double quotes, inside of which a backslash stands before a quote or a backslash. Case counts, everywhere.
//
// { $.a.b[0] = "x*" && ($.n >= 3 || $.c NOT EXISTS) }: conditions on a message that is JSON, see json.go.
// [ip, user, ..., status = 4* || status = 500, bytes > 1000]: fields of a message, see fields.go.
// %10\.0\.[0-9]{1,3}% is a regular expression, by itself or as the value of = and != in the other two; at most two in a pattern.
//
// It returns fault.Invalid for a pattern that is too long or not well formed, naming the place.
//
// Source: CloudWatch Logs user guide, "Filter pattern syntax for metric filters, subscription filters, filter log events, and Live Tail"
func Compile(text string) (*Pattern, error) {
	if n := utf8.RuneCountInString(text); n > MaxLength {
		return nil, fault.Newf(fault.Invalid, "filter pattern", "has %d characters: Member must have length less than or equal to %d", n, MaxLength)
	}
	if !utf8.ValidString(text) {
		return nil, fault.Newf(fault.Invalid, "filter pattern", "is not UTF-8")
	}
	r := &reader{text: text}
	r.skip()
	p := &Pattern{}
	var err error
	switch r.peek() {
	case '{':
		p.match, err = r.json()
	case '[':
		p.fields, err = r.fields()
		p.match = p.fields
	default:
		p.match, err = r.terms()
	}
	if err != nil {
		return nil, err
	}
	if p.regexes = r.regexes; p.regexes > maxRegexes {
		return nil, fault.Newf(fault.Invalid, "filter pattern", "has %d regular expressions: at most %d are allowed", p.regexes, maxRegexes)
	}
	return p, nil
}

// Match reports whether the message matches.
func (p *Pattern) Match(message string) bool { return p.match.matches(message) }

// HasRegex reports whether the pattern has a regular expression: a log group takes few filters with one.
func (p *Pattern) HasRegex() bool { return p.regexes > 0 }

// Names returns the names of the fields that a space-delimited pattern takes from every message it matches, in their
// order; it is nil for patterns of other kinds, and for elastic ones, whose fields depend on the message: see NamesOf.
// A field without a name is named by its position, from 1. The slice is shared, do not change it.
func (p *Pattern) Names() []string {
	if p.fields == nil || p.fields.elastic {
		return nil
	}
	return p.fields.names
}

// Elastic reports whether the pattern is space-delimited and lets messages have any number of fields ("..." or "[]").
func (p *Pattern) Elastic() bool { return p.fields != nil && p.fields.elastic }

// NamesOf returns the names of the n values that Extract gave: Names where the pattern is not elastic. Fields that
// have no name in the pattern are named by their position in the message, from 1. The slice is shared, do not change it.
func (p *Pattern) NamesOf(n int) []string {
	if p.fields == nil || n == 0 {
		return nil
	}
	return p.fields.namesOf(n)
}

// Takes reports whether events that match can have the value that a reference names: "$name" or "$3" of a space-delimited
// pattern, "$.selector" of a JSON one.
func (p *Pattern) Takes(reference string) bool {
	name, ok := strings.CutPrefix(reference, "$")
	switch {
	case !ok || name == "":
		return false
	case p.fields != nil:
		return p.fields.takes(name)
	}
	if _, json := p.match.(*object); !json {
		return false
	}
	r := &reader{text: reference}
	_, err := r.selector()
	return err == nil && r.pos == len(r.text) && r.spreads == 0
}

// Extract reports whether the message matches, and then puts the values of its fields into values[:0], which it
// returns: values[i] is the value of the field NamesOf(len(values))[i]. They share the message's memory, and nothing is
// allocated where values has the room. A pattern that is not space-delimited matches as Match does and has no values.
func (p *Pattern) Extract(message string, values []string) ([]string, bool) {
	if p.fields == nil {
		return values[:0], p.match.matches(message)
	}
	return p.fields.extract(message, values[:0])
}

const blanks = " \t\r\n"

func isBlank(b byte) bool { return b == ' ' || b == '\t' || b == '\r' || b == '\n' }

func isAlnum(b byte) bool {
	return b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z'
}

// reader reads a pattern's text.
type reader struct {
	text    string
	pos     int
	regexes int
	spreads int
	depth   int
}

// invalid is an error about the place where the reader stands.
func (r *reader) invalid(format string, args ...any) error {
	return r.invalidAt(r.pos, format, args...)
}

func (r *reader) invalidAt(pos int, format string, args ...any) error {
	at := utf8.RuneCountInString(r.text[:pos]) + 1
	return fault.Newf(fault.Invalid, "filter pattern", "Invalid filter pattern at character %d: "+format, append([]any{at}, args...)...)
}

// peek returns the next byte, 0 at the end.
func (r *reader) peek() byte {
	if r.pos < len(r.text) {
		return r.text[r.pos]
	}
	return 0
}

// skip passes over blanks.
func (r *reader) skip() {
	for r.pos < len(r.text) && isBlank(r.text[r.pos]) {
		r.pos++
	}
}

// take passes over s, if the text goes on with it.
func (r *reader) take(s string) bool {
	if strings.HasPrefix(r.text[r.pos:], s) {
		r.pos += len(s)
		return true
	}
	return false
}

// found describes what stands here, for errors.
func (r *reader) found() string {
	if r.pos >= len(r.text) {
		return "the end"
	}
	c, _ := utf8.DecodeRuneInString(r.text[r.pos:])
	return string(append([]rune{'"'}, c, '"'))
}

// phrase reads a string in double quotes.
func (r *reader) phrase() (string, error) {
	start := r.pos
	var b strings.Builder
	for r.pos++; r.pos < len(r.text); r.pos++ {
		switch c := r.text[r.pos]; {
		case c == '"':
			r.pos++
			return b.String(), nil
		case c == '\\' && r.pos+1 < len(r.text) && (r.text[r.pos+1] == '"' || r.text[r.pos+1] == '\\'):
			r.pos++
			b.WriteByte(r.text[r.pos])
		default:
			b.WriteByte(c)
		}
	}
	return "", r.invalidAt(start, "the phrase has no closing quote")
}
