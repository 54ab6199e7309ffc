package translate

import (
	"bytes"
	"crypto/sha512"
	"database/sql/driver"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"math/big"
	"math/bits"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Scalars are the functions that an engine registers for the translated SQL and for Prelude. An error that
// one of them returns reads "CODE: message", as Athena has it.
//
// flowlake_raise is the one through which every failure of a query goes that Trino and not DuckDB would have;
// it is not volatile, so that TRY takes it and conditions around it are moved as if it were a cast.
var Scalars = []Scalar{
	text1("flowlake_raise", func(s string) (any, error) { return nil, errors.New(s) }),
	text1("flowlake_reverse_text", func(s string) (any, error) {
		r := []rune(s)
		for i, j := 0, len(r)-1; i < j; i, j = i+1, j-1 {
			r[i], r[j] = r[j], r[i]
		}
		return string(r), nil
	}),
	text2("flowlake_replace_empty", func(s, with string) (any, error) { return strings.ReplaceAll(s, "", with), nil }),
	{"flowlake_levenshtein", []string{"VARCHAR", "VARCHAR"}, "BIGINT", func(a []driver.Value) (any, error) {
		return levenshtein([]rune(a[0].(string)), []rune(a[1].(string))), nil
	}},
	{"flowlake_from_utf8", []string{"BLOB"}, "VARCHAR", func(a []driver.Value) (any, error) {
		return fromUTF8(a[0].([]byte)), nil
	}},
	{"flowlake_from_hex", []string{"VARCHAR"}, "BLOB", func(a []driver.Value) (any, error) {
		b, err := hex.DecodeString(a[0].(string))
		if err != nil {
			return nil, argument("String must be an even number of hexadecimal digits: %q", a[0])
		}
		return b, nil
	}},
	{"flowlake_to_base64url", []string{"BLOB"}, "VARCHAR", func(a []driver.Value) (any, error) {
		return base64.URLEncoding.EncodeToString(a[0].([]byte)), nil
	}},
	{"flowlake_sha512", []string{"BLOB"}, "BLOB", func(a []driver.Value) (any, error) {
		sum := sha512.Sum512(a[0].([]byte))
		return sum[:], nil
	}},
	{"flowlake_crc32", []string{"BLOB"}, "BIGINT", func(a []driver.Value) (any, error) {
		return int64(crc32.ChecksumIEEE(a[0].([]byte))), nil
	}},
	text1("flowlake_url_encode", func(s string) (any, error) {
		// application/x-www-form-urlencoded, which leaves * alone.
		return strings.NewReplacer("%2A", "*", "~", "%7E").Replace(url.QueryEscape(s)), nil
	}),
	text1("flowlake_url_decode", func(s string) (any, error) {
		out, err := url.QueryUnescape(s)
		if err != nil {
			return nil, argument("%v", err)
		}
		return strings.ToValidUTF8(out, "\uFFFD"), nil
	}),
	text2("flowlake_url_part", func(s, part string) (any, error) { return urlPart(s, part), nil }),
	text2("flowlake_url_parameter", func(s, name string) (any, error) { return urlParameter(s, name), nil }),
	{"flowlake_from_base", []string{"VARCHAR", "BIGINT"}, "BIGINT", func(a []driver.Value) (any, error) {
		radix := a[1].(int64)
		if radix < 2 || radix > 36 {
			return nil, argument("Radix must be between 2 and 36")
		}
		n, err := strconv.ParseInt(a[0].(string), int(radix), 64)
		if err != nil {
			return nil, argument("Not a valid base-%d number: %s", radix, a[0])
		}
		return n, nil
	}},
	{"flowlake_to_base", []string{"BIGINT", "BIGINT"}, "VARCHAR", func(a []driver.Value) (any, error) {
		radix := a[1].(int64)
		if radix < 2 || radix > 36 {
			return nil, argument("Radix must be between 2 and 36")
		}
		return strconv.FormatInt(a[0].(int64), int(radix)), nil
	}},
	{"flowlake_cbrt", []string{"DOUBLE"}, "DOUBLE", func(a []driver.Value) (any, error) { return math.Cbrt(a[0].(float64)), nil }},
	text2("flowlake_json_number", func(s, path string) (any, error) { return jsonNumber(s, path), nil }),
	{"flowlake_bit_count", []string{"BIGINT", "BIGINT"}, "BIGINT", func(a []driver.Value) (any, error) {
		return bitCount(a[0].(int64), a[1].(int64))
	}},
	shift("flowlake_shift_left", func(n int64, by uint, mask uint64) int64 { return int64(uint64(n) << by & mask) }),
	shift("flowlake_shift_right", func(n int64, by uint, mask uint64) int64 { return int64(uint64(n) & mask >> by) }),
	shift("flowlake_shift_right_arithmetic", func(n int64, by uint, mask uint64) int64 { return n >> by }),
	{"flowlake_ip", []string{"VARCHAR"}, "BLOB", func(a []driver.Value) (any, error) { return ipBytes(a[0].(string)) }},
	{"flowlake_ip_text", []string{"BLOB"}, "VARCHAR", func(a []driver.Value) (any, error) {
		b := a[0].([]byte)
		if len(b) != 16 {
			return nil, argument("Invalid IP address")
		}
		return netip.AddrFrom16([16]byte(b)).Unmap().String(), nil
	}},
	{"flowlake_cidr_contains", []string{"VARCHAR", "BLOB"}, "BOOLEAN", func(a []driver.Value) (any, error) {
		return cidrContains(a[0].(string), a[1].([]byte))
	}},
	text1("flowlake_json_parse", func(s string) (any, error) { return canonicalJSON(s) }),
	{"flowlake_double_text", []string{"DOUBLE"}, "VARCHAR", func(a []driver.Value) (any, error) {
		return floatText(a[0].(float64), 64), nil
	}},
	{"flowlake_real_text", []string{"DOUBLE"}, "VARCHAR", func(a []driver.Value) (any, error) {
		return floatText(a[0].(float64), 32), nil
	}},
	{"flowlake_fixed_text", []string{"DOUBLE", "BIGINT"}, "VARCHAR", func(a []driver.Value) (any, error) {
		return fixedText(a[0].(float64), int(a[1].(int64))), nil
	}},
	text1("flowlake_group_digits", func(s string) (any, error) { return groupDigits(s), nil }),
	{"flowlake_daytime_text", []string{"BIGINT"}, "VARCHAR", func(a []driver.Value) (any, error) {
		n, sign := a[0].(int64), ""
		u := uint64(n)
		if n < 0 {
			u, sign = -u, "-"
		}
		return fmt.Sprintf("%s%d %02d:%02d:%02d.%03d", sign, u/86400000, u/3600000%24, u/60000%60, u/1000%60, u%1000), nil
	}},
	{"flowlake_yearmonth_text", []string{"INTEGER"}, "VARCHAR", func(a []driver.Value) (any, error) {
		n, sign := int64(a[0].(int32)), ""
		if n < 0 {
			n, sign = -n, "-"
		}
		return fmt.Sprintf("%s%d-%d", sign, n/12, n%12), nil
	}},
}

func argument(format string, args ...any) error {
	return fmt.Errorf(invalidFunction+": "+format, args...)
}

func text1(name string, f func(string) (any, error)) Scalar {
	return Scalar{name, []string{"VARCHAR"}, "VARCHAR", func(a []driver.Value) (any, error) { return f(a[0].(string)) }}
}

func text2(name string, f func(a, b string) (any, error)) Scalar {
	return Scalar{name, []string{"VARCHAR", "VARCHAR"}, "VARCHAR", func(a []driver.Value) (any, error) {
		return f(a[0].(string), a[1].(string))
	}}
}

func levenshtein(a, b []rune) int64 {
	line := make([]int64, len(b)+1)
	for j := range line {
		line[j] = int64(j)
	}
	for i, x := range a {
		corner := line[0]
		line[0] = int64(i + 1)
		for j, y := range b {
			next := min(line[j+1], line[j]) + 1
			if x == y {
				next = min(next, corner)
			} else {
				next = min(next, corner+1)
			}
			corner, line[j+1] = line[j+1], next
		}
	}
	return line[len(b)]
}

// fromUTF8 puts U+FFFD in the place of each byte that is not UTF-8.
func fromUTF8(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	var out strings.Builder
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		out.WriteRune(r)
		b = b[n:]
	}
	return out.String()
}

