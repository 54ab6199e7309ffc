package sts_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"flowlake/access"
	"flowlake/access/identity"
	door "flowlake/aws/sts"
	"flowlake/aws/wire"
	"flowlake/state"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/aws/smithy-go"
)

const (
	account = "123456789012"
	anyRole = "arn:aws:iam::" + account + ":role/"
)

var ctx = context.Background()

// house is the identities behind the door.
type house struct {
	t    *testing.T
	ids  *identity.Store
	url  string
	root *sts.Client
}

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T) *house {
	t.Helper()
	config, quiet := t.TempDir(), slog.New(slog.DiscardHandler)
	keys := must(access.OpenKeys(filepath.Join(config, "flowlake", "credentials"), account))(t)
	seal := must(identity.OpenSeal(filepath.Join(config, "flowlake", "key")))(t)
	st := must(state.Open(t.TempDir()))(t)
	t.Cleanup(func() { st.Close() })
	h := &house{t: t, ids: must(identity.Open(st, account, seal, quiet))(t)}
	keys.SetIdentities(h.ids)
	guard := access.OpenGuard(access.GuardConfig{Account: account, Identities: h.ids, Log: quiet})
	handler := must(wire.New(wire.Config{Keys: keys, Guard: guard, Log: quiet}, []wire.Service{door.Service(h.ids, guard)}))(t)
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	h.url = server.URL
	h.root = h.client(keys.Root().ID, keys.Root().Secret, "")
	return h
}

func (h *house) client(id, secret, token string) *sts.Client {
	return sts.New(sts.Options{Region: "ap-northeast-2", BaseEndpoint: &h.url, RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(id, secret, token)})
}

func (h *house) as(c *types.Credentials) *sts.Client {
	return h.client(*c.AccessKeyId, *c.SecretAccessKey, *c.SessionToken)
}

// user makes a user with an inline policy, "" for none, and is its client.
func (h *house) user(name, policy string) (*sts.Client, identity.Entity) {
	h.t.Helper()
	e := must(h.ids.Create(ctx, identity.User, identity.New{Name: name}))(h.t)
	if policy != "" {
		ok(h.t, h.ids.PutInline(ctx, identity.User, name, "p", policy))
	}
	key, secret, err := h.ids.CreateKey(ctx, name)
	ok(h.t, err)
	return h.client(key.ID, secret, ""), e
}

// role makes a role with a trust policy's statement.
func (h *house) role(name, statement string) identity.Entity {
	h.t.Helper()
	return must(h.ids.Create(ctx, identity.Role, identity.New{Name: name, Trust: document(statement)}))(h.t)
}

