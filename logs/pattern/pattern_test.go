package pattern

import (
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"flowlake/fault"
)

func TestMatch(t *testing.T) {
	for _, row := range []struct {
		name, pattern, message string
		want                   bool
	}{
		{"nothing matches all", "", "x", true},
		{"blanks match all", " \t ", "x", true},
		{"an empty phrase matches all", `""`, "x", true},
		{"a term", "REJECT", "1 REJECT OK", true},
		{"a term in another case", "reject", "1 REJECT OK", false},
		{"a term inside of a word", "JEC", "1 REJECT OK", true},
		{"all terms, in any order", "OK REJECT", "1 REJECT OK", true},
		{"one of them is missing", "OK ACCEPT", "1 REJECT OK", false},
		{"a phrase", `"REJECT OK"`, "1 REJECT OK", true},
		{"a phrase with other blanks", `"REJECT OK"`, "1 REJECT  OK", false},
		{"a phrase beside a term", `"10.0.0.1" 443`, "10.0.0.1 10.0.0.2 443", true},
		{"escapes in a phrase", `"say \"hi\" \\ \n"`, `say "hi" \ \n`, true},
		{"what is special elsewhere is not in a phrase", `"?-{[%"`, "?-{[%", true},
		{"letters beyond ASCII", "größe", "die größe", true},
		{"an excluded term", "ERROR -ARGUMENTS", "[ERROR 400] BAD REQUEST", true},
		{"an excluded term that is there", "ERROR -ARGUMENTS", "[ERROR 419] MISSING ARGUMENTS", false},
		{"an excluded term alone", "-ERROR", "[INFO]", true},
		{"an excluded phrase", `ERROR -"MISSING ARGUMENTS"`, "[ERROR 419] MISSING ARGUMENTS", false},
		{"optional terms, one is there", "?ERROR ?ARGUMENTS", "[INFO] ARGUMENTS", true},
		{"optional terms, none is there", "?ERROR ?ARGUMENTS", "[INFO] REQUEST", false},
		{"optional phrases", `?"a b" ?"c d"`, "xc dx", true},
		{"optional terms beside a term count for nothing", "INFO ?ERROR ?WARN", "INFO REQUEST", true},
		{"optional terms beside an excluded one count for nothing", "?ERROR -WARN", "INFO", true},
		{"and the term still counts", "INFO ?ERROR", "ERROR", false},
		{"a regular expression", "%AUTHORIZED%", "[ERROR 401] UNAUTHORIZED REQUEST", true},
		{"a regular expression of classes", `%\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}%`, "from 10.10.0.1 port", true},
		{"alternatives", "%gray|grey%", "a grey sky", true},
		{"an optional letter", "%colou?r%", "color", true},
		{"an anchor", "%^ERROR%", "an ERROR", false},
		{"a byte", `%\x41B%`, "AB", true},
		{"a regular expression beside a term", "%[Ee]rror% retry", "Error: retry", true},
		{"an excluded regular expression", "-%[Ee]rror%", "Error", false},
	} {
		t.Run(row.name, func(t *testing.T) {
			p, err := Compile(row.pattern)
			if err != nil {
				t.Fatal(err)
			}
			if got := p.Match(row.message); got != row.want {
				t.Errorf("%s on %s: got %v", row.pattern, row.message, got)
			}
		})
	}
}

// The event and the patterns of the user guide's pages on JSON.
const (
	trail = `{"eventType": "UpdateTrail", "sourceIPAddress": "111.111.111.111", "arrayKey": ["value", "another value"],
		"objectList": [{"name": "a", "id": 1}, {"name": "b", "id": 2}], "SomeObject": null, "cluster.name": "c", "ThisFlag": true}`
	users = `{"user": {"id": 1, "email": "John.Stiles@example.com"}, "users": [{"id": 2, "email": "John.Doe@example.com"}, {"id": 3, "email": "Jane.Doe@example.com"}],
		"actions": ["GET", "PUT", "DELETE"], "coordinates": [[0, 1, 2], [4, 5, 6], [7, 8, 9]]}`
)

