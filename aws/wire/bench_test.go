package wire_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"flowlake/access"
	"flowlake/aws/wire"
)

// BenchmarkServeHTTP is a whole small request without the network: the frame, the codec both ways, the guard.
func BenchmarkServeHTTP(b *testing.B) {
	now := time.Now()
	keys, err := access.OpenKeys(b.TempDir()+"/config/credentials", account)
	if err != nil {
		b.Fatal(err)
	}
	y := &toy{key: keys.Root(), log: &logged{}, Server: &httptest.Server{URL: "http://localhost:4566"}}
	server, err := wire.New(wire.Config{Keys: keys, Guard: access.NewGuard(account), Now: func() time.Time { return now },
		Log: slog.New(slog.DiscardHandler)}, []wire.Service{y.logs()})
	if err != nil {
		b.Fatal(err)
	}
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
}
