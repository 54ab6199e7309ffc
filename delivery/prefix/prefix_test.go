package prefix

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"flowlake/fault"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// example is the instant of the developer guide's examples.
var example = Batch{
	Stream: "my-stream", Version: 3, Oldest: time.Date(2018, 8, 27, 10, 30, 0, 0, time.UTC),
	ID: uuid.MustParse("5abf82da-aa5f-4c1e-8e5e-0123456789ab"),
}

var keys = Keys{Query: map[string]string{"customer_id": "42", "device": "mobile"}, Lambda: map[string]string{"zone": "b"}}

// TestDocumentedExamples holds what the developer guide's tables of examples say, and ours, in a golden file.
func TestDocumentedExamples(t *testing.T) {
	var out strings.Builder
	for _, s := range []Settings{
		{Error: "myFirehoseFailures/!{firehose:error-output-type}/"},
		{Prefix: "!{timestamp:yyyy/MM/dd}"},
		{Prefix: "myFirehose/DeliveredYear=!{timestamp:yyyy}/anyMonth/rand=!{firehose:random-string}",
			Error: "myFirehoseFailures/!{firehose:error-output-type}/!{timestamp:yyyy}/anyMonth/!{timestamp:dd}"},
		{Prefix: "myPrefix/year=!{timestamp:yyyy}/month=!{timestamp:MM}/day=!{timestamp:dd}/hour=!{timestamp:HH}/",
			Error: "myErrorPrefix/year=!{timestamp:yyyy}/month=!{timestamp:MM}/day=!{timestamp:dd}/hour=!{timestamp:HH}/!{firehose:error-output-type}"},
		{Prefix: "myFirehosePrefix/"},
		{Prefix: "myFirehosePrefix"},
		{},
		{Error: "errors/"},
		{Prefix: "dt=!{timestamp:yyyy'-'MM'-'dd}/h=!{timestamp:HH}/", Error: "failed/!{firehose:error-output-type}/", Extension: ".parquet"},
		{Prefix: "!{firehose:random-string}/!{firehose:random-string}/", Error: "e/!{firehose:error-output-type}/"},
		{Zone: "Asia/Seoul"},
		{Zone: "America/New_York", Extension: ".gz"},
		{Prefix: "customer_id=!{partitionKeyFromQuery:customer_id}/device=!{partitionKeyFromQuery:device}/zone=!{partitionKeyFromLambda:zone}/!{timestamp:HH}/",
			Error: "errors/!{firehose:error-output-type}/", Dynamic: true},
		{Prefix: "a/!{firehose:error-output-type}/", Error: "!{firehose:error-output-type}/"},
		{Prefix: "a/!{timestamp:yyyy}/", Error: "e/!{timestamp:yyyy}/"},
		{Prefix: "a/!{partitionKeyFromQuery:k}/", Error: "e/!{firehose:error-output-type}/"},
		{Prefix: "a/", Error: "e/!{firehose:error-output-type}/", Dynamic: true},
		{Prefix: "a/!{partitionKeyFromQuery:k}/", Error: "e/!{firehose:error-output-type}/!{partitionKeyFromQuery:k}", Dynamic: true},
		{Prefix: "a/!{partitionKeyFromQuery:k}/", Dynamic: true},
		{Prefix: "a/!{timestamp:YYYY}/", Error: "e/!{firehose:error-output-type}/"},
		{Prefix: "a/!{timestamp:yyyy", Error: "e/!{firehose:error-output-type}/"},
		{Prefix: "a/!{timestamp}/", Error: "e/!{firehose:error-output-type}/"},
		{Prefix: "a/!{other:x}/", Error: "e/!{firehose:error-output-type}/"},
		{Prefix: "a/!{firehose:x}/", Error: "e/!{firehose:error-output-type}/"},
		{Prefix: "a/!{partitionKeyFromQuery:}/", Error: "e/!{firehose:error-output-type}/", Dynamic: true},
		{Prefix: strings.Repeat("x", 500)},
		{Prefix: strings.Repeat("x", 1025)},
		{Zone: "Mars/Olympus"},
		{Zone: "Local"},
	} {
		fmt.Fprintf(&out, "prefix %.60q error %q zone %q dynamic %v extension %q\n", s.Prefix, s.Error, s.Zone, s.Dynamic, s.Extension)
		l, err := New(s)
		if err != nil {
			if !fault.Is(err, fault.Invalid) {
				t.Errorf("%+v: %v is not fault.Invalid", s, err)
			}
			fmt.Fprintf(&out, "\trefused: %v\n", err)
			continue
		}
		for _, f := range []func() (string, error){
			func() (string, error) { return l.Key(example, keys) },
			func() (string, error) { return l.ErrorKey(example, ProcessingFailed) },
		} {
			key, err := f()
			fmt.Fprintf(&out, "\t%s", key)
			if err != nil {
				fmt.Fprintf(&out, "%v", err)
			}
			fmt.Fprintln(&out)
		}
	}
	const golden = "testdata/examples.golden"
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(golden, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if out.String() != string(want) {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

// TestJavaTime holds the letters against what Java prints.
func TestJavaTime(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 3, 7, 15, 4, 5, 67_890_123, berlin)
	for _, row := range []struct{ pattern, want string }{
		{"yyyy", "2026"}, {"yy", "26"}, {"y", "2026"}, {"yyyyy", "02026"}, {"uuuu", "2026"},
		{"M", "3"}, {"MM", "03"}, {"MMM", "Mar"}, {"MMMM", "March"}, {"MMMMM", "M"}, {"LL", "03"},
		{"d", "7"}, {"dd", "07"}, {"D", "66"}, {"DDD", "066"},
		{"E", "Sat"}, {"EEEE", "Saturday"}, {"EEEEE", "S"},
		{"H", "15"}, {"HH", "15"}, {"h", "3"}, {"hh", "03"}, {"K", "3"}, {"k", "15"}, {"a", "PM"},
		{"mm", "04"}, {"ss", "05"}, {"S", "0"}, {"SSS", "067"}, {"SSSSSSSSS", "067890123"}, {"A", "54245067"}, {"n", "67890123"}, {"N", "54245067890123"},
		{"Q", "1"}, {"QQ", "01"}, {"QQQ", "Q1"}, {"qqq", "Q1"}, {"G", "AD"}, {"GGGG", "Anno Domini"},
		{"VV", "Europe/Berlin"}, {"z", "CET"}, {"O", "GMT+1"}, {"OOOO", "GMT+01:00"},
		{"X", "+01"}, {"XX", "+0100"}, {"XXX", "+01:00"}, {"x", "+01"}, {"Z", "+0100"}, {"ZZZZ", "GMT+01:00"}, {"ZZZZZ", "+01:00"},
		{"yyyy/MM/dd/HH", "2026/03/07/15"}, {"'year='yyyy", "year=2026"}, {"yyyy''MM", "2026'03"}, {"'it''s 'd", "it's 7"}, {"[yyyy[-MM]]", "2026-03"}, {"", ""},
	} {
		f, err := parseJavaTime(row.pattern)
		if err != nil {
			t.Errorf("%q: %v", row.pattern, err)
			continue
		}
		if got := string(f.append(nil, at)); got != row.want {
			t.Errorf("%q: got %q, want %q", row.pattern, got, row.want)
		}
	}
	midnight := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, row := range []struct{ pattern, want string }{{"k", "24"}, {"K", "0"}, {"h", "12"}, {"X", "Z"}, {"x", "+00"}, {"Z", "+0000"}, {"O", "GMT"}, {"ZZZZZ", "Z"}} {
		f, err := parseJavaTime(row.pattern)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(f.append(nil, midnight)); got != row.want {
			t.Errorf("midnight %q: got %q, want %q", row.pattern, got, row.want)
		}
	}
	for _, pattern := range []string{"YYYY", "ww", "e", "yyyy'", "b", "{", "#", "]", "ddd", "HHH", "VVV", "OO", "zzzz", "ppH", "DDDD"} {
		if _, err := parseJavaTime(pattern); err == nil {
			t.Errorf("%q was taken", pattern)
		}
	}
}

// TestKeysRepeat claims that a batch which is delivered again gets the keys that it had, and that others differ.
func TestKeysRepeat(t *testing.T) {
	l, err := New(Settings{Prefix: "a/!{firehose:random-string}/", Error: "e/!{firehose:error-output-type}/"})
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		b := Batch{Stream: "s", Version: rapid.Int64Range(1, 9).Draw(t, "version"),
			Oldest: time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "at"), 0), ID: uuid.UUID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id"))}
		one, err1 := l.Key(b, Keys{})
		two, err2 := l.Key(b, Keys{})
		if err1 != nil || err2 != nil || one != two {
			t.Fatalf("%q %v, then %q %v", one, err1, two, err2)
		}
		b.ID[0]++
		if other, _ := l.Key(b, Keys{}); other == one {
			t.Fatalf("another batch has the same key %q", one)
		}
		x, _ := l.ErrorKey(b, ProcessingFailed)
		y, _ := l.ErrorKey(b, ConversionFailed)
		if x[len(x)-36:] == y[len(y)-36:] {
			t.Fatalf("two kinds of failures share an id: %q and %q", x, y)
		}
	})
}

