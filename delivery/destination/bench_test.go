package destination_test

import (
	"context"
	"fmt"
	"syscall"
	"testing"
	"time"

	"flowlake/delivery"
	"flowlake/delivery/destination"
	"flowlake/logs"
)

func cpu(t testing.TB) time.Duration {
	t.Helper()
	var u syscall.Rusage
	ok(t, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkSubscription is the CPU of a record from the log group's disk to a Parquet object: reading, matching, taking apart, converting,
// writing, committing. The events lie there before.
func BenchmarkSubscription(b *testing.B) {
	h := newHouse(b, nil)
	h.table(b, "flow_logs", "s3://"+bucket+"/flows/", nil, nil, flowTable...)
	ok(b, h.make(b, "flows", to(func(s *destination.Settings) {
		late := int32(900)
		s.Prefix, s.Conversion, s.Processing, s.Hints.Seconds = "flows/", converting("flow_logs"), unpacked, &late
	})))
	h.subscribe(b, "/vpc/flows", "flows", flowPattern)
	const each = 7_000
	n := (b.N + each - 1) / each * each
	events := make([]logs.Event, each)
	now := time.Now()
	before := cpu(b)
	b.ResetTimer()
	for from := 0; from < n; from += each {
		for i := range events {
			at := from + i
			events[i] = logs.Event{TimeMillis: now.UnixMilli(), Message: fmt.Sprintf("2 123456789010 eni-0123456789abcdef%d 10.0.%d.%d 172.31.16.%d %d 443 6 %d %d 1418530010 1418530070 ACCEPT OK",
				at%8, at%7, at%251, at%13, 1024+at%40000, at%50, at*37%99999)}
		}
		_, err := h.logs.Put(context.Background(), root, "/vpc/flows", "eni-1", events)
		ok(b, err)
	}
	made := cpu(b)
	_, err := h.Update(context.Background(), root, delivery.KindFirehose, "flows", 0, func(s *delivery.Stream) error {
		s.Buffer.Age = 0
		return nil
	})
	ok(b, err)
	for h.counters(b, "flows").Delivered < int64(n) {
		time.Sleep(5 * time.Millisecond)
	}
	b.ReportMetric(float64((cpu(b)-made).Nanoseconds())/float64(n), "cpu-ns/record")
	b.ReportMetric(float64((made-before).Nanoseconds())/float64(n), "put-cpu-ns/record")
}

// BenchmarkPutRecords is the CPU of a JSON record that is put, 500 at a time, from the queue's disk to a Parquet object.
func BenchmarkPutRecords(b *testing.B) {
	h := newHouse(b, nil)
	h.table(b, "flow_logs", "s3://"+bucket+"/flows/", nil, nil, flowTable...)
	ok(b, h.make(b, "flows", to(func(s *destination.Settings) {
		late := int32(900)
		s.Prefix, s.Conversion, s.Hints.Seconds = "flows/", converting("flow_logs"), &late
	})))
	records := make([][]byte, 500)
	n := (b.N + len(records) - 1) / len(records) * len(records)
	before := cpu(b)
	for from := 0; from < n; from += len(records) {
		for i := range records {
			at := from + i
			records[i] = fmt.Appendf(records[i][:0], `{"version":2,"account-id":"123456789012","interface-id":"eni-0123456789abcdef%d","srcaddr":"10.0.%d.%d","dstaddr":"172.31.16.%d","srcport":%d,`+
				`"dstport":443,"protocol":6,"packets":%d,"bytes":%d,"start":1418530010,"end":1418530070,"action":"ACCEPT","log-status":"OK"}`, at%8, at%7, at%251, at%13, 1024+at%40000, at%50, at*37%99999)
		}
		_, err := h.Put(context.Background(), root, delivery.KindFirehose, "flows", records)
		ok(b, err)
	}
	made := cpu(b)
	_, err := h.Update(context.Background(), root, delivery.KindFirehose, "flows", 0, func(s *delivery.Stream) error {
		s.Buffer.Age = 0
		return nil
	})
	ok(b, err)
	for h.counters(b, "flows").Delivered < int64(n) {
		time.Sleep(5 * time.Millisecond)
	}
	b.ReportMetric(float64((cpu(b)-made).Nanoseconds())/float64(n), "cpu-ns/record")
	b.ReportMetric(float64((made-before).Nanoseconds())/float64(n), "put-cpu-ns/record")
}
