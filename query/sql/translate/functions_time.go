package translate

import (
	"strings"

	"flowlake/query/sql"
)

// timeParts are the numbers in a date or a wall clock. DATE has those that date says.
var timeParts = map[string]struct {
	engine string
	date   bool
}{
	"year": {"year($1)", true}, "quarter": {"quarter($1)", true}, "month": {"month($1)", true},
	"week": {"weekofyear($1)", true}, "week_of_year": {"weekofyear($1)", true},
	"day": {"day($1)", true}, "day_of_month": {"day($1)", true}, "day_of_week": {"isodow($1)", true},
	"dow": {"isodow($1)", true}, "day_of_year": {"dayofyear($1)", true}, "doy": {"dayofyear($1)", true},
	"year_of_week": {"isoyear($1)", true}, "yow": {"isoyear($1)", true},
	"hour": {"hour($1)", false}, "minute": {"minute($1)", false}, "second": {"second($1)", false},
	"millisecond": {"(millisecond($1) % 1000)", false},
}

// timeUnits are the units of date_add, date_diff and date_trunc, with the least kind of value that has them.
var timeUnits = map[string]bool{"millisecond": false, "second": false, "minute": false, "hour": false,
	"day": true, "week": true, "month": true, "quarter": true, "year": true}

func init() {
	define(`
to_milliseconds(daytime) bigint = $1
`)
	for name := range timeParts {
		handlers[name] = func(c *call) (expr, error) {
			if len(c.args) != 1 {
				return expr{}, c.unexpected(c.name + "(timestamp)")
			}
			return c.s.timePart(c.pos(), c.name, c.args[0])
		}
	}
	handlers["date"] = func(c *call) (expr, error) {
		if len(c.args) != 1 || !c.args[0].t.text() && c.args[0].t.k != timestamp && c.args[0].t.k != timestampTZ && c.args[0].t.k != date && c.args[0].t.k != unknown {
			return expr{}, c.unexpected("date(varchar(x))", "date(timestamp(p))", "date(timestamp(p) with time zone)")
		}
		return c.s.cast(c.args[0], tDate, false, c.pos())
	}
	handlers["now"] = func(c *call) (expr, error) {
		if len(c.args) != 0 {
			return expr{}, c.unexpected("now()")
		}
		return instantLiteral(zoned(3, "UTC"), c.s.now(3)), nil
	}
	handlers["current_timezone"] = func(c *call) (expr, error) {
		if len(c.args) != 0 {
			return expr{}, c.unexpected("current_timezone()")
		}
		return asVarchar(textLiteral("UTC")), nil
	}
	handlers["from_unixtime"] = fromUnixtime
	handlers["to_unixtime"] = func(c *call) (expr, error) {
		if len(c.args) != 1 || c.args[0].t.k != timestamp && c.args[0].t.k != timestampTZ && c.args[0].t.k != date {
			return expr{}, c.unexpected("to_unixtime(timestamp(p))", "to_unixtime(timestamp(p) with time zone)")
		}
		e := made(tDouble, "epoch("+castTo(c.args[0].sql, tTimestamp)+")", c.args...)
		e.never = true
		return e, nil
	}
	handlers["date_trunc"] = dateTrunc
	handlers["date_add"] = dateAdd
	handlers["date_diff"] = dateDiff
	handlers["last_day_of_month"] = func(c *call) (expr, error) {
		if len(c.args) != 1 || !c.args[0].t.dateTime() || c.args[0].t.k == clock {
			return expr{}, c.unexpected("last_day_of_month(date)")
		}
		at, err := c.s.wall(c.args[0])
		return made(tDate, "last_day("+at+")", c.args...), err
	}
	handlers["at_timezone"] = func(c *call) (expr, error) {
		if len(c.args) != 2 {
			return expr{}, c.unexpected("at_timezone(timestamp(p) with time zone, varchar)")
		}
		return c.s.toZone(c.args[0], c.args[1], c.pos())
	}
	handlers["with_timezone"] = func(c *call) (expr, error) {
		if len(c.args) != 2 || c.args[0].t.k != timestamp && c.args[0].t.k != date {
			return expr{}, c.unexpected("with_timezone(timestamp(p), varchar)")
		}
		at := c.s.coerced(c.args[0], tTimestamp)
		if c.args[0].t.k == timestamp {
			at = c.args[0]
		}
		name, err := c.s.zoneName(c.args[1])
		return made(zoned(at.t.p, name), utcOr(name, at.sql), at), err
	}
	handlers["date_format"] = func(c *call) (expr, error) { return c.formatted(mysqlToStrftime, "date_format(timestamp(p), varchar)") }
	handlers["format_datetime"] = func(c *call) (expr, error) {
		return c.formatted(jodaToStrftime, "format_datetime(timestamp(p), varchar)")
	}
	handlers["date_parse"] = func(c *call) (expr, error) {
		if len(c.args) != 2 || !c.args[0].t.text() || !c.args[1].t.text() {
			return expr{}, c.unexpected("date_parse(varchar, varchar)")
		}
		format, ok := c.args[1].text()
		if !ok {
			return expr{}, c.refuse("date_parse with a format that is not constant")
		}
		f, err := mysqlToStrptime(format)
		if err != nil {
			return expr{}, c.refuse("the date format %s (%v)", quoteText(format), err)
		}
		a := c.args[0]
		if a.volatile {
			return expr{}, c.refuse("date_parse of a random value")
		}
		year := "" // the engine takes 1900 where Trino takes 1970
		if !strings.Contains(f, "%Y") {
			year, f = "1970 ", "%Y "+f
		}
		if format != strings.TrimSpace(format) {
			return expr{}, c.refuse("the date format %s (blanks around it)", quoteText(format))
		}
		text := "flowlake_date_parse(" + a.sql + ", " + quoteText(year) + ", " + quoteText(f) + ", " + quoteText(format) + ")"
		return made(tTimestamp, text, a).valued(func(v []any) any { return parseMySQL(v[0], format) }, a), nil
	}
	handlers["to_iso8601"] = toISO
	handlers["from_iso8601_date"] = func(c *call) (expr, error) {
		if len(c.args) != 1 || !c.args[0].t.text() {
			return expr{}, c.unexpected("from_iso8601_date(varchar)")
		}
		x := c.args[0].sql
		if c.args[0].volatile {
			return expr{}, c.refuse("from_iso8601_date of a random value")
		}
		text := "flowlake_iso_date(" + x + ")"
		return made(tDate, text, c.args...), nil
	}
	handlers["from_iso8601_timestamp"] = fromISO
}

