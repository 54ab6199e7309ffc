package wire

import (
	"net/http"
	"reflect"

	"flowlake/fault"
)

// form reports whether the protocol's requests are forms with an Action.
func (p Protocol) form() bool { return p == Query || p == EC2Query }

// ec2Faults are EC2's codes for kinds that the service's own rules do not match.
//
// Source: EC2 API reference, "Error codes".
var ec2Faults = []FaultRule{
	{Kind: fault.Invalid, Code: "InvalidParameterValue"},
	{Kind: fault.NotFound, Code: "InvalidParameterValue"},
	{Kind: fault.Exists, Code: "InvalidParameterValue"},
	{Kind: fault.Conflict, Code: "IncorrectState"},
	{Kind: fault.Denied, Code: "UnauthorizedOperation", Status: http.StatusForbidden},
	{Kind: fault.Limit, Code: "ResourceLimitExceeded"},
	{Kind: fault.Throttled, Code: "RequestLimitExceeded", Status: http.StatusServiceUnavailable},
	{Kind: fault.TooLarge, Code: "InvalidParameterValue"},
	{Kind: fault.Precondition, Code: "IncorrectState"},
	{Kind: fault.NotModified, Code: "IncorrectState"},
	{Kind: fault.Unavailable, Code: "Unavailable", Status: http.StatusServiceUnavailable},
	{Kind: fault.Unsupported, Noun: "member", Code: "UnknownParameter"},
	{Kind: fault.Unsupported, Code: "UnsupportedOperation"},
	{Kind: fault.Internal, Code: "InternalError", Status: http.StatusInternalServerError},
}

// ec2Reason is why a request was not authenticated in EC2's words: Query's, but that one code covers credentials that
// do not hold.
func ec2Reason(why reason) answer {
	switch why {
	case authUnknownKey, authBadToken, authMismatch, authScope, authUnsignedHeader, authPayload, authPayloadHash:
		return answer{"AuthFailure", http.StatusUnauthorized}
	}
	return reasons[why][Query-1]
}

// missingParameter is EC2's refusal of a request without a required member.
func missingParameter(name string) error {
	return &Error{Code: "MissingParameter", Status: http.StatusBadRequest, Message: "The request must contain the parameter " + name}
}

// errDryRun answers a request that would have been done, had it not asked for a rehearsal.
var errDryRun = &Error{Code: "DryRunOperation", Status: http.StatusPreconditionFailed,
	Message: "Request would have succeeded, but DryRun flag is set."}

// dryRun reports whether an input's DryRun is true. The guard was asked before: that is what the flag is for.
func dryRun(in any) bool {
	f := reflect.ValueOf(in).Elem().FieldByName("DryRun")
	if !f.IsValid() || f.Kind() != reflect.Pointer || f.IsNil() {
		return false
	}
	return f.Elem().Bool()
}

// appendEC2Result writes an answer: <XResponse><requestId>… and the members, without a result element around them.
func appendEC2Result(dst []byte, operation, namespace, requestID string, s *shape, v reflect.Value) ([]byte, error) {
	dst = append(dst, xmlHeader+"<"+operation+`Response xmlns="`...)
	dst = append(appendText(dst, namespace), `"><requestId>`...)
	dst = append(appendText(dst, requestID), "</requestId>"...)
	before := len(dst)
	dst, err := appendXML(dst, "item", s, v)
	if err != nil {
		return nil, err
	}
	if len(dst) == before { // an answer without members says that it was done
		dst = append(dst, "<return>true</return>"...)
	}
	return append(dst, "</"+operation+"Response>\n"...), nil
}

// appendEC2Error writes EC2's envelope.
func appendEC2Error(dst []byte, requestID string, e *Error) []byte {
	dst = append(dst, xmlHeader+"<Response><Errors><Error>"...)
	dst = append(appendErrorFields(dst, e), "</Error></Errors><RequestID>"...)
	return append(appendText(dst, requestID), "</RequestID></Response>\n"...)
}
