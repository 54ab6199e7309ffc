package main

import (
	"compress/gzip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"flowlake/flow"
)

// runDemo runs the demo in a folder for temporary files of its own, which must be empty afterwards, with no process
// of the demo left.
func runDemo(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	tmp := t.TempDir()
	env := slices.DeleteFunc(cleanEnv(t.TempDir()), func(v string) bool { return strings.HasPrefix(v, "TMPDIR=") })
	stdout, stderr, code = runCommand(t, append(env, "TMPDIR="+tmp, "AWS_ENDPOINT_URL=https://example.org", "AWS_ACCESS_KEY_ID=other", "AWS_SECRET_ACCESS_KEY=other",
		"HTTP_PROXY=http://127.0.0.1:1"), "", append([]string{"demo"}, args...)...)
	left, err := os.ReadDir(tmp)
	ok(t, err)
	if len(left) > 0 {
		t.Errorf("it left %v", left)
	}
	for _, command := range []string{"serve", workerName} {
		if ids := processes(command); len(ids) > 0 {
			t.Errorf("processes %v of %s are left", ids, command)
		}
	}
	return stdout, stderr, code
}

func TestDemo(t *testing.T) {
	out, errs, code := runDemo(t)
	if code != 0 || errs != "" {
		t.Fatalf("exit %d, %q\n%s", code, errs, out)
	}
	checkWalk(t, out)
	for _, want := range []string{"1. An administrator", "takes  logs:CreateLogGroup", "refused: COLUMN_NOT_FOUND", "Who acts on whom", "The classifier doctor on vpc-flow-log", "How to go on:", "flowlake demo --stay"} {
		if !strings.Contains(out, want) {
			t.Errorf("it does not say %q:\n%s", want, out)
		}
	}
	if strings.Contains(out, "  ✗ ") {
		t.Errorf("something is missing at the end of the walk:\n%s", out)
	}
}

func TestDemoWithInput(t *testing.T) {
	dir := t.TempDir()
	var v5 []string
	for _, f := range flow.Fields() {
		if f.Version <= 5 {
			v5 = append(v5, "${"+f.Name+"}")
		}
	}
	slices.Sort(v5)
	generate := func(name string, args ...string) string {
		out, errs, code := runCommand(t, cleanEnv(dir), "", append([]string{"generate", "--rows", "3000", "--seed", "5"}, args...)...)
		if code != 0 {
			t.Fatal(errs)
		}
		return file(t, dir, name, out)
	}
	plain := generate("plain.log")
	headed := generate("headed.log", "--header", "--format", strings.Join(v5, " "))
	text, err := os.ReadFile(headed)
	ok(t, err)
	if !strings.HasPrefix(string(text), "account-id action az-id bytes ") || !strings.Contains(string(text), " - ") {
		t.Fatalf("not what this test is about: %.200q", text)
	}
	zipped := filepath.Join(dir, "plain.log.gz")
	f, err := os.Create(zipped)
	ok(t, err)
	zw := gzip.NewWriter(f)
	text, err = os.ReadFile(plain)
	ok(t, err)
	_, err = zw.Write(text)
	ok(t, err)
	ok(t, zw.Close())
	ok(t, f.Close())
	for name, input := range map[string]string{"version 2 without a header": plain, "version 5 in alphabetical order": headed, "gzip": zipped} {
		t.Run(name, func(t *testing.T) {
			out, errs, code := runDemo(t, "--input", input)
			if code != 0 || errs != "" {
				t.Fatalf("exit %d, %q\n%s", code, errs, out)
			}
			checkWalk(t, out)
			if !strings.Contains(out, "3000 events") {
				t.Errorf("not all records came in:\n%s", out)
			}
		})
	}
	for name, row := range map[string]struct{ input, want string }{
		"prose":       {file(t, dir, "prose", "It was a dark and stormy night.\n"), "prose has no flow-log record"},
		"nothing":     {file(t, dir, "nothing", ""), "nothing has no flow-log record"},
		"half a gzip": {file(t, dir, "half.gz", "\x1f\x8b\x08\x00\x00\x00"), "half.gz"},
		"no file":     {filepath.Join(dir, "missing"), "missing: no such file"},
		"NODATA only": {file(t, dir, "nodata", "2 123456789012 eni-1 - - - - - - - 1767225600 1767225660 - NODATA\n"), "nodata has no flow-log record with a source address"},
	} {
		t.Run(name, func(t *testing.T) {
			out, errs, code := runDemo(t, "--input", row.input)
			if code != exitFailed || !strings.Contains(errs, row.want) || strings.Contains(out, "Log group") {
				t.Errorf("exit %d, %q, want %q\n%s", code, errs, row.want, out)
			}
		})
	}
}

