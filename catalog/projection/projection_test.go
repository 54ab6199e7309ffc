package projection

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"flowlake/catalog"
	"flowlake/catalog/domain"
	"flowlake/fault"
)

// now is when the tests' queries start.
var now = time.Date(2026, 3, 5, 10, 30, 15, 0, time.UTC)

// table makes a table from "name type; …" and "property=value" lines.
func table(keys string, properties ...string) catalog.Table {
	t := catalog.Table{Database: "db", Name: "t", Parameters: map[string]string{"projection.enabled": "true"}}
	t.Storage.Location = "s3://bucket/root/"
	for k := range strings.SplitSeq(keys, ";") {
		name, typ, _ := strings.Cut(strings.TrimSpace(k), " ")
		t.PartitionKeys = append(t.PartitionKeys, catalog.Column{Name: name, Type: typ})
	}
	for _, p := range properties {
		k, v, _ := strings.Cut(p, "=")
		if k != "storage.location.template" {
			k = "projection." + k
		}
		t.Parameters[k] = v
	}
	return t
}

// wanted is what a query asks for, spelled out.
type wanted map[int]domain.Set

func (w wanted) Domain(key int) domain.Set {
	if s, ok := w[key]; ok {
		return s
	}
	return domain.All()
}
func (w wanted) MatchesKey(int, string) bool { return true }
func (w wanted) Matches([]string) bool       { return true }

