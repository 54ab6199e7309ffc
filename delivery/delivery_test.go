package delivery

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"flowlake/fault"
)

func TestRecordsAreDelivered(t *testing.T) {
	h := newHouse(t, Config{})
	h.run()
	h.create(t, "web", 0)
	h.put(t, "web", "a", "bad b", "drop c", "3×d")
	until(t, "delivery", func() bool { return h.counters(t, "web").Waiting == 0 })
	if got, want := h.rows(t, "out/web/"), []string{"a", "d", "d", "d"}; !slices.Equal(got, want) {
		t.Errorf("delivered %q, want %q", got, want)
	}
	if got, want := h.rows(t, "error/web/"), []string{"bad b"}; !slices.Equal(got, want) {
		t.Errorf("failed %q, want %q", got, want)
	}
	n := h.counters(t, "web")
	if n.In != 6 || n.Delivered != 4 || n.Failed != 1 || n.Dropped != 1 || n.Batches != 1 || n.Objects != 2 {
		t.Errorf("counters %+v", n)
	}
}

func TestSubscription(t *testing.T) {
	h := newHouse(t, Config{})
	h.run()
	h.create(t, "flows", 0)
	h.group(t, "vpc")
	h.say(t, "vpc", "1 before it")
	h.subscribe(t, "vpc", "flows", "[version, rest=*t*]")
	h.say(t, "vpc", "2 two", "2 one", "2 ten")
	until(t, "delivery", func() bool { n := h.counters(t, "flows"); return n.Delivered == 2 && n.Waiting == 0 })
	if got, want := h.rows(t, "out/flows/"), []string{"2 ten|2|ten", "2 two|2|two"}; !slices.Equal(got, want) {
		t.Errorf("delivered %q, want %q", got, want)
	}
	h.say(t, "vpc", "2 last", "2 more t")
	ok(t, h.logs.DeleteSubscription(context.Background(), root, "vpc", "to-flows"))
	h.say(t, "vpc", "2 too late")
	until(t, "its cursor's end", func() bool { l, _ := h.line(root, KindFirehose, "flows"); return len(l.watched()) == 0 })
	rows := h.rows(t, "out/flows/")
	if !slices.Contains(rows, "2 last|2|last") {
		t.Errorf("delivered %q: what was said before the subscription's end is not there", rows)
	}
	if n := h.counters(t, "flows"); n.Missed != 0 || n.Behind != 0 {
		t.Errorf("counters %+v", n)
	}
}

func TestBatchesCloseBySize(t *testing.T) {
	h := newHouse(t, Config{})
	h.run()
	h.create(t, "web", 900*time.Second)
	row := strings.Repeat("x", 100_000)
	for range 25 {
		h.put(t, "web", row)
	}
	until(t, "two batches", func() bool { return h.counters(t, "web").Batches == 2 })
	if n := h.counters(t, "web"); n.Delivered != 22 || n.Waiting != 3 {
		t.Errorf("counters %+v", n)
	}
	h.group(t, "vpc")
	h.create(t, "flows", 900*time.Second)
	h.subscribe(t, "vpc", "flows", "")
	for range 30 {
		h.say(t, "vpc", row)
	}
	until(t, "two batches", func() bool { return h.counters(t, "flows").Batches == 2 })
	if n := h.counters(t, "flows"); n.Delivered < 20 {
		t.Errorf("counters %+v", n)
	}
}

func TestFullQueueIsThrottled(t *testing.T) {
	h := newHouse(t, Config{QueueBytes: 1000})
	h.run()
	h.create(t, "web", 900*time.Second)
	h.put(t, "web", strings.Repeat("x", 900))
	_, err := h.Put(context.Background(), root, KindFirehose, "web", [][]byte{make([]byte, 101)})
	if !fault.Is(err, fault.Throttled) {
		t.Errorf("put into a full queue: %v", err)
	}
	h.put(t, "web", strings.Repeat("x", 100))
}

