package delivery

import (
	"bytes"
	"context"
	"encoding/json"
	"time"

	"flowlake/fault"
	"flowlake/logs"
	"flowlake/logs/pattern"
)

// cursor is how far a log subscription is read. It is stored.
type cursor struct {
	Subscription logs.Subscription `json:"subscription"`
	Next         uint64            `json:"next"`          // the first sequence that is in no finished batch
	End          uint64            `json:"end,omitempty"` // the subscription is gone: what was put before is still its stream's
}

// follower watches a subscription's log group: it says when there is something to deliver, and guesses how much. Its fields are
// guarded by its line's mu.
type follower struct {
	cursor
	pattern *pattern.Pattern

	scanned   uint64    // no event between cursor.Next and here matches
	first     uint64    // the first event that matches; 0 when none is known of
	oldest    time.Time // its arrival
	missed    uint64    // events between cursor.Next and scanned that expired
	mean      float64   // bytes that match, for each sequence
	full      bool      // as much as the buffer holds was seen
	refusal   error     // why its role does not let batches have its events: the stream goes on without it
	again     time.Time // when its role is asked again
	interrupt context.CancelFunc
	following bool
}

// idleSpan is how many events that do not match are passed before the cursor is stored again.
const idleSpan = 100_000

func cursorKey(l *line, id string) []byte { return append(key(l.id, keyCursor), id...) }

func newFollower(c cursor) (*follower, error) {
	p, err := pattern.Compile(c.Subscription.Pattern)
	if err != nil {
		return nil, err
	}
	return &follower{cursor: c, pattern: p, scanned: c.Next}, nil
}

// loadFollowers reads a stream's cursors.
func (s *Store) loadFollowers(l *line) error {
	prefix := key(l.id, keyCursor)
	it, err := s.iter(prefix, after(prefix))
	if err != nil {
		return err
	}
	defer it.Close()
	for it.First(); it.Valid(); it.Next() {
		var c cursor
		if err := json.Unmarshal(it.Value(), &c); err != nil {
			return fault.Newf(fault.Internal, "delivery cursor", "decode: %w", err)
		}
		f, err := newFollower(c)
		if err != nil {
			return err
		}
		l.followers[string(bytes.TrimPrefix(it.Key(), prefix))] = f
	}
	return it.Error()
}

// subscriptions brings a stream's followers in line with the subscriptions that there are. A subscription that is gone is
// followed to where its group was when that was seen.
func (s *Store) subscriptions(ctx context.Context, l *line) error {
	d := l.stream.Load()
	if d.Kind != KindFirehose {
		return nil
	}
	subs, err := s.logs.SubscriptionsTo(ctx, d.Caller, d.ARN)
	if err != nil {
		return err
	}
	here := map[string]bool{}
	for _, sub := range subs {
		here[sub.ID] = true
		l.mu.Lock()
		f := l.followers[sub.ID]
		known := f != nil && f.Subscription == sub
		l.mu.Unlock()
		if known {
			continue
		}
		next := cursor{Subscription: sub, Next: sub.Start}
		if f == nil && sub.Created.Before(d.Created.Truncate(time.Millisecond)) { // it was another stream's, of the same name
			now, _, err := s.logs.Next(ctx, d.Caller, sub.Group)
			if err != nil {
				return err
			}
			next.Next = max(now, sub.Start)
		}
		if err := s.setCursor(l, next); err != nil {
			return err
		}
	}
	for _, f := range l.watched() {
		l.mu.Lock()
		c := f.cursor
		l.mu.Unlock()
		if here[c.Subscription.ID] || c.End != 0 {
			continue
		}
		end, group, err := s.logs.Next(ctx, d.Caller, c.Subscription.Group)
		if fault.Is(err, fault.NotFound) || err == nil && group != c.Subscription.GroupID {
			end, err = c.Next, nil // its events are gone with the group
		}
		if err != nil {
			return err
		}
		c.End = max(end, 1)
		s.log.Info("subscription ended", "stream", d.Name, "group", c.Subscription.Group, "events_left", c.End-min(c.Next, c.End))
		if err := s.setCursor(l, c); err != nil {
			return err
		}
	}
	l.wake()
	return nil
}

// watched returns the followers there are.
func (l *line) watched() []*follower {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make([]*follower, 0, len(l.followers))
	for _, f := range l.followers {
		out = append(out, f)
	}
	return out
}

