package columnar

import (
	"bytes"
	"errors"
	"unicode/utf16"
	"unicode/utf8"
)

// A strict reader of JSON text (RFC 8259) that finds where values begin and end and builds no tree.

var errJSON = errors.New("not valid JSON")

// maxJSONDepth bounds how deep values nest.
const maxJSONDepth = 256

func skipBlanks(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\t' || b[i] == '\n' || b[i] == '\r') {
		i++
	}
	return i
}

// skipValue returns the index behind the value that begins at i.
func skipValue(b []byte, i, depth int) (int, error) {
	if i >= len(b) || depth > maxJSONDepth {
		return 0, errJSON
	}
	switch c := b[i]; {
	case c == '"':
		return skipString(b, i)
	case c == '{':
		return eachMember(b, i, depth, func([]byte, []byte) error { return nil })
	case c == '[':
		return eachElement(b, i, depth, func([]byte) error { return nil })
	case c == '-' || c >= '0' && c <= '9':
		return skipNumber(b, i)
	}
	for _, word := range []string{"true", "false", "null"} {
		if len(b)-i >= len(word) && string(b[i:i+len(word)]) == word {
			return i + len(word), nil
		}
	}
	return 0, errJSON
}

func skipString(b []byte, i int) (int, error) {
	for i++; i < len(b); i++ {
		switch c := b[i]; {
		case c == '"':
			return i + 1, nil
		case c == '\\':
			i++
			if i == len(b) {
				return 0, errJSON
			}
			switch b[i] {
			case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			case 'u':
				if _, ok := hex4(b, i+1); !ok {
					return 0, errJSON
				}
				i += 4
			default:
				return 0, errJSON
			}
		case c < ' ' && c != '\t': // a raw tab is common in logs and harmless
			return 0, errJSON
		}
	}
	return 0, errJSON
}

func hex4(b []byte, i int) (rune, bool) {
	if i+4 > len(b) {
		return 0, false
	}
	var r rune
	for _, c := range b[i : i+4] {
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return r, true
}

func digits(b []byte, i int) int {
	for i < len(b) && b[i] >= '0' && b[i] <= '9' {
		i++
	}
	return i
}

func skipNumber(b []byte, i int) (int, error) {
	if b[i] == '-' {
		i++
	}
	end := digits(b, i)
	if end == i || b[i] == '0' && end > i+1 {
		return 0, errJSON
	}
	if i = end; i < len(b) && b[i] == '.' {
		if end = digits(b, i+1); end == i+1 {
			return 0, errJSON
		}
		i = end
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		if i++; i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		if end = digits(b, i); end == i {
			return 0, errJSON
		}
		i = end
	}
	return i, nil
}

// eachMember calls do with the members of the object at b[i]: the key as it is written, quotes and all,
// and the value's bytes. It returns the index behind the object.
func eachMember(b []byte, i, depth int, do func(key, value []byte) error) (int, error) {
	i = skipBlanks(b, i+1)
	if i < len(b) && b[i] == '}' {
		return i + 1, nil
	}
	for {
		if i >= len(b) || b[i] != '"' {
			return 0, errJSON
		}
		end, err := skipString(b, i)
		if err != nil {
			return 0, err
		}
		key := b[i:end]
		if i = skipBlanks(b, end); i >= len(b) || b[i] != ':' {
			return 0, errJSON
		}
		i = skipBlanks(b, i+1)
		if end, err = skipValue(b, i, depth+1); err != nil {
			return 0, err
		}
		if err := do(key, b[i:end]); err != nil {
			return 0, err
		}
		i = skipBlanks(b, end)
		if i >= len(b) {
			return 0, errJSON
		}
		switch b[i] {
		case '}':
			return i + 1, nil
		case ',':
			i = skipBlanks(b, i+1)
		default:
			return 0, errJSON
		}
	}
}

// eachElement calls do with the elements of the array at b[i], and returns the index behind it.
func eachElement(b []byte, i, depth int, do func(value []byte) error) (int, error) {
	i = skipBlanks(b, i+1)
	if i < len(b) && b[i] == ']' {
		return i + 1, nil
	}
	for {
		end, err := skipValue(b, i, depth+1)
		if err != nil {
			return 0, err
		}
		if err := do(b[i:end]); err != nil {
			return 0, err
		}
		i = skipBlanks(b, end)
		if i >= len(b) {
			return 0, errJSON
		}
		switch b[i] {
		case ']':
			return i + 1, nil
		case ',':
			i = skipBlanks(b, i+1)
		default:
			return 0, errJSON
		}
	}
}

// unquote returns what a string literal stands for: a slice of it, or *buffer with the escapes resolved.
func unquote(literal []byte, buffer *[]byte) []byte {
	s := literal[1 : len(literal)-1]
	if bytes.IndexByte(s, '\\') < 0 {
		return s
	}
	out := (*buffer)[:0]
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			out = append(out, s[i])
			continue
		}
		i++
		switch s[i] {
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		case 'u':
			r, _ := hex4(s, i+1)
			i += 4
			if utf16.IsSurrogate(r) {
				low, ok := rune(0), false
				if i+2 < len(s) && s[i+1] == '\\' && s[i+2] == 'u' {
					low, ok = hex4(s, i+3)
				}
				if r = utf16.DecodeRune(r, low); ok && r != utf8.RuneError {
					i += 6
				}
			}
			out = utf8.AppendRune(out, r)
		default:
			out = append(out, s[i])
		}
	}
	*buffer = out
	return out
}
