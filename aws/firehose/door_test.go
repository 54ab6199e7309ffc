package firehose_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"flowlake/access"
	door "flowlake/aws/firehose"
	"flowlake/aws/wire"
	"flowlake/catalog"
	"flowlake/delivery"
	"flowlake/delivery/destination"
	"flowlake/lake"
	"flowlake/logs"
	"flowlake/state"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	api "github.com/aws/aws-sdk-go-v2/service/firehose"
	"github.com/aws/aws-sdk-go-v2/service/firehose/types"
	"github.com/aws/smithy-go"
)

const (
	account = "123456789012"
	role    = "arn:aws:iam::123456789012:role/delivery"
	bucket  = "arn:aws:s3:::flows-bucket"
)

// bench is the official client before the door of a room that runs.
type bench struct {
	*api.Client
	room   *delivery.Store
	lake   *lake.Store
	logs   *logs.Store
	tables *catalog.Catalog
	bodies *bodies
}

// bodies keeps the last answer, to see the members that the client passes over.
type bodies struct{ last []byte }

func (b *bodies) Do(r *http.Request) (*http.Response, error) {
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	b.last, err = io.ReadAll(res.Body)
	res.Body.Close()
	res.Body = io.NopCloser(strings.NewReader(string(b.last)))
	return res, err
}

func newBench(t testing.TB, cfg delivery.Config) bench {
	t.Helper()
	dir := t.TempDir()
	quiet := slog.New(slog.DiscardHandler)
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	keys, err := access.OpenKeys(filepath.Join(dir, "credentials"), account)
	ok(err)
	guard := access.NewGuard(account)
	st, err := state.Open(filepath.Join(dir, "state"))
	ok(err)
	lk, err := lake.Open(lake.Config{Dir: filepath.Join(dir, "lake")}, st, guard, quiet)
	ok(err)
	lg, err := logs.Open(logs.Config{Dir: filepath.Join(dir, "logs")}, st, lk, guard, quiet)
	ok(err)
	tables := catalog.Open(st, guard, quiet)
	cfg.Dir, cfg.Scratch, cfg.RetryMin, cfg.RetryMax = filepath.Join(dir, "delivery"), filepath.Join(dir, "scratch"), 5*time.Millisecond, 20*time.Millisecond
	room, err := delivery.Open(cfg, st, lk, lg, tables, guard, quiet)
	ok(err)
	writer := destination.New(tables, guard, room.HasTransform(), quiet)
	room.Handle(delivery.KindFirehose, writer)
	lg.SetDestinations(room)
	handler, err := wire.New(wire.Config{Keys: keys, Guard: guard, Log: quiet}, []wire.Service{door.Service(room, writer)})
	ok(err)
	server := httptest.NewServer(handler)
	ctx, stop := context.WithCancel(context.Background())
	ran := make(chan error)
	go func() { ran <- room.Run(ctx) }()
	t.Cleanup(func() {
		server.Close()
		stop()
		for _, err := range []error{<-ran, room.Close(), lg.Close(), lk.Close(), st.Close()} {
			if err != nil {
				t.Error(err)
			}
		}
	})
	ok(lk.CreateBucket(ctx, root, "flows-bucket"))
	seen := &bodies{}
	return bench{room: room, lake: lk, logs: lg, tables: tables, bodies: seen, Client: api.New(api.Options{Region: "us-east-1", BaseEndpoint: &server.URL, RetryMaxAttempts: 1, HTTPClient: seen,
		Credentials: credentials.NewStaticCredentialsProvider(keys.Root().ID, keys.Root().Secret, "")})}
}

var root = access.Root(account, "us-east-1")

// extended is a destination that writes at once.
func extended(change func(*types.ExtendedS3DestinationConfiguration)) *types.ExtendedS3DestinationConfiguration {
	c := &types.ExtendedS3DestinationConfiguration{BucketARN: aws.String(bucket), RoleARN: aws.String(role), BufferingHints: &types.BufferingHints{IntervalInSeconds: aws.Int32(0)}}
	if change != nil {
		change(c)
	}
	return c
}

