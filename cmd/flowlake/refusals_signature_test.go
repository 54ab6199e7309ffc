package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/smithy-go"
)

// envelope is a request as it is signed.
type envelope struct {
	service, method, uri, body string
	headers                    map[string]string // signed
	at                         time.Duration     // from now
	region                     string            // "": the server's
	presigned                  time.Duration     // how long the URL is good for; 0: signed in a header
}

// rawAnswer is an answer with an error, read without the SDK.
type rawAnswer struct {
	smithy.GenericAPIError
	id     string
	within bool // the failure of a part of the request: the rest was answered
}

func (r *rawAnswer) ServiceRequestID() string { return r.id }

// notHTTP stands for the code of an answer of the HTTP server itself, to what is no request of anybody's.
const notHTTP = "not HTTP"

// logsRequest, queryRequest and objectRequest are what somebody may ask, as it should be.
func logsRequest() envelope {
	return envelope{service: "logs", method: "POST", uri: "/", body: `{"limit":1}`, headers: map[string]string{"X-Amz-Target": "Logs_20140328.DescribeLogGroups", "Content-Type": "application/x-amz-json-1.1"}}
}

func queryRequest() envelope {
	return envelope{service: "iam", method: "POST", uri: "/", body: "Action=ListUsers&Version=2010-05-08", headers: map[string]string{"Content-Type": "application/x-www-form-urlencoded"}}
}

func objectRequest() envelope {
	return envelope{service: "s3", method: "GET", uri: "/home/bob/mine"}
}

// with changes what is signed.
func (e envelope) with(change func(*envelope)) envelope {
	change(&e)
	return e
}

// sign makes the request as the SDK's signer signs it.
func (e envelope) sign(p *actor) (*http.Request, error) {
	r, err := http.NewRequest(e.method, *p.cfg.BaseEndpoint+e.uri, strings.NewReader(e.body))
	if err != nil {
		return nil, err
	}
	for name, value := range e.headers {
		r.Header.Set(name, value)
	}
	sum := sha256.Sum256([]byte(e.body))
	hash := hex.EncodeToString(sum[:])
	region := e.region
	if region == "" {
		region = p.cfg.Region
	}
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = e.service == "s3" })
	at := time.Now().Add(e.at)
	if e.presigned != 0 {
		q := r.URL.Query()
		q.Set("X-Amz-Expires", fmt.Sprint(int(e.presigned.Seconds())))
		r.URL.RawQuery = q.Encode()
		url, _, err := signer.PresignHTTP(context.Background(), p.key, r, "UNSIGNED-PAYLOAD", e.service, region, at)
		if err != nil {
			return nil, err
		}
		return http.NewRequest(e.method, url, nil)
	}
	if e.service == "s3" {
		if r.Header.Get("X-Amz-Content-Sha256") == "" {
			r.Header.Set("X-Amz-Content-Sha256", hash)
		}
		hash = r.Header.Get("X-Amz-Content-Sha256")
	}
	return r, signer.SignHTTP(context.Background(), p.key, r, hash, e.service, region, at)
}

// changed signs a request, changes it and sends it.
func changed(e envelope, changes ...func(*http.Request)) ask {
	return func(_ context.Context, p *actor) error {
		r, err := e.sign(p)
		if err != nil {
			return err
		}
		for _, change := range changes {
			change(r)
		}
		return send(r, r.Method+" "+r.URL.RequestURI()+" HTTP/1.1")
	}
}

// spelled signs a request and sends it with another request line and, after the signed headers, other lines.
func spelled(e envelope, line string, more ...string) ask {
	return func(_ context.Context, p *actor) error {
		r, err := e.sign(p)
		if err != nil {
			return err
		}
		if line == "" {
			line = e.method + " " + e.uri
		}
		return send(r, line+" HTTP/1.1", more...)
	}
}

