package query

import (
	"strings"
	"testing"

	"flowlake/catalog"
)

func TestPartitionValuesHaveTheirKeysTypes(t *testing.T) {
	table := catalog.Table{Database: "db", Name: "t"}
	for _, row := range []struct {
		kind, value string
		ok          bool
	}{
		{"string", "anything / at all", true}, {"string", "", true},
		{"int", "01", true}, {"int", "-5", true}, {"int", "zz", false}, {"int", "", false}, {"int", "2147483648", false},
		{"bigint", "2147483648", true}, {"tinyint", "128", false},
		{"date", "2022-08-29", true}, {"date", "2022-8-9", true}, {"date", "2022/08/29", false}, {"date", "garbage", false}, {"date", "2022-02-30", false},
		{"boolean", "True", true}, {"boolean", "1", false},
		{"double", "1e3", true}, {"double", "NaN", true}, {"float", "zz", false}, {"double", "", false},
		{"decimal(5,2)", "-001.5", true}, {"decimal(5,2)", "1.239", true}, {"decimal(2,2)", ".5", true}, {"decimal(5,2)", "1234", false},
		{"decimal(5,2)", "zz", false}, {"decimal(5,2)", ".", false}, {"decimal(5,2)", "", false},
		{"timestamp", "2022-08-29 13:45:00.5", true}, {"timestamp", "2022-08-29", true}, {"timestamp", "2022-08-29T13:45:00", true}, {"timestamp", "zz", false},
		{"int", catalog.NullValue, true}, {"date", catalog.NullValue, true},
	} {
		err := checkKeyValue(table, catalog.Column{Name: "k", Type: row.kind}, row.value)
		if (err == nil) != row.ok {
			t.Errorf("%s %q: got %v", row.kind, row.value, err)
		}
		if err != nil && !strings.HasPrefix(err.Error(), "HIVE_INVALID_PARTITION_VALUE: Invalid partition value '"+row.value+"' for ") {
			t.Errorf("%s %q: got %v", row.kind, row.value, err)
		}
	}
}
