package main

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

func testBuckets(t *testing.T, c *clients) {
	ctx, bucket := t.Context(), aws.String("walk-buckets")
	_, err := c.s3.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: bucket})
	ok(t, err)
	_, err = c.s3.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String("Walk_Buckets")})
	refused(t, err, "InvalidBucketName", "")
	seoul := c.clients("ap-northeast-2")
	_, err = seoul.s3.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String("walk-seoul"),
		CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: "ap-northeast-2"}})
	ok(t, err)
	_, err = seoul.s3.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String("walk-seoul"),
		CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: "ap-northeast-2"}})
	typed[*types.BucketAlreadyOwnedByYou](t, err)
	where, err := seoul.s3.GetBucketLocation(ctx, &s3.GetBucketLocationInput{Bucket: aws.String("walk-seoul")})
	ok(t, err)
	if where.LocationConstraint != "ap-northeast-2" {
		t.Errorf("got %q", where.LocationConstraint)
	}
	_, err = c.s3.GetBucketLocation(ctx, &s3.GetBucketLocationInput{Bucket: aws.String("walk-none")})
	refused(t, err, "NoSuchBucket", "")
	head, err := seoul.s3.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: aws.String("walk-seoul")})
	ok(t, err)
	if str(head.BucketRegion) != "ap-northeast-2" {
		t.Errorf("got region %q", str(head.BucketRegion))
	}
	_, err = c.s3.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: aws.String("walk-none")})
	typed[*types.NotFound](t, err)
	list, err := c.s3.ListBuckets(ctx, &s3.ListBucketsInput{Prefix: aws.String("walk-")})
	ok(t, err)
	if len(list.Buckets) != 2 || *list.Buckets[0].Name != *bucket || list.Buckets[0].CreationDate == nil {
		t.Errorf("got %+v", list.Buckets)
	}
	_, err = c.s3.ListBuckets(ctx, &s3.ListBucketsInput{ContinuationToken: aws.String("made up")})
	refused(t, err, "InvalidArgument", "")
	_, err = c.s3.PutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: aws.String("k")})
	ok(t, err)
	_, err = c.s3.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: bucket})
	refused(t, err, "BucketNotEmpty", "")
	_, err = c.s3.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: aws.String("walk-seoul")})
	ok(t, err)
	_, err = c.s3.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: aws.String("walk-seoul")})
	typed[*types.NotFound](t, err)
}

