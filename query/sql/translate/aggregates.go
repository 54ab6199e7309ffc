package translate

import (
	"strings"

	"flowlake/query/sql"
)

// aggregateFunc translates an aggregate function.
type aggregateFunc func(g *aggregateCall) (typ, string, error)

// aggregateCall is one call of an aggregate, with what stands around its arguments.
type aggregateCall struct {
	*call
	order  string // ORDER BY inside the parentheses, with a blank before it
	filter string // FILTER (…), with a blank before it
	over   string // OVER (…), with a blank before it
	never  bool
}

// engine writes a call of the engine's aggregate with this call's DISTINCT, ORDER BY, FILTER and OVER.
func (g *aggregateCall) engine(name string, args ...string) string {
	return g.engineWith(name, "", args...)
}

// engineWith adds a condition to the filter.
func (g *aggregateCall) engineWith(name, cond string, args ...string) string {
	distinct := ""
	if g.x.Distinct {
		distinct = "DISTINCT "
	}
	filter := g.filter
	if cond != "" {
		if filter == "" {
			filter = " FILTER (WHERE " + cond + ")"
		} else {
			filter = strings.TrimSuffix(filter, ")") + " AND " + cond + ")"
		}
	}
	return name + "(" + distinct + strings.Join(args, ", ") + g.order + ")" + filter + g.over
}

// only checks the number of arguments and returns the first.
func (g *aggregateCall) only(n int, ok func(typ) bool, expected ...string) (expr, error) {
	if g.x.Star || len(g.args) != n {
		return expr{}, g.unexpected(expected...)
	}
	a := g.args[0]
	if a.t.k == unknown && !ok(a.t) {
		a = g.s.coerced(a, tBigint)
	}
	if !ok(a.t) {
		return expr{}, g.unexpected(expected...)
	}
	return a, nil
}

func anyType(typ) bool { return true }

var aggregates map[string]aggregateFunc

func init() {
	numbers := func(t typ) bool { return t.numeric() }
	statistic := func(engine string) aggregateFunc {
		return func(g *aggregateCall) (typ, string, error) {
			a, err := g.only(1, numbers, g.name+"(double)", g.name+"(bigint)")
			if err != nil {
				return typ{}, "", err
			}
			return tDouble, g.engine(engine, g.s.coerced(a, tDouble).sql), nil
		}
	}
	paired := func(engine string) aggregateFunc {
		return func(g *aggregateCall) (typ, string, error) {
			a, err := g.only(2, numbers, g.name+"(double, double)")
			if err != nil {
				return typ{}, "", err
			}
			if !g.args[1].t.numeric() {
				return typ{}, "", g.unexpected(g.name + "(double, double)")
			}
			text := g.engine(engine, g.s.coerced(a, tDouble).sql, g.s.coerced(g.args[1], tDouble).sql)
			if strings.HasPrefix(engine, "covar") {
				return tDouble, text, nil
			}
			return tDouble, "(CASE WHEN isfinite(" + text + ") THEN " + text + " END)", nil
		}
	}
	boolAgg := func(engine string) aggregateFunc {
		return func(g *aggregateCall) (typ, string, error) {
			a, err := g.only(1, func(t typ) bool { return t.k == boolean }, g.name+"(boolean)")
			return tBoolean, g.engine(engine, a.sql), err
		}
	}
	bits := func(engine string) aggregateFunc {
		return func(g *aggregateCall) (typ, string, error) {
			a, err := g.only(1, typ.integral, g.name+"(bigint)")
			return tBigint, g.engine(engine, g.s.coerced(a, tBigint).sql), err
		}
	}
	aggregates = map[string]aggregateFunc{
		"count": countAgg, "count_if": countIf, "sum": sumAgg, "avg": avgAgg,
		"min": extremeAgg, "max": extremeAgg, "min_by": byAgg, "max_by": byAgg,
		"any_value": anyAgg, "arbitrary": anyAgg, "array_agg": arrayAgg, "listagg": listAgg,
		"map_agg": mapAgg, "multimap_agg": multimapAgg, "histogram": histogramAgg,
		"approx_distinct": approxDistinct, "approx_percentile": approxPercentile,
		"bool_and": boolAgg("bool_and"), "every": boolAgg("bool_and"), "bool_or": boolAgg("bool_or"),
		"bitwise_and_agg": bits("bit_and"), "bitwise_or_agg": bits("bit_or"), "bitwise_xor_agg": bits("bit_xor"),
		"stddev": statistic("stddev_samp"), "stddev_samp": statistic("stddev_samp"), "stddev_pop": statistic("stddev_pop"),
		"variance": statistic("var_samp"), "var_samp": statistic("var_samp"), "var_pop": statistic("var_pop"),
		"geometric_mean": func(g *aggregateCall) (typ, string, error) {
			a, err := g.only(1, numbers, "geometric_mean(double)")
			if err != nil {
				return typ{}, "", err
			}
			return tDouble, "exp(" + g.engine("avg", "flowlake_ln("+g.s.coerced(a, tDouble).sql+")") + ")", nil
		},
		"corr": paired("corr"), "covar_pop": paired("covar_pop"), "covar_samp": paired("covar_samp"),
		"regr_slope": paired("regr_slope"), "regr_intercept": paired("regr_intercept"),
	}
}

