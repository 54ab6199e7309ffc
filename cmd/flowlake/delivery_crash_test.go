package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/firehose"
	firehosetypes "github.com/aws/aws-sdk-go-v2/service/firehose/types"
	"github.com/aws/aws-sdk-go-v2/service/glue"
	gluetypes "github.com/aws/aws-sdk-go-v2/service/glue/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	judge "github.com/parquet-go/parquet-go"
)

var deliverySeed = flag.Uint64("delivery.seed", 0, "what TestDeliveryCrash's randomness begins with; 0: the clock")

// The names of the things that TestDeliveryCrash writes to. The bucket of the late stream is made half-way only, and the table
// of the direct one is dropped and made again while records wait.
const (
	rowsBucket  = "delivery-crash"
	lateBucket  = "delivery-crash-late"
	rowsDB      = "delivery"
	rowsGroup   = "delivery/rows"
	subscribed  = "subscribed"
	direct      = "direct"
	late        = "late"
	rowsRole    = "arn:aws:iam::" + defaultAccount + ":role/delivery"
	rowsAtATime = 40
)

// TestDeliveryCrash kills one server again and again while records come in by a log subscription and by PutRecordBatch, and compares
// every row that went in with every row in Parquet and under the error prefixes: what was acknowledged is there once, what was not
// is there once or not at all.
func TestDeliveryCrash(t *testing.T) {
	kills := 52
	if testing.Short() {
		kills = 6
	}
	seed := *deliverySeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("again with: -run TestDeliveryCrash -delivery.seed=%d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	dir := t.TempDir()
	p := launch(t, dir)
	prepareDelivery(t, p.clients(""))
	p.kill()

	world := &rowWorld{rows: map[string]bool{}}
	for life := range kills {
		if life%8 == 7 {
			killAtStart(t, dir, time.Duration(random.IntN(300))*time.Millisecond)
			continue
		}
		p := launch(t, dir)
		c := p.clients("")
		if life == kills/2 {
			_, err := c.s3.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String(lateBucket)})
			ok(t, err)
		}
		ctx, end := context.WithCancel(t.Context())
		var work sync.WaitGroup
		world.work(t, ctx, c, &work, life)
		time.Sleep(time.Duration(random.IntN(500)) * time.Millisecond)
		select {
		case err := <-p.waitError:
			t.Fatalf("the server ended by itself: %v\n%s", err, p.stderr)
		default:
		}
		p.kill()
		end()
		work.Wait()
		if t.Failed() {
			t.Fatalf("in life %d\n%s", life, p.stderr)
		}
	}
	p = launch(t, dir)
	c := p.clients("")
	world.dropTable(t, t.Context(), c, false)
	var in, out, failed, dropped int64
	for _, name := range []string{subscribed, direct, late} {
		until(t, "the end of "+name, func() bool {
			return c.deliveryNumber("events_behind", name)+c.deliveryNumber("records_waiting", name) == 0
		})
		in += c.deliveryNumber("rows_in_total", name)
		out += c.deliveryNumber("rows_delivered_total", name)
		failed += c.deliveryNumber("rows_failed_total", name)
		dropped += c.deliveryNumber("rows_dropped_total", name)
	}
	parquet, errored := readRows(t, c)
	if in != out+failed+dropped || out != int64(len(parquet)) || failed != int64(len(errored)) || dropped != 1 {
		t.Errorf("%d rows in, %d delivered, %d failed, %d dropped; there are %d in Parquet and %d under the error prefixes, and one control message was to be dropped",
			in, out, failed, dropped, len(parquet), len(errored))
	}
	world.check(t, append(parquet, errored...))
	if out, errs, code := runCommand(t, c.env(t), "", "verify"); code != 0 {
		t.Errorf("verify: exit %d, %q, %q", code, out, errs)
	}
	if err := p.terminate(); err != nil {
		t.Errorf("%v\n%s", err, p.stderr)
	}
	t.Logf("%d kills, %d rows acknowledged, %d not, %d in Parquet, %d under the error prefixes", kills, world.acknowledged, len(world.rows)-world.acknowledged, len(parquet), len(errored))
}

