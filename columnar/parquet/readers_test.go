package parquet

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/big"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	other "github.com/parquet-go/parquet-go"

	"flowlake/columnar"
)

// readBack reads a file by arrow-go.
func readBack(t failer, raw []byte, columns []columnar.Column) [][]any {
	t.Helper()
	r, err := file.NewParquetReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	ar, err := pqarrow.NewFileReader(r, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	table, err := ar.ReadTable(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer table.Release()
	out := make([][]any, len(columns))
	for i := range columns {
		for _, chunk := range table.Column(i).Data().Chunks() {
			for j := range chunk.Len() {
				out[i] = append(out[i], value(chunk, j))
			}
		}
	}
	return out
}

func value(a arrow.Array, i int) any {
	if a.IsNull(i) {
		return nil
	}
	switch a := a.(type) {
	case *array.Boolean:
		return a.Value(i)
	case *array.Int8:
		return int64(a.Value(i))
	case *array.Int16:
		return int64(a.Value(i))
	case *array.Int32:
		return int64(a.Value(i))
	case *array.Int64:
		return a.Value(i)
	case *array.Date32:
		return int64(a.Value(i))
	case *array.Timestamp:
		return int64(a.Value(i))
	case *array.Float32:
		return float64(a.Value(i))
	case *array.Float64:
		return a.Value(i)
	case *array.String:
		return a.Value(i)
	case *array.Binary:
		return string(a.Value(i))
	case *array.Decimal128:
		return a.Value(i)
	}
	return fmt.Sprintf("?%T", a)
}

// otherBack reads a file by parquet-go, as its plain values.
func otherBack(t failer, raw []byte, columns []columnar.Column) [][]any {
	t.Helper()
	f, err := other.OpenFile(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	out := make([][]any, len(columns))
	for _, g := range f.RowGroups() {
		rows := g.Rows()
		buf := make([]other.Row, 64)
		for {
			n, err := rows.ReadRows(buf)
			for _, row := range buf[:n] {
				for i, v := range row {
					out[i] = append(out[i], otherValue(v, columns[i].Type))
				}
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
	return out
}

func otherValue(v other.Value, of columnar.Type) any {
	if v.IsNull() {
		return nil
	}
	switch of.Kind {
	case columnar.Boolean:
		return v.Boolean()
	case columnar.Float:
		return float64(v.Float())
	case columnar.Double:
		return v.Double()
	case columnar.Decimal:
		switch v.Kind() {
		case other.Int32:
			return decimal128.FromI64(int64(v.Int32()))
		case other.Int64:
			return decimal128.FromI64(v.Int64())
		}
		n := new(big.Int).SetBytes(v.ByteArray())
		if b := v.ByteArray(); b[0]&0x80 != 0 {
			n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
		}
		return decimal128.FromBigInt(n)
	}
	switch v.Kind() {
	case other.Int32:
		return int64(v.Int32())
	case other.Int64:
		return v.Int64()
	}
	return string(v.ByteArray())
}

// failer is what testing.T and rapid.T have in common.
type failer interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

func same(t failer, who string, got, want [][]any) {
	t.Helper()
	for i := range want {
		if len(got[i]) != len(want[i]) {
			t.Fatalf("%s reads %d rows of column %d, want %d", who, len(got[i]), i, len(want[i]))
		}
		for j := range want[i] {
			g, w := got[i][j], want[i][j]
			if f, ok := w.(float64); ok && f != f {
				if f, ok := g.(float64); ok && f != f {
					continue
				}
			}
			if g != w {
				t.Fatalf("%s reads %v (%T) in column %d, row %d, want %v (%T)", who, g, g, i, j, w, w)
			}
		}
	}
}

// footer compares what our own reader finds in the footer with the values.
func footer(t failer, raw []byte, columns []columnar.Column, want [][]any) {
	t.Helper()
	p, err := columnar.ReadParquet("flows", bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range columns {
		got := p.Columns[i].Type
		expect := c.Type
		if expect.Text() {
			expect = columnar.Type{Kind: columnar.String}
		}
		if got.String() != expect.String() || p.Columns[i].UTC {
			t.Fatalf("column %s is %v in the file, want %v", c.Name, p.Columns[i], expect)
		}
	}
	at := 0
	for _, g := range p.Groups {
		for i, chunk := range g.Chunks {
			values := want[i][at : at+int(g.Rows)]
			nulls := int64(0)
			for _, v := range values {
				if v == nil {
					nulls++
				}
			}
			if chunk.Nulls != nulls || chunk.Values != g.Rows {
				t.Fatalf("column %d: %d NULLs of %d, want %d of %d", i, chunk.Nulls, chunk.Values, nulls, g.Rows)
			}
			low, high, ok := p.Leaves[i].Bounds(chunk)
			if !ok {
				continue
			}
			for _, v := range values {
				if v != nil && (less(v, low) || less(high, v)) {
					t.Fatalf("column %d: %v is not from %v to %v", i, v, low, high)
				}
			}
			if !slices.Contains(values, low) || !slices.Contains(values, high) {
				if s, isText := high.(string); !isText || len(s) < 50 && len(low.(string)) < 50 {
					if f, isFloat := low.(float64); !isFloat || f != 0 && high.(float64) != 0 {
						t.Fatalf("column %d: bounds %v and %v are no values", i, low, high)
					}
				}
			}
		}
		at += int(g.Rows)
	}
}

func less(a, b any) bool {
	switch a := a.(type) {
	case int64:
		return a < b.(int64)
	case float64:
		return a < b.(float64)
	case string:
		return a < b.(string)
	case bool:
		return !a && b.(bool)
	}
	return false
}
