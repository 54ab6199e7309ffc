package lake

import (
	"context"
	"crypto/md5"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"flowlake/access"
	"flowlake/access/policy"
	"flowlake/fault"
)

const (
	// MaxParts is the highest part number. Source: S3 user guide, "Multipart upload limits"
	MaxParts = 10000
	// MinPart is the least size of a part that is not the last, in bytes. Source: the same
	MinPart = 5 << 20
)

// Upload is a multipart upload under way. Its parts lie in the lake and are not an object yet.
type Upload struct {
	ID     string
	Object // as asked for: name, headers, metadata, the checksum's algorithm and kind; Modified is when it began
}

// UploadRef names an upload.
type UploadRef struct {
	Bucket, Key, ID string
}

func (r UploadRef) missing() error {
	return fault.Newf(fault.NotFound, "upload "+r.ID, "does not exist for %s: it was completed or aborted, or never was", URL(r.Bucket, r.Key))
}

// valid reports whether the id can be one of ours: it becomes part of index keys.
func (r UploadRef) valid() bool {
	_, err := hex.DecodeString(r.ID)
	return err == nil && len(r.ID) == uploadIDLen
}

// CreateUpload begins a multipart upload of the object that in describes. in.Body, Size and conditions do not
// count. Of in.Checksum the algorithm and the kind do; without an algorithm the object gets a CRC64NVME of the whole.
func (s *Store) CreateUpload(ctx context.Context, c access.Caller, in PutInput) (Upload, error) {
	if err := s.mayWrite(ctx, c, &in, false); err != nil {
		return Upload{}, err
	}
	if err := s.room(0); err != nil {
		return Upload{}, err
	}
	o, err := in.object()
	if err != nil {
		return Upload{}, err
	}
	if o.Checksum.Value = ""; o.Checksum.Algorithm == "" {
		if o.Checksum.Kind != "" {
			return Upload{}, fault.Newf(fault.Invalid, "checksum type "+string(o.Checksum.Kind), "needs an algorithm")
		}
	} else if o.Checksum.Kind, err = kindFor(o.Checksum.Algorithm, o.Checksum.Kind); err != nil {
		return Upload{}, err
	}
	o.Modified = now()
	var id [uploadIDLen / 2]byte
	rand.Read(id[8:])
	binary.BigEndian.PutUint64(id[:], uint64(time.Now().UnixMicro())) // a key's uploads are listed as they began
	u := Upload{ID: hex.EncodeToString(id[:]), Object: o}
	return u, s.apply(commit{prepare: func(b *pebble.Batch) ([]segment, error) {
		if _, err := s.bucket(in.Bucket); err != nil {
			return nil, err
		}
		return nil, b.Set(uploadKey(in.Bucket, in.Key, u.ID), encodeEntry(&o), nil)
	}})
}

// upload looks an upload up.
func (s *Store) upload(r UploadRef) (Upload, error) {
	if !r.valid() {
		return Upload{}, r.missing()
	}
	v, closer, err := s.index.Get(uploadKey(r.Bucket, r.Key, r.ID))
	if errors.Is(err, pebble.ErrNotFound) {
		return Upload{}, r.missing()
	}
	if err != nil {
		return Upload{}, failed("object index", err)
	}
	defer closer.Close()
	o, err := decodeEntry(r.Bucket, r.Key, v)
	return Upload{ID: r.ID, Object: o}, err
}

// find checks that the caller may do action to the upload's object, and returns the upload.
func (s *Store) findUpload(ctx context.Context, c access.Caller, action string, r UploadRef, more ...policy.Entry) (Upload, error) {
	if err := s.allow(ctx, c, action, ARN(r.Bucket, r.Key), append(s.UploadConditions(r), more...)...); err != nil {
		return Upload{}, err
	}
	if _, err := s.bucket(r.Bucket); err != nil {
		return Upload{}, err
	}
	return s.upload(r)
}

// PartInput is a part to be written.
type PartInput struct {
	Number   int // 1 to MaxParts; a part of that number that is there already is replaced
	Body     io.Reader
	Size     int64    // -1 when it is not known
	Checksum Checksum // the algorithm must be the upload's, or empty; Value, when set, must be the body's
}

