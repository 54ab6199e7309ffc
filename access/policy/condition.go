package policy

import (
	"bytes"
	"encoding/base64"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// scope is one question while it is decided.
type scope struct {
	request  *Request
	resource arn
	marks    marks // of the resource
	bounded  bool  // the principal has a boundary
	known    [places]known
}

// family is what an operator compares.
type family uint8

const (
	isString family = iota // also with wildcards and without case
	isARN
	isNumber
	isDate
	isBool
	isBinary
	isIP
	isNull
)

// comparison is how an ordered value is compared.
type comparison uint8

const (
	equal comparison = iota
	less
	lessOrEqual
	greater
	greaterOrEqual
)

// operator is one of the condition operators, without its qualifiers.
//
// Source: IAM user guide, "IAM JSON policy elements: Condition operators".
type operator struct {
	family  family
	compare comparison
	negated bool
	like    bool // a String operator with wildcards
	fold    bool // a String operator that ignores case
}

var operators = map[string]operator{
	"StringEquals":              {},
	"StringNotEquals":           {negated: true},
	"StringEqualsIgnoreCase":    {fold: true},
	"StringNotEqualsIgnoreCase": {fold: true, negated: true},
	"StringLike":                {like: true},
	"StringNotLike":             {like: true, negated: true},
	"ArnEquals":                 {family: isARN},
	"ArnLike":                   {family: isARN},
	"ArnNotEquals":              {family: isARN, negated: true},
	"ArnNotLike":                {family: isARN, negated: true},
	"NumericEquals":             {family: isNumber},
	"NumericNotEquals":          {family: isNumber, negated: true},
	"NumericLessThan":           {family: isNumber, compare: less},
	"NumericLessThanEquals":     {family: isNumber, compare: lessOrEqual},
	"NumericGreaterThan":        {family: isNumber, compare: greater},
	"NumericGreaterThanEquals":  {family: isNumber, compare: greaterOrEqual},
	"DateEquals":                {family: isDate},
	"DateNotEquals":             {family: isDate, negated: true},
	"DateLessThan":              {family: isDate, compare: less},
	"DateLessThanEquals":        {family: isDate, compare: lessOrEqual},
	"DateGreaterThan":           {family: isDate, compare: greater},
	"DateGreaterThanEquals":     {family: isDate, compare: greaterOrEqual},
	"Bool":                      {family: isBool},
	"BinaryEquals":              {family: isBinary},
	"IpAddress":                 {family: isIP},
	"NotIpAddress":              {family: isIP, negated: true},
	"Null":                      {family: isNull},
}

// qualifier says how several values of one key count.
type qualifier uint8

const (
	noQualifier qualifier = iota
	forAll                // ForAllValues: each of the request's values must hold; none of them do
	forAny                // ForAnyValue: one of them must
)

// condition is one operator with one key and its values, any of which may match.
type condition struct {
	operator
	name      string // as it was written, with its qualifiers
	key       string // as it was written
	lower     string
	qualifier qualifier
	ifExists  bool
	vars      bool     // one of its values has a variable
	written   []string // the values, as they were written
	values    []operand
}

// operand is a value of a condition, ready to be compared.
type operand struct {
	text   pattern
	arn    *arnPattern
	number float64 // also a date, in seconds since 1970
	truth  bool
	bytes  []byte
	cidr   netip.Prefix
}

// compileOperand reads a value of an operator's family; what says what it should be, when it is not.
func compileOperand(op operator, text string, variables bool) (v operand, what string) {
	ok := true
	switch op.family {
	case isString:
		if op.like {
			v.text = compilePattern(glob(nil, text, variables))
		} else {
			v.text = compilePattern(words(nil, text, variables))
		}
	case isARN:
		p := compileARN(text, variables)
		v.arn = &p
	case isNumber:
		v.number, ok = parseNumber(text)
		what = "a number"
	case isDate:
		v.number, ok = parseDate(text)
		what = "a date such as 2026-01-31T23:59:59Z, or seconds since 1970"
	case isBool, isNull:
		v.truth = strings.EqualFold(text, "true")
		ok = v.truth || strings.EqualFold(text, "false")
		what = "true or false"
	case isBinary:
		var err error
		v.bytes, err = base64.StdEncoding.DecodeString(text)
		ok = err == nil
		what = "base64"
	case isIP:
		v.cidr, ok = parseCIDR(text)
		what = "an IP address or a range of them such as 203.0.113.0/24"
	}
	if ok {
		what = ""
	}
	return v, what
}

func parseNumber(text string) (float64, bool) {
	for _, c := range []byte(text) { // no Inf, NaN, 0x1p-2 or 1_000
		if (c < '0' || c > '9') && strings.IndexByte("+-.eE", c) < 0 {
			return 0, false
		}
	}
	n, err := strconv.ParseFloat(text, 64)
	return n, err == nil && !math.IsInf(n, 0)
}

// dateForms are the W3C profile of ISO 8601 that AWS accepts. Go reads fractions of a second without being told.
var dateForms = [...]string{time.RFC3339, "2006-01-02T15:04:05Z0700", "2006-01-02T15:04Z07:00", "2006-01-02", "2006-01", "2006"}

func parseDate(text string) (float64, bool) {
	for _, form := range dateForms {
		if t, err := time.Parse(form, text); err == nil {
			return float64(t.UnixMicro()) / 1e6, true
		}
	}
	return parseNumber(text)
}

// parseRequestDate reads a date of a request, which is nearly always RFC 3339.
func parseRequestDate(text string) (float64, bool) {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return float64(t.UnixMicro()) / 1e6, true
	}
	if n, ok := parseNumber(text); ok && len(text) != len("2006") { // four digits are a year, here and in policies
		return n, true
	}
	return parseDate(text)
}

