package lake

import "strings"

// like matches IAM's wildcards, until policy.Match is there.
func like(pattern, s string) bool {
	for pattern != "" {
		switch pattern[0] {
		case '*':
			for i := len(s); i >= 0; i-- {
				if like(pattern[1:], s[i:]) {
					return true
				}
			}
			return false
		case '?':
			if s == "" {
				return false
			}
		default:
			if !strings.HasPrefix(s, pattern[:1]) {
				return false
			}
		}
		pattern, s = pattern[1:], s[1:]
	}
	return s == ""
}
