package parquet

import (
	"encoding/binary"
	"math"
	"math/bits"

	"github.com/cespare/xxhash/v2"
)

// bloomSalt makes the eight bits that a hash sets in its block.
//
// Source: Parquet format, "Bloom Filter".
var bloomSalt = [8]uint32{0x47b6137b, 0x44974d91, 0x8824ad5b, 0xa2b7289d, 0x705495c7, 0x2df1424b, 0x9efc4947, 0x5c6bfb31}

// bloomRate is how often a filter says yes to a value that is not there: 10 bits a distinct value.
const bloomRate = 0.01

// maxBloom bounds a filter: above it the row group has so many values that a filter helps nobody.
const maxBloom = 1 << 20

// bloomOf makes the split-block filter of these hashes, sized by how many different ones there are. Its size is a power of two,
// which some readers insist on. It is nil without values or when it would be larger than maxBloom.
func bloomOf(hashes []uint64) []byte {
	if len(hashes) == 0 {
		return nil
	}
	n := distinct(hashes)
	bytes := -8 * float64(n) / math.Log(1-math.Pow(bloomRate, 1.0/8)) / 8
	size := 32
	for float64(size) < bytes*0.75 { // the nearest power of two
		size *= 2
	}
	if size > maxBloom {
		return nil
	}
	filter := make([]byte, size)
	for _, h := range hashes {
		block, _ := bits.Mul64(h>>32<<32, uint64(size/32))
		at := filter[block*32:]
		for i, salt := range bloomSalt {
			word := uint32(h) * salt >> 27
			binary.LittleEndian.PutUint32(at[4*i:], binary.LittleEndian.Uint32(at[4*i:])|1<<word)
		}
	}
	return filter
}

// distinct counts different hashes by linear counting on 8 bits a value, which errs by less than 1 %.
func distinct(hashes []uint64) int {
	m := 1 << bits.Len(uint(8*len(hashes)))
	seen := make([]uint64, m/64+1)
	set := 0
	for _, h := range hashes {
		at := h & uint64(m-1)
		if seen[at/64]&(1<<(at%64)) == 0 {
			seen[at/64] |= 1 << (at % 64)
			set++
		}
	}
	if set >= m {
		return len(hashes)
	}
	return max(1, int(-float64(m)*math.Log(1-float64(set)/float64(m))+0.5))
}

// hashes are those of the chunk's values, each of the dictionary's once. Zeros of both signs are equal to who asks, and so are all NaNs, of
// which there is one in questions.
func (b *Builder) hashes(dict []int64) []uint64 {
	var all []uint64
	if b.physical == physicalBytes || b.physical == physicalFixed {
		b.each(func(v []byte) { all = append(all, xxhash.Sum64(v)) })
		return all
	}
	values := b.ints
	if dict != nil {
		values = dict
	}
	all = make([]uint64, 0, len(values))
	var buf [8]byte
	for _, v := range values {
		binary.LittleEndian.PutUint64(buf[:], uint64(v))
		n := 8
		if b.physical == physicalInt32 || b.physical == physicalFloat {
			n = 4
		}
		all = append(all, xxhash.Sum64(buf[:n]))
		if b.physical == physicalFloat || b.physical == physicalDouble {
			all = b.likeHashes(all, b.float(v))
		}
	}
	return all
}

// likeHashes appends the hashes of other bits that are equal to f.
func (b *Builder) likeHashes(all []uint64, f float64) []uint64 {
	var like []float64
	switch {
	case f == 0:
		like = []float64{0, math.Copysign(0, -1)}
	case f != f:
		like = []float64{math.Float64frombits(0x7FF8 << 48)}
	}
	for _, f := range like {
		word := binary.LittleEndian.AppendUint64(nil, math.Float64bits(f))
		if b.physical == physicalFloat {
			word = binary.LittleEndian.AppendUint32(nil, math.Float32bits(float32(f)))
		}
		all = append(all, xxhash.Sum64(word))
	}
	return all
}

// bloomHeader goes before a filter's bits.
func bloomHeader(size int) []byte {
	t := newThrift(nil)
	t.i32(1, int32(size))
	for id := int16(2); id <= 4; id++ { // BLOCK, XXHASH, UNCOMPRESSED: unions of one empty struct
		t.open(id)
		t.empty(1)
		t.end()
	}
	t.b = append(t.b, 0)
	return t.b
}
