package lake

import (
	"bytes"
	"encoding/base64"
	"io"
	"math/rand"
	"os"
	"strings"
	"sync"
	"testing"

	"flowlake/fault"
)

// multipart uploads parts and completes them.
func multipart(t testing.TB, s *Store, key string, sum Checksum, parts ...string) (UploadRef, Object) {
	t.Helper()
	u, err := s.CreateUpload(ctx, root, PutInput{Bucket: "lake", Key: key, Headers: Headers{ContentType: "a/b"}, Checksum: sum})
	if err != nil {
		t.Fatal(err)
	}
	r := UploadRef{"lake", key, u.ID}
	done := Completion{Size: -1}
	for i, body := range parts {
		p, err := s.UploadPart(ctx, root, r, PartInput{Number: i*3 + 1, Body: strings.NewReader(body), Size: int64(len(body))})
		if err != nil {
			t.Fatal(err)
		}
		done.Parts = append(done.Parts, CompletePart{Number: p.Number, ETag: p.ETag, Checksum: p.Checksum})
	}
	o, err := s.CompleteUpload(ctx, root, r, done)
	if err != nil {
		t.Fatal(err)
	}
	return r, o
}

func TestMultipart(t *testing.T) {
	s := openLake(t)
	s.minPart = 0
	parts := []string{"one", "", "two two", "3"}
	whole := strings.Join(parts, "")

	t.Run("a full-object checksum is that of the bytes", func(t *testing.T) {
		for _, a := range []Algorithm{"", CRC32, CRC32C, CRC64NVME} {
			kind := FullObject
			if a == "" {
				kind = ""
			}
			_, o := multipart(t, s, "k", Checksum{Algorithm: a, Kind: kind}, parts...)
			h := o.Checksum.Algorithm.newHash()
			h.Write([]byte(whole))
			if want := base64.StdEncoding.EncodeToString(h.Sum(nil)); o.Checksum.Value != want {
				t.Errorf("%s: got %s, want %s", o.Checksum.Algorithm, o.Checksum.Value, want)
			}
			if got := get(t, s, "k"); got != whole {
				t.Errorf("got %q", got)
			}
		}
	})
	t.Run("reads cross parts", func(t *testing.T) {
		r, err := s.Open(ctx, root, "lake", "k")
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		for from := range len(whole) + 1 {
			for to := from; to <= len(whole); to++ {
				b := make([]byte, to-from)
				if n, err := r.ReadAt(b, int64(from)); n != to-from || err != nil || string(b) != whole[from:to] {
					t.Fatalf("%d-%d: got %q, %v", from, to, b[:n], err)
				}
			}
		}
		if n, err := r.ReadAt(make([]byte, 9), int64(len(whole)-1)); n != 1 || err != io.EOF {
			t.Errorf("at the end: got %d, %v", n, err)
		}
		r.Seek(-1, io.SeekEnd)
		if b, err := io.ReadAll(r); string(b) != "3" || err != nil {
			t.Errorf("got %q, %v", b, err)
		}
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 200 {
					i := rand.Intn(len(whole))
					b := make([]byte, len(whole)-i)
					if _, err := r.ReadAt(b, int64(i)); err != nil || string(b) != whole[i:] {
						t.Errorf("from %d: got %q, %v", i, b, err)
					}
				}
			})
		}
		wg.Wait()
	})
	t.Run("Local joins the parts once, and the object stays what it is", func(t *testing.T) {
		before, _ := s.Head(ctx, root, "lake", "k")
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				path, release, err := s.Local(ctx, root, "lake", "k")
				if err != nil {
					t.Error(err)
					return
				}
				defer release()
				if b, err := os.ReadFile(path); err != nil || string(b) != whole {
					t.Errorf("got %q, %v", b, err)
				}
			})
		}
		wg.Wait()
		after, err := s.Head(ctx, root, "lake", "k")
		if err != nil || after.ETag != before.ETag || after.Checksum != before.Checksum || !after.Modified.Equal(before.Modified) || len(after.Parts) != 4 || len(after.segments) != 1 {
			t.Errorf("got %+v, want %+v (%v)", after, before, err)
		}
		if n := countFiles(t, s); n != 1 {
			t.Errorf("%d files, want 1", n)
		}
	})
	t.Run("a part may be replaced, and one that is not named goes", func(t *testing.T) {
		u, err := s.CreateUpload(ctx, root, PutInput{Bucket: "lake", Key: "p"})
		if err != nil {
			t.Fatal(err)
		}
		r := UploadRef{"lake", "p", u.ID}
		var etag string
		for _, body := range []string{"a", "b", "c"} {
			p, err := s.UploadPart(ctx, root, r, PartInput{Number: 2, Body: strings.NewReader(body), Size: 1})
			if err != nil {
				t.Fatal(err)
			}
			etag = p.ETag
			if _, err := s.UploadPart(ctx, root, r, PartInput{Number: 3, Body: strings.NewReader("given up"), Size: -1}); err != nil {
				t.Fatal(err)
			}
		}
		if n := countFiles(t, s); n != 3 {
			t.Errorf("%d files, want 3", n)
		}
		o, err := s.CompleteUpload(ctx, root, r, Completion{Size: -1, Parts: []CompletePart{{Number: 2, ETag: etag}}})
		if err != nil || get(t, s, "p") != "c" {
			t.Error(err)
		}
		again, err := s.CompleteUpload(ctx, root, r, Completion{Size: -1, Parts: []CompletePart{{Number: 2, ETag: etag}}})
		if err != nil || again.ETag != o.ETag {
			t.Errorf("again: got %+v, %v", again, err)
		}
		if n := countFiles(t, s); n != 2 {
			t.Errorf("%d files, want 2", n)
		}
		put(t, s, "p", "another")
		_, err = s.CompleteUpload(ctx, root, r, Completion{Size: -1, Parts: []CompletePart{{Number: 2, ETag: etag}}})
		wantKind(t, err, fault.NotFound, "upload")
	})
	t.Run("refuses parts that are not those of the upload, in their order", func(t *testing.T) {
		u, err := s.CreateUpload(ctx, root, PutInput{Bucket: "lake", Key: "q"})
		if err != nil {
			t.Fatal(err)
		}
		r := UploadRef{"lake", "q", u.ID}
		var tags []string
		for i, body := range []string{"a", "b"} {
			p, err := s.UploadPart(ctx, root, r, PartInput{Number: i + 1, Body: strings.NewReader(body), Size: 1})
			if err != nil {
				t.Fatal(err)
			}
			tags = append(tags, p.ETag)
		}
		for _, c := range []struct {
			noun  string
			parts []CompletePart
		}{
			{"part", []CompletePart{{Number: 1, ETag: tags[1]}}},
			{"part", []CompletePart{{Number: 1}}},
			{"part", []CompletePart{{Number: 3, ETag: tags[0]}}},
			{"part order", []CompletePart{{Number: 1, ETag: tags[0]}, {Number: 1, ETag: tags[0]}}},
			{"part order", []CompletePart{{Number: 2, ETag: tags[1]}, {Number: 1, ETag: tags[0]}}},
			{"part list", nil},
		} {
			_, err := s.CompleteUpload(ctx, root, r, Completion{Size: -1, Parts: c.parts})
			wantKind(t, err, fault.Invalid, c.noun)
		}
		_, err = s.Head(ctx, root, "lake", "q")
		wantKind(t, err, fault.NotFound, "object")
		if err := s.AbortUpload(ctx, root, r); err != nil {
			t.Error(err)
		}
	})
	t.Run("refuses kinds that do not go with the algorithm", func(t *testing.T) {
		for _, c := range []Checksum{{Algorithm: SHA256, Kind: FullObject}, {Algorithm: CRC64NVME, Kind: Composite}, {Algorithm: CRC32, Kind: "HALF"}, {Kind: FullObject}} {
			_, err := s.CreateUpload(ctx, root, PutInput{Bucket: "lake", Key: "k", Checksum: c})
			wantKind(t, err, fault.Invalid, "checksum type")
		}
	})
	t.Run("of completion and abortion one wins, and nothing leaks", func(t *testing.T) {
		before := countFiles(t, s)
		for range 20 {
			u, _ := s.CreateUpload(ctx, root, PutInput{Bucket: "lake", Key: "r"})
			r := UploadRef{"lake", "r", u.ID}
			p, err := s.UploadPart(ctx, root, r, PartInput{Number: 1, Body: strings.NewReader("r"), Size: 1})
			if err != nil {
				t.Fatal(err)
			}
			var wg sync.WaitGroup
			var completed, aborted error
			wg.Go(func() {
				_, completed = s.CompleteUpload(ctx, root, r, Completion{Size: -1, Parts: []CompletePart{{Number: 1, ETag: p.ETag}}})
			})
			wg.Go(func() { aborted = s.AbortUpload(ctx, root, r) })
			wg.Go(func() {
				s.UploadPart(ctx, root, r, PartInput{Number: 2, Body: strings.NewReader("late"), Size: 4})
			})
			wg.Wait()
			if (completed == nil) == (aborted == nil) {
				t.Fatalf("completed: %v, aborted: %v", completed, aborted)
			}
			s.Delete(ctx, root, "lake", "r")
		}
		if n := countFiles(t, s); n != before {
			t.Errorf("%d files, want %d", n, before)
		}
	})
}

