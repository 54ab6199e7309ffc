package crawler

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"flowlake/catalog"
)

var update = flag.Bool("update", false, "rewrite golden files")

// seedPattern is the Grok pattern of the seed's article.
const seedPattern = `%{NUMBER:version:int} %{NUMBER:account_id} %{NOTSPACE:interface_id} %{IP:srcaddr} %{IP:dstaddr} %{NUMBER:srcport:int} %{NUMBER:dstport:int} %{NUMBER:protocol:int} %{NUMBER:packets:int} %{NUMBER:bytes:int} %{NUMBER:start_time:long} %{NUMBER:end_time:long} %{WORD:action} %{WORD:log_status}`

const (
	record  = "2 123456789010 eni-1235b8ca123456789 172.31.16.139 172.31.16.21 20641 22 6 20 4249 1418530010 1418530070 ACCEPT OK\n"
	noData  = "2 123456789010 eni-1235b8ca123456789 - - - - - - - 1431280876 1431280934 - NODATA\n"
	stamp   = "2026-01-01T00:00:00.000Z "
	flowSQL = "version int, account_id string, interface_id string, srcaddr string, dstaddr string, srcport int, dstport int, protocol int, packets bigint, bytes bigint, start bigint, end bigint, action string, log_status string"
	grokSQL = "version int, account_id string, interface_id string, srcaddr string, dstaddr string, srcport int, dstport int, protocol int, packets int, bytes int, start_time bigint, end_time bigint, action string, log_status string"
)

