package flow

import (
	"strings"
	"testing"
	"time"

	"flowlake/fault"
	"pgregory.net/rapid"
)

const (
	accepted = "2 123456789010 eni-1235b8ca123456789 172.31.16.139 172.31.16.21 20641 22 6 20 4249 1418530010 1418530070 ACCEPT OK"
	nodata   = "2 123456789010 eni-1a2b3c4d - - - - - - - 1431280876 1431280934 - NODATA"
	skipdata = "2 123456789010 eni-4b118871 - - - - - - - 1431280876 1431280934 - SKIPDATA"
	ipv6     = "2 unknown eni-1235b8ca123456789 2001:db8:1234:a100:8d6e:3477:df66:f105 2001:db8::1 34892 22 6 54 8855 1477913708 1477913820 ACCEPT OK"
)

func TestFields(t *testing.T) {
	t.Run("the_default_format_is_version_2_in_order", func(t *testing.T) {
		want := "${version} ${account-id} ${interface-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} ${protocol} ${packets} ${bytes} ${start} ${end} ${action} ${log-status}"
		if got := FormatString(DefaultFormat()); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
	t.Run("are_found_by_either_spelling", func(t *testing.T) {
		for _, f := range Fields() {
			for _, name := range []string{f.Name, f.Column(), strings.ToUpper(f.Name)} {
				if got, ok := Lookup(name); !ok || got != f {
					t.Errorf("Lookup(%q) = %v, %v, want %v", name, got, ok, f)
				}
			}
		}
	})
	t.Run("cover_versions_2_to_11", func(t *testing.T) {
		byVersion := map[int]int{}
		for _, f := range Fields() {
			byVersion[f.Version]++
		}
		for version, want := range map[int]int{2: 14, 3: 7, 4: 4, 5: 4, 6: 18, 7: 10, 8: 1, 9: 1, 10: 1, 11: 12} {
			if byVersion[version] != want {
				t.Errorf("version %d has %d fields, want %d", version, byVersion[version], want)
			}
		}
	})
}

func TestParseFormat(t *testing.T) {
	for _, row := range []struct{ name, format, want string }{
		{"one_field", "${srcaddr}", "srcaddr"},
		{"any_order_and_blanks", "  ${end}\t${start}   ${pkt-srcaddr} ", "end start pkt-srcaddr"},
		{"underscores", "${account_id}", "account-id"},
	} {
		t.Run(row.name, func(t *testing.T) {
			fields, err := ParseFormat(row.format)
			if err != nil || Header(fields) != row.want {
				t.Errorf("ParseFormat(%q) = %s, %v, want %s", row.format, Header(fields), err, row.want)
			}
		})
	}
	for _, row := range []struct{ name, format, want string }{
		{"an_unknown_field_with_the_closest", "${version} ${srcadr}", `unknown field "srcadr"; did you mean srcaddr?`},
		{"an_unknown_field_near_nothing", "${favourite-colour}", `unknown field "favourite-colour"`},
		{"a_field_twice", "${start} ${start}", "field start is named twice"},
		{"nothing", "  ", "names no field"},
		{"text_between", "${start},${end}", "no blank after field start"},
		{"a_bare_name", "${start} end", `at character 10: found "end"`},
		{"an_open_brace", "${start", "at character 1: ${ is not closed"},
	} {
		t.Run("refuses_"+row.name, func(t *testing.T) {
			_, err := ParseFormat(row.format)
			if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), row.want) {
				t.Errorf("ParseFormat(%q) fails with %v, want %q", row.format, err, row.want)
			}
		})
	}
}