// UploadPart stores a part and returns it once it is durable. It returns fault.NotFound about "upload", and what Put
// returns about bodies.
func (s *Store) UploadPart(ctx context.Context, c access.Caller, r UploadRef, in PartInput) (Part, error) {
	u, err := s.findUpload(ctx, c, "s3:PutObject", r, Creates(false))
	if err != nil {
		return Part{}, err
	}
	if in.Number < 1 || in.Number > MaxParts {
		return Part{}, fault.Newf(fault.Invalid, "part number", "is %d; 1 to %d are allowed", in.Number, MaxParts)
	}
	if err := in.Checksum.Check(); err != nil {
		return Part{}, err
	}
	sum := Checksum{Algorithm: u.Checksum.Algorithm, Value: in.Checksum.Value}
	if sum.Algorithm == "" {
		sum.Algorithm = CRC64NVME
	}
	if given := in.Checksum.Algorithm; given != "" && given != sum.Algorithm && (u.Checksum.Algorithm != "" || sum.Value != "") {
		return Part{}, fault.Newf(fault.Invalid, "checksum algorithm "+string(given), "is not the upload's, which is %s", sum.Algorithm)
	}
	o := Object{Bucket: r.Bucket, Key: r.Key, Checksum: sum}
	if err := s.fill(ctx, &o, in.Body, in.Size); err != nil {
		return Part{}, err
	}
	err = s.apply(commit{locks: [][]byte{uploadKey(r.Bucket, r.Key, r.ID)}, prepare: func(b *pebble.Batch) ([]segment, error) {
		if _, err := s.upload(r); err != nil {
			return nil, err
		}
		old, _, err := s.part(r, in.Number)
		if err != nil {
			return nil, err
		}
		b.Delete(fileKey(keyPending, o.segments[0].file), nil)
		return old.segments, b.Set(partKey(r.ID, in.Number), encodeEntry(&o), nil)
	}})
	if err != nil {
		if !errors.Is(err, errUnknown) {
			s.discard(o.segments[0].file)
		}
		return Part{}, err
	}
	return o.asPart(in.Number), nil
}

func (o *Object) asPart(number int) Part {
	return Part{Number: number, Size: o.Size, ETag: o.ETag, Modified: o.Modified, Checksum: o.Checksum}
}

// part looks a part up; its entry is an object's.
func (s *Store) part(r UploadRef, number int) (o Object, found bool, err error) {
	v, closer, err := s.index.Get(partKey(r.ID, number))
	if errors.Is(err, pebble.ErrNotFound) {
		return Object{}, false, nil
	}
	if err != nil {
		return Object{}, false, failed("object index", err)
	}
	defer closer.Close()
	o, err = decodeEntry(r.Bucket, r.Key, v)
	return o, err == nil, err
}

// CompletePart names a part of the object to be made. A checksum Value, when set, must be the stored part's.
type CompletePart struct {
	Number   int
	ETag     string
	Checksum Checksum
}

// Completion says how an upload becomes an object.
type Completion struct {
	Parts       []CompletePart // in ascending order; parts that are not named are given up
	IfMatch     string         // as in PutInput
	IfNoneMatch bool
	Checksum    Checksum // what the object's must be, when its Value or Kind is set
	Size        int64    // what the object's must be, when it is not negative
}

