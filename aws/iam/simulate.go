package iam

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	api "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"flowlake/access"
	"flowlake/access/identity"
	"flowlake/access/policy"
	"flowlake/aws/wire"
	"flowlake/fault"
)

// simulations say what policies would decide, and what they need to know for it.
//
// Differs from AWS: SimulatePrincipalPolicy asks what requests ask. Bucket policies count as they stand, where the request
// does not bring another, and the keys that follow from the principal are known.
func (d *door) simulations() []wire.Operation {
	common := []string{"ContextEntries", "Marker", "MaxItems", "PermissionsBoundaryPolicyInputList", "ResourceArns", "ResourceOwner", "ResourcePolicy"}
	return []wire.Operation{
		op(d, "SimulateCustomPolicy", row{on: anyOne, needs: []string{"ActionNames", "PolicyInputList"}, takes: append([]string{"CallerArn"}, common...)}, d.simulateCustom),
		op(d, "SimulatePrincipalPolicy", row{on: entity, name: "PolicySourceArn", needs: []string{"ActionNames", "PolicySourceArn"}, takes: append([]string{"CallerArn", "PolicyInputList"}, common...)}, d.simulatePrincipal),
		op(d, "GetContextKeysForCustomPolicy", row{on: anyOne, needs: []string{"PolicyInputList"}}, d.contextKeysCustom),
		op(d, "GetContextKeysForPrincipalPolicy", row{on: entity, name: "PolicySourceArn", needs: []string{"PolicySourceArn"}, takes: []string{"PolicyInputList"}}, d.contextKeysPrincipal),
	}
}

// source is a policy of a simulation with what answers call it.
type source struct {
	policy.Source
	id   string
	kind types.PolicySourceType
}

// actor is a user, a group or a role whose policies are simulated.
type actor struct {
	arn      string
	identity []source
	boundary *source
}

// simulated finds the user, group or role of an ARN.
func (d *door) simulated(ctx context.Context, arn string) (actor, error) {
	kind, name, err := entityOf(arn, d.ids.Account())
	if err != nil {
		return actor{}, err
	}
	e, err := d.ids.Get(ctx, kind, name)
	if err == nil && e.ARN != arn {
		err = fault.Newf(fault.NotFound, kind.String()+" "+name, "The %s with name %s cannot be found.", kind, name)
	}
	if err != nil {
		return actor{}, err
	}
	who := actor{arn: e.ARN}
	if err := d.policiesOf(ctx, e, &who.identity); err != nil {
		return actor{}, err
	}
	for _, g := range e.Groups {
		group, err := d.ids.Get(ctx, identity.Group, g)
		if err != nil {
			return actor{}, err
		}
		if err := d.policiesOf(ctx, group, &who.identity); err != nil {
			return actor{}, err
		}
	}
	if e.Boundary != "" {
		b, err := d.managed(ctx, e.Boundary)
		if err != nil {
			return actor{}, err
		}
		who.boundary = &b
	}
	return who, nil
}

// entityOf takes an ARN apart.
func entityOf(arn, account string) (identity.Kind, string, error) {
	rest, ok := strings.CutPrefix(arn, "arn:aws:iam::")
	of, thing, _ := strings.Cut(rest, ":")
	kind, path, found := strings.Cut(thing, "/")
	name := path[strings.LastIndexByte(path, '/')+1:]
	switch {
	case !ok || !found || name == "" || kinds[kind] == 0:
		return 0, "", fault.Newf(fault.Invalid, "entity ARN", "Invalid Entity Arn: %s does not clearly define entity type and name.", arn)
	case of != account:
		return 0, "", fault.Newf(fault.NotFound, "entity", "The entity %s cannot be found.", arn)
	}
	return kinds[kind], name, nil
}

