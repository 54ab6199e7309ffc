package delivery

import (
	"context"
	"encoding/json"
	"time"

	"flowlake/access"
	"flowlake/catalog"
	"flowlake/fault"
	"flowlake/lake"
)

// attempt brings the batch under way to its end, or begins one.
func (s *Store) attempt(ctx context.Context, l *line) error {
	w, err := s.writer(l.stream.Load().Kind)
	if err != nil {
		return err
	}
	l.mu.Lock()
	p, old := l.plan, l.sealed
	l.mu.Unlock()
	if p == nil {
		if p, err = s.begin(ctx, l, w); p == nil || err != nil {
			return err
		}
	}
	d := l.stream.Load()
	r := &reading{store: s, line: l, from: s.db, caller: d.Caller, inputs: p.Inputs, limit: p.Bytes}
	if old != nil {
		if done, err := s.committed(ctx, d.Caller, l, p.Number); err != nil {
			return err
		} else if done {
			return s.settle(ctx, l, p, *old)
		}
		r.ends = old.Ends
	}
	next := *p
	as, err := s.actor(ctx, d, w)
	if err != nil {
		return s.endure(ctx, l, w, &next, r, *d, err)
	}
	own := *d
	own.Caller, own.acts = as, d.Caller.Service
	if p.Version != d.Version { // nothing of it is visible: it may as well be written as the settings are now
		if next.Plan, err = w.Plan(ctx, *d); err != nil {
			return s.endure(ctx, l, w, &next, r, own, ofBatch(ctx, err))
		}
		next.Version = d.Version
		if err := s.setPlan(l, &next); err != nil {
			return err
		}
	}
	return s.endure(ctx, l, w, &next, r, own, s.write(ctx, l, &next, r, own, w.Write))
}

// committed reports whether a batch is visible.
func (s *Store) committed(ctx context.Context, c access.Caller, l *line, number uint64) (bool, error) {
	last, found, err := s.lake.Receipt(ctx, c, receiptName(l))
	return found && last >= number, err
}

// write has the Writer write a batch, with one of its functions, and makes it visible.
func (s *Store) write(asked context.Context, l *line, p *plan, r *reading, d Stream, with func(context.Context, *Batch, *Output) error) error {
	began := time.Now()
	ctx, cancel := context.WithCancel(asked) // ends what is staged when the Writer gives up
	defer cancel()
	st := &staging{store: s, line: l, batch: p.Number, keys: map[string]bool{}}
	defer st.discard()
	out := &Output{Transform: s.cfg.Transform, engine: st}
	b := &Batch{Stream: d, Number: p.Number, ID: batchID(d.ID, p.Number), Oldest: p.Oldest, Plan: p.Plan, segments: r.segments}
	err := func() (err error) {
		defer s.rescue(l, &err)
		return with(ctx, b, out)
	}()
	if err == nil {
		err = st.finished()
	}
	t := out.tally
	switch {
	case err != nil:
	case !r.complete:
		err = fault.Newf(fault.Internal, "batch of delivery stream "+d.Name, "was not read to its end")
	case t.Delivered+t.Failed+t.Dropped != r.met.Rows+t.Extra:
		err = fault.Newf(fault.Internal, "batch of delivery stream "+d.Name, "had %d rows and %d more in them; %d delivered, %d failed and %d dropped are not as many",
			r.met.Rows, t.Extra, t.Delivered, t.Failed, t.Dropped)
	}
	switch {
	case err != nil && (st.refused.Load() || r.failed):
		return err
	case err != nil:
		return ofBatch(asked, err)
	}
	adds, size := st.objects()
	t.Objects, t.Bytes = int64(len(adds)), size
	sealed := seal{Ends: r.ends, Read: r.met, Tally: t, Visible: len(adds) > 0}
	if err := s.setSeal(l, &sealed); err != nil {
		return err
	}
	for _, part := range st.partitions {
		err := s.register(ctx, part)
		if fault.Is(err, fault.Denied) { // Firehose needs no such permission
			s.log.Warn("a partition was not registered", "stream", d.Name, "table", part.Table.Database+"."+part.Table.Table,
				"values", part.Partition.Values, "err", err)
			continue
		}
		if err != nil {
			return ofBatch(asked, err)
		}
	}
	if err := s.publish(ctx, l, p, sealed, d, adds); err != nil {
		return err
	}
	s.log.Debug("batch delivered", "stream", d.Name, "batch", p.Number, "records", r.met.Rows, "objects", len(adds), "bytes", size, "took", time.Since(began))
	return nil
}

