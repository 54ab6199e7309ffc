package crawler

import (
	"flowlake/columnar"
	"flowlake/flow"
)

// classifyGrok tries a custom Grok classifier. It is certain when more than half of the sampled lines
// match: real logs hold lines that a pattern does not cover (NODATA records under the usual flow-log
// pattern), and they become rows of NULLs rather than make the file unknown. Below that its certainty is the share.
//
// Glue does not say how its own Grok classifiers come to their certainty.
func classifyGrok(cl custom, lines [][]byte) verdict {
	fields := cl.pattern.Fields()
	v := verdict{rows: -1, records: len(lines), pattern: cl.pattern}
	if len(fields) == 0 {
		return v // nothing is named: there would be no column
	}
	values := make([][]byte, len(fields))
	header := false
	for i, line := range lines {
		if cl.pattern.Match(line, values) {
			v.matched++
		} else if i == 0 {
			_, header = flow.ParseHeader(line)
		}
	}
	lineCount := len(lines)
	v.format = format{classification: cl.Grok.Classification, serde: serdeGrok, positional: true,
		serdeParams: map[string]string{"input.format": cl.Grok.Pattern}}
	if cl.Grok.CustomPatterns != "" {
		v.format.serdeParams["input.grokCustomPatterns"] = cl.Grok.CustomPatterns
	}
	if header {
		lineCount--
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
	case 2*v.matched > lineCount:
		v.certainty = 1
	default:
		v.certainty = float64(v.matched) / float64(lineCount)
	}
	return v
}
