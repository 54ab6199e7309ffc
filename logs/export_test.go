package logs

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"flowlake/fault"
)

// exporting is a house with a group of three streams, and a bucket.
func exporting(t *testing.T, dir string) (h *house, now int64) {
	t.Helper()
	h = openHouse(t, dir, vfs.NewMem())
	h.make(t, "vpc", "eni-1/all", "eni-2", "other", "empty")
	now = time.Now().Truncate(time.Second).UnixMilli() - 10_000
	h.put(t, "vpc", "eni-1/all", Event{now + 1, "b"}, Event{now + 1000, "d"})
	h.put(t, "vpc", "eni-1/all", Event{now, "a"}, Event{now + 2, "c"})
	h.put(t, "vpc", "eni-2", Event{now + 5, "two lines\nin one"})
	h.put(t, "vpc", "other", Event{now + 6, "not ours"})
	h.exportBucket(t, "lake-1", "*")
	return h, now
}

// exportBucket makes a bucket with the policy that AWS's documents have for exports.
func (h *house) exportBucket(t *testing.T, bucket, objects string) {
	t.Helper()
	if err := h.lake.CreateBucket(t.Context(), root, bucket); err != nil {
		t.Fatal(err)
	}
	h.allowExport(t, bucket, objects, "logs.us-east-1.amazonaws.com")
}

func (h *house) allowExport(t *testing.T, bucket, objects, service string) {
	t.Helper()
	if err := h.lake.PutBucketPolicy(t.Context(), root, bucket, exportPolicy(bucket, objects, service)); err != nil {
		t.Fatal(err)
	}
}

func exportPolicy(bucket, objects, service string) string {
	return strings.NewReplacer("BUCKET", bucket, "OBJECTS", objects, "SERVICE", service).Replace(`{"Version":"2012-10-17","Statement":[
{"Effect":"Allow","Principal":{"Service":"SERVICE"},"Action":"s3:GetBucketAcl","Resource":"arn:aws:s3:::BUCKET"},
{"Effect":"Allow","Principal":{"Service":"SERVICE"},"Action":"s3:PutObject","Resource":"arn:aws:s3:::BUCKET/OBJECTS",
 "Condition":{"StringEquals":{"s3:x-amz-acl":"bucket-owner-full-control"}}}]}`)
}

func (h *house) objects(t *testing.T, bucket string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for o, err := range h.lake.Walk(t.Context(), root, bucket, "") {
		if err != nil {
			t.Fatal(err)
		}
		r, err := h.lake.Open(t.Context(), root, bucket, o.Key)
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		r.Close()
		out[o.Key] = string(data)
	}
	return out
}

