package glue

import (
	"context"
	"slices"
	"strconv"
	"strings"

	api "github.com/aws/aws-sdk-go-v2/service/glue"
	"github.com/aws/aws-sdk-go-v2/service/glue/types"

	"flowlake/access"
	"flowlake/aws/wire"
	"flowlake/catalog"
	"flowlake/fault"
)

func lower(p *string) string { return strings.ToLower(text(p)) }

func tableARNs(c access.Caller, database *string, table string) []string {
	return on(c, "database/"+lower(database), "table/"+lower(database)+"/"+strings.ToLower(table))
}

// What a StorageDescriptor says that reading takes note of, and what is only kept.
var (
	descriptorHonoured = []string{"Columns.Name", "Columns.Type", "Columns.Comment", "Location", "InputFormat", "OutputFormat", "SerdeInfo", "Parameters"}
	descriptorRecorded = []string{"Columns.Parameters", "Compressed", "NumberOfBuckets", "BucketColumns", "SortColumns", "SkewedInfo", "StoredAsSubDirectories", "AdditionalLocations"}

	tableHonoured = append(with("TableInput.", "Name", "Description", "Owner", "Parameters", "PartitionKeys.Name", "PartitionKeys.Type",
		"PartitionKeys.Comment", "TableType", "ViewOriginalText", "ViewExpandedText"), with("TableInput.StorageDescriptor.", descriptorHonoured...)...)
	tableRecorded = append(with("TableInput.", "Retention", "LastAccessTime", "LastAnalyzedTime", "PartitionKeys.Parameters"),
		with("TableInput.StorageDescriptor.", descriptorRecorded...)...)
)

func (d *door) tables() []wire.Operation {
	return []wire.Operation{
		wire.Op("CreateTable", wire.Row[api.CreateTableInput]{
			Permissions: []wire.Permission[api.CreateTableInput]{{Action: "glue:CreateTable", Resources: func(c access.Caller, in *api.CreateTableInput) []string {
				return tableARNs(c, in.DatabaseName, text(in.TableInput.Name))
			}}},
			Honoured: append([]string{"CatalogId", "DatabaseName"}, tableHonoured...), Recorded: tableRecorded,
			Required: []string{"DatabaseName", "TableInput", "TableInput.Name"},
		}, d.createTable),
		wire.Op("GetTable", wire.Row[api.GetTableInput]{
			Permissions: []wire.Permission[api.GetTableInput]{{Action: "glue:GetTable", Resources: func(c access.Caller, in *api.GetTableInput) []string {
				return tableARNs(c, in.DatabaseName, text(in.Name))
			}}},
			Honoured: []string{"CatalogId", "DatabaseName", "Name"}, Required: []string{"DatabaseName", "Name"},
		}, d.getTable),
		wire.Op("GetTables", wire.Row[api.GetTablesInput]{
			Permissions: []wire.Permission[api.GetTablesInput]{{Action: "glue:GetTables", Resources: func(c access.Caller, in *api.GetTablesInput) []string {
				return tableARNs(c, in.DatabaseName, "*")
			}}},
			Honoured: []string{"CatalogId", "DatabaseName", "Expression", "MaxResults", "NextToken", "AttributesToGet", "ResourceShareType"},
			Required: []string{"DatabaseName"},
		}, d.getTables),
		wire.Op("UpdateTable", wire.Row[api.UpdateTableInput]{
			Permissions: []wire.Permission[api.UpdateTableInput]{{Action: "glue:UpdateTable", Resources: func(c access.Caller, in *api.UpdateTableInput) []string {
				return tableARNs(c, in.DatabaseName, text(in.TableInput.Name))
			}}},
			Honoured: append([]string{"CatalogId", "DatabaseName", "VersionId"}, tableHonoured...),
			Recorded: append([]string{"SkipArchive"}, tableRecorded...),
			Required: []string{"DatabaseName", "TableInput", "TableInput.Name"},
		}, d.updateTable),
		wire.Op("DeleteTable", wire.Row[api.DeleteTableInput]{
			Permissions: []wire.Permission[api.DeleteTableInput]{{Action: "glue:DeleteTable", Resources: func(c access.Caller, in *api.DeleteTableInput) []string {
				return tableARNs(c, in.DatabaseName, text(in.Name))
			}}},
			Honoured: []string{"CatalogId", "DatabaseName", "Name"}, Required: []string{"DatabaseName", "Name"},
		}, d.deleteTable),
		wire.Op("BatchDeleteTable", wire.Row[api.BatchDeleteTableInput]{
			Permissions: []wire.Permission[api.BatchDeleteTableInput]{{Action: "glue:BatchDeleteTable", Resources: func(c access.Caller, in *api.BatchDeleteTableInput) []string {
				arns := on(c, "database/"+lower(in.DatabaseName))
				for _, t := range in.TablesToDelete {
					arns = append(arns, c.ARN("glue", "table/"+lower(in.DatabaseName)+"/"+strings.ToLower(t)))
				}
				return arns
			}}},
			Honoured: []string{"CatalogId", "DatabaseName", "TablesToDelete"}, Required: []string{"DatabaseName", "TablesToDelete"},
		}, d.batchDeleteTable),
	}
}