func (c *clients) deliveryNumber(name, stream string) (sum int64) {
	_, page := c.get("/_flowlake/metrics")
	for line := range strings.Lines(page) {
		if strings.HasPrefix(line, "flowlake_delivery_"+name+"{") && strings.Contains(line, `stream="`+stream+`"`) {
			v, err := strconv.ParseFloat(strings.TrimSpace(line[strings.LastIndexByte(line, ' '):]), 64)
			if err != nil {
				c.t.Fatal(err)
			}
			sum += int64(v)
		}
	}
	return sum
}

func rowsTable(name string) *gluetypes.TableInput {
	return &gluetypes.TableInput{Name: &name, TableType: aws.String("EXTERNAL_TABLE"), Parameters: map[string]string{"classification": "parquet"},
		PartitionKeys: []gluetypes.Column{{Name: aws.String("day"), Type: aws.String("string")}},
		StorageDescriptor: &gluetypes.StorageDescriptor{Location: aws.String("s3://" + rowsBucket + "/rows/" + name + "/"),
			Columns:      []gluetypes.Column{{Name: aws.String("row"), Type: aws.String("string")}, {Name: aws.String("lane"), Type: aws.String("int")}},
			InputFormat:  aws.String("org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"),
			OutputFormat: aws.String("org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"),
			SerdeInfo:    &gluetypes.SerDeInfo{SerializationLibrary: aws.String("org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe")}}}
}

func prepareDelivery(t *testing.T, c *clients) {
	t.Helper()
	ctx := t.Context()
	_, err := c.s3.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String(rowsBucket)})
	ok(t, err)
	c.database(t, rowsDB)
	for i, name := range []string{subscribed, direct, late} {
		_, err := c.glue.CreateTable(ctx, &glue.CreateTableInput{DatabaseName: aws.String(rowsDB), TableInput: rowsTable(name)})
		ok(t, err)
		bucket := rowsBucket
		if name == late {
			bucket = lateBucket
		}
		c.rowsStream(t, name, bucket, i%2)
	}
	c.rowsSubscription(t)
}

// rowsStream makes a stream that converts into the table of its name: the subscribed one what a subscription sends, others JSON.
func (c *clients) rowsStream(t *testing.T, name, bucket string, seconds int) {
	t.Helper()
	ctx := t.Context()
	streams := firehose.NewFromConfig(c.config(""))
	var processors []firehosetypes.Processor
	if name == subscribed {
		for _, p := range [][3]string{{"Decompression", "CompressionFormat", "GZIP"}, {"CloudWatchLogProcessing", "ExtractedFields", "true"}} {
			processors = append(processors, firehosetypes.Processor{Type: firehosetypes.ProcessorType(p[0]), Parameters: []firehosetypes.ProcessorParameter{
				{ParameterName: firehosetypes.ProcessorParameterName(p[1]), ParameterValue: aws.String(p[2])}}})
		}
	}
	c.letRole(t, rowsRole)
	_, err := streams.CreateDeliveryStream(ctx, &firehose.CreateDeliveryStreamInput{DeliveryStreamName: aws.String(name), DeliveryStreamType: firehosetypes.DeliveryStreamTypeDirectPut,
		ExtendedS3DestinationConfiguration: &firehosetypes.ExtendedS3DestinationConfiguration{
			BucketARN: aws.String("arn:aws:s3:::" + bucket), RoleARN: aws.String(rowsRole),
			Prefix:                  aws.String("rows/" + name + "/day=!{timestamp:yyyy-MM-dd}/"),
			ErrorOutputPrefix:       aws.String("errors/" + name + "/!{firehose:error-output-type}/"),
			BufferingHints:          &firehosetypes.BufferingHints{IntervalInSeconds: aws.Int32(int32(seconds)), SizeInMBs: aws.Int32(64)},
			ProcessingConfiguration: &firehosetypes.ProcessingConfiguration{Enabled: aws.Bool(len(processors) > 0), Processors: processors},
			DataFormatConversionConfiguration: &firehosetypes.DataFormatConversionConfiguration{Enabled: aws.Bool(true),
				InputFormatConfiguration:  &firehosetypes.InputFormatConfiguration{Deserializer: &firehosetypes.Deserializer{OpenXJsonSerDe: &firehosetypes.OpenXJsonSerDe{}}},
				OutputFormatConfiguration: &firehosetypes.OutputFormatConfiguration{Serializer: &firehosetypes.Serializer{ParquetSerDe: &firehosetypes.ParquetSerDe{}}},
				SchemaConfiguration: &firehosetypes.SchemaConfiguration{DatabaseName: aws.String(rowsDB), TableName: aws.String(name),
					RoleARN: aws.String(rowsRole), Region: aws.String(defaultRegion)}}}})
	ok(t, err)
	until(t, name+" to be ACTIVE", func() bool {
		out, err := streams.DescribeDeliveryStream(ctx, &firehose.DescribeDeliveryStreamInput{DeliveryStreamName: aws.String(name)})
		ok(t, err)
		return out.DeliveryStreamDescription.DeliveryStreamStatus == firehosetypes.DeliveryStreamStatusActive
	})
}

