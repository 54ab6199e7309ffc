package lakeformation_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	api "github.com/aws/aws-sdk-go-v2/service/lakeformation"
	"github.com/aws/aws-sdk-go-v2/service/lakeformation/types"
	"github.com/aws/smithy-go"

	"flowlake/access"
	"flowlake/access/formation"
	"flowlake/access/identity"
	door "flowlake/aws/lakeformation"
	"flowlake/aws/wire"
	"flowlake/catalog"
	"flowlake/state"
)

const (
	account = "123456789012"
	region  = "ap-northeast-2"
)

// house is the room behind the door, and root's official client before it.
type house struct {
	*api.Client
	t    *testing.T
	url  string
	ids  *identity.Store
	root access.Caller
	cat  *catalog.Catalog
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
	dir, config, quiet := t.TempDir(), t.TempDir(), slog.New(slog.DiscardHandler)
	keys := must(access.OpenKeys(filepath.Join(config, "flowlake", "credentials"), account))(t)
	seal := must(identity.OpenSeal(filepath.Join(config, "flowlake", "key")))(t)
	st := must(state.Open(filepath.Join(dir, "state")))(t)
	h := &house{t: t, root: access.Root(account, region)}
	h.ids = must(identity.Open(st, account, seal, quiet))(t)
	guard := access.OpenGuard(access.GuardConfig{Account: account, Identities: h.ids, Log: quiet})
	keys.SetIdentities(h.ids)
	f := formation.Open(st, guard, quiet)
	f.SetIdentities(h.ids)
	h.cat = catalog.Open(st, guard, quiet)
	h.cat.SetFormation(f)
	server := httptest.NewServer(must(wire.New(wire.Config{Keys: keys, Guard: guard, Log: quiet}, []wire.Service{door.Service(f)}))(t))
	t.Cleanup(func() {
		server.Close()
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	h.url = server.URL
	h.Client = h.as(keys.Root().ID, keys.Root().Secret)
	return h
}

func (h *house) as(id, secret string) *api.Client {
	return api.New(api.Options{Region: region, BaseEndpoint: &h.url, RetryMaxAttempts: 1, Credentials: credentials.NewStaticCredentialsProvider(id, secret, "")})
}

// person makes a user with one policy statement, and returns their ARN and client.
func (h *house) person(name, action string) (string, *api.Client) {
	h.t.Helper()
	made := must(h.ids.Create(h.t.Context(), identity.User, identity.New{Name: name}))(h.t)
	if err := h.ids.PutInline(h.t.Context(), identity.User, name, "may", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"`+action+`","Resource":"*"}]}`); err != nil {
		h.t.Fatal(err)
	}
	key, secret, err := h.ids.CreateKey(h.t.Context(), name)
	if err != nil {
		h.t.Fatal(err)
	}
	return made.ARN, h.as(key.ID, secret)
}

// tables makes a database with tables, each of three columns.
func (h *house) tables(database string, names ...string) {
	h.t.Helper()
	if err := h.cat.CreateDatabase(h.t.Context(), h.root, catalog.Database{Name: database}); err != nil {
		h.t.Fatal(err)
	}
	for _, n := range names {
		must(h.cat.CreateTable(h.t.Context(), h.root, catalog.Table{Database: database, Name: n, Kind: catalog.ExternalTable, Storage: catalog.Storage{Location: "s3://lake/" + n + "/",
			SerDe: catalog.SerDe{Library: "org.openx.data.jsonserde.JsonSerDe"}, Columns: []catalog.Column{{Name: "a", Type: "string"}, {Name: "b", Type: "bigint"}, {Name: "c", Type: "bigint"}}}}))(h.t)
	}
}

func to(arn string) *types.DataLakePrincipal {
	return &types.DataLakePrincipal{DataLakePrincipalIdentifier: &arn}
}

func onTable(database, name string) *types.Resource {
	return &types.Resource{Table: &types.TableResource{DatabaseName: &database, Name: &name}}
}

var read = []types.Permission{types.PermissionSelect}

func refused(t *testing.T, err error, code, words string) {
	t.Helper()
	e, ok := errors.AsType[smithy.APIError](err)
	if !ok || e.ErrorCode() != code || !strings.Contains(e.ErrorMessage(), words) {
		t.Errorf("got %v, want %s: %s", err, code, words)
	}
}

func TestTheTableIsWhole(t *testing.T) {
	if err := wire.Check([]wire.Service{door.Service(nil)}); err != nil {
		t.Fatal(err)
	}
}

func TestBadInput(t *testing.T) {
	h := open(t)
	ctx := t.Context()
	h.tables("db", "t")
	root := "arn:aws:iam::" + account + ":root"
	settings := func(s types.DataLakeSettings) error {
		_, err := h.PutDataLakeSettings(ctx, &api.PutDataLakeSettingsInput{DataLakeSettings: &s})
		return err
	}
	grant := func(in api.GrantPermissionsInput) error {
		if in.Principal == nil {
			in.Principal = to("IAM_ALLOWED_PRINCIPALS")
		}
		if in.Permissions == nil {
			in.Permissions = read
		}
		_, err := h.GrantPermissions(ctx, &in)
		return err
	}
	register := func(in api.RegisterResourceInput) error {
		in.ResourceArn = aws.String("arn:aws:s3:::lake")
		_, err := h.RegisterResource(ctx, &in)
		return err
	}
	credentials := func(in api.GetTemporaryGlueTableCredentialsInput) error {
		if in.TableArn == nil {
			in.TableArn = aws.String("arn:aws:glue:" + region + ":" + account + ":table/db/t")
		}
		_, err := h.GetTemporaryGlueTableCredentials(ctx, &in)
		return err
	}
	for _, tt := range []struct {
		name        string
		err         error
		code, words string
	}{
		{"an admin who is not there", settings(types.DataLakeSettings{DataLakeAdmins: []types.DataLakePrincipal{*to("arn:aws:iam::" + account + ":user/none")}}), "InvalidInputException", "Invalid principal, arn:aws:iam::123456789012:user/none"},
		{"everyone as admin", settings(types.DataLakeSettings{DataLakeAdmins: []types.DataLakePrincipal{*to("IAM_ALLOWED_PRINCIPALS")}}), "InvalidInputException", "an administrator is a user or a role"},
		{"other defaults", settings(types.DataLakeSettings{CreateTableDefaultPermissions: []types.PrincipalPermissions{{Principal: to(root), Permissions: read}}}), "InvalidInputException", "is empty, or ALL for IAM_ALLOWED_PRINCIPALS alone"},
		{"external filtering", settings(types.DataLakeSettings{AllowExternalDataFiltering: aws.Bool(true)}), "InvalidInputException", "flowlake does not support it"},
		{"an unknown parameter", settings(types.DataLakeSettings{Parameters: map[string]string{"X": "1"}}), "InvalidInputException", "CROSS_ACCOUNT_VERSION is 1 to 5"},
		{"a resource that names two things", grant(api.GrantPermissionsInput{Resource: &types.Resource{Catalog: &types.CatalogResource{}, Database: &types.DatabaseResource{Name: aws.String("db")}}}), "InvalidInputException", "it names 2 things"},
		{"a resource that names nothing", grant(api.GrantPermissionsInput{Resource: &types.Resource{}}), "InvalidInputException", "it names 0 things"},
		{"a table without a name", grant(api.GrantPermissionsInput{Resource: &types.Resource{Table: &types.TableResource{DatabaseName: aws.String("db")}}}), "InvalidInputException", "it has a Name or a TableWildcard"},
		{"another account's catalogue", grant(api.GrantPermissionsInput{Resource: onTable("db", "t"), CatalogId: aws.String("210987654321")}), "EntityNotFoundException", "this account's is 123456789012"},
		{"a condition", grant(api.GrantPermissionsInput{Resource: onTable("db", "t"), Condition: &types.Condition{Expression: aws.String("x")}}), "InvalidInputException", `flowlake does not support the member "Condition"`},
		{"a permission that is none", grant(api.GrantPermissionsInput{Resource: onTable("db", "t"), Permissions: []types.Permission{"READ"}}), "InvalidInputException", "Member must satisfy enum value set"},
		{"no role", register(api.RegisterResourceInput{}), "InvalidInputException", "give a role, or UseServiceLinkedRole"},
		{"two roles", register(api.RegisterResourceInput{RoleArn: aws.String("arn:aws:iam::" + account + ":role/r"), UseServiceLinkedRole: aws.Bool(true)}), "InvalidInputException", "give a role, or UseServiceLinkedRole"},
		{"hybrid access", register(api.RegisterResourceInput{UseServiceLinkedRole: aws.Bool(true), HybridAccessEnabled: aws.Bool(true)}), "InvalidInputException", "HybridAccessEnabled"},
		{"a table's ARN that is none", credentials(api.GetTemporaryGlueTableCredentialsInput{TableArn: aws.String("arn:aws:glue:us-east-1:" + account + ":table/db/t")}), "InvalidInputException", "is not the ARN of a table"},
		{"another way of filtering", credentials(api.GetTemporaryGlueTableCredentialsInput{SupportedPermissionTypes: []types.PermissionType{types.PermissionTypeCellFilterPermission}}), "PermissionTypeMismatchException", "whole tables"},
		{"a short session", credentials(api.GetTemporaryGlueTableCredentialsInput{DurationSeconds: aws.Int32(60)}), "InvalidInputException", "is not between 900 and 43200"},
	} {
		t.Run(tt.name, func(t *testing.T) { refused(t, tt.err, tt.code, tt.words) })
	}
	t.Run("a filter with neither columns nor rows", func(t *testing.T) {
		data := types.DataCellsFilter{TableCatalogId: aws.String(account), DatabaseName: aws.String("db"), TableName: aws.String("t"), Name: aws.String("f")}
		_, err := h.CreateDataCellsFilter(ctx, &api.CreateDataCellsFilterInput{TableData: &data})
		refused(t, err, "InvalidInputException", "ColumnNames or a ColumnWildcard")
		data.ColumnNames = []string{"a"}
		_, err = h.CreateDataCellsFilter(ctx, &api.CreateDataCellsFilterInput{TableData: &data})
		refused(t, err, "InvalidInputException", "FilterExpression or an AllRowsWildcard")
		data.ColumnNames, data.RowFilter = []string{"a", "z"}, &types.RowFilter{AllRowsWildcard: &types.AllRowsWildcard{}}
		_, err = h.CreateDataCellsFilter(ctx, &api.CreateDataCellsFilterInput{TableData: &data})
		refused(t, err, "InvalidInputException", "Column z: is not a column of table db.t")
	})
	t.Run("too long a batch, and one Id twice", func(t *testing.T) {
		entry := types.BatchPermissionsRequestEntry{Id: aws.String("1"), Principal: to(root), Resource: onTable("db", "t"), Permissions: read}
		_, err := h.BatchGrantPermissions(ctx, &api.BatchGrantPermissionsInput{Entries: []types.BatchPermissionsRequestEntry{entry, entry}})
		refused(t, err, "InvalidInputException", "the Id 1 is given twice")
		_, err = h.BatchGrantPermissions(ctx, &api.BatchGrantPermissionsInput{Entries: make([]types.BatchPermissionsRequestEntry, 0, 1)})
		if err != nil {
			t.Error(err)
		}
	})
}

func TestRestJSON(t *testing.T) {
	h := open(t)
	for _, tt := range []struct {
		name, method, path, body string
		status                   int
		code                     string
	}{
		{"unsigned", "POST", "/GetDataLakeSettings", "{}", 403, "MissingAuthenticationTokenException"},
		{"unsigned, of no operation", "POST", "/Nothing", "{}", 403, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			req := must(http.NewRequestWithContext(t.Context(), tt.method, h.url+tt.path, strings.NewReader(tt.body)))(t)
			req.Header.Set("Content-Type", "application/json")
			res := must(http.DefaultClient.Do(req))(t)
			defer res.Body.Close()
			var body bytes.Buffer
			must(body.ReadFrom(res.Body))(t)
			if res.StatusCode != tt.status || tt.code != "" && (res.Header.Get("x-amzn-ErrorType") != tt.code || res.Header.Get("Content-Type") != "application/json" || !strings.Contains(body.String(), `"Message":`)) {
				t.Errorf("got %d %v %s", res.StatusCode, res.Header, body.String())
			}
		})
	}
	t.Run("an operation that is not built", func(t *testing.T) {
		_, err := h.ListTransactions(t.Context(), &api.ListTransactionsInput{})
		refused(t, err, "UnknownOperationException", "flowlake does not implement")
	})
	t.Run("IAM says no first", func(t *testing.T) {
		_, bob := h.person("bob", "lakeformation:List*")
		_, err := bob.GetDataLakeSettings(t.Context(), &api.GetDataLakeSettingsInput{})
		refused(t, err, "AccessDeniedException", "is not authorized to perform: lakeformation:GetDataLakeSettings")
		if _, err := bob.ListResources(t.Context(), &api.ListResourcesInput{}); err != nil {
			t.Error(err)
		}
	})
}

func TestPages(t *testing.T) {
	h := open(t)
	ctx := t.Context()
	if _, err := h.PutDataLakeSettings(ctx, &api.PutDataLakeSettingsInput{DataLakeSettings: &types.DataLakeSettings{}}); err != nil {
		t.Fatal(err)
	}
	var names []string
	for i := range 7 {
		names = append(names, fmt.Sprintf("t%d", i))
	}
	h.tables("db", names...)
	ana, _ := h.person("ana", "*")
	for _, n := range names {
		must(h.GrantPermissions(ctx, &api.GrantPermissionsInput{Principal: to(ana), Resource: onTable("db", n), Permissions: []types.Permission{types.PermissionDrop}}))(t)
	}
	var got []string
	pages := api.NewListPermissionsPaginator(h.Client, &api.ListPermissionsInput{Principal: to(ana), MaxResults: aws.Int32(3)})
	for pages.HasMorePages() {
		page := must(pages.NextPage(ctx))(t)
		for _, p := range page.PrincipalResourcePermissions {
			got = append(got, *p.Resource.Table.Name)
		}
	}
	if strings.Join(got, " ") != strings.Join(names, " ") {
		t.Errorf("got %v", got)
	}
	first := must(h.ListPermissions(ctx, &api.ListPermissionsInput{Principal: to(ana), MaxResults: aws.Int32(3)}))(t)
	_, err := h.ListPermissions(ctx, &api.ListPermissionsInput{MaxResults: aws.Int32(3), NextToken: first.NextToken})
	refused(t, err, "InvalidInputException", "is not a token of this listing")
	_, err = h.ListPermissions(ctx, &api.ListPermissionsInput{MaxResults: aws.Int32(0)})
	refused(t, err, "InvalidInputException", "is not between 1 and 1000")
}

// TestResourcesGoRound grants on each kind of resource and reads the grant back.
func TestResourcesGoRound(t *testing.T) {
	h := open(t)
	ctx := t.Context()
	must(h.PutDataLakeSettings(ctx, &api.PutDataLakeSettingsInput{DataLakeSettings: &types.DataLakeSettings{}}))(t)
	h.tables("db", "t")
	ana, client := h.person("ana", "lakeformation:*")
	must(h.RegisterResource(ctx, &api.RegisterResourceInput{ResourceArn: aws.String("arn:aws:s3:::lake"), UseServiceLinkedRole: aws.Bool(true)}))(t)
	must(h.CreateLFTag(ctx, &api.CreateLFTagInput{TagKey: aws.String("Stage"), TagValues: []string{"Prod", "test"}}))(t)
	expression := []types.LFTag{{TagKey: aws.String("stage"), TagValues: []string{"prod"}}}
	must(h.CreateLFTagExpression(ctx, &api.CreateLFTagExpressionInput{Name: aws.String("live"), Expression: expression}))(t)
	must(h.CreateDataCellsFilter(ctx, &api.CreateDataCellsFilterInput{TableData: &types.DataCellsFilter{TableCatalogId: aws.String(account), DatabaseName: aws.String("db"), TableName: aws.String("t"),
		Name: aws.String("f"), ColumnWildcard: &types.ColumnWildcard{}, RowFilter: &types.RowFilter{FilterExpression: aws.String("b = 1")}}}))(t)
	db, table := aws.String("db"), aws.String("t")
	for _, tt := range []struct {
		name       string
		on         types.Resource
		permission types.Permission
		kind       types.DataLakeResourceType
	}{
		{"catalog", types.Resource{Catalog: &types.CatalogResource{}}, types.PermissionCreateLfTag, types.DataLakeResourceTypeCatalog},
		{"database", types.Resource{Database: &types.DatabaseResource{Name: db}}, types.PermissionCreateTable, types.DataLakeResourceTypeDatabase},
		{"table", *onTable("db", "t"), types.PermissionDrop, types.DataLakeResourceTypeTable},
		{"all tables", types.Resource{Table: &types.TableResource{DatabaseName: db, TableWildcard: &types.TableWildcard{}}}, types.PermissionAlter, types.DataLakeResourceTypeTable},
		{"columns", types.Resource{TableWithColumns: &types.TableWithColumnsResource{DatabaseName: db, Name: table, ColumnNames: []string{"a"}}}, types.PermissionSelect, types.DataLakeResourceTypeTable},
		{"all columns but", types.Resource{TableWithColumns: &types.TableWithColumnsResource{DatabaseName: db, Name: table, ColumnWildcard: &types.ColumnWildcard{ExcludedColumnNames: []string{"b"}}}}, types.PermissionSelect, types.DataLakeResourceTypeTable},
		{"cells", types.Resource{DataCellsFilter: &types.DataCellsFilterResource{DatabaseName: db, TableName: table, Name: aws.String("f")}}, types.PermissionSelect, types.DataLakeResourceTypeTable},
		{"location", types.Resource{DataLocation: &types.DataLocationResource{ResourceArn: aws.String("arn:aws:s3:::lake/x")}}, types.PermissionDataLocationAccess, types.DataLakeResourceTypeDataLocation},
		{"LF-tag", types.Resource{LFTag: &types.LFTagKeyResource{TagKey: aws.String("stage"), TagValues: []string{"*"}}}, types.PermissionAssociate, types.DataLakeResourceTypeLfTag},
		{"LF-tag policy", types.Resource{LFTagPolicy: &types.LFTagPolicyResource{ResourceType: types.ResourceTypeTable, Expression: expression}}, types.PermissionSelect, types.DataLakeResourceTypeLfTagPolicyTable},
		{"saved policy", types.Resource{LFTagPolicy: &types.LFTagPolicyResource{ResourceType: types.ResourceTypeDatabase, ExpressionName: aws.String("live")}}, types.PermissionDescribe, types.DataLakeResourceTypeLfTagPolicyDatabase},
		{"LF-tag expression", types.Resource{LFTagExpression: &types.LFTagExpressionResource{Name: aws.String("live")}}, types.PermissionDescribe, types.DataLakeResourceTypeLfNamedTagExpression},
	} {
		t.Run(tt.name, func(t *testing.T) {
			list := []types.Permission{tt.permission}
			must(h.GrantPermissions(ctx, &api.GrantPermissionsInput{Principal: to(ana), Resource: &tt.on, Permissions: list, PermissionsWithGrantOption: list}))(t)
			own := must(client.ListPermissions(ctx, &api.ListPermissionsInput{Principal: to(ana), ResourceType: tt.kind}))(t).PrincipalResourcePermissions
			got := must(h.ListPermissions(ctx, &api.ListPermissionsInput{Principal: to(ana), ResourceType: tt.kind}))(t).PrincipalResourcePermissions
			if len(own) != 1 || len(got) != 1 || got[0].Permissions[0] != tt.permission || len(got[0].PermissionsWithGrantOption) != 1 {
				t.Fatalf("got %+v", got)
			}
			by := must(h.ListPermissions(ctx, &api.ListPermissionsInput{Principal: to(ana), Resource: got[0].Resource}))(t).PrincipalResourcePermissions
			if len(by) != 1 {
				t.Errorf("by its resource: got %+v", by)
			}
			must(h.RevokePermissions(ctx, &api.RevokePermissionsInput{Principal: to(ana), Resource: got[0].Resource, Permissions: list, PermissionsWithGrantOption: list}))(t)
			if left := must(h.ListPermissions(ctx, &api.ListPermissionsInput{Principal: to(ana)}))(t).PrincipalResourcePermissions; len(left) != 0 {
				t.Errorf("left %+v", left)
			}
		})
	}
}
