package delivery

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"flowlake/access"
	"flowlake/fault"
)

// work delivers a stream's batches, one after the other, until ctx ends. While nothing waits, it sleeps.
func (s *Store) work(ctx context.Context, l *line) {
	var following sync.WaitGroup
	defer following.Wait()
	for ctx.Err() == nil {
		for _, f := range l.watched() {
			l.mu.Lock()
			begin := !f.following
			f.following = true
			l.mu.Unlock()
			if begin {
				following.Go(func() { s.follow(ctx, l, f) })
			}
		}
		err := s.askAgain(ctx, l)
		var at time.Time
		var waiting bool
		if err == nil {
			at, waiting, err = s.dueAt(ctx, l)
		}
		if err == nil && !waiting {
			select {
			case <-l.due:
			case <-ctx.Done():
			}
			continue
		}
		if err == nil {
			if wait := time.Until(at); wait > 0 {
				t := time.NewTimer(wait)
				select {
				case <-t.C:
				case <-l.due:
				case <-ctx.Done():
				}
				t.Stop()
				continue
			}
			err = s.deliver(ctx, l)
		}
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			l.healed(s)
			continue
		}
		t := time.NewTimer(l.failed(s, err))
		select {
		case <-t.C:
		case <-l.altered: // who mended the settings need not wait
		case <-ctx.Done():
		}
		t.Stop()
	}
}

// deliver writes one batch when it is its turn.
func (s *Store) deliver(ctx context.Context, l *line) (err error) {
	select {
	case s.slots <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-s.slots }()
	defer s.rescue(l, &err)
	return s.attempt(ctx, l)
}

// failed notes an attempt that failed, and returns how long to wait for the next one.
func (l *line) failed(s *Store, err error) time.Duration {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	first := l.failure.Attempts == 0
	if first {
		l.failure.Since = now.UTC()
	}
	l.retries++
	l.failure.Attempts++
	wait := min(s.cfg.RetryMin<<min(l.failure.Attempts-1, 20), s.cfg.RetryMax)
	wait = wait/2 + rand.N(wait/2+1) // many streams of one destination must not come back at once
	changed := l.failure.Message != describe(err)
	l.failure.Message, l.failure.Remedy = describe(err), remedy(err)
	l.failure.Next = now.Add(wait).UTC()
	if first || changed {
		s.log.Warn("delivery put off", "stream", l.stream.Load().Name, "next", wait, "err", err)
	}
	return wait
}

// describe is the obstacle as the stream's owner may read it.
func describe(err error) string {
	if fault.Is(err, fault.Internal) {
		if _, ok := errors.AsType[*fault.Error](err); !ok {
			return "an internal error; the server's log has it"
		}
	}
	return err.Error()
}

// remedy is what would remove the obstacle, where that is a permission that is missing.
func remedy(err error) string {
	if r, ok := errors.AsType[*access.Refusal](err); ok && !r.Hidden && r.Statement != "" {
		return "This would allow it, in " + r.Where + ":\n" + r.Statement
	}
	return ""
}

// healed notes that a batch was delivered.
func (l *line) healed(s *Store) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.gaveUp { // that was no delivery
		l.gaveUp = false
		return
	}
	l.trouble = time.Time{}
	for _, f := range l.followers {
		if f.refusal != nil { // the stream still says so
			l.failure.Message, l.failure.Remedy, l.failure.Next = describe(f.refusal), remedy(f.refusal), f.again.UTC()
			return
		}
	}
	if l.failure.Attempts > 0 {
		s.log.Info("delivery goes on", "stream", l.stream.Load().Name, "attempts", l.failure.Attempts, "after", time.Since(l.failure.Since))
		l.failure = Failure{}
	}
}

func receiptName(l *line) string { return fmt.Sprintf("delivery/%s", l.id) }
