package delivery

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"flowlake/access"
	"flowlake/catalog"
	"flowlake/lake"
	"flowlake/logs"
	"flowlake/state"
)

const account = "123456789012"

var root = access.Root(account, "us-east-1")

const bucket = "delivered"

// house is a delivery room with its neighbours, over one folder.
type house struct {
	*Store
	state  *state.Store
	lake   *lake.Store
	logs   *logs.Store
	tables *catalog.Catalog
	writer *scribe
	faults *faults
	stop   func()
}

func newHouse(t testing.TB, cfg Config) *house {
	t.Helper()
	h := openHouse(t, t.TempDir(), cfg, vfs.Default)
	t.Cleanup(h.close)
	return h
}

func openHouse(t testing.TB, dir string, cfg Config, fs vfs.FS) *house {
	t.Helper()
	return openGuarded(t, dir, cfg, fs, func(*state.Store) *access.Guard { return access.NewGuard(account) })
}

// openGuarded is openHouse with a guard that may know identities.
func openGuarded(t testing.TB, dir string, cfg Config, fs vfs.FS, guarded func(*state.Store) *access.Guard) *house {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	if os.Getenv("DELIVERY_LOG") != "" {
		log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	st, err := state.Open(dir + "/state")
	ok(t, err)
	guard := guarded(st)
	lk, err := lake.Open(lake.Config{Dir: dir + "/lake"}, st, guard, log)
	ok(t, err)
	lg, err := logs.Open(logs.Config{Dir: dir + "/logs"}, st, lk, guard, log)
	ok(t, err)
	tables := catalog.Open(st, guard, log)
	cfg.Dir, cfg.Scratch = dir+"/delivery", dir+"/scratch"
	if fs != vfs.Default {
		cfg.Dir = "delivery"
	}
	broken := &faults{lake: lk}
	s, err := open(cfg, fs, st, broken, lg, tables, guard, log)
	ok(t, err)
	h := &house{Store: s, state: st, lake: lk, logs: lg, tables: tables, writer: &scribe{}, faults: broken}
	s.Handle(KindFirehose, h.writer)
	s.Handle(KindFlowLog, h.writer)
	lg.SetDestinations(s)
	if _, err := lk.Bucket(context.Background(), root, bucket); err != nil {
		ok(t, lk.CreateBucket(context.Background(), root, bucket))
	}
	return h
}

// run begins the house's work; close, or the function that it returns, ends it.
func (h *house) run() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		h.Run(ctx)
	}()
	h.stop = func() { cancel(); <-done; h.stop = nil }
	return h.stop
}

func (h *house) close() {
	if h.stop != nil {
		h.stop()
	}
	h.Store.Close()
	h.logs.Close()
	h.lake.Close()
	h.state.Close()
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// until waits for something that happens by itself.
func until(t testing.TB, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !done(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("in vain: %s", what)
		}
	}
}

func (h *house) create(t testing.TB, name string, age time.Duration) {
	t.Helper()
	_, err := h.Create(context.Background(), root, newStream(name, age))
	ok(t, err)
	if h.stop != nil {
		until(t, name+" to be ACTIVE", func() bool {
			d, err := h.Stream(context.Background(), root, KindFirehose, name)
			ok(t, err)
			return d.Status == Active
		})
	}
}

func newStream(name string, age time.Duration) NewStream {
	return NewStream{Kind: KindFirehose, Name: name, ARN: root.ARN("firehose", "deliverystream/"+name), Service: "firehose.amazonaws.com",
		Settings: json.RawMessage(`{"bucket":"` + bucket + `"}`), Buffer: Buffer{Bytes: 1 << 20, Age: age}}
}

func (h *house) put(t testing.TB, name string, rows ...string) {
	t.Helper()
	records := make([][]byte, len(rows))
	for i, r := range rows {
		records[i] = []byte(r)
	}
	_, err := h.Put(context.Background(), root, KindFirehose, name, records)
	ok(t, err)
}

