package policy

import (
	"strings"
	"testing"
)

func TestTheSuggestedStatementAllows(t *testing.T) {
	entry := func(key, value string) Entry { return Entry{Key: key, Values: []string{value}} }
	for _, tt := range []struct {
		name  string
		who   string
		kind  Kind
		r     Request
		p     Policies
		where string
		want  []string // in the statement
		not   Request  // what the statement must not allow
	}{
		{"an identity policy", "ana", Identity, Request{Action: "s3:GetObject", Resource: "arn:aws:s3:::logs/a<b&c.gz"}, Policies{}, "identity-based policy",
			[]string{`"Action": "s3:GetObject"`, `"Resource": "arn:aws:s3:::logs/a<b&c.gz"`}, Request{Action: "s3:GetObject", Resource: "arn:aws:s3:::logs/b"}},
		{"a key with wildcards and a dollar", "ana", Identity, Request{Action: "s3:GetObject", Resource: "arn:aws:s3:::logs/${a}*?"}, Policies{}, "identity-based policy",
			[]string{`${$}{a}${*}${?}`}, Request{Action: "s3:GetObject", Resource: "arn:aws:s3:::logs/${a}xx"}},
		{"no resource", "ana", Identity, Request{Action: "s3:ListAllMyBuckets", Resource: "*"}, Policies{}, "identity-based policy",
			[]string{`"Resource": "*"`}, Request{Action: "s3:CreateBucket", Resource: "*"}},
		{"every bucket", "ana", Identity, Request{Action: "s3:ListAllMyBuckets", Resource: "arn:aws:s3:::*"}, Policies{}, "identity-based policy",
			[]string{`"Resource": "arn:aws:s3:::*"`}, Request{Action: "s3:CreateBucket", Resource: "arn:aws:s3:::b"}},
		{"a key that ends as a group's ARN does", "ana", Identity, Request{Action: "s3:GetObject", Resource: "arn:aws:s3:::logs/a:*"}, Policies{}, "identity-based policy",
			[]string{`logs/a:${*}`}, Request{Action: "s3:GetObject", Resource: "arn:aws:s3:::logs/a:b"}},
		{"a group of logs", "ana", Identity, Request{Action: "logs:PutLogEvents", Resource: "arn:aws:logs:us-east-1:111111111111:log-group:web:log-stream:what?"}, Policies{}, "identity-based policy",
			[]string{`log-stream:what${?}"`}, Request{Action: "logs:PutLogEvents", Resource: "arn:aws:logs:us-east-1:111111111111:log-group:web:log-stream:whats"}},
		{"a group of logs as the source", "logs", Resource, Request{Action: "s3:PutObject", Resource: "arn:aws:s3:::logs/a", Context: []Entry{entry("aws:SourceArn", "arn:aws:logs:us-east-1:111111111111:log-group:web:*")}}, Policies{}, "policy of the resource",
			[]string{`log-group:web:*"`}, Request{Action: "s3:PutObject", Resource: "arn:aws:s3:::logs/a", Context: []Entry{entry("aws:SourceArn", "arn:aws:logs:us-east-1:111111111111:log-group:website:*")}}},
		{"a listing is bound to its prefix", "ana", Identity, Request{Action: "s3:ListBucket", Resource: "arn:aws:s3:::logs", Context: []Entry{entry("s3:prefix", "2026/*")}}, Policies{}, "identity-based policy",
			[]string{`"StringLike"`, `"s3:prefix": "2026/${*}*"`}, Request{Action: "s3:ListBucket", Resource: "arn:aws:s3:::logs", Context: []Entry{entry("s3:prefix", "2025/")}}},
		{"a role is passed to one service", "ana", Identity, Request{Action: "iam:PassRole", Resource: "arn:aws:iam::111111111111:role/r", Context: []Entry{entry("iam:PassedToService", "glue.amazonaws.com")}}, Policies{}, "identity-based policy",
			[]string{`"iam:PassedToService": "glue.amazonaws.com"`}, Request{Action: "iam:PassRole", Resource: "arn:aws:iam::111111111111:role/r", Context: []Entry{entry("iam:PassedToService", "ec2.amazonaws.com")}}},
		{"a service is bound to its source", "logs", Resource, Request{Action: "s3:PutObject", Resource: "arn:aws:s3:::logs/a", Context: []Entry{entry("aws:SourceAccount", account), entry("aws:SourceArn", "arn:aws:logs:us-east-1:111111111111:log-group:web")}}, Policies{}, "policy of the resource",
			[]string{`"Service": "logs.us-east-1.amazonaws.com"`, `"aws:SourceAccount": "111111111111"`, `"ArnLike"`},
			Request{Action: "s3:PutObject", Resource: "arn:aws:s3:::logs/a", Context: []Entry{entry("aws:SourceAccount", "222222222222")}}},
		{"a trust policy names no resource", "crawler", Trust, Request{Action: "sts:AssumeRole", Resource: "arn:aws:iam::111111111111:role/r"},
			Policies{Resource: trusting(t, "ec2.amazonaws.com")}, "trust policy", []string{`"AWS": "arn:aws:iam::111111111111:role/crawler"`}, Request{Action: "sts:TagSession", Resource: "arn:aws:iam::111111111111:role/r"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.r.Principal, tt.r.Owner = people[tt.who], account
			d := Evaluate(&tt.r, &tt.p)
			if d.Allowed {
				t.Fatalf("got %+v before", d)
			}
			statement, where := Suggest(&tt.r, d)
			if !strings.Contains(where, tt.where) {
				t.Errorf("where is %q, want %q in it", where, tt.where)
			}
			for _, part := range tt.want {
				if !strings.Contains(statement, part) {
					t.Errorf("%s not in\n%s", part, statement)
				}
			}
			doc, err := Parse(tt.kind, `{"Version":"2012-10-17","Statement":[`+statement+`]}`)
			if err != nil {
				t.Fatal(err)
			}
			p := Policies{Identity: []Source{{"suggested", doc}}}
			if tt.kind != Identity {
				p = Policies{Resource: &Source{"suggested", doc}}
			}
			if after := Evaluate(&tt.r, &p); !after.Allowed {
				t.Errorf("got %+v with\n%s", after, statement)
			}
			tt.not.Principal, tt.not.Owner = people[tt.who], account
			if more := Evaluate(&tt.not, &p); more.Allowed {
				t.Errorf("it allows more: %+v\n%s", tt.not, statement)
			}
		})
	}
}