func testObjects(t *testing.T, c *clients) {
	ctx, bucket := t.Context(), aws.String("walk-objects")
	_, err := c.s3.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: bucket})
	ok(t, err)
	put, err := c.s3.PutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: aws.String("a/hello ü+%"), Body: strings.NewReader("hello"),
		ContentType: aws.String("text/x"), Metadata: map[string]string{"who": "me"}, ServerSideEncryption: types.ServerSideEncryptionAes256})
	ok(t, err)
	if str(put.ETag) != `"5d41402abc4b2a76b9719d911017c592"` || put.ServerSideEncryption != "AES256" {
		t.Errorf("got %+v", put)
	}
	t.Run("put", func(t *testing.T) {
		_, err := c.s3.PutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: aws.String("a/hello ü+%"), Body: strings.NewReader("late"), IfNoneMatch: aws.String("*")})
		refused(t, err, "PreconditionFailed", "")
		_, err = c.s3.PutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: aws.String("bad"), Body: strings.NewReader("x"), ChecksumSHA256: aws.String("AAAA")})
		refused(t, err, "InvalidRequest", "")
		_, err = c.s3.PutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: aws.String("bad"), Body: strings.NewReader("x"), ChecksumCRC32: aws.String("AAAAAA==")})
		refused(t, err, "BadDigest", "")
		_, err = c.s3.PutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: aws.String("bad"), Body: strings.NewReader("x"), SSEKMSKeyId: aws.String("k")})
		refused(t, err, "NotImplemented", "x-amz-server-side-encryption-aws-kms-key-id")
	})
	t.Run("head and get", func(t *testing.T) {
		head, err := c.s3.HeadObject(ctx, &s3.HeadObjectInput{Bucket: bucket, Key: aws.String("a/hello ü+%")})
		ok(t, err)
		if *head.ContentLength != 5 || *head.ContentType != "text/x" || head.Metadata["who"] != "me" || *head.ETag != *put.ETag {
			t.Errorf("got %+v", head)
		}
		_, err = c.s3.HeadObject(ctx, &s3.HeadObjectInput{Bucket: bucket, Key: aws.String("none")})
		typed[*types.NotFound](t, err)
		if got := contents(t, c, *bucket, "a/hello ü+%"); got != "hello" {
			t.Errorf("got %q", got)
		}
		part, err := c.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: aws.String("a/hello ü+%"), Range: aws.String("bytes=-3")})
		ok(t, err)
		var b bytes.Buffer
		if _, err := b.ReadFrom(part.Body); err != nil || b.String() != "llo" || *part.ContentRange != "bytes 2-4/5" {
			t.Errorf("got %q, %q, %v", b.String(), str(part.ContentRange), err)
		}
		part.Body.Close()
		_, err = c.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: aws.String("none")})
		typed[*types.NoSuchKey](t, err)
		_, err = c.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: aws.String("a/hello ü+%"), Range: aws.String("bytes=9-")})
		refused(t, err, "InvalidRange", "")
		_, err = c.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: aws.String("a/hello ü+%"), IfNoneMatch: put.ETag})
		refused(t, err, "NotModified", "")
	})
	t.Run("attributes and tags", func(t *testing.T) {
		got, err := c.s3.GetObjectAttributes(ctx, &s3.GetObjectAttributesInput{Bucket: bucket, Key: aws.String("a/hello ü+%"),
			ObjectAttributes: []types.ObjectAttributes{types.ObjectAttributesObjectSize, types.ObjectAttributesEtag}})
		ok(t, err)
		if *got.ObjectSize != 5 || `"`+*got.ETag+`"` != *put.ETag || got.StorageClass != "" {
			t.Errorf("got %+v", got)
		}
		_, err = c.s3.GetObjectAttributes(ctx, &s3.GetObjectAttributesInput{Bucket: bucket, Key: aws.String("none"), ObjectAttributes: []types.ObjectAttributes{"ETag"}})
		refused(t, err, "NoSuchKey", "")
		tags, err := c.s3.GetObjectTagging(ctx, &s3.GetObjectTaggingInput{Bucket: bucket, Key: aws.String("a/hello ü+%")})
		ok(t, err)
		if len(tags.TagSet) != 0 {
			t.Errorf("got %+v", tags.TagSet)
		}
		_, err = c.s3.GetObjectTagging(ctx, &s3.GetObjectTaggingInput{Bucket: bucket, Key: aws.String("none")})
		refused(t, err, "NoSuchKey", "")
	})
	t.Run("copy", func(t *testing.T) {
		source := aws.String(*bucket + "/a/hello%20%C3%BC%2B%25")
		out, err := c.s3.CopyObject(ctx, &s3.CopyObjectInput{Bucket: bucket, Key: aws.String("b/copy"), CopySource: source})
		ok(t, err)
		head, err := c.s3.HeadObject(ctx, &s3.HeadObjectInput{Bucket: bucket, Key: aws.String("b/copy")})
		ok(t, err)
		if *out.CopyObjectResult.ETag != *put.ETag || *head.ContentType != "text/x" || head.Metadata["who"] != "me" {
			t.Errorf("got %+v, %+v", out.CopyObjectResult, head)
		}
		_, err = c.s3.CopyObject(ctx, &s3.CopyObjectInput{Bucket: bucket, Key: aws.String("b/copy"), CopySource: aws.String(*bucket + "/none")})
		refused(t, err, "NoSuchKey", "")
		_, err = c.s3.CopyObject(ctx, &s3.CopyObjectInput{Bucket: bucket, Key: aws.String("b/copy"), CopySource: source, CopySourceIfMatch: aws.String(`"other"`)})
		refused(t, err, "PreconditionFailed", "")
	})
	t.Run("lists", func(t *testing.T) {
		for _, key := range []string{"b/1", "b/2", "top"} {
			_, err := c.s3.PutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: &key, Body: strings.NewReader(key)})
			ok(t, err)
		}
		var keys []string
		pages := s3.NewListObjectsV2Paginator(c.s3, &s3.ListObjectsV2Input{Bucket: bucket, MaxKeys: aws.Int32(2)})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			ok(t, err)
			for _, o := range page.Contents {
				keys = append(keys, fmt.Sprint(*o.Key, " ", *o.Size))
			}
		}
		if want := "[a/hello ü+% 5 b/1 3 b/2 3 b/copy 5 top 3]"; fmt.Sprint(keys) != want {
			t.Errorf("got %v, want %s", keys, want)
		}
		rolled, err := c.s3.ListObjects(ctx, &s3.ListObjectsInput{Bucket: bucket, Delimiter: aws.String("/")})
		ok(t, err)
		if len(rolled.CommonPrefixes) != 2 || *rolled.CommonPrefixes[1].Prefix != "b/" || len(rolled.Contents) != 1 || *rolled.Contents[0].Key != "top" {
			t.Errorf("got %+v, %+v", rolled.CommonPrefixes, rolled.Contents)
		}
		_, err = c.s3.ListObjects(ctx, &s3.ListObjectsInput{Bucket: aws.String("walk-none")})
		typed[*types.NoSuchBucket](t, err)
		_, err = c.s3.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: bucket, ContinuationToken: aws.String("!")})
		refused(t, err, "InvalidArgument", "")
	})
	t.Run("delete", func(t *testing.T) {
		_, err := c.s3.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: bucket, Key: aws.String("top"), IfMatch: aws.String(`"other"`)})
		refused(t, err, "PreconditionFailed", "")
		_, err = c.s3.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: bucket, Key: aws.String("top")})
		ok(t, err)
		_, err = c.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: aws.String("top")})
		typed[*types.NoSuchKey](t, err)
		out, err := c.s3.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: bucket, Delete: &types.Delete{Objects: []types.ObjectIdentifier{
			{Key: aws.String("b/1")}, {Key: aws.String("b/2")}, {Key: aws.String("never was")}}}})
		ok(t, err)
		if len(out.Deleted) != 3 || len(out.Errors) != 0 {
			t.Errorf("got %+v, %+v", out.Deleted, out.Errors)
		}
		left, err := c.s3.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: bucket, Prefix: aws.String("b/")})
		ok(t, err)
		if len(left.Contents) != 1 {
			t.Errorf("left is %+v", left.Contents)
		}
		_, err = c.s3.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: bucket, Delete: &types.Delete{Objects: []types.ObjectIdentifier{}}})
		refused(t, err, "MalformedXML", "")
	})
}

