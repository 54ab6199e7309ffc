package lake

import (
	"bytes"
	"context"
	"iter"

	"github.com/cockroachdb/pebble/v2"

	"flowlake/access"
)

// maxList is the most that one page of a listing holds. Source: S3 API, ListObjectsV2, MaxKeys.
const maxList = 1000

// List returns a page of a bucket's objects in byte order of their keys. With a delimiter, keys that have it after
// the prefix are rolled up to the prefix that ends with it; those below it are skipped, not read.
func (s *Store) List(ctx context.Context, c access.Caller, bucket string, in ListInput) (Listing, error) {
	if err := s.allow(ctx, c, "s3:ListBucket", ARN(bucket, ""), in.keys()...); err != nil {
		return Listing{}, err
	}
	if _, err := s.bucket(bucket); err != nil {
		return Listing{}, err
	}
	if in.Max <= 0 || in.Max > maxList {
		in.Max = maxList
	}
	base := objectKey(bucket, "")
	low := objectKey(bucket, in.Prefix)
	it, err := s.index.NewIter(&pebble.IterOptions{LowerBound: low, UpperBound: after(low)})
	if err != nil {
		return Listing{}, failed("object index", err)
	}
	defer it.Close()
	delimiter := []byte(in.Delimiter)
	var l Listing
	ok := false
	if in.After == "" {
		ok = it.First()
	} else if start := objectKey(bucket, in.After); len(delimiter) > 0 && rolled(start[len(base):], in.Prefix, delimiter) == len(in.After) {
		ok = it.SeekGE(after(start)) // After is a rolled-up prefix: what is below it was in the page before
	} else {
		ok = it.SeekGE(append(start, 0))
	}
	for ok {
		if len(l.Objects)+len(l.Prefixes) == in.Max {
			l.More = true
			break
		}
		if err := ctx.Err(); err != nil {
			return Listing{}, err
		}
		key := it.Key()[len(base):]
		if n := rolled(key, in.Prefix, delimiter); n > 0 {
			l.Next = string(key[:n])
			l.Prefixes = append(l.Prefixes, l.Next)
			ok = it.SeekGE(after(objectKey(bucket, l.Next)))
			continue
		}
		v, err := it.ValueAndErr()
		if err != nil {
			return Listing{}, failed("object index", err)
		}
		l.Next = string(key)
		o, err := decodeEntry(bucket, l.Next, v)
		if err != nil {
			return Listing{}, err
		}
		l.Objects = append(l.Objects, o)
		ok = it.Next()
	}
	if err := it.Error(); err != nil {
		return Listing{}, failed("object index", err)
	}
	if !l.More {
		l.Next = ""
	}
	return l, nil
}

// rolled returns the length of what key is rolled up to, 0 if it stands for itself.
func rolled(key []byte, prefix string, delimiter []byte) int {
	if len(delimiter) == 0 || len(key) < len(prefix) || string(key[:len(prefix)]) != prefix {
		return 0
	}
	i := bytes.Index(key[len(prefix):], delimiter)
	if i < 0 {
		return 0
	}
	return len(prefix) + i + len(delimiter)
}

// Walk yields all objects whose keys begin with prefix, in byte order. It reads in pages: what is
// written or removed meanwhile may or may not be seen. An error is yielded once, and ends it.
func (s *Store) Walk(ctx context.Context, c access.Caller, bucket, prefix string) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		in := ListInput{Prefix: prefix}
		for {
			l, err := s.List(ctx, c, bucket, in)
			if err != nil {
				yield(Object{}, err)
				return
			}
			for _, o := range l.Objects {
				if !yield(o, nil) {
					return
				}
			}
			if !l.More {
				return
			}
			in.After = l.Next
		}
	}
}

// empty reports whether the bucket holds no object.
func (s *Store) empty(bucket string) (bool, error) {
	low := objectKey(bucket, "")
	it, err := s.index.NewIter(&pebble.IterOptions{LowerBound: low, UpperBound: after(low)})
	if err != nil {
		return false, failed("object index", err)
	}
	defer it.Close()
	found := it.First()
	if err := it.Error(); err != nil {
		return false, failed("object index", err)
	}
	return !found, nil
}
