// A server of the benchmark of HTTP on net/http: GET / is a small text.
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
)

func main() {
	routes := http.NewServeMux()
	routes.HandleFunc("/", func(answer http.ResponseWriter, request *http.Request) {
		if request.URL.Path != "/" {
			http.NotFound(answer, request)
			return
		}
		answer.Header().Set("Content-Type", "text/plain; charset=utf-8")
		io.WriteString(answer, "Hello, World!")
	})
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err == nil {
		fmt.Println("PORT", listener.Addr().(*net.TCPAddr).Port)
		err = http.Serve(listener, routes)
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
