package lake

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"slices"
	"strconv"

	"flowlake/fault"
)

// Algorithm names a checksum as S3's headers do in upper case.
type Algorithm string

// The algorithms that S3 knows, MD5 aside.
const (
	CRC32     Algorithm = "CRC32"
	CRC32C    Algorithm = "CRC32C"
	CRC64NVME Algorithm = "CRC64NVME"
	SHA1      Algorithm = "SHA1"
	SHA256    Algorithm = "SHA256"
)

// Algorithms lists them.
func Algorithms() []Algorithm { return []Algorithm{CRC32, CRC32C, CRC64NVME, SHA1, SHA256} }

// ChecksumKind says what a multipart object's checksum is of.
type ChecksumKind string

// A checksum is of all bytes in a row, or of the parts' checksums in a row (then "-<parts>" follows the value).
const (
	FullObject ChecksumKind = "FULL_OBJECT"
	Composite  ChecksumKind = "COMPOSITE"
)

// Checksum is an object's sum beside its ETag. Value is base64, as S3's headers have it.
type Checksum struct {
	Algorithm Algorithm
	Kind      ChecksumKind
	Value     string
}

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	nvme       = crc64.MakeTable(nvmePoly)
)

// nvmePoly is the polynomial of CRC-64/NVME, reflected. Source: NVM Express, "64b CRC".
const nvmePoly = 0x9a6c9329ac4bc9b5

// newHash returns the algorithm's hash, nil for a name that is none.
func (a Algorithm) newHash() hash.Hash {
	switch a {
	case CRC32:
		return crc32.NewIEEE()
	case CRC32C:
		return crc32.New(castagnoli)
	case CRC64NVME:
		return crc64.New(nvme)
	case SHA1:
		return sha1.New()
	case SHA256:
		return sha256.New()
	}
	return nil
}

// size is the length of the algorithm's sum in bytes.
func (a Algorithm) size() int { return a.newHash().Size() }

// Check returns a fault.Invalid error about "checksum" for an algorithm that is none, and for a value that is
// not base64 of the algorithm's length. No algorithm and no value are fine.
func (c Checksum) Check() error {
	if c.Algorithm == "" {
		return nil
	}
	if c.Algorithm.newHash() == nil {
		return fault.Newf(fault.Invalid, "checksum algorithm "+string(c.Algorithm), "is none of CRC32, CRC32C, CRC64NVME, SHA1, SHA256")
	}
	if c.Value == "" {
		return nil
	}
	if b, err := base64.StdEncoding.DecodeString(c.Value); err != nil || len(b) != c.Algorithm.size() {
		return fault.Newf(fault.Invalid, "checksum "+string(c.Algorithm), "value %q is not the base64 of %d bytes", c.Value, c.Algorithm.size())
	}
	return nil
}

// kindFor settles the kind of an upload's checksum: what was asked for, or the algorithm's default.
func kindFor(a Algorithm, asked ChecksumKind) (ChecksumKind, error) {
	switch {
	case asked != "" && asked != FullObject && asked != Composite:
		return "", fault.Newf(fault.Invalid, "checksum type "+string(asked), "is neither FULL_OBJECT nor COMPOSITE")
	case a == CRC64NVME && asked == Composite, (a == SHA1 || a == SHA256) && asked == FullObject:
		return "", fault.Newf(fault.Invalid, "checksum type "+string(asked), "cannot be used with %s", a)
	case asked != "":
		return asked, nil
	case a == CRC64NVME:
		return FullObject, nil
	}
	return Composite, nil
}

// joined is the checksum of an object made of parts, from the parts' sums.
func joined(a Algorithm, kind ChecksumKind, parts []Part) (Checksum, error) {
	c := Checksum{Algorithm: a, Kind: kind}
	sums := make([][]byte, len(parts))
	for i, p := range parts {
		b, err := base64.StdEncoding.DecodeString(p.Checksum.Value)
		if err != nil || p.Checksum.Algorithm != a || len(b) != a.size() {
			return Checksum{}, fault.Newf(fault.Internal, "part "+strconv.Itoa(p.Number), "its %s is not stored", a)
		}
		sums[i] = b
	}
	if kind == Composite {
		h := a.newHash()
		h.Write(slices.Concat(sums...))
		c.Value = base64.StdEncoding.EncodeToString(h.Sum(nil)) + "-" + strconv.Itoa(len(parts))
		return c, nil
	}
	bits, poly := 32, uint64(crc32.IEEE)
	switch a {
	case CRC32C:
		poly = crc32.Castagnoli
	case CRC64NVME:
		bits, poly = 64, nvmePoly
	}
	var sum uint64
	for i, b := range sums {
		sum = combineCRC(poly, bits, sum, bigEndian(b), parts[i].Size)
	}
	out := binary.BigEndian.AppendUint64(nil, sum)
	c.Value = base64.StdEncoding.EncodeToString(out[8-bits/8:])
	return c, nil
}

func bigEndian(b []byte) (n uint64) {
	for _, x := range b {
		n = n<<8 | uint64(x)
	}
	return n
}

// combineCRC returns the CRC of ab from those of a and of b, and b's length in bytes. It multiplies a's
// by x^(8·length) modulo the reflected polynomial; the sums' inversion before and after cancels out.
func combineCRC(poly uint64, bits int, a, b uint64, length int64) uint64 {
	times := func(x, y uint64) (z uint64) { // bit bits-1 is x^0
		for i := bits - 1; i >= 0; i-- {
			if x>>i&1 == 1 {
				z ^= y
			}
			if y&1 == 1 {
				y = y>>1 ^ poly
			} else {
				y >>= 1
			}
		}
		return z
	}
	power := uint64(1) << (bits - 1 - 8) // x^8: one byte
	for ; length > 0; length >>= 1 {
		if length&1 == 1 {
			a = times(a, power)
		}
		power = times(power, power)
	}
	return a ^ b
}
