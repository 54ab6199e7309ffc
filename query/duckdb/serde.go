//go:build duckdb_arrow

package duckdb

import (
	"regexp"
	"strings"

	"flowlake/catalog/grok"
	"flowlake/columnar"
	"flowlake/fault"
	"flowlake/query"
)

// spec says how the scan's text is decoded.
func (t *table) spec() (columnar.Spec, error) {
	s := columnar.Spec{Parameters: t.Parameters, Columns: make([]columnar.Column, len(t.Columns))}
	switch t.Format {
	case query.Delimited:
		s.Format = columnar.Delimited
	case query.CSV:
		s.Format = columnar.CSV
	case query.JSON:
		s.Format = columnar.JSON
		if !strings.HasPrefix(t.Library, "org.openx.") && t.Library != "" {
			s.Format = columnar.HiveJSON
		}
	case query.Grok:
		return s, t.grok(&s)
	case query.Regex:
		return s, t.regex(&s)
	default:
		return s, fault.Newf(fault.Unsupported, "format "+string(t.Format), "is not read here")
	}
	return s, nil
}

func (t *table) grok(s *columnar.Spec) error {
	pattern, err := grok.Compile(t.Parameters["input.format"], t.Parameters["input.grokCustomPatterns"])
	if err != nil {
		return fault.Newf(fault.KindOf(err), "SerDe property input.format", "%w", err)
	}
	s.Format, s.Match = columnar.Matched, pattern.Match
	s.Values = []string{}
	for _, f := range pattern.Fields() {
		s.Values = append(s.Values, f.Name)
	}
	return nil
}

// regex is Hive's RegexSerDe: the pattern must match the whole line, and its groups are the columns.
func (t *table) regex(s *columnar.Spec) error {
	text := t.Parameters["input.regex"]
	if text == "" {
		return fault.Newf(fault.Invalid, "SerDe property input.regex", "is missing")
	}
	flags := ""
	if strings.EqualFold(t.Parameters["input.regex.case.insensitive"], "true") {
		flags = "(?i)"
	}
	if _, err := regexp.Compile(text); err != nil {
		return fault.Newf(fault.Unsupported, "SerDe property input.regex", "this part of Java's regular expressions: %w", err)
	}
	pattern, err := regexp.Compile(flags + `\A(?:` + text + `)\z`)
	if err != nil {
		return fault.Newf(fault.Invalid, "SerDe property input.regex", "%w", err)
	}
	if pattern.NumSubexp() != len(t.Columns) {
		return fault.Newf(fault.Invalid, "SerDe property input.regex", "its %d groups are not the table's %d columns", pattern.NumSubexp(), len(t.Columns))
	}
	s.Format = columnar.Matched
	s.Match = func(line []byte, values [][]byte) bool {
		at := pattern.FindSubmatchIndex(line)
		if at == nil {
			return false
		}
		for i := range values {
			if from, to := at[2*i+2], at[2*i+3]; from >= 0 {
				values[i] = line[from:to]
			}
		}
		return true
	}
	return nil
}
