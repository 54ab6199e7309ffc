package iam

import (
	"context"
	"maps"
	"slices"

	api "github.com/aws/aws-sdk-go-v2/service/iam"

	"flowlake/access"
	"flowlake/access/identity"
	"flowlake/aws/wire"
)

// inline are the policies that lie within users, groups and roles.
func (d *door) inline() []wire.Operation {
	put := func(on string) row {
		return row{on: on, bounded: on != group, needs: []string{members[on], "PolicyName", "PolicyDocument"}}
	}
	remove := func(on string) row {
		return row{on: on, bounded: on != group, needs: []string{members[on], "PolicyName"}}
	}
	get := func(on string) row { return row{on: on, needs: []string{members[on], "PolicyName"}} }
	list := func(on string) row {
		return row{on: on, needs: []string{members[on]}, takes: []string{"Marker", "MaxItems"}}
	}
	return []wire.Operation{
		op(d, "PutUserPolicy", put(user), func(ctx context.Context, c access.Caller, in *api.PutUserPolicyInput) (*api.PutUserPolicyOutput, error) {
			return nil, d.ids.PutInline(ctx, identity.User, *in.UserName, *in.PolicyName, *in.PolicyDocument)
		}),
		op(d, "PutGroupPolicy", put(group), func(ctx context.Context, c access.Caller, in *api.PutGroupPolicyInput) (*api.PutGroupPolicyOutput, error) {
			return nil, d.ids.PutInline(ctx, identity.Group, *in.GroupName, *in.PolicyName, *in.PolicyDocument)
		}),
		op(d, "PutRolePolicy", put(role), func(ctx context.Context, c access.Caller, in *api.PutRolePolicyInput) (*api.PutRolePolicyOutput, error) {
			return nil, d.ids.PutInline(ctx, identity.Role, *in.RoleName, *in.PolicyName, *in.PolicyDocument)
		}),
		op(d, "GetUserPolicy", get(user), func(ctx context.Context, c access.Caller, in *api.GetUserPolicyInput) (*api.GetUserPolicyOutput, error) {
			document, err := d.ids.Inline(ctx, identity.User, *in.UserName, *in.PolicyName)
			return &api.GetUserPolicyOutput{UserName: in.UserName, PolicyName: in.PolicyName, PolicyDocument: escaped(document)}, err
		}),
		op(d, "GetGroupPolicy", get(group), func(ctx context.Context, c access.Caller, in *api.GetGroupPolicyInput) (*api.GetGroupPolicyOutput, error) {
			document, err := d.ids.Inline(ctx, identity.Group, *in.GroupName, *in.PolicyName)
			return &api.GetGroupPolicyOutput{GroupName: in.GroupName, PolicyName: in.PolicyName, PolicyDocument: escaped(document)}, err
		}),
		op(d, "GetRolePolicy", get(role), func(ctx context.Context, c access.Caller, in *api.GetRolePolicyInput) (*api.GetRolePolicyOutput, error) {
			document, err := d.ids.Inline(ctx, identity.Role, *in.RoleName, *in.PolicyName)
			return &api.GetRolePolicyOutput{RoleName: in.RoleName, PolicyName: in.PolicyName, PolicyDocument: escaped(document)}, err
		}),
		op(d, "DeleteUserPolicy", remove(user), func(ctx context.Context, c access.Caller, in *api.DeleteUserPolicyInput) (*api.DeleteUserPolicyOutput, error) {
			return nil, d.ids.DeleteInline(ctx, identity.User, *in.UserName, *in.PolicyName)
		}),
		op(d, "DeleteGroupPolicy", remove(group), func(ctx context.Context, c access.Caller, in *api.DeleteGroupPolicyInput) (*api.DeleteGroupPolicyOutput, error) {
			return nil, d.ids.DeleteInline(ctx, identity.Group, *in.GroupName, *in.PolicyName)
		}),
		op(d, "DeleteRolePolicy", remove(role), func(ctx context.Context, c access.Caller, in *api.DeleteRolePolicyInput) (*api.DeleteRolePolicyOutput, error) {
			return nil, d.ids.DeleteInline(ctx, identity.Role, *in.RoleName, *in.PolicyName)
		}),
		op(d, "ListUserPolicies", list(user), func(ctx context.Context, c access.Caller, in *api.ListUserPoliciesInput) (*api.ListUserPoliciesOutput, error) {
			names, more, marker, err := d.listInline(ctx, identity.User, *in.UserName, in.Marker, in.MaxItems)
			return &api.ListUserPoliciesOutput{PolicyNames: names, IsTruncated: more, Marker: marker}, err
		}),
		op(d, "ListGroupPolicies", list(group), func(ctx context.Context, c access.Caller, in *api.ListGroupPoliciesInput) (*api.ListGroupPoliciesOutput, error) {
			names, more, marker, err := d.listInline(ctx, identity.Group, *in.GroupName, in.Marker, in.MaxItems)
			return &api.ListGroupPoliciesOutput{PolicyNames: names, IsTruncated: more, Marker: marker}, err
		}),
		op(d, "ListRolePolicies", list(role), func(ctx context.Context, c access.Caller, in *api.ListRolePoliciesInput) (*api.ListRolePoliciesOutput, error) {
			names, more, marker, err := d.listInline(ctx, identity.Role, *in.RoleName, in.Marker, in.MaxItems)
			return &api.ListRolePoliciesOutput{PolicyNames: names, IsTruncated: more, Marker: marker}, err
		}),
	}
}

func (d *door) listInline(ctx context.Context, kind identity.Kind, name string, marker *string, most *int32) ([]string, bool, *string, error) {
	e, err := d.ids.Get(ctx, kind, name)
	if err != nil {
		return nil, false, nil, err
	}
	return page("inline "+e.ARN, slices.Collect(maps.Keys(e.Inline)), itself, marker, most)
}
