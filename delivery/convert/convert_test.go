package convert

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"flowlake/columnar"
	"flowlake/columnar/parquet"
	"flowlake/fault"

	judge "github.com/parquet-go/parquet-go"
	"pgregory.net/rapid"
)

func columns(t testing.TB, text ...string) (out []columnar.Column) {
	t.Helper()
	for _, c := range text {
		name, spelled, _ := strings.Cut(c, " ")
		typ, err := columnar.ParseType(spelled)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, columnar.Column{Name: name, Type: typ})
	}
	return out
}

func converter(t testing.TB, o Options, text ...string) *Converter {
	t.Helper()
	c, err := New(columns(t, text...), o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// shown spells rows: a value a column, rows between semicolons.
func shown(c *Converter, r *Rows) string {
	var out []string
	for at := 0; at < len(r.cells); at += r.width {
		var row []string
		for i, v := range r.cells[at : at+r.width] {
			switch {
			case !v.valid:
				row = append(row, "NULL")
			case c.columns[i].text || c.columns[i].typ.Nested():
				row = append(row, fmt.Sprintf("%q", v.text))
			case v.high != 0 && v.high != -1:
				row = append(row, fmt.Sprintf("%d:%d", v.high, uint64(v.n)))
			default:
				row = append(row, fmt.Sprint(v.n))
			}
		}
		out = append(out, strings.Join(row, ","))
	}
	return strings.Join(out, ";")
}

var loose = Options{CaseInsensitive: true}

func TestJSON(t *testing.T) {
	for _, row := range []struct {
		name    string
		columns string
		options Options
		record  string
		want    string // rows, or a problem's code and words
	}{
		{"an object", "a int,b string", loose, `{"a":1,"b":"x"}`, `1,"x"`},
		{"objects in a row", "a int", loose, `{"a":1}{"a":2}` + "\n" + `{"a":3}`, `1;2;3`},
		{"an array of objects", "a int", loose, `[{"a":1},{"a":2}]`, "MalformedData array"},
		{"a primitive", "a int", loose, `7`, "MalformedData primitive"},
		{"nothing", "a int", loose, " \n", "MalformedData empty"},
		{"half an object", "a int", loose, `{"a":1`, "ParseError malformed"},
		{"a good object before a bad one", "a int", loose, `{"a":1}{"a":`, "ParseError malformed"},
		{"a comma between objects", "a int", loose, `{"a":1},{"a":2}`, "ParseError malformed"},
		{"not UTF-8", "a string", loose, "{\"a\":\"\xff\"}", "ParseError malformed"},
		{"no keys of the table", "a int,b string", loose, `{"c":{"d":[1,2]}}`, `NULL,NULL`},
		{"nulls", "a int,b string", loose, `{"a":null,"b":null}`, `NULL,NULL`},
		{"a key twice", "a int", loose, `{"a":1,"a":2}`, `2`},
		{"a key twice, the second null", "a int", loose, `{"a":1,"a":null}`, `NULL`},
		{"other case", "srcaddr string", loose, `{"SrcAddr":"x"}`, `"x"`},
		{"other case, minded", "srcaddr string", Options{}, `{"SrcAddr":"x"}`, `NULL`},
		{"escapes in a key", "a int", loose, `{"\u0061":1}`, `1`},
		{"escapes in a value", "a string,b string", loose, `{"a":"\ud83d\ude00\n\"","b":"\u00e4"}`, `"😀\n\"","ä"`},
		{"a mapping", "account_id string", Options{CaseInsensitive: true, Mappings: map[string]string{"account_id": "Account-Id"}}, `{"account-id":"1","account_id":"2"}`, `"1"`},
		{"dots", "a_b int", Options{CaseInsensitive: true, Dots: true}, `{"a.b":1}`, `1`},
		{"dots, as they are", "a_b int", loose, `{"a.b":1}`, `NULL`},
		{"a key with -", "account_id string", loose, `{"account-id":"1"}`, `"1"`},
		{"a key with - beside the exact one", "account_id string", loose, `{"account_id":"2","account-id":"1"}`, `"2"`},
		{"a key with - before the exact one", "account_id string", loose, `{"account-id":"1","account_id":"2"}`, `"2"`},

		{"numeric strings", "a int,b bigint,c double,d decimal(5,2),e smallint", loose, `{"a":"1","b":"-2","c":"1.5","d":"3.456","e":"+7"}`, `1,-2,4609434218613702656,346,7`},
		{"numbers in text", "a string,b string,c string,d string", loose, `{"a":443,"b":1.50,"c":true,"d":{"x": [1]}}`, `"443","1.50","true","{\"x\": [1]}"`},
		{"- in columns that hold no text", "a int,b timestamp,c double,d string", loose, `{"a":"-","b":"-","c":"-","d":"-"}`, `NULL,NULL,NULL,"-"`},
		{"a word for a number", "a int", loose, `{"a":"oops"}`, `MalformedData For input string: "oops" (column a, int)`},
		{"an empty string for a number", "a int", loose, `{"a":""}`, `MalformedData input string`},
		{"a number out of range", "a tinyint", loose, `{"a":128}`, `MalformedData 128`},
		{"the largest bigint", "a bigint,b bigint", loose, `{"a":9223372036854775807,"b":-9223372036854775808}`, `9223372036854775807,-9223372036854775808`},
		{"a bigint too large", "a bigint", loose, `{"a":9223372036854775808}`, `MalformedData input`},
		{"a whole number as a fraction", "a int,b bigint", loose, `{"a":6.0,"b":1e3}`, `6,1000`},
		{"a fraction in an integer", "a int", loose, `{"a":1.5}`, `MalformedData 1.5`},
		{"a boolean", "a boolean,b boolean", loose, `{"a":true,"b":"FALSE"}`, `1,0`},
		{"a number for a boolean", "a boolean", loose, `{"a":1}`, `MalformedData input`},
		{"a boolean for a number", "a int", loose, `{"a":true}`, `MalformedData input`},
		{"an object for a number", "a int", loose, `{"a":{}}`, `MalformedData input`},
		{"a double out of range", "a double", loose, `{"a":1e999}`, `MalformedData input`},
		{"dates", "a date", loose, `{"a":"1970-01-02"}`, `1`},
		{"varchar", "a varchar(3),b char(2)", loose, `{"a":"äöüx","b":"xyz"}`, `"äöü","xy"`},
		{"binary", "a binary", loose, `{"a":"aGk="}`, `"hi"`},

		{"epoch seconds", "a timestamp,b timestamp", loose, `{"a":1418530010,"b":"1418530010"}`, `1418530010000000,1418530010000000`},
		{"epoch milliseconds", "a timestamp,b timestamp", loose, `{"a":1418530010123,"b":"1418530010123"}`, `1418530010123000,1418530010123000`},
		{"epoch with a fraction", "a timestamp", loose, `{"a":1418530010.25}`, `1418530010250000`},
		{"epoch milliseconds with a fraction or an exponent", "a timestamp,b timestamp,c timestamp", loose, `{"a":1418530010123.25,"b":1.418530010123e12,"c":"-1418530010123.0"}`,
			`1418530010123250,1418530010123000,-1418530010123000`},
		{"milliseconds before 1970", "a timestamp,b timestamp", loose, `{"a":-999999999999,"b":-1000000000000}`, `-999999999999000000,-1000000000000000`},
		{"a tab as it is", "a string", loose, "{\"a\":\"x\ty\"}", `"x\ty"`},
		{"seconds far away", "a timestamp", loose, `{"a":9223372036854775808.5}`, `MalformedData 9223372036854775808.5`},
		{"milliseconds far away", "a timestamp", loose, `{"a":999999999999999999}`, `MalformedData 999999999999999999`},
		{"the last second and the first millisecond", "a timestamp,b timestamp", loose, `{"a":999999999999,"b":1000000000000}`, `999999999999000000,1000000000000000`},
		{"times in words", "a timestamp,b timestamp,c timestamp", loose, `{"a":"2014-12-14 04:06:50","b":"2014-12-14T04:06:50.5Z","c":"2014-12-14"}`, `1418530010000000,1418530010500000,1418515200000000`},
		{"no time", "a timestamp", loose, `{"a":"today"}`, `MalformedData today`},
		{"Hive's formats", "a timestamp", Options{CaseInsensitive: true, Timestamps: []string{"dd/MM/yyyy HH:mm"}}, `{"a":"14/12/2014 04:06"}`, `1418529960000000`},
		{"Hive's millis", "a timestamp", Options{CaseInsensitive: true, Timestamps: []string{"millis"}}, `{"a":1000}`, `1000000`},

		{"nested", "a array<int>,b struct<x:int,y:string>,c map<string,bigint>", loose, `{"a":[1,"2",null],"b":{"X":1,"z":2},"c":{"k":3}}`, `"[1,\"2\",null]","{\"X\":1,\"z\":2}","{\"k\":3}"`},
		{"a misfit inside", "a array<struct<x:int>>", loose, `{"a":[{"x":1},{"x":"no"}]}`, `MalformedData input string: "no"`},
		{"an object for an array", "a array<int>", loose, `{"a":{}}`, `MalformedData input`},
		{"too deep", "a int", loose, `{"b":` + strings.Repeat("[", 300) + strings.Repeat("]", 300) + `}`, "MalformedData deep"},
		{"as deep as may be", "a int", loose, `{"b":` + strings.Repeat("[", 250) + strings.Repeat("]", 250) + `}`, "NULL"},
	} {
		t.Run(row.name, func(t *testing.T) {
			var spelled []string
			depth, from := 0, 0
			for i, ch := range row.columns + "," {
				switch {
				case ch == '<' || ch == '(':
					depth++
				case ch == '>' || ch == ')':
					depth--
				case ch == ',' && depth == 0:
					spelled, from = append(spelled, row.columns[from:i]), i+1
				}
			}
			c := converter(t, row.options, spelled...)
			var r Rows
			for range 2 { // the second reading guesses the keys
				got := ""
				if err := c.JSON([]byte(row.record), &r); err != nil {
					p, ok := err.(*Problem)
					code, words, _ := strings.Cut(row.want, " ")
					if !ok || p.Code != "DataFormatConversion."+code || !strings.Contains(p.Message, words) {
						t.Fatalf("%.100s: got %v, want %s", row.record, err, row.want)
					}
					continue
				}
				if got = shown(c, &r); got != row.want {
					t.Fatalf("%.100s: got %s, want %s", row.record, got, row.want)
				}
			}
		})
	}
}

func TestNewRefuses(t *testing.T) {
	if _, err := New(nil, loose); !fault.Is(err, fault.Invalid) {
		t.Errorf("no columns: %v", err)
	}
	if _, err := New(columns(t, "a int", "b int"), Options{Mappings: map[string]string{"b": "a"}}); !fault.Is(err, fault.Invalid) {
		t.Errorf("two columns of one key: %v", err)
	}
	if _, err := New(columns(t, "a int"), Options{Mappings: map[string]string{"c": "a"}}); !fault.Is(err, fault.Invalid) {
		t.Errorf("a mapping of no column: %v", err)
	}
	if _, err := New(columns(t, "a timestamp"), Options{Timestamps: []string{"QQQ"}}); !fault.Is(err, fault.Unsupported) {
		t.Errorf("a pattern: %v", err)
	}
}

// flowColumns are the seed's table of a flow log's default format.
var flowColumns = []string{"version int", "account_id string", "interface_id string", "srcaddr string", "dstaddr string", "srcport string", "dstport string",
	"protocol int", "packets bigint", "bytes bigint", "start timestamp", "end timestamp", "action string", "log_status string"}

var flowNames = []string{"version", "account-id", "interface-id", "srcaddr", "dstaddr", "srcport", "dstport", "protocol", "packets", "bytes", "start", "end", "action", "log-status"}

// TestFieldsAreJSON claims that values read straight are what JSON reads from the object of the same strings.
func TestFieldsAreJSON(t *testing.T) {
	pool := append([]string{"-", "", "1418530010", "1418530010123", "6", "-5", "oops", "ACCEPT", "1.5", "9223372036854775808", "2014-12-14 04:06:50", "größe", "a\"b\\c\n"}, flowNames...)
	c := converter(t, loose, flowColumns...)
	var a, b Rows
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 16).Draw(t, "fields")
		names, values := make([]string, n), make([]string, n)
		object := map[string]string{}
		var text strings.Builder
		for i := range n {
			names[i] = rapid.SampledFrom(append([]string{"account_id", "Start", "other", "log_status"}, flowNames...)).Draw(t, "name")
			values[i] = rapid.OneOf(rapid.SampledFrom(pool), rapid.String()).Draw(t, "value")
			object[names[i]] = values[i]
		}
		text.WriteByte('{')
		for i := range n {
			if i > 0 {
				text.WriteByte(',')
			}
			name, _ := json.Marshal(names[i])
			value, _ := json.Marshal(values[i])
			fmt.Fprintf(&text, "%s:%s", name, value)
		}
		text.WriteByte('}')
		errA := c.Values(c.Fields(names), values, &a)
		errB := c.JSON([]byte(text.String()), &b)
		if (errA == nil) != (errB == nil) {
			// A value that another one takes the place of is looked at in JSON alone.
			if errA == nil && twice(c, names) {
				return
			}
			t.Fatalf("%s: fields %v, JSON %v", text.String(), errA, errB)
		}
		if errA == nil && shown(c, &a) != shown(c, &b) {
			t.Fatalf("%s: fields %s, JSON %s", text.String(), shown(c, &a), shown(c, &b))
		}
	})
}

