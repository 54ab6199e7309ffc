package sql

import (
	"strconv"
	"strings"
)

// special reads an expression with a syntax of its own that begins with the word t. It returns nil
// when t begins none: then it is a name.
func (p *parser) special(t token) Expr {
	start := p.start()
	switch t.word {
	case "NULL":
		p.pos++
		return &Null{p.span(start)}
	case "TRUE", "FALSE":
		p.pos++
		return &Boolean{Span: p.span(start), Value: t.word == "TRUE"}
	case "CASE":
		return p.caseExpr()
	case "CAST":
		return p.cast(false)
	case "TRY_CAST":
		if p.opens(1) {
			return p.cast(true)
		}
	case "ARRAY":
		if p.peek(1).word == "[" {
			return p.array()
		}
	case "ROW":
		if p.opens(1) {
			p.pos++
			return &Row{Fields: p.list(), Span: p.span(start)}
		}
	case "EXISTS":
		p.pos++
		q := p.parenQuery()
		return &Exists{Span: p.span(start), Query: q}
	case "GROUPING":
		p.pos++
		return p.grouping(start)
	case "EXTRACT":
		p.pos++
		p.needOp("(")
		e := &Extract{Field: p.ident()}
		p.need("FROM")
		e.X = p.value()
		p.needOp(")")
		e.Span = p.span(start)
		return e
	case "POSITION":
		if p.opens(1) {
			p.pos += 2
			e := &Position{Needle: p.value()}
			p.need("IN")
			e.Haystack = p.value()
			p.needOp(")")
			e.Span = p.span(start)
			return e
		}
	case "SUBSTRING":
		if p.opens(1) {
			return p.substring(start)
		}
	case "TRIM":
		return p.trim(start)
	case "NORMALIZE":
		return p.normalize(start)
	case "LISTAGG":
		return p.listagg(start)
	case "CURRENT_DATE", "CURRENT_USER", "CURRENT_CATALOG", "CURRENT_SCHEMA", "CURRENT_PATH":
		p.pos++
		return &Current{Span: p.span(start), Name: strings.ToLower(t.word), Precision: -1}
	case "CURRENT_TIME", "CURRENT_TIMESTAMP", "LOCALTIME", "LOCALTIMESTAMP":
		p.pos++
		c := &Current{Name: strings.ToLower(t.word), Precision: -1}
		if p.op("(") {
			c.Precision = p.integer()
			p.needOp(")")
		}
		c.Span = p.span(start)
		return c
	case "JSON_EXISTS", "JSON_VALUE", "JSON_QUERY", "JSON_OBJECT", "JSON_ARRAY":
		return p.jsonCall(t)
	}
	return nil
}

func (p *parser) caseExpr() Expr {
	start := p.start()
	p.need("CASE")
	c := &Case{}
	if !p.isWord("WHEN") {
		c.Operand = p.expr()
	}
	for {
		begin := p.start()
		if !p.word("WHEN") {
			break
		}
		w := When{Cond: p.expr()}
		p.need("THEN")
		w.Result = p.expr()
		w.Span = p.span(begin)
		c.Whens = append(c.Whens, w)
	}
	if len(c.Whens) == 0 {
		p.fail()
	}
	if p.word("ELSE") {
		c.Else = p.expr()
	}
	p.need("END")
	c.Span = p.span(start)
	return c
}

func (p *parser) cast(try bool) Expr {
	start := p.start()
	p.pos++
	p.needOp("(")
	c := &Cast{Try: try, X: p.expr()}
	p.need("AS")
	c.Type = p.trinoType()
	p.needOp(")")
	c.Span = p.span(start)
	return c
}

func (p *parser) array() Expr {
	start := p.start()
	p.need("ARRAY")
	p.needOp("[")
	a := &Array{}
	if !p.isOp("]") {
		p.commas(func() {
			a.Elements = append(a.Elements, p.expr())
		})
	}
	p.needOp("]")
	a.Span = p.span(start)
	return a
}

// list reads (a, b): at least one expression.
func (p *parser) list() []Expr {
	p.needOp("(")
	var list []Expr
	p.commas(func() {
		list = append(list, p.expr())
	})
	p.needOp(")")
	return list
}

