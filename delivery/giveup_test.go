package delivery

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"flowlake/catalog"
	"flowlake/fault"
)

var errGone = fault.Newf(fault.NotFound, "table d.t", "does not exist")

func (h *house) failure(t testing.TB, name string) Failure {
	t.Helper()
	d, err := h.Stream(context.Background(), root, KindFirehose, name)
	ok(t, err)
	return d.Failure
}

// TestBatchIsGivenUp claims that records wait for as long as Config.RetryFor says while their table is gone, each batch from when it is
// there; that those whose time is over lie below the error prefix; and that the stream then goes on as it did.
func TestBatchIsGivenUp(t *testing.T) {
	inTime(t, Config{RetryMax: 10 * time.Minute}, func(t *testing.T, h *house) {
		h.create(t, "web", 0)
		h.group(t, "vpc")
		h.subscribe(t, "vpc", "web", "keep")
		time.Sleep(time.Second)
		h.writer.set(func() { h.writer.plan = func() error { return errGone } })
		h.put(t, "web", "a", "bad")
		h.say(t, "vpc", "keep 1", "other")
		time.Sleep(12 * time.Hour)
		h.put(t, "web", "b")
		time.Sleep(12*time.Hour - time.Minute)
		synctest.Wait()
		if n := h.counters(t, "web"); n.Failed != 0 || !h.failure(t, "web").GivenUp.IsZero() {
			t.Errorf("a minute before its time: %+v", n)
		}
		time.Sleep(12 * time.Minute)
		synctest.Wait()
		gone := ": " + errGone.Error()
		if got, want := h.rows(t, "error/web/"), []string{"a" + gone, "bad" + gone}; !slices.Equal(slices.DeleteFunc(got, func(r string) bool { return r == "keep 1"+gone }), want) {
			t.Errorf("below the error prefix lies %q, want %q", got, want)
		}
		if n, f := h.counters(t, "web"), h.failure(t, "web"); n.Failed < 2 || n.Waiting != 1 || f.GivenUp.IsZero() || !strings.Contains(f.Message, "table d.t") {
			t.Errorf("%+v, %+v", n, f)
		}
		time.Sleep(11 * time.Hour)
		synctest.Wait()
		if n := h.counters(t, "web"); n.Waiting != 1 {
			t.Errorf("a batch shares the age of the one before it: %+v", n)
		}
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if n := h.counters(t, "web"); n.Waiting != 0 || !slices.Contains(h.rows(t, "error/web/"), "b"+gone) {
			t.Errorf("a batch behind one that was given up waits for longer than it is old: %+v", n)
		}
		h.put(t, "web", "c")
		time.Sleep(time.Hour)
		h.writer.set(func() { h.writer.plan = nil })
		time.Sleep(11 * time.Minute)
		synctest.Wait()
		n := h.counters(t, "web")
		if rows := h.rows(t, "out/web/"); !slices.Contains(rows, "c") || n.In != n.Delivered+n.Failed+n.Dropped || n.Waiting != 0 {
			t.Errorf("the table is there again: %q, %+v", rows, n)
		}
		if f := h.failure(t, "web"); f != (Failure{}) {
			t.Errorf("it still fails: %+v", f)
		}
	})
}

// TestObstaclesAreTold claims which obstacles keep records waiting for ever and which do so for a time.
func TestObstaclesAreTold(t *testing.T) {
	for _, c := range []struct {
		name    string
		arrange func(h *house)
		givenUp bool
	}{
		{"the writer fails", func(h *house) { h.writer.before = func(*Batch) error { return errInjected } }, true},
		{"the writer panics", func(h *house) { h.writer.after = func(*Batch) error { panic("a record that it cannot stand") } }, true},
		{"a partition's table is gone", func(h *house) {
			h.writer.into = &NewPartition{As: root, Table: TableRef{Region: root.Region, Database: "d", Table: "t"}, Partition: catalog.Partition{Values: []string{"1"}}}
		}, true},
		{"a peer does not answer", func(h *house) {
			h.writer.before = func(*Batch) error { return fault.Newf(fault.Unavailable, "peer", "is away") }
		}, false},
		{"the bucket refuses bytes", func(h *house) { h.faults.stage = func(int) error { return errInjected } }, false},
		{"the bucket refuses the commit", func(h *house) { h.faults.commit = func(int) error { return errInjected } }, false},
		{"the key is none", func(h *house) {
			var n atomic.Int32
			h.faults.stage = func(int) error { // of Write's object; Reject's has another key
				if n.Add(1) <= 2 { // the second finds that its time is over
					return fault.Newf(fault.Invalid, "key", "is too long")
				}
				return nil
			}
		}, true},
		{"both", func(h *house) {
			h.writer.before = func(*Batch) error { return errInjected }
			h.faults.stage = func(int) error { return errInjected }
		}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHouse(t, Config{RetryMin: time.Millisecond, RetryMax: 2 * time.Millisecond, RetryFor: time.Nanosecond})
			h.run()
			h.create(t, "web", 0)
			h.writer.set(func() { h.faults.set(func() { c.arrange(h) }) })
			h.put(t, "web", "a")
			if c.givenUp {
				until(t, "the end", func() bool { return h.counters(t, "web").Failed == 1 })
				return
			}
			until(t, "attempts", func() bool { return h.failure(t, "web").Attempts > 5 })
			if n := h.counters(t, "web"); n.Waiting != 1 || n.Failed != 0 {
				t.Errorf("%+v", n)
			}
			h.writer.set(func() { h.writer.before = nil; h.faults.set(func() { h.faults.stage, h.faults.commit = nil, nil }) })
			until(t, "delivery", func() bool { return h.counters(t, "web").Delivered == 1 })
		})
	}
}

