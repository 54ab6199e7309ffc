//go:build duckdb_arrow

package athena_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	api "github.com/aws/aws-sdk-go-v2/service/athena"
	"github.com/aws/aws-sdk-go-v2/service/athena/types"
	"github.com/aws/smithy-go"

	"flowlake/access"
	"flowlake/access/audit"
	"flowlake/access/formation"
	"flowlake/access/identity"
	door "flowlake/aws/athena"
	"flowlake/aws/wire"
	"flowlake/catalog"
	"flowlake/lake"
	"flowlake/query"
	"flowlake/query/duckdb"
	"flowlake/state"
)

const (
	account = "123456789012"
	seoul   = "ap-northeast-2"
)

// TestMain makes this test's own binary the query worker, as flowlake is its own.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "worker" {
		if err := duckdb.Worker(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// house is the rooms below Athena's door over one folder, and the official client before it.
type house struct {
	*api.Client
	t       testing.TB
	dir     string
	keys    *access.Keys
	state   *state.Store
	lake    *lake.Store
	catalog *catalog.Catalog
	queries *query.Queries

	identities *identity.Store
	guard      *access.Guard
	formation  *formation.Store
	server     *httptest.Server
	root       access.Caller
	stop       func()
}

// open opens the house in dir; change may turn the bounds of queries. Nothing runs before run.
func open(t testing.TB, dir string, change func(*query.Config)) *house {
	t.Helper()
	h := &house{t: t, dir: dir, root: access.Root(account, seoul)}
	quiet := slog.New(slog.DiscardHandler)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var err error
	h.keys, err = access.OpenKeys(filepath.Join(dir, "config", "credentials"), account)
	must(err)
	h.state, err = state.Open(filepath.Join(dir, "state"))
	must(err)
	seal, err := identity.OpenSeal(filepath.Join(dir, "config", "key"))
	must(err)
	h.identities, err = identity.Open(h.state, account, seal, quiet)
	must(err)
	h.keys.SetIdentities(h.identities)
	recorded, err := audit.Open(audit.Config{Dir: filepath.Join(dir, "audit"), Log: quiet})
	must(err)
	t.Cleanup(func() { recorded.Close() })
	guard := access.OpenGuard(access.GuardConfig{Account: account, Identities: h.identities, Audit: recorded, Log: quiet})
	h.guard = guard
	h.lake, err = lake.Open(lake.Config{Dir: filepath.Join(dir, "lake")}, h.state, guard, quiet)
	must(err)
	h.catalog = catalog.Open(h.state, guard, quiet)
	h.formation = formation.Open(h.state, guard, quiet)
	h.formation.SetIdentities(h.identities)
	h.catalog.SetFormation(h.formation)
	self, err := os.Executable()
	must(err)
	engine := duckdb.New(duckdb.Config{Executable: self, Args: []string{"worker"}, Scratch: filepath.Join(dir, "engine"), Idle: 2, Threads: 1, Log: quiet})
	cfg := query.Default()
	cfg.Scratch = filepath.Join(dir, "scratch")
	if change != nil {
		change(&cfg)
	}
	h.queries, err = query.New(cfg, h.state, h.catalog, h.lake, engine, guard, quiet)
	must(err)
	h.queries.SetFormation(h.formation)
	handler, err := wire.New(wire.Config{Keys: h.keys, Guard: guard, Log: quiet}, []wire.Service{door.Service(h.queries)})
	must(err)
	h.server = httptest.NewServer(handler)
	h.Client = h.in(seoul)
	ctx, cancel := context.WithCancel(context.Background())
	engineEnded := make(chan error, 1)
	go func() { engineEnded <- engine.Serve(ctx) }()
	stopped := false
	h.stop = func() {
		if stopped {
			return
		}
		stopped = true
		h.server.Close()
		cancel()
		for _, err := range []error{<-engineEnded, h.lake.Close(), h.state.Close()} {
			if err != nil {
				t.Error(err)
			}
		}
	}
	t.Cleanup(h.stop)
	return h
}

// run lets queries run until the house stops.
func (h *house) run() *house {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- h.queries.Run(ctx) }()
	rest := h.stop
	once := false
	h.stop = func() {
		if !once {
			once = true
			cancel()
			if err := <-ended; err != nil {
				h.t.Error(err)
			}
		}
		rest()
	}
	h.t.Cleanup(h.stop)
	return h
}

func newHouse(t testing.TB) *house { return open(t, t.TempDir(), nil).run() }

// in is a client in another region.
func (h *house) in(region string) *api.Client {
	return api.New(api.Options{Region: region, BaseEndpoint: &h.server.URL, RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(h.keys.Root().ID, h.keys.Root().Secret, "")})
}

