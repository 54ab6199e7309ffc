package query

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"flowlake/access"
	"flowlake/catalog"
	"flowlake/columnar"
	"flowlake/columnar/parquet"
	"flowlake/fault"
	"flowlake/lake"
	"flowlake/query/sql"
	"flowlake/query/sql/translate"
)

// lookingEngine answers nothing, and shows which files it was given.
type lookingEngine struct {
	jobs []Job
	fail error
	at   func()
}

func (l *lookingEngine) Run(_ context.Context, job Job) (Result, error) {
	l.jobs = append(l.jobs, job)
	if l.at != nil {
		l.at()
	}
	if l.fail != nil {
		return Result{}, l.fail
	}
	return Result{}, os.WriteFile(job.Output, []byte("\"a\"\n"), 0o600)
}

// scanHouse is a house with an engine that looks, and a bucket.
func scanHouse(t *testing.T) (*house, *lookingEngine) {
	t.Helper()
	h := newHouse(t, nil)
	engine := &lookingEngine{}
	h.engine = engine
	for _, b := range []string{"data", "results"} {
		if err := h.lake.CreateBucket(t.Context(), h.root, b); err != nil {
			t.Fatal(err)
		}
	}
	h.work()
	h.ddl("CREATE DATABASE d")
	return h, engine
}

func (h *house) ddl(text string) {
	h.t.Helper()
	if e := h.wait(h.start(text)); e.State != Succeeded {
		h.t.Fatalf("%s: %s", text, e.Reason)
	}
}

func (h *house) put(key, body string) {
	h.t.Helper()
	if _, err := h.lake.Put(h.t.Context(), h.root, lake.PutInput{Bucket: "data", Key: key, Body: strings.NewReader(body), Size: int64(len(body))}); err != nil {
		h.t.Fatal(err)
	}
}

// selects runs a query and returns its end, and the files that its scans were given, by their keys.
func (h *house) selects(l *lookingEngine, text string) (Execution, []string) {
	h.t.Helper()
	l.jobs = nil
	id, err := h.Start(h.t.Context(), h.root, StartInput{Text: text, Output: ResultConfig{Location: "s3://results/"}})
	if err != nil {
		h.t.Fatal(err)
	}
	e := h.wait(id)
	var files []string
	for _, j := range l.jobs {
		for _, s := range j.Scans {
			for _, in := range s.Inputs {
				for _, f := range in.Files {
					files = append(files, strings.TrimPrefix(f.URL, "s3://data/"))
				}
			}
		}
	}
	slices.Sort(files)
	return e, files
}

func TestProjectedTablesReadOnlyWhatIsAskedFor(t *testing.T) {
	h, l := scanHouse(t)
	for day := 1; day <= 28; day++ {
		for _, hour := range []int{0, 12} {
			h.put(fmt.Sprintf("p/2022/02/%02d/%02d/x", day, hour), "1 2\n")
		}
	}
	h.put("p/2022/02/01/99/strange", "1\n") // no hour: it lies in no partition
	h.put("p/2022/02/01/00/_hidden", "1\n")
	h.ddl("CREATE EXTERNAL TABLE d.p (a int, b int) PARTITIONED BY (h string) ROW FORMAT DELIMITED FIELDS TERMINATED BY ' ' LOCATION 's3://data/p/' " +
		"TBLPROPERTIES ('projection.enabled'='true', 'projection.h.type'='date', 'projection.h.format'='yyyy/MM/dd/HH', 'projection.h.range'='2015/01/01/00,2024/12/31/23', " +
		"'projection.h.interval'='1', 'projection.h.interval.unit'='HOURS', 'storage.location.template'='s3://data/p/${h}')")
	for _, c := range []struct {
		where string
		files int
	}{
		{"", 56},
		{" WHERE h = '2022/02/03/12'", 1},
		{" WHERE h = '2022/02/03/13'", 0},
		{" WHERE h BETWEEN '2022/02/03/12' AND '2022/02/05/00'", 4},
		{" WHERE h LIKE '2022/02/1%'", 20},
		{" WHERE h >= '2022/02/27' OR h = '2022/02/01/00'", 5},
		{" WHERE substr(h, 12) = '12'", 28},
		{" WHERE h = 'yesterday'", 0},
		{" WHERE h IS NULL", 0},
	} {
		e, files := h.selects(l, "SELECT a FROM d.p"+c.where)
		if e.State != Succeeded || len(files) != c.files {
			t.Errorf("%q: %s %s, %d files, want %d: %v", c.where, e.State, e.Reason, len(files), c.files, files)
		}
		if e.Scanned != int64(4*c.files) {
			t.Errorf("%q: %d bytes were scanned, want %d", c.where, e.Scanned, 4*c.files)
		}
	}
}