// send writes a request byte for byte and reads the answer's error in whichever envelope it is.
func send(r *http.Request, line string, more ...string) error {
	conn, err := net.Dial("tcp", r.URL.Host)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	host := r.Host
	if host == "" {
		host = r.URL.Host
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\r\nHost: %s\r\nConnection: close\r\n", line, host)
	for name, values := range r.Header {
		for _, v := range values {
			fmt.Fprintf(&b, "%s: %s\r\n", name, v)
		}
	}
	for _, m := range more {
		b.WriteString(m + "\r\n")
	}
	if r.ContentLength > 0 {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", r.ContentLength)
	}
	b.WriteString("\r\n")
	if r.Body != nil {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return err
		}
		b.Write(body)
	}
	if _, err := io.WriteString(conn, b.String()); err != nil {
		return err
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode < 300 {
		return nil
	}
	return rawError(answer, body)
}

func rawError(answer *http.Response, body []byte) error {
	out := &rawAnswer{id: answer.Header.Get("X-Amzn-Requestid") + answer.Header.Get("X-Amz-Request-Id")}
	var j struct {
		Type            string `json:"__type"`
		Message, Messag string
	}
	var x struct {
		Code, Message string
		Error         struct{ Code, Message string }
		Errors        struct {
			Error struct{ Code, Message string }
		}
	}
	switch {
	case json.Unmarshal(body, &j) == nil && j.Type != "":
		out.Code, out.Message = j.Type, j.Message
	case xml.Unmarshal(body, &x) == nil:
		out.Code, out.Message = x.Code+x.Error.Code+x.Errors.Error.Code, x.Message+x.Error.Message+x.Errors.Error.Message
	case out.id == "":
		out.Code, out.Message = notHTTP, string(body)
	default:
		out.Code, out.Message = answer.Status, string(body)
	}
	return out
}

func without(header string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Del(header) }
}

func setting(header, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(header, value) }
}

func adding(header, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Add(header, value) }
}

// replacing changes a part of a header, or of the URL.
func replacing(header, part, with string) func(*http.Request) {
	return func(r *http.Request) {
		if header == "URL" {
			r.URL.RawQuery = strings.Replace(r.URL.RawQuery, part, with, 1)
			return
		}
		r.Header.Set(header, strings.Replace(r.Header.Get(header), part, with, 1))
	}
}

func body(text string) func(*http.Request) {
	return func(r *http.Request) {
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
	}
}

