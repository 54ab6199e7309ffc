package policy

import (
	"bytes"
	"encoding/json"
	"strings"
)

// Suggest returns the statement of least privilege that would answer a refused question with yes, as indented JSON to
// paste into a document of Version 2012-10-17, and the kind of policy that it belongs in. Where no statement helps, as
// against an explicit Deny, statement is "" and where says what does; both are "" for what policies did not decide.
//
// A service's statement is bound to the resource that it acts for, a role that is passed to the service that gets it, and a
// listing to its prefix.
func Suggest(r *Request, d Decision) (statement, where string) {
	return SuggestFor(r, d, escape(r.Resource))
}

// SuggestFor is Suggest for all resources that pattern matches, of which the question's is an example: the objects of a
// prefix, after one of them was refused. What pattern holds of names goes through Literal.
func SuggestFor(r *Request, d Decision, pattern string) (statement, where string) {
	s := suggestion{Effect: "Allow", Action: r.Action, Resource: pattern}
	switch d.Reason {
	case NoIdentityAllow:
		where = "an identity-based policy of the principal"
	case NoBoundaryAllow:
		where = "the permissions boundary of the principal"
	case NoSessionAllow:
		where = "a session policy, when the session begins"
	case NoResourceAllow:
		where = "the policy of the resource"
		s.Principal = principalOf(&r.Principal)
	case NoTrust:
		where = "the role's trust policy"
		s.Principal, s.Resource = principalOf(&r.Principal), ""
	case ExplicitDeny:
		return "", "the statement that denies it: narrow it, or take it away"
	default:
		return "", ""
	}
	s.bind(r)
	var text bytes.Buffer
	encode := json.NewEncoder(&text)
	encode.SetEscapeHTML(false)
	encode.SetIndent("", "  ")
	if err := encode.Encode(s); err != nil {
		return "", "" // strings and maps of strings: never
	}
	return strings.TrimSuffix(text.String(), "\n"), where
}

type suggestion struct {
	Effect    string
	Principal map[string]string `json:",omitempty"`
	Action    string
	Resource  string                       `json:",omitempty"`
	Condition map[string]map[string]string `json:",omitempty"`
}

func principalOf(p *Principal) map[string]string {
	switch {
	case p.Service != "":
		return map[string]string{"Service": p.Service}
	case p.Role != "":
		return map[string]string{"AWS": p.Role}
	}
	return map[string]string{"AWS": p.ARN}
}

// bind adds the conditions that make the statement the least.
func (s *suggestion) bind(r *Request) {
	question := scope{request: r}
	add := func(operator, key, suffix string) {
		values, ok := question.values(strings.ToLower(key))
		if !ok || len(values) != 1 || values[0] == "" {
			return
		}
		if s.Condition == nil {
			s.Condition = make(map[string]map[string]string)
		}
		if s.Condition[operator] == nil {
			s.Condition[operator] = make(map[string]string)
		}
		s.Condition[operator][key] = escape(values[0]) + suffix
	}
	switch strings.ToLower(r.Action) {
	case "iam:passrole":
		add("StringEquals", "iam:PassedToService", "")
	case "s3:listbucket":
		add("StringLike", "s3:prefix", "*")
	}
	if r.Principal.Service != "" {
		add("StringEquals", "aws:SourceAccount", "")
		add("ArnLike", "aws:SourceArn", "")
	}
}

// Literal writes a text so that nothing in it is a wildcard or a variable of a policy.
func Literal(text string) string { return literally.Replace(text) }

var (
	literally = strings.NewReplacer("*", "${*}", "?", "${?}", "$", "${$}")
	inLogs    = strings.NewReplacer("?", "${?}", "$", "${$}")
)

// escape is Literal but for stars that are nobody's name: "*" and, of all buckets, "arn:aws:s3:::*" are the resources of
// actions that have none; log groups' ARNs end in ":*", and no group's or stream's name has a star.
func escape(value string) string {
	switch {
	case value == "*", value == "arn:aws:s3:::*":
		return value
	case strings.HasPrefix(value, "arn:aws:logs:"):
		return inLogs.Replace(value)
	}
	return Literal(value)
}
