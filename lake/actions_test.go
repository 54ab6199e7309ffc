package lake

import (
	"fmt"
	"strings"
	"testing"

	"flowlake/access"
)

// TestEachCallAsksForItsOwnAction lets users do everything but one action, and calls what needs that one.
func TestEachCallAsksForItsOwnAction(t *testing.T) {
	p := withPeople(t)
	s := p.Store
	must(t, s.PutOwnership(ctx, root, "lake", ObjectWriter))
	must(t, write(s, root, "k", ""))
	must(t, write(s, root, "from", ""))
	more := Statement{Sid: "More", Effect: "Allow", Principal: map[string]string{"Service": "delivery.logs.amazonaws.com"}, Action: []string{"s3:GetBucketAcl"}, Resource: "arn:aws:s3:::lake"}
	upload := func() UploadRef {
		u, err := s.CreateUpload(ctx, root, PutInput{Bucket: "lake", Key: "m"})
		must(t, err)
		return UploadRef{"lake", "m", u.ID}
	}
	for i, row := range []struct {
		action string
		call   func(c access.Caller) error
	}{
		{"CreateBucket", func(c access.Caller) error { return s.CreateBucket(ctx, c, "new") }},
		{"PutBucketAcl", func(c access.Caller) error { return s.MakeBucket(ctx, c, NewBucket{Name: "new", ACL: "private"}) }},
		{"PutBucketOwnershipControls", func(c access.Caller) error {
			return s.MakeBucket(ctx, c, NewBucket{Name: "new", Ownership: ObjectWriter})
		}},
		{"DeleteBucket", func(c access.Caller) error { return s.DeleteBucket(ctx, c, "lake") }},
		{"GetBucketLocation", func(c access.Caller) error { _, err := s.Location(ctx, c, "lake"); return err }},
		{"ListBucket", func(c access.Caller) error { _, err := s.Bucket(ctx, c, "lake"); return err }},
		{"PutBucketPolicy", func(c access.Caller) error { return s.PutBucketPolicy(ctx, c, "lake", seedPolicy) }},
		{"GetBucketPolicy", func(c access.Caller) error { _, err := s.BucketPolicy(ctx, c, "lake"); return err }},
		{"GetBucketPolicyStatus", func(c access.Caller) error { _, err := s.PolicyStatus(ctx, c, "lake"); return err }},
		{"DeleteBucketPolicy", func(c access.Caller) error { return s.DeleteBucketPolicy(ctx, c, "lake") }},
		{"GetBucketPolicy", func(c access.Caller) error { return s.AddStatements(ctx, c, "lake", more) }},
		{"PutBucketPolicy", func(c access.Caller) error { return s.AddStatements(ctx, c, "lake", more) }},
		{"GetBucketAcl", func(c access.Caller) error { _, _, err := s.BucketACL(ctx, c, "lake"); return err }},
		{"PutBucketAcl", func(c access.Caller) error { return s.PutBucketACL(ctx, c, "lake", "private") }},
		{"GetObjectAcl", func(c access.Caller) error { _, _, err := s.ObjectACL(ctx, c, "lake", "k"); return err }},
		{"PutObjectAcl", func(c access.Caller) error { return s.PutObjectACL(ctx, c, "lake", "k", "private") }},
		{"GetBucketPublicAccessBlock", func(c access.Caller) error { _, err := s.PublicAccess(ctx, c, "lake"); return err }},
		{"PutBucketPublicAccessBlock", func(c access.Caller) error { return s.PutPublicAccess(ctx, c, "lake", nil) }},
		{"GetBucketOwnershipControls", func(c access.Caller) error { _, err := s.Ownership(ctx, c, "lake"); return err }},
		{"PutBucketOwnershipControls", func(c access.Caller) error { return s.PutOwnership(ctx, c, "lake", "") }},
		{"GetEncryptionConfiguration", func(c access.Caller) error { _, err := s.Encryption(ctx, c, "lake"); return err }},
		{"PutEncryptionConfiguration", func(c access.Caller) error { return s.PutEncryption(ctx, c, "lake", Encryption{}) }},
		{"GetBucketTagging", func(c access.Caller) error { _, err := s.BucketTags(ctx, c, "lake"); return err }},
		{"PutBucketTagging", func(c access.Caller) error { return s.PutBucketTags(ctx, c, "lake", nil) }},
		{"GetObject", func(c access.Caller) error { return read(s, c, "k") }},
		{"GetObject", func(c access.Caller) error {
			_, release, err := s.Pinned(ctx, c, "lake", "", func(Object) (bool, error) { return true, nil })
			if err == nil {
				release()
			}
			return err
		}},
		{"GetObjectTagging", func(c access.Caller) error { _, err := s.Tags(ctx, c, "lake", "k"); return err }},
		{"PutObject", func(c access.Caller) error { return write(s, c, "new", "") }},
		{"PutObject", func(c access.Caller) error { return s.MayPut(ctx, c, PutInput{Bucket: "lake", Key: "new"}) }},
		{"DeleteObject", func(c access.Caller) error { return s.MayRemove(ctx, c, Ref{Bucket: "lake", Key: "k"}) }},
		{"DeleteObject", func(c access.Caller) error { return s.Commit(ctx, c, nil, []Ref{{Bucket: "lake", Key: "k"}}) }},
		{"GetObject", func(c access.Caller) error {
			return s.Move(ctx, c, []Move{{Bucket: "lake", From: "from", To: "to"}}, nil)
		}},
		{"DeleteObject", func(c access.Caller) error {
			return s.Move(ctx, c, []Move{{Bucket: "lake", From: "from", To: "to"}}, nil)
		}},
		{"PutObject", func(c access.Caller) error {
			return s.Move(ctx, c, []Move{{Bucket: "lake", From: "from", To: "to"}}, nil)
		}},
		{"AbortMultipartUpload", func(c access.Caller) error { return s.AbortUpload(ctx, c, upload()) }},
		{"ListMultipartUploadParts", func(c access.Caller) error { _, _, _, err := s.Parts(ctx, c, upload(), 0, 0); return err }},
		{"ListBucketMultipartUploads", func(c access.Caller) error { _, err := s.Uploads(ctx, c, "lake", UploadsInput{}); return err }},
	} {
		c := p.user(fmt.Sprint("u", i), `{"Effect":"Allow","NotAction":"s3:`+row.action+`","Resource":"*"}`)
		denied(t, fmt.Sprintf("row %d", i), row.call(c), "not authorized to perform: s3:"+row.action+" on resource: arn:aws:s3:::")
	}
	if _, err := s.Owner("new"); err == nil {
		t.Error("a bucket was made by those who may not")
	}
}

