package inflate

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"io"
	"sync"

	"github.com/klauspost/compress/flate"
)

// goBody inflates in Go.
type goBody struct {
	in    *bufio.Reader
	flate io.ReadCloser
	sum   uint32
	size  uint32
}

// decoders are those of readers that were closed.
var decoders sync.Pool

func newGoBody(in *bufio.Reader) body { return &goBody{in: in} }

func (b *goBody) begin() {
	b.sum, b.size = 0, 0
	if b.flate == nil {
		if b.flate, _ = decoders.Get().(io.ReadCloser); b.flate == nil {
			b.flate = flate.NewReader(b.in)
			return
		}
	}
	b.flate.(flate.Resetter).Reset(b.in, nil) // never fails
}

func (b *goBody) read(p []byte) (int, error) {
	n, err := b.flate.Read(p)
	b.sum = crc32.Update(b.sum, crc32.IEEETable, p[:n])
	b.size += uint32(n)
	if err != io.EOF {
		return n, err
	}
	var trailer [8]byte
	if _, err := io.ReadFull(b.in, trailer[:]); err != nil {
		return n, io.ErrUnexpectedEOF
	}
	if binary.LittleEndian.Uint32(trailer[:]) != b.sum || binary.LittleEndian.Uint32(trailer[4:]) != b.size {
		return n, errChecksum
	}
	return n, io.EOF
}

func (b *goBody) close() {
	if b.flate != nil {
		b.flate.(flate.Resetter).Reset(new(bytes.Reader), nil) // the input is another's from now on
		decoders.Put(b.flate)
		b.flate = nil
	}
}
