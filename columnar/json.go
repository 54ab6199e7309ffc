package columnar

import (
	"bytes"
	"errors"
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
				if _, ok := EscapedUnit(b, i+1); !ok {
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
	*buffer = AppendUnescaped((*buffer)[:0], s)
	return *buffer
}
