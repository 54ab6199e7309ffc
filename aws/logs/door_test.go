package logs_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"flowlake/access"
	door "flowlake/aws/logs"
	"flowlake/aws/wire"
	"flowlake/lake"
	"flowlake/logs"
	"flowlake/state"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	api "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/smithy-go"
)

const account = "123456789012"

// bench is the official client before the door of a room that runs.
type bench struct {
	*api.Client
	lake       *lake.Store
	endStreams func()
}

func newBench(t testing.TB) bench {
	t.Helper()
	dir := t.TempDir()
	quiet := slog.New(slog.DiscardHandler)
	keys, err := access.OpenKeys(filepath.Join(dir, "credentials"), account)
	if err != nil {
		t.Fatal(err)
	}
	guard := access.NewGuard(account)
	st, err := state.Open(filepath.Join(dir, "state"))
	if err != nil {
		t.Fatal(err)
	}
	lk, err := lake.Open(lake.Config{Dir: filepath.Join(dir, "lake")}, st, guard, quiet)
	if err != nil {
		t.Fatal(err)
	}
	room, err := logs.Open(logs.Config{Dir: filepath.Join(dir, "logs")}, st, lk, guard, quiet)
	if err != nil {
		t.Fatal(err)
	}
	room.SetDestinations(lakeStreams{})
	handler, err := wire.New(wire.Config{Keys: keys, Guard: guard, Log: quiet}, []wire.Service{door.Service(room)})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	ctx, stop := context.WithCancel(context.Background())
	ran := make(chan error)
	go func() { ran <- room.Run(ctx) }()
	t.Cleanup(func() {
		server.Close()
		stop()
		for _, err := range []error{<-ran, room.Close(), lk.Close(), st.Close()} {
			if err != nil {
				t.Error(err)
			}
		}
	})
	return bench{lake: lk, endStreams: handler.EndStreams, Client: api.New(api.Options{Region: "us-east-1", BaseEndpoint: &server.URL, RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(keys.Root().ID, keys.Root().Secret, "")})}
}

func (b bench) make(t testing.TB, group string, streams ...string) {
	t.Helper()
	if _, err := b.CreateLogGroup(t.Context(), &api.CreateLogGroupInput{LogGroupName: &group}); err != nil {
		t.Fatal(err)
	}
	for _, s := range streams {
		if _, err := b.CreateLogStream(t.Context(), &api.CreateLogStreamInput{LogGroupName: &group, LogStreamName: &s}); err != nil {
			t.Fatal(err)
		}
	}
}

func event(millis int64, message string) types.InputLogEvent {
	return types.InputLogEvent{Timestamp: &millis, Message: &message}
}