func utcOr(zone, text string) string {
	if zone == "" {
		return text
	}
	return utc(zone, text)
}

func (s *scope) timePart(pos int, name string, e expr) (expr, error) {
	part := timeParts[name]
	switch e.t.k {
	case unknown:
		return made(tBigint, "CAST(NULL AS BIGINT)", e), nil
	case date:
		if !part.date {
			return e, s.unexpected(pos, name, []expr{e}, name+"(timestamp(p))", name+"(timestamp(p) with time zone)")
		}
	case clock:
		if part.date {
			return e, s.unexpected(pos, name, []expr{e}, name+"(date)", name+"(timestamp(p))")
		}
	case timestamp, timestampTZ:
	case dayTime, yearMonth:
		return e, s.src.refuse(pos, "%s of an interval", name)
	default:
		return e, s.unexpected(pos, name, []expr{e}, name+"(date)", name+"(timestamp(p))", name+"(timestamp(p) with time zone)")
	}
	at, err := s.wall(e)
	if err != nil {
		return e, err
	}
	if e.volatile {
		return e, s.src.refuse(pos, "%s of a random value", name)
	}
	out := made(tBigint, fill(part.engine, []string{at}), e)
	if e.t.k == timestampTZ && e.t.zone != "UTC" {
		return out, nil
	}
	return out.valued(func(v []any) any {
		if v[0] == nil {
			return nil
		}
		if d, ok := v[0].(day); ok {
			v[0] = instant(int64(d) * microsPerDay)
		}
		at, ok := v[0].(instant)
		if !ok {
			return unknownValue
		}
		switch name {
		case "year":
			return int64(at.time().Year())
		case "month":
			return int64(at.time().Month())
		case "day":
			return int64(at.time().Day())
		case "hour":
			return int64(at.time().Hour())
		}
		return unknownValue
	}, e), nil
}

