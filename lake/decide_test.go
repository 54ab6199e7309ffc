package lake

import (
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"flowlake/access"
	"flowlake/access/identity"
	"flowlake/fault"
	"flowlake/state"
)

// people is a lake in a house with identities.
type people struct {
	*Store
	t     testing.TB
	ids   *identity.Store
	guard *access.Guard
}

func withPeople(t testing.TB) *people {
	t.Helper()
	dir := t.TempDir()
	st, err := state.Open(filepath.Join(dir, "state"))
	must(t, err)
	seal, err := identity.OpenSeal(filepath.Join(dir, "config", "key"))
	must(t, err)
	ids, err := identity.Open(st, account, seal, slog.New(slog.DiscardHandler))
	must(t, err)
	guard := access.OpenGuard(access.GuardConfig{Account: account, Identities: ids, Log: slog.New(slog.DiscardHandler)})
	s, err := Open(Config{Dir: filepath.Join(dir, "lake")}, st, guard, slog.New(slog.DiscardHandler))
	must(t, err)
	t.Cleanup(func() { s.Close(); st.Close() })
	must(t, s.CreateBucket(ctx, root, "lake"))
	return &people{s, t, ids, guard}
}

// user makes a user, with a policy unless that is empty, and returns them as a caller.
func (p *people) user(name, statements string) access.Caller {
	p.t.Helper()
	_, err := p.ids.Create(ctx, identity.User, identity.New{Name: name})
	must(p.t, err)
	if statements != "" {
		must(p.t, p.ids.PutInline(ctx, identity.User, name, "own", `{"Version":"2012-10-17","Statement":[`+statements+`]}`))
	}
	c, err := p.guard.CallerOf(ctx, "arn:aws:iam::"+account+":user/"+name, "us-east-1")
	must(p.t, err)
	return c
}

func (p *people) policy(statements string) {
	p.t.Helper()
	must(p.t, p.PutBucketPolicy(ctx, root, "lake", `{"Version":"2012-10-17","Statement":[`+statements+`]}`))
}

func denied(t *testing.T, what string, err error, words ...string) {
	t.Helper()
	if !fault.Is(err, fault.Denied) {
		t.Errorf("%s: got %v", what, err)
		return
	}
	for _, w := range words {
		if !strings.Contains(access.Explain(err), w) {
			t.Errorf("%s: got %s, want %q in it", what, access.Explain(err), w)
		}
	}
}

func write(s *Store, c access.Caller, key, acl string) error {
	_, err := s.Put(ctx, c, PutInput{Bucket: "lake", Key: key, Body: strings.NewReader("x"), Size: 1, ACL: acl})
	return err
}

func read(s *Store, c access.Caller, key string) error {
	_, err := s.Head(ctx, c, "lake", key)
	return err
}

