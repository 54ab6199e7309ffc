package main

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/glue"
	gluetypes "github.com/aws/aws-sdk-go-v2/service/glue/types"
	"github.com/aws/aws-sdk-go-v2/service/lakeformation"
	"github.com/aws/aws-sdk-go-v2/service/lakeformation/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// grantRefusals are of fay, who may hand on SELECT on net.open and has INSERT without that, and of lena, whom IAM lets do
// everything with Lake Formation, which lets her do nothing.
func grantRefusals(w *world) []forbidden {
	give := func(to string, r *types.Resource, permissions ...types.Permission) ask {
		return call(formationOf, (*lakeformation.Client).GrantPermissions, &lakeformation.GrantPermissionsInput{Principal: whom(w.people[to].arn), Resource: r, Permissions: permissions})
	}
	const insufficient = "Insufficient Lake Formation permission(s): Required "
	open, flows := theTable("open"), theTable("flows")
	return []forbidden{
		{"a permission that one has without the grant option", "fay", give("eve", open, types.PermissionInsert), "AccessDeniedException", insufficient},
		{"a permission that one does not have", "fay", give("eve", open, types.PermissionDrop), "AccessDeniedException", insufficient},
		{"everything on a table of which one may hand on SELECT", "fay", give("eve", open, types.PermissionAll), "AccessDeniedException", insufficient},
		{"SELECT on another table", "fay", give("fay", flows, selects), "EntityNotFoundException", "not found"},
		{"SELECT on a hidden table, told as on one that is not there", "fay", give("fay", theTable("private"), selects), "EntityNotFoundException", "not found"},
		{"SELECT on all tables of the database", "fay", give("fay", &types.Resource{Table: &types.TableResource{DatabaseName: new("net"), TableWildcard: &types.TableWildcard{}}}, selects), "AccessDeniedException", ""},
		{"a permission on the database of a table", "fay", give("fay", theDatabase("net"), types.PermissionCreateTable), "AccessDeniedException", ""},
		{"a column to oneself, of a table of which one has others", "ana", give("ana", theColumns("flows", "token"), selects), "AccessDeniedException", "lakeformation:GrantPermissions"},
		{"a grant to oneself with IAM's leave", "lena", give("lena", flows, selects), "EntityNotFoundException", "not found"},
		{"the making of databases to oneself", "lena", give("lena", &types.Resource{Catalog: &types.CatalogResource{}}, types.PermissionCreateDatabase), "AccessDeniedException", insufficient},
		{"a place to oneself", "lena", give("lena", &types.Resource{DataLocation: &types.DataLocationResource{ResourceArn: new("arn:aws:s3:::lake")}}, types.PermissionDataLocationAccess), "AccessDeniedException", insufficient},
		{"a grant in a batch", "lena", failing(&lakeformation.BatchGrantPermissionsInput{Entries: []types.BatchPermissionsRequestEntry{{Id: new("1"), Principal: whom(w.people["lena"].arn), Resource: flows, Permissions: []types.Permission{selects}}}}), "EntityNotFoundException", "not found"},
		{"leaving a table to IAM", "lena", call(formationOf, (*lakeformation.Client).GrantPermissions, &lakeformation.GrantPermissionsInput{Principal: whom("IAM_ALLOWED_PRINCIPALS"), Resource: flows, Permissions: []types.Permission{types.PermissionAll}}), "EntityNotFoundException", "not found"},
		{"taking another's grant away", "lena", call(formationOf, (*lakeformation.Client).RevokePermissions, &lakeformation.RevokePermissionsInput{Principal: whom(w.people["ana"].arn), Resource: open, Permissions: []types.Permission{selects}}), "EntityNotFoundException", "not found"},
		{"making oneself an administrator", "lena", call(formationOf, (*lakeformation.Client).PutDataLakeSettings, &lakeformation.PutDataLakeSettingsInput{DataLakeSettings: &types.DataLakeSettings{
			DataLakeAdmins: []types.DataLakePrincipal{*whom(w.people["lena"].arn)}}}), "AccessDeniedException", "lakeformation:PutDataLakeSettings"},
		{"registering a place", "lena", locationOf("home", "lake"), "AccessDeniedException", "lakeformation:RegisterResource"},
		{"taking a place off the register", "lena", call(formationOf, (*lakeformation.Client).DeregisterResource, &lakeformation.DeregisterResourceInput{ResourceArn: new("arn:aws:s3:::lake")}), "AccessDeniedException", "lakeformation:DeregisterResource"},
		{"a filter on a hidden table", "lena", call(formationOf, (*lakeformation.Client).CreateDataCellsFilter, &lakeformation.CreateDataCellsFilterInput{TableData: cellsFilter("all", "true")}), "EntityNotFoundException", "database net: not found"},
		{"widening the filter of one's own grant", "ben", call(formationOf, (*lakeformation.Client).UpdateDataCellsFilter, &lakeformation.UpdateDataCellsFilterInput{TableData: cellsFilter("web", "true")}), "AccessDeniedException", "lakeformation:UpdateDataCellsFilter"},
		{"widening the filter of another's grant with IAM's leave", "lena", call(formationOf, (*lakeformation.Client).UpdateDataCellsFilter, &lakeformation.UpdateDataCellsFilterInput{TableData: cellsFilter("web", "true")}), "EntityNotFoundException", "database net: not found"},
		{"removing a filter with IAM's leave", "lena", call(formationOf, (*lakeformation.Client).DeleteDataCellsFilter, &lakeformation.DeleteDataCellsFilterInput{TableCatalogId: new(defaultAccount), DatabaseName: new("net"), TableName: new("flows"), Name: new("web")}), "EntityNotFoundException", "database net: not found"},
		{"a filter that is no predicate of its table", "root", call(formationOf, (*lakeformation.Client).CreateDataCellsFilter, &lakeformation.CreateDataCellsFilterInput{TableData: cellsFilter("f", "dstport = (SELECT max(a) FROM other.theirs)")}), "InvalidInputException", ""},
		{"a filter with a second condition behind a comment", "root", call(formationOf, (*lakeformation.Client).CreateDataCellsFilter, &lakeformation.CreateDataCellsFilterInput{TableData: cellsFilter("f", "dstport = 443) OR (true")}), "InvalidInputException", ""},
		{"an LF-tag without being an administrator", "lena", call(formationOf, (*lakeformation.Client).CreateLFTag, &lakeformation.CreateLFTagInput{TagKey: new("mine"), TagValues: []string{"x"}}), "AccessDeniedException", insufficient},
		{"removing an LF-tag that one may not know of", "lena", call(formationOf, (*lakeformation.Client).DeleteLFTag, &lakeformation.DeleteLFTagInput{TagKey: new("class")}), "EntityNotFoundException", "Tag key class: does not exist"},
		{"a grant by an expression of tags", "lena", give("lena", &types.Resource{LFTagPolicy: &types.LFTagPolicyResource{ResourceType: types.ResourceTypeTable, Expression: []types.LFTag{{TagKey: new("class"), TagValues: []string{"public"}}}}}, selects), "EntityNotFoundException", "Tag key class: does not exist"},
		{"tagging a table to fall under a grant", "lena", failing(&lakeformation.AddLFTagsToResourceInput{Resource: flows, LFTags: []types.LFTagPair{{TagKey: new("class"), TagValues: []string{"public"}}}}), "EntityNotFoundException", "database net: not found"},
		{"the grants of all", "nora", call(formationOf, (*lakeformation.Client).ListPermissions, &lakeformation.ListPermissionsInput{}), "AccessDeniedException", "lakeformation:ListPermissions"},
	}
}

