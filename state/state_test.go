package state

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"flowlake/fault"
)

type doc struct{ N int }

func id(key string) ID { return ID{Kind: "crawler", Account: "1", Region: "r", Key: key} }

func open(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func update(t *testing.T, s *Store, do func(*Tx) error) {
	t.Helper()
	if err := s.Update(t.Context(), do); err != nil {
		t.Fatal(err)
	}
}

func TestTx(t *testing.T) {
	s := open(t, t.TempDir())
	update(t, s, func(tx *Tx) error { return tx.Create(id("a"), doc{1}) })
	check := func(name string, want fault.Kind, do func(*Tx) error) {
		t.Run(name, func(t *testing.T) {
			err := s.Update(t.Context(), do)
			if !fault.Is(err, want) {
				t.Errorf("got %v, want kind %v", err, want)
			}
			if !fault.HasNoun(err, "crawler") {
				t.Errorf("%v does not name the crawler", err)
			}
		})
	}
	check("create refuses a second one", fault.Exists, func(tx *Tx) error { return tx.Create(id("a"), doc{2}) })
	check("get of nothing", fault.NotFound, func(tx *Tx) error { _, err := tx.Get(id("b"), &doc{}); return err })
	check("delete of nothing", fault.NotFound, func(tx *Tx) error { return tx.Delete(id("b")) })
	check("replace of an old version", fault.Conflict, func(tx *Tx) error {
		if err := tx.Replace(id("a"), 1, doc{5}); err != nil {
			return err
		}
		return tx.Replace(id("a"), 1, doc{6})
	})
	t.Run("what failed left nothing", func(t *testing.T) {
		var d doc
		update(t, s, func(tx *Tx) error {
			v, err := tx.Get(id("a"), &d)
			if v != 1 || d.N != 1 {
				t.Errorf("got version %d, %+v; want the first write", v, d)
			}
			return err
		})
	})
	t.Run("a view cannot write", func(t *testing.T) {
		if err := s.View(t.Context(), func(tx *Tx) error { return tx.Put(id("a"), doc{9}) }); err == nil {
			t.Error("a write in a view succeeded")
		}
	})
}

func TestList(t *testing.T) {
	s := open(t, t.TempDir())
	keys := []string{"a", "a/1", "a/2", "aé", "b", "B"}
	update(t, s, func(tx *Tx) error {
		for i := range 1200 {
			if err := tx.Put(id(fmt.Sprintf("many/%04d", i)), doc{i}); err != nil {
				return err
			}
		}
		for _, k := range keys {
			if err := tx.Put(id(k), doc{}); err != nil {
				return err
			}
		}
		return tx.Put(ID{Kind: "crawler", Account: "1", Region: "other", Key: "a"}, doc{})
	})
	list := func(prefix, after string) (got []string) {
		err := s.View(t.Context(), func(tx *Tx) error {
			for r, err := range tx.List(id(prefix), after) {
				if err != nil {
					return err
				}
				got = append(got, r.Key)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got, want := list("a", ""), []string{"a", "a/1", "a/2", "aé"}; !slices.Equal(got, want) {
		t.Errorf("prefix a: got %q, want %q in byte order, one region only", got, want)
	}
	if got, want := list("a", "a/1"), []string{"a/2", "aé"}; !slices.Equal(got, want) {
		t.Errorf("after a/1: got %q, want %q", got, want)
	}
	if got := list("many/", ""); len(got) != 1200 || !slices.IsSorted(got) {
		t.Errorf("paged listing: got %d keys, want 1200 in order", len(got))
	}
}

func TestUpdate(t *testing.T) {
	t.Run("concurrent changes all happen, each once", func(t *testing.T) {
		s := open(t, t.TempDir())
		update(t, s, func(tx *Tx) error { return tx.Put(id("n"), doc{}) })
		refused := errors.New("refused")
		var wg sync.WaitGroup
		for i := range 200 {
			wg.Go(func() {
				err := s.Update(context.Background(), func(tx *Tx) error {
					var d doc
					if _, err := tx.Get(id("n"), &d); err != nil {
						return err
					}
					d.N++
					if err := tx.Put(id("n"), d); err != nil {
						return err
					}
					if i%4 == 0 {
						return refused
					}
					return nil
				})
				if (i%4 == 0) != errors.Is(err, refused) {
					t.Errorf("change %d: got %v", i, err)
				}
			})
		}
		wg.Wait()
		var d doc
		if err := s.View(t.Context(), func(tx *Tx) error { _, err := tx.Get(id("n"), &d); return err }); err != nil || d.N != 150 {
			t.Errorf("got %d (%v), want the 150 that were not refused", d.N, err)
		}
	})
	t.Run("who commits for others is let go once its own change is on disk", func(t *testing.T) {
		s := open(t, t.TempDir())
		queued := func() bool { s.mu.Lock(); defer s.mu.Unlock(); return len(s.queue) > 0 }
		returned := make(chan struct{})
		var wg sync.WaitGroup
		var link func(n int) func(*Tx) error
		link = func(n int) func(*Tx) error { // a change that ends only once another waits behind it
			return func(tx *Tx) error {
				select {
				case <-returned:
					return nil
				default:
				}
				if n == 2000 {
					t.Error("the first change was on disk 2000 changes ago, and its caller still commits")
					return nil
				}
				wg.Go(func() {
					if err := s.Update(context.Background(), link(n+1)); err != nil {
						t.Error(err)
					}
				})
				for !queued() {
					runtime.Gosched()
				}
				return nil
			}
		}
		update(t, s, link(0))
		close(returned)
		wg.Wait()
	})
	t.Run("a panic fails its own change only", func(t *testing.T) {
		s := open(t, t.TempDir())
		if err := s.Update(t.Context(), func(*Tx) error { panic("boom") }); err == nil {
			t.Error("no error from a change that panicked")
		}
		update(t, s, func(tx *Tx) error { return tx.Create(id("a"), doc{}) })
	})
	t.Run("a cancelled caller changes nothing", func(t *testing.T) {
		s := open(t, t.TempDir())
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := s.Update(ctx, func(tx *Tx) error { return tx.Create(id("a"), doc{}) }); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want context.Canceled", err)
		}
	})
	t.Run("a full disk is unavailable, and what was there stays", func(t *testing.T) {
		s := open(t, t.TempDir())
		update(t, s, func(tx *Tx) error { return tx.Create(id("a"), doc{7}) })
		var pages int
		if err := s.write.QueryRow("PRAGMA page_count").Scan(&pages); err != nil {
			t.Fatal(err)
		}
		if _, err := s.write.Exec(fmt.Sprintf("PRAGMA max_page_count=%d", pages+1)); err != nil {
			t.Fatal(err)
		}
		err := s.Update(t.Context(), func(tx *Tx) error { return tx.Put(id("big"), make([]byte, 1<<20)) })
		if !fault.Is(err, fault.Unavailable) {
			t.Errorf("got %v, want unavailable", err)
		}
		var d doc
		if err := s.View(t.Context(), func(tx *Tx) error { _, err := tx.Get(id("a"), &d); return err }); err != nil || d.N != 7 {
			t.Errorf("after the full disk: got %+v, %v", d, err)
		}
	})
}

func TestOpen(t *testing.T) {
	t.Run("finds what was written before", func(t *testing.T) {
		dir := t.TempDir()
		s := open(t, dir)
		update(t, s, func(tx *Tx) error { return tx.Create(id("a"), doc{3}) })
		s.Close()
		s = open(t, dir)
		var d doc
		if err := s.View(t.Context(), func(tx *Tx) error { _, err := tx.Get(id("a"), &d); return err }); err != nil || d.N != 3 {
			t.Errorf("got %+v, %v", d, err)
		}
	})
	t.Run("refuses data of a newer version", func(t *testing.T) {
		dir := t.TempDir()
		s := open(t, dir)
		if _, err := s.write.Exec("PRAGMA user_version=99"); err != nil {
			t.Fatal(err)
		}
		s.Close()
		if _, err := Open(dir); !fault.Is(err, fault.Conflict) {
			t.Errorf("got %v, want a conflict that names the versions", err)
		}
	})
	t.Run("its files are the owner's only", func(t *testing.T) {
		dir := t.TempDir()
		s := open(t, dir)
		update(t, s, func(tx *Tx) error { return tx.Create(id("a"), doc{}) })
		files, _ := filepath.Glob(filepath.Join(dir, "*"))
		for _, f := range files {
			if st, err := os.Stat(f); err != nil || st.Mode().Perm() != 0o600 {
				t.Errorf("%s has mode %v (%v), want 0600", filepath.Base(f), st.Mode(), err)
			}
		}
	})
	t.Run("a path with odd characters is one path", func(t *testing.T) {
		open(t, filepath.Join(t.TempDir(), "a b?c#d%20é"))
	})
}

// TestLook claims that what is asked within views never waits for them, however many there are.
func TestLook(t *testing.T) {
	s := open(t, t.TempDir())
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var inside, all sync.WaitGroup
	inside.Add(4) // as many as View has connections
	for range 4 {
		all.Go(func() {
			err := s.View(ctx, func(*Tx) error {
				inside.Done()
				inside.Wait()
				return s.Look(ctx, func(tx *Tx) error {
					_, err := tx.Get(ID{Kind: "thing", Key: "none"}, new(string))
					return err
				})
			})
			if !fault.Is(err, fault.NotFound) {
				t.Errorf("got %v, want that it is not there", err)
			}
		})
	}
	all.Wait()
}
