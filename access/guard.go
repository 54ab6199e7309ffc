package access

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"flowlake/access/audit"
	"flowlake/access/identity"
	"flowlake/access/policy"
	"flowlake/fault"
)

// Guard answers whether a caller may do an action to a resource. Rooms ask it at each step.
//
// One without identities (NewGuard) knows one principal, the account's root, which may do everything in its account.
type Guard struct {
	account    string
	identities *identity.Store // nil: root alone
	audit      *audit.Log      // nil: nothing is recorded
	log        *slog.Logger
	resources  ResourcePolicies // nil: no bucket has a policy
	sessions   sessions
	now        func() time.Time
}

// GuardConfig is what a guard with identities needs.
type GuardConfig struct {
	Account    string
	Identities *identity.Store // nil: root is the one principal
	Audit      *audit.Log      // nil: nothing is recorded
	Log        *slog.Logger
}

// NewGuard returns the guard of an account's resources in a house without identities.
func NewGuard(account string) *Guard {
	return OpenGuard(GuardConfig{Account: account, Log: slog.New(slog.DiscardHandler)})
}

// OpenGuard returns the guard of an account's resources. It starts nothing.
func OpenGuard(cfg GuardConfig) *Guard {
	return &Guard{account: cfg.Account, identities: cfg.Identities, audit: cfg.Audit, log: cfg.Log, now: time.Now}
}

// IdentityChanges counts the changes of users and roles: what was derived from them (CallerOf) holds as long as the
// count, read before, stays.
func (g *Guard) IdentityChanges() uint64 {
	if g.identities == nil {
		return 0
	}
	return g.identities.Changes()
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

	caller Caller
}

// Allow returns nil when c may do action ("s3:PutObject") to resource (an ARN or "*"), and a *Refusal, which is a
// fault.Denied, when not. entries are the action's own condition keys ("s3:prefix"); the guard adds the
// global ones. What it decides is recorded in the audit log.
//
// A question that was allowed in the same request a moment ago is not decided again.
func (g *Guard) Allow(ctx context.Context, c Caller, action, resource string, entries ...policy.Entry) error {
	r := RequestOf(ctx)
	now := g.now()
	if r != nil && r.remembers(&c, action, resource, entries, now) {
		return nil
	}
	var v Verdict
	if err := g.decide(ctx, c, action, resource, entries, &v); err != nil {
		return err
	}
	g.record(ctx, &v)
	if !v.Allowed {
		return v.Refusal
	}
	if r != nil {
		r.remember(question{caller: c, action: action, resource: resource, entries: entries, at: now})
	}
	return nil
}

// Decide is Allow without effect: nothing is recorded, and the answer comes with its reasons. The error is never a
// refusal: fault.Unavailable or fault.Internal, when what decides cannot be read.
func (g *Guard) Decide(ctx context.Context, c Caller, action, resource string, entries ...policy.Entry) (*Verdict, error) {
	v := new(Verdict)
	if err := g.decide(ctx, c, action, resource, entries, v); err != nil {
		return nil, err
	}
	return v, nil
}

// Refuse records a refusal that a room decided by other rules than policies (a grant that is missing, a row or column
// that is hidden), and returns it as an error. Where the caller must not see even that, the room drops what is returned
// and answers as if the thing did not exist.
func (g *Guard) Refuse(ctx context.Context, r *Refusal) error {
	v := Verdict{Decision: r.Decision, Request: policy.Request{Action: r.Action, Resource: r.Resource, Owner: g.ownerOf(r.Resource)}, Refusal: r, caller: r.Caller}
	g.record(ctx, &v)
	return r
}

// subject is whom a question is about, with what is in force for it.
type subject struct {
	name     string // for explanations: "user ana", "role crawler"
	policies []policy.Source
	boundary *policy.Source
	tags     map[string]string
	gone     string // why it is nobody any more
}

// subject finds what is in force for a caller.
func (g *Guard) subject(ctx context.Context, c *Caller) (subject, error) {
	switch {
	case c.IsService():
		return subject{name: "service " + c.Principal}, nil
	case c.IsRoot():
		return subject{name: "root"}, nil
	case g.identities == nil || c.Account != g.account:
		return subject{name: c.Principal}, nil
	}
	arn := c.Principal
	if c.Role != "" {
		arn = c.Role
	}
	p, err := g.identities.Principal(ctx, arn)
	if fault.Is(err, fault.NotFound) || err == nil && c.ID != "" && p.ID != c.ID {
		return subject{name: arn, gone: arn + " does not exist any more"}, nil
	}
	if err != nil {
		return subject{}, err
	}
	s := subject{name: p.Kind.String() + " " + p.Name, policies: p.Policies, boundary: p.Boundary}
	s.tags, err = g.sessions.tagged(p.Tags, c.SessionTags)
	return s, err
}

