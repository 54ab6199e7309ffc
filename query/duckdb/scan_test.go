//go:build duckdb_arrow

package duckdb

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"flowlake/columnar"
	"flowlake/fault"
	"flowlake/query"
)

func TestTextTables(t *testing.T) {
	e := newEngine(t, 1)
	for _, tt := range []struct {
		name    string
		format  query.Format
		library string
		params  map[string]string
		ddl     string
		data    string
		sql     string
		want    string
		bad     int64
	}{
		{"delimited", query.Delimited, "", map[string]string{"field.delim": " "}, "version int; srcaddr string; bytes bigint",
			"2 10.0.0.1 100\n2 10.0.0.2 -\n2 \\N 7 extra\n", "SELECT srcaddr, bytes FROM t ORDER BY bytes",
			lines(`"srcaddr","bytes"`, `,"7"`, `"10.0.0.1","100"`, `"10.0.0.2",`), 0},
		{"delimited: only a count", query.Delimited, "", map[string]string{"field.delim": " ", "skip.header.line.count": "1"}, "a int", "h\n1\n2\n", "SELECT count(*) AS n FROM t", lines(`"n"`, `"2"`), 0},
		{"a table read twice", query.Delimited, "", nil, "a int", "1\n2\n", "SELECT count(*) AS n FROM t x, t y", lines(`"n"`, `"4"`), 0},
		{"csv", query.CSV, "", nil, "a string; b int; d date", "\"x,\"\"y\",1,18276\n", "SELECT * FROM t", lines(`"a","b","d"`, `"x,""y","1","2020-01-15"`), 0},
		{"openx json", query.JSON, "org.openx.data.jsonserde.JsonSerDe", map[string]string{"ignore.malformed.json": "true"}, "a int; s struct<x:int,y:array<string>>",
			`{"A":1,"s":{"X":5,"y":["p","q"]}}` + "\nnope\n", "SELECT a, s.x AS x, s FROM t ORDER BY a", lines(`"a","x","s"`, `"1","5","{x=5, y=[p, q]}"`, `,,`), 1},
		{"hive json", query.JSON, "org.apache.hive.hcatalog.data.JsonSerDe", nil, "a timestamp; m map<string,int>", `{"a":"2022-08-29 01:02:03.5","m":{"k":1}}`, "SELECT * FROM t",
			lines(`"a","m"`, `"2022-08-29 01:02:03.500","{k=1}"`), 0},
		{"grok", query.Grok, "", map[string]string{"input.format": "%{NUMBER:version:int} %{NOTSPACE:srcaddr} %{WORD:action}"}, "version int; srcaddr string; action string",
			"2 10.0.0.1 ACCEPT\n- - -\n3 10.0.0.2 REJECT\n", "SELECT version, action FROM t ORDER BY version", lines(`"version","action"`, `"2","ACCEPT"`, `"3","REJECT"`, `,`), 1},
		{"regex", query.Regex, "", map[string]string{"input.regex": `(\d+) (\S+)( opt)?`}, "a int; b string; c string", "1 x\n2 y opt\n2 y opt more\n", "SELECT * FROM t ORDER BY a, c",
			lines(`"a","b","c"`, `"1","x",`, `"2","y"," opt"`, `,,`), 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := scanOf(tt.format, tt.ddl, tt.params, write(t, "k", []byte(tt.data)))
			s.Library = tt.library
			got, result, err := answerTo(t, e, tt.sql, s)
			if err != nil || got != tt.want || result.Unmatched != tt.bad {
				t.Fatalf("got %q, %d unmatched, %v\nwant %q, %d", got, result.Unmatched, err, tt.want, tt.bad)
			}
		})
	}
}

func gz(s string) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write([]byte(s))
	w.Close()
	return b.Bytes()
}

func TestPartitionsAndPaths(t *testing.T) {
	e := newEngine(t, 1)
	plain, zipped := write(t, "d=1/a", []byte("1\n2\n")), write(t, "d=2/it's.gz", gz("3\n"))
	empty := write(t, "d=2/empty", nil)
	s := query.Scan{Name: "t", Format: query.Delimited, Columns: []query.ScanColumn{{Name: "a", Type: "int", Read: true}},
		Keys: []query.ScanColumn{{Name: "d", Type: "int", Read: true}, {Name: "e", Type: "string", Read: true}},
		Inputs: []query.Input{{Values: []string{"1", "x'y"}, Files: []query.InputFile{plain}},
			{Values: []string{"2", "__HIVE_DEFAULT_PARTITION__"}, Files: []query.InputFile{zipped, empty}}}}
	check := func(sql, want string) {
		t.Helper()
		got, _, err := answerTo(t, e, sql, s)
		if err != nil || got != want {
			t.Errorf("%s (%s): got %q, %v; want %q", sql, s.Format, got, err, want)
		}
	}
	both := func() {
		check("SELECT * FROM t ORDER BY a", lines(`"a","d","e"`, `"1","1","x'y"`, `"2","1","x'y"`, `"3","2",`))
		check("SELECT a FROM t WHERE d = 2", lines(`"a"`, `"3"`))
		check(`SELECT a, "$path" FROM t ORDER BY a DESC LIMIT 2`, lines(`"a","$path"`, `"3","s3://lake/d=2/it's.gz"`, `"2","s3://lake/d=1/a"`))
		check("SELECT count(*) AS n FROM t", lines(`"n"`, `"3"`))
	}
	both()
	cols := []columnar.Column{{Name: "a", Type: columnar.Type{Kind: columnar.Int}}}
	s.Format = query.Parquet
	s.Inputs[0].Files = []query.InputFile{write(t, "d=1/a", parquetFile(t, cols, `{"a":1}`, `{"a":2}`))}
	s.Inputs[1].Files = []query.InputFile{write(t, "d=2/it's.gz", parquetFile(t, cols, `{"a":3}`)), empty}
	both()
	s.Inputs = nil
	check("SELECT * FROM t", lines(`"a","d","e"`))
}