func file(t *testing.T, dir, name, content string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	ok(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

var askedAddress = regexp.MustCompile(`WHERE srcaddr = '([^']+)'`)

var imported = regexp.MustCompile(`(\d+) events in stream`)

// checkWalk reads the tables in a demo's output. On the first path: rows of the asked address only, and the ten that sent
// most, in order. On the second: every record, before and after its delivery. On the third: every record.
func checkWalk(t *testing.T, out string) {
	t.Helper()
	tables := parseTables(out)
	asked := askedAddress.FindStringSubmatch(out)
	if len(tables) != 7 || asked == nil {
		t.Fatalf("%d tables\n%s", len(tables), out)
	}
	source := slices.Index(tables[0][0], "srcaddr")
	if len(tables[0]) < 2 || source < 0 {
		t.Fatalf("no rows of the address:\n%s", out)
	}
	for _, row := range tables[0][1:] {
		if row[source] != asked[1] {
			t.Errorf("asked for %s, got %v", asked[1], row)
		}
	}
	if got := tables[1][0]; !slices.Equal(got, []string{"srcaddr", "total_bytes"}) || len(tables[1]) != 11 {
		t.Errorf("got %d rows of %v", len(tables[1])-1, got)
	}
	for i, row := range tables[1][2:] {
		if a, b := tables[1][i+1][1], row[1]; len(a) < len(b) || len(a) == len(b) && a < b {
			t.Errorf("%v comes before %v", tables[1][i+1], row)
		}
	}
	sent := imported.FindAllStringSubmatch(out, -1)
	if len(sent) != 2 || sent[0][1] != sent[1][1] || !slices.EqualFunc(tables[2], [][]string{{"flows"}, {sent[0][1]}}, slices.Equal) {
		t.Errorf("%v were sent, and before the buffer closed there were %v", sent, tables[2])
	}
	for i, want := range [][]string{{"protocol", "rejected_packets"}, {"srcaddr", "rejected_packets"}, {"dstaddr", "packet_count"}, {"action", "flows", "total"}} {
		if got := tables[3+i][0]; !slices.Equal(got, want) {
			t.Errorf("table %d is of %v, want %v", 3+i, got, want)
		}
	}
	for _, i := range []int{3, 5} { // of table 4 the rows depend on the age of the records
		if len(tables[i]) < 2 {
			t.Errorf("no rows of %v", tables[i][0])
		}
	}
	flows := 0
	for _, row := range tables[6][1:] {
		n, err := strconv.Atoi(row[1])
		ok(t, err)
		flows += n
	}
	if flows != flowLogRows {
		t.Errorf("the flow log's table has %d records, want %d", flows, flowLogRows)
	}
	if !strings.Contains(out, " flow_logs/year=") {
		t.Errorf("no Parquet object:\n%s", out)
	}
}

// parseTables reads the aligned tables in a text, their labels first.
func parseTables(text string) (tables [][][]string) {
	lines := strings.Split(text, "\n")
	for i, rule := range lines {
		if i == 0 || rule == "" || strings.Trim(rule, " ─") != "" {
			continue
		}
		cut := func(line string) (cells []string) {
			runes, at := []rune(line), 0
			for _, column := range regexp.MustCompile("─+").FindAllStringIndex(rule, -1) {
				from := len([]rune(rule[:column[0]]))
				at = from + len([]rune(rule[column[0]:column[1]]))
				cells = append(cells, strings.TrimSpace(string(runes[min(from, len(runes)):min(at, len(runes))])))
			}
			return cells
		}
		table := [][]string{cut(lines[i-1])}
		for _, line := range lines[i+1:] {
			if line == "" || !strings.HasPrefix(line, "     ") || strings.HasPrefix(line, "     …") {
				break
			}
			table = append(table, cut(line))
		}
		tables = append(tables, table)
	}
	return tables
}
