package backfill

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"flowlake/catalog"
	"flowlake/fault"
)

// keyed is a table with these partition keys, "name type", and parameters, "name value".
func keyed(keys []string, parameters ...string) catalog.Table {
	t := catalog.Table{Database: "d", Name: "t", Parameters: map[string]string{}, Storage: catalog.Storage{Location: "s3://b/t/"}}
	for _, k := range keys {
		name, kind, _ := strings.Cut(k, " ")
		t.PartitionKeys = append(t.PartitionKeys, catalog.Column{Name: name, Type: kind})
	}
	for _, p := range parameters {
		name, value, _ := strings.Cut(p, " ")
		t.Parameters[name] = value
	}
	return t
}

func TestLayout(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	const on = "projection.enabled true"
	for _, c := range []struct {
		name      string
		table     catalog.Table
		constants string // key=value
		there     string // values @ location, of a partition that is registered
		want      string // values @ location, or the error's words
	}{
		{"none", keyed(nil), "", "", "@s3://b/t/"},
		{"a date", keyed([]string{"day date"}), "", "", "2026-01-02@s3://b/t/day=2026-01-02/"},
		{"a date and an hour", keyed([]string{"day date", "hour int"}), "", "", "2026-01-02,3@s3://b/t/day=2026-01-02/hour=3/"},
		{"texts are padded", keyed([]string{"year string", "month string", "day string", "hour string"}), "", "", "2026,01,02,03@s3://b/t/year=2026/month=01/day=02/hour=03/"},
		{"numbers are not", keyed([]string{"year int", "month int", "day int"}), "", "", "2026,1,2@s3://b/t/year=2026/month=1/day=2/"},
		{"as partitions are spelled", keyed([]string{"year string", "month string"}), "", "2025,7@s3://b/t/year=2025/month=7", "2026,1@s3://b/t/year=2026/month=1/"},
		{"folders of values", keyed([]string{"year string", "month string", "day string"}), "", "2025,07,01@s3://b/t/2025/07/01/", "2026,01,02@s3://b/t/2026/01/02/"},
		{"folders of a date", keyed([]string{"dt string"}), "", "20250701@s3://b/t/2025/07/01", "20260102@s3://b/t/2026/01/02/"},
		{"folders of a date's hour", keyed([]string{"dt string"}), "", "2025-07-01-23@s3://b/t/2025/07/01/23", "2026-01-02-03@s3://b/t/2026/01/02/03/"},
		{"elsewhere altogether", keyed([]string{"dt string"}), "", "20250701@s3://other/x", "20260102@s3://b/t/dt=20260102/"},
		{"a date as a number", keyed([]string{"dt int"}), "", "", "20260102@s3://b/t/dt=20260102/"},
		{"an alien date", keyed([]string{"dt string"}), "", "1 July@s3://b/t/x", "partition key dt: values such as \"1 July\" are no date"},
		{"a constant", keyed([]string{"region string", "day date"}), "region=eu=1", "", "eu=1,2026-01-02@s3://b/t/region=eu%3D1/day=2026-01-02/"},
		{"a key without one", keyed([]string{"region string"}), "", "", "partition key region: is neither"},
		{"a constant without a key", keyed([]string{"day date"}), "region=x", "", "no such key"},
		{"Hive-compatible delivery", keyed([]string{"aws-account-id string", "aws-service string", "aws-region string", "year string", "month string", "day string"}), "aws-account-id=1,aws-region=r", "", "1,vpcflowlogs,r,2026,01,02@s3://b/t/aws-account-id=1/aws-service=vpcflowlogs/aws-region=r/year=2026/month=01/day=02/"},
		{"projected", keyed([]string{"date date"}, on, "projection.date.type date", "projection.date.format yyyy/MM/dd", "storage.location.template s3://b/x/${date}"), "", "", "2026/01/02@s3://b/x/2026/01/02/"},
		{"projected by the hour", keyed([]string{"h string"}, on, "projection.h.type date", "projection.h.format yyyy/MM/dd/HH", "storage.location.template s3://b/x/${h}/"), "", "", "2026/01/02/03@s3://b/x/2026/01/02/03/"},
		{"projected without a template", keyed([]string{"d string"}, on, "projection.d.type date", "projection.d.format yyyyMMdd"), "", "", "20260102@s3://b/t/d=20260102/"},
		{"projected by parts", keyed([]string{"year string", "month string", "day string"}, on, "projection.year.type integer", "projection.month.type integer", "projection.month.digits 2", "projection.day.type integer"), "", "", "2026,01,2@s3://b/t/year=2026/month=01/day=2/"},
		{"projected and switched off", keyed([]string{"day string"}, "projection.enabled false", "projection.day.type date", "projection.day.format yyyy"), "", "", "2026-01-02@s3://b/t/day=2026-01-02/"},
		{"quoted text in a format", keyed([]string{"d string"}, on, "projection.d.type date", "projection.d.format 'day-'yyyy-MM-dd"), "", "", "day-2026-01-02@s3://b/t/d=day-2026-01-02/"},
		{"a format that names no day", keyed([]string{"d string"}, on, "projection.d.type date", "projection.d.format yyyy-MM"), "", "", "partition key d: its projection's format"},
		{"a format of minutes", keyed([]string{"d string"}, on, "projection.d.type date", "projection.d.format yyyy-MM-dd-HH-mm"), "", "", "partition key d: its projection's format"},
		{"an interval", keyed([]string{"d string"}, on, "projection.d.type date", "projection.d.format yyyy-MM-dd", "projection.d.interval 7"), "", "", "an interval of 7"},
		{"injected", keyed([]string{"eni string"}, on, "projection.eni.type injected"), "", "", "of type injected, which no record tells"},
		{"an enum with its value", keyed([]string{"region string", "day string"}, on, "projection.region.type enum", "projection.day.type date", "projection.day.format yyyy-MM-dd", "storage.location.template s3://b/${region}/${day}"), "region=r", "", "r,2026-01-02@s3://b/r/2026-01-02/"},
	} {
		t.Run(c.name, func(t *testing.T) {
			constants := map[string]string{}
			for kv := range strings.SplitSeq(c.constants, ",") {
				if k, v, ok := strings.Cut(kv, "="); ok {
					constants[k] = v
				}
			}
			var there []catalog.Partition
			if values, where, ok := strings.Cut(c.there, "@"); ok {
				there = append(there, catalog.Partition{Values: strings.Split(values, ","), Storage: catalog.Storage{Location: where}})
			}
			l, err := NewLayout(c.table, constants, there)
			if err != nil {
				if !strings.Contains(err.Error(), c.want) || !fault.Is(err, fault.Unsupported) && !fault.Is(err, fault.Invalid) {
					t.Errorf("got %v, want %q", err, c.want)
				}
				return
			}
			values := l.Values(at.In(time.FixedZone("", 9*3600)))
			if got := strings.Join(values, ",") + "@" + l.Location(values, at); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// TestLayoutSlots says what a Slot is: moments of one slot have one partition, and the slot begins and ends where it changes.
func TestLayoutSlots(t *testing.T) {
	for _, keys := range [][]string{{"day date"}, {"day date", "hour int"}, {"year int", "month int", "day int", "hour int"}, {"year int", "month int"}} {
		l, err := NewLayout(keyed(keys), nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		rapid.Check(t, func(t *rapid.T) {
			at := rapid.Int64Range(0, Latest-1).Draw(t, "at")
			low, high := l.Slot(at)
			other := rapid.Int64Range(low, high-1).Draw(t, "other")
			values := func(s int64) []string { return l.Values(time.Unix(s, 0)) }
			if low > at || high <= at || !slices.Equal(values(at), values(other)) {
				t.Errorf("%v: %d is of %d to %d, %v; %d is of %v", keys, at, low, high, values(at), other, values(other))
			}
		})
	}
}

// FuzzGoLayout reads date formats: what is taken tells days apart and never panics.
func FuzzGoLayout(f *testing.F) {
	for _, seed := range []string{"yyyy/MM/dd", "yyyyMMddHH", "yyyy-M-d", "'x'yyyy-MM-dd", "dd.MM.uuuu", "yyyy'", "yyyy-MM-dd-HH-mm", "Z", "''yyyyMMdd", "_2"} {
		f.Add(seed, int64(1767225600))
	}
	f.Fuzz(func(t *testing.T, format string, at int64) {
		if len(format) > 1<<10 {
			t.Skip("longer than any table property")
		}
		layout, err := goLayout(format)
		if err != nil {
			return
		}
		day := time.Unix(min(max(at, 0), Latest-1), 0).UTC().Truncate(24 * time.Hour)
		if back, err := time.Parse(layout, day.Format(layout)); err != nil || !back.Equal(day) {
			t.Errorf("%q: %s comes back as %s, %v", format, day, back, err)
		}
	})
}

func TestEscapedValuesAreFolders(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.String().Draw(t, "value")
		e := escape(v)
		if strings.ContainsAny(e, "/=:\x00\n") || e == "" {
			t.Errorf("%q became %q", v, e)
		}
		if w := rapid.String().Draw(t, "other"); v != w && escape(w) == e {
			t.Errorf("%q and %q are both %q", v, w, e)
		}
	})
	if got := fmt.Sprint(escape("a/b=c%"), " ", escape("")); got != "a%2Fb%3Dc%25 __HIVE_DEFAULT_PARTITION__" {
		t.Error(got)
	}
}
