package glue

import (
	"context"

	api "github.com/aws/aws-sdk-go-v2/service/glue"
	"github.com/aws/aws-sdk-go-v2/service/glue/types"

	"flowlake/access"
	"flowlake/aws/wire"
	"flowlake/catalog"
)

var databaseInput = with("DatabaseInput.", "Name", "Description", "LocationUri", "Parameters")

func (d *door) databases() []wire.Operation {
	return []wire.Operation{
		wire.Op("CreateDatabase", wire.Row[api.CreateDatabaseInput]{
			Permissions: []wire.Permission[api.CreateDatabaseInput]{{Action: "glue:CreateDatabase", Resources: func(c access.Caller, in *api.CreateDatabaseInput) []string {
				return on(c, "database/"+lower(in.DatabaseInput.Name))
			}}},
			Honoured: append([]string{"CatalogId", "DatabaseInput.CreateTableDefaultPermissions"}, databaseInput...),
			Required: []string{"DatabaseInput", "DatabaseInput.Name"},
		}, d.createDatabase),
		wire.Op("GetDatabase", wire.Row[api.GetDatabaseInput]{
			Permissions: []wire.Permission[api.GetDatabaseInput]{{Action: "glue:GetDatabase", Resources: func(c access.Caller, in *api.GetDatabaseInput) []string {
				return on(c, "database/"+lower(in.Name))
			}}},
			Honoured: []string{"CatalogId", "Name"}, Required: []string{"Name"},
		}, d.getDatabase),
		wire.Op("GetDatabases", wire.Row[api.GetDatabasesInput]{
			Permissions: []wire.Permission[api.GetDatabasesInput]{{Action: "glue:GetDatabases", Resources: func(c access.Caller, in *api.GetDatabasesInput) []string {
				return on(c, "database/*")
			}}},
			Honoured: []string{"CatalogId", "MaxResults", "NextToken", "AttributesToGet", "ResourceShareType"},
		}, d.getDatabases),
		wire.Op("UpdateDatabase", wire.Row[api.UpdateDatabaseInput]{
			Permissions: []wire.Permission[api.UpdateDatabaseInput]{{Action: "glue:UpdateDatabase", Resources: func(c access.Caller, in *api.UpdateDatabaseInput) []string {
				return on(c, "database/"+lower(in.Name))
			}}},
			Honoured: append([]string{"CatalogId", "Name", "DatabaseInput.CreateTableDefaultPermissions"}, databaseInput...),
			Required: []string{"Name", "DatabaseInput", "DatabaseInput.Name"},
		}, d.updateDatabase),
		wire.Op("DeleteDatabase", wire.Row[api.DeleteDatabaseInput]{
			Permissions: []wire.Permission[api.DeleteDatabaseInput]{{Action: "glue:DeleteDatabase", Resources: func(c access.Caller, in *api.DeleteDatabaseInput) []string {
				return on(c, "database/"+lower(in.Name), "table/"+lower(in.Name)+"/*")
			}}},
			Honoured: []string{"CatalogId", "Name"}, Required: []string{"Name"},
		}, d.deleteDatabase),
	}
}

func (d *door) createDatabase(ctx context.Context, c access.Caller, in *api.CreateDatabaseInput) (*api.CreateDatabaseOutput, error) {
	if err := account(c, in.CatalogId); err != nil {
		return nil, err
	}
	return nil, d.cat.CreateDatabase(ctx, c, databaseOf(in.DatabaseInput))
}

func (d *door) getDatabase(ctx context.Context, c access.Caller, in *api.GetDatabaseInput) (*api.GetDatabaseOutput, error) {
	if err := account(c, in.CatalogId); err != nil {
		return nil, err
	}
	db, err := d.cat.Database(ctx, c, text(in.Name))
	if err != nil {
		return nil, err
	}
	shown := databaseShape(c, db)
	return &api.GetDatabaseOutput{Database: &shown}, nil
}

func (d *door) getDatabases(ctx context.Context, c access.Caller, in *api.GetDatabasesInput) (*api.GetDatabasesOutput, error) {
	if err := account(c, in.CatalogId); err != nil {
		return nil, err
	}
	size, err := pageSize(in.MaxResults, 100)
	if err != nil {
		return nil, err
	}
	q := question("GetDatabases", in.ResourceShareType)
	after, err := openName(in.NextToken, q)
	if err != nil {
		return nil, err
	}
	out := &api.GetDatabasesOutput{DatabaseList: []types.Database{}}
	if s := in.ResourceShareType; s == types.ResourceShareTypeForeign || s == types.ResourceShareTypeFederated {
		return out, nil // nothing is shared from other accounts
	}
	page, next, err := d.cat.Databases(ctx, c, after, size)
	if err != nil {
		return nil, err
	}
	for _, db := range page {
		shown := databaseShape(c, db)
		if len(in.AttributesToGet) > 0 {
			shown = types.Database{Name: shown.Name}
		}
		out.DatabaseList = append(out.DatabaseList, shown)
	}
	out.NextToken = nameToken(q, next)
	return out, nil
}

func (d *door) updateDatabase(ctx context.Context, c access.Caller, in *api.UpdateDatabaseInput) (*api.UpdateDatabaseOutput, error) {
	if err := account(c, in.CatalogId); err != nil {
		return nil, err
	}
	return nil, d.cat.UpdateDatabase(ctx, c, text(in.Name), databaseOf(in.DatabaseInput))
}

func (d *door) deleteDatabase(ctx context.Context, c access.Caller, in *api.DeleteDatabaseInput) (*api.DeleteDatabaseOutput, error) {
	if err := account(c, in.CatalogId); err != nil {
		return nil, err
	}
	return nil, d.cat.DeleteDatabase(ctx, c, text(in.Name))
}

func databaseOf(in *types.DatabaseInput) catalog.Database {
	db := catalog.Database{Name: text(in.Name), Description: text(in.Description), Location: text(in.LocationUri), Parameters: in.Parameters}
	if in.CreateTableDefaultPermissions != nil { // an empty list is an answer
		db.TableGrants = []catalog.Grant{}
	}
	for _, p := range in.CreateTableDefaultPermissions {
		g := catalog.Grant{}
		if p.Principal != nil {
			g.Principal = text(p.Principal.DataLakePrincipalIdentifier)
		}
		for _, permission := range p.Permissions {
			g.Permissions = append(g.Permissions, string(permission))
		}
		db.TableGrants = append(db.TableGrants, g)
	}
	return db
}

func databaseShape(c access.Caller, db catalog.Database) types.Database {
	out := types.Database{Name: &db.Name, CatalogId: &c.Account, CreateTime: moment(db.Created), Description: ref(db.Description),
		LocationUri: ref(db.Location), Parameters: db.Parameters}
	if db.Closed {
		out.CreateTableDefaultPermissions = []types.PrincipalPermissions{}
	}
	for _, g := range db.TableGrants {
		p := types.PrincipalPermissions{Principal: &types.DataLakePrincipal{DataLakePrincipalIdentifier: ref(g.Principal)}}
		for _, permission := range g.Permissions {
			p.Permissions = append(p.Permissions, types.Permission(permission))
		}
		out.CreateTableDefaultPermissions = append(out.CreateTableDefaultPermissions, p)
	}
	return out
}
