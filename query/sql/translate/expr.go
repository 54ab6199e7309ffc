package translate

import (
	"strings"

	"flowlake/fault"
	"flowlake/query/sql"
)

// expr translates an expression.
func (s *scope) expr(x sql.Expr) (expr, error) {
	if e, ok := s.memo[x]; ok {
		return e, nil
	}
	leave, err := s.a.deeper(s.src, x)
	if err != nil {
		return expr{}, err
	}
	defer leave()
	e, err := s.node(x)
	if err != nil {
		return expr{}, err
	}
	e.pos = x.Bounds().Start
	if len(e.sql) > maxSQL {
		return expr{}, fault.Newf(fault.Limit, "query", "its translation has more than %d bytes", maxSQL)
	}
	if s.group != nil && len(e.uses) > 0 && s.group.keys[e.sql] {
		e.uses = without(e.uses, s)
	}
	return e, nil
}

// without leaves out the columns of one block.
func without(uses []use, s *scope) []use {
	var out []use
	for _, u := range uses {
		if u.scope != s {
			out = append(out, u)
		}
	}
	return out
}

func (s *scope) exprs(list []sql.Expr) ([]expr, error) {
	out := make([]expr, len(list))
	for i, x := range list {
		e, err := s.expr(x)
		if err != nil {
			return nil, err
		}
		out[i] = e
	}
	return out, nil
}

func (s *scope) node(x sql.Expr) (expr, error) {
	switch x := x.(type) {
	case *sql.Paren:
		return s.expr(x.X)
	case *sql.Reference, *sql.Dereference:
		return s.reference(x)
	case *sql.Null, *sql.Boolean, *sql.Number, *sql.String, *sql.Binary, *sql.Typed, *sql.Interval:
		return s.literal(x)
	case *sql.Parameter:
		return expr{}, s.src.fail(x.Start, "INVALID_PARAMETER_USAGE", "Incorrect number of parameters: expected %d but found 0", x.Position+1)
	case *sql.Current:
		return s.current(x)
	case *sql.Unary:
		return s.unary(x)
	case *sql.BinaryOp:
		return s.binary(x)
	case *sql.Logical:
		return s.logical(x)
	case *sql.Not:
		e, err := s.boolean(x.X, "Value of logical NOT expression")
		if err != nil {
			return e, err
		}
		return s.negated(e, true), nil
	case *sql.Between:
		return s.between(x)
	case *sql.InList:
		return s.inList(x)
	case *sql.InQuery:
		return s.inQuery(x)
	case *sql.Like:
		return s.like(x)
	case *sql.IsNull:
		e, err := s.expr(x.X)
		if err != nil {
			return e, err
		}
		word := " IS NULL)"
		if x.Not {
			word = " IS NOT NULL)"
		}
		return made(tBoolean, "("+e.sql+word, e).valued(func(v []any) any { return (v[0] == nil) != x.Not }, e).
			limited(limitNull(e, x.Not)), nil
	case *sql.IsDistinct:
		return s.isDistinct(x)
	case *sql.Quantified:
		return s.quantified(x)
	case *sql.Exists:
		res, uses, err := s.subquery(x.Query, false)
		if err != nil {
			return expr{}, err
		}
		return withUses(made(tBoolean, "EXISTS ("+res.sql+")"), uses), nil
	case *sql.ScalarQuery:
		return s.scalarQuery(x)
	case *sql.Case:
		return s.caseOf(x)
	case *sql.Cast:
		return s.castOf(x)
	case *sql.Extract:
		return s.extract(x)
	case *sql.Position:
		return s.call(&sql.Call{Span: x.Span, Name: nameAt(x.Span, "strpos"), Args: []sql.Expr{x.Haystack, x.Needle}})
	case *sql.Substring:
		args := []sql.Expr{x.X, x.From}
		if x.For != nil {
			args = append(args, x.For)
		}
		return s.call(&sql.Call{Span: x.Span, Name: nameAt(x.Span, "substring"), Args: args})
	case *sql.Trim:
		return s.trim(x)
	case *sql.Normalize:
		return expr{}, s.src.refuse(x.Start, "the function normalize")
	case *sql.AtTimeZone:
		return s.atTimeZone(x)
	case *sql.Array:
		return s.array(x)
	case *sql.Row:
		return s.row(x)
	case *sql.Lambda:
		return expr{}, s.src.fail(x.Start, typeMismatch, "Lambda expression should always be used inside a function")
	case *sql.Grouping:
		return s.groupingOf(x)
	case *sql.Subscript:
		return s.subscript(x)
	case *sql.Call:
		return s.call(x)
	}
	return expr{}, s.src.refuse(x.Bounds().Start, "this kind of expression")
}

