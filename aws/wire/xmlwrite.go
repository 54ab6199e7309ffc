package wire

import (
	"encoding/base64"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

const xmlHeader = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"

// appendResult writes a Query answer: <XResponse><XResult>…</XResult><ResponseMetadata>….
func appendResult(dst []byte, operation, namespace, requestID string, s *shape, v reflect.Value) ([]byte, error) {
	dst = append(dst, "<"+operation+`Response xmlns="`...)
	dst = appendText(dst, namespace)
	dst = append(dst, `"><`+operation+"Result>"...)
	dst, err := appendXML(dst, "member", s, v)
	if err != nil {
		return nil, err
	}
	dst = append(dst, "</"+operation+"Result><ResponseMetadata><RequestId>"...)
	dst = appendText(dst, requestID)
	return append(dst, "</RequestId></ResponseMetadata></"+operation+"Response>\n"...), nil
}

// appendXML writes the inside of v's element; item is what the elements of lists are called.
func appendXML(dst []byte, item string, s *shape, v reflect.Value) ([]byte, error) {
	var err error
	switch s.kind {
	case kindPointer:
		if v.IsNil() {
			return dst, nil
		}
		return appendXML(dst, item, s.elem, v.Elem())
	case kindStruct:
		for _, f := range s.fields {
			member := v.Field(f.index)
			if absent(f.shape, member) {
				continue
			}
			if dst, err = appendElement(dst, item, f.wire, f.shape, member); err != nil {
				return nil, err
			}
		}
		return dst, nil
	case kindList:
		for i := range v.Len() {
			if dst, err = appendElement(dst, item, item, s.elem, v.Index(i)); err != nil {
				return nil, err
			}
		}
		return dst, nil
	case kindMap:
		for _, key := range sortedKeys(v) {
			dst = append(dst, "<entry><key>"...)
			dst = append(appendText(dst, key.String()), "</key>"...)
			if dst, err = appendElement(dst, item, "value", s.elem, v.MapIndex(key)); err != nil {
				return nil, err
			}
			dst = append(dst, "</entry>"...)
		}
		return dst, nil
	case kindString:
		return appendText(dst, v.String()), nil
	case kindBool:
		return strconv.AppendBool(dst, v.Bool()), nil
	case kindInt:
		return strconv.AppendInt(dst, v.Int(), 10), nil
	case kindFloat:
		return appendFloat(dst, v.Float(), s.typ.Bits(), false), nil
	case kindBlob:
		return base64.StdEncoding.AppendEncode(dst, v.Bytes()), nil
	case kindTime:
		return v.Interface().(time.Time).UTC().AppendFormat(dst, "2006-01-02T15:04:05.999Z07:00"), nil
	}
	return nil, fmt.Errorf("%s cannot be written", s.typ)
}

func appendElement(dst []byte, item, name string, s *shape, v reflect.Value) ([]byte, error) {
	dst = append(append(append(dst, '<'), name...), '>')
	dst, err := appendXML(dst, item, s, v)
	if err != nil {
		return nil, fmt.Errorf("member %s: %w", name, err)
	}
	return append(append(append(dst, "</"...), name...), '>'), nil
}

// appendText writes character data. What XML 1.0 cannot carry becomes U+FFFD.
func appendText(dst []byte, s string) []byte {
	for i, r := range s {
		switch {
		case r == '&':
			dst = append(dst, "&amp;"...)
		case r == '<':
			dst = append(dst, "&lt;"...)
		case r == '>':
			dst = append(dst, "&gt;"...)
		case r == '"':
			dst = append(dst, "&quot;"...)
		case r == '\r':
			dst = append(dst, "&#13;"...)
		case r < ' ' && r != '\t' && r != '\n', r == 0xFFFE, r == 0xFFFF:
			dst = append(dst, "\uFFFD"...)
		case r == utf8.RuneError:
			dst = append(dst, "\uFFFD"...)
		default:
			dst = append(dst, s[i:i+utf8.RuneLen(r)]...)
		}
	}
	return dst
}

// appendQueryError writes Query's envelope.
func appendQueryError(dst []byte, namespace, requestID string, e *Error) []byte {
	kind := "Sender"
	if e.Status >= 500 {
		kind = "Receiver"
	}
	dst = append(dst, `<ErrorResponse xmlns="`...)
	dst = appendText(dst, namespace)
	dst = append(dst, `"><Error><Type>`+kind+"</Type>"...)
	dst = appendErrorFields(dst, e)
	dst = append(dst, "</Error><RequestId>"...)
	dst = appendText(dst, requestID)
	return append(dst, "</RequestId></ErrorResponse>\n"...)
}

// appendRestError writes S3's envelope.
func appendRestError(dst []byte, resource, requestID, hostID string, e *Error) []byte {
	dst = append(dst, xmlHeader+"<Error>"...)
	dst = appendErrorFields(dst, e)
	for _, part := range [][2]string{{"Resource", resource}, {"RequestId", requestID}, {"HostId", hostID}} {
		dst = append(dst, "<"+part[0]+">"...)
		dst = append(appendText(dst, part[1]), "</"+part[0]+">"...)
	}
	return append(dst, "</Error>\n"...)
}

func appendErrorFields(dst []byte, e *Error) []byte {
	dst = append(appendText(append(dst, "<Code>"...), e.Code), "</Code><Message>"...)
	dst = append(appendText(dst, e.Message), "</Message>"...)
	for _, name := range sortedFields(e) {
		dst = append(dst, "<"+name+">"...)
		dst = append(appendText(dst, e.Fields[name]), "</"+name+">"...)
	}
	return dst
}

func sortedFields(e *Error) []string {
	names := make([]string, 0, len(e.Fields))
	for name := range e.Fields {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// appendJSONError writes awsJson's envelope. Services that spell their members lowerCamel say "message", the others
// "Message": typed clients read their own spelling only.
func appendJSONError(dst []byte, lowerCamel bool, e *Error) []byte {
	dst = appendQuoted(append(dst, `{"__type":`...), e.Code)
	if lowerCamel {
		dst = append(dst, `,"message":`...)
	} else {
		dst = append(dst, `,"Message":`...)
	}
	dst = appendQuoted(dst, e.Message)
	for _, name := range sortedFields(e) {
		dst = append(appendQuoted(append(dst, ','), name), ':')
		dst = appendQuoted(dst, e.Fields[name])
	}
	return append(dst, '}')
}
