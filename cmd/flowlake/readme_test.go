package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// shellBlocks are the README's sh blocks, in their order.
func shellBlocks(t *testing.T) (blocks []string) {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile("(?ms)^```sh\n(.*?)^```$").FindAllStringSubmatch(string(text), -1) {
		blocks = append(blocks, m[1])
	}
	if len(blocks) < 4 {
		t.Fatalf("the README has %d sh blocks", len(blocks))
	}
	return blocks
}

// TestReadme types the README's commands into one shell, as a newcomer would, on a home folder of its own.
// Only what builds and where it listens is taken out of its hands.
func TestReadme(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a while")
	}
	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "bin"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(dir, "bin", "flowlake")); err != nil {
		t.Fatal(err)
	}
	aws, hasCLI := os.LookupEnv("AWS_CLI")
	if !hasCLI {
		if aws, err = exec.LookPath("aws"); err != nil {
			t.Log("the AWS CLI is not installed: its part of the README is not run")
		}
	}
	var script strings.Builder
	script.WriteString("set -eu -o pipefail\nmake() { :; }\n")
	for i, block := range shellBlocks(t) {
		if strings.Contains(block, "aws ") && aws == "" {
			continue
		}
		fmt.Fprintf(&script, "echo '== block %d'\n", i+1)
		switch {
		case strings.HasPrefix(block, "flowlake grok test"):
			block = strings.TrimSuffix(block, "\n") + " && exit 90 || [ $? = 4 ]\n" // as the README says
		case strings.Contains(block, "flowlake serve &"):
			block += "for i in $(seq 100); do [ -s \"$HOME/.local/share/flowlake/endpoint\" ] && break; sleep 0.1; done\n"
		}
		script.WriteString(block)
	}
	script.WriteString("kill -TERM %1\nwait %1\necho '== stopped'\n")

	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-c", "trap 'kill $(jobs -p) 2>/dev/null || true' EXIT; "+script.String())
	cmd.Dir = dir
	cmd.Env = []string{"HOME=" + dir, "PATH=" + filepath.Join(dir, "bin") + ":" + os.Getenv("PATH"), "FLOWLAKE_LISTEN=127.0.0.1:0",
		"TMPDIR=" + os.TempDir(), "LANG=C.UTF-8", "PYENV_VERSION=" + os.Getenv("PYENV_VERSION"), "AWS_PAGER=", "AWS_EC2_METADATA_DISABLED=true"}
	cmd.SysProcAttr = childOfThis()
	cmd.WaitDelay = 5 * time.Second
	out, err := cmd.CombinedOutput()
	text := string(out)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	for _, want := range []string{"flowlake ready http://127.0.0.1:", "192.168.1.10", "(5 rows)", "== stopped"} {
		if !strings.Contains(text, want) {
			t.Errorf("the session does not show %q:\n%s", want, text)
		}
	}
	if aws != "" && !strings.Contains(text, "ACCEPT") {
		t.Errorf("the AWS CLI's query shows no ACCEPT:\n%s", text)
	}
}
