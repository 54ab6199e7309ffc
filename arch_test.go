// Package flowlake_test guards the shape of the house: which room may import which.
package flowlake_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// floors gives each room its floor; a folder inside a room is on the room's floor. A room imports
// rooms on lower floors, and its own folders, and nothing else of the house.
var floors = map[string]int{
	"fault": -1, // below the others of floor 0: every room returns its errors
	"flow":  0,
	"state": 1, "columnar": 1,
	"access": 2,
	"lake":   3, "metrics": 3,
	"logs": 4, "catalog": 4,
	"delivery": 5, "query": 5, "stream": 5,
	"vpc": 6, "capture": 6, "schedule": 6, "function": 6, "stack": 6,
	"pipeline": 7,
	"aws":      8,
	"cmd":      9, "bench": 9,
}

// guests are modules that only some folders may import. Tests may import them too where tests is set.
var guests = []struct {
	module string
	where  []string
	tests  bool
}{
	{"github.com/aws/aws-sdk-go-v2", []string{"aws", "cmd", "lake/remote"}, true},
	{"github.com/aws/smithy-go", []string{"aws", "cmd", "lake/remote"}, true},
	{"github.com/duckdb/duckdb-go", []string{"query/duckdb"}, false},
	{"github.com/mattn/go-sqlite3", []string{"state"}, false},
	{"github.com/cockroachdb/pebble", []string{"logs", "lake", "delivery"}, false},
	{"github.com/spf13/cobra", []string{"cmd"}, false},
	{"github.com/itchyny/gojq", []string{"delivery/process"}, false},
	{"github.com/elastic/go-grok", nil, true},
	{"github.com/parquet-go/parquet-go", nil, true},
	{"pgregory.net/rapid", nil, true},
	{"net/http", []string{"aws", "cmd"}, true},
}

// duckdbJudges are the folders whose tests, and nothing else, link the engine to judge against it.
var duckdbJudges = []string{"query/sql/translate", "cmd/flowlake", "aws/athena"}

type source struct {
	folder, path string
	test         bool
	file         *ast.File
}

func sources(t *testing.T) []source {
	t.Helper()
	var out []source
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || path != "." && strings.HasPrefix(d.Name(), ".")) {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly|parser.ParseComments)
		if err != nil {
			return err
		}
		out = append(out, source{filepath.ToSlash(filepath.Dir(path)), path, strings.HasSuffix(path, "_test.go"), f})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func imports(f *ast.File) (paths []string) {
	for _, i := range f.Imports {
		p, err := strconv.Unquote(i.Path.Value)
		if err == nil {
			paths = append(paths, p)
		}
	}
	return paths
}

func room(folder string) string {
	name, _, _ := strings.Cut(folder, "/")
	return name
}

func inside(folder string, roots []string) bool {
	return slices.ContainsFunc(roots, func(r string) bool { return folder == r || strings.HasPrefix(folder, r+"/") })
}

func TestArrows(t *testing.T) {
	for _, s := range sources(t) {
		if s.folder == "." {
			continue
		}
		floor, known := floors[room(s.folder)]
		if !known {
			t.Errorf("%s: the folder %s is on no floor", s.path, room(s.folder))
			continue
		}
		for _, p := range imports(s.file) {
			to, own := strings.CutPrefix(p, "flowlake/")
			switch {
			case own && room(to) == room(s.folder):
			case own && s.test: // a test may set a higher room up to judge its own
			case own && floors[room(to)] >= floor:
				t.Errorf("%s: %s (floor %d) imports %s (floor %d)", s.path, s.folder, floor, to, floors[room(to)])
			case !own && floor <= 0 && !s.test && strings.Contains(p, "."):
				t.Errorf("%s: floor 0 imports %s, which is not the standard library", s.path, p)
			}
		}
	}
}

func TestGuests(t *testing.T) {
	for _, s := range sources(t) {
		if s.folder == "." {
			continue
		}
		for _, p := range imports(s.file) {
			for _, g := range guests {
				if p != g.module && !strings.HasPrefix(p, g.module+"/") && !strings.HasPrefix(p, g.module+"-") {
					continue
				}
				judge := s.test && (g.tests || strings.Contains(p, "duckdb") && inside(s.folder, duckdbJudges) || s.folder == "cmd/flowlake" || s.folder == "bench")
				if !inside(s.folder, g.where) && !judge {
					t.Errorf("%s imports %s, which belongs in %v", s.path, p, g.where)
				}
			}
		}
	}
}

func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	said := map[string]bool{}
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		said[s.folder] = said[s.folder] || s.file.Doc.Text() != ""
	}
	for folder, ok := range said {
		if !ok {
			t.Errorf("%s has no package comment", folder)
		}
	}
}
