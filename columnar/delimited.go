package columnar

import (
	"bytes"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow/array"

	"flowlake/fault"
)

// delimiters are the bytes that LazySimpleSerDe splits by: fields, then collections' elements, then map
// keys from values, then one for each level of nesting below.
type delimiters struct {
	at      [9]byte
	escape  byte // with escaped
	escaped bool
	null    []byte
	rest    bool // the last column takes the rest of the line
	stamps  func([]byte) (int64, bool)
}

// delimiterByte reads a delimiter as Hive does: a number between -128 and 127, or else the first character.
func delimiterByte(parameters map[string]string, fallback byte, names ...string) (byte, error) {
	for _, name := range names {
		value, ok := parameters[name]
		if !ok || value == "" {
			continue
		}
		if n, err := strconv.ParseInt(value, 10, 8); err == nil {
			return byte(n), nil
		}
		if value[0] >= 0x80 {
			return 0, fault.Newf(fault.Unsupported, "SerDe property "+name, "%q is not one ASCII character", value)
		}
		return value[0], nil
	}
	return fallback, nil
}

func (t *Text) delimited() error {
	p := t.spec.Parameters
	d := &delimiters{null: []byte(`\N`), rest: p["serialization.last.column.takes.rest"] == "true"}
	var err error
	if d.stamps, err = timestampFormats(p["timestamp.formats"], plainTimestamp); err != nil {
		return err
	}
	for i := range d.at {
		d.at[i] = byte(i + 1)
	}
	for i, names := range [][]string{{"field.delim", "serialization.format"}, {"collection.delim", "colelction.delim"}, {"mapkey.delim"}} {
		// Hive misspelt collection.delim for ten years, and tables of that time carry the other name.
		if d.at[i], err = delimiterByte(p, d.at[i], names...); err != nil {
			return err
		}
	}
	if value, ok := p["escape.delim"]; ok && value != "" {
		d.escaped = true
		if d.escape, err = delimiterByte(p, '\\', "escape.delim"); err != nil {
			return err
		}
	}
	if value, ok := p["serialization.null.format"]; ok {
		d.null = []byte(value)
	}
	if value, ok := p["line.delim"]; ok && value != "\n" && value != "" && value != "10" {
		return fault.Newf(fault.Unsupported, "SerDe property line.delim", "%q is not a line feed", value)
	}
	last := -1 // the last column that is read: the rest of a line need not be split
	place := make([]int, len(t.spec.Columns))
	for i := range place {
		place[i] = -1
	}
	for i, at := range t.spec.Read {
		place[at] = i
		last = max(last, at)
	}
	for _, at := range t.spec.Read {
		if depthOf(t.spec.Columns[at].Type) > len(d.at) {
			return fault.Newf(fault.Unsupported, "column "+t.spec.Columns[at].Name, "nested deeper than there are delimiters")
		}
	}
	t.make = func(b *array.RecordBuilder) (rowFunc, error) {
		appends := make([]appendFunc, len(t.spec.Columns))
		for at, i := range place {
			if i >= 0 {
				appends[at] = d.appender(t.spec.Columns[at].Type, b.Field(i), 1)
			}
		}
		return func(line []byte) (bool, error) {
			at := 0
			for ; at <= last && line != nil; at++ {
				var field []byte
				if d.rest && at == len(t.spec.Columns)-1 {
					field, line = line, nil
				} else {
					field, line = d.next(line, d.at[0])
				}
				if f := appends[at]; f != nil && !f(field) {
					b.Field(place[at]).AppendNull()
				}
			}
			for ; at <= last; at++ {
				if place[at] >= 0 {
					b.Field(place[at]).AppendNull()
				}
			}
			return true, nil
		}, nil
	}
	return nil
}

// depthOf is how many delimiters a value of the type needs behind the one between fields, plus one.
func depthOf(t Type) int {
	switch t.Kind {
	case Array:
		return 1 + depthOf(*t.Elem)
	case Map:
		return 2 + depthOf(*t.Elem)
	case Struct:
		deepest := 0
		for _, f := range t.Fields {
			deepest = max(deepest, depthOf(f.Type))
		}
		return 1 + deepest
	}
	return 1
}

