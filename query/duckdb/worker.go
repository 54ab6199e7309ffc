//go:build duckdb_arrow

package duckdb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	duck "github.com/duckdb/duckdb-go/v2"

	"flowlake/fault"
	"flowlake/query"
	"flowlake/query/sql/translate"
)

// Worker is the child's half: what flowlake worker runs, with its standard input and output. It reads its
// setup, opens the engine, says that it is ready, takes one job, answers it and returns. It ends the process at once
// when stdin ends, because then nobody waits for an answer.
func Worker(stdin io.Reader, stdout io.Writer) error {
	var s setup
	if err := receive(stdin, &s); err != nil {
		return fmt.Errorf("worker setup: %w", err)
	}
	w, err := open(s.Folder)
	if err != nil {
		return fmt.Errorf("open engine: %w", err)
	}
	if err := send(stdout, ready{}); err != nil {
		return fmt.Errorf("worker ready: %w", err)
	}
	var r request
	if err := receive(stdin, &r); err != nil {
		if errors.Is(err, io.EOF) { // ended while idle
			return nil
		}
		return fmt.Errorf("worker job: %w", err)
	}
	go func() {
		_, _ = io.Copy(io.Discard, stdin)
		os.Exit(exitOrphaned)
	}()
	do := w.run
	if r.Compact != nil {
		do = w.sorted
	}
	result, err := do(r)
	if err != nil {
		return send(stdout, answerOf(err))
	}
	return send(stdout, answer{Result: result})
}

// exitOrphaned is the status of a worker whose parent went away.
const exitOrphaned = 3

// worker is an open engine in its own process.
type worker struct {
	folder      string
	db          *sql.DB
	conn        *sql.Conn
	places      *places
	sources     []*source // of text scans
	materialise bool      // read no stream directly

	mu        sync.Mutex // guards failed and unmatched
	failed    error      // why a text stream broke: DuckDB keeps only the words of it
	unmatched int64
}

// open does all that can be done before the job is known. The engine has one thread until the process is
// confined, so that threads of the job are born confined.
func open(folder string) (*worker, error) {
	connector, err := duck.NewConnector("", nil)
	if err != nil {
		return nil, err
	}
	w := &worker{folder: folder, db: sql.OpenDB(connector)}
	w.db.SetMaxOpenConns(1)
	if w.conn, err = w.db.Conn(context.Background()); err != nil {
		return nil, err
	}
	settings := []string{
		"SET threads = 1",
		"SET autoinstall_known_extensions = false",
		"SET autoload_known_extensions = false",
		"SET allow_community_extensions = false",
		"SET enable_progress_bar = false",
		"SET temp_directory = " + literal(filepath.Join(folder, "spill")),
		"SET TimeZone = 'UTC'",
		"SET Calendar = 'gregorian'",
		"SET default_null_order = 'nulls_last'",
		translate.Prelude,
		// Binding this once fills the catalogue's caches, which the first query would otherwise pay for.
		"SELECT count(*), sum(i), min(CAST(i AS VARCHAR)) FROM range(10) t(i) GROUP BY i % 3 ORDER BY 1 LIMIT 1",
	}
	if err := w.scalars(); err != nil {
		return nil, err
	}
	for _, s := range settings {
		if err := w.exec(s); err != nil {
			return nil, fmt.Errorf("%s: %w", clip(s), err)
		}
	}
	return w, nil
}

func clip(s string) string {
	if len(s) > 80 {
		return s[:80] + "…"
	}
	return s
}

func (w *worker) exec(statement string) error {
	_, err := w.conn.ExecContext(context.Background(), statement)
	return err
}

// raw runs f with the driver's own connection.
func (w *worker) raw(f func(c *duck.Conn) error) error {
	return w.conn.Raw(func(c any) error { return f(c.(*duck.Conn)) })
}

// run does the job: confines the process, makes the scans, locks the engine and lets it run.
func (w *worker) run(r request) (query.Result, error) {
	job := r.Job
	out, err := os.OpenFile(job.Output, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return query.Result{}, fault.Newf(fault.Unavailable, "query result", "%w", err)
	}
	defer out.Close()
	if w.places, err = place(filepath.Join(w.folder, "in"), job); err != nil {
		return query.Result{}, err
	}
	if err := os.Mkdir(filepath.Join(w.folder, "spill"), 0o700); err != nil {
		return query.Result{}, fault.Newf(fault.Unavailable, "query scratch", "%w", err)
	}
	if err := confine([]string{filepath.Join(w.folder, "spill")}, []string{w.places.folder}, w.places.outside); err != nil {
		return query.Result{}, fault.Newf(fault.Internal, "query sandbox", "%w", err)
	}
	if err := w.limits(r); err != nil {
		return query.Result{}, err
	}
	for i := range job.Scans {
		if err := w.scan(i, &job); err != nil {
			if job.Scans[i].Barrier != nil {
				return query.Result{}, &barred{w.explain(err)}
			}
			return query.Result{}, w.explain(err)
		}
	}
	if err := onlySelect(w, job.SQL); err != nil {
		return query.Result{}, err
	}
	if err := w.bar(job); err != nil {
		return query.Result{}, err
	}
	if err := w.settle(job); err != nil {
		return query.Result{}, w.explain(err)
	}
	outside := make([]string, len(w.places.outside))
	for i, path := range w.places.outside {
		outside[i] = literal(path)
	}
	for _, s := range []string{
		"SET allowed_directories = [" + literal(w.places.folder) + "]",
		"SET allowed_paths = [" + strings.Join(outside, ", ") + "]",
		"SET enable_external_access = false",
		"SET lock_configuration = true",
	} {
		if err := w.exec(s); err != nil {
			return query.Result{}, fault.Newf(fault.Internal, "query engine", "%s: %w", s, err)
		}
	}
	result, err := w.answer(job, out)
	if err != nil {
		return query.Result{}, w.explain(err)
	}
	if err := out.Close(); err != nil {
		return query.Result{}, fault.Newf(fault.Unavailable, "query result", "%w", err)
	}
	result.Unmatched = w.unmatched
	return result, nil
}

// overhead is the address space that a query may take beside its memory: the runtime's own growth, and for each
// thread its stack and an arena of the allocator, which are reserved and hardly touched.
func overhead(threads int) int64 { return 768<<20 + int64(threads)*160<<20 }

// hardLimit is the bound on resident memory that the kernel keeps, where control groups are there to do it:
// DuckDB counts what it buffers, and what it does not count comes on top.
func hardLimit(budget int64) int64 { return budget + budget/4 + 256<<20 }

// limits bounds the engine's memory and the process's.
func (w *worker) limits(r request) error {
	for _, s := range []string{
		"SET threads = " + strconv.Itoa(max(r.Threads, 1)),
		fmt.Sprintf("SET memory_limit = '%dB'", r.Job.MaxMemory),
	} {
		if err := w.exec(s); err != nil {
			return fault.Newf(fault.Internal, "query engine", "%s: %w", s, err)
		}
	}
	if raceEnabled { // the race detector maps terabytes
		return nil
	}
	if err := limitAddressSpace(hardLimit(r.Job.MaxMemory) + overhead(r.Threads)); err != nil {
		return fault.Newf(fault.Internal, "query sandbox", "bound memory: %w", err)
	}
	return nil
}

// fail keeps the first error of a text stream.
func (w *worker) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failed == nil {
		w.failed = err
	}
}

func (w *worker) count(unmatched int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.unmatched += unmatched
}

// literal spells a string for DuckDB, and name an identifier.
func literal(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

func name(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }
