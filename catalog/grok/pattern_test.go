package grok

import (
	"fmt"
	"regexp/syntax"
	"strings"
	"testing"
	"time"

	"flowlake/fault"
)

// match returns what the fields hold as "name=value", absent ones left out, or "no match".
func match(t *testing.T, p *Pattern, line string) string {
	t.Helper()
	values := make([][]byte, len(p.Fields()))
	if !p.Match([]byte(line), values) {
		return "no match"
	}
	var parts []string
	for i, f := range p.Fields() {
		if values[i] != nil {
			parts = append(parts, fmt.Sprintf("%s=%s", f.Name, values[i]))
		}
	}
	return strings.Join(parts, " ")
}

func TestMatch(t *testing.T) {
	for _, row := range []struct{ name, pattern, custom, line, want string }{
		{"searches_anywhere", "%{NUMBER:a} %{WORD:b}", "", "2018-09-22T20:28:14.000Z 2 ok", "a=2 b=ok"},
		{"from_the_start_with_^", "^%{NUMBER:a} %{WORD:b}", "", "x 2 ok", "no match"},
		{"to_the_end_with_$", "%{NUMBER:a} %{WORD:b}$", "", "2 ok .", "no match"},
		{"prefers_the_leftmost", "%{INT:a} %{INT:b}", "", "x 1 2 3", "a=1 b=2"},
		{"takes_a_suffix_of_the_first_word", "%{INT:a} %{INT:b}", "", "ab12 34", "a=12 b=34"},
		{"takes_a_prefix_of_the_last_word", "%{INT:a} %{INT:b}", "", "12 34ab", "a=12 b=34"},
		{"wants_a_number_not_a_dash", "%{NUMBER:a} %{NUMBER:b}", "", "1 -", "no match"},
		{"takes_the_seed's_line", "%{NUMBER:version:int} %{NUMBER:account_id} %{NOTSPACE:interface_id} %{IP:srcaddr}", "",
			"2 123456789010 eni-1 172.31.16.139 1", "version=2 account_id=123456789010 interface_id=eni-1 srcaddr=172.31.16.139"},
		{"leaves_absent_what_took_no_part", "(?:%{IP:a}|-) %{WORD:b}", "", "- x", "b=x"},
		{"keeps_an_empty_value", "%{WORD:a}:%{DATA:b};", "", "x:;", "a=x b="},
		{"makes_one_field_of_one_name", "(?:%{IP:addr}|host %{HOSTNAME:addr})", "", "host example.com", "addr=example.com"},
		{"takes_the_first_of_a_name_twice", "%{INT:a},%{INT:a}", "", "1,2", "a=1"},
		{"uses_custom_patterns", "%{PREFIX:p} %{NUMBER:n}", "# comment\n\nPREFIX [a-z]+\\d", "ab1 5", "p=ab1 n=5"},
		{"lets_custom_patterns_use_others", "%{PAIR:p}", "PAIR %{KEY}=%{KEY}\nKEY [a-z]+", "a=b", "p=a=b"},
		{"lets_a_custom_pattern_replace_a_built-in", "^%{WORD:w}$", "WORD [a-z-]+", "a-b", "w=a-b"},
		{"yields_fields_within_patterns", "%{SYSLOGPROG}", "", "sshd[42]", "program=sshd pid=42"},
		{"yields_named_groups", `(?<year>\d{4})-(?P<Month>\d\d)`, "", "on 2026-01", "year=2026 month=01"},
		{"reads_nothing_of_a_pattern_without_name", "%{WORD} %{INT:n}", "", "a 1", "n=1"},
		{"keeps_flags_to_their_pattern", "%{BOOLEAN:b} %{A:a}", "A (?i)x|y", "TRUE X", "b=TRUE a=X"},
		{"finds_whole_numbers_behind_greedy_text", "%{GREEDYDATA:a}%{NUMBER:n}ms", "", "took 15ms", "a=took  n=15"},
		{"begins_no_number_within_another", "%{NUMBER:a} %{NUMBER:b}", "", "1.2.3 4 5", "a=4 b=5"},
		{"begins_no_address_within_a_number", "%{IPV4:a}", "", "1234.1.1.1 4.3.2.1", "a=4.3.2.1"},
		{"asks_the_character_before", `(?<=[=:])%{INT:n}`, "", "12 a:34", "n=34"},
		{"asks_the_character_after", `(?<n>\d+)(?=\s|$)`, "", "12x 34", "n=34"},
		{"asks_for_the_line's_edge", `(?<![^ ])(?<w>\w+)(?!.)`, "", "ab cd", "w=cd"},
		{"takes_classes_with_brackets", `%{A:a}`, `A [^]%{]+`, "ab]", "a=ab"},
		{"reads_access_logs", "%{COMBINEDAPACHELOG}", "",
			`127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /apache_pb.gif HTTP/1.0" 200 2326 "http://x/" "Mozilla/4.08"`,
			`clientip=127.0.0.1 ident=- auth=frank timestamp=10/Oct/2000:13:55:36 -0700 verb=GET request=/apache_pb.gif httpversion=1.0 ` +
				`response=200 bytes=2326 referrer="http://x/" agent="Mozilla/4.08"`},
		{"reads_access_logs_without_bytes", "%{COMMONAPACHELOG}", "", `::1 - - [10/Oct/2000:13:55:36 -0700] "-" 408 -`,
			`clientip=::1 ident=- auth=- timestamp=10/Oct/2000:13:55:36 -0700 rawrequest=- response=408`},
		{"reads_syslog", "%{SYSLOGLINE}", "", "Jan  2 15:04:05 web-1 sshd[42]: hello there",
			"timestamp=Jan  2 15:04:05 logsource=web-1 program=sshd pid=42 message=hello there"},
		{"takes_lines_that_are_not_UTF-8", "%{WORD:a} %{NOTSPACE:b}", "", "x \xff\xfe y", "a=x b=\xff\xfe"},
	} {
		t.Run(row.name, func(t *testing.T) {
			p, err := Compile(row.pattern, row.custom)
			if err != nil {
				t.Fatal(err)
			}
			got := match(t, p, row.line)
			if got != row.want {
				t.Errorf("%s on %q\ngot  %s\nwant %s", row.pattern, row.line, got, row.want)
			}
		})
	}
	t.Run("values_point_into_the_line_and_do_not_grow_over_it", func(t *testing.T) {
		p := mustCompile(t, "%{WORD:a} %{WORD:b}")
		line, values := []byte("ab cd"), make([][]byte, 2)
		if !p.Match(line, values) || &values[1][0] != &line[3] {
			t.Fatal("the value is a copy")
		}
		if _ = append(values[0], 'x'); string(line) != "ab cd" {
			t.Errorf("an append to a value changed the line to %q", line)
		}
	})
	t.Run("allocates_nothing_on_the_fast_way", func(t *testing.T) {
		p := mustCompile(t, seedPattern)
		values := make([][]byte, len(p.Fields()))
		if n := testing.AllocsPerRun(100, func() { p.Match(seedLines[0], values) }); n != 0 {
			t.Errorf("%v allocations a line", n)
		}
	})
}

