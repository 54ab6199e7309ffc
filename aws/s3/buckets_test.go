package s3_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

func TestBuckets(t *testing.T) {
	h := serve(t, false)
	seoul := h.client("ap-northeast-2")
	create := func(c *s3.Client, name, constraint string) error {
		in := &s3.CreateBucketInput{Bucket: &name}
		if constraint != "" {
			in.CreateBucketConfiguration = &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraint(constraint)}
		}
		_, err := c.CreateBucket(ctx, in)
		return err
	}
	if err := create(h.Client, "lake", ""); err != nil {
		t.Errorf("us-east-1 takes an owner's second creation: %v", err)
	}
	if err := create(seoul, "seoul", "ap-northeast-2"); err != nil {
		t.Fatal(err)
	}
	wantCode(t, create(seoul, "seoul", "ap-northeast-2"), "BucketAlreadyOwnedByYou")
	wantCode(t, create(seoul, "elsewhere", "eu-west-1"), "IllegalLocationConstraintException")
	wantCode(t, create(h.Client, "nowhere", "no region!"), "InvalidLocationConstraint")
	wantCode(t, create(h.Client, "Bad_Name", ""), "InvalidBucketName")
	if err := create(h.Client, "irish", "EU"); err != nil {
		t.Error(err)
	}
	for name, region := range map[string]string{"lake": "", "seoul": "ap-northeast-2", "irish": "eu-west-1"} {
		out, err := h.GetBucketLocation(ctx, &s3.GetBucketLocationInput{Bucket: &name})
		if err != nil || string(out.LocationConstraint) != region {
			t.Errorf("%s: got %v, %v", name, out, err)
		}
	}
	if out, err := h.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: aws.String("seoul")}); err != nil || *out.BucketRegion != "ap-northeast-2" {
		t.Errorf("got %+v, %v", out, err)
	}
	_, err := h.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: aws.String("nowhere")})
	wantCode(t, err, "NotFound")
	var names []string
	pages := s3.NewListBucketsPaginator(h.Client, &s3.ListBucketsInput{MaxBuckets: aws.Int32(2)})
	for pages.HasMorePages() {
		out, err := pages.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range out.Buckets {
			names = append(names, *b.Name)
			if time.Since(*b.CreationDate) > time.Minute {
				t.Errorf("%s was created at %v", *b.Name, b.CreationDate)
			}
		}
	}
	if fmt.Sprint(names) != "[irish lake seoul]" {
		t.Errorf("got %v", names)
	}
	if out, err := h.ListBuckets(ctx, &s3.ListBucketsInput{BucketRegion: aws.String("eu-west-1")}); err != nil || len(out.Buckets) != 1 {
		t.Errorf("got %+v, %v", out, err)
	}
	h.put(t, "k", "v")
	_, err = h.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: aws.String("lake")})
	wantCode(t, err, "BucketNotEmpty")
	if _, err := h.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: aws.String("irish")}); err != nil {
		t.Error(err)
	}
	_, err = h.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: aws.String("irish")})
	wantCode(t, err, "NoSuchBucket")
}

func TestListings(t *testing.T) {
	h := serve(t, false)
	keys := []string{"a", "a/b/1", "a/b/2", "a/c", "b c&<", "ü/x", "z+", "\x01ctl"}
	for _, k := range keys {
		h.put(t, k, k)
	}
	slices.Sort(keys)
	t.Run("version 2, in pages", func(t *testing.T) {
		for _, encoded := range []bool{true, false} {
			want := keys
			in := &s3.ListObjectsV2Input{Bucket: aws.String("lake"), MaxKeys: aws.Int32(3), FetchOwner: aws.Bool(true)}
			if encoded {
				in.EncodingType = types.EncodingTypeUrl
			} else {
				in.StartAfter, want = aws.String(" "), keys[1:]
			}
			var got []string
			pages := s3.NewListObjectsV2Paginator(h.Client, in)
			for pages.HasMorePages() {
				out, err := pages.NextPage(ctx)
				if err != nil {
					t.Fatal(err)
				}
				if int(*out.KeyCount) != len(out.Contents) || *out.MaxKeys != 3 {
					t.Errorf("got %d keys of %d", *out.KeyCount, *out.MaxKeys)
				}
				for _, o := range out.Contents {
					key := *o.Key
					if encoded {
						key = unescape(t, key)
					}
					if got = append(got, key); *o.Size != int64(len(key)) || *o.Owner.ID != account || o.StorageClass != "STANDARD" {
						t.Errorf("got %+v", o)
					}
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
		}
	})
	t.Run("version 1, rolled up", func(t *testing.T) {
		var got []string
		in := &s3.ListObjectsInput{Bucket: aws.String("lake"), Delimiter: aws.String("/"), MaxKeys: aws.Int32(1), Marker: aws.String(" ")}
		for {
			out, err := h.ListObjects(ctx, in)
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range out.Contents {
				got = append(got, *o.Key)
			}
			for _, p := range out.CommonPrefixes {
				got = append(got, *p.Prefix)
			}
			if !*out.IsTruncated {
				break
			}
			in.Marker = out.NextMarker
		}
		if want := []string{"a", "a/", "b c&<", "z+", "ü/"}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
	t.Run("odd arguments", func(t *testing.T) {
		out, err := h.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: aws.String("lake"), MaxKeys: aws.Int32(0)})
		if err != nil || *out.IsTruncated || len(out.Contents) != 0 {
			t.Errorf("got %+v, %v", out, err)
		}
		_, err = h.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: aws.String("lake"), MaxKeys: aws.Int32(-1)})
		wantCode(t, err, "InvalidArgument")
		_, err = h.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: aws.String("lake"), ContinuationToken: aws.String("!")})
		wantCode(t, err, "InvalidArgument")
		_, err = h.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: aws.String("lake"), EncodingType: "rot13"})
		wantCode(t, err, "InvalidArgument")
		_, err = h.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: aws.String("nowhere"), MaxKeys: aws.Int32(0)})
		wantCode(t, err, "NoSuchBucket")
		_, err = h.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: aws.String("lake")})
		wantCode(t, err, "NotImplemented")
	})
}

