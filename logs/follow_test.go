package logs

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestFollowerMissesNothingUncounted follows a group through random puts, deletions of streams and changes of the retention:
// whatever sequence it passes over it either gets, as it was put, or counts.
func TestFollowerMissesNothingUncounted(t *testing.T) {
	h := newHouse(t)
	run := 0
	rapid.Check(t, func(r *rapid.T) {
		run++
		ctx, group := t.Context(), fmt.Sprint("g", run)
		h.make(t, group)
		type put struct {
			stream, message string
			old             bool
		}
		var all []put // by sequence, from 1
		alive := map[string]bool{}
		gone := map[uint64]bool{}
		var next, missed, got uint64 = 1, 0, 0
		expires := false
		follow := func(most int) {
			batch, err := h.ReadFrom(ctx, root, group, next, most)
			if err != nil {
				r.Fatal(err)
			}
			if passed := batch.Next - next; passed != uint64(len(batch.Events))+batch.Missed {
				r.Fatalf("passed %d sequences, got %d, missed %d", passed, len(batch.Events), batch.Missed)
			}
			last := next - 1
			for _, e := range batch.Events {
				want := all[e.Sequence-1]
				if e.Sequence <= last || e.Message != want.message || e.Stream != want.stream || gone[e.Sequence] || want.old && expires {
					r.Fatalf("after %d: got %+v, want %+v, gone %v", last, e, want, gone[e.Sequence])
				}
				for s := last + 1; s < e.Sequence; s++ {
					if !gone[s] && !(all[s-1].old && expires) {
						r.Fatalf("sequence %d was missed", s)
					}
				}
				last = e.Sequence
			}
			next, missed, got = batch.Next, missed+batch.Missed, got+uint64(len(batch.Events))
		}
		for range rapid.IntRange(1, 25).Draw(r, "steps") {
			stream := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(r, "stream")
			switch rapid.IntRange(0, 7).Draw(r, "step") {
			case 0:
				if alive[stream] {
					if err := h.DeleteStream(ctx, root, group, stream); err != nil {
						r.Fatal(err)
					}
					alive[stream] = false
					for i, p := range all {
						if p.stream == stream {
							gone[uint64(i+1)] = true
						}
					}
				}
			case 1:
				expires = !expires
				days := 0
				if expires {
					days = 1
				}
				if err := h.SetRetention(ctx, root, group, days); err != nil {
					r.Fatal(err)
				}
			case 2, 3, 4:
				follow(rapid.IntRange(1, 40).Draw(r, "most"))
			default:
				if !alive[stream] {
					if err := h.CreateStream(ctx, root, group, stream); err != nil {
						r.Fatal(err)
					}
					alive[stream] = true
				}
				at, old := time.Now(), rapid.Bool().Draw(r, "old")
				if old = old && !expires; old { // once it expires it is not taken
					at = at.Add(-25 * time.Hour)
				}
				var events []Event
				for range rapid.IntRange(1, 30).Draw(r, "events") {
					p := put{stream, fmt.Sprint(stream, len(all)), old}
					events = append(events, Event{at.UnixMilli(), p.message})
					all = append(all, p)
				}
				h.put(t, group, stream, events...)
			}
		}
		for before := uint64(0); before != next; {
			before = next
			follow(rapid.IntRange(1, 100).Draw(r, "most"))
		}
		if next != uint64(len(all)+1) || got+missed != uint64(len(all)) {
			r.Fatalf("at the end: next %d, got %d, missed %d of %d", next, got, missed, len(all))
		}
	})
}