func (b bench) make(t testing.TB, name string, c *types.ExtendedS3DestinationConfiguration) {
	t.Helper()
	out, err := b.CreateDeliveryStream(t.Context(), &api.CreateDeliveryStreamInput{DeliveryStreamName: &name, ExtendedS3DestinationConfiguration: c})
	if err != nil {
		t.Fatal(err)
	}
	if *out.DeliveryStreamARN != "arn:aws:firehose:us-east-1:123456789012:deliverystream/"+name {
		t.Errorf("ARN %s", *out.DeliveryStreamARN)
	}
	until(t, func() bool { return b.describe(t, name).DeliveryStreamStatus == types.DeliveryStreamStatusActive })
}

func (b bench) describe(t testing.TB, name string) *types.DeliveryStreamDescription {
	t.Helper()
	out, err := b.DescribeDeliveryStream(t.Context(), &api.DescribeDeliveryStreamInput{DeliveryStreamName: &name})
	if err != nil {
		t.Fatal(err)
	}
	return out.DeliveryStreamDescription
}

// counters are what DescribeDeliveryStream shows beside AWS's members.
func (b bench) counters(t testing.TB, name string) (n struct{ In, Delivered, Failed, Dropped, Waiting int64 }) {
	t.Helper()
	b.describe(t, name)
	var shown struct {
		DeliveryStreamDescription struct{ FlowlakeCounters json.RawMessage }
	}
	if err := json.Unmarshal(b.bodies.last, &shown); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(shown.DeliveryStreamDescription.FlowlakeCounters, &n); err != nil {
		t.Fatalf("%s: %v", b.bodies.last, err)
	}
	return n
}

func until(t testing.TB, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !done(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("not after ten seconds")
		}
	}
}

// wantCode checks an error's code, and that its message has the words.
func wantCode(t testing.TB, err error, code, words string) {
	t.Helper()
	var e smithy.APIError
	if !errors.As(err, &e) || e.ErrorCode() != code || !strings.Contains(e.ErrorMessage(), words) {
		t.Errorf("got %v, want %s with %q", err, code, words)
	}
}

func (b bench) objects(t testing.TB) (keys []string) {
	t.Helper()
	page, err := b.lake.List(t.Context(), root, "flows-bucket", lake.ListInput{})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range page.Objects {
		keys = append(keys, o.Key)
	}
	return keys
}

