package columnar

import (
	"bytes"
	"errors"
	"io"

	"flowlake/fault"
)

// MaxLine is the longest line that Lines reads unless told otherwise, in bytes: far above any log
// record, and small enough that a binary file taken for text fails instead of filling memory.
const MaxLine = 16 << 20

// Lines reads a file's lines one after another. A line ends with LF or CR LF, and the last one may
// end with the file. UTF-8's byte order mark at the beginning is passed over, as Hadoop and Trino do. (Differs from Hadoop, where a lone CR ends a line too.)
type Lines struct {
	name   string
	r      io.Reader
	max    int
	buf    []byte
	start  int // of what has not been returned
	end    int // of what has been read
	number int64
	offset int64 // of start
	eof    bool
}

// NewLines reads r's lines; name is what errors call the file. max is the longest line in bytes, 0 for MaxLine.
func NewLines(name string, r io.Reader, max int) *Lines {
	if max <= 0 {
		max = MaxLine
	}
	return &Lines{name: name, r: r, max: max, buf: make([]byte, 64<<10)}
}

// Number is the number of the line that Next returned last, counted from 1.
func (l *Lines) Number() int64 { return l.number }

// Offset is how many bytes the lines had that Next has returned, their ends included.
func (l *Lines) Offset() int64 { return l.offset }

// Next returns the next line without its end; the slice is valid until the next call. At the end of the
// file it returns io.EOF, and for a line longer than the bound a fault.Invalid error with file and line.
func (l *Lines) Next() ([]byte, error) {
	searched := 0
	for {
		if i := bytes.IndexByte(l.buf[l.start+searched:l.end], '\n'); i >= 0 {
			line := l.buf[l.start : l.start+searched+i]
			if len(line) > l.max {
				return nil, l.tooLong()
			}
			l.start += searched + i + 1
			l.offset += int64(searched + i + 1)
			return l.give(line), nil
		}
		searched = l.end - l.start
		if searched > l.max {
			return nil, l.tooLong()
		}
		if l.eof {
			if searched == 0 {
				return nil, io.EOF
			}
			line := l.buf[l.start:l.end]
			l.start = l.end
			l.offset += int64(len(line))
			return l.give(line), nil
		}
		if err := l.fill(); err != nil {
			return nil, err
		}
	}
}

func (l *Lines) give(line []byte) []byte {
	if l.number++; l.number == 1 {
		line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
	}
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	return line
}

func (l *Lines) tooLong() error {
	return fault.Newf(fault.Invalid, "file "+l.name, "line %d is longer than %d bytes", l.number+1, l.max)
}

// fill reads more bytes behind those that are there, which move to the front of a larger buffer if need be.
func (l *Lines) fill() error {
	if l.start > 0 {
		copy(l.buf, l.buf[l.start:l.end])
		l.start, l.end = 0, l.end-l.start
	}
	if l.end == len(l.buf) {
		l.buf = append(l.buf, make([]byte, len(l.buf))...)
	}
	for range 100 { // an io.Reader may return nothing without an error, but not for ever
		n, err := l.r.Read(l.buf[l.end:])
		l.end += n
		if errors.Is(err, io.EOF) {
			l.eof = true
			return nil
		}
		if err != nil {
			if fault.KindOf(err) != fault.Internal {
				return err
			}
			return fault.Newf(fault.Unavailable, "file "+l.name, "read behind line %d: %w", l.number, err)
		}
		if n > 0 {
			return nil
		}
	}
	return fault.Newf(fault.Unavailable, "file "+l.name, "%w", io.ErrNoProgress)
}
