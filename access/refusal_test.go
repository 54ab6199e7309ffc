package access

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"flowlake/access/policy"
	"flowlake/fault"
)

func TestARefusalSaysWhatItsReaderMayKnow(t *testing.T) {
	ana := Caller{Account: account, Principal: "arn:aws:iam::123456789012:user/ana", ID: "AIDAX"}
	asked := "User: arn:aws:iam::123456789012:user/ana is not authorized to perform: s3:GetObject on resource: arn:aws:s3:::b/k"
	for _, tt := range []struct {
		name    string
		refusal Refusal
		want    string // the sentence
		whole   string // in the explanation; "" when there is no more than the sentence
	}{
		{"no identity policy", Refusal{Decision: policy.Decision{Reason: policy.NoIdentityAllow}, Statement: "{}", Where: "an identity policy of user ana"},
			asked + " because no identity-based policy allows the s3:GetObject action", "\n\nThis would allow it, in an identity policy of user ana:\n{}"},
		{"a boundary", Refusal{Decision: policy.Decision{Reason: policy.NoBoundaryAllow, Source: "permissions boundary b"}},
			asked + " because no permissions boundary allows the s3:GetObject action", "\n\nDecided by permissions boundary b."},
		{"a session", Refusal{Decision: policy.Decision{Reason: policy.NoSessionAllow}}, asked + " because no session policy allows the s3:GetObject action", ""},
		{"a bucket", Refusal{Decision: policy.Decision{Reason: policy.NoResourceAllow}}, asked + " because no resource-based policy allows the s3:GetObject action", ""},
		{"a trust", Refusal{Decision: policy.Decision{Reason: policy.NoTrust}}, asked + " because no role trust policy allows the s3:GetObject action", ""},
		{"a deny with a Sid", Refusal{Kind: "identity-based policy", Decision: policy.Decision{Reason: policy.ExplicitDeny, Source: "inline policy p of user ana", Sid: "No", Statement: 2}},
			asked + " with an explicit deny in an identity-based policy", "Decided by inline policy p of user ana, statement \"No\". No other policy outweighs it"},
		{"a deny without", Refusal{Kind: trustKind, Decision: policy.Decision{Reason: policy.ExplicitDeny, Source: "trust policy of role r", Statement: 2}},
			asked + " with an explicit deny in the role trust policy", "trust policy of role r, statement 2."},
		{"another rule", Refusal{Decision: policy.Decision{Reason: policy.NotAuthorizedOther, Detail: "it rains"}}, asked + " because it rains", ""},
		{"a service's own words", Refusal{Words: "Insufficient Lake Formation permission(s): Required Select on t", Statement: "aws …", Where: "a shell"},
			"Insufficient Lake Formation permission(s): Required Select on t", "\n\nThis would allow it, in a shell:\naws …"},
		{"a hidden one", Refusal{Hidden: true, Decision: policy.Decision{Reason: policy.ExplicitDeny, Source: "secret"}, Statement: "{}", Where: "there"}, asked, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := tt.refusal
			r.Caller, r.Action, r.Resource = ana, "s3:GetObject", "arn:aws:s3:::b/k"
			err := fmt.Errorf("crawl: %w", &r)
			if !fault.Is(err, fault.Denied) || r.Sentence() != tt.want || Explain(err) != r.Explanation() || strings.Contains(r.Error(), "\n") {
				t.Errorf("got %q, %v\nwant %q", r.Sentence(), err, tt.want)
			}
			if rest, ok := strings.CutPrefix(r.Explanation(), tt.want); !ok || !strings.Contains(rest, tt.whole) || tt.whole == "" && rest != "" {
				t.Errorf("got %q\nwant %q and %q", r.Explanation(), tt.want, tt.whole)
			}
			if tt.refusal.Hidden && (strings.Contains(err.Error(), "secret") || !strings.Contains(r.Reason(), "secret")) {
				t.Errorf("got %q, and for the log %q", err, r.Reason())
			}
		})
	}
	if err := errors.New("x"); Explain(err) != "x" {
		t.Error("another error has another text")
	}
}
