package crawler

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"flowlake/catalog"
	"flowlake/columnar"
)

// similar is the share of columns above which two schemas may be one table's.
//
// Source: Glue developer guide, "How does a crawler determine when to create partitions?"
const similar = 0.7

func sortedKeys[V any](m map[string]V) []string {
	return slices.SortedFunc(maps.Keys(m), cmp.Compare[string])
}

// mergeTypes is the narrowest type that reads the values of both: int, bigint, double, string widen in this
// order. The zero Type is that of no value.
func mergeTypes(a, b columnar.Type) columnar.Type {
	switch {
	case a.Kind == 0:
		return b
	case b.Kind == 0:
		return a
	}
	if a.Kind == b.Kind {
		switch a.Kind {
		case columnar.Array:
			return columnar.Type{Kind: columnar.Array, Elem: mergeRefs(a.Elem, b.Elem)}
		case columnar.Map:
			return columnar.Type{Kind: columnar.Map, Key: mergeRefs(a.Key, b.Key), Elem: mergeRefs(a.Elem, b.Elem)}
		case columnar.Struct:
			return columnar.Type{Kind: columnar.Struct, Fields: mergeFields(a.Fields, b.Fields)}
		case columnar.Decimal:
			scale := max(a.Scale, b.Scale)
			whole := max(a.Precision-a.Scale, b.Precision-b.Scale)
			if whole+scale > 38 {
				return columnar.Type{Kind: columnar.Double}
			}
			return columnar.Type{Kind: columnar.Decimal, Precision: whole + scale, Scale: scale}
		case columnar.Varchar, columnar.Char:
			if a.Length < b.Length {
				return b
			}
		}
		return a
	}
	if x, y := rank(a.Kind), rank(b.Kind); x > 0 && y > 0 {
		if x < y {
			a, b = b, a
		}
		if a.Kind == columnar.Float && rank(b.Kind) >= rank(columnar.Int) {
			return columnar.Type{Kind: columnar.Double} // a float has 24 bits of an integer
		}
		return a
	}
	return columnar.Type{Kind: columnar.String}
}

// rank orders the kinds of numbers by what they hold; 0 is no such number.
func rank(k columnar.Kind) int {
	return 1 + slices.Index([]columnar.Kind{columnar.TinyInt, columnar.SmallInt, columnar.Int, columnar.BigInt, columnar.Float, columnar.Double}, k)
}

func mergeRefs(a, b *columnar.Type) *columnar.Type {
	t := mergeTypes(*a, *b)
	return &t
}

func mergeFields(a, b []columnar.Field) []columnar.Field {
	out := slices.Clone(a)
	at := make(map[string]int, len(out))
	for i, f := range out {
		at[strings.ToLower(f.Name)] = i
	}
	for _, f := range b {
		if i, ok := at[strings.ToLower(f.Name)]; ok {
			out[i].Type = mergeTypes(out[i].Type, f.Type)
		} else {
			at[strings.ToLower(f.Name)] = len(out)
			out = append(out, f)
		}
	}
	return out
}

// merger merges the types of many values, equally many on both sides at a time: documents whose members are
// all different cost n log n and not the square.
type merger struct {
	types  []columnar.Type
	values []int // that each of types is of; they fall from left to right
}

func (m *merger) add(t columnar.Type) {
	m.types, m.values = append(m.types, t), append(m.values, 1)
	for n := len(m.values); n > 1 && m.values[n-2] == m.values[n-1]; n-- {
		m.fold()
	}
}

// fold merges the last two.
func (m *merger) fold() {
	n := len(m.types)
	m.types[n-2] = mergeTypes(m.types[n-2], m.types[n-1])
	m.values[n-2] += m.values[n-1]
	m.types, m.values = m.types[:n-1], m.values[:n-1]
}

// merged is the type of all values, the zero Type when there was none.
func (m *merger) merged() columnar.Type {
	for len(m.types) > 1 {
		m.fold()
	}
	if len(m.types) == 0 {
		return columnar.Type{}
	}
	return m.types[0]
}

