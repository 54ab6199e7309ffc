package wire

import (
	"context"
	"io"
	"net/http"
	"reflect"

	"flowlake/access"
	"flowlake/access/policy"
)

// DefaultMaxBody bounds a request's body where the row says nothing: 1 MiB.
const DefaultMaxBody = 1 << 20

// Unlimited is a MaxBody for operations that stream their body (RawRow only).
const Unlimited = -1

// Operation is one row of a service's table; Op and Raw make it.
type Operation struct {
	Name     string
	Public   bool     // needs no permission
	Actions  []string // the permissions it declares: "logs:PutLogEvents"
	Always   []string // those of them that each request needs, whatever its input is
	Honoured []string // input members that have their effect
	Recorded []string // input members that are kept and echoed and have no other effect
	Required []string // input members that must be there

	MayBeEmpty []string // required strings for which "" is a value
	MaxBody    int64    // in bytes; never 0

	in, out reflect.Type // the SDK's structs; nil for a raw row
	decode  func(body []byte, in any) error
	call    func(ctx context.Context, c access.Caller, in any) (any, error)
	allow   func(c access.Caller, in any) []demand
	raw     func(ctx context.Context, call *Call) error
	object  bool                    // RawRow.ObjectChecksum
	events  map[string]reflect.Type // of a row whose answer is an event stream
	stream  func(ctx context.Context, c access.Caller, in any, requestID string, send Sender) error
}

// Input is the type of the operation's input, one of the SDK's structs; nil for a raw row.
func (op *Operation) Input() reflect.Type { return op.in }

// demand is one question for the guard.
type demand struct {
	action, resource string
	context          []policy.Entry
}

// Row describes a typed operation: what it needs, and what becomes of each member of its input.
//
// Member paths are in Go field spelling, "TableInput.StorageDescriptor.Location"; slices and maps are
// walked through without a mark. A path covers everything below it, unless longer paths begin
// with it: then only those. A member that a client sends and no path covers is refused by name.
type Row[In any] struct {
	Permissions []Permission[In]
	Public      bool // instead of Permissions: anyone who is authenticated may

	Honoured []string
	Recorded []string
	Required []string // null, absent, or a string of no characters is refused as AWS words it; each must be honoured or recorded

	MayBeEmpty []string // of Required: strings for which "" is a value

	// Decode reads the body of a hot operation instead of the reflective codec; it must refuse what the
	// row does not name by itself. It may keep references into body, which nobody writes to again.
	// Its errors are the caller's: fault.Invalid, or Malformed for JSON that does not parse.
	Decode func(body []byte, in *In) error

	MaxBody int64 // 0: DefaultMaxBody; a larger body is refused, before it is read where its length is declared
}

// Permission is one question to the guard, asked before the operation's function is called.
type Permission[In any] struct {
	Action    string                                 // "glue:GetTable"
	Resource  func(c access.Caller, in *In) string   // the ARN; nil: "*"
	Resources func(c access.Caller, in *In) []string // instead of Resource: several, all of them needed
	When      func(in *In) bool                      // nil: always
	Context   func(in *In) []policy.Entry            // the action's own condition keys, as the request has them; nil: none
}

// Op makes a typed row. In and Out are the SDK's input and output structs; do returns fault errors,
// or an *Error. in is never nil; a nil *Out is an empty answer.
func Op[In, Out any](name string, row Row[In], do func(ctx context.Context, c access.Caller, in *In) (*Out, error)) Operation {
	op := Operation{
		Name: name, Public: row.Public, Honoured: row.Honoured, Recorded: row.Recorded, Required: row.Required, MayBeEmpty: row.MayBeEmpty,
		MaxBody: row.MaxBody, in: reflect.TypeFor[In](), out: reflect.TypeFor[Out](),
	}
	if op.MaxBody == 0 {
		op.MaxBody = DefaultMaxBody
	}
	for _, p := range row.Permissions {
		op.declare(p.Action, p.When == nil)
	}
	if row.Decode != nil {
		op.decode = func(body []byte, in any) error { return row.Decode(body, in.(*In)) }
	}
	op.call = func(ctx context.Context, c access.Caller, in any) (any, error) {
		out, err := do(ctx, c, in.(*In))
		if err != nil {
			return nil, err
		}
		if out == nil {
			out = new(Out)
		}
		return out, nil
	}
	op.allow = func(c access.Caller, in any) []demand {
		typed := in.(*In)
		demands := make([]demand, 0, len(row.Permissions))
		for _, p := range row.Permissions {
			if p.When != nil && !p.When(typed) {
				continue
			}
			var entries []policy.Entry
			if p.Context != nil {
				entries = p.Context(typed)
			}
			switch {
			case p.Resources != nil:
				for _, r := range p.Resources(c, typed) {
					demands = append(demands, demand{p.Action, r, entries})
				}
			case p.Resource != nil:
				demands = append(demands, demand{p.Action, p.Resource(c, typed), entries})
			default:
				demands = append(demands, demand{p.Action, "*", entries})
			}
		}
		return demands
	}
	return op
}