func TestBucketPolicyDecides(t *testing.T) {
	p := withPeople(t)
	s := p.Store
	must(t, write(s, root, "in/k", ""))
	ana := p.user("ana", "")
	bo := p.user("bo", `{"Effect":"Allow","Action":"s3:*","Resource":"*"}`)
	t.Run("who has no policy is refused, and learns what is missing", func(t *testing.T) {
		denied(t, "read", read(s, ana, "in/k"), "no identity-based policy allows the s3:GetObject action", "arn:aws:s3:::lake/in/k", "user ana")
		must(t, read(s, bo, "in/k"))
	})
	t.Run("the bucket's policy alone lets in whom it names", func(t *testing.T) {
		p.policy(`{"Effect":"Allow","Principal":{"AWS":"` + ana.Principal + `"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::lake/in/*"},
			{"Effect":"Allow","Principal":{"AWS":"` + ana.Principal + `"},"Action":"s3:ListBucket","Resource":"arn:aws:s3:::lake","Condition":{"StringLike":{"s3:prefix":"in/*"}}}`)
		must(t, read(s, ana, "in/k"))
		denied(t, "another folder", read(s, ana, "out/k"), "s3:GetObject")
		denied(t, "write", write(s, ana, "in/k", ""), "s3:PutObject")
		_, err := s.List(ctx, ana, "lake", ListInput{Prefix: "in/"})
		must(t, err)
		_, err = s.List(ctx, ana, "lake", ListInput{})
		denied(t, "a listing of everything", err, "s3:ListBucket")
		_, err = s.List(ctx, ana, "lake", ListInput{Prefix: "out/"})
		denied(t, "a listing of another folder", err, "s3:ListBucket")
		denied(t, "an object that is not there, of which no list may tell", read(s, ana, "in/none"), "s3:ListBucket")
		if err := read(s, bo, "in/none"); !fault.Is(err, fault.NotFound) {
			t.Errorf("who may list: got %v", err)
		}
	})
	t.Run("a user who is made again under the name is another", func(t *testing.T) {
		must(t, p.ids.Delete(ctx, identity.User, "ana"))
		denied(t, "the old one", read(s, ana, "in/k"))
		again := p.user("ana", "")
		denied(t, "the new one", read(s, again, "in/k"), "s3:GetObject")
		text, err := s.BucketPolicy(ctx, root, "lake")
		if err != nil || strings.Contains(text, ana.Principal) || !strings.Contains(text, ana.ID) {
			t.Errorf("got %s, %v", text, err)
		}
		must(t, s.AddStatements(ctx, root, "lake", Statement{Sid: "More", Effect: "Allow", Principal: map[string]string{"Service": "delivery.logs.amazonaws.com"},
			Action: []string{"s3:GetBucketAcl"}, Resource: "arn:aws:s3:::lake"}))
		denied(t, "the new one, after a service added statements", read(s, again, "in/k"), "s3:GetObject")
		p.policy(`{"Effect":"Allow","Principal":{"AWS":"` + again.Principal + `"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::lake/in/*"}`)
		must(t, read(s, again, "in/k"))
		denied(t, "the old one, though its name is in the policy", read(s, ana, "in/k"))
	})
	t.Run("so it is with whom a denial excepts", func(t *testing.T) {
		all := `{"Effect":"Allow","Action":"s3:*","Resource":"*"}`
		max := p.user("max", all)
		p.policy(`{"Effect":"Deny","NotPrincipal":{"AWS":["` + max.Principal + `","` + account + `"]},"Action":"s3:GetObject","Resource":"arn:aws:s3:::lake/in/*"}`)
		must(t, read(s, max, "in/k"))
		denied(t, "another", read(s, bo, "in/k"), "explicit deny")
		must(t, p.ids.DeleteInline(ctx, identity.User, "max", "own"))
		must(t, p.ids.Delete(ctx, identity.User, "max"))
		denied(t, "the one who has the name now", read(s, p.user("max", all), "in/k"), "explicit deny")
	})
	t.Run("a denial outweighs everything, root's rights too", func(t *testing.T) {
		p.policy(`{"Sid":"Nobody","Effect":"Deny","Principal":"*","Action":"s3:*","Resource":["arn:aws:s3:::lake","arn:aws:s3:::lake/*"]}`)
		denied(t, "bo", read(s, bo, "in/k"), "explicit deny in a resource-based policy", "Nobody")
		denied(t, "root", read(s, root, "in/k"), "explicit deny in a resource-based policy")
		denied(t, "bo, who would mend it", s.DeleteBucketPolicy(ctx, bo, "lake"))
		if _, err := s.BucketPolicy(ctx, root, "lake"); err != nil {
			t.Error(err)
		}
		must(t, s.DeleteBucketPolicy(ctx, root, "lake"))
		must(t, read(s, bo, "in/k"))
	})
	t.Run("an ACL header needs its own permission", func(t *testing.T) {
		cy := p.user("cy", `{"Effect":"Allow","Action":"s3:PutObject","Resource":"arn:aws:s3:::lake/*"}`)
		must(t, write(s, cy, "k", ""))
		denied(t, "with an ACL", write(s, cy, "k", "bucket-owner-full-control"), "s3:PutObjectAcl")
	})
	t.Run("whoever may set an ACL learns of what is not there as whoever may read", func(t *testing.T) {
		must(t, s.PutOwnership(ctx, root, "lake", ObjectWriter))
		eve := p.user("eve", `{"Effect":"Allow","Action":"s3:PutObjectAcl","Resource":"arn:aws:s3:::lake/*"}`)
		must(t, s.PutObjectACL(ctx, eve, "lake", "k", "private"))
		denied(t, "one that is not there", s.PutObjectACL(ctx, eve, "lake", "none", "private"), "s3:ListBucket")
		must(t, s.PutOwnership(ctx, root, "lake", BucketOwnerEnforced))
	})
	t.Run("a policy that wants conditional writes lets uploads begin", func(t *testing.T) {
		p.policy(`{"Effect":"Deny","Principal":"*","Action":"s3:PutObject","Resource":"arn:aws:s3:::lake/once/*",
			"Condition":{"Null":{"s3:if-none-match":"true"},"Bool":{"s3:ObjectCreationOperation":"true"}}}`)
		denied(t, "without the condition", write(s, bo, "once/k", ""), "explicit deny")
		_, err := s.Put(ctx, bo, PutInput{Bucket: "lake", Key: "once/k", Body: strings.NewReader("x"), Size: 1, IfNoneMatch: true})
		must(t, err)
		u, err := s.CreateUpload(ctx, bo, PutInput{Bucket: "lake", Key: "once/m"})
		must(t, err)
		r := UploadRef{"lake", "once/m", u.ID}
		part, err := s.UploadPart(ctx, bo, r, PartInput{Number: 1, Body: strings.NewReader("x"), Size: 1})
		must(t, err)
		in := Completion{Size: -1, Parts: []CompletePart{{Number: 1, ETag: part.ETag}}}
		_, err = s.CompleteUpload(ctx, bo, r, in)
		denied(t, "a completion without the condition", err, "explicit deny")
		in.IfNoneMatch = true
		_, err = s.CompleteUpload(ctx, bo, r, in)
		must(t, err)
		must(t, s.DeleteBucketPolicy(ctx, root, "lake"))
	})
	t.Run("the list of buckets is allowed on everything and on every bucket", func(t *testing.T) {
		for name, resource := range map[string]string{"all": "*", "s3": "arn:aws:s3:::*"} {
			_, err := s.Buckets(ctx, p.user(name, `{"Effect":"Allow","Action":"s3:ListAllMyBuckets","Resource":"`+resource+`"}`))
			must(t, err)
		}
		_, err := s.Buckets(ctx, p.user("one", `{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::lake"}`))
		denied(t, "who may one bucket", err, "s3:ListAllMyBuckets", `"Resource": "arn:aws:s3:::*"`)
	})
	t.Run("what was asked of one prefix in a request is not an answer for all", func(t *testing.T) {
		fay := p.user("fay", `{"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::lake","Condition":{"StringLike":{"s3:prefix":"in/*"}}}`)
		r := &access.Request{ID: "r"}
		within := access.WithRequest(ctx, r)
		r.Admit()
		_, err := s.List(within, fay, "lake", ListInput{Prefix: "in/"})
		must(t, err)
		_, err = s.List(within, fay, "lake", ListInput{})
		denied(t, "everything", err, "s3:ListBucket")
	})
	t.Run("the account of the bucket can be a condition", func(t *testing.T) {
		gus := p.user("gus", `{"Effect":"Allow","Action":"s3:ListBucket","Resource":"*","Condition":{"StringEquals":{"s3:ResourceAccount":"`+account+`"}}}`)
		_, err := s.List(ctx, gus, "lake", ListInput{})
		must(t, err)
	})
	t.Run("parts are asked for with the ACL of their upload", func(t *testing.T) {
		di := p.user("di", `{"Effect":"Allow","Action":["s3:PutObject","s3:PutObjectAcl"],"Resource":"arn:aws:s3:::lake/*","Condition":{"StringEquals":{"s3:x-amz-acl":"bucket-owner-full-control"}}}`)
		_, err := s.CreateUpload(ctx, di, PutInput{Bucket: "lake", Key: "m"})
		denied(t, "without it", err)
		u, err := s.CreateUpload(ctx, di, PutInput{Bucket: "lake", Key: "m", ACL: "bucket-owner-full-control"})
		must(t, err)
		r := UploadRef{"lake", "m", u.ID}
		part, err := s.UploadPart(ctx, di, r, PartInput{Number: 1, Body: strings.NewReader("x"), Size: 1})
		must(t, err)
		_, err = s.CompleteUpload(ctx, di, r, Completion{Size: -1, Parts: []CompletePart{{Number: 1, ETag: part.ETag}}})
		must(t, err)
	})
}

