package delivery

import (
	"context"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"flowlake/access"
	"flowlake/fault"
	"flowlake/lake"
)

// remote is a lake as one behind a network: it answers 503, takes its time, and resets the connection in the midst of a body or of
// an answer.
type remote struct {
	objects
	slow time.Duration

	mu     sync.Mutex // guards the rest
	random *rand.Rand
	up     bool
	met    map[string]int
}

var (
	errBusy  = fault.Newf(fault.Unavailable, "object store", "503 Slow Down")
	errReset = fault.Newf(fault.Unavailable, "object store", "connection reset by peer")
)

// happens says what goes wrong this time: "" for nothing.
func (r *remote) happens(things ...string) string {
	r.mu.Lock()
	thing := ""
	if i := r.random.IntN(2 * len(things)); i < len(things) && !r.up {
		thing = things[i]
		r.met[thing]++
	}
	r.mu.Unlock()
	if thing == "slow" {
		time.Sleep(r.slow)
	}
	return thing
}

// cut is a body whose connection is reset after so many bytes.
type cut struct {
	io.Reader
	left int
}

func (c *cut) Read(p []byte) (int, error) {
	if c.left == 0 {
		return 0, errReset
	}
	n, err := c.Reader.Read(p[:min(len(p), c.left)])
	c.left -= n
	return n, err
}

func (r *remote) Stage(ctx context.Context, c access.Caller, in lake.PutInput) (*lake.Staged, error) {
	switch r.happens("busy", "slow", "reset in the body", "reset in the answer") {
	case "busy":
		return nil, errBusy
	case "reset in the body":
		r.mu.Lock()
		in.Body = &cut{in.Body, r.random.IntN(200)}
		r.mu.Unlock()
	case "reset in the answer":
		if g, err := r.objects.Stage(ctx, c, in); err != nil {
			return nil, err
		} else {
			g.Discard()
		}
		return nil, errReset
	}
	return r.objects.Stage(ctx, c, in)
}

func (r *remote) Commit(ctx context.Context, c access.Caller, adds []*lake.Staged, removes []lake.Ref, receipts ...lake.Receipt) error {
	what := r.happens("commit busy", "slow", "commit answer lost")
	if what == "commit busy" {
		return errBusy
	}
	err := r.objects.Commit(ctx, c, adds, removes, receipts...)
	if err == nil && what == "commit answer lost" {
		return errReset
	}
	return err
}

func (r *remote) Receipt(ctx context.Context, c access.Caller, name string) (uint64, bool, error) {
	if r.happens("receipt busy", "slow") == "receipt busy" {
		return 0, false, errBusy
	}
	return r.objects.Receipt(ctx, c, name)
}

// TestRemoteFaults claims that a remote which fails in all its ways, over restarts, loses no row and doubles none, that the stream says
// what is wrong, and that it goes on by itself.
func TestRemoteFaults(t *testing.T) {
	rounds := 6
	if testing.Short() {
		rounds = 3
	}
	random := seeded(t)
	dir := t.TempDir()
	cfg := Config{RetryMin: time.Millisecond, RetryMax: 4 * time.Millisecond}
	w := newWorld()
	far := &remote{slow: 30 * time.Millisecond, random: rand.New(rand.NewPCG(random.Uint64(), 3)), met: map[string]int{}}
	up := func(yes bool) {
		far.mu.Lock()
		defer far.mu.Unlock()
		far.up = yes
	}
	open := func() *house {
		h := openHouse(t, dir, cfg, vfs.Default)
		far.objects = h.Store.lake
		h.Store.lake = far
		h.run()
		return h
	}
	h := open()
	h.prepare(t)
	for range rounds {
		up(false)
		stop, done := make(chan struct{}), make(chan struct{})
		seed := random.Uint64()
		go func() { defer close(done); h.load(w, seed, 2*time.Millisecond, stop) }()
		time.Sleep(time.Duration(40+random.IntN(80)) * time.Millisecond)
		close(stop)
		<-done
		for _, name := range randomStreams {
			h.counters(t, name)
		}
		if random.IntN(2) == 0 {
			h.close()
			h = open()
		}
	}
	until(t, "a stream to say what is wrong", func() bool {
		rows := w.rows(random, 3)
		h.put(t, "a", rows...)
		w.note(rows, nil)
		for range 20 {
			if m := h.failure(t, "a").Message; strings.Contains(m, "503") || strings.Contains(m, "reset by peer") {
				return true
			}
			time.Sleep(time.Millisecond)
		}
		return false
	})
	up(true)
	for _, name := range randomStreams {
		until(t, "the end of "+name, func() bool { return h.settled(t, name) })
		until(t, "no more failure", func() bool { return h.failure(t, name) == Failure{} })
	}
	w.check(t, h)
	for _, name := range randomStreams {
		if n := h.counters(t, name); n.In != n.Delivered+n.Failed+n.Dropped {
			t.Errorf("%s: %+v", name, n)
		}
	}
	t.Logf("met: %v", far.met)
	if len(far.met) < 4 {
		t.Errorf("nearly nothing went wrong: %v", far.met)
	}
	h.close()
}

// TestClockThatIsPutBack claims that records of a later hour do not wait for it.
func TestClockThatIsPutBack(t *testing.T) {
	h := newHouse(t, Config{})
	h.create(t, "web", 60*time.Second)
	l, err := h.line(root, KindFirehose, "web")
	ok(t, err)
	ok(t, h.activate(t.Context(), l))
	h.put(t, "web", "a")
	l.oldest = headTime{head: 1, at: time.Now().Add(time.Hour)}
	if at, waiting, err := h.dueAt(t.Context(), l); err != nil || !waiting || !at.IsZero() {
		t.Errorf("due at %v, %v, %v", at, waiting, err)
	}
}

// TestMissingRecordsStopABatch claims that a queue whose last records are gone is not taken for one that was delivered.
func TestMissingRecordsStopABatch(t *testing.T) {
	h := newHouse(t, Config{RetryMin: time.Millisecond, RetryMax: 2 * time.Millisecond})
	h.create(t, "web", 0)
	l, err := h.line(root, KindFirehose, "web")
	ok(t, err)
	ok(t, h.activate(t.Context(), l))
	h.put(t, "web", "a")
	h.put(t, "web", "b")
	ok(t, h.db.Delete(entryKey(l.id, 2), pebble.Sync))
	h.run()
	until(t, "the stream to say it", func() bool { return strings.Contains(h.failure(t, "web").Message, "record 2 is missing") })
	if n := h.counters(t, "web"); n.Waiting != 2 {
		t.Errorf("%+v", n)
	}
}

// TestMissedEventsArePassed claims that events that expired before anything matched are counted when the cursor moves behind them.
func TestMissedEventsArePassed(t *testing.T) {
	h := newHouse(t, Config{})
	stop := h.run()
	h.create(t, "a", 900*time.Second)
	h.group(t, "vpc")
	h.subscribe(t, "vpc", "a", "one")
	l, err := h.line(root, KindFirehose, "a")
	ok(t, err)
	until(t, "the follower", func() bool { return len(l.watched()) == 1 })
	stop()
	f := l.watched()[0]
	f.scanned, f.missed = f.Next+10, 4
	next := f.scanned
	for range 2 {
		ok(t, h.pass(l, f))
		if n := h.counters(t, "a"); n.Missed != 4 || f.Next != next {
			t.Errorf("%+v, read up to %d, want %d", n, f.Next, next)
		}
	}
}
