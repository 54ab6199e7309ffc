package translate

import (
	"encoding/hex"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"flowlake/query/sql"
)

// fixed is a constant with its value.
func fixed(t typ, text string, v any) expr {
	return expr{t: t, sql: text, never: true, constant: true, eval: func([]any) any { return v }}
}

func (s *scope) literal(x sql.Expr) (expr, error) {
	switch x := x.(type) {
	case *sql.Null:
		return fixed(tUnknown, "NULL", nil), nil
	case *sql.Boolean:
		return fixed(tBoolean, strconv.FormatBool(x.Value), x.Value), nil
	case *sql.Number:
		return s.number(x, "")
	case *sql.String:
		return textLiteral(x.Value), nil
	case *sql.Binary:
		return fixed(tVarbinary, "unhex('"+hex.EncodeToString(x.Value)+"')", unknownValue), nil
	case *sql.Typed:
		return s.typed(x)
	case *sql.Interval:
		return s.interval(x)
	}
	return expr{}, s.src.refuse(x.Bounds().Start, "this literal")
}

func textLiteral(v string) expr {
	if !utf8.ValidString(v) {
		v = strings.ToValidUTF8(v, "\uFFFD")
	}
	return fixed(varcharOf(utf8.RuneCountInString(v)), quoteText(v), v)
}

// number reads a numeric literal; sign is "-" or "".
func (s *scope) number(x *sql.Number, sign string) (expr, error) {
	switch x.Kind {
	case sql.Integer:
		n, ok := new(big.Int).SetString(sign+strings.ReplaceAll(x.Text, "_", ""), 10)
		if !ok {
			return expr{}, s.src.refuse(x.Start, "the number %s", x.Text)
		}
		if !n.IsInt64() {
			return expr{}, s.src.fail(x.Start, invalidLiteral, "Invalid numeric literal: %s%s", sign, x.Text)
		}
		v := n.Int64()
		t := tInteger
		if v > 1<<31-1 || v < -1<<31 {
			t = tBigint
		}
		text := n.String()
		if v < 0 {
			text = "(" + text + ")"
			if v == -1<<63 || v == -1<<31 { // the engine reads the digits first, and finds the next larger type
				text = "CAST('" + n.String() + "' AS " + t.duck() + ")"
			}
		}
		return fixed(t, text, v), nil
	case sql.Decimal:
		t, text, ok := decimalText(sign + strings.ReplaceAll(x.Text, "_", ""))
		if !ok {
			return expr{}, s.src.fail(x.Start, invalidLiteral, "Invalid numeric literal: %s", x.Text)
		}
		return fixed(t, castTo(quoteText(text), t), unknownValue), nil
	default:
		f, err := strconv.ParseFloat(strings.ReplaceAll(x.Text, "_", ""), 64)
		if err != nil && f == 0 {
			return expr{}, s.src.fail(x.Start, invalidLiteral, "Invalid numeric literal: %s", x.Text)
		}
		return fixed(tDouble, "CAST('"+sign+strconv.FormatFloat(f, 'g', -1, 64)+"' AS DOUBLE)", unknownValue), nil
	}
}

// decimalText reads a decimal literal and finds its type: zeros in front do not count.
func decimalText(text string) (typ, string, bool) {
	digits := strings.TrimLeft(text, "+-")
	whole, fraction, _ := strings.Cut(digits, ".")
	if whole+fraction == "" || strings.Trim(whole+fraction, "0123456789") != "" {
		return typ{}, "", false
	}
	p := max(1, len(strings.TrimLeft(whole, "0"))+len(fraction))
	return decimalOf(p, len(fraction)), text, p <= 38
}

