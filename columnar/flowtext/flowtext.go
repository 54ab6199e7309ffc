// Package flowtext turns flow-log text into rows of a table, as fast as the text can be looked at: lines are split eight
// bytes at a time, numbers are read where they stand, and text goes into a column's dictionary without becoming a string.
//
//	c, err := flowtext.New(columns, flowtext.Options{})    // of the table, without its partition columns
//	stats, err := c.Read(ctx, "a.log.gz", file, flowtext.Sink{
//		Route: func(at time, ok bool) …                        // which Writer takes rows of that second, and up to when
//		Bad:   func(line int64, text []byte, reason error) …    // a line that is no record
//	})
//
// Read unpacks gzip, which it knows by its first bytes. It finds the format of each file: a header line of field
// names in any order, else Options.Fields, else the default format, which it recognises by what the columns hold. The
// timestamp that a CloudWatch Logs export puts before each line is taken off, lines may end with CR LF, empty lines are passed over, and a
// header line further down, where files were joined, counts for what follows it.
//
// A column takes the field of its name, with - for _ and in any case; a column without a field has NULL in every row, and a
// field without a column is checked and dropped. "-" is NULL. A number goes into a text column as it is written, into
// numbers if it fits, and into timestamp as epoch seconds, or milliseconds from 100,000,000,000 on; text goes into other
// types as Hive reads it. A line is a whole row or none: what flow.Parse refuses, and a value that its column cannot
// hold, makes a bad line.
//
// It knows nothing of partitions' names, of buckets or of the catalogue. A Converter belongs to one goroutine and keeps its
// memory, about 0.4 MB, from file to file.
package flowtext

import (
	"bytes"
	"context"
	"errors"
	"io"

	"flowlake/columnar"
	"flowlake/columnar/inflate"
	"flowlake/columnar/parquet"
	"flowlake/fault"
	"flowlake/flow"
)

// Options says how files are read. The zero value works.
type Options struct {
	Fields   []flow.Field      // the format of files that have no header line; nil: the default format, if it is recognised
	Names    map[string]string // a column's name, in lower case → its field's, where they differ
	Progress func(Stats)       // called about every 256 KB of text with what the file has given so far
	// Inflate unpacks gzip; nil takes inflate.NewReader. It is there to measure with.
	Inflate func(name string, r io.Reader) (io.ReadCloser, error)
}

// Stats says what a file gave. A line is a row, bad, a header or empty.
type Stats struct {
	Rows  int64
	Bad   int64
	Lines int64
	Bytes int64 // of plain text
}

// Sink takes what Read finds.
type Sink struct {
	// Route gives the Writer for a record of that time, and the times from low on and before high that go to the same one. The time is Unix
	// seconds, the record's start, else its end; ok is false, and the answer counts for that row only, where it has
	// neither. A Writer is used until the next call of Route, and Route is called anew after every 256 KB of text at the
	// latest: it may close and replace Writers. Its columns are those given to New.
	Route func(at int64, ok bool) (w *parquet.Writer, low, high int64, err error)
	// Bad is told of a line that is no record: its number from 1, its text, which is valid for the call, and why. Its error ends Read.
	Bad func(line int64, text []byte, reason error) error
}

// To routes all rows to one Writer.
func To(w *parquet.Writer) func(int64, bool) (*parquet.Writer, int64, int64, error) {
	return func(int64, bool) (*parquet.Writer, int64, int64, error) { return w, -1 << 63, 1<<63 - 1, nil }
}

// MaxLine is the longest line that can be a record, in bytes. A longer one is bad.
const MaxLine = bufferBytes

const (
	bufferBytes = 256 << 10
	slack       = 64 // bytes behind the text that may be looked at
)

// Converter reads files into rows of one table's columns.
type Converter struct {
	columns []columnar.Column
	o       Options
	buf     []byte
	row     [maxFields]cell
	plans   map[string]*plan // by header line

	// Of the file that is read.
	name     string
	plan     *plan
	sink     Sink
	stats    Stats
	writer   *parquet.Writer
	builders []*parquet.Builder
	low      int64 // the times that go to writer
	high     int64
}

// New prepares for the columns of a table. It returns fault.Unsupported naming a column whose type is nested, and fault.Invalid for a
// column whose type no field's values can have.
func New(columns []columnar.Column, o Options) (*Converter, error) {
	c := &Converter{columns: columns, o: o, buf: make([]byte, bufferBytes+slack), plans: map[string]*plan{}, builders: make([]*parquet.Builder, len(columns))}
	if c.o.Inflate == nil {
		c.o.Inflate = inflate.NewReader
	}
	if len(o.Fields) > maxFields {
		return nil, fault.Newf(fault.Invalid, "flow log format", "%d fields are more than %d", len(o.Fields), maxFields)
	}
	if _, err := newPlan(columns, flow.Fields(), o.Names); err != nil {
		return nil, err
	}
	return c, nil
}

// Read reads the file r to its end. name is what errors call it. What it returns before the end is the error of ctx, of Route or
// Bad as it is; fault.Invalid for corrupt gzip, and for a file whose format nothing tells; and fault.Unavailable when r cannot be
// read. The rows before an error are in their Writers.
func (c *Converter) Read(ctx context.Context, name string, r io.Reader, sink Sink) (Stats, error) {
	c.name, c.sink, c.stats, c.plan, c.writer = name, sink, Stats{}, nil, nil
	c.low, c.high = 0, 0
	plain, err := c.open(name, r)
	if err != nil {
		return c.stats, err
	}
	defer plain.Close()
	err = c.read(ctx, plain)
	c.sink, c.writer = Sink{}, nil
	clear(c.builders)
	return c.stats, err
}

