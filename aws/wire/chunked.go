package wire

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// emptyHash is the SHA-256 of nothing, which every chunk's string to sign carries.
const emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// Bounds of the framing: a chunk's head is a size and a signature, a trailer a name and a checksum.
const (
	maxChunkHead   = 256
	maxTrailerLine = 1024
	maxTrailers    = 8
)

// chunkReader takes an aws-chunked body out of its framing:
//
//	hex-size[;chunk-signature=64 hex digits] CRLF bytes CRLF … 0[;chunk-signature=…] CRLF [name:value CRLF …] CRLF
//
// A chunk's signature covers the one before it; it is checked as the chunk's last byte is read, so bytes of a
// chunk may be handed out before. It returns io.EOF once everything, trailers included, is verified.
//
// Source: S3 API reference, "Transferring payload in multiple chunks", "Including trailing headers".
type chunkReader struct {
	src      *bufio.Reader
	proof    *proof // nil: the chunks are not signed
	previous string // the signature before this chunk's

	trailers  bool            // trailers may follow the last chunk
	announced map[string]bool // x-amz-trailer, in lower case
	found     map[string]string

	left    int64 // of the open chunk
	open    bool
	sum     hash.Hash // of the open chunk, when signed
	claimed string    // the open chunk's signature
	err     error
}

func newChunkReader(src io.Reader) *chunkReader {
	return &chunkReader{src: bufio.NewReaderSize(src, 32<<10)}
}

// Read reads unframed bytes.
func (c *chunkReader) Read(b []byte) (int, error) {
	if c.err != nil {
		return 0, c.err
	}
	if len(b) == 0 {
		return 0, nil
	}
	if !c.open {
		if c.err = early(c.head()); c.err == nil && c.left == 0 {
			if c.err = early(c.end()); c.err == nil {
				c.err = io.EOF
			}
		}
		if c.err != nil {
			return 0, c.err
		}
	}
	n, err := c.src.Read(b[:min(int64(len(b)), c.left)])
	c.left -= int64(n)
	if c.sum != nil {
		c.sum.Write(b[:n])
	}
	if err == nil && c.left == 0 {
		err = c.tail()
	}
	if err != nil {
		c.err = early(err)
		return 0, c.err
	}
	return n, nil
}

// head reads a chunk's size and signature.
func (c *chunkReader) head() error {
	line, err := c.line(maxChunkHead)
	if err != nil {
		return err
	}
	size, extension, signed := strings.Cut(line, ";")
	if size == "" || len(size) > 15 || !all(size, isHex) {
		return chunkError("a chunk's size is not a hexadecimal number: " + quote(size))
	}
	c.left, _ = strconv.ParseInt(size, 16, 64) // 15 digits fit
	c.open = true
	if c.proof == nil {
		if signed {
			return chunkError("an unsigned payload has a chunk with an extension: " + quote(extension))
		}
		return nil
	}
	value, ok := strings.CutPrefix(extension, "chunk-signature=")
	if !ok || len(value) != 2*sha256.Size || !all(value, isLowerHex) {
		return chunkError("a chunk has no chunk-signature")
	}
	c.claimed = value
	if c.sum == nil {
		c.sum = sha256.New()
	}
	c.sum.Reset()
	return nil
}

// tail closes a chunk: its line end and its signature.
func (c *chunkReader) tail() error {
	var end [2]byte
	if _, err := io.ReadFull(c.src, end[:]); err != nil {
		return err
	}
	if end != [2]byte{'\r', '\n'} {
		return chunkError("a chunk is longer than its size says")
	}
	c.open = false
	return c.verify()
}

// verify checks the closed chunk's signature.
func (c *chunkReader) verify() error {
	if c.proof == nil {
		return nil
	}
	var sum [sha256.Size]byte
	text := c.preamble("AWS4-HMAC-SHA256-PAYLOAD")
	text = append(text, emptyHash+"\n"...)
	text = hex.AppendEncode(text, c.sum.Sum(sum[:0]))
	if !c.proof.signs(text, c.claimed) {
		return chunkMismatch()
	}
	c.previous = c.claimed
	return nil
}

