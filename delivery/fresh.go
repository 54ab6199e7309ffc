package delivery

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"flowlake/access"
	"flowlake/catalog"
	"flowlake/fault"
	"flowlake/logs"
)

// FreshRows is a snapshot of the rows on their way into a table.
type FreshRows struct {
	Files []FreshFile
	// Release lets batches become visible again. It is called once, when the table's objects are pinned: until then none is
	// published by the streams that write to the table. The files stay.
	Release func()
}

// freshSpan is how many events one file of converted rows holds: what is converted again when a batch ends in its midst. At about
// 2 µs a row that is a tenth of a second.
const freshSpan = 50_000

// freshBytes bounds the records behind such a file.
const freshBytes = 32 << 20

// freshCache is the converted rows of a stream that no visible object shows. It is made again from the inputs when it is lost.
type freshCache struct {
	mu     sync.Mutex // held during conversions; guards the rest
	key    string     // of the table's and the settings' versions that the pieces are of
	dir    string
	gone   bool                    // the stream is deleted
	made   int                     // names the next folder
	pieces map[string][]freshPiece // by subscription, "" is the queue; in order, without overlaps
}

type freshPiece struct {
	from, to uint64
	dir      string
	files    []FreshFile
}

// Fresh returns what the streams that convert into a table have accepted and no visible object shows: every such row once, in Parquet
// files in dir. A stream that writes elsewhere than below the table's location is left out: its rows
// do not get there. It returns fault.NotFound when no stream converts into the table, fault.Unsupported for a stream with a
// transform function. A row's partition is what it would be in the batch under way.
func (s *Store) Fresh(ctx context.Context, c access.Caller, t catalog.Table, dir string) (_ FreshRows, err error) {
	var into []*line
	aside := "" // a stream that is left out
	for _, l := range s.allLines() {
		d := l.stream.Load()
		w, ok := s.writers[d.Kind].(Freshener)
		if !ok || d.Account != c.Account || d.Status == Deleting {
			continue
		}
		table, ok, err := w.FreshTable(ctx, *d)
		if !ok || table.Region != c.Region || !strings.EqualFold(table.Database, t.Database) || !strings.EqualFold(table.Table, t.Name) {
			continue
		}
		if where, elsewhere := w.FreshElsewhere(*d, t); elsewhere {
			aside = fmt.Sprintf(": the stream %s converts by it and writes to %s, and its location is %s", d.Name, where, t.Storage.Location)
			continue
		}
		if err != nil {
			return FreshRows{}, err
		}
		into = append(into, l)
	}
	if len(into) == 0 {
		return FreshRows{}, fault.Newf(fault.NotFound, "delivery stream", "none converts records into table %s.%s%s", t.Database, t.Name, aside)
	}
	for _, l := range into { // most of the work, while batches may still be published
		if err := s.prepareFresh(ctx, l, t); err != nil {
			return FreshRows{}, err
		}
	}
	held := 0
	release := sync.OnceFunc(func() {
		for _, l := range into[:held] {
			l.gate.release()
		}
	})
	var rows FreshRows
	defer func() {
		if rows.Release == nil { // an error, or a panic on its way
			release()
		}
	}()
	for _, l := range into {
		if err := l.gate.hold(ctx); err != nil {
			return FreshRows{}, err
		}
		held++
	}
	var files []FreshFile
	for _, l := range into {
		if files, err = s.linkFresh(ctx, l, t, files, dir); err != nil {
			return FreshRows{}, err
		}
	}
	rows = FreshRows{Files: files, Release: release}
	return rows, nil
}

// prepareFresh converts most of what linkFresh will need. The last pieces are made one, as long as they are small.
func (s *Store) prepareFresh(ctx context.Context, l *line, t catalog.Table) error {
	l.fresh.mu.Lock()
	defer l.fresh.mu.Unlock()
	return s.freshen(ctx, l, t, true)
}

// linkFresh adds the files of all of a stream's rows that no visible object shows. The line's gate is held.
func (s *Store) linkFresh(ctx context.Context, l *line, t catalog.Table, files []FreshFile, dir string) ([]FreshFile, error) {
	l.fresh.mu.Lock() // until the files are linked: another question may make pieces anew
	defer l.fresh.mu.Unlock()
	if err := s.freshen(ctx, l, t, false); err != nil {
		return nil, err
	}
	return l.fresh.link(files, dir)
}

