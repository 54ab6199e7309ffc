package iam

import (
	"context"

	api "github.com/aws/aws-sdk-go-v2/service/iam"

	"flowlake/access"
	"flowlake/access/identity"
	"flowlake/aws/wire"
)

// boundaries bound users and roles.
func (d *door) boundaries() []wire.Operation {
	put := func(on string) row { return row{on: on, needs: []string{members[on], "PermissionsBoundary"}} }
	remove := func(on string) row { return row{on: on, bounded: true, needs: []string{members[on]}} }
	return []wire.Operation{
		op(d, "PutUserPermissionsBoundary", put(user), func(ctx context.Context, c access.Caller, in *api.PutUserPermissionsBoundaryInput) (*api.PutUserPermissionsBoundaryOutput, error) {
			return nil, d.bound(ctx, identity.User, *in.UserName, *in.PermissionsBoundary)
		}),
		op(d, "PutRolePermissionsBoundary", put(role), func(ctx context.Context, c access.Caller, in *api.PutRolePermissionsBoundaryInput) (*api.PutRolePermissionsBoundaryOutput, error) {
			return nil, d.bound(ctx, identity.Role, *in.RoleName, *in.PermissionsBoundary)
		}),
		op(d, "DeleteUserPermissionsBoundary", remove(user), func(ctx context.Context, c access.Caller, in *api.DeleteUserPermissionsBoundaryInput) (*api.DeleteUserPermissionsBoundaryOutput, error) {
			return nil, d.ids.SetBoundary(ctx, identity.User, *in.UserName, "")
		}),
		op(d, "DeleteRolePermissionsBoundary", remove(role), func(ctx context.Context, c access.Caller, in *api.DeleteRolePermissionsBoundaryInput) (*api.DeleteRolePermissionsBoundaryOutput, error) {
			return nil, d.ids.SetBoundary(ctx, identity.Role, *in.RoleName, "")
		}),
	}
}

func (d *door) bound(ctx context.Context, kind identity.Kind, name, arn string) error {
	if err := checkARN(arn); err != nil {
		return err
	}
	return d.ids.SetBoundary(ctx, kind, name, arn)
}