func (d *door) createTable(ctx context.Context, c access.Caller, in *api.CreateTableInput) (*api.CreateTableOutput, error) {
	if err := account(c, in.CatalogId); err != nil {
		return nil, err
	}
	_, err := d.cat.CreateTable(ctx, c, tableOf(text(in.DatabaseName), in.TableInput))
	return nil, err
}

func (d *door) getTable(ctx context.Context, c access.Caller, in *api.GetTableInput) (*api.GetTableOutput, error) {
	if err := account(c, in.CatalogId); err != nil {
		return nil, err
	}
	t, err := d.cat.Table(ctx, c, text(in.DatabaseName), text(in.Name))
	if err != nil {
		return nil, err
	}
	shown := tableShape(c, t)
	return &api.GetTableOutput{Table: &shown}, nil
}

func (d *door) getTables(ctx context.Context, c access.Caller, in *api.GetTablesInput) (*api.GetTablesOutput, error) {
	if err := account(c, in.CatalogId); err != nil {
		return nil, err
	}
	size, err := pageSize(in.MaxResults, 100)
	if err != nil {
		return nil, err
	}
	q := question("GetTables", lower(in.DatabaseName), text(in.Expression), in.ResourceShareType)
	after, err := openName(in.NextToken, q)
	if err != nil {
		return nil, err
	}
	out := &api.GetTablesOutput{TableList: []types.Table{}}
	if in.ResourceShareType == types.TableResourceShareTypeFederated {
		return out, nil
	}
	page, next, err := d.cat.Tables(ctx, c, catalog.TableFilter{Database: text(in.DatabaseName), Expression: text(in.Expression), After: after, Max: size})
	if err != nil {
		return nil, err
	}
	for _, t := range page {
		shown := tableShape(c, t)
		if len(in.AttributesToGet) > 0 {
			shown = types.Table{Name: shown.Name, DatabaseName: shown.DatabaseName, TableType: shown.TableType}
			if !slices.Contains(in.AttributesToGet, types.TableAttributesTableType) {
				shown.TableType = nil
			}
		}
		out.TableList = append(out.TableList, shown)
	}
	out.NextToken = nameToken(q, next)
	return out, nil
}

func (d *door) updateTable(ctx context.Context, c access.Caller, in *api.UpdateTableInput) (*api.UpdateTableOutput, error) {
	if err := account(c, in.CatalogId); err != nil {
		return nil, err
	}
	_, err := d.cat.UpdateTable(ctx, c, tableOf(text(in.DatabaseName), in.TableInput), text(in.VersionId))
	return nil, err
}

func (d *door) deleteTable(ctx context.Context, c access.Caller, in *api.DeleteTableInput) (*api.DeleteTableOutput, error) {
	if err := account(c, in.CatalogId); err != nil {
		return nil, err
	}
	return nil, d.cat.DeleteTable(ctx, c, text(in.DatabaseName), text(in.Name))
}

func (d *door) batchDeleteTable(ctx context.Context, c access.Caller, in *api.BatchDeleteTableInput) (*api.BatchDeleteTableOutput, error) {
	if err := account(c, in.CatalogId); err != nil {
		return nil, err
	}
	if len(in.TablesToDelete) > 100 {
		return nil, fault.Newf(fault.Invalid, "member TablesToDelete", "has %d tables; at most 100 are allowed", len(in.TablesToDelete))
	}
	failures, err := d.cat.DeleteTables(ctx, c, text(in.DatabaseName), in.TablesToDelete)
	if err != nil {
		return nil, err
	}
	out := &api.BatchDeleteTableOutput{}
	for _, f := range failures {
		out.Errors = append(out.Errors, types.TableError{TableName: &f.Name, ErrorDetail: itemError(f.Err)})
	}
	return out, nil
}

