package logs

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"flowlake/fault"
)

// TestFailingDisk lets the log's fsync fail once: that put is not acknowledged, and no later one stands on it.
func TestFailingDisk(t *testing.T) {
	var failing atomic.Bool
	dir, below := t.TempDir(), vfs.NewCrashableMem()
	fs := errorfs.Wrap(below, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if failing.Load() && strings.HasSuffix(op.Path, ".log") && (op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData || op.Kind == errorfs.OpFileSyncTo) {
			return errorfs.ErrInjected
		}
		return nil
	}))
	h := openHouse(t, dir, fs)
	h.make(t, "g", "s")
	h.put(t, "g", "s", Event{time.Now().UnixMilli(), "kept"})
	failing.Store(true)
	_, err := h.Put(t.Context(), root, "g", "s", []Event{{time.Now().UnixMilli(), "lost"}})
	wantKind(t, err, fault.Unavailable, "log events")
	failing.Store(false)
	_, err = h.Put(t.Context(), root, "g", "s", []Event{{time.Now().UnixMilli(), "refused"}})
	wantKind(t, err, fault.Unavailable, "log events")
	if err == nil || !strings.Contains(err.Error(), "an earlier write failed") { // Pebble's own refusal ends with its log file
		t.Errorf("got %v, want the store's own refusal, which lasts until a restart", err)
	}
	if batch, err := h.ReadFrom(t.Context(), root, "g", 1, 10); err != nil || len(batch.Events) != 1 {
		t.Errorf("a follower sees %v, %v, want what is durable", batch.Events, err)
	}
	page, err := h.Get(t.Context(), root, "g", GetQuery{Stream: "s"})
	if got := messages(page.Events); err != nil || len(got) != 1 || got[0] != "kept" {
		t.Errorf("a read sees %v, %v, want what is durable", got, err)
	}
	crashed := below.CrashClone(vfs.CrashCloneCfg{})
	func() { // Pebble may panic when it closes a log that failed
		defer func() { _ = recover() }()
		_ = h.Store.Close()
	}()
	_ = h.lake.Close()
	_ = h.state.Close()
	h = openHouse(t, dir, crashed)
	defer h.close(t)
	if r := h.put(t, "g", "s", Event{time.Now().UnixMilli(), "after"}); r.First != 2 {
		t.Errorf("after a restart the next sequence is %d, want 2", r.First)
	}
}
