package destination_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"flowlake/delivery"
	"flowlake/delivery/destination"
)

// TestBatchesThatCannotBeWritten claims that records whose table is gone, or has become useless, lie below the error prefix when their time
// is over: each as it came in, with AWS's code; that the backup has them too; and that the stream goes on with the table.
func TestBatchesThatCannotBeWritten(t *testing.T) {
	ctx := context.Background()
	h := newHouseThat(t, delivery.Config{RetryFor: 50 * time.Millisecond})
	h.table(t, "flows", "s3://"+bucket+"/out/", nil, nil, "a int", "b string")
	ok(t, h.make(t, "web", to(func(s *destination.Settings) {
		s.Prefix, s.ErrorPrefix, s.Conversion = "out/", "errors/!{firehose:error-output-type}/", converting("flows")
		s.BackupMode, s.Backup = destination.BackupEnabled, &destination.S3{BucketARN: "arn:aws:s3:::" + bucket, RoleARN: role, Prefix: "raw/"}
	})))
	ok(t, h.tables.DeleteTable(ctx, root, "lake", "flows"))
	h.put(t, "web", `{"a":1}`, `{"a":"no number"}`)
	n := h.settled(t, "web", 2)
	failures := h.failures(t, "errors/format-conversion-failed/")
	if n.Failed != 2 || len(failures) != 2 {
		t.Fatalf("%+v and %d failures among %q", n, len(failures), h.objects(t, ""))
	}
	for i, f := range failures {
		if f.LastErrorCode != "DataFormatConversion.EntityNotFound" || !strings.Contains(f.LastErrorMessage, "lake.flows") || f.AttemptsMade < 2 ||
			f.DataCatalogTable.TableName != "flows" || string(f.RawData) != []string{`{"a":1}`, `{"a":"no number"}`}[i] {
			t.Errorf("%+v", f)
		}
	}
	if got := h.all(t, "raw/"); got != `{"a":1}{"a":"no number"}` {
		t.Errorf("the backup has %q", got)
	}
	until(t, "the stream's word for it", func() bool { // which comes behind the commit
		d, err := h.Stream(ctx, root, delivery.KindFirehose, "web")
		return err == nil && !d.Failure.GivenUp.IsZero() && strings.Contains(d.Failure.Message, "lake.flows")
	})

	h.table(t, "flows", "s3://"+bucket+"/out/", nil, nil, "a int", "b uniontype<int,string>") // no type that can be written
	h.put(t, "web", `{"a":2}`)
	n = h.settled(t, "web", 3)
	if failures = h.failures(t, "errors/format-conversion-failed/"); n.Failed != 3 || failures[len(failures)-1].LastErrorCode != "DataFormatConversion.InvalidSchema" &&
		failures[0].LastErrorCode != "DataFormatConversion.InvalidSchema" {
		t.Errorf("%+v: %+v", n, failures)
	}

	ok(t, h.tables.DeleteTable(ctx, root, "lake", "flows"))
	h.table(t, "flows", "s3://"+bucket+"/out/", nil, nil, "a int", "b string")
	h.put(t, "web", `{"a":3}`)
	if n = h.settled(t, "web", 4); n.Delivered != 1 || n.In != n.Delivered+n.Failed+n.Dropped {
		t.Errorf("%+v", n)
	}
	if rows := h.rows(t, "out/"); len(rows) != 1 || rows[0] != "3,NULL" {
		t.Errorf("delivered %q", rows)
	}
}

// TestEventsThatCannotBeWritten claims that a subscription's events lie below the error prefix as the records of their log streams.
func TestEventsThatCannotBeWritten(t *testing.T) {
	ctx := context.Background()
	h := newHouseThat(t, delivery.Config{RetryFor: 50 * time.Millisecond})
	h.table(t, "flows", "s3://"+bucket+"/out/", nil, []string{"day string"}, "action string")
	ok(t, h.make(t, "flows", to(func(s *destination.Settings) {
		s.Prefix, s.ErrorPrefix, s.Conversion = "out/day=!{timestamp:yyyy-MM-dd}/", "errors/!{firehose:error-output-type}/", converting("flows")
		s.Processing = processing([]string{"Decompression"}, []string{"CloudWatchLogProcessing", "ExtractedFields", "true"})
	})))
	h.subscribe(t, "vpc", "flows", "[action]")
	ok(t, h.tables.DeleteTable(ctx, root, "lake", "flows"))
	h.say(t, "vpc", "ACCEPT", "REJECT")
	var n delivery.Counters
	until(t, "the end", func() bool {
		var err error
		n, err = h.Counters(ctx, root, delivery.KindFirehose, "flows")
		ok(t, err)
		return n.Failed+n.Dropped+n.Delivered >= 3 && n.Waiting == 0 && n.Behind == 0
	})
	if n.Failed < 2 || n.Delivered != 0 {
		t.Fatalf("%+v", n)
	}
	text := ""
	for _, f := range h.failures(t, "errors/format-conversion-failed/") {
		in, err := gzip.NewReader(bytes.NewReader(f.RawData))
		ok(t, err)
		plain, err := io.ReadAll(in)
		ok(t, err)
		text += string(plain)
	}
	for _, want := range []string{`"message":"ACCEPT"`, `"message":"REJECT"`, `"DATA_MESSAGE"`} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is not in %s", want, text)
		}
	}
}
