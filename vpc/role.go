package vpc

import (
	"context"
	"strings"

	"flowlake/access"
	"flowlake/fault"
)

// RoleService assumes the roles of flow logs to log groups. A role's trust policy may ask for the flow log's ARN as
// aws:SourceArn.
//
// Source: VPC user guide, "IAM role for publishing flow logs to CloudWatch Logs".
const RoleService = "vpc-flow-logs.amazonaws.com"

// assume begins a session of a flow log's role, named for the flow log.
func (s *Store) assume(ctx context.Context, creator access.Caller, flowLog, role string) (access.Caller, error) {
	arn := FlowLog{ID: flowLog, Creator: creator}.ARN()
	return s.guard.Assume(ctx, access.ServicePrincipal(creator.Account, creator.Region, RoleService, arn), role, flowLog)
}

// handOver asks whether the caller may hand a role to a flow log, and whether its service may assume it: fault.Invalid
// about "role", in EC2's words, where it may not. What the role may do is seen at the first delivery, as on AWS.
//
// The flow log has no id yet: a trust policy that wants a certain one can be edited once it is there.
func (s *Store) handOver(ctx context.Context, c access.Caller, role string) error {
	if err := s.guard.MayPassRole(ctx, c, "role", role, RoleService); err != nil {
		return err
	}
	_, err := s.assume(ctx, c, "fl-*", role)
	if fault.Is(err, fault.Denied) {
		// The statement to paste is for the flow log that will be: whichever id it has.
		why := strings.ReplaceAll(access.Explain(err), ":vpc-flow-log/fl-${*}", ":vpc-flow-log/*")
		return fault.Newf(fault.Invalid, "role", "Unable to assume given IAM role: '%s'. %s", role, why)
	}
	return err
}
