package backfill

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"flowlake/catalog"
	"flowlake/columnar"
	"flowlake/columnar/parquet"
	"flowlake/fault"
	"flowlake/lake"
)

// house is a lake, a table's partitions and files, as a conversion meets them, in memory: its calls are made to fail by
// the hundred. The real lake's Move has its own tests, and the command's tests have real servers.
type house struct {
	t     testing.TB
	files map[string]string

	mu         sync.Mutex // guards below
	objects    map[string]string
	partitions map[string]catalog.Partition
	calls      int
	failAt     int  // this call and all behind it fail; 0: none
	failAfter  bool // the first of them is done all the same
}

var errBroken = errors.New("the connection broke")

func newHouse(t testing.TB) *house {
	return &house{t: t, files: map[string]string{}, objects: map[string]string{}, partitions: map[string]catalog.Partition{}}
}

// may says whether a call is made, and what it returns whatever it did.
func (h *house) may() (do bool, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.calls++; h.failAt > 0 && h.calls >= h.failAt {
		return h.failAfter && h.calls == h.failAt, errBroken
	}
	return true, nil
}

func (h *house) call(f func() error) error {
	do, broken := h.may()
	var err error
	if do {
		err = f()
	}
	return errors.Join(broken, err)
}

func (h *house) missing(url string) error {
	return fault.Newf(fault.NotFound, "object "+url, "is not there")
}

func (h *house) Get(_ context.Context, bucket, key string) (b []byte, err error) {
	err = h.call(func() error {
		text, there := h.objects[lake.URL(bucket, key)]
		if !there {
			return h.missing(key)
		}
		b = []byte(text)
		return nil
	})
	return b, err
}

func (h *house) Put(_ context.Context, bucket, key string, body io.ReadSeeker, size int64) (etag string, err error) {
	err = h.call(func() error {
		b, err := io.ReadAll(body)
		if int64(len(b)) != size {
			h.t.Errorf("%s has %d bytes, not %d", key, len(b), size)
		}
		h.objects[lake.URL(bucket, key)] = string(b)
		etag = stamp(string(b))
		return err
	})
	return etag, err
}

func (h *house) PutNew(_ context.Context, bucket, key string, body []byte) error {
	return h.call(func() error {
		url := lake.URL(bucket, key)
		if there, taken := h.objects[url]; taken && there != string(body) {
			return fault.Newf(fault.Precondition, "object "+url, "is there")
		}
		h.objects[url] = string(body)
		return nil
	})
}

func (h *house) Move(_ context.Context, moves []lake.Move, removes []lake.Ref) error {
	return h.call(func() error {
		for _, m := range moves {
			text, there := h.objects[lake.URL(m.Bucket, m.From)]
			if !there {
				return h.missing(m.From)
			}
			if _, taken := h.objects[lake.URL(m.Bucket, m.To)]; taken || m.IfMatch != stamp(text) {
				return fault.Newf(fault.Precondition, "object "+m.To, "cannot be moved")
			}
		}
		for _, r := range removes {
			if _, there := h.objects[lake.URL(r.Bucket, r.Key)]; !there && r.IfMatch == "*" {
				return fault.Newf(fault.Precondition, "object "+r.Key, "is not there")
			}
		}
		for _, m := range moves {
			h.objects[lake.URL(m.Bucket, m.To)] = h.objects[lake.URL(m.Bucket, m.From)]
			delete(h.objects, lake.URL(m.Bucket, m.From))
		}
		for _, r := range removes {
			delete(h.objects, lake.URL(r.Bucket, r.Key))
		}
		return nil
	})
}

func (h *house) Delete(_ context.Context, bucket, key string) error {
	return h.call(func() error { delete(h.objects, lake.URL(bucket, key)); return nil })
}

func (h *house) Has(_ context.Context, bucket, key string) (there bool, err error) {
	err = h.call(func() error { _, there = h.objects[lake.URL(bucket, key)]; return nil })
	return there, err
}

func (h *house) Keys(_ context.Context, bucket, prefix string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		if _, err := h.may(); err != nil {
			yield("", err)
			return
		}
		for _, url := range slices.Sorted(maps.Keys(h.objects)) {
			if key, in := strings.CutPrefix(url, lake.URL(bucket, prefix)); in && !yield(prefix+key, nil) {
				return
			}
		}
	}
}

