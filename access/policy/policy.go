// Package policy reads IAM policy documents and decides by them: identity policies, boundaries, session
// policies, resource policies and trust policies, all in one evaluator. It is pure: it knows no store, no
// clock and no request but what it is handed.
package policy

import "flowlake/fault"

// Kind says which elements a document may have.
type Kind uint8

// The kinds of documents.
const (
	Identity Kind = iota // of a user, group or role; also boundaries and session policies: no Principal
	Resource             // of a bucket: each statement has a Principal
	Trust                // of a role: a Principal and no Resource
)

// Document is a policy compiled once; it is immutable and safe for concurrent use.
type Document struct {
	text string
}

// Text returns the document as it was written.
func (d *Document) Text() string { return d.text }

// Parse reads and checks a document as AWS does. Its error is fault.Invalid with the noun "policy document", and
// names the statement and the element.
func Parse(kind Kind, text string) (*Document, error) {
	return nil, fault.Newf(fault.Unsupported, "policy document", "cannot be read yet")
}

// Source is a document with what it is called in explanations: "managed policy arn:aws:iam::…:policy/x",
// "inline policy y of role z", "bucket policy of b".
type Source struct {
	Name     string
	Document *Document
}

// Entry is one key of a request's context with its values: {"s3:prefix", {"logs/"}}. Keys are told apart by no case.
type Entry struct {
	Key    string
	Values []string
}

// Principal is who asks, in the forms that a Principal element can name.
type Principal struct {
	Account string // of the principal
	ARN     string // a user's, root's, or an assumed role's session ARN; "" for a service
	Role    string // the role's ARN, for a session of one
	Service string // "logs.us-east-1.amazonaws.com", for a service that asks as itself
}

// Request is one question.
type Request struct {
	Principal Principal
	Action    string  // "s3:PutObject"
	Resource  string  // an ARN or "*"
	Owner     string  // the account that the resource belongs to
	Context   []Entry // later entries do not override earlier ones; at most one a key
}

// Policies are all that can decide a question.
type Policies struct {
	Root     bool     // the principal is its account's root: it needs no identity policy
	Identity []Source // in force for the principal
	Boundary *Source  // nil: none
	Session  []Source // of the session; nil: none were given when it began
	Resource *Source  // of the resource; nil: it has none
}

// Reason is what decided.
type Reason uint8

// The reasons. Each decision has one.
const (
	AllowedByIdentity  Reason = iota + 1
	AllowedByResource         // the resource's policy alone
	AllowedAsRoot             //
	ExplicitDeny              // a Deny statement applies
	NoIdentityAllow           // no identity policy allows the action
	NoBoundaryAllow           // the permissions boundary does not
	NoSessionAllow            // the session policies do not
	NoResourceAllow           // the resource's policy does not, and would have to: another account's, or a service
	NoTrust                   // the role's trust policy does not let the principal assume it
	NotAuthorizedOther        // decided outside of policies; see the decision's Detail
)

// Decision is an answer with its reason.
type Decision struct {
	Allowed   bool
	Reason    Reason
	Source    string // the name of the policy that decided; "" when nothing matched
	Sid       string // of the statement that decided; "" when it has none
	Statement int    // its number from 1; 0: none
	Detail    string // more words, where policies alone do not tell
}

// Evaluate decides a question by the policies, as AWS's "Policy evaluation logic" page has it.
func Evaluate(r *Request, p *Policies) Decision {
	if p.Root {
		return Decision{Allowed: true, Reason: AllowedAsRoot}
	}
	return Decision{Reason: NoIdentityAllow}
}
