package delivery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"

	"flowlake/access"
	"flowlake/catalog"
	"flowlake/fault"
	"flowlake/lake"
	"flowlake/logs"
	"flowlake/state"
)

// Config says where the queues lie and what they may take. The zero values are the defaults.
type Config struct {
	Dir     string // holds queue/
	Scratch string // for converted rows of fresh tables; emptied at the start
	// QueueBytes bounds the records that wait in one stream's queue; a put beyond it is refused as fault.Throttled. 0 is 1 GiB.
	QueueBytes int64
	// ReserveBytes is the space on the disk that puts leave free. 0 is 64 MiB.
	ReserveBytes int64
	// Parallel is how many batches are written at a time. 0 is one for each CPU.
	Parallel int
	// RetryMin and RetryMax bound the waits between attempts to deliver a batch. 0 is 1 s and 1 min.
	RetryMin, RetryMax time.Duration
	// RetryFor is how long a batch is tried that cannot be written for a reason of its own, such as a table that is gone; then its records
	// go below the error prefix. A bucket that refuses is waited for however long: QueueBytes tells those who put records. 0 is 24 h.
	//
	// Differs from AWS: there the 24 h are for the bucket, and what is older is lost.
	//
	// Source: Firehose developer guide, "Handle data delivery failures"
	RetryFor  time.Duration
	Transform Transform // nil: there are no functions
}

// Validate names the key that is wrong.
func (c Config) Validate() error {
	switch {
	case c.Dir == "":
		return fault.Newf(fault.Invalid, "delivery.dir", "is empty")
	case c.Scratch == "":
		return fault.Newf(fault.Invalid, "delivery.scratch", "is empty")
	case c.QueueBytes < 0:
		return fault.Newf(fault.Invalid, "delivery.queue_bytes", "%d is negative", c.QueueBytes)
	case c.ReserveBytes < 0:
		return fault.Newf(fault.Invalid, "delivery.reserve_bytes", "%d is negative", c.ReserveBytes)
	case c.Parallel < 0:
		return fault.Newf(fault.Invalid, "delivery.parallel", "%d is negative", c.Parallel)
	case c.RetryMin < 0 || c.RetryMax < 0:
		return fault.Newf(fault.Invalid, "delivery.retry", "%v and %v: one is negative", c.RetryMin, c.RetryMax)
	case c.RetryFor < 0:
		return fault.Newf(fault.Invalid, "delivery.retry_for", "%v is negative", c.RetryFor)
	}
	return nil
}

func (c *Config) defaults() {
	if c.QueueBytes == 0 {
		c.QueueBytes = 1 << 30
	}
	if c.ReserveBytes == 0 {
		c.ReserveBytes = 64 << 20
	}
	if c.Parallel == 0 {
		c.Parallel = runtime.GOMAXPROCS(0)
	}
	if c.RetryMin == 0 {
		c.RetryMin = time.Second
	}
	if c.RetryMax == 0 {
		c.RetryMax = time.Minute
	}
	c.RetryMax = max(c.RetryMax, c.RetryMin)
	if c.RetryFor == 0 {
		c.RetryFor = 24 * time.Hour
	}
}

// objects is the part of the lake that delivery commits to.
type objects interface {
	Stage(ctx context.Context, c access.Caller, in lake.PutInput) (*lake.Staged, error)
	Commit(ctx context.Context, c access.Caller, adds []*lake.Staged, removes []lake.Ref, receipts ...lake.Receipt) error
	Receipt(ctx context.Context, c access.Caller, name string) (uint64, bool, error)
	Forget(ctx context.Context, c access.Caller, name string) error
}

// Store is the delivery room. It is safe for concurrent use.
type Store struct {
	cfg     Config
	fs      vfs.FS
	db      *pebble.DB
	state   *state.Store
	lake    objects
	logs    *logs.Store
	tables  *catalog.Catalog
	guard   *access.Guard
	log     *slog.Logger
	space   space
	writers map[string]Writer
	slots   chan struct{} // one for each batch that is written at a time

	broken    atomic.Pointer[error] // set once a commit's fate is unknown; every later one is refused
	discarded atomic.Int64          // records that went with their streams since the start

	change sync.Mutex // held while streams are made, changed or deleted: their rows and lines go together
	mu     sync.RWMutex
	lines  map[lineName]*line // guarded by mu
	taken  chan struct{}      // tells Run of new and deleted streams; holds one
}

