package sql

// query reads a query with its WITH, ORDER BY, OFFSET and LIMIT.
func (p *parser) query() *Query {
	p.deeper()
	defer p.shallower()
	muted := p.begin("<query>")
	start := p.start()
	q := &Query{}
	if p.isWord("WITH") {
		q.With = p.with()
	}
	q.Body = p.setOperations()
	p.muted = muted
	q.OrderBy = p.orderBy()
	q.Offset = p.offset()
	q.Limit = p.limit()
	q.Span = p.span(start)
	return q
}

func (p *parser) with() *With {
	start := p.start()
	p.need("WITH")
	w := &With{Recursive: p.word("RECURSIVE")}
	p.commas(func() {
		begin := p.start()
		c := CTE{Name: p.ident(), Columns: p.columnAliases()}
		p.need("AS")
		c.Query = p.parenQuery()
		c.Span = p.span(begin)
		w.Tables = append(w.Tables, c)
	})
	w.Span = p.span(start)
	return w
}

// parenQuery reads ( query ) and returns the query.
func (p *parser) parenQuery() *Query {
	p.needOp("(")
	q := p.query()
	p.needOp(")")
	return q
}

// columnAliases reads (a, b) if it stands here.
func (p *parser) columnAliases() []Ident {
	var list []Ident
	if p.op("(") {
		p.commas(func() {
			list = append(list, p.ident())
		})
		p.needOp(")")
	}
	return list
}

// setOperations reads bodies joined by UNION and EXCEPT, INTERSECT binding tighter.
func (p *parser) setOperations() QueryBody {
	left := p.intersections()
	for p.isWord("UNION") || p.isWord("EXCEPT") {
		left = p.setOperation(left, p.intersections)
	}
	p.noteWord("UNION")
	p.noteWord("EXCEPT")
	return left
}

func (p *parser) intersections() QueryBody {
	left := p.body()
	for p.isWord("INTERSECT") {
		left = p.setOperation(left, p.body)
	}
	p.noteWord("INTERSECT")
	return left
}

func (p *parser) setOperation(left QueryBody, right func() QueryBody) QueryBody {
	t := p.advance()
	s := &SetOperation{Op: SetOperator(t.word), OpSpan: Span{t.start, t.end}, Left: left}
	if p.word("ALL") {
		s.All = true
	} else {
		p.word("DISTINCT")
	}
	s.Right = right()
	s.Span = Span{left.Bounds().Start, s.Right.Bounds().End}
	return s
}

func (p *parser) body() QueryBody {
	start := p.start()
	switch {
	case p.word("SELECT"):
		return p.selectBody(start)
	case p.word("VALUES"):
		v := &Values{}
		p.commas(func() {
			v.Rows = append(v.Rows, p.expr())
		})
		v.Span = p.span(start)
		return v
	case p.word("TABLE"):
		t := &TableBody{Name: p.anyName()}
		t.Span = p.span(start)
		return t
	case p.isOp("("):
		q := p.parenQuery()
		return &ParenQuery{Span: p.span(start), Query: q}
	}
	p.noteWord("(")
	p.fail()
	return nil
}

func (p *parser) selectBody(start int) *Select {
	s := &Select{}
	if !p.word("ALL") {
		s.Distinct = p.word("DISTINCT")
	}
	p.commas(func() {
		s.Items = append(s.Items, p.selectItem())
	})
	if p.word("FROM") {
		p.commas(func() {
			s.From = append(s.From, p.relation())
		})
	}
	if p.word("WHERE") {
		s.Where = p.expr()
	}
	begin := p.start()
	if p.word("GROUP") {
		p.need("BY")
		g := p.groupBy()
		g.Span = p.span(begin)
		s.GroupBy = g
	}
	if p.word("HAVING") {
		s.Having = p.expr()
	}
	if p.isWord("WINDOW") && p.isIdent(p.peek(1)) {
		p.pos++
		p.commas(func() {
			begin := p.start()
			w := NamedWindow{Name: p.ident()}
			p.need("AS")
			w.Window = p.windowSpec()
			w.Span = p.span(begin)
			s.Windows = append(s.Windows, w)
		})
	} else {
		p.noteWord("WINDOW")
	}
	s.Span = p.span(start)
	return s
}

func (p *parser) selectItem() SelectItem {
	start := p.start()
	item := SelectItem{}
	if p.op("*") {
		item.Star = true
		item.Span = p.span(start)
		return item
	}
	item.Expr = p.expr()
	if p.isOp(".") && p.peek(1).word == "*" {
		if !isPrimary(item.Expr) {
			p.fail()
		}
		p.pos += 2
		item.Star = true
		if p.word("AS") {
			if !p.isOp("(") {
				p.needOp("(")
			}
			item.StarAliases = p.columnAliases()
		}
		item.Span = p.span(start)
		return item
	}
	item.Alias = p.alias()
	item.Span = p.span(start)
	return item
}

// isPrimary reports whether .* may stand behind e.
func isPrimary(e Expr) bool {
	switch e.(type) {
	case *Reference, *Dereference, *Subscript, *Paren, *Call, *Cast, *Row, *ScalarQuery, *Case:
		return true
	}
	return false
}

