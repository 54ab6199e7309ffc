package catalog

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"flowlake/access"
	"flowlake/fault"
	"flowlake/state"
)

var root = access.Root("123456789012", "us-east-1")

func newCatalog(t testing.TB) *Catalog {
	t.Helper()
	st, err := state.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	k := Open(st, access.NewGuard(root.Account), slog.New(slog.DiscardHandler))
	must(t, k.CreateDatabase(t.Context(), root, Database{Name: "Flows", Description: "d"}))
	return k
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wants(t testing.TB, what string, err error, kind fault.Kind, noun string) {
	t.Helper()
	if !fault.Is(err, kind) || !fault.HasNoun(err, noun) {
		t.Errorf("%s: got %v, want %v about %s", what, err, kind, noun)
	}
}

func table(name string, keys ...string) Table {
	t := Table{Database: "flows", Name: name, Storage: Storage{Columns: []Column{{Name: "A", Type: "INT"}}, Location: "s3://b/" + name + "/",
		InputFormat: "in", OutputFormat: "out", SerDe: SerDe{Library: "lib"}}}
	for _, k := range keys {
		key, typ, _ := strings.Cut(k, " ")
		t.PartitionKeys = append(t.PartitionKeys, Column{Name: key, Type: typ})
	}
	return t
}

func TestDatabases(t *testing.T) {
	k, ctx := newCatalog(t), t.Context()
	d, err := k.Database(ctx, root, "FLOWS")
	must(t, err)
	if d.Name != "flows" || d.Description != "d" || d.Created.IsZero() {
		t.Errorf("got %+v", d)
	}
	wants(t, "a second of the same name", k.CreateDatabase(ctx, root, Database{Name: "flowS"}), fault.Exists, "database")
	created, err := k.EnsureDatabase(ctx, root, Database{Name: "flows"})
	if created || err != nil {
		t.Errorf("ensure: got %v, %v", created, err)
	}
	_, err = k.Database(ctx, root, "nobody")
	wants(t, "get of none", err, fault.NotFound, "database")
	_, err = k.Database(ctx, root.In("eu-west-1"), "flows")
	wants(t, "get in another region", err, fault.NotFound, "database")
	_, err = k.Database(ctx, access.Caller{Account: "123456789012", Region: "us-east-1", Principal: "arn:aws:iam::123456789012:user/u"}, "flows")
	if !fault.Is(err, fault.Denied) {
		t.Errorf("get by somebody else: got %v", err)
	}
	for _, bad := range []string{"", "a\nb", "a\x1fb", strings.Repeat("x", 256), "\xff"} {
		if err := k.CreateDatabase(ctx, root, Database{Name: bad}); !fault.Is(err, fault.Invalid) {
			t.Errorf("name %.10q: got %v, want invalid", bad, err)
		}
	}
	must(t, k.UpdateDatabase(ctx, root, "flows", Database{Name: "flows", Description: "e"}))
	wants(t, "rename", k.UpdateDatabase(ctx, root, "flows", Database{Name: "x"}), fault.Invalid, "database")
	wants(t, "update of none", k.UpdateDatabase(ctx, root, "nobody", Database{}), fault.NotFound, "database")
	for _, n := range []string{"b", "a", "c"} {
		must(t, k.CreateDatabase(ctx, root, Database{Name: n}))
	}
	var names []string
	for after := ""; ; {
		page, next, err := k.Databases(ctx, root, after, 3)
		must(t, err)
		for _, d := range page {
			names = append(names, d.Name)
		}
		if after = next; next == "" {
			break
		}
	}
	if !slices.Equal(names, []string{"a", "b", "c", "flows"}) {
		t.Errorf("listed %q", names)
	}
	_, err = k.CreateTable(ctx, root, table("t", "k string"))
	must(t, err)
	must(t, k.CreatePartition(ctx, root, "flows", "t", Partition{Values: []string{"1"}}))
	must(t, k.DeleteDatabase(ctx, root, "FLOWS"))
	wants(t, "delete of none", k.DeleteDatabase(ctx, root, "flows"), fault.NotFound, "database")
	must(t, k.CreateDatabase(ctx, root, Database{Name: "flows"}))
	_, err = k.Table(ctx, root, "flows", "t")
	wants(t, "table of a database that was deleted and made again", err, fault.NotFound, "table")
}

func TestTables(t *testing.T) {
	k, ctx := newCatalog(t), t.Context()
	made, err := k.CreateTable(ctx, root, table("Web", "Year string"))
	must(t, err)
	if made.Name != "web" || made.Storage.Columns[0].Name != "a" || made.Storage.Columns[0].Type != "int" || made.PartitionKeys[0].Name != "year" || made.Kind != ExternalTable {
		t.Errorf("got %+v", made)
	}
	got, err := k.Table(ctx, root, "Flows", "WEB")
	must(t, err)
	if !reflect.DeepEqual(got, made) {
		t.Errorf("got %+v, want %+v", got, made)
	}
	_, err = k.CreateTable(ctx, root, table("web"))
	wants(t, "a second of the same name", err, fault.Exists, "table")
	there, created, err := k.EnsureTable(ctx, root, table("web"))
	if created || err != nil || len(there.PartitionKeys) != 1 {
		t.Errorf("ensure: got %v, %v", created, err)
	}
	orphan := table("x")
	orphan.Database = "nobody"
	_, err = k.CreateTable(ctx, root, orphan)
	wants(t, "in no database", err, fault.NotFound, "database")
	for name, change := range map[string]func(*Table){
		"a type that is none":    func(t *Table) { t.Storage.Columns[0].Type = "integr" },
		"a column there twice":   func(t *Table) { t.PartitionKeys = []Column{{Name: "a", Type: "int"}} },
		"a column without name":  func(t *Table) { t.Storage.Columns[0].Name = "" },
		"a negative retention":   func(t *Table) { t.Retention = -1 },
		"a long comment":         func(t *Table) { t.Storage.Columns[0].Comment = strings.Repeat("x", 256) },
		"an empty parameter key": func(t *Table) { t.Parameters = map[string]string{"": "x"} },
	} {
		bad := table("bad")
		change(&bad)
		if _, err := k.CreateTable(ctx, root, bad); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: got %v, want invalid", name, err)
		}
	}
	must(t, k.CreatePartition(ctx, root, "flows", "web", Partition{Values: []string{"2026"}}))
	next := made
	next.Description = "changed"
	next, err = k.UpdateTable(ctx, root, next, "0")
	must(t, err)
	if next.Version != 1 || !next.Created.Equal(made.Created) || next.Description != "changed" {
		t.Errorf("got %+v", next)
	}
	_, err = k.UpdateTable(ctx, root, made, "0")
	wants(t, "update of an older version", err, fault.Conflict, "table")
	if _, err := k.Partition(ctx, root, "flows", "web", []string{"2026"}); err != nil {
		t.Errorf("the partition did not outlive an update of its table: %v", err)
	}
	_, err = k.UpdateTable(ctx, root, table("nobody"), "")
	wants(t, "update of none", err, fault.NotFound, "table")
	for _, n := range []string{"web_a", "web_b", "dns"} {
		_, err := k.CreateTable(ctx, root, table(n))
		must(t, err)
	}
	for expression, want := range map[string]int{"": 4, "web.*": 3, "WEB_.": 2, "*": 4, "we": 0, "dns|web": 2} {
		page, _, err := k.Tables(ctx, root, TableFilter{Database: "flows", Expression: expression})
		must(t, err)
		if len(page) != want {
			t.Errorf("expression %q chose %d tables, want %d", expression, len(page), want)
		}
	}
	_, _, err = k.Tables(ctx, root, TableFilter{Database: "flows", Expression: "("})
	wants(t, "a bad expression", err, fault.Invalid, "expression")
	failures, err := k.DeleteTables(ctx, root, "flows", []string{"web_a", "nobody", "WEB_B"})
	must(t, err)
	if len(failures) != 1 || failures[0].Name != "nobody" || !fault.Is(failures[0].Err, fault.NotFound) {
		t.Errorf("got %v", failures)
	}
	must(t, k.DeleteTable(ctx, root, "flows", "web"))
	wants(t, "delete of none", k.DeleteTable(ctx, root, "flows", "web"), fault.NotFound, "table")
	_, err = k.CreateTable(ctx, root, table("web", "year string"))
	must(t, err)
	if ps, _, err := k.Partitions(ctx, root, "flows", "web", PartitionFilter{}); err != nil || len(ps) != 0 {
		t.Errorf("a table made again has the old one's partitions: %v, %v", ps, err)
	}
}

