package query

import (
	"context"
	"fmt"
	"math"
	"time"

	"flowlake/access"
	"flowlake/fault"
	"flowlake/query/sql"
	"flowlake/state"
)

// State is where a query execution stands, as Athena spells it.
type State string

// The states. Queued and Running executions end as one of the others.
const (
	Queued    State = "QUEUED"
	Running   State = "RUNNING"
	Succeeded State = "SUCCEEDED"
	Failed    State = "FAILED"
	Cancelled State = "CANCELLED"
)

// Execution is one statement's run: a row in state, from its acceptance to its end and beyond.
type Execution struct {
	ID        string        `json:"id"`
	Caller    access.Caller `json:"caller"` // it is authorised as at each step
	Text      string        `json:"text"`
	Kind      sql.Kind      `json:"kind"`
	Statement string        `json:"statement"` // what kind of statement, in words: "SELECT", "CREATE_TABLE"
	Database  string        `json:"database"`
	Catalog   string        `json:"catalog,omitempty"` // as the client spelled it
	Workgroup string        `json:"workgroup"`
	Token     string        `json:"token,omitempty"`
	Output    ResultConfig  `json:"output"` // Location is the result object's own URL
	Cutoff    int64         `json:"cutoff,omitempty"`

	State     State          `json:"state"`
	Reason    string         `json:"reason,omitempty"`
	Failure   *Failure       `json:"failure,omitempty"`
	Submitted time.Time      `json:"submitted"`
	Started   time.Time      `json:"started,omitzero"`
	Completed time.Time      `json:"completed,omitzero"`
	Scanned   int64          `json:"scanned"` // bytes
	Took      time.Duration  `json:"took"`    // in the engine
	Columns   []ResultColumn `json:"columns,omitempty"`
	Rows      int64          `json:"rows"`
	Unmatched int64          `json:"unmatched,omitempty"`
	Table     bool           `json:"table"` // the result object is a CSV with labels; otherwise lines of text
}

// Failure says why an execution failed, in Athena's classes.
type Failure struct {
	Category  int32  `json:"category"` // SystemError, UserError or OtherError
	Type      int32  `json:"type"`     // Athena's ErrorType reference
	Message   string `json:"message"`
	Retryable bool   `json:"retryable"`
}

// Categories of failures: Athena user guide, "Athena error catalog".
const (
	SystemError = 1
	UserError   = 2
	OtherError  = 3
)

func (e *Execution) ended() bool { return e.State != Queued && e.State != Running }

// queueTime is how long the execution waited, engineTime how long it ran.
func (e *Execution) QueueTime() time.Duration {
	if e.Started.IsZero() {
		return 0
	}
	return e.Started.Sub(e.Submitted)
}

// TotalTime is from acceptance to end, or to now.
func (e *Execution) TotalTime() time.Duration {
	if e.Completed.IsZero() {
		return time.Since(e.Submitted)
	}
	return e.Completed.Sub(e.Submitted)
}

// KeepExecutions is how long ended executions are listed: Athena keeps its history for 45 days.
const KeepExecutions = 45 * 24 * time.Hour

const executionKind = "query execution"

func executionID(c access.Caller, id string) state.ID {
	return state.ID{Kind: executionKind, Account: c.Account, Region: c.Region, Key: id}
}

// history is the index of executions by workgroup, newest first.
type history struct {
	ID string `json:"id"`
}

func historyID(c access.Caller, workgroup, rest string) state.ID {
	return state.ID{Kind: "query history", Account: c.Account, Region: c.Region, Key: workgroup + "/" + rest}
}

// newestFirst is a key that sorts later instants before earlier ones.
func newestFirst(at time.Time, id string) string {
	return fmt.Sprintf("%016x-%s", math.MaxInt64-at.UnixNano(), id)
}

// Execution returns an execution, or fault.Invalid for an id that is none, as Athena answers.
func (q *Queries) Execution(ctx context.Context, c access.Caller, id string) (e Execution, err error) {
	err = q.state.View(ctx, func(tx *state.Tx) error {
		e, err = getExecution(tx, c, id)
		return err
	})
	return e, err
}

func getExecution(tx *state.Tx, c access.Caller, id string) (e Execution, err error) {
	_, err = tx.Get(executionID(c, id), &e)
	if fault.Is(err, fault.NotFound) {
		return e, fault.Newf(fault.Invalid, "query execution "+id, "QueryExecution %s was not found", id)
	}
	return e, err
}

// Executions returns up to max ids of a workgroup's executions, newest first, those behind the place
// after ("" is the beginning), and the place of the last when there are more.
func (q *Queries) Executions(ctx context.Context, c access.Caller, workgroup, after string, max int) (ids []string, next string, err error) {
	err = q.state.View(ctx, func(tx *state.Tx) error {
		if _, err := getWorkgroup(tx, c, workgroup); err != nil {
			return err
		}
		last := ""
		if after != "" {
			after = historyID(c, workgroup, after).Key
		}
		for row, err := range tx.List(historyID(c, workgroup, ""), after) {
			if err != nil {
				return err
			}
			if len(ids) == max {
				next = last
				return nil
			}
			var h history
			if err := row.Decode(&h); err != nil {
				return err
			}
			ids, last = append(ids, h.ID), row.Key[len(workgroup)+1:]
		}
		return nil
	})
	return ids, next, err
}

// Stop cancels an execution. One that has ended stays as it is.
func (q *Queries) Stop(ctx context.Context, c access.Caller, id string) error {
	var stopped bool
	err := q.state.Update(ctx, func(tx *state.Tx) error {
		e, err := getExecution(tx, c, id)
		if err != nil || e.ended() {
			return err
		}
		stopped = true
		e.State, e.Reason, e.Completed = Cancelled, "Query cancelled by user", time.Now().UTC()
		return tx.Put(executionID(c, id), e)
	})
	if err == nil && stopped {
		q.kill(c, id)
	}
	return err
}
