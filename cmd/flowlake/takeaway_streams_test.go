package main

import (
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/firehose"
	firehosetypes "github.com/aws/aws-sdk-go-v2/service/firehose/types"
	"github.com/aws/aws-sdk-go-v2/service/glue"
	gluetypes "github.com/aws/aws-sdk-go-v2/service/glue/types"
	lftypes "github.com/aws/aws-sdk-go-v2/service/lakeformation/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// Log group → delivery stream, as the subscription's role.

// putsBatches and putsRecords are the two policies that a subscription works with.
var (
	putsBatches = strings.Replace(subscriptionPolicy, `["firehose:PutRecord", "firehose:PutRecordBatch"]`, `"firehose:PutRecordBatch"`, 1)
	putsRecords = strings.Replace(subscriptionPolicy, `["firehose:PutRecord", "firehose:PutRecordBatch"]`, `"firehose:PutRecord"`, 1)
)

// subscribedWith is a log group with a subscription, a delivery stream and a role of its own for each.
func subscribedWith(document string) func(*stage) {
	return func(s *stage) {
		ctx := s.t.Context()
		stream, group := "subscribed-"+s.id, "vpc-flow-logs-live-"+s.id
		ok(s.t, s.newRole(ctx, stream, trusting("firehose.amazonaws.com"), streamPolicy))
		prefix := demoPrefix + "/" + stream + "/"
		arn := s.newStream(stream, &firehosetypes.ExtendedS3DestinationConfiguration{RoleARN: aws.String(roleARN(stream)), Prefix: &prefix,
			ProcessingConfiguration: &firehosetypes.ProcessingConfiguration{Enabled: aws.Bool(true), Processors: []firehosetypes.Processor{ // what says that a subscription begins is left out
				{Type: firehosetypes.ProcessorTypeDecompression, Parameters: []firehosetypes.ProcessorParameter{
					{ParameterName: firehosetypes.ProcessorParameterNameCompressionFormat, ParameterValue: aws.String("GZIP")}}},
				{Type: firehosetypes.ProcessorTypeCloudWatchLogProcessing, Parameters: []firehosetypes.ProcessorParameter{
					{ParameterName: firehosetypes.ProcessorParameterName("DataMessageExtraction"), ParameterValue: aws.String("true")}}}}}})
		s.role("sender-"+s.id, *trusting("logs.amazonaws.com"), document)
		s.lines = group
		_, err := s.logs.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: &group})
		ok(s.t, err)
		_, err = s.logs.CreateLogStream(ctx, &cloudwatchlogs.CreateLogStreamInput{LogGroupName: &group, LogStreamName: aws.String(demoStream)})
		ok(s.t, err)
		_, err = s.logs.PutSubscriptionFilter(ctx, &cloudwatchlogs.PutSubscriptionFilterInput{LogGroupName: &group, FilterName: aws.String("all"), FilterPattern: aws.String(""),
			DestinationArn: &arn, RoleArn: aws.String(roleARN(s.name))})
		ok(s.t, err)
		s.delivering(stream, prefix, func() {
			_, err := s.logs.PutLogEvents(ctx, &cloudwatchlogs.PutLogEventsInput{LogGroupName: &group, LogStreamName: aws.String(demoStream),
				LogEvents: []logtypes.InputLogEvent{{Timestamp: aws.Int64(time.Now().UnixMilli()), Message: aws.String(flowLine("eni-1"))}}})
			ok(s.t, err)
		})
	}
}

// newStream makes a delivery stream that writes into the walk's bucket at once.
func (s *stage) newStream(name string, to *firehosetypes.ExtendedS3DestinationConfiguration) (arn string) {
	s.t.Helper()
	to.BucketARN = aws.String("arn:aws:s3:::" + demoBucket)
	to.BufferingHints = &firehosetypes.BufferingHints{IntervalInSeconds: aws.Int32(0)}
	out, err := s.firehose.CreateDeliveryStream(s.t.Context(), &firehose.CreateDeliveryStreamInput{DeliveryStreamName: &name, ExtendedS3DestinationConfiguration: to})
	ok(s.t, err)
	active(s.t, s.firehose, name)
	return *out.DeliveryStreamARN
}

