package delivery

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// inTime runs a test in a bubble, over a house that works.
func inTime(t *testing.T, cfg Config, do func(t *testing.T, h *house)) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		h := openHouse(t, dir, cfg, vfs.Default)
		h.run()
		do(t, h)
		h.close()
		time.Sleep(time.Hour) // what Pebble keeps for later ends, too
	})
}

func TestBatchesCloseByAge(t *testing.T) {
	inTime(t, Config{}, func(t *testing.T, h *house) {
		began := time.Now()
		h.create(t, "web", 60*time.Second)
		h.create(t, "flows", 90*time.Second)
		h.group(t, "vpc")
		h.subscribe(t, "vpc", "flows", "keep")
		time.Sleep(100 * time.Second) // its control message is delivered
		h.say(t, "vpc", "other")
		time.Sleep(20 * time.Second)
		h.put(t, "web", "first")
		h.say(t, "vpc", "keep 1")
		time.Sleep(40 * time.Second)
		h.put(t, "web", "second")
		h.say(t, "vpc", "keep 2")
		time.Sleep(19 * time.Second)
		synctest.Wait()
		if n := h.counters(t, "web"); n.Batches != 0 {
			t.Errorf("after 59 s: %+v", n)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if n := h.counters(t, "web"); n.Batches != 1 || n.Delivered != 2 {
			t.Errorf("after 61 s: %+v", n)
		}
		if n := h.counters(t, "flows"); n.Delivered != 0 || !n.Oldest.Equal(began.Add(120*time.Second)) && n.Oldest.Sub(began) > 125*time.Second {
			t.Errorf("the age of a subscription's batch does not count from its first event that matches: %+v", n)
		}
		time.Sleep(31 * time.Second)
		synctest.Wait()
		if n := h.counters(t, "flows"); n.Delivered != 2 || n.Missed != 0 {
			t.Errorf("after 92 s: %+v", n)
		}
		if got, want := h.rows(t, "out/flows/"), []string{"keep 1", "keep 2"}; !slices.Equal(got, want) {
			t.Errorf("delivered %q, want %q", got, want)
		}
	})
}

func TestRetriesBackOff(t *testing.T) {
	inTime(t, Config{}, func(t *testing.T, h *house) {
		h.create(t, "web", 0)
		h.faults.set(func() { h.faults.stage = func(int) error { return errInjected } })
		h.put(t, "web", "a")
		time.Sleep(10 * time.Minute)
		h.faults.mu.Lock()
		tries := h.faults.staged
		h.faults.mu.Unlock()
		if tries < 12 || tries > 40 {
			t.Errorf("%d attempts in ten minutes, want more than 12 and fewer than 40", tries)
		}
		h.faults.set(func() { h.faults.stage = nil })
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := h.counters(t, "web"); n.Delivered != 1 || n.Retries != int64(tries) {
			t.Errorf("counters %+v after %d failures", n, tries)
		}
	})
}

func TestExpiredEventsAreCounted(t *testing.T) {
	inTime(t, Config{RetryMax: time.Hour}, func(t *testing.T, h *house) {
		h.create(t, "flows", 0)
		h.group(t, "vpc")
		ok(t, h.logs.SetRetention(context.Background(), root, "vpc", 1))
		h.subscribe(t, "vpc", "flows", "")
		time.Sleep(time.Second)
		h.faults.set(func() { h.faults.stage = func(int) error { return errInjected } })
		h.say(t, "vpc", "a", "b", "c")
		time.Sleep(23 * time.Hour)
		h.say(t, "vpc", "d")
		time.Sleep(2 * time.Hour)
		h.faults.set(func() { h.faults.stage = nil })
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		n := h.counters(t, "flows")
		if n.Missed != 3 || n.Delivered != 1 || n.Behind != 0 {
			t.Errorf("counters %+v, want 3 missed and 1 delivered", n)
		}
	})
}