func parquetFile(t *testing.T, fields ...arrow.Field) string {
	t.Helper()
	schema := arrow.NewSchema(fields, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	for _, f := range b.Fields() {
		f.AppendNull()
	}
	rec := b.NewRecordBatch()
	defer rec.Release()
	var out bytes.Buffer
	w, err := pqarrow.NewFileWriter(schema, &out, nil, pqarrow.DefaultWriterProps())
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(rec); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestCrawlFinds(t *testing.T) {
	int32s := arrow.Field{Name: "Srcport", Type: arrow.PrimitiveTypes.Int32, Nullable: true}
	text := arrow.Field{Name: "srcaddr", Type: arrow.BinaryTypes.String, Nullable: true}
	for _, test := range []struct {
		name    string
		objects map[string]string
		crawler Crawler
		want    string
	}{
		{"an export, as one table with the task and the stream as partitions", map[string]string{
			"exported/aws-logs-write-test":          "Permission Check Successful",
			"exported/task-1/eni-1-all/000000.gz":   strings.Repeat(stamp+record, 3),
			"exported/task-1/eni-2-all/000000.gz":   strings.Repeat(stamp+record, 3) + stamp + noData,
			"exported/task-1/aws-logs-write-test":   "Permission Check Successful",
			"exported/task-1/eni-idle-all/00001.gz": strings.Repeat(stamp+noData, 3),
		}, Crawler{Targets: []Target{{Path: "s3://data/exported/"}}, Classifiers: []string{"flow"}}, `
			exported vpcflow exported/ (` + grokSQL + `) by partition_0 partition_1
			  task-1,eni-1-all -> exported/task-1/eni-1-all/
			  task-1,eni-2-all -> exported/task-1/eni-2-all/
			  task-1,eni-idle-all -> exported/task-1/eni-idle-all/`},
		{"an export without a custom classifier, by its columns", map[string]string{
			"exported/task-1/eni-1-all/000000.gz": strings.Repeat(stamp+record, 3) + stamp + noData,
		}, Crawler{Targets: []Target{{Path: "s3://data/exported"}}, TablePrefix: "Raw_"}, `
			raw_exported vpcflowlogs exported/ (event_time string, ` + flowSQL + `) by partition_0 partition_1
			  task-1,eni-1-all -> exported/task-1/eni-1-all/`},
		{"flow logs delivered to S3, by their header and positional dates", map[string]string{
			"AWSLogs/1/vpcflowlogs/us-east-1/2026/01/31/a.log.gz": "action bytes log-status tcp-flags\nACCEPT 10 OK 2\n- - NODATA -\n",
			"AWSLogs/1/vpcflowlogs/us-east-1/2026/02/01/a.log.gz": "action bytes log-status tcp-flags\nREJECT 10 OK 2\n",
		}, Crawler{Targets: []Target{{Path: "s3://data/AWSLogs/1/vpcflowlogs/us-east-1/"}}}, `
			us_east_1 vpcflowlogs AWSLogs/1/vpcflowlogs/us-east-1/ (action string, bytes bigint, log_status string, tcp_flags int) header 1 by partition_0 partition_1 partition_2
			  2026,01,31 -> AWSLogs/1/vpcflowlogs/us-east-1/2026/01/31/
			  2026,02,01 -> AWSLogs/1/vpcflowlogs/us-east-1/2026/02/01/`},
		{"a file of mostly NODATA records, by the classifier that reads the others", map[string]string{
			"n/a.log": record + strings.Repeat(noData, 5),
		}, Crawler{Targets: []Target{{Path: "s3://data/n/"}}, Classifiers: []string{"flow"}}, `
			n vpcflow n/ (` + grokSQL + `)`},
		{"gzip data only where readers would unpack it", map[string]string{
			"z/named/a.csv.gz": "a,b\n1,2\n", "z/unnamed/a.csv": "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff\x01",
		}, Crawler{Targets: []Target{{Path: "s3://data/z/"}}}, `
			z csv z/ (a bigint, b bigint) header 1 by partition_0
			  named -> z/named/`},
		{"a header line and quotes that some files cannot show", map[string]string{
			"h/1/a.csv": "name,age\nann,7\n", "h/2/a.csv": "name,age\n\"bob, jr\",x\n",
		}, Crawler{Targets: []Target{{Path: "s3://data/h/"}}}, `
			h csv h/ (name string, age string) header 1 by partition_0
			  1 -> h/1/
			  2 -> h/2/`},
		{"Hive folders, whose keys name the partitions", map[string]string{
			"flow/year=2026/Month=01/a.log":        record,
			"flow/year=2026/Month=02/a.log":        record,
			"flow/year=2027/Month=a%3Ab/a.log":     record,
			"flow/year=2027/Month=a%3Ab/_SUCCESS":  "x",
			"flow/year=2027/Month=a%3Ab/.tmp.file": "x",
		}, Crawler{Targets: []Target{{Path: "s3://data/flow/"}}}, `
			flow vpcflowlogs flow/ (` + flowSQL + `) by year month
			  2026,01 -> flow/year=2026/Month=01/
			  2026,02 -> flow/year=2026/Month=02/
			  2027,a:b -> flow/year=2027/Month=a%3Ab/`},
		{"folders of different files, as tables of their own", map[string]string{
			"lake/flows/a.log":    record,
			"lake/people/p.csv":   "name,age\nann,7\nbob,9\n",
			"lake/events/e.json":  `{"id":1,"tags":["a"],"at":{"lat":1.5}}` + "\n" + `{"id":3000000000,"tags":[],"extra":null}` + "\n",
			"lake/unknown/x.bin":  "\x00\x01\x02",
			"lake/unknown/y.text": "Sing, O goddess, the anger of Achilles\n",
		}, Crawler{Targets: []Target{{Path: "s3://data/lake/"}}}, `
			events json lake/events/ (id bigint, tags array<string>, at struct<lat:double>, extra string)
			flows vpcflowlogs lake/flows/ (` + flowSQL + `)
			people csv lake/people/ (name string, age bigint) header 1`},
		{"most folders alike: these are partitions, the odd one a table", map[string]string{
			"m/2026/a.csv": "name,age\nann,7\n", "m/2027/a.csv": "name,age\nann,7.5\n", "m/other/a.json": `{"x":true}`,
		}, Crawler{Targets: []Target{{Path: "s3://data/m/"}}}, `
			m csv m/ (name string, age double) header 1 by partition_0
			  2026 -> m/2026/
			  2027 -> m/2027/
			other json m/other/ (x boolean)`},
		{"different files in one folder, each as a table", map[string]string{
			"mix/a.csv": "name,age\nann,7\n", "mix/b.json": `{"x":1}{"x":2.5}`,
		}, Crawler{Targets: []Target{{Path: "s3://data/mix/"}}}, `
			a_csv csv mix/a.csv (name string, age bigint) header 1
			b_json json mix/b.json (x double)`},
		{"schemas that widen over files", map[string]string{
			"w/a.json": `{"n":1,"s":1,"gone":{}}`, "w/b.json": `{"n":3000000000,"s":"x","more":[{"a":1},{"b":2}]}`,
		}, Crawler{Targets: []Target{{Path: "s3://data/w/"}}, Configuration: `{"Version":1.0,"Grouping":{"TableGroupingPolicy":"CombineCompatibleSchemas"}}`}, `
			w json w/ (n bigint, s string, gone string, more array<struct<a:int,b:int>>)`},
		{"Parquet, by its footer", map[string]string{
			"p/dt=2026-01-01/a.parquet": parquetFile(t, int32s, text),
			"p/dt=2026-01-02/a.parquet": parquetFile(t, int32s, text, arrow.Field{Name: "at", Type: arrow.FixedWidthTypes.Timestamp_ms, Nullable: true}),
		}, Crawler{Targets: []Target{{Path: "s3://data/p/"}}, Configuration: `{"Version":1.0,"Grouping":{"TableGroupingPolicy":"CombineCompatibleSchemas"}}`}, `
			p parquet p/ (srcport int, srcaddr string, at timestamp) by dt
			  2026-01-01 -> p/dt=2026-01-01/
			  2026-01-02 -> p/dt=2026-01-02/`},
		{"delimited text of every kind", map[string]string{
			"d/pipe/a":  "1|x\n2|y\n",
			"d/tab/a":   "a\tb\n1\ttrue\n",
			"d/semi/a":  "a;b;c\n1;2.5;\n",
			"d/blank/a": "1 2 3\n4 5 6\n",
			"d/quote/a": "a,b\n\"1, or 2\",007\n\"say \"\"x\"\"\",008\n",
			"d/text/1":  "name,city\nann,rome\n",
		}, Crawler{Targets: []Target{{Path: "s3://data/d/"}}}, `
			blank csv d/blank/ (col0 bigint, col1 bigint, col2 bigint)
			pipe csv d/pipe/ (col0 bigint, col1 string)
			quote csv d/quote/ (col0 string, col1 string)
			semi csv d/semi/ (a bigint, b double, c string) header 1
			tab csv d/tab/ (a bigint, b boolean) header 1
			text csv d/text/ (col0 string, col1 string)`},
		{"what exclusions leave", map[string]string{
			"x/keep/a.csv": "a,b\n1,2\n", "x/keep/a.json": `{"a":1}`, "x/drop/deep/a.csv": "a,b\n1,2\n", "x/2025/a.csv": "a,b\n1,2\n",
		}, Crawler{Targets: []Target{{Path: "s3://data/x/", Exclusions: []string{"**.json", "drop/**", "20[0-9][!6]/*.{csv,tsv}"}}}}, `
			x csv x/ (a bigint, b bigint) header 1 by partition_0
			  keep -> x/keep/`},
		{"folders of uneven depth, at the level that all have", map[string]string{
			"u/2025/a.csv": "a,b\n1,2\n", "u/2026/01/a.csv": "a,b\n1,2\n", "u/2026/02/a.csv": "a,b\n1,2\n",
		}, Crawler{Targets: []Target{{Path: "s3://data/u/"}}}, `
			u csv u/ (a bigint, b bigint) header 1 by partition_0
			  2025 -> u/2025/
			  2026 -> u/2026/`},
		{"files beside folders, as one table without partitions", map[string]string{
			"b/a.csv": "a,b\n1,2\n", "b/old/a.csv": "a,b\n1,2\n",
		}, Crawler{Targets: []Target{{Path: "s3://data/b/"}}}, `
			b csv b/ (a bigint, b bigint) header 1`},
		{"tables at the level that is asked for", map[string]string{
			"l/a/2026/x.csv": "a,b\n1,2\n", "l/b/2026/x.csv": "a,b\n1,2\n",
		}, Crawler{Targets: []Target{{Path: "s3://data/l/"}}, Configuration: `{"Version":1.0,"Grouping":{"TableLevelConfiguration":3}}`}, `
			a csv l/a/ (a bigint, b bigint) header 1 by partition_0
			  2026 -> l/a/2026/
			b csv l/b/ (a bigint, b bigint) header 1 by partition_0
			  2026 -> l/b/2026/`},
		{"one object as a target", map[string]string{"o/a.csv": "a,b\n1,2\n", "o/b.json": `{"a":1}`},
			Crawler{Targets: []Target{{Path: "s3://data/o/a.csv"}}}, `
			a_csv csv o/a.csv (a bigint, b bigint) header 1`},
		{"a whole bucket", map[string]string{"a.csv": "a,b\n1,2\n"}, Crawler{Targets: []Target{{Path: "s3://data"}}}, `
			data csv  (a bigint, b bigint) header 1`},
		{"a sample of each folder", map[string]string{
			"s/1/a.csv": "a,b\n1,2\n", "s/1/b.csv": "not,like\nthe,others\n", "s/2/a.csv": "a,b\n1,2\n",
		}, Crawler{Targets: []Target{{Path: "s3://data/s/", SampleSize: 1}}}, `
			s csv s/ (a bigint, b bigint) header 1 by partition_0
			  1 -> s/1/
			  2 -> s/2/`},
		{"what custom classifiers say, in their order", map[string]string{
			"k/j/a.json": `{"items":[{"a":1},{"a":2,"b":"x"}]}`, "k/c/a.txt": "ann#7\nbob#8\n", "k/n/a.txt": "one\ntwo\n",
		}, Crawler{Targets: []Target{{Path: "s3://data/k/"}}, Classifiers: []string{"items", "hash"}}, `
			c csv k/c/ (person string, age int)
			j json k/j/ (a int, b string)`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			h.classifiers()
			for key, body := range test.objects {
				h.put(key, body)
			}
			h.create(test.crawler)
			h.crawl("c")
			h.expect(test.want)
		})
	}
}

func (h *house) classifiers() {
	h.t.Helper()
	for _, cl := range []catalog.Classifier{
		{Name: "flow", Grok: &catalog.GrokClassifier{Classification: "vpcflow", Pattern: seedPattern}},
		{Name: "items", JSON: &catalog.JSONClassifier{Path: "$.items[*]"}},
		{Name: "hash", CSV: &catalog.CSVClassifier{Delimiter: "#", ContainsHeader: catalog.HeaderAbsent, Header: []string{"person", "age"},
			CustomTypesGiven: true, CustomTypes: []string{"STRING", "INT"}, Trim: true}},
	} {
		h.must(h.cat.CreateClassifier(h.t.Context(), h.c, cl))
	}
}

// TestCrawlWritesTables compares whole tables with what is written down.
func TestCrawlWritesTables(t *testing.T) {
	h := newHouse(t)
	h.classifiers()
	h.put("exported/aws-logs-write-test", "Permission Check Successful")
	h.put("exported/task-1/eni-1-all/000000.gz", strings.Repeat(stamp+record, 3)+stamp+noData)
	h.put("csv/a.csv", "name,age\nann,7\n")
	h.put("json/a.json", `{"b":1,"a":2}`)
	h.create(Crawler{Targets: []Target{{Path: "s3://data/exported/", Exclusions: []string{"*.tmp"}}, {Path: "s3://data/csv/"}, {Path: "s3://data/json/"}}, Classifiers: []string{"flow"}})
	h.crawl("c")
	tables, _, err := h.cat.Tables(t.Context(), h.c, catalog.TableFilter{Database: "db"})
	h.must(err)
	for _, table := range tables {
		type golden struct {
			Table      catalog.Table
			Partitions []catalog.Partition
		}
		ps, _, err := h.cat.Partitions(t.Context(), h.c, "db", table.Name, catalog.PartitionFilter{})
		h.must(err)
		for i := range ps {
			ps[i].Created = ps[i].Created.Truncate(1e18)
		}
		table.Created, table.Updated = table.Created.Truncate(1e18), table.Updated.Truncate(1e18)
		got, err := json.MarshalIndent(golden{table, ps}, "", "  ")
		h.must(err)
		path := filepath.Join("testdata", table.Name+".golden")
		if *update {
			h.must(os.MkdirAll("testdata", 0o755))
			h.must(os.WriteFile(path, append(got, '\n'), 0o644))
		}
		want, err := os.ReadFile(path)
		h.must(err)
		if string(want) != string(got)+"\n" {
			t.Errorf("%s: got\n%s", path, got)
		}
	}
}
