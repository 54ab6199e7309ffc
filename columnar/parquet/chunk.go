package parquet

import (
	"encoding/binary"
	"math/bits"

	"flowlake/fault"
)

// Parquet's encodings.
const (
	encodingPlain      = 0
	encodingRLE        = 3
	encodingDelta      = 5
	encodingDictionary = 8
)

// pageBytes is about how large a page is before it is compressed.
const pageBytes = 1 << 20

// page is a page whose payload lies in chunker.raw.
type page struct {
	dictionary bool
	values     int // NULLs included
	encoding   int32
	from, to   int
	size       int // of the payload, compressed
}

// chunkMeta is what the footer says of a chunk.
type chunkMeta struct {
	encodings                uint32 // bits by number
	codec                    Compression
	values, nulls            int64
	uncompressed, compressed int64
	dataOffset, dictOffset   int64 // dictOffset is 0 without a dictionary
	distinct                 int64 // -1: not known
	bounds                   bounds
	bloomOffset              int64
	bloomLength              int
	filter                   []byte
}

// chunker assembles a column chunk. Its memory is used again for the next one.
type chunker struct {
	raw, packed []byte
	pages       []page
	levels      []uint32
	plain       []byte
}

// flush writes the row group, if it has rows, and forgets it.
func (w *Writer) flush() {
	for i := range w.builders {
		if b := &w.builders[i]; b.rows != w.rows && w.err == nil {
			w.err = fault.Newf(fault.Internal, "column "+b.column.Name, "it has %d values in %d rows", b.rows, w.rows)
		}
	}
	if w.rows > 0 && w.err == nil {
		w.begin()
		start := w.offset
		for i := range w.builders {
			w.chunk(&w.builders[i])
		}
		end := w.offset
		for i := range w.builders {
			m := &w.builders[i].stored
			if m.filter != nil {
				m.bloomOffset = w.offset
				head := bloomHeader(len(m.filter))
				m.bloomLength = len(head) + len(m.filter)
				w.write(head)
				w.write(m.filter)
				m.filter = nil
			}
		}
		if w.err == nil {
			w.groups = w.appendGroup(w.groups, start, end)
			w.nGroups++
			w.written += int64(w.rows)
		}
	}
	w.rows, w.grown = 0, 0
	for i := range w.builders {
		w.builders[i].reset()
	}
}

// chunk writes the column's part of the row group.
func (w *Writer) chunk(b *Builder) {
	c := &w.chunker
	c.raw, c.pages = c.raw[:0], c.pages[:0]
	b.stored = chunkMeta{values: int64(b.rows), nulls: int64(len(b.nulls)), distinct: -1}
	if b.physical == physicalBytes || b.physical == physicalFixed {
		w.byteChunk(b)
	} else {
		w.intChunk(b)
	}
	w.emit(b)
}

// byteChunk makes pages of codes, and of plain values where the dictionary was full.
func (w *Writer) byteChunk(b *Builder) {
	c := &w.chunker
	entries := b.dict.len()
	if b.values() == 0 {
		c.data(b, 0, b.rows, encodingPlain, 0, nil)
		return
	}
	b.stored.bounds = b.byteBounds()
	if b.bloom {
		b.stored.filter = bloomOf(b.hashes(nil))
	}
	if !b.full {
		b.stored.distinct = int64(entries)
	}
	if entries > len(b.codes)/2 && entries > 64 && c.plainly(b) {
		b.stored.distinct = -1
		b.plainly = 4
		return
	}
	at := 0 // the row behind those of the dictionary
	if entries > 0 {
		c.dictionary(b.dict.plain, entries)
		width := codeWidth(entries)
		at = b.rowOf(len(b.codes))
		c.data(b, 0, at, encodingDictionary, len(b.codes)*width/8, func(dst []byte, from, to int) []byte {
			return appendHybrid(append(dst, byte(width)), b.codes[from:to], width)
		})
	}
	if b.tails > 0 {
		offset := 0
		c.data(b, at, b.rows, encodingPlain, len(b.tail), func(dst []byte, from, to int) []byte {
			start := offset
			for ; from < to; from++ {
				offset += b.tailLength(offset)
			}
			return append(dst, b.tail[start:offset]...)
		})
	}
}

// tailLength is what the value at that place of the tail takes there.
func (b *Builder) tailLength(at int) int {
	if b.physical == physicalFixed {
		return b.width
	}
	return 4 + int(binary.LittleEndian.Uint32(b.tail[at:]))
}

