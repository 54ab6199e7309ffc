package translate

import (
	"strings"

	"flowlake/query/sql"
)

func init() {
	define(`
sqrt(double) double = flowlake_sqrt($1)
cbrt(double) double = flowlake_cbrt($1)
exp(double) double = exp($1)
ln(double) double = flowlake_ln($1)
log2(double) double = (flowlake_ln($1) / ln(2))
log10(double) double = flowlake_log10($1)
log(double, double) double = (flowlake_ln($2) / flowlake_ln($1))
pow(double, double) double = pow($1, $2)
power(double, double) double = pow($1, $2)
pi() double = pi()
e() double = CAST('2.718281828459045' AS DOUBLE)
infinity() double = CAST('Infinity' AS DOUBLE)
nan() double = CAST('NaN' AS DOUBLE)
is_nan(double) boolean = isnan($1)
is_finite(double) boolean = isfinite($1)
is_infinite(double) boolean = isinf($1)
degrees(double) double = degrees($1)
radians(double) double = radians($1)
sin(double) double = flowlake_finite_sin($1)
cos(double) double = flowlake_finite_cos($1)
tan(double) double = flowlake_finite_tan($1)
asin(double) double = flowlake_asin($1)
acos(double) double = flowlake_acos($1)
atan(double) double = atan($1)
atan2(double, double) double = atan2($1, $2)
sinh(double) double = sinh($1)
cosh(double) double = cosh($1)
tanh(double) double = tanh($1)
from_base(varchar, bigint) bigint = flowlake_from_base($1, $2)
to_base(bigint, bigint) varchar = flowlake_to_base($1, $2)
width_bucket(double, double, double, bigint) bigint = flowlake_width_bucket($1, $2, $3, $4)
bitwise_and(bigint, bigint) bigint = ($1 & $2)
bitwise_or(bigint, bigint) bigint = ($1 | $2)
bitwise_xor(bigint, bigint) bigint = xor($1, $2)
bitwise_not(bigint) bigint = (~$1)
bit_count(bigint, bigint) bigint = flowlake_bit_count($1, $2)
contains(varchar, ipaddress) boolean = flowlake_cidr_contains($1, $2)
`)
	for _, n := range []string{"abs", "ceil", "ceiling", "floor", "sign"} {
		handlers[n] = numberShape
	}
	handlers["round"] = roundNumber
	handlers["truncate"] = truncateNumber
	handlers["mod"] = func(c *call) (expr, error) {
		if len(c.args) != 2 || !c.args[0].t.numeric() || !c.args[1].t.numeric() {
			return expr{}, c.unexpected("mod(n, m)")
		}
		return c.s.arithmetic(&sql.BinaryOp{Span: c.x.Span, Op: "%", OpSpan: c.x.Span}, c.args[0], c.args[1])
	}
	for _, n := range []string{"rand", "random"} {
		handlers[n] = randomNumber
	}
	for name, op := range map[string]string{"bitwise_left_shift": "flowlake_shift_left", "bitwise_right_shift": "flowlake_shift_right",
		"bitwise_right_shift_arithmetic": "flowlake_shift_right_arithmetic"} {
		handlers[name] = func(c *call) (expr, error) {
			if len(c.args) != 2 || !c.args[0].t.integral() || !c.args[1].t.integral() {
				return expr{}, c.unexpected(name + "(bigint, bigint)")
			}
			t := c.args[0].t
			bits := map[kind]int{tinyint: 8, smallint: 16, integer: 32, bigint: 64}[t.k]
			text := op + "(" + c.s.coerced(c.args[0], tBigint).sql + ", " + c.s.coerced(c.args[1], tBigint).sql + ", CAST(" + itoa(bits) + " AS BIGINT))"
			return made(t, castTo(text, t), c.args...), nil
		}
	}
	handlers["greatest"] = extreme
	handlers["least"] = extreme
	handlers["nullif"] = func(c *call) (expr, error) {
		if len(c.args) != 2 {
			return expr{}, c.unexpected("nullif(T, T)")
		}
		l, r := c.args[0], c.args[1]
		t, ok := common(l.t, r.t)
		if !ok || !t.comparable() {
			return l, c.s.src.fail(c.pos(), typeMismatch, "Types are not comparable with NULLIF: %s vs %s", l.t, r.t)
		}
		if l.volatile {
			return l, c.refuse("nullif of a random value")
		}
		eq, err := c.s.checked(l, r, t, c.pos())
		if err != nil {
			return eq, err
		}
		return made(l.t, "(CASE WHEN "+eq.sql+" THEN NULL ELSE "+l.sql+" END)", l, r), nil
	}
	handlers["coalesce"] = func(c *call) (expr, error) {
		if len(c.args) < 2 {
			return expr{}, c.s.src.fail(c.pos(), "INVALID_FUNCTION_ARGUMENT", "The 'coalesce' function must have at least two arguments")
		}
		t, err := c.s.commonOf(c.pos(), "All COALESCE operands must be the same type or coercible to a common type", c.args)
		if err != nil {
			return expr{}, err
		}
		texts := make([]string, len(c.args))
		never := true
		parts := make([]expr, len(c.args))
		for i, a := range c.args {
			parts[i] = c.s.coerced(a, t)
			texts[i] = parts[i].sql
			never = never && parts[i].never
		}
		e := made(t, "coalesce("+strings.Join(texts, ", ")+")", c.args...)
		e.never = never
		return e.valued(func(v []any) any {
			for _, x := range v {
				if x != nil {
					return x
				}
			}
			return nil
		}, parts...), nil
	}
	raws["if"] = ifCall
	raws["try"] = func(s *scope, x *sql.Call, name string) (expr, error) {
		if err := argCount(s, x, name, 1); err != nil {
			return expr{}, err
		}
		e, err := s.expr(x.Args[0])
		if err != nil {
			return e, err
		}
		if e.volatile || hasSubquery(x.Args[0]) {
			return e, s.src.refuse(x.Start, "TRY around a random value or a subquery")
		}
		if e.agg != "" || e.win != "" {
			return e, s.src.refuse(x.Start, "TRY around an aggregate or window function")
		}
		out := made(e.t, "TRY("+e.sql+")", e)
		out.never = e.never
		return out, nil
	}
	raws["typeof"] = func(s *scope, x *sql.Call, name string) (expr, error) {
		if err := argCount(s, x, name, 1); err != nil {
			return expr{}, err
		}
		e, err := s.expr(x.Args[0])
		if err != nil {
			return e, err
		}
		spelled := e.t.String()
		text := quoteText(spelled)
		if e.agg != "" {
			text = "(CASE WHEN count(*) >= 0 THEN " + text + " END)" // still one row a group
		}
		out := made(tVarchar, text, e)
		out.uses = nil // the type of a column is the same in every row
		return out.valued(func([]any) any { return spelled }), nil
	}
}

