package flowtext

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/bits"

	"github.com/apache/arrow-go/v18/arrow/decimal128"

	"flowlake/fault"
	"flowlake/flow"
)

// line makes a row of the line buf[from:to], whose byte at to is its end. Nothing is appended before everything has been
// read: a line leaves a whole row or none.
func (c *Converter) line(from, to int) error {
	if to > from && c.buf[to-1] == '\r' {
		to--
	}
	if to == from {
		return nil
	}
	if to-from > 24 && c.buf[from+24] == ' ' && c.buf[from+4] == '-' {
		if _, rest, ok := flow.CutExportTimestamp(c.buf[from:to]); ok {
			from = to - len(rest)
		}
	}
	p := c.plan
	if p == nil || !p.numbers && bytes.Equal(c.buf[from:to], p.header) || !c.split(p, from, to) {
		return c.odd(from, to)
	}
	for i := range p.checks {
		k := &p.checks[i]
		if v := &c.row[k.field]; v.to != 0 && !k.convert(c.buf[v.from:v.to], v) {
			return c.bad(c.buf[from:to], misfit(k, c.buf[v.from:v.to]))
		}
	}
	at, ok := c.time(p)
	if !ok || at < c.low || at >= c.high {
		if err := c.route(at, ok); err != nil {
			return err
		}
	}
	c.append(p)
	c.stats.Rows++
	return nil
}

func misfit(k *check, text []byte) error {
	if len(text) > 64 {
		text = text[:64]
	}
	return fault.Newf(fault.Invalid, "column "+k.column.Name, "%q does not fit %s", text, k.column.Type)
}

// odd is a line that is no record of the plan: a header of joined files, or bad.
func (c *Converter) odd(from, to int) error {
	line := c.buf[from:to]
	if fields, ok := flow.ParseHeader(line); ok && (len(fields) > 1 || c.stats.Lines == 1) {
		return c.use(fields, line)
	}
	if c.plan == nil { // an empty beginning, longer than the buffer
		return c.bad(line, fault.Newf(fault.Invalid, "line", "its format is not known"))
	}
	_, err := flow.Parse(c.plan.fields, line) // says why
	if err == nil {
		return fault.Newf(fault.Internal, "file "+c.name, "line %d: it is a record that was not read as one", c.stats.Lines)
	}
	return c.bad(line, err)
}

// time is the record's, in Unix seconds.
func (c *Converter) time(p *plan) (at int64, ok bool) {
	f := p.start
	if f < 0 || c.row[f].to == 0 {
		if f = p.end; f < 0 || c.row[f].to == 0 {
			return 0, false
		}
	}
	if at = c.row[f].number; at >= millis {
		at /= 1000
	}
	return at, true
}

const (
	ones   = 0x0101010101010101
	highs  = 0x8080808080808080
	blanks = ones * ' '
	zeros  = ones * '0'
)

// split finds the line's cells, reads its numbers, and reports whether flow.Parse would take the line.
func (c *Converter) split(p *plan, from, to int) bool {
	buf := c.buf
	before := buf[to]
	buf[to] = ' ' // every field ends with a blank, so no search runs out of the line
	at := from
	ok := true
	for i, limit := range p.limits {
		if at > to {
			ok = false
			break
		}
		cell := &c.row[i&(maxFields-1)]
		cell.from = at
		if limit == 0 {
			for {
				x := binary.LittleEndian.Uint64(buf[at:]) ^ blanks
				if found := (x - ones) & ^x & highs; found != 0 {
					at += bits.TrailingZeros64(found) >> 3
					break
				}
				at += 8
			}
			cell.to = at
			if n := at - cell.from; n <= 1 {
				if n == 0 {
					ok = false
					break
				}
				if buf[cell.from] == '-' {
					cell.to = 0
				}
			}
			at++
			continue
		}
		// Digits are the bytes whose distance from '0' is at most 9.
		t := binary.LittleEndian.Uint64(buf[at:]) ^ zeros
		other := (t + 0x7676767676767676 | t) & highs
		n := bits.TrailingZeros64(other) >> 3 // 8 when all are digits
		if n == 0 {
			if buf[at] == '-' && buf[at+1] == ' ' {
				cell.to = 0
				at += 2
				continue
			}
			ok = false
			break
		}
		v := eight(t << (64 - 8*uint(n)))
		at += n
		if n == 8 && buf[at] != ' ' {
			t := binary.LittleEndian.Uint64(buf[at:]) ^ zeros
			other := (t + 0x7676767676767676 | t) & highs
			n := bits.TrailingZeros64(other) >> 3
			if n == 0 || n == 8 { // 16 digits or more
				end := at + bytes.IndexByte(buf[at:to+1], ' ')
				var fits bool
				if v, fits = parseNumber(buf[cell.from:end], limit); !fits {
					ok = false
					break
				}
				at = end
			} else {
				v = v*pow10[n] + eight(t<<(64-8*uint(n)))
				at += n
			}
		}
		if buf[at] != ' ' || v > limit {
			ok = false
			break
		}
		cell.number, cell.to = v, at
		at++
	}
	buf[to] = before
	return ok && at == to+1
}

// eight reads eight digits, the first in the lowest byte.
func eight(t uint64) int64 {
	t = t*10 + t>>8
	return int64((t&0x000000FF000000FF*0x000F424000000064 + t>>16&0x000000FF000000FF*0x0000271000000001) >> 32)
}

var pow10 = [9]int64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8}

// append puts the row into its Writer.
func (c *Converter) append(p *plan) {
	for i := range p.ops {
		o := &p.ops[i]
		b, v := c.builders[o.column], &c.row[o.field&(maxFields-1)]
		if v.to == 0 {
			b.Null()
			continue
		}
		switch o.put {
		case putText:
			b.Text(c.buf[v.from:v.to])
		case putNumber:
			b.Int(v.number)
		case putSeconds:
			b.Timestamp(micros(v.number))
		case putInt:
			b.Int(v.value)
		case putMicros:
			b.Timestamp(v.value)
		case putFloat:
			b.Float(math.Float64frombits(uint64(v.value)))
		case putDecimal:
			b.Decimal(decimal128.New(v.high, uint64(v.value)))
		}
	}
	for _, column := range p.absent {
		c.builders[column].Null()
	}
	c.writer.EndWholeRow()
}
