package lake

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"
	"slices"
	"sync"
	"unicode/utf8"

	"flowlake/fault"
)

// The index's keys. The first byte says what follows:
//
//	v                                   the version of these layouts
//	n                                   the next file number
//	p <file:8>                          a file that no entry holds yet: gone at the next start
//	d <file:8>                          a file that no entry holds any more: gone once its readers are done
//	o <bucket> 00 <key>                 an object
//	u <bucket> 00 <key, escaped> <id>   a multipart upload under way
//	t <upload id:32> <part:2>           a part of it
//	r <account> 00 <name>               a receipt's number
//
// Numbers are big-endian. In uploads' keys 00 in the object's key is written 00 ff, and 00 01 ends it, so that
// uploads are in order of key and then of id, which begins with the time.
const (
	keyVersion  = 'v'
	keyNext     = 'n'
	keyPending  = 'p'
	keyDoomed   = 'd'
	keyObject   = 'o'
	keyUpload   = 'u'
	keyPart     = 't'
	keyReceipt  = 'r'
	uploadIDLen = 32
)

// MaxKey is the longest key, in bytes of UTF-8.
const MaxKey = 1024

// CheckKey returns a fault.Invalid error about "key" when S3 would not take the key. Every other UTF-8 text is
// a key, "..", "/" and "a//b" included.
func CheckKey(key string) error {
	switch {
	case key == "":
		return fault.Newf(fault.Invalid, "key", "is empty")
	case len(key) > MaxKey:
		return fault.Newf(fault.TooLarge, "key", "has %d bytes; at most %d are allowed", len(key), MaxKey)
	case !utf8.ValidString(key):
		return fault.Newf(fault.Invalid, "key", "is not UTF-8")
	}
	return nil
}

func objectKey(bucket, key string) []byte {
	b := make([]byte, 0, 2+len(bucket)+len(key))
	b = append(b, keyObject)
	b = append(b, bucket...)
	b = append(b, 0)
	return append(b, key...)
}

func uploadKey(bucket, key, id string) []byte {
	b := make([]byte, 0, 4+len(bucket)+len(key)+len(id))
	b = append(b, keyUpload)
	b = append(b, bucket...)
	b = append(b, 0)
	for i := range len(key) {
		b = append(b, key[i])
		if key[i] == 0 {
			b = append(b, 0xff)
		}
	}
	b = append(b, 0, 1)
	return append(b, id...)
}

// splitUploadKey is the inverse of uploadKey, without the bucket.
func splitUploadKey(b []byte, bucket string) (key, id string) {
	b = b[2+len(bucket):]
	id = string(b[len(b)-uploadIDLen:])
	b = b[:len(b)-uploadIDLen-2]
	return string(bytes.ReplaceAll(b, []byte{0, 0xff}, []byte{0})), id
}

func partKey(upload string, number int) []byte {
	return binary.BigEndian.AppendUint16(append([]byte{keyPart}, upload...), uint16(number))
}

func fileKey(list byte, file uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{list}, file)
}

// after returns the least key that is greater than all keys that begin with b; nil if there is none.
func after(b []byte) []byte {
	b = slices.Clone(b)
	for i := len(b) - 1; i >= 0; i-- {
		if b[i]++; b[i] != 0 {
			return b[:i+1]
		}
	}
	return nil
}

// keyLocks serialises the changes to one object. A change reads the entry that it replaces and commits while it
// holds the lock, so that of two conditional writes one wins. Different objects share a lock by chance only.
type keyLocks struct {
	seed    maphash.Seed
	stripes [512]sync.Mutex
}

// lock takes the locks of all the index keys, in an order that cannot deadlock, and returns their release.
func (l *keyLocks) lock(keys ...[]byte) (unlock func()) {
	take := make([]int, len(keys))
	for i, k := range keys {
		take[i] = int(maphash.Bytes(l.seed, k) % uint64(len(l.stripes)))
	}
	slices.Sort(take)
	take = slices.Compact(take)
	for _, i := range take {
		l.stripes[i].Lock()
	}
	return func() {
		for _, i := range take {
			l.stripes[i].Unlock()
		}
	}
}
