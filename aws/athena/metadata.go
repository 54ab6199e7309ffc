package athena

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/athena"
	"github.com/aws/aws-sdk-go-v2/service/athena/types"

	"flowlake/access"
	"flowlake/aws/wire"
	"flowlake/catalog"
	"flowlake/fault"
	"flowlake/query"
)

// metadata is what Athena tells of the one data catalogue, which is Glue's.
func (d *door) metadata() []wire.Operation {
	return []wire.Operation{
		op("ListDataCatalogs", wire.Row[athena.ListDataCatalogsInput]{
			Permissions: []wire.Permission[athena.ListDataCatalogsInput]{{Action: "athena:ListDataCatalogs"}},
			Honoured:    []string{"MaxResults", "NextToken"}, Recorded: []string{"WorkGroup"},
		}, d.listDataCatalogs),
		op("GetDataCatalog", wire.Row[athena.GetDataCatalogInput]{
			Permissions: onCatalog("athena:GetDataCatalog", func(in *athena.GetDataCatalogInput) *string { return in.Name }),
			Honoured:    []string{"Name"}, Recorded: []string{"WorkGroup"}, Required: []string{"Name"},
		}, d.getDataCatalog),
		op("ListDatabases", wire.Row[athena.ListDatabasesInput]{
			Permissions: onCatalog("athena:ListDatabases", func(in *athena.ListDatabasesInput) *string { return in.CatalogName }),
			Honoured:    []string{"CatalogName", "MaxResults", "NextToken"}, Recorded: []string{"WorkGroup"}, Required: []string{"CatalogName"},
		}, d.listDatabases),
		op("GetDatabase", wire.Row[athena.GetDatabaseInput]{
			Permissions: onCatalog("athena:GetDatabase", func(in *athena.GetDatabaseInput) *string { return in.CatalogName }),
			Honoured:    []string{"CatalogName", "DatabaseName"}, Recorded: []string{"WorkGroup"}, Required: []string{"CatalogName", "DatabaseName"},
		}, d.getDatabase),
		op("ListTableMetadata", wire.Row[athena.ListTableMetadataInput]{
			Permissions: onCatalog("athena:ListTableMetadata", func(in *athena.ListTableMetadataInput) *string { return in.CatalogName }),
			Honoured:    []string{"CatalogName", "DatabaseName", "Expression", "MaxResults", "NextToken"}, Recorded: []string{"WorkGroup"},
			Required: []string{"CatalogName", "DatabaseName"},
		}, d.listTableMetadata),
		op("GetTableMetadata", wire.Row[athena.GetTableMetadataInput]{
			Permissions: onCatalog("athena:GetTableMetadata", func(in *athena.GetTableMetadataInput) *string { return in.CatalogName }),
			Honoured:    []string{"CatalogName", "DatabaseName", "TableName"}, Recorded: []string{"WorkGroup"},
			Required: []string{"CatalogName", "DatabaseName", "TableName"},
		}, d.getTableMetadata),
	}
}

func onCatalog[In any](action string, name func(*In) *string) []wire.Permission[In] {
	return []wire.Permission[In]{{Action: action, Resource: func(c access.Caller, in *In) string {
		return c.ARN("athena", "datacatalog/"+aws.ToString(name(in)))
	}}}
}

// known refuses a catalogue that is not the one there is.
func known(name *string) error {
	if strings.EqualFold(*name, query.CatalogName) {
		return nil
	}
	return fault.Newf(fault.NotFound, "data catalog "+*name, "does not exist: there is %s", query.CatalogName)
}

func (d *door) listDataCatalogs(_ context.Context, _ access.Caller, in *athena.ListDataCatalogsInput) (*athena.ListDataCatalogsOutput, error) {
	if _, err := pageSize(in.MaxResults, 50); err != nil {
		return nil, err
	}
	if in.NextToken != nil {
		return nil, fault.Newf(fault.Invalid, "next token", "Malformed nextPageToken %q: there is one page", *in.NextToken)
	}
	return &athena.ListDataCatalogsOutput{DataCatalogsSummary: []types.DataCatalogSummary{
		{CatalogName: aws.String(query.CatalogName), Type: types.DataCatalogTypeGlue},
	}}, nil
}

