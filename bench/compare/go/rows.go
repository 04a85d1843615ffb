package main

// The harness: what a row is, how it is measured, and the command line.

import (
	"fmt"
	"os"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// figures are nanoseconds per operation, or whatever else the row measures.
type figures struct {
	wall, cpu  float64
	operations int
}

type row struct {
	name    string
	n       int
	measure func(n int) figures
}

// check ends the program unless a row's result is right.
func check(right bool, what string) {
	if !right {
		fmt.Fprintln(os.Stderr, "wrong result:", what)
		os.Exit(1)
	}
}

func cpuTime() time.Duration {
	var usage syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &usage) == nil, "getrusage")
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func timed(work func(n int) int, n int) figures {
	wall, cpu := time.Now(), cpuTime()
	operations := work(n)
	usedCPU, usedWall := cpuTime()-cpu, time.Since(wall)
	return figures{
		wall:       float64(usedWall.Nanoseconds()) / float64(operations),
		cpu:        float64(usedCPU.Nanoseconds()) / float64(operations),
		operations: operations,
	}
}

// once is for work too long to repeat.
func once(work func(n int) int) func(n int) figures {
	return func(n int) figures { return timed(work, n) }
}

// repeated gives the medians after a warm-up of 3 to 15 repetitions, as many as 150 ms take.
func repeated(work func(n int) int) func(n int) figures {
	return func(n int) figures {
		work(n)
		enough := time.Now().Add(150 * time.Millisecond)
		var wall, cpu []float64
		var last figures
		for len(wall) < 3 || (len(wall) < 15 && time.Now().Before(enough)) {
			last = timed(work, n)
			wall, cpu = append(wall, last.wall), append(cpu, last.cpu)
		}
		return figures{median(wall), median(cpu), last.operations}
	}
}

func median(values []float64) float64 {
	sort.Float64s(values)
	return values[len(values)/2]
}

// peakMemory does not ask getrusage, whose figure starts from that of the process that started
// this one.
func peakMemory() int {
	status, err := os.ReadFile("/proc/self/status")
	check(err == nil, "/proc/self/status")
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	kilobytes, err := strconv.Atoi(strings.Fields(rest)[0])
	check(err == nil, "VmHWM")
	return kilobytes * 1024
}

// run is the command line; it returns the exit code.
func run(arguments []string, rows []row) int {
	wanted := append(arguments, "")[0]
	var names []string
	for _, r := range rows {
		if r.name == wanted {
			r.print(arguments[1:])
			return 0
		}
		names = append(names, r.name)
	}
	if wanted == "--list" {
		fmt.Println(strings.Join(names, "\n"))
		return 0
	}
	fmt.Fprintf(os.Stderr, "no row %q; there are: %s\n", wanted, strings.Join(names, " "))
	return 2
}

func (r row) print(arguments []string) {
	n := r.n
	if len(arguments) > 0 {
		var err error
		n, err = strconv.Atoi(arguments[0])
		check(err == nil, "the number of operations")
	}
	f := r.measure(n)
	fmt.Printf("%s\t%.3f\t%.3f\t%d\n", r.name, f.wall, f.cpu, f.operations)
}