// freshen converts what of a stream's inputs is not converted yet. The cache's mu is held.
func (s *Store) freshen(ctx context.Context, l *line, t catalog.Table, merge bool) error {
	c := &l.fresh
	d := *l.stream.Load()
	if k := strconv.FormatInt(d.Version, 10) + " " + t.Database + "." + t.Name + " " + strconv.FormatInt(t.Updated.UnixNano(), 10); k != c.key {
		c.clear()
		c.key, c.pieces = k, map[string][]freshPiece{}
	}
	if c.gone {
		return noStream(d.Name)
	}
	if c.dir == "" {
		c.dir = filepath.Join(s.cfg.Scratch, l.id.String())
		if err := os.MkdirAll(c.dir, 0o700); err != nil {
			return fault.Newf(fault.Unavailable, "delivery scratch folder", "%w", err)
		}
	}
	to := l.durable.Load()
	snapshot := s.db.NewSnapshot() // a batch that becomes visible meanwhile takes its records away
	defer snapshot.Close()
	inputs, oldest, err := s.invisible(ctx, l, to)
	if err != nil {
		return err
	}
	known := map[string]bool{}
	for _, in := range inputs {
		name := inputName(in)
		known[name] = true
		c.prune(name, in.From, in.To)
		if merge {
			c.loosen(name)
		}
		if err := s.fill(ctx, l, snapshot, d, t, in, oldest); err != nil {
			return err
		}
	}
	for name := range c.pieces {
		if !known[name] {
			c.prune(name, ^uint64(0), 0)
			delete(c.pieces, name)
		}
	}
	return nil
}

// inputName names an input: a subscription with another pattern is another one.
func inputName(in planInput) string {
	if in.Subscription == nil {
		return ""
	}
	return in.Subscription.ID + " " + strconv.FormatInt(in.Subscription.Version, 10)
}

// invisible returns the runs of a stream's inputs that no visible object shows, of its queue up to a sequence, and the arrival of the
// batch under way.
func (s *Store) invisible(ctx context.Context, l *line, to uint64) (inputs []planInput, oldest time.Time, err error) {
	if oldest, err = s.oldest(l); err != nil {
		return nil, oldest, err
	}
	l.mu.Lock()
	starts := map[string]uint64{"": l.ledger.head}
	subs := map[string]logs.Subscription{}
	ends := map[string]uint64{}
	for id, f := range l.followers {
		starts[id], subs[id], ends[id] = f.Next, f.Subscription, f.End
		if oldest.IsZero() || !f.oldest.IsZero() && f.oldest.Before(oldest) {
			oldest = f.oldest
		}
	}
	p, sealed := l.plan, l.sealed
	l.mu.Unlock()
	if p != nil {
		oldest = p.Oldest
	}
	if sealed != nil { // it may be visible, though its cursors were not moved yet: a crash or a full disk came between
		done, err := s.committed(ctx, l.stream.Load().Caller, l, p.Number)
		if err != nil {
			return nil, oldest, err
		}
		for i, in := range p.Inputs {
			switch {
			case !done:
			case in.Subscription == nil:
				starts[""] = sealed.Ends[i]
			default:
				starts[in.Subscription.ID] = sealed.Ends[i]
			}
		}
	}
	if oldest.IsZero() {
		oldest = time.Now().UTC()
	}
	if starts[""] < to {
		inputs = append(inputs, planInput{From: starts[""], To: to})
	}
	for id, sub := range subs {
		next, group, err := s.logs.Next(ctx, l.stream.Load().Caller, sub.Group)
		if fault.Is(err, fault.NotFound) || err == nil && group != sub.GroupID {
			continue
		}
		if err != nil {
			return nil, oldest, err
		}
		if ends[id] != 0 {
			next = min(next, ends[id])
		}
		if starts[id] < next {
			inputs = append(inputs, planInput{From: starts[id], To: next, Subscription: &sub})
		}
	}
	return inputs, oldest, nil
}

// prune forgets the pieces of an input that do not lie between two sequences.
func (c *freshCache) prune(name string, from, to uint64) {
	if len(c.pieces[name]) == 0 {
		return
	}
	kept := c.pieces[name][:0]
	for _, p := range c.pieces[name] {
		if p.from >= from && p.to <= to {
			kept = append(kept, p)
			continue
		}
		os.RemoveAll(p.dir) // what stays is removed at the next start
	}
	c.pieces[name] = kept
}

