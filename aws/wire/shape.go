package wire

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
)

// shape is how a Go type of the SDK is written: compiled once, walked by every codec.
type shape struct {
	kind   shapeKind
	typ    reflect.Type
	elem   *shape            // of a pointer, list or map
	fields []*field          // of a struct, in declaration order
	byWire map[string]*field // of a struct
	enum   []string          // the values of an enum, sorted; nil for any string
}

type shapeKind uint8

const (
	kindString shapeKind = iota
	kindBool
	kindInt
	kindFloat
	kindBlob
	kindTime
	kindPointer
	kindStruct
	kindList
	kindMap
	kindOther // a document or a union: neither read nor written here
)

// field is a member of a struct.
type field struct {
	name  string // Go's
	wire  string
	index int
	shape *shape // nil when refused
	// refused: the operation's row does not name the member.
	refused bool
}

// names spells members on the wire.
type names struct {
	lowerCamel bool
	exceptions map[string]string
}

// wire spells a member of a struct. An exception for that struct alone comes before one for the name.
func (n names) wire(of reflect.Type, goName string) string {
	if w, ok := n.exceptions[of.Name()+"."+goName]; ok {
		return w
	}
	if w, ok := n.exceptions[goName]; ok {
		return w
	}
	if !n.lowerCamel || goName == "" {
		return goName
	}
	return strings.ToLower(goName[:1]) + goName[1:]
}

// compiler turns types into shapes; one for each service, as the names are the service's.
type compiler struct {
	names names
	enums map[string][]string     // Service.Enums
	known map[reflect.Type]*shape // complete shapes; recursive types find themselves here
}

// allowed is a tree of the members that a row names. A leaf covers everything below it.
type allowed map[string]allowed

func allow(lists ...[]string) allowed {
	root := allowed{}
	for _, list := range lists {
		for _, path := range list {
			at := root
			for part := range strings.SplitSeq(path, ".") {
				if at[part] == nil {
					at[part] = allowed{}
				}
				at = at[part]
			}
		}
	}
	return root
}

var timeType = reflect.TypeFor[time.Time]()

// input compiles a type with what the row names of it; nothing named means nothing allowed.
func (c *compiler) input(t reflect.Type, tree allowed) *shape {
	s := &shape{kind: kindStruct, typ: t, byWire: map[string]*field{}}
	for f := range members(t) {
		member := &field{name: f.Name, wire: c.names.wire(t, f.Name), index: f.Index[0]}
		below, named := tree[f.Name]
		switch {
		case !named:
			member.refused = true
		case len(below) == 0:
			member.shape = c.compile(f.Type)
		default:
			member.shape = c.within(f.Type, below)
		}
		s.fields = append(s.fields, member)
		s.byWire[member.wire] = member
	}
	return s
}

// within compiles a type of which only some members are allowed: through pointers, lists and maps to the struct.
func (c *compiler) within(t reflect.Type, tree allowed) *shape {
	switch t.Kind() {
	case reflect.Pointer:
		return &shape{kind: kindPointer, typ: t, elem: c.within(t.Elem(), tree)}
	case reflect.Slice:
		return &shape{kind: kindList, typ: t, elem: c.within(t.Elem(), tree)}
	case reflect.Map:
		return &shape{kind: kindMap, typ: t, elem: c.within(t.Elem(), tree)}
	case reflect.Struct:
		return c.input(t, tree)
	}
	return c.compile(t)
}

// compile compiles a type whole.
func (c *compiler) compile(t reflect.Type) *shape {
	if s, ok := c.known[t]; ok {
		return s
	}
	s := &shape{typ: t}
	c.known[t] = s
	switch t.Kind() {
	case reflect.String:
		s.kind, s.enum = kindString, enumOf(t, c.enums[t.Name()])
	case reflect.Bool:
		s.kind = kindBool
	case reflect.Int, reflect.Int32, reflect.Int64:
		s.kind = kindInt
	case reflect.Float32, reflect.Float64:
		s.kind = kindFloat
	case reflect.Pointer:
		s.kind, s.elem = kindPointer, c.compile(t.Elem())
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			s.kind = kindBlob
			break
		}
		s.kind, s.elem = kindList, c.compile(t.Elem())
	case reflect.Map:
		s.kind, s.elem = kindMap, c.compile(t.Elem())
	case reflect.Struct:
		if t == timeType {
			s.kind = kindTime
			break
		}
		s.kind, s.byWire = kindStruct, map[string]*field{}
		for f := range members(t) {
			member := &field{name: f.Name, wire: c.names.wire(t, f.Name), index: f.Index[0], shape: c.compile(f.Type)}
			s.fields = append(s.fields, member)
			s.byWire[member.wire] = member
		}
	default:
		s.kind = kindOther
	}
	return s
}

// members walks the members of an SDK struct: what is exported, but for the result's metadata.
func members(t reflect.Type) func(func(reflect.StructField) bool) {
	return func(yield func(reflect.StructField) bool) {
		for i := range t.NumField() {
			f := t.Field(i)
			if !f.IsExported() || f.Anonymous || f.Name == "ResultMetadata" {
				continue
			}
			if !yield(f) {
				return
			}
		}
	}
}

// enumOf asks an SDK enum for its values, func (E) Values() []E, and adds those of our own.
func enumOf(t reflect.Type, own []string) []string {
	m, ok := t.MethodByName("Values")
	if !ok || m.Type.NumIn() != 1 || m.Type.NumOut() != 1 || m.Type.Out(0) != reflect.SliceOf(t) {
		return nil
	}
	values := m.Func.Call([]reflect.Value{reflect.Zero(t)})[0]
	enum := make([]string, values.Len())
	for i := range enum {
		enum[i] = values.Index(i).String()
	}
	enum = append(enum, own...)
	slices.Sort(enum)
	return enum
}

// structOf goes through pointers, lists and maps to the struct that a path goes on in.
func structOf(t reflect.Type) (reflect.Type, bool) {
	for {
		switch t.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Map:
			t = t.Elem()
		case reflect.Struct:
			return t, t != timeType
		default:
			return t, false
		}
	}
}

// checkPath reports a member path that a type does not have, or that no codec can read.
func checkPath(t reflect.Type, path string) error {
	at := t
	for part := range strings.SplitSeq(path, ".") {
		s, ok := structOf(at)
		if !ok {
			return fmt.Errorf("member %s: nothing is below %s", path, at)
		}
		f, ok := s.FieldByName(part)
		if !ok || !f.IsExported() || f.Anonymous || part == "ResultMetadata" {
			return fmt.Errorf("member %s: %s has no member %s", path, s, part)
		}
		at = f.Type
	}
	for at.Kind() == reflect.Pointer || at.Kind() == reflect.Slice && at.Elem().Kind() != reflect.Uint8 || at.Kind() == reflect.Map {
		at = at.Elem()
	}
	if at.Kind() == reflect.Interface {
		return fmt.Errorf("member %s: documents and unions are not read", path)
	}
	return nil
}
