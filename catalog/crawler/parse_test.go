package crawler

import (
	"strings"
	"testing"

	"flowlake/catalog"
	"flowlake/catalog/grok"
	"flowlake/columnar"
	"flowlake/fault"
)

func TestGlobMatches(t *testing.T) {
	for _, test := range []struct {
		pattern, path string
		want          bool
	}{
		{"*.csv", "a.csv", true}, {"*.csv", "a/b.csv", false}, {"**.csv", "a/b.csv", true}, {"*.*", "a.b", true},
		{"*.{csv,avro}", "x.avro", true}, {"*.{csv,avro}", "x.txt", false}, {"foo.?", "foo.a", true}, {"foo.?", "foo.ab", false},
		{"myfolder/*", "myfolder/a", true}, {"myfolder/*", "myfolder/a/b", false}, {"myfolder/**", "myfolder/a/b", true},
		{"Month[1-9]", "Month3", true}, {"Month[!1-9]", "Month3", false}, {"Month[!1-9]", "MonthX", true}, {"[abc]", "b", true}, {"[a-]", "-", true},
		{`\*`, "*", true}, {`\*`, "x", false}, {".*", ".hidden", true}, {"a,b", "a,b", true}, {"x}", "x}", true}, {"[*?]", "?", true},
		{"departments/{market*,sales}.json", "departments/marketing.json", true}, {"**", "any/thing", true}, {"a.b", "aXb", false},
	} {
		re, err := compileGlob(test.pattern)
		if err != nil {
			t.Errorf("%s: %v", test.pattern, err)
			continue
		}
		if got := re.MatchString(test.path); got != test.want {
			t.Errorf("%s on %s: got %v", test.pattern, test.path, got)
		}
	}
	for _, bad := range []string{"", "{a", "{a,{b}}", "[", "[]", "[a/b]", `a\`, strings.Repeat("x", 1025)} {
		if _, err := compileGlob(bad); !fault.Is(err, fault.Invalid) {
			t.Errorf("%.20s: got %v, want invalid", bad, err)
		}
	}
}

func TestMergeTypesWidens(t *testing.T) {
	for _, test := range []struct{ a, b, want string }{
		{"int", "bigint", "bigint"}, {"bigint", "double", "double"}, {"double", "string", "string"}, {"boolean", "int", "string"},
		{"int", "float", "double"}, {"decimal(10,2)", "decimal(8,4)", "decimal(12,4)"}, {"date", "timestamp", "string"},
		{"array<int>", "array<double>", "array<double>"}, {"struct<a:int>", "struct<A:bigint,b:int>", "struct<a:bigint,b:int>"},
		{"array<int>", "struct<a:int>", "string"}, {"varchar(3)", "varchar(5)", "varchar(5)"}, {"map<string,int>", "map<string,string>", "map<string,string>"},
	} {
		a, err := columnar.ParseType(test.a)
		if err != nil {
			t.Fatal(err)
		}
		b, err := columnar.ParseType(test.b)
		if err != nil {
			t.Fatal(err)
		}
		if x, y := mergeTypes(a, b), mergeTypes(b, a); x.String() != test.want || !strings.EqualFold(y.String(), test.want) {
			t.Errorf("%s with %s: got %s and %s, want %s", test.a, test.b, x, y, test.want)
		}
	}
}

func TestRemarksOnWhatQueriesCannotRead(t *testing.T) {
	for _, test := range []struct {
		name, body     string
		classification string
		reason         string
	}{
		{"a document a line", "{\"a\":1}\n{\"a\":2}\n", "json", ""},
		{"documents over several lines", "{\n\"a\": 1\n}\n", "json", "each line as a row"},
		{"documents behind each other", "{\"a\":1}{\"a\":2}", "json", "each line as a row"},
		{"a byte order mark", "\xef\xbb\xbf{\"a\":1}\n", "json", ""},
		{"text in Latin-1", "id,name\n1,J\xfcrgen\n2,Ren\xe9\n", "csv", ""},
		{"delimiters of Hive", "1\x01a\n2\x01b\n", "csv", ""},
	} {
		f := classify(t.Context(), sample{head: []byte(test.body), whole: true}, nil)
		if f.best.format.classification != test.classification || !strings.Contains(f.reason, test.reason) || test.reason == "" && f.reason != "" {
			t.Errorf("%s: got %q with %q, want %q with %q", test.name, f.best.format.classification, f.reason, test.classification, test.reason)
		}
	}
}

func FuzzGlob(f *testing.F) {
	for _, p := range []string{"**/*.{csv,tsv}", "[!a-z]?", `\`, "{[a],b}"} {
		f.Add(p, "a/b.csv")
	}
	f.Fuzz(func(t *testing.T, pattern, path string) {
		re, err := compileGlob(pattern)
		if err == nil {
			re.MatchString(path)
		} else if !fault.Is(err, fault.Invalid) {
			t.Fatalf("%q: %v is not the caller's", pattern, err)
		}
	})
}

// FuzzClassify feeds samples to every classifier that reads text: none may panic, and what they find is a
// table whose columns the catalogue takes.
func FuzzClassify(f *testing.F) {
	pattern, err := grok.Compile(seedPattern, "")
	if err != nil {
		f.Fatal(err)
	}
	path, err := catalog.ParseJSONPath("$.items[*]")
	if err != nil {
		f.Fatal(err)
	}
	customs := []custom{
		{Classifier: catalog.Classifier{Name: "g", Grok: &catalog.GrokClassifier{Classification: "x", Pattern: seedPattern}}, pattern: pattern},
		{Classifier: catalog.Classifier{Name: "j", JSON: &catalog.JSONClassifier{Path: "$.items[*]"}}, path: path},
		{Classifier: catalog.Classifier{Name: "v", CSV: &catalog.CSVClassifier{Delimiter: "#", Quote: "'"}}},
	}
	for _, s := range []string{record + noData, stamp + record, "a,b\n\"1\",2\n", `{"a":[{"b":null}]}{"a":1}`, `{"items":[{"a":1}]}`,
		"version srcaddr dstaddr\n2 1.1.1.1 2.2.2.2\n", "[1,2,{}]", "a#'b#c'\n1#2\n", "\xff\xfe", "{", "\"\n\"\n"} {
		f.Add([]byte(s), true)
	}
	f.Fuzz(func(t *testing.T, head []byte, whole bool) {
		found := classify(t.Context(), sample{file: file{"b", "k", int64(len(head))}, compression: "none", head: head, whole: whole}, customs)
		if found.unknown {
			return
		}
		if c := found.best.certainty; c <= 0 || c > 1 {
			t.Fatalf("certainty %v", c)
		}
		if found.best.matched > found.best.records {
			t.Fatalf("matched %d of %d", found.best.matched, found.best.records)
		}
		for _, col := range tableColumns(found.best.columns) {
			if _, err := columnar.ParseType(col.Type); err != nil {
				t.Fatalf("column %q: %v", col.Name, err)
			}
		}
	})
}
