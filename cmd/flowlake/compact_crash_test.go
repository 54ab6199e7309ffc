package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/athena"
	athenatypes "github.com/aws/aws-sdk-go-v2/service/athena/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// killFile, in the home folder of a server under test, names the point of a compaction where it kills itself, and at
// the how manieth time.
const killFile = "kill-compaction-at"

func init() {
	text, err := os.ReadFile(filepath.Join(os.Getenv("HOME"), killFile))
	if err != nil {
		return
	}
	at, times, _ := strings.Cut(string(text), " ")
	left, err := strconv.Atoi(times)
	if err != nil {
		return
	}
	compactReached = func(point string) {
		if point != at {
			return
		}
		if left--; left == 0 {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}
}

// compactCrash is a table that is compacted, and what it must hold.
type compactCrash struct {
	dir       string
	rows, sum int64
	pending   []int // the object whose writing was cut off: there or not
	next      int   // number of the next object
	queries   atomic.Int64
}

const (
	compactCrashBucket = "crash-compact"
	compactCrashDB     = "crash_compact"
	compactCrashRows   = 200 // of an object
)

func (w *compactCrash) key(n int) string {
	return fmt.Sprintf("flows/day=%d/%06d.parquet", n%3, n)
}

func (w *compactCrash) count(n int) {
	from := int64(n * compactCrashRows)
	w.rows += compactCrashRows
	w.sum += compactCrashRows*from + compactCrashRows*(compactCrashRows-1)/2
}

// put writes objects until the server is gone.
func (w *compactCrash) put(t *testing.T, c *clients, objects int) {
	t.Helper()
	for range objects {
		n := w.next
		w.next++
		_, err := c.s3.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(compactCrashBucket), Key: aws.String(w.key(n)),
			Body: bytes.NewReader(flowObject(t, n*compactCrashRows, compactCrashRows))})
		if err != nil {
			cutOff(t, "PutObject", err)
			w.pending = append(w.pending, n)
			return
		}
		w.count(n)
	}
}

// query returns the number of rows and their sum; ok is false when the server went.
func (w *compactCrash) query(ctx context.Context, t *testing.T, c *clients) (rows, sum int64, ok bool) {
	out, err := c.athena.StartQueryExecution(ctx, &athena.StartQueryExecutionInput{QueryString: aws.String("SELECT count(*), sum(bytes) FROM flows"),
		QueryExecutionContext: &athenatypes.QueryExecutionContext{Database: aws.String(compactCrashDB)}})
	if err != nil {
		return 0, 0, false
	}
	for pause(ctx, 5*time.Millisecond) {
		got, err := c.athena.GetQueryExecution(ctx, &athena.GetQueryExecutionInput{QueryExecutionId: out.QueryExecutionId})
		if err != nil {
			return 0, 0, false
		}
		switch s := got.QueryExecution.Status; s.State {
		case athenatypes.QueryExecutionStateFailed, athenatypes.QueryExecutionStateCancelled:
			t.Errorf("a query is %s: %s", s.State, str(s.StateChangeReason))
			return 0, 0, false
		case athenatypes.QueryExecutionStateSucceeded:
			res, err := c.athena.GetQueryResults(ctx, &athena.GetQueryResultsInput{QueryExecutionId: out.QueryExecutionId})
			if err != nil {
				return 0, 0, false
			}
			r := res.ResultSet.Rows[1].Data
			rows, _ = strconv.ParseInt(str(r[0].VarCharValue), 10, 64)
			sum, _ = strconv.ParseInt(str(r[1].VarCharValue), 10, 64)
			return rows, sum, true
		}
	}
	return 0, 0, false
}

func (w *compactCrash) check(ctx context.Context, t *testing.T, c *clients) bool {
	rows, sum, ok := w.query(ctx, t, c)
	if ok {
		if w.queries.Add(1); rows != w.rows || sum != w.sum {
			t.Errorf("the table has %d rows with the sum %d, want %d with %d", rows, sum, w.rows, w.sum)
		}
	}
	return ok
}

// settle finds out whether an object that was cut off is there, by the rows: a compaction may have had it already.
func (w *compactCrash) settle(t *testing.T, c *clients) bool {
	if len(w.pending) == 0 {
		return true
	}
	rows, _, ok := w.query(t.Context(), t, c)
	if ok {
		if rows != w.rows {
			w.count(w.pending[0])
		}
		w.pending = nil
	}
	return ok
}

