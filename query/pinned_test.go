package query

import (
	"fmt"
	"testing"

	"flowlake/catalog/projection"
)

// pinnedHouse has n partitions, each with objects of its own beside folders of other objects.
func pinnedHouse(t testing.TB, n, own, foreign int) (*house, []projection.Partition) {
	h := newHouse(t, nil)
	if err := h.lake.CreateBucket(t.Context(), h.root, "data"); err != nil {
		t.Fatal(err)
	}
	var parts []projection.Partition
	for i := range n {
		parts = append(parts, projection.Partition{Values: []string{fmt.Sprint(i)}, Location: fmt.Sprintf("s3://data/t/%05d/", i)})
		for o := range own {
			h.put(fmt.Sprintf("t/%05d/%d", i, o), "x")
		}
		for o := range foreign {
			h.put(fmt.Sprintf("t/%05d-other/%d", i, o), "x")
		}
	}
	return h, parts
}

func TestOneListingFindsWhatManyDo(t *testing.T) {
	for _, foreign := range []int{0, 3, strangers + 1} {
		h, parts := pinnedHouse(t, manyPartitions+6, 1, foreign)
		h.put("t/00003/_hidden", "x")
		list := func(parts []projection.Partition) (string, int) {
			p := &pinned{lake: h.lake, caller: h.root}
			defer p.release()
			inputs, err := p.below(t.Context(), parts)
			if err != nil {
				t.Fatal(err)
			}
			var keys []string
			for _, in := range inputs {
				for _, f := range in.Files {
					keys = append(keys, in.Values[0]+f.URL)
				}
			}
			return fmt.Sprint(keys), len(p.releases)
		}
		together, listings := list(parts)
		if (listings == 1) != (foreign <= strangers) {
			t.Errorf("with %d foreign objects for each partition: %d listings", foreign, listings)
		}
		apart, _ := list(parts[:manyPartitions-1])
		rest, _ := list(parts[manyPartitions-1:])
		if want := apart[:len(apart)-1] + " " + rest[1:]; together != want {
			t.Errorf("together %s\napart    %s", together, want)
		}
	}
}

// BenchmarkListing compares one listing with one for each partition.
func BenchmarkListing(b *testing.B) {
	for _, c := range []struct{ own, foreign int }{{0, 0}, {1, 0}, {1, 8}} {
		h, parts := pinnedHouse(b, 500, c.own, c.foreign)
		if c.own == 0 {
			h.put("t/x", "x")
		}
		for name, together := range map[string]bool{"one": true, "each": false} {
			b.Run(fmt.Sprintf("own=%d/foreign=%d/%s", c.own, c.foreign, name), func(b *testing.B) {
				for b.Loop() {
					p := &pinned{lake: h.lake, caller: h.root}
					var err error
					if together {
						_, err = p.together(b.Context(), "data", "t/", parts)
					} else {
						for _, part := range parts {
							_, err = p.under(b.Context(), part.Location, part.Values)
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
