package vpc

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"flowlake/access/identity"
	"flowlake/fault"
	"flowlake/flow"
)

// The policies of the articles, as they are written there.
const (
	scoped = `{"Version": "2012-10-17", "Statement": [
		{"Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"], "Resource": "arn:aws:logs:eu-west-1:` + account + `:log-group:flows:log-stream:*"},
		{"Effect": "Allow", "Action": "logs:DescribeLogGroups", "Resource": "arn:aws:logs:eu-west-1:` + account + `:log-group:flows:*"}]}`
	wide = `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action":
		["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogGroups", "logs:DescribeLogStreams"], "Resource": "*"}]}`
)

func trusts(service, condition string) string {
	return `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "` + service + `"}, "Action": "sts:AssumeRole"` + condition + `}]}`
}

func (h *house) role(name, trust, policy string) string {
	h.t.Helper()
	made := must(h.ids.Create(h.t.Context(), identity.Role, identity.New{Name: name, Trust: trust}))(h.t)
	if err := h.ids.PutInline(h.t.Context(), identity.Role, name, "work", policy); err != nil {
		h.t.Fatal(err)
	}
	return made.ARN
}

func openPeopled(t *testing.T) *house {
	h := &house{t: t, dir: t.TempDir(), publish: time.Minute, people: true}
	h.start()
	t.Cleanup(func() { h.stop() })
	return h
}

func TestAFlowLogPutsEventsAsItsRole(t *testing.T) {
	h := openPeopled(t)
	ctx := t.Context()
	v, _, enis := h.network(1)
	line := []byte(strings.ReplaceAll(records(time.Now())[1], "%E", enis[0].ID))
	in := FlowLogInput{Resources: []string{v.ID}, ResourceType: "VPC", Traffic: "ALL", Group: "flows", Role: h.role("vpc-flow", trusts(RoleService, ""), scoped)}
	f := h.flowLog(in)
	put := func() error {
		_, err := h.Put(ctx, root, PutInput{FlowLog: f.ID, Fields: flow.DefaultFormat(), Lines: [][]byte{line}})
		return err
	}
	refused := func(what, action string) {
		t.Helper()
		err := put()
		if !fault.Is(err, fault.Denied) || !strings.Contains(err.Error(), action) {
			t.Errorf("%s: %v", what, err)
		}
		got := must(h.Status(ctx, root, f))(t)
		if !got.Failed || !strings.HasPrefix(got.Message, "Access error: ") || !strings.Contains(got.Message, `"`+action+`"`) {
			t.Errorf("%s: %+v", what, got)
		}
	}
	// The policy of one group lets nobody make it.
	refused("without the group", "logs:CreateLogGroup")
	if err := h.logs.CreateGroup(ctx, root, "flows", nil); err != nil {
		t.Fatal(err)
	}
	if err := put(); err != nil {
		t.Errorf("as the article has it: %v", err)
	}
	if got := must(h.Status(ctx, root, f))(t); got.Failed {
		t.Errorf("got %+v", got)
	}
	var document struct {
		Version   string
		Statement []struct {
			Effect   string
			Action   any
			Resource string
		}
	}
	if err := json.Unmarshal([]byte(scoped), &document); err != nil {
		t.Fatal(err)
	}
	document.Statement[0].Action = []string{"logs:CreateLogStream", "logs:DescribeLogStreams"}
	lesser := string(must(json.Marshal(document))(t))
	if err := h.ids.PutInline(ctx, identity.Role, "vpc-flow", "work", lesser); err != nil {
		t.Fatal(err)
	}
	refused("without logs:PutLogEvents", "logs:PutLogEvents")
	if err := h.ids.PutInline(ctx, identity.Role, "vpc-flow", "work", wide); err != nil {
		t.Fatal(err)
	}
	if err := put(); err != nil {
		t.Errorf("with the permission again: %v", err)
	}
	if err := h.ids.UpdateTrust(ctx, "vpc-flow", trusts("ec2.amazonaws.com", "")); err != nil {
		t.Fatal(err)
	}
	if err := put(); !fault.Is(err, fault.Denied) || !strings.Contains(err.Error(), "sts:AssumeRole") {
		t.Errorf("without the trust: %v", err)
	}
}

// TestARoleOfAnotherServiceServesOnceItsTrustIsEdited is the article that begins with a role for EC2.
func TestARoleOfAnotherServiceServesOnceItsTrustIsEdited(t *testing.T) {
	h := openPeopled(t)
	ctx := t.Context()
	v, _, enis := h.network(1)
	role := h.role("my-flowlog-role", trusts("ec2.amazonaws.com", ""), wide)
	in := FlowLogInput{Resources: []string{v.ID}, ResourceType: "VPC", Traffic: "ALL", Group: "MyVpc22-Log", Role: role}
	_, _, err := h.CreateFlowLogs(ctx, root, in)
	if !fault.Is(err, fault.Invalid) || !fault.HasNoun(err, "role") || !strings.Contains(err.Error(), "Unable to assume given IAM role: '"+role+"'") || !strings.Contains(err.Error(), `vpc-flow-log/*"`) {
		t.Errorf("got %v", err)
	}
	for _, condition := range []string{
		`, "Condition": {"StringEquals": {"aws:SourceAccount": "999999999999"}}`,
		`, "Condition": {"ArnLike": {"aws:SourceArn": "arn:aws:ec2:us-east-1:` + account + `:vpc-flow-log/*"}}`,
	} {
		if err := h.ids.UpdateTrust(ctx, "my-flowlog-role", trusts(RoleService, condition)); err != nil {
			t.Fatal(err)
		}
		if _, _, err := h.CreateFlowLogs(ctx, root, in); !fault.Is(err, fault.Invalid) {
			t.Errorf("with%s: %v", condition, err)
		}
	}
	condition := `, "Condition": {"StringEquals": {"aws:SourceAccount": "` + account + `"}, "ArnLike": {"aws:SourceArn": "arn:aws:ec2:eu-west-1:` + account + `:vpc-flow-log/*"}}`
	if err := h.ids.UpdateTrust(ctx, "my-flowlog-role", trusts(RoleService, condition)); err != nil {
		t.Fatal(err)
	}
	f := h.flowLog(in)
	if got := h.put(f, enis[0].ID, records(time.Now())...); got.Delivered == 0 {
		t.Errorf("got %+v", got)
	}
}
