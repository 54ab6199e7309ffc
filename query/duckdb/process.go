//go:build duckdb_arrow

package duckdb

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"flowlake/fault"
)

// folderPrefix begins the name of every worker's folder in the scratch folder.
const folderPrefix = "worker-"

// setup is the first message to a worker.
type setup struct {
	Folder string `json:"folder"` // its own, empty
}

// ready is a worker's first message: its engine is open.
type ready struct{}

// process is a worker as its parent sees it.
type process struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
	folder string
	stderr *tail
	memory *cgroup // nil: the worker limits its own address space

	once   sync.Once
	exited chan struct{} // closed when the process has been waited for
}

// startTimeout bounds how long a worker may take until it is ready.
const startTimeout = 30 * time.Second

// start returns a worker that is ready for a job.
func (e *Engine) start() (*process, error) {
	folder, err := os.MkdirTemp(e.cfg.Scratch, folderPrefix)
	if err != nil {
		return nil, fault.Newf(fault.Unavailable, "query scratch "+e.cfg.Scratch, "%w", err)
	}
	p := &process{folder: folder, stderr: &tail{}, exited: make(chan struct{})}
	p.cmd = exec.Command(e.cfg.Executable, e.cfg.Args...)
	p.cmd.Env = []string{} // not nil, which would inherit
	p.cmd.Dir = folder
	p.cmd.Stderr = p.stderr
	p.cmd.SysProcAttr = attributes()
	p.memory = newCgroup(p.cmd.SysProcAttr)
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, p.unstarted(err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, p.unstarted(err)
	}
	p.out = bufio.NewReader(out)
	if err := launch(p.cmd); err != nil {
		return nil, p.unstarted(err)
	}
	watchdog := time.AfterFunc(startTimeout, p.kill)
	defer watchdog.Stop()
	if err = send(p.in, setup{Folder: folder}); err == nil {
		err = receive(p.out, &ready{})
	}
	if err != nil {
		p.end()
		return nil, fault.Newf(fault.Internal, "query worker", "did not get ready (%s): %w: %s", p.state(), err, firstLine(p.stderr.String()))
	}
	return p, nil
}

func (p *process) unstarted(err error) error {
	p.memory.remove()
	_ = os.Remove(p.folder)
	return fault.Newf(fault.Unavailable, "query worker", "start %s: %w", p.cmd.Path, err)
}

// launches starts processes on one thread that never ends: the kernel sends a child its parent's death
// signal when the thread that made it ends, not when the process does.
var launches = sync.OnceValue(func() chan<- func() {
	calls := make(chan func())
	go func() {
		runtime.LockOSThread()
		for call := range calls {
			call()
		}
	}()
	return calls
})

func launch(cmd *exec.Cmd) error {
	started := make(chan error)
	launches() <- func() {
		keepDescriptors()
		started <- cmd.Start()
	}
	return <-started
}

// run hands the worker its job and waits for the answer.
func (p *process) run(r request) (a answer, err error) {
	if p.memory != nil {
		if err := p.memory.limit(hardLimit(r.Job.MaxMemory)); err != nil {
			return a, err
		}
	}
	if err := send(p.in, r); err != nil {
		return a, err
	}
	return a, receive(p.out, &a)
}

func (p *process) kill() { _ = p.cmd.Process.Kill() }

// alive reports whether an idle worker still runs.
func (p *process) alive() bool { return processAlive(p.cmd.Process) }

// end kills the worker, waits for it and removes what it left. It may be called more than once, and returns when all is gone.
func (p *process) end() {
	p.once.Do(func() {
		p.kill()
		_ = p.in.Close()
		_ = p.cmd.Wait()
		p.memory.remove()
		_ = filepath.WalkDir(p.folder, func(path string, d os.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				_ = os.Chmod(path, 0o700)
			}
			return nil
		})
		_ = os.RemoveAll(p.folder)
		close(p.exited)
	})
	<-p.exited
}

// exhausted reports whether the kernel ended the worker for its memory.
func (p *process) exhausted() bool { return p.memory.killed() }

func (p *process) state() string {
	if p.cmd.ProcessState == nil {
		return "running"
	}
	return p.cmd.ProcessState.String()
}

// maxMessage bounds a message between parent and worker: a job of 100,000 files has some 40 MB.
const maxMessage = 1 << 30

// send writes one message: its length in four bytes, then JSON.
func send(w io.Writer, message any) error {
	body, err := json.Marshal(message)
	if err != nil {
		return err
	}
	if len(body) > maxMessage {
		return fault.Newf(fault.TooLarge, "query", "its description has %d bytes", len(body))
	}
	_, err = w.Write(append(binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(body)), uint32(len(body))), body...))
	return err
}

// receive reads one message.
func receive(r io.Reader, message any) error {
	var size [4]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return err
	}
	n := binary.BigEndian.Uint32(size[:])
	if n > maxMessage {
		return fmt.Errorf("message of %d bytes", n)
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(r, body); err != nil {
		return err
	}
	return json.Unmarshal(body, message)
}

// tail keeps the last bytes of what a worker says on stderr.
type tail struct {
	mu   sync.Mutex // guards text
	text []byte
}

const tailBytes = 8 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	if len(t.text) > 2*tailBytes { // the head of a crash names its reason, so half is kept of either end
		t.text = append(t.text[:tailBytes], t.text[len(t.text)-tailBytes:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.text)
}
