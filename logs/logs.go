// Package logs keeps log groups, their streams and their events. Every event gets the next ingest
// sequence of its group, and is on disk before it is acknowledged; readers page by time, and followers
// pull by sequence. It also expires events, exports them to the lake, shows them live, and knows who is subscribed
// to them, which delivery reads and follows by a cursor of its own.
//
// Groups, export tasks, filters and policies are documents in state. Streams, their counters and the events are in a Pebble
// store of this room alone (keys.go), so that a put is one synced commit there and writes nothing else.
// A group's id is never used twice: what a crash leaves of a deleted group can never be seen again.
//
// Nobody is pushed to, and retention waits for nobody. The package knows nothing of HTTP or of AWS's shapes.
package logs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"flowlake/access"
	"flowlake/fault"
	"flowlake/lake"
	"flowlake/state"
)

// Config says where the events lie.
type Config struct {
	Dir string // holds events/
	// ReserveBytes is the space on the disk that puts leave free, so that what was acknowledged can always
	// be flushed and compacted. 0 is 64 MiB.
	ReserveBytes int64
	// Sweep is how often expired events are looked for. 0 is an hour.
	Sweep time.Duration
}

// Validate names the key that is wrong.
func (c Config) Validate() error {
	switch {
	case c.Dir == "":
		return fault.Newf(fault.Invalid, "logs.dir", "is empty")
	case c.ReserveBytes < 0:
		return fault.Newf(fault.Invalid, "logs.reserve_bytes", "%d is negative", c.ReserveBytes)
	case c.Sweep < 0:
		return fault.Newf(fault.Invalid, "logs.sweep", "%v is negative", c.Sweep)
	}
	return nil
}

// Store is the log room. It is safe for concurrent use.
type Store struct {
	records
	cfg    Config
	fs     vfs.FS
	db     *pebble.DB
	state  *state.Store
	lake   *lake.Store
	guard  *access.Guard
	log    *slog.Logger
	secret []byte // signs paging tokens
	space  space

	filterRead int // see the constant

	broken atomic.Pointer[error] // set once a commit's fate is unknown; every later put is refused

	mu    sync.Mutex // guards lives
	lives map[uint64]*live

	names  names
	export exporter

	destinations  Destinations // nil: nothing can be subscribed
	subscriptions signal
	tails         atomic.Int32  // under way
	sweep         chan struct{} // wakes the retention sweep; holds one
}

// Open opens the room over its folder, making it when it is new, and finishes deletions that a crash cut
// short. It reads no events. Objects of exports go to lk.
//
// It returns fault.Conflict for data of a newer program, fault.Unavailable for a disk that refuses.
func Open(cfg Config, st *state.Store, lk *lake.Store, guard *access.Guard, log *slog.Logger) (*Store, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fault.Newf(fault.Unavailable, "logs folder "+cfg.Dir, "%w", err)
	}
	return open(cfg, vfs.Default, st, lk, guard, log)
}

func open(cfg Config, fs vfs.FS, st *state.Store, lk *lake.Store, guard *access.Guard, log *slog.Logger) (*Store, error) {
	if cfg.ReserveBytes == 0 {
		cfg.ReserveBytes = 64 << 20
	}
	if cfg.Sweep == 0 {
		cfg.Sweep = time.Hour
	}
	s := &Store{cfg: cfg, fs: fs, state: st, lake: lk, guard: guard, log: log,
		lives: map[uint64]*live{}, sweep: make(chan struct{}, 1), filterRead: filterRead}
	s.export.init()
	dir := filepath.Join(cfg.Dir, "events")
	db, err := openEvents(dir, fs, log)
	if err != nil {
		return nil, fault.Newf(fault.Unavailable, "log events in "+dir, "%w", err)
	}
	s.db, s.reader = db, db
	if err := errors.Join(s.prepare(dir), s.finishRemovals(context.Background())); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}

func openEvents(dir string, fs vfs.FS, log *slog.Logger) (*pebble.DB, error) {
	cache := pebble.NewCache(16 << 20)
	defer cache.Unref()
	return pebble.Open(dir, &pebble.Options{
		FS:                          fs,
		Cache:                       cache,
		FormatMajorVersion:          pebble.FormatValueSeparation, // fixed: an upgrade is a decision, not a side effect
		MemTableSize:                16 << 20,
		MemTableStopWritesThreshold: 4,
		Logger:                      pebbleLog{log},
	})
}

// Close closes the store. No call may be under way, and Run must have returned.
func (s *Store) Close() error {
	if err := s.db.Close(); err != nil {
		return fault.Newf(fault.Unavailable, "log events", "close: %w", err)
	}
	return nil
}

// Run expires events and runs export tasks until ctx ends; tasks under way then are taken up by the next Run.
// It is called once.
func (s *Store) Run(ctx context.Context) error {
	var work sync.WaitGroup
	work.Go(func() { s.runExports(ctx) })
	work.Go(func() { s.runSweeps(ctx) })
	work.Wait()
	return nil
}

// live is what one process must know of a group beyond its records.
type live struct {
	mu   sync.Mutex // orders the group's commits; guards gone
	gone bool       // the group is deleted: its records must not come back

	durable atomic.Uint64 // events below this sequence survive power loss; readers see no others

	signal // durable grew
}

// advance makes the events below next visible.
func (l *live) advance(next uint64) {
	for {
		old := l.durable.Load()
		if old >= next {
			return
		}
		if l.durable.CompareAndSwap(old, next) {
			break
		}
	}
	l.notify()
}

// signal tells those who wait that something changed.
type signal struct {
	wake sync.Mutex    // guards more
	more chan struct{} // closed at the next change; nil when nobody waits
}

func (s *signal) notify() {
	s.wake.Lock()
	defer s.wake.Unlock()
	if s.more != nil {
		close(s.more)
		s.more = nil
	}
}

// changed returns a channel that is closed at the next notify after this call.
func (s *signal) changed() <-chan struct{} {
	s.wake.Lock()
	defer s.wake.Unlock()
	if s.more == nil {
		s.more = make(chan struct{})
	}
	return s.more
}

// live returns the group's live part. All that a fresh process finds in the store is durable.
func (s *Store) live(group uint64) (*live, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.lives[group]; l != nil {
		return l, nil
	}
	n, err := s.counters(group)
	if err != nil {
		return nil, err
	}
	l := &live{}
	l.durable.Store(n.next)
	s.lives[group] = l
	return l, nil
}

// pebbleLog sends Pebble's messages to slog.
type pebbleLog struct{ log *slog.Logger }

func (p pebbleLog) Infof(format string, args ...any) {
	p.log.Debug("event store", "message", fmt.Sprintf(format, args...))
}
func (p pebbleLog) Errorf(format string, args ...any) {
	p.log.Error("event store", "message", fmt.Sprintf(format, args...))
}

// Fatalf must not return: Pebble calls it when going on would lose data.
func (p pebbleLog) Fatalf(format string, args ...any) {
	message := fmt.Sprintf(format, args...)
	p.log.Error("event store stops the program", "message", message)
	panic("event store: " + message)
}
