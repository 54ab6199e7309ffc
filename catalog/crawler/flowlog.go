package crawler

import (
	"bytes"

	"flowlake/columnar"
	"flowlake/flow"
)

// exportColumn is the column of the time that a CloudWatch Logs export writes in front of each line. It
// is a string: Hive reads no timestamp with a T and a Z.
const exportColumn = "event_time"

// classifyFlow recognises the text format of VPC flow logs: by the header line that files delivered to
// S3 begin with, or by what the columns of the default format hold. Lines that a CloudWatch Logs
// export wrote have the event's time as one more column in front. The table is blank-delimited,
// where "-" reads as NULL in every column of numbers.
func classifyFlow(lines [][]byte) verdict {
	v := verdict{classifier: "vpcflowlogs", rows: -1, records: len(lines)}
	if len(lines) == 0 {
		return v
	}
	v.format = format{classification: "vpcflowlogs", serde: serdeLazy, positional: true,
		serdeParams: map[string]string{"field.delim": " ", "serialization.format": " "}}
	add := func(fields []flow.Field) {
		for _, f := range fields {
			t, _ := columnar.ParseType(f.Type.Hive())
			v.columns = append(v.columns, column{f.Column(), t})
		}
	}
	if fields, ok := flow.ParseHeader(lines[0]); ok && len(fields) > 2 {
		records := lines[1:]
		for _, line := range records {
			if bytes.Count(line, []byte{' '}) == len(fields)-1 {
				v.matched++
			}
		}
		v.matched++ // the header line
		v.certainty = float64(v.matched) / float64(len(lines))
		v.format.params = map[string]string{"skip.header.line.count": "1"}
		add(fields)
		return v
	}
	exported := 0
	for _, line := range lines {
		if _, ok := flow.Recognise(line); ok {
			v.matched++
			if _, _, ok := flow.CutExportTimestamp(line); ok {
				exported++
			}
		}
	}
	if exported > 0 {
		if exported < v.matched { // two layouts of columns in one file
			v.matched = max(exported, v.matched-exported)
		}
		if exported == v.matched {
			v.columns = append(v.columns, column{exportColumn, columnar.Type{Kind: columnar.String}})
		}
	}
	v.certainty = float64(v.matched) / float64(len(lines))
	add(flow.DefaultFormat())
	return v
}

// flowFormat names the flow-log format that more than half of the lines have, "" when they have none.
func flowFormat(lines [][]byte) string {
	if len(lines) == 0 {
		return ""
	}
	if fields, ok := flow.ParseHeader(lines[0]); ok && len(fields) > 2 {
		return "header " + flow.FormatString(fields)
	}
	known, exported := 0, 0
	for _, line := range lines {
		if _, ok := flow.Recognise(line); ok {
			known++
			if _, _, ok := flow.CutExportTimestamp(line); ok {
				exported++
			}
		}
	}
	switch {
	case 2*known <= len(lines):
		return ""
	case 2*exported > len(lines):
		return "default format, exported"
	}
	return "default format"
}
