package main

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/athena/types"
)

// maxCell is the widest a table's cell is shown, in runes; the other outputs never cut.
const maxCell = 80

// tableRows writes an aligned table. The first page of rows sizes the columns; a later, wider value
// pushes its own line out, and nothing is lost.
type tableRows struct {
	w       io.Writer
	columns []types.ColumnInfo
	indent  string // before each line
	pending [][]string
	widths  []int
	count   int
}

func (t *tableRows) row(data []types.Datum) error {
	cells := make([]string, len(data))
	for i, d := range data {
		if d.VarCharValue == nil {
			cells[i] = "NULL"
			continue
		}
		cells[i] = cell(aws.ToString(d.VarCharValue))
	}
	t.pending = append(t.pending, cells)
	t.count++
	return nil
}

// cell makes a value one line of at most maxCell runes.
func cell(v string) string {
	v = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, v)
	if utf8.RuneCountInString(v) > maxCell {
		v = string([]rune(v)[:maxCell-1]) + "…"
	}
	return v
}

func (t *tableRows) flush() error {
	w := bufio.NewWriter(t.w)
	if t.widths == nil {
		labels := names(t.columns)
		t.widths = make([]int, len(labels))
		for _, r := range append([][]string{labels}, t.pending...) {
			for i, c := range r {
				if i >= len(t.widths) {
					t.widths = append(t.widths, 0)
				}
				t.widths[i] = max(t.widths[i], utf8.RuneCountInString(c))
			}
		}
		if len(labels) > 0 {
			t.line(w, labels)
			rule := make([]string, len(t.widths))
			for i, n := range t.widths {
				rule[i] = strings.Repeat("─", n)
			}
			t.line(w, rule)
		}
	}
	for _, r := range t.pending {
		t.line(w, r)
	}
	t.pending = t.pending[:0]
	return w.Flush()
}

func (t *tableRows) line(w *bufio.Writer, cells []string) {
	var b strings.Builder
	for i, c := range cells {
		if i > 0 {
			b.WriteString("  ")
		}
		pad := 0
		if i < len(t.widths) {
			pad = max(0, t.widths[i]-utf8.RuneCountInString(c))
		}
		if t.right(i) {
			b.WriteString(strings.Repeat(" ", pad) + c)
		} else {
			b.WriteString(c + strings.Repeat(" ", pad))
		}
	}
	w.WriteString(t.indent + strings.TrimRight(b.String(), " ") + "\n")
}

// right reports whether a column is aligned right: numbers are.
func (t *tableRows) right(i int) bool {
	if i >= len(t.columns) {
		return false
	}
	kind := aws.ToString(t.columns[i].Type)
	return kind != "boolean" && bareInJSON(kind)
}

func (t *tableRows) end() error {
	if err := t.flush(); err != nil {
		return err
	}
	if len(t.columns) == 0 {
		return nil
	}
	noun := "rows"
	if t.count == 1 {
		noun = "row"
	}
	_, err := fmt.Fprintf(t.w, "(%d %s)\n", t.count, noun)
	return err
}
