package backfill

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"flowlake/catalog"
	"flowlake/fault"
)

// Layout says which partition of a table a moment belongs to, and where a new partition lies.
type Layout struct {
	table     catalog.Table
	keys      []key
	step      int64 // seconds that share a partition; 0 when time does not matter
	Projected bool  // partitions follow from the table's properties and are not registered
	template  string
	folders   func(l *Layout, values []string, at time.Time) string // of a partition below the table's location
}

// key gives one partition key its values.
type key struct {
	name   string
	value  func(time.Time) string
	layout string // of package time, when the value is a whole date
}

// Latest is the first second that no partition is made for: the year 10000 has five digits.
const Latest = 253402300800

// dateKeys are names of keys that hold a whole date.
var dateKeys = []string{"date", "day", "dt", "ds", "event_date", "log_date", "flow_date", "partition_date"}

// dateLayouts are how whole dates are spelled; the first is what a key without examples gets.
var dateLayouts = []string{"2006-01-02", "2006/01/02", "20060102", "2006-01-02-15", "2006/01/02/15", "2006-01-02 15", "2006010215"}

// NewLayout reads a table's partition keys: year, month, day and hour in any number, a whole date under one of
// the usual names or of type date, and what its projection says; constants has the values of other keys. Partitions that
// are registered, as many as are given, show how values are spelled and where partitions lie. A key that none of this
// explains is fault.Unsupported, by name.
func NewLayout(t catalog.Table, constants map[string]string, examples []catalog.Partition) (*Layout, error) {
	l := &Layout{table: t, Projected: strings.EqualFold(t.Parameters["projection.enabled"], "true") && len(t.PartitionKeys) > 0, folders: hiveFolders}
	for i, k := range t.PartitionKeys {
		var seen []string
		for _, p := range examples {
			if i < len(p.Values) {
				seen = append(seen, p.Values[i])
			}
		}
		made, step, err := l.key(k, constants, seen)
		if err != nil {
			return nil, err
		}
		l.keys = append(l.keys, made)
		if step > 0 && (l.step == 0 || step < l.step) {
			l.step = step
		}
	}
	for name := range constants {
		if !slices.ContainsFunc(l.keys, func(k key) bool { return k.name == name }) {
			return nil, fault.Newf(fault.Invalid, "partition key "+name, "table %s.%s has no such key", t.Database, t.Name)
		}
	}
	if l.Projected {
		l.template = t.Parameters["storage.location.template"]
		return l, nil
	}
	for _, f := range []func(*Layout, []string, time.Time) string{hiveFolders, valueFolders, dateFolders} {
		if len(examples) > 0 && l.explains(f, examples) {
			l.folders = f
			break
		}
	}
	return l, nil
}

// key finds out what a key's values are.
func (l *Layout) key(k catalog.Column, constants map[string]string, seen []string) (made key, step int64, err error) {
	made.name = strings.ToLower(k.Name)
	refused := func(format string, args ...any) error {
		return fault.Newf(fault.Unsupported, "partition key "+made.name, "%s: give its value with --value %s=…", fmt.Sprintf(format, args...), made.name)
	}
	if v, given := constants[made.name]; given {
		made.value = func(time.Time) string { return v }
		return made, 0, nil
	}
	projection := func(property string) string {
		if !l.Projected {
			return ""
		}
		return l.table.Parameters["projection."+made.name+"."+property]
	}
	if every := projection("interval"); every != "" && every != "1" {
		return made, 0, refused("its projection has an interval of %s, which is not followed here", every)
	}
	kind := strings.ToLower(projection("type"))
	if kind == "date" {
		if made.layout, err = goLayout(projection("format")); err != nil {
			return made, 0, refused("its projection's format %q is not followed here", projection("format"))
		}
		return made.date()
	}
	if kind == "enum" || kind == "injected" {
		return made, 0, refused("its projection is of type %s, which no record tells", kind)
	}
	if made.name == "aws-service" || made.name == "service" {
		made.value = func(time.Time) string { return "vpcflowlogs" }
		return made, 0, nil
	}
	part, step := l.part(made.name, k.Type)
	if part == nil {
		if k.Type != "date" && !slices.Contains(dateKeys, made.name) {
			return made, 0, refused("is neither a date nor year, month, day or hour")
		}
		if made.layout = dateLayout(k.Type, seen); made.layout == "" {
			return made, 0, refused("values such as %q are no date that is known here", seen[0])
		}
		return made.date()
	}
	width := 0
	switch digits := projection("digits"); {
	case digits != "":
		if width, err = strconv.Atoi(digits); err != nil || width < 0 || width > 10 {
			return made, 0, refused("projection.%s.digits is %q", made.name, digits)
		}
	case padded(k.Type, kind, seen):
		width = 2
	}
	made.value = func(at time.Time) string { return fmt.Sprintf("%0*d", width, part(at)) }
	return made, step, nil
}

// date makes a key of whole dates, spelled by its layout.
func (k key) date() (key, int64, error) {
	layout := k.layout
	k.value = func(at time.Time) string { return at.Format(layout) }
	if strings.Contains(layout, "15") {
		return k, 3600, nil
	}
	return k, 86400, nil
}

// part returns what a key named year, month, day or hour holds, nil for others and for a day that is a whole date.
func (l *Layout) part(name, kind string) (func(time.Time) int, int64) {
	switch name {
	case "year":
		return time.Time.Year, 86400
	case "month":
		return func(at time.Time) int { return int(at.Month()) }, 86400
	case "day":
		months := slices.ContainsFunc(l.table.PartitionKeys, func(k catalog.Column) bool { return strings.EqualFold(k.Name, "month") })
		if !months || kind == "date" {
			return nil, 0
		}
		return time.Time.Day, 86400
	case "hour":
		return time.Time.Hour, 3600
	}
	return nil, 0
}

