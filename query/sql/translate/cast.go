package translate

import (
	"fmt"
	"strings"

	"flowlake/query/sql"
)

// typeOf is the Trino type that a CAST names.
func (s *scope) typeOf(t *sql.Type) (typ, error) {
	param := func(i, or int) int {
		if i < len(t.Params) {
			return t.Params[i]
		}
		return or
	}
	bad := func(format string, args ...any) error { return s.src.fail(t.Start, typeMismatch, format, args...) }
	switch t.Name {
	case "boolean":
		return tBoolean, nil
	case "tinyint":
		return tTinyint, nil
	case "smallint":
		return tSmallint, nil
	case "integer", "int":
		return tInteger, nil
	case "bigint":
		return tBigint, nil
	case "real":
		return tReal, nil
	case "double", "double precision":
		return tDouble, nil
	case "decimal", "numeric", "dec":
		p, sc := param(0, 38), param(1, 0)
		if p < 1 || p > 38 {
			return typ{}, bad("DECIMAL precision must be in range [1, 38]: %d", p)
		}
		if sc < 0 || sc > p {
			return typ{}, bad("DECIMAL scale must be in range [0, precision (%d)]: %d", p, sc)
		}
		return decimalOf(p, sc), nil
	case "varchar":
		return varcharOf(param(0, unbounded)), nil
	case "char":
		n := param(0, 1)
		if n < 0 || n > 65536 {
			return typ{}, bad("CHAR length must be in range [0, 65536], got %d", n)
		}
		return typ{k: char, p: n}, nil
	case "varbinary":
		return tVarbinary, nil
	case "date":
		return tDate, nil
	case "time", "time without time zone", "timestamp", "timestamp without time zone", "timestamp with time zone":
		p := param(0, 3)
		if p < 0 || p > 12 {
			return typ{}, bad("%s precision must be in range [0, 12]: %d", strings.ToUpper(t.Name), p)
		}
		if p > 6 {
			return typ{}, s.src.refuse(t.Start, "the type %s with a precision of %d", t.Name, p)
		}
		switch {
		case strings.HasPrefix(t.Name, "time "), t.Name == "time":
			return typ{k: clock, p: p}, nil
		case t.Name == "timestamp with time zone":
			return zoned(p, "UTC"), nil
		}
		return timestampOf(p), nil
	case "interval day to second":
		return tDayTime, nil
	case "interval year to month":
		return tYearMonth, nil
	case "json":
		return tJSON, nil
	case "ipaddress":
		return tIP, nil
	case "array", "map":
		want := 1
		if t.Name == "map" {
			want = 2
		}
		if len(t.Elems) != want {
			return typ{}, bad("Unknown type: %s", t.Of(s.src.text))
		}
		elems := make([]typ, want)
		for i, e := range t.Elems {
			in, err := s.typeOf(e)
			if err != nil {
				return typ{}, err
			}
			elems[i] = in
		}
		if want == 1 {
			return arrayOf(elems[0]), nil
		}
		return mapOf(elems[0], elems[1]), nil
	case "row":
		out := typ{k: row}
		for _, f := range t.Fields {
			in, err := s.typeOf(f.Type)
			if err != nil {
				return typ{}, err
			}
			name := ""
			if f.Name != nil {
				name = f.Name.Key()
			}
			out.fields = append(out.fields, rowField{name, in})
		}
		return out, nil
	case "uuid", "hyperloglog", "p4hyperloglog", "qdigest", "tdigest", "setdigest", "geometry", "sphericalgeography",
		"bingtile", "color", "ipprefix", "time with time zone", "jsonpath", "joniregexp":
		return typ{}, s.src.refuse(t.Start, "the type %s", t.Name)
	}
	return typ{}, bad("Unknown type: %s", t.Of(s.src.text))
}

