package access

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"flowlake/access/identity"
	"flowlake/access/policy"
	"flowlake/fault"
)

func TestTheGuardDecidesByWhatIsInForce(t *testing.T) {
	h := open(t)
	root := Root(account, region)
	bucketPolicy := must(policy.Parse(policy.Resource, document(
		`{"Sid":"NoDeletes","Effect":"Deny","Principal":"*","Action":"s3:DeleteObject","Resource":"arn:aws:s3:::b/*"}`,
		`{"Sid":"Exports","Effect":"Allow","Principal":{"Service":"logs.us-east-1.amazonaws.com"},"Action":"s3:PutObject","Resource":"arn:aws:s3:::b/logs/*",
		  "Condition":{"StringEquals":{"s3:x-amz-acl":"bucket-owner-full-control","aws:SourceAccount":"`+account+`"},"ArnLike":{"aws:SourceArn":"arn:aws:logs:us-east-1:`+account+`:*"}}}`)))(t)
	h.buckets["b"], h.buckets["locked"] = bucketPolicy, must(policy.Parse(policy.Resource,
		document(`{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":["arn:aws:s3:::locked","arn:aws:s3:::locked/*"]}`)))(t)
	ana := h.user(t, "ana", `{"Effect":"Allow","Action":["s3:GetObject","s3:DeleteObject"],"Resource":"arn:aws:s3:::b/*"}`,
		`{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}`, `{"Effect":"Allow","Action":"logs:*","Resource":"*","Condition":{"Bool":{"aws:ViaAWSService":"true"}}}`,
		`{"Effect":"Allow","Action":"glue:GetTable","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}}`,
		`{"Effect":"Allow","Action":"iam:*","Resource":"arn:aws:iam::123456789012:user/${aws:username}"}`)
	gone := h.user(t, "gone", `{"Effect":"Allow","Action":"*","Resource":"*"}`)
	ok(t, h.store.DeleteInline(t.Context(), identity.User, "gone", "may"))
	ok(t, h.store.Delete(t.Context(), identity.User, "gone"))
	h.user(t, "gone", `{"Effect":"Allow","Action":"*","Resource":"*"}`)
	session := must(h.Assume(t.Context(), ServicePrincipal(account, region, "glue.amazonaws.com", "arn:aws:glue:us-east-1:"+account+":crawler/c"),
		h.role(t, "crawl", trusts("glue.amazonaws.com"), `{"Effect":"Allow","Action":"s3:*","Resource":"*"}`), "crawl c!"))(t)
	narrow := session
	narrow.SessionPolicies = `["{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"s3:GetObject\",\"Resource\":\"*\"}}"]`
	export := ServicePrincipal(account, region, "logs.us-east-1.amazonaws.com", "arn:aws:logs:us-east-1:"+account+":log-group:g:*")
	deputy := export
	deputy.SourceARN = "arn:aws:logs:us-east-1:999999999999:log-group:g:*"
	h.buckets["shared"] = must(policy.Parse(policy.Resource, document(`{"Effect":"Allow","Principal":{"AWS":["arn:aws:iam::999999999999:user/eve","arn:aws:iam::999999999999:root"]},"Action":"s3:*","Resource":"arn:aws:s3:::shared/*"}`)))(t)
	eve := Caller{Account: "999999999999", Region: region, Principal: "arn:aws:iam::999999999999:user/eve"}
	acl := policy.Entry{Key: "s3:x-amz-acl", Values: []string{"bucket-owner-full-control"}}

	for _, tt := range []struct {
		name, action, resource string
		caller                 Caller
		entries                []policy.Entry
		ip                     string
		want                   policy.Reason
		short                  bool   // the refusal gives no reason
		text                   string // in the refusal's explanation
	}{
		{name: "root may", caller: root, action: "s3:GetObject", resource: "arn:aws:s3:::b/k", want: policy.AllowedAsRoot},
		{name: "root is denied by a bucket policy", caller: root, action: "s3:GetObject", resource: "arn:aws:s3:::locked/k", want: policy.ExplicitDeny,
			text: "with an explicit deny in a resource-based policy\n\nDecided by bucket policy of locked, statement 1."},
		{name: "root may mend a bucket policy", caller: root, action: "s3:PutBucketPolicy", resource: "arn:aws:s3:::locked", want: policy.AllowedAsRoot},
		{name: "root of another account", caller: Root("999999999999", region), action: "s3:GetObject", resource: "arn:aws:s3:::b/k", want: policy.NoResourceAllow, text: "User: arn:aws:iam::999999999999:root is not authorized to perform: s3:GetObject on resource: arn:aws:s3:::b/k"},
		{name: "root and another account's resource", caller: root, action: "glue:GetTable", resource: "arn:aws:glue:us-east-1:999999999999:table/d/t", want: policy.NoResourceAllow, short: true, text: "User: arn:aws:iam::123456789012:root is not authorized to perform: glue:GetTable on resource: arn:aws:glue:us-east-1:999999999999:table/d/t"},
		{name: "another account's user whom a bucket's policy names", caller: eve, action: "s3:GetObject", resource: "arn:aws:s3:::shared/k", want: policy.NoResourceAllow, short: true},
		{name: "another account's root whom a bucket's policy names", caller: Root("999999999999", region), action: "s3:GetObject", resource: "arn:aws:s3:::shared/k", want: policy.NoResourceAllow, short: true},
		{name: "a service and another account's resource", caller: export, action: "glue:GetTable", resource: "arn:aws:glue:us-east-1:999999999999:table/d/t", want: policy.NoResourceAllow, short: true},
		{name: "a role that is not there, to who may assume any", caller: ana, action: "sts:AssumeRole", resource: "arn:aws:iam::123456789012:role/nobody", want: policy.NotAuthorizedOther, text: "because there is no such role"},
		{name: "a user with an inline policy", caller: ana, action: "s3:GetObject", resource: "arn:aws:s3:::b/k", want: policy.AllowedByIdentity},
		{name: "a user without", caller: ana, action: "s3:PutObject", resource: "arn:aws:s3:::b/k", want: policy.NoIdentityAllow,
			text: "because no identity-based policy allows the s3:PutObject action\n\nThis would allow it, in an identity policy of user ana:\n{\n"},
		{name: "a bucket policy's deny wins", caller: ana, action: "s3:DeleteObject", resource: "arn:aws:s3:::b/k", want: policy.ExplicitDeny, text: `statement "NoDeletes"`},
		{name: "the user for a service", caller: ana.Via("athena.amazonaws.com", ""), action: "logs:PutLogEvents", resource: "*", want: policy.AllowedByIdentity},
		{name: "the user directly", caller: ana, action: "logs:PutLogEvents", resource: "*", want: policy.NoIdentityAllow},
		{name: "an address", caller: ana, action: "glue:GetTable", resource: "*", ip: "10.1.2.3", want: policy.AllowedByIdentity},
		{name: "another address", caller: ana, action: "glue:GetTable", resource: "*", ip: "11.1.2.3", want: policy.NoIdentityAllow},
		{name: "an address that a service hides", caller: ana.Via("athena.amazonaws.com", ""), action: "glue:GetTable", resource: "*", ip: "10.1.2.3", want: policy.NoIdentityAllow},
		{name: "a variable", caller: ana, action: "iam:CreateAccessKey", resource: "arn:aws:iam::123456789012:user/ana", want: policy.AllowedByIdentity},
		{name: "a variable's other", caller: ana, action: "iam:CreateAccessKey", resource: "arn:aws:iam::123456789012:user/ben", want: policy.NoIdentityAllow},
		{name: "a deleted user whose name another has", caller: gone, action: "s3:GetObject", resource: "arn:aws:s3:::b/k", want: policy.NotAuthorizedOther, text: "does not exist any more"},
		{name: "a role's session", caller: session, action: "s3:PutObject", resource: "arn:aws:s3:::b/k", want: policy.AllowedByIdentity},
		{name: "a role's session, limited", caller: narrow, action: "s3:PutObject", resource: "arn:aws:s3:::b/k", want: policy.NoSessionAllow, text: "because no session policy allows the s3:PutObject action"},
		{name: "a service that the bucket lets in", caller: export, action: "s3:PutObject", resource: "arn:aws:s3:::b/logs/k", entries: []policy.Entry{acl}, want: policy.AllowedByResource},
		{name: "without the ACL", caller: export, action: "s3:PutObject", resource: "arn:aws:s3:::b/logs/k", want: policy.NoResourceAllow, text: "in the bucket policy of b:\n"},
		{name: "beyond the prefix", caller: export, action: "s3:PutObject", resource: "arn:aws:s3:::b/k", entries: []policy.Entry{acl}, want: policy.NoResourceAllow},
		{name: "a confused deputy", caller: deputy, action: "s3:PutObject", resource: "arn:aws:s3:::b/logs/k", entries: []policy.Entry{acl}, want: policy.NoResourceAllow},
		{name: "a service and a bucket without a policy", caller: export, action: "s3:PutObject", resource: "arn:aws:s3:::other/k", want: policy.NoResourceAllow},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ctx := t.Context()
			if tt.ip != "" {
				ctx = WithRequest(ctx, &Request{SourceIP: tt.ip, Secure: true})
			}
			v, err := h.Decide(ctx, tt.caller, tt.action, tt.resource, tt.entries...)
			if err != nil || v.Reason != tt.want || v.Allowed != (v.Refusal == nil) {
				t.Fatalf("got %+v, %v, want reason %d", v, err, tt.want)
			}
			err = h.Allow(ctx, tt.caller, tt.action, tt.resource, tt.entries...)
			if (err == nil) != v.Allowed || err != nil && !fault.Is(err, fault.Denied) {
				t.Errorf("Allow got %v", err)
			}
			if tt.short && (strings.Contains(Explain(err), " because ") || !strings.Contains(v.Refusal.Reason(), " because ")) {
				t.Errorf("got %q", Explain(err))
			}
			if err != nil && !strings.Contains(Explain(err), tt.text) {
				t.Errorf("got %q\nwant %q in it", Explain(err), tt.text)
			}
		})
	}
}

