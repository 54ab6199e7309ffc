package logs

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	api "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
)

// reference is what encoding/json reads the same bytes into.
type reference struct {
	LogGroupName  *string `json:"logGroupName"`
	LogStreamName *string `json:"logStreamName"`
	SequenceToken *string `json:"sequenceToken"`
	Entity        any     `json:"entity"`
	LogEvents     []struct {
		Timestamp *int64  `json:"timestamp"`
		Message   *string `json:"message"`
	} `json:"logEvents"`
}

func show(p *string) string {
	if p == nil {
		return "null"
	}
	return fmt.Sprintf("%q", *p)
}

// same reports how the decoder's input differs from the reference, "" when it does not.
func same(in *api.PutLogEventsInput, want *reference) string {
	for _, pair := range [][2]*string{{in.LogGroupName, want.LogGroupName}, {in.LogStreamName, want.LogStreamName}, {in.SequenceToken, want.SequenceToken}} {
		if show(pair[0]) != show(pair[1]) {
			return show(pair[0]) + " for " + show(pair[1])
		}
	}
	if (in.Entity == nil) != (want.Entity == nil) {
		return fmt.Sprintf("entity %v for %v", in.Entity, want.Entity)
	}
	if len(in.LogEvents) != len(want.LogEvents) || (in.LogEvents == nil) != (want.LogEvents == nil) {
		return fmt.Sprintf("%d events for %d", len(in.LogEvents), len(want.LogEvents))
	}
	for i, e := range in.LogEvents {
		w := want.LogEvents[i]
		if show(e.Message) != show(w.Message) {
			return fmt.Sprintf("message %d: %s for %s", i, show(e.Message), show(w.Message))
		}
		if (e.Timestamp == nil) != (w.Timestamp == nil) || e.Timestamp != nil && *e.Timestamp != *w.Timestamp {
			return fmt.Sprintf("the time of event %d", i)
		}
	}
	return ""
}