// rowsSubscription makes the group, with two streams, whose events the subscribed stream takes.
func (c *clients) rowsSubscription(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	_, err := c.logs.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String(rowsGroup)})
	ok(t, err)
	for w := range 2 {
		_, err = c.logs.CreateLogStream(ctx, &cloudwatchlogs.CreateLogStreamInput{LogGroupName: aws.String(rowsGroup), LogStreamName: aws.String(fmt.Sprint(w))})
		ok(t, err)
	}
	_, err = c.logs.PutSubscriptionFilter(ctx, &cloudwatchlogs.PutSubscriptionFilterInput{LogGroupName: aws.String(rowsGroup), FilterName: aws.String("rows"), FilterPattern: aws.String("[row, lane]"),
		DestinationArn: aws.String("arn:aws:firehose:" + defaultRegion + ":" + defaultAccount + ":deliverystream/" + subscribed), RoleArn: aws.String(rowsRole)})
	ok(t, err)
}

// rowWorld is every row that was sent.
type rowWorld struct {
	mu           sync.Mutex // guards all below
	n            int
	rows         map[string]bool // whether it was acknowledged
	acknowledged int
}

// send makes rows up, and notes whether put said that they are taken.
func (w *rowWorld) send(t *testing.T, what string, put func(rows []string) error) {
	w.mu.Lock()
	rows := make([]string, rowsAtATime)
	for i := range rows {
		w.n++
		rows[i] = what + "-" + strconv.Itoa(w.n)
		w.rows[rows[i]] = false
	}
	w.mu.Unlock()
	err := put(rows)
	if err != nil {
		cutOff(t, what, err)
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range rows {
		w.rows[r] = true
	}
	w.acknowledged += len(rows)
}

// work loads a server until ctx ends.
func (w *rowWorld) work(t *testing.T, ctx context.Context, c *clients, work *sync.WaitGroup, life int) {
	streams := firehose.NewFromConfig(c.config(""))
	loop := func(do func() error) {
		work.Go(func() {
			for ctx.Err() == nil {
				if do() != nil {
					return
				}
				time.Sleep(5 * time.Millisecond)
			}
		})
	}
	for lane := range 2 {
		loop(func() (err error) {
			w.send(t, "event", func(rows []string) error {
				in := &cloudwatchlogs.PutLogEventsInput{LogGroupName: aws.String(rowsGroup), LogStreamName: aws.String(strconv.Itoa(lane))}
				for _, r := range rows {
					in.LogEvents = append(in.LogEvents, logtypes.InputLogEvent{Message: aws.String(fmt.Sprint(r, " ", lane)), Timestamp: aws.Int64(time.Now().UnixMilli())})
				}
				_, err = c.logs.PutLogEvents(ctx, in)
				return err
			})
			return err
		})
	}
	for _, name := range []string{direct, late} {
		loop(func() (err error) {
			w.send(t, name, func(rows []string) error {
				in := &firehose.PutRecordBatchInput{DeliveryStreamName: aws.String(name)}
				for i, r := range rows {
					data := fmt.Sprintf(`{"row":"%s","lane":%d}`, r, i)
					if i%20 == 0 {
						data = "no JSON: " + r
					}
					in.Records = append(in.Records, firehosetypes.Record{Data: []byte(data)})
				}
				var out *firehose.PutRecordBatchOutput
				if out, err = streams.PutRecordBatch(ctx, in); err == nil && *out.FailedPutCount != 0 {
					t.Errorf("%d records were refused", *out.FailedPutCount)
				}
				return err
			})
			return err
		})
	}
	switch life % 4 {
	case 1, 2:
		work.Go(func() { w.dropTable(t, ctx, c, life%4 == 1) })
	case 3:
		work.Go(func() {
			d, err := streams.DescribeDeliveryStream(ctx, &firehose.DescribeDeliveryStreamInput{DeliveryStreamName: aws.String(subscribed)})
			if err != nil {
				cutOff(t, "DescribeDeliveryStream", err)
				return
			}
			_, err = streams.UpdateDestination(ctx, &firehose.UpdateDestinationInput{DeliveryStreamName: aws.String(subscribed), DestinationId: aws.String("destinationId-000000000001"),
				CurrentDeliveryStreamVersionId: d.DeliveryStreamDescription.VersionId, ExtendedS3DestinationUpdate: &firehosetypes.ExtendedS3DestinationUpdate{
					BufferingHints: &firehosetypes.BufferingHints{IntervalInSeconds: aws.Int32(int32(life / 4 % 2)), SizeInMBs: aws.Int32(64)}}})
			if err != nil {
				cutOff(t, "UpdateDestination", err)
			}
		})
	}
}

// dropTable drops the table of the direct stream, or makes it again.
func (w *rowWorld) dropTable(t *testing.T, ctx context.Context, c *clients, drop bool) {
	var err error
	if drop {
		_, err = c.glue.DeleteTable(ctx, &glue.DeleteTableInput{DatabaseName: aws.String(rowsDB), Name: aws.String(direct)})
	} else {
		_, err = c.glue.CreateTable(ctx, &glue.CreateTableInput{DatabaseName: aws.String(rowsDB), TableInput: rowsTable(direct)})
	}
	var missing *gluetypes.EntityNotFoundException
	var exists *gluetypes.AlreadyExistsException
	if err != nil && !errors.As(err, &missing) && !errors.As(err, &exists) {
		cutOff(t, "table", err)
	}
}

// allObjects lists a folder, however much it holds.
func allObjects(t *testing.T, c *clients, bucket, prefix string) (keys []string) {
	t.Helper()
	pages := s3.NewListObjectsV2Paginator(c.s3, &s3.ListObjectsV2Input{Bucket: &bucket, Prefix: &prefix})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		ok(t, err)
		for _, o := range page.Contents {
			keys = append(keys, *o.Key)
		}
	}
	return keys
}

