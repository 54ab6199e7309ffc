package wire

import (
	"cmp"
	"net/http"
	"net/textproto"
	"slices"
	"strings"
)

// pair is one query parameter: decoded for those who read it, encoded as the canonical request has it.
type pair struct {
	name, value       string
	encName, encValue string
}

// parsePairs reads a raw query or a form. It refuses what net/url drops in silence (bad escapes, semicolons),
// so that nothing is signed that handlers do not see, and nothing seen that is not signed. It refuses more than most
// parts, empty ones counted.
func parsePairs(raw string, most int) ([]pair, error) {
	if raw == "" {
		return nil, nil
	}
	if strings.Count(raw, "&") >= most {
		return nil, refuse(authMalformed, "the request has too many parameters")
	}
	pairs := make([]pair, 0, strings.Count(raw, "&")+1)
	for part := range strings.SplitSeq(raw, "&") {
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		n, ok1 := unescape(name)
		v, ok2 := unescape(value)
		if !ok1 || !ok2 || strings.IndexByte(part, ';') >= 0 {
			return nil, refuse(authMalformed, "the query has a part that is not percent-encoded: "+quote(part))
		}
		pairs = append(pairs, pair{name: n, value: v})
	}
	return pairs, nil
}

// Bounds of parameters. net/url takes a query of more than 10,000 parts for an empty one, and handlers read queries
// with it. A form of lists and maps has a parameter for each leaf.
const (
	maxQuery = 1000
	maxForm  = 20000
)

// unescape undoes percent-encoding; '+' is a space, as in every query that clients write.
func unescape(s string) (string, bool) {
	if strings.IndexByte(s, '%') < 0 && strings.IndexByte(s, '+') < 0 {
		return s, true
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '+':
			out = append(out, ' ')
		case '%':
			if i+2 >= len(s) || !isHex(s[i+1]) || !isHex(s[i+2]) {
				return "", false
			}
			out = append(out, unhex(s[i+1])<<4|unhex(s[i+2]))
			i += 2
		default:
			out = append(out, s[i])
		}
	}
	return string(out), true
}

func isHex(c byte) bool { return isLowerHex(c) || 'A' <= c && c <= 'F' }

func unhex(c byte) byte {
	switch {
	case c <= '9':
		return c - '0'
	case c >= 'a':
		return c - 'a' + 10
	}
	return c - 'A' + 10
}

const upperHex = "0123456789ABCDEF"

func isUnreserved(c byte) bool {
	return isLower(c) || isDigit(c) || 'A' <= c && c <= 'Z' || c == '-' || c == '.' || c == '_' || c == '~'
}

// escape percent-encodes everything but RFC 3986's unreserved characters, and '/' where slash says so.
func escape(dst []byte, s string, slash bool) []byte {
	for i := range len(s) {
		c := s[i]
		if isUnreserved(c) || slash && c == '/' {
			dst = append(dst, c)
			continue
		}
		dst = append(dst, '%', upperHex[c>>4], upperHex[c&15])
	}
	return dst
}

// rawPath is the path as it came, before any decoding. It is the parsed URL's, which routes read: a reading of the request
// line of its own may take something else for the path ("http:/a://b/c").
func rawPath(r *http.Request) string {
	if r.URL.RawPath != "" {
		return r.URL.RawPath
	}
	if path := r.URL.EscapedPath(); path != "" { // without a RawPath this is how it came
		return path
	}
	return "/"
}

// tidyPath encodes a raw path once whatever of it the client had encoded: escapes of unreserved characters are
// undone, everything else that is not a slash is escaped. %2F stays apart from a slash.
func tidyPath(dst []byte, raw string) []byte {
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		if c == '%' && i+2 < len(raw) && isHex(raw[i+1]) && isHex(raw[i+2]) {
			c = unhex(raw[i+1])<<4 | unhex(raw[i+2])
			i += 2
			if !isUnreserved(c) {
				dst = append(dst, '%', upperHex[c>>4], upperHex[c&15])
				continue
			}
		}
		if isUnreserved(c) || c == '/' {
			dst = append(dst, c)
			continue
		}
		dst = append(dst, '%', upperHex[c>>4], upperHex[c&15])
	}
	return dst
}

// canonicalQuery writes the query sorted and encoded, without a presigned URL's own signature.
func canonicalQuery(dst []byte, query []pair) []byte {
	if len(query) == 0 {
		return dst
	}
	sorted := make([]pair, 0, len(query))
	for _, p := range query {
		if p.name == "X-Amz-Signature" {
			continue
		}
		p.encName = string(escape(nil, p.name, false))
		p.encValue = string(escape(nil, p.value, false))
		sorted = append(sorted, p)
	}
	slices.SortFunc(sorted, func(a, b pair) int {
		return cmp.Or(cmp.Compare(a.encName, b.encName), cmp.Compare(a.encValue, b.encValue))
	})
	for i, p := range sorted {
		if i > 0 {
			dst = append(dst, '&')
		}
		dst = append(append(append(dst, p.encName...), '='), p.encValue...)
	}
	return dst
}

// canonicalHeaders writes the signed headers, one line each. It refuses a signed header that is not there:
// its canonical line would be that of an empty one.
func canonicalHeaders(dst []byte, r *http.Request, signed []string) ([]byte, error) {
	for _, name := range signed {
		dst = append(append(dst, name...), ':')
		switch name {
		case "host":
			dst = append(dst, r.Host...)
		case "transfer-encoding":
			dst = append(dst, strings.Join(r.TransferEncoding, ",")...)
		default:
			values := r.Header[textproto.CanonicalMIMEHeaderKey(name)]
			if len(values) == 0 && name == "content-length" && r.ContentLength >= 0 {
				dst = appendInt(dst, r.ContentLength)
				break
			}
			if len(values) == 0 {
				return nil, refuse(authMismatch, "The header "+quote(name)+" is signed and not in the request. "+mismatchMessage)
			}
			for i, v := range values {
				if i > 0 {
					dst = append(dst, ',')
				}
				dst = appendTrimmed(dst, v)
			}
		}
		dst = append(dst, '\n')
	}
	return dst, nil
}

// appendTrimmed appends v without blanks around it and with runs of blanks as one.
func appendTrimmed(dst []byte, v string) []byte {
	v = strings.Trim(v, " \t")
	for i := range len(v) {
		if v[i] == ' ' && i > 0 && v[i-1] == ' ' {
			continue
		}
		dst = append(dst, v[i])
	}
	return dst
}

// joinSigned folds signed headers that came in several lines into one, as their canonical form has them:
// the first line alone is not what was signed.
func joinSigned(h http.Header, signed []string) {
	for _, name := range signed {
		key := textproto.CanonicalMIMEHeaderKey(name)
		if values := h[key]; len(values) > 1 {
			h[key] = []string{strings.Join(values, ",")}
		}
	}
}
