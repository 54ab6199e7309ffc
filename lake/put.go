package lake

import (
	"context"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"flowlake/access"
	"flowlake/fault"
)

// Put stores an object and returns it once it is durable. What was under the key before is replaced at that
// moment and not earlier; who reads the old object reads it to its end.
//
// It returns fault.Precondition when a condition of in does not hold, fault.Invalid about "body" for a body of
// another length and about "checksum" for one of another checksum, fault.Unavailable when the disk
// refuses. Then nothing has changed. An error of in.Body is returned as it is.
func (s *Store) Put(ctx context.Context, c access.Caller, in PutInput) (Object, error) {
	staged, err := s.Stage(ctx, c, in)
	if err != nil {
		return Object{}, err
	}
	if err := s.Commit(ctx, c, []*Staged{staged}, nil); err != nil {
		return Object{}, err
	}
	return staged.Object(), nil
}

// Staged is an object whose bytes are durable and that nobody sees yet. Commit publishes it, Discard gives
// it up; one that meets neither is gone at the next start.
type Staged struct {
	store  *Store
	object Object
	change change
	done   sync.Once
}

// Object describes the object as it will be.
func (g *Staged) Object() Object { return g.object }

// Discard gives the object up. After Commit, or a second time, it does nothing.
func (g *Staged) Discard() {
	g.done.Do(func() {
		for _, p := range g.object.segments {
			g.store.discard(p.file)
		}
	})
}

// Stage writes an object's bytes and does not publish it. Its conditions are looked at, and decided by Commit.
func (s *Store) Stage(ctx context.Context, c access.Caller, in PutInput) (*Staged, error) {
	if err := s.mayWrite(ctx, c, &in, true); err != nil {
		return nil, err
	}
	object, err := in.object()
	if err != nil {
		return nil, err
	}
	ch := change{bucket: in.Bucket, key: in.Key, put: &object, ifMatch: in.IfMatch, ifNoneMatch: in.IfNoneMatch}
	if ch.ifMatch != "" || ch.ifNoneMatch { // a body that cannot win need not be read
		old, found, err := s.entry(in.Bucket, in.Key)
		if err == nil {
			err = ch.check(old, found)
		}
		if err != nil {
			return nil, err
		}
	}
	if err := s.fill(ctx, &object, in.Body, in.Size); err != nil {
		return nil, err
	}
	return &Staged{store: s, object: object, change: ch}, nil
}

// MayPut asks all that Put asks for in before it reads a byte, and puts nothing: it returns what Put would return.
func (s *Store) MayPut(ctx context.Context, c access.Caller, in PutInput) error {
	return s.mayWrite(ctx, c, &in, true)
}

// mayWrite asks whether c may write what in describes, and whether the bucket takes its ACL. Who gives an ACL needs
// s3:PutObjectAcl too; a service that writes as itself does not, as AWS's bucket policies for log delivery have it.
func (s *Store) mayWrite(ctx context.Context, c access.Caller, in *PutInput, creates bool) error {
	arn, keys := ARN(in.Bucket, in.Key), append(in.keys(), Creates(creates))
	if err := s.allow(ctx, c, "s3:PutObject", arn, keys...); err != nil {
		return err
	}
	if in.ACL != "" && !c.IsService() {
		if err := s.allow(ctx, c, "s3:PutObjectAcl", arn, keys...); err != nil {
			return err
		}
	}
	b, err := s.bucket(in.Bucket)
	if err != nil {
		return err
	}
	return s.checkWrite(ctx, c, b, "s3:PutObject", in.Key, in.ACL)
}

// object is the object that in asks for, checked, without its bytes.
func (in *PutInput) object() (Object, error) {
	o := Object{Bucket: in.Bucket, Key: in.Key, Headers: in.Headers, Metadata: in.Metadata,
		Checksum: in.Checksum, ACL: in.ACL, Encryption: in.Encryption}
	if err := CheckKey(in.Key); err != nil {
		return o, err
	}
	if err := o.Checksum.Check(); err != nil {
		return o, err
	}
	if o.Encryption != "" {
		if err := checkEncryption(o.Encryption); err != nil {
			return o, err
		}
	}
	const maxMetadata = 2048 // bytes of names and values. Source: S3 user guide, "Working with object metadata"
	size := 0
	for name, value := range in.Metadata {
		size += len(name) + len(value)
	}
	if size > maxMetadata {
		return o, fault.Newf(fault.TooLarge, "metadata", "has %d bytes; at most %d are allowed", size, maxMetadata)
	}
	o.Metadata = maps.Clone(in.Metadata)
	return o, nil
}

