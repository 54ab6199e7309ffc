package destination_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"flowlake/delivery/destination"
)

// TestEveryRowIsSomewhere puts random records, good and bad, into streams of each make, and compares every row in with every row out.
func TestEveryRowIsSomewhere(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	h := newHouse(t, nil)
	h.table(t, "rows", "s3://"+bucket+"/parquet/", nil, nil, "id int", "v string")
	query := []string{"MetadataExtraction", "JsonParsingEngine", "JQ-1.6", "MetadataExtractionQuery", "{k:.k}"}
	for name, s := range map[string]destination.Settings{
		"parquet": to(func(s *destination.Settings) { s.Conversion = converting("rows") }),
		"dynamic": to(func(s *destination.Settings) {
			s.Conversion, s.Dynamic, s.Processing = converting("rows"), &destination.Dynamic{Enabled: true}, processing(query, []string{"RecordDeAggregation", "SubRecordType", "JSON"})
		}),
		"text": to(func(s *destination.Settings) {
			s.Processing = processing([]string{"AppendDelimiterToRecord", "Delimiter", `\n`})
		}),
	} {
		s.Prefix, s.ErrorPrefix = name+"/", name+"-failed/!{firehose:error-output-type}/"
		if s.Dynamic != nil {
			s.Prefix += "!{partitionKeyFromQuery:k}/"
		}
		ok(t, h.make(t, name, s))
		var rows, lost []string // want
		id, in := 0, int64(0)
		object := func() (text, row string, good bool) {
			id++
			switch random.IntN(6) {
			case 0:
				return fmt.Sprintf(`{"id":"no %d","v":1,"k":"a"}`, id), "", false
			default:
				k := string(rune('a' + random.IntN(4)))
				return fmt.Sprintf(`{"v":%d.50,"id":"%d","k":%q}`, id, id, k), fmt.Sprintf("%d,%d.50", id, id), true
			}
		}
		for range 40 {
			var batch []string
			for range 1 + random.IntN(8) {
				record, all := "", true
				var mine, parts []string
				for range 1 + random.IntN(3) {
					text, row, good := object()
					record, parts = record+text, append(parts, text)
					all = all && good
					if good {
						mine = append(mine, row)
					} else if name == "dynamic" {
						lost = append(lost, text)
					}
				}
				switch {
				case random.IntN(10) == 0:
					id++
					record = fmt.Sprintf("not JSON %d", id)
					if name == "dynamic" {
						lost = lost[:len(lost)-(len(parts)-len(mine))]
					}
					lost, in = append(lost, record), in+1
				case name == "dynamic":
					rows, in = append(rows, mine...), in+int64(len(parts))
				case all:
					rows, in = append(rows, mine...), in+int64(len(parts))
				default:
					lost, in = append(lost, record), in+1
				}
				batch = append(batch, record)
			}
			h.put(t, name, batch...)
			if name == "text" {
				rows, lost = nil, nil
				in = 0
			}
		}
		if name == "text" {
			until(t, "delivery", func() bool { n := h.counters(t, name); return n.In > 0 && n.Waiting == 0 })
			if n := h.counters(t, name); n.Delivered != n.In || len(h.objects(t, "text-failed/")) != 0 {
				t.Errorf("%+v", n)
			}
			continue
		}
		n := h.settled(t, name, in)
		if n.Delivered != int64(len(rows)) || n.Failed != int64(len(lost)) {
			t.Errorf("%s: %+v, want %d delivered and %d failed", name, n, len(rows), len(lost))
		}
		slices.Sort(rows)
		if got := h.rows(t, name+"/"); !slices.Equal(got, rows) {
			t.Errorf("%s: %d rows are delivered, want %d", name, len(got), len(rows))
		}
		var failed []string
		for _, f := range h.failures(t, name+"-failed/") {
			failed = append(failed, string(f.RawData))
		}
		slices.Sort(failed)
		slices.Sort(lost)
		if !slices.Equal(failed, lost) {
			a, _ := json.Marshal(failed)
			b, _ := json.Marshal(lost)
			t.Errorf("%s: failed %.2000s, want %.2000s", name, a, b)
		}
	}
}
