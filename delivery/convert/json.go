package convert

import (
	"bytes"
	"encoding/binary"
	"unicode/utf8"

	"flowlake/columnar"
)

// maxDepth bounds how deep values nest.
const maxDepth = 256

// JSON reads a record: one object or several in a row, with or without blanks between them, each of which is a row. The rows share the
// record's memory. An error is a *Problem, and then the rows mean nothing.
func (c *Converter) JSON(record []byte, r *Rows) error {
	r.begin(c, len(record))
	i := skipBlanks(record, 0)
	if i == len(record) {
		return malformed("The record was empty or contained only whitespace.")
	}
	for i < len(record) {
		if record[i] != '{' {
			end, err := skipValue(record, i, 0)
			if err != nil {
				return err
			}
			if record[i] == '[' {
				return malformed("The record is a JSON array, which is not valid input. Objects stand one behind the other.")
			}
			return malformed("The input JSON contained a primitive at the top level: %.100s", record[i:end])
		}
		end, err := c.object(record, i, r)
		if err != nil {
			return err
		}
		i = skipBlanks(record, end)
	}
	return nil
}

// object reads the object at b[i] as a row, and returns the index behind it.
func (c *Converter) object(b []byte, i int, r *Rows) (int, error) {
	row := r.row()
	i = skipBlanks(b, i+1)
	if i < len(b) && b[i] == '}' {
		return i + 1, nil
	}
	for member := 0; ; member++ {
		if i >= len(b) || b[i] != '"' {
			return 0, parseError(i)
		}
		key, end, err := r.str(b, i)
		if err != nil {
			return 0, err
		}
		var to target
		if member < len(r.guess) && r.guess[member].key == string(key) {
			to = r.guess[member].to
		} else {
			to = c.find(key)
			r.learn(member, key, to)
		}
		if i = skipBlanks(b, end); i >= len(b) || b[i] != ':' {
			return 0, parseError(i)
		}
		i = skipBlanks(b, i+1)
		if to.column < 0 || to.alias && r.marks[to.column] == byName {
			end, err = skipValue(b, i, 1)
		} else {
			r.marks[to.column] = byName
			if to.alias {
				r.marks[to.column] = byAlias
			}
			end, err = c.value(b, i, to.column, &row[to.column], r)
		}
		if err != nil {
			return 0, err
		}
		i = skipBlanks(b, end)
		if i >= len(b) {
			return 0, parseError(i)
		}
		switch b[i] {
		case '}':
			return i + 1, nil
		case ',':
			i = skipBlanks(b, i+1)
		default:
			return 0, parseError(i)
		}
	}
}

// The keys that are remembered: enough for any table, and a bound for records made to fill memory.
const (
	mostGuesses = 512
	longestKey  = 256
)

// learn remembers the key at a place of an object: most records have the same keys in the same order.
func (r *Rows) learn(member int, key []byte, to target) {
	if member >= mostGuesses || len(key) > longestKey {
		return
	}
	if member == len(r.guess) {
		r.guess = append(r.guess, guess{})
	}
	if member < len(r.guess) {
		r.guess[member] = guess{string(key), to}
	}
}

// value reads the value at b[i] into a cell, and returns the index behind it. Of equal keys the last one counts.
func (c *Converter) value(b []byte, i int, column int32, to *cell, r *Rows) (int, error) {
	*to = cell{}
	if i >= len(b) {
		return 0, parseError(i)
	}
	switch first := b[i]; {
	case first == '"':
		text, end, err := r.str(b, i)
		if err != nil {
			return 0, err
		}
		return end, c.fromText(column, text, to)
	case first == '-' || first >= '0' && first <= '9':
		end, err := skipNumber(b, i)
		if err != nil {
			return 0, err
		}
		return end, c.fromNumber(column, b[i:end], to)
	}
	end, err := skipValue(b, i, 1)
	if err != nil {
		return 0, err
	}
	switch b[i] {
	case 'n':
		return end, nil
	case 't', 'f':
		return end, c.fromBool(column, b[i:end], to)
	}
	return end, c.fromComposite(column, b[i:end], to)
}

// str reads the string at b[i]: a slice of b, or of r's memory where it has escapes.
func (r *Rows) str(b []byte, i int) (text []byte, end int, err error) {
	end, escaped, err := skipString(b, i)
	if err != nil {
		return nil, 0, err
	}
	text = b[i+1 : end-1]
	if escaped {
		from := len(r.shared)
		r.shared = columnar.AppendUnescaped(r.shared, text) // never longer than it is written, so the memory for the record is enough
		text = r.shared[from:len(r.shared):len(r.shared)]
	}
	return text, end, nil
}

