package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// cpuTime is what this process has used so far, user and system, of all its threads.
func cpuTime() (time.Duration, error) {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0, err
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()), nil
}

// clockTick is the unit of the times in /proc/PID/stat: Linux shows them in hundredths of a second whatever it counts in.
const clockTick = 10 * time.Millisecond

// cpuTimeOf is what a process and its children have used so far, read off Linux's /proc; an error on other systems.
func cpuTimeOf(pid int) (time.Duration, error) {
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0, err
	}
	var total time.Duration
	found := false
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		self, parent, used, err := parseStat(string(text))
		if err != nil {
			return 0, fmt.Errorf("%s: %w", file, err)
		}
		if self == pid || parent == pid {
			total += used
			found = true
		}
	}
	if !found {
		return 0, fmt.Errorf("no process %d in /proc", pid)
	}
	return total, nil
}

// parseStat reads /proc/PID/stat (proc(5)): pid, (name), state, parent, and as 14th and 15th fields user and system time.
func parseStat(text string) (pid, parent int, used time.Duration, err error) {
	first, _, _ := strings.Cut(text, " ")
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:]) // a name may hold spaces and parentheses
	if len(fields) < 13 {
		return 0, 0, 0, errors.New("too few fields")
	}
	var user, system int
	var errs [4]error
	pid, errs[0] = strconv.Atoi(first)
	parent, errs[1] = strconv.Atoi(fields[1])
	user, errs[2] = strconv.Atoi(fields[11])
	system, errs[3] = strconv.Atoi(fields[12])
	return pid, parent, time.Duration(user+system) * clockTick, errors.Join(errs[:]...)
}

// quantile is the value below which a share q of the values lie, by the nearest rank; of none it is 0.
func quantile[T int64 | float64 | time.Duration](values []T, q float64) T {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

func median[T int64 | float64 | time.Duration](values []T) T { return quantile(values, .5) }