func (s *scope) aggregate(x *sql.Call, name string, f aggregateFunc) (expr, error) {
	args, err := s.exprs(x.Args)
	if err != nil {
		return expr{}, err
	}
	g := &aggregateCall{call: &call{s: s, x: x, name: name, args: args}}
	var parts []expr
	parts = append(parts, args...)
	if x.Nulls != sql.NullsUnsaid {
		return expr{}, s.src.fail(x.Start, invalidFunction, "Cannot specify null treatment clause for %s function", name)
	}
	if x.Star && name != "count" {
		return expr{}, g.unexpected()
	}
	if x.Distinct {
		for _, a := range args {
			if !a.t.comparable() {
				return expr{}, s.src.fail(x.Start, typeMismatch, "DISTINCT can only be applied to comparable types (actual: %s)", a.t)
			}
			if err := s.distinguishable(a.t, a.pos); err != nil {
				return expr{}, err
			}
		}
	}
	sort := x.OrderBy
	if len(x.WithinGroup) > 0 {
		if name != "listagg" {
			return expr{}, s.src.fail(x.Start, syntaxError, "WITHIN GROUP is not allowed for %s", name)
		}
		sort = x.WithinGroup
	}
	if len(sort) > 0 {
		text, keys, err := s.sortList(sort)
		if err != nil {
			return expr{}, err
		}
		if x.Over != nil {
			return expr{}, s.src.fail(x.Start, notSupported, "Window function with ORDER BY is not supported")
		}
		if x.Distinct {
			for _, k := range keys {
				found := false
				for _, a := range args {
					found = found || a.sql == k.sql
				}
				if !found {
					return expr{}, s.src.fail(x.Start, notInDistinct, "For aggregate function with DISTINCT, ORDER BY expressions must appear in arguments")
				}
			}
		}
		g.order = " ORDER BY " + text
		parts = append(parts, keys...)
	}
	if x.Filter != nil {
		cond, err := s.boolean(x.Filter, "FILTER clause")
		if err != nil {
			return expr{}, err
		}
		g.filter = " FILTER (WHERE " + cond.sql + ")"
		parts = append(parts, cond)
	}
	var around expr
	if x.Over != nil {
		if around, err = s.over(x.Over, false); err != nil {
			return expr{}, err
		}
		g.over = around.sql
	}
	for _, p := range parts {
		if p.win != "" {
			return expr{}, s.src.fail(x.Start, nestedWindow, "Cannot nest window functions or row pattern measures inside aggregation '%s'", name)
		}
		if p.agg != "" && x.Over == nil {
			return expr{}, s.src.fail(x.Start, nestedAggregation, "Cannot nest aggregations inside aggregation '%s': [%s]", name, p.agg)
		}
	}
	t, text, err := f(g)
	if err != nil {
		return expr{}, err
	}
	e := made(t, text, parts...)
	e.never = g.never || !t.floating()
	if x.Over != nil {
		e.take(around)
		e.win = name
		return e, nil
	}
	// Columns inside an aggregate need no grouping; those of a block around make it that block's.
	for _, u := range e.uses {
		if u.scope != s {
			return expr{}, s.src.refuse(x.Start, "an aggregate over columns of an outer query")
		}
	}
	e.uses, e.agg = nil, name
	return e, nil
}

