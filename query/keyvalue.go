package query

import (
	"strconv"
	"strings"
	"time"

	"flowlake/catalog"
	"flowlake/fault"
)

// integerBits are the sizes of Hive's integers.
var integerBits = map[string]int{"tinyint": 8, "smallint": 16, "int": 32, "integer": 32, "bigint": 64}

// checkKeyValue reports whether a partition's value is one of its key's type. Without the check one folder with a
// strange name would fail every query of its table, in words that name neither.
//
// The error is HIVE_INVALID_PARTITION_VALUE, as Trino words it.
func checkKeyValue(t catalog.Table, key catalog.Column, value string) error {
	if value == catalog.NullValue {
		return nil
	}
	var err error
	hint := ""
	switch bits, integer := integerBits[key.Type]; {
	case integer:
		_, err = strconv.ParseInt(value, 10, bits)
	case key.Type == "date":
		_, err = time.Parse("2006-1-2", value)
		hint = ": a date is written 2022-08-29"
	case key.Type == "boolean":
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
