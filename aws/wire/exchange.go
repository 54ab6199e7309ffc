package wire

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"reflect"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"flowlake/access"

	"github.com/google/uuid"
)

// exchange is one request and its answer.
type exchange struct {
	*Server
	w         recorder
	r         *http.Request
	requestID string
	service   *service
	operation *operation
	presigned bool
	asked     *access.Request // what the guard knows of the request, and notes in it; nil until it is authenticated
	caller    access.Caller   // who signed it; zero until it is authenticated
	claimed   string          // the access key that the request names, signed by it or not
	known     bool            // there is such a key
	demands   []demand        // what the row asked the guard
	code      string          // of the error, "" for none
	received  int64           // body bytes read
	began     time.Time
}

// ServeHTTP answers one AWS request: it authenticates, decodes, asks the guard, calls the operation and writes its
// answer or its fault. A panic below it becomes an internal error.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &exchange{Server: s, began: time.Now(), w: recorder{ResponseWriter: w}, r: r, requestID: uuid.NewString(), service: strangers[protocolOf(r, nil)]}
	defer func() {
		if p := recover(); p != nil {
			if p == http.ErrAbortHandler {
				panic(p)
			}
			x.fail(fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
		}
		x.done()
	}()
	if r.ContentLength != 0 && r.Body != nil {
		body := &patientBody{ReadCloser: r.Body, conn: http.NewResponseController(w), patience: s.patience}
		x.r = r.WithContext(r.Context()) // a copy: net/http looks at its own request's Body afterwards
		x.r.Body = body
	}
	if err := x.serve(); err != nil {
		x.fail(err)
	}
}

// serve does the request; what it returns is not written yet.
func (x *exchange) serve() error {
	query, err := parsePairs(x.r.URL.RawQuery, maxQuery)
	if err != nil {
		x.service, _ = x.find(x.r, nil, nil)
		return err
	}
	sig, err := parseSignature(x.r, query)
	if err != nil {
		x.presigned = x.r.Header.Get("Authorization") == ""
		x.service, _ = x.find(x.r, query, nil)
		return err
	}
	x.presigned, x.claimed = sig.presigned, sig.key
	svc, ok := x.find(x.r, query, sig)
	x.service = svc
	if !ok {
		return unknownOperation(svc, "the service "+quote(sig.service))
	}
	switch svc.Protocol {
	case JSON11:
		return x.serveJSON(query, sig)
	case Query, EC2Query:
		return x.serveQuery(query, sig)
	case RestJSON:
		return x.serveREST(query, sig)
	}
	return x.serveRaw(query, sig)
}

// serveJSON does an awsJson request.
func (x *exchange) serveJSON(query []pair, sig *signature) error {
	op, err := x.service.jsonOperation(x.r)
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
	if op.stream != nil {
		return x.serveEvents(proof, in)
	}
	out, err := x.do(proof, in)
	if err != nil {
		return err
	}
	answer, err := appendJSON(make([]byte, 0, 512), op.output, reflect.ValueOf(out).Elem())
	if err != nil {
		return fmt.Errorf("write the answer: %w", err)
	}
	x.write(http.StatusOK, "application/x-amz-json-1.1", answer)
	return nil
}

// serveQuery does an awsQuery or ec2Query request: its parameters are a form, or the query of a GET.
func (x *exchange) serveQuery(query []pair, sig *signature) error {
	body, proof, err := x.readVerified(query, sig, x.service.maxBody)
	if err != nil {
		return err
	}
	params, err := parsePairs(string(body), maxForm)
	if err != nil {
		return malformed("the form cannot be read: %v", err)
	}
	for _, p := range query { // the same name in both is given twice
		if !sig.presigned || !frameNames["?"+p.name] {
			params = append(params, p)
		}
	}
	form, err := parseForm(params)
	if err != nil {
		return err
	}
	op, err := x.service.queryOperation(form)
	if err != nil {
		return err
	}
	x.operation = op
	if int64(len(body)) > op.MaxBody {
		return tooLarge(Query, op.MaxBody)
	}
	in, err := op.decodeForm(form)
	if err != nil {
		return err
	}
	out, err := x.do(proof, in)
	if err != nil {
		return err
	}
	write, contentType := appendResult, "text/xml"
	if x.service.Protocol == EC2Query {
		write, contentType = appendEC2Result, "text/xml;charset=UTF-8"
	}
	answer, err := write(make([]byte, 0, 512), op.Name, x.service.Namespace, x.requestID, op.output, reflect.ValueOf(out).Elem())
	if err != nil {
		return fmt.Errorf("write the answer: %w", err)
	}
	x.write(http.StatusOK, contentType, answer)
	return nil
}

