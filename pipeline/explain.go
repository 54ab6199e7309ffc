package pipeline

import (
	"context"
	"maps"
	"slices"
	"strings"

	"flowlake/access"
	"flowlake/access/policy"
	"flowlake/fault"
)

// Question is what Explain is asked.
type Question struct {
	Principal string              // the ARN of a user, role or root, or a service that asks as itself
	Action    string              // "s3:PutObject"
	Resource  string              // an ARN, or "*"; "" is "*"
	SourceARN string              // of a service: for which resource it asks
	Context   map[string][]string // condition keys with their values
}

// Explanation is the answer with its reasons.
type Explanation struct {
	Principal string `json:"principal"`
	Need
	Decision string  `json:"decision"`         // in a sentence
	Grants   *Grants `json:"grants,omitempty"` // of the catalogue's table or database that the resource is
}

// Explain says whether a principal may do something, by which statement or why not, and what would allow it; of a table
// also what Lake Formation grants the principal. It returns fault.Invalid for a question that makes no sense, and
// fault.NotFound for a principal that does not exist. Whether the caller may know is asked by its door
// (iam:SimulatePrincipalPolicy on the principal).
func (r Rooms) Explain(ctx context.Context, c access.Caller, q Question) (x Explanation, err error) {
	if q.Resource == "" {
		q.Resource = "*"
	}
	if service, name, ok := strings.Cut(q.Action, ":"); !ok || service == "" || name == "" || strings.ContainsAny(q.Action, "*? ") {
		return x, fault.Newf(fault.Invalid, "action "+q.Action, "is not one action, such as s3:GetObject")
	}
	if q.Resource != "*" && !strings.HasPrefix(q.Resource, "arn:") {
		return x, fault.Newf(fault.Invalid, "resource "+q.Resource, "is neither an ARN nor *")
	}
	var as access.Caller
	switch {
	case strings.HasPrefix(q.Principal, "arn:"):
		if as, err = r.Guard.CallerOf(ctx, q.Principal, c.Region); err != nil {
			return x, err
		}
	case strings.HasSuffix(q.Principal, ".amazonaws.com"):
		as = access.ServicePrincipal(c.Account, c.Region, q.Principal, q.SourceARN)
	default:
		return x, fault.Newf(fault.Invalid, "principal "+q.Principal, "is neither the ARN of a user, role or root nor a service such as logs.%s.amazonaws.com", c.Region)
	}
	var entries []policy.Entry
	for _, key := range slices.Sorted(maps.Keys(q.Context)) {
		entries = append(entries, policy.Entry{Key: key, Values: q.Context[key]})
	}
	m := &mapping{Rooms: r, ctx: ctx, caller: c}
	x.Principal, x.Need = q.Principal, m.decide(as, q.Action, q.Resource, entries...)
	if x.Decision = x.Missing; x.Allowed {
		x.Decision = q.Principal + " may " + q.Action + " on " + q.Resource + ": " + x.By
	}
	x.Grants, err = m.grantsOn(as, q.Resource)
	return x, err
}
