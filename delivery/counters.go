package delivery

import (
	"context"

	"flowlake/access"
)

// Counters returns a stream's numbers, or fault.NotFound.
func (s *Store) Counters(ctx context.Context, c access.Caller, kind, name string) (Counters, error) {
	l, err := s.line(c, kind, name)
	if err != nil {
		return Counters{}, err
	}
	return s.counters(ctx, l), nil
}

func (s *Store) counters(ctx context.Context, l *line) Counters {
	l.mu.Lock()
	n := l.ledger
	out := Counters{In: int64(n.in), InBytes: int64(n.inBytes), Delivered: int64(n.delivered), Failed: int64(n.failed), Dropped: int64(n.dropped),
		Waiting: int64(n.waiting), WaitBytes: int64(n.waitBytes), Missed: int64(n.missed), Batches: int64(n.batches), Objects: int64(n.objects),
		DeliveredBytes: int64(n.bytes), Retries: l.retries}
	l.mu.Unlock()
	out.Oldest, _ = s.oldest(l) // a disk that cannot be read is told of where it matters
	for _, f := range l.watched() {
		l.mu.Lock()
		c, first := f.cursor, f.oldest
		l.mu.Unlock()
		if out.Oldest.IsZero() || !first.IsZero() && first.Before(out.Oldest) {
			out.Oldest = first
		}
		next, group, err := s.logs.Next(ctx, l.stream.Load().Caller, c.Subscription.Group)
		if err == nil && group == c.Subscription.GroupID && next > c.Next {
			out.Behind += int64(next - c.Next)
		}
	}
	return out
}

// Total is the numbers of one stream, for those who watch them all.
type Total struct {
	Stream   Stream
	Counters Counters
}

// Totals returns the numbers of every stream, and how many records went with streams that were deleted since the process started.
func (s *Store) Totals(ctx context.Context) (streams []Total, discarded int64) {
	for _, l := range s.allLines() {
		streams = append(streams, Total{l.describe(), s.counters(ctx, l)})
	}
	return streams, s.discarded.Load()
}
