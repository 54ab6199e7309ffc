package lake

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"strings"
	"testing"

	"flowlake/fault"
	"flowlake/state"
)

const seedPolicy = `{"Version":"2012-10-17","Statement":[
 {"Effect":"Allow","Principal":{"Service":"logs.us-east-1.amazonaws.com"},"Action":"s3:GetBucketAcl","Resource":"arn:aws:s3:::lake"},
 {"Effect":"Allow","Principal":{"Service":"logs.us-east-1.amazonaws.com"},"Action":"s3:PutObject","Resource":"arn:aws:s3:::lake/p/*",
  "Condition":{"StringEquals":{"s3:x-amz-acl":"bucket-owner-full-control"}}}]}`

func TestBucketSettings(t *testing.T) {
	s := openLake(t)
	t.Run("a new bucket blocks public access, has no ACLs, and is encrypted", func(t *testing.T) {
		p, err := s.PublicAccess(ctx, root, "lake")
		if err != nil || p != (PublicAccess{true, true, true, true}) {
			t.Errorf("got %+v, %v", p, err)
		}
		if o, err := s.Ownership(ctx, root, "lake"); err != nil || o != BucketOwnerEnforced {
			t.Errorf("got %s, %v", o, err)
		}
		if e, err := s.Encryption(ctx, root, "lake"); err != nil || e.Algorithm != "AES256" {
			t.Errorf("got %+v, %v", e, err)
		}
		_, err = s.BucketPolicy(ctx, root, "lake")
		wantKind(t, err, fault.NotFound, "bucket policy")
		_, err = s.PolicyStatus(ctx, root, "lake")
		wantKind(t, err, fault.NotFound, "bucket policy")
		_, err = s.BucketTags(ctx, root, "lake")
		wantKind(t, err, fault.NotFound, "tag set")
	})
	t.Run("what is deleted is not there", func(t *testing.T) {
		must(t, s.PutPublicAccess(ctx, root, "lake", nil))
		must(t, s.PutOwnership(ctx, root, "lake", ""))
		_, err := s.PublicAccess(ctx, root, "lake")
		wantKind(t, err, fault.NotFound, "public access block")
		_, err = s.Ownership(ctx, root, "lake")
		wantKind(t, err, fault.NotFound, "ownership controls")
	})
	t.Run("another algorithm is refused by name", func(t *testing.T) {
		wantKind(t, s.PutEncryption(ctx, root, "lake", Encryption{Algorithm: "aws:kms"}), fault.Unsupported, "encryption aws:kms")
		must(t, s.PutEncryption(ctx, root, "lake", Encryption{Algorithm: "AES256", BucketKey: true}))
	})
	t.Run("everything is there again after a restart", func(t *testing.T) {
		must(t, s.PutBucketPolicy(ctx, root, "lake", seedPolicy))
		must(t, s.PutBucketTags(ctx, root, "lake", map[string]string{"team": "net"}))
		must(t, s.PutBucketACL(ctx, root, "lake", "log-delivery-write"))
		before, _ := s.buckets.get("lake")
		again := &bucketDoc{}
		text, err := json.Marshal(before)
		must(t, err)
		must(t, json.Unmarshal(text, again))
		must(t, again.compile())
		if !reflect.DeepEqual(again.Settings, before.Settings) || again.Bucket != before.Bucket || again.policy.Text() != seedPolicy {
			t.Errorf("got %+v, want %+v", again, before)
		}
	})
	t.Run("documents of before there were settings have the defaults", func(t *testing.T) {
		old := &bucketDoc{}
		must(t, json.Unmarshal([]byte(`{"name":"old","owner":"1","region":"r","created":"2026-01-01T00:00:00Z","acl":"public-read"}`), old))
		must(t, old.compile())
		if old.set().Ownership != BucketOwnerEnforced || old.inForce != nil || len(old.shown(old.ACL)) != 1 {
			t.Errorf("got %+v", old)
		}
	})
}

