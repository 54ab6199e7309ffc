package columnar

import (
	"errors"
	"math"
)

// compact reads Thrift's compact protocol, in which Parquet writes its footers. It trusts nothing: every
// length is checked against the bytes that are left, so a broken footer costs an error, not memory.
type compact struct {
	b     []byte
	err   error
	depth int
}

var errThrift = errors.New("broken footer")

// The compact protocol's wire types.
const (
	thriftStop   = 0
	thriftTrue   = 1
	thriftFalse  = 2
	thriftByte   = 3
	thriftI16    = 4
	thriftI32    = 5
	thriftI64    = 6
	thriftDouble = 7
	thriftBinary = 8
	thriftList   = 9
	thriftSet    = 10
	thriftMap    = 11
	thriftStruct = 12
)

func (c *compact) fail() {
	c.err, c.b = errThrift, nil
}

func (c *compact) byte() byte {
	if len(c.b) == 0 {
		c.fail()
		return 0
	}
	v := c.b[0]
	c.b = c.b[1:]
	return v
}

func (c *compact) uvarint() uint64 {
	var v uint64
	for shift := uint(0); shift < 64; shift += 7 {
		b := c.byte()
		v |= uint64(b&0x7F) << shift
		if b < 0x80 {
			return v
		}
	}
	c.fail()
	return 0
}

func (c *compact) int() int64 {
	v := c.uvarint()
	return int64(v>>1) ^ -int64(v&1)
}

func (c *compact) int32() int32 {
	v := c.int()
	if v < math.MinInt32 || v > math.MaxInt32 {
		c.fail()
		return 0
	}
	return int32(v)
}

func (c *compact) bytes() []byte {
	n := c.uvarint()
	if n > uint64(len(c.b)) {
		c.fail()
		return nil
	}
	v := c.b[:n:n]
	c.b = c.b[n:]
	return v
}

// list calls each for every element of a list, whose wire type each must read, and fails when one takes fewer
// bytes than least: what is made of a list is in proportion to its bytes.
func (c *compact) list(want byte, least int, each func()) {
	head := c.byte()
	n, kind := uint64(head>>4), head&0x0F
	if n == 15 {
		n = c.uvarint()
	}
	if n > uint64(len(c.b)/least) || n > 0 && kind != want {
		c.fail()
		return
	}
	for ; n > 0 && c.err == nil; n-- {
		before := len(c.b)
		if each(); before-len(c.b) < least {
			c.fail()
		}
	}
}

// fields calls each with every field of a struct; each reads the field's value or calls skip.
func (c *compact) fields(each func(id int16, kind byte)) {
	if c.depth++; c.depth > 64 {
		c.fail()
	}
	id := int16(0)
	for c.err == nil {
		head := c.byte()
		if head == thriftStop {
			break
		}
		if delta := head >> 4; delta != 0 {
			id += int16(delta)
		} else {
			id = int16(c.int())
		}
		each(id, head&0x0F)
	}
	c.depth--
}

// skip passes over a value.
func (c *compact) skip(kind byte) {
	if c.depth++; c.depth > 64 {
		c.fail()
	}
	switch kind {
	case thriftTrue, thriftFalse:
	case thriftByte:
		c.byte()
	case thriftI16, thriftI32, thriftI64:
		c.uvarint()
	case thriftDouble:
		if len(c.b) < 8 {
			c.fail()
		} else {
			c.b = c.b[8:]
		}
	case thriftBinary:
		c.bytes()
	case thriftList, thriftSet:
		c.skipList()
	case thriftMap:
		n := c.uvarint()
		if n == 0 {
			break
		}
		kinds := c.byte()
		if n > uint64(len(c.b)) {
			c.fail()
		}
		for ; n > 0 && c.err == nil; n-- {
			c.skipElement(kinds >> 4)
			c.skipElement(kinds & 0x0F)
		}
	case thriftStruct:
		c.fields(func(_ int16, kind byte) { c.skip(kind) })
	default:
		c.fail()
	}
	c.depth--
}

func (c *compact) skipList() {
	head := c.byte()
	n, kind := uint64(head>>4), head&0x0F
	if n == 15 {
		n = c.uvarint()
	}
	if n > uint64(len(c.b)) {
		c.fail()
	}
	for ; n > 0 && c.err == nil; n-- {
		c.skipElement(kind)
	}
}

// skipElement passes over an element of a collection, where a boolean takes a byte of its own.
func (c *compact) skipElement(kind byte) {
	if kind == thriftTrue || kind == thriftFalse {
		kind = thriftByte
	}
	c.skip(kind)
}
