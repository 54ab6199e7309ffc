package wire_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// sendRaw sends a signed request with another request line, byte for byte, and returns the answer's status and body.
func sendRaw(t *testing.T, r *http.Request, line string) (int, string) {
	t.Helper()
	conn, err := net.Dial("tcp", r.URL.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	fmt.Fprintf(conn, "%s HTTP/1.1\r\nHost: %s\r\n", line, r.URL.Host)
	for name, values := range r.Header {
		fmt.Fprintf(conn, "%s: %s\r\n", name, values[0])
	}
	if r.ContentLength > 0 {
		fmt.Fprintf(conn, "Content-Length: %d\r\n", r.ContentLength)
	}
	fmt.Fprint(conn, "\r\n")
	if r.Body != nil {
		_, _ = io.Copy(conn, r.Body)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	return response.StatusCode, string(body)
}

// The signature must be one over what the operation sees, however the request line spells it.
func TestRequestLines(t *testing.T) {
	y := serve(t, nil)
	many := strings.Repeat("&", 10_000) // net/url gives up on so many, and then sees no parameter at all
	for _, tt := range []struct {
		name, signed, line string
		want               int
	}{
		{"as it was signed", "/b/k?prefix=a", "GET /b/k?prefix=a", 200},
		{"in absolute form", "/b/k?prefix=a", "GET http://" + y.Listener.Addr().String() + "/b/k?prefix=a", 200},
		{"a scheme without a host, the signed path behind another", "/c", "GET http:/b/secret://x/c", 403},
		{"a scheme without a host, the signed path in the query", "/c", "GET http:/b/secret?://x/c", 403},
		{"an opaque URL", "/c", "GET http:c", 403},
		{"another host in absolute form", "/b/k", "GET http://other/b/k", 403},
		{"a doubled slash", "/b/k", "GET //b/k", 403},
		{"a slash that is escaped", "/b/k", "GET /b%2Fk", 403},
		{"an escape undone twice", "/b/a%20k", "GET /b/a%2520k", 403},
		{"dots", "/b/k", "GET /b/x/../k", 403},
		{"a parameter hidden behind empty ones", "/b?prefix=a", "GET /b?prefix=a" + many, 400},
		{"a parameter with two values", "/b?prefix=a&prefix=b", "GET /b?prefix=b&prefix=a", 400},
		{"a semicolon", "/b?prefix=a", "GET /b?prefix=a;list-type=2", 400},
		{"another method", "/b/k", "PUT /b/k", 403},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := y.sign(t, "s3", "GET", tt.signed, "", nil, time.Now())
			if status, body := sendRaw(t, r, tt.line); status != tt.want {
				t.Errorf("got %d %s, want %d", status, body, tt.want)
			}
		})
	}
}

func TestBodiesOfStrangers(t *testing.T) {
	y := serve(t, nil)
	for name, change := range map[string]func(*http.Request){
		"an unknown key":      func(r *http.Request) { replaceAuthorization(r, y.key.ID, "AKIAQQQQQQQQQQQQQQQQ") },
		"an old signature":    func(*http.Request) {},
		"an unsigned x-amz-…": func(r *http.Request) { r.Header.Set("X-Amz-Meta-A", "1") },
	} {
		t.Run("a body is not read for "+name, func(t *testing.T) {
			at := time.Now()
			if name == "an old signature" {
				at = at.Add(-time.Hour)
			}
			r := y.sign(t, "logs", "POST", "/", "{}", map[string]string{"X-Amz-Target": "Logs_20140328.CreateLogGroup", "Expect": "100-continue"}, at)
			change(r)
			r.Body = io.NopCloser(failing{t})
			if status, code := send(t, r); status < 400 {
				t.Errorf("got %d %s", status, code)
			}
		})
	}
}

func replaceAuthorization(r *http.Request, old, replacement string) {
	r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), old, replacement, 1))
}

func TestLongNames(t *testing.T) {
	y := serve(t, nil)
	long := strings.Repeat("x", 100_000)
	for name, r := range map[string]*http.Request{
		"JSON": y.sign(t, "logs", "POST", "/", `{"`+long+`":1}`, map[string]string{"X-Amz-Target": "Logs_20140328.DescribeLogGroups"}, time.Now()),
		"form": y.sign(t, "sts", "POST", "/", "Action=GetCallerIdentity&Version=2011-06-15&"+long+"=1",
			map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, time.Now()),
	} {
		t.Run(name+": a refusal repeats the beginning of a very long name only", func(t *testing.T) {
			response, err := http.DefaultTransport.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			body, _ := io.ReadAll(response.Body)
			if response.StatusCode < 400 || len(body) > 1000 {
				t.Errorf("got %d with %d bytes", response.StatusCode, len(body))
			}
		})
	}
}

func TestFormsTakeNoSignatureParameters(t *testing.T) {
	y := serve(t, nil)
	r := y.sign(t, "sts", "POST", "/", "Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Odd=1",
		map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, time.Now())
	if status, code := send(t, r); status != 400 {
		t.Errorf("got %d %s", status, code)
	}
}
