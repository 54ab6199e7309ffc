// Package lakeformation is Lake Formation's door: one row per operation, each of which calls formation. It turns the
// service's shapes into the room's and back, pages its lists, and decides nothing.
package lakeformation

import (
	"net/http"

	"flowlake/access"
	"flowlake/access/formation"
	"flowlake/access/policy"
	"flowlake/aws/wire"
	"flowlake/fault"
)

type door struct{ f *formation.Store }

// Service returns Lake Formation's table over the room. f is nil for those who only read the table.
func Service(f *formation.Store) wire.Service {
	d := &door{f}
	s := wire.Service{Name: "lakeformation", Title: "Lake Formation", Protocol: wire.RestJSON, Faults: faults}
	for _, rows := range [][]wire.Operation{d.settings(), d.locations(), d.permissions(), d.cells(), d.tags(), d.tagging(), d.expressions(), d.credentials()} {
		s.Operations = append(s.Operations, rows...)
	}
	return s
}

// faults maps what the room returns.
//
// Source: Lake Formation API reference, each operation's "Errors".
var faults = []wire.FaultRule{
	{Kind: fault.NotFound, Code: "EntityNotFoundException"},
	{Kind: fault.Exists, Code: "AlreadyExistsException"},
	{Kind: fault.Invalid, Code: "InvalidInputException"},
	{Kind: fault.Unsupported, Code: "InvalidInputException"},
	{Kind: fault.TooLarge, Code: "InvalidInputException"},
	{Kind: fault.Conflict, Code: "ConcurrentModificationException"},
	{Kind: fault.Limit, Code: "ResourceNumberLimitExceededException"},
	{Kind: fault.Denied, Code: "AccessDeniedException"},
	{Kind: fault.Throttled, Code: "ThrottledException"},
	{Kind: fault.Internal, Code: "InternalServiceException", Status: http.StatusInternalServerError},
	{Kind: fault.Unavailable, Code: "InternalServiceException", Status: http.StatusInternalServerError},
}

// permit asks for the one action of an operation, which has no resource: Lake Formation's have none.
func permit[In any](operation string) []wire.Permission[In] {
	return []wire.Permission[In]{{Action: "lakeformation:" + operation}}
}

// passing asks, besides, for the right to hand a role over.
func passing[In any](operation string, role func(*In) *string) []wire.Permission[In] {
	return append(permit[In](operation), wire.Permission[In]{
		Action:   "iam:PassRole",
		Resource: func(_ access.Caller, in *In) string { return text(role(in)) },
		When:     func(in *In) bool { return role(in) != nil },
		Context: func(*In) []policy.Entry {
			return []policy.Entry{{Key: "iam:PassedToService", Values: []string{formation.Service}}}
		},
	})
}

// account refuses another account's catalogue: there is none here.
func account(c access.Caller, ids ...*string) error {
	for _, id := range ids {
		if id != nil && *id != c.Account {
			return fault.Newf(fault.NotFound, "catalog "+*id, "not found; this account's is %s", c.Account)
		}
	}
	return nil
}

// explain is a failure inside of an answer.
func explain(err error) (code, message *string) {
	svc := wire.Service{Protocol: wire.RestJSON, Faults: faults}
	e := svc.Explain(err)
	return &e.Code, &e.Message
}

func text(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

func ref(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func yes(p *bool) bool { return p != nil && *p }

// unbuilt refuses what flowlake does not do.
func unbuilt(member, why string) error {
	return fault.Newf(fault.Unsupported, member, "flowlake does not support it: %s", why)
}
