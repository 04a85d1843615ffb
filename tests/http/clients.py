#!/usr/bin/env python3
"""Foreign clients talk to examples/http_server: curl, wrk, Python's own, and a browser.

Usage: clients.py DIR [NAME...]      as tests/net/clients.py, whose tools these are
"""
import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "net"))
import clients as net  # noqa: E402
from clients import BYTES, LIMIT, Process, Server, Skipped, check, equal, need, run  # noqa: E402


def serve() -> Server:
    return Server("http_server", "serve", "0")


def curl(server: Server, *arguments: str, data: bytes = b"") -> subprocess.CompletedProcess:
    """The last argument is a path."""
    need("curl")
    *options, path = arguments
    return run("curl", "-sS", "--max-time", str(int(LIMIT)), *options,
               f"http://127.0.0.1:{server.port}{path}", data=data)


def numbers(n: int) -> bytes:
    return b"".join(b"%d\n" % i for i in range(1, n + 1))


def curl_keep_alive() -> None:
    with serve() as server:
        url = f"http://127.0.0.1:{server.port}/hello"
        done = curl(server, "-v", url + "?name=a", url + "?name=b", "/hello?name=c")
        equal(done.stdout, b"hello a\nhello b\nhello c\n")
        equal(len(re.findall(rb"Re-using existing connection", done.stderr)), 2)
        equal(len(re.findall(rb"Connected to", done.stderr)), 1)


def curl_upload() -> None:
    with serve() as server:
        size = b"%d bytes\n" % len(BYTES)
        equal(curl(server, "--data-binary", "@-", "/upload", data=BYTES).stdout, size)
        chunked = ("-H", "Transfer-Encoding: chunked", "--data-binary", "@-")
        equal(curl(server, *chunked, "/upload", data=BYTES).stdout, size)
        done = curl(server, "-v", "-H", "Expect: 100-continue", "--expect100-timeout", "15",
                    "--data-binary", "@-", "/upload", data=BYTES)
        equal(done.stdout, size)
        check(b"< HTTP/1.1 100 Continue" in done.stderr, done.stderr)


def curl_too_large() -> None:
    """The answer is read, although the server does not read what is sent."""
    with serve() as server:
        for expect in ("Expect:", "Expect: 100-continue"):
            done = curl(server, "-X", "PUT", "-H", expect, "--data-binary", "@-", "-w",
                        " %{http_code}", "/users/x", data=BYTES)
            equal(done.stdout, b"the body is too long\n 413")


def curl_http10() -> None:
    with serve() as server:
        done = curl(server, "--http1.0", "-i", "/count/10000")
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        equal(content, numbers(10000))
        check(b"chunked" not in head, head)
        equal(curl(server, "--http1.0", "/hello").stdout, b"hello world\n")


def curl_head() -> None:
    with serve() as server:
        done = curl(server, "-I", "/hello")
        check(done.stdout.startswith(b"HTTP/1.1 200 OK\r\n"), done.stdout)
        check(b"\r\nContent-Length: 12\r\n" in done.stdout, done.stdout)
        check(done.stdout.endswith(b"\r\n\r\n"), done.stdout)


def curl_streamed() -> None:
    with serve() as server:
        equal(curl(server, "/count/300000").stdout, numbers(300000))
        equal(curl(server, "--limit-rate", "500K", "/count/100000").stdout, numbers(100000))
        equal(curl(server, "-o", os.devnull, "-w", "%{http_code}", "/count/x").stdout, b"400")


def curl_redirect() -> None:
    with serve() as server:
        equal(curl(server, "-L", "/old/hello").stdout, b"hello world\n")


def curl_events() -> None:
    need("curl")
    with serve() as server, Process("curl", "-sSN",
                                    f"http://127.0.0.1:{server.port}/clock?ms=20") as client:
        client.read_until(b"event: tick\nid: 3\ndata: tick 3\n\n")


