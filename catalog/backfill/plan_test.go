package backfill

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"flowlake/fault"
)

// TestPlanning says what a plan is, for any files: each file to convert is in one group, groups are well-sized, and neither the
// order of the files nor the number of times that one asks makes another plan.
func TestPlanning(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		h := newHouse(t)
		for range rapid.IntRange(0, 30).Draw(rt, "files") {
			name := fmt.Sprintf("/%s/%d.log", rapid.SampledFrom([]string{"a", "b", "b/c"}).Draw(rt, "folder"), rapid.IntRange(0, 50).Draw(rt, "name"))
			h.files[name] = strings.Repeat(line(newYear, 1), rapid.IntRange(0, 20).Draw(rt, "lines"))
			if rapid.IntRange(0, 9).Draw(rt, "alien") == 0 {
				h.files[name] = "nothing of that kind\n"
			}
		}
		size := Sizes{Workers: rapid.IntRange(1, 4).Draw(rt, "workers"), Text: rapid.Int64Range(1, 5000).Draw(rt, "text")}
		prepare := func(in []Input) *Plan {
			p, err := Prepare(t.Context(), h, "s3://lake/t/", in, false, size, h.sniff)
			if err != nil {
				rt.Fatal(err)
			}
			return p
		}
		in := h.inputs()
		p := prepare(in)
		other := prepare(rapid.Permutation(in).Draw(rt, "order"))
		if !reflect.DeepEqual(p.next, other.next) {
			rt.Errorf("another order made another plan:\n%+v\n%+v", p.next, other.next)
		}
		var planned []Input
		for i, g := range p.next.Groups {
			planned = append(planned, g.Files...)
			sum := int64(0)
			for _, f := range g.Files {
				sum += text(f)
			}
			if last := g.Files[len(g.Files)-1]; sum-text(last) >= size.Text {
				rt.Errorf("group %d has %d bytes before its last file, of %d", i, sum-text(last), size.Text)
			}
			if slices.ContainsFunc(p.next.Groups[:i], func(o group) bool { return o.ID == g.ID }) {
				rt.Errorf("two groups are %s", g.ID)
			}
		}
		for _, f := range p.Skipped {
			planned = append(planned, f.Input)
		}
		slices.SortFunc(planned, func(a, b Input) int { return strings.Compare(a.Name, b.Name) })
		if !slices.Equal(planned, in) || p.Files+len(p.Skipped) != len(in) || p.Groups() != len(p.next.Groups) {
			rt.Errorf("%d files are planned, %d skipped, of %d:\n%v\n%v", p.Files, len(p.Skipped), len(in), planned, in)
		}
	})
}

// journalOf is a table's journal with one plan in it, of these bytes.
func journalOf(t testing.TB, raw []byte) (*ledger, error) {
	h := newHouse(t)
	j, err := newJournal(h, "s3://lake/t/")
	if err != nil {
		t.Fatal(err)
	}
	h.objects["s3://lake/"+j.key("plans", "000001.json.gz")] = string(raw)
	return j.load(context.Background())
}

func zip(t testing.TB, s string) []byte {
	t.Helper()
	var b bytes.Buffer
	zw := gzip.NewWriter(&b)
	io.WriteString(zw, s) //nolint:errcheck // a buffer takes it
	if err := zw.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// FuzzJournal reads plans that somebody may have damaged: they are refused, or what follows does not panic.
func FuzzJournal(f *testing.F) {
	for _, s := range []string{`{"groups":[{"id":"g","files":[{"name":"/a","size":1,"stamp":"x"}]}]}`, `{"groups":[{"id":"g","files":[]}]}`, `{"again":true,"groups":[{"replaces":["g"]}]}`, `{`, ``} {
		f.Add(zip(f, s), "/a")
	}
	f.Add([]byte{0x1f, 0x8b, 8}, "/a")
	f.Fuzz(func(t *testing.T, raw []byte, name string) {
		if len(raw) > 64<<10 {
			t.Skip("a megabyte inflates to a gigabyte")
		}
		l, err := journalOf(t, raw)
		if err != nil {
			if !fault.Is(err, fault.Internal) {
				t.Errorf("got %v", err)
			}
			return
		}
		p := &Plan{ledger: l}
		p.sort([]Input{{Name: name}}, false)
		p.sort([]Input{{Name: name}}, true)
	})
}

// FuzzSniff looks at the beginnings of files: it never panics, reads no more than it says, and the same bytes zipped are the
// same find.
func FuzzSniff(f *testing.F) {
	header := "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status\n"
	for _, s := range []string{"", "\n\n", line(newYear, 1), header, header + line(newYear, 1), "2026-01-01T00:00:00.000Z " + line(newYear, 1), "\xef\xbb\xbf" + header,
		strings.ReplaceAll(header, "\n", "\r\n"), "PAR1", "PK\x03\x04", "BZh9", "\x1f\x8b\x08", "\x28\xb5\x2f\xfd", "a\x00b", "Permission Check Successful", "start\n1\n", strings.Repeat("x", 70<<10)} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if len(raw) > 1<<20 {
			t.Skip("only the first 64 KiB are looked at")
		}
		h := newHouse(t)
		h.files["/f"] = string(raw)
		found, err := Sniff(context.Background(), h, h.input("/f"), nil)
		if err != nil {
			t.Fatal(err)
		}
		if found.Why != "" && (len(found.Fields) > 0 || found.Headed) {
			t.Errorf("it is left out, and has fields: %+v", found)
		}
		if bytes.HasPrefix(raw, []byte{0x1f, 0x8b}) || len(raw) >= 32<<10 || strings.HasPrefix(found.Why, "is ") && !strings.HasPrefix(found.Why, "is no flow log") {
			return // zipped already, cut at another place, or another kind of file, which a zipped one is not seen to be
		}
		h.files["/f"] = string(zip(t, string(raw)))
		zipped, err := Sniff(context.Background(), h, h.input("/f"), nil)
		if err != nil || zipped.Headed != found.Headed || !slices.Equal(zipped.Fields, found.Fields) || zipped.Why != found.Why {
			t.Errorf("zipped it is %+v, %v; plain %+v", zipped, err, found)
		}
	})
}
