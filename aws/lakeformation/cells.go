package lakeformation

import (
	"context"

	api "github.com/aws/aws-sdk-go-v2/service/lakeformation"
	"github.com/aws/aws-sdk-go-v2/service/lakeformation/types"

	"flowlake/access"
	"flowlake/access/formation"
	"flowlake/aws/wire"
	"flowlake/fault"
)

func (d *door) cells() []wire.Operation {
	data, need := []string{"TableData"}, []string{"TableData.TableCatalogId", "TableData.DatabaseName", "TableData.TableName", "TableData.Name"}
	one := []string{"TableCatalogId", "DatabaseName", "TableName", "Name"}
	return []wire.Operation{
		wire.Op("CreateDataCellsFilter", wire.Row[api.CreateDataCellsFilterInput]{
			Permissions: permit[api.CreateDataCellsFilterInput]("CreateDataCellsFilter"), Honoured: data, Required: append(data, need...),
		}, func(ctx context.Context, c access.Caller, in *api.CreateDataCellsFilterInput) (*api.CreateDataCellsFilterOutput, error) {
			f, err := filterOf(c, in.TableData)
			if err != nil {
				return nil, err
			}
			return nil, d.f.CreateFilter(ctx, c, f)
		}),
		wire.Op("UpdateDataCellsFilter", wire.Row[api.UpdateDataCellsFilterInput]{
			Permissions: permit[api.UpdateDataCellsFilterInput]("UpdateDataCellsFilter"), Honoured: data, Required: append(data, need...),
		}, func(ctx context.Context, c access.Caller, in *api.UpdateDataCellsFilterInput) (*api.UpdateDataCellsFilterOutput, error) {
			f, err := filterOf(c, in.TableData)
			if err != nil {
				return nil, err
			}
			return nil, d.f.UpdateFilter(ctx, c, f)
		}),
		wire.Op("DeleteDataCellsFilter", wire.Row[api.DeleteDataCellsFilterInput]{
			Permissions: permit[api.DeleteDataCellsFilterInput]("DeleteDataCellsFilter"), Honoured: one, Required: []string{"DatabaseName", "TableName", "Name"},
		}, func(ctx context.Context, c access.Caller, in *api.DeleteDataCellsFilterInput) (*api.DeleteDataCellsFilterOutput, error) {
			if err := account(c, in.TableCatalogId); err != nil {
				return nil, err
			}
			return nil, d.f.DeleteFilter(ctx, c, *in.DatabaseName, *in.TableName, *in.Name)
		}),
		wire.Op("GetDataCellsFilter", wire.Row[api.GetDataCellsFilterInput]{
			Permissions: permit[api.GetDataCellsFilterInput]("GetDataCellsFilter"), Honoured: one, Required: one,
		}, func(ctx context.Context, c access.Caller, in *api.GetDataCellsFilterInput) (*api.GetDataCellsFilterOutput, error) {
			if err := account(c, in.TableCatalogId); err != nil {
				return nil, err
			}
			f, err := d.f.Filter(ctx, c, *in.DatabaseName, *in.TableName, *in.Name)
			if err != nil {
				return nil, err
			}
			out := filter(c, f)
			return &api.GetDataCellsFilterOutput{DataCellsFilter: &out}, nil
		}),
		wire.Op("ListDataCellsFilter", wire.Row[api.ListDataCellsFilterInput]{
			Permissions: permit[api.ListDataCellsFilterInput]("ListDataCellsFilter"),
			Honoured:    []string{"Table.CatalogId", "Table.DatabaseName", "Table.Name", "MaxResults", "NextToken"},
		}, d.listFilters),
	}
}

func filterOf(c access.Caller, in *types.DataCellsFilter) (formation.Filter, error) {
	f := formation.Filter{Database: *in.DatabaseName, Table: *in.TableName, Name: *in.Name, Columns: in.ColumnNames, Version: text(in.VersionId)}
	if err := account(c, in.TableCatalogId); err != nil {
		return f, err
	}
	switch {
	case (len(in.ColumnNames) > 0) == (in.ColumnWildcard != nil):
		return f, fault.Newf(fault.Invalid, "TableData", "it has ColumnNames or a ColumnWildcard")
	case in.ColumnWildcard != nil:
		f.Excluded = in.ColumnWildcard.ExcludedColumnNames
	}
	if r := in.RowFilter; r != nil {
		f.AllRows, f.Rows = r.AllRowsWildcard != nil, text(r.FilterExpression)
	}
	if f.AllRows == (f.Rows != "") {
		return f, fault.Newf(fault.Invalid, "TableData.RowFilter", "it has a FilterExpression or an AllRowsWildcard")
	}
	return f, nil
}

func filter(c access.Caller, f formation.Filter) types.DataCellsFilter {
	out := types.DataCellsFilter{TableCatalogId: &c.Account, DatabaseName: &f.Database, TableName: &f.Table, Name: &f.Name, ColumnNames: f.Columns, VersionId: &f.Version,
		RowFilter: &types.RowFilter{FilterExpression: ref(f.Rows)}}
	if len(f.Columns) == 0 {
		out.ColumnWildcard = &types.ColumnWildcard{ExcludedColumnNames: f.Excluded}
	}
	if f.AllRows {
		out.RowFilter = &types.RowFilter{AllRowsWildcard: &types.AllRowsWildcard{}}
	}
	return out
}

func (d *door) listFilters(ctx context.Context, c access.Caller, in *api.ListDataCellsFilterInput) (*api.ListDataCellsFilterOutput, error) {
	database, table := "", ""
	if t := in.Table; t != nil {
		if database, table = text(t.DatabaseName), text(t.Name); database == "" || table == "" {
			return nil, fault.Newf(fault.Invalid, "Table", "it has a DatabaseName and a Name")
		}
		if err := account(c, t.CatalogId); err != nil {
			return nil, err
		}
	}
	all, err := d.f.Filters(ctx, c, database, table)
	if err != nil {
		return nil, err
	}
	list, next, err := page(all, in.NextToken, in.MaxResults, "ListDataCellsFilter", database, table)
	out := &api.ListDataCellsFilterOutput{NextToken: next, DataCellsFilters: []types.DataCellsFilter{}}
	for _, f := range list {
		out.DataCellsFilters = append(out.DataCellsFilters, filter(c, f))
	}
	return out, err
}
