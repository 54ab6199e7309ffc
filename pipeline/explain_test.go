package pipeline_test

import (
	"encoding/json"
	"strings"
	"testing"

	"flowlake/access"
	"flowlake/access/formation"
	"flowlake/access/identity"
	"flowlake/access/policy"
	"flowlake/catalog"
	"flowlake/fault"
	"flowlake/pipeline"
)

func iam(name string) string { return "arn:aws:iam::" + account + ":" + name }

var flows = root.ARN("glue", "table/vpc/flows")

// TestExplain asks about each kind of policy, and holds the answer against the refusal that the principal itself reads.
func TestExplain(t *testing.T) {
	h := fixed(t)
	h.user("ben", allow("All", "s3:* iam:*", "*"))
	must(h.Identities.CreatePolicy(h.ctx, identity.NewPolicy{Name: "fence", Document: `{"Version":"2012-10-17","Statement":[` + allow("Fence", "s3:Get*", "*") + `]}`}))(t)
	h.do(h.Identities.SetBoundary(h.ctx, identity.User, "ben", iam("policy/fence")))
	h.do(h.Lake.PutBucketPolicy(h.ctx, root, "results", `{"Version":"2012-10-17","Statement":[{"Sid":"NoBen","Effect":"Deny","Principal":{"AWS":"`+iam("user/ben")+`"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::results/*"},
	 {"Sid":"Sums","Effect":"Allow","Principal":{"AWS":"`+iam("user/ana")+`"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::results/*"}]}`))
	type values = map[string][]string
	for _, tt := range []struct {
		name string
		q    pipeline.Question
		yes  bool
		says []string // in what decides, the reason, or the statement
	}{
		{"an identity policy", pipeline.Question{Principal: iam("user/ana"), Action: "athena:StartQueryExecution"}, true, []string{`inline policy may of user ana, statement "Ask"`}},
		{"no identity policy", pipeline.Question{Principal: iam("user/ana"), Action: "s3:GetObject", Resource: "arn:aws:s3:::lake/x"}, false, []string{"no identity-based policy allows the s3:GetObject action", `"Resource": "arn:aws:s3:::lake/x"`, "an identity policy of user ana"}},
		{"root", pipeline.Question{Principal: root.Principal, Action: "s3:GetObject", Resource: "arn:aws:s3:::lake/x"}, true, []string{"root may do everything"}},
		{"a boundary", pipeline.Question{Principal: iam("user/ben"), Action: "s3:PutObject", Resource: "arn:aws:s3:::lake/x"}, false, []string{"no permissions boundary allows", "fence"}},
		{"a bucket policy's deny", pipeline.Question{Principal: iam("user/ben"), Action: "s3:GetObject", Resource: "arn:aws:s3:::results/x"}, false, []string{"explicit deny in a resource-based policy", "NoBen"}},
		{"a bucket policy for a service", pipeline.Question{Principal: "logs.us-east-1.amazonaws.com", Action: "s3:PutObject", Resource: "arn:aws:s3:::exports/web/x", Context: values{"s3:x-amz-acl": {"bucket-owner-full-control"}}}, true, []string{`bucket policy of exports, statement "Write"`}},
		{"its condition", pipeline.Question{Principal: "logs.us-east-1.amazonaws.com", SourceARN: root.ARN("logs", "log-group:web:*"), Action: "s3:PutObject", Resource: "arn:aws:s3:::exports/web/x"}, false, []string{"no resource-based policy", "bucket policy of exports", `"aws:SourceAccount": "123456789012"`}},
		{"a trust policy", pipeline.Question{Principal: "glue.amazonaws.com", Action: "sts:AssumeRole", Resource: iam("role/crawler")}, true, []string{`trust policy of role crawler, statement "Service"`}},
		{"a trust policy for others", pipeline.Question{Principal: "ec2.amazonaws.com", Action: "sts:AssumeRole", Resource: iam("role/crawler")}, false, []string{"no role trust policy allows", `"Service": "ec2.amazonaws.com"`}},
		{"a trust policy's external id", pipeline.Question{Principal: "firehose.amazonaws.com", Action: "sts:AssumeRole", Resource: iam("role/firehose"), Context: values{"sts:ExternalId": {account}}}, true, nil},
		{"without it", pipeline.Question{Principal: "firehose.amazonaws.com", Action: "sts:AssumeRole", Resource: iam("role/firehose")}, false, []string{"trust policy of role firehose"}},
		{"a role that is not there", pipeline.Question{Principal: "glue.amazonaws.com", Action: "sts:AssumeRole", Resource: iam("role/none")}, false, []string{"there is no such role"}},
		{"a role", pipeline.Question{Principal: iam("role/crawler"), Action: "glue:CreateTable", Resource: flows}, true, []string{`statement "Glue"`}},
		{"a session", pipeline.Question{Principal: "arn:aws:sts::" + account + ":assumed-role/crawler/AWS-Crawler", Action: "glue:CreateTable", Resource: flows}, true, nil},
		{"a session policy", pipeline.Question{Principal: iam("role/crawler"), Action: "glue:CreateTable", Resource: flows, SessionPolicies: []string{`{"Version":"2012-10-17","Statement":[` + allow("Get", "glue:Get*", "*") + `]}`}}, false, []string{"no session policy allows", "a session policy, when the session begins"}},
		{"SELECT on a column", pipeline.Question{Principal: iam("user/ana"), Action: "lakeformation:Select", Resource: flows, Column: "SRC"}, true, []string{"SELECT on vpc.flows.src is granted"}},
		{"SELECT on a hidden column", pipeline.Question{Principal: iam("user/ana"), Action: "lakeformation:SELECT", Resource: flows, Column: "dst"}, false, []string{"Required Select on vpc.flows.dst", `"ColumnNames":["dst"]`, "--principal DataLakePrincipalIdentifier=" + iam("user/ana")}},
		{"SELECT on a part of a table", pipeline.Question{Principal: iam("user/ana"), Action: "lakeformation:Select", Resource: flows}, false, []string{"on all of it: grants SELECT on src, bytes, day of vpc.flows; hidden: dst"}},
		{"CREATE_TABLE", pipeline.Question{Principal: iam("role/crawler"), Action: "lakeformation:CREATE_TABLE", Resource: root.ARN("glue", "database/vpc")}, true, []string{"CREATE_TABLE on database vpc was granted to role/crawler"}},
		{"CREATE_TABLE that is missing", pipeline.Question{Principal: iam("user/ana"), Action: "lakeformation:CreateTable", Resource: root.ARN("glue", "database/vpc")}, false, []string{"Insufficient Lake Formation permission(s): Required Create Table on vpc", "--permissions CREATE_TABLE"}},
		{"CREATE_DATABASE", pipeline.Question{Principal: iam("user/ana"), Action: "lakeformation:CreateDatabase", Resource: root.ARN("glue", "catalog")}, true, []string{"CREATE_DATABASE on the catalogue was granted to IAM_ALLOWED_PRINCIPALS"}},
		{"a location", pipeline.Question{Principal: iam("user/ana"), Action: "lakeformation:DataLocationAccess", Resource: "arn:aws:s3:::lake/flows/x"}, false, []string{"Insufficient Lake Formation permission(s) on s3://lake/flows/x"}},
		{"a place that is not the data lake's", pipeline.Question{Principal: iam("user/ana"), Action: "lakeformation:DataLocationAccess", Resource: "arn:aws:s3:::lake/other"}, true, []string{"no registered location covers it"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x := must(h.Explain(h.ctx, root, tt.q))(t)
			text := string(must(json.Marshal(x))(t))
			if x.Allowed != tt.yes {
				t.Errorf("allowed is %v: %s", x.Allowed, text)
			}
			for _, want := range tt.says {
				if !strings.Contains(x.Decision+"\n"+x.Reason+"\n"+x.AddWhere, want) {
					t.Errorf("it does not say %q:\n%s\n%s\n%s", want, x.Decision, x.Reason, x.AddWhere)
				}
			}
			if tt.yes || strings.HasPrefix(tt.q.Action, "lakeformation:") || len(tt.q.SessionPolicies) > 0 {
				return
			}
			as := access.ServicePrincipal(account, region, tt.q.Principal, tt.q.SourceARN)
			if strings.HasPrefix(tt.q.Principal, "arn:") {
				as = must(h.Guard.CallerOf(h.ctx, tt.q.Principal, region))(t)
			}
			var entries []policy.Entry
			for k, v := range tt.q.Context {
				entries = append(entries, policy.Entry{Key: k, Values: v})
			}
			if err := h.Guard.Allow(h.ctx, as, tt.q.Action, x.Resource, entries...); access.Explain(err) != x.Reason {
				t.Errorf("the refusal is\n%s\nand the explanation\n%s", access.Explain(err), x.Reason)
			}
		})
	}
}

