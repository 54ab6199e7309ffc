package logs_test

import (
	"context"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// plainHost is the one setting that a client of StartLiveTail needs: the SDK puts "stream-" before the endpoint's host, which
// no server on this machine has for a name.
func plainHost(o *api.Options) {
	o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
		return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("PlainHost", func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
			return next.HandleInitialize(smithyhttp.DisableEndpointHostPrefix(ctx, true), in)
		}), middleware.Before)
	})
}

const tailARN = "arn:aws:logs:us-east-1:123456789012:log-group:"

func TestStartLiveTail(t *testing.T) {
	ctx, b := t.Context(), newBench(t)
	b.make(t, "g", "s", "t")
	out, err := b.StartLiveTail(ctx, &api.StartLiveTailInput{LogGroupIdentifiers: []string{tailARN + "g"}, LogStreamNamePrefixes: []string{"s"}, LogEventFilterPattern: aws.String("%x[0-9]%")}, plainHost)
	if err != nil {
		t.Fatal(err)
	}
	stream := out.GetStream()
	defer stream.Close()
	start, ok := (<-stream.Events()).(*types.StartLiveTailResponseStreamMemberSessionStart)
	if !ok || start.Value.SessionId == nil || start.Value.RequestId == nil || start.Value.LogGroupIdentifiers[0] != tailARN+"g" || *start.Value.LogEventFilterPattern != "%x[0-9]%" ||
		start.Value.LogStreamNamePrefixes[0] != "s" {
		t.Fatalf("got %+v, %v", start, stream.Err())
	}
	now := time.Now().UnixMilli()
	b.put(t, "g", "s", event(now, "x1"), event(now, "y"))
	b.put(t, "g", "t", event(now, "x2"))
	var got []types.LiveTailSessionLogEvent
	for e := range stream.Events() {
		update, ok := e.(*types.StartLiveTailResponseStreamMemberSessionUpdate)
		if !ok || update.Value.SessionMetadata == nil || update.Value.SessionMetadata.Sampled {
			t.Fatalf("got %+v", e)
		}
		if got = append(got, update.Value.SessionResults...); len(got) > 0 {
			break
		}
	}
	if len(got) != 1 || *got[0].Message != "x1" || *got[0].LogStreamName != "s" || *got[0].Timestamp != now || got[0].IngestionTime == nil || *got[0].LogGroupIdentifier != tailARN+"g" {
		t.Errorf("got %+v, %v", got, stream.Err())
	}

	if _, err := b.DeleteLogGroup(ctx, &api.DeleteLogGroupInput{LogGroupName: aws.String("g")}); err != nil {
		t.Fatal(err)
	}
	for range stream.Events() {
	}
	wantCode(t, stream.Err(), "SessionStreamingException", "The specified log group does not exist.")
}

func TestStartLiveTailRefuses(t *testing.T) {
	ctx, b := t.Context(), newBench(t)
	b.make(t, "g")
	for _, row := range []struct {
		code, words string
		in          api.StartLiveTailInput
	}{
		{"InvalidParameterException", "is not the ARN", api.StartLiveTailInput{LogGroupIdentifiers: []string{"g"}}},
		{"InvalidParameterException", "is not the ARN", api.StartLiveTailInput{LogGroupIdentifiers: []string{tailARN + "g:*"}}},
		{"ResourceNotFoundException", "log group", api.StartLiveTailInput{LogGroupIdentifiers: []string{tailARN + "none"}}},
		{"InvalidParameterException", "filter pattern", api.StartLiveTailInput{LogGroupIdentifiers: []string{tailARN + "g"}, LogEventFilterPattern: aws.String("{")}},
		{"InvalidParameterException", "cannot be used together", api.StartLiveTailInput{LogGroupIdentifiers: []string{tailARN + "g"}, LogStreamNames: []string{"a"}, LogStreamNamePrefixes: []string{"a"}}},
	} {
		_, err := b.StartLiveTail(ctx, &row.in, plainHost)
		wantCode(t, err, row.code, row.words)
	}
}

func TestALiveTailEndsWithItsServer(t *testing.T) {
	ctx, b := t.Context(), newBench(t)
	b.make(t, "g")
	out, err := b.StartLiveTail(ctx, &api.StartLiveTailInput{LogGroupIdentifiers: []string{tailARN + "g"}}, plainHost)
	if err != nil {
		t.Fatal(err)
	}
	defer out.GetStream().Close()
	<-out.GetStream().Events()
	b.endStreams()
	ended := make(chan error)
	go func() {
		for range out.GetStream().Events() {
		}
		ended <- out.GetStream().Err()
	}()
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("it ended with %v", err)
		}
	case <-time.After(5 * time.Second):
		t.Error("it goes on")
	}
}