func (b bench) put(t testing.TB, group, stream string, events ...types.InputLogEvent) *api.PutLogEventsOutput {
	t.Helper()
	out, err := b.PutLogEvents(t.Context(), &api.PutLogEventsInput{LogGroupName: &group, LogStreamName: &stream, LogEvents: events})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// wantCode checks an error's code, and that its message has the words.
func wantCode(t testing.TB, err error, code, words string) {
	t.Helper()
	var e smithy.APIError
	if !errors.As(err, &e) || e.ErrorCode() != code || !strings.Contains(e.ErrorMessage(), words) {
		t.Errorf("got %v, want %s with %q", err, code, words)
	}
}

func TestGroups(t *testing.T) {
	ctx, b := t.Context(), newBench(t)
	name := aws.String("/aws/vpc/flow")
	arn := "arn:aws:logs:us-east-1:123456789012:log-group:/aws/vpc/flow"
	if _, err := b.CreateLogGroup(ctx, &api.CreateLogGroupInput{LogGroupName: name, Tags: map[string]string{"team": "net"}, LogGroupClass: types.LogGroupClassStandard}); err != nil {
		t.Fatal(err)
	}
	_, err := b.CreateLogGroup(ctx, &api.CreateLogGroupInput{LogGroupName: name})
	wantCode(t, err, "ResourceAlreadyExistsException", "The specified log group already exists")
	var exists *types.ResourceAlreadyExistsException
	if !errors.As(err, &exists) {
		t.Errorf("%T is not the SDK's exception", err)
	}
	_, err = b.CreateLogGroup(ctx, &api.CreateLogGroupInput{LogGroupName: aws.String("a b")})
	wantCode(t, err, "InvalidParameterException", "log group name")
	_, err = b.CreateLogGroup(ctx, &api.CreateLogGroupInput{LogGroupName: aws.String("k"), KmsKeyId: aws.String("arn:aws:kms:::key/1")})
	wantCode(t, err, "InvalidParameterException", "kmsKeyId")
	_, err = b.CreateLogGroup(ctx, &api.CreateLogGroupInput{LogGroupName: aws.String("k"), LogGroupClass: types.LogGroupClassInfrequentAccess})
	wantCode(t, err, "InvalidParameterException", "STANDARD")

	if _, err := b.PutRetentionPolicy(ctx, &api.PutRetentionPolicyInput{LogGroupName: name, RetentionInDays: aws.Int32(7)}); err != nil {
		t.Fatal(err)
	}
	_, err = b.PutRetentionPolicy(ctx, &api.PutRetentionPolicyInput{LogGroupName: name, RetentionInDays: aws.Int32(0)})
	wantCode(t, err, "InvalidParameterException", "enum value set")
	out, err := b.DescribeLogGroups(ctx, &api.DescribeLogGroupsInput{LogGroupNamePrefix: aws.String("/aws/")})
	if err != nil || len(out.LogGroups) != 1 {
		t.Fatalf("got %v, %v", out, err)
	}
	g := out.LogGroups[0]
	if *g.Arn != arn+":*" || *g.LogGroupArn != arn || *g.RetentionInDays != 7 || *g.StoredBytes != 0 || g.CreationTime == nil || g.LogGroupClass != "STANDARD" || *g.MetricFilterCount != 0 {
		t.Errorf("got %+v", g)
	}
	if _, err := b.DeleteRetentionPolicy(ctx, &api.DeleteRetentionPolicyInput{LogGroupName: name}); err != nil {
		t.Fatal(err)
	}
	out, err = b.DescribeLogGroups(ctx, &api.DescribeLogGroupsInput{LogGroupIdentifiers: []string{arn}})
	if err != nil || len(out.LogGroups) != 1 || out.LogGroups[0].RetentionInDays != nil {
		t.Errorf("got %v, %v", out, err)
	}
	_, err = b.DescribeLogGroups(ctx, &api.DescribeLogGroupsInput{Limit: aws.Int32(51)})
	wantCode(t, err, "InvalidParameterException", "50")

	t.Run("tags, by both families of calls", func(t *testing.T) {
		if _, err := b.TagResource(ctx, &api.TagResourceInput{ResourceArn: &arn, Tags: map[string]string{"a": "1"}}); err != nil {
			t.Fatal(err)
		}
		//lint:ignore SA1019 older clients call it
		if _, err := b.TagLogGroup(ctx, &api.TagLogGroupInput{LogGroupName: name, Tags: map[string]string{"b": "2"}}); err != nil {
			t.Fatal(err)
		}
		if _, err := b.UntagResource(ctx, &api.UntagResourceInput{ResourceArn: &arn, TagKeys: []string{"team"}}); err != nil {
			t.Fatal(err)
		}
		tags, err := b.ListTagsForResource(ctx, &api.ListTagsForResourceInput{ResourceArn: aws.String(arn + ":*")})
		if err != nil || len(tags.Tags) != 2 || tags.Tags["a"] != "1" || tags.Tags["b"] != "2" {
			t.Errorf("got %v, %v", tags, err)
		}
		//lint:ignore SA1019 older clients call it
		if _, err := b.UntagLogGroup(ctx, &api.UntagLogGroupInput{LogGroupName: name, Tags: []string{"a", "b"}}); err != nil {
			t.Fatal(err)
		}
		//lint:ignore SA1019 older clients call it
		old, err := b.ListTagsLogGroup(ctx, &api.ListTagsLogGroupInput{LogGroupName: name})
		if err != nil || len(old.Tags) != 0 {
			t.Errorf("got %v, %v", old, err)
		}
		many := map[string]string{}
		for i := range 51 {
			many[fmt.Sprint(i)] = ""
		}
		_, err = b.TagResource(ctx, &api.TagResourceInput{ResourceArn: &arn, Tags: many})
		wantCode(t, err, "TooManyTagsException", "51")
		_, err = b.ListTagsForResource(ctx, &api.ListTagsForResourceInput{ResourceArn: aws.String("g")})
		wantCode(t, err, "InvalidParameterException", "resource g: is not an ARN")
		_, err = b.ListTagsForResource(ctx, &api.ListTagsForResourceInput{ResourceArn: aws.String("arn:aws:logs:eu-west-1:123456789012:log-group:x")})
		wantCode(t, err, "InvalidParameterException", "us-east-1")
	})
	if _, err := b.DeleteLogGroup(ctx, &api.DeleteLogGroupInput{LogGroupName: name}); err != nil {
		t.Fatal(err)
	}
	_, err = b.DeleteLogGroup(ctx, &api.DeleteLogGroupInput{LogGroupName: name})
	wantCode(t, err, "ResourceNotFoundException", "The specified log group does not exist.")
	empty, err := b.DescribeLogGroups(ctx, nil)
	if err != nil || len(empty.LogGroups) != 0 || empty.NextToken != nil {
		t.Errorf("got %v, %v", empty, err)
	}
}

func TestStreams(t *testing.T) {
	ctx, b := t.Context(), newBench(t)
	b.make(t, "g")
	out, err := b.DescribeLogStreams(ctx, &api.DescribeLogStreamsInput{LogGroupName: aws.String("g")})
	if err != nil || out.LogStreams == nil || len(out.LogStreams) != 0 {
		t.Errorf("an empty group: got %#v, %v, want an empty list", out.LogStreams, err)
	}
	for i := range 5 {
		if _, err := b.CreateLogStream(ctx, &api.CreateLogStreamInput{LogGroupName: aws.String("g"), LogStreamName: aws.String(fmt.Sprint("s", i))}); err != nil {
			t.Fatal(err)
		}
	}
	now := time.Now().UnixMilli()
	b.put(t, "g", "s1", event(now-5, "a"), event(now, "b"))
	b.put(t, "g", "s3", event(now-1, "c"))
	var names []string
	pages := api.NewDescribeLogStreamsPaginator(b, &api.DescribeLogStreamsInput{LogGroupName: aws.String("g"), OrderBy: types.OrderByLastEventTime,
		Descending: aws.Bool(true), Limit: aws.Int32(2)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range page.LogStreams {
			names = append(names, *s.LogStreamName)
		}
	}
	if got := strings.Join(names, " "); got != "s1 s3 s4 s2 s0" {
		t.Errorf("by last event: %s", got)
	}
	one, err := b.DescribeLogStreams(ctx, &api.DescribeLogStreamsInput{LogGroupIdentifier: aws.String("arn:aws:logs:us-east-1:123456789012:log-group:g"), LogStreamNamePrefix: aws.String("s1")})
	if err != nil || len(one.LogStreams) != 1 {
		t.Fatalf("got %v, %v", one, err)
	}
	s := one.LogStreams[0]
	if *s.FirstEventTimestamp != now-5 || *s.LastEventTimestamp != now || s.LastIngestionTime == nil || len(*s.UploadSequenceToken) != 56 ||
		*s.Arn != "arn:aws:logs:us-east-1:123456789012:log-group:g:log-stream:s1" {
		t.Errorf("got %+v", s)
	}
	if _, err := b.DeleteLogStream(ctx, &api.DeleteLogStreamInput{LogGroupName: aws.String("g"), LogStreamName: aws.String("s1")}); err != nil {
		t.Fatal(err)
	}
	_, err = b.GetLogEvents(ctx, &api.GetLogEventsInput{LogGroupName: aws.String("g"), LogStreamName: aws.String("s1")})
	wantCode(t, err, "ResourceNotFoundException", "The specified log stream does not exist.")
	_, err = b.CreateLogStream(ctx, &api.CreateLogStreamInput{LogGroupName: aws.String("g"), LogStreamName: aws.String("a:b")})
	wantCode(t, err, "InvalidParameterException", "log stream name")
	_, err = b.DescribeLogStreams(ctx, &api.DescribeLogStreamsInput{})
	wantCode(t, err, "InvalidParameterException", "logGroupName")
}

func TestEvents(t *testing.T) {
	ctx, b := t.Context(), newBench(t)
	b.make(t, "g", "s", "t")
	now := time.Now().UnixMilli()
	const n = 25
	var events []types.InputLogEvent
	for i := range n {
		events = append(events, event(now-n+int64(i), fmt.Sprintf("line %02d \"quoted\" größe", i)))
	}
	if out := b.put(t, "g", "s", events...); len(aws.ToString(out.NextSequenceToken)) != 56 || out.RejectedLogEventsInfo != nil {
		t.Errorf("got %+v", out)
	}
	b.put(t, "g", "t", event(now, "other line"))

	t.Run("forwards with the paginator", func(t *testing.T) {
		var got []string
		pages := api.NewGetLogEventsPaginator(b, &api.GetLogEventsInput{LogGroupName: aws.String("g"), LogStreamName: aws.String("s"), StartFromHead: aws.Bool(true), Limit: aws.Int32(7)},
			func(o *api.GetLogEventsPaginatorOptions) { o.StopOnDuplicateToken = true })
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range page.Events {
				got = append(got, *e.Message)
			}
		}
		if len(got) != n || got[0] != *events[0].Message || got[n-1] != *events[n-1].Message {
			t.Errorf("got %d: %v", len(got), got)
		}
	})
	t.Run("backwards by tokens", func(t *testing.T) {
		var got []string
		in := &api.GetLogEventsInput{LogGroupIdentifier: aws.String("g"), LogStreamName: aws.String("s"), Limit: aws.Int32(10)}
		for {
			page, err := b.GetLogEvents(ctx, in)
			if err != nil {
				t.Fatal(err)
			}
			var part []string
			for _, e := range page.Events {
				part = append(part, *e.Message)
			}
			got = append(part, got...)
			if aws.ToString(in.NextToken) == *page.NextBackwardToken {
				break
			}
			in.NextToken = page.NextBackwardToken
		}
		if len(got) != n || !slices.IsSorted(got) {
			t.Errorf("got %d: %v", len(got), got)
		}
	})
	t.Run("a range of time", func(t *testing.T) {
		out, err := b.GetLogEvents(ctx, &api.GetLogEventsInput{LogGroupName: aws.String("g"), LogStreamName: aws.String("s"), StartTime: aws.Int64(now - 5), EndTime: aws.Int64(now - 2)})
		if err != nil || len(out.Events) != 3 || *out.Events[0].Timestamp != now-5 || out.Events[0].IngestionTime == nil {
			t.Errorf("got %v, %v", out, err)
		}
	})
	t.Run("filters", func(t *testing.T) {
		var got []string
		ids := map[string]bool{}
		//lint:ignore SA1019 older clients send Interleaved
		pages := api.NewFilterLogEventsPaginator(b, &api.FilterLogEventsInput{LogGroupName: aws.String("g"), FilterPattern: aws.String(`line "1"`), Limit: aws.Int32(3), Interleaved: aws.Bool(true)})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range page.Events {
				got = append(got, *e.LogStreamName+" "+*e.Message)
				ids[*e.EventId] = true
			}
		}
		if len(got) != 12 || len(ids) != 12 || !strings.HasPrefix(got[0], "s line 01") {
			t.Errorf("got %v", got)
		}
		newest, err := b.FilterLogEvents(ctx, &api.FilterLogEventsInput{LogGroupName: aws.String("g"), StartFromHead: aws.Bool(false), Limit: aws.Int32(1)})
		if err != nil || len(newest.Events) != 1 || *newest.Events[0].Message != "other line" {
			t.Errorf("got %v, %v", newest, err)
		}
		_, err = b.FilterLogEvents(ctx, &api.FilterLogEventsInput{LogGroupName: aws.String("g"), FilterPattern: aws.String("{ $.a = 1")})
		wantCode(t, err, "InvalidParameterException", "Invalid filter pattern at character 10")
		rejected, err := b.FilterLogEvents(ctx, &api.FilterLogEventsInput{LogGroupName: aws.String("g"), FilterPattern: aws.String("[word, number = 1*, ...]")})
		if err != nil || len(rejected.Events) != 10 {
			t.Errorf("got %v, %v", rejected, err)
		}
		_, err = b.FilterLogEvents(ctx, &api.FilterLogEventsInput{LogGroupName: aws.String("g"), LogStreamNames: []string{"none"}})
		wantCode(t, err, "ResourceNotFoundException", "log stream")
		_, err = b.FilterLogEvents(ctx, &api.FilterLogEventsInput{LogGroupName: aws.String("g"), LogStreamNames: []string{"s"}, LogStreamNamePrefix: aws.String("s")})
		wantCode(t, err, "InvalidParameterException", "together")
	})
	t.Run("forged tokens are refused", func(t *testing.T) {
		_, err := b.GetLogEvents(ctx, &api.GetLogEventsInput{LogGroupName: aws.String("g"), LogStreamName: aws.String("s"), NextToken: aws.String("f/123/s")})
		wantCode(t, err, "InvalidParameterException", "The specified nextToken is invalid.")
	})
	t.Run("rejected events are told", func(t *testing.T) {
		const hour = 3_600_000
		out := b.put(t, "g", "s", event(now, "taken"), event(now+3*hour, "too new"))
		if r := out.RejectedLogEventsInfo; r == nil || *r.TooNewLogEventStartIndex != 1 || r.TooOldLogEventEndIndex != nil {
			t.Errorf("got %+v", r)
		}
		out = b.put(t, "g", "s", event(now-15*24*hour, "too old"))
		if r := out.RejectedLogEventsInfo; r == nil || *r.TooOldLogEventEndIndex != 1 {
			t.Errorf("got %+v", r)
		}
	})
	t.Run("an entity is answered as rejected, a token passed over", func(t *testing.T) {
		out, err := b.PutLogEvents(ctx, &api.PutLogEventsInput{LogGroupName: aws.String("g"), LogStreamName: aws.String("s"), SequenceToken: aws.String("49"),
			Entity: &types.Entity{KeyAttributes: map[string]string{"Type": "Service", "Name": "x"}}, LogEvents: []types.InputLogEvent{event(now, "x")}})
		if err != nil || out.RejectedEntityInfo == nil {
			t.Errorf("got %+v, %v", out, err)
		}
	})
	t.Run("wrong batches are refused", func(t *testing.T) {
		for _, row := range []struct {
			name, group, stream, code, words string
			events                           []types.InputLogEvent
		}{
			{"no group", "none", "s", "ResourceNotFoundException", "The specified log group does not exist.", events},
			{"no stream", "g", "none", "ResourceNotFoundException", "The specified log stream does not exist.", events},
			{"no events", "g", "s", "InvalidParameterException", "logEvents", []types.InputLogEvent{}},
			{"out of order", "g", "s", "InvalidParameterException", "must be in chronological order", []types.InputLogEvent{event(now, "a"), event(now-1, "b")}},
			{"too large", "g", "s", "InvalidParameterException", "Upload too large: 1048578 bytes exceeds limit of 1048576", []types.InputLogEvent{
				event(now, strings.Repeat("\n", 1<<19-25)), event(now, strings.Repeat("\n", 1<<19-25))}},
		} {
			t.Run(row.name, func(t *testing.T) {
				_, err := b.PutLogEvents(ctx, &api.PutLogEventsInput{LogGroupName: &row.group, LogStreamName: &row.stream, LogEvents: row.events})
				wantCode(t, err, row.code, row.words)
			})
		}
	})
	t.Run("a full batch goes through", func(t *testing.T) {
		b.make(t, "full", "s")
		var events []types.InputLogEvent
		for range 10_000 {
			events = append(events, event(now, strings.Repeat("é", 39)))
		}
		b.put(t, "full", "s", events...)
		out, err := b.GetLogEvents(ctx, &api.GetLogEventsInput{LogGroupName: aws.String("full"), LogStreamName: aws.String("s")})
		if err != nil || len(out.Events) != 10_000 {
			t.Errorf("got %d events, %v", len(out.Events), err)
		}
	})
}

