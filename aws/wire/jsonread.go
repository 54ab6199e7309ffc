package wire

import (
	"encoding/base64"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"flowlake/fault"
)

// Bounds of a request's tree: a value costs more memory than its bytes on the wire.
const (
	maxDepth  = 64
	maxValues = 200_000
)

// jsonReader reads awsJson into SDK types, strictly: names as they are spelled, each once, types as they are, and
// nothing that the operation's row does not name.
type jsonReader struct {
	data      []byte
	pos       int
	depth     int
	values    int
	operation string
	path      []string // the members that lead here, for messages
}

// readJSON decodes a whole body into in, a pointer to a struct. An empty body is an empty object.
func readJSON(data []byte, s *shape, in reflect.Value, operation string) error {
	r := jsonReader{data: data, operation: operation}
	r.blanks()
	if r.pos == len(data) {
		return nil
	}
	if err := r.value(s, in.Elem()); err != nil {
		return err
	}
	r.blanks()
	if r.pos != len(data) {
		return r.malformed("the body goes on behind its object")
	}
	return nil
}

// member is the path so far as messages show it: "tableInput.name".
func (r *jsonReader) member() string { return memberPath(r.path) }

// memberPath joins the names that lead to a member, each clipped: an unknown one may be as long as the body.
func memberPath(names []string) string {
	var b strings.Builder
	for i, name := range names {
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(clip(name))
	}
	return b.String()
}

// malformed is a refusal of the text itself.
func (r *jsonReader) malformed(what string) error {
	at := ""
	if len(r.path) > 0 {
		at = " in member " + quote(r.member())
	}
	return malformed("the JSON body cannot be read at byte %d%s: %s", r.pos, at, what)
}

// unsupported refuses a member that flowlake does not honour.
func unsupported(member, operation string) error {
	return &memberError{
		cause:   &fault.Error{Kind: fault.Unsupported, Subject: "member " + member, Detail: "not supported"},
		message: `flowlake does not support the member "` + member + `" of ` + operation,
	}
}

// violation is a value, in quotes or null, that a member may not have.
type violation struct{ value, member, constraint string }

// violated refuses an input in AWS's words. There is one violation at least.
func violated(all ...violation) error {
	texts := make([]string, len(all))
	for i, v := range all {
		texts[i] = "Value " + v.value + " at '" + v.member + "' failed to satisfy constraint: " + v.constraint
	}
	plural := "error"
	if len(all) > 1 {
		plural = "errors"
	}
	return &memberError{
		cause:   &fault.Error{Kind: fault.Invalid, Subject: "member " + all[0].member, Detail: all[0].constraint},
		message: strconv.Itoa(len(all)) + " validation " + plural + " detected: " + strings.Join(texts, "; "),
	}
}

func (r *jsonReader) blanks() {
	for r.pos < len(r.data) {
		switch r.data[r.pos] {
		case ' ', '\t', '\r', '\n':
			r.pos++
		default:
			return
		}
	}
}

// peek returns the next byte behind blanks, 0 at the end.
func (r *jsonReader) peek() byte {
	r.blanks()
	if r.pos == len(r.data) {
		return 0
	}
	return r.data[r.pos]
}

// word consumes a literal if it is next.
func (r *jsonReader) word(w string) bool {
	if len(r.data)-r.pos >= len(w) && string(r.data[r.pos:r.pos+len(w)]) == w {
		r.pos += len(w)
		return true
	}
	return false
}

// null consumes a null, if one is next.
func (r *jsonReader) null() bool { return r.peek() == 'n' && r.word("null") }

// value decodes the next value into v, which is settable.
func (r *jsonReader) value(s *shape, v reflect.Value) error {
	if r.values++; r.values > maxValues {
		return r.malformed("it has more than " + strconv.Itoa(maxValues) + " values")
	}
	switch s.kind {
	case kindPointer:
		target := reflect.New(s.elem.typ)
		if err := r.value(s.elem, target.Elem()); err != nil {
			return err
		}
		v.Set(target)
		return nil
	case kindStruct:
		return r.object(s, v)
	case kindList:
		return r.list(s, v)
	case kindMap:
		return r.mapping(s, v)
	case kindString:
		text, err := r.text()
		if err != nil {
			return err
		}
		if s.enum != nil {
			if _, ok := slices.BinarySearch(s.enum, text); !ok {
				return violated(violation{"'" + clip(text) + "'", r.member(), "Member must satisfy enum value set: [" + strings.Join(s.enum, ", ") + "]"})
			}
		}
		v.SetString(text)
		return nil
	case kindBool:
		r.blanks()
		switch {
		case r.word("true"):
			v.SetBool(true)
		case r.word("false"):
			v.SetBool(false)
		default:
			return r.malformed("a boolean is expected")
		}
		return nil
	case kindBlob:
		text, err := r.text()
		if err != nil {
			return err
		}
		raw, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return r.malformed("a blob is base64")
		}
		v.SetBytes(raw)
		return nil
	case kindInt, kindFloat, kindTime:
		return r.scalar(s, v)
	}
	return unsupported(r.member(), r.operation)
}

// scalar decodes a number or a time.
func (r *jsonReader) scalar(s *shape, v reflect.Value) error {
	if s.kind == kindFloat && r.peek() == '"' {
		text, err := r.text()
		if err != nil {
			return err
		}
		if text != "NaN" && text != "Infinity" && text != "-Infinity" {
			return r.malformed("a number is expected")
		}
		f, _ := strconv.ParseFloat(text, 64)
		v.SetFloat(f)
		return nil
	}
	token, err := r.number()
	if err != nil {
		return err
	}
	if reason := setScalar(s, v, token); reason != "" {
		return r.malformed(clip(token) + " " + reason)
	}
	return nil
}

