//go:build duckdb_arrow && linux

package duckdb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"flowlake/fault"
	"flowlake/query"
)

func init() {
	helpers["confined"] = confined
	helpers["parent"] = parent
}

func TestNothingOutsideTheInputsIsReached(t *testing.T) {
	e := newEngine(t, 1)
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("a\ntop secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	input := write(t, "k", parquetFile(t, intColumn, `{"a":1}`))
	before, err := os.ReadFile(input.Path)
	if err != nil {
		t.Fatal(err)
	}
	target := filepath.Join(t.TempDir(), "target")
	for _, sql := range []string{
		"SELECT * FROM read_text('" + secret + "')",
		"SELECT * FROM read_blob('" + secret + "')",
		"SELECT * FROM read_csv('" + secret + "')",
		"SELECT * FROM read_json('" + secret + "')",
		"SELECT * FROM read_parquet('" + secret + "')",
		"SELECT * FROM sniff_csv('" + secret + "')",
		"SELECT * FROM parquet_metadata('" + secret + "')",
		"SELECT * FROM '" + secret + "'",
		"SELECT * FROM read_text('/etc/passwd')",
		"SELECT * FROM read_text('/proc/self/environ')",
		"SELECT * FROM read_csv('http://127.0.0.1:9/x.csv')",
		"SELECT * FROM read_text('" + input.Path + "/../../../../etc/passwd')",
		"COPY (SELECT 1) TO '" + target + "'",
		"COPY (SELECT 1) TO '" + input.Path + "' (USE_TMP_FILE false)",
		"ATTACH '" + target + "' AS x",
		"INSTALL httpfs", "LOAD httpfs",
		"SET enable_external_access = true",
		"SET lock_configuration = false",
		"RESET allowed_directories",
		"CREATE TABLE x AS SELECT 1",
		"DELETE FROM t", "DROP VIEW t",
		"EXPORT DATABASE '" + target + "'",
		"SELECT 1; SELECT 2",
		"COPY (SELECT 1) TO '" + target + "'; SELECT 1",
		"CALL pragma_version()",
		"SELECT getenv('PATH')",
	} {
		t.Run(clip(sql), func(t *testing.T) {
			got, _, err := answerTo(t, e, sql, scanOf(query.Parquet, "a int", nil, input))
			if err == nil {
				t.Fatalf("answered %q", got)
			}
			if strings.Contains(err.Error(), "top secret") || strings.Contains(err.Error(), "root:") {
				t.Fatalf("leaked: %v", err)
			}
		})
	}
	got, _, err := answerTo(t, e, "SELECT count(*) AS n FROM glob('/etc/*')")
	if err == nil && got != lines(`"n"`, `"0"`) {
		t.Errorf("/etc can be listed: %q", got)
	}
	if after, err := os.ReadFile(input.Path); err != nil || string(after) != string(before) {
		t.Errorf("the input changed: %v", err)
	}
	if _, err := os.Stat(target); err == nil {
		t.Errorf("a file was written")
	}
}

// TestTheKernelConfines checks Landlock alone, with DuckDB's own fences down.
func TestTheKernelConfines(t *testing.T) {
	if !landlocked() {
		t.Skip("no Landlock in this kernel")
	}
	dir := t.TempDir()
	for _, d := range []string{"rw", "ro", "other"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, d, "f.csv"), []byte("a\n1\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(self, "helper", "confined", dir).CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != "confined" {
		t.Fatalf("%v\n%s", err, out)
	}
}

func confined(args []string) int {
	dir := args[0]
	w, err := open(filepath.Join(dir, "rw"))
	if err != nil {
		fmt.Println(err)
		return 1
	}
	if err := w.exec("SET threads = 1"); err != nil {
		fmt.Println(err)
		return 1
	}
	var core unix.Rlimit // as high as it may be, so that confine's part in it shows
	if err := unix.Getrlimit(unix.RLIMIT_CORE, &core); err == nil {
		_ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{Cur: core.Max, Max: core.Max})
	}
	if err := confine([]string{filepath.Join(dir, "rw")}, []string{filepath.Join(dir, "ro")}, nil); err != nil {
		fmt.Println(err)
		return 1
	}
	status := 0
	claim := func(what string, want, got bool, err error) {
		if want != got {
			fmt.Println(what, "allowed:", got, err)
			status = 1
		}
	}
	err = unix.Getrlimit(unix.RLIMIT_CORE, &core)
	claim("core files", false, err != nil || core.Max != 0, err)
	_, err = os.ReadFile(filepath.Join(dir, "ro", "f.csv"))
	claim("reading inputs", true, err == nil, err)
	_, err = os.ReadFile(filepath.Join(dir, "other", "f.csv"))
	claim("reading elsewhere", false, err == nil, err)
	_, err = os.ReadFile("/etc/passwd")
	claim("reading /etc/passwd", false, err == nil, err)
	err = os.WriteFile(filepath.Join(dir, "rw", "x"), nil, 0o600)
	claim("writing scratch", true, err == nil, err)
	err = os.WriteFile(filepath.Join(dir, "ro", "f.csv"), nil, 0o600)
	claim("writing inputs", false, err == nil, err)
	err = os.Remove(filepath.Join(dir, "ro", "f.csv"))
	claim("removing inputs", false, err == nil, err)
	_, err = net.DialTimeout("tcp", "127.0.0.1:9", time.Second)
	claim("connecting", true, errors.Is(err, syscall.EACCES), err)
	_ = w.exec("SET threads = 4")
	for range 8 {
		err = w.exec("SELECT * FROM read_csv(['" + dir + "/ro/f.csv', '" + dir + "/ro/f.csv'])")
		claim("DuckDB reading inputs", true, err == nil, err)
		err = w.exec("SELECT * FROM read_csv(['" + dir + "/other/f.csv', '" + dir + "/ro/f.csv', '" + dir + "/other/f.csv'])")
		claim("DuckDB reading elsewhere", false, err == nil, err)
		err = w.exec("COPY (FROM range(1000000)) TO '" + dir + "/other/out' (FORMAT parquet, PER_THREAD_OUTPUT)")
		claim("DuckDB writing elsewhere", false, err == nil, err)
	}
	if status == 0 {
		fmt.Println("confined")
	}
	return status
}

