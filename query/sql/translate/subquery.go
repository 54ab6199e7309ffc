package translate

import (
	"fmt"
	"strings"

	"flowlake/query/sql"
)

// subquery translates a query in an expression. Its columns are needed, whatever is made of them, unless
// it is only asked whether there are rows.
func (s *scope) subquery(q *sql.Query, needed bool) (result, []use, error) {
	in := &scope{a: s.a, src: s.src, db: s.db, parent: s, with: s.with}
	before := len(s.a.outer)
	res, err := in.query(q)
	if err != nil {
		return res, nil, err
	}
	for _, f := range res.out {
		for _, c := range f.cols {
			c.read = c.read || needed
		}
	}
	uses := append([]use(nil), s.a.outer[before:]...)
	s.a.outer = s.a.outer[:before]
	var mine []use
	for _, u := range uses {
		for at := s; at != nil; at = at.parent {
			if u.scope == at {
				mine = append(mine, u)
				if at != s {
					s.a.outer = append(s.a.outer, u)
				}
				break
			}
		}
	}
	return res, mine, nil
}

func withUses(e expr, uses []use) expr {
	e.uses = append(e.uses, uses...)
	return e
}

func (s *scope) scalarQuery(x *sql.ScalarQuery) (expr, error) {
	res, uses, err := s.subquery(x.Query, true)
	if err != nil {
		return expr{}, err
	}
	if len(res.out) != 1 {
		return expr{}, s.src.refuse(x.Start, "a scalar subquery with several columns")
	}
	f := res.out[0]
	e := made(f.t, "("+res.sql+")")
	e.never = f.never || !f.t.floating()
	return withUses(e, uses), nil
}

func (s *scope) inQuery(x *sql.InQuery) (expr, error) {
	v, err := s.expr(x.X)
	if err != nil {
		return v, err
	}
	res, uses, err := s.subquery(x.Query, true)
	if err != nil {
		return v, err
	}
	left := []expr{v}
	if v.parts != nil {
		left = v.parts
	}
	if len(left) != len(res.out) {
		return v, s.src.fail(x.Query.Start, typeMismatch, "Value expression and result of subquery must be of the same type: %s vs %s", v.t, rowOf(res.out))
	}
	if len(left) > 1 && (x.Not || s.term != sql.Expr(x)) {
		// The engine's answer is NULL where a column is, even if another differs.
		return v, s.src.refuse(x.Start, "IN over several columns, unless it stands for itself in a condition,")
	}
	want := make([]field, len(left))
	texts := make([]string, len(left))
	for i, l := range left {
		t, ok := common(l.t, res.out[i].t)
		if !ok || !t.comparable() {
			return v, s.src.fail(x.X.Bounds().Start, typeMismatch, "Value expression and result of subquery must be of the same type: %s vs %s", v.t, rowOf(res.out))
		}
		if t.nested() || t.k == jsonType || t.floating() && !l.never && !res.out[i].never {
			return v, s.src.refuse(x.Start, "a comparison of %s values", kindNames[t.k])
		}
		want[i].t = t
		texts[i] = s.coerced(l, t).sql
	}
	lhs := texts[0]
	if len(texts) > 1 {
		lhs = "(" + strings.Join(texts, ", ") + ")"
	}
	e := withUses(made(tBoolean, "("+lhs+" IN ("+s.retyped(res, want)+"))", v), uses)
	return s.negated(e, x.Not), nil
}

func rowOf(out []field) typ {
	if len(out) == 1 {
		return out[0].t
	}
	t := typ{k: row}
	for _, f := range out {
		t.fields = append(t.fields, rowField{f.name, f.t})
	}
	return t
}

func (s *scope) quantified(x *sql.Quantified) (expr, error) {
	v, err := s.expr(x.Left)
	if err != nil {
		return v, err
	}
	res, uses, err := s.subquery(x.Query, true)
	if err != nil {
		return v, err
	}
	if len(res.out) != 1 {
		return v, s.src.fail(x.Query.Start, typeMismatch, "Multiple columns returned by subquery are not yet supported. Found %d", len(res.out))
	}
	t, ok := common(v.t, res.out[0].t)
	if !ok || !t.comparable() || x.Op != "=" && x.Op != "<>" && !t.ordered() {
		return v, s.src.fail(x.Start, typeMismatch, "Value expression and result of subquery must be of the same type for quantified comparison: %s vs %s", v.t, res.out[0].t)
	}
	if t.nested() || t.k == jsonType || t.floating() && !(v.never && res.out[0].never) {
		return v, s.src.refuse(x.Start, "a quantified comparison of %s values", kindNames[t.k])
	}
	text := fmt.Sprintf("(%s %s %s (%s))", s.coerced(v, t).sql, x.Op, x.Quantifier, s.retyped(res, []field{{t: t}}))
	return withUses(made(tBoolean, text, v), uses), nil
}
