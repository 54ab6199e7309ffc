package identity

import (
	"context"
	"strings"
	"time"

	"flowlake/access/policy"
	"flowlake/fault"
	"flowlake/state"
)

// linkedPath begins the path of service-linked roles, which are their services' to change.
const linkedPath = "/aws-service-role/"

// linkedRole is what a service's role is called, and the AWS-managed policy that it has.
type linkedRole struct{ name, policy string }

// linkedRoles are the roles of the services that are here, by the service's name. Each service has one.
//
// Source: the services' user guides, "Using service-linked roles".
var linkedRoles = map[string]linkedRole{
	"lakeformation.amazonaws.com": {"AWSServiceRoleForLakeFormationDataAccess", "LakeFormationDataAccessServiceRolePolicy"},
	"delivery.logs.amazonaws.com": {"AWSServiceRoleForLogDelivery", "AWSServiceRoleForLogDeliveryPolicy"},
}

// Linked returns what CreateServiceLinkedRole makes for a service: the role's ARN. ok is false for a service that has none here.
func (s *Store) Linked(service string) (arn string, ok bool) {
	l, ok := linkedRoles[service]
	if !ok {
		return "", false
	}
	return s.arn(Role, linkedPath+service+"/", l.name), true
}

// CreateServiceLinkedRole makes the role that a service uses for itself, with its policy and trust. It returns
// fault.Exists when it is there, and fault.Invalid for a service that has none and for a suffix where there is one role.
func (s *Store) CreateServiceLinkedRole(ctx context.Context, service, description, suffix string) (Entity, error) {
	l, ok := linkedRoles[service]
	switch {
	case !ok:
		return Entity{}, fault.Newf(fault.Invalid, "service "+service, "has no service-linked role here; these have: %s", strings.Join(sorted(linkedRoles), ", "))
	case suffix != "":
		return Entity{}, fault.Newf(fault.Invalid, "suffix "+suffix, "Custom suffix is not allowed for %s", service)
	}
	return s.create(ctx, Role, New{
		Name: l.name, Path: linkedPath + service + "/", Description: description, MaxSession: time.Hour,
		Trust: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"` + service + `"},"Action":"sts:AssumeRole"}]}`,
	}, service, "arn:aws:iam::aws:policy"+linkedPath+l.policy)
}

// LinkedUse is what uses a service-linked role in one region.
type LinkedUse struct {
	Region    string
	Resources []string // ARNs
}

// SetLinkedUse sets who knows what uses a service's linked role: that is not deleted while there is something. It is for wiring:
// call it before the first request.
func (s *Store) SetLinkedUse(service string, uses func(*state.Tx) ([]LinkedUse, error)) {
	s.linked[service] = uses
}

// LinkedUses returns what uses a service-linked role, or fault.NotFound.
func (s *Store) LinkedUses(ctx context.Context, name string) (uses []LinkedUse, err error) {
	err = s.state.View(ctx, func(tx *state.Tx) error {
		r, err := s.get(tx, Role, name)
		if err != nil {
			return err
		}
		if ask := s.linked[r.ServiceLinked]; ask != nil {
			uses, err = ask(tx)
		}
		return err
	})
	return uses, err
}

// DeleteServiceLinkedRole removes a service-linked role. It returns fault.NotFound, and fault.Conflict about the "service-linked
// role" for one that something uses.
func (s *Store) DeleteServiceLinkedRole(ctx context.Context, name string) error {
	return s.change(ctx, func(tx *state.Tx) error {
		r, err := s.get(tx, Role, name)
		if err != nil {
			return err
		}
		if r.ServiceLinked == "" {
			return fault.Newf(fault.Invalid, "role "+r.Name, "Role %s is not a service-linked role.", r.Name)
		}
		if ask := s.linked[r.ServiceLinked]; ask != nil {
			uses, err := ask(tx)
			if err != nil {
				return err
			}
			if len(uses) > 0 {
				return fault.Newf(fault.Conflict, "service-linked role "+r.Name, "%s uses it in %s", strings.Join(uses[0].Resources, ", "), uses[0].Region)
			}
		}
		return s.remove(tx, r)
	})
}

// PutLinked gives a service's linked role an inline policy, as its service does when there is more that it must reach:
// nobody else can. It returns fault.NotFound when the role was never made.
func (s *Store) PutLinked(ctx context.Context, service, policyName, document string) error {
	if _, err := s.documents.parse(policy.Identity, document); err != nil {
		return err
	}
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
