package crawler

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"strconv"
	"strings"

	"flowlake/catalog"
	"flowlake/columnar"
)

// maxJSONDepth bounds how deep types nest; what is deeper is text.
const maxJSONDepth = 32

// errJSON is any reason for which a document is none.
var errJSON = errors.New("not JSON")

// classifyJSON tries to read the sample as JSON: one document a line, or one behind the other. With a path,
// a custom classifier's, the rows are what it leads to. It is as certain as the share of lines that are
// whole documents where there is one a line, and otherwise sure or not at all.
func classifyJSON(s sample, lines [][]byte, path []catalog.PathStep) verdict {
	v := verdict{classifier: "json", rows: -1}
	start := bytes.TrimLeft(bytes.TrimPrefix(s.head, []byte("\xef\xbb\xbf")), " \t\r\n")
	if len(start) == 0 || start[0] != '{' && start[0] != '[' {
		return v
	}
	var rows merger
	d := json.NewDecoder(bytes.NewReader(start))
	d.UseNumber()
	for v.records < sampleRecords {
		t, ok, err := document(d, path)
		if err == io.EOF {
			break
		}
		if err != nil {
			// The sample may end inside a document.
			if !s.whole && errors.Is(err, io.ErrUnexpectedEOF) && v.records > 0 {
				break
			}
			v.records, v.matched = 0, 0
			break
		}
		v.records++
		if ok {
			v.matched++
			rows.add(t)
		}
	}
	if v.records == 0 { // broken somewhere: line by line the rest may be whole
		rows = merger{}
		for _, line := range lines {
			v.records++
			d := json.NewDecoder(bytes.NewReader(line))
			d.UseNumber()
			t, ok, err := document(d, path)
			if err == nil && ok {
				if _, err = d.Token(); err == io.EOF {
					v.matched++
					rows.add(t)
				}
			}
		}
	}
	row := rows.merged()
	if v.matched == 0 || row.Kind != columnar.Struct && row.Kind != columnar.Array {
		v.matched = 0
		return v
	}
	v.certainty = float64(v.matched) / float64(v.records)
	if len(lines) > 0 && !json.Valid(lines[0]) {
		v.remark = "its documents are not one on a line each, and queries read each line as a row"
	}
	v.format = format{classification: "json", serde: serdeJSON}
	if row.Kind == columnar.Array { // a file that is one array: Glue makes it one column
		v.columns = []column{{"array", row}}
	}
	for _, f := range row.Fields {
		v.columns = append(v.columns, column{f.Name, f.Type})
	}
	if len(v.columns) == 0 {
		v.certainty = 0
	}
	return v
}

// document reads one document, and returns the type of the rows in it. ok is false when the path leads nowhere.
func document(d *json.Decoder, path []catalog.PathStep) (t columnar.Type, ok bool, err error) {
	t, err = readType(d, 0)
	if err != nil {
		return t, false, err
	}
	t, ok = follow(t, path)
	return t, ok, nil
}

// follow walks a path down a type.
func follow(t columnar.Type, path []catalog.PathStep) (columnar.Type, bool) {
	for _, step := range path {
		switch {
		case step.Name == "" && t.Kind == columnar.Array:
			t = *t.Elem
		case step.Name == "" && t.Kind == columnar.Struct:
			var all merger
			for _, f := range t.Fields {
				all.add(f.Type)
			}
			t = all.merged()
		case t.Kind == columnar.Struct:
			i := 0
			for i < len(t.Fields) && t.Fields[i].Name != step.Name {
				i++
			}
			if i == len(t.Fields) {
				return columnar.Type{}, false
			}
			t = t.Fields[i].Type
		default:
			return columnar.Type{}, false
		}
	}
	return t, t.Kind == columnar.Struct || t.Kind == columnar.Array
}

// readType reads one JSON value and returns its type.
func readType(d *json.Decoder, depth int) (columnar.Type, error) {
	token, err := d.Token()
	if err != nil {
		return columnar.Type{}, err
	}
	switch v := token.(type) {
	case bool:
		return columnar.Type{Kind: columnar.Boolean}, nil
	case json.Number:
		return numberType(v.String()), nil
	case string:
		return columnar.Type{Kind: columnar.String}, nil
	case json.Delim:
		if depth >= maxJSONDepth {
			return columnar.Type{}, errJSON
		}
		if v == '[' {
			return readArray(d, depth)
		}
		return readObject(d, depth)
	}
	return columnar.Type{}, nil // null
}

func readArray(d *json.Decoder, depth int) (columnar.Type, error) {
	var elems merger
	for d.More() {
		t, err := readType(d, depth+1)
		if err != nil {
			return columnar.Type{}, within(err)
		}
		elems.add(t)
	}
	_, err := d.Token()
	elem := elems.merged()
	return columnar.Type{Kind: columnar.Array, Elem: &elem}, within(err)
}

func readObject(d *json.Decoder, depth int) (columnar.Type, error) {
	t := columnar.Type{Kind: columnar.Struct}
	at := make(map[string]int)
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return columnar.Type{}, within(err)
		}
		member, err := readType(d, depth+1)
		if err != nil {
			return columnar.Type{}, within(err)
		}
		n := name.(string)
		if i, ok := at[strings.ToLower(n)]; ok {
			t.Fields[i].Type = mergeTypes(t.Fields[i].Type, member)
			continue
		}
		at[strings.ToLower(n)] = len(t.Fields)
		t.Fields = append(t.Fields, columnar.Field{Name: n, Type: member})
	}
	_, err := d.Token()
	return t, within(err)
}

// within tells an end inside a value from the end between values.
func within(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

func numberType(text string) columnar.Type {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		if n >= math.MinInt32 && n <= math.MaxInt32 {
			return columnar.Type{Kind: columnar.Int}
		}
		return columnar.Type{Kind: columnar.BigInt}
	}
	return columnar.Type{Kind: columnar.Double}
}