// open unpacks gzip.
func (c *Converter) open(name string, r io.Reader) (io.ReadCloser, error) {
	var magic [2]byte
	n, err := io.ReadFull(r, magic[:])
	switch {
	case err == nil && magic == [2]byte{0x1F, 0x8B}:
		return c.o.Inflate(name, io.MultiReader(bytes.NewReader(magic[:n]), r))
	case err == nil, errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return io.NopCloser(io.MultiReader(bytes.NewReader(magic[:n]), r)), nil
	}
	return nil, c.unread(err)
}

func (c *Converter) unread(err error) error {
	if fault.KindOf(err) != fault.Internal {
		return err
	}
	return fault.Newf(fault.Unavailable, "file "+c.name, "read behind line %d: %w", c.stats.Lines, err)
}

func (c *Converter) read(ctx context.Context, r io.Reader) error {
	start, end := 0, 0 // of what is in buf and not yet a row
	skipping := false  // the rest of a line that is too long
	for first := true; ; first = false {
		if err := ctx.Err(); err != nil {
			return err
		}
		copy(c.buf, c.buf[start:end])
		start, end = 0, end-start
		n, readErr := fill(r, c.buf[end:bufferBytes])
		end += n
		c.stats.Bytes += int64(n)
		if first && bytes.HasPrefix(c.buf[:end], []byte("\xef\xbb\xbf")) {
			start = 3
		}
		last := errors.Is(readErr, io.EOF)
		if last && end > start && c.buf[end-1] != '\n' {
			c.buf[end] = '\n' // the slack has room
			end++
		}
		if c.plan == nil {
			if err := c.detect(c.buf[start:end]); err != nil {
				return err
			}
		}
		for start < end {
			i := bytes.IndexByte(c.buf[start:end], '\n')
			if i < 0 {
				break
			}
			from := start
			start += i + 1
			if skipping {
				skipping = false
				continue
			}
			c.stats.Lines++
			if err := c.line(from, from+i); err != nil {
				return err
			}
		}
		if end-start >= bufferBytes {
			if !skipping {
				c.stats.Lines++
				if err := c.bad(c.buf[start:end], fault.Newf(fault.Invalid, "line", "it is longer than %d bytes", MaxLine)); err != nil {
					return err
				}
			}
			skipping, start = true, end
		}
		c.low, c.high = 0, 0 // Route is asked again
		if c.o.Progress != nil {
			c.o.Progress(c.stats)
		}
		if last {
			return nil
		}
		if readErr != nil {
			return c.unread(readErr)
		}
	}
}

// fill reads until p is full, as far as one page of text is worth, or the reader ends.
func fill(r io.Reader, p []byte) (n int, err error) {
	for empty := 0; n < len(p) && err == nil; {
		var more int
		more, err = r.Read(p[n:])
		n += more
		if more == 0 && err == nil {
			if empty++; empty == 100 {
				err = io.ErrNoProgress
			}
		}
	}
	return n, err
}

// detect finds the file's format by its first lines.
func (c *Converter) detect(text []byte) error {
	lines := 0
	for line := range bytes.SplitSeq(text, []byte{'\n'}) {
		line = bytes.TrimSuffix(line, []byte{'\r'})
		if len(line) == 0 {
			continue
		}
		_, record, _ := flow.CutExportTimestamp(line)
		if lines == 0 {
			if fields, ok := flow.ParseHeader(record); ok {
				return c.use(fields, record)
			}
			if c.o.Fields != nil {
				return c.use(c.o.Fields, nil)
			}
		}
		if fields, ok := flow.Recognise(record); ok {
			return c.use(fields, nil)
		}
		if lines++; lines == 200 {
			break
		}
	}
	if lines == 0 {
		return nil
	}
	return fault.Newf(fault.Invalid, "file "+c.name, "it has no header line and no record of the default format: the log format must be given")
}

// use takes the plan for a format from here on.
func (c *Converter) use(fields []flow.Field, header []byte) error {
	key := flow.Header(fields)
	p := c.plans[key]
	if p == nil {
		var err error
		if p, err = newPlan(c.columns, fields, c.o.Names); err != nil {
			return err
		}
		if !p.takes {
			return fault.Newf(fault.Invalid, "file "+c.name, "none of its fields is a column of the table: %s", key)
		}
		if len(c.plans) < 64 {
			c.plans[key] = p
		}
	}
	p.header = append(p.header[:0], header...)
	c.plan = p
	return nil
}

// bad reports a line that is no record.
func (c *Converter) bad(text []byte, reason error) error {
	c.stats.Bad++
	if c.sink.Bad == nil {
		return nil
	}
	return c.sink.Bad(c.stats.Lines, text, reason)
}

// route finds the Writer for the row.
func (c *Converter) route(at int64, ok bool) error {
	w, low, high, err := c.sink.Route(at, ok)
	if err != nil {
		return err
	}
	if c.low, c.high = low, high; !ok {
		c.low, c.high = 0, 0
	}
	if w != c.writer {
		c.writer = w
		for i := range c.builders {
			c.builders[i] = w.Column(i)
		}
	}
	return nil
}
