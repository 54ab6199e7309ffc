package logs

import (
	"strings"
	"testing"
)

// TestExportFailsWhenItsGroupWasDeleted covers a restart between the two: the process that runs the task never
// saw the group.
func TestExportFailsWhenItsGroupWasDeleted(t *testing.T) {
	for name, again := range map[string]bool{"and not made again": false, "and made again": true} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			h, now := exporting(t, dir)
			id, err := h.CreateExport(t.Context(), root, ExportInput{Group: "vpc", FromMillis: now, ToMillis: now + 1, Bucket: "lake-1"})
			if err != nil {
				t.Fatal(err)
			}
			if err := h.DeleteGroup(t.Context(), root, "vpc"); err != nil {
				t.Fatal(err)
			}
			if again {
				h.make(t, "vpc", "eni-2")
			}
			h.close(t)
			h = openHouse(t, dir, h.fs)
			defer h.close(t)
			if task := h.run(t, id); task.Status != ExportFailed || !strings.Contains(task.Message, "does not exist") {
				t.Errorf("got %+v", task)
			}
		})
	}
}
