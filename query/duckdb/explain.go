//go:build duckdb_arrow

package duckdb

import (
	"errors"
	"regexp"
	"strings"

	duck "github.com/duckdb/duckdb-go/v2"

	"flowlake/fault"
)

// explain makes an error of the engine one that Athena could have given, without local paths.
func (w *worker) explain(err error) error {
	w.mu.Lock()
	failed := w.failed
	w.mu.Unlock()
	if failed != nil { // the engine's own error is only that the stream broke
		err = failed
	}
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return explainFault(err, f)
	}
	message := w.places.public(err.Error())

	if e, ok := errors.AsType[*duck.Error](err); ok {
		message = w.places.public(e.Msg)
	}
	return w.located(explainDuck(message))
}

// located names the files that an error about damaged data can be about, if the engine did not.
func (w *worker) located(err error) error {
	f, ok := errors.AsType[*fault.Error](err)
	if !ok || f.Subject != "HIVE_CURSOR_ERROR" || strings.Contains(f.Detail, "://") {
		return err
	}
	var urls []string
	for _, units := range w.places.scans {
		for _, u := range units {
			for _, file := range u.files {
				urls = append(urls, file.URL)
			}
		}
	}
	switch len(urls) {
	case 0:
		return err
	case 1:
		return fault.Newf(f.Kind, f.Subject, "%s: file %s", f.Detail, urls[0])
	}
	return fault.Newf(f.Kind, f.Subject, "%s: one of the %d files from %s to %s", f.Detail, len(urls), urls[0], urls[len(urls)-1])
}

// explainFault puts Athena's code, which a decoder gave, before the place where it happened.
func explainFault(err error, outer *fault.Error) error {
	if outer.Kind != fault.Invalid {
		return err
	}
	for e := error(outer); e != nil; {
		f, ok := errors.AsType[*fault.Error](e)
		if !ok {
			break
		}
		if strings.HasPrefix(f.Subject, "HIVE_") {
			if f == outer {
				return err
			}
			place, _, _ := strings.Cut(err.Error(), ": "+f.Subject)
			return fault.Newf(fault.Invalid, f.Subject, "%s: %s", f.Detail, place)
		}
		e = f.Err
	}
	if strings.HasPrefix(outer.Subject, "file ") {
		return fault.Newf(fault.Invalid, "HIVE_CURSOR_ERROR", "%s", err.Error())
	}
	return err
}

// coded finds errors that the translated SQL raises itself, Athena's code first.
var coded = regexp.MustCompile(`(?s)^(?:Invalid Input Error|Conversion Error): (?:database/sql/driver: API error: )?(?:[a-z_]+: )?([A-Z]+(?:_[A-Z]+)+): (.*)$`)

