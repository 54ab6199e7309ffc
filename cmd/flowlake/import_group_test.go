package main

import (
	"bytes"
	"testing"
	"time"
)

// TestABatchIsOneThatPutLogEventsTakes adds events until a limit of the call is met.
func TestABatchIsOneThatPutLogEventsTakes(t *testing.T) {
	now := time.Now()
	full := func(line []byte, n int) *eventBatch {
		b := &eventBatch{}
		for range n {
			b.add(line, now)
		}
		return b
	}
	kib := bytes.Repeat([]byte{'x'}, 1024-eventOverhead)
	for _, tt := range []struct {
		name string
		b    *eventBatch
		line []byte
		at   time.Time
		want bool
	}{
		{"an event like the others", full([]byte("x"), 1), []byte("x"), now, true},
		{"the ten-thousandth", full([]byte("x"), 9999), []byte("x"), now, true},
		{"one more", full([]byte("x"), 10_000), []byte("x"), now, false},
		{"the last KiB", full(kib, 1023), kib, now, true},
		{"a byte more", full(kib, 1023), append(kib[:len(kib):len(kib)], 'x'), now, false},
		{"almost a day later", full([]byte("x"), 1), []byte("x"), now.Add(24*time.Hour - time.Second), true},
		{"a day later", full([]byte("x"), 1), []byte("x"), now.Add(24 * time.Hour), false},
		{"a day earlier", full([]byte("x"), 1), []byte("x"), now.Add(-24 * time.Hour), false},
	} {
		if got := tt.b.fits(tt.line, tt.at); got != tt.want {
			t.Errorf("%s: got %v", tt.name, got)
		}
	}
}
