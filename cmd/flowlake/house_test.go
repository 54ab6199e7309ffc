package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestLockIsWaitedForAMoment(t *testing.T) {
	dir := t.TempDir()
	first, err := lockFolder(dir)
	ok(t, err)
	time.AfterFunc(50*time.Millisecond, func() { first.Close() })
	second, err := lockFolder(dir)
	ok(t, err)
	defer second.Close()
	if _, err := lockFolder(dir); err == nil || !strings.Contains(err.Error(), "another flowlake server") {
		t.Errorf("got %v", err)
	}
}

func TestDoors(t *testing.T) {
	named := func(name string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, name) })
	}
	h := doors(named("own"), named("services"))
	for _, row := range []struct{ name, path, authorization, want string }{
		{"health", "/_flowlake/health", "", "own"},
		{"metrics behind basic authentication", "/_flowlake/metrics", "Basic eDp5", "own"},
		{"a key of a bucket's own host", "/_flowlake/health", "AWS4-HMAC-SHA256 Credential=…", "services"},
		{"the same, presigned", "/_flowlake/health?X-Amz-Signature=00", "", "services"},
		{"a path that a mux would clean", "/b//a/../c", "", "services"},
		{"the root", "/", "", "services"},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, row.path, nil)
			r.Header.Set("Authorization", row.authorization)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if got := w.Body.String(); got != row.want {
				t.Errorf("got %s, want %s", got, row.want)
			}
		})
	}
}
