package logs

import (
	"context"
	"math"
	"time"

	"flowlake/access"
	"flowlake/fault"
	"flowlake/logs"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

func (d door) putLogEvents(ctx context.Context, c access.Caller, in *api.PutLogEventsInput) (*api.PutLogEventsOutput, error) {
	events := make([]logs.Event, len(in.LogEvents))
	for i := range in.LogEvents {
		e := &in.LogEvents[i]
		if e.Message == nil || e.Timestamp == nil {
			member := "timestamp"
			if e.Message == nil {
				member = "message"
			}
			return nil, fault.Newf(fault.Invalid, "log event",
				"1 validation error detected: Value null at 'logEvents.%d.member.%s' failed to satisfy constraint: Member must not be null", i+1, member)
		}
		events[i] = logs.Event{TimeMillis: *e.Timestamp, Message: *e.Message}
	}
	result, err := d.room.Put(ctx, c, *in.LogGroupName, *in.LogStreamName, events)
	if err != nil {
		return nil, err
	}
	out := &api.PutLogEventsOutput{NextSequenceToken: aws.String(result.Token)}
	if in.Entity != nil { // entities are not kept; AWS says so of groups of other classes, and takes the events
		out.RejectedEntityInfo = &types.RejectedEntityInfo{ErrorType: types.EntityRejectionErrorTypeUnsupportedLogGroupType}
	}
	if result.TooOldEnd >= 0 || result.ExpiredEnd >= 0 || result.TooNewStart >= 0 {
		out.RejectedLogEventsInfo = &types.RejectedLogEventsInfo{
			TooOldLogEventEndIndex:   index(result.TooOldEnd),
			ExpiredLogEventEndIndex:  index(result.ExpiredEnd),
			TooNewLogEventStartIndex: index(result.TooNewStart),
		}
	}
	return out, nil
}

func index(i int) *int32 {
	if i < 0 {
		return nil
	}
	return aws.Int32(int32(i))
}

// times reads a range of times. An absent end is 0, which the room reads as no bound.
func times(start, end *int64) (from, to int64, err error) {
	if number(start) < 0 || number(end) < 0 {
		return 0, 0, fault.Newf(fault.Invalid, "time range", "startTime and endTime failed to satisfy constraint: Member must have value greater than or equal to 0")
	}
	from, to = number(start), number(end)
	if end != nil && from > to {
		return 0, 0, fault.Newf(fault.Invalid, "time range", "startTime %d is after endTime %d", from, to)
	}
	if to == math.MaxInt64 {
		to = 0
	}
	return from, to, nil
}

func (d door) getLogEvents(ctx context.Context, c access.Caller, in *api.GetLogEventsInput) (*api.GetLogEventsOutput, error) {
	group, err := groupName(c, in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	from, to, err := times(in.StartTime, in.EndTime)
	if err != nil {
		return nil, err
	}
	page, err := d.room.Get(ctx, c, group, logs.GetQuery{Stream: *in.LogStreamName, FromMillis: from, ToMillis: to,
		FromHead: in.StartFromHead != nil && *in.StartFromHead, Limit: pageLimit(in.Limit), Token: text(in.NextToken)})
	if err != nil {
		return nil, err
	}
	out := &api.GetLogEventsOutput{NextForwardToken: aws.String(page.Forward), NextBackwardToken: aws.String(page.Backward),
		Events: make([]types.OutputLogEvent, len(page.Events))}
	for i := range page.Events {
		e := &page.Events[i]
		out.Events[i] = types.OutputLogEvent{Timestamp: &e.TimeMillis, IngestionTime: &e.IngestedMillis, Message: &e.Message}
	}
	return out, nil
}

// newestFrom is the earliest startTime with which a filter may begin at the newest event. Source: API reference, FilterLogEvents.
var newestFrom = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli()

func (d door) filterLogEvents(ctx context.Context, c access.Caller, in *api.FilterLogEventsInput) (*api.FilterLogEventsOutput, error) {
	group, err := groupName(c, in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	from, to, err := times(in.StartTime, in.EndTime)
	if err != nil {
		return nil, err
	}
	newest := in.StartFromHead != nil && !*in.StartFromHead
	if newest && in.StartTime != nil && from < newestFrom {
		return nil, fault.Newf(fault.Invalid, "time range", "startFromHead false needs a startTime on or after Jan 1, 2024 00:00:00 UTC")
	}
	page, err := d.room.Filter(ctx, c, group, logs.FilterQuery{Streams: in.LogStreamNames, Prefix: text(in.LogStreamNamePrefix),
		Pattern: text(in.FilterPattern), FromMillis: from, ToMillis: to, Newest: newest, Limit: pageLimit(in.Limit), Token: text(in.NextToken)})
	if err != nil {
		return nil, err
	}
	out := &api.FilterLogEventsOutput{NextToken: token(page.Next), Events: make([]types.FilteredLogEvent, len(page.Events)),
		SearchedLogStreams: []types.SearchedLogStream{}} // AWS has left it empty since 2020
	for i := range page.Events {
		e := &page.Events[i]
		out.Events[i] = types.FilteredLogEvent{EventId: &e.ID, LogStreamName: &e.Stream, Timestamp: &e.TimeMillis,
			IngestionTime: &e.IngestedMillis, Message: &e.Message}
	}
	return out, nil
}
