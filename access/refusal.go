package access

import (
	"errors"
	"strconv"
	"strings"

	"flowlake/access/policy"
	"flowlake/fault"
)

// Refusal is the error of a question that was answered with no. It is a fault.Denied failure about "principal <ARN>".
// Its text is AWS's sentence with what decided; Explain adds the statement that would allow it.
type Refusal struct {
	Caller   Caller
	Action   string
	Resource string
	Decision policy.Decision
	Kind     string // of the policy that decided: "identity-based policy", "resource-based policy", …; "" for none
	Words    string // the sentence, where the service that decided has its own: "Insufficient Lake Formation permission(s): …"

	Statement string // the least that would allow it, JSON to paste; "" when adding a statement would not
	Where     string // where it belongs: "an identity policy of user ana"

	// Hidden: the caller may not know more than that the answer is no. The reason is for the audit log.
	Hidden bool

	request *policy.Request // what policies were asked, where they decided
}

// StatementFor is Statement for all resources that pattern matches ("arn:aws:s3:::b/p/*"), of which the refused one is an
// example. What pattern holds of names goes through policy.Literal.
func (r *Refusal) StatementFor(pattern string) string {
	if r.Statement == "" || r.request == nil {
		return r.Statement
	}
	statement, _ := policy.SuggestFor(r.request, r.Decision, pattern)
	return statement
}

// Error is AWS's sentence, and the policy and statement that decided. A hidden refusal says neither why nor what for.
func (r *Refusal) Error() string {
	if r.Hidden {
		return "principal " + r.Caller.Principal + ": " + r.asked()
	}
	if r.Words != "" {
		return r.Words
	}
	text := "principal " + r.Caller.Principal + ": " + r.asked() + r.because()
	if near := r.nearest(); near != "" {
		return text + " (" + near + ")"
	}
	if by := r.decidedBy(); by != "" {
		text += " (" + by + ")"
	}
	return text
}

// Unwrap makes it a fault.Denied.
func (r *Refusal) Unwrap() error {
	if r.Words != "" && !r.Hidden {
		return &fault.Error{Kind: fault.Denied, Detail: r.Words}
	}
	return &fault.Error{Kind: fault.Denied, Subject: "principal " + r.Caller.Principal, Detail: r.asked() + r.because()}
}

// Sentence is what AWS says, in one line: "User: … is not authorized to perform: … on resource: … because no
// identity-based policy allows the … action". A hidden one says no reason.
//
// Source: IAM user guide, "Troubleshoot access denied error messages".
func (r *Refusal) Sentence() string {
	if r.Hidden {
		return "User: " + r.Caller.Principal + " " + r.asked()
	}
	if r.Words != "" {
		return r.Words
	}
	return "User: " + r.Caller.Principal + " " + r.asked() + r.because()
}

// Explanation is the sentence, then, below a blank line, what decided and what would allow it. A hidden one is its
// sentence alone.
func (r *Refusal) Explanation() string {
	if r.Hidden {
		return r.Sentence()
	}
	return r.Sentence() + r.below()
}

// Reason is the whole explanation, whoever asks: for the audit log and for those who may simulate.
func (r *Refusal) Reason() string {
	open := *r
	open.Hidden = false
	return open.Explanation()
}

func (r *Refusal) asked() string {
	text := "is not authorized to perform: " + r.Action
	if r.Resource != "" {
		text += " on resource: " + r.Resource
	}
	return text
}

func (r *Refusal) because() string {
	d := r.Decision
	kind := r.Kind
	switch d.Reason {
	case policy.ExplicitDeny:
		if kind == "" {
			kind = "policy"
		}
		article := " a "
		if strings.HasPrefix(kind, "i") {
			article = " an "
		} else if kind == trustKind {
			article = " the "
		}
		return " with an explicit deny in" + article + kind
	case policy.NoIdentityAllow:
		kind = policy.IdentityPolicy.String()
	case policy.NoBoundaryAllow:
		kind = policy.PermissionsBoundary.String()
	case policy.NoSessionAllow:
		kind = policy.SessionPolicy.String()
	case policy.NoResourceAllow:
		kind = policy.ResourcePolicy.String()
	case policy.NoTrust:
		kind = trustKind
	default:
		if d.Detail != "" {
			return " because " + d.Detail
		}
		return ""
	}
	return " because no " + kind + " allows the " + r.Action + " action"
}

// nearest is the statement that came nearest to allowing what none allows, "" where there is none (see policy.Nearest).
func (r *Refusal) nearest() string {
	switch r.Decision.Reason {
	case policy.NoIdentityAllow, policy.NoBoundaryAllow, policy.NoSessionAllow, policy.NoResourceAllow, policy.NoTrust:
		return r.Decision.Detail
	}
	return ""
}

// decidedBy names the policy and the statement.
func (r *Refusal) decidedBy() string {
	d := r.Decision
	var parts []string
	if d.Source != "" {
		parts = append(parts, d.Source)
	}
	switch {
	case d.Sid != "":
		parts = append(parts, `statement "`+d.Sid+`"`)
	case d.Statement > 0:
		parts = append(parts, "statement "+strconv.Itoa(d.Statement))
	}
	text := strings.Join(parts, ", ")
	if d.Detail != "" && d.Reason != policy.NotAuthorizedOther && r.nearest() == "" {
		if text != "" {
			text += ": "
		}
		text += d.Detail
	}
	return text
}

// below is what follows the sentence.
func (r *Refusal) below() string {
	var text strings.Builder
	if near := r.nearest(); near != "" { // it names the policy
		text.WriteString("\n\nNearest: " + near + ".")
	} else if by := r.decidedBy(); by != "" {
		text.WriteString("\n\nDecided by " + by + ".")
	}
	if r.Decision.Reason == policy.ExplicitDeny {
		text.WriteString(" No other policy outweighs it: narrow that statement, or take it away.")
	}
	if r.Statement != "" {
		if text.Len() == 0 {
			text.WriteString("\n")
		}
		text.WriteString("\nThis would allow it, in " + r.Where + ":\n" + r.Statement)
	}
	return text.String()
}

// Explain is the text of an error for its caller: a refusal's explanation, any other error's own text.
func Explain(err error) string {
	if r, ok := errors.AsType[*Refusal](err); ok {
		return r.Explanation()
	}
	return err.Error()
}

// trustKind is what AWS's sentences call the resource-based policy of a role.
const trustKind = "role trust policy"
