package vpc

import (
	"strings"
	"testing"
	"time"

	"flowlake/delivery"
	"flowlake/fault"
	"flowlake/flow"
	"flowlake/logs"
)

func TestAFilesTimeIsOfFiveMinutes(t *testing.T) {
	f := fileSettings{FlowLog: "fl-1", Account: "123456789012", Region: "eu-west-1", Options: Options{Hourly: true}}
	for at, want := range map[string]string{
		"2026-11-21T03:04:59.999Z":  "2026/11/21/03/123456789012_vpcflowlogs_eu-west-1_fl-1_20261121T0300Z_",
		"2026-11-21T03:05:00Z":      "2026/11/21/03/123456789012_vpcflowlogs_eu-west-1_fl-1_20261121T0305Z_",
		"2026-11-22T00:59:59+02:00": "2026/11/21/22/123456789012_vpcflowlogs_eu-west-1_fl-1_20261121T2255Z_",
	} {
		oldest := must(time.Parse(time.RFC3339, at))(t)
		key := f.key(delivery.NewBatch(delivery.Stream{ID: "s"}, 7, oldest, nil))
		if key, ok := strings.CutPrefix(key, "AWSLogs/123456789012/vpcflowlogs/eu-west-1/"); !ok || !strings.HasPrefix(key, want) || len(key) != len(want)+len("01234567.log.gz") {
			t.Errorf("%s: got %s, want %s…", at, key, want)
		}
	}
}

func TestABatchIsWhatOnePutTakes(t *testing.T) {
	event := func(millis int64, size int) logs.Event {
		return logs.Event{TimeMillis: millis, Message: strings.Repeat("x", size)}
	}
	many := func(n int, e logs.Event) (list []logs.Event) {
		for range n {
			list = append(list, e)
		}
		return list
	}
	const day = 24 * 60 * 60 * 1000
	large := logs.MaxPutBytes/4 - logs.EventOverhead
	for _, tc := range []struct {
		name   string
		events []logs.Event
		want   int
	}{
		{"one", many(1, event(0, 1)), 1},
		{"as many as a put takes", many(logs.MaxPutEvents, event(0, 1)), logs.MaxPutEvents},
		{"one more", many(logs.MaxPutEvents+1, event(0, 1)), logs.MaxPutEvents},
		{"as many bytes as a put takes", many(4, event(0, large)), 4},
		{"one byte more", append(many(3, event(0, large)), event(0, large+1)), 3},
		{"a day", []logs.Event{event(5, 1), event(5+day, 1)}, 2},
		{"more than a day", []logs.Event{event(5, 1), event(6+day, 1)}, 1},
		{"one that no put takes", many(2, event(0, 2*logs.MaxPutBytes)), 1},
	} {
		if got := batch(tc.events); got != tc.want {
			t.Errorf("%s: got %d, want %d", tc.name, got, tc.want)
		}
	}
}

func TestWhatDeliversOtherwiseIsAnotherFlowLog(t *testing.T) {
	h := open(t, time.Minute)
	v, _, _ := h.network(0)
	h.bucket("flows")
	first := FlowLogInput{Resources: []string{v.ID}, ResourceType: "VPC", Traffic: "ALL", Type: ToS3, Destination: "arn:aws:s3:::flows"}
	h.flowLog(first)
	again := first
	again.Interval, again.Format, again.Options, again.Tags = 600, flow.FormatString(flow.DefaultFormat()), Options{Given: true}, Tags{"a": "b"} // as left out
	if _, _, err := h.CreateFlowLogs(t.Context(), root, again); !fault.Is(err, fault.Exists) {
		t.Errorf("the same: got %v", err)
	}
	for name, change := range map[string]func(*FlowLogInput){
		"traffic":     func(in *FlowLogInput) { in.Traffic = "REJECT" },
		"destination": func(in *FlowLogInput) { in.Destination += "/a" },
		"format":      func(in *FlowLogInput) { in.Format = "${bytes}" },
		"interval":    func(in *FlowLogInput) { in.Interval = 60 },
		"options":     func(in *FlowLogInput) { in.Options.Hourly = true },
	} {
		other := first
		change(&other)
		if made, failed, err := h.CreateFlowLogs(t.Context(), root, other); err != nil || len(made) != 1 {
			t.Errorf("another %s: got %v, %v, %v", name, made, failed, err)
		}
	}
}

func TestARestartPublishesAsOftenAsItIsToldTo(t *testing.T) {
	h := open(t, 15*time.Minute)
	v, _, enis := h.network(1)
	h.bucket("flows")
	f := h.flowLog(FlowLogInput{Resources: []string{v.ID}, ResourceType: "VPC", Traffic: "ALL", Type: ToS3, Destination: "arn:aws:s3:::flows"})
	h.put(f, enis[0].ID, records(time.Now())...)
	h.stop()
	h.publish = 50 * time.Millisecond
	h.start()
	h.objects("flows", "", 1)
}
