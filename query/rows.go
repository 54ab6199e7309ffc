package query

import (
	"bufio"
	"errors"
	"io"
	"strings"

	"flowlake/fault"
)

// maxRow bounds one row of a result object: it may be anybody's object by the time it is read.
const maxRow = 32 << 20

// rowReader reads the rows of a result object. offset is the number of bytes that the rows read so
// far took.
type rowReader struct {
	br      *bufio.Reader
	csv     bool
	columns int
	offset  int64
}

func newRowReader(r io.Reader, csv bool, columns int) *rowReader {
	return &rowReader{br: bufio.NewReaderSize(r, 64<<10), csv: csv, columns: columns}
}

func (r *rowReader) next() ([]*string, error) {
	if r.csv {
		return r.record()
	}
	return r.line()
}

// line reads a row of a utility statement's text: one value, however many columns its metadata has,
// as Athena's own answers are.
func (r *rowReader) line() ([]*string, error) {
	var text []byte
	for {
		part, err := r.br.ReadSlice('\n')
		r.offset += int64(len(part))
		text = append(text, part...)
		switch {
		case len(text) > maxRow:
			return nil, fault.Newf(fault.TooLarge, "row", "is longer than %d bytes", maxRow)
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err != nil && (!errors.Is(err, io.EOF) || len(text) == 0):
			return nil, err
		}
		line := strings.TrimSuffix(string(text), "\n")
		return []*string{&line}, nil
	}
}

// record reads one row of Athena's CSV: every value is in quotes, and an empty place is NULL.
func (r *rowReader) record() ([]*string, error) {
	row := make([]*string, 0, r.columns)
	size := int64(0)
	defer func() { r.offset += size }()
	read := func() (byte, error) {
		b, err := r.br.ReadByte()
		if err == nil {
			if size++; size > maxRow {
				return 0, fault.Newf(fault.TooLarge, "row", "is longer than %d bytes", maxRow)
			}
		}
		return b, err
	}
	for {
		b, err := read()
		if errors.Is(err, io.EOF) {
			if len(row) == 0 && size == 0 {
				return nil, io.EOF
			}
			return append(row, nil), nil // the last place is NULL, without an end of line
		}
		if err != nil {
			return nil, err
		}
		switch b {
		case ',':
			row = append(row, nil)
			continue
		case '\n':
			return append(row, nil), nil
		case '"':
		default:
			return nil, fault.Newf(fault.Invalid, "row", "a value is not in quotes")
		}
		var value []byte
		for {
			if b, err = read(); err != nil {
				return nil, cut(err)
			}
			if b != '"' {
				value = append(value, b)
				continue
			}
			b, err = read()
			if err == nil && b == '"' {
				value = append(value, '"')
				continue
			}
			break
		}
		text := string(value)
		row = append(row, &text)
		switch {
		case errors.Is(err, io.EOF), err == nil && b == '\n':
			return row, nil
		case err != nil:
			return nil, err
		case b != ',':
			return nil, fault.Newf(fault.Invalid, "row", "something follows a value's closing quote")
		}
		// A comma promises one more place: the loop reads it.
	}
}

// cut makes an end inside a value an error.
func cut(err error) error {
	if errors.Is(err, io.EOF) {
		return fault.Newf(fault.Invalid, "row", "ends inside a value")
	}
	return err
}
