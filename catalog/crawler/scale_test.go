package crawler

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"flowlake/columnar"
)

// allocated is how much memory do takes, also what it gives back.
func allocated(do func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// TestWorkGrowsWithTheData has inputs whose work grew with the square of their size.
func TestWorkGrowsWithTheData(t *testing.T) {
	t.Run("folders beside each other", func(t *testing.T) {
		const folders = 10_000
		columns := []column{{"a", columnar.Type{Kind: columnar.BigInt}}, {"b", columnar.Type{Kind: columnar.String}}}
		var findings []finding
		for i := range folders {
			findings = append(findings, finding{file: file{"data", fmt.Sprintf("p/dt=%05d/f.csv", i), 10},
				best: verdict{rows: -1, columns: columns, format: format{classification: "csv", serde: serdeLazy, compression: "none"}}})
		}
		var out []found
		took := allocated(func() {
			out = tables(listing{place: place{bucket: "data", prefix: "p/"}}, findings, Crawler{}, configuration{})
		})
		if len(out) != 1 || len(out[0].partitions) != folders {
			t.Fatalf("got %d tables", len(out))
		}
		if took > 500<<20 {
			t.Errorf("%d folders took %d MiB", folders, took>>20)
		}
	})
	t.Run("JSON documents whose members all differ", func(t *testing.T) {
		const documents, members = 500, 40
		var b strings.Builder
		for i := range documents {
			b.WriteString("{")
			for j := range members {
				fmt.Fprintf(&b, `"m%d_%d":%d,`, i, j, j)
			}
			b.WriteString("\"last\":null}\n")
		}
		s := sample{head: []byte(b.String()), whole: true}
		var v verdict
		took := allocated(func() { v = classifyJSON(s, s.lines(), nil) })
		if len(v.columns) != documents*members+1 || v.certainty != 1 {
			t.Fatalf("got %d columns, certainty %v", len(v.columns), v.certainty)
		}
		if took > 200<<20 {
			t.Errorf("%d documents took %d MiB", documents, took>>20)
		}
	})
}

// TestMergerMergesInOrder compares it with merging one after the other.
func TestMergerMergesInOrder(t *testing.T) {
	leaf := rapid.SampledFrom([]columnar.Kind{0, columnar.Int, columnar.BigInt, columnar.Double, columnar.Boolean, columnar.String})
	rapid.Check(t, func(t *rapid.T) {
		var m merger
		var want columnar.Type
		for range rapid.IntRange(0, 20).Draw(t, "values") {
			one := columnar.Type{Kind: columnar.Struct}
			for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "B", "c", "d"}), 0, 4, rapid.ID).Draw(t, "names") {
				one.Fields = append(one.Fields, columnar.Field{Name: name, Type: columnar.Type{Kind: leaf.Draw(t, "kind")}})
			}
			m.add(one)
			want = mergeTypes(want, one)
		}
		if got := m.merged(); got.String() != want.String() {
			t.Fatalf("got %s, want %s", got, want)
		}
	})
}
