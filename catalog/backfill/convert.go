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
	g       *group
	open    []*object        // being written, in the order of their last use
	whole   []*object        // finished, and not yet uploaded
	slots   map[int64]string // by the first second of a slot: its location
	places  map[string]place // by location
	keys    []string         // of this attempt's objects
	earlier attempt          // what earlier attempts may have written
	gone    []string         // the objects of the groups that this one replaces
	bad     *spool
	file    string
	seen    flowtext.Stats // of the file, as far as Progress was told
	spread  int64          // text since the row groups ended
	rows    int64          // that Progress was told of
	bytes   int64
	files   int64

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
	if err := r.journal.get(ctx, r.journal.openKey(a.g.ID), &a.earlier); err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	if a.gone, err = a.replaced(ctx); err != nil {
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
	for _, url := range a.earlier.Keys {
		bucket, key, _ := strings.Cut(strings.TrimPrefix(url, "s3://"), "/")
		if err := a.run.Objects.Delete(ctx, bucket, key); err != nil {
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
		if err := a.upload(ctx, false); err != nil {
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

// upload puts the objects that are finished, after it has noted their keys.
func (a *attemptAt) upload(ctx context.Context, replacing bool) error {
	r := a.run
	for _, o := range a.whole {
		if !slices.Contains(a.earlier.Keys, o.url()) {
			a.earlier.Keys = append(a.earlier.Keys, o.url())
		}
	}
	a.earlier.Replacing = a.earlier.Replacing || replacing
	if err := r.journal.put(ctx, r.journal.openKey(a.g.ID), a.earlier); err != nil {
		return err
	}
	for _, o := range a.whole {
		bucket, _, _ := strings.Cut(strings.TrimPrefix(o.location, "s3://"), "/")
		if err := o.file.put(ctx, r.Objects, bucket, o.key); err != nil {
			return err
		}
		a.out.Keys = append(a.out.Keys, o.url())
		o.file.discard()
	}
	a.whole = a.whole[:0]
	return nil
}

// url is the object's.
func (o *object) url() string {
	bucket, _, _ := strings.Cut(strings.TrimPrefix(o.location, "s3://"), "/")
	return "s3://" + bucket + "/" + o.key
}

// commit makes the group whole: its objects, then its partitions, then the word that it is done.
func (a *attemptAt) commit(ctx context.Context) error {
	r, j := a.run, a.run.journal
	gone := a.gone
	if err := a.upload(ctx, len(gone) > 0); err != nil {
		return err
	}
	for _, url := range a.earlier.Keys { // what an attempt of other flags or another program left
		if !slices.Contains(a.out.Keys, url) {
			gone = append(gone, url)
		}
	}
	for _, url := range gone {
		bucket, key, _ := strings.Cut(strings.TrimPrefix(url, "s3://"), "/")
		if err := r.Objects.Delete(ctx, bucket, key); err != nil {
			return err
		}
	}
	if err := r.register(ctx, a.places); err != nil {
		return err
	}
	for where := range a.places {
		a.out.Partitions = append(a.out.Partitions, where)
	}
	slices.Sort(a.out.Partitions)
	if a.bad != nil {
		if err := a.bad.put(ctx, r.Objects, j.bucket, j.badKey(a.g.ID)); err != nil {
			return err
		}
	} else if err := r.Objects.Delete(ctx, j.bucket, j.badKey(a.g.ID)); err != nil {
		return err
	}
	if err := j.put(ctx, j.doneKey(a.g.ID, len(a.out.LeftOut) > 0), a.out); err != nil {
		return err
	}
	for _, old := range a.g.Replaces {
		if err := j.drop(ctx, old); err != nil {
			return err
		}
	}
	return r.Objects.Delete(ctx, j.bucket, j.openKey(a.g.ID))
}

// replaced returns the objects of the groups that this one replaces. They must all be there, unless this group began to
// remove them: rows that a compaction put elsewhere cannot be taken back.
func (a *attemptAt) replaced(ctx context.Context) (urls []string, err error) {
	j := a.run.journal
	for _, old := range a.g.Replaces {
		var began attempt
		if err := j.get(ctx, j.openKey(old), &began); err != nil && !fault.Is(err, fault.NotFound) {
			return nil, err
		}
		urls = append(urls, began.Keys...)
		for _, less := range []bool{false, true} {
			o, err := j.outcome(ctx, old, less)
			if fault.Is(err, fault.NotFound) {
				continue
			}
			if err != nil {
				return nil, err
			}
			for _, url := range o.Keys {
				bucket, key, _ := strings.Cut(strings.TrimPrefix(url, "s3://"), "/")
				there, err := a.run.Objects.Has(ctx, bucket, key)
				if err != nil {
					return nil, err
				}
				if !there && !a.earlier.Replacing {
					return nil, fault.Newf(fault.Conflict, "file "+a.g.Files[0].Name, "what it gave before cannot be replaced: %s is gone, compacted or deleted since", url)
				}
			}
			urls = append(urls, o.Keys...)
		}
	}
	return urls, nil
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

func (s *spool) put(ctx context.Context, objects Objects, bucket, key string) error {
	if _, err := s.f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return objects.Put(ctx, bucket, key, s.f, s.size)
}

func (s *spool) discard() {
	s.f.Close()
	os.Remove(s.f.Name()) // where it could not be removed while it was open
}
