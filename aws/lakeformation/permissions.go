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

func (d *door) permissions() []wire.Operation {
	grant := []string{"CatalogId", "Principal", "Resource", "Permissions", "PermissionsWithGrantOption"}
	required := []string{"Principal", "Resource", "Permissions"}
	batch := []string{"CatalogId", "Entries.Id", "Entries.Principal", "Entries.Resource", "Entries.Permissions", "Entries.PermissionsWithGrantOption"}
	return []wire.Operation{
		wire.Op("GrantPermissions", wire.Row[api.GrantPermissionsInput]{
			Permissions: permit[api.GrantPermissionsInput]("GrantPermissions"), Honoured: grant, Required: required,
		}, func(ctx context.Context, c access.Caller, in *api.GrantPermissionsInput) (*api.GrantPermissionsOutput, error) {
			g, err := grantOf(c, in.CatalogId, in.Principal, in.Resource, in.Permissions, in.PermissionsWithGrantOption)
			if err != nil {
				return nil, err
			}
			return nil, d.f.Grant(ctx, c, g)
		}),
		wire.Op("RevokePermissions", wire.Row[api.RevokePermissionsInput]{
			Permissions: permit[api.RevokePermissionsInput]("RevokePermissions"), Honoured: grant, Required: required,
		}, func(ctx context.Context, c access.Caller, in *api.RevokePermissionsInput) (*api.RevokePermissionsOutput, error) {
			g, err := grantOf(c, in.CatalogId, in.Principal, in.Resource, in.Permissions, in.PermissionsWithGrantOption)
			if err != nil {
				return nil, err
			}
			return nil, d.f.Revoke(ctx, c, g)
		}),
		wire.Op("BatchGrantPermissions", wire.Row[api.BatchGrantPermissionsInput]{
			Permissions: permit[api.BatchGrantPermissionsInput]("BatchGrantPermissions"), Honoured: batch, Required: []string{"Entries", "Entries.Id"},
		}, func(ctx context.Context, c access.Caller, in *api.BatchGrantPermissionsInput) (*api.BatchGrantPermissionsOutput, error) {
			failures, err := each(ctx, c, in.CatalogId, in.Entries, d.f.Grant)
			return &api.BatchGrantPermissionsOutput{Failures: failures}, err
		}),
		wire.Op("BatchRevokePermissions", wire.Row[api.BatchRevokePermissionsInput]{
			Permissions: permit[api.BatchRevokePermissionsInput]("BatchRevokePermissions"), Honoured: batch, Required: []string{"Entries", "Entries.Id"},
		}, func(ctx context.Context, c access.Caller, in *api.BatchRevokePermissionsInput) (*api.BatchRevokePermissionsOutput, error) {
			failures, err := each(ctx, c, in.CatalogId, in.Entries, d.f.Revoke)
			return &api.BatchRevokePermissionsOutput{Failures: failures}, err
		}),
		wire.Op("ListPermissions", wire.Row[api.ListPermissionsInput]{
			Permissions: permit[api.ListPermissionsInput]("ListPermissions"),
			Honoured:    []string{"CatalogId", "Principal", "Resource", "ResourceType", "MaxResults", "NextToken"},
		}, d.listPermissions),
		wire.Op("GetEffectivePermissionsForPath", wire.Row[api.GetEffectivePermissionsForPathInput]{
			Permissions: permit[api.GetEffectivePermissionsForPathInput]("GetEffectivePermissionsForPath"),
			Honoured:    []string{"CatalogId", "ResourceArn", "MaxResults", "NextToken"}, Required: []string{"ResourceArn"},
		}, d.permissionsForPath),
	}
}

func grantOf(c access.Caller, catalog *string, to *types.DataLakePrincipal, on *types.Resource, list, grantable []types.Permission) (formation.Grant, error) {
	if err := account(c, catalog); err != nil {
		return formation.Grant{}, err
	}
	r, err := resourceOf(c, on)
	return formation.Grant{Principal: principal(to), Resource: r, Permissions: permissionsOf(list), Grantable: permissionsOf(grantable)}, err
}

// maxBatch bounds a batch. Source: Lake Formation API reference, "BatchGrantPermissions".
const maxBatch = 20