// policiesOf adds the inline and the managed policies of a user, a group or a role.
func (d *door) policiesOf(ctx context.Context, e identity.Entity, to *[]source) error {
	for _, detail := range toInline(e) {
		doc, err := policy.Parse(policy.Identity, e.Inline[*detail.PolicyName])
		if err != nil {
			return err
		}
		id := e.Kind.String() + "_" + e.Name + "_" + *detail.PolicyName
		*to = append(*to, source{policy.Source{Name: id, Document: doc}, id, types.PolicySourceType(e.Kind.String())})
	}
	for _, arn := range e.Attached {
		s, err := d.managed(ctx, arn)
		if err != nil {
			return err
		}
		*to = append(*to, s)
	}
	return nil
}

// managed is a managed policy's version in force.
func (d *door) managed(ctx context.Context, arn string) (source, error) {
	p, err := d.ids.Policy(ctx, arn)
	if err != nil {
		return source{}, err
	}
	doc, err := policy.Parse(policy.Identity, p.Document())
	if err != nil {
		return source{}, err
	}
	kind := types.PolicySourceTypeUserManaged
	if p.AWS {
		kind = types.PolicySourceTypeAwsManaged
	}
	return source{policy.Source{Name: arn, Document: doc}, p.Name, kind}, nil
}

// named says which of the documents of a list an error is about.
func named(err error, member string, i int) error {
	return fault.Newf(fault.Invalid, "policy document", "%s.%d: %s", member, i+1, detailOf(err))
}

// simulation is a question in all that does not change from action to action and resource to resource.
type simulation struct {
	identity  []source
	boundary  *source
	resource  *source
	principal policy.Principal
	owner     string
	context   []policy.Entry
	more      func(lower string) []string // what follows from the principal; nil: nothing
	taken     []taken                     // every policy's statements
}

// taken is a policy with its statements.
type taken struct {
	source
	statements []statement
}

// takeApart reads the statements of all policies, once for all questions.
func (s *simulation) takeApart() error {
	all := s.identity
	if s.resource != nil {
		all = append(slices.Clip(all), *s.resource)
	}
	for _, of := range all {
		list, err := statements(of.Document)
		if err != nil {
			return err
		}
		s.taken = append(s.taken, taken{of, list})
	}
	return nil
}

// ask decides one question.
func (s *simulation) ask(action, resource string) types.EvaluationResult {
	r := &policy.Request{Principal: s.principal, Action: action, Resource: resource, Owner: s.owner, Context: s.context, More: s.more}
	p := &policy.Policies{}
	for _, of := range s.identity {
		p.Identity = append(p.Identity, of.Source)
	}
	if s.boundary != nil {
		p.Boundary = &s.boundary.Source
	}
	if s.resource != nil {
		p.Resource = &s.resource.Source
	}
	d := policy.Evaluate(r, p)
	out := types.EvaluationResult{EvalActionName: &action, EvalResourceName: &resource, EvalDecision: decision(d), MatchedStatements: []types.Statement{}}
	if s.boundary != nil {
		within := policy.Evaluate(r, &policy.Policies{Identity: []policy.Source{s.boundary.Source}})
		out.PermissionsBoundaryDecisionDetail = &types.PermissionsBoundaryDecisionDetail{AllowedByPermissionsBoundary: within.Allowed}
	}
	var missing keySet
	for _, of := range s.taken {
		for _, one := range of.statements {
			if applies(one.alone, r) {
				out.MatchedStatements = append(out.MatchedStatements, types.Statement{SourcePolicyId: to(of.id), SourcePolicyType: of.kind, StartPosition: to(one.start), EndPosition: to(one.end)})
			}
			if len(one.keys) > 0 && applies(one.free, r) {
				for _, key := range one.keys {
					if !s.knows(key) && (s.more == nil || s.more(strings.ToLower(key)) == nil) {
						missing.add(key)
					}
				}
			}
		}
	}
	out.MissingContextValues = append([]string{}, missing.sorted()...)
	return out
}

