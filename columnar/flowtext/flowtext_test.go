package flowtext

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"pgregory.net/rapid"

	"flowlake/columnar"
	"flowlake/columnar/parquet"
	"flowlake/fault"
	"flowlake/flow"
	"flowlake/flow/synthetic"
)

const (
	accepted = "2 123456789010 eni-1235b8ca123456789 172.31.16.139 172.31.16.21 20641 22 6 20 4249 1418530010 1418530070 ACCEPT OK"
	nodata   = "2 123456789010 eni-1a2b3c4d - - - - - - - 1431280876 1431280934 - NODATA"
	stamp    = "2018-09-22T20:28:14.000Z "
)

func columnsOf(fields []flow.Field) []columnar.Column {
	var out []columnar.Column
	for _, f := range fields {
		out = append(out, column(f.Column(), f.Type.Hive()))
	}
	return out
}

func column(name, of string) columnar.Column {
	t, err := columnar.ParseType(of)
	if err != nil {
		panic(err)
	}
	return columnar.Column{Name: name, Type: t}
}

func synthetics(t testing.TB, n int, fields []flow.Field) []byte {
	g, err := synthetic.New(synthetic.Config{Seed: 1, Rows: n, Fields: fields, Start: time.Unix(1_767_225_600, 0)})
	if err != nil {
		t.Fatal(err)
	}
	var b []byte
	for {
		var ok bool
		if b, ok = g.Next(b); !ok {
			return b
		}
		b = append(b, '\n')
	}
}

type failer interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// converted is what a text becomes: its rows as text, NULL as "-", and its bad lines.
func converted(t failer, columns []columnar.Column, o Options, r io.Reader) (rows []string, bad []string, stats Stats, err error) {
	t.Helper()
	c, err := New(columns, o)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w, err := parquet.NewWriter(&out, columns, parquet.Options{})
	if err != nil {
		t.Fatal(err)
	}
	stats, err = c.Read(context.Background(), "flows.log", r, Sink{Route: To(w), Bad: func(line int64, text []byte, reason error) error {
		bad = append(bad, fmt.Sprintf("%d: %.100s: %v", line, text, reason))
		return nil
	}})
	if _, err := w.Close(); err != nil {
		t.Fatal(err)
	}
	rows = rowsOf(t, out.Bytes())
	if len(rows) != int(stats.Rows) || len(bad) != int(stats.Bad) {
		t.Fatalf("%d rows and %d bad lines are counted as %+v", len(rows), len(bad), stats)
	}
	return rows, bad, stats, err
}

func rowsOf(t failer, raw []byte) []string {
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
	rows := make([][]string, table.NumRows())
	for i := range int(table.NumCols()) {
		at := 0
		for _, chunk := range table.Column(i).Data().Chunks() {
			for j := range chunk.Len() {
				v := "-"
				if !chunk.IsNull(j) {
					v = chunk.ValueStr(j)
				}
				rows[at] = append(rows[at], v)
				at++
			}
		}
	}
	out := make([]string, len(rows))
	for i, r := range rows {
		out[i] = strings.Join(r, " ")
	}
	return out
}

func zip(text string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	io.WriteString(z, text)
	z.Close()
	return b.String()
}

