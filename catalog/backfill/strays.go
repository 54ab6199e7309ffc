package backfill

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"slices"

	"flowlake/columnar/flowtext"
	"flowlake/columnar/inflate"
	"flowlake/columnar/parquet"
	"flowlake/fault"
	"flowlake/flow"
)

// Why a record goes aside that is whole, but of no partition.
var (
	errNoTime = errors.New("it has no start and no end time, which its partition follows from")
	errBeyond = errors.New("its time is not in seconds of the years to 9999")
)

// millis is where flowtext begins to read a time as milliseconds.
const millis = 100_000_000_000

// stray takes rows that have no partition, and forgets them: strays finds their lines.
func (a *attemptAt) stray() (*parquet.Writer, error) {
	a.strayed++
	if a.nowhere == nil {
		var err error
		if a.nowhere, err = parquet.NewWriter(io.Discard, a.run.columns, parquet.Options{Compression: parquet.Uncompressed, RowGroupRows: 1 << 10}); err != nil {
			return nil, err
		}
	}
	return a.nowhere, nil
}

// strays reads a file again for the lines of records that have no partition, and keeps them aside. There are few such
// files: a converter tells of a row's time, but not of its line. bad are the lines that are aside already, in order.
func (a *attemptAt) strays(ctx context.Context, in Input, bad []int64) error {
	src, err := a.run.Source.Open(ctx, in, 0)
	if err != nil {
		return err
	}
	defer src.Close()
	br := bufio.NewReaderSize(src, flowtext.MaxLine)
	if magic, _ := br.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		zr, err := inflate.NewReader(in.Name, br)
		if err != nil {
			return err
		}
		defer zr.Close()
		br = bufio.NewReaderSize(zr, flowtext.MaxLine)
	}
	fields := a.run.Format
	if fields == nil {
		fields = flow.DefaultFormat()
	}
	for number := int64(1); ; number++ {
		line, err := br.ReadSlice('\n')
		long := false
		for errors.Is(err, bufio.ErrBufferFull) {
			long = true
			_, err = br.ReadSlice('\n')
		}
		if number%4096 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if number == 1 {
			line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
		}
		line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte{'\n'}), []byte{'\r'})
		_, aside := slices.BinarySearch(bad, number)
		if !long && !aside && len(line) > 0 {
			_, record, _ := flow.CutExportTimestamp(line)
			if header, ok := flow.ParseHeader(record); ok && (len(header) > 1 || number == 1) {
				fields = header
			} else if why := homeless(fields, record); why != nil {
				if err := a.badLine(number, line, why); err != nil {
					return err
				}
				a.strayed--
			}
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
	}
	if a.strayed != 0 {
		return fault.Newf(fault.Internal, "file "+in.Name, "%d records without a time were counted, and not found again", a.strayed)
	}
	return nil
}

// homeless says why a record has no partition, nil when it has one or the line is no record.
func homeless(fields []flow.Field, line []byte) error {
	r, err := flow.Parse(fields, bytes.TrimRight(line, " "))
	if err != nil {
		return nil // it is aside already
	}
	at, ok := r.Time()
	switch seconds := at.Unix(); {
	case !ok:
		return errNoTime
	case seconds >= millis && seconds/1000 >= Latest || seconds < millis && seconds >= Latest:
		return errBeyond
	}
	return nil
}
