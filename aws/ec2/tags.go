package ec2

import (
	"context"
	"slices"

	api "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"flowlake/access"
	"flowlake/aws/wire"
	"flowlake/fault"
	"flowlake/vpc"
)

// taggedARNs are the ARNs of the resources that a request is about.
func taggedARNs(c access.Caller, ids []string) []string {
	arns := make([]string, 0, len(ids))
	for _, id := range ids {
		arns = append(arns, arn(c, vpc.TypeOf(id), id))
	}
	return arns
}

// tagging is what it takes to give a new resource tags.
//
// Source: EC2 user guide, "Grant permission to tag Amazon EC2 resources during creation".
func tagging[In any](kind string, specs func(*In) []types.TagSpecification) wire.Permission[In] {
	return wire.Permission[In]{Action: "ec2:CreateTags", Resource: func(c access.Caller, _ *In) string { return arn(c, kind, "") },
		When: func(in *In) bool { return len(specs(in)) > 0 }}
}

func (d *door) tags() []wire.Operation {
	return []wire.Operation{
		wire.Op("CreateTags", wire.Row[api.CreateTagsInput]{
			Permissions: []wire.Permission[api.CreateTagsInput]{{Action: "ec2:CreateTags",
				Resources: func(c access.Caller, in *api.CreateTagsInput) []string { return taggedARNs(c, in.Resources) }}},
			Honoured: []string{"Resources", "Tags", "DryRun"}, Required: []string{"Resources", "Tags"},
		}, func(ctx context.Context, c access.Caller, in *api.CreateTagsInput) (*api.CreateTagsOutput, error) {
			tags := vpc.Tags{}
			if err := addTags(tags, in.Tags); err != nil {
				return nil, err
			}
			return nil, d.vpc.Tag(ctx, c, in.Resources, tags)
		}),
		wire.Op("DeleteTags", wire.Row[api.DeleteTagsInput]{
			Permissions: []wire.Permission[api.DeleteTagsInput]{{Action: "ec2:DeleteTags",
				Resources: func(c access.Caller, in *api.DeleteTagsInput) []string { return taggedARNs(c, in.Resources) }}},
			Honoured: []string{"Resources", "Tags", "DryRun"}, Required: []string{"Resources"},
		}, func(ctx context.Context, c access.Caller, in *api.DeleteTagsInput) (*api.DeleteTagsOutput, error) {
			removals := make([]vpc.Removal, len(in.Tags))
			for i, t := range in.Tags {
				if t.Key == nil {
					return nil, missing("Tag.Key")
				}
				removals[i] = vpc.Removal{Key: *t.Key, Value: t.Value}
			}
			return nil, d.vpc.Untag(ctx, c, in.Resources, removals)
		}),
		wire.Op("DescribeTags", wire.Row[api.DescribeTagsInput]{
			Permissions: []wire.Permission[api.DescribeTagsInput]{{Action: "ec2:DescribeTags"}},
			Honoured:    []string{"Filters", "MaxResults", "NextToken", "DryRun"},
		}, d.describeTags),
	}
}

func (d *door) describeTags(ctx context.Context, c access.Caller, in *api.DescribeTagsInput) (*api.DescribeTagsOutput, error) {
	l, err := page("DescribeTags", nil, in.Filters, in.MaxResults, in.NextToken, 5)
	if err != nil {
		return nil, err
	}
	if i := slices.IndexFunc(l.Filters, func(f vpc.Filter) bool { return len(f.Values) == 0 }); i >= 0 {
		return nil, fault.Newf(fault.Invalid, "filter "+l.Filters[i].Name, "it has no values")
	}
	found, next, err := d.vpc.ListTags(ctx, c, l.Filters, l.After, l.Max)
	if err != nil {
		return nil, err
	}
	out := &api.DescribeTagsOutput{Tags: make([]types.TagDescription, len(found)), NextToken: l.token(next)}
	for i, t := range found {
		out.Tags[i] = types.TagDescription{ResourceId: to(t.Resource), ResourceType: types.ResourceType(t.Type), Key: to(t.Key), Value: to(t.Value)}
	}
	return out, nil
}
