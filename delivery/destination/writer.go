package destination

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"sync/atomic"

	"flowlake/access"
	"flowlake/catalog"
	"flowlake/columnar/parquet"
	"flowlake/delivery"
	"flowlake/delivery/convert"
	"flowlake/delivery/process"
	"flowlake/fault"
)

// Writer delivers the batches of Firehose's streams. It is safe for concurrent use.
type Writer struct {
	tables    *catalog.Catalog
	guard     *access.Guard
	functions bool
	log       *slog.Logger

	mu    sync.Mutex
	ready map[string]*ready // by stream
}

// ready is what a stream's batches are written with, as long as its version and its table stay.
type ready struct {
	version  int64
	plan     string
	settings *compiled
	table    *tablePlan         // nil without a conversion
	convert  *convert.Converter //
	files    *sync.Pool         // of *convert.File, whose memory the next batch uses
	warned   atomic.Bool        // that a batch was barren
}

// New returns a writer that looks tables up in tables, as the roles that its streams' schemas name. functions says whether there are functions for transformation.
func New(tables *catalog.Catalog, guard *access.Guard, functions bool, log *slog.Logger) *Writer {
	return &Writer{tables: tables, guard: guard, functions: functions, log: log, ready: map[string]*ready{}}
}

var (
	_ delivery.Writer    = (*Writer)(nil)
	_ delivery.Freshener = (*Writer)(nil)
	_ delivery.Rejecter  = (*Writer)(nil)
)

// prepare returns what a batch is written with. It is kept under id.
func (w *Writer) prepare(id string, s delivery.Stream, plan json.RawMessage) (*ready, error) {
	w.mu.Lock()
	known := w.ready[id]
	w.mu.Unlock()
	if known != nil && known.version == s.Version && known.plan == string(plan) {
		return known, nil
	}
	settings, err := w.read(s)
	if err != nil {
		return nil, err
	}
	r := &ready{version: s.Version, plan: string(plan), settings: settings, files: &sync.Pool{}}
	if settings.converts() {
		r.table = &tablePlan{}
		if err := json.Unmarshal(plan, r.table); err != nil {
			return nil, fault.Newf(fault.Internal, "delivery stream "+s.Name, "a batch's plan cannot be read: %w", err)
		}
		if r.convert, err = r.table.converter(settings); err != nil {
			return nil, err
		}
	}
	w.keep(id, r)
	return r, nil
}

// keep keeps what is ready under an id.
func (w *Writer) keep(id string, r *ready) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ready[id] = r
	if len(w.ready) <= maxReady {
		return
	}
	for other := range w.ready { // streams that are gone, mostly; the others are made ready again
		if other != id {
			delete(w.ready, other)
			return
		}
	}
}

// maxReady bounds what is kept of streams between their batches.
const maxReady = 256

// Write writes a batch. It meets delivery.Writer.
func (w *Writer) Write(ctx context.Context, b *delivery.Batch, out *delivery.Output) (err error) {
	ready, err := w.prepare(b.Stream.ID, b.Stream, b.Plan)
	if err != nil {
		return err
	}
	r := w.newRun(ready, b, out)
	defer func() {
		if err != nil {
			r.abort()
		}
	}()
	if err := r.read(ctx); err != nil {
		return err
	}
	if err := r.close(); err != nil {
		return err
	}
	w.warn(r)
	return nil
}

// newRun begins a batch.
func (w *Writer) newRun(ready *ready, b *delivery.Batch, out *delivery.Output) *run {
	r := &run{ready: ready, writer: w, plan: ready.table, batch: b, out: out, targets: map[string]*target{}}
	r.processing = ready.settings.pipeline.Start(process.Env{Batch: b, Output: out}, r)
	return r
}

// file begins a Parquet file, in the memory of one that is closed where there is one.
func (r *ready) file(o parquet.Options, to *sink) (*convert.File, error) {
	if f, ok := r.files.Get().(*convert.File); ok {
		f.Reset(to)
		return f, nil
	}
	return r.convert.NewFile(to, o)
}

// Decompresses reports whether a stream unpacks its records, which then may come from log subscriptions only.
func (w *Writer) Decompresses(s delivery.Stream) (bool, error) {
	settings, err := w.settings(s)
	if err != nil {
		return false, err
	}
	return settings.pipeline.Decompresses(), nil
}

// settings returns a stream's settings, compiled once for each of its versions.
func (w *Writer) settings(s delivery.Stream) (*compiled, error) {
	w.mu.Lock()
	known := w.ready[s.ID]
	w.mu.Unlock()
	if known != nil && known.version == s.Version {
		return known.settings, nil
	}
	settings, err := w.read(s)
	if err == nil && s.ID != "" {
		w.keep(s.ID, &ready{version: s.Version, plan: unplanned, settings: settings})
	}
	return settings, err
}

// unplanned is no batch's plan.
const unplanned = "none"
