package athena

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"flowlake/access"
	"flowlake/aws/wire"
	"flowlake/fault"
	"flowlake/query/sql"
)

// faults maps what worded leaves as it is.
var faults = []wire.FaultRule{
	{Kind: fault.Denied, Code: "AccessDeniedException"},
	{Kind: fault.Unavailable, Code: "InternalServerException", Status: http.StatusServiceUnavailable},
	{Kind: fault.Internal, Code: "InternalServerException", Status: http.StatusInternalServerError},
	{Kind: fault.Invalid, Code: invalidRequest},     // wire's own: members that are
	{Kind: fault.Unsupported, Code: invalidRequest}, // missing, malformed or not supported
	{Kind: fault.TooLarge, Code: invalidRequest},
}

const invalidRequest = "InvalidRequestException"

// phrases are failures that clients tell by their AthenaErrorCode or their words; an empty message keeps the
// room's words. The first match wins.
var phrases = []struct {
	kind          fault.Kind
	noun          string
	code, message string
}{
	{fault.NotFound, "workgroup", "INVALID_INPUT", "WorkGroup is not found."}, // Terraform looks for it
	{fault.Exists, "workgroup", "INVALID_INPUT", "WorkGroup is already created"},
	{fault.NotFound, "query result", "RESULT_NOT_FOUND", ""},
	{fault.NotFound, "data catalog", "DATACATALOG_NOT_FOUND", ""},
	{fault.NotFound, "output bucket", "INVALID_INPUT", ""},
	{fault.Denied, "output bucket", "INVALID_INPUT", ""},
	{fault.Conflict, "query state", "INVALID_QUERY_EXECUTION_STATE", ""},
	{fault.Conflict, "client request token", "IDEMPOTENT_PARAMETER_MISMATCH", "Idempotent parameters do not match"},
}

// bare are the nouns whose details are whole sentences.
var bare = map[string]bool{"query state": true, "query result": true, "next token": true, "output location": true, "output bucket": true, "query": true}

// op makes a row whose failures carry an AthenaErrorCode.
func op[In, Out any](name string, row wire.Row[In], do func(context.Context, access.Caller, *In) (*Out, error)) wire.Operation {
	return wire.Op(name, row, func(ctx context.Context, c access.Caller, in *In) (*Out, error) {
		out, err := do(ctx, c, in)
		return out, worded(err)
	})
}

// worded puts a room's failure into Athena's words.
func worded(err error) error {
	f, ok := errors.AsType[*fault.Error](err)
	if !ok {
		return err
	}
	noun, name, words := split(f)
	for _, p := range phrases {
		if p.kind == f.Kind && fault.HasNoun(err, p.noun) {
			if p.message != "" {
				words = p.message
			}
			if r, ok := errors.AsType[*access.Refusal](err); ok {
				words = strings.TrimSuffix(strings.TrimSuffix(words, r.Error()), ": ") + "\n" + r.Explanation()
			}
			return refuse(p.code, words, err)
		}
	}
	switch f.Kind {
	case fault.NotFound:
		switch {
		case fault.HasNoun(err, "query execution"):
			return refuse("QUERY_EXECUTION_NOT_FOUND", "QueryExecution "+name+" was not found", err)
		case noun == "database" || noun == "table":
			return &wire.Error{Code: "MetadataException", Message: words, Err: err}
		case noun == "resource":
			return &wire.Error{Code: "ResourceNotFoundException", Message: words, Fields: map[string]string{"ResourceName": name}, Err: err}
		}
	case fault.Throttled:
		return &wire.Error{Code: "TooManyRequestsException", Message: words, Fields: map[string]string{"Reason": "CONCURRENT_QUERY_LIMIT_EXCEEDED"}, Err: err}
	case fault.Denied, fault.Unavailable, fault.Internal:
		return err
	}
	if _, ok := errors.AsType[*sql.Error](err); ok {
		return refuse("MALFORMED_QUERY", words, err)
	}
	return refuse("INVALID_INPUT", words, err)
}

// split returns the noun and name of what a failure is about, and its words.
func split(f *fault.Error) (noun, name, words string) {
	noun, name, _ = strings.Cut(f.Subject, " ")
	if rest, ok := strings.CutPrefix(f.Subject, "query execution "); ok {
		noun, name = "query execution", rest
	}
	words = f.Error()
	for n := range bare {
		if fault.HasNoun(f, n) {
			words = strings.TrimPrefix(words, f.Subject+": ")
		}
	}
	return noun, name, words
}

func refuse(athenaCode, message string, err error) *wire.Error {
	// ErrorCode says the same: older clients read it.
	return &wire.Error{Code: invalidRequest, Message: message, Err: err, Fields: map[string]string{"AthenaErrorCode": athenaCode, "ErrorCode": athenaCode}}
}
