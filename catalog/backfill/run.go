package backfill

import (
	"context"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"flowlake/catalog"
	"flowlake/columnar"
	"flowlake/columnar/flowtext"
	"flowlake/columnar/parquet"
	"flowlake/fault"
	"flowlake/flow"
)

// Run converts what a Plan has, into one table. It is used once.
type Run struct {
	Table       catalog.Table
	Layout      *Layout
	Source      Source
	Objects     Objects
	Partitions  Partitions
	Format      []flow.Field // of files without a header line; nil: the default format, where it is recognised
	Compression parquet.Compression
	Workers     int                    // groups that are converted at a time, each on a core
	MaxBad      int64                  // more bad lines than that end the run; below 0: none do
	Left        func(name, why string) // told of a file that is left out, once; from any goroutine
	Progress    Progress

	journal journal
	columns []columnar.Column
	bads    atomic.Int64 // of groups that are whole

	mu     sync.Mutex // guards what follows
	found  map[string]place
	places map[string]string // by values
	shown  []BadLine
	sum    Summary
}

// Progress is what has been done so far; it is read while Do works.
type Progress struct {
	Files, Bytes, Rows, Bad atomic.Int64
}

// undo takes back what an attempt counted that begins anew.
func (p *Progress) undo(a *attemptAt) {
	p.Files.Add(-a.files)
	p.Bytes.Add(-a.bytes)
	p.Rows.Add(-a.rows)
	p.Bad.Add(-a.out.Bad)
}

// Summary is what a run gave.
type Summary struct {
	Files      int // that were converted
	LeftOut    int // that turned out to be damaged, gone or changed while they were read
	Rows, Bad  int64
	Text       int64 // bytes of plain text
	Objects    int
	Written    int64 // bytes of objects
	Partitions int
	Shown      []BadLine // the first bad lines that were met
	BadFolder  string    // where bad lines are
}

// maxShown is how many bad lines a summary repeats.
const maxShown = 3