// rowOf is the row behind the one that has the n-th value, counted from 1.
func (b *Builder) rowOf(n int) int {
	row := n
	for _, null := range b.nulls {
		if int(null) >= row {
			break
		}
		row++
	}
	if n == b.values() {
		return b.rows
	}
	return row
}

// plainly writes the values of codes as they are when that is smaller, and reports whether it was.
func (c *chunker) plainly(b *Builder) bool {
	starts := make([]uint32, b.dict.len()+1)
	at := 0
	for i := range b.dict.entries {
		starts[i] = uint32(at)
		_, at = b.dict.value(i, at)
	}
	starts[len(starts)-1] = uint32(at)
	size := 0
	for _, code := range b.codes {
		size += int(starts[code+1] - starts[code])
	}
	if size > len(b.dict.plain)+len(b.codes)*codeWidth(b.dict.len())/8 {
		return false
	}
	c.plain = c.plain[:0]
	for _, code := range b.codes {
		c.plain = append(c.plain, b.dict.plain[starts[code]:starts[code+1]]...)
	}
	b.tail, c.plain = append(c.plain, b.tail...), b.tail
	b.tails += len(b.codes)
	b.codes = b.codes[:0]
	offset := 0
	c.data(b, 0, b.rows, encodingPlain, len(b.tail), func(dst []byte, from, to int) []byte {
		start := offset
		for ; from < to; from++ {
			offset += b.tailLength(offset)
		}
		return append(dst, b.tail[start:offset]...)
	})
	return true
}

// intChunk chooses among a dictionary, deltas and plain words.
func (w *Writer) intChunk(b *Builder) {
	c, values := &w.chunker, b.ints
	if len(values) == 0 {
		c.data(b, 0, b.rows, encodingPlain, 0, nil)
		return
	}
	low, high := values[0], values[0]
	for _, v := range values {
		low, high = min(low, v), max(high, v)
	}
	b.stored.bounds = b.intBounds(values, low, high)
	if b.physical == physicalBoolean {
		c.data(b, 0, b.rows, encodingPlain, len(values)/8, func(dst []byte, from, to int) []byte {
			return appendBools(dst, values[from:to])
		})
		return
	}
	size := 8
	if b.physical == physicalInt32 || b.physical == physicalFloat {
		size = 4
	}
	delta := 64
	if b.physical == physicalInt64 && low != high {
		delta = deltaBits(values)
	}
	var codes []uint32
	var dict []int64
	ok := false
	if b.plainly == 0 {
		codes, dict, ok = w.pack.codesOf(values, low, high, min(maxEntries, len(values)/2+64))
		if !ok && len(values) > 1<<14 {
			b.plainly = 8
		}
	} else {
		b.plainly--
	}
	if ok {
		width := codeWidth(len(dict))
		bitsEach := bits.Len(uint(len(dict)-1)) + 8*size*len(dict)/len(values)
		ok = bitsEach <= delta && bitsEach <= 8*size
		if ok {
			b.stored.distinct = int64(len(dict))
			w.pack.plain = appendPlain(w.pack.plain[:0], dict, size)
			c.dictionary(w.pack.plain, len(dict))
			c.data(b, 0, b.rows, encodingDictionary, len(values)*width/8, func(dst []byte, from, to int) []byte {
				return appendHybrid(append(dst, byte(width)), codes[from:to], width)
			})
			if b.bloom {
				b.stored.filter = bloomOf(b.hashes(dict))
			}
			return
		}
	}
	if dict != nil && len(values) > 1<<14 && b.plainly == 0 {
		b.plainly = 8 // what lost once loses again most of the time
	}
	if b.bloom {
		b.stored.filter = bloomOf(b.hashes(nil))
	}
	if b.physical == physicalInt64 && delta <= 48 {
		c.data(b, 0, b.rows, encodingDelta, len(values)*delta/8, func(dst []byte, from, to int) []byte {
			return appendDelta(dst, values[from:to])
		})
		return
	}
	c.data(b, 0, b.rows, encodingPlain, len(values)*size, func(dst []byte, from, to int) []byte {
		return appendPlain(dst, values[from:to], size)
	})
}

// codeWidth is how many bits codes below n take in a page. Whole bytes cost a few bits more before compression and fewer after it: a
// compressor sees values that repeat only where they begin at a byte.
func codeWidth(n int) int {
	switch w := bits.Len(uint(n - 1)); {
	case w <= 1:
		return 1
	case w <= 2:
		return 2
	case w <= 4:
		return 4
	case w <= 8:
		return 8
	case w <= 16:
		return 16
	default:
		return w
	}
}

