package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"flowlake/pipeline"
)

// testAccess explains what a user may do, and maps the pipeline, for root and for who may ask of one principal alone.
func testAccess(t *testing.T, c *clients) {
	ctx, root := t.Context(), iam.NewFromConfig(c.config(""))
	done := answered(t)
	documents := `{"Version":"2012-10-17","Statement":[{"Sid":"Read","Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::explained/*"},
	 {"Sid":"Ask","Effect":"Allow","Action":["iam:SimulatePrincipalPolicy","flowlake:GetAccessMap"],"Resource":["arn:aws:iam::*:user/explained","*"],"Condition":{"StringNotLike":{"aws:username":"no*"}}}]}`
	name := aws.String("explained")
	done(root.CreateUser(ctx, &iam.CreateUserInput{UserName: name}))
	done(root.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: name, PolicyName: aws.String("may"), PolicyDocument: &documents}))
	key, err := root.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: name})
	ok(t, err)
	arn := "arn:aws:iam::" + defaultAccount + ":user/explained"
	hers := c.env(t, "AWS_ACCESS_KEY_ID="+*key.AccessKey.AccessKeyId, "AWS_SECRET_ACCESS_KEY="+*key.AccessKey.SecretAccessKey)

	for _, q := range []struct{ action, resource string }{{"s3:GetObject", "arn:aws:s3:::explained/x"}, {"s3:PutObject", "arn:aws:s3:::explained/x"}, {"iam:SimulatePrincipalPolicy", arn}, {"logs:PutLogEvents", "*"}} {
		out, err := root.SimulatePrincipalPolicy(ctx, &iam.SimulatePrincipalPolicyInput{PolicySourceArn: &arn, ActionNames: []string{q.action}, ResourceArns: []string{q.resource}})
		ok(t, err)
		allowed := out.EvaluationResults[0].EvalDecision == types.PolicyEvaluationDecisionTypeAllowed
		for who, env := range map[string][]string{"root": c.env(t), "she": hers} {
			text, errs, code := runCommand(t, env, "", "access", "explain", "--principal", "user/explained", "--action", q.action, "--resource", q.resource, "--output", "json")
			var x pipeline.Explanation
			if err := json.Unmarshal([]byte(text), &x); err != nil || x.Allowed != allowed || (code == 0) != allowed || !allowed && code != exitFindings {
				t.Errorf("%s of %s: exit %d, %q, %q; iam:SimulatePrincipalPolicy says %s", who, q.action, code, text, errs, out.EvaluationResults[0].EvalDecision)
			}
		}
	}
	text, errs, code := runCommand(t, c.env(t), "", "access", "explain", "--principal", "user/explained", "--action", "s3:PutObject", "--resource", "arn:aws:s3:::explained/x")
	if code != exitFindings || !strings.Contains(text, "because no identity-based policy allows the s3:PutObject action") || !strings.Contains(text, `"Action": "s3:PutObject"`) {
		t.Errorf("exit %d, %q, %q", code, text, errs)
	}
	text, errs, code = runCommand(t, hers, "", "access", "map")
	if code != 0 || !strings.Contains(text, "not shown: flow logs: User: "+arn) || strings.Contains(text, "→") {
		t.Errorf("her map: exit %d, %q, %q", code, text, errs)
	}
	text, errs, code = runCommand(t, c.env(t), "", "access", "map", "--output", "json")
	var m pipeline.Map
	if err := json.Unmarshal([]byte(text), &m); err != nil || code != 0 && code != exitFindings || m.Account != defaultAccount || m.Region != defaultRegion || len(m.Unseen) > 0 {
		t.Errorf("the map: exit %d, %q, %q", code, text, errs)
	}
	no := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}`
	done(root.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: name, PolicyName: aws.String("may"), PolicyDocument: &no}))
	for _, args := range [][]string{{"access", "map"}, {"access", "explain", "--principal", arn, "--action", "s3:GetObject"}, {"access", "explain", "--principal", "logs.amazonaws.com", "--action", "s3:GetObject"}} {
		if text, errs, code := runCommand(t, hers, "", args...); code == 0 || code == exitFindings || text != "" || !strings.Contains(errs, "is not authorized to perform: ") {
			t.Errorf("%v without the permission: exit %d, %q, %q", args, code, text, errs)
		}
	}
	done(root.DeleteUserPolicy(ctx, &iam.DeleteUserPolicyInput{UserName: name, PolicyName: aws.String("may")}))
	done(root.DeleteAccessKey(ctx, &iam.DeleteAccessKeyInput{UserName: name, AccessKeyId: key.AccessKey.AccessKeyId}))
	done(root.DeleteUser(ctx, &iam.DeleteUserInput{UserName: name}))
}
