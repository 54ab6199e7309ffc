package delivery

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/google/uuid"

	"flowlake/access"
	"flowlake/fault"
	"flowlake/state"
)

// streamKind is the kind of a stream's document, and the noun of faults about it. Its key is the stream's kind, ":", and its name.
const streamKind = "delivery stream"

// MaxStreams is how many streams of a kind a region may have. Source: Firehose developer guide, "Quotas" (5,000 by request).
const MaxStreams = 5000

func (s *Stream) document() state.ID {
	return state.ID{Kind: streamKind, Account: s.Account, Region: s.Region, Key: s.Kind + ":" + s.Name}
}

func (s *Stream) lineName() lineName { return lineName{s.Account, s.Region, s.Kind, s.Name} }

func noStream(name string) error {
	return fault.Newf(fault.NotFound, streamKind+" "+name, "does not exist")
}

// loadLines reads every stream and what is stored of it.
func (s *Store) loadLines() error {
	return s.state.View(context.Background(), func(tx *state.Tx) error {
		for row, err := range tx.All(streamKind) {
			if err != nil {
				return err
			}
			var d Stream
			if err := row.Decode(&d); err != nil {
				return err
			}
			l, err := s.newLine(d)
			if err != nil {
				return err
			}
			s.lines[d.lineName()] = l
		}
		return nil
	})
}

func (s *Store) newLine(d Stream) (*line, error) {
	id, err := uuid.Parse(d.ID)
	if err != nil {
		return nil, fault.Newf(fault.Internal, streamKind+" "+d.Name, "its id: %w", err)
	}
	l := &line{id: id, ledger: ledger{next: 1, head: 1}, followers: map[string]*follower{},
		due: make(chan struct{}, 1), altered: make(chan struct{}, 1)}
	l.stream.Store(&d)
	v, found, err := s.value(key(id, keyLedger))
	if err == nil && found {
		err = l.ledger.decode(v)
	}
	if err != nil {
		return nil, err
	}
	l.durable.Store(l.ledger.next)
	var p plan
	if found, err = s.load(key(id, keyPlan), &p); err != nil {
		return nil, err
	}
	if found {
		l.plan = &p
		var sealed seal
		if found, err = s.load(key(id, keySeal), &sealed); err != nil {
			return nil, err
		}
		if found {
			l.sealed = &sealed
		}
	}
	return l, s.loadFollowers(l)
}

// value returns a copy of what is under k.
func (s *Store) value(k []byte) ([]byte, bool, error) {
	v, closer, err := s.db.Get(k)
	if err == pebble.ErrNotFound {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fault.Newf(fault.Unavailable, "delivery queue", "read: %w", err)
	}
	v = append([]byte{}, v...)
	return v, true, closer.Close()
}

// line finds a stream.
func (s *Store) line(c access.Caller, kind, name string) (*line, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if l := s.lines[lineName{c.Account, c.Region, kind, name}]; l != nil {
		return l, nil
	}
	return nil, noStream(name)
}

// allLines returns the streams there are, in the order of their ids.
func (s *Store) allLines() []*line {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.SortedFunc(maps.Values(s.lines), func(a, b *line) int { return slices.Compare(a.id[:], b.id[:]) })
}

func checkBuffer(b Buffer) error {
	switch {
	case b.Bytes < 1<<20 || b.Bytes > 128<<20:
		return fault.Newf(fault.Invalid, "buffer size", "%d bytes are not from 1 to 128 MiB", b.Bytes)
	case b.Age < 0 || b.Age > 900*time.Second:
		return fault.Newf(fault.Invalid, "buffer interval", "%v is not from 0 to 900 seconds", b.Age)
	}
	return nil
}

func (s *Store) writer(kind string) (Writer, error) {
	if w := s.writers[kind]; w != nil {
		return w, nil
	}
	return nil, fault.Newf(fault.Internal, streamKind+" kind "+kind, "nobody writes its batches")
}

