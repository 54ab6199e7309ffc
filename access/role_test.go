package access

import (
	"strings"
	"testing"

	"flowlake/fault"
)

func TestARolesARNIsCheckedForItsForm(t *testing.T) {
	for _, tc := range []struct {
		name, arn string
		ok        bool
	}{
		{"a role", "arn:aws:iam::123456789012:role/flow-logs", true},
		{"a role below a path", "arn:aws:iam::123456789012:role/service-role/firehose_delivery", true},
		{"another partition", "arn:aws-cn:iam::123456789012:role/r", true},
		{"nothing", "", false},
		{"a name alone", "flow-logs", false},
		{"a user", "arn:aws:iam::123456789012:user/alice", false},
		{"a short account", "arn:aws:iam::1234:role/r", false},
		{"no name", "arn:aws:iam::123456789012:role/", false},
		{"a long name", "arn:aws:iam::123456789012:role/" + strings.Repeat("r", 65), false},
		{"a line break", "arn:aws:iam::123456789012:role/r\n", false},
	} {
		err := CheckRole("RoleARN", tc.arn)
		if (err == nil) != tc.ok || err != nil && !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: CheckRole(%q) = %v, want ok %v", tc.name, tc.arn, err, tc.ok)
		}
	}
}
