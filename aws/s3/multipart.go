package s3

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"flowlake/lake"
)

func (q *request) upload() lake.UploadRef {
	return lake.UploadRef{Bucket: q.bucket, Key: q.key, ID: q.query.Get("uploadId")}
}

func (q *request) partNumber() (int, error) {
	s := q.query.Get("partNumber")
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > lake.MaxParts {
		return 0, invalid("partNumber", s, "Part number must be an integer between 1 and 10000, inclusive")
	}
	return n, nil
}

func createUpload(ctx context.Context, q *request) error {
	in, err := q.describe()
	if err != nil {
		return err
	}
	in.Checksum.Kind = lake.ChecksumKind(strings.ToUpper(q.header("x-amz-checksum-type")))
	u, err := q.lake.CreateUpload(ctx, q.Caller, in)
	if err != nil {
		return err
	}
	q.encryption(u.Object)
	if a := u.Checksum.Algorithm; a != "" {
		q.set("x-amz-checksum-algorithm", string(a))
		q.set("x-amz-checksum-type", string(u.Checksum.Kind))
	}
	d := newDocument("InitiateMultipartUploadResult")
	d.text("Bucket", q.bucket)
	d.text("Key", q.key)
	d.text("UploadId", u.ID)
	return d.send(q.Writer, "InitiateMultipartUploadResult")
}

func uploadPart(ctx context.Context, q *request) error {
	n, err := q.partNumber()
	if err != nil {
		return err
	}
	if q.Size > maxPut {
		return entityTooLarge(q.Size)
	}
	a, err := q.algorithm()
	if err != nil {
		return err
	}
	p, err := q.lake.UploadPart(ctx, q.Caller, q.upload(), lake.PartInput{Number: n, Body: q.Body, Size: q.Size, Checksum: lake.Checksum{Algorithm: a}})
	if err != nil {
		return err
	}
	q.set("ETag", `"`+p.ETag+`"`)
	q.set(checksumHeader(p.Checksum.Algorithm), p.Checksum.Value)
	return q.done(http.StatusOK)
}

func completeUpload(ctx context.Context, q *request) error {
	root, err := readXML(q.Body, "CompleteMultipartUpload", 5*lake.MaxParts+1)
	if err != nil {
		return err
	}
	if root == nil {
		return malformed()
	}
	in := lake.Completion{IfMatch: q.header("if-match"), Size: -1}
	switch none := q.header("if-none-match"); none {
	case "":
	case "*":
		in.IfNoneMatch = true
	default:
		return invalid("If-None-Match", none, "If-None-Match takes only * when writing")
	}
	if size := q.header("x-amz-mp-object-size"); size != "" {
		if in.Size, err = strconv.ParseInt(size, 10, 64); err != nil || in.Size < 0 {
			return invalid("x-amz-mp-object-size", size, "The object size is not a number of bytes")
		}
	}
	if in.Checksum, err = q.objectChecksum(); err != nil {
		return err
	}
	err = root.fields(map[string]func(*element) error{"Part": func(e *element) error {
		p, err := readPart(e)
		in.Parts = append(in.Parts, p)
		return err
	}}, "Part")
	if err != nil {
		return err
	}
	o, err := q.lake.CompleteUpload(ctx, q.Caller, q.upload(), in)
	if err != nil {
		return err
	}
	q.encryption(o)
	const result = "CompleteMultipartUploadResult"
	d := newDocument(result)
	d.text("Location", q.location())
	d.text("Bucket", q.bucket)
	d.text("Key", q.key)
	d.etag(o.ETag)
	writeSum(d, o.Checksum)
	d.some("ChecksumType", string(o.Checksum.Kind))
	return d.send(q.Writer, result)
}

// location is the object's URL as the client reached it.
func (q *request) location() string {
	scheme := "http://"
	if q.Request.TLS != nil {
		scheme = "https://"
	}
	return scheme + q.Request.Host + q.Request.URL.EscapedPath()
}

func readPart(e *element) (lake.CompletePart, error) {
	var p lake.CompletePart
	number := ""
	read := map[string]func(*element) error{"PartNumber": into(&number), "ETag": into(&p.ETag)}
	for _, a := range lake.Algorithms() {
		read["Checksum"+string(a)] = func(e *element) error {
			if p.Checksum.Value != "" {
				return malformed()
			}
			p.Checksum.Algorithm = a
			return into(&p.Checksum.Value)(e)
		}
	}
	if err := e.fields(read); err != nil {
		return p, err
	}
	n, err := strconv.Atoi(strings.TrimSpace(number))
	if err != nil || n < 1 || p.ETag == "" {
		return p, malformed()
	}
	p.Number, p.ETag = n, strings.TrimSpace(p.ETag)
	return p, nil
}

