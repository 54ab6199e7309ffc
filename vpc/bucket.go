package vpc

import (
	"context"
	"errors"

	"flowlake/access"
	"flowlake/access/policy"
	"flowlake/fault"
	"flowlake/lake"
)

// fileACL is what the service gives its files: bucket policies ask for it.
const fileACL = "bucket-owner-full-control"

// deliverer is the log delivery service as it writes a flow log's files: it asks as itself, so the bucket's policy must
// let it. Its source is an ARN of the logs service, as the policies of AWS's documents expect.
//
// Source: VPC user guide, "Amazon S3 bucket permissions for flow logs". What follows the account in aws:SourceArn is not
// documented.
func deliverer(account, region, flowLog string) access.Caller {
	return access.ServicePrincipal(account, region, Service, "arn:aws:logs:"+region+":"+account+":vpc-flow-log:"+flowLog)
}

// Deliverer is the log delivery service as it writes the flow log's files.
func (f FlowLog) Deliverer() access.Caller {
	return deliverer(f.Creator.Account, f.Creator.Region, f.ID)
}

// mayDeliver asks all that the service needs of a bucket.
func (s *Store) mayDeliver(ctx context.Context, service access.Caller, to destination, o Options) error {
	if _, _, err := s.lake.BucketACL(ctx, service, to.bucket); err != nil {
		return err
	}
	folder := o.Prefix(to.folder, service.Account, service.Region)
	err := s.lake.MayPut(ctx, service, lake.PutInput{Bucket: to.bucket, Key: folder + "file", ACL: fileACL})
	if refusal, ok := errors.AsType[*access.Refusal](err); ok { // the statement is for the files that there will be
		wide := *refusal
		wide.Statement = refusal.StatementFor(policy.Literal(lake.ARN(to.bucket, folder)) + "*")
		return &wide
	}
	return err
}

// letIn makes sure that the service may write into a bucket. Where the bucket's policy does not let it, the statements
// that do are added for a caller who may read and put that policy, as AWS does. It returns fault.Denied about "log
// destination" for others, with what the policy lacks.
func (s *Store) letIn(ctx context.Context, c access.Caller, to destination, o Options) error {
	service := deliverer(c.Account, c.Region, "*")
	missing := s.mayDeliver(ctx, service, to, o)
	if !fault.Is(missing, fault.Denied) {
		return missing
	}
	err := missing
	if r, ok := errors.AsType[*access.Refusal](missing); !ok || r.Decision.Reason != policy.ExplicitDeny { // more to allow would not help
		err = s.lake.AddStatements(ctx, c, to.bucket, deliveryStatements(c, to, o)...)
	}
	if err == nil {
		err = s.mayDeliver(ctx, service, to, o)
	}
	if fault.Is(err, fault.Denied) {
		return fault.Newf(fault.Denied, "log destination", "Access Denied for LogDestination: %s. Please check LogDestination permission. %s", to.bucket, access.Explain(missing))
	}
	return err
}

// deliveryStatements are what a bucket's policy needs.
func deliveryStatements(c access.Caller, to destination, o Options) []lake.Statement {
	folder := to.folder + "AWSLogs/" + c.Account + "/*"
	if o.Hive {
		folder = to.folder + "AWSLogs/aws-account-id=" + c.Account + "/*"
	}
	condition := func(more ...string) map[string]map[string]string {
		equals := map[string]string{"aws:SourceAccount": c.Account}
		for i := 0; i < len(more); i += 2 {
			equals[more[i]] = more[i+1]
		}
		return map[string]map[string]string{"StringEquals": equals, "ArnLike": {"aws:SourceArn": c.ARN("logs", "*")}}
	}
	by := map[string]string{"Service": Service}
	return []lake.Statement{
		{Sid: "AWSLogDeliveryWrite", Effect: "Allow", Principal: by, Action: []string{"s3:PutObject"}, Resource: lake.ARN(to.bucket, folder), Condition: condition("s3:x-amz-acl", fileACL)},
		{Sid: "AWSLogDeliveryAclCheck", Effect: "Allow", Principal: by, Action: []string{"s3:GetBucketAcl"}, Resource: lake.ARN(to.bucket, ""), Condition: condition()},
	}
}
