package synthetic

import (
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	"flowlake/flow"
)

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func lines(t testing.TB, cfg Config) []string {
	t.Helper()
	g, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for {
		line, ok := g.Next(nil)
		if !ok {
			return all
		}
		all = append(all, string(line))
	}
}

func TestGenerator(t *testing.T) {
	const rows = 50_000
	t.Run("gives_the_same_bytes_on_every_machine", func(t *testing.T) {
		h := sha256.New()
		for _, line := range lines(t, Config{Seed: 7, Rows: 2000, Fields: flow.Fields(), Start: start}) {
			fmt.Fprintln(h, line)
		}
		const want = "441344f1da8158ef"
		if got := fmt.Sprintf("%x", h.Sum(nil)[:8]); got != want {
			t.Errorf("2,000 records of seed 7 have the hash %s, want %s: if the records were changed on purpose, change it", got, want)
		}
	})
	t.Run("gives_other_bytes_for_another_seed", func(t *testing.T) {
		a, b := lines(t, Config{Seed: 1, Rows: 1, Start: start}), lines(t, Config{Seed: 2, Rows: 1, Start: start})
		if a[0] == b[0] {
			t.Errorf("both seeds begin with %q", a[0])
		}
	})
	t.Run("writes_records_of_every_field_that_parse", func(t *testing.T) {
		fields := flow.Fields()
		seen := map[string]bool{}
		for _, line := range lines(t, Config{Seed: 1, Rows: rows, Fields: fields, Start: start}) {
			r, err := flow.Parse(fields, []byte(line))
			if err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			for i, f := range fields {
				if !r.At(i).Null() {
					seen[f.Name] = true
				}
			}
		}
		for _, f := range fields {
			if !seen[f.Name] {
				switch f.Name {
				case "sublocation-type", "sublocation-id", "tgw-pair-attachment-id", "ecs-container-instance-arn", "ecs-container-instance-id",
					"ecs-second-container-id", "resource-id", "interface-tag-2", "asg-tag-2": // what this VPC does not have
				default:
					t.Errorf("field %s is null in all %d records", f.Name, rows)
				}
			}
		}
	})
	t.Run("looks_like_a_VPC", func(t *testing.T) {
		counts := map[string]int{}
		talkers := map[string]int64{}
		last := start.Unix()
		for _, line := range lines(t, Config{Seed: 1, Rows: rows, Start: start}) {
			if _, ok := flow.Recognise([]byte(line)); !ok {
				t.Fatalf("not recognised as the default format: %s", line)
			}
			r, err := flow.Parse(flow.DefaultFormat(), []byte(line))
			if err != nil {
				t.Fatal(err)
			}
			counts[r.Get("log-status").Text()]++
			counts[r.Get("action").Text()]++
			counts["from "+r.Get("srcaddr").Text()]++
			talkers[r.Get("srcaddr").Text()] += r.Get("bytes").Int()
			begin, end := r.Get("start").Int(), r.Get("end").Int()
			if begin > end || begin < start.Unix() || end-begin > 60 {
				t.Fatalf("times %d to %d: %s", begin, end, line)
			}
			if begin < last-60 {
				t.Fatalf("time went back more than an interval: %s", line)
			}
			last = max(last, begin)
		}
		for _, row := range []struct {
			what          string
			atLeast, most int
		}{
			{"NODATA", rows / 5000, rows / 200}, {"SKIPDATA", 1, rows / 1000}, {"REJECT", rows / 20, rows / 3}, {"ACCEPT", rows / 2, rows},
			{"from 192.168.1.10", rows / 100, rows / 3},
		} {
			if n := counts[row.what]; n < row.atLeast || n > row.most {
				t.Errorf("%s: %d of %d records, want from %d to %d", row.what, n, rows, row.atLeast, row.most)
			}
		}
		if len(talkers) < 1000 {
			t.Errorf("only %d source addresses", len(talkers))
		}
		if last < start.Unix()+600 {
			t.Errorf("%d records end %d seconds after the start", rows, last-start.Unix())
		}
	})
	t.Run("ends_after_its_rows", func(t *testing.T) {
		for _, n := range []int{1, 2, 999} {
			if got := len(lines(t, Config{Rows: n, Start: start})); got != n {
				t.Errorf("%d rows, want %d", got, n)
			}
		}
	})
	t.Run("names_the_key_that_does_not_fit", func(t *testing.T) {
		for _, cfg := range []Config{{}, {Start: start, Rows: -1}, {Start: start, Interval: time.Hour}, {Start: time.Unix(-5, 0)}} {
			if _, err := New(cfg); err == nil {
				t.Errorf("New(%+v) succeeds", cfg)
			}
		}
	})
}

func BenchmarkNext(b *testing.B) {
	g, err := New(Config{Start: start})
	if err != nil {
		b.Fatal(err)
	}
	var line []byte
	b.ReportAllocs()
	for b.Loop() {
		line, _ = g.Next(line[:0])
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