func TestStreams(t *testing.T) {
	ctx, b := t.Context(), newBench(t, delivery.Config{})
	b.make(t, "web", extended(nil))
	d := b.describe(t, "web")
	s3 := d.Destinations[0].ExtendedS3DestinationDescription
	if *d.VersionId != "1" || d.DeliveryStreamType != types.DeliveryStreamTypeDirectPut || *d.HasMoreDestinations || d.CreateTimestamp == nil || d.FailureDescription != nil ||
		*d.Destinations[0].DestinationId != "destinationId-000000000001" || *s3.BucketARN != bucket || *s3.RoleARN != role || s3.CompressionFormat != "UNCOMPRESSED" ||
		*s3.BufferingHints.SizeInMBs != 5 || *s3.BufferingHints.IntervalInSeconds != 0 || s3.S3BackupMode != "Disabled" || s3.EncryptionConfiguration.NoEncryptionConfig != "NoEncryption" ||
		d.DeliveryStreamEncryptionConfiguration.Status != "DISABLED" {
		t.Errorf("got %+v, %+v", d, s3)
	}
	_, err := b.CreateDeliveryStream(ctx, &api.CreateDeliveryStreamInput{DeliveryStreamName: aws.String("web"), ExtendedS3DestinationConfiguration: extended(nil)})
	wantCode(t, err, "ResourceInUseException", "web")
	var inUse *types.ResourceInUseException
	if !errors.As(err, &inUse) {
		t.Errorf("%T is not the SDK's exception", err)
	}
	old := &api.CreateDeliveryStreamInput{DeliveryStreamName: aws.String("old")}
	//lint:ignore SA1019 older clients send it
	old.S3DestinationConfiguration = &types.S3DestinationConfiguration{BucketARN: aws.String(bucket), RoleARN: aws.String(role), CompressionFormat: "GZIP"}
	if _, err := b.CreateDeliveryStream(ctx, old); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a", "b.c_d-e"} {
		b.make(t, name, extended(nil))
	}
	list, err := b.ListDeliveryStreams(ctx, &api.ListDeliveryStreamsInput{Limit: aws.Int32(2), ExclusiveStartDeliveryStreamName: aws.String("a")})
	if err != nil || !slices.Equal(list.DeliveryStreamNames, []string{"b.c_d-e", "old"}) || !*list.HasMoreDeliveryStreams {
		t.Errorf("got %+v, %v", list, err)
	}
	list, err = b.ListDeliveryStreams(ctx, &api.ListDeliveryStreamsInput{DeliveryStreamType: types.DeliveryStreamTypeKinesisStreamAsSource})
	if err != nil || len(list.DeliveryStreamNames) != 0 || *list.HasMoreDeliveryStreams {
		t.Errorf("got %+v, %v", list, err)
	}
	if _, err := b.DeleteDeliveryStream(ctx, &api.DeleteDeliveryStreamInput{DeliveryStreamName: aws.String("a"), AllowForceDelete: aws.Bool(true)}); err != nil {
		t.Fatal(err)
	}
	until(t, func() bool {
		_, err := b.DescribeDeliveryStream(ctx, &api.DescribeDeliveryStreamInput{DeliveryStreamName: aws.String("a")})
		var gone *types.ResourceNotFoundException
		return errors.As(err, &gone)
	})
	_, err = b.DeleteDeliveryStream(ctx, &api.DeleteDeliveryStreamInput{DeliveryStreamName: aws.String("a")})
	wantCode(t, err, "ResourceNotFoundException", "a")
	out, err := b.DescribeDeliveryStream(ctx, &api.DescribeDeliveryStreamInput{DeliveryStreamName: aws.String("old"), ExclusiveStartDestinationId: aws.String("destinationId-000000000001")})
	if err != nil || len(out.DeliveryStreamDescription.Destinations) != 0 {
		t.Errorf("got %+v, %v", out, err)
	}
}

