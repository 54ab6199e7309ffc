package logs

import (
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"flowlake/fault"
	"flowlake/state"
)

// askedDisk is a disk that lets a test act when it is asked for its room, which a put does between finding its
// stream and taking the group's lock.
type askedDisk struct {
	vfs.FS
	asked func()
}

func (d *askedDisk) GetDiskUsage(dir string) (vfs.DiskUsage, error) {
	if asked := d.asked; asked != nil {
		d.asked = nil
		asked()
	}
	return d.FS.GetDiskUsage(dir)
}

func TestPutMeetsADeletion(t *testing.T) {
	disk := &askedDisk{FS: vfs.NewMem()}
	h := openHouse(t, t.TempDir(), disk)
	defer h.close(t)
	do := func(err error) {
		if err != nil {
			t.Error(err)
		}
	}
	put := func(text string) error {
		h.space.asked = time.Time{} // the disk is asked again
		_, err := h.Put(t.Context(), root, "g", "s", []Event{{time.Now().UnixMilli(), text}})
		return err
	}
	h.make(t, "g", "s")

	disk.asked = func() {
		do(h.DeleteStream(t.Context(), root, "g", "s"))
		do(h.CreateStream(t.Context(), root, "g", "s"))
	}
	wantKind(t, put("for the old stream"), fault.NotFound, "log stream")
	page, err := h.Get(t.Context(), root, "g", GetQuery{Stream: "s"})
	if err != nil || len(page.Events) != 0 {
		t.Errorf("the new stream has %v, %v", page.Events, err)
	}
	g, err := h.Group(t.Context(), root, "g")
	if err != nil || g.Events != 0 {
		t.Errorf("the group counts %d events, %v", g.Events, err)
	}

	disk.asked = func() { do(h.DeleteGroup(t.Context(), root, "g")) }
	old, err := h.group(t.Context(), root, "g")
	do(err)
	wantKind(t, put("for the old group"), fault.NotFound, "log group")
	changed := false
	err = h.commit("g", old.ID, func(*pebble.Batch, *counters) error { changed = true; return nil })
	wantKind(t, err, fault.NotFound, "log group")
	if changed {
		t.Error("a group that is deleted was changed")
	}
}

func TestExpiryLeavesABlockWithALiveEvent(t *testing.T) {
	h := newHouse(t)
	h.make(t, "g", "s")
	now := time.Now().UnixMilli()
	h.put(t, "g", "s", Event{now, "expired"}, Event{now + 1, "alive"})
	g, err := h.group(t.Context(), root, "g")
	if err != nil {
		t.Fatal(err)
	}
	if n, err := h.expire(t.Context(), "g", g.ID, now+1); n != 0 || err != nil {
		t.Errorf("%d events removed, %v", n, err)
	}
	page, err := h.Get(t.Context(), root, "g", GetQuery{Stream: "s", FromMillis: now + 1})
	if got := messages(page.Events); err != nil || len(got) != 1 || got[0] != "alive" {
		t.Errorf("got %v, %v", got, err)
	}
	if n, err := h.expire(t.Context(), "g", g.ID, now+2); n != 2 || err != nil {
		t.Errorf("%d events removed, %v; want both", n, err)
	}
}

func TestAPageEndsAtAMebibyte(t *testing.T) {
	h := newHouse(t)
	h.make(t, "g", "s")
	now := time.Now().UnixMilli()
	long := strings.Repeat("x", 400<<10)
	for i := range int64(5) {
		h.put(t, "g", "s", Event{now + i, long})
	}
	for _, head := range []bool{true, false} {
		page, err := h.Get(t.Context(), root, "g", GetQuery{Stream: "s", FromHead: head})
		if err != nil || len(page.Events) != 2 {
			t.Errorf("from the head %v: %d events, %v; two fit", head, len(page.Events), err)
		}
	}
	filtered, err := h.Filter(t.Context(), root, "g", FilterQuery{})
	if err != nil || len(filtered.Events) != 2 || filtered.Next == "" {
		t.Errorf("a filter gives %d events, next %q, %v; two fit", len(filtered.Events), filtered.Next, err)
	}
}

