package s3_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

func TestObjects(t *testing.T) {
	h := serve(t, false)
	t.Run("headers and metadata come back", func(t *testing.T) {
		h.put(t, "full", "hello", func(in *s3.PutObjectInput) {
			in.ContentType, in.CacheControl, in.ContentDisposition = aws.String("text/x"), aws.String("no-store"), aws.String("inline")
			in.ContentEncoding, in.ContentLanguage = aws.String("gzip"), aws.String("de")
			in.Metadata = map[string]string{"Who": "me and you", "empty": ""}
			in.ServerSideEncryption, in.ACL, in.StorageClass = types.ServerSideEncryptionAes256, types.ObjectCannedACLPrivate, types.StorageClassStandard
		})
		out, err := h.HeadObject(ctx, &s3.HeadObjectInput{Bucket: aws.String("lake"), Key: aws.String("full"), ChecksumMode: types.ChecksumModeEnabled})
		if err != nil {
			t.Fatal(err)
		}
		if *out.ContentType != "text/x" || *out.CacheControl != "no-store" || *out.ContentDisposition != "inline" || *out.ContentEncoding != "gzip" ||
			*out.ContentLanguage != "de" || out.Metadata["who"] != "me and you" || out.ServerSideEncryption != "AES256" || *out.ContentLength != 5 ||
			*out.ETag != `"5d41402abc4b2a76b9719d911017c592"` || out.ChecksumCRC32 == nil || out.ChecksumType != types.ChecksumTypeFullObject ||
			*out.AcceptRanges != "bytes" || time.Since(*out.LastModified) > time.Minute {
			t.Errorf("got %+v", out)
		}
		// boto3 hands names on as they come, and AWS sends them in lower case.
		signed, err := s3.NewPresignClient(h.Client).PresignGetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("lake"), Key: aws.String("full")})
		if err != nil {
			t.Fatal(err)
		}
		answer := httptest.NewRecorder()
		h.server.Config.Handler.ServeHTTP(answer, httptest.NewRequest("GET", signed.URL, nil))
		//lint:ignore SA1008 the name as it stands is what is tested
		if got := answer.Header()["x-amz-meta-who"]; answer.Code != 200 || len(got) != 1 || got[0] != "me and you" {
			t.Errorf("got %d with %v", answer.Code, answer.Header())
		}
	})
	t.Run("every checksum algorithm is verified, kept and given back", func(t *testing.T) {
		for _, a := range []types.ChecksumAlgorithm{types.ChecksumAlgorithmCrc32, types.ChecksumAlgorithmCrc32c, types.ChecksumAlgorithmCrc64nvme,
			types.ChecksumAlgorithmSha1, types.ChecksumAlgorithmSha256} {
			out := h.put(t, "sum", "hello "+string(a), func(in *s3.PutObjectInput) { in.ChecksumAlgorithm = a })
			got, err := h.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("lake"), Key: aws.String("sum"), ChecksumMode: types.ChecksumModeEnabled})
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(got.Body) // the SDK verifies here
			if err != nil || string(b) != "hello "+string(a) {
				t.Errorf("%s: read %q, %v", a, b, err)
			}
			sums := func(v ...*string) string { return fmt.Sprint(len(v), aws.ToStringSlice(v)) }
			put := sums(out.ChecksumCRC32, out.ChecksumCRC32C, out.ChecksumCRC64NVME, out.ChecksumSHA1, out.ChecksumSHA256)
			read := sums(got.ChecksumCRC32, got.ChecksumCRC32C, got.ChecksumCRC64NVME, got.ChecksumSHA1, got.ChecksumSHA256)
			if put != read || len(put) < 12 {
				t.Errorf("%s: put says %s, get %s", a, put, read)
			}
		}
		_, err := h.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("lake"), Key: aws.String("bad"), Body: strings.NewReader("x"), ChecksumCRC32C: aws.String("AAAAAA==")})
		wantCode(t, err, "BadDigest")
		_, err = h.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("lake"), Key: aws.String("bad"), Body: strings.NewReader("x"), ContentMD5: aws.String("1B2M2Y8AsgTpgAmY7PhCfg==")})
		wantCode(t, err, "BadDigest")
		_, err = h.HeadObject(ctx, &s3.HeadObjectInput{Bucket: aws.String("lake"), Key: aws.String("bad")})
		wantCode(t, err, "NotFound")
	})
	t.Run("any key", func(t *testing.T) {
		for _, key := range []string{"plain", "a b", "a+b", "a%2Fb", "a%b", "ключ/日本語", "..", "../up", "/lead", "a//b", "a/", "./x", "?q=1", "#h", "a&b=c;d", "tab\tx", "'\"<>",
			"😀", "~!*()", "dot.", "a\\b", strings.Repeat("k", 1024)} {
			h.put(t, key, "body of "+key)
			if got := h.get(t, key); got != "body of "+key {
				t.Errorf("%q holds %q", key, got)
			}
			out, err := h.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: aws.String("lake"), Prefix: &key, MaxKeys: aws.Int32(1)})
			if err != nil || len(out.Contents) != 1 || *out.Contents[0].Key != key {
				t.Errorf("%q is listed as %+v, %v", key, out, err)
			}
		}
		_, err := h.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("lake"), Key: aws.String(strings.Repeat("k", 1025)), Body: strings.NewReader("")})
		wantCode(t, err, "KeyTooLongError")
	})
	t.Run("what is not there is named", func(t *testing.T) {
		_, err := h.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("lake"), Key: aws.String("none")})
		wantCode(t, err, "NoSuchKey")
		_, err = h.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("nowhere"), Key: aws.String("none")})
		wantCode(t, err, "NoSuchBucket")
		_, err = h.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("nowhere"), Key: aws.String("k"), Body: strings.NewReader("x")})
		wantCode(t, err, "NoSuchBucket")
	})
	t.Run("what is not built is refused by name", func(t *testing.T) {
		for part, change := range map[string]func(*s3.PutObjectInput){
			"x-amz-tagging":                   func(in *s3.PutObjectInput) { in.Tagging = aws.String("a=b") },
			"x-amz-grant-read":                func(in *s3.PutObjectInput) { in.GrantRead = aws.String("id=1") },
			"x-amz-website-redirect-location": func(in *s3.PutObjectInput) { in.WebsiteRedirectLocation = aws.String("/x") },
			"x-amz-object-lock-mode":          func(in *s3.PutObjectInput) { in.ObjectLockMode = types.ObjectLockModeGovernance },
			"x-amz-request-payer":             func(in *s3.PutObjectInput) { in.RequestPayer = types.RequestPayerRequester },
			"GLACIER":                         func(in *s3.PutObjectInput) { in.StorageClass = types.StorageClassGlacier },
			"aws:kms":                         func(in *s3.PutObjectInput) { in.ServerSideEncryption = types.ServerSideEncryptionAwsKms },
		} {
			in := &s3.PutObjectInput{Bucket: aws.String("lake"), Key: aws.String("refused"), Body: strings.NewReader("x")}
			change(in)
			if _, err := h.PutObject(ctx, in); err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("%s: got %v", part, err)
			}
		}
		_, err := h.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: aws.String("lake")})
		if wantCode(t, err, "NotImplemented"); !strings.Contains(err.Error(), "GetBucketVersioning") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("the expected owner is held to", func(t *testing.T) {
		_, err := h.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: aws.String("lake"), ExpectedBucketOwner: aws.String("999999999999")})
		if status(err) != http.StatusForbidden {
			t.Errorf("got %v", err)
		}
		if _, err := h.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: aws.String("lake"), ExpectedBucketOwner: aws.String(account)}); err != nil {
			t.Error(err)
		}
	})
	t.Run("objects go", func(t *testing.T) {
		out := h.put(t, "gone", "x")
		_, err := h.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: aws.String("lake"), Key: aws.String("gone"), IfMatch: aws.String(`"other"`)})
		wantCode(t, err, "PreconditionFailed")
		for _, match := range []*string{out.ETag, nil} { // the second time nothing is there, which is no error
			if _, err := h.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: aws.String("lake"), Key: aws.String("gone"), IfMatch: match}); err != nil {
				t.Error(err)
			}
		}
	})
	t.Run("attributes", func(t *testing.T) {
		out, err := h.GetObjectAttributes(ctx, &s3.GetObjectAttributesInput{Bucket: aws.String("lake"), Key: aws.String("full"),
			ObjectAttributes: []types.ObjectAttributes{types.ObjectAttributesEtag, types.ObjectAttributesChecksum, types.ObjectAttributesObjectSize, types.ObjectAttributesStorageClass, types.ObjectAttributesObjectParts}})
		if err != nil || *out.ETag != "5d41402abc4b2a76b9719d911017c592" || *out.ObjectSize != 5 || out.Checksum.ChecksumCRC32 == nil || out.StorageClass != "STANDARD" {
			t.Errorf("got %+v, %v", out, err)
		}
	})
	t.Run("objects have no tags", func(t *testing.T) {
		out, err := h.GetObjectTagging(ctx, &s3.GetObjectTaggingInput{Bucket: aws.String("lake"), Key: aws.String("full")})
		if err != nil || len(out.TagSet) != 0 {
			t.Errorf("got %+v, %v", out, err)
		}
	})
}

