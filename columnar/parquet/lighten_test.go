package parquet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	pq "github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	other "github.com/parquet-go/parquet-go"

	"flowlake/columnar"
	"flowlake/fault"
)

// heavy is a file of another writer, with ZSTD on every page and row groups of 20,000 rows, and its columns.
func heavy(t testing.TB, rows int) ([]byte, []columnar.Column) {
	t.Helper()
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "bytes", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
		{Name: "must", Type: arrow.PrimitiveTypes.Int64},
		{Name: "wide", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
		{Name: "port", Type: arrow.PrimitiveTypes.Int32, Nullable: true},
		{Name: "action", Type: arrow.BinaryTypes.String, Nullable: true},
		{Name: "nested", Type: arrow.ListOf(arrow.PrimitiveTypes.Int64), Nullable: true},
		{Name: "ratio", Type: arrow.PrimitiveTypes.Float64, Nullable: true},
	}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	r := rand.New(rand.NewPCG(1, 2))
	for i := range rows {
		if i%7 == 0 {
			b.Field(0).AppendNull()
		} else {
			b.Field(0).(*array.Int64Builder).Append(r.Int64N(1 << 40))
		}
		b.Field(1).(*array.Int64Builder).Append(int64(i) * 1000)
		b.Field(2).(*array.Int64Builder).Append(int64(r.Uint64()))
		b.Field(3).(*array.Int32Builder).Append(r.Int32())
		b.Field(4).(*array.StringBuilder).Append([]string{"ACCEPT", "REJECT"}[i/5000%2])
		l := b.Field(5).(*array.ListBuilder)
		l.Append(true)
		l.ValueBuilder().(*array.Int64Builder).Append(r.Int64N(1 << 40))
		b.Field(6).(*array.Float64Builder).Append(1 + r.Float64()/1024) // whose words lie near each other, and are no numbers to be subtracted
	}
	batch := b.NewRecordBatch()
	defer batch.Release()
	var out bytes.Buffer
	w, err := pqarrow.NewFileWriter(schema, &out, pq.NewWriterProperties(pq.WithCompression(compress.Codecs.Zstd), pq.WithMaxRowGroupLength(20_000), pq.WithStats(true),
		pq.WithDictionaryFor("bytes", false), pq.WithDictionaryFor("must", false), pq.WithDictionaryFor("wide", false), pq.WithDictionaryFor("ratio", false), pq.WithDataPageSize(64<<10),
		pq.WithBloomFilterEnabledFor("action", true), pq.WithSortingColumns([]pq.SortingColumn{{ColumnIdx: 1}})), pqarrow.DefaultWriterProps())
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.AppendKeyValueMetadata("k", "v"), w.WriteBuffered(batch), w.Close()); err != nil {
		t.Fatal(err)
	}
	columns := columnsOf(t, "bigint", "bigint", "bigint", "int", "string", "array<bigint>", "double")
	return out.Bytes(), columns
}

