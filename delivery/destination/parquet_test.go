package destination_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"flowlake/access"
	"flowlake/catalog"
	"flowlake/delivery"
	"flowlake/delivery/destination"
	"flowlake/fault"

	"github.com/klauspost/compress/gzip"
	judge "github.com/parquet-go/parquet-go"
)

func TestConversion(t *testing.T) {
	h := newHouse(t, nil)
	h.table(t, "events", "s3://"+bucket+"/events/", nil, nil, "a int", "b string")
	ok(t, h.make(t, "json", to(func(s *destination.Settings) { s.Prefix, s.Conversion = "events/", converting("events") })))
	h.put(t, "json", `{"a":1,"b":"x"}`, `{"a":"2"}{"a":3,"b":443}`, `{"a":"oops"}`, `[{"a":1}]`, `{"a":1}{"a":"bad"}`, `half {`, "")
	n := h.settled(t, "json", 8)
	if n.Delivered != 3 || n.Failed != 5 {
		t.Errorf("%+v", n)
	}
	data := h.objects(t, "events/20")
	if len(data) != 1 {
		t.Fatalf("objects %v", data)
	}
	if got, want := h.rows(t, "events/20"), []string{"1,x", "2,NULL", "3,443"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	var raw []string
	for _, f := range h.failures(t, "events/format-conversion-failed/") {
		raw = append(raw, string(f.RawData))
		if !strings.HasPrefix(f.LastErrorCode, "DataFormatConversion.") || f.LastErrorMessage == "" || f.DataCatalogTable.TableName != "events" || f.AttemptsMade != 1 {
			t.Errorf("%+v", f)
		}
	}
	if want := []string{`{"a":"oops"}`, `[{"a":1}]`, `{"a":1}{"a":"bad"}`, `half {`, ""}; !slices.Equal(raw, want) {
		t.Errorf("failed %q, want %q", raw, want)
	}
}

func TestConversionByNestedTable(t *testing.T) {
	h := newHouse(t, nil)
	h.table(t, "deep", "s3://"+bucket+"/deep/", nil, nil, "id bigint", "tags array<string>", "who struct<name:string,age:int>")
	ok(t, h.make(t, "deep", to(func(s *destination.Settings) { s.Prefix, s.Conversion = "deep/", converting("deep") })))
	h.put(t, "deep", `{"id":1,"tags":["a","b"],"who":{"name":"x","age":"7"}}`, `{"id":2,"who":{"age":"old"}}`, `{"id":3}`)
	n := h.settled(t, "deep", 3)
	if n.Delivered != 2 || n.Failed != 1 {
		t.Errorf("%+v", n)
	}
	if got, want := h.rows(t, "deep/20"), []string{"1,a,b,x,7", "3,NULL,NULL,NULL"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestSerDes claims that Hive's reader takes its formats of timestamps, and that a file's pages are compressed as the settings say.
func TestSerDes(t *testing.T) {
	h := newHouse(t, nil)
	h.table(t, "times", "s3://"+bucket+"/times/", nil, nil, "at timestamp", "text string")
	for compression, codec := range map[string]string{"": "SNAPPY", "GZIP": "GZIP", "ZSTD": "ZSTD", "UNCOMPRESSED": "UNCOMPRESSED"} {
		name := "times-" + strings.ToLower(compression)
		ok(t, h.make(t, name, to(func(s *destination.Settings) {
			s.Prefix, s.Conversion = name+"/", converting("times")
			s.Conversion.Input = &destination.Input{Hive: &destination.Hive{Timestamps: []string{"dd/MM/yyyy HH:mm:ss", "millis"}}}
			s.Conversion.Output.Parquet.Compression = compression
		})))
		h.put(t, name, `{"at":"14/12/2014 04:06:50","text":"`+strings.Repeat("x", 5000)+`"}`, `{"at":1418530010123}`, `{"at":"2014-12-14 04:06:50"}`)
		h.settled(t, name, 3)
		key := h.objects(t, name+"/20")[0]
		_, b := h.read(t, key)
		f, err := judge.OpenFile(bytes.NewReader(b), int64(len(b)))
		ok(t, err)
		if got := fmt.Sprint(f.Metadata().RowGroups[0].Columns[1].MetaData.Codec); got != codec {
			t.Errorf("%s: the pages are in %s, want %s", compression, got, codec)
		}
		rows := h.rows(t, name+"/20")
		for i, want := range []string{"1418530010000000,NULL", "1418530010000000,xxx", "1418530010123000,NULL"} {
			if len(rows) != 3 || !strings.HasPrefix(rows[i], want) {
				t.Errorf("%s: got %.200q", compression, rows)
				break
			}
		}
	}
}

const flowPattern = "[version, account_id, interface_id, srcaddr, dstaddr, srcport, dstport, protocol, packets, bytes, start, end, action, log_status]"

var flowTable = []string{"version int", "account_id string", "interface_id string", "srcaddr string", "dstaddr string", "srcport string", "dstport string", "protocol int",
	"packets bigint", "bytes bigint", "start timestamp", "end timestamp", "action string", "log_status string"}

var flowLines = []string{
	"2 123456789010 eni-abc123de 172.31.16.139 172.31.16.21 20641 22 6 20 4249 1418530010 1418530070 ACCEPT OK",
	"2 123456789010 eni-1a2b3c4d - - - - - - - 1431280876 1431280934 - NODATA",
	"2 123456789010 eni-abc123de 172.31.9.69 172.31.9.12 49761 3389 oops 20 4249 1418530010 1418530070 REJECT OK",
}

var unpacked = processing([]string{"Decompression", "CompressionFormat", "GZIP"}, []string{"CloudWatchLogProcessing", "ExtractedFields", "true"})

// TestSeed is seed 004's first half: lines of a log group become Parquet below year, month, day and hour.
func TestSeed(t *testing.T) {
	h := newHouse(t, nil)
	h.table(t, "flow_logs", "s3://"+bucket+"/flows/", nil, []string{"year string", "month string", "day string", "hour string"}, flowTable...)
	ok(t, h.make(t, "flows", to(func(s *destination.Settings) {
		s.Prefix, s.Conversion, s.Processing = "flows/", converting("flow_logs"), unpacked
		s.ErrorPrefix = "errors/"
	})))
	h.subscribe(t, "/vpc/flows", "flows", flowPattern)
	h.say(t, "/vpc/flows", flowLines...)
	n := h.settled(t, "flows", 4) // with the control message
	if n.Delivered != 2 || n.Failed != 1 || n.Dropped != 1 {
		t.Errorf("%+v", n)
	}
	want := []string{
		"2,123456789010,eni-1a2b3c4d,-,-,-,-,NULL,NULL,NULL,1431280876000000,1431280934000000,-,NODATA",
		"2,123456789010,eni-abc123de,172.31.16.139,172.31.16.21,20641,22,6,20,4249,1418530010000000,1418530070000000,ACCEPT,OK",
	}
	if got := h.rows(t, "flows/"); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	failed := h.failures(t, "errors/format-conversion-failed/")
	if len(failed) != 1 {
		t.Fatalf("%+v", failed)
	}
	r, err := gzip.NewReader(bytes.NewReader(failed[0].RawData))
	ok(t, err)
	if raw, _ := io.ReadAll(r); !bytes.Contains(raw, []byte(flowLines[2])) || bytes.Contains(raw, []byte("NODATA")) {
		t.Errorf("the failed record is %s", raw)
	}
	parts := partitions(t, h, "flow_logs")
	key := h.objects(t, "flows/")[0]
	if len(parts) != 1 || strings.Join(parts[0].Values, "/") != strings.Join(strings.Split(key, "/")[1:5], "/") || !strings.HasPrefix("s3://"+bucket+"/"+key, parts[0].Storage.Location) {
		t.Errorf("partitions %+v, object %s", parts, key)
	}
}

func partitions(t testing.TB, h *house, table string) (out []catalog.Partition) {
	t.Helper()
	ok(t, h.tables.View(context.Background(), root, func(s *catalog.Snapshot) error {
		for p, err := range s.Partitions(context.Background(), "lake", table, catalog.PartitionFilter{}) {
			if err != nil {
				return err
			}
			out = append(out, p)
		}
		return nil
	}))
	return out
}

// TestFusedIsNotSeen claims that a stream which converts extracted fields writes the rows that the same events give which go through
// their gzip records, JSON, and the converter: a partition key by a query keeps the second stream from being fused.
func TestFusedIsNotSeen(t *testing.T) {
	h := newHouse(t, nil)
	for _, name := range []string{"one", "two"} {
		h.table(t, name, "s3://"+bucket+"/"+name+"/", nil, nil, flowTable...)
	}
	ok(t, h.make(t, "one", to(func(s *destination.Settings) {
		s.Prefix, s.Conversion, s.Processing = "one/", converting("one"), unpacked
	})))
	ok(t, h.make(t, "two", to(func(s *destination.Settings) {
		s.Prefix, s.ErrorPrefix, s.Conversion = "two/!{partitionKeyFromQuery:k}/", "two-!{firehose:error-output-type}/", converting("two")
		s.Dynamic = &destination.Dynamic{Enabled: true}
		s.Processing = processing([]string{"Decompression", "CompressionFormat", "GZIP"}, []string{"CloudWatchLogProcessing", "ExtractedFields", "true"},
			[]string{"MetadataExtraction", "JsonParsingEngine", "JQ-1.6", "MetadataExtractionQuery", `{k:"all"}`})
	})))
	h.subscribe(t, "/one", "one", "[version, account_id, a, srcaddr, ..., action, log_status]")
	h.subscribe(t, "/two", "two", "[version, account_id, a, srcaddr, ..., action, log_status]")
	lines := append([]string{`2 "quoted [x]" [in brackets] ü€😀 1 2 ACCEPT OK`, `x y z`, `2 1 2 3 4`, `- - - - - -`}, flowLines...)
	h.say(t, "/one", lines...)
	h.say(t, "/two", lines...)
	var a, b delivery.Counters
	until(t, "delivery", func() bool {
		a, b = h.counters(t, "one"), h.counters(t, "two")
		return a.Waiting+b.Waiting == 0 && a.In == b.In && a.In > 5
	})
	if a.Delivered != b.Delivered || a.Failed != b.Failed {
		t.Errorf("fused %+v, not fused %+v", a, b)
	}
	if got, want := h.rows(t, "one/20"), h.rows(t, "two/all/"); !slices.Equal(got, want) || len(got) == 0 {
		t.Errorf("fused %q, not fused %q", got, want)
	}
}

func TestSchemaThatChanges(t *testing.T) {
	h := newHouse(t, nil)
	h.table(t, "moving", "s3://"+bucket+"/moving/", nil, nil, "a int")
	ok(t, h.make(t, "moving", to(func(s *destination.Settings) { s.Prefix, s.Conversion = "moving/", converting("moving") })))
	h.put(t, "moving", `{"a":1,"b":"x"}`)
	h.settled(t, "moving", 1)
	table, err := h.tables.Table(context.Background(), root, "lake", "moving")
	ok(t, err)
	table.Storage.Columns = append(table.Storage.Columns, catalog.Column{Name: "b", Type: "string"})
	_, err = h.tables.UpdateTable(context.Background(), root, table, "")
	ok(t, err)
	h.put(t, "moving", `{"a":2,"b":"x"}`)
	h.settled(t, "moving", 2)
	if got, want := h.rows(t, "moving/"), []string{"1", "2,x"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	ok(t, h.tables.DeleteTable(context.Background(), root, "lake", "moving"))
	h.put(t, "moving", `{"a":3,"b":"y"}`)
	until(t, "failure", func() bool {
		s, err := h.Stream(context.Background(), root, delivery.KindFirehose, "moving")
		ok(t, err)
		return strings.Contains(s.Failure.Message, "wait for the table")
	})
	h.table(t, "moving", "s3://"+bucket+"/moving/", nil, nil, "a int", "b string")
	h.settled(t, "moving", 3)
	if got, want := h.rows(t, "moving/"), []string{"1", "2,x", "3,y"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestRandomStringOfAPartition claims that a partition with a random string in its location has its object.
func TestRandomStringOfAPartition(t *testing.T) {
	h := newHouse(t, nil)
	h.table(t, "r", "s3://"+bucket+"/r/", nil, []string{"p string"}, "a int")
	ok(t, h.make(t, "r", to(func(s *destination.Settings) {
		s.Prefix, s.ErrorPrefix, s.Dynamic = "r/!{partitionKeyFromQuery:a}-!{firehose:random-string}/", "errors/!{firehose:error-output-type}/", &destination.Dynamic{Enabled: true}
		s.Conversion = converting("r")
		s.Processing = processing([]string{"MetadataExtraction", "JsonParsingEngine", "JQ-1.6", "MetadataExtractionQuery", "{a:.a}"})
	})))
	h.put(t, "r", `{"a":1}`)
	h.settled(t, "r", 1)
	found, key := partitions(t, h, "r"), h.objects(t, "r/")[0]
	if len(found) != 1 || !strings.HasPrefix("s3://"+bucket+"/"+key, found[0].Storage.Location) {
		t.Errorf("registered %+v, the object is %s", found, key)
	}
}

func TestPartitionsAreRegistered(t *testing.T) {
	h := newHouse(t, nil)
	for i, row := range []struct {
		name, prefix string
		keys         []string
		parameters   map[string]string
		want         int // parts of the key that the values are; 0: none are registered
		sep          string
	}{
		{"hive", "year=!{timestamp:yyyy}/month=!{timestamp:MM}/", []string{"year string", "month string"}, nil, 2, "="},
		{"folders", "", []string{"y string", "m string", "d string", "h string"}, nil, 4, ""},
		{"fewer keys than folders", "", []string{"y string", "m string"}, nil, 0, ""},
		{"one key", "", []string{"dt string"}, nil, 4, "/"},
		{"projected", "", []string{"dt string"}, map[string]string{"projection.enabled": "true", "projection.dt.type": "date", "projection.dt.format": "yyyy/MM/dd/HH",
			"projection.dt.range": "2020/01/01/00,NOW", "projection.dt.interval": "1", "projection.dt.interval.unit": "HOURS"}, 0, ""},
		{"more keys than folders", "", []string{"p string", "q string", "r string", "s string", "t string"}, nil, 0, ""},
		{"other names", "x=!{timestamp:yyyy}/", []string{"year string"}, nil, 0, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			name := fmt.Sprintf("t%d", i)
			h.table(t, name, "s3://"+bucket+"/"+name+"/", row.parameters, row.keys, "a int")
			ok(t, h.make(t, name, to(func(s *destination.Settings) {
				s.Prefix, s.Conversion = name+"/"+row.prefix, converting(name)
				if row.prefix != "" {
					s.ErrorPrefix = "errors/!{firehose:error-output-type}/"
				}
			})))
			h.put(t, name, `{"a":1}`)
			h.settled(t, name, 1)
			key := h.objects(t, name+"/")[0]
			found := partitions(t, h, name)
			if row.want == 0 {
				if len(found) != 0 {
					t.Errorf("registered %+v", found)
				}
				return
			}
			folders := strings.Split(strings.TrimPrefix(key, name+"/"), "/")[:row.want]
			want := slices.Clone(folders)
			for i := range want {
				if row.sep == "=" {
					_, want[i], _ = strings.Cut(want[i], "=")
				}
			}
			if row.sep == "/" {
				want = []string{strings.Join(want, "/")}
			}
			if len(found) != 1 || !slices.Equal(found[0].Values, want) || found[0].Storage.Location != "s3://"+bucket+"/"+name+"/"+strings.Join(folders, "/")+"/" {
				t.Errorf("registered %+v, want %q of %s", found, want, key)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	h := newHouse(t, nil)
	h.table(t, "events", "s3://"+bucket+"/events/", nil, nil, "a int")
	for _, row := range []struct {
		name   string
		change func(*destination.Settings)
		kind   fault.Kind
		words  string
	}{
		{"a bucket's ARN", func(s *destination.Settings) { s.BucketARN = "flows" }, fault.Invalid, "BucketARN"},
		{"a role's ARN", func(s *destination.Settings) { s.RoleARN = "role" }, fault.Invalid, "RoleARN"},
		{"a compression", func(s *destination.Settings) { s.Compression = "SNAPPY" }, fault.Invalid, "CompressionFormat"},
		{"a file extension", func(s *destination.Settings) { s.Extension = "gz" }, fault.Invalid, "FileExtension"},
		{"an error prefix that is missing", func(s *destination.Settings) { s.Prefix = "!{timestamp:yyyy}/" }, fault.Invalid, "ErrorOutputPrefix"},
		{"a backup without a place", func(s *destination.Settings) { s.BackupMode = destination.BackupEnabled }, fault.Invalid, "S3BackupConfiguration"},
		{"a backup mode", func(s *destination.Settings) { s.BackupMode = "Maybe" }, fault.Invalid, "S3BackupMode"},
		{"a conversion with compression", func(s *destination.Settings) { s.Conversion, s.Compression = converting("events"), "GZIP" }, fault.Invalid, "UNCOMPRESSED"},
		{"a conversion without a schema", func(s *destination.Settings) { s.Conversion = converting("events"); s.Conversion.Schema = nil }, fault.Invalid, "SchemaConfiguration"},
		{"a conversion without a reader", func(s *destination.Settings) {
			s.Conversion = converting("events")
			s.Conversion.Input = &destination.Input{}
		}, fault.Invalid, "deserializer"},
		{"a conversion with two readers", func(s *destination.Settings) {
			s.Conversion = converting("events")
			s.Conversion.Input.Hive = &destination.Hive{}
		}, fault.Invalid, "deserializer"},
		{"a conversion without a writer", func(s *destination.Settings) { s.Conversion = converting("events"); s.Conversion.Output = nil }, fault.Invalid, "serializer"},
		{"another version of the table", func(s *destination.Settings) {
			s.Conversion = converting("events")
			s.Conversion.Schema.VersionID = "3"
		}, fault.Unsupported, "LATEST"},
		{"another account's catalogue", func(s *destination.Settings) {
			s.Conversion = converting("events")
			s.Conversion.Schema.CatalogID = "210987654321"
		}, fault.Unsupported, "CatalogId"},
		{"a table that is not there", func(s *destination.Settings) { s.Conversion = converting("none") }, fault.NotFound, "none"},
		{"a mapping of no column", func(s *destination.Settings) {
			s.Conversion = converting("events")
			s.Conversion.Input.OpenX.Mappings = map[string]string{"z": "y"}
		}, fault.Invalid, "z"},
		{"a function", func(s *destination.Settings) {
			s.Processing = processing([]string{"Lambda", "LambdaArn", "arn:aws:lambda:us-east-1:123456789012:function:f"})
		}, fault.Unsupported, "no functions"},
		{"a key that no query gives", func(s *destination.Settings) {
			s.Prefix, s.ErrorPrefix, s.Dynamic = "!{partitionKeyFromQuery:a}/", "e/!{firehose:error-output-type}/", &destination.Dynamic{Enabled: true}
			s.Processing = processing([]string{"MetadataExtraction", "JsonParsingEngine", "JQ-1.6", "MetadataExtractionQuery", "{b:.b}"})
		}, fault.Invalid, "partitionKeyFromQuery:a"},
		{"a key without a query", func(s *destination.Settings) {
			s.Prefix, s.ErrorPrefix, s.Dynamic = "!{partitionKeyFromQuery:a}/", "e/!{firehose:error-output-type}/", &destination.Dynamic{Enabled: true}
		}, fault.Invalid, "MetadataExtraction"},
		{"a query that nobody asks", func(s *destination.Settings) {
			s.Processing = processing([]string{"MetadataExtraction", "JsonParsingEngine", "JQ-1.6", "MetadataExtractionQuery", "{b:.b}"})
		}, fault.Invalid, "dynamic partitioning"},
	} {
		err := h.make(t, "refused", to(row.change))
		if !fault.Is(err, row.kind) || !strings.Contains(err.Error(), row.words) {
			t.Errorf("%s: got %v, want %v with %q", row.name, err, row.kind, row.words)
		}
	}
	disabled := converting("none")
	disabled.Enabled = false
	disabled.Schema = nil
	ok(t, h.make(t, "off", to(func(s *destination.Settings) { s.Prefix, s.Conversion, s.Compression = "off/", disabled, "GZIP" })))
}

func TestFresh(t *testing.T) {
	h := newHouse(t, nil)
	h.table(t, "fresh", "s3://"+bucket+"/fresh/", nil, []string{"dt string"}, "a int", "b string")
	late := int32(900)
	ok(t, h.make(t, "fresh", to(func(s *destination.Settings) {
		s.Prefix, s.Conversion, s.Hints.Seconds = "fresh/", converting("fresh"), &late
	})))
	h.put(t, "fresh", `{"a":1,"b":"x"}`, `{"a":"bad"}`, `{"a":2}`)
	table, err := h.tables.Table(context.Background(), root, "lake", "fresh")
	ok(t, err)
	rows, err := h.Store.Fresh(context.Background(), root, table, t.TempDir())
	ok(t, err)
	defer rows.Release()
	if len(rows.Files) != 1 || rows.Files[0].Rows != 2 || len(rows.Files[0].Values) != 1 || strings.Count(rows.Files[0].Values[0], "/") != 3 {
		t.Errorf("%+v", rows.Files)
	}
	if ref, into, err := h.writer.FreshTable(context.Background(), delivery.Stream{Account: account, Region: "eu-west-1", Settings: []byte(`{"bucketArn":"arn:aws:s3:::abc","roleArn":"` + role + `"}`)}); into || err != nil {
		t.Errorf("a stream that converts nothing: %v, %v, %v", ref, into, err)
	}
}

// A stream that writes elsewhere is no source of a fresh table; one that writes below it without showing a partition still is.
func TestFreshOfStreamsElsewhere(t *testing.T) {
	h := newHouse(t, nil)
	ctx, late := context.Background(), int32(900)
	ok(t, h.lake.CreateBucket(ctx, root, "other-bucket"))
	h.table(t, "fresh", "s3://"+bucket+"/fresh/", nil, []string{"dt string"}, "a int")
	h.table(t, "far", "s3://other-bucket/far/", nil, nil, "a int")
	stream := func(name, table string, change func(*destination.Settings)) {
		ok(t, h.make(t, name, to(func(s *destination.Settings) {
			s.Conversion, s.Hints.Seconds, s.ErrorPrefix = converting(table), &late, "errors/!{firehose:error-output-type}/"
			change(s)
		})))
		h.put(t, name, `{"a":1}`)
	}
	rows := func(name string) (int, error) {
		table, err := h.tables.Table(ctx, root, "lake", name)
		ok(t, err)
		rows, err := h.Store.Fresh(ctx, root, table, t.TempDir())
		if err == nil {
			rows.Release()
		}
		return len(rows.Files), err
	}
	stream("prefix", "fresh", func(s *destination.Settings) { s.Prefix = "elsewhere/" })
	if _, err := rows("fresh"); !fault.Is(err, fault.NotFound) || !strings.Contains(err.Error(), "the stream prefix") {
		t.Errorf("without a source: %v", err)
	}
	stream("good", "fresh", func(s *destination.Settings) { s.Prefix = "fresh/" })
	stream("bucket", "fresh", func(s *destination.Settings) { s.Prefix, s.BucketARN = "fresh/", "arn:aws:s3:::other-bucket" })
	stream("beside", "fresh", func(s *destination.Settings) { s.Prefix = "fresh" })
	if n, err := rows("fresh"); n != 1 || err != nil {
		t.Errorf("%d files, %v", n, err)
	}
	stream("far", "far", func(s *destination.Settings) { s.Prefix = "far/" })
	if n, err := rows("far"); n != 0 || !fault.Is(err, fault.NotFound) {
		t.Errorf("of a table without keys: %d files, %v", n, err)
	}
	stream("bare", "fresh", func(s *destination.Settings) { s.Prefix = "fresh/x=!{timestamp:yyyy}/" })
	if _, err := rows("fresh"); !fault.Is(err, fault.Unsupported) || !strings.Contains(err.Error(), "shows no partition") {
		t.Errorf("with a stream that shows no partition: %v", err)
	}
}

// A table that becomes one of text keeps a stream's batches from being written, with a reason.
func TestTableOfText(t *testing.T) {
	h := newHouse(t, nil)
	ctx := context.Background()
	h.table(t, "text", "s3://"+bucket+"/text/", nil, nil, "a int")
	into := to(func(s *destination.Settings) { s.Prefix, s.Conversion = "text/", converting("text") })
	ok(t, h.make(t, "before", into))
	table, err := h.tables.Table(ctx, root, "lake", "text")
	ok(t, err)
	const lazy = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"
	table.Storage.SerDe.Library = lazy
	_, err = h.tables.UpdateTable(ctx, root, table, "")
	ok(t, err)
	if err := h.make(t, "after", into); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "lake.text has the SerDe "+lazy) {
		t.Errorf("got %v", err)
	}
	h.put(t, "before", `{"a":1}`)
	until(t, "the obstacle", func() bool {
		d, err := h.Stream(ctx, root, delivery.KindFirehose, "before")
		return err == nil && strings.Contains(d.Failure.Message, lazy)
	})
}

// Where a stream's rows are all NULL, or its folders are none of its table's partitions, the log says so once.
func TestWarnings(t *testing.T) {
	h := newHouse(t, nil)
	h.table(t, "nulls", "s3://"+bucket+"/nulls/", nil, nil, "x int", "y string")
	h.table(t, "days", "s3://"+bucket+"/days/", nil, []string{"day string", "hour string"}, "x int")
	for _, name := range []string{"json", "fused"} {
		ok(t, h.make(t, name, to(func(s *destination.Settings) {
			s.Prefix, s.Conversion = "nulls/", converting("nulls")
			if name == "fused" {
				s.Processing = unpacked
			}
		})))
	}
	for i := range int64(2) {
		h.put(t, "json", `{"b":1,"a":2}`)
		h.settled(t, "json", i+1)
	}
	const words = "rows are all NULL"
	if text := h.said.String(); strings.Count(text, words) != 1 || !strings.Contains(text, `stream=json table=lake.nulls version=`) || !strings.Contains(text, `columns="x, y" fields="a, b"`) {
		t.Errorf("of JSON: %s", text)
	}
	h.subscribe(t, "g", "fused", "[one, two]")
	h.say(t, "g", "1 2", "3 4")
	until(t, "the events", func() bool { return h.counters(t, "fused").Delivered == 2 })
	if text := h.said.String(); strings.Count(text, words) != 2 || !strings.Contains(text, `fields="one, two"`) {
		t.Errorf("of fields: %s", text)
	}
	ok(t, h.make(t, "filled", to(func(s *destination.Settings) { s.Prefix, s.Conversion = "nulls/", converting("nulls") })))
	h.put(t, "filled", `{"b":1}`+`{"x":1}`, `{"b":1}`)
	h.settled(t, "filled", 3)
	if text := h.said.String(); strings.Count(text, words) != 2 {
		t.Errorf("of rows with a value: %s", text)
	}
	ok(t, h.make(t, "days", to(func(s *destination.Settings) {
		s.Prefix, s.ErrorPrefix, s.Conversion = "days/!{timestamp:yyyy/MM/dd}/", "e/!{firehose:error-output-type}/", converting("days")
	})))
	if text := h.said.String(); !strings.Contains(text, "days/!{timestamp:yyyy/MM/dd}/") || !strings.Contains(text, "do not show the keys day, hour") {
		t.Errorf("of folders: %s", text)
	}
}

// functions answer as a test says.
type functions func(payload []byte) ([]byte, error)

func (f functions) Invoke(_ context.Context, _ access.Caller, _ string, payload []byte) ([]byte, error) {
	return f(payload)
}