func TestCreateRefuses(t *testing.T) {
	ctx, b := t.Context(), newBench(t, delivery.Config{})
	name := aws.String("s")
	for _, row := range []struct {
		name, code, words string
		in                api.CreateDeliveryStreamInput
	}{
		{"no value of the enumeration", "ValidationException", "Member must satisfy enum value set", api.CreateDeliveryStreamInput{DeliveryStreamName: name, ExtendedS3DestinationConfiguration: extended(func(c *types.ExtendedS3DestinationConfiguration) {
			c.CompressionFormat = "LZ4"
		})}},
		{"a name", "ValidationException", "DeliveryStreamName", api.CreateDeliveryStreamInput{DeliveryStreamName: aws.String("a b"), ExtendedS3DestinationConfiguration: extended(nil)}},
		{"no destination", "InvalidArgumentException", "Exactly one destination", api.CreateDeliveryStreamInput{DeliveryStreamName: name}},
		{"a Kinesis stream", "InvalidArgumentException", "KinesisStreamAsSource", api.CreateDeliveryStreamInput{DeliveryStreamName: name, DeliveryStreamType: types.DeliveryStreamTypeKinesisStreamAsSource, ExtendedS3DestinationConfiguration: extended(nil)}},
		{"Redshift", "InvalidArgumentException", "RedshiftDestinationConfiguration", api.CreateDeliveryStreamInput{DeliveryStreamName: name, RedshiftDestinationConfiguration: &types.RedshiftDestinationConfiguration{
			ClusterJDBCURL: aws.String("x"), CopyCommand: &types.CopyCommand{DataTableName: aws.String("t")}, RoleARN: aws.String(role), S3Configuration: &types.S3DestinationConfiguration{BucketARN: aws.String(bucket), RoleARN: aws.String(role)}}}},
		{"a key of KMS", "InvalidArgumentException", "KMSEncryptionConfig", api.CreateDeliveryStreamInput{DeliveryStreamName: name, ExtendedS3DestinationConfiguration: extended(func(c *types.ExtendedS3DestinationConfiguration) {
			c.EncryptionConfiguration = &types.EncryptionConfiguration{KMSEncryptionConfig: &types.KMSEncryptionConfig{AWSKMSKeyARN: aws.String("arn:aws:kms:x")}}
		})}},
		{"ORC", "InvalidArgumentException", "OrcSerDe", api.CreateDeliveryStreamInput{DeliveryStreamName: name, ExtendedS3DestinationConfiguration: extended(func(c *types.ExtendedS3DestinationConfiguration) {
			c.DataFormatConversionConfiguration = &types.DataFormatConversionConfiguration{OutputFormatConfiguration: &types.OutputFormatConfiguration{Serializer: &types.Serializer{OrcSerDe: &types.OrcSerDe{}}}}
		})}},
		{"a small buffer before a conversion", "InvalidArgumentException", "SizeInMBs must be at least 64", api.CreateDeliveryStreamInput{DeliveryStreamName: name, ExtendedS3DestinationConfiguration: extended(func(c *types.ExtendedS3DestinationConfiguration) {
			c.BufferingHints.SizeInMBs = aws.Int32(5)
			c.DataFormatConversionConfiguration = conversion("SNAPPY")
		})}},
		{"a table that is not there", "InvalidArgumentException", "database lake: not found", api.CreateDeliveryStreamInput{DeliveryStreamName: name, ExtendedS3DestinationConfiguration: extended(func(c *types.ExtendedS3DestinationConfiguration) {
			c.DataFormatConversionConfiguration = conversion("SNAPPY")
		})}},
		{"a customer's key", "InvalidArgumentException", "key management", api.CreateDeliveryStreamInput{DeliveryStreamName: name, ExtendedS3DestinationConfiguration: extended(nil),
			DeliveryStreamEncryptionConfigurationInput: &types.DeliveryStreamEncryptionConfigurationInput{KeyType: types.KeyTypeCustomerManagedCmk}}},
		{"a tag of AWS's", "InvalidArgumentException", "aws:", api.CreateDeliveryStreamInput{DeliveryStreamName: name, ExtendedS3DestinationConfiguration: extended(nil), Tags: []types.Tag{{Key: aws.String("aws:x")}}}},
		{"a function", "InvalidArgumentException", "no functions", api.CreateDeliveryStreamInput{DeliveryStreamName: name, ExtendedS3DestinationConfiguration: extended(func(c *types.ExtendedS3DestinationConfiguration) {
			c.ProcessingConfiguration = &types.ProcessingConfiguration{Enabled: aws.Bool(true), Processors: []types.Processor{{Type: types.ProcessorTypeLambda,
				Parameters: []types.ProcessorParameter{{ParameterName: types.ProcessorParameterNameLambdaArn, ParameterValue: aws.String("arn:aws:lambda:us-east-1:123456789012:function:f")}}}}}
		})}},
	} {
		_, err := b.CreateDeliveryStream(ctx, &row.in)
		t.Run(row.name, func(t *testing.T) { wantCode(t, err, row.code, row.words) })
	}
	list, err := b.ListDeliveryStreams(ctx, nil)
	if err != nil || len(list.DeliveryStreamNames) != 0 {
		t.Errorf("what was refused is there: %v, %v", list, err)
	}
}

