package pipeline

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"flowlake/access"
	"flowlake/access/formation"
	"flowlake/access/policy"
	"flowlake/catalog"
	"flowlake/fault"
	"flowlake/lake"
)

// Question is what Explain is asked.
type Question struct {
	Principal string `json:"-"`                   // the ARN of a user, a role, a role's session or root, or a service that asks as itself
	Action    string `json:"action"`              // "s3:PutObject"; a permission of Lake Formation is "lakeformation:Select"
	Resource  string `json:"resource,omitempty"`  // an ARN, or "*"; "" is "*"
	Column    string `json:"column,omitempty"`    // of a table: only with lakeformation:Select
	SourceARN string `json:"sourceArn,omitempty"` // of a service: for which resource it asks

	Context         map[string][]string `json:"context,omitempty"`         // condition keys with their values
	SessionPolicies []string            `json:"sessionPolicies,omitempty"` // documents that the role's session began with
}

// MaxQuestion bounds the JSON of a question, in bytes.
const MaxQuestion = 64 << 10

// maxContext bounds a question's condition keys.
const maxContext = 100

// ParseQuestion reads the JSON of a question; whose, it does not say. It returns fault.Invalid.
func ParseQuestion(body []byte) (q Question, err error) {
	if len(body) > MaxQuestion {
		return q, fault.Newf(fault.Invalid, "question", "is longer than %d bytes", MaxQuestion)
	}
	in := json.NewDecoder(bytes.NewReader(body))
	in.DisallowUnknownFields()
	if err := in.Decode(&q); err != nil {
		return q, fault.Newf(fault.Invalid, "question", "is not the JSON of a question: %v", err)
	}
	if _, err := in.Token(); err != io.EOF {
		return q, fault.Newf(fault.Invalid, "question", "has something behind its end")
	}
	return q, q.check()
}

// check says what is wrong with a question whatever there is, and fills in its resource.
func (q *Question) check() error {
	if q.Resource == "" {
		q.Resource = "*"
	}
	if service, name, ok := strings.Cut(q.Action, ":"); !ok || service == "" || name == "" || strings.ContainsAny(name, "*?: ") || strings.ContainsAny(service, "*? ") {
		return fault.Newf(fault.Invalid, "action "+strconv.Quote(q.Action), "is not one action, such as s3:GetObject")
	}
	if q.Resource != "*" && strings.Count(q.Resource, ":") < 5 || q.Resource != "*" && !strings.HasPrefix(q.Resource, "arn:") {
		return fault.Newf(fault.Invalid, "resource "+strconv.Quote(q.Resource), "is neither an ARN nor *")
	}
	if p, _ := permissionOf(q.Action); q.Column != "" && p != formation.Select {
		return fault.Newf(fault.Invalid, "column "+strconv.Quote(q.Column), "is asked for with the action lakeformation:Select alone")
	}
	if len(q.Context) > maxContext {
		return fault.Newf(fault.Invalid, "context", "has %d condition keys, and may have %d", len(q.Context), maxContext)
	}
	seen := map[string]bool{}
	for key, values := range q.Context {
		lower := strings.ToLower(key)
		if service, name, ok := strings.Cut(key, ":"); !ok || service == "" || name == "" || len(values) == 0 || seen[lower] {
			return fault.Newf(fault.Invalid, "context", "%q is not a condition key with its values, given once", key)
		}
		seen[lower] = true
	}
	for i, document := range q.SessionPolicies {
		if _, err := policy.Parse(policy.Identity, document); err != nil {
			return fault.Newf(fault.Invalid, "session policy "+strconv.Itoa(i+1), "%v", err)
		}
	}
	return nil
}

// Explanation is the answer with its reasons.
type Explanation struct {
	Principal string `json:"principal"`
	Need
	Decision string  `json:"decision"`         // in a sentence
	Reason   string  `json:"reason,omitempty"` // of a no: all that a refusal says, with what would allow it
	Grants   *Grants `json:"grants,omitempty"` // of the catalogue's table that the resource is, as far as the asking caller may know of it
}

