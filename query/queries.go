package query

import (
	"context"
	"iter"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"

	"flowlake/access"
	"flowlake/access/formation"
	"flowlake/catalog"
	"flowlake/fault"
	"flowlake/lake"
	"flowlake/state"
)

// Config bounds what queries may take.
type Config struct {
	Concurrency int           // statements that run at once; the rest wait as QUEUED
	MaxActive   int           // statements that run or wait; one more is refused
	MaxMemory   int64         // bytes a query's engine may use beyond its own baseline; 0: the engine's default
	MaxTime     time.Duration // a query that runs longer is cancelled: Athena's DML timeout
	Grace       time.Duration // how long running queries may go on once the server is told to stop
	Scratch     string        // a folder for results on their way into the lake
}

// Default returns the bounds that serve uses, without a scratch folder.
func Default() Config {
	return Config{Concurrency: 4, MaxActive: 200, MaxTime: 30 * time.Minute, Grace: 5 * time.Second}
}

// Validate names the key that is wrong.
func (c Config) Validate() error {
	switch {
	case c.Concurrency < 1:
		return fault.Newf(fault.Invalid, "query.concurrency", "%d is less than 1", c.Concurrency)
	case c.MaxActive < c.Concurrency:
		return fault.Newf(fault.Invalid, "query.max_active", "%d is less than query.concurrency (%d)", c.MaxActive, c.Concurrency)
	case c.MaxTime <= 0:
		return fault.Newf(fault.Invalid, "query.max_time", "%v is not positive", c.MaxTime)
	case c.Scratch == "":
		return fault.Newf(fault.Invalid, "query.scratch", "is empty")
	}
	return nil
}

// Queries is the room. It is safe for concurrent use.
type Queries struct {
	cfg     Config
	state   *state.Store
	catalog *catalog.Catalog
	lake    *lake.Store
	engine  Engine
	fresh   Fresh // nil: no table is fresh
	footers footers
	guard   *access.Guard
	log     *slog.Logger

	formation *formation.Store // nil: no location is registered

	places  chan struct{} // as many as cfg.MaxActive: an execution that is accepted holds one until its end
	pending chan ref      // what waits, each with its place: a send never blocks

	mu      sync.Mutex // guards running
	running map[ref]context.CancelCauseFunc
}

// ref names an execution.
type ref struct{ account, region, id string }

func refOf(c access.Caller, id string) ref { return ref{c.Account, c.Region, id} }

// New returns the room. Nothing runs before Run.
func New(cfg Config, st *state.Store, cat *catalog.Catalog, lk *lake.Store, engine Engine, guard *access.Guard, log *slog.Logger) (*Queries, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &Queries{
		cfg: cfg, state: st, catalog: cat, lake: lk, engine: engine, guard: guard, log: log,
		places: make(chan struct{}, cfg.MaxActive), pending: make(chan ref, cfg.MaxActive), running: map[ref]context.CancelCauseFunc{},
	}, nil
}

// Run executes what Start accepts until ctx ends; then running queries have the grace to end by
// themselves. It first settles what the last process left: queued executions run, running ones have failed.
func (q *Queries) Run(ctx context.Context) error {
	if err := os.RemoveAll(q.cfg.Scratch); err != nil {
		return fault.Newf(fault.Unavailable, "query scratch folder", "%w", err)
	}
	if err := os.MkdirAll(q.cfg.Scratch, 0o700); err != nil {
		return fault.Newf(fault.Unavailable, "query scratch folder", "%w", err)
	}
	waiting, err := q.settle(ctx)
	if err != nil {
		return err
	}
	work, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stop(nil)
	var wg sync.WaitGroup
	wg.Go(func() { q.resume(ctx, waiting) })
	for range q.cfg.Concurrency {
		wg.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case r := <-q.pending:
					if ctx.Err() != nil {
						return // it stays QUEUED, for the next start
					}
					q.execute(work, r)
					q.leave()
				}
			}
		})
	}
	wg.Go(func() { q.forget(ctx) })
	<-ctx.Done()
	timer := time.AfterFunc(q.cfg.Grace, func() { stop(errShutdown) })
	defer timer.Stop()
	wg.Wait()
	return nil
}

// settle ends what was running when the last process died, and returns what was waiting, the oldest first.
func (q *Queries) settle(ctx context.Context) (waiting []Execution, err error) {
	err = q.state.Update(ctx, func(tx *state.Tx) error {
		for e, err := range executions(tx, activeKind) {
			if err != nil {
				return err
			}
			if e.State == Queued {
				waiting = append(waiting, e)
				continue
			}
			e.fail(errShutdown)
			if err := e.save(tx); err != nil {
				return err
			}
		}
		return nil
	})
	return waiting, err
}

// executions yields those of an index, in the order of their submission.
func executions(tx *state.Tx, kind string) iter.Seq2[Execution, error] {
	return func(yield func(Execution, error) bool) {
		for row, err := range tx.List(state.ID{Kind: kind}, "") {
			var i indexed
			var e Execution
			if err == nil {
				err = row.Decode(&i)
			}
			if err == nil {
				_, err = tx.Get(i.execution(), &e)
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// resume queues what waited in the last process, as places become free. One that this process accepted
// already is queued twice, and executed once: see move.
func (q *Queries) resume(ctx context.Context, waiting []Execution) {
	for _, e := range waiting {
		select {
		case q.places <- struct{}{}:
			q.pending <- refOf(e.Caller, e.ID)
		case <-ctx.Done():
			return
		}
	}
}

// enter takes a place among the active executions, if there is one.
func (q *Queries) enter() bool {
	select {
	case q.places <- struct{}{}:
		return true
	default:
		return false
	}
}

func (q *Queries) leave() { <-q.places }

// kill ends a running execution's work.
func (q *Queries) kill(c access.Caller, id string) {
	q.mu.Lock()
	cancel := q.running[refOf(c, id)]
	q.mu.Unlock()
	if cancel != nil {
		cancel(errStopped)
	}
}

// forget removes executions that were submitted longer ago than KeepExecutions, now and every hour.
func (q *Queries) forget(ctx context.Context) {
	tick := time.NewTicker(time.Hour)
	defer tick.Stop()
	for {
		if err := q.forgetBefore(ctx, time.Now().Add(-KeepExecutions)); err != nil && ctx.Err() == nil {
			q.log.Warn("old query executions not removed", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (q *Queries) forgetBefore(ctx context.Context, limit time.Time) error {
	var old []Execution
	err := q.state.View(ctx, func(tx *state.Tx) error { // changes need not wait while they are read
		for e, err := range executions(tx, agingKind) {
			if err != nil || !e.Submitted.Before(limit) {
				return err
			}
			if e.ended() {
				old = append(old, e)
			}
		}
		return nil
	})
	for batch := range slices.Chunk(old, 500) {
		if err != nil {
			return err
		}
		err = q.state.Update(ctx, func(tx *state.Tx) error {
			for _, e := range batch {
				if err := e.remove(tx); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return err
}
