package logs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/gzip"

	"flowlake/access"
	"flowlake/fault"
	"flowlake/lake"
	"flowlake/state"
)

const (
	// exportObjectBytes of text end an object; the stream's next lines begin another.
	exportObjectBytes = 256 << 20
	// exportScanEvents end a scan of the events: a scan holds on to what compactions would free.
	exportScanEvents = 200_000
	// exportNote is how often a task notes how far it got, for a restart.
	exportNote = time.Second
	// exportRetry is how long tasks wait when state could not be read or written.
	exportRetry = time.Minute
)

// exporter is the part of the store that runs export tasks.
type exporter struct {
	mu      sync.Mutex // guards running
	running map[string]context.CancelCauseFunc
	wake    chan struct{} // holds one
}

var errCancelled = errors.New("the export task is cancelled")

func (e *exporter) init() {
	e.running = map[string]context.CancelCauseFunc{}
	e.wake = make(chan struct{}, 1)
}

func (e *exporter) poke() {
	select {
	case e.wake <- struct{}{}:
	default: // a look at the tasks is on its way
	}
}

// cancel stops a task that runs.
func (e *exporter) cancel(id string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if stop := e.running[id]; stop != nil {
		stop(errCancelled)
	}
}

// begin returns the context of a task, which cancel ends.
func (e *exporter) begin(ctx context.Context, id string) (context.Context, func()) {
	ctx, stop := context.WithCancelCause(ctx)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.running[id] = stop
	return ctx, func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		delete(e.running, id)
		stop(nil)
	}
}

// runExports runs the unfinished tasks, one after the other, and waits for more.
func (s *Store) runExports(ctx context.Context) {
	for {
		slots, err := s.unfinishedExports(ctx)
		for _, slot := range slots {
			if ctx.Err() == nil {
				err = errors.Join(err, s.runExport(ctx, access.Caller{Account: slot.Account, Region: slot.Region}, slot.task))
			}
		}
		var retry <-chan time.Time
		if err != nil && ctx.Err() == nil { // state could not be read or written: the tasks are as they were
			s.log.Warn("export tasks are put off", "err", err, "for", exportRetry)
			retry = time.After(exportRetry)
		}
		select {
		case <-s.export.wake:
		case <-retry:
		case <-ctx.Done():
			return
		}
	}
}

type slot struct {
	state.ID
	task string
}

func (s *Store) unfinishedExports(ctx context.Context) (slots []slot, err error) {
	err = s.state.View(ctx, func(tx *state.Tx) error {
		for row, err := range tx.All(slotKind) {
			if err != nil {
				return err
			}
			var doc slotDoc
			if err := row.Decode(&doc); err != nil {
				return err
			}
			slots = append(slots, slot{row.ID, doc.Task})
		}
		return nil
	})
	return slots, err
}