func TestACL(t *testing.T) {
	s := openLake(t)
	put(t, s, "k", "x")
	t.Run("none counts in a bucket whose owner is enforced", func(t *testing.T) {
		for _, acl := range []string{"private", "public-read", "bucket-owner-full-control"} {
			wantKind(t, s.PutBucketACL(ctx, root, "lake", acl), fault.Invalid, "acl of bucket")
			wantKind(t, s.PutObjectACL(ctx, root, "lake", "k", acl), fault.Invalid, "acl of bucket")
		}
		for acl, want := range map[string]bool{"": true, "private": true, "bucket-owner-full-control": true, "bucket-owner-read": false,
			"public-read": false, "log-delivery-write": false} {
			in := PutInput{Bucket: "lake", Key: "new", Body: strings.NewReader(""), ACL: acl}
			_, err := s.Put(ctx, root, in)
			_, uerr := s.CreateUpload(ctx, root, in)
			if (err == nil) != want || (uerr == nil) != want || !want && !fault.HasNoun(err, "acl of bucket") {
				t.Errorf("%s: got %v, %v", acl, err, uerr)
			}
		}
		wantKind(t, s.MakeBucket(ctx, root, NewBucket{Name: "public", ACL: "public-read"}), fault.Invalid, "bucket acl")
		must(t, s.MakeBucket(ctx, root, NewBucket{Name: "private", ACL: "private"}))
		must(t, s.MakeBucket(ctx, root, NewBucket{Name: "owners", ACL: "bucket-owner-read"}))
	})
	must(t, s.PutOwnership(ctx, root, "lake", BucketOwnerPreferred))
	t.Run("public ones are blocked until the block is gone", func(t *testing.T) {
		wantKind(t, s.PutBucketACL(ctx, root, "lake", "public-read"), fault.Denied, "principal")
		wantKind(t, s.PutObjectACL(ctx, root, "lake", "k", "authenticated-read"), fault.Denied, "principal")
		_, err := s.Put(ctx, root, PutInput{Bucket: "lake", Key: "new", Body: strings.NewReader(""), ACL: "public-read"})
		if wantKind(t, err, fault.Denied, "principal"); err == nil || !strings.Contains(err.Error(), "BlockPublicAcls") {
			t.Errorf("got %v", err)
		}
		wantKind(t, s.MakeBucket(ctx, root, NewBucket{Name: "public", ACL: "public-read", Ownership: ObjectWriter}), fault.Invalid, "public acl")
		must(t, s.PutPublicAccess(ctx, root, "lake", nil))
		must(t, s.PutBucketACL(ctx, root, "lake", "public-read-write"))
		must(t, s.PutObjectACL(ctx, root, "lake", "k", "public-read"))
	})
	t.Run("grants are shown, and nothing else of the object changes", func(t *testing.T) {
		owner, grants, err := s.BucketACL(ctx, root, "lake")
		if err != nil || owner != account || fmt.Sprint(grants) != fmt.Sprint([]Grant{{account, "FULL_CONTROL"}, {AllUsers, "READ"}, {AllUsers, "WRITE"}}) {
			t.Errorf("got %s %v, %v", owner, grants, err)
		}
		_, grants, err = s.ObjectACL(ctx, root, "lake", "k")
		if err != nil || len(grants) != 2 || grants[1] != (Grant{AllUsers, "READ"}) {
			t.Errorf("got %v, %v", grants, err)
		}
		if got := get(t, s, "k"); got != "x" {
			t.Errorf("got %q", got)
		}
		wantKind(t, s.PutObjectACL(ctx, root, "lake", "none", "private"), fault.NotFound, "object")
	})
	t.Run("they stand behind the policy's statements in decisions", func(t *testing.T) {
		must(t, s.PutBucketPolicy(ctx, root, "lake", seedPolicy))
		count := func(arn string) int {
			_, doc, err := s.ResourcePolicy(ctx, arn)
			must(t, err)
			var d document
			must(t, json.Unmarshal([]byte(doc.Text()), &d))
			return len(d.Statement)
		}
		put(t, s, "plain", "x")
		for arn, want := range map[string]int{"arn:aws:s3:::lake": 4, "arn:aws:s3:::lake/k": 5, "arn:aws:s3:::lake/plain": 4, "arn:aws:s3:::lake/none": 4} {
			if got := count(arn); got != want {
				t.Errorf("%s: %d statements, want %d", arn, got, want)
			}
		}
		must(t, s.PutPublicAccess(ctx, root, "lake", &PublicAccess{IgnorePublicACLs: true}))
		if got := count("arn:aws:s3:::lake/k"); got != 2 {
			t.Errorf("ignored ACLs count: %d statements", got)
		}
		if owner, doc, err := s.ResourcePolicy(ctx, "arn:aws:s3:::no-such-bucket/k"); owner != "" || doc != nil || err != nil {
			t.Errorf("got %s, %v, %v", owner, doc, err)
		}
	})
	t.Run("a bucket whose ACL grants something cannot be enforced", func(t *testing.T) {
		wantKind(t, s.PutOwnership(ctx, root, "lake", BucketOwnerEnforced), fault.Invalid, "bucket acl")
		must(t, s.PutBucketACL(ctx, root, "lake", "private"))
		must(t, s.PutOwnership(ctx, root, "lake", BucketOwnerEnforced))
		if _, grants, err := s.ObjectACL(ctx, root, "lake", "k"); err != nil || len(grants) != 1 {
			t.Errorf("got %v, %v", grants, err)
		}
	})
	t.Run("canned ACLs and their grants are told from each other", func(t *testing.T) {
		for _, acl := range []string{"private", "public-read", "public-read-write", "authenticated-read", "log-delivery-write"} {
			if got, ok := CannedFor(Grants(acl, account), account); !ok || got != acl {
				t.Errorf("%s: got %s, %v", acl, got, ok)
			}
		}
		if got, ok := CannedFor([]Grant{{"999999999999", "READ"}}, account); ok {
			t.Errorf("got %s", got)
		}
		wantKind(t, CheckACL("open"), fault.Invalid, "canned acl")
		wantKind(t, CheckACL("aws-exec-read"), fault.Unsupported, "canned acl")
	})
}