// TestHeadersOfOtherSDKs has what SDKs other than Go's send with every request.
func TestHeadersOfOtherSDKs(t *testing.T) {
	h := serve(t, false)
	for name, value := range map[string]string{
		"x-amz-api-version": "2006-03-01", // C++, and with it PyArrow
		"x-amz-user-agent":  "aws-sdk-js/3.0.0",
	} {
		_, err := h.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: aws.String("lake")}, s3.WithAPIOptions(smithyhttp.AddHeaderValue(name, value)))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestStreams(t *testing.T) {
	big := bytes.Repeat([]byte("0123456789abcdef"), 200_000) // 3.2 MB, several chunks
	unsigned := func(o *s3.Options) {                        // without TLS the SDK needs to be told
		o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
		o.APIOptions = append(o.APIOptions, v4.SwapComputePayloadSHA256ForUnsignedPayloadMiddleware)
	}
	for _, tls := range []bool{false, true} {
		t.Run(fmt.Sprintf("a body that cannot seek, TLS %v", tls), func(t *testing.T) {
			h := serve(t, tls)
			var options []func(*s3.Options)
			if !tls {
				options = append(options, unsigned)
			}
			_, err := h.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("lake"), Key: aws.String("stream"), Body: hidden{bytes.NewReader(big)},
				ContentLength: aws.Int64(int64(len(big)))}, options...)
			if err != nil {
				t.Fatal(err)
			}
			if h.get(t, "stream") != string(big) {
				t.Error("the bytes are others")
			}
		})
	}
	t.Run("a body that ends early is no object", func(t *testing.T) {
		h := serve(t, false)
		_, err := h.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("lake"), Key: aws.String("half"), Body: hidden{bytes.NewReader(big[:1000])},
			ContentLength: aws.Int64(2000)}, unsigned)
		if err == nil {
			t.Error("it was taken")
		}
		_, err = h.HeadObject(ctx, &s3.HeadObjectInput{Bucket: aws.String("lake"), Key: aws.String("half")})
		wantCode(t, err, "NotFound")
	})
	t.Run("presigned", func(t *testing.T) {
		h := serve(t, false)
		p := s3.NewPresignClient(h.Client)
		put, err := p.PresignPutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("lake"), Key: aws.String("pre signed+/ü")})
		if err != nil {
			t.Fatal(err)
		}
		if res, body := h.fetch(t, put.Method, put.URL, put.SignedHeader, []byte("by url")); res.StatusCode != 200 {
			t.Fatal(res.Status, body)
		}
		// The JavaScript SDK signs the checksum of the body that it does not have yet.
		early, err := s3.NewPresignClient(h.Client, s3.WithPresignClientFromClientOptions(s3.WithAPIOptions(
			smithyhttp.AddHeaderValue("X-Amz-Sdk-Checksum-Algorithm", "CRC32")))).PresignPutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("lake"), Key: aws.String("early")})
		if err != nil {
			t.Fatal(err)
		}
		if res, body := h.fetch(t, early.Method, early.URL, early.SignedHeader, []byte("x")); res.StatusCode != 200 || !strings.Contains(early.URL, "Sdk-Checksum") {
			t.Error(early.URL, res.Status, body)
		}
		get, err := p.PresignGetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("lake"), Key: aws.String("pre signed+/ü"),
			ResponseContentType: aws.String("text/csv"), ResponseContentDisposition: aws.String("attachment")})
		if err != nil {
			t.Fatal(err)
		}
		res, body := h.fetch(t, get.Method, get.URL, nil, nil)
		if res.StatusCode != 200 || body != "by url" || res.Header.Get("Content-Type") != "text/csv" || res.Header.Get("Content-Disposition") != "attachment" {
			t.Error(res.Status, body, res.Header)
		}
		if res, _ := h.fetch(t, get.Method, strings.Replace(get.URL, "text%2Fcsv", "text%2Fhtml", 1), nil, nil); res.StatusCode != 403 {
			t.Error("a changed URL answers", res.Status)
		}
	})
}

