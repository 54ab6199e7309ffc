// Package process takes a delivery stream's records through its processors: decompression, extraction of log events,
// de-aggregation, a function, partition keys, a delimiter. A record that a processor cannot take is a failure with
// the bytes that came in; it never stops the others. It writes no object and counts nothing by itself.
//
// Differs from AWS: each event of a log subscription's record is a record of its own once its message is extracted, which ends with a line feed
// unless a delimiter is appended; AWS makes one record of them, with line feeds between.
//
// The processors run in this order, whatever order the settings list them in, as on AWS. Source: Firehose developer guide,
// "Apply dynamic partitioning to aggregated data": de-aggregation, transformation by Lambda, partitioning keys.
package process

import (
	"bytes"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"

	"flowlake/access"
	"flowlake/delivery/prefix"
	"flowlake/fault"
)

// The types of processors. Source: Firehose API reference, Processor.
const (
	Decompression       = "Decompression"
	LogProcessing       = "CloudWatchLogProcessing"
	DeAggregation       = "RecordDeAggregation"
	Lambda              = "Lambda"
	MetadataExtraction  = "MetadataExtraction"
	AppendDelimiter     = "AppendDelimiterToRecord"
	parameterExtraction = "DataMessageExtraction"
	// ExtractedFields is our own parameter of CloudWatchLogProcessing: "true" makes each event the JSON object of its extractedFields.
	ExtractedFields = "ExtractedFields"
)

// Processor is one of a stream's processors, as its settings have it.
type Processor struct {
	Type       string      `json:"type"`
	Parameters []Parameter `json:"parameters,omitempty"`
}

// Parameter is one of a processor's parameters.
type Parameter struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// parameters are what each type takes.
var parameters = map[string][]string{
	Decompression:      {"CompressionFormat"},
	LogProcessing:      {parameterExtraction, ExtractedFields},
	DeAggregation:      {"SubRecordType", "Delimiter"},
	Lambda:             {"LambdaArn", "NumberOfRetries", "RoleArn", "BufferSizeInMBs", "BufferIntervalInSeconds"},
	MetadataExtraction: {"MetadataExtractionQuery", "JsonParsingEngine"},
	AppendDelimiter:    {"Delimiter"},
}

// Pipeline is a compiled list of processors. It may be used by several goroutines; a Run is one goroutine's.
type Pipeline struct {
	decompress bool
	extract    extraction
	split      *splitter
	lambda     *lambda
	query      *query
	delimiter  []byte
}

// extraction is what becomes of the events of a log subscription's record.
type extraction uint8

const (
	whole    extraction = iota // the record stays as it is
	messages                   // each event is its message
	fields                     // each event is the JSON object of its extracted fields
)

// New compiles processors. It returns fault.Invalid for what AWS refuses, and fault.Unsupported, by name, for
// a function where there are none.
func New(processors []Processor, functions bool) (*Pipeline, error) {
	p := &Pipeline{}
	seen := map[string]bool{}
	for _, one := range processors {
		known, ok := parameters[one.Type]
		if !ok {
			return nil, fault.Newf(fault.Invalid, "processor "+one.Type, "is not a type of processors")
		}
		if seen[one.Type] {
			return nil, fault.Newf(fault.Invalid, "processor "+one.Type, "may be there once")
		}
		seen[one.Type] = true
		values := map[string]string{}
		for _, v := range one.Parameters {
			switch {
			case !slices.Contains(known, v.Name):
				return nil, fault.Newf(fault.Invalid, "processor "+one.Type, "does not take the parameter %s: it takes %s", v.Name, strings.Join(known, ", "))
			case strings.TrimSpace(v.Value) == "" && one.Type != AppendDelimiter || v.Value == "" || len(v.Value) > 5120:
				return nil, fault.Newf(fault.Invalid, "processor "+one.Type, "parameter %s must have 1 to 5120 characters", v.Name)
			}
			if _, twice := values[v.Name]; twice {
				return nil, fault.Newf(fault.Invalid, "processor "+one.Type, "parameter %s is given twice", v.Name)
			}
			values[v.Name] = v.Value
		}
		if err := p.add(one.Type, values, functions); err != nil {
			return nil, err
		}
	}
	if p.extract != whole && !p.decompress {
		return nil, fault.Newf(fault.Invalid, "processor "+LogProcessing, "needs the processor %s", Decompression)
	}
	return p, nil
}

