package bench

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"flowlake/access/policy"
)

const (
	policies   = 20
	statements = 30
	decisions  = 50_000
)

// decisionBound is what a decision over 20 policies of 30 statements may take.
const decisionBound = 10 * time.Microsecond

// document makes a policy of 30 statements up; statement writes each.
func document(t *testing.T, number int, statement func(policy, number int) string) policy.Source {
	t.Helper()
	var all []string
	for i := range statements {
		all = append(all, statement(number, i))
	}
	d, err := policy.Parse(policy.Identity, `{"Version":"2012-10-17","Statement":[`+strings.Join(all, ",")+`]}`)
	if err != nil {
		t.Fatal(err)
	}
	return policy.Source{Name: fmt.Sprintf("managed policy %d", number), Document: d}
}

// TestBenchAccessDecision measures one decision over 20 policies of 30 statements, which the last of them allows: once with
// policies as people have them, and with those that keep the evaluator from leaving statements out.
func TestBenchAccessDecision(t *testing.T) {
	benchmark(t)
	const account = "111111111111"
	services := []string{"s3", "glue", "athena", "logs", "firehose", "ec2", "events", "kms", "lakeformation", "lambda"}
	entries := []policy.Entry{
		{Key: "aws:CurrentTime", Values: []string{"2026-11-21T05:00:00Z"}}, {Key: "aws:EpochTime", Values: []string{"1795237200"}},
		{Key: "aws:ResourceAccount", Values: []string{account}}, {Key: "aws:RequestedRegion", Values: []string{"us-east-1"}},
		{Key: "aws:SecureTransport", Values: []string{"true"}}, {Key: "aws:SourceIp", Values: []string{"203.0.113.9"}},
		{Key: "aws:UserAgent", Values: []string{"aws-sdk-go-v2"}}, {Key: "aws:PrincipalIsAWSService", Values: []string{"false"}},
		{Key: "aws:PrincipalAccount", Values: []string{account}}, {Key: "aws:ViaAWSService", Values: []string{"false"}},
		{Key: "aws:PrincipalArn", Values: []string{"arn:aws:iam::111111111111:user/ana"}}, {Key: "aws:PrincipalType", Values: []string{"User"}},
		{Key: "aws:username", Values: []string{"ana"}}, {Key: "aws:userid", Values: []string{"AIDAANAANAANAANAANAA"}},
		{Key: "s3:x-amz-acl", Values: []string{"bucket-owner-full-control"}},
	}
	request := policy.Request{Principal: policy.Principal{Account: account, ARN: "arn:aws:iam::111111111111:user/ana"},
		Action: "s3:PutObject", Resource: "arn:aws:s3:::flow-logs/ana/2026/11/21/05/part-0000.parquet", Owner: account, Context: entries}

	for _, load := range []struct {
		name, what string
		statement  func(policy, number int) string
	}{
		{"mixed", "each statement has 4 actions of one of 10 services and 2 resources", func(p, n int) string {
			s := services[(p+n)%len(services)]
			return fmt.Sprintf(`{"Effect":"Allow","Action":["%[1]s:GetThing%[2]d","%[1]s:List*","%[1]s:PutObject%[2]d","%[1]s:Describe?hing"],"Resource":["arn:aws:%[1]s:::thing-%[2]d","arn:aws:%[1]s:::thing-%[2]d/*"]}`, s, n)
		}},
		{"same-action", "each statement is about the action, on another bucket", func(p, n int) string {
			return fmt.Sprintf(`{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":"arn:aws:s3:::bucket-%d-%d/*"}`, p, n)
		}},
		{"wildcards", "each statement has the action by a wildcard and a resource with two", func(p, n int) string {
			return fmt.Sprintf(`{"Effect":"Allow","Action":["s3:Get*","s3:Put*"],"Resource":"arn:aws:s3:::flow-*/other-%d-%d/*"}`, p, n)
		}},
		{"denies", "each statement denies the action under a condition that does not hold", func(p, n int) string {
			return fmt.Sprintf(`{"Effect":"Deny","Action":"s3:PutObject","Resource":"arn:aws:s3:::flow-logs/*","Condition":{"StringEquals":{"s3:x-amz-acl":"public-%d-%d"}}}`, p, n)
		}},
		{"exceptions", "each statement denies the action to all whose ACL is another, and one is as it should be", func(p, n int) string {
			return `{"Effect":"Deny","Action":"s3:PutObject","Resource":"arn:aws:s3:::flow-logs/*","Condition":{"StringNotEquals":{"s3:x-amz-acl":"bucket-owner-full-control"}}}`
		}},
	} {
		var p policy.Policies
		for i := range policies {
			p.Identity = append(p.Identity, document(t, i, func(_, n int) string {
				if i == policies-1 && n == statements-1 {
					return `{"Effect":"Allow","Action":"s3:Put*","Resource":"arn:aws:s3:::flow-logs/${aws:username}/*","Condition":{"StringEquals":{"s3:x-amz-acl":"bucket-owner-full-control"},"Bool":{"aws:SecureTransport":"true"}}}`
				}
				return load.statement(i, n)
			}))
		}
		decide := func() {
			if d := policy.Evaluate(&request, &p); !d.Allowed || d.Statement != statements {
				t.Fatalf("%s: got %+v", load.name, d)
			}
		}
		allocated := testing.AllocsPerRun(100, decide)
		began := ownCPU(t)
		for range decisions {
			decide()
		}
		one := (ownCPU(t) - began) / decisions
		fmt.Printf("BENCH access-%s ours=%.2f peer=%.0f ratio=%.2f (µs of CPU a decision, %d policies of %d statements, %.0f allocations; the peer is the bound; %s)\n",
			load.name, float64(one)/1e3, float64(decisionBound)/1e3, float64(one)/float64(decisionBound), policies, statements, allocated, load.what)
	}
}
