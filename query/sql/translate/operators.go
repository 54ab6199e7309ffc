package translate

import (
	"fmt"
	"math/big"
	"strings"

	"flowlake/query/sql"
)

func (s *scope) binary(x *sql.BinaryOp) (expr, error) {
	l, err := s.expr(x.Left)
	if err != nil {
		return l, err
	}
	r, err := s.expr(x.Right)
	if err != nil {
		return r, err
	}
	switch x.Op {
	case "=", "<>":
		t, ok := common(l.t, r.t)
		if !ok || !t.comparable() {
			return l, s.cannot(x, l, r)
		}
		if x.Op == "=" {
			return s.equality(s.coerced(l, t), s.coerced(r, t), x.Start)
		}
		eq, err := s.checked(l, r, t, x.Start)
		if err != nil {
			return eq, err
		}
		if l.parts != nil {
			return s.negated(eq, true), nil
		}
		return s.comparison("<>", s.coerced(l, t), s.coerced(r, t)), nil
	case "<", "<=", ">", ">=":
		t, ok := common(l.t, r.t)
		if !ok || !t.ordered() {
			return l, s.cannot(x, l, r)
		}
		if t.nested() {
			return l, s.src.refuse(x.OpSpan.Start, "a comparison of %s values", kindNames[t.k])
		}
		return s.comparison(x.Op, s.coerced(l, t), s.coerced(r, t)), nil
	case "||":
		return s.concat(x.OpSpan.Start, []expr{l, r})
	case "+", "-", "*", "/", "%":
		return s.arithmetic(x, l, r)
	}
	return l, s.src.refuse(x.OpSpan.Start, "the operator %s", x.Op)
}

// checked is an equality whose sides are not coerced yet.
func (s *scope) checked(l, r expr, t typ, pos int) (expr, error) {
	return s.equality(s.coerced(l, t), s.coerced(r, t), pos)
}

// cannot is Athena's error for an operator that its operands' types do not have.
//
// Differs from AWS: Trino says < for >, and = for <>, which are the same operators to it.
func (s *scope) cannot(x *sql.BinaryOp, l, r expr) error {
	compares := strings.ContainsAny(x.Op, "=<>")
	return s.src.fail(x.Start, typeMismatch, "Cannot apply operator: %s %s %s%s", l.t, x.Op, r.t, s.columnHint(x.Left, x.Right)+dateHint(l, r)+dateHint(r, l)+
		s.numberHint(x.Left, l, r, compares)+s.numberHint(x.Right, r, l, compares))
}

// numberHint explains a number, or a text of digits, beside a value of another type. x is what l was written as; compares
// tells a comparison from a sum, in which a number beside a time is no time itself.
func (s *scope) numberHint(x sql.Expr, l, r expr, compares bool) string {
	written := x.Bounds().Of(s.src.text)
	switch literal, isLiteral := l.text(); {
	case compares && l.t.integral() && (r.t.k == timestamp || r.t.k == timestampTZ):
		return ". Seconds since 1970 become a timestamp with from_unixtime(" + written + ")"
	case l.t.text() && r.t.numeric() && isLiteral && literal != "" && strings.Trim(literal, "0123456789") == "":
		return ". A number is written without quotes: " + literal
	case l.t.text() && r.t.numeric() && !isLiteral:
		return ". A text becomes a number, or NULL, with TRY_CAST(" + written + " AS " + r.t.String() + ")"
	}
	return ""
}

// dateHint explains a date that is written as a string.
func dateHint(l, r expr) string {
	text, ok := r.text()
	if !ok || l.t.k != date && l.t.k != timestamp && l.t.k != timestampTZ {
		return ""
	}
	if _, ok := parseDay(text); ok && l.t.k == date {
		return ". A date is written DATE " + quoteText(text)
	}
	if _, ok := parseInstant(text); ok {
		return ". A timestamp is written TIMESTAMP " + quoteText(text)
	}
	return ""
}

