//go:build duckdb_arrow

package duckdb

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"flowlake/catalog/compact"
	"flowlake/columnar/parquet"
	"flowlake/fault"
	"flowlake/query"
)

var _ compact.Sorter = (*Engine)(nil)

// rowGroup and dictionary are how compacted files are laid out. DuckDB reads row groups in parallel and skips them by
// their bounds, and it gives a bloom filter, sized by their number, to the values of each column whose dictionary it
// kept. The default dictionary of a fifth of a row group left 6 of 82 row groups of flow logs without one for the
// destination's address; a half of it kept dictionaries for times too and made the file a fifth larger.
const (
	rowGroup   = 122_880
	dictionary = 32_768
)

// heavySuffix names the file between the engine and lighten, beside the output.
const heavySuffix = ".heavy"

// Sort implements compact.Sorter in a worker of its own: it may read the job's files, and write its folder.
func (e *Engine) Sort(ctx context.Context, job compact.Job) (rows int64, err error) {
	if job.MaxMemory <= 0 {
		job.MaxMemory = e.cfg.MaxMemory
	}
	inputs := query.Input{Files: make([]query.InputFile, len(job.Inputs))}
	for i, f := range job.Inputs {
		inputs.Files[i] = query.InputFile{Path: f.Path, URL: f.URL, Size: f.Size}
	}
	threads := job.Threads
	if threads <= 0 {
		threads = e.cfg.Threads
	}
	files := query.Job{Scans: []query.Scan{{Name: "objects", Format: query.Parquet, Inputs: []query.Input{inputs}}},
		Output: job.Output, MaxMemory: job.MaxMemory, Started: time.Now()}
	defer os.Remove(job.Output + heavySuffix) // of a worker that did not come to its end
	out, err := e.hand(ctx, request{Job: files, Threads: threads, Compact: &job})
	if err != nil {
		return 0, err
	}
	return out.Result.Rows, nil
}

// sorted writes the job's rows in order into one Parquet file.
func (w *worker) sorted(r request) (query.Result, error) {
	job, out := r.Compact, filepath.Dir(r.Compact.Output)
	var err error
	if w.places, err = place(filepath.Join(w.folder, "in"), r.Job); err != nil {
		return query.Result{}, err
	}
	if err := os.Mkdir(filepath.Join(w.folder, "spill"), 0o700); err != nil {
		return query.Result{}, fault.Newf(fault.Unavailable, "query scratch", "%w", err)
	}
	if err := confine([]string{filepath.Join(w.folder, "spill"), out}, []string{w.places.folder}, w.places.outside); err != nil {
		return query.Result{}, fault.Newf(fault.Internal, "query sandbox", "%w", err)
	}
	if err := w.limits(r); err != nil {
		return query.Result{}, err
	}
	var links []string
	for _, units := range w.places.scans {
		for _, u := range units {
			for _, f := range u.files {
				links = append(links, literal(f.link))
			}
		}
	}
	if len(links) == 0 {
		return query.Result{}, fault.Newf(fault.Internal, "compaction", "has nothing to read")
	}
	outside := []string{}
	for _, path := range w.places.outside {
		outside = append(outside, literal(path))
	}
	for _, s := range []string{
		"SET allowed_directories = [" + literal(w.places.folder) + ", " + literal(out) + "]",
		"SET allowed_paths = [" + strings.Join(outside, ", ") + "]",
		"SET enable_external_access = false",
		"SET lock_configuration = true",
	} {
		if err := w.exec(s); err != nil {
			return query.Result{}, fault.Newf(fault.Internal, "query engine", "%s: %w", s, err)
		}
	}
	order := make([]string, len(job.SortBy))
	for i, c := range job.SortBy {
		order[i] = name(c)
	}
	heavy := job.Output + heavySuffix
	statement := fmt.Sprintf("COPY (SELECT * FROM read_parquet([%s], hive_partitioning = false) ORDER BY %s) TO %s (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE %d, DICTIONARY_SIZE_LIMIT %d, USE_TMP_FILE false)",
		strings.Join(links, ", "), strings.Join(order, ", "), literal(heavy), rowGroup, dictionary)
	res, err := w.conn.ExecContext(context.Background(), statement)
	if err != nil {
		return query.Result{}, w.explain(err)
	}
	n, err := res.RowsAffected()
	if err != nil {
		return query.Result{}, err
	}
	return query.Result{Rows: n}, lighten(job.Output, heavy)
}

// lighten makes the engine's file, which has one codec for all columns, the one that is asked for. Of top talkers on ten
// million flows half the time was for unpacking the bytes, of which the codec saved a quarter.
func lighten(output, heavy string) error {
	failed := func(err error) error { return fault.Newf(fault.Unavailable, "compaction scratch", "%w", err) }
	from, err := os.Open(heavy)
	if err != nil {
		return failed(err)
	}
	defer from.Close()
	info, err := from.Stat()
	if err != nil {
		return failed(err)
	}
	to, err := os.OpenFile(output, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return failed(err)
	}
	if _, err = parquet.Lighten(to, from, info.Size()); err != nil {
		to.Close()
		return err
	}
	if err := to.Close(); err != nil {
		return failed(err)
	}
	if err := os.Remove(heavy); err != nil {
		return failed(err)
	}
	return nil
}
