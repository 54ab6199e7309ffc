package sql

import (
	"fmt"
	"sort"
	"strings"
	"unicode/utf8"

	"flowlake/fault"
)

// Error is a failure with its place in the text. It is the cause inside the fault error that Parse
// returns; its text, "line 1:8: message. Hint.", is the whole message.
type Error struct {
	Offset       int // bytes
	Line, Column int // from 1; a column is a character, whatever its size in bytes
	Message      string
	Hint         string // a sentence without its full stop; may be empty
}

func (e *Error) Error() string {
	s := fmt.Sprintf("line %d:%d: %s", e.Line, e.Column, e.Message)
	if e.Hint != "" {
		s += ". " + e.Hint + "."
	}
	return s
}

// ErrorAt returns a fault error of that kind about the byte offset in text, worded as Athena words
// them: "line 1:8: message". The hint is a sentence without its full stop, or empty.
func ErrorAt(kind fault.Kind, text string, offset int, message, hint string) error {
	line, column := LineColumn(text, offset)
	return &fault.Error{Kind: kind, Err: &Error{Offset: offset, Line: line, Column: column, Message: message, Hint: hint}}
}

// LineColumn returns the line and the column of a byte offset in text, both from 1. Columns count
// characters.
func LineColumn(text string, offset int) (line, column int) {
	before := text[:offset]
	line = 1 + strings.Count(before, "\n")
	return line, 1 + utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])
}

// halt carries an error out of the recursion to Parse.
type halt struct{ err error }

// maxHint bounds a hint, in bytes: one that repeats a very long token is left out.
const maxHint = 400

// fail stops the parse at the current token: what stands there is none of what was tried.
func (p *parser) fail() { p.failHint("") }

// failHint is fail with a hint that the caller knows; without one it is guessed.
func (p *parser) failHint(hint string) {
	t := p.cur()
	if t.kind == tokBad {
		p.refuse(p.pos, "", "")
	}
	if p.expecting == nil {
		panic(retry{p.pos}) // parse again, this time noting what is tried at this token
	}
	message := "mismatched input '" + p.show(t) + "'"
	if list := p.expected(); list != "" {
		message += ". Expecting: " + list
	}
	if hint == "" {
		hint = p.guess()
	}
	p.refuse(p.pos, message, hint)
}

// refuse stops the parse at the token with index i with a message of its own. A token that is none has
// its own flaw to tell.
func (p *parser) refuse(i int, message, hint string) {
	t := p.toks[i]
	if t.kind == tokBad {
		message, hint = p.flaw.message, p.flaw.hint
	}
	if len(hint) > maxHint {
		hint = ""
	}
	panic(halt{ErrorAt(fault.Invalid, p.text, t.start, message, hint)})
}

// unsupported stops the parse because what is named is not done here.
func (p *parser) unsupported(i int, name string) {
	panic(halt{ErrorAt(fault.Unsupported, p.text, p.toks[i].start, name+" is not supported", "")})
}

// retry asks Parse for a second pass that notes what was expected at a token.
type retry struct{ token int }

// note remembers that what was tried at the current token, for the message.
func (p *parser) note(what string) {
	if p.expecting != nil && p.pos == p.noteAt && p.muted != p.pos {
		p.expecting[what] = true
	}
}

// noteWord is note for a word or sign of the language, which the message puts in quotes.
func (p *parser) noteWord(word string) {
	if p.expecting != nil {
		p.note("'" + word + "'")
	}
}

// begin notes a whole construct (<expression>) and keeps quiet about the words that it may begin with.
// The caller restores p.muted with what begin returns.
func (p *parser) begin(what string) int {
	p.note(what)
	old := p.muted
	p.muted = p.pos
	return old
}

// expected lists what was noted: words and signs first, then constructs, as Trino does.
func (p *parser) expected() string {
	list := make([]string, 0, len(p.expecting))
	for what := range p.expecting {
		list = append(list, what)
	}
	sort.Slice(list, func(i, j int) bool {
		if a, b := list[i][0] == '<', list[j][0] == '<'; a != b {
			return b
		}
		return list[i] < list[j]
	})
	return strings.Join(list, ", ")
}

// maxShown bounds how much of a long token a message repeats, in bytes.
const maxShown = 60

func (p *parser) show(t token) string {
	if t.kind == tokEOF {
		return "<EOF>"
	}
	s := p.text[t.start:t.end]
	if len(s) <= maxShown {
		return s
	}
	cut := maxShown
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}
