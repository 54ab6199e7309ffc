package destination_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"flowlake/delivery"
	"flowlake/delivery/destination"
	"flowlake/fault"
)

// event is what a function is given.
type event struct {
	InvocationID, DeliveryStreamArn, Region string
	Records                                 []struct {
		RecordID                    string
		ApproximateArrivalTimestamp int64
		Data                        []byte
	}
}

const functionARN = "arn:aws:lambda:us-east-1:123456789012:function:transform"

// TestFunction claims that each of a function's answers has its documented end, and that the function is asked once for a record.
func TestFunction(t *testing.T) {
	var calls atomic.Int32
	h := newHouse(t, functions(func(payload []byte) ([]byte, error) {
		calls.Add(1)
		var in event
		if err := json.Unmarshal(payload, &in); err != nil {
			return nil, err
		}
		var out []map[string]any
		for _, r := range in.Records {
			answer := map[string]any{"recordId": r.RecordID, "result": "Ok", "data": base64.StdEncoding.EncodeToString([]byte(strings.ToUpper(string(r.Data)) + "\n"))}
			switch text := string(r.Data); {
			case text == "throw":
				return nil, errors.New("the function threw")
			case text == "drop":
				answer = map[string]any{"recordId": r.RecordID, "result": "Dropped"}
			case text == "fail":
				answer["result"] = "ProcessingFailed"
			case text == "forget":
				continue
			case text == "twice":
				out = append(out, answer)
			case text == "odd":
				answer["result"] = "Fine"
			case text == "null":
				answer["data"] = nil
			case text == "base64":
				answer["data"] = "%"
			}
			if r.ApproximateArrivalTimestamp == 0 || in.InvocationID == "" || !strings.HasSuffix(in.DeliveryStreamArn, "/called") || in.Region != "us-east-1" {
				answer["result"] = "ProcessingFailed"
			}
			out = append(out, answer)
		}
		return json.Marshal(map[string]any{"records": out})
	}))
	ok(t, h.make(t, "called", to(func(s *destination.Settings) {
		s.Prefix, s.ErrorPrefix = "out/", "errors/"
		s.Processing = processing([]string{"Lambda", "LambdaArn", functionARN, "NumberOfRetries", "1"})
	})))
	h.put(t, "called", "a", "drop", "fail", "forget", "twice", "odd", "null", "base64", "b")
	n := h.settled(t, "called", 9)
	if n.Delivered != 2 || n.Dropped != 1 || n.Failed != 6 {
		t.Errorf("%+v", n)
	}
	if got := h.all(t, "out/"); got != "A\nB\n" {
		t.Errorf("delivered %q", got)
	}
	codes := map[string]string{}
	for _, f := range h.failures(t, "errors/processing-failed/") {
		codes[string(f.RawData)] = f.ErrorCode
		if f.LambdaArn != functionARN || f.AttemptsMade != 1 {
			t.Errorf("%+v", f)
		}
	}
	for raw, code := range map[string]string{"fail": "ProcessingFailedStatus", "forget": "MissingRecordId", "twice": "DuplicatedRecordId", "odd": "InvalidReturnFormat",
		"null": "InvalidReturnFormat", "base64": "InvalidReturnFormat"} {
		if codes[raw] != "Lambda."+code {
			t.Errorf("%s: got %s, want Lambda.%s", raw, codes[raw], code)
		}
	}
	before := calls.Load()
	h.put(t, "called", "throw", "x")
	h.settled(t, "called", 11)
	if asked := calls.Load() - before; asked != 2 {
		t.Errorf("the function was asked %d times, want one retry", asked)
	}
	for _, f := range h.failures(t, "errors/processing-failed/") {
		if raw := string(f.RawData); (raw == "throw" || raw == "x") && (f.ErrorCode != "Lambda.FunctionError" || f.AttemptsMade != 2) {
			t.Errorf("%+v", f)
		}
	}
	_, _, err := h.writer.FreshTable(context.Background(), delivery.Stream{Settings: []byte(`{"bucketArn":"arn:aws:s3:::abc","roleArn":"` + role + `"}`)})
	ok(t, err)
}

// TestFunctionPartitions claims that a function's partition keys make the prefix, and that a stream with a function is not fresh.
func TestFunctionPartitions(t *testing.T) {
	h := newHouse(t, functions(func(payload []byte) ([]byte, error) {
		var in event
		if err := json.Unmarshal(payload, &in); err != nil {
			return nil, err
		}
		var out []map[string]any
		for _, r := range in.Records {
			out = append(out, map[string]any{"recordId": r.RecordID, "result": "Ok", "data": r.Data, "metadata": map[string]any{"partitionKeys": map[string]string{"first": string(r.Data[5:6])}}})
		}
		return json.Marshal(map[string]any{"records": out})
	}))
	h.table(t, "called", "s3://"+bucket+"/called/", nil, nil, "a string")
	ok(t, h.make(t, "called", to(func(s *destination.Settings) {
		s.Prefix, s.ErrorPrefix, s.Dynamic = "called/first=!{partitionKeyFromLambda:first}/", "errors/!{firehose:error-output-type}/", &destination.Dynamic{Enabled: true}
		s.Conversion = converting("called")
		s.Processing = processing([]string{"Lambda", "LambdaArn", functionARN, "BufferSizeInMBs", "0.2"})
	})))
	h.put(t, "called", `{"a":123}`, `{"a":456}`)
	h.settled(t, "called", 2)
	if got := h.rows(t, "called/first=1/"); len(got) != 1 || got[0] != "123" {
		t.Errorf("got %q of %v", got, h.objects(t, ""))
	}
	table, err := h.tables.Table(context.Background(), root, "lake", "called")
	ok(t, err)
	if _, err := h.Store.Fresh(context.Background(), root, table, t.TempDir()); !fault.Is(err, fault.Unsupported) {
		t.Errorf("fresh rows of a stream with a function: %v", err)
	}
}
