package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/athena"
	athenatypes "github.com/aws/aws-sdk-go-v2/service/athena/types"
	logs "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logstypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/firehose"
	"github.com/aws/aws-sdk-go-v2/service/firehose/types"
	"github.com/aws/aws-sdk-go-v2/service/glue"
	gluetypes "github.com/aws/aws-sdk-go-v2/service/glue/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

const (
	firehoseBucket = "walk-streams"
	firehoseRole   = "arn:aws:iam::" + defaultAccount + ":role/firehose"
)

// streams is the official client of delivery streams.
func (p *process) streams() *firehose.Client { return firehose.NewFromConfig(p.config("")) }

// to is a destination below a prefix of the bucket, written at once.
func to(prefix string) *types.ExtendedS3DestinationConfiguration {
	return &types.ExtendedS3DestinationConfiguration{BucketARN: aws.String("arn:aws:s3:::" + firehoseBucket), RoleARN: aws.String(firehoseRole), Prefix: &prefix,
		BufferingHints: &types.BufferingHints{IntervalInSeconds: aws.Int32(0)}}
}

// active waits until a stream takes records.
func active(t testing.TB, c *firehose.Client, name string) {
	t.Helper()
	until(t, "stream "+name, func() bool {
		out, err := c.DescribeDeliveryStream(t.Context(), &firehose.DescribeDeliveryStreamInput{DeliveryStreamName: &name})
		ok(t, err)
		return out.DeliveryStreamDescription.DeliveryStreamStatus == types.DeliveryStreamStatusActive
	})
}

func testFirehoseStreams(t *testing.T, all *clients) {
	ctx, c, name := t.Context(), all.streams(), aws.String("walk-plain")
	all.letRole(t, firehoseRole)
	_, err := all.s3.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String(firehoseBucket)})
	ok(t, err)
	made, err := c.CreateDeliveryStream(ctx, &firehose.CreateDeliveryStreamInput{DeliveryStreamName: name, ExtendedS3DestinationConfiguration: to("plain/"),
		Tags: []types.Tag{{Key: aws.String("team"), Value: aws.String("net")}}})
	ok(t, err)
	if *made.DeliveryStreamARN != "arn:aws:firehose:us-east-1:"+defaultAccount+":deliverystream/walk-plain" {
		t.Errorf("got %s", *made.DeliveryStreamARN)
	}
	_, err = c.CreateDeliveryStream(ctx, &firehose.CreateDeliveryStreamInput{DeliveryStreamName: name, ExtendedS3DestinationConfiguration: to("plain/")})
	typed[*types.ResourceInUseException](t, err)
	_, err = c.CreateDeliveryStream(ctx, &firehose.CreateDeliveryStreamInput{DeliveryStreamName: aws.String("other"), HttpEndpointDestinationConfiguration: &types.HttpEndpointDestinationConfiguration{
		EndpointConfiguration: &types.HttpEndpointConfiguration{Url: aws.String("https://x")}, S3Configuration: &types.S3DestinationConfiguration{BucketARN: aws.String("x"), RoleARN: aws.String("x")}}})
	refused(t, err, "InvalidArgumentException", "HttpEndpointDestinationConfiguration")
	active(t, c, *name)
	list, err := c.ListDeliveryStreams(ctx, &firehose.ListDeliveryStreamsInput{})
	ok(t, err)
	if !slices.Contains(list.DeliveryStreamNames, *name) {
		t.Errorf("got %v", list.DeliveryStreamNames)
	}
	_, err = c.TagDeliveryStream(ctx, &firehose.TagDeliveryStreamInput{DeliveryStreamName: name, Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("1")}}})
	ok(t, err)
	_, err = c.UntagDeliveryStream(ctx, &firehose.UntagDeliveryStreamInput{DeliveryStreamName: name, TagKeys: []string{"team"}})
	ok(t, err)
	tags, err := c.ListTagsForDeliveryStream(ctx, &firehose.ListTagsForDeliveryStreamInput{DeliveryStreamName: name})
	ok(t, err)
	if len(tags.Tags) != 1 || *tags.Tags[0].Key != "a" {
		t.Errorf("got %+v", tags.Tags)
	}
	_, err = c.StartDeliveryStreamEncryption(ctx, &firehose.StartDeliveryStreamEncryptionInput{DeliveryStreamName: name})
	ok(t, err)
	one, err := c.PutRecord(ctx, &firehose.PutRecordInput{DeliveryStreamName: name, Record: &types.Record{Data: []byte("one\n")}})
	ok(t, err)
	if !*one.Encrypted || *one.RecordId == "" {
		t.Errorf("got %+v", one)
	}
	_, err = c.StopDeliveryStreamEncryption(ctx, &firehose.StopDeliveryStreamEncryptionInput{DeliveryStreamName: name})
	ok(t, err)
	many, err := c.PutRecordBatch(ctx, &firehose.PutRecordBatchInput{DeliveryStreamName: name, Records: []types.Record{{Data: []byte("two\n")}, {Data: []byte("three\n")}}})
	ok(t, err)
	if *many.FailedPutCount != 0 || len(many.RequestResponses) != 2 || *many.Encrypted {
		t.Errorf("got %+v", many)
	}
	until(t, "delivery", func() bool {
		text := ""
		for _, key := range all.objects(t, firehoseBucket, "plain/") {
			text += contents(t, all, firehoseBucket, key)
		}
		return len(text) == len("one\ntwo\nthree\n")
	})
	_, err = c.UpdateDestination(ctx, &firehose.UpdateDestinationInput{DeliveryStreamName: name, CurrentDeliveryStreamVersionId: aws.String("1"), DestinationId: aws.String("destinationId-000000000001"),
		ExtendedS3DestinationUpdate: &types.ExtendedS3DestinationUpdate{CompressionFormat: types.CompressionFormatGzip}})
	ok(t, err)
	_, err = c.UpdateDestination(ctx, &firehose.UpdateDestinationInput{DeliveryStreamName: name, CurrentDeliveryStreamVersionId: aws.String("1"), DestinationId: aws.String("destinationId-000000000001"),
		ExtendedS3DestinationUpdate: &types.ExtendedS3DestinationUpdate{}})
	typed[*types.ConcurrentModificationException](t, err)
	_, err = c.DeleteDeliveryStream(ctx, &firehose.DeleteDeliveryStreamInput{DeliveryStreamName: name})
	ok(t, err)
	until(t, "the stream's end", func() bool {
		_, err := c.DescribeDeliveryStream(ctx, &firehose.DescribeDeliveryStreamInput{DeliveryStreamName: name})
		return err != nil
	})
	_, err = c.PutRecord(ctx, &firehose.PutRecordInput{DeliveryStreamName: name, Record: &types.Record{Data: []byte("late")}})
	typed[*types.ResourceNotFoundException](t, err)
}