func TestPartitions(t *testing.T) {
	k, ctx := newCatalog(t), t.Context()
	_, err := k.CreateTable(ctx, root, table("t", "year string", "n int"))
	must(t, err)
	p := Partition{Values: []string{"2026", "1"}, Storage: Storage{Location: "s3://b/t/1/"}, Parameters: map[string]string{"x": "y"}}
	must(t, k.CreatePartition(ctx, root, "FLOWS", "T", p))
	got, err := k.Partition(ctx, root, "flows", "t", p.Values)
	must(t, err)
	if got.Storage.Location != "s3://b/t/1/" || got.Storage.SerDe.Library != "lib" || len(got.Storage.Columns) != 1 || got.Parameters["x"] != "y" || got.Created.IsZero() {
		t.Errorf("got %+v", got)
	}
	wants(t, "a second of the same values", k.CreatePartition(ctx, root, "flows", "t", p), fault.Exists, "partition")
	wants(t, "too few values", k.CreatePartition(ctx, root, "flows", "t", Partition{Values: []string{"1"}}), fault.Invalid, "partition")
	wants(t, "in no table", k.CreatePartition(ctx, root, "flows", "nobody", p), fault.NotFound, "table")
	failures, err := k.CreatePartitions(ctx, root, "flows", "t", []Partition{{Values: []string{"2026", "2"}}, {Values: []string{"2026", "1"}}, {Values: nil}, {Values: []string{"2027", "3"}}})
	must(t, err)
	if len(failures) != 2 || !fault.Is(failures[0].Err, fault.Exists) || !fault.Is(failures[1].Err, fault.Invalid) {
		t.Errorf("got %v", failures)
	}
	rekeyed, err := k.Table(ctx, root, "flows", "t")
	must(t, err)
	rekeyed.PartitionKeys = rekeyed.PartitionKeys[:1]
	_, err = k.UpdateTable(ctx, root, rekeyed, "")
	wants(t, "fewer keys under partitions", err, fault.Invalid, "table")
	found, missing, err := k.PartitionsOf(ctx, root, "flows", "t", [][]string{{"2026", "1"}, {"2029", "1"}})
	must(t, err)
	if len(found) != 1 || len(missing) != 1 {
		t.Errorf("got %v and missing %v", found, missing)
	}
	moved := p
	moved.Values = []string{"2030", "9"}
	must(t, k.UpdatePartition(ctx, root, "flows", "t", p.Values, moved))
	_, err = k.Partition(ctx, root, "flows", "t", p.Values)
	wants(t, "get of what moved", err, fault.NotFound, "partition")
	wants(t, "a move onto another", k.UpdatePartition(ctx, root, "flows", "t", moved.Values, Partition{Values: []string{"2026", "2"}}), fault.Exists, "partition")
	if _, err = k.Partition(ctx, root, "flows", "t", moved.Values); err != nil {
		t.Errorf("a move that was refused lost the partition: %v", err)
	}
	failures, err = k.DeletePartitions(ctx, root, "flows", "t", [][]string{{"2030", "9"}, {"2030", "9"}})
	must(t, err)
	if len(failures) != 1 || !fault.Is(failures[0].Err, fault.NotFound) {
		t.Errorf("got %v", failures)
	}
}

