package s3_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

var bucket = aws.String("lake")

func TestBucketDocuments(t *testing.T) {
	h := serve(t, false)
	t.Run("a policy is given back as it was put", func(t *testing.T) {
		_, err := h.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: bucket})
		wantCode(t, err, "NoSuchBucketPolicy")
		_, err = h.GetBucketPolicyStatus(ctx, &s3.GetBucketPolicyStatusInput{Bucket: bucket})
		wantCode(t, err, "NoSuchBucketPolicy")
		text := `{ "Version": "2012-10-17", "Statement": [ { "Effect": "Allow", "Principal": { "Service": "logs.us-east-1.amazonaws.com" },
			"Action": "s3:GetBucketAcl", "Resource": "arn:aws:s3:::lake" } ] }`
		if _, err := h.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: bucket, Policy: &text}); err != nil {
			t.Fatal(err)
		}
		got, err := h.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: bucket})
		if err != nil || *got.Policy != text || !json.Valid([]byte(*got.Policy)) {
			t.Errorf("got %v, %v", got, err)
		}
		status, err := h.GetBucketPolicyStatus(ctx, &s3.GetBucketPolicyStatusInput{Bucket: bucket})
		if err != nil || *status.PolicyStatus.IsPublic {
			t.Errorf("got %+v, %v", status, err)
		}
		_, err = h.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: bucket, Policy: aws.String(strings.Replace(text, "lake", "other", 1))})
		if wantCode(t, err, "MalformedPolicy"); !strings.Contains(err.Error(), "Policy has invalid resource") {
			t.Errorf("got %v", err)
		}
		_, err = h.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: bucket, Policy: aws.String("{")})
		wantCode(t, err, "MalformedPolicy")
		open := strings.Replace(text, `{ "Service": "logs.us-east-1.amazonaws.com" }`, `"*"`, 1)
		_, err = h.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: bucket, Policy: &open})
		if wantCode(t, err, "AccessDenied"); !strings.Contains(err.Error(), "BlockPublicPolicy setting in S3 Block Public Access") {
			t.Errorf("got %v", err)
		}
		if _, err := h.DeleteBucketPolicy(ctx, &s3.DeleteBucketPolicyInput{Bucket: bucket}); err != nil {
			t.Error(err)
		}
		_, err = h.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: bucket})
		wantCode(t, err, "NoSuchBucketPolicy")
	})
	t.Run("public access block", func(t *testing.T) {
		got, err := h.GetPublicAccessBlock(ctx, &s3.GetPublicAccessBlockInput{Bucket: bucket})
		if err != nil || !*got.PublicAccessBlockConfiguration.BlockPublicAcls || !*got.PublicAccessBlockConfiguration.RestrictPublicBuckets {
			t.Errorf("got %+v, %v", got, err)
		}
		_, err = h.PutPublicAccessBlock(ctx, &s3.PutPublicAccessBlockInput{Bucket: bucket, PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{IgnorePublicAcls: aws.Bool(true)}})
		if err != nil {
			t.Fatal(err)
		}
		got, err = h.GetPublicAccessBlock(ctx, &s3.GetPublicAccessBlockInput{Bucket: bucket})
		if err != nil || *got.PublicAccessBlockConfiguration.BlockPublicAcls || !*got.PublicAccessBlockConfiguration.IgnorePublicAcls {
			t.Errorf("got %+v, %v", got, err)
		}
		if _, err := h.DeletePublicAccessBlock(ctx, &s3.DeletePublicAccessBlockInput{Bucket: bucket}); err != nil {
			t.Error(err)
		}
		_, err = h.GetPublicAccessBlock(ctx, &s3.GetPublicAccessBlockInput{Bucket: bucket})
		wantCode(t, err, "NoSuchPublicAccessBlockConfiguration")
	})
	t.Run("ownership and ACLs", func(t *testing.T) {
		got, err := h.GetBucketOwnershipControls(ctx, &s3.GetBucketOwnershipControlsInput{Bucket: bucket})
		if err != nil || got.OwnershipControls.Rules[0].ObjectOwnership != types.ObjectOwnershipBucketOwnerEnforced {
			t.Errorf("got %+v, %v", got, err)
		}
		h.put(t, "o", "x", func(in *s3.PutObjectInput) { in.ACL = types.ObjectCannedACLBucketOwnerFullControl })
		_, err = h.PutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: aws.String("p"), Body: strings.NewReader("x"), ACL: types.ObjectCannedACLPublicRead})
		wantCode(t, err, "AccessControlListNotSupported")
		_, err = h.PutBucketAcl(ctx, &s3.PutBucketAclInput{Bucket: bucket, ACL: types.BucketCannedACLPrivate})
		if wantCode(t, err, "AccessControlListNotSupported"); !strings.HasSuffix(err.Error(), "The bucket does not allow ACLs") {
			t.Errorf("got %v", err)
		}
		_, err = h.PutBucketOwnershipControls(ctx, &s3.PutBucketOwnershipControlsInput{Bucket: bucket, OwnershipControls: &types.OwnershipControls{
			Rules: []types.OwnershipControlsRule{{ObjectOwnership: types.ObjectOwnershipBucketOwnerPreferred}}}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.PutBucketAcl(ctx, &s3.PutBucketAclInput{Bucket: bucket, ACL: types.BucketCannedACLPublicRead}); err != nil {
			t.Error(err)
		}
		acl, err := h.GetBucketAcl(ctx, &s3.GetBucketAclInput{Bucket: bucket})
		if err != nil || *acl.Owner.ID != account || len(acl.Grants) != 2 || acl.Grants[0].Grantee.Type != types.TypeCanonicalUser || *acl.Grants[0].Grantee.ID != account ||
			acl.Grants[0].Permission != types.PermissionFullControl || !strings.HasSuffix(*acl.Grants[1].Grantee.URI, "/AllUsers") || acl.Grants[1].Permission != types.PermissionRead {
			t.Fatalf("got %+v, %v", acl, err)
		}
		// What was read can be put back: it is a canned ACL's.
		if _, err := h.PutBucketAcl(ctx, &s3.PutBucketAclInput{Bucket: bucket, AccessControlPolicy: &types.AccessControlPolicy{Owner: acl.Owner, Grants: acl.Grants}}); err != nil {
			t.Error(err)
		}
		_, err = h.PutBucketAcl(ctx, &s3.PutBucketAclInput{Bucket: bucket, AccessControlPolicy: &types.AccessControlPolicy{Owner: acl.Owner, Grants: acl.Grants[1:]}})
		wantCode(t, err, "NotImplemented")
		_, err = h.PutBucketAcl(ctx, &s3.PutBucketAclInput{Bucket: bucket, GrantRead: aws.String("id=1")})
		if wantCode(t, err, "NotImplemented"); !strings.Contains(err.Error(), "x-amz-grant-read") {
			t.Errorf("got %v", err)
		}
		if _, err := h.PutObjectAcl(ctx, &s3.PutObjectAclInput{Bucket: bucket, Key: aws.String("o"), ACL: types.ObjectCannedACLAuthenticatedRead}); err != nil {
			t.Error(err)
		}
		object, err := h.GetObjectAcl(ctx, &s3.GetObjectAclInput{Bucket: bucket, Key: aws.String("o")})
		if err != nil || len(object.Grants) != 2 || object.Grants[1].Grantee.Type != types.TypeGroup {
			t.Errorf("got %+v, %v", object, err)
		}
		_, err = h.GetObjectAcl(ctx, &s3.GetObjectAclInput{Bucket: bucket, Key: aws.String("none")})
		wantCode(t, err, "NoSuchKey")
		if _, err := h.DeleteBucketOwnershipControls(ctx, &s3.DeleteBucketOwnershipControlsInput{Bucket: bucket}); err != nil {
			t.Error(err)
		}
		_, err = h.GetBucketOwnershipControls(ctx, &s3.GetBucketOwnershipControlsInput{Bucket: bucket})
		wantCode(t, err, "OwnershipControlsNotFoundError")
		_, err = h.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String("public"), ACL: types.BucketCannedACLPublicRead})
		wantCode(t, err, "InvalidBucketAclWithObjectOwnership")
		_, err = h.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String("public"), ACL: types.BucketCannedACLPublicRead, ObjectOwnership: types.ObjectOwnershipObjectWriter})
		wantCode(t, err, "InvalidBucketAclWithBlockPublicAccessError")
	})
	t.Run("encryption", func(t *testing.T) {
		rule := func(algorithm types.ServerSideEncryption) *types.ServerSideEncryptionConfiguration {
			return &types.ServerSideEncryptionConfiguration{Rules: []types.ServerSideEncryptionRule{{BucketKeyEnabled: aws.Bool(true),
				ApplyServerSideEncryptionByDefault: &types.ServerSideEncryptionByDefault{SSEAlgorithm: algorithm}}}}
		}
		_, err := h.PutBucketEncryption(ctx, &s3.PutBucketEncryptionInput{Bucket: bucket, ServerSideEncryptionConfiguration: rule("aws:kms")})
		if wantCode(t, err, "NotImplemented"); !strings.Contains(err.Error(), "aws:kms") {
			t.Errorf("got %v", err)
		}
		if _, err := h.PutBucketEncryption(ctx, &s3.PutBucketEncryptionInput{Bucket: bucket, ServerSideEncryptionConfiguration: rule("AES256")}); err != nil {
			t.Error(err)
		}
		for _, key := range []bool{true, false} {
			got, err := h.GetBucketEncryption(ctx, &s3.GetBucketEncryptionInput{Bucket: bucket})
			if err != nil || got.ServerSideEncryptionConfiguration.Rules[0].ApplyServerSideEncryptionByDefault.SSEAlgorithm != "AES256" ||
				*got.ServerSideEncryptionConfiguration.Rules[0].BucketKeyEnabled != key {
				t.Errorf("got %+v, %v", got, err)
			}
			if _, err := h.DeleteBucketEncryption(ctx, &s3.DeleteBucketEncryptionInput{Bucket: bucket}); err != nil {
				t.Error(err)
			}
		}
		if out := h.put(t, "plain", "x"); out.ServerSideEncryption != "AES256" {
			t.Errorf("got %q", out.ServerSideEncryption)
		}
	})
	t.Run("tags", func(t *testing.T) {
		_, err := h.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: bucket})
		wantCode(t, err, "NoSuchTagSet")
		tags := []types.Tag{{Key: aws.String("b"), Value: aws.String("2")}, {Key: aws.String("a"), Value: aws.String("")}}
		if _, err := h.PutBucketTagging(ctx, &s3.PutBucketTaggingInput{Bucket: bucket, Tagging: &types.Tagging{TagSet: tags}}); err != nil {
			t.Fatal(err)
		}
		got, err := h.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: bucket})
		if err != nil || len(got.TagSet) != 2 || *got.TagSet[0].Key != "a" || *got.TagSet[1].Value != "2" {
			t.Errorf("got %+v, %v", got, err)
		}
		_, err = h.PutBucketTagging(ctx, &s3.PutBucketTaggingInput{Bucket: bucket, Tagging: &types.Tagging{TagSet: append(tags, tags[0])}})
		wantCode(t, err, "InvalidTag")
		if _, err := h.DeleteBucketTagging(ctx, &s3.DeleteBucketTaggingInput{Bucket: bucket}); err != nil {
			t.Error(err)
		}
		_, err = h.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: bucket})
		wantCode(t, err, "NoSuchTagSet")
	})
	t.Run("documents of a bucket that is not there", func(t *testing.T) {
		_, err := h.GetBucketAcl(ctx, &s3.GetBucketAclInput{Bucket: aws.String("nowhere")})
		if wantCode(t, err, "NoSuchBucket"); status(err) != http.StatusNotFound {
			t.Errorf("got %v", err)
		}
	})
}