func TestLighten(t *testing.T) {
	in, columns := heavy(t, 50_000)
	var out bytes.Buffer
	stats, err := Lighten(&out, bytes.NewReader(in), int64(len(in)))
	if err != nil {
		t.Fatal(err)
	}
	if want := (Stats{Rows: 50_000, Bytes: int64(out.Len())}); stats != want {
		t.Errorf("got %+v, want %+v", stats, want)
	}
	was, is := opened(t, in), opened(t, out.Bytes())

	t.Run("every reader gets the same values", func(t *testing.T) {
		for who, read := range map[string]func(testing.TB, []byte) string{"arrow-go": arrowText, "parquet-go": otherText} {
			if got, want := read(t, out.Bytes()), read(t, in); got != want || len(want) < 1<<20 {
				t.Errorf("%s reads other values: %d bytes of them, want %d", who, len(got), len(want))
			}
		}
	})
	t.Run("a column has one codec, and none where it gains little", func(t *testing.T) {
		for g := range is.NumRowGroups() {
			for i, want := range []string{"UNCOMPRESSED", "UNCOMPRESSED", "UNCOMPRESSED", "UNCOMPRESSED", "ZSTD", "ZSTD", "UNCOMPRESSED"} {
				c, err := is.MetaData().RowGroup(g).ColumnChunk(i)
				if err != nil || c.Compression().String() != want {
					t.Errorf("group %d, column %s is %v, want %s (%v)", g, columns[i].Name, c.Compression(), want, err)
				}
			}
		}
	})
	t.Run("numbers become deltas where those are short", func(t *testing.T) {
		for column, want := range map[int]string{0: "DELTA_BINARY_PACKED", 2: "PLAIN", 6: "PLAIN"} {
			c, _ := is.MetaData().RowGroup(1).ColumnChunk(column)
			found := false
			for _, e := range c.Encodings() {
				found = found || e.String() == want
			}
			if !found {
				t.Errorf("column %s has the encodings %v, want %s", columns[column].Name, c.Encodings(), want)
			}
		}
	})
	t.Run("metadata is what it was, and true", func(t *testing.T) {
		if is.NumRowGroups() != was.NumRowGroups() || is.NumRows() != was.NumRows() || !is.MetaData().Schema.Equals(was.MetaData().Schema) {
			t.Error("row groups, rows or schema changed")
		}
		if v := is.MetaData().KeyValueMetadata().FindValue("k"); v == nil || *v != "v" {
			t.Errorf("the file's own metadata is %v", v)
		}
		for g := range was.NumRowGroups() {
			var total int64
			for i := range columns {
				a, _ := was.MetaData().RowGroup(g).ColumnChunk(i)
				b, _ := is.MetaData().RowGroup(g).ColumnChunk(i)
				sa, _ := a.Statistics()
				sb, _ := b.Statistics()
				if (sa == nil) != (sb == nil) || sa != nil && (!bytes.Equal(sa.EncodeMin(), sb.EncodeMin()) || !bytes.Equal(sa.EncodeMax(), sb.EncodeMax()) || sa.NullCount() != sb.NullCount()) {
					t.Errorf("group %d, column %s: the statistics differ", g, columns[i].Name)
				}
				total += b.TotalUncompressedSize()
			}
			if got := is.MetaData().RowGroup(g).TotalByteSize(); got != total {
				t.Errorf("group %d has %d bytes in its columns and says %d", g, total, got)
			}
			a, b := filter(t, was, g, 4), filter(t, is, g, 4)
			if !reflect.DeepEqual(a, b) {
				t.Errorf("group %d: the bloom filter is not found where the metadata says", g)
			}
		}
	})
	t.Run("a second time changes nothing", func(t *testing.T) {
		var again bytes.Buffer
		if _, err := Lighten(&again, bytes.NewReader(out.Bytes()), int64(out.Len())); err != nil || !bytes.Equal(again.Bytes(), out.Bytes()) {
			t.Errorf("%d bytes became %d: %v", out.Len(), again.Len(), err)
		}
	})
	t.Run("says which side failed", func(t *testing.T) {
		full := errors.New("disk full")
		if _, err := Lighten(&failing{after: 1000, err: full}, bytes.NewReader(in), int64(len(in))); !fault.Is(err, fault.Unavailable) || !errors.Is(err, full) {
			t.Errorf("got %v", err)
		}
		for _, n := range []int{0, 7, 11, 100, len(in) - 1} {
			if _, err := Lighten(io.Discard, bytes.NewReader(in[:n]), int64(n)); !fault.Is(err, fault.Invalid) {
				t.Errorf("of %d bytes: %v", n, err)
			}
		}
	})
}

func arrowText(t testing.TB, raw []byte) string {
	t.Helper()
	r, err := pqarrow.NewFileReader(opened(t, raw), pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	table, err := r.ReadTable(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer table.Release()
	var b strings.Builder
	for i := range int(table.NumCols()) {
		for _, chunk := range table.Column(i).Data().Chunks() {
			for j := range chunk.Len() {
				b.WriteString(chunk.ValueStr(j))
				b.WriteByte(' ')
			}
		}
	}
	return b.String()
}

func otherText(t testing.TB, raw []byte) string {
	t.Helper()
	f, err := other.OpenFile(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, g := range f.RowGroups() {
		rows := g.Rows()
		buf := make([]other.Row, 64)
		for {
			n, err := rows.ReadRows(buf)
			for _, row := range buf[:n] {
				fmt.Fprintln(&b, row)
			}
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		rows.Close()
	}
	return b.String()
}

func opened(t testing.TB, raw []byte) *file.Reader {
	t.Helper()
	r, err := file.NewParquetReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// filter is whether a column's bloom filter of a row group has each of some values.
func filter(t *testing.T, r *file.Reader, group, column int) (has []bool) {
	t.Helper()
	blooms, err := r.GetBloomFilterReader().RowGroup(group)
	if err != nil {
		t.Fatal(err)
	}
	f, err := blooms.GetColumnBloomFilter(column)
	if err != nil || f == nil {
		t.Fatalf("no filter: %v", err)
	}
	for h := range uint64(64) {
		has = append(has, f.CheckHash(h*0x9e3779b97f4a7c15))
	}
	return has
}

func FuzzLighten(f *testing.F) {
	in, _ := heavy(f, 50)
	f.Add(in)
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 1<<20 {
			return
		}
		var out bytes.Buffer
		if _, err := Lighten(&out, bytes.NewReader(b), int64(len(b))); err != nil && fault.KindOf(err) == fault.Internal {
			t.Errorf("an error without a kind: %v", err)
		}
	})
}
