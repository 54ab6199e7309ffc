package s3

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"flowlake/access"
	"flowlake/access/policy"
	"flowlake/aws/wire"
	"flowlake/lake"
	"flowlake/state"
)

// keysOf shows condition keys, without those of the signature.
func keysOf(entries []policy.Entry) string {
	var all []string
	for _, e := range entries {
		switch e.Key {
		case "s3:signatureversion", "s3:authType", "s3:signatureAge", "s3:x-amz-content-sha256":
		default:
			all = append(all, strings.TrimPrefix(e.Key, "s3:")+"="+strings.Join(e.Values, ","))
		}
	}
	return strings.Join(all, " ")
}

func TestConditions(t *testing.T) {
	dir, root := t.TempDir(), access.Root("123456789012", "us-east-1")
	st, err := state.Open(filepath.Join(dir, "state"))
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	store, err := lake.Open(lake.Config{Dir: filepath.Join(dir, "lake")}, st, access.NewGuard(root.Account), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if err := store.CreateBucket(t.Context(), root, "lake"); err != nil {
		t.Fatal(err)
	}
	u, err := store.CreateUpload(t.Context(), root, lake.PutInput{Bucket: "lake", Key: "k", ACL: "bucket-owner-full-control", Encryption: "AES256"})
	if err != nil {
		t.Fatal(err)
	}
	d := &door{lake: store}
	for _, row := range []struct {
		name, operation, url string
		header               http.Header
		action, want         string
	}{
		{"a listing with a prefix", "ListObjectsV2", "/lake?list-type=2&prefix=logs/&delimiter=/&max-keys=5", nil, "s3:ListBucket", "prefix=logs/ delimiter=/ max-keys=5"},
		{"a prefix that is there and empty", "ListObjects", "/lake?prefix=", nil, "s3:ListBucket", "prefix="},
		{"a listing without one", "ListObjects", "/lake", nil, "s3:ListBucket", ""},
		{"the listing behind a read of what is not there", "GetObject", "/lake/k?prefix=x", nil, "s3:ListBucket", ""},
		{"uploads are listed with their prefix", "ListMultipartUploads", "/lake?uploads&prefix=a", nil, "s3:ListBucketMultipartUploads", "prefix=a"},
		{"a write", "PutObject", "/lake/k", http.Header{"X-Amz-Acl": {"private"}, "X-Amz-Server-Side-Encryption": {"AES256"}, "X-Amz-Storage-Class": {"STANDARD"}, "If-None-Match": {"*"}},
			"s3:PutObject", "x-amz-acl=private x-amz-server-side-encryption=AES256 x-amz-storage-class=STANDARD if-none-match=* ObjectCreationOperation=true"},
		{"a write without headers", "PutObject", "/lake/k", nil, "s3:PutObject", "ObjectCreationOperation=true"},
		{"a copy", "CopyObject", "/lake/k", http.Header{"X-Amz-Copy-Source": {"/from/a%20b"}, "X-Amz-Metadata-Directive": {"REPLACE"}}, "s3:PutObject", "x-amz-metadata-directive=REPLACE x-amz-copy-source=from/a b ObjectCreationOperation=true"},
		{"a copy's source is read without them", "CopyObject", "/lake/k", http.Header{"X-Amz-Copy-Source": {"/from/k"}, "X-Amz-Acl": {"private"}}, "s3:GetObject", ""},
		{"a part is asked for as its upload was", "UploadPart", "/lake/k?partNumber=1&uploadId=" + u.ID, nil, "s3:PutObject", "x-amz-acl=bucket-owner-full-control x-amz-server-side-encryption=AES256 ObjectCreationOperation=false"},
		{"what completes an upload makes an object", "CompleteMultipartUpload", "/lake/k?uploadId=" + u.ID, http.Header{"If-None-Match": {"*"}}, "s3:PutObject", "x-amz-acl=bucket-owner-full-control x-amz-server-side-encryption=AES256 if-none-match=* ObjectCreationOperation=true"},
		{"what begins one does not", "CreateMultipartUpload", "/lake/k?uploads", nil, "s3:PutObject", "ObjectCreationOperation=false"},
		{"a part of no upload", "UploadPart", "/lake/k?partNumber=1&uploadId=x", nil, "s3:PutObject", "ObjectCreationOperation=false"},
		{"an ACL", "PutObjectAcl", "/lake/k?acl", http.Header{"X-Amz-Acl": {"public-read"}}, "s3:PutObjectAcl", "x-amz-acl=public-read"},
		{"a new bucket", "CreateBucket", "/lake", http.Header{"X-Amz-Object-Ownership": {"ObjectWriter"}}, "s3:CreateBucket", "x-amz-object-ownership=ObjectWriter"},
	} {
		t.Run(row.name, func(t *testing.T) {
			r, err := http.NewRequest(http.MethodPut, "http://localhost"+row.url, nil)
			if err != nil {
				t.Fatal(err)
			}
			if r.Header = row.header; r.Header == nil {
				r.Header = http.Header{}
			}
			if got := keysOf(d.conditions(&wire.Call{Request: r, Operation: row.operation}, row.action)); got != row.want {
				t.Errorf("got %q, want %q", got, row.want)
			}
		})
	}
}

func TestSignatureConditions(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 600e6, time.UTC)
	show := func(url string, header http.Header) string {
		r, err := http.NewRequest(http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header = header
		return fmt.Sprint(signed(r, now))
	}
	if got, want := show("http://localhost/b/k", http.Header{"X-Amz-Content-Sha256": {"UNSIGNED-PAYLOAD"}}),
		"[{s3:signatureversion [AWS4-HMAC-SHA256]} {s3:authType [REST-HEADER]} {s3:x-amz-content-sha256 [UNSIGNED-PAYLOAD]}]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := show("http://localhost/b/k?X-Amz-Signature=0&X-Amz-Date=20260102T030305Z", http.Header{}),
		"[{s3:signatureversion [AWS4-HMAC-SHA256]} {s3:authType [REST-QUERY-STRING]} {s3:signatureAge [60000]}]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	r, err := http.NewRequest(http.MethodGet, "https://localhost/b/k", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.TLS = &tls.ConnectionState{Version: tls.VersionTLS13}
	if got := fmt.Sprint(signed(r, now)); !strings.Contains(got, "{s3:TlsVersion [1.3]}") {
		t.Errorf("over TLS: got %s", got)
	}
}