// delivering makes the stage's step one that puts something and waits for an object below a prefix, or for the delivery stream to say
// why there is none.
func (s *stage) delivering(stream, prefix string, put func()) {
	arrived := func() bool { return len(s.keysBelow(prefix)) > 0 }
	s.try = func() (failure string) {
		put()
		until(s.t, "delivery", func() bool {
			failure = s.streamFailure(stream)
			return failure != "" || arrived()
		})
		return failure
	}
	s.again = func() string {
		until(s.t, "the record that waits", func() bool { return arrived() && s.streamFailure(stream) == "" })
		return ""
	}
}

func (s *stage) keysBelow(prefix string) (keys []string) {
	s.t.Helper()
	list, err := s.s3.ListObjectsV2(s.t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String(demoBucket), Prefix: &prefix})
	ok(s.t, err)
	for _, o := range list.Contents {
		keys = append(keys, *o.Key)
	}
	return keys
}

// streamFailure is what keeps a delivery stream from delivering.
func (s *stage) streamFailure(name string) string {
	s.t.Helper()
	out, err := s.firehose.DescribeDeliveryStream(s.t.Context(), &firehose.DescribeDeliveryStreamInput{DeliveryStreamName: &name})
	ok(s.t, err)
	if f := out.DeliveryStreamDescription.FailureDescription; f != nil {
		return str(f.Details)
	}
	return ""
}

var subscriptionLosses = []loss{
	{name: "subscription, trust", stage: subscribedWith(putsBatches), take: untrusted("logs.amazonaws.com"), named: "sts:AssumeRole"},
	{name: "subscription, PutRecordBatch", stage: subscribedWith(putsBatches), take: lacking("firehose:PutRecordBatch"), named: "firehose:PutRecordBatch"},
	{name: "subscription, PutRecord in its place", stage: subscribedWith(putsRecords), take: lacking("firehose:PutRecord"), named: "firehose:PutRecordBatch"},
}

// Delivery stream → bucket and catalogue, as the stream's role.

// converted is a delivery stream that writes records into a table of its own, as Parquet, and keeps them as they came as well.
// Both are done as one role.
func converted(s *stage) { s.convertedFrom(`{"srcaddr": "10.0.1.5", "dstaddr": "10.0.1.6"}`, "") }

// unconvertible is one whose record goes below the error prefix.
func unconvertible(s *stage) { s.convertedFrom(`no JSON`, "errors") }

// keeping is one that keeps records as a role of their own, which is the stage's actor.
func keeping(s *stage) { s.convertedFrom(`{"srcaddr": "10.0.1.5", "dstaddr": "10.0.1.6"}`, "kept") }

