package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
)

// The SDK closes a request's body while net/http still looks for its end: see plainBodies.
func TestLongAnswersOfAQuickServerAreReadWhole(t *testing.T) {
	answer := `{"logGroups":[{"logGroupName":"` + strings.Repeat("g", 400_000) + `"}]}`
	connections := map[string]bool{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		connections[r.RemoteAddr] = true
		io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		fmt.Fprint(w, answer)
	}))
	defer server.Close()
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
	cfg, err := (&target{endpoint: server.URL, region: "us-east-1"}).config()
	ok(t, err)
	cfg.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	client := cloudwatchlogs.NewFromConfig(cfg)
	for range 300 {
		_, err := client.DescribeLogGroups(t.Context(), &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: aws.String("g")})
		ok(t, err)
	}
	server.Close()             // its handlers have ended
	if len(connections) > 30 { // one, but for moments in which the last one was not idle yet
		t.Errorf("300 calls one after the other took %d connections: they are not used again", len(connections))
	}
}

func TestErrorsOfConnectionsNameTheServer(t *testing.T) {
	for _, row := range []struct {
		name string
		err  error
		want string
	}{
		{"a port that nobody listens on", &net.OpError{Op: "dial", Addr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1}, Err: errors.New("refused")},
			"no server answers at 127.0.0.1:1: start one with: flowlake serve"},
		{"a name that nobody knows", &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "flowlake.invalid"}},
			"no server answers at flowlake.invalid: no such host"},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := describe(fmt.Errorf("query: %w", row.err)); got != row.want {
				t.Errorf("got %q, want %q", got, row.want)
			}
		})
	}
}

func TestAVerifyThatIsInterruptedSaysSo(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, `{"room":"logs","checked":1}`)
		w.(http.Flusher).Flush()
		cancel() // Ctrl-C in the middle of the answer
		<-r.Context().Done()
	}))
	defer server.Close()
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
	err := verify(ctx, io.Discard, &target{endpoint: server.URL, region: "us-east-1"}, true)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