// TestFieldsOfOneColumn claims that the exact name comes before one with "-", and of equals the last, wherever they stand.
func TestFieldsOfOneColumn(t *testing.T) {
	c := converter(t, loose, "account_id string")
	for _, row := range []struct{ names, want string }{
		{"account_id account-id", "0"}, {"account-id account_id", "1"}, {"account-id account-ID", "1"}, {"account_id account-id ACCOUNT_ID account-id", "2"},
	} {
		var r Rows
		if err := c.Values(c.Fields(strings.Fields(row.names)), []string{"0", "1", "2", "3"}, &r); err != nil || shown(c, &r) != `"`+row.want+`"` {
			t.Errorf("%s: got %s (%v), want the value at %s", row.names, shown(c, &r), err, row.want)
		}
	}
}

func twice(c *Converter, names []string) bool {
	seen := map[int32]bool{}
	for _, n := range names {
		to := c.find([]byte(n))
		if seen[to.column] {
			return true
		}
		seen[to.column] = true
	}
	return false
}

// TestFile holds the file against another Parquet reader.
func TestFile(t *testing.T) {
	for _, o := range []parquet.Options{{}, {Compression: parquet.Gzip}, {Compression: parquet.Zstd}, {Compression: parquet.Uncompressed}} {
		c := converter(t, loose, "a int", "b string", "c timestamp", "d double", "e boolean", "f decimal(20,2)", "g date", "h varchar(2)")
		var out bytes.Buffer
		f, err := c.NewFile(&out, o)
		if err != nil {
			t.Fatal(err)
		}
		var r Rows
		for _, record := range []string{`{"a":1,"b":"x","c":5,"d":2.5,"e":true,"f":"12345678901234567.89","g":"1970-01-03","h":"long"}`, `{"a":2}{"b":3}`} {
			if err := c.JSON([]byte(record), &r); err != nil {
				t.Fatal(err)
			}
			if err := f.Append(&r); err != nil {
				t.Fatal(err)
			}
		}
		stats, err := f.Close()
		if err != nil || stats.Rows != 3 || f.Rows() != 3 {
			t.Fatalf("%+v, %v", stats, err)
		}
		rows := read(t, out.Bytes())
		if got, want := fmt.Sprint(rows[1:]), "[[2 NULL NULL NULL NULL NULL NULL NULL] [NULL 3 NULL NULL NULL NULL NULL NULL]]"; got != want {
			t.Errorf("%v: got %s, want %s", o.Compression, got, want)
		}
		if got := fmt.Sprint(rows[0][:5], rows[0][6:]); got != "[1 x 5000000 2.5 true] [2 lo]" {
			t.Errorf("%v: got %s", o.Compression, got)
		}
	}
}

