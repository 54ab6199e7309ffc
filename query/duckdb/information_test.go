package duckdb

import (
	"fmt"
	"strings"
	"testing"
)

func TestTheInformationSchemaTellsOfTheCatalogue(t *testing.T) {
	h := newPrunedHouse(t)
	h.must("CREATE DATABASE a")
	h.must("CREATE DATABASE b")
	h.must("CREATE EXTERNAL TABLE a.t (x int COMMENT 'it''s x', y array<struct<n:string>>) PARTITIONED BY (d date) LOCATION 's3://data/t/'")
	h.must("CREATE VIEW a.v AS SELECT x, d FROM a.t")
	h.must("CREATE EXTERNAL TABLE b.t (z decimal(5,2)) LOCATION 's3://data/t/'")
	const catalog = "awsdatacatalog"
	for _, c := range []struct {
		query string
		want  []string
	}{
		{"SELECT * FROM information_schema.schemata ORDER BY schema_name", []string{catalog + "|a", catalog + "|b", catalog + "|default"}},
		{"SELECT * FROM information_schema.tables WHERE table_schema <> 'default' ORDER BY 2, 3",
			[]string{catalog + "|a|t|BASE TABLE", catalog + "|a|v|VIEW", catalog + "|b|t|BASE TABLE"}},
		{"SELECT * FROM AwsDataCatalog.INFORMATION_SCHEMA.Columns WHERE table_schema = 'a' AND table_name = 't' ORDER BY ordinal_position", []string{
			catalog + "|a|t|x|1|NULL|YES|integer|it's x|NULL", catalog + "|a|t|y|2|NULL|YES|array(row(n varchar))|NULL|NULL", catalog + "|a|t|d|3|NULL|YES|date|NULL|partition key"}},
		{"SELECT table_name, data_type FROM information_schema.columns WHERE column_name = 'z'", []string{"t|decimal(5,2)"}},
		{"SELECT * FROM information_schema.views", []string{catalog + "|a|v|SELECT x, d FROM a.t"}},
		{"SELECT s.schema_name, count(t.table_name) FROM information_schema.schemata s LEFT JOIN information_schema.tables t ON s.schema_name = t.table_schema GROUP BY 1 ORDER BY 1",
			[]string{"a|2", "b|1", "default|0"}},
		{"SELECT table_name FROM information_schema.tables WHERE table_schema = 'none'", nil},
		{"SELECT table_schema FROM information_schema.tables LIMIT 0", nil},
	} {
		rows, scanned, reason := h.run(c.query)
		var got []string
		for _, r := range rows {
			got = append(got, strings.Join(r, "|"))
		}
		if reason != "" || scanned != 0 || fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%s: %s, %d bytes scanned\ngot  %q\nwant %q", c.query, reason, scanned, got, c.want)
		}
	}
	if _, _, reason := h.run("SELECT 1 FROM information_schema.roles"); !strings.Contains(reason, "TABLE_NOT_FOUND: line 1:15: Table 'awsdatacatalog.information_schema.roles' does not exist") {
		t.Errorf("got %s", reason)
	}
}
