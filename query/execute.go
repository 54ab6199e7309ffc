package query

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	"flowlake/access"
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
	q.running[r] = cancel
	q.mu.Unlock()
	defer func() {
		q.mu.Lock()
		delete(q.running, r)
		q.mu.Unlock()
	}()
	e, err := q.move(ctx, r, func(e *Execution) { e.State, e.Started = Running, time.Now().UTC() })
	if err != nil {
		q.log.Error("query execution not started", "id", r.id, "err", err)
		return
	}
	if e.State != Running {
		return // stopped while it waited
	}
	q.log.Debug("query started", "id", e.ID, "workgroup", e.Workgroup, "statement", e.Statement)
	limited, done := context.WithTimeout(ctx, q.cfg.MaxTime)
	out, err := q.run(limited, &e)
	timedOut := limited.Err() != nil && ctx.Err() == nil
	done()
	if context.Cause(ctx) == errStopped { // Stop wrote the end already
		return
	}
	end, ferr := q.move(context.WithoutCancel(ctx), r, func(e *Execution) {
		e.Completed, e.Scanned, e.Took = time.Now().UTC(), out.scanned, out.took
		switch {
		case err == nil:
			e.State, e.Columns, e.Rows, e.Unmatched, e.Table = Succeeded, out.columns, out.rows, out.unmatched, out.table
		case timedOut:
			e.cancel("Query timeout: it ran for longer than " + q.cfg.MaxTime.String())
		case errors.Is(err, errCutoff):
			e.cancel("Bytes scanned limit was exceeded")
		case ctx.Err() != nil:
			e.fail(fault.Newf(fault.Unavailable, "query", "the server stopped while this query ran; nothing of it was kept: run it again"))
		default:
			e.fail(err)
		}
	})
	if ferr != nil {
		q.log.Error("query execution's end not recorded", "id", r.id, "err", ferr)
		return
	}
	if end.Failure != nil && end.Failure.Category == SystemError {
		q.log.Error("query failed", "id", e.ID, "err", err)
	}
	q.log.Debug("query ended", "id", e.ID, "state", end.State, "rows", end.Rows, "bytes", end.Scanned, "took", end.TotalTime())
}

// move changes an execution that has not ended, and returns it as it then is.
func (q *Queries) move(ctx context.Context, r ref, change func(*Execution)) (e Execution, err error) {
	id := state.ID{Kind: executionKind, Account: r.account, Region: r.region, Key: r.id}
	err = q.state.Update(ctx, func(tx *state.Tx) error {
		if _, err := tx.Get(id, &e); err != nil || e.ended() {
			return err
		}
		change(&e)
		return tx.Put(id, e)
	})
	return e, err
}

func (e *Execution) cancel(reason string) {
	e.State, e.Reason = Cancelled, reason
}

// errCutoff ends a query that would scan more than its workgroup allows.
var errCutoff = errors.New("bytes scanned limit was exceeded")

// fail records why in Athena's classes. What the user cannot help is told without detail.
func (e *Execution) fail(err error) {
	f := &Failure{Category: UserError, Type: errorType(err), Message: message(err)}
	switch fault.KindOf(err) {
	case fault.Internal:
		f.Category, f.Message, f.Retryable = SystemError, "Internal error: the server's log has the detail under query execution "+e.ID, true
	case fault.Unavailable, fault.Throttled, fault.Conflict:
		f.Category, f.Retryable = OtherError, true
	}
	e.State, e.Reason, e.Failure, e.Completed = Failed, f.Message, f, time.Now().UTC()
}

// message is the error's text without the subject "query" that says nothing here.
func message(err error) string { return strings.TrimPrefix(err.Error(), "query: ") }

// errorType is the number that Athena's error catalogue has for the code that a message begins with.
//
// Source: Athena user guide, "Athena error catalog", error type reference.
func errorType(err error) int32 {
	types := []struct {
		text string
		kind int32
	}{
		{"SYNTAX_ERROR", 1006}, {"COLUMN_NOT_FOUND", 1006}, {"TABLE_NOT_FOUND", 1003}, {"SCHEMA_NOT_FOUND", 1004}, {"TYPE_MISMATCH", 1006},
		{"FUNCTION_NOT_FOUND", 1006}, {"DIVISION_BY_ZERO", 1003}, {"INVALID_CAST_ARGUMENT", 1005},
		{"HIVE_BAD_DATA", 1100}, {"HIVE_CURSOR_ERROR", 1100}, {"NUMERIC_VALUE_OUT_OF_RANGE", 1005}, {"resources", 1},
	}
	text := err.Error()
	for _, t := range types {
		if strings.Contains(text, t.text) {
			return t.kind
		}
	}
	if fault.Is(err, fault.Denied) {
		return 1002
	}
	return 1009
}

// run executes the statement and puts its result into the lake.
func (q *Queries) run(ctx context.Context, e *Execution) (out outcome, err error) {
	stmt, err := sql.Parse(e.Text)
	if err != nil {
		return out, err
	}
	dir := filepath.Join(q.cfg.Scratch, e.ID)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return out, fault.Newf(fault.Unavailable, "query scratch folder", "%w", err)
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "result")
	if query, ok := stmt.(*sql.Query); ok {
		out, err = q.selectRows(ctx, e, query, file)
	} else {
		out, err = q.statement(ctx, e, stmt, file)
	}
	if err != nil {
		return out, err
	}
	return out, q.putResult(ctx, e, out)
}

// as is who a step of the execution acts for: its caller, by way of Athena.
func (e *Execution) as() access.Caller {
	return e.Caller.Via("athena.amazonaws.com", e.Caller.ARN("athena", "workgroup/"+e.Workgroup))
}
