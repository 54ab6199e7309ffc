package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

// TestTailFollows puts events while a tail begins and goes on, thousands in a second and some with earlier times: each is printed
// once. Ctrl-C ends it without a word.
func TestTailFollows(t *testing.T) {
	p := launch(t, t.TempDir())
	c := p.clients("")
	ctx, group := t.Context(), aws.String("g")
	_, err := c.logs.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: group})
	ok(t, err)
	for _, s := range []string{"web-1", "web-2", "db"} {
		_, err := c.logs.CreateLogStream(ctx, &cloudwatchlogs.CreateLogStreamInput{LogGroupName: group, LogStreamName: &s})
		ok(t, err)
	}
	var want []string
	put := func(stream string, ago time.Duration, n int) {
		t.Helper()
		var events []types.InputLogEvent
		for range n {
			message := fmt.Sprintf("%s %d", stream, len(want))
			if stream != "db" {
				want = append(want, message)
			}
			events = append(events, types.InputLogEvent{Timestamp: aws.Int64(time.Now().Add(-ago).UnixMilli()), Message: &message})
		}
		_, err := c.logs.PutLogEvents(ctx, &cloudwatchlogs.PutLogEventsInput{LogGroupName: group, LogStreamName: &stream, LogEvents: events})
		ok(t, err)
	}
	put("web-1", time.Minute, 2000)
	put("db", 0, 10)

	self, err := os.Executable()
	ok(t, err)
	cmd := exec.Command(self, "tail", "g", "--follow", "--stream", "web-", "--filter", `%web-[0-9]\s%`, "--output", "message")
	var errs strings.Builder
	cmd.Env, cmd.Stderr, cmd.SysProcAttr = p.env(t), &errs, childOfThis()
	out, err := cmd.StdoutPipe()
	ok(t, err)
	ok(t, cmd.Start())
	defer cmd.Process.Kill()
	var (
		mu  sync.Mutex // guards got
		got []string
	)
	read := make(chan struct{})
	go func() {
		defer close(read)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			mu.Lock()
			got = append(got, lines.Text())
			mu.Unlock()
		}
	}()
	for i := range 20 { // while it begins, and after
		put("web-2", time.Duration(i%5)*time.Minute, 300)
		put("db", 0, 3)
	}
	until(t, "all events are printed", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(got) >= len(want)
	})
	put("web-1", 9*time.Minute, 1)
	until(t, "a late one is printed", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(got) >= len(want)
	})
	ok(t, cmd.Process.Signal(syscall.SIGINT))
	<-read
	cmd.Wait() // an exit code that is not 0 is what is expected
	if code := cmd.ProcessState.ExitCode(); code != exitInterrupt || errs.String() != "" {
		t.Errorf("exit %d, %q", code, errs.String())
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got %d lines, want %d", len(got), len(want))
	}
}

func TestTailBegin(t *testing.T) {
	now := time.Date(2026, 8, 22, 12, 0, 0, 0, time.UTC)
	for _, row := range []struct {
		since, want string
		old, ok     bool
	}{
		{"10m", "2026-08-22T11:50:00Z", true, true},
		{"1h30m", "2026-08-22T10:30:00Z", true, true},
		{"3d", "2026-08-19T12:00:00Z", true, true},
		{"0", "2026-08-22T12:00:00Z", false, true},
		{"2026-08-22T10:00:00Z", "2026-08-22T10:00:00Z", true, true},
		{"-5m", "", false, false},
		{"yesterday", "", false, false},
		{"d", "", false, false},
	} {
		begin, old, err := tailBegin(row.since, now)
		if (err == nil) != row.ok || row.ok && (begin.Format(time.RFC3339) != row.want || old != row.old) {
			t.Errorf("%s: got %v, %v, %v", row.since, begin, old, err)
		}
	}
}

func TestTailRefuses(t *testing.T) {
	for _, row := range []struct {
		o    tailOptions
		want string
	}{
		{tailOptions{output: "text", since: "10m"}, "name of a log group"},
		{tailOptions{group: "g", output: "yaml", since: "10m"}, "--output yaml is none of text, message, json"},
		{tailOptions{group: "g", output: "text", since: "1x"}, `--since "1x" is neither`},
		{tailOptions{group: "g", output: "text", since: "0"}, "--since 0 prints nothing old: say --follow"},
	} {
		err := tail(t.Context(), io.Discard, io.Discard, &target{}, row.o)
		var ee *exitError
		if !errors.As(err, &ee) || ee.code != exitUsage || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%+v: got %v, want %s", row.o, err, row.want)
		}
	}
}

// TestTailPrintsOnce claims that an event that comes in while the old ones are read is printed once, and that what was missed is said.
func TestTailPrintsOnce(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	now := time.Now().UnixMilli()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/": // FilterLogEvents
			fmt.Fprintf(w, `{"events":[{"eventId":"1","timestamp":%d,"ingestionTime":%d,"logStreamName":"s","message":"one"}]}`, now, now)
		case r.URL.Query().Get("from") == "":
			fmt.Fprintf(w, `{"time":%d,"next":"a"}`, now)
		case r.URL.Query().Get("from") == "a":
			fmt.Fprintf(w, `{"id":"1","message":"one"}{"id":"2","message":"two"}{"next":"b","missed":3}`)
		default:
			cancel()
		}
	}))
	defer server.Close()
	cfg := aws.Config{Region: "us-east-1", BaseEndpoint: &server.URL, HTTPClient: server.Client(), Credentials: credentials.NewStaticCredentialsProvider("AKIAX", "x", "")}
	print, err := tailPrinter("message")
	ok(t, err)
	var out, notes strings.Builder
	_ = tailGroup(ctx, cfg, tailOptions{group: "g", follow: true}, time.Now().Add(-time.Minute), true, tailOutput{bufio.NewWriter(&out), &notes, print})
	if out.String() != "one\ntwo\n" || !strings.Contains(notes.String(), "3 events expired") {
		t.Errorf("printed %q, noted %q", out.String(), notes.String())
	}
}
