package lake

import (
	"context"
	"errors"
	"io"
	"os"
	"sort"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"

	"flowlake/access"
	"flowlake/fault"
)

// Head returns the object's description, or fault.NotFound about "bucket" or "object".
func (s *Store) Head(ctx context.Context, c access.Caller, bucket, key string) (Object, error) {
	o, _, err := s.find(ctx, c, "s3:GetObject", bucket, key, false)
	return o, err
}

// Tags returns the object's tags: none, since no write with tags is taken.
func (s *Store) Tags(ctx context.Context, c access.Caller, bucket, key string) (map[string]string, error) {
	_, _, err := s.find(ctx, c, "s3:GetObjectTagging", bucket, key, false)
	return nil, err
}

// find looks an object up for a reader and, when asked, pins its files until unpin is called. That there is no object
// is told to those who may list the bucket; for others the listing is what they are refused, as in S3.
func (s *Store) find(ctx context.Context, c access.Caller, action, bucket, key string, pin bool) (o Object, unpin func(), err error) {
	if err := s.allow(ctx, c, action, ARN(bucket, key)); err != nil {
		return Object{}, nil, err
	}
	if _, err := s.bucket(bucket); err != nil {
		return Object{}, nil, err
	}
	if err := CheckKey(key); err != nil {
		return Object{}, nil, err
	}
	o, found, err := s.held(bucket, key, pin)
	switch {
	case err != nil:
		return Object{}, nil, err
	case !found:
		return Object{}, nil, s.missing(ctx, c, bucket, key)
	case !pin:
		return o, nil, nil
	}
	return o, sync.OnceFunc(func() { s.unpin(o.segments) }), nil
}

// missing is the answer about an object that is not there: for those who may not list the bucket, the refusal of that.
func (s *Store) missing(ctx context.Context, c access.Caller, bucket, key string) error {
	if err := s.allow(ctx, c, "s3:ListBucket", ARN(bucket, "")); err != nil {
		return err
	}
	return fault.Newf(fault.NotFound, "object "+URL(bucket, key), "does not exist")
}

// held looks an object up, and pins its files when asked.
func (s *Store) held(bucket, key string, pin bool) (o Object, found bool, err error) {
	s.files.gate.RLock()
	defer s.files.gate.RUnlock()
	o, found, err = s.entry(bucket, key)
	if err == nil && found && pin {
		s.files.pin(o.segments)
	}
	return o, found, err
}

// Open opens an object for reading. Its bytes stay readable until Close, whatever becomes of the key.
func (s *Store) Open(ctx context.Context, c access.Caller, bucket, key string) (*Reader, error) {
	o, unpin, err := s.find(ctx, c, "s3:GetObject", bucket, key, true)
	if err != nil {
		return nil, err
	}
	if err := o.whole(); err != nil {
		unpin()
		return nil, err
	}
	return newReader(s, o, unpin), nil
}

// whole compares the sizes in the entry.
func (o *Object) whole() error {
	var n int64
	for _, g := range o.segments {
		n += g.size
	}
	if n != o.Size {
		return fault.Newf(fault.Internal, "object "+URL(o.Bucket, o.Key), "its files hold %d bytes, not %d", n, o.Size)
	}
	return nil
}

func newReader(s *Store, o Object, unpin func()) *Reader {
	r := &Reader{store: s, object: o, unpin: unpin, ends: make([]int64, len(o.segments)), current: -1}
	var end int64
	for i, g := range o.segments {
		end += g.size
		r.ends[i] = end
	}
	return r
}

// Reader reads one object: io.ReadSeekCloser and io.ReaderAt. ReadAt may be called concurrently.
type Reader struct {
	store  *Store
	object Object
	unpin  func()
	ends   []int64 // where each segment ends
	offset int64

	mu      sync.Mutex // guards below; held during reads of the current segment, so that it is not closed under them
	current int        // the segment that file is, or -1
	file    vfs.File
	closed  bool
}

var (
	_ io.ReadSeekCloser = (*Reader)(nil)
	_ io.ReaderAt       = (*Reader)(nil)
)

// Object describes what is read.
func (r *Reader) Object() Object { return r.object }

// Read reads on from the offset.
func (r *Reader) Read(p []byte) (int, error) {
	n, err := r.ReadAt(p, r.offset)
	r.offset += int64(n)
	if n > 0 && errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}

// Seek sets the offset. It may lie behind the end.
func (r *Reader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += r.offset
	case io.SeekEnd:
		offset += r.object.Size
	}
	if offset < 0 {
		return 0, fault.Newf(fault.Invalid, "offset", "%d is before the object's first byte", offset)
	}
	r.offset = offset
	return offset, nil
}

