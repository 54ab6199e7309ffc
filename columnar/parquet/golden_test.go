package parquet

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	other "github.com/parquet-go/parquet-go"

	"flowlake/columnar"
	"flowlake/flow"
)

var update = flag.Bool("update", false, "rewrite testdata/*.golden")

// TestSchema keeps the schema of a file of each flow-log version as another reader prints it.
func TestSchema(t *testing.T) {
	for version := 2; version <= 11; version++ {
		t.Run(fmt.Sprintf("of_version_%d", version), func(t *testing.T) {
			var columns []columnar.Column
			for _, f := range flow.Fields() {
				if f.Version <= version {
					of, err := columnar.ParseType(f.Type.Hive())
					if err != nil {
						t.Fatal(err)
					}
					columns = append(columns, columnar.Column{Name: f.Column(), Type: of})
				}
			}
			golden(t, fmt.Sprintf("flow-%02d.golden", version), columns)
		})
	}
	t.Run("of_every_Hive_type", func(t *testing.T) { golden(t, "types.golden", columnsOf(t, types...)) })
}

func golden(t *testing.T, name string, columns []columnar.Column) {
	t.Helper()
	var out bytes.Buffer
	w, err := NewWriter(&out, columns, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := other.OpenFile(bytes.NewReader(out.Bytes()), int64(out.Len()))
	if err != nil {
		t.Fatal(err)
	}
	got := f.Schema().String() + "\n"
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil || got != string(want) {
		t.Errorf("%v\n%s\nwant\n%s", err, got, want)
	}
}