func TestOneStrangePartitionFailsOnlyQueriesThatMayWantIt(t *testing.T) {
	h, l := scanHouse(t)
	h.put("d/good/x", "1\n")
	h.ddl("CREATE EXTERNAL TABLE d.t (a int) PARTITIONED BY (k date) LOCATION 's3://data/d/'")
	h.ddl("ALTER TABLE d.t ADD PARTITION (k='2022-08-29') LOCATION 's3://data/d/good/'")
	table, err := h.catalog.Table(t.Context(), h.root, "d", "t")
	if err != nil {
		t.Fatal(err)
	}
	if err := h.catalog.CreatePartition(t.Context(), h.root, "d", "t", catalog.Partition{Values: []string{"someday"}, Storage: table.Storage}); err != nil {
		t.Fatal(err)
	}
	for where, fine := range map[string]bool{
		"": false, " WHERE k <> DATE '2022-08-30'": false, " WHERE year(k) = 2022": false, " WHERE a = 1": false,
		" WHERE k = DATE '2022-08-29'": true, " WHERE k > DATE '2022-08-01'": true, " WHERE k IN (DATE '2022-08-29')": true,
		" WHERE k BETWEEN DATE '2022-01-01' AND current_date": true, " WHERE k IS NULL": true,
	} {
		e, files := h.selects(l, "SELECT a FROM d.t"+where)
		switch {
		case !fine && !strings.Contains(e.Reason, "HIVE_INVALID_PARTITION_VALUE: Invalid partition value 'someday'"):
			t.Errorf("%q: %s %s", where, e.State, e.Reason)
		case fine && e.State != Succeeded:
			t.Errorf("%q: %s", where, e.Reason)
		case fine && where != " WHERE k IS NULL" && !slices.Equal(files, []string{"d/good/x"}):
			t.Errorf("%q: %v", where, files)
		}
	}
}

// freshStub gives the same file for every table, and counts.
type freshStub struct {
	t        *testing.T
	asked    int
	released int
	fail     error
	skip     string
	at       func()        // called before a snapshot is handed out
	let      chan struct{} // closed at the first release
}

func (f *freshStub) Snapshot(_ context.Context, _ access.Caller, t catalog.Table, dir string) (FreshRows, error) {
	if f.fail != nil {
		return FreshRows{}, f.fail
	}
	f.asked++
	if f.at != nil {
		f.at()
	}
	path := filepath.Join(dir, "rows")
	size := parquetFile(f.t, path)
	in := func(k string) Input {
		return Input{Values: []string{k}, Files: []InputFile{{Path: path, URL: "s3://data/fresh-" + k, Size: size}}}
	}
	return FreshRows{Inputs: []Input{in("1"), in("2"), in("9")}, Release: f.release,
		Skip: func(_, key string) bool { return strings.Contains(key, f.skip) }}, nil
}

func (f *freshStub) release() {
	if f.released++; f.released == 1 && f.let != nil {
		close(f.let)
	}
}

