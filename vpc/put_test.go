package vpc

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"flowlake/delivery"
	firehose "flowlake/delivery/destination"
	"flowlake/fault"
	"flowlake/flow"
	"flowlake/logs"
)

// records are those of one interval: two flows, one of them rejected, and an interval without data.
func records(at time.Time) []string {
	return []string{
		fmt.Sprintf("2 999 %%E 10.0.1.4 10.0.1.5 443 51000 6 10 840 %d %d ACCEPT OK", at.Unix(), at.Unix()+59),
		fmt.Sprintf("2 999 %%E 198.51.100.7 10.0.1.5 51000 22 6 1 40 %d %d REJECT OK", at.Unix()+1, at.Unix()+59),
		fmt.Sprintf("2 999 %%E - - - - - - - %d %d - NODATA", at.Unix()+2, at.Unix()+59),
	}
}

const role = "arn:aws:iam::123456789012:role/flow-logs"

func TestRecordsReachALogGroup(t *testing.T) {
	h := open(t, 50*time.Millisecond)
	v, _, enis := h.network(2)
	now := time.Now().Truncate(time.Minute)
	for _, tc := range []struct {
		traffic string
		want    PutResult
		stream  string
	}{
		{"ALL", PutResult{Delivered: 3}, "-all"},
		{"ACCEPT", PutResult{Delivered: 2, Traffic: 1}, "-accept"},
		{"REJECT", PutResult{Delivered: 2, Traffic: 1}, "-reject"},
	} {
		f := h.flowLog(FlowLogInput{Resources: []string{v.ID}, ResourceType: "VPC", Traffic: tc.traffic, Group: "flows", Role: role})
		if got := h.put(f, enis[0].ID, records(now)...); got != tc.want {
			t.Errorf("%s: got %+v, want %+v", tc.traffic, got, tc.want)
		}
		page := must(h.logs.Get(t.Context(), root, "flows", logs.GetQuery{Stream: enis[0].ID + tc.stream, Limit: 100, FromHead: true}))(t)
		if len(page.Events) != tc.want.Delivered {
			t.Fatalf("%s: the stream has %d events", tc.traffic, len(page.Events))
		}
		last := page.Events[len(page.Events)-1]
		if want := strings.ReplaceAll(records(now)[2], "%E", enis[0].ID); last.Message != strings.Replace(want, "999", account, 1) || last.TimeMillis != (now.Unix()+2)*1000 {
			t.Errorf("%s: got %d %s", tc.traffic, last.TimeMillis, last.Message)
		}
	}
	t.Run("what is too old is counted", func(t *testing.T) {
		f := must(h.only(t, "ALL"))(t)
		if got := h.put(f, enis[1].ID, records(now.Add(-30*24*time.Hour))...); got != (PutResult{Rejected: 3}) {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("out of order and over more than a day", func(t *testing.T) {
		f := must(h.only(t, "ALL"))(t)
		lines := append(records(now), records(now.Add(-50*time.Hour))...)
		if got := h.put(f, enis[1].ID, lines...); got != (PutResult{Delivered: 6}) {
			t.Errorf("got %+v", got)
		}
	})
}

// only returns the one flow log of a traffic type.
func (h *house) only(t *testing.T, traffic string) (FlowLog, error) {
	page, _, err := h.FlowLogs(t.Context(), root, Query{Filters: []Filter{{"traffic-type", []string{traffic}}}})
	if err != nil || len(page) != 1 {
		return FlowLog{}, fmt.Errorf("%d flow logs, %w", len(page), err)
	}
	return page[0], nil
}

func TestOnlyTheResourcesInterfacesAreLogged(t *testing.T) {
	h := open(t, 50*time.Millisecond)
	_, sub, enis := h.network(2)
	other := must(h.CreateVPC(t.Context(), root, VPCInput{CIDR: "10.9.0.0/16"}))(t)
	now := time.Now()
	for _, tc := range []struct {
		kind, id string
		ours     int // of two interfaces
	}{{"VPC", sub.VPC, 2}, {"Subnet", sub.ID, 2}, {"NetworkInterface", enis[0].ID, 1}, {"VPC", other.ID, 0}} {
		f := h.flowLog(FlowLogInput{Resources: []string{tc.id}, ResourceType: tc.kind, Traffic: "ALL", Group: "of-" + tc.id, Role: role})
		var got PutResult
		for _, eni := range []string{enis[0].ID, enis[1].ID, "eni-0nobody"} {
			r := h.put(f, eni, records(now)...)
			got.Delivered += r.Delivered
			got.Elsewhere += r.Elsewhere
		}
		if got.Delivered != 3*tc.ours || got.Elsewhere != 9-got.Delivered {
			t.Errorf("%s %s: got %+v, want records of %d interfaces", tc.kind, tc.id, got, tc.ours)
		}
	}
}

func TestTheFormatIsTheFlowLogs(t *testing.T) {
	h := open(t, 50*time.Millisecond)
	v, sub, enis := h.network(1)
	h.bucket("flows")
	format := "${tcp-flags} ${srcaddr} ${vpc-id} ${subnet-id} ${az-id} ${region} ${account-id} ${version} ${reject-reason} ${end} ${log-status}"
	f := h.flowLog(FlowLogInput{Resources: []string{v.ID}, ResourceType: "VPC", Traffic: "ALL", Type: ToS3, Destination: "arn:aws:s3:::flows", Format: format})
	now := time.Now()
	h.put(f, enis[0].ID, records(now)...)
	for _, data := range h.objects("flows", "", 1) {
		tail := fmt.Sprintf("%s %s euw1-az1 eu-west-1 %s 8 - %d", v.ID, sub.ID, account, now.Unix()+59)
		want := "tcp-flags srcaddr vpc-id subnet-id az-id region account-id version reject-reason end log-status\n" +
			"- 10.0.1.4 " + tail + " OK\n- 198.51.100.7 " + tail + " OK\n- - " + tail + " NODATA\n"
		if got := unzip(t, data); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	}
}

func TestFilesLieWhereAWSPutsThem(t *testing.T) {
	h := open(t, 50*time.Millisecond)
	v, _, enis := h.network(1)
	h.bucket("flows")
	name := account + `_vpcflowlogs_eu-west-1_(fl-[0-9a-f]{17})_\d{8}T\d{4}Z_[0-9a-f]{8}\.log\.gz$`
	for _, tc := range []struct {
		name    string
		options Options
		folder  string
		want    string
	}{
		{"by day", Options{}, "day", `^day/AWSLogs/` + account + `/vpcflowlogs/eu-west-1/\d{4}/\d\d/\d\d/`},
		{"by hour", Options{Hourly: true}, "hour/x/", `^hour/x/AWSLogs/` + account + `/vpcflowlogs/eu-west-1/\d{4}/\d\d/\d\d/\d\d/`},
		{"for Hive", Options{Hive: true}, "hive", `^hive/AWSLogs/aws-account-id=` + account + `/aws-service=vpcflowlogs/aws-region=eu-west-1/year=\d{4}/month=\d\d/day=\d\d/`},
		{"for Hive by hour", Options{Hive: true, Hourly: true}, "hivehour", `^hivehour/AWSLogs/aws-account-id=` + account + `/aws-service=vpcflowlogs/aws-region=eu-west-1/year=\d{4}/month=\d\d/day=\d\d/hour=\d\d/`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := h.flowLog(FlowLogInput{Resources: []string{v.ID}, ResourceType: "VPC", Traffic: "ALL", Type: ToS3, Destination: "arn:aws:s3:::flows/" + tc.folder, Options: tc.options})
			h.put(f, enis[0].ID, records(time.Now())...)
			for key, data := range h.objects("flows", strings.TrimSuffix(tc.folder, "/")+"/", 1) {
				m := regexp.MustCompile(tc.want + name).FindStringSubmatch(key)
				if m == nil || m[1] != f.ID {
					t.Errorf("got key %s, want %s%s of %s", key, tc.want, name, f.ID)
				}
				if text := unzip(t, data); !strings.HasPrefix(text, flow.Header(flow.DefaultFormat())+"\n2 "+account) || strings.Count(text, "\n") != 4 {
					t.Errorf("got %s", text)
				}
			}
		})
	}
}

func TestRecordsReachADeliveryStream(t *testing.T) {
	h := open(t, 50*time.Millisecond)
	v, _, enis := h.network(1)
	h.bucket("streamed")
	arn := root.ARN("firehose", "deliverystream/flows")
	settings := must(json.Marshal(firehose.Settings{Extended: true, S3: firehose.S3{BucketARN: "arn:aws:s3:::streamed", RoleARN: role, Prefix: "in/"}}))(t)
	must(h.delivery.Create(t.Context(), root, delivery.NewStream{Kind: delivery.KindFirehose, Name: "flows", ARN: arn, Settings: settings,
		Buffer: delivery.Buffer{Bytes: 1 << 20}, Service: "firehose.amazonaws.com"}))(t)
	f := h.flowLog(FlowLogInput{Resources: []string{v.ID}, ResourceType: "VPC", Traffic: "REJECT", Type: ToFirehose, Destination: arn})
	now := time.Now()
	if got := h.put(f, enis[0].ID, records(now)...); got != (PutResult{Delivered: 2, Traffic: 1}) {
		t.Errorf("got %+v", got)
	}
	for _, data := range h.objects("streamed", "in/", 1) {
		var lines []string
		for line := range strings.Lines(string(data)) {
			var record map[string]string
			if err := json.Unmarshal([]byte(line), &record); err != nil || len(record) != 1 {
				t.Fatalf("%q: %v", line, err)
			}
			lines = append(lines, record["message"])
		}
		want := strings.ReplaceAll(strings.ReplaceAll(strings.Join(records(now)[1:], "\n"), "%E", enis[0].ID), "2 999", "2 "+account)
		if got := strings.Join(lines, "\n"); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	}
	if got := must(h.Status(t.Context(), root, f))(t); got.Failed {
		t.Errorf("got %+v", got)
	}
	if err := h.delivery.Delete(t.Context(), root, delivery.KindFirehose, "flows"); err != nil {
		t.Fatal(err)
	}
	in := PutInput{FlowLog: f.ID, Fields: flow.DefaultFormat(), Lines: [][]byte{[]byte(strings.ReplaceAll(records(now)[1], "%E", enis[0].ID))}}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if _, err := h.Put(t.Context(), root, in); fault.Is(err, fault.NotFound) && fault.HasNoun(err, "log destination") {
			break
		} else if time.Now().After(deadline) {
			t.Fatalf("the stream is deleted, and a put gives %v", err)
		}
	}
	if got := must(h.Status(t.Context(), root, f))(t); !got.Failed || got.Message != "Access error" {
		t.Errorf("got %+v", got)
	}
}

func TestADeletedFlowLogDeliversWhatItWasGiven(t *testing.T) {
	h := open(t, 15*time.Minute) // so long that only the deletion can be why
	v, _, enis := h.network(1)
	h.bucket("flows")
	f := h.flowLog(FlowLogInput{Resources: []string{v.ID}, ResourceType: "VPC", Traffic: "ALL", Type: ToS3, Destination: "arn:aws:s3:::flows"})
	h.put(f, enis[0].ID, records(time.Now())...)
	if err := h.DeleteFlowLogs(t.Context(), root, []string{f.ID}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Put(t.Context(), root, PutInput{FlowLog: f.ID, Fields: flow.DefaultFormat()}); !fault.Is(err, fault.NotFound) {
		t.Errorf("put after the delete: %v", err)
	}
	for _, data := range h.objects("flows", "", 1) {
		if text := unzip(t, data); strings.Count(text, "\n") != 4 {
			t.Errorf("got %s", text)
		}
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if _, err := h.delivery.Stream(t.Context(), root, "flow-log", f.ID); fault.Is(err, fault.NotFound) {
			break
		} else if time.Now().After(deadline) {
			t.Fatalf("its stream is still there: %v", err)
		}
	}
}

func TestRecordsOutliveARestart(t *testing.T) {
	h := open(t, 15*time.Minute)
	v, _, enis := h.network(1)
	h.bucket("flows")
	f := h.flowLog(FlowLogInput{Resources: []string{v.ID}, ResourceType: "VPC", Traffic: "ALL", Type: ToS3, Destination: "arn:aws:s3:::flows"})
	h.put(f, enis[0].ID, records(time.Now())...)
	h.stop()
	h.start()
	h.put(f, enis[0].ID, records(time.Now())...)
	if err := h.DeleteFlowLogs(t.Context(), root, []string{f.ID}); err != nil {
		t.Fatal(err)
	}
	lines := 0
	for _, data := range h.objects("flows", "", 1) {
		lines += strings.Count(unzip(t, data), "\n") - 1
	}
	if lines != 6 {
		t.Errorf("got %d records, want 6", lines)
	}
}

func TestABucketThatIsGoneIsTold(t *testing.T) {
	h := open(t, 50*time.Millisecond)
	v, _, enis := h.network(1)
	h.bucket("flows")
	f := h.flowLog(FlowLogInput{Resources: []string{v.ID}, ResourceType: "VPC", Traffic: "ALL", Type: ToS3, Destination: "arn:aws:s3:::flows"})
	if got := must(h.Status(t.Context(), root, f))(t); got.Failed {
		t.Errorf("got %+v", got)
	}
	if err := h.lake.DeleteBucket(t.Context(), root, "flows"); err != nil {
		t.Fatal(err)
	}
	h.put(f, enis[0].ID, records(time.Now())...)
	if got := must(h.Status(t.Context(), root, f))(t); !got.Failed || got.Message != "Access error" {
		t.Errorf("got %+v", got)
	}
	page, _, err := h.FlowLogs(t.Context(), root, Query{Filters: []Filter{{"deliver-log-status", []string{"FAILED"}}}})
	if err != nil || len(page) != 1 {
		t.Errorf("got %v, %v", page, err)
	}
	h.bucket("flows") // it comes again, and its policy: the records were kept
	if got := must(h.Status(t.Context(), root, f))(t); !got.Failed || !strings.Contains(got.Message, "s3:GetBucketAcl") || !strings.Contains(got.Message, Service) {
		t.Errorf("got %+v", got)
	}
	if err := h.lake.AddStatements(t.Context(), root, "flows", deliveryStatements(root, destination{bucket: "flows"}, Options{})...); err != nil {
		t.Fatal(err)
	}
	for _, data := range h.objects("flows", "", 1) {
		if text := unzip(t, data); strings.Count(text, "\n") != 4 {
			t.Errorf("got %s", text)
		}
	}
}

func TestPutRefusesWhatDoesNotFit(t *testing.T) {
	h := open(t, 50*time.Millisecond)
	v, _, enis := h.network(1)
	all := h.flowLog(FlowLogInput{Resources: []string{v.ID}, ResourceType: "VPC", Traffic: "ALL", Group: "flows", Role: role})
	rejected := h.flowLog(FlowLogInput{Resources: []string{v.ID}, ResourceType: "VPC", Traffic: "REJECT", Group: "flows", Role: role})
	fields := func(names ...string) (list []flow.Field) {
		for _, n := range names {
			f, _ := flow.Lookup(n)
			list = append(list, f)
		}
		return list
	}
	for _, tc := range []struct {
		name   string
		id     string
		fields []flow.Field
		lines  []string
		kind   fault.Kind
		want   string
	}{
		{"a flow log that there is not", "fl-0", fields("interface-id"), nil, fault.NotFound, "fl-0"},
		{"fields without an interface", all.ID, fields("srcaddr"), []string{"10.0.0.1"}, fault.Invalid, "interface-id"},
		{"fields without an action", rejected.ID, fields("interface-id"), []string{enis[0].ID}, fault.Invalid, "action"},
		{"a line that does not fit", all.ID, fields("interface-id", "srcport"), []string{enis[0].ID + " 1", enis[0].ID + " x"}, fault.Invalid, "flow record 2"},
		{"too many", all.ID, fields("interface-id"), slices.Repeat([]string{"x"}, MaxPutRecords+1), fault.TooLarge, "10001"},
	} {
		in := PutInput{FlowLog: tc.id, Fields: tc.fields}
		for _, l := range tc.lines {
			in.Lines = append(in.Lines, []byte(l))
		}
		if _, err := h.Put(t.Context(), root, in); !fault.Is(err, tc.kind) || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got %v, want %s about %s", tc.name, err, tc.kind, tc.want)
		}
	}
}
