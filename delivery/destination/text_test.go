package destination_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"testing"

	"flowlake/delivery/destination"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
)

func TestText(t *testing.T) {
	h := newHouse(t, nil)
	ok(t, h.make(t, "plain", to(func(s *destination.Settings) { s.Prefix = "plain/" })))
	h.put(t, "plain", "abc", "abc", "", "d\n")
	n := h.settled(t, "plain", 4)
	if got := h.all(t, "plain/"); got != "abcabcd\n" {
		t.Errorf("got %q: records are put one behind the other, with nothing between them", got)
	}
	if n.Delivered != 4 {
		t.Errorf("%+v", n)
	}
	key := h.objects(t, "plain/")[0]
	if !strings.Contains(key, "/plain-1-20") {
		t.Errorf("key %s", key)
	}
	o, _ := h.read(t, key)
	if o.ContentType != "application/octet-stream" || o.ContentEncoding != "" {
		t.Errorf("headers %+v", o.Headers)
	}
}

// TestCompression holds each format against a reader of its own.
func TestCompression(t *testing.T) {
	h := newHouse(t, nil)
	var record strings.Builder
	for i := range 9000 {
		fmt.Fprintf(&record, "line %d\n", i)
	}
	for _, row := range []struct {
		format, extension, encoding string
		read                        func([]byte) ([]byte, error)
	}{
		{"GZIP", ".gz", "gzip", func(b []byte) ([]byte, error) {
			r, err := gzip.NewReader(bytes.NewReader(b))
			if err != nil {
				return nil, err
			}
			return io.ReadAll(r)
		}},
		{"ZIP", ".zip", "zip", func(b []byte) ([]byte, error) {
			r, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
			if err != nil || len(r.File) != 1 {
				return nil, fmt.Errorf("%d files, %w", len(r.File), err)
			}
			f, err := r.File[0].Open()
			if err != nil {
				return nil, err
			}
			return io.ReadAll(f)
		}},
		{"Snappy", ".snappy", "snappy-java", func(b []byte) ([]byte, error) {
			if !bytes.HasPrefix(b, []byte("\x82SNAPPY\x00\x00\x00\x00\x01\x00\x00\x00\x01")) {
				return nil, fmt.Errorf("no header: %q", b[:min(16, len(b))])
			}
			return unblock(b[16:], false)
		}},
		{"HADOOP_SNAPPY", ".snappy", "hadoop-snappy", func(b []byte) ([]byte, error) { return unblock(b, true) }},
	} {
		t.Run(row.format, func(t *testing.T) {
			name := strings.ToLower(row.format)
			ok(t, h.make(t, name, to(func(s *destination.Settings) { s.Prefix, s.Compression = name+"/", row.format })))
			h.put(t, name, record.String(), "end")
			h.settled(t, name, 2)
			key := h.objects(t, name+"/")[0]
			o, b := h.read(t, key)
			if !strings.HasSuffix(key, row.extension) || o.ContentEncoding != row.encoding {
				t.Errorf("%s, %s", key, o.ContentEncoding)
			}
			got, err := row.read(b)
			if err != nil || string(got) != record.String()+"end" {
				t.Errorf("%d bytes, %v", len(got), err)
			}
		})
	}
	ok(t, h.make(t, "named", to(func(s *destination.Settings) { s.Prefix, s.Compression, s.Extension = "named/", "GZIP", ".log.gzip" })))
	h.put(t, "named", "x")
	h.settled(t, "named", 1)
	if key := h.objects(t, "named/")[0]; !strings.HasSuffix(key, ".log.gzip") || strings.Contains(key, ".gz.") {
		t.Errorf("key %s: FileExtension takes the other's place", key)
	}
}

// unblock reads Snappy blocks with their lengths.
func unblock(b []byte, hadoop bool) (out []byte, err error) {
	for len(b) > 0 {
		whole := -1
		if hadoop {
			whole = int(binary.BigEndian.Uint32(b))
			b = b[4:]
		}
		n := binary.BigEndian.Uint32(b)
		plain, err := snappy.Decode(nil, b[4:4+n])
		if err != nil || whole >= 0 && len(plain) != whole {
			return nil, fmt.Errorf("a block of %d bytes holds %d: %w", whole, len(plain), err)
		}
		out = append(out, plain...)
		b = b[4+n:]
	}
	return out, nil
}

