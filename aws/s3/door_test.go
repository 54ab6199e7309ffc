package s3_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/base64"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"flowlake/access"
	"flowlake/access/identity"
	door "flowlake/aws/s3"
	"flowlake/aws/wire"
	"flowlake/lake"
	"flowlake/state"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
)

const account = "123456789012"

var ctx = context.Background()

// house is a server with the S3 door over a real lake, and a client of it.
type house struct {
	*s3.Client
	server *httptest.Server
	key    access.Key
	lake   *lake.Store
	ids    *identity.Store
}

// serve starts a server, over TLS when asked, with a bucket "lake".
func serve(t testing.TB, tls bool, options ...func(*s3.Options)) *house {
	t.Helper()
	dir := t.TempDir()
	st, err := state.Open(filepath.Join(dir, "state"))
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	seal, err := identity.OpenSeal(filepath.Join(dir, "config", "key"))
	if err != nil {
		t.Fatal(err)
	}
	ids, err := identity.Open(st, account, seal, log)
	if err != nil {
		t.Fatal(err)
	}
	guard := access.OpenGuard(access.GuardConfig{Account: account, Identities: ids, Log: log})
	store, err := lake.Open(lake.Config{Dir: filepath.Join(dir, "lake")}, st, guard, log)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := access.OpenKeys(filepath.Join(dir, "keys", "credentials"), account)
	if err != nil {
		t.Fatal(err)
	}
	handler, err := wire.New(wire.Config{Keys: keys, Guard: guard, Log: log}, []wire.Service{door.Service(store)})
	if err != nil {
		t.Fatal(err)
	}
	keys.SetIdentities(ids)
	h := &house{key: keys.Root(), lake: store, ids: ids, server: httptest.NewUnstartedServer(handler)}
	if tls {
		h.server.StartTLS()
	} else {
		h.server.Start()
	}
	t.Cleanup(func() { h.server.Close(); store.Close(); st.Close() })
	h.Client = h.client("us-east-1", options...)
	if _, err := h.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String("lake")}); err != nil {
		t.Fatal(err)
	}
	return h
}

// client makes a client of a region.
func (h *house) client(region string, options ...func(*s3.Options)) *s3.Client {
	return s3.New(s3.Options{Region: region, BaseEndpoint: aws.String(h.server.URL), UsePathStyle: true, HTTPClient: h.server.Client(),
		Credentials: credentials.NewStaticCredentialsProvider(h.key.ID, h.key.Secret, "")},
		append([]func(*s3.Options){func(o *s3.Options) {
			o.RetryMaxAttempts = 1
			// What a loaded configuration has by default.
			o.RequestChecksumCalculation, o.ResponseChecksumValidation = aws.RequestChecksumCalculationWhenSupported, aws.ResponseChecksumValidationWhenSupported
		}}, options...)...)
}

// user makes a user with a policy's statements, and a client that is theirs.
func (h *house) user(t testing.TB, name, region, statements string) *s3.Client {
	t.Helper()
	_, err := h.ids.Create(ctx, identity.User, identity.New{Name: name})
	if err == nil {
		err = h.ids.PutInline(ctx, identity.User, name, "own", `{"Version":"2012-10-17","Statement":[`+statements+`]}`)
	}
	if err != nil {
		t.Fatal(err)
	}
	key, secret, err := h.ids.CreateKey(ctx, name)
	if err != nil {
		t.Fatal(err)
	}
	return h.client(region, func(o *s3.Options) { o.Credentials = credentials.NewStaticCredentialsProvider(key.ID, secret, "") })
}

func (h *house) put(t testing.TB, key, body string, more ...func(*s3.PutObjectInput)) *s3.PutObjectOutput {
	t.Helper()
	in := &s3.PutObjectInput{Bucket: aws.String("lake"), Key: &key, Body: strings.NewReader(body)}
	for _, f := range more {
		f(in)
	}
	out, err := h.PutObject(ctx, in)
	if err != nil {
		t.Fatalf("put %q: %v", key, err)
	}
	return out
}

func (h *house) get(t testing.TB, key string) string {
	t.Helper()
	out, err := h.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("lake"), Key: &key})
	if err != nil {
		t.Fatalf("get %q: %v", key, err)
	}
	defer out.Body.Close()
	b, err := io.ReadAll(out.Body)
	if err != nil {
		t.Fatalf("read %q: %v", key, err)
	}
	return string(b)
}

// wantCode checks an SDK error's AWS code.
func wantCode(t testing.TB, err error, code string) {
	t.Helper()
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok || api.ErrorCode() != code {
		t.Errorf("got %v, want %s", err, code)
	}
}

// status is the HTTP status of an SDK error.
func status(err error) int {
	var r interface{ HTTPStatusCode() int }
	if errors.As(err, &r) {
		return r.HTTPStatusCode()
	}
	return 0
}

// hidden hides that a reader can seek.
type hidden struct{ io.Reader }

// fetch does a plain HTTP request.
func (h *house) fetch(t testing.TB, method, url string, header http.Header, body []byte) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequest(method, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range header {
		req.Header[name] = values
		if name == "Host" {
			req.Host = values[0]
		}
	}
	res, err := h.server.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(b)
}

func readAll(t testing.TB, res *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func md5Of(body string) string {
	sum := md5.Sum([]byte(body))
	return base64.StdEncoding.EncodeToString(sum[:])
}
