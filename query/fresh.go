package query

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"flowlake/access"
	"flowlake/catalog"
	"flowlake/catalog/projection"
	"flowlake/fault"
	"flowlake/query/sql/translate"
)

// FreshParameter marks a table whose queries also see what its delivery stream has accepted and not yet
// written to the lake: TBLPROPERTIES ('flowlake.fresh'='true'). Our own; Athena has nothing like it.
const FreshParameter = "flowlake.fresh"

// Fresh gives what tables' delivery streams have accepted and not yet written. It is met by delivery, by
// way of cmd; without one no table can be fresh.
type Fresh interface {
	// Snapshot is asked before the table's objects are listed. dir is a folder of the query's own, empty, that goes
	// with the query. The files hold every accepted row that no object shows which Skip lets pass: both together
	// are each row once. It returns fault.NotFound when no stream writes to the table, and fault.Unsupported for a
	// stream whose rows cannot be known before they are written.
	//
	// When it returns an error there is nothing to release.
	Snapshot(ctx context.Context, c access.Caller, t catalog.Table, dir string) (FreshRows, error)
}

// FreshRows is a snapshot of the rows on their way into one table.
type FreshRows struct {
	Inputs []Input // Parquet files below dir with the table's columns, each with its partition's values
	// Skip says which objects were committed after the snapshot, and so hold rows that Inputs hold too. Nil skips
	// none.
	Skip func(bucket, key string) bool
	// Release lets go of what the snapshot holds. It is called once, when the table's objects are pinned or the
	// query has failed, and before the engine runs: the files of Inputs stay. Nil does nothing.
	Release func()
}

// SetFresh gives the room its source of fresh rows. It is for wiring: call it before Run.
func (q *Queries) SetFresh(f Fresh) { q.fresh = f }

// snapshots is the fresh rows of one query's tables: each table is asked once, so that two uses of it see the
// same rows.
type snapshots map[[2]string]FreshRows

// release lets go of all of them. It may be called twice.
func (s snapshots) release() {
	for key, rows := range s {
		if rows.Release != nil {
			rows.Release()
		}
		rows.Release = nil
		s[key] = rows
	}
}

// snapshot asks for the fresh rows of the tables that a plan reads and that are marked, into folders below dir.
// What it returns must be released, also beside an error.
func (q *Queries) snapshot(ctx context.Context, e *Execution, uses []translate.Table, tables map[[2]string]*readable, dir string) (snapshots, error) {
	all := snapshots{}
	for _, use := range uses {
		key := [2]string{use.Database, use.Name}
		if tables[key] == nil {
			continue // the information schema's
		}
		t := tables[key].Table
		_, done := all[key]
		marked, err := isFresh(t)
		if err != nil {
			return all, err
		}
		if done || !marked {
			continue
		}
		subject := "table " + t.Database + "." + t.Name
		if q.fresh == nil {
			return all, fault.Newf(fault.Unsupported, subject, "is marked %s, and this server has no delivery streams to ask", FreshParameter)
		}
		if err := q.mayReadBelow(ctx, e, tables[key]); err != nil {
			return all, err
		}
		own := filepath.Join(dir, "fresh-"+strconv.Itoa(len(all)))
		if err := os.Mkdir(own, 0o700); err != nil {
			return all, fault.Newf(fault.Unavailable, "query scratch folder", "%w", err)
		}
		rows, err := q.fresh.Snapshot(ctx, e.as(), t, own)
		if err != nil {
			return all, fault.Newf(fault.KindOf(err), subject, "is marked %s, and what is on its way to it cannot be read: %w", FreshParameter, err)
		}
		all[key] = rows
	}
	return all, nil
}

// isFresh reads a table's mark.
func isFresh(t catalog.Table) (bool, error) {
	subject := "table " + t.Database + "." + t.Name
	v, ok := t.Parameters[FreshParameter]
	switch {
	case !ok || strings.EqualFold(v, "false"):
		return false, nil
	case !strings.EqualFold(v, "true"):
		return false, fault.Newf(fault.Invalid, subject, "its property %s is %q: it is true or false", FreshParameter, v)
	}
	format, err := formatOf(t)
	if err != nil {
		return false, err
	}
	if format != Parquet {
		return false, fault.Newf(fault.Unsupported, subject, "is marked %s, which is for tables of Parquet files: a stream that converts records is what knows their columns", FreshParameter)
	}
	return true, nil
}

// addFresh adds a snapshot's files whose partitions can hold wanted rows, and are ones that the table has: what a
// projection leaves out is not seen before it is written either.
func (s *Scan) addFresh(e *Execution, t catalog.Table, inputs []Input, wanted translate.Constraint) error {
	if len(inputs) == 0 {
		return nil
	}
	has := func([]string) bool { return true }
	if len(t.PartitionKeys) > 0 && projection.Enabled(t) {
		p, err := projection.New(t)
		if err != nil {
			return err
		}
		has = func(values []string) bool { return p.Has(e.Submitted, values) }
	}
	for _, in := range inputs {
		if len(in.Files) > 0 && wanted.Matches(in.Values) && has(in.Values) {
			s.Inputs = append(s.Inputs, in)
		}
	}
	return nil
}
