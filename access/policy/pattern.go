package policy

import (
	"strings"
	"unicode/utf8"
)

// Match reports whether value matches pattern, in which * stands for any run of characters, also none, and ? for
// one. Nothing else is special, and case counts.
func Match(pattern, value string) bool {
	var tokens [16]token
	return matchTokens(glob(tokens[:0], pattern, false), value)
}

// token is a piece of a pattern.
type token struct {
	kind tokenKind
	text string    // of a literal
	key  *variable // of a variable, until it is expanded
}

type tokenKind uint8

const (
	literal  tokenKind = iota
	anyRun             // *
	anyOne             // ?
	expanded           // ${key}: a literal once the request is known
)

// variable is ${key} or ${key, 'default'} in a pattern.
//
// Source: IAM user guide, "IAM policy elements: Variables and tags".
type variable struct {
	key      string // in lower case
	fallback string
	has      bool // it has a fallback
}

// maxVariable bounds the bytes of a variable with its braces: a text of many that have no end costs no more than that for each.
const maxVariable = 1024

// glob appends the tokens of a pattern; with variables, ${…} is one, and ${*}, ${?} and ${$} are literals.
func glob(tokens []token, pattern string, variables bool) []token {
	return appendTokens(tokens, pattern, variables, true)
}

// words appends the tokens of a text in which * and ? are no wildcards.
func words(tokens []token, text string, variables bool) []token {
	return appendTokens(tokens, text, variables, false)
}

func appendTokens(tokens []token, pattern string, variables, wildcards bool) []token {
	add := func(text string) {
		if text == "" {
			return
		}
		if n := len(tokens); n > 0 && tokens[n-1].kind == literal {
			tokens[n-1].text += text
			return
		}
		tokens = append(tokens, token{text: text})
	}
	from := 0
	for i := 0; i < len(pattern); {
		switch c := pattern[i]; {
		case wildcards && c == '*':
			add(pattern[from:i])
			if n := len(tokens); n == 0 || tokens[n-1].kind != anyRun {
				tokens = append(tokens, token{kind: anyRun})
			}
			i++
			from = i
		case wildcards && c == '?':
			add(pattern[from:i])
			tokens = append(tokens, token{kind: anyOne})
			i++
			from = i
		case variables && c == '$':
			v, length := readVariable(pattern[i:])
			if length == 0 {
				i++
				continue
			}
			add(pattern[from:i])
			if len(v.key) == 1 { // ${*}, ${?}, ${$}
				add(v.key)
			} else {
				tokens = append(tokens, token{kind: expanded, key: &v})
			}
			i += length
			from = i
		default:
			i++
		}
	}
	add(pattern[from:])
	return tokens
}

// readVariable reads the ${…} that text begins with and returns its length, 0 when it is none.
func readVariable(text string) (variable, int) {
	if !strings.HasPrefix(text, "${") {
		return variable{}, 0
	}
	if len(text) >= 4 && text[3] == '}' && strings.IndexByte("*?$", text[2]) >= 0 {
		return variable{key: text[2:3]}, 4
	}
	text = text[:min(len(text), maxVariable)]
	end := strings.IndexByte(text, '}')
	if end < 0 {
		return variable{}, 0
	}
	name, _, has := strings.Cut(text[2:end], ",")
	v := variable{key: strings.ToLower(strings.TrimSpace(name))}
	if has {
		// A default may hold a brace: it ends at the quote.
		quote := strings.IndexByte(text, '\'')
		if quote < 0 || quote > end || strings.TrimSpace(text[2+len(name)+1:quote]) != "" {
			return variable{}, 0
		}
		close := strings.Index(text[quote+1:], "'")
		if close < 0 {
			return variable{}, 0
		}
		after := quote + 1 + close + 1
		end = after + len(text[after:]) - len(strings.TrimLeft(text[after:], " "))
		if end >= len(text) || text[end] != '}' {
			return variable{}, 0
		}
		v.fallback, v.has = text[quote+1:quote+1+close], true
	}
	if !validKey(v.key) {
		return variable{}, 0
	}
	return v, end + 1
}

// matchTokens holds a value against tokens that have no variables left. It goes back to the last * alone, so
// that its time is the product of both lengths at worst.
func matchTokens(tokens []token, value string) bool {
	at, i := 0, 0
	back, from := -1, 0 // the token after the last *, and where its next attempt begins
	for {
		matched := false
		switch {
		case i == len(tokens):
			if at == len(value) {
				return true
			}
		case tokens[i].kind == anyRun:
			if i+1 == len(tokens) {
				return true
			}
			back, from = i+1, at
		case tokens[i].kind == anyOne:
			if matched = at < len(value); matched {
				_, n := utf8.DecodeRuneInString(value[at:])
				at += n
			}
		default:
			if matched = strings.HasPrefix(value[at:], tokens[i].text); matched {
				at += len(tokens[i].text)
			}
		}
		if matched {
			i++
			continue
		}
		if back < 0 || from > len(value) {
			return false
		}
		if next := &tokens[back]; next.kind == literal { // the next place where what follows the * can begin
			skip := strings.Index(value[from:], next.text)
			if skip < 0 {
				return false
			}
			from += skip
		}
		i, at = back, from
		from++
	}
}

