package logs

import (
	"bytes"
	"strconv"
	"sync"
	"time"

	"github.com/klauspost/compress/gzip"

	"flowlake/columnar"
	"flowlake/logs/pattern"
)

// MaxEnvelope is the largest record that a delivery stream takes, in bytes. Source: Firehose developer guide, "Quotas".
const MaxEnvelope = 1_024_000

// envelopeJSON bounds a record's JSON: gzip adds a few hundred bytes to what it cannot compress, and so no record of
// several events is larger than MaxEnvelope.
const envelopeJSON = 1_000_000

// Matched is an event with the values that the subscription's pattern took from it (pattern.Extract).
type Matched struct {
	Stored
	Values []string
}

// Envelopes renders matched events of one log stream as the records that a subscription's destination gets, as few as may
// be: gzip of a JSON object with messageType DATA_MESSAGE, owner, logGroup, logStream, subscriptionFilters and logEvents,
// each with id, timestamp, message and, where the pattern is space-delimited, extractedFields, named as in the pattern. yield gets
// each record and how many events it holds; the record is its to keep, and its error ends the rendering. The same events
// give the same bytes again.
//
// A record is at most MaxEnvelope bytes long, unless it is of one event that alone is longer: of half a megabyte or more that
// does not compress, and whose values say it a second time.
//
// Differs from AWS: Firehose would refuse that record. Here it is whole: delivery pulls it and puts it through no door, and
// its event was acknowledged.
//
// Source: CloudWatch Logs user guide, "Log group-level subscription filters"
func Envelopes(s Subscription, p *pattern.Pattern, stream string, events []Matched, yield func(record []byte, events int) error) error {
	head := appendHead(nil, "DATA_MESSAGE", s.Account, s.Group, stream, s.Name)
	text := append(make([]byte, 0, min(envelopeJSON+4096, 512*(len(events)+1))), head...)
	n := 0
	for i := range events {
		before := len(text)
		if n > 0 {
			text = append(text, ',')
		}
		text = appendEvent(text, s.GroupID, p, &events[i])
		if n > 0 && len(text) > envelopeJSON-2 {
			if err := yield(envelope(append(text[:before:before], "]}"...)), n); err != nil {
				return err
			}
			text = append(head[:len(head):len(head)], text[before+1:]...)
			n = 0
		}
		n++
	}
	if n == 0 {
		return nil
	}
	return yield(envelope(append(text, "]}"...)), n)
}

// ControlEnvelope is the record that a destination gets when it is subscribed, to see that it can be reached. Those who
// unpack records pass over it.
func ControlEnvelope(at time.Time) []byte {
	text := appendHead(nil, "CONTROL_MESSAGE", "CloudwatchLogs", "", "", "")
	text = append(text, `{"id":"","timestamp":`...)
	text = strconv.AppendInt(text, at.UnixMilli(), 10)
	text = append(text, `,"message":"CWL CONTROL MESSAGE: Checking health of destination Firehose."}]}`...)
	return envelope(text)
}

// appendHead begins a record, up to its first event.
func appendHead(b []byte, kind, owner, group, stream, filter string) []byte {
	b = append(b, `{"messageType":"`...)
	b = append(b, kind...)
	b = columnar.AppendQuoted(append(b, `","owner":`...), owner)
	b = columnar.AppendQuoted(append(b, `,"logGroup":`...), group)
	b = columnar.AppendQuoted(append(b, `,"logStream":`...), stream)
	b = append(b, `,"subscriptionFilters":[`...)
	if filter != "" {
		b = columnar.AppendQuoted(b, filter)
	}
	return append(b, `],"logEvents":[`...)
}

func appendEvent(b []byte, group uint64, p *pattern.Pattern, e *Matched) []byte {
	b = append(b, `{"id":"`...)
	b = appendEventID(b, group, e.position())
	b = append(b, `","timestamp":`...)
	b = strconv.AppendInt(b, e.TimeMillis, 10)
	b = columnar.AppendQuoted(append(b, `,"message":`...), e.Message)
	if len(e.Values) > 0 {
		b = append(b, `,"extractedFields":{`...)
		for i, name := range p.NamesOf(len(e.Values)) {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(columnar.AppendQuoted(b, name), ':')
			b = columnar.AppendQuoted(b, e.Values[i])
		}
		b = append(b, '}')
	}
	return append(b, '}')
}

// compressors are gzip writers: a new one is more than a megabyte of tables.
var compressors = sync.Pool{New: func() any {
	w, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed) // the level is one there is
	return w
}}

// envelope is text in gzip.
func envelope(text []byte) []byte {
	w := compressors.Get().(*gzip.Writer)
	defer compressors.Put(w)
	var b bytes.Buffer
	w.Reset(&b)
	_, _ = w.Write(text) // a buffer takes everything
	_ = w.Close()
	return b.Bytes()
}