func trusting(t *testing.T, service string) *Source {
	t.Helper()
	d, err := Parse(Trust, statementOf(`"Effect":"Allow","Principal":{"Service":"`+service+`"},"Action":"sts:AssumeRole"`))
	if err != nil {
		t.Fatal(err)
	}
	return &Source{"trust", d}
}

func TestTheSuggestedStatementCanBeForMore(t *testing.T) {
	r := Request{Principal: people["ana"], Action: "s3:GetObject", Resource: "arn:aws:s3:::logs/*/2026/a", Owner: account}
	d := Evaluate(&r, &Policies{})
	statement, _ := SuggestFor(&r, d, Literal("arn:aws:s3:::logs/*/")+"*")
	doc, err := Parse(Identity, `{"Version":"2012-10-17","Statement":[`+statement+`]}`)
	if err != nil || !strings.Contains(statement, `"arn:aws:s3:::logs/${*}/*"`) {
		t.Fatalf("got %s, %v", statement, err)
	}
	p := Policies{Identity: []Source{{"suggested", doc}}}
	for resource, want := range map[string]bool{r.Resource: true, "arn:aws:s3:::logs/*/b": true, "arn:aws:s3:::logs/x/b": false} {
		r.Resource = resource
		if d := Evaluate(&r, &p); d.Allowed != want {
			t.Errorf("%s: got %+v", resource, d)
		}
	}
}

func TestNoStatementHelpsAgainstADeny(t *testing.T) {
	r := Request{Principal: people["ana"], Action: "s3:GetObject", Resource: "*", Owner: account}
	if statement, where := Suggest(&r, Decision{Reason: ExplicitDeny}); statement != "" || !strings.Contains(where, "take it away") {
		t.Errorf("got %q, %q", statement, where)
	}
	if statement, where := Suggest(&r, Decision{Reason: NotAuthorizedOther}); statement != "" || where != "" {
		t.Errorf("got %q, %q", statement, where)
	}
	for reason, want := range map[Reason]string{NoBoundaryAllow: "permissions boundary", NoSessionAllow: "session policy"} {
		if statement, where := Suggest(&r, Decision{Reason: reason}); statement == "" || !strings.Contains(where, want) {
			t.Errorf("got %q, %q", statement, where)
		}
	}
}