// lineName is what a stream is found by.
type lineName struct{ account, region, kind, name string }

// line is what the process knows of one stream.
type line struct {
	id      uuid.UUID
	stream  atomic.Pointer[Stream]
	durable atomic.Uint64 // records below this sequence survive power loss; batches see no others

	mu        sync.Mutex // orders the stream's commits; guards the rest up to gate
	ledger    ledger
	gone      bool // deleted: its records must not come back
	oldest    headTime
	followers map[string]*follower // by subscription
	failure   Failure
	gaveUp    bool // the last batch went below the error prefix
	retries   int64
	plan      *plan // of the batch under way, which is in no cursor yet
	sealed    *seal // of the batch under way; whether that is visible, its receipt says
	run       *lineRun

	gate  gate // passed while a batch becomes visible and its rows leave the inputs, held by snapshots
	fresh freshCache

	trouble time.Time // since when the batches that were given up in a row met obstacles of their own; the worker's alone

	due     chan struct{} // something arrived; holds one
	altered chan struct{} // the settings changed; holds one
}

type headTime struct {
	head uint64
	at   time.Time
}

// lineRun is a stream's work in the background.
type lineRun struct {
	stop context.CancelFunc
	done chan struct{}
}

func (l *line) wake() { poke(l.due) }

// poke tells whoever reads the channel, once for any number of pokes.
func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Open opens the room over its folder, making it when it is new. Nothing is delivered before Run. It returns fault.Conflict for data
// of a newer program, fault.Unavailable for a disk that refuses.
func Open(cfg Config, st *state.Store, lk *lake.Store, lg *logs.Store, tables *catalog.Catalog, guard *access.Guard, log *slog.Logger) (*Store, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return open(cfg, vfs.Default, st, lk, lg, tables, guard, log)
}

func open(cfg Config, fs vfs.FS, st *state.Store, lk objects, lg *logs.Store, tables *catalog.Catalog, guard *access.Guard, log *slog.Logger) (_ *Store, err error) {
	cfg.defaults()
	s := &Store{cfg: cfg, fs: fs, state: st, lake: lk, logs: lg, tables: tables, guard: guard, log: log, writers: map[string]Writer{},
		slots: make(chan struct{}, cfg.Parallel), lines: map[lineName]*line{}, taken: make(chan struct{}, 1)}
	if err := errors.Join(fs.MkdirAll(cfg.Dir, 0o700), os.MkdirAll(cfg.Scratch, 0o700), clearFolder(cfg.Scratch)); err != nil {
		return nil, fault.Newf(fault.Unavailable, "delivery folders "+cfg.Dir+" and "+cfg.Scratch, "%w", err)
	}
	dir := fs.PathJoin(cfg.Dir, "queue")
	cache := pebble.NewCache(8 << 20)
	defer cache.Unref()
	s.db, err = pebble.Open(dir, &pebble.Options{
		FS:                          fs,
		Cache:                       cache,
		FormatMajorVersion:          pebble.FormatValueSeparation, // fixed: an upgrade is a decision, not a side effect
		MemTableSize:                32 << 20,                     // most batches are delivered before they are flushed
		MemTableStopWritesThreshold: 4,
		Logger:                      queueLog{log},
	})
	if err != nil {
		return nil, fault.Newf(fault.Unavailable, "delivery queue in "+dir, "%w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.db.Close())
		}
	}()
	if err := s.prepare(dir); err != nil {
		return nil, err
	}
	return s, s.loadLines()
}