func TestParseHeader(t *testing.T) {
	const alphabetical = "account-id action az-id bytes dstaddr dstport end flow-direction instance-id interface-id log-status packets " +
		"pkt-dst-aws-service pkt-dstaddr pkt-src-aws-service pkt-srcaddr protocol region srcaddr srcport start sublocation-id sublocation-type " +
		"subnet-id tcp-flags traffic-path type version vpc-id"
	for _, row := range []struct {
		name, line string
		want       int
	}{
		{"alphabetical", alphabetical, 29},
		{"underscores", strings.ReplaceAll(alphabetical, "-", "_"), 29},
		{"with_a_line_end", "version start\r\n", 2},
		{"not_a_record", accepted, 0},
		{"not_an_unknown_name", "version colour", 0},
		{"not_a_name_twice", "version version", 0},
		{"not_an_empty_line", "", 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			fields, ok := ParseHeader([]byte(row.line))
			if ok != (row.want > 0) || len(fields) != row.want {
				t.Errorf("ParseHeader(%q) = %d fields, %v, want %d", row.line, len(fields), ok, row.want)
			}
		})
	}
}

func TestRecognise(t *testing.T) {
	for _, row := range []struct {
		name, line string
		want       bool
	}{
		{"a_record", accepted, true},
		{"IPv6_and_an_unknown_account", ipv6, true},
		{"NODATA", nodata, true},
		{"SKIPDATA", skipdata, true},
		{"an_exported_record", "2018-09-22T20:28:14.000Z " + accepted, true},
		{"an_exported_NODATA", "2018-09-22T20:28:14.000Z " + nodata, true},
		{"not_another_timestamp", "2018-09-22 " + accepted, false},
		{"not_more_columns", accepted + " 1", false},
		{"not_fewer_columns", strings.TrimSuffix(accepted, " OK"), false},
		{"not_a_bad_address", strings.Replace(accepted, "172.31.16.139", "172.31.16.1399", 1), false},
		{"not_a_bad_status", strings.Replace(accepted, "OK", "KO", 1), false},
		{"not_a_header", Header(DefaultFormat()), false},
		{"not_text", "the quick brown fox jumps over the lazy dog and two more words follow", false},
	} {
		t.Run(row.name, func(t *testing.T) {
			if _, ok := Recognise([]byte(row.line)); ok != row.want {
				t.Errorf("Recognise(%q) = %v", row.line, ok)
			}
		})
	}
}

func TestParse(t *testing.T) {
	t.Run("a_dash_is_null_not_zero", func(t *testing.T) {
		r, err := Parse(DefaultFormat(), []byte(nodata))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"srcaddr", "dstport", "bytes", "action"} {
			if !r.Get(name).Null() {
				t.Errorf("%s is not null in %s", name, nodata)
			}
		}
		if v := r.Get("log_status"); v.Text() != "NODATA" {
			t.Errorf("log_status = %q", v.Text())
		}
	})
	t.Run("values_have_their_types", func(t *testing.T) {
		r, err := Parse(DefaultFormat(), []byte(accepted))
		if err != nil {
			t.Fatal(err)
		}
		if r.Get("bytes").Int() != 4249 || r.Get("srcaddr").Text() != "172.31.16.139" || r.Get("dst-port").Int() != 0 || r.Get("dstport").Int() != 22 {
			t.Errorf("wrong values in %s", r)
		}
		if at, ok := r.Time(); !ok || !at.Equal(time.Unix(1418530010, 0)) {
			t.Errorf("Time() = %v, %v", at, ok)
		}
	})
	for _, row := range []struct{ name, line, want string }{
		{"a_column_too_few", strings.TrimSuffix(accepted, " OK"), "it has 13 columns, the format has 14"},
		{"a_column_too_many", accepted + " x", "it has 15 columns, the format has 14"},
		{"an_export_timestamp", "2018-09-22T20:28:14.000Z " + accepted, `column version: "2018-09-22T20:28:14.000Z" is not a number`},
		{"text_in_a_number", strings.Replace(accepted, " 22 ", " ssh ", 1), `column dstport: "ssh" is not a number`},
		{"a_negative_number", strings.Replace(accepted, " 4249 ", " -4249 ", 1), `column bytes: "-4249" is not a number`},
		{"a_number_over_its_type", strings.Replace(accepted, " 22 ", " 2147483648 ", 1), `column dstport: "2147483648" is not a number from 0 to 2147483647`},
		{"a_number_over_64_bits", strings.Replace(accepted, " 4249 ", " 9223372036854775808 ", 1), `column bytes: "9223372036854775808" is not`},
		{"two_blanks", strings.Replace(accepted, " 22 ", "  22 ", 1), "column dstport: it is empty"},
		{"an_empty_line", "", "column version: it is empty"},
	} {
		t.Run("refuses_"+row.name, func(t *testing.T) {
			_, err := Parse(DefaultFormat(), []byte(row.line))
			if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), row.want) {
				t.Errorf("Parse(%q) fails with %v, want %q", row.line, err, row.want)
			}
		})
	}
	t.Run("allocates_nothing_per_field", func(t *testing.T) {
		fields, line := DefaultFormat(), []byte(accepted)
		if n := testing.AllocsPerRun(100, func() { _, _ = Parse(fields, line) }); n > 2 {
			t.Errorf("%v allocations a record, want 2", n)
		}
	})
	t.Run("keeps_no_reference_to_the_line", func(t *testing.T) {
		line := []byte(accepted)
		r, err := Parse(DefaultFormat(), line)
		if err != nil {
			t.Fatal(err)
		}
		clear(line)
		if r.String() != accepted {
			t.Errorf("the record changed with the line: %q", r)
		}
	})
}

