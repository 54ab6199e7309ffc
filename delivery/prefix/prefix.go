// Package prefix builds the keys of a delivery stream's objects: prefixes with expressions, error prefixes, and the
// objects' names. A key follows from the stream, the batch and the instant alone, so a batch that is delivered
// again gets the keys that it had. It never reads a record and never talks to a bucket.
//
// Source: Firehose developer guide, "Understand custom prefixes for Amazon S3 objects" and "Configure Amazon S3
// object name format"
package prefix

import (
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // the zones are the same wherever flowlake runs

	"flowlake/fault"

	"github.com/google/uuid"
)

// The longest prefix as it is written, and the longest after its expressions are replaced, in bytes.
const (
	MaxLength    = 1024
	MaxEvaluated = 512
)

// The values of !{firehose:error-output-type}: why records lie below an error prefix.
const (
	ProcessingFailed    = "processing-failed"
	DecompressionFailed = "decompression-failed"
	ConversionFailed    = "format-conversion-failed"
	PartitioningFailed  = "dynamic-partitioning-failed"
)

// longestFailure is the longest of them, for the check of lengths.
const longestFailure = PartitioningFailed

// Settings say how a destination's objects are named.
type Settings struct {
	Prefix    string
	Error     string // "": below Prefix, which then has no expression
	Zone      string // an IANA name; "" is UTC
	Dynamic   bool   // dynamic partitioning is on
	Extension string // behind the name of data objects: ".gz", ".parquet"
}

// Layout names the objects of one destination. It may be used by several goroutines.
type Layout struct {
	data, failed template
	zone         *time.Location
	extension    string
}

// Batch is what an object's key follows from.
type Batch struct {
	Stream  string
	Version int64     // of the stream's configuration
	Oldest  time.Time // the arrival of the oldest record in the object
	ID      uuid.UUID // of the object; the same whenever the same object is written
}

// Keys are the values of a record's partition keys.
type Keys struct {
	Query  map[string]string // !{partitionKeyFromQuery:name}
	Lambda map[string]string // !{partitionKeyFromLambda:name}
}

// defaultTime is what AWS appends to a prefix that has no expression.
const defaultTime = "!{timestamp:yyyy/MM/dd/HH/}"

// New checks the settings, as AWS does when a stream is made. Its errors are fault.Invalid.
//
// A prefix without any expression gets yyyy/MM/dd/HH/ appended, without a slash between. An error prefix
// without an expression gets the type of the failure, a slash, and the same.
//
// Differs from AWS: the documents say that the time is appended where there is no timestamp expression; the service
// appends it only where there is no expression at all, and so do we. Letters of Java's formatter whose
// meaning hangs on a locale (Y, w, W, e, c) are refused by name.
func New(s Settings) (*Layout, error) {
	for _, p := range []struct{ name, text string }{{"Prefix", s.Prefix}, {"ErrorOutputPrefix", s.Error}} {
		if len(p.text) > MaxLength {
			return nil, fault.Newf(fault.Invalid, p.name, "is longer than %d characters", MaxLength)
		}
	}
	zone, err := loadZone(s.Zone)
	if err != nil {
		return nil, err
	}
	l := &Layout{zone: zone, extension: s.Extension}
	if l.data, err = parse("Prefix", s.Prefix); err != nil {
		return nil, err
	}
	if l.failed, err = parse("ErrorOutputPrefix", s.Error); err != nil {
		return nil, err
	}
	switch {
	case l.data.has(failureType):
		return nil, fault.Newf(fault.Invalid, "Prefix", "cannot contain !{firehose:error-output-type}")
	case l.failed.partitioned():
		return nil, fault.Newf(fault.Invalid, "ErrorOutputPrefix", "cannot contain partition keys")
	case l.data.partitioned() && !s.Dynamic:
		return nil, fault.Newf(fault.Invalid, "Prefix", "dynamic partitioning namespaces can only be part of a prefix when dynamic partitioning is enabled")
	case s.Dynamic && !l.data.partitioned():
		return nil, fault.Newf(fault.Invalid, "Prefix", "must contain partitionKeyFromQuery or partitionKeyFromLambda when dynamic partitioning is enabled")
	case s.Dynamic && s.Error == "", l.data.expressions() && s.Error == "":
		return nil, fault.Newf(fault.Invalid, "ErrorOutputPrefix", "cannot be null or empty when Prefix contains expressions")
	case l.failed.expressions() && !l.failed.has(failureType):
		return nil, fault.Newf(fault.Invalid, "ErrorOutputPrefix", "must contain at least one instance of !{firehose:error-output-type}")
	}
	if !l.failed.expressions() {
		below := s.Error
		if below == "" {
			below = s.Prefix
		}
		if l.failed, err = parse("ErrorOutputPrefix", below+"!{firehose:error-output-type}/"+defaultTime); err != nil {
			return nil, err
		}
	}
	if !l.data.expressions() {
		if l.data, err = parse("Prefix", s.Prefix+defaultTime); err != nil {
			return nil, err
		}
	}
	sample := Batch{Oldest: time.Date(2000, 12, 30, 23, 59, 59, 0, time.UTC)}
	if !l.data.partitioned() {
		if _, err := l.evaluate("Prefix", l.data, sample, "", Keys{}); err != nil {
			return nil, err
		}
	}
	if _, err := l.evaluate("ErrorOutputPrefix", l.failed, sample, longestFailure, Keys{}); err != nil {
		return nil, err
	}
	return l, nil
}

