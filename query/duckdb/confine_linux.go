//go:build duckdb_arrow

package duckdb

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/landlock-lsm/go-landlock/landlock"
	ll "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"
)

// attributes keep a terminal's signals from the worker and end it with its parent.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// keepDescriptors keeps from workers what this process inherited, or a C library opened, without
// close-on-exec. Nothing that flowlake starts needs more than its standard streams.
func keepDescriptors() {
	_ = unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC) // kernels before 5.11 do not know it
}

// processAlive asks whether a child that nobody waited for still runs: neither gone nor a zombie.
func processAlive(p *os.Process) bool {
	var info unix.Siginfo
	err := unix.Waitid(unix.P_PID, p.Pid, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
	return err == nil && info.Signo == 0
}

// landlocked reports whether the kernel has Landlock.
func landlocked() bool {
	version, err := ll.LandlockGetABIVersion()
	return err == nil && version > 0
}

// confine takes from this process, for good, every file but those below the writable and the readable
// folders and the readable files, and the network. Without Landlock in the kernel only DuckDB's own settings
// confine the query.
func confine(writable, readable, files []string) error {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("no_new_privs: %w", err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil { // a core file would hold the table's rows
		return fmt.Errorf("core limit: %w", err)
	}
	if !landlocked() {
		return nil
	}
	rules := []landlock.Rule{
		landlock.RWDirs(writable...),
		landlock.RODirs(readable...),
		// The engine and the runtime ask for the processors and for memory while they work.
		landlock.ROFiles("/proc/self/statm", "/proc/meminfo", "/sys/devices/system/cpu/online").IgnoreIfMissing(),
	}
	if len(files) > 0 {
		rules = append(rules, landlock.ROFiles(files...))
	}
	return landlock.V6.BestEffort().Restrict(rules...)
}

// addressSpace is how many bytes this process maps.
func addressSpace() (int64, error) {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, err
	}
	pages, err := strconv.ParseInt(strings.Fields(string(text))[0], 10, 64)
	return pages * int64(os.Getpagesize()), err
}

// limitAddressSpace bounds what this process may map beyond what it maps now.
func limitAddressSpace(budget int64) error {
	now, err := addressSpace()
	if err != nil {
		return err
	}
	limit := uint64(now + budget)
	return unix.Setrlimit(unix.RLIMIT_AS, &unix.Rlimit{Cur: limit, Max: limit})
}

// cgroup is a control group of one worker. The nil cgroup stands for none.
type cgroup struct {
	dir string
	fd  *os.File
}

// cgroupRoot is where version 2 of control groups is mounted.
var cgroupRoot = "/sys/fs/cgroup"

// newCgroup makes a control group for a worker and lets attr start it there, where an administrator has
// delegated one with the memory controller: beside our own group or below it. Otherwise it returns nil.
func newCgroup(attr *syscall.SysProcAttr) *cgroup {
	text, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(text)) {
		own, ok := strings.CutPrefix(strings.TrimSpace(line), "0::")
		if !ok {
			continue
		}
		for _, parent := range []string{own, filepath.Dir(own)} {
			if c := cgroupIn(filepath.Join(cgroupRoot, parent)); c != nil {
				attr.UseCgroupFD, attr.CgroupFD = true, int(c.fd.Fd())
				return c
			}
		}
	}
	return nil
}

func cgroupIn(parent string) *cgroup {
	controllers, err := os.ReadFile(filepath.Join(parent, "cgroup.subtree_control"))
	if err != nil || !strings.Contains(string(controllers), "memory") {
		return nil
	}
	dir, err := os.MkdirTemp(parent, "flowlake-"+folderPrefix)
	if err != nil {
		return nil
	}
	fd, err := os.Open(dir)
	if err != nil {
		_ = os.Remove(dir)
		return nil
	}
	c := &cgroup{dir: dir, fd: fd}
	if c.limit(1<<40) != nil { // memory.max can be written
		c.remove()
		return nil
	}
	return c
}

// limit bounds the group's memory; swap would only make a hopeless query slow.
func (c *cgroup) limit(bytes int64) error {
	_ = os.WriteFile(filepath.Join(c.dir, "memory.swap.max"), []byte("0"), 0) // not every kernel counts swap
	return os.WriteFile(filepath.Join(c.dir, "memory.max"), []byte(strconv.FormatInt(bytes, 10)), 0)
}

// killed reports whether the kernel ended a process of the group for its memory.
func (c *cgroup) killed() bool {
	if c == nil {
		return false
	}
	text, err := os.ReadFile(filepath.Join(c.dir, "memory.events"))
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(text)) {
		if n, ok := strings.CutPrefix(strings.TrimSpace(line), "oom_kill "); ok {
			return n != "0"
		}
	}
	return false
}

func (c *cgroup) remove() {
	if c != nil {
		_ = c.fd.Close()
		_ = os.Remove(c.dir)
	}
}
