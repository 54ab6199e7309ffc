package lake

import (
	"io"
	"strings"
	"time"

	"flowlake/fault"
)

// Headers are the content headers of an object. They are kept as they were given, and mean nothing here.
type Headers struct {
	ContentType        string
	CacheControl       string
	ContentDisposition string
	ContentEncoding    string
	ContentLanguage    string
	Expires            string
}

// Object describes a stored object. Its bytes never change: a new Put under the key makes a new object.
type Object struct {
	Bucket   string
	Key      string
	Size     int64     // bytes
	ETag     string    // without quotes: the MD5 in hex, or "<md5>-<parts>" after a multipart upload
	Modified time.Time // UTC, whole seconds, as S3 shows it
	Headers
	Metadata   map[string]string // user metadata, lower-case names without "x-amz-meta-"; shared, do not change
	Checksum   Checksum
	Parts      []Part // of a multipart upload, in order; nil otherwise. Shared, do not change
	ACL        string // the canned ACL as it was given, or ""
	Encryption string // "AES256" when server-side encryption was asked for, or ""

	segments []segment // the files that hold the bytes, in order
	upload   string    // the multipart upload that made it, so that a repeated completion finds it
}

// Part is one part of a multipart object, or of an upload under way.
type Part struct {
	Number   int // 1 to 10,000
	Size     int64
	ETag     string
	Modified time.Time
	Checksum Checksum
}

// segment is an immutable file that holds a run of an object's bytes.
type segment struct {
	file uint64
	size int64
}

// Ref names an object; IfMatch, when it is set, is the ETag that it must still have ("*": any).
type Ref struct {
	Bucket  string
	Key     string
	IfMatch string
}

// PutInput is an object to be written.
type PutInput struct {
	Bucket string
	Key    string
	Body   io.Reader
	Size   int64 // bytes in Body; -1 when it is not known. A body of another length is refused
	Headers
	Metadata   map[string]string
	ACL        string
	Encryption string // "" or "AES256"

	// IfMatch writes only over an object with this ETag ("*": any object).
	IfMatch string
	// IfNoneMatch writes only when there is no object under the key.
	IfNoneMatch bool

	// Checksum names the algorithm to compute and keep; its Value, when set, must be the body's.
	// Without an algorithm CRC64NVME is kept, as S3 does.
	Checksum Checksum

	from string // of a copy: "bucket/key"
}

// ListInput says which part of a bucket to list.
type ListInput struct {
	Prefix    string // only keys that begin with it
	Delimiter string // keys that have it after the prefix are rolled up into Prefixes
	After     string // only keys, or rolled-up prefixes, after this one
	Max       int    // at most so many objects and prefixes together; 0 is 1,000, the most there is
}

// Listing is a page of a bucket, in byte order.
type Listing struct {
	Objects  []Object
	Prefixes []string
	Next     string // the After of the next page, when there is More
	More     bool
}

// ParseURL splits "s3://bucket/prefix/key". The key may be empty; "s3a" and "s3n" are read as "s3".
// It returns fault.Invalid for anything else.
func ParseURL(url string) (bucket, key string, err error) {
	for _, scheme := range []string{"s3://", "s3a://", "s3n://"} {
		if rest, ok := strings.CutPrefix(url, scheme); ok {
			bucket, key, _ = strings.Cut(rest, "/")
			if err := CheckBucketName(bucket); err != nil {
				return "", "", fault.Newf(fault.Invalid, "location "+url, "%w", err)
			}
			return bucket, key, nil
		}
	}
	return "", "", fault.Newf(fault.Invalid, "location "+url, "is not of the form s3://bucket/key")
}

// URL joins a bucket and a key to "s3://bucket/key".
func URL(bucket, key string) string { return "s3://" + bucket + "/" + key }

// EveryBucket is the resource of s3:ListAllMyBuckets. The list of actions gives it none ("*"), and AWS's own example policies
// allow it on this: both do.
const EveryBucket = "arn:aws:s3:::*"

// ARN is the name of a bucket, or with a key of an object in it, in policies.
func ARN(bucket, key string) string {
	if key == "" {
		return "arn:aws:s3:::" + bucket
	}
	return "arn:aws:s3:::" + bucket + "/" + key
}
