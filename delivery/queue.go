package delivery

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"flowlake/access"
	"flowlake/fault"
)

// PutResult names the records of a put.
type PutResult struct {
	First   uint64 // the sequence of the first record; the others follow
	Arrival time.Time
	Stream  string // the stream's ID
}

// Put appends records to a stream's queue, all or none, and returns once they are on disk. It keeps no reference to them. Their sizes
// are the door's to check. It returns fault.NotFound without the stream, fault.Conflict for one that is not Active, fault.Throttled
// when the queue is full, fault.Unavailable when the disk is.
func (s *Store) Put(_ context.Context, c access.Caller, kind, name string, records [][]byte) (PutResult, error) {
	l, err := s.line(c, kind, name)
	if err != nil {
		return PutResult{}, err
	}
	if status := l.stream.Load().Status; status != Active {
		return PutResult{}, fault.Newf(fault.Conflict, "delivery stream "+name, "is %s", status)
	}
	if len(records) == 0 {
		return PutResult{}, fault.Newf(fault.Invalid, "records", "are none")
	}
	if err := s.space.check(s.fs, s.cfg.Dir, s.cfg.ReserveBytes); err != nil {
		return PutResult{}, err
	}
	now := time.Now()
	result := PutResult{Arrival: time.UnixMilli(now.UnixMilli()).UTC(), Stream: l.stream.Load().ID}
	size, data := entrySize(records, now.UnixMilli())
	b := s.db.NewBatchWithSize(size + 256)
	entry := b.SetDeferred(len(entryKey(l.id, 0)), size)
	appendEntry(entry.Value[:0], records, now.UnixMilli())
	crossed := false
	err = l.commit(s, b, func(n *ledger) error {
		if int64(n.waitBytes)+data > s.cfg.QueueBytes {
			return fault.Newf(fault.Throttled, "delivery stream "+name, "its queue is full: %d MiB wait to be delivered, and %d MiB are the most that may",
				n.waitBytes>>20, s.cfg.QueueBytes>>20)
		}
		copy(entry.Key, key(l.id, keyEntry))
		binary.BigEndian.PutUint64(entry.Key[17:], n.next)
		result.First = n.next
		limit := l.stream.Load().Buffer.Bytes
		crossed = n.waiting == 0 || int64(n.waitBytes) < limit && int64(n.waitBytes)+data >= limit
		n.next += uint64(len(records))
		n.in += uint64(len(records))
		n.waiting += uint64(len(records))
		n.inBytes += uint64(data)
		n.waitBytes += uint64(data)
		return entry.Finish()
	})
	if err == nil && crossed {
		l.wake()
	}
	return result, err
}

// commit makes a change of a stream's ledger, with what is in b already, and returns once it is on disk; b is closed then. The
// commits of a stream are in the order of their sequences; the waits for the disk overlap and share an fsync.
func (l *line) commit(s *Store, b *pebble.Batch, change func(*ledger) error) error {
	if broken := s.broken.Load(); broken != nil {
		return errors.Join(fault.Newf(fault.Unavailable, "delivery queue", "an earlier write failed, restart after its cause is gone: %w", *broken), b.Close())
	}
	var visible uint64
	err := func() error {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.gone {
			return noStream(l.stream.Load().Name)
		}
		n := l.ledger
		if err := change(&n); err != nil {
			return err
		}
		if err := b.Set(key(l.id, keyLedger), n.encode(), nil); err != nil {
			return err
		}
		if err := s.db.ApplyNoSyncWait(b, pebble.Sync); err != nil {
			return err
		}
		l.ledger, visible = n, n.next
		return nil
	}()
	if err != nil {
		return errors.Join(err, b.Close())
	}
	if err := b.SyncWait(); err != nil {
		// The change is in memory and may or may not be on disk: later ones could stand on it.
		s.broken.CompareAndSwap(nil, &err)
		return fault.Newf(fault.Unavailable, "delivery queue", "write: %w", err)
	}
	l.advance(visible)
	return b.Close()
}