// preamble begins a string to sign.
func (c *chunkReader) preamble(kind string) []byte {
	text := make([]byte, 0, 512)
	text = append(append(text, kind...), '\n')
	text = append(append(text, c.proof.stamp...), '\n')
	text = append(append(text, c.proof.scope()...), '\n')
	return append(append(text, c.previous...), '\n')
}

// end reads what follows the last chunk, which is empty: its signature, the trailers and theirs.
func (c *chunkReader) end() error {
	if err := c.verify(); err != nil {
		return err
	}
	c.found = make(map[string]string)
	var signed []byte
	var claimed string
	for {
		line, err := c.line(maxTrailerLine)
		if err != nil {
			// Some clients leave out the empty line after the last one.
			if errors.Is(err, io.EOF) && (len(c.found) > 0 || !c.trailers) {
				break
			}
			return err
		}
		if line == "" {
			break
		}
		name, value, ok := strings.Cut(line, ":")
		name, value = strings.ToLower(strings.TrimSpace(name)), strings.TrimSpace(value)
		switch {
		case !ok || !c.trailers || claimed != "":
			return malformedTrailer()
		case name == "x-amz-trailer-signature":
			if c.proof == nil || len(value) != 2*sha256.Size || !all(value, isLowerHex) {
				return malformedTrailer()
			}
			claimed = value
			continue
		case !c.announced[name] || c.found[name] != "" || value == "":
			return malformedTrailer()
		}
		c.found[name] = value
		signed = append(append(append(append(signed, name...), ':'), value...), '\n')
	}
	if len(c.found) != len(c.announced) {
		return malformedTrailer()
	}
	if c.proof == nil || !c.trailers {
		return c.nothingMore()
	}
	sum := sha256.Sum256(signed)
	text := c.preamble("AWS4-HMAC-SHA256-TRAILER")
	text = hex.AppendEncode(text, sum[:])
	if !c.proof.signs(text, claimed) {
		return chunkMismatch()
	}
	return c.nothingMore()
}

// nothingMore refuses bytes behind the end.
func (c *chunkReader) nothingMore() error {
	switch _, err := c.src.ReadByte(); {
	case err == nil:
		return chunkError("the body goes on behind its last chunk")
	case errors.Is(err, io.EOF):
		return nil
	default:
		return err
	}
}

// line reads up to a line end, without it. At the end of the body it returns io.EOF.
func (c *chunkReader) line(most int) (string, error) {
	line, err := c.src.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull) || len(line) > most:
		return "", chunkError("a line of the body's framing is too long")
	case errors.Is(err, io.EOF) && len(line) > 0:
		return "", io.ErrUnexpectedEOF
	case err != nil:
		return "", err
	}
	text, ok := strings.CutSuffix(string(line), "\r\n")
	if !ok {
		return "", chunkError("a line of the body's framing does not end in CRLF")
	}
	return text, nil
}

// early words the end of the input inside the framing.
func early(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// trailerNames reads x-amz-trailer: the checksums that follow the body.
func trailerNames(h http.Header) (map[string]bool, error) {
	names := make(map[string]bool)
	for _, value := range h["X-Amz-Trailer"] {
		for name := range strings.SplitSeq(value, ",") {
			name = strings.ToLower(strings.TrimSpace(name))
			algorithm, ok := strings.CutPrefix(name, "x-amz-checksum-")
			if !ok || NewChecksum(strings.ToUpper(algorithm)) == nil || len(names) >= maxTrailers {
				return nil, &Error{Code: "InvalidRequest", Message: "The value specified in the x-amz-trailer header is not supported: " + quote(name)}
			}
			names[name] = true
		}
	}
	return names, nil
}

func chunkError(message string) error {
	return &Error{Code: "InvalidChunkSizeError", Message: "The body is not aws-chunked: " + message + "."}
}

func malformedTrailer() error {
	return &Error{Code: "MalformedTrailerError", Message: "The request contained trailing data that was not well-formed or did not conform to our published schema."}
}

func chunkMismatch() error {
	return &Error{Code: "SignatureDoesNotMatch", Status: http.StatusForbidden, Message: mismatchMessage}
}