func (h *house) counters(t testing.TB, name string) Counters {
	t.Helper()
	n, err := h.Counters(context.Background(), root, KindFirehose, name)
	ok(t, err)
	if n.In != n.Delivered+n.Failed+n.Dropped+n.Waiting {
		t.Errorf("counters do not add up: %+v", n)
	}
	return n
}

// rows returns the lines of all objects whose keys begin with prefix, sorted.
func (h *house) rows(t testing.TB, prefix string) []string {
	t.Helper()
	var out []string
	for o, err := range h.lake.Walk(context.Background(), root, bucket, prefix) {
		ok(t, err)
		r, err := h.lake.Open(context.Background(), root, bucket, o.Key)
		ok(t, err)
		data, err := io.ReadAll(r)
		ok(t, err)
		r.Close()
		for line := range strings.Lines(string(data)) {
			out = append(out, strings.TrimSuffix(line, "\n"))
		}
	}
	slices.Sort(out)
	return out
}

// scribe is a Writer that writes rows as lines: those that begin with "bad" under "error/", those with "drop" nowhere, the others
// under "out/" and the stream's name. A record "n×row" is n rows.
type scribe struct {
	mu       sync.Mutex
	roles    []Role // set before there are streams
	check    func(Stream) error
	plan     func() error
	before   func(*Batch) error // asked before a batch
	after    func(*Batch) error // and behind its last row
	into     *NewPartition      // that its batches are said to be of
	segments int
	batches  []uint64
}

func (w *scribe) Roles(Stream) ([]Role, error) { return w.roles, nil }

func (w *scribe) Check(_ context.Context, _ access.Caller, d Stream) error {
	if w.check != nil {
		return w.check(d)
	}
	return nil
}

func (w *scribe) Plan(context.Context, Stream) (json.RawMessage, error) {
	w.mu.Lock()
	plan := w.plan
	w.mu.Unlock()
	if plan != nil {
		if err := plan(); err != nil {
			return nil, err
		}
	}
	return json.RawMessage(`{"schema":1}`), nil
}

func (w *scribe) Write(ctx context.Context, b *Batch, out *Output) error {
	return w.write(ctx, b, out, nil)
}

// Reject meets Rejecter: every row is a bad one, with the reason behind it.
func (w *scribe) Reject(ctx context.Context, b *Batch, reason error, out *Output) error {
	return w.write(ctx, b, out, reason)
}

func (w *scribe) write(ctx context.Context, b *Batch, out *Output, reason error) error {
	w.mu.Lock()
	before, behind := w.before, w.after
	if reason != nil {
		before, behind = nil, nil
	} else if w.into != nil {
		out.Partition(*w.into)
	}
	w.batches = append(w.batches, b.Number)
	w.mu.Unlock()
	if before != nil {
		if err := before(b); err != nil {
			return err
		}
	}
	var to struct{ Bucket string }
	if err := json.Unmarshal(b.Stream.Settings, &to); err != nil {
		return err
	}
	open := map[string]io.WriteCloser{}
	line := func(folder, row string) error {
		o := open[folder]
		if o == nil {
			var err error
			key := folder + "/" + b.Stream.Name + "/" + b.Oldest.Format("2006-01-02-15-04-05") + "-" + b.UUID(folder).String()
			if o, err = out.Create(ctx, b.Stream.Caller, lake.PutInput{Bucket: to.Bucket, Key: key}); err != nil {
				return err
			}
			open[folder] = o
		}
		_, err := io.WriteString(o, row+"\n")
		return err
	}
	row := func(text string) error {
		if reason != nil {
			out.Failed(1)
			return line("error", text+": "+reason.Error())
		}
		switch {
		case strings.HasPrefix(text, "bad"):
			out.Failed(1)
			return line("error", text)
		case strings.HasPrefix(text, "drop"), strings.HasPrefix(text, "\x1f\x8b"): // a control message
			out.Dropped(1)
			return nil
		default:
			out.Delivered(1)
			return line("out", text)
		}
	}
	for g, err := range b.Segments(ctx) {
		if err != nil {
			return err
		}
		w.mu.Lock()
		w.segments++
		w.mu.Unlock()
		for _, r := range g.Records {
			n, text := 1, string(r.Data)
			if m, err := fmt.Sscanf(text, "%d×", &n); m == 1 && err == nil {
				_, text, _ = strings.Cut(text, "×")
				out.More(int64(n - 1))
			}
			for range n {
				if err := row(text); err != nil {
					return err
				}
			}
		}
		if g.Events != nil {
			for _, e := range g.Events.Events {
				if err := row(strings.Join(append([]string{e.Message}, e.Values...), "|")); err != nil {
					return err
				}
			}
		}
	}
	for _, o := range open {
		if err := o.Close(); err != nil {
			return err
		}
	}
	if behind != nil {
		return behind(b)
	}
	return nil
}