// setCursor stores what is told of a subscription from outside: that it is new, is another, or has ended. How far it is read it
// leaves as it is.
func (s *Store) setCursor(l *line, c cursor) error {
	made, err := newFollower(c)
	if err != nil {
		return err
	}
	b := s.db.NewBatch()
	if err := s.space.check(s.fs, s.cfg.Dir, s.cfg.ReserveBytes/2); err != nil {
		b.Close()
		return err
	}
	return l.commit(s, b, func(*ledger) error {
		id := c.Subscription.ID
		f := l.followers[id]
		if f != nil {
			c.Next = f.Next // it may have moved since
		}
		if c.End != 0 && c.Next >= c.End && !l.plan.reads(id) {
			l.forget(id)
			return b.Delete(cursorKey(l, id), nil)
		}
		data, err := json.Marshal(c)
		if err != nil {
			return err
		}
		if err := b.Set(cursorKey(l, id), data, nil); err != nil {
			return err
		}
		if f == nil {
			l.followers[id] = made
			return nil
		}
		f.cursor, f.pattern, f.again = c, made.pattern, time.Time{}
		if !l.plan.reads(id) { // what it guessed was of another pattern or end
			f.reset()
		}
		return nil
	})
}

// forget lets go of a follower. The line's mu is held.
func (l *line) forget(id string) {
	if f := l.followers[id]; f != nil {
		delete(l.followers, id)
		if f.interrupt != nil {
			f.interrupt()
		}
	}
}

// reset has the follower look again from the cursor on. The line's mu is held.
func (f *follower) reset() {
	f.scanned, f.first, f.missed, f.oldest, f.full = f.Next, 0, 0, time.Time{}, false
	if f.interrupt != nil {
		f.interrupt()
	}
}

// follow watches a subscription until ctx ends or the follower is forgotten.
func (s *Store) follow(ctx context.Context, l *line, f *follower) {
	for ctx.Err() == nil {
		d := l.stream.Load()
		watch, stop := context.WithCancel(ctx)
		l.mu.Lock()
		f.interrupt = stop
		sub, at, ended := f.Subscription, f.scanned, f.End != 0 && f.scanned >= f.End
		looking, full := f.first == 0, f.full || f.first == 0 && l.plan.reads(sub.ID) // after a restart: its batch reads it first
		if l.followers[sub.ID] != f {
			l.mu.Unlock()
			stop()
			return
		}
		target := at
		if !looking && f.mean > 0 {
			target = f.first + uint64(float64(d.Buffer.Bytes)/f.mean)
		}
		l.mu.Unlock()
		var err error
		switch {
		case looking && ended:
			err = s.endFollower(l, f)
		case full:
			<-watch.Done()
		case looking:
			if err = s.logs.Wait(watch, d.Caller, sub.Group, target); err == nil {
				err = s.look(ctx, l, f, at)
			}
		default:
			if err = s.logs.Wait(watch, d.Caller, sub.Group, target); err == nil {
				l.mu.Lock()
				f.full = f.first != 0
				l.mu.Unlock()
				l.wake()
			}
		}
		if err != nil && watch.Err() == nil {
			if !fault.Is(err, fault.NotFound) { // without its group, the subscription's end is on its way
				s.log.Error("log group not followed", "stream", d.Name, "group", sub.Group, "err", err)
			}
			pause(watch, s.cfg.RetryMax)
		}
		stop()
	}
}

// look reads on from a sequence until it finds an event that matches, or no more.
func (s *Store) look(ctx context.Context, l *line, f *follower, at uint64) error {
	l.mu.Lock()
	sub, p, end := f.Subscription, f.pattern, f.End
	l.mu.Unlock()
	for {
		batch, err := s.logs.ReadFrom(ctx, l.stream.Load().Caller, sub.Group, at, 512)
		if err != nil {
			return err
		}
		if batch.GroupID != sub.GroupID {
			return fault.Newf(fault.NotFound, "log group "+sub.Group, "is another one by now")
		}
		if batch.Next == at {
			return nil
		}
		var first *logs.Stored
		var size, last int
		for i := range batch.Events {
			e := &batch.Events[i]
			if end != 0 && e.Sequence >= end {
				break
			}
			last = i + 1
			if p.Match(e.Message) {
				size += len(e.Message)
				if first == nil {
					first = e
				}
			}
		}
		next := batch.Next
		if end != 0 {
			next = min(next, end)
		}
		l.mu.Lock()
		if f.scanned != at || f.Subscription != sub || f.End != end { // reset meanwhile
			l.mu.Unlock()
			return nil
		}
		if first != nil {
			f.scanned, f.first, f.oldest = first.Sequence, first.Sequence, time.UnixMilli(first.IngestedMillis).UTC()
			if f.mean == 0 {
				f.mean = float64(size) / float64(max(last, 1))
			}
			l.mu.Unlock()
			l.wake()
			return nil
		}
		f.missed += next - at - uint64(last)
		f.scanned, at = next, next
		store := f.scanned-f.Next >= idleSpan
		l.mu.Unlock()
		if store {
			if err := s.pass(l, f); err != nil {
				return err
			}
		}
		if end != 0 && at >= end {
			return nil
		}
	}
}