func (s *scope) castOf(x *sql.Cast) (expr, error) {
	e, err := s.expr(x.X)
	if err != nil {
		return e, err
	}
	t, err := s.typeOf(x.Type)
	if err != nil {
		return e, err
	}
	return s.cast(e, t, x.Try, x.Start)
}

// cast converts e as CAST and TRY_CAST do: what does not fit fails, or is NULL.
func (s *scope) cast(e expr, t typ, try bool, pos int) (expr, error) {
	from := e.t
	if t.k == timestampTZ && from.k == timestampTZ {
		t.zone = from.zone // a cast changes the precision only
	}
	if from.k == unknown || from.equal(t) {
		return s.coerced(e, t), nil
	}
	c := caster{s: s, e: e, to: t, try: try, pos: pos}
	text, err := c.text()
	if err != nil {
		return e, err
	}
	if e.constant && e.eval != nil && len(e.uses) == 0 {
		switch v := castValue(e.eval(nil), from, t).(type) {
		case int64:
			return fixed(t, castTo("("+itoa64(v)+")", t), v), nil
		case day:
			return dayLiteral(v), nil
		case instant:
			return instantLiteral(t, v), nil
		}
	}
	out := made(t, text, e)
	out.never = !t.floating() || from.exact() || from.k == boolean
	return out.valued(func(v []any) any { return castValue(v[0], from, t) }, e), nil
}

type caster struct {
	s   *scope
	e   expr
	to  typ
	try bool
	pos int
}

// plain is the engine's own cast, where it means the same.
func (c caster) plain(text string) string {
	if c.try {
		return "TRY_CAST(" + text + " AS " + c.to.duck() + ")"
	}
	return castTo(text, c.to)
}

// strict takes a string of a certain form only: the engine would take more. message is SQL.
func (c caster) strict(valid, value, message string) string {
	text := "CASE WHEN " + valid + " THEN TRY_CAST(" + value + " AS " + c.to.duck() + ") END"
	if c.try {
		return "(" + text + ")"
	}
	return "coalesce(" + text + ", CASE WHEN " + c.e.sql + " IS NOT NULL THEN " + raiseWith(c.to, invalidCast, message) + " END)"
}

// raiseWith is raise with a message computed in SQL.
func raiseWith(t typ, code, message string) string {
	text := "flowlake_raise('" + code + ": ' || " + message + ")"
	if t.duck() == "VARCHAR" {
		return "CAST(CAST(" + text + " AS INTEGER) AS VARCHAR)"
	}
	return "CAST(" + text + " AS " + t.duck() + ")"
}

func (c caster) impossible() error {
	return c.s.src.fail(c.pos, typeMismatch, "Cannot cast %s to %s", c.e.t, c.to)
}

