package catalog

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"flowlake/access"
	"flowlake/access/formation"
	"flowlake/access/identity"
	"flowlake/fault"
	"flowlake/state"
)

// governed is a catalogue of which nothing is left to IAM, and whose users may do everything by their policies.
type governed struct {
	*Catalog
	t         testing.TB
	root      access.Caller
	guard     *access.Guard
	ids       *identity.Store
	formation *formation.Store
}

func newGoverned(t testing.TB) *governed {
	t.Helper()
	dir, quiet := t.TempDir(), slog.New(slog.DiscardHandler)
	st, err := state.Open(filepath.Join(dir, "state"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	seal, err := identity.OpenSeal(filepath.Join(dir, "key"))
	if err != nil {
		t.Fatal(err)
	}
	ids, err := identity.Open(st, "123456789012", seal, quiet)
	if err != nil {
		t.Fatal(err)
	}
	guard := access.OpenGuard(access.GuardConfig{Account: "123456789012", Identities: ids, Log: quiet})
	f := formation.Open(st, guard, quiet)
	f.SetIdentities(ids)
	k := Open(st, guard, quiet)
	k.SetFormation(f)
	h := &governed{Catalog: k, t: t, root: access.Root("123456789012", "eu-west-1"), guard: guard, ids: ids, formation: f}
	if err := f.PutSettings(t.Context(), h.root, formation.Settings{}); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *governed) user(name string) access.Caller {
	h.t.Helper()
	ctx := h.t.Context()
	if _, err := h.ids.Create(ctx, identity.User, identity.New{Name: name}); err != nil {
		h.t.Fatal(err)
	}
	if err := h.ids.PutInline(ctx, identity.User, name, "all", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`); err != nil {
		h.t.Fatal(err)
	}
	c, err := h.guard.CallerOf(ctx, "arn:aws:iam::123456789012:user/"+name, "eu-west-1")
	if err != nil {
		h.t.Fatal(err)
	}
	return c
}

func (h *governed) grant(c access.Caller, r formation.Resource, permissions ...formation.Permission) {
	h.t.Helper()
	if err := h.formation.Grant(h.t.Context(), h.root, formation.Grant{Principal: c.Principal, Resource: r, Permissions: permissions}); err != nil {
		h.t.Fatal(err)
	}
}

func columnGrant(names ...string) formation.Resource {
	return formation.Resource{Kind: formation.OfColumns, Database: "net", Table: "flows", Columns: names}
}

// flows makes net.flows, partitioned by day and account, with statistics and properties that name its columns.
func (h *governed) flows() {
	h.t.Helper()
	ctx := h.t.Context()
	t := Table{Database: "net", Name: "flows", Description: "the token column is secret", PartitionKeys: []Column{{Name: "day", Type: "string"}, {Name: "account", Type: "string"}},
		Parameters: map[string]string{"classification": "json", "projection.account.type": "injected", "storage.location.template": "s3://lake/${day}/${account}", "note": "see Token."},
		Storage: Storage{Location: "s3://lake/flows/", Columns: []Column{{Name: "srcaddr", Type: "string"}, {Name: "bytes", Type: "bigint"}, {Name: "token", Type: "string"}},
			BucketColumns: []string{"token"}, SkewedColumns: []string{"token"}, SkewedValues: []string{"tok-1"},
			SerDe: SerDe{Library: "org.openx.data.jsonserde.JsonSerDe", Parameters: map[string]string{"paths": "bytes,srcaddr,token", "mapping.token": "t", "case.insensitive": "true"}}}}
	if err := h.CreateDatabase(ctx, h.root, Database{Name: "net"}); err != nil {
		h.t.Fatal(err)
	}
	if _, err := h.CreateTable(ctx, h.root, t); err != nil {
		h.t.Fatal(err)
	}
	for _, values := range [][]string{{"2026-01-01", "a1"}, {"2026-01-02", "a2"}} {
		if err := h.CreatePartition(ctx, h.root, "net", "flows", Partition{Values: values, Storage: Storage{Location: "s3://lake/flows/" + values[0]}, Parameters: map[string]string{"token": "yes", "rows": "1"}}); err != nil {
			h.t.Fatal(err)
		}
	}
	for _, c := range []string{"bytes", "token"} {
		if err := h.PutStatistics(ctx, h.root, "net", "flows", nil, []ColumnStatistics{{Column: c, Type: "x", Data: []byte(`{"Maximum":"tok-9"}`)}}); err != nil {
			h.t.Fatal(err)
		}
	}
}

func TestATableIsWhatWasGranted(t *testing.T) {
	h := newGoverned(t)
	h.flows()
	ctx, ana := t.Context(), h.user("ana")
	if _, err := h.Table(ctx, ana, "net", "flows"); !fault.Is(err, fault.NotFound) || err.Error() != "database net: not found" {
		t.Errorf("without a grant: %v", err)
	}
	h.grant(ana, columnGrant("srcaddr", "bytes", "day"), formation.Select)
	for _, name := range []string{"flows", "FLOWS"} {
		got, err := h.Table(ctx, ana, "NET", name)
		if err != nil || len(got.Storage.Columns) != 2 || len(got.PartitionKeys) != 1 {
			t.Fatalf("got %+v, %v", got, err)
		}
		text := fmt.Sprintf("%+v", got)
		for _, w := range []string{"token", "Token", "tok-", "account"} {
			if strings.Contains(text, w) {
				t.Errorf("%q is in %s", w, text)
			}
		}
		if got.Parameters["classification"] != "json" || got.Storage.SerDe.Parameters["case.insensitive"] != "true" {
			t.Errorf("too much is gone: %+v", got)
		}
	}
	if _, err := h.Table(ctx, ana, "net", "none"); !fault.Is(err, fault.NotFound) || err.Error() != "table net.none: not found" {
		t.Errorf("got %v", err)
	}
	whole, a, err := h.Readable(ctx, ana, "net", "flows")
	if err != nil || len(whole.Storage.Columns) != 3 || !slices.Equal(a.Select[0].Columns, []string{"srcaddr", "bytes", "day"}) {
		t.Errorf("for an engine: %+v, %+v, %v", whole, a, err)
	}
	found, missing, err := h.Statistics(ctx, ana, "net", "flows", nil, []string{"bytes", "token", "none"})
	if err != nil || len(found) != 1 || found[0].Column != "bytes" || !slices.Equal(missing, []string{"token", "none"}) {
		t.Errorf("statistics: %+v, %v, %v", found, missing, err)
	}
	if err := h.PutStatistics(ctx, ana, "net", "flows", nil, []ColumnStatistics{{Column: "bytes"}}); !fault.Is(err, fault.Denied) {
		t.Errorf("statistics are written: %v", err)
	}
}

func TestPartitionsAreRows(t *testing.T) {
	h := newGoverned(t)
	h.flows()
	ctx := t.Context()
	list := func(c access.Caller, f PartitionFilter) string {
		ps, _, err := h.Partitions(ctx, c, "net", "flows", f)
		if err != nil {
			return err.Error()
		}
		var out []string
		for _, p := range ps {
			out = append(out, fmt.Sprint(p.Values, len(p.Storage.Columns), p.Parameters))
		}
		return strings.Join(out, " ")
	}
	keyHidden := h.user("ana")
	h.grant(keyHidden, columnGrant("srcaddr", "day"), formation.Select)
	if got := list(keyHidden, PartitionFilter{}); got != "" {
		t.Errorf("with a hidden key: %s", got)
	}
	unknown := strings.ReplaceAll(list(keyHidden, PartitionFilter{Expression: "nothing = 'a1'"}), "nothing", "account")
	if got := list(keyHidden, PartitionFilter{Expression: "account = 'a1'"}); got != unknown {
		t.Errorf("a hidden key is told from none: %s, and none is %s", got, unknown)
	}
	if _, err := h.Partition(ctx, keyHidden, "net", "flows", []string{"2026-01-01", "a1"}); !fault.Is(err, fault.Invalid) { // as for a table of one key
		t.Errorf("got %v", err)
	}
	if found, _, err := h.PartitionsOf(ctx, keyHidden, "net", "flows", [][]string{{"2026-01-01"}}); err != nil || len(found) != 0 {
		t.Errorf("got %v, %v", found, err)
	}

	columns := h.user("cat")
	h.grant(columns, columnGrant("srcaddr", "day", "account"), formation.Select)
	if got, want := list(columns, PartitionFilter{Expression: "account = 'a1'"}), "[2026-01-01 a1] 1 map[rows:1]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	p, err := h.Partition(ctx, columns, "net", "flows", []string{"2026-01-02", "a2"})
	if err != nil || strings.Contains(fmt.Sprintf("%+v", p), "token") {
		t.Errorf("got %+v, %v", p, err)
	}

	rows := h.user("ben")
	if err := h.formation.CreateFilter(ctx, h.root, formation.Filter{Database: "net", Table: "flows", Name: "a1", Rows: "account = 'a1'"}); err != nil {
		t.Fatal(err)
	}
	h.grant(rows, formation.Resource{Kind: formation.OfCells, Database: "net", Table: "flows", Filter: "a1"}, formation.Select)
	if got := list(rows, PartitionFilter{}); !strings.Contains(got, "Insufficient Lake Formation permission(s): Required Select on flows") {
		t.Errorf("behind a row filter: %s", got)
	}
	if found, missing, err := h.Statistics(ctx, rows, "net", "flows", nil, []string{"bytes"}); err != nil || len(found) != 0 || len(missing) != 1 {
		t.Errorf("statistics behind a row filter: %v, %v, %v", found, missing, err)
	}
	if err := h.DeletePartition(ctx, rows, "net", "flows", []string{"2026-01-01", "a1"}); !fault.Is(err, fault.Denied) {
		t.Errorf("deleted: %v", err)
	}
	h.grant(rows, formation.OnTable("net", "flows"), formation.Alter)
	if err := h.DeletePartition(ctx, rows, "net", "flows", []string{"2026-01-01", "a1"}); err != nil {
		t.Errorf("with ALTER: %v", err)
	}
}

func TestListsHaveWhatWasGranted(t *testing.T) {
	h := newGoverned(t)
	ctx, ana := t.Context(), h.user("ana")
	for i := range 7 {
		db := fmt.Sprintf("d%d", i)
		if err := h.CreateDatabase(ctx, h.root, Database{Name: db}); err != nil {
			t.Fatal(err)
		}
		for j := range 3 {
			if _, err := h.CreateTable(ctx, h.root, Table{Database: db, Name: fmt.Sprintf("t%d", j), Storage: Storage{Columns: []Column{{Name: "a", Type: "int"}}}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	h.grant(ana, formation.InDatabase("d1"), formation.Describe)
	h.grant(ana, formation.OnTable("d4", "t2"), formation.Select)
	h.grant(ana, formation.Resource{Kind: formation.OfAllTables, Database: "d6"}, formation.Describe)
	var names []string
	after := ""
	for {
		page, next, err := h.Databases(ctx, ana, after, 1)
		if err != nil || len(page) > 1 {
			t.Fatalf("%v, %v", page, err)
		}
		for _, d := range page {
			names = append(names, d.Name)
		}
		if after = next; next == "" {
			break
		}
	}
	if fmt.Sprint(names) != "[d1 d4 d6]" {
		t.Errorf("got %v", names)
	}
	for db, want := range map[string]string{"d1": "[]", "d4": "[t2]", "d6": "[t0 t1 t2]"} {
		page, next, err := h.Tables(ctx, ana, TableFilter{Database: db, Max: 3})
		var got []string
		for _, t := range page {
			got = append(got, t.Name)
		}
		if fmt.Sprint(got) != want || next != "" || err != nil {
			t.Errorf("%s: got %v, %q, %v, want %s", db, got, next, err, want)
		}
	}
	if _, _, err := h.Tables(ctx, ana, TableFilter{Database: "d0"}); err == nil || err.Error() != "database d0: not found" {
		t.Errorf("got %v", err)
	}
	failures, err := h.DeleteTables(ctx, ana, "d4", []string{"t0", "t2", "none"})
	if err != nil || len(failures) != 3 || !fault.Is(failures[0].Err, fault.NotFound) || !fault.Is(failures[1].Err, fault.Denied) || !fault.Is(failures[2].Err, fault.NotFound) {
		t.Errorf("got %+v, %v", failures, err)
	}
}

func TestPlacesAreGranted(t *testing.T) {
	h := newGoverned(t)
	ctx, ana := t.Context(), h.user("ana")
	if err := h.formation.Register(ctx, h.root, "s3://lake/", ""); err != nil {
		t.Fatal(err)
	}
	if err := h.CreateDatabase(ctx, h.root, Database{Name: "net", Location: "s3://lake/net/"}); err != nil {
		t.Fatal(err)
	}
	table := func(name, location string) error {
		_, err := h.CreateTable(ctx, ana, Table{Database: "net", Name: name, Storage: Storage{Location: location, Columns: []Column{{Name: "a", Type: "int"}}}, PartitionKeys: []Column{{Name: "k", Type: "int"}}})
		return err
	}
	h.grant(ana, formation.InDatabase("net"), formation.CreateTable)
	for _, c := range []struct {
		name, location string
		denied         bool
	}{{"inside", "s3://lake/net/t/", false}, {"outside", "s3://lake/other/t/", true}, {"beside", "s3://lake/network/", true}, {"free", "s3://elsewhere/", false}} {
		if err := table(c.name, c.location); fault.Is(err, fault.Denied) != c.denied || !c.denied && err != nil {
			t.Errorf("%s: %v", c.location, err)
		}
	}
	got, err := h.Table(ctx, ana, "net", "inside") // its creator's
	if err != nil || !got.Registered {
		t.Errorf("got %+v, %v", got, err)
	}
	got.Storage.Location = "s3://lake/other/"
	if _, err := h.UpdateTable(ctx, ana, got, ""); !fault.Is(err, fault.Denied) {
		t.Errorf("a table moves: %v", err)
	}
	moved := Partition{Values: []string{"1"}, Storage: Storage{Location: "s3://lake/other/k=1"}}
	if err := h.CreatePartition(ctx, ana, "net", "inside", moved); !fault.Is(err, fault.Denied) {
		t.Errorf("a partition lies elsewhere: %v", err)
	}
	moved.Storage.Location = "s3://lake/net/t/k=1"
	if err := h.CreatePartition(ctx, ana, "net", "inside", moved); err != nil {
		t.Error(err)
	}
	moved.Storage.Location = "s3://lake/other/k=1"
	if err := h.UpdatePartition(ctx, ana, "net", "inside", []string{"1"}, moved); !fault.Is(err, fault.Denied) {
		t.Errorf("a partition moves: %v", err)
	}
	h.grant(ana, formation.AtLocation("s3://lake/other/"), formation.DataLocationAccess)
	for _, err := range []error{table("outside", "s3://lake/other/t/"), h.UpdatePartition(ctx, ana, "net", "inside", []string{"1"}, moved)} {
		if err != nil {
			t.Error(err)
		}
	}
	if err := h.UpdateDatabase(ctx, ana, "net", Database{Location: "s3://lake/other/"}); !fault.Is(err, fault.Denied) {
		t.Errorf("a database changes: %v", err)
	}
}

// TestNewTablesAreOpenOrClosed claims: what a database says of its new tables counts, and a database that says nothing
// takes the account's settings as they were when it was made.
func TestNewTablesAreOpenOrClosed(t *testing.T) {
	h := newGoverned(t)
	ctx, ana := t.Context(), h.user("ana")
	everything := []Grant{{Principal: AllowedPrincipals, Permissions: []string{"ALL"}}}
	for _, c := range []struct {
		name     string
		settings bool
		grants   []Grant
		open     bool
	}{{"closed_by_settings", false, nil, false}, {"open_by_settings", true, nil, true}, {"closed_by_itself", true, []Grant{}, false}, {"open_by_itself", false, everything, true}} {
		if err := h.formation.PutSettings(ctx, h.root, formation.Settings{OpenTables: c.settings}); err != nil {
			t.Fatal(err)
		}
		if err := h.CreateDatabase(ctx, h.root, Database{Name: c.name, TableGrants: c.grants}); err != nil {
			t.Fatal(err)
		}
		if err := h.formation.PutSettings(ctx, h.root, formation.Settings{OpenTables: !c.settings}); err != nil {
			t.Fatal(err)
		}
		if err := h.UpdateDatabase(ctx, h.root, c.name, Database{Description: "changed"}); err != nil {
			t.Fatal(err)
		}
		if _, err := h.CreateTable(ctx, h.root, Table{Database: c.name, Name: "t", Storage: Storage{Columns: []Column{{Name: "a", Type: "int"}}}}); err != nil {
			t.Fatal(err)
		}
		if _, err := h.Table(ctx, ana, c.name, "t"); (err == nil) != c.open {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	err := h.CreateDatabase(ctx, h.root, Database{Name: "odd", TableGrants: []Grant{{Principal: ana.Principal, Permissions: []string{"SELECT"}}}})
	if !fault.Is(err, fault.Invalid) {
		t.Errorf("got %v", err)
	}
	if _, created, err := h.EnsureTable(ctx, ana, Table{Database: "closed_by_settings", Name: "t"}); created || !fault.Is(err, fault.NotFound) {
		t.Errorf("a hidden database's table: %v", err)
	}
	h.grant(ana, formation.InDatabase("closed_by_settings"), formation.CreateTable)
	if _, created, err := h.EnsureTable(ctx, ana, Table{Database: "closed_by_settings", Name: "t"}); created || !fault.Is(err, fault.Exists) {
		t.Errorf("a hidden table's name: %v", err)
	}
}

// TestHiddenColumnsProperty claims: whatever columns are granted, no call that reads a table says a hidden one's name.
func TestHiddenColumnsProperty(t *testing.T) {
	h := newGoverned(t)
	h.flows()
	ctx := t.Context()
	all := []string{"srcaddr", "bytes", "token", "day", "account"}
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		c := h.user(fmt.Sprintf("u%d", n))
		names := rapid.SliceOfNDistinct(rapid.SampledFrom(all), 1, len(all)-1, rapid.ID).Draw(rt, "granted")
		h.grant(c, columnGrant(names...), formation.Select)
		var said []any
		one, err := h.Table(ctx, c, "net", "flows")
		if err != nil {
			rt.Fatal(err)
		}
		list, _, err := h.Tables(ctx, c, TableFilter{Database: "net"})
		if err != nil {
			rt.Fatal(err)
		}
		ps, _, err := h.Partitions(ctx, c, "net", "flows", PartitionFilter{})
		if err != nil {
			rt.Fatal(err)
		}
		said = append(said, one, list, ps)
		if _, _, err := h.PartitionsOf(ctx, c, "net", "flows", [][]string{{"x"}}); err != nil {
			said = append(said, strings.ReplaceAll(err.Error(), "partition keys", ""))
		}
		text, err := json.Marshal(said)
		if err = errors.Join(err, ctx.Err()); err != nil {
			rt.Fatal(err)
		}
		for _, name := range all {
			if !slices.Contains(names, name) && strings.Contains(strings.ToLower(string(text)), name) {
				rt.Fatalf("granted %v, and %s is told: %s", names, name, text)
			}
		}
	})
}

// TestBatchesAskForTheirOwnAction claims: who may do things in batches needs no right to do them one by one, nor the other
// way about.
func TestBatchesAskForTheirOwnAction(t *testing.T) {
	h := newGoverned(t)
	h.flows()
	ctx, bat := t.Context(), h.user("bat")
	h.grant(bat, formation.OnTable("net", "flows"), formation.Alter, formation.Drop)
	only := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["glue:BatchCreatePartition","glue:BatchDeletePartition","glue:BatchDeleteTable"],"Resource":"*"}]}`
	if err := h.ids.PutInline(ctx, identity.User, "bat", "all", only); err != nil {
		t.Fatal(err)
	}
	values := []string{"2026-01-09", "a9"}
	p := Partition{Values: values, Storage: Storage{Location: "s3://lake/flows/9"}}
	if err := h.CreatePartition(ctx, bat, "net", "flows", p); !fault.Is(err, fault.Denied) || !strings.Contains(err.Error(), "glue:CreatePartition") {
		t.Errorf("got %v", err)
	}
	failed, err := h.CreatePartitions(ctx, bat, "net", "flows", []Partition{p})
	if err != nil || len(failed) > 0 {
		t.Errorf("got %v, %v", failed, err)
	}
	if failed, err := h.DeletePartitions(ctx, bat, "net", "flows", [][]string{values}); err != nil || len(failed) > 0 {
		t.Errorf("got %v, %v", failed, err)
	}
	if err := h.DeleteTable(ctx, bat, "net", "flows"); !fault.Is(err, fault.Denied) {
		t.Errorf("got %v", err)
	}
	if failed, err := h.DeleteTables(ctx, bat, "net", []string{"flows"}); err != nil || len(failed) > 0 {
		t.Errorf("got %v, %v", failed, err)
	}
}

// TestCountsAreOfAllRows: who reads through a row filter is told no number of rows, and no value of a key in other words.
func TestCountsAreOfAllRows(t *testing.T) {
	h := newGoverned(t)
	ctx := t.Context()
	counted := map[string]string{"recordCount": "7", "numRows": "7", "classification": "json", "projection.enabled": "false", "projection.account.values": "a1,a2"}
	if err := h.CreateDatabase(ctx, h.root, Database{Name: "net"}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.CreateTable(ctx, h.root, Table{Database: "net", Name: "flows", Parameters: counted, PartitionKeys: []Column{{Name: "account", Type: "string"}},
		Storage: Storage{Location: "s3://lake/flows/", Parameters: counted, Columns: []Column{{Name: "bytes", Type: "bigint"}}, SerDe: SerDe{Library: "x"}}}); err != nil {
		t.Fatal(err)
	}
	if err := h.CreatePartition(ctx, h.root, "net", "flows", Partition{Values: []string{"a1"}, Parameters: counted, Storage: Storage{Parameters: counted}}); err != nil {
		t.Fatal(err)
	}
	cells := func(c access.Caller, rows string) {
		t.Helper()
		f := formation.Filter{Database: "net", Table: "flows", Name: "f" + c.ID, Rows: rows}
		if err := h.formation.CreateFilter(ctx, h.root, f); err != nil {
			t.Fatal(err)
		}
		h.grant(c, formation.Resource{Kind: formation.OfCells, Database: "net", Table: "flows", Filter: f.Name}, formation.Select)
	}
	rows, keys, all, writer := h.user("rows"), h.user("keys"), h.user("all"), h.user("writer")
	cells(rows, "bytes > 1")
	cells(keys, "account = 'a1'")
	cells(writer, "bytes > 1")
	h.grant(rows, columnGrant("account"), formation.Select)
	h.grant(all, formation.OnTable("net", "flows"), formation.Select)
	h.grant(writer, formation.OnTable("net", "flows"), formation.Insert)
	for _, tt := range []struct {
		name       string
		as         access.Caller
		counts     bool
		values     bool
		partitions bool
	}{
		{"rows are hidden, keys are not", rows, false, true, true},
		{"keys too", keys, false, false, false},
		{"nothing is", all, true, true, true},
		{"nothing from who writes there", writer, true, true, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := h.Table(ctx, tt.as, "net", "flows")
			if err != nil {
				t.Fatal(err)
			}
			for where, p := range map[string]map[string]string{"table": got.Parameters, "storage": got.Storage.Parameters} {
				_, record := p["recordCount"]
				_, rows := p["numRows"]
				if record != tt.counts || rows != tt.counts || p["classification"] != "json" {
					t.Errorf("%s: got %v, want counts: %v", where, p, tt.counts)
				}
			}
			if _, values := got.Parameters["projection.account.values"]; values != tt.values {
				t.Errorf("got %v, want values: %v", got.Parameters, tt.values)
			}
			p, err := h.Partition(ctx, tt.as, "net", "flows", []string{"a1"})
			if (err == nil) != tt.partitions {
				t.Fatalf("partition: got %v", err)
			}
			_, record := p.Parameters["recordCount"]
			_, stored := p.Storage.Parameters["recordCount"]
			if err == nil && (record != tt.counts || stored != tt.counts) {
				t.Errorf("partition: got %+v", p)
			}
		})
	}
}

// TestWhoWritesByATableSeesItWhole: with columns hidden it would be another table.
func TestWhoWritesByATableSeesItWhole(t *testing.T) {
	h := newGoverned(t)
	h.flows()
	ana := h.user("ana")
	h.grant(ana, columnGrant("srcaddr", "bytes", "day", "account"), formation.Select)
	_, err := h.Whole(t.Context(), ana, "net", "flows")
	r, ok := errors.AsType[*access.Refusal](err)
	if !ok || r.Words != "Insufficient Lake Formation permission(s): Required Describe on flows" || !strings.Contains(r.Statement, "--permissions DESCRIBE") {
		t.Fatalf("got %v", err)
	}
	h.grant(ana, formation.OnTable("net", "flows"), formation.Describe)
	whole, err := h.Whole(t.Context(), ana, "net", "flows")
	if err != nil || len(whole.Storage.Columns) != 3 {
		t.Errorf("got %+v, %v", whole, err)
	}
	if _, err := h.Whole(t.Context(), h.user("eve"), "net", "flows"); !fault.Is(err, fault.NotFound) {
		t.Errorf("got %v", err)
	}
}

// TestAColumnThatWasIsHidden: a partition can have columns that its table no longer has, and nobody was granted.
func TestAColumnThatWasIsHidden(t *testing.T) {
	h := newGoverned(t)
	h.flows()
	ctx, ana := t.Context(), h.user("ana")
	h.grant(ana, columnGrant("srcaddr", "day", "account"), formation.Select)
	old := Partition{Values: []string{"2026-01-03", "a3"}, Parameters: map[string]string{"min.salary": "1", "note": "x"},
		Storage: Storage{Columns: []Column{{Name: "srcaddr", Type: "string"}, {Name: "salary", Type: "int"}}}}
	if err := h.CreatePartition(ctx, h.root, "net", "flows", old); err != nil {
		t.Fatal(err)
	}
	got, err := h.Partition(ctx, ana, "net", "flows", old.Values)
	if err != nil || len(got.Storage.Columns) != 1 || got.Parameters["min.salary"] != "" || got.Parameters["note"] != "x" {
		t.Errorf("got %+v, %v", got, err)
	}
}
