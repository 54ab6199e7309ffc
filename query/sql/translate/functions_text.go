package translate

import (
	"regexp/syntax"
	"strings"
	"unicode"

	"flowlake/query/sql"
)

// whiteSpace is what trim takes away: Java's white space, which has no no-break spaces.
const whiteSpace = " \t\n\v\f\r\x1c\x1d\x1e\x1f\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2008\u2009\u200a\u2028\u2029\u205f\u3000"

func init() {
	define(`
length(varchar) bigint = length($1)
length(varbinary) bigint = octet_length($1)
lower(varchar) varchar = lower($1)
upper(varchar) varchar = flowlake_upper($1)
reverse(varchar) varchar = flowlake_reverse($1)
reverse(array(T)) array(T) = list_reverse($1)
strpos(varchar, varchar) bigint = instr($1, $2)
split(varchar, varchar) array(varchar) = flowlake_split($1, $2)
split(varchar, varchar, bigint) array(varchar) = flowlake_split_limit($1, $2, $3)
split_to_map(varchar, varchar, varchar) map(varchar, varchar) = flowlake_split_to_map($1, $2, $3)
split_part(varchar, varchar, bigint) varchar = flowlake_split_part($1, $2, $3)
lpad(varchar, bigint, varchar) varchar = flowlake_lpad($1, $2, $3)
rpad(varchar, bigint, varchar) varchar = flowlake_rpad($1, $2, $3)
chr(bigint) varchar = chr(CAST($1 AS INTEGER))
starts_with(varchar, varchar) boolean = starts_with($1, $2)
levenshtein_distance(varchar, varchar) bigint = flowlake_levenshtein($1, $2)
to_utf8(varchar) varbinary = encode($1)
from_utf8(varbinary) varchar = flowlake_from_utf8($1)
to_hex(varbinary) varchar = hex($1)
from_hex(varchar) varbinary = flowlake_from_hex($1)
to_base64(varbinary) varchar = to_base64($1)
from_base64(varchar) varbinary = from_base64($1)
to_base64url(varbinary) varchar = flowlake_to_base64url($1)
md5(varbinary) varbinary = unhex(md5($1))
sha1(varbinary) varbinary = unhex(sha1($1))
sha256(varbinary) varbinary = unhex(sha256($1))
sha512(varbinary) varbinary = flowlake_sha512($1)
crc32(varbinary) bigint = flowlake_crc32($1)
url_encode(varchar) varchar = flowlake_url_encode($1)
url_decode(varchar) varchar = flowlake_url_decode($1)
url_extract_host(varchar) varchar = flowlake_url_part($1, 'host')
url_extract_path(varchar) varchar = flowlake_url_part($1, 'path')
url_extract_protocol(varchar) varchar = flowlake_url_part($1, 'protocol')
url_extract_query(varchar) varchar = flowlake_url_part($1, 'query')
url_extract_fragment(varchar) varchar = flowlake_url_part($1, 'fragment')
url_extract_port(varchar) bigint = CAST(flowlake_url_part($1, 'port') AS BIGINT)
url_extract_parameter(varchar, varchar) varchar = flowlake_url_parameter($1, $2)
`)
	handlers["substr"] = substr
	handlers["substring"] = substr
	handlers["concat"] = func(c *call) (expr, error) {
		if len(c.args) < 2 {
			return expr{}, c.s.src.fail(c.pos(), functionNotFound, "There must be two or more concatenation arguments to function concat")
		}
		return c.s.concat(c.pos(), c.args)
	}
	handlers["concat_ws"] = concatWS
	handlers["replace"] = replaceText
	handlers["codepoint"] = func(c *call) (expr, error) {
		if len(c.args) != 1 || c.args[0].t.k != varchar {
			return expr{}, c.unexpected("codepoint(varchar(1))")
		}
		if c.args[0].t.p != 1 {
			return expr{}, c.unexpected("codepoint(varchar(1))")
		}
		return made(tInteger, "unicode("+c.args[0].sql+")", c.args...), nil
	}
	for _, n := range []string{"trim", "ltrim", "rtrim"} {
		handlers[n] = func(c *call) (expr, error) {
			if len(c.args) == 0 || len(c.args) > 2 {
				return expr{}, c.unexpected(c.name+"(varchar)", c.name+"(varchar, varchar)")
			}
			var chars *expr
			if len(c.args) == 2 {
				chars = &c.args[1]
			}
			return c.s.trimmed(c.pos(), c.name, c.args[0], chars)
		}
	}
	for name, template := range map[string]string{
		"regexp_like":        "regexp_matches($1, $2)",
		"regexp_extract":     "flowlake_regexp_extract($1, $2, 0)",
		"regexp_extract_all": "regexp_extract_all($1, $2, 0)",
		"regexp_split":       "string_split_regex($1, $2)",
		"regexp_count":       "CAST(len(regexp_extract_all($1, $2, 0)) AS BIGINT)",
		"regexp_replace":     "",
	} {
		handlers[name] = func(c *call) (expr, error) { return c.regexp(template) }
	}
}

