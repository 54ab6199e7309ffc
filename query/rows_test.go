package query

import (
	"errors"
	"io"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"flowlake/fault"
)

// writeRow writes a row as Athena's CSV has it: all values in quotes, nothing for NULL.
func writeRow(b *strings.Builder, row []*string) {
	for i, v := range row {
		if i > 0 {
			b.WriteByte(',')
		}
		if v != nil {
			b.WriteString(`"` + strings.ReplaceAll(*v, `"`, `""`) + `"`)
		}
	}
	b.WriteByte('\n')
}

func readAll(text string, csv bool) (rows [][]*string, offset int64, err error) {
	r := newRowReader(strings.NewReader(text), csv, 0)
	for {
		row, err := r.next()
		if errors.Is(err, io.EOF) {
			return rows, r.offset, nil
		}
		if err != nil {
			return rows, r.offset, err
		}
		rows = append(rows, row)
	}
}

func equal(a, b []*string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if (a[i] == nil) != (b[i] == nil) || a[i] != nil && *a[i] != *b[i] {
			return false
		}
	}
	return true
}

func TestRowsAreReadAsTheyWereWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		width := rapid.IntRange(1, 4).Draw(t, "columns")
		var want [][]*string
		var b strings.Builder
		var ends []int64
		for range rapid.IntRange(0, 6).Draw(t, "rows") {
			row := make([]*string, width)
			for i := range row {
				if rapid.Bool().Draw(t, "value") {
					v := rapid.StringOf(rapid.SampledFrom([]rune("a\",\n\r\x00é한 "))).Draw(t, "text")
					row[i] = &v
				}
			}
			want = append(want, row)
			writeRow(&b, row)
			ends = append(ends, int64(b.Len()))
		}
		got, offset, err := readAll(b.String(), true)
		if err != nil || len(got) != len(want) || offset != int64(b.Len()) {
			t.Fatalf("got %d rows to byte %d, %v; want %d to %d", len(got), offset, err, len(want), b.Len())
		}
		for i := range want {
			if !equal(got[i], want[i]) {
				t.Fatalf("row %d of %q differs", i, b.String())
			}
		}
		if len(ends) > 0 { // a page that begins behind any row reads the rest
			at := rapid.IntRange(0, len(ends)-1).Draw(t, "page")
			rest, _, err := readAll(b.String()[ends[at]:], true)
			if err != nil || len(rest) != len(want)-at-1 {
				t.Fatalf("behind row %d: %d rows, %v", at, len(rest), err)
			}
		}
	})
}

func TestRowsThatAreNone(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"no quotes", "a\n", "a value is not in quotes"},
		{"an end inside a value", `"a`, "ends inside a value"},
		{"text behind a value", `"a"b`, "something follows a value's closing quote"},
		{"a carriage return behind a value", "\"a\"\r\n", "something follows"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := readAll(tt.text, true)
			if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
	t.Run("the last row needs no end of line", func(t *testing.T) {
		rows, _, err := readAll("\"a\",\"b\"", true)
		if err != nil || len(rows) != 1 || len(rows[0]) != 2 {
			t.Errorf("got %v, %v", rows, err)
		}
		rows, _, err = readAll("\"a\",", true)
		if err != nil || len(rows) != 1 || len(rows[0]) != 2 || rows[0][1] != nil {
			t.Errorf("got %v, %v", rows, err)
		}
	})
	t.Run("a line longer than a row may be", func(t *testing.T) {
		_, _, err := readAll(strings.Repeat("x", maxRow+1), false)
		if !fault.Is(err, fault.TooLarge) {
			t.Errorf("got %v", err)
		}
	})
}

// FuzzRows claims: no panic, an end, no row that takes no byte, and what was read can be written and read again.
func FuzzRows(f *testing.F) {
	for _, s := range []string{"", "\n", "\"a\",,\"b\"\"\"\n", ",\n,", `"`, "\"a\"\n\"", "a\nb"} {
		f.Add(s, true)
		f.Add(s, false)
	}
	f.Fuzz(func(t *testing.T, text string, csv bool) {
		rows, offset, err := readAll(text, csv)
		if int64(len(rows)) > offset || offset > int64(len(text)) {
			t.Fatalf("%d rows from %d of %d bytes", len(rows), offset, len(text))
		}
		if err != nil || !csv {
			return
		}
		var b strings.Builder
		for _, r := range rows {
			writeRow(&b, r)
		}
		again, _, err := readAll(b.String(), true)
		if err != nil || len(again) != len(rows) {
			t.Fatalf("%q became %q: %d rows, %v", text, b.String(), len(again), err)
		}
		for i := range rows {
			if !equal(rows[i], again[i]) {
				t.Fatalf("row %d of %q differs", i, text)
			}
		}
	})
}
