package main

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// faulty stands between a client and a server, on loopback: what becomes of a request is said by fault.
type faulty struct {
	*httptest.Server
	mu     sync.Mutex // guards below
	server string
	fault  func(*http.Request) fate
}

// fate is what happens to a request; the zero value is that nothing does.
type fate struct {
	before func()        // ahead of it
	refuse bool          // 503, and the server does not see it
	lose   bool          // the server does it, and the answer is 503
	after  func()        // once the server has done it, ahead of the answer
	reset  bool          // the connection breaks in the middle of the answer
	slow   time.Duration // by which the answer is late
}

func behind(t *testing.T, server string, fault func(*http.Request) fate) *faulty {
	f := &faulty{server: server, fault: fault}
	f.Server = httptest.NewServer(http.HandlerFunc(f.pass))
	t.Cleanup(f.Close)
	return f
}

// to sends what comes to another server.
func (f *faulty) to(server string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.server = server
}

func (f *faulty) pass(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	f.mu.Lock()
	what, server := f.fault(r), f.server
	f.mu.Unlock()
	if what.before != nil {
		what.before()
	}
	if what.refuse {
		http.Error(w, "not now", http.StatusServiceUnavailable)
		return
	}
	req, err := http.NewRequestWithContext(r.Context(), r.Method, server+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		panic(err)
	}
	req.Header, req.Host, req.ContentLength = r.Header.Clone(), r.Host, int64(len(body)) // what is signed stays
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil { // the server is gone: so is the connection
		hangUp(w)
		return
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		hangUp(w)
		return
	}
	if what.after != nil {
		what.after()
	}
	time.Sleep(what.slow)
	if what.lose {
		http.Error(w, "what became of it?", http.StatusServiceUnavailable)
		return
	}
	for k, v := range res.Header {
		w.Header()[k] = v
	}
	w.WriteHeader(res.StatusCode)
	if what.reset {
		w.Write(answer[:len(answer)/2]) //nolint:errcheck // it breaks now
		http.NewResponseController(w).Flush()
		hangUp(w)
		return
	}
	w.Write(answer) //nolint:errcheck // the client may be gone
}

// hangUp resets the connection.
func hangUp(w http.ResponseWriter) {
	c, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := c.(*net.TCPConn); ok {
		tcp.SetLinger(0) //nolint:errcheck // a reset is nicer, and not needed
	}
	c.Close()
}

// numbered writes files of flow logs whose field bytes numbers the rows, over two days, and returns how many rows there are.
func numbered(t *testing.T, dir string, files, each int) int {
	t.Helper()
	ok(t, os.MkdirAll(dir, 0o700))
	for f := range files {
		var b bytes.Buffer
		for i := range each {
			n := f*each + i + 1
			fmt.Fprintf(&b, "2 123456789012 eni-1 10.0.0.%d 10.0.0.2 1 2 6 1 %d %d %d ACCEPT OK\n", n%200, n, 1767225600+n%2*86400, 1767225660+n%2*86400)
		}
		ok(t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("%02d.log", f)), b.Bytes(), 0o600))
	}
	return files * each
}

// once reports whether a table has the rows from 1 to n once each.
func once(t *testing.T, env []string, table string, n int) {
	t.Helper()
	got := queried(t, env, "SELECT count(*), count(DISTINCT bytes), coalesce(max(bytes), 0) FROM "+table)
	if want := []string{fmt.Sprint(n), fmt.Sprint(n), fmt.Sprint(n)}; !slices.Equal(got[0], want) {
		t.Errorf("%s has %v rows, different ones and at most, want %v", table, got[0], want)
	}
}

