package main

import (
	"runtime"
	"time"
)

// contender does the same job as its rivals, its own way. Work does it once and returns how many units that was.
type contender struct {
	name string
	work func() (int, error)

	rates       []float64 // units a second of CPU time, by turn
	allocations float64   // a unit, of the last turn
	bytes       float64   // allocated a unit, of the last turn
}

// contestTurn is how long a contender works at a time.
const contestTurn = 200 * time.Millisecond

// contest lets contenders that run on one core work in turns; the first turn warms up. CPU time is measured, not the
// clock: on a busy machine the clock tells of the neighbours.
func contest(contenders []contender, rounds int) error {
	for turn := range rounds + 1 {
		for i := range contenders {
			if err := contenders[i].turn(turn > 0); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *contender) turn(counts bool) error {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	used, err := cpuTime()
	if err != nil {
		return err
	}
	units := 0
	for begun := time.Now(); time.Since(begun) < contestTurn; {
		n, err := c.work()
		if err != nil {
			return err
		}
		units += n
	}
	now, err := cpuTime()
	if err != nil || !counts {
		return err
	}
	runtime.ReadMemStats(&after)
	c.rates = append(c.rates, float64(units)/(now-used).Seconds())
	c.allocations = float64(after.Mallocs-before.Mallocs) / float64(units)
	c.bytes = float64(after.TotalAlloc-before.TotalAlloc) / float64(units)
	return nil
}
