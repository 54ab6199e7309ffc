package s3

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"flowlake/aws/wire"
	"flowlake/fault"
	"flowlake/lake"
)

// dateFormat is HTTP's.
const dateFormat = http.TimeFormat

func putObject(ctx context.Context, q *request) error {
	if q.Size > maxPut {
		return entityTooLarge(q.Size)
	}
	in, err := q.describe()
	if err != nil {
		return err
	}
	in.Body, in.Size = q.Body, q.Size
	o, err := q.lake.Put(ctx, q.Caller, in)
	if err != nil {
		return err
	}
	q.stored(o)
	return q.done(http.StatusOK)
}

func entityTooLarge(size int64) error {
	return &wire.Error{Code: "EntityTooLarge", Message: "Your proposed upload exceeds the maximum allowed size",
		Fields: map[string]string{"ProposedSize": strconv.FormatInt(size, 10), "MaxSizeAllowed": strconv.FormatInt(maxPut, 10)}}
}

// copyBuffers hold what is on its way from a file to a client.
var copyBuffers = sync.Pool{New: func() any { return new([128 << 10]byte) }}

// getObject answers GET and HEAD.
func getObject(ctx context.Context, q *request) error {
	r, err := q.lake.Open(ctx, q.Caller, q.bucket, q.key)
	if err != nil {
		return err
	}
	defer r.Close()
	o := r.Object()
	q.set("ETag", `"`+o.ETag+`"`)
	q.set("Last-Modified", o.Modified.Format(dateFormat))
	if err := q.conditions("").Check(o); err != nil {
		if fault.Is(err, fault.NotModified) {
			q.set("Cache-Control", o.CacheControl)
			q.set("Expires", o.Expires)
		}
		return err
	}
	s, partial, err := q.span(o)
	if err != nil {
		return err
	}
	q.describeObject(o, !partial)
	status := http.StatusOK
	if partial {
		status = http.StatusPartialContent
		q.set("Content-Range", s.contentRange(o.Size))
	}
	q.set("Content-Length", strconv.FormatInt(s.n, 10))
	q.Writer.WriteHeader(status)
	if q.Request.Method == http.MethodHead {
		return nil
	}
	buf := copyBuffers.Get().(*[128 << 10]byte)
	defer copyBuffers.Put(buf)
	// The writer's own ReadFrom would take another buffer.
	_, err = io.CopyBuffer(struct{ io.Writer }{q.Writer}, io.NewSectionReader(r, s.first, s.n), buf[:])
	return err
}

// span is what a read asks for of an object: all of it, a range, or a part.
func (q *request) span(o lake.Object) (s span, partial bool, err error) {
	header := q.header("range")
	if tag := q.header("if-range"); tag != "" && strings.Trim(tag, `"`) != o.ETag && tag != o.Modified.Format(dateFormat) {
		header = ""
	}
	if part := q.query.Get("partNumber"); part != "" {
		n, err := number("partNumber", part, 0)
		if err != nil {
			return s, false, err
		}
		if n < 1 || n > lake.MaxParts {
			return s, false, invalid("partNumber", part, "Part number must be an integer between 1 and 10000, inclusive")
		}
		if header != "" {
			return s, false, &wire.Error{Code: "InvalidRequest", Message: "Cannot specify both Range header and partNumber query parameter"}
		}
		if len(o.Parts) == 0 && n == 1 {
			return span{0, o.Size}, o.Size > 0, nil
		}
		for i, p := range o.Parts {
			if i+1 == n {
				q.set("x-amz-mp-parts-count", strconv.Itoa(len(o.Parts)))
				return span{s.first, p.Size}, p.Size > 0, nil
			}
			s.first += p.Size
		}
		return s, false, &wire.Error{Code: "InvalidPartNumber", Status: http.StatusRequestedRangeNotSatisfiable, Message: "The requested partnumber is not satisfiable"}
	}
	s, partial, ok := parseRange(header, o.Size)
	if !ok {
		return s, false, &wire.Error{Code: "InvalidRange", Status: http.StatusRequestedRangeNotSatisfiable, Message: "The requested range is not satisfiable",
			Fields: map[string]string{"RangeRequested": header, "ActualObjectSize": strconv.FormatInt(o.Size, 10)}}
	}
	return s, partial, nil
}

