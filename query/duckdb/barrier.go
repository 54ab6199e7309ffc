//go:build duckdb_arrow

package duckdb

import (
	"errors"
	"fmt"

	"flowlake/fault"
	"flowlake/query"
)

// bar keeps what each barrier lets through as a temporary table, which spills to the scratch folder as any other, and
// drops the scan below it. The job's own statement is bound after that: nothing of it can be moved below the barrier,
// and the tables' statistics are of what is seen.
func (w *worker) bar(job query.Job) error {
	for i, s := range job.Scans {
		if s.Barrier == nil {
			continue
		}
		if err := onlySelect(w, s.Barrier.SQL); err != nil {
			return err
		}
		if err := w.keep(i, s); err != nil {
			return &barred{w.explain(err)}
		}
	}
	return nil
}

func (w *worker) keep(i int, s query.Scan) error {
	text := w.source(s.Name)
	if text != nil { // a stream delivers columns and rows that DuckDB believes it has pushed down
		if err := w.gather(i, text); err != nil {
			return err
		}
	}
	if err := w.exec("CREATE TEMP TABLE " + name(s.Barrier.Name) + " AS " + s.Barrier.SQL); err != nil {
		return err
	}
	if err := w.exec("DROP VIEW " + name(s.Name)); err != nil {
		return err
	}
	if text == nil {
		return nil
	}
	text.gone = true
	if err := w.exec("DROP VIEW " + name(text.name)); err != nil { // it was read to its end
		return err
	}
	return w.exec("DROP TABLE " + gathered(i))
}

// source returns the stream behind a view, nil when there is none.
func (w *worker) source(view string) *source {
	for _, s := range w.sources {
		if s.view == view {
			return s
		}
	}
	return nil
}

func gathered(i int) string { return fmt.Sprintf("__flowlake_rows_%d", i) }

// gather reads a stream into a temporary table, and points its view there.
func (w *worker) gather(i int, s *source) error {
	if err := w.exec(fmt.Sprintf("CREATE TEMP TABLE %s AS SELECT * FROM %s", gathered(i), s.name)); err != nil {
		return err
	}
	return w.exec("CREATE OR REPLACE TEMP VIEW " + name(s.view) + " AS " + s.body(gathered(i)))
}

// barred is a failure to read what a barrier hides. Its words can hold what the user may not see: a value that does not
// fit its column, a file's name.
type barred struct{ err error }

func (b *barred) Error() string { return b.public().Error() }

func (b *barred) Unwrap() error { return b.public() }

// public is what the user may know of it.
func (b *barred) public() error {
	switch kind := fault.KindOf(b.err); kind {
	case fault.Limit:
		return fault.Newf(fault.Limit, "query", exhausted)
	case fault.Invalid, fault.Unsupported:
		return fault.Newf(fault.Invalid, "HIVE_CURSOR_ERROR", "a table of which you may see some rows only cannot be read; the server's log says why")
	default:
		return fault.Newf(kind, "query engine", "a table of which you may see some rows only cannot be read")
	}
}

// private is the whole reason, for the log; "" for any other error.
func private(err error) string {
	if b, ok := errors.AsType[*barred](err); ok {
		return b.err.Error()
	}
	return ""
}
