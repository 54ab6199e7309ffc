package logs

import (
	"context"

	"flowlake/access"
	"flowlake/aws/wire"
	"flowlake/logs"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

func (d door) policies() []wire.Operation {
	return []wire.Operation{
		wire.Op("PutResourcePolicy", wire.Row[api.PutResourcePolicyInput]{
			Permissions: []wire.Permission[api.PutResourcePolicyInput]{{Action: "logs:PutResourcePolicy"}},
			Required:    []string{"PolicyName", "PolicyDocument"},
			Honoured:    []string{"PolicyName"},
			Recorded:    []string{"PolicyDocument"}, // nobody is asked for before there are identities
		}, d.putResourcePolicy),
		wire.Op("DescribeResourcePolicies", wire.Row[api.DescribeResourcePoliciesInput]{
			Permissions: []wire.Permission[api.DescribeResourcePoliciesInput]{{Action: "logs:DescribeResourcePolicies"}},
			Honoured:    []string{"Limit", "NextToken", "PolicyScope"},
		}, d.describeResourcePolicies),
		wire.Op("DeleteResourcePolicy", wire.Row[api.DeleteResourcePolicyInput]{
			Permissions: []wire.Permission[api.DeleteResourcePolicyInput]{{Action: "logs:DeleteResourcePolicy"}},
			Required:    []string{"PolicyName"},
			Honoured:    []string{"PolicyName"},
		}, d.deleteResourcePolicy),
	}
}

func (d door) putResourcePolicy(ctx context.Context, c access.Caller, in *api.PutResourcePolicyInput) (*api.PutResourcePolicyOutput, error) {
	p, err := d.room.PutResourcePolicy(ctx, c, *in.PolicyName, *in.PolicyDocument)
	if err != nil {
		return nil, err
	}
	shown := shownPolicy(p)
	return &api.PutResourcePolicyOutput{ResourcePolicy: &shown}, nil
}

func shownPolicy(p logs.ResourcePolicy) types.ResourcePolicy {
	return types.ResourcePolicy{PolicyName: aws.String(p.Name), PolicyDocument: aws.String(p.Document), LastUpdatedTime: aws.Int64(p.UpdatedMillis),
		PolicyScope: types.PolicyScopeAccount}
}

func (d door) describeResourcePolicies(ctx context.Context, c access.Caller, in *api.DescribeResourcePoliciesInput) (*api.DescribeResourcePoliciesOutput, error) {
	out := &api.DescribeResourcePoliciesOutput{ResourcePolicies: []types.ResourcePolicy{}}
	page, err := d.room.ResourcePolicies(ctx, c, pageLimit(in.Limit), text(in.NextToken))
	if err != nil {
		return nil, err
	}
	if in.PolicyScope == types.PolicyScopeResource {
		return out, nil // every policy is the account's
	}
	for _, p := range page.Policies {
		out.ResourcePolicies = append(out.ResourcePolicies, shownPolicy(p))
	}
	out.NextToken = token(page.Next)
	return out, nil
}

func (d door) deleteResourcePolicy(ctx context.Context, c access.Caller, in *api.DeleteResourcePolicyInput) (*api.DeleteResourcePolicyOutput, error) {
	return nil, d.room.DeleteResourcePolicy(ctx, c, *in.PolicyName)
}
