package compact

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"flowlake/access"
	"flowlake/catalog"
	"flowlake/fault"
	"flowlake/lake"
)

func TestCompactsByFolder(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.table(nil, "day")
	for day := range 3 {
		for i := range 4 {
			h.put(fmt.Sprintf("flows/%d/%d", day, i), flows(t, "bigint", 100*(4*day+i), 100))
		}
		if err := h.tables.CreatePartition(t.Context(), root, "db", "flows", catalog.Partition{Values: []string{fmt.Sprint(day)},
			Storage: catalog.Storage{Location: fmt.Sprintf("s3://lake/flows/%d/", day)}}); err != nil {
			t.Fatal(err)
		}
	}
	h.put("flows/1/_hidden", []byte("PAR0"))
	h.put("flows/2/broken", []byte(strings.Repeat("not Parquet ", 10)))
	run := h.run(Request{Database: "DB", Table: "Flows", Partitions: map[string]string{"day": "1"}})
	if run.State != Succeeded || run.Before.Objects != 4 || run.Before.Rows != 400 || run.After.Objects != 1 || run.After.Rows != 400 {
		t.Errorf("got %+v", run)
	}
	run = h.run(Request{Database: "db", Table: "flows", DryRun: true})
	if run.State != Succeeded || run.Before.Rows != 800 || run.After.Objects != 0 || run.Kept.Objects != 1 || len(h.keys()) != 4+2+4+1 {
		t.Errorf("got %+v of %v", run, h.keys())
	}
	run = h.run(whole)
	if run.State != Succeeded || run.Before.Objects != 8 || run.After.Objects != 2 || len(run.Skipped) != 1 || !strings.Contains(run.Skipped[0], "s3://lake/flows/2/broken") {
		t.Errorf("got %+v", run)
	}
	if rows, sum := h.sum(); rows != 1200 || sum != 1200*1199/2 {
		t.Errorf("%d rows with the sum %d", rows, sum)
	}
	if got := h.Counters(); got.Swaps != 3 || got.ObjectsIn != 12 || got.Rows != 1200 || got.Failed != 0 {
		t.Errorf("got %+v", got)
	}
	steps := len(h.sorter.jobs)
	if run = h.run(whole); run.State != Succeeded || run.Before.Objects != 0 || len(h.sorter.jobs) != steps {
		t.Errorf("a second run did %+v", run)
	}
	if _, found, err := h.lake.Receipt(t.Context(), root, run.receipt()); found || err != nil {
		t.Errorf("a receipt is left: %v", err)
	}
}

// TestObjectsThatChangeMeanwhile lets objects come, go and change while a step is at its last point before the swap.
func TestObjectsThatChangeMeanwhile(t *testing.T) {
	for name, test := range map[string]struct {
		change     func(h *house)
		rows, kept int64
	}{
		"one comes":   {func(h *house) { h.put("flows/9", flows(h.t, "bigint", 900, 100)) }, 400, 2},
		"one goes":    {func(h *house) { h.lake.Delete(context.Background(), root, "lake", "flows/1") }, 200, 1},
		"one changes": {func(h *house) { h.put("flows/1", flows(h.t, "bigint", 5000, 7)) }, 207, 1},
		"all are gone": {func(h *house) {
			h.lake.Delete(context.Background(), root, "lake", "flows/0")
			h.lake.Delete(context.Background(), root, "lake", "flows/1")
			h.lake.Delete(context.Background(), root, "lake", "flows/2")
		}, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			h.table(nil)
			for i := range 3 {
				h.put(fmt.Sprintf("flows/%d", i), flows(t, "bigint", 100*i, 100))
			}
			once := false
			var want [2]int64
			h.reach = func(point string) {
				if point == "staged" && !once {
					once = true
					test.change(h)
					want[0], want[1] = h.sum()
				}
			}
			run := h.run(whole)
			rows, sum := h.sum()
			if run.State != Succeeded || rows != test.rows || [2]int64{rows, sum} != want || int64(len(h.keys())) != test.kept {
				t.Errorf("%+v leaves %d rows with the sum %d in %v, want %v", run, rows, sum, h.keys(), want)
			}
		})
	}
	t.Run("again and again", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		h.table(nil)
		h.put("flows/0", flows(t, "bigint", 0, 10))
		n := 0
		h.put("flows/1", flows(t, "bigint", 0, 10))
		h.reach = func(point string) {
			if point == "staged" {
				n++
				h.put("flows/1", flows(t, "bigint", n, 10))
			}
		}
		run := h.run(whole)
		if run.State != Succeeded || n != maxPlans || len(run.Skipped) != 1 || len(h.keys()) != 2 {
			t.Errorf("%+v after %d plans; %v", run, n, h.keys())
		}
	})
}