// parquetFile writes JSON rows as a Parquet file with those columns.
func parquetFile(t testing.TB, cols []columnar.Column, rows ...string) []byte {
	t.Helper()
	read := make([]int, len(cols))
	for i := range read {
		read[i] = i
	}
	text, err := columnar.NewText(columnar.Spec{Format: columnar.JSON, Columns: cols, Read: read, Parameters: map[string]string{"case.insensitive": "false"}})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w, err := pqarrow.NewFileWriter(text.Schema(), &out, parquet.NewWriterProperties(), pqarrow.DefaultWriterProps())
	if err != nil {
		t.Fatal(err)
	}
	_, err = text.Read(t.Context(), "rows", strings.NewReader(strings.Join(rows, "\n")), func(b arrow.RecordBatch) error { defer b.Release(); return w.Write(b) })
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestParquetSchemasThatDiffer(t *testing.T) {
	e := newEngine(t, 1)
	for _, tt := range []struct{ name, file, row, ddl, want, err string }{
		{"the same", "a int", `{"a":1}`, "a int", `"1"`, ""},
		{"another case", "Account_Id string", `{"Account_Id":"x"}`, "account_id string", `"x"`, ""},
		{"wider DDL", "a int", `{"a":-1}`, "a bigint", `"-1"`, ""},
		{"narrower DDL", "a bigint", `{"a":7}`, "a int", `"7"`, ""},
		{"narrower DDL, value too large", "a bigint", `{"a":5000000000}`, "a int", "", "NUMERIC_VALUE_OUT_OF_RANGE"},
		{"a missing column", "b int", `{"b":1}`, "a int", ``, ""},
		{"float as double", "a float", `{"a":1.5}`, "a double", `"1.5"`, ""},
		{"double as float", "a double", `{"a":1.5}`, "a float", "", "HIVE_BAD_DATA: Field a's type DOUBLE in parquet file s3://lake/k is incompatible with type float"},
		{"number as text", "a int", `{"a":1}`, "a string", "", "HIVE_BAD_DATA: Field a's type INT32 in parquet file s3://lake/k is incompatible with type string defined in table schema"},
		{"text as number", "a string", `{"a":"1"}`, "a int", "", "HIVE_BAD_DATA: Field a's type BINARY"},
		{"bytes as text", "a binary", `{"a":"aGVsbG8="}`, "a string", `"hello"`, ""},
		{"text as bytes", "a string", `{"a":"he"}`, "a binary", `"68 65"`, ""},
		{"varchar cuts", "a string", `{"a":"hello"}`, "a varchar(2)", `"he"`, ""},
		{"decimal of another scale", "a decimal(5,2)", `{"a":1.25}`, "a decimal(10,3)", `"1.250"`, ""},
		{"timestamp", "a timestamp", `{"a":"2022-08-29 01:02:03"}`, "a timestamp", `"2022-08-29 01:02:03.000"`, ""},
		{"struct by names", "a struct<X:int,y:string>", `{"a":{"X":1,"y":"z"}}`, "a struct<y:string,x:bigint>", `"{y=z, x=1}"`, ""},
		{"struct with a missing field", "a struct<x:int>", `{"a":{"x":1}}`, "a struct<x:int,n:string>", `"{x=1, n=null}"`, ""},
		{"array of another width", "a array<int>", `{"a":[1,null]}`, "a array<bigint>", `"[1, null]"`, ""},
		{"map", "a map<string,int>", `{"a":{"k":1}}`, "a map<string,bigint>", `"{k=1}"`, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			column, typ, _ := strings.Cut(tt.file, " ")
			parsed, err := columnar.ParseType(typ)
			if err != nil {
				t.Fatal(err)
			}
			file := write(t, "k", parquetFile(t, []columnar.Column{{Name: column, Type: parsed}}, tt.row))
			got, _, err := answerTo(t, e, "SELECT * FROM t", scanOf(query.Parquet, tt.ddl, nil, file))
			if tt.err != "" {
				if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("got %q, %v; want an error that says %q", got, err, tt.err)
				}
				return
			}
			name, _, _ := strings.Cut(tt.ddl, " ")
			if want := lines(`"`+name+`"`, tt.want); err != nil || got != want {
				t.Fatalf("got %q, %v; want %q", got, err, want)
			}
		})
	}
	t.Run("files of different schemas in one table", func(t *testing.T) {
		i, l := columnar.Type{Kind: columnar.Int}, columnar.Type{Kind: columnar.BigInt}
		s := scanOf(query.Parquet, "a bigint; b int", nil,
			write(t, "1", parquetFile(t, []columnar.Column{{Name: "a", Type: i}}, `{"a":1}`)),
			write(t, "2", parquetFile(t, []columnar.Column{{Name: "B", Type: i}, {Name: "A", Type: l}}, `{"A":2,"B":3}`)))
		got, _, err := answerTo(t, e, `SELECT a, b, "$path" FROM t ORDER BY a`, s)
		if want := lines(`"a","b","$path"`, `"1",,"s3://lake/1"`, `"2","3","s3://lake/2"`); err != nil || got != want {
			t.Fatalf("got %q, %v; want %q", got, err, want)
		}
	})
}