func signatureRefusals(w *world) []forbidden {
	logs, query, object := logsRequest(), queryRequest(), objectRequest()
	put := envelope{service: "s3", method: "PUT", uri: "/home/bob/new", body: "content"}
	target := func(name string) func(*http.Request) { return setting("X-Amz-Target", "Logs_20140328."+name) }
	date := time.Now().UTC().Format("20060102")
	const auth = "Authorization"
	return []forbidden{
		{"an unsigned request for logs", "root", changed(logs, without(auth)), "MissingAuthenticationTokenException", "missing Authentication Token"},
		{"an unsigned request for users", "root", changed(query, without(auth)), "MissingAuthenticationToken", "missing Authentication Token"},
		{"an unsigned request for an object", "root", changed(object, without(auth)), "AccessDenied", ""},
		{"an unsigned request for an object that is not there", "root", changed(envelope{service: "s3", method: "GET", uri: "/no-such-bucket/x"}, without(auth)), "AccessDenied", ""},
		{"an unsigned write", "root", changed(put, without(auth)), "AccessDenied", ""},
		{"a user's signature with the key id of root", "root's id", changed(query), "SignatureDoesNotMatch", ""},
		{"a key that nobody has", "unknown", changed(query), "InvalidClientTokenId", "invalid"},
		{"a key that nobody has, for an object", "unknown", changed(object), "InvalidAccessKeyId", ""},
		{"a user's key id with a session's secret", "wrong secret", changed(query), "SignatureDoesNotMatch", ""},
		{"another body than was signed", "root", changed(query, body("Action=ListRoles&Version=2010-05-08")), "SignatureDoesNotMatch", ""},
		{"another object's content than was signed", "root", changed(put, body("CONTENT")), "XAmzContentSHA256Mismatch", ""},
		{"another operation in an unchanged body", "root", changed(logs, target("DeleteLogGroup")), "InvalidSignatureException", ""},
		{"a deletion from a signed read", "root", changed(object, func(r *http.Request) { r.Method = "DELETE" }), "SignatureDoesNotMatch", ""},
		{"a read of another object than was signed", "root", changed(object, func(r *http.Request) { r.URL.Path = "/home/eve/hers" }), "SignatureDoesNotMatch", ""},
		{"a listing from a signed read of a bucket's location", "root", changed(envelope{service: "s3", method: "GET", uri: "/home?location="}, func(r *http.Request) { r.URL.RawQuery = "list-type=2" }), "SignatureDoesNotMatch", ""},
		{"a request for another host", "root", changed(object, func(r *http.Request) { r.Host = "vault.s3.amazonaws.com" }), "SignatureDoesNotMatch", ""},
		{"a scope of another service: sts for users", "root", changed(query.with(func(e *envelope) { e.service = "sts" })), "InvalidAction", "ListUsers"},
		{"a scope of another service: s3 for logs", "root", changed(logs.with(func(e *envelope) { e.service = "s3" })), "NotImplemented", ""},
		{"a scope changed to another service", "root", changed(query.with(func(e *envelope) { e.service = "sts" }), replacing(auth, "/sts/", "/iam/")), "SignatureDoesNotMatch", ""},
		{"a scope of a service that is not here", "root", changed(logs.with(func(e *envelope) { e.service = "dynamodb" })), "UnknownOperationException", ""},
		{"a region that does not match the signature", "root", changed(logs, replacing(auth, "/"+defaultRegion+"/", "/eu-west-1/")), "InvalidSignatureException", ""},
		{"a region that is none", "root", changed(logs.with(func(e *envelope) { e.region = "../../x" })), "IncompleteSignatureException", "5 slash-delimited elements"},
		{"a region of another form", "root", changed(logs.with(func(e *envelope) { e.region = "Seoul" })), "InvalidSignatureException", "valid region"},
		{"another terminator of the scope", "root", changed(object, replacing(auth, "aws4_request", "aws5_request")), "AuthorizationHeaderMalformed", "terminator"},
		{"another day in the scope", "root", changed(query, replacing(auth, "/"+date+"/", "/20200101/")), "SignatureDoesNotMatch", "Date in Credential scope"},
		{"an unsigned header that sets an ACL", "root", changed(put, setting("X-Amz-Acl", "public-read")), "AccessDenied", "not signed"},
		{"an unsigned header that names a source to copy", "root", changed(put, setting("X-Amz-Copy-Source", "/vault/gold")), "AccessDenied", "not signed"},
		{"an unsigned header beside a signed one of the same name", "root", changed(put.with(func(e *envelope) { e.headers = map[string]string{"X-Amz-Acl": "private"} }), adding("X-Amz-Acl", "public-read")), "SignatureDoesNotMatch", ""},
		{"an unsigned session token", "root", changed(object, setting("X-Amz-Security-Token", "t")), "InvalidToken", ""},
		{"an unsigned target", "root", changed(envelope{service: "logs", method: "POST", uri: "/", body: "{}"}, target("DescribeLogGroups")), "InvalidSignatureException", "x-amz-target"},
		{"a signed header that has gone", "root", changed(put.with(func(e *envelope) { e.headers = map[string]string{"X-Amz-Server-Side-Encryption": "AES256"} }), without("X-Amz-Server-Side-Encryption")), "SignatureDoesNotMatch", ""},
		{"a host that is not signed", "root", changed(object, replacing(auth, "SignedHeaders=host;", "SignedHeaders=")), "AccessDenied", "Host"},
		{"two signatures in two headers", "root", changed(object, adding(auth, "AWS4-HMAC-SHA256 Credential=x")), "InvalidArgument", "Only one auth mechanism"},
		{"two signatures, in a header and in the URL", "root", changed(object, func(r *http.Request) { r.URL.RawQuery = "X-Amz-Signature=0" }), "InvalidArgument", "Only one auth mechanism"},
		{"two hosts", "root", spelled(object, "", "Host: other"), notHTTP, ""},
		{"two dates", "root", changed(query, adding("X-Amz-Date", date+"T000000Z")), "IncompleteSignature", ""},
		{"two targets", "root", changed(logs, adding("X-Amz-Target", "Logs_20140328.DeleteLogGroup")), "UnknownOperationException", "without one X-Amz-Target"},
		{"two lengths", "root", spelled(put, "", "Content-Length: 7", "Content-Length: 8"), notHTTP, ""},
		{"a length and chunks", "root", spelled(query.with(func(e *envelope) { e.body = "0\r\n\r\n" }), "", "Transfer-Encoding: chunked"), "SignatureDoesNotMatch", ""},
		{"an encoding of the transfer that is none", "root", spelled(query, "", "Transfer-Encoding: xchunked"), notHTTP, "Unsupported transfer encoding"},
		{"a header's name with a blank", "root", spelled(object, "", "X-Amz-Acl : public-read"), notHTTP, "invalid header name"},
		{"a header's value over two lines", "root", spelled(put.with(func(e *envelope) { e.headers = map[string]string{"X-Amz-Meta-A": "1"} }), "", "X-Amz-Meta-A: 1", " 2"), "SignatureDoesNotMatch", ""},
		{"a header with an underline for its dash", "root", spelled(logs.with(func(e *envelope) { e.headers = nil }), "", "X_Amz_Target: Logs_20140328.DescribeLogGroups"), "UnknownOperationException", ""},
		{"signature version 2", "root", changed(object, setting(auth, "AWS AKIAIOSFODNN7EXAMPLE:c2ln")), "InvalidRequest", "not supported"},
		{"an algorithm that is none", "root", changed(object, replacing(auth, "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1")), "InvalidRequest", "AWS4-HMAC-SHA1"},
		{"a signature cut in half", "root", changed(query, func(r *http.Request) { a := r.Header.Get(auth); r.Header.Set(auth, a[:len(a)-32]) }), "SignatureDoesNotMatch", ""},
		{"a payload that is said not to be signed, of a service that needs it", "root", changed(logs.with(func(e *envelope) {
			e.headers = map[string]string{"X-Amz-Target": "Logs_20140328.DescribeLogGroups", "X-Amz-Content-Sha256": "UNSIGNED-PAYLOAD"}
		})), "InvalidSignatureException", ""},
		{"signature parameters in a form", "root", changed(query.with(func(e *envelope) { e.body += "&X-Amz-Security-Token=1" })), "ValidationError", "X-Amz-Security-Token"},
	}
}

