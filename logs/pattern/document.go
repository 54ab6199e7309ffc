package pattern

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// node is a value of a JSON document, as it is written there, without blanks around it. It was found to be well formed.
type node string

// document reads a message that is one JSON array or object, with blanks around it at most.
func document(message string) (node, bool) {
	text := strings.Trim(message, blanks)
	if text == "" || text[0] != '{' && text[0] != '[' {
		return "", false
	}
	end, ok := valueEnd(text, 0, 0)
	return node(text), ok && end == len(text)
}

// valueEnd returns where the value that begins at i ends, if it is well formed.
func valueEnd(s string, i, depth int) (end int, ok bool) {
	if i >= len(s) || depth > maxMessages {
		return i, false
	}
	switch s[i] {
	case '{', '[':
		return nestEnd(s, i, depth)
	case '"':
		return stringEnd(s, i)
	case 't':
		return i + 4, strings.HasPrefix(s[i:], "true")
	case 'f':
		return i + 5, strings.HasPrefix(s[i:], "false")
	case 'n':
		return i + 4, strings.HasPrefix(s[i:], "null")
	}
	return numberEnd(s, i)
}

// nestEnd finds the end of an array or object.
func nestEnd(s string, i, depth int) (end int, ok bool) {
	object := s[i] == '{'
	i = skipBlanks(s, i+1)
	if i < len(s) && s[i] == closer(object) {
		return i + 1, true
	}
	for {
		if object {
			if i >= len(s) || s[i] != '"' {
				return i, false
			}
			if i, ok = stringEnd(s, i); !ok {
				return i, false
			}
			if i = skipBlanks(s, i); i >= len(s) || s[i] != ':' {
				return i, false
			}
			i = skipBlanks(s, i+1)
		}
		if i, ok = valueEnd(s, i, depth+1); !ok {
			return i, false
		}
		if i = skipBlanks(s, i); i >= len(s) {
			return i, false
		}
		switch s[i] {
		case closer(object):
			return i + 1, true
		case ',':
			i = skipBlanks(s, i+1)
		default:
			return i, false
		}
	}
}

func closer(object bool) byte {
	if object {
		return '}'
	}
	return ']'
}

func skipBlanks(s string, i int) int {
	for i < len(s) && isBlank(s[i]) {
		i++
	}
	return i
}

func stringEnd(s string, i int) (end int, ok bool) {
	for i++; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return i + 1, true
		case c < ' ':
			return i, false
		case c == '\\':
			if i++; i >= len(s) {
				return i, false
			}
			if s[i] == 'u' {
				if i+4 >= len(s) {
					return i, false
				}
				if _, err := strconv.ParseUint(s[i+1:i+5], 16, 16); err != nil {
					return i, false
				}
				i += 4
			} else if strings.IndexByte(`"\/bfnrt`, s[i]) < 0 {
				return i, false
			}
		}
	}
	return i, false
}

func numberEnd(s string, i int) (end int, ok bool) {
	digits := func() bool {
		start := i
		for i < len(s) && s[i] >= '0' && s[i] <= '9' {
			i++
		}
		return i > start
	}
	if i < len(s) && s[i] == '-' {
		i++
	}
	if i < len(s) && s[i] == '0' {
		i++
	} else if !digits() {
		return i, false
	}
	if i < len(s) && s[i] == '.' {
		if i++; !digits() {
			return i, false
		}
	}
	if i < len(s) && (s[i] == 'e' || s[i] == 'E') {
		if i++; i < len(s) && (s[i] == '+' || s[i] == '-') {
			i++
		}
		if !digits() {
			return i, false
		}
	}
	return i, true
}

// children yields an array's elements, or an object's members with their names as they are written.
func (n node) children(yield func(name, value node) bool) {
	s := string(n)
	object := s[0] == '{'
	i := skipBlanks(s, 1)
	for i < len(s)-1 {
		var name node
		if object {
			end, _ := stringEnd(s, i)
			name = n[i:end]
			i = skipBlanks(s, skipBlanks(s, end)+1)
		}
		end, _ := valueEnd(s, i, 0)
		if !yield(name, n[i:end]) {
			return
		}
		i = skipBlanks(s, skipBlanks(s, end)+1)
	}
}

// scalar returns a string's text, or a number as it is written; ok is false for other values.
func (n node) scalar() (text string, ok bool) {
	switch c := n[0]; {
	case c == '"':
		inside := string(n[1 : len(n)-1])
		if strings.IndexByte(inside, '\\') < 0 {
			return inside, true
		}
		return unescape(inside), true
	case c == '-' || c >= '0' && c <= '9':
		return string(n), true
	}
	return "", false
}

// unescape reads the inside of a well-formed string.
func unescape(s string) string {
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			b = append(b, s[i])
			continue
		}
		i++
		switch s[i] {
		case 'u':
			r := hexRune(s[i+1:])
			i += 4
			if utf16.IsSurrogate(r) {
				if strings.HasPrefix(s[i+1:], `\u`) {
					if pair := utf16.DecodeRune(r, hexRune(s[i+3:])); pair != utf8.RuneError {
						b = utf8.AppendRune(b, pair)
						i += 6
						continue
					}
				}
				r = utf8.RuneError
			}
			b = utf8.AppendRune(b, r)
		default:
			b = append(b, "\"\\/\b\f\n\r\t"[strings.IndexByte(`"\/bfnrt`, s[i])])
		}
	}
	return string(b)
}

// hexRune reads four hexadecimal digits.
func hexRune(s string) rune {
	n, _ := strconv.ParseUint(s[:4], 16, 16)
	return rune(n)
}