// TestPartitionsAreListedAsAModelDoes holds pages, segments, prefixes and expressions over odd values
// against a sorted slice.
func TestPartitionsAreListedAsAModelDoes(t *testing.T) {
	value := rapid.OneOf(rapid.StringMatching(`[a-c]{0,2}`), rapid.SampledFrom([]string{"a\x1fb", "a\x1eb", "\x1f", "\x1e0", "é/=%", NullValue}))
	k, ctx := newCatalog(t), t.Context()
	round := 0
	rapid.Check(t, func(t *rapid.T) {
		round++
		name := fmt.Sprint("t", round)
		_, err := k.CreateTable(ctx, root, table(name, "k string", "l string"))
		if err != nil {
			t.Fatal(err)
		}
		var model [][]string
		for _, v := range rapid.SliceOfN(rapid.SliceOfN(value, 2, 2), 0, 12).Draw(t, "values") {
			err := k.CreatePartition(ctx, root, "flows", name, Partition{Values: v})
			if there := slices.ContainsFunc(model, func(w []string) bool { return slices.Equal(v, w) }); there != fault.Is(err, fault.Exists) || !there && err != nil {
				t.Fatalf("create %q: %v", v, err)
			} else if !there {
				model = append(model, v)
			}
		}
		sort.Slice(model, func(i, j int) bool { return valuesKey(model[i]) < valuesKey(model[j]) })
		first := value.Draw(t, "first")
		total := rapid.IntRange(1, 5).Draw(t, "segments")
		size := rapid.IntRange(1, 4).Draw(t, "page")
		var all, some [][]string
		for n := range total {
			f := PartitionFilter{Segment: Segment{n, total}, Max: size}
			for {
				page, more, err := k.Partitions(ctx, root, "flows", name, f)
				if err != nil {
					t.Fatal(err)
				}
				for _, p := range page {
					all = append(all, p.Values)
				}
				if !more {
					break
				}
				f.After = page[len(page)-1].Values
			}
		}
		sort.Slice(all, func(i, j int) bool { return valuesKey(all[i]) < valuesKey(all[j]) })
		if !reflect.DeepEqual(all, model) {
			t.Fatalf("segments together have %q, want %q", all, model)
		}
		for _, f := range []PartitionFilter{
			{Expression: "k = '" + strings.ReplaceAll(first, "'", "''") + "'"}, {Prefix: []string{first}},
			{Keep: func(v []string) bool { return v[0] == first }},
		} {
			if f.Expression != "" && first == NullValue {
				continue // compares as NULL
			}
			page, _, err := k.Partitions(ctx, root, "flows", name, f)
			if err != nil {
				t.Fatal(err)
			}
			some = nil
			for _, p := range page {
				some = append(some, p.Values)
			}
			var want [][]string
			for _, v := range model {
				if v[0] == first {
					want = append(want, v)
				}
			}
			if !reflect.DeepEqual(some, want) {
				t.Fatalf("%+v chose %q, want %q", f, some, want)
			}
		}
	})
}

