package compact

import (
	"strconv"
	"strings"
	"time"

	"flowlake/catalog"
	"flowlake/columnar"
	"flowlake/fault"
)

// Table parameters (TBLPROPERTIES) that have a table compacted by itself.
const (
	ParameterOn       = "flowlake.compact"           // "true" or "false"
	ParameterSort     = "flowlake.compact.sort"      // columns, with commas; by default as DefaultSort
	ParameterInterval = "flowlake.compact.interval"  // how often, as "1h" or "30m"; at least a minute, by default an hour
	ParameterAge      = "flowlake.compact.min-age"   // how long a folder must have been quiet, by default 15 minutes
	ParameterTarget   = "flowlake.compact.target"    // size of an object, as "256MB"
	ParameterFiles    = "flowlake.compact.min-files" // fewer objects are left alone, by default 8
)

// Settings are a table's parameters, taken apart.
type Settings struct {
	On       bool
	Interval time.Duration
	Options  // zero where the parameters say nothing
}

// Parameters reads a table's settings. It returns fault.Invalid about "table property" with the name of the one that is
// wrong, and names a flowlake.compact property that there is not.
func Parameters(t catalog.Table) (Settings, error) {
	s := Settings{Interval: time.Hour}
	for name, value := range t.Parameters {
		if name != ParameterOn && !strings.HasPrefix(name, ParameterOn+".") {
			continue
		}
		bad := func(format string, args ...any) (Settings, error) {
			return Settings{}, fault.Newf(fault.Invalid, "table property "+name, "%q "+format, append([]any{value}, args...)...)
		}
		var err error
		switch name {
		case ParameterOn:
			if s.On = strings.EqualFold(value, "true"); !s.On && !strings.EqualFold(value, "false") {
				return bad("is neither true nor false")
			}
		case ParameterSort:
			for c := range strings.SplitSeq(value, ",") {
				s.SortBy = append(s.SortBy, strings.TrimSpace(c))
			}
			if _, err := sortColumns(t, s.SortBy); err != nil {
				return bad("%w", err)
			}
		case ParameterInterval:
			if s.Interval, err = time.ParseDuration(value); err != nil || s.Interval < time.Minute {
				return bad("is no duration of at least 1m, as 1h or 30m")
			}
		case ParameterAge:
			if s.MinAge, err = time.ParseDuration(value); err != nil || s.MinAge < 0 {
				return bad("is no duration, as 15m or 0s")
			}
		case ParameterTarget:
			if s.Target, err = ParseSize(value); err != nil || s.Target < 1<<20 {
				return bad("is no size of at least 1MB, as 256MB")
			}
		case ParameterFiles:
			if s.MinFiles, err = strconv.Atoi(value); err != nil || s.MinFiles < 1 {
				return bad("is no number of at least 1")
			}
		default:
			return Settings{}, fault.Newf(fault.Invalid, "table property "+name, "does not exist; there are %s, and .sort, .interval, .min-age, .target and .min-files behind it", ParameterOn)
		}
	}
	return s, nil
}

// ParseSize reads "256MB", "1GB", "500KB" or a number of bytes; a kilobyte has 1,024.
func ParseSize(text string) (int64, error) {
	digits := strings.TrimRight(strings.ToUpper(strings.TrimSpace(text)), "KMGIB")
	unit := strings.ToUpper(strings.TrimSpace(text))[len(digits):]
	shift, ok := map[string]uint{"": 0, "B": 0, "KB": 10, "K": 10, "KIB": 10, "MB": 20, "M": 20, "MIB": 20, "GB": 30, "G": 30, "GIB": 30}[unit]
	n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 64)
	if !ok || err != nil || n < 0 || n > 1<<62>>shift {
		return 0, fault.Newf(fault.Invalid, "size "+text, "is not one as 256MB, 1GB or 1048576")
	}
	return n << shift, nil
}

const parquetSerDe = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"

// checkFormat returns fault.Unsupported for what is not stored as Parquet.
func checkFormat(t catalog.Table, s catalog.Storage, subject string) error {
	if t.Kind == catalog.VirtualView {
		return fault.Newf(fault.Unsupported, "view "+t.Database+"."+t.Name, "has no objects: compact the tables that it reads")
	}
	library, input := s.SerDe.Library, strings.ToLower(s.InputFormat)
	if library == parquetSerDe || library == "" && strings.Contains(input, "parquet") {
		return nil
	}
	if library == "" {
		library = s.InputFormat
	}
	if library == "" {
		library = "text"
	}
	return fault.Newf(fault.Unsupported, subject, "is stored as %s, and only Parquet is compacted: flowlake convert writes text flow logs into a Parquet table", library)
}

func projected(t catalog.Table) bool {
	return strings.EqualFold(t.Parameters["projection.enabled"], "true")
}

// DefaultSort are the columns that objects of flow logs are sorted by when nobody says: the source's address, the
// destination's, the start. Measured on 10 million rows: with the start alone behind the source the file was 4 % larger
// and a needle took twice as long; the source alone made it 25 % larger.
var DefaultSort = [][]string{{"srcaddr", "src_addr"}, {"dstaddr", "dst_addr"}, {"start", "start_time", "starttime"}}

// sortColumns are the table's columns that are to be sorted by, as the table spells them.
func sortColumns(t catalog.Table, wanted []string) ([]string, error) {
	find := func(name string) (catalog.Column, bool) {
		for _, c := range t.Storage.Columns {
			if strings.EqualFold(c.Name, name) {
				return c, true
			}
		}
		return catalog.Column{}, false
	}
	var out []string
	if len(wanted) == 0 {
		for i, names := range DefaultSort {
			for _, name := range names {
				if c, ok := find(name); ok {
					out = append(out, c.Name)
					break
				}
			}
			if i == 0 && len(out) == 0 {
				return nil, fault.Newf(fault.Invalid, "sort columns", "table %s.%s has no column srcaddr: name the columns to sort by, with --sort-by or the table property %s",
					t.Database, t.Name, ParameterSort)
			}
		}
		return out, nil
	}
	seen := map[string]bool{}
	for _, name := range wanted {
		c, ok := find(name)
		if !ok {
			return nil, fault.Newf(fault.Invalid, "sort column "+name, "is no column of table %s.%s's objects", t.Database, t.Name)
		}
		if seen[c.Name] {
			return nil, fault.Newf(fault.Invalid, "sort column "+name, "is named twice")
		}
		seen[c.Name] = true
		if kind, err := columnar.ParseType(c.Type); err != nil || kind.Nested() {
			return nil, fault.Newf(fault.Invalid, "sort column "+name, "is of type %s, which has no order", c.Type)
		}
		out = append(out, c.Name)
	}
	return out, nil
}