func unescape(t testing.TB, s string) string {
	t.Helper()
	req, err := http.NewRequest("GET", "http://h/?k="+strings.ReplaceAll(s, "+", "%2B"), nil)
	if err != nil {
		t.Fatal(err)
	}
	return req.URL.Query().Get("k")
}

// sign sends a request by hand, for what no SDK sends.
func (h *house) sign(t testing.TB, method, url, host string, body string, header http.Header) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequest(method, h.server.URL+url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range header {
		req.Header[name] = values
	}
	if host != "" {
		req.Host = host
	}
	const payload = "UNSIGNED-PAYLOAD"
	req.Header.Set("X-Amz-Content-Sha256", payload)
	creds := aws.Credentials{AccessKeyID: h.key.ID, SecretAccessKey: h.key.Secret}
	err = v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true }).SignHTTP(ctx, creds, req, payload, "s3", "us-east-1", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	res, err := h.server.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	return res, readAll(t, res)
}

func TestHosts(t *testing.T) {
	h := serve(t, false)
	h.put(t, "deep/key", "by host")
	for _, host := range []string{"lake.localhost:4566", "lake.s3.amazonaws.com", "lake.s3.eu-west-1.amazonaws.com", "LAKE.localhost."} {
		if res, body := h.sign(t, "GET", "/deep/key", host, "", nil); res.StatusCode != 200 || body != "by host" {
			t.Errorf("%s: got %s %q", host, res.Status, body)
		}
	}
	if res, body := h.sign(t, "GET", "/lake/deep/key", "s3.eu-west-1.amazonaws.com", "", nil); res.StatusCode != 200 || body != "by host" {
		t.Errorf("path style: got %s %q", res.Status, body)
	}
	if res, body := h.sign(t, "GET", "/?list-type=2", "lake.localhost", "", nil); res.StatusCode != 200 || !strings.Contains(body, "<Key>deep/key</Key>") {
		t.Errorf("list: got %s %q", res.Status, body)
	}
}

