package formation

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"flowlake/access"
	"flowlake/fault"
)

// who is the principal that grants to the caller name: a session's role, and otherwise the principal itself.
func who(c access.Caller) string {
	if c.Role != "" {
		return c.Role
	}
	return c.Principal
}

// same reports whether a stored principal is the caller. One that was deleted and made again under its old name has
// another id, and is another principal.
func same(c access.Caller, arn, id string) bool {
	own, _, _ := strings.Cut(c.ID, ":")
	return arn == who(c) && (id == "" || own == "" || id == own)
}

// applies reports whether a grant is also the caller's.
func (v *View) applies(g *grant) bool {
	switch g.Principal {
	case IAMAllowed:
		return true
	case v.c.Account + everyone:
		return !v.c.IsService()
	}
	return same(v.c, g.Principal, g.ID)
}

// Admin reports whether the caller is a data lake administrator. Root always is.
//
// Differs from AWS: there, root administers nothing until it is named; here it is the first principal there is.
func (v *View) Admin() (bool, error) {
	if v.c.IsRoot() {
		return true, nil
	}
	set, err := v.Settings()
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(set.Admins, func(p Principal) bool { return same(v.c, p.ARN, p.ID) }), nil
}

// reader reports whether the caller may know of everything: an administrator, or one who may only read.
func (v *View) reader() (bool, error) {
	admin, err := v.Admin()
	if admin || err != nil {
		return admin, err
	}
	set, err := v.Settings()
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(set.ReadOnlyAdmins, func(p Principal) bool { return same(v.c, p.ARN, p.ID) }), nil
}

// Principal is a user or a role, as it was when it was named.
type Principal struct {
	ARN string `json:"arn"`
	ID  string `json:"id,omitempty"` // AIDA…, AROA…
}

// principalARN is a user's or a role's ARN.
var principalARN = regexp.MustCompile(`^arn:aws[a-z-]*:iam::([0-9]{12}):(user|role)/[\x21-\x7e]{1,576}$`)

// principal checks who is to be granted something. The principal must be there.
//
// Source: Lake Formation API reference, "DataLakePrincipal".
func (s *Store) principal(ctx context.Context, c access.Caller, id string) (Principal, error) {
	invalid := func(format string, args ...any) error {
		return fault.Newf(fault.Invalid, "Invalid principal, "+id, format, args...)
	}
	if id == IAMAllowed || id == c.Account+everyone {
		return Principal{ARN: id}, nil
	}
	parts := principalARN.FindStringSubmatch(id)
	switch {
	case parts == nil && len(id) == 12 && strings.Trim(id, "0123456789") == "", strings.HasPrefix(id, "arn:aws:organizations:"), parts != nil && parts[1] != c.Account:
		return Principal{}, invalid("flowlake has one account, %s: nothing can be granted to another", c.Account)
	case parts == nil:
		return Principal{}, invalid("the ARN of a user or a role, %s, or %s is expected", IAMAllowed, c.Account+everyone)
	}
	found, err := s.find(ctx, id, c.Region)
	switch {
	case fault.Is(err, fault.NotFound):
		return Principal{}, invalid("there is no such %s", parts[2])
	case err != nil:
		return Principal{}, err
	}
	own, _, _ := strings.Cut(found.ID, ":")
	return Principal{ARN: id, ID: own}, nil
}
