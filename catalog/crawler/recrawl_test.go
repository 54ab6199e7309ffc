package crawler

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"flowlake/catalog"
	"flowlake/fault"
	"flowlake/lake"
	"flowlake/state"
)

func TestCrawlAgain(t *testing.T) {
	const first = "\n\t\t\tp csv p/ (a bigint, b bigint) header 1 by dt\n\t\t\t  1 -> p/dt=1/\n\t\t\t  2 -> p/dt=2/"
	start := func(t *testing.T, update, remove, recrawl, configuration string) *house {
		t.Helper()
		h := newHouse(t)
		h.put("p/dt=1/a.csv", "a,b\n1,2\n")
		h.put("p/dt=2/a.csv", "a,b\n1,2\n")
		h.create(Crawler{Targets: []Target{{Path: "s3://data/p/"}, {Path: "s3://data/q/"}}, UpdateBehavior: update, DeleteBehavior: remove, Recrawl: recrawl, Configuration: configuration})
		h.crawl("c")
		h.expect(first)
		return h
	}
	t.Run("adds new partitions and keeps the version of a table that did not change", func(t *testing.T) {
		t.Parallel()
		h := start(t, "", "", "", "")
		before, err := h.cat.Table(t.Context(), h.c, "db", "p")
		h.must(err)
		if r := h.crawl("c"); len(r.Tables) != 1 || r.Tables[0].Change != Unchanged || r.Tables[0].PartitionsAdded != 0 {
			t.Errorf("got %+v", r.Tables)
		}
		after, err := h.cat.Table(t.Context(), h.c, "db", "p")
		h.must(err)
		if after.Version != before.Version {
			t.Errorf("version %d became %d though nothing changed", before.Version, after.Version)
		}
		h.put("p/dt=3/a.csv", "a,b\n1,2\n")
		if r := h.crawl("c"); r.Tables[0].PartitionsAdded != 1 {
			t.Errorf("got %+v", r.Tables)
		}
		h.expect(first + "\n\t\t\t  3 -> p/dt=3/")
	})
	t.Run("updates a schema and keeps what people added", func(t *testing.T) {
		t.Parallel()
		h := start(t, UpdateInDatabase, "", "", "")
		table, err := h.cat.Table(t.Context(), h.c, "db", "p")
		h.must(err)
		table.Parameters["team"] = "network"
		table.Storage.Columns[0].Comment = "the first"
		_, err = h.cat.UpdateTable(t.Context(), h.c, table, "")
		h.must(err)
		h.put("p/dt=1/a.csv", "a,b,c\n1,2.5,x\n")
		h.put("p/dt=2/a.csv", "a,b,c\n1,2.5,x\n")
		if r := h.crawl("c"); r.Tables[0].Change != Updated {
			t.Errorf("got %+v", r.Tables)
		}
		h.expect(strings.Replace(first, "b bigint", "b double, c string", 1))
		table, err = h.cat.Table(t.Context(), h.c, "db", "p")
		h.must(err)
		if table.Parameters["team"] != "network" || table.Storage.Columns[0].Comment != "the first" {
			t.Errorf("lost what people added: %+v", table)
		}
	})
	// Queries refuse a table whose partitions are read in another way than it is itself.
	read := func(t *testing.T, h *house) (table catalog.Table, partitions []catalog.Partition) {
		t.Helper()
		table, err := h.cat.Table(t.Context(), h.c, "db", "p")
		h.must(err)
		partitions, _, err = h.cat.Partitions(t.Context(), h.c, "db", "p", catalog.PartitionFilter{})
		h.must(err)
		return table, partitions
	}
	t.Run("partitions follow a table that is read in another way", func(t *testing.T) {
		t.Parallel()
		h := start(t, "", "", "", "")
		_, partitions := read(t, h)
		partitions[0].Parameters["team"] = "network"
		h.must(h.cat.UpdatePartition(t.Context(), h.c, "db", "p", partitions[0].Values, partitions[0]))
		h.must(h.cat.CreateClassifier(t.Context(), h.c, catalog.Classifier{Name: "pair", Grok: &catalog.GrokClassifier{Classification: "pairs", Pattern: "%{WORD:left},%{WORD:right}"}}))
		h.must(h.crawlers.Update(t.Context(), h.c, "c", func(cr *Crawler) error { cr.Classifiers = []string{"pair"}; return nil }))
		h.crawl("c")
		table, partitions := read(t, h)
		if table.Storage.SerDe.Library != serdeGrok || len(partitions) != 2 {
			t.Fatalf("got a table read by %s with %d partitions", table.Storage.SerDe.Library, len(partitions))
		}
		for _, p := range partitions {
			if !readAlike(p.Storage, table.Storage) || p.Parameters["classification"] != "pairs" || p.Parameters["skip.header.line.count"] != "" {
				t.Errorf("partition %v is read as %+v with %v, the table as %+v", p.Values, p.Storage, p.Parameters, table.Storage)
			}
		}
		if partitions[0].Parameters["team"] != "network" {
			t.Errorf("lost what people added: %v", partitions[0].Parameters)
		}
	})
	t.Run("partitions inherit from their table when they are told to", func(t *testing.T) {
		t.Parallel()
		h := start(t, LogOnly, "", "", `{"Version":1.0,"CrawlerOutput":{"Partitions":{"AddOrUpdateBehavior":"InheritFromTable"}}}`)
		for _, dt := range []string{"1", "2", "3"} {
			h.put("p/dt="+dt+"/a.csv", "a;b\n1;2\n")
		}
		h.crawl("c")
		table, partitions := read(t, h)
		if len(partitions) != 3 {
			t.Fatalf("got %d partitions", len(partitions))
		}
		for _, p := range partitions {
			if !readAlike(p.Storage, table.Storage) {
				t.Errorf("partition %v is read as %+v, the table as %+v", p.Values, p.Storage, table.Storage)
			}
		}
	})
	t.Run("leaves a schema alone under LOG and says so", func(t *testing.T) {
		t.Parallel()
		h := start(t, LogOnly, LogOnly, "", "")
		h.put("p/dt=1/a.csv", "a,b,c\n1,2.5,x\n")
		h.remove("p/dt=2/a.csv")
		if r := h.crawl("c"); r.Tables[0].Change != Logged || r.Tables[0].Reason == "" {
			t.Errorf("got %+v", r.Tables)
		}
		h.expect(first)
	})
	t.Run("only adds columns under MergeNewColumns", func(t *testing.T) {
		t.Parallel()
		h := start(t, "", "", "", `{"Version":1.0,"CrawlerOutput":{"Tables":{"AddOrUpdateBehavior":"MergeNewColumns"}}}`)
		h.put("p/dt=1/a.csv", "a,b,c\n1,2.5,x\n")
		h.put("p/dt=2/a.csv", "a,b,c\n1,2.5,x\n")
		h.crawl("c")
		h.expect(strings.Replace(first, "b bigint", "b bigint, c string", 1))
	})
	t.Run("deprecates partitions and tables whose files are gone, and takes them back", func(t *testing.T) {
		t.Parallel()
		h := start(t, "", DeprecateInDatabase, "", "")
		h.put("q/a.json", `{"x":1}`)
		h.crawl("c")
		h.remove("p/dt=2/a.csv")
		h.remove("q/a.json")
		h.crawl("c")
		h.expect(first + " deprecated\n\t\t\tq json q/ (x int) deprecated")
		h.put("p/dt=2/a.csv", "a,b\n1,2\n")
		h.put("q/a.json", `{"x":1}`)
		h.crawl("c")
		h.expect(first + "\n\t\t\tq json q/ (x int)")
	})
	t.Run("deletes partitions and tables whose files are gone", func(t *testing.T) {
		t.Parallel()
		h := start(t, "", DeleteFromDatabase, "", "")
		h.put("q/a.json", `{"x":1}`)
		h.crawl("c")
		h.remove("p/dt=2/a.csv")
		h.remove("q/a.json")
		r := h.crawl("c")
		h.expect("\n\t\t\tp csv p/ (a bigint, b bigint) header 1 by dt\n\t\t\t  1 -> p/dt=1/")
		if len(r.Tables) != 2 || r.Tables[0].PartitionsRemoved != 1 || r.Tables[1].Change != Deleted {
			t.Errorf("got %+v", r.Tables)
		}
	})
	t.Run("takes nothing away outside of its targets", func(t *testing.T) {
		t.Parallel()
		h := start(t, "", DeleteFromDatabase, "", "")
		h.put("q/a.json", `{"x":1}`)
		h.crawl("c")
		failures, err := h.cat.CreatePartitions(t.Context(), h.c, "db", "p", []catalog.Partition{{Values: []string{"9"}, Storage: catalog.Storage{Location: "s3://data/elsewhere/dt=9/"}}})
		if h.must(err); len(failures) > 0 {
			t.Fatal(failures)
		}
		h.must(h.crawlers.Update(t.Context(), h.c, "c", func(cr *Crawler) error { cr.Targets = []Target{{Path: "s3://data/p/"}}; return nil }))
		h.remove("q/a.json")
		h.crawl("c")
		h.expect(first + "\n\t\t\t  9 -> elsewhere/dt=9/\n\t\t\tq json q/ (x int)")
	})
	t.Run("looks at new folders only from a crawl of everything on", func(t *testing.T) {
		t.Parallel()
		h := start(t, LogOnly, LogOnly, CrawlNewFolders, "")
		if r := h.crawl("c"); r.Files != 0 {
			t.Errorf("looked at %d files in folders that are known", r.Files)
		}
		for _, recrawl := range []string{CrawlEverything, CrawlNewFolders} {
			h.must(h.crawlers.Update(t.Context(), h.c, "c", func(cr *Crawler) error { cr.Recrawl = recrawl; return nil }))
			if r := h.crawl("c"); r.Files != 2 {
				t.Errorf("%s: looked at %d files, want both", recrawl, r.Files)
			}
		}
	})
	t.Run("looks at new folders only, and finds the tables that they belong to", func(t *testing.T) {
		t.Parallel()
		h := start(t, LogOnly, LogOnly, CrawlNewFolders, "")
		h.put("p/dt=1/b.csv", "quite,different\nfrom,before\n")
		h.put("p/dt=3/a.csv", "a,b\n1,2\n")
		h.put("q/new/a.json", `{"x":1}`)
		r := h.crawl("c")
		h.expect(first + "\n\t\t\t  3 -> p/dt=3/\n\t\t\tq json q/ (x int) by partition_0\n\t\t\t  new -> q/new/")
		if r.Files != 2 {
			t.Errorf("looked at %d files, want the 2 in new folders", r.Files)
		}
		h.remove("p/dt=3/a.csv")
		h.crawl("c")
		h.expect(first + "\n\t\t\t  3 -> p/dt=3/\n\t\t\tq json q/ (x int) by partition_0\n\t\t\t  new -> q/new/")
	})
	t.Run("reads a new folder's value and counts its files as the first crawl did", func(t *testing.T) {
		t.Parallel()
		h := start(t, LogOnly, LogOnly, CrawlNewFolders, "")
		h.put("p/dt=a%3Ab/a.csv", "a,b\n1,2\n")
		h.put("p/dt=a%3Ab/b.csv", "a,b\n1,2\n3,4\n")
		h.crawl("c")
		h.expect(first + "\n\t\t\t  a:b -> p/dt=a%3Ab/")
		p, err := h.cat.Partition(t.Context(), h.c, "db", "p", []string{"a:b"})
		h.must(err)
		if p.Parameters["objectCount"] != "2" || p.Parameters["recordCount"] != "3" {
			t.Errorf("got %v, want 2 objects with 3 records", p.Parameters)
		}
	})
	t.Run("replaces partitions when their keys changed", func(t *testing.T) {
		t.Parallel()
		h := start(t, "", "", "", "")
		h.remove("p/dt=1/a.csv")
		h.remove("p/dt=2/a.csv")
		h.put("p/2026/01/a.csv", "a,b\n1,2\n")
		h.crawl("c")
		h.expect("\n\t\t\tp csv p/ (a bigint, b bigint) header 1 by partition_0 partition_1\n\t\t\t  2026,01 -> p/2026/01/")
	})
	t.Run("stands aside for a table that somebody made", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		_, err := h.cat.CreateTable(t.Context(), h.c, catalog.Table{Database: "db", Name: "p", Storage: catalog.Storage{Location: "s3://data/p/"}})
		h.must(err)
		h.put("p/a.csv", "a,b\n1,2\n")
		h.create(Crawler{Targets: []Target{{Path: "s3://data/p/"}}})
		h.crawl("c")
		h.crawl("c")
		name := aside("p", "s3://data/p/")
		h.expect("\n\t\t\tp  p/ ()\n\t\t\t" + name + " csv p/ (a bigint, b bigint) header 1")
	})
}

