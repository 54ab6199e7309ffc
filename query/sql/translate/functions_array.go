package translate

import (
	"strings"

	"flowlake/query/sql"
)

func init() {
	define(`
cardinality(array(T)) bigint = len($1)
cardinality(map(K, V)) bigint = CAST(cardinality($1) AS BIGINT)
element_at(array(E), bigint) E = flowlake_element_at($1, $2)
element_at(map(K, V), K) V = $1[$2]
contains(array(T), T) boolean = flowlake_contains($1, $2)
array_position(array(T), T) bigint = CASE WHEN $1 IS NOT NULL AND $2 IS NOT NULL THEN coalesce(CAST(list_position($1, $2) AS BIGINT), 0) END
array_distinct(array(T)) array(T) = flowlake_array_distinct($1)
array_join(array(varchar), varchar) varchar = flowlake_join($1, $2)
array_join(array(varchar), varchar, varchar) varchar = flowlake_join_nulls($1, $2, $3)
array_max(array(double)) double = flowlake_array_max_float($1)
array_max(array(real)) real = flowlake_array_max_float($1)
array_max(array(T)) T = flowlake_array_max($1)
array_min(array(T)) T = flowlake_array_min($1)
array_sort(array(T)) array(T) = list_sort($1, 'ASC', 'NULLS LAST')
array_union(array(T), array(T)) array(T) = flowlake_array_distinct($1 || $2)
array_intersect(array(T), array(T)) array(T) = flowlake_array_intersect($1, $2)
array_except(array(T), array(T)) array(T) = flowlake_array_except($1, $2)
arrays_overlap(array(T), array(T)) boolean = flowlake_arrays_overlap($1, $2)
array_remove(array(T), T) array(T) = flowlake_array_remove($1, $2)
flatten(array(array(T))) array(T) = flatten($1)
slice(array(T), bigint, bigint) array(T) = flowlake_slice($1, $2, $3)
sequence(bigint, bigint) array(bigint) = flowlake_sequence($1, $2)
sequence(bigint, bigint, bigint) array(bigint) = flowlake_sequence_step($1, $2, $3)
sequence(date, date) array(date) = flowlake_sequence_days($1, $2)
sequence(date, date, daytime) array(date) = flowlake_sequence_day_steps($1, $2, $3)
sequence(timestamp, timestamp, daytime) array(timestamp) = flowlake_sequence_times($1, $2, $3)
repeat(T, bigint) array(T) = flowlake_repeat($1, $2)
trim_array(array(T), bigint) array(T) = flowlake_trim_array($1, $2)
map(array(K), array(V)) map(K, V) = flowlake_map($1, $2)
map_keys(map(K, V)) array(K) = map_keys($1)
map_values(map(K, V)) array(V) = map_values($1)
`)
	handlers["map_concat"] = func(c *call) (expr, error) {
		if len(c.args) < 2 {
			return expr{}, c.unexpected("map_concat(map(K, V), map(K, V), ...)")
		}
		t, err := c.s.commonOf(c.pos(), "All map_concat arguments must be the same type or coercible to a common type", c.args)
		if err != nil {
			return expr{}, err
		}
		if t.k != mapping {
			return expr{}, c.unexpected("map_concat(map(K, V), map(K, V), ...)")
		}
		var texts, nulls []string
		for _, a := range c.args {
			a = c.s.coerced(a, t)
			texts, nulls = append(texts, a.sql), append(nulls, a.sql+" IS NOT NULL")
		}
		return made(t, "(CASE WHEN "+strings.Join(nulls, " AND ")+" THEN map_concat("+strings.Join(texts, ", ")+") END)", c.args...), nil
	}
	handlers["map_entries"] = func(c *call) (expr, error) {
		if len(c.args) != 1 || c.args[0].t.k != mapping {
			return expr{}, c.unexpected("map_entries(map(K, V))")
		}
		t := c.args[0].t
		pair := typ{k: row, fields: []rowField{{"", *t.key}, {"", *t.elem}}}
		e := c.s.a.name("flowlake_l")
		text := "list_transform(map_entries(" + c.args[0].sql + "), lambda " + e + ": struct_pack(field0 := " + e + "['key'], field1 := " + e + "['value']))"
		return made(arrayOf(pair), text, c.args...), nil
	}
	handlers["map_from_entries"] = func(c *call) (expr, error) {
		if len(c.args) != 1 || c.args[0].t.k != array || c.args[0].t.elem.k != row || len(c.args[0].t.elem.fields) != 2 {
			return expr{}, c.unexpected("map_from_entries(array(row(K, V)))")
		}
		f := c.args[0].t.elem.fields
		e := c.s.a.name("flowlake_l")
		pick := func(i int) string {
			return "list_transform(" + c.args[0].sql + ", lambda " + e + ": struct_extract(" + e + ", " + quoteText(fieldName(f[i].name, i)) + "))"
		}
		return made(mapOf(f[0].t, f[1].t), "flowlake_map("+pick(0)+", "+pick(1)+")", c.args...), nil
	}
	raws["transform"] = func(s *scope, x *sql.Call, name string) (expr, error) {
		a, err := s.lambdaArgs(x, name, 2, array)
		if err != nil {
			return a, err
		}
		head, body, b, err := s.lambda(x.Args[1], name, *a.t.elem)
		return made(arrayOf(b.t), "list_transform("+a.sql+", "+head+body+")", a, b), err
	}
	raws["filter"] = func(s *scope, x *sql.Call, name string) (expr, error) {
		a, err := s.lambdaArgs(x, name, 2, array)
		if err != nil {
			return a, err
		}
		head, body, b, err := s.predicate(x.Args[1], name, *a.t.elem)
		return made(a.t, "list_filter("+a.sql+", "+head+body+")", a, b), err
	}
	// The engine's answers to each element decide as an OR or an AND of them would.
	for name, macro := range map[string]string{"any_match": "flowlake_any", "all_match": "flowlake_all", "none_match": "NOT flowlake_any"} {
		raws[name] = func(s *scope, x *sql.Call, name string) (expr, error) {
			a, err := s.lambdaArgs(x, name, 2, array)
			if err != nil {
				return a, err
			}
			head, body, b, err := s.predicate(x.Args[1], name, *a.t.elem)
			return made(tBoolean, "("+macro+"(list_transform("+a.sql+", "+head+body+")))", a, b), err
		}
	}
	raws["reduce"] = reduce
	raws["zip_with"] = func(s *scope, x *sql.Call, name string) (expr, error) {
		a, err := s.lambdaArgs(x, name, 3, array)
		if err != nil {
			return a, err
		}
		b, err := s.expr(x.Args[1])
		if err != nil {
			return b, err
		}
		if b.t.k != array {
			return b, s.unexpected(x.Start, name, []expr{a, b}, "zip_with(array(T), array(U), function(T, U, R))")
		}
		before := s.params
		l, ok := x.Args[2].(*sql.Lambda)
		if !ok || len(l.Params) != 2 {
			return b, s.unexpected(x.Start, name, []expr{a, b}, "zip_with(array(T), array(U), function(T, U, R))")
		}
		i := s.a.name("flowlake_l")
		s.params = append(append([]param{}, before...),
			param{l.Params[0].Key(), expr{t: *a.t.elem, sql: a.sql + "[" + i + "]"}},
			param{l.Params[1].Key(), expr{t: *b.t.elem, sql: b.sql + "[" + i + "]"}})
		body, err := s.expr(l.Body)
		s.params = before
		text := "list_transform(range(1, greatest(len(" + a.sql + "), len(" + b.sql + ")) + 1), lambda " + i + ": " + body.sql + ")"
		text = "(CASE WHEN " + a.sql + " IS NOT NULL AND " + b.sql + " IS NOT NULL THEN " + text + " END)"
		return made(arrayOf(body.t), text, a, b, body), err
	}
	for _, name := range []string{"map_filter", "transform_keys", "transform_values"} {
		raws[name] = mapLambda
	}
	handlers["array_sort"] = func(c *call) (expr, error) {
		if len(c.args) == 1 && c.args[0].t.k == array && !c.args[0].t.elem.ordered() {
			return expr{}, c.unexpected("array_sort(array(E))")
		}
		return c.apply(signatures["array_sort"])
	}
	handlers["array_join"] = func(c *call) (expr, error) {
		if len(c.args) >= 2 && c.args[0].t.k == array && !c.args[0].t.elem.nested() && c.args[0].t.elem.k != varchar {
			x, err := c.s.cast(c.args[0], arrayOf(tVarchar), false, c.pos())
			if err != nil {
				return x, err
			}
			c.args[0] = x
		}
		return c.apply(signatures["array_join"])
	}
	handlers["zip"] = func(c *call) (expr, error) {
		if len(c.args) < 2 || len(c.args) > 5 {
			return expr{}, c.unexpected("zip(array(T1), array(T2), ...)")
		}
		i := c.s.a.name("flowlake_l")
		t := typ{k: row}
		var parts, lengths, nulls []string
		for n, a := range c.args {
			if a.t.k != array {
				return expr{}, c.unexpected("zip(array(T1), array(T2), ...)")
			}
			t.fields = append(t.fields, rowField{"", *a.t.elem})
			parts = append(parts, fieldName("", n)+" := "+a.sql+"["+i+"]")
			lengths, nulls = append(lengths, "len("+a.sql+")"), append(nulls, a.sql+" IS NOT NULL")
		}
		text := "(CASE WHEN " + strings.Join(nulls, " AND ") + " THEN list_transform(range(1, greatest(" + strings.Join(lengths, ", ") +
			") + 1), lambda " + i + ": struct_pack(" + strings.Join(parts, ", ") + ")) END)"
		return made(arrayOf(t), text, c.args...), nil
	}
}

