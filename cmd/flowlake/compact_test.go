package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/glue"
	gluetypes "github.com/aws/aws-sdk-go-v2/service/glue/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"flowlake/columnar"
	"flowlake/columnar/parquet"
)

// flowObject is a Parquet object with rows of addresses and bytes; row i has i bytes.
func flowObject(t testing.TB, from, rows int) []byte {
	t.Helper()
	var columns []columnar.Column
	for _, c := range []string{"srcaddr string", "dstaddr string", "start bigint", "bytes bigint"} {
		name, kind, _ := strings.Cut(c, " ")
		parsed, err := columnar.ParseType(kind)
		ok(t, err)
		columns = append(columns, columnar.Column{Name: name, Type: parsed})
	}
	var b bytes.Buffer
	w, err := parquet.NewWriter(&b, columns, parquet.Options{})
	ok(t, err)
	for i := from; i < from+rows; i++ {
		w.Column(0).Text(fmt.Appendf(nil, "10.0.%d.%d", i*31%7, i*17%250))
		w.Column(1).Text(fmt.Appendf(nil, "10.1.%d.%d", i*13%5, i*11%250))
		w.Column(2).Int(int64(1_700_000_000 + i))
		w.Column(3).Int(int64(i))
		w.EndRow()
	}
	_, err = w.Close()
	ok(t, err)
	return b.Bytes()
}

// flowTable makes a Parquet table of such objects.
func (c *clients) flowTable(t testing.TB, database, name, location string, parameters map[string]string, keys ...string) {
	t.Helper()
	in := &gluetypes.TableInput{Name: &name, TableType: aws.String("EXTERNAL_TABLE"), Parameters: parameters,
		StorageDescriptor: &gluetypes.StorageDescriptor{Location: &location,
			InputFormat:  aws.String("org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"),
			OutputFormat: aws.String("org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"),
			SerdeInfo:    &gluetypes.SerDeInfo{SerializationLibrary: aws.String("org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe")},
			Columns: []gluetypes.Column{{Name: aws.String("srcaddr"), Type: aws.String("string")}, {Name: aws.String("dstaddr"), Type: aws.String("string")},
				{Name: aws.String("start"), Type: aws.String("bigint")}, {Name: aws.String("bytes"), Type: aws.String("bigint")}}}}
	for _, k := range keys {
		in.PartitionKeys = append(in.PartitionKeys, gluetypes.Column{Name: &k, Type: aws.String("string")})
	}
	_, err := c.glue.CreateTable(t.Context(), &glue.CreateTableInput{DatabaseName: &database, TableInput: in})
	ok(t, err)
}

func (c *clients) putFlows(t testing.TB, bucket, key string, from, rows int) {
	t.Helper()
	_, err := c.s3.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: bytes.NewReader(flowObject(t, from, rows))})
	ok(t, err)
}

func (c *clients) objects(t testing.TB, bucket, prefix string) (keys []string) {
	t.Helper()
	for pages := s3.NewListObjectsV2Paginator(c.s3, &s3.ListObjectsV2Input{Bucket: &bucket, Prefix: &prefix}); pages.HasMorePages(); {
		page, err := pages.NextPage(t.Context())
		ok(t, err)
		for _, o := range page.Contents {
			keys = append(keys, *o.Key)
		}
	}
	return keys
}

