package logs

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"flowlake/access"
	"flowlake/fault"
	"flowlake/logs/pattern"
)

// The limits of a tail. Source: API reference, StartLiveTail; user guide, "CloudWatch Logs quotas".
const (
	MaxTailGroups = 10
	MaxTailEvents = 500 // of an update
	// maxTailBytes bounds an update's messages: as JSON, six bytes for one at worst, they are less than the 16 MiB
	// that the SDKs take in a message of an event stream.
	maxTailBytes = 2 << 20
	maxTails     = 15 // at once
	tailEvery    = time.Second
	tailLimit    = 3 * time.Hour
	// tailRead is how many events an update looks at in one group before it goes on at the group's end.
	tailRead = 500_000
)

// ErrTailOver ends a tail that has gone on for three hours.
var ErrTailOver = errors.New("the session has reached its limit of three hours")

// TailQuery selects the events of a tail.
type TailQuery struct {
	Groups   []string // 1 to 10
	Streams  []string // only these; with one group, and not beside Prefixes
	Prefixes []string // only streams whose names begin with one of them; with one group
	Pattern  string   // see package pattern
}

// TailUpdate is what came within a second, in the order of the events' times.
type TailUpdate struct {
	Events  []Tailed
	Sampled bool // more came, or longer ones, than an update holds: these are some of them, by chance
}

// Tailed is an event of a group.
type Tailed struct {
	Group string
	Stored
}

// Tail calls started, and then once a second, until ctx or the session ends, update with the events that were put since.
// It never waits for those who put: what comes faster than it can be read, or shown, is sampled.
//
// It returns fault.Invalid for a query that is wrong, fault.NotFound without one of the groups, also later on, fault.Limit when
// there are too many tails, ErrTailOver after three hours, and the error that started or update return.
func (s *Store) Tail(ctx context.Context, c access.Caller, q TailQuery, started func() error, update func(TailUpdate) error) error {
	t, err := s.openTail(ctx, c, q)
	if err != nil {
		return err
	}
	if s.tails.Add(1) > maxTails {
		s.tails.Add(-1)
		return fault.Newf(fault.Limit, "live tail", "Resource limit exceeded: there are %d sessions", maxTails)
	}
	defer s.tails.Add(-1)
	if err := started(); err != nil {
		return err
	}
	tick := time.NewTicker(tailEvery)
	defer tick.Stop()
	over := time.NewTimer(tailLimit)
	defer over.Stop()
	for {
		select {
		case <-tick.C:
		case <-over.C:
			return ErrTailOver
		case <-ctx.Done():
			return ctx.Err()
		}
		u, err := t.read(ctx)
		if err == nil {
			err = update(u)
		}
		if err != nil {
			return err
		}
	}
}

// tail is a tail under way.
type tail struct {
	store   *Store
	caller  access.Caller
	query   TailQuery
	pattern *pattern.Pattern
	next    []uint64 // sequences to read on from, by group
	ids     []uint64 // of the groups
}

func (s *Store) openTail(ctx context.Context, c access.Caller, q TailQuery) (*tail, error) {
	const noun = "live tail"
	switch {
	case len(q.Groups) < 1 || len(q.Groups) > MaxTailGroups:
		return nil, fault.Newf(fault.Invalid, noun, "has %d log groups: Member must have length between 1 and %d", len(q.Groups), MaxTailGroups)
	case len(q.Streams) > 0 && len(q.Prefixes) > 0:
		return nil, fault.Newf(fault.Invalid, noun, "logStreamNames and logStreamNamePrefixes cannot be used together")
	case len(q.Groups) > 1 && len(q.Streams)+len(q.Prefixes) > 0:
		return nil, fault.Newf(fault.Invalid, noun, "log streams can be chosen of one log group only")
	case len(q.Streams) > 100 || len(q.Prefixes) > 100:
		return nil, fault.Newf(fault.Invalid, noun, "at most 100 log streams or prefixes can be chosen")
	}
	t := &tail{store: s, caller: c, query: q}
	var err error
	if t.pattern, err = pattern.Compile(q.Pattern); err != nil {
		return nil, err
	}
	for i, name := range q.Groups {
		if slices.Contains(q.Groups[:i], name) {
			return nil, fault.Newf(fault.Invalid, noun, "log group %s is given twice", name)
		}
		g, err := s.group(ctx, c, name)
		if err != nil {
			return nil, err
		}
		l, err := s.live(g.ID)
		if err != nil {
			return nil, err
		}
		t.next, t.ids = append(t.next, l.durable.Load()), append(t.ids, g.ID)
	}
	return t, nil
}

// read reads what is new. The caller is asked for anew: a session is long.
func (t *tail) read(ctx context.Context) (u TailUpdate, err error) {
	var chosen sample
	for i, group := range t.query.Groups {
		if err := t.store.guard.Allow(ctx, t.caller, "logs:StartLiveTail", GroupARN(t.caller, group)); err != nil {
			return u, err
		}
		for read := 0; ; {
			batch, err := t.store.ReadFrom(ctx, t.caller, group, t.next[i], 10_000)
			if err != nil {
				return u, err
			}
			if batch.GroupID != t.ids[i] {
				return u, noGroup(group)
			}
			t.next[i] = batch.Next
			for _, e := range batch.Events {
				if !t.wants(e.Stream) || !t.pattern.Match(e.Message) {
					continue
				}
				chosen.offer(Tailed{group, e})
			}
			if len(batch.Events) == 0 {
				break
			}
			if read += len(batch.Events); read >= tailRead {
				l, err := t.store.live(t.ids[i])
				if err != nil {
					return u, err
				}
				t.next[i], chosen.left = l.durable.Load(), true
				break
			}
		}
	}
	u.Events, u.Sampled = chosen.events, chosen.left
	slices.SortStableFunc(u.Events, func(a, b Tailed) int {
		switch {
		case a.position().before(b.position()):
			return -1
		case b.position().before(a.position()):
			return 1
		}
		return 0
	})
	return u, nil
}

// sample is as much of what is offered as an update holds, chosen by chance.
type sample struct {
	events  []Tailed
	bytes   int  // of their messages
	offered int  // events
	left    bool // some were left out
}

func (s *sample) offer(e Tailed) {
	s.offered++
	at, leaves := len(s.events), 0
	if at == MaxTailEvents {
		s.left = true
		if at = rand.IntN(s.offered); at >= MaxTailEvents { // each has the same chance
			return
		}
		leaves = len(s.events[at].Message)
	}
	if s.bytes+len(e.Message)-leaves > maxTailBytes {
		s.left = true
		return
	}
	s.bytes += len(e.Message) - leaves
	if at == len(s.events) {
		s.events = append(s.events, e)
	} else {
		s.events[at] = e
	}
}

func (t *tail) wants(stream string) bool {
	if len(t.query.Streams) > 0 {
		return slices.Contains(t.query.Streams, stream)
	}
	return len(t.query.Prefixes) == 0 || slices.ContainsFunc(t.query.Prefixes, func(p string) bool { return strings.HasPrefix(stream, p) })
}
