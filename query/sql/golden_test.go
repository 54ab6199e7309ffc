package sql

import (
	"flag"
	"os"
	"strings"
	"testing"

	"flowlake/fault"
)

var update = flag.Bool("update", false, "rewrite the answers in testdata")

// golden is a case of a file in testdata: blocks separated by blank lines, each an input, a line ----,
// and the answer.
type golden struct{ input, answer string }

func readGolden(t testing.TB, file string) []golden {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var cases []golden
	for block := range strings.SplitSeq(strings.TrimSpace(string(data)), "\n\n") {
		input, answer, _ := strings.Cut(block, "\n----\n")
		cases = append(cases, golden{input, answer})
	}
	return cases
}

// checkGolden runs answer over every input of file and compares, or rewrites the file with -update.
func checkGolden(t *testing.T, file string, answer func(string) string) {
	t.Helper()
	cases := readGolden(t, file)
	if *update {
		blocks := make([]string, len(cases))
		for i, c := range cases {
			blocks[i] = c.input + "\n----\n" + answer(c.input)
		}
		if err := os.WriteFile(file, []byte(strings.Join(blocks, "\n\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	for _, c := range cases {
		if got := answer(c.input); got != c.answer {
			t.Errorf("%s\n got %s\nwant %s", c.input, got, c.answer)
		}
	}
}

func TestStatementsParseToTheTreesInTestdata(t *testing.T) {
	checkGolden(t, "testdata/statements.txt", func(input string) string {
		stmt, err := Parse(input)
		if err != nil {
			t.Errorf("%s\n%v", input, err)
			return "error"
		}
		return dump(stmt)
	})
	if n := len(readGolden(t, "testdata/statements.txt")); n < 150 {
		t.Errorf("only %d statements", n)
	}
}

// unescape lets testdata hold what an editor would not show: \u{a0}.
var unescape = strings.NewReplacer(`\u{a0}`, "\u00a0", `\u{200b}`, "\u200b", `\u{0}`, "\x00", `\u{bad}`, "\xff", `\u{tab}`, "\t")

func TestMistakesGetTheMessagesInTestdata(t *testing.T) {
	checkGolden(t, "testdata/errors.txt", func(input string) string {
		_, err := Parse(unescape.Replace(input))
		if err == nil {
			t.Errorf("%s: parsed", input)
			return "parsed"
		}
		return fault.KindOf(err).String() + ": " + err.Error()
	})
}
