package main

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/glue"
	gluetypes "github.com/aws/aws-sdk-go-v2/service/glue/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lakeformation"
	"github.com/aws/aws-sdk-go-v2/service/lakeformation/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// lake is the client of Lake Formation in a region of the test's own, as root.
func (c *clients) lake() *lakeformation.Client {
	return lakeformation.NewFromConfig(c.config(lakeRegion))
}

// lakeRegion keeps these settings from the other parts.
const lakeRegion = "eu-north-1"

// worker makes a role that Lake Formation may use on S3, and analyst a user whom IAM lets do everything but S3.
func (c *clients) worker(t testing.TB) (role string) {
	t.Helper()
	made, err := c.iam().CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: aws.String("lf-register"), AssumeRolePolicyDocument: trusts("lakeformation.amazonaws.com")})
	ok(t, err)
	_, err = c.iam().PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{RoleName: aws.String("lf-register"), PolicyName: aws.String("s3"), PolicyDocument: aws.String(anyS3)})
	ok(t, err)
	return *made.Role.Arn
}

func (c *clients) analyst(t testing.TB) (arn string, cfg aws.Config) {
	t.Helper()
	made, err := c.iam().CreateUser(t.Context(), &iam.CreateUserInput{UserName: aws.String("lf-analyst")})
	ok(t, err)
	_, err = c.iam().PutUserPolicy(t.Context(), &iam.PutUserPolicyInput{UserName: aws.String("lf-analyst"), PolicyName: aws.String("catalog"),
		PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["glue:*","lakeformation:*"],"Resource":"*"}]}`)})
	ok(t, err)
	key, err := c.iam().CreateAccessKey(t.Context(), &iam.CreateAccessKeyInput{UserName: aws.String("lf-analyst")})
	ok(t, err)
	cfg = c.config(lakeRegion)
	cfg.Credentials = credentials.NewStaticCredentialsProvider(*key.AccessKey.AccessKeyId, *key.AccessKey.SecretAccessKey, "")
	return *made.User.Arn, cfg
}

func testLakeFormation(t *testing.T, c *clients) {
	ctx, done, root := t.Context(), answered(t), c.lake()
	role := c.worker(t)
	ana, cfg := c.analyst(t)
	own, tables := lakeformation.NewFromConfig(cfg), glue.NewFromConfig(c.config(lakeRegion))
	hers := glue.NewFromConfig(cfg)
	to := func(arn string) *types.DataLakePrincipal {
		return &types.DataLakePrincipal{DataLakePrincipalIdentifier: &arn}
	}

	// Settings: nothing is left to IAM any more.
	before, err := root.GetDataLakeSettings(ctx, &lakeformation.GetDataLakeSettingsInput{})
	ok(t, err)
	if d := before.DataLakeSettings.CreateTableDefaultPermissions; len(d) != 1 || *d[0].Principal.DataLakePrincipalIdentifier != "IAM_ALLOWED_PRINCIPALS" {
		t.Errorf("by default IAM decides; got %+v", d)
	}
	done(root.PutDataLakeSettings(ctx, &lakeformation.PutDataLakeSettingsInput{DataLakeSettings: &types.DataLakeSettings{
		DataLakeAdmins: []types.DataLakePrincipal{}, AllowFullTableExternalDataAccess: aws.Bool(true), Parameters: map[string]string{"CROSS_ACCOUNT_VERSION": "4"}}}))
	who, err := own.GetDataLakePrincipal(ctx, &lakeformation.GetDataLakePrincipalInput{})
	ok(t, err)
	if str(who.Identity) != ana {
		t.Errorf("got %s", str(who.Identity))
	}

	// A place, a database and a table in it.
	lake := aws.String("lf-lake")
	done(c.s3.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: lake}))
	place := aws.String("arn:aws:s3:::" + *lake + "/flows")
	done(root.RegisterResource(ctx, &lakeformation.RegisterResourceInput{ResourceArn: place, UseServiceLinkedRole: aws.Bool(true)}))
	done(root.UpdateResource(ctx, &lakeformation.UpdateResourceInput{ResourceArn: place, RoleArn: &role}))
	one, err := root.DescribeResource(ctx, &lakeformation.DescribeResourceInput{ResourceArn: place})
	ok(t, err)
	all, err := root.ListResources(ctx, &lakeformation.ListResourcesInput{})
	ok(t, err)
	if str(one.ResourceInfo.RoleArn) != role || len(all.ResourceInfoList) != 1 {
		t.Errorf("got %+v, %+v", one.ResourceInfo, all.ResourceInfoList)
	}
	in := textTable("flows", "s3://"+*lake+"/flows/", "day")
	_, err = tables.CreateDatabase(ctx, &glue.CreateDatabaseInput{DatabaseInput: &gluetypes.DatabaseInput{Name: aws.String("lf")}})
	ok(t, err)
	_, err = tables.CreateTable(ctx, &glue.CreateTableInput{DatabaseName: aws.String("lf"), TableInput: in})
	ok(t, err)
	_, err = hers.GetTable(ctx, &glue.GetTableInput{DatabaseName: aws.String("lf"), Name: aws.String("flows")})
	refused(t, err, "EntityNotFoundException", "not found")

	// Grants.
	table := &types.Resource{Table: &types.TableResource{DatabaseName: aws.String("lf"), Name: aws.String("flows")}}
	columns := &types.Resource{TableWithColumns: &types.TableWithColumnsResource{DatabaseName: aws.String("lf"), Name: aws.String("flows"), ColumnNames: []string{"srcaddr"}}}
	read := []types.Permission{types.PermissionSelect}
	done(root.GrantPermissions(ctx, &lakeformation.GrantPermissionsInput{Principal: to(ana), Resource: columns, Permissions: read}))
	seen, err := hers.GetTable(ctx, &glue.GetTableInput{DatabaseName: aws.String("lf"), Name: aws.String("flows")})
	ok(t, err)
	if cols := seen.Table.StorageDescriptor.Columns; len(cols) != 1 || *cols[0].Name != "srcaddr" || len(seen.Table.PartitionKeys) != 0 {
		t.Errorf("she sees %+v", seen.Table)
	}
	arn := aws.String("arn:aws:glue:" + lakeRegion + ":" + defaultAccount + ":table/lf/flows")
	_, err = own.GetTemporaryGlueTableCredentials(ctx, &lakeformation.GetTemporaryGlueTableCredentialsInput{TableArn: arn})
	refused(t, err, "AccessDeniedException", "Required Select on flows")
	_, err = own.GrantPermissions(ctx, &lakeformation.GrantPermissionsInput{Principal: to(ana), Resource: table, Permissions: read})
	refused(t, err, "AccessDeniedException", "Insufficient Lake Formation permission(s): Required Grant Select on flows")
	done(root.RevokePermissions(ctx, &lakeformation.RevokePermissionsInput{Principal: to(ana), Resource: columns, Permissions: read}))
	_, err = root.RevokePermissions(ctx, &lakeformation.RevokePermissionsInput{Principal: to(ana), Resource: columns, Permissions: read})
	refused(t, err, "InvalidInputException", "No permissions revoked. Grantee")
	batch, err := root.BatchGrantPermissions(ctx, &lakeformation.BatchGrantPermissionsInput{Entries: []types.BatchPermissionsRequestEntry{
		{Id: aws.String("good"), Principal: to(ana), Resource: table, Permissions: read},
		{Id: aws.String("bad"), Principal: to(ana + "x"), Resource: table, Permissions: read}}})
	ok(t, err)
	if f := batch.Failures; len(f) != 1 || *f[0].RequestEntry.Id != "bad" || str(f[0].Error.ErrorCode) != "InvalidInputException" {
		t.Errorf("got %+v", f)
	}
	list, err := root.ListPermissions(ctx, &lakeformation.ListPermissionsInput{Principal: to(ana)})
	ok(t, err)
	there, err := root.GetEffectivePermissionsForPath(ctx, &lakeformation.GetEffectivePermissionsForPathInput{ResourceArn: place})
	ok(t, err)
	if len(list.PrincipalResourcePermissions) != 1 || len(there.Permissions) != 1 || list.PrincipalResourcePermissions[0].Resource.TableWithColumns == nil {
		t.Errorf("got %+v, %+v", list.PrincipalResourcePermissions, there.Permissions)
	}

	// Credentials that read one table.
	_, err = c.s3.PutObject(ctx, &s3.PutObjectInput{Bucket: lake, Key: aws.String("flows/day=1/a"), Body: strings.NewReader("10.0.0.1 5\n")})
	ok(t, err)
	made, err := own.GetTemporaryGlueTableCredentials(ctx, &lakeformation.GetTemporaryGlueTableCredentialsInput{TableArn: arn, Permissions: read,
		SupportedPermissionTypes: []types.PermissionType{types.PermissionTypeColumnPermission}})
	ok(t, err)
	cfg.Credentials = credentials.NewStaticCredentialsProvider(*made.AccessKeyId, *made.SecretAccessKey, *made.SessionToken)
	objects := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
	done(objects.GetObject(ctx, &s3.GetObjectInput{Bucket: lake, Key: aws.String("flows/day=1/a")}))
	_, err = objects.PutObject(ctx, &s3.PutObjectInput{Bucket: lake, Key: aws.String("flows/b"), Body: strings.NewReader("x")})
	refused(t, err, "AccessDenied", "s3:PutObject")
	_, err = objects.GetObject(ctx, &s3.GetObjectInput{Bucket: lake, Key: aws.String("flows2/a")})
	refused(t, err, "AccessDenied", "")
	undone, err := root.BatchRevokePermissions(ctx, &lakeformation.BatchRevokePermissionsInput{Entries: []types.BatchPermissionsRequestEntry{{Id: aws.String("1"), Principal: to(ana), Resource: table, Permissions: read}}})
	ok(t, err)
	if len(undone.Failures) != 0 {
		t.Errorf("got %+v", undone.Failures)
	}

	testCells(t, root)
	testLakeTags(t, root)
	done(root.DeregisterResource(ctx, &lakeformation.DeregisterResourceInput{ResourceArn: place}))
}

// testCells makes a data cells filter of the table lf.flows, changes it and removes it.
func testCells(t *testing.T, root *lakeformation.Client) {
	ctx, done, account := t.Context(), answered(t), aws.String(defaultAccount)
	cells := &types.DataCellsFilter{TableCatalogId: account, DatabaseName: aws.String("lf"), TableName: aws.String("flows"), Name: aws.String("small"),
		ColumnNames: []string{"srcaddr", "bytes"}, RowFilter: &types.RowFilter{FilterExpression: aws.String("bytes < 100")}}
	done(root.CreateDataCellsFilter(ctx, &lakeformation.CreateDataCellsFilterInput{TableData: cells}))
	cells.RowFilter = &types.RowFilter{FilterExpression: aws.String("bytez < 10")}
	_, err := root.UpdateDataCellsFilter(ctx, &lakeformation.UpdateDataCellsFilterInput{TableData: cells})
	refused(t, err, "InvalidInputException", "bytez")
	cells.ColumnNames, cells.ColumnWildcard, cells.RowFilter = nil, &types.ColumnWildcard{ExcludedColumnNames: []string{"day"}}, &types.RowFilter{AllRowsWildcard: &types.AllRowsWildcard{}}
	done(root.UpdateDataCellsFilter(ctx, &lakeformation.UpdateDataCellsFilterInput{TableData: cells}))
	one, err := root.GetDataCellsFilter(ctx, &lakeformation.GetDataCellsFilterInput{TableCatalogId: account, DatabaseName: aws.String("lf"), TableName: aws.String("flows"), Name: aws.String("small")})
	ok(t, err)
	if f := one.DataCellsFilter; f.RowFilter.AllRowsWildcard == nil || f.ColumnWildcard == nil || len(f.ColumnWildcard.ExcludedColumnNames) != 1 || str(f.VersionId) == "" {
		t.Errorf("got %+v", f)
	}
	list, err := root.ListDataCellsFilter(ctx, &lakeformation.ListDataCellsFilterInput{})
	ok(t, err)
	if len(list.DataCellsFilters) != 1 {
		t.Errorf("got %+v", list.DataCellsFilters)
	}
	done(root.DeleteDataCellsFilter(ctx, &lakeformation.DeleteDataCellsFilterInput{TableCatalogId: account, DatabaseName: aws.String("lf"), TableName: aws.String("flows"), Name: aws.String("small")}))
}

// testLakeTags makes LF-tags and an expression of them, assigns one to the table lf.flows, finds the table by it, and removes all.
func testLakeTags(t *testing.T, root *lakeformation.Client) {
	ctx, done := t.Context(), answered(t)
	key := aws.String("stage")
	done(root.CreateLFTag(ctx, &lakeformation.CreateLFTagInput{TagKey: key, TagValues: []string{"prod", "test"}}))
	done(root.UpdateLFTag(ctx, &lakeformation.UpdateLFTagInput{TagKey: key, TagValuesToAdd: []string{"dev"}, TagValuesToDelete: []string{"test"}}))
	one, err := root.GetLFTag(ctx, &lakeformation.GetLFTagInput{TagKey: key})
	ok(t, err)
	list, err := root.ListLFTags(ctx, &lakeformation.ListLFTagsInput{})
	ok(t, err)
	if strings.Join(one.TagValues, " ") != "dev prod" || len(list.LFTags) != 1 {
		t.Errorf("got %v, %+v", one.TagValues, list.LFTags)
	}
	prod := []types.LFTag{{TagKey: key, TagValues: []string{"prod"}}}
	name := aws.String("live")
	done(root.CreateLFTagExpression(ctx, &lakeformation.CreateLFTagExpressionInput{Name: name, Expression: prod}))
	done(root.UpdateLFTagExpression(ctx, &lakeformation.UpdateLFTagExpressionInput{Name: name, Description: aws.String("what runs"), Expression: prod}))
	saved, err := root.GetLFTagExpression(ctx, &lakeformation.GetLFTagExpressionInput{Name: name})
	ok(t, err)
	many, err := root.ListLFTagExpressions(ctx, &lakeformation.ListLFTagExpressionsInput{})
	ok(t, err)
	if str(saved.Description) != "what runs" || len(many.LFTagExpressions) != 1 {
		t.Errorf("got %+v, %+v", saved, many.LFTagExpressions)
	}
	flows := &types.Resource{Table: &types.TableResource{DatabaseName: aws.String("lf"), Name: aws.String("flows")}}
	pair := []types.LFTagPair{{TagKey: key, TagValues: []string{"prod"}}}
	put, err := root.AddLFTagsToResource(ctx, &lakeformation.AddLFTagsToResourceInput{Resource: flows, LFTags: append(pair, types.LFTagPair{TagKey: aws.String("none"), TagValues: []string{"x"}})})
	ok(t, err)
	if len(put.Failures) != 1 || str(put.Failures[0].Error.ErrorCode) != "EntityNotFoundException" {
		t.Errorf("got %+v", put.Failures)
	}
	has, err := root.GetResourceLFTags(ctx, &lakeformation.GetResourceLFTagsInput{Resource: flows})
	ok(t, err)
	found, err := root.SearchTablesByLFTags(ctx, &lakeformation.SearchTablesByLFTagsInput{Expression: prod})
	ok(t, err)
	none, err := root.SearchDatabasesByLFTags(ctx, &lakeformation.SearchDatabasesByLFTagsInput{Expression: prod})
	ok(t, err)
	if len(has.LFTagsOnTable) != 1 || len(has.LFTagsOnColumns) != 3 || len(found.TableList) != 1 || len(none.DatabaseList) != 0 {
		t.Errorf("got %+v, %+v, %+v", has, found.TableList, none.DatabaseList)
	}
	done(root.RemoveLFTagsFromResource(ctx, &lakeformation.RemoveLFTagsFromResourceInput{Resource: flows, LFTags: pair}))
	done(root.DeleteLFTagExpression(ctx, &lakeformation.DeleteLFTagExpressionInput{Name: name}))
	done(root.DeleteLFTag(ctx, &lakeformation.DeleteLFTagInput{TagKey: key}))
}
