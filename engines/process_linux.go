package engines

import "syscall"

// groupAttr puts the child in a process group of its own and has the kernel kill it when we die.
func groupAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
