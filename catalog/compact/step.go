package compact

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"

	"flowlake/catalog"
	"flowlake/columnar"
	"flowlake/fault"
	"flowlake/lake"
	"flowlake/state"
)

// errStale says that a group's objects are not what they were when it was planned.
var errStale = errors.New("its objects changed meanwhile")

// maxPlans bounds how often a folder is planned anew because its objects changed under the work.
const maxPlans = 5

// work does a run until it ends. An error is one of the row's store, or ctx's end: then the run goes on later.
func (k *Compactor) work(ctx context.Context, id state.ID) error {
	var run Run
	if err := k.st.View(ctx, func(tx *state.Tx) error { _, err := tx.Get(id, &run); return err }); err != nil {
		return err
	}
	if err := k.settle(ctx, &run); err != nil {
		return err
	}
	err := k.compact(ctx, &run)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return k.end(ctx, &run, err)
}

// settle finds out what became of the step that was under way when the process ended. Before the swap's batch nothing
// of it is left: its bytes were on the lake's list of pending files, and go by themselves.
func (k *Compactor) settle(ctx context.Context, run *Run) error {
	if run.State == Running && run.Step != nil {
		last, found, err := k.lake.Receipt(ctx, run.Caller, run.receipt())
		if err != nil {
			return err
		}
		if found && last >= run.Step.Number {
			o, err := k.lake.Head(ctx, run.Caller, run.Step.Bucket, run.Step.Output)
			if err != nil && !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.Denied) { // somebody has deleted it since, or the right to see it is gone
				return err
			}
			run.swapped(o.Size)
		}
	}
	run.State, run.Step = Running, nil
	return k.save(ctx, run)
}

func (r *Run) swapped(size int64) {
	r.Before.add(r.Step.Before)
	r.After.add(Total{Objects: 1, Bytes: size, Rows: r.Step.Before.Rows})
	r.Step = nil
}

// compact plans a run and does its steps.
func (k *Compactor) compact(ctx context.Context, run *Run) error {
	t, err := k.resolve(ctx, run.Caller, &run.Request)
	if err != nil {
		return err
	}
	groups, kept, err := k.plan(ctx, run, t)
	if err != nil {
		return err
	}
	run.Kept, run.Planned = kept, run.Before
	for _, g := range groups {
		run.Planned.add(g.total())
	}
	if err := k.save(ctx, run); err != nil {
		return err
	}
	plans := map[folder]int{}
	for len(groups) > 0 {
		g := groups[0]
		groups = groups[1:]
		err := k.group(ctx, run, g)
		if !errors.Is(err, errStale) {
			if err != nil {
				return err
			}
			continue
		}
		if plans[g.folder]++; plans[g.folder] >= maxPlans {
			run.skip(fmt.Sprintf("%s: %v, %d times over", lake.URL(g.bucket, g.prefix), err, maxPlans))
			continue
		}
		// The folder's other groups are planned anew with it: none may be done twice.
		rest := groups[:0]
		for _, other := range groups {
			if other.folder != g.folder {
				rest = append(rest, other)
			}
		}
		groups = rest
		err = k.again(ctx, run, t, g.folder, func(again []group) { groups = append(again, groups...) })
		if err != nil {
			return err
		}
	}
	return nil
}

// again plans one folder anew.
func (k *Compactor) again(ctx context.Context, run *Run, t catalog.Table, f folder, do func([]group)) error {
	l := layoutOf(run.Request.Options)
	return k.folders(ctx, run.Caller, lake.URL(f.bucket, f.prefix), map[folder]bool{}, func(found folder, objects []lake.Object) {
		if found == f {
			groups, _ := l.groups(f, objects, time.Now())
			do(groups)
		}
	})
}

// input is an object of a group, as a local file, with its footer.
type input struct {
	lake.Object
	path   string
	footer *columnar.Parquet
}

