package flowlake

import (
	"bytes"
	"strings"
	"testing"

	"flowlake/fault"
	"flowlake/flow"
	"flowlake/vpc"
)

func TestRecordsAreAHeaderAndLines(t *testing.T) {
	in, err := parseRecords([]byte("interface-id srcport\neni-1 1\r\n\neni-2 2"))
	if err != nil || flow.Header(in.Fields) != "interface-id srcport" || len(in.Lines) != 2 || string(in.Lines[0]) != "eni-1 1" || string(in.Lines[1]) != "eni-2 2" {
		t.Errorf("got %q of %v, %v", in.Lines, in.Fields, err)
	}
	for _, body := range []string{"", "eni-1 1\n", "interface-id interface-id\n", "\ninterface-id\n"} {
		if _, err := parseRecords([]byte(body)); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: got %v", body, err)
		}
	}
	if _, err := parseRecords([]byte("srcport\n" + strings.Repeat("1\n", vpc.MaxPutRecords+1))); !fault.Is(err, fault.TooLarge) {
		t.Errorf("got %v", err)
	}
}

// FuzzRecords holds the parser to its promise on any body: no panic, and lines that are the body's.
func FuzzRecords(f *testing.F) {
	f.Add([]byte("interface-id srcport\neni-1 1\n"))
	f.Add([]byte("version\n\n\r\n2\r\n"))
	f.Fuzz(func(t *testing.T, body []byte) {
		in, err := parseRecords(body)
		if err != nil {
			return
		}
		if len(in.Fields) == 0 || len(in.Lines) > vpc.MaxPutRecords {
			t.Errorf("%q: %d fields, %d lines", body, len(in.Fields), len(in.Lines))
		}
		for _, line := range in.Lines {
			if len(line) == 0 || bytes.ContainsRune(line, '\n') || !bytes.Contains(body, line) {
				t.Errorf("%q: line %q", body, line)
			}
		}
	})
}