// pass stores that the events up to where was scanned concern nobody.
func (s *Store) pass(l *line, f *follower) error {
	b := s.db.NewBatch()
	return l.commit(s, b, func(n *ledger) error {
		if f.first != 0 || l.followers[f.Subscription.ID] != f {
			return nil
		}
		n.missed += f.missed
		f.missed = 0
		c := f.cursor
		c.Next = f.scanned
		data, err := json.Marshal(c)
		if err == nil {
			err = b.Set(cursorKey(l, c.Subscription.ID), data, nil)
		}
		if err == nil {
			f.cursor = c
		}
		return err
	})
}

// endFollower removes a follower that has read all that its subscription had.
func (s *Store) endFollower(l *line, f *follower) error {
	b := s.db.NewBatch()
	return l.commit(s, b, func(n *ledger) error {
		n.missed += f.missed
		l.forget(f.Subscription.ID)
		return b.Delete(cursorKey(l, f.Subscription.ID), nil)
	})
}

// admit asks whether a follower's events may come into a batch. Where they may not, it notes when to ask again; the events of a
// subscription that has ended are given up then: nobody is left to put its role right.
func (s *Store) admit(ctx context.Context, l *line, f *follower) (bool, error) {
	l.mu.Lock()
	sub := f.Subscription
	l.mu.Unlock()
	refusal := s.maySend(ctx, sub)
	if refusal != nil {
		if !fault.Is(refusal, fault.Denied) && !fault.Is(refusal, fault.Invalid) {
			return false, refusal
		}
		refusal = fault.Newf(fault.KindOf(refusal), "subscription filter "+sub.Name+" of "+sub.Group,
			"its role does not let CloudWatch Logs put its events into the stream: %w", refusal)
	}
	return refusal == nil, s.deny(l, f, refusal)
}

// askAgain asks again for the followers that were refused and whose time has come. It delivers nothing: what else waits in the
// stream is gathered meanwhile as its buffer says.
func (s *Store) askAgain(ctx context.Context, l *line) error {
	for _, f := range l.watched() {
		l.mu.Lock()
		ask := f.refusal != nil && !time.Now().Before(f.again)
		l.mu.Unlock()
		if !ask {
			continue
		}
		if _, err := s.admit(ctx, l, f); err != nil {
			return err
		}
		l.mu.Lock()
		over := l.followers[f.Subscription.ID] != f && l.plan == nil
		l.mu.Unlock()
		if over {
			l.healed(s)
		}
	}
	return nil
}

// deny notes why a follower's events may not come into a batch; nil is that they may.
func (s *Store) deny(l *line, f *follower, refusal error) error {
	l.mu.Lock()
	f.refusal = refusal
	over := refusal != nil && f.End != 0
	l.mu.Unlock()
	if !over {
		if refusal != nil {
			wait := l.failed(s, refusal)
			l.mu.Lock()
			f.again = time.Now().Add(wait)
			l.mu.Unlock()
		}
		return nil
	}
	b := s.db.NewBatch()
	return l.commit(s, b, func(n *ledger) error {
		if f.End > f.Next {
			n.missed += f.End - f.Next
			s.log.Warn("log events given up: their subscription has ended, and its role did not let them be put", "stream", l.stream.Load().Name,
				"group", f.Subscription.Group, "events", f.End-f.Next, "err", refusal)
		}
		l.forget(f.Subscription.ID)
		return b.Delete(cursorKey(l, f.Subscription.ID), nil)
	})
}

// pause waits so long, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// waits guesses what a subscription has for its stream: bytes and the arrival of the oldest; nothing at the zero time.
func (s *Store) waits(ctx context.Context, l *line, f *follower) (size int64, oldest time.Time) {
	l.mu.Lock()
	sub, first, mean, end, at := f.Subscription, f.first, f.mean, f.End, f.oldest
	l.mu.Unlock()
	if first == 0 {
		return 0, time.Time{}
	}
	next, group, err := s.logs.Next(ctx, l.stream.Load().Caller, sub.Group)
	if err != nil || group != sub.GroupID {
		return 0, time.Time{}
	}
	if end != 0 {
		next = min(next, end)
	}
	return int64(float64(next-min(first, next)) * mean), at
}