func TestACLsDecide(t *testing.T) {
	p := withPeople(t)
	s := p.Store
	ana := p.user("ana", "")
	must(t, write(s, root, "k", ""))
	must(t, write(s, root, "shared", ""))
	must(t, s.PutOwnership(ctx, root, "lake", ObjectWriter))
	must(t, s.PutPublicAccess(ctx, root, "lake", nil))
	must(t, s.PutObjectACL(ctx, root, "lake", "shared", "authenticated-read"))
	must(t, read(s, ana, "shared"))
	denied(t, "a private one", read(s, ana, "k"), "s3:GetObject")
	_, err := s.List(ctx, ana, "lake", ListInput{})
	denied(t, "the list", err, "s3:ListBucket")
	must(t, s.PutBucketACL(ctx, root, "lake", "public-read"))
	_, err = s.List(ctx, ana, "lake", ListInput{})
	must(t, err)
	denied(t, "a write", write(s, ana, "new", ""), "s3:PutObject")
	must(t, s.PutBucketACL(ctx, root, "lake", "public-read-write"))
	must(t, write(s, ana, "new", ""))
	must(t, s.PutPublicAccess(ctx, root, "lake", &PublicAccess{IgnorePublicACLs: true}))
	denied(t, "ignored", read(s, ana, "shared"), "s3:GetObject")
	must(t, s.PutPublicAccess(ctx, root, "lake", nil))
	must(t, s.PutBucketACL(ctx, root, "lake", "private"))
	must(t, s.PutOwnership(ctx, root, "lake", BucketOwnerEnforced))
	denied(t, "enforced", read(s, ana, "shared"), "s3:GetObject")
}

