package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain makes the test binary the program itself when it is called with a command, as the server
// calls it for its workers; go test calls it with flags only.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && !strings.HasPrefix(os.Args[1], "-") {
		main()
	}
	testscript.Main(m, map[string]func(){"flowlake": main})
}

// process is a server of the real program.
type process struct {
	t                     testing.TB
	cmd                   *exec.Cmd
	data, credentials     string
	endpoint              string
	stderr                *lockedBuffer
	stdoutRest, waitError chan error
}

type lockedBuffer struct {
	mu sync.Mutex // guards b
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// cleanEnv is an environment in which only what the test says points at a server.
func cleanEnv(dir string, more ...string) []string {
	return append([]string{"HOME=" + dir, "XDG_CONFIG_HOME=" + filepath.Join(dir, "config"), "XDG_DATA_HOME=" + filepath.Join(dir, "share"),
		"PATH=" + os.Getenv("PATH"), "TMPDIR=" + os.TempDir()}, more...)
}

// launch starts a server on the data folder below dir and waits until it is ready.
func launch(t testing.TB, dir string, flags ...string) *process {
	t.Helper()
	p, err := tryLaunch(t, dir, flags...)
	if err != nil {
		t.Fatalf("%v\n%s", err, p.stderr)
	}
	return p
}

func tryLaunch(t testing.TB, dir string, flags ...string) (*process, error) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, data: filepath.Join(dir, "data"), credentials: filepath.Join(dir, "config", "flowlake", "credentials"),
		stderr: &lockedBuffer{}, stdoutRest: make(chan error, 1), waitError: make(chan error, 1)}
	p.cmd = exec.Command(self, append([]string{"serve", "--data", p.data, "--listen", "127.0.0.1:0"}, flags...)...)
	p.cmd.Env = cleanEnv(dir)
	p.cmd.Stderr = p.stderr
	p.cmd.SysProcAttr = childOfThis()
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.kill() })
	r := bufio.NewReader(stdout)
	line, readErr := r.ReadString('\n')
	go func() {
		rest, err := io.ReadAll(r)
		if err == nil && len(rest) > 0 {
			err = errors.New("standard output has more than its one line: " + string(rest))
		}
		p.stdoutRest <- err
		p.waitError <- p.cmd.Wait()
	}()
	endpoint, ok := strings.CutPrefix(strings.TrimSpace(line), "flowlake ready ")
	if !ok {
		return p, fmt.Errorf("not ready: %q, %w", line, readErr)
	}
	p.endpoint = endpoint
	return p, nil
}

// kill ends the process as a power cut would, as far as a process can tell.
func (p *process) kill() {
	if p.cmd.Process.Signal(syscall.SIGKILL) == nil {
		p.wait()
	}
}

func (p *process) wait() error {
	select {
	case err := <-p.waitError:
		p.waitError <- err
		return err
	case <-time.After(20 * time.Second):
		p.t.Fatal("the server does not end")
		return nil
	}
}

// terminate ends the process as an operator would.
func (p *process) terminate() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return p.wait()
}

// config is what an SDK client of this server needs. Retries are off: a call that failed must not be
// made twice behind a test's back.
func (p *process) config(region string) aws.Config {
	t := &target{endpoint: p.endpoint, data: p.data, credentials: p.credentials, region: region}
	cfg, err := t.config()
	if err != nil {
		p.t.Fatal(err)
	}
	cfg.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	return cfg
}

func (p *process) get(path string) (int, string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.endpoint+path, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

// runCommand runs one flowlake command and returns its outputs and exit code.
func runCommand(t testing.TB, env []string, stdin string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, self, args...)
	cmd.Env = env
	cmd.Stdin = strings.NewReader(stdin)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}
