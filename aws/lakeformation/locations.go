package lakeformation

import (
	"context"
	"slices"
	"strings"

	api "github.com/aws/aws-sdk-go-v2/service/lakeformation"
	"github.com/aws/aws-sdk-go-v2/service/lakeformation/types"

	"flowlake/access"
	"flowlake/access/formation"
	"flowlake/aws/wire"
	"flowlake/fault"
)

func (d *door) locations() []wire.Operation {
	arn := []string{"ResourceArn"}
	return []wire.Operation{
		wire.Op("RegisterResource", wire.Row[api.RegisterResourceInput]{
			Permissions: passing("RegisterResource", func(in *api.RegisterResourceInput) *string { return in.RoleArn }),
			Honoured:    []string{"ResourceArn", "RoleArn", "UseServiceLinkedRole", "WithFederation", "HybridAccessEnabled", "WithPrivilegedAccess", "ExpectedResourceOwnerAccount"},
			Required:    arn,
		}, d.register),
		wire.Op("UpdateResource", wire.Row[api.UpdateResourceInput]{
			Permissions: passing("UpdateResource", func(in *api.UpdateResourceInput) *string { return in.RoleArn }),
			Honoured:    []string{"ResourceArn", "RoleArn", "WithFederation", "HybridAccessEnabled", "ExpectedResourceOwnerAccount"}, Required: []string{"ResourceArn", "RoleArn"},
		}, d.updateResource),
		wire.Op("DeregisterResource", wire.Row[api.DeregisterResourceInput]{
			Permissions: permit[api.DeregisterResourceInput]("DeregisterResource"), Honoured: arn, Required: arn,
		}, func(ctx context.Context, c access.Caller, in *api.DeregisterResourceInput) (*api.DeregisterResourceOutput, error) {
			return nil, d.f.Deregister(ctx, c, *in.ResourceArn)
		}),
		wire.Op("DescribeResource", wire.Row[api.DescribeResourceInput]{
			Permissions: permit[api.DescribeResourceInput]("DescribeResource"), Honoured: arn, Required: arn,
		}, func(ctx context.Context, c access.Caller, in *api.DescribeResourceInput) (*api.DescribeResourceOutput, error) {
			l, err := d.f.Registered(ctx, c, *in.ResourceArn)
			if err != nil {
				return nil, err
			}
			info := location(c, l)
			return &api.DescribeResourceOutput{ResourceInfo: &info}, nil
		}),
		wire.Op("ListResources", wire.Row[api.ListResourcesInput]{
			Permissions: permit[api.ListResourcesInput]("ListResources"), Honoured: []string{"FilterConditionList", "MaxResults", "NextToken"},
		}, d.listResources),
	}
}

// plain refuses ways to register a location that flowlake has not.
func plain(c access.Caller, federation, hybrid *bool, privileged bool, owner *string) error {
	switch {
	case yes(federation):
		return unbuilt("WithFederation", "there is no federated catalogue")
	case yes(hybrid):
		return unbuilt("HybridAccessEnabled", "a location is Lake Formation's or IAM's; leave IAM_ALLOWED_PRINCIPALS on a table that IAM shall decide on")
	case privileged:
		return unbuilt("WithPrivilegedAccess", "grant the principal what it needs")
	case owner != nil && *owner != c.Account:
		return unbuilt("ExpectedResourceOwnerAccount", "there is one account, "+c.Account)
	}
	return nil
}

func (d *door) register(ctx context.Context, c access.Caller, in *api.RegisterResourceInput) (*api.RegisterResourceOutput, error) {
	if err := plain(c, in.WithFederation, in.HybridAccessEnabled, in.WithPrivilegedAccess, in.ExpectedResourceOwnerAccount); err != nil {
		return nil, err
	}
	if (in.RoleArn != nil) == yes(in.UseServiceLinkedRole) {
		return nil, fault.Newf(fault.Invalid, "RoleArn", "give a role, or UseServiceLinkedRole")
	}
	return nil, d.f.Register(ctx, c, *in.ResourceArn, text(in.RoleArn))
}

func (d *door) updateResource(ctx context.Context, c access.Caller, in *api.UpdateResourceInput) (*api.UpdateResourceOutput, error) {
	if err := plain(c, in.WithFederation, in.HybridAccessEnabled, false, in.ExpectedResourceOwnerAccount); err != nil {
		return nil, err
	}
	return nil, d.f.Reassign(ctx, c, *in.ResourceArn, *in.RoleArn)
}

func location(c access.Caller, l formation.Location) types.ResourceInfo {
	no := false
	return types.ResourceInfo{ResourceArn: &l.ARN, RoleArn: &l.RoleARN, LastModified: &l.Modified, HybridAccessEnabled: &no, WithFederation: &no, ExpectedResourceOwnerAccount: &c.Account}
}

func (d *door) listResources(ctx context.Context, c access.Caller, in *api.ListResourcesInput) (*api.ListResourcesOutput, error) {
	for _, f := range in.FilterConditionList {
		if f.Field != types.FieldNameStringResourceArn && f.Field != types.FieldNameStringRoleArn {
			return nil, unbuilt("FilterConditionList.Field "+string(f.Field), "RESOURCE_ARN and ROLE_ARN can be compared")
		}
		if _, ok := comparisons[f.ComparisonOperator]; !ok {
			return nil, unbuilt("FilterConditionList.ComparisonOperator "+string(f.ComparisonOperator), "EQ, NE, CONTAINS, NOT_CONTAINS, BEGINS_WITH and IN are")
		}
		if len(f.StringValueList) == 0 {
			return nil, fault.Newf(fault.Invalid, "FilterConditionList.StringValueList", "has no value")
		}
	}
	keep := func(l formation.Location) bool {
		for _, f := range in.FilterConditionList {
			value := l.ARN
			if f.Field == types.FieldNameStringRoleArn {
				value = l.RoleARN
			}
			if !comparisons[f.ComparisonOperator](value, f.StringValueList) {
				return false
			}
		}
		return true
	}
	list, _, err := d.f.Locations(ctx, c, keep, "", maxLocations)
	if err != nil {
		return nil, err
	}
	list, next, err := page(list, in.NextToken, in.MaxResults, "ListResources", in.FilterConditionList)
	if err != nil {
		return nil, err
	}
	out := &api.ListResourcesOutput{NextToken: next, ResourceInfoList: []types.ResourceInfo{}}
	for _, l := range list {
		out.ResourceInfoList = append(out.ResourceInfoList, location(c, l))
	}
	return out, nil
}

// maxLocations is more than there can be; Lake Formation's quota is 10,000 a region.
const maxLocations = 100_000

// comparisons are the operators of a filter.
var comparisons = map[types.ComparisonOperator]func(value string, list []string) bool{
	types.ComparisonOperatorEq:          func(v string, l []string) bool { return v == l[0] },
	types.ComparisonOperatorNe:          func(v string, l []string) bool { return v != l[0] },
	types.ComparisonOperatorContains:    func(v string, l []string) bool { return strings.Contains(v, l[0]) },
	types.ComparisonOperatorNotContains: func(v string, l []string) bool { return !strings.Contains(v, l[0]) },
	types.ComparisonOperatorBeginsWith:  func(v string, l []string) bool { return strings.HasPrefix(v, l[0]) },
	types.ComparisonOperatorIn:          func(v string, l []string) bool { return slices.Contains(l, v) },
}