// advance makes the records below next visible to batches.
func (l *line) advance(next uint64) {
	for {
		old := l.durable.Load()
		if old >= next || l.durable.CompareAndSwap(old, next) {
			return
		}
	}
}

// store writes documents of a stream's batches; a nil value removes one.
func (s *Store) store(l *line, set map[string]any) error {
	b := s.db.NewBatch()
	for k, v := range set {
		var err error
		if v == nil {
			err = b.Delete([]byte(k), nil)
		} else {
			var data []byte
			if data, err = json.Marshal(v); err == nil {
				err = b.Set([]byte(k), data, nil)
			}
		}
		if err != nil {
			return errors.Join(fault.Newf(fault.Internal, "delivery queue", "encode: %w", err), b.Close())
		}
	}
	if err := s.space.check(s.fs, s.cfg.Dir, s.cfg.ReserveBytes/2); err != nil {
		return errors.Join(err, b.Close())
	}
	return l.commit(s, b, func(*ledger) error { return nil })
}

// load reads a document into v, and reports whether it is there.
func (s *Store) load(k []byte, v any) (bool, error) {
	data, closer, err := s.db.Get(k)
	if errors.Is(err, pebble.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fault.Newf(fault.Unavailable, "delivery queue", "read: %w", err)
	}
	defer closer.Close()
	if err := json.Unmarshal(data, v); err != nil {
		return false, fault.Newf(fault.Internal, "delivery queue", "decode: %w", err)
	}
	return true, nil
}

func (s *Store) iter(lower, upper []byte) (*pebble.Iterator, error) {
	return iterate(s.db, lower, upper)
}

func iterate(from pebble.Reader, lower, upper []byte) (*pebble.Iterator, error) {
	it, err := from.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return nil, fault.Newf(fault.Unavailable, "delivery queue", "read: %w", err)
	}
	return it, nil
}

// oldest returns the arrival of the first record that waits in the queue, zero when none does.
func (s *Store) oldest(l *line) (time.Time, error) {
	l.mu.Lock()
	head := l.ledger.head
	known := l.oldest
	l.mu.Unlock()
	if head >= l.durable.Load() {
		return time.Time{}, nil
	}
	if known.head == head && !known.at.IsZero() {
		return known.at, nil
	}
	it, err := s.iter(entryKey(l.id, head), entryKey(l.id, l.durable.Load()))
	if err != nil {
		return time.Time{}, err
	}
	defer it.Close()
	if !it.First() {
		return time.Time{}, it.Error()
	}
	millis, _, err := readEntry(it.Value(), nil)
	if err != nil {
		return time.Time{}, err
	}
	at := time.UnixMilli(millis).UTC()
	l.mu.Lock()
	l.oldest = headTime{head: head, at: at}
	l.mu.Unlock()
	return at, nil
}

// space remembers how much room the disk had a moment ago.
type space struct {
	mu    sync.Mutex // guards the rest
	asked time.Time
	free  uint64 // bytes
	known bool   // the file system can tell
}

// spaceAge is how long an answer of the disk holds: at 4 MiB a put the reserve outlasts it.
const spaceAge = 50 * time.Millisecond

// check returns fault.Unavailable when less than reserve is free: Pebble stops the program when it cannot write.
func (p *space) check(fs vfs.FS, dir string, reserve int64) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now := time.Now(); p.asked.IsZero() || now.Sub(p.asked) >= spaceAge {
		usage, err := fs.GetDiskUsage(dir)
		if err != nil && !errors.Is(err, vfs.ErrUnsupported) {
			return fault.Newf(fault.Unavailable, "delivery queue", "ask the disk for its room: %w", err)
		}
		p.asked, p.free, p.known = now, usage.AvailBytes, err == nil
	}
	if p.known && p.free < uint64(reserve) {
		return fault.Newf(fault.Unavailable, "delivery queue", "the disk is full: %d MiB are free, %d MiB are kept for what is stored already",
			p.free>>20, reserve>>20)
	}
	return nil
}