// runExport runs one task to its end, or until ctx ends: then the task is still RUNNING and begins anew, after the last
// stream that it noted, at the next start. It writes the same bytes under the same keys then. What goes wrong with the
// task ends it as FAILED; the error returned is of noting that.
func (s *Store) runExport(ctx context.Context, c access.Caller, id string) error {
	log := s.log.With("task", id)
	began := time.Now()
	task, done := s.export.begin(ctx, id)
	defer done()
	var doc exportDoc
	err := s.changeExport(ctx, c, id, func(_ *state.Tx, d *exportDoc) error {
		if d.Status == ExportPending {
			d.Status, d.Message = ExportRunning, "Started successfully"
		}
		doc = *d
		return nil
	})
	if err != nil {
		return err
	}
	if doc.Status == ExportPendingCancel {
		err = errCancelled
	} else if doc.Status == ExportRunning {
		log.Info("export task runs", "group", doc.Group, "bucket", doc.Bucket)
		// Who asked may have lost the permission since, or be in a task that an older start left.
		if err = s.guard.Allow(ctx, doc.Caller, "logs:CreateExportTask", StreamARN(doc.Caller, doc.Group, "")); err == nil {
			err = s.exportStreams(task, id, doc)
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	err = s.changeExport(ctx, c, id, func(tx *state.Tx, d *exportDoc) error {
		switch {
		case d.Status == ExportPendingCancel:
			doc.Status = ExportCancelled
			return d.finish(tx, ExportCancelled, "Cancelled by user")
		case d.Status != ExportRunning:
			doc.Status = d.Status
			return nil // it was cancelled before it ran
		case err != nil:
			doc.Status = ExportFailed
			log.Error("export task failed", "group", doc.Group, "bucket", doc.Bucket, "err", err)
			return d.finish(tx, ExportFailed, failure(doc, err))
		}
		doc.Status = ExportCompleted
		return d.finish(tx, ExportCompleted, "Completed successfully")
	})
	if err != nil {
		return err
	}
	log.Info("export task ended", "group", doc.Group, "bucket", doc.Bucket, "status", doc.Status, "took", time.Since(began))
	return nil
}

// failure is what a task says of its end: an object that the bucket refused is told with the statement that is missing.
func failure(doc exportDoc, err error) string {
	if refusal, ok := errors.AsType[*access.Refusal](err); ok && refusal.Action == "s3:PutObject" {
		return refusedCall("PutObject", doc, refusal)
	}
	return err.Error()
}

// exportStreams writes the objects of all streams, in the order of their names.
func (s *Store) exportStreams(ctx context.Context, id string, doc exportDoc) error {
	noted := time.Now()
	folders := folders{store: s, group: doc.GroupID, seed: maphash.MakeSeed(), taken: map[uint64]bool{}}
	prefix := streamKey(doc.GroupID, doc.StreamPrefix)
	from := prefix
	for {
		name, d, err := s.streamFrom(from, after(prefix))
		if err == nil {
			err = s.stillThere(ctx, doc)
		}
		if err != nil || name == "" {
			return err
		}
		from = append(streamKey(doc.GroupID, name), 0)
		folder, err := folders.of(name, d.id)
		if err != nil {
			return err
		}
		if name <= doc.Done {
			continue
		}
		if err := s.exportStream(ctx, id, doc, d, folder); err != nil {
			return fault.Newf(fault.KindOf(err), streamKind+" "+name, "%w", err)
		}
		if time.Since(noted) < exportNote {
			continue
		}
		noted = time.Now()
		if err := s.changeExport(ctx, doc.Caller, id, func(_ *state.Tx, d *exportDoc) error {
			d.Done = name
			return nil
		}); err != nil {
			return err
		}
	}
}

// stillThere returns fault.NotFound once the group is deleted, even if another has its name by now: its events
// are gone then.
func (s *Store) stillThere(ctx context.Context, doc exportDoc) error {
	g, err := s.group(ctx, doc.Caller, doc.Group)
	if err == nil && g.ID != doc.GroupID {
		err = noGroup(doc.Group)
	}
	return err
}

// streamFrom returns the first stream between two keys, "" when there is none. It keeps no iterator open.
func (s *Store) streamFrom(lower, upper []byte) (name string, d streamDoc, err error) {
	it, err := s.iter(lower, upper)
	if err != nil {
		return "", d, err
	}
	defer it.Close()
	if !it.First() {
		return "", d, it.Error()
	}
	d, err = readStreamDoc(it.Value())
	return string(it.Key()[9:]), d, err
}

// folders gives each stream the folder of its objects: its name with "-" for "/".
//
// Differs from AWS: where that would be another stream's folder too, the stream's number is added, so that neither
// overwrites the other's objects.
type folders struct {
	store *Store
	group uint64
	seed  maphash.Seed
	taken map[uint64]bool // hashes of the folders of streams with slashes
}

func (f *folders) of(name string, id uint64) (string, error) {
	folder := strings.ReplaceAll(name, "/", "-")
	if folder == name {
		return folder, nil
	}
	_, clash, err := f.store.get(streamKey(f.group, folder))
	if err != nil {
		return "", err
	}
	h := maphash.String(f.seed, folder)
	if clash || f.taken[h] {
		return fmt.Sprintf("%s-%d", folder, id), nil
	}
	f.taken[h] = true
	return folder, nil
}

func (s *Store) exportStream(ctx context.Context, id string, doc exportDoc, d streamDoc, folder string) error {
	lines := &lines{store: s, ctx: ctx, query: scanQuery{group: doc.GroupID, stream: &d,
		from: max(doc.From, doc.Oldest), to: doc.To + 1, visible: doc.End}}
	defer lines.close()
	for number := 0; ; number++ {
		more, err := lines.peek()
		if err != nil || !more {
			return err
		}
		key := fmt.Sprintf("%s/%s/%s/%06d.gz", doc.Prefix, id, folder, number)
		began := time.Now()
		object, err := s.lake.Put(ctx, ExportCaller(doc.Caller, doc.Group), lake.PutInput{
			Bucket: doc.Bucket, Key: key, Body: newZipped(lines), Size: -1, ACL: exportACL})
		if err != nil {
			return fmt.Errorf("object %s: %w", key, err)
		}
		s.log.Debug("object exported", "task", id, "bucket", doc.Bucket, "key", key, "bytes", object.Size, "took", time.Since(began))
	}
}

// lines gives a stream's events as lines. It opens its scan anew from time to time.
type lines struct {
	store *Store
	ctx   context.Context
	query scanQuery
	scan  *scan
	given int // events of this scan
	ahead scanned
	has   bool // ahead is to be given
}

// peek reports whether there is another event.
func (l *lines) peek() (bool, error) {
	if l.has {
		return true, nil
	}
	if err := l.ctx.Err(); err != nil {
		return false, context.Cause(l.ctx)
	}
	if l.scan != nil && l.given == exportScanEvents {
		l.close()
	}
	if l.scan == nil {
		scan, err := l.store.scan(l.ctx, l.query)
		if err != nil {
			return false, err
		}
		l.scan, l.given = scan, 0
	}
	var err error
	l.ahead, l.has, err = l.scan.next()
	if l.has {
		l.given++
		l.query.start = &position{l.ahead.time, l.ahead.sequence + 1}
	}
	return l.has, err
}

// append appends the next line, of which peek told.
func (l *lines) append(dst []byte) []byte {
	l.has = false
	dst = time.UnixMilli(l.ahead.time).UTC().AppendFormat(dst, "2006-01-02T15:04:05.000Z ")
	dst = append(dst, l.ahead.message...)
	return append(dst, '\n')
}

func (l *lines) close() {
	if l.scan != nil {
		l.scan.Close()
		l.scan = nil
	}
}

// zipped reads as the gzip of one object's lines. The same lines give the same bytes.
type zipped struct {
	lines *lines
	out   bytes.Buffer
	gz    *gzip.Writer
	text  []byte
	size  int // bytes of text so far
	ended bool
}

func newZipped(l *lines) *zipped {
	z := &zipped{lines: l}
	z.gz = gzip.NewWriter(&z.out)
	return z
}

func (z *zipped) Read(p []byte) (int, error) {
	for z.out.Len() == 0 && !z.ended {
		if err := z.fill(); err != nil {
			return 0, err
		}
	}
	if z.out.Len() == 0 {
		return 0, io.EOF
	}
	return z.out.Read(p)
}

// fill compresses the next lines.
func (z *zipped) fill() error {
	z.text = z.text[:0]
	for len(z.text) < 64<<10 {
		more, err := z.lines.peek()
		if err != nil {
			return err
		}
		if !more || z.size+len(z.text) >= exportObjectBytes {
			z.ended = true
			break
		}
		z.text = z.lines.append(z.text)
	}
	z.size += len(z.text)
	if _, err := z.gz.Write(z.text); err != nil {
		return err
	}
	if z.ended {
		return z.gz.Close()
	}
	return nil
}
