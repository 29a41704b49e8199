//go:build !linux

package engines

import "syscall"

// groupAttr puts the child in a process group of its own; that standard input ended tells it of our death.
func groupAttr() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
