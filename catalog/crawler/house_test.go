package crawler

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"flowlake/access"
	"flowlake/catalog"
	"flowlake/lake"
	"flowlake/state"
)

// house is the real rooms over a temporary folder.
type house struct {
	t        *testing.T
	dir      string
	st       *state.Store
	cat      *catalog.Catalog
	lake     *lake.Store
	crawlers *Crawlers
	c        access.Caller
}

func open(t *testing.T, dir string) *house {
	return openGuarded(t, dir, func(*state.Store) *access.Guard { return access.NewGuard("123456789012") })
}

// openGuarded is open with a guard that may know identities.
func openGuarded(t *testing.T, dir string, guarded func(*state.Store) *access.Guard) *house {
	t.Helper()
	h := &house{t: t, dir: dir, c: access.Root("123456789012", "us-east-1")}
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	var err error
	if h.st, err = state.Open(filepath.Join(dir, "state")); err != nil {
		t.Fatal(err)
	}
	guard := guarded(h.st)
	if h.lake, err = lake.Open(lake.Config{Dir: filepath.Join(dir, "lake")}, h.st, guard, log); err != nil {
		t.Fatal(err)
	}
	h.cat = catalog.Open(h.st, guard, log)
	h.crawlers = New(Config{}, h.st, h.cat, h.lake, guard, log)
	return h
}

func (h *house) close() {
	h.lake.Close()
	h.st.Close()
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := open(t, t.TempDir())
	t.Cleanup(h.close)
	h.must(h.lake.CreateBucket(t.Context(), h.c, "data"))
	h.must(h.cat.CreateDatabase(t.Context(), h.c, catalog.Database{Name: "db"}))
	return h
}

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// put writes objects; a key that ends with .gz is compressed.
func (h *house) put(key string, body string) {
	h.t.Helper()
	data := []byte(body)
	if strings.HasSuffix(key, ".gz") {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		z.Write(data)
		z.Close()
		data = b.Bytes()
	}
	_, err := h.lake.Put(h.t.Context(), h.c, lake.PutInput{Bucket: "data", Key: key, Body: bytes.NewReader(data), Size: int64(len(data))})
	h.must(err)
}

func (h *house) remove(key string) {
	h.t.Helper()
	h.must(h.lake.Delete(h.t.Context(), h.c, "data", key))
}

// run runs Crawlers.Run until the crawler is READY again, and returns it.
func (h *house) run(name string) Crawler {
	h.t.Helper()
	ctx, stop := context.WithCancel(h.t.Context())
	done := make(chan error, 1)
	go func() { done <- h.crawlers.Run(ctx) }()
	defer func() {
		stop()
		if err := <-done; err != nil {
			h.t.Fatal(err)
		}
	}()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		cr, err := h.crawlers.Crawler(h.t.Context(), h.c, name)
		h.must(err)
		if cr.State == Ready {
			return cr
		}
	}
	h.t.Fatal("the crawl did not end")
	return Crawler{}
}

func (h *house) create(cr Crawler) {
	h.t.Helper()
	if cr.Name == "" {
		cr.Name = "c"
	}
	cr.Role, cr.Database = "arn:aws:iam::123456789012:role/glue", "db"
	h.must(h.crawlers.Create(h.t.Context(), h.c, cr))
}

// crawl creates the crawler if it is new, runs it and expects success.
func (h *house) crawl(name string) Report {
	h.t.Helper()
	h.must(h.crawlers.Start(h.t.Context(), h.c, name))
	if cr := h.run(name); cr.Last.Status != Succeeded {
		h.t.Fatalf("crawl ended %s: %s", cr.Last.Status, cr.Last.Message)
	}
	r, err := h.crawlers.Report(h.t.Context(), h.c, name)
	h.must(err)
	return r
}

// show writes the database's tables and partitions in short.
func (h *house) show() string {
	h.t.Helper()
	var b strings.Builder
	all, _, err := h.cat.Tables(h.t.Context(), h.c, catalog.TableFilter{Database: "db"})
	h.must(err)
	for _, t := range all {
		fmt.Fprintf(&b, "%s %s %s (", t.Name, t.Parameters["classification"], strings.TrimPrefix(t.Storage.Location, "s3://data/"))
		for i, col := range t.Storage.Columns {
			if i > 0 {
				b.WriteString(", ")
			}
			fmt.Fprintf(&b, "%s %s", col.Name, col.Type)
		}
		b.WriteString(")")
		if n := t.Parameters["skip.header.line.count"]; n != "" {
			b.WriteString(" header " + n)
		}
		if t.Parameters[paramDeprecated] != "" {
			b.WriteString(" deprecated")
		}
		for i, k := range t.PartitionKeys {
			if i == 0 {
				b.WriteString(" by")
			}
			b.WriteString(" " + k.Name)
		}
		b.WriteString("\n")
		ps, _, err := h.cat.Partitions(h.t.Context(), h.c, "db", t.Name, catalog.PartitionFilter{})
		h.must(err)
		for _, p := range ps {
			fmt.Fprintf(&b, "  %s -> %s", strings.Join(p.Values, ","), strings.TrimPrefix(p.Storage.Location, "s3://data/"))
			if p.Parameters[paramDeprecated] != "" {
				b.WriteString(" deprecated")
			}
			b.WriteString("\n")
		}
	}
	return b.String()
}

func (h *house) expect(want string) {
	h.t.Helper()
	var lines []string
	for line := range strings.SplitSeq(strings.Trim(want, "\n"), "\n") {
		lines = append(lines, strings.TrimPrefix(line, "\t\t\t"))
	}
	want = strings.TrimSpace(strings.Join(lines, "\n"))
	if got := strings.TrimSpace(h.show()); got != want {
		h.t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