// Do writes the plan down and converts its groups. It ends at the first error that is not about one file, when every worker
// has let go; what was made whole until then stays, and the summary says what it was.
func (r *Run) Do(ctx context.Context, p *Plan) (s Summary, err error) {
	if r.columns, err = Columns(r.Table); err != nil {
		return s, err
	}
	if r.journal, err = newJournal(r.Objects, r.Table.Storage.Location); err != nil {
		return s, err
	}
	r.found, r.places = map[string]place{}, map[string]string{}
	r.sum.BadFolder = "s3://" + r.journal.bucket + "/" + r.journal.key("bad") + "/"
	if len(p.next.Groups) > 0 {
		err := r.journal.add(ctx, len(p.ledger.plans)+1, p.next)
		if fault.Is(err, fault.Precondition) {
			return s, fault.Newf(fault.Conflict, "table "+r.Table.Database+"."+r.Table.Name, "another convert into it began at this moment: run again")
		}
		if err != nil {
			return s, err
		}
	}
	groups := make(chan *group)
	work, ctx := errgroup.WithContext(ctx)
	work.Go(func() error {
		defer close(groups)
		for _, g := range slices.Concat(p.pending, pointers(p.next.Groups)) {
			select {
			case groups <- g:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	partitions := map[string]bool{}
	for range max(1, min(r.Workers, p.Groups())) {
		work.Go(func() error {
			w := &worker{run: r}
			var err error
			w.converter, err = flowtext.New(r.columns, flowtext.Options{Fields: r.Format, Progress: func(s flowtext.Stats) { w.at.progress(s) }})
			if err != nil {
				return err
			}
			for g := range groups {
				out, err := w.convert(ctx, g)
				if err != nil {
					return err
				}
				r.took(g, out, partitions)
			}
			return nil
		})
	}
	err = work.Wait()
	r.sum.Partitions = len(partitions)
	return r.sum, err
}

// took adds what a group gave to the summary.
func (r *Run) took(g *group, out outcome, partitions map[string]bool) {
	r.bads.Add(out.Bad)
	r.mu.Lock()
	defer r.mu.Unlock()
	s := &r.sum
	s.Files += len(g.Files) - len(out.LeftOut)
	s.LeftOut += len(out.LeftOut)
	s.Rows += out.Rows
	s.Bad += out.Bad
	s.Text += out.Text
	s.Objects += len(out.Keys)
	s.Written += out.Written
	for _, where := range out.Partitions {
		partitions[where] = true
	}
	for _, l := range out.LeftOut {
		if r.Left != nil {
			r.Left(l.Name, l.Why)
		}
	}
}

// allowed says whether a group's bad lines are too many, with those before.
func (r *Run) allowed(bad int64) error {
	if n := r.bads.Load() + bad; r.MaxBad >= 0 && n > r.MaxBad {
		r.mu.Lock()
		defer r.mu.Unlock()
		example := ""
		if len(r.shown) > 0 {
			example = "; the first is " + r.shown[0].String()
		}
		return fault.Newf(fault.Limit, "bad lines", "more than %d, which is what --max-bad allows%s", r.MaxBad, example)
	}
	return nil
}

func (r *Run) showBad(b BadLine) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.shown) < maxShown {
		if len(b.Text) > 200 {
			b.Text = b.Text[:200]
		}
		r.shown = append(r.shown, b)
		r.sum.Shown = r.shown
	}
}

// place finds where rows of a moment go: to their partition's location if it is registered, else to where the layout says.
func (r *Run) place(ctx context.Context, at time.Time) (string, place, error) {
	values := r.Layout.Values(at)
	if len(values) == 0 {
		return folder(r.Table.Storage.Location), place{registered: true}, nil
	}
	id := spell(values)
	r.mu.Lock()
	where, known := r.places[id]
	p := r.found[where]
	r.mu.Unlock()
	if known {
		return where, p, nil
	}
	where, p = r.Layout.Location(values, at), place{values: values, registered: r.Layout.Projected}
	if !r.Layout.Projected {
		there, err := r.Partitions.Find(ctx, [][]string{values})
		if err != nil {
			return "", p, err
		}
		if len(there) > 0 {
			if !isParquet(there[0].Storage) && (there[0].Storage.SerDe.Library != "" || there[0].Storage.InputFormat != "") {
				return "", p, fault.Newf(fault.Unsupported, "partition "+there[0].Storage.Location, "is not of Parquet files, as its table is: drop it first")
			}
			where, p.registered = folder(there[0].Storage.Location), true
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.places[id], r.found[where] = where, p
	return where, p, nil
}

// spell joins a partition's values without meeting another's.
func spell(values []string) string {
	var b []byte
	for _, v := range values {
		b = append(append(b, v...), 0)
	}
	return string(b)
}

// register makes the partitions known whose objects are there.
func (r *Run) register(ctx context.Context, places map[string]place) error {
	var add []catalog.Partition
	for where, p := range places {
		if p.registered {
			continue
		}
		storage := r.Table.Storage
		storage.Location = where
		add = append(add, catalog.Partition{Values: p.values, Storage: storage})
	}
	if len(add) == 0 {
		return nil
	}
	slices.SortFunc(add, func(a, b catalog.Partition) int { return slices.Compare(a.Values, b.Values) })
	if err := r.Partitions.Add(ctx, add); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for where, p := range places {
		p.registered = true
		r.found[where] = p
	}
	return nil
}

// BadLines writes the bad lines of all files that were named to w, also those that earlier runs met, as JSON, one a line.
func (r *Run) BadLines(ctx context.Context, p *Plan, w io.Writer) error {
	l, err := r.journal.load(ctx)
	if err != nil {
		return err
	}
	for _, id := range p.named {
		if !l.bad[id] {
			continue
		}
		b, err := r.Objects.Get(ctx, r.journal.bucket, r.journal.badKey(id))
		if err != nil {
			return err
		}
		if _, err := w.Write(b); err != nil {
			return err
		}
	}
	return nil
}