func TestWorkersStartWithNothing(t *testing.T) {
	t.Setenv("FLOWLAKE_SECRET", "hush")
	held, err := syscall.Open(os.DevNull, syscall.O_RDONLY, 0) // would be inherited
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(held)
	e := newEngine(t, 0)
	if err := e.clear(); err != nil {
		t.Fatal(err)
	}
	p, err := e.start()
	if err != nil {
		t.Fatal(err)
	}
	defer p.end()
	proc := fmt.Sprintf("/proc/%d/", p.cmd.Process.Pid)
	environ, err := os.ReadFile(proc + "environ")
	if err != nil || len(environ) != 0 {
		t.Errorf("environment %q, %v", environ, err)
	}
	descriptors, err := os.ReadDir(proc + "fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range descriptors {
		to, _ := os.Readlink(proc + "fd/" + d.Name())
		if n, _ := strconv.Atoi(d.Name()); n > 2 && !strings.HasPrefix(to, "anon_inode:") && !strings.HasPrefix(to, "/sys/fs/cgroup/") { // the Go runtime's own
			t.Errorf("descriptor %s is %s", d.Name(), to)
		}
	}
	info, err := os.Stat(p.folder)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("scratch %v, %v", info.Mode(), err)
	}
	p.end()
	if _, err := os.Stat(p.folder); err == nil {
		t.Error("scratch is left")
	}
}

// endless keeps every thread busy and cannot be answered from statistics.
const endless = "SELECT count(*) FROM range(10000000) a(i), range(10000000) b(j) WHERE hash(i * 31 + j) % 7 = 3"