// loadZone finds a time zone by its IANA name.
func loadZone(name string) (*time.Location, error) {
	if name == "" {
		return time.UTC, nil
	}
	zone, err := time.LoadLocation(name)
	if err != nil || name == "Local" || len(name) > 50 {
		return nil, fault.Newf(fault.Invalid, "CustomTimeZone "+name, "is not a time zone")
	}
	return zone, nil
}

// Zone is the time zone of the timestamps.
func (l *Layout) Zone() *time.Location { return l.zone }

// QueryKeys and LambdaKeys are the partition keys that the prefix names, each once.
func (l *Layout) QueryKeys() []string  { return l.data.names(queryKey) }
func (l *Layout) LambdaKeys() []string { return l.data.names(lambdaKey) }

// Key is the key of a data object. It returns fault.Invalid when a partition key has no value, and when the
// prefix is too long with its expressions replaced: that is the records' fault, and they belong below the error prefix.
func (l *Layout) Key(b Batch, k Keys) (string, error) {
	p, err := l.evaluate("Prefix", l.data, b, "", k)
	if err != nil {
		return "", err
	}
	return p + l.Name(b), nil
}

// Name is what Key puts behind the Folder: the object's own name.
func (l *Layout) Name(b Batch) string { return l.name(b) + l.extension }

// Folder is Key without the object's name: its prefix with the expressions replaced.
func (l *Layout) Folder(b Batch, k Keys) (string, error) {
	return l.evaluate("Prefix", l.data, b, "", k)
}

// ErrorKey is the key of an object that holds failed records. It has no extension, as on AWS. The object's name
// has a UUID of its own, which follows from the batch's and the failure's type.
func (l *Layout) ErrorKey(b Batch, failure string) (string, error) {
	b.ID = uuid.NewSHA1(b.ID, []byte(failure))
	p, err := l.evaluate("ErrorOutputPrefix", l.failed, b, failure, Keys{})
	if err != nil {
		return "", err
	}
	return p + l.name(b), nil
}

// name is the last part of a key, without its extension.
func (l *Layout) name(b Batch) string {
	var text strings.Builder
	text.WriteString(b.Stream)
	text.WriteByte('-')
	text.WriteString(strconv.FormatInt(b.Version, 10))
	text.WriteString(b.Oldest.In(l.zone).Format("-2006-01-02-15-04-05-"))
	text.WriteString(b.ID.String())
	return text.String()
}
