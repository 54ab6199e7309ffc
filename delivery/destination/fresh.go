package destination

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"flowlake/catalog"
	"flowlake/delivery"
	"flowlake/fault"
	"flowlake/lake"
)

// FreshTable names the table that a stream converts into. It meets delivery.Freshener.
func (w *Writer) FreshTable(_ context.Context, s delivery.Stream) (delivery.TableRef, bool, error) {
	settings, err := w.settings(s)
	if err != nil || !settings.converts() {
		return delivery.TableRef{}, false, err
	}
	ref := settings.Settings.table(s)
	if settings.pipeline.Transforms() {
		return ref, true, fault.Newf(fault.Unsupported, "delivery stream "+s.Name, "its rows go through a function, and are not known before")
	}
	return ref, true, nil
}

// FreshElsewhere reports whether a stream's objects cannot lie where the table's are. It meets delivery.Freshener.
func (w *Writer) FreshElsewhere(s delivery.Stream, t catalog.Table) (string, bool) {
	settings, err := w.settings(s)
	if err != nil {
		return "", false
	}
	return settings.elsewhere(planOf(delivery.TableRef{}, t), time.Now())
}

// freshRun is a run whose rows go into local files.
type freshRun struct {
	dir   string
	files []delivery.FreshFile
	of    []*target
}

// Convert writes the rows of a batch that will be in the table into Parquet files in dir. It meets delivery.Freshener.
func (w *Writer) Convert(ctx context.Context, b *delivery.Batch, t catalog.Table, dir string) (files []delivery.FreshFile, err error) {
	ref, ok, err := w.FreshTable(ctx, b.Stream)
	if err != nil || !ok {
		return nil, err
	}
	plan, err := json.Marshal(planOf(ref, t))
	if err != nil {
		return nil, err
	}
	ready, err := w.prepare("fresh "+b.Stream.ID, b.Stream, plan)
	if err != nil {
		return nil, err
	}
	r := w.newRun(ready, b, &delivery.Output{})
	r.fresh = &freshRun{dir: dir}
	defer func() {
		if err != nil {
			r.abort()
			for _, t := range r.fresh.of {
				t.to.object.Close()
			}
		}
	}()
	if err := r.read(ctx); err != nil {
		return nil, err
	}
	for i, t := range r.fresh.of {
		rows := t.file.Rows()
		if err := r.end(t); err != nil {
			return nil, err
		}
		info, err := os.Stat(r.fresh.files[i].Path)
		if err != nil {
			return nil, fault.Newf(fault.Unavailable, "fresh rows", "%w", err)
		}
		r.fresh.files[i].Rows, r.fresh.files[i].Size = rows, info.Size()
	}
	return r.fresh.files, nil
}

// begin begins the local file of a folder's partition.
func (f *freshRun) begin(r *run, folder string) (*target, error) {
	var values []string
	if len(r.plan.Keys) > 0 {
		var ok bool
		if values, _, ok = r.plan.values(r.settings.bucket, folder); !ok {
			return nil, fault.Newf(fault.Unsupported, "table "+r.plan.Name, "the stream %s writes to %s, which shows no partition of it below %s", r.batch.Stream.Name,
				lake.URL(r.settings.bucket, folder), r.plan.Location)
		}
	}
	path := filepath.Join(f.dir, "fresh-"+strconv.Itoa(len(f.files))+".parquet")
	object, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fault.Newf(fault.Unavailable, "fresh rows", "%w", err)
	}
	t, err := r.parquet(object)
	if err != nil {
		object.Close()
		return nil, err
	}
	f.of, f.files = append(f.of, t), append(f.files, delivery.FreshFile{Path: path, Values: values})
	return t, nil
}