func TestFilesOfAnotherFormatAreAnotherTable(t *testing.T) {
	h := newHouse(t)
	h.put("d/x=1/a.csv", "a,b\n1,2\n")
	h.put("d/x=2/a.csv", "a,b\n1,2\n")
	h.put("d/x=3/a.json", `{"a":1,"b":2}`)
	h.create(Crawler{Targets: []Target{{Path: "s3://data/d/"}}})
	h.crawl("c")
	h.expect(`
			d csv d/ (a bigint, b bigint) header 1 by x
			  1 -> d/x=1/
			  2 -> d/x=2/
			x_3 json d/x=3/ (a int, b int)`)
}

func TestKeysAreNamedByWhatAllFoldersSay(t *testing.T) {
	h := newHouse(t)
	h.put("mixed/day=1/a.csv", "a,b\n1,2\n")
	h.put("mixed/dt=2/a.csv", "a,b\n1,2\n")
	h.put("taken/dt=1/a.csv", "dt,b\n1,2\n")
	h.put("taken/dt=2/a.csv", "dt,b\n1,2\n")
	h.create(Crawler{Targets: []Target{{Path: "s3://data/mixed/"}, {Path: "s3://data/taken/"}}})
	h.crawl("c")
	h.expect(`
			mixed csv mixed/ (a bigint, b bigint) header 1 by partition_0
			  day=1 -> mixed/day=1/
			  dt=2 -> mixed/dt=2/
			taken csv taken/ (dt bigint, b bigint) header 1 by partition_0
			  dt=1 -> taken/dt=1/
			  dt=2 -> taken/dt=2/`)
}