// Explain says whether a principal may do something, by which statement or why not, and what would allow it; of a table
// also what Lake Formation grants the principal. What would be asked over the wire is known only as far as the question
// has it: without aws:SourceIp in its context there is no address.
//
// It returns fault.Invalid for a question that makes no sense, and fault.NotFound for a principal, and for a table that
// does not exist or that the asking caller may not see. Whether the caller may know is asked by its door
// (iam:SimulatePrincipalPolicy on the principal).
func (r Rooms) Explain(ctx context.Context, c access.Caller, q Question) (x Explanation, err error) {
	if err := q.check(); err != nil {
		return x, err
	}
	m := &mapping{Rooms: r, ctx: ctx, quiet: access.WithRequest(ctx, nil), caller: c, knows: map[string]known{}}
	as, err := m.who(q)
	if err != nil {
		return x, err
	}
	if !as.IsService() { // by the name that the policies of who asks have for it: a session's ARN has no path
		if err := m.allow("iam:SimulatePrincipalPolicy", principalOf(as)); err != nil {
			return x, err
		}
	}
	if p, ok := permissionOf(q.Action); ok {
		x, err = m.explainGrant(as, p, q)
	} else {
		x, err = m.explainAction(as, q)
	}
	if err != nil {
		return x, err
	}
	x.Principal = q.Principal
	if x.Decision = x.Missing; x.Allowed {
		x.Decision = q.Principal + " may " + q.Action + " on " + q.Resource + ": " + x.By
	}
	return x, nil
}

// who is the caller that a question is about.
func (m *mapping) who(q Question) (as access.Caller, err error) {
	switch {
	case strings.HasPrefix(q.Principal, "arn:"):
		if q.SourceARN != "" {
			return as, fault.Newf(fault.Invalid, "source ARN "+q.SourceARN, "is a service's: %s is none", q.Principal)
		}
		as, err = m.Guard.CallerOf(m.quiet, q.Principal, m.caller.Region)
	case strings.HasSuffix(q.Principal, ".amazonaws.com"):
		as = access.ServicePrincipal(m.caller.Account, m.caller.Region, q.Principal, q.SourceARN)
	default:
		err = fault.Newf(fault.Invalid, "principal "+strconv.Quote(q.Principal), "is neither the ARN of a user, role or root nor a service such as logs.%s.amazonaws.com", m.caller.Region)
	}
	if err != nil || len(q.SessionPolicies) == 0 {
		return as, err
	}
	if as.Role == "" {
		return as, fault.Newf(fault.Invalid, "session policy", "is of a role's session: %s is no role", q.Principal)
	}
	text, err := json.Marshal(q.SessionPolicies)
	as.SessionPolicies = string(text)
	return as, err
}

func (m *mapping) explainAction(as access.Caller, q Question) (x Explanation, err error) {
	var entries []policy.Entry
	for _, key := range slices.Sorted(maps.Keys(q.Context)) {
		entries = append(entries, policy.Entry{Key: key, Values: q.Context[key]})
	}
	if q.Action == "s3:ListAllMyBuckets" && q.Resource == "*" {
		q.Resource = lake.EveryBucket // as its door asks
	}
	x.Need = Need{Action: q.Action, Resource: q.Resource}
	v, err := m.Guard.Decide(m.quiet, as, q.Action, q.Resource, entries...)
	if err != nil {
		return x, err
	}
	x.Allowed, x.By = v.Allowed, decidedBy(v.Decision)
	if !v.Allowed {
		x.Missing, x.Add, x.AddWhere, x.Reason = v.Refusal.Reason(), v.Refusal.Statement, v.Refusal.Where, v.Refusal.Reason()
		x.Missing, _, _ = strings.Cut(x.Reason, "\n")
	}
	if r, err := resourceOf(m.caller, q.Resource); err == nil && r.Kind == formation.OfTable && !as.IsService() {
		x.Grants, err = m.shownGrants(as, r)
		if err != nil && !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.Denied) {
			return x, err
		}
	}
	return x, nil
}

// explainGrant answers for a permission of Lake Formation.
func (m *mapping) explainGrant(as access.Caller, p formation.Permission, q Question) (x Explanation, err error) {
	r, err := resourceOf(m.caller, q.Resource)
	if err != nil {
		return x, err
	}
	if !suits(p, r.Kind) {
		return x, fault.Newf(fault.Invalid, "permission "+string(p), "is none on %s", nameOf(r))
	}
	if as.IsService() {
		return x, fault.Newf(fault.Invalid, "principal "+q.Principal, "is a service: Lake Formation grants to users and roles")
	}
	if q.Column != "" && r.Kind != formation.OfTable {
		return x, fault.Newf(fault.Invalid, "column "+q.Column, "is none of %s", nameOf(r))
	}
	switch r.Kind {
	case formation.OfTable:
		if x.Grants, err = m.shownGrants(as, r); err != nil {
			return x, err
		}
	case formation.OfDatabase: // as lists are: who may not know of it learns nothing
		if err := m.Catalog.View(m.ctx, m.caller, func(s *catalog.Snapshot) error { _, err := s.Database(m.ctx, r.Database); return err }); err != nil {
			return x, err
		}
	}
	if q.Column != "" {
		return x, m.explainColumn(&x, as, r, strings.ToLower(q.Column))
	}
	x.Need = m.has(as, r, p)
	if x.Grants != nil && p == formation.Select && !x.Allowed && len(x.Grants.Columns) > 0 { // of a part: that is what there is to know
		x.Missing += " on all of it: " + x.Grants.Summary
	}
	x.Reason = x.because()
	return x, nil
}