func TestNestedFile(t *testing.T) {
	c := converter(t, loose, "id int", "a array<int>", "s struct<x:int,y:string>", "m map<string,bigint>")
	var out bytes.Buffer
	f, err := c.NewFile(&out, parquet.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var r Rows
	const rows = nestedRows*2 + 7
	for i := range rows {
		if err := c.JSON([]byte(fmt.Sprintf(`{"id":%d,"a":[1,"2",null],"s":{"x":%d,"Y":true},"m":{"k":1,"k":2}}`, i, i)), &r); err != nil {
			t.Fatal(err)
		}
		if err := f.Append(&r); err != nil {
			t.Fatal(err)
		}
	}
	stats, err := f.Close()
	if err != nil || stats.Rows != rows {
		t.Fatalf("%+v, %v", stats, err)
	}
	if got := read(t, out.Bytes()); len(got) != rows {
		t.Errorf("%d rows, want %d", len(got), rows)
	} else if text := fmt.Sprint(got[5]); text != "[5 1 2 NULL 5 true k 2]" {
		t.Errorf("got %s", text)
	}
	g, err := c.NewFile(&bytes.Buffer{}, parquet.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Append(&r); err != nil {
		t.Fatal(err)
	}
	g.Abort() // its goroutine ends
	f.Reset(&out)
	f.Abort()
}

// read returns the values of a file's rows.
func read(t testing.TB, file []byte) (rows [][]any) {
	t.Helper()
	f, err := judge.OpenFile(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range f.RowGroups() {
		in := g.Rows()
		buffer := make([]judge.Row, 64)
		for {
			n, err := in.ReadRows(buffer)
			for _, row := range buffer[:n] {
				var values []any
				for _, v := range row {
					switch {
					case v.IsNull():
						values = append(values, "NULL")
					default:
						values = append(values, v.String())
					}
				}
				rows = append(rows, values)
			}
			if err != nil {
				break
			}
		}
		in.Close()
	}
	return rows
}

func TestJSONDoesNotAllocate(t *testing.T) {
	c := converter(t, loose, flowColumns...)
	record := flowRecord(1)
	var r Rows
	if err := c.JSON(record, &r); err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() { _ = c.JSON(record, &r) }); n > 0 {
		t.Errorf("%v allocations a record", n)
	}
	fields, values := c.Fields(flowNames), flowValues(1)
	if n := testing.AllocsPerRun(100, func() { _ = c.Values(fields, values, &r) }); n > 0 {
		t.Errorf("%v allocations for a row of fields", n)
	}
}

func flowValues(i int) []string {
	return strings.Fields(fmt.Sprintf("2 123456789012 eni-0123456789abcdef%d 10.0.%d.%d 172.31.16.21 %d 443 6 %d %d 1418530010 1418530070 ACCEPT OK", i%8, i%7, i%251, 1024+i%40000, i%50, i%99999))
}

func flowRecord(i int) []byte {
	b, _ := json.Marshal(func() map[string]any {
		m := map[string]any{}
		for at, v := range flowValues(i) {
			m[flowNames[at]] = v
		}
		return m
	}())
	return b
}

func BenchmarkJSON(b *testing.B) {
	c := converter(b, loose, flowColumns...)
	records := make([][]byte, 1024)
	for i := range records {
		records[i] = flowRecord(i)
	}
	f, err := c.NewFile(discard{}, parquet.Options{})
	if err != nil {
		b.Fatal(err)
	}
	var r Rows
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if err := c.JSON(records[i%len(records)], &r); err != nil {
			b.Fatal(err)
		}
		if err := f.Append(&r); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFields(b *testing.B) {
	c := converter(b, loose, flowColumns...)
	values := make([][]string, 1024)
	for i := range values {
		values[i] = flowValues(i)
	}
	f, err := c.NewFile(discard{}, parquet.Options{})
	if err != nil {
		b.Fatal(err)
	}
	var r Rows
	fields := c.Fields(flowNames)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if err := c.Values(fields, values[i%len(values)], &r); err != nil {
			b.Fatal(err)
		}
		if err := f.Append(&r); err != nil {
			b.Fatal(err)
		}
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// FuzzJSON holds the scanner against encoding/json: a record is taken when it is objects in a row that encoding/json reads, and the
// strings of its members are the same.
func FuzzJSON(f *testing.F) {
	for _, s := range []string{`{"a":1,"b":"x"}`, `{"a":1}{"b":"\ud83d\ude00\u00e4\n"}`, `[1]`, `{"a":[{"c":null}],"b":true}`, `{"a":-1.5e+10}`, "{\"b\":\"\t\"}", `{"b":"\ud83d"}`, `{`, ` {} {} `, `{"a":01}`, `{"A-b":1,"":""}`} {
		f.Add([]byte(s))
	}
	c := converter(f, loose, "b string", "m map<string,string>", "l array<array<string>>")
	f.Fuzz(func(t *testing.T, record []byte) {
		var r Rows
		err := c.JSON(record, &r)
		in := json.NewDecoder(bytes.NewReader(bytes.ReplaceAll(record, []byte("\t"), []byte(" "))))
		var want []map[string]json.RawMessage
		for {
			var one map[string]json.RawMessage
			if e := in.Decode(&one); e != nil {
				if e.Error() != "EOF" && err == nil {
					t.Fatalf("read %q, which encoding/json refuses: %v", record, e)
				}
				break
			}
			want = append(want, one)
		}
		if err != nil {
			if _, ok := err.(*Problem); !ok {
				t.Fatalf("%q: %T", record, err)
			}
			return
		}
		if r.Len() != len(want) {
			t.Fatalf("%q: %d rows, want %d", record, r.Len(), len(want))
		}
		if f, err := c.NewFile(discard{}, parquet.Options{}); err != nil {
			t.Fatal(err)
		} else if err := f.Append(&r); err != nil {
			t.Fatal(err)
		} else if _, err := f.Close(); err != nil {
			t.Fatalf("%q: %v", record, err)
		}
	})
}

// TestUnescape holds strings against encoding/json.
func TestUnescape(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	parts := []string{`\n`, `\u00e4`, `\ud83d\ude00`, `\ud83d`, `\ude00`, `x`, `ä`, `\"`, `\\`, `\/`, ` `, `12345678`}
	c := converter(t, loose, "a string")
	var r Rows
	for range 2000 {
		var text strings.Builder
		for range random.IntN(8) {
			text.WriteString(parts[random.IntN(len(parts))])
		}
		record := `{"a":"` + text.String() + `"}`
		var want struct{ A string }
		if err := json.Unmarshal([]byte(record), &want); err != nil {
			t.Fatal(err)
		}
		if err := c.JSON([]byte(record), &r); err != nil {
			t.Fatal(record, err)
		}
		if got := string(r.cells[0].text); !reflect.DeepEqual(got, want.A) {
			t.Fatalf("%s: got %q, want %q", record, got, want.A)
		}
	}
}