func TestMissingKey(t *testing.T) {
	l, err := New(Settings{Prefix: "!{partitionKeyFromQuery:k}/", Error: "e/!{firehose:error-output-type}/", Dynamic: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range []Keys{{}, {Query: map[string]string{"k": ""}}, {Query: map[string]string{"k": strings.Repeat("x", 600)}}} {
		if key, err := l.Key(example, k); !fault.Is(err, fault.Invalid) {
			t.Errorf("%v: got %q, %v", k, key, err)
		}
	}
}

// FuzzPrefix claims that what New takes can be evaluated.
func FuzzPrefix(f *testing.F) {
	for _, s := range []string{"", "a/", "!{timestamp:yyyy/MM/dd/HH}/", "!{timestamp:'x'}!{firehose:random-string}", "!{partitionKeyFromQuery:k}", "!{", "!{a:b}", "!{timestamp:[SSS]VV XXX}"} {
		f.Add(s, "e/!{firehose:error-output-type}/", "Asia/Seoul")
		f.Add(s, s, "")
	}
	f.Fuzz(func(t *testing.T, prefix, failed, zone string) {
		for _, dynamic := range []bool{false, true} {
			l, err := New(Settings{Prefix: prefix, Error: failed, Zone: zone, Dynamic: dynamic})
			if err != nil {
				if !fault.Is(err, fault.Invalid) {
					t.Fatalf("%q: %v", prefix, err)
				}
				continue
			}
			var k Keys
			for _, name := range l.QueryKeys() {
				k.Query = map[string]string{name: "v"}
			}
			if _, err := l.Key(example, k); err != nil && !dynamic {
				t.Fatalf("%q: %v", prefix, err)
			}
			if _, err := l.ErrorKey(example, ConversionFailed); err != nil {
				t.Fatalf("%q: %v", failed, err)
			}
		}
	})
}
