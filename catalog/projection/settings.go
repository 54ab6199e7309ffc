package projection

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"flowlake/catalog"
	"flowlake/columnar"
	"flowlake/fault"
	"flowlake/lake"
)

// Enabled reports whether a table's partitions are projected: its property projection.enabled is true.
func Enabled(t catalog.Table) bool {
	v, _ := settings(t).get("projection.enabled")
	return strings.EqualFold(strings.TrimSpace(v), "true")
}

// settings are a table's properties; names compare in any case, since Hive lowers those of columns.
type settings catalog.Table

func (s settings) get(key string) (string, bool) {
	if v, ok := s.Parameters[key]; ok {
		return v, true
	}
	for k, v := range s.Parameters {
		if strings.EqualFold(k, key) {
			return v, true
		}
	}
	return "", false
}

// refuse is the error about one property. Athena gives it the code INVALID_TABLE_PROPERTY.
func (s settings) refuse(key, format string, args ...any) error {
	return fault.Newf(fault.Invalid, "INVALID_TABLE_PROPERTY", "%s of table %s.%s: %s", key, s.Database, s.Name, fmt.Sprintf(format, args...))
}

// New reads the projection of a table that has it enabled.
//
// A key without a type is HIVE_METASTORE_ERROR, in Athena's words; what else is wrong is INVALID_TABLE_PROPERTY, naming the
// property. Both are fault.Invalid. Source: Athena user guide, "Set up partition projection", "Supported types".
func New(t catalog.Table) (*Projection, error) {
	s := settings(t)
	p := &Projection{table: t}
	if len(t.PartitionKeys) == 0 {
		return nil, s.refuse("projection.enabled", "the table is not partitioned")
	}
	var missing []string
	for _, k := range t.PartitionKeys {
		if _, ok := s.get("projection." + k.Name + ".type"); !ok {
			missing = append(missing, k.Name)
		}
	}
	if len(missing) > 0 {
		name := t.Database + "." + t.Name
		return nil, fault.Newf(fault.Invalid, "HIVE_METASTORE_ERROR", "Table %s is configured for partition projection, but the following partition columns are missing projection configuration: [%s] (table %s)",
			name, strings.Join(missing, ", "), name)
	}
	for _, k := range t.PartitionKeys {
		c, err := s.column(k)
		if err != nil {
			return nil, err
		}
		p.columns = append(p.columns, c)
	}
	return p, p.readTemplate(s)
}

func (s settings) column(k catalog.Column) (column, error) {
	c := column{name: k.Name}
	base := "projection." + k.Name + "."
	typ, err := columnar.ParseType(k.Type)
	if err != nil {
		return c, s.refuse(base+"type", "%v", err)
	}
	c.kind = typ.Kind
	kind, _ := s.get(base + "type")
	switch strings.ToLower(strings.TrimSpace(kind)) {
	case "enum":
		c.rule, err = s.enum(base)
	case "integer":
		c.rule, err = s.integers(base, c.kind)
	case "date":
		c.rule, err = s.dates(base, c.kind)
	case "injected":
		c.rule = injected{}
	default:
		err = s.refuse(base+"type", "%q is not one of enum, integer, date, injected", kind)
	}
	return c, err
}

func (s settings) enum(base string) (rule, error) {
	v, ok := s.get(base + "values")
	if !ok || v == "" {
		return nil, s.refuse(base+"values", "an enum needs its values, with commas between")
	}
	var list enum
	seen := map[string]bool{}
	for _, v := range strings.Split(v, ",") {
		if !seen[v] {
			seen[v] = true
			list = append(list, v)
		}
	}
	return list, nil
}

// pair reads a range.
func (s settings) pair(base string) (low, high string, err error) {
	v, ok := s.get(base + "range")
	if !ok {
		return "", "", s.refuse(base+"range", "is missing: it is the least and the greatest value, with a comma between")
	}
	parts := strings.Split(v, ",")
	if len(parts) != 2 {
		return "", "", s.refuse(base+"range", "%q is not two values with a comma between", v)
	}
	return parts[0], parts[1], nil
}

// positive reads an optional whole number from 1 on; ok is false when it is not there.
func (s settings) positive(key string) (n int64, ok bool, err error) {
	v, ok := s.get(key)
	if !ok {
		return 1, false, nil
	}
	n, err = strconv.ParseInt(strings.TrimSpace(v), 10, 64)
	if err != nil || n < 1 {
		return 0, true, s.refuse(key, "%q is not a positive whole number", v)
	}
	return n, true, nil
}

