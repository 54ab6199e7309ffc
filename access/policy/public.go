package policy

import "strings"

// Public reports whether the document lets everybody in, as S3 means it: a statement allows to "*" (or to all but some)
// and no condition confines it to fixed values of a key that says where the request comes from.
//
// Source: S3 user guide, "Blocking public access to your Amazon S3 storage", The meaning of "public".
func (d *Document) Public() bool {
	for _, s := range d.statements {
		if !s.allow || !s.notPrincipal && !anybody(s.principals) {
			continue
		}
		confined := false
		for i := range s.conditions {
			confined = confined || s.conditions[i].confines()
		}
		if !confined {
			return true
		}
	}
	return false
}

func anybody(list []named) bool {
	for i := range list {
		if list[i].everybody() {
			return true
		}
	}
	return false
}

// confining are the keys whose fixed values make a statement one that is not public.
var confining = map[string]bool{
	"aws:sourcearn": true, "aws:sourcevpc": true, "aws:sourcevpce": true, "aws:sourceowner": true, "aws:sourceaccount": true,
	"aws:sourceip": true, "aws:principalorgid": true, "aws:principalarn": true, "aws:principalaccount": true, "aws:userid": true,
	"s3:dataaccesspointarn": true, "s3:dataaccesspointaccount": true, "s3:x-amz-server-side-encryption-aws-kms-key-id": true,
}

// confines reports whether the condition holds only for requests with fixed values of a confining key.
func (c *condition) confines() bool {
	if !confining[c.lower] || c.negated || c.ifExists || c.qualifier == forAll {
		return false
	}
	switch c.family {
	case isIP:
		for _, v := range c.values {
			if v.cidr.Addr().IsPrivate() {
				continue
			}
			widest := 8 // of IPv4; wider is the world
			if v.cidr.Addr().Is6() {
				widest = 32
			}
			if v.cidr.Bits() < widest {
				return false
			}
		}
		return true
	case isString, isARN:
		for _, text := range c.written {
			if !c.fixed(text) {
				return false
			}
		}
		return true
	}
	return false
}

// fixed reports whether a value has no wildcard and no variable that a caller could choose.
func (c *condition) fixed(text string) bool {
	switch c.lower {
	case "aws:userid": // everybody who assumes one role
		text = strings.TrimSuffix(text, ":*")
	case "s3:dataaccesspointarn": // any access point of one account
		text = strings.TrimSuffix(text, "/*")
	}
	if strings.Contains(text, "${") {
		return false
	}
	return !strings.ContainsAny(text, "*?") || c.family == isString && !c.like
}