// mergeColumns is the schema that reads the files of both. Columns that are found by their place keep
// it: the names of the longer schema stand.
func mergeColumns(a, b []column, positional bool) []column {
	if same(a, b) {
		return a
	}
	if positional {
		if len(a) < len(b) {
			a, b = b, a
		}
		out := slices.Clone(a)
		for i, col := range b {
			out[i].typ = mergeTypes(out[i].typ, col.typ)
		}
		return out
	}
	out := slices.Clone(a)
	at := make(map[string]int, len(out))
	for i, col := range out {
		at[strings.ToLower(col.name)] = i
	}
	for _, col := range b {
		if i, ok := at[strings.ToLower(col.name)]; ok {
			out[i].typ = mergeTypes(out[i].typ, col.typ)
		} else {
			at[strings.ToLower(col.name)] = len(out)
			out = append(out, col)
		}
	}
	return out
}

// same reports whether two schemas are one in memory, as those of files that agree are: see sharing.
func same(a, b []column) bool { return len(a) > 0 && len(a) == len(b) && &a[0] == &b[0] }

// similarity is the share of columns that two schemas have in common, of the larger one's. A column counts
// half when no type but string reads both.
func similarity(a, b []column, positional bool) float64 {
	switch {
	case len(a) == 0 || len(b) == 0:
		return 0
	case same(a, b):
		return 1
	}
	score := 0.0
	add := func(x, y columnar.Type) {
		if m := mergeTypes(x, y); m.Kind == columnar.String && x.Kind != y.Kind && x.Kind != 0 && y.Kind != 0 {
			score += 0.5
		} else {
			score++
		}
	}
	if positional {
		for i := range min(len(a), len(b)) {
			if strings.EqualFold(a[i].name, b[i].name) {
				add(a[i].typ, b[i].typ)
			}
		}
	} else {
		types := make(map[string]columnar.Type, len(a))
		for _, col := range a {
			types[strings.ToLower(col.name)] = col.typ
		}
		for _, col := range b {
			if t, ok := types[strings.ToLower(col.name)]; ok {
				add(t, col.typ)
			}
		}
	}
	return score / float64(max(len(a), len(b)))
}

// tableColumns are the columns as the catalogue has them. Names that differ only in case are one, and those
// that no table can have are left out.
func tableColumns(columns []column) []catalog.Column {
	out := make([]catalog.Column, 0, len(columns))
	seen := make(map[string]bool)
	for _, col := range columns {
		n := strings.ToLower(col.name)
		if n == "" || len(n) > 255 || seen[n] || !utf8.ValidString(n) || strings.ContainsFunc(n, control) {
			continue // no table can have it
		}
		seen[n] = true
		t := hive(col.typ)
		if _, err := columnar.ParseType(t); err != nil { // longer than the catalogue keeps
			t = "string"
		}
		out = append(out, catalog.Column{Name: n, Type: t})
	}
	return out
}

// hive spells a type in which nothing is left open: what was always null is read as text.
func hive(t columnar.Type) string { return settle(t).String() }

func settle(t columnar.Type) columnar.Type {
	switch t.Kind {
	case 0:
		return columnar.Type{Kind: columnar.String}
	case columnar.Array:
		e := settle(*t.Elem)
		return columnar.Type{Kind: columnar.Array, Elem: &e}
	case columnar.Map:
		key, e := settle(*t.Key), settle(*t.Elem)
		return columnar.Type{Kind: columnar.Map, Key: &key, Elem: &e}
	case columnar.Struct:
		if len(t.Fields) == 0 {
			return columnar.Type{Kind: columnar.String}
		}
		fields := make([]columnar.Field, len(t.Fields))
		for i, f := range t.Fields {
			fields[i] = columnar.Field{Name: f.Name, Type: settle(f.Type)}
		}
		return columnar.Type{Kind: columnar.Struct, Fields: fields}
	}
	return t
}
