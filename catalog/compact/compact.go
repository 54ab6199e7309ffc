// Package compact rewrites a table's many small objects as few well-sized ones, sorted by a key, so that queries read
// less. Objects of one folder, with one schema, become one object; the swap is one batch of the lake: queries that
// run finish on the old objects, and a kill at any point leaves exactly the old ones or the new one.
//
// A run is a row in state. Before the first byte of a step the row says which objects (by ETag) become which key; a
// receipt in the swap's batch says that it happened. An object that changed or went meanwhile makes the
// swap fail, and the folder is planned again. Rows are counted from footers before the swap. It acts as the caller who
// asked, knows Parquet files only by their footers, and leaves the sorting to a Sorter.
package compact

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"flowlake/access"
	"flowlake/catalog"
	"flowlake/fault"
	"flowlake/lake"
	"flowlake/state"
)

// Sorter writes the rows of Parquet files, in order, into one. Met by query/duckdb.
type Sorter interface {
	// Sort creates job.Output and returns how many rows it wrote. Its bytes need not be durable. It returns fault.Limit
	// when the memory does not suffice. When ctx ends the work is given up at once.
	Sort(ctx context.Context, job Job) (rows int64, err error)
}

// Job is one file to be made. All inputs have the same schema, which the output gets.
type Job struct {
	Inputs    []File   `json:"inputs"`
	Output    string   `json:"output"`    // in a folder of its own, which is there
	SortBy    []string `json:"sortBy"`    // columns, ascending
	MaxMemory int64    `json:"maxMemory"` // bytes; 0 takes the sorter's default. What does not fit is spilled
	Threads   int      `json:"threads"`   // 0 takes the sorter's default
}

// File is an object as a local file.
type File struct {
	Path string `json:"path"`
	URL  string `json:"url"` // what errors call it
	Size int64  `json:"size"`
}

// Config says how compaction works.
type Config struct {
	Scratch   string        // a folder of this room alone, emptied when Run begins
	MaxMemory int64         // of one step; 0 takes the sorter's default
	Threads   int           // of one step; 0 takes the sorter's default
	Look      time.Duration // how often tables are looked through for a schedule that is due; 0 takes a minute
	// Reached, when set, is called at the named points of a step: "planned", "sorted", "staged", "swapped". For tests
	// that end the process there.
	Reached func(point string)
}

// Compactor runs compactions, one at a time. It is safe for concurrent use.
type Compactor struct {
	cfg    Config
	st     *state.Store
	tables *catalog.Catalog
	lake   *lake.Store
	sorter Sorter
	guard  *access.Guard
	log    *slog.Logger
	wake   chan struct{}

	due map[state.ID]schedule // of tables with a schedule; Run's alone

	mu      sync.Mutex    // guards changed
	changed chan struct{} // closed at the next change of a run

	counters struct{ runs, failed, steps, objectsIn, objectsOut, bytesIn, bytesOut, rows atomic.Int64 }
}

// New returns a compactor. It starts nothing.
func New(cfg Config, st *state.Store, tables *catalog.Catalog, lk *lake.Store, sorter Sorter, guard *access.Guard, log *slog.Logger) *Compactor {
	if cfg.Look <= 0 {
		cfg.Look = time.Minute
	}
	if cfg.Reached == nil {
		cfg.Reached = func(string) {}
	}
	return &Compactor{cfg: cfg, st: st, tables: tables, lake: lk, sorter: sorter, guard: guard, log: log,
		wake: make(chan struct{}, 1), due: map[state.ID]schedule{}, changed: make(chan struct{})}
}

// Counters are what compactions did since the process started.
type Counters struct {
	Runs, Failed, Swaps, ObjectsIn, ObjectsOut, BytesIn, BytesOut, Rows int64
}

// Counters returns the counters.
func (k *Compactor) Counters() Counters {
	n := &k.counters
	return Counters{Runs: n.runs.Load(), Failed: n.failed.Load(), Swaps: n.steps.Load(), ObjectsIn: n.objectsIn.Load(),
		ObjectsOut: n.objectsOut.Load(), BytesIn: n.bytesIn.Load(), BytesOut: n.bytesOut.Load(), Rows: n.rows.Load()}
}

// Run does the runs that were under way when the process last ended, those that Start begins, and those
// that tables' schedules ask for, until ctx ends. What is under way then goes on at the next start.
func (k *Compactor) Run(ctx context.Context) error {
	if err := os.RemoveAll(k.cfg.Scratch); err != nil {
		return fault.Newf(fault.Unavailable, "compaction scratch "+k.cfg.Scratch, "%w", err)
	}
	if err := os.MkdirAll(k.cfg.Scratch, 0o700); err != nil {
		return fault.Newf(fault.Unavailable, "compaction scratch "+k.cfg.Scratch, "%w", err)
	}
	tick := time.NewTicker(k.cfg.Look)
	defer tick.Stop()
	for {
		for ctx.Err() == nil {
			id, found, err := k.next(ctx)
			if err != nil {
				if ctx.Err() == nil {
					k.log.Error("compactions not read", "err", err)
				}
				break
			}
			if !found {
				break
			}
			if err := k.work(ctx, id); err != nil && ctx.Err() == nil {
				k.log.Error("compaction not recorded", "run", id.Key, "err", err)
				break // the store does not take it: later
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-k.wake:
		case <-tick.C:
			if err := k.schedules(ctx); err != nil && ctx.Err() == nil {
				k.log.Warn("compaction schedules not read", "err", err)
			}
		}
	}
}

// folder makes a new folder below scratch.
func (k *Compactor) folder() (string, error) {
	if err := os.MkdirAll(k.cfg.Scratch, 0o700); err != nil {
		return "", fault.Newf(fault.Unavailable, "compaction scratch", "%w", err)
	}
	dir, err := os.MkdirTemp(k.cfg.Scratch, "step-")
	if err != nil {
		return "", fault.Newf(fault.Unavailable, "compaction scratch", "%w", err)
	}
	return filepath.Abs(dir)
}