// TestBucketPolicyIsChecked is S3's checks beyond the grammar.
func TestBucketPolicyIsChecked(t *testing.T) {
	s := openLake(t)
	statement := func(change map[string]string) string {
		parts := map[string]string{"Effect": `"Allow"`, "Principal": `{"Service":"logs.us-east-1.amazonaws.com"}`, "Action": `"s3:PutObject"`, "Resource": `"arn:aws:s3:::lake/*"`}
		maps.Copy(parts, change)
		text, _ := json.Marshal(func() map[string]json.RawMessage {
			out := map[string]json.RawMessage{}
			for k, v := range parts {
				if v != "" {
					out[k] = json.RawMessage(v)
				}
			}
			return out
		}())
		return `{"Version":"2012-10-17","Statement":` + string(text) + `}`
	}
	for _, row := range []struct {
		name, text, want string // "": it is taken
	}{
		{"one statement without a list", statement(nil), ""},
		{"the bucket and its objects", statement(map[string]string{"Action": `["s3:PutObject","s3:GetBucketAcl"]`, "Resource": `["arn:aws:s3:::lake","arn:aws:s3:::lake/p/*"]`}), ""},
		{"wildcards in actions", statement(map[string]string{"Action": `["s3:Get*","S3:list*","*"]`, "Resource": `["arn:aws:s3:::lake","arn:aws:s3:::lake/*"]`}), ""},
		{"root, an account, everybody of it", statement(map[string]string{"Principal": `{"AWS":["123456789012","arn:aws:iam::123456789012:root","arn:aws:iam::999999999999:role/theirs"]}`}), ""},
		{"a variable in a key", statement(map[string]string{"Resource": `"arn:aws:s3:::lake/home/${aws:username}/*"`}), ""},
		{"S3's condition keys in any case", statement(map[string]string{"Condition": `{"StringEquals":{"S3:X-Amz-Acl":"private","aws:SourceAccount":"1","s3:ExistingObjectTag/a":"b"}}`}), ""},
		{"another bucket's resource", statement(map[string]string{"Resource": `"arn:aws:s3:::lake-2/*"`}), "Policy has invalid resource"},
		{"all resources", statement(map[string]string{"Resource": `"*"`}), "Policy has invalid resource"},
		{"another service's action", statement(map[string]string{"Action": `"logs:PutLogEvents"`}), "Policy has invalid action"},
		{"no action of S3", statement(map[string]string{"Action": `"s3:PutObjekt"`}), "Policy has invalid action"},
		{"a bucket's action on objects", statement(map[string]string{"Action": `"s3:GetBucketAcl"`}), "Action does not apply to any resource(s) in statement"},
		{"an object's action on the bucket", statement(map[string]string{"Resource": `"arn:aws:s3:::lake"`}), "Action does not apply to any resource(s) in statement"},
		{"an unknown condition key", statement(map[string]string{"Condition": `{"StringEquals":{"s3:acl":"private"}}`}), "Policy has an invalid condition key"},
		{"another service's condition key", statement(map[string]string{"Condition": `{"StringEquals":{"ec2:Region":"x"}}`}), "Policy has an invalid condition key"},
		{"a user that is not there", statement(map[string]string{"Principal": `{"AWS":"arn:aws:iam::123456789012:user/nobody"}`}), "Invalid principal in policy"},
		{"a principal with a wildcard", statement(map[string]string{"Principal": `{"AWS":"arn:aws:iam::123456789012:user/*"}`}), "Invalid principal in policy"},
		{"a service that is none", statement(map[string]string{"Principal": `{"Service":"logs"}`}), "Invalid principal in policy"},
		{"the bucket and its objects in one", statement(map[string]string{"Resource": `"arn:aws:s3:::lake*"`, "Action": `["s3:GetObject","s3:ListBucket"]`}), ""},
		{"all actions but one of the bucket's, on objects", statement(map[string]string{"Action": "", "NotAction": `"s3:GetBucketAcl"`}), ""},
		{"a bucket's action on all but objects", statement(map[string]string{"Action": `"s3:GetBucketAcl"`, "Resource": "", "NotResource": `"arn:aws:s3:::lake/*"`}), ""},
		{"all but another bucket's objects", statement(map[string]string{"Resource": "", "NotResource": `"arn:aws:s3:::other/*"`}), "Policy has invalid resource"},
		{"all but no action of S3", statement(map[string]string{"Action": "", "NotAction": `"s3:PutObjekt"`}), "Policy has invalid action"},
		{"all but a user that is not there", statement(map[string]string{"Effect": `"Deny"`, "Principal": "", "NotPrincipal": `{"AWS":"arn:aws:iam::123456789012:user/nobody"}`}), "Invalid principal in policy"},
		{"no JSON", `{`, "policy document"},
		{"nothing", ``, "policy document"},
		{"no principal", statement(map[string]string{"Principal": ""}), "policy document"},
		{"more than 20 KB", statement(map[string]string{"Resource": `"arn:aws:s3:::lake/` + strings.Repeat("x", maxPolicy) + `"`}), "Policy exceeds the maximum allowed document size"},
	} {
		t.Run(row.name, func(t *testing.T) {
			err := s.PutBucketPolicy(ctx, root, "lake", row.text)
			if row.want == "" {
				must(t, err)
				if got, err := s.BucketPolicy(ctx, root, "lake"); err != nil || got != row.text {
					t.Errorf("got %s, %v", got, err)
				}
				must(t, s.DeleteBucketPolicy(ctx, root, "lake"))
				return
			}
			if err == nil || !fault.HasNoun(err, "policy document") || !strings.Contains(err.Error(), row.want) {
				t.Errorf("%s\ngot %v, want %s", row.text, err, row.want)
			}
			if _, err := s.BucketPolicy(ctx, root, "lake"); !fault.Is(err, fault.NotFound) {
				t.Errorf("it was stored: %v", err)
			}
		})
	}
	t.Run("a public policy is blocked until the block is gone", func(t *testing.T) {
		open := statement(map[string]string{"Principal": `"*"`, "Action": `"s3:GetObject"`})
		err := s.PutBucketPolicy(ctx, root, "lake", open)
		if wantKind(t, err, fault.Denied, "principal"); err == nil || !strings.Contains(err.Error(), "BlockPublicPolicy") {
			t.Errorf("got %v", err)
		}
		must(t, s.PutPublicAccess(ctx, root, "lake", &PublicAccess{}))
		must(t, s.PutBucketPolicy(ctx, root, "lake", open))
		if public, err := s.PolicyStatus(ctx, root, "lake"); err != nil || !public {
			t.Errorf("got %v, %v", public, err)
		}
		must(t, s.PutBucketPolicy(ctx, root, "lake", seedPolicy))
		if public, err := s.PolicyStatus(ctx, root, "lake"); err != nil || public {
			t.Errorf("the seed's policy is public: %v, %v", public, err)
		}
	})
	t.Run("a service's statements stand behind the others, with Sids of their own", func(t *testing.T) {
		st := Statement{Sid: "Write", Effect: "Allow", Principal: map[string]string{"Service": "delivery.logs.amazonaws.com"},
			Action: []string{"s3:PutObject"}, Resource: "arn:aws:s3:::lake/AWSLogs/*"}
		must(t, s.AddStatements(ctx, root, "lake", st, st))
		open := st
		open.Principal, open.Sid = map[string]string{"AWS": "*"}, ""
		must(t, s.PutPublicAccess(ctx, root, "lake", &PublicAccess{BlockPublicPolicy: true}))
		wantKind(t, s.AddStatements(ctx, root, "lake", open), fault.Denied, "principal")
		must(t, s.PutPublicAccess(ctx, root, "lake", nil))
		text, err := s.BucketPolicy(ctx, root, "lake")
		must(t, err)
		doc, err := split(text)
		if must(t, err); len(doc.Statement) != 4 || !strings.Contains(string(doc.Statement[2]), `"Sid":"Write"`) || !strings.Contains(string(doc.Statement[3]), `"Sid":"Write2"`) {
			t.Errorf("got %s", text)
		}
	})
}

