package translate_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"flowlake/fault"
	trino "flowlake/query/sql"
	"flowlake/query/sql/translate"
)

// seenAs is the catalogue for a user who may see those cells of db.a (x 1, 2, 3, NULL) and db.vpc_flow_logs.
func seenAs(a, flows []translate.Cells) world {
	w := world{"db.v_of_a": {View: "SELECT x, y AS name FROM a"}, "db.v_hidden": {View: "SELECT z FROM a"},
		"db.v_cut": {Columns: columns("x int; name string"), View: "SELECT x, y AS name FROM a", Cells: []translate.Cells{{Columns: []string{"name"}}}}}
	for name, r := range catalog {
		w[name] = r
	}
	seen := func(name string, cells []translate.Cells) {
		if cells != nil {
			r := w[name]
			r.Cells = cells
			w[name] = r
		}
	}
	seen("db.a", a)
	seen("db.vpc_flow_logs", flows)
	return w
}

func planIn(t testing.TB, w world, text string) (translate.Plan, error) {
	t.Helper()
	st, err := trino.Parse(text)
	if err != nil {
		return translate.Plan{}, err
	}
	return translate.Query(context.Background(), st.(*trino.Query), text, w, translate.Options{Database: "db", User: "ana", Now: started})
}

// TestWhatAUserMayNotSee claims: columns that were not granted are not there, whatever a query calls them by, and no part
// of a query is evaluated on rows or cells that were not.
func TestWhatAUserMayNotSee(t *testing.T) {
	cells := func(rows string, columns ...string) translate.Cells {
		return translate.Cells{Rows: rows, Columns: columns}
	}
	columnsXY := []translate.Cells{cells("", "x", "y")}
	firstRow := []translate.Cells{cells("x = 1", "x", "y", "z")}
	hiddenFilter := []translate.Cells{cells("z > 1", "x")}
	twoFilters := []translate.Cells{cells("x = 1", "x", "y"), cells("x >= 2", "x", "z")}
	halfOpen := []translate.Cells{cells("", "x"), cells("y = 'two'", "y")}
	byDay := []translate.Cells{cells("date = DATE '2022-08-29' AND action = 'ACCEPT'", "srcaddr", "date", "action")}
	noDay := []translate.Cells{cells("", "srcaddr", "bytes")}
	for _, c := range []struct {
		name     string
		a, flows []translate.Cells
		text     string
		want     string // rows, or what the error says
	}{
		{"star", columnsXY, nil, "SELECT * FROM a ORDER BY x", "1|one 2|two 3|NULL NULL|null"},
		{"star of an alias", columnsXY, nil, "SELECT q.* FROM a AS q WHERE x = 1", "1|one"},
		{"another column", columnsXY, nil, "SELECT z FROM a", "COLUMN_NOT_FOUND: line 1:8: Column 'z' cannot be resolved or requester is not authorized to access requested resources"},
		{"one that does not exist", columnsXY, nil, "SELECT w FROM a", "COLUMN_NOT_FOUND: line 1:8: Column 'w' cannot be resolved or requester is not authorized to access requested resources"},
		{"quoted", columnsXY, nil, `SELECT "z" FROM a`, "Column 'z' cannot be resolved"},
		{"with every qualifier", columnsXY, nil, "SELECT awsdatacatalog.db.a.z FROM a", "Column 'awsdatacatalog.db.a.z' cannot be resolved"},
		{"of an alias", columnsXY, nil, "SELECT q.z FROM a q", "Column 'q.z' cannot be resolved"},
		{"alias list is as long as what is seen", columnsXY, nil, "SELECT q.three FROM a AS q (one, two, three)", "Column alias list has 3 entries but 'q' has 2 columns available"},
		{"in a join's USING", columnsXY, nil, "SELECT 1 FROM a JOIN a b USING (z)", "Column 'z' is missing from left side of join"},
		{"in ORDER BY", columnsXY, nil, "SELECT x FROM a ORDER BY z", "Column 'z' cannot be resolved"},
		{"in GROUP BY", columnsXY, nil, "SELECT count(*) FROM a GROUP BY z", "Column 'z' cannot be resolved"},
		{"in a subquery", columnsXY, nil, "SELECT (SELECT max(z) FROM a) FROM c", "Column 'z' cannot be resolved"},
		{"from a subquery inside", columnsXY, nil, "SELECT x FROM a q WHERE EXISTS (SELECT 1 FROM c WHERE q.z = 1)", "Column 'q.z' cannot be resolved"},
		{"through WITH", columnsXY, nil, "WITH w AS (SELECT * FROM a) SELECT z FROM w", "Column 'z' cannot be resolved"},
		{"through TABLE", columnsXY, nil, "SELECT count(*) FROM (TABLE a)", "4"},
		{"in an aggregate's order", columnsXY, nil, "SELECT array_agg(x ORDER BY z) FROM a", "Column 'z' cannot be resolved"},
		{"by its name in single quotes no hint", columnsXY, nil, "SELECT 'z' = x FROM a", "Cannot apply operator: varchar(1) = integer"},
		{"the object's name", columnsXY, nil, `SELECT "$path" FROM a`, "Column '$path' cannot be resolved"},
		{"a view's own text", columnsXY, nil, "SELECT * FROM v_of_a WHERE x = 2", "2|two"},
		{"a view of a hidden column", columnsXY, nil, "SELECT * FROM v_hidden", "INVALID_VIEW"},
		{"columns of a view", nil, nil, "SELECT * FROM v_cut WHERE name = 'one'", "one"},
		{"another column of a view", nil, nil, "SELECT x FROM v_cut", "Column 'x' cannot be resolved"},

		{"rows", firstRow, nil, "SELECT * FROM a", "1|one|1.5"},
		{"an error on a hidden row", firstRow, nil, "SELECT 1/(x - 2) FROM a", "-1"},
		{"a cast of a hidden row", firstRow, nil, "SELECT x FROM a WHERE CAST(replace(y, 'one', '1') AS bigint) = 1", "1"},
		{"a predicate that would say yes", firstRow, nil, "SELECT count(*) FROM a WHERE x = 2 OR 1/(x-2) > 0 OR x = 1", "1"},
		{"an aggregate", firstRow, nil, "SELECT count(*), max(x), sum(z) FROM a", "1|1|1.5"},
		{"a join with itself", firstRow, nil, "SELECT count(*) FROM a, a b, a c", "1"},
		{"an outer join", firstRow, nil, "SELECT c.x, a.x FROM c LEFT JOIN a ON a.x = c.x ORDER BY c.x, c.w", "1|1 2|NULL 2|NULL 9|NULL"},
		{"a view", firstRow, nil, "SELECT * FROM v_of_a", "1|one"},
		{"EXISTS", firstRow, nil, "SELECT EXISTS (SELECT 1 FROM a WHERE x = 3)", "false"},
		{"a filter on a hidden column", hiddenFilter, nil, "SELECT * FROM a ORDER BY 1", "1"}, // NaN is not
		{"which the query cannot name", hiddenFilter, nil, "SELECT x FROM a WHERE z > 1", "Column 'z' cannot be resolved"},
		{"the union of filters, by cells", twoFilters, nil, "SELECT * FROM a ORDER BY x", "1|one|NULL 2|NULL|NaN 3|NULL|NULL"},
		{"hidden cells are NULL to a predicate", twoFilters, nil, "SELECT x FROM a WHERE y IS NULL ORDER BY x", "2 3"},
		{"and to an error", twoFilters, nil, "SELECT x FROM a WHERE CAST(replace(y, 'one', '1') AS bigint) = 1", "1"},
		{"all rows of one column, some of another", halfOpen, nil, "SELECT * FROM a ORDER BY x", "1|NULL 2|two 3|NULL NULL|NULL"},
		{"no column at all", firstRow, nil, "SELECT 7 FROM a", "7"},
		{"a filter of a partition key", nil, byDay, "SELECT srcaddr, date FROM vpc_flow_logs", "10.0.0.1|2022-08-29"},
		{"a partition key that is hidden", nil, noDay, "SELECT * FROM vpc_flow_logs WHERE bytes = 80", "10.0.0.1|80"},
		{"and named", nil, noDay, "SELECT bytes FROM vpc_flow_logs WHERE date = DATE '2022-08-29'", "Column 'date' cannot be resolved"},
		{"a filter that is none", []translate.Cells{cells("secret_name = 1", "x")}, nil, "SELECT x FROM a", "INVALID_ROW_FILTER: the row filter of table db.a cannot be applied: who granted it has to mend it"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := planIn(t, seenAs(c.a, c.flows), c.text)
			var rows []string
			if err == nil {
				rows, err = runPlan(t, p)
			}
			got := strings.ReplaceAll(strings.Join(rows, "; "), " | ", "|")
			got = strings.ReplaceAll(got, "; ", " ")
			if err != nil {
				if got = message(err); !strings.Contains(got, c.want) {
					t.Errorf("%s: got %q, want %q", c.text, got, c.want)
				}
				return
			}
			if got != c.want {
				t.Errorf("%s:\n got %q\nwant %q\n%s\n%+v", c.text, got, c.want, p.SQL, p.Tables[0].Barrier)
			}
		})
	}
}

