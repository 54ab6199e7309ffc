// Package iam is the door of Identity and Access Management: users, groups, roles, policies, access keys, and what
// policies would decide. One table of operations, each of which calls access/identity. It turns IAM's shapes into the
// room's and back, cuts pages, writes documents as IAM's answers have them, and decides nothing else.
package iam

import (
	"context"
	"net/http"
	"strings"

	"flowlake/access"
	"flowlake/access/identity"
	"flowlake/aws/wire"
	"flowlake/fault"
)

type door struct {
	ids   *identity.Store
	guard *access.Guard // of simulations
}

// Service returns the table of the service's operations.
func Service(ids *identity.Store, guard *access.Guard) wire.Service {
	d := &door{ids, guard}
	s := wire.Service{
		Name: "iam", Title: "Identity and Access Management", Protocol: wire.Query, Target: "2010-05-08", Namespace: "https://iam.amazonaws.com/doc/2010-05-08/",
		Faults: faults,
	}
	for _, rows := range [][]wire.Operation{
		d.users(), d.keys(), d.groups(), d.roles(), d.linkedRoles(), d.policies(), d.versions(), d.inline(), d.attached(), d.boundaries(), d.tags(), d.account(), d.absent(), d.simulations(),
	} {
		s.Operations = append(s.Operations, rows...)
	}
	return s
}

// faults maps what the room returns; what they do not match has the protocol's code, which are IAM's.
//
// Source: IAM API reference, "Errors" of each operation.
var faults = []wire.FaultRule{
	{Kind: fault.Invalid, Noun: "policy document", Code: "MalformedPolicyDocument"},
	{Kind: fault.Invalid, Noun: "tag", Code: "InvalidInput"},
	{Kind: fault.Invalid, Noun: "entity ARN", Code: "InvalidInput"},
	{Kind: fault.Invalid, Noun: "context entry", Code: "InvalidInput"},
	{Kind: fault.Invalid, Noun: "action", Code: "InvalidInput"},
	{Kind: fault.Invalid, Noun: "service", Code: "InvalidInput"},
	{Kind: fault.Invalid, Noun: "suffix", Code: "InvalidInput"},
	{Kind: fault.Conflict, Noun: "service-linked role", Code: "UnmodifiableEntity"},
	{Kind: fault.Conflict, Noun: "attachment", Code: "PolicyNotAttachable"},
	{Kind: fault.Conflict, Noun: "user", Code: "DeleteConflict", Status: http.StatusConflict},
	{Kind: fault.Conflict, Noun: "group", Code: "DeleteConflict", Status: http.StatusConflict},
	{Kind: fault.Conflict, Noun: "role", Code: "DeleteConflict", Status: http.StatusConflict},
	{Kind: fault.Conflict, Noun: "policy", Code: "DeleteConflict", Status: http.StatusConflict},
}

// thing is what permissions ask of a user, group, role or policy besides its name.
type thing struct {
	arn      string
	tags     []identity.Tag
	boundary string
}

// kinds are the room's names of the kinds.
var kinds = map[string]identity.Kind{user: identity.User, group: identity.Group, role: identity.Role}

// find looks a thing up for its permissions: by its name, a policy by its ARN. One that cannot be read has none of what
// is asked for; the operation says why.
func (d *door) find(kind, name string) (thing, bool) {
	ctx := context.Background() // what is asked is in memory, and the row's questions have no context
	if kind == pol {
		p, err := d.ids.Policy(ctx, name)
		if err != nil {
			return thing{}, false
		}
		return thing{arn: p.ARN, tags: p.Tags}, true
	}
	of := kinds[kind]
	if kind == entity {
		var err error
		if of, name, err = entityOf(name, d.ids.Account()); err != nil {
			return thing{}, false
		}
	}
	e, err := d.ids.Get(ctx, of, name)
	if err != nil {
		return thing{}, false
	}
	return thing{arn: e.ARN, tags: e.Tags, boundary: e.Boundary}, true
}

// ownName is the name of the user that a request is about: the caller's own where it gives none.
func ownName(c access.Caller, name *string) (string, error) {
	if name != nil {
		return *name, nil
	}
	if _, path, ok := strings.Cut(c.Principal, ":user/"); ok {
		return path[strings.LastIndexByte(path, '/')+1:], nil
	}
	return "", fault.Newf(fault.Invalid, "member userName", "Must specify userName when calling with non-User credentials")
}
