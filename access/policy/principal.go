package policy

import (
	"regexp"
	"strings"
)

// Name is a principal as a Principal element names it.
type Name struct {
	Type  string // "*" for everybody, else "AWS", "Service" or "Federated"
	Value string // an ARN, an account's id, a unique id, a service's name, or "*"
}

// everybody reports whether the name is "*", alone or as an AWS principal.
func (n Name) everybody() bool { return n.Type == "*" || n.Type == "AWS" && n.Value == "*" }

// named is a name with the account that it stands for, "" where it stands for less.
type named struct {
	Name
	account string
}

// wholeAccount returns the account that the name stands for as a whole: its id, or its root's ARN.
func (n Name) wholeAccount() string {
	if n.Type != "AWS" {
		return ""
	}
	if accountID.MatchString(n.Value) {
		return n.Value
	}
	if a := cutARN(n.Value); a.ok && a.parts[2] == "iam" && a.parts[5] == "root" {
		return a.parts[4]
	}
	return ""
}

var (
	accountID = regexp.MustCompile(`^[0-9]{12}$`)
	uniqueID  = regexp.MustCompile(`^A[A-Z]{3}[A-Z0-9]{12,124}$`)
	service   = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{0,60}\.(amazonaws\.com(\.cn)?|amazon\.com|aws\.internal)$`)
	iamName   = regexp.MustCompile(`^arn:aws[a-z-]*:iam::[0-9]{12}:(root|(user|role)/([\x21-\x29\x2b-\x3e\x40-\x7e]{1,510}/)?[A-Za-z0-9+=,.@_-]{1,64})$`)
	stsName   = regexp.MustCompile(`^arn:aws[a-z-]*:sts::[0-9]{12}:(assumed-role/[A-Za-z0-9+=,.@_-]{1,64}/[A-Za-z0-9+=,.@_-]{2,64}|federated-user/[A-Za-z0-9+=,.@_-]{2,32})$`)
)

// checkName says what is wrong with a principal's name, "" when nothing is.
func checkName(n Name) string {
	switch n.Type {
	case "AWS":
		switch v := n.Value; {
		case v == "*", accountID.MatchString(v), uniqueID.MatchString(v), iamName.MatchString(v), stsName.MatchString(v):
			return ""
		case strings.ContainsAny(v, "*?"):
			return "a wildcard may not be a part of a principal's name; name it in full, or use \"*\" with a condition on aws:PrincipalArn"
		case strings.HasPrefix(v, "arn:") && strings.Contains(v, ":iam::") && strings.Contains(v, ":group/"):
			return "a group is no principal; name its users"
		}
		return "it is no account of 12 digits, and no ARN of an account's root, a user, a role or a role's session"
	case "Service":
		if !service.MatchString(n.Value) {
			return "it is no service, which ends in .amazonaws.com"
		}
	case "Federated":
		if n.Value == "" || strings.ContainsAny(n.Value, "*? ") {
			return "it is no identity provider"
		}
	case "CanonicalUser":
		return "canonical user ids are not known here; name the account"
	default:
		return "the types of principals are AWS, Service, Federated and CanonicalUser"
	}
	return ""
}

// grant is how a Principal element meets the principal who asks.
type grant uint8

const (
	nobody    grant = iota
	byAccount       // its account is named: the account's own policies decide further
	byRole          // the role of its session is named: the session's policies and the role's boundary still limit
	directly        // the user, the session, the service or everybody is named
)

// names returns the strongest way in which the list names p.
func names(list []named, p *Principal) grant {
	best := nobody
	for i := range list {
		best = max(best, list[i].names(p))
	}
	return best
}

func (n *named) names(p *Principal) grant {
	if n.everybody() {
		return directly
	}
	switch {
	case n.Type == "Service":
		if p.Service != "" && p.Service == n.Value {
			return directly
		}
	case n.Type != "AWS" || p.Service != "":
	case p.ARN != "" && n.Value == p.ARN:
		return directly
	case p.Role != "" && n.Value == p.Role, p.Role != "" && p.ID != "" && n.Value == p.ID:
		return byRole
	case p.ID != "" && n.Value == p.ID:
		return directly
	case p.Account != "" && n.account == p.Account:
		return byAccount
	}
	return nobody
}

// excepted reports whether a NotPrincipal list excepts p. As AWS documents it, each of the names that p goes by
// has to be there: a user's ARN and its account; a session's, its role's and the account.
//
// Source: IAM user guide, "AWS JSON policy elements: NotPrincipal".
func excepted(list []named, p *Principal) bool {
	var self, role, account, everybody bool
	for i := range list {
		n := &list[i]
		switch {
		case n.everybody():
			everybody = true
		case p.Service != "":
			self = self || n.Type == "Service" && n.Value == p.Service
		case n.Type == "AWS":
			own := p.ID != "" && n.Value == p.ID
			self = self || n.Value == p.ARN || own && p.Role == ""
			role = role || p.Role != "" && n.Value == p.Role || own
			account = account || p.Account != "" && n.account == p.Account
		}
	}
	if everybody || p.Service != "" {
		return everybody || self
	}
	root := strings.HasSuffix(p.ARN, ":root")
	return account && (self || root) && (role || p.Role == "")
}
