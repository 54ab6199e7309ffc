package logs

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"flowlake/fault"
)

func TestPutLimits(t *testing.T) {
	h := newHouse(t)
	h.make(t, "g", "s")
	now := time.Now().UnixMilli()
	many := func(n, size int) []Event {
		events := make([]Event, n)
		for i := range events {
			events[i] = Event{now, strings.Repeat("x", size)}
		}
		return events
	}
	for _, row := range []struct {
		name   string
		events []Event
		want   string // part of the refusal; "" is taken
	}{
		{"10,000 events", many(10_000, 1), ""},
		{"10,001 events", many(10_001, 1), "between 1 and 10000"},
		{"no event", nil, "between 1 and 10000"},
		{"an empty message", []Event{{now, ""}}, "'logEvents.1.member.message'"},
		{"a negative time", []Event{{-1, "x"}}, "'logEvents.1.member.timestamp'"},
		{"one event of 1 MiB with its 26 bytes", many(1, 1<<20-26), ""},
		{"one byte more", many(1, 1<<20-25), "Log event too large: 1048577 bytes exceeds limit of 1048576"},
		{"1 MiB together", many(2, 1<<19-26), ""},
		{"a little more together", many(2, 1<<19-25), "Upload too large: 1048578 bytes exceeds limit of 1048576"},
		{"backwards in time", []Event{{now, "a"}, {now - 1, "b"}}, "must be in chronological order"},
		{"24 hours", []Event{{now - 86_400_000, "a"}, {now, "b"}}, ""},
		{"24 hours and a millisecond", []Event{{now - 86_400_001, "a"}, {now, "b"}}, "cannot span more than 24 hours"},
		{"not UTF-8", []Event{{now, "a\xffb"}}, "not UTF-8"},
	} {
		t.Run(row.name, func(t *testing.T) {
			before, _ := h.Group(t.Context(), root, "g")
			_, err := h.Put(t.Context(), root, "g", "s", row.events)
			after, _ := h.Group(t.Context(), root, "g")
			if row.want == "" {
				if err != nil || after.Events != before.Events+int64(len(row.events)) {
					t.Errorf("got %v, and %d events after %d", err, after.Events, before.Events)
				}
				return
			}
			wantKind(t, err, fault.Invalid, "log")
			if err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("got %v, want %q in it", err, row.want)
			}
			if after.Events != before.Events {
				t.Errorf("something of it was stored")
			}
		})
	}
	_, err := h.Put(t.Context(), root, "g", "none", many(1, 1))
	wantKind(t, err, fault.NotFound, "log stream")
	_, err = h.Put(t.Context(), root, "none", "s", many(1, 1))
	wantKind(t, err, fault.NotFound, "log group")
	if err := h.Verify(t.Context(), nil); err != nil {
		t.Error(err)
	}
}

func TestPutRejects(t *testing.T) {
	const hour, day = 3_600_000, 24 * 3_600_000
	rows := []struct {
		name                    string
		retention               int
		ages                    []int64 // milliseconds before now
		tooOld, expired, tooNew int
		stored                  int
	}{
		{name: "nothing of 13 days", ages: []int64{13 * day}, tooOld: -1, expired: -1, tooNew: -1, stored: 1},
		{name: "what is exactly 14 days old is taken", ages: []int64{14 * day}, tooOld: -1, expired: -1, tooNew: -1, stored: 1},
		{name: "what is older is too old", ages: []int64{14*day + 2, 14*day + 1, 14 * day}, tooOld: 2, expired: -1, tooNew: -1, stored: 1},
		{name: "what is older than the retention is expired", retention: 3, ages: []int64{3*day + 1, 3 * day, 3*day - 5}, tooOld: -1, expired: 1, tooNew: -1, stored: 2},
		{name: "old events can be both", retention: 14, ages: []int64{14*day + hour, 14 * day}, tooOld: 1, expired: 1, tooNew: -1, stored: 1},
		{name: "two hours ahead are taken", ages: []int64{0, -2 * hour}, tooOld: -1, expired: -1, tooNew: -1, stored: 2},
		{name: "more are too new", ages: []int64{0, -2*hour - 1, -3 * hour}, tooOld: -1, expired: -1, tooNew: 1, stored: 1},
		{name: "a whole batch can be rejected", ages: []int64{-3 * hour}, tooOld: -1, expired: -1, tooNew: 0, stored: 0},
	}
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		h := openHouse(t, dir, vfs.NewMem())
		defer h.close(t)
		for i, row := range rows {
			group := fmt.Sprint("g", i)
			h.make(t, group, "s")
			if row.retention != 0 {
				if err := h.SetRetention(t.Context(), root, group, row.retention); err != nil {
					t.Fatal(err)
				}
			}
			var events []Event
			for i, age := range row.ages {
				events = append(events, Event{time.Now().UnixMilli() - age, fmt.Sprint(i)})
			}
			r := h.put(t, group, "s", events...)
			if r.TooOldEnd != row.tooOld || r.ExpiredEnd != row.expired || r.TooNewStart != row.tooNew {
				t.Errorf("%s: got too old %d, expired %d, too new %d, want %d, %d, %d",
					row.name, r.TooOldEnd, r.ExpiredEnd, r.TooNewStart, row.tooOld, row.expired, row.tooNew)
			}
			if r.Token == "" {
				t.Errorf("%s: no token", row.name)
			}
			if g, _ := h.Group(t.Context(), root, group); g.Events != int64(row.stored) {
				t.Errorf("%s: %d events are stored, want %d", row.name, g.Events, row.stored)
			}
		}
	})
}

