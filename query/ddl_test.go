package query

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"flowlake/catalog"
	"flowlake/fault"
	"flowlake/query/sql"
)

func TestPatternsOfShow(t *testing.T) {
	for _, tt := range []struct {
		pattern string
		yes, no []string
	}{
		{"flow*", []string{"flow", "flow_logs", "FLOWS"}, []string{"a_flow"}},
		{"*logs", []string{"logs", "flow_logs"}, []string{"logs2"}},
		{"a|b*", []string{"a", "b", "bc"}, []string{"ab"}},
		{"flow.*", []string{"flow", "flow_logs"}, []string{"a"}},
		{"'", []string{"'"}, []string{""}},
		{"", []string{""}, []string{"a"}},
	} {
		re, err := pattern(&sql.String{Value: tt.pattern})
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range tt.yes {
			if !re.MatchString(s) {
				t.Errorf("%q does not match %q", tt.pattern, s)
			}
		}
		for _, s := range tt.no {
			if re.MatchString(s) {
				t.Errorf("%q matches %q", tt.pattern, s)
			}
		}
	}
	if re, err := pattern(nil); err != nil || !re.MatchString("anything") {
		t.Error("no pattern is every name's")
	}
	if _, err := pattern(&sql.String{Value: "(("}); !fault.Is(err, fault.Invalid) {
		t.Errorf("got %v", err)
	}
}

func TestPartitionSpecs(t *testing.T) {
	table := catalog.Table{Database: "db", Name: "t", PartitionKeys: []catalog.Column{{Name: "date", Type: "date"}, {Name: "n", Type: "int"}, {Name: "ok", Type: "boolean"}}}
	for _, tt := range []struct {
		name, spec string
		whole      bool
		want       string // values in order, or what the error says
	}{
		{"strings and numbers", "date='2022-08-29', n=-5, ok=true", true, "2022-08-29/-5/true"},
		{"in any order and case", "OK=FALSE, `DATE`='2022-08-29', N='7'", true, "2022-08-29/7/false"},
		{"a typed value", "date=DATE '2022-08-29', n=7, ok='x'", true, "2022-08-29/7/x"},
		{"a part", "n=7", false, "/7/"},
		{"a part where all is needed", "n=7", true, "a partition needs a value for each of its keys: date, n, ok"},
		{"a key that is none", "m=7", false, "has no partition key m: its keys are date, n, ok"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			stmt, err := sql.Parse("SHOW PARTITIONS t PARTITION (" + tt.spec + ")")
			if err != nil {
				t.Fatal(err)
			}
			values, err := specValues(table, *stmt.(*sql.ShowPartitions).Spec, tt.whole)
			got := strings.Join(inOrder(table, values), "/")
			if err != nil {
				got = err.Error()
			}
			if err != nil && !strings.Contains(got, tt.want) || err == nil && got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
	if _, err := specValues(catalog.Table{Database: "db", Name: "t"}, sql.PartitionSpec{}, false); err == nil || !strings.Contains(err.Error(), "is not partitioned") {
		t.Errorf("got %v", err)
	}
}

func TestPartitionsAreChosenByTheirFirstKeysWhereTheyCanBe(t *testing.T) {
	table := catalog.Table{PartitionKeys: []catalog.Column{{Name: "a"}, {Name: "b"}, {Name: "c"}}}
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.SampledFrom([]string{"1", "2", ""})
		wanted := map[string]string{}
		for _, k := range table.PartitionKeys {
			if rapid.Bool().Draw(t, k.Name) {
				wanted[k.Name] = value.Draw(t, "wanted")
			}
		}
		values := []string{value.Draw(t, "a"), value.Draw(t, "b"), value.Draw(t, "c")}
		f := chosen(table, wanted)
		got := slices.Equal(values[:len(f.Prefix)], f.Prefix) && (f.Keep == nil || f.Keep(values))
		want := true
		for i, k := range table.PartitionKeys {
			if w, ok := wanted[k.Name]; ok && values[i] != w {
				want = false
			}
		}
		if got != want {
			t.Fatalf("%v of %v: got %v", values, wanted, got)
		}
	})
}

func TestPartitionFolderNames(t *testing.T) {
	table := catalog.Table{PartitionKeys: []catalog.Column{{Name: "day"}, {Name: "who"}}}
	if got := partitionPath(table, []string{"2022/08/29", "a=b%\"한\" c"}); got != `day=2022%2F08%2F29/who=a%3Db%25%22한%22 c` {
		t.Errorf("got %s", got)
	}
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.String().Draw(t, "value")
		name := catalog.EscapePath(v)
		if strings.ContainsAny(name, "/=:\x00\n") {
			t.Fatalf("%q became %q", v, name)
		}
		if back, err := url.PathUnescape(name); err != nil || back != v {
			t.Fatalf("%q became %q and %q again: %v", v, name, back, err)
		}
	})
}

