package s3

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"flowlake/access/policy"
	"flowlake/aws/wire"
	"flowlake/fault"
	"flowlake/lake"
)

// request is one call with what every handler asks of it.
type request struct {
	*wire.Call
	lake        *lake.Store
	bucket, key string
	query       url.Values
	inBody      []policy.Entry // condition keys that the body gave
}

// serve makes the request and calls its handler.
func (d *door) serve(ctx context.Context, c *wire.Call, handle func(context.Context, *request) error) error {
	q := &request{Call: c, lake: d.lake, query: c.Request.URL.Query()}
	q.bucket, q.key = d.address(c.Request)
	if want := q.signed("x-amz-expected-bucket-owner"); want != "" && q.bucket != "" {
		owner, err := q.lake.Owner(q.bucket)
		if err != nil {
			return err
		}
		if owner != want {
			return fault.Newf(fault.Denied, "bucket "+q.bucket, "belongs to another account than x-amz-expected-bucket-owner says")
		}
	}
	return handle(lake.WithConditions(ctx, func(action string) []policy.Entry { return append(d.conditions(c, action), q.inBody...) }), q)
}

func (q *request) header(name string) string { return q.Request.Header.Get(name) }

// signed is a header that SDKs move into a presigned URL.
func (q *request) signed(name string) string {
	if v := q.header(name); v != "" {
		return v
	}
	return q.query.Get(http.CanonicalHeaderKey(name))
}

func (q *request) set(name, value string) {
	if value != "" {
		q.Writer.Header().Set(name, value)
	}
}

// invalid is an InvalidArgument that names the argument, as S3's does.
func invalid(name, value, message string) error {
	return &wire.Error{Code: "InvalidArgument", Message: message, Fields: map[string]string{"ArgumentName": name, "ArgumentValue": value}}
}

// number reads a query parameter that is a whole number of at least 0; fallback when it is absent.
func (q *request) number(name string, fallback int) (int, error) {
	return number(name, q.query.Get(name), fallback)
}

func number(name, value string, fallback int) (int, error) {
	if value == "" {
		return fallback, nil
	}
	n, err := strconv.ParseInt(value, 10, 32)
	if err != nil || n < 0 {
		return 0, invalid(name, value, "Provided "+name+" not an integer or within integer range")
	}
	return int(n), nil
}

// encoder is what encoding-type asks for: keys as they are, or percent-encoded but for "/".
func (q *request) encoder() (encode func(string) string, kind string, err error) {
	switch kind = q.query.Get("encoding-type"); kind {
	case "":
		return func(s string) string { return s }, "", nil
	case "url":
		return func(s string) string {
			return strings.ReplaceAll(strings.ReplaceAll(url.QueryEscape(s), "+", "%20"), "%2F", "/")
		}, kind, nil
	}
	return nil, "", invalid("encoding-type", kind, "Invalid Encoding Method specified in Request")
}

// describe reads what the headers say of an object to be written.
func (q *request) describe() (lake.PutInput, error) {
	h := q.Request.Header
	in := lake.PutInput{Bucket: q.bucket, Key: q.key,
		Headers: lake.Headers{
			ContentType: h.Get("Content-Type"), CacheControl: h.Get("Cache-Control"), ContentDisposition: h.Get("Content-Disposition"),
			ContentEncoding: h.Get("Content-Encoding"), ContentLanguage: h.Get("Content-Language"), Expires: h.Get("Expires"),
		},
		Encryption: h.Get("x-amz-server-side-encryption"),
		IfMatch:    h.Get("If-Match"),
	}
	var err error
	if in.ACL, err = q.acl(); err != nil {
		return in, err
	}
	if class := h.Get("x-amz-storage-class"); class != "" && class != "STANDARD" {
		return in, fault.Newf(fault.Unsupported, "storage class "+class, "is not supported: there is STANDARD alone")
	}
	switch none := h.Get("If-None-Match"); none {
	case "":
	case "*":
		in.IfNoneMatch = true
	default:
		return in, fault.Newf(fault.Unsupported, "header If-None-Match", "takes only * when writing")
	}
	for name, values := range h {
		if name, ok := strings.CutPrefix(strings.ToLower(name), "x-amz-meta-"); ok {
			if in.Metadata == nil {
				in.Metadata = map[string]string{}
			}
			in.Metadata[name] = strings.Join(values, ",")
		}
	}
	in.Checksum.Algorithm, err = q.algorithm()
	return in, err
}

// algorithm is the checksum algorithm that a request uses or asks for: by its value in a header or trailer, which wire
// verifies, or by name.
func (q *request) algorithm() (lake.Algorithm, error) {
	named := lake.Algorithm(strings.ToUpper(q.header("x-amz-checksum-algorithm")))
	trailers := strings.ToLower(q.header("x-amz-trailer"))
	for _, a := range lake.Algorithms() {
		name := checksumHeader(a)
		if q.header(name) != "" || strings.Contains(","+strings.ReplaceAll(trailers, " ", "")+",", ","+name+",") {
			if named != "" && named != a {
				return "", &wire.Error{Code: "InvalidRequest", Message: "x-amz-checksum-algorithm is not the algorithm of the checksum that came with the request"}
			}
			return a, nil
		}
	}
	return named, lake.Checksum{Algorithm: named}.Check()
}

func checksumHeader(a lake.Algorithm) string { return "x-amz-checksum-" + strings.ToLower(string(a)) }

// objectChecksum is the checksum that the headers give for an object that is not the body.
func (q *request) objectChecksum() (lake.Checksum, error) {
	sum := lake.Checksum{Kind: lake.ChecksumKind(q.header("x-amz-checksum-type"))}
	for _, a := range lake.Algorithms() {
		if v := q.header(checksumHeader(a)); v != "" {
			if sum.Value != "" {
				return sum, &wire.Error{Code: "InvalidRequest", Message: "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."}
			}
			sum.Algorithm, sum.Value = a, v
		}
	}
	return sum, nil
}

// conditions reads the conditions of a read, whose headers begin with prefix. A date that is none is passed over, as
// RFC 9110 wants it.
func (q *request) conditions(prefix string) lake.Conditions {
	date := func(name string) time.Time {
		t, err := http.ParseTime(q.header(prefix + name))
		if err != nil {
			return time.Time{}
		}
		return t
	}
	return lake.Conditions{
		IfMatch: q.header(prefix + "if-match"), IfNoneMatch: q.header(prefix + "if-none-match"),
		IfModifiedSince: date("if-modified-since"), IfUnmodifiedSince: date("if-unmodified-since"),
	}
}

// stored sets the headers that say what was written.
func (q *request) stored(o lake.Object) {
	q.set("ETag", `"`+o.ETag+`"`)
	q.encryption(o)
	q.sum(o.Checksum)
}

func (q *request) sum(c lake.Checksum) {
	if c.Value != "" {
		q.set(checksumHeader(c.Algorithm), c.Value)
		q.set("x-amz-checksum-type", string(c.Kind))
	}
}

// done answers without a body.
func (q *request) done(status int) error {
	if status != http.StatusNoContent {
		q.set("Content-Length", "0")
	}
	q.Writer.WriteHeader(status)
	return nil
}

// encryption says how an object is encrypted: S3 encrypts what nobody asked it to.
func (q *request) encryption(o lake.Object) {
	q.set("x-amz-server-side-encryption", cmp.Or(o.Encryption, "AES256"))
}
