package access

import (
	"context"

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
// fault.Denied error that names all three when not.
func (g *Guard) Allow(_ context.Context, c Caller, action, resource string) error {
	if c.IsRoot() && c.Account == g.account {
		return nil
	}
	return fault.Newf(fault.Denied, "principal "+c.Principal, "is not authorized to perform: %s on resource: %s", action, resource)
}