func (p *Pipeline) add(kind string, values map[string]string, functions bool) (err error) {
	bad := func(format string, args ...any) error {
		return fault.Newf(fault.Invalid, "processor "+kind, format, args...)
	}
	switch kind {
	case Decompression:
		if f := values["CompressionFormat"]; f != "" && f != "GZIP" {
			return bad("CompressionFormat %s: only GZIP is supported", f)
		}
		p.decompress = true
	case LogProcessing:
		for name, value := range values {
			if !strings.EqualFold(value, "true") && !strings.EqualFold(value, "false") {
				return bad("%s is true or false, not %s", name, value)
			}
		}
		message, extracted := strings.EqualFold(values[parameterExtraction], "true"), strings.EqualFold(values[ExtractedFields], "true")
		switch {
		case extracted:
			p.extract = fields
		case message:
			p.extract = messages
		default:
			return bad("%s must be true", parameterExtraction)
		}
	case DeAggregation:
		p.split, err = newSplitter(values["SubRecordType"], values["Delimiter"])
		return err
	case Lambda:
		if !functions {
			return fault.Newf(fault.Unsupported, "processor Lambda", "flowlake has no functions yet; CloudWatchLogProcessing with ExtractedFields=true takes log events apart without one")
		}
		p.lambda, err = newLambda(values)
		return err
	case MetadataExtraction:
		if e := values["JsonParsingEngine"]; e != "JQ-1.6" {
			return bad("JsonParsingEngine must be JQ-1.6, not %q", e)
		}
		p.query, err = newQuery(values["MetadataExtractionQuery"])
		return err
	case AppendDelimiter:
		p.delimiter = []byte("\n")
		if d := values["Delimiter"]; d != "" {
			p.delimiter = escapes(d)
		}
	}
	return nil
}

// escapes reads the delimiter as clients write it: "\\n" is a line feed, "\\t" a tab, "\\r" a carriage return.
func escapes(text string) []byte {
	return []byte(strings.NewReplacer(`\n`, "\n", `\t`, "\t", `\r`, "\r", `\\`, `\`).Replace(text))
}

// Decompresses reports whether records are unpacked: then they may only come from log subscriptions.
func (p *Pipeline) Decompresses() bool { return p.decompress }

// Fused reports whether the events of a log subscription become their extracted fields and nothing else is done to them: then a
// converter may read the fields, and nobody can tell.
func (p *Pipeline) Fused() bool {
	return p.decompress && p.extract == fields && p.split == nil && p.lambda == nil && p.query == nil && len(bytes.TrimSpace(p.delimiter)) == 0
}

// Transforms reports whether a function is invoked.
func (p *Pipeline) Transforms() bool { return p.lambda != nil }

// Keys are the partition keys that the query gives, where they can be told from it; ok is false where they cannot, or there is no query.
func (p *Pipeline) Keys() (names []string, ok bool) {
	if p.query == nil {
		return nil, false
	}
	return p.query.keys, p.query.keys != nil
}

// HasQuery reports whether partition keys are extracted by a query.
func (p *Pipeline) HasQuery() bool { return p.query != nil }

// newLambda reads the parameters of a function.
func newLambda(values map[string]string) (*lambda, error) {
	l := &lambda{arn: values["LambdaArn"], retries: 3, bytes: 1 << 20}
	bad := func(format string, args ...any) (*lambda, error) {
		return nil, fault.Newf(fault.Invalid, "processor Lambda", format, args...)
	}
	if parts := strings.SplitN(l.arn, ":", 7); len(parts) < 7 || parts[0] != "arn" || parts[2] != "lambda" || parts[5] != "function" || parts[6] == "" {
		return bad("LambdaArn %q is not the ARN of a function", l.arn)
	}
	if role := values["RoleArn"]; role != "" {
		if err := access.CheckRole("RoleArn", role); err != nil {
			return nil, err
		}
	}
	if v := values["NumberOfRetries"]; v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 0 || n > 300 {
			return bad("NumberOfRetries %q is not from 0 to 300", v)
		}
		l.retries = n
	}
	if v := values["BufferSizeInMBs"]; v != "" {
		n, err := strconv.ParseFloat(v, 64)
		if err != nil || !(n >= 0.2 && n <= 3) {
			return bad("BufferSizeInMBs %q is not from 0.2 to 3", v)
		}
		l.bytes = int(n * (1 << 20))
	}
	if v := values["BufferIntervalInSeconds"]; v != "" {
		if n, err := strconv.Atoi(v); err != nil || n < 0 || n > 900 {
			return bad("BufferIntervalInSeconds %q is not from 0 to 900", v)
		}
	}
	return l, nil
}

// newSplitter reads the parameters of de-aggregation.
func newSplitter(kind, delimiter string) (*splitter, error) {
	switch {
	case kind == "JSON" && delimiter == "":
		return &splitter{}, nil
	case kind == "DELIMITED":
		raw, err := base64.StdEncoding.DecodeString(delimiter)
		if err != nil || len(raw) == 0 {
			return nil, fault.Newf(fault.Invalid, "processor "+DeAggregation, "Delimiter %q must be a base64 encoded string that is not empty", delimiter)
		}
		return &splitter{delimiter: raw}, nil
	}
	return nil, fault.Newf(fault.Invalid, "processor "+DeAggregation, "SubRecordType is JSON, or DELIMITED with a Delimiter; not %q", kind)
}

// Failure is why a record lies below the error prefix.
type Failure struct {
	Kind     string // !{firehose:error-output-type}
	Code     string
	Message  string
	Attempts int    // 1 unless a function was tried again
	Lambda   string // the function's ARN
}

func failed(code, format string, args ...any) *Failure {
	return &Failure{Kind: prefix.ProcessingFailed, Code: code, Message: sprintf(format, args...), Attempts: 1}
}