func (c caster) text() (string, error) {
	x, from, to := c.e.sql, c.e.t, c.to
	if c.e.volatile && from.text() {
		return "", c.s.src.refuse(c.pos, "a cast of a random value")
	}
	quoted := "'Cannot cast ''' || " + x + " || ''' to " + strings.ToUpper(to.String()) + "'"
	switch to.k {
	case boolean:
		switch {
		case from.numeric():
			return "(" + x + " <> 0)", nil
		case from.text():
			low := "lower(" + x + ")"
			text := "CASE WHEN " + low + " IN ('true', 't', '1') THEN true WHEN " + low + " IN ('false', 'f', '0') THEN false"
			if c.try {
				return "(" + text + " END)", nil
			}
			return "(" + text + " WHEN " + x + " IS NOT NULL THEN " + raiseWith(to, invalidCast, quoted) + " END)", nil
		case from.k == jsonType:
			return c.json()
		}
	case tinyint, smallint, integer, bigint:
		switch {
		case from.k == boolean, from.integral(), from.k == decimal:
			return c.plain(x), nil
		case from.floating():
			return c.plain("round(" + x + ")"), nil
		case from.text():
			return c.strict("regexp_full_match("+x+", '[+-]?[0-9]+')", x, quoted), nil
		case from.k == jsonType:
			return c.json()
		}
	case real, double:
		switch {
		case from.k == boolean, from.numeric():
			return c.plain(x), nil
		case from.text():
			return c.strict("flowlake_is_number("+x+")", "flowlake_number("+x+")", quoted), nil
		case from.k == jsonType:
			return c.json()
		}
	case decimal:
		switch {
		case from.k == boolean, from.numeric():
			return c.plain(x), nil
		case from.text():
			message := "'Cannot cast VARCHAR ''' || " + x + " || ''' to " + fmt.Sprintf("DECIMAL(%d, %d)", to.p, to.s) + ". Value is not a number.'"
			return c.strict("regexp_full_match("+x+`, '[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?')`, x, message), nil
		case from.k == jsonType:
			return c.json()
		}
	case varchar:
		return c.varchar()
	case char:
		if from.text() {
			return fmt.Sprintf("rpad(%s, %d, ' ')", x, to.p), nil
		}
		return "", c.s.src.refuse(c.pos, "a cast from %s to char", from)
	case date:
		switch from.k {
		case varchar, char:
			valid := "regexp_full_match(" + x + `, '\s*[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}\s*')`
			return c.strict(valid, "trim("+x+", ' \t\n\r')", "'Value cannot be cast to date: ' || "+x), nil
		case timestamp, timestampTZ:
			at, err := c.s.wall(c.e)
			return castTo(at, to), err
		}
	case timestamp:
		switch from.k {
		case date:
			return castTo(x, to), nil
		case timestamp, timestampTZ:
			at, err := c.s.wall(c.e)
			return rounded(at, from.p, to.p), err
		case varchar, char:
			return rounded(c.timestampText(), 6, to.p), nil
		}
	case timestampTZ:
		switch from.k {
		case date:
			return castTo(x, to), nil
		case timestamp, timestampTZ:
			return rounded(x, from.p, to.p), nil
		case varchar, char:
			if v, ok := c.e.text(); ok {
				if at, _, zone, err := parseTimestamp(v); err == nil && (zone == "" || zone == "UTC") {
					return rounded(instantLiteral(to, at).sql, 6, to.p), nil
				}
			}
			return "", c.s.src.refuse(c.pos, "a cast of text to timestamp with time zone; from_iso8601_timestamp and AT TIME ZONE are translated, and so is a cast to timestamp,")
		}
	case clock:
		switch from.k {
		case timestamp, timestampTZ:
			at, err := c.s.wall(c.e)
			return castTo(rounded(at, from.p, to.p), to), err
		case varchar, char:
			valid := "regexp_full_match(" + x + `, '[0-9]{1,2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?')`
			return c.strict(valid, x, "'Value cannot be cast to time: ' || "+x), nil
		}
	case ipaddress:
		switch from.k {
		case varchar, char:
			if c.try {
				return "TRY(flowlake_ip(" + x + "))", nil
			}
			return "flowlake_ip(" + x + ")", nil
		}
	case jsonType:
		return c.toJSON()
	case array:
		if from.k == jsonType {
			name := c.s.a.name("flowlake_e")
			inner, err := c.s.cast(expr{t: tJSON, sql: name, pos: c.pos}, *to.elem, false, c.pos)
			return c.tried("list_transform(flowlake_json_items(" + x + "), lambda " + name + ": " + inner.sql + ")"), err
		}
		if from.k == array {
			name := c.s.a.name("flowlake_e")
			inner, err := c.s.cast(expr{t: *from.elem, sql: name, pos: c.pos}, *to.elem, c.try, c.pos)
			return "list_transform(" + x + ", lambda " + name + ": " + inner.sql + ")", err
		}
	case mapping:
		if from.k == jsonType && to.key.k == varchar && to.key.p == unbounded {
			name := c.s.a.name("flowlake_e")
			inner, err := c.s.cast(expr{t: tJSON, sql: name, pos: c.pos}, *to.elem, false, c.pos)
			return c.tried("flowlake_map(flowlake_json_names(" + x + "), list_transform(flowlake_json_values(" + x + "), lambda " + name + ": " + inner.sql + "))"), err
		}
		if from.k == jsonType {
			return "", c.s.src.refuse(c.pos, "a cast from json to %s", to)
		}
		if from.k == mapping {
			name := c.s.a.name("flowlake_e")
			k, err := c.s.cast(expr{t: *from.key, sql: name + "['key']", pos: c.pos}, *to.key, c.try, c.pos)
			if err != nil {
				return "", err
			}
			v, err := c.s.cast(expr{t: *from.elem, sql: name + "['value']", pos: c.pos}, *to.elem, c.try, c.pos)
			return "map_from_entries(list_transform(map_entries(" + x + "), lambda " + name + ": {'key': " + k.sql + ", 'value': " + v.sql + "}))", err
		}
	case row:
		if from.k == jsonType {
			return "", c.s.src.refuse(c.pos, "a cast from json to %s", to)
		}
		if from.k == row && len(from.fields) == len(to.fields) {
			list := make([]string, len(to.fields))
			for i, f := range from.fields {
				part := expr{t: f.t, sql: "struct_extract(" + x + ", " + quoteText(fieldName(f.name, i)) + ")", pos: c.pos}
				in, err := c.s.cast(part, to.fields[i].t, c.try, c.pos)
				if err != nil {
					return "", err
				}
				list[i] = quoteIdent(fieldName(to.fields[i].name, i)) + " := " + in.sql
			}
			return "(CASE WHEN " + x + " IS NOT NULL THEN struct_pack(" + strings.Join(list, ", ") + ") END)", nil
		}
	}
	return "", c.impossible()
}

