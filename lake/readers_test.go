package lake

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"flowlake/fault"
)

// TestReadersAmongWriters lets everything that changes objects run against everything that reads them, on few keys
// and with the reaper behind it. Who opened an object reads the bytes that its description promises, and in the end
// there is one file for each that the index names.
func TestReadersAmongWriters(t *testing.T) {
	s := openLake(t)
	s.minPart = 0
	running, stop := context.WithCancel(ctx)
	reaped := make(chan error, 1)
	go func() { reaped <- s.Run(running) }()
	keys := []string{"a", "b", "c"}
	rounds := 150
	if testing.Short() {
		rounds = 30
	}
	var read, local atomic.Int64
	var writers, readers sync.WaitGroup
	var written atomic.Bool
	// The first four write, the others read until these are done.
	work := func(seed uint64, do func(r *rand.Rand, key string) error) {
		group, more := &writers, func(round int) bool { return round < rounds }
		if seed >= 5 {
			group, more = &readers, func(int) bool { return !written.Load() }
		}
		group.Go(func() {
			r := rand.New(rand.NewPCG(seed, 7))
			for round := 0; more(round); round++ {
				// A key may be gone at any time, or be replaced before what was to happen to it happened.
				if err := do(r, keys[r.IntN(len(keys))]); err != nil && !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.Precondition) {
					t.Errorf("worker %d: %v", seed, err)
					return
				}
			}
		})
	}
	body := func(r *rand.Rand) string { return strings.Repeat(string(rune('a'+r.IntN(26))), r.IntN(5000)) }
	whole := func(o Object, b []byte) error {
		// The ETag of a joined object is not its MD5, but the length and the one letter must be right.
		if int64(len(b)) != o.Size || len(b) > 0 && strings.Trim(string(b), string(b[:1])) != "" {
			return errors.New("read what was never stored")
		}
		if sum := md5.Sum(b); !strings.Contains(o.ETag, "-") && hex.EncodeToString(sum[:]) != o.ETag {
			return errors.New("read other bytes than the ETag's")
		}
		return nil
	}
	work(1, func(r *rand.Rand, key string) error {
		_, err := s.Put(ctx, root, PutInput{Bucket: "lake", Key: key, Body: strings.NewReader(body(r)), Size: -1, IfNoneMatch: r.IntN(3) == 0})
		return err
	})
	work(2, func(r *rand.Rand, key string) error {
		_, err := s.Copy(ctx, root, CopySource{Bucket: "lake", Key: keys[r.IntN(len(keys))]}, PutInput{Bucket: "lake", Key: key}, false)
		return err
	})
	work(3, func(r *rand.Rand, key string) error {
		u, err := s.CreateUpload(ctx, root, PutInput{Bucket: "lake", Key: key})
		if err != nil {
			return err
		}
		ref, letter := UploadRef{"lake", key, u.ID}, string(rune('a'+r.IntN(26)))
		var parts []CompletePart
		for n := 1; n <= 1+r.IntN(3); n++ {
			p, err := s.UploadPart(ctx, root, ref, PartInput{Number: n, Body: strings.NewReader(strings.Repeat(letter, r.IntN(2000))), Size: -1})
			if err != nil {
				return err
			}
			parts = append(parts, CompletePart{Number: n, ETag: p.ETag})
		}
		if r.IntN(4) == 0 {
			return s.AbortUpload(ctx, root, ref)
		}
		_, err = s.CompleteUpload(ctx, root, ref, Completion{Parts: parts, Size: -1})
		return err
	})
	work(4, func(r *rand.Rand, key string) error {
		if r.IntN(3) > 0 {
			return nil
		}
		return s.Delete(ctx, root, "lake", key)
	})
	for seed := range uint64(3) {
		work(5+seed, func(r *rand.Rand, key string) error {
			o, err := s.Open(ctx, root, "lake", key)
			if err != nil {
				return err
			}
			defer o.Close()
			b, err := io.ReadAll(o)
			if err != nil {
				return err
			}
			read.Add(1)
			return whole(o.Object(), b)
		})
	}
	for seed := range uint64(2) {
		work(10+seed, func(r *rand.Rand, key string) error {
			path, release, err := s.Local(ctx, root, "lake", key)
			if err != nil {
				return err
			}
			defer release()
			b, err := os.ReadFile(path)
			if err != nil {
				return errors.New("the file of Local is gone")
			}
			local.Add(1)
			return whole(Object{Size: int64(len(b)), ETag: "-"}, b)
		})
	}
	writers.Wait()
	written.Store(true)
	readers.Wait()
	stop()
	if err := <-reaped; err != nil {
		t.Fatal(err)
	}
	if read.Load() == 0 || local.Load() == 0 {
		t.Errorf("%d objects were read and %d were local: nothing was tried", read.Load(), local.Load())
	}
	held := 0
	for o, err := range s.Walk(ctx, root, "lake", "") {
		if err != nil {
			t.Fatal(err)
		}
		held += len(o.segments)
	}
	if lying := countFiles(t, s); lying != held {
		t.Errorf("%d files lie there, the index holds %d", lying, held)
	}
	if pins := len(s.files.pins); pins != 0 {
		t.Errorf("%d files are still pinned", pins)
	}
	if _, damage, err := s.Verify(ctx, VerifyOptions{Sums: true}); err != nil || len(damage) > 0 {
		t.Errorf("verify found %v, %v", damage, err)
	}
}
