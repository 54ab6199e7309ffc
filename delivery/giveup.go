package delivery

import (
	"context"
	"errors"
	"runtime/debug"
	"time"

	"flowlake/fault"
)

// Rejecter is a Writer that has a place for the records of batches that it cannot write.
type Rejecter interface {
	// Reject puts the batch's records there, as they came in, with the reason, and counts them as Failed: otherwise as Write. It must do
	// without what Write may fail for, and without Batch.Plan. The stream's Failure counts the attempts before.
	Reject(ctx context.Context, b *Batch, reason error, out *Output) error
}

// hopeless is an obstacle that lies in the batch or its stream: a table that is gone, settings that cannot be used, a record that
// its Writer fails at. A bucket that refuses, a permission that is missing, inputs that cannot be read and a full disk are not: the records wait for their end.
type hopeless struct{ error }

func (h hopeless) Unwrap() error { return h.error }

// ofBatch says that an obstacle is the batch's own, unless it is one that passes.
func ofBatch(ctx context.Context, err error) error {
	if err == nil || ctx.Err() != nil || fault.Is(err, fault.Unavailable) || fault.Is(err, fault.Throttled) || fault.Is(err, fault.Denied) {
		return err
	}
	return hopeless{err}
}

// rescue makes a panic an error: one stream's defect must not stop the others. It is deferred.
func (s *Store) rescue(l *line, err *error) {
	if p := recover(); p != nil {
		name := l.stream.Load().Name
		s.log.Error("batch panicked", "stream", name, "err", p, "stack", string(debug.Stack()))
		*err = fault.Newf(fault.Internal, "delivery stream "+name, "its batch met a defect of flowlake; the server's log has it")
	}
}

// endure decides what becomes of a batch after an attempt at it. As long as its own obstacle has not lasted for Config.RetryFor, since it
// was met and since the newest record arrived, it is tried again; then its records are rejected. That need not be stored: before the
// commit nothing of either attempt is visible, and behind it the seal says what was committed.
func (s *Store) endure(ctx context.Context, l *line, w Writer, p *plan, r *reading, d Stream, err error) error {
	own, ok := errors.AsType[hopeless](err)
	rejecter, can := w.(Rejecter)
	now := time.Now().UTC()
	switch {
	case err == nil || ctx.Err() != nil || !can:
		return err
	case !ok:
		l.trouble = time.Time{}
		_, stored := s.since(l, p, time.Time{})
		return errors.Join(err, stored)
	case p.Since.IsZero():
		since := l.trouble
		if since.IsZero() {
			since = now
		}
		var stored error
		if p, stored = s.since(l, p, since); stored != nil {
			return stored
		}
	}
	reason := own.error
	if now.Sub(p.Since) < s.cfg.RetryFor {
		return reason
	}
	// Where the batches before met the same, its records' own time counts.
	if p, err = s.newest(ctx, l, p, r); err != nil {
		return err
	}
	if now.Sub(p.Newest) < s.cfg.RetryFor {
		return reason
	}
	d.Failure = l.describe().Failure
	err = s.write(ctx, l, p, r, d, func(ctx context.Context, b *Batch, out *Output) error { return rejecter.Reject(ctx, b, reason, out) })
	if own, ok := errors.AsType[hopeless](err); ok {
		err = own.error
	}
	if err != nil {
		return fault.Newf(fault.KindOf(err), "delivery stream "+d.Name, "its records cannot be put below the error prefix: %w; they are to go there because of %s", err, describe(reason))
	}
	l.trouble = p.Since
	l.rejected(s, reason)
	return nil
}

// newest stores when the newest record of a batch arrived.
func (s *Store) newest(ctx context.Context, l *line, p *plan, r *reading) (*plan, error) {
	if !p.Newest.IsZero() {
		return p, nil
	}
	next := *p
	next.Newest = p.Oldest
	for g, err := range r.segments(ctx) {
		if err != nil {
			return nil, err
		}
		at := next.Newest
		if n := len(g.Records); n > 0 {
			at = g.Records[n-1].Arrival
		}
		if g.Events != nil {
			at = time.UnixMilli(g.Events.Events[len(g.Events.Events)-1].IngestedMillis).UTC()
		}
		if at.After(next.Newest) {
			next.Newest = at
		}
	}
	return &next, s.setPlan(l, &next)
}

// since stores when a batch first met its own obstacle, the zero time for never.
func (s *Store) since(l *line, p *plan, at time.Time) (*plan, error) {
	if p.Since.Equal(at) {
		return p, nil
	}
	next := *p
	next.Since = at
	return &next, s.setPlan(l, &next)
}

// rejected notes that a batch was given up: the stream goes on, and still says why it could not deliver, until it can.
func (l *line) rejected(s *Store, reason error) {
	now := time.Now().UTC()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failure.Attempts == 0 {
		l.failure.Since = now
	}
	l.failure.Attempts++
	l.failure.Message, l.failure.Remedy, l.failure.Next, l.failure.GivenUp = describe(reason), remedy(reason), time.Time{}, now
	l.gaveUp = true
	s.log.Warn("batch put below the error prefix", "stream", l.stream.Load().Name, "after", now.Sub(l.failure.Since), "err", reason)
}