func TestMatchJSON(t *testing.T) {
	for _, row := range []struct {
		pattern, message string
		want             bool
	}{
		{`{ $.eventType = "UpdateTrail" }`, trail, true},
		{`{$.eventType=UpdateTrail}`, trail, true},
		{`{ $.sourceIPAddress != 123.123.* }`, trail, true},
		{`{ $.sourceIPAddress != 111.111.* }`, trail, false},
		{`{ $.arrayKey[0] = "value" }`, trail, true},
		{`{ $.arrayKey[1] = "value" }`, trail, false},
		{`{ $.arrayKey[2] != "value" }`, trail, false},
		{`{ $.objectList[1].id = 2 }`, trail, true},
		{`{ $.SomeObject IS NULL }`, trail, true},
		{`{ $.eventType IS NULL }`, trail, false},
		{`{ $.SomeOtherObject IS NULL }`, trail, false},
		{`{ $.SomeOtherObject NOT EXISTS }`, trail, true},
		{`{ $.SomeObject NOT EXISTS }`, trail, false},
		{`{ $.arrayKey EXISTS && $.objectList[0].name EXISTS }`, trail, true},
		{`{ $.ThisFlag IS TRUE }`, trail, true},
		{`{ $.ThisFlag is false }`, trail, false},
		{`{ $.eventType = %Trail% }`, trail, true},
		{`{ $.arrayKey[*] = %val.{2}% }`, trail, true},
		{`{ $.* = %111\.111\.111\.1[0-9]{1,2}% }`, trail, true},
		{`{ $.['cluster.name'] = "c" }`, trail, true},
		{`{ $['cluster.name'] = "c" }`, trail, true},
		{`{ $.objectList[*].id = 2 }`, trail, true},
		{`{ $.objectList[*].id > 2 }`, trail, false},
		{`{ ($.user.id = 1) && ($.users[0].email = "John.Doe@example.com") }`, users, true},
		{`{ ($.user.id = 2 && $.users[0].email = "nonmatch") || $.actions[2] = "GET" }`, users, false},
		{`{ $.user.email = "John.Stiles@example.com" || $.coordinates[0][1] = nonmatch && $.actions[2] = nomatch }`, users, true},
		{`{ ($.user.email = "John.Stiles@example.com" || $.coordinates[0][1] = nonmatch) && $.actions[2] = nomatch }`, users, false},
		{`{ $.users = 1 }`, users, false}, // an array is compared with nothing
		{`{ $.users != 1 }`, users, false},
		{`{ !($.users = 1) && !$.nothing EXISTS }`, users, true},
		{`{ $.coordinates[*][2] = 6 }`, users, true},
		{`{ $.latency >= 500 }`, `{"latency": 500}`, true},
		{`{ $.latency > +1000 }`, `{"latency": 1000.5}`, true},
		{`{ $.numbers[0] < 10e3 }`, `{"numbers": [9999]}`, true},
		{`{ $.numbers[0] < 10e-3 }`, `{"numbers": [0.01]}`, false},
		{`{ $.number[0] = 1e+3 }`, `{"number": [1000]}`, true},
		{`{ $.processes[4].averageRuntime <= 55.5 }`, `{"processes": [0,0,0,0,{"averageRuntime": 55.5}]}`, true},
		{`{ $.errorCode != 500 }`, `{"errorCode": 5e2}`, false},
		{`{ $.errorCode = 4* }`, `{"errorCode": 404}`, true},
		{`{ $.count = "3" }`, `{"count": 3}`, true},
		{`{ $.count = 3 }`, `{"count": "3.0"}`, true},
		{`{ $.count = "3" }`, `{"count": "3.0"}`, false},
		{`{ $.count > 2 }`, `{"count": "many"}`, false},
		{`{ $.latency = * }`, `{"latency": 0}`, true},
		{`{ $.latency = "*" }`, `{"latency": null}`, false},
		{`{ $.a = *Event }`, `{"a": "PutEvent"}`, true},
		{`{ $.a = Event* }`, `{"a": "PutEvent"}`, false},
		{`{ $.a = Ev*ent }`, `{"a": "Evxent"}`, false}, // an asterisk inside is an asterisk
		{`{ $.a = Ev*ent }`, `{"a": "Ev*ent"}`, true},
		{`{ $.a = "say \"hi\"" }`, `{"a": "say \"hi\""}`, true},
		{`{ $.a = "größe 😀" }`, `{"a": "gr\u00f6\u00dfe \ud83d\ude00"}`, true},
		{`{ $.ab = 1 }`, `{"\u0061b": 1}`, true},
		{`{ $.flag = true }`, `{"flag": true}`, false}, // IS TRUE is for that
		{`{ $.flag = true }`, `{"flag": "true"}`, true},
		{`{ $.a = 1 }`, `{"a": 2, "a": 1}`, true}, // of members with the same name, the last one counts
		{`{ $.a = 2 }`, `{"a": 2, "a": 1}`, false},
		{`{ $[1].a = 1 }`, `[0, {"a": 1}]`, true},
		{`{ $.a-b_c = 1 }`, " {\"a-b_c\" : 1 }\n", true},
		{`{ $.a NOT EXISTS }`, `a=1`, false}, // not JSON as a whole: nothing holds
		{`{ $.a = 1 }`, `2024 {"a": 1}`, false},
		{`{ $.a = 1 }`, `{"a": 1} {"a": 1}`, false},
		{`{ $.a = 1 }`, `{"a": 1,}`, false},
		{`{ $.a = 1 }`, "{\"a\": 1, \"b\": \"\t\"}", false}, // JSON has no tab in a string
		{`{ $.a = 9007199254740993 }`, `{"a": 9007199254740993.0}`, true},
		{`{ $.a = 1 }`, `{"a": 01}`, false},
		{`{ $.a NOT EXISTS }`, strings.Repeat(`{"b":`, 100_000), false},
		{`{ $.a NOT EXISTS }`, strings.Repeat("[", 400) + strings.Repeat("]", 400), true},
		{`{ $.a NOT EXISTS }`, strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000), false},
	} {
		p, err := Compile(row.pattern)
		if err != nil {
			t.Errorf("%s: %v", row.pattern, err)
			continue
		}
		if got := p.Match(row.message); got != row.want {
			t.Errorf("%s on %.200s: got %v", row.pattern, row.message, got)
		}
	}
}

