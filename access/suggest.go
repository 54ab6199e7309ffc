package access

import "flowlake/access/policy"

func suggest(r *policy.Request, d policy.Decision) (statement, where string) {
	return "", ""
}
