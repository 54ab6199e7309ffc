package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
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
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
)

const (
	crashStreams = 4
	crashScribes = 3
)

func crashStream(i int) string { return fmt.Sprintf("eni-%d-all", i) }

// crashWorld is who writes, and what each knows to be acknowledged. It outlives the servers.
type crashWorld struct {
	streams []*streamWriter
	scribes []*scribe
	exports struct{ tasks []exportTask }
	queries struct {
		ids       []string
		succeeded int
	}
	crawls    int
	completed int // exports
}

func newCrashWorld(seed uint64) *crashWorld {
	w := &crashWorld{}
	for i := range crashStreams {
		w.streams = append(w.streams, &streamWriter{name: crashStream(i), random: rand.New(rand.NewPCG(seed, uint64(100+i)))})
	}
	for i := range crashScribes {
		w.scribes = append(w.scribes, &scribe{name: fmt.Sprintf("w%d", i), random: rand.New(rand.NewPCG(seed, uint64(200+i))), objects: map[string]*crashObject{}})
	}
	return w
}

// work starts everybody. Each ends by itself when the server is gone or ctx ends.
func (w *crashWorld) work(t *testing.T, ctx context.Context, c *clients, done *sync.WaitGroup) {
	for _, s := range w.streams {
		done.Go(func() {
			for ctx.Err() == nil && s.put(t, ctx, c) {
			}
		})
	}
	for _, s := range w.scribes {
		done.Go(func() {
			for ctx.Err() == nil && s.step(t, ctx, c) {
			}
		})
	}
	for _, loop := range []func(*testing.T, context.Context, *clients) bool{w.export, w.crawl, w.query} {
		done.Go(func() {
			for ctx.Err() == nil && loop(t, ctx, c) {
			}
		})
	}
}

// streamWriter puts numbered events into a stream of its own.
type streamWriter struct {
	name   string
	random *rand.Rand

	mu      sync.Mutex // guards batches: an export notes how many there are
	batches []batch
	next    int // the next event's number
	last    int64
}

// batch is one PutLogEvents.
type batch struct {
	first, end   int
	acknowledged bool
}

// put puts one batch, and reports whether the server still answers.
func (s *streamWriter) put(t *testing.T, ctx context.Context, c *clients) bool {
	n := 1 + s.random.IntN(120)
	b := batch{first: s.next, end: s.next + n}
	s.next = b.end
	events := make([]logtypes.InputLogEvent, n)
	for i := range events {
		s.last = max(s.last, time.Now().UnixMilli())
		at := s.last
		message := fmt.Sprintf("2 %s eni-0a1b2c3d4e5f60718 10.0.0.1 10.1.2.3 %d 443 6 12 %d %d %d ACCEPT OK", defaultAccount, 1024+i, b.first+i, at/1000, at/1000+60)
		events[i] = logtypes.InputLogEvent{Timestamp: &at, Message: &message}
	}
	out, err := c.logs.PutLogEvents(ctx, &cloudwatchlogs.PutLogEventsInput{LogGroupName: aws.String(crashGroup), LogStreamName: &s.name, LogEvents: events})
	if b.acknowledged = err == nil; !b.acknowledged {
		cutOff(t, "PutLogEvents", err)
	} else if out.RejectedLogEventsInfo != nil {
		t.Errorf("events were rejected: %+v", out.RejectedLogEventsInfo)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.batches = append(s.batches, b)
	return err == nil
}

// eventNumber is the number in a message: its bytes column.
func eventNumber(t *testing.T, message string) int {
	t.Helper()
	fields := strings.Fields(message)
	if len(fields) != 14 {
		t.Fatalf("an event that nobody put: %q", message)
	}
	n, err := strconv.Atoi(fields[9])
	ok(t, err)
	return n
}

// compare holds a stream's numbers against its batches. Those from the known-th on may be missing even where they
// were acknowledged.
func (s *streamWriter) compare(got []int, known int) error {
	for i, b := range s.batches {
		if len(got) == 0 || got[0] >= b.end {
			if b.acknowledged && i < known {
				return fmt.Errorf("batch %d (events %d to %d) was acknowledged and is not there", i, b.first, b.end-1)
			}
			continue
		}
		for n := b.first; n < b.end; n++ {
			if len(got) == 0 || got[0] != n {
				return fmt.Errorf("batch %d (events %d to %d, acknowledged: %v) goes on with %v where %d should be", i, b.first, b.end-1, b.acknowledged, got[:min(3, len(got))], n)
			}
			got = got[1:]
		}
	}
	if len(got) > 0 {
		return fmt.Errorf("%d events too many, from %d on", len(got), got[0])
	}
	return nil
}

// absent is the content of an object that is not there.
const absent = "nothing"

func digest(content []byte) string {
	sum := sha256.Sum256(content)
	return fmt.Sprintf("%d bytes %s", len(content), hex.EncodeToString(sum[:6]))
}

// crashObject is what a key may hold: what was acknowledged last, or what was under way since when a server died.
type crashObject struct {
	sure  string
	etag  string // of sure
	maybe []string
}

func (o *crashObject) may(content string) bool {
	return content == o.sure || slices.Contains(o.maybe, content)
}

func (o *crashObject) is(content, etag string) { *o = crashObject{sure: content, etag: etag} }

// scribe writes, replaces and deletes a few objects of its own.
type scribe struct {
	name         string
	random       *rand.Rand
	objects      map[string]*crashObject
	acknowledged int
}

// step does one thing, and reports whether the server still answers.
func (s *scribe) step(t *testing.T, ctx context.Context, c *clients) bool {
	key := fmt.Sprintf("%s/k%d", s.name, s.random.IntN(8))
	o := s.objects[key]
	if o == nil {
		o = &crashObject{sure: absent}
		s.objects[key] = o
	}
	body := make([]byte, 1+s.random.IntN(40_000))
	for i := range body {
		body[i] = byte(s.random.Uint32())
	}
	kind, err, content, etag := "", error(nil), digest(body), ""
	switch s.random.IntN(12) {
	case 0, 1, 2, 3:
		kind = "PutObject"
		var out *s3.PutObjectOutput
		if out, err = c.s3.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String(crashObjects), Key: &key, Body: bytes.NewReader(body)}); err == nil {
			etag = *out.ETag
		}
	case 4, 5:
		return s.putIf(t, ctx, c, key, o, body)
	case 6, 7:
		kind = "multipart"
		if s.random.IntN(4) == 0 {
			body = append(bytes.Repeat(body[:1], 5<<20), body...)
			content = digest(body)
		}
		etag, err = upload(ctx, c, key, body)
	case 8:
		kind, content = "DeleteObject", absent
		_, err = c.s3.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: aws.String(crashObjects), Key: &key})
	case 9:
		kind, content = "DeleteObjects", absent
		_, err = c.s3.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: aws.String(crashObjects), Delete: &s3types.Delete{Objects: []s3types.ObjectIdentifier{{Key: &key}}}})
	default:
		return s.read(t, ctx, c, key, o)
	}
	if err != nil {
		cutOff(t, kind, err)
		o.maybe = append(o.maybe, content)
		return false
	}
	o.is(content, etag)
	s.acknowledged++
	return true
}