// TestAnExpressionReadsNoFewerThanItChooses holds what Partitions reads, which an expression narrows by its equalities,
// against the expression asked about every partition.
func TestAnExpressionReadsNoFewerThanItChooses(t *testing.T) {
	k, ctx := newCatalog(t), t.Context()
	logs := table("logs", "year string", "month string")
	_, err := k.CreateTable(ctx, root, logs)
	must(t, err)
	for _, year := range []string{"2024", "2025", "2026"} {
		for _, month := range []string{"01", "02", "03"} {
			must(t, k.CreatePartition(ctx, root, "flows", "logs", Partition{Values: []string{year, month}}))
		}
	}
	for _, prefix := range [][]string{nil, {"2025"}, {"2025", "02"}} {
		for _, expression := range []string{
			"year >= '2025'", "year > '2024' AND month = '02'", "month = '02'", "year = '2025'", "year = '2025' AND month = '02'",
			"year = '2025' AND month <> '02'", "year <= '2025' AND month < '02'", "NOT year = '2025'", "year = '2025' OR month = '02'",
			"year = '2025' AND year = '2026'", "year = '2024'", "year = '2024' AND month = '02'", "year = '2025' AND month = '01'",
			"year IN ('2024','2025')", "year LIKE '202_' AND month BETWEEN '02' AND '03'",
		} {
			x, err := ParseExpression(expression, logs.PartitionKeys)
			must(t, err)
			all, _, err := k.Partitions(ctx, root, "flows", "logs", PartitionFilter{Prefix: prefix})
			must(t, err)
			var want, got [][]string
			for _, p := range all {
				if x.Match(p.Values) {
					want = append(want, p.Values)
				}
			}
			chosen, _, err := k.Partitions(ctx, root, "flows", "logs", PartitionFilter{Prefix: prefix, Expression: expression})
			must(t, err)
			for _, p := range chosen {
				got = append(got, p.Values)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%s below %q: got %q, want %q", expression, prefix, got, want)
			}
		}
	}
}

