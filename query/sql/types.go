package sql

import (
	"fmt"
	"strings"
)

// hivePrimitives are the types of DDL without parts; the value is how many numbers may follow in
// parentheses, negative when they must.
//
// Source: Athena user guide, "Data types in Amazon Athena"
var hivePrimitives = map[string]int{
	"BOOLEAN": 0, "TINYINT": 0, "SMALLINT": 0, "INT": 0, "INTEGER": 0, "BIGINT": 0, "FLOAT": 0, "DOUBLE": 0,
	"DECIMAL": 2, "STRING": 0, "BINARY": 0, "DATE": 0, "TIMESTAMP": 0, "CHAR": -1, "VARCHAR": -1,
}

// likelyTypes are names from other systems, and what they are called in DDL.
var likelyTypes = map[string]string{
	"TEXT": "string", "LONG": "bigint", "SHORT": "smallint", "BYTE": "tinyint", "BOOL": "boolean", "REAL": "float",
	"NUMBER": "decimal(p,s)", "NUMERIC": "decimal(p,s)", "DATETIME": "timestamp", "VARBINARY": "binary", "BYTES": "binary",
	"JSON": "string", "UUID": "string", "IPADDRESS": "string", "ROW": "struct<name:type>", "INT64": "bigint", "INT32": "int",
	"INT8": "tinyint", "INT16": "smallint", "BLOB": "binary", "CHARACTER": "char(n)", "TIME": "string",
}

// hiveType reads a type of DDL.
func (p *parser) hiveType() *Type {
	p.deeper()
	defer p.shallower()
	at, t := p.pos, p.cur()
	if t.kind != tokWord {
		p.note("<type>")
		if t.word == ")" || t.word == "," {
			p.failHint("Each column needs its type: name type")
		}
		p.fail()
	}
	p.pos++
	typ := &Type{Name: strings.ToLower(t.word)}
	limit, primitive := hivePrimitives[t.word]
	switch {
	case primitive:
		p.typeParams(at, typ, limit)
	case t.word == "ARRAY":
		p.needOp("<")
		typ.Elems = []*Type{p.hiveType()}
		p.needOp(">")
	case t.word == "MAP":
		p.needOp("<")
		typ.Elems = []*Type{p.hiveType()}
		p.needOp(",")
		typ.Elems = append(typ.Elems, p.hiveType())
		p.needOp(">")
	case t.word == "STRUCT":
		p.needOp("<")
		p.commas(func() {
			start := p.start()
			name := p.columnIdent()
			p.needOp(":")
			f := TypeField{Name: &name, Type: p.hiveType()}
			if p.word("COMMENT") {
				f.Comment = p.stringLiteral()
			}
			f.Span = p.span(start)
			typ.Fields = append(typ.Fields, f)
		})
		p.needOp(">")
	case t.word == "UNIONTYPE":
		p.unsupported(at, "the type uniontype")
	default:
		hint := ""
		if likely := likelyTypes[t.word]; likely != "" {
			hint = "DDL calls it " + likely
		}
		p.refuse(at, "unknown type "+p.show(t), hint)
	}
	typ.Span = p.span(t.start)
	return typ
}

// typeParams reads the numbers in parentheses behind a primitive type and checks them.
func (p *parser) typeParams(at int, typ *Type, limit int) {
	if limit < 0 && !p.isOp("(") {
		p.pos = at
		p.refuse(at, "the type "+typ.Name+" needs a length", "Write "+typ.Name+"(n), or string for any length")
	}
	if limit == 0 || !p.op("(") {
		return
	}
	p.commas(func() {
		if len(typ.Params) == max(limit, -limit) {
			p.refuse(p.pos, "too many numbers behind "+typ.Name, "")
		}
		typ.Params = append(typ.Params, p.integer())
	})
	p.needOp(")")
	switch n := typ.Params; {
	case typ.Name == "decimal" && (n[0] < 1 || n[0] > 38):
		p.refuse(at, "the precision of decimal is from 1 to 38", "")
	case typ.Name == "decimal" && len(n) > 1 && n[1] > n[0]:
		p.refuse(at, "the scale of decimal is at most its precision", "")
	case typ.Name == "char" && (n[0] < 1 || n[0] > 255):
		p.refuse(at, "the length of char is from 1 to 255", "")
	case typ.Name == "varchar" && (n[0] < 1 || n[0] > 65535):
		p.refuse(at, "the length of varchar is from 1 to 65535", "")
	}
}

// trinoType reads a type of a query, as CAST takes it.
func (p *parser) trinoType() *Type {
	p.deeper()
	defer p.shallower()
	muted := p.begin("<type>")
	start := p.start()
	typ := p.baseType()
	p.muted = muted
	typ.Span = p.span(start)
	for p.isWord("ARRAY") { // bigint ARRAY
		p.pos++
		if p.op("[") {
			p.integer()
			p.needOp("]")
		}
		typ = &Type{Span: p.span(start), Name: "array", Elems: []*Type{typ}}
	}
	return typ
}

