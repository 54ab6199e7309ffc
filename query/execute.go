package query

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"flowlake/access"
	"flowlake/catalog"
	"flowlake/fault"
	"flowlake/query/sql"
	"flowlake/state"
)

// outcome is what a statement produced.
type outcome struct {
	file      string         // a local file: the result object's content
	columns   []ResultColumn // of the result, none for a DDL statement
	rows      int64
	unmatched int64
	scanned   int64
	table     bool // file is a CSV with labels
	took      time.Duration
}

// execute takes one execution from QUEUED to its end. The order is what makes it safe to be killed
// anywhere: the result object first, under the execution's own name, then the row that says SUCCEEDED.
func (q *Queries) execute(ctx context.Context, r ref) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	q.mu.Lock()
	_, twice := q.running[r]
	if !twice {
		q.running[r] = cancel
	}
	q.mu.Unlock()
	if twice {
		return // see resume
	}
	defer func() {
		q.mu.Lock()
		delete(q.running, r)
		q.mu.Unlock()
	}()
	e, err := q.surelyMove(ctx, ctx, r, Queued, func(e *Execution) { e.State, e.Started = Running, time.Now().UTC() })
	if errors.Is(err, errMoved) {
		return // stopped while it waited
	}
	if err != nil {
		q.log.Error("query execution not started", "id", r.id, "err", err)
		return
	}
	q.log.Debug("query started", "id", e.ID, "workgroup", e.Workgroup, "statement", e.Statement)
	limited, done := context.WithTimeoutCause(ctx, q.cfg.MaxTime, errTimedOut)
	out, err := q.run(limited, &e)
	if err != nil && limited.Err() != nil {
		err = context.Cause(limited) // whatever the statement says about it
	}
	done()
	end, ferr := q.surelyMove(context.WithoutCancel(ctx), ctx, r, Running, func(e *Execution) {
		e.Scanned, e.Took = out.scanned, out.took
		switch {
		case err == nil:
			e.State, e.Completed = Succeeded, time.Now().UTC()
			e.Columns, e.Rows, e.Unmatched, e.Table = out.columns, out.rows, out.unmatched, out.table
		case errors.Is(err, errCutoff):
			e.cancel("Bytes scanned limit was exceeded")
		default:
			e.fail(err)
		}
	})
	if errors.Is(ferr, errMoved) {
		return // Stop wrote its end already
	}
	if ferr != nil {
		q.log.Error("query execution's end not recorded", "id", r.id, "err", ferr)
		return
	}
	if end.Failure != nil && end.Failure.Category == SystemError {
		q.log.Error("query failed", "id", e.ID, "err", err)
	}
	q.log.Debug("query ended", "id", e.ID, "state", end.State, "rows", end.Rows, "bytes", end.Scanned, "took", end.TotalTime())
}

// errMoved says that an execution is not in the state that a change of it begins with.
var errMoved = errors.New("the execution is in another state")

// move changes an execution that is in the state from, and returns it as it then is.
func (q *Queries) move(ctx context.Context, r ref, from State, change func(*Execution)) (e Execution, err error) {
	id := state.ID{Kind: executionKind, Account: r.account, Region: r.region, Key: r.id}
	err = q.state.Update(ctx, func(tx *state.Tx) error {
		if _, err := tx.Get(id, &e); err != nil {
			return err
		}
		if e.State != from {
			return errMoved
		}
		change(&e)
		return e.save(tx)
	})
	return e, err
}

// surelyMove is move that a disk which refuses for a while does not fail: it tries again until patience ends.
func (q *Queries) surelyMove(ctx, patience context.Context, r ref, from State, change func(*Execution)) (Execution, error) {
	for {
		e, err := q.move(ctx, r, from, change)
		if !fault.Is(err, fault.Unavailable) {
			return e, err
		}
		q.log.Warn("query execution's state put off", "id", r.id, "from", from, "err", err)
		select {
		case <-patience.Done():
			return e, err
		case <-time.After(time.Second):
		}
	}
}

// run executes the statement and puts its result into the lake.
func (q *Queries) run(ctx context.Context, e *Execution) (out outcome, err error) {
	defer func() {
		// A statement is input from outside: a defect that it finds is its own failure, and not the server's.
		if p := recover(); p != nil {
			err = fault.Newf(fault.Internal, "query", "panic: %v\n%s", p, debug.Stack())
		}
	}()
	stmt, err := sql.Parse(e.Text)
	if err != nil {
		return out, err
	}
	dir := filepath.Join(q.cfg.Scratch, e.ID)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return out, fault.Newf(fault.Unavailable, "query scratch folder", "%w", err)
	}
	defer os.RemoveAll(dir)
	// Both again: what was there when the statement was accepted may be gone, and after a change of the
	// catalogue it would be too late to say so.
	if err := q.checkOutput(ctx, e.as(), e.Output); err != nil {
		return out, err
	}
	if err := q.mayWriteResult(ctx, e); err != nil {
		return out, err
	}
	if err := q.ensureDefaultDatabase(ctx, e.as()); err != nil {
		return out, err
	}
	file := filepath.Join(dir, "result")
	if query, ok := stmt.(*sql.Query); ok {
		out, err = q.selectRows(ctx, e, query, file)
	} else {
		out, err = q.statement(ctx, e, stmt, file)
	}
	if err != nil {
		return out, err
	}
	if e.Kind != sql.DDL {
		return out, q.putResult(ctx, e, out)
	}
	// The change is made, and nothing takes it back.
	if err := q.putResult(context.WithoutCancel(ctx), e, out); err != nil {
		return out, fault.Newf(fault.KindOf(err), "output location "+e.Output.Location, "the statement's change was made, and then its result was not written: %w", err)
	}
	return out, nil
}

// ensureDefaultDatabase makes the database "default", which every account has in Athena from the start.
// A caller who may not see or make it does without.
func (q *Queries) ensureDefaultDatabase(ctx context.Context, c access.Caller) error {
	_, err := q.catalog.Database(ctx, c, DefaultDatabase)
	if fault.Is(err, fault.NotFound) {
		_, err = q.catalog.EnsureDatabase(ctx, c, catalog.Database{Name: DefaultDatabase, Description: "Default Hive database"})
	}
	if fault.Is(err, fault.Denied) {
		return nil
	}
	return err
}

// as is who a step of the execution acts for: its caller, by way of Athena.
func (e *Execution) as() access.Caller { return e.via(e.Caller) }

// via is a caller for whom Athena acts on the execution's behalf.
func (e *Execution) via(c access.Caller) access.Caller {
	return c.Via("athena.amazonaws.com", e.Caller.ARN("athena", "workgroup/"+e.Workgroup))
}