// Messages of the user guide's and the API reference's pages on space-delimited patterns.
const (
	html404 = `127.0.0.1 Prod frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534`
	gif200  = `127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET /apache_pb.gif HTTP/1.0" 200 1534`
	failed  = "ERROR 09/25/2014 12:00:02 Failed to process request"
	get67   = "INFO 09/25/2014 12:00:00 GET /service/resource/67 1200"
	post111 = "INFO 09/25/2014 12:00:01 POST /service/resource/67/part/111 1310"
	warning = "WARNING 09/25/2014 12:00:02 Invalid user request"
	reject  = "2 123456789010 eni-1235b8ca123456789 172.31.9.69 172.31.9.12 49761 3389 6 20 4249 1418530010 1418530070 REJECT OK"
	nodata  = "2 123456789010 eni-1a2b3c4d - - - - - - - 1431280876 1431280934 - NODATA"
	seed    = "[version, account_id, interface_id, srcaddr, dstaddr, srcport, dstport, protocol, packets, bytes, start, end, action, log_status]"
)

func TestMatchFields(t *testing.T) {
	for _, row := range []struct {
		pattern, message string
		want             bool
	}{
		{`[ip, user, username, timestamp, request, status_code, bytes]`, html404, true},
		{`[ip=%127\.0\.0\.[1-9]%, user, username, timestamp, request =*.html*, status_code = 4*, bytes]`, html404, true},
		{`[ip, user, username, timestamp, request =*.html*, status_code = 404 || status_code = 410, bytes]`, html404, true},
		{`[ip, user, username, timestamp, request = *html*, status_code = 4* && status_code != 404, bytes]`, html404, false},
		{`[ip, user, username, timestamp, request, status_code, bytes > 1000]`, html404, true},
		{`[ip, user, username, timestamp, request, status_code, bytes > 1534]`, html404, false},
		{`[..., status_code = 4*, bytes]`, html404, true},
		{`[..., status_code=200, size]`, html404, false},
		{`[ip, user, ..., status_code, bytes]`, html404, true},
		{`[ip, user, ...]`, html404, true},
		{`[a, b, c, d, e, f, g, ...]`, html404, true}, // the ellipsis may stand for none
		{`[a, b, c, d, e, f, g, h, ...]`, html404, false},
		{`[a, b, c, d, e, f, g, h]`, html404, false},
		{`[..., request="GET /index.html HTTP/1.0", status_code, bytes]`, html404, true},
		{`[w1=ERROR, w2]`, failed, true},
		{`[w1=ERROR, w2]`, get67, false},
		{`[w1=ERROR, w2]`, "ERROR", false},
		{`[w1=ERROR]`, failed, false}, // the last field is the whole rest
		{`[w1=ERROR || w1=WARNING, w2]`, warning, true},
		{`[w1=ERROR || w1=%WARN%, w2]`, warning, true},
		{`[w1!=ERROR && w1!=WARNING, w2]`, get67, true},
		{`[w1=!ERROR&&w1=!WARNING, w2]`, warning, false},
		{`[logLevel, date, time, method, url=%/service/resource/[0-9]+$%, response_time]`, get67, true},
		{`[logLevel, date, time, method, url=%/service/resource/[0-9]+$%, response_time]`, post111, false},
		{`[,, date, ...]`, get67, true},
		{seed, reject, true},
		{strings.Replace(seed, "action", `action="REJECT"`, 1), reject, true},
		{strings.Replace(seed, "action", `action=REJECT`, 1), nodata, false},
		{strings.Replace(seed, "dstport", `dstport=22 || dstport=3389`, 1), reject, true},
		{strings.Replace(seed, "bytes", `bytes < 100000000`, 1), reject, true},
		{strings.Replace(seed, "bytes", `bytes < 100000000`, 1), nodata, false}, // "-" is no number
		{strings.Replace(seed, "bytes", `bytes != 0`, 1), nodata, true},
		{strings.Replace(seed, "srcaddr", `srcaddr = 172.31.*`, 1), reject, true},
		{`[]`, "", true},
		{`[ ]`, "a b", true},
		{`[a]`, "", false},
		{`[a]`, "  ", false},
		{`[...]`, "", true},
		{`[a = 10]`, "10.0", true},
		{`[a = "10"]`, "10.0", false},
		{`[a = "*"]`, "x y", true},
		{`[a = *x*]`, "x", true}, // an asterisk stands for nothing, too
		{`[a = *x*]`, "y", false},
		{`[a, b]`, "\"open x", true}, // what is not closed is a word
	} {
		p, err := Compile(row.pattern)
		if err != nil {
			t.Errorf("%s: %v", row.pattern, err)
			continue
		}
		if got := p.Match(row.message); got != row.want {
			t.Errorf("%s on %s: got %v", row.pattern, row.message, got)
		}
	}
}

