package s3

import (
	"context"
	"strings"

	"flowlake/aws/wire"
	"flowlake/fault"
	"flowlake/lake"
)

func (q *request) source() (lake.CopySource, error) {
	bucket, key, err := copySource(q.header("x-amz-copy-source"))
	return lake.CopySource{Bucket: bucket, Key: key, Conditions: q.conditions("x-amz-copy-source-")}, err
}

func copyObject(ctx context.Context, q *request) error {
	src, err := q.source()
	if err != nil {
		return err
	}
	in, err := q.describe()
	if err != nil {
		return err
	}
	replace := false
	switch directive := q.header("x-amz-metadata-directive"); directive {
	case "", "COPY":
	case "REPLACE":
		replace = true
	default:
		return invalid("x-amz-metadata-directive", directive, "Unknown metadata directive.")
	}
	if directive := q.header("x-amz-tagging-directive"); directive != "" && directive != "COPY" {
		return fault.Newf(fault.Unsupported, "tagging directive "+directive, "is not supported: objects have no tags")
	}
	if src.Bucket == q.bucket && src.Key == q.key && !replace && in.Encryption == "" && in.Checksum.Algorithm == "" && q.header("x-amz-storage-class") == "" {
		return &wire.Error{Code: "InvalidRequest", Message: "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes."}
	}
	o, err := q.lake.Head(ctx, q.Caller, src.Bucket, src.Key)
	if err != nil {
		return err
	}
	if o.Size > maxPut {
		return &wire.Error{Code: "InvalidRequest", Message: "The specified copy source is larger than the maximum allowable size for a copy source: 5368709120"}
	}
	if o, err = q.lake.Copy(ctx, q.Caller, src, in, replace); err != nil {
		return err
	}
	q.encryption(o)
	return writeCopied(q, "CopyObjectResult", lake.Part{ETag: o.ETag, Modified: o.Modified, Checksum: o.Checksum}, true)
}

func writeCopied(q *request, root string, p lake.Part, kind bool) error {
	d := newDocument(root)
	d.etag(p.ETag)
	d.time("LastModified", p.Modified)
	writeSum(d, p.Checksum)
	if kind {
		d.some("ChecksumType", string(p.Checksum.Kind))
	}
	return d.send(q.Writer, root)
}

func uploadPartCopy(ctx context.Context, q *request) error {
	src, err := q.source()
	if err != nil {
		return err
	}
	n, err := q.partNumber()
	if err != nil {
		return err
	}
	if header := q.header("x-amz-copy-source-range"); header != "" {
		if src.Range, err = copyRange(header); err != nil {
			return err
		}
	}
	p, err := q.lake.CopyPart(ctx, q.Caller, src, q.upload(), n)
	if err != nil {
		return err
	}
	return writeCopied(q, "CopyPartResult", p, false)
}

// copyRange reads "bytes=first-last": both must be there.
func copyRange(header string) (*lake.Range, error) {
	spec, found := strings.CutPrefix(header, "bytes=")
	from, to, dash := strings.Cut(spec, "-")
	first, ferr := position(from)
	last, lerr := position(to)
	if !found || !dash || !ferr || !lerr || first > last {
		return nil, invalid("x-amz-copy-source-range", header,
			"The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy")
	}
	return &lake.Range{First: first, Last: last}, nil
}
