package wire

import (
	"fmt"
	"net/http"
	"reflect"
	"strings"

	"flowlake/fault"
)

// restJSONFaults are restJson1's codes: awsJson's, for the services that speak it have no others in common.
var restJSONFaults = []FaultRule{
	{Kind: fault.Invalid, Code: "ValidationException"},
	{Kind: fault.NotFound, Code: "ResourceNotFoundException", Status: http.StatusNotFound},
	{Kind: fault.Exists, Code: "ConflictException", Status: http.StatusConflict},
	{Kind: fault.Conflict, Code: "ConflictException", Status: http.StatusConflict},
	{Kind: fault.Denied, Code: "AccessDeniedException", Status: http.StatusForbidden},
	{Kind: fault.Limit, Code: "ServiceQuotaExceededException", Status: http.StatusPaymentRequired},
	{Kind: fault.Throttled, Code: "ThrottlingException", Status: http.StatusTooManyRequests},
	{Kind: fault.TooLarge, Code: "ValidationException"},
	{Kind: fault.Precondition, Code: "ConflictException", Status: http.StatusConflict},
	{Kind: fault.NotModified, Code: "ConflictException", Status: http.StatusConflict},
	{Kind: fault.Unavailable, Code: "ServiceUnavailableException", Status: http.StatusServiceUnavailable},
	{Kind: fault.Unsupported, Code: "ValidationException"},
	{Kind: fault.Internal, Code: "InternalFailure", Status: http.StatusInternalServerError},
}

// restJSONReason is a refusal's code in restJson1: awsJson's, with the status of a request that may not pass.
func restJSONReason(why reason) answer {
	return answer{reasons[why][JSON11-1].code, http.StatusForbidden}
}

// restOperation finds the row of a restJson1 request: each operation is a POST to its own name, with all of its members in
// the body. That is how Lake Formation's are bound; a path or query with members in it has no binding here, and is
// no operation.
func (svc *service) restOperation(r *http.Request, query []pair) (*operation, error) {
	path := r.URL.EscapedPath()
	name := strings.TrimPrefix(path, "/")
	if op := svc.byName[name]; op != nil && r.Method == http.MethodPost && path != name {
		for _, p := range query {
			if !frameNames["?"+p.name] {
				return nil, unsupported("?"+p.name, name)
			}
		}
		return op, nil
	}
	if r.Method != http.MethodPost {
		name = r.Method + " " + path
	}
	return nil, unknownOperation(svc, quote(name))
}

// spoken finds the restJson1 service that an unsigned request is for, by its path: nil when there is none. A path
// like an operation's name is no bucket's, which has no upper case.
func (s *Server) spoken(r *http.Request) *service {
	for _, svc := range s.services {
		if svc.Protocol == RestJSON && svc.byName[strings.TrimPrefix(r.URL.EscapedPath(), "/")] != nil {
			return svc
		}
	}
	return nil
}

// serveREST does a restJson1 request.
func (x *exchange) serveREST(query []pair, sig *signature) error {
	op, err := x.service.restOperation(x.r, query)
	if err != nil {
		return err
	}
	x.operation = op
	body, proof, err := x.readVerified(query, sig, op.MaxBody)
	if err != nil {
		return err
	}
	in, err := op.decodeJSON(body)
	if err != nil {
		return err
	}
	out, err := x.do(proof, in)
	if err != nil {
		return err
	}
	answer, err := appendJSON(make([]byte, 0, 512), op.output, reflect.ValueOf(out).Elem())
	if err != nil {
		return fmt.Errorf("write the answer: %w", err)
	}
	x.write(http.StatusOK, "application/json", answer)
	return nil
}

// failREST writes a restJson1 error.
func (x *exchange) failREST(e *Error) {
	x.w.Header().Set("x-amzn-ErrorType", e.Code)
	x.write(e.Status, "application/json", appendJSONError(nil, x.service.LowerCamel, e))
}
