package wire

import (
	"errors"
	"net/http"
	"os"
	"strings"

	"flowlake/access"
	"flowlake/fault"
)

// defaults are a protocol's codes for kinds that a service's own rules do not match.
var defaults = map[Protocol][]FaultRule{
	JSON11: {
		{Kind: fault.Invalid, Code: "ValidationException"},
		{Kind: fault.NotFound, Code: "ResourceNotFoundException"},
		{Kind: fault.Exists, Code: "ResourceAlreadyExistsException"},
		{Kind: fault.Conflict, Code: "ConflictException"},
		{Kind: fault.Denied, Code: "AccessDeniedException"},
		{Kind: fault.Limit, Code: "LimitExceededException"},
		{Kind: fault.Throttled, Code: "ThrottlingException"},
		{Kind: fault.TooLarge, Code: "ValidationException"},
		{Kind: fault.Precondition, Code: "ConflictException"},
		{Kind: fault.NotModified, Code: "ConflictException"},
		{Kind: fault.Unavailable, Code: "ServiceUnavailableException", Status: 503},
		{Kind: fault.Unsupported, Code: "ValidationException"},
		{Kind: fault.Internal, Code: "InternalFailure", Status: 500},
	},
	Query: {
		{Kind: fault.Invalid, Code: "ValidationError"},
		{Kind: fault.NotFound, Code: "NoSuchEntity", Status: 404},
		{Kind: fault.Exists, Code: "EntityAlreadyExists", Status: 409},
		{Kind: fault.Conflict, Code: "ConcurrentModification", Status: 409},
		{Kind: fault.Denied, Code: "AccessDenied", Status: 403},
		{Kind: fault.Limit, Code: "LimitExceeded", Status: 409},
		{Kind: fault.Throttled, Code: "Throttling"},
		{Kind: fault.TooLarge, Code: "ValidationError"},
		{Kind: fault.Precondition, Code: "ConcurrentModification", Status: 409},
		{Kind: fault.NotModified, Code: "ConcurrentModification", Status: 409},
		{Kind: fault.Unavailable, Code: "ServiceUnavailable", Status: 503},
		{Kind: fault.Unsupported, Code: "ValidationError"},
		{Kind: fault.Internal, Code: "InternalFailure", Status: 500},
	},
	RestXML: {
		{Kind: fault.Invalid, Code: "InvalidArgument"},
		{Kind: fault.NotFound, Noun: "bucket", Code: "NoSuchBucket", Status: 404, Message: "The specified bucket does not exist"},
		{Kind: fault.NotFound, Code: "NoSuchKey", Status: 404, Message: "The specified key does not exist."},
		{Kind: fault.Exists, Code: "BucketAlreadyExists", Status: 409},
		{Kind: fault.Conflict, Code: "OperationAborted", Status: 409},
		{Kind: fault.Denied, Code: "AccessDenied", Status: 403},
		{Kind: fault.Limit, Code: "TooManyBuckets"},
		{Kind: fault.Throttled, Code: "SlowDown", Status: 503},
		{Kind: fault.TooLarge, Code: "EntityTooLarge"},
		{Kind: fault.Precondition, Code: "PreconditionFailed", Status: 412},
		{Kind: fault.NotModified, Code: "NotModified", Status: 304},
		{Kind: fault.Unavailable, Code: "ServiceUnavailable", Status: 503},
		{Kind: fault.Unsupported, Code: "NotImplemented", Status: 501},
		{Kind: fault.Internal, Code: "InternalError", Status: 500},
	},
	EC2Query: ec2Faults,
	RestJSON: restJSONFaults,
}

// malformedCodes are the protocols' codes for a body that does not parse.
var malformedCodes = map[Protocol]string{JSON11: "SerializationException", Query: "MalformedInput", RestXML: "MalformedXML", EC2Query: "InvalidParameterValue", RestJSON: "SerializationException"}

// Explain puts an operation's error into the service's words, as the envelope of a failed request has them; doors need
// it where an answer carries the failures of single elements. An *Error in the chain speaks for itself: so a payload
// that fails its checks keeps its code through the room that read it. What is internal is explained without its detail.
func (svc *Service) Explain(err error) *Error {
	e := svc.translate(err, false)
	if e.Message == "" {
		e.Message = "We encountered an internal error. Please try again."
	}
	return e
}

// translate explains err; an empty message is one that only the log may have.
func (svc *Service) translate(err error, presigned bool) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		shown := *e
		if shown.Status == 0 {
			shown.Status = http.StatusBadRequest
		}
		return &shown
	}
	if r, ok := errors.AsType[*refusal](err); ok {
		return r.in(svc.Protocol, presigned)
	}
	if m, ok := errors.AsType[*malformedError](err); ok {
		return &Error{Code: malformedCodes[svc.Protocol], Status: http.StatusBadRequest, Message: m.message}
	}
	for _, rules := range [][]FaultRule{svc.Faults, defaults[svc.Protocol]} {
		for _, rule := range rules {
			if fault.Is(err, rule.Kind) && (rule.Noun == "" || fault.HasNoun(err, rule.Noun)) {
				return rule.apply(err)
			}
		}
	}
	return &Error{Code: "InternalFailure", Status: http.StatusInternalServerError, Err: err}
}

// apply words err by a rule. What is internal stays so: its message is the id under which the log has it.
func (rule FaultRule) apply(err error) *Error {
	e := &Error{Code: rule.Code, Status: rule.Status, Message: rule.Message, Err: err}
	if e.Status == 0 {
		e.Status = http.StatusBadRequest
	}
	if e.Message == "" && rule.Kind != fault.Internal {
		e.Message = words(err)
	}
	if r, ok := errors.AsType[*access.Refusal](err); ok && rule.Kind == fault.Denied && rule.Message == "" {
		e.Message = r.Explanation()
		switch {
		case rule.Code == "UnauthorizedOperation":
			e.Message = "You are not authorized to perform this operation. " + e.Message
		case r.Hidden && rule.Code == "AccessDenied":
			e.Message = "Access Denied"
		}
	}
	return e
}

// words are a failure's own words, or AWS's where AWS's are known to be read.
func words(err error) string {
	if m, ok := errors.AsType[*memberError](err); ok {
		return m.message
	}
	if f, ok := errors.AsType[*fault.Error](err); ok && f.Kind == fault.Denied && f.Err == nil {
		if who, ok := strings.CutPrefix(f.Subject, "principal "); ok {
			return "User: " + who + " " + f.Detail
		}
	}
	return err.Error()
}

// readError is the error of a body that stopped coming: its client or the way to it is to blame, not the server.
func readError(err error) error {
	var own *Error
	switch {
	case errors.As(err, &own):
		return err
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &Error{Code: "RequestTimeout", Status: http.StatusBadRequest, Err: err,
			Message: "Your socket connection to the server was not read from or written to within the timeout period. Idle connections will be closed."}
	}
	return &Error{Code: "IncompleteBody", Status: http.StatusBadRequest, Err: err,
		Message: "You did not provide the number of bytes specified by the Content-Length HTTP header."}
}
