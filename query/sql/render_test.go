package sql

import (
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

const rendered = "CREATE EXTERNAL TABLE `vpc_flow_logs`(\n" +
	"  `version` int, \n" +
	"  `end` bigint COMMENT 'the last packet\\'s second')\n" +
	"COMMENT 'flow logs'\n" +
	"PARTITIONED BY ( \n" +
	"  `date` date)\n" +
	"ROW FORMAT DELIMITED \n" +
	"  FIELDS TERMINATED BY ' ' \n" +
	"STORED AS INPUTFORMAT \n" +
	"  'org.apache.hadoop.mapred.TextInputFormat' \n" +
	"OUTPUTFORMAT \n" +
	"  'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat'\n" +
	"LOCATION\n" +
	"  's3://flow-log-buckets/AWSLogs/'\n" +
	"TBLPROPERTIES (\n" +
	"  'classification'='csv', \n" +
	"  'skip.header.line.count'='1')"

func TestRenderHasTheShapeOfHivesShowCreateTable(t *testing.T) {
	got := TableDDL{
		Name:            "vpc_flow_logs",
		Comment:         "flow logs",
		Columns:         []ColumnDDL{{Name: "version", Type: "int"}, {Name: "end", Type: "bigint", Comment: "the last packet's second"}},
		PartitionKeys:   []ColumnDDL{{Name: "date", Type: "date"}},
		SerDe:           lazySimple,
		SerDeProperties: map[string]string{"field.delim": " ", "serialization.format": " "},
		InputFormat:     "org.apache.hadoop.mapred.TextInputFormat",
		OutputFormat:    "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
		Location:        "s3://flow-log-buckets/AWSLogs/",
		Properties:      map[string]string{"skip.header.line.count": "1", "classification": "csv"},
	}.Render()
	if got != rendered {
		t.Errorf("got\n%s\nwant\n%s", got, rendered)
	}
}

// text draws a string of what quoting could trip over.
func text(t *rapid.T, label string) string {
	return rapid.StringOfN(rapid.SampledFrom([]rune("a'\"`\\\n\t\x00\x01é한%_0u;-/* ")), 1, 8, -1).Draw(t, label)
}

func values(list []Property) map[string]string {
	m := map[string]string{}
	for _, p := range list {
		m[p.Key.Value] = p.Value.Value
	}
	return m
}

func TestWhatRenderWritesParsesToTheSameTable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		props := func(label string) map[string]string {
			m := map[string]string{}
			for range rapid.IntRange(0, 3).Draw(t, label) {
				m[text(t, label+" key")] = text(t, label+" value")
			}
			return m
		}
		ddl := TableDDL{
			Name: text(t, "name"), Comment: text(t, "comment"), Location: text(t, "location"),
			Columns:         []ColumnDDL{{Name: "a" + text(t, "column"), Type: hiveTypeText(t, 3), Comment: text(t, "column comment")}},
			PartitionKeys:   []ColumnDDL{{Name: "k" + text(t, "key"), Type: "string"}},
			SerDe:           rapid.SampledFrom([]string{lazySimple, "x.Y"}).Draw(t, "serde"),
			SerDeProperties: props("serde"), Properties: props("table"),
			InputFormat: "in", OutputFormat: "out",
		}
		for _, d := range delimiters {
			if rapid.Bool().Draw(t, d.property) {
				ddl.SerDeProperties[d.property] = text(t, d.property)
			}
		}
		stmt, err := Parse(ddl.Render())
		if err != nil {
			t.Fatalf("%s\n%v", ddl.Render(), err)
		}
		got := stmt.(*CreateTable)
		if len(got.Name.Parts) != 1 || got.Name.Parts[0].Name != ddl.Name || got.Comment.Value != ddl.Comment || got.Location.Value != ddl.Location {
			t.Fatalf("%s\n%s", ddl.Render(), dump(got))
		}
		if c := got.Columns[0]; c.Name.Name != ddl.Columns[0].Name || c.Type.FormatHive() != ddl.Columns[0].Type || c.Comment.Value != ddl.Columns[0].Comment {
			t.Fatalf("%s\n%s", ddl.Render(), dump(got))
		}
		serde := values(got.RowFormat.Properties)
		if got.RowFormat.SerDe == nil {
			f := got.RowFormat
			for i, s := range []*String{f.Fields, f.Escaped, f.Collections, f.MapKeys, f.Lines, f.Null} {
				if s != nil {
					serde[delimiters[i].property] = s.Value
				}
			}
		}
		if !maps.Equal(serde, ddl.SerDeProperties) {
			t.Fatalf("%s\n got %q\nwant %q", ddl.Render(), serde, ddl.SerDeProperties)
		}
		if m := values(got.Properties); !maps.Equal(m, ddl.Properties) {
			t.Fatalf("%s\n got %q\nwant %q", ddl.Render(), m, ddl.Properties)
		}
	})
}

