// Package s3 is the lake's door: the S3 REST protocol over the lake's buckets and objects. It turns a request into
// one call of the lake, and what that returns into headers and XML. It decides nothing about objects,
// and no path on disk comes from here: keys are names, whatever they look like.
//
// What a request carries and a row does not name is refused by wire with its name; a sub-resource that has no row is
// NotImplemented under its operation's name. The room asks access itself, and the rows declare the same
// questions, so that a request without the right is refused before its body is read.
//
// Differs from AWS: a bucket answers callers of every region, without redirects; an owner's ID is the account's id; of
// conditional writes that meet, the losers get 412 and never 409; a body of unknown length is taken.
package s3

import (
	"context"
	"net/http"

	"flowlake/access/policy"
	"flowlake/aws/wire"
	"flowlake/fault"
	"flowlake/lake"
)

const (
	maxDelete   = 8 << 20 // 1,000 keys of 1,024 bytes, each byte escaped
	maxComplete = 4 << 20 // 10,000 parts with ETag and checksum
	maxPut      = 5 << 30 // bytes in one PUT or part. Source: S3 user guide, "Uploading objects"
)

// door is the table's functions.
type door struct {
	lake    *lake.Store
	domains []string
}

// Service is the table of S3 over a lake. Buckets are found in the path, and in the host's name where that
// is a bucket's name before one of domains ("localhost", "s3.example.org") or before AWS's own.
func Service(store *lake.Store, domains ...string) wire.Service {
	d := &door{lake: store, domains: append([]string{"localhost"}, domains...)}
	return wire.Service{
		Name: "s3", Title: "S3", Protocol: wire.RestXML,
		Faults:     faults,
		Operations: d.operations(),
		Route:      d.route,
	}
}

// faults put the lake's words into S3's codes. Longer nouns come before those that they begin with.
var faults = []wire.FaultRule{
	{Kind: fault.NotFound, Noun: "bucket policy", Code: "NoSuchBucketPolicy", Status: http.StatusNotFound, Message: "The bucket policy does not exist"},
	{Kind: fault.NotFound, Noun: "public access block", Code: "NoSuchPublicAccessBlockConfiguration", Status: http.StatusNotFound},
	{Kind: fault.NotFound, Noun: "ownership controls", Code: "OwnershipControlsNotFoundError", Status: http.StatusNotFound},
	{Kind: fault.NotFound, Noun: "tag set", Code: "NoSuchTagSet", Status: http.StatusNotFound},
	{Kind: fault.Invalid, Noun: "bucket acl", Code: "InvalidBucketAclWithObjectOwnership",
		Message: "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting"},
	{Kind: fault.Invalid, Noun: "public acl", Code: "InvalidBucketAclWithBlockPublicAccessError",
		Message: "Bucket cannot have public ACLs set with BlockPublicAccess enabled"},
	{Kind: fault.Invalid, Noun: "acl of bucket", Code: "AccessControlListNotSupported", Message: "The bucket does not allow ACLs"},
	{Kind: fault.Invalid, Noun: "policy document", Code: "MalformedPolicy"},
	{Kind: fault.TooLarge, Noun: "policy document", Code: "MalformedPolicy"},
	{Kind: fault.Invalid, Noun: "bucket name", Code: "InvalidBucketName"},
	{Kind: fault.Exists, Noun: "bucket name", Code: "BucketAlreadyExists", Status: http.StatusConflict},
	{Kind: fault.Exists, Noun: "bucket", Code: "BucketAlreadyOwnedByYou", Status: http.StatusConflict},
	{Kind: fault.NotFound, Noun: "bucket", Code: "NoSuchBucket", Status: http.StatusNotFound, Message: "The specified bucket does not exist"},
	{Kind: fault.Conflict, Noun: "bucket", Code: "BucketNotEmpty", Status: http.StatusConflict, Message: "The bucket you tried to delete is not empty"},
	{Kind: fault.NotFound, Noun: "upload", Code: "NoSuchUpload", Status: http.StatusNotFound,
		Message: "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed."},
	{Kind: fault.NotFound, Noun: "object", Code: "NoSuchKey", Status: http.StatusNotFound, Message: "The specified key does not exist."},
	{Kind: fault.TooLarge, Noun: "key", Code: "KeyTooLongError", Message: "Your key is too long"},
	{Kind: fault.TooLarge, Noun: "metadata", Code: "MetadataTooLarge"},
	{Kind: fault.Invalid, Noun: "body", Code: "IncompleteBody"},
	{Kind: fault.Invalid, Noun: "checksum algorithm", Code: "InvalidRequest"},
	{Kind: fault.Invalid, Noun: "checksum type", Code: "InvalidRequest"},
	{Kind: fault.Invalid, Noun: "checksum", Code: "BadDigest"},
	{Kind: fault.Invalid, Noun: "part order", Code: "InvalidPartOrder"},
	{Kind: fault.Invalid, Noun: "part size", Code: "EntityTooSmall"},
	{Kind: fault.Invalid, Noun: "part list", Code: "MalformedXML"},
	{Kind: fault.Invalid, Noun: "part number", Code: "InvalidArgument"},
	{Kind: fault.Invalid, Noun: "part", Code: "InvalidPart"},
	{Kind: fault.Invalid, Noun: "object size", Code: "InvalidRequest"},
	{Kind: fault.Precondition, Code: "PreconditionFailed", Status: http.StatusPreconditionFailed},
	{Kind: fault.NotModified, Code: "NotModified", Status: http.StatusNotModified},
	{Kind: fault.Unavailable, Code: "ServiceUnavailable", Status: http.StatusServiceUnavailable},
}

