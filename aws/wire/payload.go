package wire

import (
	"crypto/md5"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// The values of x-amz-content-sha256 that are no hash.
const (
	unsignedPayload  = "UNSIGNED-PAYLOAD"
	streamingSigned  = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
	streamingTrailer = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
	streamingPlain   = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
)

// payloadHash returns the canonical request's last line for a request whose body is not read yet: S3's.
func payloadHash(r *http.Request, query []pair, presigned bool) (string, error) {
	values := r.Header["X-Amz-Content-Sha256"]
	if len(values) == 0 && presigned {
		values = []string{unsignedPayload}
		for _, p := range query {
			if p.name == "X-Amz-Content-Sha256" {
				values[0] = p.value
			}
		}
	}
	if len(values) != 1 {
		return "", refuse(authPayload, "Missing required header for this request: x-amz-content-sha256")
	}
	switch v := values[0]; {
	case v == unsignedPayload, v == streamingSigned, v == streamingTrailer, v == streamingPlain:
		return v, nil
	case len(v) == 2*sha256.Size && all(v, isLowerHex):
		return v, nil
	}
	return "", refuse(authPayload, "x-amz-content-sha256 must be "+unsignedPayload+", "+streamingPlain+", "+streamingSigned+", "+streamingTrailer+" or a valid sha256 value.")
}

// payload is the body of a raw operation: unframed, counted, and held against everything that was announced of it.
type payload struct {
	src    io.Reader // the unframed bytes
	chunks *chunkReader
	size   int64 // announced; -1 when it is not known
	limit  int64 // Unlimited for none
	read   int64
	checks []*check
	err    error
}

// check is one sum over the payload, and what it should be.
type check struct {
	name string // "sha256", "md5", or a checksum algorithm: "CRC32C"
	sum  hash.Hash
	want string // base64; "" until the trailer brings it
	hex  bool   // want is in hex: x-amz-content-sha256
	bad  *Error // when it is not
}

// newPayload prepares the body of an authenticated request. mode is its x-amz-content-sha256. object says that
// x-amz-checksum-* headers speak of something else than the body.
func newPayload(r *http.Request, mode string, p *proof, limit int64, object bool) (*payload, error) {
	pl := &payload{src: r.Body, size: r.ContentLength, limit: limit}
	streaming := strings.HasPrefix(mode, "STREAMING-")
	if streaming {
		decoded := r.Header.Get("X-Amz-Decoded-Content-Length")
		n, err := strconv.ParseInt(decoded, 10, 64)
		if err != nil || n < 0 || !all(decoded, isDigit) {
			return nil, &Error{Code: "MissingContentLength", Status: http.StatusLengthRequired,
				Message: "You must provide the x-amz-decoded-content-length HTTP header, a number of bytes, with " + mode + "."}
		}
		pl.size = n
		pl.chunks = newChunkReader(r.Body)
		if mode != streamingPlain {
			pl.chunks.proof, pl.chunks.previous = p, p.value
		}
		if mode != streamingSigned {
			names, err := trailerNames(r.Header)
			if err != nil {
				return nil, err
			}
			pl.chunks.trailers = true
			pl.chunks.announced = names
		}
		pl.src = pl.chunks
		stripChunked(r.Header)
	} else if mode != unsignedPayload {
		pl.checks = append(pl.checks, &check{name: "sha256", sum: sha256.New(), want: mode, hex: true, bad: &Error{
			Code: "XAmzContentSHA256Mismatch", Status: http.StatusBadRequest,
			Message: "The provided 'x-amz-content-sha256' header does not match what was computed."}})
	}
	if limit != Unlimited && pl.size > limit {
		return nil, tooLarge(RestXML, limit)
	}
	if err := pl.announce(r.Header, object); err != nil {
		return nil, err
	}
	return pl, nil
}

// announce collects the checks that the headers ask for.
func (p *payload) announce(h http.Header, object bool) error {
	if values := h["Content-Md5"]; len(values) > 0 {
		if raw, err := base64.StdEncoding.DecodeString(values[0]); err != nil || len(raw) != md5.Size || len(values) > 1 {
			return &Error{Code: "InvalidDigest", Message: "The Content-MD5 you specified was invalid."}
		}
		p.checks = append(p.checks, &check{name: "md5", sum: md5.New(), want: values[0], bad: &Error{
			Code: "BadDigest", Message: "The Content-MD5 you specified did not match what we received."}})
	}
	if object {
		return nil
	}
	found := 0
	for _, algorithm := range ChecksumAlgorithms {
		name := checksumHeader(algorithm)
		values := h[http.CanonicalHeaderKey(name)]
		trailing := p.chunks != nil && p.chunks.announced[name]
		if len(values) == 0 && !trailing {
			continue
		}
		found++
		c := &check{name: algorithm, sum: NewChecksum(algorithm), bad: &Error{Code: "BadDigest",
			Message: "The " + algorithm + " you specified did not match the calculated checksum."}}
		if len(values) > 0 {
			raw, err := base64.StdEncoding.DecodeString(values[0])
			if err != nil || len(raw) != c.sum.Size() || len(values) > 1 || trailing {
				return &Error{Code: "InvalidRequest", Message: "Value for " + name + " header is invalid."}
			}
			c.want = values[0]
		}
		p.checks = append(p.checks, c)
	}
	if found > 1 {
		return &Error{Code: "InvalidRequest", Message: "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."}
	}
	if h.Get("X-Amz-Sdk-Checksum-Algorithm") != "" && found == 0 {
		return &Error{Code: "InvalidRequest", Message: "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found."}
	}
	return nil
}

// Read reads the payload. The bytes that complete the announced size are handed out only after everything that was
// announced holds, so that a reader of just that many bytes is safe too.
func (p *payload) Read(b []byte) (int, error) {
	if p.err != nil {
		return 0, p.err
	}
	if len(b) == 0 {
		return 0, nil
	}
	n, err := p.src.Read(b)
	p.read += int64(n)
	for _, c := range p.checks {
		c.sum.Write(b[:n])
	}
	switch {
	case p.limit != Unlimited && p.read > p.limit:
		p.err = tooLarge(RestXML, p.limit)
	case p.size >= 0 && p.read > p.size:
		p.err = incomplete("more")
	case err == nil && p.read == p.size:
		p.err = p.finish()
		if p.err == io.EOF {
			return n, nil
		}
	case err == nil:
		return n, nil
	case !errors.Is(err, io.EOF):
		p.err = readError(err)
	case p.size >= 0 && p.read < p.size:
		p.err = incomplete("fewer")
	default:
		if p.err = p.verify(); p.err == nil {
			p.err = io.EOF
			return n, io.EOF
		}
	}
	return 0, p.err
}

// finish reads what follows the last announced byte, which is no data, and verifies.
func (p *payload) finish() error {
	var probe [1]byte
	for range 100 { // a reader may return nothing a few times
		n, err := p.src.Read(probe[:])
		switch {
		case n > 0:
			return incomplete("more")
		case err == nil:
			continue
		case !errors.Is(err, io.EOF):
			return readError(err)
		}
		if err := p.verify(); err != nil {
			return err
		}
		return io.EOF
	}
	return readError(io.ErrNoProgress)
}

// verify holds the sums against what was announced, in headers or trailers.
func (p *payload) verify() error {
	for _, c := range p.checks {
		sum := c.sum.Sum(nil)
		if c.want == "" {
			if c.want = p.trailer(checksumHeader(c.name)); c.want == "" {
				return malformedTrailer()
			}
		}
		got := base64.StdEncoding.EncodeToString(sum)
		if c.hex {
			got = hex.EncodeToString(sum)
		}
		if subtle.ConstantTimeCompare([]byte(got), []byte(c.want)) != 1 {
			return c.bad
		}
	}
	return nil
}

// trailer returns a trailing header, once the payload is read.
func (p *payload) trailer(name string) string {
	if p == nil || p.chunks == nil {
		return ""
	}
	return p.chunks.found[strings.ToLower(name)]
}

// verified returns the checksums that held.
func (p *payload) verified() map[string]string {
	if p == nil || p.err != io.EOF {
		return nil
	}
	var sums map[string]string
	for _, c := range p.checks {
		if NewChecksum(c.name) == nil {
			continue
		}
		if sums == nil {
			sums = make(map[string]string, 1)
		}
		sums[c.name] = c.want
	}
	return sums
}

func incomplete(than string) error {
	return &Error{Code: "IncompleteBody", Message: "The body has " + than + " bytes than its announced length."}
}

func checksumHeader(algorithm string) string { return "x-amz-checksum-" + strings.ToLower(algorithm) }

// stripChunked takes the framing out of Content-Encoding: what is left is the content's own.
func stripChunked(h http.Header) {
	var left []string
	for _, value := range h["Content-Encoding"] {
		for coding := range strings.SplitSeq(value, ",") {
			if coding = strings.TrimSpace(coding); coding != "" && !strings.EqualFold(coding, "aws-chunked") {
				left = append(left, coding)
			}
		}
	}
	h.Del("Content-Encoding")
	if len(left) > 0 {
		h.Set("Content-Encoding", strings.Join(left, ","))
	}
}