func TestExports(t *testing.T) {
	ctx, b := t.Context(), newBench(t)
	b.make(t, "g", "eni/all")
	now := time.Now().UnixMilli()
	b.put(t, "g", "eni/all", event(now-1, "a"), event(now, "b"))
	in := &api.CreateExportTaskInput{TaskName: aws.String("n"), LogGroupName: aws.String("g"), From: aws.Int64(now - 10), To: aws.Int64(now + 10),
		Destination: aws.String("to-be-made"), DestinationPrefix: aws.String("p")}
	_, err := b.CreateExportTask(ctx, in)
	wantCode(t, err, "InvalidParameterException", "The given bucket does not exist. Please make sure the bucket is valid.")
	root := access.Root(account, "us-east-1")
	if err := b.lake.CreateBucket(ctx, root, "to-be-made"); err != nil {
		t.Fatal(err)
	}
	_, err = b.CreateExportTask(ctx, in)
	wantCode(t, err, "InvalidParameterException", "GetBucketAcl call on the given bucket failed. Please check if CloudWatch Logs has been granted permission to perform this operation.")
	if err := b.lake.PutBucketPolicy(ctx, root, "to-be-made", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"logs.us-east-1.amazonaws.com"},
		"Action":["s3:GetBucketAcl","s3:PutObject"],"Resource":["arn:aws:s3:::to-be-made","arn:aws:s3:::to-be-made/p/*"]}]}`); err != nil {
		t.Fatal(err)
	}
	created, err := b.CreateExportTask(ctx, in)
	if err != nil {
		t.Fatal(err)
	}
	var task types.ExportTask
	for task.Status == nil || task.Status.Code != types.ExportTaskStatusCodeCompleted {
		out, err := b.DescribeExportTasks(ctx, &api.DescribeExportTasksInput{TaskId: created.TaskId})
		if err != nil || len(out.ExportTasks) != 1 {
			t.Fatalf("got %v, %v", out, err)
		}
		task = out.ExportTasks[0]
		time.Sleep(5 * time.Millisecond)
	}
	if *task.Destination != "to-be-made" || *task.DestinationPrefix != "p" || *task.From != now-10 || *task.TaskName != "n" || task.ExecutionInfo.CompletionTime == nil {
		t.Errorf("got %+v", task)
	}
	var keys []string
	for o, err := range b.lake.Walk(ctx, root, "to-be-made", "") {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, o.Key)
	}
	slices.Sort(keys)
	if want := []string{"p/" + *created.TaskId + "/eni-all/000000.gz", "p/aws-logs-write-test"}; !slices.Equal(keys, want) {
		t.Errorf("got %v, want %v", keys, want)
	}
	listed, err := b.DescribeExportTasks(ctx, &api.DescribeExportTasksInput{StatusCode: types.ExportTaskStatusCodeCompleted})
	if err != nil || len(listed.ExportTasks) != 1 {
		t.Errorf("got %v, %v", listed, err)
	}
	listed, err = b.DescribeExportTasks(ctx, &api.DescribeExportTasksInput{TaskId: aws.String("none")})
	if err != nil || len(listed.ExportTasks) != 0 {
		t.Errorf("an unknown id: got %v, %v", listed, err)
	}
	_, err = b.CancelExportTask(ctx, &api.CancelExportTaskInput{TaskId: created.TaskId})
	wantCode(t, err, "InvalidOperationException", "cannot be cancelled")
	_, err = b.CancelExportTask(ctx, &api.CancelExportTaskInput{TaskId: aws.String("none")})
	wantCode(t, err, "ResourceNotFoundException", "The specified export task does not exist.")
	in.To = in.From
	_, err = b.CreateExportTask(ctx, in)
	wantCode(t, err, "InvalidParameterException", "from")
}
