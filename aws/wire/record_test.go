package wire_test

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"flowlake/access/audit"
	"flowlake/aws/sts"
	"flowlake/aws/wire"
)

// TestEveryRequestIsRecorded serves users, and reads the audit log.
func TestEveryRequestIsRecorded(t *testing.T) {
	fatal := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	p := openPeople(t, audit.Config{})
	key := p.user(t, "ana", `{"Effect":"Allow","Action":"logs:DescribeLogGroups","Resource":"*"}`)

	y := &toy{key: key}
	var err error
	y.server, err = wire.New(wire.Config{Keys: p.keys, Guard: p.guard, Audit: p.log, Log: slog.New(slog.DiscardHandler)}, []wire.Service{sts.Service(p.store, p.guard), y.logs(), y.s3()})
	fatal(err)
	y.Server = httptest.NewServer(y.server)
	t.Cleanup(y.Close)
	target := func(operation string) map[string]string {
		return map[string]string{"X-Amz-Target": "Logs_20140328." + operation, "Content-Type": "application/x-amz-json-1.1", "User-Agent": "agent/1"}
	}
	call := func(service, method, uri, body string, headers map[string]string, spoil func(*http.Request)) string {
		t.Helper()
		request := y.sign(t, service, method, uri, body, headers, time.Now())
		if spoil != nil {
			spoil(request)
		}
		response, err := http.DefaultTransport.RoundTrip(request)
		fatal(err)
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		fatal(err)
		return string(text)
	}
	const payload = "payload-that-nobody-writes-down"
	call("logs", "POST", "/", `{"logGroupNamePrefix":"`+payload+`"}`, target("DescribeLogGroups"), nil)
	text := call("logs", "POST", "/", `{"logGroupName":"g"}`, target("CreateLogGroup"), nil)
	for _, want := range []string{"User: arn:aws:iam::" + account + ":user/ana is not authorized to perform: logs:CreateLogGroup on resource: arn:aws:logs:us-east-1:" + account + ":log-group:g because no identity-based policy allows the logs:CreateLogGroup action",
		`This would allow it, in an identity policy of user ana:\n{\n  \"Effect\": \"Allow\",\n  \"Action\": \"logs:CreateLogGroup\",`} {
		if !strings.Contains(text, want) {
			t.Errorf("got %s\nwant %s", text, want)
		}
	}
	call("s3", "PUT", "/b/k", payload, nil, nil)
	for range 20 { // a flood that proves nothing
		call("s3", "GET", "/b/k", "", nil, func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "Signature=", "Signature=0", 1))
		})
	}
	fatal(p.store.SetKeyActive(t.Context(), "ana", key.ID, false))
	if text := call("s3", "GET", "/b/k", "", nil, nil); !strings.Contains(text, "InvalidAccessKeyId") {
		t.Errorf("an inactive key: %s", text)
	}
	const misplaced = "aSecretInTheWrongPlace"
	for i := range 20 { // keys that somebody makes up are one kind, and not twenty
		id := fmt.Sprintf("AKIA%016d", i)
		if i == 0 {
			id = misplaced
		}
		call("s3", "GET", "/b/k", "", nil, func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), key.ID, id, 1))
		})
	}
	if text := call("sts", "POST", "/", "Action=GetCallerIdentity&Version=2011-06-15", map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, nil); !strings.Contains(text, "InvalidClientTokenId") {
		t.Errorf("an inactive key: %s", text)
	}
	fatal(p.log.Close())

	lines, err := os.ReadFile(p.dir + "/audit/audit.jsonl")
	fatal(err)
	for _, hidden := range []string{payload, misplaced, key.Secret, p.keys.Root().Secret} {
		if strings.Contains(string(lines), hidden) {
			t.Errorf("%q is in the audit log", hidden)
		}
	}
	var got []string
	for line := range strings.Lines(string(lines)) {
		var e audit.Event
		fatal(json.Unmarshal([]byte(line), &e))
		about := ""
		for _, r := range e.Resources {
			about += " " + r.ARN
		}
		if e.AdditionalEventData != nil {
			for _, d := range e.AdditionalEventData.Decisions {
				about += " refused:" + d.Action
				if !strings.Contains(d.Reason, `"Effect": "Allow"`) {
					t.Errorf("the reason is not whole: %s", d.Reason)
				}
			}
			if e.AdditionalEventData.Repeated > 0 {
				about += " repeated"
			}
		}
		if e.RequestID == "" || e.SourceIPAddress != "127.0.0.1" || e.EventName == "CreateLogGroup" && (e.UserAgent != "agent/1" || !strings.Contains(e.ErrorMessage, "no identity-based policy")) {
			t.Errorf("got %s", line)
		}
		got = append(got, e.UserIdentity.Type+" "+e.UserIdentity.UserName+" "+e.EventSource+" "+e.EventName+" "+e.EventCategory+" "+e.ErrorCode+about)
	}
	want := []string{
		"IAMUser ana logs.amazonaws.com DescribeLogGroups Management ",
		"IAMUser ana logs.amazonaws.com CreateLogGroup Management AccessDeniedException arn:aws:logs:us-east-1:" + account + ":log-group:g refused:logs:CreateLogGroup",
		"IAMUser ana s3.amazonaws.com PutObject Data AccessDenied arn:aws:s3:::b/k refused:s3:PutObject",
		"Unknown  s3.amazonaws.com unknown Management SignatureDoesNotMatch",
		"Unknown  s3.amazonaws.com GetObject Data InvalidAccessKeyId",
		"Unknown  sts.amazonaws.com unknown Management InvalidClientTokenId",
		"Unknown  s3.amazonaws.com GetObject Data InvalidAccessKeyId repeated",
		"Unknown  s3.amazonaws.com unknown Management SignatureDoesNotMatch repeated",
	}
	slices.Sort(got[min(len(got), len(want)-2):]) // counts come in any order
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