func (p *parser) baseType() *Type {
	t := p.cur()
	switch {
	case !p.isIdent(t):
		p.fail()
	case t.kind == tokQuoted:
		id := p.ident()
		return p.genericType(id.Key())
	case t.word == "ROW" && p.opens(1):
		return p.rowType()
	case t.word == "INTERVAL":
		p.pos++
		from, to := p.intervalUnits()
		name := "interval " + strings.ToLower(from)
		if to != "" {
			name += " to " + strings.ToLower(to)
		}
		return &Type{Name: name}
	case t.word == "TIME" || t.word == "TIMESTAMP":
		p.pos++
		typ := &Type{Name: strings.ToLower(t.word)}
		if p.op("(") {
			typ.Params = []int{p.integer()}
			p.needOp(")")
		}
		switch {
		case p.word("WITH"):
			p.need("TIME", "ZONE")
			typ.Name += " with time zone"
		case p.word("WITHOUT"):
			p.need("TIME", "ZONE")
		}
		return typ
	case t.word == "DOUBLE" && p.follows("PRECISION"):
		p.pos += 2
		return &Type{Name: "double"}
	case (t.word == "ARRAY" || t.word == "MAP") && p.peek(1).word == "<":
		p.pos += 2
		typ := &Type{Name: strings.ToLower(t.word), Elems: []*Type{p.trinoType()}}
		if t.word == "MAP" {
			p.needOp(",")
			typ.Elems = append(typ.Elems, p.trinoType())
		}
		p.needOp(">")
		return typ
	}
	p.pos++
	return p.genericType(strings.ToLower(p.text[t.start:t.end]))
}

// genericType reads the parameters of a named type: numbers, types, or none.
func (p *parser) genericType(name string) *Type {
	typ := &Type{Name: name}
	if !p.op("(") {
		return typ
	}
	p.commas(func() {
		if p.cur().kind == tokInteger {
			typ.Params = append(typ.Params, p.integer())
		} else {
			p.note("<integer>")
			typ.Elems = append(typ.Elems, p.trinoType())
		}
	})
	p.needOp(")")
	return typ
}

// rowType reads ROW(name type, …) or ROW(type, …).
func (p *parser) rowType() *Type {
	typ := &Type{Name: "row"}
	p.need("ROW")
	p.needOp("(")
	p.commas(func() {
		start := p.start()
		var f TypeField
		if p.namedField() {
			name := p.ident()
			f.Name = &name
		}
		f.Type = p.trinoType()
		f.Span = p.span(start)
		typ.Fields = append(typ.Fields, f)
	})
	p.needOp(")")
	return typ
}

// namedField reports whether a row's field begins with a name: two names in a row, unless the two
// together are a type.
func (p *parser) namedField() bool {
	first, second := p.cur(), p.peek(1)
	if !p.isIdent(first) || !p.isIdent(second) {
		return false
	}
	if first.kind == tokWord {
		switch {
		case first.word == "DOUBLE" && second.word == "PRECISION":
			return p.isIdent(p.peek(2)) && p.peek(2).word != "ARRAY"
		case first.word == "INTERVAL" && intervalUnits[second.word]:
			return false
		case (first.word == "TIME" || first.word == "TIMESTAMP") && second.word == "WITHOUT":
			return false
		}
	}
	if second.word == "ARRAY" {
		after := p.peek(2).word // bigint ARRAY is a type; x ARRAY(bigint) a field
		return after == "(" || after == "<"
	}
	return true
}

// FormatHive writes t as the catalogue spells a type: lower case, no white space, int for integer,
// decimal with both numbers. It is the canonical form: two texts of one type give the same.
func (t *Type) FormatHive() string {
	var b strings.Builder
	t.hive(&b)
	return b.String()
}

func (t *Type) hive(b *strings.Builder) {
	name := t.Name
	switch name {
	case "integer":
		name = "int"
	case "row":
		name = "struct"
	}
	b.WriteString(name)
	switch {
	case len(t.Fields) > 0:
		for i, f := range t.Fields {
			b.WriteByte("<,"[min(i, 1)])
			if f.Name != nil {
				b.WriteString(f.Name.Key())
			}
			b.WriteByte(':')
			f.Type.hive(b)
		}
		b.WriteByte('>')
	case len(t.Elems) > 0:
		for i, e := range t.Elems {
			b.WriteByte("<,"[min(i, 1)])
			e.hive(b)
		}
		b.WriteByte('>')
	case t.Name == "decimal":
		precision, scale := 10, 0 // Hive's defaults
		if len(t.Params) > 0 {
			precision = t.Params[0]
		}
		if len(t.Params) > 1 {
			scale = t.Params[1]
		}
		fmt.Fprintf(b, "(%d,%d)", precision, scale)
	case len(t.Params) > 0:
		fmt.Fprintf(b, "(%d)", t.Params[0])
	}
}
