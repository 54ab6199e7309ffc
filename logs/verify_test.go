package logs

import (
	"context"
	"strings"
	"testing"
	"time"

	"flowlake/fault"
)

func TestVerify(t *testing.T) {
	now := time.Now().UnixMilli()
	h := newHouse(t)
	for _, row := range []struct {
		name string
		harm func(t *testing.T, h *house, group, stream uint64) error
		want string // part of the finding; "" is none
	}{
		{"finds nothing in a healthy store", func(*testing.T, *house, uint64, uint64) error { return nil }, ""},
		{"finds a block without its entry by time", func(_ *testing.T, h *house, g, _ uint64) error {
			return h.db.Delete(key(g, kindTimeIndex, uint64(now), 1), nil)
		}, "index t"},
		{"finds a block without its entry by stream", func(_ *testing.T, h *house, g, s uint64) error {
			return h.db.Delete(key(g, kindStreamIndex, s, uint64(now), 1), nil)
		}, "index i"},
		{"finds an entry without its block", func(_ *testing.T, h *house, g, _ uint64) error {
			return h.db.Set(key(g, kindTimeIndex, uint64(now), 99), blockInfo{stream: 1, events: 1}.append(nil), nil)
		}, "entries for"},
		{"finds a lost block", func(_ *testing.T, h *house, g, _ uint64) error {
			return h.db.Delete(key(g, kindBlock, 1), nil)
		}, "entries for"},
		{"finds a damaged block", func(t *testing.T, h *house, g, _ uint64) error {
			v, _, err := h.get(key(g, kindBlock, 1))
			if err != nil {
				t.Fatal(err)
			}
			return h.db.Set(key(g, kindBlock, 1), v[:len(v)-1], nil)
		}, "cut short"},
		{"finds a stream whose numbers are wrong", func(t *testing.T, h *house, g, _ uint64) error {
			d, err := h.stream(g, "s")
			if err != nil {
				t.Fatal(err)
			}
			d.events++
			return h.db.Set(streamKey(g, "s"), d.append(nil), nil)
		}, "log stream s"},
		{"finds a group whose numbers are wrong", func(t *testing.T, h *house, g, _ uint64) error {
			n, err := h.counters(g)
			if err != nil {
				t.Fatal(err)
			}
			n.bytes--
			return h.db.Set(key(g, kindCounters), n.append(nil), nil)
		}, "counters"},
	} {
		t.Run(row.name, func(t *testing.T) {
			h.make(t, "g", "s")
			defer func() {
				if err := h.DeleteGroup(context.Background(), root, "g"); err != nil {
					t.Error(err)
				}
			}()
			h.put(t, "g", "s", Event{now, "a"}, Event{now + 1, "b"})
			h.put(t, "g", "s", Event{now, "c"})
			g, err := h.group(t.Context(), root, "g")
			if err != nil {
				t.Fatal(err)
			}
			d, err := h.stream(g.ID, "s")
			if err != nil {
				t.Fatal(err)
			}
			if err := row.harm(t, h, g.ID, d.id); err != nil {
				t.Fatal(err)
			}
			var done, total int64
			err = h.Verify(t.Context(), func(d, n int64) { done, total = d, n })
			if row.want == "" {
				if err != nil || done != 3 || total != 3 {
					t.Errorf("got %v after %d of %d events", err, done, total)
				}
				return
			}
			if !fault.Is(err, fault.Internal) || !strings.Contains(err.Error(), row.want) || !strings.Contains(err.Error(), "log group") {
				t.Errorf("got %v, want %q in it", err, row.want)
			}
		})
	}
}

func FuzzToken(f *testing.F) {
	b := binding{secret: []byte("secret"), request: []byte("request")}
	f.Add(b.positionToken(position{1, 2}, "name"))
	f.Add("")
	f.Add("AAAA")
	f.Fuzz(func(t *testing.T, token string) {
		p, name, err := b.position(token)
		if err == nil && b.positionToken(p, name) != token {
			t.Errorf("%q is taken, and is not how %v, %q is written", token, p, name)
		}
		if err != nil && !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v is not a fault of the caller", token, err)
		}
	})
}
