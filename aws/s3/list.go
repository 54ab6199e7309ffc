package s3

import (
	"context"

	"flowlake/lake"
)

// page reads what both versions of the listing have in common, and lists. A page of no keys is never truncated.
func (q *request) page(ctx context.Context, after string) (in lake.ListInput, l lake.Listing, max int, err error) {
	if max, err = q.number("max-keys", 1000); err != nil {
		return in, l, 0, err
	}
	max = min(max, 1000)
	in = lake.ListInput{Prefix: q.query.Get("prefix"), Delimiter: q.query.Get("delimiter"), After: after, Max: max}
	if max == 0 {
		_, err = q.lake.Bucket(ctx, q.Caller, q.bucket)
		return in, l, 0, err
	}
	l, err = q.lake.List(ctx, q.Caller, q.bucket, in)
	return in, l, max, err
}

func listObjectsV2(ctx context.Context, q *request) error {
	if t := q.query.Get("list-type"); t != "2" {
		return invalid("list-type", t, "The only list-type is 2")
	}
	encode, kind, err := q.encoder()
	if err != nil {
		return err
	}
	start, resumed := q.query.Get("start-after"), q.query.Get("continuation-token")
	after := start
	if q.query.Has("continuation-token") {
		if after, err = untoken(resumed); err != nil {
			return err
		}
		if after == "" {
			return invalid("continuation-token", resumed, "The continuation token provided is incorrect")
		}
	}
	in, l, max, err := q.page(ctx, after)
	if err != nil {
		return err
	}
	const root = "ListBucketResult"
	d := newDocument(root)
	d.text("Name", q.bucket)
	d.text("Prefix", encode(in.Prefix))
	d.some("StartAfter", encode(start))
	d.some("ContinuationToken", resumed)
	if l.More {
		d.text("NextContinuationToken", token(l.Next))
	}
	d.number("KeyCount", int64(len(l.Objects)+len(l.Prefixes)))
	d.number("MaxKeys", int64(max))
	d.some("Delimiter", encode(in.Delimiter))
	d.some("EncodingType", kind)
	d.flag("IsTruncated", l.More)
	account := ""
	if q.query.Get("fetch-owner") == "true" {
		account = q.Caller.Account
	}
	writeContents(d, l, encode, account)
	return d.send(q.Writer, root)
}

func listObjects(ctx context.Context, q *request) error {
	encode, kind, err := q.encoder()
	if err != nil {
		return err
	}
	marker := q.query.Get("marker")
	in, l, max, err := q.page(ctx, marker)
	if err != nil {
		return err
	}
	const root = "ListBucketResult"
	d := newDocument(root)
	d.text("Name", q.bucket)
	d.text("Prefix", encode(in.Prefix))
	d.text("Marker", encode(marker))
	if l.More && in.Delimiter != "" { // otherwise the last key is the marker
		d.text("NextMarker", encode(l.Next))
	}
	d.number("MaxKeys", int64(max))
	d.some("Delimiter", encode(in.Delimiter))
	d.some("EncodingType", kind)
	d.flag("IsTruncated", l.More)
	writeContents(d, l, encode, q.Caller.Account)
	return d.send(q.Writer, root)
}

func writeContents(d *document, l lake.Listing, encode func(string) string, owner string) {
	for i := range l.Objects {
		o := &l.Objects[i]
		d.open("Contents")
		d.text("Key", encode(o.Key))
		d.time("LastModified", o.Modified)
		d.etag(o.ETag)
		if o.Checksum.Value != "" {
			d.text("ChecksumAlgorithm", string(o.Checksum.Algorithm))
			d.text("ChecksumType", string(o.Checksum.Kind))
		}
		d.number("Size", o.Size)
		if owner != "" {
			writeOwner(d, "Owner", owner)
		}
		d.text("StorageClass", "STANDARD")
		d.close("Contents")
	}
	for _, p := range l.Prefixes {
		d.open("CommonPrefixes")
		d.text("Prefix", encode(p))
		d.close("CommonPrefixes")
	}
}