// lambdaArgs translates the first argument of a function with a lambda.
func (s *scope) lambdaArgs(x *sql.Call, name string, count int, want kind) (expr, error) {
	if err := argCount(s, x, name, count); err != nil {
		return expr{}, err
	}
	a, err := s.expr(x.Args[0])
	if err != nil {
		return a, err
	}
	if a.t.k != want {
		return a, s.unexpected(x.Start, name, []expr{a}, name+"("+kindNames[want]+", function)")
	}
	if a.volatile {
		return a, s.src.refuse(x.Start, "%s of a random value", name)
	}
	return a, nil
}

func (s *scope) predicate(x sql.Expr, name string, types ...typ) (head, body string, e expr, err error) {
	head, body, e, err = s.lambda(x, name, types...)
	if err == nil && e.t.k != boolean && e.t.k != unknown {
		err = s.src.fail(x.Bounds().Start, typeMismatch, "the lambda of %s must answer a boolean, not %s", name, e.t)
	}
	return head, body, e, err
}

// reduce translates reduce when the state has one type throughout, which the initial value is cast to.
func reduce(s *scope, x *sql.Call, name string) (expr, error) {
	a, err := s.lambdaArgs(x, name, 4, array)
	if err != nil {
		return a, err
	}
	init, err := s.expr(x.Args[1])
	if err != nil {
		return init, err
	}
	step, ok := x.Args[2].(*sql.Lambda)
	if !ok || len(step.Params) != 2 {
		return a, s.unexpected(x.Start, name, []expr{a, init}, "reduce(array(T), S, function(S, T, S), function(S, R))")
	}
	state := init.t
	if state.k == varchar {
		state = tVarchar
	}
	// The engine wants elements of the state's type: they are cast to it, and back where the lambda names them.
	elem := *a.t.elem
	if elem.duck() != state.duck() && !coercible(elem, state) {
		return a, s.src.refuse(x.Start, "reduce with a state of type %s over elements of type %s", state, elem)
	}
	list, sn, en := a.sql, s.a.name("flowlake_l"), s.a.name("flowlake_l")
	back := en
	if elem.duck() != state.duck() {
		list, back = castTo(a.sql, arrayOf(state)), castTo(en, elem)
	}
	before := s.params
	s.params = append(append([]param{}, before...),
		param{step.Params[0].Key(), expr{t: state, sql: sn, never: !state.floating()}},
		param{step.Params[1].Key(), expr{t: elem, sql: back, never: !elem.floating()}})
	b, err := s.expr(step.Body)
	s.params = before
	if err != nil {
		return a, err
	}
	if !coercible(b.t, state) {
		return a, s.unexpected(x.Start, name, []expr{a, init}, "reduce(array(T), S, function(S, T, S), function(S, R))")
	}
	reduced := "list_reduce(" + list + ", lambda " + sn + ", " + en + ": " + s.coerced(b, state).sql + ", " + s.coerced(init, state).sql + ")"
	// The output function sees the reduced value through a list of one element.
	outHead, outBody, out, err := s.lambda(x.Args[3], name, state)
	if err != nil {
		return a, err
	}
	if out.sql == strings.TrimSuffix(strings.TrimPrefix(outHead, "lambda "), ": ") {
		return made(out.t, reduced, a, init, b), nil
	}
	return made(out.t, "list_transform(["+reduced+"], "+outHead+outBody+")[1]", a, init, b, out), nil
}

