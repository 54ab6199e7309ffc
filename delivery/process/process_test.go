package process

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"flowlake/delivery"
	"flowlake/fault"
	"flowlake/logs"
	"flowlake/logs/pattern"

	"github.com/klauspost/compress/gzip"
	"pgregory.net/rapid"
)

// taken is a sink that notes what it is given.
type taken struct {
	items         []string
	keys          []map[string]string
	failed        []string // "code: raw"
	rows          int64    // of items
	lost          int64    // of failures
	dropped, more int64
}

func (s *taken) Item(_ context.Context, it *Item) error {
	s.items, s.keys, s.rows = append(s.items, string(it.Data)), append(s.keys, it.Query), s.rows+it.Rows
	return nil
}

func (s *taken) Fail(_ context.Context, it *Item, f *Failure) error {
	raw, err := it.Source.Raw()
	s.failed, s.lost = append(s.failed, f.Code+": "+string(raw)), s.lost+it.Rows
	return err
}

func (s *taken) Drop(rows int64) { s.dropped += rows }
func (s *taken) More(rows int64) { s.more += rows }

func compile(t testing.TB, list ...Processor) *Pipeline {
	t.Helper()
	p, err := New(list, false)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func processor(kind string, parameters ...string) Processor {
	p := Processor{Type: kind}
	for i := 0; i < len(parameters); i += 2 {
		p.Parameters = append(p.Parameters, Parameter{parameters[i], parameters[i+1]})
	}
	return p
}

// take runs records through processors; every row must come out again.
func take(t testing.TB, p *Pipeline, records ...string) *taken {
	t.Helper()
	s := &taken{}
	r := p.Start(Env{}, s)
	for i, data := range records {
		if err := r.Record(context.Background(), delivery.Record{Data: []byte(data), Arrival: time.Unix(int64(i), 0), Sequence: uint64(i)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Flush(context.Background()); err != nil {
		t.Fatal(err)
	}
	if in := int64(len(records)) + s.more; in != s.rows+s.lost+s.dropped {
		t.Errorf("%d rows in, %d delivered, %d failed, %d dropped", in, s.rows, s.lost, s.dropped)
	}
	return s
}

func zipped(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write([]byte(text))
	_ = w.Close()
	return b.String()
}

const dataMessage = `{"messageType":"DATA_MESSAGE","owner":"1","logGroup":"g","logStream":"s","subscriptionFilters":["f"],"logEvents":[` +
	`{"id":"1","timestamp":1,"message":"one two","extractedFields":{"a":"one","b":"two"}},{"id":"2","timestamp":2,"message":"three","extractedFields":{"a":"three"}}]}`

func TestProcessors(t *testing.T) {
	unzip := processor(Decompression, "CompressionFormat", "GZIP")
	for _, row := range []struct {
		name       string
		processors []Processor
		records    []string
		items      []string
		failed     []string
		dropped    int64
	}{
		{"none", nil, []string{"a", ""}, []string{"a", ""}, nil, 0},
		{"a delimiter", []Processor{processor(AppendDelimiter, "Delimiter", `\n`)}, []string{"a", "b\n"}, []string{"a\n", "b\n\n"}, nil, 0},
		{"no delimiter named", []Processor{processor(AppendDelimiter)}, []string{"a"}, []string{"a\n"}, nil, 0},
		{"decompression", []Processor{unzip}, []string{zipped("x"), "not gzip"}, []string{"x"}, []string{"Decompression.Failed: not gzip"}, 0},
		{"messages", []Processor{unzip, processor(LogProcessing, "DataMessageExtraction", "true")}, []string{zipped(dataMessage)}, []string{"one two\n", "three\n"}, nil, 0},
		{"messages with a delimiter", []Processor{unzip, processor(LogProcessing, "DataMessageExtraction", "true"), processor(AppendDelimiter, "Delimiter", "|")},
			[]string{zipped(dataMessage)}, []string{"one two|", "three|"}, nil, 0},
		{"extracted fields", []Processor{unzip, processor(LogProcessing, ExtractedFields, "true")}, []string{zipped(dataMessage)}, []string{`{"a":"one","b":"two"}` + "\n", `{"a":"three"}` + "\n"}, nil, 0},
		{"a control message", []Processor{unzip, processor(LogProcessing, "DataMessageExtraction", "true")}, []string{zipped(`{"messageType":"CONTROL_MESSAGE","logEvents":[{"message":"x"}]}`)}, nil, nil, 1},
		{"a control message that is not looked into", []Processor{unzip}, []string{zipped(`{"messageType":"CONTROL_MESSAGE"}`)}, []string{`{"messageType":"CONTROL_MESSAGE"}`}, nil, 0},
		{"no events", []Processor{unzip, processor(LogProcessing, "DataMessageExtraction", "true")}, []string{zipped(`{"messageType":"DATA_MESSAGE"}`)}, nil, nil, 1},
		{"JSON objects in a row", []Processor{processor(DeAggregation, "SubRecordType", "JSON")}, []string{`{"a":1}{"b":2}` + "\n" + `{"c":3}`, ` `, `[{"a":1}]`, `{"a":1}{`},
			[]string{`{"a":1}`, `{"b":2}`, `{"c":3}`}, []string{`DynamicPartitioning.DeAggregationFailed: [{"a":1}]`, `DynamicPartitioning.DeAggregationFailed: {"a":1}{`}, 1},
		{"texts between delimiters", []Processor{processor(DeAggregation, "SubRecordType", "DELIMITED", "Delimiter", "IyMjIw==")}, []string{"a####b####", "####"}, []string{"a", "b"}, nil, 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := take(t, compile(t, row.processors...), row.records...)
			if fmt.Sprintf("%q", s.items) != fmt.Sprintf("%q", row.items) || fmt.Sprintf("%q", s.failed) != fmt.Sprintf("%q", row.failed) || s.dropped != row.dropped {
				t.Errorf("got %q, failed %q, dropped %d; want %q, %q, %d", s.items, s.failed, s.dropped, row.items, row.failed, row.dropped)
			}
		})
	}
	t.Run("an event without fields", func(t *testing.T) {
		record := zipped(`{"messageType":"DATA_MESSAGE","logEvents":[{"message":"x"},{"message":"y","extractedFields":{"a":"y"}}]}`)
		s := take(t, compile(t, unzip, processor(LogProcessing, ExtractedFields, "true")), record)
		if len(s.items) != 1 || len(s.failed) != 1 || s.failed[0] != "CloudWatchLogProcessing.NoExtractedFields: "+record {
			t.Errorf("%q, %q", s.items, s.failed)
		}
	})
	t.Run("a record that is larger than it may be", func(t *testing.T) {
		s := take(t, compile(t, unzip), zipped(strings.Repeat("x", maxUnpacked+1)), zipped("y"))
		if len(s.items) != 1 || len(s.failed) != 1 {
			t.Errorf("%d, %d", len(s.items), len(s.failed))
		}
	})
	t.Run("too many parts", func(t *testing.T) {
		s := take(t, compile(t, processor(DeAggregation, "SubRecordType", "JSON")), strings.Repeat("{}", 501), strings.Repeat("{}", 500))
		if len(s.items) != 500 || len(s.failed) != 1 {
			t.Errorf("%d, %d", len(s.items), len(s.failed))
		}
	})
}

func TestQuery(t *testing.T) {
	for _, row := range []struct{ query, record, want string }{
		{`{a:.x}`, `{"x":"v"}`, `map[a:v]`},
		{`{a:.x,b:.y.z}`, `{"x":1,"y":{"z":true}}`, `map[a:1 b:true]`},
		{`{year:(.at|strftime("%Y"))}`, `{"at":1418530010}`, `map[year:2014]`},
		{`{a:(.x/4)}`, `{"x":10}`, `map[a:2.5]`},
		{`{a:.x}`, `{"x":12345678901234567890}`, `map[a:12345678901234567890]`},
		{`{a:.x}`, `{"x":null}`, `null or empty`},
		{`{a:.x}`, `{"x":""}`, `null or empty`},
		{`{a:.x}`, `{"x":{}}`, `an object`},
		{`{a:.x}`, `not JSON`, `Non JSON`},
		{`{a:.x}`, `{"x":1}{"x":2}`, `more than one JSON document`},
		{`.x`, `{"x":1}`, `no object`},
		{`{a:.x},{a:.x}`, `{"x":1}`, `more than one result`},
		{`empty`, `{}`, `nothing`},
		{`{a:(.x|error)}`, `{"x":"bad"}`, `failed`},
		{`def f: f; {a:f}`, `{}`, `failed`},
		{`{a:([range(1e12)]|length)}`, `{}`, `failed`},
	} {
		s := take(t, compile(t, processor(MetadataExtraction, "JsonParsingEngine", "JQ-1.6", "MetadataExtractionQuery", row.query)), row.record)
		var got string
		if len(s.keys) > 0 {
			got = fmt.Sprint(s.keys[0])
		} else if q, f := compile(t, processor(MetadataExtraction, "JsonParsingEngine", "JQ-1.6", "MetadataExtractionQuery", row.query)).query.extract(context.Background(), []byte(row.record)); f != nil {
			got = f.Message
		} else {
			got = fmt.Sprint(q)
		}
		if !strings.Contains(got, row.want) {
			t.Errorf("%s of %s: got %s, want %s", row.query, row.record, got, row.want)
		}
	}
	for query, want := range map[string]string{`{a:.x,"b":.y}`: "[a b]", `{"a\(.x)":1}`: "", `.x`: "", `{$x}`: ""} {
		p, err := New([]Processor{processor(MetadataExtraction, "JsonParsingEngine", "JQ-1.6", "MetadataExtractionQuery", query)}, false)
		if err != nil {
			continue
		}
		if names, told := p.Keys(); told != (want != "") || told && fmt.Sprint(names) != want {
			t.Errorf("%s: %v, %v", query, names, told)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	for _, row := range []struct {
		words string
		kind  fault.Kind
		list  []Processor
	}{
		{"not a type", fault.Invalid, []Processor{processor("Other")}},
		{"once", fault.Invalid, []Processor{processor(AppendDelimiter), processor(AppendDelimiter)}},
		{"does not take", fault.Invalid, []Processor{processor(Decompression, "Delimiter", "x")}},
		{"GZIP", fault.Invalid, []Processor{processor(Decompression, "CompressionFormat", "ZIP")}},
		{"needs", fault.Invalid, []Processor{processor(LogProcessing, "DataMessageExtraction", "true")}},
		{"must be true", fault.Invalid, []Processor{processor(Decompression), processor(LogProcessing, "DataMessageExtraction", "false")}},
		{"true or false", fault.Invalid, []Processor{processor(Decompression), processor(LogProcessing, "DataMessageExtraction", "maybe")}},
		{"1 to 5120", fault.Invalid, []Processor{processor(MetadataExtraction, "MetadataExtractionQuery", " ")}},
		{"given twice", fault.Invalid, []Processor{processor(AppendDelimiter, "Delimiter", "a", "Delimiter", "b")}},
		{"base64", fault.Invalid, []Processor{processor(DeAggregation, "SubRecordType", "DELIMITED", "Delimiter", "####")}},
		{"SubRecordType", fault.Invalid, []Processor{processor(DeAggregation, "SubRecordType", "CSV")}},
		{"JQ-1.6", fault.Invalid, []Processor{processor(MetadataExtraction, "JsonParsingEngine", "JQ-1.7", "MetadataExtractionQuery", "{a:.b}")}},
		{"MetadataExtractionQuery", fault.Invalid, []Processor{processor(MetadataExtraction, "JsonParsingEngine", "JQ-1.6", "MetadataExtractionQuery", "{a:")}},
		{"uses now", fault.Unsupported, []Processor{processor(MetadataExtraction, "JsonParsingEngine", "JQ-1.6", "MetadataExtractionQuery", "{a:(.x|[1,(now|floor)])}")}},
		{"uses env", fault.Unsupported, []Processor{processor(MetadataExtraction, "JsonParsingEngine", "JQ-1.6", "MetadataExtractionQuery", "{a:env.HOME}")}},
		{"no functions", fault.Unsupported, []Processor{processor(Lambda, "LambdaArn", "arn:aws:lambda:us-east-1:123456789012:function:f")}},
	} {
		if _, err := New(row.list, false); !fault.Is(err, row.kind) || !strings.Contains(err.Error(), row.words) {
			t.Errorf("%+v: got %v, want %v with %q", row.list, err, row.kind, row.words)
		}
	}
	for _, row := range [][]string{{}, {"LambdaArn", "f"}, {"NumberOfRetries", "-1"}, {"NumberOfRetries", "many"}, {"BufferSizeInMBs", "4"}, {"BufferIntervalInSeconds", "1000"}, {"RoleArn", "role"}} {
		if len(row) == 0 || row[0] != "LambdaArn" {
			row = append(row, "LambdaArn", "arn:aws:lambda:us-east-1:123456789012:function:f")
		}
		if _, err := New([]Processor{processor(Lambda, row...)}, true); (err == nil) != (len(row) == 2 && row[1] != "f") {
			t.Errorf("%q: %v", row, err)
		}
	}
}

// TestObjectIsTheEnvelopes claims that an event's object is the one that its gzip record has.
func TestObjectIsTheEnvelopes(t *testing.T) {
	p, err := pattern.Compile("[a, b, c-d, e]")
	if err != nil {
		t.Skip(err)
	}
	names := p.NamesOf(4)
	rapid.Check(t, func(t *rapid.T) {
		values := make([]string, 4)
		for i := range values {
			values[i] = rapid.String().Draw(t, "value")
		}
		mine, f := object(names, values)
		if f != nil {
			t.Fatal(f)
		}
		e := &delivery.Events{Subscription: logs.Subscription{Account: "1", Group: "g", Name: "n"}, Pattern: p,
			Events: []logs.Matched{{Stored: logs.Stored{Sequence: 1, Stream: "s", Message: "m"}, Values: values}}}
		raw, err := EventSource(e, 0).Raw()
		if err != nil {
			t.Fatal(err)
		}
		var u unpacker
		plain, err := u.unpack(raw)
		if err != nil {
			t.Fatal(err)
		}
		events, control, f := takeApart(plain, fields)
		if f != nil || control || len(events) != 1 {
			t.Fatal(events, control, f)
		}
		var a, b map[string]string
		if err := json.Unmarshal(mine, &a); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(events[0], &b); err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(a) != fmt.Sprint(b) {
			t.Fatalf("mine %s, the record's %s", mine, events[0])
		}
	})
}

// FuzzRecord claims that a record is delivered, dropped or failed with its bytes, and nothing else.
func FuzzRecord(f *testing.F) {
	for _, s := range []string{"", "{}", zipped(dataMessage), zipped("{}"), `{"a":1}{"a":2}`, zipped(`{"messageType":"DATA_MESSAGE","logEvents":[{"extractedFields":{"a":"1"}}]}`), "\x1f\x8b\x08"} {
		f.Add([]byte(s))
	}
	pipelines := [][]Processor{
		{processor(Decompression)},
		{processor(Decompression), processor(LogProcessing, "DataMessageExtraction", "true")},
		{processor(Decompression), processor(LogProcessing, ExtractedFields, "true"), processor(DeAggregation, "SubRecordType", "JSON"), processor(AppendDelimiter)},
		{processor(DeAggregation, "SubRecordType", "DELIMITED", "Delimiter", "Cg==")},
		{processor(DeAggregation, "SubRecordType", "JSON"), processor(MetadataExtraction, "JsonParsingEngine", "JQ-1.6", "MetadataExtractionQuery", "{a:.a}")},
	}
	f.Fuzz(func(t *testing.T, record []byte) {
		for _, list := range pipelines {
			take(t, compile(t, list...), string(record))
		}
	})
}

// TestImpureQueries claims that whatever does not follow from the record is refused, wherever it stands in a query.
func TestImpureQueries(t *testing.T) {
	for _, name := range []string{"now", "localtime", "strflocaltime(\"%H\")", "input", "[inputs]", "input_filename", "input_line_number", "env.HOME", "$ENV.HOME", "debug", "stderr",
		"halt", "halt_error", "get_search_list"} {
		for _, query := range []string{"{a:" + name + "}", "def f: " + name + "; {a:(.x|if . then [f] else . end)}", `{a:"\(` + name + `)"}`, "{a:(.x as $y|reduce .x[] as $z (0;" + name + "))}"} {
			if _, err := newQuery(query); !fault.Is(err, fault.Unsupported) {
				t.Errorf("%s: %v", query, err)
			}
		}
	}
}
