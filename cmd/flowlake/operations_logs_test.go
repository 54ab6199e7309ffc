package main

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	logs "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/firehose"
	firehosetypes "github.com/aws/aws-sdk-go-v2/service/firehose/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// logEvents are events a second apart that end now.
func logEvents(messages ...string) (events []types.InputLogEvent) {
	first := time.Now().Add(-time.Duration(len(messages)) * time.Second).UnixMilli()
	for i, m := range messages {
		events = append(events, types.InputLogEvent{Timestamp: aws.Int64(first + int64(i)*1000), Message: &m})
	}
	return events
}

func testLogs(t *testing.T, c *clients) {
	ctx, group, stream := t.Context(), aws.String("walk/vpc"), aws.String("eni-1-all")
	t.Run("groups", func(t *testing.T) {
		_, err := c.logs.CreateLogGroup(ctx, &logs.CreateLogGroupInput{LogGroupName: group, Tags: map[string]string{"team": "net"}})
		ok(t, err)
		_, err = c.logs.CreateLogGroup(ctx, &logs.CreateLogGroupInput{LogGroupName: group})
		typed[*types.ResourceAlreadyExistsException](t, err)
		_, err = c.logs.CreateLogGroup(ctx, &logs.CreateLogGroupInput{LogGroupName: aws.String("aws/mine")})
		refused(t, err, "InvalidParameterException", "aws/")
		_, err = c.logs.CreateLogGroup(ctx, &logs.CreateLogGroupInput{LogGroupName: aws.String("k"), KmsKeyId: aws.String("arn:aws:kms:x")})
		refused(t, err, "InvalidParameterException", "kmsKeyId")
		_, err = c.logs.PutRetentionPolicy(ctx, &logs.PutRetentionPolicyInput{LogGroupName: group, RetentionInDays: aws.Int32(30)})
		ok(t, err)
		_, err = c.logs.PutRetentionPolicy(ctx, &logs.PutRetentionPolicyInput{LogGroupName: group, RetentionInDays: aws.Int32(31)})
		typed[*types.InvalidParameterException](t, err)
		out, err := c.logs.DescribeLogGroups(ctx, &logs.DescribeLogGroupsInput{LogGroupNamePrefix: aws.String("walk/")})
		ok(t, err)
		if len(out.LogGroups) != 1 || str(out.LogGroups[0].LogGroupName) != *group || aws.ToInt32(out.LogGroups[0].RetentionInDays) != 30 ||
			str(out.LogGroups[0].Arn) != "arn:aws:logs:us-east-1:"+defaultAccount+":log-group:walk/vpc:*" {
			t.Errorf("got %+v", out.LogGroups)
		}
		_, err = c.logs.DeleteRetentionPolicy(ctx, &logs.DeleteRetentionPolicyInput{LogGroupName: group})
		ok(t, err)
		out, err = c.logs.DescribeLogGroups(ctx, &logs.DescribeLogGroupsInput{LogGroupNamePrefix: aws.String("walk/")})
		ok(t, err)
		if len(out.LogGroups) != 1 || out.LogGroups[0].RetentionInDays != nil {
			t.Errorf("the policy is still there: %+v", out.LogGroups)
		}
		_, err = c.logs.DeleteRetentionPolicy(ctx, &logs.DeleteRetentionPolicyInput{LogGroupName: aws.String("none")})
		typed[*types.ResourceNotFoundException](t, err)
		_, err = c.logs.DescribeLogGroups(ctx, &logs.DescribeLogGroupsInput{NextToken: aws.String("made up")})
		refused(t, err, "InvalidParameterException", "oken")
		there, err := c.clients("eu-west-1").logs.DescribeLogGroups(ctx, &logs.DescribeLogGroupsInput{})
		if err != nil || len(there.LogGroups) != 0 {
			t.Errorf("another region has %+v, %v", there, err)
		}
	})
	t.Run("tags", func(t *testing.T) {
		arn := aws.String("arn:aws:logs:us-east-1:" + defaultAccount + ":log-group:walk/vpc")
		_, err := c.logs.TagResource(ctx, &logs.TagResourceInput{ResourceArn: arn, Tags: map[string]string{"a": "1", "b": "2"}})
		ok(t, err)
		_, err = c.logs.UntagResource(ctx, &logs.UntagResourceInput{ResourceArn: arn, TagKeys: []string{"team"}})
		ok(t, err)
		//lint:ignore SA1019 deprecated, and called by clients still
		_, err = c.logs.TagLogGroup(ctx, &logs.TagLogGroupInput{LogGroupName: group, Tags: map[string]string{"c": "3"}})
		ok(t, err)
		//lint:ignore SA1019 as above
		_, err = c.logs.UntagLogGroup(ctx, &logs.UntagLogGroupInput{LogGroupName: group, Tags: []string{"b"}})
		ok(t, err)
		got, err := c.logs.ListTagsForResource(ctx, &logs.ListTagsForResourceInput{ResourceArn: arn})
		ok(t, err)
		//lint:ignore SA1019 as above
		same, err := c.logs.ListTagsLogGroup(ctx, &logs.ListTagsLogGroupInput{LogGroupName: group})
		ok(t, err)
		if want := "map[a:1 c:3]"; fmt.Sprint(got.Tags) != want || fmt.Sprint(same.Tags) != want {
			t.Errorf("got %v and %v, want %s", got.Tags, same.Tags, want)
		}
		_, err = c.logs.ListTagsForResource(ctx, &logs.ListTagsForResourceInput{ResourceArn: aws.String(*arn + "-none")})
		typed[*types.ResourceNotFoundException](t, err)
	})
	t.Run("streams", func(t *testing.T) {
		for _, name := range []string{*stream, "eni-2-all"} {
			_, err := c.logs.CreateLogStream(ctx, &logs.CreateLogStreamInput{LogGroupName: group, LogStreamName: &name})
			ok(t, err)
		}
		_, err := c.logs.CreateLogStream(ctx, &logs.CreateLogStreamInput{LogGroupName: group, LogStreamName: stream})
		typed[*types.ResourceAlreadyExistsException](t, err)
		_, err = c.logs.CreateLogStream(ctx, &logs.CreateLogStreamInput{LogGroupName: group, LogStreamName: aws.String("a:b")})
		typed[*types.InvalidParameterException](t, err)
		_, err = c.logs.DeleteLogStream(ctx, &logs.DeleteLogStreamInput{LogGroupName: group, LogStreamName: aws.String("eni-2-all")})
		ok(t, err)
		_, err = c.logs.DeleteLogStream(ctx, &logs.DeleteLogStreamInput{LogGroupName: group, LogStreamName: aws.String("eni-2-all")})
		typed[*types.ResourceNotFoundException](t, err)
		out, err := c.logs.DescribeLogStreams(ctx, &logs.DescribeLogStreamsInput{LogGroupName: group})
		ok(t, err)
		if len(out.LogStreams) != 1 || str(out.LogStreams[0].LogStreamName) != *stream || out.LogStreams[0].LastEventTimestamp != nil {
			t.Errorf("got %+v", out.LogStreams)
		}
	})
	t.Run("events", func(t *testing.T) {
		events := logEvents("first accepted", "second REJECT", "third accepted", "vierte ü€😀 REJECT")
		put, err := c.logs.PutLogEvents(ctx, &logs.PutLogEventsInput{LogGroupName: group, LogStreamName: stream, LogEvents: events})
		ok(t, err)
		if str(put.NextSequenceToken) == "" || put.RejectedLogEventsInfo != nil {
			t.Errorf("got %+v", put)
		}
		old := []types.InputLogEvent{{Timestamp: aws.Int64(time.Now().Add(-15 * 24 * time.Hour).UnixMilli()), Message: aws.String("old")}}
		put, err = c.logs.PutLogEvents(ctx, &logs.PutLogEventsInput{LogGroupName: group, LogStreamName: stream, LogEvents: old})
		ok(t, err)
		if r := put.RejectedLogEventsInfo; r == nil || aws.ToInt32(r.TooOldLogEventEndIndex) != 1 {
			t.Errorf("an event of 15 days ago: got %+v", r)
		}
		backwards := []types.InputLogEvent{events[1], events[0]}
		_, err = c.logs.PutLogEvents(ctx, &logs.PutLogEventsInput{LogGroupName: group, LogStreamName: stream, LogEvents: backwards})
		refused(t, err, "InvalidParameterException", "")
		_, err = c.logs.PutLogEvents(ctx, &logs.PutLogEventsInput{LogGroupName: group, LogStreamName: aws.String("none"), LogEvents: events})
		typed[*types.ResourceNotFoundException](t, err)

		page := &logs.GetLogEventsInput{LogGroupName: group, LogStreamName: stream, Limit: aws.Int32(3), StartFromHead: aws.Bool(true)}
		var forward []string
		for {
			out, err := c.logs.GetLogEvents(ctx, page)
			ok(t, err)
			if str(out.NextForwardToken) == str(page.NextToken) {
				break
			}
			for _, e := range out.Events {
				forward = append(forward, *e.Message)
			}
			page.NextToken = out.NextForwardToken
		}
		var back []string
		page = &logs.GetLogEventsInput{LogGroupName: group, LogStreamName: stream, Limit: aws.Int32(3)}
		for {
			out, err := c.logs.GetLogEvents(ctx, page)
			ok(t, err)
			if str(out.NextBackwardToken) == str(page.NextToken) {
				break
			}
			for _, e := range slices.Backward(out.Events) {
				back = append(back, *e.Message)
			}
			page.NextToken = out.NextBackwardToken
		}
		slices.Reverse(back)
		var want []string
		for _, e := range events {
			want = append(want, *e.Message)
		}
		if !slices.Equal(forward, want) || !slices.Equal(back, want) {
			t.Errorf("got %q forwards and %q backwards, want %q", forward, back, want)
		}
		_, err = c.logs.GetLogEvents(ctx, &logs.GetLogEventsInput{LogGroupName: group, LogStreamName: stream, NextToken: aws.String("f/1")})
		refused(t, err, "InvalidParameterException", "oken")

		found, err := c.logs.FilterLogEvents(ctx, &logs.FilterLogEventsInput{LogGroupName: group, FilterPattern: aws.String(`REJECT "ü€😀"`)})
		ok(t, err)
		if len(found.Events) != 1 || *found.Events[0].Message != want[3] || *found.Events[0].LogStreamName != *stream || str(found.Events[0].EventId) == "" {
			t.Errorf("got %+v", found.Events)
		}
		_, err = c.logs.FilterLogEvents(ctx, &logs.FilterLogEventsInput{LogGroupName: group, FilterPattern: aws.String(`"open`)})
		refused(t, err, "InvalidParameterException", "")
	})
	t.Run("a group goes with its events", func(t *testing.T) {
		gone := aws.String("walk/gone")
		_, err := c.logs.CreateLogGroup(ctx, &logs.CreateLogGroupInput{LogGroupName: gone})
		ok(t, err)
		_, err = c.logs.DeleteLogGroup(ctx, &logs.DeleteLogGroupInput{LogGroupName: gone})
		ok(t, err)
		_, err = c.logs.DeleteLogGroup(ctx, &logs.DeleteLogGroupInput{LogGroupName: gone})
		typed[*types.ResourceNotFoundException](t, err)
		_, err = c.logs.DescribeLogStreams(ctx, &logs.DescribeLogStreamsInput{LogGroupName: gone})
		typed[*types.ResourceNotFoundException](t, err)
	})
}