// putIf puts on a condition, of which the model knows the outcome unless something was under way.
func (s *scribe) putIf(t *testing.T, ctx context.Context, c *clients, key string, o *crashObject, body []byte) bool {
	in := &s3.PutObjectInput{Bucket: aws.String(crashObjects), Key: &key, Body: bytes.NewReader(body)}
	sure := len(o.maybe) == 0
	should := o.sure == absent
	if sure && o.sure != absent && s.random.IntN(2) == 0 {
		in.IfMatch, should = &o.etag, true
	} else {
		in.IfNoneMatch = aws.String("*")
	}
	out, err := c.s3.PutObject(ctx, in)
	var api smithy.APIError
	switch {
	case err == nil:
		if sure && !should {
			t.Errorf("%s: a put on a condition that does not hold was taken", key)
		}
		o.is(digest(body), *out.ETag)
		s.acknowledged++
		return true
	case errors.As(err, &api):
		if api.ErrorCode() != "PreconditionFailed" || sure && should {
			t.Errorf("%s: a put on a condition that holds: %v", key, err)
		}
		return true
	}
	o.maybe = append(o.maybe, digest(body))
	return false
}

// read looks at an object, and knows from then on what it holds.
func (s *scribe) read(t *testing.T, ctx context.Context, c *clients, key string, o *crashObject) bool {
	out, err := c.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(crashObjects), Key: &key})
	content, etag := absent, ""
	if _, none := errors.AsType[*s3types.NoSuchKey](err); !none {
		if err != nil {
			cutOff(t, "GetObject", err)
			return false
		}
		defer out.Body.Close()
		b, err := io.ReadAll(out.Body)
		if err != nil {
			return false
		}
		content, etag = digest(b), *out.ETag
	}
	if !o.may(content) {
		t.Errorf("%s holds %s; acknowledged is %s, and under way were %v", key, content, o.sure, o.maybe)
	}
	o.is(content, etag)
	return true
}