// TestConvertThroughFaults converts files and objects through a network that loses requests and answers, is slow and
// breaks connections, to a server that is killed and started again: each row is there once, and nothing is asked of the user.
func TestConvertThroughFaults(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := launch(t, dir)
	env := p.env(t)
	flows := filepath.Join(dir, "flows")
	rows := numbered(t, flows, 8, 2000)
	c, raw := p.clients(""), "raw-flows"
	_, err := c.s3.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &raw})
	ok(t, err)
	for n := range 8 {
		key := fmt.Sprintf("%02d.log", n)
		b, err := os.ReadFile(filepath.Join(flows, key))
		ok(t, err)
		_, err = c.s3.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &raw, Key: &key, Body: bytes.NewReader(b)})
		ok(t, err)
	}
	r := rand.New(rand.NewPCG(11, 12))
	requests, puts := 0, 0
	kinds := map[string]int{}
	f := behind(t, p.endpoint, func(req *http.Request) (what fate) {
		if requests++; requests < 4 {
			return what // whether there is a server at all is asked without patience
		}
		switch r.IntN(20) {
		case 0:
			what.refuse = true
			kinds["refused"]++
		case 1:
			what.lose = true
			kinds["lost"]++
		case 2:
			what.reset = true
			kinds["reset"]++
		case 3, 4:
			what.slow = time.Duration(r.IntN(60)) * time.Millisecond
			kinds["slow"]++
		}
		return what
	})
	inner := f.fault
	f.fault = func(req *http.Request) fate {
		what := inner(req)
		if req.Method == http.MethodPut && strings.Contains(req.URL.Path, ".parquet.part") {
			if puts++; puts == 7 {
				what.before = func() {
					p.kill()
					p = launch(t, dir)
					f.to(p.endpoint)
				}
			}
		}
		return what
	}
	for _, c := range []struct{ table, from string }{{"vpc.local", flows}, {"vpc.remote", "s3://raw-flows"}} {
		_, errs, code := runCommand(t, env, "", "convert", c.from, "--to", c.table, "--endpoint", f.URL, "--group-bytes", "1", "--workers", "2")
		if code != 0 {
			t.Fatalf("%s: exit %d, %s", c.from, code, errs)
		}
		once(t, env, c.table, rows)
		for _, key := range p.clients("").objects(t, "flowlake-"+defaultAccount+"-"+defaultRegion, strings.Replace(c.table, ".", "/", 1)+"/") {
			if strings.Contains(key, "/open/") || strings.Contains(key, "/ready/") || strings.HasSuffix(key, ".part") {
				t.Errorf("%s is left", key)
			}
		}
	}
	if puts < 7 || len(kinds) < 4 {
		t.Errorf("too little went wrong: %d parts, %v", puts, kinds)
	}
}

// TestConvertBesideCompaction kills conversions around the move that makes a group visible, compacts the table, and goes on: a
// query sees whole groups only, and each row once.
func TestConvertBesideCompaction(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := launch(t, dir)
	env := p.env(t)
	const files, each = 6, 500
	flows := filepath.Join(dir, "flows")
	numbered(t, flows, files, each)
	self, err := os.Executable()
	ok(t, err)
	r := rand.New(rand.NewPCG(5, 6))
	var cmd *exec.Cmd
	moves, seen := 0, 0
	kill := func() { cmd.Process.Kill() } //nolint:errcheck // it may have ended
	f := behind(t, p.endpoint, func(req *http.Request) (what fate) {
		if req.URL.Path == "/move" {
			switch moves++; {
			case moves > 8:
			case r.IntN(2) == 0:
				what.before, what.refuse = kill, true
			default:
				what.after = kill
				seen++
			}
		}
		return what
	})
	for range 20 {
		cmd = exec.Command(self, "convert", flows, "--to", "vpc.beside", "--endpoint", f.URL, "--group-bytes", "1", "--workers", "1")
		cmd.Env, cmd.SysProcAttr = env, childOfThis()
		out, err := cmd.CombinedOutput()
		if err == nil {
			break
		}
		if cmd.ProcessState.Exited() {
			t.Fatalf("%v\n%s", err, out)
		}
		got := queried(t, env, "SELECT count(*), count(DISTINCT bytes) FROM vpc.beside")
		if want := fmt.Sprint(seen * each); got[0][0] != want || got[0][1] != want {
			t.Fatalf("after %d moves the table has %v, want %s", moves, got[0], want)
		}
		if _, errs, code := runCommand(t, env, "", "compact", "vpc.beside", "--min-files", "2"); code != 0 {
			t.Fatal(errs)
		}
	}
	if moves < 9 || seen < 2 {
		t.Errorf("%d moves, %d of them before a kill", moves, seen)
	}
	once(t, env, "vpc.beside", files*each)

	// What a compaction merged cannot be taken back.
	_, errs, code := runCommand(t, env, "", "convert", flows, "--to", "vpc.beside", "--redo")
	if code != exitFailed || !strings.Contains(errs, "cannot be replaced") || !strings.Contains(errs, "compacted or deleted") {
		t.Errorf("exit %d, %s", code, errs)
	}
	once(t, env, "vpc.beside", files*each)
}

