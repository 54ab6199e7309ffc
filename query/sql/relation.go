package sql

// relation reads a relation with all joins that follow it.
func (p *parser) relation() Relation {
	p.deeper()
	defer p.shallower()
	left := p.sampled()
	for {
		join, ok := p.joinType()
		if !ok {
			return left
		}
		join.Left = left
		if join.Kind == CrossJoin || join.Natural {
			join.Right = p.sampled()
		} else {
			p.joinRight(join)
		}
		join.Span = p.span(left.Bounds().Start)
		left = join
	}
}

// joinRight reads the right side and the condition. In a JOIN b JOIN c ON … ON … the right side is a
// join itself.
func (p *parser) joinRight(join *Join) {
	p.deeper()
	defer p.shallower()
	right := p.sampled()
	for !p.isWord("ON") && !p.isWord("USING") {
		next, ok := p.joinType()
		if !ok {
			p.noteWord("ON")
			p.noteWord("USING")
			p.failHint("A JOIN needs its condition: ON a.x = b.x, or USING (x); without one it is CROSS JOIN")
		}
		next.Left = right
		if next.Kind == CrossJoin || next.Natural {
			next.Right = p.sampled()
		} else {
			p.joinRight(next)
		}
		next.Span = p.span(right.Bounds().Start)
		right = next
	}
	join.Right = right
	if p.word("ON") {
		join.On = p.expr()
		return
	}
	p.need("USING")
	p.needOp("(")
	p.commas(func() {
		join.Using = append(join.Using, p.ident())
	})
	p.needOp(")")
}

// joinType reads the words of a join, up to JOIN.
func (p *parser) joinType() (*Join, bool) {
	j := &Join{Kind: InnerJoin}
	if p.word("CROSS") {
		j.Kind = CrossJoin
		p.need("JOIN")
		return j, true
	}
	j.Natural = p.word("NATURAL")
	switch {
	case p.word("JOIN"):
		return j, true
	case p.word("INNER"):
		p.need("JOIN")
		return j, true
	case p.word("LEFT"):
		j.Kind = LeftJoin
	case p.word("RIGHT"):
		j.Kind = RightJoin
	case p.word("FULL"):
		j.Kind = FullJoin
	default:
		if j.Natural {
			p.fail()
		}
		return nil, false
	}
	p.word("OUTER")
	p.need("JOIN")
	return j, true
}

// sampled reads a relation with its alias and its TABLESAMPLE.
func (p *parser) sampled() Relation {
	rel := p.aliased()
	if !p.isWord("TABLESAMPLE") {
		p.noteWord("TABLESAMPLE")
		return rel
	}
	p.pos++
	s := &Sample{Relation: rel, Method: p.oneOf("BERNOULLI", "SYSTEM")}
	if s.Method == "" {
		p.fail()
	}
	p.needOp("(")
	s.Percent = p.expr()
	p.needOp(")")
	s.Span = p.span(rel.Bounds().Start)
	return s
}

func (p *parser) aliased() Relation {
	rel := p.primaryRelation()
	if p.isWord("MATCH_RECOGNIZE") && p.opens(1) {
		p.unsupported(p.pos, "MATCH_RECOGNIZE")
	}
	alias := p.alias()
	if alias == nil {
		return rel
	}
	a := &Aliased{Relation: rel, Alias: *alias, Columns: p.columnAliases()}
	a.Span = p.span(rel.Bounds().Start)
	if p.isWord("MATCH_RECOGNIZE") && p.opens(1) {
		p.unsupported(p.pos, "MATCH_RECOGNIZE")
	}
	return a
}

func (p *parser) primaryRelation() Relation {
	p.deeper()
	defer p.shallower()
	muted := p.begin("<relation>")
	defer func() { p.muted = muted }()
	at, start := p.pos, p.start()
	switch {
	case p.isWord("UNNEST"):
		p.pos++
		return p.unnest(start)
	case p.isWord("LATERAL") && p.opens(1):
		p.pos++
		q := p.parenQuery()
		return &Lateral{Span: p.span(start), Query: q}
	case p.isWord("TABLE") && p.opens(1):
		name := ""
		if t := p.peek(2); p.isIdent(t) {
			name = " " + p.show(t)
		}
		p.unsupported(at, "the table function"+name)
	case p.isWord("JSON_TABLE"):
		p.unsupported(at, "JSON_TABLE")
	case p.isOp("("):
		if p.holdsQuery(p.pos) {
			q := p.parenQuery()
			return &Subquery{Span: p.span(start), Query: q}
		}
		p.pos++
		rel := p.relation()
		p.needOp(")")
		return &ParenRelation{Span: p.span(start), Relation: rel}
	}
	ref := &TableRef{Name: p.anyName()}
	ref.Span = p.span(start)
	if p.isOp("(") {
		p.unsupported(at, "the table function "+ref.Name.String())
	}
	if p.isWord("FOR") && p.follows("TIMESTAMP", "VERSION", "SYSTEM_TIME", "SYSTEM_VERSION") {
		p.unsupported(p.pos, "FOR "+p.peek(1).word+" AS OF")
	}
	return ref
}

func (p *parser) unnest(start int) Relation {
	u := &Unnest{}
	p.needOp("(")
	p.commas(func() {
		u.Exprs = append(u.Exprs, p.expr())
	})
	p.needOp(")")
	if p.word("WITH") {
		p.need("ORDINALITY")
		u.Ordinality = true
	}
	u.Span = p.span(start)
	return u
}