func TestProjectedPartitions(t *testing.T) {
	seed := "s3://flow-log-buckets/AWSLogs/1111122222233333/vpcflowlogs/ap-northeast-2/"
	for _, c := range []struct {
		name string
		t    catalog.Table
		w    wanted
		want string // values at location below s3://bucket/, and so on
	}{
		{"enum", table("r string", "r.type=enum", "r.values=a, b,c,a"), nil, "[a]root/r=a/ [ b]root/r= b/ [c]root/r=c/"},
		{"integers", table("n int", "n.type=Integer ", "n.range= -1 , 3", "n.interval=2"), nil, "[-1]root/n=-1/ [1]root/n=1/ [3]root/n=3/"},
		{"integers with digits", table("n string", "n.type=integer", "n.range=9,11", "n.digits=3"), nil, "[009]root/n=009/ [010]root/n=010/ [011]root/n=011/"},
		{"days", table("d string", "d.type=date", "d.range=2026/02/27,2026/03/01", "d.format=yyyy/MM/dd"), nil,
			"[2026/02/27]root/d=2026%2F02%2F27/ [2026/02/28]root/d=2026%2F02%2F28/ [2026/03/01]root/d=2026%2F03%2F01/"},
		{"to now", table("d date", "d.type=date", "d.range=NOW-1DAY, NOW", "d.format=yyyy/MM/dd", "storage.location.template=s3://bucket/${d}"), nil,
			"[2026-03-04]2026/03/04/ [2026-03-05]2026/03/05/"},
		{"hours of a day's key", table("d date", "d.type=date", "d.range=NOW-1HOURS,NOW+1HOUR", "d.format=yyyy/MM/dd/HH", "d.interval=1", "d.interval.unit=HOURS", "storage.location.template=s3://bucket/${d}/"), nil,
			"[2026-03-05]2026/03/05/09/ [2026-03-05]2026/03/05/10/ [2026-03-05]2026/03/05/11/"},
		{"hours as text", table("h string", "h.type=date", "h.range=2026/03/05/22,NOW+1DAYS", "h.format=yyyy/MM/dd/HH", "h.interval=6", "h.interval.unit=hours", "storage.location.template=s3://bucket/${h}/"), nil,
			"[2026/03/05/22]2026/03/05/22/ [2026/03/06/04]2026/03/06/04/ [2026/03/06/10]2026/03/06/10/"},
		{"months by default", table("m string", "m.type=date", "m.range=202512,202602", "m.format=yyyyMM"), nil, "[202512]root/m=202512/ [202601]root/m=202601/ [202602]root/m=202602/"},
		{"ends of months", table("m date", "m.type=date", "m.range=2026-01-31,2026-04-30", "m.format=yyyy-MM-dd", "m.interval.unit=MONTHS", "m.interval=1"), nil,
			"[2026-01-31]root/m=2026-01-31/ [2026-02-28]root/m=2026-02-28/ [2026-03-31]root/m=2026-03-31/ [2026-04-30]root/m=2026-04-30/"},
		{"years from now", table("y int", "y.type=date", "y.range=NOW-2YEARS,NOW", "y.format=yyyy", "y.interval.unit=YEARS"), nil, "[2024]root/y=2024/ [2025]root/y=2025/ [2026]root/y=2026/"},
		{"a template with text, twice", table("a string; b int", "a.type=enum", "a.values=x/y", "b.type=integer", "b.range=1,2", "storage.location.template=s3://bucket/${b}/a=${a}/of-${b}"), nil,
			"[x/y 1]1/a=x/y/of-1/ [x/y 2]2/a=x/y/of-2/"},
		{"injected", table("id string; n int", "id.type=injected", "n.type=integer", "n.range=1,2"), wanted{0: domain.Points("b", "a"), 1: domain.Points(int64(2))}, "[a 2]root/id=a/n=2/ [b 2]root/id=b/n=2/"},
		{"injected numbers and dates", table("id bigint; d date", "id.type=injected", "d.type=injected"), wanted{0: domain.Points(int64(-7)), 1: domain.Points(int64(19232))}, "[-7 2022-08-28]root/id=-7/d=2022-08-28/"},
		{"nothing is wanted", table("n int", "n.type=integer", "n.range=1,9"), wanted{0: domain.Set{}}, ""},
		{"a value outside of the range", table("d string", "d.type=date", "d.range=2020/01/01,NOW", "d.format=yyyy/MM/dd"), wanted{0: domain.Points("2019/02/02")}, ""},
		{"the widest integers", table("n bigint", "n.type=integer", fmt.Sprintf("n.range=%d,%d", math.MinInt64, math.MaxInt64)), wanted{0: domain.Of(domain.Span{Low: int64(math.MaxInt64 - 1)})},
			"[9223372036854775806]root/n=9223372036854775806/ [9223372036854775807]root/n=9223372036854775807/"},
		{"one of very many seconds", table("s string", "s.type=date", "s.range=01-01-1990 00:00:00,NOW", "s.format=dd-MM-yyyy HH:mm:ss", "s.interval.unit=SECONDS", "s.interval=1"), wanted{0: domain.Points("05-03-2026 10:30:14")},
			"[05-03-2026 10:30:14]root/s=05-03-2026 10%3A30%3A14/"},
		{"the widest integers' end", table("n bigint", "n.type=integer", fmt.Sprintf("n.range=%d,%d", math.MinInt64, math.MaxInt64)), wanted{0: domain.Of(domain.Span{Low: int64(math.MaxInt64), High: int64(math.MaxInt64)})},
			"[9223372036854775807]root/n=9223372036854775807/"},
		{"a number's other spelling", table("n string", "n.type=integer", "n.range=1,100"), wanted{0: domain.Points("5", "05", "+5")}, "[5]root/n=5/"},
		{"steps finer than the format", table("d string", "d.type=date", "d.range=20260301,20260303", "d.format=yyyyMMdd", "d.interval=5", "d.interval.unit=HOURS"), nil,
			"[20260301]root/d=20260301/ [20260302]root/d=20260302/"},
		{"one of steps finer than the format", table("d string", "d.type=date", "d.range=01-03-2026,03-03-2026", "d.format=dd-MM-yyyy", "d.interval=5", "d.interval.unit=HOURS"), wanted{0: domain.Points("02-03-2026")},
			"[02-03-2026]root/d=02-03-2026/"},
		{"days of a month's folder", table("d date", "d.type=date", "d.range=2026/02,2026/03", "d.format=yyyy/MM", "d.interval.unit=DAYS", "storage.location.template=s3://bucket/${d}"), nil,
			"[2026-02-01]2026/02/ [2026-03-01]2026/03/"},
		{"seed 002's prefix", table("date date", "date.type=date", "date.range=2022/08/28,2022/08/29", "date.format=yyyy/MM/dd", "storage.location.template="+seed+"${date}"), nil,
			"[2022-08-28]" + seed + "2022/08/28/ [2022-08-29]" + seed + "2022/08/29/"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := New(c.t)
			if err != nil {
				t.Fatal(err)
			}
			list, err := p.Partitions(now.In(time.FixedZone("Seoul", 9*3600)), c.w) // NOW is in UTC wherever it is read
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, p := range list {
				got = append(got, fmt.Sprint(p.Values)+strings.TrimPrefix(p.Location, "s3://bucket/"))
			}
			if text := strings.Join(got, " "); text != c.want {
				t.Errorf("got  %s\nwant %s", text, c.want)
			}
		})
	}
}

