package wire_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"flowlake/access"
	"flowlake/aws/wire"
	"flowlake/fault"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	logs "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// tails serves StartLiveTail by do, and returns the official client and what ends the streams.
func tails(t *testing.T, do func(ctx context.Context, send wire.Sender) error) (*logs.Client, func()) {
	return tailsOf(t, "123456789012", do)
}

// tailsOf serves streams that only the root of an account may see.
func tailsOf(t *testing.T, account string, do func(ctx context.Context, send wire.Sender) error) (*logs.Client, func()) {
	t.Helper()
	keys, err := access.OpenKeys(filepath.Join(t.TempDir(), "credentials"), "123456789012")
	if err != nil {
		t.Fatal(err)
	}
	server, err := wire.New(wire.Config{Keys: keys, Guard: access.NewGuard(account), Log: slog.New(slog.DiscardHandler)}, []wire.Service{{
		Name: "logs", Title: "Toy Logs", Protocol: wire.JSON11, Target: "Logs_20140328.", LowerCamel: true,
		Faults: []wire.FaultRule{{Kind: fault.NotFound, Code: "ResourceNotFoundException"}},
		Operations: []wire.Operation{wire.Events("StartLiveTail", wire.Row[logs.StartLiveTailInput]{Honoured: []string{"LogGroupIdentifiers"},
			Permissions: []wire.Permission[logs.StartLiveTailInput]{{Action: "logs:StartLiveTail", Resources: func(_ access.Caller, in *logs.StartLiveTailInput) []string { return in.LogGroupIdentifiers }}}},
			map[string]any{"sessionStart": types.LiveTailSessionStart{}, "sessionUpdate": types.LiveTailSessionUpdate{}},
			func(ctx context.Context, _ access.Caller, _ *logs.StartLiveTailInput, _ string, send wire.Sender) error {
				return do(ctx, send)
			})},
	}})
	if err != nil {
		t.Fatal(err)
	}
	h := httptest.NewServer(server)
	t.Cleanup(h.Close)
	return logs.New(logs.Options{Region: "us-east-1", BaseEndpoint: &h.URL, RetryMaxAttempts: 1, Credentials: credentials.NewStaticCredentialsProvider(keys.Root().ID, keys.Root().Secret, ""),
		APIOptions: []func(*middleware.Stack) error{func(stack *middleware.Stack) error {
			return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("PlainHost", func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
				return next.HandleInitialize(smithyhttp.DisableEndpointHostPrefix(ctx, true), in)
			}), middleware.Before)
		}}}), server.EndStreams
}

func TestEventStream(t *testing.T) {
	in := &logs.StartLiveTailInput{LogGroupIdentifiers: []string{"arn"}}
	first := types.LiveTailSessionStart{SessionId: aws.String("größe")}
	for _, row := range []struct {
		name, code, words string // of the error that the client sees
		refused           bool   // before the stream
		events            int
		do                func(ctx context.Context, send wire.Sender) error
	}{
		{"an error before the first event is an answer", "ResourceNotFoundException", "none", true, 0, func(context.Context, wire.Sender) error {
			return fault.Newf(fault.NotFound, "log group none", "does not exist")
		}},
		{"an event that is not the row's is ours to answer for", "InternalFailure", "internal error", true, 0, func(_ context.Context, send wire.Sender) error {
			return send("sessionEnd", first)
		}},
		{"events come, and the end", "", "", false, 2, func(_ context.Context, send wire.Sender) error {
			return errors.Join(send("sessionStart", first), send("sessionUpdate", &types.LiveTailSessionUpdate{}))
		}},
		{"none comes, and the end", "", "", false, 0, func(context.Context, wire.Sender) error { return nil }},
		{"an error after one is an exception", "SessionTimeoutException", "three hours", false, 1, func(_ context.Context, send wire.Sender) error {
			return errors.Join(send("sessionStart", first), &wire.Error{Code: "SessionTimeoutException", Message: "three hours"})
		}},
		{"one of ours keeps its detail", "InternalFailure", "internal error", false, 1, func(_ context.Context, send wire.Sender) error {
			return errors.Join(send("sessionStart", first), errors.New("secret"))
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			client, _ := tails(t, row.do)
			out, err := client.StartLiveTail(t.Context(), in)
			events := 0
			if err == nil {
				if row.refused {
					t.Fatal("it was answered")
				}
				for e := range out.GetStream().Events() {
					if start, ok := e.(*types.StartLiveTailResponseStreamMemberSessionStart); ok && *start.Value.SessionId != "größe" {
						t.Errorf("got %+v", start.Value)
					}
					events++
				}
				err = out.GetStream().Err()
			}
			switch {
			case row.code == "" && err != nil, row.code != "" && err == nil:
				t.Errorf("got %v", err)
			case row.code != "" && (code(t, err) != row.code || !strings.Contains(err.Error(), row.words) || strings.Contains(err.Error(), "secret")):
				t.Errorf("got %v, want %s with %q", err, row.code, row.words)
			}
			if events != row.events {
				t.Errorf("got %d events, want %d", events, row.events)
			}
		})
	}
	t.Run("who may not see it gets an answer and no stream", func(t *testing.T) {
		client, _ := tailsOf(t, "210987654321", func(context.Context, wire.Sender) error {
			t.Error("it was begun")
			return nil
		})
		_, err := client.StartLiveTail(t.Context(), in)
		if err == nil || code(t, err) != "AccessDeniedException" || !strings.Contains(err.Error(), "logs:StartLiveTail on resource: arn") {
			t.Errorf("got %v", err)
		}
	})
	for name, leave := range map[string]func(out *logs.StartLiveTailOutput, endStreams func()){
		"it ends with its client": func(out *logs.StartLiveTailOutput, _ func()) { out.GetStream().Close() },
		"it ends with its server": func(_ *logs.StartLiveTailOutput, endStreams func()) { endStreams() },
	} {
		t.Run(name, func(t *testing.T) {
			ended := make(chan struct{})
			client, endStreams := tails(t, func(ctx context.Context, send wire.Sender) error {
				defer close(ended)
				if err := send("sessionStart", first); err != nil {
					return err
				}
				<-ctx.Done()
				return ctx.Err()
			})
			out, err := client.StartLiveTail(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			defer out.GetStream().Close()
			<-out.GetStream().Events()
			leave(out, endStreams)
			select {
			case <-ended:
			case <-time.After(10 * time.Second):
				t.Error("it goes on")
			}
			for range out.GetStream().Events() {
			}
			if err := out.GetStream().Err(); err != nil {
				t.Errorf("its end is an error: %v", err)
			}
		})
	}
}