func clockRefusals(w *world) []forbidden {
	logs, query, object := logsRequest(), queryRequest(), objectRequest()
	shown := func(d, at time.Duration, changes ...func(*http.Request)) ask {
		return changed(object.with(func(e *envelope) { e.presigned, e.at = d, at }), changes...)
	}
	late := func(e *envelope) { e.at = -16 * time.Minute }
	soon := func(e *envelope) { e.at = 16 * time.Minute }
	return []forbidden{
		{"logs, signed 16 minutes ago", "root", changed(logs.with(late)), "InvalidSignatureException", "Signature expired"},
		{"users, signed 16 minutes ago", "root", changed(query.with(late)), "RequestExpired", "Signature expired"},
		{"an object, signed 16 minutes ago", "root", changed(object.with(late)), "RequestTimeTooSkewed", "too large"},
		{"logs, signed for 16 minutes from now", "root", changed(logs.with(soon)), "InvalidSignatureException", "not yet current"},
		{"an object, signed for 16 minutes from now", "root", changed(object.with(soon)), "RequestTimeTooSkewed", "too large"},
		{"an old request with a fresh date", "root", changed(query.with(late), func(r *http.Request) { r.Header.Set("X-Amz-Date", time.Now().UTC().Format("20060102T150405Z")) }), "SignatureDoesNotMatch", ""},
		{"a request without a date", "root", changed(query, without("X-Amz-Date")), "IncompleteSignature", "Date"},
		{"a date that is none", "root", changed(query, setting("X-Amz-Date", "yesterday")), "IncompleteSignature", "yesterday"},
		{"a date in a header that is not signed", "root", changed(object, without("X-Amz-Date"), setting("Date", time.Now().UTC().Format(http.TimeFormat))), "AccessDenied", "Date"},
		{"a presigned URL after its time", "root", shown(time.Minute, -61*time.Second), "AccessDenied", "Request has expired"},
		{"a presigned URL before its time", "root", shown(time.Minute, 16*time.Minute), "AccessDenied", "not valid yet"},
		{"a presigned URL of a week ago", "root", shown(7*24*time.Hour, -7*24*time.Hour-time.Second), "AccessDenied", "Request has expired"},
		{"a presigned URL for more than a week", "root", shown(8*24*time.Hour, 0), "AuthorizationQueryParametersError", "604800"},
		{"a presigned URL whose time was stretched", "root", shown(time.Minute, -2*time.Minute, replacing("URL", "X-Amz-Expires=60", "X-Amz-Expires=6000")), "SignatureDoesNotMatch", ""},
		{"a presigned URL without its time", "root", shown(time.Minute, -2*time.Minute, replacing("URL", "X-Amz-Expires=60", "X-Amz-Expires=")), "AuthorizationQueryParametersError", ""},
		{"a presigned URL with two times", "root", shown(time.Minute, 0, replacing("URL", "X-Amz-Expires=60", "X-Amz-Expires=60&X-Amz-Expires=6000")), "AuthorizationQueryParametersError", "once"},
		{"a presigned URL for another object", "root", shown(time.Minute, 0, func(r *http.Request) { r.URL.Path = "/home/eve/hers" }), "SignatureDoesNotMatch", ""},
		{"a presigned read, used to write", "root", shown(time.Minute, 0, func(r *http.Request) { r.Method = "PUT" }), "SignatureDoesNotMatch", ""},
		{"a presigned read, used to delete", "root", shown(time.Minute, 0, func(r *http.Request) { r.Method = "DELETE" }), "SignatureDoesNotMatch", ""},
		{"a presigned URL with one more parameter", "root", shown(time.Minute, 0, func(r *http.Request) { r.URL.RawQuery += "&response-content-type=text%2Fhtml" }), "SignatureDoesNotMatch", ""},
		{"a presigned URL with a header that it does not sign", "root", shown(time.Minute, 0, setting("X-Amz-Acl", "public-read")), "AccessDenied", "not signed"},
		{"a presigned URL of a key that is inactive", "idle", shown(time.Minute, 0), "InvalidAccessKeyId", ""},
		{"a presigned URL of a user who was deleted", "deleted", shown(time.Minute, 0), "InvalidAccessKeyId", ""},
		{"a presigned URL of somebody who may not read it", "eve", shown(time.Minute, 0), "AccessDenied", "s3:GetObject"},
		{"a presigned URL where the bucket's policy wants a header", "adam", changed(envelope{service: "s3", method: "GET", uri: "/vault/reports/q1", presigned: time.Minute}), "AccessDenied", "explicit deny in a resource-based policy"},
	}
}

