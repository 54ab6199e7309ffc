package lake

import (
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"flowlake/access"
	"flowlake/fault"
)

func stage(t testing.TB, s *Store, key, body string) *Staged {
	t.Helper()
	g, err := s.Stage(ctx, root, PutInput{Bucket: "lake", Key: key, Body: strings.NewReader(body), Size: int64(len(body))})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestReceiptIsThereExactlyWhenItsObjectsAre(t *testing.T) {
	s := openLake(t)
	want := func(name string, number uint64, there bool) {
		t.Helper()
		n, found, err := s.Receipt(ctx, root, name)
		if err != nil || n != number || found != there {
			t.Errorf("receipt %s is %d, %v, %v; want %d, %v", name, n, found, err, number, there)
		}
	}
	commit := func(kind fault.Kind, noun, key string, receipts ...Receipt) {
		t.Helper()
		g := stage(t, s, key, key)
		err := s.Commit(ctx, root, []*Staged{g}, nil, receipts...)
		_, herr := s.Head(ctx, root, "lake", key)
		if noun == "" {
			if err != nil || herr != nil {
				t.Errorf("commit of %s: %v, %v", key, err, herr)
			}
			return
		}
		if !fault.Is(err, kind) || !fault.HasNoun(err, noun) || !fault.Is(herr, fault.NotFound) {
			t.Errorf("commit of %s: %v, then %v; want %v about %s and no object", key, err, herr, kind, noun)
		}
	}
	want("a", 0, false)
	commit(0, "", "k1", Receipt{"a", 3}, Receipt{"b", 0})
	want("a", 3, true)
	want("b", 0, true)
	commit(fault.Exists, "receipt", "k2", Receipt{"a", 3})
	commit(fault.Exists, "receipt", "k3", Receipt{"c", 1}, Receipt{"a", 2})
	commit(fault.Invalid, "receipt", "k4", Receipt{"c", 1}, Receipt{"c", 2})
	commit(fault.Invalid, "receipt", "k5", Receipt{"", 1})
	commit(fault.Invalid, "receipt", "k6", Receipt{"a\x00b", 1})
	want("a", 3, true)
	want("c", 0, false)
	g := stage(t, s, "k1", "again")
	g.change.ifNoneMatch = true
	if err := s.Commit(ctx, root, []*Staged{g}, nil, Receipt{"a", 4}); !fault.Is(err, fault.Precondition) {
		t.Errorf("got %v", err)
	}
	want("a", 3, true)
	if err := s.Commit(ctx, root, nil, nil, Receipt{"a", 9}); err != nil {
		t.Error(err)
	}
	want("a", 9, true)
	if n, found, err := s.Receipt(ctx, access.Root("999999999999", "us-east-1"), "a"); n != 0 || found || err != nil {
		t.Errorf("another account sees %d, %v, %v", n, found, err)
	}
	for range 2 {
		if err := s.Forget(ctx, root, "a"); err != nil {
			t.Error(err)
		}
		want("a", 0, false)
	}
	commit(0, "", "k7", Receipt{"a", 1})
	if n := countFiles(t, s); n != 2 {
		t.Errorf("%d files lie there, want those of k1 and k7", n)
	}
	if _, damage, err := s.Verify(ctx, VerifyOptions{Sums: true}); err != nil || len(damage) > 0 {
		t.Error(damage, err)
	}
}

func TestReceiptOfConcurrentCommitsIsWrittenOnce(t *testing.T) {
	s := openLake(t)
	var wg sync.WaitGroup
	var mu sync.Mutex // guards won
	won := 0
	for i := range 8 {
		wg.Go(func() {
			g := stage(t, s, fmt.Sprint("k", i), "x")
			err := s.Commit(ctx, root, []*Staged{g}, nil, Receipt{"work", 1})
			if err == nil {
				mu.Lock()
				won++
				mu.Unlock()
			} else if !fault.Is(err, fault.Exists) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	l, err := s.List(ctx, root, "lake", ListInput{})
	if err != nil || won != 1 || len(l.Objects) != 1 {
		t.Errorf("%d commits won and %d objects are there (%v)", won, len(l.Objects), err)
	}
}

// TestReceiptSurvivesPowerLossWithItsObjects crashes at every call of the file system while work commits that
// names what it did by a number, and does it again from its receipt.
func TestReceiptSurvivesPowerLossWithItsObjects(t *testing.T) {
	st := withBucket(t)
	const rounds = 4
	step := 3
	if testing.Short() {
		step = 17
	}
	work := func(s *Store, from uint64) error {
		for n := from; n < rounds; n++ {
			var adds []*Staged
			for _, key := range []string{"a", "b"} {
				g, err := s.Stage(ctx, root, PutInput{Bucket: "lake", Key: fmt.Sprintf("%d/%s", n, key), Body: io.LimitReader(rand.NewChaCha8([32]byte{}), 100), Size: 100, IfNoneMatch: true})
				if err != nil {
					return err
				}
				adds = append(adds, g)
			}
			var removes []Ref
			if n > 0 {
				removes = append(removes, Ref{Bucket: "lake", Key: fmt.Sprintf("%d/a", n-1), IfMatch: "*"})
			}
			if err := s.Commit(ctx, root, adds, removes, Receipt{"work", n + 1}); err != nil {
				return err
			}
		}
		return nil
	}
	for at := 1; ; at += step {
		disk := vfs.NewCrashableMem()
		var clone *vfs.MemFS
		var mu sync.Mutex // guards calls, clone
		calls := -1 << 30
		s := openOn(t, st, errorfs.Wrap(disk, errorfs.InjectorFunc(func(errorfs.Op) error {
			mu.Lock()
			defer mu.Unlock()
			if calls++; calls == at {
				clone = disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: at % 3 * 40, RNG: rand.New(rand.NewPCG(uint64(at), 0))})
			}
			return nil
		})))
		mu.Lock()
		calls = 0
		mu.Unlock()
		if err := work(s, 0); err != nil {
			t.Fatal(err)
		}
		s.Close()
		if clone == nil {
			if at < 50 {
				t.Fatalf("only %d calls were made", at)
			}
			return
		}
		s = openOn(t, st, clone)
		n, _, err := s.Receipt(ctx, root, "work")
		if err != nil {
			t.Fatal(err)
		}
		if err := work(s, n); err != nil {
			t.Fatalf("crash at call %d: from receipt %d on: %v", at, n, err)
		}
		got, err := contents(s, "")
		if err != nil || len(got) != rounds+1 {
			t.Fatalf("crash at call %d: the bucket holds %d objects, want %d (%v)", at, len(got), rounds+1, err)
		}
		if err := s.reap(ctx); err != nil {
			t.Fatal(err)
		}
		if held, lying := held(t, s); held != lying {
			t.Fatalf("crash at call %d: %d files lie there, the index holds %d", at, lying, held)
		}
		s.Close()
	}
}
