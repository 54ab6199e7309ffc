package logs

import (
	"context"
	"encoding/json"
	"time"
	"unicode/utf8"

	"flowlake/access"
	"flowlake/fault"
	"flowlake/state"
)

// The limits of resource policies. Source: API reference, PutResourcePolicy; user guide, "CloudWatch Logs quotas".
const (
	MaxResourcePolicies = 10   // of an account in a region
	maxPolicyDocument   = 5120 // characters
)

// ResourcePolicy is a policy that lets services put events. It is kept here, and decides nothing before there are identities.
type ResourcePolicy struct {
	Name, Document string
	UpdatedMillis  int64
}

// resourcePolicyKind is the kind of a policy's document, and the noun of faults about it.
const resourcePolicyKind = "resource policy"

type resourcePolicyDoc struct {
	Document string `json:"document"`
	Updated  int64  `json:"updated"` // milliseconds
}

func resourcePolicyID(c access.Caller, name string) state.ID {
	return state.ID{Kind: resourcePolicyKind, Account: c.Account, Region: c.Region, Key: name}
}

// checkPolicy checks a document's form: a JSON object with statements, each with effect, action, resource and principal.
func checkPolicy(document string) error {
	if n := utf8.RuneCountInString(document); n < 1 || n > maxPolicyDocument {
		return fault.Newf(fault.Invalid, resourcePolicyKind, "Value at 'policyDocument' failed to satisfy constraint: Member must have 1 to %d characters, not %d", maxPolicyDocument, n)
	}
	var policy struct{ Statement json.RawMessage }
	if err := json.Unmarshal([]byte(document), &policy); err != nil {
		return fault.Newf(fault.Invalid, resourcePolicyKind, "Invalid policy document: it is not JSON: %w", err)
	}
	var statements []map[string]json.RawMessage
	if err := json.Unmarshal(policy.Statement, &statements); err != nil {
		var one map[string]json.RawMessage
		if err := json.Unmarshal(policy.Statement, &one); err != nil {
			return fault.Newf(fault.Invalid, resourcePolicyKind, "Invalid policy document: it has no Statement")
		}
		statements = append(statements, one)
	}
	for i, s := range statements {
		if effect := string(s["Effect"]); effect != `"Allow"` && effect != `"Deny"` {
			return fault.Newf(fault.Invalid, resourcePolicyKind, "Invalid policy document: the Effect of statement %d is neither Allow nor Deny", i+1)
		}
		for _, either := range [][2]string{{"Action", "NotAction"}, {"Resource", "NotResource"}, {"Principal", "NotPrincipal"}} {
			if s[either[0]] == nil && s[either[1]] == nil {
				return fault.Newf(fault.Invalid, resourcePolicyKind, "Invalid policy document: statement %d has no %s", i+1, either[0])
			}
		}
	}
	if len(statements) == 0 {
		return fault.Newf(fault.Invalid, resourcePolicyKind, "Invalid policy document: it has no Statement")
	}
	return nil
}

// PutResourcePolicy makes a policy, or changes the one of that name. It returns fault.Limit when there are
// MaxResourcePolicies others, fault.Invalid for a document that is no policy.
func (s *Store) PutResourcePolicy(ctx context.Context, c access.Caller, name, document string) (ResourcePolicy, error) {
	if name == "" || utf8.RuneCountInString(name) > 255 || !utf8.ValidString(name) {
		return ResourcePolicy{}, fault.Newf(fault.Invalid, resourcePolicyKind+" name", "%q must have 1 to 255 characters", name)
	}
	if err := checkPolicy(document); err != nil {
		return ResourcePolicy{}, err
	}
	now := time.Now().UnixMilli()
	err := s.state.Update(ctx, func(tx *state.Tx) error {
		id, others := resourcePolicyID(c, name), 0
		for row, err := range tx.List(resourcePolicyID(c, ""), "") {
			if err != nil {
				return err
			}
			if row.Key != name {
				others++
			}
		}
		if others >= MaxResourcePolicies {
			return fault.Newf(fault.Limit, resourcePolicyKind+" "+name, "Resource limit exceeded: an account has at most %d resource policies in a region", MaxResourcePolicies)
		}
		return tx.Put(id, resourcePolicyDoc{Document: document, Updated: now})
	})
	return ResourcePolicy{Name: name, Document: document, UpdatedMillis: now}, err
}

// ResourcePolicyPage is a page of policies in the order of their names. Next is empty at the end.
type ResourcePolicyPage struct {
	Policies []ResourcePolicy
	Next     string
}

// ResourcePolicies lists the policies of the caller's account and region: 1 to 50 on a page, 0 is 50.
func (s *Store) ResourcePolicies(ctx context.Context, c access.Caller, limit int, token string) (ResourcePolicyPage, error) {
	var page ResourcePolicyPage
	limit, err := pageLimit(limit, 50)
	if err != nil {
		return page, err
	}
	bound := s.bind("resource policies", c.Account, c.Region)
	after, err := bound.name(token)
	if err != nil {
		return page, err
	}
	err = s.state.View(ctx, func(tx *state.Tx) error {
		for row, err := range tx.List(resourcePolicyID(c, ""), after) {
			if err != nil {
				return err
			}
			if len(page.Policies) == limit {
				page.Next = bound.nameToken(page.Policies[limit-1].Name)
				return nil
			}
			var doc resourcePolicyDoc
			if err := row.Decode(&doc); err != nil {
				return err
			}
			page.Policies = append(page.Policies, ResourcePolicy{Name: row.Key, Document: doc.Document, UpdatedMillis: doc.Updated})
		}
		return nil
	})
	return page, err
}

// DeleteResourcePolicy deletes a policy, or returns fault.NotFound.
func (s *Store) DeleteResourcePolicy(ctx context.Context, c access.Caller, name string) error {
	return s.state.Update(ctx, func(tx *state.Tx) error {
		err := tx.Delete(resourcePolicyID(c, name))
		if fault.Is(err, fault.NotFound) {
			return fault.Newf(fault.NotFound, resourcePolicyKind+" "+name, "Policy with name [%s] does not exist", name)
		}
		return err
	})
}
