package delivery

import (
	"cmp"
	"context"
	"slices"

	"flowlake/access"
	"flowlake/access/policy"
	"flowlake/fault"
	"flowlake/logs"
)

// Role is a role that a stream's settings hand to its service.
type Role struct {
	Member string // what errors call it: "RoleARN"
	ARN    string
}

// Service is the service that a stream's steps are made by, as itself: for a Writer that has roles of its own to assume.
func (d *Stream) Service() access.Caller {
	return access.ServicePrincipal(d.Account, d.Region, cmp.Or(d.acts, d.Caller.Service), d.ARN)
}

// Assume begins a session of one of a stream's roles. The account is the external id: a role may ask for it, so that a service
// that works for others too cannot be talked into using it.
//
// Source: Firehose developer guide, "Grant Firehose access to an Amazon S3 destination".
func Assume(ctx context.Context, guard *access.Guard, d *Stream, role, session string) (access.Caller, error) {
	return guard.Assume(ctx, d.Service(), role, session, policy.Entry{Key: "sts:ExternalId", Values: []string{d.Account}})
}

// sessionName is what the session is called that a stream's batches are written in.
const sessionName = "AWSFirehoseToS3"

// actor is who a stream's batches are written as: its first role, or its service where it has none.
func (s *Store) actor(ctx context.Context, d *Stream, w Writer) (access.Caller, error) {
	roles, err := w.Roles(*d)
	if err != nil {
		return access.Caller{}, err
	}
	if len(roles) == 0 {
		return d.Caller, nil
	}
	return Assume(ctx, s.guard, d, roles[0].ARN, sessionName)
}

// handOver asks whether the caller may hand the stream the roles that are not among those it had, and whether its service
// may assume them. It returns fault.Invalid, in Firehose's words, for a role that is not there or does not trust the service.
func (s *Store) handOver(ctx context.Context, c access.Caller, d *Stream, w Writer, had []Role) error {
	roles, err := w.Roles(*d)
	if err != nil {
		return err
	}
	for _, r := range roles {
		if slices.ContainsFunc(had, func(old Role) bool { return old.ARN == r.ARN }) {
			continue
		}
		if err := s.guard.MayPassRole(ctx, c, r.Member, r.ARN, d.Caller.Service); err != nil {
			return err
		}
		_, err := Assume(ctx, s.guard, d, r.ARN, sessionName)
		if fault.Is(err, fault.Denied) {
			return fault.Newf(fault.Invalid, r.Member, "Firehose is unable to assume role %s. Please check the role provided. %s", r.ARN, access.Explain(err))
		}
		if err != nil {
			return err
		}
		had = append(had, r)
	}
	return nil
}

// subscriptionSession is what the session is called that CloudWatch Logs puts events into a stream in.
const subscriptionSession = "CloudWatchLogsToFirehose"

// maySend asks whether a subscription's role lets CloudWatch Logs put events into the stream: firehose:PutRecordBatch, or
// firehose:PutRecord, which AWS's own example has. The role trusts logs.amazonaws.com, or, as older examples have it,
// the region's principal.
//
// Source: CloudWatch Logs user guide, "Subscription filters with Amazon Data Firehose".
func (s *Store) maySend(ctx context.Context, sub logs.Subscription) error {
	source := access.Caller{Account: sub.Account, Region: sub.Region}
	arn := logs.GroupARN(source, sub.Group) + ":*"
	service := access.ServicePrincipal(sub.Account, sub.Region, logs.Service, arn)
	older := access.ServicePrincipal(sub.Account, sub.Region, "logs."+sub.Region+".amazonaws.com", arn)
	session := policy.Entry{Key: "sts:RoleSessionName", Values: []string{subscriptionSession}}
	v, err := s.guard.Decide(ctx, service, "sts:AssumeRole", sub.RoleARN, session) // a role that trusts the other refuses nobody: nothing to record
	if err == nil && !v.Allowed {
		if v, err = s.guard.Decide(ctx, older, "sts:AssumeRole", sub.RoleARN, session); err == nil && v.Allowed {
			service = older
		}
	}
	if err != nil {
		return err
	}
	as, err := s.guard.Assume(ctx, service, sub.RoleARN, subscriptionSession)
	if err != nil {
		return err
	}
	action := "firehose:PutRecordBatch"
	if v, err = s.guard.Decide(ctx, as, "firehose:PutRecord", sub.DestinationARN); err != nil {
		return err
	}
	if v.Allowed {
		action = "firehose:PutRecord"
	}
	return s.guard.Allow(ctx, as, action, sub.DestinationARN)
}
