package iam

import (
	"context"
	"time"

	api "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"flowlake/access"
	"flowlake/access/identity"
	"flowlake/aws/wire"
	"flowlake/fault"
)

func (d *door) roles() []wire.Operation {
	return []wire.Operation{
		op(d, "CreateRole", row{on: role, tagging: "iam:TagRole", needs: []string{"RoleName", "AssumeRolePolicyDocument"},
			takes: []string{"Description", "MaxSessionDuration", "Path", "PermissionsBoundary", "Tags"}}, d.createRole),
		op(d, "GetRole", row{on: role, needs: []string{"RoleName"}},
			func(ctx context.Context, c access.Caller, in *api.GetRoleInput) (*api.GetRoleOutput, error) {
				e, err := d.ids.Get(ctx, identity.Role, *in.RoleName)
				if err != nil {
					return nil, err
				}
				return &api.GetRoleOutput{Role: to(toRole(e))}, nil
			}),
		op(d, "UpdateRole", row{on: role, needs: []string{"RoleName"}, takes: []string{"Description", "MaxSessionDuration"}},
			func(ctx context.Context, c access.Caller, in *api.UpdateRoleInput) (*api.UpdateRoleOutput, error) {
				session, err := sessionTime(in.MaxSessionDuration)
				if err != nil {
					return nil, err
				}
				return nil, d.ids.UpdateRole(ctx, *in.RoleName, in.Description, session)
			}),
		op(d, "UpdateRoleDescription", row{on: role, needs: []string{"RoleName", "Description"}, empty: []string{"Description"}},
			func(ctx context.Context, c access.Caller, in *api.UpdateRoleDescriptionInput) (*api.UpdateRoleDescriptionOutput, error) {
				if err := d.ids.UpdateRole(ctx, *in.RoleName, in.Description, nil); err != nil {
					return nil, err
				}
				e, err := d.ids.Get(ctx, identity.Role, *in.RoleName)
				if err != nil {
					return nil, err
				}
				return &api.UpdateRoleDescriptionOutput{Role: to(toRole(e))}, nil
			}),
		op(d, "UpdateAssumeRolePolicy", row{on: role, needs: []string{"RoleName", "PolicyDocument"}},
			func(ctx context.Context, c access.Caller, in *api.UpdateAssumeRolePolicyInput) (*api.UpdateAssumeRolePolicyOutput, error) {
				return nil, d.ids.UpdateTrust(ctx, *in.RoleName, *in.PolicyDocument)
			}),
		op(d, "DeleteRole", row{on: role, needs: []string{"RoleName"}},
			func(ctx context.Context, c access.Caller, in *api.DeleteRoleInput) (*api.DeleteRoleOutput, error) {
				return nil, d.ids.Delete(ctx, identity.Role, *in.RoleName)
			}),
		op(d, "ListRoles", row{on: anyOne, takes: []string{"Marker", "MaxItems", "PathPrefix"}}, d.listRoles),
	}
}

// sessionTime reads a role's longest session.
func sessionTime(seconds *int32) (*time.Duration, error) {
	if seconds == nil {
		return nil, nil
	}
	if *seconds < 3600 || *seconds > 43200 {
		return nil, fault.Newf(fault.Invalid, "member maxSessionDuration", "Value '%d' at 'maxSessionDuration' failed to satisfy constraint: Member must be between 3600 and 43200", *seconds)
	}
	return to(time.Duration(*seconds) * time.Second), nil
}

func (d *door) createRole(ctx context.Context, c access.Caller, in *api.CreateRoleInput) (*api.CreateRoleOutput, error) {
	session, err := sessionTime(in.MaxSessionDuration)
	if err != nil {
		return nil, err
	}
	n := identity.New{Name: *in.RoleName, Path: text(in.Path), Tags: fromTags(in.Tags), Boundary: text(in.PermissionsBoundary), Description: text(in.Description), Trust: *in.AssumeRolePolicyDocument}
	if session != nil {
		n.MaxSession = *session
	}
	made, err := d.ids.Create(ctx, identity.Role, n)
	if err != nil {
		return nil, err
	}
	return &api.CreateRoleOutput{Role: to(toRole(made))}, nil
}

func (d *door) listRoles(ctx context.Context, c access.Caller, in *api.ListRolesInput) (*api.ListRolesOutput, error) {
	all, err := d.entities(ctx, identity.Role, in.PathPrefix)
	if err != nil {
		return nil, err
	}
	out := &api.ListRolesOutput{}
	all, out.IsTruncated, out.Marker, err = page("ListRoles "+text(in.PathPrefix), all, entityName, in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	out.Roles = each(all, func(e identity.Entity) types.Role { return briefRole(toRole(e)) })
	return out, nil
}
