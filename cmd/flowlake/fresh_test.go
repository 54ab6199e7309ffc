package main

import (
	"context"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/glue"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// TestFreshRows asks a fresh table again and again while rows come in, batches are delivered and small objects are compacted: each row
// that was acknowledged before the question is in the answer, and none is there twice.
func TestFreshRows(t *testing.T) {
	rounds := 8
	if testing.Short() {
		rounds = 3
	}
	p := launch(t, t.TempDir())
	c := p.clients("")
	_, err := c.s3.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String(rowsBucket)})
	ok(t, err)
	c.database(t, rowsDB)
	for _, name := range []string{subscribed, direct, late} {
		in := rowsTable(name)
		in.Parameters["flowlake.fresh"] = "true"
		_, err := c.glue.CreateTable(t.Context(), &glue.CreateTableInput{DatabaseName: aws.String(rowsDB), TableInput: in})
		ok(t, err)
		c.rowsStream(t, name, rowsBucket, map[string]int{subscribed: 1, late: 900}[name])
	}
	c.rowsSubscription(t)

	world := &rowWorld{rows: map[string]bool{}}
	ctx, end := context.WithCancel(t.Context())
	var work sync.WaitGroup
	world.work(t, ctx, c, &work, 0)
	work.Go(func() {
		for ctx.Err() == nil {
			if _, errs, code := runCommand(t, c.env(t), "", "compact", rowsDB+"."+direct, "--sort-by", "row"); code != 0 {
				t.Errorf("compact: exit %d, %s", code, errs)
			}
			time.Sleep(200 * time.Millisecond)
		}
	})
	kinds := map[string]string{subscribed: "event", direct: direct, late: late}
	for range rounds {
		for table, kind := range kinds {
			before := world.count(kind, true)
			rows := rowsOf(t, c, rowsDB, `SELECT count(*), count(DISTINCT "row") FROM `+table)
			after := world.count(kind, false)
			all, err := strconv.Atoi(rows[1][0])
			ok(t, err)
			if distinct, _ := strconv.Atoi(rows[1][1]); all != distinct || all < before || all > after {
				t.Errorf("%s has %d rows, %d of them different; %d were acknowledged before, %d sent in the end", table, all, distinct, before, after)
			}
		}
		if t.Failed() {
			break
		}
	}
	for n := range 3 { // several fresh tables in one query, in any order
		from := [][2]string{{subscribed, direct}, {direct, late}, {late, subscribed}}[n]
		rowsOf(t, c, rowsDB, "SELECT count(*) FROM "+from[0]+" UNION ALL SELECT count(*) FROM "+from[1])
	}
	end()
	work.Wait()
	if n := c.deliveryNumber("batches_total", late); n != 0 {
		t.Errorf("the stream with the long buffer delivered %d batches", n)
	}
	if n := c.deliveryNumber("batches_total", direct); n == 0 {
		t.Error("nothing was delivered meanwhile")
	}
	if err := p.terminate(); err != nil {
		t.Errorf("%v\n%s", err, p.stderr)
	}
}

// count counts the rows of a kind that convert: those that were acknowledged, or all that were sent.
func (w *rowWorld) count(kind string, acknowledged bool) (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for r, sure := range w.rows {
		if len(r) > len(kind) && r[:len(kind)+1] == kind+"-" && (sure || !acknowledged) {
			n++
		}
	}
	if kind != "event" { // two of each put are no JSON
		n = n / rowsAtATime * (rowsAtATime - 2)
	}
	return n
}