func TestWhoAsks(t *testing.T) {
	h := fixed(t)
	t.Run("who may simulate", func(t *testing.T) { testWhoMayAsk(t, h) })
	t.Run("what others know of a table", func(t *testing.T) { testMapsOfOtherColumns(t, h) })
	t.Run("row filters", func(t *testing.T) { testRowFilters(t, h) })
}

// testRowFilters has filters that are told to those who may know of them.
func testRowFilters(t *testing.T, h *house) {
	h.do(h.Formation.CreateFilter(h.ctx, root, formation.Filter{Database: "vpc", Table: "flows", Name: "small", Columns: []string{"src", "bytes"}, Rows: "bytes < 10"}))
	h.user("eve", allow("Nothing", "s3:ListAllMyBuckets", "*"))
	h.grant(iam("user/eve"), formation.Resource{Kind: formation.OfCells, Database: "vpc", Table: "flows", Filter: "small"}, formation.Select)
	q := pipeline.Question{Principal: iam("user/eve"), Action: "lakeformation:Select", Resource: flows, Column: "bytes"}
	if x := must(h.Explain(h.ctx, root, q))(t); !x.Allowed || !strings.Contains(x.By, "on rows where bytes < 10") || len(x.Grants.Rows) != 1 {
		t.Errorf("got %+v", x)
	}
	asks := h.user("other", allow("Ask", "iam:SimulatePrincipalPolicy glue:GetTable glue:GetDatabase", "*"))
	if _, err := h.Explain(h.ctx, asks, q); !fault.Is(err, fault.NotFound) || !strings.Contains(err.Error(), "table vpc.flows") {
		t.Errorf("who may not know of the table reads %v", err)
	}
	q.Column = ""
	if _, err := h.Explain(h.ctx, asks, q); !fault.Is(err, fault.NotFound) {
		t.Errorf("who may not know of the table reads %v", err)
	}
	h.grant(asks.Principal, column("src"), formation.Select)
	for c, want := range map[string]fault.Kind{"bytes": fault.NotFound, "dst": fault.NotFound, "none": fault.NotFound} {
		q.Column = c
		if _, err := h.Explain(h.ctx, asks, q); !fault.Is(err, want) || err.Error() != "column vpc.flows."+c+": not found" {
			t.Errorf("of a column that it may not know of it reads %v", err)
		}
	}
	q.Column = "src"
	if x := must(h.Explain(h.ctx, asks, q))(t); !x.Allowed || len(x.Grants.Rows) > 0 || strings.Contains(x.By, "10") || !strings.Contains(x.By, "on some rows") {
		t.Errorf("got %+v", x)
	}
	x := must(h.Explain(h.ctx, asks, pipeline.Question{Principal: iam("user/eve"), Action: "glue:GetTable", Resource: flows}))(t)
	if x.Grants == nil || len(x.Grants.Columns) != 1 || len(x.Grants.Hidden) != 0 {
		t.Errorf("got %+v", x.Grants)
	}
}

