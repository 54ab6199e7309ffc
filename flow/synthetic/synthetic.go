// Package synthetic makes up flow-log records that look like those of a small VPC: a few subnets,
// their network interfaces, services that are asked and services that ask, scanners that are rejected,
// intervals without data.
//
// The same configuration gives the same bytes on every machine: nothing is read from the clock, the
// system or a floating-point unit. The records are for trying things, never a measurement.
package synthetic

import (
	"time"

	"flowlake/flow"
)

// Config says what to make up. Start is required; the zero value of the rest works.
type Config struct {
	Seed     uint64
	Rows     int           // how many records; 0: no end
	Fields   []flow.Field  // empty: flow.DefaultFormat
	Start    time.Time     // the first record's interval begins here, to the second
	Interval time.Duration // aggregation interval: 0 means one minute, the other that exists is ten
	Account  string        // owner of the interfaces; "": 123456789012
	Region   string        // "": us-east-1
}
