//go:build duckdb_arrow

package duckdb

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"flowlake/catalog/compact"
	"flowlake/fault"
	"flowlake/query"
)

var _ query.Engine = (*Engine)(nil)

// Config says how workers are started and what they may use.
type Config struct {
	Executable string   // the program whose Args make it call Worker: flowlake itself
	Args       []string // {"worker"}
	Scratch    string   // a folder of this engine alone; workers' folders in it are removed at the start
	Idle       int      // workers started ahead of need; 0 takes 2
	Threads    int      // of one query; 0 takes the number of processors
	MaxMemory  int64    // of a query whose job does not say, in bytes; 0 takes 2 GiB
	Log        *slog.Logger
}

// Engine runs jobs in worker processes.
type Engine struct {
	cfg   Config
	prune sync.Once
	wake  chan struct{}
	work  sync.WaitGroup // jobs, and the processes that remain to be reaped after them

	mu   sync.Mutex // guards idle and done
	idle []*process
	done bool // Serve ends: no job is taken any more, so that work can be waited for
}

// New returns an engine. It starts nothing: without Serve, each Run starts its own worker.
func New(cfg Config) *Engine {
	if cfg.Idle <= 0 {
		cfg.Idle = 2
	}
	if cfg.Threads <= 0 {
		cfg.Threads = runtime.NumCPU()
	}
	if cfg.MaxMemory <= 0 {
		cfg.MaxMemory = 2 << 30
	}
	return &Engine{cfg: cfg, wake: make(chan struct{}, 1)}
}

// Serve keeps idle workers ready until ctx ends, then ends them, refuses further jobs and waits for those that run;
// whoever started them ends them by their contexts. It returns an error only when the scratch folder cannot
// be used, and is called at most once.
func (e *Engine) Serve(ctx context.Context) error {
	if err := e.clear(); err != nil {
		return err
	}
	defer func() {
		e.mu.Lock()
		idle := e.idle
		e.idle, e.done = nil, true
		e.mu.Unlock()
		for _, p := range idle {
			p.end()
		}
		e.work.Wait()
	}()
	pause := time.Duration(0)
	for {
		for e.missing() {
			p, err := e.start()
			if err != nil {
				pause = min(max(2*pause, time.Second), time.Minute)
				e.cfg.Log.Warn("query worker not started", "err", err, "retry", pause)
				break
			}
			pause = 0
			e.mu.Lock()
			e.idle = append(e.idle, p)
			e.mu.Unlock()
		}
		var retry <-chan time.Time
		if pause > 0 {
			retry = time.After(pause)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-e.wake:
		case <-retry:
		}
	}
}

func (e *Engine) missing() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.idle) < e.cfg.Idle
}

// clear makes the scratch folder and removes what workers of an earlier process left in it.
func (e *Engine) clear() (err error) {
	e.prune.Do(func() {
		if err = os.MkdirAll(e.cfg.Scratch, 0o700); err != nil {
			return
		}
		left, globErr := filepath.Glob(filepath.Join(e.cfg.Scratch, folderPrefix+"*"))
		if globErr != nil {
			err = globErr
			return
		}
		for _, dir := range left {
			if err = os.RemoveAll(dir); err != nil {
				return
			}
		}
	})
	if err != nil {
		return fault.Newf(fault.Unavailable, "query scratch "+e.cfg.Scratch, "%w", err)
	}
	return nil
}

// take returns a worker that waits for a job.
func (e *Engine) take() (*process, error) {
	if err := e.clear(); err != nil {
		return nil, err
	}
	for {
		e.mu.Lock()
		if len(e.idle) == 0 {
			e.mu.Unlock()
			return e.start()
		}
		p := e.idle[0]
		e.idle = e.idle[1:]
		e.mu.Unlock()
		if p.alive() {
			return p, nil
		}
		p.end() // died while idle: somebody killed it
	}
}

// refill asks Serve for new idle workers.
func (e *Engine) refill() {
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

// refillAfter is how long a query has the processors to itself before its worker's successor is started.
const refillAfter = 500 * time.Millisecond

// Run executes one job in a worker of its own; see query.Engine.
func (e *Engine) Run(ctx context.Context, job query.Job) (result query.Result, err error) {
	if job.MaxMemory <= 0 {
		job.MaxMemory = e.cfg.MaxMemory
	}
	if job.MaxTime > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, job.MaxTime,
			fault.Newf(fault.Limit, "query", "Query timeout: it ran longer than %s", job.MaxTime))
		defer cancel()
	}
	out, err := e.hand(ctx, request{Job: job, Threads: e.cfg.Threads})
	return out.Result, err
}