func TestBackup(t *testing.T) {
	h := newHouse(t, nil)
	ok(t, h.make(t, "kept", to(func(s *destination.Settings) {
		s.Prefix, s.BackupMode = "out/", destination.BackupEnabled
		s.Backup = &destination.S3{BucketARN: s.BucketARN, RoleARN: role, Prefix: "source/", Compression: "GZIP"}
		s.Processing = processing([]string{"AppendDelimiterToRecord", "Delimiter", `\n`})
	})))
	h.put(t, "kept", "a", "b")
	n := h.settled(t, "kept", 2)
	if got := h.all(t, "out/"); got != "a\nb\n" || n.Delivered != 2 {
		t.Errorf("delivered %q, %+v", got, n)
	}
	key := h.objects(t, "source/")[0]
	_, b := h.read(t, key)
	r, err := gzip.NewReader(bytes.NewReader(b))
	ok(t, err)
	if got, _ := io.ReadAll(r); string(got) != "ab" || !strings.HasSuffix(key, ".gz") {
		t.Errorf("%s holds %q: the backup is what came in", key, got)
	}
}

func TestDynamicPartitions(t *testing.T) {
	h := newHouse(t, nil)
	ok(t, h.make(t, "parts", to(func(s *destination.Settings) {
		s.Prefix, s.ErrorPrefix = "data/customer=!{partitionKeyFromQuery:customer}/", "errors/!{firehose:error-output-type}/"
		s.Dynamic = &destination.Dynamic{Enabled: true}
		s.Processing = processing([]string{"RecordDeAggregation", "SubRecordType", "JSON"},
			[]string{"MetadataExtraction", "JsonParsingEngine", "JQ-1.6", "MetadataExtractionQuery", "{customer:.id}"}, []string{"AppendDelimiterToRecord", "Delimiter", `\n`})
	})))
	h.put(t, "parts", `{"id":1,"v":"a"}{"id":2,"v":"b"}`, `{"id":1,"v":"c"}`, `{"v":"no id"}`, `not JSON`)
	n := h.settled(t, "parts", 5)
	if n.Delivered != 3 || n.Failed != 2 {
		t.Errorf("%+v", n)
	}
	if got := h.all(t, "data/customer=1/"); got != `{"id":1,"v":"a"}`+"\n"+`{"id":1,"v":"c"}`+"\n" {
		t.Errorf("customer 1: %q", got)
	}
	if got := h.all(t, "data/customer=2/"); got != `{"id":2,"v":"b"}`+"\n" {
		t.Errorf("customer 2: %q", got)
	}
	failed := h.failures(t, "errors/dynamic-partitioning-failed/")
	if len(failed) != 1 || failed[0].ErrorCode != "DynamicPartitioning.MetadataExtractionFailed" || string(failed[0].RawData) != `{"v":"no id"}` {
		t.Errorf("failures %+v", failed)
	}
	if failed := h.failures(t, "errors/processing-failed/"); len(failed) != 1 || string(failed[0].RawData) != "not JSON" || failed[0].ArrivalTimestamp == 0 {
		t.Errorf("failures %+v", failed)
	}
}

func TestActivePartitionsAreBounded(t *testing.T) {
	h := newHouse(t, nil)
	ok(t, h.make(t, "parts", to(func(s *destination.Settings) {
		s.Prefix, s.ErrorPrefix = "data/!{partitionKeyFromQuery:k}/", "errors/!{firehose:error-output-type}/"
		s.Dynamic = &destination.Dynamic{Enabled: true}
		s.Processing = processing([]string{"MetadataExtraction", "JsonParsingEngine", "JQ-1.6", "MetadataExtractionQuery", "{k:.k}"},
			[]string{"RecordDeAggregation", "SubRecordType", "DELIMITED", "Delimiter", "Cg=="})
	})))
	var many [2]strings.Builder
	for i := range 502 {
		fmt.Fprintf(&many[i/400], "{\"k\":\"k%d\"}\n", i)
	}
	h.put(t, "parts", many[0].String(), many[1].String())
	n := h.settled(t, "parts", 502)
	if n.Delivered != 500 || n.Failed != 2 || n.Objects < 500 {
		t.Errorf("%+v", n)
	}
	if failed := h.failures(t, "errors/"); len(failed) != 2 || !strings.Contains(failed[0].ErrorMessage, "500") {
		t.Errorf("%+v", failed)
	}
}
