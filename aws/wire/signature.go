package wire

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The names that SigV4 gives to things.
const (
	algorithm    = "AWS4-HMAC-SHA256"
	terminator   = "aws4_request"
	stampLayout  = "20060102T150405Z"
	maxSkew      = 15 * time.Minute
	maxPresigned = 7 * 24 * time.Hour
)

// maxSigned bounds the headers that a request may sign; the SDKs sign some ten.
const maxSigned = 100

// signature is what a request says of who signed it, when, and what the signature covers.
// It is parsed, not yet verified.
type signature struct {
	key, day, region, service string   // the credential and its scope
	signed                    []string // header names: lower case, ascending
	value                     string   // 64 lower-case hex digits
	stamp                     string   // the time as it was signed, in stampLayout
	at                        time.Time
	token                     string
	presigned                 bool
	expires                   time.Duration // of a presigned URL, from at
}

// scope is the credential scope as the string to sign has it.
func (s *signature) scope() string {
	return s.day + "/" + s.region + "/" + s.service + "/" + terminator
}

// parseSignature reads the signature of a request from its Authorization header or its query.
// It trusts nothing: every refusal is one that AWS makes too.
func parseSignature(r *http.Request, query []pair) (*signature, error) {
	header := r.Header["Authorization"]
	presigned := has(query, "X-Amz-Signature") || has(query, "X-Amz-Algorithm") || has(query, "X-Amz-Credential")
	v2 := has(query, "AWSAccessKeyId") && has(query, "Signature")
	switch {
	case len(header) > 1 || len(header) == 1 && (presigned || v2):
		return nil, refuse(authTwice, "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter or one Authorization header should be specified")
	case v2 || len(header) == 1 && strings.HasPrefix(header[0], "AWS "):
		return nil, refuse(authUnsupported, "The authorization mechanism you have provided is not supported. Please use "+algorithm+".")
	case len(header) == 1:
		return parseHeader(r, header[0])
	case presigned:
		return parseQuery4(query)
	}
	return nil, refuse(authMissing, "Request is missing Authentication Token")
}

// parseHeader reads "AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…".
func parseHeader(r *http.Request, header string) (*signature, error) {
	name, rest, _ := strings.Cut(header, " ")
	if name != algorithm {
		return nil, refuse(authUnsupported, "Unsupported authorization algorithm "+quote(name)+". Please use "+algorithm+".")
	}
	var sig signature
	var credential, signed string
	for rest != "" {
		var part string
		part, rest, _ = strings.Cut(rest, ",")
		k, v, _ := strings.Cut(strings.TrimSpace(part), "=")
		var into *string
		switch k {
		case "Credential":
			into = &credential
		case "SignedHeaders":
			into = &signed
		case "Signature":
			into = &sig.value
		default:
			return nil, refuse(authMalformed, "Authorization header has an unknown part "+quote(k))
		}
		if *into != "" || v == "" {
			return nil, refuse(authMalformed, "Authorization header requires one '"+k+"' parameter")
		}
		*into = v
	}
	for _, missing := range []struct{ name, value string }{{"Credential", credential}, {"SignedHeaders", signed}, {"Signature", sig.value}} {
		if missing.value == "" {
			return nil, refuse(authMalformed, "Authorization header requires '"+missing.name+"' parameter")
		}
	}
	if err := sig.setCredential(credential); err != nil {
		return nil, err
	}
	if err := sig.setSigned(signed); err != nil {
		return nil, err
	}
	if err := sig.setDate(r.Header); err != nil {
		return nil, err
	}
	tokens := r.Header["X-Amz-Security-Token"]
	if len(tokens) > 1 {
		return nil, refuse(authMalformed, "X-Amz-Security-Token is given more than once")
	}
	if len(tokens) == 1 {
		sig.token = tokens[0]
	}
	return &sig, sig.check()
}

