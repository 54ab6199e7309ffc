package delivery

import (
	"context"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"flowlake/access"
	"flowlake/catalog"
	"flowlake/fault"
)

// TestFreshAfterACrash claims that rows whose batch became visible before a crash, and is not counted yet, are seen once.
func TestFreshAfterACrash(t *testing.T) {
	dir := t.TempDir()
	cfg := Config{RetryMin: time.Millisecond, RetryMax: 2 * time.Millisecond}
	h := openHouse(t, dir, cfg, vfs.Default)
	stop := h.run()
	h.create(t, "a", 0)
	h.faults.set(func() { h.faults.lost = func(int) error { return errInjected } })
	h.Store.lake = deaf{h.Store.lake}
	h.put(t, "a", "row 1", "row 2")
	until(t, "the commit", func() bool { return len(h.rows(t, "out/a/")) == 2 })
	until(t, "attempts", func() bool { return h.failure(t, "a").Attempts > 1 })
	if _, err := h.early(t); !fault.Is(err, fault.Unavailable) {
		t.Errorf("while nobody knows whether the rows are visible: %v", err)
	}
	stop()
	h.close()
	h = openHouse(t, dir, cfg, vfs.Default) // and does not run yet
	defer h.close()
	if n := h.counters(t, "a"); n.Waiting != 2 {
		t.Fatalf("%+v", n)
	}
	rows, err := h.early(t)
	ok(t, err)
	if len(rows) != 0 {
		t.Errorf("rows that are in an object are on their way too: %q", rows)
	}
	_, damage, err := h.Verify(t.Context(), func(int64) {})
	ok(t, err)
	if len(damage) != 0 {
		t.Errorf("damage between commit and count: %q", damage)
	}
	h.run()
	until(t, "the count", func() bool { return h.counters(t, "a").Delivered == 2 })
}

// deaf is a lake that does not tell its receipts.
type deaf struct{ objects }

func (deaf) Receipt(context.Context, access.Caller, string) (uint64, bool, error) {
	return 0, false, errBusy
}

// early returns the lines of the stream a that no object shows.
func (h *house) early(t *testing.T) (lines []string, err error) {
	t.Helper()
	h.Handle(KindFirehose, early{scribe: h.writer})
	fresh, err := h.Fresh(t.Context(), root, catalog.Table{Database: "db", Name: "a"}, t.TempDir())
	if err != nil {
		return nil, err
	}
	fresh.Release()
	for _, f := range fresh.Files {
		data, err := os.ReadFile(f.Path)
		ok(t, err)
		lines = slices.AppendSeq(lines, strings.Lines(string(data)))
	}
	return lines, nil
}

// TestFreshWithAnotherPattern claims that rows are converted anew when a subscription lets others through.
func TestFreshWithAnotherPattern(t *testing.T) {
	h := newHouse(t, Config{})
	h.Handle(KindFirehose, early{scribe: h.writer})
	h.run()
	h.create(t, "a", 900*time.Second)
	h.group(t, "vpc")
	h.subscribe(t, "vpc", "a", "one")
	h.say(t, "vpc", "row one", "row two")
	for _, pattern := range []string{"one", "two"} {
		h.subscribe(t, "vpc", "a", pattern)
		until(t, "the rows with "+pattern, func() bool {
			lines, err := h.early(t)
			ok(t, err)
			return slices.Equal(lines, []string{"row " + pattern + "\n"})
		})
	}
}

// TestPiecesGoWithTheirBatch claims that files of converted rows do not stay until the next question.
func TestPiecesGoWithTheirBatch(t *testing.T) {
	h := newHouse(t, Config{})
	h.Handle(KindFirehose, early{scribe: h.writer})
	h.run()
	h.create(t, "a", 900*time.Second)
	h.put(t, "a", "row 1")
	if lines, err := h.early(t); err != nil || len(lines) != 1 {
		t.Fatal(lines, err)
	}
	_, err := h.Update(t.Context(), root, KindFirehose, "a", 0, func(d *Stream) error { d.Buffer.Age = 0; return nil })
	ok(t, err)
	l, err := h.line(root, KindFirehose, "a")
	ok(t, err)
	until(t, "the pieces' end", func() bool {
		l.fresh.mu.Lock()
		defer l.fresh.mu.Unlock()
		return len(l.fresh.pieces[""]) == 0
	})
}

