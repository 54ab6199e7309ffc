package delivery

import (
	"context"
	"encoding/json"
	"time"

	"flowlake/logs"
)

// plan is a batch under way: it is stored before the batch's first byte, and removed with its end.
type plan struct {
	Number  uint64          `json:"number"`
	Oldest  time.Time       `json:"oldest"`
	Version int64           `json:"version"` // of the stream's settings; 0: Plan is still to be asked for
	Plan    json.RawMessage `json:"plan,omitempty"`
	Bytes   int64           `json:"bytes"` // of record data, where the batch ends if To does not come first
	Inputs  []planInput     `json:"inputs"`
	Since   time.Time       `json:"since,omitzero"`  // since when an obstacle of its own keeps it from being written
	Newest  time.Time       `json:"newest,omitzero"` // arrival of its newest record, once it is asked for
}

// planInput is a run of an input: From, and at most up to To.
type planInput struct {
	From         uint64             `json:"from"`
	To           uint64             `json:"to"`
	Subscription *logs.Subscription `json:"subscription,omitempty"` // nil: the stream's own queue
}

// reads reports whether the batch has events of a subscription.
func (p *plan) reads(subscription string) bool {
	if p == nil {
		return false
	}
	for _, in := range p.Inputs {
		if in.Subscription != nil && in.Subscription.ID == subscription {
			return true
		}
	}
	return false
}

// seal says where a batch ends and what became of its rows. It is stored after the objects' last byte and before they become
// visible: from then on the batch can be finished by whoever finds its receipt.
type seal struct {
	Ends    []uint64 `json:"ends"` // for each input of the plan
	Read    readings `json:"read"`
	Tally   tally    `json:"tally"`
	Visible bool     `json:"visible,omitempty"` // there is an object, and so a receipt
}

// readings count what a reading of a batch met.
type readings struct {
	Rows        int64 `json:"rows,omitempty"` // records and matching events
	Events      int64 `json:"events,omitempty"`
	EventBytes  int64 `json:"eventBytes,omitempty"`
	Records     int64 `json:"records,omitempty"`
	RecordBytes int64 `json:"recordBytes,omitempty"`
	Missed      int64 `json:"missed,omitempty"`
}

// dueAt returns when the next batch is to be closed, or a subscription that was refused is asked for again; ok is false when nothing
// waits.
func (s *Store) dueAt(ctx context.Context, l *line) (at time.Time, ok bool, err error) {
	d := l.stream.Load()
	l.mu.Lock()
	under, size := l.plan != nil, int64(l.ledger.waitBytes)
	l.mu.Unlock()
	if under {
		return time.Time{}, true, nil
	}
	oldest, err := s.oldest(l)
	if err != nil {
		return time.Time{}, false, err
	}
	var again time.Time // when the first subscription that was refused is asked for again
	for _, f := range l.watched() {
		l.mu.Lock()
		refused, until := f.refusal != nil, f.again
		l.mu.Unlock()
		if refused {
			if again.IsZero() || until.Before(again) {
				again = until
			}
			continue
		}
		n, first := s.waits(ctx, l, f)
		size += n
		if oldest.IsZero() || !first.IsZero() && first.Before(oldest) {
			oldest = first
		}
	}
	if oldest.IsZero() {
		return again, !again.IsZero(), nil
	}
	if size >= d.Buffer.Bytes || oldest.After(time.Now()) { // the clock was put back: nobody need wait until it is there again
		return time.Time{}, true, nil
	}
	if at = oldest.Add(d.Buffer.Age); !again.IsZero() && again.Before(at) {
		at = again
	}
	return at, true, nil
}

// begin plans the next batch and stores the plan. It returns nil when nothing waits but subscriptions whose roles do not let
// their events be put: those wait by themselves, and hold nobody up.
func (s *Store) begin(ctx context.Context, l *line, w Writer) (*plan, error) {
	d := l.stream.Load()
	p := &plan{Version: d.Version, Bytes: d.Buffer.Bytes}
	oldest, err := s.oldest(l)
	if err != nil {
		return nil, err
	}
	p.Oldest = oldest
	l.mu.Lock()
	p.Number = l.ledger.number + 1
	if head, to := l.ledger.head, l.durable.Load(); head < to {
		p.Inputs = append(p.Inputs, planInput{From: head, To: to})
	}
	followers := make([]*follower, 0, len(l.followers))
	for _, f := range l.followers {
		if f.first != 0 && f.refusal == nil {
			followers = append(followers, f)
		}
	}
	l.mu.Unlock()
	for _, f := range followers {
		l.mu.Lock()
		c, first := f.cursor, f.oldest
		l.mu.Unlock()
		next, group, err := s.logs.Next(ctx, d.Caller, c.Subscription.Group)
		if err != nil || group != c.Subscription.GroupID {
			continue // the group is gone, and the subscription's end is on its way
		}
		if c.End != 0 {
			next = min(next, c.End)
		}
		if next <= c.Next {
			continue
		}
		switch may, err := s.admit(ctx, l, f); {
		case err != nil:
			return nil, err
		case !may:
			continue
		}
		if p.Oldest.IsZero() || first.Before(p.Oldest) {
			p.Oldest = first
		}
		p.Inputs = append(p.Inputs, planInput{From: c.Next, To: next, Subscription: &c.Subscription})
	}
	if len(p.Inputs) == 0 {
		return nil, nil
	}
	if p.Plan, err = w.Plan(ctx, *d); err != nil {
		p.Plan, p.Version = nil, 0
	}
	return p, s.setPlan(l, p)
}

// setSeal stores a seal.
func (s *Store) setSeal(l *line, sealed *seal) error {
	if err := s.store(l, map[string]any{string(key(l.id, keySeal)): sealed}); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sealed = sealed
	return nil
}

// setPlan stores a plan.
func (s *Store) setPlan(l *line, p *plan) error {
	err := s.store(l, map[string]any{string(key(l.id, keyPlan)): p})
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.plan = p
	return nil
}
