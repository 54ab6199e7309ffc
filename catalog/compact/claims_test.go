package compact

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"flowlake/catalog"
	"flowlake/fault"
	"flowlake/lake"
	"flowlake/state"
)

func TestWhatACompactedObjectSaysOfItself(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.table(nil)
	h.put("flows/0", flows(t, "bigint", 0, 100))
	body := flows(t, "bigint", 100, 100)
	_, err := h.lake.Put(t.Context(), root, lake.PutInput{Bucket: "lake", Key: "flows/1", Body: bytes.NewReader(body), Size: int64(len(body)), Encryption: "AES256"})
	if err != nil {
		t.Fatal(err)
	}
	h.put("flows/empty", nil)
	run := h.run(whole)
	if run.State != Succeeded || run.Before.Objects != 2 || len(run.Skipped) != 0 {
		t.Errorf("got %+v", run)
	}
	for _, key := range h.keys() {
		o, err := h.lake.Head(t.Context(), root, "lake", key)
		if err != nil || o.Size > 0 && (o.Metadata[sortedBy] != "srcaddr,dstaddr" || o.Encryption != "AES256" || o.Headers.ContentType != "application/vnd.apache.parquet") {
			t.Errorf("%s is %+v, %v", key, o, err)
		}
	}
}

func TestASorterThatChangesTheSchemaIsNotBelieved(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.table(nil)
	for i := range 4 {
		h.put(fmt.Sprintf("flows/%d", i), flows(t, "bigint", 100*i, 100))
	}
	h.sorter.gives = flows(t, "int", 0, 400)
	run := h.run(whole)
	if run.State != Succeeded || len(run.Skipped) != 1 || !strings.Contains(run.Skipped[0], `"bytes" bigint`) || len(h.keys()) != 4 {
		t.Errorf("%+v; %v", run, h.keys())
	}
}

// TestObjectsThatGoBeforeTheirTurn takes an object of the second folder away while the first is at work.
func TestObjectsThatGoBeforeTheirTurn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.table(nil)
	for i := range 6 {
		h.put(fmt.Sprintf("flows/%d/%d", i/3, i), flows(t, "bigint", 100*i, 100))
	}
	h.reach = func(point string) {
		if point == "planned" {
			h.lake.Delete(context.Background(), root, "lake", "flows/1/4")
		}
	}
	if run := h.run(whole); run.State != Succeeded || run.Before.Objects != 5 || run.After.Objects != 2 || run.After.Rows != 500 {
		t.Errorf("%+v; %v", run, h.keys())
	}
}

func TestPartitionsOfOnePlaceAreOneFolder(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.table(nil, "day")
	for i := range 3 {
		h.put(fmt.Sprintf("flows/x/%d", i), flows(t, "bigint", 100*i, 100))
		p := catalog.Partition{Values: []string{fmt.Sprint(i)}, Storage: catalog.Storage{Location: "s3://lake/flows/x/"}}
		if err := h.tables.CreatePartition(t.Context(), root, "db", "flows", p); err != nil {
			t.Fatal(err)
		}
	}
	if run := h.run(whole); run.State != Succeeded || run.Planned.Objects != 3 || run.Before.Objects != 3 || run.Steps != 1 {
		t.Errorf("%+v; %v", run, h.keys())
	}
}

func TestOwnObjectsDoNotMakeAFolderYoung(t *testing.T) {
	t.Parallel()
	l := layoutOf(Options{SortBy: []string{"a"}, Target: 1000, MinFiles: 2, MinAge: time.Hour})
	now := time.Now()
	old := lake.Object{Key: "a", Size: 10, Modified: now.Add(-2 * time.Hour)}
	own := lake.Object{Key: "b", Size: 10, Modified: now, Metadata: map[string]string{sortedBy: "a"}}
	if got, _ := l.groups(folder{}, []lake.Object{old, own}, now); len(got) != 1 {
		t.Errorf("with an object of compaction's own: %v", got)
	}
	own.Metadata[sortedBy] = "b"
	if got, _ := l.groups(folder{}, []lake.Object{old, own}, now); len(got) != 0 {
		t.Errorf("with one that is sorted otherwise: %v", got)
	}
	many := make([]lake.Object, maxInputs+2)
	for i := range many {
		many[i] = old
		many[i].Size = 0
	}
	if got, _ := l.groups(folder{}, many, now); len(got) != 2 || len(got[0].objects) != maxInputs {
		t.Errorf("%d groups of %d objects", len(got), len(many))
	}
}

func TestRunsAreForgottenAndResumedInOrder(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.table(nil)
	put := func(kind string, r Run) {
		t.Helper()
		r.Caller, r.Request = root, Request{Database: "db", Table: "other"}
		id := r.id()
		id.Kind = kind
		if err := h.state.Update(t.Context(), func(tx *state.Tx) error { return tx.Put(id, r) }); err != nil {
			t.Fatal(err)
		}
	}
	now := time.Now()
	put(kindEnded, Run{ID: "long ago", Ended: now.Add(-keepEnded - time.Hour)})
	put(kindEnded, Run{ID: "lately", Ended: now.Add(-time.Hour)})
	put(kindActive, Run{ID: "a waits", State: Queued, Created: now.Add(-time.Hour)})
	put(kindActive, Run{ID: "b is under way", State: Running, Created: now})
	put(kindActive, Run{ID: "c waits longer", State: Queued, Created: now.Add(-2 * time.Hour)})
	if _, err := h.Start(t.Context(), root, whole); err != nil {
		t.Fatal(err)
	}
	if _, err := h.find(t.Context(), root, "long ago"); !fault.Is(err, fault.NotFound) {
		t.Errorf("a run of long ago: %v", err)
	}
	if _, err := h.find(t.Context(), root, "lately"); err != nil {
		t.Error(err)
	}
	for _, want := range []string{"b is under way", "c waits longer", "a waits"} {
		id, found, err := h.next(t.Context())
		if err != nil || !found || id.Key != want {
			t.Errorf("got %v, %v, want %s", id, err, want)
		}
		if err := h.state.Update(t.Context(), func(tx *state.Tx) error { return tx.Delete(id) }); err != nil {
			t.Fatal(err)
		}
	}
}

func TestScheduleFollowsTheParameters(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	off := map[string]string{ParameterOn: "false", ParameterInterval: "1m", ParameterAge: "0s", ParameterFiles: "2"}
	h.table(off)
	for i := range 2 {
		h.put(fmt.Sprintf("flows/%d", i), flows(t, "bigint", 100*i, 100))
	}
	look := func() bool {
		t.Helper()
		if err := h.schedules(t.Context()); err != nil {
			t.Fatal(err)
		}
		_, found, err := h.next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	look()
	for id, s := range h.due {
		s.next = time.Now()
		h.due[id] = s
	}
	if look() {
		t.Error("a table is compacted that is not to be")
	}
	table, err := h.tables.Table(t.Context(), root, "db", "flows")
	if err != nil {
		t.Fatal(err)
	}
	table.Parameters = map[string]string{ParameterOn: "true", ParameterAge: "0s", ParameterFiles: "2"}
	if _, err := h.tables.UpdateTable(t.Context(), root, table, ""); err != nil {
		t.Fatal(err)
	}
	if !look() {
		t.Error("what the parameters say now waits for an interval")
	}
}
