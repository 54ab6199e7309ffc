package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/athena"
	athenatypes "github.com/aws/aws-sdk-go-v2/service/athena/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/firehose"
	"github.com/aws/aws-sdk-go-v2/service/firehose/types"
	"github.com/aws/aws-sdk-go-v2/service/glue"
	gluetypes "github.com/aws/aws-sdk-go-v2/service/glue/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"flowlake/flow/synthetic"
)

const (
	deliveredRole   = "arn:aws:iam::123456789012:role/firehose"
	deliveredBucket = "delivered"
	flowPattern     = "[version, account_id, interface_id, srcaddr, dstaddr, srcport, dstport, protocol, packets, bytes, start, end, action, log_status]"
	jsonRecords     = 500 // of a PutRecordBatch
)

// flowColumns are the table's, by the pattern's names: as the article has them.
var flowColumns = strings.Fields("version:int account_id:string interface_id:string srcaddr:string dstaddr:string srcport:int dstport:int protocol:int " +
	"packets:bigint bytes:bigint start:timestamp end:timestamp action:string log_status:string")

// deliveryStream makes a table and a stream that converts into it.
func deliveryStream(t *testing.T, s *server, name string, interval int32, processors ...types.Processor) {
	t.Helper()
	ctx := context.Background()
	buckets := s3.NewFromConfig(s.cfg, func(o *s3.Options) { o.UsePathStyle = true })
	if _, err := buckets.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String(deliveredBucket)}); err != nil && !strings.Contains(err.Error(), "BucketAlready") {
		t.Fatal(err)
	}
	tables := glue.NewFromConfig(s.cfg)
	if _, err := tables.CreateDatabase(ctx, &glue.CreateDatabaseInput{DatabaseInput: &gluetypes.DatabaseInput{Name: aws.String("d")}}); err != nil && !strings.Contains(err.Error(), "AlreadyExists") {
		t.Fatal(err)
	}
	var columns []gluetypes.Column
	for _, c := range flowColumns {
		column, kind, _ := strings.Cut(c, ":")
		columns = append(columns, gluetypes.Column{Name: &column, Type: &kind})
	}
	_, err := tables.CreateTable(ctx, &glue.CreateTableInput{DatabaseName: aws.String("d"), TableInput: &gluetypes.TableInput{Name: &name, TableType: aws.String("EXTERNAL_TABLE"),
		Parameters: map[string]string{"classification": "parquet", "flowlake.fresh": "true"},
		StorageDescriptor: &gluetypes.StorageDescriptor{Columns: columns, Location: aws.String("s3://" + deliveredBucket + "/" + name + "/"),
			InputFormat:  aws.String("org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"),
			OutputFormat: aws.String("org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"),
			SerdeInfo:    &gluetypes.SerDeInfo{SerializationLibrary: aws.String("org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe")}}}})
	if err != nil {
		t.Fatal(err)
	}
	roles := iam.NewFromConfig(s.cfg)
	_, err = roles.CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String("firehose"), AssumeRolePolicyDocument: aws.String(`{"Version": "2012-10-17", "Statement": [
		{"Effect": "Allow", "Principal": {"Service": ["firehose.amazonaws.com", "logs.amazonaws.com"]}, "Action": "sts:AssumeRole"}]}`)})
	var exists *iamtypes.EntityAlreadyExistsException
	if err != nil && !errors.As(err, &exists) {
		t.Fatal(err)
	}
	if _, err := roles.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: aws.String("firehose"), PolicyArn: aws.String("arn:aws:iam::aws:policy/AdministratorAccess")}); err != nil {
		t.Fatal(err)
	}
	streams := firehose.NewFromConfig(s.cfg)
	_, err = streams.CreateDeliveryStream(ctx, &firehose.CreateDeliveryStreamInput{DeliveryStreamName: &name, DeliveryStreamType: types.DeliveryStreamTypeDirectPut,
		ExtendedS3DestinationConfiguration: &types.ExtendedS3DestinationConfiguration{
			BucketARN: aws.String("arn:aws:s3:::" + deliveredBucket), RoleARN: aws.String(deliveredRole),
			Prefix: aws.String(name + "/"), ErrorOutputPrefix: aws.String("errors/"),
			BufferingHints:          &types.BufferingHints{IntervalInSeconds: &interval, SizeInMBs: aws.Int32(64)},
			ProcessingConfiguration: &types.ProcessingConfiguration{Enabled: aws.Bool(len(processors) > 0), Processors: processors},
			DataFormatConversionConfiguration: &types.DataFormatConversionConfiguration{Enabled: aws.Bool(true),
				InputFormatConfiguration:  &types.InputFormatConfiguration{Deserializer: &types.Deserializer{OpenXJsonSerDe: &types.OpenXJsonSerDe{}}},
				OutputFormatConfiguration: &types.OutputFormatConfiguration{Serializer: &types.Serializer{ParquetSerDe: &types.ParquetSerDe{}}},
				SchemaConfiguration:       &types.SchemaConfiguration{DatabaseName: aws.String("d"), TableName: &name, RoleARN: aws.String(deliveredRole), Region: aws.String("us-east-1")}}}})
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		out, err := streams.DescribeDeliveryStream(ctx, &firehose.DescribeDeliveryStreamInput{DeliveryStreamName: &name})
		if err != nil {
			t.Fatal(err)
		}
		if out.DeliveryStreamDescription.DeliveryStreamStatus == types.DeliveryStreamStatusActive {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("stream %s is %s", name, out.DeliveryStreamDescription.DeliveryStreamStatus)
		}
	}
}

