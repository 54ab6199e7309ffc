package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

func gets(place string) ask {
	bucket, key, _ := strings.Cut(place, "/")
	return call(s3Of, (*s3.Client).GetObject, &s3.GetObjectInput{Bucket: &bucket, Key: &key})
}

func puts(place string, change ...func(*s3.PutObjectInput)) ask {
	bucket, key, _ := strings.Cut(place, "/")
	in := &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader("mine")}
	for _, c := range change {
		c(in)
	}
	return call(s3Of, (*s3.Client).PutObject, in)
}

func deletes(place string) ask {
	bucket, key, _ := strings.Cut(place, "/")
	return call(s3Of, (*s3.Client).DeleteObject, &s3.DeleteObjectInput{Bucket: &bucket, Key: &key})
}

func lists(bucket string, change ...func(*s3.ListObjectsV2Input)) ask {
	in := &s3.ListObjectsV2Input{Bucket: &bucket}
	for _, c := range change {
		c(in)
	}
	return call(s3Of, (*s3.Client).ListObjectsV2, in)
}

func copies(from, to string) ask {
	bucket, key, _ := strings.Cut(to, "/")
	return call(s3Of, (*s3.Client).CopyObject, &s3.CopyObjectInput{Bucket: &bucket, Key: &key, CopySource: &from})
}

