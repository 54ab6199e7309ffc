package catalog

import (
	"cmp"
	"math/big"
	"strconv"
	"strings"
	"time"

	"flowlake/columnar"
	"flowlake/fault"
)

// keyType is how a partition key's values compare.
type keyType uint8

const (
	stringKey keyType = iota + 1
	numberKey
	dateKey
	timestampKey
	booleanKey
)

func (k keyType) String() string {
	return [...]string{"", "string", "number", "date", "timestamp", "boolean"}[k]
}

// keyTypeOf returns how values of a Hive type compare.
func keyTypeOf(col Column) (keyType, error) {
	t, err := columnar.ParseType(col.Type)
	if err != nil {
		return 0, fault.Newf(fault.Invalid, "expression", "partition key %s: %w", col.Name, err)
	}
	switch t.Kind {
	case columnar.String, columnar.Varchar, columnar.Char:
		return stringKey, nil
	case columnar.TinyInt, columnar.SmallInt, columnar.Int, columnar.BigInt, columnar.Float, columnar.Double, columnar.Decimal:
		return numberKey, nil
	case columnar.Date:
		return dateKey, nil
	case columnar.Timestamp:
		return timestampKey, nil
	case columnar.Boolean:
		return booleanKey, nil
	}
	return 0, fault.Newf(fault.Invalid, "expression", "partition key %s is of type %s, which cannot be compared", col.Name, col.Type)
}

// literal is a value of one of the key types; the zero value is NULL.
type literal struct {
	kind   keyType
	text   string   // strings
	number *big.Rat // numbers
	at     time.Time
	truth  bool
}

func (v literal) null() bool { return v.kind == 0 }

// compare orders two values of one kind.
func (v literal) compare(w literal) int {
	switch v.kind {
	case stringKey:
		return cmp.Compare(v.text, w.text)
	case numberKey:
		return v.number.Cmp(w.number)
	case booleanKey:
		switch {
		case v.truth == w.truth:
			return 0
		case w.truth:
			return -1
		}
		return 1
	}
	return v.at.Compare(w.at)
}

// read returns the text as a value of the kind; ok is false when it is none.
func (k keyType) read(text string) (v literal, ok bool) {
	switch k {
	case stringKey:
		return literal{kind: k, text: text}, true
	case numberKey:
		n, ok := readNumber(strings.TrimSpace(text))
		if !ok {
			return literal{}, false
		}
		return literal{kind: k, number: n}, true
	case dateKey:
		t, err := time.Parse(time.DateOnly, text)
		if err != nil {
			return literal{}, false
		}
		return literal{kind: k, at: t}, true
	case timestampKey:
		for _, layout := range []string{time.DateTime, "2006-01-02T15:04:05", "2006-01-02T15:04:05Z", "2006-01-02 15:04", time.DateOnly} {
			if t, err := time.Parse(layout, text); err == nil { // Parse takes fractions of seconds by itself
				return literal{kind: k, at: t}, true
			}
		}
	case booleanKey:
		if b, err := strconv.ParseBool(strings.ToLower(text)); err == nil && len(text) > 1 {
			return literal{kind: k, truth: b}, true
		}
	}
	return literal{}, false
}

// readNumber reads a decimal number exactly. The exponent is bounded: big.Rat would write it out.
func readNumber(text string) (*big.Rat, bool) {
	if text == "" || len(text) > 400 {
		return nil, false
	}
	mantissa := text
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		mantissa = text[:i]
		if e, err := strconv.Atoi(text[i+1:]); err != nil || e < -400 || e > 400 {
			return nil, false
		}
	}
	digits := strings.TrimLeft(mantissa, "+-")
	if len(mantissa)-len(digits) > 1 || digits == "" || strings.Trim(digits, "0123456789.") != "" {
		return nil, false
	}
	return new(big.Rat).SetString(text)
}
