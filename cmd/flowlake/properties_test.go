package main

import (
	"strings"
	"testing"

	"flowlake/catalog"
	"flowlake/fault"
)

func TestTablePropertiesAreRefusedByName(t *testing.T) {
	for name, test := range map[string]struct{ property, value, says string }{
		"fresh, half":         {"flowlake.fresh", "maybe", `table property flowlake.fresh: "maybe" is neither true nor false`},
		"a sort by nothing":   {"flowlake.compact.sort", "port", "table property flowlake.compact.sort"},
		"a wrong interval":    {"flowlake.compact.interval", "1s", "at least 1m"},
		"one there is not":    {"flowlake.compact.sorted", "a", "table property flowlake.compact.sorted: does not exist"},
		"another there isn't": {"flowlake.compaction", "true", "table property flowlake.compaction: does not exist; there are flowlake.fresh and flowlake.compact"},
		"fresh":               {"flowlake.fresh", "TRUE", ""},
		"compacted":           {"flowlake.compact", "true", ""},
		"somebody else's":     {"flowlakes", "any", ""},
	} {
		table := catalog.Table{Parameters: map[string]string{test.property: test.value}}
		table.Storage.Columns = []catalog.Column{{Name: "srcaddr", Type: "string"}}
		err := checkProperties(table)
		if test.says == "" && err != nil || test.says != "" && (!fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), test.says)) {
			t.Errorf("%s: got %v, want %q", name, err, test.says)
		}
	}
}
