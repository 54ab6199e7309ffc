package access

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"time"

	"flowlake/access/policy"
	"flowlake/fault"
)

// CallerOf returns the caller that a user, a role, or root is, by its ARN: for simulations, and for explaining. A role's
// is a session of it with that role's name; a session's ARN is taken too. It returns fault.NotFound.
func (g *Guard) CallerOf(ctx context.Context, arn, region string) (Caller, error) {
	if c := Root(g.account, region); arn == c.Principal {
		return c, nil
	}
	if g.identities == nil {
		return Caller{}, fault.Newf(fault.NotFound, "principal "+arn, "no such principal")
	}
	p, err := g.identities.Principal(ctx, arn)
	if err != nil {
		return Caller{}, err
	}
	c := Caller{Account: g.account, Region: region, Principal: p.ARN, ID: p.ID}
	if p.Trust == nil {
		return c, nil
	}
	c.Role, c.Session = p.ARN, p.Name
	if prefix := "arn:aws:sts::" + g.account + ":assumed-role/" + p.Name + "/"; strings.HasPrefix(arn, prefix) {
		c.Session = arn[len(prefix):]
	}
	c.Principal = sessionARN(g.account, p.Name, c.Session)
	return c, nil
}

func sessionARN(account, role, session string) string {
	return "arn:aws:sts::" + account + ":assumed-role/" + role + "/" + session
}

// notInSession is what a session's name may not have.
//
// Source: STS API reference, "AssumeRole".
var notInSession = regexp.MustCompile(`[^\w+=,.@-]`)

// sessionName makes a service's name for a session one that STS takes: 2 to 64 characters.
func sessionName(name string) string {
	name = notInSession.ReplaceAllString(name, "-")
	if len(name) > 64 {
		name = name[:64]
	}
	for len(name) < 2 {
		name += "-"
	}
	return name
}

// Assume returns the session of the role for a service that acts for itself (see ServicePrincipal), after it held the
// role's trust policy against it: a *Refusal when the role does not exist or does not trust the service.
// Background work calls it at each run, so that a changed trust counts. entries are the service's own condition keys
// (sts:ExternalId, which Firehose gives).
func (g *Guard) Assume(ctx context.Context, service Caller, role, session string, entries ...policy.Entry) (Caller, error) {
	if g.identities == nil {
		return Root(service.Account, service.Region).Via(service.Service, service.SourceARN), nil
	}
	if err := CheckRole("role", role); err != nil {
		return Caller{}, err
	}
	session = sessionName(session)
	if err := g.Allow(ctx, service, "sts:AssumeRole", role, append([]policy.Entry{{Key: "sts:RoleSessionName", Values: []string{session}}}, entries...)...); err != nil {
		return Caller{}, err
	}
	p, err := g.identities.Principal(ctx, role)
	if err != nil {
		return Caller{}, err
	}
	name, _, _ := strings.Cut(service.Principal, ".")
	g.identities.Used("", p.ID, service.Region, name)
	return Caller{Account: g.account, Region: service.Region, Principal: sessionARN(g.account, p.Name, session),
		ID: p.ID, Role: p.ARN, Session: session, Issued: g.now().UTC().Format(time.RFC3339)}, nil
}

// PassRole is asked wherever a caller hands a role to a service: the caller needs iam:PassRole on it
// (with iam:PassedToService), and the role must exist and trust the service. member is what errors call it ("RoleARN").
// It returns a *Refusal, or fault.Invalid for an ARN, a role or a trust policy that cannot be used.
//
// The trust is asked for without aws:SourceArn: what the service will work for may not exist yet. A trust policy that wants
// one is held against it when the service assumes the role.
func (g *Guard) PassRole(ctx context.Context, c Caller, member, role, service string) error {
	if err := g.MayPassRole(ctx, c, member, role, service); err != nil || g.identities == nil {
		return err
	}
	p, err := g.identities.Principal(ctx, role)
	if fault.Is(err, fault.NotFound) {
		return fault.Newf(fault.Invalid, member+" "+role, "there is no such role")
	}
	if err != nil {
		return err
	}
	asks := ServicePrincipal(g.account, c.Region, service, "")
	v, err := g.Decide(ctx, asks, "sts:AssumeRole", role)
	switch {
	case err != nil, v.Allowed:
		return err
	case v.Reason == policy.NoTrust && trustsSomehow(p.Trust, service):
		return nil // under a condition
	}
	return fault.Newf(fault.Invalid, member+" "+role, "%s is unable to assume the role. %s", service, v.Refusal.Explanation())
}

// trustsSomehow reports whether a trust policy allows a service to assume its role, under whatever conditions.
func trustsSomehow(trust *policy.Document, service string) bool {
	for _, st := range trust.Statements() {
		named := slices.ContainsFunc(st.Actions, func(a string) bool {
			return policy.Match(strings.ToLower(a), "sts:assumerole")
		})
		if named == st.NotAction {
			continue
		}
		for _, name := range st.Principals {
			if st.Allow && !st.NotPrincipal && name.Type == "Service" && name.Value == service {
				return true
			}
		}
	}
	return false
}

// MayPassRole is the half of PassRole that concerns the caller: the role itself is not looked at.
func (g *Guard) MayPassRole(ctx context.Context, c Caller, member, role, service string) error {
	if err := CheckRole(member, role); err != nil || g.identities == nil {
		return err
	}
	if owner := g.ownerOf(role); owner != c.Account {
		return g.Refuse(ctx, &Refusal{Caller: c, Action: "iam:PassRole", Resource: role, Words: "Cross-account pass role is not allowed.",
			Decision: policy.Decision{Reason: policy.NotAuthorizedOther, Detail: "the role belongs to account " + owner}})
	}
	return g.Allow(ctx, c, "iam:PassRole", role, policy.Entry{Key: "iam:PassedToService", Values: []string{service}})
}
