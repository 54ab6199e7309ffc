package destination_test

import (
	"math/rand/v2"
	"testing"

	"flowlake/delivery/destination"
	"flowlake/logs"
)

// TestTheLargestEvent claims that an event whose record alone is more than a delivery stream takes at its door is delivered, whole.
func TestTheLargestEvent(t *testing.T) {
	h := newHouse(t, nil)
	ok(t, h.make(t, "large", to(func(s *destination.Settings) {
		s.Prefix = "large/"
		s.Processing = processing([]string{"Decompression"}, []string{"CloudWatchLogProcessing", "DataMessageExtraction", "true"})
	})))
	ok(t, h.make(t, "raw", to(func(s *destination.Settings) { s.Prefix = "raw/" })))
	noise := rand.NewChaCha8([32]byte{1})
	b := make([]byte, 1<<20-26)
	_, _ = noise.Read(b)
	for i := range b {
		b[i] = '#' + b[i]%90
	}
	h.subscribe(t, "g", "large", "[...]")
	h.subscribe(t, "g2", "raw", "[...]")
	h.say(t, "g", string(b))
	h.say(t, "g2", string(b))
	until(t, "delivery", func() bool {
		a, c := h.counters(t, "large"), h.counters(t, "raw")
		return a.Delivered+a.Failed == 1 && a.Waiting == 0 && c.Delivered+c.Failed == 2 && c.Waiting == 0
	})
	if got := h.all(t, "large/"); got != string(b)+"\n" {
		t.Errorf("got %d bytes, want %d", len(got), len(b))
	}
	if got := h.all(t, "raw/"); len(got) <= logs.MaxEnvelope {
		t.Errorf("got %d bytes, want a record of more than %d", len(got), logs.MaxEnvelope)
	}
}