func (h *house) bucket(name string) {
	h.t.Helper()
	if err := h.lake.CreateBucket(h.t.Context(), h.root, name); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) put(bucket, key, body string) {
	h.t.Helper()
	if _, err := h.lake.Put(h.t.Context(), h.root, lake.PutInput{Bucket: bucket, Key: key, Body: strings.NewReader(body), Size: int64(len(body))}); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) putGzip(bucket, key, body string) {
	h.t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(body)); err != nil {
		h.t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		h.t.Fatal(err)
	}
	h.put(bucket, key, b.String())
}

// begin starts a statement in a database.
func (h *house) begin(database, text string) string {
	h.t.Helper()
	out, err := h.StartQueryExecution(h.t.Context(), &api.StartQueryExecutionInput{QueryString: &text,
		QueryExecutionContext: &types.QueryExecutionContext{Database: &database}})
	if err != nil {
		h.t.Fatalf("%s\n%v", text, err)
	}
	return *out.QueryExecutionId
}

// wait returns an execution once it has ended.
func (h *house) wait(id string) *types.QueryExecution {
	h.t.Helper()
	for began := time.Now(); time.Since(began) < 30*time.Second; time.Sleep(2 * time.Millisecond) {
		out, err := h.GetQueryExecution(h.t.Context(), &api.GetQueryExecutionInput{QueryExecutionId: &id})
		if err != nil {
			h.t.Fatal(err)
		}
		switch out.QueryExecution.Status.State {
		case types.QueryExecutionStateQueued, types.QueryExecutionStateRunning:
			continue
		}
		return out.QueryExecution
	}
	h.t.Fatalf("query %s does not end", id)
	return nil
}

// rows runs a statement that must succeed and returns its rows, NULL as "∅", without the labels.
func (h *house) rows(database, text string) [][]string {
	h.t.Helper()
	rows, _ := h.answer(database, text)
	return rows
}

func (h *house) answer(database, text string) ([][]string, *types.QueryExecution) {
	h.t.Helper()
	e := h.wait(h.begin(database, text))
	if e.Status.State != types.QueryExecutionStateSucceeded {
		h.t.Fatalf("%s\n%s: %s", text, e.Status.State, aws.ToString(e.Status.StateChangeReason))
	}
	var rows [][]string
	pages := api.NewGetQueryResultsPaginator(h.Client, &api.GetQueryResultsInput{QueryExecutionId: e.QueryExecutionId})
	for pages.HasMorePages() {
		page, err := pages.NextPage(h.t.Context())
		if err != nil {
			h.t.Fatal(err)
		}
		for _, r := range page.ResultSet.Rows {
			rows = append(rows, cells(r))
		}
	}
	if e.StatementType == types.StatementTypeDml {
		rows = rows[1:]
	}
	return rows, e
}

func cells(r types.Row) []string {
	row := make([]string, len(r.Data))
	for i, d := range r.Data {
		row[i] = "∅"
		if d.VarCharValue != nil {
			row[i] = *d.VarCharValue
		}
	}
	return row
}

// do runs statements that must succeed.
func (h *house) do(database string, texts ...string) {
	h.t.Helper()
	for _, text := range texts {
		h.rows(database, text)
	}
}

// fails runs a statement that must fail and returns why.
func (h *house) fails(database, text string) *types.QueryExecutionStatus {
	h.t.Helper()
	e := h.wait(h.begin(database, text))
	if e.Status.State != types.QueryExecutionStateFailed || e.Status.AthenaError == nil {
		h.t.Fatalf("%s\ngot %s, want FAILED with its error", text, e.Status.State)
	}
	return e.Status
}

func (h *house) want(database, text string, want ...string) {
	h.t.Helper()
	if got := flat(h.rows(database, text)); got != strings.Join(want, "\n") {
		h.t.Errorf("%s\ngot  %q\nwant %q", text, got, strings.Join(want, "\n"))
	}
}

// flat writes rows one a line, with | between their values.
func flat(rows [][]string) string {
	lines := make([]string, len(rows))
	for i, r := range rows {
		lines[i] = strings.Join(r, "|")
	}
	return strings.Join(lines, "\n")
}

// wantError checks an API error's code, its AthenaErrorCode when it is an InvalidRequestException, and its words.
func wantError(t testing.TB, err error, code, athenaCode, words string) {
	t.Helper()
	var e smithy.APIError
	if !errors.As(err, &e) || e.ErrorCode() != code || !strings.Contains(e.ErrorMessage(), words) {
		t.Errorf("got %v, want %s with %q", err, code, words)
		return
	}
	var invalid *types.InvalidRequestException
	if errors.As(err, &invalid) && aws.ToString(invalid.AthenaErrorCode) != athenaCode {
		t.Errorf("%v: AthenaErrorCode %q, want %q", err, aws.ToString(invalid.AthenaErrorCode), athenaCode)
	}
}