// dateLayout finds how a key's dates are spelled, "" when what is seen is spelled in no known way.
func dateLayout(kind string, seen []string) string {
	usual := dateLayouts
	switch kind {
	case "date":
		return dateLayouts[0]
	case "int", "bigint":
		usual = []string{"20060102", "2006010215"}
	}
	for _, layout := range usual {
		if !slices.ContainsFunc(seen, func(v string) bool { _, err := time.Parse(layout, v); return err != nil }) {
			return layout
		}
	}
	return ""
}

// padded reports whether numbers below 10 are spelled with a zero in front: as those that are seen, else as
// folders usually have them, but not in numbers.
func padded(kind, projection string, seen []string) bool {
	for _, v := range seen {
		if len(v) > 1 && v[0] == '0' {
			return true
		}
		if len(v) == 1 {
			return false
		}
	}
	return projection != "integer" && kind != "int" && kind != "bigint" && kind != "smallint" && kind != "tinyint"
}

// goLayout reads a projection's date format, of Java's letters, to the hour.
func goLayout(format string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(format); {
		c := format[i]
		n := 1
		for i+n < len(format) && format[i+n] == c {
			n++
		}
		run := format[i : i+n]
		i += n
		if goes, ok := map[string]string{"yyyy": "2006", "uuuu": "2006", "MM": "01", "M": "1", "dd": "02", "d": "2", "HH": "15"}[run]; ok {
			b.WriteString(goes)
			continue
		}
		if c == '\'' && n == 1 {
			end := strings.IndexByte(format[i:], '\'')
			if end < 0 || strings.ContainsAny(format[i:i+end], "0123456789") {
				return "", fault.Newf(fault.Unsupported, "date format", "%q", format)
			}
			b.WriteString(format[i : i+end])
			i += end + 1
			continue
		}
		if c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '\'' || c == '_' {
			return "", fault.Newf(fault.Unsupported, "date format", "%q", format)
		}
		b.WriteString(run)
	}
	layout := b.String()
	for day := time.Date(2023, 12, 31, 0, 0, 0, 0, time.UTC); day.Year() < 2025; day = day.AddDate(0, 0, 1) { // two days with one text would share a folder
		if back, err := time.Parse(layout, day.Format(layout)); err != nil || !back.Equal(day) {
			return "", fault.Newf(fault.Unsupported, "date format", "%q does not tell days apart", format)
		}
	}
	return layout, nil
}

// Slot returns the seconds that go to one partition with second at, from low on and before high.
func (l *Layout) Slot(at int64) (low, high int64) {
	if l.step == 0 {
		return -1 << 63, 1<<63 - 1
	}
	low = at - at%l.step
	return low, low + l.step
}

// Timed reports whether the partition of a row follows from its time.
func (l *Layout) Timed() bool { return l.step > 0 }

// Values are the partition's of a moment, in the order of the table's keys.
func (l *Layout) Values(at time.Time) []string {
	values := make([]string, len(l.keys))
	for i, k := range l.keys {
		values[i] = k.value(at.UTC())
	}
	return values
}

// Location is where a partition lies that is not registered.
func (l *Layout) Location(values []string, at time.Time) string {
	if l.template != "" {
		where := l.template
		for i, k := range l.keys {
			where = strings.ReplaceAll(where, "${"+k.name+"}", values[i])
		}
		return folder(where)
	}
	return folder(folder(l.table.Storage.Location) + l.folders(l, values, at.UTC()))
}

func folder(location string) string {
	if strings.HasSuffix(location, "/") {
		return location
	}
	return location + "/"
}

// explains reports whether folders put all examples where they are.
func (l *Layout) explains(f func(*Layout, []string, time.Time) string, examples []catalog.Partition) bool {
	for _, p := range examples {
		at := time.Time{}
		for i, k := range l.keys {
			if k.layout != "" && i < len(p.Values) {
				at, _ = time.Parse(k.layout, p.Values[i])
			}
		}
		if len(p.Values) != len(l.keys) || folder(p.Storage.Location) != folder(folder(l.table.Storage.Location)+f(l, p.Values, at)) {
			return false
		}
	}
	return true
}

// hiveFolders are day=2026-01-01/hour=5, with Hive's escapes.
func hiveFolders(l *Layout, values []string, _ time.Time) string {
	parts := make([]string, len(values))
	for i, v := range values {
		parts[i] = l.keys[i].name + "=" + escape(v)
	}
	return strings.Join(parts, "/")
}

// valueFolders are 2026/01/01, as flow logs are delivered.
func valueFolders(_ *Layout, values []string, _ time.Time) string { return strings.Join(values, "/") }

// dateFolders are 2026/01/01 for a date that is one key.
func dateFolders(l *Layout, _ []string, at time.Time) string {
	if l.step < 86400 {
		return at.Format("2006/01/02/15")
	}
	return at.Format("2006/01/02")
}

// escape spells a value as a folder's name, as Hive does.
func escape(v string) string {
	if v == "" {
		return "__HIVE_DEFAULT_PARTITION__"
	}
	var b strings.Builder
	for i := range len(v) {
		if c := v[i]; c < ' ' || c == 0x7f || strings.IndexByte("\"#%'*/:=?\\{}[]^", c) >= 0 {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}
