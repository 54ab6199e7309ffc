package firehose

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"strings"
	"unicode/utf8"
	"unsafe"

	"flowlake/aws/wire"
	"flowlake/fault"

	api "github.com/aws/aws-sdk-go-v2/service/firehose"
	"github.com/aws/aws-sdk-go-v2/service/firehose/types"
)

// decodePutRecord reads a PutRecord request as wire's codec does, and as strictly.
func decodePutRecord(body []byte, in *api.PutRecordInput) error {
	r := reader{data: body, operation: "PutRecord"}
	return r.body(func(name string, seen *uint8) error {
		switch name {
		case "DeliveryStreamName":
			return r.once(seen, 1, func() error { return r.text(&in.DeliveryStreamName) })
		case "Record":
			return r.once(seen, 2, func() error {
				in.Record = &types.Record{}
				return r.record("Record", in.Record)
			})
		}
		return r.unknown(name)
	})
}

// decodePutRecordBatch reads a PutRecordBatch request in one pass: records are taken out of base64 as they are met, into one piece of
// memory that the body's length bounds.
func decodePutRecordBatch(body []byte, in *api.PutRecordBatchInput) error {
	r := reader{data: body, operation: "PutRecordBatch"}
	return r.body(func(name string, seen *uint8) error {
		switch name {
		case "DeliveryStreamName":
			return r.once(seen, 1, func() error { return r.text(&in.DeliveryStreamName) })
		case "Records":
			return r.once(seen, 2, func() error { return r.records(in) })
		}
		return r.unknown(name)
	})
}

// reader reads JSON. Its strings and blobs point into data, or into memory of its own.
type reader struct {
	data      []byte
	pos       int
	operation string
	blobs     []byte // never moved while records point into it: its capacity is enough for the whole body
}

func (r *reader) malformed(what string) error {
	return wire.Malformed("the JSON body cannot be read at byte %d: %s", r.pos, what)
}

func (r *reader) unknown(name string) error {
	if len(name) > 100 {
		name = strings.ToValidUTF8(name[:100], "") + "…"
	}
	return fault.Newf(fault.Unsupported, "member "+name, "flowlake does not support this member of %s", r.operation)
}

// body reads the whole body: an object, or nothing.
func (r *reader) body(member func(name string, seen *uint8) error) error {
	if r.peek() == 0 && r.pos == len(r.data) {
		return nil
	}
	if err := r.object(member); err != nil {
		return err
	}
	if r.blanks(); r.pos != len(r.data) {
		return r.malformed("the body goes on behind its object")
	}
	return nil
}

// once reads the value of a member that may be given once; null is absent.
func (r *reader) once(seen *uint8, bit uint8, value func() error) error {
	if *seen&bit != 0 {
		return r.malformed("the member is given twice")
	}
	*seen |= bit
	if r.null() {
		return nil
	}
	return value()
}

func (r *reader) blanks() {
	for r.pos < len(r.data) {
		switch r.data[r.pos] {
		case ' ', '\t', '\n', '\r':
			r.pos++
		default:
			return
		}
	}
}

// peek returns the next byte that is not blank, 0 at the end.
func (r *reader) peek() byte {
	r.blanks()
	if r.pos == len(r.data) {
		return 0
	}
	return r.data[r.pos]
}

func (r *reader) null() bool {
	if r.peek() != 'n' || !bytes.HasPrefix(r.data[r.pos:], []byte("null")) {
		return false
	}
	r.pos += 4
	return true
}

// object reads an object; member reads a value, and notes in seen what it read.
func (r *reader) object(member func(name string, seen *uint8) error) error {
	if r.peek() != '{' {
		return r.malformed("an object is expected")
	}
	r.pos++
	var seen uint8
	for first := true; ; first = false {
		done, err := r.next('}', first)
		if done || err != nil {
			return err
		}
		name, err := r.str()
		if err != nil {
			return err
		}
		if r.peek() != ':' {
			return r.malformed("a colon is expected")
		}
		r.pos++
		if err := member(view(name), &seen); err != nil {
			return err
		}
	}
}

// next reads the comma before the next element, or the closing bracket.
func (r *reader) next(closing byte, first bool) (done bool, err error) {
	switch c := r.peek(); {
	case c == closing:
		r.pos++
		return true, nil
	case first:
		return false, nil
	case c != ',':
		return false, r.malformed("a comma is expected")
	}
	r.pos++
	if r.peek() == closing {
		return false, r.malformed("a comma stands before nothing")
	}
	return false, nil
}