func conversion(compression types.ParquetCompression) *types.DataFormatConversionConfiguration {
	return &types.DataFormatConversionConfiguration{
		SchemaConfiguration:       &types.SchemaConfiguration{DatabaseName: aws.String("lake"), TableName: aws.String("none"), RoleARN: aws.String(role)},
		InputFormatConfiguration:  &types.InputFormatConfiguration{Deserializer: &types.Deserializer{OpenXJsonSerDe: &types.OpenXJsonSerDe{}}},
		OutputFormatConfiguration: &types.OutputFormatConfiguration{Serializer: &types.Serializer{ParquetSerDe: &types.ParquetSerDe{Compression: compression}}},
	}
}

func TestRecords(t *testing.T) {
	ctx, b := t.Context(), newBench(t, delivery.Config{})
	b.make(t, "web", extended(func(c *types.ExtendedS3DestinationConfiguration) { c.Prefix = aws.String("web/") }))
	name := aws.String("web")
	one, err := b.PutRecord(ctx, &api.PutRecordInput{DeliveryStreamName: name, Record: &types.Record{Data: []byte("a\x00\xff")}})
	if err != nil || *one.RecordId == "" || *one.Encrypted {
		t.Fatalf("%+v, %v", one, err)
	}
	many, err := b.PutRecordBatch(ctx, &api.PutRecordBatchInput{DeliveryStreamName: name, Records: []types.Record{{Data: []byte("b")}, {Data: []byte{}}, {Data: []byte("c")}}})
	if err != nil || *many.FailedPutCount != 0 || len(many.RequestResponses) != 3 {
		t.Fatalf("%+v, %v", many, err)
	}
	ids := map[string]bool{*one.RecordId: true}
	for _, r := range many.RequestResponses {
		if ids[*r.RecordId] = true; r.ErrorCode != nil {
			t.Errorf("%+v", r)
		}
	}
	if len(ids) != 4 {
		t.Errorf("the records' ids are not their own: %v", ids)
	}
	until(t, func() bool { n := b.counters(t, "web"); return n.Delivered == 4 && n.In == 4 && n.Waiting == 0 })
	var got []byte
	for _, key := range b.objects(t) {
		r, err := b.lake.Open(ctx, root, "flows-bucket", key)
		if err != nil {
			t.Fatal(err)
		}
		part, _ := io.ReadAll(r)
		r.Close()
		got = append(got, part...)
	}
	if string(got) != "a\x00\xffbc" && string(got) != "bca\x00\xff" { // one batch or two, whose keys are in either order
		t.Errorf("delivered %q", got)
	}

	_, err = b.PutRecord(ctx, &api.PutRecordInput{DeliveryStreamName: name, Record: &types.Record{Data: make([]byte, 1_024_001)}})
	wantCode(t, err, "ValidationException", "1024000")
	_, err = b.PutRecordBatch(ctx, &api.PutRecordBatchInput{DeliveryStreamName: name, Records: make([]types.Record, 501)})
	if err == nil {
		t.Error("501 records were taken")
	}
	big := types.Record{Data: make([]byte, 1_000_000)}
	_, err = b.PutRecordBatch(ctx, &api.PutRecordBatchInput{DeliveryStreamName: name, Records: []types.Record{big, big, big, big, big}})
	wantCode(t, err, "InvalidArgumentException", "4 MiB")
	_, err = b.PutRecordBatch(ctx, &api.PutRecordBatchInput{DeliveryStreamName: name, Records: []types.Record{}})
	wantCode(t, err, "ValidationException", "1 to 500")
	_, err = b.PutRecord(ctx, &api.PutRecordInput{DeliveryStreamName: aws.String("none"), Record: &types.Record{Data: []byte("x")}})
	wantCode(t, err, "ResourceNotFoundException", "none")
	if n := b.counters(t, "web"); n.In != 4 {
		t.Errorf("what was refused was taken: %+v", n)
	}
}

