package parquet

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/file"
	other "github.com/parquet-go/parquet-go"
	"pgregory.net/rapid"

	"flowlake/columnar"
	"flowlake/fault"
)

var types = []string{"boolean", "tinyint", "smallint", "int", "bigint", "float", "double", "string", "varchar(5)", "char(3)", "binary", "date",
	"timestamp", "decimal(5,2)", "decimal(17,4)", "decimal(38,10)"}

func columnsOf(t testing.TB, of ...string) []columnar.Column {
	t.Helper()
	var columns []columnar.Column
	for i, text := range of {
		parsed, err := columnar.ParseType(text)
		if err != nil {
			t.Fatal(err)
		}
		columns = append(columns, columnar.Column{Name: fmt.Sprintf("c%d", i), Type: parsed})
	}
	return columns
}

// put gives v, of the Go type that the readers give back, to a builder.
func put(b *Builder, v any) {
	switch v := v.(type) {
	case nil:
		b.Null()
	case bool:
		b.Bool(v)
	case int64:
		if b.Type().Kind == columnar.Timestamp {
			b.Timestamp(v)
		} else if !b.Int(v) {
			panic(fmt.Sprintf("%d does not fit", v))
		}
	case float64:
		b.Float(v)
	case string:
		b.Text([]byte(v))
	case decimal128.Num:
		if !b.Decimal(v) {
			panic(fmt.Sprintf("%v does not fit", v))
		}
	}
}

func draw(t *rapid.T, of columnar.Type, few bool) any {
	if rapid.IntRange(0, 5).Draw(t, "null") == 0 {
		return nil
	}
	number := func(low, high int64) any {
		if few {
			return rapid.Int64Range(max(low, -3), min(high, 40)).Draw(t, "n")
		}
		return rapid.Int64Range(low, high).Draw(t, "n")
	}
	switch of.Kind {
	case columnar.Boolean:
		return rapid.Bool().Draw(t, "b")
	case columnar.TinyInt:
		return number(math.MinInt8, math.MaxInt8)
	case columnar.SmallInt:
		return number(math.MinInt16, math.MaxInt16)
	case columnar.Int, columnar.Date:
		return number(math.MinInt32, math.MaxInt32)
	case columnar.BigInt, columnar.Timestamp:
		return number(math.MinInt64, math.MaxInt64)
	case columnar.Float:
		return float64(rapid.Float32().Draw(t, "f"))
	case columnar.Double:
		return rapid.Float64().Draw(t, "f")
	case columnar.Decimal:
		limit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(of.Precision)), nil)
		v := new(big.Int).SetBytes(rapid.SliceOfN(rapid.Byte(), 0, 15).Draw(t, "d"))
		v.Mod(v, limit)
		if rapid.Bool().Draw(t, "minus") {
			v.Neg(v)
		}
		return decimal128.FromBigInt(v)
	case columnar.Varchar, columnar.Char:
		return rapid.StringOfN(rapid.RuneFrom([]rune("abcé")), 0, of.Length, -1).Draw(t, "s")
	case columnar.Binary:
		return string(rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "s"))
	}
	if few {
		return rapid.SampledFrom([]string{"", "ACCEPT", "172.31.16.139", "eni-1235b8ca123456789", "arn:aws:ecs:us-east-1:123456789010:task/production/1"}).Draw(t, "s")
	}
	return rapid.StringN(0, 40, -1).Draw(t, "s")
}

