// The micro benchmark on goroutines.
package main

import (
	"context"
	"math/rand"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

//go:noinline
func one() int64 { return 1 }

// randomDelay makes a source of milliseconds below 1,000, the same ones in every run.
func randomDelay() func() time.Duration {
	source := rand.New(rand.NewSource(42))
	return func() time.Duration { return time.Duration(source.Intn(1000)) * time.Millisecond }
}

// sleep is time.Sleep that a context can end.
func sleep(ctx context.Context, delay time.Duration) error {
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func createTask(n int) int {
	var sum int64
	result := make(chan int64)
	for i := 0; i < n; i++ {
		go func() { result <- one() }()
		sum += <-result
	}
	check(sum == int64(n), "sum")
	return n
}

func createAll(n int) int {
	var sum atomic.Int64
	var tasks sync.WaitGroup
	tasks.Add(n)
	for i := 0; i < n; i++ {
		go func() {
			sum.Add(one())
			tasks.Done()
		}()
	}
	tasks.Wait()
	check(sum.Load() == int64(n), "sum")
	return n
}

// yield has each of several goroutines yield n times.
func yield(goroutines, n int) int {
	var yields atomic.Int64
	var tasks sync.WaitGroup
	tasks.Add(goroutines)
	for i := 0; i < goroutines; i++ {
		go func() {
			for j := 0; j < n; j++ {
				runtime.Gosched()
			}
			yields.Add(int64(n))
			tasks.Done()
		}()
	}
	tasks.Wait()
	check(yields.Load() == int64(goroutines*n), "yields")
	return goroutines * n
}

func sleeps(n int) int {
	delay := randomDelay()
	var sum atomic.Int64
	var tasks sync.WaitGroup
	tasks.Add(n)
	for i := 0; i < n; i++ {
		go func(delay time.Duration) {
			time.Sleep(delay)
			sum.Add(one())
			tasks.Done()
		}(delay())
	}
	tasks.Wait()
	check(sum.Load() == int64(n), "sum")
	return n
}

func timerCancel(n int) int {
	delay := randomDelay()
	var fired atomic.Int64
	timers := make([]*time.Timer, n)
	for i := range timers {
		timers[i] = time.AfterFunc(time.Second+delay(), func() { fired.Add(1) })
	}
	cancelled := 0
	for _, timer := range timers {
		if timer.Stop() {
			cancelled++
		}
	}
	check(cancelled == n && fired.Load() == 0, "cancelled timers")
	return n
}

func threadsafe(n int) int {
	posts := make(chan int64, 1024)
	go func() {
		for i := 0; i < n; i++ {
			posts <- 1
		}
		close(posts)
	}()
	var sum int64
	for post := range posts {
		sum += post
	}
	check(sum == int64(n), "sum")
	return n
}

func toThread(n int) int {
	calls, results := make(chan func() int64), make(chan int64)
	go func() {
		runtime.LockOSThread()
		for call := range calls {
			results <- call()
		}
	}()
	var sum int64
	for i := 0; i < n; i++ {
		calls <- one
		sum += <-results
	}
	close(calls)
	check(sum == int64(n), "sum")
	return n
}

func cancel(n int) int {
	var cancelled atomic.Int64
	var started, tasks sync.WaitGroup
	started.Add(n)
	tasks.Add(n)
	cancels := make([]context.CancelFunc, n)
	for i := range cancels {
		ctx, cancel := context.WithCancel(context.Background())
		cancels[i] = cancel
		go func() {
			started.Done()
			if sleep(ctx, 100*time.Second) == context.Canceled {
				cancelled.Add(1)
			}
			tasks.Done()
		}()
	}
	started.Wait()
	for _, cancel := range cancels {
		cancel()
	}
	tasks.Wait()
	check(cancelled.Load() == int64(n), "cancelled tasks")
	return n
}

func timeout(n int) int {
	var sum int64
	for i := 0; i < n; i++ {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		sum += one()
		check(ctx.Err() == nil, "timed out")
		cancel()
	}
	check(sum == int64(n), "sum")
	return n
}

func lockFree(n int) int {
	var lock sync.Mutex
	count := 0
	for i := 0; i < n; i++ {
		lock.Lock()
		count++
		lock.Unlock()
	}
	check(count == n, "count")
	return n
}

// lockHanded takes a channel of one for the lock: it hands itself to who waits longest, where a
// Mutex lets who has unlocked it lock it again before those it has woken.
func lockHanded(n int) int {
	const users = 100
	lock := make(chan struct{}, 1)
	lock <- struct{}{}
	count := 0
	var started, tasks sync.WaitGroup
	started.Add(users)
	tasks.Add(users)
	for i := 0; i < users; i++ {
		go func() {
			started.Done()
			for j := 0; j < n/users; j++ {
				lock <- struct{}{}
				count++
				<-lock
			}
			check(count > n/2, "turns") // exactly in turn but for those that were preempted
			tasks.Done()
		}()
	}
	started.Wait()
	<-lock
	tasks.Wait()
	check(count == n/users*users, "count")
	return count
}

// throughChannel has several goroutines send n items in all, and as many receive them.
func throughChannel(capacity, pairs, n int) int {
	items := make(chan int64, capacity)
	var sum atomic.Int64
	var senders, receivers sync.WaitGroup
	senders.Add(pairs)
	receivers.Add(pairs)
	for i := 0; i < pairs; i++ {
		go func() {
			for j := 0; j < n/pairs; j++ {
				items <- 1
			}
			senders.Done()
		}()
		go func() {
			var received int64
			for item := range items {
				received += item
			}
			sum.Add(received)
			receivers.Done()
		}()
	}
	senders.Wait()
	close(items)
	receivers.Wait()
	check(sum.Load() == int64(n/pairs*pairs), "sum")
	return n / pairs * pairs
}

func eventSet(n int) int {
	const waiters = 1000
	var lock sync.Mutex
	event := sync.NewCond(&lock)
	count, waiting := 0, 0
	var tasks sync.WaitGroup
	tasks.Add(waiters)
	for i := 0; i < waiters; i++ {
		go func() {
			lock.Lock()
			for j := 0; j < n/waiters; j++ {
				waiting++
				event.Wait()
				count++
			}
			lock.Unlock()
			tasks.Done()
		}()
	}
	lock.Lock()
	for i := 0; i < n/waiters; i++ {
		for waiting < waiters {
			lock.Unlock()
			runtime.Gosched()
			lock.Lock()
		}
		waiting = 0
		event.Broadcast()
	}
	lock.Unlock()
	tasks.Wait()
	check(count == n/waiters*waiters, "count")
	return count
}

func memory(n int) figures {
	before := peakMemory()
	var started sync.WaitGroup
	started.Add(n)
	for i := 0; i < n; i++ {
		go func() {
			started.Done()
			time.Sleep(100 * time.Second)
		}()
	}
	started.Wait()
	each := float64(peakMemory()-before) / float64(n)
	return figures{each, each, n}
}

func main() {
	runtime.GOMAXPROCS(1)
	yield1 := func(n int) int { return yield(1, n) }
	yield1000 := func(n int) int { return yield(1000, n/1000) }
	queuePingpong := func(n int) int { return throughChannel(1, 1, n) }
	channel := func(n int) int { return throughChannel(1024, 4, n) }
	os.Exit(run(os.Args[1:], []row{
		{"create_task", 500_000, repeated(createTask)},
		{"create_all", 250_000, repeated(createAll)},
		{"yield_1", 3_000_000, repeated(yield1)},
		{"yield_1000", 3_000_000, repeated(yield1000)},
		{"sleeps", 1_000_000, once(sleeps)},
		{"timer_cancel", 1_000_000, repeated(timerCancel)},
		{"threadsafe", 1_000_000, repeated(threadsafe)},
		{"to_thread", 20_000, repeated(toThread)},
		{"cancel", 25_000, repeated(cancel)},
		{"timeout", 250_000, repeated(timeout)},
		{"lock_free", 10_000_000, repeated(lockFree)},
		{"lock_handed", 500_000, repeated(lockHanded)},
		{"queue_pingpong", 1_000_000, repeated(queuePingpong)},
		{"channel", 2_000_000, repeated(channel)},
		{"event_set", 500_000, repeated(eventSet)},
		{"memory", 300_000, memory},
	}))
}