func (s *scope) extract(x *sql.Extract) (expr, error) {
	e, err := s.expr(x.X)
	if err != nil {
		return e, err
	}
	name := x.Field.Key()
	if _, ok := timeParts[name]; !ok || name == "millisecond" {
		if name == "timezone_hour" || name == "timezone_minute" {
			return e, s.src.refuse(x.Start, "EXTRACT(%s …)", strings.ToUpper(name))
		}
		return e, s.src.fail(x.Start, syntaxError, "Invalid EXTRACT field: %s", x.Field.Name)
	}
	if !e.t.dateTime() && e.t.k != unknown {
		return e, s.src.fail(x.Start, typeMismatch, "Type of argument to extract must be DATE, TIME, TIMESTAMP, or INTERVAL (actual %s)", e.t)
	}
	return s.timePart(x.Start, name, e)
}

func fromUnixtime(c *call) (expr, error) {
	expected := []string{"from_unixtime(double)", "from_unixtime(double, varchar)", "from_unixtime(double, bigint, bigint)"}
	if len(c.args) == 0 || len(c.args) > 3 || !c.args[0].t.numeric() {
		return expr{}, c.unexpected(expected...)
	}
	a := c.args[0]
	text := "epoch_ms(CAST(round(" + c.s.coerced(a, tDouble).sql + " * 1000) AS BIGINT))"
	if a.t.integral() {
		text = "epoch_ms(" + c.s.coerced(a, tBigint).sql + " * 1000)"
	}
	zone := "UTC"
	var err error
	switch len(c.args) {
	case 2:
		if !c.args[1].t.text() {
			return expr{}, c.unexpected(expected...)
		}
		zone, err = c.s.zoneName(c.args[1])
	case 3:
		h, ok1 := c.args[1].whole()
		m, ok2 := c.args[2].whole()
		if !ok1 || !ok2 {
			return expr{}, c.refuse("from_unixtime with an offset that is not constant")
		}
		ms := (h*60 + m) * 60000
		zone, err = c.s.zoneName(fixed(tDayTime, "", millis(ms)))
	}
	if err != nil {
		return expr{}, err
	}
	return made(zoned(3, zone), text, c.args...).valued(func(v []any) any {
		if n, ok := v[0].(int64); ok && n < 1<<40 && n > -1<<40 {
			return instant(n * 1_000_000)
		}
		if v[0] == nil {
			return nil
		}
		return unknownValue
	}, c.args...), nil
}

// unit reads the constant unit that is the first argument.
func (c *call) unit() (string, error) {
	text, ok := c.args[0].text()
	if !ok {
		return "", c.refuse("%s with a unit that is not constant", c.name)
	}
	text = strings.ToLower(text)
	if _, ok := timeUnits[text]; !ok {
		return "", c.s.src.fail(c.pos(), invalidFunction, "'%s' is not a valid Timestamp field", text)
	}
	return text, nil
}

func dateTrunc(c *call) (expr, error) {
	if len(c.args) != 2 || !c.args[0].t.text() || !c.args[1].t.dateTime() {
		return expr{}, c.unexpected("date_trunc(varchar, date)", "date_trunc(varchar, timestamp(p))", "date_trunc(varchar, timestamp(p) with time zone)")
	}
	unit, err := c.unit()
	if err != nil {
		return expr{}, err
	}
	e := c.args[1]
	if e.t.k == clock {
		return expr{}, c.refuse("date_trunc of a time")
	}
	if e.t.k == date && !timeUnits[unit] {
		return expr{}, c.s.src.fail(c.pos(), invalidFunction, "'%s' is not a valid DATE field", unit)
	}
	at, err := c.s.wall(e)
	if err != nil {
		return e, err
	}
	text := "date_trunc('" + unit + "', " + at + ")"
	switch e.t.k {
	case date:
		text = castTo(text, tDate)
	case timestampTZ:
		if timeUnits[unit] {
			text = utcFrom(e.sql, e.t.zone, text)
		} else {
			text = "(" + e.sql + " - (" + at + " - " + text + "))" // an hour that the clock shows twice is two
		}
	}
	out := made(e.t, text, e)
	if unit != "day" || e.t.k == timestampTZ && e.t.zone != "UTC" {
		return out, nil
	}
	return out.valued(func(v []any) any {
		if at, ok := v[0].(instant); ok {
			return instant(floorDiv(int64(at), microsPerDay) * microsPerDay)
		}
		return v[0]
	}, e), nil
}

