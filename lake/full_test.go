package lake

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"flowlake/fault"
)

// bounded is a file system with so many bytes free.
type bounded struct {
	vfs.FS
	avail atomic.Int64
}

func (b *bounded) GetDiskUsage(string) (vfs.DiskUsage, error) {
	return vfs.DiskUsage{AvailBytes: uint64(max(b.avail.Load(), 0))}, nil
}

// Unwrap is vfs.FS's.
func (b *bounded) Unwrap() vfs.FS { return b.FS }

// zeros is a body of so many bytes that the disk loses while they come.
type zeros struct {
	left int64
	disk *bounded
}

func (z *zeros) Read(p []byte) (int, error) {
	if z.left == 0 {
		return 0, io.EOF
	}
	n := min(int64(len(p)), z.left)
	clear(p[:n])
	z.left -= n
	z.disk.avail.Add(-n)
	return int(n), nil
}

func TestFullDisk(t *testing.T) {
	disk := &bounded{FS: vfs.NewMem()}
	disk.avail.Store(1 << 40)
	s := openOn(t, withBucket(t), disk)
	defer s.Close()
	put(t, s, "k", "old")
	unavailable := func(name string, err error) {
		t.Helper()
		if !fault.Is(err, fault.Unavailable) || !fault.HasNoun(err, "disk") {
			t.Errorf("%s: got %v, want an unavailable disk", name, err)
		}
	}
	disk.avail.Store(reserveBytes + 100)
	_, err := s.Put(ctx, root, PutInput{Bucket: "lake", Key: "k", Body: strings.NewReader(strings.Repeat("x", 101)), Size: 101})
	unavailable("a body that would not fit", err)
	put(t, s, "fits", strings.Repeat("x", 100))

	disk.avail.Store(reserveBytes + flushBytes)
	_, err = s.Put(ctx, root, PutInput{Bucket: "lake", Key: "k", Body: &zeros{left: 8 * flushBytes, disk: disk}, Size: -1})
	unavailable("a body whose length was not known", err)
	if disk.avail.Load() < commitBytes {
		t.Errorf("%d bytes are left", disk.avail.Load())
	}
	_, err = s.CreateUpload(ctx, root, PutInput{Bucket: "lake", Key: "u"})
	unavailable("an upload", err)
	if err := s.Delete(ctx, root, "lake", "fits"); err != nil {
		t.Errorf("a removal uses the reserve: %v", err)
	}
	disk.avail.Store(0)
	unavailable("a removal without any space", s.Delete(ctx, root, "lake", "k"))
	if got := get(t, s, "k"); got != "old" {
		t.Errorf("got %q", got)
	}
	if err := s.reap(ctx); err != nil {
		t.Fatal(err)
	}
	if held, lying := held(t, s); held != 1 || lying != 1 {
		t.Errorf("%d files lie there, the index holds %d", lying, held)
	}
}

func TestRun(t *testing.T) {
	s := openLake(t)
	running, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- s.Run(running) }()
	old := put(t, s, "k", "old")
	put(t, s, "k", "new")
	path := s.path(old.segments[0].file)
	for began := time.Now(); ; time.Sleep(time.Millisecond) {
		if _, err := s.fs.Stat(path); errors.Is(err, syscall.ENOENT) {
			break
		}
		if time.Since(began) > 10*time.Second {
			t.Fatal("the file of a replaced object stays")
		}
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestBrokenBody(t *testing.T) {
	s := openLake(t)
	for name, want := range map[string]error{"a broken connection": io.ErrUnexpectedEOF, "a refusal": fault.Newf(fault.Denied, "signature", "is wrong")} {
		_, err := s.Put(ctx, root, PutInput{Bucket: "lake", Key: "k", Size: -1,
			Body: io.MultiReader(strings.NewReader("half"), readerFunc(func([]byte) (int, error) { return 0, want }))})
		if !errors.Is(err, want) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := s.Put(ended, root, PutInput{Bucket: "lake", Key: "k", Size: -1, Body: strings.NewReader("x")}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if n := countFiles(t, s); n != 0 {
		t.Errorf("%d files are left behind", n)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
