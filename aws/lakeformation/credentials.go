package lakeformation

import (
	"context"
	"slices"
	"strings"
	"time"

	api "github.com/aws/aws-sdk-go-v2/service/lakeformation"
	"github.com/aws/aws-sdk-go-v2/service/lakeformation/types"

	"flowlake/access"
	"flowlake/aws/wire"
	"flowlake/fault"
)

func (d *door) credentials() []wire.Operation {
	return []wire.Operation{
		wire.Op("GetTemporaryGlueTableCredentials", wire.Row[api.GetTemporaryGlueTableCredentialsInput]{
			Permissions: permit[api.GetTemporaryGlueTableCredentialsInput]("GetDataAccess"),
			Honoured:    []string{"TableArn", "Permissions", "DurationSeconds", "SupportedPermissionTypes"}, Required: []string{"TableArn"},
		}, d.tableCredentials),
	}
}

func (d *door) tableCredentials(ctx context.Context, c access.Caller, in *api.GetTemporaryGlueTableCredentialsInput) (*api.GetTemporaryGlueTableCredentialsOutput, error) {
	path, ok := strings.CutPrefix(*in.TableArn, c.ARN("glue", "table/"))
	database, table, two := strings.Cut(path, "/")
	if !ok || !two || database == "" || table == "" || strings.Contains(table, "/") {
		return nil, fault.Newf(fault.Invalid, "TableArn "+*in.TableArn, "is not the ARN of a table: %s", c.ARN("glue", "table/<database>/<table>"))
	}
	if len(in.SupportedPermissionTypes) > 0 && !slices.Contains(in.SupportedPermissionTypes, types.PermissionTypeColumnPermission) {
		return nil, &wire.Error{Code: "PermissionTypeMismatchException", Message: "flowlake gives credentials for whole tables: SupportedPermissionTypes has COLUMN_PERMISSION, or is left out"}
	}
	var duration time.Duration
	if in.DurationSeconds != nil {
		if duration = time.Duration(*in.DurationSeconds) * time.Second; duration <= 0 {
			return nil, fault.Newf(fault.Invalid, "DurationSeconds", "%d is not positive", *in.DurationSeconds)
		}
	}
	made, err := d.f.TableCredentials(ctx, c, database, table, permissionsOf(in.Permissions), duration)
	if err != nil {
		return nil, err
	}
	return &api.GetTemporaryGlueTableCredentialsOutput{AccessKeyId: &made.ID, SecretAccessKey: &made.Secret, SessionToken: &made.Token, Expiration: &made.Expires}, nil
}
