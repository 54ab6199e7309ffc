package sql

// call reads a call's parentheses and what may follow them.
func (p *parser) call(name Name, start int) Expr {
	p.needOp("(")
	c := &Call{Name: name}
	switch {
	case p.op("*"):
		c.Star = true
	case p.isOp(")"):
	default:
		if !p.word("ALL") {
			c.Distinct = p.word("DISTINCT")
		}
		if !c.Distinct && p.isWord("ORDER") {
			p.note("<expression>")
			p.fail()
		}
		p.commas(func() {
			c.Args = append(c.Args, p.expr())
			if p.isOp("=>") {
				p.unsupported(p.pos, "an argument by name")
			}
		})
		c.OrderBy = p.orderBy()
	}
	p.needOp(")")
	return p.afterCall(c, start)
}

// afterCall reads FILTER, the null treatment and OVER behind a call.
func (p *parser) afterCall(c *Call, start int) Expr {
	p.filter(c)
	if (p.isWord("IGNORE") || p.isWord("RESPECT")) && p.follows("NULLS") {
		c.Nulls = NullTreatment(p.advance().word)
		p.pos++
		if !p.isWord("OVER") {
			p.need("OVER")
		}
	} else {
		p.noteWord("IGNORE")
		p.noteWord("RESPECT")
	}
	p.noteWord("OVER")
	if p.isWord("OVER") {
		// "over" alone may be an alias.
		switch next := p.peek(1); {
		case p.opens(1):
			p.pos++
			c.Over = p.windowSpec()
		case p.isIdent(next):
			p.pos++
			id := p.ident()
			c.Over = &Window{Span: id.Span, Named: true, Base: &id}
		case c.Nulls != NullsUnsaid:
			p.pos++
			p.fail()
		}
	}
	c.Span = p.span(start)
	return c
}

func (p *parser) filter(c *Call) {
	if !p.isWord("FILTER") || !p.opens(1) {
		p.noteWord("FILTER")
		return
	}
	p.pos++
	p.needOp("(")
	p.need("WHERE")
	c.Filter = p.expr()
	p.needOp(")")
}

// windowSpec reads (base PARTITION BY … ORDER BY … frame).
func (p *parser) windowSpec() *Window {
	start := p.start()
	p.needOp("(")
	w := &Window{}
	if t := p.cur(); p.isIdent(t) && !(t.kind == tokWord && p.windowClause(t)) {
		id := p.ident()
		w.Base = &id
	}
	if p.word("PARTITION") {
		p.need("BY")
		p.commas(func() {
			w.PartitionBy = append(w.PartitionBy, p.expr())
		})
	}
	w.OrderBy = p.orderBy()
	begin := p.start()
	if unit := p.oneOf("ROWS", "RANGE", "GROUPS"); unit != "" {
		w.Frame = p.frame(begin, unit)
	}
	if p.isWord("MEASURES") || p.isWord("PATTERN") || p.isWord("AFTER") {
		p.unsupported(p.pos, "row pattern recognition in a window")
	}
	p.needOp(")")
	w.Span = p.span(start)
	return w
}

// windowClause reports whether the word t begins a clause of a window, rather than naming one.
func (p *parser) windowClause(t token) bool {
	next := p.peek(1)
	closed := next.kind == tokOp && next.word == ")"
	switch t.word {
	case "PARTITION":
		return p.follows("BY")
	case "ROWS", "RANGE", "GROUPS":
		return !closed
	}
	return false
}

func (p *parser) frame(start int, unit string) *Frame {
	f := &Frame{Unit: unit}
	if p.word("BETWEEN") {
		f.Start = p.frameBound()
		p.need("AND")
		end := p.frameBound()
		f.End = &end
	} else {
		f.Start = p.frameBound()
	}
	f.Span = p.span(start)
	return f
}

func (p *parser) frameBound() FrameBound {
	start := p.start()
	b := FrameBound{}
	switch {
	case p.isWord("UNBOUNDED") && p.follows("PRECEDING", "FOLLOWING"):
		p.pos++
		b.Kind = UnboundedFollowing
		if p.advance().word == "PRECEDING" {
			b.Kind = UnboundedPreceding
		}
	case p.isWord("CURRENT") && p.follows("ROW"):
		p.pos += 2
		b.Kind = CurrentRow
	default:
		p.noteWord("UNBOUNDED")
		p.noteWord("CURRENT")
		b.X = p.expr()
		b.Kind = Preceding
		if !p.word("PRECEDING") {
			p.need("FOLLOWING")
			b.Kind = Following
		}
	}
	b.Span = p.span(start)
	return b
}

// listagg reads LISTAGG(x [, separator] [ON OVERFLOW …]) WITHIN GROUP (ORDER BY …) [FILTER …].
func (p *parser) listagg(start int) Expr {
	name := p.identOf(p.advance())
	c := &Call{Name: Name{Span: name.Span, Parts: []Ident{name}}}
	p.needOp("(")
	if !p.word("ALL") {
		c.Distinct = p.word("DISTINCT")
	}
	c.Args = []Expr{p.expr()}
	if p.op(",") {
		separator := p.stringLiteral()
		c.Args = append(c.Args, separator)
	}
	begin := p.start()
	if p.words("ON", "OVERFLOW") {
		o := &Overflow{}
		if !p.word("ERROR") {
			p.need("TRUNCATE")
			o.Truncate = true
			o.Filler = p.stringIf()
			if o.Count = p.word("WITH"); !o.Count {
				p.need("WITHOUT")
			}
			p.need("COUNT")
		}
		o.Span = p.span(begin)
		c.Overflow = o
	}
	p.needOp(")")
	p.need("WITHIN", "GROUP")
	p.needOp("(")
	if c.WithinGroup = p.orderBy(); c.WithinGroup == nil {
		p.fail()
	}
	p.needOp(")")
	p.filter(c)
	c.Span = p.span(start)
	return c
}
