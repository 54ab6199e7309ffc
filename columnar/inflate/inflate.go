// Package inflate reads gzip data, with ISA-L where the build links it (the tag isal, which the Makefile sets
// when pkg-config finds libisal) and in Go otherwise. Both behave alike.
//
// A file may have several members one after another, as S3 and CloudWatch Logs write them, and zeros behind the
// last, as tapes and block devices leave them. An empty file is an empty text. Memory is bounded by the
// reader's buffers, about 0.2 MB.
//
// libdeflate is not linked: it takes and gives whole members only, so its memory would be that of
// the largest file, or large files would have to go another way; ISA-L is quicker, streams, and is
// packaged wherever libdeflate is.
package inflate

import (
	"bufio"
	"errors"
	"hash/crc32"
	"io"
	"sync"

	"flowlake/fault"
)

// Reader gives a gzip file's plain bytes.
type Reader struct {
	name  string
	under *source
	in    *bufio.Reader
	body  body
	first bool // no member has begun
	open  bool // a member's data is being read
	err   error
}

// body reads the data and the trailer of members whose header was read.
type body interface {
	// begin starts on a member's data, which comes next in the input.
	begin()
	// read gives plain bytes, and io.EOF when the member's trailer was read and fits. At an end of the input
	// before that it returns io.ErrUnexpectedEOF.
	read(p []byte) (int, error)
	close()
}

var errChecksum = errors.New("the checksum does not fit the data")

// source counts bytes and keeps errors that are not the data's fault.
type source struct {
	r    io.Reader
	read int64
	err  error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	s.read += int64(n)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

const bufferBytes = 128 << 10

// buffers are those of readers that were closed: many files are small, and a new buffer costs more than they do.
var buffers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, bufferBytes) }}

// Linked is what inflates: "isal" or "go".
func Linked() string { return linked }

// NewReader reads the gzip data of r; name is what errors call the file. When the bytes are not gzip, are corrupt, end too soon or
// are followed by something else, Read gives what came before and then a fault.Invalid error with file and offset; r's own
// errors keep their kind and are fault.Unavailable otherwise. Close leaves r alone.
//
// Differs from gzip(1): it warns of bytes other than zeros behind the last member, and leaves them out. Here they are
// an error, because they may be a member that lost its first bytes.
func NewReader(name string, r io.Reader) (io.ReadCloser, error) {
	return newReader(name, r, newBody), nil
}

// NewGoReader is NewReader without a library, to compare with.
func NewGoReader(name string, r io.Reader) io.ReadCloser { return newReader(name, r, newGoBody) }

func newReader(name string, r io.Reader, body func(*bufio.Reader) body) *Reader {
	s := &source{r: r}
	in := buffers.Get().(*bufio.Reader)
	in.Reset(s)
	return &Reader{name: name, under: s, in: in, body: body(in), first: true}
}

// Read implements io.Reader.
func (r *Reader) Read(p []byte) (int, error) {
	if r.err != nil {
		return 0, r.err
	}
	if len(p) == 0 {
		return 0, nil
	}
	for {
		if !r.open {
			if err := r.member(); err != nil {
				r.err = r.explain(err)
				return 0, r.err
			}
			r.open, r.first = true, false
			r.body.begin()
		}
		n, err := r.body.read(p)
		switch {
		case err == io.EOF:
			r.open = false
		case err != nil:
			r.err = r.explain(err)
			return n, r.err
		}
		if n > 0 {
			return n, nil
		}
	}
}

// Close frees what the reader has. It may be called twice.
func (r *Reader) Close() error {
	if r.err == nil {
		r.err = fault.Newf(fault.Internal, "file "+r.name, "it is closed")
	}
	if r.in != nil {
		r.body.close()
		r.in.Reset(nil)
		buffers.Put(r.in)
		r.in = nil
	}
	return nil
}

func (r *Reader) explain(err error) error {
	if err == io.EOF {
		return err
	}
	subject, at := "file "+r.name, r.under.read-int64(r.in.Buffered())
	switch {
	case r.under.err != nil:
		if fault.KindOf(r.under.err) != fault.Internal {
			return r.under.err
		}
		return fault.Newf(fault.Unavailable, subject, "read behind byte %d: %w", at, r.under.err)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fault.Newf(fault.Invalid, subject, "the gzip data ends too soon, at byte %d", at)
	}
	return fault.Newf(fault.Invalid, subject, "bad gzip data near byte %d: %w", at, err)
}

// Bits of a member header's flags.
//
// Source: RFC 1952.
const (
	flagCRC     = 1 << 1
	flagExtra   = 1 << 2
	flagName    = 1 << 3
	flagComment = 1 << 4
)

// member reads a member's header; io.EOF says that there is none.
func (r *Reader) member() error {
	magic, err := r.in.Peek(2)
	if len(magic) == 0 {
		return end(err)
	}
	if len(magic) < 2 || magic[0] != 0x1F || magic[1] != 0x8B {
		if len(magic) < 2 && r.under.err != nil {
			return r.under.err
		}
		if r.first {
			return errors.New("it does not begin as gzip does")
		}
		return r.padding()
	}
	h := header{in: r.in}
	var fixed [10]byte
	h.fill(fixed[:])
	if h.err == nil && fixed[2] != 8 {
		return errors.New("the compression method is not deflate")
	}
	if fixed[3]&flagExtra != 0 {
		var n [2]byte
		h.fill(n[:])
		h.fill(make([]byte, int(n[0])|int(n[1])<<8))
	}
	if fixed[3]&flagName != 0 {
		h.text()
	}
	if fixed[3]&flagComment != 0 {
		h.text()
	}
	if sum := h.sum; fixed[3]&flagCRC != 0 {
		var n [2]byte
		h.fill(n[:])
		if h.err == nil && uint16(n[0])|uint16(n[1])<<8 != uint16(sum) {
			return errors.New("the header's checksum does not fit")
		}
	}
	return h.err
}

// padding passes over zeros up to the end.
func (r *Reader) padding() error {
	for {
		b, err := r.in.ReadByte()
		if err != nil {
			return end(err)
		}
		if b != 0 {
			return errors.New("what follows is no gzip member")
		}
	}
}

func end(err error) error {
	if err == nil {
		return io.EOF
	}
	return err
}

type header struct {
	in  *bufio.Reader
	sum uint32
	err error
}

func (h *header) fill(p []byte) {
	if h.err != nil {
		return
	}
	if _, err := io.ReadFull(h.in, p); err != nil {
		h.err = io.ErrUnexpectedEOF
		return
	}
	h.sum = crc32.Update(h.sum, crc32.IEEETable, p)
}

// text passes over text that ends with a zero. File names are short; nothing is kept of them.
func (h *header) text() {
	var b [1]byte
	for range 1 << 16 {
		if h.fill(b[:]); h.err != nil || b[0] == 0 {
			return
		}
	}
	h.err = errors.New("a name in the header is longer than 65,536 bytes")
}
