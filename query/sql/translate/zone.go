package translate

import (
	"fmt"
	"strings"
	"time"
	_ "time/tzdata" // the zones are the same wherever flowlake runs

	"flowlake/query/sql"
)

// A value of type timestamp with time zone is its instant; the zone is part of the type that this package
// infers, because queries name their zones. Where values of different zones would meet in one column, the
// column has mixedZones: it can be compared and filtered, but nothing that depends on the zone is answered.
const mixedZones = "mixed"

// findZone returns a zone as Trino spells it.
func findZone(name string) (string, *time.Location, error) {
	upper := strings.ToUpper(name)
	switch upper {
	case "UTC", "Z", "GMT", "UCT", "ZULU", "UT", "+00:00", "-00:00", "ETC/UTC":
		return "UTC", time.UTC, nil
	}
	if name[0] == '+' || name[0] == '-' {
		var h, m int
		if n, err := fmt.Sscanf(name[1:], "%d:%d", &h, &m); err != nil && n != 1 || h > 14 || m > 59 || h < 0 || m < 0 || len(name) > 6 {
			return "", nil, fmt.Errorf("'%s' is not a valid time zone", name)
		}
		seconds := (h*60 + m) * 60
		if name[0] == '-' {
			seconds = -seconds
		}
		spelled := fmt.Sprintf("%c%02d:%02d", name[0], h, m)
		return spelled, time.FixedZone(spelled, seconds), nil
	}
	if !strings.Contains(name, "/") || strings.Contains(name, "..") {
		return "", nil, fmt.Errorf("'%s' is not a valid time zone", name)
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return "", nil, fmt.Errorf("'%s' is not a valid time zone", name)
	}
	return name, loc, nil
}

// local is the wall clock of an instant in its zone, as a TIMESTAMP.
func local(zone, text string) string {
	if zone == "UTC" {
		return text
	}
	if zone[0] == '+' || zone[0] == '-' {
		return "(" + text + " + to_minutes(" + offsetMinutes(zone, 1) + "))"
	}
	return "timezone(" + quoteText(zone) + ", timezone('UTC', " + text + "))"
}

// utc is the instant of a wall clock in a zone: the earlier one where clocks went back, and where they went
// forward over it the one that is as much later. So do Trino's literals and with_timezone.
func utc(zone, text string) string {
	if zone == "UTC" {
		return text
	}
	if zone[0] == '+' || zone[0] == '-' {
		return "(" + text + " + to_minutes(" + offsetMinutes(zone, -1) + "))"
	}
	return "flowlake_utc(" + quoteText(zone) + ", " + text + ")"
}

// utcFrom is the instant of a wall clock that was computed from the one of the instant at: it keeps that one's
// offset from UTC where both of a clock's turns have the wall clock.
func utcFrom(at, zone, text string) string {
	if zone == "UTC" || zone[0] == '+' || zone[0] == '-' {
		return utc(zone, text)
	}
	return "flowlake_utc_from(" + at + ", " + quoteText(zone) + ", " + text + ")"
}

func offsetMinutes(zone string, sign int) string {
	var h, m int
	fmt.Sscanf(zone[1:], "%d:%d", &h, &m)
	if zone[0] == '-' {
		sign = -sign
	}
	return fmt.Sprintf("(%d)", sign*(h*60+m))
}

// wall is e's wall clock: e itself unless it has a zone.
func (s *scope) wall(e expr) (string, error) {
	if e.t.k != timestampTZ {
		return e.sql, nil
	}
	if e.t.zone == mixedZones {
		return "", s.src.refuse(e.pos, "a function of timestamps in different time zones")
	}
	return local(e.t.zone, e.sql), nil
}

func (s *scope) atTimeZone(x *sql.AtTimeZone) (expr, error) {
	e, err := s.expr(x.X)
	if err != nil {
		return e, err
	}
	zone, err := s.expr(x.Zone)
	if err != nil {
		return zone, err
	}
	return s.toZone(e, zone, x.Start)
}

// toZone gives an instant another zone.
func (s *scope) toZone(e, zone expr, pos int) (expr, error) {
	if e.t.k != timestampTZ && e.t.k != timestamp {
		return e, s.src.fail(pos, typeMismatch, "Type of value must be a time or timestamp with or without time zone (actual %s)", e.t)
	}
	name, err := s.zoneName(zone)
	if err != nil {
		return e, err
	}
	out := made(zoned(e.t.p, name), e.sql, e)
	out.eval, out.constant = e.eval, e.constant
	return out, nil
}