func TestManyPartitions(t *testing.T) {
	if testing.Short() {
		t.Skip("slow")
	}
	k, ctx := newCatalog(t), t.Context()
	_, err := k.CreateTable(ctx, root, table("big", "day string", "hour int"))
	must(t, err)
	const n = 100_000
	ps := make([]Partition, n)
	for i := range ps {
		ps[i] = Partition{Values: []string{fmt.Sprintf("d%05d", i/24), fmt.Sprint(i % 24)}, Storage: Storage{Location: fmt.Sprintf("s3://b/big/%d/", i)}}
	}
	began := time.Now()
	must(t, k.Edit(ctx, root, func(e *Edit) error {
		_, err := e.AddPartitions(ctx, "flows", "big", ps)
		return err
	}))
	t.Logf("created %d in %v", n, time.Since(began))
	for _, f := range []struct {
		filter PartitionFilter
		want   int
	}{{PartitionFilter{}, n}, {PartitionFilter{Expression: "day = 'd00042'"}, 24}, {PartitionFilter{Expression: "day > 'd04160' and hour < 2"}, 12},
		{PartitionFilter{Segment: Segment{2, 5}}, -1}, {PartitionFilter{Prefix: []string{"d00001", "7"}}, 1}} {
		began := time.Now()
		page, _, err := k.Partitions(ctx, root, "flows", "big", f.filter)
		must(t, err)
		if f.want >= 0 && len(page) != f.want || f.want < 0 && (len(page) < n/6 || len(page) > n/4) {
			t.Errorf("%+v: got %d partitions, want %d", f.filter, len(page), f.want)
		}
		t.Logf("%+v: %d in %v", f.filter, len(page), time.Since(began))
	}
}

func TestEditIsWhole(t *testing.T) {
	k, ctx := newCatalog(t), t.Context()
	stop := fault.Newf(fault.Conflict, "test", "stop")
	err := k.Edit(ctx, root, func(e *Edit) error {
		if _, err := e.CreateTable(ctx, table("half", "k string")); err != nil {
			return err
		}
		if err := e.CreatePartition(ctx, "flows", "half", Partition{Values: []string{"1"}}); err != nil {
			return err
		}
		return stop
	})
	if err != stop {
		t.Fatal(err)
	}
	_, err = k.Table(ctx, root, "flows", "half")
	wants(t, "after an edit that failed", err, fault.NotFound, "table")
	must(t, k.View(ctx, root, func(s *Snapshot) error {
		before, err := s.Table(ctx, "flows", "half")
		if !fault.Is(err, fault.NotFound) {
			return fmt.Errorf("got %v, %v", before, err)
		}
		// What others change meanwhile is not seen.
		if _, err := k.CreateTable(context.WithoutCancel(ctx), root, table("half")); err != nil {
			return err
		}
		if _, err := s.Table(ctx, "flows", "half"); !fault.Is(err, fault.NotFound) {
			t.Errorf("a view saw a later change: %v", err)
		}
		return nil
	}))
}