func TestSettingsThatAreRefused(t *testing.T) {
	day := []string{"d.type=date", "d.range=NOW-1DAYS,NOW"}
	for _, c := range []struct {
		t    catalog.Table
		want string // in the error
	}{
		{table("a string; b string", "a.type=enum", "a.values=x"), "HIVE_METASTORE_ERROR: Table db.t is configured for partition projection, but the following partition columns are missing projection configuration: [b]"},
		{table("a string", "a.type=list"), "projection.a.type"},
		{table("a string", "a.type=enum"), "projection.a.values"},
		{table("n int", "n.type=integer"), "projection.n.range"},
		{table("n int", "n.type=integer", "n.range=1-5"), "projection.n.range"},
		{table("n int", "n.type=integer", "n.range=1,NOW"), "projection.n.range"},
		{table("n int", "n.type=integer", "n.range=5,1"), "projection.n.range"},
		{table("n int", "n.type=integer", "n.range=1,5", "n.interval=0"), "projection.n.interval"},
		{table("n int", "n.type=integer", "n.range=1,5", "n.digits=-1"), "projection.n.digits"},
		{table("d string", day...), "projection.d.format"},
		{table("d string", append(day, "d.format=yyyy/MM/dd/HH")...), "projection.d.interval.unit"},
		{table("d string", append(day, "d.format=yyyy")...), "projection.d.interval.unit"},
		{table("d string", append(day, "d.format=yyyy-MM-dd", "d.interval.unit=FORTNIGHTS")...), "projection.d.interval.unit"},
		{table("d string", append(day, "d.format=MM-dd")...), "projection.d.format"},
		{table("d string", append(day, "d.format=yyyy-MM-dd'T")...), "projection.d.format"},
		{table("d string", append(day, "d.format=yyyy/dd")...), "a day of the month and no month"},
		{table("d string", append(day, "d.format=yyyy/MM/EEE")...), "a day of the week and no day"},
		{table("d string", append(day, "d.format=yyyy/MM/dd/hh", "d.interval.unit=HOURS")...), "write HH"},
		{table("d string", append(day, "d.format=yyyy/MM/HH", "d.interval.unit=HOURS")...), "an hour and no day"},
		{table("d string", append(day, "d.format=yyyy/MM/dd/mm", "d.interval.unit=HOURS")...), "parts of a day and no hour"},
		{table("d string", append(day, "d.format=yyyy/MM/dd/a", "d.interval.unit=HOURS")...), "parts of a day and no hour"},
		{table("d string", append(day, "d.format=yyyy/MM/dd/HH/ss", "d.interval.unit=HOURS")...), "seconds and no minutes"},
		{table("d string", append(day, "d.format=YYYY-ww")...), "projection.d.format"},
		{table("d string", "d.type=date", "d.range=2026-01-01,2026-02-30", "d.format=yyyy-MM-dd"), "projection.d.range"},
		{table("d string", "d.type=date", "d.range=NOW-1FORTNIGHT,NOW", "d.format=yyyy-MM-dd"), "projection.d.range"},
		{table("d string", "d.type=date", "d.range=NOW-99999YEARS,NOW", "d.format=yyyy-MM-dd"), "projection.d.range"},
		{table("a string", "a.type=enum", "a.values=x", "storage.location.template=s3://bucket/x/"), "${a}"},
		{table("a string", "a.type=enum", "a.values=x", "storage.location.template=s3://bucket/${a}/${b}/"), "${b}"},
		{table("a string", "a.type=enum", "a.values=x", "storage.location.template=/tmp/${a}/"), "storage.location.template"},
	} {
		_, err := New(c.t)
		if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: got %v, want %s", c.t.Parameters, err, c.want)
		}
	}
}