func TestReportSaysWhichClassifierMatchedWhat(t *testing.T) {
	h := newHouse(t)
	h.classifiers()
	h.put("e/t/s1/0.gz", strings.Repeat(stamp+record, 3)+stamp+noData)
	h.put("e/t/s2/0.gz", stamp+noData)
	h.put("e/t/s3/broken.gz", "\x1f\x8b\x08 not gzip at all")
	h.put("e/t/s3/readme.txt", "Sing, O goddess")
	h.put("e/t/s3/aws-logs-write-test", "x")
	_, err := h.lake.Put(t.Context(), h.c, lake.PutInput{Bucket: "data", Key: "e/t/s4/cut.gz", Body: strings.NewReader("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"), Size: 10})
	h.must(err)
	h.create(Crawler{Targets: []Target{{Path: "s3://data/e/"}}, Classifiers: []string{"flow"}})
	if _, err := h.crawlers.Report(t.Context(), h.c, "c"); !fault.Is(err, fault.NotFound) {
		t.Errorf("before the first crawl: got %v, want not found", err)
	}
	r := h.crawl("c")
	if r.Files != 5 || r.Unknown != 3 || r.Skipped != 1 {
		t.Errorf("got %d files, %d unknown, %d skipped", r.Files, r.Unknown, r.Skipped)
	}
	outcomes := make(map[string]Outcome)
	for _, o := range r.Outcomes {
		outcomes[strings.TrimPrefix(o.URL, "s3://data/e/t/")] = o
	}
	for key, want := range map[string]Outcome{
		"s1/0.gz":       {Classifier: "flow", Custom: true, Classification: "vpcflow", Certainty: 1, Records: 4, Matched: 3},
		"s2/0.gz":       {Classifier: "flow", Custom: true, Classification: "vpcflow", Certainty: 0, Records: 1, Matched: 0},
		"s3/readme.txt": {Classification: "UNKNOWN"},
		"s3/broken.gz":  {Classification: "UNKNOWN"},
		"s4/cut.gz":     {Classification: "UNKNOWN"},
	} {
		got := outcomes[key]
		if got.Reason == "" && key != "s1/0.gz" {
			t.Errorf("%s: there is no reason", key)
		}
		got.URL, got.Bytes, got.Reason = "", 0, ""
		if got != want {
			t.Errorf("%s: got %+v, want %+v", key, got, want)
		}
	}
	if len(r.Diagnoses) != 1 || r.Diagnoses[0].Findings.Lines != 5 || r.Diagnoses[0].Findings.Matched != 3 || len(r.Diagnoses[0].Findings.Misses) == 0 {
		t.Errorf("the classifier doctor said %+v", r.Diagnoses)
	}
}