// CompleteUpload makes an object of parts, without copying them. Repeating a completion that was
// acknowledged returns the object again, while it is still the one under the key.
//
// It returns fault.Invalid about "part" for a part that is not there or has another ETag or checksum, "part order" for
// numbers that do not ascend, "part size" for one below MinPart that is not the last, and what Put returns about conditions.
func (s *Store) CompleteUpload(ctx context.Context, c access.Caller, r UploadRef, in Completion) (Object, error) {
	u, err := s.findUpload(ctx, c, "s3:PutObject", r, append(writeIf(in.IfMatch, in.IfNoneMatch), Creates(true))...)
	if fault.Is(err, fault.NotFound) && fault.HasNoun(err, "upload") && r.valid() {
		if o, found, err := s.entry(r.Bucket, r.Key); err == nil && found && o.upload == r.ID {
			return o, nil
		}
	}
	if err != nil {
		return Object{}, err
	}
	if len(in.Parts) == 0 {
		return Object{}, fault.Newf(fault.Invalid, "part list", "is empty")
	}
	if err := s.room(0); err != nil {
		return Object{}, err
	}
	o := u.Object
	ch := change{bucket: r.Bucket, key: r.Key, put: &o, ifMatch: in.IfMatch, ifNoneMatch: in.IfNoneMatch}
	err = s.apply(commit{changes: []change{ch}, locks: [][]byte{uploadKey(r.Bucket, r.Key, r.ID)},
		prepare: func(b *pebble.Batch) ([]segment, error) {
			if _, err := s.upload(r); err != nil {
				return nil, err
			}
			if err := s.assemble(&o, r, in); err != nil {
				return nil, err
			}
			return s.endUpload(b, r, o.segments)
		}})
	if err != nil {
		return Object{}, err
	}
	return o, nil
}

// assemble makes the upload's description the object's.
func (s *Store) assemble(o *Object, r UploadRef, in Completion) error {
	if o.Checksum.Algorithm == "" {
		o.Checksum = Checksum{Algorithm: CRC64NVME, Kind: FullObject}
	}
	o.upload, o.Modified = r.ID, now()
	last := 0
	for _, want := range in.Parts {
		if want.Number <= last {
			return fault.Newf(fault.Invalid, "part order", "part %d comes after part %d", want.Number, last)
		}
		last = want.Number
	}
	tags := md5.New()
	for i, want := range in.Parts {
		subject := "part " + strconv.Itoa(want.Number)
		if want.Number > MaxParts {
			return fault.Newf(fault.Invalid, subject, "was not uploaded")
		}
		p, found, err := s.part(r, want.Number)
		if err != nil {
			return err
		}
		if !found {
			return fault.Newf(fault.Invalid, subject, "was not uploaded")
		}
		if strings.Trim(want.ETag, `"`) != p.ETag {
			return fault.Newf(fault.Invalid, subject, "has the ETag %s, not %s", p.ETag, want.ETag)
		}
		if v := want.Checksum; v.Value != "" && (v.Algorithm != p.Checksum.Algorithm || v.Value != p.Checksum.Value) {
			return fault.Newf(fault.Invalid, subject, "has the %s %s, not %s %s", p.Checksum.Algorithm, p.Checksum.Value, v.Algorithm, v.Value)
		}
		if p.Size < s.minPart && i < len(in.Parts)-1 {
			return fault.Newf(fault.Invalid, "part size", "%s has %d bytes; each but the last needs %d", subject, p.Size, s.minPart)
		}
		sum, _ := hex.DecodeString(p.ETag)
		tags.Write(sum)
		o.Size += p.Size
		o.segments = append(o.segments, p.segments...)
		o.Parts = append(o.Parts, Part{Number: want.Number, Size: p.Size, Modified: p.Modified, Checksum: p.Checksum})
	}
	o.ETag = hex.EncodeToString(tags.Sum(nil)) + "-" + strconv.Itoa(len(in.Parts))
	if in.Size >= 0 && in.Size != o.Size {
		return fault.Newf(fault.Invalid, "object size", "is %d bytes, not %d", o.Size, in.Size)
	}
	var err error
	if o.Checksum, err = joined(o.Checksum.Algorithm, o.Checksum.Kind, o.Parts); err != nil {
		return err
	}
	if k := in.Checksum.Kind; k != "" && k != o.Checksum.Kind {
		return fault.Newf(fault.Invalid, "checksum type "+string(k), "is not the upload's, which is %s", o.Checksum.Kind)
	}
	if v := in.Checksum; v.Value != "" && (v.Algorithm != o.Checksum.Algorithm || !sameSum(v.Value, o.Checksum.Value)) {
		return fault.Newf(fault.Invalid, "checksum "+string(v.Algorithm), "is %s, the object's is %s %s", v.Value, o.Checksum.Algorithm, o.Checksum.Value)
	}
	return nil
}