// RawRow describes an operation that reads and writes HTTP itself.
//
// Honoured and Recorded name what such a request may carry: "?uploadId" is a query parameter,
// "x-amz-acl" a header in lower case, "x-amz-meta-*" all headers that begin so. A query
// parameter, or a header that begins with x-amz-, that neither list names is refused before the handler is
// called. What wire itself reads needs no naming: the signature's parameters and headers,
// x-amz-content-sha256, x-amz-decoded-content-length, x-amz-trailer, x-amz-sdk-checksum-algorithm, ?x-id.
// A presigned URL's x-amz-* parameters are put back into the headers that they are, unless the row names the parameter.
// Other headers (If-Match, Range, Content-Type) are the handler's to read; name them for the coverage page.
type RawRow struct {
	Permissions []RawPermission
	Public      bool
	Honoured    []string
	Recorded    []string
	MaxBody     int64 // of the decoded body; 0: DefaultMaxBody; Unlimited: any size

	// ObjectChecksum: x-amz-checksum-* headers speak of an object and not of the body, as CompleteMultipartUpload's
	// do; they are not held against the body.
	ObjectChecksum bool
}

// RawPermission is one question to the guard about a raw operation.
type RawPermission struct {
	Action   string
	Resource func(call *Call) string // nil: "*"
	When     func(call *Call) bool   // nil: always
	Context  func(call *Call) []policy.Entry
}

// Raw makes a row whose handler reads and writes HTTP itself. A returned error is written as the
// service's envelope if nothing was written yet, and ends the connection otherwise.
func Raw(name string, row RawRow, handle func(ctx context.Context, call *Call) error) Operation {
	op := Operation{Name: name, Public: row.Public, Honoured: row.Honoured, Recorded: row.Recorded, MaxBody: row.MaxBody}
	if op.MaxBody == 0 {
		op.MaxBody = DefaultMaxBody
	}
	for _, p := range row.Permissions {
		op.declare(p.Action, p.When == nil)
	}
	op.allow = func(_ access.Caller, in any) []demand {
		call := in.(*Call)
		demands := make([]demand, 0, len(row.Permissions))
		for _, p := range row.Permissions {
			if p.When != nil && !p.When(call) {
				continue
			}
			d := demand{action: p.Action, resource: "*"}
			if p.Resource != nil {
				d.resource = p.Resource(call)
			}
			if p.Context != nil {
				d.context = p.Context(call)
			}
			demands = append(demands, d)
		}
		return demands
	}
	op.raw, op.object = handle, row.ObjectChecksum
	return op
}

// declare notes a permission of the row.
func (op *Operation) declare(action string, always bool) {
	op.Actions = append(op.Actions, action)
	if always {
		op.Always = append(op.Always, action)
	}
}

// Call is one authenticated request of a raw operation.
type Call struct {
	// Request has the client's headers, host, raw path and query. Headers sent in several
	// lines are joined with commas where they are signed. Its Body must not be read: Body is it.
	Request *http.Request
	// Writer has its request id headers set already.
	Writer    http.ResponseWriter
	Caller    access.Caller
	RequestID string
	Operation string

	// Body is the payload without its framing: aws-chunked is decoded. Chunk signatures, the payload's
	// hash, Content-MD5, x-amz-checksum-* headers and trailers, and the announced length are verified while it is
	// read: only io.EOF says that what was read is what was signed, so publish nothing before it.
	Body io.Reader
	// Size is the payload's length in bytes as announced, -1 when it is not known.
	Size int64

	payload *payload
}

// Checksums returns the payload's verified checksums by algorithm, in base64: "CRC32C" → "yZRlqg==".
// They came as x-amz-checksum-* header or trailer, and are known after Body returned io.EOF.
func (c *Call) Checksums() map[string]string { return c.payload.verified() }

// Malformed is the error of a Decode for a body that is not what its content type says, or a member
// of the wrong type: SerializationException.
func Malformed(format string, args ...any) error { return malformed(format, args...) }