// explained are errors of the engine, and what Athena calls them.
var explained = []struct {
	engine *regexp.Regexp
	kind   fault.Kind
	code   string
	detail string // with $1 …; "" keeps the engine's words
}{
	{regexp.MustCompile(`^Out of Memory Error`), fault.Limit, "query", exhausted},
	{regexp.MustCompile(`std::bad_alloc|[Ff]ailed to allocate`), fault.Limit, "query", exhausted},
	{regexp.MustCompile(`(?i)division by zero|divide by zero`), fault.Invalid, "DIVISION_BY_ZERO", "Division by zero"},
	{regexp.MustCompile(`^Out of Range Error: Overflow in (\w+) of (?:INT16|SMALLINT) \((.*)\)`), fault.Invalid, "NUMERIC_VALUE_OUT_OF_RANGE", "smallint $1 overflow: $2"},
	{regexp.MustCompile(`^Out of Range Error: Overflow in (\w+) of (?:INT32|INTEGER) \((.*)\)`), fault.Invalid, "NUMERIC_VALUE_OUT_OF_RANGE", "integer $1 overflow: $2"},
	{regexp.MustCompile(`^Out of Range Error: Overflow in (\w+) of (?:INT64|BIGINT) \((.*)\)`), fault.Invalid, "NUMERIC_VALUE_OUT_OF_RANGE", "bigint $1 overflow: $2"},
	{regexp.MustCompile(`^Out of Range Error: (.*)`), fault.Invalid, "NUMERIC_VALUE_OUT_OF_RANGE", "$1"},
	{regexp.MustCompile(`^Conversion Error: Could not convert string ['"](.*)['"] to (?:INT64|BIGINT)`), fault.Invalid, "INVALID_CAST_ARGUMENT", "Cannot cast '$1' to BIGINT"},
	{regexp.MustCompile(`^Conversion Error: Could not convert string ['"](.*)['"] to (?:INT32|INTEGER)`), fault.Invalid, "INVALID_CAST_ARGUMENT", "Cannot cast '$1' to INT"},
	{regexp.MustCompile(`^Conversion Error: Could not convert string ['"](.*)['"] to (?:INT16|SMALLINT)`), fault.Invalid, "INVALID_CAST_ARGUMENT", "Cannot cast '$1' to SMALLINT"},
	{regexp.MustCompile(`^Conversion Error: Could not convert string ['"](.*)['"] to (?:INT8|TINYINT)`), fault.Invalid, "INVALID_CAST_ARGUMENT", "Cannot cast '$1' to TINYINT"},
	{regexp.MustCompile(`^Conversion Error: Could not convert string ['"](.*)['"] to (?:BOOL|BOOLEAN)`), fault.Invalid, "INVALID_CAST_ARGUMENT", "Cannot cast '$1' to BOOLEAN"},
	{regexp.MustCompile(`^Conversion Error: Could not convert string ['"](.*)['"] to DOUBLE`), fault.Invalid, "INVALID_CAST_ARGUMENT", "Cannot cast '$1' to DOUBLE"},
	{regexp.MustCompile(`^Conversion Error: (?:invalid|Invalid) (date|timestamp) field format: "(.*?)"`), fault.Invalid, "INVALID_CAST_ARGUMENT", "Value cannot be cast to $1: $2"},
	{regexp.MustCompile(`^Conversion Error: Type \w+ with value (\S+) can't be cast because the value is out of range for the destination type (\w+)`), fault.Invalid, "NUMERIC_VALUE_OUT_OF_RANGE", "Out of range for $2: $1"},
	{regexp.MustCompile(`^Conversion Error: (.*)`), fault.Invalid, "INVALID_CAST_ARGUMENT", "$1"},
	{regexp.MustCompile(`(?i)more than one row returned by a subquery`), fault.Invalid, "SUBQUERY_MULTIPLE_ROWS", "Scalar sub-query has returned multiple rows"},
	{regexp.MustCompile(`^(?:Binder|Parser|Catalog) Error: (.*)`), fault.Invalid, "SYNTAX_ERROR", "$1"},
	{regexp.MustCompile(`^Not implemented Error: (.*)`), fault.Unsupported, "query", "$1"},
	{regexp.MustCompile(`(?i)^(?:IO|Invalid Input|Invalid|Serialization|Corruption) Error: (.*(?:parquet|snappy|zstd|gzip|thrift|page|footer|TProtocol|decompress|file).*)`), fault.Invalid, "HIVE_CURSOR_ERROR", "$1"},
	{regexp.MustCompile(`^Invalid Input Error: (.*)`), fault.Invalid, "INVALID_FUNCTION_ARGUMENT", "$1"},
	{regexp.MustCompile(`^Permission Error: (.*)`), fault.Denied, "query", "may not reach what lies outside its tables"},
}

// explainDuck turns a message of DuckDB into a fault.
func explainDuck(message string) error {
	if m := coded.FindStringSubmatch(message); m != nil {
		return fault.Newf(fault.Invalid, m[1], "%s", firstLine(m[2]))
	}
	line := firstLine(message)
	for _, e := range explained {
		if at := e.engine.FindStringSubmatchIndex(line); at != nil {
			return fault.Newf(e.kind, e.code, "%s", string(e.engine.ExpandString(nil, e.detail, line, at)))
		}
	}
	return fault.Newf(fault.Internal, "query engine", "%s", message)
}

// firstLine drops what DuckDB adds below a message: the statement with a caret, and hints about its dialect.
func firstLine(message string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(message), "\n")
	return line
}