func (s *scope) sortList(list []sql.SortItem) (string, []expr, error) {
	texts := make([]string, len(list))
	keys := make([]expr, len(list))
	for i, o := range list {
		e, err := s.expr(o.Expr)
		if err != nil {
			return "", nil, err
		}
		if !e.t.ordered() {
			return "", nil, s.src.fail(o.Start, typeMismatch, "Type %s is not orderable, and therefore cannot be used in ORDER BY", e.t)
		}
		keys[i] = e
		text := e.sql
		if e.constant {
			text = "CAST(" + text + " AS " + e.t.duck() + ")" // a bare number would be a position
		}
		texts[i] = text + sortSuffix(o)
	}
	return strings.Join(texts, ", "), keys, nil
}

func countAgg(g *aggregateCall) (typ, string, error) {
	switch {
	case g.x.Star && g.x.Distinct:
		return typ{}, "", g.unexpected("count()", "count(T)")
	case g.x.Star || len(g.args) == 0:
		return tBigint, g.engine("count", "*"), nil
	}
	a, err := g.only(1, anyType, "count()", "count(T)")
	return tBigint, g.engine("count", a.sql), err
}

func countIf(g *aggregateCall) (typ, string, error) {
	a, err := g.only(1, func(t typ) bool { return t.k == boolean }, "count_if(boolean)")
	if g.x.Distinct {
		return typ{}, "", g.refuse("count_if of distinct values")
	}
	return tBigint, g.engineWith("count", a.sql, "*"), err
}

func sumAgg(g *aggregateCall) (typ, string, error) {
	a, err := g.only(1, func(t typ) bool { return t.numeric() || t.k == dayTime || t.k == yearMonth }, "sum(bigint)", "sum(double)", "sum(decimal(p,s))")
	switch {
	case err != nil:
		return typ{}, "", err
	case a.t.integral():
		return tBigint, castTo(g.engine("sum", a.sql), tBigint), nil
	case a.t.k == decimal:
		t := decimalOf(38, a.t.s)
		return t, castTo(g.engine("sum", a.sql), t), nil
	}
	g.never = a.never
	return a.t, castTo(g.engine("sum", a.sql), a.t), nil
}

func avgAgg(g *aggregateCall) (typ, string, error) {
	a, err := g.only(1, typ.numeric, "avg(bigint)", "avg(double)", "avg(decimal(p,s))")
	switch {
	case err != nil:
		return typ{}, "", err
	case a.t.k == decimal:
		sum := expr{t: decimalOf(38, a.t.s), sql: castTo(g.engine("sum", a.sql), decimalOf(38, a.t.s))}
		n := "CAST(" + g.engine("count", a.sql) + " AS HUGEINT)"
		return a.t, "(CASE WHEN " + n + " > 0 THEN " + fromUnscaled("flowlake_divide("+unscaled(sum, 0)+", "+n+")", a.t) + " END)", nil
	}
	g.never = a.t.integral() || a.never
	t := tDouble
	if a.t.k == real {
		t = tReal
	}
	return t, castTo(g.engine("avg", a.sql), t), nil
}