// columnHint explains a column's name in single quotes, which is a string.
func (s *scope) columnHint(list ...sql.Expr) string {
	for _, x := range list {
		if lit, ok := sql.Unparen(x).(*sql.String); ok && s.hasColumn(strings.ToLower(lit.Value)) {
			name := lit.Value
			return fmt.Sprintf(". '%s' in single quotes is a string literal; the column is written \"%s\" or %s", name, name, name)
		}
	}
	return ""
}

// equality is l = r for values of one type; rows that are written out are compared field by field.
func (s *scope) equality(l, r expr, pos int) (expr, error) {
	if l.parts != nil && r.parts != nil {
		texts := make([]string, len(l.parts))
		for i := range l.parts {
			t, ok := common(l.parts[i].t, r.parts[i].t)
			if !ok {
				return l, s.src.fail(pos, typeMismatch, "Cannot apply operator: %s = %s", l.t, r.t)
			}
			eq, err := s.checked(l.parts[i], r.parts[i], t, pos)
			if err != nil {
				return eq, err
			}
			texts[i] = eq.sql
		}
		return made(tBoolean, "("+strings.Join(texts, " AND ")+")", l, r), nil
	}
	// NULLs inside make a comparison NULL in Trino; the engine takes them for equal.
	if l.t.nested() || l.t.k == jsonType {
		return l, s.src.refuse(pos, "a comparison of %s values", kindNames[l.t.k])
	}
	return s.comparison("=", l, r), nil
}

// comparison compares two values of one type. To the engine NaN equals itself and is the largest number; to
// Trino every comparison with it is false.
func (s *scope) comparison(op string, l, r expr) expr {
	text := l.sql + " " + op + " " + r.sql
	if l.t.floating() {
		switch {
		case op == "=" && !l.never && !r.never, (op == ">" || op == ">=") && !l.never:
			text += " AND NOT isnan(" + l.sql + ")"
		case op == "<>" && !l.never && !r.never:
			text += " OR isnan(" + l.sql + ")"
		case (op == "<" || op == "<=") && !r.never:
			text += " AND NOT isnan(" + r.sql + ")"
		}
	}
	return made(tBoolean, "("+text+")", l, r).valued(func(v []any) any { return compared(op, v[0], v[1]) }, l, r).
		limited(limitComparison(op, l, r))
}

func (s *scope) isDistinct(x *sql.IsDistinct) (expr, error) {
	l, err := s.expr(x.Left)
	if err != nil {
		return l, err
	}
	r, err := s.expr(x.Right)
	if err != nil {
		return r, err
	}
	t, ok := common(l.t, r.t)
	if !ok || !t.comparable() {
		return l, s.src.fail(x.Start, typeMismatch, "Cannot check if %s is distinct from %s", l.t, r.t)
	}
	if t.k == jsonType {
		return l, s.src.refuse(x.Start, "a comparison of json values")
	}
	word := " IS DISTINCT FROM "
	if x.Not {
		word = " IS NOT DISTINCT FROM "
	}
	l, r = s.coerced(l, t), s.coerced(r, t)
	return made(tBoolean, "("+l.sql+word+r.sql+")", l, r), nil
}

