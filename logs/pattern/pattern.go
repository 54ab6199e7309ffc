// Package pattern compiles filter patterns and tells which messages match. Today it knows terms: words and quoted
// phrases, all of which must be in the message, in any order. It refuses the rest of the language by name.
package pattern

import (
	"strings"
	"unicode/utf8"

	"flowlake/fault"
)

// MaxLength is the longest pattern, in characters. Source: API reference, FilterLogEvents.
const MaxLength = 1024

// Pattern is a compiled pattern. It is safe for concurrent use.
type Pattern struct {
	terms []string
}

// Compile reads a pattern. An empty one, or one of blanks or of an empty phrase, matches every message.
//
// A term of other characters than letters, digits and "_" must be in double quotes; inside these a backslash
// stands before a quote or a backslash. Terms are case-sensitive.
//
// It returns fault.Invalid for a pattern that is too long or not well formed, and fault.Unsupported, naming it, for
// one of a kind that is not known yet.
//
// Source: CloudWatch Logs user guide, "Filter pattern syntax"
func Compile(text string) (*Pattern, error) {
	if n := utf8.RuneCountInString(text); n > MaxLength {
		return nil, fault.Newf(fault.Invalid, "filter pattern", "has %d characters: Member must have length less than or equal to %d", n, MaxLength)
	}
	if !utf8.ValidString(text) {
		return nil, fault.Newf(fault.Invalid, "filter pattern", "is not UTF-8")
	}
	p := &Pattern{}
	rest := strings.TrimLeft(text, blanks)
	for rest != "" {
		var term string
		var err error
		switch rest[0] {
		case '"':
			term, rest, err = phrase(rest)
		case '{':
			err = later(text, "JSON patterns { … }")
		case '[':
			err = later(text, "space-delimited patterns [ … ]")
		case '%':
			err = later(text, "regular expressions %…%")
		case '?':
			err = later(text, "optional terms ?term")
		case '-':
			err = later(text, "excluded terms -term")
		default:
			term, rest, err = word(rest)
		}
		if err != nil {
			return nil, err
		}
		if term != "" {
			p.terms = append(p.terms, term)
		}
		rest = strings.TrimLeft(rest, blanks)
	}
	return p, nil
}

const blanks = " \t\r\n"

func later(text, kind string) error {
	return fault.Newf(fault.Unsupported, "filter pattern "+text, "%s are not supported yet: use terms and \"quoted phrases\"", kind)
}

// phrase reads a quoted phrase, rest beginning with its quote.
func phrase(rest string) (term, behind string, err error) {
	var b strings.Builder
	for i := 1; i < len(rest); i++ {
		switch c := rest[i]; {
		case c == '"':
			behind = rest[i+1:]
			if behind != "" && strings.IndexByte(blanks, behind[0]) < 0 {
				return "", "", fault.Newf(fault.Invalid, "filter pattern", "a blank must follow the phrase %s", rest[:i+1])
			}
			return b.String(), behind, nil
		case c == '\\' && i+1 < len(rest) && (rest[i+1] == '"' || rest[i+1] == '\\'):
			i++
			b.WriteByte(rest[i])
		default:
			b.WriteByte(c)
		}
	}
	return "", "", fault.Newf(fault.Invalid, "filter pattern", "the phrase %s has no closing quote", rest)
}

// word reads an unquoted term.
func word(rest string) (term, behind string, err error) {
	end := strings.IndexAny(rest, blanks)
	if end < 0 {
		end = len(rest)
	}
	term, behind = rest[:end], rest[end:]
	for _, r := range term {
		if r < utf8.RuneSelf && r != '_' && !(r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z') {
			return "", "", fault.Newf(fault.Invalid, "filter pattern", "Invalid character(s) in term '%s': put it in double quotes", term)
		}
	}
	return term, behind, nil
}

// Match reports whether all terms are in the message.
func (p *Pattern) Match(message string) bool {
	for _, term := range p.terms {
		if !strings.Contains(message, term) {
			return false
		}
	}
	return true
}

// Names returns the names of the fields that a space-delimited pattern takes from every message it matches, in their
// order; it is nil for patterns of other kinds, and for elastic ones, whose fields depend on the message: see NamesOf.
// The slice is shared, do not change it.
func (p *Pattern) Names() []string { return nil }

// Elastic reports whether the pattern is space-delimited and lets messages have any number of fields ("..." or "[]").
func (p *Pattern) Elastic() bool { return false }

// NamesOf returns the names of the n values that Extract gave: Names where the pattern is not elastic. Fields that
// have no name in the pattern are named by their position in the message, from 1. The slice is shared, do not change it.
func (p *Pattern) NamesOf(n int) []string { return nil }

// Extract reports whether the pattern matches, and then puts the values of the message's fields into values[:0], which it
// returns: values[i] is the value of the field NamesOf(len(values))[i]. They share the message's memory, and nothing is allocated
// where values has the room. A pattern that is not space-delimited matches as Match does and has no values.
func (p *Pattern) Extract(message string, values []string) ([]string, bool) {
	return values[:0], p.Match(message)
}
