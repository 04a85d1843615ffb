// The network benchmark on goroutines: net echo|http|churn|tls
package main

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"net"
	"os"
)

const response = "HTTP/1.1 200 OK\r\nContent-Length: 13\r\nContent-Type: text/plain\r\n\r\nHello, World!"

// requests finds the ends of requests, which are empty lines, in the pieces in which they come.
type requests struct{ line int }

func (r *requests) endedBy(piece []byte) int {
	ended := 0
	for {
		end := bytes.IndexByte(piece, '\n')
		if end < 0 {
			r.line += len(piece)
			return ended
		}
		if r.line+end <= 1 {
			ended++
		}
		r.line = 0
		piece = piece[end+1:]
	}
}

func echo(connection net.Conn, buffer []byte) {
	for {
		n, err := connection.Read(buffer)
		if err != nil {
			return
		}
		if _, err = connection.Write(buffer[:n]); err != nil {
			return
		}
	}
}

func http(connection net.Conn, buffer []byte) {
	one := []byte(response)
	var found requests
	for {
		n, err := connection.Read(buffer)
		if err != nil {
			return
		}
		for i := found.endedBy(buffer[:n]); i > 0; i-- {
			if _, err = connection.Write(one); err != nil {
				return
			}
		}
	}
}

// listen has Go's own defaults: TCP_NODELAY, and the longest backlog.
func listen(mode string) (net.Listener, error) {
	if mode != "tls" {
		return net.Listen("tcp4", "127.0.0.1:0")
	}
	pair, err := tls.LoadX509KeyPair(os.Getenv("BENCH_NET_CERTIFICATE"), os.Getenv("BENCH_NET_KEY"))
	if err != nil {
		return nil, err
	}
	settings := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS13}
	return tls.Listen("tcp4", "127.0.0.1:0", settings)
}

func main() {
	mode := os.Args[1]
	serve, size := echo, 16<<10
	switch mode {
	case "echo":
		size = 256 << 10
	case "http":
		serve = http
	}
	listener, err := listen(mode)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("PORT", listener.Addr().(*net.TCPAddr).Port)
	for {
		connection, err := listener.Accept()
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		go func() {
			defer connection.Close()
			serve(connection, make([]byte, size))
		}()
	}
}