func unzip(t *testing.T, data string) string {
	t.Helper()
	r, err := gzip.NewReader(strings.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// run runs the room until the task is at an end.
func (h *house) run(t *testing.T, id string) Export {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	ran := make(chan error)
	go func() { ran <- h.Run(ctx) }()
	defer func() {
		stop()
		<-ran
	}()
	return h.ended(t, id)
}

func (h *house) ended(t *testing.T, id string) Export {
	t.Helper()
	for range 12_000 {
		task, err := h.Export(t.Context(), root, id)
		if err != nil {
			t.Fatal(err)
		}
		switch task.Status {
		case ExportCompleted, ExportFailed, ExportCancelled:
			return task
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatal("the task does not end")
	return Export{}
}

func TestExport(t *testing.T) {
	ctx := t.Context()
	h, now := exporting(t, t.TempDir())
	defer h.close(t)
	in := ExportInput{Name: "first", Group: "vpc", StreamPrefix: "eni-", FromMillis: now, ToMillis: now + 999, Bucket: "lake-1"}
	id, err := h.CreateExport(ctx, root, in)
	if err != nil {
		t.Fatal(err)
	}
	if got := h.objects(t, "lake-1"); len(got) != 1 || got["exportedlogs/aws-logs-write-test"] != "Permission Check Successful" {
		t.Errorf("before it runs the bucket holds %v", got)
	}
	if task, err := h.Export(ctx, root, id); err != nil || task.Status != ExportPending || task.Prefix != "exportedlogs" {
		t.Errorf("got %+v, %v", task, err)
	}
	_, err = h.CreateExport(ctx, root, in)
	wantKind(t, err, fault.Limit, "export task")
	if _, err := h.CreateExport(ctx, root.In("eu-west-1"), in); !fault.Is(err, fault.NotFound) {
		t.Errorf("another region's group: %v", err)
	}
	h.put(t, "vpc", "eni-2", Event{now + 7, "came after the start"})

	task := h.run(t, id)
	if task.Status != ExportCompleted || task.CompletedMillis == 0 || task.Message == "" {
		t.Errorf("got %+v", task)
	}
	objects := h.objects(t, "lake-1")
	at := func(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z") }
	want := map[string]string{
		"exportedlogs/" + id + "/eni-1-all/000000.gz": at(now) + " a\n" + at(now+1) + " b\n" + at(now+2) + " c\n",
		"exportedlogs/" + id + "/eni-2/000000.gz":     at(now+5) + " two lines\nin one\n",
	}
	if len(objects) != 3 {
		t.Errorf("the bucket holds %d objects: %v", len(objects), objects)
	}
	for key, text := range want {
		if got := unzip(t, objects[key]); got != text {
			t.Errorf("%s holds %q, want %q", key, got, text)
		}
	}
	o, err := h.lake.Head(ctx, root, "lake-1", "exportedlogs/"+id+"/eni-2/000000.gz")
	if err != nil || o.ACL != "bucket-owner-full-control" {
		t.Errorf("got ACL %q, %v", o.ACL, err)
	}
	wantKind(t, h.CancelExport(ctx, root, id), fault.Conflict, "export task")

	t.Run("the next one may come, and gives the same bytes", func(t *testing.T) {
		again, err := h.CreateExport(ctx, root, in)
		if err != nil {
			t.Fatal(err)
		}
		h.run(t, again)
		first := objects["exportedlogs/"+id+"/eni-1-all/000000.gz"]
		if got := h.objects(t, "lake-1")["exportedlogs/"+again+"/eni-1-all/000000.gz"]; got != first {
			t.Errorf("got %x, want %x", got, first)
		}
		page, err := h.Exports(ctx, root, ExportQuery{Limit: 1})
		if err != nil || len(page.Exports) != 1 || page.Exports[0].ID != id || page.Next == "" {
			t.Fatalf("got %+v, %v", page, err)
		}
		_, err = h.Exports(ctx, root, ExportQuery{Status: ExportCompleted, Limit: 1, Token: page.Next})
		wantKind(t, err, fault.Invalid, "token") // it was made for all of them
		page, err = h.Exports(ctx, root, ExportQuery{Limit: 1, Token: page.Next})
		if err != nil || len(page.Exports) != 1 || page.Exports[0].ID != again || page.Next != "" {
			t.Errorf("got %+v, %v", page, err)
		}
		page, err = h.Exports(ctx, root, ExportQuery{Status: ExportFailed})
		if err != nil || len(page.Exports) != 0 {
			t.Errorf("got %+v, %v", page, err)
		}
	})
	t.Run("wrong input is refused", func(t *testing.T) {
		bad := in
		bad.Bucket = "no-such-bucket"
		_, err := h.CreateExport(ctx, root, bad)
		wantKind(t, err, fault.Invalid, "export destination")
		if err == nil || !strings.Contains(err.Error(), "The given bucket does not exist. Please make sure the bucket is valid.") {
			t.Errorf("got %v", err)
		}
		bad = in
		bad.ToMillis = bad.FromMillis
		_, err = h.CreateExport(ctx, root, bad)
		wantKind(t, err, fault.Invalid, "export task")
		bad = in
		bad.Group = "none"
		_, err = h.CreateExport(ctx, root, bad)
		wantKind(t, err, fault.NotFound, "log group")
		wantKind(t, h.CancelExport(ctx, root, "none"), fault.NotFound, "export task")
	})
	t.Run("one that waits is cancelled at once", func(t *testing.T) {
		id, err := h.CreateExport(ctx, root, in)
		if err != nil {
			t.Fatal(err)
		}
		if err := h.CancelExport(ctx, root, id); err != nil {
			t.Fatal(err)
		}
		if task := h.ended(t, id); task.Status != ExportCancelled {
			t.Errorf("got %+v", task)
		}
	})
	t.Run("a bucket that goes away fails it, with the reason", func(t *testing.T) {
		h.exportBucket(t, "short-lived", "p/*")
		gone := in
		gone.Bucket, gone.Prefix = "short-lived", "p"
		id, err := h.CreateExport(ctx, root, gone)
		if err != nil {
			t.Fatal(err)
		}
		if err := h.lake.Delete(ctx, root, "short-lived", "p/aws-logs-write-test"); err != nil {
			t.Fatal(err)
		}
		if err := h.lake.DeleteBucket(ctx, root, "short-lived"); err != nil {
			t.Fatal(err)
		}
		if task := h.run(t, id); task.Status != ExportFailed || !strings.Contains(task.Message, "short-lived") {
			t.Errorf("got %+v", task)
		}
	})
	t.Run("streams whose folders would clash keep their objects", func(t *testing.T) {
		h.make(t, "clash", "a-b", "a/b", "x/y-z", "x-y/z")
		for _, s := range []string{"a-b", "a/b", "x/y-z", "x-y/z"} {
			h.put(t, "clash", s, Event{now, s})
		}
		id, err := h.CreateExport(ctx, root, ExportInput{Group: "clash", FromMillis: now, ToMillis: now + 1, Bucket: "lake-1", Prefix: "c"})
		if err != nil {
			t.Fatal(err)
		}
		h.run(t, id)
		var texts []string
		for key, data := range h.objects(t, "lake-1") {
			if strings.HasPrefix(key, "c/"+id) {
				texts = append(texts, strings.Fields(unzip(t, data))[1])
			}
		}
		slices.Sort(texts)
		if got := strings.Join(texts, " "); got != "a-b a/b x-y/z x/y-z" {
			t.Errorf("got the objects of %s", got)
		}
	})
}

// big puts some 8 MiB that do not compress into eight streams: an export of it takes a while.
func (h *house) big(t *testing.T) (now int64) {
	t.Helper()
	now = time.Now().UnixMilli()
	h.make(t, "big")
	for s := range 8 {
		stream := fmt.Sprint("s", s)
		if err := h.CreateStream(t.Context(), root, "big", stream); err != nil {
			t.Fatal(err)
		}
		for b := range 1 {
			events := make([]Event, 100)
			for i := range events {
				noise := make([]byte, 5000)
				rand.Read(noise)
				events[i] = Event{now + int64(b), hex.EncodeToString(noise)}
			}
			h.put(t, "big", stream, events...)
		}
	}
	return now
}

func TestExportSurvivesRestarts(t *testing.T) {
	dir := t.TempDir()
	h, _ := exporting(t, dir)
	now := h.big(t)
	in := ExportInput{Group: "big", FromMillis: now, ToMillis: now + 100, Bucket: "lake-1"}
	id, err := h.CreateExport(t.Context(), root, in)
	if err != nil {
		t.Fatal(err)
	}
	cuts := 0
	for ; cuts < 4; cuts++ { // the room is stopped in the middle, again and again
		ctx, stop := context.WithTimeout(t.Context(), time.Duration(15+30*cuts)*time.Millisecond)
		if err := h.Run(ctx); err != nil {
			t.Fatal(err)
		}
		stop()
		if task, _ := h.Export(t.Context(), root, id); task.Status == ExportCompleted {
			break
		}
		h.close(t)
		h = openHouse(t, dir, h.fs)
	}
	defer h.close(t)
	if task := h.run(t, id); task.Status != ExportCompleted {
		t.Fatalf("got %+v", task)
	}
	t.Logf("%d restarts", cuts)
	again, err := h.CreateExport(t.Context(), root, in)
	if err != nil {
		t.Fatal(err)
	}
	h.run(t, again)
	objects := h.objects(t, "lake-1")
	n := 0
	for key, data := range objects {
		if rest, ok := strings.CutPrefix(key, "exportedlogs/"+id); ok {
			n++
			if !bytes.Equal([]byte(data), []byte(objects["exportedlogs/"+again+rest])) {
				t.Errorf("%s differs from an export that was not cut", rest)
			}
		}
	}
	if n != 8 || len(objects) != 17 {
		t.Errorf("got %d objects of %d, want 8 of 17", n, len(objects))
	}
}

func TestExportIsCancelled(t *testing.T) {
	h, _ := exporting(t, t.TempDir())
	defer h.close(t)
	now := h.big(t)
	id, err := h.CreateExport(t.Context(), root, ExportInput{Group: "big", FromMillis: now, ToMillis: now + 100, Bucket: "lake-1"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ran := make(chan error)
	go func() { ran <- h.Run(ctx) }()
	for {
		task, err := h.Export(t.Context(), root, id)
		if err != nil {
			t.Fatal(err)
		}
		if task.Status == ExportRunning {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if err := h.CancelExport(t.Context(), root, id); err != nil {
		t.Fatal(err)
	}
	if task := h.ended(t, id); task.Status != ExportCancelled || task.CompletedMillis == 0 {
		t.Errorf("got %+v", task)
	}
	stop()
	if err := <-ran; err != nil {
		t.Error(err)
	}
	if _, err := h.CreateExport(t.Context(), root, ExportInput{Group: "big", FromMillis: now, ToMillis: now + 100, Bucket: "lake-1"}); err != nil {
		t.Errorf("the next one is refused: %v", err)
	}
}

// TestExportRolls looks at objects of a bounded size, without writing 256 MiB.
func TestExportRolls(t *testing.T) {
	h, _ := exporting(t, t.TempDir())
	defer h.close(t)
	g, err := h.group(t.Context(), root, "vpc")
	if err != nil {
		t.Fatal(err)
	}
	d, err := h.stream(g.ID, "eni-1/all")
	if err != nil {
		t.Fatal(err)
	}
	l := &lines{store: h.Store, ctx: t.Context(), query: scanQuery{group: g.ID, stream: &d, to: 1 << 60, visible: 1 << 60}}
	defer l.close()
	var texts []string
	for {
		more, err := l.peek()
		if err != nil {
			t.Fatal(err)
		}
		if !more {
			break
		}
		z := newZipped(l)
		z.size = exportObjectBytes - 30 // room for one line of 27 bytes and a little
		data, err := io.ReadAll(z)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, unzip(t, string(data)))
	}
	if len(texts) != 2 || strings.Count(texts[0], "\n") != 2 || strings.Count(texts[1], "\n") != 2 {
		t.Errorf("got %q", texts)
	}
}
