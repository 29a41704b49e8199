package main

import (
	"slices"
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

// quantile is the value below which a share q of the values lie, by the nearest rank; of none it is 0.
func quantile[T int64 | float64 | time.Duration](values []T, q float64) T {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

func median[T int64 | float64 | time.Duration](values []T) T { return quantile(values, .5) }