func document(statements ...string) string {
	return `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
}

func trust(arn, actions, condition string) string {
	return `{"Effect":"Allow","Principal":{"AWS":"` + arn + `"},"Action":` + actions + condition + `}`
}

func assume(role string) *sts.AssumeRoleInput {
	return &sts.AssumeRoleInput{RoleArn: aws.String(anyRole + role), RoleSessionName: aws.String("walk")}
}

func refused(t *testing.T, err error, code, words string) {
	t.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != code || !strings.Contains(api.ErrorMessage(), words) {
		t.Errorf("got %v, want %s with %q", err, code, words)
	}
}

func TestGetCallerIdentity(t *testing.T) {
	h := open(t)
	ana, user := h.user("ana", "")
	h.role("r", trust(user.ARN, `"sts:AssumeRole"`, ""))
	session := must(ana.AssumeRole(ctx, assume("r")))(t)
	own := must(ana.GetSessionToken(ctx, nil))(t)
	role := must(h.ids.Get(ctx, identity.Role, "r"))(t)
	for name, tc := range map[string]struct {
		client  *sts.Client
		arn, id string
	}{
		"root":             {h.root, "arn:aws:iam::" + account + ":root", account},
		"a user":           {ana, user.ARN, user.ID},
		"a role's session": {h.as(session.Credentials), "arn:aws:sts::" + account + ":assumed-role/r/walk", role.ID + ":walk"},
		"a user's session": {h.as(own.Credentials), user.ARN, user.ID},
		"root's session":   {h.as(must(h.root.GetSessionToken(ctx, nil))(t).Credentials), "arn:aws:iam::" + account + ":root", account},
	} {
		out := must(tc.client.GetCallerIdentity(ctx, nil))(t)
		if *out.Arn != tc.arn || *out.UserId != tc.id || *out.Account != account {
			t.Errorf("%s: got %s, %s, %s", name, *out.Arn, *out.UserId, *out.Account)
		}
	}
	if got := must(ana.AssumeRole(ctx, assume("r")))(t).AssumedRoleUser; *got.AssumedRoleId != role.ID+":walk" {
		t.Errorf("got %+v", got)
	}
}

func TestWhoMayAssume(t *testing.T) {
	h := open(t)
	any := document(`{"Effect":"Allow","Action":"sts:*","Resource":"*"}`)
	ana, user := h.user("ana", "")
	admin, _ := h.user("admin", any)
	_, bob := h.user("bob", "")
	h.role("named", trust(user.ARN, `"sts:AssumeRole"`, ""))
	h.role("account", trust(account, `"sts:AssumeRole"`, ""))
	h.role("bobs", trust(bob.ARN, `"sts:AssumeRole"`, ""))
	h.role("services", `{"Effect":"Allow","Principal":{"Service":"glue.amazonaws.com"},"Action":"sts:AssumeRole"}`)
	h.role("secret", trust(account, `"sts:AssumeRole"`, `,"Condition":{"StringEquals":{"sts:ExternalId":"42"}}`))
	for _, tc := range []struct {
		name   string
		client *sts.Client
		role   string
		words  string // of the refusal; "" for none
	}{
		{"whom the trust names needs no more", ana, "named", ""},
		{"whose account it names needs a policy", ana, "account", "no identity-based policy allows the sts:AssumeRole action"},
		{"whose account it names with a policy may", admin, "account", ""},
		{"a policy alone is not enough", admin, "services", "no role trust policy allows the sts:AssumeRole action"},
		{"another's trust is not enough", admin, "bobs", "no role trust policy allows the sts:AssumeRole action"},
		{"an external id that is missing", admin, "secret", "no role trust policy allows the sts:AssumeRole action"},
		{"a role that is not there looks like one", admin, "none", "is not authorized to perform: sts:AssumeRole on resource: " + anyRole + "none"},
		{"root may not", h.root, "account", "Roles may not be assumed by root accounts."},
	} {
		_, err := tc.client.AssumeRole(ctx, assume(tc.role))
		if tc.words == "" {
			if err != nil {
				t.Errorf("%s: %v", tc.name, err)
			}
			continue
		}
		t.Run(tc.name, func(t *testing.T) { refused(t, err, "AccessDenied", tc.words) })
	}
	t.Run("an external id opens what asks for it", func(t *testing.T) {
		in := assume("secret")
		in.ExternalId = aws.String("42")
		must(admin.AssumeRole(ctx, in))(t)
	})
	t.Run("another account's role is refused", func(t *testing.T) {
		in := assume("")
		in.RoleArn = aws.String("arn:aws:iam::999999999999:role/x")
		_, err := admin.AssumeRole(ctx, in)
		refused(t, err, "AccessDenied", "")
	})
	t.Run("who is deleted loses sessions and keys, and its name is another's", func(t *testing.T) {
		h.role("anas", trust(user.ARN, `"sts:AssumeRole"`, ""))
		own := h.as(must(ana.GetSessionToken(ctx, nil))(t).Credentials)
		of := h.as(must(ana.AssumeRole(ctx, assume("anas")))(t).Credentials)
		for _, k := range must(h.ids.Keys(ctx, "ana"))(t) {
			ok(t, h.ids.DeleteKey(ctx, "ana", k.ID))
		}
		ok(t, h.ids.Delete(ctx, identity.User, "ana"))
		again, _ := h.user("ANA", "")
		for _, c := range []*sts.Client{ana, own} {
			_, err := c.GetCallerIdentity(ctx, nil)
			refused(t, err, "InvalidClientTokenId", "")
		}
		must(of.GetCallerIdentity(ctx, nil))(t) // a role's session lives on its role
		_, err := again.AssumeRole(ctx, assume("anas"))
		refused(t, err, "AccessDenied", "")
		ok(t, h.ids.Delete(ctx, identity.Role, "anas"))
		_, err = of.GetCallerIdentity(ctx, nil)
		refused(t, err, "InvalidClientTokenId", "")
	})
}

func TestHowLongSessionsAre(t *testing.T) {
	h := open(t)
	ana, user := h.user("ana", "")
	role := h.role("r", trust(user.ARN, `"sts:AssumeRole"`, ""))
	h.role("next", trust(role.ARN, `"sts:AssumeRole"`, ""))
	left := func(c *types.Credentials) time.Duration { return time.Until(*c.Expiration).Round(time.Minute) }

	first := must(ana.AssumeRole(ctx, assume("r")))(t).Credentials
	if got := left(first); got != time.Hour {
		t.Errorf("a role's session lasts %v", got)
	}
	with := func(in *sts.AssumeRoleInput, seconds int32) *sts.AssumeRoleInput {
		in.DurationSeconds = &seconds
		return in
	}
	_, err := ana.AssumeRole(ctx, with(assume("r"), 7200))
	refused(t, err, "ValidationError", "exceeds the MaxSessionDuration set for this role")
	longest := 12 * time.Hour
	ok(t, h.ids.UpdateRole(ctx, "r", nil, &longest))
	ok(t, h.ids.UpdateRole(ctx, "next", nil, &longest))
	if got := left(must(ana.AssumeRole(ctx, with(assume("r"), 43200)))(t).Credentials); got != longest {
		t.Errorf("got %v", got)
	}
	for _, seconds := range []int32{0, 899, 43201, -1} {
		_, err := ana.AssumeRole(ctx, with(assume("r"), seconds))
		refused(t, err, "ValidationError", "durationSeconds")
	}
	chained := h.as(first)
	_, err = chained.AssumeRole(ctx, with(assume("next"), 3601))
	refused(t, err, "ValidationError", "exceeds the 1 hour session limit for roles assumed by role chaining")
	must(chained.AssumeRole(ctx, with(assume("next"), 3600)))(t)

	own := must(ana.GetSessionToken(ctx, nil))(t).Credentials
	if got := left(own); got != 12*time.Hour {
		t.Errorf("a user's session lasts %v", got)
	}
	if got := left(must(h.root.GetSessionToken(ctx, &sts.GetSessionTokenInput{DurationSeconds: aws.Int32(129600)}))(t).Credentials); got != time.Hour {
		t.Errorf("root's session lasts %v", got)
	}
	_, err = ana.GetSessionToken(ctx, &sts.GetSessionTokenInput{DurationSeconds: aws.Int32(129601)})
	refused(t, err, "ValidationError", "durationSeconds")
	for _, c := range []*types.Credentials{own, first} {
		_, err = h.as(c).GetSessionToken(ctx, nil)
		refused(t, err, "AccessDenied", "Cannot call GetSessionToken with session credentials")
	}
}

func TestWhatIsRefusedOfASession(t *testing.T) {
	h := open(t)
	ana, user := h.user("ana", "")
	h.role("r", trust(user.ARN, `"sts:*"`, ""))
	tag := types.Tag{Key: aws.String("k"), Value: aws.String("v")}
	for name, tc := range map[string]struct {
		change      func(*sts.AssumeRoleInput)
		code, words string
	}{
		"a name with a space":          {func(in *sts.AssumeRoleInput) { in.RoleSessionName = aws.String("a b") }, "ValidationError", "roleSessionName"},
		"a name of one letter":         {func(in *sts.AssumeRoleInput) { in.RoleSessionName = aws.String("a") }, "ValidationError", "roleSessionName"},
		"a slash in the name":          {func(in *sts.AssumeRoleInput) { in.RoleSessionName = aws.String("a/b") }, "ValidationError", "roleSessionName"},
		"a policy that does not parse": {func(in *sts.AssumeRoleInput) { in.Policy = aws.String("{") }, "MalformedPolicyDocument", ""},
		"a policy that is too long":    {func(in *sts.AssumeRoleInput) { in.Policy = aws.String(strings.Repeat(" ", 2049)) }, "ValidationError", "policy"},
		"a policy ARN that is not there": {func(in *sts.AssumeRoleInput) {
			in.PolicyArns = []types.PolicyDescriptorType{{Arn: aws.String("arn:aws:iam::aws:policy/None")}}
		}, "ValidationError", "does not exist"},
		"a transitive key of no tag": {func(in *sts.AssumeRoleInput) { in.TransitiveTagKeys = []string{"k"} }, "ValidationError", "must be included in the requested tags"},
		"a tag twice":                {func(in *sts.AssumeRoleInput) { in.Tags = []types.Tag{tag, tag} }, "ValidationError", "Duplicate tag keys"},
		"a reserved tag": {func(in *sts.AssumeRoleInput) {
			in.Tags = []types.Tag{{Key: aws.String("aws:x"), Value: aws.String("")}}
		}, "ValidationError", "reserved"},
		"a source identity of AWS's":      {func(in *sts.AssumeRoleInput) { in.SourceIdentity = aws.String("aws:x") }, "ValidationError", "sourceIdentity"},
		"an external id with a space":     {func(in *sts.AssumeRoleInput) { in.ExternalId = aws.String("a b") }, "ValidationError", "externalId"},
		"multi-factor authentication":     {func(in *sts.AssumeRoleInput) { in.TokenCode = aws.String("123456") }, "ValidationError", "TokenCode"},
		"the ARN of a user":               {func(in *sts.AssumeRoleInput) { in.RoleArn = aws.String(user.ARN) }, "AccessDenied", ""},
		"more than a token holds of tags": {func(in *sts.AssumeRoleInput) { in.Tags = tags(51) }, "ValidationError", "more than 50"},
	} {
		t.Run(name, func(t *testing.T) {
			in := assume("r")
			tc.change(in)
			_, err := ana.AssumeRole(ctx, in)
			refused(t, err, tc.code, tc.words)
		})
	}
}

func tags(n int) (all []types.Tag) {
	for i := range n {
		all = append(all, types.Tag{Key: aws.String(fmt.Sprint("k", i)), Value: aws.String("v")})
	}
	return all
}

func TestSessionPolicies(t *testing.T) {
	h := open(t)
	any := document(`{"Effect":"Allow","Action":"sts:*","Resource":"*"}`)
	ana, user := h.user("ana", "")
	h.role("r", trust(user.ARN, `"sts:AssumeRole"`, ""))
	ok(t, h.ids.PutInline(ctx, identity.Role, "r", "p", any))
	info := func(in *sts.AssumeRoleInput) error {
		t.Helper()
		out := must(ana.AssumeRole(ctx, in))(t)
		if aws.ToInt32(out.SessionTokenSize) != int32(len(*out.Credentials.SessionToken)) || aws.ToInt32(out.SessionTokenUtilization) < 1 {
			t.Errorf("got size %v, utilization %v", out.SessionTokenSize, out.SessionTokenUtilization)
		}
		_, err := h.as(out.Credentials).GetAccessKeyInfo(ctx, &sts.GetAccessKeyInfoInput{AccessKeyId: out.Credentials.AccessKeyId})
		return err
	}
	in := assume("r")
	ok(t, info(in))
	in.Policy = aws.String(document(`{"Effect":"Allow","Action":"s3:*","Resource":"*"}`))
	refused(t, info(in), "AccessDenied", "no session policy allows the sts:GetAccessKeyInfo action")
	in.PolicyArns = []types.PolicyDescriptorType{{Arn: aws.String("arn:aws:iam::aws:policy/ReadOnlyAccess")}}
	ok(t, info(in)) // the session may what any of its policies allows
	ok(t, h.ids.DeleteInline(ctx, identity.Role, "r", "p"))
	refused(t, info(in), "AccessDenied", "no identity-based policy allows the sts:GetAccessKeyInfo action")
}

func TestTagsAndSourceIdentityGoAlongAChain(t *testing.T) {
	h := open(t)
	ana, user := h.user("ana", "")
	condition := `,"Condition":{"StringEquals":{"aws:PrincipalTag/dept":"net"}}`
	first := h.role("first", trust(user.ARN, `["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"]`, ""))
	second := h.role("second", trust(first.ARN, `["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"]`, condition))
	h.role("third", trust(second.ARN, `["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"]`, condition))
	h.role("untagged", trust(first.ARN, `["sts:AssumeRole","sts:SetSourceIdentity"]`, ""))
	h.role("nobody", trust(first.ARN, `["sts:AssumeRole","sts:TagSession"]`, ""))

	in := assume("first")
	in.Tags = []types.Tag{{Key: aws.String("dept"), Value: aws.String("net")}, {Key: aws.String("mood"), Value: aws.String("good")}}
	in.TransitiveTagKeys = []string{"dept"}
	in.SourceIdentity = aws.String("ana")
	one := must(ana.AssumeRole(ctx, in))(t)
	if aws.ToString(one.SourceIdentity) != "ana" {
		t.Errorf("got %v", one.SourceIdentity)
	}
	two := must(h.as(one.Credentials).AssumeRole(ctx, assume("second")))(t)
	if aws.ToString(two.SourceIdentity) != "ana" {
		t.Errorf("the source identity is lost: %v", two.SourceIdentity)
	}
	must(h.as(two.Credentials).AssumeRole(ctx, assume("third")))(t) // its trust asks for the tag, twice handed on

	t.Run("a tag that goes on cannot be set anew", func(t *testing.T) {
		again := assume("second")
		again.Tags = []types.Tag{{Key: aws.String("Dept"), Value: aws.String("boss")}}
		_, err := h.as(one.Credentials).AssumeRole(ctx, again)
		refused(t, err, "ValidationError", "conflicts with a transitive tag key from the calling session")
	})
	t.Run("tags that go on count among the fifty", func(t *testing.T) {
		again := assume("second")
		again.Tags = tags(50)
		_, err := h.as(one.Credentials).AssumeRole(ctx, again)
		refused(t, err, "ValidationError", "51 tags are more than 50")
	})
	t.Run("a source identity cannot be changed", func(t *testing.T) {
		again := assume("second")
		again.SourceIdentity = aws.String("eve")
		_, err := h.as(one.Credentials).AssumeRole(ctx, again)
		refused(t, err, "AccessDenied", "cannot be changed")
	})
	t.Run("handing on tags takes sts:TagSession", func(t *testing.T) {
		_, err := h.as(one.Credentials).AssumeRole(ctx, assume("untagged"))
		refused(t, err, "AccessDenied", "sts:TagSession")
	})
	t.Run("handing on a source identity takes sts:SetSourceIdentity", func(t *testing.T) {
		_, err := h.as(one.Credentials).AssumeRole(ctx, assume("nobody"))
		refused(t, err, "AccessDenied", "sts:SetSourceIdentity")
	})
	t.Run("setting tags takes sts:TagSession", func(t *testing.T) {
		h.role("plain", trust(user.ARN, `"sts:AssumeRole"`, ""))
		in := assume("plain")
		in.Tags = tags(1)
		_, err := ana.AssumeRole(ctx, in)
		refused(t, err, "AccessDenied", "sts:TagSession")
	})
}

func TestGetAccessKeyInfo(t *testing.T) {
	h := open(t)
	ana, _ := h.user("ana", document(`{"Effect":"Allow","Action":"sts:GetAccessKeyInfo","Resource":"*"}`))
	key := must(h.ids.Keys(ctx, "ana"))(t)[0].ID
	session := must(ana.GetSessionToken(ctx, nil))(t).Credentials
	for _, id := range []string{key, *session.AccessKeyId} {
		out := must(ana.GetAccessKeyInfo(ctx, &sts.GetAccessKeyInfoInput{AccessKeyId: &id}))(t)
		if *out.Account != account {
			t.Errorf("%s is of %s", id, *out.Account)
		}
	}
	for _, id := range []string{"AKIAIOSFODNN7EXAMPLE", "short", strings.Repeat("A", 129)} {
		_, err := ana.GetAccessKeyInfo(ctx, &sts.GetAccessKeyInfoInput{AccessKeyId: &id})
		refused(t, err, "ValidationError", "")
	}
	bob, _ := h.user("bob", "")
	_, err := bob.GetAccessKeyInfo(ctx, &sts.GetAccessKeyInfoInput{AccessKeyId: &key})
	refused(t, err, "AccessDenied", "sts:GetAccessKeyInfo")
}

func TestSecretsThatDoNotFit(t *testing.T) {
	h := open(t)
	ana, user := h.user("ana", "")
	h.role("r", trust(user.ARN, `"sts:AssumeRole"`, ""))
	one := must(ana.AssumeRole(ctx, assume("r")))(t).Credentials
	two := must(ana.AssumeRole(ctx, assume("r")))(t).Credentials
	for name, c := range map[string]*sts.Client{
		"another session's token":  h.client(*one.AccessKeyId, *one.SecretAccessKey, *two.SessionToken),
		"no token":                 h.client(*one.AccessKeyId, *one.SecretAccessKey, ""),
		"a token that was changed": h.client(*one.AccessKeyId, *one.SecretAccessKey, "B"+(*one.SessionToken)[1:]),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := c.GetCallerIdentity(ctx, nil)
			refused(t, err, "InvalidClientTokenId", "")
		})
	}
	t.Run("another session's secret", func(t *testing.T) {
		_, err := h.client(*one.AccessKeyId, *two.SecretAccessKey, *one.SessionToken).GetCallerIdentity(ctx, nil)
		refused(t, err, "SignatureDoesNotMatch", "")
	})
	t.Run("a session that is over", func(t *testing.T) {
		over := must(h.ids.Issue(identity.SessionSpec{Principal: user.ARN, PrincipalID: user.ID, Duration: -time.Minute}))(t)
		_, err := h.client(over.ID, over.Secret, over.Token).GetCallerIdentity(ctx, nil)
		refused(t, err, "ExpiredToken", "")
	})
	t.Run("an inactive key", func(t *testing.T) {
		keys := must(h.ids.Keys(ctx, "ana"))(t)
		ok(t, h.ids.SetKeyActive(ctx, "ana", keys[0].ID, false))
		_, err := ana.GetCallerIdentity(ctx, nil)
		refused(t, err, "InvalidClientTokenId", "")
		must(h.as(one).GetCallerIdentity(ctx, nil))(t) // a session lives on without the key that began it
	})
}