func TestWhatIsPublic(t *testing.T) {
	const read = `"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"`
	for _, tt := range []struct {
		name, statement string
		public          bool
	}{
		{"everybody", read + `,"Principal":"*"`, true},
		{"every AWS principal", read + `,"Principal":{"AWS":"*"}`, true},
		{"everybody among others", read + `,"Principal":{"AWS":["111111111111","*"]}`, true},
		{"all but one", read + `,"NotPrincipal":{"AWS":"111111111111"}`, true},
		{"an account", read + `,"Principal":{"AWS":"222222222222"}`, false},
		{"a service", read + `,"Principal":{"Service":"logs.us-east-1.amazonaws.com"}`, false},
		{"a denial of everybody", `"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*"`, false},
		{"everybody of an account", read + `,"Principal":"*","Condition":{"StringEquals":{"aws:SourceAccount":"111111111111"}}`, false},
		{"everybody of an account with a wildcard", read + `,"Principal":"*","Condition":{"StringLike":{"aws:SourceAccount":"1111*"}}`, true},
		{"everybody of what the caller says", read + `,"Principal":"*","Condition":{"StringEquals":{"aws:SourceAccount":"${aws:PrincipalAccount}"}}`, true},
		{"all but an account", read + `,"Principal":"*","Condition":{"StringNotEquals":{"aws:SourceAccount":"111111111111"}}`, true},
		{"an account, if there is one", read + `,"Principal":"*","Condition":{"StringEqualsIfExists":{"aws:SourceAccount":"111111111111"}}`, true},
		{"all of no values", read + `,"Principal":"*","Condition":{"ForAllValues:StringEquals":{"aws:SourceAccount":"111111111111"}}`, true},
		{"a range of addresses", read + `,"Principal":"*","Condition":{"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}}`, false},
		{"half the internet", read + `,"Principal":"*","Condition":{"IpAddress":{"aws:SourceIp":["203.0.113.0/24","0.0.0.0/1"]}}`, true},
		{"half of IPv6", read + `,"Principal":"*","Condition":{"IpAddress":{"aws:SourceIp":"2000::/4"}}`, true},
		{"a private range", read + `,"Principal":"*","Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}`, false},
		{"all but a range", read + `,"Principal":"*","Condition":{"NotIpAddress":{"aws:SourceIp":"203.0.113.0/24"}}`, true},
		{"a source", read + `,"Principal":"*","Condition":{"ArnEquals":{"aws:SourceArn":"arn:aws:logs:us-east-1:111111111111:x"}}`, false},
		{"sources with a wildcard", read + `,"Principal":"*","Condition":{"ArnLike":{"aws:SourceArn":"arn:aws:logs:us-east-1:*:x"}}`, true},
		{"the sessions of one role", read + `,"Principal":"*","Condition":{"StringLike":{"aws:userid":"AROACRAWLERCRAWLERCR:*"}}`, false},
		{"some user ids", read + `,"Principal":"*","Condition":{"StringLike":{"aws:userid":"AROA*"}}`, true},
		{"a key that confines nothing", read + `,"Principal":"*","Condition":{"StringEquals":{"s3:prefix":"a"}}`, true},
		{"TLS", read + `,"Principal":"*","Condition":{"Bool":{"aws:SecureTransport":"true"}}`, true},
		{"two conditions, one of which confines", read + `,"Principal":"*","Condition":{"Bool":{"aws:SecureTransport":"true"},"StringEquals":{"aws:SourceVpce":"vpce-1"}}`, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d, err := Parse(Resource, statementOf(tt.statement))
			if err != nil {
				t.Fatal(err)
			}
			if d.Public() != tt.public {
				t.Errorf("got public %v of %s", d.Public(), tt.statement)
			}
		})
	}
}
