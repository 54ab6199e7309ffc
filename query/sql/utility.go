package sql

import "strings"

// showStatement reads what begins with SHOW.
func (p *parser) showStatement() Statement {
	at, start := p.pos, p.start()
	p.need("SHOW")
	var s Statement
	switch {
	case p.word("DATABASES"), p.word("SCHEMAS"):
		x := &ShowDatabases{Like: p.like()}
		x.Span, s = p.span(start), x
	case p.word("TABLES"):
		x := &ShowTables{In: p.inName(), Like: p.like()}
		x.Span, s = p.span(start), x
	case p.word("VIEWS"):
		x := &ShowViews{In: p.inName(), Like: p.like()}
		x.Span, s = p.span(start), x
	case p.word("PARTITIONS"):
		x := &ShowPartitions{Table: p.anyName(), Spec: p.partitionIf()}
		x.Span, s = p.span(start), x
	case p.word("COLUMNS"):
		if !p.word("FROM") && !p.word("IN") {
			p.fail()
		}
		x := &ShowColumns{Table: p.anyName(), In: p.inName()}
		x.Span, s = p.span(start), x
	case p.word("CREATE"):
		s = p.showCreate(at, start)
	case p.word("TBLPROPERTIES"):
		x := &ShowProperties{Table: p.anyName()}
		if p.op("(") {
			x.Key = p.stringLiteral()
			p.needOp(")")
		}
		x.Span, s = p.span(start), x
	default:
		for _, w := range [...]string{"CATALOGS", "CONF", "CURRENT ROLES", "FUNCTIONS", "GRANT", "INDEX", "INDEXES", "LOCKS",
			"PRINCIPALS", "ROLE", "ROLES", "SESSION", "STATS", "TABLE EXTENDED", "TRANSACTIONS"} {
			if first, _, _ := strings.Cut(w, " "); p.isWord(first) {
				p.unsupported(at, "SHOW "+w)
			}
		}
		p.fail()
	}
	return s
}

func (p *parser) showCreate(at, start int) Statement {
	switch {
	case p.word("TABLE"):
		x := &ShowCreateTable{Name: p.anyName()}
		x.Span = p.span(start)
		return x
	case p.word("VIEW"):
		x := &ShowCreateView{Name: p.anyName()}
		x.Span = p.span(start)
		return x
	}
	for _, w := range [...]string{"DATABASE", "SCHEMA", "FUNCTION", "MATERIALIZED VIEW"} {
		if first, _, _ := strings.Cut(w, " "); p.isWord(first) {
			p.unsupported(at, "SHOW CREATE "+w)
		}
	}
	p.fail()
	return nil
}

// like reads [LIKE] 'pattern' if it stands here.
func (p *parser) like() *String {
	if p.word("LIKE") {
		return p.stringLiteral()
	}
	return p.stringIf()
}

// inName reads {FROM|IN} database if it stands here.
func (p *parser) inName() *Name {
	if !p.word("FROM") && !p.word("IN") {
		return nil
	}
	n := p.anyName()
	return &n
}

// partitionIf reads PARTITION (…) if it stands here.
func (p *parser) partitionIf() *PartitionSpec {
	if !p.word("PARTITION") {
		return nil
	}
	spec := p.partitionSpec()
	return &spec
}

// describe reads DESCRIBE. The parts of a nested column may be the strings '$elem$', '$key$' and
// '$value$'.
//
// Source: Athena user guide, "DESCRIBE"
func (p *parser) describe() Statement {
	at, start := p.pos, p.start()
	if !p.word("DESC") {
		p.need("DESCRIBE")
	}
	for _, w := range [...]string{"DATABASE", "SCHEMA", "FUNCTION", "INPUT", "OUTPUT"} {
		if p.isWord(w) && (p.peek(1).kind == tokWord || p.isIdent(p.peek(1))) {
			p.unsupported(at, "DESCRIBE "+w)
		}
	}
	s := &Describe{Mode: DescribeMode(p.oneOf("EXTENDED", "FORMATTED"))}
	s.Table = p.anyName()
	s.Spec = p.partitionIf()
	if t := p.cur(); t.kind == tokWord || p.isIdent(t) {
		s.Column = append(s.Column, p.columnPart())
		for p.op(".") {
			s.Column = append(s.Column, p.columnPart())
		}
	} else {
		p.note("<identifier>")
	}
	s.Span = p.span(start)
	return s
}

func (p *parser) columnPart() Ident {
	t := p.cur()
	switch t.kind {
	case tokString:
		s := p.stringLiteral()
		return Ident{Span: s.Span, Name: s.Value, Quote: '\''}
	case tokQuoted:
		return p.ident()
	}
	return p.columnIdent()
}
