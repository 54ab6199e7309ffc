package parquet

import (
	"encoding/binary"

	"flowlake/fault"
)

// node is a value in Thrift's compact protocol as it stands in a file: what it means is not asked, and what is not
// changed is written as it was read.
type node struct {
	kind   byte
	n      int64  // of integers
	raw    []byte // of a binary, a double, a byte
	fields []treeField
	elem   byte
	list   []node
}

type treeField struct {
	id int16
	node
}

const (
	wireDouble = 7
	wireSet    = 10
	maxDepth   = 32
)

var errTree = fault.Newf(fault.Invalid, "Parquet file", "its metadata is damaged")

// get is the struct's field, or nil.
func (n *node) get(id int16) *node {
	for i := range n.fields {
		if n.fields[i].id == id {
			return &n.fields[i].node
		}
	}
	return nil
}

// int is the struct's integer field, or 0.
func (n *node) int(id int16) int64 {
	if f := n.get(id); f != nil {
		return f.n
	}
	return 0
}

// drop takes a field away.
func (n *node) drop(id int16) {
	for i := range n.fields {
		if n.fields[i].id == id {
			n.fields = append(n.fields[:i:i], n.fields[i+1:]...)
			return
		}
	}
}

// parseTree reads the struct at the start of b and returns what follows it.
func parseTree(b []byte) (n node, rest []byte, err error) {
	p := treeReader{b: b}
	n = p.structure(0)
	if p.bad {
		return node{}, nil, errTree
	}
	return n, p.b, nil
}

type treeReader struct {
	b   []byte
	bad bool
}

func (p *treeReader) fail() { p.bad, p.b = true, nil }

func (p *treeReader) take(n uint64) []byte {
	if n > uint64(len(p.b)) {
		p.fail()
		return nil
	}
	v := p.b[:n:n]
	p.b = p.b[n:]
	return v
}

func (p *treeReader) byte() byte {
	if v := p.take(1); v != nil {
		return v[0]
	}
	return 0
}

func (p *treeReader) uvarint() uint64 {
	v, n := binary.Uvarint(p.b)
	if n <= 0 {
		p.fail()
		return 0
	}
	p.b = p.b[n:]
	return v
}

func (p *treeReader) varint() int64 {
	v := p.uvarint()
	return int64(v>>1) ^ -int64(v&1)
}

func (p *treeReader) structure(depth int) node {
	n := node{kind: wireStruct}
	if depth > maxDepth {
		p.fail()
	}
	last := int16(0)
	for !p.bad {
		head := p.byte()
		if head == 0 {
			break
		}
		if delta := head >> 4; delta != 0 {
			last += int16(delta)
		} else {
			last = int16(p.varint())
		}
		kind := head & 15
		f := treeField{id: last, node: node{kind: kind}}
		if kind != wireTrue && kind != wireFalse { // whose value is their kind
			f.node = p.value(kind, depth+1)
		}
		n.fields = append(n.fields, f)
	}
	return n
}

func (p *treeReader) value(kind byte, depth int) node {
	n := node{kind: kind}
	switch kind {
	case wireByte, wireTrue, wireFalse:
		n.raw = p.take(1)
	case wireI16, wireI32, wireI64:
		n.n = p.varint()
	case wireDouble:
		n.raw = p.take(8)
	case wireBinary:
		n.raw = p.take(p.uvarint())
	case wireList, wireSet:
		head := p.byte()
		n.elem = head & 15
		count := uint64(head >> 4)
		if count == 15 {
			count = p.uvarint()
		}
		if count > uint64(len(p.b)) || depth > maxDepth { // an element takes a byte at least
			p.fail()
			return n
		}
		n.list = make([]node, 0, min(count, 1024))
		for range count {
			if p.bad {
				break
			}
			n.list = append(n.list, p.value(n.elem, depth+1))
		}
	case wireStruct:
		return p.structure(depth)
	default:
		p.fail()
	}
	return n
}

// append writes the node as parseTree reads it.
func (n *node) append(t *thrift) {
	switch n.kind {
	case wireByte, wireTrue, wireFalse, wireDouble:
		t.b = append(t.b, n.raw...)
	case wireI16, wireI32, wireI64:
		t.b = binary.AppendVarint(t.b, n.n)
	case wireBinary:
		t.raw(n.raw)
	case wireList, wireSet:
		if len(n.list) < 15 {
			t.b = append(t.b, byte(len(n.list))<<4|n.elem)
		} else {
			t.b = binary.AppendUvarint(append(t.b, 0xF0|n.elem), uint64(len(n.list)))
		}
		for i := range n.list {
			n.list[i].append(t)
		}
	case wireStruct:
		t.begin()
		for i := range n.fields {
			t.field(n.fields[i].id, n.fields[i].kind)
			n.fields[i].append(t)
		}
		t.end()
	}
}

// encode is the struct's bytes behind dst.
func (n *node) encode(dst []byte) []byte {
	t := newThrift(dst)
	n.append(t)
	return t.b
}