// parseQuery4 reads the signature of a presigned URL.
func parseQuery4(query []pair) (*signature, error) {
	sig := signature{presigned: true}
	var name, credential, signed, expires string
	for _, p := range query {
		var into *string
		switch p.name {
		case "X-Amz-Algorithm":
			into = &name
		case "X-Amz-Credential":
			into = &credential
		case "X-Amz-Date":
			into = &sig.stamp
		case "X-Amz-Expires":
			into = &expires
		case "X-Amz-SignedHeaders":
			into = &signed
		case "X-Amz-Signature":
			into = &sig.value
		case "X-Amz-Security-Token":
			into = &sig.token
		default:
			continue
		}
		if *into != "" || p.value == "" {
			return nil, refuse(authMalformed, "The query parameter "+p.name+" must be given once, with a value")
		}
		*into = p.value
	}
	if name != algorithm {
		return nil, refuse(authMalformed, "X-Amz-Algorithm only supports "+quote(algorithm))
	}
	if credential == "" || signed == "" || sig.value == "" || sig.stamp == "" {
		return nil, refuse(authMalformed, "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date and X-Amz-SignedHeaders parameters")
	}
	if err := sig.setCredential(credential); err != nil {
		return nil, err
	}
	if err := sig.setSigned(signed); err != nil {
		return nil, err
	}
	// Outside S3 the SDKs leave X-Amz-Expires out; the signature is then good for the clock's tolerance.
	sig.expires = maxSkew
	if expires != "" {
		seconds, err := strconv.ParseInt(expires, 10, 64)
		if err != nil || seconds < 1 || seconds > int64(maxPresigned/time.Second) {
			return nil, refuse(authMalformed, "X-Amz-Expires must be a number of seconds from 1 to 604800 (a week)")
		}
		sig.expires = time.Duration(seconds) * time.Second
	}
	var err error
	if sig.at, err = time.Parse(stampLayout, sig.stamp); err != nil {
		return nil, refuse(authMalformed, "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"")
	}
	return &sig, sig.check()
}

// setCredential splits "AKID/20260101/us-east-1/logs/aws4_request".
func (s *signature) setCredential(credential string) error {
	parts := strings.Split(credential, "/")
	if len(parts) != 5 {
		return refuse(authMalformed, "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got "+quote(credential))
	}
	s.key, s.day, s.region, s.service = parts[0], parts[1], parts[2], parts[3]
	switch {
	case s.key == "" || len(s.key) > 128:
		return refuse(authMalformed, "Credential has no access key id")
	case len(s.day) != 8 || !all(s.day, isDigit):
		return refuse(authScope, "Credential date "+quote(s.day)+" is not in the form yyyyMMdd")
	case !ValidRegion(s.region):
		return refuse(authScope, "Credential should be scoped to a valid region, "+quote(s.region)+" is none")
	case s.service == "" || len(s.service) > 64:
		return refuse(authScope, "Credential should be scoped to a service")
	case parts[4] != terminator:
		return refuse(authScope, "Credential should be scoped with a valid terminator: '"+terminator+"'")
	}
	return nil
}

// setSigned splits "host;x-amz-date", which must be lower case, ascending and without repeats.
func (s *signature) setSigned(list string) error {
	if strings.Count(list, ";") >= maxSigned {
		return refuse(authMalformed, "SignedHeaders names too many headers")
	}
	s.signed = strings.Split(list, ";")
	for i, name := range s.signed {
		if name == "" || !all(name, isHeaderByte) {
			return refuse(authMalformed, "SignedHeaders has a name that is no header's in lower case: "+quote(name))
		}
		if i > 0 && s.signed[i-1] >= name {
			return refuse(authMalformed, "SignedHeaders must be in ascending order, each name once")
		}
	}
	return nil
}

// setDate takes the time of a request from X-Amz-Date, or from Date where there is none.
func (s *signature) setDate(h http.Header) error {
	if stamps := h["X-Amz-Date"]; len(stamps) > 0 {
		at, err := time.Parse(stampLayout, stamps[0])
		if err != nil || len(stamps) > 1 {
			return refuse(authNoDate, "Date must be in ISO-8601 'basic format', once, in X-Amz-Date. Got "+quote(strings.Join(stamps, ", ")))
		}
		s.at, s.stamp = at, stamps[0]
		return nil
	}
	dates := h["Date"]
	if len(dates) != 1 {
		return refuse(authNoDate, "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header")
	}
	at, err := http.ParseTime(dates[0])
	if err != nil {
		if at, err = time.Parse(stampLayout, dates[0]); err != nil {
			return refuse(authNoDate, "The Date header "+quote(dates[0])+" is no date")
		}
	}
	if !s.covers("date") {
		return refuse(authUnsignedHeader, "'Date' must be a 'SignedHeader' in the AWS Authorization, as there is no 'X-Amz-Date'")
	}
	s.at, s.stamp = at.UTC(), at.UTC().Format(stampLayout)
	return nil
}

// check holds the parts against each other.
func (s *signature) check() error {
	if len(s.value) != 64 || !all(s.value, isLowerHex) {
		return refuse(authMismatch, mismatchMessage)
	}
	if !strings.HasPrefix(s.stamp, s.day) {
		return refuse(authScope, "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '"+s.day+"' != '"+s.at.Format("20060102")+"'")
	}
	if !s.covers("host") {
		return refuse(authUnsignedHeader, "'Host' must be a 'SignedHeader' in the AWS Authorization")
	}
	return nil
}

// covers reports whether a header, in lower case, is signed.
func (s *signature) covers(name string) bool {
	for _, n := range s.signed {
		if n == name {
			return true
		}
	}
	return false
}

// ValidRegion reports whether name has the form of a region: "us-east-1", "us-gov-west-1".
func ValidRegion(name string) bool {
	if len(name) > 32 {
		return false
	}
	words, number := name, ""
	if i := strings.LastIndexByte(name, '-'); i > 0 {
		words, number = name[:i], name[i+1:]
	}
	if number == "" || len(number) > 2 || !all(number, isDigit) {
		return false
	}
	parts := 0
	for word := range strings.SplitSeq(words, "-") {
		if len(word) < 2 || !all(word, isLower) {
			return false
		}
		parts++
	}
	return parts >= 2
}

func has(query []pair, name string) bool {
	for i := range query {
		if query[i].name == name {
			return true
		}
	}
	return false
}

func all(s string, is func(byte) bool) bool {
	for i := range len(s) {
		if !is(s[i]) {
			return false
		}
	}
	return true
}

func isDigit(c byte) bool    { return '0' <= c && c <= '9' }
func isLower(c byte) bool    { return 'a' <= c && c <= 'z' }
func isLowerHex(c byte) bool { return isDigit(c) || 'a' <= c && c <= 'f' }

// isHeaderByte reports the bytes of RFC 9110's token, without upper case.
func isHeaderByte(c byte) bool {
	return isLower(c) || isDigit(c) || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}

// quote shows a client's text in a message: bounded, and without control characters.
func quote(s string) string {
	const most = 100
	if len(s) > most {
		s = s[:most] + "…"
	}
	return strconv.QuoteToGraphic(s)
}