func (s *scope) like(x *sql.Like) (expr, error) {
	v, err := s.expr(x.X)
	if err != nil {
		return v, err
	}
	p, err := s.expr(x.Pattern)
	if err != nil {
		return p, err
	}
	if v.t.k == unknown {
		v = s.coerced(v, tVarchar)
	}
	if p.t.k == unknown {
		p = s.coerced(p, tVarchar)
	}
	if !v.t.text() {
		return v, s.src.fail(v.pos, typeMismatch, "Left side of LIKE expression must evaluate to a varchar (actual: %s)", v.t)
	}
	if !p.t.text() {
		return v, s.src.fail(p.pos, typeMismatch, "Pattern for LIKE expression must evaluate to a varchar (actual: %s)", p.t)
	}
	text := "(" + v.sql + " LIKE " + p.sql
	parts := []expr{v, p}
	var escape rune
	if x.Escape != nil {
		e, err := s.expr(x.Escape)
		if err != nil {
			return e, err
		}
		c, ok := e.text()
		if runes := []rune(c); !ok || len(runes) != 1 {
			return e, s.src.fail(e.pos, invalidFunction, "Escape string must be a single character")
		} else {
			escape = runes[0]
		}
		if escape >= 128 {
			return e, s.src.refuse(e.pos, "an escape character that is not ASCII")
		}
		text += " ESCAPE " + quoteText(c)
		if pattern, ok := p.text(); ok && !escapesWell(pattern, escape) {
			return e, s.src.fail(p.pos, invalidFunction, "Escape character must be followed by '%%', '_' or the escape character itself")
		}
	}
	e := made(tBoolean, text+")", parts...)
	if pattern, ok := p.text(); ok {
		if re, ok := likePattern(pattern, escape); ok {
			e = e.valued(func(p []any) any {
				if t, ok := p[0].(string); ok {
					return re.MatchString(t)
				}
				return p[0]
			}, v).limited(limitLike(v, pattern, escape))
		}
	}
	return s.negated(e, x.Not), nil
}

func escapesWell(pattern string, escape rune) bool {
	runes := []rune(pattern)
	for i := 0; i < len(runes); i++ {
		if runes[i] != escape {
			continue
		}
		if i++; i == len(runes) || runes[i] != '%' && runes[i] != '_' && runes[i] != escape {
			return false
		}
	}
	return true
}

// raise is an expression of type t that fails with Athena's message when it is evaluated. The inner cast tells the
// engine that it can fail, so that conditions before it are not moved behind it.
func raise(t typ, code, message string) string {
	text := "flowlake_raise(" + quoteText(code+": "+message) + ")"
	if t.duck() == "VARCHAR" {
		return "CAST(CAST(" + text + " AS INTEGER) AS VARCHAR)"
	}
	return "CAST(" + text + " AS " + t.duck() + ")"
}

func (s *scope) arithmetic(x *sql.BinaryOp, l, r expr) (expr, error) {
	if l.t.k == unknown && r.t.k == unknown {
		return made(tInteger, "CAST(NULL AS INTEGER)", l, r), nil
	}
	if l.t.k == unknown && (r.t.numeric() || r.t.k == dayTime) {
		l = s.coerced(l, r.t)
	}
	if r.t.k == unknown && (l.t.numeric() || l.t.k == dayTime) {
		r = s.coerced(r, l.t)
	}
	if !l.t.numeric() || !r.t.numeric() {
		e, ok, err := s.dateArithmetic(x.Op, l, r)
		if err == nil && !ok {
			err = s.cannot(x, l, r)
		}
		return e, err
	}
	t, _ := common(l.t, r.t)
	if t.k == decimal {
		return s.decimalArithmetic(x, l, r)
	}
	l, r = s.coerced(l, t), s.coerced(r, t)
	if t.floating() {
		text := "(" + l.sql + " " + x.Op + " " + r.sql + ")"
		if t.k == real {
			text = "CAST(" + text + " AS FLOAT)"
		}
		e := made(t, text, l, r)
		e.never = false
		return e, nil
	}
	if x.Op == "/" || x.Op == "%" {
		return s.divided(t, map[string]string{"/": "//", "%": "%"}[x.Op], l, r)
	}
	e := made(t, "("+l.sql+" "+x.Op+" "+r.sql+")", l, r)
	return e.valued(func(v []any) any { return integerOp(x.Op, t, v[0], v[1]) }, l, r), nil
}

// integerOp computes on integers for pruning; what overflows is left to the engine.
func integerOp(op string, t typ, a, b any) any {
	if a == nil || b == nil {
		return nil
	}
	x, ok1 := a.(int64)
	y, ok2 := b.(int64)
	if !ok1 || !ok2 {
		return unknownValue
	}
	n := new(big.Int)
	switch op {
	case "+":
		n.Add(big.NewInt(x), big.NewInt(y))
	case "-":
		n.Sub(big.NewInt(x), big.NewInt(y))
	default:
		n.Mul(big.NewInt(x), big.NewInt(y))
	}
	if !n.IsInt64() || t.k != bigint && (n.Int64() > 1<<31-1 || n.Int64() < -1<<31) {
		return unknownValue
	}
	return n.Int64()
}

