package wire_test

import (
	"fmt"
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
	"flowlake/aws/wire"
)

// BenchmarkServeHTTP is a whole small request without the network: the frame, the codec both ways, the guard, the
// audit log. As root nothing has to be decided; the user has 20 policies of 30 statements, the last of which allows it.
func BenchmarkServeHTTP(b *testing.B) {
	now := time.Now()
	fatal := func(err error) {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
	}
	p := openPeople(b, audit.Config{MaxBytes: 1 << 20, KeepBytes: 1 << 20})
	key, store := p.user(b, "ana", ""), p.store
	for i := range 20 {
		var statements []string
		for s := range 29 {
			statements = append(statements, fmt.Sprintf(`{"Effect":"Allow","Action":["s3:Get*","logs:GetLogEvents"],"Resource":"arn:aws:s3:::b%d-%d/*","Condition":{"StringLike":{"aws:userid":"%d*"}}}`, i, s, s))
		}
		statements = append(statements, fmt.Sprintf(`{"Effect":"Allow","Action":"logs:Describe*","Resource":"%s"}`, []string{"*", "arn:aws:logs:*:*:log-group:x"}[min(1, 19-i)]))
		name := fmt.Sprint("p", i)
		if i < 10 { // ten attached, and ten of a group, in two
			_, err := store.CreatePolicy(b.Context(), identity.NewPolicy{Name: name, Document: `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`})
			fatal(err)
			fatal(store.Attach(b.Context(), identity.User, "ana", "arn:aws:iam::"+account+":policy/"+name))
			continue
		}
		group := fmt.Sprint("g", i/5)
		if i%5 == 0 {
			_, err := store.Create(b.Context(), identity.Group, identity.New{Name: group})
			fatal(err)
			fatal(store.AddToGroup(b.Context(), group, "ana"))
		}
		_, err := store.CreatePolicy(b.Context(), identity.NewPolicy{Name: name, Document: `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`})
		fatal(err)
		fatal(store.Attach(b.Context(), identity.Group, group, "arn:aws:iam::"+account+":policy/"+name))
	}
	for _, of := range []struct {
		name string
		key  access.Key
	}{{"root", p.keys.Root()}, {"user", key}} {
		b.Run(of.name, func(b *testing.B) {
			y := &toy{key: of.key, log: &logged{}, Server: &httptest.Server{URL: "http://localhost:4566"}}
			server, err := wire.New(wire.Config{Keys: p.keys, Guard: p.guard, Audit: p.log, Now: func() time.Time { return now }, Log: slog.New(slog.DiscardHandler)}, []wire.Service{y.logs()})
			fatal(err)
			const text = `{"logGroupNamePrefix":"/aws/vpc","limit":50}`
			r := y.sign(b, "logs", "POST", "/", text, map[string]string{"X-Amz-Target": "Logs_20140328.DescribeLogGroups", "Content-Type": "application/x-amz-json-1.1"}, now)
			r.Host, r.RequestURI = "localhost:4566", "/"
			b.ReportAllocs()
			for b.Loop() {
				r.Body = io.NopCloser(strings.NewReader(text))
				w := httptest.NewRecorder()
				server.ServeHTTP(w, r)
				if w.Code != http.StatusOK {
					b.Fatal(w.Body)
				}
			}
		})
	}
}
