package sql

import (
	"strconv"
	"unicode/utf8"
)

// isIdent reports whether t can be a name where no keyword can stand.
func (p *parser) isIdent(t token) bool {
	switch t.kind {
	case tokWord:
		return p.hive && !hiveReserved[t.word] || !p.hive && !trinoReserved[t.word]
	case tokQuoted:
		return true
	case tokBacktick, tokDigits:
		return p.hive
	}
	return false
}

// ident reads one identifier. Queries take double quotes; DDL takes backticks, and double quotes too
// (the user guide puts them around tables' names with digits).
func (p *parser) ident() Ident {
	t := p.cur()
	if !p.isIdent(t) {
		p.note("<identifier>")
		p.fail()
	}
	p.pos++
	return p.identOf(t)
}

func (p *parser) identOf(t token) Ident {
	id := Ident{Span: Span{t.start, t.end}, Name: p.text[t.start:t.end]}
	switch t.kind {
	case tokQuoted:
		id.Quote = DoubleQuote
		if p.hive {
			id.Name = unquoteHive(id.Name)
		} else {
			id.Name = unquote(id.Name)
		}
	case tokBacktick:
		id.Name, id.Quote = unquote(id.Name), Backtick
	}
	if id.Name == "" {
		p.refuse(p.pos-1, "a quoted identifier cannot be empty", "")
	}
	return id
}

// columnIdent reads a column's name in DDL. Reserved words are taken bare: a type always follows, so
// nothing else can be meant.
func (p *parser) columnIdent() Ident {
	if t := p.cur(); t.kind == tokWord {
		p.pos++
		return p.identOf(t)
	}
	if t := p.cur(); t.kind == tokQuoted {
		p.note("<identifier>")
		p.failHint("In DDL a column's name goes in backticks: " + QuoteHiveIdent(unquoteHive(p.text[t.start:t.end])))
	}
	return p.ident()
}

// name reads a dotted name, one part by each call of part.
func (p *parser) name(part func() Ident) Name {
	start := p.start()
	n := Name{Parts: []Ident{part()}}
	for p.op(".") {
		if len(n.Parts) == 3 {
			p.refuse(p.pos-1, "too many parts in the name", "A name is catalog.database.table at most")
		}
		n.Parts = append(n.Parts, part())
	}
	n.Span = p.span(start)
	return n
}

// anyName reads a dotted name: bare or in double quotes, in DDL in backticks too.
func (p *parser) anyName() Name { return p.name(p.ident) }

// stringLiteral reads a string. In Hive's grammar double quotes make one too.
func (p *parser) stringLiteral() *String {
	s := p.stringIf()
	if s == nil {
		p.fail()
	}
	return s
}

// stringIf reads a string if one stands here.
func (p *parser) stringIf() *String {
	t := p.cur()
	raw := p.text[t.start:t.end]
	s := &String{Span: Span{t.start, t.end}}
	switch {
	case p.hive && (t.kind == tokString || t.kind == tokQuoted):
		s.Value = unquoteHive(raw)
	case t.kind == tokString:
		s.Value = unquote(raw)
	case t.kind == tokUnicode:
		return p.unicodeString()
	default:
		p.note("<string>")
		return nil
	}
	p.pos++
	return s
}

// unicodeString reads U&'…' [UESCAPE 'c']: the escape character before four hexadecimal digits, or
// before + and six, is that code point; doubled it is itself.
func (p *parser) unicodeString() *String {
	at := p.pos
	t := p.advance()
	raw := unquote(p.text[t.start+2 : t.end])
	escape := byte('\\')
	if p.word("UESCAPE") {
		c := p.stringLiteral().Value
		if len(c) != 1 || c[0] >= utf8.RuneSelf || c[0] <= ' ' || c[0] == '+' || c[0] == '\'' || c[0] == '"' {
			p.refuse(p.pos-1, "invalid Unicode escape character", "")
		}
		if _, digit := hex(c); digit {
			p.refuse(p.pos-1, "invalid Unicode escape character", "")
		}
		escape = c[0]
	}
	out := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		if raw[i] != escape {
			out = append(out, raw[i])
			continue
		}
		rest := raw[i+1:]
		digits, skip := 4, 0
		switch {
		case len(rest) > 0 && rest[0] == escape:
			out = append(out, escape)
			i++
			continue
		case len(rest) > 0 && rest[0] == '+':
			digits, skip = 6, 1
		}
		if len(rest) < skip+digits {
			p.refuse(at, "incomplete escape sequence in the Unicode string", "")
		}
		r, ok := hex(rest[skip : skip+digits])
		if !ok || !utf8.ValidRune(r) {
			p.refuse(at, "invalid escape sequence in the Unicode string: "+string(escape)+rest[:skip+digits], "")
		}
		out = utf8.AppendRune(out, r)
		i += skip + digits
	}
	return &String{Span: p.span(t.start), Value: string(out), Unicode: true}
}

// binary reads X'…', whose white space does not count.
func (p *parser) binary() *Binary {
	t := p.advance()
	var digits []byte
	for _, c := range []byte(p.text[t.start+2 : t.end-1]) {
		switch c {
		case ' ', '\t', '\n', '\r':
		default:
			digits = append(digits, c)
		}
	}
	if len(digits)%2 != 0 {
		p.refuse(p.pos-1, "binary literal must contain an even number of digits", "")
	}
	b := &Binary{Span: Span{t.start, t.end}, Value: make([]byte, 0, len(digits)/2)}
	for i := 0; i < len(digits); i += 2 {
		v, ok := hex(string(digits[i : i+2]))
		if !ok {
			p.refuse(p.pos-1, "binary literal can only contain hexadecimal digits", "")
		}
		b.Value = append(b.Value, byte(v))
	}
	return b
}

// integer reads an unsigned integer that fits an int32: a type's parameter, a number of buckets.
func (p *parser) integer() int {
	t := p.cur()
	if t.kind != tokInteger {
		p.note("<integer>")
		p.fail()
	}
	n, err := strconv.ParseInt(p.text[t.start:t.end], 10, 32)
	if err != nil {
		p.refuse(p.pos, "the number "+p.show(t)+" is too large", "")
	}
	p.pos++
	return int(n)
}
