package catalog

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"flowlake/fault"
)

// maxExpression is Glue's limit for GetPartitions' Expression, in characters.
const maxExpression = 2048

// ParseExpression parses Glue's filter language over those partition keys: comparisons of a key with a
// literal (= <> != < > <= >=), AND, OR, NOT, [NOT] IN, [NOT] BETWEEN, [NOT] LIKE, IS [NOT] NULL and
// parentheses. Literals are numbers, 'strings' (” is a quote), DATE '…', TIMESTAMP '…', TRUE and FALSE; a string
// is read as the key's type. Words do not mind their case, and keys may stand in backticks or double quotes.
//
// It returns a fault.Invalid error about the noun "expression" that names the place, counted in
// characters from 1.
//
// Source: Glue API, GetPartitions, Expression
func ParseExpression(text string, keys []Column) (*Expression, error) {
	if n := utf8.RuneCountInString(text); n > maxExpression {
		return nil, fault.Newf(fault.Invalid, "expression", "it has %d characters; at most %d are allowed", n, maxExpression)
	}
	p := &expressionParser{text: text, keys: keys}
	for _, col := range keys {
		k, err := keyTypeOf(col)
		if err != nil {
			return nil, err
		}
		p.types = append(p.types, k)
	}
	p.next()
	root, err := p.or()
	if err == nil && p.tok.kind != endToken {
		err = p.unexpected("AND, OR or the end")
	}
	if err != nil {
		return nil, err
	}
	return &Expression{root: root, keys: p.types}, nil
}

type tokenKind uint8

const (
	endToken tokenKind = iota
	wordToken
	quotedToken // a name in backticks or double quotes
	stringToken
	numberToken
	signToken
	badToken // text says what is wrong
)

type token struct {
	kind tokenKind
	text string
	at   int // byte offset
}

type expressionParser struct {
	text  string
	at    int
	tok   token
	keys  []Column
	types []keyType
}

func (p *expressionParser) fail(at int, format string, args ...any) error {
	return fault.Newf(fault.Invalid, "expression", "at character %d: %s", utf8.RuneCountInString(p.text[:at])+1, fmt.Sprintf(format, args...))
}

func (p *expressionParser) unexpected(wanted string) error {
	switch p.tok.kind {
	case endToken:
		return p.fail(p.tok.at, "it ends where %s is expected", wanted)
	case badToken:
		return p.fail(p.tok.at, "%s", p.tok.text)
	}
	return p.fail(p.tok.at, "%q where %s is expected", p.tok.text, wanted)
}

// next reads a token.
func (p *expressionParser) next() {
	s := p.text
	for p.at < len(s) && strings.IndexByte(" \t\r\n", s[p.at]) >= 0 {
		p.at++
	}
	p.tok = token{at: p.at}
	if p.at == len(s) {
		return
	}
	start, ch := p.at, s[p.at]
	run := func(in func(byte) bool) {
		for p.at < len(s) && in(s[p.at]) {
			p.at++
		}
	}
	switch {
	case ch == '\'' || ch == '"' || ch == '`':
		p.quoted(ch)
		return
	case isLetter(ch):
		run(func(b byte) bool { return isLetter(b) || isDigit(b) })
		p.tok.kind = wordToken
	case isDigit(ch) || ch == '.' || (ch == '-' || ch == '+') && start+1 < len(s) && (isDigit(s[start+1]) || s[start+1] == '.'):
		p.at++
		run(func(b byte) bool {
			return isDigit(b) || b == '.' || b == 'e' || b == 'E' || (b == '-' || b == '+') && (s[p.at-1] == 'e' || s[p.at-1] == 'E')
		})
		p.tok.kind = numberToken
	case strings.IndexByte("=<>!(),", ch) >= 0:
		p.at++
		if p.at < len(s) && (s[start:p.at+1] == "<>" || s[start:p.at+1] == "!=" || s[start:p.at+1] == "<=" || s[start:p.at+1] == ">=") {
			p.at++
		}
		p.tok.kind = signToken
	default:
		_, size := utf8.DecodeRuneInString(s[start:])
		p.at += size
		p.tok.kind = badToken
		p.tok.text = fmt.Sprintf("%q is not expected", s[start:p.at])
		return
	}
	p.tok.text = s[start:p.at]
}