func (r *reader) records(in *api.PutRecordBatchInput) error {
	if r.peek() != '[' {
		return r.malformed("a list is expected")
	}
	r.pos++
	in.Records = make([]types.Record, 0, min(len(r.data)/64+1, maxRecords))
	for first := true; ; first = false {
		done, err := r.next(']', first)
		if done || err != nil {
			return err
		}
		if len(in.Records) == maxRecords {
			return fault.Newf(fault.Invalid, "Records",
				"1 validation error detected: Value at 'records' failed to satisfy constraint: Member must have length less than or equal to %d", maxRecords)
		}
		in.Records = append(in.Records, types.Record{})
		if err := r.record("Records", &in.Records[len(in.Records)-1]); err != nil {
			return err
		}
	}
}

// record reads a record; within is what an unknown member's name begins with.
func (r *reader) record(within string, to *types.Record) error {
	if r.peek() != '{' {
		return r.malformed("an object is expected")
	}
	r.pos++
	seen := false
	for first := true; ; first = false {
		done, err := r.next('}', first)
		if done || err != nil {
			return err
		}
		name, err := r.str()
		if err != nil {
			return err
		}
		if r.peek() != ':' {
			return r.malformed("a colon is expected")
		}
		r.pos++
		switch {
		case string(name) != "Data":
			return r.unknown(within + "." + string(name))
		case seen:
			return r.malformed("the member is given twice")
		}
		seen = true
		if r.null() {
			continue
		}
		if err := r.blob(&to.Data); err != nil {
			return err
		}
	}
}

// blob reads bytes in base64.
func (r *reader) blob(to *[]byte) error {
	text, err := r.str()
	if err != nil {
		return err
	}
	if r.blobs == nil {
		r.blobs = make([]byte, 0, base64.StdEncoding.DecodedLen(len(r.data)-r.pos+len(text)+4))
	}
	from := len(r.blobs)
	r.blobs = r.blobs[:from+base64.StdEncoding.DecodedLen(len(text))]
	n, err := base64.StdEncoding.Strict().Decode(r.blobs[from:], text)
	if err != nil || bytes.IndexByte(text, '\n') >= 0 || bytes.IndexByte(text, '\r') >= 0 { // Go passes over line ends
		return r.malformed("a blob is not base64")
	}
	r.blobs = r.blobs[:from+n]
	*to = r.blobs[from : from+n : from+n]
	return nil
}

func (r *reader) text(to **string) error {
	b, err := r.str()
	if err != nil {
		return err
	}
	s := view(b)
	*to = &s
	return nil
}

const (
	ones = 0x0101010101010101
	high = 0x8080808080808080
)

// stops reports whether one of the eight bytes is a quote, a backslash or below a blank. It may say so of a byte
// behind one that is.
func stops(word uint64) bool {
	quote, slash := word^(ones*'"'), word^(ones*'\\')
	return ((quote-ones)&^quote|(slash-ones)&^slash|(word-ones*' ')&^word)&high != 0
}

// str reads a string. It must be UTF-8; a lone half of a surrogate pair becomes U+FFFD.
func (r *reader) str() ([]byte, error) {
	if r.peek() != '"' {
		return nil, r.malformed("a string is expected")
	}
	r.pos++
	begin := r.pos
	var seen byte
	for {
		for r.pos+8 <= len(r.data) {
			word := binary.LittleEndian.Uint64(r.data[r.pos:])
			if stops(word) {
				break
			}
			if word&high != 0 {
				seen = utf8.RuneSelf
			}
			r.pos += 8
		}
		if r.pos == len(r.data) {
			return nil, r.malformed("a string does not end")
		}
		switch c := r.data[r.pos]; {
		case c == '"':
			raw := r.data[begin:r.pos:r.pos]
			if seen >= utf8.RuneSelf && !utf8.Valid(raw) {
				return nil, r.malformed("a string is not UTF-8")
			}
			r.pos++
			return raw, nil
		case c == '\\':
			out := append(make([]byte, 0, r.length(begin)), r.data[begin:r.pos]...)
			out, next, problem := wire.Unescape(out, r.data, r.pos)
			r.pos = next
			if problem == "" && !utf8.Valid(out) {
				problem = "a string is not UTF-8"
			}
			if problem != "" {
				return nil, r.malformed(problem)
			}
			return out, nil
		case c < ' ':
			return nil, r.malformed("a string has a control character")
		default:
			seen |= c
		}
		r.pos++
	}
}

// length is how long the string that began there is as it is written.
func (r *reader) length(begin int) int {
	for i := r.pos; i < len(r.data); i++ {
		switch r.data[i] {
		case '"':
			return i - begin
		case '\\':
			i++
		}
	}
	return len(r.data) - begin
}

// view is the bytes as a string. Nobody writes to them again.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