func TestBodies(t *testing.T) {
	h := serve(t, false)
	h.put(t, "k", "v")
	for _, c := range []struct{ name, method, url, body, code string }{
		{"no body", "POST", "/lake?delete", "", "MalformedXML"},
		{"no checksum", "POST", "/lake?delete", "<Delete><Object><Key>k</Key></Object></Delete>", "InvalidRequest"},
		{"not XML", "POST", "/lake?delete", "{}", "MalformedXML"},
		{"another root", "POST", "/lake?delete", "<Remove/>", "MalformedXML"},
		{"an unknown element", "POST", "/lake?delete", "<Delete><Mode>1</Mode></Delete>", "MalformedXML"},
		{"a doctype", "POST", "/lake?delete", `<!DOCTYPE a [<!ENTITY e "x">]><Delete><Object><Key>&e;</Key></Object></Delete>`, "MalformedXML"},
		{"two roots", "POST", "/lake?delete", "<Delete/><Delete/>", "MalformedXML"},
		{"cut short", "POST", "/lake?delete", "<Delete><Object>", "MalformedXML"},
		{"a key twice in one object", "POST", "/lake?delete", "<Delete><Object><Key>a</Key><Key>b</Key></Object></Delete>", "MalformedXML"},
		{"a version", "POST", "/lake?delete", "<Delete><Object><Key>a</Key><VersionId>1</VersionId></Object></Delete>", "NotImplemented"},
		{"a configuration of a bucket that we do not do", "PUT", "/bucket-x", "<CreateBucketConfiguration><Bucket><Type>Directory</Type></Bucket></CreateBucketConfiguration>", "MalformedXML"},
		{"too large", "PUT", "/bucket-x", "<CreateBucketConfiguration>" + strings.Repeat(" ", 64<<10) + "</CreateBucketConfiguration>", "EntityTooLarge"},
		{"a completion without a part number", "POST", "/lake/k?uploadId=" + strings.Repeat("0", 32), "<CompleteMultipartUpload><Part><ETag>x</ETag></Part></CompleteMultipartUpload>", "MalformedXML"},
		{"a method that is none", "POST", "/lake/k", "", "NotImplemented"},
		{"a sub-resource", "PUT", "/lake?versioning", "<VersioningConfiguration/>", "NotImplemented"},
		{"a policy without statements", "PUT", "/lake?policy", "{}", "MalformedPolicy"},
		{"no policy", "PUT", "/lake?policy", "", "MalformedPolicy"},
		{"an ACL that says nothing", "PUT", "/lake?acl", "", "MissingSecurityHeader"},
		{"an ACL that is none", "PUT", "/lake?acl", "<AccessControlPolicy><Grant/></AccessControlPolicy>", "MalformedXML"},
		{"an ACL of another owner", "PUT", "/lake?acl", "<AccessControlPolicy><Owner><ID>1</ID></Owner></AccessControlPolicy>", "AccessDenied"},
		{"a public access block of words", "PUT", "/lake?publicAccessBlock", "<PublicAccessBlockConfiguration><BlockPublicAcls>yes</BlockPublicAcls></PublicAccessBlockConfiguration>", "MalformedXML"},
		{"no public access block", "PUT", "/lake?publicAccessBlock", "", "MalformedXML"},
		{"an ownership that is none", "PUT", "/lake?ownershipControls", "<OwnershipControls><Rule><ObjectOwnership>Mine</ObjectOwnership></Rule></OwnershipControls>", "MalformedXML"},
		{"an encryption with a key", "PUT", "/lake?encryption", "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm><KMSMasterKeyID>k</KMSMasterKeyID></ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>", "NotImplemented"},
		{"an encryption without a rule", "PUT", "/lake?encryption", "<ServerSideEncryptionConfiguration/>", "MalformedXML"},
		{"a tag without a key", "PUT", "/lake?tagging", "<Tagging><TagSet><Tag><Value>1</Value></Tag></TagSet></Tagging>", "InvalidTag"},
		{"an unknown parameter", "GET", "/lake/k?what=1", "", "NotImplemented"},
		{"a part number that is none", "PUT", "/lake/k?partNumber=x&uploadId=1", "", "InvalidArgument"},
		{"part 0", "GET", "/lake/k?partNumber=0", "", "InvalidArgument"},
		{"part 2 of 1", "GET", "/lake/k?partNumber=2", "", "InvalidPartNumber"},
	} {
		header := http.Header{}
		if c.name != "no checksum" && strings.Contains(c.url, "?delete") {
			header.Set("Content-Md5", md5Of(c.body))
		}
		if _, body := h.sign(t, c.method, c.url, "", c.body, header); !strings.Contains(body, "<Code>"+c.code+"</Code>") {
			t.Errorf("%s: got %q, want %s", c.name, body, c.code)
		}
	}
	namespaced := `<?xml version="1.0"?><x:Delete xmlns:x="urn:any"><x:Object><x:Key>k</x:Key></x:Object></x:Delete>`
	if _, body := h.sign(t, "POST", "/lake?delete", "", namespaced, http.Header{"Content-Md5": {md5Of(namespaced)}}); !strings.Contains(body, "<Deleted><Key>k</Key></Deleted>") {
		t.Errorf("a namespace: got %q", body)
	}
}

func TestExpectContinue(t *testing.T) {
	h := serve(t, false)
	h.server.Client().Transport.(*http.Transport).ExpectContinueTimeout = 10 * time.Second
	began := time.Now()
	res, body := h.sign(t, "PUT", "/lake/k", "", "late", http.Header{"Expect": {"100-continue"}})
	if res.StatusCode != 200 || time.Since(began) > 5*time.Second {
		t.Errorf("got %s %q after %v", res.Status, body, time.Since(began))
	}
	if res, _ := h.sign(t, "PUT", "/nowhere/k", "", "late", http.Header{"Expect": {"100-continue"}}); res.StatusCode != 404 {
		t.Errorf("got %s", res.Status)
	}
	if h.get(t, "k") != "late" {
		t.Error("the bytes are others")
	}
}