// TestGateLetsAPassThrough claims that holds which are long and overlap for ever do not keep a batch from becoming visible.
func TestGateLetsAPassThrough(t *testing.T) {
	inTime(t, Config{}, func(t *testing.T, _ *house) {
		var g gate
		ctx, stop := context.WithCancel(t.Context())
		var work sync.WaitGroup
		work.Go(func() {
			for ctx.Err() == nil {
				work.Go(func() {
					if g.hold(ctx) == nil {
						time.Sleep(800 * time.Millisecond)
						g.release()
					}
				})
				time.Sleep(100 * time.Millisecond)
			}
		})
		time.Sleep(3 * time.Second)
		began := time.Now()
		ok(t, g.pass(ctx))
		if took := time.Since(began); took > 4*time.Second {
			t.Errorf("a pass waited for %v", took)
		}
		g.leave()
		stop()
		work.Wait()
		if g.holds != 0 || g.passing || g.waiting != 0 {
			t.Errorf("%+v", &g)
		}
	})
}

// TestPatternThatChangesUnderABatch claims that what a batch under way is of, before and after a crash, is delivered as it was planned and
// counted once, whatever the subscription's pattern is by then.
func TestPatternThatChangesUnderABatch(t *testing.T) {
	dir := t.TempDir()
	cfg := Config{RetryMin: time.Millisecond, RetryMax: 2 * time.Millisecond}
	h := openHouse(t, dir, cfg, vfs.Default)
	stop := h.run()
	h.create(t, "a", 0)
	h.group(t, "vpc")
	h.subscribe(t, "vpc", "a", "one")
	until(t, "the control message's end", func() bool { return h.counters(t, "a").Dropped == 1 })
	h.faults.set(func() { h.faults.stage = func(int) error { return errBusy } })
	h.say(t, "vpc", "one", "two")
	until(t, "an attempt", func() bool { return h.failure(t, "a").Attempts > 0 })
	h.subscribe(t, "vpc", "a", "three")
	l, err := h.line(root, KindFirehose, "a")
	ok(t, err)
	until(t, "the pattern to arrive", func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, f := range l.followers {
			return f.Subscription.Pattern == "three"
		}
		return false
	})
	stop()
	h.close()
	h = openHouse(t, dir, cfg, vfs.Default)
	defer func() { h.close() }()
	h.faults.set(func() { h.faults.stage = func(int) error { return errBusy } })
	h.run()
	until(t, "an attempt", func() bool { return h.failure(t, "a").Attempts > 2 })
	ok(t, h.logs.DeleteSubscription(t.Context(), root, "vpc", "to-a"))
	until(t, "the end to arrive", func() bool {
		l, err := h.line(root, KindFirehose, "a")
		ok(t, err)
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, f := range l.followers {
			return f.End != 0
		}
		t.Fatal("the follower is gone under its batch")
		return false
	})
	h.close()
	h = openHouse(t, dir, cfg, vfs.Default)
	h.faults.set(func() { h.faults.stage = func(int) error { return errBusy } })
	h.run()
	until(t, "an attempt", func() bool { return h.failure(t, "a").Attempts > 2 })
	time.Sleep(20 * time.Millisecond) // a follower that looks by itself finds nothing, and goes
	if l, _ := h.line(root, KindFirehose, "a"); len(l.watched()) != 1 {
		t.Error("the follower is gone under its batch")
	}
	h.faults.set(func() { h.faults.stage = nil })
	until(t, "delivery", func() bool { return h.counters(t, "a").Delivered == 1 })
	until(t, "the follower's end", func() bool { l, _ := h.line(root, KindFirehose, "a"); return len(l.watched()) == 0 })
	if rows, n := h.rows(t, "out/a/"), h.counters(t, "a"); !slices.Equal(rows, []string{"one"}) || n.Missed != 0 {
		t.Errorf("%q, %+v", rows, n)
	}
}
