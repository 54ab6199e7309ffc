package columnar

import (
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"flowlake/fault"
)

// csvLine splits lines as OpenCSVSerde's parser does, which is not RFC 4180: see split.
type csvLine struct {
	separator, quote, escape byte
	quotes, escapes          bool // whether there are such bytes at all
	fields                   [][]byte
	buffer                   []byte
}

func (t *Text) csv() error {
	proto := csvLine{quotes: true, escapes: true}
	for _, p := range []struct {
		name     string
		to       *byte
		fallback byte
	}{{"separatorChar", &proto.separator, ','}, {"quoteChar", &proto.quote, '"'}, {"escapeChar", &proto.escape, '\\'}} {
		*p.to = p.fallback
		value, ok := t.spec.Parameters[p.name]
		if !ok || value == "" {
			continue
		}
		if r, size := utf8.DecodeRuneInString(value); r >= 0x80 || size != len(value) {
			return fault.Newf(fault.Invalid, "SerDe property "+p.name, "%q is not one ASCII character", value)
		}
		*p.to = value[0]
	}
	proto.quotes, proto.escapes = proto.quote != 0, proto.escape != 0 && proto.escape != proto.quote
	if proto.separator == proto.quote || proto.separator == proto.escape {
		return fault.Newf(fault.Invalid, "SerDe property separatorChar", "%q also quotes or escapes", string(proto.separator))
	}
	for _, at := range t.spec.Read {
		if c := t.spec.Columns[at]; c.Type.Nested() || c.Type.Kind == Binary {
			return fault.Newf(fault.Unsupported, "column "+c.Name, "%s in a table of OpenCSVSerde", c.Type)
		}
	}
	t.make = func(b *array.RecordBuilder) (rowFunc, error) {
		p := proto
		appends := make([]appendFunc, len(t.spec.Read))
		for i, at := range t.spec.Read {
			appends[i] = csvAppender(t.spec.Columns[at].Type, b.Field(i))
		}
		return func(line []byte) (bool, error) {
			fields := p.split(line)
			for i, at := range t.spec.Read {
				if at >= len(fields) {
					b.Field(i).AppendNull()
				} else if !appends[i](fields[at]) {
					return false, badValue(fields[at], at)
				}
			}
			return true, nil
		}, nil
	}
	return nil
}

// csvAppender casts as Athena does for this SerDe: dates are days and timestamps milliseconds since 1970.
func csvAppender(t Type, b array.Builder) appendFunc {
	if t.Kind == Date {
		b := b.(*array.Date32Builder)
		return func(v []byte) bool {
			days, ok := parseInt(v, -1<<31, 1<<31-1)
			if ok {
				b.Append(arrow.Date32(days))
			}
			return ok
		}
	}
	return scalarAppender(t, b, func(v []byte) (int64, bool) {
		millis, ok := parseInt(v, -1<<53, 1<<53)
		return millis * 1000, ok
	})
}

// split returns the line's fields, valid until the next call. Blanks before an opening quote vanish, a
// quote in the middle of a field is kept and still quotes, two quotes inside quotes are one, and an escape byte
// stands for nothing unless it is inside quotes before a quote or another escape byte. A quote that is
// never closed ends with the line.
//
// Source: the behaviour of opencsv 2.3, which Hive's OpenCSVSerde calls with one line at a time.
func (p *csvLine) split(line []byte) [][]byte {
	p.fields = p.fields[:0]
	if cap(p.buffer) < len(line) {
		p.buffer = make([]byte, 0, 2*len(line)+64)
	}
	out, start := p.buffer[:0], 0 // never grows beyond the line, so earlier fields stay where they are
	inside := false
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case p.escapes && c == p.escape:
			if inside && i+1 < len(line) && (line[i+1] == p.quote || line[i+1] == p.escape) {
				i++
				out = append(out, line[i])
			}
		case p.quotes && c == p.quote:
			if inside && i+1 < len(line) && line[i+1] == p.quote {
				out = append(out, p.quote)
				i++
				continue
			}
			if i > 2 && line[i-1] != p.separator && i+1 < len(line) && line[i+1] != p.separator {
				if blank(out[start:]) && len(out) > start {
					out = out[:start]
				} else {
					out = append(out, c)
				}
			}
			inside = !inside
		case c == p.separator && !inside:
			p.fields = append(p.fields, out[start:len(out):len(out)])
			start = len(out)
		default:
			out = append(out, c)
		}
	}
	p.fields = append(p.fields, out[start:len(out):len(out)])
	return p.fields
}

func blank(b []byte) bool {
	for _, c := range b {
		if c > ' ' {
			return false
		}
	}
	return true
}
