package flow

import (
	"bytes"
	"net/netip"
)

// ParseHeader reports whether line is the header line of a text file that flow logs wrote to S3: every column
// is a field's name, none twice. The order is the file's own (AWS often writes it alphabetically);
// names may be spelled with "-" or "_".
func ParseHeader(line []byte) (fields []Field, ok bool) {
	line = bytes.TrimRight(line, " \r\n")
	if len(line) == 0 || len(line) > 4096 { // all field names together have fewer than 2,000 bytes
		return nil, false
	}
	var seen [128]bool
	for column := range bytes.SplitSeq(line, []byte{' '}) {
		i, known := byName[string(column)]
		if !known || seen[i] {
			return nil, false
		}
		seen[i] = true
		fields = append(fields, catalogue[i])
	}
	return fields, true
}

// CutExportTimestamp takes off the time of the event that a CloudWatch Logs export writes in front of
// each line, as in "2026-01-01T00:00:00.000Z 2 1234…". Both parts point into line.
func CutExportTimestamp(line []byte) (stamp, rest []byte, ok bool) {
	const shape = "dddd-dd-ddTdd:dd:dd.dddZ"
	if len(line) <= len(shape) || line[len(shape)] != ' ' {
		return nil, line, false
	}
	for i := range len(shape) {
		if shape[i] == 'd' {
			if line[i] < '0' || line[i] > '9' {
				return nil, line, false
			}
		} else if line[i] != shape[i] {
			return nil, line, false
		}
	}
	return line[:len(shape)], line[len(shape)+1:], true
}

// Recognise reports whether line is a record in the default format, by what its 14 columns hold, and
// returns that format. An export timestamp in front is no obstacle (CutExportTimestamp takes it
// off). NODATA and SKIPDATA records are recognised too.
//
// Other formats cannot be told from the columns of a record: they need a header or a format string.
func Recognise(line []byte) (fields []Field, ok bool) {
	_, line, _ = CutExportTimestamp(line)
	var columns [14][]byte
	n := 0
	for column := range bytes.SplitSeq(line, []byte{' '}) {
		if n == len(columns) {
			return nil, false
		}
		columns[n] = column
		n++
	}
	if n != len(columns) || string(columns[0]) != "2" {
		return nil, false
	}
	if !digits(columns[1]) && string(columns[1]) != "unknown" || len(columns[2]) == 0 {
		return nil, false
	}
	for _, c := range columns[3:5] {
		if !absent(c) && !address(c) {
			return nil, false
		}
	}
	for _, c := range columns[5:10] {
		if !absent(c) && !digits(c) {
			return nil, false
		}
	}
	if !digits(columns[10]) || !digits(columns[11]) {
		return nil, false
	}
	switch string(columns[12]) {
	case "ACCEPT", "REJECT", "-":
	default:
		return nil, false
	}
	switch string(columns[13]) {
	case "OK", "NODATA", "SKIPDATA":
	default:
		return nil, false
	}
	return DefaultFormat(), true
}

func absent(column []byte) bool { return len(column) == 1 && column[0] == '-' }

func digits(column []byte) bool {
	for _, c := range column {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(column) > 0 && len(column) <= 19
}

func address(column []byte) bool {
	if len(column) > 45 { // the longest text of an IPv6 address
		return false
	}
	_, err := netip.ParseAddr(string(column))
	return err == nil
}
