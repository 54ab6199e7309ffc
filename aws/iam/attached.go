package iam

import (
	"context"
	"slices"
	"strings"

	api "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"flowlake/access"
	"flowlake/access/identity"
	"flowlake/aws/wire"
	"flowlake/fault"
)

// attached are the managed policies of users, groups and roles.
func (d *door) attached() []wire.Operation {
	change := func(on string) row {
		return row{on: on, bounded: on != group, needs: []string{members[on], "PolicyArn"}}
	}
	list := func(on string) row {
		return row{on: on, needs: []string{members[on]}, takes: []string{"Marker", "MaxItems", "PathPrefix"}}
	}
	return []wire.Operation{
		op(d, "AttachUserPolicy", change(user), func(ctx context.Context, c access.Caller, in *api.AttachUserPolicyInput) (*api.AttachUserPolicyOutput, error) {
			return nil, d.attach(ctx, identity.User, *in.UserName, *in.PolicyArn)
		}),
		op(d, "AttachGroupPolicy", change(group), func(ctx context.Context, c access.Caller, in *api.AttachGroupPolicyInput) (*api.AttachGroupPolicyOutput, error) {
			return nil, d.attach(ctx, identity.Group, *in.GroupName, *in.PolicyArn)
		}),
		op(d, "AttachRolePolicy", change(role), func(ctx context.Context, c access.Caller, in *api.AttachRolePolicyInput) (*api.AttachRolePolicyOutput, error) {
			return nil, d.attach(ctx, identity.Role, *in.RoleName, *in.PolicyArn)
		}),
		op(d, "DetachUserPolicy", change(user), func(ctx context.Context, c access.Caller, in *api.DetachUserPolicyInput) (*api.DetachUserPolicyOutput, error) {
			return nil, d.ids.Detach(ctx, identity.User, *in.UserName, *in.PolicyArn)
		}),
		op(d, "DetachGroupPolicy", change(group), func(ctx context.Context, c access.Caller, in *api.DetachGroupPolicyInput) (*api.DetachGroupPolicyOutput, error) {
			return nil, d.ids.Detach(ctx, identity.Group, *in.GroupName, *in.PolicyArn)
		}),
		op(d, "DetachRolePolicy", change(role), func(ctx context.Context, c access.Caller, in *api.DetachRolePolicyInput) (*api.DetachRolePolicyOutput, error) {
			return nil, d.ids.Detach(ctx, identity.Role, *in.RoleName, *in.PolicyArn)
		}),
		op(d, "ListAttachedUserPolicies", list(user), func(ctx context.Context, c access.Caller, in *api.ListAttachedUserPoliciesInput) (*api.ListAttachedUserPoliciesOutput, error) {
			list, more, marker, err := d.listAttached(ctx, identity.User, *in.UserName, in.PathPrefix, in.Marker, in.MaxItems)
			return &api.ListAttachedUserPoliciesOutput{AttachedPolicies: list, IsTruncated: more, Marker: marker}, err
		}),
		op(d, "ListAttachedGroupPolicies", list(group), func(ctx context.Context, c access.Caller, in *api.ListAttachedGroupPoliciesInput) (*api.ListAttachedGroupPoliciesOutput, error) {
			list, more, marker, err := d.listAttached(ctx, identity.Group, *in.GroupName, in.PathPrefix, in.Marker, in.MaxItems)
			return &api.ListAttachedGroupPoliciesOutput{AttachedPolicies: list, IsTruncated: more, Marker: marker}, err
		}),
		op(d, "ListAttachedRolePolicies", list(role), func(ctx context.Context, c access.Caller, in *api.ListAttachedRolePoliciesInput) (*api.ListAttachedRolePoliciesOutput, error) {
			list, more, marker, err := d.listAttached(ctx, identity.Role, *in.RoleName, in.PathPrefix, in.Marker, in.MaxItems)
			return &api.ListAttachedRolePoliciesOutput{AttachedPolicies: list, IsTruncated: more, Marker: marker}, err
		}),
	}
}

func (d *door) attach(ctx context.Context, kind identity.Kind, name, arn string) error {
	if err := checkARN(arn); err != nil {
		return err
	}
	err := d.ids.Attach(ctx, kind, name, arn)
	if fault.Is(err, fault.Conflict) && fault.HasNoun(err, "policy") { // here it is not one of deleting
		return fault.Newf(fault.Conflict, "attachment", "Policy %s cannot be attached: it is a service-linked role's.", arn)
	}
	return err
}

// checkARN refuses what is no ARN at all, as AWS does before it looks for the policy.
func checkARN(arn string) error {
	if !strings.HasPrefix(arn, "arn:") {
		return fault.Newf(fault.Invalid, "member policyArn", "ARN %s is not valid.", arn)
	}
	return nil
}

func (d *door) listAttached(ctx context.Context, kind identity.Kind, name string, prefix, marker *string, most *int32) ([]types.AttachedPolicy, bool, *string, error) {
	if prefix != nil && !isPath(*prefix) {
		return nil, false, nil, badPrefix(*prefix)
	}
	e, err := d.ids.Get(ctx, kind, name)
	if err != nil {
		return nil, false, nil, err
	}
	arns := slices.DeleteFunc(e.Attached, func(arn string) bool { return prefix != nil && !strings.HasPrefix(policyPath(arn), *prefix) })
	arns, more, next, err := page("attached "+e.ARN+" "+text(prefix), arns, itself, marker, most)
	return each(arns, toAttached), more, next, err
}

func itself(s string) string { return s }