func TestLakeThatFails(t *testing.T) {
	h := newHouse(t, Config{RetryMin: time.Millisecond, RetryMax: 5 * time.Millisecond})
	h.run()
	h.create(t, "web", 0)
	h.faults.set(func() {
		h.faults.stage = func(n int) error {
			if n%3 != 0 {
				return fault.Newf(fault.Unavailable, "disk", "%w", errInjected)
			}
			return nil
		}
		h.faults.commit = func(n int) error {
			if n%2 != 0 {
				return fault.Newf(fault.Unavailable, "disk", "%w", errInjected)
			}
			return nil
		}
		h.faults.lost = func(n int) error {
			if n%4 == 0 {
				return fault.Newf(fault.Unavailable, "answer", "%w", errInjected)
			}
			return nil
		}
	})
	var want []string
	for i := range 100 {
		row := fmt.Sprintf("row %03d", i)
		want = append(want, row)
		h.put(t, "web", row)
	}
	failed := false
	until(t, "delivery", func() bool {
		d, err := h.Stream(context.Background(), root, KindFirehose, "web")
		ok(t, err)
		failed = failed || strings.Contains(d.Failure.Message, "injected")
		return h.counters(t, "web").Waiting == 0
	})
	if got := h.rows(t, "out/web/"); !slices.Equal(got, want) {
		t.Errorf("delivered %d rows, want %d: %q", len(got), len(want), got)
	}
	if !failed {
		t.Error("the stream never said what was wrong")
	}
	until(t, "its recovery", func() bool {
		d, err := h.Stream(context.Background(), root, KindFirehose, "web")
		ok(t, err)
		return d.Failure == Failure{}
	})
}

func TestBucketThatDisappears(t *testing.T) {
	h := newHouse(t, Config{RetryMin: time.Millisecond, RetryMax: 5 * time.Millisecond})
	h.run()
	h.create(t, "web", 0)
	ok(t, h.lake.DeleteBucket(context.Background(), root, bucket))
	h.put(t, "web", "a", "b")
	until(t, "the failure", func() bool {
		d, err := h.Stream(context.Background(), root, KindFirehose, "web")
		ok(t, err)
		return strings.Contains(d.Failure.Message, "bucket "+bucket) && d.Failure.Attempts > 2
	})
	ok(t, h.lake.CreateBucket(context.Background(), root, bucket))
	until(t, "delivery", func() bool { return h.counters(t, "web").Delivered == 2 })
	if got, want := h.rows(t, "out/web/"), []string{"a", "b"}; !slices.Equal(got, want) {
		t.Errorf("delivered %q, want %q", got, want)
	}
}

func TestUpdateMendsAStreamThatWaits(t *testing.T) {
	h := newHouse(t, Config{RetryMin: time.Hour, RetryMax: time.Hour})
	h.run()
	d := newStream("web", 0)
	d.Settings = []byte(`{"bucket":"no-such-bucket"}`)
	_, err := h.Create(context.Background(), root, d)
	ok(t, err)
	until(t, "ACTIVE", func() bool {
		d, _ := h.Stream(context.Background(), root, KindFirehose, "web")
		return d.Status == Active
	})
	h.put(t, "web", "a")
	until(t, "the failure", func() bool {
		d, _ := h.Stream(context.Background(), root, KindFirehose, "web")
		return d.Failure.Attempts == 1
	})
	if _, err := h.Update(context.Background(), root, KindFirehose, "web", 7, func(*Stream) error { return nil }); !fault.Is(err, fault.Conflict) {
		t.Errorf("update of another version: %v", err)
	}
	got, err := h.Update(context.Background(), root, KindFirehose, "web", 1, func(d *Stream) error {
		d.Settings = []byte(`{"bucket":"` + bucket + `"}`)
		return nil
	})
	ok(t, err)
	if got.Version != 2 {
		t.Errorf("version %d, want 2", got.Version)
	}
	until(t, "delivery", func() bool { return h.counters(t, "web").Delivered == 1 })
}

func TestDelete(t *testing.T) {
	h := newHouse(t, Config{})
	h.run()
	h.create(t, "web", 900*time.Second)
	h.put(t, "web", "a")
	ok(t, h.Delete(context.Background(), root, KindFirehose, "web"))
	until(t, "its end", func() bool {
		_, err := h.Stream(context.Background(), root, KindFirehose, "web")
		return fault.Is(err, fault.NotFound)
	})
	if _, discarded := h.Totals(context.Background()); discarded != 1 {
		t.Errorf("%d records discarded, want 1", discarded)
	}
	h.create(t, "web", 0)
	h.put(t, "web", "b")
	until(t, "delivery", func() bool { return h.counters(t, "web").Delivered == 1 })
	if got := h.rows(t, "out/web/"); !slices.Equal(got, []string{"b"}) {
		t.Errorf("delivered %q", got)
	}
}

