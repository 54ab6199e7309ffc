package policy

import "testing"

func TestTheNearestStatementIsNamed(t *testing.T) {
	const seed = `"Sid":"VisualEditor0","Effect":"Allow","Action":"s3:PutObject","Resource":["arn:aws:s3:::athena-query-result/*","arn:aws:s3:::athena-query-result"]`
	const logs = `"Effect":"Allow","Principal":{"Service":"logs.us-east-1.amazonaws.com"},"Action":"s3:PutObject","Resource":"arn:aws:s3:::logs/*","Condition":{"StringEquals":{"s3:x-amz-acl":"bucket-owner-full-control"}}`
	acl := func(v string) []Entry { return []Entry{{"s3:x-amz-acl", []string{v}}} }
	for _, tt := range []struct {
		name, who string
		kind      Kind
		statement string
		r         Request
		want      string
	}{
		{"another bucket", "ana", Identity, seed, Request{Action: "s3:PutObject", Resource: "arn:aws:s3:::aws-athena-query-result/x"},
			"statement 1 (VisualEditor0) of p allows it on arn:aws:s3:::athena-query-result/* or arn:aws:s3:::athena-query-result"},
		{"another action", "ana", Identity, seed, Request{Action: "s3:GetObject", Resource: "arn:aws:s3:::athena-query-result/x"}, ""},
		{"a condition with another value", "logs", Resource, logs, Request{Action: "s3:PutObject", Resource: "arn:aws:s3:::logs/x", Context: acl("private")},
			"statement 1 of p allows it where StringEquals s3:x-amz-acl is bucket-owner-full-control; the request has private"},
		{"a condition without a value", "logs", Resource, logs, Request{Action: "s3:PutObject", Resource: "arn:aws:s3:::logs/x"},
			"statement 1 of p allows it where StringEquals s3:x-amz-acl is bucket-owner-full-control; the request has no s3:x-amz-acl"},
		{"another prefix", "logs", Resource, logs, Request{Action: "s3:PutObject", Resource: "arn:aws:s3:::other/x"},
			"statement 1 of p allows it on arn:aws:s3:::logs/*"},
		{"another service", "delivery", Resource, logs, Request{Action: "s3:PutObject", Resource: "arn:aws:s3:::logs/x"}, ""},
		{"the first of several, and no denial", "ana", Identity, `"Effect":"Deny","Action":"s3:*","Resource":"arn:aws:s3:::z"},{` + seed + `},{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::y"`,
			Request{Action: "s3:PutObject", Resource: "arn:aws:s3:::x/x"}, "statement 2 (VisualEditor0) of p allows it on arn:aws:s3:::athena-query-result/* or arn:aws:s3:::athena-query-result"},
		{"all but some", "ana", Identity, `"Effect":"Allow","Action":"*","NotResource":["arn:aws:s3:::a","arn:aws:s3:::b","arn:aws:s3:::c","arn:aws:s3:::d"]`,
			Request{Action: "s3:ListBucket", Resource: "arn:aws:s3:::d"}, "statement 1 of p allows it on all but arn:aws:s3:::a or arn:aws:s3:::b or arn:aws:s3:::c or 1 more"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d, err := Parse(tt.kind, statementOf(tt.statement))
			if err != nil {
				t.Fatal(err)
			}
			p := Policies{Identity: []Source{{"p", d}}}
			if tt.kind != Identity {
				p = Policies{Resource: &Source{"p", d}}
			}
			tt.r.Principal, tt.r.Owner = people[tt.who], account
			if got := Nearest(&tt.r, &p, Evaluate(&tt.r, &p)); got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}
