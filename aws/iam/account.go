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
)

// account is what is known of the account as a whole.
func (d *door) account() []wire.Operation {
	return []wire.Operation{
		op(d, "CreateAccountAlias", row{on: anyOne, needs: []string{"AccountAlias"}},
			func(ctx context.Context, c access.Caller, in *api.CreateAccountAliasInput) (*api.CreateAccountAliasOutput, error) {
				return nil, d.ids.SetAlias(ctx, *in.AccountAlias)
			}),
		op(d, "DeleteAccountAlias", row{on: anyOne, needs: []string{"AccountAlias"}},
			func(ctx context.Context, c access.Caller, in *api.DeleteAccountAliasInput) (*api.DeleteAccountAliasOutput, error) {
				return nil, d.ids.DeleteAlias(ctx, *in.AccountAlias)
			}),
		op(d, "ListAccountAliases", row{on: anyOne, takes: []string{"Marker", "MaxItems"}},
			func(ctx context.Context, c access.Caller, in *api.ListAccountAliasesInput) (*api.ListAccountAliasesOutput, error) {
				var all []string
				alias, err := d.ids.Alias(ctx)
				if err != nil {
					return nil, err
				}
				if alias != "" {
					all = append(all, alias)
				}
				names, more, marker, err := page("ListAccountAliases", all, itself, in.Marker, in.MaxItems)
				return &api.ListAccountAliasesOutput{AccountAliases: names, IsTruncated: more, Marker: marker}, err
			}),
		op(d, "GetAccountSummary", row{on: anyOne},
			func(ctx context.Context, c access.Caller, in *api.GetAccountSummaryInput) (*api.GetAccountSummaryOutput, error) {
				counts, err := d.ids.Summary(ctx)
				if err != nil {
					return nil, err
				}
				out := &api.GetAccountSummaryOutput{SummaryMap: map[string]int32{}}
				for name, n := range counts {
					out.SummaryMap[name] = int32(n)
				}
				return out, nil
			}),
		op(d, "GetAccountAuthorizationDetails", row{on: anyOne, takes: []string{"Filter", "Marker", "MaxItems"}}, d.authorizationDetails),
	}
}

// detail is one element of the account's details.
type detail struct {
	entity identity.Entity
	policy *identity.Policy // a managed policy instead
}

// place orders details: a page goes on where the one before ended, whatever came and went.
func (d detail) place() string {
	if d.policy != nil {
		return "policy/" + d.policy.ARN
	}
	return kindAndName(d.entity)
}

func (d *door) authorizationDetails(ctx context.Context, c access.Caller, in *api.GetAccountAuthorizationDetailsInput) (*api.GetAccountAuthorizationDetailsOutput, error) {
	wanted := func(t types.EntityType) bool { return len(in.Filter) == 0 || slices.Contains(in.Filter, t) }
	var all []detail
	for filter, kind := range entityKinds {
		if !wanted(filter) {
			continue
		}
		found, err := d.ids.List(ctx, kind, "")
		if err != nil {
			return nil, err
		}
		for _, e := range found {
			all = append(all, detail{entity: e})
		}
	}
	policies, err := d.ids.Policies(ctx)
	if err != nil {
		return nil, err
	}
	for _, p := range policies {
		if p.AWS && wanted(types.EntityTypeAWSManagedPolicy) || !p.AWS && wanted(types.EntityTypeLocalManagedPolicy) {
			all = append(all, detail{policy: &p})
		}
	}
	filters := slices.Sorted(slices.Values(in.Filter))
	listing := "GetAccountAuthorizationDetails"
	for _, f := range filters {
		listing += " " + string(f)
	}
	out := &api.GetAccountAuthorizationDetailsOutput{UserDetailList: []types.UserDetail{}, GroupDetailList: []types.GroupDetail{}, RoleDetailList: []types.RoleDetail{}, Policies: []types.ManagedPolicyDetail{}}
	all, out.IsTruncated, out.Marker, err = page(listing, all, detail.place, in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	for _, one := range all {
		e := one.entity
		inline, attached := toInline(e), each(e.Attached, toAttached)
		switch e.Kind {
		case identity.User:
			out.UserDetailList = append(out.UserDetailList, types.UserDetail{Arn: to(e.ARN), UserId: to(e.ID), UserName: to(e.Name), Path: to(e.Path), CreateDate: instant(e.Created),
				GroupList: each(e.Groups, itself), UserPolicyList: inline, AttachedManagedPolicies: attached, PermissionsBoundary: toBoundary(e.Boundary), Tags: toTags(e.Tags)})
		case identity.Group:
			out.GroupDetailList = append(out.GroupDetailList, types.GroupDetail{Arn: to(e.ARN), GroupId: to(e.ID), GroupName: to(e.Name), Path: to(e.Path), CreateDate: instant(e.Created),
				GroupPolicyList: inline, AttachedManagedPolicies: attached})
		case identity.Role:
			out.RoleDetailList = append(out.RoleDetailList, types.RoleDetail{Arn: to(e.ARN), RoleId: to(e.ID), RoleName: to(e.Name), Path: to(e.Path), CreateDate: instant(e.Created),
				AssumeRolePolicyDocument: escaped(e.Trust), RolePolicyList: inline, AttachedManagedPolicies: attached, PermissionsBoundary: toBoundary(e.Boundary), Tags: toTags(e.Tags),
				RoleLastUsed: toRoleUse(e.LastUsed), InstanceProfileList: []types.InstanceProfile{}})
		default:
			out.Policies = append(out.Policies, toPolicyDetail(*one.policy))
		}
	}
	return out, nil
}

var entityKinds = map[types.EntityType]identity.Kind{types.EntityTypeUser: identity.User, types.EntityTypeGroup: identity.Group, types.EntityTypeRole: identity.Role}

// toInline lists an entity's inline policies in the order of their names.
func toInline(e identity.Entity) []types.PolicyDetail {
	list := make([]types.PolicyDetail, 0, len(e.Inline))
	for name, document := range e.Inline {
		list = append(list, types.PolicyDetail{PolicyName: to(name), PolicyDocument: escaped(document)})
	}
	slices.SortFunc(list, func(a, b types.PolicyDetail) int { return strings.Compare(*a.PolicyName, *b.PolicyName) })
	return list
}

func toPolicyDetail(p identity.Policy) types.ManagedPolicyDetail {
	of := toPolicy(p)
	return types.ManagedPolicyDetail{Arn: of.Arn, PolicyId: of.PolicyId, PolicyName: of.PolicyName, Path: of.Path, Description: of.Description, DefaultVersionId: of.DefaultVersionId,
		IsAttachable: of.IsAttachable, AttachmentCount: of.AttachmentCount, PermissionsBoundaryUsageCount: of.PermissionsBoundaryUsageCount, CreateDate: of.CreateDate, UpdateDate: of.UpdateDate,
		PolicyVersionList: each(p.Versions, func(v identity.Version) types.PolicyVersion { return toVersion(v, true) })}
}