func decision(d policy.Decision) types.PolicyEvaluationDecisionType {
	switch {
	case d.Allowed:
		return types.PolicyEvaluationDecisionTypeAllowed
	case d.Reason == policy.ExplicitDeny:
		return types.PolicyEvaluationDecisionTypeExplicitDeny
	}
	return types.PolicyEvaluationDecisionTypeImplicitDeny
}

// setting is what both simulations may bring.
type setting struct {
	actions, resources, boundary []string
	resourcePolicy, owner        *string
	entries                      []types.ContextEntry
	callerARN                    *string
}

// prepare reads a setting into a simulation.
func (s *simulation) prepare(c access.Caller, in setting) error {
	boundaries, err := parseAll(policy.Identity, "PermissionsBoundaryPolicyInputList", in.boundary)
	if err != nil {
		return err
	}
	if len(boundaries) > 1 {
		return fault.Newf(fault.Invalid, "member PermissionsBoundaryPolicyInputList", "Only one permissions boundary can be given.")
	}
	if len(boundaries) == 1 {
		s.boundary = &boundaries[0]
	}
	if in.resourcePolicy != nil {
		doc, err := policy.Parse(policy.Resource, *in.resourcePolicy)
		if err != nil {
			return fault.Newf(fault.Invalid, "policy document", "ResourcePolicy: %s", detailOf(err))
		}
		s.resource = &source{policy.Source{Name: "ResourcePolicy", Document: doc}, "ResourcePolicy", types.PolicySourceTypeResource}
	}
	for _, arn := range in.resources {
		if len(arn) > maxARN {
			return fault.Newf(fault.Invalid, "member ResourceArns", "An ARN of %d characters is longer than %d.", len(arn), maxARN)
		}
	}
	for _, action := range in.actions {
		if len(action) > maxAction {
			return fault.Newf(fault.Invalid, "action", "Invalid Action: it has %d characters, more than %d.", len(action), maxAction)
		}
		if service, name, ok := strings.Cut(action, ":"); !ok || service == "" || name == "" {
			return fault.Newf(fault.Invalid, "action", "Invalid Action: %s is not of the form service:action.", action)
		}
	}
	if len(in.actions)*max(1, len(in.resources)) > maxQuestions {
		return fault.Newf(fault.Invalid, "member ResourceArns", "At most %d pairs of an action and a resource can be simulated at once.", maxQuestions)
	}
	s.owner = c.Account
	if in.owner != nil {
		fields := strings.SplitN(*in.owner, ":", 6)
		if len(fields) != 6 || fields[0] != "arn" || fields[2] != "iam" || len(fields[4]) != 12 {
			return fault.Newf(fault.Invalid, "member ResourceOwner", "Invalid ResourceOwner: %s is not the ARN of an account.", *in.owner)
		}
		s.owner = fields[4]
	}
	if in.callerARN != nil {
		fields := strings.SplitN(*in.callerARN, ":", 6)
		if len(fields) != 6 || fields[0] != "arn" || fields[2] != "iam" || !strings.HasPrefix(fields[5], "user/") {
			return fault.Newf(fault.Invalid, "member CallerArn", "Invalid CallerArn: %s is not the ARN of a user.", *in.callerARN)
		}
		s.principal = policy.Principal{Account: fields[4], ARN: *in.callerARN}
	}
	for _, e := range in.entries {
		if err := checkEntry(e); err != nil {
			return err
		}
		if s.knows(*e.ContextKeyName) {
			return fault.Newf(fault.Invalid, "context entry", "Duplicate context key: %s", *e.ContextKeyName)
		}
		s.context = append(s.context, policy.Entry{Key: *e.ContextKeyName, Values: e.ContextKeyValues})
	}
	if in.callerARN != nil {
		arn := *in.callerARN
		s.know("aws:PrincipalArn", arn)
		s.know("aws:PrincipalAccount", s.principal.Account)
		s.know("aws:PrincipalType", "User")
		s.know("aws:username", arn[strings.LastIndexByte(arn, '/')+1:])
	}
	return nil
}