// TestCrashCompaction kills a server again and again while it compacts a table and answers queries about it: at
// random moments, and at each point of a step. Every answer is that of all rows.
func TestCrashCompaction(t *testing.T) {
	seed := *crashSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("again with: -run TestCrashCompaction -crash.seed=%d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	w := &compactCrash{dir: t.TempDir()}
	p := launch(t, w.dir)
	c := p.clients("")
	_, err := c.s3.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String(compactCrashBucket)})
	ok(t, err)
	c.database(t, compactCrashDB)
	c.flowTable(t, compactCrashDB, "flows", "s3://"+compactCrashBucket+"/flows/", nil, "day")
	w.put(t, c, 30)
	rowsOf(t, c, compactCrashDB, "MSCK REPAIR TABLE flows")
	if !w.check(t.Context(), t, c) {
		t.Fatal("no answer")
	}
	p.kill()

	lives := []string{"planned", "sorted", "staged", "swapped", "", "", "", "", "", "", "planned", "sorted", "staged", "swapped", "", "", ""}
	if testing.Short() {
		lives = []string{"staged", "swapped", ""}
	}
	for life, point := range lives {
		kill := filepath.Join(w.dir, killFile)
		if point == "" {
			_ = os.Remove(kill)
		} else {
			ok(t, os.WriteFile(kill, fmt.Appendf(nil, "%s %d", point, 1+random.IntN(3)), 0o600))
		}
		p, err := tryLaunch(t, w.dir)
		if err != nil { // a compaction that went on came to the point at once
			if !strings.Contains(p.stderr.String(), "ready") && point == "" {
				t.Fatalf("life %d: %v\n%s", life, err, p.stderr)
			}
			p.kill()
			continue
		}
		c := p.clients("")
		ctx, end := context.WithCancel(t.Context())
		var work sync.WaitGroup
		if w.settle(t, c) {
			w.put(t, c, 9) // what a compaction that goes on does not know
			for range 2 {
				work.Go(func() {
					for w.check(ctx, t, c) {
					}
				})
			}
			work.Go(func() {
				_, _ = askRun(ctx, c.config(""), "/compact", fmt.Appendf(nil, `{"database":%q,"table":"flows"}`, compactCrashDB))
			})
		}
		if point == "" {
			pause(ctx, time.Duration(random.IntN(1200))*time.Millisecond)
		} else {
			select { // until it kills itself; a compaction with fewer steps ends
			case err := <-p.waitError:
				p.waitError <- err
			case <-time.After(5 * time.Second):
			}
		}
		p.kill()
		end()
		work.Wait()
		if t.Failed() {
			t.Fatalf("in life %d, %q\n%s", life, point, p.stderr)
		}
	}
	_ = os.Remove(filepath.Join(w.dir, killFile))
	p = launch(t, w.dir)
	c = p.clients("")
	if !w.settle(t, c) {
		t.Fatal("no answer")
	}
	w.put(t, c, 6)
	var out, errs string
	until(t, "the compactions that were under way", func() bool {
		var code int
		out, errs, code = runCommand(t, c.env(t), "", "compact", compactCrashDB+".flows")
		return code == 0
	})
	if !w.check(t.Context(), t, c) {
		t.Error("no answer")
	}
	if keys := c.objects(t, compactCrashBucket, ""); len(keys) != 3 {
		t.Errorf("the table has the objects %v, want one for each day: %s%s", keys, out, errs)
	}
	if out, errs, code := runCommand(t, c.env(t), "", "verify"); code != 0 {
		t.Errorf("verify: exit %d, %q, %q", code, out, errs)
	}
	checkOrphans(t, c)
	if left, err := os.ReadDir(filepath.Join(p.data, "scratch", "compact")); err != nil || len(left) != 0 {
		t.Errorf("scratch holds %v, %v", left, err)
	}
	if err := p.terminate(); err != nil {
		t.Errorf("%v\n%s", err, p.stderr)
	}
	t.Logf("%d lives, %d answers, %d objects were written", len(lives), w.queries.Load(), w.next)
}
