package lake

import (
	"bytes"
	"context"
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"flowlake/access/policy"
	"flowlake/fault"
)

// statement is what S3 looks at in a statement of a bucket policy whose grammar was checked.
type statement struct {
	Action, NotAction, Resource, NotResource several
	Principal, NotPrincipal                  principals
	Condition                                map[string]map[string]json.RawMessage
}

// several is a string, or a list of strings.
type several []string

// UnmarshalJSON reads either.
func (s *several) UnmarshalJSON(text []byte) error {
	if bytes.HasPrefix(text, []byte(`"`)) {
		*s = several{""}
		return json.Unmarshal(text, &(*s)[0])
	}
	return json.Unmarshal(text, (*[]string)(s))
}

// principals are by their type, "AWS", "Service"; "*" is AWS's.
type principals map[string]several

// UnmarshalJSON reads "*" or an object.
func (p *principals) UnmarshalJSON(text []byte) error {
	if bytes.HasPrefix(text, []byte(`"`)) {
		*p = principals{"AWS": nil}
		return nil
	}
	return json.Unmarshal(text, (*map[string]several)(p))
}

// checkPolicy reads a policy that is to be put on a bucket, and refuses what S3 refuses beyond the grammar: resources of
// other buckets, actions that are not S3's or that fit no resource of their statement, unknown condition keys, principals
// that do not exist. With the document it returns the unique ids of the account's users and roles that it names.
//
// Source: S3 user guide, "Bucket policies"; the messages are S3's.
func (s *Store) checkPolicy(ctx context.Context, b *bucketDoc, text string) (doc *policy.Document, ids map[string]string, err error) {
	if len(text) > maxPolicy {
		return nil, nil, fault.Newf(fault.TooLarge, "policy document", "Policy exceeds the maximum allowed document size: it has %d bytes, and %d are allowed", len(text), maxPolicy)
	}
	if doc, err = policy.Parse(policy.Resource, text); err != nil {
		return nil, nil, err
	}
	var body struct{ Statement json.RawMessage }
	if err := json.Unmarshal([]byte(text), &body); err != nil {
		return nil, nil, fault.Newf(fault.Invalid, "policy document", "%w", err)
	}
	var all []statement
	if bytes.HasPrefix(bytes.TrimSpace(body.Statement), []byte("[")) {
		err = json.Unmarshal(body.Statement, &all)
	} else {
		all = make([]statement, 1)
		err = json.Unmarshal(body.Statement, &all[0])
	}
	if err != nil {
		return nil, nil, fault.Newf(fault.Invalid, "policy document", "%w", err)
	}
	for i := range all {
		if err := s.checkStatement(ctx, b, i+1, &all[i]); err != nil {
			return nil, nil, err
		}
	}
	ids, err = s.named(ctx, b.Owner, all)
	return doc, ids, err
}

func (s *Store) checkStatement(ctx context.Context, b *bucketDoc, number int, st *statement) error {
	bad := func(what, format string, args ...any) error {
		return fault.Newf(fault.Invalid, "policy document", what+": statement %d, "+format, append([]any{number}, args...)...)
	}
	onBucket, onObjects := false, false
	for _, arn := range slices.Concat(st.Resource, st.NotResource) {
		rest, ok := strings.CutPrefix(arn, ARN(b.Name, ""))
		switch {
		case !ok || rest != "" && rest[0] != '/' && rest[0] != '*':
			return bad("Policy has invalid resource", "%s is not %s or objects in it", arn, ARN(b.Name, ""))
		case rest == "":
			onBucket = true
		case rest[0] == '/':
			onObjects = true
		default: // "bucket*" is both
			onBucket, onObjects = true, true
		}
	}
	for _, pattern := range slices.Concat(st.Action, st.NotAction) {
		low := strings.ToLower(pattern)
		bucketwise := slices.ContainsFunc(bucketActions, func(a string) bool { return policy.Match(low, a) })
		objectwise := slices.ContainsFunc(objectActions, func(a string) bool { return policy.Match(low, a) })
		switch {
		case !bucketwise && !objectwise:
			return bad("Policy has invalid action", "%s is no action of S3", pattern)
		case len(st.NotResource) > 0 || len(st.NotAction) > 0:
		case !(bucketwise && onBucket) && !(objectwise && onObjects):
			return bad("Action does not apply to any resource(s) in statement", "%s is an action on %s", pattern,
				map[bool]string{true: "the bucket, " + ARN(b.Name, ""), false: "objects, " + ARN(b.Name, "*")}[bucketwise])
		}
	}
	for operator, keys := range st.Condition {
		for key := range keys {
			if !knownCondition(key) {
				return bad("Policy has an invalid condition key", "%s under %s is no key of S3's", key, operator)
			}
		}
	}
	for _, of := range []principals{st.Principal, st.NotPrincipal} {
		for kind, names := range of {
			for _, name := range names {
				if ok, err := s.principalExists(ctx, b.Owner, kind, name); err != nil {
					return err
				} else if !ok {
					return bad("Invalid principal in policy", "%s %s", kind, name)
				}
			}
		}
	}
	return nil
}

var (
	accountID    = regexp.MustCompile(`^[0-9]{12}$`)
	uniqueID     = regexp.MustCompile(`^(AIDA|AROA)[A-Z0-9]{12,124}$`)
	principalARN = regexp.MustCompile(`^arn:aws[a-z-]*:(iam|sts)::([0-9]{12}):(root|user/[^*?]+|role/[^*?]+|assumed-role/[^*?]+/[^*?]+|federated-user/[^*?]+)$`)
	serviceName  = regexp.MustCompile(`^[a-z0-9-]+(\.[a-z0-9-]+)*\.amazonaws\.com(\.cn)?$`)
)

// principalExists reports whether a bucket policy may name the principal. Users, roles and roles' sessions of the bucket's account are
// looked up; of others, and of unique ids, the form is checked.
func (s *Store) principalExists(ctx context.Context, owner, kind, name string) (bool, error) {
	switch kind {
	case "Service":
		return serviceName.MatchString(name), nil
	case "Federated":
		return name != "", nil
	case "AWS":
	default: // canonical ids name accounts, and accounts have theirs
		return false, nil
	}
	if name == "*" || accountID.MatchString(name) || uniqueID.MatchString(name) {
		return true, nil
	}
	parts := principalARN.FindStringSubmatch(name)
	if parts == nil {
		return false, nil
	}
	if parts[2] != owner {
		return true, nil
	}
	_, err := s.guard.CallerOf(ctx, name, "")
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	return err == nil, err
}
