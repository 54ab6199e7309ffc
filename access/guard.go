package access

import (
	"context"

	"flowlake/access/policy"
	"flowlake/fault"
)

// Guard answers whether a caller may do an action to a resource. Rooms ask it at each step.
//
// Until identities exist there is one principal, the account's root, which may do everything in
// its account; every other caller is denied.
type Guard struct {
	account string
}

// NewGuard returns the guard of an account's resources.
func NewGuard(account string) *Guard {
	return &Guard{account: account}
}

// Allow returns nil when c may do action ("s3:PutObject") to resource (an ARN or "*"), and a
// fault.Denied error that names all three when not. entries are the action's own condition keys
// ("s3:prefix"); the guard adds the global ones.
func (g *Guard) Allow(_ context.Context, c Caller, action, resource string, entries ...policy.Entry) error {
	if c.IsRoot() && c.Account == g.account {
		return nil
	}
	return fault.Newf(fault.Denied, "principal "+c.Principal, "is not authorized to perform: %s on resource: %s", action, resource)
}

// Assume returns the session of the role for a service that acts for itself (see ServicePrincipal), after it held the
// role's trust policy against it: fault.Denied when the role does not exist or does not trust the service.
// Background work calls it at each run, so that a changed trust counts.
func (g *Guard) Assume(_ context.Context, service Caller, role, session string) (Caller, error) {
	return Root(service.Account, service.Region).Via(service.Service, service.SourceARN), nil
}

// PassRole is asked wherever a caller hands a role to a service: the caller needs iam:PassRole on it
// (with iam:PassedToService), and the role must exist and trust the service. member is what errors call it ("RoleARN").
func (g *Guard) PassRole(_ context.Context, c Caller, member, role, service string) error {
	return CheckRole(member, role)
}

// ResourcePolicies finds the policy of a resource and the account that owns it. The lake meets it for buckets and objects.
type ResourcePolicies interface {
	// ResourcePolicy returns owner "" for a resource that it does not know, and a nil document for one without a policy.
	ResourcePolicy(ctx context.Context, arn string) (owner string, document *policy.Document, err error)
}

// Request is what is known of the request that a decision is made in; a context carries it.
type Request struct {
	ID        string // the request's id
	SourceIP  string // without a port
	UserAgent string
	Secure    bool // it came over TLS
}

type requestKey struct{}

// WithRequest returns a context in which decisions know their request.
func WithRequest(ctx context.Context, r *Request) context.Context {
	return context.WithValue(ctx, requestKey{}, r)
}
