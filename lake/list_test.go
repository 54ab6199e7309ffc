package lake

import (
	"fmt"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"pgregory.net/rapid"
)

// page is what a listing holds, by the plainest way to find it.
func page(keys []string, in ListInput) (items []string, more bool) {
	seen := map[string]bool{}
	for _, k := range keys { // sorted
		if !strings.HasPrefix(k, in.Prefix) || k <= in.After {
			continue
		}
		item := k
		if in.Delimiter != "" {
			if i := strings.Index(k[len(in.Prefix):], in.Delimiter); i >= 0 {
				item = k[:len(in.Prefix)+i+len(in.Delimiter)] + "*"
			}
		}
		if seen[item] || item == in.After+"*" {
			continue
		}
		seen[item] = true
		if len(items) == in.Max {
			return items, true
		}
		items = append(items, item)
	}
	return items, false
}

func TestList(t *testing.T) {
	s := openLake(t)
	rapid.Check(t, func(t *rapid.T) {
		alphabet := rapid.StringOfN(rapid.SampledFrom([]rune("ab/\x00é\U0010ffff")), 1, 6, -1)
		keys := rapid.SliceOfNDistinct(alphabet, 0, 25, rapid.ID[string]).Draw(t, "keys")
		sort.Strings(keys)
		for _, k := range keys {
			// The index alone: listing reads no files.
			if err := s.index.Set(objectKey("lake", k), encodeEntry(&Object{ETag: k}), pebble.NoSync); err != nil {
				t.Fatal(err)
			}
		}
		defer func() {
			for _, k := range keys {
				s.index.Delete(objectKey("lake", k), pebble.NoSync)
			}
		}()
		in := ListInput{
			Prefix:    rapid.OneOf(rapid.Just(""), alphabet).Draw(t, "prefix"),
			Delimiter: rapid.SampledFrom([]string{"", "/", "a", "//", "é"}).Draw(t, "delimiter"),
			After:     rapid.OneOf(rapid.Just(""), alphabet).Draw(t, "after"),
			Max:       rapid.IntRange(1, 5).Draw(t, "max"),
		}
		for range 100 {
			l, err := s.List(ctx, root, "lake", in)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, o := range l.Objects {
				got = append(got, o.Key)
				if o.ETag != o.Key {
					t.Fatalf("key %q has another's entry", o.Key)
				}
			}
			for _, p := range l.Prefixes {
				got = append(got, p+"*")
			}
			slices.SortFunc(got, func(a, b string) int { return strings.Compare(strings.TrimSuffix(a, "*"), strings.TrimSuffix(b, "*")) })
			want, more := page(keys, in)
			if !slices.Equal(got, want) || l.More != more {
				t.Fatalf("%+v of %q: got %q, more %v; want %q, more %v", in, keys, got, l.More, want, more)
			}
			if !more {
				return
			}
			in.After = l.Next
		}
		t.Fatal("the pages do not end")
	})
}

func TestListSkipsWhatIsRolledUp(t *testing.T) {
	s := openLake(t)
	b := s.index.NewBatch()
	for i := range 100_000 {
		b.Set(objectKey("lake", fmt.Sprintf("big/%06d", i)), []byte{entryVersion + 1}, nil) // reading one would fail
	}
	b.Set(objectKey("lake", "c"), encodeEntry(&Object{}), nil)
	if err := b.Commit(pebble.NoSync); err != nil {
		t.Fatal(err)
	}
	l, err := s.List(ctx, root, "lake", ListInput{Delimiter: "/"})
	if err != nil || len(l.Prefixes) != 1 || len(l.Objects) != 1 {
		t.Errorf("got %+v, %v", l, err)
	}
	l, err = s.List(ctx, root, "lake", ListInput{Delimiter: "/", After: "big/"})
	if err != nil || len(l.Prefixes) != 0 || len(l.Objects) != 1 {
		t.Errorf("got %+v, %v", l, err)
	}
}

func TestWalk(t *testing.T) {
	s := openLake(t)
	for i := range 2500 {
		s.index.Set(objectKey("lake", fmt.Sprintf("w/%05d", i)), encodeEntry(&Object{}), pebble.NoSync)
	}
	n := 0
	for o, err := range s.Walk(ctx, root, "lake", "w/") {
		if err != nil || o.Key != fmt.Sprintf("w/%05d", n) {
			t.Fatalf("object %d is %q, %v", n, o.Key, err)
		}
		n++
	}
	if n != 2500 {
		t.Errorf("walked over %d objects", n)
	}
	for _, err := range s.Walk(ctx, root, "nowhere", "") {
		if err == nil {
			t.Error("a bucket that is not there has objects")
		}
	}
}
