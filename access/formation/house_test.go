package formation_test

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"flowlake/access"
	"flowlake/access/formation"
	"flowlake/access/identity"
	"flowlake/catalog"
	"flowlake/fault"
	"flowlake/state"
)

const (
	account = "123456789012"
	region  = "ap-northeast-2"
)

// house is the data lake's permissions over real identities and a real catalogue.
type house struct {
	*formation.Store
	t      *testing.T
	ctx    context.Context
	dir    string
	state  *state.Store
	ids    *identity.Store
	guard  *access.Guard
	tables *catalog.Catalog
	root   access.Caller
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func open(t *testing.T) *house {
	t.Helper()
	return reopen(t, t.TempDir())
}

func reopen(t *testing.T, dir string) *house {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	h := &house{t: t, ctx: t.Context(), dir: dir, root: access.Root(account, region)}
	seal := must(identity.OpenSeal(filepath.Join(dir, "config", "key")))(t)
	h.state = must(state.Open(filepath.Join(dir, "state")))(t)
	h.ids = must(identity.Open(h.state, account, seal, quiet))(t)
	h.guard = access.OpenGuard(access.GuardConfig{Account: account, Identities: h.ids, Log: quiet})
	h.Store = formation.Open(h.state, h.guard, quiet)
	h.SetIdentities(h.ids)
	h.tables = catalog.Open(h.state, h.guard, quiet)
	h.tables.SetFormation(h.Store)
	t.Cleanup(func() {
		if err := h.state.Close(); err != nil {
			t.Error(err)
		}
	})
	return h
}

// person makes a user whom IAM lets do everything, and returns it as a caller.
func (h *house) person(name string) access.Caller {
	h.t.Helper()
	made := must(h.ids.Create(h.ctx, identity.User, identity.New{Name: name}))(h.t)
	if err := h.ids.PutInline(h.ctx, identity.User, name, "all", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`); err != nil {
		h.t.Fatal(err)
	}
	return must(h.guard.CallerOf(h.ctx, made.ARN, region))(h.t)
}

// closed makes a database with one table, both governed by Lake Formation.
func (h *house) closed() formation.Table {
	h.t.Helper()
	h.do(h.PutSettings(h.ctx, h.root, formation.Settings{}))
	return h.flows()
}

// flows makes the table flow.logs in its database.
func (h *house) flows() formation.Table {
	h.t.Helper()
	h.do(h.tables.CreateDatabase(h.ctx, h.root, catalog.Database{Name: "flow"}))
	t := must(h.tables.CreateTable(h.ctx, h.root, table("flow", "logs")))(h.t)
	out := formation.Table{Database: t.Database, Name: t.Name, Location: t.Storage.Location}
	for _, c := range append(t.Storage.Columns, t.PartitionKeys...) {
		out.Columns = append(out.Columns, formation.Column{Name: c.Name, Type: c.Type})
	}
	return out
}

func table(database, name string) catalog.Table {
	return catalog.Table{Database: database, Name: name, Kind: catalog.ExternalTable,
		Storage: catalog.Storage{Location: "s3://lake/" + name + "/", SerDe: catalog.SerDe{Library: "org.openx.data.jsonserde.JsonSerDe"},
			Columns: []catalog.Column{{Name: "src", Type: "string"}, {Name: "dst", Type: "string"}, {Name: "bytes", Type: "bigint"}}},
		PartitionKeys: []catalog.Column{{Name: "day", Type: "string"}}}
}

func (h *house) do(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// grant gives as root.
func (h *house) grant(to access.Caller, r formation.Resource, list ...formation.Permission) {
	h.t.Helper()
	h.do(h.Grant(h.ctx, h.root, formation.Grant{Principal: to.Principal, Resource: r, Permissions: list}))
}

// check asks for one permission.
func (h *house) check(c access.Caller, p formation.Permission, r formation.Resource) error {
	return h.View(h.ctx, c, func(v *formation.View) error { return v.Check(h.ctx, p, r) })
}

func columns(names ...string) formation.Resource {
	return formation.Resource{Kind: formation.OfColumns, Database: "flow", Table: "logs", Columns: names}
}

func cells(filter string) formation.Resource {
	return formation.Resource{Kind: formation.OfCells, Database: "flow", Table: "logs", Filter: filter}
}

var logsTable = formation.OnTable("flow", "logs")

// told is what an access looks like: "permissions | columns | cells".
func told(a formation.Access) string {
	var perms, sees []string
	for _, p := range a.Permissions {
		perms = append(perms, string(p))
	}
	for _, c := range a.Select {
		text := strings.Join(c.Columns, ",")
		if c.Rows != "" {
			text += " where " + c.Rows
		}
		sees = append(sees, text)
	}
	return strings.Join(perms, " ") + " | " + strings.Join(a.Columns, " ") + " | " + strings.Join(sees, "; ")
}

// refused holds an error to a kind and to words.
func refused(t *testing.T, err error, kind fault.Kind, words string) {
	t.Helper()
	if !fault.Is(err, kind) || !strings.Contains(err.Error(), words) {
		t.Errorf("got %v (%v), want %v: %s", err, fault.KindOf(err), kind, words)
	}
}

// explanation is what a refused caller reads.
func explanation(err error) string {
	if r, ok := errors.AsType[*access.Refusal](err); ok {
		return r.Explanation()
	}
	return err.Error()
}