func (c *chunker) dictionary(plain []byte, entries int) {
	at := len(c.raw)
	c.raw = append(c.raw, plain...)
	c.pages = append(c.pages, page{dictionary: true, values: entries, encoding: encodingPlain, from: at, to: len(c.raw)})
}

// data makes the pages of the rows from up to to, whose values take about size bytes. encode appends the values from one up to another, counted
// from the first of these rows' values that is not NULL; a page of NULLs has what the encoding begins with too, which DuckDB reads always.
// encode is nil for a chunk of NULLs.
func (c *chunker) data(b *Builder, from, to int, encoding int32, size int, encode func(dst []byte, from, to int) []byte) {
	rows := to - from
	if size > pageBytes*3/2 {
		rows = max(1024, int(int64(rows)*pageBytes/int64(size)))
	}
	nulls, value := b.nulls, 0
	for len(nulls) > 0 && int(nulls[0]) < from {
		nulls = nulls[1:]
	}
	for from < to {
		n := min(rows, to-from)
		missing := 0
		for missing < len(nulls) && int(nulls[missing]) < from+n {
			missing++
		}
		at := len(c.raw)
		c.raw = append(c.raw, 0, 0, 0, 0)
		c.raw = c.appendLevels(c.raw, nulls[:missing], from, n)
		binary.LittleEndian.PutUint32(c.raw[at:], uint32(len(c.raw)-at-4))
		if encode != nil {
			c.raw = encode(c.raw, value, value+n-missing)
		}
		c.pages = append(c.pages, page{values: n, encoding: encoding, from: at, to: len(c.raw)})
		value += n - missing
		nulls = nulls[missing:]
		from += n
	}
}

// appendLevels appends the definition levels of n rows. They are one run where no row, or every one, is NULL.
func (c *chunker) appendLevels(dst []byte, nulls []uint32, from, n int) []byte {
	if len(nulls) == 0 || len(nulls) == n {
		level := byte(1)
		if len(nulls) == n {
			level = 0
		}
		return append(binary.AppendUvarint(dst, uint64(n)<<1), level)
	}
	if cap(c.levels) < n {
		c.levels = make([]uint32, n)
	}
	levels := c.levels[:n]
	for i := range levels {
		levels[i] = 1
	}
	for _, row := range nulls {
		levels[int(row)-from] = 0
	}
	return appendHybrid(dst, levels, 1)
}

// emit compresses the chunk's pages and writes them.
func (w *Writer) emit(b *Builder) {
	c, m := &w.chunker, &b.stored
	if w.nGroups == 0 {
		b.codec = w.o.Compression
	}
	if b.codec != Uncompressed {
		c.packed = c.packed[:0]
		for i := range c.pages {
			p := &c.pages[i]
			at := len(c.packed)
			c.packed = w.compress.append(c.packed, c.raw[p.from:p.to])
			p.size = len(c.packed) - at
		}
		// The first row group decides for the file: parquet-go reads a column's chunks by the codec of its first one. Less than a
		// quarter is not worth its time here and in every reader: it is what a codec gets out of numbers that are packed already.
		if raw := len(c.raw); w.nGroups == 0 && raw >= 1<<14 && len(c.packed) > raw-raw/4 {
			b.codec = Uncompressed
		}
	}
	m.codec = b.codec
	start, at := w.offset, 0
	for i := range c.pages {
		p := &c.pages[i]
		payload := c.raw[p.from:p.to]
		if m.codec != Uncompressed {
			payload = c.packed[at : at+p.size]
			at += p.size
		}
		if p.dictionary {
			m.dictOffset = w.offset
		} else if m.dataOffset == 0 {
			m.dataOffset = w.offset
		}
		head := p.header(w.head[:0], len(payload))
		w.head = head
		m.uncompressed += int64(len(head) + p.to - p.from)
		m.encodings |= 1<<p.encoding | 1<<encodingRLE
		w.write(head)
		w.write(payload)
	}
	m.compressed = w.offset - start
}

func (p *page) header(dst []byte, size int) []byte {
	t := newThrift(dst)
	kind := int32(0)
	if p.dictionary {
		kind = 2
	}
	t.i32(1, kind)
	t.i32(2, int32(p.to-p.from))
	t.i32(3, int32(size))
	if p.dictionary {
		t.open(7)
		t.i32(1, int32(p.values))
		t.i32(2, encodingPlain)
		t.end()
	} else {
		t.open(5)
		t.i32(1, int32(p.values))
		t.i32(2, p.encoding)
		t.i32(3, encodingRLE)
		t.i32(4, encodingRLE)
		t.end()
	}
	return append(t.b, 0)
}