// Create makes a stream, which is Creating until Run took it on. It returns fault.Exists, or fault.Invalid for settings that its
// Writer refuses or a role that its service cannot assume.
func (s *Store) Create(ctx context.Context, c access.Caller, n NewStream) (Stream, error) {
	w, err := s.writer(n.Kind)
	if err != nil {
		return Stream{}, err
	}
	if err := checkBuffer(n.Buffer); err != nil {
		return Stream{}, err
	}
	d := Stream{ID: uuid.NewString(), Kind: n.Kind, Account: c.Account, Region: c.Region, Name: n.Name, ARN: n.ARN, Settings: n.Settings,
		Buffer: n.Buffer, Tags: n.Tags, Encrypted: n.Encrypted, Status: Creating, Created: time.Now().UTC(), Version: 1, Caller: c.Via(n.Service, n.ARN)}
	if err := s.handOver(ctx, c, &d, w, nil); err != nil {
		return Stream{}, err
	}
	if err := w.Check(ctx, c, d); err != nil {
		return Stream{}, err
	}
	s.change.Lock()
	defer s.change.Unlock()
	if _, err := s.line(c, n.Kind, n.Name); err == nil {
		return Stream{}, fault.Newf(fault.Exists, streamKind+" "+n.Name, "exists already")
	}
	if s.count(c, n.Kind) >= MaxStreams {
		return Stream{}, fault.Newf(fault.Limit, "delivery streams", "are %d, the most there may be", MaxStreams)
	}
	l, err := s.newLine(d)
	if err != nil {
		return Stream{}, err
	}
	if err := s.state.Update(ctx, func(tx *state.Tx) error { return tx.Create(d.document(), d) }); err != nil {
		return Stream{}, err
	}
	s.mu.Lock()
	s.lines[d.lineName()] = l
	s.mu.Unlock()
	poke(s.taken)
	s.log.Info("stream created", "stream", d.Name, "kind", d.Kind)
	return d, nil
}

func (s *Store) count(c access.Caller, kind string) (n int) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for name := range s.lines {
		if name.account == c.Account && name.region == c.Region && name.kind == kind {
			n++
		}
	}
	return n
}

// alter changes a stream's document, and then what the process knows of it.
func (s *Store) alter(ctx context.Context, l *line, change func(*Stream) error) (Stream, error) {
	s.change.Lock()
	defer s.change.Unlock()
	d := *l.stream.Load()
	d.Tags = maps.Clone(d.Tags)
	if err := change(&d); err != nil {
		return Stream{}, err
	}
	if err := s.state.Update(ctx, func(tx *state.Tx) error {
		var now json.RawMessage
		if _, err := tx.Get(d.document(), &now); err != nil {
			return err
		}
		return tx.Put(d.document(), d)
	}); err != nil {
		return Stream{}, err
	}
	l.stream.Store(&d)
	return d, nil
}

func (s *Store) activate(ctx context.Context, l *line) error {
	_, err := s.alter(ctx, l, func(d *Stream) error {
		if d.Status == Creating {
			d.Status = Active
		}
		return nil
	})
	return err
}

// Stream returns a stream, or fault.NotFound.
func (s *Store) Stream(_ context.Context, c access.Caller, kind, name string) (Stream, error) {
	l, err := s.line(c, kind, name)
	if err != nil {
		return Stream{}, err
	}
	return l.describe(), nil
}

func (l *line) describe() Stream {
	d := *l.stream.Load()
	d.Tags = maps.Clone(d.Tags)
	l.mu.Lock()
	defer l.mu.Unlock()
	d.Failure = l.failure
	return d
}

// Streams returns at most so many streams of a kind whose names come after one, in the order of names, and whether there are more.
func (s *Store) Streams(_ context.Context, c access.Caller, kind, after string, most int) (page []Stream, more bool, err error) {
	s.mu.RLock()
	var found []*line
	for name, l := range s.lines {
		if name.account == c.Account && name.region == c.Region && name.kind == kind && name.name > after {
			found = append(found, l)
		}
	}
	s.mu.RUnlock()
	slices.SortFunc(found, func(a, b *line) int { return cmp.Compare(a.stream.Load().Name, b.stream.Load().Name) })
	for _, l := range found[:min(most, len(found))] {
		page = append(page, l.describe())
	}
	return page, len(found) > most, nil
}

