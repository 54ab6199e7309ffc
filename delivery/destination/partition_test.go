package destination

import (
	"slices"
	"testing"

	"flowlake/catalog"
	"flowlake/delivery"
)

func TestValuesOfAFolder(t *testing.T) {
	for _, row := range []struct {
		name, location, folder string
		parameters             map[string]string
		keys                   []string
		values                 []string // nil: no rule fits
		place                  string   // of the partition, below the bucket
	}{
		{"k=v", "s3://bkt/t/", "t/year=2026/month=11/", nil, []string{"year", "month"}, []string{"2026", "11"}, "t/year=2026/month=11/"},
		{"k=v, deeper", "s3://bkt/t", "t/Year=2026/month=11/day=21/more/", nil, []string{"year", "month"}, []string{"2026", "11"}, "t/Year=2026/month=11/"},
		{"k=v, escaped", "s3://bkt/t/", "t/k=a%2Fb/", nil, []string{"k"}, []string{"a/b"}, "t/k=a%2Fb/"},
		{"k=v in another order", "s3://bkt/t/", "t/month=11/year=2026/", nil, []string{"year", "month"}, nil, ""},
		{"folders", "s3://bkt/t/", "t/2026/11/21/10/", nil, []string{"y", "m", "d", "h"}, []string{"2026", "11", "21", "10"}, "t/2026/11/21/10/"},
		{"more folders than keys", "s3://bkt/t/", "t/2026/11/21/", nil, []string{"day", "hour"}, nil, ""},
		{"one key", "s3://bkt/t/", "t/2026/11/21/", nil, []string{"dt"}, []string{"2026/11/21"}, "t/2026/11/21/"},
		{"a name's beginning behind the last slash", "s3://bkt/t/", "t/2026/prefix-", nil, []string{"y"}, []string{"2026"}, "t/2026/"},
		{"another bucket", "s3://other/t/", "t/2026/", nil, []string{"y"}, nil, ""},
		{"another folder", "s3://bkt/tt/", "t/2026/", nil, []string{"y"}, nil, ""},
		{"the bucket itself", "s3://bkt/", "2026/", nil, []string{"y"}, []string{"2026"}, "2026/"},
		{"no folder", "s3://bkt/t/", "t/", nil, []string{"y"}, nil, ""},
		{"an empty folder", "s3://bkt/t/", "t//", nil, []string{"y", "m"}, nil, ""},
		{"projected, k=v", "s3://bkt/t/", "t/y=2026/", map[string]string{"projection.enabled": "true"}, []string{"y"}, []string{"2026"}, "t/y=2026/"},
		{"projected, folders without a template", "s3://bkt/t/", "t/2026/", map[string]string{"projection.enabled": "true"}, []string{"y"}, nil, ""},
		{"a template", "s3://bkt/t/", "t/2026/11/21/", map[string]string{"projection.enabled": "true", "storage.location.template": "s3://bkt/t/${y}/${m}/${d}"}, []string{"y", "m", "d"}, []string{"2026", "11", "21"}, "t/2026/11/21/"},
		{"a template of a date", "s3://bkt/t/", "t/2026/11/21/10/", map[string]string{"projection.enabled": "true", "projection.dt.format": "yyyy/MM/dd", "storage.location.template": "s3://bkt/t/${dt}/"}, []string{"dt"}, []string{"2026/11/21"}, ""},
		{"a template of a region and a date", "s3://bkt/t/", "t/r=eu/2026/11/21/", map[string]string{"projection.enabled": "true", "projection.dt.format": "yyyy/MM/dd", "storage.location.template": "s3://bkt/t/r=${region}/${dt}/"}, []string{"dt", "region"}, []string{"2026/11/21", "eu"}, ""},
		{"a template that does not fit", "s3://bkt/t/", "u/2026/", map[string]string{"projection.enabled": "true", "storage.location.template": "s3://bkt/t/${y}/"}, []string{"y"}, nil, ""},
		{"a template of another key", "s3://bkt/t/", "t/2026/", map[string]string{"projection.enabled": "true", "storage.location.template": "s3://bkt/t/${z}/"}, []string{"y"}, nil, ""},
		{"a template that is not closed", "s3://bkt/t/", "t/2026/", map[string]string{"projection.enabled": "true", "storage.location.template": "s3://bkt/t/${y"}, []string{"y"}, nil, ""},
	} {
		table := catalog.Table{Name: "t", Parameters: row.parameters, Storage: catalog.Storage{Location: row.location}}
		for _, k := range row.keys {
			table.PartitionKeys = append(table.PartitionKeys, catalog.Column{Name: k, Type: "string"})
		}
		values, place, ok := planOf(delivery.TableRef{}, table).values("bkt", row.folder)
		if ok != (row.values != nil) || ok && !slices.Equal(values, row.values) || ok && row.place != "" && place != "s3://bkt/"+row.place {
			t.Errorf("%s: got %q at %s, %v; want %q at %s", row.name, values, place, ok, row.values, row.place)
		}
	}
}
