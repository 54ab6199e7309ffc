package columnar

import (
	"fmt"
	"strings"

	"flowlake/fault"
)

// Kind is the constructor of a Hive type.
type Kind uint8

// The kinds of Hive types. The zero Kind is no type.
const (
	Boolean Kind = iota + 1
	TinyInt
	SmallInt
	Int
	BigInt
	Float
	Double
	Decimal
	String
	Varchar
	Char
	Binary
	Date
	Timestamp
	Array
	Map
	Struct
)

var kindNames = [...]string{"", "boolean", "tinyint", "smallint", "int", "bigint", "float", "double", "decimal",
	"string", "varchar", "char", "binary", "date", "timestamp", "array", "map", "struct"}

// String is the kind's Hive name, without parameters.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// Type is a Hive type as a tree. Only the fields that its Kind speaks of are set.
type Type struct {
	Kind      Kind
	Length    int     // Varchar (1–65535), Char (1–255), in characters
	Precision int     // Decimal, 1–38
	Scale     int     // Decimal, 0–Precision
	Key       *Type   // Map: a type that is neither array, map nor struct
	Elem      *Type   // Array's element, Map's value
	Fields    []Field // Struct, in order; at least one
}

// Field is a member of a struct type.
type Field struct {
	Name string // as it was written
	Type Type
}

// Column is a named column of a table or of a file.
type Column struct {
	Name string
	Type Type
}

// Limits of ParseType. Glue stores at most 131,072 characters of a column's type.
const (
	maxTypeText  = 131072
	maxTypeDepth = 64
)

// Nested reports whether the type is an array, a map or a struct.
func (t Type) Nested() bool { return t.Kind >= Array }

// Text reports whether values of the type are character strings.
func (t Type) Text() bool { return t.Kind == String || t.Kind == Varchar || t.Kind == Char }

// String spells the type as Hive's DDL does, in lower case, without blanks; ParseType reads it back.
func (t Type) String() string {
	var b strings.Builder
	t.write(&b)
	return b.String()
}

func (t Type) write(b *strings.Builder) {
	switch t.Kind {
	case Varchar, Char:
		fmt.Fprintf(b, "%s(%d)", t.Kind, t.Length)
	case Decimal:
		fmt.Fprintf(b, "decimal(%d,%d)", t.Precision, t.Scale)
	case Array:
		b.WriteString("array<")
		t.Elem.write(b)
		b.WriteByte('>')
	case Map:
		b.WriteString("map<")
		t.Key.write(b)
		b.WriteByte(',')
		t.Elem.write(b)
		b.WriteByte('>')
	case Struct:
		b.WriteString("struct<")
		for i, f := range t.Fields {
			if i > 0 {
				b.WriteByte(',')
			}
			if strings.ContainsAny(f.Name, "`<>(),: \t\r\n") {
				b.WriteString("`" + strings.ReplaceAll(f.Name, "`", "``") + "`")
			} else {
				b.WriteString(f.Name)
			}
			b.WriteByte(':')
			f.Type.write(b)
		}
		b.WriteByte('>')
	default:
		b.WriteString(t.Kind.String())
	}
}

// ParseType reads a Hive type: "bigint", "decimal(10,2)", "array<struct<a:int,b:map<string,date>>>".
// Letters' case and blanks between words do not matter; integer, real, numeric, dec and double
// precision are read as the types they stand for. Names of struct fields keep their case and may be in
// backticks.
//
// It returns a fault.Invalid error that names the text and the place, and fault.Unsupported for
// Hive types that are not read here (uniontype, interval, timestamp with a zone).
func ParseType(text string) (Type, error) {
	if len(text) > maxTypeText {
		return Type{}, fault.Newf(fault.Invalid, "type", "%d characters are more than %d", len(text), maxTypeText)
	}
	p := typeParser{text: text}
	t, err := p.parse(0)
	if err == nil {
		if p.blanks(); p.at < len(text) {
			err = p.fail("%q is too much", clip(text[p.at:]))
		}
	}
	if err != nil {
		return Type{}, err
	}
	return t, nil
}

type typeParser struct {
	text string
	at   int
}

func clip(s string) string {
	if len(s) > 60 {
		return s[:60] + "…"
	}
	return s
}

func (p *typeParser) fail(format string, args ...any) error {
	return fault.Newf(fault.Invalid, "type "+clip(p.text), "%s at character %d", fmt.Sprintf(format, args...), p.at+1)
}

func (p *typeParser) blanks() {
	for p.at < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.at]) >= 0 {
		p.at++
	}
}

// take consumes c if it comes next, blanks aside.
func (p *typeParser) take(c byte) bool {
	p.blanks()
	if p.at < len(p.text) && p.text[p.at] == c {
		p.at++
		return true
	}
	return false
}

func (p *typeParser) expect(c byte) error {
	if p.take(c) {
		return nil
	}
	if p.at == len(p.text) {
		return p.fail("missing %q", c)
	}
	return p.fail("%q where %q was expected", p.text[p.at], c)
}

func (p *typeParser) word() string {
	p.blanks()
	start := p.at
	for p.at < len(p.text) {
		c := p.text[p.at] | 0x20
		if (c < 'a' || c > 'z') && p.text[p.at] != '_' {
			break
		}
		p.at++
	}
	return strings.ToLower(p.text[start:p.at])
}