// testWhoMayAsk has callers who may simulate others' policies, or not.
func testWhoMayAsk(t *testing.T, h *house) {
	must(h.Identities.Create(h.ctx, identity.Role, identity.New{Name: "deep", Path: "/secret/", Trust: trusts("ec2.amazonaws.com", "")}))(t)
	c := h.user("asks", allow("Ask", "iam:SimulatePrincipalPolicy", "arn:aws:iam::"+account+":role/deep "+iam("user/asks")))
	for _, who := range []string{iam("user/ana"), "arn:aws:sts::" + account + ":assumed-role/deep/x"} {
		if _, err := h.Explain(h.ctx, c, pipeline.Question{Principal: who, Action: "s3:GetObject"}); !fault.Is(err, fault.Denied) {
			t.Errorf("%s: got %v", who, err)
		}
	}
	x := must(h.Explain(h.ctx, c, pipeline.Question{Principal: iam("user/asks"), Action: "glue:GetTable", Resource: flows}))(t)
	if x.Allowed || x.Grants != nil {
		t.Errorf("got %+v", x)
	}
	if _, err := h.Explain(h.ctx, c, pipeline.Question{Principal: iam("user/asks"), Action: "lakeformation:Select", Resource: flows}); !fault.Is(err, fault.Denied) {
		t.Errorf("who may not read the catalogue reads %v", err)
	}
}