func dateAdd(c *call) (expr, error) {
	if len(c.args) != 3 || !c.args[0].t.text() || !coercible(c.args[1].t, tBigint) || !c.args[2].t.dateTime() {
		return expr{}, c.unexpected("date_add(varchar, bigint, date)", "date_add(varchar, bigint, timestamp(p))", "date_add(varchar, bigint, timestamp(p) with time zone)")
	}
	unit, err := c.unit()
	if err != nil {
		return expr{}, err
	}
	n, e := c.s.coerced(c.args[1], tBigint), c.args[2]
	if e.t.k == clock {
		return expr{}, c.refuse("date_add of a time")
	}
	if e.t.k == date && !timeUnits[unit] {
		return expr{}, c.s.src.fail(c.pos(), invalidFunction, "'%s' is not a valid DATE field", unit)
	}
	factor := map[string]string{"millisecond": "1000", "second": "1000000", "minute": "60000000", "hour": "3600000000",
		"day": "1", "week": "7", "month": "1", "quarter": "3", "year": "12"}[unit]
	step := "to_microseconds(" + n.sql + " * " + factor + ")"
	switch unit {
	case "day", "week":
		step = "to_days(CAST(" + n.sql + " * " + factor + " AS INTEGER))"
	case "month", "quarter", "year":
		step = "to_months(CAST(" + n.sql + " * " + factor + " AS INTEGER))"
	}
	at := e.sql
	if timeUnits[unit] {
		if at, err = c.s.wall(e); err != nil {
			return e, err
		}
	}
	text := "(" + at + " + " + step + ")"
	switch {
	case e.t.k == date:
		text = castTo(text, tDate)
	case e.t.k == timestampTZ && timeUnits[unit]:
		text = utcFrom(e.sql, e.t.zone, text)
	}
	t := e.t
	if unit == "millisecond" {
		t.p = max(3, t.p)
	}
	out := made(t, text, n, e)
	if e.t.k == timestampTZ && e.t.zone != "UTC" && timeUnits[unit] {
		return out, nil
	}
	return out.valued(func(v []any) any {
		if v[0] == nil || v[1] == nil {
			return nil
		}
		n, ok := v[0].(int64)
		if !ok || n > 1<<31 || n < -1<<31 {
			return unknownValue
		}
		per := map[string]int64{"millisecond": 1, "second": 1000, "minute": 60000, "hour": 3_600_000, "day": 86_400_000, "week": 7 * 86_400_000}
		if p := per[unit]; p > 0 {
			return plusInterval(v[1], millis(n*p), 1)
		}
		return plusInterval(v[1], months(n*map[string]int64{"month": 1, "quarter": 3, "year": 12}[unit]), 1)
	}, n, e), nil
}

