package wire

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"flowlake/access"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	logs "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

func TestPatience(t *testing.T) {
	keys, err := access.OpenKeys(filepath.Join(t.TempDir(), "config", "credentials"), "123456789012")
	if err != nil {
		t.Fatal(err)
	}
	worked := make(chan error, 1)
	server, err := New(Config{Keys: keys, Guard: access.NewGuard("123456789012"), Log: slog.New(slog.DiscardHandler)}, []Service{{
		Name: "s3", Title: "S3", Protocol: RestXML, Route: func(*http.Request) (string, bool) { return "PutObject", true },
		Operations: []Operation{Raw("PutObject", RawRow{Public: true, MaxBody: Unlimited}, func(ctx context.Context, call *Call) error {
			if _, err := io.Copy(io.Discard, call.Body); err != nil {
				return err
			}
			select { // longer than the patience with a body
			case <-ctx.Done():
				worked <- ctx.Err()
			case <-time.After(10 * testPatience):
				worked <- nil
			}
			return nil
		})},
	}})
	if err != nil {
		t.Fatal(err)
	}
	server.patience = testPatience
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := NewHTTPServer(server)
	go srv.Serve(listener)
	defer srv.Close()

	put := func(t *testing.T, sent string) (int, string) {
		t.Helper()
		r, err := http.NewRequest("PUT", "http://"+listener.Addr().String()+"/b/k", strings.NewReader("content"))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Amz-Content-Sha256", unsignedPayload)
		root := keys.Root()
		signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
		if err := signer.SignHTTP(context.Background(), aws.Credentials{AccessKeyID: root.ID, SecretAccessKey: root.Secret}, r, unsignedPayload, "s3", "us-east-1", time.Now()); err != nil {
			t.Fatal(err)
		}
		var head strings.Builder
		if err := r.Write(&head); err != nil {
			t.Fatal(err)
		}
		conn, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		if _, err := io.WriteString(conn, strings.TrimSuffix(head.String(), "content")+sent); err != nil {
			t.Fatal(err)
		}
		response, err := http.ReadResponse(bufio.NewReader(conn), r)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, _ := io.ReadAll(response.Body)
		return response.StatusCode, string(body)
	}
	t.Run("a body that stops coming is given up", func(t *testing.T) {
		if status, body := put(t, "cont"); status != 400 || !strings.Contains(body, "<Code>RequestTimeout</Code>") {
			t.Errorf("got %d %s", status, body)
		}
	})
	t.Run("work on a whole body takes its time", func(t *testing.T) {
		if status, body := put(t, "content"); status != 200 {
			t.Errorf("got %d %s", status, body)
		}
		if err := <-worked; err != nil {
			t.Errorf("the request was ended: %v", err)
		}
	})
}

// TestPatienceWithReaders claims that an event stream ends when its client has stopped reading, though it is still there.
func TestPatienceWithReaders(t *testing.T) {
	keys, err := access.OpenKeys(filepath.Join(t.TempDir(), "config", "credentials"), "123456789012")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	server, err := New(Config{Keys: keys, Guard: access.NewGuard("123456789012"), Log: slog.New(slog.DiscardHandler)}, []Service{{
		Name: "logs", Title: "Logs", Protocol: JSON11, Target: "Logs_20140328.", LowerCamel: true,
		Operations: []Operation{Events("StartLiveTail", Row[logs.StartLiveTailInput]{Public: true}, map[string]any{"sessionStart": types.LiveTailSessionStart{}},
			func(_ context.Context, _ access.Caller, _ *logs.StartLiveTailInput, _ string, send Sender) error {
				for {
					if err := send("sessionStart", types.LiveTailSessionStart{SessionId: aws.String(strings.Repeat("x", 1<<20))}); err != nil {
						ended <- err
						return err
					}
				}
			})},
	}})
	if err != nil {
		t.Fatal(err)
	}
	server.patience = 10 * testPatience
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := NewHTTPServer(server)
	go srv.Serve(listener)
	defer srv.Close()

	r, err := http.NewRequest("POST", "http://"+listener.Addr().String()+"/", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Amz-Target", "Logs_20140328.StartLiveTail")
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	root, hash := keys.Root(), sha256.Sum256([]byte("{}"))
	if err := v4.NewSigner().SignHTTP(context.Background(), aws.Credentials{AccessKeyID: root.ID, SecretAccessKey: root.Secret}, r, hex.EncodeToString(hash[:]), "logs", "us-east-1", time.Now()); err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := r.Write(conn); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("it waits for the client")
	}
}

const testPatience = 30 * time.Millisecond