func TestExtract(t *testing.T) {
	for _, row := range []struct {
		name, pattern, message, want string
	}{
		{"names, brackets and quotes", `[ip, identity, user_id, timestamp, request, status_code, size]`, gif200,
			"ip:127.0.0.1 identity:- user_id:frank timestamp:10/Oct/2000:13:25:15 -0700 request:GET /apache_pb.gif HTTP/1.0 status_code:200 size:1534"},
		{"an ellipsis gives positions", `[..., size]`, gif200,
			"1:127.0.0.1 2:- 3:frank 4:10/Oct/2000:13:25:15 -0700 5:GET /apache_pb.gif HTTP/1.0 6:200 size:1534"},
		{"no fields are all of them", `[]`, gif200,
			"1:127.0.0.1 2:- 3:frank 4:10/Oct/2000:13:25:15 -0700 5:GET /apache_pb.gif HTTP/1.0 6:200 7:1534"},
		{"an unnamed field behind the last comma", `[..., request=*.html*, status_code=4*,]`, html404,
			"1:127.0.0.1 2:Prod 3:frank 4:10/Oct/2000:13:25:15 -0700 request:GET /index.html HTTP/1.0 status_code:404 7:1534"},
		{"the last field has the rest", `[ip, user, rest]`, html404,
			`ip:127.0.0.1 user:Prod rest:frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534`},
		{"one unnamed field has it too", `[ip,]`, "a  b c \n", `ip:a 2:b c`},
		{"the last field alone loses its quotes", `[a, b]`, `x "y z" `, "a:x b:y z"},
		{"an escaped quote closes nothing", `[a, b]`, `"x \" y" z`, `a:x \" y b:z`},
		{"a bracket inside of a word", `[a, b]`, `[x]y z`, `a:[x]y b:z`},
		{"a flow-log record", seed, nodata, "version:2 account_id:123456789010 interface_id:eni-1a2b3c4d srcaddr:- dstaddr:- srcport:- dstport:- " +
			"protocol:- packets:- bytes:- start:1431280876 end:1431280934 action:- log_status:NODATA"},
		{"terms give nothing", "ERROR", "ERROR", ""},
		{"JSON gives nothing", `{ $.a = 1 }`, `{"a": 1}`, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			p, err := Compile(row.pattern)
			if err != nil {
				t.Fatal(err)
			}
			values, ok := p.Extract(row.message, []string{"old"})
			if !ok {
				t.Fatal("no match")
			}
			var got []string
			for i, name := range p.NamesOf(len(values)) {
				got = append(got, name+":"+values[i])
			}
			if strings.Join(got, " ") != row.want {
				t.Errorf("got  %q\nwant %q", got, row.want)
			}
			if names := p.Names(); names != nil && !slices.Equal(names, p.NamesOf(len(values))) || p.Elastic() != (strings.Contains(row.pattern, "...") || row.pattern == "[]") {
				t.Errorf("names %q, elastic %v", names, p.Elastic())
			}
		})
	}
}