func substr(c *call) (expr, error) {
	if len(c.args) == 2 || len(c.args) == 3 {
		from, isConst := c.args[1].whole()
		n, countConst := int64(1), true
		if len(c.args) == 3 {
			n, countConst = c.args[2].whole()
		}
		if isConst && countConst && from > 0 && n >= 0 && (c.args[0].t.k == varchar || c.args[0].t.k == char) {
			e, err := c.apply(substrPlain)
			return e, err
		}
	}
	return c.apply(substrAny)
}

var substrPlain, substrAny []signature

func init() {
	define(`
substr_plain(varchar, bigint) varchar = substr($1, $2)
substr_plain(varchar, bigint, bigint) varchar = substr($1, $2, $3)
substr_any(varchar, bigint) varchar = flowlake_substr($1, $2)
substr_any(varchar, bigint, bigint) varchar = flowlake_substr_length($1, $2, $3)
replace_any(varchar, varchar) varchar = flowlake_replace($1, $2, '')
replace_any(varchar, varchar, varchar) varchar = flowlake_replace($1, $2, $3)
replace_plain(varchar, varchar) varchar = replace($1, $2, '')
replace_plain(varchar, varchar, varchar) varchar = replace($1, $2, $3)
`)
	take := func(name string) []signature {
		list := signatures[name]
		delete(signatures, name)
		for i := range list {
			list[i].text = strings.Replace(list[i].text, name, name[:strings.IndexByte(name, '_')], 1)
		}
		return list
	}
	substrPlain, substrAny = take("substr_plain"), take("substr_any")
	replacePlain, replaceAny = take("replace_plain"), take("replace_any")
}

var replacePlain, replaceAny []signature

func replaceText(c *call) (expr, error) {
	if len(c.args) >= 2 {
		if search, ok := c.args[1].text(); ok && search != "" {
			return c.apply(replacePlain)
		}
	}
	return c.apply(replaceAny)
}

func concatWS(c *call) (expr, error) {
	if len(c.args) < 2 || !c.args[0].t.text() && c.args[0].t.k != unknown {
		return expr{}, c.unexpected("concat_ws(varchar, varchar, ...)", "concat_ws(varchar, array(varchar))")
	}
	sep := c.s.coerced(c.args[0], tVarchar)
	if len(c.args) == 2 && c.args[1].t.k == array && c.args[1].t.elem.k == varchar {
		return made(tVarchar, "flowlake_join("+c.args[1].sql+", "+sep.sql+")", sep, c.args[1]), nil
	}
	texts := []string{sep.sql}
	parts := []expr{sep}
	for _, a := range c.args[1:] {
		if !a.t.text() && a.t.k != unknown {
			return expr{}, c.unexpected("concat_ws(varchar, varchar, ...)", "concat_ws(varchar, array(varchar))")
		}
		a = c.s.coerced(a, tVarchar)
		parts, texts = append(parts, a), append(texts, a.sql)
	}
	return made(tVarchar, "concat_ws("+strings.Join(texts, ", ")+")", parts...), nil
}

func (s *scope) trim(x *sql.Trim) (expr, error) {
	e, err := s.expr(x.X)
	if err != nil {
		return e, err
	}
	var chars *expr
	if x.Chars != nil {
		c, err := s.expr(x.Chars)
		if err != nil {
			return c, err
		}
		chars = &c
	}
	name := map[string]string{"LEADING": "ltrim", "TRAILING": "rtrim"}[x.Side]
	if name == "" {
		name = "trim"
	}
	return s.trimmed(x.Start, name, e, chars)
}

