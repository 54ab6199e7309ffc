package logs

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// TestPowerLoss takes the power away at random moments under writers, on a file system that forgets what was not
// synced, and looks whether every event that was acknowledged is there, once.
func TestPowerLoss(t *testing.T) {
	rounds := 10
	if testing.Short() {
		rounds = 3
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for round := range rounds {
		dir := t.TempDir()
		fs := vfs.NewCrashableMem()
		h := openHouse(t, dir, fs)
		h.make(t, "g", "a", "b", "c", "dropped")
		h.make(t, "gone", "a")
		h.put(t, "gone", "a", Event{time.Now().UnixMilli(), "never seen again"})

		var mu sync.Mutex
		acknowledged := map[string]bool{} // guarded by mu
		deleted := false                  // guarded by mu
		stop := make(chan struct{})
		var work sync.WaitGroup
		for w := range 4 {
			work.Go(func() {
				for n := 0; ; n++ {
					select {
					case <-stop:
						return
					default:
					}
					events := make([]Event, 1+(w*7+n*13)%40)
					for i := range events {
						events[i] = Event{time.Now().UnixMilli(), fmt.Sprintf("%d %d %d", w, n, i)}
					}
					if _, err := h.Put(t.Context(), root, "g", string(rune('a'+w%3)), events); err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					for _, e := range events {
						acknowledged[e.Message] = true
					}
					mu.Unlock()
				}
			})
		}
		work.Go(func() {
			time.Sleep(time.Duration(round%5) * time.Millisecond)
			if err := h.DeleteGroup(t.Context(), root, "gone"); err != nil {
				t.Error(err)
			}
			if err := h.DeleteStream(t.Context(), root, "g", "dropped"); err != nil {
				t.Error(err)
			}
			mu.Lock()
			deleted = true
			mu.Unlock()
		})
		time.Sleep(time.Duration(random.IntN(12_000)) * time.Microsecond)
		mu.Lock()
		promised, wasDeleted := maps.Clone(acknowledged), deleted
		mu.Unlock()
		crashed := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: random.IntN(101), RNG: rand.New(rand.NewPCG(seed, uint64(round)))})
		close(stop)
		work.Wait()
		h.close(t)

		// Documents in state are a store of their own, with a test of its own; here it keeps all.
		h = openHouse(t, dir, crashed)
		seen := map[string]int{}
		var next uint64 = 1
		for {
			batch, err := h.ReadFrom(t.Context(), root, "g", next, 1000)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range batch.Events {
				if e.Sequence != next {
					t.Fatalf("round %d: sequence %d follows %d", round, e.Sequence, next-1)
				}
				next++
				seen[e.Message]++
			}
			if len(batch.Events) == 0 {
				break
			}
		}
		for message := range promised {
			if seen[message] != 1 {
				t.Fatalf("round %d: %q was acknowledged and is there %d times", round, message, seen[message])
			}
		}
		for message, n := range seen {
			if n != 1 {
				t.Fatalf("round %d: %q is there %d times", round, message, n)
			}
		}
		if _, err := h.Stream(t.Context(), root, "g", "dropped"); wasDeleted && err == nil {
			t.Fatalf("round %d: a deleted stream is back", round)
		}
		if err := h.Verify(t.Context(), nil); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if r := h.put(t, "g", "a", Event{time.Now().UnixMilli(), "on it goes"}); r.First != next {
			t.Fatalf("round %d: the next sequence is %d, want %d", round, r.First, next)
		}
		h.close(t)
	}
}

// TestRemovalIsTakenUp cuts a group's removal between its two commits.
func TestRemovalIsTakenUp(t *testing.T) {
	dir, fs := t.TempDir(), vfs.NewMem()
	h := openHouse(t, dir, fs)
	h.make(t, "g", "s", "t")
	h.put(t, "g", "s", Event{time.Now().UnixMilli(), "x"})
	h.put(t, "g", "t", Event{time.Now().UnixMilli(), "y"})
	g, err := h.group(t.Context(), root, "g")
	if err != nil {
		t.Fatal(err)
	}
	d, err := h.stream(g.ID, "s")
	if err != nil {
		t.Fatal(err)
	}
	// What DeleteStream's first commit leaves.
	b := h.db.NewBatch()
	n, err := h.counters(g.ID)
	if err != nil {
		t.Fatal(err)
	}
	n.events, n.bytes = n.events-d.events, n.bytes-d.bytes
	for _, err := range []error{
		b.Delete(streamKey(g.ID, "s"), nil), b.Delete(key(g.ID, kindName, d.id), nil), b.Set(key(0, kindRemoval, g.ID, d.id), nil, nil),
		b.Set(key(g.ID, kindCounters), n.append(nil), nil), b.Commit(nil),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if batch, err := h.ReadFrom(t.Context(), root, "g", 1, 10); err != nil || len(batch.Events) != 1 || batch.Missed != 1 {
		t.Errorf("while the stream goes a follower sees %v, %v", batch, err)
	}
	if filtered, err := h.Filter(t.Context(), root, "g", FilterQuery{}); err != nil || len(filtered.Events) != 1 {
		t.Errorf("while the stream goes a filter sees %v, %v", filtered, err)
	}
	h.close(t)
	h = openHouse(t, dir, fs)
	defer h.close(t)
	if _, found, err := h.get(key(g.ID, kindBlock, 1)); found || err != nil {
		t.Errorf("the stream's block is still there: %v", err)
	}
	if _, found, err := h.get(key(0, kindRemoval, g.ID, d.id)); found || err != nil {
		t.Errorf("the removal is not at its end: %v", err)
	}
	if err := h.Verify(t.Context(), nil); err != nil {
		t.Error(err)
	}
}
