package bench

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"flowlake/access"
	"flowlake/access/audit"
	"flowlake/access/identity"
	"flowlake/aws/wire"
	"flowlake/state"
)

// requestBound is what SigV4, without the body's hash, and authorisation may add to a request.
const requestBound = 60 * time.Microsecond

// TestBenchAccessRequest measures a request of a user with 20 policies of 30 statements (ten are its group's) and of a role's
// session with ten, from the parsed HTTP request to the answer. Its operation does nothing, so that what is left is the
// signature, the decision, the audit record and the frame around them: more than is asked for.
func TestBenchAccessRequest(t *testing.T) {
	benchmark(t)
	const account, requests = "123456789012", 20_000
	ctx, dir, quiet := t.Context(), t.TempDir(), slog.New(slog.DiscardHandler)
	fatal := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	keys, err := access.OpenKeys(dir+"/config/credentials", account)
	fatal(err)
	seal, err := identity.OpenSeal(dir + "/config/key")
	fatal(err)
	st, err := state.Open(dir + "/state")
	fatal(err)
	defer st.Close()
	store, err := identity.Open(st, account, seal, quiet)
	fatal(err)
	keys.SetIdentities(store)
	log, err := audit.Open(audit.Config{Dir: dir + "/audit", MaxBytes: 1 << 20, KeepBytes: 1 << 20, Log: quiet})
	fatal(err)
	defer log.Close()
	guard := access.OpenGuard(access.GuardConfig{Account: account, Identities: store, Audit: log, Log: quiet})

	_, err = store.Create(ctx, identity.User, identity.New{Name: "ana"})
	fatal(err)
	role, err := store.Create(ctx, identity.Role, identity.New{Name: "crawl",
		Trust: `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"glue.amazonaws.com"},"Action":"sts:AssumeRole"}}`})
	fatal(err)
	_, err = store.Create(ctx, identity.Group, identity.New{Name: "people"})
	fatal(err)
	fatal(store.AddToGroup(ctx, "people", "ana"))
	for i := range policies {
		var all []string
		for j := range statements {
			all = append(all, fmt.Sprintf(`{"Effect":"Allow","Action":["s3:Get*","s3:Put*"],"Resource":"arn:aws:s3:::b%d-%d/*"}`, i, j))
		}
		if i == policies/2-1 {
			all[statements-1] = `{"Effect":"Allow","Action":"s3:Get*","Resource":"arn:aws:s3:::flow-logs/*","Condition":{"StringEquals":{"aws:PrincipalAccount":"` + account + `"}}}`
		}
		p, err := store.CreatePolicy(ctx, identity.NewPolicy{Name: fmt.Sprint("p", i), Document: `{"Version":"2012-10-17","Statement":[` + strings.Join(all, ",") + `]}`})
		fatal(err)
		if i < policies/2 {
			fatal(store.Attach(ctx, identity.User, "ana", p.ARN))
			fatal(store.Attach(ctx, identity.Role, "crawl", p.ARN))
		} else {
			fatal(store.Attach(ctx, identity.Group, "people", p.ARN))
		}
	}
	key, secret, err := store.CreateKey(ctx, "ana")
	fatal(err)
	session, err := store.Issue(identity.SessionSpec{Principal: "arn:aws:sts::" + account + ":assumed-role/crawl/run", PrincipalID: role.ID, Role: role.ARN,
		Session: "run", Tags: []identity.Tag{{Key: "team", Value: "flows"}}, Duration: time.Hour})
	fatal(err)
	now := time.Now()
	server, err := wire.New(wire.Config{Keys: keys, Guard: guard, Audit: log, Now: func() time.Time { return now }, Log: quiet}, []wire.Service{{
		Name: "s3", Title: "Simple Storage Service", Protocol: wire.RestXML, Route: func(*http.Request) (string, bool) { return "GetObject", true },
		Operations: []wire.Operation{wire.Raw("GetObject", wire.RawRow{Permissions: []wire.RawPermission{{Action: "s3:GetObject",
			Resource: func(call *wire.Call) string { return "arn:aws:s3:::" + strings.TrimPrefix(call.Request.URL.Path, "/") }}}},
			func(_ context.Context, call *wire.Call) error {
				call.Writer.WriteHeader(http.StatusNoContent)
				return nil
			})},
	}})
	fatal(err)
	nothing := sha256.Sum256(nil)
	hash := hex.EncodeToString(nothing[:])
	for name, as := range map[string]aws.Credentials{
		"user":    {AccessKeyID: key.ID, SecretAccessKey: secret},
		"session": {AccessKeyID: session.ID, SecretAccessKey: session.Secret, SessionToken: session.Token},
	} {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost:4566/flow-logs/ana/2026/11/21/05/part-0000.parquet", nil)
		fatal(err)
		r.Header.Set("X-Amz-Content-Sha256", hash)
		signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
		fatal(signer.SignHTTP(ctx, as, r, hash, "s3", "us-east-1", now))
		r.RequestURI, r.RemoteAddr = r.URL.Path, "203.0.113.9:50000"
		ask := func(times int) {
			for range times {
				w := httptest.NewRecorder()
				server.ServeHTTP(w, r)
				if w.Code != http.StatusNoContent {
					t.Fatalf("%s: %d %s", name, w.Code, w.Body)
				}
			}
		}
		ask(100)
		began := ownCPU(t)
		ask(requests)
		one := (ownCPU(t) - began) / requests
		fmt.Printf("BENCH access-request-%s ours=%.1f peer=%.0f ratio=%.2f (µs of CPU a request: SigV4, a decision, the audit record and the frame; the peer is the bound of the first two)\n",
			name, float64(one)/1e3, float64(requestBound)/1e3, float64(one)/float64(requestBound))
	}
}