func TestATableHasWhatItProjects(t *testing.T) {
	p, err := New(table("id string; d date; n int", "id.type=injected", "d.type=date", "d.range=2026/03/01,NOW", "d.format=yyyy/MM/dd", "n.type=integer", "n.range=0,23", "n.digits=2"))
	if err != nil {
		t.Fatal(err)
	}
	for values, want := range map[string]bool{
		"x|2026-03-05|07": true, "anything|2026-3-5|7": true, "x|2026-03-06|07": false, "x|2026-02-28|07": false, "x|2026-03-05|24": false, "x|someday|07": false, "x|2026-03-05": false,
	} {
		if got := p.Has(now, strings.Split(values, "|")); got != want {
			t.Errorf("%s: %v", values, got)
		}
	}
}

func TestInjectedKeysNeedValues(t *testing.T) {
	p, err := New(table("id string", "id.type=injected"))
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range []wanted{nil, {0: domain.NotNull()}, {0: domain.Of(domain.Span{Low: "a", High: "b"})}} {
		_, err := p.Partitions(now, w)
		if !fault.Is(err, fault.Invalid) || !strings.HasPrefix(err.Error(), "CONSTRAINT_VIOLATION: For the injected projected partition column id, the WHERE clause must contain only static equality conditions") {
			t.Errorf("got %v", err)
		}
	}
}

