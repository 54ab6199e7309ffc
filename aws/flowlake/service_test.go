package flowlake

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"flowlake/access"
	"flowlake/aws/wire"
	"flowlake/catalog"
	"flowlake/delivery"
	"flowlake/lake"
	"flowlake/logs"
	"flowlake/pipeline"
	"flowlake/state"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// rooms serves the door over real rooms with one object in them. verify posts to it.
func rooms(t *testing.T) (dir string, verify func(t *testing.T, query string) (int, string)) {
	t.Helper()
	const account = "123456789012"
	dir = t.TempDir()
	quiet, guard := slog.New(slog.DiscardHandler), access.NewGuard(account)
	keys, err := access.OpenKeys(filepath.Join(t.TempDir(), "config", "credentials"), account)
	if err != nil {
		t.Fatal(err)
	}
	st, err := state.Open(filepath.Join(dir, "state"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	lk, err := lake.Open(lake.Config{Dir: filepath.Join(dir, "lake")}, st, guard, quiet)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { lk.Close() })
	lg, err := logs.Open(logs.Config{Dir: filepath.Join(dir, "logs")}, st, lk, guard, quiet)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { lg.Close() })
	dl, err := delivery.Open(delivery.Config{Dir: filepath.Join(dir, "delivery"), Scratch: filepath.Join(dir, "scratch")}, st, lk, lg,
		catalog.Open(st, guard, quiet), guard, quiet)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dl.Close() })
	root := access.Root(account, "us-east-1")
	if err := lk.CreateBucket(t.Context(), root, "bucket"); err != nil {
		t.Fatal(err)
	}
	if _, err := lk.Put(t.Context(), root, lake.PutInput{Bucket: "bucket", Key: "key", Body: strings.NewReader("content"), Size: 7}); err != nil {
		t.Fatal(err)
	}
	handler, err := wire.New(wire.Config{Keys: keys, Guard: guard, Log: quiet}, []wire.Service{Service(lk, lg, dl, nil, nil, pipeline.Rooms{})})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return dir, func(t *testing.T, query string) (int, string) {
		t.Helper()
		r, err := http.NewRequest("POST", server.URL+VerifyPath+query, nil)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(nil)
		r.Header.Set("X-Amz-Content-Sha256", hex.EncodeToString(sum[:]))
		signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
		if err := signer.SignHTTP(context.Background(), aws.Credentials{AccessKeyID: keys.Root().ID, SecretAccessKey: keys.Root().Secret},
			r, hex.EncodeToString(sum[:]), "flowlake", "us-east-1", time.Now()); err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return response.StatusCode, string(body)
	}
}

func TestVerify(t *testing.T) {
	dir, verify := rooms(t)
	last := func(t *testing.T, body string) (line VerifyLine) {
		t.Helper()
		lines := strings.Split(strings.TrimSpace(body), "\n")
		if err := json.Unmarshal([]byte(lines[len(lines)-1]), &line); err != nil {
			t.Fatalf("%q: %v", body, err)
		}
		return line
	}
	t.Run("says that all is whole, and that it is done", func(t *testing.T) {
		status, body := verify(t, "?sums=true")
		if line := last(t, body); status != 200 || !line.Done || line.Checked != 1 || line.Bytes != 7 || strings.Contains(body, "damage") {
			t.Errorf("got %d %s", status, body)
		}
	})
	t.Run("refuses a parameter that is neither true nor false", func(t *testing.T) {
		if status, body := verify(t, "?sums=yes"); status != 400 || !strings.Contains(body, "InvalidArgument") || !strings.Contains(body, "sums") {
			t.Errorf("got %d %s", status, body)
		}
	})
	t.Run("names an object whose bytes changed", func(t *testing.T) {
		changed := 0
		err := filepath.WalkDir(filepath.Join(dir, "lake"), func(path string, entry os.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			if text, err := os.ReadFile(path); err == nil && bytes.Equal(text, []byte("content")) {
				changed++
				if err := os.Chmod(path, 0o600); err != nil {
					return err
				}
				return os.WriteFile(path, []byte("CONTENT"), 0o600)
			}
			return nil
		})
		if err != nil || changed != 1 {
			t.Fatalf("changed %d files, %v", changed, err)
		}
		if _, body := verify(t, "?sums=true"); !strings.Contains(body, `"damage"`) || !strings.Contains(body, "key") || !last(t, body).Done {
			t.Errorf("with sums: %s", body)
		}
		if _, body := verify(t, "?sums=false"); strings.Contains(body, `"damage"`) || !last(t, body).Done {
			t.Errorf("without sums: %s", body)
		}
	})
}
