// Package logs is the door of CloudWatch Logs: one row per operation, each a call of the log room. It keeps nothing
// and decides nothing; what AWS's shapes cannot say in Go types, it checks.
package logs

import (
	"slices"

	"flowlake/access"
	"flowlake/aws/wire"
	"flowlake/fault"
	"flowlake/logs"

	api "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
)

// maxPutBody bounds a PutLogEvents request: 1 MiB of messages, each byte of which may be an escape of six.
const maxPutBody = 8 << 20

// Service returns the table of the service's operations over a room.
func Service(room *logs.Store) wire.Service {
	d := door{room}
	return wire.Service{
		Name:       "logs",
		Title:      "CloudWatch Logs",
		Protocol:   wire.JSON11,
		Target:     "Logs_20140328.",
		LowerCamel: true,
		Names:      map[string]string{"DestinationNamePrefix": "DestinationNamePrefix"},
		Faults: []wire.FaultRule{
			{Kind: fault.NotFound, Code: "ResourceNotFoundException"},
			{Kind: fault.Exists, Code: "ResourceAlreadyExistsException"},
			{Kind: fault.Conflict, Noun: "export task", Code: "InvalidOperationException"},
			{Kind: fault.Conflict, Code: "OperationAbortedException"},
			{Kind: fault.Limit, Noun: "tags", Code: "TooManyTagsException"},
			{Kind: fault.Limit, Code: "LimitExceededException"},
			{Kind: fault.Invalid, Code: "InvalidParameterException"},
			{Kind: fault.TooLarge, Code: "InvalidParameterException"},
			{Kind: fault.Unsupported, Code: "InvalidParameterException"},
			{Kind: fault.Unavailable, Code: "ServiceUnavailableException", Status: 503},
		},
		Operations: slices.Concat(d.groups(), d.streams(), d.events(), d.exports(), d.tags(), d.filters(), d.policies(), []wire.Operation{d.liveTail()}),
	}
}

// door holds the functions of the rows.
type door struct{ room *logs.Store }

func (d door) groups() []wire.Operation {
	return []wire.Operation{
		wire.Op("CreateLogGroup", wire.Row[api.CreateLogGroupInput]{
			Permissions: []wire.Permission[api.CreateLogGroupInput]{
				{Action: "logs:CreateLogGroup", Resource: onGroup(func(in *api.CreateLogGroupInput) *string { return in.LogGroupName })},
				{Action: "logs:TagResource", Resource: onTagged(func(in *api.CreateLogGroupInput) *string { return in.LogGroupName }),
					When: func(in *api.CreateLogGroupInput) bool { return len(in.Tags) > 0 }},
			},
			Required: []string{"LogGroupName"},
			Honoured: []string{"LogGroupName", "LogGroupClass"},
			Recorded: []string{"Tags"},
		}, d.createLogGroup),
		wire.Op("DeleteLogGroup", wire.Row[api.DeleteLogGroupInput]{
			Permissions: may("logs:DeleteLogGroup", onGroup(func(in *api.DeleteLogGroupInput) *string { return in.LogGroupName })),
			Required:    []string{"LogGroupName"},
			Honoured:    []string{"LogGroupName"},
		}, d.deleteLogGroup),
		wire.Op("DescribeLogGroups", wire.Row[api.DescribeLogGroupsInput]{
			Permissions: may("logs:DescribeLogGroups", onGroup(func(*api.DescribeLogGroupsInput) *string { return nil })),
			Honoured:    []string{"LogGroupNamePrefix", "LogGroupNamePattern", "LogGroupIdentifiers", "LogGroupClass", "Limit", "NextToken"},
		}, d.describeLogGroups),
		wire.Op("PutRetentionPolicy", wire.Row[api.PutRetentionPolicyInput]{
			Permissions: may("logs:PutRetentionPolicy", onGroup(func(in *api.PutRetentionPolicyInput) *string { return in.LogGroupName })),
			Required:    []string{"LogGroupName", "RetentionInDays"},
			Honoured:    []string{"LogGroupName", "RetentionInDays"},
		}, d.putRetentionPolicy),
		wire.Op("DeleteRetentionPolicy", wire.Row[api.DeleteRetentionPolicyInput]{
			Permissions: may("logs:DeleteRetentionPolicy", onGroup(func(in *api.DeleteRetentionPolicyInput) *string { return in.LogGroupName })),
			Required:    []string{"LogGroupName"},
			Honoured:    []string{"LogGroupName"},
		}, d.deleteRetentionPolicy),
	}
}