func TestRead(t *testing.T) {
	standard := columnsOf(flow.DefaultFormat())
	alphabetical := flow.DefaultFormat()
	slices.SortFunc(alphabetical, func(a, b flow.Field) int { return strings.Compare(a.Name, b.Name) })
	reordered := func(line string) string {
		r, err := flow.Parse(flow.DefaultFormat(), []byte(line))
		if err != nil {
			t.Fatal(err)
		}
		var parts []string
		for _, f := range alphabetical {
			v := r.Get(f.Name)
			switch {
			case v.Null():
				parts = append(parts, "-")
			case f.Type == flow.String:
				parts = append(parts, v.Text())
			default:
				parts = append(parts, fmt.Sprint(v.Int()))
			}
		}
		return strings.Join(parts, " ")
	}
	both := []string{accepted, nodata}
	for _, row := range []struct {
		name, text string
		o          Options
		want       []string
		bad        []string
	}{
		{"the_default_format", accepted + "\n" + nodata + "\n", Options{}, both, nil},
		{"a_last_line_without_an_end", accepted + "\n" + nodata, Options{}, both, nil},
		{"CR_LF", accepted + "\r\n" + nodata + "\r\n", Options{}, both, nil},
		{"empty_lines", "\n\n" + accepted + "\n\n" + nodata + "\n\n", Options{}, both, nil},
		{"a_byte_order_mark", "\xef\xbb\xbf" + accepted + "\n" + nodata, Options{}, both, nil},
		{"an_export", stamp + accepted + "\n" + stamp + nodata + "\n", Options{}, both, nil},
		{"gzip", zip(accepted + "\n" + nodata + "\n"), Options{}, both, nil},
		{"gzip_of_several_members", zip(accepted+"\n"+nodata[:20]) + zip(nodata[20:]), Options{}, both, nil},
		{"a_header", flow.Header(flow.DefaultFormat()) + "\n" + accepted + "\n" + nodata, Options{}, both, nil},
		{"a_header_with_underscores", strings.ReplaceAll(flow.Header(flow.DefaultFormat()), "-", "_") + "\n" + accepted + "\n" + nodata, Options{}, both, nil},
		{"an_alphabetical_header", flow.Header(alphabetical) + "\n" + reordered(accepted) + "\n" + reordered(nodata), Options{}, both, nil},
		{"a_header_against_the_given_format", flow.Header(alphabetical) + "\n" + reordered(accepted) + "\n" + reordered(nodata), Options{Fields: flow.DefaultFormat()}, both, nil},
		{"a_given_format", reordered(accepted) + "\n" + reordered(nodata), Options{Fields: alphabetical}, both, nil},
		{"joined_files_with_headers", flow.Header(flow.DefaultFormat()) + "\n" + accepted + "\n" + flow.Header(alphabetical) + "\n" + reordered(nodata), Options{}, both, nil},
		{"nothing", "", Options{}, nil, nil},
		{"bad_lines_beside_good_ones", accepted + " x\n" + accepted + "\nhalf a\n" + strings.Replace(accepted, " 22 ", " ssh ", 1) + "\n" + nodata + "\n" + accepted[:50], Options{}, both,
			[]string{"1: " + accepted[:100] + ": flow record: it has 15 columns", "3: half a: column version", "4: " + strings.Replace(accepted, " 22 ", " ssh ", 1)[:100] + `: column dstport: "ssh" is not a number`, "6: "}},
		{"a_line_longer_than_any_record", accepted + "\n" + strings.Repeat("x", 3*MaxLine) + "\n" + nodata, Options{}, both, []string{"2: xxxx"}},
		{"binary_rubbish_between", accepted + "\n\x00\x01\x02 \xff\n" + nodata, Options{}, both, []string{"2: \x00"}},
	} {
		t.Run("reads_"+row.name, func(t *testing.T) {
			for _, r := range []io.Reader{strings.NewReader(row.text), iotest.OneByteReader(strings.NewReader(row.text))} {
				got, bad, _, err := converted(t, standard, row.o, r)
				if err != nil || !slices.Equal(got, row.want) {
					t.Fatalf("got %q, %v, want %q", got, err, row.want)
				}
				if len(bad) != len(row.bad) {
					t.Fatalf("bad lines %q, want %q", bad, row.bad)
				}
				for i := range bad {
					if !strings.HasPrefix(bad[i], row.bad[i]) {
						t.Errorf("bad line %q, want %q", bad[i], row.bad[i])
					}
				}
			}
		})
	}
	t.Run("every_field_of_every_version", func(t *testing.T) {
		text := synthetics(t, 20_000, flow.Fields())
		got, bad, stats, err := converted(t, columnsOf(flow.Fields()), Options{Fields: flow.Fields()}, bytes.NewReader(text))
		if err != nil || len(bad) > 0 || stats.Bytes != int64(len(text)) {
			t.Fatalf("%v, %q, %+v", err, bad, stats)
		}
		if want := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n"); !slices.Equal(got, want) {
			t.Fatal("rows differ from lines")
		}
	})
	t.Run("values_take_the_table's_types", func(t *testing.T) {
		columns := []columnar.Column{column("Account-ID", "bigint"), column("dstport", "string"), column("srcport", "decimal(10,2)"), column("start", "timestamp"), column("END", "date"),
			column("bytes", "double"), column("packets", "int"), column("protocol", "tinyint"), column("action", "varchar(3)"), column("nowhere", "string"), column("sender", "string")}
		o := Options{Names: map[string]string{"sender": "srcaddr"}}
		got, _, _, err := converted(t, columns, o, strings.NewReader(accepted+"\n"+strings.Replace(accepted, "1418530010", "1418530010123", 1)))
		want := "123456789010 22 20641 2014-12-14T04:06:50 2014-12-14 4249 20 6 ACC - 172.31.16.139"
		if err != nil || len(got) != 2 || got[0] != want || !strings.Contains(got[1], "04:06:50.123") {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
		for _, change := range []struct{ old, new, column string }{
			{"123456789010", "unknown", "Account-ID"}, {" 6 ", " 200 ", "protocol"}, {" 20 ", " 3000000000 ", "packets"}, {"1418530010", "9223372036854775807", "start"}, {" 20641 ", " 2000000000 ", "srcport"}} {
			got, bad, _, err := converted(t, columns, o, strings.NewReader(accepted+"\n"+strings.Replace(accepted, change.old, change.new, 1)))
			if err != nil || len(got) != 1 || len(bad) != 1 || !strings.Contains(bad[0], "column "+change.column) {
				t.Errorf("%s for %s: %q, %q, %v", change.new, change.old, got, bad, err)
			}
		}
	})
	t.Run("refuses_a_file_whose_format_nothing_tells", func(t *testing.T) {
		_, _, _, err := converted(t, standard, Options{}, strings.NewReader("the quick brown fox\njumps\n"))
		if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "flows.log") || !strings.Contains(err.Error(), "format") {
			t.Error(err)
		}
	})
	t.Run("refuses_a_table_that_takes_nothing", func(t *testing.T) {
		_, _, _, err := converted(t, []columnar.Column{column("colour", "string")}, Options{}, strings.NewReader(accepted))
		if !fault.Is(err, fault.Invalid) {
			t.Error(err)
		}
		if _, err := New([]columnar.Column{column("srcaddr", "boolean")}, Options{}); !fault.Is(err, fault.Invalid) {
			t.Error(err)
		}
		if _, err := New([]columnar.Column{column("srcaddr", "array<string>")}, Options{}); !fault.Is(err, fault.Unsupported) {
			t.Error(err)
		}
	})
	t.Run("gives_the_rows_before_corrupt_gzip", func(t *testing.T) {
		raw := zip(string(synthetics(t, 50_000, flow.DefaultFormat())))
		got, _, _, err := converted(t, standard, Options{}, strings.NewReader(raw[:len(raw)/2]))
		if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "too soon") || len(got) < 1000 {
			t.Errorf("%d rows, %v", len(got), err)
		}
	})
	t.Run("keeps_the_source's_error", func(t *testing.T) {
		own := errors.New("cable cut")
		_, _, _, err := converted(t, standard, Options{}, io.MultiReader(strings.NewReader(accepted+"\n"), iotest.ErrReader(own)))
		if !errors.Is(err, own) || !fault.Is(err, fault.Unavailable) {
			t.Error(err)
		}
	})
	t.Run("ends_with_the_error_of_Bad_and_of_ctx", func(t *testing.T) {
		own := errors.New("enough")
		c, _ := New(standard, Options{})
		w, _ := parquet.NewWriter(io.Discard, standard, parquet.Options{})
		_, err := c.Read(t.Context(), "x", strings.NewReader(accepted+"\nx\n"+accepted), Sink{Route: To(w), Bad: func(int64, []byte, error) error { return own }})
		if err != own || w.Rows() != 1 {
			t.Error(err, w.Rows())
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := c.Read(ctx, "x", strings.NewReader(accepted), Sink{Route: To(w)}); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

func TestRoute(t *testing.T) {
	t.Run("each_row_goes_to_the_writer_of_its_hour", func(t *testing.T) {
		columns := columnsOf(flow.DefaultFormat())
		text := synthetics(t, 50_000, flow.DefaultFormat())
		c, err := New(columns, Options{})
		if err != nil {
			t.Fatal(err)
		}
		outs, writers, asked := map[int64]*bytes.Buffer{}, map[int64]*parquet.Writer{}, 0
		stats, err := c.Read(t.Context(), "x", bytes.NewReader(text), Sink{Route: func(at int64, ok bool) (*parquet.Writer, int64, int64, error) {
			asked++
			hour := at / 3600
			if writers[hour] == nil {
				outs[hour] = &bytes.Buffer{}
				writers[hour], _ = parquet.NewWriter(outs[hour], columns, parquet.Options{})
			}
			return writers[hour], hour * 3600, (hour + 1) * 3600, nil
		}})
		if err != nil || stats.Rows != 50_000 || asked > 2500 {
			t.Fatal(stats, err, asked)
		}
		var all []string
		for hour, w := range writers {
			if _, err := w.Close(); err != nil {
				t.Fatal(err)
			}
			for _, row := range rowsOf(t, outs[hour].Bytes()) {
				r, err := flow.Parse(flow.DefaultFormat(), []byte(row))
				if at, _ := r.Time(); err != nil || at.Unix()/3600 != hour {
					t.Fatalf("hour %d has %s, %v", hour, row, err)
				}
				all = append(all, row)
			}
		}
		want := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
		slices.Sort(all)
		slices.Sort(want)
		if len(writers) < 3 || !slices.Equal(all, want) {
			t.Errorf("%d hours, %d rows", len(writers), len(all))
		}
	})
	t.Run("a_record_without_a_time_is_asked_for_alone", func(t *testing.T) {
		fields, _ := flow.ParseFormat("${srcaddr} ${bytes}")
		c, _ := New(columnsOf(fields), Options{Fields: fields})
		w, _ := parquet.NewWriter(io.Discard, columnsOf(fields), parquet.Options{})
		asked := 0
		stats, err := c.Read(t.Context(), "x", strings.NewReader("10.0.0.1 5\n10.0.0.2 6\n"), Sink{Route: func(_ int64, ok bool) (*parquet.Writer, int64, int64, error) {
			if asked++; ok {
				t.Error("there is a time")
			}
			return w, math.MinInt64, math.MaxInt64, nil
		}})
		if err != nil || stats.Rows != 2 || asked != 2 {
			t.Error(stats, err, asked)
		}
	})
}

// agrees compares with flow.Parse, line by line.
func agrees(t failer, fields []flow.Field, text []byte) {
	t.Helper()
	got, bad, stats, err := converted(t, columnsOf(fields), Options{Fields: fields}, bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	wrong, lines := 0, 0
	for line := range bytes.SplitSeq(text, []byte{'\n'}) {
		line = bytes.TrimSuffix(line, []byte{'\r'})
		if len(line) == 0 {
			continue
		}
		lines++
		if _, rest, ok := flow.CutExportTimestamp(line); ok {
			line = rest
		}
		if r, err := flow.Parse(fields, line); err == nil {
			want = append(want, strings.ToValidUTF8(r.String(), "\uFFFD"))
		} else {
			wrong++
		}
	}
	if !slices.Equal(got, want) || len(bad) != wrong || int(stats.Rows+stats.Bad) != lines {
		t.Fatalf("%q: rows %q, bad %q, want %q", text, got, bad, want)
	}
}

func TestAgreement(t *testing.T) {
	t.Run("rows_are_what_flow.Parse_takes", func(t *testing.T) {
		all := flow.Fields()
		rapid.Check(t, func(t *rapid.T) {
			fields := rapid.SliceOfNDistinct(rapid.SampledFrom(all), 1, 12, func(f flow.Field) string { return f.Name }).Draw(t, "fields")
			var text []byte
			for range rapid.IntRange(1, 8).Draw(t, "lines") {
				for i, f := range fields {
					if i > 0 {
						text = append(text, ' ')
					}
					switch rapid.IntRange(0, 9).Draw(t, "kind") {
					case 0:
						text = append(text, '-')
					case 1:
						text = append(text, rapid.StringMatching(`[-0-9a-c ]{0,20}`).Draw(t, "odd")...)
					default:
						if f.Type == flow.String {
							text = append(text, rapid.StringMatching(`[!-~]{1,30}`).Draw(t, "text")...)
						} else {
							text = append(text, rapid.StringMatching(`0{0,3}[0-9]{1,20}`).Draw(t, "number")...)
						}
					}
				}
				text = append(text, '\n')
			}
			for line := range bytes.SplitSeq(text, []byte{'\n'}) {
				if _, ok := flow.ParseHeader(line); ok {
					return
				}
			}
			agrees(t, fields, text)
		})
	})
}

func FuzzRead(f *testing.F) {
	for _, text := range []string{accepted + "\n" + nodata, stamp + accepted + "\r\n", "", "\n", " \n- -", accepted + " ", strings.Repeat("9", 40) + strings.Repeat(" 1", 13), "2  1 - - - - - - - - - - - -"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > 1<<14 || bytes.HasPrefix(text, []byte{0x1F, 0x8B}) || bytes.HasPrefix(text, []byte("\xef\xbb\xbf")) {
			return
		}
		for line := range bytes.SplitSeq(text, []byte{'\n'}) {
			line = bytes.TrimSuffix(line, []byte{'\r'})
			if _, rest, ok := flow.CutExportTimestamp(line); ok {
				line = rest
			}
			if _, ok := flow.ParseHeader(line); ok {
				return
			}
		}
		agrees(t, flow.DefaultFormat(), text)
	})
}

func BenchmarkRead(b *testing.B) {
	const rows = 1_000_000
	text := synthetics(b, rows, flow.DefaultFormat())
	columns := columnsOf(flow.DefaultFormat())
	for _, compression := range []parquet.Compression{parquet.Uncompressed, parquet.Snappy, parquet.Zstd} {
		b.Run(compression.String(), func(b *testing.B) {
			c, err := New(columns, Options{})
			if err != nil {
				b.Fatal(err)
			}
			w, err := parquet.NewWriter(io.Discard, columns, parquet.Options{Compression: compression})
			if err != nil {
				b.Fatal(err)
			}
			var size int64
			for b.Loop() {
				w.Reset(io.Discard)
				if stats, err := c.Read(b.Context(), "x", bytes.NewReader(text), Sink{Route: To(w)}); err != nil || stats.Rows != rows {
					b.Fatal(stats, err)
				}
				s, err := w.Close()
				if err != nil {
					b.Fatal(err)
				}
				size = s.Bytes
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/row")
			b.ReportMetric(float64(size)/rows, "B/row")
		})
	}
}
