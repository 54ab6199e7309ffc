package access

import (
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"flowlake/access/audit"
	"flowlake/access/identity"
	"flowlake/access/policy"
	"flowlake/state"
)

const (
	account = "123456789012"
	region  = "us-east-1"
)

// house is a guard over real identities, and the buckets that a test puts there.
type house struct {
	*Guard
	store   *identity.Store
	keys    *Keys
	log     *audit.Log
	dir     string
	buckets map[string]*policy.Document
}

func (h *house) ResourcePolicy(_ context.Context, arn string) (string, *policy.Document, error) {
	bucket, _, _ := strings.Cut(strings.TrimPrefix(arn, "arn:aws:s3:::"), "/")
	document, ok := h.buckets[bucket]
	if !ok {
		return "", nil, nil
	}
	return account, document, nil
}

func open(t testing.TB) *house {
	t.Helper()
	dir, quiet := t.TempDir(), slog.New(slog.DiscardHandler)
	st := must(state.Open(filepath.Join(dir, "state")))(t)
	seal := must(identity.OpenSeal(filepath.Join(dir, "config", "key")))(t)
	h := &house{dir: filepath.Join(dir, "audit"), buckets: map[string]*policy.Document{}}
	h.store = must(identity.Open(st, account, seal, quiet))(t)
	h.log = must(audit.Open(audit.Config{Dir: h.dir}))(t)
	h.keys = must(OpenKeys(filepath.Join(dir, "config", "credentials"), account))(t)
	h.keys.SetIdentities(h.store)
	h.Guard = OpenGuard(GuardConfig{Account: account, Identities: h.store, Audit: h.log, Log: quiet})
	h.SetResources(h)
	t.Cleanup(func() {
		for _, err := range []error{h.log.Close(), st.Close()} {
			if err != nil {
				t.Error(err)
			}
		}
	})
	return h
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// document is a policy of statements.
func document(statements ...string) string {
	return `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
}

// user makes a user with an inline policy of those statements, and returns them as a caller.
func (h *house) user(t testing.TB, name string, statements ...string) Caller {
	t.Helper()
	e := must(h.store.Create(t.Context(), identity.User, identity.New{Name: name}))(t)
	if len(statements) > 0 {
		ok(t, h.store.PutInline(t.Context(), identity.User, name, "may", document(statements...)))
	}
	return Caller{Account: account, Region: region, Principal: e.ARN, ID: e.ID}
}

// role makes a role with that trust policy and an inline policy, and returns its ARN.
func (h *house) role(t testing.TB, name, trust string, statements ...string) string {
	t.Helper()
	e := must(h.store.Create(t.Context(), identity.Role, identity.New{Name: name, Trust: document(trust)}))(t)
	if len(statements) > 0 {
		ok(t, h.store.PutInline(t.Context(), identity.Role, name, "may", document(statements...)))
	}
	return e.ARN
}

func trusts(service string) string {
	return `{"Effect":"Allow","Principal":{"Service":"` + service + `"},"Action":"sts:AssumeRole"}`
}