// hand gives a request to a worker of its own and waits for the answer. After an error nothing is left at the
// job's output; when ctx ends, the worker is killed.
func (e *Engine) hand(ctx context.Context, r request) (out answer, err error) {
	if ctx.Err() != nil {
		return answer{}, context.Cause(ctx)
	}
	if _, err := os.Lstat(r.Job.Output); err == nil { // a failure would remove what is not ours
		return answer{}, fault.Newf(fault.Internal, "query result", "is there already")
	}
	e.mu.Lock()
	if e.done {
		e.mu.Unlock()
		return answer{}, fault.Newf(fault.Unavailable, "query engine", "has stopped")
	}
	e.work.Add(1)
	e.mu.Unlock()
	defer e.work.Done()
	p, err := e.take()
	if err != nil {
		return answer{}, err
	}
	timer := time.AfterFunc(refillAfter, e.refill)
	defer func() {
		if timer.Stop() {
			e.refill()
		}
	}()
	answered := make(chan struct{})
	var broken error
	go func() {
		defer close(answered)
		out, broken = p.run(r)
	}()
	select {
	case <-answered:
	case <-ctx.Done():
		p.kill()
		p.end()
		<-answered
		_ = os.Remove(r.Job.Output) // half a result is none
		return answer{}, context.Cause(ctx)
	}
	if broken != nil {
		p.kill()
		err = p.cause(broken)
		e.cfg.Log.Warn("query worker lost", "err", broken, "state", p.state(), "stderr", p.stderr.String())
	} else {
		err = out.err(r.Job)
		if out.Private != "" {
			e.cfg.Log.Warn("rows behind a row filter not read", "err", out.Private)
		}
	}
	e.work.Go(p.end) // reaping a process of some gigabytes takes a while; its answer is here
	if err != nil {
		_ = os.Remove(r.Job.Output)
		return answer{}, err
	}
	return out, nil
}

// exhausted is what Athena says when a query needs more memory than there is.
const exhausted = "Query exhausted resources at this scale factor"

// cause turns the loss of a worker into the error that the query's author sees.
func (p *process) cause(broken error) error {
	p.end()
	text := p.stderr.String()
	for _, sign := range []string{"out of memory", "cannot allocate memory", "bad_alloc", "Out of Memory", "failed to reserve"} {
		if strings.Contains(text, sign) {
			return fault.Newf(fault.Limit, "query", exhausted)
		}
	}
	if p.exhausted() {
		return fault.Newf(fault.Limit, "query", exhausted)
	}
	return fault.Newf(fault.Internal, "query worker", "ended without an answer (%s): %w", p.state(), broken)
}

// request is the one message that a worker gets after its setup.
type request struct {
	Job     query.Job    `json:"job"`
	Threads int          `json:"threads"`
	Compact *compact.Job `json:"compact,omitempty"` // what is to be done with the job's files instead of its SQL
}

// answer is the one message that a worker sends after it is ready.
type answer struct {
	Result  query.Result `json:"result"`
	Failed  bool         `json:"failed,omitempty"`
	Kind    fault.Kind   `json:"kind,omitempty"`
	Subject string       `json:"subject,omitempty"`
	Detail  string       `json:"detail,omitempty"`
	Private string       `json:"private,omitempty"` // of the failure, for the log alone
}

func answerOf(err error) answer {
	a := answer{Failed: true, Kind: fault.KindOf(err), Detail: err.Error(), Private: private(err)}
	if b, ok := errors.AsType[*barred](err); ok {
		err = b.public()
	}
	if f, ok := errors.AsType[*fault.Error](err); ok && f == err {
		a.Subject = f.Subject
		a.Detail = strings.TrimPrefix(strings.TrimPrefix(err.Error(), f.Subject), ": ")
	}
	return a
}

// err is the job's failure with local paths replaced by the objects' URLs.
func (a answer) err(job query.Job) error {
	if !a.Failed {
		return nil
	}
	subject, detail := a.Subject, a.Detail
	for _, s := range job.Scans {
		for _, in := range s.Inputs {
			for _, f := range in.Files {
				if f.Path != "" && strings.Contains(detail, f.Path) {
					detail = strings.ReplaceAll(detail, f.Path, f.URL)
				}
			}
		}
	}
	return fault.Newf(a.Kind, subject, "%s", detail)
}
