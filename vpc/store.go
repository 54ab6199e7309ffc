package vpc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"flowlake/access"
	"flowlake/delivery"
	"flowlake/fault"
	"flowlake/lake"
	"flowlake/logs"
	"flowlake/state"
)

// Config says how flow logs are delivered. The zero values are the defaults.
type Config struct {
	// PublishEvery is the longest that a record waits before it is in a file in S3. 0 is 5 minutes, which is AWS's.
	PublishEvery time.Duration
	// DrainPatience is how long the records of a deleted flow log may wait for a destination that does not
	// take them; then they are given up. 0 is 15 minutes.
	DrainPatience time.Duration
}

// Validate names the key that is wrong.
func (c Config) Validate() error {
	switch {
	case c.PublishEvery < 0 || c.PublishEvery > 15*time.Minute:
		return fault.Newf(fault.Invalid, "vpc.publish_every", "%v is not from 0 to 15m", c.PublishEvery)
	case c.DrainPatience < 0:
		return fault.Newf(fault.Invalid, "vpc.drain_patience", "%v is negative", c.DrainPatience)
	}
	return nil
}

// Store is the room. It is safe for concurrent use.
type Store struct {
	cfg      Config
	state    *state.Store
	lake     *lake.Store
	logs     *logs.Store
	delivery *delivery.Store
	guard    *access.Guard
	log      *slog.Logger
	wake     chan struct{} // a flow log was deleted, or made

	mu     sync.Mutex        // guards failed
	failed map[string]string // why the last delivery of a flow log failed, by its id; gone with the process
}

// Open opens the room and hands delivery the writer of flow-log files. The door asks the guard about the inventory, the room about
// flow logs' roles and what they may do to log groups, and delivery about what is written to S3.
func Open(cfg Config, st *state.Store, lk *lake.Store, lg *logs.Store, dl *delivery.Store, guard *access.Guard, log *slog.Logger) (*Store, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.PublishEvery == 0 {
		cfg.PublishEvery = 5 * time.Minute
	}
	if cfg.DrainPatience == 0 {
		cfg.DrainPatience = 15 * time.Minute
	}
	s := &Store{cfg: cfg, state: st, lake: lk, logs: lg, delivery: dl, guard: guard, log: log, wake: make(chan struct{}, 1), failed: map[string]string{}}
	dl.Handle(delivery.KindFlowLog, files{})
	return s, nil
}

// Run makes the delivery streams of flow logs that a crash kept from being made, and lets the streams of deleted flow
// logs run dry before it removes them. It returns when ctx ends; what is left is done by the next Run.
func (s *Store) Run(ctx context.Context) error {
	began := time.Now()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	if err := s.mend(ctx); err != nil && ctx.Err() == nil {
		s.log.Error("flow logs' streams were not checked", "err", err)
	}
	for {
		busy, err := s.drain(ctx, began)
		if err != nil && ctx.Err() == nil {
			s.log.Warn("deleted flow logs wait", "err", err)
		}
		var again <-chan time.Time
		if busy || err != nil {
			again = tick.C
		}
		select {
		case <-ctx.Done():
			return nil
		case <-s.wake:
		case <-again:
		}
	}
}

// mend makes the streams that flow logs to S3 lack, and has all of them publish as often as the room is told to now. One that
// it fails at does not keep it from the others.
func (s *Store) mend(ctx context.Context) error {
	var all []FlowLog
	err := s.state.View(ctx, func(tx *state.Tx) error {
		for row, err := range tx.All(kindFlowLog) {
			var f FlowLog
			if err == nil {
				err = row.Decode(&f)
			}
			if err != nil {
				return err
			}
			all = append(all, f)
		}
		return nil
	})
	if err != nil {
		return err
	}
	var failed []error
	for _, f := range all {
		if f.Type != ToS3 {
			continue
		}
		err := s.openStream(ctx, f.Creator, f)
		if err == nil {
			err = s.pace(ctx, f.Creator, f.ID, s.cfg.PublishEvery)
		}
		if err != nil && !fault.Is(err, fault.NotFound) { // deleted just now
			failed = append(failed, fmt.Errorf("%s: %w", f.ID, err))
		}
	}
	return errors.Join(failed...)
}

// kindDrain are the flow logs that are deleted and whose records are not all delivered.
const kindDrain = "deleted flow log"

type drainDoc struct {
	Since  time.Time
	Caller access.Caller
}

// drain removes the streams of deleted flow logs that have run dry, and reports whether others are left. began is since when
// they can be delivered: the time that the server was down is not the destination's fault.
func (s *Store) drain(ctx context.Context, began time.Time) (busy bool, err error) {
	type doomed struct {
		id  state.ID
		doc drainDoc
	}
	var all []doomed
	err = s.state.View(ctx, func(tx *state.Tx) error {
		for row, err := range tx.All(kindDrain) {
			d := doomed{id: row.ID}
			if err == nil {
				err = row.Decode(&d.doc)
			}
			if err != nil {
				return err
			}
			all = append(all, d)
		}
		return nil
	})
	if err != nil {
		return false, err
	}
	var failed []error
	for _, d := range all {
		left, err := s.drainOne(ctx, d.id, d.doc, began)
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", d.id.Key, err))
		}
		busy = busy || left
	}
	return busy, errors.Join(failed...)
}

func (s *Store) drainOne(ctx context.Context, id state.ID, doc drainDoc, began time.Time) (left bool, err error) {
	name := id.Key
	n, err := s.delivery.Counters(ctx, doc.Caller, delivery.KindFlowLog, name)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return true, err
	}
	if err == nil {
		since := doc.Since
		if since.Before(began) {
			since = began
		}
		if n.Waiting > 0 && time.Since(since) <= s.cfg.DrainPatience {
			return true, s.pace(ctx, doc.Caller, name, 0) // without waiting for more
		}
		if n.Waiting > 0 {
			s.log.Error("records of a deleted flow log given up", "flow_log", name, "records", n.Waiting, "bytes", n.WaitBytes)
		}
		if err := s.delivery.Delete(ctx, doc.Caller, delivery.KindFlowLog, name); err != nil && !fault.Is(err, fault.NotFound) {
			return true, err
		}
	}
	err = s.state.Update(ctx, func(tx *state.Tx) error { return tx.Delete(id) })
	if fault.Is(err, fault.NotFound) {
		err = nil
	}
	return err != nil, err
}

// pace sets how long a stream's records wait.
func (s *Store) pace(ctx context.Context, c access.Caller, name string, age time.Duration) error {
	st, err := s.delivery.Stream(ctx, c, delivery.KindFlowLog, name)
	if err == nil && st.Buffer.Age != age {
		_, err = s.delivery.Update(ctx, c, delivery.KindFlowLog, name, 0, func(st *delivery.Stream) error { st.Buffer.Age = age; return nil })
	}
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	return err
}

func (s *Store) nudge() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// note remembers how a delivery went.
func (s *Store) note(id string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case err == nil:
		delete(s.failed, id)
	case fault.Is(err, fault.Denied):
		s.failed[id] = "Access error: " + access.Explain(err)
	case fault.Is(err, fault.NotFound):
		s.failed[id] = "Access error"
	case fault.Is(err, fault.Throttled):
		s.failed[id] = "Rate limited"
	default:
		s.failed[id] = "Unknown error"
	}
}