func TestQuestionsThatMakeNoSense(t *testing.T) {
	h := open(t)
	h.do(h.Catalog.CreateDatabase(h.ctx, root, catalog.Database{Name: "vpc"}))
	ana := h.user("ana", allow("All", "*", "*"))
	for name, q := range map[string]pipeline.Question{
		"no action":                           {Principal: ana.Principal},
		"several actions":                     {Principal: ana.Principal, Action: "s3:*"},
		"a resource that is no ARN":           {Principal: ana.Principal, Action: "s3:GetObject", Resource: "lake/x"},
		"half an ARN":                         {Principal: ana.Principal, Action: "s3:GetObject", Resource: "arn:aws:s3"},
		"a principal that is none":            {Principal: "ana", Action: "s3:GetObject"},
		"a column of another action":          {Principal: ana.Principal, Action: "glue:GetTable", Resource: flows, Column: "src"},
		"a column of a database":              {Principal: ana.Principal, Action: "lakeformation:Select", Resource: root.ARN("glue", "database/vpc"), Column: "src"},
		"SELECT on a database":                {Principal: ana.Principal, Action: "lakeformation:Select", Resource: root.ARN("glue", "database/vpc")},
		"CREATE_TABLE on all there is":        {Principal: ana.Principal, Action: "lakeformation:CreateTable"},
		"a grant on another account's table":  {Principal: ana.Principal, Action: "lakeformation:Select", Resource: "arn:aws:glue:us-east-1:999999999999:table/vpc/flows"},
		"a grant on many tables":              {Principal: ana.Principal, Action: "lakeformation:Select", Resource: root.ARN("glue", "table/vpc/*")},
		"a grant to a service":                {Principal: "glue.amazonaws.com", Action: "lakeformation:CreateTable", Resource: root.ARN("glue", "database/vpc")},
		"a user's session":                    {Principal: ana.Principal, Action: "s3:GetObject", SessionPolicies: []string{`{"Version":"2012-10-17","Statement":[]}`}},
		"a session policy that is none":       {Principal: ana.Principal, Action: "s3:GetObject", SessionPolicies: []string{"{"}},
		"a source of one who is no service":   {Principal: ana.Principal, Action: "s3:GetObject", SourceARN: flows},
		"a condition key without a service":   {Principal: ana.Principal, Action: "s3:GetObject", Context: map[string][]string{"prefix": {"x"}}},
		"a condition key without values":      {Principal: ana.Principal, Action: "s3:GetObject", Context: map[string][]string{"s3:prefix": nil}},
		"a condition key twice, spelt anyhow": {Principal: ana.Principal, Action: "s3:GetObject", Context: map[string][]string{"s3:prefix": {"x"}, "S3:Prefix": {"y"}}},
	} {
		if x, err := h.Explain(h.ctx, root, q); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: got %+v, %v", name, x, err)
		}
	}
	for name, q := range map[string]pipeline.Question{
		"nobody":                     {Principal: iam("user/nobody"), Action: "s3:GetObject"},
		"another account's":          {Principal: "arn:aws:iam::999999999999:user/ana", Action: "s3:GetObject"},
		"a table that is not there":  {Principal: ana.Principal, Action: "lakeformation:Select", Resource: flows},
		"a column that is not there": {Principal: ana.Principal, Action: "lakeformation:Select", Resource: flows, Column: "x"},
	} {
		if x, err := h.Explain(h.ctx, root, q); !fault.Is(err, fault.NotFound) {
			t.Errorf("%s: got %+v, %v", name, x, err)
		}
	}
}

func FuzzParseQuestion(f *testing.F) {
	f.Add([]byte(`{"action":"s3:GetObject","resource":"arn:aws:s3:::b/k","context":{"s3:prefix":["a","b"]}}`))
	f.Add([]byte(`{"action":"lakeformation:Select","resource":"arn:aws:glue:us-east-1:123456789012:table/a/b","column":"c"}`))
	f.Add([]byte(`{"action":"glue:GetTable","sourceArn":"x","sessionPolicies":["{\"Version\":\"2012-10-17\",\"Statement\":[]}"]}`))
	f.Add([]byte(`{"action":"s3:GetObject","principal":"arn:aws:iam::123456789012:root"}`))
	f.Add([]byte(`{"action":"s3:GetObject"} {}`))
	f.Add([]byte(`{"action":"a:b","context":{"a:b":null,"":[]}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		q, err := pipeline.ParseQuestion(body)
		if err != nil {
			if !fault.Is(err, fault.Invalid) {
				t.Errorf("%q: got %v", body, err)
			}
			return
		}
		if q.Principal != "" || len(body) > pipeline.MaxQuestion {
			t.Errorf("%q: got %+v", body, q)
		}
		again, err := pipeline.ParseQuestion(must(json.Marshal(q))(t))
		if err != nil || again.Action != q.Action || again.Resource != q.Resource || len(again.Context) != len(q.Context) {
			t.Errorf("%q: written again it is %+v, %v", body, again, err)
		}
	})
}

func TestLongQuestions(t *testing.T) {
	long := `{"action":"s3:GetObject","column":"` + strings.Repeat("x", pipeline.MaxQuestion) + `"}`
	if _, err := pipeline.ParseQuestion([]byte(long)); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "longer") {
		t.Errorf("got %v", err)
	}
}
