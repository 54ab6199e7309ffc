package columnar

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"flowlake/fault"
)

// parquetFile writes rows of every Hive type, groupRows to a row group.
func parquetFile(t testing.TB, cols []Column, n, groupRows int) []byte {
	t.Helper()
	text, err := NewText(Spec{Format: JSON, Columns: cols, Read: all(len(cols)), BatchRows: groupRows})
	if err != nil {
		t.Fatal(err)
	}
	var input, out bytes.Buffer
	for i := range n {
		fmt.Fprintf(&input, `{"i":%d,"l":%d,"s":"v%06d","d":%d.5,"t":"2022-08-29T00:00:%02dZ","st":{"a":%d,"b":"x"},"arr":[1,2],"m":{"k":1},"dec":"1.25","day":"2022-08-%02d","b":true}`+"\n",
			i, int64(i)<<32, i, i, i%60, i, i%28+1)
	}
	w, err := pqarrow.NewFileWriter(text.Schema(), &out, parquet.NewWriterProperties(parquet.WithCompression(compress.Codecs.Snappy), parquet.WithStats(true)), pqarrow.DefaultWriterProps())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := text.Read(t.Context(), "f", &input, func(b arrow.RecordBatch) error { defer b.Release(); return w.Write(b) }); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

const everyType = "i int; l bigint; s string; d double; t timestamp; st struct<a:int,b:string>; arr array<int>; m map<string,int>; dec decimal(5,2); day date; b boolean"

func TestParquetFooter(t *testing.T) {
	cols := columns(t, everyType)
	data := parquetFile(t, cols, 1000, 300)
	p, err := ReadParquet("f", bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	if p.Rows != 1000 || len(p.Groups) != 4 || p.Groups[3].Rows != 100 {
		t.Fatalf("%d rows, %d groups", p.Rows, len(p.Groups))
	}
	for i, c := range cols {
		if p.Columns[i].Name != c.Name || p.Columns[i].Type.String() != c.Type.String() {
			t.Errorf("column %s %s reads as %s %s", c.Name, c.Type, p.Columns[i].Name, p.Columns[i].Type)
		}
	}
	judge, err := file.NewParquetReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	for g := range p.Groups {
		for l := range p.Leaves {
			want, err := judge.MetaData().RowGroup(g).ColumnChunk(l)
			if err != nil {
				t.Fatal(err)
			}
			got := p.Groups[g].Chunks[l]
			if got.Compressed != want.TotalCompressedSize() || got.Uncompressed != want.TotalUncompressedSize() || p.Leaves[l].Path != want.PathInSchema().String() {
				t.Errorf("group %d leaf %s: %+v, arrow says %d, %s", g, p.Leaves[l].Path, got, want.TotalCompressedSize(), want.PathInSchema())
			}
		}
	}
	bounds := func(leaf, group int) string {
		low, high, ok := p.Leaves[leaf].Bounds(p.Groups[group].Chunks[leaf])
		return fmt.Sprint(low, " ", high, " ", ok)
	}
	for leaf, want := range []string{"300 599 true", fmt.Sprint(int64(300)<<32, " ", int64(599)<<32, " true"), "v000300 v000599 true", "300.5 599.5 true", "1661731200000000 1661731259000000 true"} {
		if got := bounds(leaf, 1); got != want {
			t.Errorf("bounds of %s: %s, want %s", p.Leaves[leaf].Path, got, want)
		}
	}
	whole := p.ScannedBytes([]string{"I", "st"})
	var want int64
	for _, g := range p.Groups {
		want += g.Chunks[0].Compressed + g.Chunks[5].Compressed + g.Chunks[6].Compressed
	}
	if whole != want || whole == 0 {
		t.Errorf("ScannedBytes(I, st) = %d, want %d", whole, want)
	}
	first := p.ScannedBytesIn(func(string) bool { return true }, func(g RowGroup) bool {
		low, _, _ := p.Leaves[0].Bounds(g.Chunks[0])
		return low.(int64) < 300
	})
	if all := p.ScannedBytesIn(func(string) bool { return true }, func(RowGroup) bool { return true }); first*2 > all || first == 0 {
		t.Errorf("one of four groups has %d of %d bytes", first, all)
	}
}

func TestBrokenParquetFilesAreRefusedByName(t *testing.T) {
	data := parquetFile(t, columns(t, everyType), 100, 100)
	for _, tt := range []struct {
		name string
		data []byte
	}{
		{"empty", nil}, {"short", []byte("PAR1PAR1")}, {"text", bytes.Repeat([]byte("2 123 eni "), 100)},
		{"half", data[:len(data)/2]}, {"a huge footer length", append(append([]byte(nil), data[:len(data)-8]...), "\xff\xff\xff\x7fPAR1"...)},
		{"a footer of zeros", append(make([]byte, 100), "\x20\x00\x00\x00PAR1"...)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := ReadParquet("s3://b/k", bytes.NewReader(tt.data), int64(len(tt.data)))
			if !fault.Is(err, fault.Invalid) || !fault.HasNoun(err, "file s3://b/k") {
				t.Fatalf("got %v", err)
			}
		})
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 3000 { // any damage gives an error of that kind or a footer, and never a panic
		broken := append([]byte(nil), data...)
		for range 1 + random.IntN(4) {
			broken[len(broken)-1-random.IntN(2000)] = byte(random.Uint32())
		}
		if p, err := ReadParquet("f", bytes.NewReader(broken), int64(len(broken))); err == nil {
			p.ScannedBytes([]string{"i"})
		} else if k := fault.KindOf(err); k != fault.Invalid && k != fault.Unsupported {
			t.Fatalf("kind %v: %v", k, err)
		}
	}
}

// TestFootersCostNoMemory holds lists of a million elements that say nothing.
func TestFootersCostNoMemory(t *testing.T) {
	const n = 1 << 20
	length := []byte{0x80, 0x80, 0x40} // n as a varint
	for field, name := range map[byte]string{0x29: "schema elements", 0x49: "row groups"} {
		footer := append(append([]byte{field, 0xFC}, length...), make([]byte, n+1)...)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := parseFooter(footer)
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; err == nil || took > 1<<20 {
			t.Errorf("%d %s: got %v, and it took %d bytes of memory", n, name, err, took)
		}
	}
}

func FuzzParquetFooter(f *testing.F) {
	data := parquetFile(f, columns(f, everyType), 10, 10)
	length := int(data[len(data)-8]) | int(data[len(data)-7])<<8
	f.Add(data[len(data)-8-length : len(data)-8])
	f.Fuzz(func(t *testing.T, footer []byte) {
		p, err := parseFooter(footer)
		if err != nil {
			return
		}
		p.ScannedBytes([]string{"i"})
		for _, g := range p.Groups {
			for i, l := range p.Leaves {
				l.Bounds(g.Chunks[i])
			}
		}
	})
}