// divided guards an integer division or remainder. A constant divisor needs no guard.
func (s *scope) divided(t typ, op string, l, r expr) (expr, error) {
	text := "(" + l.sql + " " + op + " " + r.sql + ")"
	if n, ok := r.whole(); !ok || n == 0 {
		if r.volatile {
			return l, s.src.refuse(r.pos, "a division by a random value")
		}
		text = guarded(t, l, r, text)
	}
	return made(t, text, l, r), nil
}

func (s *scope) decimalArithmetic(x *sql.BinaryOp, l, r expr) (expr, error) {
	a, b := asDecimal(l.t), asDecimal(r.t)
	l, r = s.coerced(l, a), s.coerced(r, b)
	sc := max(a.s, b.s)
	switch x.Op {
	case "+", "-":
		t := decimalOf(min(38, max(a.p-a.s, b.p-b.s)+sc+1), sc)
		text := "(" + s.coerced(l, t).sql + " " + x.Op + " " + s.coerced(r, t).sql + ")"
		return made(t, castTo(text, t), l, r), nil
	case "*":
		if a.s+b.s > 38 {
			return l, s.src.fail(x.Start, typeMismatch, "DECIMAL scale must be in range [0, precision (38)]: %d", a.s+b.s)
		}
		t := decimalOf(min(38, a.p+b.p), a.s+b.s)
		l = s.coerced(l, decimalOf(max(a.p, min(t.p, wideDigits)), a.s))
		return made(t, castTo("("+l.sql+" * "+r.sql+")", t), l, r), nil
	case "%":
		t := decimalOf(min(b.p-b.s, a.p-a.s)+sc, sc)
		if t.p == 0 {
			t.p = 1
		}
		both := decimalOf(min(38, max(a.p-a.s, b.p-b.s)+sc), sc)
		text := castTo("("+s.coerced(l, both).sql+" % "+s.coerced(r, both).sql+")", t)
		return made(t, guarded(t, l, r, text), l, r), nil
	}
	t := decimalOf(min(38, a.p+b.s+max(b.s-a.s, 0)), sc)
	text := fromUnscaled("flowlake_divide("+unscaled(l, sc-a.s+b.s)+", "+unscaled(r, 0)+")", t)
	return made(t, guarded(t, l, r, text), l, r), nil
}

// guarded fails where the divisor is zero, unless the dividend is NULL.
func guarded(t typ, l, r expr, text string) string {
	zero := r.sql + " = 0"
	if !l.constant || l.eval == nil || l.eval(nil) == nil {
		zero += " AND " + l.sql + " IS NOT NULL"
	}
	return "(CASE WHEN " + zero + " THEN " + raise(t, divisionByZero, "Division by zero") + " ELSE " + text + " END)"
}

// wideDigits is the least precision of decimals that the engine keeps in 128 bits. The product of two with less
// stays in 64 bits, and overflows there.
const wideDigits = 19

func castTo(text string, t typ) string { return "CAST(" + text + " AS " + t.duck() + ")" }

// unscaled is a decimal's digits as a HUGEINT, with more zeros behind them.
func unscaled(e expr, more int) string {
	zeros := "1" + strings.Repeat("0", e.t.s)
	text := e.sql
	if e.t.s > 0 {
		text = fmt.Sprintf("(CAST(%s AS DECIMAL(38,%d)) * CAST(%s AS DECIMAL(%d,0)))", e.sql, e.t.s, zeros, len(zeros))
	}
	text = "CAST(" + text + " AS HUGEINT)"
	if more > 0 {
		text = fmt.Sprintf("(%s * CAST(1%s AS HUGEINT))", text, strings.Repeat("0", more))
	}
	return text
}