func TestQuotingSurvivesParsing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := text(t, "text")
		stmt, err := Parse("SELECT " + QuoteIdent(s) + ", " + QuoteString(s))
		if err != nil {
			t.Fatal(err)
		}
		items := stmt.(*Query).Body.(*Select).Items
		if got := items[0].Expr.(*Reference).Name.Name; got != s {
			t.Fatalf("identifier %q became %q", s, got)
		}
		if got := items[1].Expr.(*String).Value; got != s {
			t.Fatalf("string %q became %q", s, got)
		}
		stmt, err = Parse("SHOW TABLES IN " + QuoteHiveIdent(s) + " " + QuoteHiveString(s))
		if err != nil {
			t.Fatal(err)
		}
		show := stmt.(*ShowTables)
		if show.In.Parts[0].Name != s || show.Like.Value != s {
			t.Fatalf("%q became %q and %q", s, show.In.Parts[0].Name, show.Like.Value)
		}
	})
}

func TestHiveStringsResolveTheirEscapes(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{`'\t'`, "\t"}, {`'\001'`, "\x01"}, {`'\u0001'`, "\x01"}, {`'\\t'`, `\t`}, {`'\''`, "'"}, {`"\""`, `"`}, {`'\d+'`, "d+"},
		{`'\0'`, "\x00"}, {`'\%\_'`, `\%\_`}, {`'\Z'`, "\x1a"}, {`"it's"`, "it's"}, {`'a''b'`, "a'b"}, {`'\u00'`, "u00"}, {`'\901'`, "901"},
	} {
		stmt, err := Parse("SHOW TABLES " + c.text)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
		} else if got := stmt.(*ShowTables).Like.Value; got != c.want {
			t.Errorf("%s: got %q, want %q", c.text, got, c.want)
		}
	}
}

func TestKindIsAthenasStatementType(t *testing.T) {
	for _, c := range []struct {
		text string
		want Kind
	}{
		{"SELECT 1", DML}, {"WITH a AS (SELECT 1) TABLE a", DML}, {"CREATE DATABASE d", DDL}, {"DROP TABLE t", DDL},
		{"ALTER TABLE t DROP PARTITION (a=1)", DDL}, {"MSCK REPAIR TABLE t", DDL}, {"CREATE VIEW v AS SELECT 1", DDL},
		{"SHOW TABLES", Utility}, {"DESCRIBE t", Utility}, {"SHOW CREATE TABLE t", Utility},
	} {
		stmt, err := Parse(c.text)
		if err != nil {
			t.Fatal(err)
		}
		if got := KindOf(stmt); got != c.want {
			t.Errorf("%s: got %s, want %s", c.text, got, c.want)
		}
	}
}

func TestReservedWordsAreThoseThatAQueryCannotUseBare(t *testing.T) {
	for _, w := range slices.Sorted(maps.Keys(trinoReserved)) {
		if !IsReserved(w) {
			t.Errorf("%s is not reserved", w)
		}
		if _, err := Parse("SELECT x AS " + w + " FROM t"); err == nil {
			t.Errorf("%s is taken as a name", w)
		}
		if _, err := Parse("SELECT x AS " + QuoteIdent(w) + " FROM t"); err != nil {
			t.Error(err)
		}
	}
	for _, w := range []string{"date", "start", "limit", "x"} {
		if _, err := Parse("SELECT " + w + " FROM t AS " + w); err != nil || IsReserved(w) {
			t.Errorf("%s is reserved: %v", w, err)
		}
	}
}