func (s *scope) zoneName(zone expr) (string, error) {
	if zone.t.k == dayTime {
		ms, ok := millis(0), false
		if zone.constant && zone.eval != nil {
			ms, ok = zone.eval(nil).(millis)
		}
		if !ok || ms%60000 != 0 {
			return "", s.src.refuse(zone.pos, "a time zone that is not constant")
		}
		m, sign := int64(ms)/60000, '+'
		if m < 0 {
			m, sign = -m, '-'
		}
		name, _, err := findZone(fmt.Sprintf("%c%02d:%02d", sign, m/60, m%60))
		if err != nil {
			return "", s.src.fail(zone.pos, invalidFunction, "%s", err)
		}
		return name, nil
	}
	text, ok := zone.text()
	if !ok {
		return "", s.src.refuse(zone.pos, "a time zone that is not constant")
	}
	if text == "" {
		return "", s.src.fail(zone.pos, invalidFunction, "'' is not a valid time zone")
	}
	name, _, err := findZone(text)
	if err != nil {
		return "", s.src.fail(zone.pos, invalidFunction, "%s", err)
	}
	return name, nil
}

// mixed reports whether a value of the type holds timestamps of different zones.
func (t typ) mixed() bool {
	switch t.k {
	case timestampTZ:
		return t.zone == mixedZones
	case array:
		return t.elem.mixed()
	case mapping:
		return t.key.mixed() || t.elem.mixed()
	case row:
		for _, f := range t.fields {
			if f.t.mixed() {
				return true
			}
		}
	}
	return false
}

// timeText spells a wall clock as Trino does; format is strftime's, up to the seconds.
func timeText(text, format string, precision int) string {
	switch precision {
	case 0:
		return "strftime(" + text + ", '" + format + "')"
	case 3:
		return "strftime(" + text + ", '" + format + ".%g')"
	case 6:
		return "strftime(" + text + ", '" + format + ".%f')"
	}
	full := "strftime(" + text + ", '" + format + ".%f')"
	return fmt.Sprintf("left(%s, length(%s) - %d)", full, full, 6-precision)
}

// shown is a column of the result: what the engine's types cannot say is made text.
func (a *analysis) shown(t typ, text string) string {
	switch t.k {
	case timestampTZ:
		return "(" + timeText(local(t.zone, text), "%Y-%m-%d %H:%M:%S", t.p) + " || " + quoteText(" "+t.zone) + ")"
	case timestamp:
		if t.p != 3 {
			return timeText(text, "%Y-%m-%d %H:%M:%S", t.p)
		}
	case clock:
		return timeText("(DATE '1970-01-01' + "+text+")", "%H:%M:%S", t.p)
	case dayTime:
		return "flowlake_daytime_text(" + text + ")"
	case yearMonth:
		return "flowlake_yearmonth_text(" + text + ")"
	case ipaddress:
		return "flowlake_ip_text(" + text + ")"
	case array:
		x := a.name("e")
		if inner := a.shown(*t.elem, x); inner != x {
			return "list_transform(" + text + ", lambda " + x + ": " + inner + ")"
		}
	case mapping:
		x := a.name("e")
		k, v := x+"['key']", x+"['value']"
		if ks, vs := a.shown(*t.key, k), a.shown(*t.elem, v); ks != k || vs != v {
			return "map_from_entries(list_transform(map_entries(" + text + "), lambda " + x + ": {'key': " + ks + ", 'value': " + vs + "}))"
		}
	case row:
		list := make([]string, len(t.fields))
		changed := false
		for i, f := range t.fields {
			part := "struct_extract(" + text + ", " + quoteText(fieldName(f.name, i)) + ")"
			text := a.shown(f.t, part)
			changed = changed || text != part
			list[i] = quoteIdent(fieldName(f.name, i)) + " := " + text
		}
		if changed {
			return "(CASE WHEN " + text + " IS NOT NULL THEN struct_pack(" + strings.Join(list, ", ") + ") END)"
		}
	}
	return text
}

