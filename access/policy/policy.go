// Package policy reads IAM policy documents and decides by them: identity policies, boundaries, session
// policies, resource policies and trust policies, all in one evaluator. It is pure: it knows no store, no
// clock and no request but what it is handed.
package policy

// Kind says which elements a document may have.
type Kind uint8

// The kinds of documents.
const (
	Identity Kind = iota // of a user, group or role; also boundaries and session policies: no Principal
	Resource             // of a bucket: each statement has a Principal
	Trust                // of a role: a Principal and no Resource
)

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
	ID      string // the unique id of the user or the role (AIDA…, AROA…); "" for others
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

	// More finds a key that Context has not, in lower case ("aws:currenttime"); it returns nil where there is none.
	// It is called only for keys that a statement in question names, and may be nil.
	More func(lower string) []string
}

// Policies are all that can decide a question.
type Policies struct {
	Root     bool     // the principal is its account's root: it needs no identity policy
	Identity []Source // in force for the principal
	Boundary *Source  // nil: none
	Session  []Source // of the session; nil: none were given when it began
	Resource *Source  // of the resource; nil: it has none
}

// Type is the kind of policy that decided.
type Type uint8

// The kinds of policies, in AWS's words for them.
const (
	NoPolicy            Type = iota
	IdentityPolicy           // identity-based policy
	PermissionsBoundary      // permissions boundary
	SessionPolicy            // session policy
	ResourcePolicy           // resource-based policy; also a role's trust policy
)

// String returns AWS's words, as in "no identity-based policy allows …".
func (t Type) String() string {
	return [...]string{"policy", "identity-based policy", "permissions boundary", "session policy", "resource-based policy"}[t]
}

// Reason is what decided.
type Reason uint8

// The reasons. Each decision has one.
const (
	AllowedByIdentity  Reason = iota + 1
	AllowedByResource         // the resource's policy alone
	AllowedAsRoot             // the account's root, whom no policy denies it
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
	Policy    Type   // the kind of policy that decided
	Source    string // the name of the policy that decided; "" when nothing matched
	Sid       string // of the statement that decided; "" when it has none
	Statement int    // its number from 1; 0: none
	Detail    string // more words, where policies alone do not tell
}