// pathRefusals spell paths otherwise than they were signed, or as one that a policy forgets.
func pathRefusals(w *world) []forbidden {
	object := objectRequest()
	at := func(uri string) envelope { return object.with(func(e *envelope) { e.uri = uri }) }
	return []forbidden{
		{"a doubled slash in an unchanged signature", "root", spelled(object, "GET //home/bob/mine"), "SignatureDoesNotMatch", ""},
		{"an encoded slash in an unchanged signature", "root", spelled(object, "GET /home/bob%2Fmine"), "SignatureDoesNotMatch", ""},
		{"dots in an unchanged signature", "root", spelled(object, "GET /home/x/../bob/mine"), "SignatureDoesNotMatch", ""},
		{"another bucket by dots", "root", spelled(object, "GET /home/../vault/gold"), "SignatureDoesNotMatch", ""},
		{"an escape that is undone twice", "root", spelled(at("/home/bob/a%20b"), "GET /home/bob/a%2520b"), "SignatureDoesNotMatch", ""},
		{"a URL with another host", "root", spelled(object, "GET http://other/home/bob/mine"), "SignatureDoesNotMatch", ""},
		{"a scheme without a host that hides another path", "root", spelled(at("/mine"), "GET http:/vault/gold://x/mine"), "SignatureDoesNotMatch", ""},
		{"a query that cannot be read", "root", spelled(object, "GET /home/bob/mine?x=%zz"), "AuthorizationHeaderMalformed", ""},
		{"a parameter behind a semicolon", "root", spelled(at("/home?prefix=a"), "GET /home?prefix=a;list-type=2"), "AuthorizationHeaderMalformed", ""},
		{"another's object by dots, which are part of a key", "bob", changed(at("/home/bob/../eve/hers")), "AccessDenied", "s3:ListBucket"},
		{"another's object by encoded dots and slashes", "bob", changed(at("/home/bob%2F..%2Feve%2Fhers")), "AccessDenied", "s3:ListBucket"},
		{"another's object by encoded dots", "bob", changed(at("/home/bob/%2e%2e/eve/hers")), "AccessDenied", "s3:ListBucket"},
		{"another's object by an encoded name", "bob", changed(at("/home/%65ve/hers")), "AccessDenied", "s3:GetObject on resource: arn:aws:s3:::home/eve/hers"},
		{"another's object by an encoded slash", "bob", changed(at("/home/eve%2Fhers")), "AccessDenied", "s3:GetObject on resource: arn:aws:s3:::home/eve/hers"},
		{"another's object by a doubled slash", "bob", changed(at("/home//eve/hers")), "AccessDenied", "arn:aws:s3:::home//eve/hers"},
		{"what a statement denies, by an encoded slash", "bob", changed(at("/home/bob%2Flocked%2Fx")), "AccessDenied", "explicit deny"},
		{"a bucket with an encoded slash in its name", "bob", changed(at("/home%2Feve/hers")), "AccessDenied", ""},
		{"a bucket that is dots", "bob", changed(at("/../home/bob/mine")), "AccessDenied", "arn:aws:s3:::../home/bob/mine"},
		{"what a bucket's policy denies, by an encoded letter", "adam", changed(at("/vault/%67old")), "AccessDenied", "explicit deny in a resource-based policy"},
		{"a star in a key, which is no pattern", "bob", changed(at("/home/*/hers")), "AccessDenied", "s3:GetObject"},
		{"a variable in a key, which is none", "bob", changed(at("/home/$%7Baws:username%7D/mine")), "AccessDenied", "s3:GetObject"},
		{"a zero byte in a key", "bob", changed(at("/home/eve%00/hers")), "AccessDenied", "s3:GetObject"},
	}
}

var _ = aws.String