// ReadAt reads from offset on, over the bounds of segments.
func (r *Reader) ReadAt(p []byte, offset int64) (n int, err error) {
	if offset < 0 {
		return 0, fault.Newf(fault.Invalid, "offset", "%d is before the object's first byte", offset)
	}
	i := sort.Search(len(r.ends), func(i int) bool { return r.ends[i] > offset })
	for n < len(p) && i < len(r.ends) {
		begin := r.ends[i] - r.object.segments[i].size
		want := p[n:min(int64(len(p)), int64(n)+r.ends[i]-offset)]
		m, err := r.readSegment(i, want, offset-begin)
		n, offset = n+m, offset+int64(m)
		if m < len(want) {
			if err == nil || errors.Is(err, io.EOF) {
				err = errors.New("the file is shorter than its entry says")
			}
			return n, fault.Newf(fault.Unavailable, "object "+URL(r.object.Bucket, r.object.Key), "read: %w", err)
		}
		i++
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (r *Reader) readSegment(i int, p []byte, offset int64) (int, error) {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return 0, os.ErrClosed
	}
	if r.current != i {
		f, err := r.store.fs.Open(r.store.path(r.object.segments[i].file))
		if err != nil {
			r.mu.Unlock()
			return 0, err
		}
		if r.file != nil {
			r.file.Close()
		}
		r.file, r.current = f, i
	}
	if len(r.ends) == 1 { // the file stays the same until Close: readers need not wait for each other
		f := r.file
		r.mu.Unlock()
		return f.ReadAt(p, offset)
	}
	defer r.mu.Unlock()
	return r.file.ReadAt(p, offset)
}

// Close lets go of the object.
func (r *Reader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var err error
	if r.file != nil {
		err = r.file.Close()
		r.file, r.current = nil, -1
	}
	r.closed = true
	r.unpin()
	return err
}

// Local returns the path of a file that holds just the object's bytes. The file is read-only, shared, and stays
// there until release is called, whatever becomes of the key. An object of several files is joined
// into one first, once, which takes as long as copying it; later calls find it joined.
func (s *Store) Local(ctx context.Context, c access.Caller, bucket, key string) (path string, release func(), err error) {
	for {
		o, unpin, err := s.find(ctx, c, "s3:GetObject", bucket, key, true)
		if err != nil {
			return "", nil, err
		}
		if len(o.segments) == 1 {
			return s.path(o.segments[0].file), unpin, nil
		}
		unpin()
		// Concurrent callers wait for one that joins; its caller's patience is not theirs.
		_, err, _ = s.joins.Do(URL(bucket, key), func() (any, error) {
			return nil, s.join(context.WithoutCancel(ctx), c, bucket, key)
		})
		if err != nil && !fault.Is(err, fault.Conflict) { // Conflict: replaced meanwhile; look again
			return "", nil, err
		}
		if err := ctx.Err(); err != nil {
			return "", nil, err
		}
	}
}

// join puts the bytes of an object's files into one file, and that into the object's entry. Nothing else
// of the object changes.
func (s *Store) join(ctx context.Context, c access.Caller, bucket, key string) error {
	if err := s.allow(ctx, c, "s3:GetObject", ARN(bucket, key)); err != nil {
		return err
	}
	return s.joinAny(ctx, bucket, key)
}

// joinAny is join for one who has asked the guard.
func (s *Store) joinAny(ctx context.Context, bucket, key string) error {
	s.files.gate.RLock()
	o, found, err := s.entry(bucket, key)
	s.files.pin(o.segments)
	s.files.gate.RUnlock()
	defer s.unpin(o.segments)
	if err == nil && !found {
		err = fault.Newf(fault.NotFound, "object "+URL(bucket, key), "does not exist")
	}
	if err == nil {
		err = o.whole()
	}
	if err != nil || len(o.segments) == 1 {
		return err
	}
	r := newReader(s, o, func() {})
	defer r.Close()
	whole, err := s.oneFile(ctx, r)
	if err != nil {
		return err
	}
	same := o.segments
	put := o
	put.segments = []segment{whole}
	err = s.apply(commit{changes: []change{{bucket: bucket, key: key, put: &put, same: same}}})
	if err != nil && !errors.Is(err, errUnknown) {
		s.discard(whole.file)
	}
	return err
}

// oneFile writes what r reads into a durable file that no entry holds.
func (s *Store) oneFile(ctx context.Context, r *Reader) (segment, error) {
	if err := s.room(r.object.Size); err != nil {
		return segment{}, err
	}
	d, err := s.newDraft()
	if err != nil {
		return segment{}, err
	}
	err = transfer(ctx, r, r.object.Size, func(p []byte) error {
		_, err := d.Write(p)
		return err
	})
	if err != nil {
		d.drop()
		return segment{}, err
	}
	return d.keep()
}
