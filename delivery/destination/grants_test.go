package destination_test

import (
	"encoding/json"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"flowlake/access"
	"flowlake/access/formation"
	"flowlake/access/identity"
	"flowlake/catalog"
	"flowlake/delivery"
	"flowlake/delivery/destination"
	"flowlake/fault"
	"flowlake/state"
)

// TestASchemaIsReadWhole claims: a role that was granted some of its table's columns converts nothing, and the refusal says what
// to grant; with that, all columns are converted.
func TestASchemaIsReadWhole(t *testing.T) {
	dir, quiet, ctx := t.TempDir(), slog.New(slog.DiscardHandler), t.Context()
	st, err := state.Open(filepath.Join(dir, "state"))
	ok(t, err)
	defer st.Close()
	seal, err := identity.OpenSeal(filepath.Join(dir, "key"))
	ok(t, err)
	ids, err := identity.Open(st, account, seal, quiet)
	ok(t, err)
	guard := access.OpenGuard(access.GuardConfig{Account: account, Identities: ids, Log: quiet})
	f, tables := formation.Open(st, guard, quiet), catalog.Open(st, guard, quiet)
	f.SetIdentities(ids)
	tables.SetFormation(f)
	ok(t, f.PutSettings(ctx, root, formation.Settings{}))
	_, err = ids.Create(ctx, identity.Role, identity.New{Name: "delivery", Trust: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"firehose.amazonaws.com"},"Action":"sts:AssumeRole"}]}`})
	ok(t, err)
	ok(t, ids.PutInline(ctx, identity.Role, "delivery", "all", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"glue:Get*","Resource":"*"}]}`))
	ok(t, tables.CreateDatabase(ctx, root, catalog.Database{Name: "lake"}))
	_, err = tables.CreateTable(ctx, root, catalog.Table{Database: "lake", Name: "flows", Storage: catalog.Storage{Location: "s3://" + bucket + "/flows/",
		Columns: []catalog.Column{{Name: "a", Type: "int"}, {Name: "secret", Type: "string"}}}})
	ok(t, err)
	writer := destination.New(tables, guard, false, quiet)
	settings, err := json.Marshal(to(func(s *destination.Settings) { s.Conversion = converting("flows") }))
	ok(t, err)
	stream := delivery.Stream{Kind: delivery.KindFirehose, Account: account, Region: root.Region, Name: "s", Settings: settings,
		ARN: root.ARN("firehose", "deliverystream/s"), Caller: access.ServicePrincipal(account, root.Region, "firehose.amazonaws.com", root.ARN("firehose", "deliverystream/s"))}
	grant := func(r formation.Resource, p formation.Permission) {
		t.Helper()
		ok(t, f.Grant(ctx, root, formation.Grant{Principal: role, Resource: r, Permissions: []formation.Permission{p}}))
	}
	grant(formation.Resource{Kind: formation.OfColumns, Database: "lake", Table: "flows", Columns: []string{"a"}}, formation.Select)
	_, err = writer.Plan(ctx, stream)
	if !fault.Is(err, fault.Denied) || !strings.Contains(access.Explain(err), "Required Describe on flows") || !strings.Contains(access.Explain(err), "aws lakeformation grant-permissions") {
		t.Fatalf("got %v", err)
	}
	grant(formation.OnTable("lake", "flows"), formation.Describe)
	plan, err := writer.Plan(ctx, stream)
	if err != nil || !strings.Contains(string(plan), "secret") {
		t.Errorf("got %s, %v", plan, err)
	}
}
