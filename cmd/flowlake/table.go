package main

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/athena/types"
	"github.com/rivo/uniseg"
)

// maxCell is the widest a table's cell is shown beside others; the other outputs never cut.
const maxCell = 80

// tableRows writes an aligned table. The first page of rows sizes the columns; a later, wider value
// pushes its own line out, and nothing is lost.
type tableRows struct {
	w       io.Writer
	columns []types.ColumnInfo
	indent  string // before each line
	width   int    // of the whole table: the columns that do not fit are left out, the first stay; 0: any
	keep    string // a column that is never left out

	pending [][]string
	widths  []int  // in a terminal's cells
	out     []bool // the columns that are left out
	count   int
}

func (t *tableRows) row(data []types.Datum) error {
	cells := make([]string, len(data))
	for i, d := range data {
		if d.VarCharValue == nil {
			cells[i] = "NULL"
			continue
		}
		limit := maxCell
		if len(data) == 1 { // nothing to align with: SHOW CREATE TABLE is to be copied
			limit = math.MaxInt
		}
		cells[i] = cell(*d.VarCharValue, limit)
	}
	t.pending = append(t.pending, cells)
	t.count++
	return nil
}

// cell makes a value one line of at most so many of a terminal's cells.
func cell(v string, limit int) string {
	v = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, v)
	if uniseg.StringWidth(v) <= limit {
		return v
	}
	cut, width := 0, 0
	for g := uniseg.NewGraphemes(v); g.Next(); {
		if width += g.Width(); width >= limit {
			break
		}
		_, cut = g.Positions()
	}
	return v[:cut] + "…"
}

// fit chooses the columns to leave out.
func (t *tableRows) fit() {
	t.out = make([]bool, len(t.widths))
	if t.width == 0 {
		return
	}
	left := t.width - uniseg.StringWidth(t.indent)
	kept := func(i int) bool { return i < len(t.columns) && aws.ToString(t.columns[i].Name) == t.keep }
	for i, n := range t.widths {
		if kept(i) {
			left -= n + 2
		}
	}
	full := false
	for i, n := range t.widths {
		if kept(i) {
			continue
		}
		if full = full || i > 0 && n > left; full {
			t.out[i] = true
		}
		left -= n + 2
	}
}

// hidden names the columns that are left out.
func (t *tableRows) hidden() (labels []string) {
	for i, out := range t.out {
		if out && i < len(t.columns) {
			labels = append(labels, aws.ToString(t.columns[i].Name))
		}
	}
	return labels
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
				t.widths[i] = max(t.widths[i], uniseg.StringWidth(c))
			}
		}
		t.fit()
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
		if i < len(t.out) && t.out[i] {
			continue
		}
		if b.Len() > 0 {
			b.WriteString("  ")
		}
		pad := 0
		if i < len(t.widths) {
			pad = max(0, t.widths[i]-uniseg.StringWidth(c))
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
	some := ""
	if n := len(t.hidden()); n > 0 {
		some = fmt.Sprintf("; %d of %d columns fit, --output csv or json has all", len(t.columns)-n, len(t.columns))
	}
	_, err := fmt.Fprintf(t.w, "(%d %s%s)\n", t.count, noun, some)
	return err
}
