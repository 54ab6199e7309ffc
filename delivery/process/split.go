package process

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

// maxParts is how many records one may hold. Source: Firehose developer guide, "Apply dynamic partitioning to aggregated data"
const maxParts = 500

// splitter takes records apart that hold several: JSON objects in a row, or texts between delimiters.
type splitter struct{ delimiter []byte }

// split returns the parts, which share the record's memory or have their own.
func (s *splitter) split(record []byte) (parts [][]byte, f *Failure) {
	if s.delimiter != nil {
		for part := range bytes.SplitSeq(record, s.delimiter) {
			if len(part) > 0 {
				parts = append(parts, part[:len(part):len(part)])
			}
		}
	} else {
		in := json.NewDecoder(bytes.NewReader(record))
		for {
			var one json.RawMessage
			err := in.Decode(&one)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return nil, failed("DynamicPartitioning.DeAggregationFailed", "The record is not JSON objects in a row: %v", err)
			}
			if one[0] != '{' {
				return nil, failed("DynamicPartitioning.DeAggregationFailed", "The record holds JSON that is not an object: %.100s", one)
			}
			parts = append(parts, one)
		}
	}
	if len(parts) > maxParts {
		return nil, failed("DynamicPartitioning.DeAggregationFailed", "The record holds %d records, and may hold %d.", len(parts), maxParts)
	}
	return parts, nil
}