func TestFullQueue(t *testing.T) {
	b := newBench(t, delivery.Config{QueueBytes: 1000})
	b.make(t, "full", extended(func(c *types.ExtendedS3DestinationConfiguration) { c.BufferingHints.IntervalInSeconds = aws.Int32(900) }))
	put := func(n int) error {
		_, err := b.PutRecord(t.Context(), &api.PutRecordInput{DeliveryStreamName: aws.String("full"), Record: &types.Record{Data: make([]byte, n)}})
		return err
	}
	if err := put(900); err != nil {
		t.Fatal(err)
	}
	err := put(200)
	wantCode(t, err, "ServiceUnavailableException", "")
	var busy *types.ServiceUnavailableException
	if !errors.As(err, &busy) {
		t.Errorf("%T is not the SDK's exception", err)
	}
}

func TestOnlySubscriptionsAreUnpacked(t *testing.T) {
	ctx, b := t.Context(), newBench(t, delivery.Config{})
	b.make(t, "flows", extended(func(c *types.ExtendedS3DestinationConfiguration) {
		c.ProcessingConfiguration = &types.ProcessingConfiguration{Enabled: aws.Bool(true), Processors: []types.Processor{
			{Type: types.ProcessorTypeDecompression, Parameters: []types.ProcessorParameter{{ParameterName: types.ProcessorParameterNameCompressionFormat, ParameterValue: aws.String("GZIP")}}},
			{Type: types.ProcessorTypeCloudWatchLogProcessing, Parameters: []types.ProcessorParameter{{ParameterName: "ExtractedFields", ParameterValue: aws.String("true")}}},
		}}
	}))
	_, err := b.PutRecord(ctx, &api.PutRecordInput{DeliveryStreamName: aws.String("flows"), Record: &types.Record{Data: []byte("x")}})
	var source *types.InvalidSourceException
	if !errors.As(err, &source) {
		t.Errorf("got %v", err)
	}
	p := b.describe(t, "flows").Destinations[0].ExtendedS3DestinationDescription.ProcessingConfiguration
	if len(p.Processors) != 2 || p.Processors[1].Parameters[0].ParameterName != "ExtractedFields" {
		t.Errorf("%+v", p)
	}
}

