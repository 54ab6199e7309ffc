package vpc

import (
	"io"

	"flowlake/columnar/parquet"
	"flowlake/flow"
)

// parquetFile has a column for each field, of its type, null where a line has "-".
type parquetFile struct {
	w      *parquet.Writer
	fields []flow.Field
}

func newParquetFile(w io.Writer, fields []flow.Field) (*parquetFile, error) {
	p, err := parquet.NewWriter(w, Columns(fields), parquet.Options{Compression: parquet.Gzip})
	return &parquetFile{p, fields}, err
}

func (p *parquetFile) add(line []byte) error {
	r, err := flow.Parse(p.fields, line)
	if err != nil {
		return err
	}
	for i, f := range p.fields {
		switch v := r.At(i); {
		case v.Null():
		case f.Type == flow.String:
			p.w.Column(i).Text([]byte(v.Text()))
		default:
			p.w.Column(i).Int(v.Int())
		}
	}
	p.w.EndRow()
	return nil
}

func (p *parquetFile) close() error {
	_, err := p.w.Close()
	return err
}