func TestCombineCRC(t *testing.T) {
	rng := rand.New(rand.NewSource(1))
	for _, a := range []Algorithm{CRC32, CRC32C, CRC64NVME} {
		for range 50 {
			var parts []Part
			var all []byte
			for range rng.Intn(4) + 1 {
				b := make([]byte, rng.Intn(3000))
				rng.Read(b)
				h := a.newHash()
				h.Write(b)
				all = append(all, b...)
				parts = append(parts, Part{Size: int64(len(b)), Checksum: Checksum{Algorithm: a, Value: base64.StdEncoding.EncodeToString(h.Sum(nil))}})
			}
			h := a.newHash()
			h.Write(all)
			got, err := joined(a, FullObject, parts)
			if want := base64.StdEncoding.EncodeToString(h.Sum(nil)); err != nil || got.Value != want {
				t.Fatalf("%s over %d parts: got %s, want %s (%v)", a, len(parts), got.Value, want, err)
			}
		}
	}
}

func TestKnownSums(t *testing.T) {
	// "123456789" is the check input of the CRC catalogues.
	for a, want := range map[Algorithm]uint64{CRC32: 0xcbf43926, CRC32C: 0xe3069283, CRC64NVME: 0xae8b14860a799888} {
		h := a.newHash()
		h.Write([]byte("123456789"))
		if got := bigEndian(h.Sum(nil)); got != want {
			t.Errorf("%s: got %x, want %x", a, got, want)
		}
	}
}