// buffers hold what is on its way from a body to a file.
var buffers = sync.Pool{New: func() any { return new([256 << 10]byte) }}

// fill writes body into a new durable file and sets what follows from the bytes: o's size, ETag, time, checksum
// and segment. On an error the file is gone.
func (s *Store) fill(ctx context.Context, o *Object, body io.Reader, size int64) error {
	if err := s.room(size); err != nil {
		return err
	}
	if o.Checksum.Algorithm == "" {
		o.Checksum = Checksum{Algorithm: CRC64NVME}
	}
	if body == nil {
		body = strings.NewReader("")
	}
	d, err := s.newDraft()
	if err != nil {
		return err
	}
	md, sum := md5.New(), o.Checksum.Algorithm.newHash()
	err = transfer(ctx, body, size, func(p []byte) error {
		md.Write(p)
		sum.Write(p)
		_, err := d.Write(p)
		return err
	})
	if err != nil {
		d.drop()
		return err
	}
	value := base64.StdEncoding.EncodeToString(sum.Sum(nil))
	if want := o.Checksum.Value; want != "" && want != value {
		d.drop()
		return fault.Newf(fault.Invalid, "checksum "+string(o.Checksum.Algorithm), "is %s, the body's is %s", want, value)
	}
	segment, err := d.keep()
	if err != nil {
		return err
	}
	o.Checksum.Value, o.Checksum.Kind = value, FullObject
	o.ETag = hex.EncodeToString(md.Sum(nil))
	o.Size = segment.size
	o.Modified = now()
	o.segments = append(o.segments[:0], segment)
	return nil
}

// transfer hands body on in pieces, and checks its length when size is not negative.
func transfer(ctx context.Context, body io.Reader, size int64, write func([]byte) error) error {
	buf := buffers.Get().(*[256 << 10]byte)
	defer buffers.Put(buf)
	var total int64
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := 0, error(nil)
		for n < len(buf)/2 && err == nil {
			var m int
			m, err = body.Read(buf[n:])
			n += m
		}
		if n > 0 {
			total += int64(n)
			if size >= 0 && total > size {
				return fault.Newf(fault.Invalid, "body", "is longer than the %d bytes announced", size)
			}
			if werr := write(buf[:n]); werr != nil {
				return werr
			}
		}
		switch {
		case err == nil:
		case err != io.EOF: // io.ErrUnexpectedEOF among them: a connection that broke
			return fmt.Errorf("read body: %w", err)
		case total < size:
			return fault.Newf(fault.Invalid, "body", "ended after %d of the %d bytes announced", total, size)
		default:
			return nil
		}
	}
}

// now is the time that objects are stamped with.
func now() time.Time { return time.Now().UTC().Truncate(time.Second) }

// change is one object's part in a commit.
type change struct {
	bucket, key string
	put         *Object // nil: removed
	ifMatch     string
	ifNoneMatch bool
	same        []segment // when set, the object must still have these files
}

func (ch *change) check(old Object, found bool) error {
	subject := "object " + URL(ch.bucket, ch.key)
	switch {
	case ch.ifNoneMatch && found:
		return fault.Newf(fault.Precondition, subject, "exists already")
	case ch.ifMatch == "" && ch.same == nil:
		return nil
	case !found && (ch.put != nil || ch.same != nil):
		return fault.Newf(fault.NotFound, subject, "does not exist")
	case !found:
		return fault.Newf(fault.Precondition, subject, "does not exist")
	case ch.ifMatch != "" && ch.ifMatch != "*" && strings.Trim(ch.ifMatch, `"`) != old.ETag:
		return fault.Newf(fault.Precondition, subject, "has the ETag %s", old.ETag)
	case ch.same != nil && !slices.Equal(ch.same, old.segments):
		return fault.Newf(fault.Conflict, subject, "was replaced")
	}
	return nil
}

// MayRemove asks what Commit asks before it removes the object, and removes nothing.
func (s *Store) MayRemove(ctx context.Context, c access.Caller, r Ref) error {
	return s.allow(ctx, c, "s3:DeleteObject", ARN(r.Bucket, r.Key))
}

