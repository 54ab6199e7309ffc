package columnar

import (
	"bytes"
	"strings"

	"github.com/apache/arrow-go/v18/arrow/array"

	"flowlake/fault"
)

// jsonRules are what the two JSON SerDes differ in, and what tables can set.
type jsonRules struct {
	openx        bool
	ignoreBroken bool // a line that is not JSON is a row of NULLs
	fold         bool // keys match columns in any case
	dots         bool // a dot in a key is an underscore in a column
	stamps       func([]byte) (int64, bool)
}

func (t *Text) json() error {
	p := t.spec.Parameters
	r := jsonRules{openx: t.spec.Format == JSON, fold: true}
	r.ignoreBroken = equalFold([]byte(p["ignore.malformed.json"]), "true")
	fallback := func(b []byte) (int64, bool) { return parseTimestamp(b, true) }
	if r.openx {
		r.fold = !equalFold([]byte(p["case.insensitive"]), "false")
		r.dots = equalFold([]byte(p["dots.in.keys"]), "true")
		fallback = openxTimestamp
	}
	var err error
	if r.stamps, err = timestampFormats(p["timestamp.formats"], fallback); err != nil {
		return err
	}
	// The key of each column that is read: its own name, unless mapping.<column> says another.
	place := make(map[string]int, len(t.spec.Read))
	position := make([]int, len(t.spec.Columns)) // for OpenX's lines that are arrays
	for i := range position {
		position[i] = -1
	}
	for i, at := range t.spec.Read {
		name := t.spec.Columns[at].Name
		key := name
		for parameter, value := range p {
			if column, ok := strings.CutPrefix(parameter, "mapping."); ok && r.openx && strings.EqualFold(column, name) {
				key = value
			}
		}
		if r.fold {
			key = strings.ToLower(key)
		}
		if _, twice := place[key]; twice {
			return fault.Newf(fault.Invalid, "column "+name, "its key %q is another column's too", key)
		}
		place[key] = i
		position[at] = i
	}
	t.make = func(b *array.RecordBuilder) (rowFunc, error) {
		appends := make([]appendFunc, len(t.spec.Read))
		for i, at := range t.spec.Read {
			appends[i] = r.appender(t.spec.Columns[at].Type, b.Field(i))
		}
		values := make([][]byte, len(appends))
		keys := keyReader{rules: r}
		member := func(key, value []byte) error {
			if i, ok := place[string(keys.name(key))]; ok {
				values[i] = value // of equal keys the last one counts
			}
			return nil
		}
		index := 0
		element := func(value []byte) error {
			if index < len(position) && position[index] >= 0 {
				values[position[index]] = value
			}
			index++
			return nil
		}
		return func(line []byte) (bool, error) {
			clear(values)
			index = 0
			line = trimBlanks(line)
			end, err := 0, errJSON
			switch {
			case len(line) == 0:
				nulls(b)
				return true, nil
			case line[0] == '{':
				end, err = eachMember(line, 0, 0, member)
			case line[0] == '[' && r.openx:
				end, err = eachElement(line, 0, 0, element)
			}
			if err != nil || end != len(line) {
				if r.ignoreBroken {
					nulls(b)
					return false, nil
				}
				return false, fault.Newf(fault.Invalid, "HIVE_CURSOR_ERROR", "Row is not a valid JSON Object")
			}
			for i, f := range appends {
				if values[i] == nil || !f(values[i]) {
					b.Field(i).AppendNull()
				}
			}
			return true, nil
		}, nil
	}
	return nil
}

// keyReader turns keys as they are written into those that columns are looked up by.
type keyReader struct {
	rules  jsonRules
	buffer []byte
	folded []byte
}

func (k *keyReader) name(literal []byte) []byte {
	name := unquote(literal, &k.buffer)
	if !k.rules.fold && !k.rules.dots {
		return name
	}
	ascii := true
	k.folded = k.folded[:0]
	for _, c := range name {
		switch {
		case c >= 0x80:
			ascii = false
		case k.rules.fold && c >= 'A' && c <= 'Z':
			c += 'a' - 'A'
		case k.rules.dots && c == '.':
			c = '_'
		}
		k.folded = append(k.folded, c)
	}
	if !ascii && k.rules.fold {
		return bytes.ToLower(k.folded)
	}
	return k.folded
}

func isNull(v []byte) bool { return len(v) == 4 && v[0] == 'n' }

