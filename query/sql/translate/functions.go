package translate

import (
	"regexp"
	"strconv"
	"strings"

	"flowlake/query/sql"
)

// A function is found by its name here or nowhere: no other name reaches the engine.
//
// Most are a line of a table: Trino's signature, then what the engine computes. $1, $2 are the arguments
// and $* all of them; T, K, V and E stand for any type.
type signature struct {
	params   []pattern
	variadic bool // the last parameter may be repeated
	result   pattern
	template string
	uses     map[int]int // how often the template repeats an argument
	text     string      // the signature as messages show it
}

// pattern is a type with variables.
type pattern struct {
	name string // a kind's name, or a variable
	args []pattern
}

// handler translates a function that a table's line cannot express. The arguments are translated already.
type handler func(c *call) (expr, error)

// rawHandler translates a function that looks at its arguments' source: lambdas, and what is not evaluated.
type rawHandler func(s *scope, x *sql.Call, name string) (expr, error)

// call is one function call with its arguments.
type call struct {
	s    *scope
	x    *sql.Call
	name string
	args []expr
}

func (c *call) pos() int { return c.x.Start }

func (c *call) unexpected(expected ...string) error {
	return c.s.unexpected(c.x.Start, c.name, c.args, expected...)
}

func (c *call) refuse(format string, args ...any) error {
	return c.s.src.refuse(c.x.Start, format, args...)
}

var (
	signatures = map[string][]signature{}
	handlers   = map[string]handler{}
	raws       = map[string]rawHandler{}
)

var (
	lineForm    = regexp.MustCompile(`^(\w+)\((.*)\) (.+?) = (.+)$`)
	placeholder = regexp.MustCompile(`\$(\d)`)
)

// define reads a table of functions. It panics on a line that it cannot read: the tables are constants.
func define(table string) {
	for _, line := range strings.Split(table, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "--") {
			continue
		}
		m := lineForm.FindStringSubmatch(line)
		if m == nil {
			panic("function table: " + line)
		}
		sig := signature{template: m[4], uses: map[int]int{}, text: m[1] + "(" + m[2] + ")"}
		for _, p := range splitTop(m[2]) {
			if rest, ok := strings.CutSuffix(p, "..."); ok {
				sig.variadic, p = true, rest
			}
			sig.params = append(sig.params, readPattern(p))
		}
		sig.result = readPattern(m[3])
		for _, at := range placeholder.FindAllStringSubmatch(sig.template, -1) {
			i, _ := strconv.Atoi(at[1])
			sig.uses[i]++
		}
		signatures[m[1]] = append(signatures[m[1]], sig)
	}
}

// splitTop splits at the commas outside of parentheses.
func splitTop(s string) []string {
	var out []string
	depth, from := 0, 0
	for i, r := range s {
		switch r {
		case '(':
			depth++
		case ')':
			depth--
		case ',':
			if depth == 0 {
				out, from = append(out, strings.TrimSpace(s[from:i])), i+1
			}
		}
	}
	if last := strings.TrimSpace(s[from:]); last != "" {
		out = append(out, last)
	}
	return out
}

func readPattern(s string) pattern {
	s = strings.TrimSpace(s)
	open := strings.IndexByte(s, '(')
	if open < 0 {
		return pattern{name: s}
	}
	p := pattern{name: s[:open]}
	for _, a := range splitTop(s[open+1 : len(s)-1]) {
		p.args = append(p.args, readPattern(a))
	}
	return p
}

func (p pattern) variable() bool { return len(p.name) == 1 && p.name[0] >= 'A' && p.name[0] <= 'Z' }

var kindOfName = func() map[string]kind {
	m := map[string]kind{"tz": timestampTZ, "daytime": dayTime, "yearmonth": yearMonth}
	for i, n := range kindNames {
		m[n] = kind(i)
	}
	return m
}()

