package vpc

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"flowlake/fault"
	"flowlake/flow"
)

var update = flag.Bool("update", false, "rewrite testdata/*.golden")

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (run with -update and read the diff):\n%s", file, got)
	}
}

var born = time.Date(2026, 11, 21, 9, 30, 0, 0, time.UTC)

func toFiles(options Options, folder, format string) FlowLog {
	return FlowLog{ID: "fl-0123456789abcdef0", Resource: "vpc-1", Type: ToS3, Destination: "arn:aws:s3:::flow-log-buckets" + folder, Format: format,
		Options: options, Created: born, Creator: root}
}

var layouts = []struct {
	name    string
	options Options
	folder  string
}{
	{"daily", Options{}, ""},
	{"hourly", Options{Hourly: true}, "/team"},
	{"hive", Options{Hive: true}, ""},
	{"hive-hourly-parquet", Options{Hive: true, Hourly: true, Parquet: true}, "/team/a/"},
	{"parquet", Options{Parquet: true}, ""},
}

func TestTheDDLFollowsFromTheFlowLog(t *testing.T) {
	for _, tc := range layouts {
		t.Run(tc.name, func(t *testing.T) {
			table, err := TableOf(toFiles(tc.options, tc.folder, flow.FormatString(flow.DefaultFormat())))
			if err != nil {
				t.Fatal(err)
			}
			golden(t, tc.name+".sql", table.DDL()+"\n")
		})
	}
	t.Run("every field has a column", func(t *testing.T) {
		table, err := TableOf(toFiles(Options{}, "", flow.FormatString(flow.Fields())))
		if err != nil {
			t.Fatal(err)
		}
		golden(t, "all-fields.sql", table.DDL()+"\n")
	})
	t.Run("a flow log to a log group has no table", func(t *testing.T) {
		if _, err := TableOf(FlowLog{Type: ToLogs}); !fault.Is(err, fault.Invalid) {
			t.Errorf("got %v", err)
		}
	})
}

func TestTheTemplateIsWhatCloudFormationReads(t *testing.T) {
	f := toFiles(Options{Hourly: true}, "", flow.FormatString(flow.DefaultFormat()))
	text, err := Template(f, []Integration{
		{Results: "arn:aws:s3:::results/athena/", Load: "daily"},
		{Results: "arn:aws:s3:::results", Load: "none", From: born, To: born.Add(48 * time.Hour)},
	})
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "template.json", string(text))
	var doc struct {
		AWSTemplateFormatVersion string
		Resources                map[string]struct {
			Type       string
			Properties map[string]any
			DependsOn  any
		}
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	if doc.AWSTemplateFormatVersion != "2010-09-09" {
		t.Errorf("got version %s", doc.AWSTemplateFormatVersion)
	}
	count := map[string]int{}
	for name, r := range doc.Resources {
		count[r.Type]++
		for _, c := range name {
			if !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", c) {
				t.Errorf("a logical name is alphanumeric: %s", name)
			}
		}
		var needs []any
		switch d := r.DependsOn.(type) {
		case string:
			needs = []any{d}
		case []any:
			needs = d
		}
		for _, n := range needs {
			if _, ok := doc.Resources[n.(string)]; !ok {
				t.Errorf("%s depends on %v, which there is not", name, n)
			}
		}
	}
	if count["AWS::Glue::Database"] != 1 || count["AWS::Glue::Table"] != 2 || count["AWS::Athena::WorkGroup"] != 2 || count["AWS::Athena::NamedQuery"] == 0 {
		t.Errorf("got %v", count)
	}
	for name, wanted := range map[string][]Integration{
		"no integration":    nil,
		"no dates":          {{Results: "arn:aws:s3:::results", Load: "none"}},
		"dates in reverse":  {{Results: "arn:aws:s3:::results", Load: "none", From: born, To: born.Add(-time.Hour)}},
		"a bucket's name":   {{Results: "results", Load: "daily"}},
		"too many of them":  make([]Integration, 11),
		"an ARN of a queue": {{Results: "arn:aws:sqs:eu-west-1:1:Queue!", Load: "daily"}},
	} {
		if _, err := Template(f, wanted); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
