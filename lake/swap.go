package lake

import (
	"context"
	"slices"
	"sync"

	"flowlake/access"
)

// Hold keeps the objects of a bucket from being swapped for others until release is called.
//
// A swap puts the same rows into other objects. Who counts on which object holds which rows takes a Hold first:
// a snapshot of a delivery stream ("what is accepted and not in an object yet; objects committed after this
// moment are to be skipped, by name") stays right only while its rows do not move into an object with another
// name. It is held from the snapshot until the objects are pinned (Pinned), and no longer. Commits go on
// meanwhile: they move no rows. Holds do not exclude each other, and may be nested. Release may be called twice.
func (s *Store) Hold(bucket string) (release func()) {
	return s.holds.hold(bucket)
}

// Swap is Commit for objects that hold the same rows as those they replace: compaction's. It waits until nobody holds
// one of the buckets, or ctx ends (then the staged objects are gone), and keeps new holds waiting for as long as the
// commit takes.
func (s *Store) Swap(ctx context.Context, c access.Caller, adds []*Staged, removes []Ref, receipts ...Receipt) error {
	var buckets []string
	for _, g := range adds {
		buckets = append(buckets, g.object.Bucket)
	}
	for _, r := range removes {
		buckets = append(buckets, r.Bucket)
	}
	slices.Sort(buckets)
	release, err := s.holds.exclude(ctx, slices.Compact(buckets))
	if err != nil {
		s.discardAll(adds)
		return err
	}
	defer release()
	return s.Commit(ctx, c, adds, removes, receipts...)
}

// holds counts the holds of each bucket. A swap does not keep further holds waiting before its turn has come: a
// caller with two holds would wait for itself.
type holds struct {
	mu      sync.Mutex // guards below
	count   map[string]int
	swap    map[string]bool // a swap commits
	changed chan struct{}   // closed at the next change of a bucket that somebody may wait for
}

func (h *holds) hold(bucket string) (release func()) {
	h.mu.Lock()
	for h.swap[bucket] {
		h.wait(nil)
	}
	h.count[bucket]++
	h.mu.Unlock()
	return sync.OnceFunc(func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.count[bucket]--; h.count[bucket] == 0 {
			delete(h.count, bucket)
			h.tell()
		}
	})
}

func (h *holds) exclude(ctx context.Context, buckets []string) (release func(), err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	busy := func(b string) bool { return h.count[b] > 0 || h.swap[b] }
	for slices.ContainsFunc(buckets, busy) {
		if h.wait(ctx.Done()); ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	for _, b := range buckets {
		h.swap[b] = true
	}
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		for _, b := range buckets {
			delete(h.swap, b)
		}
		h.tell()
	}, nil
}

// wait gives mu up until something changed or done is closed.
func (h *holds) wait(done <-chan struct{}) {
	changed := h.changed
	h.mu.Unlock()
	select {
	case <-changed:
	case <-done:
	}
	h.mu.Lock()
}

func (h *holds) tell() {
	close(h.changed)
	h.changed = make(chan struct{})
}