// hasSubquery reports whether a query stands in an expression.
func hasSubquery(x sql.Expr) bool {
	found := false
	sql.Walk(x, func(n sql.Node) bool {
		if _, ok := n.(*sql.Query); ok {
			found = true
		}
		return !found
	})
	return found
}

func ifCall(s *scope, x *sql.Call, name string) (expr, error) {
	if err := argCount(s, x, name, 2, 3); err != nil {
		return expr{}, err
	}
	c := &sql.Case{Span: x.Span, Whens: []sql.When{{Span: x.Span, Cond: x.Args[0], Result: x.Args[1]}}}
	if len(x.Args) == 3 {
		c.Else = x.Args[2]
	}
	return s.caseOf(c)
}

// numberShape translates functions whose result's type follows the argument's.
func numberShape(c *call) (expr, error) {
	if len(c.args) != 1 || !c.args[0].t.numeric() && c.args[0].t.k != unknown {
		return expr{}, c.unexpected(c.name + "(double)")
	}
	a := c.args[0]
	if a.t.k == unknown {
		a = c.s.coerced(a, tInteger)
	}
	name := c.name
	if name == "ceiling" {
		name = "ceil"
	}
	t := a.t
	text := name + "(" + a.sql + ")"
	switch {
	case a.t.integral() && (name == "ceil" || name == "floor"):
		return a, nil
	case a.t.k == decimal && name == "sign":
		t = decimalOf(1, 0)
	case a.t.k == decimal && name != "abs":
		t = decimalOf(a.t.p-a.t.s+min(a.t.s, 1), 0)
	}
	if a.t.floating() && name == "sign" {
		text = "(CASE WHEN isnan(" + a.sql + ") THEN " + a.sql + " ELSE " + text + " END)"
	}
	e := made(t, castTo(text, t), a)
	e.never = a.never
	return e, nil
}