func cellsFilter(name, rows string) *types.DataCellsFilter {
	return &types.DataCellsFilter{TableCatalogId: new(defaultAccount), DatabaseName: new("net"), TableName: new("flows"), Name: &name,
		ColumnNames: []string{"srcaddr", "token"}, RowFilter: &types.RowFilter{FilterExpression: &rows}}
}

// failing asks for something whose failures stand in its answer.
func failing(in any) ask {
	return func(ctx context.Context, p *actor) error {
		var code, message *string
		var metadata func() (string, bool)
		switch in := in.(type) {
		case *lakeformation.BatchGrantPermissionsInput:
			out, err := formationOf(p).BatchGrantPermissions(ctx, in)
			if err != nil || len(out.Failures) == 0 {
				return err
			}
			code, message = out.Failures[0].Error.ErrorCode, out.Failures[0].Error.ErrorMessage
			metadata = func() (string, bool) { return requestIDOf(out.ResultMetadata) }
		case *glue.BatchDeleteTableInput:
			out, err := glueOf(p).BatchDeleteTable(ctx, in)
			if err != nil || len(out.Errors) == 0 {
				return err
			}
			code, message = out.Errors[0].ErrorDetail.ErrorCode, out.Errors[0].ErrorDetail.ErrorMessage
			metadata = func() (string, bool) { return requestIDOf(out.ResultMetadata) }
		case *glue.GetColumnStatisticsForTableInput:
			out, err := glueOf(p).GetColumnStatisticsForTable(ctx, in)
			if err != nil || len(out.Errors) == 0 {
				return err
			}
			code, message = out.Errors[0].Error.ErrorCode, out.Errors[0].Error.ErrorMessage
			metadata = func() (string, bool) { return requestIDOf(out.ResultMetadata) }
		case *lakeformation.AddLFTagsToResourceInput:
			out, err := formationOf(p).AddLFTagsToResource(ctx, in)
			if err != nil || len(out.Failures) == 0 {
				return err
			}
			code, message = out.Failures[0].Error.ErrorCode, out.Failures[0].Error.ErrorMessage
			metadata = func() (string, bool) { return requestIDOf(out.ResultMetadata) }
		}
		id, _ := metadata()
		return within(str(code), str(message), id)
	}
}