func (h *house) Find(_ context.Context, values [][]string) (found []catalog.Partition, err error) {
	err = h.call(func() error {
		for _, v := range values {
			if p, ok := h.partitions[spell(v)]; ok {
				found = append(found, p)
			}
		}
		return nil
	})
	return found, err
}

func (h *house) Add(_ context.Context, ps []catalog.Partition) error {
	return h.call(func() error {
		for _, p := range ps {
			if _, there := h.partitions[spell(p.Values)]; !there {
				h.partitions[spell(p.Values)] = p
			}
		}
		return nil
	})
}

func (h *house) Open(_ context.Context, in Input, limit int64) (io.ReadCloser, error) {
	text, there := h.files[in.Name]
	if !there {
		return nil, fault.Newf(fault.NotFound, "file "+in.Name, "is gone")
	}
	if h.input(in.Name) != in {
		return nil, fault.Newf(fault.Conflict, "file "+in.Name, "it changed since it was listed")
	}
	if limit > 0 {
		text = text[:min(int64(len(text)), limit)]
	}
	return io.NopCloser(strings.NewReader(text)), nil
}

func (h *house) input(name string) Input {
	text := h.files[name]
	return Input{Name: name, Size: int64(len(text)), Stamp: stamp(text)}
}

func stamp(text string) string {
	return strconv.FormatUint(uint64(crc32.ChecksumIEEE([]byte(text))), 16)
}

func (h *house) inputs() (in []Input) {
	for _, name := range slices.Sorted(maps.Keys(h.files)) {
		in = append(in, h.input(name))
	}
	return in
}

// line is a flow log's of this moment and number of bytes.
func line(at int64, bytes int) string {
	return fmt.Sprintf("2 123456789012 eni-1 10.0.0.1 10.0.0.2 1 2 6 1 %d %d %d ACCEPT OK\n", bytes, at, at+60)
}

// table is one of the default format's columns bytes and start, at s3://lake/t/.
func table(keys ...string) catalog.Table {
	t := keyed(keys)
	t.Storage = catalog.Storage{Location: "s3://lake/t/", InputFormat: parquetInput, OutputFormat: parquetOutput, SerDe: catalog.SerDe{Library: parquetSerDe},
		Columns: []catalog.Column{{Name: "bytes", Type: "bigint"}, {Name: "start", Type: "bigint"}}}
	return t
}

// convert plans and runs, as the command does.
func (h *house) convert(t catalog.Table, again bool, more func(*Run)) (Summary, error) {
	h.t.Helper()
	l, err := NewLayout(t, nil, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	p, err := Prepare(h.t.Context(), h, t.Storage.Location, h.inputs(), again, Sizes{Workers: 1, Text: 1}, h.sniff)
	if err != nil {
		return Summary{}, err
	}
	r := &Run{Table: t, Layout: l, Source: h, Objects: h, Partitions: h, Compression: parquet.Snappy, Workers: 1, MaxBad: -1}
	if more != nil {
		more(r)
	}
	return r.Do(h.t.Context(), p)
}

func (h *house) sniff(ctx context.Context, in []Input) (found []Found, err error) {
	for _, one := range in {
		f, err := Sniff(ctx, h, one, nil)
		if err != nil {
			return nil, err
		}
		found = append(found, f)
	}
	return found, nil
}

// rows counts the rows that readers of the table see.
func (h *house) rows() (rows int64, objects int) {
	h.t.Helper()
	for url, text := range h.objects {
		if key, in := strings.CutPrefix(url, "s3://lake/t/"); !in || !catalog.IsData(key) {
			continue
		}
		footer, err := columnar.ReadParquet(url, strings.NewReader(text), int64(len(text)))
		if err != nil {
			h.t.Fatal(err)
		}
		rows += footer.Rows
		objects++
	}
	return rows, objects
}

// left are objects that an end leaves none of.
func (h *house) left() (urls []string) {
	for url := range h.objects {
		if strings.Contains(url, "/open/") || strings.Contains(url, "/ready/") || strings.HasSuffix(url, ".part") {
			urls = append(urls, url)
		}
	}
	return urls
}