// readVerified reads a body whole, at most limit bytes, and verifies the signature over it.
func (x *exchange) readVerified(query []pair, sig *signature, limit int64) ([]byte, *proof, error) {
	if x.r.ContentLength > limit {
		return nil, nil, tooLarge(x.service.Protocol, limit)
	}
	announced := x.r.Header["X-Amz-Content-Sha256"]
	if len(announced) > 1 || len(announced) == 1 && (len(announced[0]) != 2*sha256.Size || !all(announced[0], isLowerHex)) {
		return nil, nil, refuse(authPayload, "x-amz-content-sha256 must be the SHA-256 of the body: "+x.service.Title+" takes no unsigned payload")
	}
	proof, err := x.verifier.identify(x.r, sig, false) // strangers' bodies take no memory
	if err != nil {
		return nil, nil, err
	}
	x.known = true
	body, err := x.readBody(limit)
	if err != nil {
		return nil, nil, err
	}
	sum := sha256.Sum256(body)
	hash := hex.EncodeToString(sum[:])
	if len(announced) == 1 && announced[0] != hash {
		return nil, nil, refuse(authPayloadHash, "The provided 'x-amz-content-sha256' header does not match what was computed.")
	}
	return body, proof, proof.verify(x.r, query, hash, false)
}

// readBody reads the body whole.
func (x *exchange) readBody(limit int64) ([]byte, error) {
	if x.r.ContentLength == 0 || x.r.Body == nil {
		return nil, nil
	}
	size := x.r.ContentLength
	if size < 0 {
		size = 4 << 10
	}
	body := make([]byte, 0, size+1) // one more, so that the end is seen without growing
	for {
		n, err := x.r.Body.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		x.received = int64(len(body))
		switch {
		case x.received > limit:
			return nil, tooLarge(x.service.Protocol, limit)
		case errors.Is(err, io.EOF):
			return body, nil
		case err != nil:
			return nil, readError(err)
		case len(body) == cap(body):
			body = append(body, 0)[:len(body)]
		}
	}
}

// do asks the guard and calls a typed operation.
func (x *exchange) do(p *proof, in any) (any, error) {
	ctx, err := x.authorise(p, in)
	if err != nil {
		return nil, err
	}
	if x.service.Protocol == EC2Query && dryRun(in) {
		return nil, errDryRun
	}
	return x.operation.call(ctx, p.caller, in)
}

// authorise puts the row's questions to the guard, and returns the context in which rooms ask theirs.
func (x *exchange) authorise(p *proof, in any) (context.Context, error) {
	ctx := x.authenticated(p)
	x.demands = x.operation.allow(p.caller, in)
	for _, d := range x.demands {
		if err := x.cfg.Guard.Allow(ctx, p.caller, d.action, d.resource, d.context...); err != nil {
			return ctx, err
		}
	}
	if r := access.RequestOf(ctx); r != nil {
		r.Admit()
	}
	return ctx, nil
}

// serveRaw does a request whose operation reads and writes HTTP itself. Its signature is verified before a byte of
// its body is read.
func (x *exchange) serveRaw(query []pair, sig *signature) error {
	name, ok := x.service.Route(x.r)
	if !ok {
		return unknownOperation(x.service, x.r.Method+" with these parameters")
	}
	op := x.service.byName[name]
	if op == nil {
		return unknownOperation(x.service, name)
	}
	x.operation = op
	mode, err := payloadHash(x.r, query, sig.presigned)
	if err != nil {
		return err
	}
	proof, err := x.verifier.identify(x.r, sig, true)
	if err == nil {
		x.known = true
		err = proof.verify(x.r, query, mode, true)
	}
	if err != nil {
		return err
	}
	joinSigned(x.r.Header, sig.signed)
	if sig.presigned {
		if query, err = op.unhoist(x.r.Header, query); err != nil {
			return err
		}
	}
	if err := op.takes(x.r.Header, query); err != nil {
		return err
	}
	pl, err := newPayload(x.r, mode, proof, op.MaxBody, op.object)
	if err != nil {
		return err
	}
	call := &Call{Request: x.r, Writer: &x.w, Caller: proof.caller, RequestID: x.requestID, Operation: op.Name, Body: pl, Size: pl.size, payload: pl}
	ctx, err := x.authorise(proof, call)
	if err != nil {
		return err
	}
	x.identify()
	err = op.raw(ctx, call)
	x.received = pl.read
	return err
}

// frameNames are the parameters and headers that belong to the frame, on any raw operation.
var frameNames = map[string]bool{
	"?X-Amz-Algorithm": true, "?X-Amz-Credential": true, "?X-Amz-Date": true, "?X-Amz-Expires": true, "?X-Amz-SignedHeaders": true,
	"?X-Amz-Signature": true, "?X-Amz-Security-Token": true, "?X-Amz-Content-Sha256": true, "?x-id": true,
	"x-amz-date": true, "x-amz-security-token": true, "x-amz-content-sha256": true, "x-amz-decoded-content-length": true,
	"x-amz-trailer": true, "x-amz-sdk-checksum-algorithm": true, "x-amz-user-agent": true,
	"x-amz-api-version": true, // the C++ SDK's, PyArrow's below: S3 has had one version ever
}

