package main

import (
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"syscall"
)

// reaper collects every child: the commands, and as pid 1 also the orphans,
// such as the monitors of containers.
type reaper struct {
	mu    sync.Mutex
	ended map[int]chan int // by pid
}

func newReaper() *reaper {
	r := &reaper{ended: map[int]chan int{}}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGCHLD)
	go func() {
		for range signals {
			r.collect()
		}
	}()
	return r
}

// start starts the command; its exit code comes over the channel.
func (r *reaper) start(cmd *exec.Cmd) (<-chan int, error) {
	r.mu.Lock() // so that collect does not find the pid before it is known
	defer r.mu.Unlock()
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	ended := make(chan int, 1)
	r.ended[cmd.Process.Pid] = ended
	return ended, nil
}

func (r *reaper) collect() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || pid <= 0 {
			return
		}
		ended, ok := r.ended[pid]
		if !ok {
			continue
		}
		delete(r.ended, pid)
		if status.Signaled() {
			ended <- 128 + int(status.Signal())
		} else {
			ended <- status.ExitStatus()
		}
	}
}
