package main

import "syscall"

// childOfThis makes a child end with this process, however that ends, and keeps the terminal's Ctrl-C
// for this one to pass on.
func childOfThis() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM, Setpgid: true}
}
