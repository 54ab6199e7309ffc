package wire_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// sign makes a request that the SDK's signer signed.
func (y *toy) sign(t testing.TB, service, method, uri, body string, headers map[string]string, at time.Time) *http.Request {
	t.Helper()
	r, err := http.NewRequest(method, y.URL+uri, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(body))
	hash := hex.EncodeToString(sum[:])
	for name, value := range headers {
		r.Header.Set(name, value)
	}
	if service == "s3" {
		if r.Header.Get("X-Amz-Content-Sha256") == "" {
			r.Header.Set("X-Amz-Content-Sha256", hash)
		}
		hash = r.Header.Get("X-Amz-Content-Sha256")
	}
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = service == "s3" })
	if err := signer.SignHTTP(context.Background(), aws.Credentials{AccessKeyID: y.key.ID, SecretAccessKey: y.key.Secret}, r, hash, service, "us-east-1", at); err != nil {
		t.Fatal(err)
	}
	return r
}

// send returns the answer's status and error code, in whichever envelope.
func send(t *testing.T, r *http.Request) (int, string) {
	t.Helper()
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	if response.StatusCode < 300 {
		return response.StatusCode, ""
	}
	if response.Header.Get("X-Amzn-Requestid") == "" && response.Header.Get("X-Amz-Request-Id") == "" {
		t.Error("the answer has no request id")
	}
	var j struct {
		Type string `json:"__type"`
	}
	if json.Unmarshal(body, &j) == nil {
		return response.StatusCode, j.Type
	}
	var x struct {
		Code  string
		Error struct{ Code string }
	}
	if err := xml.Unmarshal(body, &x); err != nil {
		t.Fatalf("the envelope %q: %v", body, err)
	}
	return response.StatusCode, x.Code + x.Error.Code
}

// replace changes part of a header.
func replace(name, old, with string) func(*http.Request) {
	return func(r *http.Request) {
		r.Header.Set(name, strings.Replace(r.Header.Get(name), old, with, 1))
	}
}