// credentialRefusals are of credentials that stand for one table.
func credentialRefusals(w *world) []forbidden {
	arn := func(table string) *string {
		return new("arn:aws:glue:" + defaultRegion + ":" + defaultAccount + ":table/net/" + table)
	}
	credentials := func(table *string, permissions ...types.Permission) ask {
		return call(formationOf, (*lakeformation.Client).GetTemporaryGlueTableCredentials, &lakeformation.GetTemporaryGlueTableCredentialsInput{TableArn: table, Permissions: permissions,
			SupportedPermissionTypes: []types.PermissionType{types.PermissionTypeColumnPermission}})
	}
	for _, table := range []string{"open", "star"} {
		made, err := formationOf(w.people["fay"]).GetTemporaryGlueTableCredentials(w.t.Context(), &lakeformation.GetTemporaryGlueTableCredentialsInput{TableArn: arn(table), Permissions: []types.Permission{selects},
			SupportedPermissionTypes: []types.PermissionType{types.PermissionTypeColumnPermission}})
		ok(w.t, err)
		w.signs(table+"'s reader", "", aws.Credentials{AccessKeyID: *made.AccessKeyId, SecretAccessKey: *made.SecretAccessKey, SessionToken: *made.SessionToken})
	}
	ok(w.t, gets("lake/open/a.txt")(w.t.Context(), w.people["open's reader"]))
	ok(w.t, gets("lake/*/a.txt")(w.t.Context(), w.people["star's reader"]))
	const reader = "open's reader"
	return []forbidden{
		{"credentials for a table of which one has some columns", "ana", credentials(arn("flows")), "AccessDeniedException", "Required Select on flows"},
		{"credentials for a table of which one has some rows", "ben", credentials(arn("flows")), "AccessDeniedException", "Required Select on flows"},
		{"credentials for a table that one may know of", "dan", credentials(arn("flows")), "AccessDeniedException", "Required Select on flows"},
		{"credentials for a hidden table", "fay", credentials(arn("private")), "EntityNotFoundException", ""},
		{"credentials for a table that is not there, told in the same words", "fay", credentials(arn("privato")), "EntityNotFoundException", ""},
		{"credentials to delete with the grant to read", "fay", credentials(arn("open"), types.PermissionDelete), "AccessDeniedException", "Required Delete on open"},
		{"credentials for a table by a pattern", "fay", credentials(arn("*")), "EntityNotFoundException", "not found"},
		{"credentials for a table that IAM lets one have and Lake Formation does not", "adam", credentials(arn("open")), "EntityNotFoundException", ""},
		{"credentials for a table of another region", "fay", credentials(new("arn:aws:glue:eu-west-1:" + defaultAccount + ":table/net/open")), "InvalidInputException", "is not the ARN of a table"},
		{"credentials for a table without IAM's leave", "nora", credentials(arn("open")), "AccessDeniedException", "lakeformation:GetDataAccess"},
		{"one table's credentials on another's objects", reader, gets("lake/flows/day=2026-01-01/a.txt"), "AccessDenied", "s3:GetObject"},
		{"one table's credentials on a folder whose name begins as its own", reader, gets("lake/open2/a.txt"), "AccessDenied", "s3:GetObject"},
		{"one table's credentials out of its folder by dots", reader, changed(envelope{service: "s3", method: "GET", uri: "/lake/open/..%2Fflows/day=2026-01-01/a.txt"}), "AccessDenied", "no session policy allows the s3:ListBucket action"},
		{"one table's credentials to list another's objects", reader, lists("lake", func(in *s3.ListObjectsV2Input) { in.Prefix = new("flows/") }), "AccessDenied", "s3:ListBucket"},
		{"one table's credentials to list all of the bucket", reader, lists("lake"), "AccessDenied", "s3:ListBucket"},
		{"one table's credentials to write its objects", reader, puts("lake/open/b.txt"), "AccessDenied", "s3:PutObject"},
		{"one table's credentials to delete its objects", reader, deletes("lake/open/a.txt"), "AccessDenied", "s3:DeleteObject"},
		{"one table's credentials to copy its objects elsewhere", reader, copies("lake/open/a.txt", "home/eve/copy"), "AccessDenied", "s3:PutObject"},
		{"one table's credentials on another bucket", reader, gets("home/bob/mine"), "AccessDenied", "s3:GetObject"},
		{"the credentials of a table whose folder is a star, on what a star would match", "star's reader", gets("lake/flows/day=2026-01-01/a.txt"), "AccessDenied", "s3:GetObject"},
		{"the credentials of a table whose folder is a star, to list what a star would match", "star's reader", lists("lake", func(in *s3.ListObjectsV2Input) { in.Prefix = new("flows/") }), "AccessDenied", "s3:ListBucket"},
		{"one table's credentials in the catalogue", reader, call(glueOf, (*glue.Client).GetTables, &glue.GetTablesInput{DatabaseName: new("net")}), "AccessDeniedException", "glue:GetTables"},
		{"one table's credentials for those of another", reader, credentials(arn("flows")), "AccessDeniedException", ""},
		{"the objects of a table by one who may query it", "ana", gets("lake/flows/day=2026-01-01/a.txt"), "AccessDenied", "s3:GetObject"},
	}
}