// inAnswer words errors that stand inside an answer.
var inAnswer = wire.Service{Protocol: wire.RestXML, Faults: faults}

// Members that several rows have in common.
var (
	owner     = []string{"x-amz-expected-bucket-owner", "?X-Amz-Expected-Bucket-Owner"}
	content   = []string{"content-type", "cache-control", "content-disposition", "content-encoding", "content-language", "expires", "x-amz-meta-*"}
	checksums = []string{"x-amz-checksum-crc32", "x-amz-checksum-crc32c", "x-amz-checksum-crc64nvme", "x-amz-checksum-sha1", "x-amz-checksum-sha256"}
	algorithm = []string{"x-amz-checksum-algorithm"}
	writeIf   = []string{"if-match", "if-none-match"}
	readIf    = []string{"if-match", "if-none-match", "if-modified-since", "if-unmodified-since"}
	sourceIf  = []string{"x-amz-copy-source", "x-amz-copy-source-if-match", "x-amz-copy-source-if-none-match",
		"x-amz-copy-source-if-modified-since", "x-amz-copy-source-if-unmodified-since"}
	overrides = []string{"?response-content-type", "?response-cache-control", "?response-content-disposition",
		"?response-content-encoding", "?response-content-language", "?response-expires"}
	storage  = []string{"x-amz-storage-class"}
	recorded = []string{"x-amz-server-side-encryption"}
	acl      = []string{"x-amz-acl"}
	md5      = []string{"content-md5"}
	upload   = []string{"?uploadId"}
	reading  = []string{"range", "if-range", "?partNumber", "x-amz-checksum-mode", "?X-Amz-Checksum-Mode"}

	// presignedSums are what SDKs put into the URL when they sign an upload ahead, with the checksum of the empty body that they
	// have then. S3 passes them over, as it must: a checksum that counts comes as a header.
	presignedSums = presigned(checksums, []string{"x-amz-sdk-checksum-algorithm"})
)

// presigned names headers as the parameters of a presigned URL that they become, in both spellings of clients.
func presigned(groups ...[]string) []string {
	var names []string
	for _, name := range list(groups...) {
		names = append(names, "?"+name, "?"+http.CanonicalHeaderKey(name))
	}
	return names
}

func list(groups ...[]string) []string {
	var all []string
	for _, g := range groups {
		all = append(all, g...)
	}
	return all
}

// onBucket asks for an action on the request's bucket.
func (d *door) onBucket(action string) []wire.RawPermission {
	return []wire.RawPermission{{Action: action, Resource: func(c *wire.Call) string {
		bucket, _ := d.address(c.Request)
		return lake.ARN(bucket, "")
	}, Context: func(c *wire.Call) []policy.Entry { return d.conditions(c, action) }}}
}

// onObject asks for an action on the request's object.
func (d *door) onObject(action string) []wire.RawPermission {
	return []wire.RawPermission{{Action: action, Resource: func(c *wire.Call) string {
		return lake.ARN(d.address(c.Request))
	}, Context: func(c *wire.Call) []policy.Entry { return d.conditions(c, action) }}}
}

// withHeader asks only when the request has the header.
func (d *door) withHeader(name string, asked []wire.RawPermission) []wire.RawPermission {
	for i := range asked {
		asked[i].When = func(c *wire.Call) bool { return c.Request.Header.Get(name) != "" }
	}
	return asked
}

