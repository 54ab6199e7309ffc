package delivery

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"flowlake/logs"
)

// TestVerify claims that each kind of damage is told, and that a queue at work has none.
func TestVerify(t *testing.T) {
	entry := func(h *house, l *line, sequence uint64) []byte { return entryKey(l.id, sequence) }
	set := func(h *house, k, v []byte) { ok(t, h.db.Set(k, v, pebble.Sync)) }
	document := func(h *house, k []byte, v any) {
		data, err := json.Marshal(v)
		ok(t, err)
		set(h, k, data)
	}
	h := newHouse(t, Config{})
	for i, c := range []struct {
		name   string
		damage func(h *house, l *line)
		want   string
	}{
		{"none", func(*house, *line) {}, ""},
		{"a record is gone", func(h *house, l *line) { ok(t, h.db.Delete(entry(h, l, 3), pebble.Sync)) }, "record 5 comes where record 3 is next"},
		{"the last is gone", func(h *house, l *line) { ok(t, h.db.Delete(entry(h, l, 5), pebble.Sync)) }, "end before 5 instead of 6"},
		{"an entry is damaged", func(h *house, l *line) { set(h, entry(h, l, 3), []byte{entryVersion, 0, 9}) }, "record 3: delivery queue entry: is damaged"},
		{"the ledger is damaged", func(h *house, l *line) { set(h, key(l.id, keyLedger), []byte{1}) }, "delivery ledger: is cut short"},
		{"the counters are", func(h *house, l *line) {
			n := l.ledger
			n.delivered++
			set(h, key(l.id, keyLedger), n.encode())
		}, "5 rows came in, which are not 1 delivered"},
		{"a seal without its plan", func(h *house, l *line) { document(h, key(l.id, keySeal), &seal{}) }, "batch 1 is sealed and was not planned"},
		{"a plan of what is not there", func(h *house, l *line) {
			document(h, key(l.id, keyPlan), &plan{Number: 1, Inputs: []planInput{{From: 1, To: 9}}})
		}, "has the records from 1 to 9, and those from 1 to 6 wait"},
		{"a plan of another batch", func(h *house, l *line) { document(h, key(l.id, keyPlan), &plan{Number: 7}) }, "batch 7 is planned where batch 1 is next"},
		{"an end that is not there", func(h *house, l *line) {
			document(h, key(l.id, keyPlan), &plan{Number: 1, Inputs: []planInput{{From: 1, To: 6}}})
			document(h, key(l.id, keySeal), &seal{Ends: []uint64{8}})
		}, "batch 1 ends at 8"},
		{"an end too many", func(h *house, l *line) {
			document(h, key(l.id, keyPlan), &plan{Number: 1, Inputs: []planInput{{From: 1, To: 6}}})
			document(h, key(l.id, keySeal), &seal{Ends: []uint64{3, 6}})
		}, "has 1 inputs and 2 ends"},
		{"a plan from where nobody is", func(h *house, l *line) {
			sub := logs.Subscription{ID: "s", Group: "vpc"}
			document(h, cursorKey(l, "s"), &cursor{Subscription: sub, Next: 4})
			document(h, key(l.id, keyPlan), &plan{Number: 1, Inputs: []planInput{{From: 2, To: 6, Subscription: &sub}}})
		}, "the events of log group vpc from 2 on, and it is read up to 4"},
		{"what is kept of another batch", func(h *house, l *line) { set(h, keptKey(l.id, 9, "f"), nil) }, "kept of another batch than 1"},
		{"a stray", func(h *house, _ *line) { set(h, bytes.Repeat([]byte{7}, 17), nil) }, "of a stream 07070707-"},
	} {
		t.Run(c.name, func(t *testing.T) {
			name := fmt.Sprintf("web-%d", i)
			h.create(t, name, 900*time.Second)
			l, err := h.line(root, KindFirehose, name)
			ok(t, err)
			ok(t, h.activate(t.Context(), l))
			h.put(t, name, "a", "b")
			h.put(t, name, "c", "d")
			h.put(t, name, "e")
			c.damage(h, l)
			n, damage, err := h.Verify(t.Context(), func(int64) {})
			ok(t, err)
			damage = slices.DeleteFunc(damage, func(d string) bool { // of the others
				return strings.HasPrefix(d, streamKind) && !strings.HasPrefix(d, streamKind+" "+name+":")
			})
			all := strings.Join(damage, "\n")
			if !strings.Contains(all, c.want) || (c.want == "") != (all == "") {
				t.Errorf("got %q, want %q", all, c.want)
			}
			if c.want == "" && n != 5 {
				t.Errorf("read %d records", n)
			}
			ctx, stop := context.WithCancel(t.Context())
			stop()
			if _, _, err := h.Verify(ctx, func(int64) {}); c.want == "" && !errors.Is(err, context.Canceled) {
				t.Errorf("given up: %v", err)
			}
		})
	}
}
