package destination_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"flowlake/access"
	"flowlake/catalog"
	"flowlake/delivery"
	"flowlake/delivery/destination"
	"flowlake/delivery/process"
	"flowlake/lake"
	"flowlake/logs"
	"flowlake/state"

	judge "github.com/parquet-go/parquet-go"
)

const (
	account = "123456789012"
	bucket  = "flows-bucket"
	role    = "arn:aws:iam::123456789012:role/delivery"
)

var root = access.Root(account, "us-east-1")

// house is the rooms that a stream needs.
type house struct {
	*delivery.Store
	lake   *lake.Store
	logs   *logs.Store
	tables *catalog.Catalog
	writer *destination.Writer
	said   *said
}

// said is what the writer logs.
type said struct {
	mu   sync.Mutex
	text strings.Builder
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newHouse(t testing.TB, functions delivery.Transform) *house {
	t.Helper()
	return newHouseThat(t, delivery.Config{Transform: functions})
}

// newHouseThat is newHouse with a configuration of the delivery room.
func newHouseThat(t testing.TB, cfg delivery.Config) *house {
	t.Helper()
	dir, quiet, guard := t.TempDir(), slog.New(slog.DiscardHandler), access.NewGuard(account)
	st, err := state.Open(filepath.Join(dir, "state"))
	ok(t, err)
	lk, err := lake.Open(lake.Config{Dir: filepath.Join(dir, "lake")}, st, guard, quiet)
	ok(t, err)
	lg, err := logs.Open(logs.Config{Dir: filepath.Join(dir, "logs")}, st, lk, guard, quiet)
	ok(t, err)
	tables := catalog.Open(st, guard, quiet)
	cfg.Dir, cfg.Scratch, cfg.RetryMin, cfg.RetryMax = filepath.Join(dir, "delivery"), filepath.Join(dir, "scratch"), 5*time.Millisecond, 20*time.Millisecond
	room, err := delivery.Open(cfg, st, lk, lg, tables, guard, quiet)
	ok(t, err)
	said := &said{}
	h := &house{room, lk, lg, tables, destination.New(tables, guard, room.HasTransform(), slog.New(slog.NewTextHandler(said, nil))), said}
	room.Handle(delivery.KindFirehose, h.writer)
	lg.SetDestinations(room)
	ctx, stop := context.WithCancel(context.Background())
	ran := make(chan error, 2)
	go func() { ran <- room.Run(ctx) }()
	go func() { ran <- lg.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		for _, err := range []error{<-ran, <-ran, room.Close(), lg.Close(), lk.Close(), st.Close()} {
			if err != nil {
				t.Error(err)
			}
		}
	})
	ok(t, lk.CreateBucket(ctx, root, bucket))
	return h
}

// to are settings of a stream into the bucket.
func to(change func(*destination.Settings)) destination.Settings {
	none := int32(0)
	s := destination.Settings{S3: destination.S3{BucketARN: "arn:aws:s3:::" + bucket, RoleARN: role, Hints: &destination.Hints{Seconds: &none}}}
	if change != nil {
		change(&s)
	}
	return s
}

func (h *house) make(t testing.TB, name string, s destination.Settings) error {
	t.Helper()
	settings, err := json.Marshal(s)
	ok(t, err)
	buffer, err := s.Buffer()
	ok(t, err)
	_, err = h.Create(context.Background(), root, delivery.NewStream{Kind: delivery.KindFirehose, Name: name, ARN: root.ARN("firehose", "deliverystream/"+name),
		Settings: settings, Buffer: buffer, Service: "firehose.amazonaws.com"})
	if err != nil {
		return err
	}
	until(t, "the stream", func() bool {
		d, err := h.Stream(context.Background(), root, delivery.KindFirehose, name)
		return err == nil && d.Status == delivery.Active
	})
	return nil
}

func (h *house) put(t testing.TB, name string, records ...string) {
	t.Helper()
	var data [][]byte
	for _, r := range records {
		data = append(data, []byte(r))
	}
	_, err := h.Put(context.Background(), root, delivery.KindFirehose, name, data)
	ok(t, err)
}

func (h *house) counters(t testing.TB, name string) delivery.Counters {
	t.Helper()
	n, err := h.Counters(context.Background(), root, delivery.KindFirehose, name)
	ok(t, err)
	return n
}

// settled waits until so many rows are in, and nothing waits.
func (h *house) settled(t testing.TB, name string, rows int64) delivery.Counters {
	t.Helper()
	until(t, fmt.Sprintf("%d rows of %s", rows, name), func() bool {
		n := h.counters(t, name)
		return n.In == rows && n.Waiting == 0
	})
	n := h.counters(t, name)
	if n.In != n.Delivered+n.Failed+n.Dropped {
		t.Errorf("the counters do not add up: %+v", n)
	}
	return n
}

func until(t testing.TB, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !done(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("no %s after ten seconds", what)
		}
	}
}

// objects are the bucket's keys below a prefix.
func (h *house) objects(t testing.TB, prefix string) (keys []string) {
	t.Helper()
	page, err := h.lake.List(context.Background(), root, bucket, lake.ListInput{Prefix: prefix})
	ok(t, err)
	for _, o := range page.Objects {
		keys = append(keys, o.Key)
	}
	return keys
}

