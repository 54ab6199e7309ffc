package lake

import (
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"flowlake/fault"
)

// everything is all objects of the bucket "lake" with their bytes.
func everything(t testing.TB, s *Store) map[string]string {
	t.Helper()
	out := map[string]string{}
	for o, err := range s.Walk(ctx, root, "lake", "") {
		if err != nil {
			t.Fatal(err)
		}
		out[o.Key] = get(t, s, o.Key)
	}
	return out
}

func TestMoveIsAllOrNothing(t *testing.T) {
	s := openLake(t)
	for _, key := range []string{"_a", "_b", "old", "taken"} {
		put(t, s, key, "bytes of "+key)
	}
	a, err := s.Head(ctx, root, "lake", "_a")
	if err != nil {
		t.Fatal(err)
	}
	before := everything(t, s)
	good := Move{Bucket: "lake", From: "_a", To: "a", IfMatch: a.ETag}
	for _, c := range []struct {
		name    string
		moves   []Move
		removes []Ref
		want    fault.Kind
	}{
		{"one that is not there", []Move{good, {Bucket: "lake", From: "_c", To: "c"}}, nil, fault.NotFound},
		{"over one that is there", []Move{good, {Bucket: "lake", From: "_b", To: "taken"}}, nil, fault.Precondition},
		{"another one than was meant", []Move{good, {Bucket: "lake", From: "_b", To: "b", IfMatch: a.ETag}}, nil, fault.Precondition},
		{"from a bucket that is not there", []Move{good, {Bucket: "ocean", From: "_b", To: "b"}}, nil, fault.NotFound},
		{"beside a removal of what is gone", []Move{good}, []Ref{{Bucket: "lake", Key: "gone", IfMatch: "*"}}, fault.Precondition},
		{"beside a removal of what changed", []Move{good}, []Ref{{Bucket: "lake", Key: "old", IfMatch: a.ETag}}, fault.Precondition},
		{"to its own key", []Move{{Bucket: "lake", From: "_a", To: "_a"}}, nil, fault.Invalid},
		{"twice", []Move{good, {Bucket: "lake", From: "_a", To: "b"}}, nil, fault.Invalid},
		{"two to one key", []Move{good, {Bucket: "lake", From: "_b", To: "a"}}, nil, fault.Invalid},
		{"what is removed", []Move{good}, []Ref{{Bucket: "lake", Key: "_a"}}, fault.Invalid},
		{"to no key", []Move{{Bucket: "lake", From: "_a"}}, nil, fault.Invalid},
	} {
		if err := s.Move(ctx, root, c.moves, c.removes); !fault.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, err, c.want)
		}
		if got := everything(t, s); !maps.Equal(got, before) {
			t.Fatalf("%s: something changed: %v", c.name, got)
		}
	}
	reading, err := s.Open(ctx, root, "lake", "_a")
	if err != nil {
		t.Fatal(err)
	}
	defer reading.Close()
	moves := []Move{good, {Bucket: "lake", From: "_b", To: "b"}}
	if err := s.Move(ctx, root, moves, []Ref{{Bucket: "lake", Key: "old", IfMatch: "*"}, {Bucket: "lake", Key: "gone"}}); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"a": "bytes of _a", "b": "bytes of _b", "taken": "bytes of taken"}
	if got := everything(t, s); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if b, err := io.ReadAll(reading); err != nil || string(b) != "bytes of _a" {
		t.Errorf("who read it meanwhile got %q, %v", b, err)
	}
	if moved, err := s.Head(ctx, root, "lake", "a"); err != nil || moved.ETag != a.ETag || moved.Checksum != a.Checksum || moved.Size != a.Size {
		t.Errorf("got %+v, %v; want what it was, %+v", moved, err, a)
	}
	if err := s.Move(ctx, root, moves, nil); !fault.Is(err, fault.NotFound) {
		t.Errorf("a second time: %v", err)
	}
}

// TestMovedObjectsSurviveCrashes moves and overwrites at random on a disk that forgets what was not synced: what was
// answered is there, every object is readable, and a listing at one moment sees a move whole.
func TestMovedObjectsSurviveCrashes(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 5))
	fs := vfs.NewCrashableMem()
	st := withBucket(t)
	s := openOn(t, st, fs)
	model := map[string]string{}
	for step := range 120 {
		from, to := fmt.Sprint("k", r.IntN(8)), fmt.Sprint("k", r.IntN(8))
		switch r.IntN(3) {
		case 0:
			model[from] = fmt.Sprint("body ", step)
			put(t, s, from, model[from])
		case 1:
			_, there := model[from]
			_, taken := model[to]
			err := s.Move(ctx, root, []Move{{Bucket: "lake", From: from, To: to}}, nil)
			if (err == nil) != (there && !taken && from != to) {
				t.Fatalf("step %d: %s to %s: %v", step, from, to, err)
			}
			if err == nil {
				model[to] = model[from]
				delete(model, from)
			}
		case 2:
			if r.IntN(5) == 0 {
				crashed := fs.CrashClone(vfs.CrashCloneCfg{})
				s.Close()
				fs = crashed
				s = openOn(t, st, fs)
			}
		}
		if got := everything(t, s); !maps.Equal(got, model) {
			t.Fatalf("step %d: got %v, want %v", step, got, model)
		}
		pinned, release, err := s.Pinned(ctx, root, "lake", "", nil)
		if err != nil {
			t.Fatal(err)
		}
		var keys []string
		for _, o := range pinned {
			keys = append(keys, o.Key)
		}
		release()
		if want := slices.Sorted(maps.Keys(model)); !slices.Equal(keys, want) {
			t.Fatalf("step %d: pinned %v, want %v", step, keys, want)
		}
	}
	s.Close()
}
