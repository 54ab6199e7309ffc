package backfill

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"flowlake/columnar/flowtext"
	"flowlake/columnar/parquet"
	"flowlake/fault"
	"flowlake/lake"
)

// Bounds of what one worker has open. They follow from the data alone, so that a group gives the same objects again.
const (
	maxWriters  = 512       // partitions of a group that are written at a time: more than the days of a year
	writerBytes = 16 << 20  // memory of one of them
	fewWriters  = 8         // as many may fill up; of more the row groups end together,
	spreadText  = 128 << 20 // after so much text
	objectBytes = 256 << 20 // an object that has become so large is finished
)

// worker converts one group after the other.
type worker struct {
	run       *Run
	converter *flowtext.Converter
	idle      []*parquet.Writer
	at        *attemptAt // under way
}

// attemptAt is one attempt at a group.
type attemptAt struct {
	*worker
	g      *group
	open   []*object        // being written, in the order of their last use
	whole  []*object        // finished, and not yet uploaded
	slots  map[int64]string // by the first second of a slot: its location
	places map[string]place // by location
	keys   []string         // of this attempt's objects
	moves  []lake.Move      // that make what is uploaded visible
	noted  attempt          // what attempts may have written, this one and those before
	bad    *spool
	file   string
	seen   flowtext.Stats // of the file, as far as Progress was told
	spread int64          // text since the row groups ended
	rows   int64          // that Progress was told of
	bytes  int64
	files  int64

	nowhere *parquet.Writer // for rows without a partition
	strayed int64           // such rows of the file
	out     outcome
}

// place is a partition that rows went to.
type place struct {
	values     []string
	registered bool
}

// object is one Parquet object under way.
type object struct {
	location string
	key      string
	w        *parquet.Writer
	file     *spool
}

// errAgain says that an attempt begins anew without the file that broke it.
type errAgain struct{ leftOne }

func (e *errAgain) Error() string { return e.Name + ": " + e.Why }

// convert makes the group whole, and returns what it gave.
func (w *worker) convert(ctx context.Context, g *group) (outcome, error) {
	var left []leftOne
	for {
		a := &attemptAt{worker: w, g: g, slots: map[int64]string{}, places: map[string]place{}}
		a.out.LeftOut = left
		w.at = a
		err := a.attempt(ctx)
		a.discard()
		again, ok := err.(*errAgain)
		if !ok {
			return a.out, err
		}
		w.run.Progress.undo(a)
		left = append(left, again.leftOne)
	}
}

func (a *attemptAt) attempt(ctx context.Context) (err error) {
	r := a.run
	if err := r.journal.get(ctx, r.journal.openKey(a.g.ID), &a.noted); err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	if _, err = a.replaced(ctx); err != nil { // before work of hours, not behind it
		return err
	}
	for _, in := range a.g.Files {
		if slices.ContainsFunc(a.out.LeftOut, func(l leftOne) bool { return l.Name == in.Name }) {
			continue
		}
		if err := a.read(ctx, in); err != nil {
			return err
		}
	}
	for len(a.open) > 0 {
		if err := a.finish(a.open[0]); err != nil {
			return err
		}
	}
	if len(a.out.LeftOut) == len(a.g.Files) {
		return a.forget(ctx) // nothing to note: the next run tries again
	}
	if err := r.allowed(a.out.Bad); err != nil {
		return err
	}
	return a.commit(ctx)
}

// forget removes what attempts at a group wrote of which nothing is left.
func (a *attemptAt) forget(ctx context.Context) error {
	for _, url := range a.noted.Parts {
		at := refTo(url)
		if err := a.run.Objects.Delete(ctx, at.Bucket, at.Key); err != nil {
			return err
		}
	}
	return a.run.Objects.Delete(ctx, a.run.journal.bucket, a.run.journal.openKey(a.g.ID))
}

