package pipeline

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"flowlake/access"
	"flowlake/access/policy"
	"flowlake/fault"
	"flowlake/lake"
)

// ownersACL is what services write with into buckets of others.
var ownersACL = policy.Entry{Key: "s3:x-amz-acl", Values: []string{"bucket-owner-full-control"}}

// decide asks the guard, for the map and not for the audit log.
func (m *mapping) decide(as access.Caller, action, resource string, entries ...policy.Entry) Need {
	n, _ := m.ask(as, action, resource, entries...)
	return n
}

// all asks for all resources whose ARNs begin with prefix, by the one that is named "*" there: what is to be read or written
// has no names yet. The statement that would allow it is for all, too.
func (m *mapping) all(as access.Caller, action, prefix string, entries ...policy.Entry) Need {
	n, refusal := m.ask(as, action, prefix+"*", entries...)
	if refusal != nil {
		n.Add = refusal.StatementFor(policy.Literal(prefix) + "*")
	}
	return n
}

// below is all for a bucket's objects below a prefix.
func (m *mapping) below(as access.Caller, action, bucket, prefix string, entries ...policy.Entry) Need {
	return m.all(as, action, lake.ARN(bucket, "")+"/"+prefix, entries...)
}

// ask is decide with the refusal, nil where there is none.
func (m *mapping) ask(as access.Caller, action, resource string, entries ...policy.Entry) (n Need, refusal *access.Refusal) {
	n = Need{Action: action, Resource: resource}
	v, err := m.Guard.Decide(m.quiet, as, action, resource, entries...)
	switch {
	case err != nil:
		n.Missing = err.Error()
	case v.Allowed:
		n.Allowed, n.By = true, decidedBy(v.Decision)
	default:
		refusal = v.Refusal
		n.refused(refusal)
		n.By = decidedBy(v.Decision)
	}
	return n, refusal
}

// refused makes a need one that is refused.
func (n *Need) refused(r *access.Refusal) {
	open := *r
	open.Hidden = false
	n.Missing, n.Add, n.AddWhere = open.Sentence(), r.Statement, r.Where
}

// glue asks for actions on things of the catalogue.
func (m *mapping) glue(as access.Caller, things []string, actions ...string) (needs []Need) {
	for _, action := range actions {
		for _, thing := range things {
			needs = append(needs, m.decide(as, "glue:"+action, as.ARN("glue", thing)))
		}
	}
	return needs
}

// onTables asks for actions on all tables of a database.
func (m *mapping) onTables(as access.Caller, database string, actions ...string) (needs []Need) {
	for _, action := range actions {
		needs = append(needs, m.glue(as, onDatabase(database), action)...)
		needs = append(needs, m.all(as, "glue:"+action, as.ARN("glue", "table/"+database+"/")))
	}
	return needs
}

// onDatabase and onTable are what the catalogue asks about for a database and a table: all that lies on the path.
func onDatabase(database string) []string { return []string{"catalog", "database/" + database} }

func onTable(database, table string) []string {
	return append(onDatabase(database), "table/"+database+"/"+table)
}

// list and read are the questions of who lists, or reads, what is below a prefix. "" is all of the bucket.
func (m *mapping) list(as access.Caller, bucket, prefix string) Need {
	var keys []policy.Entry
	if prefix != "" {
		keys = []policy.Entry{{Key: "s3:prefix", Values: []string{prefix}}}
	}
	return m.decide(as, "s3:ListBucket", lake.ARN(bucket, ""), keys...)
}

func (m *mapping) read(as access.Caller, bucket, prefix string) Need {
	return m.below(as, "s3:GetObject", bucket, prefix)
}

// service is a service that asks as itself.
func (m *mapping) service(name, source string) access.Caller {
	return access.ServicePrincipal(m.caller.Account, m.caller.Region, name, source)
}

// assume is a service taking on a role: it returns the session to ask for the rest with, and the need of the role's trust.
// entries are what the service gives with the session's name.
func (m *mapping) assume(service access.Caller, role, session string, entries ...policy.Entry) (access.Caller, Need) {
	trust := m.decide(service, "sts:AssumeRole", role, append([]policy.Entry{{Key: "sts:RoleSessionName", Values: []string{session}}}, entries...)...)
	name := role[strings.LastIndexByte(role, '/')+1:]
	as, err := m.Guard.CallerOf(m.quiet, "arn:aws:sts::"+m.caller.Account+":assumed-role/"+name+"/"+session, m.caller.Region)
	if err != nil || as.Role != role { // of nobody: every answer is no
		m.gone[role] = true
		as = access.Caller{Account: m.caller.Account, Principal: role, Role: role}
		if err != nil && !fault.Is(err, fault.NotFound) {
			trust = Need{Action: trust.Action, Resource: role, Missing: err.Error()}
		}
	}
	as.Region, as.Issued = service.Region, time.Now().UTC().Format(time.RFC3339)
	return as, trust
}

// additions are the statements that would allow what is missing, as few as give nothing more, and the commands.
func additions(needs []Need) (all []Addition) {
	type key struct{ where, principal, condition, effect string }
	type asked struct {
		statement
		resources map[string][]string // by action
		order     []string
	}
	merged := map[key]*asked{}
	var order []key
	for _, n := range needs {
		var s statement
		if n.Allowed || n.Add == "" {
			continue
		}
		if json.Unmarshal([]byte(n.Add), &s) != nil || len(s.Action) != 1 {
			if a := (Addition{n.AddWhere, n.Add}); !slices.Contains(all, a) {
				all = append(all, a)
			}
			continue
		}
		k := key{n.AddWhere, string(s.Principal), string(s.Condition), s.Effect}
		a := merged[k]
		if a == nil {
			a = &asked{statement: s, resources: map[string][]string{}}
			merged[k] = a
			order = append(order, k)
		}
		action := s.Action[0]
		if _, there := a.resources[action]; !there {
			a.order = append(a.order, action)
		}
		for _, r := range s.Resource {
			if !slices.Contains(a.resources[action], r) {
				a.resources[action] = append(a.resources[action], r)
			}
		}
		if a.resources[action] == nil { // a trust policy's
			a.resources[action] = []string{}
		}
	}
	var statements []Addition
	for _, k := range order {
		a := merged[k]
		for len(a.order) > 0 { // actions on the same things share a statement
			s := a.statement
			s.Resource, s.Action = a.resources[a.order[0]], nil
			rest := a.order[:0:0]
			for _, action := range a.order {
				if slices.Equal(a.resources[action], s.Resource) {
					s.Action = append(s.Action, action)
				} else {
					rest = append(rest, action)
				}
			}
			a.order = rest
			statements = append(statements, Addition{k.where, s.text()})
		}
	}
	return append(statements, all...)
}

// statement is one of a policy, as refusals print it.
type statement struct {
	Effect    string
	Principal json.RawMessage `json:",omitempty"`
	Action    words
	Resource  words           `json:",omitempty"`
	Condition json.RawMessage `json:",omitempty"`
}

func (s *statement) text() string {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if enc.Encode(s) != nil {
		return ""
	}
	return strings.TrimSpace(out.String())
}

// words are a list that is a string where it has one member.
type words []string

func (w words) MarshalJSON() ([]byte, error) {
	if len(w) == 1 {
		return json.Marshal(w[0])
	}
	return json.Marshal([]string(w))
}

func (w *words) UnmarshalJSON(text []byte) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		*w = words{one}
		return nil
	}
	return json.Unmarshal(text, (*[]string)(w))
}
