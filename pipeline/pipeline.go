// Package pipeline looks at the whole pipeline as it stands: which actor takes each step, on whom, why, and which
// statement or grant lets it. It asks the rooms for what they hold, as its caller, and the guard for its answers; it
// changes nothing and keeps nothing.
package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"flowlake/access"
	"flowlake/access/formation"
	"flowlake/access/policy"
	"flowlake/catalog/crawler"
	"flowlake/delivery"
	"flowlake/fault"
	"flowlake/logs"
	"flowlake/vpc"
)

// Rooms are those that the pipeline runs through.
type Rooms struct {
	Guard     *access.Guard
	Formation *formation.Store
	Logs      *logs.Store
	Crawlers  *crawler.Crawlers
	Delivery  *delivery.Store
	VPC       *vpc.Store
}

// Step is what one actor does to another, with everything that it needs.
type Step struct {
	Stage   string `json:"stage"`             // "crawler web", one line of a list
	Actor   string `json:"actor"`             // who: a role's or user's ARN, or a service that acts as itself
	Service string `json:"service,omitempty"` // that assumes the role
	Target  string `json:"target"`            // to whom: "log group web", "s3://lake/flows/"
	Why     string `json:"why"`               // what for, in a few words
	Needs   []Need `json:"needs"`
}

// OK reports whether nothing is missing.
func (s Step) OK() bool {
	return !slices.ContainsFunc(s.Needs, func(n Need) bool { return !n.Allowed })
}

// Need is one permission that a step takes, and what decides it.
type Need struct {
	Action   string `json:"action"`             // "s3:PutObject"; a grant's is "lakeformation: CREATE_TABLE"
	Resource string `json:"resource"`           // an ARN
	Allowed  bool   `json:"allowed"`            //
	By       string `json:"by,omitempty"`       // the policy and statement, or the grant, that decided
	Missing  string `json:"missing,omitempty"`  // why not, in words
	Add      string `json:"add,omitempty"`      // the least statement, or the command, that would allow it
	AddWhere string `json:"addWhere,omitempty"` // where it belongs
}

// Map is the pipeline as it stands.
type Map struct {
	Steps  []Step   `json:"steps"`
	Unseen []string `json:"unseen,omitempty"` // parts that the caller may not list, each with the reason
}

// Map asks every room. What the caller may not list is named in Unseen; other failures are returned.
func (r Rooms) Map(ctx context.Context, c access.Caller) (Map, error) {
	m := &mapping{Rooms: r, ctx: ctx, caller: c}
	for _, part := range []struct {
		name string
		walk func() error
	}{
		{"flow logs", m.flowLogs}, {"export tasks", m.exports}, {"subscription filters", m.subscriptions},
		{"delivery streams", m.streams}, {"crawlers", m.crawlers}, {"data lake locations", m.locations}, {"readers of tables", m.readers},
	} {
		switch err := part.walk(); {
		case fault.Is(err, fault.Denied):
			first, _, _ := strings.Cut(err.Error(), "\n")
			m.out.Unseen = append(m.out.Unseen, part.name+": "+first)
		case err != nil:
			return m.out, err
		}
	}
	return m.out, nil
}

// mapping is one walk through the rooms.
type mapping struct {
	Rooms
	ctx    context.Context
	caller access.Caller
	out    Map
}

// decide asks the guard, for the map and not for the audit log.
func (m *mapping) decide(as access.Caller, action, resource string, entries ...policy.Entry) Need {
	n := Need{Action: action, Resource: resource}
	v, err := m.Guard.Decide(m.ctx, as, action, resource, entries...)
	switch {
	case err != nil:
		n.Missing = err.Error()
	case v.Allowed:
		n.Allowed, n.By = true, decidedBy(v.Decision)
	default:
		n.Missing, n.Add, n.AddWhere = v.Refusal.Sentence(), v.Refusal.Statement, v.Refusal.Where
	}
	return n
}

// each asks for several actions on several things of the catalogue.
func (m *mapping) each(as access.Caller, actions []string, resources ...string) (needs []Need) {
	for _, action := range actions {
		for _, r := range resources {
			needs = append(needs, m.decide(as, action, as.ARN("glue", r)))
		}
	}
	return needs
}

// decidedBy names what allowed.
func decidedBy(d policy.Decision) string {
	switch {
	case d.Reason == policy.AllowedAsRoot:
		return "the account's root may do everything"
	case d.Sid != "":
		return d.Source + `, statement "` + d.Sid + `"`
	case d.Statement > 0:
		return fmt.Sprintf("%s, statement %d", d.Source, d.Statement)
	}
	return d.Source
}

// service is a service that asks as itself.
func (m *mapping) service(name, source string) access.Caller {
	return access.ServicePrincipal(m.caller.Account, m.caller.Region, name, source)
}

// assume begins a step that a service takes as a role: its first need is the role's trust. It returns the
// session to ask for the rest with. entries are what the service gives with it.
func (m *mapping) assume(service access.Caller, role string, entries ...policy.Entry) (access.Caller, Need) {
	trust := m.decide(service, "sts:AssumeRole", role, entries...)
	as, err := m.Guard.CallerOf(m.ctx, role, m.caller.Region)
	if err != nil {
		as = access.Caller{Account: m.caller.Account, Region: m.caller.Region, Principal: role, Role: role} // of nobody: every answer is no
		trust = Need{Action: trust.Action, Resource: role, Missing: err.Error()}
	}
	return as, trust
}

func (m *mapping) add(s Step) { m.out.Steps = append(m.out.Steps, s) }

// maxShown bounds the lists that have no pages here.
const maxShown = 10_000

// pages walks a paged list to its end.
func pages(page func(token string) (next string, err error)) error {
	for token := ""; ; {
		next, err := page(token)
		if err != nil || next == "" {
			return err
		}
		if next == token {
			return errors.New("pipeline: a list does not advance")
		}
		token = next
	}
}
