package identity

import (
	"context"

	"flowlake/fault"
	"flowlake/state"
)

// PutLinked gives a service's linked role an inline policy, as its service does when there is more that it must reach. It
// returns fault.NotFound when the role was never made.
func (s *Store) PutLinked(ctx context.Context, service, policyName, document string) error {
	return s.edit(ctx, Role, linkedRoles[service].name, true, func(_ *state.Tx, r *record) error {
		r.Inline = cloned(r.Inline, policyName, document)
		return nil
	})
}

// DropLinked takes such a policy away. That neither the role nor the policy is there is no error.
func (s *Store) DropLinked(ctx context.Context, service, policyName string) error {
	err := s.edit(ctx, Role, linkedRoles[service].name, true, func(_ *state.Tx, r *record) error {
		delete(r.Inline, policyName)
		return nil
	})
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	return err
}
