package process

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math/big"
	"reflect"
	"slices"
	"strconv"
	"time"

	"flowlake/delivery/prefix"
	"flowlake/fault"

	"github.com/itchyny/gojq"
)

// The bounds of a query: on one record's size, and on the time that one takes.
const (
	maxQueried = 1 << 20
	queryTime  = 250 * time.Millisecond
)

// query is a compiled MetadataExtractionQuery.
type query struct {
	code *gojq.Code
	keys []string // that it always gives, when it is an object with names; nil when that cannot be told
}

// impure are the functions that do not follow from the record alone: a batch that is delivered again must get the keys that it had.
var impure = []string{"now", "localtime", "strflocaltime", "input", "inputs", "input_filename", "input_line_number", "env", "$ENV", "debug", "stderr",
	"halt", "halt_error", "get_search_list", "modulemeta"}

func newQuery(text string) (*query, error) {
	bad := func(err error) error {
		return fault.Newf(fault.Invalid, "processor "+MetadataExtraction, "MetadataExtractionQuery %q: %w", text, err)
	}
	tree, err := gojq.Parse(text)
	if err != nil {
		return nil, bad(err)
	}
	if name := calls(reflect.ValueOf(tree)); name != "" || len(tree.Imports) > 0 {
		if name == "" {
			name = "import"
		}
		return nil, fault.Newf(fault.Unsupported, "processor "+MetadataExtraction, "MetadataExtractionQuery uses %s, which does not follow from the record", name)
	}
	q := &query{}
	if q.code, err = gojq.Compile(tree); err != nil {
		return nil, bad(err)
	}
	if t := tree.Term; t != nil && t.Type == gojq.TermTypeObject && len(t.SuffixList) == 0 && tree.Op == 0 {
		q.keys = []string{}
		for _, kv := range t.Object.KeyVals {
			switch {
			case kv.Key != "" && kv.Key[0] != '$':
				q.keys = append(q.keys, kv.Key)
			case kv.KeyString != nil && kv.KeyString.Queries == nil:
				q.keys = append(q.keys, kv.KeyString.Str)
			default:
				q.keys = nil
			}
			if q.keys == nil {
				break
			}
		}
	}
	return q, nil
}

// calls returns the first function in a query's tree that is impure.
func calls(v reflect.Value) string {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return ""
		}
		if f, ok := v.Interface().(*gojq.Func); ok && slices.Contains(impure, f.Name) {
			return f.Name
		}
		return calls(v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			if name := calls(v.Field(i)); name != "" {
				return name
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			if name := calls(v.Index(i)); name != "" {
				return name
			}
		}
	}
	return ""
}

const extractionFailed = "DynamicPartitioning.MetadataExtractionFailed"

// extract runs the query on a record.
func (q *query) extract(ctx context.Context, record []byte) (map[string]string, *Failure) {
	bad := func(format string, args ...any) (map[string]string, *Failure) {
		f := failed(extractionFailed, format, args...)
		f.Kind = prefix.PartitioningFailed
		return nil, f
	}
	if len(record) > maxQueried {
		return bad("The record has %d bytes; a query reads %d at most.", len(record), maxQueried)
	}
	var in any
	decode := json.NewDecoder(bytes.NewReader(record))
	decode.UseNumber()
	if err := decode.Decode(&in); err != nil {
		return bad("Non JSON record provided: %v", err)
	}
	if _, err := decode.Token(); !errors.Is(err, io.EOF) {
		return bad("The record holds more than one JSON document: they need RecordDeAggregation.")
	}
	in, err := numbers(in, 0)
	if err != nil {
		return bad("%v", err)
	}
	ctx, cancel := context.WithTimeout(ctx, queryTime)
	defer cancel()
	results := q.code.RunWithContext(ctx, in)
	out, ok := results.Next()
	if !ok {
		return bad("The query gave nothing.")
	}
	if err, isError := out.(error); isError {
		return bad("The query failed: %v", err)
	}
	if second, more := results.Next(); more {
		if err, isError := second.(error); isError {
			return bad("The query failed: %v", err)
		}
		return bad("The query gave more than one result.")
	}
	object, ok := out.(map[string]any)
	if !ok {
		return bad("The query gave no object.")
	}
	keys := make(map[string]string, len(object))
	for name, v := range object {
		switch v := v.(type) {
		case string:
			keys[name] = v
		case bool:
			keys[name] = strconv.FormatBool(v)
		case nil:
		case int, float64, *big.Int:
			text, err := gojq.Marshal(v)
			if err != nil {
				return bad("partition key %s: %v", name, err)
			}
			keys[name] = string(text)
		default:
			return bad("partition key %s is an object or an array.", name)
		}
		if keys[name] == "" {
			return bad("partitionKeys values must not be null or empty: %s is.", name)
		}
	}
	return keys, nil
}

// maxQueryDepth bounds how deep a record that is queried may nest.
const maxQueryDepth = 256

// numbers makes what encoding/json read what gojq takes.
func numbers(v any, depth int) (any, error) {
	if depth > maxQueryDepth {
		return nil, errors.New("the record is nested too deep")
	}
	switch v := v.(type) {
	case json.Number:
		if n, err := strconv.Atoi(string(v)); err == nil {
			return n, nil
		}
		if n, ok := new(big.Int).SetString(string(v), 10); ok {
			return n, nil
		}
		f, err := v.Float64()
		if err != nil {
			return nil, err
		}
		return f, nil
	case map[string]any:
		for k, e := range v {
			n, err := numbers(e, depth+1)
			if err != nil {
				return nil, err
			}
			v[k] = n
		}
	case []any:
		for i, e := range v {
			n, err := numbers(e, depth+1)
			if err != nil {
				return nil, err
			}
			v[i] = n
		}
	}
	return v, nil
}