// read converts one file.
func (a *attemptAt) read(ctx context.Context, in Input) error {
	a.file, a.seen, a.strayed = in.Name, flowtext.Stats{}, 0
	var bad []int64 // the lines
	src, err := a.run.Source.Open(ctx, in, 0)
	if err == nil {
		defer src.Close()
		var stats flowtext.Stats
		stats, err = a.converter.Read(ctx, in.Name, counted{src, a}, flowtext.Sink{
			Route: func(at int64, ok bool) (*parquet.Writer, int64, int64, error) { return a.route(ctx, at, ok) },
			Bad: func(line int64, text []byte, reason error) error {
				bad = append(bad, line)
				return a.badLine(line, text, reason)
			},
		})
		a.progress(stats)
		a.out.Rows += stats.Rows - a.strayed
		a.out.Text += stats.Bytes
		if err == nil && a.strayed > 0 {
			a.run.Progress.Rows.Add(-a.strayed)
			a.rows -= a.strayed
			err = a.strays(ctx, in, bad)
		}
	}
	if err == nil {
		a.run.Progress.Files.Add(1)
		a.files++
		return nil
	}
	if why := leftOut(ctx, err); why != "" {
		return &errAgain{leftOne{in.Name, why}}
	}
	return fmt.Errorf("%s: %w", in.Name, err)
}

// counted reads a file for Progress.
type counted struct {
	io.Reader
	a *attemptAt
}

func (c counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.a.run.Progress.Bytes.Add(int64(n))
	c.a.bytes += int64(n)
	return n, err
}

// progress is told every now and then what the file has given so far.
func (a *attemptAt) progress(s flowtext.Stats) {
	a.run.Progress.Rows.Add(s.Rows - a.seen.Rows)
	a.rows += s.Rows - a.seen.Rows
	a.spread += s.Bytes - a.seen.Bytes
	a.seen = s
}

// route finds the Writer of a record's partition.
func (a *attemptAt) route(ctx context.Context, at int64, ok bool) (*parquet.Writer, int64, int64, error) {
	if a.spread >= spreadText {
		if a.spread = 0; len(a.open) > fewWriters {
			for _, o := range a.open {
				if err := o.w.Flush(); err != nil {
					return nil, 0, 0, err
				}
			}
		}
	}
	l := a.run.Layout
	if !l.Timed() {
		at = 0
	} else if !ok || at >= Latest {
		w, err := a.stray()
		return w, 0, 0, err
	}
	low, high := l.Slot(at)
	where, known := a.slots[low]
	if !known {
		var p place
		var err error
		if where, p, err = a.run.place(ctx, time.Unix(at, 0).UTC()); err != nil {
			return nil, 0, 0, err
		}
		a.slots[low] = where
		a.places[where] = p
	}
	o, err := a.object(ctx, where)
	if err != nil {
		return nil, 0, 0, err
	}
	return o.w, low, high, nil
}

// object is the one that rows of a location go to now.
func (a *attemptAt) object(ctx context.Context, where string) (*object, error) {
	i := slices.IndexFunc(a.open, func(o *object) bool { return o.location == where })
	if i >= 0 {
		o := a.open[i]
		a.open = append(slices.Delete(a.open, i, i+1), o)
		if o.w.Size() < objectBytes {
			return o, nil
		}
		if err := a.finish(o); err != nil {
			return nil, err
		}
		if err := a.upload(ctx); err != nil {
			return nil, err
		}
	}
	if len(a.open) >= maxWriters {
		if err := a.finish(a.open[0]); err != nil { // the one that has waited longest
			return nil, err
		}
	}
	file, err := newSpool()
	if err != nil {
		return nil, err
	}
	_, prefix, _ := strings.Cut(strings.TrimPrefix(where, "s3://"), "/")
	o := &object{location: where, file: file, key: fmt.Sprintf("%s%s-%05d.parquet", prefix, a.g.ID, len(a.keys))}
	a.keys = append(a.keys, o.key)
	if n := len(a.idle); n > 0 {
		o.w, a.idle = a.idle[n-1], a.idle[:n-1]
		o.w.Reset(file)
	} else if o.w, err = parquet.NewWriter(file, a.run.columns, parquet.Options{Compression: a.run.Compression, RowGroupBytes: writerBytes}); err != nil {
		file.discard()
		return nil, err
	}
	a.open = append(a.open, o)
	return o, nil
}

