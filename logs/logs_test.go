package logs

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"flowlake/access"
	"flowlake/fault"
	"flowlake/lake"
	"flowlake/state"
)

const account = "123456789012"

var root = access.Root(account, "us-east-1")

// house is a log room with its neighbours, over one folder.
type house struct {
	*Store
	state *state.Store
	lake  *lake.Store
	dir   string
	fs    vfs.FS
}

// newHouse opens a house that is closed with the test.
func newHouse(t testing.TB) *house {
	t.Helper()
	h := openHouse(t, t.TempDir(), vfs.NewMem())
	t.Cleanup(func() { h.close(t) })
	return h
}

func openHouse(t testing.TB, dir string, fs vfs.FS) *house {
	t.Helper()
	st, err := state.Open(dir + "/state")
	if err != nil {
		t.Fatal(err)
	}
	guard := access.NewGuard(account)
	lk, err := lake.Open(lake.Config{Dir: dir + "/lake"}, st, guard, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	events := "logs"
	if fs == vfs.Default { // the other file systems have nothing but this room
		events = dir + "/logs"
	}
	s, err := open(Config{Dir: events}, fs, st, lk, guard, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return &house{Store: s, state: st, lake: lk, dir: dir, fs: fs}
}

func (h *house) close(t testing.TB) {
	t.Helper()
	for _, err := range []error{h.Store.Close(), h.lake.Close(), h.state.Close()} {
		if err != nil {
			t.Error(err)
		}
	}
}

func (h *house) make(t testing.TB, group string, streams ...string) {
	t.Helper()
	if err := h.CreateGroup(t.Context(), root, group, nil); err != nil {
		t.Fatal(err)
	}
	for _, s := range streams {
		if err := h.CreateStream(t.Context(), root, group, s); err != nil {
			t.Fatal(err)
		}
	}
}

func (h *house) put(t testing.TB, group, stream string, events ...Event) PutResult {
	t.Helper()
	r, err := h.Put(t.Context(), root, group, stream, events)
	if err != nil {
		t.Fatalf("put %d events: %v", len(events), err)
	}
	return r
}

func wantKind(t testing.TB, err error, kind fault.Kind, noun string) {
	t.Helper()
	if !fault.Is(err, kind) || !fault.HasNoun(err, noun) {
		t.Errorf("got error %v (%v), want a fault of kind %v about a %s", err, fault.KindOf(err), kind, noun)
	}
}

func messages(events []Stored) []string {
	out := make([]string, len(events))
	for i, e := range events {
		out[i] = e.Message
	}
	return out
}

func TestGroups(t *testing.T) {
	ctx := t.Context()
	t.Run("a name is checked, and taken once", func(t *testing.T) {
		h := newHouse(t)
		for _, row := range []struct {
			name string
			ok   bool
		}{
			{"vpc", true}, {"/aws/vpc/flow-logs_1.x#y", true}, {strings.Repeat("a", 512), true},
			{"", false}, {strings.Repeat("a", 513), false}, {"aws/x", false}, {"a b", false}, {"a:b", false}, {"ä", false},
		} {
			err := h.CreateGroup(ctx, root, row.name, nil)
			if row.ok && err != nil {
				t.Errorf("%q: %v", row.name, err)
			} else if !row.ok {
				wantKind(t, err, fault.Invalid, "log group")
			}
		}
		wantKind(t, h.CreateGroup(ctx, root, "vpc", nil), fault.Exists, "log group")
	})
	t.Run("they are listed by name in pages, per region", func(t *testing.T) {
		h := newHouse(t)
		for i := range 30 {
			h.make(t, fmt.Sprintf("g/%03d", i))
		}
		if err := h.CreateGroup(ctx, root.In("eu-west-1"), "g/else", nil); err != nil {
			t.Fatal(err)
		}
		var got []string
		q := GroupQuery{Prefix: "g/0", Limit: 8}
		for {
			page, err := h.Groups(ctx, root, q)
			if err != nil {
				t.Fatal(err)
			}
			for _, g := range page.Groups {
				got = append(got, g.Name)
			}
			if q.Token = page.Next; q.Token == "" {
				break
			}
		}
		if len(got) != 30 || got[0] != "g/000" || got[29] != "g/029" {
			t.Errorf("got %d groups: %v", len(got), got)
		}
		page, err := h.Groups(ctx, root, GroupQuery{Pattern: "G/01", Limit: 3})
		if err != nil || len(page.Groups) != 3 || page.Groups[0].Name != "g/010" {
			t.Errorf("by pattern: got %v, %v", page, err)
		}
		_, err = h.Groups(ctx, root, GroupQuery{Pattern: "other", Token: page.Next})
		wantKind(t, err, fault.Invalid, "token")
		_, err = h.Groups(ctx, root, GroupQuery{Limit: 51})
		wantKind(t, err, fault.Invalid, "limit")
		_, err = h.Groups(ctx, root, GroupQuery{Pattern: "a", Prefix: "b"})
		wantKind(t, err, fault.Invalid, "log group filter")
	})
	t.Run("one that is made anew shows nothing old", func(t *testing.T) {
		h := newHouse(t)
		h.make(t, "g", "s")
		h.put(t, "g", "s", Event{time.Now().UnixMilli(), "old"})
		if err := h.DeleteGroup(ctx, root, "g"); err != nil {
			t.Fatal(err)
		}
		_, err := h.Get(ctx, root, "g", GetQuery{Stream: "s"})
		wantKind(t, err, fault.NotFound, "log group")
		wantKind(t, h.DeleteGroup(ctx, root, "g"), fault.NotFound, "log group")
		h.make(t, "g")
		_, err = h.Get(ctx, root, "g", GetQuery{Stream: "s"})
		wantKind(t, err, fault.NotFound, "log stream")
		if err := h.CreateStream(ctx, root, "g", "s"); err != nil {
			t.Fatal(err)
		}
		page, err := h.Get(ctx, root, "g", GetQuery{Stream: "s"})
		if err != nil || len(page.Events) != 0 {
			t.Errorf("got %v, %v, want no events", page.Events, err)
		}
		if r := h.put(t, "g", "s", Event{time.Now().UnixMilli(), "new"}); r.First != 1 {
			t.Errorf("the new group's first sequence is %d, want 1", r.First)
		}
	})
	t.Run("an id that has records is not used again, though state forgot it", func(t *testing.T) {
		h := newHouse(t)
		if err := h.db.Set(streamKey(1, "s"), (&streamDoc{id: 1}).append(nil), nil); err != nil {
			t.Fatal(err)
		}
		h.make(t, "g", "own")
		page, err := h.Streams(ctx, root, "g", StreamQuery{})
		if err != nil || len(page.Streams) != 1 || page.Streams[0].Name != "own" {
			t.Errorf("got %v, %v", page, err)
		}
	})
	t.Run("tags are kept", func(t *testing.T) {
		h := newHouse(t)
		h.make(t, "g")
		if err := h.Tag(ctx, root, "g", map[string]string{"a": "1", "b": "2"}); err != nil {
			t.Fatal(err)
		}
		if err := h.Untag(ctx, root, "g", []string{"a", "none"}); err != nil {
			t.Fatal(err)
		}
		g, err := h.Group(ctx, root, "g")
		if err != nil || len(g.Tags) != 1 || g.Tags["b"] != "2" {
			t.Errorf("got %v, %v", g.Tags, err)
		}
		many := map[string]string{}
		for i := range 50 {
			many[fmt.Sprint(i)] = "größe / 1"
		}
		wantKind(t, h.Tag(ctx, root, "g", many), fault.Limit, "tags")
		wantKind(t, h.CreateGroup(ctx, root, "g2", map[string]string{"": ""}), fault.Invalid, "tag")
		for _, bad := range []map[string]string{{"aws:x": ""}, {"a!": ""}, {"a": "<"}, {"a": strings.Repeat("x", 257)}, {strings.Repeat("x", 129): ""}} {
			wantKind(t, h.Tag(ctx, root, "g", bad), fault.Invalid, "tag")
		}
	})
}

func TestStreams(t *testing.T) {
	ctx := t.Context()
	h := newHouse(t)
	h.make(t, "g")
	now := time.Now().UnixMilli()
	for i := range 60 {
		name := fmt.Sprintf("s%02d", i)
		if err := h.CreateStream(ctx, root, "g", name); err != nil {
			t.Fatal(err)
		}
		if i%2 == 0 { // the order of the times is not that of the names
			h.put(t, "g", name, Event{now - int64(i*37%60), name})
		}
	}
	all := func(q StreamQuery) (names []string) {
		t.Helper()
		for {
			page, err := h.Streams(ctx, root, "g", q)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range page.Streams {
				names = append(names, s.Name)
			}
			if q.Token = page.Next; q.Token == "" {
				return names
			}
		}
	}
	t.Run("names are checked", func(t *testing.T) {
		for _, name := range []string{"", "a:b", "a*", strings.Repeat("x", 513), "\xff"} {
			wantKind(t, h.CreateStream(ctx, root, "g", name), fault.Invalid, "log stream")
		}
		wantKind(t, h.CreateStream(ctx, root, "g", "s00"), fault.Exists, "log stream")
		wantKind(t, h.CreateStream(ctx, root, "none", "s"), fault.NotFound, "log group")
	})
	t.Run("by name, both ways, in pages", func(t *testing.T) {
		up, down := all(StreamQuery{Limit: 7}), all(StreamQuery{Limit: 7, Descending: true})
		if len(up) != 60 || up[0] != "s00" || up[59] != "s59" {
			t.Errorf("up: %v", up)
		}
		for i := range up {
			if up[i] != down[59-i] {
				t.Fatalf("down is not up reversed: %v", down)
			}
		}
		if got := all(StreamQuery{Prefix: "s1", Limit: 3, Descending: true}); len(got) != 10 || got[0] != "s19" {
			t.Errorf("prefix: %v", got)
		}
	})
	t.Run("by the newest event, both ways, in pages", func(t *testing.T) {
		up, down := all(StreamQuery{Limit: 7, ByLast: true}), all(StreamQuery{Limit: 7, ByLast: true, Descending: true})
		if len(up) != 60 || len(down) != 60 {
			t.Fatalf("got %d and %d streams", len(up), len(down))
		}
		var last int64
		for i := range up {
			if up[i] != down[59-i] {
				t.Fatalf("down is not up reversed: %v", down)
			}
			s, err := h.Stream(ctx, root, "g", up[i])
			if err != nil || s.LastMillis < last {
				t.Fatalf("%d: %v after %d, %v", i, s, last, err)
			}
			last = s.LastMillis
		}
	})
	t.Run("a prefix does not go with the order of events", func(t *testing.T) {
		_, err := h.Streams(ctx, root, "g", StreamQuery{ByLast: true, Prefix: "s"})
		wantKind(t, err, fault.Invalid, "log stream filter")
	})
	t.Run("one that is deleted takes its events along", func(t *testing.T) {
		before, _ := h.Group(ctx, root, "g")
		if err := h.DeleteStream(ctx, root, "g", "s00"); err != nil {
			t.Fatal(err)
		}
		wantKind(t, h.DeleteStream(ctx, root, "g", "s00"), fault.NotFound, "log stream")
		after, _ := h.Group(ctx, root, "g")
		if after.Events != before.Events-1 || after.Bytes != before.Bytes-29 {
			t.Errorf("got %d events of %d bytes after %d of %d", after.Events, after.Bytes, before.Events, before.Bytes)
		}
		batch, err := h.ReadFrom(ctx, root, "g", 1, 100)
		if err != nil || batch.Missed != 1 || batch.Next != 31 || len(batch.Events) != 29 {
			t.Errorf("a follower got %d events, missed %d, next %d, %v", len(batch.Events), batch.Missed, batch.Next, err)
		}
		if err := h.CreateStream(ctx, root, "g", "s00"); err != nil {
			t.Fatal(err)
		}
		page, err := h.Get(ctx, root, "g", GetQuery{Stream: "s00"})
		if err != nil || len(page.Events) != 0 {
			t.Errorf("made anew it shows %v, %v", page.Events, err)
		}
	})
	if err := h.Verify(ctx, nil); err != nil {
		t.Error(err)
	}
}

func TestStartKeepsEverything(t *testing.T) {
	dir, fs := t.TempDir(), vfs.NewMem()
	h := openHouse(t, dir, fs)
	h.make(t, "g", "s")
	now := time.Now().UnixMilli()
	h.put(t, "g", "s", Event{now, "one"}, Event{now, "two"})
	page, err := h.Get(t.Context(), root, "g", GetQuery{Stream: "s", Limit: 1, FromHead: true})
	if err != nil {
		t.Fatal(err)
	}
	h.close(t)
	h = openHouse(t, dir, fs)
	defer h.close(t)
	if r := h.put(t, "g", "s", Event{now, "three"}); r.First != 3 {
		t.Errorf("the next sequence is %d, want 3", r.First)
	}
	page, err = h.Get(t.Context(), root, "g", GetQuery{Stream: "s", Token: page.Forward})
	if got := messages(page.Events); err != nil || len(got) != 2 || got[0] != "two" || got[1] != "three" {
		t.Errorf("an old token gives %v, %v", got, err)
	}
}

func TestWait(t *testing.T) {
	h := newHouse(t)
	h.make(t, "g", "s")
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	woken := make(chan error, 1)
	go func() { woken <- h.Wait(ctx, root, "g", 2) }()
	h.put(t, "g", "s", Event{time.Now().UnixMilli(), "one"})
	h.put(t, "g", "s", Event{time.Now().UnixMilli(), "two"})
	if err := <-woken; err != nil {
		t.Error(err)
	}
	go func() { woken <- h.Wait(ctx, root, "g", 3) }()
	time.Sleep(time.Millisecond) // either order is right
	if err := h.DeleteGroup(ctx, root, "g"); err != nil {
		t.Fatal(err)
	}
	wantKind(t, <-woken, fault.NotFound, "log group")
}
