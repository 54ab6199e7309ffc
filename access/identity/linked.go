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

// DeleteServiceLinkedRole removes a service-linked role. Whether its service still needs it is its caller's to ask. It
// returns fault.NotFound.
func (s *Store) DeleteServiceLinkedRole(ctx context.Context, name string) error {
	return s.change(ctx, func(tx *state.Tx) error {
		r, err := s.get(tx, Role, name)
		if err != nil {
			return err
		}
		if r.ServiceLinked == "" {
			return fault.Newf(fault.Invalid, "role "+r.Name, "Role %s is not a service-linked role.", r.Name)
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