func TestCancellingKills(t *testing.T) {
	e := newEngine(t, 1)
	for _, sql := range []string{endless, "SELECT length(repeat('x', 1000000000)), repeat('abc', 300000000) LIKE '%d%e%f%'"} {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan time.Time, 1)
		job := query.Job{SQL: sql, Output: filepath.Join(t.TempDir(), "out.csv")}
		go func() {
			_, err := e.Run(ctx, job)
			if err != nil && !errors.Is(err, context.Canceled) && !fault.Is(err, fault.Limit) {
				t.Errorf("got %v", err)
			}
			ended <- time.Now()
		}()
		time.Sleep(300 * time.Millisecond)
		cancelled := time.Now()
		cancel()
		// A cancelled engine in this process went on for up to 23 s; a killed one ends as soon as the machine lets it.
		if took := (<-ended).Sub(cancelled); took > 5*time.Second {
			t.Errorf("%s: ended %v after it was cancelled", clip(sql), took)
		}
		if _, err := os.Stat(job.Output); err == nil {
			t.Error("half a result is left")
		}
	}
	left, _ := filepath.Glob(filepath.Join(e.cfg.Scratch, folderPrefix+"*"))
	if len(left) > 1 { // the idle worker's
		t.Errorf("left in scratch: %v", left)
	}
}

func TestTimeIsBounded(t *testing.T) {
	e := newEngine(t, 0)
	_, err := e.Run(t.Context(), query.Job{SQL: endless, Output: filepath.Join(t.TempDir(), "out.csv"), MaxTime: 50 * time.Millisecond})
	if !fault.Is(err, fault.Limit) || !strings.Contains(err.Error(), "Query timeout") {
		t.Fatalf("got %v", err)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector's address space cannot be bounded")
	}
	e := newEngine(t, 1)
	for _, tt := range []struct{ name, sql string }{
		{"a value that is built before anything runs", "SELECT length(repeat(repeat('x', 100000), 30000))"},
		{"what DuckDB counts", "SELECT count(DISTINCT list) FROM (SELECT list(i) AS list FROM range(30000000) t(i) GROUP BY i % 2)"},
		{"what DuckDB does not count", "SELECT list_sort(list_transform(range(400000000), x -> x * 2))[1]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			job := query.Job{SQL: tt.sql, Output: filepath.Join(t.TempDir(), "out.csv"), MaxMemory: 100 << 20, MaxTime: 30 * time.Second}
			_, err := e.Run(t.Context(), job)
			if !fault.Is(err, fault.Limit) || !strings.Contains(err.Error(), exhausted) {
				t.Fatalf("got %v (%v)", err, fault.KindOf(err))
			}
		})
	}
	got, _, err := answerTo(t, e, "SELECT 1 AS x")
	if err != nil || got != lines(`"x"`, `"1"`) {
		t.Errorf("the engine does not go on: %q, %v", got, err)
	}
}

func TestQueriesSpillWithinTheirMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("sorts more than its memory")
	}
	e := newEngine(t, 1)
	job := query.Job{SQL: "SELECT i FROM (SELECT i, hash(i) AS h FROM range(10000000) t(i) ORDER BY h) WHERE i % 1000000 = 0 ORDER BY i", Output: filepath.Join(t.TempDir(), "out.csv"), MaxMemory: 100 << 20}
	result, err := e.Run(t.Context(), job)
	if err != nil || result.Rows != 10 {
		t.Fatalf("%+v, %v", result, err)
	}
}

func TestAWorkerThatDiesIsReplaced(t *testing.T) {
	e := newEngine(t, 1)
	answerTo(t, e, "SELECT 1 AS x")
	var p *process
	for p == nil { // until Serve has a new one
		e.mu.Lock()
		if len(e.idle) > 0 {
			p = e.idle[0]
		}
		e.mu.Unlock()
		time.Sleep(time.Millisecond)
	}
	p.kill()
	for p.alive() {
		time.Sleep(time.Millisecond)
	}
	if got, _, err := answerTo(t, e, "SELECT 2 AS x"); err != nil || got != lines(`"x"`, `"2"`) {
		t.Fatalf("%q, %v", got, err)
	}
}

