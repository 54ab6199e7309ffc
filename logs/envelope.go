package logs

import (
	"time"

	"flowlake/logs/pattern"
)

// MaxEnvelope is the largest record that Envelopes makes, in bytes: what a delivery stream takes. Source: Firehose developer guide, "Quotas".
const MaxEnvelope = 1_024_000

// Matched is an event with the values that the subscription's pattern took from it (pattern.Extract).
type Matched struct {
	Stored
	Values []string
}

// Envelopes renders matched events of one log stream as the records that a subscription's destination gets: JSON with messageType
// DATA_MESSAGE, owner, logGroup, logStream, subscriptionFilters and logEvents (id, timestamp, message, extractedFields),
// in gzip, as few as may be. yield gets each record and the number of its events; it owns the record, and its error ends the rendering. The same
// events always give the same bytes.
//
// Source: CloudWatch Logs user guide, "Log group-level subscription filters"
func Envelopes(s Subscription, p *pattern.Pattern, stream string, events []Matched, yield func(record []byte, events int) error) error {
	panic("being written")
}

// ControlEnvelope is the record that a destination gets when it is subscribed, to see that it can be reached.
func ControlEnvelope(s Subscription, at time.Time) []byte {
	panic("being written")
}
