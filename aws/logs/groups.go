package logs

import (
	"context"

	"flowlake/access"
	"flowlake/fault"
	"flowlake/logs"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

func (d door) createLogGroup(ctx context.Context, c access.Caller, in *api.CreateLogGroupInput) (*api.CreateLogGroupOutput, error) {
	if in.LogGroupClass != "" && in.LogGroupClass != types.LogGroupClassStandard {
		return nil, fault.Newf(fault.Unsupported, "log group class "+string(in.LogGroupClass), "not supported: groups are of class STANDARD")
	}
	return nil, d.room.CreateGroup(ctx, c, *in.LogGroupName, in.Tags)
}

func (d door) deleteLogGroup(ctx context.Context, c access.Caller, in *api.DeleteLogGroupInput) (*api.DeleteLogGroupOutput, error) {
	return nil, d.room.DeleteGroup(ctx, c, *in.LogGroupName)
}

func (d door) describeLogGroups(ctx context.Context, c access.Caller, in *api.DescribeLogGroupsInput) (*api.DescribeLogGroupsOutput, error) {
	out := &api.DescribeLogGroupsOutput{LogGroups: []types.LogGroup{}}
	q := logs.GroupQuery{Prefix: text(in.LogGroupNamePrefix), Pattern: text(in.LogGroupNamePattern), Limit: pageLimit(in.Limit), Token: text(in.NextToken)}
	if len(in.LogGroupIdentifiers) > 50 {
		return nil, fault.Newf(fault.Invalid, "log group identifiers", "are %d: Member must have length less than or equal to 50", len(in.LogGroupIdentifiers))
	}
	for _, identifier := range in.LogGroupIdentifiers {
		name, err := identified(c, identifier)
		if err != nil {
			return nil, err
		}
		q.Names = append(q.Names, name)
	}
	if in.LogGroupClass != "" && in.LogGroupClass != types.LogGroupClassStandard {
		return out, nil // every group is of class STANDARD
	}
	page, err := d.room.Groups(ctx, c, q)
	if err != nil {
		return nil, err
	}
	for _, g := range page.Groups {
		arn := logs.GroupARN(c, g.Name)
		shown := types.LogGroup{
			LogGroupName:      aws.String(g.Name),
			Arn:               aws.String(arn + ":*"),
			LogGroupArn:       aws.String(arn),
			CreationTime:      aws.Int64(g.CreatedMillis),
			LogGroupClass:     types.LogGroupClassStandard,
			MetricFilterCount: aws.Int32(int32(g.MetricFilters)),
			StoredBytes:       aws.Int64(g.Bytes),
		}
		if g.RetentionDays != 0 {
			shown.RetentionInDays = aws.Int32(int32(g.RetentionDays))
		}
		out.LogGroups = append(out.LogGroups, shown)
	}
	out.NextToken = token(page.Next)
	return out, nil
}

// token is a page's token as AWS shows it: absent at the end.
func token(next string) *string {
	if next == "" {
		return nil
	}
	return &next
}

func (d door) putRetentionPolicy(ctx context.Context, c access.Caller, in *api.PutRetentionPolicyInput) (*api.PutRetentionPolicyOutput, error) {
	days := int(*in.RetentionInDays)
	if days == 0 {
		days = -1 // no period; the room reads 0 as none
	}
	return nil, d.room.SetRetention(ctx, c, *in.LogGroupName, days)
}

func (d door) deleteRetentionPolicy(ctx context.Context, c access.Caller, in *api.DeleteRetentionPolicyInput) (*api.DeleteRetentionPolicyOutput, error) {
	return nil, d.room.SetRetention(ctx, c, *in.LogGroupName, 0)
}

func (d door) createLogStream(ctx context.Context, c access.Caller, in *api.CreateLogStreamInput) (*api.CreateLogStreamOutput, error) {
	return nil, d.room.CreateStream(ctx, c, *in.LogGroupName, *in.LogStreamName)
}

func (d door) deleteLogStream(ctx context.Context, c access.Caller, in *api.DeleteLogStreamInput) (*api.DeleteLogStreamOutput, error) {
	return nil, d.room.DeleteStream(ctx, c, *in.LogGroupName, *in.LogStreamName)
}

func (d door) describeLogStreams(ctx context.Context, c access.Caller, in *api.DescribeLogStreamsInput) (*api.DescribeLogStreamsOutput, error) {
	group, err := groupName(c, in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	q := logs.StreamQuery{Prefix: text(in.LogStreamNamePrefix), Limit: pageLimit(in.Limit), Token: text(in.NextToken),
		Descending: in.Descending != nil && *in.Descending, ByLast: in.OrderBy == types.OrderByLastEventTime}
	if !q.ByLast && in.OrderBy != "" && in.OrderBy != types.OrderByLogStreamName {
		return nil, fault.Newf(fault.Invalid, "order", "%q failed to satisfy constraint: Member must satisfy enum value set: [LogStreamName, LastEventTime]", in.OrderBy)
	}
	page, err := d.room.Streams(ctx, c, group, q)
	if err != nil {
		return nil, err
	}
	out := &api.DescribeLogStreamsOutput{LogStreams: []types.LogStream{}, NextToken: token(page.Next)} // Vector needs the list
	for _, s := range page.Streams {
		shown := types.LogStream{
			LogStreamName: aws.String(s.Name),
			Arn:           aws.String(logs.StreamARN(c, group, s.Name)),
			CreationTime:  aws.Int64(s.CreatedMillis),
			//lint:ignore SA1019 AWS says 0 of every stream since 2019, and clients print it
			StoredBytes:         aws.Int64(0),
			UploadSequenceToken: aws.String(s.UploadToken),
		}
		if s.LastIngestionMillis != 0 {
			shown.FirstEventTimestamp = aws.Int64(s.FirstMillis)
			shown.LastEventTimestamp = aws.Int64(s.LastMillis)
			shown.LastIngestionTime = aws.Int64(s.LastIngestionMillis)
		}
		out.LogStreams = append(out.LogStreams, shown)
	}
	return out, nil
}

func (d door) listTagsForResource(ctx context.Context, c access.Caller, in *api.ListTagsForResourceInput) (*api.ListTagsForResourceOutput, error) {
	name, err := tagged(c, *in.ResourceArn)
	if err != nil {
		return nil, err
	}
	tags, err := d.tagsOf(ctx, c, name)
	return &api.ListTagsForResourceOutput{Tags: tags}, err
}

func (d door) listTagsLogGroup(ctx context.Context, c access.Caller, in *api.ListTagsLogGroupInput) (*api.ListTagsLogGroupOutput, error) {
	tags, err := d.tagsOf(ctx, c, *in.LogGroupName)
	return &api.ListTagsLogGroupOutput{Tags: tags}, err
}

func (d door) tagsOf(ctx context.Context, c access.Caller, name string) (map[string]string, error) {
	g, err := d.room.Group(ctx, c, name)
	if err != nil {
		return nil, err
	}
	if g.Tags == nil {
		return map[string]string{}, nil
	}
	return g.Tags, nil
}

func (d door) tagResource(ctx context.Context, c access.Caller, in *api.TagResourceInput) (*api.TagResourceOutput, error) {
	name, err := tagged(c, *in.ResourceArn)
	if err != nil {
		return nil, err
	}
	return nil, d.room.Tag(ctx, c, name, in.Tags)
}

func (d door) untagResource(ctx context.Context, c access.Caller, in *api.UntagResourceInput) (*api.UntagResourceOutput, error) {
	name, err := tagged(c, *in.ResourceArn)
	if err != nil {
		return nil, err
	}
	return nil, d.room.Untag(ctx, c, name, in.TagKeys)
}

func (d door) tagLogGroup(ctx context.Context, c access.Caller, in *api.TagLogGroupInput) (*api.TagLogGroupOutput, error) {
	return nil, d.room.Tag(ctx, c, *in.LogGroupName, in.Tags)
}

func (d door) untagLogGroup(ctx context.Context, c access.Caller, in *api.UntagLogGroupInput) (*api.UntagLogGroupOutput, error) {
	return nil, d.room.Untag(ctx, c, *in.LogGroupName, in.Tags)
}