func TestAPrincipalIsGivenWhatIsPrinted(t *testing.T) {
	h := open(t)
	h.buckets["b"] = nil
	ana := h.user(t, "ana")
	question := func() error { return h.Allow(t.Context(), ana, "s3:GetObject", "arn:aws:s3:::b/a*b") }
	r, isRefusal := errors.AsType[*Refusal](question())
	if !isRefusal {
		t.Fatal("she may")
	}
	ok(t, h.store.PutInline(t.Context(), identity.User, "ana", "printed", document(r.Statement)))
	if err := question(); err != nil {
		t.Error(err)
	}
	if err := h.Allow(t.Context(), ana, "s3:GetObject", "arn:aws:s3:::b/acccb"); err == nil {
		t.Error("the statement allows more than was asked")
	}
}

func TestARoleIsHandedOverAndAssumed(t *testing.T) {
	h := open(t)
	ctx := t.Context()
	role := h.role(t, "crawl", trusts("glue.amazonaws.com"))
	bound := h.role(t, "bound", `{"Effect":"Allow","Principal":{"Service":"glue.amazonaws.com"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"aws:SourceArn":"arn:aws:glue:us-east-1:`+account+`:crawler/c"}}}`)
	denying := h.role(t, "denying", trusts("ec2.amazonaws.com")+`,{"Effect":"Deny","Principal":{"Service":"glue.amazonaws.com"},"Action":"sts:AssumeRole","Condition":{"Null":{"aws:SourceArn":"false"}}}`)
	ana := h.user(t, "ana", `{"Effect":"Allow","Action":"iam:PassRole","Resource":"*","Condition":{"StringEquals":{"iam:PassedToService":"glue.amazonaws.com"}}}`)
	ben := h.user(t, "ben")
	glue := ServicePrincipal(account, region, "glue.amazonaws.com", "arn:aws:glue:us-east-1:"+account+":crawler/c")
	other := glue
	other.SourceARN = "arn:aws:glue:us-east-1:" + account + ":crawler/other"

	for _, tt := range []struct {
		name, role, service string
		caller              Caller
		kind                fault.Kind
		want                string // "" for none
	}{
		{"who may", role, "glue.amazonaws.com", ana, 0, ""},
		{"to another service", role, "firehose.amazonaws.com", ana, fault.Denied, "iam:PassRole on resource: " + role},
		{"who may not", role, "glue.amazonaws.com", ben, fault.Denied, `"iam:PassedToService": "glue.amazonaws.com"`},
		{"root to a service that it does not trust", role, "firehose.amazonaws.com", Root(account, region), fault.Invalid, `"Service": "firehose.amazonaws.com"`},
		{"a trust under a condition", bound, "glue.amazonaws.com", ana, 0, ""},
		{"a trust that denies under a condition and allows another", denying, "glue.amazonaws.com", ana, fault.Invalid, "is unable to assume the role"},
		{"a role that is not there", role + "x", "glue.amazonaws.com", ana, fault.Invalid, "there is no such role"},
		{"another account's role", "arn:aws:iam::999999999999:role/crawl", "glue.amazonaws.com", Root(account, region), fault.Denied, "Cross-account pass role is not allowed."},
		{"no role's ARN", "crawl", "glue.amazonaws.com", ana, fault.Invalid, "is not the ARN of a role"},
	} {
		err := h.PassRole(ctx, tt.caller, "RoleARN", tt.role, tt.service)
		if (err != nil) != (tt.want != "") || err != nil && (!fault.Is(err, tt.kind) || !strings.Contains(Explain(err), tt.want)) {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
		}
	}
	as := must(h.Assume(ctx, glue, bound, "crawl"))(t)
	if as.Principal != "arn:aws:sts::"+account+":assumed-role/bound/crawl" || as.Role != bound || as.Service != "" || !strings.HasPrefix(as.ID, "AROA") {
		t.Errorf("got %+v", as)
	}
	for name, err := range map[string]error{
		"another crawler":          second(h.Assume(ctx, other, bound, "crawl")),
		"another service":          second(h.Assume(ctx, ServicePrincipal(account, region, "ec2.amazonaws.com", ""), role, "s")),
		"a role that is not there": second(h.Assume(ctx, glue, role+"x", "s")),
	} {
		if !fault.Is(err, fault.Denied) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	t.Run("a changed trust counts at once", func(t *testing.T) {
		ok(t, h.store.UpdateTrust(ctx, "crawl", document(trusts("ec2.amazonaws.com"))))
		if _, err := h.Assume(ctx, glue, role, "s"); !fault.Is(err, fault.Denied) || !strings.Contains(Explain(err), "in the trust policy of role crawl:\n") {
			t.Errorf("got %v", err)
		}
	})
}

func second[T any](_ T, err error) error { return err }

func TestARequestIsAskedOnce(t *testing.T) {
	h := open(t)
	h.buckets["b"] = nil
	ana := h.user(t, "ana", `{"Effect":"Allow","Action":"s3:ListBucket","Resource":"*","Condition":{"StringLike":{"s3:prefix":"mine/*"}}}`)
	now := time.Now()
	h.now = func() time.Time { return now }
	r := &Request{}
	ctx := WithRequest(t.Context(), r)
	mine, theirs := policy.Entry{Key: "s3:prefix", Values: []string{"mine/a"}}, policy.Entry{Key: "s3:prefix", Values: []string{"theirs/"}}
	ask := func(entries ...policy.Entry) error {
		return h.Allow(ctx, ana, "s3:ListBucket", "arn:aws:s3:::b", entries...)
	}
	if ask() == nil {
		t.Error("allowed without a prefix")
	}
	ok(t, ask(mine))
	if err := ask(); err != nil {
		t.Errorf("the room does not rely on its door: %v", err)
	}
	if ask(theirs) == nil {
		t.Error("other condition keys rely on the door")
	}
	if h.Allow(ctx, ana.Via("athena.amazonaws.com", ""), "s3:ListBucket", "arn:aws:s3:::b") == nil {
		t.Error("another caller relies on the door")
	}
	now = now.Add(rememberFor)
	if ask() == nil {
		t.Error("an answer of long ago counts")
	}
	now = now.Add(rememberFor)
	r.Admit()
	ok(t, ask(mine))
	if ask() == nil {
		t.Error("one room relies on what another asked about less")
	}
	ok(t, ask(mine))
	if n := len(r.End()); n != 5 {
		t.Errorf("got %d refusals in the request, want 5", n)
	}
	if ask() == nil {
		t.Error("a request that is over counts")
	}
}

func TestKeysEndWithTheirPrincipals(t *testing.T) {
	h := open(t)
	ctx := t.Context()
	ana := h.user(t, "ana")
	key, secret, err := h.store.CreateKey(ctx, "ana")
	ok(t, err)
	role := h.role(t, "r", trusts("ec2.amazonaws.com"))
	p := must(h.store.Principal(ctx, role))(t)
	c := must(h.store.Issue(identity.SessionSpec{Principal: sessionARN(account, "r", "s"), PrincipalID: p.ID, Role: role, Session: "s", Duration: time.Hour,
		Tags: []identity.Tag{{Key: "Team", Value: "blue"}}}))(t)

	found, isThere := h.keys.Lookup(key.ID, "")
	if !isThere || found.Secret != secret || found.Inactive || found.Caller.Principal != ana.Principal || found.Caller.ID != ana.ID {
		t.Errorf("got %v, %+v", found, found.Caller)
	}
	found, isThere = h.keys.Lookup(c.ID, c.Token)
	if !isThere || found.Secret != c.Secret || found.Token != c.Token || found.Caller.Role != role || found.Caller.Session != "s" || found.Caller.SessionTags != `{"Team":"blue"}` {
		t.Errorf("got %v, %+v", found, found.Caller)
	}
	if _, isThere := h.keys.Lookup(c.ID, ""); isThere {
		t.Error("a session's key is good without its token")
	}
	ok(t, h.store.SetKeyActive(ctx, "ana", key.ID, false))
	if found, isThere = h.keys.Lookup(key.ID, ""); !isThere || !found.Inactive {
		t.Errorf("an inactive key: got %v, %v", found, isThere)
	}
	ok(t, h.store.DeleteKey(ctx, "ana", key.ID))
	if _, isThere := h.keys.Lookup(key.ID, ""); isThere {
		t.Error("a deleted key is good")
	}
	ok(t, h.store.Delete(ctx, identity.Role, "r"))
	if _, isThere := h.keys.Lookup(c.ID, c.Token); isThere {
		t.Error("the session of a deleted role is good")
	}
	h.role(t, "r", trusts("ec2.amazonaws.com"))
	if _, isThere := h.keys.Lookup(c.ID, c.Token); isThere {
		t.Error("the session is good for another role of the name")
	}
}

func TestBackgroundWorkIsRecorded(t *testing.T) {
	h := open(t)
	h.buckets["b"] = nil
	glue := ServicePrincipal(account, region, "glue.amazonaws.com", "arn:aws:glue:us-east-1:"+account+":crawler/c")
	role := h.role(t, "crawl", trusts("glue.amazonaws.com"), `{"Sid":"Read","Effect":"Allow","Action":"s3:GetObject","Resource":"*"}`)
	for range 3 {
		as := must(h.Assume(t.Context(), glue, role, "crawl"))(t)
		for _, key := range []string{"x", "y"} {
			ok(t, h.Allow(t.Context(), as, "s3:GetObject", "arn:aws:s3:::b/"+key))
		}
		_ = h.Allow(t.Context(), as, "s3:PutObject", "arn:aws:s3:::b/x")
	}
	ok(t, h.log.Close())
	text := string(must(os.ReadFile(filepath.Join(h.dir, "audit.jsonl")))(t))
	for _, want := range []struct {
		name  string
		times int
	}{
		{`"eventName":"AssumeRole"`, 2}, {`"eventName":"GetObject"`, 2}, {`"repeated":5`, 1}, {`"repeated":2`, 2}, {`"eventName":"PutObject"`, 2},
		{`"sid":"Read"`, 2}, {`because no identity-based policy allows the s3:PutObject action`, 4},
		{`"invokedBy":"glue.amazonaws.com"`, 2}, {`"sourceArn":"arn:aws:glue:us-east-1:123456789012:crawler/c"`, 2},
	} {
		if n := strings.Count(text, want.name); n != want.times {
			t.Errorf("got %s %d times, want %d", want.name, n, want.times)
		}
	}
	if t.Failed() {
		t.Log(text)
	}
}
