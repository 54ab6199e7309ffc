package s3_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// begin starts an upload and returns its id.
func (h *house) begin(t testing.TB, key string, more ...func(*s3.CreateMultipartUploadInput)) *string {
	t.Helper()
	in := &s3.CreateMultipartUploadInput{Bucket: aws.String("lake"), Key: &key}
	for _, f := range more {
		f(in)
	}
	out, err := h.CreateMultipartUpload(ctx, in)
	if err != nil {
		t.Fatal(err)
	}
	return out.UploadId
}

// part uploads a part and returns it as a completion names it.
func (h *house) part(t testing.TB, key string, id *string, n int32, body []byte, a types.ChecksumAlgorithm) types.CompletedPart {
	t.Helper()
	out, err := h.UploadPart(ctx, &s3.UploadPartInput{Bucket: aws.String("lake"), Key: &key, UploadId: id, PartNumber: &n, Body: bytes.NewReader(body), ChecksumAlgorithm: a})
	if err != nil {
		t.Fatal(err)
	}
	return types.CompletedPart{PartNumber: &n, ETag: out.ETag, ChecksumCRC32: out.ChecksumCRC32, ChecksumCRC32C: out.ChecksumCRC32C,
		ChecksumCRC64NVME: out.ChecksumCRC64NVME, ChecksumSHA1: out.ChecksumSHA1, ChecksumSHA256: out.ChecksumSHA256}
}

func (h *house) complete(key string, id *string, parts []types.CompletedPart, more ...func(*s3.CompleteMultipartUploadInput)) (*s3.CompleteMultipartUploadOutput, error) {
	in := &s3.CompleteMultipartUploadInput{Bucket: aws.String("lake"), Key: &key, UploadId: id, MultipartUpload: &types.CompletedMultipartUpload{Parts: parts}}
	for _, f := range more {
		f(in)
	}
	return h.CompleteMultipartUpload(ctx, in)
}

// multiETag is that of 5 MiB of "a" and "the end", as md5sum has it.
const multiETag = "dc2bc882b07e1e67a48bed8997ce6caf-2"