// uriForm splits a URI as RFC 3986, appendix B, does.
var uriForm = regexp.MustCompile(`^(?:([A-Za-z][A-Za-z0-9+.-]*):)?(?://([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?$`)

// urlPart is NULL for what is not a URI, and "" for a part that is not there (NULL for a port).
func urlPart(s, part string) any {
	m := uriForm.FindStringSubmatch(s)
	if m == nil || strings.ContainsAny(s, " \"<>\\^`{|}\x00\t\r\n") {
		return nil
	}
	if strings.HasPrefix(m[2], "[") && !strings.Contains(m[2], "]") {
		return nil
	}
	host, port := m[2], ""
	if i := strings.LastIndexByte(host, '@'); i >= 0 {
		host = host[i+1:]
	}
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		host, port = host[:i], host[i+1:]
	}
	decode := func(s string) any {
		out, err := url.PathUnescape(s)
		if err != nil {
			return nil
		}
		return out
	}
	switch part {
	case "protocol":
		return m[1]
	case "host":
		return host
	case "path":
		return decode(m[3])
	case "query":
		return decode(m[4])
	case "fragment":
		return decode(m[5])
	}
	if n, err := strconv.ParseUint(port, 10, 31); err == nil {
		return strconv.FormatUint(n, 10)
	}
	return nil
}