// decide answers a question into v, an empty one.
func (g *Guard) decide(ctx context.Context, c Caller, action, resource string, entries []policy.Entry, v *Verdict) error {
	v.caller = c
	v.Request.Action, v.Request.Resource = action, resource
	owner, own, err := g.policyOf(ctx, &c, action, resource)
	if err != nil {
		return err
	}
	v.Request.Owner = owner
	root := c.IsRoot() && c.Account == g.account
	if root && owner == c.Account && (own == nil || ownersAnyway(action)) {
		v.Decision = policy.Decision{Allowed: true, Reason: policy.AllowedAsRoot}
		return nil
	}
	who, err := g.subject(ctx, &c)
	if err != nil {
		return err
	}
	v.Policies = policy.Policies{Root: root, Identity: who.policies, Boundary: who.boundary, Resource: own}
	if v.Policies.Session, err = g.sessions.compiled(c.SessionPolicies); err != nil {
		return err
	}
	v.Request.Principal = policy.Principal{Account: c.Account, ARN: c.Principal, Role: c.Role, ID: c.ID}
	if c.IsService() {
		v.Request.Principal = policy.Principal{Account: c.Account, Service: c.Principal}
	}
	v.Request.Context = entries
	v.Request.More = (&globals{caller: c, request: RequestOf(ctx), owner: owner, now: g.now(), tags: who.tags}).find
	switch {
	case who.gone != "":
		v.Decision = policy.Decision{Reason: policy.NotAuthorizedOther, Detail: who.gone}
	case !c.IsService() && owner != c.Account, owner != g.account:
		v.Decision = policy.Decision{Reason: policy.NoResourceAllow, Detail: "it belongs to another account"}
	case assumes[action] && root: // no trust that names it helps
		v.Decision = policy.Decision{Reason: policy.NotAuthorizedOther, Detail: rootAssumes}
	case assumes[action] && own == nil && roleARN.MatchString(resource):
		v.Decision = policy.Decision{Reason: policy.NotAuthorizedOther, Detail: "there is no such role"}
	default:
		v.Decision = policy.Evaluate(&v.Request, &v.Policies)
	}
	if !v.Allowed {
		v.Refusal = g.refuse(v, &who)
		if v.Detail == rootAssumes {
			v.Refusal.Words = rootAssumes
		}
	}
	return nil
}

// refuse makes the refusal of a verdict.
func (g *Guard) refuse(v *Verdict, who *subject) *Refusal {
	r := &Refusal{Caller: v.caller, Action: v.Request.Action, Resource: v.Request.Resource, Decision: v.Decision, Kind: v.kind(),
		Hidden: v.caller.Account != g.account || v.Request.Owner != g.account}
	if v.Reason == policy.NotAuthorizedOther || v.Request.Owner != g.account {
		return r // no statement helps
	}
	if v.Detail == "" {
		v.Detail = policy.Nearest(&v.Request, &v.Policies, v.Decision)
		r.Decision = v.Decision
	}
	request := v.Request // a copy: the verdict of what is allowed stays off the heap
	r.request = &request
	r.Statement, r.Where = policy.Suggest(r.request, v.Decision)
	switch {
	case v.Reason == policy.ExplicitDeny:
		r.Where = ""
	case v.Reason == policy.NoIdentityAllow:
		r.Where = "an identity policy of " + who.name
	case v.Reason == policy.NoBoundaryAllow:
		r.Where = "the " + v.Source
	case v.Reason == policy.NoTrust:
		r.Where = "the " + v.Source
	case v.Reason == policy.NoResourceAllow && v.Policies.Resource != nil:
		r.Where = "the " + v.Policies.Resource.Name
	case v.Reason == policy.NoResourceAllow:
		if rest, ok := strings.CutPrefix(v.Request.Resource, "arn:aws:s3:::"); ok {
			bucket, _, _ := strings.Cut(rest, "/")
			r.Where = "a bucket policy of " + bucket
		}
	}
	return r
}

// kind is the kind of the policy that denied, as AWS's sentences have it.
func (v *Verdict) kind() string {
	switch {
	case v.Reason != policy.ExplicitDeny:
		return ""
	case v.Policy == policy.ResourcePolicy && assumes[v.Request.Action]:
		return trustKind
	}
	return v.Policy.String()
}

// assumes are the actions that a role's trust policy is asked for.
var assumes = map[string]bool{"sts:AssumeRole": true, "sts:TagSession": true, "sts:SetSourceIdentity": true}

// rootAssumes is STS's sentence for root, whatever a trust policy says.
const rootAssumes = "Roles may not be assumed by root accounts."

// ownersAnyway are what a bucket's policy cannot deny to root: it could not be mended otherwise.
//
// Source: S3 user guide, "Policies and permissions in Amazon S3".
func ownersAnyway(action string) bool {
	return action == "s3:GetBucketPolicy" || action == "s3:PutBucketPolicy" || action == "s3:DeleteBucketPolicy"
}

// policyOf finds the account that a resource belongs to, and the policy that it has.
func (g *Guard) policyOf(ctx context.Context, c *Caller, action, resource string) (owner string, own *policy.Source, err error) {
	const s3 = "arn:aws:s3:::"
	if bucket, ok := strings.CutPrefix(resource, s3); ok {
		if g.resources == nil {
			return g.account, nil, nil
		}
		owner, document, err := g.resources.ResourcePolicy(ctx, resource)
		if err != nil {
			return "", nil, err
		}
		if owner == "" { // nobody's: whoever may ask at all learns that it is not there
			return g.account, nil, nil
		}
		if document == nil {
			return owner, nil, nil
		}
		bucket, _, _ = strings.Cut(bucket, "/")
		return owner, &policy.Source{Name: "bucket policy of " + bucket, Document: document}, nil
	}
	owner = g.ownerOf(resource)
	if g.identities != nil && owner == g.account && assumes[action] && roleARN.MatchString(resource) {
		role, err := g.identities.Principal(ctx, resource)
		if fault.Is(err, fault.NotFound) {
			return owner, nil, nil
		}
		if err != nil {
			return "", nil, err
		}
		return owner, &policy.Source{Name: "trust policy of role " + role.Name, Document: role.Trust}, nil
	}
	return owner, nil, nil
}

// ownerOf is the account in an ARN; what names none is the guard's own.
func (g *Guard) ownerOf(arn string) string {
	rest, ok := arn, false
	for range 4 { // "arn", the partition, the service, the region
		if _, rest, ok = strings.Cut(rest, ":"); !ok {
			return g.account
		}
	}
	account, _, _ := strings.Cut(rest, ":")
	if account == "" || account == "aws" || account == "*" { // S3's, AWS's own policies, patterns
		return g.account
	}
	return account
}