func mapLambda(s *scope, x *sql.Call, name string) (expr, error) {
	m, err := s.lambdaArgs(x, name, 2, mapping)
	if err != nil {
		return m, err
	}
	l, ok := x.Args[1].(*sql.Lambda)
	if !ok || len(l.Params) != 2 {
		return m, s.unexpected(x.Start, name, []expr{m}, name+"(map(K, V), function(K, V, R))")
	}
	before := s.params
	e := s.a.name("flowlake_l")
	s.params = append(append([]param{}, before...),
		param{l.Params[0].Key(), expr{t: *m.t.key, sql: e + "['key']"}},
		param{l.Params[1].Key(), expr{t: *m.t.elem, sql: e + "['value']"}})
	body, err := s.expr(l.Body)
	s.params = before
	if err != nil {
		return m, err
	}
	entries := "map_entries(" + m.sql + ")"
	switch name {
	case "map_filter":
		if body.t.k != boolean && body.t.k != unknown {
			return m, s.src.fail(l.Start, typeMismatch, "the lambda of %s must answer a boolean, not %s", name, body.t)
		}
		return made(m.t, "map_from_entries(list_filter("+entries+", lambda "+e+": "+body.sql+"))", m, body), nil
	case "transform_values":
		return made(mapOf(*m.t.key, body.t), "map_from_entries(list_transform("+entries+", lambda "+e+": {'key': "+e+"['key'], 'value': "+body.sql+"}))", m, body), nil
	}
	return made(mapOf(body.t, *m.t.elem), "map_from_entries(list_transform("+entries+", lambda "+e+": {'key': "+body.sql+", 'value': "+e+"['value']}))", m, body), nil
}