func TestExportTakesBothEndsOfItsTime(t *testing.T) {
	h, now := exporting(t, t.TempDir())
	defer h.close(t)
	h.make(t, "ends", "s")
	for i, text := range []string{"before", "from", "to", "behind"} {
		h.put(t, "ends", "s", Event{now + int64(i), text})
	}
	id, err := h.CreateExport(t.Context(), root, ExportInput{Group: "ends", FromMillis: now + 1, ToMillis: now + 2, Bucket: "lake-1"})
	if err != nil {
		t.Fatal(err)
	}
	h.run(t, id)
	got := unzip(t, h.objects(t, "lake-1")["exportedlogs/"+id+"/s/000000.gz"])
	if strings.Count(got, "\n") != 2 || !strings.Contains(got, " from\n") || !strings.Contains(got, " to\n") {
		t.Errorf("got %q", got)
	}
}

func TestExportAsksAgainWhetherItsCallerMay(t *testing.T) {
	h, now := exporting(t, t.TempDir())
	defer h.close(t)
	id, err := h.CreateExport(t.Context(), root, ExportInput{Group: "vpc", FromMillis: now, ToMillis: now + 9, Bucket: "lake-1"})
	if err != nil {
		t.Fatal(err)
	}
	if err := h.changeExport(t.Context(), root, id, func(_ *state.Tx, d *exportDoc) error {
		d.Caller.Principal = "arn:aws:iam::" + account + ":user/who-lost-it"
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	task := h.run(t, id)
	if task.Status != ExportFailed || !strings.Contains(task.Message, "logs:CreateExportTask") {
		t.Errorf("got %+v", task)
	}
	if got := h.objects(t, "lake-1"); len(got) != 1 {
		t.Errorf("the bucket holds %d objects, want the permission test alone", len(got))
	}
}

func TestExportLeavesOutWhatIsExpired(t *testing.T) {
	h, _ := exporting(t, t.TempDir())
	defer h.close(t)
	h.make(t, "old", "s")
	now := time.Now().UnixMilli()
	const hour = 3_600_000
	h.put(t, "old", "s", Event{now - 30*hour, "expired"})
	h.put(t, "old", "s", Event{now, "young"})
	if err := h.SetRetention(t.Context(), root, "old", 1); err != nil {
		t.Fatal(err)
	}
	id, err := h.CreateExport(t.Context(), root, ExportInput{Group: "old", FromMillis: now - 40*hour, ToMillis: now + 1, Bucket: "lake-1"})
	if err != nil {
		t.Fatal(err)
	}
	if err := h.runExport(t.Context(), root, id); err != nil { // and no sweep beside it
		t.Fatal(err)
	}
	if got := unzip(t, h.objects(t, "lake-1")["exportedlogs/"+id+"/s/000000.gz"]); strings.Count(got, "\n") != 1 || !strings.Contains(got, " young\n") {
		t.Errorf("got %q", got)
	}
}

func TestLinesGoOnWhereAScanEnded(t *testing.T) {
	h := newHouse(t)
	h.make(t, "g", "s")
	now := time.Now().UnixMilli()
	h.put(t, "g", "s", Event{now, "a"}, Event{now, "b"}, Event{now + 1, "c"})
	g, err := h.group(t.Context(), root, "g")
	if err != nil {
		t.Fatal(err)
	}
	d, err := h.stream(g.ID, "s")
	if err != nil {
		t.Fatal(err)
	}
	l := &lines{store: h.Store, ctx: t.Context(), query: scanQuery{group: g.ID, stream: &d, to: now + 2, visible: 1 << 62}}
	defer l.close()
	var text []byte
	for range 10 {
		more, err := l.peek()
		if err != nil {
			t.Fatal(err)
		}
		if !more {
			break
		}
		text = l.append(text)
		l.close() // as after exportScanEvents
	}
	if n := strings.Count(string(text), "\n"); n != 3 {
		t.Errorf("%d lines of 3 events: %s", n, text)
	}
}