func TestBuiltin(t *testing.T) {
	t.Run("every_pattern_compiles", func(t *testing.T) {
		for name := range builtin {
			if _, err := Compile("%{"+name+":x}", ""); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
	for _, row := range []struct{ name, accepts, refuses string }{
		{"USERNAME", "a.b_c-1", "a b|é|"},
		{"EMAILADDRESS", "a.b@example.com", "a b@c|@c"},
		{"INT", "5|-5|+12|007", "1.5|-|a|5-"},
		{"NUMBER", "5|-5.25|.5|+1.0", "-|1.|1.2.3|0x1|"},
		{"BASE16NUM", "0x1F|ff|-0xA", "0x|g"},
		{"BASE16FLOAT", "0x1F.8|ff", "x"},
		{"BOOLEAN", "true|FALSE|True", "yes|1"},
		{"POSINT", "1|10", "0|-1|01"},
		{"NONNEGINT", "0|01|10", "-1|1.5"},
		{"WORD", "abc_1", "a-b|é|"},
		{"NOTSPACE", "a-b|é", "a b|"},
		{"QS", `"a \" b"|'x'|""`, `"a|a"|"a"b"`},
		{"UUID", "123e4567-e89b-12d3-a456-426614174000", "123e4567e89b12d3a456426614174000"},
		{"MAC", "00:11:22:aa:BB:cc|00-11-22-33-44-55|0011.2233.4455", "00:11:22:33:44|00:11-22:33:44:55"},
		{"IPV4", "1.2.3.4|255.255.255.255|001.002.003.004", "256.1.1.1|1.2.3|1.2.3.4.5|1.2.3.1000"},
		{"IPV6", "::|::1|fe80::1%eth0|2001:db8:0:0:0:0:0:1|::ffff:1.2.3.4|1:2:3:4:5:6:7::|1::3:4:5:6:7:8|64:ff9b::1.2.3.4",
			"1:2:3:4:5:6:7|1:2:3:4:5:6:7:8:9|:::|12345::|1.2.3.4"},
		{"IP", "1.2.3.4|::1", "-|1.2.3|localhost"},
		{"HOSTNAME", "example.com|a|a-b.c.", "-a|.|a..b"},
		{"HOSTPORT", "example.com:80", "example.com|example.com:0"},
		{"UNIXPATH", "/|/a/b.c|//x", "a/b|"},
		{"WINPATH", `C:\a\b`, `C|/a`},
		{"TTY", "/dev/pts/3|/dev/ttyS0", "/dev/null"},
		{"URIPATHPARAM", "/a/b?c=d&e", "a?b"},
		{"URI", "https://user@example.com:8080/a?b=c|http://x", "example.com|://x"},
		{"MONTH", "Jan|January|Dec", "Janu|13"},
		{"MONTHNUM", "1|01|12", "0|13"},
		{"MONTHNUM2", "01|12", "1|13"},
		{"MONTHDAY", "1|01|31", "0|32"},
		{"DAY", "Mon|Monday", "Montag"},
		{"YEAR", "26|2026", "2|202"},
		{"HOUR", "0|00|23", "24"},
		{"MINUTE", "00|59", "60|1"},
		{"SECOND", "1|59|60|59.123", "61"},
		{"TIME", "1:02:03|23:59:60.5", "24:00:00|1:02"},
		{"DATE_US", "1/31/2026|01-31-26", "13/1/2026"},
		{"DATE_EU", "31.1.2026", "1.31.2026"},
		{"TIMESTAMP_ISO8601", "2026-01-01T00:00:00.000Z|2026-01-01 00:00|2026-01-01T00:00:00+09:00", "2026-13-01T00:00:00Z|2026-01-01"},
		{"ISO8601_TIMEZONE", "Z|+09:00|-0700|+09:30", "09:00|UTC"},
		{"TZ", "UTC|PST|EDT", "KST"},
		{"DATESTAMP_RFC2822", "Mon, 2 Jan 2006 15:04:05 -0700", "2 Jan 2006"},
		{"DATESTAMP_EVENTLOG", "20260131235959", "2026"},
		{"SYSLOGTIMESTAMP", "Jan  2 15:04:05|Feb 1 06:25:43", "2 Jan 15:04:05"},
		{"SYSLOGFACILITY", "<13.6>", "<13>"},
		{"HTTPDATE", "10/Oct/2000:13:55:36 -0700", "10/10/2000:13:55:36 -0700"},
		{"LOGLEVEL", "INFO|warning|Warn|ERROR|crit|emerg", "verbose"},
	} {
		t.Run(row.name, func(t *testing.T) {
			p := mustCompile(t, "^(?:%{"+row.name+":x})$")
			for text := range strings.SplitSeq(row.accepts, "|") {
				if got := match(t, p, text); !strings.HasPrefix(got, "x="+text) && !strings.Contains(got, "x="+text) {
					t.Errorf("%s does not accept %q: %s", row.name, text, got)
				}
			}
			for text := range strings.SplitSeq(row.refuses, "|") {
				if got := match(t, p, text); got != "no match" {
					t.Errorf("%s accepts %q: %s", row.name, text, got)
				}
			}
		})
	}
}

func TestCompile(t *testing.T) {
	t.Run("gives_fields_their_Hive_types_in_order", func(t *testing.T) {
		p := mustCompile(t, "%{INT:A:int} %{INT:b:long} %{INT:c:short} %{INT:d:byte} %{NUMBER:e:float} %{NUMBER:f:double} "+
			"%{BOOLEAN:g:boolean} %{DATA:h:timestamp} %{DATA:i:date} %{DATA:j:string} %{DATA:k} %{INT:l;Integer} %{INT:m:bigint}")
		want := "[{a int} {b bigint} {c smallint} {d tinyint} {e float} {f double} {g boolean} {h timestamp} {i date} {j string} {k string} {l int} {m bigint}]"
		if got := fmt.Sprint(p.Fields()); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
	t.Run("takes_what_is_just_within_the_limits", func(t *testing.T) {
		if _, err := Compile(strings.Repeat("é", MaxPattern), "#"+strings.Repeat("é", MaxCustom-1)); err != nil {
			t.Error(err)
		}
	})
	deep := "P0 x\n"
	for i := 1; i < 40; i++ {
		deep += fmt.Sprintf("P%d %%{P%d}%%{P%d}\n", i, i-1, i-1)
	}
	for _, row := range []struct{ name, pattern, custom, want string }{
		{"an_empty_pattern", "", "", "grok pattern: it is empty"},
		{"a_long_pattern", strings.Repeat("x", MaxPattern+1), "", "2049 characters are more than 2048"},
		{"long_custom_patterns", "x", strings.Repeat("#", MaxCustom+1), "custom patterns: 16001 characters are more than 16000"},
		{"a_line_break", "a\nb", "", "it has a line break"},
		{"an_unknown_name", "x %{NUMBR:a}", "", "at character 3: no pattern is named NUMBR"},
		{"a_name_in_another_case", "%{number:a}", "", "did you mean NUMBER?"},
		{"an_unknown_type", "%{INT:a:number}", "", `"number" in %{INT:a:number} is not a type; known are bigint, boolean`},
		{"a_date_format", "%{DATA:a;date;dd/MMM/yyyy}", "", "a date's format is not supported"},
		{"an_open_reference", "x %{INT", "", "at character 3: %{ is not closed"},
		{"an_empty_field", "%{INT:}", "", "is not a name for a field"},
		{"an_empty_type", "%{INT:a:}", "", "is not a type"},
		{"a_field_of_two_types", "%{INT:a:int} %{INT:a}", "", "field a is of type string here and of type int before"},
		{"recursion", "%{A:x}", "A %{B}\nB x%{C}\nC %{A}", "pattern A contains itself: A → B → C → A"},
		{"recursion_into_a_built-in_name", "%{NUMBER:x}", "NUMBER %{NUMBER}", "pattern NUMBER contains itself: NUMBER → NUMBER"},
		{"doubling_without_end", "%{P39}", deep, "longer than 262144 bytes"},
		{"a_lookahead_over_more_than_a_character", "a(?=bc)", "", "at character 2: a lookahead (?=…) of more than one character is not supported"},
		{"a_long_lookbehind_in_a_custom_pattern", "%{A:x}", "\nA x(?<![0-9]+)y", "line 2: A: at character 2 of its regexp: a negative lookbehind (?<!…)"},
		{"an_open_lookahead", "a(?=b", "", "at character 2: (?= is not closed"},
		{"a_character_that_is_set_aside", "a\U0010F000", "", "at character 2: U+10F000 is not a character that a pattern can have"},
		{"such_a_character_escaped", `a\x{10F001}`, "", "is not a character that a pattern can have"},
		{"an_atomic_group", "(?>a)", "", "an atomic group (?>…) is not supported"},
		{"a_possessive_quantifier", "a++", "", `a possessive quantifier "++" is not supported`},
		{"a_backreference", `(a)\1`, "", `at character 4: a backreference (\1) is not supported`},
		{"a_class_within_a_class", "[a[bc]]", "", "at character 3: a class within a class is not supported"},
		{"a_class_at_a_class's_beginning", "[[bc]]", "", "at character 2: a class within a class is not supported"},
		{"an_intersection_of_classes", "[a-z&&b]", "", "an intersection of classes (&&) is not supported"},
		{"an_open_class", "x[a", "", "at character 2: [ is not closed"},
		{"an_open_group", "(a", "", "missing closing )"},
		{"a_bad_regexp_in_a_custom_pattern", "%{A:x} %{B:y}", "B b\nA a**", "custom patterns: line 2: A: "},
		{"a_final_backslash", `a\`, "", `a \ with nothing behind it`},
		{"a_custom_name_alone", "x", "A", `line 1: "A" has a name but no regexp`},
		{"a_custom_name_with_a_dash", "x", "A-B x", `line 1: "A-B" is not a name`},
		{"repeats_of_repeats", strings.Repeat("%{H}", 100), `H (?:\w*){900}`, "with its names expanded it has 180000 steps"},
		{"steps_times_fields", fields(100, "%%{H:f%d}"), `H (?:\w*){150}`, "steps and 100 captures, which would take too long"},
		{"a_repeat_too_large", "(?:%{IP}{1000}){1000}", "", "grok pattern: "},
	} {
		t.Run("refuses_"+row.name, func(t *testing.T) {
			_, err := Compile(row.pattern, row.custom)
			if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), row.want) {
				t.Errorf("got  %v\nwant %s", err, row.want)
			}
		})
	}
}

// fields writes a reference of that form n times.
func fields(n int, form string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, form, i)
	}
	return b.String()
}

func TestSteps(t *testing.T) {
	for name, pattern := range map[string]string{"the seed's": seedPattern, "a web server's": "%{COMBINEDAPACHELOG}", "a URI": "%{URI}",
		"syslog's": "%{SYSLOGLINE}", "nested repeats": "(?:a{3,9}|b{2,}){4,8}", "lookarounds": `(?<!a)b+(?=c|$)`, "one character": "x"} {
		t.Run("are_not_less_than_instructions_and_not_many_times_more/"+name, func(t *testing.T) {
			x := &expansion{}
			text, err := x.expand(source{}, pattern)
			if err != nil {
				t.Fatal(err)
			}
			re, err := syntax.Parse(text, syntax.Perl)
			if err != nil {
				t.Fatal(err)
			}
			estimate := steps(re)
			prog, err := syntax.Compile(re.Simplify())
			if err != nil {
				t.Fatal(err)
			}
			if n := len(prog.Inst) - 2; estimate < n || estimate > 2*n+2 { // but for the match and the failure
				t.Errorf("%s: %d steps, %d instructions", pattern, estimate, n)
			}
		})
	}
}

func TestCost(t *testing.T) {
	// Each value of the first asks for an automaton of more states than there may be; the second's are large each.
	var many, large []string
	for i := range 60 {
		many = append(many, fmt.Sprintf("(?:a|b)*%c(?:a|b){20}", 'a'+i%2))
	}
	for i := range 60 {
		large = append(large, fmt.Sprintf("(?:a|b)*a(?:a|b){9}c{%d}", i))
	}
	for _, row := range []struct{ name, pattern string }{
		{"dear_values", dearValues()},
		{"exponential_values", strings.Join(many, " ")},
		{"large_values", strings.Join(large, " ")},
		{"last_values_in_vain", `%{WORD:a} .*X`},
		{"last_values_in_vain_to_the_end", `%{WORD:a} .*X$`},
		{"first_values_in_vain", `.*X %{WORD:a}`},
		{"large_repeats", `\S{500} (?:%{IP}){20} \S{999}`},
	} {
		t.Run(row.name, func(t *testing.T) {
			began := time.Now()
			p, err := Compile(row.pattern, "")
			if err != nil {
				t.Fatal(err)
			}
			p.Match([]byte(strings.Repeat("ab ", 3000)), make([][]byte, len(p.Fields())))
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("%s took %s", row.pattern, took)
			}
			t.Log(time.Since(began))
		})
	}
}
