package delivery

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"flowlake/fault"
	"flowlake/logs"
)

var randomSeed = flag.Uint64("delivery.seed", 0, "what the random tests begin with; 0: the clock")

func seeded(t *testing.T) *rand.Rand {
	seed := *randomSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("again with: -run '^%s$' -delivery.seed=%d", t.Name(), seed)
	return rand.New(rand.NewPCG(seed, 1))
}

// world is what a house must show: rows that were acknowledged are there once, rows that were not are there once or not at all.
type world struct {
	mu    sync.Mutex
	n     int
	sure  map[string]bool
	maybe map[string]bool
}

func newWorld() *world { return &world{sure: map[string]bool{}, maybe: map[string]bool{}} }

// rows makes up some rows that no other call makes up.
func (w *world) rows(random *rand.Rand, most int) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := make([]string, 1+random.IntN(most))
	for i := range out {
		w.n++
		kind := "row"
		switch random.IntN(10) {
		case 0:
			kind = "bad"
		case 1:
			kind = "drop"
		}
		out[i] = fmt.Sprintf("%s %d %0*d", kind, w.n, 1+random.IntN(50), 0)
	}
	return out
}

func (w *world) note(rows []string, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range rows {
		if err == nil {
			w.sure[r] = true
		} else {
			w.maybe[r] = true
		}
	}
}

// check compares all that was delivered with all that was put in.
func (w *world) check(t *testing.T, h *house) {
	t.Helper()
	got := map[string]int{}
	for _, row := range append(h.rows(t, "out/"), h.rows(t, "error/")...) {
		got[row]++
	}
	for row, n := range got {
		if n != 1 || !w.sure[row] && !w.maybe[row] {
			t.Errorf("%q is there %d times; acknowledged: %v", row, n, w.sure[row])
		}
		if row[:4] == "drop" {
			t.Errorf("%q was delivered", row)
		}
	}
	for row := range w.sure {
		if row[:4] != "drop" && got[row] == 0 {
			t.Errorf("%q was acknowledged and is not there", row)
		}
	}
	if len(got) == 0 {
		t.Error("nothing was delivered")
	}
}

// settled reports whether a stream has nothing left to deliver.
func (h *house) settled(t *testing.T, name string) bool {
	n := h.counters(t, name)
	return n.Waiting == 0 && n.Behind == 0
}

var randomStreams = []string{"a", "b"}

// prepare makes the streams and groups of a random world.
func (h *house) prepare(t *testing.T) {
	for i, name := range randomStreams {
		h.create(t, name, time.Duration(i)*5*time.Millisecond)
		h.group(t, "g-"+name)
		h.subscribe(t, "g-"+name, name, "")
	}
}

// load puts rows into streams and groups until stop is closed. It returns when it is done.
func (h *house) load(w *world, seed uint64, pause time.Duration, stop <-chan struct{}) {
	var work sync.WaitGroup
	for i, name := range randomStreams {
		random := rand.New(rand.NewPCG(seed, uint64(i)))
		work.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				rows := w.rows(random, 20)
				if random.IntN(2) == 0 {
					records := make([][]byte, len(rows))
					for i, r := range rows {
						records[i] = []byte(r)
					}
					_, err := h.Put(context.Background(), root, KindFirehose, name, records)
					w.note(rows, err)
				} else {
					events := make([]logs.Event, len(rows))
					for i, r := range rows {
						events[i] = logs.Event{TimeMillis: time.Now().UnixMilli(), Message: r}
					}
					_, err := h.logs.Put(context.Background(), root, "g-"+name, "s", events)
					w.note(rows, err)
				}
				time.Sleep(rand.N(pause))
			}
		})
	}
	work.Wait()
}