// bind matches an argument's type, noting the variables' types. strict allows no coercion.
func (p pattern) bind(t typ, vars map[string]typ, strict bool) bool {
	if p.variable() {
		have, ok := vars[p.name]
		if !ok {
			vars[p.name] = t
			return true
		}
		c, ok := common(have, t)
		if ok {
			vars[p.name] = c
		}
		return ok && (!strict || have.k == t.k)
	}
	k, known := kindOfName[p.name]
	if !known {
		panic("function table: type " + p.name)
	}
	switch k {
	case array:
		if t.k == unknown && !strict {
			p.args[0].bind(tUnknown, vars, false)
			return true
		}
		return t.k == array && p.args[0].bind(*t.elem, vars, strict)
	case mapping:
		if t.k == unknown && !strict {
			p.args[0].bind(tUnknown, vars, false)
			p.args[1].bind(tUnknown, vars, false)
			return true
		}
		return t.k == mapping && p.args[0].bind(*t.key, vars, strict) && p.args[1].bind(*t.elem, vars, strict)
	}
	if t.k == k {
		return true
	}
	return !strict && (t.k == unknown || coercesTo(t, k))
}

// coercesTo reports whether a type becomes one of that kind without a cast.
func coercesTo(t typ, k kind) bool {
	switch k {
	case smallint, integer, bigint:
		return t.k >= tinyint && t.k <= k
	case decimal:
		return t.integral()
	case real, double:
		return t.numeric() && (t.k < k)
	case varchar:
		return t.k == char
	case timestamp:
		return t.k == date
	case timestampTZ:
		return t.k == date || t.k == timestamp
	}
	return false
}

// typ is the type that the pattern stands for, for an argument of type from.
func (p pattern) typ(from typ, vars map[string]typ) typ {
	if p.variable() {
		return vars[p.name]
	}
	switch k := kindOfName[p.name]; k {
	case array:
		return arrayOf(p.args[0].typ(tUnknown, vars))
	case mapping:
		return mapOf(p.args[0].typ(tUnknown, vars), p.args[1].typ(tUnknown, vars))
	case varchar:
		return tVarchar
	case timestamp:
		if from.k == timestamp {
			return from
		}
		return tTimestamp
	case timestampTZ:
		if from.k == timestampTZ {
			return from
		}
		return zoned(3, "UTC")
	case decimal:
		return asDecimal(from)
	default:
		return typ{k: k}
	}
}

// apply translates a call by the first signature that fits, without coercions if there is one.
func (c *call) apply(list []signature) (expr, error) {
	for _, strict := range []bool{true, false} {
		for _, sig := range list {
			if e, ok, err := c.try(sig, strict); ok || err != nil {
				return e, err
			}
		}
	}
	expected := make([]string, len(list))
	for i, sig := range list {
		expected[i] = sig.text
	}
	return expr{}, c.unexpected(expected...)
}

func (c *call) try(sig signature, strict bool) (expr, bool, error) {
	n := len(sig.params)
	if len(c.args) != n && !(sig.variadic && len(c.args) >= n-1) {
		return expr{}, false, nil
	}
	param := func(i int) pattern { return sig.params[min(i, n-1)] }
	vars := map[string]typ{}
	for i, a := range c.args {
		if a.t.k == function || !param(i).bind(a.t, vars, strict) {
			return expr{}, false, nil
		}
	}
	parts := make([]expr, len(c.args))
	texts := make([]string, len(c.args))
	for i, a := range c.args {
		t := param(i).typ(a.t, vars)
		parts[i] = c.s.coerced(a, t)
		if a.t.k == varchar && t.k == varchar {
			parts[i] = a
		}
		texts[i] = parts[i].sql
		if a.volatile && (sig.uses[i+1] > 1 || strings.Contains(sig.template, "flowlake_")) {
			return expr{}, false, c.refuse("%s of a random value", c.name)
		}
	}
	text := fill(sig.template, texts)
	from := tUnknown
	if len(parts) > 0 {
		from = parts[0].t
	}
	t := sig.result.typ(from, vars)
	if (t.k == timestampTZ || t.k == array) && t.k == from.k && sig.result.name == "tz" {
		t = from
	}
	e := made(t, text, parts...)
	if f := evaluators[c.name]; f != nil {
		e = e.valued(f, parts...)
	}
	return e, true, nil
}

