package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/firehose"
	firehosetypes "github.com/aws/aws-sdk-go-v2/service/firehose/types"
	lftypes "github.com/aws/aws-sdk-go-v2/service/lakeformation/types"

	"flowlake/flow"
)

// The names of the second path's things: the database, the table and the buffer's bounds are those of the fourth article.
const (
	streamGroup    = "vpc-flow-logs-live"
	deliveryName   = "vpc-flow-logs"
	streamDatabase = "vpc_flow_logs"
	streamTable    = "flow_logs"
	streamPrefix   = "flow_logs/"
)

// streamed is the second path: log group → subscription filter → delivery stream → Parquet → SQL.
func (w *walk) streamed() []func(context.Context) error {
	return []func(context.Context) error{w.makeStreamTable, w.makeDeliveryStream, w.subscribe, w.streamEvents, w.queryFresh, w.waitDelivered, w.queryStream}
}

// makeStreamTable makes the table whose schema the conversion to Parquet takes.
func (w *walk) makeStreamTable(ctx context.Context) error {
	w.begin("Table for a delivery stream", "you → Athena → Glue",
		"Conversion to Parquet takes the table's schema. flowlake.fresh lets queries also see what the stream has accepted and not yet written.",
		"athena:StartQueryExecution", "lakeformation:GrantPermissions")
	if err := w.statement(ctx, "default", "CREATE DATABASE "+streamDatabase); err != nil {
		return err
	}
	var columns []string
	for _, f := range w.fields {
		columns = append(columns, "`"+f.Column()+"` "+streamType(f))
	}
	ddl := fmt.Sprintf("CREATE EXTERNAL TABLE %s (\n  %s\n)\nPARTITIONED BY (year string, month string, day string, hour string)\nSTORED AS PARQUET\nLOCATION 's3://%s/%s'\nTBLPROPERTIES ('flowlake.fresh'='true')",
		streamTable, strings.Join(columns, ", "), demoBucket, streamPrefix)
	if err := w.statement(ctx, streamDatabase, ddl); err != nil {
		return err
	}
	w.did("table %s.%s: %s", streamDatabase, streamTable, strings.Join(columns, ", "))
	return w.grantSelect(ctx, streamDatabase, streamTable)
}

// streamType is a field's type in the article's table: its queries compare start with a timestamp, and a port with a string.
func streamType(f flow.Field) string {
	switch {
	case f.Name == "start" || f.Name == "end":
		return "timestamp"
	case f.Name == "srcport" || f.Name == "dstport" || f.Type == flow.String:
		return "string"
	case f.Type == flow.Int32:
		return "int"
	}
	return "bigint"
}