// because is a need's reason as refusals print it.
func (n *Need) because() string {
	switch {
	case n.Allowed:
		return ""
	case n.Add == "":
		return n.Missing
	}
	return n.Missing + "\n\nThis would allow it, in " + n.AddWhere + ":\n\n" + n.Add
}

// explainColumn answers for SELECT on one column, of which the asking caller knows.
func (m *mapping) explainColumn(x *Explanation, as access.Caller, r formation.Resource, column string) error {
	x.Need = Need{Action: "lakeformation:Select", Resource: resourceARN(as, r)}
	name := r.Database + "." + r.Table + "." + column
	switch g := x.Grants; {
	case slices.Contains(g.Columns, column):
		x.Allowed, x.By = true, "Lake Formation: SELECT on "+name+" is granted"
		if !g.governed || g.filtered {
			x.By = "Lake Formation: " + g.Summary
		}
	case slices.Contains(g.Hidden, column):
		x.Missing = "Insufficient Lake Formation permission(s): Required Select on " + name + "; in SQL the column is not there"
		x.Add = formation.Command(formation.Grant{Principal: principalOf(as), Permissions: []formation.Permission{formation.Select},
			Resource: formation.Resource{Kind: formation.OfColumns, Database: r.Database, Table: r.Table, Columns: []string{column}}}, as.Region)
		x.AddWhere = "a shell of a data lake administrator"
	default:
		return fault.Newf(fault.NotFound, "column "+name, "not found")
	}
	x.Reason = x.because()
	return nil
}

// suits reports whether a permission is asked for on a kind of thing.
func suits(p formation.Permission, k formation.Kind) bool {
	switch p {
	case formation.Select, formation.Insert, formation.Delete:
		return k == formation.OfTable
	case formation.CreateTable:
		return k == formation.OfDatabase
	case formation.CreateDatabase:
		return k == formation.OfCatalog
	case formation.DataLocationAccess:
		return k == formation.OfLocation
	}
	return k == formation.OfTable || k == formation.OfDatabase
}

// shownGrants is what a principal was granted on a table, as far as the asking caller may know of it: glue:GetTable on it,
// the columns that the caller sees, and the rows' filters for who reads all of the table or administers the data lake.
func (m *mapping) shownGrants(as access.Caller, r formation.Resource) (*Grants, error) {
	r.Database, r.Table = strings.ToLower(r.Database), strings.ToLower(r.Table)
	for _, thing := range onTable(r.Database, r.Table) {
		v, err := m.Guard.Decide(m.ctx, m.caller, "glue:GetTable", m.caller.ARN("glue", thing))
		if err != nil {
			return nil, err
		}
		if !v.Allowed {
			return nil, v.Refusal
		}
	}
	g, err := m.tableGrants(m.quiet, as, r.Database, r.Table)
	if err != nil {
		return nil, err
	}
	return m.veiled(g, r.Database, r.Table)
}

// known is what the asking caller may know of a table.
type known struct {
	formation.Access
	admin bool // of the data lake
}

// veiled is what a principal was granted on a table as the asking caller may know of it, or fault.NotFound for a table
// that the caller may not.
func (m *mapping) veiled(g *Grants, database, table string) (*Grants, error) {
	name := database + "." + table
	own, there := m.knows[name]
	if !there {
		err := m.Formation.View(m.ctx, m.caller, func(v *formation.View) error {
			t, err := v.Known(database, table)
			if err == nil {
				own.Access, err = v.Table(m.ctx, t)
			}
			if err == nil {
				own.admin, err = v.Admin()
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		m.knows[name] = own
	}
	switch {
	case !own.Describe:
		return nil, fault.Newf(fault.NotFound, "table "+name, "not found")
	case own.admin || own.May(formation.Select):
		return g, nil
	}
	unknown := func(column string) bool { return !slices.Contains(own.Columns, column) }
	shown := *g
	shown.Columns, shown.Hidden = slices.DeleteFunc(slices.Clone(g.Columns), unknown), slices.DeleteFunc(slices.Clone(g.Hidden), unknown)
	shown.Summary, shown.Add = "grants SELECT on "+strings.Join(shown.Columns, ", ")+" of what you may know of "+name, ""
	if len(shown.Columns) == 0 {
		shown.Summary = "grants no SELECT on what you may know of " + name
	}
	if len(g.Rows) > 0 {
		shown.Rows, shown.Summary = nil, shown.Summary+", on some rows"
	}
	return &shown, nil
}
