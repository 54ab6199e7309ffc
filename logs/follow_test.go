package logs

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"flowlake/fault"
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

func TestFollowPages(t *testing.T) {
	ctx := t.Context()
	h := newHouse(t)
	h.make(t, "g", "a", "b")
	now := time.Now().UnixMilli()
	h.put(t, "g", "a", Event{now, "before"})
	start, err := h.Follow(ctx, root, FollowQuery{Group: "g"})
	if err != nil || len(start.Events) != 0 || start.Next == "" {
		t.Fatalf("got %+v, %v", start, err)
	}
	next := func(from string, wait time.Duration) FollowPage {
		t.Helper()
		page, err := h.Follow(ctx, root, FollowQuery{Group: "g", From: from, Prefix: "a", Pattern: "x", Wait: wait})
		if err != nil {
			t.Fatal(err)
		}
		return page
	}
	if empty := next(start.Next, 10*time.Millisecond); len(empty.Events) != 0 || empty.Missed != 0 {
		t.Errorf("nothing came: %+v", empty)
	}
	go func() {
		h.put(t, "g", "a", Event{now, "x1"})
		h.put(t, "g", "b", Event{now, "x of another stream"})
		h.put(t, "g", "a", Event{now - 3_600_000, "x2, late"}, Event{now, "y"})
	}()
	var got []string
	from := start.Next
	for len(got) < 2 {
		page := next(from, 3*time.Second)
		for _, e := range page.Events {
			got = append(got, e.Message)
			if len(e.ID) != 56 {
				t.Error(e.ID)
			}
		}
		from = page.Next
	}
	if fmt.Sprint(got) != "[x1 x2, late]" {
		t.Error(got)
	}
	_, err = h.Follow(ctx, root, FollowQuery{Group: "g", From: "x"})
	wantKind(t, err, fault.Invalid, "token")
	_, err = h.Follow(ctx, root, FollowQuery{Group: "g", From: from, Pattern: "["})
	wantKind(t, err, fault.Invalid, "filter pattern")
	if err := h.DeleteStream(ctx, root, "g", "a"); err != nil {
		t.Fatal(err)
	}
	if page := next(start.Next, 0); page.Missed != 3 {
		t.Errorf("of a deleted stream: %+v", page)
	}
	gone := make(chan error)
	go func() {
		_, err := h.Follow(ctx, root, FollowQuery{Group: "g", From: from, Wait: 10 * time.Second})
		gone <- err
	}()
	time.Sleep(20 * time.Millisecond)
	if err := h.DeleteGroup(ctx, root, "g"); err != nil {
		t.Fatal(err)
	}
	wantKind(t, <-gone, fault.NotFound, "log group")
	h.make(t, "g")
	_, err = h.Follow(ctx, root, FollowQuery{Group: "g", From: from})
	wantKind(t, err, fault.NotFound, "log group")
}