func (w *walk) makeDeliveryStream(ctx context.Context) error {
	w.begin("Delivery stream", "you → Firehose → Glue and S3",
		"The stream unpacks what the subscription sends, turns each event's fields into a row of Parquet, and writes it as the role that you pass to it.",
		"iam:CreateRole", "iam:PutRolePolicy", "lakeformation:GrantPermissions", "firehose:CreateDeliveryStream", "firehose:DescribeDeliveryStream")
	processor := func(kind firehosetypes.ProcessorType, parameters ...string) firehosetypes.Processor {
		p := firehosetypes.Processor{Type: kind}
		for i := 0; i < len(parameters); i += 2 {
			p.Parameters = append(p.Parameters, firehosetypes.ProcessorParameter{
				ParameterName: firehosetypes.ProcessorParameterName(parameters[i]), ParameterValue: aws.String(parameters[i+1])})
		}
		return p
	}
	if err := w.newRole(ctx, streamRole, trusting("firehose.amazonaws.com"), streamPolicy); err != nil {
		return err
	}
	if err := w.grant(ctx, "role/"+streamRole, onTable(streamDatabase, streamTable), lftypes.PermissionDescribe, lftypes.PermissionAlter, lftypes.PermissionInsert); err != nil {
		return err
	}
	w.did("role %s: writes to s3://%s, and adds partitions to %s.%s", streamRole, demoBucket, streamDatabase, streamTable)
	_, err := w.firehose.CreateDeliveryStream(ctx, &firehose.CreateDeliveryStreamInput{
		DeliveryStreamName: aws.String(deliveryName), DeliveryStreamType: firehosetypes.DeliveryStreamTypeDirectPut,
		ExtendedS3DestinationConfiguration: &firehosetypes.ExtendedS3DestinationConfiguration{
			BucketARN: aws.String("arn:aws:s3:::" + demoBucket), RoleARN: aws.String(roleARN(streamRole)),
			Prefix:            aws.String(streamPrefix + "year=!{timestamp:yyyy}/month=!{timestamp:MM}/day=!{timestamp:dd}/hour=!{timestamp:HH}/"),
			ErrorOutputPrefix: aws.String("errors/!{firehose:error-output-type}/"),
			BufferingHints:    &firehosetypes.BufferingHints{IntervalInSeconds: aws.Int32(2), SizeInMBs: aws.Int32(128)},
			ProcessingConfiguration: &firehosetypes.ProcessingConfiguration{Enabled: aws.Bool(true), Processors: []firehosetypes.Processor{
				processor(firehosetypes.ProcessorTypeDecompression, "CompressionFormat", "GZIP"),
				processor(firehosetypes.ProcessorTypeCloudWatchLogProcessing, "ExtractedFields", "true"),
			}},
			DataFormatConversionConfiguration: &firehosetypes.DataFormatConversionConfiguration{
				Enabled:                   aws.Bool(true),
				InputFormatConfiguration:  &firehosetypes.InputFormatConfiguration{Deserializer: &firehosetypes.Deserializer{OpenXJsonSerDe: &firehosetypes.OpenXJsonSerDe{}}},
				OutputFormatConfiguration: &firehosetypes.OutputFormatConfiguration{Serializer: &firehosetypes.Serializer{ParquetSerDe: &firehosetypes.ParquetSerDe{}}},
				SchemaConfiguration: &firehosetypes.SchemaConfiguration{
					DatabaseName: aws.String(streamDatabase), TableName: aws.String(streamTable), RoleARN: aws.String(roleARN(streamRole)), Region: aws.String(w.cfg.Region)},
			},
		},
	})
	if err != nil {
		return err
	}
	err = poll(ctx, func() (bool, error) {
		out, err := w.firehose.DescribeDeliveryStream(ctx, &firehose.DescribeDeliveryStreamInput{DeliveryStreamName: aws.String(deliveryName)})
		if err != nil {
			return false, err
		}
		w.streamARN = aws.ToString(out.DeliveryStreamDescription.DeliveryStreamARN)
		switch s := out.DeliveryStreamDescription.DeliveryStreamStatus; s {
		case firehosetypes.DeliveryStreamStatusActive:
			return true, nil
		case firehosetypes.DeliveryStreamStatusCreatingFailed:
			return false, fmt.Errorf("the delivery stream is %s", s)
		}
		return false, nil
	})
	if err == nil {
		w.did("delivery stream %s → s3://%s/%syear=…/month=…/day=…/hour=…/, after 2 s or 128 MB", deliveryName, demoBucket, streamPrefix)
	}
	return err
}

func (w *walk) subscribe(ctx context.Context) error {
	w.begin("Subscription filter", "CloudWatch Logs, as the role that you pass to it → Firehose",
		"The filter pattern names the fields of a line: they reach the stream as JSON, and the table as columns.",
		"iam:CreateRole", "iam:PutRolePolicy", "logs:CreateLogGroup", "logs:PutSubscriptionFilter")
	if err := w.newRole(ctx, subscribeRole, trusting("logs.amazonaws.com"), subscriptionPolicy); err != nil {
		return err
	}
	w.did("role %s: CloudWatch Logs assumes it, to put records into delivery streams", subscribeRole)
	if _, err := w.logs.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String(streamGroup)}); err != nil {
		return err
	}
	var names []string
	for _, f := range w.fields {
		names = append(names, f.Column())
	}
	pattern := "[" + strings.Join(names, ", ") + "]"
	_, err := w.logs.PutSubscriptionFilter(ctx, &cloudwatchlogs.PutSubscriptionFilterInput{
		LogGroupName: aws.String(streamGroup), FilterName: aws.String("to-" + deliveryName), FilterPattern: &pattern,
		DestinationArn: &w.streamARN, RoleArn: aws.String(roleARN(subscribeRole)), Distribution: logtypes.DistributionByLogStream,
	})
	if err == nil {
		w.did("%s", pattern)
	}
	return err
}

