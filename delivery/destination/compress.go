package destination

import (
	"archive/zip"
	"encoding/binary"
	"io"

	"flowlake/fault"

	"github.com/google/uuid"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
)

// compress returns a writer into an object in one of Firehose's formats. Its Close ends the format and leaves the object open.
func compress(format string, to io.Writer, id uuid.UUID) (io.WriteCloser, error) {
	switch format {
	case "", "UNCOMPRESSED":
		return plain{to}, nil
	case "GZIP":
		return gzip.NewWriterLevel(to, gzip.DefaultCompression)
	case "ZIP": // one entry, whose name is a UUID
		archive := zip.NewWriter(to)
		entry, err := archive.Create(id.String())
		return zipped{entry, archive}, err
	case "Snappy": // the stream format of snappy-java
		if _, err := to.Write([]byte{0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0, 0, 0, 0, 1, 0, 0, 0, 1}); err != nil {
			return nil, err
		}
		return &blocks{to: to}, nil
	case "HADOOP_SNAPPY":
		return &blocks{to: to, hadoop: true}, nil
	}
	return nil, fault.Newf(fault.Unsupported, "CompressionFormat "+format, "is not one that objects are written in")
}

type plain struct{ io.Writer }

func (plain) Close() error { return nil }

type zipped struct {
	io.Writer
	archive *zip.Writer
}

func (z zipped) Close() error { return z.archive.Close() }

// blockSize is how many bytes a Snappy block holds, in snappy-java and here.
const blockSize = 32 << 10

// blocks writes Snappy blocks with their lengths before them, as snappy-java does: the length in the object, and for Hadoop
// before it the length of what the block holds. Both are four bytes, the most significant first.
type blocks struct {
	to      io.Writer
	hadoop  bool
	pending []byte
	out     []byte
}

func (b *blocks) Write(p []byte) (n int, err error) {
	n = len(p)
	for len(p) > 0 {
		take := min(len(p), blockSize-len(b.pending))
		b.pending = append(b.pending, p[:take]...)
		p = p[take:]
		if len(b.pending) == blockSize {
			if err := b.flush(); err != nil {
				return 0, err
			}
		}
	}
	return n, nil
}

func (b *blocks) flush() error {
	if len(b.pending) == 0 {
		return nil
	}
	b.out = snappy.Encode(b.out[:cap(b.out)], b.pending)
	var head []byte
	if b.hadoop {
		head = binary.BigEndian.AppendUint32(head, uint32(len(b.pending)))
	}
	head = binary.BigEndian.AppendUint32(head, uint32(len(b.out)))
	b.pending = b.pending[:0]
	if _, err := b.to.Write(head); err != nil {
		return err
	}
	_, err := b.to.Write(b.out)
	return err
}

func (b *blocks) Close() error { return b.flush() }
