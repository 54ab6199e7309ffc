package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"database/sql"
	"encoding/pem"
	"io/fs"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	_ "github.com/mattn/go-sqlite3"
)

func TestServe(t *testing.T) {
	dir := t.TempDir()
	p := launch(t, dir, "--region", "ap-northeast-2")

	t.Run("notes its endpoint in the data folder", func(t *testing.T) {
		if got, ok := readNote(p.data, endpointNote); !ok || got != p.endpoint {
			t.Errorf("got %q, want %q", got, p.endpoint)
		}
	})
	t.Run("health", func(t *testing.T) {
		if code, body := p.get("/_flowlake/health"); code != http.StatusOK || body != "ok\n" {
			t.Errorf("got %d %q", code, body)
		}
	})
	t.Run("metrics are Prometheus text", func(t *testing.T) {
		if code, body := p.get("/_flowlake/metrics"); code != http.StatusOK || !strings.Contains(body, "process_resident_memory_bytes ") {
			t.Errorf("got %d %.200q", code, body)
		}
	})
	t.Run("an unsigned request is refused", func(t *testing.T) {
		if code, body := p.get("/some-bucket"); code != http.StatusForbidden {
			t.Errorf("got %d %q, want 403", code, body)
		}
	})
	t.Run("a second server on the folder is refused and told where the first is", func(t *testing.T) {
		second, err := tryLaunch(t, dir)
		if err == nil || second.wait() == nil {
			t.Fatal("it started")
		}
		if msg := second.stderr.String(); !strings.Contains(msg, "another flowlake server ("+p.endpoint+")") {
			t.Errorf("got %q", msg)
		}
	})
	t.Run("env prints lines for a shell", func(t *testing.T) {
		out, errs, code := runCommand(t, cleanEnv(dir, "NO_PROXY=a.example", "AWS_ACCESS_KEY_ID=other", "AWS_SECRET_ACCESS_KEY=other"), "", "env", "--data", p.data)
		want := regexp.MustCompile(`^export AWS_ENDPOINT_URL=` + regexp.QuoteMeta(p.endpoint) + `
export AWS_ACCESS_KEY_ID=AKIA[A-Z2-7]{16}
export AWS_SECRET_ACCESS_KEY='?[A-Za-z0-9/+=]{40}'?
export AWS_REGION=ap-northeast-2
export AWS_DEFAULT_REGION=ap-northeast-2
export AWS_DISABLE_HOST_PREFIX_INJECTION=true
unset AWS_SESSION_TOKEN AWS_PROFILE
export NO_PROXY=a.example,127.0.0.1 no_proxy=a.example,127.0.0.1
$`)
		if code != 0 || !want.MatchString(out) {
			t.Errorf("got exit %d, %q, %q", code, out, errs)
		}
	})
	t.Run("what it wrote is its owner's only", func(t *testing.T) {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || path == dir || path == filepath.Join(dir, "config") {
				return err
			}
			info, err := d.Info()
			if err == nil && info.Mode().Perm()&0o077 != 0 {
				t.Errorf("%s has mode %v", path, info.Mode())
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
	t.Run("SIGTERM ends it with 0, in time, with one line on standard output", func(t *testing.T) {
		began := time.Now()
		if err := p.terminate(); err != nil {
			t.Errorf("%v\n%s", err, p.stderr)
		}
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("took %v", took)
		}
		if err := <-p.stdoutRest; err != nil {
			t.Error(err)
		}
	})
	t.Run("no secret is in its log", func(t *testing.T) {
		key, err := (&target{credentials: p.credentials}).rootKey()
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(p.stderr.String(), key.SecretAccessKey) {
			t.Error("the log holds root's secret")
		}
	})
	t.Run("a command without a server says how to get one", func(t *testing.T) {
		for _, args := range [][]string{{"query", "SELECT 1"}, {"verify"}, {"import", "--log-group", "g", "-"}} {
			_, errs, code := runCommand(t, cleanEnv(dir), "", append(args, "--data", p.data)...)
			if code != exitNoServer || !strings.Contains(errs, "flowlake serve") {
				t.Errorf("%v: exit %d, %q", args, code, errs)
			}
		}
	})
	t.Run("another account is refused by name", func(t *testing.T) {
		other, err := tryLaunch(t, dir, "--account", "111111111111")
		if err == nil || other.wait() == nil {
			t.Fatal("it started")
		}
		if msg := other.stderr.String(); !strings.Contains(msg, "--account 123456789012") {
			t.Errorf("got %q", msg)
		}
	})
	t.Run("data of a newer program is refused by version", func(t *testing.T) {
		db, err := sql.Open("sqlite3", filepath.Join(p.data, "state", "state.db"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.Exec("PRAGMA user_version = 1000"); err != nil {
			t.Fatal(err)
		}
		db.Close()
		newer, err := tryLaunch(t, dir)
		if err == nil || newer.wait() == nil {
			t.Fatal("it started")
		}
		if msg := newer.stderr.String(); !strings.Contains(msg, "version 1000") {
			t.Errorf("got %q", msg)
		}
	})
}

func TestServeRefusesBadFlags(t *testing.T) {
	dir := t.TempDir()
	for _, row := range []struct {
		name string
		args []string
		want string
	}{
		{"a listener that others reach, without TLS", []string{"--listen", "0.0.0.0:0"}, "--insecure"},
		{"a time without end for retries", []string{"--retry-for", "0s"}, "--retry-for"},
		{"an account that is none", []string{"--account", "12"}, "12 digits"},
		{"a region that is none", []string{"--region", "Seoul"}, "--region"},
		{"a certificate without a key", []string{"--tls-cert", "c.pem"}, "go together"},
		{"an address that is none", []string{"--listen", "4566"}, "--listen"},
		{"credentials inside the data folder", []string{"--credentials", filepath.Join(dir, "data", "c")}, "inside the data folder"},
		{"an unknown flag", []string{"--port", "1"}, "--help"},
		{"an unknown log level", []string{"--log-level", "loud"}, "--log-level"},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, errs, code := runCommand(t, cleanEnv(dir), "", append([]string{"serve", "--data", filepath.Join(dir, "data")}, row.args...)...)
			if code != exitUsage || !strings.Contains(errs, row.want) {
				t.Errorf("exit %d, %q; want exit %d and %q", code, errs, exitUsage, row.want)
			}
		})
	}
	if _, err := os.Stat(filepath.Join(dir, "data")); err == nil {
		t.Error("a refused command line made a data folder")
	}
}

func TestServeTLS(t *testing.T) {
	dir := t.TempDir()
	cert, key := selfSigned(t, dir)
	p := launch(t, dir, "--tls-cert", cert, "--tls-key", key)
	if !strings.HasPrefix(p.endpoint, "https://127.0.0.1:") {
		t.Fatalf("endpoint %s", p.endpoint)
	}
	env := cleanEnv(dir, "AWS_CA_BUNDLE="+cert)
	out, errs, code := runCommand(t, env, "", "query", "--data", p.data, "--output", "csv", "SELECT 1 AS one")
	if code != 0 || out != "one\n1\n" {
		t.Errorf("exit %d, %q, %q", code, out, errs)
	}
	if _, err := tls.Dial("tcp", strings.TrimPrefix(p.endpoint, "https://"), &tls.Config{MaxVersion: tls.VersionTLS11, InsecureSkipVerify: true}); err == nil {
		t.Error("TLS 1.1 was accepted")
	}
}

func selfSigned(t *testing.T, dir string) (cert, key string) {
	t.Helper()
	priv, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "flowlake test"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &priv.PublicKey, priv)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(priv)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, kind string, b []byte) string {
		path := filepath.Join(dir, name)
		var text bytes.Buffer
		if err := pem.Encode(&text, &pem.Block{Type: kind, Bytes: b}); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, text.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return write("cert.pem", "CERTIFICATE", der), write("key.pem", "PRIVATE KEY", secret)
}
