package columnar

import (
	"compress/bzip2"
	"errors"
	"io"
	"strings"

	"github.com/klauspost/compress/zstd"

	"flowlake/columnar/inflate"
	"flowlake/fault"
)

// Decompress returns the plain bytes of r, by the suffix of the file's name: .gz, .bz2, .zst; others
// are plain already. Its Close ends the decoder and leaves r alone. When the bytes are not what the
// suffix promises or end too soon, Read returns a fault.Invalid error that names the file. Package inflate
// says what a .gz file may be.
func Decompress(name string, r io.Reader) (io.ReadCloser, error) {
	switch lower := strings.ToLower(name); {
	case strings.HasSuffix(lower, ".gz"):
		return inflate.NewReader(name, r)
	case strings.HasSuffix(lower, ".bz2"):
		return &inflater{name: name, format: "bzip2", r: bzip2.NewReader(r), close: func() error { return nil }}, nil
	case strings.HasSuffix(lower, ".zst"), strings.HasSuffix(lower, ".zstd"):
		// A window of 128 MiB is what zstd --long=27 writes, and the most that its own tool reads unasked.
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(128<<20))
		if err != nil {
			return nil, corrupt(name, "zstd", err)
		}
		return &inflater{name: name, format: "zstd", r: z, close: func() error { z.Close(); return nil }}, nil
	}
	return io.NopCloser(r), nil
}

// Compressed reports whether Decompress changes the bytes of a file of that name.
func Compressed(name string) bool {
	lower := strings.ToLower(name)
	for _, suffix := range []string{".gz", ".bz2", ".zst", ".zstd"} {
		if strings.HasSuffix(lower, suffix) {
			return true
		}
	}
	return false
}

func corrupt(name, format string, err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return fault.Newf(fault.Invalid, "file "+name, "the %s data ends too soon", format)
	}
	return fault.Newf(fault.Invalid, "file "+name, "bad %s data: %w", format, err)
}

// inflater gives a decoder's errors their kind and the file's name.
type inflater struct {
	name, format string
	r            io.Reader
	close        func() error
}

func (i *inflater) Read(p []byte) (int, error) {
	n, err := i.r.Read(p)
	if err != nil && err != io.EOF {
		err = corrupt(i.name, i.format, err)
	}
	return n, err
}

func (i *inflater) Close() error { return i.close() }