func (p *typeParser) number(limit int) (int, error) {
	p.blanks()
	start, n := p.at, 0
	for p.at < len(p.text) && p.text[p.at] >= '0' && p.text[p.at] <= '9' {
		if n <= limit {
			n = n*10 + int(p.text[p.at]-'0')
		}
		p.at++
	}
	if start == p.at {
		return 0, p.fail("missing number")
	}
	if n > limit {
		return 0, p.fail("number above %d", limit)
	}
	return n, nil
}

var plainTypes = map[string]Kind{
	"boolean": Boolean, "tinyint": TinyInt, "smallint": SmallInt, "int": Int, "integer": Int, "bigint": BigInt,
	"float": Float, "real": Float, "double": Double, "string": String, "binary": Binary, "date": Date, "timestamp": Timestamp,
}

func (p *typeParser) parse(depth int) (Type, error) {
	if depth > maxTypeDepth {
		return Type{}, p.fail("types are nested more than %d deep", maxTypeDepth)
	}
	p.blanks()
	start := p.at
	name := p.word()
	if k, ok := plainTypes[name]; ok {
		after := p.at
		switch next := p.word(); {
		case k == Double && next == "precision":
		case k == Timestamp && next == "with":
			return Type{}, fault.Newf(fault.Unsupported, "type "+clip(p.text), "timestamps with a zone are not read from files")
		default:
			p.at = after
		}
		return Type{Kind: k}, nil
	}
	switch name {
	case "decimal", "numeric", "dec":
		return p.decimal()
	case "varchar", "char":
		return p.sized(name)
	case "array":
		return p.array(depth)
	case "map":
		return p.mapping(depth)
	case "struct":
		return p.structure(depth)
	case "uniontype", "interval", "void", "interval_year_month", "interval_day_time":
		return Type{}, fault.Newf(fault.Unsupported, "type "+clip(p.text), "%s is not read here", name)
	}
	p.at = start
	if name == "" {
		return Type{}, p.fail("missing type")
	}
	return Type{}, p.fail("no type is called %q", clip(name))
}

func (p *typeParser) decimal() (Type, error) {
	t := Type{Kind: Decimal, Precision: 10}
	if !p.take('(') {
		return t, nil
	}
	var err error
	if t.Precision, err = p.number(38); err != nil {
		return t, err
	}
	if t.Precision == 0 {
		return t, p.fail("precision 0")
	}
	if p.take(',') {
		if t.Scale, err = p.number(t.Precision); err != nil {
			return t, err
		}
	}
	return t, p.expect(')')
}

func (p *typeParser) sized(name string) (Type, error) {
	t, limit := Type{Kind: Varchar}, 65535
	if name == "char" {
		t.Kind, limit = Char, 255
	}
	err := p.expect('(')
	if err != nil {
		return t, err
	}
	if t.Length, err = p.number(limit); err != nil {
		return t, err
	}
	if t.Length == 0 {
		return t, p.fail("length 0")
	}
	return t, p.expect(')')
}

func (p *typeParser) array(depth int) (Type, error) {
	if err := p.expect('<'); err != nil {
		return Type{}, err
	}
	elem, err := p.parse(depth + 1)
	if err != nil {
		return Type{}, err
	}
	return Type{Kind: Array, Elem: &elem}, p.expect('>')
}

func (p *typeParser) mapping(depth int) (Type, error) {
	if err := p.expect('<'); err != nil {
		return Type{}, err
	}
	key, err := p.parse(depth + 1)
	if err != nil {
		return Type{}, err
	}
	if key.Nested() {
		return Type{}, p.fail("%s as the key of a map", key.Kind)
	}
	if err := p.expect(','); err != nil {
		return Type{}, err
	}
	elem, err := p.parse(depth + 1)
	if err != nil {
		return Type{}, err
	}
	return Type{Kind: Map, Key: &key, Elem: &elem}, p.expect('>')
}

func (p *typeParser) structure(depth int) (Type, error) {
	if err := p.expect('<'); err != nil {
		return Type{}, err
	}
	t := Type{Kind: Struct}
	seen := map[string]bool{}
	for {
		name, err := p.fieldName()
		if err != nil {
			return t, err
		}
		if seen[strings.ToLower(name)] {
			return t, p.fail("two fields called %q", clip(name))
		}
		seen[strings.ToLower(name)] = true
		if err := p.expect(':'); err != nil {
			return t, err
		}
		field, err := p.parse(depth + 1)
		if err != nil {
			return t, err
		}
		t.Fields = append(t.Fields, Field{Name: name, Type: field})
		if !p.take(',') {
			return t, p.expect('>')
		}
	}
}

func (p *typeParser) fieldName() (string, error) {
	if p.take('`') {
		var b strings.Builder
		for p.at < len(p.text) {
			c := p.text[p.at]
			p.at++
			if c != '`' {
				b.WriteByte(c)
			} else if p.at < len(p.text) && p.text[p.at] == '`' {
				b.WriteByte('`')
				p.at++
			} else if b.Len() > 0 {
				return b.String(), nil
			} else {
				break
			}
		}
		return "", p.fail("bad field name in backticks")
	}
	p.blanks()
	start := p.at
	for p.at < len(p.text) && strings.IndexByte("`<>(),: \t\r\n", p.text[p.at]) < 0 {
		p.at++
	}
	if start == p.at {
		return "", p.fail("missing field name")
	}
	return p.text[start:p.at], nil
}