func TestMultipart(t *testing.T) {
	h := serve(t, false)
	one, two := bytes.Repeat([]byte("a"), 5<<20), []byte("the end")
	whole := string(one) + string(two)

	t.Run("parts become an object, with every kind of checksum", func(t *testing.T) {
		for _, c := range []struct {
			a    types.ChecksumAlgorithm
			kind types.ChecksumType
		}{
			{types.ChecksumAlgorithmCrc32, types.ChecksumTypeComposite}, {types.ChecksumAlgorithmCrc32, types.ChecksumTypeFullObject},
			{types.ChecksumAlgorithmCrc32c, types.ChecksumTypeFullObject}, {types.ChecksumAlgorithmCrc64nvme, types.ChecksumTypeFullObject},
			{types.ChecksumAlgorithmSha1, types.ChecksumTypeComposite}, {types.ChecksumAlgorithmSha256, types.ChecksumTypeComposite},
		} {
			key := "multi-" + string(c.a) + string(c.kind)
			id := h.begin(t, key, func(in *s3.CreateMultipartUploadInput) {
				in.ChecksumAlgorithm, in.ChecksumType, in.ContentType, in.Metadata = c.a, c.kind, aws.String("a/b"), map[string]string{"m": "1"}
			})
			parts := []types.CompletedPart{h.part(t, key, id, 2, one, c.a), h.part(t, key, id, 5, two, c.a)}
			out, err := h.complete(key, id, parts, func(in *s3.CompleteMultipartUploadInput) {
				in.ChecksumType, in.MpuObjectSize = c.kind, aws.Int64(int64(len(whole)))
			})
			if err != nil {
				t.Fatalf("%s %s: %v", c.a, c.kind, err)
			}
			if *out.ETag != `"`+multiETag+`"` || out.ChecksumType != c.kind {
				t.Errorf("%s %s: got %s %s", c.a, c.kind, *out.ETag, out.ChecksumType)
			}
			if h.get(t, key) != whole { // the SDK verifies full-object checksums
				t.Errorf("%s %s: the bytes are others", c.a, c.kind)
			}
			head, err := h.HeadObject(ctx, &s3.HeadObjectInput{Bucket: aws.String("lake"), Key: &key, PartNumber: aws.Int32(2)})
			if err != nil || head.PartsCount == nil || *head.PartsCount != 2 || *head.ContentLength != int64(len(two)) || head.Metadata["m"] != "1" || *head.ContentType != "a/b" {
				t.Errorf("%s %s: got %+v, %v", c.a, c.kind, head, err)
			}
			if again, err := h.complete(key, id, parts); err != nil || *again.ETag != *out.ETag {
				t.Errorf("the completion again: got %v", err)
			}
			attributes, err := h.GetObjectAttributes(ctx, &s3.GetObjectAttributesInput{Bucket: aws.String("lake"), Key: &key, MaxParts: aws.Int32(1),
				ObjectAttributes: []types.ObjectAttributes{types.ObjectAttributesObjectParts}})
			if err != nil || *attributes.ObjectParts.TotalPartsCount != 2 || !*attributes.ObjectParts.IsTruncated || *attributes.ObjectParts.Parts[0].Size != 5<<20 {
				t.Errorf("got %+v, %v", attributes, err)
			}
		}
	})
	t.Run("without an algorithm the object has a CRC64NVME", func(t *testing.T) {
		plain := h.client("us-east-1", func(o *s3.Options) { o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired })
		out, err := plain.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: aws.String("lake"), Key: aws.String("plain")})
		if err != nil {
			t.Fatal(err)
		}
		p, err := plain.UploadPart(ctx, &s3.UploadPartInput{Bucket: aws.String("lake"), Key: aws.String("plain"), UploadId: out.UploadId, PartNumber: aws.Int32(1), Body: bytes.NewReader(two)})
		if err != nil {
			t.Fatal(err)
		}
		done, err := plain.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{Bucket: aws.String("lake"), Key: aws.String("plain"), UploadId: out.UploadId,
			MultipartUpload: &types.CompletedMultipartUpload{Parts: []types.CompletedPart{{PartNumber: aws.Int32(1), ETag: p.ETag}}}})
		if err != nil || done.ChecksumCRC64NVME == nil || done.ChecksumType != types.ChecksumTypeFullObject || h.get(t, "plain") != "the end" {
			t.Errorf("got %+v, %v", done, err)
		}
	})
	t.Run("what does not fit is refused, and the upload goes on", func(t *testing.T) {
		id := h.begin(t, "k", func(in *s3.CreateMultipartUploadInput) { in.ChecksumAlgorithm = types.ChecksumAlgorithmCrc32 })
		a, b := h.part(t, "k", id, 1, two, ""), h.part(t, "k", id, 2, two, "")
		bad := func(p types.CompletedPart, f func(*types.CompletedPart)) types.CompletedPart { f(&p); return p }
		for _, c := range []struct {
			name, code string
			parts      []types.CompletedPart
			more       func(*s3.CompleteMultipartUploadInput)
		}{
			{"a small part before the last", "EntityTooSmall", []types.CompletedPart{a, b}, nil},
			{"wrong order", "InvalidPartOrder", []types.CompletedPart{b, a}, nil},
			{"a part twice", "InvalidPartOrder", []types.CompletedPart{a, a}, nil},
			{"no parts", "MalformedXML", nil, nil},
			{"a missing part", "InvalidPart", []types.CompletedPart{bad(a, func(p *types.CompletedPart) { p.PartNumber = aws.Int32(9) })}, nil},
			{"another ETag", "InvalidPart", []types.CompletedPart{bad(a, func(p *types.CompletedPart) { p.ETag = aws.String("x") })}, nil},
			{"another checksum", "InvalidPart", []types.CompletedPart{bad(a, func(p *types.CompletedPart) { p.ChecksumCRC32 = aws.String("AAAAAA==") })}, nil},
			{"another size", "InvalidRequest", []types.CompletedPart{a}, func(in *s3.CompleteMultipartUploadInput) { in.MpuObjectSize = aws.Int64(1) }},
			{"another kind", "InvalidRequest", []types.CompletedPart{a}, func(in *s3.CompleteMultipartUploadInput) { in.ChecksumType = types.ChecksumTypeFullObject }},
			{"another sum", "BadDigest", []types.CompletedPart{a}, func(in *s3.CompleteMultipartUploadInput) { in.ChecksumCRC32 = aws.String("AAAAAA==") }},
			{"a condition", "NoSuchKey", []types.CompletedPart{a}, func(in *s3.CompleteMultipartUploadInput) { in.IfMatch = aws.String("*") }},
		} {
			more := c.more
			if more == nil {
				more = func(*s3.CompleteMultipartUploadInput) {}
			}
			t.Run(c.name, func(t *testing.T) {
				_, err := h.complete("k", id, c.parts, more)
				wantCode(t, err, c.code)
			})
		}
		if _, err := h.complete("k", id, []types.CompletedPart{b}, func(in *s3.CompleteMultipartUploadInput) { in.IfNoneMatch = aws.String("*") }); err != nil {
			t.Error(err)
		}
		id = h.begin(t, "k")
		p := h.part(t, "k", id, 1, two, "")
		_, err := h.complete("k", id, []types.CompletedPart{p}, func(in *s3.CompleteMultipartUploadInput) { in.IfNoneMatch = aws.String("*") })
		wantCode(t, err, "PreconditionFailed")
	})
	t.Run("parts are copied from objects", func(t *testing.T) {
		h.put(t, "source", "0123456789")
		id := h.begin(t, "copied")
		out, err := h.UploadPartCopy(ctx, &s3.UploadPartCopyInput{Bucket: aws.String("lake"), Key: aws.String("copied"), UploadId: id, PartNumber: aws.Int32(1),
			CopySource: aws.String("/lake/source"), CopySourceRange: aws.String("bytes=2-5")})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range []string{"bytes=2-10", "bytes=2-", "2-5", "bytes=5-2"} {
			_, err := h.UploadPartCopy(ctx, &s3.UploadPartCopyInput{Bucket: aws.String("lake"), Key: aws.String("copied"), UploadId: id, PartNumber: aws.Int32(1),
				CopySource: aws.String("lake/source"), CopySourceRange: &r})
			wantCode(t, err, "InvalidArgument")
		}
		if _, err := h.complete("copied", id, []types.CompletedPart{{PartNumber: aws.Int32(1), ETag: out.CopyPartResult.ETag}}); err != nil || h.get(t, "copied") != "2345" {
			t.Error(err)
		}
	})
	t.Run("uploads and parts are listed, and aborted", func(t *testing.T) {
		var ids []*string
		for i := range 3 {
			ids = append(ids, h.begin(t, fmt.Sprintf("list/%d ü", i/2)))
		}
		for n := range 5 {
			h.part(t, "list/1 ü", ids[2], int32(n+1), two, "")
		}
		var parts []int32
		pages := s3.NewListPartsPaginator(h.Client, &s3.ListPartsInput{Bucket: aws.String("lake"), Key: aws.String("list/1 ü"), UploadId: ids[2], MaxParts: aws.Int32(2)})
		for pages.HasMorePages() {
			out, err := pages.NextPage(ctx)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range out.Parts {
				parts = append(parts, *p.PartNumber)
			}
		}
		if fmt.Sprint(parts) != "[1 2 3 4 5]" {
			t.Errorf("got parts %v", parts)
		}
		var got []string
		uploads := s3.NewListMultipartUploadsPaginator(h.Client, &s3.ListMultipartUploadsInput{Bucket: aws.String("lake"), Prefix: aws.String("list/"), MaxUploads: aws.Int32(1)})
		for uploads.HasMorePages() {
			out, err := uploads.NextPage(ctx)
			if err != nil {
				t.Fatal(err)
			}
			for _, u := range out.Uploads {
				got = append(got, *u.UploadId)
			}
		}
		if strings.Join(got, " ") != strings.Join(aws.ToStringSlice(ids), " ") {
			t.Errorf("got %v, want %v", got, aws.ToStringSlice(ids))
		}
		out, err := h.ListMultipartUploads(ctx, &s3.ListMultipartUploadsInput{Bucket: aws.String("lake"), Delimiter: aws.String("/"), Prefix: aws.String("l")})
		if err != nil || len(out.CommonPrefixes) != 1 || *out.CommonPrefixes[0].Prefix != "list/" || len(out.Uploads) != 0 {
			t.Errorf("got %+v, %v", out, err)
		}
		for i, id := range ids {
			key := fmt.Sprintf("list/%d ü", i/2)
			if _, err := h.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: aws.String("lake"), Key: &key, UploadId: id}); err != nil {
				t.Error(err)
			}
			_, err := h.UploadPart(ctx, &s3.UploadPartInput{Bucket: aws.String("lake"), Key: &key, UploadId: id, PartNumber: aws.Int32(1), Body: bytes.NewReader(two)})
			wantCode(t, err, "NoSuchUpload")
			_, err = h.complete(key, id, []types.CompletedPart{{PartNumber: aws.Int32(1), ETag: aws.String("x")}})
			wantCode(t, err, "NoSuchUpload")
		}
		_, err = h.ListParts(ctx, &s3.ListPartsInput{Bucket: aws.String("lake"), Key: aws.String("x"), UploadId: aws.String("../../x")})
		wantCode(t, err, "NoSuchUpload")
	})
}
