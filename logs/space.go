package logs

import (
	"errors"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"flowlake/fault"
)

// space remembers how much room the disk had a moment ago.
type space struct {
	mu    sync.Mutex // guards the rest
	asked time.Time
	free  uint64 // bytes
	known bool   // the file system can tell
}

// spaceAge is how long an answer of the disk holds: at 1 MiB a put the reserve outlasts it by far.
const spaceAge = 50 * time.Millisecond

// check returns fault.Unavailable when a put would take what is kept for flushes and compactions.
func (p *space) check(fs vfs.FS, cfg Config) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now := time.Now(); p.asked.IsZero() || now.Sub(p.asked) >= spaceAge {
		usage, err := fs.GetDiskUsage(cfg.Dir)
		if err != nil && !errors.Is(err, vfs.ErrUnsupported) {
			return fault.Newf(fault.Unavailable, "log events", "ask the disk for its room: %w", err)
		}
		p.asked, p.free, p.known = now, usage.AvailBytes, err == nil
	}
	if p.known && p.free < uint64(cfg.ReserveBytes) {
		return fault.Newf(fault.Unavailable, "log events", "the disk is full: %d MiB are free, %d MiB are kept for what is stored already",
			p.free>>20, cfg.ReserveBytes>>20)
	}
	return nil
}
