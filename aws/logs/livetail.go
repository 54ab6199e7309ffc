package logs

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"flowlake/access"
	"flowlake/aws/wire"
	"flowlake/fault"
	"flowlake/logs"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/google/uuid"
)

func (d door) liveTail() wire.Operation {
	return wire.Events("StartLiveTail", wire.Row[api.StartLiveTailInput]{
		Permissions: []wire.Permission[api.StartLiveTailInput]{{Action: "logs:StartLiveTail", Resources: func(_ access.Caller, in *api.StartLiveTailInput) []string {
			return in.LogGroupIdentifiers
		}}},
		Required: []string{"LogGroupIdentifiers"},
		Honoured: []string{"LogGroupIdentifiers", "LogStreamNames", "LogStreamNamePrefixes", "LogEventFilterPattern"},
	}, map[string]any{"sessionStart": types.LiveTailSessionStart{}, "sessionUpdate": types.LiveTailSessionUpdate{}}, d.startLiveTail)
}

// startLiveTail sends sessionStart at once, and a sessionUpdate each second, an empty one too: so a client that is gone is found.
func (d door) startLiveTail(ctx context.Context, c access.Caller, in *api.StartLiveTailInput, requestID string, send wire.Sender) error {
	q := logs.TailQuery{Streams: in.LogStreamNames, Prefixes: in.LogStreamNamePrefixes, Pattern: text(in.LogEventFilterPattern)}
	for _, arn := range in.LogGroupIdentifiers {
		name, ok := groupOfARN(c, arn)
		if !ok || strings.HasSuffix(arn, "*") {
			return fault.Newf(fault.Invalid, "log group identifier "+arn, "is not the ARN, without an asterisk at its end, of a log group of account %s in region %s", c.Account, c.Region)
		}
		q.Groups = append(q.Groups, name)
	}
	started := false
	err := d.room.Tail(ctx, c, q, func() error {
		started = true
		return send("sessionStart", types.LiveTailSessionStart{RequestId: aws.String(requestID), SessionId: aws.String(uuid.NewString()), LogGroupIdentifiers: in.LogGroupIdentifiers,
			LogStreamNames: in.LogStreamNames, LogStreamNamePrefixes: in.LogStreamNamePrefixes, LogEventFilterPattern: in.LogEventFilterPattern})
	}, func(u logs.TailUpdate) error {
		shown := types.LiveTailSessionUpdate{SessionMetadata: &types.LiveTailSessionMetadata{Sampled: u.Sampled}, SessionResults: make([]types.LiveTailSessionLogEvent, len(u.Events))}
		for i := range u.Events {
			e := &u.Events[i]
			shown.SessionResults[i] = types.LiveTailSessionLogEvent{LogGroupIdentifier: aws.String(logs.GroupARN(c, e.Group)), LogStreamName: &e.Stream,
				Message: &e.Message, Timestamp: &e.TimeMillis, IngestionTime: &e.IngestedMillis}
		}
		return send("sessionUpdate", shown)
	})
	switch {
	case errors.Is(err, logs.ErrTailOver):
		return &wire.Error{Code: "SessionTimeoutException", Message: "This session has timed out: " + err.Error()}
	case err != nil && started && ctx.Err() == nil:
		e := &wire.Error{Code: "SessionStreamingException", Message: err.Error(), Err: err}
		if fault.Is(err, fault.Internal) { // the log has it
			e.Status, e.Message = http.StatusInternalServerError, "The session cannot go on: request id "+requestID
		}
		return e
	}
	return err
}
