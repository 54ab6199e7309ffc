package crawler

import (
	"bytes"
	"context"

	"flowlake/columnar"
	"flowlake/flow"
)

// classifyGrok tries a custom Grok classifier. It is certain when it matches some lines, and more than half of those
// that it can be expected to: real logs hold lines that a pattern does not cover, and they become rows of NULLs rather
// than make the file unknown. Flow-log records without data (NODATA, SKIPDATA) and a header line are not
// counted against it. Below half, its certainty is the share.
//
// Glue does not say how its own Grok classifiers come to their certainty.
func classifyGrok(ctx context.Context, cl custom, lines [][]byte) verdict {
	fields := cl.pattern.Fields()
	v := verdict{rows: -1, records: len(lines), pattern: cl.pattern}
	if len(fields) == 0 {
		return v // nothing is named: there would be no column
	}
	values := make([][]byte, len(fields))
	header, expected := false, len(lines)
	for i, line := range lines {
		if ctx.Err() != nil {
			return v // the crawl is over: nobody reads the verdict
		}
		if cl.pattern.Match(line, values) {
			v.matched++
			continue
		}
		if _, ok := flow.ParseHeader(line); ok && i == 0 {
			header = true
			expected--
		} else if withoutData(line) {
			expected--
		}
	}
	v.format = format{classification: cl.Grok.Classification, serde: serdeGrok, positional: true,
		serdeParams: map[string]string{"input.format": cl.Grok.Pattern}}
	if cl.Grok.CustomPatterns != "" {
		v.format.serdeParams["input.grokCustomPatterns"] = cl.Grok.CustomPatterns
	}
	if header {
		v.format.params = map[string]string{"skip.header.line.count": "1"}
	}
	for _, f := range fields {
		t, err := columnar.ParseType(f.Type)
		if err != nil {
			t = columnar.Type{Kind: columnar.String}
		}
		v.columns = append(v.columns, column{f.Name, t})
	}
	switch {
	case v.matched == 0:
	case 2*v.matched > expected:
		v.certainty = 1
	default:
		v.certainty = float64(v.matched) / float64(expected)
	}
	return v
}

// withoutData reports whether a line is a flow-log record that holds no flow.
func withoutData(line []byte) bool {
	if !bytes.HasSuffix(line, []byte(" NODATA")) && !bytes.HasSuffix(line, []byte(" SKIPDATA")) {
		return false
	}
	_, ok := flow.Recognise(line)
	return ok
}