func abortUpload(ctx context.Context, q *request) error {
	if err := q.lake.AbortUpload(ctx, q.Caller, q.upload()); err != nil {
		return err
	}
	return q.done(http.StatusNoContent)
}

func listParts(ctx context.Context, q *request) error {
	max, err := q.number("max-parts", 1000)
	if err != nil {
		return err
	}
	max = min(max, 1000)
	above, err := q.number("part-number-marker", 0)
	if err != nil {
		return err
	}
	u, parts, more, err := q.lake.Parts(ctx, q.Caller, q.upload(), above, max)
	if err != nil {
		return err
	}
	if max == 0 {
		parts, more = nil, false
	}
	const root = "ListPartsResult"
	d := newDocument(root)
	d.text("Bucket", q.bucket)
	d.text("Key", q.key)
	d.text("UploadId", u.ID)
	writeOwner(d, "Initiator", q.Caller.Account)
	writeOwner(d, "Owner", q.Caller.Account)
	d.text("StorageClass", "STANDARD")
	d.number("PartNumberMarker", int64(above))
	if len(parts) > 0 {
		d.number("NextPartNumberMarker", int64(parts[len(parts)-1].Number))
	}
	d.number("MaxParts", int64(max))
	d.flag("IsTruncated", more)
	if u.Checksum.Algorithm != "" {
		d.text("ChecksumAlgorithm", string(u.Checksum.Algorithm))
		d.text("ChecksumType", string(u.Checksum.Kind))
	}
	for _, p := range parts {
		d.open("Part")
		d.number("PartNumber", int64(p.Number))
		d.time("LastModified", p.Modified)
		d.etag(p.ETag)
		d.number("Size", p.Size)
		writeSum(d, p.Checksum)
		d.close("Part")
	}
	return d.send(q.Writer, root)
}

func listUploads(ctx context.Context, q *request) error {
	encode, kind, err := q.encoder()
	if err != nil {
		return err
	}
	max, err := q.number("max-uploads", 1000)
	if err != nil {
		return err
	}
	if max = min(max, 1000); max == 0 {
		return invalid("max-uploads", "0", "max-uploads must be at least 1")
	}
	in := lake.UploadsInput{Prefix: q.query.Get("prefix"), Delimiter: q.query.Get("delimiter"),
		AfterKey: q.query.Get("key-marker"), AfterID: q.query.Get("upload-id-marker"), Max: max}
	l, err := q.lake.Uploads(ctx, q.Caller, q.bucket, in)
	if err != nil {
		return err
	}
	const root = "ListMultipartUploadsResult"
	d := newDocument(root)
	d.text("Bucket", q.bucket)
	d.text("KeyMarker", encode(in.AfterKey))
	d.text("UploadIdMarker", in.AfterID)
	if l.More {
		d.text("NextKeyMarker", encode(l.NextKey))
		d.text("NextUploadIdMarker", l.NextID)
	}
	d.text("Prefix", encode(in.Prefix))
	d.some("Delimiter", encode(in.Delimiter))
	d.some("EncodingType", kind)
	d.number("MaxUploads", int64(max))
	d.flag("IsTruncated", l.More)
	for _, u := range l.Uploads {
		d.open("Upload")
		d.text("Key", encode(u.Key))
		d.text("UploadId", u.ID)
		writeOwner(d, "Initiator", q.Caller.Account)
		writeOwner(d, "Owner", q.Caller.Account)
		d.text("StorageClass", "STANDARD")
		d.time("Initiated", u.Modified)
		if u.Checksum.Algorithm != "" {
			d.text("ChecksumAlgorithm", string(u.Checksum.Algorithm))
			d.text("ChecksumType", string(u.Checksum.Kind))
		}
		d.close("Upload")
	}
	for _, p := range l.Prefixes {
		d.open("CommonPrefixes")
		d.text("Prefix", encode(p))
		d.close("CommonPrefixes")
	}
	return d.send(q.Writer, root)
}