// each does the entries of a batch, one by one, and returns those that failed.
func each(ctx context.Context, c access.Caller, catalog *string, entries []types.BatchPermissionsRequestEntry, do func(context.Context, access.Caller, formation.Grant) error) ([]types.BatchPermissionsFailureEntry, error) {
	if len(entries) > maxBatch {
		return nil, fault.Newf(fault.Invalid, "Entries", "there are %d; at most %d are allowed", len(entries), maxBatch)
	}
	seen := map[string]bool{}
	for _, e := range entries {
		if seen[*e.Id] {
			return nil, fault.Newf(fault.Invalid, "Entries", "the Id %s is given twice", *e.Id)
		}
		seen[*e.Id] = true
	}
	failures := []types.BatchPermissionsFailureEntry{}
	for _, e := range entries {
		g, err := grantOf(c, catalog, e.Principal, e.Resource, e.Permissions, e.PermissionsWithGrantOption)
		if err == nil {
			err = do(ctx, c, g)
		}
		if err != nil {
			code, message := explain(err)
			failures = append(failures, types.BatchPermissionsFailureEntry{RequestEntry: &e, Error: &types.ErrorDetail{ErrorCode: code, ErrorMessage: message}})
		}
	}
	return failures, nil
}

// kinds are what each resource type of a listing stands for.
var kinds = map[types.DataLakeResourceType][]formation.Kind{
	types.DataLakeResourceTypeCatalog:              {formation.OfCatalog},
	types.DataLakeResourceTypeDatabase:             {formation.OfDatabase},
	types.DataLakeResourceTypeTable:                {formation.OfTable, formation.OfAllTables, formation.OfColumns, formation.OfCells},
	types.DataLakeResourceTypeDataLocation:         {formation.OfLocation},
	types.DataLakeResourceTypeLfTag:                {formation.OfTag},
	types.DataLakeResourceTypeLfTagPolicy:          {formation.OfTagPolicy},
	types.DataLakeResourceTypeLfTagPolicyDatabase:  {formation.OfTagPolicy},
	types.DataLakeResourceTypeLfTagPolicyTable:     {formation.OfTagPolicy},
	types.DataLakeResourceTypeLfNamedTagExpression: {formation.OfTagExpression},
}

func (d *door) listPermissions(ctx context.Context, c access.Caller, in *api.ListPermissionsInput) (*api.ListPermissionsOutput, error) {
	if err := account(c, in.CatalogId); err != nil {
		return nil, err
	}
	f := formation.GrantFilter{Principal: principal(in.Principal), Kinds: kinds[in.ResourceType]}
	asked := ""
	if in.Resource != nil {
		r, err := resourceOf(c, in.Resource)
		if err != nil {
			return nil, err
		}
		f.Resource, asked = &r, formation.Command(formation.Grant{Resource: r}, "")
	}
	all, err := d.f.Grants(ctx, c, f)
	if err != nil {
		return nil, err
	}
	list := make([]types.PrincipalResourcePermissions, 0, len(all))
	for _, g := range all {
		if p := g.Resource.Policy; p != nil && (in.ResourceType == types.DataLakeResourceTypeLfTagPolicyDatabase && p.Tables || in.ResourceType == types.DataLakeResourceTypeLfTagPolicyTable && !p.Tables) {
			continue
		}
		list = append(list, granted(c, g))
	}
	list, next, err := page(list, in.NextToken, in.MaxResults, "ListPermissions", f.Principal, in.ResourceType, asked)
	return &api.ListPermissionsOutput{PrincipalResourcePermissions: list, NextToken: next}, err
}

func granted(c access.Caller, g formation.Grant) types.PrincipalResourcePermissions {
	out := types.PrincipalResourcePermissions{Principal: &types.DataLakePrincipal{DataLakePrincipalIdentifier: &g.Principal}, Resource: resource(c, g.Resource),
		Permissions: permissions(g.Permissions), PermissionsWithGrantOption: permissions(g.Grantable), LastUpdatedBy: ref(g.By)}
	if !g.At.IsZero() {
		out.LastUpdated = &g.At
	}
	return out
}

func (d *door) permissionsForPath(ctx context.Context, c access.Caller, in *api.GetEffectivePermissionsForPathInput) (*api.GetEffectivePermissionsForPathOutput, error) {
	if err := account(c, in.CatalogId); err != nil {
		return nil, err
	}
	all, err := d.f.GrantsAt(ctx, c, *in.ResourceArn)
	if err != nil {
		return nil, err
	}
	list := make([]types.PrincipalResourcePermissions, len(all))
	for i, g := range all {
		list[i] = granted(c, g)
	}
	list, next, err := page(list, in.NextToken, in.MaxResults, "GetEffectivePermissionsForPath", *in.ResourceArn)
	return &api.GetEffectivePermissionsForPathOutput{Permissions: list, NextToken: next}, err
}
