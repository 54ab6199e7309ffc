package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/klauspost/compress/gzip"
)

// maxLine is the longest line that is read from a user's file: a log event's limit.
const maxLine = 1 << 20

// lineReader reads the lines of a text or gzip file, or of standard input ("-"), and knows where it is.
type lineReader struct {
	name   string
	number int64 // of the line that next returned last
	file   io.Closer
	br     *bufio.Reader
	long   []byte
}

// openLines opens a file by name; read counts the bytes taken from the file itself.
func openLines(name string, read io.Writer) (*lineReader, error) {
	var f io.ReadCloser = os.Stdin
	if name != "-" {
		opened, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		f = opened
	}
	br := bufio.NewReaderSize(io.TeeReader(f, read), 256<<10)
	l := &lineReader{name: name, file: f, br: br}
	if magic, _ := br.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		zr, err := gzip.NewReader(br)
		if err != nil {
			f.Close()
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		l.br = bufio.NewReaderSize(zr, 256<<10)
	}
	return l, nil
}

// next returns the next line without its end, or io.EOF. The slice is valid until the next call.
func (l *lineReader) next() ([]byte, error) {
	l.number++
	line, err := l.br.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		l.long = append(l.long[:0], line...)
		for errors.Is(err, bufio.ErrBufferFull) && len(l.long) <= maxLine {
			line, err = l.br.ReadSlice('\n')
			l.long = append(l.long, line...)
		}
		if len(l.long) > maxLine+1 {
			return nil, fmt.Errorf("%s: line %d is longer than %d bytes", l.name, l.number, maxLine)
		}
		line = l.long
	}
	if err != nil && (!errors.Is(err, io.EOF) || len(line) == 0) {
		if errors.Is(err, io.EOF) {
			return nil, io.EOF
		}
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, fmt.Errorf("%s: line %d: the gzip data ends too soon", l.name, l.number)
		}
		return nil, fmt.Errorf("%s: line %d: %w", l.name, l.number, err)
	}
	return bytes.TrimRight(line, "\r\n"), nil
}

// checkInput refuses a file that is not there, and one of another kind than text.
func checkInput(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	magic := make([]byte, 4)
	if _, err := io.ReadFull(f, magic); err == nil && string(magic) == "PAR1" {
		return fmt.Errorf("%s is a Parquet file, which goes into a bucket as it is: aws s3 cp %s s3://BUCKET/PREFIX/", name, shellQuote(name))
	}
	return nil
}

func (l *lineReader) close() { l.file.Close() }

// totalSize adds the files' sizes up, -1 where one of them is no file with a size.
func totalSize(names []string) int64 {
	var total int64
	for _, n := range names {
		st, err := os.Stat(n)
		if err != nil || !st.Mode().IsRegular() {
			return -1
		}
		total += st.Size()
	}
	return total
}