func processor(kind types.ProcessorType, parameter, value string) types.Processor {
	return types.Processor{Type: kind, Parameters: []types.ProcessorParameter{{ParameterName: types.ProcessorParameterName(parameter), ParameterValue: &value}}}
}

// subscribed makes a log group whose events a stream converts.
func subscribed(t *testing.T, s *server, name string, interval int32) {
	t.Helper()
	ctx := context.Background()
	deliveryStream(t, s, name, interval, processor(types.ProcessorTypeDecompression, "CompressionFormat", "GZIP"),
		processor(types.ProcessorTypeCloudWatchLogProcessing, "ExtractedFields", "true"))
	client := cloudwatchlogs.NewFromConfig(s.cfg)
	if _, err := client.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: &name}); err != nil {
		t.Fatal(err)
	}
	for w := range writers {
		if _, err := client.CreateLogStream(ctx, &cloudwatchlogs.CreateLogStreamInput{LogGroupName: &name, LogStreamName: aws.String(fmt.Sprint("eni-", w))}); err != nil {
			t.Fatal(err)
		}
	}
	_, err := client.PutSubscriptionFilter(ctx, &cloudwatchlogs.PutSubscriptionFilterInput{LogGroupName: &name, FilterName: &name, FilterPattern: aws.String(flowPattern),
		DestinationArn: aws.String("arn:aws:firehose:us-east-1:123456789012:deliverystream/" + name), RoleArn: aws.String(deliveredRole)})
	if err != nil {
		t.Fatal(err)
	}
}

