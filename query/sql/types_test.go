package sql

import (
	"testing"

	"pgregory.net/rapid"
)

// formatType is the canonical form of a Hive type that is written in text.
func formatType(text string) (string, error) {
	t, err := ParseType(text)
	if err != nil {
		return "", err
	}
	return t.FormatHive(), nil
}

func TestFormatHiveIsCanonical(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"INT", "int"},
		{"integer", "int"},
		{"Decimal", "decimal(10,0)"},
		{"decimal( 5 )", "decimal(5,0)"},
		{"decimal(5, 2)", "decimal(5,2)"},
		{"varchar ( 10 )", "varchar(10)"},
		{"ARRAY < INT >", "array<int>"},
		{"map<string,array<map<int,date>>>", "map<string,array<map<int,date>>>"},
		{"struct<A:int, `B c`:string COMMENT 'x'>", "struct<a:int,b c:string>"},
		{"struct<timestamp:timestamp,end:struct<date:date>>", "struct<timestamp:timestamp,end:struct<date:date>>"},
	} {
		got, err := formatType(c.text)
		if err != nil || got != c.want {
			t.Errorf("%s: got %q, %v, want %q", c.text, got, err, c.want)
		}
	}
	for _, text := range []string{"", "array", "array<>", "struct<>", "map<int>", "int int", "decimal(0)", "varchar", "text", "array<int>>"} {
		if got, err := formatType(text); err == nil {
			t.Errorf("%q: got %q, want an error", text, got)
		}
	}
}

// hiveType draws a type in its canonical form.
func hiveTypeText(t *rapid.T, depth int) string {
	kind := 0
	if depth > 0 {
		kind = rapid.IntRange(0, 3).Draw(t, "kind")
	}
	switch kind {
	case 1:
		return "array<" + hiveTypeText(t, depth-1) + ">"
	case 2:
		return "map<string," + hiveTypeText(t, depth-1) + ">"
	case 3:
		return "struct<a:" + hiveTypeText(t, depth-1) + ",end:" + hiveTypeText(t, depth-1) + ">"
	}
	return rapid.SampledFrom([]string{"boolean", "tinyint", "smallint", "int", "bigint", "float", "double", "string", "binary",
		"date", "timestamp", "decimal(10,2)", "varchar(5)", "char(1)"}).Draw(t, "primitive")
}

func TestTheCanonicalFormParsesToItself(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := hiveTypeText(t, 4)
		if got, err := formatType(text); err != nil || got != text {
			t.Fatalf("%s: got %q, %v", text, got, err)
		}
	})
}

func TestTrinoTypesParseToWhatTheySpell(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"struct<a:int,b:array<string>>", `row("a" integer, "b" array(varchar))`},
		{"map<string,binary>", "map(varchar, varbinary)"},
		{"decimal(10,2)", "decimal(10, 2)"},
	} {
		typ, err := ParseType(c.text)
		if err != nil {
			t.Fatal(err)
		}
		if got := formatTrino(typ); got != c.want {
			t.Errorf("%s: got %s, want %s", c.text, got, c.want)
		}
		if _, err := Parse("SELECT CAST(a AS " + formatTrino(typ) + ")"); err != nil {
			t.Error(err)
		}
	}
}