func TestUpdateDestination(t *testing.T) {
	ctx, b := t.Context(), newBench(t, delivery.Config{})
	b.make(t, "web", extended(func(c *types.ExtendedS3DestinationConfiguration) {
		c.Prefix, c.CustomTimeZone = aws.String("one/"), aws.String("Asia/Seoul")
	}))
	update := func(version string, u *types.ExtendedS3DestinationUpdate) error {
		_, err := b.UpdateDestination(ctx, &api.UpdateDestinationInput{DeliveryStreamName: aws.String("web"), CurrentDeliveryStreamVersionId: &version,
			DestinationId: aws.String("destinationId-000000000001"), ExtendedS3DestinationUpdate: u})
		return err
	}
	if err := update("1", &types.ExtendedS3DestinationUpdate{CompressionFormat: "GZIP", BufferingHints: &types.BufferingHints{SizeInMBs: aws.Int32(7)}}); err != nil {
		t.Fatal(err)
	}
	d := b.describe(t, "web")
	s3 := d.Destinations[0].ExtendedS3DestinationDescription
	if *d.VersionId != "2" || d.LastUpdateTimestamp == nil || *s3.Prefix != "one/" || s3.CompressionFormat != "GZIP" || *s3.BufferingHints.SizeInMBs != 7 || *s3.BufferingHints.IntervalInSeconds != 0 || *s3.CustomTimeZone != "Asia/Seoul" {
		t.Errorf("%+v, %+v", d, s3)
	}
	err := update("1", &types.ExtendedS3DestinationUpdate{Prefix: aws.String("two/")})
	wantCode(t, err, "ConcurrentModificationException", "version")
	wantCode(t, update("2", &types.ExtendedS3DestinationUpdate{Prefix: aws.String("!{timestamp:yyyy}/")}), "InvalidArgumentException", "ErrorOutputPrefix")
	_, err = b.UpdateDestination(ctx, &api.UpdateDestinationInput{DeliveryStreamName: aws.String("web"), CurrentDeliveryStreamVersionId: aws.String("2"),
		DestinationId: aws.String("other"), ExtendedS3DestinationUpdate: &types.ExtendedS3DestinationUpdate{}})
	wantCode(t, err, "InvalidArgumentException", "DestinationId")
	_, err = b.UpdateDestination(ctx, &api.UpdateDestinationInput{DeliveryStreamName: aws.String("none"), CurrentDeliveryStreamVersionId: aws.String("1"),
		DestinationId: aws.String("destinationId-000000000001"), ExtendedS3DestinationUpdate: &types.ExtendedS3DestinationUpdate{}})
	wantCode(t, err, "ResourceNotFoundException", "none")

	// A conversion is laid over the one before, member by member; the table need not be there while it is off.
	off := conversion("ZSTD")
	off.Enabled = aws.Bool(false)
	if err := update("2", &types.ExtendedS3DestinationUpdate{DataFormatConversionConfiguration: off}); err != nil {
		t.Fatal(err)
	}
	if err := update("3", &types.ExtendedS3DestinationUpdate{DataFormatConversionConfiguration: &types.DataFormatConversionConfiguration{
		SchemaConfiguration: &types.SchemaConfiguration{TableName: aws.String("other")}}}); err != nil {
		t.Fatal(err)
	}
	c := b.describe(t, "web").Destinations[0].ExtendedS3DestinationDescription.DataFormatConversionConfiguration
	if *c.Enabled || *c.SchemaConfiguration.TableName != "other" || *c.SchemaConfiguration.DatabaseName != "lake" || c.OutputFormatConfiguration.Serializer.ParquetSerDe.Compression != "ZSTD" {
		t.Errorf("%+v, %+v", c, c.SchemaConfiguration)
	}
	// A backup cannot be switched off again.
	if err := update("4", &types.ExtendedS3DestinationUpdate{S3BackupMode: "Enabled", S3BackupUpdate: &types.S3DestinationUpdate{BucketARN: aws.String(bucket), RoleARN: aws.String(role), Prefix: aws.String("source/")}}); err != nil {
		t.Fatal(err)
	}
	wantCode(t, update("5", &types.ExtendedS3DestinationUpdate{S3BackupMode: "Disabled"}), "InvalidArgumentException", "S3BackupMode")
	if s3 := b.describe(t, "web").Destinations[0].ExtendedS3DestinationDescription; s3.S3BackupDescription == nil || *s3.S3BackupDescription.Prefix != "source/" {
		t.Errorf("%+v", s3)
	}
	old := &api.UpdateDestinationInput{DeliveryStreamName: aws.String("web"), CurrentDeliveryStreamVersionId: aws.String("5"), DestinationId: aws.String("destinationId-000000000001")}
	//lint:ignore SA1019 older clients send it
	old.S3DestinationUpdate = &types.S3DestinationUpdate{CompressionFormat: "UNCOMPRESSED"}
	if _, err := b.UpdateDestination(ctx, old); err != nil {
		t.Fatal(err)
	}
}

// TestFailureIsDescribed claims that a stream says what it waits for, and goes on by itself.
func TestFailureIsDescribed(t *testing.T) {
	ctx, b := t.Context(), newBench(t, delivery.Config{})
	b.make(t, "web", extended(func(c *types.ExtendedS3DestinationConfiguration) {
		c.BucketARN = aws.String("arn:aws:s3:::later-bucket")
	}))
	if _, err := b.PutRecord(ctx, &api.PutRecordInput{DeliveryStreamName: aws.String("web"), Record: &types.Record{Data: []byte("x")}}); err != nil {
		t.Fatal(err)
	}
	until(t, func() bool {
		f := b.describe(t, "web").FailureDescription
		return f != nil && f.Type == types.DeliveryStreamFailureTypeUnknownError && strings.Contains(*f.Details, "later-bucket")
	})
	if err := b.lake.CreateBucket(ctx, root, "later-bucket"); err != nil {
		t.Fatal(err)
	}
	until(t, func() bool { n := b.counters(t, "web"); return n.Delivered == 1 })
	until(t, func() bool { return b.describe(t, "web").FailureDescription == nil })
}