func (h *house) read(t testing.TB, key string) (lake.Object, []byte) {
	t.Helper()
	r, err := h.lake.Open(context.Background(), root, bucket, key)
	ok(t, err)
	defer r.Close()
	b, err := io.ReadAll(r)
	ok(t, err)
	return r.Object(), b
}

// all is the bytes of all objects below a prefix, in the order of their keys.
func (h *house) all(t testing.TB, prefix string) string {
	t.Helper()
	var out []byte
	for _, key := range h.objects(t, prefix) {
		_, b := h.read(t, key)
		out = append(out, b...)
	}
	return string(out)
}

// rows are the values of all Parquet objects below a prefix, sorted.
func (h *house) rows(t testing.TB, prefix string) (rows []string) {
	t.Helper()
	for _, key := range h.objects(t, prefix) {
		if !strings.HasSuffix(key, ".parquet") {
			t.Errorf("%s is not named as Parquet", key)
		}
		_, b := h.read(t, key)
		rows = append(rows, parquetRows(t, b)...)
	}
	slices.Sort(rows)
	return rows
}

func parquetRows(t testing.TB, file []byte) (rows []string) {
	t.Helper()
	f, err := judge.OpenFile(bytes.NewReader(file), int64(len(file)))
	ok(t, err)
	for _, g := range f.RowGroups() {
		in := g.Rows()
		buffer := make([]judge.Row, 100)
		for {
			n, err := in.ReadRows(buffer)
			for _, row := range buffer[:n] {
				var values []string
				for _, v := range row {
					if v.IsNull() {
						values = append(values, "NULL")
						continue
					}
					values = append(values, v.String())
				}
				rows = append(rows, strings.Join(values, ","))
			}
			if err != nil {
				break
			}
		}
		in.Close()
	}
	return rows
}

// failure is what both kinds of failures have on the wire.
type failure struct {
	AttemptsMade     int
	ArrivalTimestamp int64
	ErrorCode        string
	ErrorMessage     string
	LastErrorCode    string
	LastErrorMessage string
	RawData          []byte
	LambdaArn        string
	DataCatalogTable struct{ DatabaseName, TableName, CatalogID string }
}

// failures are the records below an error prefix.
func (h *house) failures(t testing.TB, prefix string) (out []failure) {
	t.Helper()
	for line := range strings.Lines(h.all(t, prefix)) {
		var f failure
		ok(t, json.Unmarshal([]byte(line), &f))
		out = append(out, f)
	}
	return out
}

// table makes a table of the catalogue; columns and keys are spelled "name type".
func (h *house) table(t testing.TB, name, location string, parameters map[string]string, keys []string, columns ...string) {
	t.Helper()
	_ = h.tables.CreateDatabase(context.Background(), root, catalog.Database{Name: "lake"})
	spelled := func(list []string) (out []catalog.Column) {
		for _, c := range list {
			n, typ, _ := strings.Cut(c, " ")
			out = append(out, catalog.Column{Name: n, Type: typ})
		}
		return out
	}
	_, err := h.tables.CreateTable(context.Background(), root, catalog.Table{Database: "lake", Name: name, Kind: catalog.ExternalTable, Parameters: parameters,
		Storage: catalog.Storage{Location: location, Columns: spelled(columns), SerDe: catalog.SerDe{Library: "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"},
			InputFormat: "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat", OutputFormat: "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"},
		PartitionKeys: spelled(keys)})
	ok(t, err)
}

// converting is a conversion by a table, with OpenX's reader.
func converting(table string) *destination.Conversion {
	return &destination.Conversion{Enabled: true, Schema: &destination.Schema{Database: "lake", Table: table, RoleARN: role},
		Input: &destination.Input{OpenX: &destination.OpenX{}}, Output: &destination.Output{Parquet: &destination.Parquet{}}}
}

// processing are processors: a type, then its parameters as name, value.
func processing(list ...[]string) *destination.Processing {
	p := &destination.Processing{Enabled: true}
	for _, one := range list {
		q := process.Processor{Type: one[0]}
		for i := 1; i < len(one); i += 2 {
			q.Parameters = append(q.Parameters, process.Parameter{Name: one[i], Value: one[i+1]})
		}
		p.Processors = append(p.Processors, q)
	}
	return p
}

// group makes a log group with one stream, and subscribes a delivery stream.
func (h *house) subscribe(t testing.TB, group, stream, pattern string) {
	t.Helper()
	ctx := context.Background()
	ok(t, h.logs.CreateGroup(ctx, root, group, nil))
	ok(t, h.logs.CreateStream(ctx, root, group, "eni-1"))
	_, err := h.logs.PutSubscription(ctx, root, logs.SubscriptionInput{Group: group, Name: "to-" + stream, Pattern: pattern,
		DestinationARN: root.ARN("firehose", "deliverystream/"+stream), RoleARN: role})
	ok(t, err)
}

func (h *house) say(t testing.TB, group string, messages ...string) {
	t.Helper()
	var events []logs.Event
	for _, m := range messages {
		events = append(events, logs.Event{TimeMillis: time.Now().UnixMilli(), Message: m})
	}
	_, err := h.logs.Put(context.Background(), root, group, "eni-1", events)
	ok(t, err)
}
