package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"flowlake/pipeline"
)

// TestMapOutput prints the maps of pipeline's tests: all there, and with some permissions gone.
func TestMapOutput(t *testing.T) {
	for _, name := range []string{"whole", "broken"} {
		text, err := os.ReadFile(filepath.Join("..", "..", "pipeline", "testdata", name+".json"))
		ok(t, err)
		var m pipeline.Map
		ok(t, json.Unmarshal(text, &m))
		var out bytes.Buffer
		ok(t, writeMap(&out, m))
		goldenText(t, filepath.Join("testdata", "map", name+".txt"), out.String())
		for _, line := range strings.Split(out.String(), "\n") {
			// What cannot be broken: an ARN, a line of a statement, a shell's command.
			if n := utf8.RuneCountInString(line); n > 120 && strings.Contains(strings.TrimSpace(line), " ") && !strings.Contains(line, `"arn:`) && !strings.Contains(line, "aws lakeformation ") {
				t.Errorf("%s: a line of %d characters: %s", name, n, line)
			}
		}
		out.Reset()
		ok(t, writeMermaid(&out, m))
		goldenText(t, filepath.Join("testdata", "map", name+".mmd"), out.String())
		checkMermaid(t, out.String())
	}
}

func goldenText(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		ok(t, os.MkdirAll(filepath.Dir(path), 0o755))
		ok(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	ok(t, err)
	if got != string(want) {
		t.Errorf("%s differs (-update rewrites it):\n%s", path, got)
	}
}

// mermaidLine are the lines that the flowchart is made of, in Mermaid's documented syntax.
//
// Source: Mermaid's documentation, "Flowcharts - Basic Syntax".
var mermaidLine = regexp.MustCompile("^(flowchart LR" +
	"|  n[0-9]+\\[\"(?:[^\"#`<>]|#(?:quot|lt|gt|35|96);)+\"\\]" +
	"|  n[0-9]+ (?:-->|-\\.->)\\|\"(?:[^\"#`<>]|#(?:quot|lt|gt|35|96);)+\"\\| n[0-9]+" +
	"|  linkStyle [0-9]+(?:,[0-9]+)* stroke:#c00,color:#c00)$")

// checkMermaid reads a flowchart: each node is made before it is used, and only links that there are have a style.
func checkMermaid(t *testing.T, chart string) {
	t.Helper()
	nodes, links := map[string]bool{}, 0
	for i, line := range strings.Split(strings.TrimSuffix(chart, "\n"), "\n") {
		if !mermaidLine.MatchString(line) || (i == 0) != (line == "flowchart LR") {
			t.Errorf("line %d is not Mermaid's: %s", i+1, line)
			continue
		}
		words := strings.Fields(line)
		switch {
		case i == 0:
		case words[0] == "linkStyle":
			for _, n := range strings.Split(words[1], ",") {
				if len(n) > 3 || atoi(n) >= links {
					t.Errorf("link %s has a style and is not there", n)
				}
			}
		case strings.Contains(words[0], "["):
			id, _, _ := strings.Cut(words[0], "[")
			nodes[id] = true
		default:
			links++
			if from, to := words[0], words[len(words)-1]; !nodes[from] || !nodes[to] {
				t.Errorf("line %d links what is not there: %s", i+1, line)
			}
		}
	}
}

func atoi(s string) (n int) {
	for _, r := range s {
		n = 10*n + int(r-'0')
	}
	return n
}

// TestMermaidText has names with all that means something to Mermaid.
func TestMermaidText(t *testing.T) {
	var out bytes.Buffer
	s := pipeline.Step{Stage: "x", Actor: "arn:aws:iam::123456789012:role/a=b,c@d+e", Target: "log group \"#`<end>`#\"", Why: "says \"x|y\"\nand more"}
	ok(t, writeMermaid(&out, pipeline.Map{Steps: []pipeline.Step{s, s}}))
	checkMermaid(t, out.String())
	if n := strings.Count(out.String(), "-->"); n != 1 {
		t.Errorf("drawn %d times:\n%s", n, out.String())
	}
	out.Reset()
	ok(t, writeMermaid(&out, pipeline.Map{}))
	checkMermaid(t, out.String())
}
