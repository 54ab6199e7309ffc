package main

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

	"flowlake/access"
	"flowlake/catalog"
	"flowlake/delivery"
	"flowlake/lake"
	"flowlake/query"
)

// freshRows gives queries what delivery has accepted and not yet written. It is the way from one room to the other, which
// stand on one floor.
type freshRows struct{ delivery *delivery.Store }

var _ query.Fresh = freshRows{}

// Snapshot meets query.Fresh. Nothing need be skipped: until Release no batch of the table's streams becomes visible.
func (f freshRows) Snapshot(ctx context.Context, c access.Caller, t catalog.Table, dir string) (query.FreshRows, error) {
	rows, err := f.delivery.Fresh(ctx, c, t, dir)
	if err != nil {
		return query.FreshRows{}, err
	}
	out := query.FreshRows{Release: rows.Release}
	for _, file := range rows.Files {
		out.Inputs = append(out.Inputs, query.Input{Values: file.Values, Files: []query.InputFile{{
			Path: file.Path, URL: lake.URL("flowlake-fresh", t.Database+"/"+t.Name), Size: file.Size,
		}}})
	}
	return out, nil
}

// deliveryMetrics shows every stream's counters to Prometheus.
type deliveryMetrics struct{ delivery *delivery.Store }

var deliveryLabels = []string{"account", "region", "kind", "stream"}

func deliveryDesc(name, help string, more ...string) *prometheus.Desc {
	return prometheus.NewDesc("flowlake_delivery_"+name, help, append(deliveryLabels, more...), nil)
}

// deliveryNumbers are the counters' names. In rows_total the outcomes and what waits add up to what was taken in.
var deliveryNumbers = []struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(delivery.Counters) int64
}{
	{deliveryDesc("rows_in_total", "Rows taken in: records that were put, events of log subscriptions."), prometheus.CounterValue, func(n delivery.Counters) int64 { return n.In }},
	{deliveryDesc("bytes_in_total", "Their bytes."), prometheus.CounterValue, func(n delivery.Counters) int64 { return n.InBytes }},
	{deliveryDesc("rows_delivered_total", "Rows in objects of the destination."), prometheus.CounterValue, func(n delivery.Counters) int64 { return n.Delivered }},
	{deliveryDesc("rows_failed_total", "Rows under the error prefix."), prometheus.CounterValue, func(n delivery.Counters) int64 { return n.Failed }},
	{deliveryDesc("rows_dropped_total", "Rows that a transform or a rule left out."), prometheus.CounterValue, func(n delivery.Counters) int64 { return n.Dropped }},
	{deliveryDesc("records_waiting", "Records in the stream's own queue."), prometheus.GaugeValue, func(n delivery.Counters) int64 { return n.Waiting }},
	{deliveryDesc("bytes_waiting", "Their bytes."), prometheus.GaugeValue, func(n delivery.Counters) int64 { return n.WaitBytes }},
	{deliveryDesc("events_behind", "Log events of subscribed groups that no batch has read."), prometheus.GaugeValue, func(n delivery.Counters) int64 { return n.Behind }},
	{deliveryDesc("events_missed_total", "Log events that expired before they were read."), prometheus.CounterValue, func(n delivery.Counters) int64 { return n.Missed }},
	{deliveryDesc("batches_total", "Batches delivered."), prometheus.CounterValue, func(n delivery.Counters) int64 { return n.Batches }},
	{deliveryDesc("objects_total", "Objects written."), prometheus.CounterValue, func(n delivery.Counters) int64 { return n.Objects }},
	{deliveryDesc("object_bytes_total", "Their bytes."), prometheus.CounterValue, func(n delivery.Counters) int64 { return n.DeliveredBytes }},
	{deliveryDesc("retries_total", "Attempts to deliver a batch that failed, since the server started."), prometheus.CounterValue, func(n delivery.Counters) int64 { return n.Retries }},
}

var (
	deliveryOldest = deliveryDesc("oldest_arrival_timestamp_seconds", "When the oldest record that waits arrived; absent when none does.")
	deliveryFailed = deliveryDesc("failing", "1 while the stream cannot deliver.")
	deliveryGone   = prometheus.NewDesc("flowlake_delivery_records_discarded_total", "Records that waited in streams that were deleted, since the server started.", nil, nil)
)

// Describe meets prometheus.Collector.
func (m deliveryMetrics) Describe(to chan<- *prometheus.Desc) {
	for _, n := range deliveryNumbers {
		to <- n.desc
	}
	to <- deliveryOldest
	to <- deliveryFailed
	to <- deliveryGone
}

// Collect meets prometheus.Collector.
func (m deliveryMetrics) Collect(to chan<- prometheus.Metric) {
	streams, discarded := m.delivery.Totals(context.Background())
	to <- prometheus.MustNewConstMetric(deliveryGone, prometheus.CounterValue, float64(discarded))
	for _, s := range streams {
		labels := []string{s.Stream.Account, s.Stream.Region, s.Stream.Kind, s.Stream.Name}
		for _, n := range deliveryNumbers {
			to <- prometheus.MustNewConstMetric(n.desc, n.kind, float64(n.value(s.Counters)), labels...)
		}
		if at := s.Counters.Oldest; !at.IsZero() {
			to <- prometheus.MustNewConstMetric(deliveryOldest, prometheus.GaugeValue, float64(at.UnixMilli())/1000, labels...)
		}
		failing := 0.0
		if s.Stream.Failure.Attempts > 0 {
			failing = 1
		}
		to <- prometheus.MustNewConstMetric(deliveryFailed, prometheus.GaugeValue, failing, labels...)
	}
}