// object decodes a struct.
func (r *jsonReader) object(s *shape, v reflect.Value) error {
	if err := r.enter('{', "an object is expected"); err != nil {
		return err
	}
	defer r.leave()
	var seen [4]uint64 // by field; no struct of ours has more than 256
	for first := true; ; first = false {
		done, err := r.next('}', first)
		if done || err != nil {
			return err
		}
		name, err := r.key()
		if err != nil {
			return err
		}
		r.path = append(r.path, name)
		f := s.byWire[name]
		if f == nil {
			return unsupported(r.member(), r.operation)
		}
		if i := f.index; i < 64*len(seen) {
			if seen[i/64]&(1<<(i%64)) != 0 {
				return r.malformed("the member is given twice")
			}
			seen[i/64] |= 1 << (i % 64)
		}
		switch {
		case r.null(): // absent
		case f.refused:
			return unsupported(r.member(), r.operation)
		default:
			if err := r.value(f.shape, v.Field(f.index)); err != nil {
				return err
			}
		}
		r.path = r.path[:len(r.path)-1]
	}
}

// list decodes a slice; an empty list is not nil.
func (r *jsonReader) list(s *shape, v reflect.Value) error {
	if err := r.enter('[', "a list is expected"); err != nil {
		return err
	}
	defer r.leave()
	v.Set(reflect.MakeSlice(s.typ, 0, 0))
	for n := 0; ; n++ {
		done, err := r.next(']', n == 0)
		if done || err != nil {
			return err
		}
		if r.null() {
			return r.malformed("a list has no null elements")
		}
		if n == v.Cap() {
			v.Grow(1)
		}
		v.SetLen(n + 1)
		if err := r.value(s.elem, v.Index(n)); err != nil {
			return err
		}
	}
}

// mapping decodes a map with string keys.
func (r *jsonReader) mapping(s *shape, v reflect.Value) error {
	if err := r.enter('{', "a map is expected"); err != nil {
		return err
	}
	defer r.leave()
	v.Set(reflect.MakeMap(s.typ))
	keyType, elem := s.typ.Key(), reflect.New(s.elem.typ).Elem()
	for first := true; ; first = false {
		done, err := r.next('}', first)
		if done || err != nil {
			return err
		}
		name, err := r.key()
		if err != nil {
			return err
		}
		r.path = append(r.path, name)
		if r.null() {
			return r.malformed("a map has no null values")
		}
		key := reflect.ValueOf(name).Convert(keyType)
		if v.MapIndex(key).IsValid() {
			return r.malformed("the key is given twice")
		}
		elem.SetZero()
		if err := r.value(s.elem, elem); err != nil {
			return err
		}
		v.SetMapIndex(key, elem)
		r.path = r.path[:len(r.path)-1]
	}
}

// enter consumes an opening bracket.
func (r *jsonReader) enter(open byte, expected string) error {
	if r.peek() != open {
		return r.malformed(expected)
	}
	if r.depth++; r.depth > maxDepth {
		return r.malformed("it is nested more than " + strconv.Itoa(maxDepth) + " deep")
	}
	r.pos++
	return nil
}

func (r *jsonReader) leave() { r.depth-- }

// next consumes what stands between elements; done says that the closing bracket came.
func (r *jsonReader) next(closing byte, first bool) (done bool, err error) {
	switch c := r.peek(); {
	case c == closing:
		r.pos++
		return true, nil
	case first:
		return false, nil
	case c == ',':
		r.pos++
		if r.peek() == closing {
			return false, r.malformed("nothing follows a comma")
		}
		return false, nil
	}
	return false, r.malformed("a comma or '" + string(closing) + "' is expected")
}

// key consumes a member's name and its colon.
func (r *jsonReader) key() (string, error) {
	name, err := r.text()
	if err != nil {
		return "", err
	}
	if r.peek() != ':' {
		return "", r.malformed("a colon is expected")
	}
	r.pos++
	return name, nil
}

// number consumes a number's text, as JSON's grammar has it.
func (r *jsonReader) number() (string, error) {
	r.blanks()
	begin := r.pos
	next, ok := SkipNumber(r.data, r.pos)
	r.pos = next
	if !ok {
		return "", r.malformed("a number is expected")
	}
	return string(r.data[begin:r.pos]), nil
}

// text consumes a string. It must be UTF-8; a lone half of a surrogate pair becomes U+FFFD.
func (r *jsonReader) text() (string, error) {
	if r.peek() != '"' {
		return "", r.malformed("a string is expected")
	}
	r.pos++
	begin := r.pos
	for r.pos < len(r.data) {
		switch c := r.data[r.pos]; {
		case c == '"':
			raw := r.data[begin:r.pos]
			if !utf8.Valid(raw) {
				return "", r.malformed("a string is not UTF-8")
			}
			r.pos++
			return string(raw), nil
		case c == '\\':
			return r.escaped(begin)
		case c < ' ':
			return "", r.malformed("a string has a control character")
		}
		r.pos++
	}
	return "", r.malformed("a string does not end")
}

// escaped goes on with a string at its first escape.
func (r *jsonReader) escaped(begin int) (string, error) {
	out := append(make([]byte, 0, r.pos-begin+32), r.data[begin:r.pos]...)
	out, next, problem := Unescape(out, r.data, r.pos)
	r.pos = next
	if problem == "" && !utf8.Valid(out) {
		problem = "a string is not UTF-8"
	}
	if problem != "" {
		return "", r.malformed(problem)
	}
	return string(out), nil
}

// clip bounds a client's text in a message.
func clip(s string) string {
	if len(s) > 100 {
		return strings.ToValidUTF8(s[:100], "") + "…"
	}
	return s
}