func (d door) streams() []wire.Operation {
	return []wire.Operation{
		wire.Op("CreateLogStream", wire.Row[api.CreateLogStreamInput]{
			Permissions: may("logs:CreateLogStream", onStream(func(in *api.CreateLogStreamInput) (*string, *string) { return in.LogGroupName, in.LogStreamName })),
			Required:    []string{"LogGroupName", "LogStreamName"},
			Honoured:    []string{"LogGroupName", "LogStreamName"},
		}, d.createLogStream),
		wire.Op("DeleteLogStream", wire.Row[api.DeleteLogStreamInput]{
			Permissions: may("logs:DeleteLogStream", onStream(func(in *api.DeleteLogStreamInput) (*string, *string) { return in.LogGroupName, in.LogStreamName })),
			Required:    []string{"LogGroupName", "LogStreamName"},
			Honoured:    []string{"LogGroupName", "LogStreamName"},
		}, d.deleteLogStream),
		wire.Op("DescribeLogStreams", wire.Row[api.DescribeLogStreamsInput]{
			Permissions: may("logs:DescribeLogStreams", onGroup(func(in *api.DescribeLogStreamsInput) *string { return either(in.LogGroupName, in.LogGroupIdentifier) })),
			Honoured:    []string{"LogGroupName", "LogGroupIdentifier", "LogStreamNamePrefix", "OrderBy", "Descending", "Limit", "NextToken"},
		}, d.describeLogStreams),
	}
}

func (d door) events() []wire.Operation {
	return []wire.Operation{
		wire.Op("PutLogEvents", wire.Row[api.PutLogEventsInput]{
			Permissions: may("logs:PutLogEvents", onStream(func(in *api.PutLogEventsInput) (*string, *string) { return in.LogGroupName, in.LogStreamName })),
			Required:    []string{"LogGroupName", "LogStreamName", "LogEvents"},
			Honoured:    []string{"LogGroupName", "LogStreamName", "LogEvents", "Entity"}, // an entity is answered as rejected
			Recorded:    []string{"SequenceToken"},
			Decode:      decodePutLogEvents,
			MaxBody:     maxPutBody,
		}, d.putLogEvents),
		wire.Op("GetLogEvents", wire.Row[api.GetLogEventsInput]{
			Permissions: may("logs:GetLogEvents", onStream(func(in *api.GetLogEventsInput) (*string, *string) {
				return either(in.LogGroupName, in.LogGroupIdentifier), in.LogStreamName
			})),
			Required: []string{"LogStreamName"},
			Honoured: []string{"LogGroupName", "LogGroupIdentifier", "LogStreamName", "StartTime", "EndTime", "StartFromHead", "Limit", "NextToken"},
		}, d.getLogEvents),
		wire.Op("FilterLogEvents", wire.Row[api.FilterLogEventsInput]{
			Permissions: may("logs:FilterLogEvents", onGroup(func(in *api.FilterLogEventsInput) *string { return either(in.LogGroupName, in.LogGroupIdentifier) })),
			Honoured: []string{"LogGroupName", "LogGroupIdentifier", "LogStreamNames", "LogStreamNamePrefix", "FilterPattern", "StartTime", "EndTime",
				"StartFromHead", "Limit", "NextToken"},
			Recorded: []string{"Interleaved"}, // AWS interleaves whatever it says, too
		}, d.filterLogEvents),
	}
}

func (d door) exports() []wire.Operation {
	return []wire.Operation{
		wire.Op("CreateExportTask", wire.Row[api.CreateExportTaskInput]{
			Permissions: may("logs:CreateExportTask", onGroup(func(in *api.CreateExportTaskInput) *string { return in.LogGroupName })),
			Required:    []string{"LogGroupName", "From", "To", "Destination"},
			Honoured:    []string{"TaskName", "LogGroupName", "LogStreamNamePrefix", "From", "To", "Destination", "DestinationPrefix"},
		}, d.createExportTask),
		wire.Op("DescribeExportTasks", wire.Row[api.DescribeExportTasksInput]{
			Permissions: []wire.Permission[api.DescribeExportTasksInput]{{Action: "logs:DescribeExportTasks"}},
			Honoured:    []string{"TaskId", "StatusCode", "Limit", "NextToken"},
		}, d.describeExportTasks),
		wire.Op("CancelExportTask", wire.Row[api.CancelExportTaskInput]{
			Permissions: []wire.Permission[api.CancelExportTaskInput]{{Action: "logs:CancelExportTask"}},
			Required:    []string{"TaskId"},
			Honoured:    []string{"TaskId"},
		}, d.cancelExportTask),
	}
}