func parseCIDR(text string) (netip.Prefix, bool) {
	if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), true
	}
	p, err := netip.ParsePrefix(text)
	return p, err == nil
}

// holds reports whether the condition is met. A key that is not there meets a negated operator and no other, but
// for IfExists, ForAllValues and Null.
func (c *condition) holds(s *scope) bool {
	k := s.look(c.lower)
	there := len(k.values) > 0
	if c.family == isNull {
		for i := range c.values {
			if c.values[i].truth == !there {
				return true
			}
		}
		return false
	}
	if !there {
		return c.ifExists || c.qualifier == forAll || c.negated && c.qualifier == noQualifier
	}
	all := c.qualifier == forAll || c.negated && c.qualifier == noQualifier
	// A variable in a value may push k out of its place: what stays is a copy.
	here := k
	if c.vars {
		own := *k
		here = &own
	}
	for i := range here.values {
		// One value holds when it matches one of the policy's or, negated, none.
		if (c.matches(here, i, s) != c.negated) != all {
			return !all
		}
	}
	return all
}

// matches reports whether the i-th value of the request matches one of the policy's. A value that is none of the
// operator's family matches nothing.
func (c *condition) matches(k *known, i int, s *scope) bool {
	value := k.values[i]
	var number float64
	var address netip.Addr
	var name arn
	ok := true
	switch c.family {
	case isARN:
		name = cutARN(value)
	case isNumber:
		number, ok = k.numberOf(i)
	case isDate:
		number, ok = k.dateOf(i)
	case isBool:
		ok = strings.EqualFold(value, "true") || strings.EqualFold(value, "false")
	case isIP:
		address, ok = k.addressOf(i)
	}
	if !ok {
		return false
	}
	for j := range c.values {
		v := &c.values[j]
		switch c.family {
		case isString:
			ok = c.matchesText(&v.text, value, s)
		case isARN:
			ok = v.arn.match(&name, s)
		case isNumber, isDate:
			ok = c.compares(number, v.number)
		case isBool:
			ok = v.truth == strings.EqualFold(value, "true")
		case isBinary:
			got, err := base64.StdEncoding.DecodeString(value)
			ok = err == nil && bytes.Equal(got, v.bytes)
		case isIP:
			ok = v.cidr.Contains(address)
		}
		if ok {
			return true
		}
	}
	return false
}

func (c *condition) matchesText(p *pattern, value string, s *scope) bool {
	if !c.fold {
		return p.match(value, s)
	}
	if p.exact {
		return strings.EqualFold(p.text, value)
	}
	var room [16]token
	tokens, ok := expand(room[:0], p.tokens, s)
	if !ok {
		return false
	}
	for i := range tokens { // literals alone: IgnoreCase has no wildcards
		text := tokens[i].text
		if len(value) < len(text) || !strings.EqualFold(value[:len(text)], text) {
			return false
		}
		value = value[len(text):]
	}
	return value == ""
}

func (c *condition) compares(got, want float64) bool {
	switch c.compare {
	case less:
		return got < want
	case lessOrEqual:
		return got <= want
	case greater:
		return got > want
	case greaterOrEqual:
		return got >= want
	}
	return got == want
}