// varchar spells a value; one that is longer than the type allows is cut if it was text, and fails otherwise.
func (c caster) varchar() (string, error) {
	x, from, n := c.e.sql, c.e.t, c.to.p
	text := castTo(x, tVarchar)
	switch from.k {
	case varchar, char:
		if n == unbounded || from.p != unbounded && from.p <= n {
			return x, nil
		}
		return fmt.Sprintf("left(%s, %d)", x, n), nil
	case boolean, tinyint, smallint, integer, bigint, decimal, date:
	case double:
		text = "flowlake_double_text(" + x + ")"
	case real:
		text = "flowlake_real_text(CAST(" + x + " AS DOUBLE))"
	case timestamp, timestampTZ, clock, dayTime, yearMonth, ipaddress:
		if from.zone == mixedZones {
			return "", c.s.src.refuse(c.pos, "text of timestamps in different time zones")
		}
		text = c.s.a.shownAlways(from, x)
	case jsonType:
		return c.json()
	default:
		return "", c.impossible()
	}
	if n == unbounded {
		return text, nil
	}
	long := "'Value ' || " + text + " || ' cannot be represented as varchar(" + itoa(n) + ")'"
	if c.try {
		return fmt.Sprintf("(CASE WHEN length(%s) <= %d THEN %s END)", text, n, text), nil
	}
	return fmt.Sprintf("(CASE WHEN length(%s) > %d THEN %s ELSE %s END)", text, n, raiseWith(c.to, invalidCast, long), text), nil
}

// shownAlways is shown, also for what the engine would print itself.
func (a *analysis) shownAlways(t typ, text string) string {
	if t.k == timestamp {
		return timeText(text, "%Y-%m-%d %H:%M:%S", t.p)
	}
	return a.shown(t, text)
}

// rounded brings a timestamp to fewer digits, half up.
func rounded(text string, from, to int) string {
	if from <= to {
		return text
	}
	return fmt.Sprintf("flowlake_round_time(%s, %d)", text, microsOf(to))
}