func testExport(t *testing.T, c *clients) {
	ctx, group := t.Context(), aws.String("export/source")
	_, err := c.logs.CreateLogGroup(ctx, &logs.CreateLogGroupInput{LogGroupName: group})
	ok(t, err)
	_, err = c.logs.CreateLogStream(ctx, &logs.CreateLogStreamInput{LogGroupName: group, LogStreamName: aws.String("a/b")})
	ok(t, err)
	events := logEvents("one", "two")
	_, err = c.logs.PutLogEvents(ctx, &logs.PutLogEventsInput{LogGroupName: group, LogStreamName: aws.String("a/b"), LogEvents: events})
	ok(t, err)
	in := func() *logs.CreateExportTaskInput {
		return &logs.CreateExportTaskInput{TaskName: aws.String("walk"), LogGroupName: group, From: aws.Int64(0), To: aws.Int64(time.Now().Add(time.Hour).UnixMilli()),
			Destination: aws.String("exports"), DestinationPrefix: aws.String("p")}
	}
	_, err = c.logs.CreateExportTask(ctx, in())
	refused(t, err, "InvalidParameterException", "The given bucket does not exist. Please make sure the bucket is valid.")
	_, err = c.s3.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String("exports")})
	ok(t, err)
	_, err = c.logs.CreateExportTask(ctx, in())
	refused(t, err, "InvalidParameterException", "GetBucketAcl call on the given bucket failed. Please check if CloudWatch Logs has been granted permission to perform this operation.")
	c.letExport(t, "exports", "p")
	made, err := c.logs.CreateExportTask(ctx, in())
	ok(t, err)
	task := exported(t, c, *made.TaskId)
	if task.Status.Code != types.ExportTaskStatusCodeCompleted || str(task.TaskName) != "walk" || str(task.DestinationPrefix) != "p" || task.ExecutionInfo.CompletionTime == nil {
		t.Errorf("got %+v, %+v", task, task.Status)
	}
	if got := contents(t, c, "exports", "p/aws-logs-write-test"); got != "Permission Check Successful" {
		t.Errorf("the write test holds %q", got)
	}
	lines := unzip(t, contents(t, c, "exports", "p/"+*made.TaskId+"/a-b/000000.gz"))
	for i, e := range events {
		if want := time.UnixMilli(*e.Timestamp).UTC().Format("2006-01-02T15:04:05.000Z ") + *e.Message; i >= len(lines) || lines[i] != want {
			t.Errorf("line %d: got %q, want %q", i, lines, want)
		}
	}
	_, err = c.logs.DescribeExportTasks(ctx, &logs.DescribeExportTasksInput{Limit: aws.Int32(51)})
	typed[*types.InvalidParameterException](t, err)
	_, err = c.logs.CancelExportTask(ctx, &logs.CancelExportTaskInput{TaskId: made.TaskId})
	typed[*types.InvalidOperationException](t, err)

	t.Run("one that runs is cancelled, and no second one runs beside it", func(t *testing.T) {
		big := make([]string, 0, 1000)
		random := rand.New(rand.NewPCG(1, 1))
		for range cap(big) { // text that does not compress takes the export a while
			var b strings.Builder
			for b.Len() < 1000 {
				fmt.Fprintf(&b, "%x ", random.Uint64())
			}
			big = append(big, b.String()[:1000])
		}
		for range 40 {
			_, err := c.logs.PutLogEvents(ctx, &logs.PutLogEventsInput{LogGroupName: group, LogStreamName: aws.String("a/b"), LogEvents: logEvents(big...)})
			ok(t, err)
		}
		made, err := c.logs.CreateExportTask(ctx, in())
		ok(t, err)
		_, second := c.logs.CreateExportTask(ctx, in())
		_, err = c.logs.CancelExportTask(ctx, &logs.CancelExportTaskInput{TaskId: made.TaskId})
		ok(t, err)
		typed[*types.LimitExceededException](t, second)
		task := exported(t, c, *made.TaskId)
		if task.Status.Code != types.ExportTaskStatusCodeCancelled {
			t.Errorf("got %+v", task.Status)
		}
		list, err := c.logs.DescribeExportTasks(ctx, &logs.DescribeExportTasksInput{StatusCode: types.ExportTaskStatusCodeCancelled})
		ok(t, err)
		if len(list.ExportTasks) != 1 || *list.ExportTasks[0].TaskId != *made.TaskId {
			t.Errorf("got %+v", list.ExportTasks)
		}
	})
}

