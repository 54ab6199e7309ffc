package grok

import (
	"fmt"
	"io"
	"strconv"
	"strings"
)

// warnings says what a reader of the counts alone would not see.
func (d *doctor) warnings() (all []string) {
	add := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	if d.Lines == 0 {
		add("the input has no lines")
	}
	if d.exported > 0 {
		add("%s with the time that a CloudWatch Logs export puts in front of each line; no part of the pattern covers it, so it is skipped silently",
			count(d.exported, "line begins", "lines begin"))
	}
	if d.before > 0 {
		add("%s text before the match that no part of the pattern covers, such as %s", count(d.before, "line has", "lines have"), quote(d.beforeEx))
	}
	if d.after > 0 {
		add("%s text behind the match that no part of the pattern covers, such as %s", count(d.after, "line has", "lines have"), quote(d.afterE))
	}
	if d.Headers > 0 {
		add("%s of flow logs, and would be read as data: a table skips such a first line with 'skip.header.line.count'='1'",
			count(d.Headers, "line is a header", "lines are headers"))
	}
	if d.tooLong > 0 {
		add("%s longer than %d bytes and counted as not matching", count(d.tooLong, "line is", "lines are"), d.opts.MaxLine)
	}
	for i, m := range d.misfits {
		if m.count > 0 {
			f := d.p.fields[i]
			hint := ""
			if f.Type != "bigint" && fits("bigint", []byte(m.example)) {
				hint = "; %{…:" + f.Name + ":long} holds them"
			}
			add("field %s is %s, which cannot hold %s such as %s: %s NULL%s", f.Name, f.Type,
				count(m.count, "value", "values"), quote(m.example), pick(m.count, "it becomes", "they become"), hint)
		}
	}
	if d.proposer.tooLong {
		add("a pattern for as many columns as the lines have would be longer than the %s characters that Glue takes", thousands(MaxPattern))
	}
	if len(d.p.fields) == 0 {
		add("the pattern names no field, so a table would have no column")
	}
	return all
}

// WriteText writes the diagnosis for a person to read.
func (d *Diagnosis) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s of %s %s the pattern (%s)", thousands(d.Matched), count(d.Lines, "line", "lines"), pick(d.Matched, "matches", "match"),
		percent(d.Matched, d.Lines))
	if d.NullRows > 0 {
		fmt.Fprintf(&b, "; %s not: %s of NULLs", count(d.NullRows, "does", "do"), pick(d.NullRows, "a row", "rows"))
	}
	b.WriteByte('\n')
	if len(d.Misses) > 0 {
		b.WriteString("\nLines that do not match")
		if d.NullRows-d.Headers > int64(len(d.Misses)) {
			fmt.Fprintf(&b, ", the first %d", len(d.Misses))
		}
		b.WriteString(":\n")
		for _, m := range d.Misses {
			label := fmt.Sprintf("  line %d: ", m.Line)
			fmt.Fprintf(&b, "%s%s\n%s^\n    %s\n", label, m.Text, strings.Repeat(" ", len(label)+m.Caret), m.Why)
		}
	}
	if len(d.Warnings) > 0 {
		b.WriteString("\nWarnings:\n")
		for _, text := range d.Warnings {
			fmt.Fprintf(&b, "  - %s\n", text)
		}
	}
	switch s := d.Suggestion; {
	case s != nil:
		if s.Covers == d.Lines {
			fmt.Fprintf(&b, "\nThis pattern covers %s whole:\n", pick(d.Lines, "the line", "all "+thousands(d.Lines)+" lines"))
		} else {
			fmt.Fprintf(&b, "\nThis pattern covers %s of %s whole:\n", thousands(s.Covers), count(d.Lines, "line", "lines"))
		}
		fmt.Fprintf(&b, "\n%s\n", s.Pattern)
		if s.Custom != "" {
			fmt.Fprintf(&b, "\nwith the same custom patterns.\n")
		}
		if len(s.Notes) > 0 {
			b.WriteByte('\n')
		}
		for _, note := range s.Notes {
			fmt.Fprintf(&b, "  - %s\n", note)
		}
	case d.Lines > 0 && d.Whole == d.Lines:
		b.WriteString("\nThe pattern covers every line whole.\n")
	case d.Lines > 0:
		b.WriteString("\nNo pattern that covers more lines whole was found.\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// percent rounds down, so that only all is 100 %.
func percent(part, all int64) string {
	if all == 0 {
		return "0 %"
	}
	if part == all {
		return "100 %"
	}
	hundredths := int64(float64(part) / float64(all) * 10000)
	return fmt.Sprintf("%d.%02d %%", hundredths/100, hundredths%100)
}

// count writes a number with its word.
func count(n int64, one, many string) string { return thousands(n) + " " + pick(n, one, many) }

func pick(n int64, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// thousands writes 1234567 as 1,234,567.
func thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