func TestWriter(t *testing.T) {
	t.Run("what_is_written_is_read_back_by_both_readers", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			of := rapid.SliceOfN(rapid.SampledFrom(types), 1, 6).Draw(t, "types")
			var columns []columnar.Column
			for i, text := range of {
				parsed, _ := columnar.ParseType(text)
				columns = append(columns, columnar.Column{Name: fmt.Sprintf("c%d", i), Type: parsed})
			}
			rows := rapid.IntRange(0, 200).Draw(t, "rows")
			few := rapid.Bool().Draw(t, "few values")
			o := Options{Compression: Compression(rapid.IntRange(0, 3).Draw(t, "codec")), RowGroupRows: rapid.SampledFrom([]int{0, 7, 64}).Draw(t, "group"), Metadata: map[string]string{"k": "v"}}
			var out bytes.Buffer
			w, err := NewWriter(io.Discard, columns, o)
			if err != nil {
				t.Fatal(err)
			}
			if rapid.Bool().Draw(t, "second file") { // what an earlier file left behind must not show
				for i := range columns {
					put(w.Column(i), draw(t, columns[i].Type, few))
				}
				w.EndRow()
				w.Column(0).Null()
			}
			w.Reset(&out)
			want := make([][]any, len(columns))
			for range rows {
				if rapid.IntRange(0, 9).Draw(t, "undone") == 0 {
					for i := range rapid.IntRange(0, len(columns)).Draw(t, "given") {
						put(w.Column(i), draw(t, columns[i].Type, false))
					}
					w.UndoRow()
				}
				for i, c := range columns {
					v := draw(t, c.Type, few)
					if v != nil || rapid.Bool().Draw(t, "say NULL") {
						put(w.Column(i), v)
					}
					want[i] = append(want[i], v)
				}
				w.EndRow()
			}
			stats, err := w.Close()
			if err != nil || stats.Rows != int64(rows) || stats.Bytes != int64(out.Len()) {
				t.Fatalf("%+v, %v, %d bytes", stats, err, out.Len())
			}
			same(t, "arrow-go", readBack(t, out.Bytes(), columns), want)
			same(t, "parquet-go", otherBack(t, out.Bytes(), columns), want)
			footer(t, out.Bytes(), columns, want)
		})
	})
	t.Run("long_columns_change_their_encoding", func(t *testing.T) {
		columns := columnsOf(t, "string", "bigint", "bigint", "int", "string", "timestamp", "double", "decimal(30,0)", "string", "bigint", "string", "string")
		const rows = 300_000
		want := make([][]any, len(columns))
		var out bytes.Buffer
		w, err := NewWriter(&out, columns, Options{Compression: Zstd, RowGroupRows: 200_000})
		if err != nil {
			t.Fatal(err)
		}
		x := uint64(1)
		for i := range rows {
			x = x*6364136223846793005 + 1442695040888963407
			row := []any{
				fmt.Sprintf("%d.%d", x>>40, i), // more than a dictionary takes
				int64(x), int64(i / 3),         // nothing repeats; deltas
				int64(int32(x >> 33)), "ACCEPT", // plain; one run
				int64(1_700_000_000_000_000 + 60e6*(i%7)), // a narrow range
				float64(x>>60) / 4, decimal128.FromI64(int64(x >> 62)),
				fmt.Sprintf("10.0.%d.%d", x>>60, x>>50&0xFF), any(nil),
				fmt.Sprint("k", i/2), fmt.Sprint("k", i*2/3), // codes of 17 bits; the same and a dictionary that fills up
			}
			if i > 250_000 {
				row[8] = nil
			}
			if i%1000 == 0 {
				row[9] = int64(i)
			}
			for j, v := range row {
				put(w.Column(j), v)
				want[j] = append(want[j], v)
			}
			w.EndRow()
		}
		if _, err := w.Close(); err != nil {
			t.Fatal(err)
		}
		same(t, "arrow-go", readBack(t, out.Bytes(), columns), want)
		same(t, "parquet-go", otherBack(t, out.Bytes(), columns), want)
		footer(t, out.Bytes(), columns, want)
		// The last row group's 100,000 rows. How many values differ is known of those that are in a dictionary only.
		for i, distinct := range map[int]int64{0: -1, 1: -1, 4: 1, 5: 7, 7: 4, 10: 50_000} {
			if got := w.Column(i).stored.distinct; got != distinct {
				t.Errorf("column %d has %d different values, want %d", i, got, distinct)
			}
		}
	})
	t.Run("bloom_filters_know_every_value", func(t *testing.T) {
		columns := columnsOf(t, "string", "bigint", "int", "decimal(30,2)", "string")
		var out bytes.Buffer
		w, err := NewWriter(&out, columns, Options{Bloom: []string{"C0", "c1", "c2", "c3", "c4"}, RowGroupRows: 5000, SortedBy: []string{"c1"}})
		if err != nil {
			t.Fatal(err)
		}
		want := make([][]any, len(columns))
		for i := range 12_000 {
			for j, v := range []any{fmt.Sprintf("10.%d.0.1", i%777), int64(i * 3), int64(i % 9), decimal128.FromI64(int64(i)), fmt.Sprint("unique text that is long ", i)} {
				put(w.Column(j), v)
				want[j] = append(want[j], v)
			}
			w.EndRow()
		}
		if _, err := w.Close(); err != nil {
			t.Fatal(err)
		}
		f, err := other.OpenFile(bytes.NewReader(out.Bytes()), int64(out.Len()))
		if err != nil {
			t.Fatal(err)
		}
		wrong, asked := 0, 0
		for g, group := range f.RowGroups() {
			if s := group.SortingColumns(); len(s) != 1 || s[0].Path()[0] != "c1" || s[0].Descending() || s[0].NullsFirst() {
				t.Errorf("sorting columns %v", s)
			}
			for j, chunk := range group.ColumnChunks() {
				filter := chunk.BloomFilter()
				if filter == nil {
					t.Fatalf("column %d has no filter", j)
				}
				check := func(v any) bool {
					var p other.Value
					switch v := v.(type) {
					case string:
						p = other.ByteArrayValue([]byte(v))
					case int64:
						if columns[j].Type.Kind == columnar.Int {
							p = other.Int32Value(int32(v))
						} else {
							p = other.Int64Value(v)
						}
					case decimal128.Num:
						var b [16]byte
						binary.BigEndian.PutUint64(b[:], uint64(v.HighBits()))
						binary.BigEndian.PutUint64(b[8:], v.LowBits())
						p = other.FixedLenByteArrayValue(b[16-decimalBytes(30):])
					}
					ok, err := filter.Check(p)
					if err != nil {
						t.Fatal(err)
					}
					return ok
				}
				for _, v := range want[j][g*5000 : min((g+1)*5000, 12_000)] {
					if !check(v) {
						t.Fatalf("the filter of column %d in row group %d does not know %v", j, g, v)
					}
				}
				if j == 0 {
					for i := range 10_000 {
						asked++
						if check(fmt.Sprint("absent ", i)) {
							wrong++
						}
					}
				}
			}
		}
		if wrong*100 > 3*asked {
			t.Errorf("%d of %d absent values are found", wrong, asked)
		}
	})
	t.Run("bloom_filters_know_what_is_equal_to_a_float", func(t *testing.T) {
		for _, repeat := range []int{1, 100} { // plainly, and by a dictionary
			var out bytes.Buffer
			w, _ := NewWriter(&out, columnsOf(t, "double", "float"), Options{Bloom: []string{"c0", "c1"}})
			for _, v := range []float64{math.Copysign(0, -1), math.Float64frombits(0xFFF8_0000_0000_0001), 5} {
				for range repeat {
					w.Column(0).Float(v)
					w.Column(1).Float(v)
					w.EndRow()
				}
			}
			if _, err := w.Close(); err != nil {
				t.Fatal(err)
			}
			f, err := other.OpenFile(bytes.NewReader(out.Bytes()), int64(out.Len()))
			if err != nil {
				t.Fatal(err)
			}
			chunks := f.RowGroups()[0].ColumnChunks()
			for _, v := range []float64{0, math.Copysign(0, -1), math.Float64frombits(0x7FF8 << 48), 5} {
				double, err := chunks[0].BloomFilter().Check(other.DoubleValue(v))
				if err != nil || !double {
					t.Errorf("double %v: %v, %v", v, double, err)
				}
				float, err := chunks[1].BloomFilter().Check(other.FloatValue(float32(v)))
				if err != nil || !float {
					t.Errorf("float %v: %v, %v", v, float, err)
				}
			}
		}
	})
	t.Run("text_is_cut_and_made_UTF-8", func(t *testing.T) {
		columns := columnsOf(t, "varchar(3)", "string", "binary")
		var out bytes.Buffer
		w, _ := NewWriter(&out, columns, Options{})
		for range 2 {
			w.Column(0).Text([]byte("aéiou"))
			w.Column(1).Text([]byte("a\xffb"))
			w.Column(2).Text([]byte("a\xffb"))
			w.EndRow()
		}
		if _, err := w.Close(); err != nil {
			t.Fatal(err)
		}
		same(t, "arrow-go", readBack(t, out.Bytes(), columns), [][]any{{"aéi", "aéi"}, {"a\uFFFDb", "a\uFFFDb"}, {"a\xffb", "a\xffb"}})
	})
	t.Run("numbers_that_do_not_fit_are_refused", func(t *testing.T) {
		w, _ := NewWriter(io.Discard, columnsOf(t, "tinyint", "int", "decimal(3,1)"), Options{})
		if w.Column(0).Int(128) || w.Column(0).Int(-129) || w.Column(1).Int(1<<31) || w.Column(2).Decimal(decimal128.FromI64(1000)) {
			t.Error("taken")
		}
		w.EndRow()
		if stats, err := w.Close(); err != nil || stats.Rows != 1 {
			t.Error(stats, err)
		}
	})
	t.Run("errors_of_the_sink_surface_at_Flush_and_Close", func(t *testing.T) {
		own := errors.New("no space left")
		w, _ := NewWriter(&failing{after: 10, err: own}, columnsOf(t, "int"), Options{RowGroupRows: 2})
		for range 9 {
			w.Column(0).Int(1)
			w.EndRow()
		}
		if err := w.Flush(); !errors.Is(err, own) || !fault.Is(err, fault.Unavailable) {
			t.Errorf("Flush: %v", err)
		}
		if _, err := w.Close(); !errors.Is(err, own) {
			t.Errorf("Close: %v", err)
		}
		var out bytes.Buffer
		w.Reset(&out)
		w.Column(0).Int(5)
		w.EndRow()
		if _, err := w.Close(); err != nil {
			t.Errorf("after Reset: %v", err)
		}
		same(t, "arrow-go", readBack(t, out.Bytes(), columnsOf(t, "int")), [][]any{{int64(5)}})
	})
	t.Run("two_values_in_a_row_are_a_defect", func(t *testing.T) {
		for name, end := range map[string]func(*Writer){"EndRow": (*Writer).EndRow, "UndoRow": (*Writer).UndoRow} {
			w, _ := NewWriter(io.Discard, columnsOf(t, "string", "int"), Options{})
			w.Column(0).full = true // values lie behind one another
			for _, v := range []string{"a", strings.Repeat("long", 100), "b"} {
				w.Column(0).Text([]byte(v))
			}
			end(w)
			w.Column(1).Int(1)
			w.EndRow()
			if _, err := w.Close(); !fault.Is(err, fault.Internal) || !strings.Contains(err.Error(), "column c0: it has two values") {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
	t.Run("a_whole_row_that_is_not_whole_is_a_defect", func(t *testing.T) {
		w, _ := NewWriter(io.Discard, columnsOf(t, "int", "string"), Options{})
		w.Column(0).Int(1)
		w.EndWholeRow()
		if err := w.Flush(); !fault.Is(err, fault.Internal) || !strings.Contains(err.Error(), "column c1: it has 0 values in 1 rows") {
			t.Error(err)
		}
	})
	t.Run("refuses_by_name", func(t *testing.T) {
		for _, row := range []struct {
			of   string
			o    Options
			kind fault.Kind
			want string
		}{
			{"array<int>", Options{}, fault.Unsupported, "column c0: array<int>"},
			{"int", Options{Bloom: []string{"x"}}, fault.Invalid, "column x"},
			{"int", Options{SortedBy: []string{"x"}}, fault.Invalid, "column x"},
			{"boolean", Options{Bloom: []string{"c0"}}, fault.Invalid, "column c0"},
		} {
			if _, err := NewWriter(io.Discard, columnsOf(t, row.of), row.o); !fault.Is(err, row.kind) || !strings.Contains(err.Error(), row.want) {
				t.Errorf("%+v: %v", row, err)
			}
		}
	})
	t.Run("memory_is_bounded_by_the_row_group", func(t *testing.T) {
		w, _ := NewWriter(io.Discard, columnsOf(t, "string"), Options{RowGroupBytes: 1 << 20})
		long := bytes.Repeat([]byte("x"), 1000)
		for i := range 20_000 {
			binary.BigEndian.PutUint64(long, uint64(i)+1<<60)
			w.Column(0).Text(long)
			w.EndRow()
			if m := w.memory(); m > 3<<20 {
				t.Fatalf("%d bytes at row %d", m, i)
			}
		}
		if stats, err := w.Close(); err != nil || stats.Rows != 20_000 {
			t.Error(stats, err)
		}
	})
	t.Run("memory_is_bounded_among_values_of_a_megabyte", func(t *testing.T) {
		w, _ := NewWriter(io.Discard, columnsOf(t, "binary", "int"), Options{RowGroupBytes: 8 << 20})
		long := make([]byte, 1<<20)
		for i := range 100 {
			long[0] = byte(i)
			w.Column(0).Text(long)
			w.EndRow()
			if m := w.memory(); m > 9<<20 {
				t.Fatalf("%d bytes at row %d", m, i)
			}
		}
		if stats, err := w.Close(); err != nil || stats.Rows != 100 {
			t.Error(stats, err)
		}
	})
	t.Run("a_value_allocates_nothing", func(t *testing.T) {
		w, _ := NewWriter(io.Discard, columnsOf(t, "string", "int"), Options{})
		v := []byte("172.31.16.139")
		row := func() {
			w.Column(0).Text(v)
			w.Column(1).Int(5)
			w.EndRow()
		}
		for range 1 << 16 {
			row()
		}
		w.Reset(io.Discard)
		if n := testing.AllocsPerRun(1000, row); n > 0 {
			t.Errorf("%v allocations a row", n)
		}
	})
}

type failing struct {
	after int
	err   error
}

func (f *failing) Write(p []byte) (int, error) {
	if f.after -= len(p); f.after < 0 {
		return 0, f.err
	}
	return len(p), nil
}

func TestBounds(t *testing.T) {
	t.Run("long_text_is_cut_outwards", func(t *testing.T) {
		for _, row := range []struct{ value, low, high string }{
			{"short", "short", "short"},
			{strings.Repeat("a", 70), strings.Repeat("a", 64), strings.Repeat("a", 63) + "b"},
			{strings.Repeat("é", 40) + "x", strings.Repeat("é", 32), ""},
			{"a" + strings.Repeat("é", 40), "a" + strings.Repeat("é", 31), "b"},
		} {
			w, _ := NewWriter(io.Discard, columnsOf(t, "string"), Options{})
			w.Column(0).Text([]byte(row.value))
			got := w.Column(0).byteBounds()
			if string(got.low) != row.low || string(got.high) != row.high {
				t.Errorf("%q is bounded by %q and %q", row.value, got.low, got.high)
			}
			if exact := len(row.value) <= maxBound; got.lowExact != exact || got.highExact != exact {
				t.Errorf("the bounds of %q say that they are exact: %v, %v", row.value, got.lowExact, got.highExact)
			}
		}
	})
	t.Run("a_zero_is_bounded_by_both_zeros", func(t *testing.T) {
		for _, v := range []float64{0, math.Copysign(0, -1)} {
			w, _ := NewWriter(io.Discard, columnsOf(t, "double"), Options{})
			b := w.Column(0)
			b.Float(v)
			if got := b.floatBounds(b.ints); binary.LittleEndian.Uint64(got.low) != 1<<63 || binary.LittleEndian.Uint64(got.high) != 0 {
				t.Errorf("%v is bounded by %x and %x", v, got.low, got.high)
			}
		}
	})
	t.Run("decimals_and_floats_have_theirs", func(t *testing.T) {
		columns := columnsOf(t, "decimal(30,0)", "decimal(9,0)", "float", "double")
		var out bytes.Buffer
		w, _ := NewWriter(&out, columns, Options{})
		for _, v := range []int64{5, -7, 300, 0} {
			w.Column(0).Decimal(decimal128.FromI64(v))
			w.Column(1).Decimal(decimal128.FromI64(v))
			w.Column(2).Float(float64(v))
			if v == 0 {
				w.Column(3).Float(math.NaN())
			}
			w.EndRow()
		}
		if _, err := w.Close(); err != nil {
			t.Fatal(err)
		}
		r, err := file.NewParquetReader(bytes.NewReader(out.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		for i, row := range []struct {
			low, high []byte
			has       bool
		}{
			{append(bytes.Repeat([]byte{0xFF}, 12), 0xF9), append(make([]byte, 11), 1, 44), true},
			{binary.LittleEndian.AppendUint32(nil, 0xFFFFFFF9), binary.LittleEndian.AppendUint32(nil, 300), true},
			{binary.LittleEndian.AppendUint32(nil, math.Float32bits(-7)), binary.LittleEndian.AppendUint32(nil, math.Float32bits(300)), true},
			{nil, nil, false},
		} {
			chunk, _ := r.MetaData().RowGroup(0).ColumnChunk(i)
			s, err := chunk.Statistics()
			if err != nil {
				t.Fatal(err)
			}
			if s.HasMinMax() != row.has || row.has && (!bytes.Equal(s.EncodeMin(), row.low) || !bytes.Equal(s.EncodeMax(), row.high)) {
				t.Errorf("column %d: %v, %x to %x", i, s.HasMinMax(), s.EncodeMin(), s.EncodeMax())
			}
		}

	})
}

func TestParseCompression(t *testing.T) {
	for name, want := range map[string]Compression{"": Snappy, "snappy": Snappy, "GZIP": Gzip, "zstd": Zstd, "none": Uncompressed, "UNCOMPRESSED": Uncompressed} {
		if got, err := ParseCompression(name); err != nil || got != want {
			t.Errorf("%q is %v, %v", name, got, err)
		}
	}
	if _, err := ParseCompression("LZO"); !fault.Is(err, fault.Unsupported) {
		t.Error(err)
	}
}

func TestWriteArrow(t *testing.T) {
	schema := arrow.NewSchema([]arrow.Field{{Name: "id", Type: arrow.PrimitiveTypes.Int64, Nullable: true}, {Name: "tags", Type: arrow.ListOf(arrow.BinaryTypes.String), Nullable: true}}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	batches := func(yield func(arrow.RecordBatch, error) bool) {
		for i := range 3 {
			b.Field(0).(*array.Int64Builder).Append(int64(i))
			l := b.Field(1).(*array.ListBuilder)
			l.Append(true)
			l.ValueBuilder().(*array.StringBuilder).Append("x")
			batch := b.NewRecordBatch()
			ok := yield(batch, nil)
			batch.Release()
			if !ok {
				return
			}
		}
	}
	var out bytes.Buffer
	stats, err := WriteArrow(&out, batches, Options{Compression: Zstd, Bloom: []string{"ID"}, SortedBy: []string{"id"}, Metadata: map[string]string{"k": "v"}})
	if err != nil || stats.Rows != 3 || stats.Bytes != int64(out.Len()) {
		t.Fatal(stats, err, out.Len())
	}
	p, err := columnar.ReadParquet("nested", bytes.NewReader(out.Bytes()), int64(out.Len()))
	if err != nil || p.Rows != 3 || p.Columns[1].Type.String() != "array<string>" {
		t.Errorf("%+v, %v", p, err)
	}
	own := errors.New("no space left")
	if _, err := WriteArrow(&failing{after: 10, err: own}, batches, Options{}); !errors.Is(err, own) {
		t.Errorf("a failing sink: %v", err)
	}
	if _, err := WriteArrow(&out, func(yield func(arrow.RecordBatch, error) bool) { yield(nil, own) }, Options{}); err != own {
		t.Errorf("failing batches: %v", err)
	}
	if _, err := WriteArrow(&out, func(yield func(arrow.RecordBatch, error) bool) {}, Options{}); !fault.Is(err, fault.Invalid) {
		t.Errorf("no batch: %v", err)
	}
}