func TestConditions(t *testing.T) {
	h := serve(t, false)
	etag := *h.put(t, "k", "v").ETag
	head, err := h.HeadObject(ctx, &s3.HeadObjectInput{Bucket: aws.String("lake"), Key: aws.String("k")})
	if err != nil {
		t.Fatal(err)
	}
	now := *head.LastModified
	earlier, later := now.Add(-time.Hour), now.Add(time.Hour)
	for _, c := range []struct {
		name   string
		in     s3.GetObjectInput
		status int
	}{
		{"If-Match of this", s3.GetObjectInput{IfMatch: &etag}, 200},
		{"If-Match of any", s3.GetObjectInput{IfMatch: aws.String("*")}, 200},
		{"If-Match without quotes", s3.GetObjectInput{IfMatch: aws.String(strings.Trim(etag, `"`))}, 200},
		{"If-Match of another", s3.GetObjectInput{IfMatch: aws.String(`"x"`)}, 412},
		{"If-None-Match of this", s3.GetObjectInput{IfNoneMatch: &etag}, 304},
		{"If-None-Match of a list", s3.GetObjectInput{IfNoneMatch: aws.String(`"x", ` + etag)}, 304},
		{"If-None-Match of another", s3.GetObjectInput{IfNoneMatch: aws.String(`"x"`)}, 200},
		{"If-Modified-Since before", s3.GetObjectInput{IfModifiedSince: &earlier}, 200},
		{"If-Modified-Since then", s3.GetObjectInput{IfModifiedSince: &now}, 304},
		{"If-Unmodified-Since before", s3.GetObjectInput{IfUnmodifiedSince: &earlier}, 412},
		{"If-Unmodified-Since then", s3.GetObjectInput{IfUnmodifiedSince: &now}, 200},
		{"If-Match holds and If-Unmodified-Since not", s3.GetObjectInput{IfMatch: &etag, IfUnmodifiedSince: &earlier}, 200},
		{"If-None-Match fails and If-Modified-Since not", s3.GetObjectInput{IfNoneMatch: &etag, IfModifiedSince: &earlier}, 304},
		{"If-None-Match holds and If-Modified-Since not", s3.GetObjectInput{IfNoneMatch: aws.String(`"x"`), IfModifiedSince: &later}, 200},
	} {
		c.in.Bucket, c.in.Key = aws.String("lake"), aws.String("k")
		_, err := h.GetObject(ctx, &c.in)
		got := 200
		if err != nil {
			got = status(err)
		}
		if got != c.status {
			t.Errorf("%s: got %d, want %d (%v)", c.name, got, c.status, err)
		}
	}
	t.Run("of 16 writers one wins", func(t *testing.T) {
		for _, match := range []*string{nil, h.put(t, "again", "first").ETag} {
			var won atomic.Int32
			var wg sync.WaitGroup
			for i := range 16 {
				wg.Go(func() {
					in := &s3.PutObjectInput{Bucket: aws.String("lake"), Key: aws.String("race"), Body: strings.NewReader(fmt.Sprint(i)), IfNoneMatch: aws.String("*")}
					if match != nil {
						in.Key, in.IfNoneMatch, in.IfMatch = aws.String("again"), nil, match
					}
					if _, err := h.PutObject(ctx, in); err == nil {
						won.Add(1)
					} else if status(err) != 412 {
						t.Error(err)
					}
				})
			}
			if wg.Wait(); won.Load() != 1 {
				t.Errorf("%d writers won", won.Load())
			}
		}
	})
	_, err = h.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("lake"), Key: aws.String("never"), Body: strings.NewReader(""), IfMatch: aws.String("*")})
	wantCode(t, err, "NoSuchKey")
}