// sameSum compares checksums; a composite one may be given without its number of parts.
func sameSum(given, stored string) bool {
	bare, _, _ := strings.Cut(stored, "-")
	return given == stored || given == bare
}

// endUpload takes an upload and its parts out of the index, and returns the files of its parts but for those kept.
func (s *Store) endUpload(b *pebble.Batch, r UploadRef, keep []segment) ([]segment, error) {
	kept := make(map[uint64]bool, len(keep))
	for _, g := range keep {
		kept[g.file] = true
	}
	var doomed []segment
	err := s.eachPart(r, 0, func(number int, o Object) bool {
		b.Delete(partKey(r.ID, number), nil)
		for _, g := range o.segments {
			if !kept[g.file] {
				doomed = append(doomed, g)
			}
		}
		return true
	})
	b.Delete(uploadKey(r.Bucket, r.Key, r.ID), nil)
	return doomed, err
}

// eachPart goes through the upload's parts above a number, until do returns false.
func (s *Store) eachPart(r UploadRef, above int, do func(number int, o Object) bool) error {
	low := partKey(r.ID, above+1)
	it, err := s.index.NewIter(&pebble.IterOptions{LowerBound: low, UpperBound: after(append([]byte{keyPart}, r.ID...))})
	if err != nil {
		return failed("object index", err)
	}
	defer it.Close()
	for ok := it.First(); ok; ok = it.Next() {
		v, err := it.ValueAndErr()
		if err != nil {
			return failed("object index", err)
		}
		o, err := decodeEntry(r.Bucket, r.Key, v)
		if err != nil {
			return err
		}
		if !do(int(binary.BigEndian.Uint16(it.Key()[1+uploadIDLen:])), o) {
			break
		}
	}
	if err := it.Error(); err != nil {
		return failed("object index", err)
	}
	return nil
}

// AbortUpload gives an upload and its parts up, or returns fault.NotFound about "upload".
func (s *Store) AbortUpload(ctx context.Context, c access.Caller, r UploadRef) error {
	if _, err := s.findUpload(ctx, c, "s3:AbortMultipartUpload", r); err != nil {
		return err
	}
	return s.apply(commit{locks: [][]byte{uploadKey(r.Bucket, r.Key, r.ID)}, prepare: func(b *pebble.Batch) ([]segment, error) {
		if _, err := s.upload(r); err != nil {
			return nil, err
		}
		return s.endUpload(b, r, nil)
	}})
}

// abortAll gives up all uploads of a bucket. The caller keeps commits away.
func (s *Store) abortAll(bucket string) error {
	b := s.index.NewBatch()
	defer b.Close()
	var doomed []segment
	var inner error
	err := s.eachUpload(bucket, "", nil, func(r UploadRef, _ []byte) bool {
		var gone []segment
		gone, inner = s.endUpload(b, r, nil)
		doomed = append(doomed, gone...)
		return inner == nil
	})
	if err = errors.Join(err, inner); err != nil || b.Empty() {
		return err
	}
	for _, g := range doomed {
		b.Set(fileKey(keyDoomed, g.file), nil, nil)
	}
	if err := b.Commit(pebble.Sync); err != nil {
		return failed("object index", err)
	}
	s.doom(doomed)
	return nil
}

// Parts returns the upload, its parts above a number, at most max of them (0: 1,000), and whether there are more.
func (s *Store) Parts(ctx context.Context, c access.Caller, r UploadRef, above, max int) (u Upload, parts []Part, more bool, err error) {
	if u, err = s.findUpload(ctx, c, "s3:ListMultipartUploadParts", r); err != nil {
		return u, nil, false, err
	}
	if max <= 0 || max > maxList {
		max = maxList
	}
	if above >= MaxParts {
		return u, nil, false, nil
	}
	err = s.eachPart(r, above, func(number int, o Object) bool {
		if more = len(parts) == max; more {
			return false
		}
		parts = append(parts, o.asPart(number))
		return true
	})
	return u, parts, more, err
}