// group makes objects with one schema one, each schema's by itself.
func (k *Compactor) group(ctx context.Context, run *Run, g group) error {
	if err := k.guard.Allow(ctx, run.Caller, "flowlake:CompactTable", TableARN(run.Caller, run.Request.Database, run.Request.Table)); err != nil {
		return err
	}
	var releases []func()
	defer func() {
		for _, r := range releases {
			r()
		}
	}()
	var order []string
	classes := map[string][]input{}
	for _, o := range g.objects {
		path, release, err := k.lake.Local(ctx, run.Caller, o.Bucket, o.Key)
		if fault.Is(err, fault.NotFound) {
			return errStale
		}
		if err != nil {
			return err
		}
		releases = append(releases, release)
		footer, err := readFooter(lake.URL(o.Bucket, o.Key), path)
		if err == nil {
			err = sortable(footer, run.Request.SortBy)
		}
		if fault.Is(err, fault.Unavailable) {
			return err
		}
		if err != nil {
			run.skip(err.Error())
			continue
		}
		s := schema(footer)
		if classes[s] == nil {
			order = append(order, s)
		}
		classes[s] = append(classes[s], input{o, path, footer})
	}
	l := layoutOf(run.Request.Options)
	for _, s := range order {
		objects := make([]lake.Object, len(classes[s]))
		for i, in := range classes[s] {
			objects[i] = in.Object
		}
		if !l.worthwhile(objects) {
			continue
		}
		if err := k.class(ctx, run, g.folder, classes[s]); err != nil {
			return err
		}
	}
	return nil
}

// class makes inputs of one schema one object, or two when the memory does not suffice for one. What an engine cannot read
// or would change is skipped with the reason.
func (k *Compactor) class(ctx context.Context, run *Run, f folder, inputs []input) error {
	err := k.step(ctx, run, f, inputs)
	switch {
	case err == nil || ctx.Err() != nil:
		return err
	case fault.Is(err, fault.Limit) && len(inputs) > 2:
		half := len(inputs) / 2
		if err := k.class(ctx, run, f, inputs[:half]); err != nil {
			return err
		}
		return k.class(ctx, run, f, inputs[half:])
	case fault.Is(err, fault.Limit), fault.Is(err, fault.Unsupported), fault.Is(err, fault.Invalid):
		run.skip(fmt.Sprintf("%s: %v", lake.URL(f.bucket, f.prefix), err))
		return nil
	}
	return err
}

// step plans, sorts, checks and swaps.
func (k *Compactor) step(ctx context.Context, run *Run, f folder, inputs []input) (err error) {
	plan := Step{Bucket: f.bucket}
	job := Job{SortBy: run.Request.SortBy, MaxMemory: k.cfg.MaxMemory, Threads: k.cfg.Threads}
	encryption := inputs[0].Encryption
	for _, in := range inputs {
		plan.Inputs = append(plan.Inputs, StepInput{Key: in.Key, ETag: in.ETag})
		plan.Before.add(Total{Objects: 1, Bytes: in.Size, Rows: in.footer.Rows})
		job.Inputs = append(job.Inputs, File{Path: in.path, URL: lake.URL(in.Bucket, in.Key), Size: in.Size})
		if in.Encryption != encryption {
			encryption = "AES256"
		}
	}
	if run.Request.DryRun {
		run.Before.add(plan.Before)
		return nil
	}
	run.Steps++
	plan.Number = run.Steps
	id, err := uuid.Parse(run.ID)
	if err != nil {
		return fault.Newf(fault.Internal, "compaction "+run.ID, "%w", err)
	}
	plan.Output = f.prefix + "compacted-" + uuid.NewSHA1(id, fmt.Append(nil, plan.Number)).String() + ".parquet"
	run.Step = &plan
	if err := k.save(ctx, run); err != nil {
		return err
	}
	k.cfg.Reached("planned")
	dir, err := k.folder()
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	job.Output = filepath.Join(dir, "sorted.parquet")
	rows, err := k.sorter.Sort(ctx, job)
	if err != nil {
		return err
	}
	k.cfg.Reached("sorted")
	if err := check(job.Output, rows, inputs, plan.Before.Rows); err != nil {
		return err
	}
	body, err := os.Open(job.Output)
	if err != nil {
		return fault.Newf(fault.Unavailable, "compaction scratch", "%w", err)
	}
	defer body.Close()
	info, err := body.Stat()
	if err != nil {
		return fault.Newf(fault.Unavailable, "compaction scratch", "%w", err)
	}
	staged, err := k.lake.Stage(ctx, run.Caller, lake.PutInput{Bucket: f.bucket, Key: plan.Output, Body: body, Size: info.Size(), IfNoneMatch: true,
		Headers:  lake.Headers{ContentType: "application/vnd.apache.parquet"},
		Metadata: map[string]string{sortedBy: strings.Join(run.Request.SortBy, ",")}, Encryption: encryption})
	if err != nil {
		return err
	}
	k.cfg.Reached("staged")
	removes := make([]lake.Ref, len(plan.Inputs))
	for i, in := range plan.Inputs {
		removes[i] = lake.Ref{Bucket: f.bucket, Key: in.Key, IfMatch: in.ETag}
	}
	err = k.lake.Commit(ctx, run.Caller, []*lake.Staged{staged}, removes, lake.Receipt{Name: run.receipt(), Number: plan.Number})
	switch {
	case ctx.Err() != nil:
		return ctx.Err() // whether the swap came before it, the receipt says
	case fault.Is(err, fault.Precondition), fault.Is(err, fault.NotFound):
		return errStale
	case err != nil:
		return err
	}
	k.cfg.Reached("swapped")
	n := &k.counters
	n.steps.Add(1)
	n.objectsIn.Add(plan.Before.Objects)
	n.objectsOut.Add(1)
	n.bytesIn.Add(plan.Before.Bytes)
	n.bytesOut.Add(info.Size())
	n.rows.Add(plan.Before.Rows)
	run.swapped(info.Size())
	return k.save(ctx, run)
}