// testFirehoseFlows is seed 004's first half: lines that arrive in a log group are Parquet, in their partition, and answer a query.
func testFirehoseFlows(t *testing.T, all *clients) {
	ctx, c, name, db := t.Context(), all.streams(), "walk-flows", all.database(t, "walk_streams")
	var columns []gluetypes.Column
	for _, col := range []string{"version int", "account_id string", "interface_id string", "srcaddr string", "dstaddr string", "srcport string", "dstport string", "protocol int",
		"packets bigint", "bytes bigint", "start timestamp", "end timestamp", "action string", "log_status string"} {
		n, typ, _ := strings.Cut(col, " ")
		columns = append(columns, gluetypes.Column{Name: &n, Type: &typ})
	}
	table := &gluetypes.TableInput{Name: aws.String("flow_logs"), TableType: aws.String("EXTERNAL_TABLE"), StorageDescriptor: &gluetypes.StorageDescriptor{Columns: columns,
		Location: aws.String("s3://" + firehoseBucket + "/flows/"), InputFormat: aws.String("org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"),
		OutputFormat: aws.String("org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"),
		SerdeInfo:    &gluetypes.SerDeInfo{SerializationLibrary: aws.String("org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe")}}}
	for _, k := range []string{"year", "month", "day", "hour"} {
		table.PartitionKeys = append(table.PartitionKeys, gluetypes.Column{Name: &k, Type: aws.String("string")})
	}
	_, err := all.glue.CreateTable(ctx, &glue.CreateTableInput{DatabaseName: db, TableInput: table})
	ok(t, err)
	in := to("flows/")
	in.ProcessingConfiguration = &types.ProcessingConfiguration{Enabled: aws.Bool(true), Processors: []types.Processor{
		{Type: types.ProcessorTypeDecompression, Parameters: []types.ProcessorParameter{{ParameterName: types.ProcessorParameterNameCompressionFormat, ParameterValue: aws.String("GZIP")}}},
		{Type: types.ProcessorTypeCloudWatchLogProcessing, Parameters: []types.ProcessorParameter{{ParameterName: "ExtractedFields", ParameterValue: aws.String("true")}}}}}
	in.DataFormatConversionConfiguration = &types.DataFormatConversionConfiguration{
		SchemaConfiguration:       &types.SchemaConfiguration{DatabaseName: db, TableName: aws.String("flow_logs"), RoleARN: aws.String(firehoseRole)},
		InputFormatConfiguration:  &types.InputFormatConfiguration{Deserializer: &types.Deserializer{OpenXJsonSerDe: &types.OpenXJsonSerDe{}}},
		OutputFormatConfiguration: &types.OutputFormatConfiguration{Serializer: &types.Serializer{ParquetSerDe: &types.ParquetSerDe{}}}}
	made, err := c.CreateDeliveryStream(ctx, &firehose.CreateDeliveryStreamInput{DeliveryStreamName: &name, ExtendedS3DestinationConfiguration: in})
	ok(t, err)
	active(t, c, name)
	group, stream := aws.String("walk/streamed"), aws.String("eni-1-all")
	_, err = all.logs.CreateLogGroup(ctx, &logs.CreateLogGroupInput{LogGroupName: group})
	ok(t, err)
	_, err = all.logs.CreateLogStream(ctx, &logs.CreateLogStreamInput{LogGroupName: group, LogStreamName: stream})
	ok(t, err)
	_, err = all.logs.PutSubscriptionFilter(ctx, &logs.PutSubscriptionFilterInput{LogGroupName: group, FilterName: aws.String("all"), DestinationArn: made.DeliveryStreamARN, RoleArn: aws.String(firehoseRole),
		FilterPattern: aws.String("[version, account_id, interface_id, srcaddr, dstaddr, srcport, dstport, protocol, packets, bytes, start, end, action, log_status]")})
	ok(t, err)
	var events []logstypes.InputLogEvent
	at := time.Now()
	for i := range 100 {
		action := "ACCEPT"
		if i%4 == 0 {
			action = "REJECT"
		}
		line := fmt.Sprintf("2 123456789010 eni-1 172.31.16.%d 172.31.16.21 %d 443 %d %d 4249 %d %d %s OK", i%5, 20000+i, 6+i%2*11, i, at.Unix()-60, at.Unix(), action)
		events = append(events, logstypes.InputLogEvent{Timestamp: aws.Int64(at.UnixMilli()), Message: &line})
	}
	_, err = all.logs.PutLogEvents(ctx, &logs.PutLogEventsInput{LogGroupName: group, LogStreamName: stream, LogEvents: events})
	ok(t, err)
	delivered := regexp.MustCompile(`(?m)^flowlake_delivery_rows_delivered_total\{[^}]*walk-flows[^}]*\} 100$`)
	until(t, "delivery", func() bool {
		_, text := all.get("/_flowlake/metrics")
		return delivered.MatchString(text)
	})
	ask := func(sql string) string {
		done := execute(t, all, &athena.StartQueryExecutionInput{QueryString: &sql, QueryExecutionContext: &athenatypes.QueryExecutionContext{Database: db},
			ResultConfiguration: &athenatypes.ResultConfiguration{OutputLocation: aws.String("s3://" + firehoseBucket + "/results/")}})
		if done.Status.State != athenatypes.QueryExecutionStateSucceeded {
			t.Fatalf("%s: %s", sql, str(done.Status.StateChangeReason))
		}
		return contents(t, all, firehoseBucket, "results/"+*done.QueryExecutionId+".csv")
	}
	// The seed's three queries, the first as it stands there.
	if got, want := ask("select protocol, sum(packets) as rejected_packets\nfrom flow_logs\nwhere action = 'REJECT'\ngroup by protocol\norder by rejected_packets desc"),
		"\"protocol\",\"rejected_packets\"\n\"6\",\"1200\"\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := ask("SELECT srcaddr, SUM(packets) AS rejected_packets FROM flow_logs WHERE start >= current_timestamp - interval '14' day GROUP BY srcaddr ORDER BY rejected_packets DESC LIMIT 10;"); strings.Count(got, "\n") != 6 {
		t.Errorf("got %q", got)
	}
	if got, want := ask("SELECT dstaddr, SUM(packets) AS packet_count FROM flow_logs WHERE dstport = '443' GROUP BY dstaddr ORDER BY packet_count DESC LIMIT 10;"),
		"\"dstaddr\",\"packet_count\"\n\"172.31.16.21\",\"4950\"\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := ask("SELECT count(*) FROM flow_logs WHERE year = '1999'"), "\"_col0\"\n\"0\"\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