// next splits b at its first delimiter that is not escaped. rest is nil when there is none.
func (d *delimiters) next(b []byte, delimiter byte) (field, rest []byte) {
	if !d.escaped {
		if i := bytes.IndexByte(b, delimiter); i >= 0 {
			return b[:i], b[i+1 : len(b) : len(b)]
		}
		return b, nil
	}
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case d.escape:
			i++
		case delimiter:
			return b[:i], b[i+1 : len(b) : len(b)]
		}
	}
	return b, nil
}

// unescape removes the escapes from a value that needs no further splitting.
func (d *delimiters) unescape(b []byte) []byte {
	if !d.escaped || bytes.IndexByte(b, d.escape) < 0 {
		return b
	}
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		if b[i] == d.escape && i+1 < len(b) {
			i++
			switch b[i] {
			case 'n':
				out = append(out, '\n')
				continue
			case 'r':
				out = append(out, '\r')
				continue
			}
		}
		out = append(out, b[i])
	}
	return out
}

// appender reads values of type t. level is the delimiter that splits the value's own parts.
func (d *delimiters) appender(t Type, b array.Builder, level int) appendFunc {
	switch t.Kind {
	case Array:
		return d.list(b.(*array.ListBuilder), *t.Elem, level)
	case Map:
		return d.mapping(b.(*array.MapBuilder), t, level)
	case Struct:
		return d.structure(b.(*array.StructBuilder), t, level)
	}
	f := scalarAppender(t, b, d.stamps)
	text := t.Text() || t.Kind == Binary
	return func(v []byte) bool {
		if bytes.Equal(v, d.null) || len(v) == 0 && !text {
			return false
		}
		return f(d.unescape(v))
	}
}

func (d *delimiters) list(b *array.ListBuilder, elem Type, level int) appendFunc {
	f := d.appender(elem, b.ValueBuilder(), level+1)
	return func(v []byte) bool {
		if bytes.Equal(v, d.null) {
			return false
		}
		b.Append(true)
		if len(v) == 0 {
			return true
		}
		for rest := v; rest != nil; {
			var item []byte
			if item, rest = d.next(rest, d.at[level]); !f(item) {
				b.ValueBuilder().AppendNull()
			}
		}
		return true
	}
}

func (d *delimiters) mapping(b *array.MapBuilder, t Type, level int) appendFunc {
	key := d.appender(*t.Key, b.KeyBuilder(), level+2)
	value := d.appender(*t.Elem, b.ItemBuilder(), level+2)
	return func(v []byte) bool {
		if bytes.Equal(v, d.null) {
			return false
		}
		b.Append(true)
		if len(v) == 0 {
			return true
		}
		seen := map[string]bool{}
		for rest := v; rest != nil; {
			var entry []byte
			entry, rest = d.next(rest, d.at[level])
			name, item := d.next(entry, d.at[level+1])
			if seen[string(name)] || !key(name) { // no map has a NULL key, and Hive keeps the first of equal ones
				continue
			}
			seen[string(name)] = true
			if item == nil || !value(item) {
				b.ItemBuilder().AppendNull()
			}
		}
		return true
	}
}

func (d *delimiters) structure(b *array.StructBuilder, t Type, level int) appendFunc {
	fields := make([]appendFunc, len(t.Fields))
	for i, f := range t.Fields {
		fields[i] = d.appender(f.Type, b.FieldBuilder(i), level+1)
	}
	return func(v []byte) bool {
		if bytes.Equal(v, d.null) {
			return false
		}
		b.Append(true)
		rest := v
		for i, f := range fields {
			var item []byte
			present := rest != nil
			if present {
				item, rest = d.next(rest, d.at[level])
			}
			if !present || !f(item) {
				b.FieldBuilder(i).AppendNull()
			}
		}
		return true
	}
}