// fromUnscaled is the decimal that a HUGEINT's digits stand for.
func fromUnscaled(text string, t typ) string {
	if t.s == 0 {
		return castTo(text, t)
	}
	return castTo(fmt.Sprintf("(CAST(%s AS DECIMAL(%d,0)) * CAST('0.%s1' AS DECIMAL(%d,%d)))", text, 38-t.s, strings.Repeat("0", t.s-1), t.s, t.s), t)
}

func (s *scope) unary(x *sql.Unary) (expr, error) {
	if n, ok := x.X.(*sql.Number); ok && x.Op == "-" {
		e, err := s.number(n, "-")
		return e, err
	}
	e, err := s.expr(x.X)
	if err != nil {
		return e, err
	}
	if e.t.k == unknown {
		e = s.coerced(e, tInteger)
	}
	if !e.t.numeric() && e.t.k != dayTime && e.t.k != yearMonth {
		if x.Op == "+" {
			return e, s.src.fail(x.Start, typeMismatch, "Unary '+' operator cannot by applied to %s type", e.t)
		}
		return e, s.src.fail(x.Start, typeMismatch, "Cannot negate %s", e.t)
	}
	if x.Op == "+" {
		return e, nil
	}
	out := made(e.t, "(-"+e.sql+")", e)
	if e.t.k == decimal {
		out.sql = castTo(out.sql, e.t)
	}
	out.never = e.never
	return out.valued(func(v []any) any {
		if n, ok := v[0].(int64); ok && n != -1<<63 {
			return -n
		}
		if v[0] == nil {
			return nil
		}
		return unknownValue
	}, e), nil
}

// concat joins strings, arrays, or an array and an element.
func (s *scope) concat(pos int, list []expr) (expr, error) {
	var elem *typ
	for _, e := range list {
		if e.t.k == array {
			if elem == nil {
				elem = e.t.elem
			} else if t, ok := common(*elem, *e.t.elem); ok {
				elem = &t
			} else {
				return list[0], s.unexpected(pos, "concat", list)
			}
		}
	}
	parts := make([]expr, len(list))
	texts := make([]string, len(list))
	t := tVarchar
	if elem != nil {
		for _, e := range list {
			if e.t.k == array {
				continue
			}
			c, ok := common(*elem, e.t)
			if !ok {
				return list[0], s.unexpected(pos, "concat", list)
			}
			elem = &c
		}
		t = arrayOf(*elem)
	}
	allBinary := true
	for _, e := range list {
		allBinary = allBinary && e.t.k == varbinary
	}
	if allBinary {
		t = tVarbinary
	}
	for i, e := range list {
		switch {
		case elem != nil && e.t.k != array:
			parts[i] = s.coerced(e, *elem)
			parts[i].sql = "[" + parts[i].sql + "]"
		case e.t.k == char:
			return e, s.src.refuse(pos, "concat of char values")
		case elem == nil && !allBinary && e.t.k != varchar && e.t.k != unknown:
			return e, s.unexpected(pos, "concat", list)
		default:
			parts[i] = s.coerced(e, t)
		}
		texts[i] = parts[i].sql
	}
	text := "(" + strings.Join(texts, " || ") + ")"
	for _, e := range list {
		if e.t.k == unknown && elem == nil {
			text = castTo("NULL", t)
		}
	}
	return made(t, text, parts...).valued(func(v []any) any {
		var b strings.Builder
		for _, p := range v {
			switch p := p.(type) {
			case string:
				b.WriteString(p)
			case nil:
				return nil
			default:
				return unknownValue
			}
		}
		return b.String()
	}, parts...), nil
}

// unexpected is the error of a function whose signatures do not fit its arguments.
func (s *scope) unexpected(pos int, name string, args []expr, expected ...string) error {
	types := make([]string, len(args))
	for i, a := range args {
		types[i] = a.t.String()
	}
	text := fmt.Sprintf("Unexpected parameters (%s) for function %s", strings.Join(types, ", "), name)
	if len(expected) > 0 {
		text += ". Expected: " + strings.Join(expected, ", ")
	}
	return s.src.fail(pos, functionNotFound, "%s", text)
}