func (s settings) integers(base string, kind columnar.Kind) (rule, error) {
	low, high, err := s.pair(base)
	if err != nil {
		return nil, err
	}
	n := integers{text: kind == columnar.String || kind == columnar.Varchar}
	for _, end := range []struct {
		text string
		into *int64
	}{{low, &n.low}, {high, &n.high}} {
		if *end.into, err = strconv.ParseInt(strings.TrimSpace(end.text), 10, 64); err != nil {
			return nil, s.refuse(base+"range", "%q is not a whole number of 64 bits", end.text)
		}
	}
	if n.low > n.high {
		return nil, s.refuse(base+"range", "%d is greater than %d", n.low, n.high)
	}
	step, _, err := s.positive(base + "interval")
	if err != nil {
		return nil, err
	}
	digits, ok, err := s.positive(base + "digits")
	if err != nil {
		return nil, err
	}
	if !ok {
		digits = 0
	}
	if digits > 1000 {
		return nil, s.refuse(base+"digits", "%d is more than 1000", digits)
	}
	n.step, n.digits = uint64(step), int(digits)
	return n, nil
}

func (s settings) dates(base string, kind columnar.Kind) (rule, error) {
	pattern, ok := s.get(base + "format")
	if !ok {
		return nil, s.refuse(base+"format", "is missing: a date needs one, such as yyyy/MM/dd")
	}
	d := dates{kind: kind}
	var err error
	if d.format, err = parseFormat(pattern); err != nil {
		return nil, s.refuse(base+"format", "%v", err)
	}
	low, high, err := s.pair(base)
	if err != nil {
		return nil, err
	}
	if d.low, err = s.moment(base, low, d.format); err != nil {
		return nil, err
	}
	if d.high, err = s.moment(base, high, d.format); err != nil {
		return nil, err
	}
	if !d.low.now && !d.high.now && d.high.fixed.Before(d.low.fixed) {
		return nil, s.refuse(base+"range", "%s is later than %s", low, high)
	}
	step, _, err := s.positive(base + "interval")
	if err != nil {
		return nil, err
	}
	if step > 1<<31 {
		return nil, s.refuse(base+"interval", "%d is more than 2147483648", step)
	}
	d.step = step
	name, hasUnit := s.get(base + "interval.unit")
	if hasUnit {
		if d.unit, ok = unitOf(strings.ToUpper(strings.TrimSpace(name))); !ok {
			return nil, s.refuse(base+"interval.unit", "%q is not one of YEARS, MONTHS, WEEKS, DAYS, HOURS, MINUTES, SECONDS", name)
		}
		return d, nil
	}
	switch {
	case d.format.has("HkKhms"):
		return nil, s.refuse(base+"interval.unit", "is missing, and the format %q is finer than a day: say how far the values are apart", pattern)
	case d.format.has("dD"):
		d.unit, _ = unitOf("DAYS")
	case d.format.has("ML"):
		d.unit, _ = unitOf("MONTHS")
	default:
		return nil, s.refuse(base+"interval.unit", "is missing, and the format %q is neither of days nor of months: say how far the values are apart", pattern)
	}
	return d, nil
}

// moment reads one end of a date range.
func (s settings) moment(base, text string, f *dateFormat) (moment, error) {
	if m := nowPattern.FindStringSubmatch(text); m != nil {
		out := moment{now: true, unit: units[len(units)-1]}
		if m[1] == "" {
			return out, nil
		}
		n, err := strconv.ParseInt(m[2], 10, 64)
		if err != nil || n > 1<<31 {
			return out, s.refuse(base+"range", "%q goes too far from now", text)
		}
		if m[1] == "-" {
			n = -n
		}
		out.n = n
		out.unit, _ = unitOf(m[3])
		if year := out.at(time.Now()).Year(); year < 0 || year > 9999 {
			return out, s.refuse(base+"range", "%q goes too far from now", text)
		}
		return out, nil
	}
	t, err := f.parse(text)
	if err != nil {
		return moment{}, s.refuse(base+"range", "%v, nor NOW with units such as NOW-3YEARS", err)
	}
	return moment{fixed: t}, nil
}

// readTemplate reads storage.location.template, or makes the one that Hive's layout is.
func (p *Projection) readTemplate(s settings) error {
	const key = "storage.location.template"
	text, ok := s.get(key)
	if !ok {
		p.escape = true
		text = strings.TrimSuffix(s.Storage.Location, "/")
		for _, c := range p.columns {
			text += "/" + c.name + "=${" + c.name + "}"
		}
	}
	seen := map[int]bool{}
	for {
		before, rest, found := strings.Cut(text, "${")
		if !found {
			break
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed {
			return s.refuse(key, "a ${ is not closed")
		}
		index := -1
		for i, c := range p.columns {
			if strings.EqualFold(strings.TrimSpace(name), c.name) {
				index = i
			}
		}
		if index < 0 {
			return s.refuse(key, "${%s} is no partition column", name)
		}
		seen[index] = true
		p.template = append(p.template, piece{before, index})
		text = after
	}
	p.tail = text
	for i, c := range p.columns {
		if !seen[i] {
			return s.refuse(key, "the placeholder ${%s} is missing: every partition column needs one", c.name)
		}
	}
	if !strings.HasSuffix(p.tail, "/") {
		p.tail += "/"
	}
	places := make([]string, len(p.columns))
	for i := range places {
		places[i] = "xxx" // may be a bucket
	}
	if _, _, err := lake.ParseURL(p.location(places)); err != nil {
		return s.refuse(key, "%v", err)
	}
	return nil
}