// unhoist turns a presigned URL's x-amz-* parameters into the headers that they are: presigners move them into the query,
// where the signature covers them. Those that the row names as parameters stay. It returns what is left of the query.
func (op *operation) unhoist(h http.Header, query []pair) ([]pair, error) {
	left := make([]pair, 0, len(query))
	for _, p := range query {
		lower := strings.ToLower(p.name)
		if !strings.HasPrefix(lower, "x-amz-") || frameNames["?"+p.name] || op.names["?"+p.name] {
			left = append(left, p)
			continue
		}
		if lower == "x-amz-sdk-checksum-algorithm" {
			continue // how its SDK would sum a body; nobody did when the URL was made
		}
		key := http.CanonicalHeaderKey(lower)
		if h[key] != nil || !all(lower, isHeaderByte) || frameNames[lower] {
			return nil, refuse(authMalformed, "The query parameter "+quote(p.name)+" is given twice, or is no header")
		}
		h[key] = []string{p.value}
	}
	return left, nil
}

// takes refuses a query parameter or an x-amz-* header that a raw row does not name, and a parameter with two values: the
// signature does not say which of them comes first. (Presigners of the Go SDK repeat one with the same value.)
func (op *operation) takes(h http.Header, query []pair) error {
	for i, p := range query {
		if slices.ContainsFunc(query[:i], func(q pair) bool { return q.name == p.name && q.value != p.value }) {
			return &Error{Code: "InvalidArgument", Message: "The query parameter " + quote(p.name) + " is given twice"}
		}
		if name := "?" + p.name; !frameNames[name] && !op.names[name] {
			return unsupportedPart(`the query parameter "`+clip(p.name)+`"`, op.Name)
		}
	}
next:
	for key := range h {
		if !strings.HasPrefix(key, "X-Amz-") {
			continue
		}
		name := strings.ToLower(key)
		if frameNames[name] || op.names[name] {
			continue
		}
		for _, prefix := range op.prefixes {
			if strings.HasPrefix(name, prefix) {
				continue next
			}
		}
		return unsupportedPart(`the header "`+clip(name)+`"`, op.Name)
	}
	return nil
}

func unsupportedPart(part, operation string) error {
	err := unsupported(part, operation).(*memberError)
	err.message = "flowlake does not support " + part + " of " + operation
	return err
}

// identify sets the headers that name the answer.
func (x *exchange) identify() {
	h := x.w.Header()
	if x.service.Protocol == RestXML {
		h.Set("x-amz-request-id", x.requestID)
		h.Set("x-amz-id-2", hostID)
		return
	}
	h.Set("x-amzn-RequestId", x.requestID)
}

// hostID stands where S3 names one of its hosts.
const hostID = "flowlake"

// write sends an answer.
func (x *exchange) write(status int, contentType string, body []byte) {
	x.identify()
	h := x.w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	x.w.WriteHeader(status)
	if x.r.Method != http.MethodHead {
		_, _ = x.w.Write(body) // a client that is gone reads no error either
	}
}

// fail answers with an error. What is not classified, and whatever is ours, is logged under the request's id.
func (x *exchange) fail(err error) {
	if x.w.broken || x.r.Context().Err() != nil && errors.Is(err, context.Canceled) {
		x.code = "ClientClosedRequest" // nobody is left to answer
		return
	}
	e := x.service.translate(err, x.presigned)
	x.code = e.Code
	cut := x.w.status != 0
	switch {
	case e.Status >= http.StatusInternalServerError && e.Status != http.StatusNotImplemented:
		if e.Message == "" {
			e.Message = internalMessage(x.requestID)
		}
		x.cfg.Log.Error("request failed", append(x.facts(), slog.String("code", e.Code), slog.Bool("cut_short", cut), slog.Any("err", err))...)
	case cut:
		x.cfg.Log.Warn("answer cut short", append(x.facts(), slog.String("code", e.Code), slog.Any("err", err))...)
	}
	if cut { // too late for an envelope: the client must not take what it has for the whole
		x.done()
		panic(http.ErrAbortHandler)
	}
	x.clear()
	switch {
	case e.Status == http.StatusNotModified:
		x.identify()
		x.w.WriteHeader(e.Status)
	case x.service.Protocol == JSON11:
		x.w.Header().Set("x-amzn-ErrorType", e.Code)
		x.write(e.Status, "application/x-amz-json-1.1", appendJSONError(nil, x.service.LowerCamel, e))
	case x.service.Protocol == RestJSON:
		x.failREST(e)
	case x.service.Protocol == Query:
		x.write(e.Status, "text/xml", appendQueryError(nil, x.service.Namespace, x.requestID, e))
	case x.service.Protocol == EC2Query:
		x.write(e.Status, "text/xml;charset=UTF-8", appendEC2Error(nil, x.requestID, e))
	default:
		x.write(e.Status, "application/xml", appendRestError(nil, x.r.URL.Path, x.requestID, hostID, e))
	}
}

// internalMessage is what a client reads of a failure of ours.
func internalMessage(requestID string) string {
	return "We encountered an internal error. Please try again. The log has it under request id " + requestID + "."
}

// clear takes back the headers that a raw handler set for an answer that it did not give; an ETag stays, for a 304.
func (x *exchange) clear() {
	for _, name := range []string{"Content-Length", "Content-Type", "Content-Encoding", "Content-Range", "Transfer-Encoding"} {
		x.w.Header().Del(name)
	}
}
