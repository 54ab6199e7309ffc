package bench

import (
	"context"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

const uploadBytes = 5 << 30

// pattern is an endless, cheap body.
type pattern struct{ left int64 }

func (p *pattern) Read(b []byte) (int, error) {
	if p.left == 0 {
		return 0, io.EOF
	}
	n := int(min(int64(len(b)), p.left))
	for i := range b[:n] {
		b[i] = byte(i)
	}
	p.left -= int64(n)
	return n, nil
}

// TestBenchUpload puts one object of 5 GiB and reads the server's peak of resident memory.
func TestBenchUpload(t *testing.T) {
	benchmark(t)
	s := serve(t, t.TempDir())
	client := s3.NewFromConfig(s.cfg, func(o *s3.Options) {
		o.UsePathStyle = true
		o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
	})
	ctx := context.Background()
	if _, err := client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String("bench-upload")}); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	_, err := client.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("bench-upload"), Key: aws.String("large"),
		Body: &pattern{uploadBytes}, ContentLength: aws.Int64(uploadBytes)}, s3.WithAPIOptions(v4.SwapComputePayloadSHA256ForUnsignedPayloadMiddleware))
	if err != nil {
		t.Fatal(err)
	}
	peak := s.memory("VmHWM") >> 20
	fmt.Printf("BENCH upload-5g-memory ours=%d peer=150 ratio=%.2f (MB of peak resident memory; the peer is the bound; %.0f MB/s)\n", peak, float64(peak)/150,
		float64(uploadBytes>>20)/time.Since(began).Seconds())
}