func nameAt(span sql.Span, name string) sql.Name {
	return sql.Name{Span: span, Parts: []sql.Ident{{Span: span, Name: name}}}
}

// boolean translates an expression that must be a condition.
func (s *scope) boolean(x sql.Expr, what string) (expr, error) {
	e, err := s.expr(x)
	if err != nil {
		return e, err
	}
	if e.t.k != boolean && e.t.k != unknown {
		return e, s.src.fail(e.pos, typeMismatch, "%s must evaluate to a boolean (actual: %s)", what, e.t)
	}
	return s.coerced(e, tBoolean), nil
}

func (s *scope) logical(x *sql.Logical) (expr, error) {
	word := " " + string(x.Op) + " "
	parts := make([]expr, len(x.Terms))
	texts := make([]string, len(x.Terms))
	known := false
	for i, t := range x.Terms {
		e, err := s.boolean(t, "Logical expression term")
		if err != nil {
			return e, err
		}
		parts[i], texts[i] = e, e.sql
		known = known || e.eval != nil
	}
	e := made(tBoolean, "("+strings.Join(texts, word)+")", parts...).limited(limitLogical(parts, x.Op == sql.And))
	if !known {
		return e, nil
	}
	e.constant = true
	for _, p := range parts {
		e.constant = e.constant && p.constant
	}
	stop := x.Op == sql.Or // the value that decides the chain
	e.eval = func(keys []any) any {
		var out any = !stop
		for _, p := range parts {
			v := unknownValue
			if p.eval != nil {
				v = p.eval(keys)
			}
			switch {
			case v == stop:
				return stop
			case v == unknownValue:
				out = unknownValue
			case v == nil && out != unknownValue:
				out = nil
			}
		}
		return out
	}
	return e, nil
}

func (s *scope) between(x *sql.Between) (expr, error) {
	v, err := s.expr(x.X)
	if err != nil {
		return v, err
	}
	low, err := s.expr(x.Low)
	if err != nil {
		return low, err
	}
	high, err := s.expr(x.High)
	if err != nil {
		return high, err
	}
	t, ok := common(v.t, low.t)
	if ok {
		t, ok = common(t, high.t)
	}
	if !ok || !t.ordered() {
		return v, s.src.fail(x.Start, typeMismatch, "Cannot check if %s is BETWEEN %s and %s%s", v.t, low.t, high.t,
			s.columnHint(x.X, x.Low, x.High))
	}
	if t.nested() {
		return v, s.src.refuse(x.Start, "a comparison of %s values", kindNames[t.k])
	}
	v, low, high = s.coerced(v, t), s.coerced(low, t), s.coerced(high, t)
	text := "(" + v.sql + " BETWEEN " + low.sql + " AND " + high.sql
	if t.floating() && !high.never {
		text += " AND NOT isnan(" + high.sql + ")"
	}
	text += ")"
	e := made(tBoolean, text, v, low, high).valued(func(p []any) any {
		a, b := compared(">=", p[0], p[1]), compared("<=", p[0], p[2])
		switch {
		case a == false || b == false:
			return false
		case a == unknownValue || b == unknownValue:
			return unknownValue
		case a == nil || b == nil:
			return nil
		}
		return true
	}, v, low, high).limited(limitBetween(v, low, high))
	return s.negated(e, x.Not), nil
}

func (s *scope) negated(e expr, not bool) expr {
	if !not {
		return e
	}
	return made(tBoolean, "(NOT "+e.sql+")", e).valued(func(v []any) any {
		if b, ok := v[0].(bool); ok {
			return !b
		}
		return v[0]
	}, e).limited(limitNot(e))
}

