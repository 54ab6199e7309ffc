package columnar

import (
	"math"
	"math/big"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestIntegersParseAsStrconvDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(rapid.StringMatching(`[+-]?[0-9]{1,20}`), rapid.StringMatching(`[-+0-9. x]{0,6}`),
			rapid.Map(rapid.Int64(), func(n int64) string { return strconv.FormatInt(n, 10) })).Draw(t, "text")
		want, err := strconv.ParseInt(s, 10, 64)
		got, ok := parseInt([]byte(s), math.MinInt64, math.MaxInt64)
		if ok != (err == nil) || ok && got != want {
			t.Fatalf("parseInt(%q) = %d, %v; strconv says %d, %v", s, got, ok, want, err)
		}
	})
}

func TestDecimalsRoundAsBigRationalsDo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		precision := rapid.IntRange(1, 38).Draw(t, "precision")
		scale := rapid.IntRange(0, precision).Draw(t, "scale")
		s := rapid.StringMatching(`[+-]?[0-9]{1,24}(\.[0-9]{0,24})?(e-?[0-9]{1})?`).Draw(t, "text")
		exact, ok := new(big.Rat).SetString(strings.TrimPrefix(strings.Replace(s+"|", ".|", "|", 1), "+")[:len(strings.TrimPrefix(strings.Replace(s+"|", ".|", "|", 1), "+"))-1])
		if !ok {
			return
		}
		// Half up, away from zero, as Java's HALF_UP.
		unscaled := new(big.Rat).Mul(exact, new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil)))
		magnitude := new(big.Rat).Add(new(big.Rat).Abs(unscaled), big.NewRat(1, 2))
		want := new(big.Int).Quo(magnitude.Num(), magnitude.Denom())
		fits := want.Cmp(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(precision)), nil)) < 0
		if exact.Sign() < 0 {
			want.Neg(want)
		}
		got, ok := parseDecimal([]byte(s), precision, scale)
		if ok != fits || ok && got.BigInt().Cmp(want) != 0 {
			t.Fatalf("parseDecimal(%q, %d, %d) = %v, %v; want %v, %v", s, precision, scale, got.BigInt(), ok, want, fits)
		}
	})
}

func TestTimestampsParseAsTheyPrint(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := time.UnixMilli(rapid.Int64Range(-62135596800000, 253402300799999).Draw(t, "millis")).UTC()
		for _, layout := range []string{"2006-01-02 15:04:05.000", "2006-01-02T15:04:05.000"} {
			if got, ok := parseTimestamp([]byte(at.Format(layout)), false); !ok || got != at.UnixMicro() {
				t.Fatalf("%s reads as %d, %v; want %d", at.Format(layout), got, ok, at.UnixMicro())
			}
		}
		zone := time.FixedZone("", rapid.IntRange(-18*60+1, 18*60-1).Draw(t, "minutes")*60)
		if got, ok := parseTimestamp([]byte(at.In(zone).Format("2006-01-02T15:04:05.000Z07:00")), true); !ok || got != at.UnixMicro() {
			if y := at.In(zone).Year(); y >= 1 && y <= 9999 {
				t.Fatalf("%s reads as %d, %v; want %d", at.In(zone), got, ok, at.UnixMicro())
			}
		}
		if got, ok := parseDate([]byte(at.Format("2006-01-02"))); !ok || int64(got) != at.Truncate(24*time.Hour).Unix()/86400 {
			t.Fatalf("%s reads as day %d, %v", at.Format("2006-01-02"), got, ok)
		}
	})
}

func TestValuesThatAreNone(t *testing.T) {
	for _, s := range []string{"", "-", "+", "1 ", "١", "1_000", "0x10", "99999999999999999999"} {
		if v, ok := parseInt([]byte(s), math.MinInt64, math.MaxInt64); ok {
			t.Errorf("parseInt(%q) = %d", s, v)
		}
	}
	for _, s := range []string{"", "-", "x", "0x1p3", "1_0", "inf", "nan", "1e", "--1"} {
		if v, ok := parseFloat([]byte(s), 64); ok {
			t.Errorf("parseFloat(%q) = %g", s, v)
		}
	}
	for _, s := range []string{"", "2022", "2022-13-01", "2022-02-29", "2022-1-1x", "22-01-01", "2022/01/01", "2022-01-0"} {
		if v, ok := parseDate([]byte(s)); ok {
			t.Errorf("parseDate(%q) = %d", s, v)
		}
	}
	for _, s := range []string{"", "2022-01-01 24:00:00", "2022-01-01 00:60:00", "2022-01-01 00:00:61", "2022-01-01 00:00:00.", "2022-01-01 00:00:00.0000000001", "2022-01-01 00:00:00Z", "2022-01-01 00:00"} {
		if v, ok := parseTimestamp([]byte(s), false); ok {
			t.Errorf("parseTimestamp(%q) = %d", s, v)
		}
	}
	for _, s := range []string{"", ".", "-", "e5", "1e", "1e999", "1.2.3", "1x", strings.Repeat("9", 100)} {
		if v, ok := parseDecimal([]byte(s), 38, 10); ok {
			t.Errorf("parseDecimal(%q) = %v", s, v)
		}
	}
}