// TestTimeOfAnObstacle claims that a batch's time begins anew behind another obstacle: it runs while its own comes in a row.
func TestTimeOfAnObstacle(t *testing.T) {
	inTime(t, Config{RetryMax: 10 * time.Minute}, func(t *testing.T, h *house) {
		gone := func() { h.writer.before = func(*Batch) error { return errGone } }
		h.create(t, "web", 0)
		h.writer.set(gone)
		h.put(t, "web", "a")
		time.Sleep(23 * time.Hour)
		h.faults.set(func() { h.faults.stage = func(int) error { return errInjected } })
		h.writer.set(func() { h.writer.before = nil })
		time.Sleep(30 * time.Minute)
		h.writer.set(gone)
		h.faults.set(func() { h.faults.stage = nil })
		time.Sleep(23 * time.Hour)
		synctest.Wait()
		if n := h.counters(t, "web"); n.Waiting != 1 {
			t.Errorf("given up before its time: %+v", n)
		}
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if n := h.counters(t, "web"); n.Failed != 1 {
			t.Errorf("not given up in time: %+v", n)
		}
	})
}

// TestUnreadableInputIsNotGivenUp claims that a batch whose records cannot be read is never counted as failed.
func TestUnreadableInputIsNotGivenUp(t *testing.T) {
	h := newHouse(t, Config{RetryMin: time.Millisecond, RetryMax: 2 * time.Millisecond, RetryFor: time.Nanosecond})
	h.run()
	h.create(t, "web", 0)
	h.writer.set(func() {
		h.writer.before = func(*Batch) error {
			id := h.lines[lineName{account, root.Region, KindFirehose, "web"}].id
			return h.db.DeleteRange(key(id, keyEntry), after(key(id, keyEntry)), pebble.Sync)
		}
	})
	h.put(t, "web", "a")
	until(t, "attempts", func() bool { return h.failure(t, "web").Attempts > 5 })
	if f, n := h.failure(t, "web"), h.counters(t, "web"); !f.GivenUp.IsZero() || !strings.Contains(f.Message, "record 1 is missing") || n.Waiting != 1 || n.Failed != 0 || !planOf(h).Since.IsZero() {
		t.Errorf("%+v, %+v", f, n)
	}
}

// TestGivingUpOverCrashes claims that a batch's time goes on over restarts, and that an answer that got lost or a crash behind the commit
// neither doubles nor loses a row, though the table is there again after it.
func TestGivingUpOverCrashes(t *testing.T) {
	dir := t.TempDir()
	cfg := Config{RetryMin: time.Millisecond, RetryMax: 2 * time.Millisecond, RetryFor: 300 * time.Millisecond}
	h := openHouse(t, dir, cfg, vfs.Default)
	stop := h.run()
	h.create(t, "web", 0)
	h.writer.set(func() { h.writer.plan = func() error { return errGone } })
	h.put(t, "web", "a", "b")
	until(t, "an attempt", func() bool { return h.failure(t, "web").Attempts > 1 })
	stop()
	since := planOf(h).Since
	h.close()
	if since.IsZero() {
		t.Fatal("the first failure is not stored")
	}
	h = openHouse(t, dir, cfg, vfs.Default)
	defer h.close()
	if now := planOf(h).Since; !now.Equal(since) {
		t.Errorf("fails since %v, before the restart since %v", now, since)
	}
	h.writer.set(func() { h.writer.plan = func() error { return errGone } })
	h.faults.set(func() {
		h.faults.lost = func(int) error { // the commit is made, its answer and what follows are not
			h.writer.set(func() { h.writer.plan = nil })
			return errInjected
		}
	})
	h.run()
	until(t, "the end", func() bool { n := h.counters(t, "web"); return n.Waiting == 0 })
	if n := h.counters(t, "web"); n.Failed != 2 || n.Delivered != 0 || n.In != 2 {
		t.Errorf("%+v", n)
	}
	if failed, out := h.rows(t, "error/"), h.rows(t, "out/"); len(failed) != 2 || len(out) != 0 {
		t.Errorf("%q and %q", failed, out)
	}
}

func planOf(h *house) *plan { return h.lines[lineName{account, root.Region, KindFirehose, "web"}].plan }

func TestRetryForIsChecked(t *testing.T) {
	err := Config{Dir: "d", Scratch: "s", RetryFor: -1}.Validate()
	if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "delivery.retry_for") {
		t.Error(err)
	}
	if errors.Is(hopeless{errInjected}, errInjected) == false {
		t.Error("an obstacle is not found behind its mark")
	}
}