func TestTakes(t *testing.T) {
	for _, row := range []struct {
		pattern, reference string
		want               bool
	}{
		{"[ip, ..., bytes]", "$ip", true}, {"[ip, ..., bytes]", "$bytes", true}, {"[ip, ..., bytes]", "$7", true}, {"[ip, ..., bytes]", "$size", false},
		{"[a, b]", "$2", true}, {"[a, b]", "$3", false}, {"[a, b]", "$0", false}, {"[a, b]", "a", false}, {"[a, b]", "$", false}, {"[a]", "$.a", false},
		{"{ $.a = 1 }", "$.latency", true}, {"{ $.a = 1 }", "$.['a.b'][0]", true}, {"{ $.a = 1 }", "$.a[", false}, {"{ $.a = 1 }", "$.a[*]", false},
		{"{ $.a = 1 }", "$.a = 1", false}, {"{ $.a = 1 }", "$a", false}, {"ERROR", "$.a", false}, {"", "$1", false},
	} {
		p, err := Compile(row.pattern)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Takes(row.reference); got != row.want {
			t.Errorf("%s takes %s: got %v", row.pattern, row.reference, got)
		}
	}
}

func TestCompileRefuses(t *testing.T) {
	for _, row := range []struct{ pattern, want string }{
		{"10.0.0.1", "Invalid character(s) in term '10.0.0.1'"},
		{`"abc`, "at character 1: the phrase has no closing quote"},
		{`a "abc"d`, "at character 8: a blank must follow a term"},
		{"a -", "at character 4: a term must follow the sign"},
		{"?-a", "Invalid character(s) in term '-a'"},
		{strings.Repeat("ä", 1025), "1025"},
		{"\xff", "UTF-8"},
		{"%a", "no closing %"},
		{"%%", "empty"},
		{"%something!%", `'!' is not supported`},
		{"%(a)%", "parentheses"},
		{"%ä%", "several bytes"},
		{"%a b%", "not supported"},
		{"%[a%", "the regular expression is wrong: missing closing ]"},
		{`%\b%`, "a backslash"},
		{`%\x4%`, "hexadecimal"},
		{"%a% %b% %c%", "3 regular expressions"},
		{"{ $.a = 1", "at character 10: &&, || or } must stand here, not the end"},
		{"{ $.a = 1 } x", "nothing may follow }"},
		{"{ $.a = }", "a value must stand here"},
		{"{ $.a }", "a comparison"},
		{"{ $.a == 1 }", "double quotes"},
		{"{ a = 1 }", `must begin with $ here, not "a"`},
		{"{ $.a = 1 && }", "selector"},
		{"{ ($.a = 1 }", "parenthesis of character 3 is not closed"},
		{"{ $.a IS MAYBE }", "IS TRUE"},
		{"{ $.a > x }", "a number must stand"},
		{"{ $.a[x] = 1 }", "not [x]"},
		{"{ $.a[99999999999] = 1 }", "element"},
		{"{ $.a[1 = 1 }", "not closed"},
		{"{ $.ä = 1 }", `not "ä"`},
		{"{ $ = 1 }", "a dot must follow $"},
		{"{ $.a[*] = 1 || $.b[*] = 1 || $.c[*] = 1 || $.d[*] = 1 }", "more than 3 selectors"},
		{"{ " + strings.Repeat("(", 500) + "$.a = 1" + strings.Repeat(")", 500) + " }", "nested"},
		{"{}", "selector"},
		{"[a, ..., b, ...]", "twice"},
		{"[a, a]", "the field a is named twice"},
		{"[a = ]", "a value"},
		{"[a", "at character 3: the fields must end with ]"},
		{"[a, b, ...", "not the end"},
		{"%a{1001}%", "invalid repeat count"},
		{"%" + strings.Repeat(".{999}", 100) + "%", "too large"},
		{"{ $.a = %" + strings.Repeat("[a-z]{1000}", 50) + "% }", "too large"},
		{"[a b]", "a comparison"},
		{"[a, b", "end with ]"},
		{"[a, b] c", "nothing may follow ]"},
		{"[a = 1 ||]", "again"},
		{"[1a]", "begins with a letter"},
		{"[a, b = 4* && c > 1]", "a condition on c must stand at that field, not at b"},
		{"[= 1]", "name"},
	} {
		_, err := Compile(row.pattern)
		if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%.100s: got %v, want %q", row.pattern, err, row.want)
		}
	}
	for _, text := range []string{strings.Repeat("ä", MaxLength), "%[a-z]{0,1000}%"} {
		if _, err := Compile(text); err != nil {
			t.Error(err)
		}
	}
}