func readFooter(url, path string) (*columnar.Parquet, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fault.Newf(fault.Unavailable, "object "+url, "%w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fault.Newf(fault.Unavailable, "object "+url, "%w", err)
	}
	return columnar.ReadParquet(url, f, info.Size())
}

// sortable reports as fault.Unsupported what cannot be rewritten without loss, or not sorted.
func sortable(p *columnar.Parquet, by []string) error {
	seen := map[string]bool{}
	for _, c := range p.Columns {
		lower := strings.ToLower(c.Name)
		if seen[lower] {
			return fault.Newf(fault.Unsupported, "file "+p.Name, "has two columns with the name %s", c.Name)
		}
		seen[lower] = true
	}
	for _, name := range by {
		if !seen[strings.ToLower(name)] {
			return fault.Newf(fault.Unsupported, "file "+p.Name, "has no column %s to be sorted by", name)
		}
	}
	return nil
}

// schema spells what a file's columns mean to those who read it.
func schema(p *columnar.Parquet) string {
	var b strings.Builder
	for _, c := range p.Columns {
		fmt.Fprintf(&b, "%q %s", c.Name, c.Type)
		if c.Type.Kind == 0 {
			b.WriteString(c.Physical)
		}
		fmt.Fprintf(&b, " unsigned=%v text=%v utc=%v\n", c.Unsigned, c.Text, c.UTC)
	}
	return b.String()
}

// check compares what was written with what it replaces: the schema and the number of rows.
func check(path string, written int64, inputs []input, rows int64) error {
	out, err := readFooter("the compacted file", path)
	if err != nil {
		return fault.Newf(fault.Internal, "compaction", "%v", err)
	}
	if out.Rows != rows || written != rows {
		return fault.Newf(fault.Internal, "compaction", "%d rows went in, %d were written, and the file has %d", rows, written, out.Rows)
	}
	in := inputs[0].footer
	if a, b := schema(in), schema(out); a != b {
		had, has := strings.Split(a, "\n"), strings.Split(b, "\n")
		for i := range min(len(had), len(has)) {
			if had[i] != has[i] {
				return fault.Newf(fault.Unsupported, "file "+in.Name, "its column %s would become %s", had[i], has[i])
			}
		}
		return fault.Newf(fault.Unsupported, "file "+in.Name, "its %d columns would become %d", len(in.Columns), len(out.Columns))
	}
	return nil
}
