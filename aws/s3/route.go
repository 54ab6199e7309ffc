package s3

import (
	"net"
	"net/http"
	"net/url"
	"strings"

	"flowlake/fault"
)

// address finds the bucket and the key that a request is about, in its path or, for the bucket, its host.
// A key is what follows the bucket and a slash, percent-decoded once; nothing of it is tidied.
func (d *door) address(r *http.Request) (bucket, key string) {
	path := strings.TrimPrefix(r.URL.EscapedPath(), "/")
	bucket = d.hostBucket(r.Host)
	if bucket == "" {
		bucket, path, _ = strings.Cut(path, "/")
	}
	return unescape(bucket), unescape(path)
}

func unescape(s string) string {
	plain, err := url.PathUnescape(s)
	if err != nil {
		return s // EscapedPath is well formed
	}
	return plain
}

// hostBucket returns the bucket that a host's name begins with, "" for a host that is the service itself.
func (d *door) hostBucket(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	for _, domain := range d.domains {
		if bucket, ok := strings.CutSuffix(host, "."+domain); ok {
			return bucket
		}
	}
	if front, ok := strings.CutSuffix(host, ".amazonaws.com"); ok { // bucket.s3.amazonaws.com, bucket.s3.eu-west-1.amazonaws.com
		if bucket, ok := strings.CutSuffix(front, ".s3"); ok {
			return bucket
		}
		if i := strings.LastIndex(front, ".s3."); i > 0 && !strings.Contains(front[i+4:], ".") {
			return front[:i]
		}
	}
	return ""
}

// sub is a sub-resource: the query parameter that names it, and its operations by method. An operation that has no
// row is refused under its name.
type sub struct{ name, get, put, post, del string }

var bucketSubs = []sub{
	{name: "location", get: "GetBucketLocation"},
	{name: "uploads", get: "ListMultipartUploads"},
	{name: "delete", post: "DeleteObjects"},
	{name: "versions", get: "ListObjectVersions"},
	{name: "acl", get: "GetBucketAcl", put: "PutBucketAcl"},
	{name: "policy", get: "GetBucketPolicy", put: "PutBucketPolicy", del: "DeleteBucketPolicy"},
	{name: "policyStatus", get: "GetBucketPolicyStatus"},
	{name: "versioning", get: "GetBucketVersioning", put: "PutBucketVersioning"},
	{name: "tagging", get: "GetBucketTagging", put: "PutBucketTagging", del: "DeleteBucketTagging"},
	{name: "lifecycle", get: "GetBucketLifecycleConfiguration", put: "PutBucketLifecycleConfiguration", del: "DeleteBucketLifecycle"},
	{name: "encryption", get: "GetBucketEncryption", put: "PutBucketEncryption", del: "DeleteBucketEncryption"},
	{name: "cors", get: "GetBucketCors", put: "PutBucketCors", del: "DeleteBucketCors"},
	{name: "website", get: "GetBucketWebsite", put: "PutBucketWebsite", del: "DeleteBucketWebsite"},
	{name: "logging", get: "GetBucketLogging", put: "PutBucketLogging"},
	{name: "notification", get: "GetBucketNotificationConfiguration", put: "PutBucketNotificationConfiguration"},
	{name: "replication", get: "GetBucketReplication", put: "PutBucketReplication", del: "DeleteBucketReplication"},
	{name: "requestPayment", get: "GetBucketRequestPayment", put: "PutBucketRequestPayment"},
	{name: "accelerate", get: "GetBucketAccelerateConfiguration", put: "PutBucketAccelerateConfiguration"},
	{name: "ownershipControls", get: "GetBucketOwnershipControls", put: "PutBucketOwnershipControls", del: "DeleteBucketOwnershipControls"},
	{name: "publicAccessBlock", get: "GetPublicAccessBlock", put: "PutPublicAccessBlock", del: "DeletePublicAccessBlock"},
	{name: "object-lock", get: "GetObjectLockConfiguration", put: "PutObjectLockConfiguration"},
	{name: "analytics", get: "GetBucketAnalyticsConfiguration", put: "PutBucketAnalyticsConfiguration", del: "DeleteBucketAnalyticsConfiguration"},
	{name: "inventory", get: "GetBucketInventoryConfiguration", put: "PutBucketInventoryConfiguration", del: "DeleteBucketInventoryConfiguration"},
	{name: "metrics", get: "GetBucketMetricsConfiguration", put: "PutBucketMetricsConfiguration", del: "DeleteBucketMetricsConfiguration"},
	{name: "intelligent-tiering", get: "GetBucketIntelligentTieringConfiguration", put: "PutBucketIntelligentTieringConfiguration",
		del: "DeleteBucketIntelligentTieringConfiguration"},
	{name: "abac", get: "GetBucketAbac", put: "PutBucketAbac"},
	{name: "session", get: "CreateSession"},
	{name: "metadataConfiguration", get: "GetBucketMetadataConfiguration", post: "CreateBucketMetadataConfiguration", del: "DeleteBucketMetadataConfiguration"},
	{name: "metadataTable", get: "GetBucketMetadataTableConfiguration", post: "CreateBucketMetadataTableConfiguration",
		del: "DeleteBucketMetadataTableConfiguration"},
}