// convertedFrom puts a record and waits for it below the table's location, or another folder.
func (s *stage) convertedFrom(record, folder string) {
	s.t.Helper()
	ctx := s.t.Context()
	name, place := "stream-"+s.id, demoPrefix+"/streams/"+s.id+"/"
	s.newParquetTable(streamedDatabase(s), place+"table/")
	if folder == "" {
		folder = "table"
	}
	keeper := name
	to := &firehosetypes.ExtendedS3DestinationConfiguration{RoleARN: aws.String(roleARN(name)), Prefix: aws.String(place + "table/year=!{timestamp:yyyy}/"),
		ErrorOutputPrefix: aws.String(place + "errors/!{firehose:error-output-type}/"),
		DataFormatConversionConfiguration: &firehosetypes.DataFormatConversionConfiguration{Enabled: aws.Bool(true),
			InputFormatConfiguration:  &firehosetypes.InputFormatConfiguration{Deserializer: &firehosetypes.Deserializer{OpenXJsonSerDe: &firehosetypes.OpenXJsonSerDe{}}},
			OutputFormatConfiguration: &firehosetypes.OutputFormatConfiguration{Serializer: &firehosetypes.Serializer{ParquetSerDe: &firehosetypes.ParquetSerDe{}}},
			SchemaConfiguration: &firehosetypes.SchemaConfiguration{DatabaseName: aws.String(streamedDatabase(s)), TableName: aws.String(takeawayTable),
				RoleARN: aws.String(roleARN(name)), Region: aws.String(defaultRegion)}}}
	s.role(name, *trusting("firehose.amazonaws.com"), streamPolicy)
	ok(s.t, s.grant(ctx, "role/"+name, streamedTable(s), lftypes.PermissionDescribe, lftypes.PermissionAlter, lftypes.PermissionInsert))
	if folder == "kept" {
		keeper = "keeper-" + s.id
		s.role(keeper, *trusting("firehose.amazonaws.com"), streamPolicy)
		to.S3BackupMode = firehosetypes.S3BackupModeEnabled
		to.S3BackupConfiguration = &firehosetypes.S3DestinationConfiguration{RoleARN: aws.String(roleARN(keeper)), BucketARN: aws.String("arn:aws:s3:::" + demoBucket), Prefix: aws.String(place + "kept/")}
	}
	s.newStream(name, to)
	s.lines = name
	s.delivering(name, place+folder+"/", func() {
		_, err := s.firehose.PutRecord(ctx, &firehose.PutRecordInput{DeliveryStreamName: &name, Record: &firehosetypes.Record{Data: []byte(record)}})
		ok(s.t, err)
	})
}

// unregistered is converted, without what it takes to register a partition: there is none.
func unregistered(s *stage) { s.expectPartitions(0) }

// stillRegistered is converted, where a partition is registered all the same.
func stillRegistered(s *stage) { s.expectPartitions(1) }

func (s *stage) expectPartitions(want int) {
	s.t.Helper()
	converted(s)
	deliver := s.try
	s.try = func() string {
		said := deliver()
		out, err := s.glue.GetPartitions(s.t.Context(), &glue.GetPartitionsInput{DatabaseName: aws.String(streamedDatabase(s)), TableName: aws.String(takeawayTable)})
		ok(s.t, err)
		if len(out.Partitions) != want {
			s.t.Errorf("%d partitions are registered, not %d", len(out.Partitions), want)
		}
		return said
	}
}

func streamedDatabase(s *stage) string { return "streamed_" + s.id }

func streamedTable(s *stage) *lftypes.Resource { return onTable(streamedDatabase(s), takeawayTable) }

// newParquetTable makes a database with a table of two columns, partitioned by year.
func (s *stage) newParquetTable(database, prefix string) {
	s.t.Helper()
	_, err := s.glue.CreateDatabase(s.t.Context(), &glue.CreateDatabaseInput{DatabaseInput: &gluetypes.DatabaseInput{Name: &database}})
	ok(s.t, err)
	text := aws.String("string")
	_, err = s.glue.CreateTable(s.t.Context(), &glue.CreateTableInput{DatabaseName: &database, TableInput: &gluetypes.TableInput{Name: aws.String(takeawayTable), TableType: aws.String("EXTERNAL_TABLE"),
		PartitionKeys: []gluetypes.Column{{Name: aws.String("year"), Type: text}},
		StorageDescriptor: &gluetypes.StorageDescriptor{Location: aws.String("s3://" + demoBucket + "/" + prefix),
			Columns:      []gluetypes.Column{{Name: aws.String("srcaddr"), Type: text}, {Name: aws.String("dstaddr"), Type: text}},
			InputFormat:  aws.String("org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"),
			OutputFormat: aws.String("org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"),
			SerdeInfo:    &gluetypes.SerDeInfo{SerializationLibrary: aws.String("org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe")}}}})
	ok(s.t, err)
}

// onlyTable leaves of the right to write objects that of the table's.
func onlyTable(s *stage) {
	s.policy = strings.Replace(s.policy, `"arn:aws:s3:::`+demoBucket+`/*"`, `"arn:aws:s3:::`+demoBucket+`/*/table/*"`, 1)
	s.put()
}

