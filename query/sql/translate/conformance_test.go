package translate_test

import (
	"bufio"
	_ "embed"
	"strings"
	"testing"
)

// conformance has one Trino expression a line, " => " and its value as text; or " !> " and how the error begins.
//
//go:embed testdata/conformance.txt
var conformance string

func TestConformance(t *testing.T) {
	in := bufio.NewScanner(strings.NewReader(conformance))
	n, rows := 0, 0
	for in.Scan() {
		n++
		line := strings.TrimLeft(in.Text(), " ")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		rows++
		if x, want, ok := strings.Cut(line, " !> "); ok {
			got, err := run(t, query(x))
			if err == nil {
				t.Errorf("line %d: %s gives %v, want the error %s", n, x, got, want)
			} else if m := message(err); !strings.Contains(m, want) {
				t.Errorf("line %d: %s\n got %s\nwant %s", n, x, m, want)
			}
			continue
		}
		x, want, ok := strings.Cut(line, " => ")
		if !ok {
			t.Errorf("line %d has no => or !>: %s", n, line)
			continue
		}
		got, err := run(t, query(x))
		if err != nil {
			t.Errorf("line %d: %s: %v", n, x, err)
		} else if text := strings.Join(got, " ; "); text != want {
			t.Errorf("line %d: %s\n got %s\nwant %s", n, x, text, want)
		}
	}
	if rows < 300 {
		t.Errorf("the table has %d rows", rows)
	}
}

// query makes an expression a query; what begins with SELECT, WITH, VALUES or TABLE is one already.
func query(x string) string {
	first, _, _ := strings.Cut(x, " ")
	switch strings.ToUpper(first) {
	case "SELECT", "WITH", "VALUES", "TABLE", "(SELECT":
		return x
	}
	return "SELECT " + x
}