func (s *scope) inList(x *sql.InList) (expr, error) {
	v, err := s.expr(x.X)
	if err != nil {
		return v, err
	}
	list, err := s.exprs(x.List)
	if err != nil {
		return v, err
	}
	t := v.t
	for i, l := range list {
		c, ok := common(t, l.t)
		if !ok || !c.comparable() {
			return v, s.src.fail(l.pos, typeMismatch, "IN value and list items must be the same type: %s vs %s%s", t, l.t, s.columnHint(x.X, x.List[i]))
		}
		t = c
	}
	v = s.coerced(v, t)
	texts := make([]string, len(list))
	parts := []expr{v}
	careful := t.k == row || t.floating()
	for i := range list {
		list[i] = s.coerced(list[i], t)
		texts[i] = list[i].sql
		parts = append(parts, list[i])
	}
	text := "(" + v.sql + " IN (" + strings.Join(texts, ", ") + "))"
	if careful || t.nested() || t.k == jsonType {
		for i := range list {
			eq, err := s.equality(v, list[i], x.Start)
			if err != nil {
				return v, err
			}
			texts[i] = eq.sql
		}
		text = "(" + strings.Join(texts, " OR ") + ")"
	}
	e := made(tBoolean, text, parts...).valued(func(p []any) any {
		var out any = false
		for _, l := range p[1:] {
			switch compared("=", p[0], l) {
			case true:
				return true
			case unknownValue:
				out = unknownValue
			case nil:
				if out == false {
					out = nil
				}
			}
		}
		return out
	}, parts...).limited(limitIn(v, list))
	return s.negated(e, x.Not), nil
}

func (s *scope) caseOf(x *sql.Case) (expr, error) {
	var operand expr
	var err error
	ot := tUnknown
	if x.Operand != nil {
		if operand, err = s.expr(x.Operand); err != nil {
			return operand, err
		}
		ot = operand.t
	}
	conds := make([]expr, len(x.Whens))
	results := make([]expr, 0, len(x.Whens)+1)
	for i, w := range x.Whens {
		if x.Operand == nil {
			conds[i], err = s.boolean(w.Cond, "CASE WHEN clause")
		} else if conds[i], err = s.expr(w.Cond); err == nil {
			t, ok := common(ot, conds[i].t)
			if !ok || !t.comparable() {
				return operand, s.src.fail(conds[i].pos, typeMismatch, "CASE operand type does not match WHEN clause operand type: %s vs %s", operand.t, conds[i].t)
			}
			ot = t
		}
		if err != nil {
			return operand, err
		}
		r, err := s.expr(w.Result)
		if err != nil {
			return operand, err
		}
		results = append(results, r)
	}
	if x.Else != nil {
		r, err := s.expr(x.Else)
		if err != nil {
			return operand, err
		}
		results = append(results, r)
	}
	t, err := s.commonOf(x.Start, "All CASE results must be the same type or coercible to a common type", results)
	if err != nil {
		return operand, err
	}
	var b strings.Builder
	b.WriteString("CASE")
	var parts []expr
	if x.Operand != nil {
		operand = s.coerced(operand, ot)
		parts = append(parts, operand)
		if operand.volatile {
			return operand, s.src.refuse(x.Start, "CASE over a random value")
		}
	}
	never := true
	for i := range x.Whens {
		c := conds[i]
		if x.Operand != nil {
			if c, err = s.equality(operand, s.coerced(c, ot), c.pos); err != nil {
				return c, err
			}
		}
		r := s.coerced(results[i], t)
		never = never && r.never
		b.WriteString(" WHEN " + c.sql + " THEN " + r.sql)
		parts = append(parts, c, r)
	}
	if x.Else != nil {
		r := s.coerced(results[len(results)-1], t)
		never = never && r.never
		b.WriteString(" ELSE " + r.sql)
		parts = append(parts, r)
	}
	b.WriteString(" END")
	e := made(t, "("+b.String()+")", parts...)
	e.never = never
	return e, nil
}

