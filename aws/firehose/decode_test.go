package firehose

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	api "github.com/aws/aws-sdk-go-v2/service/firehose"
)

// batch and record are what encoding/json reads the same bytes into.
type (
	batch struct {
		DeliveryStreamName *string
		Records            []struct{ Data *[]byte }
	}
	record struct {
		DeliveryStreamName *string
		Record             *struct{ Data *[]byte }
	}
)

// same reports how the decoded batch differs from the reference, "" when it does not.
func same(in *api.PutRecordBatchInput, want *batch) string {
	if (in.DeliveryStreamName == nil) != (want.DeliveryStreamName == nil) || in.DeliveryStreamName != nil && *in.DeliveryStreamName != *want.DeliveryStreamName {
		return "the names differ"
	}
	if len(in.Records) != len(want.Records) {
		return fmt.Sprintf("%d records, want %d", len(in.Records), len(want.Records))
	}
	for i, r := range in.Records {
		w := want.Records[i].Data
		if (r.Data == nil) != (w == nil) || w != nil && !bytes.Equal(r.Data, *w) {
			return fmt.Sprintf("record %d: %q differs", i, r.Data)
		}
	}
	return ""
}

func TestDecode(t *testing.T) {
	for _, row := range []struct {
		name, body string
		ok         bool
	}{
		{"nothing", "", true},
		{"an empty object", " {} ", true},
		{"records", `{"DeliveryStreamName":"s","Records":[{"Data":"YQ=="},{"Data":""},{"Data":"AAECAw=="}]}`, true},
		{"the name behind", `{"Records":[{"Data":"YQ=="}],"DeliveryStreamName":"s"}`, true},
		{"nulls", `{"DeliveryStreamName":null,"Records":[{"Data":null},{}]}`, true},
		{"escapes", `{"DeliveryStreamName":"\u0073","Records":[{"Data":"\/\/8="},{"Data":"YQ\u003d\u003d"},{"Data":"YQ=="}]}`, true},
		{"not base64", `{"Records":[{"Data":"*"}]}`, false},
		{"base64 that is cut", `{"Records":[{"Data":"YQ="}]}`, false},
		{"a line end in base64", `{"Records":[{"Data":"YQ\n=="}]}`, false},
		{"an unknown member", `{"Other":1}`, false},
		{"a record's unknown member", `{"Records":[{"Other":1}]}`, false},
		{"a member twice", `{"Records":[],"Records":[]}`, false},
		{"a record's member twice", `{"Records":[{"Data":"","Data":""}]}`, false},
		{"a number for a blob", `{"Records":[{"Data":1}]}`, false},
		{"a list for an object", `[]`, false},
		{"an open list", `{"Records":[`, false},
		{"something behind", `{}{}`, false},
		{"not UTF-8", "{\"DeliveryStreamName\":\"\xff\"}", false},
		{"more records than there may be", `{"Records":[` + strings.Repeat("{},", 500) + `{}]}`, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			var in api.PutRecordBatchInput
			err := decodePutRecordBatch([]byte(row.body), &in)
			if (err == nil) != row.ok {
				t.Fatalf("%.100s: got %v", row.body, err)
			}
			if row.ok && row.body != "" {
				var want batch
				if err := json.Unmarshal([]byte(row.body), &want); err != nil {
					t.Fatal(err)
				}
				if d := same(&in, &want); d != "" {
					t.Error(d)
				}
			}
		})
	}
	var one api.PutRecordInput
	if err := decodePutRecord([]byte(`{"Record":{"Data":"YWI="},"DeliveryStreamName":"s"}`), &one); err != nil || string(one.Record.Data) != "ab" || *one.DeliveryStreamName != "s" {
		t.Errorf("%+v, %v", one, err)
	}
}

func batchBody(n int) []byte {
	var b strings.Builder
	b.WriteString(`{"DeliveryStreamName":"s","Records":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		data, _ := json.Marshal([]byte(fmt.Sprintf(`{"version":2,"account-id":"123456789010","srcaddr":"172.31.16.%d","dstaddr":"172.31.16.21","srcport":%d}`, i%256, i)))
		fmt.Fprintf(&b, `{"Data":%s}`, data)
	}
	b.WriteString(`]}`)
	return []byte(b.String())
}

func TestDecodeAllocatesPerBatch(t *testing.T) {
	body := batchBody(500)
	if n := testing.AllocsPerRun(5, func() {
		var in api.PutRecordBatchInput
		if err := decodePutRecordBatch(body, &in); err != nil || len(in.Records) != 500 {
			t.Fatal(len(in.Records), err)
		}
	}); n > 20 {
		t.Errorf("%v allocations for 500 records", n)
	}
}

func BenchmarkDecode(b *testing.B) {
	body := batchBody(500)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		var in api.PutRecordBatchInput
		if err := decodePutRecordBatch(body, &in); err != nil {
			b.Fatal(err)
		}
	}
}

// FuzzDecode holds the decoders against encoding/json: what they read, that reads the same.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{`{"DeliveryStreamName":"s","Records":[{"Data":"YQ=="},{"Data":""}]}`, `{"Records":[{"Data":"\/\/8="}]}`, `{"Record":{"Data":"YQ=="}}`, `{"Records":[{"Data":"YR=="}]}`, `{`, `{"Records":null}`, `{"DeliveryStreamName":"\ud83d"}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if len(bytes.Trim(body, " \t\r\n")) == 0 || !utf8.Valid(body) {
			return
		}
		var in api.PutRecordBatchInput
		if decodePutRecordBatch(body, &in) == nil {
			var want batch
			if err := json.Unmarshal(body, &want); err != nil {
				t.Fatalf("read %q, which encoding/json refuses: %v", body, err)
			}
			if d := same(&in, &want); d != "" {
				t.Fatalf("%q: %s", body, d)
			}
		}
		var one api.PutRecordInput
		if decodePutRecord(body, &one) == nil {
			var want record
			if err := json.Unmarshal(body, &want); err != nil {
				t.Fatalf("read %q, which encoding/json refuses: %v", body, err)
			}
			if (one.Record == nil) != (want.Record == nil) || want.Record != nil && want.Record.Data != nil && !bytes.Equal(one.Record.Data, *want.Record.Data) {
				t.Fatalf("%q: %+v", body, one.Record)
			}
		}
	})
}