def python_pipelining() -> None:
    with serve() as server, \
            socket.create_connection(("127.0.0.1", int(server.port)), LIMIT) as client:
        client.sendall(b"".join(b"GET /hello?name=%d HTTP/1.1\r\nHost: h\r\n\r\n" % i
                                for i in range(1000)))
        client.shutdown(socket.SHUT_WR)
        answers = b""
        while data := client.recv(65536):
            answers += data
        equal(re.findall(rb"hello (\d+)\n", answers), [b"%d" % i for i in range(1000)])


def python_client() -> None:
    with serve() as server:
        connection = http.client.HTTPConnection("127.0.0.1", int(server.port), timeout=LIMIT)
        for i in range(5):
            connection.request("PUT", f"/users/{i}", body=f"user {i}")
            answer = connection.getresponse()
            equal((answer.status, answer.read()), (201, b"saved\n"))
            connection.request("GET", f"/users/{i}")
            check(f'"user {i}"'.encode() in connection.getresponse().read(), i)
            connection.request("POST", "/upload", body=iter([b"abc", b"de"]), encode_chunked=True,
                               headers={"Transfer-Encoding": "chunked"})
            equal(connection.getresponse().read(), b"5 bytes\n")
        connection.close()


def wrk() -> None:
    need("wrk")
    with serve() as server, tempfile.TemporaryDirectory() as folder:
        pipelined = os.path.join(folder, "pipelined.lua")
        with open(pipelined, "w", encoding="utf-8") as script:
            script.write('init = function() local r = wrk.format("GET", "/hello")\n'
                         "requests = r .. r .. r .. r .. r .. r .. r .. r end\n"
                         "request = function() return requests end\n")
        for options, path in (((), "/hello"), (("-s", pipelined), "/hello"), ((), "/count/1000")):
            done = run("wrk", "-t1", "-c20", "-d1s", *options,
                       f"http://127.0.0.1:{server.port}{path}")
            text = done.stdout.decode()
            requests = re.search(r"(\d+) requests in", text)
            check(requests and int(requests[1]) > 100, text)
            check("Socket errors" not in text and "Non-2xx" not in text, text)


def graceful() -> None:
    """A download that has begun is finished, then the server ends."""
    need("curl")
    with serve() as server, \
            Process("curl", "-sS", "--limit-rate", "1M",
                    f"http://127.0.0.1:{server.port}/count/150000") as client, \
            socket.create_connection(("127.0.0.1", int(server.port)), LIMIT) as idle:
        client.read_until(b"\n2\n")
        server.process.send_signal(signal.SIGTERM)
        equal(idle.recv(1), b"")
        client.rest()
        equal(client.process.wait(LIMIT), 0)
        check(client.read_so_far.endswith(b"\n149999\n150000\n"), client.read_so_far[-100:])
        equal(server.process.wait(LIMIT), 143)
        server.process.poll = lambda: None  # it is no crash
        server.stop = lambda: None


def wrong_input() -> None:
    for arguments, why in (("serve", "usage: "), ("serve x", 'not "x"'), ("x 1", "usage: ")):
        done = run(os.path.join(net.EXAMPLES, "http_server"), *arguments.split(" "), code=None)
        check(done.returncode in (1, 2) and why in done.stderr.decode(), done)


FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--dump-dom")


def browser() -> None:
    """A page that fetches JSON and listens to events, and writes what it gets into itself."""
    need("chromium")
    with serve() as server, tempfile.TemporaryDirectory() as profile:
        # The time of the page stands still while it waits for us: until it is told the last event.
        done = subprocess.run(["chromium", *FLAGS, f"--user-data-dir={profile}",
                               "--virtual-time-budget=2000",
                               f"http://127.0.0.1:{server.port}/?last=3"],
                              capture_output=True, timeout=50, check=False,
                              stdin=subprocess.DEVNULL)
        page = done.stdout.decode(errors="replace")
        check('<p id="user">Ada Lovelace</p>' in page, page + done.stderr.decode()[-2000:])
        check('<p id="tick">tick 3</p>' in page, page)


net.TESTS = (curl_keep_alive, curl_upload, curl_too_large, curl_http10, curl_head, curl_streamed,
             curl_redirect, curl_events, python_pipelining, python_client, wrk, graceful,
             wrong_input, browser)

if __name__ == "__main__":
    sys.exit(net.main())
