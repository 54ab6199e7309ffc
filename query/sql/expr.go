package sql

// expr reads an expression. From loosest to tightest: OR, AND, NOT, predicates, ||, + and -, * / and %,
// signs, AT TIME ZONE, then subscripts and dots.
//
// Source: Trino's published grammar of expressions (its SqlBase.g4 describes the language)
func (p *parser) expr() Expr {
	muted := p.begin("<expression>")
	first := p.conjunction()
	p.muted = muted
	if !p.word("OR") {
		return first
	}
	or := &Logical{Op: Or, Terms: []Expr{first, p.conjunction()}}
	for p.word("OR") {
		or.Terms = append(or.Terms, p.conjunction())
	}
	or.Span = p.span(first.Bounds().Start)
	return or
}

func (p *parser) conjunction() Expr {
	first := p.negation()
	if !p.word("AND") {
		return first
	}
	and := &Logical{Op: And, Terms: []Expr{first, p.negation()}}
	for p.word("AND") {
		and.Terms = append(and.Terms, p.negation())
	}
	and.Span = p.span(first.Bounds().Start)
	return and
}

func (p *parser) negation() Expr {
	muted := p.begin("<expression>")
	start := p.start()
	if p.word("NOT") {
		p.deeper()
		defer p.shallower()
		p.muted = muted
		x := p.negation()
		return &Not{Span: p.span(start), X: x}
	}
	x := p.predicate()
	p.muted = muted
	return x
}

// comparisons spells each comparison operator as the tree has it.
var comparisons = map[string]string{"=": "=", "<>": "<>", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}

// predicate reads a value and at most one predicate on it: a = b = c is no expression in Trino.
func (p *parser) predicate() Expr {
	x := p.value()
	start := x.Bounds().Start
	t := p.cur()
	if t.kind == tokOp {
		if op := comparisons[t.word]; op != "" {
			p.pos++
			return p.comparison(x, op, t)
		}
	}
	for _, op := range [...]string{"=", "<>", "<", "<=", ">", ">="} {
		p.noteWord(op)
	}
	if p.word("IS") {
		not := p.word("NOT")
		switch {
		case p.word("NULL"):
			return &IsNull{Span: p.span(start), Not: not, X: x}
		case p.word("DISTINCT"):
			p.need("FROM")
			right := p.value()
			return &IsDistinct{Span: p.span(start), Not: not, Left: x, Right: right}
		}
		p.fail()
	}
	not := p.word("NOT")
	switch {
	case p.word("BETWEEN"):
		low := p.value()
		p.need("AND")
		high := p.value()
		return &Between{Span: p.span(start), Not: not, X: x, Low: low, High: high}
	case p.word("IN"):
		return p.in(x, not)
	case p.word("LIKE"):
		like := &Like{Not: not, X: x, Pattern: p.value()}
		if p.word("ESCAPE") {
			like.Escape = p.value()
		}
		like.Span = p.span(start)
		return like
	}
	if not {
		p.fail()
	}
	return x
}

func (p *parser) comparison(x Expr, op string, t token) Expr {
	start := x.Bounds().Start
	quantifier := ""
	if p.opens(1) && (p.isWord("ALL") || p.isWord("ANY") || p.isWord("SOME")) && p.holdsQuery(p.pos+1) {
		quantifier = p.advance().word
		if quantifier == "SOME" {
			quantifier = "ANY"
		}
	}
	if quantifier != "" {
		q := p.parenQuery()
		return &Quantified{Span: p.span(start), Op: op, Quantifier: quantifier, Left: x, Query: q}
	}
	right := p.value()
	return &BinaryOp{Span: p.span(start), Op: op, OpSpan: Span{t.start, t.end}, Left: x, Right: right}
}

