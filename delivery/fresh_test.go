package delivery

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"flowlake/access"
	"flowlake/catalog"
	"flowlake/fault"
)

// early is a scribe whose streams convert into tables of their names; its "Parquet files" are the rows' lines.
type early struct {
	*scribe
	refuse error
}

func (w early) FreshTable(_ context.Context, d Stream) (TableRef, bool, error) {
	return TableRef{Region: "us-east-1", Database: "db", Table: d.Name}, true, w.refuse
}

func (w early) FreshElsewhere(Stream, catalog.Table) (string, bool) { return "", false }

func (w early) Convert(ctx context.Context, b *Batch, _ catalog.Table, dir string) ([]FreshFile, error) {
	var text strings.Builder
	for g, err := range b.Segments(ctx) {
		if err != nil {
			return nil, err
		}
		for _, r := range g.Records {
			if !strings.HasPrefix(string(r.Data), "bad") && !strings.HasPrefix(string(r.Data), "drop") && r.Data[0] != 0x1f {
				text.WriteString(string(r.Data) + "\n")
			}
		}
		if g.Events != nil {
			for _, e := range g.Events.Events {
				if !strings.HasPrefix(e.Message, "bad") && !strings.HasPrefix(e.Message, "drop") {
					text.WriteString(e.Message + "\n")
				}
			}
		}
	}
	if text.Len() == 0 {
		return nil, nil
	}
	path := filepath.Join(dir, "rows")
	return []FreshFile{{Path: path, Size: int64(text.Len())}}, os.WriteFile(path, []byte(text.String()), 0o600)
}

// snapshot counts each row of a table: in objects, and on its way.
func (h *house) snapshot(t *testing.T, table string) map[string]int {
	t.Helper()
	fresh, err := h.Fresh(t.Context(), root, catalog.Table{Database: "db", Name: table}, t.TempDir())
	ok(t, err)
	rows := h.rows(t, "out/"+table+"/")
	fresh.Release()
	for _, f := range fresh.Files {
		data, err := os.ReadFile(f.Path)
		ok(t, err)
		rows = slices.AppendSeq(rows, strings.Lines(string(data)))
	}
	seen := map[string]int{}
	for _, r := range rows {
		seen[strings.TrimSuffix(r, "\n")]++
	}
	return seen
}

// TestFresh asks for snapshots while rows come in and batches become visible: each row that was acknowledged before the question is
// there once, and none is there twice.
func TestFresh(t *testing.T) {
	rounds := 40
	if testing.Short() {
		rounds = 10
	}
	random := seeded(t)
	h := newHouse(t, Config{RetryMin: time.Millisecond, RetryMax: 4 * time.Millisecond})
	h.Handle(KindFirehose, early{scribe: h.writer})
	h.run()
	h.prepare(t)
	h.trouble(random.Uint64())
	w := newWorld()
	stop := make(chan struct{})
	var work sync.WaitGroup
	seed := random.Uint64()
	work.Go(func() { h.load(w, seed, 10*time.Millisecond, stop) })
	t.Cleanup(work.Wait)
	halt := sync.OnceFunc(func() { close(stop) })
	t.Cleanup(halt)
	for round := range rounds {
		if t.Failed() {
			break
		}
		name := randomStreams[round%2]
		w.mu.Lock()
		before := maps.Clone(w.sure)
		w.mu.Unlock()
		seen := map[string]int{}
		for _, table := range randomStreams {
			maps.Copy(seen, h.snapshot(t, table))
		}
		for row := range before {
			if strings.HasPrefix(row, "row") && seen[row] != 1 {
				t.Errorf("round %d, table %s: %q is there %d times", round, name, row, seen[row])
			}
		}
		for row, n := range seen {
			if n > 1 {
				t.Errorf("round %d: %q is there %d times", round, row, n)
			}
		}
		time.Sleep(time.Duration(random.IntN(5)) * time.Millisecond)
	}
	halt()
	work.Wait()
}

func TestFreshPieces(t *testing.T) {
	h := newHouse(t, Config{})
	h.Handle(KindFirehose, early{scribe: h.writer})
	h.run()
	h.create(t, "a", 900*time.Second)
	_, err := h.Update(t.Context(), root, KindFirehose, "a", 0, func(d *Stream) error { d.Buffer.Bytes = 128 << 20; return nil })
	ok(t, err)
	want := 0
	l, err := h.line(root, KindFirehose, "a")
	ok(t, err)
	for range 16 {
		records := make([][]byte, 9_000)
		for i := range records {
			records[i] = fmt.Appendf(nil, "row %d", want+i)
		}
		want += len(records)
		_, err := h.Put(t.Context(), root, KindFirehose, "a", records)
		ok(t, err)
		if seen := h.snapshot(t, "a"); len(seen) != want {
			t.Fatalf("%d rows, want %d", len(seen), want)
		}
	}
	if n := len(l.fresh.pieces[""]); n > want/freshSpan+2 {
		t.Errorf("%d pieces of %d rows: small ones are not joined", n, want)
	}
	ok(t, h.Delete(t.Context(), root, KindFirehose, "a"))
	until(t, "its end", func() bool { _, err := h.line(root, KindFirehose, "a"); return err != nil })
	left, err := os.ReadDir(h.cfg.Scratch)
	ok(t, err)
	if len(left) != 0 {
		t.Errorf("%d folders are left of a deleted stream", len(left))
	}
}

func TestFreshIsRefused(t *testing.T) {
	h := newHouse(t, Config{})
	h.Handle(KindFirehose, early{scribe: h.writer, refuse: fault.Newf(fault.Unsupported, "stream", "has a transform function")})
	h.run()
	h.create(t, "a", 0)
	_, err := h.Fresh(t.Context(), root, catalog.Table{Database: "db", Name: "a"}, t.TempDir())
	if !fault.Is(err, fault.Unsupported) {
		t.Errorf("with a transform: %v", err)
	}
	for _, c := range []access.Caller{root.In("eu-west-1"), access.Root("999999999999", "us-east-1")} {
		if _, err := h.Fresh(t.Context(), c, catalog.Table{Database: "db", Name: "a"}, t.TempDir()); !fault.Is(err, fault.NotFound) {
			t.Errorf("as %+v: %v", c, err)
		}
	}
	if _, err := h.Fresh(t.Context(), root, catalog.Table{Database: "db", Name: "none"}, t.TempDir()); !fault.Is(err, fault.NotFound) {
		t.Errorf("of a table that nobody writes to: %v", err)
	}
}
