package access

import (
	"regexp"

	"flowlake/fault"
)

// roleARN is the form of a role's ARN: an account of 12 digits, an optional path, a name of at most 64 characters.
//
// Source: IAM user guide, "IAM identifiers" and "IAM and AWS STS quotas".
var roleARN = regexp.MustCompile(`^arn:aws[a-z-]*:iam::[0-9]{12}:role/([\x21-\x7e]{1,510}/)?[A-Za-z0-9+=,.@_-]{1,64}$`)

// CheckRole checks the form of the ARN of a role that a caller hands to a service; name is what the error calls the
// member ("RoleARN"). It returns fault.Invalid. Whether the role exists, may be passed and trusts the service is asked
// when there are identities.
func CheckRole(name, arn string) error {
	if !roleARN.MatchString(arn) {
		return fault.Newf(fault.Invalid, name+" "+arn, "is not the ARN of a role: arn:aws:iam::<account>:role/<name>")
	}
	return nil
}
