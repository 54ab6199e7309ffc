package parquet

import (
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"sync"

	"github.com/klauspost/compress/zstd"

	"flowlake/fault"
)

// Lighten copies the Parquet file in src and takes the codec off each column that gains less than three tenths by it, as Writer
// does by itself, for the good of every query that reads the column: numbers that lie plainly in a page become deltas
// first. Rows, schema, statistics, bloom filters and the order of everything stay as they are; what it does not know
// (nested columns, other codecs than ZSTD, pages of the second version, page indexes) is copied. It is for files of writers
// that know one codec for all columns: on DuckDB's sorted flow logs it made sum(bytes) GROUP BY srcaddr a third cheaper.
//
// It holds one column chunk in memory. It returns fault.Invalid for what is no Parquet file, and fault.Unavailable when
// a side fails.
func Lighten(dst io.Writer, src io.ReaderAt, size int64) (Stats, error) {
	foot, err := readTree(src, size)
	if err != nil {
		return Stats{}, err
	}
	l := lighter{src: src, foot: foot, size: size}
	if err := l.choose(); err != nil {
		return Stats{}, err
	}
	out := &counter{w: dst}
	if err := l.copy(out); err != nil {
		return Stats{}, err
	}
	return Stats{Rows: foot.int(3), Bytes: out.n}, nil
}

// maxFooter bounds the metadata of a file that is made lighter.
const maxFooter = 256 << 20

func readTree(src io.ReaderAt, size int64) (*node, error) {
	var tail [8]byte
	if size < 12 {
		return nil, fault.Newf(fault.Invalid, "Parquet file", "it has %d bytes", size)
	}
	if err := readFull(src, tail[:], size-8); err != nil {
		return nil, err
	}
	n := int64(binary.LittleEndian.Uint32(tail[:]))
	if string(tail[4:]) != "PAR1" || n > size-12 || n > maxFooter {
		return nil, fault.Newf(fault.Invalid, "Parquet file", "it does not end as one")
	}
	b := make([]byte, n)
	if err := readFull(src, b, size-8-n); err != nil {
		return nil, err
	}
	foot, _, err := parseTree(b)
	return &foot, err
}

func readFull(src io.ReaderAt, b []byte, at int64) error {
	if n, err := src.ReadAt(b, at); n < len(b) {
		return fault.Newf(fault.Unavailable, "Parquet file", "read: %w", errors.Join(err, io.ErrUnexpectedEOF))
	}
	return nil
}

// lighter is a file on its way.
type lighter struct {
	src    io.ReaderAt
	size   int64
	foot   *node
	chunks []*lightChunk // of the columns that become lighter, in the order of the file

	packed, raw, out []byte
	values           []int64
}

// lightChunk is a column chunk in the file that is read.
type lightChunk struct {
	group, meta *node
	start, end  int64
	optional    bool
	grown       int64 // by how many bytes the file is longer behind it
}

// pageEnds is a chunk that was made lighter, by places in it.
type pageEnds struct {
	data, dict int64 // -1: none
	encodings  uint32
}

// choose finds the columns that are to become lighter. A column has one codec in all of a file: there are readers
// that look at the first chunk's only.
func (l *lighter) choose() error {
	groups := l.foot.get(4)
	if groups == nil || len(groups.list) == 0 {
		return nil
	}
	flat := l.flat()
	for i := range children(groups.list[0].get(1)) {
		var column []*lightChunk
		for g := range groups.list {
			c := l.chunk(&groups.list[g], i, flat)
			if c == nil {
				column = nil
				break
			}
			column = append(column, c)
		}
		if column == nil {
			continue
		}
		if worthless, err := l.worthless(column); err != nil {
			return err
		} else if !worthless {
			continue
		}
		l.chunks = append(l.chunks, column...)
	}
	slices.SortFunc(l.chunks, func(a, b *lightChunk) int { return int(min(1, max(-1, a.start-b.start))) })
	at := int64(4)
	for _, c := range l.chunks {
		if c.start < at {
			return errTree
		}
		at = c.end
	}
	return nil
}

// worthless reports whether a codec gains too little of a column: by the metadata, and where deltas may be shorter than
// the plain words that it is said of, by a chunk in the middle. At three tenths a sorted flow log's bytes, of which a codec gains
// a quarter and which most of AWS's sample queries sum up, lie without one, and its source ports (34 %) with it.
func (l *lighter) worthless(column []*lightChunk) (bool, error) {
	var packed, plain int64
	for _, c := range column {
		packed, plain = packed+c.meta.int(7), plain+c.meta.int(6)
	}
	middle := column[len(column)/2]
	gains := func(packed, light int64) bool { return packed < 1<<13 || packed <= light/10*7 } // of less nobody would notice it
	numbers := middle.meta.int(1) == physicalInt64 && middle.meta.int(11) <= 0
	if gains(packed, plain) && !numbers {
		return false, nil
	}
	if err := l.read(middle); err != nil {
		return false, err
	}
	_, ok := l.lighten(middle)
	if numbers {
		packed, plain = int64(len(l.packed)), int64(len(l.out))
	}
	return ok && !gains(packed, plain), nil
}