// prepare checks the data's version, or writes it into new data, and makes the folder's own name durable.
func (s *Store) prepare(dir string) error {
	k := append(make([]byte, 16), keyFormat)
	v, closer, err := s.db.Get(k)
	switch {
	case errors.Is(err, pebble.ErrNotFound):
		if err := s.db.Set(k, []byte{formatVersion}, pebble.Sync); err != nil {
			return fault.Newf(fault.Unavailable, "delivery queue in "+dir, "%w", err)
		}
	case err != nil:
		return fault.Newf(fault.Unavailable, "delivery queue in "+dir, "%w", err)
	default:
		version := append([]byte(nil), v...)
		if err := closer.Close(); err != nil {
			return fault.Newf(fault.Unavailable, "delivery queue in "+dir, "%w", err)
		}
		if len(version) != 1 || version[0] > formatVersion {
			return fault.Newf(fault.Conflict, "delivery queue in "+dir, "its data is of version %v, this program knows up to %d: use the newer flowlake", version, formatVersion)
		}
	}
	for _, folder := range []string{s.cfg.Dir, s.fs.PathDir(s.cfg.Dir)} {
		d, err := s.fs.OpenDir(folder)
		if err == nil {
			err = errors.Join(d.Sync(), d.Close())
		}
		if err != nil {
			return fault.Newf(fault.Unavailable, "delivery folder "+folder, "%w", err)
		}
	}
	return nil
}

func clearFolder(dir string) error {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		err = errors.Join(err, os.RemoveAll(filepath.Join(dir, e.Name())))
	}
	return err
}

// Close closes the queues. No call may be under way, and Run must have returned.
func (s *Store) Close() error {
	if err := s.db.Close(); err != nil {
		return fault.Newf(fault.Unavailable, "delivery queue", "close: %w", err)
	}
	return nil
}

// Handle has w write the batches of a kind of streams. It is called before Run and the first Create.
func (s *Store) Handle(kind string, w Writer) { s.writers[kind] = w }

// HasTransform reports whether there are functions; without, streams that want one are refused.
func (s *Store) HasTransform() bool { return s.cfg.Transform != nil }

// Run delivers until ctx ends. What is under way then is left, and taken up by the next Run. It is called once.
func (s *Store) Run(ctx context.Context) error {
	var work sync.WaitGroup
	defer work.Wait()
	changed := s.logs.SubscriptionsChanged()
	all := true // streams are looked at for subscriptions; else only those that are new or deleted
	for {
		var again <-chan time.Time
		for _, l := range s.allLines() {
			if err := s.tend(ctx, l, all, &work); err != nil && ctx.Err() == nil {
				s.log.Error("stream put off", "stream", l.stream.Load().Name, "status", l.stream.Load().Status, "err", err)
				again = time.After(s.cfg.RetryMax)
			}
		}
		all = true
		select {
		case <-ctx.Done():
			return nil
		case <-again:
		case <-changed:
			changed = s.logs.SubscriptionsChanged()
		case <-s.taken:
			all = false
		}
	}
}

// tend brings a stream to where its document says that it should be.
func (s *Store) tend(ctx context.Context, l *line, subscriptions bool, work *sync.WaitGroup) error {
	switch l.stream.Load().Status {
	case Deleting:
		return s.remove(ctx, l)
	case Creating:
		if err := s.activate(ctx, l); err != nil {
			return err
		}
	}
	l.mu.Lock()
	works := l.run != nil
	l.mu.Unlock()
	if works && !subscriptions {
		return nil
	}
	err := s.subscriptions(ctx, l)
	l.start(ctx, s, work)
	return err
}

// start begins a stream's work, once.
func (l *line) start(ctx context.Context, s *Store, work *sync.WaitGroup) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.run != nil || l.gone {
		return
	}
	ctx, stop := context.WithCancel(ctx)
	l.run = &lineRun{stop: stop, done: make(chan struct{})}
	work.Go(func() {
		defer close(l.run.done)
		defer stop()
		s.work(ctx, l)
	})
}

// queueLog sends Pebble's messages to slog.
type queueLog struct{ log *slog.Logger }

func (p queueLog) Infof(format string, args ...any) {
	p.log.Debug("queue store", "message", fmt.Sprintf(format, args...))
}
func (p queueLog) Errorf(format string, args ...any) {
	p.log.Error("queue store", "message", fmt.Sprintf(format, args...))
}

// Fatalf must not return: Pebble calls it when going on would lose data.
func (p queueLog) Fatalf(format string, args ...any) {
	message := fmt.Sprintf(format, args...)
	p.log.Error("queue store stops the program", "message", message)
	panic("queue store: " + message)
}
