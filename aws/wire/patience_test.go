package wire

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"flowlake/access"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
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

const testPatience = 30 * time.Millisecond
