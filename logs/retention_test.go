package logs

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"flowlake/fault"
)

func TestRetention(t *testing.T) {
	t.Run("takes the fixed periods only", func(t *testing.T) {
		h := newHouse(t)
		h.make(t, "g")
		for _, days := range RetentionDays {
			if err := h.SetRetention(t.Context(), root, "g", days); err != nil {
				t.Errorf("%d: %v", days, err)
			}
		}
		for _, days := range []int{-1, 2, 4, 3654} {
			wantKind(t, h.SetRetention(t.Context(), root, "g", days), fault.Invalid, "retention")
		}
		wantKind(t, h.SetRetention(t.Context(), root, "none", 1), fault.NotFound, "log group")
	})
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		h := openHouse(t, dir, vfs.NewMem())
		defer h.close(t)
		ctx, stop := context.WithCancel(t.Context())
		h.make(t, "g", "a", "b")
		h.make(t, "forever", "a")
		ran := make(chan error)
		go func() { ran <- h.Run(ctx) }()

		const batches, size = 9, 118
		for range batches { // every event is a block of its own, and there are so many that a sweep takes several steps
			for _, stream := range []string{"a", "b"} {
				events := make([]Event, size)
				for i := range events {
					events[i] = Event{time.Now().UnixMilli() + int64(i)*(blockSpan+1), fmt.Sprint("old ", i)}
				}
				h.put(t, "g", stream, events...)
			}
		}
		const total = batches * size * 2
		h.put(t, "forever", "a", Event{time.Now().UnixMilli(), "kept"})
		time.Sleep(12 * time.Hour)
		h.put(t, "g", "a", Event{time.Now().UnixMilli(), "young"})
		if err := h.SetRetention(ctx, root, "g", 1); err != nil {
			t.Fatal(err)
		}
		time.Sleep(11 * time.Hour)
		if g, _ := h.Group(ctx, root, "g"); g.Events != total+1 {
			t.Errorf("after 23 hours %d events are stored, want all", g.Events)
		}
		time.Sleep(3 * time.Hour)
		page, err := h.Get(ctx, root, "g", GetQuery{Stream: "a", FromHead: true})
		if got := messages(page.Events); err != nil || len(got) != 1 || got[0] != "young" {
			t.Errorf("after 26 hours a read shows %d events, %v", len(got), err)
		}
		filtered, err := h.Filter(ctx, root, "g", FilterQuery{})
		if err != nil || len(filtered.Events) != 1 {
			t.Errorf("after 26 hours a filter shows %d events, %v", len(filtered.Events), err)
		}
		batch, err := h.ReadFrom(ctx, root, "g", 1, 1_000_000)
		if err != nil || len(batch.Events) != 1 || batch.Missed != uint64(total) {
			t.Errorf("a follower of the whole got %d events and missed %d, %v", len(batch.Events), batch.Missed, err)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if g, _ := h.Group(ctx, root, "g"); g.Events != 1 || g.Bytes != 26+5 {
			t.Errorf("after the sweep %d events of %d bytes are stored, want the young one", g.Events, g.Bytes)
		}
		s, err := h.Stream(ctx, root, "g", "a")
		if err != nil || s.FirstMillis != s.LastMillis {
			t.Errorf("the stream's first event is of %d, its last of %d, %v", s.FirstMillis, s.LastMillis, err)
		}
		if batch, err := h.ReadFrom(ctx, root, "g", 7, 10); err != nil || len(batch.Events) != 1 || batch.Missed != uint64(total-6) {
			t.Errorf("a lagging follower got %d events and missed %d, %v", len(batch.Events), batch.Missed, err)
		}
		if page, err := h.Get(ctx, root, "forever", GetQuery{Stream: "a"}); err != nil || len(page.Events) != 1 {
			t.Errorf("a group without retention lost events: %v, %v", page.Events, err)
		}
		if err := h.Verify(ctx, nil); err != nil {
			t.Error(err)
		}
		if err := h.SetRetention(ctx, root, "g", 0); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Hour)
		if g, _ := h.Group(ctx, root, "g"); g.Events != 1 {
			t.Errorf("without a retention %d events are stored, want 1", g.Events)
		}
		stop()
		if err := <-ran; err != nil {
			t.Error(err)
		}
	})
}
