package compact

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"flowlake/access"
	"flowlake/catalog"
	"flowlake/fault"
	"flowlake/state"
)

// Request says what to compact.
type Request struct {
	Database   string            `json:"database"`
	Table      string            `json:"table"`
	Partitions map[string]string `json:"partitions,omitempty"` // only partitions with these values; nil takes all
	Options
	DryRun bool `json:"dryRun,omitempty"` // plan and count, change nothing
}

// Options say how. The zero value takes what the table's parameters say, and then the defaults.
type Options struct {
	SortBy   []string      `json:"sortBy,omitempty"`   // columns, ascending; by default DefaultSort's
	Target   int64         `json:"target,omitempty"`   // bytes of objects that become one; 0: DefaultTarget
	MinFiles int           `json:"minFiles,omitempty"` // fewer objects are left alone, unless one is large and not sorted; 0: 2
	MinAge   time.Duration `json:"minAge,omitempty"`   // a folder whose newest object is younger is left alone
}

// DefaultTarget is how many bytes of objects become one. Source: Athena user guide, "Optimize data":
// 128 MB or more an object.
const DefaultTarget = 256 << 20

// The states of a run.
const (
	Queued    = "QUEUED"
	Running   = "RUNNING"
	Succeeded = "SUCCEEDED"
	Failed    = "FAILED"
)

// Run is a compaction that was asked for: its row in state.
type Run struct {
	ID      string        `json:"id"`
	Caller  access.Caller `json:"caller"`
	Request Request       `json:"request"`
	State   string        `json:"state"`
	Reason  string        `json:"reason,omitempty"` // of a run that failed
	Created time.Time     `json:"created"`
	Ended   time.Time     `json:"ended,omitzero"`
	Step    *Step         `json:"step,omitempty"` // under way
	Steps   uint64        `json:"steps"`          // that were planned
	Planned Total         `json:"planned"`        // what the listing said is to be rewritten; it grows from folder to folder
	Before  Total         `json:"before"`         // of the objects that were replaced, or with DryRun would be
	After   Total         `json:"after"`          // of those that replaced them
	Kept    Total         `json:"kept"`           // what needed nothing: well-sized and sorted, too few, or too young
	Skipped []string      `json:"skipped,omitempty"`
}

// Total counts objects.
type Total struct {
	Objects int64 `json:"objects"`
	Bytes   int64 `json:"bytes"`
	Rows    int64 `json:"rows"`
}

func (t *Total) add(o Total) {
	t.Objects, t.Bytes, t.Rows = t.Objects+o.Objects, t.Bytes+o.Bytes, t.Rows+o.Rows
}

// Step is the plan of one swap, on disk before its first byte.
type Step struct {
	Number uint64      `json:"number"`
	Bucket string      `json:"bucket"`
	Output string      `json:"output"` // key
	Inputs []StepInput `json:"inputs"`
	Before Total       `json:"before"`
}

// StepInput is an object that is to be replaced.
type StepInput struct {
	Key  string `json:"key"`
	ETag string `json:"etag"`
}

const (
	kindActive = "compaction"
	kindEnded  = "compaction ended"
	keepEnded  = 7 * 24 * time.Hour // how long an ended run can be asked for
)

// receipt is the name of a run's receipts in the lake; its number is the last step that was swapped.
func (r *Run) receipt() string { return "compact/" + r.ID }

// Start checks a request and makes it a run. It returns fault.NotFound about "table" or "partition",
// fault.Unsupported for tables whose objects are not Parquet, fault.Invalid about "sort column" and the like, and fault.Conflict
// when the table is being compacted.
func (k *Compactor) Start(ctx context.Context, c access.Caller, r Request) (Run, error) {
	r.Database, r.Table = strings.ToLower(r.Database), strings.ToLower(r.Table)
	if err := k.guard.Allow(ctx, c, "flowlake:CompactTable", TableARN(c, r.Database, r.Table)); err != nil {
		return Run{}, err
	}
	if _, err := k.resolve(ctx, c, &r); err != nil {
		return Run{}, err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return Run{}, err
	}
	run := Run{ID: id.String(), Caller: c, Request: r, State: Queued, Created: time.Now().UTC()}
	err = k.st.Update(ctx, func(tx *state.Tx) error {
		scope := state.ID{Kind: kindActive, Account: c.Account, Region: c.Region}
		for row, err := range tx.List(scope, "") {
			var other Run
			if err == nil {
				err = row.Decode(&other)
			}
			if err != nil {
				return err
			}
			if other.Request.Database == r.Database && other.Request.Table == r.Table && !r.DryRun && !other.Request.DryRun {
				return fault.Newf(fault.Conflict, "table "+r.Database+"."+r.Table, "is being compacted already, by run %s", other.ID)
			}
		}
		scope.Kind = kindEnded
		var old []state.ID
		for row, err := range tx.List(scope, "") {
			var other Run
			if err == nil {
				err = row.Decode(&other)
			}
			if err != nil {
				return err
			}
			if time.Since(other.Ended) > keepEnded {
				old = append(old, row.ID)
			}
		}
		for _, id := range old {
			if err := tx.Delete(id); err != nil {
				return err
			}
		}
		return tx.Create(run.id(), run)
	})
	if err != nil {
		return Run{}, err
	}
	k.counters.runs.Add(1)
	select {
	case k.wake <- struct{}{}:
	default:
	}
	return run, nil
}

func (r *Run) id() state.ID {
	return state.ID{Kind: kindActive, Account: r.Caller.Account, Region: r.Caller.Region, Key: r.ID}
}

