package lake

import (
	"context"
	"io"
	"strings"
	"time"

	"flowlake/access"
	"flowlake/fault"
)

// Conditions are what a reader wants of an object: those of HTTP. The zero value wants nothing.
type Conditions struct {
	IfMatch           string // an ETag list, or "*"
	IfNoneMatch       string
	IfModifiedSince   time.Time
	IfUnmodifiedSince time.Time
}

// Check returns nil when the object is wanted, fault.Precondition when it is not the one that the reader means,
// and fault.NotModified when the reader has it already. If-Match outweighs If-Unmodified-Since, and If-None-Match
// If-Modified-Since, as in RFC 9110, section 13.2.2.
func (w Conditions) Check(o Object) error {
	subject := "object " + URL(o.Bucket, o.Key)
	switch {
	case w.IfMatch != "":
		if !matches(w.IfMatch, o.ETag) {
			return fault.Newf(fault.Precondition, subject, "has the ETag %s", o.ETag)
		}
	case !w.IfUnmodifiedSince.IsZero() && o.Modified.After(w.IfUnmodifiedSince):
		return fault.Newf(fault.Precondition, subject, "was written at %s", o.Modified.Format(time.RFC3339))
	}
	switch {
	case w.IfNoneMatch != "":
		if matches(w.IfNoneMatch, o.ETag) {
			return fault.Newf(fault.NotModified, subject, "has the ETag %s", o.ETag)
		}
	case !w.IfModifiedSince.IsZero() && !o.Modified.After(w.IfModifiedSince):
		return fault.Newf(fault.NotModified, subject, "was written at %s", o.Modified.Format(time.RFC3339))
	}
	return nil
}

func matches(list, tag string) bool {
	for want := range strings.SplitSeq(list, ",") {
		want = strings.TrimSpace(want)
		if want == "*" || strings.Trim(strings.TrimPrefix(want, "W/"), `"`) == tag {
			return true
		}
	}
	return false
}

// CopySource is the object to be copied from, and what it must be.
type CopySource struct {
	Bucket, Key string
	Conditions
	Range *Range // nil: all of it; only for parts
}

// Range is a run of an object's bytes.
type Range struct{ First, Last int64 } // both included

// open opens the source, checks its conditions (what fails is a fault.Precondition), and returns the bytes asked for.
func (s *Store) openSource(ctx context.Context, c access.Caller, src CopySource) (*Reader, io.Reader, int64, error) {
	r, err := s.Open(ctx, c, src.Bucket, src.Key)
	if err != nil {
		return nil, nil, 0, err
	}
	o := r.Object()
	err = src.Conditions.Check(o)
	if fault.Is(err, fault.NotModified) {
		err = fault.Newf(fault.Precondition, "object "+URL(o.Bucket, o.Key), "is the one that was not wanted")
	}
	if err == nil && src.Range != nil && (src.Range.First < 0 || src.Range.First > src.Range.Last || src.Range.Last >= o.Size) {
		err = fault.Newf(fault.Invalid, "range", "%d-%d does not lie in an object of %d bytes", src.Range.First, src.Range.Last, o.Size)
	}
	if err != nil {
		r.Close()
		return nil, nil, 0, err
	}
	if src.Range == nil {
		return r, r, o.Size, nil
	}
	n := src.Range.Last - src.Range.First + 1
	return r, io.NewSectionReader(r, src.Range.First, n), n, nil
}

// Copy stores a copy of an object; the two share nothing. Unless replace is set the copy has the source's headers
// and metadata instead of in's. Without an algorithm in in.Checksum the source's is used.
func (s *Store) Copy(ctx context.Context, c access.Caller, src CopySource, in PutInput, replace bool) (Object, error) {
	r, body, size, err := s.openSource(ctx, c, src)
	if err != nil {
		return Object{}, err
	}
	defer r.Close()
	in.Body, in.Size, in.from = body, size, src.Bucket+"/"+src.Key
	o := r.Object()
	if !replace {
		in.Headers, in.Metadata = o.Headers, o.Metadata
	}
	if in.Checksum.Algorithm == "" {
		in.Checksum = Checksum{Algorithm: o.Checksum.Algorithm}
	}
	return s.Put(ctx, c, in)
}

// CopyPart stores a part with bytes of an object.
func (s *Store) CopyPart(ctx context.Context, c access.Caller, src CopySource, to UploadRef, number int) (Part, error) {
	r, body, size, err := s.openSource(ctx, c, src)
	if err != nil {
		return Part{}, err
	}
	defer r.Close()
	return s.UploadPart(ctx, c, to, PartInput{Number: number, Body: body, Size: size})
}
