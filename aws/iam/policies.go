package iam

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	api "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"flowlake/access"
	"flowlake/access/identity"
	"flowlake/aws/wire"
	"flowlake/fault"
)

func (d *door) policies() []wire.Operation {
	return []wire.Operation{
		op(d, "CreatePolicy", row{on: pol, name: "PolicyName", tagging: "iam:TagPolicy", needs: []string{"PolicyName", "PolicyDocument"}, takes: []string{"Description", "Path", "Tags"}}, d.createPolicy),
		op(d, "GetPolicy", row{on: pol, needs: []string{"PolicyArn"}},
			func(ctx context.Context, c access.Caller, in *api.GetPolicyInput) (*api.GetPolicyOutput, error) {
				p, err := d.ids.Policy(ctx, *in.PolicyArn)
				if err != nil {
					return nil, err
				}
				return &api.GetPolicyOutput{Policy: to(toPolicy(p))}, nil
			}),
		op(d, "DeletePolicy", row{on: pol, needs: []string{"PolicyArn"}},
			func(ctx context.Context, c access.Caller, in *api.DeletePolicyInput) (*api.DeletePolicyOutput, error) {
				return nil, d.ids.DeletePolicy(ctx, *in.PolicyArn)
			}),
		op(d, "ListPolicies", row{on: anyOne, takes: []string{"Marker", "MaxItems", "OnlyAttached", "PathPrefix", "PolicyUsageFilter", "Scope"}}, d.listPolicies),
		op(d, "ListEntitiesForPolicy", row{on: pol, needs: []string{"PolicyArn"}, takes: []string{"EntityFilter", "Marker", "MaxItems", "PathPrefix", "PolicyUsageFilter"}}, d.listEntities),
	}
}

func (d *door) createPolicy(ctx context.Context, c access.Caller, in *api.CreatePolicyInput) (*api.CreatePolicyOutput, error) {
	made, err := d.ids.CreatePolicy(ctx, identity.NewPolicy{Name: *in.PolicyName, Path: text(in.Path), Description: text(in.Description), Document: *in.PolicyDocument, Tags: fromTags(in.Tags)})
	if err != nil {
		return nil, err
	}
	return &api.CreatePolicyOutput{Policy: to(toPolicy(made))}, nil
}

// listPolicies lists the account's policies and AWS's, as Scope has it.
func (d *door) listPolicies(ctx context.Context, c access.Caller, in *api.ListPoliciesInput) (*api.ListPoliciesOutput, error) {
	if in.PathPrefix != nil && !isPath(*in.PathPrefix) {
		return nil, badPrefix(*in.PathPrefix)
	}
	all, err := d.ids.Policies(ctx)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(p identity.Policy) bool {
		used := p.Attachments + p.Boundaries
		switch in.PolicyUsageFilter {
		case types.PolicyUsageTypePermissionsPolicy:
			used = p.Attachments
		case types.PolicyUsageTypePermissionsBoundary:
			used = p.Boundaries
		}
		return in.Scope == types.PolicyScopeTypeAws && !p.AWS || in.Scope == types.PolicyScopeTypeLocal && p.AWS ||
			!strings.HasPrefix(p.Path, text(in.PathPrefix)) || (in.OnlyAttached || in.PolicyUsageFilter != "") && used == 0
	})
	out := &api.ListPoliciesOutput{}
	listing := strings.Join([]string{"ListPolicies", string(in.Scope), string(in.PolicyUsageFilter), text(in.PathPrefix)}, " ")
	if in.OnlyAttached {
		listing += " attached"
	}
	all, out.IsTruncated, out.Marker, err = page(listing, all, func(p identity.Policy) string { return p.ARN }, in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	out.Policies = each(all, func(p identity.Policy) types.Policy {
		listed := toPolicy(p)
		listed.Tags, listed.Description = nil, nil
		return listed
	})
	return out, nil
}