func TestMoreThanAMillionPartitionsAreRefused(t *testing.T) {
	p, err := New(table("r string; n int", "r.type=enum", "r.values=a,b", "n.type=integer", "n.range=1,1000000"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.Partitions(now, wanted{0: domain.NotNull()})
	if !fault.Is(err, fault.Limit) || !strings.HasSuffix(err.Error(), "a narrower condition on n") {
		t.Errorf("got %v", err)
	}
	if list, err := p.Partitions(now, wanted{0: domain.Points("b"), 1: domain.Of(domain.Span{High: int64(3)})}); err != nil || len(list) != 3 {
		t.Errorf("got %v %v", list, err)
	}
}

// TestEnumerationIsTheFilteredWhole compares what is enumerated within random domains with all partitions, filtered.
func TestEnumerationIsTheFilteredWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var keys, properties []string
		n := rapid.IntRange(1, 3).Draw(t, "keys")
		for i := range n {
			name := "k" + strconv.Itoa(i)
			typ := rapid.SampledFrom([]string{"string", "int", "date", "timestamp", "bigint"}).Draw(t, "type")
			rules := map[string][]string{"string": {"enum", "integer", "date"}, "int": {"enum", "integer"}, "bigint": {"integer"}, "date": {"date"}, "timestamp": {"date"}}[typ]
			rule := rapid.SampledFrom(rules).Draw(t, "rule")
			keys = append(keys, name+" "+typ)
			add := func(k, v string) { properties = append(properties, name+"."+k+"="+v) }
			add("type", rule)
			switch rule {
			case "enum":
				add("values", rapid.SampledFrom([]string{"1,2,3", "7,-1,30,4", "5"}).Draw(t, "values"))
			case "integer":
				low := rapid.IntRange(-12, 12).Draw(t, "low")
				add("range", fmt.Sprintf("%d,%d", low, low+rapid.IntRange(0, 120).Draw(t, "length")))
				add("interval", strconv.Itoa(rapid.IntRange(1, 5).Draw(t, "interval")))
				if rapid.Bool().Draw(t, "has digits") {
					add("digits", strconv.Itoa(rapid.IntRange(1, 4).Draw(t, "digits")))
				}
			case "date":
				add("format", rapid.SampledFrom([]string{"yyyy/MM/dd", "yyyyMMdd", "dd-MM-yyyy", "yyyy/MM/dd/HH", "yyyy-M-d", "MMM d, yyyy", "yyyyDDD", "yyyy-D", "MM-yyyy"}).Draw(t, "format"))
				add("range", rapid.SampledFrom([]string{"NOW-40DAYS,NOW", "NOW-2MONTHS,NOW-1DAY", "NOW-1YEAR,NOW+1DAY", "NOW,NOW-1DAY"}).Draw(t, "range"))
				add("interval", strconv.Itoa(rapid.IntRange(1, 9).Draw(t, "interval")))
				add("interval.unit", rapid.SampledFrom([]string{"DAYS", "WEEKS", "MONTHS", "HOURS"}).Draw(t, "unit"))
			}
		}
		p, err := New(table(strings.Join(keys, ";"), properties...))
		if err != nil {
			t.Fatal(err)
		}
		all, err := p.Partitions(now, wanted{})
		if err != nil {
			return // too many of them
		}
		seen := map[string]bool{}
		for _, part := range all {
			id := strings.Join(append(part.Values, part.Location), "\n")
			if seen[id] {
				t.Fatalf("%v: partition %q comes twice", properties, part)
			}
			seen[id] = true
		}
		if len(all) > 0 {
			if values := rapid.SampledFrom(all).Draw(t, "one").Values; !p.Has(now, values) {
				t.Fatalf("%v: it does not have its partition %q", properties, values)
			}
		}
		w := wanted{}
		for i, c := range p.columns {
			value := func() any { // one of the column's own values, or one beside it
				if len(all) == 0 {
					return nil
				}
				v, _ := c.typed(rapid.SampledFrom(all).Draw(t, "value").Values[i])
				switch v := v.(type) {
				case int64:
					return v + rapid.Int64Range(-1, 1).Draw(t, "beside")
				case string:
					return rapid.SampledFrom([]string{"", "", "0", "+"}).Draw(t, "before") + v + rapid.SampledFrom([]string{"", "", "0", "~"}).Draw(t, "behind")
				}
				return v
			}
			if len(all) == 0 || rapid.Bool().Draw(t, "free") {
				continue
			}
			switch rapid.SampledFrom([]string{"points", "span", "others", "two"}).Draw(t, "domain") {
			case "points":
				w[i] = domain.Points(value(), value(), value())
			case "span":
				w[i] = domain.Of(domain.Span{Low: value(), High: value(), LowOpen: rapid.Bool().Draw(t, "open")})
			case "others":
				w[i] = domain.Points(value()).Others()
			case "two":
				w[i] = domain.Of(domain.Span{High: value(), HighOpen: true}, domain.Span{Low: value(), LowOpen: true})
			}
		}
		var want []string
		for _, part := range all {
			keep := true
			for i, v := range part.Values {
				typed, ok := p.columns[i].typed(v)
				keep = keep && ok && w.Domain(i).Contains(typed)
			}
			if keep {
				want = append(want, fmt.Sprint(part))
			}
		}
		list, err := p.Partitions(now, w)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, part := range list {
			got = append(got, fmt.Sprint(part))
		}
		slices.Sort(got) // the points of an unordered column come in their own order
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Fatalf("%v within %v\ngot  %q\nwant %q", properties, w, got, want)
		}
	})
}