// readRows reads every row that there is, with another Parquet reader, and below the error prefixes.
func readRows(t *testing.T, c *clients) (parquet, failed []string) {
	t.Helper()
	type row struct {
		Row  *string `parquet:"row,optional"`
		Lane *int32  `parquet:"lane,optional"`
	}
	for _, bucket := range []string{rowsBucket, lateBucket} {
		for _, key := range allObjects(t, c, bucket, "rows/") {
			data := []byte(contents(t, c, bucket, key))
			rows, err := judge.Read[row](bytes.NewReader(data), int64(len(data)))
			if err != nil {
				t.Fatalf("%s: %v", key, err)
			}
			for _, r := range rows {
				if r.Row == nil || r.Lane == nil {
					t.Errorf("%s: a row without a value", key)
					continue
				}
				parquet = append(parquet, *r.Row)
			}
		}
		for _, key := range allObjects(t, c, bucket, "errors/") {
			for lines := json.NewDecoder(strings.NewReader(contents(t, c, bucket, key))); ; {
				var line struct{ RawData []byte }
				if err := lines.Decode(&line); err == io.EOF {
					break
				} else if err != nil {
					t.Fatalf("%s: %v", key, err)
				}
				failed = append(failed, strings.TrimPrefix(string(line.RawData), "no JSON: "))
			}
		}
	}
	return parquet, failed
}

// check compares what is there with what was sent.
func (w *rowWorld) check(t *testing.T, got []string) {
	t.Helper()
	times := map[string]int{}
	for _, r := range got {
		times[r]++
	}
	wrong := 0
	complain := func(format string, args ...any) {
		if wrong++; wrong <= 20 {
			t.Errorf(format, args...)
		}
	}
	for r, n := range times {
		if _, sent := w.rows[r]; !sent || n != 1 {
			complain("row %q is there %d times; sent: %v", r, n, sent)
		}
	}
	for r, acknowledged := range w.rows {
		if acknowledged && times[r] == 0 {
			complain("row %q was acknowledged and is not there", r)
		}
	}
	if wrong > 20 {
		t.Errorf("and %d more", wrong-20)
	}
}
