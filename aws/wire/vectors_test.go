package wire

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"flowlake/access"
)

// The example credentials of AWS's documentation; the two pages differ in one character of the secret.
const (
	exampleID     = "AKIAIOSFODNN7EXAMPLE"
	exampleSecret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
	exampleIAM    = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
)

// verifierOf returns a verifier of one key at one instant.
func verifierOf(t testing.TB, secret string, at time.Time) *verifier {
	t.Helper()
	file := filepath.Join(t.TempDir(), "credentials")
	text := "[default]\naws_access_key_id = " + exampleID + "\naws_secret_access_key = " + secret + "\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	keys, err := access.OpenKeys(file, "123456789012")
	if err != nil {
		t.Fatal(err)
	}
	return &verifier{lookup: keys.Lookup, now: func() time.Time { return at }}
}

// request makes a request as a server sees it.
func request(method, host, uri string, headers map[string]string, body io.Reader) *http.Request {
	r := httptest.NewRequest(method, uri, body)
	r.Host = host
	for name, value := range headers {
		r.Header.Set(name, value)
	}
	return r
}

// check verifies a request whole, as serveRaw and readVerified do.
func (v *verifier) check(r *http.Request, payload string, once bool) (*proof, error) {
	query, err := parsePairs(r.URL.RawQuery, maxQuery)
	if err != nil {
		return nil, err
	}
	sig, err := parseSignature(r, query)
	if err != nil {
		return nil, err
	}
	p, err := v.identify(r, sig, once)
	if err != nil {
		return nil, err
	}
	return p, p.verify(r, query, payload, once)
}

func authorization(scope, signed, signature string) string {
	return "AWS4-HMAC-SHA256 Credential=" + exampleID + "/" + scope + ",SignedHeaders=" + signed + ",Signature=" + signature
}

// The examples of "Authenticating Requests: Using the Authorization Header", "… Using Query Parameters" (S3 API
// reference) and of "Create a signed AWS API request" (IAM user guide).
func TestPublishedSignatures(t *testing.T) {
	const s3scope, date = "20130524/us-east-1/s3/aws4_request", "20130524T000000Z"
	s3 := verifierOf(t, exampleSecret, time.Date(2013, 5, 24, 0, 5, 0, 0, time.UTC))
	for _, tt := range []struct {
		name, method, uri, signed, signature, payload string
		headers                                       map[string]string
	}{
		{"GET object", "GET", "/test.txt", "host;range;x-amz-content-sha256;x-amz-date",
			"f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41", emptyHash, map[string]string{"Range": "bytes=0-9"}},
		{"PUT object, a path that is sent bare", "PUT", "/test$file.text", "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
			"98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd", "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
			map[string]string{"Date": "Fri, 24 May 2013 00:00:00 GMT", "X-Amz-Storage-Class": "REDUCED_REDUNDANCY"}},
		{"PUT object, the path escaped", "PUT", "/test%24file.text", "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
			"98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd", "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
			map[string]string{"Date": "Fri, 24 May 2013 00:00:00 GMT", "X-Amz-Storage-Class": "REDUCED_REDUNDANCY"}},
		{"GET bucket lifecycle", "GET", "/?lifecycle", "host;x-amz-content-sha256;x-amz-date",
			"fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543", emptyHash, nil},
		{"GET bucket, list objects", "GET", "/?max-keys=2&prefix=J", "host;x-amz-content-sha256;x-amz-date",
			"34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7", emptyHash, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := request(tt.method, "examplebucket.s3.amazonaws.com", tt.uri, tt.headers, nil)
			r.Header.Set("X-Amz-Date", date)
			r.Header.Set("X-Amz-Content-Sha256", tt.payload)
			r.Header.Set("Authorization", authorization(s3scope, tt.signed, tt.signature))
			if _, err := s3.check(r, tt.payload, true); err != nil {
				t.Error(err)
			}
		})
	}
	t.Run("presigned GET object", func(t *testing.T) {
		r := request("GET", "examplebucket.s3.amazonaws.com", "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404", nil, nil)
		if _, err := s3.check(r, unsignedPayload, true); err != nil {
			t.Error(err)
		}
	})
	t.Run("IAM ListUsers", func(t *testing.T) {
		iam := verifierOf(t, exampleIAM, time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC))
		r := request("GET", "iam.amazonaws.com", "/?Action=ListUsers&Version=2010-05-08", map[string]string{
			"Content-Type": "application/x-www-form-urlencoded; charset=utf-8", "X-Amz-Date": "20150830T123600Z",
			"Authorization": authorization("20150830/us-east-1/iam/aws4_request", "content-type;host;x-amz-date",
				"5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"),
		}, nil)
		if _, err := iam.check(r, emptyHash, false); err != nil {
			t.Error(err)
		}
	})
}

// chunkedBody frames the documentation's 66,560 bytes of 'a'.
func chunkedBody(signatures [3]string, trailer string) []byte {
	data := strings.Repeat("a", 66560)
	return []byte("10000;chunk-signature=" + signatures[0] + "\r\n" + data[:65536] + "\r\n400;chunk-signature=" + signatures[1] +
		"\r\n" + data[65536:] + "\r\n0;chunk-signature=" + signatures[2] + "\r\n" + trailer + "\r\n")
}

