package lake

import (
	"encoding/binary"
	"errors"
	"maps"
	"slices"
	"time"

	"flowlake/fault"
)

// An entry of the index is a version byte and then fields: a tag, the length, the bytes. Numbers are uvarints.
// Objects, uploads and parts are all written this way; a field that is zero is left out.
const entryVersion = 1

const (
	tagSize = iota + 1
	tagETag
	tagModified // Unix seconds
	tagContentType
	tagCacheControl
	tagContentDisposition
	tagContentEncoding
	tagContentLanguage
	tagExpires
	tagMetadata // name, value
	tagChecksum // algorithm, kind, value
	tagACL
	tagEncryption
	tagSegment // file, size
	tagUpload  // the multipart upload that the object is of
	tagPart    // number, size, modified, ETag, algorithm, kind, value
)

// encodeEntry writes everything of o but its name.
func encodeEntry(o *Object) []byte {
	b := make([]byte, 1, 160)
	b[0] = entryVersion
	var field []byte
	put := func(tag byte) {
		b = append(b, tag)
		b = binary.AppendUvarint(b, uint64(len(field)))
		b = append(b, field...)
		field = field[:0]
	}
	number := func(n int64) { field = binary.AppendUvarint(field, uint64(n)) }
	text := func(s string) { field = append(binary.AppendUvarint(field, uint64(len(s))), s...) }
	if o.Size != 0 {
		number(o.Size)
		put(tagSize)
	}
	if !o.Modified.IsZero() {
		number(o.Modified.Unix())
		put(tagModified)
	}
	for tag, p := range o.texts() {
		if p != nil && *p != "" {
			field = append(field, *p...)
			put(byte(tag))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(o.Metadata)) {
		text(name)
		text(o.Metadata[name])
		put(tagMetadata)
	}
	if o.Checksum != (Checksum{}) {
		text(string(o.Checksum.Algorithm))
		text(string(o.Checksum.Kind))
		text(o.Checksum.Value)
		put(tagChecksum)
	}
	for _, s := range o.segments {
		number(int64(s.file))
		number(s.size)
		put(tagSegment)
	}
	for _, p := range o.Parts {
		number(int64(p.Number))
		number(p.Size)
		number(p.Modified.Unix())
		text(p.ETag)
		text(string(p.Checksum.Algorithm))
		text(string(p.Checksum.Kind))
		text(p.Checksum.Value)
		put(tagPart)
	}
	return b
}

// texts are the fields that are one string, at their tag's index.
func (o *Object) texts() [tagPart + 1]*string {
	return [...]*string{tagETag: &o.ETag, tagContentType: &o.ContentType, tagCacheControl: &o.CacheControl,
		tagContentDisposition: &o.ContentDisposition, tagContentEncoding: &o.ContentEncoding,
		tagContentLanguage: &o.ContentLanguage, tagExpires: &o.Expires, tagACL: &o.ACL, tagEncryption: &o.Encryption,
		tagUpload: &o.upload, tagPart: nil}
}

var errEntry = errors.New("the entry is damaged")

// decodeEntry is the inverse of encodeEntry. It keeps no reference to b.
func decodeEntry(bucket, key string, b []byte) (Object, error) {
	o := Object{Bucket: bucket, Key: key}
	bad := func(err error) (Object, error) {
		return Object{}, fault.Newf(fault.Internal, "object "+URL(bucket, key), "%w", err)
	}
	if len(b) == 0 || b[0] != entryVersion {
		return bad(errEntry)
	}
	texts := o.texts()
	for b = b[1:]; len(b) > 0; {
		tag := b[0]
		n, width := binary.Uvarint(b[1:])
		if width <= 0 || n > uint64(len(b)-1-width) {
			return bad(errEntry)
		}
		f := reader{b: b[1+width : 1+width+int(n)]}
		b = b[1+width+int(n):]
		switch tag {
		case tagSize:
			o.Size = f.number()
		case tagModified:
			o.Modified = time.Unix(f.number(), 0).UTC()
		case tagMetadata:
			if o.Metadata == nil {
				o.Metadata = map[string]string{}
			}
			name := f.text()
			o.Metadata[name] = f.text()
		case tagChecksum:
			o.Checksum = f.checksum()
		case tagSegment:
			o.segments = append(o.segments, segment{file: uint64(f.number()), size: f.number()})
		case tagPart:
			p := Part{Number: int(f.number()), Size: f.number(), Modified: time.Unix(f.number(), 0).UTC(), ETag: f.text()}
			p.Checksum = f.checksum()
			o.Parts = append(o.Parts, p)
		default:
			if int(tag) >= len(texts) || texts[tag] == nil {
				return bad(errEntry)
			}
			*texts[tag], f.b = string(f.b), nil
		}
		if f.bad || len(f.b) > 0 {
			return bad(errEntry)
		}
	}
	return o, nil
}

// reader takes a field apart. After a mistake bad is set and everything reads as zero.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) number() int64 {
	n, width := binary.Uvarint(r.b)
	if width <= 0 {
		r.b, r.bad = nil, true
		return 0
	}
	r.b = r.b[width:]
	return int64(n)
}

func (r *reader) text() string {
	n := r.number()
	if n < 0 || n > int64(len(r.b)) {
		r.b, r.bad = nil, true
		return ""
	}
	s := string(r.b[:n])
	r.b = r.b[n:]
	return s
}

func (r *reader) checksum() Checksum {
	return Checksum{Algorithm: Algorithm(r.text()), Kind: ChecksumKind(r.text()), Value: r.text()}
}
