package glue

import (
	"context"

	api "github.com/aws/aws-sdk-go-v2/service/glue"
	"github.com/aws/aws-sdk-go-v2/service/glue/types"

	"flowlake/access"
	"flowlake/aws/wire"
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
	}
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