func TestNumber(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { // what is a number here is one to strconv, with the same value
		s := rapid.OneOf(rapid.StringMatching(`[-+]?[0-9]{0,17}(\.[0-9]{0,4})?([eE][-+]?[0-9]{0,3})?`), rapid.StringMatching(`[-+0-9.eExp_ ni]{0,6}`)).Draw(t, "s")
		got, ok := number(s)
		want, err := strconv.ParseFloat(s, 64)
		plain := strings.Trim(s, "0123456789+-.eE") == ""
		if wanted := plain && (err == nil || errors.Is(err, strconv.ErrRange)); ok != wanted || ok && got != want {
			t.Errorf("%q: got %v, %v, want %v, %v", s, got, ok, want, err)
		}
	})
}

func TestDocumentIsJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringMatching(`[\[{]([\[\]{},:" 0-9.eE+-]|"a"|true|null|"\\\\u00e4"|\\\\){0,12}[\]}]`).Draw(t, "s")
		if _, ok := document(s); ok != json.Valid([]byte(s)) {
			t.Errorf("%s: got %v", s, ok)
		}
	})
}

// TestNamesOfManyFields claims that messages of very many fields have names, and that these are not kept.
func TestNamesOfManyFields(t *testing.T) {
	p, err := Compile("[first, ..., last]")
	if err != nil {
		t.Fatal(err)
	}
	for n := 5000; n >= 2; n -= 7 {
		names := p.NamesOf(n)
		if len(names) != n || names[0] != "first" || names[n-1] != "last" || n > 2 && names[1] != "2" {
			t.Fatalf("%d: got %v", n, names)
		}
	}
	kept := 0
	for _, names := range p.fields.named {
		kept += len(names)
	}
	if len(p.fields.named) > maxNamed || kept > maxNamed*maxNamedFields {
		t.Errorf("%d lists with %d names are kept", len(p.fields.named), kept)
	}
}