// TestGoesOnAfterAnEnd ends the process, as far as the room can tell, at each point of each step.
func TestGoesOnAfterAnEnd(t *testing.T) {
	for _, point := range []string{"planned", "sorted", "staged", "swapped"} {
		for nth := 1; nth <= 3; nth += 2 {
			t.Run(fmt.Sprintf("%s %d", point, nth), func(t *testing.T) {
				t.Parallel()
				goesOn(t, point, nth)
			})
		}
	}
}

func goesOn(t *testing.T, point string, nth int) {
	h := newHouse(t)
	h.table(nil)
	for i := range 6 {
		h.put(fmt.Sprintf("flows/%d/%d", i%3, i), flows(t, "bigint", 100*i, 100))
	}
	ctx, end := context.WithCancel(context.Background())
	left := nth
	h.reach = func(at string) {
		if at == point {
			if left--; left == 0 {
				end()
			}
		}
	}
	run, err := h.Start(context.Background(), root, whole)
	if err != nil {
		t.Fatal(err)
	}
	h.finish(ctx, run.ID)
	if ctx.Err() == nil {
		t.Fatal("the point was not reached")
	}
	if rows, sum := h.sum(); rows != 600 || sum != 600*599/2 {
		t.Errorf("%d rows with the sum %d", rows, sum)
	}
	h.begin()
	run = h.finish(context.Background(), run.ID)
	if run.State != Succeeded || run.Before.Objects != 6 || run.After.Objects != 3 || run.After.Rows != 600 || run.After.Bytes == 0 || len(h.keys()) != 3 {
		t.Errorf("%+v; %v", run, h.keys())
	}
	if rows, sum := h.sum(); rows != 600 || sum != 600*599/2 {
		t.Errorf("in the end %d rows with the sum %d", rows, sum)
	}
}

func TestASorterIsNotBelieved(t *testing.T) {
	three := func(t *testing.T) *house {
		h := newHouse(t)
		h.table(nil)
		for i := range 4 {
			h.put(fmt.Sprintf("flows/%d", i), flows(t, "bigint", 100*i, 100))
		}
		return h
	}
	t.Run("that miscounts", func(t *testing.T) {
		t.Parallel()
		h := three(t)
		h.sorter.lies = -1
		if run := h.run(whole); run.State != Failed || !strings.Contains(run.Reason, "400 rows went in, 399 were written") || len(h.keys()) != 4 || h.Counters().Failed != 1 {
			t.Errorf("%+v; %v", run, h.keys())
		}
	})
	t.Run("that loses rows and counts them", func(t *testing.T) {
		t.Parallel()
		h := three(t)
		h.sorter.lies, h.sorter.loses = 100, 1
		if run := h.run(whole); run.State != Failed || !strings.Contains(run.Reason, "400 were written, and the file has 300") || len(h.keys()) != 4 {
			t.Errorf("%+v; %v", run, h.keys())
		}
	})
	t.Run("that wants more memory gets less to do", func(t *testing.T) {
		t.Parallel()
		h := three(t)
		h.sorter.fails = func(j Job) error {
			if len(j.Inputs) > 2 {
				return fault.Newf(fault.Limit, "query", "too much")
			}
			return nil
		}
		if run := h.run(whole); run.State != Succeeded || run.After.Objects != 2 || len(h.keys()) != 2 {
			t.Errorf("%+v; %v", run, h.keys())
		}
	})
	t.Run("that cannot read is worked around", func(t *testing.T) {
		t.Parallel()
		h := three(t)
		h.sorter.fails = func(Job) error { return fault.Newf(fault.Invalid, "HIVE_CURSOR_ERROR", "damaged") }
		if run := h.run(whole); run.State != Succeeded || len(run.Skipped) != 1 || len(h.keys()) != 4 {
			t.Errorf("%+v; %v", run, h.keys())
		}
	})
	t.Run("and gets one schema at a time", func(t *testing.T) {
		t.Parallel()
		h := three(t)
		for i := range 3 {
			h.put(fmt.Sprintf("flows/1%d", i), flows(t, "int", 400+100*i, 100))
		}
		if run := h.run(whole); run.State != Succeeded || run.After.Objects != 2 || len(h.sorter.jobs) != 2 {
			t.Errorf("%+v; %v", run, h.keys())
		}
		if rows, sum := h.sum(); rows != 700 || sum != 700*699/2 {
			t.Errorf("%d rows with the sum %d", rows, sum)
		}
	})
}