// published are the requests of "Transferring Payload in Multiple Chunks" and "Including Trailing Headers".
var published = []struct {
	name, mode, signed, seed string
	headers                  map[string]string
	body                     []byte
}{
	{"chunk signatures", streamingSigned,
		"content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class",
		"4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
		map[string]string{"Content-Length": "66824"},
		chunkedBody([3]string{"ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
			"0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
			"b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"}, "")},
	{"chunk signatures and a signed trailer", streamingTrailer,
		"content-encoding;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class;x-amz-trailer",
		"106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e",
		map[string]string{"X-Amz-Trailer": "x-amz-checksum-crc32c"},
		chunkedBody([3]string{"b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
			"1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
			"2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992"},
			"x-amz-checksum-crc32c:sOO8/Q==\r\nx-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n")},
}

// openPublished verifies the i-th published request with another body, and opens its payload.
func openPublished(t testing.TB, v *verifier, i int, body []byte) (*payload, error) {
	t.Helper()
	p := published[i]
	r := request("PUT", "s3.amazonaws.com", "/examplebucket/chunkObject.txt", p.headers, bytes.NewReader(body))
	for name, value := range map[string]string{"X-Amz-Date": "20130524T000000Z", "X-Amz-Storage-Class": "REDUCED_REDUNDANCY",
		"Content-Encoding": "aws-chunked", "X-Amz-Decoded-Content-Length": "66560", "X-Amz-Content-Sha256": p.mode,
		"Authorization": authorization("20130524/us-east-1/s3/aws4_request", p.signed, p.seed)} {
		r.Header.Set(name, value)
	}
	proof, err := v.check(r, p.mode, true)
	if err != nil {
		t.Fatal(err)
	}
	pl, err := newPayload(r, p.mode, proof, Unlimited, false)
	if err == nil && r.Header.Get("Content-Encoding") != "" {
		t.Error("the framing is still in Content-Encoding")
	}
	return pl, err
}

func TestPublishedChunks(t *testing.T) {
	want := strings.Repeat("a", 66560)
	v := verifierOf(t, exampleSecret, time.Date(2013, 5, 24, 0, 0, 0, 0, time.UTC))
	for i, p := range published {
		t.Run(p.name, func(t *testing.T) {
			pl, err := openPublished(t, v, i, p.body)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(pl)
			if err != nil || string(got) != want {
				t.Errorf("got %d bytes, %v", len(got), err)
			}
			if sums := pl.verified(); i == 1 && sums["CRC32C"] != "sOO8/Q==" {
				t.Errorf("the checksums are %v", sums)
			}
		})
		t.Run(p.name+": a changed byte anywhere is refused, and the end is not reached", func(t *testing.T) {
			step := len(p.body)/61 + 1
			if testing.Short() {
				step *= 8
			}
			places := []int{0, 4, 30, 85, 86, 87, len(p.body) - 1, len(p.body) - 2, len(p.body) - 5}
			for at := 1; at < len(p.body); at += step {
				places = append(places, at)
			}
			for _, at := range places {
				body := bytes.Clone(p.body)
				body[at] ^= 1
				pl, err := openPublished(t, v, i, body)
				if err != nil {
					t.Fatal(err)
				}
				got, err := io.ReadAll(pl)
				if err == nil || len(got) >= len(want) {
					t.Errorf("byte %d changed: got %d bytes and %v", at, len(got), err)
				}
			}
		})
		t.Run(p.name+": a cut body is refused", func(t *testing.T) {
			for _, n := range []int{0, 1, 50, 100, 65000, len(p.body) - 200, len(p.body) - 90, len(p.body) - 3} {
				pl, err := openPublished(t, v, i, p.body[:n])
				if err != nil {
					t.Fatal(err)
				}
				if got, err := io.ReadAll(pl); err == nil || len(got) >= len(want) {
					t.Errorf("cut at %d: got %d bytes and %v", n, len(got), err)
				}
			}
		})
	}
	t.Run("chunks in another order are refused", func(t *testing.T) {
		body := published[0].body
		first, second := body[:65536+2+87], body[65536+2+87:]
		swapped := append(bytes.Clone(second[:1024+2+85]), first...)
		pl, err := openPublished(t, v, 0, append(swapped, second[1024+2+85:]...))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(pl); err == nil {
			t.Errorf("got %d bytes", len(got))
		}
	})
}

func TestSessions(t *testing.T) {
	at := time.Date(2013, 5, 24, 0, 5, 0, 0, time.UTC)
	session := access.Key{ID: "ASIAIOSFODNN7EXAMPLE", Secret: "s", Token: "token", Expires: at.Add(time.Hour)}
	v := &verifier{now: func() time.Time { return at }, lookup: func(id, _ string) (access.Key, bool) { return session, id == session.ID }}
	for _, tt := range []struct {
		name, token string
		after       time.Duration
		want        string // S3's code; "" for none
	}{
		{"its token", "token", 0, ""},
		{"no token", "", 0, "InvalidAccessKeyId"},
		{"another token", "tokem", 0, "InvalidToken"},
		{"a longer token", "token1", 0, "InvalidToken"},
		{"its token when the session is over", "token", time.Hour, "ExpiredToken"},
	} {
		t.Run("a session's key with "+tt.name, func(t *testing.T) {
			v.now = func() time.Time { return at.Add(tt.after) }
			got := ""
			if _, err := v.key(&signature{key: session.ID, token: tt.token}); err != nil {
				got = (&Service{Protocol: RestXML}).Explain(err).Code
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
