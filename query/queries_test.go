package query

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"flowlake/access"
	"flowlake/catalog"
	"flowlake/fault"
	"flowlake/lake"
	"flowlake/query/sql"
	"flowlake/state"
)

// house is the room over real ones, without an engine: its statements are DDL.
type house struct {
	*Queries
	root access.Caller
	t    testing.TB
}

func newHouse(t testing.TB, change func(*Config)) *house {
	t.Helper()
	dir := t.TempDir()
	guard, log := access.NewGuard("123456789012"), slog.New(slog.DiscardHandler)
	st, err := state.Open(filepath.Join(dir, "state"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	lk, err := lake.Open(lake.Config{Dir: filepath.Join(dir, "lake")}, st, guard, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { lk.Close() })
	cfg := Default()
	cfg.Scratch = filepath.Join(dir, "scratch")
	if change != nil {
		change(&cfg)
	}
	q, err := New(cfg, st, catalog.Open(st, guard, log), lk, nil, guard, log)
	if err != nil {
		t.Fatal(err)
	}
	return &house{q, access.Root("123456789012", "eu-west-1"), t}
}

func (h *house) work() {
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- h.Run(ctx) }()
	h.t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			h.t.Error(err)
		}
	})
}

func (h *house) start(text string) string {
	h.t.Helper()
	id, err := h.Start(h.t.Context(), h.root, StartInput{Text: text})
	if err != nil {
		h.t.Fatal(err)
	}
	return id
}

func (h *house) wait(id string) Execution {
	h.t.Helper()
	for began := time.Now(); time.Since(began) < 10*time.Second; time.Sleep(time.Millisecond) {
		e, err := h.Execution(h.t.Context(), h.root, id)
		if err != nil {
			h.t.Fatal(err)
		}
		if e.ended() {
			return e
		}
	}
	h.t.Fatalf("%s does not end", id)
	return Execution{}
}

func TestAcceptedStatementsWaitForRun(t *testing.T) {
	h := newHouse(t, func(c *Config) { c.Concurrency, c.MaxActive = 2, 3 })
	ids := []string{h.start("CREATE DATABASE a"), h.start("CREATE DATABASE b"), h.start("CREATE DATABASE c")}
	_, err := h.Start(t.Context(), h.root, StartInput{Text: "CREATE DATABASE d"})
	if !fault.Is(err, fault.Throttled) {
		t.Errorf("a fourth is taken: %v", err)
	}
	if e, err := h.Execution(t.Context(), h.root, ids[0]); err != nil || e.State != Queued {
		t.Errorf("got %s, %v", e.State, err)
	}
	h.work() // queues all three a second time: each runs once
	for _, id := range ids {
		if e := h.wait(id); e.State != Succeeded {
			t.Errorf("%s: %s %s", e.Text, e.State, e.Reason)
		}
	}
	for began := time.Now(); len(h.places) > 0; time.Sleep(time.Millisecond) {
		if time.Since(began) > 5*time.Second {
			t.Fatalf("%d places are still held", len(h.places))
		}
	}
	h.start("CREATE DATABASE d")
}

// TestTheNextProcess claims: after a kill what waited runs, even when fewer places are left than statements waited, and
// what ran has failed with the reason.
func TestTheNextProcess(t *testing.T) {
	h := newHouse(t, nil)
	ran := h.start("CREATE DATABASE ran")
	if _, err := h.move(t.Context(), refOf(h.root, ran), Queued, func(e *Execution) { e.State, e.Started = Running, time.Now().UTC() }); err != nil {
		t.Fatal(err)
	}
	var waited []string
	for i := range 5 {
		waited = append(waited, h.start(fmt.Sprintf("CREATE DATABASE d%d", i)))
	}
	cfg := h.cfg
	cfg.Concurrency, cfg.MaxActive = 1, 1
	next, err := New(cfg, h.state, h.catalog, h.lake, nil, h.guard, h.log)
	if err != nil {
		t.Fatal(err)
	}
	h.Queries = next
	h.work()
	if e := h.wait(ran); e.State != Failed || !e.Failure.Retryable || !strings.Contains(e.Reason, "see whether its change was made") || e.Completed.IsZero() {
		t.Errorf("got %s %s", e.State, e.Reason)
	}
	var last time.Time
	for _, id := range waited {
		e := h.wait(id)
		if e.State != Succeeded || e.Started.Before(last) {
			t.Errorf("%s: %s %s, not in order: %v", e.Text, e.State, e.Reason, e.Started.Before(last))
		}
		last = e.Started
	}
}