// trouble makes the lake and the writer fail now and then.
func (h *house) trouble(seed uint64) {
	random := rand.New(rand.NewPCG(seed, 99))
	var mu sync.Mutex
	sometimes := func(one int) error {
		mu.Lock()
		defer mu.Unlock()
		if random.IntN(one) == 0 {
			return fault.Newf(fault.Unavailable, "lake", "%w", errInjected)
		}
		return nil
	}
	h.faults.set(func() {
		h.faults.stage = func(int) error { return sometimes(6) }
		h.faults.commit = func(int) error { return sometimes(6) }
		h.faults.lost = func(int) error { return sometimes(6) }
	})
	h.writer.set(func() {
		h.writer.after = func(*Batch) error {
			if sometimes(30) != nil {
				panic("a defect")
			}
			return sometimes(6)
		}
	})
}

func TestRandomWorld(t *testing.T) {
	rounds := 12
	if testing.Short() {
		rounds = 3
	}
	random := seeded(t)
	cfg := Config{RetryMin: time.Millisecond, RetryMax: 4 * time.Millisecond}
	dir := t.TempDir()
	h := openHouse(t, dir, cfg, vfs.Default)
	w := newWorld()
	h.run()
	h.prepare(t)
	for range rounds {
		seed := random.Uint64()
		h.trouble(seed)
		stop := make(chan struct{})
		done := make(chan struct{})
		go func() { defer close(done); h.load(w, seed, 500*time.Microsecond, stop) }()
		if random.IntN(3) == 0 {
			name := randomStreams[random.IntN(2)]
			_, err := h.Update(t.Context(), root, KindFirehose, name, 0, func(d *Stream) error { d.Buffer.Age = time.Duration(random.IntN(10)) * time.Millisecond; return nil })
			ok(t, err)
		}
		if random.IntN(3) == 0 { // another pattern lets all through, too
			h.subscribe(t, "g-a", "a", []string{"", "-nothing"}[random.IntN(2)])
		}
		time.Sleep(time.Duration(random.IntN(40)) * time.Millisecond)
		close(stop)
		<-done
		for _, name := range randomStreams {
			h.counters(t, name)
		}
		h.close()
		h = openHouse(t, dir, cfg, vfs.Default)
		h.run()
	}
	for _, name := range randomStreams {
		until(t, "the end of "+name, func() bool { return h.settled(t, name) })
	}
	w.check(t, h)
	h.close()
}

// TestPowerLoss takes a house's power away at random moments. Its queue is on a file system that forgets what was not synced; nothing
// of its other stores' later writes is let through.
func TestPowerLoss(t *testing.T) {
	rounds := 25
	if testing.Short() {
		rounds = 4
	}
	random := seeded(t)
	cfg := Config{RetryMin: time.Millisecond, RetryMax: 4 * time.Millisecond}
	dir := t.TempDir()
	fs := vfs.NewCrashableMem()
	h := openHouse(t, dir, cfg, fs)
	w := newWorld()
	h.run()
	h.prepare(t)
	for range rounds {
		seed := random.Uint64()
		stop := make(chan struct{})
		done := make(chan struct{})
		go func() { defer close(done); h.load(w, seed, 500*time.Microsecond, stop) }()
		time.Sleep(time.Duration(random.IntN(30_000)) * time.Microsecond)
		h.faults.power.Lock()
		h.faults.off = true
		var next *vfs.MemFS
		w.lose(func() { // a put that is acknowledged from here on is not promised
			next = fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: random.IntN(101), RNG: rand.New(rand.NewPCG(seed, 7))})
			h.faults.power.Unlock()
			close(stop)
			<-done
		})
		h.close()
		fs = next
		h = openHouse(t, dir, cfg, fs)
		h.run()
	}
	for _, name := range randomStreams {
		until(t, "the end of "+name, func() bool { return h.settled(t, name) })
	}
	w.check(t, h)
	h.close()
}

// lose runs do; what is acknowledged meanwhile is promised to nobody.
func (w *world) lose(do func()) {
	w.mu.Lock()
	before := make(map[string]bool, len(w.sure))
	for r := range w.sure {
		before[r] = true
	}
	w.mu.Unlock()
	do()
	w.mu.Lock()
	defer w.mu.Unlock()
	for r := range w.sure {
		if !before[r] {
			delete(w.sure, r)
			w.maybe[r] = true
		}
	}
}
