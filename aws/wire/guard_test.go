package wire_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"flowlake/access"
	"flowlake/aws/sts"
	"flowlake/aws/wire"

	"github.com/prometheus/client_golang/prometheus"
)

// TestTheGuardIsAskedFirst serves with a guard that lets this caller do nothing: rows with permissions refuse in
// the words of AWS, which for another account are short, and their functions are not called; a public row answers.
func TestTheGuardIsAskedFirst(t *testing.T) {
	keys, err := access.OpenKeys(filepath.Join(t.TempDir(), "config", "credentials"), account)
	if err != nil {
		t.Fatal(err)
	}
	y := &toy{key: keys.Root()}
	y.server, err = wire.New(wire.Config{Keys: keys, Guard: access.NewGuard("999999999999"), Registry: prometheus.NewRegistry(),
		Log: slog.New(slog.DiscardHandler)}, []wire.Service{sts.Service(nil, nil), y.logs(), y.s3()})
	if err != nil {
		t.Fatal(err)
	}
	y.Server = httptest.NewServer(y.server)
	t.Cleanup(y.Close)
	target := func(operation string) map[string]string {
		return map[string]string{"X-Amz-Target": "Logs_20140328." + operation, "Content-Type": "application/x-amz-json-1.1"}
	}
	for _, tt := range []struct {
		name, service, method, uri, body string
		headers                          map[string]string
		status                           int
		want                             string // in the answer
	}{
		{"a typed row without a resource", "logs", "POST", "/", `{"limit":1}`, target("DescribeLogGroups"), 400, "logs:DescribeLogGroups on resource: *"},
		{"a typed row with one", "logs", "POST", "/", `{"logGroupName":"g"}`, target("CreateLogGroup"), 400, "logs:CreateLogGroup on resource: arn:aws:logs:us-east-1:" + account + ":log-group:g"},
		{"a raw row", "s3", "PUT", "/b/k", "bytes", nil, 403, "<Message>Access Denied</Message>"},
		{"a public row", "sts", "POST", "/", "Action=GetCallerIdentity&Version=2011-06-15", map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, 200, account},
	} {
		t.Run(tt.name, func(t *testing.T) {
			response, err := http.DefaultTransport.RoundTrip(y.sign(t, tt.service, tt.method, tt.uri, tt.body, tt.headers, time.Now()))
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			text, err := io.ReadAll(response.Body)
			if err != nil || response.StatusCode != tt.status || !strings.Contains(string(text), tt.want) ||
				bytes.Contains(text, []byte("AccessDenied")) != (tt.status != 200) {
				t.Errorf("got %d %s, %v; want %d with %q", response.StatusCode, text, err, tt.status, tt.want)
			}
		})
	}
	if y.described != nil || y.call != nil {
		t.Error("a function was called that the guard forbids")
	}
}

// TestARowSaysWhatItAlwaysNeeds: permissions that depend on the input are declared, and not among those that each request needs.
func TestARowSaysWhatItAlwaysNeeds(t *testing.T) {
	type in struct{ Tags []string }
	typed := wire.Op("CreateThing", wire.Row[in]{Permissions: []wire.Permission[in]{{Action: "a:CreateThing"},
		{Action: "a:TagThing", When: func(in *in) bool { return len(in.Tags) > 0 }}}},
		func(context.Context, access.Caller, *in) (*in, error) { return nil, nil })
	raw := wire.Raw("PutThing", wire.RawRow{Permissions: []wire.RawPermission{{Action: "a:PutThingAcl", When: func(*wire.Call) bool { return false }}, {Action: "a:PutThing"}}}, nil)
	for _, tt := range []struct {
		of              wire.Operation
		actions, always string
	}{{typed, "a:CreateThing a:TagThing", "a:CreateThing"}, {raw, "a:PutThingAcl a:PutThing", "a:PutThing"}} {
		if actions, always := strings.Join(tt.of.Actions, " "), strings.Join(tt.of.Always, " "); actions != tt.actions || always != tt.always {
			t.Errorf("%s: got %s, always %s", tt.of.Name, actions, always)
		}
	}
}
