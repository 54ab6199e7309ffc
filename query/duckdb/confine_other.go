//go:build duckdb_arrow && !linux

package duckdb

import (
	"os"
	"syscall"
)

// Elsewhere than on Linux DuckDB's own settings confine a query, and its memory limit bounds it.

func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

func keepDescriptors() {}

func processAlive(p *os.Process) bool { return p.Signal(syscall.Signal(0)) == nil }

func landlocked() bool { return false }

func confine(writable, readable, files []string) error { return nil }

func limitAddressSpace(int64) error { return nil }

type cgroup struct{}

func newCgroup(*syscall.SysProcAttr) *cgroup { return nil }

func (c *cgroup) limit(int64) error { return nil }

func (c *cgroup) killed() bool { return false }

func (c *cgroup) remove() {}