// exported waits for a task's end.
func exported(t testing.TB, c *clients, id string) (task types.ExportTask) {
	t.Helper()
	until(t, "export task "+id, func() bool {
		out, err := c.logs.DescribeExportTasks(t.Context(), &logs.DescribeExportTasksInput{TaskId: &id})
		ok(t, err)
		if len(out.ExportTasks) != 1 {
			t.Fatalf("got %d tasks of one id", len(out.ExportTasks))
		}
		task = out.ExportTasks[0]
		return regexp.MustCompile("^(COMPLETED|FAILED|CANCELLED)$").MatchString(string(task.Status.Code))
	})
	return task
}

// contents reads an object.
func contents(t testing.TB, c *clients, bucket, key string) string {
	t.Helper()
	out, err := c.s3.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		t.Fatalf("s3://%s/%s: %v", bucket, key, err)
	}
	defer out.Body.Close()
	b, err := io.ReadAll(out.Body)
	ok(t, err)
	return string(b)
}

// unzip is the lines of a gzip text that ends in a line's end.
func unzip(t testing.TB, text string) []string {
	t.Helper()
	zr, err := gzip.NewReader(strings.NewReader(text))
	ok(t, err)
	b, err := io.ReadAll(zr)
	ok(t, err)
	if !strings.HasSuffix(string(b), "\n") {
		t.Fatalf("the last line of %d bytes has no end", len(b))
	}
	return strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
}

