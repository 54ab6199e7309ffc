package logs

import (
	"strings"
	"testing"

	"flowlake/fault"
)

// TestExportNeedsTheBucketsPolicy takes the policy of AWS's documents apart.
func TestExportNeedsTheBucketsPolicy(t *testing.T) {
	ctx := t.Context()
	h, now := exporting(t, t.TempDir())
	defer h.close(t)
	if err := h.lake.CreateBucket(ctx, root, "closed"); err != nil {
		t.Fatal(err)
	}
	in := ExportInput{Group: "vpc", FromMillis: now, ToMillis: now + 999, Bucket: "closed", Prefix: "p"}
	whole := exportPolicy("closed", "p/*", "logs.us-east-1.amazonaws.com")
	condition := `"Condition":{"StringEquals":{"s3:x-amz-acl":"bucket-owner-full-control"}}`
	for _, row := range []struct {
		name, policy string
		want         []string // in the refusal; none: it is taken
	}{
		{"without a policy", "", []string{"GetBucketAcl call on the given bucket failed. Please check if CloudWatch Logs has been granted permission to perform this operation.",
			`"Action": "s3:GetBucketAcl"`, `"Resource": "arn:aws:s3:::closed"`, `"Action": "s3:PutObject"`, `"Resource": "arn:aws:s3:::closed/p/*"`, "logs.us-east-1.amazonaws.com"}},
		{"as it is written", whole, nil},
		{"of another region's service", strings.ReplaceAll(whole, "us-east-1", "ap-northeast-2"), []string{"GetBucketAcl call on the given bucket failed", "logs.us-east-1.amazonaws.com"}},
		{"without the ACL's statement", strings.Replace(whole, "s3:GetBucketAcl", "s3:GetBucketLocation", 1), []string{"GetBucketAcl call on the given bucket failed"}},
		{"for another prefix", exportPolicy("closed", "q/*", "logs.us-east-1.amazonaws.com"), []string{"PutObject call on the given bucket failed", "s3:PutObject", "arn:aws:s3:::closed/p/aws-logs-write-test", `"Resource": "arn:aws:s3:::closed/p/*"`}},
		{"with another ACL in its condition", strings.Replace(whole, "bucket-owner-full-control", "private", 1), []string{"PutObject call on the given bucket failed"}},
		{"with this account and group", strings.Replace(whole, condition, `"Condition":{"StringEquals":{"aws:SourceAccount":"`+root.Account+`"},"ArnLike":{"aws:SourceArn":"arn:aws:logs:us-east-1:`+root.Account+`:log-group:vpc:*"}}`, 1), nil},
		{"with another account", strings.Replace(whole, condition, `"Condition":{"StringEquals":{"aws:SourceAccount":"999999999999"}}`, 1), []string{"PutObject call on the given bucket failed"}},
		{"with another group", strings.Replace(whole, condition, `"Condition":{"ArnLike":{"aws:SourceArn":"arn:aws:logs:us-east-1:`+root.Account+`:log-group:other:*"}}`, 1), []string{"PutObject call on the given bucket failed"}},
		{"with a denial behind it", strings.Replace(whole, `"Statement":[`, `"Statement":[{"Sid":"NoLogs","Effect":"Deny","Principal":{"Service":"logs.us-east-1.amazonaws.com"},"Action":"s3:PutObject","Resource":"arn:aws:s3:::closed/*"},`, 1),
			[]string{"PutObject call on the given bucket failed", "explicit deny", "NoLogs"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			err := h.lake.DeleteBucketPolicy(ctx, root, "closed")
			if row.policy != "" {
				err = h.lake.PutBucketPolicy(ctx, root, "closed", row.policy)
			}
			if err != nil {
				t.Fatal(err)
			}
			id, err := h.CreateExport(ctx, root, in)
			if len(row.want) == 0 {
				if err != nil {
					t.Fatal(err)
				}
				if err := h.CancelExport(ctx, root, id); err != nil {
					t.Error(err)
				}
				return
			}
			if !fault.Is(err, fault.Invalid) || !fault.HasNoun(err, "export destination") {
				t.Fatalf("got %v", err)
			}
			for _, want := range row.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want %q in it", err, want)
				}
			}
		})
	}
	t.Run("one that is taken away fails the task, with the reason", func(t *testing.T) {
		h.allowExport(t, "closed", "p/*", "logs.us-east-1.amazonaws.com")
		id, err := h.CreateExport(ctx, root, in)
		if err != nil {
			t.Fatal(err)
		}
		if err := h.lake.DeleteBucketPolicy(ctx, root, "closed"); err != nil {
			t.Fatal(err)
		}
		if task := h.run(t, id); task.Status != ExportFailed || !strings.Contains(task.Message, "PutObject call on the given bucket failed") || !strings.Contains(task.Message, "logs.us-east-1.amazonaws.com") {
			t.Errorf("got %+v", task)
		}
	})
}