func TestErrorsAreAthenas(t *testing.T) {
	e := newEngine(t, 1)
	one := write(t, "dir/one", []byte("1\n"))
	for _, tt := range []struct {
		name, sql string
		scan      query.Scan
		kind      fault.Kind
		says      string
	}{
		{"a cast", "SELECT CAST('abc' AS BIGINT)", scanOf(query.Delimited, "a int", nil, one), fault.Invalid, "INVALID_CAST_ARGUMENT: Cannot cast 'abc' to BIGINT"},
		{"an overflow", "SELECT 9223372036854775807 + a FROM t", scanOf(query.Delimited, "a bigint", nil, one), fault.Invalid, "NUMERIC_VALUE_OUT_OF_RANGE: bigint addition overflow"},
		{"the front end's own errors", "SELECT error('DIVISION_BY_ZERO: Division by zero')", scanOf(query.Delimited, "a int", nil, one), fault.Invalid, "DIVISION_BY_ZERO: Division by zero"},
		{"a failure that the translation raises", "SELECT flowlake_raise('DIVISION_BY_ZERO: Division by ' || a) FROM t", scanOf(query.Delimited, "a int", nil, one), fault.Invalid, "DIVISION_BY_ZERO: Division by 1"},
		{"a broken gz file", "SELECT * FROM t", scanOf(query.Delimited, "a int", nil, write(t, "x.gz", []byte("not gzip at all"))), fault.Invalid, "HIVE_CURSOR_ERROR: file s3://lake/x.gz: bad gzip data"},
		{"a broken JSON line", "SELECT * FROM t", scanOf(query.JSON, "a int", nil, write(t, "j", []byte("{}\n{\n"))), fault.Invalid, "HIVE_CURSOR_ERROR: Row is not a valid JSON Object: file s3://lake/j: line 2"},
		{"a bad CSV value", "SELECT * FROM t", scanOf(query.CSV, "a int", nil, write(t, "c", []byte("x\n"))), fault.Invalid, "HIVE_BAD_DATA: Error parsing field value 'x' for field 0: file s3://lake/c: line 1"},
		{"text called Parquet", "SELECT * FROM t", scanOf(query.Parquet, "a int", nil, write(t, "p", []byte("2 123456789012 eni-1\n"))), fault.Invalid, "HIVE_CURSOR_ERROR: file s3://lake/p: not a valid Parquet file"},
		{"a table nobody named", "SELECT * FROM other", scanOf(query.Delimited, "a int", nil, one), fault.Invalid, "SYNTAX_ERROR"},
		{"lookahead in a regex", "SELECT * FROM t", scanOf(query.Regex, "a int", map[string]string{"input.regex": "(?=x)"}, one), fault.Unsupported, "(?="},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := answerTo(t, e, tt.sql, tt.scan)
			if !fault.Is(err, tt.kind) || !strings.Contains(err.Error(), tt.says) {
				t.Fatalf("got %v (%v), want a %v fault that says %q", err, fault.KindOf(err), tt.kind, tt.says)
			}
			if strings.Contains(err.Error(), "scratch") || strings.Contains(err.Error(), "/tmp/") {
				t.Errorf("a local path is shown: %v", err)
			}
		})
	}
}

func TestADamagedParquetFileIsNamed(t *testing.T) {
	rows := make([]string, 5000)
	for i := range rows {
		rows[i] = fmt.Sprintf(`{"a":"value %d"}`, i*i)
	}
	data := parquetFile(t, []columnar.Column{{Name: "a", Type: columnar.Type{Kind: columnar.String}}}, rows...)
	for i := 4; i < len(data)/2; i += 3 {
		data[i] ^= 0xA5
	}
	e := newEngine(t, 1)
	_, _, err := answerTo(t, e, "SELECT max(a) FROM t", scanOf(query.Parquet, "a string", nil, write(t, "p", data)))
	if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "s3://lake/p") {
		t.Fatalf("got %v (%v)", err, fault.KindOf(err))
	}
}

// intColumn is the columns of a table of one int column.
var intColumn = []columnar.Column{{Name: "a", Type: columnar.Type{Kind: columnar.Int}}}