// loosen forgets the last pieces of an input while they are small, so that they are made one.
func (c *freshCache) loosen(name string) {
	pieces := c.pieces[name]
	if len(pieces) == 0 {
		return
	}
	first := len(pieces) - 1
	to := pieces[first].to
	for first > 0 && to-pieces[first-1].from < freshSpan && pieces[first-1].to == pieces[first].from {
		first--
	}
	if to-pieces[first].from < freshSpan {
		for _, p := range pieces[first:] {
			os.RemoveAll(p.dir)
		}
		c.pieces[name] = pieces[:first]
	}
}

// fill converts what lies between an input's pieces.
func (s *Store) fill(ctx context.Context, l *line, from pebble.Reader, d Stream, t catalog.Table, in planInput, oldest time.Time) error {
	c := &l.fresh
	name := inputName(in)
	var done []freshPiece
	rest := c.pieces[name]
	for at := in.From; at < in.To; {
		if len(rest) > 0 && rest[0].from == at {
			done = append(done, rest[0])
			at, rest = rest[0].to, rest[1:]
			continue
		}
		run := planInput{From: at, To: min(in.To, at+freshSpan), Subscription: in.Subscription}
		if len(rest) > 0 {
			run.To = min(run.To, rest[0].from)
		}
		p, err := s.convert(ctx, l, from, d, t, run, oldest)
		if err != nil {
			c.pieces[name] = append(done, rest...)
			return err
		}
		done = append(done, p)
		at = p.to
	}
	c.pieces[name] = done
	return nil
}

// convert makes one piece.
func (s *Store) convert(ctx context.Context, l *line, from pebble.Reader, d Stream, t catalog.Table, run planInput, oldest time.Time) (freshPiece, error) {
	c := &l.fresh
	c.made++
	p := freshPiece{from: run.From, dir: filepath.Join(c.dir, strconv.Itoa(c.made))}
	if err := os.Mkdir(p.dir, 0o700); err != nil {
		return p, fault.Newf(fault.Unavailable, "delivery scratch folder", "%w", err)
	}
	l.mu.Lock()
	number := l.ledger.number + 1
	l.mu.Unlock()
	r := &reading{store: s, line: l, from: from, caller: d.Caller, inputs: []planInput{run}, limit: freshBytes}
	b := &Batch{Stream: d, Number: number, ID: batchID(d.ID, number), Oldest: oldest, segments: r.segments}
	files, err := s.writers[d.Kind].(Freshener).Convert(ctx, b, t, p.dir)
	if err == nil && !r.complete {
		err = fault.Newf(fault.Internal, "delivery stream "+d.Name, "its fresh rows were not read to their end")
	}
	if err != nil {
		os.RemoveAll(p.dir)
		return p, err
	}
	p.files, p.to = files, r.ends[0]
	return p, nil
}

// shrink forgets the pieces of a batch that is visible, unless somebody is at work on them, who does the same.
func (c *freshCache) shrink(p *plan, sealed seal) {
	if !c.mu.TryLock() {
		return
	}
	defer c.mu.Unlock()
	for i, in := range p.Inputs {
		c.prune(inputName(in), sealed.Ends[i], ^uint64(0))
	}
}

// link puts the files of all pieces into dir. c.mu is held.
func (c *freshCache) link(files []FreshFile, dir string) ([]FreshFile, error) {
	for _, pieces := range c.pieces {
		for _, p := range pieces {
			for _, f := range p.files {
				own := filepath.Join(dir, strconv.Itoa(len(files))+".parquet")
				if err := os.Link(f.Path, own); err != nil {
					if err = copyFile(f.Path, own); err != nil { // another file system
						return nil, fault.Newf(fault.Unavailable, "fresh rows", "%w", err)
					}
				}
				f.Path = own
				files = append(files, f)
			}
		}
	}
	return files, nil
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}

// clear forgets everything. c.mu is held.
func (c *freshCache) clear() {
	for name := range c.pieces {
		c.prune(name, ^uint64(0), 0)
	}
	c.pieces = nil
}

// drop removes a cache for good.
func (c *freshCache) drop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clear()
	c.gone = true
	if c.dir != "" {
		os.RemoveAll(c.dir)
	}
}