// TestStopRacesWithTheEnd claims: whoever comes first decides, and an execution that has ended stays as it is.
func TestStopRacesWithTheEnd(t *testing.T) {
	h := newHouse(t, nil)
	h.work()
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			id := h.start(fmt.Sprintf("CREATE DATABASE d%d", i))
			time.Sleep(time.Duration(i) * 100 * time.Microsecond)
			if err := h.Stop(t.Context(), h.root, id); err != nil {
				t.Error(err)
				return
			}
			e, err := h.Execution(t.Context(), h.root, id)
			if err != nil || e.State != Succeeded && e.State != Cancelled || e.Completed.IsZero() {
				t.Errorf("after Stop: %s, %v", e.State, err)
			}
			time.Sleep(20 * time.Millisecond)
			if later, _ := h.Execution(t.Context(), h.root, id); later.State != e.State || later.Completed != e.Completed {
				t.Errorf("%s became %s", e.State, later.State)
			}
			if _, err := h.lake.Head(t.Context(), h.root, defaultBucket(h.root), id+".txt"); e.State == Succeeded && err != nil {
				t.Errorf("succeeded without a result: %v", err)
			}
		})
	}
	wg.Wait()
}

func TestAStatementWithoutAPlaceForItsResultChangesNothing(t *testing.T) {
	h := newHouse(t, nil)
	if err := h.lake.CreateBucket(t.Context(), h.root, "results"); err != nil {
		t.Fatal(err)
	}
	id, err := h.Start(t.Context(), h.root, StartInput{Text: "CREATE DATABASE a", Output: ResultConfig{Location: "s3://results/"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := h.lake.DeleteBucket(t.Context(), h.root, "results"); err != nil {
		t.Fatal(err)
	}
	h.work()
	if e := h.wait(id); e.State != Failed || !strings.Contains(e.Reason, "Unable to verify/create output bucket results") {
		t.Errorf("got %s %s", e.State, e.Reason)
	}
	if _, err := h.catalog.Database(t.Context(), h.root, "a"); !fault.Is(err, fault.NotFound) {
		t.Errorf("the database is there: %v", err)
	}
}

func TestADefectFailsItsQueryAndNotTheServer(t *testing.T) {
	h := newHouse(t, nil)
	h.work()
	e := h.wait(h.start("SELECT 1")) // there is no engine
	if e.State != Failed || e.Failure.Category != SystemError || strings.Contains(e.Reason, "nil pointer") {
		t.Errorf("got %s %s", e.State, e.Reason)
	}
	if e := h.wait(h.start("CREATE DATABASE a")); e.State != Succeeded {
		t.Errorf("got %s %s", e.State, e.Reason)
	}
}

func TestWhatIsOldIsForgotten(t *testing.T) {
	h := newHouse(t, nil)
	h.work()
	token := strings.Repeat("t", 32)
	id, err := h.Start(t.Context(), h.root, StartInput{Text: "CREATE DATABASE a", Token: token})
	if err != nil {
		t.Fatal(err)
	}
	h.wait(id)
	young := h.wait(h.start("CREATE DATABASE b"))
	if err := h.forgetBefore(t.Context(), young.Submitted); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Execution(t.Context(), h.root, id); !fault.Is(err, fault.NotFound) {
		t.Errorf("got %v", err)
	}
	for kind, want := range map[string]int{executionKind: 1, "query history": 1, "query token": 0, activeKind: 0, agingKind: 1} {
		got := 0
		if err := h.state.View(t.Context(), func(tx *state.Tx) error {
			for _, err := range tx.All(kind) {
				if err != nil {
					return err
				}
				got++
			}
			return nil
		}); err != nil || got != want {
			t.Errorf("%d documents %q are left, want %d (%v)", got, kind, want, err)
		}
	}
	ids, _, err := h.Executions(t.Context(), h.root, PrimaryWorkgroup, "", 10)
	if err != nil || !slices.Equal(ids, []string{young.ID}) {
		t.Errorf("got %v, %v", ids, err)
	}
	if again, err := h.Start(t.Context(), h.root, StartInput{Text: "CREATE DATABASE c", Token: token}); err != nil || again == id {
		t.Errorf("its token is still taken: %v", err)
	}
}

func TestOthersMayNotSeeAnExecution(t *testing.T) {
	h := newHouse(t, nil)
	id := h.start("CREATE DATABASE a")
	other := h.root
	other.Principal = "arn:aws:iam::123456789012:user/other"
	for name, call := range map[string]func() error{
		"Execution": func() error { _, err := h.Execution(t.Context(), other, id); return err },
		"Results":   func() error { _, err := h.Results(t.Context(), other, id, "", 10); return err },
		"Stop":      func() error { return h.Stop(t.Context(), other, id) },
		"Batch":     func() error { _, _, err := h.Batch(t.Context(), other, []string{id}); return err },
	} {
		if err := call(); !fault.Is(err, fault.Denied) || !strings.Contains(err.Error(), "workgroup/primary") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, err := h.Execution(t.Context(), h.root.In("us-east-1"), id); !fault.Is(err, fault.NotFound) {
		t.Errorf("another region: got %v", err)
	}
}

func TestFailureTypes(t *testing.T) {
	object := fault.Newf(fault.NotFound, "object s3://b/k", "does not exist")
	for _, tt := range []struct {
		name     string
		err      error
		kind     sql.Kind
		category int32
		is       int32
		message  string
	}{
		{"Trino's code", fault.Newf(fault.Invalid, "TYPE_MISMATCH", "line 1:8: no"), sql.DML, UserError, 1002, "TYPE_MISMATCH: line 1:8: no"},
		{"a code nobody measured", fault.Newf(fault.Invalid, "AMBIGUOUS_NAME", "line 1:8: no"), sql.DML, UserError, 1000, "AMBIGUOUS_NAME: line 1:8: no"},
		{"a defect", errors.New("secret detail"), sql.DML, SystemError, 200, "Query engine had an internal error; the server's log has the detail under query execution ID"},
		{"a full disk", fault.Newf(fault.Unavailable, "query result", "disk full"), sql.DML, SystemError, 100, "query result: disk full"},
		{"memory", fault.Newf(fault.Limit, "query", "Query exhausted resources at this scale factor"), sql.DML, UserError, 1, "Query exhausted resources at this scale factor"},
		{"time", errTimedOut, sql.DML, UserError, 206, "Query timeout"},
		{"a right that is missing", fault.Newf(fault.Denied, "principal p", "is not authorized"), sql.DML, UserError, 1500, "principal p: is not authorized"},
		{"an object", object, sql.DML, UserError, 1302, "object s3://b/k: does not exist"},
		{"a result that was not written", fault.Newf(fault.Conflict, "output location s3://b/k", "no: %w", object), sql.DML, OtherError, 401, "output location s3://b/k: no: object s3://b/k: does not exist"},
		{"DDL in our words", fault.Newf(fault.Invalid, "table a.b", "is not partitioned"), sql.DDL, UserError, 1003, "FAILED: table a.b: is not partitioned"},
		{"DDL in Hive's", fault.Newf(fault.Exists, "table a.b", "already exists"), sql.DDL, UserError, 1003, ddlTask + "AlreadyExistsException(message:Table b already exists.)"},
		{"the end of the server", errShutdown, sql.DML, SystemError, 100, "The server stopped while this query ran, and nothing of it was kept: run it again"},
		{"the end of the server in DDL", errShutdown, sql.DDL, SystemError, 100, "The server stopped while this statement ran: see whether its change was made, and run it again if not"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := failureOf(tt.err, tt.kind, "ID")
			if f.Category != tt.category || f.Type != tt.is || f.Message != tt.message || f.Retryable != (tt.category != UserError) {
				t.Errorf("got %+v", *f)
			}
		})
	}
}

// FuzzPlace claims: a token that was not made here is refused, and none makes a page begin outside the result.
func FuzzPlace(f *testing.F) {
	obj := lake.Object{Size: 1000, ETag: "tag"}
	good, err := place{ID: "id", Offset: 7, ETag: "tag"}.token()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add("")
	f.Add("e30")
	f.Add(strings.ToLower(good))
	f.Fuzz(func(t *testing.T, token string) {
		p, err := readPlace(token, "id", obj)
		if err == nil && (p.Offset < 0 || p.Offset > obj.Size || p.ID != "id" || p.ETag != "tag") {
			t.Fatalf("%q begins at %+v", token, p)
		}
		if err != nil && !fault.Is(err, fault.Invalid) {
			t.Fatal(err)
		}
	})
}
