package logs

import (
	"context"
	"strings"
	"time"

	"flowlake/access"
	"flowlake/logs/pattern"
)

// Batch is what a follower reads: events of a group in the order of their sequences, without those that are gone.
type Batch struct {
	Events  []Stored
	Next    uint64 // where to read on
	Missed  uint64 // sequences passed over: expired, or deleted with their stream
	GroupID uint64 // of the group that was read: its name may be given to another one
}

// maxBatchBytes ends a batch early.
const maxBatchBytes = 8 << 20

// ReadFrom reads at most so many events of a group from a sequence on (the first one is 1); it does not wait. The batch
// of a follower that has everything is empty and its Next is sequence. It returns fault.NotFound without the group.
//
// Retention does not wait for followers: what is expired is passed over and counted.
func (s *Store) ReadFrom(ctx context.Context, c access.Caller, group string, sequence uint64, most int) (Batch, error) {
	sequence = max(sequence, 1)
	batch := Batch{Next: sequence}
	g, err := s.group(ctx, c, group)
	if err != nil {
		return batch, err
	}
	batch.GroupID = g.ID
	l, err := s.live(g.ID)
	if err != nil {
		return batch, err
	}
	visible := l.durable.Load()
	if sequence >= visible {
		return batch, nil
	}
	it, err := s.iter(key(g.ID, kindBlock), key(g.ID, kindBlock, visible))
	if err != nil {
		return batch, err
	}
	defer it.Close()
	if !it.SeekLT(key(g.ID, kindBlock, sequence+1)) { // the block that holds the sequence begins at or before it
		it.First()
	}
	oldest := cutoff(time.Now(), g.RetentionDays)
	known := streamNames{store: s, group: g.ID, names: map[uint64]string{}}
	size := 0
	for ; it.Valid(); it.Next() {
		first := number(it.Key(), 0)
		b, err := openBlock(it.Value())
		if err != nil {
			return batch, err
		}
		name, err := known.name(b.stream)
		if err != nil {
			return batch, err
		}
		if batch.Events == nil { // room for as many as will come, if they are like these
			like := maxBatchBytes/max(1, len(b.messages)/b.count) + b.count
			batch.Events = make([]Stored, 0, min(uint64(max(most, 0)), visible-sequence, uint64(like)))
		}
		for at := first; at < first+uint64(b.count); at++ {
			time, message, err := b.next()
			if err != nil {
				return batch, err
			}
			if at < sequence {
				continue
			}
			if len(batch.Events) >= most || size >= maxBatchBytes {
				return batch, nil
			}
			batch.Missed += at - batch.Next
			batch.Next = at + 1
			if name == "" || time < oldest {
				batch.Missed++
				continue
			}
			size += len(message)
			batch.Events = append(batch.Events, Stored{Sequence: at, TimeMillis: time, IngestedMillis: b.ingested, Stream: name, Message: message})
		}
	}
	if err := it.Error(); err != nil {
		return batch, err
	}
	batch.Missed += visible - batch.Next
	batch.Next = visible
	return batch, ctx.Err()
}

// Wait returns once the group has an event with that sequence or a later one, or with ctx's error, or with
// fault.NotFound when the group is deleted.
func (s *Store) Wait(ctx context.Context, c access.Caller, group string, sequence uint64) error {
	for {
		g, err := s.group(ctx, c, group)
		if err != nil {
			return err
		}
		l, err := s.live(g.ID)
		if err != nil {
			return err
		}
		changed := l.changed()
		l.mu.Lock()
		gone := l.gone
		l.mu.Unlock()
		if gone {
			return noGroup(group)
		}
		if l.durable.Load() > sequence {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// FollowQuery asks for a group's events in the order in which they came in.
type FollowQuery struct {
	Group   string
	From    string // the Next of the page before; "": nothing, but where the group ends
	Prefix  string // only streams whose names begin with it
	Pattern string // see package pattern
	// Wait is how long to wait where nothing has come in yet.
	Wait time.Duration
}

// FollowPage is what came in. Unlike a page by time it leads to every event that is put later, whatever its time is.
type FollowPage struct {
	Events []Filtered // those that match; there can be none, and more to come
	Next   string     // never empty
	Missed uint64     // passed over: expired, or deleted with their stream
}

// followRead is how many events a page looks at.
const followRead = 5000

// Follow reads a page of what came in. It returns fault.NotFound without the group, or when it is not the one that From is
// of, fault.Invalid for a pattern or token that is wrong.
func (s *Store) Follow(ctx context.Context, c access.Caller, q FollowQuery) (FollowPage, error) {
	var page FollowPage
	match, err := pattern.Compile(q.Pattern)
	if err != nil {
		return page, err
	}
	g, err := s.group(ctx, c, q.Group)
	if err != nil {
		return page, err
	}
	l, err := s.live(g.ID)
	if err != nil {
		return page, err
	}
	bound := s.bind("follow", c.Account, c.Region, q.Group)
	next := func(sequence uint64) string {
		return bound.positionToken(position{time: int64(g.ID), sequence: sequence}, "")
	}
	if q.From == "" {
		page.Next = next(l.durable.Load())
		return page, nil
	}
	from, _, err := bound.position(q.From)
	if err != nil {
		return page, err
	}
	if uint64(from.time) != g.ID {
		return page, noGroup(q.Group)
	}
	if q.Wait > 0 {
		wait, cancel := context.WithTimeout(ctx, q.Wait)
		err := s.Wait(wait, c, q.Group, from.sequence)
		cancel()
		if err != nil && (ctx.Err() != nil || wait.Err() == nil) {
			return page, err
		}
	}
	batch, err := s.ReadFrom(ctx, c, q.Group, from.sequence, followRead)
	if err != nil {
		return page, err
	}
	if batch.GroupID != g.ID {
		return page, noGroup(q.Group)
	}
	for _, e := range batch.Events {
		if strings.HasPrefix(e.Stream, q.Prefix) && match.Match(e.Message) {
			page.Events = append(page.Events, Filtered{ID: eventID(g.ID, e.position()), Stored: e})
		}
	}
	page.Next, page.Missed = next(batch.Next), batch.Missed
	return page, nil
}
