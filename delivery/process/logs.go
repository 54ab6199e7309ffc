package process

import (
	"bytes"
	"encoding/json"
	"io"

	"flowlake/columnar"
	"flowlake/fault"

	"github.com/klauspost/compress/gzip"
)

// maxUnpacked bounds a record's size when it is unpacked: a gzip record of 1,000 KiB can hold a thousand times as much.
const maxUnpacked = 64 << 20

// unpacker reads gzip records one after another.
type unpacker struct{ zip *gzip.Reader }

func (u *unpacker) unpack(data []byte) (out []byte, err error) {
	from := bytes.NewReader(data)
	if u.zip == nil {
		u.zip, err = gzip.NewReader(from)
	} else {
		err = u.zip.Reset(from)
	}
	if err != nil {
		u.zip = nil
		return nil, fault.Newf(fault.Invalid, "record", "is not in gzip: %w", err)
	}
	out, err = io.ReadAll(io.LimitReader(u.zip, maxUnpacked+1))
	switch {
	case err != nil:
		return nil, fault.Newf(fault.Invalid, "record", "cannot be unpacked: %w", err)
	case len(out) > maxUnpacked:
		return nil, fault.Newf(fault.Invalid, "record", "is larger than %d MiB when it is unpacked", maxUnpacked>>20)
	}
	return out, nil
}

// envelope is a log subscription's record.
type envelope struct {
	MessageType string `json:"messageType"`
	LogEvents   []struct {
		Message         *string         `json:"message"`
		ExtractedFields json.RawMessage `json:"extractedFields"`
	} `json:"logEvents"`
}

// takeApart returns the events of a subscription's record; one is nil that has no extracted fields. A control message has none.
func takeApart(plain []byte, as extraction) (events [][]byte, control bool, f *Failure) {
	var e envelope
	if err := json.Unmarshal(plain, &e); err != nil {
		return nil, false, failed("CloudWatchLogProcessing.InvalidRecord", "The record is not one of a log subscription: %v", err)
	}
	switch e.MessageType {
	case "CONTROL_MESSAGE":
		return nil, true, nil
	case "DATA_MESSAGE":
	default:
		return nil, false, failed("CloudWatchLogProcessing.InvalidRecord", "The record's messageType is neither DATA_MESSAGE nor CONTROL_MESSAGE.")
	}
	for _, ev := range e.LogEvents {
		switch {
		case as == messages && ev.Message != nil:
			events = append(events, []byte(*ev.Message))
		case as == messages:
			events = append(events, []byte{})
		case len(ev.ExtractedFields) > 0 && ev.ExtractedFields[0] == '{':
			events = append(events, ev.ExtractedFields)
		default:
			events = append(events, nil)
		}
	}
	return events, false, nil
}

// NoFields is the failure of an event that a pattern took no fields from.
func NoFields() *Failure {
	return failed("CloudWatchLogProcessing.NoExtractedFields", "The event has no extractedFields: the subscription's filter pattern is not space-delimited.")
}

// object is the JSON object of an event's extracted fields, as its record has it. Of fields of one name the last counts.
func object(names, values []string) ([]byte, *Failure) {
	if len(names) == 0 {
		return nil, NoFields()
	}
	size := 2
	for i, n := range names {
		size += len(n) + len(values[i]) + 6
	}
	out := append(make([]byte, 0, size+1), '{')
next:
	for i, name := range names {
		for _, later := range names[i+1:] {
			if later == name {
				continue next
			}
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(columnar.AppendQuoted(out, name), ':')
		out = columnar.AppendQuoted(out, values[i])
	}
	return append(out, '}'), nil
}