func extremeAgg(g *aggregateCall) (typ, string, error) {
	ok := func(t typ) bool { return t.ordered() && !t.nested() || t.k == unknown }
	if len(g.args) == 2 {
		if !ok(g.args[0].t) || !coercible(g.args[1].t, tBigint) {
			return typ{}, "", g.unexpected(g.name+"(E)", g.name+"(E, bigint)")
		}
		n, constant := g.args[1].whole()
		if !constant || n < 1 || n > 10000 || g.args[0].t.floating() {
			return typ{}, "", g.refuse("%s of several values when their number is not constant, or they are floating point", g.name)
		}
		return arrayOf(g.args[0].t), g.engine(g.name, g.args[0].sql, itoa(int(n))), nil
	}
	a, err := g.only(1, ok, g.name+"(E)", g.name+"(E, bigint)")
	if err != nil {
		return typ{}, "", err
	}
	g.never = a.never
	if g.name == "max" && a.t.floating() && !a.never {
		// NaN is the greatest number to the engine; to Trino's max and max_by it is the least.
		return a.t, "coalesce(" + g.engineWith("max", "NOT isnan("+a.sql+")", a.sql) + ", " + g.engine("max", a.sql) + ")", nil
	}
	return a.t, g.engine(g.name, a.sql), nil
}

func byAgg(g *aggregateCall) (typ, string, error) {
	if len(g.args) == 3 {
		return typ{}, "", g.refuse("%s of several values", g.name)
	}
	if len(g.args) != 2 || !g.args[1].t.ordered() || g.args[1].t.nested() {
		return typ{}, "", g.unexpected(g.name + "(V, K)")
	}
	engine := map[string]string{"min_by": "arg_min_null", "max_by": "arg_max_null"}[g.name]
	g.never = g.args[0].never
	v, k := g.args[0], g.args[1]
	if g.name == "max_by" && k.t.floating() && !k.never {
		number := "NOT isnan(" + k.sql + ")"
		return v.t, "(CASE WHEN " + g.engineWith("count", number, k.sql) + " > 0 THEN " +
			g.engineWith(engine, number, v.sql, k.sql) + " ELSE " + g.engine(engine, v.sql, k.sql) + " END)", nil
	}
	return v.t, g.engine(engine, v.sql, k.sql), nil
}

func anyAgg(g *aggregateCall) (typ, string, error) {
	a, err := g.only(1, anyType, g.name+"(T)")
	g.never = a.never
	return a.t, g.engine("any_value", a.sql), err
}

func arrayAgg(g *aggregateCall) (typ, string, error) {
	a, err := g.only(1, anyType, "array_agg(T)")
	return arrayOf(a.t), g.engine("list", a.sql), err
}

func listAgg(g *aggregateCall) (typ, string, error) {
	if len(g.x.WithinGroup) == 0 {
		return typ{}, "", g.s.src.fail(g.pos(), syntaxError, "mismatched input: listagg needs WITHIN GROUP (ORDER BY …)")
	}
	if g.x.Overflow != nil && g.x.Overflow.Truncate {
		return typ{}, "", g.refuse("listagg … ON OVERFLOW TRUNCATE")
	}
	if len(g.args) == 0 || len(g.args) > 2 || !g.args[0].t.text() && g.args[0].t.k != unknown {
		return typ{}, "", g.unexpected("listagg(varchar, varchar)")
	}
	separator := "''"
	if len(g.args) == 2 {
		text, ok := g.args[1].text()
		if !ok {
			return typ{}, "", g.refuse("listagg with a separator that is not constant")
		}
		separator = quoteText(text)
	}
	return tVarchar, g.engine("string_agg", g.s.coerced(g.args[0], tVarchar).sql, separator), nil
}