func (p *expressionParser) quoted(quote byte) {
	start := p.at
	var b strings.Builder
	for p.at++; p.at < len(p.text); p.at++ {
		if p.text[p.at] != quote {
			b.WriteByte(p.text[p.at])
			continue
		}
		if p.at+1 < len(p.text) && p.text[p.at+1] == quote {
			b.WriteByte(quote)
			p.at++
			continue
		}
		p.at++
		p.tok = token{kind: stringToken, text: b.String(), at: start}
		if quote != '\'' {
			p.tok.kind = quotedToken
		}
		return
	}
	p.tok = token{kind: badToken, text: fmt.Sprintf("the quote %c is not closed", quote), at: start}
}

func isLetter(b byte) bool {
	return b|0x20 >= 'a' && b|0x20 <= 'z' || b == '_' || b >= utf8.RuneSelf
}

func isDigit(b byte) bool { return b >= '0' && b <= '9' }

// word takes the next token if it is that word.
func (p *expressionParser) word(w string) bool {
	if p.tok.kind == wordToken && strings.EqualFold(p.tok.text, w) {
		p.next()
		return true
	}
	return false
}

func (p *expressionParser) sign(s string) bool {
	if p.tok.kind == signToken && p.tok.text == s {
		p.next()
		return true
	}
	return false
}

func (p *expressionParser) or() (node, error) {
	list, err := p.joined("OR", p.and)
	if err != nil || len(list) > 1 {
		return or(list), err
	}
	return list[0], nil
}

func (p *expressionParser) and() (node, error) {
	list, err := p.joined("AND", p.not)
	if err != nil || len(list) > 1 {
		return and(list), err
	}
	return list[0], nil
}

// joined parses one or more operands with the word between them.
func (p *expressionParser) joined(word string, operand func() (node, error)) ([]node, error) {
	var list []node
	for {
		n, err := operand()
		if err != nil {
			return nil, err
		}
		if list = append(list, n); !p.word(word) {
			return list, nil
		}
	}
}

func (p *expressionParser) not() (node, error) {
	if p.word("NOT") {
		n, err := p.not()
		return not{n}, err
	}
	if p.sign("(") {
		n, err := p.or()
		if err != nil {
			return nil, err
		}
		if !p.sign(")") {
			return nil, p.unexpected("AND, OR or )")
		}
		return n, nil
	}
	return p.predicate()
}

func (p *expressionParser) predicate() (node, error) {
	if p.literalNext() {
		return p.reversed()
	}
	key, err := p.key()
	if err != nil {
		return nil, err
	}
	if op := p.operator(); op != "" {
		v, err := p.literal(key)
		return compare{key, op, v}, err
	}
	if p.word("IS") {
		negated := p.word("NOT")
		if !p.word("NULL") {
			return nil, p.unexpected("NULL")
		}
		return maybeNot(isNull{key}, negated), nil
	}
	negated := p.word("NOT")
	var n node
	switch {
	case p.word("IN"):
		n, err = p.in(key)
	case p.word("BETWEEN"):
		n, err = p.between(key)
	case p.word("LIKE"):
		n, err = p.like(key)
	case negated:
		err = p.unexpected("IN, BETWEEN or LIKE")
	default:
		err = p.unexpected("a comparison")
	}
	if err != nil {
		return nil, err
	}
	return maybeNot(n, negated), nil
}

func maybeNot(n node, negated bool) node {
	if negated {
		return not{n}
	}
	return n
}

// reversed reads a comparison with the literal in front.
func (p *expressionParser) reversed() (node, error) {
	start := *p
	skip := p.tok
	p.next()
	if (strings.EqualFold(skip.text, "DATE") || strings.EqualFold(skip.text, "TIMESTAMP")) && skip.kind == wordToken {
		p.next()
	}
	op := p.operator()
	if op == "" {
		return nil, p.unexpected("a comparison")
	}
	key, err := p.key()
	if err != nil {
		return nil, err
	}
	end := *p
	*p = start
	v, err := p.literal(key)
	*p = end
	return compare{key, map[string]string{"=": "=", "<>": "<>", "<": ">", ">": "<", "<=": ">=", ">=": "<="}[op], v}, err
}

