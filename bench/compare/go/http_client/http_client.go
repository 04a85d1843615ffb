// A client of the benchmark of HTTP on net/http; bench/http/plan.hpp says what it is asked.
package main

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const bodySize = 100

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		fail(err)
	}
	return n
}

// get reads the answer to its end, so that the connection can be used again.
func get(client *http.Client, url string) {
	answer, err := client.Get(url)
	if err != nil {
		fail(err)
	}
	body, err := io.ReadAll(answer.Body)
	answer.Body.Close()
	if err != nil || answer.StatusCode != 200 || len(body) != bodySize {
		fail(fmt.Errorf("an answer with status %d and %d bytes, %v", answer.StatusCode, len(body), err))
	}
}

// askAll has so many goroutines ask while take allows another request.
func askAll(client *http.Client, url string, tasks int, take func() bool) int64 {
	var all sync.WaitGroup
	var answered int64
	for i := 0; i < tasks; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			for take() {
				get(client, url)
				atomic.AddInt64(&answered, 1)
			}
		}()
	}
	all.Wait()
	return answered
}

func atMost(requests int64) func() bool {
	return func() bool { return atomic.AddInt64(&requests, -1) >= 0 }
}

func main() {
	arguments := os.Args[1:]
	origin := "http://127.0.0.1:" + arguments[0]
	tasks, connections, amount := number(arguments[2]), number(arguments[3]), arguments[4]
	client := &http.Client{Transport: &http.Transport{
		MaxIdleConns:        connections,
		MaxIdleConnsPerHost: connections,
		MaxConnsPerHost:     connections,
	}}
	warming := int64(1)
	timed := strings.HasSuffix(amount, "s")
	if timed || strings.HasSuffix(amount, "w") {
		warming = int64(tasks)
	}
	askAll(client, origin+"/", tasks, atMost(warming))
	fmt.Println("READY")
	input := bufio.NewReader(os.Stdin)
	input.ReadString('\n')
	began := time.Now()
	var take func() bool
	if timed {
		limit, err := time.ParseDuration(amount)
		if err != nil {
			fail(err)
		}
		take = func() bool { return time.Since(began) < limit }
	} else {
		take = atMost(int64(number(strings.TrimSuffix(amount, "w"))))
	}
	answered := askAll(client, origin+arguments[1], tasks, take)
	fmt.Printf("{\"operations\": %d, \"nanoseconds\": %d}\n", answered, time.Since(began).Nanoseconds())
	input.ReadString('\n')
}