// upload is a multipart upload of one or two parts.
func upload(ctx context.Context, c *clients, key string, body []byte) (etag string, err error) {
	made, err := c.s3.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: aws.String(crashObjects), Key: &key})
	if err != nil {
		return "", err
	}
	done := &s3types.CompletedMultipartUpload{}
	for number := int32(1); len(body) > 0; number++ {
		part := body[:min(len(body), 5<<20)]
		out, err := c.s3.UploadPart(ctx, &s3.UploadPartInput{Bucket: aws.String(crashObjects), Key: &key, UploadId: made.UploadId, PartNumber: &number, Body: bytes.NewReader(part)})
		if err != nil {
			return "", err
		}
		done.Parts = append(done.Parts, s3types.CompletedPart{PartNumber: &number, ETag: out.ETag})
		body = body[len(part):]
	}
	out, err := c.s3.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{Bucket: aws.String(crashObjects), Key: &key, UploadId: made.UploadId, MultipartUpload: done})
	if err != nil {
		return "", err
	}
	return *out.ETag, nil
}

// exportTask is a task that was acknowledged, and how many batches of each stream there were before it was asked for.
type exportTask struct {
	id      string
	batches [crashStreams]int
}

// export starts a task and waits for its end.
func (w *crashWorld) export(t *testing.T, ctx context.Context, c *clients) bool {
	var task exportTask
	for i, s := range w.streams {
		s.mu.Lock()
		task.batches[i] = len(s.batches)
		s.mu.Unlock()
	}
	out, err := c.logs.CreateExportTask(ctx, &cloudwatchlogs.CreateExportTaskInput{LogGroupName: aws.String(crashGroup), From: aws.Int64(0),
		To: aws.Int64(time.Now().Add(time.Hour).UnixMilli()), Destination: aws.String(crashExports), DestinationPrefix: aws.String("e")})
	if _, busy := errors.AsType[*logtypes.LimitExceededException](err); busy { // the last server's task goes on
		return pause(ctx, 50*time.Millisecond)
	}
	if err != nil {
		cutOff(t, "CreateExportTask", err)
		return false
	}
	task.id = *out.TaskId
	w.exports.tasks = append(w.exports.tasks, task)
	for pause(ctx, 20*time.Millisecond) {
		out, err := c.logs.DescribeExportTasks(ctx, &cloudwatchlogs.DescribeExportTasksInput{TaskId: &task.id})
		if err != nil {
			cutOff(t, "DescribeExportTasks", err)
			return false
		}
		if len(out.ExportTasks) != 1 {
			t.Errorf("task %s was acknowledged and is not there", task.id)
			return false
		}
		if s := out.ExportTasks[0].Status.Code; s == logtypes.ExportTaskStatusCodeCompleted || s == logtypes.ExportTaskStatusCodeFailed {
			break
		}
	}
	return pause(ctx, 100*time.Millisecond)
}

// crawl starts a crawl and waits for its end.
func (w *crashWorld) crawl(t *testing.T, ctx context.Context, c *clients) bool {
	_, err := c.glue.StartCrawler(ctx, &glue.StartCrawlerInput{Name: aws.String(crashCrawler)})
	if _, busy := errors.AsType[*gluetypes.CrawlerRunningException](err); err != nil && !busy {
		cutOff(t, "StartCrawler", err)
		return false
	}
	if err == nil {
		w.crawls++
	}
	for pause(ctx, 20*time.Millisecond) {
		out, err := c.glue.GetCrawler(ctx, &glue.GetCrawlerInput{Name: aws.String(crashCrawler)})
		if err != nil {
			cutOff(t, "GetCrawler", err)
			return false
		}
		if out.Crawler.State == gluetypes.CrawlerStateReady {
			break
		}
	}
	return pause(ctx, 50*time.Millisecond)
}

// query runs one, and looks at how it ended.
func (w *crashWorld) query(t *testing.T, ctx context.Context, c *clients) bool {
	out, err := c.athena.StartQueryExecution(ctx, &athena.StartQueryExecutionInput{QueryString: aws.String("SELECT sum(bytes) FROM lines"),
		QueryExecutionContext: &athenatypes.QueryExecutionContext{Database: aws.String(crashDB)}})
	if err != nil {
		cutOff(t, "StartQueryExecution", err)
		return false
	}
	w.queries.ids = append(w.queries.ids, *out.QueryExecutionId)
	for pause(ctx, 10*time.Millisecond) {
		got, err := c.athena.GetQueryExecution(ctx, &athena.GetQueryExecutionInput{QueryExecutionId: out.QueryExecutionId})
		if err != nil {
			cutOff(t, "GetQueryExecution", err)
			return false
		}
		switch s := got.QueryExecution.Status; s.State {
		case athenatypes.QueryExecutionStateFailed, athenatypes.QueryExecutionStateCancelled:
			t.Errorf("a query that nobody disturbed is %s: %s", s.State, str(s.StateChangeReason))
			return true
		case athenatypes.QueryExecutionStateSucceeded:
			return true
		}
	}
	return false
}

// pause waits, and reports whether there is something to go on for.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
