package wire

import (
	"bytes"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// What the reflective codec and the decoders of hot operations have in common: the parts of JSON's grammar
// that are easy to get wrong. They read data from pos on, and return where they stopped.

// Unescape appends the rest of a JSON string, from its first escape up to its closing quote, behind which it stops. A
// lone half of a surrogate pair becomes U+FFFD. What it appends is never longer than what it reads. The caller checks that the
// whole is UTF-8; problem is empty, or says what is wrong.
func Unescape(dst, data []byte, pos int) (out []byte, next int, problem string) {
	for pos < len(data) {
		c := data[pos]
		pos++
		switch {
		case c == '"':
			return dst, pos, ""
		case c < ' ':
			return dst, pos, "a string has a control character"
		case c != '\\':
			dst = append(dst, c)
			continue
		}
		if pos == len(data) {
			break
		}
		c = data[pos]
		pos++
		if i := strings.IndexByte(`"\/bfnrt`, c); i >= 0 {
			dst = append(dst, "\"\\/\b\f\n\r\t"[i])
			continue
		}
		high, ok := hex4(data[pos:])
		if c != 'u' || !ok {
			return dst, pos, "a string has an unknown escape"
		}
		pos += 4
		if utf16.IsSurrogate(high) && bytes.HasPrefix(data[pos:], []byte(`\u`)) {
			low, ok := hex4(data[pos+2:])
			if pair := utf16.DecodeRune(high, low); ok && pair != utf8.RuneError {
				dst = utf8.AppendRune(dst, pair)
				pos += 6
				continue
			}
		}
		dst = utf8.AppendRune(dst, high) // a lone surrogate is written as U+FFFD
	}
	return dst, pos, "a string does not end"
}

// hex4 reads four hex digits.
func hex4(data []byte) (rune, bool) {
	if len(data) < 4 {
		return 0, false
	}
	var c rune
	for _, d := range data[:4] {
		if !isHex(d) {
			return 0, false
		}
		c = c<<4 | rune(unhex(d))
	}
	return c, true
}

// SkipNumber passes over a number, as JSON's grammar has it.
func SkipNumber(data []byte, pos int) (next int, ok bool) {
	digits := func() bool {
		from := pos
		for pos < len(data) && isDigit(data[pos]) {
			pos++
		}
		return pos > from
	}
	one := func(set string) bool {
		if pos < len(data) && strings.IndexByte(set, data[pos]) >= 0 {
			pos++
			return true
		}
		return false
	}
	one("-")
	ok = one("0") || digits()
	if ok && one(".") {
		ok = digits()
	}
	if ok && one("eE") {
		one("+-")
		ok = digits()
	}
	return pos, ok
}
