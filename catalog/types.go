package catalog

import (
	"flowlake/columnar"
	"flowlake/fault"
)

// checkType checks that a column's type is a Hive type. A type of Hive's that no reader here decodes
// may be in the catalogue: other engines read it.
func checkType(t string) error {
	_, err := columnar.ParseType(t)
	if fault.Is(err, fault.Unsupported) {
		return nil
	}
	return err
}