// Update lets change alter a stream's Settings and Buffer. Version must be the stream's, unless it is 0: if not, it returns
// fault.Conflict, as it does for a stream that is not Active. Roles that it did not have are handed over as in Create. A batch under way is delivered with either settings.
func (s *Store) Update(ctx context.Context, c access.Caller, kind, name string, version int64, change func(*Stream) error) (Stream, error) {
	l, err := s.line(c, kind, name)
	if err != nil {
		return Stream{}, err
	}
	w, err := s.writer(kind)
	if err != nil {
		return Stream{}, err
	}
	_, err = s.alter(ctx, l, func(d *Stream) error {
		switch {
		case d.Status != Active:
			return fault.Newf(fault.Conflict, streamKind+" "+name, "is %s", d.Status)
		case version != 0 && version != d.Version:
			return fault.Newf(fault.Conflict, streamKind+" "+name, "is of version %d, not %d", d.Version, version)
		}
		old := *d
		had, err := w.Roles(old)
		if err != nil {
			return err
		}
		if err := change(d); err != nil {
			return err
		}
		altered := old
		altered.Settings, altered.Buffer = d.Settings, d.Buffer
		altered.Version++
		altered.Updated = time.Now().UTC()
		*d = altered
		if err := checkBuffer(d.Buffer); err != nil {
			return err
		}
		if err := s.handOver(ctx, c, d, w, had); err != nil {
			return err
		}
		return w.Check(ctx, c, *d)
	})
	if err != nil {
		return Stream{}, err
	}
	for _, f := range l.watched() { // how much the buffer holds may be another by now
		l.mu.Lock()
		f.full = false
		if f.interrupt != nil {
			f.interrupt()
		}
		l.mu.Unlock()
	}
	poke(l.altered)
	l.wake()
	return l.describe(), nil
}

// Tag lets change alter a stream's tags; its Version stays.
func (s *Store) Tag(ctx context.Context, c access.Caller, kind, name string, change func(tags map[string]string) error) error {
	l, err := s.line(c, kind, name)
	if err != nil {
		return err
	}
	_, err = s.alter(ctx, l, func(d *Stream) error {
		if d.Tags == nil {
			d.Tags = map[string]string{}
		}
		return change(d.Tags)
	})
	return err
}

// SetEncrypted keeps what a client asked for; its Version stays.
func (s *Store) SetEncrypted(ctx context.Context, c access.Caller, kind, name string, encrypted bool) error {
	l, err := s.line(c, kind, name)
	if err != nil {
		return err
	}
	_, err = s.alter(ctx, l, func(d *Stream) error {
		d.Encrypted = encrypted
		return nil
	})
	return err
}

// Delete gives a stream up, and what waits in it: that is counted and logged. It is Deleting until Run is done with it.
//
// Source: Firehose API reference, DeleteDeliveryStream: records that are accepted meanwhile are not sure to be delivered.
func (s *Store) Delete(ctx context.Context, c access.Caller, kind, name string) error {
	l, err := s.line(c, kind, name)
	if err != nil {
		return err
	}
	_, err = s.alter(ctx, l, func(d *Stream) error {
		if d.Status != Active {
			return fault.Newf(fault.Conflict, streamKind+" "+name, "is %s", d.Status)
		}
		d.Status = Deleting
		return nil
	})
	if err == nil {
		poke(s.taken)
	}
	return err
}

// remove ends a deleted stream's work and removes all that is stored of it. It may be repeated.
func (s *Store) remove(ctx context.Context, l *line) error {
	d := l.stream.Load()
	l.mu.Lock()
	run := l.run
	l.mu.Unlock()
	if run != nil {
		run.stop()
		<-run.done
	}
	l.mu.Lock()
	l.gone = true
	n := l.ledger
	l.mu.Unlock()
	if err := s.db.DeleteRange(l.id[:], after(l.id[:]), pebble.Sync); err != nil {
		return fault.Newf(fault.Unavailable, "delivery queue", "write: %w", err)
	}
	if err := s.lake.Forget(ctx, d.Caller, receiptName(l)); err != nil {
		return err
	}
	s.change.Lock()
	defer s.change.Unlock()
	if err := s.state.Update(ctx, func(tx *state.Tx) error { return tx.Delete(d.document()) }); err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	l.fresh.drop()
	s.mu.Lock()
	delete(s.lines, d.lineName())
	s.mu.Unlock()
	s.discarded.Add(int64(n.waiting))
	s.log.Info("stream deleted", "stream", d.Name, "kind", d.Kind, "records_discarded", n.waiting)
	return nil
}
