package destination

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// barren notices a batch whose every row converts to NULLs alone: its table shares no field with its records, which on AWS too becomes
// rows of nothing, without a word. The zero value has met no row.
type barren struct {
	met, filled bool
	fields      []string // of the first row
}

// maxFields bounds the fields that a warning names.
const maxFields = 40

// row takes note of a record's rows, whose fields are asked for once.
func (b *barren) row(empty bool, fields func() []string) {
	if b.filled = !empty; b.filled || b.met {
		return
	}
	b.met, b.fields = true, fields()
}

// keysOf are the keys of a record's first object.
func keysOf(record []byte) []string {
	var object map[string]json.RawMessage
	if json.NewDecoder(bytes.NewReader(record)).Decode(&object) != nil {
		return nil
	}
	return slices.Sorted(maps.Keys(object))
}

// warn says in the log that a batch is barren: once for each version of the stream and of its table.
func (w *Writer) warn(r *run) {
	b := &r.barren
	if !b.met || b.filled || r.warned.Swap(true) {
		return
	}
	columns := make([]string, len(r.plan.Columns))
	for i, col := range r.plan.Columns {
		columns[i] = col.Name
	}
	join := func(list []string) string { return strings.Join(list[:min(len(list), maxFields)], ", ") }
	w.log.Warn("a stream's rows are all NULL: no column of its table is named as a field of its records, or those have no values", "stream", r.batch.Stream.Name,
		"table", r.plan.Database+"."+r.plan.Name, "version", r.plan.Version, "columns", join(columns), "fields", join(b.fields))
}
