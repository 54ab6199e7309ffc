package vpc

import (
	"strings"
	"testing"
	"time"

	"flowlake/access"
	"flowlake/fault"
)

// TestBucketPolicyOfFlowLogs is what AWS does to the policy of a flow log's bucket.
func TestBucketPolicyOfFlowLogs(t *testing.T) {
	h := open(t, 50*time.Millisecond)
	v, sub, _ := h.network(1)
	h.bucket("flows")
	ctx := t.Context()
	policy := func() string {
		text, err := h.lake.BucketPolicy(ctx, root, "flows")
		if err != nil && !fault.Is(err, fault.NotFound) {
			t.Fatal(err)
		}
		return text
	}
	in := FlowLogInput{Resources: []string{v.ID}, ResourceType: "VPC", Traffic: "ALL", Type: ToS3, Destination: "arn:aws:s3:::flows/net"}
	stranger := access.Caller{Account: root.Account, Region: root.Region, Principal: "arn:aws:iam::" + root.Account + ":user/ana"}
	t.Run("who may not put it gets no flow log, and learns what it lacks", func(t *testing.T) {
		made, failed, err := h.CreateFlowLogs(ctx, stranger, in)
		if err != nil || len(made) != 0 || len(failed) != 1 || !fault.Is(failed[0].Err, fault.Denied) {
			t.Fatalf("got %v, %v, %v", made, failed, err)
		}
		for _, want := range []string{"Access Denied for LogDestination: flows. Please check LogDestination permission", "s3:GetBucketAcl", Service} {
			if !strings.Contains(failed[0].Err.Error(), want) {
				t.Errorf("got %v, want %q in it", failed[0].Err, want)
			}
		}
		if policy() != "" {
			t.Errorf("got %s", policy())
		}
	})
	t.Run("it gets the statements of AWS's documents behind its own", func(t *testing.T) {
		own := `{"Version":"2012-10-17","Statement":{"Sid":"AWSLogDeliveryWrite","Effect":"Allow","Principal":{"Service":"logs.us-east-1.amazonaws.com"},"Action":"s3:GetBucketAcl","Resource":"arn:aws:s3:::flows"}}`
		if err := h.lake.PutBucketPolicy(ctx, root, "flows", own); err != nil {
			t.Fatal(err)
		}
		h.flowLog(in)
		for _, want := range []string{`"Service":"logs.us-east-1.amazonaws.com"`, `"Sid":"AWSLogDeliveryWrite2"`, `"Sid":"AWSLogDeliveryAclCheck"`, `"arn:aws:s3:::flows/net/AWSLogs/` + root.Account + `/*"`,
			`"aws:SourceAccount":"` + root.Account + `"`, `"s3:x-amz-acl":"bucket-owner-full-control"`, `"aws:SourceArn":"arn:aws:logs:` + root.Region + `:` + root.Account + `:*"`} {
			if !strings.Contains(policy(), want) {
				t.Errorf("got %s, want %s in it", policy(), want)
			}
		}
	})
	t.Run("it stays as it is where it lets the service in", func(t *testing.T) {
		before := policy()
		subnet := in
		subnet.Resources, subnet.ResourceType = []string{sub.ID}, "Subnet"
		if made, failed, err := h.CreateFlowLogs(ctx, stranger, subnet); err != nil || len(made) != 1 {
			t.Errorf("got %v, %v, %v", made, failed, err)
		}
		if policy() != before {
			t.Errorf("got %s, want %s", policy(), before)
		}
	})
	t.Run("a denial in it cannot be mended by statements", func(t *testing.T) {
		h.bucket("closed")
		if err := h.lake.PutBucketPolicy(ctx, root, "closed", `{"Version":"2012-10-17","Statement":{"Sid":"NoLogs","Effect":"Deny","Principal":{"Service":"`+Service+`"},"Action":"s3:PutObject","Resource":"arn:aws:s3:::closed/*"}}`); err != nil {
			t.Fatal(err)
		}
		closed := in
		closed.Destination = "arn:aws:s3:::closed"
		_, failed, err := h.CreateFlowLogs(ctx, root, closed)
		if err != nil || len(failed) != 1 || !strings.Contains(failed[0].Err.Error(), "Access Denied for LogDestination: closed") {
			t.Errorf("got %v, %v", failed, err)
		}
	})
	t.Run("folders in Hive's way have another prefix", func(t *testing.T) {
		h.bucket("hive")
		hive := in
		hive.Destination, hive.Options = "arn:aws:s3:::hive", Options{Given: true, Hive: true}
		h.flowLog(hive)
		text, err := h.lake.BucketPolicy(ctx, root, "hive")
		if err != nil || !strings.Contains(text, `"arn:aws:s3:::hive/AWSLogs/aws-account-id=`+root.Account+`/*"`) {
			t.Errorf("got %s, %v", text, err)
		}
	})
}