// TestPoliciesSeeTheRequest denies root by what only the request tells: how it was signed, and its parameters.
func TestPoliciesSeeTheRequest(t *testing.T) {
	h := serve(t, false)
	h.put(t, "k", "x")
	presigned := s3.NewPresignClient(h.Client)
	get := func() int {
		t.Helper()
		r, err := presigned.PresignGetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: aws.String("k")})
		if err != nil {
			t.Fatal(err)
		}
		res, _ := h.fetch(t, "GET", r.URL, nil, nil)
		return res.StatusCode
	}
	deny := func(statement string) {
		t.Helper()
		text := `{"Version":"2012-10-17","Statement":[{"Sid":"Not","Effect":"Deny","Principal":"*",` + statement + `}]}`
		if _, err := h.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: bucket, Policy: &text}); err != nil {
			t.Fatal(err)
		}
	}
	if got := get(); got != http.StatusOK {
		t.Fatalf("got %d", got)
	}
	all := `"Action":"s3:*","Resource":["arn:aws:s3:::lake","arn:aws:s3:::lake/*"],"Condition":`
	deny(all + `{"StringEquals":{"s3:authType":"REST-QUERY-STRING"}}`)
	if got := get(); got != http.StatusForbidden || h.get(t, "k") != "x" {
		t.Errorf("a presigned URL: got %d", got)
	}
	deny(all + `{"NumericLessThan":{"s3:signatureAge":"600000"}}`)
	if got := get(); got != http.StatusForbidden || h.get(t, "k") != "x" {
		t.Errorf("a young signature: got %d", got)
	}
	deny(`"Action":"s3:ListBucket","Resource":"arn:aws:s3:::lake","Condition":{"StringNotLike":{"s3:prefix":["","in/*"]}}`)
	for _, row := range []struct {
		prefix *string
		ok     bool
	}{{aws.String("in/a"), true}, {aws.String("out/"), false}, {nil, false}} {
		_, err := h.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: bucket, Prefix: row.prefix})
		if (err == nil) != row.ok {
			t.Errorf("prefix %v: got %v", aws.ToString(row.prefix), err)
		}
		if !row.ok {
			if wantCode(t, err, "AccessDenied"); !strings.Contains(err.Error(), "with an explicit deny in a resource-based policy") {
				t.Errorf("got %v", err)
			}
		}
	}
	deny(`"Action":"s3:DeleteObject","Resource":"arn:aws:s3:::lake/kept/*"`)
	h.put(t, "kept/k", "x")
	out, err := h.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: bucket, Delete: &types.Delete{Objects: []types.ObjectIdentifier{{Key: aws.String("kept/k")}, {Key: aws.String("k")}}}})
	if err != nil || len(out.Deleted) != 1 || len(out.Errors) != 1 || *out.Errors[0].Code != "AccessDenied" || h.get(t, "kept/k") != "x" {
		t.Errorf("got %+v, %v", out, err)
	}
	deny(`"Action":"s3:PutObject","Resource":"arn:aws:s3:::lake/*","Condition":{"StringNotEquals":{"s3:x-amz-server-side-encryption":"AES256"}}`)
	_, err = h.PutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: aws.String("plain"), Body: strings.NewReader("x")})
	wantCode(t, err, "AccessDenied")
	h.put(t, "sealed", "x", func(in *s3.PutObjectInput) { in.ServerSideEncryption = types.ServerSideEncryptionAes256 })
	deny(`"Action":"s3:*","Resource":["arn:aws:s3:::lake","arn:aws:s3:::lake/*"]`)
	if _, err := h.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: bucket}); err != nil {
		t.Errorf("root cannot read the policy that denies it: %v", err)
	}
	if _, err := h.DeleteBucketPolicy(ctx, &s3.DeleteBucketPolicyInput{Bucket: bucket}); err != nil {
		t.Errorf("root cannot mend it: %v", err)
	}
}
