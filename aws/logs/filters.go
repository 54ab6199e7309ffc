package logs

import (
	"context"

	"flowlake/access"
	"flowlake/access/policy"
	"flowlake/aws/wire"
	"flowlake/fault"
	"flowlake/logs"
	"flowlake/logs/pattern"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

func (d door) filters() []wire.Operation {
	empty := []string{"FilterPattern"} // which then matches everything
	return []wire.Operation{
		wire.Op("PutSubscriptionFilter", wire.Row[api.PutSubscriptionFilterInput]{
			Permissions: []wire.Permission[api.PutSubscriptionFilterInput]{
				{Action: "logs:PutSubscriptionFilter", Resource: onGroup(func(in *api.PutSubscriptionFilterInput) *string { return in.LogGroupName })},
				{Action: "iam:PassRole", Resource: onARN(func(in *api.PutSubscriptionFilterInput) *string { return in.RoleArn }),
					When: func(in *api.PutSubscriptionFilterInput) bool { return in.RoleArn != nil },
					Context: func(*api.PutSubscriptionFilterInput) []policy.Entry {
						return []policy.Entry{{Key: "iam:PassedToService", Values: []string{logs.Service}}}
					}},
			},
			Required: []string{"LogGroupName", "FilterName", "FilterPattern", "DestinationArn"}, MayBeEmpty: empty,
			Honoured: []string{"LogGroupName", "FilterName", "FilterPattern", "DestinationArn", "RoleArn", "ApplyOnTransformedLogs"},
			Recorded: []string{"Distribution"}, // a delivery stream has no shards to distribute to
		}, d.putSubscriptionFilter),
		wire.Op("DescribeSubscriptionFilters", wire.Row[api.DescribeSubscriptionFiltersInput]{
			Permissions: may("logs:DescribeSubscriptionFilters", onGroup(func(in *api.DescribeSubscriptionFiltersInput) *string { return in.LogGroupName })),
			Required:    []string{"LogGroupName"},
			Honoured:    []string{"LogGroupName", "FilterNamePrefix", "Limit", "NextToken"},
		}, d.describeSubscriptionFilters),
		wire.Op("DeleteSubscriptionFilter", wire.Row[api.DeleteSubscriptionFilterInput]{
			Permissions: may("logs:DeleteSubscriptionFilter", onGroup(func(in *api.DeleteSubscriptionFilterInput) *string { return in.LogGroupName })),
			Required:    []string{"LogGroupName", "FilterName"},
			Honoured:    []string{"LogGroupName", "FilterName"},
		}, d.deleteSubscriptionFilter),
		wire.Op("PutMetricFilter", wire.Row[api.PutMetricFilterInput]{
			Permissions: may("logs:PutMetricFilter", onGroup(func(in *api.PutMetricFilterInput) *string { return in.LogGroupName })),
			Required:    []string{"LogGroupName", "FilterName", "FilterPattern", "MetricTransformations", "MetricTransformations.MetricName", "MetricTransformations.MetricNamespace", "MetricTransformations.MetricValue"},
			MayBeEmpty:  empty,
			Honoured:    []string{"LogGroupName", "FilterName", "ApplyOnTransformedLogs"},
			Recorded:    []string{"FilterPattern", "MetricTransformations"}, // nothing evaluates them before there are metrics
		}, d.putMetricFilter),
		wire.Op("DescribeMetricFilters", wire.Row[api.DescribeMetricFiltersInput]{
			Permissions: may("logs:DescribeMetricFilters", onGroup(func(in *api.DescribeMetricFiltersInput) *string { return in.LogGroupName })),
			Honoured:    []string{"LogGroupName", "FilterNamePrefix", "MetricName", "MetricNamespace", "Limit", "NextToken"},
		}, d.describeMetricFilters),
		wire.Op("DeleteMetricFilter", wire.Row[api.DeleteMetricFilterInput]{
			Permissions: may("logs:DeleteMetricFilter", onGroup(func(in *api.DeleteMetricFilterInput) *string { return in.LogGroupName })),
			Required:    []string{"LogGroupName", "FilterName"},
			Honoured:    []string{"LogGroupName", "FilterName"},
		}, d.deleteMetricFilter),
		wire.Op("TestMetricFilter", wire.Row[api.TestMetricFilterInput]{
			Permissions: []wire.Permission[api.TestMetricFilterInput]{{Action: "logs:TestMetricFilter"}},
			Required:    []string{"FilterPattern", "LogEventMessages"}, MayBeEmpty: empty,
			Honoured: []string{"FilterPattern", "LogEventMessages"},
			MaxBody:  maxPutBody,
		}, d.testMetricFilter),
	}
}

// untransformed refuses a filter on transformed events, of which there are none.
func untransformed(on bool) error {
	if on {
		return fault.Newf(fault.Unsupported, "applyOnTransformedLogs", "true is not supported: flowlake has no log transformers")
	}
	return nil
}

func (d door) putSubscriptionFilter(ctx context.Context, c access.Caller, in *api.PutSubscriptionFilterInput) (*api.PutSubscriptionFilterOutput, error) {
	if err := untransformed(in.ApplyOnTransformedLogs); err != nil {
		return nil, err
	}
	_, err := d.room.PutSubscription(ctx, c, logs.SubscriptionInput{Group: *in.LogGroupName, Name: *in.FilterName, Pattern: *in.FilterPattern,
		DestinationARN: *in.DestinationArn, RoleARN: text(in.RoleArn), Distribution: string(in.Distribution)})
	return nil, err
}

func (d door) describeSubscriptionFilters(ctx context.Context, c access.Caller, in *api.DescribeSubscriptionFiltersInput) (*api.DescribeSubscriptionFiltersOutput, error) {
	page, err := d.room.Subscriptions(ctx, c, *in.LogGroupName, logs.SubscriptionQuery{Prefix: text(in.FilterNamePrefix), Limit: pageLimit(in.Limit), Token: text(in.NextToken)})
	if err != nil {
		return nil, err
	}
	out := &api.DescribeSubscriptionFiltersOutput{SubscriptionFilters: []types.SubscriptionFilter{}, NextToken: token(page.Next)}
	for _, s := range page.Subscriptions {
		out.SubscriptionFilters = append(out.SubscriptionFilters, types.SubscriptionFilter{
			LogGroupName:   aws.String(s.Group),
			FilterName:     aws.String(s.Name),
			FilterPattern:  aws.String(s.Pattern),
			DestinationArn: aws.String(s.DestinationARN),
			RoleArn:        token(s.RoleARN),
			Distribution:   types.Distribution(s.Distribution),
			CreationTime:   aws.Int64(s.Created.UnixMilli()),
		})
	}
	return out, nil
}

func (d door) deleteSubscriptionFilter(ctx context.Context, c access.Caller, in *api.DeleteSubscriptionFilterInput) (*api.DeleteSubscriptionFilterOutput, error) {
	return nil, d.room.DeleteSubscription(ctx, c, *in.LogGroupName, *in.FilterName)
}

func (d door) putMetricFilter(ctx context.Context, c access.Caller, in *api.PutMetricFilterInput) (*api.PutMetricFilterOutput, error) {
	if err := untransformed(in.ApplyOnTransformedLogs); err != nil {
		return nil, err
	}
	if n := len(in.MetricTransformations); n != 1 {
		return nil, fault.Newf(fault.Invalid, "metric transformations", "1 validation error detected: Value at 'metricTransformations' failed to satisfy constraint: Member must have length 1, not %d", n)
	}
	m := in.MetricTransformations[0]
	return nil, d.room.PutMetricFilter(ctx, c, logs.MetricFilter{Group: *in.LogGroupName, Name: *in.FilterName, Pattern: *in.FilterPattern,
		Metric: logs.MetricTransformation{Namespace: *m.MetricNamespace, Name: *m.MetricName, Value: *m.MetricValue, Default: m.DefaultValue, Unit: string(m.Unit), Dimensions: m.Dimensions}})
}

func (d door) describeMetricFilters(ctx context.Context, c access.Caller, in *api.DescribeMetricFiltersInput) (*api.DescribeMetricFiltersOutput, error) {
	q := logs.MetricFilterQuery{Group: text(in.LogGroupName), Prefix: text(in.FilterNamePrefix), Namespace: text(in.MetricNamespace), Metric: text(in.MetricName),
		Limit: pageLimit(in.Limit), Token: text(in.NextToken)}
	if in.LogGroupName != nil && *in.LogGroupName == "" {
		return nil, fault.Newf(fault.Invalid, "log group", "logGroupName failed to satisfy constraint: Member must have length greater than or equal to 1")
	}
	page, err := d.room.MetricFilters(ctx, c, q)
	if err != nil {
		return nil, err
	}
	out := &api.DescribeMetricFiltersOutput{MetricFilters: []types.MetricFilter{}, NextToken: token(page.Next)}
	for _, f := range page.Filters {
		out.MetricFilters = append(out.MetricFilters, types.MetricFilter{
			LogGroupName:  aws.String(f.Group),
			FilterName:    aws.String(f.Name),
			FilterPattern: aws.String(f.Pattern),
			CreationTime:  aws.Int64(f.CreatedMillis),
			MetricTransformations: []types.MetricTransformation{{MetricName: aws.String(f.Metric.Name), MetricNamespace: aws.String(f.Metric.Namespace),
				MetricValue: aws.String(f.Metric.Value), DefaultValue: f.Metric.Default, Unit: types.StandardUnit(f.Metric.Unit), Dimensions: f.Metric.Dimensions}},
		})
	}
	return out, nil
}

func (d door) deleteMetricFilter(ctx context.Context, c access.Caller, in *api.DeleteMetricFilterInput) (*api.DeleteMetricFilterOutput, error) {
	return nil, d.room.DeleteMetricFilter(ctx, c, *in.LogGroupName, *in.FilterName)
}

func (d door) testMetricFilter(_ context.Context, _ access.Caller, in *api.TestMetricFilterInput) (*api.TestMetricFilterOutput, error) {
	if n := len(in.LogEventMessages); n < 1 || n > 50 {
		return nil, fault.Newf(fault.Invalid, "log event messages", "are %d: Member must have length between 1 and 50", n)
	}
	p, err := pattern.Compile(*in.FilterPattern)
	if err != nil {
		return nil, err
	}
	out := &api.TestMetricFilterOutput{Matches: []types.MetricFilterMatchRecord{}}
	for i, message := range in.LogEventMessages {
		if message == "" {
			return nil, fault.Newf(fault.Invalid, "log event messages", "Value '' at 'logEventMessages.%d.member' failed to satisfy constraint: Member must have length greater than or equal to 1", i+1)
		}
		values, ok := p.Extract(message, nil)
		if !ok {
			continue
		}
		extracted := make(map[string]string, len(values))
		for j, name := range p.NamesOf(len(values)) {
			extracted["$"+name] = values[j]
		}
		out.Matches = append(out.Matches, types.MetricFilterMatchRecord{EventNumber: int64(i), EventMessage: aws.String(message), ExtractedValues: extracted})
	}
	return out, nil
}
