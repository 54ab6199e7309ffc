package logs

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"flowlake/fault"
)

// modelled is a house with all its events in memory, in the order of time and then sequence.
type modelled struct {
	*house
	events []Stored
}

// fill puts random batches that overlap in time into a few streams.
func fill(t *rapid.T, h *house, group string, now int64) *modelled {
	m := &modelled{house: h}
	streams := []string{"a", "ab", "b"}
	ctx := t.Context()
	if err := h.CreateGroup(ctx, root, group, nil); err != nil {
		t.Fatal(err)
	}
	for _, s := range streams {
		if err := h.CreateStream(ctx, root, group, s); err != nil {
			t.Fatal(err)
		}
	}
	spread := rapid.SampledFrom([]int64{0, 3, 50, blockSpan * 3}).Draw(t, "spread")
	for range rapid.IntRange(0, 12).Draw(t, "batches") {
		stream := rapid.SampledFrom(streams).Draw(t, "stream")
		n := rapid.SampledFrom([]int{1, 2, 5, 40, blockEvents + 3}).Draw(t, "events")
		at := now - rapid.Int64Range(0, 2*spread+1).Draw(t, "age")
		events := make([]Event, n)
		for i := range events {
			events[i] = Event{at, fmt.Sprintf("%s %d %s", rapid.SampledFrom([]string{"ACCEPT", "REJECT"}).Draw(t, "word"), len(m.events)+i, stream)}
			if spread > 0 && n <= 40 {
				at += rapid.Int64Range(0, spread/4+1).Draw(t, "step")
			}
		}
		r, err := h.Put(ctx, root, group, stream, events)
		if err != nil {
			t.Fatal(err)
		}
		for i, e := range events {
			m.events = append(m.events, Stored{Sequence: r.First + uint64(i), TimeMillis: e.TimeMillis, Stream: stream, Message: e.Message})
		}
	}
	slices.SortFunc(m.events, func(a, b Stored) int {
		return cmp.Or(cmp.Compare(a.TimeMillis, b.TimeMillis), cmp.Compare(a.Sequence, b.Sequence))
	})
	return m
}

// want is the model's answer.
func (m *modelled) want(keep func(Stored) bool) []string {
	var out []string
	for _, e := range m.events {
		if keep(e) {
			out = append(out, e.Message)
		}
	}
	return out
}

func differ(t *rapid.T, what string, got, want []string) {
	t.Helper()
	if slices.Equal(got, want) {
		return
	}
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			t.Fatalf("%s: got %d events, want %d; they differ from the %dth on", what, len(got), len(want), i)
		}
	}
}

func TestReads(t *testing.T) {
	h := newHouse(t)
	groups := 0
	now := time.Now().UnixMilli()
	rapid.Check(t, func(t *rapid.T) {
		groups++
		group := fmt.Sprint("g", groups)
		m := fill(t, h, group, now)
		ctx := t.Context()
		low := now - rapid.Int64Range(-10, 200).Draw(t, "from")
		high := low + rapid.Int64Range(0, 400).Draw(t, "length")
		if rapid.Bool().Draw(t, "whole") {
			low, high = 0, math.MaxInt64-1
		}
		limit := rapid.SampledFrom([]int{1, 7, 100, 0}).Draw(t, "limit")
		if limit == 1 && len(m.events) > 300 {
			limit = 3
		}

		stream := rapid.SampledFrom([]string{"a", "ab", "b"}).Draw(t, "read")
		want := m.want(func(e Stored) bool { return e.Stream == stream && e.TimeMillis >= low && e.TimeMillis < high })
		for _, fromHead := range []bool{true, false} {
			var got []string
			q := GetQuery{Stream: stream, FromMillis: low, ToMillis: high, Limit: limit, FromHead: fromHead}
			for {
				page, err := h.Get(ctx, root, group, q)
				if err != nil {
					t.Fatal(err)
				}
				next := page.Backward
				if fromHead {
					got = append(got, messages(page.Events)...)
					next = page.Forward
				} else {
					got = append(messages(page.Events), got...)
				}
				if next == q.Token {
					break
				}
				if len(page.Events) == 0 && q.Token != "" {
					t.Fatal("an empty page leads on")
				}
				q.Token = next
				q.FromHead = rapid.Bool().Draw(t, "ignored")
			}
			differ(t, fmt.Sprintf("get %s, from its head %v", stream, fromHead), got, want)
		}

		h.filterRead = rapid.SampledFrom([]int{1, 5000, filterRead}).Draw(t, "budget") // with little, pages can be empty
		filter := FilterQuery{FromMillis: low, ToMillis: high, Limit: limit, Pattern: rapid.SampledFrom([]string{"", "REJECT", `"REJECT 1"`, "REJECT b"}).Draw(t, "pattern")}
		switch rapid.IntRange(0, 3).Draw(t, "choice") {
		case 0:
			filter.Prefix = "a"
		case 1:
			filter.Streams = []string{"b"}
		case 2:
			filter.Streams = []string{"ab", "b"}
		}
		want = m.want(func(e Stored) bool {
			chosen := strings.HasPrefix(e.Stream, filter.Prefix) && (len(filter.Streams) == 0 || slices.Contains(filter.Streams, e.Stream))
			matches := true
			for _, term := range map[string][]string{"REJECT": {"REJECT"}, `"REJECT 1"`: {"REJECT 1"}, "REJECT b": {"REJECT", "b"}}[filter.Pattern] {
				matches = matches && strings.Contains(e.Message, term)
			}
			return chosen && matches && e.TimeMillis >= low && e.TimeMillis <= high
		})
		for _, newest := range []bool{false, true} {
			filter.Newest, filter.Token = newest, ""
			var got []string
			for {
				page, err := h.Filter(ctx, root, group, filter)
				if err != nil {
					t.Fatal(err)
				}
				for _, e := range page.Events {
					got = append(got, e.Message)
				}
				if filter.Token = page.Next; filter.Token == "" {
					break
				}
			}
			if newest {
				slices.Reverse(got)
			}
			differ(t, fmt.Sprintf("filter %+v", filter), got, want)
		}

		var sequence uint64 = 1
		for {
			batch, err := h.ReadFrom(ctx, root, group, sequence, 100)
			if err != nil || batch.Missed != 0 {
				t.Fatalf("missed %d, %v", batch.Missed, err)
			}
			for i, e := range batch.Events {
				if e.Sequence != sequence+uint64(i) {
					t.Fatalf("sequence %d stands where %d should", e.Sequence, sequence+uint64(i))
				}
			}
			if batch.Next == sequence {
				break
			}
			sequence = batch.Next
		}
		if sequence != uint64(len(m.events))+1 {
			t.Fatalf("a follower stops before %d of %d events", sequence, len(m.events))
		}
	})
	if err := h.Verify(t.Context(), nil); err != nil {
		t.Error(err)
	}
}

