package lakeformation

import (
	"context"
	"slices"

	api "github.com/aws/aws-sdk-go-v2/service/lakeformation"
	"github.com/aws/aws-sdk-go-v2/service/lakeformation/types"

	"flowlake/access"
	"flowlake/access/formation"
	"flowlake/aws/wire"
	"flowlake/fault"
)

func (d *door) settings() []wire.Operation {
	return []wire.Operation{
		wire.Op("GetDataLakeSettings", wire.Row[api.GetDataLakeSettingsInput]{
			Permissions: permit[api.GetDataLakeSettingsInput]("GetDataLakeSettings"), Honoured: []string{"CatalogId"},
		}, d.getSettings),
		wire.Op("PutDataLakeSettings", wire.Row[api.PutDataLakeSettingsInput]{
			Permissions: permit[api.PutDataLakeSettingsInput]("PutDataLakeSettings"),
			Honoured: append([]string{"CatalogId"}, under("DataLakeSettings", "DataLakeAdmins", "ReadOnlyAdmins", "CreateDatabaseDefaultPermissions",
				"CreateTableDefaultPermissions", "AllowFullTableExternalDataAccess", "AllowExternalDataFiltering", "ExternalDataFilteringAllowList",
				"AuthorizedSessionTagValueList")...),
			Recorded: under("DataLakeSettings", "Parameters", "TrustedResourceOwners"), Required: []string{"DataLakeSettings"},
		}, d.putSettings),
		wire.Op("GetDataLakePrincipal", wire.Row[api.GetDataLakePrincipalInput]{
			Permissions: permit[api.GetDataLakePrincipalInput]("GetDataLakePrincipal"),
		}, func(_ context.Context, c access.Caller, _ *api.GetDataLakePrincipalInput) (*api.GetDataLakePrincipalOutput, error) {
			return &api.GetDataLakePrincipalOutput{Identity: &c.Principal}, nil
		}),
	}
}

func under(member string, names ...string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = member + "." + n
	}
	return out
}

func (d *door) getSettings(ctx context.Context, c access.Caller, in *api.GetDataLakeSettingsInput) (*api.GetDataLakeSettingsOutput, error) {
	if err := account(c, in.CatalogId); err != nil {
		return nil, err
	}
	set, err := d.f.Settings(ctx, c)
	if err != nil {
		return nil, err
	}
	no := false
	return &api.GetDataLakeSettingsOutput{DataLakeSettings: &types.DataLakeSettings{
		DataLakeAdmins: principals(set.Admins), ReadOnlyAdmins: principals(set.ReadOnlyAdmins),
		CreateDatabaseDefaultPermissions: defaults(set.OpenDatabases), CreateTableDefaultPermissions: defaults(set.OpenTables),
		AllowFullTableExternalDataAccess: &set.FullTableAccess, AllowExternalDataFiltering: &no, Parameters: set.Parameters,
		TrustedResourceOwners: set.TrustedOwners, ExternalDataFilteringAllowList: []types.DataLakePrincipal{}, AuthorizedSessionTagValueList: []string{},
	}}, nil
}

func (d *door) putSettings(ctx context.Context, c access.Caller, in *api.PutDataLakeSettingsInput) (*api.PutDataLakeSettingsOutput, error) {
	if err := account(c, in.CatalogId); err != nil {
		return nil, err
	}
	s := in.DataLakeSettings
	set := formation.Settings{FullTableAccess: yes(s.AllowFullTableExternalDataAccess), Parameters: s.Parameters, TrustedOwners: s.TrustedResourceOwners}
	if yes(s.AllowExternalDataFiltering) || len(s.ExternalDataFilteringAllowList) > 0 || len(s.AuthorizedSessionTagValueList) > 0 {
		return nil, unbuilt("AllowExternalDataFiltering", "rows and columns are filtered by flowlake's own engine alone; AllowFullTableExternalDataAccess lets others read whole tables")
	}
	for key, value := range s.Parameters {
		switch {
		case key == "CROSS_ACCOUNT_VERSION" && len(value) == 1 && value[0] >= '1' && value[0] <= '5':
		case key == "SET_SOURCE_IDENTITY" && (value == "FALSE" || value == "false"):
		case key == "SET_SOURCE_IDENTITY":
			return nil, unbuilt("Parameters SET_SOURCE_IDENTITY", "the audit log names the caller of each read already")
		default:
			return nil, fault.Newf(fault.Invalid, "Parameters "+key, "%q is no value of a known parameter: CROSS_ACCOUNT_VERSION is 1 to 5", value)
		}
	}
	for _, p := range s.DataLakeAdmins {
		set.Admins = append(set.Admins, formation.Principal{ARN: principal(&p)})
	}
	for _, p := range s.ReadOnlyAdmins {
		set.ReadOnlyAdmins = append(set.ReadOnlyAdmins, formation.Principal{ARN: principal(&p)})
	}
	var err error
	if set.OpenDatabases, err = open("CreateDatabaseDefaultPermissions", s.CreateDatabaseDefaultPermissions); err != nil {
		return nil, err
	}
	if set.OpenTables, err = open("CreateTableDefaultPermissions", s.CreateTableDefaultPermissions); err != nil {
		return nil, err
	}
	return nil, d.f.PutSettings(ctx, c, set)
}

// defaults are default permissions: ALL to IAM_ALLOWED_PRINCIPALS, or none.
func defaults(open bool) []types.PrincipalPermissions {
	if !open {
		return []types.PrincipalPermissions{}
	}
	all := formation.IAMAllowed
	return []types.PrincipalPermissions{{Principal: &types.DataLakePrincipal{DataLakePrincipalIdentifier: &all}, Permissions: []types.Permission{types.PermissionAll}}}
}

// open reads default permissions.
func open(member string, list []types.PrincipalPermissions) (bool, error) {
	if len(list) == 0 {
		return false, nil
	}
	if len(list) > 1 || principal(list[0].Principal) != formation.IAMAllowed || !slices.Equal(list[0].Permissions, []types.Permission{types.PermissionAll}) {
		return false, fault.Newf(fault.Invalid, member, "is empty, or ALL for %s alone", formation.IAMAllowed)
	}
	return true, nil
}