func (d *door) operations() []wire.Operation {
	fromSource := append(d.onObject("s3:PutObject"), wire.RawPermission{Action: "s3:GetObject", Resource: func(c *wire.Call) string {
		bucket, key, err := copySource(c.Request.Header.Get("x-amz-copy-source"))
		if err != nil {
			return "*"
		}
		return lake.ARN(bucket, key)
	}, Context: func(c *wire.Call) []policy.Entry { return d.conditions(c, "s3:GetObject") }})
	putting := append(d.onObject("s3:PutObject"), d.withHeader("x-amz-acl", d.onObject("s3:PutObjectAcl"))...)
	creating := append(d.onBucket("s3:CreateBucket"), append(d.withHeader("x-amz-acl", d.onBucket("s3:PutBucketAcl")),
		d.withHeader("x-amz-object-ownership", d.onBucket("s3:PutBucketOwnershipControls"))...)...)
	creating[0].When = func(*wire.Call) bool { return false } // the region that it is for stands in the body: the lake asks
	// Which objects DeleteObjects is about stands in its body: the lake asks for each, and each has its own answer.
	inBody := d.onBucket("s3:DeleteObject")
	inBody[0].When = func(*wire.Call) bool { return false }
	row := func(name string, row wire.RawRow, handle func(context.Context, *request) error) wire.Operation {
		row.Honoured = list(row.Honoured, owner)
		return wire.Raw(name, row, func(ctx context.Context, c *wire.Call) error { return d.serve(ctx, c, handle) })
	}
	rows := []wire.Operation{
		row("ListBuckets", wire.RawRow{Permissions: []wire.RawPermission{{Action: "s3:ListAllMyBuckets", Resource: func(*wire.Call) string { return lake.EveryBucket }}},
			Honoured: []string{"?max-buckets", "?continuation-token", "?prefix", "?bucket-region"}}, listBuckets),
		row("CreateBucket", wire.RawRow{Permissions: creating, MaxBody: 64 << 10, Honoured: []string{"x-amz-acl", "x-amz-object-ownership"}}, createBucket),
		row("HeadBucket", wire.RawRow{Permissions: d.onBucket("s3:ListBucket")}, headBucket),
		row("GetBucketLocation", wire.RawRow{Permissions: d.onBucket("s3:GetBucketLocation"), Honoured: []string{"?location"}}, bucketLocation),
		row("DeleteBucket", wire.RawRow{Permissions: d.onBucket("s3:DeleteBucket")}, deleteBucket),

		row("ListObjectsV2", wire.RawRow{Permissions: d.onBucket("s3:ListBucket"), Honoured: []string{"?list-type", "?prefix", "?delimiter",
			"?start-after", "?continuation-token", "?max-keys", "?encoding-type", "?fetch-owner"}}, listObjectsV2),
		row("ListObjects", wire.RawRow{Permissions: d.onBucket("s3:ListBucket"),
			Honoured: []string{"?prefix", "?delimiter", "?marker", "?max-keys", "?encoding-type"}}, listObjects),

		row("PutObject", wire.RawRow{Permissions: putting, MaxBody: wire.Unlimited,
			Honoured: list(content, checksums, algorithm, writeIf, storage, md5, acl), Recorded: list(recorded, presignedSums)}, putObject),
		row("GetObject", wire.RawRow{Permissions: d.onObject("s3:GetObject"),
			Honoured: list(reading, readIf, overrides)}, getObject),
		row("HeadObject", wire.RawRow{Permissions: d.onObject("s3:GetObject"),
			Honoured: list(reading, readIf, overrides)}, getObject),
		row("GetObjectAttributes", wire.RawRow{Permissions: d.onObject("s3:GetObjectAttributes"),
			Honoured: []string{"?attributes", "x-amz-object-attributes", "x-amz-max-parts", "x-amz-part-number-marker"}}, objectAttributes),
		row("GetObjectTagging", wire.RawRow{Permissions: d.onObject("s3:GetObjectTagging"), Honoured: []string{"?tagging"}}, objectTagging),
		row("DeleteObject", wire.RawRow{Permissions: d.onObject("s3:DeleteObject"), Honoured: []string{"if-match"}}, deleteObject),
		row("DeleteObjects", wire.RawRow{Permissions: inBody, MaxBody: maxDelete,
			Honoured: list([]string{"?delete"}, checksums, md5)}, deleteObjects),
		row("CopyObject", wire.RawRow{Permissions: append(d.withHeader("x-amz-acl", d.onObject("s3:PutObjectAcl")), fromSource...),
			Honoured: list(sourceIf, content, algorithm, writeIf, storage, acl, []string{"x-amz-metadata-directive", "x-amz-tagging-directive"}),
			Recorded: recorded}, copyObject),

		row("CreateMultipartUpload", wire.RawRow{Permissions: putting,
			Honoured: list([]string{"?uploads", "x-amz-checksum-type"}, content, algorithm, storage, acl), Recorded: recorded}, createUpload),
		row("UploadPart", wire.RawRow{Permissions: d.onObject("s3:PutObject"), MaxBody: wire.Unlimited,
			Honoured: list([]string{"?partNumber"}, upload, checksums, md5), Recorded: presignedSums}, uploadPart),
		row("UploadPartCopy", wire.RawRow{Permissions: fromSource,
			Honoured: list([]string{"?partNumber", "x-amz-copy-source-range"}, upload, sourceIf)}, uploadPartCopy),
		row("CompleteMultipartUpload", wire.RawRow{Permissions: d.onObject("s3:PutObject"), MaxBody: maxComplete, ObjectChecksum: true,
			Honoured: list([]string{"x-amz-checksum-type", "x-amz-mp-object-size"}, upload, checksums, writeIf)}, completeUpload),
		row("AbortMultipartUpload", wire.RawRow{Permissions: d.onObject("s3:AbortMultipartUpload"), Honoured: upload}, abortUpload),
		row("ListParts", wire.RawRow{Permissions: d.onObject("s3:ListMultipartUploadParts"),
			Honoured: list(upload, []string{"?max-parts", "?part-number-marker"})}, listParts),
		row("ListMultipartUploads", wire.RawRow{Permissions: d.onBucket("s3:ListBucketMultipartUploads"), Honoured: []string{"?uploads", "?prefix",
			"?delimiter", "?key-marker", "?upload-id-marker", "?max-uploads", "?encoding-type"}}, listUploads),
	}
	return append(rows, d.documents(row)...)
}

