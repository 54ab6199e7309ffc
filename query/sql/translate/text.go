package translate

import (
	"strings"

	"flowlake/fault"
	"flowlake/query/sql"
)

// source is a text that spans point into: the query's, or a view's.
type source struct{ text string }

// at spells a byte offset as Athena does. An offset that another text's span gave is kept inside this one.
func (s *source) at(offset int) (line, column int) {
	return sql.LineColumn(s.text, min(max(offset, 0), len(s.text)))
}

// Athena's error codes.
const (
	typeMismatch      = "TYPE_MISMATCH"
	columnNotFound    = "COLUMN_NOT_FOUND"
	tableNotFound     = "TABLE_NOT_FOUND"
	schemaNotFound    = "SCHEMA_NOT_FOUND"
	catalogNotFound   = "CATALOG_NOT_FOUND"
	functionNotFound  = "FUNCTION_NOT_FOUND"
	ambiguousName     = "AMBIGUOUS_NAME"
	notAggregate      = "EXPRESSION_NOT_AGGREGATE"
	notScalar         = "EXPRESSION_NOT_SCALAR"
	notInDistinct     = "EXPRESSION_NOT_IN_DISTINCT"
	nestedAggregation = "NESTED_AGGREGATION"
	nestedWindow      = "NESTED_WINDOW"
	notAFunction      = "FUNCTION_NOT_AGGREGATE"
	missingOver       = "MISSING_OVER"
	invalidWindow     = "INVALID_WINDOW_FRAME"
	invalidPosition   = "INVALID_COLUMN_REFERENCE"
	invalidLiteral    = "INVALID_LITERAL"
	invalidArguments  = "INVALID_ARGUMENTS"
	invalidFunction   = "INVALID_FUNCTION_ARGUMENT"
	invalidView       = "INVALID_VIEW"
	duplicateName     = "DUPLICATE_NAMED_QUERY"
	duplicateColumn   = "DUPLICATE_COLUMN_NAME"
	missingAlias      = "MISSING_COLUMN_ALIASES"
	mismatchedAliases = "MISMATCHED_COLUMN_ALIASES"
	missingColumns    = "MISSING_COLUMN_NAME"
	divisionByZero    = "DIVISION_BY_ZERO"
	outOfRange        = "NUMERIC_VALUE_OUT_OF_RANGE"
	invalidCast       = "INVALID_CAST_ARGUMENT"
	notSupported      = "NOT_SUPPORTED"
	syntaxError       = "SYNTAX_ERROR"
)

// fail is the error of something at pos in the scope's text.
func (s *source) fail(pos int, code, format string, args ...any) error {
	line, column := s.at(pos)
	kind := fault.Invalid
	switch code {
	case tableNotFound, schemaNotFound, catalogNotFound:
		kind = fault.NotFound
	}
	return fault.Newf(kind, code, "line %d:%d: "+format, append([]any{line, column}, args...)...)
}

// refuse is the error of something that Athena runs and flowlake does not translate with certainty.
func (s *source) refuse(pos int, format string, args ...any) error {
	line, column := s.at(pos)
	return fault.Newf(fault.Unsupported, notSupported, "line %d:%d: flowlake does not translate "+format+" yet",
		append([]any{line, column}, args...)...)
}

// quoteIdent writes a name in DuckDB's spelling, which has no escapes. What cannot stand in a statement's text
// becomes U+FFFD.
func quoteIdent(name string) string {
	name = strings.ReplaceAll(strings.ToValidUTF8(name, "\uFFFD"), "\x00", "\uFFFD")
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}

// quoteText writes a string. A NUL cannot stand in a statement's text.
func quoteText(s string) string {
	parts := strings.Split(s, "\x00")
	for i, p := range parts {
		parts[i] = "'" + strings.ReplaceAll(p, "'", "''") + "'"
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return "(" + strings.Join(parts, " || chr(0) || ") + ")"
}