func TestAnEngineThatStoppedTakesNoJobs(t *testing.T) {
	e := newEngine(t, 0)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- e.Serve(ctx) }()
	if _, _, err := answerTo(t, e, "SELECT 1 AS x"); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if _, _, err := answerTo(t, e, "SELECT 1 AS x"); !fault.Is(err, fault.Unavailable) {
		t.Errorf("got %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(e.cfg.Scratch, "*")); len(left) > 0 {
		t.Errorf("left in scratch: %v", left)
	}
}

func TestACrashOfAWorkerIsAnError(t *testing.T) {
	e := newEngine(t, 0)
	if err := e.clear(); err != nil {
		t.Fatal(err)
	}
	p, err := e.start()
	if err != nil {
		t.Fatal(err)
	}
	e.idle = append(e.idle, p)
	time.AfterFunc(200*time.Millisecond, func() { _ = p.cmd.Process.Signal(syscall.SIGSEGV) })
	_, err = e.Run(t.Context(), query.Job{SQL: endless, Output: filepath.Join(t.TempDir(), "out.csv")})
	if !fault.Is(err, fault.Internal) || !strings.Contains(err.Error(), "ended without an answer") {
		t.Fatalf("got %v", err)
	}
}

// childrenOf lists the processes whose parent is pid.
func childrenOf(pid int) string {
	var out []string
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, stat := range stats {
		text, err := os.ReadFile(stat)
		if err != nil {
			continue
		}
		_, rest, ok := strings.Cut(string(text), ") ")
		if fields := strings.Fields(rest); ok && len(fields) > 1 && fields[1] == strconv.Itoa(pid) {
			out = append(out, filepath.Base(filepath.Dir(stat)))
		}
	}
	return strings.Join(out, " ")
}

// parent runs an endless query until it is killed.
func parent(args []string) int {
	self, err := os.Executable()
	if err != nil {
		return 1
	}
	e := New(Config{Executable: self, Args: []string{"worker"}, Scratch: args[0], Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	go func() {
		for childrenOf(os.Getpid()) == "" {
			time.Sleep(time.Millisecond)
		}
		time.Sleep(200 * time.Millisecond)
		fmt.Println(childrenOf(os.Getpid()))
	}()
	_, _ = e.Run(context.Background(), query.Job{SQL: endless, Output: filepath.Join(args[0], "out.csv")})
	return 0
}

func TestWorkersDieWithTheirParent(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cmd := exec.Command(self, "helper", "parent", dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Fscan(out, &pid); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	deadline := time.Now().Add(2 * time.Second)
	for syscall.Kill(pid, 0) == nil {
		if text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)); err == nil && strings.Contains(string(text), ") Z ") {
			break // dead, and whoever inherits it has not looked yet
		}
		if time.Now().After(deadline) {
			t.Fatal("the worker outlived its parent")
		}
		time.Sleep(5 * time.Millisecond)
	}
	e := New(Config{Executable: self, Args: []string{"worker"}, Scratch: dir, Log: slog.New(slog.NewTextHandler(testLog{t}, nil))})
	if err := e.clear(); err != nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, folderPrefix+"*")); len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
}

func TestInputsOnAnotherFileSystem(t *testing.T) {
	shm, err := os.MkdirTemp("/dev/shm", "flowlake-test-")
	if err != nil {
		t.Skip("no second file system")
	}
	t.Cleanup(func() { os.RemoveAll(shm) })
	path := filepath.Join(shm, "object[*]")
	data := parquetFile(t, intColumn, `{"a":7}`)
	if err := os.WriteFile(path, data, 0o400); err != nil {
		t.Fatal(err)
	}
	e := newEngine(t, 1)
	file := query.InputFile{Path: path, URL: "s3://lake/k", Size: int64(len(data))}
	got, _, err := answerTo(t, e, "SELECT * FROM t", scanOf(query.Parquet, "a int", nil, file))
	if err != nil || got != lines(`"a"`, `"7"`) {
		t.Fatalf("%q, %v", got, err)
	}
	got, _, err = answerTo(t, e, "SELECT count(*) AS n FROM t", scanOf(query.Delimited, "a int", nil, file))
	if err != nil {
		t.Fatalf("%q, %v", got, err)
	}
}
