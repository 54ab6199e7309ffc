package columnar

import (
	"encoding/binary"
	"errors"
	"math"
)

// Parquet's physical types.
const (
	physicalBoolean = iota
	physicalInt32
	physicalInt64
	physicalInt96
	physicalFloat
	physicalDouble
	physicalBytes
	physicalFixed
)

var physicalNames = [...]string{"BOOLEAN", "INT32", "INT64", "INT96", "FLOAT", "DOUBLE", "BINARY", "FIXED_LEN_BYTE_ARRAY"}

// Converted types, which older writers give instead of logical types.
const (
	convertedUTF8        = 0
	convertedMap         = 1
	convertedMapKeyValue = 2
	convertedList        = 3
	convertedEnum        = 4
	convertedDecimal     = 5
	convertedDate        = 6
	convertedMillis      = 9
	convertedMicros      = 10
	convertedUint8       = 11
	convertedUint64      = 14
	convertedInt8        = 15
	convertedInt16       = 16
	convertedJSON        = 19
)

// Fields of the LogicalType union.
const (
	logicalString    = 1
	logicalMap       = 2
	logicalList      = 3
	logicalEnum      = 4
	logicalDecimal   = 5
	logicalDate      = 6
	logicalTimestamp = 8
	logicalInteger   = 10
	logicalJSON      = 12
	logicalUUID      = 14
)

const repeated = 2

var errSchema = errors.New("broken schema")

// node is a schema element with its children.
type node struct {
	element
	kids []*node
}

// shape makes Columns and Leaves from the footer's flat list.
func (p *Parquet) shape(schema []element) error {
	if len(schema) == 0 {
		return errSchema
	}
	at := 0
	var build func(depth int) (*node, error)
	build = func(depth int) (*node, error) {
		if at >= len(schema) || depth > maxTypeDepth {
			return nil, errSchema
		}
		n := &node{element: schema[at]}
		at++
		if n.children < 0 || int(n.children) > len(schema) {
			return nil, errSchema
		}
		for range n.children {
			kid, err := build(depth + 1)
			if err != nil {
				return nil, err
			}
			n.kids = append(n.kids, kid)
		}
		if n.children == 0 && depth > 0 && (n.physical < 0 || n.physical > physicalFixed) {
			return nil, errSchema
		}
		return n, nil
	}
	root, err := build(0)
	if err != nil {
		return err
	}
	if at != len(schema) {
		return errSchema
	}
	for i, kid := range root.kids {
		t, _ := kid.hive()
		c := ParquetColumn{Name: kid.name, Type: t, Physical: "a group"}
		if len(kid.kids) == 0 {
			c.Physical = physicalNames[kid.physical]
			c.Unsigned = kid.isUnsigned()
			c.Text = kid.isText()
			c.UTC = kid.physical == physicalInt96 || kid.logical == logicalTimestamp && kid.utc ||
				kid.logical == 0 && (kid.converted == convertedMillis || kid.converted == convertedMicros)
		}
		p.Columns = append(p.Columns, c)
		p.leaves(kid, i, kid.name)
	}
	return nil
}

func (p *Parquet) leaves(n *node, column int, path string) {
	if len(n.kids) == 0 {
		t := n.scalar()
		p.Leaves = append(p.Leaves, Leaf{Column: column, Path: path, Type: t, physical: n.physical, unit: n.timeUnit(), unsigned: n.isUnsigned()})
		return
	}
	for _, kid := range n.kids {
		p.leaves(kid, column, path+"."+kid.name)
	}
}

// hive is the Hive type of a field; ok is false, and the type zero, where Hive has none.
func (n *node) hive() (t Type, ok bool) {
	if n.repetition == repeated { // a list without the wrapping that the format now asks for
		elem, ok := n.single()
		return Type{Kind: Array, Elem: &elem}.when(ok)
	}
	return n.single()
}

func (t Type) when(ok bool) (Type, bool) {
	if !ok {
		return Type{}, false
	}
	return t, true
}

func (n *node) single() (Type, bool) {
	if len(n.kids) == 0 {
		t := n.scalar()
		return t, t.Kind != 0
	}
	switch {
	case (n.logical == logicalMap || n.converted == convertedMap || n.converted == convertedMapKeyValue) &&
		len(n.kids) == 1 && len(n.kids[0].kids) == 2:
		key, fine := n.kids[0].kids[0].hive()
		elem, ok := n.kids[0].kids[1].hive()
		return Type{Kind: Map, Key: &key, Elem: &elem}.when(ok && fine && !key.Nested())
	case (n.logical == logicalList || n.converted == convertedList) && len(n.kids) == 1 && n.kids[0].repetition == repeated:
		inner := n.kids[0]
		var elem Type
		var ok bool
		// The rules of the format for older writers: a repeated group of one field is the wrapping, unless its
		// name says that it is the element.
		if len(inner.kids) == 1 && inner.name != "array" && inner.name != n.name+"_tuple" {
			elem, ok = inner.kids[0].hive()
		} else {
			elem, ok = inner.single()
		}
		return Type{Kind: Array, Elem: &elem}.when(ok)
	}
	t := Type{Kind: Struct}
	for _, kid := range n.kids {
		field, ok := kid.hive()
		if !ok {
			return Type{}, false
		}
		t.Fields = append(t.Fields, Field{Name: kid.name, Type: field})
	}
	return t, true
}