func urlParameter(s, name string) any {
	m := uriForm.FindStringSubmatch(s)
	if m == nil || m[4] == "" {
		return nil
	}
	for _, pair := range strings.Split(m[4], "&") {
		k, v, _ := strings.Cut(pair, "=")
		if key, err := url.QueryUnescape(k); err == nil && key == name {
			if value, err := url.QueryUnescape(v); err == nil {
				return value
			}
			return nil
		}
	}
	return nil
}

func bitCount(n, width int64) (any, error) {
	if width < 2 || width > 64 {
		return nil, argument("Bits specified in bit_count must be between 2 and 64, got %d", width)
	}
	low, high := int64(-1)<<(width-1), int64(1)<<(width-1)-1
	if width == 64 {
		return int64(bits.OnesCount64(uint64(n))), nil
	}
	if n < low || n > high {
		return nil, argument("Number must be representable with the bits specified. %d cannot be represented with %d bits", n, width)
	}
	return int64(bits.OnesCount64(uint64(n) & (1<<width - 1))), nil
}

func shift(name string, f func(n int64, by uint, mask uint64) int64) Scalar {
	return Scalar{name, []string{"BIGINT", "BIGINT", "BIGINT"}, "BIGINT", func(a []driver.Value) (any, error) {
		n, by, width := a[0].(int64), a[1].(int64), a[2].(int64)
		if by < 0 {
			return nil, argument("Shift must be positive")
		}
		if by >= width {
			if n < 0 && strings.HasSuffix(name, "arithmetic") {
				return int64(-1), nil
			}
			return int64(0), nil
		}
		mask := ^uint64(0) >> (64 - width)
		out := f(n, uint(by), mask)
		return out << (64 - width) >> (64 - width), nil // the sign of the narrow type
	}}
}

