package engines

import (
	"errors"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// process is an engine's process group.
type process struct {
	cmd   *exec.Cmd
	stdin io.Closer     // the launcher ends when it is closed, by us or by our death
	tail  *tail         // of what it printed
	done  chan struct{} // closed when the process was waited for
	err   error         // of the wait; read after done
}

// startProcess starts cmd as a group of its own: a terminal's Ctrl-C then reaches us alone, and we end it in order.
func startProcess(cmd *exec.Cmd, log io.Writer) (*process, error) {
	p := &process{cmd: cmd, tail: &tail{}, done: make(chan struct{})}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	p.stdin = stdin
	cmd.Stdout = io.Writer(p.tail)
	if log != nil {
		cmd.Stdout = io.MultiWriter(p.tail, log)
	}
	cmd.Stderr = cmd.Stdout
	cmd.SysProcAttr = groupAttr()
	cmd.WaitDelay = time.Second
	started := make(chan error)
	go p.run(started)
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

// run starts the command and waits for it on one thread: the kernel's parent-death signal is bound to the thread that
// started the child, and would otherwise come when the Go runtime retires that thread.
func (p *process) run(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := p.cmd.Start()
	started <- err
	if err != nil {
		return
	}
	p.err = p.cmd.Wait()
	if p.err == nil {
		p.err = errors.New("exit status 0")
	}
	close(p.done)
}

// stop asks the process to end, waits up to limit, and then kills its group. The error tells that it had to.
func (p *process) stop(limit time.Duration) error {
	p.stdin.Close()
	var err error
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-p.done:
	case <-timer.C:
		err = fmt.Errorf("the engine did not end within %v and was killed", limit)
	}
	// Also after a graceful end: whatever the leader may have left of its group goes too.
	if killErr := syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL); killErr != nil && !errors.Is(killErr, syscall.ESRCH) {
		err = errors.Join(err, killErr)
	}
	<-p.done
	return err
}