func (s *scope) trimmed(pos int, name string, e expr, chars *expr) (expr, error) {
	parts := []expr{e}
	set := quoteText(whiteSpace)
	if chars != nil {
		parts = append(parts, *chars)
		set = chars.sql
	}
	for _, p := range parts {
		if !p.t.text() && p.t.k != unknown {
			return e, s.unexpected(pos, name, parts, name+"(varchar)", name+"(varchar, varchar)")
		}
	}
	e = s.coerced(e, tVarchar)
	return made(tVarchar, name+"("+e.sql+", "+set+")", parts...), nil
}

// regexp translates a function of regular expressions. Both sides write them alike but for what RE2 leaves
// out; a constant pattern is checked here, any other when it runs.
func (c *call) regexp(template string) (expr, error) {
	n := len(c.args)
	least, most := 2, 2
	if c.name == "regexp_extract" || c.name == "regexp_extract_all" || c.name == "regexp_replace" {
		most = 3
	}
	if n < least || n > most {
		return expr{}, c.unexpected(c.name + "(varchar, varchar)")
	}
	if !c.args[0].t.text() && c.args[0].t.k != unknown || !c.args[1].t.text() && c.args[1].t.k != unknown {
		return expr{}, c.unexpected(c.name + "(varchar, varchar)")
	}
	pattern, constant := c.args[1].text()
	if !constant {
		return expr{}, c.refuse("%s with a pattern that is not constant", c.name)
	}
	tree, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return expr{}, c.refuse("the regular expression %s (%s)", quoteText(pattern), strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
	if part := ambiguousPattern(pattern); part != "" {
		return expr{}, c.refuse("the regular expression %s (%s)", quoteText(pattern), part)
	}
	subject := c.s.coerced(c.args[0], tVarchar)
	args := []string{subject.sql, quoteText(namedGroups(pattern))}
	parts := []expr{subject}
	t := map[string]typ{"regexp_like": tBoolean, "regexp_extract": tVarchar, "regexp_replace": tVarchar,
		"regexp_count": tBigint}[c.name]
	if t.k == unknown {
		t = arrayOf(tVarchar)
	}
	matchesEmpty := emptyMatch(tree)
	switch {
	case c.name == "regexp_replace":
		with := ""
		if n == 3 {
			text, ok := c.args[2].text()
			if !ok {
				return expr{}, c.refuse("regexp_replace with a replacement that is not constant")
			}
			if with, err = c.replacement(text, tree); err != nil {
				return expr{}, err
			}
		}
		if matchesEmpty {
			return expr{}, c.refuse("regexp_replace with a pattern that matches the empty string")
		}
		return made(t, "regexp_replace("+strings.Join(args, ", ")+", "+quoteText(with)+", 'g')", parts...), nil
	case n == 3:
		group, ok := c.args[2].whole()
		if !ok {
			return expr{}, c.refuse("%s with a group that is not constant", c.name)
		}
		if group < 0 || group > int64(tree.MaxCap()) {
			return expr{}, c.s.src.fail(c.pos(), invalidFunction, "Pattern has %d groups. Cannot access group %d", tree.MaxCap(), group)
		}
		template = strings.Replace(template, ", 0)", ", "+itoa(int(group))+")", 1)
		if group > 0 && optionalGroup(tree, int(group)) {
			return expr{}, c.refuse("%s of a group that a match may leave out", c.name)
		}
	}
	if matchesEmpty && c.name != "regexp_like" && c.name != "regexp_extract" {
		return expr{}, c.refuse("%s with a pattern that matches the empty string", c.name)
	}
	return made(t, fill(template, args), parts...), nil
}

// ambiguousPattern names what stands in a pattern that RE2 reads otherwise than Java does; "" is nothing.
func ambiguousPattern(pattern string) string {
	class := false
	for i := 0; i < len(pattern); i++ {
		rest := pattern[i:]
		switch {
		case strings.HasPrefix(rest, `\Q`):
			quoted, _, _ := strings.Cut(rest, `\E`)
			i += len(quoted) + 1
		case rest[0] == '\\':
			i++
		case class && rest[0] == '[', class && strings.HasPrefix(rest, "&&"):
			return "sets in a character class"
		case class:
			class = rest[0] != ']'
		case strings.HasPrefix(rest, "[]"), strings.HasPrefix(rest, "[^]"):
			return "a character class that begins with ]"
		case rest[0] == '[':
			class = true
		case strings.HasPrefix(rest, "(?P<"):
			return "(?P<name>"
		case strings.HasPrefix(rest, "(?") && !strings.HasPrefix(rest, "(?<"):
			if flags := rest[:strings.IndexAny(rest, ":)")]; strings.Contains(flags, "U") {
				return "the flag U"
			}
		}
	}
	return ""
}

// namedGroups spells (?<name>…) as the engine does, (?P<name>…).
func namedGroups(pattern string) string {
	var b strings.Builder
	class := false
	for i := 0; i < len(pattern); i++ {
		switch {
		case pattern[i] == '\\' && i+1 < len(pattern):
			b.WriteByte(pattern[i])
			i++
		case pattern[i] == '[':
			class = true
		case pattern[i] == ']':
			class = false
		case !class && strings.HasPrefix(pattern[i:], "(?<"):
			b.WriteString("(?P")
			i += 2
		}
		b.WriteByte(pattern[i])
	}
	return b.String()
}

// emptyMatch reports whether an expression may match nothing: engines differ in how they go on then.
func emptyMatch(re *syntax.Regexp) bool {
	switch re.Op {
	case syntax.OpLiteral:
		return len(re.Rune) == 0
	case syntax.OpCharClass, syntax.OpAnyChar, syntax.OpAnyCharNotNL, syntax.OpNoMatch:
		return false
	case syntax.OpCapture, syntax.OpPlus:
		return emptyMatch(re.Sub[0])
	case syntax.OpRepeat:
		return re.Min == 0 || emptyMatch(re.Sub[0])
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			if !emptyMatch(sub) {
				return false
			}
		}
		return true
	case syntax.OpAlternate:
		for _, sub := range re.Sub {
			if emptyMatch(sub) {
				return true
			}
		}
		return false
	}
	return true
}

