package query

import (
	"fmt"
	"slices"
	"testing"
)

// pinnedHouse has n locations, each with objects of its own beside folders of other objects.
func pinnedHouse(t testing.TB, n, own, foreign int) (*house, []string) {
	h := newHouse(t, nil)
	if err := h.lake.CreateBucket(t.Context(), h.root, "data"); err != nil {
		t.Fatal(err)
	}
	var locations []string
	for i := range n {
		locations = append(locations, fmt.Sprintf("s3://data/t/%05d", i)+[]string{"", "/"}[i%2])
		for o := range own {
			h.put(fmt.Sprintf("t/%05d/%d", i, o), "x")
		}
		for o := range foreign {
			h.put(fmt.Sprintf("t/%05d-other/%d", i, o), "x")
		}
	}
	return h, locations
}

func TestOneListingFindsWhatManyDo(t *testing.T) {
	for _, foreign := range []int{0, 3, strangers + 1} {
		h, locations := pinnedHouse(t, manyPartitions+6, 1, foreign)
		h.put("t/00003/_hidden", "x")
		p := &pinned{lake: h.lake, caller: h.root}
		defer p.release()
		list := func(locations []string) (urls []string, listings int) {
			before := len(p.releases)
			found, err := p.below(t.Context(), locations)
			if err != nil {
				t.Fatal(err)
			}
			for i, files := range found {
				for _, f := range files {
					urls = append(urls, fmt.Sprint(locations[i], " ", f.URL))
				}
			}
			return urls, len(p.releases) - before
		}
		together, listings := list(locations)
		if (listings == 1) != (foreign <= strangers) {
			t.Errorf("with %d foreign objects for each partition: %d listings", foreign, listings)
		}
		apart, _ := list(locations[:manyPartitions-1])
		rest, _ := list(locations[manyPartitions-1:])
		if want := append(apart, rest...); !slices.Equal(together, want) {
			t.Errorf("together %s\napart    %s", together, want)
		}
		if p.files != 2*len(locations) {
			t.Errorf("%d files are counted", p.files)
		}
	}
}

func TestLocationsThatOneListingCannotTellApart(t *testing.T) {
	var many []string
	for i := range manyPartitions {
		many = append(many, fmt.Sprintf("s3://data/t/%d/", i))
	}
	for _, c := range []struct {
		more   string
		prefix string
		ok     bool
	}{
		{"s3://data/t/x", "t/", true}, {"s3://data/u", "", true}, {"s3://data/t/1x/", "t/", true},
		{"s3://data/t/1", "", false}, {"s3://data/t/1/x", "", false}, {"s3://data/t", "", false}, {"s3://data", "", false}, {"s3://data2/t/x", "", false},
	} {
		locations := append(slices.Clone(many), c.more)
		chosen := make([]int, len(locations))
		for i := range chosen {
			chosen[i] = i
		}
		bucket, prefix, ok := commonPrefix(locations, chosen)
		if ok != c.ok || ok && (bucket != "data" || prefix != c.prefix) {
			t.Errorf("with %s: %q %q %v", c.more, bucket, prefix, ok)
		}
		if _, _, ok := commonPrefix(locations, chosen[:manyPartitions-1]); ok {
			t.Error("one listing of few is tried")
		}
	}
}

// TestTwoUsesOfATableSeeOneMoment lists what a second use shares with the first only once, however it is listed.
func TestTwoUsesOfATableSeeOneMoment(t *testing.T) {
	h, locations := pinnedHouse(t, manyPartitions+1, 1, 0)
	for _, c := range []struct{ first, second []string }{
		{locations[:1], locations[:1]}, {locations[:2], locations}, {locations, locations[:2]}, {locations, locations},
	} {
		p := &pinned{lake: h.lake, caller: h.root, seen: map[string][]InputFile{}}
		first, err := p.below(t.Context(), c.first)
		if err != nil {
			t.Fatal(err)
		}
		h.put("t/00000/later", "x")
		second, err := p.below(t.Context(), c.second)
		if err != nil || !slices.Equal(first[0], second[0]) || len(first[0]) == 0 {
			t.Errorf("the first use sees %v, the second %v %v", first[0], second[0], err)
		}
		if n := len(p.releases); n > 1 && len(c.second) <= len(c.first) {
			t.Errorf("%d listings", n)
		}
		p.release()
		if err := h.lake.Delete(t.Context(), h.root, "data", "t/00000/later"); err != nil {
			t.Fatal(err)
		}
	}
}

// BenchmarkListing compares one listing with one for each partition.
func BenchmarkListing(b *testing.B) {
	for _, c := range []struct{ own, foreign int }{{0, 0}, {1, 0}, {1, 8}} {
		h, locations := pinnedHouse(b, 500, c.own, c.foreign)
		if c.own == 0 {
			h.put("t/x", "x")
		}
		for name, together := range map[string]bool{"one": true, "each": false} {
			b.Run(fmt.Sprintf("own=%d/foreign=%d/%s", c.own, c.foreign, name), func(b *testing.B) {
				for b.Loop() {
					p := &pinned{lake: h.lake, caller: h.root}
					var err error
					if together {
						_, err = p.below(b.Context(), locations)
					} else {
						for _, l := range locations {
							_, err = p.under(b.Context(), l)
						}
					}
					if err != nil {
						b.Fatal(err)
					}
					p.release()
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/500, "ns/partition")
			})
		}
	}
}