// finish closes an object's file.
func (a *attemptAt) finish(o *object) error {
	a.open = slices.DeleteFunc(a.open, func(other *object) bool { return other == o })
	a.whole = append(a.whole, o)
	stats, err := o.w.Close()
	if err != nil {
		return fmt.Errorf("temporary file: %w", err)
	}
	a.out.Written += stats.Bytes
	if len(a.idle) < 4 {
		a.idle = append(a.idle, o.w)
	}
	o.w = nil
	return nil
}

// upload puts the objects that are finished where nobody sees them yet, after it has noted their names.
func (a *attemptAt) upload(ctx context.Context) error {
	r := a.run
	for _, o := range a.whole {
		if part := lake.URL(o.bucket(), o.part()); !slices.Contains(a.noted.Parts, part) {
			a.noted.Parts = append(a.noted.Parts, part)
		}
	}
	if _, err := r.journal.put(ctx, r.journal.openKey(a.g.ID), a.noted); err != nil {
		return err
	}
	for _, o := range a.whole {
		etag, err := o.file.put(ctx, r.Objects, o.bucket(), o.part())
		if err != nil {
			return err
		}
		a.moves = append(a.moves, lake.Move{Bucket: o.bucket(), From: o.part(), To: o.key, IfMatch: etag})
		a.out.Keys = append(a.out.Keys, lake.URL(o.bucket(), o.key))
		o.file.discard()
	}
	a.whole = a.whole[:0]
	return nil
}

func (o *object) bucket() string {
	bucket, _, _ := strings.Cut(strings.TrimPrefix(o.location, "s3://"), "/")
	return bucket
}

// part is the key that the object has until its group is whole: one that no reader of tables looks at.
func (o *object) part() string {
	dir, name := path.Split(o.key)
	return dir + "_" + name + ".part"
}

// refTo names an object by its URL.
func refTo(url string) lake.Ref {
	bucket, key, _ := strings.Cut(strings.TrimPrefix(url, "s3://"), "/")
	return lake.Ref{Bucket: bucket, Key: key}
}

// commit makes the group whole: its partitions, empty still, and then at once its objects, the word that it is done, and the
// end of what it replaces.
func (a *attemptAt) commit(ctx context.Context) error {
	r, j := a.run, a.run.journal
	if err := a.upload(ctx); err != nil {
		return err
	}
	if err := r.register(ctx, a.places); err != nil {
		return err
	}
	for where := range a.places {
		a.out.Partitions = append(a.out.Partitions, where)
	}
	slices.Sort(a.out.Partitions)
	if a.bad != nil {
		if _, err := a.bad.put(ctx, r.Objects, j.bucket, j.badKey(a.g.ID)); err != nil {
			return err
		}
	} else if err := r.Objects.Delete(ctx, j.bucket, j.badKey(a.g.ID)); err != nil {
		return err
	}
	removes, err := a.replaced(ctx)
	if err != nil {
		return err
	}
	for _, url := range a.noted.Parts { // what an attempt of other flags or another program left
		at := refTo(url)
		if !slices.ContainsFunc(a.moves, func(m lake.Move) bool { return m.Bucket == at.Bucket && m.From == at.Key }) {
			removes = append(removes, at)
		}
	}
	removes = append(removes, lake.Ref{Bucket: j.bucket, Key: j.openKey(a.g.ID)})
	readyKey, doneKey := j.key("ready", a.g.ID+".json"), j.doneKey(a.g.ID, len(a.out.LeftOut) > 0)
	etag, err := j.put(ctx, readyKey, a.out)
	if err != nil {
		return err
	}
	err = r.Objects.Move(ctx, append(a.moves, lake.Move{Bucket: j.bucket, From: readyKey, To: doneKey, IfMatch: etag}), removes)
	if !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.Precondition) {
		return err
	}
	// Another process that converts the same group was first, or an answer was lost and the move was made again.
	for _, less := range []bool{false, true} {
		switch o, there := j.outcome(ctx, a.g.ID, less); {
		case there == nil:
			a.out = o
			return nil
		case !fault.Is(there, fault.NotFound):
			return there
		}
	}
	return fault.Newf(fault.Conflict, "file "+a.g.Files[0].Name, "something else changed its objects meanwhile: run again (%w)", err)
}

