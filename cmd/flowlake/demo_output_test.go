package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/athena/types"

	"flowlake/catalog/grok"
	"flowlake/flow"
)

func columns(names ...string) (out []types.ColumnInfo) {
	for _, n := range names {
		out = append(out, types.ColumnInfo{Name: aws.String(n), Type: aws.String("varchar")})
	}
	return out
}

func table(t *testing.T, shown *tableRows, rows ...[]string) string {
	t.Helper()
	var b strings.Builder
	shown.w = &b
	for _, r := range rows {
		var data []types.Datum
		for _, v := range r {
			data = append(data, types.Datum{VarCharValue: aws.String(v)})
		}
		ok(t, shown.row(data))
	}
	ok(t, shown.flush())
	return b.String()
}

func TestTableAlignsByTheCellsOfATerminal(t *testing.T) {
	got := table(t, &tableRows{columns: columns("a", "b")}, []string{"日本語", "x"}, []string{"é", "x"}, []string{"e\u0301🎉", "x"})
	want := "a       b\n──────  ─\n日本語  x\né       x\ne\u0301🎉     x\n"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := cell(strings.Repeat("語", 50), 80); got != strings.Repeat("語", 39)+"…" {
		t.Errorf("cut to %q", got)
	}
	if v := strings.Repeat("語", 40); cell(v, 80) != v {
		t.Errorf("%q is cut", v)
	}
}

func TestTableLeavesOutTheColumnsThatDoNotFit(t *testing.T) {
	shown := &tableRows{columns: columns("first", "second", "third", "kept"), width: 20, keep: "kept"}
	if got, want := table(t, shown, []string{"1", "2", "3", "4"}), "first  second  kept\n─────  ──────  ────\n1      2       4\n"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := shown.hidden(); !slices.Equal(got, []string{"third"}) {
		t.Errorf("hidden: %v", got)
	}
}

func TestPatternOfAHeaderFitsExportedLines(t *testing.T) {
	fields, err := flow.ParseFormat("${account-id} ${action} ${bytes} ${srcaddr}")
	ok(t, err)
	p, err := grok.Compile(patternFor(fields), "")
	ok(t, err)
	values := make([][]byte, len(p.Fields()))
	if !p.Match([]byte("2026-01-01T00:00:00.000Z 123456789012 ACCEPT - 10.0.0.1"), values) {
		t.Fatal("no match")
	}
	if got := string(values[len(values)-1]); p.Fields()[len(values)-1].Name != "srcaddr" || got != "10.0.0.1" {
		t.Errorf("%s is %q", p.Fields()[len(values)-1].Name, got)
	}
}

func TestLookRefusesBeforeAServerStarts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "flows.parquet")
	ok(t, os.WriteFile(path, []byte("PAR1\x00\x01\x02PAR1"), 0o600))
	if _, err := look(path); err == nil || !strings.Contains(err.Error(), "has no flow-log record with a source address") {
		t.Errorf("got %v", err)
	}
}

func TestTableNeverCutsItsOnlyColumn(t *testing.T) {
	long := strings.Repeat("x", 2*maxCell)
	if got := table(t, &tableRows{columns: columns("c"), width: 20}, []string{long}); !strings.HasSuffix(got, "\n"+long+"\n") {
		t.Errorf("got %s", got)
	}
}

func TestDemoLeavesNothingWhenNobodyReads(t *testing.T) {
	self, err := os.Executable()
	ok(t, err)
	tmp := t.TempDir()
	cmd := exec.Command(self, "demo")
	cmd.Env = append(slices.DeleteFunc(cleanEnv(t.TempDir()), func(v string) bool { return strings.HasPrefix(v, "TMPDIR=") }), "TMPDIR="+tmp)
	out, err := cmd.StdoutPipe()
	ok(t, err)
	ok(t, cmd.Start())
	_, err = out.Read(make([]byte, 10))
	ok(t, err)
	ok(t, out.Close())
	if err := cmd.Wait(); err == nil {
		t.Error("it ended well")
	}
	left, err := os.ReadDir(tmp)
	ok(t, err)
	if len(left) > 0 {
		t.Errorf("it left %v", left)
	}
}