// expand replaces variables by the request's values and returns false when one has none. The values are
// literals: a * in one is a star. It appends to room, which it may use up without an allocation.
func expand(room, tokens []token, s *scope) ([]token, bool) {
	for _, t := range tokens {
		if t.kind == expanded {
			values, _ := s.values(t.key.key)
			switch {
			case len(values) == 1 && values[0] != "":
				t = token{text: values[0]}
			case t.key.has:
				t = token{text: t.key.fallback}
			default:
				return nil, false // nothing, or several values, cannot stand for one
			}
		}
		room = append(room, t)
	}
	return room, true
}

// hasVariables reports whether a variable is among the tokens.
func hasVariables(tokens []token) bool {
	for _, t := range tokens {
		if t.kind == expanded {
			return true
		}
	}
	return false
}

// pattern is a compiled text with wildcards and variables.
type pattern struct {
	text   string // all of it, when it is exact
	exact  bool   // it is one literal, or nothing
	vars   bool
	tokens []token
}

func compilePattern(tokens []token) pattern {
	p := pattern{tokens: tokens, vars: hasVariables(tokens), exact: len(tokens) == 0 || len(tokens) == 1 && tokens[0].kind == literal}
	if p.exact && len(tokens) > 0 {
		p.text = tokens[0].text
	}
	return p
}

func (p *pattern) match(value string, s *scope) bool {
	if p.exact {
		return p.text == value
	}
	if !p.vars {
		return matchTokens(p.tokens, value)
	}
	var room [16]token
	tokens, ok := expand(room[:0], p.tokens, s)
	return ok && matchTokens(tokens, value)
}

// arnPattern is a pattern whose first five colons divide segments, which no wildcard and no variable's value
// crosses; the sixth segment, the resource, runs to the end and a * in it crosses colons.
//
// Source: IAM user guide, "IAM JSON policy elements: Resource".
type arnPattern struct {
	form   arnForm
	prefix string    // what a value must begin with
	parts  []pattern // all six, where the prefix does not decide
	first  int       // of the parts that the prefix leaves open
}

type arnForm uint8

const (
	noARN     arnForm = iota // it has fewer segments: nothing matches
	anything                 // "*", which matches also what is no ARN
	wholeARN                 // the prefix is all
	prefixARN                // the prefix, and a * in the last segment
	globARN
)

func compileARN(text string, variables bool) arnPattern {
	if text == "*" {
		return arnPattern{form: anything}
	}
	segments := splitPattern(text, variables)
	if len(segments) != 6 {
		return arnPattern{}
	}
	p := arnPattern{form: wholeARN}
	for i, segment := range segments {
		part := compilePattern(glob(nil, segment, variables))
		p.parts = append(p.parts, part)
		if p.form != wholeARN {
			continue
		}
		if i > 0 {
			p.prefix += ":"
		}
		if tokens := part.tokens; len(tokens) > 0 && tokens[0].kind == literal {
			p.prefix += tokens[0].text
		}
		if !part.exact {
			p.form, p.first = globARN, i
		}
	}
	last := p.parts[5].tokens
	if n := len(last); p.form == globARN && p.first == 5 && last[n-1].kind == anyRun && (n == 1 || n == 2 && last[0].kind == literal) {
		p.form = prefixARN
	}
	return p
}

// splitPattern cuts a pattern at its first five colons; those within ${…} do not count.
func splitPattern(text string, variables bool) []string {
	var parts []string
	from := 0
	for i := 0; i < len(text) && len(parts) < 5; i++ {
		if variables && text[i] == '$' {
			if _, length := readVariable(text[i:]); length > 0 {
				i += length - 1
				continue
			}
		}
		if text[i] == ':' {
			parts = append(parts, text[from:i])
			from = i + 1
		}
	}
	return append(parts, text[from:])
}

// arn is a value cut at its first five colons.
type arn struct {
	text  string
	parts [6]string
	ok    bool // it has six parts
}

func cutARN(text string) arn {
	a := arn{text: text}
	rest := text
	for i := range 5 {
		part, after, ok := strings.Cut(rest, ":")
		if !ok {
			return a
		}
		a.parts[i], rest = part, after
	}
	a.parts[5], a.ok = rest, true
	return a
}

func (p *arnPattern) match(a *arn, s *scope) bool {
	switch {
	case p.form == anything:
		return true
	case p.form == noARN || !a.ok || !strings.HasPrefix(a.text, p.prefix):
		return false
	case p.form == wholeARN:
		return len(a.text) == len(p.prefix)
	case p.form == prefixARN:
		return true
	}
	for i := p.first; i < len(p.parts); i++ {
		if !p.parts[i].match(a.parts[i], s) {
			return false
		}
	}
	return true
}
