package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/athena"
	athenatypes "github.com/aws/aws-sdk-go-v2/service/athena/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/glue"
	gluetypes "github.com/aws/aws-sdk-go-v2/service/glue/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
)

var crashSeed = flag.Uint64("crash.seed", 0, "what TestCrash's randomness begins with; 0: the clock")

// The names of the things that TestCrash writes to.
const (
	crashGroup   = "crash/vpc"
	crashObjects = "crash-objects"
	crashExports = "crash-exports"
	crashDB      = "crash"
	crashCrawler = "crash"
)

// TestCrash kills one server again and again, at random moments, while log events, objects, an export, a crawl and
// queries are under way, and then holds the data folder against what was acknowledged.
func TestCrash(t *testing.T) {
	kills, early := 20, 4
	if testing.Short() {
		kills, early = 4, 1
	}
	seed := *crashSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("again with: -run TestCrash -crash.seed=%d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	dir := t.TempDir()
	p := launch(t, dir)
	prepareCrash(t, p.clients(""))
	p.kill()

	world := newCrashWorld(seed)
	for life := range kills + early {
		if life%(kills/early+1) == kills/early {
			killAtStart(t, dir, time.Duration(random.IntN(300))*time.Millisecond)
			continue
		}
		p := launch(t, dir)
		ctx, end := context.WithCancel(t.Context())
		var writers sync.WaitGroup
		world.work(t, ctx, p.clients(""), &writers)
		time.Sleep(time.Duration(random.IntN(1000)) * time.Millisecond)
		select {
		case err := <-p.waitError:
			t.Fatalf("the server ended by itself: %v\n%s", err, p.stderr)
		default:
		}
		p.kill()
		end()
		writers.Wait()
		if t.Failed() {
			t.Fatalf("in life %d\n%s", life, p.stderr)
		}
	}
	p = launch(t, dir)
	c := p.clients("")
	world.settle(t, c)
	t.Run("log events", func(t *testing.T) { world.checkEvents(t, c) })
	t.Run("objects", func(t *testing.T) { world.checkObjects(t, c) })
	t.Run("exports", func(t *testing.T) { world.checkExports(t, c) })
	t.Run("crawl", func(t *testing.T) { world.checkCrawl(t, c) })
	t.Run("queries", func(t *testing.T) { world.checkQueries(t, c) })
	t.Run("verify finds nothing", func(t *testing.T) {
		if out, errs, code := runCommand(t, c.env(t), "", "verify"); code != 0 {
			t.Errorf("exit %d, %q, %q", code, out, errs)
		}
	})
	t.Run("no file is without its object", func(t *testing.T) { checkOrphans(t, c) })
	if err := p.terminate(); err != nil {
		t.Errorf("%v\n%s", err, p.stderr)
	}
	t.Run("no process is left", func(t *testing.T) {
		until(t, "the last worker's end", func() bool { return len(processes("worker")) == 0 })
	})
	world.log(t)
}

func prepareCrash(t *testing.T, c *clients) {
	t.Helper()
	ctx := t.Context()
	_, err := c.logs.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String(crashGroup)})
	ok(t, err)
	for i := range crashStreams {
		_, err := c.logs.CreateLogStream(ctx, &cloudwatchlogs.CreateLogStreamInput{LogGroupName: aws.String(crashGroup), LogStreamName: aws.String(crashStream(i))})
		ok(t, err)
	}
	for _, b := range []string{crashObjects, crashExports} {
		_, err := c.s3.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &b})
		ok(t, err)
	}
	c.letExport(t, crashExports, "e")
	c.database(t, crashDB)
	_, err = c.s3.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String(crashObjects), Key: aws.String("table/lines"), Body: strings.NewReader(strings.Repeat("10.0.0.1 7\n", 1000))})
	ok(t, err)
	_, err = c.glue.CreateTable(ctx, &glue.CreateTableInput{DatabaseName: aws.String(crashDB), TableInput: textTable("lines", "s3://"+crashObjects+"/table/")})
	ok(t, err)
	c.letRole(t, "arn:aws:iam::"+defaultAccount+":role/crawler")
	_, err = c.glue.CreateCrawler(ctx, &glue.CreateCrawlerInput{Name: aws.String(crashCrawler), Role: aws.String("arn:aws:iam::" + defaultAccount + ":role/crawler"),
		DatabaseName: aws.String(crashDB), Targets: &gluetypes.CrawlerTargets{S3Targets: []gluetypes.S3Target{{Path: aws.String("s3://" + crashExports + "/e/")}}}})
	ok(t, err)
}