// TestPruningBehindAFilter claims: a filter on a partition key spares the partitions that it hides, a column that is NULL
// on some rows prunes nothing, and nothing of a hidden key is read.
func TestPruningBehindAFilter(t *testing.T) {
	day := func(w world, text, date string) bool {
		t.Helper()
		p, err := planIn(t, w, text)
		if err != nil {
			t.Fatal(err)
		}
		return p.Tables[0].Constraint.Matches([]string{date})
	}
	filtered := seenAs(nil, []translate.Cells{{Columns: []string{"bytes", "date"}, Rows: "date >= DATE '2022-08-29'"}})
	if day(filtered, "SELECT bytes FROM vpc_flow_logs", "2022-08-28") || !day(filtered, "SELECT bytes FROM vpc_flow_logs", "2022-08-29") {
		t.Error("the filter does not prune")
	}
	if day(filtered, "SELECT bytes FROM vpc_flow_logs WHERE date > DATE '2022-08-30'", "2022-08-29") {
		t.Error("the query does not prune")
	}
	masked := seenAs(nil, []translate.Cells{{Columns: []string{"bytes"}, Rows: "bytes > 1"}, {Columns: []string{"date"}, Rows: "bytes < 1"}})
	if !day(masked, "SELECT bytes FROM vpc_flow_logs WHERE date IS NULL", "2022-08-29") {
		t.Error("a key that is NULL on some rows prunes")
	}
	p, err := planIn(t, seenAs(nil, []translate.Cells{{Columns: []string{"bytes"}}}), "SELECT * FROM vpc_flow_logs")
	if err != nil || len(p.Tables[0].KeysRead) != 0 || fmt.Sprint(p.Tables[0].Read) != "[bytes]" || len(p.Tables[0].Keys) != 1 {
		t.Errorf("got %+v, %v", p.Tables[0], err)
	}
}