// flowLines makes so many v2 lines up, whole ones, of about 110 bytes.
func flowLines(t *testing.T, seed uint64, n int) [][]byte {
	t.Helper()
	g, err := synthetic.New(synthetic.Config{Seed: seed, Rows: n, Start: time.Now().Add(-time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	out := make([][]byte, n)
	for i := range out {
		line, _ := g.Next(nil)
		out[i] = line
	}
	return out
}

// rowsOf reads a stream's counter from the metrics page.
func rowsOf(t *testing.T, s *server, counter, stream string) int64 {
	t.Helper()
	r, err := http.Get(*s.cfg.BaseEndpoint + "/_flowlake/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	var sum int64
	for lines := bufio.NewScanner(r.Body); lines.Scan(); {
		if l := lines.Text(); strings.HasPrefix(l, "flowlake_delivery_"+counter+"{") && strings.Contains(l, `stream="`+stream+`"`) {
			v, err := strconv.ParseFloat(l[strings.LastIndexByte(l, ' ')+1:], 64)
			if err != nil {
				t.Fatal(err)
			}
			sum += int64(v)
		}
	}
	return sum
}

// waitRows waits for a stream to have delivered so many rows.
func waitRows(t *testing.T, s *server, stream string, want int64) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(200 * time.Millisecond) {
		if n := rowsOf(t, s, "rows_delivered_total", stream); n >= want {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("stream %s: %d rows of %d, %d failed, %d dropped", stream, rowsOf(t, s, "rows_delivered_total", stream), want,
				rowsOf(t, s, "rows_failed_total", stream), rowsOf(t, s, "rows_dropped_total", stream))
		}
	}
}

// putFlows writes batches of flow-log lines from all writers.
func putFlows(t *testing.T, s *server, group string, perWriter int) {
	t.Helper()
	client := cloudwatchlogs.NewFromConfig(s.cfg)
	var wg sync.WaitGroup
	for w := range writers {
		now := time.Now().UnixMilli()
		var batch []logtypes.InputLogEvent
		for _, line := range flowLines(t, uint64(w), 7_000) {
			batch = append(batch, logtypes.InputLogEvent{Message: aws.String(string(line)), Timestamp: &now})
		}
		wg.Go(func() {
			for range perWriter {
				if _, err := client.PutLogEvents(context.Background(), &cloudwatchlogs.PutLogEventsInput{LogGroupName: &group, LogStreamName: aws.String(fmt.Sprint("eni-", w)), LogEvents: batch}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// TestBenchDelivery measures what a record costs the server from PutLogEvents to Parquet in the lake, and from PutRecordBatch.
func TestBenchDelivery(t *testing.T) {
	benchmark(t)
	const perWriter, goal = 60, 200_000
	const total = writers * perWriter * 7_000
	s := serve(t, t.TempDir())
	subscribed(t, s, "warm", 1)
	putFlows(t, s, "warm", 8)
	waitRows(t, s, "warm", writers*8*7_000)
	subscribed(t, s, "flows", 5)
	before, began, early := s.cpu(), time.Now(), s.memory("VmHWM")
	putFlows(t, s, "flows", perWriter)
	put := time.Since(began)
	waitRows(t, s, "flows", total)
	cpu, took := s.cpu()-before, time.Since(began)
	rate := float64(total) / cpu.Seconds()
	fmt.Printf("BENCH delivery-subscription ours=%.0f goal=%d ratio=%.2f (records per CPU-second of the server, PutLogEvents to Parquet; %.1f s CPU, %.1f s to put, %.1f s in all, peak memory %d MiB, before %d MiB)\n",
		rate, goal, rate/goal, cpu.Seconds(), put.Seconds(), took.Seconds(), s.memory("VmHWM")>>20, early>>20)

	const batches = 600
	deliveryStream(t, s, "json", 5)
	var records []types.Record
	for _, line := range flowLines(t, 9, jsonRecords) {
		records = append(records, types.Record{Data: jsonOf(string(line))})
	}
	client := firehose.NewFromConfig(s.cfg)
	before, began = s.cpu(), time.Now()
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for range batches / writers {
				out, err := client.PutRecordBatch(context.Background(), &firehose.PutRecordBatchInput{DeliveryStreamName: aws.String("json"), Records: records})
				if err != nil || *out.FailedPutCount > 0 {
					t.Error(out, err)
					return
				}
			}
		})
	}
	wg.Wait()
	waitRows(t, s, "json", batches*jsonRecords)
	cpu, took = s.cpu()-before, time.Since(began)
	fmt.Printf("BENCH delivery-put-record-batch ours=%.0f (JSON records per CPU-second of the server, PutRecordBatch to Parquet; %.1f s CPU, %.1f s in all, peak memory %d MiB)\n",
		float64(batches*jsonRecords)/cpu.Seconds(), cpu.Seconds(), took.Seconds(), s.memory("VmHWM")>>20)
}

// jsonOf is a v2 line as one JSON object, by the pattern's names.
func jsonOf(line string) []byte {
	fields := strings.Fields(line)
	b := []byte("{")
	for i, c := range flowColumns {
		column, kind, _ := strings.Cut(c, ":")
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendQuote(b, column)
		b = append(b, ':')
		if kind == "string" || fields[i] == "-" {
			b = strconv.AppendQuote(b, fields[i])
		} else {
			b = append(b, fields[i]...)
		}
	}
	return append(b, '}')
}

// TestBenchFresh measures, under a load of 5,000 events a second and with a stream's default buffer, how long after the answer to
// PutLogEvents a query has the row.
func TestBenchFresh(t *testing.T) {
	benchmark(t)
	const rate, perPut, probes = 5000, 500, 200
	s := serve(t, t.TempDir())
	subscribed(t, s, "fresh", 300)
	client, sql := cloudwatchlogs.NewFromConfig(s.cfg), athena.NewFromConfig(s.cfg)
	ctx, end := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	put := func(stream string, lines ...[]byte) error {
		now := time.Now().UnixMilli()
		in := &cloudwatchlogs.PutLogEventsInput{LogGroupName: aws.String("fresh"), LogStreamName: &stream}
		for _, l := range lines {
			in.LogEvents = append(in.LogEvents, logtypes.InputLogEvent{Message: aws.String(string(l)), Timestamp: &now})
		}
		_, err := client.PutLogEvents(context.WithoutCancel(ctx), in)
		return err
	}
	lines := flowLines(t, 5, perPut)
	wg.Go(func() {
		tick := time.NewTicker(time.Second * perPut / rate)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				if err := put("eni-0", lines...); err != nil {
					t.Error(err)
					return
				}
			case <-ctx.Done():
				return
			}
		}
	})
	var took []time.Duration
	tries := 0
	for i := range probes + 5 {
		line := fmt.Appendf(nil, "2 123456789012 eni-0a1b2c3d 10.9.8.7 10.0.0.1 %d 443 6 1 40 %d %d ACCEPT OK", 100_000+i, time.Now().Unix(), time.Now().Unix())
		if err := put("eni-1", line); err != nil {
			t.Fatal(err)
		}
		answered := time.Now()
		for found := false; !found; tries++ {
			found = count(t, sql, fmt.Sprintf("SELECT count(*) FROM d.fresh WHERE srcport = %d", 100_000+i)) == "1"
			if time.Since(answered) > 20*time.Second {
				t.Fatal("the row does not come")
			}
		}
		if i >= 5 { // the first queries start the engine's processes
			took = append(took, time.Since(answered))
		}
	}
	end()
	wg.Wait()
	slices.Sort(took)
	fmt.Printf("BENCH fresh p50=%d p99=%d max=%d goal=1000 (ms from PutLogEvents' answer to the row in SQL, %d events/s, buffer of 300 s; %.2f queries for each)\n",
		took[probes/2].Milliseconds(), took[probes*99/100].Milliseconds(), took[probes-1].Milliseconds(), rate, float64(tries)/(probes+5))
}

// count runs a query of one number.
func count(t *testing.T, client *athena.Client, sql string) string {
	t.Helper()
	ctx := context.Background()
	start, err := client.StartQueryExecution(ctx, &athena.StartQueryExecutionInput{QueryString: &sql,
		ResultConfiguration: &athenatypes.ResultConfiguration{OutputLocation: aws.String("s3://" + deliveredBucket + "/results/")}})
	if err != nil {
		t.Fatal(err)
	}
	for {
		out, err := client.GetQueryExecution(ctx, &athena.GetQueryExecutionInput{QueryExecutionId: start.QueryExecutionId})
		if err != nil {
			t.Fatal(err)
		}
		switch out.QueryExecution.Status.State {
		case athenatypes.QueryExecutionStateSucceeded:
			rows, err := client.GetQueryResults(ctx, &athena.GetQueryResultsInput{QueryExecutionId: start.QueryExecutionId})
			if err != nil {
				t.Fatal(err)
			}
			return aws.ToString(rows.ResultSet.Rows[1].Data[0].VarCharValue)
		case athenatypes.QueryExecutionStateFailed, athenatypes.QueryExecutionStateCancelled:
			t.Fatalf("%s: %s", sql, aws.ToString(out.QueryExecution.Status.StateChangeReason))
		}
		time.Sleep(5 * time.Millisecond)
	}
}
