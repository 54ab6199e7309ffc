package lake

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"pgregory.net/rapid"

	"flowlake/access"
	"flowlake/fault"
	"flowlake/state"
)

// openOn opens a lake on a file system that is not the machine's. Its buckets are in st.
func openOn(t rapid.TB, st *state.Store, fs vfs.FS) *Store {
	t.Helper()
	s, err := open(Config{Dir: "/lake"}, st, access.NewGuard(account), slog.New(slog.DiscardHandler), fs)
	if err != nil {
		t.Fatal(err)
	}
	s.minPart = 0
	return s
}

// withBucket returns a state store that knows the bucket "lake".
func withBucket(t testing.TB) *state.Store {
	t.Helper()
	st, err := state.Open(filepath.Join(t.TempDir(), "state"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	b := Bucket{Name: "lake", Owner: account, Region: "us-east-1"}
	if err := st.Update(ctx, func(tx *state.Tx) error { return tx.Create(bucketID("lake"), b) }); err != nil {
		t.Fatal(err)
	}
	return st
}

// contents reads the whole bucket.
func contents(s *Store, prefix string) (map[string]string, error) {
	out := map[string]string{}
	for o, err := range s.Walk(ctx, root, "lake", prefix) {
		if err != nil {
			return nil, err
		}
		r, err := s.Open(ctx, root, "lake", o.Key)
		if err != nil {
			return nil, err
		}
		b, err := io.ReadAll(r)
		r.Close()
		if err != nil {
			return nil, err
		}
		out[o.Key] = string(b)
	}
	return out, nil
}

// held counts the files that the index holds, lying those that are in the folders of fs.
func held(t rapid.TB, s *Store) (held, lying int) {
	count := func(o Object) { held += len(o.segments) }
	for o, err := range s.Walk(ctx, root, "lake", "") {
		if err != nil {
			t.Fatal(err)
		}
		count(o)
	}
	err := s.eachUpload("lake", "", nil, func(r UploadRef, _ []byte) bool {
		return s.eachPart(r, 0, func(_ int, o Object) bool { count(o); return true }) == nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := range uint64(shards) {
		names, err := s.fs.List(s.shard(i))
		if err != nil {
			t.Fatal(err)
		}
		lying += len(names)
	}
	return held, lying
}

// scribe does random operations and knows what the bucket must hold before and after the one that it is at.
type scribe struct {
	name   string     // its keys begin with it
	mu     sync.Mutex // guards before, after
	before map[string]string
	after  map[string]string
}

func (w *scribe) begin(change func(map[string]string)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.after = maps.Clone(w.before)
	change(w.after)
}

func (w *scribe) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.before = w.after
}

func (w *scribe) step(s *Store, rng *rand.Rand) error {
	key := fmt.Sprintf("%sk%d", w.name, rng.IntN(6))
	body := strings.Repeat(fmt.Sprint(rng.Int64()), rng.IntN(50))
	in := PutInput{Bucket: "lake", Key: key, Body: strings.NewReader(body), Size: int64(len(body))}
	var err error
	switch rng.IntN(7) {
	case 0, 1:
		w.begin(func(m map[string]string) { m[key] = body })
		_, err = s.Put(ctx, root, in)
	case 2:
		w.begin(func(m map[string]string) { delete(m, key) })
		err = s.Delete(ctx, root, "lake", key)
	case 3: // two in, one out
		key = w.name + "k2"
		in.Key = key
		w.begin(func(m map[string]string) { m[key], m[key+"+"] = body, body; delete(m, w.name+"k1") })
		var a, b *Staged
		if a, err = s.Stage(ctx, root, in); err == nil {
			in.Key, in.Body = key+"+", strings.NewReader(body)
			if b, err = s.Stage(ctx, root, in); err == nil {
				err = s.Commit(ctx, root, []*Staged{a, b}, []Ref{{Bucket: "lake", Key: w.name + "k1"}})
			}
		}
	case 4: // a multipart upload, with a part that is given up
		w.begin(func(m map[string]string) { m[key] = body + body })
		var u Upload
		if u, err = s.CreateUpload(ctx, root, in); err != nil {
			return err
		}
		r := UploadRef{"lake", key, u.ID}
		var done Completion
		done.Size = -1
		for n := 1; n <= 3 && err == nil; n++ {
			var p Part
			p, err = s.UploadPart(ctx, root, r, PartInput{Number: n, Body: strings.NewReader(body), Size: -1})
			if n <= 2 {
				done.Parts = append(done.Parts, CompletePart{Number: n, ETag: p.ETag})
			}
		}
		if err == nil {
			_, err = s.CompleteUpload(ctx, root, r, done)
		}
	case 5:
		w.begin(func(map[string]string) {})
		var release func()
		if _, release, err = s.Local(ctx, root, "lake", key); err == nil {
			release()
		} else if fault.Is(err, fault.NotFound) {
			err = nil
		}
	case 6:
		w.begin(func(map[string]string) {})
		err = s.reap(ctx)
	}
	if err == nil {
		w.end()
	}
	return err
}

func TestPowerLoss(t *testing.T) {
	st := withBucket(t)
	rapid.Check(t, func(t *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		at := rapid.IntRange(0, 600).Draw(t, "file system calls before the crash")
		keep := rapid.SampledFrom([]int{0, 0, 50, 90}).Draw(t, "percent of what was not synced that survives")

		disk := vfs.NewCrashableMem()
		w := &scribe{before: map[string]string{}, after: map[string]string{}}
		var (
			mu             sync.Mutex // guards all below
			calls          = -1 << 30
			clone          *vfs.MemFS
			before, after_ map[string]string
		)
		crash := func() {
			w.mu.Lock()
			defer w.mu.Unlock()
			before, after_ = w.before, w.after
			clone = disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: keep, RNG: rand.New(rand.NewPCG(uint64(at), 0))})
		}
		s := openOn(t, st, errorfs.Wrap(disk, errorfs.InjectorFunc(func(errorfs.Op) error {
			mu.Lock()
			defer mu.Unlock()
			if calls++; calls == at {
				crash()
			}
			return nil
		})))
		mu.Lock()
		calls = 0
		mu.Unlock()
		for range 60 {
			if err := w.step(s, rng); err != nil {
				t.Fatal(err)
			}
			mu.Lock()
			crashed := clone != nil
			mu.Unlock()
			if crashed {
				break
			}
		}
		mu.Lock()
		if clone == nil {
			crash()
		}
		mu.Unlock()
		s.Close()

		s = openOn(t, st, clone)
		defer s.Close()
		got, err := contents(s, "")
		if err != nil {
			t.Fatal(err)
		}
		if !maps.Equal(got, before) && !maps.Equal(got, after_) {
			t.Fatalf("after the crash the bucket holds\n%v, want\n%v or\n%v", got, before, after_)
		}
		if _, damage, err := s.Verify(ctx, VerifyOptions{Sums: true}); err != nil || len(damage) > 0 {
			t.Fatal(damage, err)
		}
		if err := s.reap(ctx); err != nil {
			t.Fatal(err)
		}
		if held, lying := held(t, s); held != lying {
			t.Fatalf("%d files lie there, the index holds %d", lying, held)
		}
		for range 5 {
			if err := w.step(s, rng); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestPowerLossUnderManyWriters(t *testing.T) {
	if testing.Short() {
		t.Skip("slow")
	}
	st := withBucket(t)
	for round := range 40 {
		disk := vfs.NewCrashableMem()
		writers := make([]*scribe, 6)
		for i := range writers {
			writers[i] = &scribe{name: fmt.Sprintf("w%d-", i), before: map[string]string{}, after: map[string]string{}}
		}
		var (
			calls atomic.Int64
			clone *vfs.MemFS
			known [][2]map[string]string // what each writer's keys must hold: the one or the other
		)
		at := int64(100 + 40*round)
		crashed := make(chan struct{})
		s := openOn(t, st, errorfs.Wrap(disk, errorfs.InjectorFunc(func(errorfs.Op) error {
			if calls.Add(1) != at {
				return nil
			}
			for _, w := range writers {
				w.mu.Lock()
			}
			clone = disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 30 * (round % 3), RNG: rand.New(rand.NewPCG(uint64(round), 0))})
			for _, w := range writers {
				known = append(known, [2]map[string]string{w.before, w.after})
				w.mu.Unlock()
			}
			close(crashed)
			return nil
		})))
		calls.Store(0)
		var wg sync.WaitGroup
		for i, w := range writers {
			wg.Go(func() {
				rng := rand.New(rand.NewPCG(uint64(round), uint64(i)))
				for {
					select {
					case <-crashed:
						return
					default:
					}
					if err := w.step(s, rng); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
		s.Close()
		if t.Failed() {
			return
		}
		s = openOn(t, st, clone)
		for i, w := range writers {
			got, err := contents(s, w.name)
			if err != nil {
				t.Fatal(err)
			}
			if !maps.Equal(got, known[i][0]) && !maps.Equal(got, known[i][1]) {
				t.Errorf("round %d: after the crash writer %d has\n%v, want\n%v or\n%v", round, i, got, known[i][0], known[i][1])
			}
		}
		if _, damage, err := s.Verify(ctx, VerifyOptions{Sums: true}); err != nil || len(damage) > 0 {
			t.Error(damage, err)
		}
		if err := s.reap(ctx); err != nil {
			t.Fatal(err)
		}
		if held, lying := held(t, s); held != lying {
			t.Errorf("round %d: %d files lie there, the index holds %d", round, lying, held)
		}
		s.Close()
	}
}

func TestDiskFaults(t *testing.T) {
	st := withBucket(t)
	for _, errno := range []syscall.Errno{syscall.ENOSPC, syscall.EIO} {
		for n := 1; ; n++ {
			disk := vfs.NewCrashableMem()
			var mu sync.Mutex
			calls, armed := 0, false
			s := openOn(t, st, errorfs.Wrap(disk, errorfs.InjectorFunc(func(op errorfs.Op) error {
				mu.Lock()
				defer mu.Unlock()
				if !armed || !strings.HasPrefix(op.Path, "/lake/objects") {
					return nil
				}
				if calls++; calls == n {
					return errno
				}
				return nil
			})))
			arm := func(on bool) {
				mu.Lock()
				defer mu.Unlock()
				armed = on
			}
			put(t, s, "k", "old")
			w := &scribe{before: map[string]string{"k": "old"}}
			steps := []struct {
				name string
				do   func() error
				want func(map[string]string)
			}{
				{"put", func() error {
					_, err := s.Put(ctx, root, PutInput{Bucket: "lake", Key: "k", Body: strings.NewReader("new"), Size: 3})
					return err
				}, func(m map[string]string) { m["k"] = "new" }},
				{"upload", func() error {
					u, err := s.CreateUpload(ctx, root, PutInput{Bucket: "lake", Key: "m"})
					if err != nil {
						return err
					}
					r := UploadRef{"lake", "m", u.ID}
					done := Completion{Size: -1}
					for n := range 2 {
						p, err := s.UploadPart(ctx, root, r, PartInput{Number: n + 1, Body: strings.NewReader("part"), Size: 4})
						if err != nil {
							return errors.Join(err, s.AbortUpload(ctx, root, r))
						}
						done.Parts = append(done.Parts, CompletePart{Number: n + 1, ETag: p.ETag})
					}
					_, err = s.CompleteUpload(ctx, root, r, done)
					return err
				}, func(m map[string]string) { m["m"] = "partpart" }},
				{"local", func() error {
					_, release, err := s.Local(ctx, root, "lake", "m")
					if err == nil {
						release()
					}
					if fault.Is(err, fault.NotFound) {
						return nil
					}
					return err
				}, func(map[string]string) {}},
				{"copy", func() error {
					_, err := s.Copy(ctx, root, CopySource{Bucket: "lake", Key: "k"}, PutInput{Bucket: "lake", Key: "c"}, false)
					return err
				}, func(m map[string]string) { m["c"] = m["k"] }},
				{"delete", func() error { return s.Delete(ctx, root, "lake", "k") }, func(m map[string]string) { delete(m, "k") }},
			}
			failures := 0
			for _, step := range steps {
				w.begin(step.want)
				arm(true)
				err := step.do()
				arm(false)
				if err == nil {
					w.end()
				} else if failures++; !fault.Is(err, fault.Unavailable) {
					t.Fatalf("%v at call %d, %s: got %v, want an unavailable fault", errno, n, step.name, err)
				}
				if got, err := contents(s, ""); err != nil || !maps.Equal(got, w.before) {
					t.Fatalf("%v at call %d, %s: the bucket holds %v, want %v (%v)", errno, n, step.name, got, w.before, err)
				}
			}
			if err := s.reap(ctx); err != nil {
				t.Fatal(err)
			}
			if held, lying := held(t, s); held != lying {
				t.Fatalf("%v at call %d: %d files lie there, the index holds %d", errno, n, lying, held)
			}
			s.Close()
			mu.Lock()
			reached := calls >= n
			mu.Unlock()
			if !reached {
				if n < 20 {
					t.Fatalf("only %d calls were made", calls)
				}
				break
			}
			if failures == 0 {
				t.Errorf("%v at call %d: nothing failed", errno, n)
			}
		}
	}
}