func testMultipart(t *testing.T, c *clients) {
	ctx, bucket, key := t.Context(), aws.String("walk-multipart"), aws.String("big")
	_, err := c.s3.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: bucket})
	ok(t, err)
	first := bytes.Repeat([]byte("0123456789abcdef"), 5<<20/16)
	_, err = c.s3.PutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: aws.String("source"), Body: strings.NewReader("and the tail")})
	ok(t, err)

	made, err := c.s3.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: bucket, Key: key, ContentType: aws.String("text/big")})
	ok(t, err)
	_, err = c.s3.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: aws.String("walk-none"), Key: key})
	refused(t, err, "NoSuchBucket", "")
	id := made.UploadId
	one, err := c.s3.UploadPart(ctx, &s3.UploadPartInput{Bucket: bucket, Key: key, UploadId: id, PartNumber: aws.Int32(1), Body: bytes.NewReader(first)})
	ok(t, err)
	_, err = c.s3.UploadPart(ctx, &s3.UploadPartInput{Bucket: bucket, Key: key, UploadId: aws.String(strings.Repeat("0", 32)), PartNumber: aws.Int32(1), Body: strings.NewReader("x")})
	refused(t, err, "NoSuchUpload", "")
	two, err := c.s3.UploadPartCopy(ctx, &s3.UploadPartCopyInput{Bucket: bucket, Key: key, UploadId: id, PartNumber: aws.Int32(2),
		CopySource: aws.String(*bucket + "/source"), CopySourceRange: aws.String("bytes=8-11")})
	ok(t, err)
	_, err = c.s3.UploadPartCopy(ctx, &s3.UploadPartCopyInput{Bucket: bucket, Key: key, UploadId: id, PartNumber: aws.Int32(2), CopySource: aws.String(*bucket + "/none")})
	refused(t, err, "NoSuchKey", "")
	parts, err := c.s3.ListParts(ctx, &s3.ListPartsInput{Bucket: bucket, Key: key, UploadId: id})
	ok(t, err)
	if len(parts.Parts) != 2 || *parts.Parts[0].Size != 5<<20 || *parts.Parts[1].Size != 4 || *parts.Parts[0].ETag != *one.ETag {
		t.Errorf("got %+v", parts.Parts)
	}
	_, err = c.s3.ListParts(ctx, &s3.ListPartsInput{Bucket: bucket, Key: aws.String("another"), UploadId: id})
	refused(t, err, "NoSuchUpload", "")
	uploads, err := c.s3.ListMultipartUploads(ctx, &s3.ListMultipartUploadsInput{Bucket: bucket})
	ok(t, err)
	if len(uploads.Uploads) != 1 || *uploads.Uploads[0].UploadId != *id || *uploads.Uploads[0].Key != *key {
		t.Errorf("got %+v", uploads.Uploads)
	}
	_, err = c.s3.ListMultipartUploads(ctx, &s3.ListMultipartUploadsInput{Bucket: aws.String("walk-none")})
	refused(t, err, "NoSuchBucket", "")

	complete := func(parts ...types.CompletedPart) (*s3.CompleteMultipartUploadOutput, error) {
		return c.s3.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{Bucket: bucket, Key: key, UploadId: id, MultipartUpload: &types.CompletedMultipartUpload{Parts: parts}})
	}
	p1, p2 := types.CompletedPart{PartNumber: aws.Int32(1), ETag: one.ETag}, types.CompletedPart{PartNumber: aws.Int32(2), ETag: two.CopyPartResult.ETag}
	_, err = complete(p2, p1)
	refused(t, err, "InvalidPartOrder", "")
	_, err = complete(p1, types.CompletedPart{PartNumber: aws.Int32(2), ETag: aws.String(`"other"`)})
	refused(t, err, "InvalidPart", "")
	done, err := complete(p1, p2)
	ok(t, err)
	if !strings.HasSuffix(*done.ETag, `-2"`) {
		t.Errorf("got ETag %s", *done.ETag)
	}
	if got := contents(t, c, *bucket, *key); got != string(first)+"tail" {
		t.Errorf("%d bytes, the last %q", len(got), got[max(0, len(got)-8):])
	}
	part, err := c.s3.HeadObject(ctx, &s3.HeadObjectInput{Bucket: bucket, Key: key, PartNumber: aws.Int32(2)})
	ok(t, err)
	if *part.ContentLength != 4 || *part.PartsCount != 2 || *part.ContentType != "text/big" {
		t.Errorf("got %+v", part)
	}

	given, err := c.s3.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: bucket, Key: key})
	ok(t, err)
	_, err = c.s3.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: bucket, Key: key, UploadId: given.UploadId})
	ok(t, err)
	_, err = c.s3.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: bucket, Key: key, UploadId: given.UploadId})
	refused(t, err, "NoSuchUpload", "")
	code, _ := c.get("/" + *bucket + "/" + *key)
	if code != http.StatusForbidden {
		t.Errorf("an unsigned read answers %d", code)
	}
}