// describeObject sets an object's headers. Its checksum is of all its bytes, so it goes with all of them only.
func (q *request) describeObject(o lake.Object, whole bool) {
	q.set("Accept-Ranges", "bytes")
	content := func(name, override, value string) {
		if v := q.query.Get(override); v != "" {
			value = v
		}
		q.set(name, value)
	}
	contentType := o.ContentType
	if contentType == "" {
		contentType = "binary/octet-stream"
	}
	content("Content-Type", "response-content-type", contentType)
	content("Cache-Control", "response-cache-control", o.CacheControl)
	content("Content-Disposition", "response-content-disposition", o.ContentDisposition)
	content("Content-Encoding", "response-content-encoding", o.ContentEncoding)
	content("Content-Language", "response-content-language", o.ContentLanguage)
	content("Expires", "response-expires", o.Expires)
	q.encryption(o)
	for name, value := range o.Metadata {
		// Not by Set: clients that keep a header's case, as boto3 does, must see the name as S3 sends it.
		q.Writer.Header()["x-amz-meta-"+name] = []string{value}
	}
	if whole && strings.EqualFold(q.signed("x-amz-checksum-mode"), "ENABLED") {
		q.sum(o.Checksum)
	}
}

func objectTagging(ctx context.Context, q *request) error {
	tags, err := q.lake.Tags(ctx, q.Caller, q.bucket, q.key)
	if err != nil {
		return err
	}
	return writeTags(q, tags)
}

func objectAttributes(ctx context.Context, q *request) error {
	o, err := q.lake.Head(ctx, q.Caller, q.bucket, q.key)
	if err != nil {
		return err
	}
	max, err := number("x-amz-max-parts", q.header("x-amz-max-parts"), 1000)
	if err != nil {
		return err
	}
	max = min(max, 1000)
	above, err := number("x-amz-part-number-marker", q.header("x-amz-part-number-marker"), 0)
	if err != nil {
		return err
	}
	wanted := map[string]bool{}
	for name := range strings.SplitSeq(q.header("x-amz-object-attributes"), ",") {
		switch name = strings.TrimSpace(name); name {
		case "ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize":
			wanted[name] = true
		default:
			return invalid("x-amz-object-attributes", name, "Invalid attribute name specified.")
		}
	}
	q.set("Last-Modified", o.Modified.Format(dateFormat))
	d := newDocument("GetObjectAttributesResponse")
	if wanted["ETag"] {
		d.text("ETag", o.ETag) // without quotes here
	}
	if wanted["Checksum"] {
		d.open("Checksum")
		writeSum(d, o.Checksum)
		d.some("ChecksumType", string(o.Checksum.Kind))
		d.close("Checksum")
	}
	if wanted["ObjectParts"] && len(o.Parts) > 0 {
		d.open("ObjectParts")
		d.number("PartsCount", int64(len(o.Parts)))
		d.number("PartNumberMarker", int64(above))
		d.number("MaxParts", int64(max))
		n, last, more := 0, above, false
		for _, p := range o.Parts {
			if p.Number <= above {
				continue
			}
			if more = n == max; more {
				break
			}
			n, last = n+1, p.Number
			d.open("Part")
			d.number("PartNumber", int64(p.Number))
			d.number("Size", p.Size)
			writeSum(d, p.Checksum)
			d.close("Part")
		}
		d.number("NextPartNumberMarker", int64(last))
		d.flag("IsTruncated", more)
		d.close("ObjectParts")
	}
	if wanted["StorageClass"] {
		d.text("StorageClass", "STANDARD")
	}
	if wanted["ObjectSize"] {
		d.number("ObjectSize", o.Size)
	}
	return d.send(q.Writer, "GetObjectAttributesResponse")
}

// writeSum writes a checksum as the element that its algorithm has.
func writeSum(d *document, c lake.Checksum) {
	if c.Value != "" {
		d.text("Checksum"+string(c.Algorithm), c.Value)
	}
}