// dateArithmetic computes with dates, times and intervals; ok is false when there is no such operator.
func (s *scope) dateArithmetic(op string, l, r expr) (e expr, ok bool, err error) {
	interval := func(t typ) bool { return t.k == dayTime || t.k == yearMonth }
	if op == "+" && interval(l.t) && !interval(r.t) {
		l, r = r, l
	}
	sign := int64(1)
	if op == "-" {
		sign = -1
	}
	minus := func(text string) string {
		if op == "-" {
			return "(-" + text + ")"
		}
		return text
	}
	plus := func(v []any) any { return plusInterval(v[0], v[1], sign) }
	switch {
	case op != "+" && op != "-":
		return s.intervalArithmetic(op, l, r)
	case l.t.k == date && r.t.k == dayTime:
		text := "(" + l.sql + " + CAST(" + minus("flowlake_whole_days("+r.sql+")") + " AS INTEGER))"
		return made(tDate, text, l, r).valued(plus, l, r), true, nil
	case l.t.k == date && r.t.k == yearMonth:
		text := castTo("("+l.sql+" + to_months("+minus(r.sql)+"))", tDate)
		return made(tDate, text, l, r).valued(plus, l, r), true, nil
	case (l.t.k == timestamp || l.t.k == timestampTZ) && r.t.k == dayTime:
		text := "(" + l.sql + " + to_microseconds(" + minus(r.sql) + " * 1000))"
		t := l.t
		t.p = max(t.p, 3)
		return made(t, text, l, r).valued(plus, l, r), true, nil
	case (l.t.k == timestamp || l.t.k == timestampTZ) && r.t.k == yearMonth:
		at, err := s.wall(l)
		if err != nil {
			return l, true, err
		}
		text := "(" + at + " + to_months(" + minus(r.sql) + "))"
		out := made(l.t, text, l, r)
		if l.t.k == timestampTZ {
			out.sql = utcFrom(l.sql, l.t.zone, text)
			if l.t.zone != "UTC" {
				return out, true, nil
			}
		}
		return out.valued(plus, l, r), true, nil
	case op == "-" && l.t.k == date && r.t.k == date:
		return made(tDayTime, "((CAST("+l.sql+" - "+r.sql+" AS BIGINT)) * 86400000)", l, r), true, nil
	case op == "-" && l.t.dateTime() && r.t.dateTime() && l.t.k != clock && r.t.k != clock:
		t, ok := common(l.t, r.t)
		if !ok {
			return l, false, nil
		}
		l, r = s.coerced(l, t), s.coerced(r, t)
		return made(tDayTime, "((epoch_us("+l.sql+") - epoch_us("+r.sql+")) // 1000)", l, r), true, nil
	case l.t.k == clock && interval(r.t):
		return l, true, s.src.refuse(l.pos, "arithmetic on time values")
	}
	return s.intervalArithmetic(op, l, r)
}

func plusInterval(v, by any, sign int64) any {
	if v == nil || by == nil {
		return nil
	}
	switch n := by.(type) {
	case millis:
		ms := int64(n) * sign
		switch at := v.(type) {
		case day:
			if ms%86_400_000 == 0 {
				return at + day(ms/86_400_000)
			}
		case instant:
			return at + instant(ms*1000)
		}
	case months:
		switch at := v.(type) {
		case day:
			return day(addMonths(at.time(), int(int64(n)*sign)).Unix() / 86400)
		case instant:
			return instant(addMonths(at.time(), int(int64(n)*sign)).UnixMicro())
		}
	}
	return unknownValue
}

// addMonths keeps the day of the month, or takes the month's last when it is shorter.
func addMonths(at time.Time, n int) time.Time {
	first := time.Date(at.Year(), at.Month()+time.Month(n), 1, at.Hour(), at.Minute(), at.Second(), at.Nanosecond(), time.UTC)
	last := first.AddDate(0, 1, -1).Day()
	return first.AddDate(0, 0, min(at.Day(), last)-1)
}

// intervalArithmetic adds intervals, and multiplies them with numbers.
func (s *scope) intervalArithmetic(op string, l, r expr) (expr, bool, error) {
	interval := func(t typ) bool { return t.k == dayTime || t.k == yearMonth }
	switch {
	case (op == "+" || op == "-") && interval(l.t) && l.t.k == r.t.k:
		return made(l.t, "("+l.sql+" "+op+" "+r.sql+")", l, r), true, nil
	case op == "*" && interval(r.t) && !interval(l.t):
		l, r = r, l
		fallthrough
	case op == "*" && interval(l.t):
		if r.t.integral() {
			return made(l.t, castTo("("+l.sql+" * "+s.coerced(r, tBigint).sql+")", l.t), l, r), true, nil
		}
		if r.t.numeric() {
			return made(l.t, castTo("trunc("+l.sql+" * "+s.coerced(r, tDouble).sql+")", l.t), l, r), true, nil
		}
	case op == "/" && interval(l.t) && r.t.numeric():
		return made(l.t, castTo("trunc("+l.sql+" / "+s.coerced(r, tDouble).sql+")", l.t), l, r), true, nil
	}
	return l, false, nil
}