// killAtStart kills a server that may not be ready yet.
func killAtStart(t *testing.T, dir string, after time.Duration) {
	t.Helper()
	self, err := os.Executable()
	ok(t, err)
	cmd := exec.Command(self, "serve", "--data", filepath.Join(dir, "data"), "--listen", "127.0.0.1:0")
	cmd.Env = cleanEnv(dir)
	cmd.SysProcAttr = childOfThis()
	ok(t, cmd.Start())
	time.Sleep(after)
	ok(t, cmd.Process.Kill())
	if err := cmd.Wait(); err == nil {
		t.Error("the server ended by itself")
	}
}

// cutOff tells the failure of a call whose server was killed from an answer that no call should have got.
func cutOff(t *testing.T, what string, err error) {
	t.Helper()
	if _, answered := errors.AsType[smithy.APIError](err); answered {
		t.Errorf("%s: %v", what, err)
	}
}

// settle waits until everything that a killed server left behind has come to its end.
func (w *crashWorld) settle(t *testing.T, c *clients) {
	t.Helper()
	ctx := t.Context()
	until(t, "the end of all export tasks", func() bool {
		for _, status := range []logtypes.ExportTaskStatusCode{"PENDING", "RUNNING", "PENDING_CANCEL"} {
			out, err := c.logs.DescribeExportTasks(ctx, &cloudwatchlogs.DescribeExportTasksInput{StatusCode: status})
			ok(t, err)
			if len(out.ExportTasks) > 0 {
				return false
			}
		}
		return true
	})
	until(t, "the end of the crawl", func() bool {
		out, err := c.glue.GetCrawler(ctx, &glue.GetCrawlerInput{Name: aws.String(crashCrawler)})
		ok(t, err)
		return out.Crawler.State == gluetypes.CrawlerStateReady
	})
	until(t, "the end of all queries", func() bool {
		for ids := range slices.Chunk(w.queries.ids, 50) {
			out, err := c.athena.BatchGetQueryExecution(ctx, &athena.BatchGetQueryExecutionInput{QueryExecutionIds: ids})
			ok(t, err)
			for _, e := range out.QueryExecutions {
				if e.Status.State == "QUEUED" || e.Status.State == "RUNNING" {
					return false
				}
			}
		}
		return true
	})
}

// checkEvents reads every stream. Each batch that was acknowledged is there once and whole, one that was not is there
// once and whole or not at all, and all are in the order in which they were put.
func (w *crashWorld) checkEvents(t *testing.T, c *clients) {
	for i, s := range w.streams {
		var got []int
		page := &cloudwatchlogs.GetLogEventsInput{LogGroupName: aws.String(crashGroup), LogStreamName: aws.String(crashStream(i)), StartFromHead: aws.Bool(true)}
		for {
			out, err := c.logs.GetLogEvents(t.Context(), page)
			ok(t, err)
			if str(out.NextForwardToken) == str(page.NextToken) {
				break
			}
			for _, e := range out.Events {
				got = append(got, eventNumber(t, *e.Message))
			}
			page.NextToken = out.NextForwardToken
		}
		if err := s.compare(got, len(s.batches)); err != nil {
			t.Errorf("stream %s: %v", crashStream(i), err)
		}
	}
}

// checkObjects reads every object that was ever written.
func (w *crashWorld) checkObjects(t *testing.T, c *clients) {
	there := map[string]bool{}
	pages := s3.NewListObjectsV2Paginator(c.s3, &s3.ListObjectsV2Input{Bucket: aws.String(crashObjects), Prefix: aws.String("w")})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		ok(t, err)
		for _, o := range page.Contents {
			there[*o.Key] = true
		}
	}
	for _, s := range w.scribes {
		for key, o := range s.objects {
			content := absent
			if there[key] {
				content = digest([]byte(contents(t, c, crashObjects, key)))
			}
			if !o.may(content) {
				t.Errorf("%s holds %s; acknowledged is %s, and under way were %v", key, content, o.sure, o.maybe)
			}
			delete(there, key)
		}
	}
	for key := range there {
		t.Errorf("%s was never written", key)
	}
}

