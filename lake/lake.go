// Package lake keeps buckets and objects on the local disk. Buckets are documents in state; objects
// are an index in Pebble and immutable files beside it. An object that was acknowledged is whole
// after power loss, and no reader ever sees half of one.
//
// An object's bytes are in one file, or, after a multipart upload, in one file for each part: parts become
// an object without being copied, and Local joins them when somebody first needs one file. No path on disk
// is made from a key. A write goes: file under its own number → fsync → fsync of its folder → one synced index
// batch, which is the commit point. The number is on a durable list of pending files before the file exists, and an
// overwritten object's files go onto a list of doomed ones in the batch that replaces it; a start removes what both
// lists hold, so nothing is ever searched for orphans.
//
// The store is its folder's only user. Every method asks access as its caller, whether that caller
// came through a door or from another room. It knows nothing of HTTP, and never reads what is in an object.
package lake

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"os"
	"sync"
	"syscall"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"golang.org/x/sync/singleflight"

	"flowlake/access"
	"flowlake/fault"
	"flowlake/state"
)

// Config says where the lake lies.
type Config struct {
	Dir string // holds index/ and objects/
}

// Validate names the key that is wrong.
func (c Config) Validate() error {
	if c.Dir == "" {
		return fault.Newf(fault.Invalid, "lake.dir", "is empty")
	}
	return nil
}

// Store is the lake. It is safe for concurrent use.
type Store struct {
	guard   *access.Guard
	state   *state.Store
	log     *slog.Logger
	fs      vfs.FS
	dir     string
	index   *pebble.DB
	buckets bucketTable
	files   files
	keys    keyLocks
	lock    *pebble.Lock
	joins   singleflight.Group // joins of one object's files, by URL
	minPart int64              // MinPart; smaller in tests
}

// bucketTable is all buckets in memory: every operation asks for one.
type bucketTable struct {
	change sync.RWMutex          // held for writing by changes to the set of buckets, for reading by commits
	mu     sync.RWMutex          // guards names
	names  map[string]*bucketDoc // what they point to is never changed, but replaced
}

func (t *bucketTable) get(name string) (*bucketDoc, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	b, ok := t.names[name]
	return b, ok
}

func (t *bucketTable) put(b *bucketDoc) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.names[b.Name] = b
}

func (t *bucketTable) remove(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.names, name)
}

// indexVersion is the version of the index's layouts. A program refuses an index of a newer one.
const indexVersion = 1

// Open opens the lake in cfg.Dir, making it when it is new. It returns fault.Conflict when another process has it
// open, and for data that a newer program wrote. The guard asks the lake for bucket policies from then on. Run does the work that is left in the background.
func Open(cfg Config, st *state.Store, guard *access.Guard, log *slog.Logger) (*Store, error) {
	return open(cfg, st, guard, log, vfs.Default)
}

// open is Open on any file system.
func open(cfg Config, st *state.Store, guard *access.Guard, log *slog.Logger, fs vfs.FS) (_ *Store, err error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	s := &Store{guard: guard, state: st, log: log, fs: fs, dir: cfg.Dir,
		buckets: bucketTable{names: map[string]*bucketDoc{}},
		files:   files{pins: map[uint64]int{}, doomed: map[uint64]bool{}, views: map[*view]bool{}, wake: make(chan struct{}, 1)},
		keys:    keyLocks{seed: maphash.MakeSeed()}, minPart: MinPart}
	if err := s.folders(); err != nil {
		return nil, fault.Newf(fault.Unavailable, "lake folder "+cfg.Dir, "%w", err)
	}
	index := fs.PathJoin(cfg.Dir, "index")
	if err := fs.MkdirAll(index, 0o700); err != nil {
		return nil, fault.Newf(fault.Unavailable, "lake folder "+cfg.Dir, "%w", err)
	}
	lock, err := pebble.LockDirectory(index, fs)
	if err != nil {
		if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EIO) || errors.Is(err, os.ErrPermission) {
			return nil, fault.Newf(fault.Unavailable, "lake folder "+cfg.Dir, "%w", err)
		}
		return nil, fault.Newf(fault.Conflict, "lake folder "+cfg.Dir, "is in use by another process: %w", err)
	}
	opt := indexOptions(fs, log)
	opt.Lock, s.lock = lock, lock
	s.index, err = pebble.Open(index, opt)
	if err != nil {
		lock.Close()
		return nil, failed("lake folder "+cfg.Dir, err)
	}
	defer func() {
		if err != nil {
			s.Close()
		}
	}()
	if err := s.checkVersion(); err != nil {
		return nil, err
	}
	if err := s.leftovers(); err != nil {
		return nil, err
	}
	err = st.View(context.Background(), func(tx *state.Tx) error {
		for row, err := range tx.All("bucket") {
			if err != nil {
				return err
			}
			b := &bucketDoc{}
			if err := row.Decode(b); err != nil {
				return err
			}
			if err := b.compile(); err != nil {
				return err
			}
			s.buckets.names[b.Name] = b
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	guard.SetResources(s)
	return s, nil
}

// Close closes the index. No call may be under way, and none may follow.
func (s *Store) Close() error { return errors.Join(s.index.Close(), s.lock.Close()) }

// folders makes the folders that files lie in, durably: who made them may not have come to sync them.
func (s *Store) folders() error {
	objects := s.fs.PathJoin(s.dir, "objects")
	for i := range uint64(shards) {
		if _, err := s.fs.Stat(s.shard(i)); err == nil {
			continue
		}
		if err := s.fs.MkdirAll(s.shard(i), 0o700); err != nil {
			return err
		}
	}
	for _, dir := range []string{objects, s.dir, s.fs.PathDir(s.dir)} {
		if err := s.syncFolder(dir); err != nil {
			return err
		}
	}
	return nil
}

// indexOptions keep the index small in memory: what it holds is short, and most reads are of one key.
func indexOptions(fs vfs.FS, log *slog.Logger) *pebble.Options {
	o := &pebble.Options{
		FS:                          fs,
		FormatMajorVersion:          pebble.FormatNewest,
		CacheSize:                   8 << 20,
		MemTableSize:                4 << 20,
		MemTableStopWritesThreshold: 4,
		MaxOpenFiles:                256,
		Logger:                      indexLog{log},
	}
	o.EnsureDefaults()
	return o
}

// indexLog hands Pebble's own words on. After a write to its log failed Pebble cannot say what is on disk and
// calls Fatalf: then the process must end, and its next start reads what is there.
type indexLog struct{ log *slog.Logger }

func (l indexLog) Infof(format string, args ...any) {
	l.log.Debug("object index", "says", fmt.Sprintf(format, args...))
}
func (l indexLog) Errorf(format string, args ...any) {
	l.log.Warn("object index", "says", fmt.Sprintf(format, args...))
}
func (l indexLog) Fatalf(format string, args ...any) {
	said := fmt.Sprintf(format, args...)
	l.log.Error("object index cannot go on", "says", said)
	panic("object index: " + said)
}

func (s *Store) checkVersion() error {
	v, closer, err := s.index.Get([]byte{keyVersion})
	switch {
	case errors.Is(err, pebble.ErrNotFound):
		if err := s.index.Set([]byte{keyVersion}, []byte{indexVersion}, pebble.Sync); err != nil {
			return failed("object index", err)
		}
		return nil
	case err != nil:
		return failed("object index", err)
	}
	defer closer.Close()
	if len(v) != 1 || v[0] > indexVersion {
		return fault.Newf(fault.Conflict, "lake folder "+s.dir,
			"its data is of version %v, this program knows up to %d: use the newer flowlake", v, indexVersion)
	}
	return nil
}