// letExport gives a bucket the policy that seed 000 has for exports, as it is written there.
func (c *clients) letExport(t testing.TB, bucket, prefix string) {
	t.Helper()
	policy := strings.NewReplacer("YOUR_REGION", "us-east-1", "YOUR_S3_BUCKET_NAME", bucket, "OPTIONAL_PREFIX", prefix).Replace(`{
"Version": "2012-10-17",
"Statement": [
{
"Effect": "Allow",
"Principal": {
"Service": "logs.YOUR_REGION.amazonaws.com"
},
"Action": "s3:GetBucketAcl",
"Resource": "arn:aws:s3:::YOUR_S3_BUCKET_NAME"
},
{
"Effect": "Allow",
"Principal": {
"Service": "logs.YOUR_REGION.amazonaws.com"
},
"Action": "s3:PutObject",
"Resource": "arn:aws:s3:::YOUR_S3_BUCKET_NAME/OPTIONAL_PREFIX/*",
"Condition": {
"StringEquals": {
"s3:x-amz-acl": "bucket-owner-full-control"
}
}
}
]
}`)
	_, err := c.s3.PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: &bucket, Policy: &policy})
	ok(t, err)
}

func testBucketDocuments(t *testing.T, c *clients) {
	ctx, bucket := t.Context(), aws.String("walk-documents")
	_, err := c.s3.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: bucket, ObjectOwnership: types.ObjectOwnershipBucketOwnerPreferred})
	ok(t, err)
	_, err = c.s3.PutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: aws.String("k"), Body: strings.NewReader("x")})
	ok(t, err)
	t.Run("policy", func(t *testing.T) {
		_, err := c.s3.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: bucket})
		refused(t, err, "NoSuchBucketPolicy", "")
		text := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"logs.us-east-1.amazonaws.com"},"Action":"s3:GetBucketAcl","Resource":"arn:aws:s3:::walk-documents"}]}`
		_, err = c.s3.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: bucket, Policy: &text})
		ok(t, err)
		_, err = c.s3.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: bucket, Policy: aws.String(strings.Replace(text, "GetBucketAcl", "PutObject", 1))})
		refused(t, err, "MalformedPolicy", "Action does not apply to any resource(s) in statement")
		got, err := c.s3.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: bucket})
		ok(t, err)
		status, err := c.s3.GetBucketPolicyStatus(ctx, &s3.GetBucketPolicyStatusInput{Bucket: bucket})
		ok(t, err)
		if str(got.Policy) != text || *status.PolicyStatus.IsPublic {
			t.Errorf("got %s, public %v", str(got.Policy), *status.PolicyStatus.IsPublic)
		}
		_, err = c.s3.DeleteBucketPolicy(ctx, &s3.DeleteBucketPolicyInput{Bucket: bucket})
		ok(t, err)
	})
	t.Run("acl", func(t *testing.T) {
		_, err := c.s3.PutBucketAcl(ctx, &s3.PutBucketAclInput{Bucket: bucket, ACL: types.BucketCannedACLPublicRead})
		refused(t, err, "AccessDenied", "BlockPublicAcls")
		_, err = c.s3.PutBucketAcl(ctx, &s3.PutBucketAclInput{Bucket: bucket, ACL: types.BucketCannedACLPrivate})
		ok(t, err)
		_, err = c.s3.PutObjectAcl(ctx, &s3.PutObjectAclInput{Bucket: bucket, Key: aws.String("k"), ACL: types.ObjectCannedACLBucketOwnerFullControl})
		ok(t, err)
		of, err := c.s3.GetBucketAcl(ctx, &s3.GetBucketAclInput{Bucket: bucket})
		ok(t, err)
		object, err := c.s3.GetObjectAcl(ctx, &s3.GetObjectAclInput{Bucket: bucket, Key: aws.String("k")})
		ok(t, err)
		if len(of.Grants) != 1 || len(object.Grants) != 1 || object.Grants[0].Permission != types.PermissionFullControl || str(object.Owner.ID) != defaultAccount {
			t.Errorf("got %+v, %+v", of, object)
		}
	})
	t.Run("public access, ownership, encryption, tags", func(t *testing.T) {
		block, err := c.s3.GetPublicAccessBlock(ctx, &s3.GetPublicAccessBlockInput{Bucket: bucket})
		ok(t, err)
		_, err = c.s3.PutPublicAccessBlock(ctx, &s3.PutPublicAccessBlockInput{Bucket: bucket, PublicAccessBlockConfiguration: block.PublicAccessBlockConfiguration})
		ok(t, err)
		_, err = c.s3.DeletePublicAccessBlock(ctx, &s3.DeletePublicAccessBlockInput{Bucket: bucket})
		ok(t, err)
		_, err = c.s3.GetPublicAccessBlock(ctx, &s3.GetPublicAccessBlockInput{Bucket: bucket})
		refused(t, err, "NoSuchPublicAccessBlockConfiguration", "")
		owner, err := c.s3.GetBucketOwnershipControls(ctx, &s3.GetBucketOwnershipControlsInput{Bucket: bucket})
		ok(t, err)
		_, err = c.s3.PutBucketOwnershipControls(ctx, &s3.PutBucketOwnershipControlsInput{Bucket: bucket, OwnershipControls: owner.OwnershipControls})
		ok(t, err)
		_, err = c.s3.DeleteBucketOwnershipControls(ctx, &s3.DeleteBucketOwnershipControlsInput{Bucket: bucket})
		ok(t, err)
		_, err = c.s3.GetBucketOwnershipControls(ctx, &s3.GetBucketOwnershipControlsInput{Bucket: bucket})
		refused(t, err, "OwnershipControlsNotFoundError", "")
		e, err := c.s3.GetBucketEncryption(ctx, &s3.GetBucketEncryptionInput{Bucket: bucket})
		ok(t, err)
		_, err = c.s3.PutBucketEncryption(ctx, &s3.PutBucketEncryptionInput{Bucket: bucket, ServerSideEncryptionConfiguration: e.ServerSideEncryptionConfiguration})
		ok(t, err)
		_, err = c.s3.DeleteBucketEncryption(ctx, &s3.DeleteBucketEncryptionInput{Bucket: bucket})
		ok(t, err)
		_, err = c.s3.PutBucketTagging(ctx, &s3.PutBucketTaggingInput{Bucket: bucket, Tagging: &types.Tagging{TagSet: []types.Tag{{Key: aws.String("team"), Value: aws.String("net")}}}})
		ok(t, err)
		tags, err := c.s3.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: bucket})
		ok(t, err)
		if len(tags.TagSet) != 1 || str(tags.TagSet[0].Value) != "net" {
			t.Errorf("got %+v", tags.TagSet)
		}
		_, err = c.s3.DeleteBucketTagging(ctx, &s3.DeleteBucketTaggingInput{Bucket: bucket})
		ok(t, err)
	})
}
