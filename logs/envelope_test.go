package logs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"

	"flowlake/logs/pattern"
)

// opened is a record as its readers see it.
type opened struct {
	MessageType, Owner, LogGroup, LogStream string
	SubscriptionFilters                     []string
	LogEvents                               []struct {
		ID              string
		Timestamp       int64
		Message         string
		ExtractedFields map[string]string
	}
}

func openEnvelope(t testing.TB, record []byte) (text string, o opened) {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(record))
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &o); err != nil {
		t.Fatalf("%v in %s", err, data)
	}
	return string(data), o
}

func TestEnvelopes(t *testing.T) {
	s := Subscription{Account: account, Group: "/vpc/flow", GroupID: 7, Name: "to the lake"}
	fields, err := pattern.Compile("[a, b=x, ...]")
	if err != nil {
		t.Fatal(err)
	}
	matched := func(sequence uint64, message string) Matched {
		m := Matched{Stored: Stored{Sequence: sequence, TimeMillis: 1510109208016, Stream: "eni-1", Message: message}}
		m.Values, _ = fields.Extract(message, nil)
		return m
	}
	t.Run("have the documented shape", func(t *testing.T) {
		var got []string
		events := []Matched{matched(1, `1 x "q\" r"`), matched(2, "2 x größe\n\x01")}
		err := Envelopes(s, fields, "eni-1", events, func(record []byte, n int) error {
			text, _ := openEnvelope(t, record)
			got = append(got, fmt.Sprint(n, text))
			return nil
		})
		want := `2{"messageType":"DATA_MESSAGE","owner":"123456789012","logGroup":"/vpc/flow","logStream":"eni-1","subscriptionFilters":["to the lake"],"logEvents":[` +
			`{"id":"` + eventID(7, position{1510109208016, 1}) + `","timestamp":1510109208016,"message":"1 x \"q\\\" r\"","extractedFields":{"a":"1","b":"x","3":"q\\\" r"}},` +
			`{"id":"` + eventID(7, position{1510109208016, 2}) + `","timestamp":1510109208016,"message":"2 x größe\n\u0001","extractedFields":{"a":"2","b":"x","3":"größe","4":"\u0001"}}]}`
		if err != nil || len(got) != 1 || got[0] != want {
			t.Errorf("got  %s, %v\nwant %s", got, err, want)
		}
	})
	t.Run("an event's id has 56 digits, and sorts by time, group, sequence", func(t *testing.T) {
		if got, want := eventID(7, position{1510109208016, 42}), "000001510109208016"+"0000000000000000007"+"0000000000000000042"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
	t.Run("without values there are no extracted fields", func(t *testing.T) {
		all, _ := pattern.Compile("")
		_ = Envelopes(s, all, "eni-1", []Matched{{Stored: Stored{Message: "m"}}}, func(record []byte, n int) error {
			if text, _ := openEnvelope(t, record); strings.Contains(text, "extractedFields") {
				t.Error(text)
			}
			return nil
		})
	})
	t.Run("are split so that a delivery stream takes them", func(t *testing.T) {
		noise := rand.NewChaCha8([32]byte{1})
		var events []Matched
		for i := range 900 {
			b := make([]byte, 4000) // compresses to seven eighths
			_, _ = noise.Read(b)
			for j := range b {
				b[j] = '#' + b[j]%90
			}
			events = append(events, Matched{Stored: Stored{Sequence: uint64(i), Message: string(b)}})
		}
		i, records := 0, 0
		err := Envelopes(s, fields, "eni-1", events, func(record []byte, n int) error {
			records++
			_, o := openEnvelope(t, record)
			if len(record) > MaxEnvelope || len(o.LogEvents) != n || o.LogStream != "eni-1" {
				t.Errorf("%d bytes of %d events, %d said", len(record), len(o.LogEvents), n)
			}
			for _, e := range o.LogEvents {
				if e.Message != events[i].Message {
					t.Fatalf("event %d is another", i)
				}
				i++
			}
			return nil
		})
		if err != nil || i != len(events) || records < 4 || records > 5 {
			t.Errorf("%d events in %d records, %v", i, records, err)
		}
	})
	t.Run("an event too large is alone, and an error ends it", func(t *testing.T) {
		events := []Matched{{Stored: Stored{Message: "a"}}, {Stored: Stored{Message: strings.Repeat("\x01", 1<<20)}}, {Stored: Stored{Message: "b"}}}
		var counts []int
		stop := errors.New("stop")
		err := Envelopes(s, fields, "eni-1", events, func(record []byte, n int) error {
			counts = append(counts, n)
			if len(counts) == 3 {
				return stop
			}
			return nil
		})
		if fmt.Sprint(counts) != "[1 1 1]" || err != stop {
			t.Errorf("got %v, %v", counts, err)
		}
		if err := Envelopes(s, fields, "eni-1", nil, func([]byte, int) error { return stop }); err != nil {
			t.Error("no events give a record")
		}
	})
	t.Run("an event that alone is more than a delivery stream takes is whole all the same", func(t *testing.T) {
		noise := rand.NewChaCha8([32]byte{2})
		b := make([]byte, 1<<20-26)
		_, _ = noise.Read(b)
		for i := range b {
			b[i] = '#' + b[i]%90
		}
		copy(b, "1 x ")
		events := []Matched{matched(1, "0 x"), matched(2, string(b)), matched(3, "2 x")}
		var counts []int
		err := Envelopes(s, fields, "eni-1", events, func(record []byte, n int) error {
			counts = append(counts, n)
			_, o := openEnvelope(t, record)
			if len(counts) == 2 && (len(record) <= MaxEnvelope || o.LogEvents[0].Message != string(b) || "1 x "+o.LogEvents[0].ExtractedFields["3"] != string(b)) {
				t.Errorf("%d bytes, of %d fields", len(record), len(o.LogEvents[0].ExtractedFields))
			}
			return nil
		})
		if err != nil || fmt.Sprint(counts) != "[1 1 1]" {
			t.Errorf("got %v, %v", counts, err)
		}
	})
	t.Run("the control message", func(t *testing.T) {
		text, _ := openEnvelope(t, ControlEnvelope(time.UnixMilli(1510109208016)))
		if want := `{"messageType":"CONTROL_MESSAGE","owner":"CloudwatchLogs","logGroup":"","logStream":"","subscriptionFilters":[],"logEvents":[` +
			`{"id":"","timestamp":1510109208016,"message":"CWL CONTROL MESSAGE: Checking health of destination Firehose."}]}`; text != want {
			t.Errorf("got  %s\nwant %s", text, want)
		}
	})
}