// appender reads valid JSON values of type t.
func (r jsonRules) appender(t Type, b array.Builder) appendFunc {
	switch t.Kind {
	case Array:
		return r.list(b.(*array.ListBuilder), *t.Elem)
	case Map:
		return r.mapping(b.(*array.MapBuilder), t)
	case Struct:
		return r.structure(b.(*array.StructBuilder), t)
	}
	f := scalarAppender(t, b, r.stamps)
	text := t.Text() || t.Kind == Binary
	var buffer []byte
	return func(v []byte) bool {
		if isNull(v) {
			return false
		}
		if v[0] == '"' {
			v = unquote(v, &buffer)
			if len(v) == 0 && !text {
				return false
			}
		} else if !text && (v[0] == '{' || v[0] == '[') {
			return false
		}
		return f(v) // numbers, booleans and whole objects keep their text in a string column
	}
}

func (r jsonRules) list(b *array.ListBuilder, elem Type) appendFunc {
	f := r.appender(elem, b.ValueBuilder())
	element := func(v []byte) error {
		if !f(v) {
			b.ValueBuilder().AppendNull()
		}
		return nil
	}
	return func(v []byte) bool {
		if v[0] != '[' {
			return false
		}
		b.Append(true)
		_, _ = eachElement(v, 0, 0, element) // checked when the line was
		return true
	}
}

func (r jsonRules) mapping(b *array.MapBuilder, t Type) appendFunc {
	key := scalarAppender(*t.Key, b.KeyBuilder(), r.stamps)
	value := r.appender(*t.Elem, b.ItemBuilder())
	var buffer []byte
	return func(v []byte) bool {
		if v[0] != '{' {
			return false
		}
		b.Append(true)
		seen := map[string]bool{}
		_, _ = eachMember(v, 0, 0, func(k, item []byte) error {
			name := unquote(k, &buffer)
			if seen[string(name)] || !key(name) {
				return nil
			}
			seen[string(name)] = true
			if !value(item) {
				b.ItemBuilder().AppendNull()
			}
			return nil
		})
		return true
	}
}

func (r jsonRules) structure(b *array.StructBuilder, t Type) appendFunc {
	fields := make([]appendFunc, len(t.Fields))
	place := make(map[string]int, len(fields))
	for i, f := range t.Fields {
		fields[i] = r.appender(f.Type, b.FieldBuilder(i))
		name := f.Name
		if r.fold {
			name = strings.ToLower(name)
		}
		place[name] = i
	}
	return func(v []byte) bool {
		// A struct may hold itself in no way, but an array of structs calls this again for each element,
		// so the values found live on this call's stack.
		values := make([][]byte, len(fields))
		switch {
		case v[0] == '{':
			keys := keyReader{rules: r}
			_, _ = eachMember(v, 0, 0, func(k, item []byte) error {
				if i, ok := place[string(keys.name(k))]; ok {
					values[i] = item
				}
				return nil
			})
		case v[0] == '[' && r.openx: // by position
			i := 0
			_, _ = eachElement(v, 0, 0, func(item []byte) error {
				if i < len(values) {
					values[i] = item
				}
				i++
				return nil
			})
		default:
			return false
		}
		b.Append(true)
		for i, f := range fields {
			if values[i] == nil || !f(values[i]) {
				b.FieldBuilder(i).AppendNull()
			}
		}
		return true
	}
}

// openxTimestamp reads what OpenX's SerDe takes for a timestamp: ISO 8601 or JDBC text, or a number, which is
// seconds when it has a fraction or up to 10 digits, and milliseconds otherwise.
func openxTimestamp(b []byte) (int64, bool) {
	if us, ok := parseTimestamp(b, true); ok && bytes.IndexByte(b[1:], '-') >= 0 {
		return us, true
	}
	if whole, fraction, ok := bytes.Cut(b, []byte(".")); ok {
		seconds, ok := parseInt(whole, -1<<40, 1<<40)
		part, rest, fine := number(fraction, 1, 9)
		if !ok || !fine || len(rest) > 0 {
			return 0, false
		}
		micros := int64(part) * pow10[9-len(fraction)] / 1000
		if b[0] == '-' {
			micros = -micros
		}
		return seconds*1e6 + micros, true
	}
	n, ok := parseInt(b, -1<<53, 1<<53)
	if !ok {
		return 0, false
	}
	if len(b) <= 10 {
		return n * 1e6, true
	}
	return n * 1000, true
}
