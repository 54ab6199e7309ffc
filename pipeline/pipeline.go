// Package pipeline looks at the whole pipeline as it stands: which actor takes each step, on whom, why, and which
// statement or grant lets it. It asks the rooms for what they hold, as its caller, and the guard for its answers; it
// changes nothing and keeps nothing, and nothing that it asks for others is in the audit log.
package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"flowlake/access"
	"flowlake/access/formation"
	"flowlake/access/identity"
	"flowlake/access/policy"
	"flowlake/catalog"
	"flowlake/catalog/crawler"
	"flowlake/delivery"
	"flowlake/fault"
	"flowlake/lake"
	"flowlake/logs"
	"flowlake/query"
	"flowlake/vpc"
)

// Rooms are those that the pipeline runs through.
type Rooms struct {
	Guard      *access.Guard
	Identities *identity.Store
	Formation  *formation.Store
	Lake       *lake.Store
	Logs       *logs.Store
	Catalog    *catalog.Catalog
	Crawlers   *crawler.Crawlers
	Delivery   *delivery.Store
	VPC        *vpc.Store
	Queries    *query.Queries

	AuditBucket string // gets the audit log's files; "": none
}

// Map is the pipeline of one account in one region as it stands.
type Map struct {
	Account string   `json:"account"`
	Region  string   `json:"region"`           // of everything but buckets and principals, which are every region's
	Steps   []Step   `json:"steps"`            // in the order that a record takes
	Unseen  []string `json:"unseen,omitempty"` // parts that the caller may not look at, each with the reason
}

// Step is what one actor does to another, with everything that it needs.
type Step struct {
	Stage    string     `json:"stage"`              // what it is a step of: "crawler web"
	Actor    string     `json:"actor"`              // who: a role's or user's ARN, or a service that acts as itself
	Service  string     `json:"service,omitempty"`  // that assumes the actor's role
	Target   string     `json:"target"`             // to whom: "log group web", "s3://lake/flows/"
	Why      string     `json:"why"`                // what for, in a few words
	Needs    []Need     `json:"needs"`              // all of them; none where nothing is asked, or Withheld
	Add      []Addition `json:"add,omitempty"`      // what would give all that is missing
	Withheld string     `json:"withheld,omitempty"` // why the caller is not told the needs
}

// OK reports whether nothing is known to be missing.
func (s Step) OK() bool {
	return !slices.ContainsFunc(s.Needs, func(n Need) bool { return !n.Allowed })
}

// Need is one permission that a step takes, and what decides it.
//
// A star in Resource stands for all that the step works on: the question is whether a policy lets the actor at all of
// that. A policy that allows a part of it alone is told as missing.
type Need struct {
	Action   string `json:"action"`             // "s3:PutObject"; of a grant as the audit log has it: "lakeformation:CreateTable"
	Resource string `json:"resource"`           // an ARN, or *
	Allowed  bool   `json:"allowed"`            // by what is in force now
	By       string `json:"by,omitempty"`       // the policy and statement, or the grant, that decided
	Missing  string `json:"missing,omitempty"`  // why not, in the sentence that the actor would read
	Add      string `json:"add,omitempty"`      // the least statement, or the command, that would allow it
	AddWhere string `json:"addWhere,omitempty"` // where it belongs
}

// Addition is a statement to add to a policy, or a command to run.
type Addition struct {
	Where string `json:"where"` // "an identity policy of role crawler"
	Text  string `json:"text"`  // JSON to paste, or a line for a shell
}

// Map asks every room. What the caller may not list is named in Unseen, and of actors whose policies the caller may not
// simulate (iam:SimulatePrincipalPolicy; s3:GetBucketPolicy where a bucket's policy decides) a step is shown and its
// needs are not. Other failures are returned.
//
// The questions are those of background work: no client's address or user agent is known, nor a session's policies and tags.
func (r Rooms) Map(ctx context.Context, c access.Caller) (Map, error) {
	m := &mapping{Rooms: r, ctx: ctx, quiet: access.WithRequest(ctx, nil), caller: c, may: map[string]string{}, gone: map[string]bool{}, knows: map[string]known{}}
	m.out = Map{Account: c.Account, Region: c.Region, Steps: []Step{}}
	for _, part := range []struct {
		name string
		walk func() error
	}{
		{"flow logs", m.flowLogs}, {"subscription filters", m.subscriptions}, {"delivery streams", m.streams}, {"export tasks", m.exports},
		{"crawlers", m.crawlers}, {"data lake locations", m.locations}, {"tables and who reads them", m.tables}, {"the audit log", m.audit},
	} {
		if err := part.walk(); fault.Is(err, fault.Denied) {
			m.unseen(part.name, err)
		} else if err != nil {
			return m.out, err
		}
	}
	return m.out, nil
}

// mapping is one walk through the rooms.
type mapping struct {
	Rooms
	ctx    context.Context // for what the caller does: its refusals are its request's
	quiet  context.Context // for what is asked for others: it is no part of the request
	caller access.Caller
	may    map[string]string // why the caller may not know of an actor, "" where it may
	gone   map[string]bool   // roles that are not there
	knows  map[string]known  // of tables, by "database.table"
	out    Map
}

// allow asks whether the caller may do what a door would ask of it.
func (m *mapping) allow(action, resource string) error {
	return m.Guard.Allow(m.ctx, m.caller, action, resource)
}

// can is allow for what is passed over where the answer is no. It returns the refusal's sentence, "" for a yes.
func (m *mapping) can(action, resource string) (refused string, err error) {
	v, err := m.Guard.Decide(m.ctx, m.caller, action, resource)
	if err != nil || v.Allowed {
		return "", err
	}
	return v.Refusal.Sentence(), nil
}

// unseen notes what is not shown.
func (m *mapping) unseen(what string, why error) {
	first, _, _ := strings.Cut(access.Explain(why), "\n")
	m.out.Unseen = append(m.out.Unseen, what+": "+first)
}

// fewer is an unseen line for things of which each was refused by itself: how many, and the first's reason.
type fewer struct {
	n     int
	first error
}

func (f *fewer) add(err error) {
	if f.n++; f.n == 1 {
		f.first = err
	}
}

func (m *mapping) fewer(f fewer, one, many string) {
	switch f.n {
	case 0:
	case 1:
		m.unseen(one, f.first)
	default:
		m.unseen(fmt.Sprintf("%d %s", f.n, many), f.first)
	}
}

// add shows a step, as far as the caller may know of it. bucket is that whose policy decides for a service that acts as
// itself.
func (m *mapping) add(s Step, bucket string) error {
	action, resource := "iam:SimulatePrincipalPolicy", s.Actor
	if bucket != "" {
		action, resource = "s3:GetBucketPolicy", lake.ARN(bucket, "")
	}
	refused, known := m.may[resource]
	if !known && len(s.Needs) > 0 {
		var err error
		if refused, err = m.can(action, resource); err != nil {
			return err
		}
		m.may[resource] = refused
	}
	if refused != "" {
		s.Needs, s.Withheld = nil, refused
		if strings.HasPrefix(s.Service, "logs.") { // which of two, the role's trust decided
			s.Service = logs.Service
		}
	}
	if s.Needs == nil {
		s.Needs = []Need{}
	}
	if len(s.Needs) > 1 && m.gone[s.Actor] { // what a role may that is not there need not be said
		s.Needs = s.Needs[:1]
	}
	s.Add = additions(s.Needs)
	m.out.Steps = append(m.out.Steps, s)
	return nil
}

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

// decidedBy names the policy and the statement that decided, "" for none.
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
