package sql

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// dump writes a tree as an s-expression: the type's name, then the fields that are set, then what is
// below. Names and literals are shown by what they say.
func dump(n Node) string {
	var b strings.Builder
	dumpValue(&b, reflect.ValueOf(n))
	return b.String()
}

func dumpValue(b *strings.Builder, v reflect.Value) {
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	switch x := v.Interface().(type) {
	case Ident:
		if x.Quote != Bare {
			fmt.Fprintf(b, "%c%s%c", x.Quote, x.Name, x.Quote)
		} else {
			b.WriteString(x.Name)
		}
		return
	case Name:
		for i := range x.Parts {
			if i > 0 {
				b.WriteByte('.')
			}
			dumpValue(b, reflect.ValueOf(x.Parts[i]))
		}
		return
	case Reference:
		dumpValue(b, reflect.ValueOf(x.Name))
		return
	case String:
		fmt.Fprintf(b, "%q", x.Value)
		return
	case Number:
		fmt.Fprintf(b, "%s:%s", x.Text, x.Kind)
		return
	case Type:
		b.WriteString(formatTrino(&x))
		return
	case Binary:
		fmt.Fprintf(b, "x%x", x.Value)
		return
	}
	t := v.Type()
	if c, ok := v.Interface().(ColumnDef); ok { // with the type as the catalogue spells it
		fmt.Fprintf(b, "(ColumnDef %s %s", c.Name.Name, c.Type.FormatHive())
		if c.Comment != nil {
			fmt.Fprintf(b, " %q", c.Comment.Value)
		}
		b.WriteByte(')')
		return
	}
	b.WriteString("(" + t.Name())
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Type == spanType || v.Field(i).IsZero() {
			continue
		}
		fv := v.Field(i)
		switch {
		case fv.Kind() == reflect.Bool:
			fmt.Fprintf(b, " %s", f.Name)
		case fv.Kind() == reflect.String || fv.Kind() == reflect.Int:
			fmt.Fprintf(b, " %s=%v", f.Name, fv.Interface())
		case fv.Kind() == reflect.Slice:
			fmt.Fprintf(b, " %s[", f.Name)
			for j := range fv.Len() {
				if j > 0 {
					b.WriteByte(' ')
				}
				dumpValue(b, fv.Index(j))
			}
			b.WriteByte(']')
		default:
			fmt.Fprintf(b, " %s:", f.Name)
			dumpValue(b, fv)
		}
	}
	b.WriteByte(')')
}

// formatTrino writes t as a query spells it: array(row(a integer)), timestamp(3) with time zone.
func formatTrino(t *Type) string {
	var parts []string
	for _, f := range t.Fields {
		part := formatTrino(f.Type)
		if f.Name != nil {
			part = QuoteIdent(f.Name.Name) + " " + part
		}
		parts = append(parts, part)
	}
	for _, e := range t.Elems {
		parts = append(parts, formatTrino(e))
	}
	for _, n := range t.Params {
		parts = append(parts, strconv.Itoa(n))
	}
	name, rest := t.Name, ""
	switch name {
	case "struct":
		name = "row"
	case "int":
		name = "integer"
	case "string":
		name = "varchar"
	case "binary":
		name = "varbinary"
	}
	if len(parts) == 0 {
		return name
	}
	if base, zone, ok := strings.Cut(name, " "); ok && strings.HasPrefix(base, "time") {
		name, rest = base, " "+zone
	}
	return name + "(" + strings.Join(parts, ", ") + ")" + rest
}
