package columnar

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"flowlake/fault"
)

func TestParseType(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"plain", "bigint", "bigint"},
		{"case and blanks", " ARRAY < Struct< a : INT , B:map<string , date>> > ", "array<struct<a:int,B:map<string,date>>>"},
		{"synonyms", "struct<a:integer,b:double precision,c:numeric(5),d:decimal,e:real>", "struct<a:int,b:double,c:decimal(5,0),d:decimal(10,0),e:float>"},
		{"sizes", "map<varchar(10),char(3)>", "map<varchar(10),char(3)>"},
		{"field names with dashes and dots", "struct<account-id:string,a.b:int>", "struct<account-id:string,a.b:int>"},
		{"backticks", "struct<`a:b``c`:int>", "struct<`a:b``c`:int>"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseType(tt.in)
			if err != nil || got.String() != tt.want {
				t.Fatalf("ParseType(%q) = %q, %v; want %q", tt.in, got, err, tt.want)
			}
		})
	}
}

func TestParseTypeRefuses(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		kind     fault.Kind
	}{
		{"nothing", "", fault.Invalid},
		{"an unknown name", "number", fault.Invalid},
		{"an open bracket", "array<int", fault.Invalid},
		{"text behind the type", "int)", fault.Invalid},
		{"too large a precision", "decimal(39,2)", fault.Invalid},
		{"a scale above the precision", "decimal(3,4)", fault.Invalid},
		{"varchar without a length", "varchar", fault.Invalid},
		{"an empty struct", "struct<>", fault.Invalid},
		{"a field twice", "struct<a:int,A:int>", fault.Invalid},
		{"an array as a key", "map<array<int>,int>", fault.Invalid},
		{"a tower of arrays", strings.Repeat("array<", 1000) + "int" + strings.Repeat(">", 1000), fault.Invalid},
		{"a huge number", "varchar(99999999999999999999)", fault.Invalid},
		{"uniontype", "uniontype<int,string>", fault.Unsupported},
		{"a zone", "timestamp with local time zone", fault.Unsupported},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := ParseType(tt.in); !fault.Is(err, tt.kind) {
				t.Fatalf("ParseType(%q) = %v, %v; want a %v fault", clip(tt.in), got, err, tt.kind)
			}
		})
	}
}

// anyType draws types at most depth levels deep.
func anyType(depth int) *rapid.Generator[Type] {
	return rapid.Custom(func(t *rapid.T) Type {
		last := Timestamp
		if depth > 0 {
			last = Struct
		}
		typ := Type{Kind: Kind(rapid.IntRange(int(Boolean), int(last)).Draw(t, "kind"))}
		switch typ.Kind {
		case Varchar, Char:
			typ.Length = rapid.IntRange(1, 255).Draw(t, "length")
		case Decimal:
			typ.Precision = rapid.IntRange(1, 38).Draw(t, "precision")
			typ.Scale = rapid.IntRange(0, typ.Precision).Draw(t, "scale")
		case Array, Map:
			elem := anyType(depth-1).Draw(t, "elem")
			typ.Elem = &elem
			if typ.Kind == Map {
				key := anyType(0).Draw(t, "key")
				typ.Key = &key
			}
		case Struct:
			names := rapid.SliceOfNDistinct(rapid.StringMatching("[a-z`:_ -]{1,8}"), 1, 4, rapid.ID).Draw(t, "names")
			for _, n := range names {
				typ.Fields = append(typ.Fields, Field{n, anyType(depth-1).Draw(t, "field")})
			}
		}
		return typ
	})
}

func TestTypesSurvivePrinting(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := anyType(3).Draw(t, "type")
		got, err := ParseType(want.String())
		if err != nil || got.String() != want.String() {
			t.Fatalf("%s came back as %s, %v", want, got, err)
		}
	})
}

func FuzzParseType(f *testing.F) {
	for _, s := range []string{"int", "array<struct<a:int,`b c`:map<string,decimal(10,2)>>>", "char(3", "map<"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		typ, err := ParseType(s)
		if err != nil {
			return
		}
		if again, err := ParseType(typ.String()); err != nil || again.String() != typ.String() {
			t.Fatalf("%q reads as %s, which reads as %s, %v", s, typ, again, err)
		}
	})
}