func (p *parser) in(x Expr, not bool) Expr {
	start := x.Bounds().Start
	if !p.isOp("(") {
		p.needOp("(")
	}
	// IN ((SELECT 1)) is a list of one scalar subquery.
	if t := p.peek(1); t.kind == tokWord && beginsQuery(t.word) || t.word == "(" && p.holdsUnion(p.pos) {
		q := p.parenQuery()
		return &InQuery{Span: p.span(start), Not: not, X: x, Query: q}
	}
	p.pos++
	list := &InList{Not: not, X: x}
	p.commas(func() {
		list.List = append(list.List, p.expr())
	})
	p.needOp(")")
	list.Span = p.span(start)
	return list
}

// holdsUnion reports whether the parenthesis at index i encloses a query that begins with a
// parenthesis and goes on behind it.
func (p *parser) holdsUnion(i int) bool {
	return p.holdsQuery(i) && continuesQuery(p.toks[p.closing(i+1)+1].word)
}

// binding of the binary operators on values; a larger one is tighter.
func binding(t token) int {
	if t.kind != tokOp {
		return 0
	}
	switch t.word {
	case "||":
		return 1
	case "+", "-":
		return 2
	case "*", "/", "%":
		return 3
	}
	return 0
}

// value reads an expression without predicates or logic.
func (p *parser) value() Expr {
	muted := p.begin("<expression>")
	x := p.operand()
	p.muted = muted
	return p.operators(x, 1)
}

// operators reads binary operators that bind at least as tight as least, left-associative.
func (p *parser) operators(left Expr, least int) Expr {
	for {
		t := p.cur()
		level := binding(t)
		if level < least {
			for _, op := range [...]string{"||", "+", "-", "*", "/", "%"} {
				p.noteWord(op)
			}
			return left
		}
		p.pos++
		muted := p.begin("<expression>")
		right := p.operand()
		p.muted = muted
		for binding(p.cur()) > level {
			right = p.operators(right, level+1)
		}
		left = &BinaryOp{Span: p.span(left.Bounds().Start), Op: t.word, OpSpan: Span{t.start, t.end}, Left: left, Right: right}
	}
}

// operand reads signs, a primary expression and AT TIME ZONE.
func (p *parser) operand() Expr {
	start := p.start()
	if t := p.cur(); t.kind == tokOp && (t.word == "-" || t.word == "+") {
		p.deeper()
		defer p.shallower()
		p.pos++
		x := p.operand()
		return &Unary{Span: p.span(start), Op: t.word, X: x}
	}
	x := p.primary()
	for p.isWord("AT") && p.follows("TIME") {
		p.pos++
		p.need("TIME", "ZONE")
		var zone Expr
		if p.isWord("INTERVAL") {
			zone = p.interval()
		} else {
			p.noteWord("INTERVAL")
			zone = p.stringLiteral()
		}
		x = &AtTimeZone{Span: p.span(start), X: x, Zone: zone}
	}
	p.noteWord("AT")
	return x
}

// primary reads a literal, name, call or parenthesis, then the subscripts and dots behind it.
// Every nesting of expressions passes here: the depth is counted here.
func (p *parser) primary() Expr {
	p.deeper()
	defer p.shallower()
	start := p.start()
	muted := p.begin("<expression>")
	x := p.base()
	p.muted = muted
	for {
		switch {
		case p.op("["):
			index := p.value()
			p.needOp("]")
			x = &Subscript{Span: p.span(start), Base: x, Index: index}
		case p.isOp(".") && p.peek(1).word != "*" && takesField(x):
			p.pos++
			field := p.ident()
			x = &Dereference{Span: p.span(start), Base: x, Field: field}
			if p.isOp("(") {
				x = p.call(p.nameOf(x), start)
			}
		default:
			if takesField(x) {
				p.noteWord(".")
			}
			return x
		}
	}
}

// takesField reports whether .field may stand behind x; behind a number or a string it may not.
func takesField(x Expr) bool {
	switch x.(type) {
	case *Number, *String, *Binary, *Null, *Boolean, *Typed, *Interval, *Lambda:
		return false
	}
	return true
}