func TestCrawlerRefuses(t *testing.T) {
	h := newHouse(t)
	good := func() Crawler {
		return Crawler{Name: "x", Role: "glue-role", Database: "db", Targets: []Target{{Path: "s3://data/p/"}}}
	}
	for _, test := range []struct {
		name   string
		change func(*Crawler)
		kind   fault.Kind
		want   string
	}{
		{"an empty name", func(c *Crawler) { c.Name = "" }, fault.Invalid, "1 to 255 bytes"},
		{"a role that is none", func(c *Crawler) { c.Role = "arn:aws:iam::1:user/x" }, fault.Invalid, "not the ARN of a role"},
		{"no database", func(c *Crawler) { c.Database = "" }, fault.Invalid, "the database is missing"},
		{"no target", func(c *Crawler) { c.Targets = nil }, fault.Invalid, "no target"},
		{"a target that is no S3 path", func(c *Crawler) { c.Targets[0].Path = "/tmp" }, fault.Invalid, "/tmp"},
		{"a bad exclusion", func(c *Crawler) { c.Targets[0].Exclusions = []string{"{a"} }, fault.Invalid, "a brace is not closed"},
		{"a sample of too many files", func(c *Crawler) { c.Targets[0].SampleSize = 250 }, fault.Invalid, "1 to 249"},
		{"an unknown classifier", func(c *Crawler) { c.Classifiers = []string{"nobody"} }, fault.NotFound, "classifier nobody"},
		{"an unknown policy", func(c *Crawler) { c.DeleteBehavior = "FORGET" }, fault.Invalid, "FORGET"},
		{"new folders with policies other than LOG", func(c *Crawler) { c.Recrawl = CrawlNewFolders }, fault.Invalid, "needs LOG"},
		{"event mode", func(c *Crawler) { c.Recrawl = "CRAWL_EVENT_MODE" }, fault.Unsupported, "CRAWL_EVENT_MODE"},
		{"an unknown configuration key", func(c *Crawler) { c.Configuration = `{"Version":1.0,"Magic":true}` }, fault.Invalid, "Magic"},
		{"an unknown configuration version", func(c *Crawler) { c.Configuration = `{}` }, fault.Invalid, "Version"},
	} {
		cr := good()
		test.change(&cr)
		if err := h.crawlers.Create(t.Context(), h.c, cr); !fault.Is(err, test.kind) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %v with %q", test.name, err, test.kind, test.want)
		}
	}
	h.must(h.crawlers.Create(t.Context(), h.c, good()))
	if err := h.crawlers.Create(t.Context(), h.c, good()); !fault.Is(err, fault.Exists) {
		t.Errorf("a second of the same name: got %v", err)
	}
	if err := h.crawlers.Stop(t.Context(), h.c, "x"); !fault.HasNoun(err, nounIdle) {
		t.Errorf("stop while READY: got %v", err)
	}
	h.must(h.crawlers.Start(t.Context(), h.c, "x"))
	for name, err := range map[string]error{
		"start":  h.crawlers.Start(t.Context(), h.c, "x"),
		"delete": h.crawlers.Delete(t.Context(), h.c, "x"),
		"update": h.crawlers.Update(t.Context(), h.c, "x", func(*Crawler) error { return nil }),
	} {
		if !fault.HasNoun(err, nounRunning) {
			t.Errorf("%s while RUNNING: got %v", name, err)
		}
	}
	h.must(h.crawlers.Stop(t.Context(), h.c, "x"))
	if err := h.crawlers.Stop(t.Context(), h.c, "x"); !fault.HasNoun(err, nounStopping) {
		t.Errorf("stop while STOPPING: got %v", err)
	}
	if cr := h.run("x"); cr.Last.Status != Cancelled {
		t.Errorf("a crawl that was stopped ended %s", cr.Last.Status)
	}
	h.must(h.crawlers.Delete(t.Context(), h.c, "x"))
	if _, err := h.crawlers.Crawler(t.Context(), h.c, "x"); !fault.Is(err, fault.NotFound) {
		t.Errorf("after delete: got %v", err)
	}
}