func TestClassifiers(t *testing.T) {
	k, ctx := newCatalog(t), t.Context()
	grok := Classifier{Name: "Flow", Grok: &GrokClassifier{Classification: "vpc", Pattern: "%{NUMBER:version:int} %{MINE:x}", CustomPatterns: "MINE [a-z]+"}}
	must(t, k.CreateClassifier(ctx, root, grok))
	wants(t, "a second of the same name", k.CreateClassifier(ctx, root, grok), fault.Exists, "classifier")
	got, err := k.Classifier(ctx, root, "Flow")
	must(t, err)
	if got.Version != 1 || got.Grok.Pattern != grok.Grok.Pattern {
		t.Errorf("got %+v", got)
	}
	_, err = k.Classifier(ctx, root, "flow")
	wants(t, "get in other letters", err, fault.NotFound, "classifier")
	for name, bad := range map[string]Classifier{
		"of no kind":                {Name: "x"},
		"of two kinds":              {Name: "x", JSON: &JSONClassifier{Path: "$"}, CSV: &CSVClassifier{}},
		"an unknown pattern":        {Name: "x", Grok: &GrokClassifier{Classification: "c", Pattern: "%{NOBODY:x}"}},
		"an empty classification":   {Name: "x", Grok: &GrokClassifier{Pattern: "%{WORD:x}"}},
		"a long pattern":            {Name: "x", Grok: &GrokClassifier{Classification: "c", Pattern: strings.Repeat("x", 2049)}},
		"a bad path":                {Name: "x", JSON: &JSONClassifier{Path: "a.b"}},
		"two delimiters":            {Name: "x", CSV: &CSVClassifier{Delimiter: "||"}},
		"quote as delimiter":        {Name: "x", CSV: &CSVClassifier{Delimiter: "|", Quote: "|"}},
		"an unknown header option":  {Name: "x", CSV: &CSVClassifier{ContainsHeader: "MAYBE"}},
		"a column twice":            {Name: "x", CSV: &CSVClassifier{Header: []string{"a", "A"}}},
		"types without the flag":    {Name: "x", CSV: &CSVClassifier{CustomTypes: []string{"INT"}}},
		"an unknown type":           {Name: "x", CSV: &CSVClassifier{CustomTypes: []string{"INTEGER"}, CustomTypesGiven: true}},
		"types that fit no header":  {Name: "x", CSV: &CSVClassifier{Header: []string{"a"}, CustomTypes: []string{"INT", "INT"}, CustomTypesGiven: true}},
		"an unknown SerDe":          {Name: "x", CSV: &CSVClassifier{SerDe: "Regex"}},
		"a name with a line break":  {Name: "x\n", JSON: &JSONClassifier{Path: "$"}},
		"recursive descent in JSON": {Name: "x", JSON: &JSONClassifier{Path: "$..a"}},
	} {
		if err := k.CreateClassifier(ctx, root, bad); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: got %v, want invalid", name, err)
		}
	}
	must(t, k.UpdateClassifier(ctx, root, "Flow", func(cl *Classifier) error { cl.Grok.Classification = "other"; return nil }))
	if got, err := k.Classifier(ctx, root, "Flow"); err != nil || got.Version != 2 || got.Grok.Classification != "other" {
		t.Errorf("got %+v, %v", got, err)
	}
	must(t, k.CreateClassifier(ctx, root, Classifier{Name: "A", JSON: &JSONClassifier{Path: "$.a['b c'][*].*"}}))
	page, next, err := k.Classifiers(ctx, root, "", 1)
	must(t, err)
	if len(page) != 1 || page[0].Name != "A" || next != "A" {
		t.Errorf("got %v and %q", page, next)
	}
	must(t, k.DeleteClassifier(ctx, root, "A"))
	wants(t, "delete of none", k.DeleteClassifier(ctx, root, "A"), fault.NotFound, "classifier")
}

func TestIsData(t *testing.T) {
	for key, want := range map[string]bool{"a.csv": true, "x/a.csv": true, "": true, "x/": false, "_SUCCESS": false, ".hidden": false, "a_b.c": true, "x/_tmp/a": false, "x/.b": false,
		"_tmp/a.csv": false, "x/aws-logs-write-test": false, "aws-logs-write-test": false, "aws-logs-write-test/a": true, "x_$folder$": false} {
		if got := IsData(key); got != want {
			t.Errorf("%q: got %v", key, got)
		}
	}
}

func FuzzParseJSONPath(f *testing.F) {
	for _, s := range []string{"$", "$.a.b", "$[*]", "$.items[*].x", "$['a b'][*]", "$..", "$[", "$.*"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if _, err := ParseJSONPath(s); err != nil && !fault.Is(err, fault.Invalid) {
			t.Fatalf("%q: %v is not the caller's", s, err)
		}
	})
}
