package translate

import (
	"strings"
)

func init() {
	for _, n := range []string{"json_extract", "json_extract_scalar", "json_size"} {
		handlers[n] = jsonPath
	}
	handlers["json_parse"] = func(c *call) (expr, error) {
		if len(c.args) != 1 || !c.args[0].t.text() && c.args[0].t.k != unknown {
			return expr{}, c.unexpected("json_parse(varchar)")
		}
		return c.s.jsonParse(c.s.coerced(c.args[0], tVarchar)), nil
	}
	handlers["json_format"] = func(c *call) (expr, error) {
		if len(c.args) != 1 || c.args[0].t.k != jsonType {
			return expr{}, c.unexpected("json_format(json)")
		}
		return made(tVarchar, c.args[0].sql, c.args...), nil
	}
	handlers["json_array_length"] = jsonText("flowlake_json_array_length($1)", tBigint)
	handlers["is_json_scalar"] = jsonText("flowlake_is_json_scalar($1)", tBoolean)
	handlers["json_array_get"] = func(c *call) (expr, error) { return expr{}, c.refuse("the function json_array_get") }
}

func (s *scope) jsonParse(e expr) expr {
	return made(tJSON, "flowlake_json_parse("+e.sql+")", e)
}

// jsonText translates a function of JSON, which may also be given as text.
func jsonText(template string, t typ) handler {
	return func(c *call) (expr, error) {
		if len(c.args) != 1 || c.args[0].t.k != jsonType && !c.args[0].t.text() {
			return expr{}, c.unexpected(c.name+"(json)", c.name+"(varchar)")
		}
		return made(t, fill(template, []string{c.args[0].sql}), c.args...), nil
	}
}

func jsonPath(c *call) (expr, error) {
	expected := []string{c.name + "(json, jsonpath)", c.name + "(varchar, jsonpath)"}
	if len(c.args) != 2 || c.args[0].t.k != jsonType && !c.args[0].t.text() && c.args[0].t.k != unknown || !c.args[1].t.text() {
		return expr{}, c.unexpected(expected...)
	}
	path, ok := c.args[1].text()
	if !ok {
		return expr{}, c.refuse("%s with a path that is not constant", c.name)
	}
	p, ok := duckPath(path)
	if !ok {
		return expr{}, c.refuse("the JSON path %s", quoteText(path))
	}
	a := c.args[0]
	if a.t.k == unknown {
		a = c.s.coerced(a, tVarchar)
	}
	if a.volatile {
		return expr{}, c.refuse("%s of a random value", c.name)
	}
	switch c.name {
	case "json_extract":
		return made(tJSON, "flowlake_json_extract("+a.sql+", "+quoteText(p)+")", a), nil
	case "json_size":
		return made(tBigint, "flowlake_json_size("+a.sql+", "+quoteText(p)+")", a), nil
	}
	return made(tVarchar, "flowlake_json_scalar("+a.sql+", "+quoteText(p)+")", a), nil
}

// duckPath rewrites $.a.b[0]["c d"] so that every name is quoted. Wildcards and filters are not taken.
func duckPath(path string) (string, bool) {
	if !strings.HasPrefix(path, "$") {
		return "", false
	}
	var b strings.Builder
	b.WriteByte('$')
	name := func(n string) bool {
		if n == "" || n == "*" || strings.ContainsAny(n, "\"\\\x00*") {
			return false
		}
		b.WriteString(`."` + n + `"`)
		return true
	}
	for rest := path[1:]; rest != ""; {
		switch {
		case strings.HasPrefix(rest, `["`):
			end := strings.Index(rest[2:], `"]`)
			if end < 0 || !name(rest[2:2+end]) {
				return "", false
			}
			rest = rest[end+4:]
		case rest[0] == '[':
			end := strings.IndexByte(rest, ']')
			if end < 2 || end > 10 || strings.Trim(rest[1:end], "0123456789") != "" {
				return "", false
			}
			b.WriteString(rest[:end+1])
			rest = rest[end+1:]
		case rest[0] == '.':
			end := 1 + strings.IndexAny(rest[1:], ".[")
			if end == 0 {
				end = len(rest)
			}
			n := rest[1:end]
			if strings.ContainsAny(n, ` '()?@,:`) || !name(n) {
				return "", false
			}
			rest = rest[end:]
		default:
			return "", false
		}
	}
	return b.String(), true
}
