package wire_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"flowlake/access"
	"flowlake/access/audit"
	"flowlake/access/identity"
	"flowlake/access/policy"
	"flowlake/aws/wire"
	"flowlake/state"
)

// people are an account's identities, with a guard that decides by their policies and the log of what it decides.
type people struct {
	dir   string
	keys  *access.Keys
	store *identity.Store
	log   *audit.Log
	guard *access.Guard
}

func openPeople(t testing.TB, cfg audit.Config) *people {
	t.Helper()
	p := &people{dir: t.TempDir()}
	quiet := slog.New(slog.DiscardHandler)
	cfg.Dir = p.dir + "/audit"
	var seal *identity.Seal
	var st *state.Store
	var err error
	for _, step := range []func(){
		func() { p.keys, err = access.OpenKeys(p.dir+"/config/credentials", account) },
		func() { seal, err = identity.OpenSeal(p.dir + "/config/key") },
		func() { st, err = state.Open(p.dir + "/state") },
		func() { p.store, err = identity.Open(st, account, seal, quiet) },
		func() { p.log, err = audit.Open(cfg) },
	} {
		if step(); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { _, _ = p.log.Close(), st.Close() })
	p.keys.SetIdentities(p.store)
	p.guard = access.OpenGuard(access.GuardConfig{Account: account, Identities: p.store, Audit: p.log, Log: quiet})
	return p
}

// user makes a user with an inline policy of one statement, "" for none, and their key.
func (p *people) user(t testing.TB, name, statement string) access.Key {
	t.Helper()
	_, err := p.store.Create(t.Context(), identity.User, identity.New{Name: name})
	if err == nil && statement != "" {
		err = p.store.PutInline(t.Context(), identity.User, name, "may", `{"Version":"2012-10-17","Statement":`+statement+`}`)
	}
	if err != nil {
		t.Fatal(err)
	}
	key, secret, err := p.store.CreateKey(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return access.Key{ID: key.ID, Secret: secret}
}

// TestARawRowsQuestionsFollowTheRequest: what a header asks for reaches the conditions of policies, and takes the permissions
// that it needs and no request without it.
func TestARawRowsQuestionsFollowTheRequest(t *testing.T) {
	p := openPeople(t, audit.Config{})
	y := &toy{key: p.user(t, "ana", `[
		{"Effect":"Allow","Action":"s3:PutObject","Resource":"*","Condition":{"StringEqualsIfExists":{"s3:x-amz-acl":"private"}}},
		{"Effect":"Allow","Action":"s3:ListBucket","Resource":"*","Condition":{"StringEquals":{"s3:prefix":"mine/"}}}]`)}
	acl := func(call *wire.Call) string { return call.Request.Header.Get("X-Amz-Acl") }
	server, err := wire.New(wire.Config{Keys: p.keys, Guard: p.guard, Audit: p.log, Log: slog.New(slog.DiscardHandler)}, []wire.Service{{
		Name: "s3", Title: "Toy S3", Protocol: wire.RestXML, Route: func(*http.Request) (string, bool) { return "PutObject", true },
		Operations: []wire.Operation{wire.Raw("PutObject", wire.RawRow{Honoured: []string{"x-amz-acl"}, Permissions: []wire.RawPermission{
			{Action: "s3:PutObject", Context: func(call *wire.Call) []policy.Entry {
				if acl(call) == "" {
					return nil
				}
				return []policy.Entry{{Key: "s3:x-amz-acl", Values: []string{acl(call)}}}
			}},
			{Action: "s3:PutObjectAcl", When: func(call *wire.Call) bool { return acl(call) != "" }},
		}}, func(ctx context.Context, call *wire.Call) error {
			if _, err := io.Copy(io.Discard, call.Body); err != nil {
				return err
			}
			if err := p.guard.Allow(ctx, call.Caller, "s3:PutObject", "*"); err != nil {
				t.Errorf("a room does not rely on its door: %v", err)
			}
			if err := p.guard.Allow(ctx, call.Caller, "s3:ListBucket", "*", policy.Entry{Key: "s3:prefix", Values: []string{"mine/"}}); err != nil {
				t.Error(err)
			}
			if p.guard.Allow(ctx, call.Caller, "s3:ListBucket", "*") == nil {
				t.Error("a room relies on what another room asked about less")
			}
			return nil
		})},
	}})
	if err != nil {
		t.Fatal(err)
	}
	y.Server = httptest.NewServer(server)
	t.Cleanup(y.Close)
	for acl, want := range map[string]string{"": "", "private": "perform: s3:PutObjectAcl on", "public-read": "perform: s3:PutObject on"} {
		headers := map[string]string{}
		if acl != "" {
			headers["X-Amz-Acl"] = acl
		}
		response, err := http.DefaultTransport.RoundTrip(y.sign(t, "s3", "PUT", "/b/k", "bytes", headers, time.Now()))
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil || (response.StatusCode == 200) != (want == "") || !strings.Contains(string(text), want) {
			t.Errorf("%q: got %d %s, %v, want %q", acl, response.StatusCode, text, err, want)
		}
	}
}
