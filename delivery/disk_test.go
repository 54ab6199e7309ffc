package delivery

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"flowlake/fault"
)

// smallDisk is a file system with as much room as it is told.
type smallDisk struct {
	vfs.FS
	free *atomic.Uint64
}

func (d smallDisk) GetDiskUsage(string) (vfs.DiskUsage, error) {
	return vfs.DiskUsage{AvailBytes: d.free.Load(), TotalBytes: 1 << 40}, nil
}

func TestFullDisk(t *testing.T) {
	disk := smallDisk{vfs.NewMem(), new(atomic.Uint64)}
	disk.free.Store(1 << 30)
	h := openHouse(t, t.TempDir(), Config{RetryMin: time.Millisecond, RetryMax: 5 * time.Millisecond}, disk)
	t.Cleanup(h.close)
	h.run()
	h.create(t, "web", 60*time.Millisecond)
	h.put(t, "web", "a")
	disk.free.Store(10 << 20)
	until(t, "puts to be refused", func() bool {
		_, err := h.Put(context.Background(), root, KindFirehose, "web", [][]byte{[]byte("never")})
		if err != nil && !fault.Is(err, fault.Unavailable) {
			t.Fatalf("put onto a full disk: %v", err)
		}
		return err != nil
	})
	until(t, "the stream to say it", func() bool {
		d, err := h.Stream(context.Background(), root, KindFirehose, "web")
		ok(t, err)
		return strings.Contains(d.Failure.Message, "the disk is full")
	})
	disk.free.Store(1 << 30)
	until(t, "delivery", func() bool { return h.counters(t, "web").Waiting == 0 })
	h.put(t, "web", "b")
	until(t, "delivery", func() bool { return h.counters(t, "web").Waiting == 0 })
	rows := slices.DeleteFunc(h.rows(t, "out/web/"), func(r string) bool { return r == "never" }) // before the disk's state was known
	if !slices.Equal(rows, []string{"a", "b"}) {
		t.Errorf("delivered %q", rows)
	}
}

func TestTableThatIsDroppedWhileRecordsWait(t *testing.T) {
	h := newHouse(t, Config{RetryMin: time.Millisecond, RetryMax: 5 * time.Millisecond})
	h.run()
	h.create(t, "web", 0)
	h.writer.set(func() {
		h.writer.plan = func() error { return fault.Newf(fault.NotFound, "table d.t", "does not exist") }
	})
	h.put(t, "web", "a")
	until(t, "the failure", func() bool {
		d, err := h.Stream(context.Background(), root, KindFirehose, "web")
		ok(t, err)
		return strings.Contains(d.Failure.Message, "table d.t") && d.Failure.Attempts > 3
	})
	h.writer.set(func() { h.writer.plan = nil })
	until(t, "delivery", func() bool { return h.counters(t, "web").Delivered == 1 })
}

// TestKeep says that a function is asked once for the same records, whatever becomes of the batch.
func TestKeep(t *testing.T) {
	dir := t.TempDir()
	cfg := Config{RetryMin: time.Millisecond, RetryMax: 5 * time.Millisecond}
	h := openHouse(t, dir, cfg, vfs.Default)
	asked := 0
	w := &asking{scribe: h.writer, ask: func() ([]byte, error) { asked++; return []byte{byte(asked)}, nil }}
	h.Handle(KindFirehose, w)
	h.run()
	h.create(t, "web", 0)
	h.faults.set(func() { h.faults.commit = func(int) error { return errInjected } })
	h.put(t, "web", "a")
	until(t, "some attempts", func() bool { return h.counters(t, "web").Retries > 3 })
	h.close()
	h = openHouse(t, dir, cfg, vfs.Default)
	defer func() { h.close() }()
	w.scribe = h.writer
	h.Handle(KindFirehose, w)
	h.run()
	until(t, "delivery", func() bool { return h.counters(t, "web").Delivered == 1 })
	if asked != 1 || !slices.Equal(w.got, []byte{1}) {
		t.Errorf("asked %d times, got %v; want once, and always the first answer", asked, w.got)
	}
	h.put(t, "web", "b")
	until(t, "delivery", func() bool { return h.counters(t, "web").Delivered == 2 })
	if asked != 2 {
		t.Errorf("asked %d times for two batches", asked)
	}
	l, err := h.line(root, KindFirehose, "web")
	ok(t, err)
	it, err := h.iter(key(l.id, keyKept), after(key(l.id, keyKept)))
	ok(t, err)
	defer it.Close()
	if it.First() {
		t.Error("what was kept of a batch outlives it")
	}
}

// asking is a scribe that keeps an answer with each batch.
type asking struct {
	*scribe
	ask func() ([]byte, error)
	got []byte
}

func (w *asking) Write(ctx context.Context, b *Batch, out *Output) error {
	answer, err := out.Keep(ctx, "function", w.ask)
	if err != nil {
		return err
	}
	w.got = slices.Compact(append(w.got, answer[0]))
	if answer[0] == 2 {
		w.got = w.got[:1]
	}
	return w.scribe.Write(ctx, b, out)
}

func TestWritersThatDoNotAddUp(t *testing.T) {
	h := newHouse(t, Config{RetryMin: time.Millisecond, RetryMax: 5 * time.Millisecond})
	careless := &forgetful{scribe: h.writer}
	h.Handle(KindFirehose, careless)
	h.run()
	h.create(t, "web", 0)
	for _, mistake := range []string{"one row more", "not to its end", "was not closed"} {
		careless.mistake.Store(&mistake)
		h.put(t, "web", mistake)
		until(t, mistake, func() bool {
			d, err := h.Stream(context.Background(), root, KindFirehose, "web")
			ok(t, err)
			return d.Failure.Attempts > 1
		})
		none := ""
		careless.mistake.Store(&none)
		until(t, "its recovery", func() bool { return h.counters(t, "web").Waiting == 0 })
		until(t, "the failure's end", func() bool {
			d, err := h.Stream(context.Background(), root, KindFirehose, "web")
			ok(t, err)
			return d.Failure == Failure{}
		})
	}
	if got := h.rows(t, "out/web/"); len(got) != 3 {
		t.Errorf("delivered %q", got)
	}
}

type forgetful struct {
	*scribe
	mistake atomic.Pointer[string]
}

func (w *forgetful) Write(ctx context.Context, b *Batch, out *Output) error {
	switch *w.mistake.Load() {
	case "one row more":
		out.Delivered(1)
	case "not to its end":
		for range b.Segments(ctx) {
			break
		}
		return nil
	case "was not closed":
		if _, err := out.Create(ctx, b.Stream.Caller, putInput("left-open")); err != nil {
			return err
		}
	}
	return w.scribe.Write(ctx, b, out)
}

func TestNewerDataIsRefused(t *testing.T) {
	dir := t.TempDir()
	h := openHouse(t, dir, Config{}, vfs.Default)
	ok(t, h.db.Set(append(make([]byte, 16), keyFormat), []byte{formatVersion + 1}, pebble.Sync))
	h.close()
	h2 := openHouse(t, t.TempDir(), Config{}, vfs.Default)
	defer h2.close()
	cfg := Config{Dir: dir + "/delivery", Scratch: t.TempDir()}
	if _, err := Open(cfg, h2.state, h2.lake, h2.logs, h2.tables, h2.guard, h2.log); !fault.Is(err, fault.Conflict) {
		t.Errorf("data of a newer program: %v", err)
	}
}