func TestCrawlFailsWithTheReason(t *testing.T) {
	h := newHouse(t)
	for name, test := range map[string]struct {
		target, configuration, want string
	}{
		"bucket":    {"s3://nowhere/p/", "", "bucket nowhere"},
		"threshold": {"s3://data/t/", `{"Version":1.0,"CrawlerOutput":{"Tables":{"TableThreshold":1}}}`, "TableThreshold is 1"},
	} {
		h.put("t/a/x.csv", "a,b\n1,2\n")
		h.put("t/b/x.json", `{"a":1}`)
		h.create(Crawler{Name: name, Targets: []Target{{Path: test.target}}, Configuration: test.configuration})
		h.must(h.crawlers.Start(t.Context(), h.c, name))
		if cr := h.run(name); cr.Last.Status != Failed || !strings.Contains(cr.Last.Message, test.want) {
			t.Errorf("%s: ended %s with %q, want FAILED with %q", name, cr.Last.Status, cr.Last.Message, test.want)
		}
	}
	if got := h.show(); got != "" {
		t.Errorf("a crawl that failed left %s", got)
	}
}

// TestInterruptedCrawl ends the server at each step of a crawl, and starts another on what it left.
func TestInterruptedCrawl(t *testing.T) {
	const want = "\n\t\t\tp csv p/ (a bigint, b bigint) header 1 by dt\n\t\t\t  1 -> p/dt=1/\n\t\t\t  2 -> p/dt=2/"
	for _, step := range []string{"started", "begun", "discovered", "applied"} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			h := open(t, dir)
			h.must(h.lake.CreateBucket(t.Context(), h.c, "data"))
			h.must(h.cat.CreateDatabase(t.Context(), h.c, catalog.Database{Name: "db"}))
			h.put("p/dt=1/a.csv", "a,b\n1,2\n")
			h.put("p/dt=2/a.csv", "a,b\n1,2\n")
			h.create(Crawler{Targets: []Target{{Path: "s3://data/p/"}}})
			h.must(h.crawlers.Start(t.Context(), h.c, "c"))
			crawl := id(h.c, kindCrawl, "c")
			if step != "started" {
				j, cr, err := h.crawlers.begin(t.Context(), crawl)
				h.must(err)
				if step != "begun" {
					d, err := h.crawlers.discover(t.Context(), j.Caller, cr)
					h.must(err)
					if step == "applied" { // the transaction is cut off before its commit
						cut := errors.New("cut off")
						err := h.cat.Edit(t.Context(), j.Caller, func(e *catalog.Edit) error {
							a := application{e: e, d: d, now: time.Now()}
							h.must(a.apply(t.Context()))
							return cut
						})
						if !errors.Is(err, cut) {
							t.Fatal(err)
						}
					}
				}
			}
			if got := h.show(); got != "" {
				t.Errorf("half a crawl is in the catalogue: %s", got)
			}
			h.close()
			h = open(t, dir)
			defer h.close()
			if cr := h.run("c"); cr.Last.Status != Succeeded {
				t.Errorf("ended %s: %s", cr.Last.Status, cr.Last.Message)
			}
			h.expect(want)
		})
	}
	t.Run("does not count attempts that an orderly end cut off", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		h.put("p/a.csv", "a,b\n1,2\n")
		h.create(Crawler{Targets: []Target{{Path: "s3://data/p/"}}})
		h.must(h.crawlers.Start(t.Context(), h.c, "c"))
		crawl := id(h.c, kindCrawl, "c")
		for range 2 * maxAttempts {
			life, end := context.WithCancel(t.Context())
			_, _, err := h.crawlers.begin(life, crawl)
			h.must(err)
			end()
			h.crawlers.putOff(life, crawl)
		}
		if cr := h.run("c"); cr.Last.Status != Succeeded {
			t.Errorf("ended %s: %q", cr.Last.Status, cr.Last.Message)
		}
	})
	t.Run("gives up after several attempts", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		h.create(Crawler{Targets: []Target{{Path: "s3://data/p/"}}})
		h.must(h.crawlers.Start(t.Context(), h.c, "c"))
		for range maxAttempts {
			_, _, err := h.crawlers.begin(t.Context(), id(h.c, kindCrawl, "c"))
			h.must(err)
		}
		if cr := h.run("c"); cr.Last.Status != Failed || !strings.Contains(cr.Last.Message, "the server ended 3 times") {
			t.Errorf("ended %s: %q", cr.Last.Status, cr.Last.Message)
		}
	})
}

