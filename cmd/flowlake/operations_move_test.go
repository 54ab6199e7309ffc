package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	doorflowlake "flowlake/aws/flowlake"
	"flowlake/fault"
	"flowlake/lake"
)

// testMove renames and removes objects at once through the client that a conversion has.
func testMove(t *testing.T, c *clients) {
	bucket := "moved-objects"
	_, err := c.s3.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &bucket})
	ok(t, err)
	o := convertObjects{c.s3, c.rawConfig()}
	put := func(key string) string {
		t.Helper()
		etag, err := o.Put(t.Context(), bucket, key, strings.NewReader(key), int64(len(key)))
		ok(t, err)
		return etag
	}
	put("old")
	moves := []lake.Move{{Bucket: bucket, From: "_a", To: "a", IfMatch: put("_a")}, {Bucket: bucket, From: "_b", To: "b", IfMatch: put("_b")}}
	removes := []lake.Ref{{Bucket: bucket, Key: "old", IfMatch: "*"}, {Bucket: bucket, Key: "never was"}}
	if err := o.Move(t.Context(), moves, append(removes, lake.Ref{Bucket: bucket, Key: "gone", IfMatch: "*"})); !fault.Is(err, fault.Precondition) || !strings.Contains(err.Error(), "PreconditionFailed") || !strings.Contains(err.Error(), "gone") {
		t.Errorf("with a removal that cannot be: %v", err)
	}
	ok(t, o.Move(t.Context(), moves, removes))
	list, err := c.s3.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &bucket})
	ok(t, err)
	var keys []string
	for _, one := range list.Contents {
		keys = append(keys, aws.ToString(one.Key))
	}
	if got := strings.Join(keys, " "); got != "a b" {
		t.Errorf("the bucket has %s", got)
	}
	if err := o.Move(t.Context(), moves, removes); !fault.Is(err, fault.NotFound) {
		t.Errorf("made again: %v", err)
	}
	for body, want := range map[string]string{"{": "is not the JSON of a move", `{"Moves":[{"Bucket":"` + bucket + `","From":"a","To":""}]}`: "key"} {
		if _, err := post(t.Context(), c.rawConfig(), "flowlake", doorflowlake.MovePath, []byte(body), http.Header{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", body, err, want)
		}
	}
}
