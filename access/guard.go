package access

import (
	"context"
	"log/slog"
	"time"

	"flowlake/access/audit"
	"flowlake/access/policy"
	"flowlake/fault"
)

// Guard answers whether a caller may do an action to a resource. Rooms ask it at each step.
//
// One without identities (NewGuard) knows one principal, the account's root, which may do everything in its account.
type Guard struct {
	account   string
	audit     *audit.Log // nil: nothing is recorded
	log       *slog.Logger
	resources ResourcePolicies // nil: no resource has a policy
	now       func() time.Time
}

// GuardConfig is what a guard with identities needs.
type GuardConfig struct {
	Account string
	Audit   *audit.Log // nil: nothing is recorded
	Log     *slog.Logger
}

// NewGuard returns the guard of an account's resources in a house without identities.
func NewGuard(account string) *Guard {
	return OpenGuard(GuardConfig{Account: account, Log: slog.New(slog.DiscardHandler)})
}

// OpenGuard returns the guard of an account's resources. It starts nothing.
func OpenGuard(cfg GuardConfig) *Guard {
	return &Guard{account: cfg.Account, audit: cfg.Audit, log: cfg.Log, now: time.Now}
}

// ResourcePolicies finds the policy of a resource and the account that owns it. The lake meets it for buckets and objects.
type ResourcePolicies interface {
	// ResourcePolicy returns owner "" for a resource that it does not know, and a nil document for one without a policy.
	ResourcePolicy(ctx context.Context, arn string) (owner string, document *policy.Document, err error)
}

// SetResources tells the guard who knows the policies of S3's resources. It is called once, before the first question.
func (g *Guard) SetResources(r ResourcePolicies) { g.resources = r }

// Verdict is a decision with all that it was made from.
type Verdict struct {
	policy.Decision
	Request  policy.Request
	Policies policy.Policies
	Refusal  *Refusal // nil when it is allowed
}

// Allow returns nil when c may do action ("s3:PutObject") to resource (an ARN or "*"), and a *Refusal, which is a
// fault.Denied, when not. entries are the action's own condition keys ("s3:prefix"); the guard adds the
// global ones. What it decides is recorded in the audit log.
//
// A question that was allowed in the same request a moment ago is not decided again.
func (g *Guard) Allow(ctx context.Context, c Caller, action, resource string, entries ...policy.Entry) error {
	v, err := g.Decide(ctx, c, action, resource, entries...)
	if err != nil || v.Allowed {
		return err
	}
	return v.Refusal
}

// Decide is Allow without effect: nothing is recorded, and the answer comes with its reasons. The error is never a
// refusal: fault.Unavailable, when what decides cannot be read.
func (g *Guard) Decide(_ context.Context, c Caller, action, resource string, entries ...policy.Entry) (*Verdict, error) {
	v := &Verdict{Request: policy.Request{Action: action, Resource: resource, Context: entries}}
	if c.IsRoot() && c.Account == g.account {
		v.Decision = policy.Decision{Allowed: true, Reason: policy.AllowedAsRoot}
		return v, nil
	}
	v.Decision = policy.Decision{Reason: policy.NoIdentityAllow}
	v.Refusal = &Refusal{Caller: c, Action: action, Resource: resource, Decision: v.Decision}
	return v, nil
}

// Refuse records a refusal that a room decided by other rules than policies (a grant that is missing, a row or column
// that is hidden), and returns it as an error. Where the caller must not see even that, the room drops what is returned
// and answers as if the thing did not exist.
func (g *Guard) Refuse(ctx context.Context, r *Refusal) error {
	return r
}

// CallerOf returns the caller that a user, a role, or root is, by its ARN: for simulations, and for explaining. A role's
// is a session of it with that role's name. It returns fault.NotFound.
func (g *Guard) CallerOf(ctx context.Context, arn, region string) (Caller, error) {
	if c := Root(g.account, region); arn == c.Principal {
		return c, nil
	}
	return Caller{}, fault.Newf(fault.NotFound, "principal "+arn, "no such principal")
}

// Assume returns the session of the role for a service that acts for itself (see ServicePrincipal), after it held the
// role's trust policy against it: a *Refusal when the role does not exist or does not trust the service.
// Background work calls it at each run, so that a changed trust counts. entries are the service's own condition keys
// (sts:ExternalId, which Firehose gives).
func (g *Guard) Assume(_ context.Context, service Caller, role, session string, _ ...policy.Entry) (Caller, error) {
	return Root(service.Account, service.Region).Via(service.Service, service.SourceARN), nil
}

// PassRole is asked wherever a caller hands a role to a service: the caller needs iam:PassRole on it
// (with iam:PassedToService), and the role must exist and trust the service. member is what errors call it ("RoleARN").
// It returns a *Refusal, or fault.Invalid for an ARN, a role or a trust policy that cannot be used.
func (g *Guard) PassRole(ctx context.Context, c Caller, member, role, service string) error {
	return g.MayPassRole(ctx, c, member, role, service)
}

// MayPassRole is the half of PassRole that concerns the caller: the role itself is not looked at.
func (g *Guard) MayPassRole(_ context.Context, c Caller, member, role, service string) error {
	return CheckRole(member, role)
}
