package lake

import (
	"bytes"
	"fmt"
	"io"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2"

	"flowlake/access/identity"
)

func BenchmarkPut(b *testing.B) {
	for _, size := range []int{1 << 10, 64 << 20} {
		b.Run(fmt.Sprintf("%d bytes", size), func(b *testing.B) {
			s := openLake(b)
			body := make([]byte, size)
			var n atomic.Int64
			b.SetBytes(int64(size))
			b.SetParallelism(4)
			b.RunParallel(func(p *testing.PB) {
				for p.Next() {
					_, err := s.Put(ctx, root, PutInput{Bucket: "lake", Key: fmt.Sprint(n.Add(1) % 100), Body: bytes.NewReader(body), Size: int64(size)})
					if err != nil {
						b.Error(err)
						return
					}
				}
			})
			b.StopTimer()
			countFiles(b, s)
		})
	}
}

func BenchmarkRead(b *testing.B) {
	s := openLake(b)
	put(b, s, "k", string(make([]byte, 64<<20)))
	b.SetBytes(64 << 20)
	for b.Loop() {
		r, err := s.Open(ctx, root, "lake", "k")
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{r}, make([]byte, 128<<10)); err != nil {
			b.Fatal(err)
		}
		r.Close()
	}
}

func BenchmarkList(b *testing.B) {
	s := openLake(b)
	for i := range 100_000 {
		o := Object{Size: 1, ETag: "5d41402abc4b2a76b9719d911017c592", Modified: now(), Checksum: Checksum{CRC64NVME, FullObject, "AAAAAAAAAAA="},
			Headers: Headers{ContentType: "application/octet-stream"}, segments: []segment{{uint64(i), 1}}}
		s.index.Set(objectKey("lake", fmt.Sprintf("prefix/%02d/%08d", i%10, i)), encodeEntry(&o), pebble.NoSync)
	}
	b.Run("1000 keys", func(b *testing.B) {
		for b.Loop() {
			if l, err := s.List(ctx, root, "lake", ListInput{Prefix: "prefix/05/"}); err != nil || len(l.Objects) != 1000 {
				b.Fatal(err)
			}
		}
	})
	b.Run("rolled up", func(b *testing.B) {
		for b.Loop() {
			if l, err := s.List(ctx, root, "lake", ListInput{Prefix: "prefix/", Delimiter: "/"}); err != nil || len(l.Prefixes) != 10 {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkDecisions is what a query of many files asks, as a role that the bucket's policy names beside one that is gone.
func BenchmarkDecisions(b *testing.B) {
	p := withPeople(b)
	reader := p.user("reader", `{"Effect":"Allow","Action":"s3:Get*","Resource":"arn:aws:s3:::lake/*"}`)
	gone := p.user("gone", "")
	for i := range 10_000 {
		o := Object{Size: 1, ETag: "5d41402abc4b2a76b9719d911017c592", Modified: now(), Checksum: Checksum{CRC64NVME, FullObject, "AAAAAAAAAAA="}, segments: []segment{{uint64(i), 1}}}
		p.index.Set(objectKey("lake", fmt.Sprintf("k/%05d", i)), encodeEntry(&o), pebble.NoSync)
	}
	each := func(name string) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, err := p.Head(ctx, reader, "lake", fmt.Sprintf("k/%05d", i%10_000)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	each("without a policy")
	p.policy(`{"Effect":"Deny","Principal":{"AWS":["` + reader.Principal + `","` + gone.Principal + `"]},"Action":"s3:Delete*","Resource":"arn:aws:s3:::lake/*"}`)
	each("with a policy that names two")
	must(b, p.ids.Delete(ctx, identity.User, "gone"))
	each("of whom one is gone")
}