// TestStopDuringACrawl stops a crawl after it read and before it commits.
func TestStopDuringACrawl(t *testing.T) {
	h := newHouse(t)
	h.put("p/a.csv", "a,b\n1,2\n")
	h.create(Crawler{Targets: []Target{{Path: "s3://data/p/"}}})
	h.must(h.crawlers.Start(t.Context(), h.c, "c"))
	crawl := id(h.c, kindCrawl, "c")
	j, cr, err := h.crawlers.begin(t.Context(), crawl)
	h.must(err)
	d, err := h.crawlers.discover(t.Context(), j.Caller, cr)
	h.must(err)
	h.must(h.crawlers.Stop(t.Context(), h.c, "c"))
	if err := h.crawlers.commit(t.Context(), crawl, j, d); !errors.Is(err, errStopped) {
		t.Errorf("commit after stop: got %v", err)
	}
	if cr := h.run("c"); cr.Last.Status != Cancelled || cr.Last.Message != "" {
		t.Errorf("ended %+v", cr.Last)
	}
	if got := h.show(); got != "" {
		t.Errorf("a crawl that was stopped left %s", got)
	}
	h.must(h.st.View(context.Background(), func(tx *state.Tx) error {
		if there, err := tx.Exists(crawl); there || err != nil {
			t.Errorf("the crawl's document is still there: %v", err)
		}
		return nil
	}))
}