func TestServicesAskAsThemselves(t *testing.T) {
	p := withPeople(t)
	s := p.Store
	logs := access.ServicePrincipal(account, "us-east-1", "logs.us-east-1.amazonaws.com", "arn:aws:logs:us-east-1:"+account+":log-group:g:*")
	_, _, err := s.BucketACL(ctx, logs, "lake")
	denied(t, "without a policy", err, "s3:GetBucketAcl", `"Service": "logs.us-east-1.amazonaws.com"`, "bucket policy")
	must(t, s.PutBucketPolicy(ctx, root, "lake", seedPolicy))
	_, _, err = s.BucketACL(ctx, logs, "lake")
	must(t, err)
	must(t, write(s, logs, "p/k", "bucket-owner-full-control"))
	denied(t, "without the ACL", write(s, logs, "p/k", ""), "s3:PutObject")
	denied(t, "outside of the prefix", write(s, logs, "q/k", "bucket-owner-full-control"), "s3:PutObject")
	denied(t, "a read", read(s, logs, "p/k"), "s3:GetObject")
	logs.Principal, logs.Service = "logs.eu-west-1.amazonaws.com", "logs.eu-west-1.amazonaws.com"
	denied(t, "another region's", write(s, logs, "p/k", "bucket-owner-full-control"), "logs.eu-west-1.amazonaws.com")
}
