package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"flowlake/aws/wire"
)

var update = flag.Bool("update", false, "rewrite the files that are made from the program")

// coveragePage is the page for people of what the doors take.
var coveragePage = filepath.Join("..", "..", "docs", "coverage.md")

func TestCoveragePage(t *testing.T) {
	want := wire.Coverage(services(rooms{}))
	if *update {
		if err := os.WriteFile(coveragePage, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(coveragePage)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what the tables of operations say: rewrite it with\n  go test -tags duckdb_arrow ./cmd/flowlake -run TestCoveragePage -update", coveragePage)
	}
}

func TestTablesOfOperations(t *testing.T) {
	if err := wire.Check(services(rooms{})); err != nil {
		t.Error(err)
	}
}

// FuzzDecoders holds every operation's decoder to its promise on any body: no panic, and an input or an error.
func FuzzDecoders(f *testing.F) {
	decoders, err := wire.Decoders(services(rooms{}))
	if err != nil {
		f.Fatal(err)
	}
	for _, body := range []string{
		``, `{}`, `null`, `[]`, `{"Name":null}`, `{"Name":1e999}`, `{"logGroupName":"g","logStreamName":"s","logEvents":[{"timestamp":1,"message":"\ud83d"}]}`,
		`{"DatabaseName":"d","TableInput":{"Name":"t","StorageDescriptor":{"Columns":[{"Name":"c","Type":"int"}],"SerdeInfo":{"Parameters":{"a":"b"}}}}}`,
		`{"QueryString":"SELECT 1","ResultConfiguration":{"OutputLocation":"s3://b/"}}`, `{"GrokClassifier":{"Name":"n","GrokPattern":"%{X"}}`,
		`Action=GetCallerIdentity&Version=2011-06-15`, `Action=&A.member.1.B=%zz`, `{"a":{"a":{"a":[[[[]]]]}}}`, "{\"\x00\":\"\xff\"}",
	} {
		for i := range decoders {
			f.Add(uint(i), []byte(body))
		}
	}
	f.Fuzz(func(t *testing.T, which uint, body []byte) {
		d := decoders[which%uint(len(decoders))]
		given := bytes.Clone(body)
		in, err := d.Decode(body)
		if in == nil && err == nil {
			t.Errorf("%s %s: %q gives neither an input nor an error", d.Service, d.Operation, given)
		}
	})
}
