package crawler

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"

	"flowlake/access"
	"flowlake/lake"
)

// The sample of a file: as many records, or so many bytes of it after decompression.
//
// Source: Glue developer guide, "Defining and managing classifiers"
const (
	sampleRecords = 1000
	sampleBytes   = 1 << 20
)

// sample is the beginning of a file, decompressed.
type sample struct {
	file        file
	compression string // "none" or "gzip", as tables say it
	head        []byte
	whole       bool // head is all there is
	parquet     func(func(r io.ReaderAt) error) error
}

// unreadable is why a file is UNKNOWN though nothing about the crawl failed.
type unreadable struct{ reason string }

func (u unreadable) Error() string { return u.reason }

// magics are beginnings of files that are recognised, and not read.
var magics = []struct{ magic, what string }{
	{"BZh", "bzip2 compression is not read"},
	{"\x28\xb5\x2f\xfd", "zstd compression is not read"},
	{"\xfd7zXZ\x00", "xz compression is not read"},
	{"\x04\x22\x4d\x18", "lz4 compression is not read"},
	{"\xff\x06\x00\x00sNaPpY", "snappy framing is not read"},
	{"PK\x03\x04", "zip archives are not read"},
	{"\x89LZO\x00\r\n\x1a\n", "lzo compression is not read"},
	{"ORC", "ORC files are not read"},
	{"Obj\x01", "Avro files are not read"},
	{"PARE", "Parquet files with an encrypted footer are not read"},
}

// read takes the sample of a file. An unreadable error is about the file alone.
func (k *Crawlers) read(ctx context.Context, c access.Caller, f file) (s sample, err error) {
	r, err := k.lake.Open(ctx, c, f.bucket, f.key)
	if err != nil {
		return sample{}, err
	}
	defer r.Close()
	s = sample{file: f, compression: "none"}
	in := bufio.NewReaderSize(r, 64<<10)
	head, err := in.Peek(16)
	if err != nil && err != io.EOF {
		return sample{}, fmt.Errorf("%s: %w", f.url(), err)
	}
	var body io.Reader = in
	switch {
	case bytes.HasPrefix(head, []byte("PAR1")):
		s.parquet = func(do func(io.ReaderAt) error) error {
			r, err := k.lake.Open(ctx, c, f.bucket, f.key)
			if err != nil {
				return err
			}
			defer r.Close()
			return do(r)
		}
		return s, nil
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		s.compression = "gzip"
		z, err := gzip.NewReader(in)
		if err != nil {
			return sample{}, unreadable{"its gzip data is damaged: " + cause(err)}
		}
		defer z.Close()
		body = z
	default:
		for _, m := range magics {
			if bytes.HasPrefix(head, []byte(m.magic)) {
				return sample{}, unreadable{m.what}
			}
		}
	}
	var b bytes.Buffer
	n, err := io.CopyN(&b, body, sampleBytes+1)
	switch {
	case err == io.EOF:
		s.whole = true
	case err != nil && s.compression == "gzip" && damaged(err):
		return sample{}, unreadable{"its gzip data is damaged: " + cause(err)}
	case err != nil:
		return sample{}, fmt.Errorf("%s: %w", f.url(), err)
	}
	s.head = b.Bytes()
	if n > sampleBytes {
		s.head = s.head[:sampleBytes]
	}
	return s, nil
}

func damaged(err error) bool {
	return errors.Is(err, gzip.ErrChecksum) || errors.Is(err, gzip.ErrHeader) || errors.Is(err, io.ErrUnexpectedEOF) || isFlate(err)
}

func cause(err error) string {
	if errors.Is(err, io.ErrUnexpectedEOF) || err == io.EOF {
		return "it ends early"
	}
	return err.Error()
}

// lines are the sample's first records, one for each line that is not blank, without line ends. A line that
// the sample's end cuts off is not among them.
func (s sample) lines() [][]byte {
	head := s.head
	if !s.whole {
		if end := bytes.LastIndexByte(head, '\n'); end >= 0 {
			head = head[:end]
		}
	}
	var lines [][]byte
	for line := range bytes.SplitSeq(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), []byte{'\n'}) {
		line = bytes.TrimSuffix(line, []byte{'\r'})
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		if lines = append(lines, line); len(lines) == sampleRecords {
			break
		}
	}
	return lines
}

// binary reports whether the sample is no text.
func (s sample) binary() bool { return bytes.IndexByte(s.head, 0) >= 0 }

// file is an object that a crawl looks at.
type file struct {
	bucket, key string
	size        int64
}

func (f file) url() string { return lake.URL(f.bucket, f.key) }

func isFlate(err error) bool {
	_, ok := errors.AsType[flate.CorruptInputError](err)
	return ok
}
