package logs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"flowlake/fault"
)

// tailed collects updates until so many have come, or ctx ends.
func (h *house) tailed(ctx context.Context, q TailQuery, updates int, started func()) (out []TailUpdate, err error) {
	stop := errors.New("stop")
	err = h.Tail(ctx, root, q, func() error { started(); return nil }, func(u TailUpdate) error {
		if out = append(out, u); len(out) == updates {
			return stop
		}
		return nil
	})
	if err == stop {
		err = nil
	}
	return out, err
}

func TestTail(t *testing.T) {
	ctx := t.Context()
	h := newHouse(t)
	h.make(t, "g", "a1", "a2", "b")
	h.make(t, "g2", "s")
	now := time.Now().UnixMilli()
	h.put(t, "g", "a1", Event{now, "before"})

	for _, row := range []struct {
		name, want string
		query      TailQuery
	}{
		{"all of two groups", "g/a1 x1 g/a2 y1 g2/s x2 g/b x3", TailQuery{Groups: []string{"g", "g2"}}},
		{"by pattern", "g/a1 x1 g2/s x2 g/b x3", TailQuery{Groups: []string{"g", "g2"}, Pattern: "-y1"}},
		{"of a stream", "g/a2 y1", TailQuery{Groups: []string{"g"}, Streams: []string{"a2"}}},
		{"of streams by prefix", "g/a1 x1 g/a2 y1", TailQuery{Groups: []string{"g"}, Prefixes: []string{"a", "c"}}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			h.make(t, "g", "a1", "a2", "b")
			h.make(t, "g2", "s")
			h.put(t, "g", "a1", Event{now, "before"})
			updates, err := h.tailed(ctx, row.query, 1, func() {
				h.put(t, "g", "b", Event{now + 3, "x3"})
				h.put(t, "g2", "s", Event{now + 2, "x2"})
				h.put(t, "g", "a2", Event{now + 1, "y1"})
				h.put(t, "g", "a1", Event{now, "x1"})
			})
			var got []string
			for _, e := range updates[0].Events {
				got = append(got, e.Group+"/"+e.Stream+" "+e.Message)
			}
			if err != nil || strings.Join(got, " ") != row.want || updates[0].Sampled {
				t.Errorf("got %v, %v, want %s", got, err, row.want)
			}
		})
	}
	t.Run("more than 500 are sampled, and what comes next is not lost", func(t *testing.T) {
		var many []Event
		for i := range 3000 {
			many = append(many, Event{now, fmt.Sprint(i)})
		}
		updates, err := h.tailed(ctx, TailQuery{Groups: []string{"g"}}, 2, func() { h.put(t, "g", "a1", many...) })
		if err != nil || len(updates) != 2 || len(updates[0].Events) != MaxTailEvents || !updates[0].Sampled || len(updates[1].Events) != 0 || updates[1].Sampled {
			t.Errorf("got %d, %v", len(updates), err)
		}
		late := 0
		for i, e := range updates[0].Events {
			if i > 0 && e.Sequence <= updates[0].Events[i-1].Sequence {
				t.Fatal("not in order")
			}
			if e.Message >= "2" {
				late++
			}
		}
		if late < 100 {
			t.Errorf("only %d of the later ones", late)
		}
	})
	t.Run("long ones are sampled too, and exactly 500 short ones are not", func(t *testing.T) {
		var long, short []Event
		for i := range 40 {
			long = append(long, Event{now, fmt.Sprint(i, strings.Repeat("x", 100_000))})
		}
		for range MaxTailEvents {
			short = append(short, Event{now, "x"})
		}
		updates, err := h.tailed(ctx, TailQuery{Groups: []string{"g"}}, 1, func() {
			for part := range slices.Chunk(long, 10) {
				h.put(t, "g", "a1", part...)
			}
		})
		if err != nil || len(updates[0].Events) != 20 || !updates[0].Sampled {
			t.Errorf("got %d events, sampled %v, %v; want the 20 that 2 MiB hold", len(updates[0].Events), updates[0].Sampled, err)
		}
		updates, err = h.tailed(ctx, TailQuery{Groups: []string{"g"}}, 1, func() { h.put(t, "g", "a1", short...) })
		if err != nil || len(updates[0].Events) != MaxTailEvents || updates[0].Sampled {
			t.Errorf("got %d events, sampled %v, %v", len(updates[0].Events), updates[0].Sampled, err)
		}
		if h.tails.Load() != 0 {
			t.Errorf("%d tails are counted after the last has ended", h.tails.Load())
		}
	})
	t.Run("what is chosen keeps within its bytes, also where long ones take the place of short ones", func(t *testing.T) {
		var s sample
		for i := range 2000 {
			s.offer(Tailed{"g", Stored{Message: strings.Repeat("x", 1+i%7*2000)}})
		}
		size := 0
		for _, e := range s.events {
			size += len(e.Message)
		}
		if size != s.bytes || size > maxTailBytes || !s.left {
			t.Errorf("%d events of %d bytes, counted as %d", len(s.events), size, s.bytes)
		}
	})
	t.Run("it ends with its group", func(t *testing.T) {
		_, err := h.tailed(ctx, TailQuery{Groups: []string{"g2"}}, 3, func() {
			if err := h.DeleteGroup(ctx, root, "g2"); err != nil {
				t.Error(err)
			}
		})
		wantKind(t, err, fault.NotFound, "log group")
	})
	t.Run("another group of the name is not the one", func(t *testing.T) {
		h.make(t, "g3")
		_, err := h.tailed(ctx, TailQuery{Groups: []string{"g3"}}, 3, func() {
			if err := h.DeleteGroup(ctx, root, "g3"); err != nil {
				t.Error(err)
			}
			h.make(t, "g3")
		})
		wantKind(t, err, fault.NotFound, "log group")
	})
	t.Run("what is wrong is refused", func(t *testing.T) {
		var eleven []string
		for i := range 11 {
			eleven = append(eleven, fmt.Sprint(i))
		}
		for _, row := range []struct {
			noun  string
			kind  fault.Kind
			query TailQuery
		}{
			{"live tail", fault.Invalid, TailQuery{}},
			{"live tail", fault.Invalid, TailQuery{Groups: eleven}},
			{"live tail", fault.Invalid, TailQuery{Groups: []string{"g", "g"}}},
			{"live tail", fault.Invalid, TailQuery{Groups: []string{"g", "h"}, Streams: []string{"s"}}},
			{"live tail", fault.Invalid, TailQuery{Groups: []string{"g"}, Streams: []string{"s"}, Prefixes: []string{"s"}}},
			{"log group", fault.NotFound, TailQuery{Groups: []string{"none"}}},
			{"filter pattern", fault.Invalid, TailQuery{Groups: []string{"g"}, Pattern: "["}},
		} {
			_, err := h.tailed(ctx, row.query, 1, func() { t.Error("started") })
			wantKind(t, err, row.kind, row.noun)
		}
		h.tails.Store(maxTails)
		_, err := h.tailed(ctx, TailQuery{Groups: []string{"g"}}, 1, func() { t.Error("started") })
		wantKind(t, err, fault.Limit, "live tail")
		if n := h.tails.Swap(0); n != maxTails {
			t.Errorf("%d tails are counted after one was refused", n)
		}
		stranger := root
		stranger.Principal = "arn:aws:iam::123456789012:user/stranger"
		err = h.Tail(ctx, stranger, TailQuery{Groups: []string{"g"}}, func() error { return nil }, func(TailUpdate) error { return errors.New("it saw something") })
		if !fault.Is(err, fault.Denied) || !strings.Contains(err.Error(), "logs:StartLiveTail on resource: arn:aws:logs:us-east-1:123456789012:log-group:g") {
			t.Errorf("a session asks anew who may see: got %v", err)
		}
	})
	t.Run("it ends with its caller", func(t *testing.T) {
		ctx, cancel := context.WithCancel(ctx)
		_, err := h.tailed(ctx, TailQuery{Groups: []string{"g"}}, 9, cancel)
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}
