package logs

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"flowlake/fault"
)

func TestBlock(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := make([]Event, rapid.IntRange(1, 30).Draw(t, "events"))
		at := rapid.Int64Range(0, math.MaxInt64/2).Draw(t, "time")
		for i := range events {
			events[i] = Event{at, rapid.String().Draw(t, "message")}
			at += rapid.Int64Range(0, 1<<40).Draw(t, "step")
		}
		data := appendBlock(nil, 7, 8, events)
		b, err := readBlock(data)
		if err != nil || b.stream != 7 || b.ingested != 8 || len(b.events) != len(events) {
			t.Fatalf("got %+v, %v", b, err)
		}
		for i, e := range b.events {
			if e.time != events[i].TimeMillis || e.message != events[i].Message {
				t.Fatalf("event %d: got %v, want %v", i, e, events[i])
			}
		}
		for n := range len(data) { // cut short anywhere, it is an error and nothing worse
			if _, err := readBlock(data[:n]); !fault.Is(err, fault.Internal) {
				t.Fatalf("cut to %d of %d bytes: %v", n, len(data), err)
			}
		}
	})
}

func TestCut(t *testing.T) {
	for _, row := range []struct {
		name   string
		events []Event
		want   int
	}{
		{"by number", make([]Event, blockEvents+1), blockEvents},
		{"by bytes", []Event{{0, strings.Repeat("x", blockBytes)}, {0, "y"}}, 1},
		{"a long message is alone", []Event{{0, strings.Repeat("x", 2*blockBytes)}, {0, "y"}}, 1},
		{"by time", []Event{{0, "x"}, {blockSpan, "y"}, {blockSpan + 1, "z"}}, 2},
	} {
		t.Run(row.name, func(t *testing.T) {
			if n, info := cut(row.events); n != row.want || info.events != uint64(n) {
				t.Errorf("got %d events, %+v, want %d", n, info, row.want)
			}
		})
	}
}

func FuzzReadBlock(f *testing.F) {
	f.Add(appendBlock(nil, 1, 2, []Event{{3, "abc"}, {4, ""}, {4, "d"}}))
	f.Add([]byte{1})
	f.Add([]byte{1, 1, 1, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := readBlock(data)
		if err == nil && len(b.events) == 0 {
			t.Error("an empty block is read")
		}
	})
}