func TestRanges(t *testing.T) {
	h := serve(t, false)
	h.put(t, "ten", "0123456789")
	h.put(t, "empty", "")
	for _, c := range []struct {
		key, header string
		status      int
		body, rng   string
	}{
		{"ten", "bytes=0-0", 206, "0", "bytes 0-0/10"},
		{"ten", "bytes=2-4", 206, "234", "bytes 2-4/10"},
		{"ten", "bytes=8-", 206, "89", "bytes 8-9/10"},
		{"ten", "bytes=-3", 206, "789", "bytes 7-9/10"},
		{"ten", "bytes=-30", 206, "0123456789", "bytes 0-9/10"},
		{"ten", "bytes=5-99999999999999999999999", 206, "56789", "bytes 5-9/10"},
		{"ten", "bytes=0-", 206, "0123456789", "bytes 0-9/10"},
		{"ten", "bytes=10-", 416, "", ""},
		{"ten", "bytes=-0", 416, "", ""},
		{"empty", "bytes=0-", 416, "", ""},
		{"empty", "bytes=-1", 416, "", ""},
		{"ten", "bytes=4-2", 200, "0123456789", ""},
		{"ten", "bytes=1-2,4-5", 200, "0123456789", ""},
		{"ten", "lines=1-2", 200, "0123456789", ""},
		{"ten", "bytes=-", 200, "0123456789", ""},
		{"ten", "bytes=+1-2", 200, "0123456789", ""},
	} {
		url, err := s3.NewPresignClient(h.Client).PresignGetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("lake"), Key: &c.key})
		if err != nil {
			t.Fatal(err)
		}
		res, body := h.fetch(t, "GET", url.URL, http.Header{"Range": {c.header}}, nil)
		if res.StatusCode != c.status || res.Header.Get("Content-Range") != c.rng || c.status != 416 && body != c.body {
			t.Errorf("%s of %s: got %d %q %q, want %d %q %q", c.header, c.key, res.StatusCode, res.Header.Get("Content-Range"), body, c.status, c.rng, c.body)
		}
	}
}