// TestStatementsAreAddedAsTheyAreMeant adds to policies of both versions: in the old one ${…} is text.
func TestStatementsAreAddedAsTheyAreMeant(t *testing.T) {
	for version, want := range map[string]string{"": "2008-10-17", `"Version":"2008-10-17",`: "2008-10-17", `"Version":"2012-10-17",`: "2012-10-17"} {
		doc, err := split(`{` + version + `"Id":"I","Statement":{"Effect":"Deny","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::lake/${aws:username}"}}`)
		must(t, err)
		text, err := doc.with([]Statement{{Effect: "Allow", Principal: map[string]string{"AWS": "123456789012"}, Action: []string{"s3:GetObject"}, Resource: "arn:aws:s3:::lake/*"}})
		must(t, err)
		if !strings.HasPrefix(text, `{"Version":"`+want+`","Id":"I","Statement":[{"Effect":"Deny"`) || strings.Contains(text, `"Sid":"2"`) {
			t.Errorf("%s\ngot %s", version, text)
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestAFailedChangeIsReadBack writes behind the lake's back what a commit that failed may have left.
func TestAFailedChangeIsReadBack(t *testing.T) {
	s := openLake(t)
	must(t, s.state.Update(ctx, func(tx *state.Tx) error {
		set := defaultSettings()
		set.Policy = seedPolicy
		return tx.Put(bucketID("lake"), &bucketDoc{Bucket: Bucket{Name: "lake", Owner: account, Region: "us-east-1"}, Settings: &set})
	}))
	over, cancel := context.WithCancel(ctx)
	cancel()
	if err := s.PutBucketTags(over, root, "lake", map[string]string{"a": "b"}); err == nil {
		t.Fatal("a change that was cancelled is done")
	}
	if text, err := s.BucketPolicy(ctx, root, "lake"); err != nil || text != seedPolicy {
		t.Errorf("got %s, %v", text, err)
	}
	if _, err := s.BucketTags(ctx, root, "lake"); !fault.Is(err, fault.NotFound) {
		t.Errorf("tags: got %v", err)
	}
	if err := s.CreateBucket(over, root, "never"); err == nil {
		t.Fatal("a bucket that was cancelled is made")
	}
	if _, err := s.Owner("never"); !fault.Is(err, fault.NotFound) {
		t.Errorf("got %v", err)
	}
	if err := s.DeleteBucket(over, root, "lake"); err == nil {
		t.Fatal("a removal that was cancelled is done")
	}
	if _, err := s.Owner("lake"); err != nil {
		t.Errorf("got %v", err)
	}
}
