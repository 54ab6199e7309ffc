package flow

import (
	"fmt"
	"strings"

	"flowlake/fault"
)

// ParseFormat reads a log format as CreateFlowLogs takes it: "${version} ${account-id}".
// Blanks around and between the fields may be any number.
//
// It returns a fault.Invalid error for anything between fields but blanks, for a field named twice, for a
// format of no fields, and for an unknown field, with the closest known name.
func ParseFormat(format string) ([]Field, error) {
	const subject = "log format"
	var fields []Field
	seen := map[string]bool{}
	rest := strings.TrimSpace(format)
	if rest == "" {
		return nil, fault.Newf(fault.Invalid, subject, "it names no field; the shortest is ${version}")
	}
	for rest != "" {
		place := len(format) - len(rest)
		if !strings.HasPrefix(rest, "${") {
			word, _, _ := strings.Cut(rest, " ")
			return nil, fault.Newf(fault.Invalid, subject, "at character %d: found %q where a field, ${…}, should begin", place+1, word)
		}
		end := strings.IndexByte(rest, '}')
		if end < 0 {
			return nil, fault.Newf(fault.Invalid, subject, "at character %d: ${ is not closed", place+1)
		}
		name := rest[2:end]
		f, ok := Lookup(name)
		if !ok {
			return nil, unknownField(subject, name)
		}
		if seen[f.Name] {
			return nil, fault.Newf(fault.Invalid, subject, "field %s is named twice", f.Name)
		}
		seen[f.Name] = true
		fields = append(fields, f)
		after := rest[end+1:]
		rest = strings.TrimLeft(after, " \t")
		if rest != "" && rest == after {
			return nil, fault.Newf(fault.Invalid, subject, "no blank after field %s", f.Name)
		}
	}
	return fields, nil
}

// FormatString writes fields as a log format, which ParseFormat reads.
func FormatString(fields []Field) string {
	var b strings.Builder
	for i, f := range fields {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString("${")
		b.WriteString(f.Name)
		b.WriteByte('}')
	}
	return b.String()
}

func unknownField(subject, name string) error {
	if near, ok := closest(name); ok {
		return fault.Newf(fault.Invalid, subject, "unknown field %q; did you mean %s?", name, near)
	}
	return fault.Newf(fault.Invalid, subject, "unknown field %q", name)
}

// closest returns the field name that is the fewest edits away from name, if it is near enough to be
// a slip of the hand: a third of the name's length, at least two edits.
func closest(name string) (string, bool) {
	name = strings.ReplaceAll(strings.ToLower(name), "_", "-")
	if len(name) > 64 { // longer than any field by far
		return "", false
	}
	best, bestEdits := "", max(2, len(name)/3)+1
	for _, f := range catalogue {
		if d := edits(name, f.Name); d < bestEdits {
			best, bestEdits = f.Name, d
		}
	}
	return best, best != ""
}

// edits is the Levenshtein distance over bytes.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}

// Header writes fields as the first line of a text file in S3, without a line end.
func Header(fields []Field) string {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.Name
	}
	return strings.Join(names, " ")
}

func (f Field) describe() string { return fmt.Sprintf("column %s", f.Name) }
