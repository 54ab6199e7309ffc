package crawler

import (
	"regexp"
	"strings"

	"flowlake/fault"
)

// compileGlob compiles one of Glue's exclude patterns. It matches whole paths, relative to the include
// path: * is any run of characters within a folder's name, ** crosses folders, ? is one character, [a-z]
// and [!a-z] are sets, {a,b} is one of several, \ takes the next character as it is. A leading dot is
// a character like others.
//
// Source: Glue developer guide, "Include and exclude patterns"
func compileGlob(pattern string) (*regexp.Regexp, error) {
	invalid := func(what string) error { return fault.Newf(fault.Invalid, "exclude pattern "+pattern, "%s", what) }
	if pattern == "" || len(pattern) > 1024 {
		return nil, fault.Newf(fault.Invalid, "exclude pattern", "it has %d bytes; 1 to 1,024 are allowed", len(pattern))
	}
	var b strings.Builder
	b.WriteString(`(?s)^(?:`)
	runes := []rune(pattern)
	group := false
	for i := 0; i < len(runes); i++ {
		switch r := runes[i]; r {
		case '*':
			if i+1 < len(runes) && runes[i+1] == '*' {
				i++
				b.WriteString(`.*`)
			} else {
				b.WriteString(`[^/]*`)
			}
		case '?':
			b.WriteString(`[^/]`)
		case '\\':
			if i++; i == len(runes) {
				return nil, invalid(`it ends with a single \`)
			}
			b.WriteString(regexp.QuoteMeta(string(runes[i])))
		case '{':
			if group {
				return nil, invalid("groups in braces cannot be nested")
			}
			group = true
			b.WriteString(`(?:`)
		case '}':
			if !group {
				b.WriteString(`\}`)
				continue
			}
			group = false
			b.WriteString(`)`)
		case ',':
			if group {
				b.WriteByte('|')
			} else {
				b.WriteByte(',')
			}
		case '[':
			set, end, ok := globSet(runes[i+1:])
			if !ok {
				return nil, invalid("a bracket is not closed, or is empty")
			}
			b.WriteString(set)
			i += end + 1
		default:
			b.WriteString(regexp.QuoteMeta(string(r)))
		}
	}
	if group {
		return nil, invalid("a brace is not closed")
	}
	b.WriteString(`)$`)
	re, err := regexp.Compile(b.String())
	if err != nil {
		return nil, invalid(err.Error())
	}
	return re, nil
}

// globSet writes a bracket expression, whose runes follow the bracket, as a regular expression; end is
// the place of the closing bracket.
func globSet(runes []rune) (set string, end int, ok bool) {
	var b strings.Builder
	b.WriteByte('[')
	i := 0
	if i < len(runes) && runes[i] == '!' {
		b.WriteString("^/")
		i++
	}
	first := i
	for ; i < len(runes); i++ {
		switch r := runes[i]; {
		case r == ']' && i > first:
			b.WriteByte(']')
			return b.String(), i, true
		case r == '-' && i > first && i+1 < len(runes) && runes[i+1] != ']':
			b.WriteByte('-')
		case r == '/':
			return "", 0, false
		default: // within brackets *, ? and \ stand for themselves
			if r == '-' { // QuoteMeta does not know of sets
				b.WriteByte('\\')
			}
			b.WriteString(regexp.QuoteMeta(string(r)))
		}
	}
	return "", 0, false
}