// replaced returns what goes when this group is whole: all that the groups which it replaces gave, and what the journal has of
// them. What they gave must all be there: rows that a compaction put elsewhere cannot be taken back.
func (a *attemptAt) replaced(ctx context.Context) (removes []lake.Ref, err error) {
	j := a.run.journal
	for _, old := range a.g.Replaces {
		done := false
		for _, less := range []bool{false, true} {
			o, err := j.outcome(ctx, old, less)
			if fault.Is(err, fault.NotFound) {
				continue
			}
			if err != nil {
				return nil, err
			}
			done = true
			for _, url := range o.Keys {
				at := refTo(url)
				there, err := a.run.Objects.Has(ctx, at.Bucket, at.Key)
				if err != nil {
					return nil, err
				}
				if !there {
					return nil, fault.Newf(fault.Conflict, "file "+a.g.Files[0].Name, "what it gave before cannot be replaced: %s is gone, compacted or deleted since; convert into a table of another name", url)
				}
				at.IfMatch = "*" // a compaction may come before the move yet
				removes = append(removes, at)
			}
			removes = append(removes, lake.Ref{Bucket: j.bucket, Key: j.doneKey(old, less), IfMatch: "*"})
		}
		var began attempt
		open := lake.Ref{Bucket: j.bucket, Key: j.openKey(old)}
		switch err := j.get(ctx, open.Key, &began); {
		case err == nil && !done:
			open.IfMatch = "*" // unless the group becomes whole meanwhile
		case err != nil && !fault.Is(err, fault.NotFound):
			return nil, err
		}
		for _, url := range began.Parts {
			removes = append(removes, refTo(url))
		}
		removes = append(removes, open, lake.Ref{Bucket: j.bucket, Key: j.key("ready", old+".json")}, lake.Ref{Bucket: j.bucket, Key: j.badKey(old)})
	}
	return removes, nil
}

// badLine keeps a line aside.
func (a *attemptAt) badLine(number int64, text []byte, reason error) error {
	if a.bad == nil {
		var err error
		if a.bad, err = newSpool(); err != nil {
			return err
		}
	}
	line := BadLine{File: a.file, Line: number, Reason: reason.Error()}
	if utf8.Valid(text) {
		line.Text = string(text)
	} else {
		line.Bytes = text
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(line); err != nil {
		return err
	}
	if _, err := a.bad.Write(b.Bytes()); err != nil {
		return err
	}
	a.out.Bad++
	a.run.Progress.Bad.Add(1)
	a.run.showBad(line)
	return a.run.allowed(a.out.Bad)
}

// discard lets go of what the attempt has open.
func (a *attemptAt) discard() {
	for _, o := range append(a.open, a.whole...) {
		o.file.discard()
	}
	if a.bad != nil {
		a.bad.discard()
	}
}

// BadLine is a line that is no record, as it is kept aside.
type BadLine struct {
	File   string `json:"file"`
	Line   int64  `json:"line"`
	Reason string `json:"reason"`
	Text   string `json:"text,omitempty"`
	Bytes  []byte `json:"base64,omitempty"` // where the line is not UTF-8
}

func (b BadLine) String() string {
	return fmt.Sprintf("%s: line %d: %s", path.Base(b.File), b.Line, b.Reason)
}

// spool is a temporary file that has no name where the system allows that: a kill leaves nothing.
type spool struct {
	f    *os.File
	size int64
}

func newSpool() (*spool, error) {
	f, err := os.CreateTemp("", "flowlake-convert-*")
	if err != nil {
		return nil, fault.Newf(fault.Unavailable, "temporary file", "%w", err)
	}
	os.Remove(f.Name())
	return &spool{f: f}, nil
}

// Write appends.
func (s *spool) Write(p []byte) (int, error) {
	n, err := s.f.Write(p)
	s.size += int64(n)
	if err != nil {
		err = fault.Newf(fault.Unavailable, "temporary file", "%w", err)
	}
	return n, err
}

func (s *spool) put(ctx context.Context, objects Objects, bucket, key string) (etag string, err error) {
	if _, err := s.f.Seek(0, io.SeekStart); err != nil {
		return "", err
	}
	return objects.Put(ctx, bucket, key, s.f, s.size)
}

func (s *spool) discard() {
	s.f.Close()
	os.Remove(s.f.Name()) // where it could not be removed while it was open
}
