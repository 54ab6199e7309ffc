package query

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"flowlake/catalog"
	"flowlake/query/sql"
	"flowlake/query/sql/translate"
)

// TestKeyRangesReadEveryPartitionThatMatches compares what is read by ranges with all partitions, filtered.
func TestKeyRangesReadEveryPartitionThatMatches(t *testing.T) {
	h, _ := scanHouse(t)
	h.ddl("CREATE EXTERNAL TABLE d.k (a int) PARTITIONED BY (s string, d date) LOCATION 's3://data/k/'")
	h.ddl("CREATE EXTERNAL TABLE d.l (a int) PARTITIONED BY (d date, s string) LOCATION 's3://data/k/'")
	texts := []string{"", "a", "a\x01", "a\x1e", "ab", "b", "é", "B", "a b", "__HIVE_DEFAULT_PARTITION__"}
	days := []string{"2021-12-31", "2022-1-1", "2022-01-02", "2022-1-31", "2022-02-01", "2022-10-05", "2023-01-01", "1999-9-9", "__HIVE_DEFAULT_PARTITION__"}
	var ks, ls []catalog.Partition
	table, err := h.catalog.Table(t.Context(), h.root, "d", "k")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range texts {
		for _, d := range days {
			ks = append(ks, catalog.Partition{Values: []string{s, d}, Storage: table.Storage})
			ls = append(ls, catalog.Partition{Values: []string{d, s}, Storage: table.Storage})
		}
	}
	for name, list := range map[string][]catalog.Partition{"k": ks, "l": ls} {
		if failed, err := h.catalog.CreatePartitions(t.Context(), h.root, "d", name, list); err != nil || len(failed) > 0 {
			t.Fatal(failed, err)
		}
	}
	fewer := 0
	rapid.Check(t, func(rt *rapid.T) {
		name := rapid.SampledFrom([]string{"k", "l"}).Draw(rt, "table")
		condition := func() string {
			if rapid.IntRange(0, 5).Draw(rt, "null") == 0 {
				return rapid.SampledFrom([]string{"s IS NULL", "d IS NULL", "NOT (s IS NULL)", "d IS NOT NULL"}).Draw(rt, "of null")
			}
			if rapid.Bool().Draw(rt, "text") {
				v := "'" + rapid.SampledFrom([]string{"a", "ab", "b", "", "é", "B", "a\x01", "a\x1e"}).Draw(rt, "value") + "'"
				return "s " + rapid.SampledFrom([]string{"=", "=", "<", ">", "<=", ">=", "<>", "LIKE 'a%' AND s <>"}).Draw(rt, "op") + v
			}
			return "d " + rapid.SampledFrom([]string{"=", "=", "<", ">", "<=", ">=", "<>"}).Draw(rt, "op") + " DATE '" +
				rapid.SampledFrom([]string{"2022-01-01", "2022-01-31", "2022-02-01", "2022-10-05", "1999-09-09"}).Draw(rt, "day") + "'"
		}
		where := condition() + rapid.SampledFrom([]string{" AND ", " AND ", " OR "}).Draw(rt, "join") + condition()
		text := fmt.Sprintf("SELECT 1 FROM d.%s WHERE %s", name, where)
		stmt, err := sql.Parse(text)
		if err != nil {
			rt.Fatal(err)
		}
		tables := h.relations(&Execution{Caller: h.root})
		plan, err := translate.Query(t.Context(), stmt.(*sql.Query), text, tables, translate.Options{})
		if err != nil {
			rt.Fatal(err)
		}
		c := plan.Tables[0].Constraint
		f := keyRange(tables.seen[[2]string{"d", name}].Table, c)
		read := func(f catalog.PartitionFilter) (out []string) {
			list, _, err := h.catalog.Partitions(t.Context(), h.root, "d", name, f)
			if err != nil {
				rt.Fatal(err)
			}
			for _, p := range list {
				out = append(out, fmt.Sprintf("%q", p.Values))
			}
			return out
		}
		got, want := read(f), read(catalog.PartitionFilter{Keep: c.Matches})
		if fmt.Sprint(got) != fmt.Sprint(want) {
			rt.Fatalf("%s by %+v\ngot  %v\nwant %v", where, f, got, want)
		}
		asked := 0
		f.Keep = func([]string) bool { asked++; return true }
		if read(f); asked < len(ks)/2 {
			fewer++
		}
	})
	if fewer < 5 {
		t.Errorf("%d of 100 queries read less than half of the partitions", fewer)
	}
}
