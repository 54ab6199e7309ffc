package pipeline_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"flowlake/access"
	"flowlake/access/identity"
	"flowlake/pipeline"
)

// plain is a map with ids that are the same each time.
func plain(t *testing.T, m pipeline.Map) string {
	t.Helper()
	text := string(must(json.MarshalIndent(m, "", "  "))(t))
	text = strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(text)
	ids := map[string]string{}
	return regexp.MustCompile(`\b(fl|subnet)-[0-9a-f]{17}\b`).ReplaceAllStringFunc(text, func(id string) string {
		kind, _, _ := strings.Cut(id, "-")
		if ids[id] == "" {
			n := 1
			for _, known := range ids {
				if strings.HasPrefix(known, kind) {
					n++
				}
			}
			ids[id] = kind + "-" + strings.Repeat("0", 16) + string(rune('0'+n))
		}
		return ids[id]
	}) + "\n"
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want := string(must(os.ReadFile(path))(t)); got != want {
		t.Errorf("%s differs (-update rewrites it):\n%s", name, got)
	}
}

// TestMap draws a fixed pipeline: whole, and after some permissions were taken away. cmd prints the same files as text and
// as Mermaid.
func TestMap(t *testing.T) {
	h := fixed(t)
	m := must(h.Map(h.ctx, root))(t)
	for _, s := range m.Steps {
		if !s.OK() || s.Withheld != "" || len(s.Add) > 0 {
			t.Errorf("%s, %s: not all is there: %+v", s.Stage, s.Why, s)
		}
	}
	golden(t, "whole.json", plain(t, m))
	h.do(h.Lake.DeleteBucketPolicy(h.ctx, root, "exports"))
	h.let(identity.Role, "crawler", allow("Glue", "glue:Get*", "*")+`,{"Sid":"NoRaw","Effect":"Deny","Action":"s3:GetObject","Resource":"arn:aws:s3:::lake/raw/*"}`)
	h.let(identity.Role, "firehose", allow("Write", "s3:PutObject", "arn:aws:s3:::lake/flows/*"))
	h.do(h.Identities.UpdateTrust(h.ctx, "sender", trusts("ec2.amazonaws.com", "")))
	h.do(h.Identities.DeleteInline(h.ctx, identity.Role, "flowlogs", "may"))
	h.do(h.Identities.Delete(h.ctx, identity.Role, "flowlogs"))
	golden(t, "broken.json", plain(t, must(h.Map(h.ctx, root))(t)))
}

func TestMapsOfOthers(t *testing.T) {
	h := fixed(t)
	for _, tt := range []struct {
		name, may string
		holds     []string
		not       []string
	}{
		{"who may nothing else sees nothing", allow("Map", "flowlake:GetAccessMap", "*"),
			[]string{"flow logs: User: ", "ec2:DescribeFlowLogs", "logs:DescribeLogGroups", "logs:DescribeExportTasks", "firehose:ListDeliveryStreams", "glue:GetCrawlers", "lakeformation:ListResources", "lakeformation:ListPermissions"},
			[]string{"role/", "s3://lake", "ana", "sender"}},
		{"who may list learns of no policy", allow("Lists", "ec2:Describe* logs:Describe* firehose:List* firehose:Describe* glue:GetCrawlers lakeformation:List* glue:Get* iam:List*", "*"),
			[]string{`"withheld": "User: arn:aws:iam::123456789012:user/`, "iam:SimulatePrincipalPolicy on resource: arn:aws:iam::123456789012:role/crawler", "s3:GetBucketPolicy on resource: arn:aws:s3:::exports"},
			[]string{`"by"`, `"missing"`, "NoHTTP", "inline policy", `src`, `"service": "logs.us-east-1`}},
		{"who may simulate some sees those", allow("Lists", "glue:GetCrawlers", "*") + "," + allow("Simulate", "iam:SimulatePrincipalPolicy", "arn:aws:iam::"+account+":role/crawler"),
			[]string{`role crawler`, `statement \"Glue\"`}, []string{"sender", "role/firehose"}},
		{"who may see no stream is told how many", allow("Lists", "firehose:ListDeliveryStreams logs:DescribeLogGroups", "*"),
			[]string{"a delivery stream: User: ", "a log group's subscription filters: User: "}, []string{"role/firehose", "role/sender"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			name := strings.ReplaceAll(tt.name, " ", "-")
			if len(name) > 60 {
				name = name[:60]
			}
			name = strings.ReplaceAll(name, "'", "")
			c := h.user(name, tt.may)
			got := plain(t, must(h.Map(h.ctx, c))(t))
			got = strings.ReplaceAll(got, name, "she")
			for _, want := range tt.holds {
				if !strings.Contains(got, strings.ReplaceAll(want, name, "she")) {
					t.Errorf("it lacks %q:\n%s", want, got)
				}
			}
			for _, secret := range tt.not {
				if strings.Contains(got, secret) {
					t.Errorf("it tells of %q:\n%s", secret, got)
				}
			}
		})
	}
}

// testMapsOfOtherColumns has a reader of the map who sees one column of a table, which another reads three of.
func testMapsOfOtherColumns(t *testing.T, h *house) {
	c := h.user("bob", allow("All", "*", "*"))
	if got := plain(t, must(h.Map(h.ctx, c))(t)); strings.Contains(got, "asks in SQL") {
		t.Errorf("who knows of no table is told who reads it:\n%s", got)
	}
	h.grant(c.Principal, column("src"), "SELECT")
	got := plain(t, must(h.Map(h.ctx, c))(t))
	if !strings.Contains(got, "grants SELECT on src of what you may know of vpc.flows") || strings.Contains(got, "bytes") {
		t.Errorf("got\n%s", got)
	}
}

// TestMapsAreNotRecorded has the audit log without what a map asks for others.
func TestMapsAreNotRecorded(t *testing.T) {
	h := fixed(t)
	h.stop()
	before := h.recorded()
	r := &access.Request{ID: "r"}
	ctx := access.WithRequest(h.ctx, r)
	must(h.Map(ctx, root))(t)
	must(h.Explain(ctx, root, pipeline.Question{Principal: "arn:aws:iam::" + account + ":user/ana", Action: "s3:PutObject", Resource: "arn:aws:s3:::lake/x"}))(t)
	if refused := r.End(); len(refused) > 0 {
		t.Errorf("its request was refused %v", refused[0])
	}
	if after := h.recorded(); len(after) != len(before) {
		t.Errorf("recorded %v", after[len(before):])
	}
}