// bucketRefusals are of what a bucket's owner sets on it.
func bucketRefusals(w *world) []forbidden {
	policy := func(bucket, text string) ask {
		return call(s3Of, (*s3.Client).PutBucketPolicy, &s3.PutBucketPolicyInput{Bucket: &bucket, Policy: &text})
	}
	everybody := func(bucket string) string {
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::` + bucket + `/*"}]}`
	}
	const denied = "explicit deny in a resource-based policy"
	home, vault := new("home"), new("vault")
	return []forbidden{
		{"what a bucket's policy denies, by an administrator", "adam", gets("vault/gold"), "AccessDenied", denied},
		{"what a bucket's policy denies, by root", "root", gets("vault/gold"), "AccessDenied", denied},
		{"what a bucket's policy denies, by a session", "session", gets("vault/gold"), "AccessDenied", denied},
		{"what a bucket's policy denies, as a source to copy", "adam", copies("vault/gold", "home/adam/gold"), "AccessDenied", "s3:GetObject on resource: arn:aws:s3:::vault/gold"},
		{"what a bucket's policy denies, as a part's source", "adam", call(s3Of, (*s3.Client).UploadPartCopy, &s3.UploadPartCopyInput{Bucket: home, Key: new("eve/big"), UploadId: new(w.ids["upload"]), PartNumber: new(int32(1)), CopySource: new("vault/gold")}), "AccessDenied", "arn:aws:s3:::vault/gold"},
		{"a deletion that all but one are denied", "adam", deletes("vault/reports/q1"), "AccessDenied", denied},
		{"a write without the encryption that the policy wants", "adam", puts("vault/new"), "AccessDenied", denied},
		{"a write with another encryption", "adam", puts("vault/new", func(in *s3.PutObjectInput) { in.ServerSideEncryption = types.ServerSideEncryptionAwsKms }), "AccessDenied", denied},
		{"a copy without the encryption that the policy wants", "adam", copies("home/bob/mine", "vault/new"), "AccessDenied", denied},
		{"an upload in parts without the encryption that the policy wants", "adam", call(s3Of, (*s3.Client).CreateMultipartUpload, &s3.CreateMultipartUploadInput{Bucket: vault, Key: new("new")}), "AccessDenied", denied},
		{"a read without TLS where the policy wants it", "adam", call(s3Of, (*s3.Client).GetObjectTagging, &s3.GetObjectTaggingInput{Bucket: vault, Key: new("reports/q1")}), "AccessDenied", denied},
		{"a read from another address than the policy names", "adam", call(s3Of, (*s3.Client).GetObjectAcl, &s3.GetObjectAclInput{Bucket: vault, Key: new("reports/q1")}), "AccessDenied", denied},
		{"a read from another address, with a header of a proxy", "adam", changed(envelope{service: "s3", method: "GET", uri: "/vault/reports/q1?acl=", headers: map[string]string{"X-Forwarded-For": "203.0.113.1"}}), "AccessDenied", denied},
		{"a deletion by one whom NotPrincipal names without his account", "bob", deletes("vault/reports/q1"), "AccessDenied", denied},
		{"putting a bucket's policy without the right to", "bob", policy("home", everybody("home")), "AccessDenied", "s3:PutBucketPolicy"},
		{"reading a bucket's policy without the right to", "bob", call(s3Of, (*s3.Client).GetBucketPolicy, &s3.GetBucketPolicyInput{Bucket: vault}), "AccessDenied", "s3:GetBucketPolicy"},
		{"removing a bucket's policy without the right to", "bob", call(s3Of, (*s3.Client).DeleteBucketPolicy, &s3.DeleteBucketPolicyInput{Bucket: vault}), "AccessDenied", "s3:DeleteBucketPolicy"},
		{"a policy that lets everybody in, where public ones are blocked", "root", policy("closed", everybody("closed")), "AccessDenied", "BlockPublicPolicy"},
		{"a policy that lets all of another network in, where public ones are blocked", "root", policy("closed", strings.Replace(everybody("closed"), `"Resource"`, `"Condition":{"IpAddress":{"aws:SourceIp":"0.0.0.0/1"}},"Resource"`, 1)), "AccessDenied", "BlockPublicPolicy"},
		{"a policy for a bucket of another name", "root", policy("home", everybody("vault")), "MalformedPolicy", "invalid resource"},
		{"a policy for nobody who is there", "root", policy("home", strings.Replace(everybody("home"), `"*"`, `{"AWS":"arn:aws:iam::`+defaultAccount+`:user/nobody"}`, 1)), "MalformedPolicy", "Invalid principal in policy"},
		{"a policy with two Effects, of which a reader takes either", "root", policy("home", strings.Replace(everybody("home"), `"Effect":"Allow"`, `"Effect":"Deny","Effect":"Allow"`, 1)), "MalformedPolicy", "Effect"},
		{"a policy with an element that is none", "root", policy("home", strings.Replace(everybody("home"), `"Effect"`, `"Efect":"Deny","Effect"`, 1)), "MalformedPolicy", "Efect"},
		{"a policy larger than AWS takes", "root", policy("home", strings.Replace(everybody("home"), `"Version"`, strings.Repeat(" ", 21<<10)+`"Version"`, 1)), "MalformedPolicy", "exceeds the maximum allowed document size"},
		{"unblocking public access without the right to", "bob", call(s3Of, (*s3.Client).DeletePublicAccessBlock, &s3.DeletePublicAccessBlockInput{Bucket: new("closed")}), "AccessDenied", "s3:PutBucketPublicAccessBlock"},
		{"a public ACL on a bucket that has none", "root", call(s3Of, (*s3.Client).PutBucketAcl, &s3.PutBucketAclInput{Bucket: home, ACL: types.BucketCannedACLPublicRead}), "AccessControlListNotSupported", ""},
		{"a public ACL on a bucket that blocks them", "root", call(s3Of, (*s3.Client).PutBucketAcl, &s3.PutBucketAclInput{Bucket: new("old-acl"), ACL: types.BucketCannedACLPublicRead}), "AccessDenied", ""},
		{"a public ACL on an object of a bucket that blocks them", "root", call(s3Of, (*s3.Client).PutObjectAcl, &s3.PutObjectAclInput{Bucket: new("old-acl"), Key: new("x"), ACL: types.ObjectCannedACLPublicRead}), "AccessDenied", ""},
		{"an object written with a public ACL into a bucket that blocks them", "root", puts("old-acl/y", func(in *s3.PutObjectInput) { in.ACL = types.ObjectCannedACLPublicRead }), "AccessDenied", ""},
		{"letting ACLs in without the right to", "bob", call(s3Of, (*s3.Client).DeleteBucketOwnershipControls, &s3.DeleteBucketOwnershipControlsInput{Bucket: home}), "AccessDenied", "s3:PutBucketOwnershipControls"},
		{"deleting a bucket without the right to", "bob", call(s3Of, (*s3.Client).DeleteBucket, &s3.DeleteBucketInput{Bucket: new("closed")}), "AccessDenied", "s3:DeleteBucket"},
		{"making a bucket without the right to", "bob", call(s3Of, (*s3.Client).CreateBucket, &s3.CreateBucketInput{Bucket: new("bobs")}), "AccessDenied", "s3:CreateBucket"},
		{"a bucket that somebody has", "nora", call(s3Of, (*s3.Client).CreateBucket, &s3.CreateBucketInput{Bucket: vault}), "AccessDenied", "s3:CreateBucket"},
	}
}

// objectRefusals are of bob, who has home/bob/, of which home/bob/locked/ is denied.
func objectRefusals(w *world) []forbidden {
	const none = "no identity-based policy allows the "
	home := new("home")
	prefix := func(p string) func(*s3.ListObjectsV2Input) { return func(in *s3.ListObjectsV2Input) { in.Prefix = &p } }
	upload := new(w.ids["upload"])
	return []forbidden{
		{"another user's object", "bob", gets("home/eve/hers"), "AccessDenied", none + "s3:GetObject action"},
		{"an object of a folder whose name begins as one's own", "bob", gets("home/bobby/his"), "AccessDenied", none + "s3:GetObject"},
		{"an object in other letters", "bob", gets("home/Bob/mine"), "AccessDenied", none + "s3:GetObject"},
		{"another user's object that is not there, told as one that is", "bob", gets("home/eve/nothing"), "AccessDenied", none + "s3:GetObject"},
		{"an object of one's own that is not there, to one who may not list", "bob", gets("home/bob/nothing"), "AccessDenied", "s3:ListBucket"},
		{"what one's own policy denies", "bob", gets("home/bob/locked/x"), "AccessDenied", "explicit deny in an identity-based policy"},
		{"an object of a bucket that is not there", "nora", gets("no-such-bucket/x"), "AccessDenied", "s3:GetObject"},
		{"the attributes of another user's object", "bob", call(s3Of, (*s3.Client).GetObjectAttributes, &s3.GetObjectAttributesInput{Bucket: home, Key: new("eve/hers"), ObjectAttributes: []types.ObjectAttributes{"ETag"}}), "AccessDenied", none},
		{"the ACL of another user's object", "bob", call(s3Of, (*s3.Client).GetObjectAcl, &s3.GetObjectAclInput{Bucket: home, Key: new("eve/hers")}), "AccessDenied", none},
		{"writing another user's object", "bob", puts("home/eve/hers"), "AccessDenied", none + "s3:PutObject"},
		{"writing into another bucket", "bob", puts("vault/bob/x", func(in *s3.PutObjectInput) { in.ServerSideEncryption = "AES256" }), "AccessDenied", none + "s3:PutObject"},
		{"writing one's own with an ACL, without the right to set one", "bob", puts("home/bob/x", func(in *s3.PutObjectInput) { in.ACL = types.ObjectCannedACLBucketOwnerFullControl }), "AccessDenied", "s3:PutObjectAcl"},
		{"setting the ACL of one's own, without the right to", "bob", call(s3Of, (*s3.Client).PutObjectAcl, &s3.PutObjectAclInput{Bucket: home, Key: new("bob/mine"), ACL: types.ObjectCannedACLPrivate}), "AccessDenied", "s3:PutObjectAcl"},
		{"deleting another user's object", "bob", deletes("home/eve/hers"), "AccessDenied", none + "s3:DeleteObject"},
		{"deleting another user's object among one's own", "bob", func(ctx context.Context, p *actor) error {
			out, err := s3Of(p).DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: home, Delete: &types.Delete{Objects: []types.ObjectIdentifier{{Key: new("eve/hers")}, {Key: new("bobby/his")}}}})
			if err != nil || len(out.Errors) == 0 {
				return err
			}
			id, _ := requestIDOf(out.ResultMetadata)
			return within(str(out.Errors[0].Code), fmt.Sprint(len(out.Errors), " ", str(out.Errors[0].Message)), id)
		}, "AccessDenied", "2 "},
		{"copying another user's object to one's own", "bob", copies("home/eve/hers", "home/bob/copy"), "AccessDenied", "s3:GetObject on resource: arn:aws:s3:::home/eve/hers"},
		{"copying another user's object by encoded slashes", "bob", copies("home%2Feve%2Fhers", "home/bob/copy"), "AccessDenied", "s3:GetObject on resource: arn:aws:s3:::home/eve/hers"},
		{"copying another user's object by a leading slash", "bob", copies("/home/eve/hers", "home/bob/copy"), "AccessDenied", "s3:GetObject on resource: arn:aws:s3:::home/eve/hers"},
		{"copying one's own over another user's object", "bob", copies("home/bob/mine", "home/eve/hers"), "AccessDenied", "s3:PutObject on resource: arn:aws:s3:::home/eve/hers"},
		{"copying what a policy denies", "bob", copies("home/bob/locked/x", "home/bob/copy"), "AccessDenied", "explicit deny"},
		{"listing a bucket whole", "bob", lists("home"), "AccessDenied", none + "s3:ListBucket"},
		{"listing another user's prefix", "bob", lists("home", prefix("eve/")), "AccessDenied", none + "s3:ListBucket"},
		{"listing a prefix that begins as one's own", "bob", lists("home", prefix("bobby/")), "AccessDenied", none + "s3:ListBucket"},
		{"listing the beginning of one's own prefix", "bob", lists("home", prefix("bo")), "AccessDenied", none + "s3:ListBucket"},
		{"listing one's own prefix, more than may be listed", "bob", lists("home", prefix("bob/"), func(in *s3.ListObjectsV2Input) { in.MaxKeys = new(int32(1000)) }), "AccessDenied", none + "s3:ListBucket"},
		{"listing with two prefixes", "bob", changed(envelope{service: "s3", method: "GET", uri: "/home?list-type=2&prefix=bob/&prefix=eve/"}), "InvalidArgument", "prefix"},
		{"listing as of old, without a prefix", "bob", call(s3Of, (*s3.Client).ListObjects, &s3.ListObjectsInput{Bucket: home}), "AccessDenied", none + "s3:ListBucket"},
		{"listing the uploads of all", "bob", call(s3Of, (*s3.Client).ListMultipartUploads, &s3.ListMultipartUploadsInput{Bucket: home}), "AccessDenied", "s3:ListBucketMultipartUploads"},
		{"a part of another user's upload", "bob", call(s3Of, (*s3.Client).UploadPart, &s3.UploadPartInput{Bucket: home, Key: new("eve/big"), UploadId: upload, PartNumber: new(int32(1)), Body: strings.NewReader("x")}), "AccessDenied", none + "s3:PutObject"},
		{"a part of another user's upload under one's own key", "bob", call(s3Of, (*s3.Client).UploadPart, &s3.UploadPartInput{Bucket: home, Key: new("bob/big"), UploadId: upload, PartNumber: new(int32(1)), Body: strings.NewReader("x")}), "NoSuchUpload", ""},
		{"the parts of another user's upload", "bob", call(s3Of, (*s3.Client).ListParts, &s3.ListPartsInput{Bucket: home, Key: new("eve/big"), UploadId: upload}), "AccessDenied", "s3:ListMultipartUploadParts"},
		{"ending another user's upload", "bob", call(s3Of, (*s3.Client).CompleteMultipartUpload, &s3.CompleteMultipartUploadInput{Bucket: home, Key: new("eve/big"), UploadId: upload,
			MultipartUpload: &types.CompletedMultipartUpload{Parts: []types.CompletedPart{{PartNumber: new(int32(1)), ETag: new("x")}}}}), "AccessDenied", none + "s3:PutObject"},
		{"giving up another user's upload", "bob", call(s3Of, (*s3.Client).AbortMultipartUpload, &s3.AbortMultipartUploadInput{Bucket: home, Key: new("eve/big"), UploadId: upload}), "AccessDenied", "s3:AbortMultipartUpload"},
		{"giving up another user's upload under one's own key", "bob", call(s3Of, (*s3.Client).AbortMultipartUpload, &s3.AbortMultipartUploadInput{Bucket: home, Key: new("bob/big"), UploadId: upload}), "NoSuchUpload", ""},
		{"another user's object as a part of one's own", "bob", func(ctx context.Context, p *actor) error {
			client, key := s3Of(p), new("bob/assembled")
			made, err := client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: home, Key: key})
			if err != nil {
				return fmt.Errorf("no upload: %s", err)
			}
			_, err = client.UploadPartCopy(ctx, &s3.UploadPartCopyInput{Bucket: home, Key: key, UploadId: made.UploadId, PartNumber: new(int32(1)), CopySource: new("home/eve/hers")})
			if _, undo := client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: home, Key: key, UploadId: made.UploadId}); undo != nil {
				return fmt.Errorf("not undone: %s", undo)
			}
			return err
		}, "AccessDenied", "s3:GetObject on resource: arn:aws:s3:::home/eve/hers"},
	}
}
