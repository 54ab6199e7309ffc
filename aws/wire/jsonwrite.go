package wire

import (
	"encoding/base64"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

// appendJSON writes v in awsJson: members that are nil, and enums that are empty, are left out; empty lists and
// maps that are not nil are written.
func appendJSON(dst []byte, s *shape, v reflect.Value) ([]byte, error) {
	var err error
	switch s.kind {
	case kindPointer:
		if v.IsNil() {
			return append(dst, "null"...), nil
		}
		return appendJSON(dst, s.elem, v.Elem())
	case kindStruct:
		dst = append(dst, '{')
		first := true
		for _, f := range s.fields {
			member := v.Field(f.index)
			if absent(f.shape, member) {
				continue
			}
			if !first {
				dst = append(dst, ',')
			}
			first = false
			dst = append(append(append(dst, '"'), f.wire...), '"', ':')
			if dst, err = appendJSON(dst, f.shape, member); err != nil {
				return nil, fmt.Errorf("member %s: %w", f.name, err)
			}
		}
		return append(dst, '}'), nil
	case kindList:
		dst = append(dst, '[')
		for i := range v.Len() {
			if i > 0 {
				dst = append(dst, ',')
			}
			if dst, err = appendJSON(dst, s.elem, v.Index(i)); err != nil {
				return nil, err
			}
		}
		return append(dst, ']'), nil
	case kindMap:
		dst = append(dst, '{')
		for i, key := range sortedKeys(v) {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(appendQuoted(dst, key.String()), ':')
			if dst, err = appendJSON(dst, s.elem, v.MapIndex(key)); err != nil {
				return nil, err
			}
		}
		return append(dst, '}'), nil
	case kindString:
		return appendQuoted(dst, v.String()), nil
	case kindBool:
		return strconv.AppendBool(dst, v.Bool()), nil
	case kindInt:
		return strconv.AppendInt(dst, v.Int(), 10), nil
	case kindFloat:
		return appendFloat(dst, v.Float(), s.typ.Bits(), true), nil
	case kindBlob:
		dst = append(dst, '"')
		dst = base64.StdEncoding.AppendEncode(dst, v.Bytes())
		return append(dst, '"'), nil
	case kindTime:
		return appendEpoch(dst, v.Interface().(time.Time)), nil
	}
	return nil, fmt.Errorf("%s cannot be written", s.typ)
}

// absent reports whether a member is left out of an answer.
func absent(s *shape, v reflect.Value) bool {
	switch s.kind {
	case kindPointer, kindList, kindMap, kindBlob, kindOther:
		return v.IsNil()
	case kindString: // not a pointer: an enum
		return v.Len() == 0
	}
	return false
}

func sortedKeys(v reflect.Value) []reflect.Value {
	keys := v.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int {
		if a.String() < b.String() {
			return -1
		}
		return 1
	})
	return keys
}

// appendFloat writes a number; what JSON cannot write becomes a string.
func appendFloat(dst []byte, f float64, bits int, quoted bool) []byte {
	word := ""
	switch {
	case math.IsNaN(f):
		word = "NaN"
	case math.IsInf(f, 1):
		word = "Infinity"
	case math.IsInf(f, -1):
		word = "-Infinity"
	}
	if word != "" {
		if quoted {
			word = `"` + word + `"`
		}
		return append(dst, word...)
	}
	format := byte('f')
	if abs := math.Abs(f); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		format = 'e'
	}
	return strconv.AppendFloat(dst, f, format, -1, bits)
}

// appendQuoted writes a JSON string. Bytes that are not UTF-8 become U+FFFD.
func appendQuoted(dst []byte, s string) []byte {
	dst = append(dst, '"')
	begin := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r != utf8.RuneError || size > 1 {
				i += size
				continue
			}
		}
		dst = append(dst, s[begin:i]...)
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\t':
			dst = append(dst, '\\', 't')
		case '\r':
			dst = append(dst, '\\', 'r')
		default:
			if c >= utf8.RuneSelf {
				dst = append(dst, "\uFFFD"...)
			} else {
				dst = append(dst, '\\', 'u', '0', '0', upperHex[c>>4], upperHex[c&15])
			}
		}
		i++
		begin = i
	}
	dst = append(dst, s[begin:]...)
	return append(dst, '"')
}
