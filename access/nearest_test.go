package access

import (
	"strings"
	"testing"

	"flowlake/access/policy"
)

// TestARefusalNamesTheNearestStatement has a policy for one bucket and a script that writes to another, as people write
// them: the one line says which statement was meant to allow it.
func TestARefusalNamesTheNearestStatement(t *testing.T) {
	h := open(t)
	for _, bucket := range []string{"athena-query-result", "vpc-flow-log-query"} {
		h.buckets[bucket] = nil
	}
	h.buckets["exports"] = must(policy.Parse(policy.Resource, document(`{"Sid":"Acl","Effect":"Allow","Principal":{"Service":"logs.us-east-1.amazonaws.com"},
		"Action":"s3:PutObject","Resource":"arn:aws:s3:::exports/*","Condition":{"StringEquals":{"s3:x-amz-acl":"bucket-owner-full-control"}}}`)))(t)
	role := h.role(t, "lambda", trusts("lambda.amazonaws.com"),
		`{"Sid":"VisualEditor0","Effect":"Allow","Action":["s3:PutObject","s3:GetObject"],"Resource":"arn:aws:s3:::athena-query-result/*"}`)
	lambda := must(h.Assume(t.Context(), ServicePrincipal(account, region, "lambda.amazonaws.com", ""), role, "run"))(t)
	ana := h.user(t, "ana", `{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}`)
	guarded := h.role(t, "guarded", `{"Sid":"Partner","Effect":"Allow","Principal":{"AWS":"`+account+`"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"sts:ExternalId":"s3cr3t-id"}}}`)
	tagging := h.role(t, "tagging", strings.ReplaceAll(trusts("glue.amazonaws.com"), "sts:AssumeRole", "sts:TagSession"))

	for _, tt := range []struct {
		name, action, resource string
		caller                 Caller
		entries                []policy.Entry
		want, not              string
	}{
		{"another bucket", "s3:PutObject", "arn:aws:s3:::vpc-flow-log-query/result.csv", lambda, nil,
			"because no identity-based policy allows the s3:PutObject action\n\nNearest: statement 1 (VisualEditor0) of inline policy may of role lambda allows it on arn:aws:s3:::athena-query-result/*.\nThis would allow it, in an identity policy of role lambda:\n", "Decided by"},
		{"an action that no statement is about", "s3:DeleteObject", "arn:aws:s3:::athena-query-result/result.csv", lambda, nil,
			"action\n\nThis would allow it", "Nearest"},
		{"a condition", "s3:PutObject", "arn:aws:s3:::exports/k", ServicePrincipal(account, region, "logs.us-east-1.amazonaws.com", ""), nil,
			"Nearest: statement 1 (Acl) of bucket policy of exports allows it where StringEquals s3:x-amz-acl is bucket-owner-full-control; the request has no s3:x-amz-acl.", ""},
		{"an external id stays with those who know it", "sts:AssumeRole", guarded, ana, []policy.Entry{{Key: "sts:ExternalId", Values: []string{"guess"}}},
			"statement 1 (Partner) of trust policy of role guarded allows it where StringEquals sts:ExternalId is what the policy says; the request has guess.", "s3cr3t"},
	} {
		v, err := h.Decide(t.Context(), tt.caller, tt.action, tt.resource, tt.entries...)
		if err != nil || v.Allowed {
			t.Fatalf("%s: got %+v, %v", tt.name, v, err)
		}
		text := Explain(v.Refusal)
		if !strings.Contains(text, tt.want) || tt.not != "" && strings.Contains(text+v.Refusal.Error()+v.Refusal.Reason(), tt.not) {
			t.Errorf("%s: got %s\nwant %s", tt.name, text, tt.want)
		}
		if strings.Contains(v.Refusal.Error(), "\n") || strings.Contains(text, "Nearest") != strings.Contains(v.Refusal.Error(), " allows it ") {
			t.Errorf("%s: in one line: %s", tt.name, v.Refusal)
		}
	}
	if err := h.PassRole(t.Context(), Root(account, region), "RoleARN", tagging, "glue.amazonaws.com"); err == nil {
		t.Error("a role is handed to a service that may only tag its sessions")
	}
}

// TestWhatASessionIsTaggedWithCounts: a session's tag is put over its role's, whatever the case of its key.
func TestWhatASessionIsTaggedWithCounts(t *testing.T) {
	var s sessions
	for range 20 { // a map's order would tell
		tags := must(s.tagged(map[string]string{"Team": "blue", "cost": "1"}, `{"team":"red"}`))(t)
		g := globals{caller: Caller{Account: account, Principal: "arn:aws:sts::" + account + ":assumed-role/r/s", Role: "r"}, tags: tags}
		if got := g.find("aws:principaltag/team"); len(tags) != 2 || len(got) != 1 || got[0] != "red" {
			t.Fatalf("got %v of %v", got, tags)
		}
	}
}

// TestAServicesSessionHasNoClientsAddress: what a service does as its role in somebody's request does not come from their
// address.
func TestAServicesSessionHasNoClientsAddress(t *testing.T) {
	request := &Request{SourceIP: "10.1.2.3", UserAgent: "cli"}
	session := Caller{Account: account, Principal: "arn:aws:sts::" + account + ":assumed-role/r/s", Role: "r", Session: "s"}
	signed := session
	signed.AccessKey = "ASIAX"
	for name, tt := range map[string]struct {
		caller Caller
		want   int // values
		secure string
	}{
		"a user": {Caller{Account: account, Principal: "arn:aws:iam::" + account + ":user/ana"}, 1, "false"}, "a session's key": {signed, 1, "false"},
		"a service's session": {session, 0, "true"}, "a user through a service": {signed.Via("athena.amazonaws.com", ""), 0, "true"},
	} {
		g := globals{caller: tt.caller, request: request}
		if ip, agent, secure := g.find("aws:sourceip"), g.find("aws:useragent"), g.find("aws:securetransport"); len(ip) != tt.want || len(agent) != tt.want || secure[0] != tt.secure {
			t.Errorf("%s: got %v, %v, %v", name, ip, agent, secure)
		}
	}
}
