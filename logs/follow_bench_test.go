package logs

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"flowlake/logs/pattern"
)

// BenchmarkReadFrom reads flow-log lines as a follower does, one put of each stream after the other, by itself and with
// the pattern's extraction. An operation is an event.
func BenchmarkReadFrom(b *testing.B) {
	const events = 400_000
	h := openHouse(b, b.TempDir(), vfs.Default)
	defer h.close(b)
	h.make(b, "g")
	line := "2 123456789010 eni-1235b8ca123456789 172.31.9.69 172.31.9.12 49761 3389 6 20 4249 1418530010 1418530070 ACCEPT OK"
	now := time.Now().UnixMilli()
	streams := make([]string, 16)
	for i := range streams {
		streams[i] = fmt.Sprint("eni-", i)
		if err := h.CreateStream(b.Context(), root, "g", streams[i]); err != nil {
			b.Fatal(err)
		}
	}
	batch := make([]Event, 5000)
	for n := 0; n < events; n += len(batch) {
		for i := range batch {
			batch[i] = Event{now, line}
		}
		h.put(b, "g", streams[n/len(batch)%len(streams)], batch...)
	}
	p, err := pattern.Compile("[" + strings.Join(strings.Fields("version account_id interface_id srcaddr dstaddr srcport dstport protocol packets bytes start end action log_status"), ", ") + "]")
	if err != nil {
		b.Fatal(err)
	}
	read := func(b *testing.B, each func(*Stored)) {
		b.ReportAllocs()
		next := uint64(1)
		for n := 0; n < b.N; {
			got, err := h.ReadFrom(b.Context(), root, "g", next, min(b.N-n, 20_000))
			if err != nil {
				b.Fatal(err)
			}
			for i := range got.Events {
				each(&got.Events[i])
			}
			if n, next = n+len(got.Events), got.Next; next > events {
				next = 1
			}
		}
	}
	b.Run("read", func(b *testing.B) { read(b, func(*Stored) {}) })
	b.Run("read and extract", func(b *testing.B) {
		values := make([]string, 0, 16)
		read(b, func(e *Stored) { values, _ = p.Extract(e.Message, values) })
	})
}

// BenchmarkEnvelopes renders extracted flow-log lines as records. An operation is an event.
func BenchmarkEnvelopes(b *testing.B) {
	p, err := pattern.Compile("[version, account_id, interface_id, srcaddr, dstaddr, srcport, dstport, protocol, packets, bytes, start, end, action, log_status]")
	if err != nil {
		b.Fatal(err)
	}
	events := make([]Matched, 5000)
	for i := range events {
		line := fmt.Sprintf("2 123456789010 eni-1235b8ca123456789 172.31.9.%d 172.31.%d.12 %d 3389 6 20 %d 1418530010 1418530070 ACCEPT OK", i%251, i%13, 1024+i*7%60000, i*i%99991)
		events[i] = Matched{Stored: Stored{Sequence: uint64(i), TimeMillis: 1418530010000, Message: line}}
		events[i].Values, _ = p.Extract(line, nil)
	}
	b.ReportAllocs()
	for n := 0; n < b.N; n += len(events) {
		if err := Envelopes(Subscription{Account: account, Group: "g", GroupID: 1, Name: "f"}, p, "s", events, func([]byte, int) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
}
