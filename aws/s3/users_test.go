package s3_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

func allow(actions, resources, condition string) string {
	if condition != "" {
		condition = `,"Condition":` + condition
	}
	return `{"Effect":"Allow","Action":[` + actions + `],"Resource":[` + resources + `]` + condition + `}`
}

// TestUsersMayWhatTheirPoliciesSay is what only a user meets: root has no policies.
func TestUsersMayWhatTheirPoliciesSay(t *testing.T) {
	h := serve(t, false)
	h.put(t, "k", "x")
	const objects, all = `"arn:aws:s3:::lake/*"`, `"arn:aws:s3:::*"`
	t.Run("the list of buckets, as AWS's own policies allow it", func(t *testing.T) {
		for name, resource := range map[string]string{"ann": `"*"`, "ben": all} {
			if _, err := h.user(t, name, "us-east-1", allow(`"s3:ListAllMyBuckets"`, resource, "")).ListBuckets(ctx, &s3.ListBucketsInput{}); err != nil {
				t.Errorf("on %s: %v", resource, err)
			}
		}
		_, err := h.user(t, "cal", "us-east-1", allow(`"s3:*"`, `"arn:aws:s3:::lake"`, "")).ListBuckets(ctx, &s3.ListBucketsInput{})
		if wantCode(t, err, "AccessDenied"); !strings.Contains(err.Error(), `"Resource": "arn:aws:s3:::*"`) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("buckets in one region, asked for from another", func(t *testing.T) {
		make := func(c *s3.Client, name string, where types.BucketLocationConstraint) error {
			in := &s3.CreateBucketInput{Bucket: &name}
			if where != "" {
				in.CreateBucketConfiguration = &types.CreateBucketConfiguration{LocationConstraint: where}
			}
			_, err := c.CreateBucket(ctx, in)
			return err
		}
		dan := h.user(t, "dan", "us-east-1", allow(`"s3:CreateBucket"`, all, `{"StringEquals":{"s3:LocationConstraint":"eu-west-1","aws:RequestedRegion":"us-east-1"}}`))
		if err := make(dan, "dans", "eu-west-1"); err != nil {
			t.Error(err)
		}
		if where, err := h.GetBucketLocation(ctx, &s3.GetBucketLocationInput{Bucket: aws.String("dans")}); err != nil || where.LocationConstraint != "eu-west-1" {
			t.Errorf("got %+v, %v", where, err)
		}
		wantCode(t, make(dan, "dans2", "eu-central-1"), "AccessDenied")
		wantCode(t, make(dan, "dans3", ""), "AccessDenied")
	})
	t.Run("what may not be listed is not told to be missing", func(t *testing.T) {
		eve := h.user(t, "eve", "us-east-1", allow(`"s3:GetObject"`, objects, ""))
		if _, err := eve.GetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: aws.String("k")}); err != nil {
			t.Error(err)
		}
		_, err := eve.GetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: aws.String("none")})
		if wantCode(t, err, "AccessDenied"); !strings.Contains(err.Error(), "s3:ListBucket") {
			t.Errorf("got %v", err)
		}
		_, err = eve.HeadObject(ctx, &s3.HeadObjectInput{Bucket: bucket, Key: aws.String("none")})
		if wantCode(t, err, "Forbidden"); status(err) != 403 {
			t.Errorf("got %v", err)
		}
		fay := h.user(t, "fay", "us-east-1", allow(`"s3:GetObject","s3:ListBucket"`, objects+`,"arn:aws:s3:::lake"`, ""))
		_, err = fay.GetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: aws.String("none")})
		wantCode(t, err, "NoSuchKey")
	})
	t.Run("attributes need the object's own permission too", func(t *testing.T) {
		ask := func(c *s3.Client) error {
			_, err := c.GetObjectAttributes(ctx, &s3.GetObjectAttributesInput{Bucket: bucket, Key: aws.String("k"), ObjectAttributes: []types.ObjectAttributes{types.ObjectAttributesEtag}})
			return err
		}
		wantCode(t, ask(h.user(t, "gus", "us-east-1", allow(`"s3:GetObjectAttributes"`, objects, ""))), "AccessDenied")
		if err := ask(h.user(t, "hal", "us-east-1", allow(`"s3:GetObjectAttributes","s3:GetObject"`, objects, ""))); err != nil {
			t.Error(err)
		}
	})
	t.Run("a copy needs its source and its destination", func(t *testing.T) {
		for _, row := range []struct{ name, statements, missing string }{
			{"ida", allow(`"s3:GetObject"`, objects, ""), "s3:PutObject"},
			{"jim", allow(`"s3:PutObject"`, objects, ""), "s3:GetObject"},
			{"kim", allow(`"s3:PutObject"`, objects, `{"StringLike":{"s3:x-amz-copy-source":"lake/other/*"}}`) + "," + allow(`"s3:GetObject"`, objects, ""), "s3:PutObject"},
			{"lea", allow(`"s3:PutObject"`, objects, `{"StringLike":{"s3:x-amz-copy-source":"lake/*"}}`) + "," + allow(`"s3:GetObject"`, objects, ""), ""},
		} {
			_, err := h.user(t, row.name, "us-east-1", row.statements).CopyObject(ctx, &s3.CopyObjectInput{Bucket: bucket, Key: aws.String("copy"), CopySource: aws.String("lake/k")})
			if row.missing == "" && err != nil || row.missing != "" && (err == nil || !strings.Contains(err.Error(), "not authorized to perform: "+row.missing)) {
				t.Errorf("%s: got %v", row.name, err)
			}
		}
	})
	t.Run("of several objects those are removed that may be", func(t *testing.T) {
		for _, key := range []string{"mine/1", "mine/2", "theirs/1"} {
			h.put(t, key, "x")
		}
		mia := h.user(t, "mia", "us-east-1", allow(`"s3:DeleteObject"`, `"arn:aws:s3:::lake/mine/*"`, ""))
		var ids []types.ObjectIdentifier
		for _, key := range []string{"mine/1", "theirs/1", "mine/2", "theirs/none"} {
			ids = append(ids, types.ObjectIdentifier{Key: aws.String(key)})
		}
		out, err := mia.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: bucket, Delete: &types.Delete{Objects: ids}})
		if err != nil || len(out.Deleted) != 2 || len(out.Errors) != 2 || *out.Errors[0].Code != "AccessDenied" || *out.Errors[1].Key != "theirs/none" {
			t.Errorf("got %+v, %v", out, err)
		}
		if h.get(t, "theirs/1") != "x" {
			t.Error("it is gone")
		}
		if out, err = mia.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: bucket, Delete: &types.Delete{Objects: ids[1:2]}}); err != nil || len(out.Errors) != 1 {
			t.Errorf("none of them: got %+v, %v", out, err)
		}
	})
	t.Run("a multipart upload with an ACL, step by step", func(t *testing.T) {
		ned := h.user(t, "ned", "us-east-1", allow(`"s3:PutObject","s3:PutObjectAcl"`, objects, `{"StringEquals":{"s3:x-amz-acl":"bucket-owner-full-control"}}`))
		_, err := ned.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: bucket, Key: aws.String("m")})
		wantCode(t, err, "AccessDenied")
		u, err := ned.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: bucket, Key: aws.String("m"), ACL: types.ObjectCannedACLBucketOwnerFullControl})
		if err != nil {
			t.Fatal(err)
		}
		part, err := ned.UploadPart(ctx, &s3.UploadPartInput{Bucket: bucket, Key: aws.String("m"), UploadId: u.UploadId, PartNumber: aws.Int32(1), Body: strings.NewReader("x")})
		if err != nil {
			t.Fatal(err)
		}
		_, err = ned.ListParts(ctx, &s3.ListPartsInput{Bucket: bucket, Key: aws.String("m"), UploadId: u.UploadId})
		wantCode(t, err, "AccessDenied")
		_, err = ned.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: bucket, Key: aws.String("m"), UploadId: u.UploadId})
		wantCode(t, err, "AccessDenied")
		if _, err = ned.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{Bucket: bucket, Key: aws.String("m"), UploadId: u.UploadId,
			MultipartUpload: &types.CompletedMultipartUpload{Parts: []types.CompletedPart{{PartNumber: aws.Int32(1), ETag: part.ETag}}}}); err != nil {
			t.Error(err)
		}
	})
}