// optionalGroup reports whether a match may leave the group out: NULL to Trino, an empty string to the engine.
func optionalGroup(re *syntax.Regexp, group int) bool {
	var walk func(re *syntax.Regexp, optional bool) bool
	walk = func(re *syntax.Regexp, optional bool) bool {
		if re.Op == syntax.OpCapture && re.Cap == group {
			return optional
		}
		switch re.Op {
		case syntax.OpStar, syntax.OpQuest, syntax.OpAlternate:
			optional = true
		case syntax.OpRepeat:
			optional = optional || re.Min == 0
		}
		for _, sub := range re.Sub {
			if walk(sub, optional) {
				return true
			}
		}
		return false
	}
	return walk(re, false)
}

// replacement rewrites $1 and ${name} as the engine's \1, and drops Java's escapes.
func (c *call) replacement(text string, tree *syntax.Regexp) (string, error) {
	var b strings.Builder
	runes := []rune(text)
	bad := func() (string, error) {
		return "", c.s.src.fail(c.args[2].pos, invalidFunction, "Illegal replacement sequence: %s", text)
	}
	for i := 0; i < len(runes); i++ {
		switch r := runes[i]; r {
		case '\\':
			if i++; i == len(runes) {
				return bad()
			}
			if runes[i] == '\\' {
				b.WriteString(`\\`)
			} else {
				b.WriteRune(runes[i])
			}
		case '$':
			if i+1 == len(runes) {
				return bad()
			}
			group := -1
			if runes[i+1] == '{' {
				end := i + 2
				for end < len(runes) && runes[end] != '}' {
					end++
				}
				if end == len(runes) {
					return bad()
				}
				name := string(runes[i+2 : end])
				for g, n := range tree.CapNames() {
					if n == name && n != "" {
						group = g
					}
				}
				i = end
			} else if unicode.IsDigit(runes[i+1]) && runes[i+1] < 128 {
				group = int(runes[i+1] - '0')
				i++
				// A further digit belongs to the number if there is such a group.
				if i+1 < len(runes) && runes[i+1] >= '0' && runes[i+1] <= '9' && group*10+int(runes[i+1]-'0') <= tree.MaxCap() {
					group = group*10 + int(runes[i+1]-'0')
					i++
				}
			}
			if group < 0 || group > tree.MaxCap() {
				return bad()
			}
			if group > 9 {
				return "", c.refuse("a replacement with group %d", group)
			}
			b.WriteString(`\` + itoa(group))
		default:
			b.WriteRune(r)
		}
	}
	return b.String(), nil
}