// documents are the rows of what a bucket's owner sets on it.
func (d *door) documents(row func(string, wire.RawRow, func(context.Context, *request) error) wire.Operation) []wire.Operation {
	get := func(name, action, sub string, handle func(context.Context, *request) error) wire.Operation {
		return row(name, wire.RawRow{Permissions: d.onBucket(action), Honoured: []string{"?" + sub}}, handle)
	}
	put := func(name, action, sub string, handle func(context.Context, *request) error) wire.Operation {
		return row(name, wire.RawRow{Permissions: d.onBucket(action), MaxBody: 64 << 10, Honoured: list([]string{"?" + sub}, checksums, md5)}, handle)
	}
	putACL := func(name string, asked []wire.RawPermission, handle func(context.Context, *request) error) wire.Operation {
		return row(name, wire.RawRow{Permissions: asked, MaxBody: 64 << 10, Honoured: list([]string{"?acl"}, acl, checksums, md5)}, handle)
	}
	return []wire.Operation{
		get("GetBucketPolicy", "s3:GetBucketPolicy", "policy", getBucketPolicy),
		row("PutBucketPolicy", wire.RawRow{Permissions: d.onBucket("s3:PutBucketPolicy"), MaxBody: 64 << 10,
			Honoured: list([]string{"?policy"}, checksums, md5), Recorded: []string{"x-amz-confirm-remove-self-bucket-access"}}, putBucketPolicy),
		get("DeleteBucketPolicy", "s3:DeleteBucketPolicy", "policy", deleteBucketPolicy),
		get("GetBucketPolicyStatus", "s3:GetBucketPolicyStatus", "policyStatus", bucketPolicyStatus),

		get("GetBucketAcl", "s3:GetBucketAcl", "acl", getBucketACL),
		putACL("PutBucketAcl", d.onBucket("s3:PutBucketAcl"), putBucketACL),
		row("GetObjectAcl", wire.RawRow{Permissions: d.onObject("s3:GetObjectAcl"), Honoured: []string{"?acl"}}, getObjectACL),
		putACL("PutObjectAcl", d.onObject("s3:PutObjectAcl"), putObjectACL),

		get("GetPublicAccessBlock", "s3:GetBucketPublicAccessBlock", "publicAccessBlock", getPublicAccess),
		put("PutPublicAccessBlock", "s3:PutBucketPublicAccessBlock", "publicAccessBlock", putPublicAccess),
		get("DeletePublicAccessBlock", "s3:PutBucketPublicAccessBlock", "publicAccessBlock", deletePublicAccess),
		get("GetBucketOwnershipControls", "s3:GetBucketOwnershipControls", "ownershipControls", getOwnership),
		put("PutBucketOwnershipControls", "s3:PutBucketOwnershipControls", "ownershipControls", putOwnership),
		get("DeleteBucketOwnershipControls", "s3:PutBucketOwnershipControls", "ownershipControls", deleteOwnership),
		get("GetBucketEncryption", "s3:GetEncryptionConfiguration", "encryption", getEncryption),
		put("PutBucketEncryption", "s3:PutEncryptionConfiguration", "encryption", putEncryption),
		get("DeleteBucketEncryption", "s3:PutEncryptionConfiguration", "encryption", deleteEncryption),
		get("GetBucketTagging", "s3:GetBucketTagging", "tagging", getBucketTagging),
		put("PutBucketTagging", "s3:PutBucketTagging", "tagging", putBucketTagging),
		get("DeleteBucketTagging", "s3:PutBucketTagging", "tagging", deleteBucketTagging),
	}
}