// catalogRefusals are of the catalogue's own door.
func catalogRefusals(w *world) []forbidden {
	net := new("net")
	table := func(name, location string) *gluetypes.TableInput { return textTable(name, location) }
	get := func(name string) ask {
		return call(glueOf, (*glue.Client).GetTable, &glue.GetTableInput{DatabaseName: net, Name: &name})
	}
	const gone = "EntityNotFoundException"
	return []forbidden{
		{"GetTable of a hidden table", "ana", get("private"), gone, "private"},
		{"GetTable of a table that is not there, told in the same words", "ana", get("privato"), gone, "privato"},
		{"GetTable by an administrator of IAM", "adam", get("flows"), gone, ""},
		{"glue:GetDatabase of a hidden database", "lena", call(glueOf, (*glue.Client).GetDatabase, &glue.GetDatabaseInput{Name: net}), gone, "net"},
		{"GetTables of a hidden database", "lena", call(glueOf, (*glue.Client).GetTables, &glue.GetTablesInput{DatabaseName: net}), gone, "net"},
		{"GetPartitions by a predicate on a hidden key", "ben", call(glueOf, (*glue.Client).GetPartitions, &glue.GetPartitionsInput{DatabaseName: net, TableName: new("flows"), Expression: new("day = '2026-01-01'")}), "InvalidInputException", "day is not a partition key"},
		{"GetPartition by a hidden key's value", "ben", call(glueOf, (*glue.Client).GetPartition, &glue.GetPartitionInput{DatabaseName: net, TableName: new("flows"), PartitionValues: []string{"2026-01-01"}}), "InvalidInputException", "the table has 0 partition keys"},
		{"statistics of a hidden column", "ana", failing(&glue.GetColumnStatisticsForTableInput{DatabaseName: net, TableName: new("flows"), ColumnNames: []string{"token"}}), gone, "column statistics token: not found"},
		{"DeleteTable of a hidden table", "lena", call(glueOf, (*glue.Client).DeleteTable, &glue.DeleteTableInput{DatabaseName: net, Name: new("private")}), gone, ""},
		{"DeleteTable with IAM's leave alone", "adam", call(glueOf, (*glue.Client).DeleteTable, &glue.DeleteTableInput{DatabaseName: net, Name: new("flows")}), gone, ""},
		{"BatchDeleteTable of hidden tables", "lena", failing(&glue.BatchDeleteTableInput{DatabaseName: net, TablesToDelete: []string{"flows", "private"}}), gone, ""},
		{"DeleteDatabase of a hidden database", "lena", call(glueOf, (*glue.Client).DeleteDatabase, &glue.DeleteDatabaseInput{Name: net}), gone, ""},
		{"CreateTable in a hidden database", "lena", call(glueOf, (*glue.Client).CreateTable, &glue.CreateTableInput{DatabaseName: net, TableInput: table("t", "s3://lake/flows/")}), gone, ""},
		{"CreateTable of a hidden table's name", "lena", call(glueOf, (*glue.Client).CreateTable, &glue.CreateTableInput{DatabaseName: net, TableInput: table("private", "s3://lake/flows/")}), gone, ""},
		{"CreateDatabase without the grant", "lena", call(glueOf, (*glue.Client).CreateDatabase, &glue.CreateDatabaseInput{DatabaseInput: &gluetypes.DatabaseInput{Name: new("mine")}}), "AccessDeniedException", "Required Create Database"},
		{"UpdateTable to another's place", "lena", call(glueOf, (*glue.Client).UpdateTable, &glue.UpdateTableInput{DatabaseName: net, TableInput: table("flows", "s3://home/eve/")}), gone, ""},
		{"UpdateDatabase of a hidden database", "lena", call(glueOf, (*glue.Client).UpdateDatabase, &glue.UpdateDatabaseInput{Name: net, DatabaseInput: &gluetypes.DatabaseInput{Name: net, Description: new("mine")}}), gone, ""},
		{"a crawler into a database of others", "nora", call(glueOf, (*glue.Client).StartCrawler, &glue.StartCrawlerInput{Name: new("c")}), "AccessDeniedException", "glue:StartCrawler"},
		{"a database by IAM's refusal, whether it is there or not", "bob", call(glueOf, (*glue.Client).GetDatabase, &glue.GetDatabaseInput{Name: new("no-such-database")}), "AccessDeniedException", "glue:GetDatabase"},
	}
}