func (s *scope) typed(x *sql.Typed) (expr, error) {
	v := x.Value.Value
	bad := func(name string) error {
		return s.src.fail(x.Start, invalidLiteral, "'%s' is not a valid %s literal", v, name)
	}
	switch x.Type {
	case "date":
		d, ok := parseDay(strings.TrimSpace(v))
		if !ok {
			return expr{}, bad("DATE")
		}
		return dayLiteral(d), nil
	case "timestamp", "timestamp with time zone":
		at, p, zone, err := parseTimestamp(v)
		if err != nil {
			return expr{}, bad("TIMESTAMP")
		}
		if p > 6 {
			return expr{}, s.src.refuse(x.Start, "a timestamp with %d digits of fraction", p)
		}
		if zone != "" {
			return instantLiteral(zoned(p, zone), at), nil
		}
		return instantLiteral(timestampOf(p), at), nil
	case "time":
		layout := ""
		for _, l := range []string{"15:4:5", "15:4"} {
			if _, err := time.Parse(l, v); err == nil {
				layout = l
			}
		}
		if layout == "" {
			return expr{}, s.src.refuse(x.Start, "the time %s", quoteText(v))
		}
		at, _ := time.Parse(layout, v)
		_, fraction, _ := strings.Cut(v, ".")
		if len(fraction) > 6 {
			return expr{}, s.src.refuse(x.Start, "a time with %d digits of fraction", len(fraction))
		}
		return fixed(typ{k: clock, p: len(fraction)}, "TIME '"+at.Format("15:04:05.999999")+"'", unknownValue), nil
	case "decimal":
		t, text, ok := decimalText(strings.TrimSpace(v))
		if !ok {
			return expr{}, bad("DECIMAL")
		}
		return fixed(t, castTo(quoteText(text), t), unknownValue), nil
	case "json":
		return s.jsonParse(textLiteral(v)), nil
	}
	t, err := s.typeOf(&sql.Type{Span: x.Span, Name: x.Type})
	if err != nil {
		return expr{}, err
	}
	lit := textLiteral(v)
	lit.pos = x.Start
	return s.cast(lit, t, false, x.Start)
}

func dayLiteral(d day) expr {
	return fixed(tDate, "DATE '"+d.time().Format("2006-01-02")+"'", d)
}

func instantLiteral(t typ, at instant) expr {
	return fixed(t, "TIMESTAMP '"+at.time().Format("2006-01-02 15:04:05.999999")+"'", at)
}

// parseTimestamp reads YYYY-M-D [H:M[:S[.fraction]]] [zone]; the instant is UTC's when there is a zone.
func parseTimestamp(text string) (at instant, precision int, zone string, err error) {
	text = strings.TrimSpace(text)
	fields := strings.Fields(text)
	if len(fields) == 0 || len(fields) > 3 {
		return 0, 0, "", fmt.Errorf("no timestamp")
	}
	body := fields[0]
	rest := fields[1:]
	if len(rest) > 0 && rest[0][0] >= '0' && rest[0][0] <= '9' {
		clock := rest[0]
		rest = rest[1:]
		if i := strings.LastIndexAny(clock, "+-Z"); i > 0 && len(rest) == 0 {
			rest, clock = []string{clock[i:]}, clock[:i]
		}
		body += " " + clock
		if _, fraction, ok := strings.Cut(clock, "."); ok {
			precision = len(fraction)
		}
	}
	if len(rest) > 1 {
		return 0, 0, "", fmt.Errorf("no timestamp")
	}
	if precision > 6 {
		return 0, precision, "", nil
	}
	at, ok := parseInstant(body)
	if !ok {
		return 0, 0, "", fmt.Errorf("no timestamp")
	}
	if len(rest) == 0 {
		return at, precision, "", nil
	}
	zone, loc, err := findZone(rest[0])
	if err != nil {
		return 0, 0, "", err
	}
	return inZone(at, loc), precision, zone, nil
}

// inZone is the instant of a wall clock in a zone, as utc has it.
func inZone(wall instant, loc *time.Location) instant {
	at := func(offset time.Time) instant {
		_, seconds := offset.In(loc).Zone()
		return wall - instant(seconds)*1_000_000
	}
	before := at(wall.time().Add(-24 * time.Hour))
	if after := at(before.time()); after != before && at(after.time()) == after {
		return after // the clock was turned since the day before, and does not show the time before that
	}
	return before
}