// commonOf is the type that all expressions are coerced to.
func (s *scope) commonOf(pos int, what string, list []expr) (typ, error) {
	t := tUnknown
	for _, e := range list {
		c, ok := common(t, e.t)
		if !ok {
			return t, s.src.fail(pos, typeMismatch, "%s. Cannot find common type between %s and %s", what, t, e.t)
		}
		t = c
	}
	return t, nil
}

func (s *scope) array(x *sql.Array) (expr, error) {
	list, err := s.exprs(x.Elements)
	if err != nil {
		return expr{}, err
	}
	t, err := s.commonOf(x.Start, "All ARRAY elements must be the same type or coercible to a common type", list)
	if err != nil {
		return expr{}, err
	}
	texts := make([]string, len(list))
	for i, e := range list {
		texts[i] = s.coerced(e, t).sql
	}
	text := "[" + strings.Join(texts, ", ") + "]"
	if len(list) == 0 || t.k == unknown {
		text = "CAST(" + text + " AS " + t.duck() + "[])"
	}
	return made(arrayOf(t), text, list...), nil
}

func (s *scope) row(x *sql.Row) (expr, error) {
	list, err := s.exprs(x.Fields)
	if err != nil {
		return expr{}, err
	}
	t := typ{k: row}
	texts := make([]string, len(list))
	for i, e := range list {
		t.fields = append(t.fields, rowField{"", e.t})
		texts[i] = quoteIdent(fieldName("", i)) + " := " + e.sql
	}
	e := made(t, "struct_pack("+strings.Join(texts, ", ")+")", list...)
	e.parts = list
	return e, nil
}

func (s *scope) groupingOf(x *sql.Grouping) (expr, error) {
	if s.group == nil {
		return expr{}, s.src.fail(x.Start, "MISSING_GROUP_BY", "A GROUPING() operation can only be used with a corresponding GROUPING SET/CUBE/ROLLUP/GROUP BY clause")
	}
	texts := make([]string, len(x.Columns))
	for i, c := range x.Columns {
		e, err := s.expr(c)
		if err != nil {
			return e, err
		}
		if !s.group.keys[e.sql] {
			return e, s.src.fail(c.Bounds().Start, "INVALID_ARGUMENTS", "The arguments to GROUPING() must be expressions referenced by the GROUP BY at the same level")
		}
		texts[i] = e.sql
	}
	e := made(tInteger, "CAST(grouping("+strings.Join(texts, ", ")+") AS INTEGER)")
	e.agg = "grouping"
	return e, nil
}

func (s *scope) subscript(x *sql.Subscript) (expr, error) {
	base, err := s.expr(x.Base)
	if err != nil {
		return base, err
	}
	index, err := s.expr(x.Index)
	if err != nil {
		return index, err
	}
	switch base.t.k {
	case array:
		if !coercible(index.t, tBigint) {
			return base, s.src.fail(x.Start, typeMismatch, "Cannot use %s for subscript of %s", index.t, base.t)
		}
		return made(*base.t.elem, "flowlake_array_at("+base.sql+", "+s.coerced(index, tBigint).sql+")", base, index), nil
	case mapping:
		if !coercible(index.t, *base.t.key) {
			return base, s.src.fail(x.Start, typeMismatch, "Cannot use %s for subscript of %s", index.t, base.t)
		}
		return made(*base.t.elem, "flowlake_map_at("+base.sql+", "+s.coerced(index, *base.t.key).sql+")", base, index), nil
	case row:
		n, ok := index.whole()
		if !ok || n < 1 || n > int64(len(base.t.fields)) {
			return base, s.src.fail(x.Index.Bounds().Start, "INVALID_FUNCTION_ARGUMENT", "Subscript expression on ROW requires an INTEGER literal within its fields")
		}
		f := base.t.fields[n-1]
		return made(f.t, "struct_extract("+base.sql+", "+quoteText(fieldName(f.name, int(n-1)))+")", base), nil
	}
	return base, s.src.fail(x.Start, typeMismatch, "Cannot use %s for subscript of %s", index.t, base.t)
}
