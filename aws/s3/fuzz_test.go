package s3

import (
	"net/url"
	"runtime"
	"strings"
	"testing"
)

func FuzzRange(f *testing.F) {
	for _, h := range []string{"bytes=0-0", "bytes=-5", "bytes=5-", "bytes=9-1", "bytes=1-2,3-4", "bytes=99999999999999999999-", "x"} {
		f.Add(h, int64(10))
	}
	f.Add("bytes=0-", int64(0))
	f.Fuzz(func(t *testing.T, header string, size int64) {
		if size < 0 {
			return
		}
		s, asked, ok := parseRange(header, size)
		switch {
		case !asked && (!ok || s != span{0, size}):
			t.Fatalf("%q of %d: not asked for, got %+v, %v", header, size, s, ok)
		case asked && ok && (s.first < 0 || s.n < 1 || s.first > size-s.n):
			t.Fatalf("%q of %d: got %+v", header, size, s)
		}
		if r, err := copyRange(header); err == nil && (r.First < 0 || r.First > r.Last) {
			t.Fatalf("%q: got %+v", header, r)
		}
	})
}

func FuzzCopySource(f *testing.F) {
	for _, h := range []string{"b/k", "/b/k", "b%2Fk", "b/k?versionId=null", "b/%zz", "b/", "/", "b/a%2Fb+c"} {
		f.Add(h)
	}
	f.Fuzz(func(t *testing.T, header string) {
		bucket, key, err := copySource(header)
		if err != nil {
			return
		}
		if bucket == "" || key == "" {
			t.Fatalf("%q gives %q, %q", header, bucket, key)
		}
		if strings.Contains(bucket, "/") {
			return // percent-encoded: no bucket has such a name
		}
		if b, k, err := copySource(url.PathEscape(bucket) + "/" + url.PathEscape(key)); err != nil || b != bucket || k != key {
			t.Fatalf("%q, %q comes back as %q, %q, %v", bucket, key, b, k, err)
		}
	})
}

func FuzzXML(f *testing.F) {
	f.Add(`<?xml version="1.0"?><Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Object><Key>a&amp;b</Key></Object><Quiet>true</Quiet></Delete>`)
	f.Add(`<Delete><Object><Key>a</Key><Key>b</Key></Object></Delete>`)
	f.Add(`<!DOCTYPE x><Delete/>`)
	f.Add(`<Delete>` + strings.Repeat("<a>", 9))
	f.Fuzz(func(t *testing.T, text string) {
		root, err := readXML(strings.NewReader(text), "Delete", 100)
		if err != nil || root == nil {
			return
		}
		// What was read can be written and read again.
		d := newDocument("Delete")
		root.write(d)
		d.close("Delete")
		again, err := readXML(&d.Buffer, "Delete", 100)
		if err != nil || !root.equal(again) {
			t.Fatalf("%q became %+v, %v", text, again, err)
		}
	})
}

// TestXMLTextInPieces holds text that comments take apart: putting it together costs memory in proportion.
func TestXMLTextInPieces(t *testing.T) {
	const n = 20_000
	body := "<Delete>" + strings.Repeat("x<!---->", n) + "</Delete>"
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	root, err := readXML(strings.NewReader(body), "Delete", 10)
	runtime.ReadMemStats(&after)
	if err != nil || root.text.Len() != n {
		t.Fatalf("got %+v, %v", root, err)
	}
	if took := after.TotalAlloc - before.TotalAlloc; took > 50<<20 {
		t.Errorf("%d pieces in %d bytes took %d bytes of memory", n, len(body), took)
	}
}

// write writes what is below the element.
func (e *element) write(d *document) {
	if len(e.children) == 0 {
		d.escape(e.text.String())
	}
	for _, c := range e.children {
		d.open(c.name)
		c.write(d)
		d.close(c.name)
	}
}

func (e *element) equal(o *element) bool {
	if e.name != o.name || len(e.children) != len(o.children) || len(e.children) == 0 && e.text.String() != o.text.String() {
		return false
	}
	for i := range e.children {
		if !e.children[i].equal(o.children[i]) {
			return false
		}
	}
	return true
}

func FuzzTokens(f *testing.F) {
	f.Add("a/b", "YQ")
	f.Fuzz(func(t *testing.T, last, any string) {
		if got, err := untoken(token(last)); err != nil || got != last {
			t.Fatalf("%q comes back as %q, %v", last, got, err)
		}
		_, _ = untoken(any)
	})
}