func testLogFilters(t *testing.T, c *clients) {
	ctx, group := t.Context(), aws.String("walk/filters")
	_, err := c.logs.CreateLogGroup(ctx, &logs.CreateLogGroupInput{LogGroupName: group})
	ok(t, err)
	t.Run("patterns", func(t *testing.T) {
		out, err := c.logs.TestMetricFilter(ctx, &logs.TestMetricFilterInput{FilterPattern: aws.String("[version, account_id, ..., action = REJECT, log_status]"),
			LogEventMessages: []string{"2 123456789010 eni-1 10.0.0.1 10.0.0.2 1 2 6 1 40 1 2 ACCEPT OK", "2 123456789010 eni-1 10.0.0.1 10.0.0.2 1 2 6 1 40 1 2 REJECT OK"}})
		ok(t, err)
		if len(out.Matches) != 1 || out.Matches[0].EventNumber != 1 || out.Matches[0].ExtractedValues["$account_id"] != "123456789010" || out.Matches[0].ExtractedValues["$4"] != "10.0.0.1" {
			t.Errorf("got %+v", out.Matches)
		}
		_, err = c.logs.TestMetricFilter(ctx, &logs.TestMetricFilterInput{FilterPattern: aws.String("{ $.a"), LogEventMessages: []string{"x"}})
		typed[*types.InvalidParameterException](t, err)
	})
	t.Run("metric filters", func(t *testing.T) {
		_, err := c.logs.PutMetricFilter(ctx, &logs.PutMetricFilterInput{LogGroupName: group, FilterName: aws.String("rejects"), FilterPattern: aws.String("REJECT"),
			MetricTransformations: []types.MetricTransformation{{MetricName: aws.String("Rejects"), MetricNamespace: aws.String("VPC"), MetricValue: aws.String("1")}}})
		ok(t, err)
		out, err := c.logs.DescribeMetricFilters(ctx, &logs.DescribeMetricFiltersInput{LogGroupName: group})
		ok(t, err)
		groups, err := c.logs.DescribeLogGroups(ctx, &logs.DescribeLogGroupsInput{LogGroupNamePrefix: group})
		ok(t, err)
		if len(out.MetricFilters) != 1 || str(out.MetricFilters[0].FilterPattern) != "REJECT" || aws.ToInt32(groups.LogGroups[0].MetricFilterCount) != 1 {
			t.Errorf("got %+v, %+v", out.MetricFilters, groups.LogGroups)
		}
		_, err = c.logs.DeleteMetricFilter(ctx, &logs.DeleteMetricFilterInput{LogGroupName: group, FilterName: aws.String("rejects")})
		ok(t, err)
		_, err = c.logs.DeleteMetricFilter(ctx, &logs.DeleteMetricFilterInput{LogGroupName: group, FilterName: aws.String("rejects")})
		typed[*types.ResourceNotFoundException](t, err)
	})
	t.Run("resource policies", func(t *testing.T) {
		name := aws.String("deliveries")
		_, err := c.logs.PutResourcePolicy(ctx, &logs.PutResourcePolicyInput{PolicyName: name, PolicyDocument: aws.String(
			`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"delivery.logs.amazonaws.com"},"Action":"logs:PutLogEvents","Resource":"*"}]}`)})
		ok(t, err)
		out, err := c.logs.DescribeResourcePolicies(ctx, &logs.DescribeResourcePoliciesInput{})
		ok(t, err)
		if len(out.ResourcePolicies) != 1 || str(out.ResourcePolicies[0].PolicyName) != *name {
			t.Errorf("got %+v", out.ResourcePolicies)
		}
		_, err = c.logs.DeleteResourcePolicy(ctx, &logs.DeleteResourcePolicyInput{PolicyName: name})
		ok(t, err)
	})
	t.Run("subscription filters", func(t *testing.T) {
		streams, role := firehose.NewFromConfig(c.config("")), aws.String("arn:aws:iam::"+defaultAccount+":role/flow")
		c.letRole(t, *role)
		_, err := c.s3.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String("walk-filters")})
		ok(t, err)
		made, err := streams.CreateDeliveryStream(ctx, &firehose.CreateDeliveryStreamInput{DeliveryStreamName: aws.String("walk-filters"),
			ExtendedS3DestinationConfiguration: &firehosetypes.ExtendedS3DestinationConfiguration{BucketARN: aws.String("arn:aws:s3:::walk-filters"), RoleARN: role}})
		ok(t, err)
		in := &logs.PutSubscriptionFilterInput{LogGroupName: group, FilterName: aws.String("to the lake"), FilterPattern: aws.String("[a, b]"), DestinationArn: made.DeliveryStreamARN, RoleArn: role}
		until(t, "the delivery stream is active", func() bool {
			_, err = c.logs.PutSubscriptionFilter(ctx, in)
			return err == nil || !strings.Contains(err.Error(), "Could not deliver test message")
		})
		ok(t, err)
		out, err := c.logs.DescribeSubscriptionFilters(ctx, &logs.DescribeSubscriptionFiltersInput{LogGroupName: group})
		ok(t, err)
		if len(out.SubscriptionFilters) != 1 || str(out.SubscriptionFilters[0].DestinationArn) != *made.DeliveryStreamARN || str(out.SubscriptionFilters[0].RoleArn) != *role ||
			out.SubscriptionFilters[0].Distribution != types.DistributionByLogStream {
			t.Errorf("got %+v", out.SubscriptionFilters)
		}
		_, err = c.logs.DeleteSubscriptionFilter(ctx, &logs.DeleteSubscriptionFilterInput{LogGroupName: group, FilterName: in.FilterName})
		ok(t, err)
		in.DestinationArn = aws.String(*made.DeliveryStreamARN + "-none")
		_, err = c.logs.PutSubscriptionFilter(ctx, in)
		typed[*types.InvalidParameterException](t, err)
		in.DestinationArn = aws.String("arn:aws:lambda:us-east-1:" + defaultAccount + ":function:f")
		_, err = c.logs.PutSubscriptionFilter(ctx, in)
		refused(t, err, "InvalidParameterException", "functions are not supported yet")
		_, err = streams.DeleteDeliveryStream(ctx, &firehose.DeleteDeliveryStreamInput{DeliveryStreamName: aws.String("walk-filters")})
		ok(t, err)
		_, err = c.s3.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: aws.String("walk-filters")})
		ok(t, err)
	})
}