// listEntities lists the users, groups and roles that a policy is attached to or bounds.
func (d *door) listEntities(ctx context.Context, c access.Caller, in *api.ListEntitiesForPolicyInput) (*api.ListEntitiesForPolicyOutput, error) {
	if in.PathPrefix != nil && !isPath(*in.PathPrefix) {
		return nil, badPrefix(*in.PathPrefix)
	}
	p, err := d.ids.Policy(ctx, *in.PolicyArn)
	if err != nil {
		return nil, err
	}
	var all []identity.Entity
	for filter, kind := range entityKinds {
		if in.EntityFilter != "" && in.EntityFilter != filter {
			continue
		}
		found, err := d.ids.List(ctx, kind, text(in.PathPrefix))
		if err != nil {
			return nil, err
		}
		for _, e := range found {
			attached := slices.Contains(e.Attached, p.ARN) && in.PolicyUsageFilter != types.PolicyUsageTypePermissionsBoundary
			bounds := e.Boundary == p.ARN && in.PolicyUsageFilter != types.PolicyUsageTypePermissionsPolicy
			if attached || bounds {
				all = append(all, e)
			}
		}
	}
	out := &api.ListEntitiesForPolicyOutput{PolicyGroups: []types.PolicyGroup{}, PolicyRoles: []types.PolicyRole{}, PolicyUsers: []types.PolicyUser{}}
	listing := strings.Join([]string{"ListEntitiesForPolicy", p.ARN, string(in.EntityFilter), string(in.PolicyUsageFilter), text(in.PathPrefix)}, " ")
	all, out.IsTruncated, out.Marker, err = page(listing, all, kindAndName, in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	for _, e := range all {
		switch e.Kind {
		case identity.User:
			out.PolicyUsers = append(out.PolicyUsers, types.PolicyUser{UserId: to(e.ID), UserName: to(e.Name)})
		case identity.Group:
			out.PolicyGroups = append(out.PolicyGroups, types.PolicyGroup{GroupId: to(e.ID), GroupName: to(e.Name)})
		case identity.Role:
			out.PolicyRoles = append(out.PolicyRoles, types.PolicyRole{RoleId: to(e.ID), RoleName: to(e.Name)})
		}
	}
	return out, nil
}

// kindAndName orders things of several kinds.
func kindAndName(e identity.Entity) string { return e.Kind.String() + "/" + e.Name }

// versions are those of a managed policy.
func (d *door) versions() []wire.Operation {
	return []wire.Operation{
		op(d, "CreatePolicyVersion", row{on: pol, needs: []string{"PolicyArn", "PolicyDocument"}, takes: []string{"SetAsDefault"}},
			func(ctx context.Context, c access.Caller, in *api.CreatePolicyVersionInput) (*api.CreatePolicyVersionOutput, error) {
				v, err := d.ids.CreateVersion(ctx, *in.PolicyArn, *in.PolicyDocument, in.SetAsDefault)
				if err != nil {
					return nil, err
				}
				return &api.CreatePolicyVersionOutput{PolicyVersion: to(toVersion(v, false))}, nil
			}),
		op(d, "GetPolicyVersion", row{on: pol, needs: []string{"PolicyArn", "VersionId"}},
			func(ctx context.Context, c access.Caller, in *api.GetPolicyVersionInput) (*api.GetPolicyVersionOutput, error) {
				p, err := d.ids.Policy(ctx, *in.PolicyArn)
				if err != nil {
					return nil, err
				}
				i := slices.IndexFunc(p.Versions, func(v identity.Version) bool { return v.ID == *in.VersionId })
				if i < 0 {
					return nil, noVersion(p, *in.VersionId)
				}
				return &api.GetPolicyVersionOutput{PolicyVersion: to(toVersion(p.Versions[i], true))}, nil
			}),
		op(d, "ListPolicyVersions", row{on: pol, needs: []string{"PolicyArn"}, takes: []string{"Marker", "MaxItems"}}, d.listVersions),
		op(d, "SetDefaultPolicyVersion", row{on: pol, needs: []string{"PolicyArn", "VersionId"}},
			func(ctx context.Context, c access.Caller, in *api.SetDefaultPolicyVersionInput) (*api.SetDefaultPolicyVersionOutput, error) {
				return nil, d.ids.SetDefault(ctx, *in.PolicyArn, *in.VersionId)
			}),
		op(d, "DeletePolicyVersion", row{on: pol, needs: []string{"PolicyArn", "VersionId"}},
			func(ctx context.Context, c access.Caller, in *api.DeletePolicyVersionInput) (*api.DeletePolicyVersionOutput, error) {
				return nil, d.ids.DeleteVersion(ctx, *in.PolicyArn, *in.VersionId)
			}),
	}
}

func noVersion(p identity.Policy, id string) error {
	return fault.Newf(fault.NotFound, "policy "+p.ARN, "Policy %s version %s does not exist or is not attachable.", p.ARN, id)
}

// listVersions lists the newest first.
func (d *door) listVersions(ctx context.Context, c access.Caller, in *api.ListPolicyVersionsInput) (*api.ListPolicyVersionsOutput, error) {
	p, err := d.ids.Policy(ctx, *in.PolicyArn)
	if err != nil {
		return nil, err
	}
	// Pages are in the order of names: of numbers that fall, and are of one length.
	name := func(v identity.Version) string {
		n, _ := strconv.Atoi(strings.TrimPrefix(v.ID, "v"))
		return fmt.Sprintf("%010d", math.MaxInt32-n)
	}
	out := &api.ListPolicyVersionsOutput{}
	var versions []identity.Version
	versions, out.IsTruncated, out.Marker, err = page("ListPolicyVersions "+p.ARN, p.Versions, name, in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	out.Versions = each(versions, func(v identity.Version) types.PolicyVersion { return toVersion(v, false) })
	return out, nil
}
