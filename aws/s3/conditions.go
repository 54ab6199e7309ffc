package s3

import (
	"crypto/tls"
	"net/http"
	"strconv"
	"strings"
	"time"

	"flowlake/access/policy"
	"flowlake/aws/wire"
	"flowlake/lake"
)

// writeKeys are the headers that are condition keys of requests that write: the key is "s3:" and the header's name.
//
// Source: Service authorization reference, "Actions, resources, and condition keys for Amazon S3".
var writeKeys = []string{"x-amz-acl", "x-amz-server-side-encryption", "x-amz-storage-class", "x-amz-metadata-directive", "x-amz-object-ownership",
	"if-match", "if-none-match"}

// prepares are the operations that need s3:PutObject and after which there is no object yet.
var prepares = map[string]bool{"CreateMultipartUpload": true, "UploadPart": true, "UploadPartCopy": true}

// listKeys are the parameters that are condition keys of listings.
var listKeys = []string{"prefix", "delimiter", "max-keys"}

// conditions are the condition keys that a request has for a question about action; both the row and the lake ask with them.
func (d *door) conditions(c *wire.Call, action string) []policy.Entry {
	keys := signed(c.Request, time.Now())
	add := func(name string, value ...string) {
		keys = append(keys, policy.Entry{Key: "s3:" + name, Values: value})
	}
	switch action {
	case "s3:ListBucket", "s3:ListBucketMultipartUploads":
		if !strings.HasPrefix(c.Operation, "List") { // it stands behind a read of what is not there
			break
		}
		query := c.Request.URL.Query()
		for _, name := range listKeys {
			if query.Has(name) {
				add(name, query.Get(name))
			}
		}
	case "s3:PutObject", "s3:PutObjectAcl", "s3:PutBucketAcl", "s3:CreateBucket", "s3:PutBucketOwnershipControls":
		if id := c.Request.URL.Query().Get("uploadId"); id != "" {
			bucket, key := d.address(c.Request)
			keys = append(keys, d.lake.UploadConditions(lake.UploadRef{Bucket: bucket, Key: key, ID: id})...)
		}
		for _, name := range writeKeys {
			if v := c.Request.Header[http.CanonicalHeaderKey(name)]; len(v) > 0 {
				add(name, v[0])
			}
		}
		if source := c.Request.Header.Get("x-amz-copy-source"); source != "" {
			if bucket, key, err := copySource(source); err == nil {
				add("x-amz-copy-source", bucket+"/"+key)
			}
		}
		if action == "s3:PutObject" {
			keys = append(keys, lake.Creates(!prepares[c.Operation]))
		}
	}
	return keys
}

// signed are the condition keys that tell how a request was signed.
//
// Source: S3 API reference, "Amazon S3 Signature Version 4 authentication specific policy keys".
func signed(r *http.Request, now time.Time) []policy.Entry {
	keys := make([]policy.Entry, 0, 8)
	add := func(name, value string) {
		keys = append(keys, policy.Entry{Key: "s3:" + name, Values: []string{value}})
	}
	add("signatureversion", "AWS4-HMAC-SHA256")
	if r.TLS != nil {
		if version, ok := strings.CutPrefix(tls.VersionName(r.TLS.Version), "TLS "); ok {
			add("TlsVersion", version)
		}
	}
	query := r.URL.Query()
	if !query.Has("X-Amz-Signature") {
		add("authType", "REST-HEADER")
	} else {
		add("authType", "REST-QUERY-STRING")
		if at, err := time.Parse("20060102T150405Z", query.Get("X-Amz-Date")); err == nil {
			add("signatureAge", strconv.FormatInt(now.Sub(at).Truncate(time.Second).Milliseconds(), 10))
		}
	}
	if sum := r.Header.Get("x-amz-content-sha256"); sum != "" {
		add("x-amz-content-sha256", sum)
	}
	return keys
}