func TestCheckFilter(t *testing.T) {
	table := columns("x int; y string; d date; n decimal(10,2); s struct<a:int>; odd uniontype<int,string>")
	for _, ok := range []string{"x = 1", "x <> 1 AND y LIKE 'a%' OR NOT (d BETWEEN DATE '2022-01-01' AND DATE '2022-12-31')", "y IN ('a', 'b')",
		"y IS NOT NULL", "x + 1 > -2", "CAST(y AS bigint) > 3", "s.a = 3", "true", "n >= 1.50", `"y" = 'a' -- why`} {
		if err := translate.CheckFilter(ok, table); err != nil {
			t.Errorf("%s: %v", ok, err)
		}
	}
	for _, c := range []struct{ text, want string }{
		{"", "line 1:1"},
		{"x", "must evaluate to a boolean"},
		{"z = 1", "COLUMN_NOT_FOUND: line 1:1"},
		{"odd = 1", "COLUMN_NOT_FOUND"},
		{"x = 'a'", "TYPE_MISMATCH"},
		{"x = 1; DROP TABLE t", "no statement"},
		{"x = 1) OR (true", "line 1:6"},
		{"x IN (SELECT 1)", "does not take"},
		{"EXISTS (SELECT 1 FROM secret)", "does not take EXISTS"},
		{"lower(y) = 'a'", "does not take lower(y)"},
		{"d < current_date", "does not take current_date"},
		{"current_user = y", "does not take current_user"},
		{"x = ?", "no parameters"},
		{"x = 1 UNION SELECT 1", "line 1:7"},
		{"y = 'a' -- \n) OR (x = 1", "line 2:1"},
		{`"$path" = 'a'`, "COLUMN_NOT_FOUND"},
	} {
		err := translate.CheckFilter(c.text, table)
		if err == nil || !strings.Contains(err.Error(), c.want) || !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: got %v, want %q", c.text, err, c.want)
		}
	}
}

