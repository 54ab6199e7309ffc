// Package wire is the frame that every AWS door stands in: it authenticates requests (SigV4),
// finds their operation, decodes and checks the input, asks access whether the caller may,
// calls the operation's function, and writes its answer or its fault as AWS would.
//
// A service is a table: its names, one row per operation, one rule per kind of fault. wire knows
// no service's behaviour and stores nothing; what an operation does is its room's.
package wire

import (
	"log/slog"
	"net/http"
	"time"

	"flowlake/access"
	"flowlake/access/audit"
	"flowlake/fault"

	"github.com/prometheus/client_golang/prometheus"
)

// Protocol is how a service's requests and answers are written.
type Protocol uint8

// The protocols that wire speaks.
const (
	JSON11   Protocol = iota + 1 // awsJson1.1: X-Amz-Target and a JSON body
	Query                        // awsQuery: an Action in a form, an XML answer
	RestXML                      // restXml, S3's: Raw operations that a Route finds
	EC2Query                     // ec2Query, EC2's own: a form with flattened lists, an XML answer of lowerCamel names
	RestJSON                     // restJson1 as Lake Formation has it: a POST to the operation's name, and JSON bodies
)

func (p Protocol) String() string {
	switch p {
	case JSON11:
		return "awsJson1.1"
	case Query:
		return "awsQuery"
	case RestXML:
		return "restXml"
	case EC2Query:
		return "ec2Query"
	case RestJSON:
		return "restJson1"
	}
	return "unknown protocol"
}

// Service is one AWS service as a table. Two entries may share a Name when a service speaks several protocols.
type Service struct {
	Name     string   // the signing name, which the credential scope carries: "logs", "s3"
	Title    string   // for people and the coverage page: "CloudWatch Logs"
	Protocol Protocol //

	// Target is, for JSON11, the prefix of X-Amz-Target with its dot, "Logs_20140328."; for Query and EC2Query the
	// API's version, "2011-06-15". RestXML and RestJSON have none.
	Target string

	// LowerCamel: member names on the wire begin with a lower-case letter (logs). Otherwise they are
	// the SDK's Go field names. Names holds the exceptions, from Go field name, or from struct and field where it differs
	// from struct to struct ("Filter.Values"), to wire name. EC2Query spells its answers otherwise than
	// its requests, lowerCamel: Answers holds their exceptions.
	LowerCamel bool
	Names      map[string]string
	Answers    map[string]string

	// Enums are values of flowlake's own that inputs take beside those of the SDK's enums, by the enum's type ("ParquetCompression").
	Enums map[string][]string

	// Namespace is the XML namespace of Query's and EC2Query's answers, "https://sts.amazonaws.com/doc/2011-06-15/".
	Namespace string

	// Faults map what rooms return to this service's codes: the first match wins, then the
	// protocol's default for the kind. wire's own refusals go through the same table, as
	// fault.Invalid or fault.Unsupported about the noun "member" (missing, malformed, not supported).
	Faults []FaultRule

	Operations []Operation

	// Route finds the operation of a RestXML request by method, host, path and query; ok is false when there is none.
	// It must not read the body. Other protocols leave it nil.
	Route func(r *http.Request) (operation string, ok bool)
}

// FaultRule gives failures of one kind, about one noun, a code and an HTTP status.
type FaultRule struct {
	Kind    fault.Kind
	Noun    string // as fault.HasNoun matches it: "log group"; "" matches every noun
	Code    string // "ResourceNotFoundException"
	Status  int    // 0: 400
	Message string // replaces the room's words where clients read AWS's; "" keeps them
}

// Error is a failure in AWS's words already. A door's function returns one only where a fault and a
// FaultRule cannot say it: a code that carries further members, such as Athena's AthenaErrorCode.
type Error struct {
	Code    string
	Status  int // 0: 400
	Message string
	Fields  map[string]string // further members of the error, by wire name
	Err     error             // the cause; logged when Status is 500 or more, never shown
}

// Error reads "code: message".
func (e *Error) Error() string { return e.Code + ": " + e.Message }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Config is what a Server needs.
type Config struct {
	Keys     *access.Keys
	Guard    *access.Guard
	Audit    *audit.Log // nil: requests are not recorded
	Log      *slog.Logger
	Registry prometheus.Registerer // nil: no metrics
	Now      func() time.Time      // nil: time.Now
}