// fill puts the arguments into a template.
func fill(template string, args []string) string {
	var b strings.Builder
	for i := 0; i < len(template); i++ {
		if template[i] == '$' && i+1 < len(template) {
			d := template[i+1]
			if d == '*' {
				b.WriteString(strings.Join(args, ", "))
				i++
				continue
			}
			if d >= '1' && d <= '9' {
				b.WriteString(args[d-'1'])
				i++
				continue
			}
		}
		b.WriteByte(template[i])
	}
	return b.String()
}

// call translates a function call.
func (s *scope) call(x *sql.Call) (expr, error) {
	if len(x.Name.Parts) > 1 {
		return expr{}, s.src.fail(x.Start, functionNotFound, "Function '%s' not registered", x.Name.String())
	}
	name := x.Name.Last().Key()
	agg, isAgg := aggregates[name]
	window, isWindow := windowFunctions[name]
	if !isAgg && !isWindow {
		clause := ""
		switch {
		case x.Over != nil:
			clause = "OVER"
		case x.Filter != nil:
			clause = "FILTER"
		case x.Distinct:
			clause = "DISTINCT"
		case len(x.OrderBy) > 0:
			clause = "ORDER BY"
		case len(x.WithinGroup) > 0:
			clause = "WITHIN GROUP"
		case x.Nulls != sql.NullsUnsaid:
			clause = string(x.Nulls) + " NULLS"
		}
		if clause != "" && (raws[name] != nil || handlers[name] != nil || signatures[name] != nil) {
			return expr{}, s.src.fail(x.Start, notAFunction, "%s is not an aggregate or window function, and takes no %s", name, clause)
		}
	}
	switch {
	case isAgg:
		return s.aggregate(x, name, agg)
	case isWindow:
		return s.windowCall(x, name, window)
	case x.Star:
		return expr{}, s.src.fail(x.Start, functionNotFound, "Unexpected parameters (*) for function %s", name)
	case raws[name] != nil:
		return raws[name](s, x, name)
	case handlers[name] != nil, signatures[name] != nil:
		for _, a := range x.Args {
			if _, ok := a.(*sql.Lambda); ok {
				return expr{}, s.src.refuse(x.Start, "the function %s with a lambda", name)
			}
		}
		args, err := s.exprs(x.Args)
		if err != nil {
			return expr{}, err
		}
		c := &call{s: s, x: x, name: name, args: args}
		if h := handlers[name]; h != nil {
			return h(c)
		}
		return c.apply(signatures[name])
	case untranslated[name]:
		return expr{}, s.src.refuse(x.Start, "the function %s", name)
	}
	return expr{}, s.src.fail(x.Start, functionNotFound, "Function '%s' not registered", name)
}

// lambda translates the body of a lambda whose parameters have these types.
func (s *scope) lambda(x sql.Expr, name string, types ...typ) (head, body string, e expr, err error) {
	l, ok := x.(*sql.Lambda)
	if !ok {
		return "", "", e, s.src.fail(x.Bounds().Start, functionNotFound, "Unexpected parameters for function %s: a lambda expression is expected", name)
	}
	if len(l.Params) != len(types) {
		return "", "", e, s.src.fail(l.Start, "INVALID_PARAMETER_USAGE", "Lambda expression has %d parameters, %s wants %d", len(l.Params), name, len(types))
	}
	before := s.params
	defer func() { s.params = before }()
	names := make([]string, len(types))
	s.params = append([]param{}, before...)
	for i, p := range l.Params {
		names[i] = s.a.name("flowlake_l")
		s.params = append(s.params, param{p.Key(), expr{t: types[i], sql: names[i], never: !types[i].floating()}})
	}
	e, err = s.expr(l.Body)
	if err != nil {
		return "", "", e, err
	}
	if e.agg != "" || e.win != "" {
		return "", "", e, s.src.fail(l.Start, notScalar, "Lambda expression cannot contain aggregations, window functions or grouping operations: [%s]", l.Body.Bounds().Of(s.src.text))
	}
	return "lambda " + strings.Join(names, ", ") + ": ", e.sql, e, nil
}

func argCount(s *scope, x *sql.Call, name string, counts ...int) error {
	for _, n := range counts {
		if len(x.Args) == n {
			return nil
		}
	}
	return s.src.fail(x.Start, functionNotFound, "Unexpected number of parameters for function %s: %d", name, len(x.Args))
}