func (s *simulation) knows(key string) bool {
	return slices.ContainsFunc(s.context, func(e policy.Entry) bool { return strings.EqualFold(e.Key, key) })
}

// know adds a key that follows from what is given, where the request does not give it itself.
func (s *simulation) know(key, value string) {
	if !s.knows(key) {
		s.context = append(s.context, policy.Entry{Key: key, Values: []string{value}})
	}
}

// What bounds a simulation, so that it costs no more than requests do.
//
// Source: IAM API reference, SimulatePrincipalPolicy, for actions and ARNs.
const (
	maxQuestions = 1000
	maxAction    = 128
	maxARN       = 2048
	maxKeyValue  = 2048 // characters of a context key's value
)

// checkEntry holds the values of a key against the type that it is said to have.
func checkEntry(e types.ContextEntry) error {
	if text(e.ContextKeyName) == "" || len(e.ContextKeyValues) == 0 || e.ContextKeyType == "" {
		return fault.Newf(fault.Invalid, "context entry", "A context entry needs ContextKeyName, ContextKeyValues and ContextKeyType.")
	}
	kind, list := strings.CutSuffix(string(e.ContextKeyType), "List")
	if !list && len(e.ContextKeyValues) > 1 {
		return fault.Newf(fault.Invalid, "context entry", "The context key %s of type %s has more than one value.", *e.ContextKeyName, e.ContextKeyType)
	}
	for _, v := range e.ContextKeyValues {
		if len(v) > maxKeyValue {
			return fault.Newf(fault.Invalid, "context entry", "A value of the context key %s has %d characters, more than %d.", *e.ContextKeyName, len(v), maxKeyValue)
		}
		var err error
		switch types.ContextKeyTypeEnum(kind) {
		case types.ContextKeyTypeEnumNumeric:
			_, err = strconv.ParseFloat(v, 64)
		case types.ContextKeyTypeEnumBoolean:
			if v != "true" && v != "false" {
				err = fmt.Errorf("neither true nor false")
			}
		case types.ContextKeyTypeEnumIp:
			if net.ParseIP(v) == nil {
				_, err = netip.ParsePrefix(v)
			}
		case types.ContextKeyTypeEnumDate:
			if _, seconds := strconv.ParseInt(v, 10, 64); seconds != nil {
				_, err = time.Parse(time.RFC3339, v)
			}
		}
		if err != nil {
			return fault.Newf(fault.Invalid, "context entry", "Invalid value %q of the context key %s: it is no %s.", v, *e.ContextKeyName, kind)
		}
	}
	return nil
}

// answer asks all questions, the resources of an action one after the other, and cuts the page.
func answer(listing string, s func(action, resource string) (*simulation, error), in setting, marker *string, most *int32) ([]types.EvaluationResult, bool, *string, error) {
	type question struct{ number, action, resource string }
	var all []question
	resources := in.resources
	if len(resources) == 0 {
		resources = []string{"*"}
	}
	for _, action := range in.actions {
		for _, resource := range resources {
			all = append(all, question{fmt.Sprintf("%06d", len(all)), action, resource})
		}
	}
	all, more, next, err := page(fmt.Sprintf("%s %q %q", listing, in.actions, in.resources), all, func(q question) string { return q.number }, marker, most)
	if err != nil {
		return nil, false, nil, err
	}
	results := make([]types.EvaluationResult, 0, len(all))
	for _, q := range all {
		one, err := s(q.action, q.resource)
		if err != nil {
			return nil, false, nil, err
		}
		results = append(results, one.ask(q.action, q.resource))
	}
	return results, more, next, nil
}

