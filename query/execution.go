package query

import (
	"context"
	"fmt"
	"math"
	"regexp"
	"strings"
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
	Statement string        `json:"statement"`          // what kind of statement, in words: "SELECT", "CREATE_TABLE"
	Database  string        `json:"database,omitempty"` // as the client spelled it, "" when it named none
	Catalog   string        `json:"catalog,omitempty"`  // likewise
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

func (e *Execution) ended() bool { return e.State != Queued && e.State != Running }

// DefaultDatabase is where names without a database are looked up when the client names none.
const DefaultDatabase = "default"

// database is where the statement's names without a database are looked up.
func (e *Execution) database() string {
	if e.Database == "" {
		return DefaultDatabase
	}
	return strings.ToLower(e.Database)
}

// QueueTime is how long the execution waited.
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

// Two indexes over all accounts and regions, in the order of submission, save reading every execution at
// each start and each hour: what has not ended, and what will be forgotten.
const (
	activeKind = "active query"
	agingKind  = "aging query"
)

func (e *Execution) indexID(kind string) state.ID {
	return state.ID{Kind: kind, Key: fmt.Sprintf("%016x-%s", e.Submitted.UnixNano(), e.ID)}
}

// indexed is an entry of the indexes.
type indexed struct {
	Account string `json:"account"`
	Region  string `json:"region"`
	ID      string `json:"id"`
}

func (i indexed) execution() state.ID {
	return state.ID{Kind: executionKind, Account: i.Account, Region: i.Region, Key: i.ID}
}

// create writes a new execution with its places in the history and the indexes.
func (e *Execution) create(tx *state.Tx) error {
	i := indexed{e.Caller.Account, e.Caller.Region, e.ID}
	for _, d := range []struct {
		id  state.ID
		doc any
	}{
		{i.execution(), e}, {historyID(e.Caller, e.Workgroup, newestFirst(e.Submitted, e.ID)), history{ID: e.ID}},
		{e.indexID(activeKind), i}, {e.indexID(agingKind), i},
	} {
		if err := tx.Create(d.id, d.doc); err != nil {
			return err
		}
	}
	return nil
}

// save writes an execution that changed.
func (e *Execution) save(tx *state.Tx) error {
	if e.ended() {
		if err := tx.Delete(e.indexID(activeKind)); err != nil {
			return err
		}
	}
	return tx.Put(executionID(e.Caller, e.ID), e)
}

// Execution returns an execution, or fault.NotFound.
func (q *Queries) Execution(ctx context.Context, c access.Caller, id string) (e Execution, err error) {
	return q.execution(ctx, c, "GetQueryExecution", id)
}

// Batch returns those of the executions that exist, and why each of the others was not returned.
func (q *Queries) Batch(ctx context.Context, c access.Caller, ids []string) (found []Execution, refused map[string]error, err error) {
	refused = map[string]error{}
	err = q.state.View(ctx, func(tx *state.Tx) error {
		for _, id := range ids {
			e, err := q.authorised(ctx, tx, c, "BatchGetQueryExecution", id)
			switch {
			case fault.Is(err, fault.NotFound):
				refused[id] = err
			case err != nil:
				return err
			default:
				found = append(found, e)
			}
		}
		return nil
	})
	return found, refused, err
}

func (q *Queries) execution(ctx context.Context, c access.Caller, action, id string) (e Execution, err error) {
	err = q.state.View(ctx, func(tx *state.Tx) error {
		e, err = q.authorised(ctx, tx, c, action, id)
		return err
	})
	return e, err
}

// authorised reads an execution and asks whether the caller may do action in its workgroup: the door
// cannot, since an id does not tell its workgroup.
func (q *Queries) authorised(ctx context.Context, tx *state.Tx, c access.Caller, action, id string) (e Execution, err error) {
	_, err = tx.Get(executionID(c, id), &e)
	if fault.Is(err, fault.NotFound) {
		return e, fault.Newf(fault.NotFound, "query execution "+id, "was not found")
	}
	if err != nil {
		return e, err
	}
	return e.shownTo(c), q.guard.Allow(ctx, c, "athena:"+action, c.ARN("athena", "workgroup/"+e.Workgroup))
}

// shownTo is the execution as c may see it. Why a statement failed can quote values ("Cannot cast 'x' to INT") and policies: it is
// for whom it ran as, and for root; others see Athena's code.
//
// Differs from AWS: there, the workgroup's others read it all.
func (e Execution) shownTo(c access.Caller) Execution {
	if e.Failure == nil || c.IsRoot() || samePrincipal(c, e.Caller) {
		return e
	}
	f := *e.Failure
	if m := leadingCode.FindStringSubmatch(f.Message); m != nil {
		f.Message = m[1] + ": "
	} else {
		f.Message = ""
	}
	f.Message += "the reason is told to who ran the query"
	e.Failure, e.Reason = &f, f.Message
	return e
}

// samePrincipal tells users by their ids, where they have any, and sessions by their roles.
func samePrincipal(a, b access.Caller) bool {
	if a.Role != "" || b.Role != "" {
		return a.Role == b.Role && roleID(a) == roleID(b)
	}
	return a.Principal == b.Principal && a.ID == b.ID
}

// roleID is a role's own part of its session's id.
func roleID(c access.Caller) string {
	id, _, _ := strings.Cut(c.ID, ":")
	return id
}

// historyPlace is what newestFirst makes.
var historyPlace = regexp.MustCompile(`^[0-9a-f]{16}-[0-9a-f-]{36}$`)

// Executions returns up to max ids of a workgroup's executions, newest first, those behind the place
// after ("" is the beginning), and the place of the last when there are more.
func (q *Queries) Executions(ctx context.Context, c access.Caller, workgroup, after string, max int) (ids []string, next string, err error) {
	if after != "" && !historyPlace.MatchString(after) {
		return nil, "", malformedToken(after)
	}
	err = q.state.View(ctx, func(tx *state.Tx) error {
		if _, err := getWorkgroup(tx, c, workgroup); err != nil {
			return err
		}
		key, last := "", ""
		if after != "" {
			key = historyID(c, workgroup, after).Key
		}
		for row, err := range tx.List(historyID(c, workgroup, ""), key) {
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
		e, err := q.authorised(ctx, tx, c, "StopQueryExecution", id)
		if err != nil || e.ended() {
			return err
		}
		stopped = true
		e.cancel("Query cancelled by user")
		return e.save(tx)
	})
	if err == nil && stopped {
		q.kill(c, id)
	}
	return err
}

// cancel ends the execution without a failure of its own.
func (e *Execution) cancel(reason string) {
	e.State, e.Reason, e.Completed = Cancelled, reason, time.Now().UTC()
}

// fail ends the execution with why it failed.
func (e *Execution) fail(err error) {
	e.Failure = failureOf(err, e.Kind, e.ID)
	e.State, e.Reason, e.Completed = Failed, e.Failure.Message, time.Now().UTC()
}

// remove deletes what there is of an execution that has ended.
func (e *Execution) remove(tx *state.Tx) error {
	ids := []state.ID{executionID(e.Caller, e.ID), historyID(e.Caller, e.Workgroup, newestFirst(e.Submitted, e.ID)), e.indexID(agingKind)}
	if e.Token != "" {
		ids = append(ids, tokenID(e.Caller, e.Token))
	}
	for _, id := range ids {
		if err := tx.Delete(id); err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
	}
	return nil
}