func TestRecord(t *testing.T) {
	t.Run("parses_back_to_itself", func(t *testing.T) {
		all := Fields()
		rapid.Check(t, func(t *rapid.T) {
			fields := rapid.SliceOfNDistinct(rapid.SampledFrom(all), 1, 40, func(f Field) string { return f.Name }).Draw(t, "fields")
			values := make([]Value, len(fields))
			for i, f := range fields {
				switch {
				case rapid.IntRange(0, 4).Draw(t, "null") == 0:
				case f.Type == String:
					values[i] = StringValue(rapid.StringMatching(`[^ \n]*`).Draw(t, "text"))
				default:
					values[i] = IntValue(rapid.Int64Range(0, f.limit()).Draw(t, "number"))
				}
			}
			want, err := NewRecord(fields, values)
			if err != nil {
				t.Fatal(err)
			}
			got, err := Parse(fields, want.AppendText(nil))
			if err != nil || !got.Equal(want) {
				t.Fatalf("%q parses to %q, %v", want, got, err)
			}
		})
	})
	t.Run("refuses_what_a_line_cannot_say", func(t *testing.T) {
		start, _ := Lookup("start")
		region, _ := Lookup("region")
		for _, row := range []struct {
			f Field
			v Value
		}{{start, IntValue(-1)}, {region, StringValue("a b")}, {region, StringValue("a\nb")}} {
			if _, err := NewRecord([]Field{row.f}, []Value{row.v}); !fault.Is(err, fault.Invalid) {
				t.Errorf("%s %v: %v", row.f.Name, row.v, err)
			}
		}
		if _, err := NewRecord([]Field{start}, nil); !fault.Is(err, fault.Invalid) {
			t.Errorf("too few values: %v", err)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, line := range []string{accepted, nodata, skipdata, ipv6, "", "-", " ", "2018-09-22T20:28:14.000Z " + accepted} {
		f.Add([]byte(line))
	}
	fields := DefaultFormat()
	f.Fuzz(func(t *testing.T, line []byte) {
		Recognise(line)
		ParseHeader(line)
		_, _ = ParseFormat(string(line))
		r, err := Parse(fields, line)
		if err != nil {
			return
		}
		again, err := Parse(fields, r.AppendText(nil))
		if err != nil || !again.Equal(r) {
			t.Errorf("%q parses to %q, which parses to %q, %v", line, r, again, err)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	fields, line := DefaultFormat(), []byte(accepted)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(fields, line); err != nil {
			b.Fatal(err)
		}
	}
}