var objectSubs = []sub{
	{name: "uploads", post: "CreateMultipartUpload"},
	{name: "uploadId", get: "ListParts", put: "UploadPart", post: "CompleteMultipartUpload", del: "AbortMultipartUpload"},
	{name: "attributes", get: "GetObjectAttributes"},
	{name: "tagging", get: "GetObjectTagging", put: "PutObjectTagging", del: "DeleteObjectTagging"},
	{name: "acl", get: "GetObjectAcl", put: "PutObjectAcl"},
	{name: "retention", get: "GetObjectRetention", put: "PutObjectRetention"},
	{name: "legal-hold", get: "GetObjectLegalHold", put: "PutObjectLegalHold"},
	{name: "torrent", get: "GetObjectTorrent"},
	{name: "restore", post: "RestoreObject"},
	{name: "select", post: "SelectObjectContent"},
	{name: "renameObject", put: "RenameObject"},
	{name: "encryption", put: "UpdateObjectEncryption"},
	{name: "annotation", get: "GetObjectAnnotation", put: "PutObjectAnnotation", del: "DeleteObjectAnnotation"},
	{name: "annotations", get: "ListObjectAnnotations"},
}

func (s sub) operation(method string) string {
	switch method {
	case http.MethodGet:
		return s.get
	case http.MethodPut:
		return s.put
	case http.MethodPost:
		return s.post
	case http.MethodDelete:
		return s.del
	}
	return ""
}

// route finds the operation of a request. It is wire's Service.Route.
func (d *door) route(r *http.Request) (operation string, ok bool) {
	bucket, key := d.address(r)
	query := r.URL.Query()
	copied := r.Header.Get("x-amz-copy-source") != ""
	subs := objectSubs
	plain := map[string]string{http.MethodGet: "GetObject", http.MethodHead: "HeadObject", http.MethodPut: "PutObject", http.MethodDelete: "DeleteObject"}
	switch {
	case bucket == "":
		return "ListBuckets", r.Method == http.MethodGet
	case key == "":
		subs = bucketSubs
		plain = map[string]string{http.MethodGet: "ListObjects", http.MethodHead: "HeadBucket", http.MethodPut: "CreateBucket", http.MethodDelete: "DeleteBucket"}
		if query.Has("list-type") {
			plain[http.MethodGet] = "ListObjectsV2"
		}
	case copied:
		plain[http.MethodPut] = "CopyObject"
	}
	for _, s := range subs {
		if !query.Has(s.name) {
			continue
		}
		operation = s.operation(r.Method)
		if operation == "UploadPart" && copied {
			operation = "UploadPartCopy"
		}
		return operation, operation != ""
	}
	operation = plain[r.Method]
	return operation, operation != ""
}

// copySource takes an x-amz-copy-source apart: "bucket/key" or "/bucket/key", percent-encoded. There are no versions:
// "null" is the only versionId that an object has.
func copySource(header string) (bucket, key string, err error) {
	bad := func(detail string) error {
		return fault.Newf(fault.Invalid, "copy source "+header, "%s", detail)
	}
	path, query, versioned := strings.Cut(header, "?")
	if versioned {
		if version, ok := strings.CutPrefix(query, "versionId="); !ok || version != "null" {
			return "", "", fault.Newf(fault.Unsupported, "copy source "+header, "names a version; buckets have no versions here")
		}
	}
	bucket, key, ok := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	if ok {
		if bucket, err = url.PathUnescape(bucket); err == nil {
			key, err = url.PathUnescape(key)
		}
	} else if path, err = url.PathUnescape(path); err == nil { // some clients encode the slash as well
		bucket, key, _ = strings.Cut(strings.TrimPrefix(path, "/"), "/")
	}
	switch {
	case err != nil:
		return "", "", bad("is not percent-encoded")
	case bucket == "" || key == "":
		return "", "", bad("is not of the form bucket/key")
	}
	return bucket, key, nil
}