func set(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

func body(text string) func(*http.Request) {
	return func(r *http.Request) {
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
	}
}

func TestTampering(t *testing.T) {
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	y := serve(t, func() time.Time { return now })
	const form = "Action=GetCallerIdentity&Version=2011-06-15"
	kinds := map[string]func(at time.Time, headers map[string]string) *http.Request{
		"json": func(at time.Time, headers map[string]string) *http.Request {
			h := map[string]string{"X-Amz-Target": "Logs_20140328.DescribeLogGroups", "Content-Type": "application/x-amz-json-1.1"}
			for k, v := range headers {
				h[k] = v
			}
			return y.sign(t, "logs", "POST", "/", `{"limit":1}`, h, at)
		},
		"query": func(at time.Time, headers map[string]string) *http.Request {
			h := map[string]string{"Content-Type": "application/x-www-form-urlencoded"}
			for k, v := range headers {
				h[k] = v
			}
			return y.sign(t, "sts", "POST", "/", form, h, at)
		},
		"s3": func(at time.Time, headers map[string]string) *http.Request {
			return y.sign(t, "s3", "PUT", "/b/a%20b?versionId=1", "content", headers, at)
		},
	}
	for kind, make := range kinds {
		t.Run(kind+" untouched is answered", func(t *testing.T) {
			if status, code := send(t, make(now, nil)); status != 200 {
				t.Errorf("got %d %s", status, code)
			}
		})
		t.Run(kind+" within the clock's tolerance is answered", func(t *testing.T) {
			for _, off := range []time.Duration{-14 * time.Minute, 14 * time.Minute} {
				if status, code := send(t, make(now.Add(off), nil)); status != 200 {
					t.Errorf("%s: got %d %s", off, status, code)
				}
			}
		})
	}
	const unsigned = "UNSIGNED-PAYLOAD"
	for _, tt := range []struct {
		name            string
		json, query, s3 string
		at              time.Duration
		headers         map[string]string // signed
		change          func(*http.Request)
		skipS3          bool
	}{
		{name: "no signature", json: "MissingAuthenticationTokenException", query: "MissingAuthenticationToken", s3: "AccessDenied",
			change: func(r *http.Request) { r.Header.Del("Authorization") }},
		{name: "another host", json: "InvalidSignatureException", query: "SignatureDoesNotMatch", s3: "SignatureDoesNotMatch",
			change: func(r *http.Request) { r.Host = "example.com" }},
		{name: "another body", json: "InvalidSignatureException", query: "SignatureDoesNotMatch", s3: "XAmzContentSHA256Mismatch",
			change: func(r *http.Request) {
				if r.Method == "PUT" {
					body("CONTENT")(r)
				} else {
					body(strings.ToUpper(form))(r)
				}
			}},
		{name: "another method", json: "UnknownOperationException", query: "SignatureDoesNotMatch", s3: "NotImplemented",
			change: func(r *http.Request) { r.Method = "PATCH" }},
		{name: "another path", json: "InvalidSignatureException", query: "SignatureDoesNotMatch", s3: "SignatureDoesNotMatch",
			change: func(r *http.Request) { r.URL.Path, r.URL.RawPath = "/b/c", "" }},
		{name: "another query", json: "InvalidSignatureException", query: "SignatureDoesNotMatch", s3: "SignatureDoesNotMatch",
			change: func(r *http.Request) { r.URL.RawQuery = "versionId=2" }},
		{name: "a query that no one can read", json: "IncompleteSignatureException", query: "IncompleteSignature", s3: "AuthorizationHeaderMalformed",
			change: func(r *http.Request) { r.URL.RawQuery = "versionId=%zz" }},
		{name: "another signed header", json: "InvalidSignatureException", query: "SignatureDoesNotMatch", s3: "SignatureDoesNotMatch",
			headers: map[string]string{"X-Amz-Meta-A": "1"}, change: set("X-Amz-Meta-A", "2")},
		{name: "a signed header that is gone", json: "InvalidSignatureException", query: "SignatureDoesNotMatch", s3: "SignatureDoesNotMatch",
			headers: map[string]string{"X-Amz-Meta-A": ""}, change: func(r *http.Request) { r.Header.Del("X-Amz-Meta-A") }},
		{name: "an x-amz header that is not signed", json: "InvalidSignatureException", query: "SignatureDoesNotMatch", s3: "AccessDenied",
			change: set("X-Amz-Acl", "public-read")},
		{name: "a signed header a second time", json: "InvalidSignatureException", query: "SignatureDoesNotMatch", s3: "SignatureDoesNotMatch",
			headers: map[string]string{"X-Amz-Meta-A": "1"}, change: func(r *http.Request) { r.Header.Add("X-Amz-Meta-A", "2") }},
		{name: "host that is not signed", json: "InvalidSignatureException", query: "SignatureDoesNotMatch", s3: "AccessDenied",
			change: replace("Authorization", ";host", "")},
		{name: "another date", json: "InvalidSignatureException", query: "SignatureDoesNotMatch", s3: "SignatureDoesNotMatch",
			change: set("X-Amz-Date", "20260304T050608Z")},
		{name: "no date", json: "IncompleteSignatureException", query: "IncompleteSignature", s3: "AccessDenied",
			change: func(r *http.Request) { r.Header.Del("X-Amz-Date") }},
		{name: "a date in another form", json: "IncompleteSignatureException", query: "IncompleteSignature", s3: "AccessDenied",
			change: set("X-Amz-Date", "2026-03-04T05:06:07Z")},
		{name: "two dates", json: "IncompleteSignatureException", query: "IncompleteSignature", s3: "AccessDenied",
			change: func(r *http.Request) { r.Header.Add("X-Amz-Date", "20260304T050607Z") }},
		{name: "a date that is not signed", json: "InvalidSignatureException", query: "SignatureDoesNotMatch", s3: "AccessDenied",
			change: func(r *http.Request) {
				r.Header.Del("X-Amz-Date")
				r.Header.Set("Date", now.Format(http.TimeFormat))
				replace("Authorization", ";x-amz-date", "")(r)
			}},
		{name: "signed 16 minutes ago", json: "InvalidSignatureException", query: "RequestExpired", s3: "RequestTimeTooSkewed", at: -16 * time.Minute},
		{name: "signed 16 minutes ahead", json: "InvalidSignatureException", query: "RequestExpired", s3: "RequestTimeTooSkewed", at: 16 * time.Minute},
		{name: "another key", json: "UnrecognizedClientException", query: "InvalidClientTokenId", s3: "InvalidAccessKeyId",
			change: func(r *http.Request) { replace("Authorization", y.key.ID, "AKIAQQQQQQQQQQQQQQQQ")(r) }},
		{name: "a session token that is not signed", json: "UnrecognizedClientException", query: "InvalidClientTokenId", s3: "InvalidToken",
			change: set("X-Amz-Security-Token", "t")},
		{name: "another day in the scope", json: "InvalidSignatureException", query: "SignatureDoesNotMatch", s3: "AuthorizationHeaderMalformed",
			change: replace("Authorization", "/20260304/", "/20260303/")},
		{name: "another region in the scope", json: "InvalidSignatureException", query: "SignatureDoesNotMatch", s3: "SignatureDoesNotMatch",
			change: replace("Authorization", "/us-east-1/", "/us-east-2/")},
		{name: "no region in the scope", json: "InvalidSignatureException", query: "SignatureDoesNotMatch", s3: "AuthorizationHeaderMalformed",
			change: replace("Authorization", "/us-east-1/", "/../")},
		{name: "another terminator", json: "InvalidSignatureException", query: "SignatureDoesNotMatch", s3: "AuthorizationHeaderMalformed",
			change: replace("Authorization", "aws4_request", "aws5_request")},
		{name: "a service that is not here", json: "UnknownOperationException", query: "InvalidAction", s3: "NotImplemented",
			change: func(r *http.Request) {
				for _, name := range []string{"logs", "sts", "s3"} {
					replace("Authorization", "/"+name+"/", "/dynamodb/")(r)
				}
			}},
		{name: "one digit of the signature", json: "InvalidSignatureException", query: "SignatureDoesNotMatch", s3: "SignatureDoesNotMatch",
			change: func(r *http.Request) {
				a := []byte(r.Header.Get("Authorization"))
				a[len(a)-1] ^= 1
				if a[len(a)-1] == 'g' || a[len(a)-1] == '`' {
					a[len(a)-1] = '0'
				}
				r.Header.Set("Authorization", string(a))
			}},
		{name: "half a signature", json: "InvalidSignatureException", query: "SignatureDoesNotMatch", s3: "SignatureDoesNotMatch",
			change: func(r *http.Request) {
				a := r.Header.Get("Authorization")
				r.Header.Set("Authorization", a[:len(a)-32])
			}},
		{name: "no SignedHeaders", json: "IncompleteSignatureException", query: "IncompleteSignature", s3: "AuthorizationHeaderMalformed",
			change: replace("Authorization", "SignedHeaders=", "Headers=")},
		{name: "a part twice", json: "IncompleteSignatureException", query: "IncompleteSignature", s3: "AuthorizationHeaderMalformed",
			change: replace("Authorization", "SignedHeaders=", "Signature=0, SignedHeaders=")},
		{name: "signed headers out of order", json: "IncompleteSignatureException", query: "IncompleteSignature", s3: "AuthorizationHeaderMalformed",
			change: replace("Authorization", "SignedHeaders=", "SignedHeaders=x-amz-date;")},
		{name: "another algorithm", json: "IncompleteSignatureException", query: "IncompleteSignature", s3: "InvalidRequest",
			change: replace("Authorization", "AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256")},
		{name: "signature version 2", json: "IncompleteSignatureException", query: "IncompleteSignature", s3: "InvalidRequest",
			change: set("Authorization", "AWS AKIA:c2ln")},
		{name: "two signatures", json: "IncompleteSignatureException", query: "IncompleteSignature", s3: "InvalidArgument",
			change: func(r *http.Request) { r.Header.Add("Authorization", r.Header.Get("Authorization")) }},
		{name: "a header and a query signature", json: "IncompleteSignatureException", query: "IncompleteSignature", s3: "InvalidArgument",
			change: func(r *http.Request) { r.URL.RawQuery = "X-Amz-Signature=0" }},
		{name: "an unsigned payload", json: "InvalidSignatureException", query: "SignatureDoesNotMatch", skipS3: true,
			headers: map[string]string{"X-Amz-Content-Sha256": unsigned}},
		{name: "a payload hash of another body", json: "InvalidSignatureException", query: "SignatureDoesNotMatch", s3: "XAmzContentSHA256Mismatch",
			headers: map[string]string{"X-Amz-Content-Sha256": strings.Repeat("0", 64)}},
		{name: "a payload hash that is none", json: "InvalidSignatureException", query: "SignatureDoesNotMatch", s3: "InvalidArgument",
			headers: map[string]string{"X-Amz-Content-Sha256": "sha"}},
	} {
		for kind, want := range map[string]string{"json": tt.json, "query": tt.query, "s3": tt.s3} {
			if kind == "s3" && tt.skipS3 {
				continue
			}
			t.Run(tt.name+" is refused by "+kind, func(t *testing.T) {
				r := kinds[kind](now.Add(tt.at), tt.headers)
				if tt.change != nil {
					tt.change(r)
				}
				y.described, y.body = nil, nil
				status, got := send(t, r)
				if got != want || status < 400 {
					t.Errorf("got %d %s, want %s", status, got, want)
				}
				if y.described != nil || y.body != nil && want != "XAmzContentSHA256Mismatch" {
					t.Error("the operation ran")
				}
			})
		}
	}
	t.Run("the target of another operation is refused", func(t *testing.T) {
		r := kinds["json"](now, nil)
		r.Header.Set("X-Amz-Target", "Logs_20140328.DescribeDestinations")
		if _, got := send(t, r); got != "InvalidSignatureException" {
			t.Errorf("got %s", got)
		}
	})
	t.Run("a scope of another service does not open this one", func(t *testing.T) {
		r := y.sign(t, "sts", "POST", "/", `{"limit":1}`, map[string]string{"X-Amz-Target": "Logs_20140328.DescribeLogGroups"}, now)
		if status, got := send(t, r); status < 400 {
			t.Errorf("got %d %s", status, got)
		}
	})
}

func TestPresignedTampering(t *testing.T) {
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	clock := now
	y := serve(t, func() time.Time { return clock })
	presign := func(seconds string) *url.URL {
		t.Helper()
		r, _ := http.NewRequest("GET", y.URL+"/b/k?prefix=a%20b&X-Amz-Expires="+seconds, nil)
		signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
		signed, _, err := signer.PresignHTTP(context.Background(), aws.Credentials{AccessKeyID: y.key.ID, SecretAccessKey: y.key.Secret}, r, "UNSIGNED-PAYLOAD", "s3", "us-east-1", now)
		if err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(signed)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	param := func(name, value string) func(url.Values) { return func(v url.Values) { v.Set(name, value) } }
	for _, tt := range []struct {
		name, seconds, want string
		after               time.Duration
		change              func(url.Values)
		header              string
	}{
		{name: "as it was signed", seconds: "60"},
		{name: "just before its end", seconds: "60", after: time.Minute},
		{name: "for a week", seconds: "604800", after: 167 * time.Hour},
		{name: "after its end", seconds: "60", after: 61 * time.Second, want: "AccessDenied"},
		{name: "long before its time", seconds: "60", after: -16 * time.Minute, want: "AccessDenied"},
		{name: "for more than a week", seconds: "604801", want: "AuthorizationQueryParametersError"},
		{name: "for no time", seconds: "0", want: "AuthorizationQueryParametersError"},
		{name: "for a negative time", seconds: "-1", want: "AuthorizationQueryParametersError"},
		{name: "for a word", seconds: "day", want: "AuthorizationQueryParametersError"},
		{name: "with a longer time than signed", seconds: "60", change: param("X-Amz-Expires", "61"), want: "SignatureDoesNotMatch"},
		{name: "with another parameter", seconds: "60", change: param("max-keys", "1"), want: "SignatureDoesNotMatch"},
		{name: "with another value", seconds: "60", change: param("prefix", "c"), want: "SignatureDoesNotMatch"},
		{name: "with another date", seconds: "60", change: param("X-Amz-Date", "20260304T050608Z"), want: "SignatureDoesNotMatch"},
		{name: "with a second date", seconds: "60", change: func(v url.Values) { v.Add("X-Amz-Date", "20260304T050607Z") }, want: "AuthorizationQueryParametersError"},
		{name: "with another algorithm", seconds: "60", change: param("X-Amz-Algorithm", "AWS4-HMAC-SHA1"), want: "AuthorizationQueryParametersError"},
		{name: "without a credential", seconds: "60", change: func(v url.Values) { v.Del("X-Amz-Credential") }, want: "AuthorizationQueryParametersError"},
		{name: "with a session token", seconds: "60", change: param("X-Amz-Security-Token", "t"), want: "InvalidToken"},
		{name: "with an x-amz header that is not signed", seconds: "60", header: "X-Amz-Checksum-Mode", want: "AccessDenied"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			clock = now.Add(tt.after)
			u := presign(tt.seconds)
			if tt.change != nil {
				v := u.Query()
				tt.change(v)
				u.RawQuery = v.Encode()
			}
			r, _ := http.NewRequest("GET", u.String(), nil)
			if tt.header != "" {
				r.Header.Set(tt.header, "ENABLED")
			}
			if status, got := send(t, r); got != tt.want {
				t.Errorf("got %d %s, want %q", status, got, tt.want)
			}
		})
	}
}

func TestBodies(t *testing.T) {
	now := time.Now()
	y := serve(t, nil)
	put := func(headers map[string]string, text string) (int, string) {
		t.Helper()
		y.body = nil
		return send(t, y.sign(t, "s3", "PUT", "/b/k", text, headers, now))
	}
	for _, tt := range []struct {
		name, want string
		headers    map[string]string
		body       string
	}{
		{"an unsigned payload", "", map[string]string{"X-Amz-Content-Sha256": "UNSIGNED-PAYLOAD"}, "content"},
		{"its MD5", "", map[string]string{"Content-Md5": "mgNkuembtIDdJeHwKEyFVQ=="}, "content"},
		{"another MD5", "BadDigest", map[string]string{"Content-Md5": "AAAAAAAAAAAAAAAAAAAAAA=="}, "content"},
		{"an MD5 that is none", "InvalidDigest", map[string]string{"Content-Md5": "AAAA"}, "content"},
		{"CRC32", "", map[string]string{"X-Amz-Checksum-Crc32": "y/Q5Jg=="}, "123456789"},
		{"CRC32C", "", map[string]string{"X-Amz-Checksum-Crc32c": "4waSgw=="}, "123456789"},
		{"CRC64NVME", "", map[string]string{"X-Amz-Checksum-Crc64nvme": "rosUhgp5mIg="}, "123456789"},
		{"SHA1", "", map[string]string{"X-Amz-Checksum-Sha1": "98O8HYCOBHMq32eZZczDTKeuNEE="}, "123456789"},
		{"SHA256", "", map[string]string{"X-Amz-Checksum-Sha256": "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU="}, "123456789"},
		{"a wrong CRC32", "BadDigest", map[string]string{"X-Amz-Checksum-Crc32": "AAAAAA=="}, "123456789"},
		{"a checksum that is none", "InvalidRequest", map[string]string{"X-Amz-Checksum-Crc32": "!"}, "123456789"},
		{"two checksums", "InvalidRequest", map[string]string{"X-Amz-Checksum-Crc32": "y/Q5Jg==", "X-Amz-Checksum-Crc32c": "4waSgw=="}, "123456789"},
		{"an announced algorithm without its checksum", "InvalidRequest", map[string]string{"X-Amz-Sdk-Checksum-Algorithm": "CRC32"}, "123456789"},
		{"an unsigned trailer", "", map[string]string{"X-Amz-Content-Sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "X-Amz-Decoded-Content-Length": "9", "X-Amz-Trailer": "x-amz-checksum-crc32"},
			"4\r\n1234\r\n5\r\n56789\r\n0\r\nx-amz-checksum-crc32:y/Q5Jg==\r\n\r\n"},
		{"an unsigned trailer with another sum", "BadDigest", map[string]string{"X-Amz-Content-Sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "X-Amz-Decoded-Content-Length": "9", "X-Amz-Trailer": "x-amz-checksum-crc32"},
			"9\r\n123456788\r\n0\r\nx-amz-checksum-crc32:y/Q5Jg==\r\n\r\n"},
		{"a trailer that does not come", "MalformedTrailerError", map[string]string{"X-Amz-Content-Sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "X-Amz-Decoded-Content-Length": "9", "X-Amz-Trailer": "x-amz-checksum-crc32"},
			"9\r\n123456789\r\n0\r\n\r\n"},
		{"a trailer that was not announced", "MalformedTrailerError", map[string]string{"X-Amz-Content-Sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "X-Amz-Decoded-Content-Length": "9"},
			"9\r\n123456789\r\n0\r\nx-amz-checksum-crc32:y/Q5Jg==\r\n\r\n"},
		{"a trailer that is no checksum", "InvalidRequest", map[string]string{"X-Amz-Content-Sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "X-Amz-Decoded-Content-Length": "9", "X-Amz-Trailer": "x-amz-meta-a"},
			"9\r\n123456789\r\n0\r\nx-amz-meta-a:1\r\n\r\n"},
		{"fewer bytes than announced", "IncompleteBody", map[string]string{"X-Amz-Content-Sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "X-Amz-Decoded-Content-Length": "10"},
			"9\r\n123456789\r\n0\r\n\r\n"},
		{"more bytes than announced", "IncompleteBody", map[string]string{"X-Amz-Content-Sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "X-Amz-Decoded-Content-Length": "8"},
			"9\r\n123456789\r\n0\r\n\r\n"},
		{"more bytes than announced, in a chunk of their own", "IncompleteBody", map[string]string{"X-Amz-Content-Sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "X-Amz-Decoded-Content-Length": "8"},
			"8\r\n12345678\r\n1\r\n9\r\n0\r\n\r\n"},
		{"no announced length", "MissingContentLength", map[string]string{"X-Amz-Content-Sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER"}, "0\r\n\r\n"},
		{"a chunk size that is none", "InvalidChunkSizeError", map[string]string{"X-Amz-Content-Sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "X-Amz-Decoded-Content-Length": "9"}, "-9\r\n123456789\r\n0\r\n\r\n"},
		{"bytes behind the end", "InvalidChunkSizeError", map[string]string{"X-Amz-Content-Sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "X-Amz-Decoded-Content-Length": "9"}, "9\r\n123456789\r\n0\r\n\r\nmore"},
		{"unsigned chunks where signatures are announced", "InvalidChunkSizeError", map[string]string{"X-Amz-Content-Sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "X-Amz-Decoded-Content-Length": "9"}, "9\r\n123456789\r\n0\r\n\r\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if status, got := put(tt.headers, tt.body); got != tt.want {
				t.Errorf("got %d %s, want %q", status, got, tt.want)
			}
		})
	}
	t.Run("a JSON body over its limit is refused before it is read", func(t *testing.T) {
		r := y.sign(t, "logs", "POST", "/", "{}", map[string]string{"X-Amz-Target": "Logs_20140328.CreateLogGroup", "Expect": "100-continue"}, now)
		r.Body, r.ContentLength = io.NopCloser(failing{t}), 1<<40
		if status, got := send(t, r); status != 413 || got != "RequestEntityTooLargeException" {
			t.Errorf("got %d %s", status, got)
		}
	})
	t.Run("a JSON body of unknown length ends at its limit", func(t *testing.T) {
		const limit = 4096 // CreateLogGroup's in the toy
		for _, length := range []int{limit, limit + 1} {
			text := `{"logGroupName":"g"}` + strings.Repeat(" ", length-20)
			r := y.sign(t, "logs", "POST", "/", text, map[string]string{"X-Amz-Target": "Logs_20140328.CreateLogGroup"}, now)
			if length > limit {
				r.ContentLength = -1 // sent in chunks
			}
			if status, got := send(t, r); (status == 413) != (length > limit) || length == limit && status != 200 {
				t.Errorf("%d bytes: got %d %s", length, status, got)
			}
		}
	})
}

// failing is a body that must not be asked for.
type failing struct{ t *testing.T }

func (f failing) Read([]byte) (int, error) {
	f.t.Error("the body was asked for")
	return 0, io.ErrUnexpectedEOF
}