func TestStartRefusesByName(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.table(nil, "day")
	for name, test := range map[string]struct {
		Request
		kind fault.Kind
		noun string
	}{
		"no table":        {Request{Database: "db", Table: "nothing"}, fault.NotFound, "table"},
		"no column":       {Request{Database: "db", Table: "flows", Options: Options{SortBy: []string{"port"}}}, fault.Invalid, "sort column"},
		"a nested column": {Request{Database: "db", Table: "flows", Options: Options{SortBy: []string{"tags"}}}, fault.Invalid, "sort column"},
		"a column twice":  {Request{Database: "db", Table: "flows", Options: Options{SortBy: []string{"bytes", "BYTES"}}}, fault.Invalid, "sort column"},
		"a tiny target":   {Request{Database: "db", Table: "flows", Options: Options{Target: 5}}, fault.Invalid, "target size"},
		"no key":          {Request{Database: "db", Table: "flows", Partitions: map[string]string{"hour": "1"}}, fault.Invalid, "partition key"},
		"negative files":  {Request{Database: "db", Table: "flows", Options: Options{MinFiles: -1}}, fault.Invalid, "minimum of files"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := h.Start(t.Context(), root, test.Request)
			refused(t, err, test.kind, test.noun)
		})
	}
	stranger := root
	stranger.Principal = "arn:aws:iam::" + account + ":user/stranger"
	_, err := h.Start(t.Context(), stranger, whole)
	refused(t, err, fault.Denied, "principal")
	if _, err := h.Start(t.Context(), root, whole); err != nil {
		t.Fatal(err)
	}
	_, err = h.Start(t.Context(), root, whole)
	refused(t, err, fault.Conflict, "table")
	_, err = h.Find(t.Context(), root, "nothing", nil, 0)
	refused(t, err, fault.NotFound, "compaction")
}