// Find returns a run, or fault.NotFound. It waits until the run is not as old shows it (its number of steps
// and state), or ctx ends, or wait is over.
func (k *Compactor) Find(ctx context.Context, c access.Caller, id string, old *Run, wait time.Duration) (Run, error) {
	timeout := time.After(wait)
	for {
		k.mu.Lock()
		changed := k.changed
		k.mu.Unlock()
		run, err := k.find(ctx, c, id)
		if err != nil {
			return Run{}, err
		}
		if err := k.guard.Allow(ctx, c, "flowlake:CompactTable", TableARN(c, run.Request.Database, run.Request.Table)); err != nil {
			return Run{}, err
		}
		if old == nil || run.State != old.State || run.Steps != old.Steps || !run.Ended.IsZero() {
			return run, nil
		}
		select {
		case <-changed:
		case <-timeout:
			return run, nil
		case <-ctx.Done():
			return Run{}, ctx.Err()
		}
	}
}

func (k *Compactor) find(ctx context.Context, c access.Caller, id string) (run Run, err error) {
	err = k.st.View(ctx, func(tx *state.Tx) error {
		at := state.ID{Kind: kindActive, Account: c.Account, Region: c.Region, Key: id}
		_, err := tx.Get(at, &run)
		if fault.Is(err, fault.NotFound) {
			at.Kind = kindEnded
			_, err = tx.Get(at, &run)
		}
		if fault.Is(err, fault.NotFound) {
			return fault.Newf(fault.NotFound, "compaction "+id, "does not exist, or ended more than %d days ago", int(keepEnded.Hours()/24))
		}
		return err
	})
	return run, err
}

// next returns the run to be worked on: one that is under way, or else the oldest that waits.
func (k *Compactor) next(ctx context.Context) (id state.ID, found bool, err error) {
	var first Run
	err = k.st.View(ctx, func(tx *state.Tx) error {
		for row, err := range tx.All(kindActive) {
			var r Run
			if err == nil {
				err = row.Decode(&r)
			}
			if err != nil {
				return err
			}
			if !found || r.State == Running && first.State != Running || r.State == first.State && r.Created.Before(first.Created) {
				first, id, found = r, row.ID, true
			}
		}
		return nil
	})
	return id, found, err
}

// save writes a run's row.
func (k *Compactor) save(ctx context.Context, r *Run) error {
	err := k.st.Update(ctx, func(tx *state.Tx) error {
		if r.Ended.IsZero() {
			return tx.Put(r.id(), r)
		}
		if err := tx.Delete(r.id()); err != nil {
			return err
		}
		ended := r.id()
		ended.Kind = kindEnded
		return tx.Put(ended, r)
	})
	k.mu.Lock()
	defer k.mu.Unlock()
	close(k.changed)
	k.changed = make(chan struct{})
	return err
}

// end ends a run. Its receipt goes first: a run whose row says that it is under way and that has no step needs none.
func (k *Compactor) end(ctx context.Context, r *Run, failure error) error {
	if err := k.lake.Forget(ctx, r.Caller, r.receipt()); err != nil {
		return err
	}
	r.Step, r.State, r.Ended = nil, Succeeded, time.Now().UTC()
	if failure != nil {
		r.State, r.Reason = Failed, failure.Error()
		k.counters.failed.Add(1)
	}
	k.log.Info("compaction ended", "table", r.Request.Database+"."+r.Request.Table, "run", r.ID, "state", r.State, "reason", r.Reason,
		"objects", r.Before.Objects, "became", r.After.Objects, "bytes", r.Before.Bytes, "rows", r.Before.Rows, "took", r.Ended.Sub(r.Created))
	return k.save(ctx, r)
}

// TableARN names a table in policies.
func TableARN(c access.Caller, database, table string) string {
	return c.ARN("glue", "table/"+database+"/"+table)
}

// resolve checks a request against its table, and fills its options in.
func (k *Compactor) resolve(ctx context.Context, c access.Caller, r *Request) (catalog.Table, error) {
	t, err := k.tables.Whole(ctx, c, r.Database, r.Table)
	if err != nil {
		return t, err
	}
	if err := checkFormat(t, t.Storage, "table "+t.Database+"."+t.Name); err != nil {
		return t, err
	}
	s, err := Parameters(t)
	if err != nil {
		return t, err
	}
	o := &r.Options
	if len(o.SortBy) == 0 {
		o.SortBy = s.SortBy
	}
	if o.Target == 0 {
		o.Target = s.Target
	}
	if o.MinFiles == 0 {
		o.MinFiles = s.MinFiles
	}
	if o.SortBy, err = sortColumns(t, o.SortBy); err != nil {
		return t, err
	}
	if o.Target == 0 {
		o.Target = DefaultTarget
	}
	if o.MinFiles == 0 {
		o.MinFiles = 2
	}
	switch {
	case o.Target < 1<<20:
		return t, fault.Newf(fault.Invalid, "target size", "is %d bytes; 1 MB is the least", o.Target)
	case o.MinFiles < 1:
		return t, fault.Newf(fault.Invalid, "minimum of files", "is %d; 1 is the least", o.MinFiles)
	case o.MinAge < 0:
		return t, fault.Newf(fault.Invalid, "minimum age", "is negative")
	}
	for _, name := range slices.Sorted(maps.Keys(r.Partitions)) {
		if !slices.ContainsFunc(t.PartitionKeys, func(key catalog.Column) bool { return strings.EqualFold(key.Name, name) }) {
			return t, fault.Newf(fault.Invalid, "partition key "+name, "is none of table %s.%s's", t.Database, t.Name)
		}
	}
	if len(r.Partitions) > 0 && projected(t) {
		return t, fault.Newf(fault.Unsupported, "partition filter", "table %s.%s uses partition projection: it is compacted as a whole", t.Database, t.Name)
	}
	return t, nil
}