func roundNumber(c *call) (expr, error) {
	if len(c.args) == 0 || len(c.args) > 2 || !c.args[0].t.numeric() {
		return expr{}, c.unexpected("round(double)", "round(double, integer)")
	}
	a := c.args[0]
	if len(c.args) == 1 {
		if a.t.integral() {
			return a, nil
		}
		t := a.t
		if t.k == decimal {
			t = decimalOf(min(38, t.p-t.s+min(1, t.s)), 0)
		}
		e := made(t, castTo("round("+a.sql+")", t), a)
		e.never = a.never
		return e, nil
	}
	d := c.args[1]
	if !coercible(d.t, tInteger) {
		return expr{}, c.unexpected("round(double, integer)")
	}
	n, constant := d.whole()
	if !constant && !a.t.floating() {
		return expr{}, c.refuse("round of a %s to places that are not constant", kindNames[a.t.k])
	}
	switch {
	case a.t.integral():
		if n >= 0 {
			return a, nil
		}
		return made(a.t, castTo("round("+a.sql+", "+itoa(int(n))+")", a.t), a), nil
	case a.t.k == decimal:
		t := decimalOf(min(38, a.t.p+1), a.t.s)
		if n < 0 {
			return expr{}, c.refuse("round of a decimal to negative places")
		}
		if n >= int64(a.t.s) {
			return made(t, castTo(a.sql, t), a), nil
		}
		return made(t, castTo("round("+a.sql+", "+itoa(int(n))+")", t), a), nil
	}
	e := made(a.t, castTo("round("+a.sql+", "+c.s.coerced(d, tInteger).sql+")", a.t), a, d)
	e.never = a.never
	return e, nil
}

func truncateNumber(c *call) (expr, error) {
	if len(c.args) != 1 || !c.args[0].t.numeric() {
		if len(c.args) == 2 {
			return expr{}, c.refuse("truncate with two arguments")
		}
		return expr{}, c.unexpected("truncate(double)")
	}
	a := c.args[0]
	if a.t.integral() {
		a = c.s.coerced(a, tDouble)
	}
	t := a.t
	if t.k == decimal {
		t = decimalOf(max(1, t.p-t.s), 0)
	}
	e := made(t, castTo("trunc("+a.sql+")", t), a)
	e.never = a.never
	return e, nil
}

func randomNumber(c *call) (expr, error) {
	for _, a := range c.args {
		if !a.t.integral() {
			return expr{}, c.unexpected("random()", "random(bigint)", "random(bigint, bigint)")
		}
	}
	e := made(tDouble, "random()", c.args...)
	switch len(c.args) {
	case 0:
		e.never = true
	case 1:
		n := c.args[0]
		e.t, e.sql = n.t, castTo("floor(random() * "+n.sql+")", n.t)
	case 2:
		t, _ := common(c.args[0].t, c.args[1].t)
		a, b := c.s.coerced(c.args[0], t).sql, c.s.coerced(c.args[1], t).sql
		e.t, e.sql = t, castTo("(floor(random() * ("+b+" - "+a+")) + "+a+")", t)
	default:
		return expr{}, c.unexpected("random()", "random(bigint)", "random(bigint, bigint)")
	}
	e.volatile = true
	return e, nil
}

// extreme translates greatest and least, which are NULL when an argument is.
func extreme(c *call) (expr, error) {
	if len(c.args) == 0 {
		return expr{}, c.unexpected(c.name + "(E, ...)")
	}
	t, err := c.s.commonOf(c.pos(), "All "+c.name+" arguments must be the same type or coercible to a common type", c.args)
	if err != nil {
		return expr{}, err
	}
	if !t.ordered() || t.nested() {
		return expr{}, c.unexpected(c.name + "(E, ...)")
	}
	var nulls, texts []string
	for _, a := range c.args {
		a = c.s.coerced(a, t)
		if a.volatile {
			return expr{}, c.refuse("%s of a random value", c.name)
		}
		if t.floating() && !a.never {
			nulls = append(nulls, "isnan("+a.sql+")")
		}
		nulls, texts = append(nulls, a.sql+" IS NULL"), append(texts, a.sql)
	}
	if t.floating() && len(nulls) > len(texts) {
		return expr{}, c.refuse("%s of numbers that may be NaN", c.name)
	}
	e := made(t, "(CASE WHEN "+strings.Join(nulls, " OR ")+" THEN NULL ELSE "+c.name+"("+strings.Join(texts, ", ")+") END)", c.args...)
	e.never = true
	return e, nil
}
