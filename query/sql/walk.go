package sql

import (
	"reflect"
	"sync"
)

// Walk calls visit for n and, where visit returns true, for what lies below it, in the order of the
// structs' fields. Nodes are always handed over as pointers, those that a struct holds by value too.
func Walk(n Node, visit func(Node) bool) {
	if n == nil || !visit(n) {
		return
	}
	eachChild(n, func(child Node) { Walk(child, visit) })
}

// childFields remembers which fields of a node's struct hold nodes.
var childFields sync.Map // reflect.Type → []int

var (
	nodeType = reflect.TypeFor[Node]()
	spanType = reflect.TypeFor[Span]()
)

// eachChild calls found for the nodes directly below n.
func eachChild(n Node, found func(Node)) {
	v := reflect.ValueOf(n)
	if v.Kind() != reflect.Pointer || v.IsNil() {
		return
	}
	v = v.Elem()
	if v.Kind() != reflect.Struct {
		return
	}
	for _, i := range fieldsOf(v.Type()) {
		f := v.Field(i)
		if f.Kind() == reflect.Slice {
			for j := range f.Len() {
				give(f.Index(j), found)
			}
		} else {
			give(f, found)
		}
	}
}

func give(f reflect.Value, found func(Node)) {
	switch f.Kind() {
	case reflect.Interface, reflect.Pointer:
		if !f.IsNil() {
			found(f.Interface().(Node))
		}
	default:
		found(f.Addr().Interface().(Node))
	}
}

func fieldsOf(t reflect.Type) []int {
	if known, ok := childFields.Load(t); ok {
		return known.([]int)
	}
	var list []int
	for i := range t.NumField() {
		f := t.Field(i).Type
		if f.Kind() == reflect.Slice {
			f = f.Elem()
		}
		if f != spanType && f.Implements(nodeType) {
			list = append(list, i)
		}
	}
	childFields.Store(t, list)
	return list
}

// tooDeep returns a node at which the tree below n is deeper than maxDepth, nil when there is none. It
// keeps its own stack, since the tree may be as deep as the text is long.
func tooDeep(n Node) Node {
	type at struct {
		node  Node
		depth int
	}
	stack := []at{{n, 1}}
	for len(stack) > 0 {
		top := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if top.depth > maxDepth {
			return top.node
		}
		eachChild(top.node, func(child Node) { stack = append(stack, at{child, top.depth + 1}) })
	}
	return nil
}
