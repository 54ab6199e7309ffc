package main

import (
	"strings"

	"flowlake/catalog"
	"flowlake/catalog/compact"
	"flowlake/fault"
	"flowlake/query"
)

// checkProperties refuses a table that says of flowlake what no room knows.
func checkProperties(t catalog.Table) error {
	for name, value := range t.Parameters {
		switch {
		case name == query.FreshParameter:
			if !strings.EqualFold(value, "true") && !strings.EqualFold(value, "false") {
				return fault.Newf(fault.Invalid, "table property "+name, "%q is neither true nor false", value)
			}
		case name != compact.ParameterOn && !strings.HasPrefix(name, compact.ParameterOn+".") && strings.HasPrefix(name, "flowlake."):
			return fault.Newf(fault.Invalid, "table property "+name, "does not exist; there are %s and %s", query.FreshParameter, compact.ParameterOn)
		}
	}
	_, err := compact.Parameters(t)
	return err
}
