package columnar

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/klauspost/compress/zstd"

	"flowlake/fault"
)

// columns reads "a int, b array<int>" as columns; struct commas are inside brackets.
func columns(t testing.TB, ddl string) []Column {
	t.Helper()
	var out []Column
	for part := range strings.SplitSeq(ddl, "; ") {
		name, typ, _ := strings.Cut(part, " ")
		parsed, err := ParseType(typ)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, Column{name, parsed})
	}
	return out
}

func all(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// rows decodes text and prints each row as the JSON of its columns.
func rows(t testing.TB, spec Spec, name, input string) (out []string, stats Stats, err error) {
	t.Helper()
	text, err := NewText(spec)
	if err != nil {
		return nil, stats, err
	}
	stats, err = text.Read(context.Background(), name, strings.NewReader(input), func(b arrow.RecordBatch) error {
		defer b.Release()
		for i := range int(b.NumRows()) {
			row := []byte{'['}
			for j := range int(b.NumCols()) {
				if j > 0 {
					row = append(row, ',')
				}
				v, err := json.Marshal(b.Column(j).GetOneForMarshal(i))
				if err != nil {
					return err
				}
				row = append(row, v...)
			}
			out = append(out, string(append(row, ']')))
		}
		return nil
	})
	return out, stats, err
}

func TestTextFormats(t *testing.T) {
	type p = map[string]string
	for _, tt := range []struct {
		name    string
		format  Format
		params  p
		ddl, in string
		want    []string
	}{
		{"delimited: default delimiter and null", Delimited, nil, "a int; b string", "1\x01x\n\\N\x01\\N\n", []string{`[1,"x"]`, `[null,null]`}},
		{"delimited: extra columns are dropped, missing ones NULL", Delimited, p{"field.delim": " "}, "a int; b string", "1 x y\n2\n\n", []string{`[1,"x"]`, `[2,null]`, `[null,null]`}},
		{"delimited: bad and out-of-range values are NULL", Delimited, p{"field.delim": ","}, "a tinyint; b bigint; c boolean; d double",
			"128,9223372036854775808,yes,x\n-128,-9223372036854775808,TRUE,1e3\n 1,+5,false,\n",
			[]string{`[null,null,null,null]`, `[-128,-9223372036854775808,true,1000]`, `[null,5,false,null]`}},
		{"delimited: dates, timestamps, decimals", Delimited, p{"field.delim": "|"}, "a date; b timestamp; c decimal(5,2)",
			"2022-08-29|2022-08-29 01:02:03.4567|1.005\n2022-02-30|2022-08-29|12345\n0001-01-01|x|-999.994\n",
			[]string{`["2022-08-29","2022-08-29T01:02:03.457","1.01"]`, `[null,"2022-08-29T00:00:00",null]`, `["0001-01-01",null,"-999.99"]`}},
		{"delimited: escapes", Delimited, p{"field.delim": ",", "escape.delim": `\`}, "a string; b string", `x\,y,a\\b\n` + "\n", []string{`["x,y","a\\b\n"]`}},
		{"delimited: a numeric delimiter is a byte's number", Delimited, p{"field.delim": "9"}, "a string; b string", "x y\tz\n", []string{`["x y","z"]`}},
		{"delimited: header and footer lines", Delimited, p{"field.delim": ",", "skip.header.line.count": "1", "skip.footer.line.count": "2"}, "a string", "h\nx\ny\nf\ng", []string{`["x"]`, `["y"]`}},
		{"delimited: CRLF and no end of line at the end", Delimited, p{"field.delim": ","}, "a string; b int", "x,1\r\ny,2", []string{`["x",1]`, `["y",2]`}},
		{"delimited: nested", Delimited, p{"field.delim": ",", "collection.delim": ";", "mapkey.delim": ":"}, "a array<int>; m map<string,int>; s struct<x:int,y:string>",
			"1;2;z,k:1;l:;k:3,7;w\n,,\n\\N,\\N,\\N\n",
			[]string{`[[1,2,null],[{"key":"k","value":1},{"key":"l","value":null}],{"x":7,"y":"w"}]`, `[[],[],{"x":null,"y":null}]`, `[null,null,null]`}},
		{"delimited: the last column takes the rest", Delimited, p{"field.delim": " ", "serialization.last.column.takes.rest": "true"}, "a string; b string", "x y z\n", []string{`["x","y z"]`}},
		{"delimited: bytes that are not UTF-8", Delimited, nil, "a string; b varchar(2)", "\xff\x01äöü\n", []string{`["�","äö"]`}},
		{"csv: quotes, escapes and missing columns", CSV, nil, "a string; b string; c string", `"a,b","c""d",e` + "\n" + `x,"y\"z"` + "\n", []string{`["a,b","c\"d","e"]`, `["x","y\"z",null]`}},
		{"csv: an escape outside quotes vanishes", CSV, nil, "a string", `a\b` + "\n", []string{`["ab"]`}},
		{"csv: other characters", CSV, p{"separatorChar": "\t", "quoteChar": "'", "escapeChar": "!"}, "a string; b string", "'x\ty'\t'a!'b'\n", []string{`["x\ty","a'b"]`}},
		{"csv: dates in days and timestamps in milliseconds", CSV, nil, "a date; b timestamp; c int", "18276,1579059880000,\"5\"\n", []string{`["2020-01-15","2020-01-15T03:44:40",5]`}},
		{"json: columns in any case, mappings, dots", JSON, p{"dots.in.keys": "true", "mapping.ts": "time.stamp", "mapping.unused": "x"}, "a int; b_c string; ts bigint",
			`{"A":1,"b.c":"x","extra":[{}]}` + "\n" + `{"b_c":2.50}` + "\n", []string{`[1,"x",null]`, `[null,"2.50",null]`}},
		{"json: a mapped key", JSON, p{"mapping.src": "srcAddr"}, "src string", `{"srcaddr":"10.0.0.1"}`, []string{`["10.0.0.1"]`}},
		{"json: exact keys", JSON, p{"case.insensitive": "false", "mapping.big": "A"}, "a int; big int", `{"A":1,"a":2}`, []string{`[2,1]`}},
		{"json: broken lines become NULLs when asked", JSON, p{"ignore.malformed.json": "true"}, "a int", "{\"a\":1}\n{\"a\":\n{\"a\":1}x\n", []string{`[1]`, `[null]`, `[null]`}},
		{"json: nested", JSON, nil, "s struct<a:int,b:array<struct<c:string>>>; m map<string,double>",
			`{"s":{"B":[{"C":"x"},{}],"a":"7"},"m":{"k":1.5,"l":null}}`, []string{`[{"a":7,"b":[{"c":"x"},{"c":null}]},[{"key":"k","value":1.5},{"key":"l","value":null}]]`}},
		{"json: escapes and surrogates", JSON, nil, "a string", `{"\u0061":"\ud83d\ude00\n\u00e9\ud800"}`, []string{`["😀\né�"]`}},
		{"json: objects in string columns keep their text", JSON, nil, "a string; b string", `{"a":{"x": [1, 2]},"b":true}`, []string{`["{\"x\": [1, 2]}","true"]`}},
		{"json: timestamps", JSON, nil, "a timestamp", `{"a":"2022-08-29T01:02:03Z"}` + "\n" + `{"a":1661734923}` + "\n" + `{"a":1661734923123}` + "\n" + `{"a":"2022-08-29T01:02:03+09:00"}`,
			[]string{`["2022-08-29T01:02:03"]`, `["2022-08-29T01:02:03"]`, `["2022-08-29T01:02:03.123"]`, `["2022-08-28T16:02:03"]`}},
		{"json: arrays by position", JSON, nil, "a int; b string", `[1,"x"]`, []string{`[1,"x"]`}},
		{"hive json: timestamp formats", HiveJSON, p{"timestamp.formats": "dd/MMM/yyyy:HH:mm:ss Z,millis"}, "a timestamp", `{"a":"29/Aug/2022:01:02:03 +0900"}` + "\n" + `{"a":1661734923123}`,
			[]string{`["2022-08-28T16:02:03"]`, `["2022-08-29T01:02:03.123"]`}},
		{"json: an empty line is a row of NULLs", JSON, nil, "a int", "\n", []string{`[null]`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cols := columns(t, tt.ddl)
			spec := Spec{Format: tt.format, Parameters: tt.params, Columns: cols, Read: all(len(cols)), BatchRows: 2}
			got, stats, err := rows(t, spec, "f", tt.in)
			if err != nil {
				t.Fatal(err)
			}
			if fmt.Sprint(got) != fmt.Sprint(tt.want) || stats.Rows != int64(len(tt.want)) {
				t.Fatalf("input %q\n got %v (%+v)\nwant %v", tt.in, got, stats, tt.want)
			}
			for i := range cols { // each column alone reads the same
				spec.Read = []int{i}
				alone, _, err := rows(t, spec, "f", tt.in)
				if err != nil || len(alone) != len(got) {
					t.Fatalf("column %s alone: %v, %v", cols[i].Name, alone, err)
				}
				for j := range alone {
					if !strings.Contains(got[j], strings.Trim(alone[j], "[]")) {
						t.Errorf("column %s alone reads %s, with the others %s", cols[i].Name, alone[j], got[j])
					}
				}
			}
		})
	}
}

func TestTextRefuses(t *testing.T) {
	type p = map[string]string
	for _, tt := range []struct {
		name    string
		format  Format
		params  p
		ddl, in string
		kind    fault.Kind
		says    string
	}{
		{"csv: what does not cast, with its place", CSV, nil, "a string; b int", "x,1\ny,z\n", fault.Invalid, "file s3://b/k: line 2: HIVE_BAD_DATA: Error parsing field value 'z' for field 1"},
		{"csv: an empty number", CSV, nil, "a int", "\"\"\n", fault.Invalid, "Error parsing field value ''"},
		{"csv: a long quote character", CSV, p{"quoteChar": "ab"}, "a int", "", fault.Invalid, "quoteChar"},
		{"csv: an array", CSV, nil, "a array<int>", "", fault.Unsupported, "array<int>"},
		{"json: a broken line, with its place", JSON, nil, "a int", "{}\n{\n", fault.Invalid, "line 2: HIVE_CURSOR_ERROR: Row is not a valid JSON Object"},
		{"json: deep nesting", JSON, nil, "a int", `{"a":` + strings.Repeat("[", 100000), fault.Invalid, "line 1"},
		{"json: two columns of one key", JSON, p{"mapping.b": "a"}, "a int; b int", "", fault.Invalid, `key "a"`},
		{"header count", Delimited, p{"skip.header.line.count": "-1"}, "a int", "", fault.Invalid, "skip.header.line.count"},
		{"line delimiter", Delimited, p{"line.delim": ";"}, "a int", "", fault.Unsupported, "line.delim"},
		{"time format", HiveJSON, p{"timestamp.formats": "QQQ"}, "a timestamp", "", fault.Unsupported, "QQQ"},
		{"a long line", Delimited, nil, "a string", "x\n" + strings.Repeat("y", 2000), fault.Invalid, "line 2 is longer than 1000 bytes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cols := columns(t, tt.ddl)
			_, _, err := rows(t, Spec{Format: tt.format, Parameters: tt.params, Columns: cols, Read: all(len(cols)), MaxLine: 1000}, "s3://b/k", tt.in)
			if tt.name == "json: deep nesting" && err != nil {
				return // longer than the line bound or nested too deep: either way an error
			}
			if !fault.Is(err, tt.kind) || !strings.Contains(err.Error(), tt.says) {
				t.Fatalf("got %v, want a %v fault that says %q", err, tt.kind, tt.says)
			}
		})
	}
}

func TestMatchedLines(t *testing.T) {
	match := func(line []byte, values [][]byte) bool {
		parts := bytes.Split(line, []byte(" "))
		if len(parts) != 2 {
			return false
		}
		copy(values, parts)
		return true
	}
	cols := columns(t, "num int; word string; none string")
	spec := Spec{Format: Matched, Columns: cols, Read: all(3), Match: match, Values: []string{"Word", "num"}}
	got, stats, err := rows(t, spec, "f", "a 1\nbad\nb x\n")
	want := `[[1,"a",null] [null,null,null] [null,"b",null]]`
	if err != nil || fmt.Sprint(got) != want || stats != (Stats{Rows: 3, Unmatched: 1}) {
		t.Fatalf("by name: %v, %+v, %v", got, stats, err)
	}
	spec.Values = nil
	got, _, err = rows(t, spec, "f", "1 a\n")
	if err != nil || fmt.Sprint(got) != `[[1,"a",null]]` {
		t.Fatalf("by position: %v, %v", got, err)
	}
}

func TestNoColumnsStillCountRows(t *testing.T) {
	_, stats, err := rows(t, Spec{Format: Delimited, Columns: columns(t, "a int"), BatchRows: 3}, "f", "1\n2\n3\n4\n")
	if err != nil || stats.Rows != 4 {
		t.Fatalf("%+v, %v", stats, err)
	}
}

func TestLongLinesMakeSmallBatches(t *testing.T) {
	line := strings.Repeat("x", 10<<20) + "\n"
	text, err := NewText(Spec{Format: Delimited, Columns: columns(t, "a string"), Read: []int{0}})
	if err != nil {
		t.Fatal(err)
	}
	most := int64(0)
	stats, err := text.Read(t.Context(), "f", strings.NewReader(strings.Repeat(line, 9)), func(b arrow.RecordBatch) error {
		most = max(most, b.NumRows())
		b.Release()
		return nil
	})
	if err != nil || stats.Rows != 9 || most > 4 {
		t.Fatalf("%+v, %d rows in a batch, %v", stats, most, err)
	}
}

func TestCompressedFiles(t *testing.T) {
	var gz, zs bytes.Buffer
	w := gzip.NewWriter(&gz)
	io.WriteString(w, "1\n2\n")
	w.Close()
	second := gzip.NewWriter(&gz) // gz files may be several, one behind the other
	io.WriteString(second, "3\n")
	second.Close()
	z, _ := zstd.NewWriter(&zs)
	io.WriteString(z, "1\n2\n3\n")
	z.Close()
	spec := Spec{Format: Delimited, Columns: columns(t, "a int"), Read: []int{0}}
	for _, tt := range []struct{ name, file, in, want string }{
		{"gzip of two members", "s3://b/k.gz", gz.String(), "[[1] [2] [3]]"},
		{"zstd", "s3://b/K.ZST", zs.String(), "[[1] [2] [3]]"},
		{"an empty gz file", "s3://b/k.gz", "", "[]"},
		{"half a gz file", "s3://b/k.gz", gz.String()[:gz.Len()-6], "file s3://b/k.gz: "},
		{"text called gz", "s3://b/k.gz", "2 123456789010 eni-1235b8ca", "file s3://b/k.gz: bad gzip data"},
		{"half a zstd file", "s3://b/k.zst", zs.String()[:zs.Len()-3], "file s3://b/k.zst: "},
		{"text called bz2", "s3://b/k.bz2", "2 123456789010 eni-1235b8ca", "file s3://b/k.bz2: bad bzip2 data"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, _, err := rows(t, spec, tt.file, tt.in)
			if strings.HasPrefix(tt.want, "file") {
				if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), tt.want) {
					t.Fatalf("got %v, %v; want an error that says %q", got, err, tt.want)
				}
			} else if err != nil || fmt.Sprint(got) != tt.want {
				t.Fatalf("got %v, %v; want %s", got, err, tt.want)
			}
		})
	}
}

func TestPartsHoldEveryLineOnce(t *testing.T) {
	var b strings.Builder
	for i := 0; b.Len() < 5*partBytes/2; i++ {
		fmt.Fprintf(&b, "%d%s\n", i, strings.Repeat("x", i%1000))
	}
	text, err := NewText(Spec{Format: Delimited, Columns: columns(t, "a string"), Read: []int{0}, Parameters: map[string]string{"skip.header.line.count": "1"}})
	if err != nil {
		t.Fatal(err)
	}
	in := strings.NewReader(b.String())
	parts := text.Split("f", in.Size())
	if len(parts) != 3 || len(text.Split("f.gz", in.Size())) != 1 {
		t.Fatalf("parts %v", parts)
	}
	// Whatever the borders: the middle of a line, its first byte, its end.
	for _, border := range []int64{parts[1].From, 1, 2, 3, 4, 5, 6, 7, 8} {
		var total Stats
		for _, p := range []Part{{0, border}, {border, parts[2].From}, {parts[2].From, -1}} {
			stats, err := text.ReadPart(t.Context(), "f", in, p, func(b arrow.RecordBatch) error { b.Release(); return nil })
			if err != nil {
				t.Fatal(err)
			}
			total.Rows += stats.Rows
		}
		if want := int64(strings.Count(b.String(), "\n") - 1); total.Rows != want {
			t.Errorf("border %d: %d rows, want %d", border, total.Rows, want)
		}
		if testing.Short() {
			break
		}
	}
}

func TestByteOrderMarkIsNoData(t *testing.T) {
	for _, tt := range []struct {
		format Format
		body   string
	}{
		{Delimited, "1,2\r\n3,4\n"}, {CSV, "\"1\",2\n3,4\n"}, {JSON, "{\"a\":1,\"b\":2}\n{\"a\":3,\"b\":4}\n"},
	} {
		spec := Spec{Format: tt.format, Columns: columns(t, "a int; b int"), Read: all(2), Parameters: map[string]string{"field.delim": ","}}
		want, _, err := rows(t, spec, "f", tt.body)
		if err != nil {
			t.Fatal(err)
		}
		if got, _, err := rows(t, spec, "f", "\xef\xbb\xbf"+tt.body); err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("format %d: got %v, %v; want %v", tt.format, got, err, want)
		}
	}
}

func FuzzText(f *testing.F) {
	for i, s := range []string{"1,x;y,k:1\n", "\"a\"\"b\",c\\\n", `{"a":[1,{"b":null}],"c":{"d":"\u00e9"}}`, `{"a":1e5}`, "\\N,,\n"} {
		f.Add(byte(i), s)
	}
	f.Fuzz(func(t *testing.T, format byte, s string) {
		cols := columns(t, "a string; b int; c timestamp; d decimal(20,3); e double")
		spec := Spec{Format: Format(format%4) + Delimited, Columns: cols, BatchRows: 3,
			Parameters: map[string]string{"field.delim": ",", "escape.delim": `\`, "collection.delim": ";", "mapkey.delim": ":"}}
		if spec.Format != CSV {
			spec.Columns = append(cols, columns(t, "f array<map<string,int>>; g struct<x:int,y:date>")...)
		}
		spec.Read = all(len(spec.Columns))
		got, stats, err := rows(t, spec, "f", s)
		if err == nil && int64(len(got)) != stats.Rows {
			t.Fatalf("%d rows, counted %d", len(got), stats.Rows)
		}
		// JSON that encoding/json takes must be taken, and rejected if it is, but for what we allow on purpose.
		if spec.Format == JSON && !strings.ContainsAny(s, "\n\r\t") && strings.HasPrefix(s, "{") && len(s) < 200 && json.Valid([]byte(s)) != (err == nil) {
			t.Fatalf("%q: valid %v, err %v", s, json.Valid([]byte(s)), err)
		}
	})
}

func BenchmarkDelimited(b *testing.B) {
	line := "2 123456789010 eni-1235b8ca123456789 172.31.16.139 172.31.16.21 20641 22 6 20 4249 1418530010 1418530070 ACCEPT OK\n"
	input := strings.Repeat(line, 20000)
	cols := columns(b, "version int; account_id string; interface_id string; srcaddr string; dstaddr string; srcport int; dstport int; protocol bigint; packets bigint; bytes bigint; start bigint; end bigint; action string; log_status string")
	text, err := NewText(Spec{Format: Delimited, Parameters: map[string]string{"field.delim": " "}, Columns: cols, Read: all(len(cols))})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(input)))
	for b.Loop() {
		if _, err := text.Read(context.Background(), "f", strings.NewReader(input), func(r arrow.RecordBatch) error { r.Release(); return nil }); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(20000*b.N)/b.Elapsed().Seconds(), "lines/s")
}
