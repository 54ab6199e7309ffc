package grok

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"flowlake/fault"
)

// Glue's limits, in characters, and ours on what the names expand to, in bytes: a few lines
// that each name the one before twice would fill any memory.
const (
	MaxPattern  = 2048
	MaxCustom   = 16000
	maxExpanded = 1 << 18
)

// hiveTypes maps the types that follow the second colon to Hive's.
var hiveTypes = map[string]string{
	"string": "string", "byte": "tinyint", "tinyint": "tinyint", "short": "smallint", "smallint": "smallint",
	"int": "int", "integer": "int", "long": "bigint", "bigint": "bigint", "float": "float", "double": "double",
	"boolean": "boolean", "timestamp": "timestamp", "date": "date",
}

// definition is a named pattern.
type definition struct {
	body string
	line int // of the custom patterns, from 1; 0 for a built-in one
}

// definitions finds patterns by name: custom ones first.
type definitions map[string]definition

func (d definitions) find(name string) (definition, bool) {
	if def, ok := d[name]; ok {
		return def, true
	}
	body, ok := builtin[name]
	return definition{body: body}, ok
}

// parseCustom reads custom patterns: a name, blanks and a regexp on each line; blank lines and lines that
// begin with # say nothing. Of two definitions of a name the later one holds.
func parseCustom(text string) (definitions, error) {
	if n := utf8.RuneCountInString(text); n > MaxCustom {
		return nil, fault.Newf(fault.Invalid, "custom patterns", "%d characters are more than %d", n, MaxCustom)
	}
	defs := definitions{}
	n := 0
	for line := range strings.SplitSeq(text, "\n") {
		n++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		end := strings.IndexAny(line, " \t")
		if end < 0 {
			return nil, fault.Newf(fault.Invalid, "custom patterns", "line %d: %q has a name but no regexp", n, line)
		}
		name := line[:end]
		if !validName(name) {
			return nil, fault.Newf(fault.Invalid, "custom patterns", "line %d: %q is not a name: letters, digits and _ are", n, name)
		}
		defs[name] = definition{body: strings.TrimLeft(line[end:], " \t"), line: n}
	}
	return defs, nil
}

