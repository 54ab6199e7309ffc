package glue

import (
	"context"
	"encoding/json"

	api "github.com/aws/aws-sdk-go-v2/service/glue"
	"github.com/aws/aws-sdk-go-v2/service/glue/types"

	"flowlake/access"
	"flowlake/aws/wire"
	"flowlake/catalog"
	"flowlake/fault"
)

// statistics are the operations that Trino's Glue metastore calls besides those of the catalogue proper.
func (d *door) statistics() []wire.Operation {
	return []wire.Operation{
		wire.Op("GetUserDefinedFunctions", wire.Row[api.GetUserDefinedFunctionsInput]{
			Permissions: []wire.Permission[api.GetUserDefinedFunctionsInput]{{Action: "glue:GetUserDefinedFunctions", Resources: func(c access.Caller, in *api.GetUserDefinedFunctionsInput) []string {
				if in.DatabaseName == nil {
					return on(c, "database/*", "userDefinedFunction/*/*")
				}
				return on(c, "database/"+lower(in.DatabaseName), "userDefinedFunction/"+lower(in.DatabaseName)+"/*")
			}}},
			Honoured: []string{"CatalogId", "DatabaseName", "Pattern", "MaxResults", "NextToken"}, Required: []string{"Pattern"},
		}, d.getUserDefinedFunctions),
		wire.Op("GetColumnStatisticsForTable", wire.Row[api.GetColumnStatisticsForTableInput]{
			Permissions: []wire.Permission[api.GetColumnStatisticsForTableInput]{{Action: "glue:GetColumnStatisticsForTable", Resources: func(c access.Caller, in *api.GetColumnStatisticsForTableInput) []string {
				return tableARNs(c, in.DatabaseName, text(in.TableName))
			}}},
			Honoured: []string{"CatalogId", "DatabaseName", "TableName", "ColumnNames"}, Required: []string{"DatabaseName", "TableName", "ColumnNames"},
		}, func(ctx context.Context, c access.Caller, in *api.GetColumnStatisticsForTableInput) (*api.GetColumnStatisticsForTableOutput, error) {
			found, missing, err := d.getStatistics(ctx, c, in.CatalogId, in.DatabaseName, in.TableName, nil, in.ColumnNames)
			return &api.GetColumnStatisticsForTableOutput{ColumnStatisticsList: found, Errors: missing}, err
		}),
		wire.Op("GetColumnStatisticsForPartition", wire.Row[api.GetColumnStatisticsForPartitionInput]{
			Permissions: []wire.Permission[api.GetColumnStatisticsForPartitionInput]{{Action: "glue:GetColumnStatisticsForPartition", Resources: func(c access.Caller, in *api.GetColumnStatisticsForPartitionInput) []string {
				return tableARNs(c, in.DatabaseName, text(in.TableName))
			}}},
			Honoured: []string{"CatalogId", "DatabaseName", "TableName", "PartitionValues", "ColumnNames"},
			Required: []string{"DatabaseName", "TableName", "PartitionValues", "ColumnNames"},
		}, func(ctx context.Context, c access.Caller, in *api.GetColumnStatisticsForPartitionInput) (*api.GetColumnStatisticsForPartitionOutput, error) {
			found, missing, err := d.getStatistics(ctx, c, in.CatalogId, in.DatabaseName, in.TableName, values(in.PartitionValues), in.ColumnNames)
			return &api.GetColumnStatisticsForPartitionOutput{ColumnStatisticsList: found, Errors: missing}, err
		}),
		wire.Op("UpdateColumnStatisticsForTable", wire.Row[api.UpdateColumnStatisticsForTableInput]{
			Permissions: []wire.Permission[api.UpdateColumnStatisticsForTableInput]{{Action: "glue:UpdateColumnStatisticsForTable", Resources: func(c access.Caller, in *api.UpdateColumnStatisticsForTableInput) []string {
				return tableARNs(c, in.DatabaseName, text(in.TableName))
			}}},
			Honoured: []string{"CatalogId", "DatabaseName", "TableName"}, Recorded: []string{"ColumnStatisticsList"},
			Required: []string{"DatabaseName", "TableName", "ColumnStatisticsList"},
		}, func(ctx context.Context, c access.Caller, in *api.UpdateColumnStatisticsForTableInput) (*api.UpdateColumnStatisticsForTableOutput, error) {
			return nil, d.putStatistics(ctx, c, in.CatalogId, in.DatabaseName, in.TableName, nil, in.ColumnStatisticsList)
		}),
		wire.Op("UpdateColumnStatisticsForPartition", wire.Row[api.UpdateColumnStatisticsForPartitionInput]{
			Permissions: []wire.Permission[api.UpdateColumnStatisticsForPartitionInput]{{Action: "glue:UpdateColumnStatisticsForPartition", Resources: func(c access.Caller, in *api.UpdateColumnStatisticsForPartitionInput) []string {
				return tableARNs(c, in.DatabaseName, text(in.TableName))
			}}},
			Honoured: []string{"CatalogId", "DatabaseName", "TableName", "PartitionValues"}, Recorded: []string{"ColumnStatisticsList"},
			Required: []string{"DatabaseName", "TableName", "PartitionValues", "ColumnStatisticsList"},
		}, func(ctx context.Context, c access.Caller, in *api.UpdateColumnStatisticsForPartitionInput) (*api.UpdateColumnStatisticsForPartitionOutput, error) {
			return nil, d.putStatistics(ctx, c, in.CatalogId, in.DatabaseName, in.TableName, values(in.PartitionValues), in.ColumnStatisticsList)
		}),
		wire.Op("DeleteColumnStatisticsForTable", wire.Row[api.DeleteColumnStatisticsForTableInput]{
			Permissions: []wire.Permission[api.DeleteColumnStatisticsForTableInput]{{Action: "glue:DeleteColumnStatisticsForTable", Resources: func(c access.Caller, in *api.DeleteColumnStatisticsForTableInput) []string {
				return tableARNs(c, in.DatabaseName, text(in.TableName))
			}}},
			Honoured: []string{"CatalogId", "DatabaseName", "TableName", "ColumnName"}, Required: []string{"DatabaseName", "TableName", "ColumnName"},
		}, func(ctx context.Context, c access.Caller, in *api.DeleteColumnStatisticsForTableInput) (*api.DeleteColumnStatisticsForTableOutput, error) {
			if err := account(c, in.CatalogId); err != nil {
				return nil, err
			}
			return nil, d.cat.DeleteStatistics(ctx, c, text(in.DatabaseName), text(in.TableName), nil, text(in.ColumnName))
		}),
		wire.Op("DeleteColumnStatisticsForPartition", wire.Row[api.DeleteColumnStatisticsForPartitionInput]{
			Permissions: []wire.Permission[api.DeleteColumnStatisticsForPartitionInput]{{Action: "glue:DeleteColumnStatisticsForPartition", Resources: func(c access.Caller, in *api.DeleteColumnStatisticsForPartitionInput) []string {
				return tableARNs(c, in.DatabaseName, text(in.TableName))
			}}},
			Honoured: []string{"CatalogId", "DatabaseName", "TableName", "PartitionValues", "ColumnName"},
			Required: []string{"DatabaseName", "TableName", "PartitionValues", "ColumnName"},
		}, func(ctx context.Context, c access.Caller, in *api.DeleteColumnStatisticsForPartitionInput) (*api.DeleteColumnStatisticsForPartitionOutput, error) {
			if err := account(c, in.CatalogId); err != nil {
				return nil, err
			}
			return nil, d.cat.DeleteStatistics(ctx, c, text(in.DatabaseName), text(in.TableName), values(in.PartitionValues), text(in.ColumnName))
		}),
	}
}