func dateDiff(c *call) (expr, error) {
	expected := []string{"date_diff(varchar, date, date)", "date_diff(varchar, timestamp(p), timestamp(p))"}
	if len(c.args) != 3 || !c.args[0].t.text() {
		return expr{}, c.unexpected(expected...)
	}
	unit, err := c.unit()
	if err != nil {
		return expr{}, err
	}
	a, b := c.args[1], c.args[2]
	t, ok := common(a.t, b.t)
	if !ok || !t.dateTime() {
		return expr{}, c.unexpected(expected...)
	}
	if t.k == clock {
		return expr{}, c.refuse("date_diff of times")
	}
	if t.k == date && !timeUnits[unit] {
		return expr{}, c.s.src.fail(c.pos(), invalidFunction, "'%s' is not a valid DATE field", unit)
	}
	a, b = c.s.coerced(a, t), c.s.coerced(b, t)
	x, y := a.sql, b.sql
	if timeUnits[unit] && t.k == timestampTZ {
		if t.zone == mixedZones {
			return expr{}, c.refuse("date_diff of timestamps in different time zones")
		}
		x, y = local(t.zone, x), local(t.zone, y)
	}
	return made(tBigint, "date_sub('"+unit+"', "+x+", "+y+")", a, b), nil
}

// formatted translates date_format and format_datetime with a constant format.
func (c *call) formatted(rewrite func(string) (string, error), expected string) (expr, error) {
	if len(c.args) != 2 || !c.args[0].t.dateTime() || c.args[0].t.k == clock || !c.args[1].t.text() {
		return expr{}, c.unexpected(expected)
	}
	format, ok := c.args[1].text()
	if !ok {
		return expr{}, c.refuse("%s with a format that is not constant", c.name)
	}
	f, err := rewrite(format)
	if err != nil {
		return expr{}, c.refuse("the date format %s (%v)", quoteText(format), err)
	}
	e := c.args[0]
	at, err := c.s.wall(e)
	if err != nil {
		return e, err
	}
	out := made(tVarchar, "strftime("+castTo(at, tTimestamp)+", "+quoteText(f)+")", e)
	if e.t.k == timestampTZ && e.t.zone != "UTC" {
		return out, nil
	}
	return out.valued(func(v []any) any { return formatSimple(v[0], f) }, e), nil
}

func toISO(c *call) (expr, error) {
	if len(c.args) != 1 || !c.args[0].t.dateTime() || c.args[0].t.k == clock {
		return expr{}, c.unexpected("to_iso8601(date)", "to_iso8601(timestamp(p))", "to_iso8601(timestamp(p) with time zone)")
	}
	e := c.args[0]
	at, err := c.s.wall(e)
	if err != nil {
		return e, err
	}
	switch e.t.k {
	case date:
		return made(tVarchar, castTo(e.sql, tVarchar), e), nil
	case timestamp:
		return made(tVarchar, timeText(at, "%Y-%m-%dT%H:%M:%S", e.t.p), e), nil
	}
	if e.t.zone != "UTC" {
		if z := e.t.zone[0]; z == '+' || z == '-' {
			return made(tVarchar, "("+timeText(at, "%Y-%m-%dT%H:%M:%S", e.t.p)+" || '"+e.t.zone+"')", e), nil
		}
		return e, c.refuse("to_iso8601 of a timestamp in the time zone %s", e.t.zone)
	}
	return made(tVarchar, "("+timeText(at, "%Y-%m-%dT%H:%M:%S", e.t.p)+" || 'Z')", e), nil
}

// fromISO reads ISO 8601. The zone of a constant is known; a column's values must be in UTC, which is
// checked value by value.
func fromISO(c *call) (expr, error) {
	if len(c.args) != 1 || !c.args[0].t.text() {
		return expr{}, c.unexpected("from_iso8601_timestamp(varchar)")
	}
	zone := "UTC"
	if text, ok := c.args[0].text(); ok {
		i := strings.IndexByte(text, 'T')
		if i < 0 {
			i = len(text)
		}
		if at := strings.LastIndexAny(text, "+-"); at > i {
			z, _, err := findZone(text[at:])
			if err != nil {
				return expr{}, c.s.src.fail(c.pos(), invalidFunction, "Invalid format: \"%s\"", text)
			}
			zone = z
			out := made(zoned(3, zone), utc(zone, "flowlake_iso_timestamp("+quoteText(text[:at])+")"))
			return out, nil
		}
	}
	if c.args[0].volatile {
		return expr{}, c.refuse("from_iso8601_timestamp of a random value")
	}
	return made(zoned(3, zone), "flowlake_iso_timestamp("+c.args[0].sql+")", c.args...), nil
}