// interval reads INTERVAL '…' unit [TO unit]: milliseconds, or months.
func (s *scope) interval(x *sql.Interval) (expr, error) {
	bad := func() error {
		return s.src.fail(x.Start, invalidLiteral, "'%s' is not a valid INTERVAL literal", x.Value.Value)
	}
	v := strings.TrimSpace(x.Value.Value)
	negative := x.Negative
	if rest, ok := strings.CutPrefix(v, "-"); ok {
		negative, v = !negative, rest
	} else {
		v = strings.TrimPrefix(v, "+")
	}
	units := []string{"YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND"}
	index := func(u string) int {
		for i, n := range units {
			if n == u {
				return i
			}
		}
		return -1
	}
	from, to := index(x.From), index(x.To)
	if x.To == "" {
		to = from
	}
	if from < 0 || to < from || (from < 2) != (to < 2) {
		return expr{}, s.src.refuse(x.Start, "an interval of %s", strings.ToLower(strings.TrimSpace(x.From+" "+x.To)))
	}
	parts := strings.FieldsFunc(v, func(r rune) bool { return r == ' ' || r == ':' || r == '-' && from < 2 })
	if len(parts) == 0 || len(parts) > to-from+1 || len(parts) < to-from+1 && from != to {
		return expr{}, bad()
	}
	scale := [...]int64{12, 1, 86_400_000, 3_600_000, 60_000, 1000}
	total := new(big.Int)
	for i, p := range parts {
		unit := from + i
		fraction := ""
		if unit == 5 {
			p, fraction, _ = strings.Cut(p, ".")
			if len(fraction) > 3 {
				fraction = fraction[:3]
			}
			for len(fraction) < 3 {
				fraction += "0"
			}
		}
		n, ok := new(big.Int).SetString(p, 10)
		if !ok || strings.ContainsAny(p, "+-_") {
			return expr{}, bad()
		}
		total.Add(total, n.Mul(n, big.NewInt(scale[unit])))
		if fraction != "" {
			f, err := strconv.ParseInt(fraction, 10, 64)
			if err != nil || f < 0 {
				return expr{}, bad()
			}
			total.Add(total, big.NewInt(f))
		}
	}
	if negative {
		total.Neg(total)
	}
	if !total.IsInt64() || from < 2 && !(total.Int64() <= 1<<31-1 && total.Int64() >= -1<<31) {
		return expr{}, bad()
	}
	n := total.Int64()
	text := total.String()
	if n < 0 {
		text = "(" + text + ")"
	}
	if from < 2 {
		return fixed(tYearMonth, "CAST("+text+" AS INTEGER)", months(n)), nil
	}
	return fixed(tDayTime, "CAST("+text+" AS BIGINT)", millis(n)), nil
}

// now is the query's start, which the whole query sees as the current time, in UTC.
func (s *scope) now(precision int) instant {
	at := s.a.opts.Now.UTC()
	step := time.Microsecond
	for i := precision; i < 6; i++ {
		step *= 10
	}
	return instant(at.Truncate(step).UnixMicro())
}

func (s *scope) current(x *sql.Current) (expr, error) {
	p := x.Precision
	if p < 0 {
		p = 3
	}
	if p > 6 {
		return expr{}, s.src.refuse(x.Start, "%s with a precision of %d", x.Name, p)
	}
	switch x.Name {
	case "current_date":
		return dayLiteral(day(int64(s.now(6)) / microsPerDay)), nil
	case "current_timestamp":
		return instantLiteral(zoned(p, "UTC"), s.now(p)), nil
	case "localtimestamp":
		return instantLiteral(timestampOf(p), s.now(p)), nil
	case "localtime":
		return fixed(typ{k: clock, p: p}, "TIME '"+s.now(p).time().Format("15:04:05.999999")+"'", unknownValue), nil
	case "current_user":
		return asVarchar(textLiteral(s.a.opts.User)), nil
	case "current_catalog":
		return asVarchar(textLiteral(s.a.catalog)), nil
	case "current_schema":
		return asVarchar(textLiteral(s.a.opts.Database)), nil
	}
	return expr{}, s.src.refuse(x.Start, "%s", x.Name)
}

func asVarchar(e expr) expr {
	e.t = tVarchar
	return e
}
