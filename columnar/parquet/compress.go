package parquet

import (
	"bytes"
	"runtime"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
)

// compressor compresses pages one at a time.
type compressor struct {
	codec Compression
	gzip  *gzip.Writer
	sink  bytes.Buffer
}

// zstdEncoder is shared by all Writers: it keeps a state for each processor and not one for each Writer. Pages are bit-packed codes and
// short numbers, from which higher levels win next to nothing.
var zstdEncoder = sync.OnceValue(func() *zstd.Encoder {
	e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(runtime.GOMAXPROCS(0)),
		zstd.WithWindowSize(1<<20), zstd.WithLowerEncoderMem(true), zstd.WithEncoderCRC(false))
	if err != nil {
		panic(err) // the options are constants
	}
	return e
})

// append appends src, compressed.
func (c *compressor) append(dst, src []byte) []byte {
	switch c.codec {
	case Snappy:
		at := len(dst)
		dst = extend(dst, snappy.MaxEncodedLen(len(src)))
		return dst[:at+len(snappy.Encode(dst[at:], src))]
	case Gzip:
		c.sink.Reset()
		if c.gzip == nil {
			c.gzip, _ = gzip.NewWriterLevel(&c.sink, gzip.BestSpeed) // the level is one
		} else {
			c.gzip.Reset(&c.sink)
		}
		c.gzip.Write(src) // a bytes.Buffer takes all
		c.gzip.Close()
		return append(dst, c.sink.Bytes()...)
	case Zstd:
		return zstdEncoder().EncodeAll(src, dst)
	}
	return append(dst, src...)
}

// wireCodec is the codec's number in a file.
func (c Compression) wireCodec() int32 {
	switch c {
	case Snappy:
		return 1
	case Gzip:
		return 2
	case Zstd:
		return 6
	}
	return 0
}
