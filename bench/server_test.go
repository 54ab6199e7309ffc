package bench

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"flowlake/access"
)

// program is what `make build` built.
const program = "../bin/flowlake"

// benchmark skips what `go test ./...` must not run.
func benchmark(t *testing.T) {
	t.Helper()
	if os.Getenv("BENCH") == "" {
		t.Skip("runs under make bench")
	}
	if _, err := os.Stat(program); err != nil {
		t.Fatalf("%v: make build first", err)
	}
}

// server is the real program, serving.
type server struct {
	t     *testing.T
	cmd   *exec.Cmd
	cfg   aws.Config
	ready time.Duration // from its start to its ready line
	dir   string
}

func serve(t *testing.T, dir string) *server {
	t.Helper()
	s := &server{t: t, dir: dir}
	keys := filepath.Join(dir, "credentials")
	s.cmd = exec.Command(program, "serve", "--data", filepath.Join(dir, "data"), "--credentials", keys, "--listen", "127.0.0.1:0", "--log-level", "warn")
	s.cmd.Stderr = os.Stderr
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	s.ready = time.Since(began)
	endpoint, ok := strings.CutPrefix(strings.TrimSpace(line), "flowlake ready ")
	if !ok {
		t.Fatalf("not ready: %q, %v", line, err)
	}
	t.Cleanup(s.stop)
	id, secret, err := access.ReadCredentials(keys)
	if err != nil {
		t.Fatal(err)
	}
	s.cfg = aws.Config{
		Region: "us-east-1", BaseEndpoint: &endpoint,
		Credentials: credentials.NewStaticCredentialsProvider(id, secret, ""),
		Retryer:     func() aws.Retryer { return retry.AddWithMaxAttempts(retry.NewStandard(), 1) },
	}
	return s
}

func (s *server) stop() {
	if s.cmd.ProcessState != nil {
		return
	}
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Error(err)
	}
	if err := s.cmd.Wait(); err != nil {
		s.t.Error(err)
	}
}

// cpu is the processor time that the server process has used, without its workers.
func (s *server) cpu() time.Duration {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	if err != nil {
		s.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	f := strings.Fields(rest)
	var ticks int64
	for _, i := range []int{11, 12} { // utime, stime: proc(5), fields 14 and 15
		n, err := strconv.ParseInt(f[i], 10, 64)
		if err != nil {
			s.t.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond // USER_HZ is 100
}

// memory reads a line such as VmHWM of the server's status, in bytes.
func (s *server) memory(line string) int64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		s.t.Fatal(err)
	}
	for l := range strings.SplitSeq(string(b), "\n") {
		if rest, ok := strings.CutPrefix(l, line+":"); ok {
			n, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			if err != nil {
				s.t.Fatal(err)
			}
			return n << 10
		}
	}
	s.t.Fatalf("no %s in /proc status", line)
	return 0
}

// ownCPU is the processor time of this process.
func ownCPU(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
