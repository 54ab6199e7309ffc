package lake

import (
	"context"
	"sync"

	"github.com/cockroachdb/pebble/v2"

	"flowlake/access"
	"flowlake/fault"
)

// LocalObject is an object and the file that holds just its bytes: read-only, shared, and there until its release.
type LocalObject struct {
	Object
	Path string
}

// Pinned lists the objects whose keys begin with prefix, in byte order, and keeps their bytes readable as local files
// until release is called: all of them as they were at one moment. A Commit that adds and removes under the prefix is
// seen whole or not at all, so that a query over the files counts no row twice and misses none while delivery adds
// objects and compaction swaps them. What is deleted or replaced after that moment is there all the same.
//
// keep chooses among what is listed; it must be quick, and an error of it ends the listing. nil keeps all. Objects of
// several files are joined first, as Local does. It asks for s3:ListBucket, and for s3:GetObject of each object kept.
// After an error nothing is pinned and release is nil.
//
// It stands for Walk and then Local of each key: between the two a swap takes old objects away and brings new
// ones that the walk has passed.
func (s *Store) Pinned(ctx context.Context, c access.Caller, bucket, prefix string, keep func(Object) (bool, error)) (objects []LocalObject, release func(), err error) {
	if err := s.allow(ctx, c, "s3:ListBucket", ARN(bucket, ""), (&ListInput{Prefix: prefix}).keys()...); err != nil {
		return nil, nil, err
	}
	if _, err := s.bucket(bucket); err != nil {
		return nil, nil, err
	}
	p := &pinned{store: s}
	defer func() {
		if err != nil {
			p.release()
		}
	}()
	if err := p.list(ctx, bucket, prefix, keep); err != nil {
		return nil, nil, err
	}
	for i := range p.objects {
		o := &p.objects[i]
		if err := s.allow(ctx, c, "s3:GetObject", ARN(bucket, o.Key)); err != nil {
			return nil, nil, err
		}
		if err := o.whole(); err != nil {
			return nil, nil, err
		}
		if len(o.segments) != 1 {
			if err := p.join(ctx, o); err != nil {
				return nil, nil, err
			}
			continue
		}
		o.Path = s.path(o.segments[0].file)
	}
	return p.objects, sync.OnceFunc(p.release), nil
}

// pinned is what a call of Pinned holds.
type pinned struct {
	store   *Store
	objects []LocalObject
	pins    []segment
	private []uint64 // joined files that no entry holds
}

func (p *pinned) release() {
	p.store.unpin(p.pins)
	for _, n := range p.private {
		p.store.discard(n)
	}
}

// list reads the index at one moment and pins what it finds there.
func (p *pinned) list(ctx context.Context, bucket, prefix string, keep func(Object) (bool, error)) error {
	s := p.store
	v := s.files.look()
	defer s.end(v)
	low := objectKey(bucket, prefix)
	it, err := s.index.NewIter(&pebble.IterOptions{LowerBound: low, UpperBound: after(low)})
	if err != nil {
		return failed("object index", err)
	}
	defer it.Close()
	base := len(objectKey(bucket, ""))
	for ok := it.First(); ok; ok = it.Next() {
		if err := ctx.Err(); err != nil {
			return err
		}
		entry, err := it.ValueAndErr()
		if err != nil {
			return failed("object index", err)
		}
		o, err := decodeEntry(bucket, string(it.Key()[base:]), entry)
		if err != nil {
			return err
		}
		if keep != nil {
			wanted, err := keep(o)
			if err != nil {
				return err
			}
			if !wanted {
				continue
			}
		}
		s.files.pin(o.segments)
		p.pins = append(p.pins, o.segments...)
		p.objects = append(p.objects, LocalObject{Object: o})
	}
	if err := it.Error(); err != nil {
		return failed("object index", err)
	}
	return nil
}

// join finds or makes one file for an object of several, or of none.
func (p *pinned) join(ctx context.Context, o *LocalObject) error {
	s := p.store
	_, err, _ := s.joins.Do(URL(o.Bucket, o.Key), func() (any, error) {
		return nil, s.joinAny(context.WithoutCancel(ctx), o.Bucket, o.Key)
	})
	if err != nil && !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.Conflict) {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	s.files.gate.RLock()
	now, found, err := s.entry(o.Bucket, o.Key)
	if same := err == nil && found && now.upload == o.upload && now.ETag == o.ETag && len(now.segments) == 1; same {
		s.files.pin(now.segments)
		s.files.gate.RUnlock()
		p.pins = append(p.pins, now.segments...)
		o.Path = s.path(now.segments[0].file)
		return nil
	}
	s.files.gate.RUnlock()
	if err != nil {
		return err
	}
	// It went since it was listed: the file is this call's own.
	r := newReader(s, o.Object, func() {})
	defer r.Close()
	whole, err := s.oneFile(ctx, r)
	if err != nil {
		return err
	}
	p.private = append(p.private, whole.file)
	o.Path = s.path(whole.file)
	return nil
}

// view is a reading of the index at one moment, before which files it finds are pinned. Files that commits
// give up meanwhile stay until it ends.
type view struct {
	held []segment // guarded by files.mu
}

// look begins a view. The index is read after it, and what is found is pinned before end.
func (f *files) look() *view {
	v := &view{}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.views[v] = true
	return v
}

// end ends a view: what was held for it goes, but for what it pinned.
func (s *Store) end(v *view) {
	s.files.mu.Lock()
	delete(s.files.views, v)
	s.files.mu.Unlock()
	s.unpin(v.held)
}
