package crawler

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"

	"flowlake/access"
	"flowlake/columnar"
	"flowlake/fault"
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
	compression string // "none", "gzip" …, as tables say it
	head        []byte
	whole       bool // head is all there is
	parquet     func(func(r io.ReaderAt) error) error
}

// unreadable is why a file is UNKNOWN though nothing about the crawl failed.
type unreadable struct{ reason string }

func (u unreadable) Error() string { return u.reason }

// magics are beginnings of files that are recognised, and not read.
var magics = []struct{ magic, what string }{
	{"\x1f\x8b", "it is gzip data, and readers know that by a name that ends with .gz"},
	{"BZh", "it is bzip2 data, and readers know that by a name that ends with .bz2"},
	{"\x28\xb5\x2f\xfd", "it is zstd data, and readers know that by a name that ends with .zst"},
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
	if bytes.HasPrefix(head, []byte("PAR1")) {
		s.parquet = func(do func(io.ReaderAt) error) error {
			r, err := k.lake.Open(ctx, c, f.bucket, f.key)
			if err != nil {
				return err
			}
			defer r.Close()
			return do(r)
		}
		return s, nil
	}
	s.compression = compressionOf(f.key)
	if s.compression == "none" {
		for _, m := range magics {
			if bytes.HasPrefix(head, []byte(m.magic)) {
				return sample{}, unreadable{m.what}
			}
		}
	}
	body, err := columnar.Decompress(f.url(), in)
	if err == nil {
		defer body.Close()
	}
	var b bytes.Buffer
	var n int64
	if err == nil {
		n, err = io.CopyN(&b, body, sampleBytes+1)
	}
	switch {
	case err == io.EOF:
		s.whole = true
	case fault.Is(err, fault.Invalid): // it is not what its suffix says, or ends early
		return sample{}, unreadable{err.Error()}
	case err != nil:
		return sample{}, fmt.Errorf("%s: %w", f.url(), err)
	}
	s.head = b.Bytes()
	if n > sampleBytes {
		s.head = s.head[:sampleBytes]
	}
	return s, nil
}

// compressionOf is a file's compression as tables say it. Readers go by the suffix of the name, so this does.
func compressionOf(key string) string {
	switch lower := strings.ToLower(key); {
	case strings.HasSuffix(lower, ".gz"):
		return "gzip"
	case strings.HasSuffix(lower, ".bz2"):
		return "bzip2"
	case strings.HasSuffix(lower, ".zst"), strings.HasSuffix(lower, ".zstd"):
		return "zstd"
	}
	return "none"
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
