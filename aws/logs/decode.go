package logs

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"strings"
	"unicode/utf8"
	"unsafe"

	"flowlake/aws/wire"
	"flowlake/fault"
	"flowlake/logs"

	api "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

// decodePutLogEvents reads a PutLogEvents request as wire's codec does, and as strictly, in one pass and with a few
// allocations for the whole batch. The input's strings share the memory of body.
func decodePutLogEvents(body []byte, in *api.PutLogEventsInput) error {
	r := putReader{data: body}
	if r.peek() == 0 && r.pos == len(body) {
		return nil // an empty body is an empty object
	}
	var seen members
	err := r.object(func(name string) error {
		switch name {
		case "logGroupName":
			return r.member(&seen, 0, func() error { return r.text(&in.LogGroupName) })
		case "logStreamName":
			return r.member(&seen, 1, func() error { return r.text(&in.LogStreamName) })
		case "sequenceToken":
			return r.member(&seen, 2, func() error { return r.text(&in.SequenceToken) })
		case "logEvents":
			return r.member(&seen, 3, func() error { return r.events(in) })
		case "entity":
			return r.member(&seen, 4, func() error {
				in.Entity = &types.Entity{}
				return r.skip(1)
			})
		}
		return r.unknown(name)
	})
	if err != nil {
		return err
	}
	if r.blanks(); r.pos != len(r.data) {
		return r.malformed("the body goes on behind its object")
	}
	return nil
}

// putReader reads JSON. Its strings point into data, or into escaped where they have escapes.
type putReader struct {
	data    []byte
	pos     int
	escaped []byte // never moved while strings point into it: a full one is replaced

	times    []int64  // what the events' pointers point to; never moved either
	messages []string //
}

// members notes which members of an object were read.
type members uint8

func (r *putReader) malformed(what string) error {
	return wire.Malformed("the JSON body cannot be read at byte %d: %s", r.pos, what)
}

func (r *putReader) unknown(name string) error {
	if len(name) > 100 {
		name = strings.ToValidUTF8(name[:100], "") + "…"
	}
	return fault.Newf(fault.Unsupported, "member "+name, "flowlake does not support this member of PutLogEvents")
}

// member reads the value of a member that may be given once; null is absent.
func (r *putReader) member(seen *members, bit uint, value func() error) error {
	if *seen&(1<<bit) != 0 {
		return r.malformed("the member is given twice")
	}
	*seen |= 1 << bit
	if r.null() {
		return nil
	}
	return value()
}

func (r *putReader) blanks() {
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
func (r *putReader) peek() byte {
	r.blanks()
	if r.pos == len(r.data) {
		return 0
	}
	return r.data[r.pos]
}

func (r *putReader) null() bool {
	if r.peek() != 'n' || !bytes.HasPrefix(r.data[r.pos:], []byte("null")) {
		return false
	}
	r.pos += 4
	return true
}

// object reads an object; member reads a value.
func (r *putReader) object(member func(name string) error) error {
	if r.peek() != '{' {
		return r.malformed("an object is expected")
	}
	r.pos++
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
		if err := member(name); err != nil {
			return err
		}
	}
}

// next reads the comma before the next element, or the closing bracket.
func (r *putReader) next(closing byte, first bool) (done bool, err error) {
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

// events reads the list of events.
func (r *putReader) events(in *api.PutLogEventsInput) error {
	if r.peek() != '[' {
		return r.malformed("a list is expected")
	}
	r.pos++
	in.LogEvents = make([]types.InputLogEvent, 0, min(len(r.data)/128+8, logs.MaxPutEvents))
	for first := true; ; first = false {
		done, err := r.next(']', first)
		if done || err != nil {
			return err
		}
		if len(in.LogEvents) == logs.MaxPutEvents {
			return fault.Newf(fault.Invalid, "log events",
				"1 validation error detected: Value at 'logEvents' failed to satisfy constraint: Member must have length less than or equal to %d", logs.MaxPutEvents)
		}
		in.LogEvents = append(in.LogEvents, types.InputLogEvent{})
		if err := r.event(&in.LogEvents[len(in.LogEvents)-1]); err != nil {
			return err
		}
	}
}

func (r *putReader) event(e *types.InputLogEvent) error {
	if r.peek() != '{' {
		return r.malformed("an object is expected")
	}
	r.pos++
	var seen members
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
		var bit members
		switch name {
		case "timestamp":
			bit = 1
		case "message":
			bit = 2
		default:
			return r.unknown("logEvents." + name)
		}
		if seen&bit != 0 {
			return r.malformed("the member is given twice")
		}
		seen |= bit
		switch {
		case r.null():
		case bit == 1:
			err = r.timestamp(&e.Timestamp)
		default:
			err = r.text(&e.Message)
		}
		if err != nil {
			return err
		}
	}
}

// slab is how many events' times and messages are allocated together.
const slab = 1024

