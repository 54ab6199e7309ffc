package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestEnvAddsItsHostToBothSpellingsOfNoProxy(t *testing.T) {
	var b strings.Builder
	ok(t, printEnv(&b, "http://127.0.0.1:4566", "id", "secret", "us-east-1", "a.example,, a.example ,b.example"))
	if want := "export NO_PROXY=a.example,b.example,127.0.0.1 no_proxy=a.example,b.example,127.0.0.1\n"; !strings.HasSuffix(b.String(), want) {
		t.Errorf("got %s", b.String())
	}
}

func TestServeRefusesAnInsecureThatIsNeitherTrueNorFalse(t *testing.T) {
	_, errs, code := runCommand(t, append(cleanEnv(t.TempDir()), "FLOWLAKE_INSECURE=maybe"), "", "serve", "--listen", "0.0.0.0:0")
	if code != exitUsage || !strings.Contains(errs, "FLOWLAKE_INSECURE=maybe") {
		t.Errorf("exit %d, %s", code, errs)
	}
}

func TestImport(t *testing.T) {
	p := launch(t, t.TempDir())
	run := func(args ...string) (string, int) {
		t.Helper()
		_, errs, code := runCommand(t, p.env(t), "", args...)
		return errs, code
	}
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		ok(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	t.Run("lines that are no text are refused, and what came before is told", func(t *testing.T) {
		errs, code := run("import", "--log-group", "g", write("good", "a\nb\n"), write("binary", "a\n\xff\xfe\n"))
		if code != exitFailed || !strings.Contains(errs, "imported 2 events") || !strings.Contains(errs, "binary: line 2 is not UTF-8 text") ||
			!strings.Contains(errs, "\n2 of them entered") {
			t.Errorf("exit %d, %s", code, errs)
		}
	})
	t.Run("each record of joined files is below its own header", func(t *testing.T) {
		joined := write("joined", "start srcaddr\n1767225600 10.0.0.1\nsrcaddr start\n10.0.0.2 1767225600\n")
		if errs, code := run("import", "--bucket", "joined", joined); code != 0 || !strings.Contains(errs, "2 records into 2 objects") {
			t.Errorf("exit %d, %s", code, errs)
		}
	})
}

func TestServerLeavesNoEndpointBehind(t *testing.T) {
	p := launch(t, t.TempDir())
	ok(t, p.terminate())
	_, errs, code := runCommand(t, cleanEnv(t.TempDir()), "", "env", "--data", p.data)
	if code != exitNoServer || !strings.Contains(errs, "no server runs on "+p.data) {
		t.Errorf("exit %d, %s", code, errs)
	}
}

func TestCommandsFollowNoRedirect(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a redirect was followed") }))
	defer elsewhere.Close()
	named := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	defer named.Close()
	env := append(cleanEnv(t.TempDir()), "AWS_ENDPOINT_URL="+named.URL, "AWS_ACCESS_KEY_ID=id", "AWS_SECRET_ACCESS_KEY=secret")
	for _, args := range [][]string{{"query", "SELECT 1"}, {"verify"}, {"import", "--bucket", "lake", os.Args[0]}} {
		if _, errs, code := runCommand(t, env, "", args...); code != exitFailed || errs == "" {
			t.Errorf("%s: exit %d, %s", args[0], code, errs)
		}
	}
}
