//go:build duckdb_arrow && linux

package duckdb

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestControlGroups plays the kernel's part with plain files: this checks which files are read and written.
func TestControlGroups(t *testing.T) {
	parent := t.TempDir()
	if c := cgroupIn(parent); c != nil {
		t.Error("a folder without controllers was taken")
	}
	controllers := filepath.Join(parent, "cgroup.subtree_control")
	if err := os.WriteFile(controllers, []byte("cpu pids\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if c := cgroupIn(parent); c != nil {
		t.Error("a group without the memory controller was taken")
	}
	if err := os.WriteFile(controllers, []byte("cpu memory pids\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := cgroupIn(parent)
	if c == nil {
		t.Fatal("a delegated group was not taken")
	}
	if err := c.limit(123); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(c.dir, "memory.max")); err != nil || string(got) != "123" {
		t.Errorf("memory.max %q, %v", got, err)
	}
	for _, tt := range []struct {
		events string
		want   bool
	}{{"low 0\noom 1\noom_kill 0\n", false}, {"low 0\noom 1\noom_kill 2\noom_group_kill 0\n", true}} {
		if err := os.WriteFile(filepath.Join(c.dir, "memory.events"), []byte(tt.events), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := c.killed(); got != tt.want {
			t.Errorf("killed() = %v with %q", got, tt.events)
		}
	}
	if none := (*cgroup)(nil); none.killed() {
		t.Error("no group killed something")
	}
	old := cgroupRoot
	cgroupRoot = filepath.Join(parent, "nowhere")
	defer func() { cgroupRoot = old }()
	var attr syscall.SysProcAttr
	if c := newCgroup(&attr); c != nil || attr.UseCgroupFD {
		t.Error("a group was made where none is delegated")
	}
}
