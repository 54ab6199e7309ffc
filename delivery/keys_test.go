package delivery

import (
	"bytes"
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"flowlake/fault"
)

func FuzzReadEntry(f *testing.F) {
	f.Add(appendEntry(nil, [][]byte{[]byte("a"), nil, []byte("bc")}, 1_700_000_000_000))
	f.Add([]byte{entryVersion, 0, 0xff, 0xff, 3})
	f.Fuzz(func(t *testing.T, v []byte) {
		var records [][]byte
		millis, n, err := readEntry(v, func(data []byte) { records = append(records, data) })
		if err != nil {
			if !fault.Is(err, fault.Internal) {
				t.Fatalf("%v", err)
			}
			return
		}
		if n != len(records) {
			t.Fatalf("%d records, %d were read", n, len(records))
		}
		again := appendEntry(nil, records, millis)
		size, _ := entrySize(records, millis)
		if len(again) != size {
			t.Fatalf("an entry of %d bytes was announced as %d", len(again), size)
		}
		var more [][]byte
		if _, _, err := readEntry(again, func(data []byte) { more = append(more, data) }); err != nil || !slices.EqualFunc(records, more, bytes.Equal) {
			t.Fatalf("%q became %q, %v", records, more, err)
		}
	})
}

func TestLedger(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		var n, back ledger
		for _, p := range n.fields() {
			*p = random.Uint64() >> random.IntN(64)
		}
		if err := back.decode(n.encode()); err != nil || back != n {
			t.Fatalf("%+v became %+v, %v", n, back, err)
		}
		if v := n.encode(); back.decode(v[:len(v)-1]) == nil || back.decode(append(v, 0)) == nil {
			t.Fatal("a ledger that is cut, or too long, was read")
		}
	}
}

func TestStreamsAreListedByKind(t *testing.T) {
	h := newHouse(t, Config{})
	for _, name := range []string{"c", "a", "b"} {
		h.create(t, name, 0)
	}
	n := newStream("fl-1", 0)
	n.Kind = KindFlowLog
	_, err := h.Create(t.Context(), root, n)
	ok(t, err)
	names := func(kind, after string, most int) (string, bool) {
		page, more, err := h.Streams(t.Context(), root, kind, after, most)
		ok(t, err)
		var out []string
		for _, d := range page {
			out = append(out, d.Name)
		}
		return strings.Join(out, " "), more
	}
	for _, c := range []struct {
		kind, after string
		most        int
		want        string
		more        bool
	}{
		{KindFirehose, "", 10, "a b c", false}, {KindFirehose, "", 2, "a b", true}, {KindFirehose, "b", 2, "c", false}, {KindFlowLog, "", 10, "fl-1", false},
	} {
		if got, more := names(c.kind, c.after, c.most); got != c.want || more != c.more {
			t.Errorf("%d of %s after %q: %q, %v; want %q, %v", c.most, c.kind, c.after, got, more, c.want, c.more)
		}
	}
	if _, err := h.Stream(t.Context(), root, KindFirehose, "fl-1"); !fault.Is(err, fault.NotFound) {
		t.Errorf("a flow log's stream, as Firehose's: %v", err)
	}
	if _, err := h.Stream(t.Context(), root.In("eu-west-1"), KindFirehose, "a"); !fault.Is(err, fault.NotFound) {
		t.Errorf("a stream of another region: %v", err)
	}
	if _, err := h.Create(t.Context(), root, newStream("a", 0)); !fault.Is(err, fault.Exists) {
		t.Errorf("a stream of a name that is taken: %v", err)
	}
	for _, b := range []Buffer{{1<<20 - 1, 0}, {128<<20 + 1, 0}, {1 << 20, -1}, {1 << 20, 901 * time.Second}} {
		n := newStream("x", 0)
		n.Buffer = b
		if _, err := h.Create(t.Context(), root, n); !fault.Is(err, fault.Invalid) {
			t.Errorf("buffer %v: %v", b, err)
		}
	}
	if _, err := h.Put(t.Context(), root, KindFirehose, "a", [][]byte{nil}); !fault.Is(err, fault.Conflict) {
		t.Errorf("put into a stream that is CREATING: %v", err)
	}
	if err := h.Tag(t.Context(), root, KindFirehose, "a", func(tags map[string]string) error { tags["k"] = "v"; return nil }); err != nil {
		t.Error(err)
	}
	if d, _ := h.Stream(context.Background(), root, KindFirehose, "a"); d.Tags["k"] != "v" || d.Version != 1 {
		t.Errorf("after a tag: %+v", d)
	}
}

func TestQueueIsReadAcrossRestarts(t *testing.T) {
	dir := t.TempDir()
	h := openHouse(t, dir, Config{}, vfs.Default)
	h.run()
	h.create(t, "web", 900*time.Second)
	h.put(t, "web", "a", "b")
	h.close()
	h = openHouse(t, dir, Config{}, vfs.Default)
	defer h.close()
	if n := h.counters(t, "web"); n.Waiting != 2 || n.In != 2 || n.Oldest.IsZero() {
		t.Errorf("after a restart: %+v", n)
	}
	_, err := h.Update(t.Context(), root, KindFirehose, "web", 0, func(d *Stream) error { d.Buffer.Age = 0; return nil })
	ok(t, err)
	h.run()
	until(t, "delivery", func() bool { return h.counters(t, "web").Delivered == 2 })
}
