package wire

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"flowlake/access"
)

const mismatchMessage = "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."

// verifier holds requests against the keys.
type verifier struct {
	lookup func(id, token string) (access.Key, bool)
	now    func() time.Time

	mu      sync.RWMutex
	derived map[derivation][sha256.Size]byte // guarded by mu; dropped whole when full
}

// derivation is what a signing key is made of.
type derivation struct{ secret, day, region, service string }

// maxDerived bounds the cache of signing keys: one a key, day, region and service.
const maxDerived = 4096

// proof is a signature, verified once verify says so, with what verifies the chunks of a body that is signed in pieces.
type proof struct {
	*signature
	caller     access.Caller
	signingKey [sha256.Size]byte
}

// identify finds who a parsed signature claims to be of, and refuses what can be refused without the body. Nothing
// is proven before proof.verify.
func (v *verifier) identify(r *http.Request, sig *signature, s3 bool) (*proof, error) {
	if err := v.checkClock(sig, s3); err != nil {
		return nil, err
	}
	key, err := v.key(sig)
	if err != nil {
		return nil, err
	}
	if err := headersSigned(r.Header, sig); err != nil {
		return nil, err
	}
	p := &proof{signature: sig, caller: key.Caller.In(sig.region)}
	p.caller.AccessKey = key.ID
	p.signingKey = v.derive(derivation{key.Secret, sig.day, sig.region, sig.service})
	return p, nil
}

// verify checks the signature against the request. payload is the canonical request's last line.
// once says that the service encodes its paths once (S3); others do it twice.
func (p *proof) verify(r *http.Request, query []pair, payload string, once bool) error {
	raw := rawPath(r)
	if once {
		ok, err := p.matches(r, query, raw, payload)
		if err != nil || ok {
			return err
		}
		// Clients differ in which characters they send bare; the signed form is the encoded one.
		if tidy := string(tidyPath(nil, raw)); tidy != raw {
			ok, err = p.matches(r, query, tidy, payload)
		}
		if err != nil || ok {
			return err
		}
		return refuse(authMismatch, mismatchMessage)
	}
	ok, err := p.matches(r, query, string(escape(nil, raw, true)), payload)
	if err == nil && !ok {
		return refuse(authMismatch, mismatchMessage)
	}
	return err
}

// matches computes the signature of the request with that canonical path and compares it in constant time.
func (p *proof) matches(r *http.Request, query []pair, path, payload string) (bool, error) {
	buf := make([]byte, 0, 1024)
	buf = append(append(buf, r.Method...), '\n')
	buf = append(append(buf, path...), '\n')
	buf = append(canonicalQuery(buf, query), '\n')
	buf, err := canonicalHeaders(buf, r, p.signed)
	if err != nil {
		return false, err
	}
	buf = append(buf, '\n')
	for i, name := range p.signed {
		if i > 0 {
			buf = append(buf, ';')
		}
		buf = append(buf, name...)
	}
	buf = append(append(buf, '\n'), payload...)
	sum := sha256.Sum256(buf)

	buf = append(buf[:0], algorithm+"\n"...)
	buf = append(append(buf, p.stamp...), '\n')
	buf = append(append(buf, p.scope()...), '\n')
	buf = hex.AppendEncode(buf, sum[:])
	return p.signs(buf, p.value), nil
}

// signs reports whether value is the signature of text.
func (p *proof) signs(text []byte, value string) bool {
	mac := mac(p.signingKey[:], text)
	var want [2 * sha256.Size]byte
	hex.Encode(want[:], mac[:])
	return subtle.ConstantTimeCompare(want[:], []byte(value)) == 1
}

// checkClock holds the request's time against ours.
func (v *verifier) checkClock(sig *signature, s3 bool) error {
	now := v.now().UTC()
	early := sig.at.Sub(now) > maxSkew
	if sig.presigned {
		switch end := sig.at.Add(sig.expires); {
		case early:
			return refuse(authExpired, "Request is not valid yet")
		case now.After(end):
			return refuse(authExpired, "Request has expired: it ended at "+end.Format(time.RFC3339)+" and now is "+now.Format(time.RFC3339))
		}
		return nil
	}
	late := now.Sub(sig.at) > maxSkew
	switch {
	case s3 && (early || late):
		return refuse(authSkewed, "The difference between the request time and the current time is too large. Request time "+sig.at.Format(time.RFC3339)+", server time "+now.Format(time.RFC3339))
	case late:
		return refuse(authSkewed, "Signature expired: "+sig.stamp+" is now earlier than "+now.Add(-maxSkew).Format(stampLayout)+" ("+now.Format(stampLayout)+" - 15 min.)")
	case early:
		return refuse(authSkewed, "Signature not yet current: "+sig.stamp+" is still later than "+now.Add(maxSkew).Format(stampLayout)+" ("+now.Format(stampLayout)+" + 15 min.)")
	}
	return nil
}

// key finds the access key, and holds the session token against it.
func (v *verifier) key(sig *signature) (access.Key, error) {
	key, ok := v.lookup(sig.key, sig.token)
	switch {
	case !ok && sig.token != "" && strings.HasPrefix(sig.key, "AKIA"): // whether the key is there is not told
		return key, refuse(authBadToken, "The security token included in the request is invalid: a long-term access key comes without one (unset AWS_SESSION_TOKEN)")
	case !ok, key.Inactive: // which of them it is, is for the audit log: nothing is proven yet
		return key, refuse(authUnknownKey, "The security token included in the request is invalid: flowlake knows no active access key "+quote(sig.key))
	case key.Token == "" && sig.token != "":
		return key, refuse(authBadToken, "The security token included in the request is invalid: the access key belongs to no session (unset AWS_SESSION_TOKEN)")
	case key.Token != "" && sig.token == "":
		return key, refuse(authUnknownKey, "The security token included in the request is invalid: the access key belongs to a session, and X-Amz-Security-Token is missing")
	case subtle.ConstantTimeCompare([]byte(key.Token), []byte(sig.token)) != 1:
		return key, refuse(authBadToken, "The security token included in the request is invalid")
	case !key.Expires.IsZero() && !v.now().Before(key.Expires):
		return key, refuse(authExpiredToken, "The security token included in the request is expired")
	}
	return key, nil
}

// headersSigned refuses a request with an x-amz-* header that its signature does not cover.
func headersSigned(h http.Header, sig *signature) error {
	for name := range h {
		if !strings.HasPrefix(name, "X-Amz-") {
			continue
		}
		if lower := strings.ToLower(name); !sig.covers(lower) {
			return refuse(authUnsignedHeader, "There were headers present in the request which were not signed: "+quote(lower))
		}
	}
	return nil
}

// derive returns the signing key of a day, region and service, from the cache where it can.
func (v *verifier) derive(d derivation) [sha256.Size]byte {
	v.mu.RLock()
	key, ok := v.derived[d]
	v.mu.RUnlock()
	if ok {
		return key
	}
	day := mac([]byte("AWS4"+d.secret), []byte(d.day))
	region := mac(day[:], []byte(d.region))
	service := mac(region[:], []byte(d.service))
	key = mac(service[:], []byte(terminator))
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.derived == nil || len(v.derived) >= maxDerived {
		v.derived = make(map[derivation][sha256.Size]byte)
	}
	v.derived[d] = key
	return key
}

func mac(key, text []byte) (sum [sha256.Size]byte) {
	h := hmac.New(sha256.New, key)
	h.Write(text)
	h.Sum(sum[:0])
	return sum
}

func appendInt(dst []byte, n int64) []byte { return strconv.AppendInt(dst, n, 10) }