func (d *door) simulateCustom(ctx context.Context, c access.Caller, in *api.SimulateCustomPolicyInput) (*api.SimulateCustomPolicyOutput, error) {
	s := &simulation{principal: policy.Principal{Account: c.Account}}
	var err error
	if s.identity, err = parseAll(policy.Identity, "PolicyInputList", in.PolicyInputList); err != nil {
		return nil, err
	}
	set := setting{in.ActionNames, in.ResourceArns, in.PermissionsBoundaryPolicyInputList, in.ResourcePolicy, in.ResourceOwner, in.ContextEntries, in.CallerArn}
	if err := s.prepare(c, set); err != nil {
		return nil, err
	}
	if in.CallerArn != nil { // one who exists goes by an id too
		switch p, err := d.ids.Principal(ctx, *in.CallerArn); {
		case err == nil:
			s.principal.ID = p.ID
			s.know("aws:userid", p.ID)
		case !fault.Is(err, fault.NotFound):
			return nil, err
		}
	}
	if in.ResourcePolicy != nil && in.CallerArn == nil {
		return nil, fault.Newf(fault.Invalid, "member CallerArn", "CallerArn is required when ResourcePolicy is given: it is the policy's principal.")
	}
	if err := s.takeApart(); err != nil {
		return nil, err
	}
	out := &api.SimulateCustomPolicyOutput{}
	out.EvaluationResults, out.IsTruncated, out.Marker, err = answer("SimulateCustomPolicy", func(string, string) (*simulation, error) { return s, nil }, set, in.Marker, in.MaxItems)
	return out, err
}

func (d *door) simulatePrincipal(ctx context.Context, c access.Caller, in *api.SimulatePrincipalPolicyInput) (*api.SimulatePrincipalPolicyOutput, error) {
	who, err := d.simulated(ctx, *in.PolicySourceArn)
	if err != nil {
		return nil, err
	}
	base := &simulation{boundary: who.boundary}
	more, err := parseAll(policy.Identity, "PolicyInputList", in.PolicyInputList)
	if err != nil {
		return nil, err
	}
	base.identity = slices.Concat(who.identity, more)
	set := setting{in.ActionNames, in.ResourceArns, in.PermissionsBoundaryPolicyInputList, in.ResourcePolicy, in.ResourceOwner, in.ContextEntries, in.CallerArn}
	if err := base.prepare(c, set); err != nil {
		return nil, err
	}
	asker := who.arn
	switch {
	case in.CallerArn != nil:
		asker = *in.CallerArn
	case strings.Contains(asker, ":group/"):
		asker, base.principal = "", policy.Principal{Account: c.Account} // groups ask nothing themselves
	}
	if err := base.takeApart(); err != nil {
		return nil, err
	}
	// The simulated request is none that came over the wire: nothing is known of it but what is given.
	quiet := access.WithRequest(ctx, nil)
	each := func(action, resource string) (*simulation, error) {
		s := *base
		as, err := d.guard.CallerOf(ctx, asker, c.Region)
		if asker == "" || in.CallerArn != nil && fault.Is(err, fault.NotFound) {
			return &s, nil // nobody, of whom no more is known
		}
		if err != nil {
			return nil, err
		}
		v, err := d.guard.Decide(quiet, as, action, resource, s.context...)
		if err != nil {
			return nil, err
		}
		s.principal, s.more = v.Request.Principal, v.Request.More
		if in.ResourceOwner == nil && v.Request.Owner != "" {
			s.owner = v.Request.Owner
		}
		if s.resource == nil && v.Policies.Resource != nil {
			s.resource = &source{*v.Policies.Resource, v.Policies.Resource.Name, types.PolicySourceTypeResource}
			s.taken = slices.Clone(base.taken)
			list, err := statements(s.resource.Document)
			if err != nil {
				return nil, err
			}
			s.taken = append(s.taken, taken{*s.resource, list})
		}
		return &s, nil
	}
	out := &api.SimulatePrincipalPolicyOutput{}
	out.EvaluationResults, out.IsTruncated, out.Marker, err = answer("SimulatePrincipalPolicy "+who.arn, each, set, in.Marker, in.MaxItems)
	return out, err
}
