package lake

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"golang.org/x/sys/unix"

	"flowlake/fault"
)

const (
	// shards is the number of folders that the files lie in, by their number's last byte.
	shards = 256
	// reserveFiles is how many file numbers one synced batch puts onto the pending list ahead of their use.
	reserveFiles = 64
	// reserveBytes of the disk stay free: the index must still be able to write its log when objects cannot be written.
	reserveBytes = 64 << 20
	// commitBytes is what a commit itself wants to be free: more than the index writes at once.
	commitBytes = 8 << 20
	// flushBytes is how much of a file is written before the disk is nudged to take it, and free space is looked at again.
	flushBytes = 16 << 20
)

// files hands out file numbers, knows which files are being read, and removes those that nobody needs any more.
type files struct {
	gate sync.RWMutex // held for reading from the look-up of an entry to the pins on its files

	refill   sync.Mutex // held while numbers are reserved: those who need one wait for it anyway
	reserved []uint64   // guarded by refill

	mu     sync.Mutex // guards all below
	pins   map[uint64]int
	doomed map[uint64]bool // to be removed when the last pin goes
	views  map[*view]bool  // listings under way, which may find what goes meanwhile
	queue  []uint64        // to be removed now; all are on a durable list, so its length costs memory only
	wake   chan struct{}
}

func (s *Store) path(file uint64) string {
	return s.fs.PathJoin(s.shard(file), fmt.Sprintf("%016x", file))
}

func (s *Store) shard(file uint64) string {
	return s.fs.PathJoin(s.dir, "objects", fmt.Sprintf("%02x", file%shards))
}

// room returns fault.Unavailable when the disk cannot take size more bytes and the reserve.
func (s *Store) room(size int64) error { return s.free(uint64(max(size, 0)) + reserveBytes) }

// free returns fault.Unavailable when less than need bytes of the disk are free.
func (s *Store) free(need uint64) error {
	u, err := s.fs.GetDiskUsage(s.dir)
	if errors.Is(err, vfs.ErrUnsupported) {
		return nil
	}
	if err != nil {
		return fault.Newf(fault.Unavailable, "disk", "%w", err)
	}
	if u.AvailBytes < need {
		return fault.Newf(fault.Unavailable, "disk", "full: %d MiB free, %d MiB needed", u.AvailBytes>>20, need>>20)
	}
	return nil
}

// number takes a file number that is on the pending list.
func (s *Store) number() (uint64, error) {
	f := &s.files
	f.refill.Lock()
	defer f.refill.Unlock()
	if len(f.reserved) == 0 {
		next, err := s.next()
		if err != nil {
			return 0, err
		}
		b := s.index.NewBatch()
		defer b.Close()
		numbers := make([]uint64, reserveFiles)
		for i := range numbers {
			numbers[i] = next + uint64(i)
			b.Set(fileKey(keyPending, numbers[i]), nil, nil)
		}
		b.Set([]byte{keyNext}, binary.BigEndian.AppendUint64(nil, next+reserveFiles), nil)
		if err := b.Commit(pebble.Sync); err != nil {
			return 0, failed("object index", err)
		}
		f.reserved = numbers
	}
	n := f.reserved[0]
	f.reserved = f.reserved[1:]
	return n, nil
}

func (s *Store) next() (uint64, error) {
	v, closer, err := s.index.Get([]byte{keyNext})
	if errors.Is(err, pebble.ErrNotFound) {
		return 1, nil
	}
	if err != nil {
		return 0, failed("object index", err)
	}
	defer closer.Close()
	if len(v) != 8 {
		return 0, fault.Newf(fault.Internal, "object index", "the file counter is damaged")
	}
	return binary.BigEndian.Uint64(v), nil
}

// draft is a file being written. It is kept or dropped, once.
type draft struct {
	store   *Store
	segment segment
	f       vfs.File
	flushed int64
}

func (s *Store) newDraft() (*draft, error) {
	n, err := s.number()
	if err != nil {
		return nil, err
	}
	f, err := s.fs.Create(s.path(n), vfs.WriteCategoryUnspecified)
	if err != nil {
		s.discard(n)
		return nil, fault.Newf(fault.Unavailable, "object file", "%w", err)
	}
	if fd := f.Fd(); fd != vfs.InvalidFd {
		// Nobody writes into it again, whatever else they may be allowed.
		if err := unix.Fchmod(int(fd), 0o400); err != nil {
			f.Close()
			s.discard(n)
			return nil, fault.Newf(fault.Unavailable, "object file", "%w", err)
		}
	}
	return &draft{store: s, segment: segment{file: n}, f: f}, nil
}

// Write may change p, as vfs.File's may.
func (d *draft) Write(p []byte) (int, error) {
	n, err := d.f.Write(p)
	d.segment.size += int64(n)
	if err != nil {
		return n, fault.Newf(fault.Unavailable, "object file", "%w", err)
	}
	if d.segment.size-d.flushed >= flushBytes {
		d.flushed = d.segment.size
		if _, err := d.f.SyncTo(d.flushed); err != nil {
			return n, fault.Newf(fault.Unavailable, "object file", "%w", err)
		}
		if err := d.store.room(0); err != nil {
			return n, err
		}
	}
	return n, nil
}