func TestDecode(t *testing.T) {
	for _, row := range []struct {
		name, body string
		ok         bool
	}{
		{"nothing", ``, true},
		{"an empty object", ` { } `, true},
		{"all members", `{"logGroupName":"g","logStreamName":"s","sequenceToken":"t","logEvents":[{"timestamp":1,"message":"a"},{"message":"b","timestamp":2}]}`, true},
		{"nulls are absent", `{"logGroupName":null,"logEvents":[{"timestamp":null,"message":null}]}`, true},
		{"escapes", `{"logEvents":[{"message":"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00\ud83d x \u0000"},{"message":"plain"},{"message":"\u0041"}]}`, true},
		{"letters beyond ASCII", `{"logEvents":[{"message":"größe 😀 ends here"}]}`, true},
		{"the smallest number", `{"logEvents":[{"timestamp":-9223372036854775808}]}`, true},
		{"the largest number", `{"logEvents":[{"timestamp":9223372036854775807}]}`, true},
		{"an entity", `{"entity":{"keyAttributes":{"Type":"Service"},"a":[1,-2.5e3,true,false,null,"x",[],{}]},"logEvents":[]}`, true},
		{"a number too large", `{"logEvents":[{"timestamp":9223372036854775808}]}`, false},
		{"a number much too large", `{"logEvents":[{"timestamp":99999999999999999999999}]}`, false},
		{"a fraction", `{"logEvents":[{"timestamp":1.5}]}`, false},
		{"an exponent", `{"logEvents":[{"timestamp":1e3}]}`, false},
		{"a leading zero", `{"logEvents":[{"timestamp":01}]}`, false},
		{"a lone minus", `{"logEvents":[{"timestamp":-}]}`, false},
		{"a number as text", `{"logEvents":[{"timestamp":"1"}]}`, false},
		{"a member twice", `{"logGroupName":"a","logGroupName":"b"}`, false},
		{"an event's member twice", `{"logEvents":[{"message":"a","message":"b"}]}`, false},
		{"an unknown member", `{"other":1}`, false},
		{"an event's unknown member", `{"logEvents":[{"other":1}]}`, false},
		{"another case", `{"LogGroupName":"a"}`, false},
		{"not UTF-8", "{\"logEvents\":[{\"message\":\"a\xffb\"}]}", false},
		{"not UTF-8 beside an escape", "{\"logEvents\":[{\"message\":\"\\n\xff\"}]}", false},
		{"a control character", "{\"logEvents\":[{\"message\":\"a\nb\"}]}", false},
		{"an unknown escape", `{"logEvents":[{"message":"\x41"}]}`, false},
		{"a comma too many", `{"logEvents":[{"timestamp":1},]}`, false},
		{"no comma", `{"logEvents":[{"timestamp":1}{"timestamp":1}]}`, false},
		{"something behind", `{} {}`, false},
		{"an open object", `{"logGroupName":"g"`, false},
		{"an open string", `{"logGroupName":"g`, false},
		{"an open escape", `{"logGroupName":"g\`, false},
		{"a list for an object", `[]`, false},
		{"an entity that is cut", `{"entity":{"a":`, false},
		{"an entity too deep", `{"entity":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`, false},
		{"more events than there may be", `{"logEvents":[` + strings.Repeat("{},", 10_000) + `{}]}`, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			var in api.PutLogEventsInput
			err := decodePutLogEvents([]byte(row.body), &in)
			if (err == nil) != row.ok {
				t.Fatalf("%.200s: got %v", row.body, err)
			}
			if row.ok && row.body != "" {
				var want reference
				if err := json.Unmarshal([]byte(row.body), &want); err != nil {
					t.Fatal(err)
				}
				if d := same(&in, &want); d != "" {
					t.Error(d)
				}
			}
		})
	}
}

func TestDecodeAllocatesPerBatch(t *testing.T) {
	body := batchBody(7500)
	got := testing.AllocsPerRun(5, func() {
		var in api.PutLogEventsInput
		if err := decodePutLogEvents(body, &in); err != nil || len(in.LogEvents) != 7500 {
			t.Fatal(len(in.LogEvents), err)
		}
	})
	if got > 40 {
		t.Errorf("%v allocations for 7,500 events", got)
	}
}

func batchBody(n int) []byte {
	var b strings.Builder
	b.WriteString(`{"logEvents":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"message":"2 123456789010 eni-1235b8ca123456789 172.31.16.%d 172.31.16.21 %d 22 6 20 4249 1418530010 1418530070 ACCEPT OK","timestamp":1700000000000}`, i%256, i)
	}
	b.WriteString(`],"logGroupName":"g","logStreamName":"s"}`)
	return []byte(b.String())
}

func BenchmarkDecode(b *testing.B) {
	body := batchBody(7500)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		var in api.PutLogEventsInput
		if err := decodePutLogEvents(body, &in); err != nil {
			b.Fatal(err)
		}
	}
}

// FuzzDecode holds the decoder against encoding/json: what it reads, that reads the same; what it refuses is refused
// there too, or is of the few things that we are stricter about.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		`{"logGroupName":"g","logStreamName":"s","sequenceToken":null,"logEvents":[{"timestamp":1,"message":"a"},{"message":"\u00e9\ud83d\ude00\n","timestamp":-2}]}`,
		`{"entity":{"a":[1,2.5e-3,{"b":null}],"c":true}}`, `{"logEvents":[{"message":"größe, and more than eight bytes"}]}`, `{}`, `[`, `{"logEvents":[{"timestamp":1e5}]}`,
		`{"logEvents":[{"message":"\ud83d\u0041\udc00"}]}`, "{\"logEvents\":[{\"message\":\"1234567\x1f\"}]}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var in api.PutLogEventsInput
		err := decodePutLogEvents(body, &in)
		var want reference
		decoder := json.NewDecoder(strings.NewReader(string(body)))
		decoder.DisallowUnknownFields()
		wantErr := decoder.Decode(&want)
		if wantErr == nil && !json.Valid(body) {
			wantErr = fmt.Errorf("something behind")
		}
		if len(strings.Trim(string(body), " \t\r\n")) == 0 {
			return // an empty body is an empty object here
		}
		if err == nil {
			if wantErr != nil {
				t.Fatalf("read %q, which encoding/json refuses: %v", body, wantErr)
			}
			if d := same(&in, &want); d != "" {
				t.Fatalf("%q: %s", body, d)
			}
			return
		}
		stricter := !utf8.Valid(body) || strings.Contains(err.Error(), "twice") || strings.Contains(err.Error(), "not support") ||
			strings.Contains(err.Error(), "too deep") || strings.Contains(err.Error(), "10000") || strings.TrimSpace(string(body)) == "null"
		if wantErr == nil && !stricter {
			t.Fatalf("refused %q, which encoding/json reads: %v", body, err)
		}
	})
}