func (p *parser) grouping(start int) Expr {
	g := &Grouping{}
	p.needOp("(")
	if !p.isOp(")") {
		p.commas(func() {
			at, begin := p.pos, p.start()
			id := p.ident()
			var x Expr = &Reference{Span: id.Span, Name: id}
			for p.op(".") {
				field := p.ident()
				x = &Dereference{Span: p.span(begin), Base: x, Field: field}
			}
			if p.pos > at+7 {
				p.refuse(at, "too many parts in the name", "")
			}
			g.Columns = append(g.Columns, x)
		})
	}
	p.needOp(")")
	g.Span = p.span(start)
	return g
}

// substring reads SUBSTRING(x FROM n [FOR m]), and leaves the form with commas a call.
func (p *parser) substring(start int) Expr {
	name := p.ident()
	p.needOp("(")
	first := p.expr()
	if p.word("FROM") {
		s := &Substring{X: first, From: p.value()}
		if p.word("FOR") {
			s.For = p.value()
		}
		p.needOp(")")
		s.Span = p.span(start)
		return s
	}
	call := &Call{Name: Name{Span: name.Span, Parts: []Ident{name}}, Args: []Expr{first}}
	for p.op(",") {
		call.Args = append(call.Args, p.expr())
	}
	p.needOp(")")
	return p.afterCall(call, start)
}

// trim reads TRIM([side] [characters] FROM x), and leaves trim(x) and trim(x, characters) calls.
func (p *parser) trim(start int) Expr {
	name := p.identOf(p.advance())
	p.needOp("(")
	t := &Trim{Side: p.oneOf("LEADING", "TRAILING", "BOTH")}
	if t.Side == "" || !p.isWord("FROM") {
		t.X = p.value()
	}
	if p.word("FROM") {
		t.Chars = t.X
		t.X = p.value()
	} else {
		if t.Side != "" {
			p.fail()
		}
		call := &Call{Name: Name{Span: name.Span, Parts: []Ident{name}}, Args: []Expr{t.X}}
		if p.op(",") {
			call.Args = append(call.Args, p.value())
		}
		p.needOp(")")
		call.Span = p.span(start)
		return call
	}
	p.needOp(")")
	t.Span = p.span(start)
	return t
}

func (p *parser) normalize(start int) Expr {
	p.pos++
	p.needOp("(")
	n := &Normalize{X: p.value(), Form: "NFC"}
	if p.op(",") {
		if n.Form = p.oneOf("NFD", "NFC", "NFKD", "NFKC"); n.Form == "" {
			p.fail()
		}
	}
	p.needOp(")")
	n.Span = p.span(start)
	return n
}

// jsonCall reads a JSON function as a call, and refuses the clauses of the SQL standard by name.
func (p *parser) jsonCall(t token) Expr {
	start, at := p.start(), p.pos
	name := p.identOf(p.advance())
	if t.word == "JSON_OBJECT" || t.word == "JSON_ARRAY" {
		p.unsupported(at, t.word)
	}
	p.needOp("(")
	call := &Call{Name: Name{Span: name.Span, Parts: []Ident{name}}}
	p.commas(func() {
		call.Args = append(call.Args, p.expr())
		if w := p.cur(); w.kind == tokWord {
			p.unsupported(p.pos, w.word+" in "+t.word)
		}
	})
	p.needOp(")")
	call.Span = p.span(start)
	return call
}

// typed reads the string behind a type's name: DATE '2022-08-28'.
func (p *parser) typed(id Ident) Expr {
	s := p.stringLiteral()
	return &Typed{Span: Span{id.Start, s.End}, Type: id.Key(), Value: *s}
}

var intervalUnits = wordSet("YEAR MONTH DAY HOUR MINUTE SECOND")

// intervalIf reads an interval literal. The word interval alone is a name.
func (p *parser) intervalIf() Expr {
	next := p.peek(1)
	if next.kind == tokOp && (next.word == "-" || next.word == "+") {
		// interval - x is a difference; interval - '1' day a literal.
		next = p.peek(2)
		if next.kind != tokString && !(isAmount(next) && isUnit(p.peek(3))) {
			return nil
		}
		return p.interval()
	}
	if next.kind == tokString || next.kind == tokUnicode || isAmount(next) ||
		next.kind == tokQuoted && isUnit(p.peek(2)) {
		return p.interval()
	}
	if next.kind == tokWord && !trinoReserved[next.word] && isUnit(p.peek(2)) {
		p.pos++
		unit := p.peek(1).word
		p.note("<string>")
		p.failHint("An interval's amount is a string literal; for an amount in a column write " + p.show(p.cur()) +
			" * " + rightInterval("1", unit))
	}
	return nil
}