// TestShowCreateTable claims: what SHOW CREATE TABLE prints makes the same table again.
func TestShowCreateTable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := func(label string) string {
			return rapid.StringOfN(rapid.SampledFrom([]rune("ab_ -.`'\"1한")), 1, 6, -1).Draw(t, label)
		}
		text := func(label string) string {
			return rapid.StringOf(rapid.SampledFrom([]rune("ab'\"\\;\n\t%한 -"))).Draw(t, label)
		}
		seen := map[string]bool{}
		columns := func(label string, least int) (out []catalog.Column) {
			for range rapid.IntRange(least, 4).Draw(t, label) {
				n := name(label)
				if seen[n] {
					continue
				}
				seen[n] = true
				out = append(out, catalog.Column{Name: n, Type: rapid.SampledFrom([]string{"int", "string", "decimal(10,2)", "array<struct<a:int,b:map<string,date>>>", "char(3)", "timestamp"}).Draw(t, "type"), Comment: text("comment")})
			}
			return out
		}
		properties := func(label string) map[string]string {
			m := map[string]string{}
			for range rapid.IntRange(0, 3).Draw(t, label) {
				m["k"+text("key")] = text("value")
			}
			return m
		}
		want := catalog.Table{
			Database: "db", Name: name("name"), Kind: catalog.ExternalTable, Owner: "hadoop", PartitionKeys: columns("keys", 0),
			Storage:    catalog.Storage{Columns: columns("columns", 1), Location: "s3://bucket/" + text("location"), InputFormat: textInput, OutputFormat: textOutput},
			Parameters: properties("properties"),
		}
		if len(want.Storage.Columns) == 0 {
			return
		}
		want.Parameters["EXTERNAL"] = "TRUE"
		if c := text("table comment"); c != "" {
			want.Parameters["comment"] = c
		}
		s := &want.Storage.SerDe
		switch rapid.IntRange(0, 3).Draw(t, "serde") {
		case 0:
			s.Library, s.Parameters = lazySerDe, map[string]string{"serialization.format": "1"}
		case 1:
			delim := rapid.SampledFrom([]string{" ", "\t", ",", "|", "'", "\\"}).Draw(t, "delimiter")
			s.Library, s.Parameters = lazySerDe, map[string]string{"field.delim": delim, "serialization.format": delim}
			if rapid.Bool().Draw(t, "more") {
				maps.Copy(s.Parameters, map[string]string{"escape.delim": "\\", "colelction.delim": ";", "mapkey.delim": ":", "line.delim": "\n", "serialization.null.format": "-"})
			}
		case 2:
			s.Library, s.Parameters = "com.amazonaws.glue.serde.GrokSerDe", properties("serde")
			s.Parameters["input.format"] = `%{NOTSPACE:a} \[%{INT:b}\]` + text("pattern")
		case 3:
			s.Library, s.Parameters = parquetSerDe, map[string]string{"serialization.format": "1"}
			want.Storage.InputFormat, want.Storage.OutputFormat = parquetInput, parquetOutput
		}
		ddl := createStatement(want)
		stmt, err := sql.Parse(ddl)
		if err != nil {
			t.Fatalf("%s\n%v", ddl, err)
		}
		create := stmt.(*sql.CreateTable)
		got, err := tableOf(create, "db", create.Name.Last().Key())
		if err != nil {
			t.Fatalf("%s\n%v", ddl, err)
		}
		if a, b := fmt.Sprintf("%+v", want), fmt.Sprintf("%+v", got); a != b {
			t.Fatalf("%s\nwas %s\nis  %s", ddl, a, b)
		}
	})
}

func TestViewText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := view{SQL: "SELECT " + rapid.String().Draw(t, "sql"), Catalog: "awsdatacatalog", Database: rapid.String().Draw(t, "database"), Columns: []viewColumn{{"a", "varchar"}}}
		text, err := encodeView(want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := decodeView(catalog.Table{ViewOriginalText: text})
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("got %+v, %v, want %+v", got, err, want)
		}
	})
	t.Run("a view that Athena made", func(t *testing.T) {
		// {"originalSql":"SELECT 1 x","catalog":"awsdatacatalog","schema":"default","columns":[{"name":"x","type":"integer"}]}
		const text = "/* Presto View: eyJvcmlnaW5hbFNxbCI6IlNFTEVDVCAxIHgiLCJjYXRhbG9nIjoiYXdzZGF0YWNhdGFsb2ciLCJzY2hlbWEiOiJkZWZhdWx0IiwiY29sdW1ucyI6W3sibmFtZSI6IngiLCJ0eXBlIjoiaW50ZWdlciJ9XX0= */"
		v, err := decodeView(catalog.Table{ViewOriginalText: text})
		if err != nil || v.SQL != "SELECT 1 x" || v.Database != "default" || v.Columns[0] != (viewColumn{"x", "integer"}) {
			t.Errorf("got %+v, %v", v, err)
		}
	})
	for name, text := range map[string]string{"Hive's": "SELECT 1", "empty": "", "no base64": viewBegin + "?" + viewEnd, "no JSON": viewBegin + "YWJj" + viewEnd, "no query": viewBegin + "e30=" + viewEnd} {
		if _, err := decodeView(catalog.Table{ViewOriginalText: text}); err == nil {
			t.Errorf("%s was read", name)
		}
	}
}

func TestHiveSpellingOfViewColumns(t *testing.T) {
	for trino, want := range map[string]string{
		"integer": "int", "varchar": "string", "varchar(5)": "varchar(5)", "real": "float", "varbinary": "binary", "timestamp(3)": "timestamp", "timestamp(3) with time zone": "string",
		"array(row(a integer, b varchar))": "array<struct<a:int,b:string>>", "map(varchar, decimal(5,1))": "map<string,decimal(5,1)>", "row(integer)": "string", "time": "string", "nonsense(": "string",
	} {
		if got := hiveType(trino); got != want {
			t.Errorf("%s: got %s, want %s", trino, got, want)
		}
	}
}