// checkExports reads what the tasks wrote.
func (w *crashWorld) checkExports(t *testing.T, c *clients) {
	completed := 0
	for _, task := range w.exports.tasks {
		out, err := c.logs.DescribeExportTasks(t.Context(), &cloudwatchlogs.DescribeExportTasksInput{TaskId: &task.id})
		ok(t, err)
		if len(out.ExportTasks) != 1 {
			t.Errorf("task %s was acknowledged and is not there", task.id)
			continue
		}
		switch s := out.ExportTasks[0].Status; {
		case s.Code == logtypes.ExportTaskStatusCodeCompleted:
			completed++
			for i, s := range w.streams {
				got := exportedNumbers(t, c, task.id, crashStream(i))
				if err := s.compare(got, task.batches[i]); err != nil {
					t.Errorf("task %s, stream %s: %v", task.id, crashStream(i), err)
				}
			}
		case s.Code != logtypes.ExportTaskStatusCodeFailed || str(s.Message) == "":
			t.Errorf("task %s is %s: %q", task.id, s.Code, str(s.Message))
		}
	}
	if len(w.exports.tasks) > 0 && completed == 0 {
		t.Errorf("none of %d tasks completed", len(w.exports.tasks))
	}
	w.completed = completed
}

// exportedNumbers are the numbers of a stream's exported events; every object must be whole gzip of whole lines.
func exportedNumbers(t *testing.T, c *clients, task, stream string) (numbers []int) {
	t.Helper()
	pages := s3.NewListObjectsV2Paginator(c.s3, &s3.ListObjectsV2Input{Bucket: aws.String(crashExports), Prefix: aws.String("e/" + task + "/" + stream + "/")})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		ok(t, err)
		for _, o := range page.Contents {
			for _, line := range unzip(t, contents(t, c, crashExports, *o.Key)) {
				_, message, _ := strings.Cut(line, " ")
				numbers = append(numbers, eventNumber(t, message))
			}
		}
	}
	return numbers
}

// checkCrawl crawls once more, and asks SQL for what the exports hold.
func (w *crashWorld) checkCrawl(t *testing.T, c *clients) {
	out, err := c.glue.GetCrawler(t.Context(), &glue.GetCrawlerInput{Name: aws.String(crashCrawler)})
	ok(t, err)
	if last := out.Crawler.LastCrawl; w.crawls > 0 && (last == nil || last.Status == "") {
		t.Errorf("the last crawl has no end: %+v", last)
	}
	if w.completed == 0 {
		t.Skip("nothing was exported")
	}
	_, err = c.glue.StartCrawler(t.Context(), &glue.StartCrawlerInput{Name: aws.String(crashCrawler)})
	ok(t, err)
	time.Sleep(20 * time.Millisecond)
	if cr := crawled(t, c, crashCrawler); cr.LastCrawl.Status != gluetypes.LastCrawlStatusSucceeded {
		t.Fatalf("got %+v", cr.LastCrawl)
	}
	rows := rowsOf(t, c, crashDB, "SELECT partition_0, partition_1, count(*), count(DISTINCT bytes) FROM e GROUP BY 1, 2 ORDER BY 1, 2")
	if len(rows) < 2 {
		t.Fatal("the table has no rows")
	}
	for _, r := range rows[1:] {
		n := strconv.Itoa(len(exportedNumbers(t, c, r[0], r[1])))
		if r[2] != n || r[3] != n {
			t.Errorf("task %s, stream %s: SQL finds %s rows with %s numbers, the objects hold %s", r[0], r[1], r[2], r[3], n)
		}
	}
}