// Commit publishes staged objects and removes others in one index batch: all of it is there afterwards, or, on an
// error, nothing, and the staged objects are gone. To remove what is not there is no error, unless its IfMatch asks.
// A key may occur once. Conditions are decided here: of several commits that need the same absence one wins.
// The receipts are written in the same batch; there may be nothing but receipts.
//
// After an error of the disk under the batch nobody knows whether it is there: the index cannot go on (the process
// ends), and the next start knows. A receipt tells it.
func (s *Store) Commit(ctx context.Context, c access.Caller, adds []*Staged, removes []Ref, receipts ...Receipt) (err error) {
	changes := make([]change, 0, len(adds)+len(removes))
	for _, g := range adds {
		changes = append(changes, g.change)
	}
	for _, r := range removes {
		if err := s.allow(ctx, c, "s3:DeleteObject", ARN(r.Bucket, r.Key)); err != nil {
			s.discardAll(adds)
			return err
		}
		changes = append(changes, change{bucket: r.Bucket, key: r.Key, ifMatch: r.IfMatch})
	}
	m := commit{changes: changes}
	if err = s.receipts(&m, c.Account, receipts); err == nil {
		err = s.apply(m)
	}
	if err != nil && !errors.Is(err, errUnknown) {
		s.discardAll(adds)
		return err
	}
	for _, g := range adds {
		g.done.Do(func() {}) // its files are the index's now
	}
	return err
}

func (s *Store) discardAll(adds []*Staged) {
	for _, g := range adds {
		g.Discard()
	}
}

// errUnknown marks a batch of which nobody knows whether it is on disk: its files stay until the next start, which knows.
var errUnknown = errors.New("the commit's fate is known at the next start only")

// commit is what one batch does.
type commit struct {
	changes []change
	locks   [][]byte // index keys to be locked beside the changed objects'
	// prepare runs under the locks, before the changes: it adds to the batch and names the files that go.
	prepare func(*pebble.Batch) (doomed []segment, err error)
}

// apply makes a commit in one synced batch. The files of objects that are put leave the pending list; those of
// objects that go enter the list of doomed files.
func (s *Store) apply(m commit) error {
	if err := s.free(commitBytes); err != nil {
		return err
	}
	s.buckets.change.RLock()
	defer s.buckets.change.RUnlock()
	keys := make([][]byte, len(m.changes), len(m.changes)+len(m.locks))
	seen := make(map[string]bool, len(m.changes))
	for i, ch := range m.changes {
		if _, err := s.bucket(ch.bucket); err != nil {
			return err
		}
		if err := CheckKey(ch.key); err != nil {
			return err
		}
		if keys[i] = objectKey(ch.bucket, ch.key); seen[string(keys[i])] {
			return fault.Newf(fault.Invalid, "object "+URL(ch.bucket, ch.key), "occurs twice in one commit")
		}
		seen[string(keys[i])] = true
	}
	defer s.keys.lock(append(keys, m.locks...)...)()
	b := s.index.NewBatch()
	defer b.Close()
	var doomed []segment
	if m.prepare != nil {
		var err error
		if doomed, err = m.prepare(b); err != nil {
			return err
		}
	}
	for i, ch := range m.changes {
		old, found, err := s.entry(ch.bucket, ch.key)
		if err != nil {
			return err
		}
		if err := ch.check(old, found); err != nil {
			return err
		}
		doomed = append(doomed, old.segments...)
		if ch.put == nil {
			if found {
				b.Delete(keys[i], nil)
			}
			continue
		}
		b.Set(keys[i], encodeEntry(ch.put), nil)
		for _, g := range ch.put.segments {
			b.Delete(fileKey(keyPending, g.file), nil)
		}
	}
	if b.Empty() {
		return nil
	}
	for _, g := range doomed {
		b.Set(fileKey(keyDoomed, g.file), nil, nil)
	}
	if err := b.Commit(pebble.Sync); err != nil {
		return failed("object index", errors.Join(err, errUnknown))
	}
	s.doom(doomed)
	return nil
}

// entry looks an object up.
func (s *Store) entry(bucket, key string) (o Object, found bool, err error) {
	v, closer, err := s.index.Get(objectKey(bucket, key))
	if errors.Is(err, pebble.ErrNotFound) {
		return Object{}, false, nil
	}
	if err != nil {
		return Object{}, false, failed("object index", err)
	}
	defer closer.Close()
	o, err = decodeEntry(bucket, key, v)
	return o, err == nil, err
}

// Delete removes an object. To remove one that is not there is no error.
func (s *Store) Delete(ctx context.Context, c access.Caller, bucket, key string) error {
	return s.Commit(ctx, c, nil, []Ref{{Bucket: bucket, Key: key}})
}