// testCompact compacts tables by the command.
func testCompact(t *testing.T, c *clients) {
	const bucket, database = "walk-compact", "walk_compact"
	_, err := c.s3.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String(bucket)})
	ok(t, err)
	c.database(t, database)
	c.flowTable(t, database, "flows", "s3://"+bucket+"/flows/", nil, "day")
	total := 0
	for day := range 2 {
		for i := range 5 {
			c.putFlows(t, bucket, fmt.Sprintf("flows/day=%d/%d.parquet", day+1, i), total, 100)
			total += 100
		}
	}
	rowsOf(t, c, database, "MSCK REPAIR TABLE flows")
	sums := func() string {
		return fmt.Sprint(rowsOf(t, c, database, "SELECT day, count(*), sum(bytes), min(srcaddr), max(dstaddr) FROM flows GROUP BY day ORDER BY day")[1:])
	}
	before := sums()
	compact := func(want int, args ...string) string {
		t.Helper()
		out, errs, code := runCommand(t, c.env(t), "", append([]string{"compact"}, args...)...)
		if code != want {
			t.Errorf("compact %v: exit %d, want %d: %s%s", args, code, want, out, errs)
		}
		return out + errs
	}
	holds := func(day string, want int) {
		t.Helper()
		if keys := c.objects(t, bucket, "flows/day="+day); len(keys) != want {
			t.Errorf("day %s has the objects %v, want %d", day, keys, want)
		}
	}
	if out := compact(0, database+".flows", "--dry-run"); !strings.Contains(out, "10 objects (") || !strings.Contains(out, "1000 rows) would be rewritten, sorted by srcaddr, dstaddr, start") {
		t.Errorf("got %q", out)
	}
	holds("1", 5)
	if out := compact(0, database+".flows", "--partition", "day=1"); !strings.Contains(out, "5 objects → 1, ") || !strings.Contains(out, ", 500 rows, sorted by srcaddr, dstaddr, start") {
		t.Errorf("got %q", out)
	}
	holds("1", 1)
	holds("2", 5)
	compact(0, database+".flows")
	holds("2", 1)
	if out := compact(0, database+".flows"); !strings.Contains(out, "nothing to do; 2 objects needed nothing") {
		t.Errorf("got %q", out)
	}
	c.putFlows(t, bucket, "flows/day=2/late.parquet", 0, 0+1)
	if out := compact(0, database+".flows", "--sort-by", "dstaddr", "--min-files", "1"); !strings.Contains(out, "3 objects → 2") {
		t.Errorf("got %q", out)
	}
	if _, err := c.s3.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: aws.String(bucket), Key: aws.String("flows/day=2/late.parquet")}); err != nil {
		t.Error(err)
	}
	after := rowsOf(t, c, database, "SELECT count(*), sum(bytes) FROM flows")[1]
	if want := []string{fmt.Sprint(total + 1), fmt.Sprint(total * (total - 1) / 2)}; after[0] != want[0] || after[1] != want[1] {
		t.Errorf("got %v, want %v; before %s", after, want, before)
	}

	_, err = c.glue.CreateTable(t.Context(), &glue.CreateTableInput{DatabaseName: aws.String(database), TableInput: textTable("lines", "s3://"+bucket+"/lines/")})
	ok(t, err)
	for _, r := range []struct {
		want int
		says string
		args []string
	}{
		{exitUsage, "not of the form DATABASE.TABLE", []string{"flows"}},
		{exitUsage, "KEY=VALUE", []string{database + ".flows", "--partition", "day"}},
		{exitUsage, "256MB", []string{database + ".flows", "--target-size", "big"}},
		{exitFailed, "LazySimpleSerDe, and only Parquet is compacted", []string{database + ".lines"}},
		{exitFailed, "nowhere", []string{database + ".nowhere"}},
		{exitFailed, "partition key year: is none", []string{database + ".flows", "--partition", "year=1"}},
		{exitFailed, "sort column port: is no column", []string{database + ".flows", "--sort-by", "port"}},
	} {
		if out := compact(r.want, r.args...); !strings.Contains(out, r.says) {
			t.Errorf("compact %v says %q, want %q", r.args, out, r.says)
		}
	}
	wrong := textTable("wrong", "s3://"+bucket+"/lines/")
	wrong.Parameters = map[string]string{"flowlake.compact.interval": "often"}
	_, err = c.glue.CreateTable(t.Context(), &glue.CreateTableInput{DatabaseName: aws.String(database), TableInput: wrong})
	if err == nil || !strings.Contains(err.Error(), "InvalidInputException") || !strings.Contains(err.Error(), "table property flowlake.compact.interval") {
		t.Errorf("a property that nobody understands: %v", err)
	}
	_, text := c.get("/_flowlake/metrics")
	if !strings.Contains(text, "flowlake_compact_objects_in_total 13") {
		t.Errorf("the metrics do not say that 13 objects were replaced")
	}
	if out, errs, code := runCommand(t, c.env(t), "", "verify"); code != 0 {
		t.Errorf("verify: exit %d, %q, %q", code, out, errs)
	}
}

// TestCompactCommand does by itself what TestOperations does.
func TestCompactCommand(t *testing.T) {
	testCompact(t, launch(t, t.TempDir()).clients(""))
}
