package sql

import (
	"fmt"
	"strings"
)

// QuoteIdent writes name as an identifier of a query: in double quotes.
func QuoteIdent(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// QuoteString writes value as a string literal of a query.
func QuoteString(value string) string { return "'" + strings.ReplaceAll(value, "'", "''") + "'" }

// QuoteHiveIdent writes name as an identifier of DDL: in backticks.
func QuoteHiveIdent(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

// QuoteHiveString writes value as a string literal of DDL, control characters and backslashes
// escaped.
func QuoteHiveString(value string) string {
	var b strings.Builder
	b.WriteByte('\'')
	for _, r := range value {
		switch r {
		case '\'':
			b.WriteString(`\'`)
		case '\\':
			b.WriteString(`\\`)
		case '\n':
			b.WriteString(`\n`)
		case '\r':
			b.WriteString(`\r`)
		case '\t':
			b.WriteString(`\t`)
		default:
			if r < ' ' || r == 0x7f {
				fmt.Fprintf(&b, `\u%04x`, r)
			} else {
				b.WriteRune(r)
			}
		}
	}
	b.WriteByte('\'')
	return b.String()
}

// unquote removes the quotes of a literal or identifier and halves the doubled ones inside.
func unquote(s string) string {
	quote := s[len(s)-1:]
	s = s[1 : len(s)-1]
	if !strings.Contains(s, quote) {
		return s
	}
	return strings.ReplaceAll(s, quote+quote, quote)
}

// unquoteHive is unquote for the strings of DDL, where a backslash escapes.
//
// Source: Hive's language manual, "Literals", and the escapes that its own SHOW CREATE TABLE writes
func unquoteHive(s string) string {
	quote := s[0]
	s = s[1 : len(s)-1]
	if strings.IndexByte(s, '\\') < 0 && strings.IndexByte(s, quote) < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == quote { // doubled
			b.WriteByte(quote)
			i++
			continue
		}
		if c != '\\' || i+1 == len(s) {
			b.WriteByte(c)
			continue
		}
		if r, n := escapedNumber(s[i+1:]); n > 0 {
			b.WriteRune(r)
			i += n
			continue
		}
		i++
		switch c := s[i]; c {
		case '0':
			b.WriteByte(0)
		case 'b':
			b.WriteByte('\b')
		case 'n':
			b.WriteByte('\n')
		case 'r':
			b.WriteByte('\r')
		case 't':
			b.WriteByte('\t')
		case 'Z':
			b.WriteByte(0x1a)
		case '%', '_': // kept for LIKE
			b.WriteByte('\\')
			b.WriteByte(c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// escapedNumber reads what stands behind a backslash as \001 (octal) or \u0001, and how long it is.
func escapedNumber(s string) (rune, int) {
	if len(s) >= 5 && s[0] == 'u' {
		if r, ok := hex(s[1:5]); ok {
			return r, 5
		}
	}
	if len(s) >= 3 && (s[0] == '0' || s[0] == '1') && isOctal(s[1]) && isOctal(s[2]) {
		return rune(s[0]-'0')<<6 | rune(s[1]-'0')<<3 | rune(s[2]-'0'), 3
	}
	return 0, 0
}

func isOctal(c byte) bool { return '0' <= c && c <= '7' }

// hex reads hexadecimal digits, all of s.
func hex(s string) (rune, bool) {
	var r rune
	for i := range len(s) {
		c := s[i]
		switch {
		case isDigit(c):
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, len(s) > 0
}