// maxStatistics is how many columns one call is about at most.
const maxStatistics = 100

// values are a partition's, never nil: nil is the table itself.
func values(given []string) []string {
	if given == nil {
		return []string{}
	}
	return given
}

func (d *door) getStatistics(ctx context.Context, c access.Caller, catalogID, database, table *string, partition, columns []string) ([]types.ColumnStatistics, []types.ColumnError, error) {
	if err := account(c, catalogID); err != nil {
		return nil, nil, err
	}
	if err := batch("ColumnNames", len(columns), maxStatistics); err != nil {
		return nil, nil, err
	}
	found, missing, err := d.cat.Statistics(ctx, c, text(database), text(table), partition, columns)
	if err != nil {
		return nil, nil, err
	}
	list := make([]types.ColumnStatistics, 0, len(found))
	for _, s := range found {
		one := types.ColumnStatistics{ColumnName: &s.Column, ColumnType: ref(s.Type), AnalyzedTime: moment(s.Analyzed), StatisticsData: new(types.ColumnStatisticsData)}
		if err := json.Unmarshal(s.Data, one.StatisticsData); err != nil {
			return nil, nil, err
		}
		list = append(list, one)
	}
	var errs []types.ColumnError
	for _, name := range missing {
		errs = append(errs, types.ColumnError{ColumnName: &name, Error: itemError(fault.Newf(fault.NotFound, "column statistics "+name, "not found"))})
	}
	return list, errs, nil
}

func (d *door) putStatistics(ctx context.Context, c access.Caller, catalogID, database, table *string, partition []string, list []types.ColumnStatistics) error {
	if err := account(c, catalogID); err != nil {
		return err
	}
	if err := batch("ColumnStatisticsList", len(list), maxStatistics); err != nil {
		return err
	}
	kept := make([]catalog.ColumnStatistics, len(list))
	for i, s := range list {
		if s.ColumnName == nil || s.ColumnType == nil || s.AnalyzedTime == nil || s.StatisticsData == nil {
			return fault.Newf(fault.Invalid, "member ColumnStatisticsList", "item %d lacks ColumnName, ColumnType, AnalyzedTime or StatisticsData", i)
		}
		data, err := json.Marshal(s.StatisticsData)
		if err != nil {
			return err
		}
		kept[i] = catalog.ColumnStatistics{Column: *s.ColumnName, Type: *s.ColumnType, Analyzed: *s.AnalyzedTime, Data: data}
	}
	return d.cat.PutStatistics(ctx, c, text(database), text(table), partition, kept)
}

// getUserDefinedFunctions answers that there are none: no operation makes one.
func (d *door) getUserDefinedFunctions(ctx context.Context, c access.Caller, in *api.GetUserDefinedFunctionsInput) (*api.GetUserDefinedFunctionsOutput, error) {
	if err := account(c, in.CatalogId); err != nil {
		return nil, err
	}
	if _, err := pageSize(in.MaxResults, 100); err != nil {
		return nil, err
	}
	if _, err := openToken(in.NextToken, question("GetUserDefinedFunctions")); err != nil {
		return nil, err
	}
	if in.DatabaseName != nil {
		if _, err := d.cat.Database(ctx, c, *in.DatabaseName); err != nil {
			return nil, err
		}
	}
	return &api.GetUserDefinedFunctionsOutput{UserDefinedFunctions: []types.UserDefinedFunction{}}, nil
}
