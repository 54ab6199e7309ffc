package lake

import (
	"context"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"flowlake/access"
)

// UploadsInput says which of a bucket's multipart uploads to list.
type UploadsInput struct {
	Prefix    string
	Delimiter string
	AfterKey  string // only uploads of keys, or rolled-up prefixes, after this one
	AfterID   string // with AfterKey: that key's uploads after this one too
	Max       int    // 0: 1,000, the most there is
}

// UploadsListing is a page of a bucket's uploads, in order of key, then of beginning.
type UploadsListing struct {
	Uploads  []Upload
	Prefixes []string
	NextKey  string // AfterKey and AfterID of the next page, when there is More
	NextID   string
	More     bool
}

// Uploads lists multipart uploads under way.
func (s *Store) Uploads(ctx context.Context, c access.Caller, bucket string, in UploadsInput) (UploadsListing, error) {
	var l UploadsListing
	if err := s.allow(ctx, c, "s3:ListBucketMultipartUploads", ARN(bucket, ""), (&ListInput{Prefix: in.Prefix, Delimiter: in.Delimiter}).keys()...); err != nil {
		return l, err
	}
	if _, err := s.bucket(bucket); err != nil {
		return l, err
	}
	if in.Max <= 0 || in.Max > maxList {
		in.Max = maxList
	}
	var start []byte
	if in.AfterKey != "" {
		start = after(uploadKey(bucket, in.AfterKey, "")) // behind all uploads of that key
		if in.AfterID != "" {
			start = append(uploadKey(bucket, in.AfterKey, in.AfterID), 0)
		}
	}
	delimiter := []byte(in.Delimiter)
	var inner error
	err := s.eachUpload(bucket, in.Prefix, start, func(r UploadRef, v []byte) bool {
		prefix := ""
		if n := rolled([]byte(r.Key), in.Prefix, delimiter); n > 0 {
			prefix = r.Key[:n]
			if prefix == in.AfterKey || slices.Contains(l.Prefixes, prefix) {
				return true
			}
		}
		if l.More = len(l.Uploads)+len(l.Prefixes) == in.Max; l.More {
			return false
		}
		if prefix != "" {
			l.Prefixes = append(l.Prefixes, prefix)
			l.NextKey, l.NextID = prefix, ""
			return true
		}
		o, err := decodeEntry(bucket, r.Key, v)
		if err != nil {
			inner = err
			return false
		}
		l.Uploads = append(l.Uploads, Upload{ID: r.ID, Object: o})
		l.NextKey, l.NextID = r.Key, r.ID
		return true
	})
	if err == nil {
		err = inner
	}
	if err != nil {
		return UploadsListing{}, err
	}
	if !l.More {
		l.NextKey, l.NextID = "", ""
	}
	return l, nil
}

// eachUpload goes through a bucket's uploads of keys with a prefix, from an index key on, until do returns false.
func (s *Store) eachUpload(bucket, prefix string, from []byte, do func(r UploadRef, entry []byte) bool) error {
	low := uploadKey(bucket, prefix, "")
	low = low[:len(low)-2] // without the end mark: all keys that begin so
	it, err := s.index.NewIter(&pebble.IterOptions{LowerBound: low, UpperBound: after(low)})
	if err != nil {
		return failed("object index", err)
	}
	defer it.Close()
	for ok := it.SeekGE(from); ok; ok = it.Next() {
		v, err := it.ValueAndErr()
		if err != nil {
			return failed("object index", err)
		}
		key, id := splitUploadKey(it.Key(), bucket)
		if !do(UploadRef{bucket, key, id}, v) {
			break
		}
	}
	if err := it.Error(); err != nil {
		return failed("object index", err)
	}
	return nil
}