// microsOf is the smallest step of a timestamp with so many digits behind the second, in microseconds.
func microsOf(precision int) int64 {
	unit := int64(1)
	for i := precision; i < 6; i++ {
		unit *= 10
	}
	return unit
}

func (c caster) timestampText() string {
	x := c.e.sql
	valid := "regexp_full_match(" + x + `, '\s*[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}( [0-9]{1,2}:[0-9]{1,2}(:[0-9]{1,2}(\.[0-9]+)?)?)?\s*')`
	return c.strict(valid, "flowlake_timestamp_text("+x+")", "'Value cannot be cast to timestamp: ' || "+x)
}

// tried makes what fails NULL in a TRY_CAST.
func (c caster) tried(text string) string {
	if c.try {
		return "TRY(" + text + ")"
	}
	return text
}

// json converts a scalar out of JSON text.
func (c caster) json() (string, error) {
	if c.to.k == varchar && c.to.p != unbounded {
		return "", c.s.src.refuse(c.pos, "a cast from json to %s", c.to)
	}
	name := map[kind]string{boolean: "boolean", double: "double", bigint: "bigint", varchar: "varchar", integer: "bigint",
		smallint: "bigint", tinyint: "bigint"}[c.to.k]
	if name == "" {
		return "", c.s.src.refuse(c.pos, "a cast from json to %s", c.to)
	}
	text := c.tried("flowlake_json_" + name + "(" + c.e.sql + ")")
	if name == "bigint" && c.to.k != bigint {
		text = c.plain(text)
	}
	return text, nil
}

// toJSON spells a value as JSON text.
func (c caster) toJSON() (string, error) {
	x, from := c.e.sql, c.e.t
	switch from.k {
	case boolean, tinyint, smallint, integer, bigint, decimal:
		return castTo(x, tVarchar), nil
	case varchar:
		return "flowlake_json_quote(" + x + ")", nil
	case date:
		return "('\"' || " + castTo(x, tVarchar) + " || '\"')", nil
	}
	return "", c.s.src.refuse(c.pos, "a cast from %s to json", from)
}

// castValue computes a cast for pruning, where it is certain.
func castValue(v any, from, to typ) any {
	if v == nil {
		return nil
	}
	switch x := v.(type) {
	case string:
		switch {
		case to.k == varchar:
			if r := []rune(x); to.p != unbounded && len(r) > to.p {
				return string(r[:to.p])
			}
			return x
		case to.integral():
			x = strings.TrimPrefix(x, "+")
			if n, ok := keyValue(x, tBigint).(int64); ok && (to.k == bigint || n >= -128 && n <= 127 || to.k == integer && n >= -1<<31 && n < 1<<31) {
				return n
			}
		case to.k == date:
			if d, ok := parseDay(strings.TrimSpace(x)); ok {
				return d
			}
		case to.k == timestamp:
			if at, ok := parseInstant(strings.TrimSpace(x)); ok && int64(at)%max(1000, microsOf(to.p)) == 0 {
				return at
			}
		}
	case int64:
		switch {
		case to.k == bigint, to.k == integer && x >= -1<<31 && x < 1<<31:
			return x
		case to.k == varchar && to.p == unbounded:
			return itoa64(x)
		}
	case day:
		switch to.k {
		case varchar:
			if to.p == unbounded || to.p >= 10 {
				return x.time().Format("2006-01-02")
			}
		case timestamp, timestampTZ:
			if to.k == timestamp || to.zone == "UTC" {
				return instant(int64(x) * microsPerDay)
			}
		}
	case instant:
		utc := from.k == timestamp || from.zone == "UTC"
		switch to.k {
		case date:
			if utc {
				return day(floorDiv(int64(x), microsPerDay))
			}
		case timestamp:
			if utc && (from.p <= to.p || int64(x)%1000 == 0 && to.p >= 3) {
				return x
			}
		case timestampTZ:
			if from.p <= to.p {
				return x
			}
		}
	}
	return unknownValue
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