// onlyColumn leaves the stream's role one column of its table: to convert to that would lose the other.
func onlyColumn(s *stage) {
	s.revoke(streamedTable(s), lftypes.PermissionDescribe, lftypes.PermissionAlter, lftypes.PermissionInsert)
	ok(s.t, s.grant(s.t.Context(), "role/"+s.name, onColumns(streamedDatabase(s), takeawayTable, "srcaddr"), lftypes.PermissionSelect))
}

var streamLosses = []loss{
	{name: "stream, trust", stage: converted, take: untrusted("firehose.amazonaws.com"), named: "sts:AssumeRole"},
	{name: "stream, PutObject", stage: converted, take: lacking("s3:PutObject"), named: "s3:PutObject", part: true},
	{name: "stream, PutObject of records that failed", stage: unconvertible, take: onlyTable, named: "s3:PutObject", part: true},
	{name: "stream, trust of the role that keeps records", stage: keeping, take: untrusted("firehose.amazonaws.com"), named: "sts:AssumeRole"},
	{name: "stream, PutObject of the role that keeps records", stage: keeping, take: lacking("s3:PutObject"), named: "s3:PutObject", part: true},
	{name: "stream, GetTableVersions", stage: converted, take: lacking("glue:GetTableVersions"), named: "glue:GetTableVersions"},
	{name: "stream, GetTable", stage: converted, take: lacking("glue:GetTable"), named: "glue:GetTable"},
	{name: "stream, the grants on all but one column", stage: converted, take: onlyColumn, named: "Insufficient Lake Formation permission(s): Required Describe", part: true,
		shown: []string{"lakeformation:Alter", "lakeformation:Describe"}},
}

const registersAlone = "without its partition an object is written all the same: Firehose itself registers none"

var streamSpares = []loss{
	{name: "subscription, PutRecord", stage: subscribedWith(subscriptionPolicy), take: lacking("firehose:PutRecord"), silent: "one of the two actions is enough"},
	{name: "stream, BatchCreatePartition", stage: unregistered, take: lacking("glue:BatchCreatePartition"), silent: registersAlone, shown: []string{"glue:BatchCreatePartition"}},
	{name: "stream, GetPartition", stage: unregistered, take: lacking("glue:GetPartition"), silent: registersAlone, shown: []string{"glue:GetPartition"}},
	{name: "stream, the grant to describe its table", stage: stillRegistered, take: revoked(streamedTable, lftypes.PermissionDescribe), silent: "who may alter a table sees it"},
	{name: "stream, the grant to alter its table", stage: stillRegistered, take: revoked(streamedTable, lftypes.PermissionAlter), silent: "INSERT is enough for a partition"},
	{name: "stream, the grant to insert", stage: stillRegistered, take: revoked(streamedTable, lftypes.PermissionInsert), silent: "ALTER is enough for a partition"},
	{name: "stream, the grants to alter and to insert", stage: unregistered, take: revoked(streamedTable, lftypes.PermissionAlter, lftypes.PermissionInsert),
		silent: registersAlone, shown: []string{"lakeformation:Alter"}},
	{name: "stream, the catalogue's further actions", stage: stillRegistered, take: lackingAll("glue:GetTableVersion", "glue:GetPartitions", "glue:CreatePartition"), silent: "a table is read with glue:GetTable and GetTableVersions, and a partition registered with BatchCreatePartition"},
	{name: "stream, the bucket's further actions", stage: stillRegistered, take: lackingAll("s3:AbortMultipartUpload", "s3:GetBucketLocation", "s3:GetObject", "s3:ListBucket", "s3:ListBucketMultipartUploads"),
		silent: "an object is written whole, with s3:PutObject"},
}

// lackingAll takes several actions out of the actor's policy.
func lackingAll(actions ...string) func(*stage) {
	return func(s *stage) {
		for _, a := range actions {
			lacking(a)(s)
		}
	}
}
