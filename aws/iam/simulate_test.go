package iam_test

import (
	"slices"
	"strings"
	"testing"

	api "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
)

// told is a result in a line: the action, the resource, the decision, the statements that match, what is missing.
func told(r types.EvaluationResult) string {
	parts := []string{*r.EvalActionName, *r.EvalResourceName, string(r.EvalDecision)}
	for _, s := range r.MatchedStatements {
		parts = append(parts, *s.SourcePolicyId)
	}
	for _, key := range r.MissingContextValues {
		parts = append(parts, "?"+key)
	}
	return strings.Join(parts, " ")
}

func entry(key string, kind types.ContextKeyTypeEnum, values ...string) types.ContextEntry {
	return types.ContextEntry{ContextKeyName: &key, ContextKeyType: kind, ContextKeyValues: values}
}

func TestSimulateCustomPolicy(t *testing.T) {
	h, ctx := open(t), t.Context()
	ann := "arn:aws:iam::123456789012:user/team/ann"
	readB := *document(allow("s3:GetObject", "arn:aws:s3:::b/*"))
	onTLS := *document(`{"Effect":"Allow","Action":"s3:*","Resource":"*"}`, `{"Effect":"Deny","Action":"s3:*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}`)
	home := *document(allow("s3:GetObject", "arn:aws:s3:::b/${aws:username}/*"))
	for _, tt := range []struct {
		name string
		in   api.SimulateCustomPolicyInput
		want []string
	}{
		{"an allow, and what it does not allow", api.SimulateCustomPolicyInput{PolicyInputList: []string{readB}, ActionNames: []string{"s3:GetObject", "s3:PutObject"}, ResourceArns: []string{"arn:aws:s3:::b/k", "arn:aws:s3:::c/k"}}, []string{
			"s3:GetObject arn:aws:s3:::b/k allowed PolicyInputList.1", "s3:GetObject arn:aws:s3:::c/k implicitDeny",
			"s3:PutObject arn:aws:s3:::b/k implicitDeny", "s3:PutObject arn:aws:s3:::c/k implicitDeny"}},
		{"no resource is every resource", api.SimulateCustomPolicyInput{PolicyInputList: []string{readB, onTLS}, ActionNames: []string{"s3:GetObject"}}, []string{
			"s3:GetObject * allowed PolicyInputList.2 ?aws:SecureTransport"}},
		{"a deny whose condition holds", api.SimulateCustomPolicyInput{PolicyInputList: []string{onTLS}, ActionNames: []string{"s3:GetObject"}, ContextEntries: []types.ContextEntry{entry("AWS:securetransport", types.ContextKeyTypeEnumBoolean, "false")}}, []string{
			"s3:GetObject * explicitDeny PolicyInputList.1 PolicyInputList.1"}},
		{"a variable that nobody gave", api.SimulateCustomPolicyInput{PolicyInputList: []string{home}, ActionNames: []string{"s3:GetObject"}, ResourceArns: []string{"arn:aws:s3:::b/ann/k"}}, []string{
			"s3:GetObject arn:aws:s3:::b/ann/k implicitDeny ?aws:username"}},
		{"a variable of the caller", api.SimulateCustomPolicyInput{PolicyInputList: []string{home}, ActionNames: []string{"s3:GetObject"}, ResourceArns: []string{"arn:aws:s3:::b/ann/k"}, CallerArn: &ann}, []string{
			"s3:GetObject arn:aws:s3:::b/ann/k allowed PolicyInputList.1"}},
		{"a boundary that is narrower", api.SimulateCustomPolicyInput{PolicyInputList: []string{onTLS}, PermissionsBoundaryPolicyInputList: []string{readB}, ActionNames: []string{"s3:GetObject", "s3:PutObject"}, ResourceArns: []string{"arn:aws:s3:::b/k"}}, []string{
			"s3:GetObject arn:aws:s3:::b/k allowed PolicyInputList.1 ?aws:SecureTransport", "s3:PutObject arn:aws:s3:::b/k implicitDeny PolicyInputList.1 ?aws:SecureTransport"}},
		{"a resource's policy", api.SimulateCustomPolicyInput{PolicyInputList: []string{*document(allow("logs:*", "*"))}, ActionNames: []string{"s3:GetObject"}, ResourceArns: []string{"arn:aws:s3:::b/k"}, CallerArn: &ann,
			ResourcePolicy: document(`{"Effect":"Allow","Principal":{"AWS":"` + ann + `"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"}`)}, []string{
			"s3:GetObject arn:aws:s3:::b/k allowed ResourcePolicy"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out, err := h.SimulateCustomPolicy(ctx, &tt.in)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, r := range out.EvaluationResults {
				got = append(got, told(r))
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
		})
	}
	t.Run("a statement has its place", func(t *testing.T) {
		text := "{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [\n    {\"Effect\": \"Deny\", \"Action\": \"s3:Put*\", \"Resource\": \"*\"},\n    {\n      \"Effect\": \"Allow\", \"Action\": \"s3:*\", \"Resource\": \"*\"\n    }\n  ]\n}"
		s := must(h.SimulateCustomPolicy(ctx, &api.SimulateCustomPolicyInput{PolicyInputList: []string{text}, ActionNames: []string{"s3:GetObject"}}))(t).EvaluationResults[0].MatchedStatements[0]
		if *s.StartPosition != (types.Position{Line: 5, Column: 5}) || *s.EndPosition != (types.Position{Line: 7, Column: 6}) {
			t.Errorf("got %+v to %+v", *s.StartPosition, *s.EndPosition)
		}
	})
	t.Run("a boundary's own answer", func(t *testing.T) {
		r := must(h.SimulateCustomPolicy(ctx, &api.SimulateCustomPolicyInput{PolicyInputList: []string{readB}, PermissionsBoundaryPolicyInputList: []string{onTLS}, ActionNames: []string{"logs:PutLogEvents"}}))(t).EvaluationResults[0]
		if r.PermissionsBoundaryDecisionDetail == nil || r.PermissionsBoundaryDecisionDetail.AllowedByPermissionsBoundary {
			t.Errorf("got %+v", r.PermissionsBoundaryDecisionDetail)
		}
	})
	t.Run("pages", func(t *testing.T) {
		var got []string
		in := api.SimulateCustomPolicyInput{PolicyInputList: []string{readB}, ActionNames: []string{"s3:A", "s3:B", "s3:C", "s3:D", "s3:E"}, MaxItems: ptr(int32(2))}
		for pages := api.NewSimulateCustomPolicyPaginator(h, &in); pages.HasMorePages(); {
			for _, r := range must(pages.NextPage(ctx))(t).EvaluationResults {
				got = append(got, *r.EvalActionName)
			}
		}
		if !slices.Equal(got, in.ActionNames) {
			t.Errorf("got %v", got)
		}
	})
	for _, tt := range []struct {
		name        string
		in          api.SimulateCustomPolicyInput
		code, names string
	}{
		{"a document that is none", api.SimulateCustomPolicyInput{PolicyInputList: []string{readB, `{"Statement":[{}]}`}, ActionNames: []string{"s3:GetObject"}}, "MalformedPolicyDocument", "PolicyInputList.2"},
		{"a bucket's policy without a caller", api.SimulateCustomPolicyInput{PolicyInputList: []string{readB}, ActionNames: []string{"s3:GetObject"}, ResourcePolicy: document(`{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"}`)}, "ValidationError", "CallerArn"},
		{"a resource's policy that is an identity's", api.SimulateCustomPolicyInput{PolicyInputList: []string{readB}, ActionNames: []string{"s3:GetObject"}, CallerArn: &ann, ResourcePolicy: &readB}, "MalformedPolicyDocument", "ResourcePolicy"},
		{"an action without a service", api.SimulateCustomPolicyInput{PolicyInputList: []string{readB}, ActionNames: []string{"GetObject"}}, "InvalidInput", "GetObject"},
		{"a date that is none", api.SimulateCustomPolicyInput{PolicyInputList: []string{readB}, ActionNames: []string{"s3:GetObject"}, ContextEntries: []types.ContextEntry{entry("aws:CurrentTime", types.ContextKeyTypeEnumDate, "soon")}}, "InvalidInput", "soon"},
		{"several values of one", api.SimulateCustomPolicyInput{PolicyInputList: []string{readB}, ActionNames: []string{"s3:GetObject"}, ContextEntries: []types.ContextEntry{entry("aws:username", types.ContextKeyTypeEnumString, "a", "b")}}, "InvalidInput", "aws:username"},
		{"a resource too long to be one", api.SimulateCustomPolicyInput{PolicyInputList: []string{readB}, ActionNames: []string{"s3:GetObject"}, ResourceArns: []string{"arn:aws:s3:::" + strings.Repeat("b", 2048)}}, "ValidationError", "2048"},
		{"an action too long to be one", api.SimulateCustomPolicyInput{PolicyInputList: []string{readB}, ActionNames: []string{"s3:" + strings.Repeat("G", 126)}}, "InvalidInput", "128"},
		{"a value too long to be one", api.SimulateCustomPolicyInput{PolicyInputList: []string{readB}, ActionNames: []string{"s3:GetObject"}, ContextEntries: []types.ContextEntry{entry("aws:username", types.ContextKeyTypeEnumString, strings.Repeat("a", 2049))}}, "InvalidInput", "aws:username"},
		{"a role as the caller", api.SimulateCustomPolicyInput{PolicyInputList: []string{readB}, ActionNames: []string{"s3:GetObject"}, CallerArn: ptr("arn:aws:iam::123456789012:role/r")}, "ValidationError", "CallerArn"},
		{"what is EC2's", api.SimulateCustomPolicyInput{PolicyInputList: []string{readB}, ActionNames: []string{"s3:GetObject"}, ResourceHandlingOption: ptr("EC2-VPC-InstanceStore")}, "ValidationError", "ResourceHandlingOption"},
	} {
		_, err := h.SimulateCustomPolicy(ctx, &tt.in)
		refused(t, tt.name, err, tt.code, tt.names)
	}
}

func TestSimulatePrincipalPolicy(t *testing.T) {
	h, ctx := open(t), t.Context()
	h.person("ann", allow("s3:Get*", "arn:aws:s3:::b/${aws:username}/*"))
	must(h.CreateGroup(ctx, &api.CreateGroupInput{GroupName: ptr("g")}))(t)
	must(h.AddUserToGroup(ctx, &api.AddUserToGroupInput{GroupName: ptr("g"), UserName: ptr("ann")}))(t)
	must(h.PutGroupPolicy(ctx, &api.PutGroupPolicyInput{GroupName: ptr("g"), PolicyName: ptr("no"), PolicyDocument: document(`{"Sid":"NoDelete","Effect":"Deny","Action":"s3:Delete*","Resource":"*"}`)}))(t)
	h.role("r")
	must(h.AttachRolePolicy(ctx, &api.AttachRolePolicyInput{RoleName: ptr("r"), PolicyArn: ptr("arn:aws:iam::aws:policy/AmazonS3FullAccess")}))(t)
	mine := h.policy("mine", allow("logs:*", "*"))
	must(h.AttachRolePolicy(ctx, &api.AttachRolePolicyInput{RoleName: ptr("r"), PolicyArn: &mine}))(t)
	must(h.PutRolePermissionsBoundary(ctx, &api.PutRolePermissionsBoundaryInput{RoleName: ptr("r"), PermissionsBoundary: &mine}))(t)
	ann, group, role := "arn:aws:iam::123456789012:user/ann", "arn:aws:iam::123456789012:group/g", "arn:aws:iam::123456789012:role/r"
	for _, tt := range []struct {
		name, who, action, resource string
		more                        []string
		want                        string
		kind                        types.PolicySourceType
	}{
		{"her own objects", ann, "s3:GetObject", "arn:aws:s3:::b/ann/k", nil, "allowed user_ann_may", types.PolicySourceTypeUser},
		{"another's objects", ann, "s3:GetObject", "arn:aws:s3:::b/bob/k", nil, "implicitDeny", ""},
		{"what her group denies", ann, "s3:DeleteObject", "arn:aws:s3:::b/ann/k", []string{*document(allow("s3:*", "*"))}, "explicitDeny group_g_no PolicyInputList.1", types.PolicySourceTypeGroup},
		{"the group itself", group, "s3:DeleteObject", "arn:aws:s3:::b/ann/k", nil, "explicitDeny group_g_no", types.PolicySourceTypeGroup},
		{"a role within its boundary", role, "logs:PutLogEvents", "*", nil, "allowed mine", types.PolicySourceTypeUserManaged},
		{"a role beyond its boundary", role, "s3:GetObject", "arn:aws:s3:::b/k", nil, "implicitDeny AmazonS3FullAccess", types.PolicySourceTypeAwsManaged},
	} {
		out, err := h.SimulatePrincipalPolicy(ctx, &api.SimulatePrincipalPolicyInput{PolicySourceArn: &tt.who, ActionNames: []string{tt.action}, ResourceArns: []string{tt.resource}, PolicyInputList: tt.more})
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		r := out.EvaluationResults[0]
		if got, want := told(r), tt.action+" "+tt.resource+" "+tt.want; got != want || tt.kind != "" && r.MatchedStatements[0].SourcePolicyType != tt.kind {
			t.Errorf("%s: got %s, want %s of a policy of kind %s", tt.name, got, want, tt.kind)
		}
	}
	t.Run("a bucket's policy that names them by every name", func(t *testing.T) {
		annID, roleID := *must(h.GetUser(ctx, &api.GetUserInput{UserName: ptr("ann")}))(t).User.UserId, *must(h.GetRole(ctx, &api.GetRoleInput{RoleName: ptr("r")}))(t).Role.RoleId
		must(h.DeleteRolePermissionsBoundary(ctx, &api.DeleteRolePermissionsBoundaryInput{RoleName: ptr("r")}))(t)
		for who, names := range map[string][]string{ann: {ann, annID}, role: {role, roleID}} {
			for _, name := range names {
				letsIn := document(`{"Effect":"Allow","Principal":{"AWS":"` + name + `"},"Action":"glue:GetTable","Resource":"*"}`)
				out := must(h.SimulatePrincipalPolicy(ctx, &api.SimulatePrincipalPolicyInput{PolicySourceArn: &who, ActionNames: []string{"glue:GetTable"}, ResourcePolicy: letsIn}))(t)
				if got := out.EvaluationResults[0].EvalDecision; got != types.PolicyEvaluationDecisionTypeAllowed {
					t.Errorf("%s as %s: got %s", who, name, got)
				}
				if who == ann {
					custom := must(h.SimulateCustomPolicy(ctx, &api.SimulateCustomPolicyInput{PolicyInputList: []string{*document(allow("logs:*", "*"))}, CallerArn: &ann, ActionNames: []string{"glue:GetTable"}, ResourcePolicy: letsIn}))(t)
					if got := custom.EvaluationResults[0].EvalDecision; got != types.PolicyEvaluationDecisionTypeAllowed {
						t.Errorf("a document's %s as %s: got %s", who, name, got)
					}
				}
			}
		}
	})
	for _, tt := range []struct{ name, arn, code, names string }{
		{"root", "arn:aws:iam::123456789012:root", "InvalidInput", "does not clearly define"},
		{"nobody", "arn:aws:iam::123456789012:user/nobody", "NoSuchEntity", "nobody"},
		{"her on another path", "arn:aws:iam::123456789012:user/x/ann", "NoSuchEntity", "ann"},
		{"another account's", "arn:aws:iam::999999999999:user/ann", "AccessDenied", ""},
	} {
		_, err := h.SimulatePrincipalPolicy(ctx, &api.SimulatePrincipalPolicyInput{PolicySourceArn: &tt.arn, ActionNames: []string{"s3:GetObject"}})
		refused(t, tt.name, err, tt.code, tt.names)
	}
	self := h.person("bob", allow("iam:SimulatePrincipalPolicy", "arn:aws:iam::*:user/bob"))
	must(self.SimulatePrincipalPolicy(ctx, &api.SimulatePrincipalPolicyInput{PolicySourceArn: ptr("arn:aws:iam::123456789012:user/bob"), ActionNames: []string{"s3:GetObject"}}))(t)
	_, err := self.SimulatePrincipalPolicy(ctx, &api.SimulatePrincipalPolicyInput{PolicySourceArn: &ann, ActionNames: []string{"s3:GetObject"}})
	refused(t, "bob, who may simulate himself", err, "AccessDenied", "iam:SimulatePrincipalPolicy on resource: "+ann)
}

func TestContextKeys(t *testing.T) {
	h, ctx := open(t), t.Context()
	text := `{"Version":"2012-10-17","Statement":[
	 {"Effect":"Allow","Action":"s3:*","Resource":["arn:aws:s3:::b/${aws:username}/*","arn:aws:s3:::b/${*}"],"Condition":{"StringLike":{"s3:prefix":["${aws:PrincipalTag/team, 'none'}/*"]}}},
	 {"Effect":"Deny","Action":"s3:*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"},"Null":{"S3:PREFIX":"true"}}}]}`
	old := `{"Version":"2008-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b/${aws:userid}/*"}}`
	got := must(h.GetContextKeysForCustomPolicy(ctx, &api.GetContextKeysForCustomPolicyInput{PolicyInputList: []string{text, old}}))(t).ContextKeyNames
	if want := []string{"aws:PrincipalTag/team", "aws:SecureTransport", "aws:username", "S3:PREFIX"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	h.person("ann", allow("s3:*", "arn:aws:s3:::${aws:userid}"))
	got = must(h.GetContextKeysForPrincipalPolicy(ctx, &api.GetContextKeysForPrincipalPolicyInput{PolicySourceArn: ptr("arn:aws:iam::123456789012:user/ann"), PolicyInputList: []string{text}}))(t).ContextKeyNames
	if !slices.Contains(got, "aws:userid") || len(got) != 5 {
		t.Errorf("got %v", got)
	}
	if got := must(h.GetContextKeysForCustomPolicy(ctx, &api.GetContextKeysForCustomPolicyInput{PolicyInputList: []string{old}}))(t).ContextKeyNames; got == nil || len(got) != 0 {
		t.Errorf("got %v", got)
	}
}