func isAmount(t token) bool { return t.kind == tokInteger || t.kind == tokDecimal }

// isUnit reports whether t is a unit of time, in the plural too, also one that intervals do not have.
func isUnit(t token) bool {
	unit := strings.TrimSuffix(t.word, "S")
	return t.kind == tokWord && (intervalUnits[unit] || unit == "WEEK" || unit == "QUARTER")
}

// rightInterval spells an interval as Trino takes it.
func rightInterval(amount, unit string) string {
	unit = strings.TrimSuffix(strings.ToLower(unit), "s")
	for _, other := range [...]struct {
		name, unit string
		times      int
	}{{"week", "day", 7}, {"quarter", "month", 3}} {
		if n, err := strconv.Atoi(amount); unit == other.name && err == nil && -1000000 < n && n < 1000000 {
			amount, unit = strconv.Itoa(n*other.times), other.unit
		}
	}
	return "interval '" + amount + "' " + unit
}

func (p *parser) interval() Expr {
	start := p.start()
	p.need("INTERVAL")
	i := &Interval{}
	if !p.op("+") {
		i.Negative = p.op("-")
	}
	s := p.stringIf()
	if s == nil {
		p.intervalAmount()
	}
	i.Value = *s
	i.From, i.To = p.intervalUnits()
	i.Span = p.span(start)
	return i
}

// intervalAmount fails at an amount that is not a string, and shows the right spelling.
func (p *parser) intervalAmount() {
	t, unit := p.cur(), "day"
	if isUnit(p.peek(1)) {
		unit = p.show(p.peek(1))
	}
	amount := p.show(t)
	if t.kind == tokQuoted {
		amount = unquote(p.text[t.start:t.end])
	}
	hint := "An interval's amount is a string: write " + rightInterval(amount, unit)
	if name := p.quotedColumn(); name != "" {
		hint += ". And '" + name + "' in single quotes is a string, not a column: write " + bareOrQuoted(name)
	}
	p.failHint(hint)
}

// quotedColumn finds, before the current token, a string that was probably meant as a column: a word in
// single quotes at the left of a comparison. Alone it is no mistake that the grammar knows.
func (p *parser) quotedColumn() string {
	for i := 1; i < p.pos; i++ {
		t, before, after := p.toks[i], p.toks[i-1], p.toks[i+1]
		if t.kind != tokString || after.kind != tokOp || comparisons[after.word] == "" {
			continue
		}
		switch before.word {
		case "WHERE", "AND", "OR", "NOT", "(":
			if s := unquote(p.text[t.start:t.end]); s != "" && isWordByte(s[0]) && wordEnd(s, 0) == len(s) {
				return s
			}
		}
	}
	return ""
}

// bareOrQuoted writes a column's name in a query, with quotes where it needs them.
func bareOrQuoted(name string) string {
	if IsReserved(name) {
		return QuoteIdent(name)
	}
	return name
}

// intervalUnits reads unit [TO unit].
func (p *parser) intervalUnits() (from, to string) {
	from = p.intervalUnit()
	if p.word("TO") {
		to = p.intervalUnit()
	}
	return from, to
}

func (p *parser) intervalUnit() string {
	t := p.cur()
	if t.kind != tokWord || !intervalUnits[t.word] {
		for unit := range intervalUnits {
			p.noteWord(unit)
		}
		hint := ""
		if before := p.toks[p.pos-1]; before.kind == tokString {
			amount := unquote(p.text[before.start:before.end])
			if first, unit, ok := strings.Cut(amount, " "); ok && isUnit(token{kind: tokWord, word: strings.ToUpper(unit)}) {
				hint = "The unit stands behind the string: write " + rightInterval(first, unit)
			} else if isUnit(t) {
				hint = "Write " + rightInterval(amount, p.show(t))
			}
		}
		p.failHint(hint)
	}
	p.pos++
	return t.word
}