// TestCellsProperty claims: whatever cells are granted, exactly their union is seen.
func TestCellsProperty(t *testing.T) {
	type row struct{ k, v any }
	data := []row{{"a", 1}, {"a", 2}, {"b", 3}}
	filters := map[string]func(row) bool{
		"":                func(row) bool { return true },
		"v = 1":           func(r row) bool { return r.v == 1 },
		"k = 'a'":         func(r row) bool { return r.k == "a" },
		"v > 1":           func(r row) bool { return r.v.(int) > 1 },
		"NOT (k = 'a')":   func(r row) bool { return r.k != "a" },
		"v = 1 OR v = 9":  func(r row) bool { return r.v == 1 },
		"false -- ) OR (": func(row) bool { return false },
	}
	texts := slices.Sorted(func(yield func(string) bool) {
		for f := range filters {
			if !yield(f) {
				return
			}
		}
	})
	rapid.Check(t, func(rt *rapid.T) {
		var cells []translate.Cells
		for range rapid.IntRange(1, 3).Draw(rt, "cells") {
			cells = append(cells, translate.Cells{Rows: rapid.SampledFrom(texts).Draw(rt, "rows"),
				Columns: rapid.SampledFrom([][]string{{"k"}, {"v"}, {"k", "v"}}).Draw(rt, "columns")})
		}
		var want []string
		for _, r := range data {
			k, v, seen := "NULL", "NULL", false
			for _, c := range cells {
				if !filters[c.Rows](r) {
					continue
				}
				seen = true
				if slices.Contains(c.Columns, "k") {
					k = fmt.Sprint(r.k)
				}
				if slices.Contains(c.Columns, "v") {
					v = fmt.Sprint(r.v)
				}
			}
			has := func(name string) bool {
				return slices.ContainsFunc(cells, func(c translate.Cells) bool { return slices.Contains(c.Columns, name) })
			}
			var shown []string
			if has("k") {
				shown = append(shown, k)
			}
			if has("v") {
				shown = append(shown, v)
			}
			if seen {
				want = append(want, strings.Join(shown, " | "))
			}
		}
		w := world{"other.t": {Columns: columns("k string; v int"), Cells: cells}}
		p, err := planIn(t, w, "SELECT * FROM other.t")
		if err != nil {
			rt.Fatal(err)
		}
		got, err := runPlan(t, p)
		if err != nil {
			rt.Fatal(err)
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			rt.Fatalf("%+v: got %q, want %q", cells, got, want)
		}
	})
}

func FuzzCheckFilter(f *testing.F) {
	for _, s := range []string{"x = 1", "y LIKE 'a%'", "x IN (1, 2)", "NOT (d = DATE '2022-01-01')", "((", "x = 1) OR (true", "CAST(y AS int) > 1", "s.a IS NULL"} {
		f.Add(s)
	}
	table := columns("x int; y string; d date; s struct<a:int>")
	f.Fuzz(func(t *testing.T, text string) {
		if translate.CheckFilter(text, table) != nil {
			return
		}
		// What is taken can be applied, alone and beside another.
		for _, cells := range [][]translate.Cells{{{Columns: []string{"x"}, Rows: text}}, {{Columns: []string{"x"}, Rows: text}, {Columns: []string{"y"}, Rows: "x = 1"}}} {
			if _, err := planIn(t, world{"db.t": {Columns: table, Cells: cells}}, "SELECT * FROM t"); err != nil {
				t.Fatalf("%q: %v", text, err)
			}
		}
	})
}

