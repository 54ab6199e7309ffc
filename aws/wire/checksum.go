package wire

import (
	"crypto/sha1"
	"crypto/sha256"
	"hash"
	"hash/crc32"
	"hash/crc64"
)

// crc64nvme is the CRC-64/NVME polynomial, reflected, as hash/crc64 wants it.
var crc64nvme = crc64.MakeTable(0x9a6c9329ac4bc9b5)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// ChecksumAlgorithms are S3's checksum algorithms, spelled as the SDK's types.ChecksumAlgorithm. The header
// of one is "x-amz-checksum-" and its name in lower case; its value is the base64 of the big-endian sum.
var ChecksumAlgorithms = []string{"CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"}

// NewChecksum returns the hash of a checksum algorithm, nil for a name that is not in ChecksumAlgorithms.
func NewChecksum(algorithm string) hash.Hash {
	switch algorithm {
	case "CRC32":
		return crc32.NewIEEE()
	case "CRC32C":
		return crc32.New(castagnoli)
	case "CRC64NVME":
		return crc64.New(crc64nvme)
	case "SHA1":
		return sha1.New()
	case "SHA256":
		return sha256.New()
	}
	return nil
}