func TestOnlyParquetIsCompacted(t *testing.T) {
	for name, test := range map[string]struct {
		catalog.Table
		says string
	}{
		"text":     {catalog.Table{Storage: catalog.Storage{SerDe: catalog.SerDe{Library: "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"}}}, "LazySimpleSerDe"},
		"no SerDe": {catalog.Table{}, "text"},
		"a view":   {catalog.Table{Kind: catalog.VirtualView}, "view"},
	} {
		err := checkFormat(test.Table, test.Storage, "table t")
		if !fault.Is(err, fault.Unsupported) || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestParameters(t *testing.T) {
	columns := catalog.Storage{Columns: []catalog.Column{{Name: "dst_addr", Type: "string"}, {Name: "start_time", Type: "bigint"}, {Name: "src_addr", Type: "string"}}}
	for name, test := range map[string]struct {
		parameters map[string]string
		want       Settings
		wrong      string
	}{
		"none":           {nil, Settings{Interval: time.Hour}, ""},
		"others":         {map[string]string{"flowlake.fresh": "true", "flowlake.compacted": "x"}, Settings{Interval: time.Hour}, ""},
		"all":            {map[string]string{ParameterOn: "TRUE", ParameterSort: "dst_addr, start_time", ParameterInterval: "30m", ParameterAge: "0s", ParameterTarget: "64MB", ParameterFiles: "3"}, Settings{On: true, Interval: 30 * time.Minute, Options: Options{SortBy: []string{"dst_addr", "start_time"}, Target: 64 << 20, MinFiles: 3}}, ""},
		"on":             {map[string]string{ParameterOn: "yes"}, Settings{}, ParameterOn},
		"sort":           {map[string]string{ParameterSort: "port"}, Settings{}, ParameterSort},
		"interval":       {map[string]string{ParameterInterval: "5s"}, Settings{}, ParameterInterval},
		"age":            {map[string]string{ParameterAge: "old"}, Settings{}, ParameterAge},
		"target":         {map[string]string{ParameterTarget: "1KB"}, Settings{}, ParameterTarget},
		"files":          {map[string]string{ParameterFiles: "0"}, Settings{}, ParameterFiles},
		"a wrong name":   {map[string]string{"flowlake.compact.sorted": "a"}, Settings{}, "flowlake.compact.sorted"},
		"names of other": {map[string]string{"flowlake.compaction": "a"}, Settings{Interval: time.Hour}, ""},
	} {
		got, err := Parameters(catalog.Table{Storage: columns, Parameters: test.parameters})
		if test.wrong != "" {
			if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "table property "+test.wrong) {
				t.Errorf("%s: got %v", name, err)
			}
			continue
		}
		if err != nil || !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: got %+v, %v; want %+v", name, got, err, test.want)
		}
	}
	if got, err := sortColumns(catalog.Table{Storage: columns}, nil); err != nil || strings.Join(got, ",") != "src_addr,dst_addr,start_time" {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestParseSize(t *testing.T) {
	for text, want := range map[string]int64{"256MB": 256 << 20, "1 gb": 1 << 30, "512KiB": 512 << 10, "77": 77, "3B": 3, "": -1, "MB": -1, "1.5GB": -1, "-1": -1, "9999999999GB": -1, "1XB": -1} {
		if got, err := ParseSize(text); want < 0 && !fault.Is(err, fault.Invalid) || want >= 0 && got != want {
			t.Errorf("%q: got %d, %v", text, got, err)
		}
	}
}

func TestGroups(t *testing.T) {
	now := time.Now()
	object := func(size int64, mark string) lake.Object {
		o := lake.Object{Key: "k", Size: size, Modified: now.Add(-time.Hour)}
		if mark != "" {
			o.Metadata = map[string]string{sortedBy: mark}
		}
		return o
	}
	young := object(10, "")
	young.Modified = now
	for _, test := range []struct {
		name    string
		options Options
		objects []lake.Object
		want    []int // sizes of groups
	}{
		{"small ones become one", Options{}, []lake.Object{object(10, ""), object(20, "")}, []int{2}},
		{"one alone stays", Options{}, []lake.Object{object(10, "")}, nil},
		{"one alone that is large is sorted", Options{}, []lake.Object{object(60, "")}, []int{1}},
		{"one alone is sorted when asked", Options{MinFiles: 1}, []lake.Object{object(10, "")}, []int{1}},
		{"what is sorted and large stays", Options{}, []lake.Object{object(60, "a"), object(90, "a")}, nil},
		{"what is sorted and alone stays", Options{MinFiles: 1}, []lake.Object{object(10, "a")}, nil},
		{"sorted by another key", Options{}, []lake.Object{object(60, "b")}, []int{1}},
		{"a late one joins a small one", Options{}, []lake.Object{object(60, "a"), object(20, "a"), object(1, "")}, []int{2}},
		{"the target divides", Options{}, []lake.Object{object(60, ""), object(60, ""), object(60, ""), object(60, ""), object(10, "")}, []int{2, 2}},
		{"too few stay", Options{MinFiles: 4}, []lake.Object{object(5, ""), object(5, ""), object(5, "")}, nil},
		{"a folder that is not quiet stays", Options{MinAge: time.Minute}, []lake.Object{object(10, ""), young}, nil},
		{"a quiet one does not", Options{MinAge: time.Minute}, []lake.Object{object(10, ""), object(10, "")}, []int{2}},
	} {
		o := test.options
		o.SortBy, o.Target = []string{"a"}, 100
		if o.MinFiles == 0 {
			o.MinFiles = 2
		}
		groups, kept := layoutOf(o).groups(folder{"lake", "k/"}, test.objects, now)
		var got []int
		chosen := 0
		for _, g := range groups {
			got = append(got, len(g.objects))
			chosen += len(g.objects)
		}
		if !reflect.DeepEqual(got, test.want) || kept.Objects != int64(len(test.objects)-chosen) {
			t.Errorf("%s: got groups of %v, %d kept; want %v", test.name, got, kept.Objects, test.want)
		}
	}
}

func TestSchedule(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.table(map[string]string{ParameterOn: "true", ParameterInterval: "1m", ParameterAge: "0s", ParameterFiles: "3"})
	for i := range 2 {
		h.put(fmt.Sprintf("flows/%d", i), flows(t, "bigint", 100*i, 100))
	}
	look := func(elapsed bool) bool {
		t.Helper()
		for id, s := range h.due {
			if elapsed {
				s.next = time.Now()
				h.due[id] = s
			}
		}
		if err := h.schedules(t.Context()); err != nil {
			t.Fatal(err)
		}
		_, found, err := h.next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	if look(false) {
		t.Error("a table is compacted before its interval is over")
	}
	if look(true) {
		t.Error("a run was begun for too few objects")
	}
	h.put("flows/2", flows(t, "bigint", 200, 100))
	if !look(true) {
		t.Fatal("nothing was begun")
	}
	id, _, _ := h.next(t.Context())
	run := h.finish(t.Context(), id.Key)
	if run.State != Succeeded || run.Before.Objects != 3 || run.Caller.Service != "compact.flowlake" || run.Caller.Principal != root.Principal {
		t.Errorf("got %+v", run)
	}
	if look(false) || look(true) {
		t.Error("there is nothing to do")
	}
	var none access.Caller
	if err := h.scheduled(t.Context(), none.In("us-east-1"), whole); !fault.Is(err, fault.Denied) {
		t.Errorf("got %v", err)
	}
}
