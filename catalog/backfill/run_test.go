package backfill

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"flowlake/fault"
)

const newYear = 1767225600 // 2026-01-01

// TestEveryCallMayBeTheLast ends a conversion at each of its calls, before it was made or after, and runs it again: readers saw
// whole groups only, and in the end each row once.
func TestEveryCallMayBeTheLast(t *testing.T) {
	for _, after := range []bool{false, true} {
		for at := 1; ; at++ {
			h := newHouse(t)
			for f := range 3 {
				h.files[fmt.Sprintf("/f%d", f)] = line(newYear, 1) + line(newYear+86400, 2) + "no record\n" + line(newYear+2, 3)
			}
			h.failAt, h.failAfter = at, after
			_, err := h.convert(table("day date"), false, nil)
			if rows, objects := h.rows(); rows%3 != 0 || int64(objects)*3 != rows*2 {
				t.Fatalf("ended at call %d: readers see %d rows in %d objects", at, rows, objects)
			}
			through := err == nil
			if !through && !errors.Is(err, errBroken) {
				t.Fatalf("ended at call %d: %v", at, err)
			}
			h.failAt = 0
			if _, err := h.convert(table("day date"), false, nil); err != nil {
				t.Fatalf("again after call %d: %v", at, err)
			}
			if rows, objects := h.rows(); rows != 9 || objects != 6 || len(h.partitions) != 2 || len(h.left()) > 0 {
				t.Fatalf("again after call %d: %d rows in %d objects of %d partitions; %v is left", at, rows, objects, len(h.partitions), h.left())
			}
			if through {
				break
			}
		}
	}
}

// TestEveryCallOfARedoMayBeTheLast does the same to one that replaces what the files gave.
func TestEveryCallOfARedoMayBeTheLast(t *testing.T) {
	for _, after := range []bool{false, true} {
		for at := 1; ; at++ {
			h := newHouse(t)
			h.files["/a"], h.files["/b"] = line(newYear, 1), line(newYear, 1)+line(newYear, 2)
			if _, err := h.convert(table("day date"), false, nil); err != nil {
				t.Fatal(err)
			}
			h.files["/a"] = strings.Repeat(line(newYear, 1), 10) // 12 rows instead of 3
			h.failAt, h.failAfter, h.calls = at, after, 0
			_, err := h.convert(table("day date"), true, nil)
			if rows, objects := h.rows(); rows != 3 && rows != 12 || objects != 2 {
				t.Fatalf("ended at call %d: readers see %d rows in %d objects", at, rows, objects)
			}
			through := err == nil
			h.failAt = 0
			if _, err := h.convert(table("day date"), true, nil); err != nil {
				t.Fatalf("again after call %d: %v", at, err)
			}
			if rows, objects := h.rows(); rows != 12 || objects != 2 || len(h.left()) > 0 {
				t.Fatalf("again after call %d: %d rows in %d objects; %v is left", at, rows, objects, h.left())
			}
			if through {
				break
			}
		}
	}
}

// TestMorePartitionsThanOpenWriters converts a file whose records jump among more hours than are open at a time.
func TestMorePartitionsThanOpenWriters(t *testing.T) {
	h := newHouse(t)
	var b strings.Builder
	const hours = maxWriters + 90
	for round := range 2 {
		for n := range hours {
			b.WriteString(line(newYear+int64(n)*3600, round+1))
		}
	}
	h.files["/f"] = b.String()
	s, err := h.convert(table("day date", "hour int"), false, nil)
	if err != nil {
		t.Fatal(err)
	}
	rows, objects := h.rows()
	if rows != 2*hours || s.Rows != rows || s.Partitions != hours || len(h.partitions) != hours || objects <= hours || s.Objects != objects {
		t.Errorf("%d rows in %d objects, %d partitions are registered: %+v", rows, objects, len(h.partitions), s)
	}
}

// TestTooManyBadLinesShowNothing: a group whose bad lines end the run is not seen, and the error says which came first.
func TestTooManyBadLinesShowNothing(t *testing.T) {
	h := newHouse(t)
	h.files["/f"] = line(newYear, 1) + "no record\n" + line(newYear, 2)
	_, err := h.convert(table("day date"), false, func(r *Run) { r.MaxBad = 0 })
	if !fault.Is(err, fault.Limit) || !strings.Contains(err.Error(), "f: line 2: ") {
		t.Errorf("got %v", err)
	}
	if rows, _ := h.rows(); rows != 0 {
		t.Errorf("readers see %d rows", rows)
	}
	if s, err := h.convert(table("day date"), false, nil); err != nil || s.Rows != 2 || s.Bad != 1 {
		t.Errorf("%+v, %v", s, err)
	}
}

// TestNoRoomForTemporaryFiles ends the run with what is in the way, and a later one goes on.
func TestNoRoomForTemporaryFiles(t *testing.T) {
	h := newHouse(t)
	h.files["/f"] = line(newYear, 1)
	dir := t.TempDir()
	t.Setenv("TMPDIR", filepath.Join(dir, "nowhere"))
	if _, err := h.convert(table("day date"), false, nil); !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "temporary file") {
		t.Errorf("got %v", err)
	}
	t.Setenv("TMPDIR", dir)
	if _, err := h.convert(table("day date"), false, nil); err != nil {
		t.Error(err)
	}
	if rows, _ := h.rows(); rows != 1 {
		t.Errorf("readers see %d rows", rows)
	}
}

// TestAFileThatGoesIsLeftOut: what its group's other files gave is there, and it is planned anew when it is back.
func TestAFileThatGoesIsLeftOut(t *testing.T) {
	h := newHouse(t)
	h.files["/a"], h.files["/b"] = line(newYear, 1), line(newYear, 2)
	var left []string
	run := func() (Summary, error) {
		l, _ := NewLayout(table("day date"), nil, nil)
		p, err := Prepare(t.Context(), h, "s3://lake/t/", h.inputs(), false, Sizes{Workers: 1}, h.sniff)
		if err != nil {
			return Summary{}, err
		}
		delete(h.files, "/b")
		r := &Run{Table: table("day date"), Layout: l, Source: h, Objects: h, Partitions: h, Workers: 1, MaxBad: -1, Left: func(name, why string) { left = append(left, name+" "+why) }}
		return r.Do(t.Context(), p)
	}
	if s, err := run(); err != nil || s.Files != 1 || s.LeftOut != 1 || len(left) != 1 || left[0] != "/b is no longer there" {
		t.Errorf("%+v, %v, %q", s, err, left)
	}
	h.files["/b"] = line(newYear, 2)
	if s, err := h.convert(table("day date"), false, nil); err != nil || s.Files != 1 {
		t.Errorf("%+v, %v", s, err)
	}
	if rows, objects := h.rows(); rows != 2 || objects != 2 {
		t.Errorf("%d rows in %d objects", rows, objects)
	}
}