func (n *node) isText() bool {
	return n.physical == physicalBytes && (n.logical == logicalString || n.logical == logicalEnum || n.logical == logicalJSON ||
		n.converted == convertedUTF8 || n.converted == convertedEnum || n.converted == convertedJSON)
}

func (n *node) isUnsigned() bool {
	return n.logical == logicalInteger && n.unsigned || n.logical == 0 && n.converted >= convertedUint8 && n.converted <= convertedUint64
}

func (n *node) timeUnit() int32 {
	switch {
	case n.logical == logicalTimestamp:
		return int32(n.unit)
	case n.converted == convertedMillis:
		return 1
	case n.converted == convertedMicros:
		return 2
	}
	return 0
}

// scalar is the Hive type of a leaf.
func (n *node) scalar() Type {
	if n.logical == logicalDecimal || n.converted == convertedDecimal {
		if n.precision < 1 || n.precision > 38 || n.scale < 0 || n.scale > n.precision {
			return Type{}
		}
		return Type{Kind: Decimal, Precision: int(n.precision), Scale: int(n.scale)}
	}
	switch n.physical {
	case physicalBoolean:
		return Type{Kind: Boolean}
	case physicalInt32:
		if n.logical == logicalDate || n.converted == convertedDate {
			return Type{Kind: Date}
		}
		if n.logical == 7 || n.converted == 7 { // a time of day
			return Type{}
		}
		bits := int(n.bits)
		switch n.converted {
		case convertedInt8, convertedUint8:
			bits = 8
		case convertedInt16, convertedUint8 + 1:
			bits = 16
		}
		if n.isUnsigned() {
			bits *= 2
			if bits == 0 || bits == 64 {
				return Type{Kind: BigInt}
			}
		}
		switch bits {
		case 8:
			return Type{Kind: TinyInt}
		case 16:
			return Type{Kind: SmallInt}
		}
		return Type{Kind: Int}
	case physicalInt64:
		switch {
		case n.timeUnit() != 0:
			return Type{Kind: Timestamp}
		case n.logical == 7 || n.converted == 8:
			return Type{}
		case n.isUnsigned():
			return Type{Kind: Decimal, Precision: 20}
		}
		return Type{Kind: BigInt}
	case physicalInt96:
		return Type{Kind: Timestamp}
	case physicalFloat:
		return Type{Kind: Float}
	case physicalDouble:
		return Type{Kind: Double}
	case physicalBytes:
		if n.isText() {
			return Type{Kind: String}
		}
		return Type{Kind: Binary}
	}
	if n.logical == logicalUUID {
		return Type{Kind: String}
	}
	return Type{Kind: Binary}
}

// Bounds are the smallest and largest value of a leaf's chunk, as statistics have them: int64 for integers, days
// and timestamps (microseconds), float64, string for text, bool. Text bounds may be cut, so they bound the
// values and need not be among them. ok is false when the file does not say, or says NaN.
func (l Leaf) Bounds(c Chunk) (low, high any, ok bool) {
	low, fine := l.value(c.Min)
	high, ok = l.value(c.Max)
	return low, high, ok && fine
}

func (l Leaf) value(b []byte) (any, bool) {
	switch {
	case b == nil || l.Type.Kind == Decimal:
		return nil, false
	case l.physical == physicalBoolean && len(b) == 1:
		return b[0] != 0, true
	case l.physical == physicalInt32 && len(b) == 4:
		v := binary.LittleEndian.Uint32(b)
		if l.unsigned {
			return int64(v), true
		}
		return int64(int32(v)), true
	case l.physical == physicalInt64 && len(b) == 8:
		v := int64(binary.LittleEndian.Uint64(b))
		switch {
		case l.unsigned && v < 0:
			return nil, false
		case l.unit == 1:
			if v > math.MaxInt64/1000 || v < math.MinInt64/1000 {
				return nil, false
			}
			v *= 1000
		case l.unit == 3:
			v = (v - (v%1000+1000)%1000) / 1000 // towards the past, as engines read it
		}
		return v, true
	case l.physical == physicalFloat && len(b) == 4:
		v := float64(math.Float32frombits(binary.LittleEndian.Uint32(b)))
		return v, v == v
	case l.physical == physicalDouble && len(b) == 8:
		v := math.Float64frombits(binary.LittleEndian.Uint64(b))
		return v, v == v
	case l.physical == physicalBytes && l.Type.Kind == String:
		return string(b), true
	}
	return nil, false
}