func parquetFile(t *testing.T, path string) int64 {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	typ, err := columnar.ParseType("int")
	if err != nil {
		t.Fatal(err)
	}
	w, err := parquet.NewWriter(f, []columnar.Column{{Name: "a", Type: typ}}, parquet.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w.Column(0).Int(1)
	w.EndRow()
	stats, err := w.Close()
	if err != nil {
		t.Fatal(err)
	}
	return stats.Bytes
}

func TestFreshRowsAreSeenOnceAndLetGo(t *testing.T) {
	h, l := scanHouse(t)
	path := filepath.Join(t.TempDir(), "x")
	parquetFile(t, path)
	body, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range []string{"1", "2"} {
		h.put("f/k="+k+"/old", string(body))
		h.put("f/k="+k+"/new", string(body))
	}
	h.ddl("CREATE EXTERNAL TABLE d.f (a int) PARTITIONED BY (k int) STORED AS PARQUET LOCATION 's3://data/f/' TBLPROPERTIES ('flowlake.fresh'='true', " +
		"'projection.enabled'='true', 'projection.k.type'='integer', 'projection.k.range'='1,3')")
	if e, _ := h.selects(l, "SELECT a FROM d.f"); !strings.Contains(e.Reason, "d.f: is marked flowlake.fresh, and this server has no delivery streams to ask") {
		t.Errorf("without a source of fresh rows: %s %s", e.State, e.Reason)
	}
	fresh := &freshStub{t: t, skip: "/new"}
	h.SetFresh(fresh)
	l.at = func() {
		if fresh.released != fresh.asked {
			t.Error("the snapshot is held while the engine runs")
		}
	}
	e, files := h.selects(l, "SELECT sum(x.a) FROM d.f x JOIN d.f y ON x.a = y.a WHERE x.k = 1")
	if want := []string{"f/k=1/old", "f/k=1/old", "f/k=2/old", "fresh-1", "fresh-1", "fresh-2"}; e.State != Succeeded || !slices.Equal(files, want) {
		t.Errorf("%s %s: %v, want %v", e.State, e.Reason, files, want) // 9 is no partition of the table
	}
	if fresh.asked != 1 || fresh.released != 1 {
		t.Errorf("%d snapshots and %d releases for one table", fresh.asked, fresh.released)
	}
	if e.Scanned == 0 {
		t.Error("nothing was scanned")
	}
	l.fail = errors.New("the engine broke")
	h.selects(l, "SELECT a FROM d.f")
	l.fail = nil
	h.ddl("CREATE EXTERNAL TABLE d.g (a int) PARTITIONED BY (k int) STORED AS PARQUET LOCATION 's3://data/g/' TBLPROPERTIES ('projection.enabled'='true')")
	h.selects(l, "SELECT a FROM d.f UNION ALL SELECT a FROM d.g") // d.g's projection is not configured
	if fresh.asked != 3 || fresh.released != 3 {
		t.Errorf("after failures: %d snapshots and %d releases", fresh.asked, fresh.released)
	}
	fresh.fail = fault.Newf(fault.NotFound, "delivery stream", "none writes to table d.f")
	if e, _ := h.selects(l, "SELECT a FROM d.f"); !strings.Contains(e.Reason, "d.f") || e.State != Failed {
		t.Errorf("without a stream: %s %s", e.State, e.Reason)
	}
	h.ddl("CREATE EXTERNAL TABLE d.text (a int) LOCATION 's3://data/g/' TBLPROPERTIES ('flowlake.fresh'='true')")
	if e, _ := h.selects(l, "SELECT a FROM d.text"); !strings.Contains(e.Reason, "flowlake.fresh, which is for tables of Parquet files") {
		t.Errorf("a table of text: %s %s", e.State, e.Reason)
	}
}

func TestFootersAreReadOnceAndForgottenInTime(t *testing.T) {
	var m footers
	path := filepath.Join(t.TempDir(), "x")
	f := InputFile{Path: path, URL: "s3://b/x", Size: parquetFile(t, path)}
	first, err := m.columns(f)
	if err != nil || first["a"] == 0 {
		t.Fatalf("got %v %v", first, err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if again, err := m.columns(f); err != nil || again["a"] != first["a"] {
		t.Errorf("the second time: %v %v", again, err)
	}
	for n := range maxFooters { // others push it out
		p := fmt.Sprint(n)
		m.known[p] = m.order.PushFront(footer{path: p})
	}
	other := filepath.Join(t.TempDir(), "y")
	if _, err := m.columns(InputFile{Path: other, URL: "s3://b/y", Size: parquetFile(t, other)}); err != nil {
		t.Fatal(err)
	}
	if _, err := m.columns(f); err == nil {
		t.Error("it is still known")
	}
}

// listings resolves a query's one table and says by how many listings, and how many files were found.
func (h *house) listings(text string) (listings, files int, err error) {
	h.t.Helper()
	stmt, err := sql.Parse(text)
	if err != nil {
		h.t.Fatal(err)
	}
	tables := h.relations(&Execution{Caller: h.root})
	plan, err := translate.Query(h.t.Context(), stmt.(*sql.Query), text, tables, translate.Options{})
	if err != nil {
		h.t.Fatal(err)
	}
	e := &Execution{Caller: h.root, Submitted: time.Now()}
	parts, err := h.registered(h.t.Context(), e, plan.Tables, tables.seen)
	if err != nil {
		return 0, 0, err
	}
	p := &pinned{lake: h.lake, caller: h.root}
	defer p.release()
	_, err = h.scan(h.t.Context(), e, tables.seen[[2]string{plan.Tables[0].Database, plan.Tables[0].Name}], plan.Tables[0], parts[0], p)
	return len(p.releases), p.files, err
}

func TestOnlyWhatIsWantedIsListed(t *testing.T) {
	h, _ := scanHouse(t)
	for _, day := range []string{"2020/02/28/05", "2020/02/29/05", "2020/03/01/05"} {
		h.put("h/"+day+"/x", "1\n")
		h.put("c/"+day+"/x", "1\n")
	}
	const years = "'projection.enabled'='true', 'projection.h.type'='date', 'projection.h.format'='yyyy/MM/dd/HH', 'projection.h.range'='2015/01/01/00,2024/12/31/23', 'projection.h.interval.unit'='HOURS', "
	h.ddl("CREATE EXTERNAL TABLE d.h (a int) PARTITIONED BY (h string) LOCATION 's3://data/h/' TBLPROPERTIES (" + years + "'storage.location.template'='s3://data/h/${h}')")
	// There is no bucket but data: who lists another fails.
	h.ddl("CREATE EXTERNAL TABLE d.far (a int) PARTITIONED BY (b string, h string) LOCATION 's3://data/h/' TBLPROPERTIES (" + years +
		"'projection.b.type'='enum', 'projection.b.values'='absent,data', 'storage.location.template'='s3://${b}/h/${h}')")
	h.ddl("CREATE EXTERNAL TABLE d.c (a int) PARTITIONED BY (b string, h string) LOCATION 's3://data/c/'")
	add := "ALTER TABLE d.c ADD PARTITION (b='absent', h='x') LOCATION 's3://absent/x/'"
	for n := range 200 {
		add += fmt.Sprintf(" PARTITION (b='data', h='%03d') LOCATION 's3://data/c/%03d'", n, n)
	}
	h.ddl(add + " PARTITION (b='data', h='2020') LOCATION 's3://data/c/2020/'")
	for _, c := range []struct {
		query           string
		listings, files int
		refused         bool
	}{
		{"SELECT a FROM d.h WHERE h = '2020/02/29/05'", 1, 1, false},
		{"SELECT a FROM d.h WHERE h IN ('2020/02/28/05', '2020/02/29/05', '2030/01/01/00')", 2, 2, false},
		{"SELECT a FROM d.h WHERE h = '2030/01/01/00'", 0, 0, false},
		{"SELECT a FROM d.h WHERE h >= '2020/02/28/23' AND h < '2020/03/01/06'", 31, 2, false},
		{"SELECT a FROM d.h", 1, 3, false},
		{"SELECT a FROM d.far WHERE b = 'data' AND h LIKE '2020/02/2%'", 1, 2, false},
		{"SELECT a FROM d.far WHERE b <> 'absent' AND h < '2016'", 1, 0, false},
		{"SELECT a FROM d.far WHERE b || h = 'data2020/02/29/05' AND h LIKE '2020/02/2%'", 1, 1, false},
		{"SELECT a FROM d.far WHERE h = '2020/02/29/05'", 0, 0, true},
		{"SELECT a FROM d.c WHERE b = 'data' AND h = '2020'", 1, 3, false},
		{"SELECT a FROM d.c WHERE b = 'data'", 1, 3, false},
		{"SELECT a FROM d.c WHERE h > '150'", 0, 0, true},
	} {
		listings, files, err := h.listings(c.query)
		switch {
		case c.refused:
			if !fault.Is(err, fault.NotFound) {
				t.Errorf("%s: got %v", c.query, err)
			}
		case err != nil || listings != c.listings || files != c.files:
			t.Errorf("%s: %d listings, %d files, %v; want %d, %d", c.query, listings, files, err, c.listings, c.files)
		}
	}
}

func TestAStoppedQueryLetsGoOfFreshRows(t *testing.T) {
	h, l := scanHouse(t)
	path := filepath.Join(t.TempDir(), "x")
	parquetFile(t, path)
	body, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	h.put("f/x", string(body))
	h.ddl("CREATE EXTERNAL TABLE d.f (a int) STORED AS PARQUET LOCATION 's3://data/f/' TBLPROPERTIES ('flowlake.fresh'='true')")
	fresh := &freshStub{t: t, skip: "none", let: make(chan struct{})}
	fresh.at = func() { // the snapshot is there, and nothing is listed
		ids, _, err := h.Executions(t.Context(), h.root, "primary", "", 1)
		if err == nil {
			err = h.Stop(t.Context(), h.root, ids[0])
		}
		if err != nil {
			t.Error(err)
		}
	}
	h.SetFresh(fresh)
	e, files := h.selects(l, "SELECT a FROM d.f")
	if e.State != Cancelled || len(files) > 0 {
		t.Errorf("%s %s: %d files", e.State, e.Reason, len(files))
	}
	select {
	case <-fresh.let:
	case <-time.After(10 * time.Second):
		t.Error("the snapshot is held")
	}
}
