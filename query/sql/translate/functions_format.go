package translate

import (
	"regexp"
	"strconv"
	"strings"
)

// formatSpec is one place of a format() string: %[index$][flags][width][.precision]conversion.
var formatSpec = regexp.MustCompile(`%(?:(\d+)\$)?([-#+ 0,(]*)(\d+)?(?:\.(\d+))?([a-zA-Z%]+?)`)

func init() { handlers["format"] = formatText }

// formatText translates format with a constant format of %s, %d, %f and %%. What else Java's Formatter takes
// is refused.
func formatText(c *call) (expr, error) {
	if len(c.args) < 1 || !c.args[0].t.text() {
		return expr{}, c.unexpected("format(varchar, args...)")
	}
	format, ok := c.args[0].text()
	if !ok {
		return expr{}, c.refuse("format with a format that is not constant")
	}
	var pieces []string
	literal := func(s string) {
		if s != "" {
			pieces = append(pieces, quoteText(s))
		}
	}
	next, from := 1, 0
	for _, m := range formatSpec.FindAllStringSubmatchIndex(format, -1) {
		group := func(i int) string {
			if m[2*i] < 0 {
				return ""
			}
			return format[m[2*i]:m[2*i+1]]
		}
		if strings.Contains(format[from:m[0]], "%") {
			return expr{}, c.refuse("the format %s", quoteText(format))
		}
		literal(format[from:m[0]])
		from = m[1]
		spec := format[m[0]:m[1]]
		if spec == "%%" {
			literal("%")
			continue
		}
		if spec == "%n" {
			literal("\n")
			continue
		}
		at := next
		if i := group(1); i != "" {
			at, _ = strconv.Atoi(i)
		} else {
			next++
		}
		if at < 1 || at >= len(c.args) {
			return expr{}, c.s.src.fail(c.pos(), invalidFunction, "Invalid format string: %s (Format specifier '%s')", format, spec)
		}
		text, err := c.formatted1(c.args[at], spec, group(2), group(4), group(5))
		if err != nil {
			return expr{}, err
		}
		width, _ := strconv.Atoi(group(3))
		if width > 10000 {
			return expr{}, c.refuse("the format %s", quoteText(spec))
		}
		if width > 0 {
			w := strconv.Itoa(width)
			switch {
			case strings.Contains(group(2), "-"):
				text = "(CASE WHEN length(" + text + ") >= " + w + " THEN " + text + " ELSE rpad(" + text + ", " + w + ", ' ') END)"
			case strings.Contains(group(2), "0"):
				text = "(CASE WHEN length(" + text + ") >= " + w + " THEN " + text + " WHEN starts_with(" + text + ", '-') THEN '-' || lpad(substr(" + text +
					", 2), " + strconv.Itoa(width-1) + ", '0') ELSE lpad(" + text + ", " + w + ", '0') END)"
			default:
				text = "(CASE WHEN length(" + text + ") >= " + w + " THEN " + text + " ELSE lpad(" + text + ", " + w + ", ' ') END)"
			}
		}
		pieces = append(pieces, text)
	}
	if strings.Contains(format[from:], "%") {
		return expr{}, c.refuse("the format %s", quoteText(format))
	}
	literal(format[from:])
	for _, a := range c.args[1:] {
		if a.volatile {
			return expr{}, c.refuse("format of a random value")
		}
	}
	if len(pieces) == 0 {
		pieces = []string{"''"}
	}
	return made(tVarchar, "("+strings.Join(pieces, " || ")+")", c.args[1:]...), nil
}

// formatted1 is one argument's text before it is padded; NULL reads null.
func (c *call) formatted1(a expr, spec, flags, precision, conversion string) (string, error) {
	refuse := func() (string, error) { return "", c.refuse("the format %s of a %s", quoteText(spec), a.t) }
	if strings.Trim(flags, "-0,") != "" {
		return refuse()
	}
	text := ""
	switch {
	case conversion == "s" && precision == "" && strings.Trim(flags, "-") == "":
		switch {
		case a.t.text():
			text = a.sql
		case a.t.integral(), a.t.k == boolean, a.t.k == decimal, a.t.k == date:
			text = castTo(a.sql, tVarchar)
		default:
			return refuse()
		}
	case conversion == "d" && precision == "" && a.t.integral():
		text = castTo(a.sql, tVarchar)
	case conversion == "f" && (a.t.floating() || a.t.k == decimal):
		digits := "6"
		if precision != "" {
			digits = precision
		}
		n, err := strconv.Atoi(digits)
		if err != nil || n > 30 {
			return refuse()
		}
		if a.t.k == decimal {
			if n > 38-a.t.p+a.t.s {
				return refuse()
			}
			text = castTo(castTo(a.sql, decimalOf(min(38, a.t.p-a.t.s+n+1), n)), tVarchar)
		} else {
			text = "flowlake_fixed_text(" + c.s.coerced(a, tDouble).sql + ", CAST(" + digits + " AS BIGINT))"
		}
	default:
		return refuse()
	}
	if strings.Contains(flags, ",") {
		text = "flowlake_group_digits(" + text + ")"
	}
	return "coalesce(" + text + ", 'null')", nil
}
