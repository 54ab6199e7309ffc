package wire

import (
	"encoding/base64"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// formNode is one name of a form's tree: "Tags.member.1.Key" is four of them.
type formNode struct {
	value string
	set   bool
	below map[string]*formNode
}

// parseForm makes the tree of a Query request's parameters.
func parseForm(pairs []pair) (*formNode, error) {
	root := &formNode{}
	nodes := 0
	for _, p := range pairs {
		at, depth := root, 0
		for part := range strings.SplitSeq(p.name, ".") {
			if depth++; depth > maxDepth {
				return nil, malformed("the parameter %s is nested more than %d deep", quote(p.name), maxDepth)
			}
			if at.below == nil {
				at.below = make(map[string]*formNode)
			}
			child := at.below[part]
			if child == nil {
				if nodes++; nodes > maxValues {
					return nil, malformed("the request has more than %d values", maxValues)
				}
				child = &formNode{}
				at.below[part] = child
			}
			at = child
		}
		if at.set {
			return nil, malformed("the parameter %s is given twice", quote(p.name))
		}
		at.value, at.set = p.value, true
	}
	return root, nil
}

// formReader reads awsQuery parameters into SDK types, as strictly as jsonReader.
type formReader struct {
	operation string
	flat      bool // EC2Query: lists are "FlowLogId.1", not "FlowLogId.member.1"
	path      []string
}

// readForm decodes a form into in, a pointer to a struct. Action and Version are the frame's.
func readForm(root *formNode, s *shape, in reflect.Value, operation string, flat bool) error {
	r := formReader{operation: operation, flat: flat}
	top := &formNode{below: make(map[string]*formNode, len(root.below))}
	for name, node := range root.below {
		if name != "Action" && name != "Version" {
			top.below[name] = node
		}
	}
	return r.value(s, top, in.Elem())
}

func (r *formReader) member() string { return memberPath(r.path) }

func (r *formReader) malformed(what string) error {
	return malformed("the parameter %s cannot be read: %s", quote(r.member()), what)
}

func (r *formReader) value(s *shape, n *formNode, v reflect.Value) error {
	switch s.kind {
	case kindPointer:
		target := reflect.New(s.elem.typ)
		if err := r.value(s.elem, n, target.Elem()); err != nil {
			return err
		}
		v.Set(target)
		return nil
	case kindStruct:
		return r.object(s, n, v)
	case kindList:
		return r.list(s, n, v)
	case kindMap:
		return r.mapping(s, n, v)
	case kindOther:
		return unsupported(r.member(), r.operation)
	}
	if n.below != nil || !n.set {
		return r.malformed("one value is expected")
	}
	switch s.kind {
	case kindString:
		if s.enum != nil {
			if _, ok := slices.BinarySearch(s.enum, n.value); !ok {
				return violated(violation{"'" + clip(n.value) + "'", r.member(), "Member must satisfy enum value set: [" + strings.Join(s.enum, ", ") + "]"})
			}
		}
		v.SetString(n.value)
	case kindBool:
		if n.value != "true" && n.value != "false" {
			return r.malformed("true or false is expected")
		}
		v.SetBool(n.value == "true")
	case kindBlob:
		raw, err := base64.StdEncoding.DecodeString(n.value)
		if err != nil {
			return r.malformed("a blob is base64")
		}
		v.SetBytes(raw)
	case kindTime:
		t, err := time.Parse(time.RFC3339Nano, n.value)
		if err != nil {
			return r.malformed("a time in ISO 8601 is expected")
		}
		v.Set(reflect.ValueOf(t.UTC()))
	default:
		if reason := setScalar(s, v, n.value); reason != "" {
			return r.malformed(clip(n.value) + " " + reason)
		}
	}
	return nil
}

func (r *formReader) object(s *shape, n *formNode, v reflect.Value) error {
	if n.set {
		return r.malformed("a structure has no value of its own")
	}
	for _, name := range sortedNames(n) {
		r.path = append(r.path, name)
		f := s.byWire[name]
		if f == nil || f.refused {
			return unsupported(r.member(), r.operation)
		}
		if err := r.value(f.shape, n.below[name], v.Field(f.index)); err != nil {
			return err
		}
		r.path = r.path[:len(r.path)-1]
	}
	return nil
}

// list reads "member.1", "member.2" …, or "1", "2" …; an empty value alone is an empty list, as the SDKs write one.
func (r *formReader) list(s *shape, n *formNode, v reflect.Value) error {
	if n.set && n.value == "" && n.below == nil {
		v.Set(reflect.MakeSlice(s.typ, 0, 0))
		return nil
	}
	elements, err := r.numbered(n, "member")
	if err != nil {
		return err
	}
	v.Set(reflect.MakeSlice(s.typ, len(elements), len(elements)))
	for i, e := range elements {
		if err := r.value(s.elem, e, v.Index(i)); err != nil {
			return err
		}
	}
	return nil
}

// mapping reads "entry.1.key", "entry.1.value" ….
func (r *formReader) mapping(s *shape, n *formNode, v reflect.Value) error {
	entries, err := r.numbered(n, "entry")
	if err != nil {
		return err
	}
	v.Set(reflect.MakeMapWithSize(s.typ, len(entries)))
	for _, e := range entries {
		key, value := e.below["key"], e.below["value"]
		if key == nil || value == nil || !key.set || len(e.below) != 2 {
			return r.malformed("a map's entry has a key and a value")
		}
		elem := reflect.New(s.elem.typ).Elem()
		if err := r.value(s.elem, value, elem); err != nil {
			return err
		}
		name := reflect.ValueOf(key.value).Convert(s.typ.Key())
		if v.MapIndex(name).IsValid() {
			return r.malformed("the key " + quote(key.value) + " is given twice")
		}
		v.SetMapIndex(name, elem)
	}
	return nil
}

// numbered returns what is below n.<label>, or in a flat form below n itself, which is numbered from 1 without gaps.
func (r *formReader) numbered(n *formNode, label string) ([]*formNode, error) {
	list := n
	if !r.flat {
		if list = n.below[label]; list != nil && len(n.below) != 1 {
			list = nil
		}
		label += "."
	} else {
		label = ""
	}
	if n.set || list == nil || list.set {
		return nil, r.malformed("elements named " + label + "1, " + label + "2 … are expected")
	}
	elements := make([]*formNode, len(list.below))
	for i := range elements {
		if elements[i] = list.below[strconv.Itoa(i+1)]; elements[i] == nil {
			return nil, r.malformed("its elements are not numbered from 1 without gaps")
		}
	}
	return elements, nil
}

func sortedNames(n *formNode) []string {
	names := make([]string, 0, len(n.below))
	for name := range n.below {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