// alias reads [AS] name if it stands here.
func (p *parser) alias() *Ident {
	if p.word("AS") {
		id := p.ident()
		return &id
	}
	p.note("<identifier>")
	if p.aliasAhead() {
		id := p.ident()
		return &id
	}
	return nil
}

// aliasAhead reports whether a name without AS stands here. Several words that begin a clause are not
// reserved: they are names only where no clause can follow.
func (p *parser) aliasAhead() bool {
	t := p.cur()
	if !p.isIdent(t) {
		return false
	}
	if t.kind != tokWord {
		return true
	}
	next := p.peek(1)
	switch t.word {
	case "LIMIT", "OFFSET", "FETCH", "WINDOW", "TABLESAMPLE":
		switch next.kind {
		case tokEOF:
			return true
		case tokOp:
			return next.word == "," || next.word == ")" || next.word == ";"
		case tokWord:
			return trinoReserved[next.word]
		}
		return false
	case "MATCH_RECOGNIZE":
		return next.word != "("
	}
	return true
}

func (p *parser) groupBy() *GroupBy {
	g := &GroupBy{}
	if p.word("DISTINCT") {
		g.Distinct = true
	} else {
		p.word("ALL")
	}
	p.commas(func() {
		start := p.start()
		el := GroupingElement{}
		switch {
		case p.word("ROLLUP"):
			el.Kind = GroupRollup
		case p.word("CUBE"):
			el.Kind = GroupCube
		case p.isWord("GROUPING") && p.follows("SETS"):
			p.pos += 2
			el.Kind = GroupSets
		}
		if el.Kind == GroupSimple {
			el.Sets = []GroupingSet{p.groupingSet()}
		} else {
			p.needOp("(")
			if !p.isOp(")") || el.Kind == GroupSets {
				p.commas(func() {
					el.Sets = append(el.Sets, p.groupingSet())
				})
			}
			p.needOp(")")
		}
		el.Span = p.span(start)
		g.Elements = append(g.Elements, el)
	})
	return g
}

// groupingSet reads (a, b), () or an expression. (a + b) * 2 is an expression.
func (p *parser) groupingSet() GroupingSet {
	start := p.start()
	set := GroupingSet{}
	if p.isOp("(") && !p.holdsQuery(p.pos) {
		if end := p.closing(p.pos); end > p.pos && !continuesExpr(p.toks[end+1]) {
			p.pos++
			set.Paren = true
			if !p.isOp(")") {
				p.commas(func() {
					set.Exprs = append(set.Exprs, p.expr())
				})
			}
			p.needOp(")")
			set.Span = p.span(start)
			return set
		}
	}
	set.Exprs = []Expr{p.expr()}
	set.Span = p.span(start)
	return set
}

// continuesExpr reports whether an expression that ends before t goes on with it.
func continuesExpr(t token) bool {
	switch t.kind {
	case tokOp:
		switch t.word {
		case ",", ")", ";":
			return false
		}
		return true
	case tokWord:
		switch t.word {
		case "AND", "OR", "NOT", "IS", "IN", "LIKE", "BETWEEN", "AT":
			return true
		}
	}
	return false
}

// orderBy reads ORDER BY and its items if it stands here.
func (p *parser) orderBy() []SortItem {
	if !p.word("ORDER") {
		return nil
	}
	p.need("BY")
	var items []SortItem
	p.commas(func() {
		start := p.start()
		item := SortItem{Expr: p.expr()}
		if !p.word("ASC") {
			item.Descending = p.word("DESC")
		}
		if p.word("NULLS") {
			switch {
			case p.word("FIRST"):
				item.Nulls = NullsFirst
			case p.word("LAST"):
				item.Nulls = NullsLast
			default:
				p.fail()
			}
		}
		item.Span = p.span(start)
		items = append(items, item)
	})
	return items
}

func (p *parser) offset() *Offset {
	start := p.start()
	if !p.word("OFFSET") {
		return nil
	}
	o := &Offset{Count: p.rowCount()}
	if !p.word("ROW") {
		p.word("ROWS")
	}
	o.Span = p.span(start)
	return o
}

func (p *parser) limit() *Limit {
	start := p.start()
	l := &Limit{}
	switch {
	case p.word("LIMIT"):
		if !p.word("ALL") {
			l.Count = p.rowCount()
		}
	case p.word("FETCH"):
		l.Fetch = true
		if !p.word("FIRST") {
			p.need("NEXT")
		}
		if t := p.cur(); t.kind == tokInteger || t.word == "?" {
			l.Count = p.rowCount()
		} else {
			p.note("<integer>")
		}
		if !p.word("ROW") && !p.word("ROWS") {
			p.fail()
		}
		if !p.word("ONLY") {
			p.need("WITH", "TIES")
			l.WithTies = true
		}
	default:
		return nil
	}
	l.Span = p.span(start)
	return l
}

// rowCount reads an integer or a parameter.
func (p *parser) rowCount() Expr {
	t := p.cur()
	switch {
	case t.kind == tokInteger:
		return p.number()
	case t.word == "?":
		return p.parameter()
	}
	p.note("<integer>")
	p.noteWord("?")
	p.fail()
	return nil
}
