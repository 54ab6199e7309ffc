package lake

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2"

	"flowlake/fault"
)

// VerifyOptions says how deep to look.
type VerifyOptions struct {
	Sums     bool // read all bytes and compare their MD5, or checksum; otherwise only the files' presence and size
	Progress func(VerifyProgress)
}

// VerifyProgress is what has been looked at so far.
type VerifyProgress struct {
	Objects int64
	Parts   int64 // of uploads under way
	Bytes   int64
	Bad     int64
}

// Damage is an object, or a part of an upload, whose bytes are not what its entry says.
type Damage struct {
	Bucket, Key string
	Part        int // of an upload under way; 0 for an object
	Err         error
}

func (d Damage) String() string {
	if d.Part > 0 {
		return fmt.Sprintf("%s part %d: %v", URL(d.Bucket, d.Key), d.Part, d.Err)
	}
	return fmt.Sprintf("%s: %v", URL(d.Bucket, d.Key), d.Err)
}

// Verify looks at every object and every part of an upload, and returns what is damaged. It changes nothing and may
// run while the lake is in use; what is replaced meanwhile is passed over. It acts for the folder's owner and asks no guard.
func (s *Store) Verify(ctx context.Context, opt VerifyOptions) (VerifyProgress, []Damage, error) {
	v := verifier{store: s, opt: opt}
	if err := v.strays(); err != nil {
		return v.done, v.damage, err
	}
	for _, b := range s.allBuckets() {
		if err := v.objects(ctx, b); err != nil {
			return v.done, v.damage, err
		}
		if err := v.uploads(ctx, b); err != nil {
			return v.done, v.damage, err
		}
	}
	return v.done, v.damage, nil
}

type verifier struct {
	store  *Store
	opt    VerifyOptions
	done   VerifyProgress
	damage []Damage
}

func (s *Store) allBuckets() []string {
	s.buckets.mu.RLock()
	defer s.buckets.mu.RUnlock()
	var names []string
	for name := range s.buckets.names {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// strays finds objects whose bucket is not known, as after a restore of half a backup: nobody reaches them.
func (v *verifier) strays() error {
	it, err := v.store.index.NewIter(&pebble.IterOptions{LowerBound: []byte{keyObject}, UpperBound: []byte{keyObject + 1}})
	if err != nil {
		return failed("object index", err)
	}
	defer it.Close()
	for ok := it.First(); ok; {
		bucket, key, _ := strings.Cut(string(it.Key()[1:]), "\x00")
		if _, known := v.store.buckets.get(bucket); !known {
			v.done.Bad++
			v.damage = append(v.damage, Damage{Bucket: bucket, Key: key, Err: fault.Newf(fault.NotFound, "bucket "+bucket, "does not exist, and has objects from here on")})
		}
		ok = it.SeekGE(after(objectKey(bucket, "")))
	}
	if err := it.Error(); err != nil {
		return failed("object index", err)
	}
	return nil
}

// objects goes through a bucket in pages, so that no iterator keeps the index from tidying up for hours.
func (v *verifier) objects(ctx context.Context, bucket string) error {
	base := objectKey(bucket, "")
	from := base
	for from != nil {
		it, err := v.store.index.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: after(base)})
		if err != nil {
			return failed("object index", err)
		}
		from = nil
		var keys []string
		for ok := it.First(); ok; ok = it.Next() {
			if len(keys) == maxList {
				from = bytes.Clone(it.Key())
				break
			}
			keys = append(keys, string(it.Key()[len(base):]))
		}
		if err := it.Close(); err != nil {
			return failed("object index", err)
		}
		for _, key := range keys {
			err := v.one(ctx, bucket, key, 0, &v.done.Objects, func() (Object, bool, error) { return v.store.entry(bucket, key) })
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func (v *verifier) uploads(ctx context.Context, bucket string) error {
	var refs []UploadRef
	err := v.store.eachUpload(bucket, "", nil, func(r UploadRef, _ []byte) bool {
		refs = append(refs, r)
		return true
	})
	if err != nil {
		return err
	}
	for _, r := range refs {
		var numbers []int
		err := v.store.eachPart(r, 0, func(number int, _ Object) bool {
			numbers = append(numbers, number)
			return true
		})
		if err != nil {
			return err
		}
		for _, n := range numbers {
			err := v.one(ctx, bucket, r.Key, n, &v.done.Parts, func() (Object, bool, error) { return v.store.part(r, n) })
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// one looks at one object or part; only an end of ctx is an error.
func (v *verifier) one(ctx context.Context, bucket, key string, part int, count *int64, look func() (Object, bool, error)) error {
	s := v.store
	s.files.gate.RLock()
	o, found, err := look()
	s.files.pin(o.segments)
	s.files.gate.RUnlock()
	defer s.unpin(o.segments)
	if err == nil && !found {
		return ctx.Err()
	}
	if err == nil {
		err = s.intact(ctx, o, v.opt.Sums)
	}
	if cerr := ctx.Err(); cerr != nil {
		return cerr
	}
	*count++
	v.done.Bytes += o.Size
	if err != nil {
		v.done.Bad++
		v.damage = append(v.damage, Damage{Bucket: bucket, Key: key, Part: part, Err: err})
	}
	if v.opt.Progress != nil {
		v.opt.Progress(v.done)
	}
	return nil
}

// intact compares an object's files with its entry. The caller has pinned them.
func (s *Store) intact(ctx context.Context, o Object, sums bool) error {
	for _, g := range o.segments {
		info, err := s.fs.Stat(s.path(g.file))
		if err != nil {
			return fault.Newf(fault.Internal, "object file", "%w", err)
		}
		if info.Size() != g.size {
			return fault.Newf(fault.Internal, "object file", "has %d bytes, not %d", info.Size(), g.size)
		}
	}
	if err := o.whole(); err != nil || !sums {
		return err
	}
	r := newReader(s, o, func() {})
	defer r.Close()
	if o.Checksum.Kind == Composite {
		var offset int64
		for _, p := range o.Parts {
			if err := sumsTo(ctx, io.NewSectionReader(r, offset, p.Size), p.Checksum, ""); err != nil {
				return fmt.Errorf("part %d: %w", p.Number, err)
			}
			offset += p.Size
		}
		return nil
	}
	return sumsTo(ctx, r, o.Checksum, o.ETag)
}

// sumsTo reads all of body and compares its checksum, and its MD5 where the ETag is one.
func sumsTo(ctx context.Context, body io.Reader, want Checksum, etag string) error {
	h := want.Algorithm.newHash()
	if h == nil {
		return fault.Newf(fault.Internal, "object entry", "has no checksum")
	}
	writers := []io.Writer{h}
	md := md5.New()
	if simple := etag != "" && !strings.Contains(etag, "-"); simple {
		writers = append(writers, md)
	} else {
		etag = ""
	}
	w := io.MultiWriter(writers...)
	if err := transfer(ctx, body, -1, func(p []byte) error { _, err := w.Write(p); return err }); err != nil {
		return err
	}
	if got := base64.StdEncoding.EncodeToString(h.Sum(nil)); got != want.Value {
		return fault.Newf(fault.Internal, "object bytes", "their %s is %s, not %s", want.Algorithm, got, want.Value)
	}
	if got := hex.EncodeToString(md.Sum(nil)); etag != "" && got != etag {
		return fault.Newf(fault.Internal, "object bytes", "their MD5 is %s, not %s", got, etag)
	}
	return nil
}