func TestTagsAndEncryption(t *testing.T) {
	ctx, b := t.Context(), newBench(t, delivery.Config{})
	name := aws.String("web")
	if _, err := b.CreateDeliveryStream(ctx, &api.CreateDeliveryStreamInput{DeliveryStreamName: name, ExtendedS3DestinationConfiguration: extended(nil), Tags: []types.Tag{{Key: aws.String("team"), Value: aws.String("net")}},
		DeliveryStreamEncryptionConfigurationInput: &types.DeliveryStreamEncryptionConfigurationInput{KeyType: types.KeyTypeAwsOwnedCmk}}); err != nil {
		t.Fatal(err)
	}
	if e := b.describe(t, "web").DeliveryStreamEncryptionConfiguration; e.Status != "ENABLED" || e.KeyType != types.KeyTypeAwsOwnedCmk {
		t.Errorf("%+v", e)
	}
	if _, err := b.StopDeliveryStreamEncryption(ctx, &api.StopDeliveryStreamEncryptionInput{DeliveryStreamName: name}); err != nil {
		t.Fatal(err)
	}
	if e := b.describe(t, "web").DeliveryStreamEncryptionConfiguration; e.Status != "DISABLED" {
		t.Errorf("%+v", e)
	}
	if _, err := b.StartDeliveryStreamEncryption(ctx, &api.StartDeliveryStreamEncryptionInput{DeliveryStreamName: name}); err != nil {
		t.Fatal(err)
	}
	_, err := b.StartDeliveryStreamEncryption(ctx, &api.StartDeliveryStreamEncryptionInput{DeliveryStreamName: name,
		DeliveryStreamEncryptionConfigurationInput: &types.DeliveryStreamEncryptionConfigurationInput{KeyType: types.KeyTypeCustomerManagedCmk, KeyARN: aws.String("arn:aws:kms:us-east-1:123456789012:key/x")}})
	wantCode(t, err, "InvalidArgumentException", "Key")
	if d := b.describe(t, "web"); *d.VersionId != "1" {
		t.Errorf("version %s", *d.VersionId)
	}
	if _, err := b.TagDeliveryStream(ctx, &api.TagDeliveryStreamInput{DeliveryStreamName: name, Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("1")}, {Key: aws.String("b")}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.UntagDeliveryStream(ctx, &api.UntagDeliveryStreamInput{DeliveryStreamName: name, TagKeys: []string{"b"}}); err != nil {
		t.Fatal(err)
	}
	page, err := b.ListTagsForDeliveryStream(ctx, &api.ListTagsForDeliveryStreamInput{DeliveryStreamName: name, Limit: aws.Int32(1)})
	if err != nil || len(page.Tags) != 1 || *page.Tags[0].Key != "a" || !*page.HasMoreTags {
		t.Errorf("%+v, %v", page, err)
	}
	page, err = b.ListTagsForDeliveryStream(ctx, &api.ListTagsForDeliveryStreamInput{DeliveryStreamName: name, ExclusiveStartTagKey: aws.String("a")})
	if err != nil || len(page.Tags) != 1 || *page.Tags[0].Key != "team" || *page.HasMoreTags {
		t.Errorf("%+v, %v", page, err)
	}
	var tags []types.Tag
	for i := range 60 {
		tags = append(tags, types.Tag{Key: aws.String(fmt.Sprint("k", i))})
	}
	_, err = b.TagDeliveryStream(ctx, &api.TagDeliveryStreamInput{DeliveryStreamName: name, Tags: tags})
	wantCode(t, err, "LimitExceededException", "50")
}
