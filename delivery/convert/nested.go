package convert

import (
	"math"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"

	"flowlake/columnar"
)

// Arrays, maps and structs: the slow path. A value is checked when its record is read, so that appending it cannot fail.

// field looks a member of a struct up by a key in its quotes.
func (c *Converter) field(t columnar.Type, literal []byte) int {
	name := string(c.spell(nil, columnar.AppendUnescaped(nil, literal[1:len(literal)-1])))
	for i, f := range t.Fields {
		if f.Name == name || c.fold && strings.EqualFold(f.Name, name) {
			return i
		}
	}
	return -1
}

// checkNested reports a well-formed value that its type cannot hold.
func (c *Converter) checkNested(col *column, t columnar.Type, v []byte) error {
	switch {
	case v[0] == 'n':
		return nil
	case t.Kind == columnar.Array && v[0] == '[':
		_, err := eachElement(v, 0, 0, func(e []byte) error { return c.checkNested(col, *t.Elem, e) })
		return err
	case t.Kind == columnar.Map && v[0] == '{':
		_, err := eachMember(v, 0, 0, func(k, e []byte) error {
			inner := column{name: col.name, typ: *t.Key, text: t.Key.Text() || t.Key.Kind == columnar.Binary, stamps: col.stamps}
			if key, err := inner.leaf(k); err != nil || !key.valid {
				return inner.misfit(k)
			}
			return c.checkNested(col, *t.Elem, e)
		})
		return err
	case t.Kind == columnar.Struct && v[0] == '{':
		_, err := eachMember(v, 0, 0, func(k, e []byte) error {
			if i := c.field(t, k); i >= 0 {
				return c.checkNested(col, t.Fields[i].Type, e)
			}
			return nil
		})
		return err
	case t.Nested():
		return col.misfit(v)
	}
	inner := column{name: col.name, typ: t, text: t.Text() || t.Kind == columnar.Binary, stamps: col.stamps}
	_, err := inner.leaf(v)
	return err
}

// leaf reads a well-formed value of a type that is not nested.
func (col *column) leaf(v []byte) (to cell, err error) {
	one := Converter{columns: []column{*col}}
	switch {
	case v[0] == 'n':
	case v[0] == '"':
		err = one.fromText(0, columnar.AppendUnescaped(nil, v[1:len(v)-1]), &to)
	case v[0] == 't' || v[0] == 'f':
		err = one.fromBool(0, v, &to)
	case v[0] == '{' || v[0] == '[':
		err = one.fromComposite(0, v, &to)
	default:
		err = one.fromNumber(0, v, &to)
	}
	return to, err
}

// appendCell appends a column's cell to its builder.
func (c *Converter) appendCell(col *column, v *cell, b array.Builder) {
	if !v.valid {
		b.AppendNull()
		return
	}
	if col.typ.Nested() {
		c.appendNested(col, col.typ, v.text, b)
		return
	}
	switch b := b.(type) {
	case *array.BooleanBuilder:
		b.Append(v.n != 0)
	case *array.Int8Builder:
		b.Append(int8(v.n))
	case *array.Int16Builder:
		b.Append(int16(v.n))
	case *array.Int32Builder:
		b.Append(int32(v.n))
	case *array.Int64Builder:
		b.Append(v.n)
	case *array.Float32Builder:
		b.Append(float32(math.Float64frombits(uint64(v.n))))
	case *array.Float64Builder:
		b.Append(math.Float64frombits(uint64(v.n)))
	case *array.Decimal128Builder:
		b.Append(decimal128.New(v.high, uint64(v.n)))
	case *array.Date32Builder:
		b.Append(arrow.Date32(v.n))
	case *array.TimestampBuilder:
		b.Append(arrow.Timestamp(v.n))
	case *array.StringBuilder:
		b.BinaryBuilder.Append(v.text)
	case *array.BinaryBuilder:
		b.Append(v.text)
	}
}

// appendNested appends a checked value.
func (c *Converter) appendNested(col *column, t columnar.Type, v []byte, to array.Builder) {
	if v[0] == 'n' {
		to.AppendNull()
		return
	}
	switch b := to.(type) {
	case *array.MapBuilder: // a map is a list too, so it comes first
		b.Append(true)
		last := map[string][]byte{}
		var order []string
		_, _ = eachMember(v, 0, 0, func(k, e []byte) error {
			if _, twice := last[string(k)]; !twice {
				order = append(order, string(k))
			}
			last[string(k)] = e // of equal keys the last one counts
			return nil
		})
		for _, k := range order {
			c.appendNested(col, *t.Key, []byte(k), b.KeyBuilder())
			c.appendNested(col, *t.Elem, last[k], b.ItemBuilder())
		}
	case *array.ListBuilder:
		b.Append(true)
		_, _ = eachElement(v, 0, 0, func(e []byte) error {
			c.appendNested(col, *t.Elem, e, b.ValueBuilder())
			return nil
		})
	case *array.StructBuilder:
		b.Append(true)
		values := make([][]byte, len(t.Fields))
		_, _ = eachMember(v, 0, 0, func(k, e []byte) error {
			if i := c.field(t, k); i >= 0 {
				values[i] = e
			}
			return nil
		})
		for i, f := range t.Fields {
			if values[i] == nil {
				b.FieldBuilder(i).AppendNull()
				continue
			}
			c.appendNested(col, f.Type, values[i], b.FieldBuilder(i))
		}
	default:
		inner := column{name: col.name, typ: t, text: t.Text() || t.Kind == columnar.Binary, stamps: col.stamps}
		leaf, _ := inner.leaf(v) // checked when the record was read
		c.appendCell(&inner, &leaf, to)
	}
}