func TestConcurrentPuts(t *testing.T) {
	h := newHouse(t)
	h.make(t, "g", "a", "b", "c", "d")
	const writers, batches, size = 8, 20, 50
	var work sync.WaitGroup
	for w := range writers {
		work.Go(func() {
			stream := string(rune('a' + w%4))
			for b := range batches {
				events := make([]Event, size)
				for i := range events {
					events[i] = Event{time.Now().UnixMilli(), fmt.Sprintf("%d %d %d", w, b, i)}
				}
				r, err := h.Put(t.Context(), root, "g", stream, events)
				if err != nil || r.Next-r.First != size {
					t.Errorf("got %v, %v", r, err)
				}
			}
		})
	}
	read := make(chan map[string]int)
	go func() { // a follower beside them sees every sequence once, in order
		seen := map[string]int{}
		next := uint64(1)
		for len(seen) < writers*batches*size {
			if err := h.Wait(t.Context(), root, "g", next); err != nil {
				t.Error(err)
				break
			}
			batch, err := h.ReadFrom(t.Context(), root, "g", next, 77)
			if err != nil || batch.Missed != 0 {
				t.Errorf("missed %d, %v", batch.Missed, err)
				break
			}
			for _, e := range batch.Events {
				if e.Sequence != next {
					t.Errorf("sequence %d follows %d", e.Sequence, next-1)
				}
				next = e.Sequence + 1
				seen[e.Message]++
			}
		}
		read <- seen
	}()
	work.Wait()
	for message, n := range <-read {
		if n != 1 {
			t.Errorf("%q was read %d times", message, n)
		}
	}
	if err := h.Verify(t.Context(), nil); err != nil {
		t.Error(err)
	}
}

func TestFullDisk(t *testing.T) {
	fs := vfs.NewMem()
	fs.TestingSetDiskUsage(vfs.DiskUsage{AvailBytes: 1 << 30, TotalBytes: 1 << 30})
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		h := openHouse(t, dir, fs)
		defer h.close(t)
		h.make(t, "g", "s")
		h.put(t, "g", "s", Event{time.Now().UnixMilli(), "kept"})
		fs.TestingSetDiskUsage(vfs.DiskUsage{AvailBytes: 1 << 20, TotalBytes: 1 << 30})
		time.Sleep(spaceAge)
		_, err := h.Put(t.Context(), root, "g", "s", []Event{{time.Now().UnixMilli(), "refused"}})
		wantKind(t, err, fault.Unavailable, "log events")
		fs.TestingSetDiskUsage(vfs.DiskUsage{AvailBytes: 1 << 30, TotalBytes: 1 << 30})
		time.Sleep(spaceAge)
		h.put(t, "g", "s", Event{time.Now().UnixMilli(), "taken again"})
		page, err := h.Get(t.Context(), root, "g", GetQuery{Stream: "s"})
		if got := messages(page.Events); err != nil || len(got) != 2 || got[0] != "kept" || got[1] != "taken again" {
			t.Errorf("got %v, %v", got, err)
		}
	})
}

// BenchmarkPut puts 7,500 events of 110 bytes in a batch, beside Pebble with a key for each event.
func BenchmarkPut(b *testing.B) {
	const batch = 7500
	events := make([]Event, batch)
	for i := range events {
		events[i] = Event{time.Now().UnixMilli(), fmt.Sprintf("2 123456789010 eni-1235b8ca123456789 172.31.16.%d 172.31.16.21 %d 22 6 20 4249 1418530010 1418530070 ACCEPT OK", i%256, i)}
	}
	b.Run("logs", func(b *testing.B) {
		dir := b.TempDir()
		h := openHouse(b, dir, vfs.Default)
		h.Store.Close()
		s, err := Open(Config{Dir: dir + "/logs"}, h.state, h.lake, h.guard, h.log)
		if err != nil {
			b.Fatal(err)
		}
		h.Store = s
		defer h.close(b)
		h.make(b, "g", "a", "b", "c", "d")
		b.SetParallelism(2)
		b.ReportAllocs()
		b.ResetTimer()
		var n sync.Mutex
		writer := 0
		b.RunParallel(func(pb *testing.PB) {
			n.Lock()
			stream := string(rune('a' + writer%4))
			writer++
			n.Unlock()
			for pb.Next() {
				if _, err := h.Put(b.Context(), root, "g", stream, events); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.ReportMetric(float64(b.N*batch)/b.Elapsed().Seconds(), "events/s")
	})
	b.Run("pebble", func(b *testing.B) {
		db, err := pebble.Open(b.TempDir(), &pebble.Options{MemTableSize: 16 << 20, Logger: pebbleLog{newHouse(b).log}})
		if err != nil {
			b.Fatal(err)
		}
		defer db.Close()
		b.SetParallelism(2)
		b.ReportAllocs()
		b.ResetTimer()
		var mu sync.Mutex
		var next uint64
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				mu.Lock()
				first := next
				next += batch
				mu.Unlock()
				batch := db.NewBatch()
				for i := range events {
					if err := batch.Set(key(1, 'e', first+uint64(i)), []byte(events[i].Message), nil); err != nil {
						b.Fatal(err)
					}
				}
				if err := batch.Commit(pebble.Sync); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.ReportMetric(float64(b.N*batch)/b.Elapsed().Seconds(), "events/s")
	})
}