// literalNext reports whether a literal comes next, rather than a key's name.
func (p *expressionParser) literalNext() bool {
	switch p.tok.kind {
	case stringToken, numberToken:
		return true
	case wordToken:
		if strings.EqualFold(p.tok.text, "TRUE") || strings.EqualFold(p.tok.text, "FALSE") {
			return p.find(p.tok.text) < 0
		}
		if strings.EqualFold(p.tok.text, "DATE") || strings.EqualFold(p.tok.text, "TIMESTAMP") {
			ahead := *p
			ahead.next()
			return ahead.tok.kind == stringToken
		}
	}
	return false
}

func (p *expressionParser) find(name string) int {
	for i, k := range p.keys {
		if strings.EqualFold(k.Name, name) {
			return i
		}
	}
	return -1
}

func (p *expressionParser) key() (int, error) {
	if p.tok.kind != wordToken && p.tok.kind != quotedToken {
		return 0, p.unexpected("a partition key")
	}
	i := p.find(p.tok.text)
	if i < 0 {
		names := make([]string, len(p.keys))
		for i, k := range p.keys {
			names[i] = k.Name
		}
		return 0, p.fail(p.tok.at, "%s is not a partition key; the table has: %s", p.tok.text, strings.Join(names, ", "))
	}
	p.next()
	return i, nil
}

func (p *expressionParser) operator() string {
	if p.tok.kind != signToken {
		return ""
	}
	op := p.tok.text
	switch op {
	case "!=":
		op = "<>"
	case "=", "<>", "<", ">", "<=", ">=":
	default:
		return ""
	}
	p.next()
	return op
}

// literal reads a literal as a value of the key's type.
func (p *expressionParser) literal(key int) (literal, error) {
	k, name := p.types[key], p.keys[key].Name
	tok := p.tok
	kind, text := tok.kind, tok.text
	switch {
	case kind == stringToken:
		if k == numberKey && strings.TrimSpace(text) != text {
			return literal{}, p.fail(tok.at, "%q is not a number, as %s is", text, name)
		}
	case kind == numberToken:
		if k != numberKey {
			return literal{}, p.fail(tok.at, "%s is a %s: write the value in single quotes, '%s'", name, k, text)
		}
	case kind == wordToken && (strings.EqualFold(text, "TRUE") || strings.EqualFold(text, "FALSE")):
		if k != booleanKey {
			return literal{}, p.fail(tok.at, "%s is a %s, not a boolean", name, k)
		}
	case kind == wordToken && (strings.EqualFold(text, "DATE") || strings.EqualFold(text, "TIMESTAMP")):
		p.next()
		if p.tok.kind != stringToken {
			return literal{}, p.unexpected("a value in single quotes")
		}
		text = p.tok.text
	default:
		return literal{}, p.unexpected("a literal")
	}
	v, ok := k.read(text)
	if !ok {
		return literal{}, p.fail(tok.at, "%q is not a %s, as %s is", text, k, name)
	}
	p.next()
	return v, nil
}

func (p *expressionParser) in(key int) (node, error) {
	if !p.sign("(") {
		return nil, p.unexpected("(")
	}
	n := in{key: key}
	for {
		v, err := p.literal(key)
		if err != nil {
			return nil, err
		}
		n.list = append(n.list, v)
		if p.sign(")") {
			return n, nil
		}
		if !p.sign(",") {
			return nil, p.unexpected(", or )")
		}
	}
}

func (p *expressionParser) between(key int) (node, error) {
	low, err := p.literal(key)
	if err != nil {
		return nil, err
	}
	if !p.word("AND") {
		return nil, p.unexpected("AND")
	}
	high, err := p.literal(key)
	return and{compare{key, ">=", low}, compare{key, "<=", high}}, err
}

func (p *expressionParser) like(key int) (node, error) {
	if p.types[key] != stringKey {
		return nil, p.fail(p.tok.at, "LIKE needs a string, and %s is a %s", p.keys[key].Name, p.types[key])
	}
	v, err := p.literal(key)
	return like{key, []rune(v.text)}, err
}