// set changes what the scribe does between batches.
func (w *scribe) set(change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change()
}

// faults is a lake that fails when it is told to.
type faults struct {
	lake *lake.Store

	power sync.RWMutex // held for reading during a commit
	off   bool         // guarded by power: nothing more gets through

	mu     sync.Mutex // guards the rest
	stage  func(n int) error
	commit func(n int) error // before
	lost   func(n int) error // an answer that gets lost: after the commit
	staged int
	done   int
}

var errInjected = errors.New("injected")

func (f *faults) Stage(ctx context.Context, c access.Caller, in lake.PutInput) (*lake.Staged, error) {
	f.mu.Lock()
	f.staged++
	n, stage := f.staged, f.stage
	f.mu.Unlock()
	if stage != nil {
		if err := stage(n); err != nil {
			return nil, err
		}
	}
	return f.lake.Stage(ctx, c, in)
}

func (f *faults) Commit(ctx context.Context, c access.Caller, adds []*lake.Staged, removes []lake.Ref, receipts ...lake.Receipt) error {
	f.mu.Lock()
	f.done++
	n, commit, lost := f.done, f.commit, f.lost
	f.mu.Unlock()
	if commit != nil {
		if err := commit(n); err != nil {
			return err
		}
	}
	f.power.RLock()
	defer f.power.RUnlock()
	if f.off {
		return errInjected
	}
	if err := f.lake.Commit(ctx, c, adds, removes, receipts...); err != nil {
		return err
	}
	if lost != nil {
		return lost(n)
	}
	return nil
}

func (f *faults) Receipt(ctx context.Context, c access.Caller, name string) (uint64, bool, error) {
	return f.lake.Receipt(ctx, c, name)
}

func (f *faults) Forget(ctx context.Context, c access.Caller, name string) error {
	return f.lake.Forget(ctx, c, name)
}

func (f *faults) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

func (h *house) group(t testing.TB, name string) {
	t.Helper()
	ok(t, h.logs.CreateGroup(context.Background(), root, name, nil))
	ok(t, h.logs.CreateStream(context.Background(), root, name, "s"))
}

func (h *house) subscribe(t testing.TB, group, stream, pattern string) {
	t.Helper()
	_, err := h.logs.PutSubscription(context.Background(), root, logs.SubscriptionInput{Group: group, Name: "to-" + stream, Pattern: pattern,
		DestinationARN: root.ARN("firehose", "deliverystream/"+stream), RoleARN: "arn:aws:iam::" + account + ":role/subscriber"})
	ok(t, err)
}

func (h *house) say(t testing.TB, group string, messages ...string) {
	t.Helper()
	events := make([]logs.Event, len(messages))
	now := time.Now().UnixMilli()
	for i, m := range messages {
		events[i] = logs.Event{TimeMillis: now, Message: m}
	}
	_, err := h.logs.Put(context.Background(), root, group, "s", events)
	ok(t, err)
}

func putInput(key string) lake.PutInput { return lake.PutInput{Bucket: bucket, Key: key} }