// TestTemplatesPlaceValues builds templates of random pieces beside the locations that they must give.
func TestTemplatesPlaceValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var keys, properties, missing []string
		places := map[string]string{"/": "/", "x": "x", "{": "{", "}": "}", "=": "=", "$a": "$a", "é": "é"}
		for _, name := range []string{"a", "b", "year"}[:rapid.IntRange(1, 3).Draw(t, "keys")] {
			value := rapid.StringMatching(`[ -+--~]{1,6}`).Draw(t, "value")
			keys = append(keys, name+" string")
			properties = append(properties, name+".type=enum", name+".values="+value)
			places["${"+name+"}"], places["${ "+strings.ToUpper(name)+"}"] = value, value
			missing = append(missing, "${"+name+"}")
		}
		var pieces []string
		for p := range places {
			pieces = append(pieces, p)
		}
		slices.Sort(pieces)
		list := rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 12).Draw(t, "pieces")
		if rapid.Bool().Draw(t, "all") {
			list = append(list, missing...)
		}
		template, want := "s3://bucket/", "s3://bucket/"
		for _, p := range list {
			template, want = template+p, want+places[p]
			missing = slices.DeleteFunc(missing, func(m string) bool { return strings.EqualFold(m, strings.Replace(p, " ", "", 1)) })
		}
		if len(list) > 0 && list[len(list)-1] != "/" {
			want += "/"
		}
		p, err := New(table(strings.Join(keys, ";"), append(properties, "storage.location.template="+template)...))
		if len(missing) > 0 {
			if err == nil || !strings.Contains(err.Error(), missing[0]) {
				t.Fatalf("%s without %v: %v", template, missing, err)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		got, err := p.Partitions(now, wanted{})
		if err != nil || len(got) != 1 || got[0].Location != want {
			t.Fatalf("%s: %q %v, want %q", template, got, err, want)
		}
	})
}

func TestFormatsReadWhatTheyWrite(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pattern := rapid.SampledFrom([]string{"yyyy-MM-dd HH:mm:ss", "yyyyMMddHHmmss", "d.M.yyyy H'h'm's's", "EEE, dd MMM yyyy hh:mm:ss a", "EEEE MMMM d yyyy k:m:s", "uuuuDDD'T'HHmmss", "''yyyy''MM'' 'o''clock' dd KK:mm:ss a", "yy/MM/dd HH:mm:ss", "yyyy-D HH:mm:ss"}).Draw(t, "pattern")
		f, err := parseFormat(pattern)
		if err != nil {
			t.Fatal(err)
		}
		at := time.Unix(rapid.Int64Range(946684800, 4102444799).Draw(t, "at"), 0).UTC() // 2000 to 2099
		text := f.format(at)
		back, err := f.parse(text)
		if err != nil || !back.Equal(at) {
			t.Fatalf("%s: %v is %q, which is %v %v", pattern, at, text, back, err)
		}
		other := at.Add(time.Duration(rapid.Int64Range(1, 1e9).Draw(t, "later")) * time.Second)
		if f.ordered() && f.format(other) < text {
			t.Fatalf("%s is not ordered: %q, %q", pattern, text, f.format(other))
		}
	})
}

func FuzzSettings(f *testing.F) {
	f.Add("NOW-3YEARS,NOW", "yyyy/MM/dd", "1", "DAYS", "2022/08/28")
	f.Add("01-01-2010,12-31-2018", "MM-dd-yyyy", "5", "", "x")
	f.Fuzz(func(t *testing.T, valueRange, format, interval, unit, value string) {
		tab := table("d string", "d.type=date", "d.range="+valueRange, "d.format="+format, "d.interval="+interval, "storage.location.template=s3://bucket/${d}")
		if unit != "" {
			tab.Parameters["projection.d.interval.unit"] = unit
		}
		p, err := New(tab)
		if err != nil {
			return
		}
		list, err := p.Partitions(now, wanted{0: domain.Points(value)})
		if err != nil && !fault.Is(err, fault.Limit) && !fault.Is(err, fault.Invalid) {
			t.Fatal(err)
		}
		if len(list) > 1 {
			t.Fatalf("%q is projected %d times", value, len(list))
		}
	})
}

func TestFormatsWhoseTextsAreInOrder(t *testing.T) {
	for pattern, want := range map[string]bool{"yyyy/MM/dd/HH": true, "yyyyDDD": true, "yyyy-D": false, "yyyy-M-d": false, "dd-MM-yyyy": false, "yyyy MMM": false, "yy-MM": false, "yyyy/MM/dd/kk": false} {
		if f, err := parseFormat(pattern); err != nil || f.ordered() != want {
			t.Errorf("%s: %v", pattern, err)
		}
	}
}
