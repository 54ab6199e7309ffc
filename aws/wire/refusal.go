package wire

import (
	"net/http"
	"strconv"
)

// reason is why a request was not authenticated; each protocol has its own code for it.
type reason uint8

const (
	authMissing        reason = iota // no signature at all
	authMalformed                    // a signature that does not parse
	authUnsupported                  // another algorithm than SigV4's
	authTwice                        // a header and a query signature
	authNoDate                       // no date, or one that does not parse
	authScope                        // the scope's date, region, service or terminator does not fit
	authUnsignedHeader               // host or an x-amz-* header is not covered
	authSkewed                       // signed too long ago, or in the future
	authExpired                      // a presigned URL outside its time
	authUnknownKey                   // no such access key
	authBadToken                     // a session token that is not the key's
	authExpiredToken                 // a session that is over
	authMismatch                     // the signature is not the request's
	authPayload                      // x-amz-content-sha256 is missing, or not what the protocol takes
	authPayloadHash                  // x-amz-content-sha256 is not the hash of the body
)

// answer is a code with its status.
type answer struct {
	code   string
	status int
}

// reasons holds each protocol's words: JSON11, Query, RestXML.
//
// Source: the services' "Common errors" pages; S3's "Error responses".
var reasons = map[reason][3]answer{
	authMissing:        {{"MissingAuthenticationTokenException", 400}, {"MissingAuthenticationToken", 403}, {"AccessDenied", 403}},
	authMalformed:      {{"IncompleteSignatureException", 400}, {"IncompleteSignature", 400}, {"AuthorizationHeaderMalformed", 400}},
	authUnsupported:    {{"IncompleteSignatureException", 400}, {"IncompleteSignature", 400}, {"InvalidRequest", 400}},
	authTwice:          {{"IncompleteSignatureException", 400}, {"IncompleteSignature", 400}, {"InvalidArgument", 400}},
	authNoDate:         {{"IncompleteSignatureException", 400}, {"IncompleteSignature", 400}, {"AccessDenied", 403}},
	authScope:          {{"InvalidSignatureException", 400}, {"SignatureDoesNotMatch", 403}, {"AuthorizationHeaderMalformed", 400}},
	authUnsignedHeader: {{"InvalidSignatureException", 400}, {"SignatureDoesNotMatch", 403}, {"AccessDenied", 403}},
	authSkewed:         {{"InvalidSignatureException", 400}, {"RequestExpired", 400}, {"RequestTimeTooSkewed", 403}},
	authExpired:        {{"InvalidSignatureException", 400}, {"RequestExpired", 400}, {"AccessDenied", 403}},
	authUnknownKey:     {{"UnrecognizedClientException", 400}, {"InvalidClientTokenId", 403}, {"InvalidAccessKeyId", 403}},
	authBadToken:       {{"UnrecognizedClientException", 400}, {"InvalidClientTokenId", 403}, {"InvalidToken", 400}},
	authExpiredToken:   {{"ExpiredTokenException", 400}, {"ExpiredToken", 403}, {"ExpiredToken", 400}},
	authMismatch:       {{"InvalidSignatureException", 400}, {"SignatureDoesNotMatch", 403}, {"SignatureDoesNotMatch", 403}},
	authPayload:        {{"InvalidSignatureException", 400}, {"SignatureDoesNotMatch", 403}, {"InvalidArgument", 400}},
	authPayloadHash:    {{"InvalidSignatureException", 400}, {"SignatureDoesNotMatch", 403}, {"XAmzContentSHA256Mismatch", 400}},
}

// refusal is a request that was not authenticated. The protocol gives it its code when it is written.
type refusal struct {
	reason  reason
	message string
}

func refuse(why reason, message string) error { return &refusal{why, message} }

func (r *refusal) Error() string { return r.message }

// in returns the refusal in a protocol's words. A presigned request has codes of its own in S3.
func (r *refusal) in(p Protocol, presigned bool) *Error {
	if p == EC2Query {
		return &Error{Code: ec2Reason(r.reason).code, Status: ec2Reason(r.reason).status, Message: r.message}
	}
	if p == RestJSON {
		a := restJSONReason(r.reason)
		return &Error{Code: a.code, Status: a.status, Message: r.message}
	}
	a := reasons[r.reason][p-1]
	if p == RestXML && presigned && (r.reason == authMalformed || r.reason == authScope || r.reason == authNoDate) {
		a.code = "AuthorizationQueryParametersError"
	}
	return &Error{Code: a.code, Status: a.status, Message: r.message}
}

// memberError is a refusal of one input member; services map it as a fault about the noun "member".
type memberError struct {
	cause   error // the fault that rules match
	message string
}

func (e *memberError) Error() string { return e.message }
func (e *memberError) Unwrap() error { return e.cause }

// malformedError is a body that does not parse.
type malformedError struct{ message string }

func (e *malformedError) Error() string { return e.message }

// tooLarge is the refusal of a body over the limit.
func tooLarge(p Protocol, limit int64) *Error {
	e := &Error{Code: "RequestEntityTooLarge", Status: http.StatusRequestEntityTooLarge,
		Message: "the request's body is larger than the maximum of " + strconv.FormatInt(limit, 10) + " bytes"}
	switch p {
	case JSON11, RestJSON:
		e.Code = "RequestEntityTooLargeException"
	case RestXML:
		e.Code, e.Status = "EntityTooLarge", http.StatusBadRequest
	}
	return e
}