func TestScanKeepsFewBlocks(t *testing.T) {
	h := newHouse(t)
	h.make(t, "g", "s")
	now := time.Now().UnixMilli()
	text := strings.Repeat("x", 30_000)
	const batches = 700 // 40 MiB of blocks that all overlap
	for i := range batches {
		h.put(t, "g", "s", Event{now - int64(i), text}, Event{now + 20_000 + int64(i), fmt.Sprint(i, text)})
	}
	for _, backward := range []bool{false, true} {
		g, err := h.group(t.Context(), root, "g")
		if err != nil {
			t.Fatal(err)
		}
		sc, err := h.scan(t.Context(), scanQuery{group: g.ID, to: math.MaxInt64, backward: backward, visible: math.MaxUint64})
		if err != nil {
			t.Fatal(err)
		}
		var last position
		n := 0
		for ; ; n++ {
			e, ok, err := sc.next()
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				break
			}
			if sc.held > maxHeld+1<<20 {
				t.Fatalf("%d bytes of blocks are held", sc.held)
			}
			if n > 0 && (backward && !e.position.before(last) || !backward && !last.before(e.position)) {
				t.Fatalf("event %d is out of order", n)
			}
			last = e.position
		}
		if n != 2*batches || sc.held != 0 || len(sc.loaded) != 0 {
			t.Errorf("%d events, %d bytes still held", n, sc.held)
		}
		sc.Close()
	}
}

func TestTokens(t *testing.T) {
	h := newHouse(t)
	h.make(t, "g", "s", "other")
	h.put(t, "g", "s", Event{time.Now().UnixMilli(), "x"}, Event{time.Now().UnixMilli(), "y"})
	page, err := h.Get(t.Context(), root, "g", GetQuery{Stream: "s", Limit: 1, FromHead: true})
	if err != nil {
		t.Fatal(err)
	}
	filtered, err := h.Filter(t.Context(), root, "g", FilterQuery{Limit: 1})
	if err != nil || filtered.Next == "" {
		t.Fatal(err)
	}
	turned := "b" + page.Forward[1:]
	for name, q := range map[string]GetQuery{
		"another stream's":    {Stream: "other", Token: page.Forward},
		"turned round":        {Stream: "s", Token: turned},
		"cut short":           {Stream: "s", Token: page.Forward[:len(page.Forward)-1]},
		"somebody's own":      {Stream: "s", Token: "f/36972073245616442613264418163487834342103498539034279936"},
		"another operation's": {Stream: "s", Token: "f/" + filtered.Next},
		"empty behind the f":  {Stream: "s", Token: "f/"},
	} {
		_, err := h.Get(t.Context(), root, "g", q)
		if err == nil {
			t.Errorf("%s is taken", name)
			continue
		}
		wantKind(t, err, fault.Invalid, "token")
	}
	_, err = h.Filter(t.Context(), root, "g", FilterQuery{Limit: 1, Pattern: "x", Token: filtered.Next})
	wantKind(t, err, fault.Invalid, "token")
}
