package wire

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// FuzzSignature holds the parser to its promises on any header and query: no panic, a refusal that every protocol
// words, and parts that are what their names say.
func FuzzSignature(f *testing.F) {
	const good = "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, SignedHeaders=host;x-amz-date, Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
	f.Add(good, "20130524T000000Z", "a=b&c")
	f.Add("", "", "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=A%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404")
	f.Add("AWS AKIA:sig", "x", "AWSAccessKeyId=A&Signature=b&Expires=1")
	f.Add(good+",", "20130524T000000Z", "%zz;+")
	v := verifierOf(f, exampleSecret, time.Date(2013, 5, 24, 0, 0, 0, 0, time.UTC))
	f.Fuzz(func(t *testing.T, header, date, query string) {
		r := &http.Request{Method: "GET", Host: "h", Header: http.Header{}, RequestURI: "/", URL: &url.URL{Path: "/", RawQuery: query}}
		if header != "" {
			r.Header["Authorization"] = []string{header}
		}
		if date != "" {
			r.Header["X-Amz-Date"] = []string{date}
		}
		pairs, err := parsePairs(query, maxQuery)
		if err != nil {
			return
		}
		if values, err := url.ParseQuery(query); err == nil {
			for _, p := range pairs {
				if len(values[p.name]) == 0 {
					t.Errorf("%q: parameter %q is signed and not seen", query, p.name)
				}
			}
		} else {
			t.Errorf("%q was read, and net/url says %v", query, err)
		}
		sig, err := parseSignature(r, pairs)
		if err != nil {
			var refused *refusal
			if !errors.As(err, &refused) {
				t.Fatalf("got %T", err)
			}
			for _, p := range []Protocol{JSON11, Query, RestXML} {
				if e := refused.in(p, true); e.Code == "" || e.Status < 400 {
					t.Errorf("%v has no words in %s", err, p)
				}
			}
			return
		}
		if !strings.HasPrefix(sig.stamp, sig.day) || !sig.covers("host") || len(sig.value) != 64 || !ValidRegion(sig.region) || sig.expires > maxPresigned {
			t.Errorf("parsed %+v", sig)
		}
		if p, err := v.identify(r, sig, true); err == nil && p.verify(r, pairs, emptyHash, true) == nil {
			t.Errorf("a made-up signature holds: %+v", sig)
		}
	})
}

// FuzzChunks holds the chunk reader to its promises on any body: no panic, no more than the body's bytes, the same
// bytes for any size of reads, and no end for a signed body that is not the published one.
func FuzzChunks(f *testing.F) {
	f.Add([]byte("4\r\n1234\r\n5\r\n56789\r\n0\r\nx-amz-checksum-crc32:y/Q5Jg==\r\n\r\n"), 3)
	f.Add([]byte("0\r\n\r\n"), 1)
	f.Add([]byte("ffffffffffffffff\r\n"), 1)
	f.Add([]byte("5;chunk-signature=0\r\nabcde\r\n"), 2)
	v := verifierOf(f, exampleSecret, time.Date(2013, 5, 24, 0, 0, 0, 0, time.UTC))
	open := func(body []byte) *chunkReader {
		c := newChunkReader(bytes.NewReader(body))
		c.trailers, c.announced = true, map[string]bool{"x-amz-checksum-crc32": true}
		return c
	}
	f.Fuzz(func(t *testing.T, body []byte, step int) {
		got, err := io.ReadAll(open(body))
		if len(got) > len(body) {
			t.Errorf("%d bytes out of %d", len(got), len(body))
		}
		c, buf := open(body), make([]byte, max(1, min(step, 4096)))
		var again []byte
		var stepErr error
		for stepErr == nil {
			var n int
			n, stepErr = c.Read(buf)
			again = append(again, buf[:n]...)
		}
		if (err == nil) != (stepErr == io.EOF) || err == nil && !bytes.Equal(got, again) {
			t.Errorf("whole: %q %v; by %d: %q %v", got, err, len(buf), again, stepErr)
		}
		if !bytes.Equal(body, published[0].body) {
			pl, err := openPublished(t, v, 0, body)
			if err != nil {
				return
			}
			if data, err := io.ReadAll(pl); err == nil {
				t.Errorf("%d unsigned bytes were taken", len(data))
			}
		}
	})
}

// BenchmarkVerify is the frame's share of a small JSON request: parsing, routing and verifying its signature.
func BenchmarkVerify(b *testing.B) {
	at := time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC)
	v := verifierOf(b, exampleIAM, at)
	r := request("GET", "iam.amazonaws.com", "/?Action=ListUsers&Version=2010-05-08", map[string]string{
		"Content-Type": "application/x-www-form-urlencoded; charset=utf-8", "X-Amz-Date": "20150830T123600Z",
		"Authorization": authorization("20150830/us-east-1/iam/aws4_request", "content-type;host;x-amz-date",
			"5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"),
	}, nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.check(r, emptyHash, false); err != nil {
			b.Fatal(err)
		}
	}
}