// checkQueries asks for every query that was acknowledged.
func (w *crashWorld) checkQueries(t *testing.T, c *clients) {
	for _, id := range w.queries.ids {
		out, err := c.athena.GetQueryExecution(t.Context(), &athena.GetQueryExecutionInput{QueryExecutionId: &id})
		if err != nil {
			t.Errorf("query %s was acknowledged: %v", id, err)
			continue
		}
		switch s := out.QueryExecution.Status; s.State {
		case athenatypes.QueryExecutionStateSucceeded:
			w.queries.succeeded++
			rows, err := c.athena.GetQueryResults(t.Context(), &athena.GetQueryResultsInput{QueryExecutionId: &id})
			ok(t, err)
			if r := rows.ResultSet.Rows; len(r) != 2 || *r[1].Data[0].VarCharValue != "7000" {
				t.Errorf("query %s: got %+v", id, r)
			}
		case athenatypes.QueryExecutionStateFailed:
			if str(s.StateChangeReason) == "" {
				t.Errorf("query %s failed and does not say why", id)
			}
		default:
			t.Errorf("query %s is %s: %s", id, s.State, str(s.StateChangeReason))
		}
	}
}

// checkOrphans compares the files of the lake with what its listings say: in number and in bytes, once the reaper
// is through. Empty objects have no say.
func checkOrphans(t *testing.T, c *clients) {
	var files, fileBytes, held, heldBytes int64
	defer func() {
		if t.Failed() {
			t.Logf("%d files of %d bytes, and objects that need %d of %d bytes", files, fileBytes, held, heldBytes)
		}
	}()
	until(t, "the lake's files are those of its objects", func() bool {
		files, fileBytes = lakeFiles(t, c.data)
		held, heldBytes = lakeObjects(t, c)
		return files == held && fileBytes == heldBytes
	})
}

func lakeFiles(t *testing.T, data string) (files, size int64) {
	t.Helper()
	ok(t, filepath.WalkDir(filepath.Join(data, "lake", "objects"), func(_ string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // removed meanwhile
		}
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Size() > 0 {
			files, size = files+1, size+info.Size()
		}
		return nil
	}))
	return files, size
}

// lakeObjects counts the files that objects and the parts of uploads must have.
func lakeObjects(t *testing.T, c *clients) (files, size int64) {
	t.Helper()
	ctx := t.Context()
	buckets, err := c.s3.ListBuckets(ctx, &s3.ListBucketsInput{})
	ok(t, err)
	for _, b := range buckets.Buckets {
		pages := s3.NewListObjectsV2Paginator(c.s3, &s3.ListObjectsV2Input{Bucket: b.Name})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			ok(t, err)
			for _, o := range page.Contents {
				parts := int64(1)
				if _, n, found := strings.Cut(strings.Trim(*o.ETag, `"`), "-"); found {
					parts, err = strconv.ParseInt(n, 10, 64)
					ok(t, err)
				}
				if *o.Size > 0 {
					files, size = files+parts, size+*o.Size
				}
			}
		}
		uploads, err := c.s3.ListMultipartUploads(ctx, &s3.ListMultipartUploadsInput{Bucket: b.Name})
		ok(t, err)
		for _, u := range uploads.Uploads {
			parts, err := c.s3.ListParts(ctx, &s3.ListPartsInput{Bucket: b.Name, Key: u.Key, UploadId: u.UploadId})
			ok(t, err)
			for _, p := range parts.Parts {
				files, size = files+1, size+*p.Size
			}
		}
	}
	return files, size
}

// processes are the ids of running processes of this program with a command.
func processes(command string) (ids []string) {
	self, err := os.Executable()
	if err != nil {
		return nil
	}
	lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return nil
	}
	for _, path := range lines {
		b, err := os.ReadFile(path)
		if err != nil {
			continue // it ended
		}
		if args := bytes.Split(b, []byte{0}); len(args) > 1 && string(args[0]) == self && string(args[1]) == command {
			ids = append(ids, filepath.Base(filepath.Dir(path)))
		}
	}
	return ids
}

func (w *crashWorld) log(t *testing.T) {
	var events, batches int
	for _, s := range w.streams {
		events, batches = events+s.next, batches+len(s.batches)
	}
	writes := 0
	for _, s := range w.scribes {
		writes += s.acknowledged
	}
	t.Logf("%d events in %d batches, %d object writes, %d exports (%d completed), %d crawls, %d queries (%d succeeded)",
		events, batches, writes, len(w.exports.tasks), w.completed, w.crawls, len(w.queries.ids), w.queries.succeeded)
}
