package identity

import (
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"flowlake/access/policy"
	"flowlake/fault"
)

// The quotas that an account has from the start.
//
// Source: IAM user guide, "IAM and AWS STS quotas".
const (
	maxGroups      = 10 // a user's
	maxKeys        = 2  // a user's
	maxAttached    = 10 // managed policies of a user, group or role
	maxVersions    = 5  // of a managed policy
	maxTags        = 50
	maxManaged     = 6144 // characters of a managed policy, white space not counted
	maxTrust       = 2048 // characters of a trust policy, white space not counted
	maxDescription = 1000 // characters
	maxDocument    = 131_072

	minSession = time.Hour
	maxSession = 12 * time.Hour
)

var (
	quotas     = map[Kind]int{User: 5000, Group: 300, Role: 1000, Managed: 1500}
	quotaNames = map[Kind]string{User: "UsersPerAccount", Group: "GroupsPerAccount", Role: "RolesPerAccount", Managed: "PoliciesPerAccount"}

	// maxInline bounds the characters of all inline policies of one, white space not counted.
	maxInline = map[Kind]int{User: 2048, Group: 5120, Role: 10_240}
)

var (
	nameForm = regexp.MustCompile(`^[A-Za-z0-9_+=,.@-]+$`)
	pathForm = regexp.MustCompile(`^(/|/[\x21-\x7e]+/)$`)
	tagForm  = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`)
)

func checkName(kind Kind, name string) error {
	longest := 128
	if kind == User || kind == Role {
		longest = 64
	}
	switch {
	case name == "" || utf8.RuneCountInString(name) > longest:
		return fault.Newf(fault.Invalid, kind.String()+" name "+name, "has %d characters, not 1 to %d", utf8.RuneCountInString(name), longest)
	case !nameForm.MatchString(name):
		return fault.Newf(fault.Invalid, kind.String()+" name "+name, "The specified value for %sName is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-", kind)
	}
	return nil
}

func checkPath(path string) error {
	if len(path) > 512 || !pathForm.MatchString(path) {
		return fault.Newf(fault.Invalid, "path "+path, "The specified value for path is invalid. It must begin and end with / and contain only printable ASCII characters, at most 512 of them.")
	}
	return nil
}

func checkDescription(text string) error {
	if n := utf8.RuneCountInString(text); n > maxDescription {
		return fault.Newf(fault.Invalid, "description", "has %d characters, more than %d", n, maxDescription)
	}
	if strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) && r != '\t' && r != '\n' && r != '\r' }) {
		return fault.Newf(fault.Invalid, "description", "has a control character")
	}
	return nil
}

func checkMaxSession(d time.Duration) error {
	if d < minSession || d > maxSession {
		return fault.Newf(fault.Invalid, "maximum session duration", "%d seconds is not within %d and %d", int(d.Seconds()), int(minSession.Seconds()), int(maxSession.Seconds()))
	}
	return nil
}

// CheckTags checks the form of tags that are set in one request: IAM's, and a session's.
func CheckTags(tags []Tag) error { return checkTags(tags) }

func checkTags(tags []Tag) error {
	if len(tags) > maxTags {
		return fault.Newf(fault.Limit, "tags", "%d tags are more than %d", len(tags), maxTags)
	}
	for i, t := range tags {
		switch n := utf8.RuneCountInString(t.Key); {
		case n == 0 || n > 128:
			return fault.Newf(fault.Invalid, "tag "+t.Key, "its key has %d characters, not 1 to 128", n)
		case utf8.RuneCountInString(t.Value) > 256:
			return fault.Newf(fault.Invalid, "tag "+t.Key, "its value has more than 256 characters")
		case !tagForm.MatchString(t.Key) || !tagForm.MatchString(t.Value):
			return fault.Newf(fault.Invalid, "tag "+t.Key, "has a character other than letters, digits, spaces and _.:/=+-@")
		case len(t.Key) >= 4 && strings.EqualFold(t.Key[:4], "aws:"):
			return fault.Newf(fault.Invalid, "tag "+t.Key, "keys that begin with aws: are reserved")
		case slices.ContainsFunc(tags[:i], func(o Tag) bool { return strings.EqualFold(o.Key, t.Key) }):
			return fault.Newf(fault.Invalid, "tag "+t.Key, "Duplicate tag keys found. Please note that Tag keys are case insensitive.")
		}
	}
	return nil
}

// checkNew checks everything about a new thing that needs no look at others. Members that its kind does not have are refused.
func checkNew(kind Kind, n New) error {
	if err := checkName(kind, n.Name); err != nil {
		return err
	}
	if err := checkPath(n.Path); err != nil {
		return err
	}
	if err := checkTags(n.Tags); err != nil {
		return err
	}
	if kind == Group && (len(n.Tags) > 0 || n.Boundary != "") {
		return fault.Newf(fault.Invalid, "group "+n.Name, "groups have no tags and no permissions boundary")
	}
	if kind != Role && (n.Trust != "" || n.MaxSession != 0) || kind != Role && kind != Managed && n.Description != "" {
		return fault.Newf(fault.Invalid, kind.String()+" "+n.Name, "only roles have a trust policy, a description and a maximum session duration")
	}
	if err := checkDescription(n.Description); err != nil {
		return err
	}
	if kind != Role {
		return nil
	}
	if n.MaxSession != 0 {
		if err := checkMaxSession(n.MaxSession); err != nil {
			return err
		}
	}
	return checkSize("role", n.Trust, maxTrust)
}

// checkSize bounds a document before it is parsed: white space does not count, up to a limit of its own.
func checkSize(what, document string, limit int) error {
	if len(document) > maxDocument {
		return fault.Newf(fault.Limit, what, "the policy document has %d bytes, more than %d", len(document), maxDocument)
	}
	if policy.Size(document) > limit {
		return fault.Newf(fault.Limit, what, "Cannot exceed quota for PolicySize: %d", limit)
	}
	return nil
}
