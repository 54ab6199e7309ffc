package lake

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"flowlake/fault"
)

// TestPinnedSeesASwapWholeOrNotAtAll swaps numbers among objects whose sum stays the same, while others
// list and read.
func TestPinnedSeesASwapWholeOrNotAtAll(t *testing.T) {
	s := openLake(t)
	running, stop := context.WithCancel(ctx)
	reaped := make(chan error, 1)
	go func() { reaped <- s.Run(running) }()
	const sum = 1000
	for i := range 10 {
		put(t, s, fmt.Sprintf("p/%d-0", i), strconv.Itoa(sum/10))
	}
	put(t, s, "p0/other", "7") // a neighbour, below another prefix
	rounds := 200
	if testing.Short() {
		rounds = 40
	}
	var done atomic.Bool
	var readers sync.WaitGroup
	var looked atomic.Int64
	for range 3 {
		readers.Go(func() {
			for !done.Load() {
				objects, release, err := s.Pinned(ctx, root, "lake", "p/", nil)
				if err != nil {
					t.Error(err)
					return
				}
				total := 0
				for _, o := range objects {
					b, err := os.ReadFile(o.Path)
					if err != nil || int64(len(b)) != o.Size {
						t.Errorf("%s: %d bytes of %d, %v", o.Key, len(b), o.Size, err)
					}
					n, _ := strconv.Atoi(string(b))
					total += n
				}
				release()
				release()
				if looked.Add(1); total != sum {
					t.Errorf("%d objects hold %d, want %d", len(objects), total, sum)
					return
				}
			}
		})
	}
	for round := 1; round <= rounds && !t.Failed(); round++ {
		// All numbers move into one object, or into ten, at keys before and after the old ones.
		l, err := s.List(ctx, root, "lake", ListInput{Prefix: "p/"})
		if err != nil {
			t.Fatal(err)
		}
		var removes []Ref
		for _, o := range l.Objects {
			removes = append(removes, Ref{Bucket: "lake", Key: o.Key, IfMatch: o.ETag})
		}
		n := 1 + round%2*9
		var adds []*Staged
		for i := range n {
			adds = append(adds, stage(t, s, fmt.Sprintf("p/%d-%d", (i+round)%10, round), strconv.Itoa(sum/n)))
		}
		if err := s.Commit(ctx, root, adds, removes, Receipt{"swap", uint64(round)}); err != nil {
			t.Fatal(err)
		}
	}
	done.Store(true)
	readers.Wait()
	stop()
	if err := <-reaped; err != nil {
		t.Error(err)
	}
	if looked.Load() < 10 {
		t.Errorf("only %d looks were taken", looked.Load())
	}
	if len(s.files.pins) != 0 || len(s.files.doomed) != 0 || len(s.files.views) != 0 {
		t.Errorf("pins %v, doomed %v, views %v are left", s.files.pins, s.files.doomed, s.files.views)
	}
	l, _ := s.List(ctx, root, "lake", ListInput{})
	if n := countFiles(t, s); n != len(l.Objects) {
		t.Errorf("%d files lie there for %d objects", n, len(l.Objects))
	}
}

func TestPinnedChoosesAndKeeps(t *testing.T) {
	s := openLake(t)
	put(t, s, "p/a", "one")
	put(t, s, "p/b", "two")
	put(t, s, "p/empty", "")
	objects, release, err := s.Pinned(ctx, root, "lake", "p/", func(o Object) (bool, error) { return o.Size > 0, nil })
	if err != nil || len(objects) != 2 || objects[0].Key != "p/a" || objects[1].Key != "p/b" {
		t.Fatalf("got %v, %v", objects, err)
	}
	put(t, s, "p/a", "another")
	if err := s.Delete(ctx, root, "lake", "p/b"); err != nil {
		t.Fatal(err)
	}
	if n := countFiles(t, s); n != 4 {
		t.Errorf("%d files, want two that are pinned and two of objects", n)
	}
	for i, want := range []string{"one", "two"} {
		if b, err := os.ReadFile(objects[i].Path); err != nil || string(b) != want {
			t.Errorf("%s holds %q, %v", objects[i].Key, b, err)
		}
	}
	release()
	if n := countFiles(t, s); n != 2 {
		t.Errorf("%d files after the release, want 2", n)
	}
	refusal := errors.New("too many")
	if _, release, err := s.Pinned(ctx, root, "lake", "", func(Object) (bool, error) { return false, refusal }); !errors.Is(err, refusal) || release != nil {
		t.Errorf("got %v", err)
	}
	if _, _, err := s.Pinned(ctx, root, "nowhere", "", nil); !fault.Is(err, fault.NotFound) {
		t.Errorf("got %v", err)
	}
	if len(s.files.pins) != 0 {
		t.Errorf("pins %v are left", s.files.pins)
	}
}

// TestPinnedJoinsObjectsOfSeveralFiles finds one that is still there, and one that went between listing and joining.
func TestPinnedJoinsObjectsOfSeveralFiles(t *testing.T) {
	s := openLake(t)
	s.minPart = 0
	upload := func(key string) {
		t.Helper()
		u, err := s.CreateUpload(ctx, root, PutInput{Bucket: "lake", Key: key})
		if err != nil {
			t.Fatal(err)
		}
		done := Completion{Size: -1}
		for n, body := range []string{"first ", "second"} {
			p, err := s.UploadPart(ctx, root, UploadRef{"lake", key, u.ID}, PartInput{Number: n + 1, Body: strings.NewReader(body), Size: -1})
			if err != nil {
				t.Fatal(err)
			}
			done.Parts = append(done.Parts, CompletePart{Number: n + 1, ETag: p.ETag})
		}
		if _, err := s.CompleteUpload(ctx, root, UploadRef{"lake", key, u.ID}, done); err != nil {
			t.Fatal(err)
		}
	}
	upload("a")
	upload("b")
	objects, release, err := s.Pinned(ctx, root, "lake", "a", nil)
	if err != nil || len(objects) != 1 {
		t.Fatal(objects, err)
	}
	if b, err := os.ReadFile(objects[0].Path); err != nil || string(b) != "first second" {
		t.Errorf("a holds %q, %v", b, err)
	}
	release()
	for name, change := range map[string]func(){
		"replaced": func() { upload("b") },
		"deleted":  func() { s.Delete(ctx, root, "lake", "b") },
	} {
		p := &pinned{store: s}
		if err := p.list(ctx, "lake", "b", nil); err != nil || len(p.objects) != 1 {
			t.Fatal(p.objects, err)
		}
		change()
		if err := p.join(ctx, &p.objects[0]); err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(p.objects[0].Path); err != nil || string(b) != "first second" {
			t.Errorf("%s b holds %q, %v", name, b, err)
		}
		p.release()
		if _, found, _ := s.entry("lake", "b"); !found {
			upload("b")
		}
	}
	s.Delete(ctx, root, "lake", "b")
	if n := countFiles(t, s); n != 1 || len(s.files.pins) != 0 {
		t.Errorf("%d files lie there, %v are pinned; want a's joined one", n, s.files.pins)
	}
}
