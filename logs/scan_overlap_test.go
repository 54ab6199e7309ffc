package logs

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
)

// TestScanReadsFewBlocksTwice merges more blocks than a scan keeps, all of them over the same minute.
func TestScanReadsFewBlocksTwice(t *testing.T) {
	h := newHouse(t)
	h.make(t, "g")
	now := time.Now().UnixMilli()
	const streams, size = 300, 60
	message := strings.Repeat("x", blockBytes/size)
	for s := range streams {
		name := fmt.Sprint("eni-", s)
		if err := h.CreateStream(t.Context(), root, "g", name); err != nil {
			t.Fatal(err)
		}
		events := make([]Event, size)
		for i := range events {
			events[i] = Event{now + int64(i)*1000 + int64(s)%7, message}
		}
		h.put(t, "g", name, events...)
	}
	g, err := h.Group(t.Context(), root, "g")
	if err != nil {
		t.Fatal(err)
	}
	if g.Bytes < maxHeld {
		t.Fatalf("%d bytes fit into a scan", g.Bytes)
	}
	for _, backward := range []bool{false, true} {
		sc, err := h.scan(t.Context(), scanQuery{group: g.id, to: math.MaxInt64, visible: math.MaxUint64, backward: backward})
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for ok := true; ok; n++ {
			if _, ok, err = sc.next(); err != nil {
				t.Fatal(err)
			}
		}
		if n--; n != streams*size || int64(sc.read) > 15*g.Bytes {
			t.Errorf("backward %v: %d events, and %d bytes of blocks are read for %d stored", backward, n, sc.read, g.Bytes)
		}
		sc.Close()
	}
}