func tableOf(database string, in *types.TableInput) catalog.Table {
	return catalog.Table{Database: database, Name: text(in.Name), Description: text(in.Description), Owner: text(in.Owner),
		LastAccess: timeOf(in.LastAccessTime), LastAnalyzed: timeOf(in.LastAnalyzedTime), Retention: in.Retention,
		Storage: storageOf(in.StorageDescriptor), PartitionKeys: columnsOf(in.PartitionKeys), Parameters: in.Parameters,
		ViewOriginalText: text(in.ViewOriginalText), ViewExpandedText: text(in.ViewExpandedText), Kind: text(in.TableType)}
}

func tableShape(c access.Caller, t catalog.Table) types.Table {
	version := strconv.FormatInt(t.Version, 10)
	return types.Table{Name: &t.Name, DatabaseName: &t.Database, CatalogId: &c.Account, Description: ref(t.Description), Owner: ref(t.Owner),
		CreateTime: moment(t.Created), UpdateTime: moment(t.Updated), CreatedBy: ref(t.CreatedBy),
		LastAccessTime: moment(t.LastAccess), LastAnalyzedTime: moment(t.LastAnalyzed), Retention: t.Retention,
		StorageDescriptor: storageShape(t.Storage), PartitionKeys: columnsShape(t.PartitionKeys), Parameters: t.Parameters,
		ViewOriginalText: ref(t.ViewOriginalText), ViewExpandedText: ref(t.ViewExpandedText), TableType: ref(t.Kind), VersionId: &version,
		IsRegisteredWithLakeFormation: t.Registered}
}

func columnsOf(in []types.Column) []catalog.Column {
	if in == nil {
		return nil
	}
	out := make([]catalog.Column, len(in))
	for i, col := range in {
		out[i] = catalog.Column{Name: text(col.Name), Type: text(col.Type), Comment: text(col.Comment), Parameters: col.Parameters}
	}
	return out
}

func columnsShape(in []catalog.Column) []types.Column {
	out := make([]types.Column, len(in))
	for i, col := range in {
		out[i] = types.Column{Name: &col.Name, Type: ref(col.Type), Comment: ref(col.Comment), Parameters: col.Parameters}
	}
	return out
}

func storageOf(in *types.StorageDescriptor) catalog.Storage {
	if in == nil {
		return catalog.Storage{}
	}
	s := catalog.Storage{Columns: columnsOf(in.Columns), Location: text(in.Location), InputFormat: text(in.InputFormat), OutputFormat: text(in.OutputFormat),
		Compressed: in.Compressed, NumberOfBuckets: in.NumberOfBuckets, BucketColumns: in.BucketColumns, Parameters: in.Parameters,
		StoredAsSubDirs: in.StoredAsSubDirectories, AdditionalLocations: in.AdditionalLocations}
	if in.SerdeInfo != nil {
		s.SerDe = catalog.SerDe{Name: text(in.SerdeInfo.Name), Library: text(in.SerdeInfo.SerializationLibrary), Parameters: in.SerdeInfo.Parameters}
	}
	for _, o := range in.SortColumns {
		s.SortColumns = append(s.SortColumns, catalog.SortColumn{Column: text(o.Column), Ascending: o.SortOrder == 1})
	}
	if in.SkewedInfo != nil {
		s.SkewedColumns, s.SkewedValues, s.SkewedLocations = in.SkewedInfo.SkewedColumnNames, in.SkewedInfo.SkewedColumnValues, in.SkewedInfo.SkewedColumnValueLocationMaps
	}
	return s
}

func storageShape(s catalog.Storage) *types.StorageDescriptor {
	out := &types.StorageDescriptor{Columns: columnsShape(s.Columns), Location: ref(s.Location), InputFormat: ref(s.InputFormat), OutputFormat: ref(s.OutputFormat),
		Compressed: s.Compressed, NumberOfBuckets: s.NumberOfBuckets, BucketColumns: s.BucketColumns, Parameters: s.Parameters,
		StoredAsSubDirectories: s.StoredAsSubDirs, AdditionalLocations: s.AdditionalLocations,
		SerdeInfo: &types.SerDeInfo{Name: ref(s.SerDe.Name), SerializationLibrary: ref(s.SerDe.Library), Parameters: s.SerDe.Parameters}}
	for _, col := range s.SortColumns {
		o := types.Order{Column: &col.Column}
		if col.Ascending {
			o.SortOrder = 1
		}
		out.SortColumns = append(out.SortColumns, o)
	}
	if s.SkewedColumns != nil || s.SkewedValues != nil || s.SkewedLocations != nil {
		out.SkewedInfo = &types.SkewedInfo{SkewedColumnNames: s.SkewedColumns, SkewedColumnValues: s.SkewedValues, SkewedColumnValueLocationMaps: s.SkewedLocations}
	}
	return out
}