// publish makes a batch visible and takes its rows from the inputs. No snapshot sees one without the other.
func (s *Store) publish(ctx context.Context, l *line, p *plan, sealed seal, d Stream, adds []*lake.Staged) error {
	if err := l.gate.pass(ctx); err != nil {
		return err
	}
	defer l.gate.leave()
	if len(adds) > 0 {
		err := s.lake.Commit(ctx, d.Caller, adds, nil, lake.Receipt{Name: receiptName(l), Number: p.Number})
		if err != nil {
			if done, rerr := s.committed(context.WithoutCancel(ctx), d.Caller, l, p.Number); rerr != nil || !done {
				return err
			}
		}
	}
	return s.finish(l, p, sealed)
}

// settle finishes a batch whose receipt was found.
func (s *Store) settle(ctx context.Context, l *line, p *plan, sealed seal) error {
	if err := l.gate.pass(ctx); err != nil {
		return err
	}
	defer l.gate.leave()
	return s.finish(l, p, sealed)
}

// finish moves the cursors behind a batch that is visible, and counts it, in one write. It follows from plan and seal alone, and is
// repeated until it is done.
func (s *Store) finish(l *line, p *plan, sealed seal) error {
	if err := s.space.check(s.fs, s.cfg.Dir, s.cfg.ReserveBytes/4); err != nil {
		return err
	}
	b := s.db.NewBatch()
	err := l.commit(s, b, func(n *ledger) error {
		for i, in := range p.Inputs {
			end := sealed.Ends[i]
			if in.Subscription == nil {
				if err := b.DeleteRange(entryKey(l.id, in.From), entryKey(l.id, end), nil); err != nil {
					return err
				}
				n.head = end
				continue
			}
			f := l.followers[in.Subscription.ID]
			if f == nil {
				continue
			}
			c := f.cursor
			c.Next = end
			data, err := json.Marshal(c)
			if err == nil {
				err = b.Set(cursorKey(l, in.Subscription.ID), data, nil)
			}
			if err != nil {
				return err
			}
		}
		kept := keptKey(l.id, p.Number, "")
		for _, k := range [][]byte{key(l.id, keyPlan), key(l.id, keySeal)} {
			if err := b.Delete(k, nil); err != nil {
				return err
			}
		}
		r, t := sealed.Read, sealed.Tally
		n.number = p.Number
		n.waiting -= uint64(r.Records)
		n.waitBytes -= uint64(r.RecordBytes)
		n.in += uint64(r.Events + t.Extra)
		n.inBytes += uint64(r.EventBytes)
		n.delivered += uint64(t.Delivered)
		n.failed += uint64(t.Failed)
		n.dropped += uint64(t.Dropped)
		n.missed += uint64(r.Missed)
		n.batches++
		n.objects += uint64(t.Objects)
		n.bytes += uint64(t.Bytes)
		return b.DeleteRange(kept, after(kept), nil)
	})
	if err != nil {
		return err
	}
	if sealed.Read.Missed > 0 {
		s.log.Warn("log events missed: they expired before they were read", "stream", l.stream.Load().Name, "events", sealed.Read.Missed)
	}
	defer l.fresh.shrink(p, sealed)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.plan, l.sealed = nil, nil
	for i, in := range p.Inputs {
		if in.Subscription == nil {
			continue
		}
		if f := l.followers[in.Subscription.ID]; f != nil {
			end := sealed.Ends[i]
			if end-in.From >= 256 && sealed.Read.Events > 0 && single(p) {
				f.mean = float64(sealed.Read.EventBytes) / float64(end-in.From)
			}
			f.Next = end
			f.reset()
		}
	}
	return nil
}

// single reports whether a batch is of one subscription alone.
func single(p *plan) bool { return len(p.Inputs) == 1 }

// register makes sure that a partition is in the catalogue.
func (s *Store) register(ctx context.Context, p NewPartition) error {
	c := p.As.In(p.Table.Region)
	_, err := s.tables.Partition(ctx, c, p.Table.Database, p.Table.Table, p.Partition.Values)
	if fault.HasNoun(err, "partition") && fault.Is(err, fault.NotFound) {
		var failed []catalog.PartitionError
		if failed, err = s.tables.CreatePartitions(ctx, c, p.Table.Database, p.Table.Table, []catalog.Partition{p.Partition}); err == nil && len(failed) > 0 {
			err = failed[0].Err
		}
		if fault.Is(err, fault.Exists) {
			err = nil
		}
	}
	return err
}
