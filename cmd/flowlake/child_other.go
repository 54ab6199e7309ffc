//go:build !linux

package main

import "syscall"

// childOfThis keeps the terminal's Ctrl-C for this process to pass on.
func childOfThis() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