func skipBlanks(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\t' || b[i] == '\n' || b[i] == '\r') {
		i++
	}
	return i
}

// skipValue returns the index behind the value at b[i], which it checks to its end.
func skipValue(b []byte, i, depth int) (int, error) {
	if i >= len(b) {
		return 0, parseError(i)
	}
	if depth > maxDepth {
		return 0, malformed("The record's values are nested more than %d deep.", maxDepth)
	}
	switch c := b[i]; {
	case c == '"':
		end, _, err := skipString(b, i)
		return end, err
	case c == '{':
		return eachMember(b, i, depth, nil)
	case c == '[':
		return eachElement(b, i, depth, nil)
	case c == '-' || c >= '0' && c <= '9':
		return skipNumber(b, i)
	}
	for _, word := range [...]string{"null", "true", "false"} {
		if bytes.HasPrefix(b[i:], []byte(word)) {
			return i + len(word), nil
		}
	}
	return 0, parseError(i)
}

// eachMember calls do, where there is one, with the key (as it is written, in its quotes) and the value of each of the object's
// members, and returns the index behind the object.
func eachMember(b []byte, i, depth int, do func(key, value []byte) error) (int, error) {
	i = skipBlanks(b, i+1)
	if i < len(b) && b[i] == '}' {
		return i + 1, nil
	}
	for {
		if i >= len(b) || b[i] != '"' {
			return 0, parseError(i)
		}
		end, _, err := skipString(b, i)
		if err != nil {
			return 0, err
		}
		key := b[i:end]
		if i = skipBlanks(b, end); i >= len(b) || b[i] != ':' {
			return 0, parseError(i)
		}
		i = skipBlanks(b, i+1)
		if end, err = skipValue(b, i, depth+1); err != nil {
			return 0, err
		}
		if do != nil {
			if err := do(key, b[i:end]); err != nil {
				return 0, err
			}
		}
		var done bool
		if i, done, err = more(b, end, '}'); done || err != nil {
			return i, err
		}
	}
}

// eachElement calls do, where there is one, with the array's elements, and returns the index behind it.
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
		if do != nil {
			if err := do(b[i:end]); err != nil {
				return 0, err
			}
		}
		var done bool
		if i, done, err = more(b, end, ']'); done || err != nil {
			return i, err
		}
	}
}

// more reads the comma behind an element, or the closing bracket.
func more(b []byte, i int, closing byte) (next int, done bool, err error) {
	i = skipBlanks(b, i)
	switch {
	case i < len(b) && b[i] == closing:
		return i + 1, true, nil
	case i < len(b) && b[i] == ',':
		return skipBlanks(b, i+1), false, nil
	}
	return 0, false, parseError(i)
}

const (
	ones = 0x0101010101010101
	high = 0x8080808080808080
)

// stops reports whether one of the eight bytes is a quote, a backslash or below a blank. It may say so of a byte
// behind one that is.
func stops(word uint64) bool {
	quote, slash := word^(ones*'"'), word^(ones*'\\')
	return ((quote-ones)&^quote|(slash-ones)&^slash|(word-ones*' ')&^word)&high != 0
}

// skipString returns the index behind the string at b[i], and whether it has escapes.
func skipString(b []byte, i int) (end int, escaped bool, err error) {
	begin := i + 1
	var seen byte
	for i = begin; ; {
		for i+8 <= len(b) {
			word := binary.LittleEndian.Uint64(b[i:])
			if stops(word) {
				break
			}
			if word&high != 0 {
				seen = utf8.RuneSelf
			}
			i += 8
		}
		if i >= len(b) {
			return 0, false, parseError(i)
		}
		switch c := b[i]; {
		case c == '"':
			if seen >= utf8.RuneSelf && !utf8.Valid(b[begin:i]) {
				return 0, false, parseError(begin)
			}
			return i + 1, escaped, nil
		case c == '\\':
			escaped = true
			if i++; i >= len(b) {
				return 0, false, parseError(i)
			}
			switch b[i] {
			case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			case 'u':
				if _, ok := columnar.EscapedUnit(b, i+1); !ok {
					return 0, false, parseError(i)
				}
				i += 4
			default:
				return 0, false, parseError(i)
			}
		case c < ' ' && c != '\t': // a raw tab is common in logs and harmless
			return 0, false, parseError(i)
		default:
			seen |= c
		}
		i++
	}
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
		return 0, parseError(i)
	}
	if i = end; i < len(b) && b[i] == '.' {
		if end = digits(b, i+1); end == i+1 {
			return 0, parseError(end)
		}
		i = end
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		if i++; i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		if end = digits(b, i); end == i {
			return 0, parseError(i)
		}
		i = end
	}
	return i, nil
}