// keep makes the file durable. It is still on the pending list: the batch that indexes it takes it off.
func (d *draft) keep() (segment, error) {
	err := d.f.Sync()
	if cerr := d.f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = d.store.syncFolder(d.store.shard(d.segment.file))
	}
	if err != nil {
		d.store.discard(d.segment.file)
		return segment{}, fault.Newf(fault.Unavailable, "object file", "%w", err)
	}
	return d.segment, nil
}

func (d *draft) drop() {
	d.f.Close() // it goes away: what the disk says to that is of no matter
	d.store.discard(d.segment.file)
}

func (s *Store) syncFolder(path string) error {
	dir, err := s.fs.OpenDir(path)
	if err != nil {
		return err
	}
	err = dir.Sync()
	if cerr := dir.Close(); err == nil {
		err = cerr
	}
	return err
}

// pin keeps files from being removed. The caller holds gate for reading since it looked the entry up.
func (f *files) pin(segments []segment) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, g := range segments {
		f.pins[g.file]++
	}
}

func (s *Store) unpin(segments []segment) {
	f := &s.files
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, g := range segments {
		if f.pins[g.file]--; f.pins[g.file] > 0 {
			continue
		}
		delete(f.pins, g.file)
		if f.doomed[g.file] {
			delete(f.doomed, g.file)
			f.enqueue(g.file)
		}
	}
}

// doom hands files that no entry holds any more, and that the durable list does, to the reaper.
func (s *Store) doom(segments []segment) {
	if len(segments) == 0 {
		return
	}
	f := &s.files
	f.gate.Lock() // who looked an old entry up has pinned its files by now
	defer f.gate.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	for v := range f.views {
		v.held = append(v.held, segments...)
		for _, g := range segments {
			f.pins[g.file]++
		}
	}
	for _, g := range segments {
		if f.pins[g.file] > 0 {
			f.doomed[g.file] = true
		} else {
			f.enqueue(g.file)
		}
	}
}

// discard hands a file that was never indexed, and that is on the pending list, to the reaper.
func (s *Store) discard(file uint64) {
	s.files.mu.Lock()
	defer s.files.mu.Unlock()
	s.files.enqueue(file)
}

func (f *files) enqueue(file uint64) {
	f.queue = append(f.queue, file)
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// Run removes files that nobody needs any more, until ctx ends. What it has not removed then, the next start does.
func (s *Store) Run(ctx context.Context) error {
	const retry = time.Minute
	for {
		var again <-chan time.Time
		if err := s.reap(ctx); err != nil {
			s.log.Warn("removal of object files put off", "err", err)
			again = time.After(retry)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-s.files.wake:
		case <-again:
		}
	}
}

// reap removes the files of the queue, and takes them off the durable lists once their removal is durable.
func (s *Store) reap(ctx context.Context) error {
	const most = 1000
	f := &s.files
	for ctx.Err() == nil {
		f.mu.Lock()
		batch := slices.Clone(f.queue[:min(most, len(f.queue))])
		f.queue = f.queue[len(batch):]
		f.mu.Unlock()
		if len(batch) == 0 {
			return nil
		}
		if err := s.remove(batch); err != nil {
			f.mu.Lock()
			f.queue = append(f.queue, batch...)
			f.mu.Unlock()
			return err
		}
	}
	return nil
}

func (s *Store) remove(batch []uint64) error {
	folders := map[string]bool{}
	b := s.index.NewBatch()
	defer b.Close()
	for _, n := range batch {
		if err := s.fs.Remove(s.path(n)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		folders[s.shard(n)] = true // also where it was gone: who removed it may not have come to the sync
		b.Delete(fileKey(keyPending, n), nil)
		b.Delete(fileKey(keyDoomed, n), nil)
	}
	for folder := range folders {
		if err := s.syncFolder(folder); err != nil {
			return err
		}
	}
	return b.Commit(pebble.NoSync) // lost with the power, it is done again
}

// leftovers queues what the durable lists hold: a start calls it before anything is written.
func (s *Store) leftovers() error {
	for _, list := range []byte{keyPending, keyDoomed} {
		it, err := s.index.NewIter(&pebble.IterOptions{LowerBound: []byte{list}, UpperBound: []byte{list + 1}})
		if err != nil {
			return failed("object index", err)
		}
		for ok := it.First(); ok; ok = it.Next() {
			if k := it.Key(); len(k) == 9 {
				s.discard(binary.BigEndian.Uint64(k[1:]))
			}
		}
		if err := it.Close(); err != nil {
			return failed("object index", err)
		}
	}
	return nil
}

// failed classifies what the index returned: it can only be the disk's doing.
func failed(subject string, err error) error {
	return fault.Newf(fault.Unavailable, subject, "%w", err)
}