func validName(name string) bool {
	for i := range len(name) {
		c := name[i]
		if c != '_' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return name != ""
}

// expansion turns a Grok text into a regexp, in which group gN captures for the N-th of slots.
type expansion struct {
	defs   definitions
	fields []Field
	slots  []int // of each capturing group gN, the place of its field in fields
	chain  []string
	size   int
	// What stands for lookarounds in the text.
	asserts []*assertion
}

// source is the text being expanded, for messages.
type source struct {
	name string // of a definition; "" for the pattern itself
	def  definition
}

func (s source) fail(at int, format string, args ...any) error {
	obstacle := fmt.Sprintf(format, args...)
	switch {
	case s.name == "":
		return fault.Newf(fault.Invalid, "grok pattern", "at character %d: %s", at+1, obstacle)
	case s.def.line == 0:
		return fault.Newf(fault.Invalid, "grok pattern", "in the built-in %s: %s", s.name, obstacle)
	default:
		return fault.Newf(fault.Invalid, "custom patterns", "line %d: %s: at character %d of its regexp: %s", s.def.line, s.name, at+1, obstacle)
	}
}

// expand returns text with every reference replaced, and refuses what a linear search cannot do.
func (x *expansion) expand(src source, text string) (string, error) {
	if x.size += len(text); x.size > maxExpanded {
		return "", fault.Newf(fault.Invalid, "grok pattern", "with its names expanded it is longer than %d bytes", maxExpanded)
	}
	var b strings.Builder
	quantified := false // the last thing copied was a quantifier
	for i := 0; i < len(text); {
		wasQuantified := quantified
		quantified = false
		switch c := text[i]; {
		case c == '\\':
			n, err := x.escape(src, text, i)
			if err != nil {
				return "", err
			}
			b.WriteString(text[i : i+n])
			i += n
		case c == '[':
			n, err := x.class(src, text, i)
			if err != nil {
				return "", err
			}
			b.WriteString(text[i : i+n])
			i += n
		case strings.HasPrefix(text[i:], "%{"):
			n, out, err := x.reference(src, text, i)
			if err != nil {
				return "", err
			}
			b.WriteString(out)
			i += n
		case strings.HasPrefix(text[i:], "(?"):
			n, out, err := x.group(src, text, i)
			if err != nil {
				return "", err
			}
			b.WriteString(out)
			i += n
		case c == '+' && wasQuantified:
			return "", src.fail(i, "a possessive quantifier %q is not supported: matching here never backtracks at a cost, use %q",
				text[i-1:i+1], text[i-1:i])
		case c >= utf8.RuneSelf:
			r, n := utf8.DecodeRuneInString(text[i:])
			if r >= firstAssertion {
				return "", src.fail(i, "U+%X is not a character that a pattern can have", r)
			}
			b.WriteString(text[i : i+n])
			i += n
		default:
			quantified = c == '*' || c == '+' || c == '?' && !wasQuantified || c == '}'
			b.WriteByte(c)
			i++
		}
	}
	return b.String(), nil
}

// escape returns the length of the escape at i.
func (x *expansion) escape(src source, text string, i int) (int, error) {
	if i+1 == len(text) {
		return 0, src.fail(i, "a \\ with nothing behind it")
	}
	c := text[i+1]
	if c >= '1' && c <= '9' || c == 'k' && i+2 < len(text) && text[i+2] == '<' {
		return 0, src.fail(i, "a backreference (\\%c) is not supported: no search in linear time has it", c)
	}
	if c == 'x' && i+2 < len(text) && text[i+2] == '{' {
		end := strings.IndexByte(text[i:], '}')
		if end < 0 {
			return 0, src.fail(i, `\x{ is not closed`)
		}
		if n, err := strconv.ParseUint(text[i+3:i+end], 16, 32); err != nil || n >= firstAssertion {
			return 0, src.fail(i, "%s is not a character that a pattern can have", text[i:i+end+1])
		}
		return end + 1, nil
	}
	if c == 'Q' { // up to \E, all of it literal
		if end := strings.Index(text[i:], `\E`); end >= 0 {
			return end + 2, nil
		}
		return len(text) - i, nil
	}
	_, size := utf8.DecodeRuneInString(text[i+1:])
	return 1 + size, nil
}

// class returns the length of the bracketed class at i.
func (x *expansion) class(src source, text string, i int) (int, error) {
	j := i + 1
	if j < len(text) && text[j] == '^' {
		j++
	}
	for first := true; j < len(text); first = false {
		switch {
		case text[j] == ']' && !first:
			return j + 1 - i, nil
		case text[j] == '\\':
			j += 2
		case strings.HasPrefix(text[j:], "[:"):
			end := strings.Index(text[j:], ":]")
			if end < 0 {
				return 0, src.fail(j, "[: is not closed")
			}
			j += end + 2
		case text[j] == '[' && !(first && strings.HasPrefix(text[j+1:], "]")):
			return 0, src.fail(j, "a class within a class is not supported; a literal bracket is written \\[")
		case strings.HasPrefix(text[j:], "&&"):
			return 0, src.fail(j, "an intersection of classes (&&) is not supported")
		default:
			j++
		}
	}
	return 0, src.fail(i, "[ is not closed")
}

var lookarounds = []struct{ open, what string }{
	{"(?<=", "a lookbehind"}, {"(?<!", "a negative lookbehind"}, {"(?=", "a lookahead"}, {"(?!", "a negative lookahead"},
	{"(?>", "an atomic group"}, {"(?#", "a comment"}, {"(?(", "a condition"}, {"(?P=", "a backreference"}, {"(?P>", "a subroutine call"},
}

// group handles an opening "(?": a named group becomes a field, flags and plain groups stay.
func (x *expansion) group(src source, text string, i int) (int, string, error) {
	rest := text[i:]
	for kind, l := range lookarounds {
		if !strings.HasPrefix(rest, l.open) {
			continue
		}
		if kind < 4 {
			end := x.groupEnd(text, i)
			if end < 0 {
				return 0, "", src.fail(i, "%s is not closed", l.open)
			}
			if out, ok := x.assert(l.open, text[i+len(l.open):end]); ok {
				return end + 1 - i, out, nil
			}
			return 0, "", src.fail(i, "%s %s…) of more than one character is not supported: no search in linear time has it", l.what, l.open)
		}
		return 0, "", src.fail(i, "%s %s…) is not supported: no search in linear time has it", l.what, l.open)
	}
	for _, open := range []string{"(?P<", "(?<"} {
		if !strings.HasPrefix(rest, open) {
			continue
		}
		end := strings.IndexByte(rest, '>')
		if end < 0 {
			return 0, "", src.fail(i, "%s is not closed", open)
		}
		name := rest[len(open):end]
		if name == "" || strings.ContainsAny(name, " ()[]{}%\\") {
			return 0, "", src.fail(i, "%q is not a name for a group", name)
		}
		g, err := x.capture(src, i, name, "string")
		return end + 1, g, err
	}
	return 2, "(?", nil
}

// capture opens a group for a field and returns its beginning.
func (x *expansion) capture(src source, at int, name, hiveType string) (string, error) {
	name = strings.ToLower(name)
	slot := slices.IndexFunc(x.fields, func(f Field) bool { return f.Name == name })
	if slot < 0 {
		slot = len(x.fields)
		x.fields = append(x.fields, Field{Name: name, Type: hiveType})
	} else if x.fields[slot].Type != hiveType {
		return "", src.fail(at, "field %s is of type %s here and of type %s before", name, hiveType, x.fields[slot].Type)
	}
	x.slots = append(x.slots, slot)
	return fmt.Sprintf("(?P<g%d>", len(x.slots)-1), nil
}

// ref is a parsed %{NAME:field:type}.
type ref struct {
	name, field, hiveType string
	length                int
}

// parseRef reads the reference at the beginning of text.
func parseRef(text string) (ref, error) {
	end := strings.IndexByte(text, '}')
	if end < 0 {
		return ref{}, fmt.Errorf("%%{ is not closed")
	}
	r := ref{length: end + 1, hiveType: "string"}
	inner := text[2:end]
	split := func() string { // ";" is java-grok's separator, ":" Glue's
		i := strings.IndexAny(inner, ":;")
		if i < 0 {
			part := inner
			inner = ""
			return part
		}
		part := inner[:i]
		inner = inner[i+1:]
		if inner == "" {
			inner = ":" // something ought to follow: leaves an empty part to complain of
		}
		return part
	}
	r.name = split()
	if !validName(r.name) {
		return ref{}, fmt.Errorf("%q is not the name of a pattern", r.name)
	}
	if inner == "" {
		return r, nil
	}
	r.field = split()
	if strings.TrimSpace(r.field) == "" || strings.ContainsAny(r.field, "(){}[]\\%\"'`,") {
		return ref{}, fmt.Errorf("%q in %s is not a name for a field", r.field, text[:end+1])
	}
	if r.field == "UNWANTED" { // how Glue's own list spells "no field"
		r.field = ""
	}
	if inner == "" {
		return r, nil
	}
	kind := split()
	if inner != "" && kind != "" {
		return ref{}, fmt.Errorf("%s has more behind its type; a date's format is not supported, use string", text[:end+1])
	}
	hive, ok := hiveTypes[strings.ToLower(kind)]
	if !ok {
		return ref{}, fmt.Errorf("%q in %s is not a type; known are %s", kind, text[:end+1],
			strings.Join(slices.Sorted(maps.Keys(hiveTypes)), ", "))
	}
	r.hiveType = hive
	return r, nil
}

// reference expands the %{…} at i and returns its length and its regexp.
func (x *expansion) reference(src source, text string, i int) (int, string, error) {
	r, err := parseRef(text[i:])
	if err != nil {
		return 0, "", src.fail(i, "%v", err)
	}
	def, ok := x.defs.find(r.name)
	if !ok {
		return 0, "", src.fail(i, "no pattern is named %s%s", r.name, x.suggestName(r.name))
	}
	if slices.Contains(x.chain, r.name) {
		return 0, "", src.fail(i, "pattern %s contains itself: %s", r.name, strings.Join(append(x.chain, r.name), " → "))
	}
	open := "(?:"
	if r.field != "" {
		if open, err = x.capture(src, i, r.field, r.hiveType); err != nil {
			return 0, "", err
		}
	}
	x.chain = append(x.chain, r.name)
	body, err := x.expand(source{name: r.name, def: def}, def.body)
	if err != nil {
		return 0, "", err
	}
	x.chain = x.chain[:len(x.chain)-1]
	return r.length, open + body + ")", nil
}

// suggestName hints at a name that differs in case only, or has this one as a part.
func (x *expansion) suggestName(name string) string {
	names := slices.Collect(maps.Keys(builtin))
	names = slices.AppendSeq(names, maps.Keys(x.defs))
	slices.Sort(names)
	for _, n := range names {
		if strings.EqualFold(n, name) {
			return "; did you mean " + n + "?"
		}
	}
	for _, n := range names {
		if len(name) > 2 && (strings.HasPrefix(n, strings.ToUpper(name)) || strings.HasPrefix(strings.ToUpper(name), n) && len(n) > 2) {
			return "; did you mean " + n + "?"
		}
	}
	return ""
}
