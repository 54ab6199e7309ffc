package query

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"flowlake/catalog"
	"flowlake/columnar"
	"flowlake/fault"
)

// numberBits are the sizes of Hive's numbers.
var numberBits = map[columnar.Kind]int{columnar.TinyInt: 8, columnar.SmallInt: 16, columnar.Int: 32, columnar.BigInt: 64, columnar.Float: 32, columnar.Double: 64}

var decimalText = regexp.MustCompile(`^[+-]?0*([0-9]*)(\.[0-9]*)?$`)

// checkKeyValue reports whether a partition's value is one of its key's type. Without the check one folder with a
// strange name would fail every query of its table, in words that name neither. Of a timestamp it checks the date.
//
// The error is HIVE_INVALID_PARTITION_VALUE, as Trino words it.
func checkKeyValue(t catalog.Table, key catalog.Column, value string) error {
	if value == catalog.NullValue {
		return nil
	}
	typ, err := columnar.ParseType(key.Type)
	if err != nil {
		return nil // a table whose key's type is not read here is refused where it is read
	}
	hint := ""
	switch typ.Kind {
	case columnar.TinyInt, columnar.SmallInt, columnar.Int, columnar.BigInt:
		_, err = strconv.ParseInt(value, 10, numberBits[typ.Kind])
	case columnar.Float, columnar.Double:
		_, err = strconv.ParseFloat(value, numberBits[typ.Kind])
	case columnar.Decimal:
		digits := decimalText.FindStringSubmatch(value)
		if digits == nil || !strings.ContainsAny(value, "0123456789") || len(digits[1]) > typ.Precision-typ.Scale {
			err = strconv.ErrSyntax
		}
	case columnar.Date:
		_, err = time.Parse("2006-1-2", value)
		hint = ": a date is written 2022-08-29"
	case columnar.Timestamp:
		day, _, _ := strings.Cut(strings.Replace(value, "T", " ", 1), " ")
		_, err = time.Parse("2006-1-2", day)
		hint = ": a timestamp is written 2022-08-29 13:45:00"
	case columnar.Boolean:
		if !strings.EqualFold(value, "true") && !strings.EqualFold(value, "false") {
			err = strconv.ErrSyntax
		}
	}
	if err == nil {
		return nil
	}
	return fault.Newf(fault.Invalid, "HIVE_INVALID_PARTITION_VALUE", "Invalid partition value '%s' for %s partition key %s of table %s.%s%s",
		value, strings.ToUpper(key.Type), key.Name, t.Database, t.Name, hint)
}

// checkKeyValues checks a partition's values, one for each key.
func checkKeyValues(t catalog.Table, values []string) error {
	for i, k := range t.PartitionKeys {
		if err := checkKeyValue(t, k, values[i]); err != nil {
			return err
		}
	}
	return nil
}