func TestCopy(t *testing.T) {
	h := serve(t, false)
	h.put(t, "from/ü +%2F", "copied", func(in *s3.PutObjectInput) {
		in.ContentType, in.Metadata = aws.String("a/b"), map[string]string{"m": "1"}
	})
	src := aws.String("lake/from/%C3%BC%20%2B%252F")
	copyTo := func(key string, more ...func(*s3.CopyObjectInput)) (*s3.CopyObjectOutput, error) {
		in := &s3.CopyObjectInput{Bucket: aws.String("lake"), Key: &key, CopySource: src}
		for _, f := range more {
			f(in)
		}
		return h.CopyObject(ctx, in)
	}
	head := func(key string) *s3.HeadObjectOutput {
		out, err := h.HeadObject(ctx, &s3.HeadObjectInput{Bucket: aws.String("lake"), Key: &key})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	if _, err := copyTo("to"); err != nil {
		t.Fatal(err)
	}
	if o := head("to"); *o.ContentType != "a/b" || o.Metadata["m"] != "1" || h.get(t, "to") != "copied" {
		t.Errorf("got %+v", o)
	}
	if _, err := copyTo("to", func(in *s3.CopyObjectInput) {
		in.MetadataDirective, in.Metadata, in.ChecksumAlgorithm = types.MetadataDirectiveReplace, map[string]string{"n": "2"}, types.ChecksumAlgorithmSha256
	}); err != nil {
		t.Fatal(err)
	}
	if o := head("to"); o.Metadata["n"] != "2" || o.Metadata["m"] != "" || *o.ContentType != "binary/octet-stream" {
		t.Errorf("got %+v", o)
	}
	h.put(t, "from/ü +%2F", "changed")
	if h.get(t, "to") != "copied" {
		t.Error("the copy changed with its source")
	}
	_, err := copyTo("from/ü +%2F")
	wantCode(t, err, "InvalidRequest")
	_, err = copyTo("to", func(in *s3.CopyObjectInput) { in.CopySourceIfMatch = aws.String("x") })
	wantCode(t, err, "PreconditionFailed")
	_, err = copyTo("to", func(in *s3.CopyObjectInput) { in.CopySourceIfModifiedSince = aws.Time(time.Now().Add(time.Hour)) })
	wantCode(t, err, "PreconditionFailed")
	_, err = copyTo("to", func(in *s3.CopyObjectInput) { in.CopySource = aws.String("lake/none") })
	wantCode(t, err, "NoSuchKey")
	_, err = copyTo("to", func(in *s3.CopyObjectInput) { in.CopySource = aws.String("lake") })
	wantCode(t, err, "InvalidArgument")
	_, err = copyTo("to", func(in *s3.CopyObjectInput) { in.CopySource = aws.String("lake/to?versionId=abc") })
	wantCode(t, err, "NotImplemented")
	_, err = copyTo("to", func(in *s3.CopyObjectInput) { in.IfNoneMatch = aws.String("*") })
	wantCode(t, err, "PreconditionFailed")
}

func TestDeleteObjects(t *testing.T) {
	h := serve(t, false)
	var ids []types.ObjectIdentifier
	for _, k := range []string{"a", "b<&>\"'", "c d", "never"} {
		if k != "never" {
			h.put(t, k, k)
		}
		ids = append(ids, types.ObjectIdentifier{Key: &k})
	}
	h.put(t, "kept", "k")
	ids = append(ids, types.ObjectIdentifier{Key: aws.String("kept"), ETag: aws.String("other")})
	out, err := h.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: aws.String("lake"), Delete: &types.Delete{Objects: ids}})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Deleted) != 4 || len(out.Errors) != 1 || *out.Errors[0].Key != "kept" || *out.Errors[0].Code != "PreconditionFailed" {
		t.Errorf("got %+v", out)
	}
	out, err = h.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: aws.String("lake"), Delete: &types.Delete{Objects: ids[:4], Quiet: aws.Bool(true)}})
	if err != nil || len(out.Deleted)+len(out.Errors) != 0 {
		t.Errorf("got %+v, %v", out, err)
	}
	many := make([]types.ObjectIdentifier, 1001)
	for i := range many {
		many[i].Key = aws.String(fmt.Sprint(i))
	}
	_, err = h.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: aws.String("lake"), Delete: &types.Delete{Objects: many}})
	wantCode(t, err, "MalformedXML")
	if _, err = h.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: aws.String("lake"), Delete: &types.Delete{Objects: many[:1000]}}); err != nil {
		t.Error(err)
	}
	_, err = h.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: aws.String("nowhere"), Delete: &types.Delete{Objects: ids}})
	wantCode(t, err, "NoSuchBucket")
}
