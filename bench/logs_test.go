package bench

import (
	"context"
	"encoding/binary"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/cockroachdb/pebble/v2"

	"flowlake/flow/synthetic"
)

const (
	writers     = 4
	batchEvents = 7500
	batches     = 40 // of each writer
)

// events makes one batch of flow-log lines up, of about 110 bytes each, in time order from now.
func events(t *testing.T, seed uint64) []types.InputLogEvent {
	t.Helper()
	g, err := synthetic.New(synthetic.Config{Seed: seed, Rows: batchEvents, Start: time.Now().Add(-time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	out := make([]types.InputLogEvent, batchEvents)
	now := time.Now().UnixMilli()
	for i := range out {
		line, _ := g.Next(nil)
		line = line[:min(len(line), 110)] // 7,500 of them, with 26 bytes each, fit one call
		out[i] = types.InputLogEvent{Message: aws.String(string(line)), Timestamp: &now}
	}
	return out
}

// putAll writes the batches of all writers, each to a stream of its own, and returns the time it took.
func putAll(t *testing.T, s *server, group string, perWriter int) time.Duration {
	t.Helper()
	ctx := context.Background()
	client := cloudwatchlogs.NewFromConfig(s.cfg)
	if _, err := client.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: &group}); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	var wg sync.WaitGroup
	for w := range writers {
		stream := fmt.Sprintf("eni-%d", w)
		if _, err := client.CreateLogStream(ctx, &cloudwatchlogs.CreateLogStreamInput{LogGroupName: &group, LogStreamName: &stream}); err != nil {
			t.Fatal(err)
		}
		batch := events(t, uint64(w))
		wg.Go(func() {
			for range perWriter {
				if _, err := client.PutLogEvents(ctx, &cloudwatchlogs.PutLogEventsInput{LogGroupName: &group, LogStreamName: &stream, LogEvents: batch}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	return time.Since(began)
}

// TestBenchPutLogEvents compares the server's processor time for durable events with that of a bare loop that
// commits the same events to Pebble, one key an event, synced once a batch.
func TestBenchPutLogEvents(t *testing.T) {
	benchmark(t)
	const total = writers * batches * batchEvents
	s := serve(t, t.TempDir())
	putAll(t, s, "warm", 2)
	before := s.cpu()
	took := putAll(t, s, "measured", batches)
	ours := float64(total) / (s.cpu() - before).Seconds()

	peerCPU, peerTook := pebbleLoop(t)
	peer := float64(total) / peerCPU.Seconds()
	fmt.Printf("BENCH put-log-events ours=%.0f peer=%.0f ratio=%.2f (events per CPU-second; ours %.0f events/s, peer %.0f events/s)\n",
		ours, peer, ours/peer, total/took.Seconds(), total/peerTook.Seconds())
}

func pebbleLoop(t *testing.T) (cpu, took time.Duration) {
	t.Helper()
	db, err := pebble.Open(filepath.Join(t.TempDir(), "peer"), &pebble.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var all [writers][]types.InputLogEvent
	for w := range all {
		all[w] = events(t, uint64(w))
	}
	before, began := ownCPU(t), time.Now()
	var wg sync.WaitGroup
	for w, list := range all {
		wg.Go(func() {
			key := make([]byte, 16)
			binary.BigEndian.PutUint64(key, uint64(w))
			n := uint64(0)
			for range batches {
				b := db.NewBatch()
				for _, e := range list {
					n++
					binary.BigEndian.PutUint64(key[8:], n)
					if err := b.Set(key, []byte(*e.Message), nil); err != nil {
						t.Error(err)
						return
					}
				}
				if err := b.Commit(pebble.Sync); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	return ownCPU(t) - before, time.Since(began)
}

// TestBenchReady measures the time from the process's start to its ready line: on an empty folder, and with
// 10 million stored events.
func TestBenchReady(t *testing.T) {
	benchmark(t)
	dir := t.TempDir()
	s := serve(t, dir)
	fmt.Printf("BENCH ready-empty ours=%.3f peer=0.5 ratio=%.2f (seconds; the peer is the bound)\n", s.ready.Seconds(), s.ready.Seconds()/0.5)
	const perWriter = 10_000_000/(writers*batchEvents) + 1
	putAll(t, s, "many", perWriter)
	s.stop()
	s = serve(t, dir)
	fmt.Printf("BENCH ready-10m-events ours=%.3f peer=1 ratio=%.2f (seconds; the peer is the bound; %d events)\n", s.ready.Seconds(), s.ready.Seconds(), perWriter*writers*batchEvents)
}