func (d door) tags() []wire.Operation {
	return []wire.Operation{
		wire.Op("ListTagsForResource", wire.Row[api.ListTagsForResourceInput]{
			Permissions: may("logs:ListTagsForResource", onTagged(func(in *api.ListTagsForResourceInput) *string { return in.ResourceArn })),
			Required:    []string{"ResourceArn"},
			Honoured:    []string{"ResourceArn"},
		}, d.listTagsForResource),
		wire.Op("TagResource", wire.Row[api.TagResourceInput]{
			Permissions: may("logs:TagResource", onTagged(func(in *api.TagResourceInput) *string { return in.ResourceArn })),
			Required:    []string{"ResourceArn", "Tags"},
			Honoured:    []string{"ResourceArn"},
			Recorded:    []string{"Tags"},
		}, d.tagResource),
		wire.Op("UntagResource", wire.Row[api.UntagResourceInput]{
			Permissions: may("logs:UntagResource", onTagged(func(in *api.UntagResourceInput) *string { return in.ResourceArn })),
			Required:    []string{"ResourceArn", "TagKeys"},
			Honoured:    []string{"ResourceArn", "TagKeys"},
		}, d.untagResource),
		wire.Op("ListTagsLogGroup", wire.Row[api.ListTagsLogGroupInput]{
			Permissions: may("logs:ListTagsLogGroup", onGroup(func(in *api.ListTagsLogGroupInput) *string { return in.LogGroupName })),
			Required:    []string{"LogGroupName"},
			Honoured:    []string{"LogGroupName"},
		}, d.listTagsLogGroup),
		wire.Op("TagLogGroup", wire.Row[api.TagLogGroupInput]{
			Permissions: may("logs:TagLogGroup", onGroup(func(in *api.TagLogGroupInput) *string { return in.LogGroupName })),
			Required:    []string{"LogGroupName", "Tags"},
			Honoured:    []string{"LogGroupName"},
			Recorded:    []string{"Tags"},
		}, d.tagLogGroup),
		wire.Op("UntagLogGroup", wire.Row[api.UntagLogGroupInput]{
			Permissions: may("logs:UntagLogGroup", onGroup(func(in *api.UntagLogGroupInput) *string { return in.LogGroupName })),
			Required:    []string{"LogGroupName", "Tags"},
			Honoured:    []string{"LogGroupName", "Tags"},
		}, d.untagLogGroup),
	}
}

// may is one permission.
func may[In any](action string, resource func(access.Caller, *In) string) []wire.Permission[In] {
	return []wire.Permission[In]{{Action: action, Resource: resource}}
}

// onGroup names a group as AWS does when it asks about one: as its unnamed stream, which is what the policies' usual
// "log-group:NAME:*" matches.
func onGroup[In any](name func(*In) *string) func(access.Caller, *In) string {
	return onStream(func(in *In) (*string, *string) { return name(in), nil })
}

// onStream names a stream. A group given by its ARN is that group.
func onStream[In any](names func(*In) (group, stream *string)) func(access.Caller, *In) string {
	return func(c access.Caller, in *In) string {
		group, stream := names(in)
		name := text(group)
		if n, ok := groupOfARN(c, name); ok {
			name = n
		}
		return logs.StreamARN(c, name, text(stream))
	}
}

// onTagged names a group, given by its name or ARN, as AWS does when it asks about its tags: by an ARN with nothing behind the
// name.
//
// Source: user guide, "CloudWatch Logs resources and operations": which actions take the ARN without ":*"
func onTagged[In any](group func(*In) *string) func(access.Caller, *In) string {
	return func(c access.Caller, in *In) string {
		name := text(group(in))
		if n, ok := groupOfARN(c, name); ok {
			name = n
		}
		return logs.GroupARN(c, name)
	}
}

// onARN is the resource that the input names itself.
func onARN[In any](arn func(*In) *string) func(access.Caller, *In) string {
	return func(_ access.Caller, in *In) string { return text(arn(in)) }
}