// mapAgg gathers keys and values. Of several values for one key Trino keeps one; we keep the first.
func mapAgg(g *aggregateCall) (typ, string, error) {
	if len(g.args) != 2 || !g.args[0].t.comparable() || g.args[0].t.nested() {
		return typ{}, "", g.unexpected("map_agg(K, V)")
	}
	k, v := g.args[0], g.args[1]
	if k.t.k == unknown || v.t.k == unknown || g.x.Distinct || len(g.x.OrderBy) > 0 {
		return typ{}, "", g.refuse("map_agg with DISTINCT, ORDER BY or NULL")
	}
	pairs := g.engineWith("list", k.sql+" IS NOT NULL", "struct_pack(k := "+k.sql+", v := "+v.sql+")")
	return mapOf(k.t, v.t), "flowlake_map_of_pairs(" + pairs + ")", nil
}

// multimapAgg gathers all the values of each key.
func multimapAgg(g *aggregateCall) (typ, string, error) {
	if len(g.args) != 2 || !g.args[0].t.comparable() || g.args[0].t.nested() {
		return typ{}, "", g.unexpected("multimap_agg(K, V)")
	}
	k, v := g.args[0], g.args[1]
	if k.t.k == unknown || v.t.k == unknown || g.x.Distinct || len(g.x.OrderBy) > 0 {
		return typ{}, "", g.refuse("multimap_agg with DISTINCT, ORDER BY or NULL")
	}
	pairs := g.engineWith("list", k.sql+" IS NOT NULL", "struct_pack(k := "+k.sql+", v := "+v.sql+")")
	return mapOf(k.t, arrayOf(v.t)), "flowlake_multimap(" + pairs + ")", nil
}

func histogramAgg(g *aggregateCall) (typ, string, error) {
	a, err := g.only(1, func(t typ) bool { return t.comparable() && !t.nested() }, "histogram(T)")
	if err != nil {
		return typ{}, "", err
	}
	t := mapOf(a.t, tBigint)
	return t, castTo(g.engine("histogram", a.sql), t), nil
}

func approxDistinct(g *aggregateCall) (typ, string, error) {
	if len(g.args) == 2 {
		if !g.args[1].t.numeric() {
			return typ{}, "", g.unexpected("approx_distinct(T)", "approx_distinct(T, double)")
		}
		g.args = g.args[:1] // a standard error that is asked for is met by counting exactly
		return tBigint, strings.Replace(g.engine("count", "DISTINCT "+g.args[0].sql), "DISTINCT DISTINCT", "DISTINCT", 1), nil
	}
	a, err := g.only(1, anyType, "approx_distinct(T)", "approx_distinct(T, double)")
	return tBigint, g.engine("approx_count_distinct", a.sql), err
}

func approxPercentile(g *aggregateCall) (typ, string, error) {
	if len(g.args) == 3 || len(g.args) == 4 {
		return typ{}, "", g.refuse("approx_percentile with weights")
	}
	a, err := g.only(2, typ.numeric, "approx_percentile(bigint, double)", "approx_percentile(double, double)")
	if err != nil {
		return typ{}, "", err
	}
	if a.t.k == decimal {
		a = g.s.coerced(a, tDouble)
	} else if a.t.integral() {
		a = g.s.coerced(a, tBigint)
	}
	p := g.args[1]
	many := p.t.k == array && p.t.elem.numeric()
	if !many && !p.t.numeric() {
		return typ{}, "", g.unexpected("approx_percentile(bigint, double)", "approx_percentile(double, array(double))")
	}
	if len(p.uses) > 0 {
		return typ{}, "", g.refuse("approx_percentile with a percentage that is not constant")
	}
	if many {
		return arrayOf(a.t), castTo(g.engine("approx_quantile", a.sql, castTo(p.sql, arrayOf(typ{k: real}))), arrayOf(a.t)), nil
	}
	g.never = a.never
	return a.t, castTo(g.engine("approx_quantile", a.sql, castTo(p.sql, tReal)), a.t), nil
}