func TestVerify(t *testing.T) {
	s := openLake(t)
	s.minPart = 0
	put(t, s, "good", "good")
	put(t, s, "gone", "gone")
	put(t, s, "short", "short")
	put(t, s, "flipped", "flipped")
	multipart(t, s, "multi", Checksum{Algorithm: SHA256}, "one", "two")
	multipart(t, s, "multi-flipped", Checksum{Algorithm: SHA256}, "one", "two")
	u, _ := s.CreateUpload(ctx, root, PutInput{Bucket: "lake", Key: "open"})
	if _, err := s.UploadPart(ctx, root, UploadRef{"lake", "open", u.ID}, PartInput{Number: 1, Body: strings.NewReader("p"), Size: 1}); err != nil {
		t.Fatal(err)
	}
	file := func(key string) string {
		o, err := s.Head(ctx, root, "lake", key)
		if err != nil {
			t.Fatal(err)
		}
		return s.path(o.segments[len(o.segments)-1].file)
	}
	if progress, damage, err := s.Verify(ctx, VerifyOptions{Sums: true}); err != nil || len(damage) > 0 || progress.Objects != 6 || progress.Parts != 1 {
		t.Fatalf("got %+v, %v, %v", progress, damage, err)
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	overwrite := func(path string, with []byte) {
		must(os.Chmod(path, 0o600))
		must(os.WriteFile(path, with, 0o600))
	}
	must(os.Remove(file("gone")))
	overwrite(file("short"), []byte("shor"))
	overwrite(file("flipped"), []byte("flippeD"))
	overwrite(file("multi-flipped"), []byte("twO"))
	var names []string
	_, damage, err := s.Verify(ctx, VerifyOptions{})
	for _, d := range damage {
		names = append(names, d.Key)
	}
	if got := strings.Join(names, " "); err != nil || got != "gone short" {
		t.Errorf("by size: got %q, %v", got, err)
	}
	calls := 0
	_, damage, err = s.Verify(ctx, VerifyOptions{Sums: true, Progress: func(VerifyProgress) { calls++ }})
	names = names[:0]
	for _, d := range damage {
		names = append(names, d.Key)
	}
	if got := strings.Join(names, " "); err != nil || got != "flipped gone multi-flipped short" || calls != 7 {
		t.Errorf("by sums: got %q after %d reports, %v", got, calls, err)
	}
}

func TestVerifyFindsObjectsWithoutABucket(t *testing.T) {
	s := openLake(t)
	put(t, s, "k", "v")
	put(t, s, "l", "v")
	s.buckets.remove("lake")
	_, damage, err := s.Verify(ctx, VerifyOptions{})
	if err != nil || len(damage) != 1 || damage[0].Bucket != "lake" || damage[0].Key != "k" {
		t.Errorf("got %v, %v", damage, err)
	}
}

func FuzzEntry(f *testing.F) {
	f.Add(encodeEntry(&Object{Size: 1, ETag: "e", Metadata: map[string]string{"a": "b"}, Parts: []Part{{Number: 1, ETag: "x"}}, segments: []segment{{1, 1}}}))
	f.Add([]byte{entryVersion, tagMetadata, 2, 255, 255})
	f.Fuzz(func(t *testing.T, b []byte) {
		o, err := decodeEntry("b", "k", b)
		if err != nil {
			return
		}
		again, err := decodeEntry("b", "k", encodeEntry(&o))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(encodeEntry(&o), encodeEntry(&again)) {
			t.Fatalf("%+v became %+v", o, again)
		}
	})
}

func FuzzCheckBucketName(f *testing.F) {
	for _, name := range []string{"abc", "a.b", "192.168.1.1", "xn--a", "A", ""} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if CheckBucketName(name) == nil && strings.ContainsAny(name, "/\x00_ ABC") {
			t.Fatalf("%q is taken", name)
		}
		if CheckBucketName(name) != nil {
			return
		}
		if b, k, err := ParseURL(URL(name, "k/é")); err != nil || b != name || k != "k/é" {
			t.Fatalf("%q comes back as %q, %q", name, b, k)
		}
	})
}