// TestConvertRedo replaces what files gave: a query that comes while the new rows are there and not shown sees the old ones, and a
// kill at that moment leaves them.
func TestConvertRedo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := launch(t, dir)
	env := p.env(t)
	flows := filepath.Join(dir, "flows")
	numbered(t, flows, 3, 100)
	convert := func(more ...string) (string, int) {
		_, errs, code := runCommand(t, env, "", append([]string{"convert", flows, "--to", "vpc.redone", "--workers", "1"}, more...)...)
		return errs, code
	}
	if errs, code := convert(); code != 0 {
		t.Fatal(errs)
	}
	numbered(t, flows, 3, 250) // the files change
	if errs, code := convert(); code != exitFindings || strings.Count(errs, "changed since it was converted") != 3 {
		t.Errorf("exit %d, %s", code, errs)
	}
	once(t, env, "vpc.redone", 300)
	lost := 0
	f := behind(t, p.endpoint, func(req *http.Request) (what fate) {
		if req.URL.Path == "/move" {
			if lost++; lost == 1 {
				what.before, what.lose = func() { once(t, env, "vpc.redone", 300) }, true
			}
		}
		return what
	})
	bucket := "flowlake-" + defaultAccount + "-" + defaultRegion
	if errs, code := convert("--redo", "--endpoint", f.URL); code != 0 {
		t.Fatalf("exit %d, %s", code, errs)
	}
	once(t, env, "vpc.redone", 750)
	if n := len(p.clients("").objects(t, bucket, "vpc/redone/day=")); n != 2 {
		t.Errorf("%d objects, want one a day", n)
	}
	if lost < 2 {
		t.Errorf("the move was made %d times", lost)
	}

	// A compaction that comes between the look and the move is seen by the move.
	numbered(t, flows, 3, 100)
	f.fault = func(req *http.Request) (what fate) {
		if req.URL.Path == "/move" {
			what.before = func() {
				if _, errs, code := runCommand(t, env, "", "compact", "vpc.redone", "--min-files", "1"); code != 0 {
					t.Error(errs)
				}
			}
		}
		return what
	}
	errs, code := convert("--redo", "--endpoint", f.URL)
	if code != exitFailed || !strings.Contains(errs, "changed its objects meanwhile") {
		t.Errorf("exit %d, %s", code, errs)
	}
	once(t, env, "vpc.redone", 750)
}

// TestConvertInterrupted presses Ctrl-C while a group is written: the command says how to go on, and that is so.
func TestConvertInterrupted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := launch(t, dir)
	env := p.env(t)
	flows := filepath.Join(dir, "flows")
	rows := numbered(t, flows, 4, 100)
	begun := make(chan struct{})
	var first sync.Once
	f := behind(t, p.endpoint, func(req *http.Request) (what fate) {
		if strings.HasSuffix(req.URL.Path, ".part") {
			first.Do(func() { close(begun) })
			what.slow = time.Second
		}
		return what
	})
	args := []string{"convert", flows, "--to", "vpc.stopped", "--group-bytes", "1", "--workers", "2"}
	errs, code := interrupted(t, env, func() bool {
		select {
		case <-begun:
			return true
		default:
			return false
		}
	}, append(args, "--endpoint", f.URL)...)
	if code != exitInterrupt || !strings.Contains(errs, "interrupted: run the same command again, and it goes on where it stopped") {
		t.Errorf("exit %d, %s", code, errs)
	}
	if _, errs, code := runCommand(t, env, "", args...); code != 0 || !strings.Contains(errs, "going on with ") {
		t.Errorf("exit %d, %s", code, errs)
	}
	once(t, env, "vpc.stopped", rows)
}