// plainHost is the setting that a client of StartLiveTail needs: the SDK puts "stream-" before the endpoint's host.
func plainHost(o *logs.Options) {
	o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
		return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("PlainHost", func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
			return next.HandleInitialize(smithyhttp.DisableEndpointHostPrefix(ctx, true), in)
		}), middleware.Before)
	})
}

func testLiveTail(t *testing.T, c *clients) {
	ctx, group, stream := t.Context(), aws.String("walk/tail"), aws.String("eni-1-all")
	_, err := c.logs.CreateLogGroup(ctx, &logs.CreateLogGroupInput{LogGroupName: group})
	ok(t, err)
	_, err = c.logs.CreateLogStream(ctx, &logs.CreateLogStreamInput{LogGroupName: group, LogStreamName: stream})
	ok(t, err)
	out, err := c.logs.StartLiveTail(ctx, &logs.StartLiveTailInput{LogGroupIdentifiers: []string{"arn:aws:logs:us-east-1:" + defaultAccount + ":log-group:walk/tail"}}, plainHost)
	ok(t, err)
	tail := out.GetStream()
	if _, started := (<-tail.Events()).(*types.StartLiveTailResponseStreamMemberSessionStart); !started {
		t.Fatal(tail.Err())
	}
	_, err = c.logs.PutLogEvents(ctx, &logs.PutLogEventsInput{LogGroupName: group, LogStreamName: stream, LogEvents: logEvents("one", "two")})
	ok(t, err)
	var got []string
	for e := range tail.Events() {
		for _, r := range e.(*types.StartLiveTailResponseStreamMemberSessionUpdate).Value.SessionResults {
			got = append(got, str(r.Message))
		}
		if len(got) == 2 {
			break
		}
	}
	if fmt.Sprint(got) != "[one two]" {
		t.Errorf("got %v, %v", got, tail.Err())
	}
	ok(t, tail.Close())
	text, errs, code := runCommand(t, c.env(t), "", "tail", *group, "--output", "message")
	if code != 0 || text != "one\ntwo\n" || errs != "" {
		t.Errorf("exit %d, %q, %q", code, text, errs)
	}
}