func (w *walk) streamEvents(ctx context.Context) error {
	w.begin("PutLogEvents, as records arrive", "the flow-log service's role → CloudWatch Logs",
		"Whoever follows the group reads the events where they lie; nothing is written twice.",
		"logs:CreateLogStream", "logs:PutLogEvents")
	imp := &groupImport{client: w.writer.logs, group: streamGroup, log: io.Discard}
	if err := imp.run(ctx, []string{w.input}, demoStream, io.Discard); err != nil {
		return err
	}
	w.accepted = time.Now()
	w.did("%d events in stream %s", imp.events, demoStream)
	return nil
}

func (w *walk) queryFresh(ctx context.Context) error {
	w.begin("SQL before the buffer closes", "the analyst → Athena → the catalogue, S3 and the delivery stream",
		"The table is marked as fresh: what has been accepted answers, whether it lies in an object yet or not.",
		"athena:StartQueryExecution", "athena:GetQueryExecution", "athena:GetQueryResults")
	if err := w.query(ctx, streamDatabase, "SELECT count(*) AS flows FROM "+streamTable, 1); err != nil {
		return err
	}
	w.did("%d ms after the last record was accepted", time.Since(w.accepted).Milliseconds())
	return nil
}

func (w *walk) waitDelivered(ctx context.Context) error {
	w.begin("Delivery", "Firehose, as the stream's role → S3 and Glue",
		"The buffer closes by size or age. Its rows become Parquet, and its partition is in the catalogue before the object is.",
		"s3:ListObjectsV2", "glue:GetPartitions")
	return w.objects(ctx, streamPrefix)
}

// articleQueries are the fourth article's three, as they stand there.
var articleQueries = []struct {
	title, text string
	needs       []string
}{
	{"which protocols are rejected most",
		"select protocol, sum(packets) as rejected_packets\nfrom flow_logs\nwhere action = 'REJECT'\ngroup by protocol\norder by rejected_packets desc",
		[]string{"protocol", "packets", "action"}},
	{"whose packets were rejected most in two weeks",
		"SELECT\n\tsrcaddr,\n\tSUM(packets) AS rejected_packets\nFROM flow_logs\nWHERE start >= current_timestamp - interval '14' day\nGROUP BY srcaddr\nORDER BY rejected_packets DESC\nLIMIT 10;",
		[]string{"srcaddr", "packets", "start"}},
	{"which servers receive most HTTPS",
		"SELECT\n\tdstaddr,\n\tSUM(packets) AS packet_count\nFROM flow_logs\nWHERE dstport = '443'\nGROUP BY dstaddr\nORDER BY packet_count DESC\nLIMIT 10;",
		[]string{"dstaddr", "packets", "dstport"}},
}

func (w *walk) queryStream(ctx context.Context) error {
	for _, q := range articleQueries {
		w.begin("SQL: "+q.title, "the analyst → Athena → the catalogue and S3", "As the article has it, on Parquet.",
			"athena:StartQueryExecution", "athena:GetQueryExecution", "athena:GetQueryResults")
		missing := slices.DeleteFunc(slices.Clone(q.needs), func(name string) bool {
			return slices.ContainsFunc(w.fields, func(f flow.Field) bool { return f.Name == name })
		})
		if len(missing) > 0 {
			w.did("left out: the file has no %s", strings.Join(missing, ", "))
			continue
		}
		if err := w.query(ctx, streamDatabase, q.text, 5); err != nil {
			return err
		}
	}
	return nil
}

// statement runs DDL.
func (w *walk) statement(ctx context.Context, database, text string) error {
	q := &queryRun{client: w.athena, database: database, workgroup: "primary"}
	id, err := q.start(ctx, text)
	if err != nil {
		return err
	}
	return q.wait(ctx, id)
}