// TestHiddenDataDoNotInterfere claims: whatever a query is made of, its rows or its error are the same whatever the hidden
// rows and columns hold.
func TestHiddenDataDoNotInterfere(t *testing.T) {
	db := duck(t)
	w := world{"other.p": {Columns: columns("k string; v int; w int"), Cells: []translate.Cells{{Columns: []string{"k", "v"}, Rows: "NOT (CAST(v AS varchar) LIKE '1_' OR CAST(w AS varchar) LIKE '-%')"}}},
		"other.view": {View: "SELECT k, v + 1 AS v FROM p", ViewDatabase: "other"}}
	outcome := func(rows []string, text string) (out []string) {
		list := "SELECT * FROM (VALUES ('', 0, 0)) AS e(k, v, w) WHERE false"
		if len(rows) > 0 {
			list = "SELECT * FROM (VALUES " + strings.Join(rows, ", ") + ") AS e(k, v, w)"
		}
		if _, err := db.Exec("CREATE OR REPLACE TEMP TABLE other__p AS " + list); err != nil {
			t.Fatal(err)
		}
		p, err := planIn(t, w, text)
		if err == nil {
			out, err = runPlan(t, p)
		}
		slices.Sort(out)
		if err != nil {
			out = []string{message(err)}
		}
		return out
	}
	defer func() {
		if _, err := db.Exec("DROP TABLE IF EXISTS temp.other__p"); err != nil {
			t.Error(err)
		}
	}()
	ran := 0
	rapid.Check(t, func(rt *rapid.T) {
		row := func(v, w *rapid.Generator[int]) *rapid.Generator[string] {
			return rapid.Custom(func(rt *rapid.T) string {
				return fmt.Sprintf("('%s', %d, %d)", rapid.SampledFrom([]string{"1", "2", "x"}).Draw(rt, "k"), v.Draw(rt, "v"), w.Draw(rt, "w"))
			})
		}
		seen := rapid.SliceOfN(row(rapid.IntRange(1, 9), rapid.Just(0)), 0, 4).Draw(rt, "seen")
		hidden := rapid.SliceOfN(rapid.OneOf(row(rapid.IntRange(10, 13), rapid.IntRange(-3, 3)), row(rapid.IntRange(0, 3), rapid.IntRange(-3, -1))), 0, 6)
		value := rapid.SampledFrom([]string{"v", "v - 11", "1/(v - 11)", "1/v", "CAST(k AS bigint)", "length(k)", "v % (v - 12)", "12"})
		condition := rapid.Custom(func(rt *rapid.T) string {
			return value.Draw(rt, "value") + rapid.SampledFrom([]string{" > ", " = ", " <> "}).Draw(rt, "op") + rapid.SampledFrom([]string{"0", "11", "v", "(SELECT max(v) FROM other.p)"}).Draw(rt, "with")
		})
		from := rapid.SampledFrom([]string{"other.p", "(SELECT k, v FROM other.p)", "other.view", "(TABLE other.p)", "(SELECT * FROM other.p TABLESAMPLE BERNOULLI (100))"}).Draw(rt, "from")
		x, y := value.Draw(rt, "x"), condition.Draw(rt, "where")
		text := rapid.SampledFrom([]string{
			"SELECT {x} AS x, k FROM {from} AS p WHERE {where}",
			"SELECT k, sum({x}), count(*) FROM {from} AS p WHERE {where} GROUP BY k",
			"SELECT count(*) FILTER (WHERE {where}), max({x}) FROM {from} AS p",
			"WITH a AS (SELECT k, v, {x} AS x FROM {from} AS p) SELECT count(*) FROM a p WHERE {where} AND EXISTS (SELECT 1 FROM a b WHERE b.x = p.x)",
			"SELECT k, row_number() OVER (PARTITION BY k ORDER BY v), {x} FROM {from} AS p WHERE {where}",
			"SELECT count(*) FROM {from} AS p LEFT JOIN (SELECT {x} AS j FROM other.p) q ON q.j = p.v WHERE {where}",
			"SELECT {x} FROM {from} AS p WHERE v = 3 OR {where} UNION SELECT v FROM other.p",
			"SELECT CASE WHEN {where} THEN {x} ELSE 0 END FROM {from} AS p ORDER BY v LIMIT 1",
		}).Draw(rt, "query")
		text = strings.NewReplacer("{x}", x, "{where}", y, "{from}", from).Replace(text)
		a := outcome(append(slices.Clone(seen), hidden.Draw(rt, "hidden")...), text)
		b := outcome(append(hidden.Draw(rt, "other"), seen...), text)
		if len(a) > 0 && !strings.Contains(a[0], "_ERROR") && !strings.Contains(a[0], "_NOT_FOUND") {
			ran++
		}
		if strings.Contains(text, "LIMIT 1") && len(a) == 1 && len(b) == 1 {
			return // of equal rows either may come first
		}
		if !slices.Equal(a, b) {
			rt.Fatalf("%s\n got %q\n and %q", text, a, b)
		}
	})
	if ran < 20 {
		t.Errorf("only %d queries came to something", ran)
	}
}