// TestStreamMadeAgain says that a stream that takes a deleted one's name gets what its subscriptions have from then on.
func TestStreamMadeAgain(t *testing.T) {
	h := newHouse(t, Config{})
	h.run()
	h.create(t, "flows", 0)
	h.group(t, "vpc")
	h.subscribe(t, "vpc", "flows", "")
	h.say(t, "vpc", "a")
	until(t, "delivery", func() bool { return h.counters(t, "flows").Delivered == 1 })
	ok(t, h.Delete(context.Background(), root, KindFirehose, "flows"))
	until(t, "its end", func() bool { _, err := h.line(root, KindFirehose, "flows"); return err != nil })
	h.say(t, "vpc", "b, which nobody takes")
	time.Sleep(2 * time.Millisecond)
	h.create(t, "flows", 0)
	until(t, "its subscription", func() bool { l, _ := h.line(root, KindFirehose, "flows"); return len(l.watched()) == 1 })
	h.say(t, "vpc", "c")
	until(t, "delivery", func() bool { return h.counters(t, "flows").Delivered == 1 })
	if got, want := h.rows(t, "out/flows/"), []string{"a", "c"}; !slices.Equal(got, want) {
		t.Errorf("delivered %q, want %q", got, want)
	}
}

// TestGroupThatIsDeleted says that events which go with their group are counted as missed, and that another group of that name is another one.
func TestGroupThatIsDeleted(t *testing.T) {
	h := newHouse(t, Config{RetryMin: time.Millisecond, RetryMax: 5 * time.Millisecond})
	h.run()
	h.create(t, "flows", 0)
	h.group(t, "vpc")
	h.subscribe(t, "vpc", "flows", "")
	until(t, "the control message", func() bool { return h.counters(t, "flows").Dropped == 1 })
	h.faults.set(func() { h.faults.stage = func(int) error { return errInjected } })
	h.say(t, "vpc", "a", "b", "c")
	until(t, "a batch that fails", func() bool { return h.counters(t, "flows").Retries > 0 })
	ok(t, h.logs.DeleteGroup(context.Background(), root, "vpc"))
	h.group(t, "vpc")
	h.say(t, "vpc", "1", "2", "3", "4", "of nobody")
	h.faults.set(func() { h.faults.stage = nil })
	until(t, "its cursor's end", func() bool { l, _ := h.line(root, KindFirehose, "flows"); return len(l.watched()) == 0 })
	if n := h.counters(t, "flows"); n.Missed != 3 || n.Delivered != 0 {
		t.Errorf("counters %+v, want 3 missed", n)
	}
	h.subscribe(t, "vpc", "flows", "")
	h.say(t, "vpc", "d")
	until(t, "delivery", func() bool { return h.counters(t, "flows").Delivered == 1 })
	if got := h.rows(t, "out/flows/"); !slices.Equal(got, []string{"d"}) {
		t.Errorf("delivered %q", got)
	}
}

// TestOneBatchOfSeveralInputs says that a stream's inputs fill one buffer.
func TestOneBatchOfSeveralInputs(t *testing.T) {
	h := newHouse(t, Config{})
	h.run()
	h.create(t, "all", 300*time.Millisecond)
	h.group(t, "one")
	h.group(t, "two")
	h.subscribe(t, "one", "all", "")
	h.subscribe(t, "two", "all", "")
	until(t, "the control messages", func() bool { return h.counters(t, "all").Dropped == 2 })
	before := h.counters(t, "all").Batches
	h.say(t, "one", "a")
	h.say(t, "two", "b")
	h.put(t, "all", "c")
	until(t, "delivery", func() bool { return h.counters(t, "all").Delivered == 3 })
	if n := h.counters(t, "all"); n.Batches != before+1 || n.Objects != 1 {
		t.Errorf("counters %+v after %d batches, want one more with one object", n, before)
	}
}
