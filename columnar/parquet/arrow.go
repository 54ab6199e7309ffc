package parquet

import (
	"errors"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	pq "github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"flowlake/fault"
)

// WriteArrow writes batches of one schema, which may have nested columns, by Arrow's own writer. Of the options it honours all but
// RowGroupBytes; Bloom names columns that are not nested. A batch is its producer's to release. Without a batch it
// writes nothing and returns fault.Invalid: a file needs a schema.
//
// It returns the batches' error as it is, and the sink's as fault.Unavailable.
func WriteArrow(w io.Writer, batches iter.Seq2[arrow.RecordBatch, error], o Options) (Stats, error) {
	if o.RowGroupRows <= 0 {
		o.RowGroupRows = DefaultRowGroupRows
	}
	counted := &counter{w: w}
	var file *pqarrow.FileWriter
	var rows int64
	for batch, err := range batches {
		if err == nil && file == nil {
			file, err = newArrowFile(batch.Schema(), counted, o)
		}
		if err == nil {
			if err = file.WriteBuffered(batch); err != nil {
				err = fault.Newf(fault.Unavailable, "Parquet file", "write: %w", err)
			}
		}
		if err != nil {
			if file != nil {
				err = errors.Join(err, file.Close())
			}
			return Stats{Rows: rows, Bytes: counted.n}, err
		}
		rows += batch.NumRows()
	}
	if file == nil {
		return Stats{}, fault.Newf(fault.Invalid, "Parquet file", "no batch says what its columns are")
	}
	if err := file.Close(); err != nil {
		return Stats{Rows: rows, Bytes: counted.n}, fault.Newf(fault.Unavailable, "Parquet file", "write: %w", err)
	}
	return Stats{Rows: rows, Bytes: counted.n}, nil
}

func newArrowFile(schema *arrow.Schema, w io.Writer, o Options) (*pqarrow.FileWriter, error) {
	codec := [...]compress.Compression{Snappy: compress.Codecs.Snappy, Gzip: compress.Codecs.Gzip, Zstd: compress.Codecs.Zstd, Uncompressed: compress.Codecs.Uncompressed}
	properties := []pq.WriterProperty{
		pq.WithCompression(codec[o.Compression]), pq.WithMaxRowGroupLength(int64(o.RowGroupRows)), pq.WithCreatedBy(createdBy), pq.WithStats(true),
	}
	place := func(name string) (int, string, error) {
		for i, f := range schema.Fields() {
			if strings.EqualFold(f.Name, name) {
				return i, f.Name, nil
			}
		}
		return 0, "", fault.Newf(fault.Invalid, "column "+name, "the file has no such column")
	}
	for _, name := range o.Bloom {
		_, spelled, err := place(name)
		if err != nil {
			return nil, err
		}
		properties = append(properties, pq.WithBloomFilterEnabledFor(spelled, true), pq.WithBloomFilterNDVFor(spelled, int64(o.RowGroupRows)/4))
	}
	leaf := leaves(schema)
	var sorted []pq.SortingColumn
	for _, name := range o.SortedBy {
		i, _, err := place(name)
		if err != nil {
			return nil, err
		}
		sorted = append(sorted, pq.SortingColumn{ColumnIdx: int32(leaf[i])})
	}
	if len(sorted) > 0 {
		properties = append(properties, pq.WithSortingColumns(sorted))
	}
	// A sink that has Close would be closed with the file.
	file, err := pqarrow.NewFileWriter(schema, w, pq.NewWriterProperties(properties...), pqarrow.DefaultWriterProps())
	if err != nil {
		return nil, fault.Newf(fault.Unsupported, "Parquet file", "%w", err)
	}
	for _, k := range slices.Sorted(maps.Keys(o.Metadata)) {
		if err := file.AppendKeyValueMetadata(k, o.Metadata[k]); err != nil {
			return nil, fault.Newf(fault.Invalid, "Parquet file", "metadata %s: %w", k, err)
		}
	}
	return file, nil
}

// leaves is the place of each field's first stored column.
func leaves(schema *arrow.Schema) []int {
	var count func(t arrow.DataType) int
	count = func(t arrow.DataType) int {
		nested, ok := t.(arrow.NestedType)
		if !ok {
			return 1
		}
		n := 0
		for _, f := range nested.Fields() {
			n += count(f.Type)
		}
		return n
	}
	places, at := make([]int, schema.NumFields()), 0
	for i, f := range schema.Fields() {
		places[i] = at
		at += count(f.Type)
	}
	return places
}

// counter counts what is written, and hides the sink's Close.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}