func children(n *node) []node {
	if n == nil {
		return nil
	}
	return n.list
}

// flat says of each column that is not nested whether its values may be NULL.
func (l *lighter) flat() map[string]bool {
	flat := map[string]bool{}
	schema := children(l.foot.get(2))
	var skip func(at int) int
	skip = func(at int) int {
		if at >= len(schema) {
			return at
		}
		next := at + 1
		for n := schema[at].int(5); n > 0 && next < len(schema); n-- {
			next = skip(next)
		}
		return next
	}
	for at := 1; at < len(schema); at = skip(at) {
		e := &schema[at]
		if name := e.get(4); name != nil && e.int(5) == 0 && e.int(3) <= 1 {
			flat[string(name.raw)] = e.int(3) == 1
		}
	}
	return flat
}

// chunk is a row group's i-th one when it can become lighter.
func (l *lighter) chunk(group *node, i int, flat map[string]bool) *lightChunk {
	columns := children(group.get(1))
	if i >= len(columns) || columns[i].get(4) != nil || columns[i].get(6) != nil { // a page index would have to follow
		return nil
	}
	meta := columns[i].get(3)
	if meta == nil || meta.int(4) != int64(Zstd.wireCodec()) {
		return nil
	}
	path := children(meta.get(3))
	if len(path) != 1 {
		return nil
	}
	optional, ok := flat[string(path[0].raw)]
	for _, id := range []int16{2, 4, 6, 7, 9} { // what is rewritten must be there
		ok = ok && meta.get(id) != nil
	}
	c := &lightChunk{group: group, meta: meta, start: meta.int(9), optional: optional}
	if dict := meta.int(11); dict > 0 && dict < c.start {
		c.start = dict
	}
	c.end = c.start + meta.int(7)
	if !ok || c.start < 4 || c.end <= c.start || c.end > l.size {
		return nil
	}
	return c
}

// read reads a chunk's bytes into packed.
func (l *lighter) read(c *lightChunk) error {
	l.packed = slices.Grow(l.packed[:0], int(c.end-c.start))[:c.end-c.start]
	return readFull(l.src, l.packed, c.start)
}

// unpacker is shared: its memory is one window.
var unpacker = sync.OnceValue(func() *zstd.Decoder {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxPage))
	if err != nil {
		panic(err) // the options are constants
	}
	return d
})

// maxPage bounds a page.
const maxPage = 1 << 30

// lighten makes packed the chunk without a codec in out. It reports whether it knows all that is there.
func (l *lighter) lighten(c *lightChunk) (ends pageEnds, ok bool) {
	ends = pageEnds{data: -1, dict: -1}
	l.out = l.out[:0]
	for rest := l.packed; len(rest) > 0; {
		head, body, err := parseTree(rest)
		size := head.int(3)
		if err != nil || size < 0 || size > int64(len(body)) || head.int(2) < 0 || head.int(2) > maxPage {
			return ends, false
		}
		rest = body[size:]
		if l.raw, err = unpacker().DecodeAll(body[:size], l.raw[:0]); err != nil || int64(len(l.raw)) != head.int(2) {
			return ends, false
		}
		raw := l.raw
		switch data := head.get(5); {
		case head.int(1) == 2 && ends.dict < 0 && ends.data < 0:
			ends.dict = int64(len(l.out))
			ends.encodings |= 1 << encodingPlain
		case head.int(1) == 0 && data != nil && data.get(2) != nil:
			if ends.data < 0 {
				ends.data = int64(len(l.out))
			}
			if data.get(2).n == encodingPlain && c.meta.int(1) == physicalInt64 {
				if packed := l.deltas(raw, c.optional); packed != nil {
					raw, data.get(2).n = packed, encodingDelta
				}
			}
			if data.get(2).n > 31 {
				return ends, false
			}
			ends.encodings |= 1<<data.get(2).n | 1<<encodingRLE
		default:
			return ends, false
		}
		head.get(2).n, head.get(3).n = int64(len(raw)), int64(len(raw))
		head.drop(4) // a checksum of what was
		l.out = append(head.encode(l.out), raw...)
	}
	return ends, ends.data >= 0
}