func (d *door) getDataCatalog(_ context.Context, c access.Caller, in *athena.GetDataCatalogInput) (*athena.GetDataCatalogOutput, error) {
	if err := known(in.Name); err != nil {
		return nil, err
	}
	return &athena.GetDataCatalogOutput{DataCatalog: &types.DataCatalog{
		Name: aws.String(query.CatalogName), Type: types.DataCatalogTypeGlue, Parameters: map[string]string{"catalog-id": c.Account},
	}}, nil
}

func (d *door) listDatabases(ctx context.Context, c access.Caller, in *athena.ListDatabasesInput) (*athena.ListDatabasesOutput, error) {
	if err := known(in.CatalogName); err != nil {
		return nil, err
	}
	max, err := pageSize(in.MaxResults, 50)
	if err != nil {
		return nil, err
	}
	page, next, err := d.q.Databases(ctx, c, aws.ToString(in.NextToken), max)
	if err != nil {
		return nil, err
	}
	out := &athena.ListDatabasesOutput{DatabaseList: []types.Database{}, NextToken: textOrNil(next)}
	for _, db := range page {
		out.DatabaseList = append(out.DatabaseList, showDatabase(db))
	}
	return out, nil
}

func (d *door) getDatabase(ctx context.Context, c access.Caller, in *athena.GetDatabaseInput) (*athena.GetDatabaseOutput, error) {
	if err := known(in.CatalogName); err != nil {
		return nil, err
	}
	db, err := d.q.Database(ctx, c, *in.DatabaseName)
	if err != nil {
		return nil, err
	}
	shown := showDatabase(db)
	return &athena.GetDatabaseOutput{Database: &shown}, nil
}

func showDatabase(db catalog.Database) types.Database {
	return types.Database{Name: &db.Name, Description: textOrNil(db.Description), Parameters: db.Parameters}
}

func (d *door) listTableMetadata(ctx context.Context, c access.Caller, in *athena.ListTableMetadataInput) (*athena.ListTableMetadataOutput, error) {
	if err := known(in.CatalogName); err != nil {
		return nil, err
	}
	max, err := pageSize(in.MaxResults, 50)
	if err != nil {
		return nil, err
	}
	page, next, err := d.q.Tables(ctx, c, catalog.TableFilter{
		Database: *in.DatabaseName, Expression: aws.ToString(in.Expression), After: aws.ToString(in.NextToken), Max: max,
	})
	if err != nil {
		return nil, err
	}
	out := &athena.ListTableMetadataOutput{TableMetadataList: []types.TableMetadata{}, NextToken: textOrNil(next)}
	for _, t := range page {
		out.TableMetadataList = append(out.TableMetadataList, showTable(t))
	}
	return out, nil
}

func (d *door) getTableMetadata(ctx context.Context, c access.Caller, in *athena.GetTableMetadataInput) (*athena.GetTableMetadataOutput, error) {
	if err := known(in.CatalogName); err != nil {
		return nil, err
	}
	t, err := d.q.Table(ctx, c, *in.DatabaseName, *in.TableName)
	if err != nil {
		return nil, err
	}
	shown := showTable(t)
	return &athena.GetTableMetadataOutput{TableMetadata: &shown}, nil
}

// showTable tells a table's storage among its parameters, as Athena does: clients read location and SerDe there.
func showTable(t catalog.Table) types.TableMetadata {
	p := map[string]string{"location": t.Storage.Location, "inputformat": t.Storage.InputFormat, "outputformat": t.Storage.OutputFormat,
		"serde.serialization.lib": t.Storage.SerDe.Library}
	for k, v := range p {
		if v == "" {
			delete(p, k)
		}
	}
	for k, v := range t.Storage.SerDe.Parameters {
		p["serde.param."+k] = v
	}
	for k, v := range t.Parameters {
		p[k] = v
	}
	out := types.TableMetadata{
		Name: &t.Name, TableType: textOrNil(t.Kind), CreateTime: &t.Created, Parameters: p,
		Columns: showColumns(t.Storage.Columns), PartitionKeys: showColumns(t.PartitionKeys),
	}
	if !t.LastAccess.IsZero() {
		out.LastAccessTime = &t.LastAccess
	}
	return out
}

func showColumns(columns []catalog.Column) []types.Column {
	out := make([]types.Column, len(columns))
	for i, c := range columns {
		out[i] = types.Column{Name: &c.Name, Type: textOrNil(c.Type), Comment: textOrNil(c.Comment)}
	}
	return out
}

func textOrNil(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