// nameOf turns a.b.c, which a parenthesis follows, into a function's name.
func (p *parser) nameOf(x Expr) Name {
	n := Name{Span: x.Bounds()}
	for {
		switch e := x.(type) {
		case *Dereference:
			n.Parts = append(n.Parts, e.Field)
			x = e.Base
			continue
		case *Reference:
			n.Parts = append(n.Parts, e.Name)
		default:
			p.fail()
		}
		for i, j := 0, len(n.Parts)-1; i < j; i, j = i+1, j-1 {
			n.Parts[i], n.Parts[j] = n.Parts[j], n.Parts[i]
		}
		return n
	}
}

// base reads a primary expression without what may follow it.
func (p *parser) base() Expr {
	t, start := p.cur(), p.start()
	switch t.kind {
	case tokString, tokUnicode:
		return p.stringLiteral()
	case tokBinary:
		return p.binary()
	case tokInteger, tokDecimal, tokDouble:
		return p.number()
	case tokOp:
		switch t.word {
		case "?":
			return p.parameter()
		case "(":
			return p.parenthesis()
		}
		p.fail()
	case tokWord:
		if x := p.special(t); x != nil {
			return x
		}
	}
	if !p.isIdent(t) {
		p.fail()
	}
	if t.kind == tokWord && t.word == "INTERVAL" {
		if x := p.intervalIf(); x != nil {
			return x
		}
	}
	id := p.ident()
	if t.word == "DOUBLE" && p.isWord("PRECISION") && p.peek(1).kind == tokString {
		p.pos++
		s := p.stringLiteral()
		return &Typed{Span: Span{id.Start, s.End}, Type: "double precision", Value: *s}
	}
	next := p.cur()
	switch {
	case next.kind == tokOp && next.word == "->":
		p.pos++
		body := p.expr()
		return &Lambda{Span: p.span(start), Params: []Ident{id}, Body: body}
	case next.kind == tokOp && next.word == "(":
		return p.call(Name{Span: id.Span, Parts: []Ident{id}}, start)
	case t.kind == tokWord && (next.kind == tokString || next.kind == tokUnicode):
		return p.typed(id)
	}
	return &Reference{Span: id.Span, Name: id}
}

// parenthesis reads what an opening parenthesis may begin: a subquery, a lambda, a row, or an
// expression in parentheses.
func (p *parser) parenthesis() Expr {
	start := p.start()
	if p.holdsQuery(p.pos) {
		q := p.parenQuery()
		return &ScalarQuery{Span: p.span(start), Query: q}
	}
	if end := p.closing(p.pos); end > p.pos && p.toks[end+1].word == "->" {
		return p.lambda(start)
	}
	p.needOp("(")
	first := p.expr()
	if p.op(")") {
		return &Paren{Span: p.span(start), X: first}
	}
	row := &Row{Implicit: true, Fields: []Expr{first}}
	for p.op(",") {
		row.Fields = append(row.Fields, p.expr())
	}
	p.needOp(")")
	row.Span = p.span(start)
	return row
}

func (p *parser) lambda(start int) Expr {
	l := &Lambda{}
	p.needOp("(")
	if !p.isOp(")") {
		p.commas(func() {
			l.Params = append(l.Params, p.ident())
		})
	}
	p.needOp(")")
	p.needOp("->")
	l.Body = p.expr()
	l.Span = p.span(start)
	return l
}

func (p *parser) parameter() Expr {
	t := p.advance()
	p.params++
	return &Parameter{Span: Span{t.start, t.end}, Position: p.params - 1}
}

func (p *parser) isNumber() bool {
	switch p.cur().kind {
	case tokInteger, tokDecimal, tokDouble:
		return true
	}
	return false
}

func (p *parser) number() Expr {
	t := p.advance()
	n := &Number{Span: Span{t.start, t.end}, Text: p.text[t.start:t.end], Kind: Integer}
	switch t.kind {
	case tokDecimal:
		n.Kind = Decimal
	case tokDouble:
		n.Kind = Double
	}
	return n
}