// deltas is a page of plain words as deltas, nil when that does not make it much smaller.
func (l *lighter) deltas(raw []byte, optional bool) []byte {
	levels := 0
	if optional {
		if len(raw) < 4 {
			return nil
		}
		levels = 4 + int(binary.LittleEndian.Uint32(raw))
	}
	if levels > len(raw) || (len(raw)-levels)%8 != 0 || len(raw) == levels {
		return nil
	}
	l.values = l.values[:0]
	for b := raw[levels:]; len(b) > 0; b = b[8:] {
		l.values = append(l.values, int64(binary.LittleEndian.Uint64(b)))
	}
	if deltaBits(l.values) > 48 {
		return nil
	}
	return appendDelta(slices.Clone(raw[:levels]), l.values)
}

// copy writes the file with the chosen chunks made lighter, and with the metadata that is true of them.
func (l *lighter) copy(out io.Writer) error {
	var tail [4]byte
	if err := readFull(l.src, tail[:], l.size-8); err != nil {
		return err
	}
	at, grown := int64(0), int64(0)
	for _, c := range l.chunks {
		if err := l.between(out, at, c.start); err != nil {
			return err
		}
		if err := l.read(c); err != nil {
			return err
		}
		ends, ok := l.lighten(c)
		if !ok {
			return fault.Newf(fault.Invalid, "Parquet file", "a column chunk at byte %d is not as the first one of its column", c.start)
		}
		if _, err := out.Write(l.out); err != nil {
			return fault.Newf(fault.Unavailable, "Parquet file", "write: %w", err)
		}
		c.changed(ends, int64(len(l.out)), grown)
		at = c.end
		grown += int64(len(l.out)) - (c.end - c.start)
		c.grown = grown
	}
	foot := l.size - 8 - int64(binary.LittleEndian.Uint32(tail[:]))
	if err := l.between(out, at, foot); err != nil {
		return err
	}
	l.move()
	b := l.foot.encode(nil)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(b)))
	if _, err := out.Write(append(b, "PAR1"...)); err != nil {
		return fault.Newf(fault.Unavailable, "Parquet file", "write: %w", err)
	}
	return nil
}

func (l *lighter) between(out io.Writer, from, to int64) error {
	if to < from {
		return errTree
	}
	n, err := io.Copy(out, io.NewSectionReader(l.src, from, to-from))
	if err == nil && n < to-from {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return fault.Newf(fault.Unavailable, "Parquet file", "copy: %w", err)
	}
	return nil
}

// changed writes into the metadata what is different of the chunk, but for its place: move is for that. Its pages
// are said to be where they will be, less what the file grew by before the chunk.
func (c *lightChunk) changed(ends pageEnds, size, grown int64) {
	m := c.meta
	if total := c.group.get(2); total != nil {
		total.n += size - m.int(6)
	}
	if total := c.group.get(6); total != nil {
		total.n += size - m.int(7)
	}
	m.get(2).list = m.get(2).list[:0]
	for e := range 32 {
		if ends.encodings&(1<<e) != 0 {
			m.get(2).list = append(m.get(2).list, node{kind: wireI32, n: int64(e)})
		}
	}
	m.get(2).elem = wireI32
	m.get(4).n, m.get(6).n, m.get(7).n = int64(Uncompressed.wireCodec()), size, size
	m.get(9).n = c.start + grown + ends.data
	if dict := m.get(11); dict != nil && ends.dict >= 0 {
		dict.n = c.start + grown + ends.dict
	}
	m.drop(13) // which pages have which encoding: optional, and as it was
}

// move adds to every place in the metadata what the file grew by before it.
func (l *lighter) move() {
	if len(l.chunks) == 0 {
		return
	}
	moved := func(n *node, ids ...int16) {
		for _, id := range ids {
			f := n.get(id)
			if f == nil || f.n <= 0 {
				continue
			}
			i, _ := slices.BinarySearchFunc(l.chunks, f.n, func(c *lightChunk, at int64) int { return int(min(1, max(-1, c.end-1-at))) })
			if i > 0 {
				f.n += l.chunks[i-1].grown
			}
		}
	}
	done := make(map[*node]bool, len(l.chunks))
	for _, c := range l.chunks {
		done[c.meta] = true
	}
	for g := range children(l.foot.get(4)) {
		group := &l.foot.get(4).list[g]
		moved(group, 5)
		for i := range children(group.get(1)) {
			column := &group.get(1).list[i]
			moved(column, 2, 4, 6)
			meta := column.get(3)
			if meta == nil {
				continue
			}
			if moved(meta, 10, 14); !done[meta] {
				moved(meta, 9, 11)
			}
		}
	}
}
