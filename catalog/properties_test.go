package catalog

import (
	"testing"

	"flowlake/fault"
)

func TestPropertiesAreCheckedWhenTheyAreSaid(t *testing.T) {
	k := Catalog{}
	asked := 0
	k.Check(func(Table) error { asked++; return fault.Newf(fault.Invalid, "table property x", "no") })
	e := Edit{checks: k.checks}
	one, two := map[string]string{"flowlake.fresh": "true", "owner": "a"}, map[string]string{"flowlake.fresh": "false"}
	for _, test := range []struct {
		name     string
		now, old map[string]string
		refused  bool
	}{
		{"others' properties", map[string]string{"owner": "a"}, nil, false},
		{"a new one", one, nil, true},
		{"one that changes", two, one, true},
		{"one that goes", nil, one, true},
		{"one that stays", map[string]string{"flowlake.fresh": "true", "owner": "b"}, one, false},
	} {
		asked = 0
		err := e.checkProperties(Table{Parameters: test.now}, test.old)
		if fault.Is(err, fault.Invalid) != test.refused || (asked == 1) != test.refused {
			t.Errorf("%s: got %v after %d questions", test.name, err, asked)
		}
	}
}