func TestMatchAllocatesNothing(t *testing.T) {
	p, err := Compile(strings.Replace(seed, "action", `action = REJECT`, 1))
	if err != nil {
		t.Fatal(err)
	}
	values := make([]string, 0, 14)
	var ok bool
	if n := testing.AllocsPerRun(100, func() { values, ok = p.Extract(reject, values) }); n != 0 || !ok {
		t.Errorf("Extract: %v allocations, %v", n, ok)
	}
	if n := testing.AllocsPerRun(100, func() { ok = p.Match(reject) }); n != 0 || !ok {
		t.Errorf("Match: %v allocations, %v", n, ok)
	}
}

// TestMatchIsLinear would not end if an open quote or bracket were searched for from each of its begins.
func TestMatchIsLinear(t *testing.T) {
	for _, row := range []struct{ pattern, message string }{
		{"[]", strings.Repeat(`"x [y `, 200_000)},
		{"[..., a = z, b]", strings.Repeat(`" [`, 300_000)},
		{`{ $.*.*.* = x }`, `{"a":` + strings.Repeat("[", 500) + strings.Repeat("1,", 400_000) + "1" + strings.Repeat("]", 500) + "}"},
		{`%a+b*a+b*c%`, strings.Repeat("ab", 500_000)},
	} {
		p, err := Compile(row.pattern)
		if err != nil {
			t.Fatal(err)
		}
		p.Match(row.message)
	}
}

func FuzzCompile(f *testing.F) {
	for _, seed := range []string{"", "a b", `"a \" b" c`, "?a -b", `{$.x[0].*="a*"&&!($.y IS NULL)}`, `"`, `\`, "a\x00", "[a=1||a!=%x%,...,b]", "%a{2}|[b-c]%", seed} {
		f.Add(seed, "a b c")
		f.Add(seed, trail)
		f.Add(seed, gif200)
	}
	f.Fuzz(func(t *testing.T, pattern, message string) {
		if len(message) > 1<<16 {
			return
		}
		p, err := Compile(pattern)
		if err != nil {
			if !fault.Is(err, fault.Invalid) {
				t.Errorf("%q: %v", pattern, err)
			}
			return
		}
		values, ok := p.Extract(message, nil)
		if ok != p.Match(message) {
			t.Errorf("%q on %q: Extract says %v", pattern, message, ok)
		}
		if names := p.NamesOf(len(values)); len(names) != len(values) {
			t.Errorf("%q on %q: %q for %q", pattern, message, names, values)
		}
		for _, v := range values {
			if !strings.Contains(message, v) {
				t.Errorf("%q on %q: %q is not of the message", pattern, message, v)
			}
		}
	})
}

func BenchmarkPattern(b *testing.B) {
	for _, row := range []struct{ name, pattern, message string }{
		{"fields", seed, reject},
		{"fields with a condition", strings.Replace(seed, "action", `action = REJECT`, 1), reject},
		{"elastic", "[..., action = REJECT, log_status]", reject},
		{"terms", "REJECT OK", reject},
		{"regex", `%172\.31\.[0-9]+%`, reject},
		{"json", `{ $.eventType = UpdateTrail && $.objectList[1].id = 2 }`, trail},
	} {
		b.Run(row.name, func(b *testing.B) {
			p, err := Compile(row.pattern)
			if err != nil {
				b.Fatal(err)
			}
			values := make([]string, 0, 32)
			b.ReportAllocs()
			for b.Loop() {
				values, _ = p.Extract(row.message, values)
			}
		})
	}
}