func (r *putReader) timestamp(to **int64) error {
	n, err := r.integer()
	if err != nil {
		return err
	}
	if len(r.times) == cap(r.times) {
		r.times = make([]int64, 0, slab)
	}
	r.times = append(r.times, n)
	*to = &r.times[len(r.times)-1]
	return nil
}

func (r *putReader) text(to **string) error {
	if r.peek() != '"' {
		return r.malformed("a string is expected")
	}
	s, err := r.str()
	if err != nil {
		return err
	}
	if len(r.messages) == cap(r.messages) {
		r.messages = make([]string, 0, slab)
	}
	r.messages = append(r.messages, s)
	*to = &r.messages[len(r.messages)-1]
	return nil
}

// integer reads an integer of 64 bits. Fractions and exponents are refused, also where their value would be one.
func (r *putReader) integer() (int64, error) {
	r.blanks()
	negative := r.pos < len(r.data) && r.data[r.pos] == '-'
	if negative {
		r.pos++
	}
	begin := r.pos
	var n uint64
	for r.pos < len(r.data) && r.data[r.pos]-'0' <= 9 {
		high, low := bits.Mul64(n, 10)
		sum, carry := bits.Add64(low, uint64(r.data[r.pos]-'0'), 0)
		if high != 0 || carry != 0 {
			return 0, r.malformed("a number is out of range")
		}
		n = sum
		r.pos++
	}
	switch digits := r.pos - begin; {
	case digits == 0 || digits > 1 && r.data[begin] == '0':
		return 0, r.malformed("a number is expected")
	case r.pos < len(r.data) && bytes.IndexByte([]byte(".eE"), r.data[r.pos]) >= 0:
		return 0, r.malformed("a number is not an integer")
	case n > 1<<63 || !negative && n == 1<<63:
		return 0, r.malformed("a number is out of range")
	}
	if negative {
		return -int64(n), nil // of 1<<63 too: it is its own negative
	}
	return int64(n), nil
}

// str reads a string. It must be UTF-8; a lone half of a surrogate pair becomes U+FFFD.
func (r *putReader) str() (string, error) {
	if r.peek() != '"' {
		return "", r.malformed("a string is expected")
	}
	r.pos++
	begin := r.pos
	ascii := true
	for {
		// Eight bytes at a time until one of them ends the run: a quote, a backslash or a control character.
		for r.pos+8 <= len(r.data) {
			word := binary.LittleEndian.Uint64(r.data[r.pos:])
			if stops(word) {
				break
			}
			ascii = ascii && word&high == 0
			r.pos += 8
		}
		if r.pos == len(r.data) {
			return "", r.malformed("a string does not end")
		}
		switch c := r.data[r.pos]; {
		case c == '"':
			raw := r.data[begin:r.pos]
			if !ascii && !utf8.Valid(raw) {
				return "", r.malformed("a string is not UTF-8")
			}
			r.pos++
			return view(raw), nil
		case c == '\\':
			return r.unescape(begin)
		case c < ' ':
			return "", r.malformed("a string has a control character")
		case c >= utf8.RuneSelf:
			ascii = false
		}
		r.pos++
	}
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

// view is the bytes as a string. Nobody writes to them again.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// unescape goes on with the string that began there at its first escape.
func (r *putReader) unescape(begin int) (string, error) {
	if need := len(r.data) - begin; cap(r.escaped)-len(r.escaped) < need {
		r.escaped = make([]byte, 0, need) // a string never grows when it is unescaped, so all that follow fit in
	}
	from := len(r.escaped)
	out := append(r.escaped, r.data[begin:r.pos]...)
	out, next, problem := wire.Unescape(out, r.data, r.pos)
	r.pos = next
	if problem == "" && !utf8.Valid(out[from:]) {
		problem = "a string is not UTF-8"
	}
	if problem != "" {
		return "", r.malformed(problem)
	}
	r.escaped = out
	return view(out[from:]), nil
}

// maxDepth bounds the nesting of a value that is passed over.
const maxDepth = 64

// skip passes over a value, whose form it checks.
func (r *putReader) skip(depth int) error {
	if depth > maxDepth {
		return r.malformed("values are nested too deep")
	}
	switch c := r.peek(); {
	case c == '{':
		return r.object(func(string) error { return r.skip(depth + 1) })
	case c == '[':
		r.pos++
		for first := true; ; first = false {
			if done, err := r.next(']', first); done || err != nil {
				return err
			}
			if err := r.skip(depth + 1); err != nil {
				return err
			}
		}
	case c == '"':
		_, err := r.str()
		return err
	case c == '-' || c-'0' <= 9:
		return r.number()
	}
	for _, word := range []string{"null", "true", "false"} {
		if bytes.HasPrefix(r.data[r.pos:], []byte(word)) {
			r.pos += len(word)
			return nil
		}
	}
	return r.malformed("a value is expected")
}

// number passes over a number.
func (r *putReader) number() error {
	next, ok := wire.SkipNumber(r.data, r.pos)
	r.pos = next
	if !ok {
		return r.malformed("a number is expected")
	}
	return nil
}
