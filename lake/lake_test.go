package lake

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"flowlake/access"
	"flowlake/fault"
	"flowlake/state"
)

const account = "123456789012"

var (
	root = access.Root(account, "us-east-1")
	ctx  = context.Background()
)

// openLake opens a lake, with a bucket "lake", on a folder of its own.
func openLake(t testing.TB) *Store {
	t.Helper()
	dir := t.TempDir()
	st, err := state.Open(filepath.Join(dir, "state"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(Config{Dir: filepath.Join(dir, "lake")}, st, access.NewGuard(account), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close(); st.Close() })
	if err := s.CreateBucket(ctx, root, "lake"); err != nil {
		t.Fatal(err)
	}
	return s
}

func put(t testing.TB, s *Store, key, body string) Object {
	t.Helper()
	o, err := s.Put(ctx, root, PutInput{Bucket: "lake", Key: key, Body: strings.NewReader(body), Size: int64(len(body))})
	if err != nil {
		t.Fatalf("put %q: %v", key, err)
	}
	return o
}

func get(t testing.TB, s *Store, key string) string {
	t.Helper()
	r, err := s.Open(ctx, root, "lake", key)
	if err != nil {
		t.Fatalf("open %q: %v", key, err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("read %q: %v", key, err)
	}
	return string(b)
}

// countFiles counts the object files that lie in the folder, after the reaper has been.
func countFiles(t testing.TB, s *Store) int {
	t.Helper()
	if err := s.reap(ctx); err != nil {
		t.Fatal(err)
	}
	n := 0
	err := filepath.WalkDir(filepath.Join(s.dir, "objects"), func(_ string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			n++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func wantKind(t testing.TB, err error, kind fault.Kind, noun string) {
	t.Helper()
	if !fault.Is(err, kind) || !fault.HasNoun(err, noun) {
		t.Errorf("got %v, want a %v fault about %s", err, kind, noun)
	}
}

func TestPut(t *testing.T) {
	s := openLake(t)
	sum := func(s string) string { m := md5.Sum([]byte(s)); return hex.EncodeToString(m[:]) }

	t.Run("describes what it stored, and gives it back", func(t *testing.T) {
		o, err := s.Put(ctx, root, PutInput{Bucket: "lake", Key: "a/b", Body: strings.NewReader("hello"), Size: -1,
			Headers: Headers{ContentType: "text/plain", CacheControl: "no-store"}, Metadata: map[string]string{"who": "me"},
			ACL: "private", Encryption: "AES256"})
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.Head(ctx, root, "lake", "a/b")
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range []Object{o, got} {
			if o.Size != 5 || o.ETag != sum("hello") || o.ContentType != "text/plain" || o.CacheControl != "no-store" ||
				o.Metadata["who"] != "me" || o.ACL != "private" || o.Encryption != "AES256" || o.Modified.IsZero() ||
				o.Checksum.Algorithm != CRC64NVME || o.Checksum.Value == "" {
				t.Errorf("got %+v", o)
			}
		}
		if body := get(t, s, "a/b"); body != "hello" {
			t.Errorf("got %q", body)
		}
	})
	t.Run("x and x/y both exist", func(t *testing.T) {
		put(t, s, "x", "1")
		put(t, s, "x/y", "2")
		if got := get(t, s, "x") + get(t, s, "x/y"); got != "12" {
			t.Errorf("got %q", got)
		}
	})
	t.Run("takes any key", func(t *testing.T) {
		for _, key := range []string{"..", "../../etc/passwd", "/", "//", "a//b", " ", "ключ", "a\x00b", "%2F", "+", "\n", "x\U0010ffff", strings.Repeat("k", 1024)} {
			put(t, s, key, key)
			if got := get(t, s, key); got != key {
				t.Errorf("key %q holds %q", key, got)
			}
		}
	})
	t.Run("refuses", func(t *testing.T) {
		before := countFiles(t, s)
		for _, c := range []struct {
			name string
			in   PutInput
			kind fault.Kind
			noun string
		}{
			{"no key", PutInput{Bucket: "lake"}, fault.Invalid, "key"},
			{"a key of 1,025 bytes", PutInput{Bucket: "lake", Key: strings.Repeat("k", 1025)}, fault.TooLarge, "key"},
			{"a key that is not UTF-8", PutInput{Bucket: "lake", Key: "\xff"}, fault.Invalid, "key"},
			{"no such bucket", PutInput{Bucket: "nowhere", Key: "k"}, fault.NotFound, "bucket"},
			{"a short body", PutInput{Bucket: "lake", Key: "k", Body: strings.NewReader("abc"), Size: 4}, fault.Invalid, "body"},
			{"a long body", PutInput{Bucket: "lake", Key: "k", Body: strings.NewReader("abc"), Size: 2}, fault.Invalid, "body"},
			{"another checksum", PutInput{Bucket: "lake", Key: "k", Body: strings.NewReader("abc"), Size: 3,
				Checksum: Checksum{Algorithm: CRC32, Value: "AAAAAA=="}}, fault.Invalid, "checksum"},
			{"an unknown algorithm", PutInput{Bucket: "lake", Key: "k", Checksum: Checksum{Algorithm: "MD4"}}, fault.Invalid, "checksum algorithm"},
			{"KMS", PutInput{Bucket: "lake", Key: "k", Encryption: "aws:kms"}, fault.Unsupported, "encryption"},
			{"much metadata", PutInput{Bucket: "lake", Key: "k", Metadata: map[string]string{"a": strings.Repeat("b", 2048)}}, fault.TooLarge, "metadata"},
			{"an If-Match of nothing", PutInput{Bucket: "lake", Key: "none", IfMatch: "*"}, fault.NotFound, "object"},
			{"an If-Match of another", PutInput{Bucket: "lake", Key: "x", IfMatch: "abc"}, fault.Precondition, "object"},
			{"an If-None-Match of something", PutInput{Bucket: "lake", Key: "x", IfNoneMatch: true}, fault.Precondition, "object"},
		} {
			_, err := s.Put(ctx, root, c.in)
			if !fault.Is(err, c.kind) || !fault.HasNoun(err, c.noun) {
				t.Errorf("%s: got %v, want a %v fault about %s", c.name, err, c.kind, c.noun)
			}
		}
		if after := countFiles(t, s); after != before {
			t.Errorf("%d files were left behind", after-before)
		}
	})
	t.Run("refuses a stranger", func(t *testing.T) {
		_, err := s.Put(ctx, access.Root("999999999999", "us-east-1"), PutInput{Bucket: "lake", Key: "k"})
		if !fault.Is(err, fault.Denied) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("its file is the owner's, to read only", func(t *testing.T) {
		put(t, s, "mode", "x")
		path, release, err := s.Local(ctx, root, "lake", "mode")
		if err != nil {
			t.Fatal(err)
		}
		defer release()
		if info, err := os.Stat(path); err != nil || info.Mode() != 0o400 {
			t.Errorf("got %v, %v", info.Mode(), err)
		}
		if err := s.Delete(ctx, root, "lake", "mode"); err != nil {
			t.Error(err)
		}
	})
	t.Run("a join does not bring back what was replaced meanwhile", func(t *testing.T) {
		put(t, s, "joined", "old")
		old, _, err := s.entry("lake", "joined")
		if err != nil {
			t.Fatal(err)
		}
		put(t, s, "joined", "new")
		err = s.apply(commit{changes: []change{{bucket: "lake", key: "joined", put: &old, same: old.segments}}})
		wantKind(t, err, fault.Conflict, "object")
		if got := get(t, s, "joined"); got != "new" {
			t.Errorf("got %q", got)
		}
		if err := s.Delete(ctx, root, "lake", "joined"); err != nil {
			t.Error(err)
		}
	})
	t.Run("an overwritten object is read to its end, then its file goes", func(t *testing.T) {
		files := countFiles(t, s)
		put(t, s, "x", strings.Repeat("old", 1000))
		r, err := s.Open(ctx, root, "lake", "x")
		if err != nil {
			t.Fatal(err)
		}
		path, release, err := s.Local(ctx, root, "lake", "x")
		if err != nil {
			t.Fatal(err)
		}
		put(t, s, "x", "new")
		if n := countFiles(t, s); n != files+1 {
			t.Errorf("%d files, want %d", n, files+1)
		}
		if b, err := io.ReadAll(r); err != nil || len(b) != 3000 {
			t.Errorf("read %d bytes, %v", len(b), err)
		}
		if b, err := os.ReadFile(path); err != nil || len(b) != 3000 {
			t.Errorf("read %d bytes, %v", len(b), err)
		}
		r.Close()
		release()
		release() // does nothing
		if n := countFiles(t, s); n != files {
			t.Errorf("%d files, want %d", n, files)
		}
	})
	t.Run("of 16 writers of a new key one wins", func(t *testing.T) {
		for range 5 {
			var won sync.Map
			var wg sync.WaitGroup
			for i := range 16 {
				wg.Go(func() {
					body := strings.Repeat("b", i)
					_, err := s.Put(ctx, root, PutInput{Bucket: "lake", Key: "race", Body: strings.NewReader(body), Size: -1, IfNoneMatch: true})
					switch {
					case err == nil:
						won.Store(body, true)
					case !fault.Is(err, fault.Precondition):
						t.Error(err)
					}
				})
			}
			wg.Wait()
			n := 0
			won.Range(func(body, _ any) bool {
				if n++; get(t, s, "race") != body {
					t.Error("the winner's bytes are not there")
				}
				return true
			})
			if n != 1 {
				t.Fatalf("%d writers won", n)
			}
			if err := s.Delete(ctx, root, "lake", "race"); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestCommit(t *testing.T) {
	s := openLake(t)
	stage := func(key string, more ...func(*PutInput)) *Staged {
		in := PutInput{Bucket: "lake", Key: key, Body: strings.NewReader(key), Size: -1}
		for _, f := range more {
			f(&in)
		}
		g, err := s.Stage(ctx, root, in)
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	put(t, s, "old1", "1")
	put(t, s, "old2", "2")

	t.Run("nobody sees what is staged", func(t *testing.T) {
		g := stage("hidden")
		_, err := s.Head(ctx, root, "lake", "hidden")
		wantKind(t, err, fault.NotFound, "object")
		g.Discard()
		g.Discard()
		if n := countFiles(t, s); n != 2 {
			t.Errorf("%d files", n)
		}
	})
	t.Run("is all or nothing", func(t *testing.T) {
		adds := []*Staged{stage("new1"), stage("old2", func(in *PutInput) { in.IfMatch = "*" })}
		if err := s.Delete(ctx, root, "lake", "old2"); err != nil {
			t.Fatal(err)
		}
		wantKind(t, s.Commit(ctx, root, adds, []Ref{{Bucket: "lake", Key: "old1"}}), fault.NotFound, "object")
		_, err := s.Head(ctx, root, "lake", "new1")
		wantKind(t, err, fault.NotFound, "object")
		if n := countFiles(t, s); n != 1 || get(t, s, "old1") != "1" {
			t.Errorf("%d files", n)
		}
		if err := s.Commit(ctx, root, []*Staged{stage("new1"), stage("new2")}, []Ref{{Bucket: "lake", Key: "old1"}, {Bucket: "lake", Key: "never"}}); err != nil {
			t.Fatal(err)
		}
		if n := countFiles(t, s); n != 2 || get(t, s, "new1")+get(t, s, "new2") != "new1new2" {
			t.Errorf("%d files", n)
		}
	})
	t.Run("refuses a key twice", func(t *testing.T) {
		wantKind(t, s.Commit(ctx, root, []*Staged{stage("twice"), stage("twice")}, nil), fault.Invalid, "object")
	})
	t.Run("a conditional removal needs its object", func(t *testing.T) {
		o := put(t, s, "victim", "v")
		wantKind(t, s.Commit(ctx, root, nil, []Ref{{"lake", "victim", "other"}}), fault.Precondition, "object")
		wantKind(t, s.Commit(ctx, root, nil, []Ref{{"lake", "missing", o.ETag}}), fault.Precondition, "object")
		if err := s.Commit(ctx, root, nil, []Ref{{"lake", "victim", `"` + o.ETag + `"`}}); err != nil {
			t.Error(err)
		}
	})
}

func TestBuckets(t *testing.T) {
	s := openLake(t)
	wantKind(t, s.CreateBucket(ctx, root, "lake"), fault.Exists, "bucket")
	if err := s.CreateBucket(ctx, root.In("ap-northeast-2"), "second"); err != nil {
		t.Fatal(err)
	}
	if b, err := s.Bucket(ctx, root, "second"); err != nil || b.Region != "ap-northeast-2" || b.Owner != account {
		t.Errorf("got %+v, %v", b, err)
	}
	if all, err := s.Buckets(ctx, root); err != nil || len(all) != 2 || all[0].Name != "lake" {
		t.Errorf("got %+v, %v", all, err)
	}
	put(t, s, "k", "v")
	wantKind(t, s.DeleteBucket(ctx, root, "lake"), fault.Conflict, "bucket")
	s.Delete(ctx, root, "lake", "k")
	u, err := s.CreateUpload(ctx, root, PutInput{Bucket: "lake", Key: "k"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.UploadPart(ctx, root, UploadRef{"lake", "k", u.ID}, PartInput{Number: 1, Body: strings.NewReader("p"), Size: 1}); err != nil {
		t.Fatal(err)
	}
	if err := s.DeleteBucket(ctx, root, "lake"); err != nil {
		t.Fatal(err)
	}
	if n := countFiles(t, s); n != 0 {
		t.Errorf("%d files are left of an aborted upload", n)
	}
	_, err = s.Bucket(ctx, root, "lake")
	wantKind(t, err, fault.NotFound, "bucket")
	_, err = s.List(ctx, root, "lake", ListInput{})
	wantKind(t, err, fault.NotFound, "bucket")
}

func TestCheckBucketName(t *testing.T) {
	for name, ok := range map[string]bool{
		"abc": true, "a1-b.c": true, "aws-athena-query-result": true, strings.Repeat("a", 63): true, "123": true,
		"ab": false, strings.Repeat("a", 64): false, "Abc": false, "a_b": false, "-ab": false, "ab-": false, "a..b": false, ".ab": false,
		"192.168.5.4": false, "xn--abc": false, "sthree-abc": false, "amzn-s3-demo-x": false, "abc-s3alias": false, "abc--ol-s3": false,
		"abc.mrap": false, "abc--x-s3": false, "": false, "a/b": false, "a\x00b": false,
	} {
		if err := CheckBucketName(name); (err == nil) != ok {
			t.Errorf("%q: got %v", name, err)
		}
	}
}

func TestReopen(t *testing.T) {
	dir := t.TempDir()
	st, err := state.Open(filepath.Join(dir, "state"))
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	again := func() *Store {
		s, err := Open(Config{Dir: filepath.Join(dir, "lake")}, st, access.NewGuard(account), slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := again()
	if err := s.CreateBucket(ctx, root, "lake"); err != nil {
		t.Fatal(err)
	}
	put(t, s, "k", "one")
	put(t, s, "k", "two")
	if _, err := s.Stage(ctx, root, PutInput{Bucket: "lake", Key: "lost", Body: bytes.NewReader(make([]byte, 100)), Size: -1}); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Config{Dir: filepath.Join(dir, "lake")}, st, access.NewGuard(account), slog.New(slog.DiscardHandler)); !fault.Is(err, fault.Conflict) {
		t.Errorf("a second opening: got %v, want a conflict", err)
	}
	s.Close()
	s = again()
	if n := countFiles(t, s); n != 1 {
		t.Errorf("%d files, want the one object's", n)
	}
	if got := get(t, s, "k"); got != "two" {
		t.Errorf("got %q", got)
	}
	if err := s.index.Set([]byte{keyVersion}, []byte{indexVersion + 1}, nil); err != nil {
		t.Fatal(err)
	}
	s.Close()
	if _, err := Open(Config{Dir: filepath.Join(dir, "lake")}, st, access.NewGuard(account), slog.New(slog.DiscardHandler)); !fault.Is(err, fault.Conflict) {
		t.Errorf("newer data: got %v, want a conflict", err)
	}
}