// TestCallsOfRoomsCarryConditionKeys lets a user do things with one key's value alone.
func TestCallsOfRoomsCarryConditionKeys(t *testing.T) {
	p := withPeople(t)
	s := p.Store
	must(t, s.PutOwnership(ctx, root, "lake", ObjectWriter))
	must(t, write(s, root, "k", ""))
	list := func(c access.Caller, in ListInput) error { _, err := s.List(ctx, c, "lake", in); return err }
	put := func(c access.Caller, in PutInput) error {
		in.Bucket, in.Key, in.Body, in.Size = "lake", "new", strings.NewReader("x"), 1
		_, err := s.Put(ctx, c, in)
		return err
	}
	duplicate := func(c access.Caller, key string) error {
		_, err := s.Copy(ctx, c, CopySource{Bucket: "lake", Key: key}, PutInput{Bucket: "lake", Key: "copy"}, false)
		return err
	}
	must(t, write(s, root, "other", ""))
	for i, row := range []struct {
		key, value string
		with, not  func(c access.Caller) error
	}{
		{"s3:prefix", "a/", func(c access.Caller) error { return list(c, ListInput{Prefix: "a/"}) }, func(c access.Caller) error { return list(c, ListInput{Prefix: "b/"}) }},
		{"s3:delimiter", "/", func(c access.Caller) error { return list(c, ListInput{Delimiter: "/"}) }, func(c access.Caller) error { return list(c, ListInput{}) }},
		{"s3:max-keys", "5", func(c access.Caller) error { return list(c, ListInput{Max: 5}) }, func(c access.Caller) error { return list(c, ListInput{Max: 6}) }},
		{"s3:x-amz-acl", "private", func(c access.Caller) error { return s.PutObjectACL(ctx, c, "lake", "k", "private") }, func(c access.Caller) error { return s.PutObjectACL(ctx, c, "lake", "k", "bucket-owner-read") }},
		{"s3:x-amz-acl", "private", func(c access.Caller) error { return s.PutBucketACL(ctx, c, "lake", "private") }, func(c access.Caller) error { return s.PutBucketACL(ctx, c, "lake", "log-delivery-write") }},
		{"s3:x-amz-server-side-encryption", "AES256", func(c access.Caller) error { return put(c, PutInput{Encryption: "AES256"}) }, func(c access.Caller) error { return put(c, PutInput{}) }},
		{"s3:if-match", "*", func(c access.Caller) error { return put(c, PutInput{IfMatch: "*"}) }, func(c access.Caller) error { return put(c, PutInput{}) }},
	} {
		c := p.user(fmt.Sprint("u", i), `{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"StringEquals":{"`+row.key+`":"`+row.value+`"}}}`)
		if err := row.with(c); err != nil {
			t.Errorf("row %d: %s: got %v", i, row.key, err)
		}
		denied(t, fmt.Sprintf("row %d: another %s", i, row.key), row.not(c))
	}
	copier := p.user("copier", `{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"},
		{"Effect":"Allow","Action":"s3:PutObject","Resource":"*","Condition":{"StringEquals":{"s3:x-amz-copy-source":"lake/k"}}}`)
	must(t, duplicate(copier, "k"))
	denied(t, "a copy of another object", duplicate(copier, "other"), "s3:PutObject")
}