func ipBytes(s string) (any, error) {
	a, err := netip.ParseAddr(s)
	if err != nil || a.Zone() != "" {
		return nil, fmt.Errorf("%s: Cannot cast value to IPADDRESS: %s", invalidCast, s)
	}
	b := a.As16()
	return b[:], nil
}

func cidrContains(cidr string, ip []byte) (any, error) {
	p, err := netip.ParsePrefix(cidr)
	if err != nil || len(ip) != 16 {
		return nil, argument("Invalid CIDR")
	}
	a := netip.AddrFrom16([16]byte(ip)).Unmap()
	return p.Contains(a), nil
}

// canonicalJSON is what json_parse keeps of a text: no blanks, keys in order, the last of equal keys.
func canonicalJSON(s string) (any, error) {
	d := json.NewDecoder(strings.NewReader(s))
	d.UseNumber()
	var v any
	bad := func() (any, error) { return nil, argument("Cannot convert value to JSON: '%s'", s) }
	if err := d.Decode(&v); err != nil {
		return bad()
	}
	if d.More() {
		return bad()
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(javaNumbers(v)); err != nil {
		return bad()
	}
	return strings.TrimSuffix(b.String(), "\n"), nil
}

// javaNumbers respells the fractions in a JSON value as Java prints a double.
func javaNumbers(v any) any {
	switch x := v.(type) {
	case json.Number:
		if strings.ContainsAny(x.String(), ".eE") {
			if f, err := x.Float64(); err == nil {
				return json.Number(javaDouble(f))
			}
		}
	case []any:
		for i := range x {
			x[i] = javaNumbers(x[i])
		}
	case map[string]any:
		for k := range x {
			x[k] = javaNumbers(x[k])
		}
	}
	return v
}

// javaDouble is Java's Double.toString of a finite number.
func javaDouble(f float64) string {
	if a := math.Abs(f); a != 0 && (a < 1e-3 || a >= 1e7) {
		return floatText(f, 64)
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

// jsonNumber is the text of the number that a path in duckPath's form leads to, as the source spells it.
func jsonNumber(s, path string) any {
	d := json.NewDecoder(strings.NewReader(s))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return nil
	}
	for rest := path[1:]; rest != ""; {
		if rest[0] == '[' {
			end := strings.IndexByte(rest, ']')
			i, err := strconv.Atoi(rest[1:end])
			list, ok := v.([]any)
			if err != nil || !ok || i >= len(list) {
				return nil
			}
			v, rest = list[i], rest[end+1:]
			continue
		}
		end := 2 + strings.IndexByte(rest[2:], '"')
		members, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v, rest = members[rest[2:end]], rest[end+1:]
	}
	if n, ok := v.(json.Number); ok {
		return n.String()
	}
	return nil
}

// floatText spells a double or real as Trino's cast to varchar does: 1.5E0, -2.0E-3, 0E0, NaN.
func floatText(f float64, size int) string {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	case f == 0 && math.Signbit(f):
		return "-0E0"
	case f == 0:
		return "0E0"
	}
	mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(f, 'e', -1, size), "e")
	if !strings.Contains(mantissa, ".") {
		mantissa += ".0"
	}
	n, _ := strconv.Atoi(exponent)
	return mantissa + "E" + strconv.Itoa(n)
}

// fixedText is Java's %.nf: the shortest decimal that stands for the number, rounded half up.
func fixedText(f float64, digits int) string {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	}
	r, _ := new(big.Rat).SetString(strconv.FormatFloat(f, 'e', -1, 64))
	out := r.FloatString(digits) // rounds halves away from zero
	if math.Signbit(f) && !strings.HasPrefix(out, "-") {
		out = "-" + out
	}
	return out
}

// groupDigits puts commas between the thousands of a number's text.
func groupDigits(s string) string {
	sign := ""
	if strings.HasPrefix(s, "-") {
		sign, s = "-", s[1:]
	}
	whole, fraction, dot := strings.Cut(s, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if dot {
		whole += "." + fraction
	}
	return sign + whole
}
